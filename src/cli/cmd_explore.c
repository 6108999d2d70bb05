/* tandem explore - accelerators for given networks: the front of latency, energy and area, and heat
 * maps of two parameters. It is a search (tandem/study.h) whose recipe the command line writes. */
#include "cli.h"

#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "cli_option.h"
#include "cli_progress.h"
#include "explore_result.h"

enum { OPT_HW = 1000, OPT_SET, OPT_VARY, OPT_COMBINE, OPT_HEAT, OPT_OBJECTIVE, OPT_BATCH, OPT_DRY };

static error_t parse(int key, char *arg, struct argp_state *state) {
    explore_ask *q = state->input;
    if (cli_net_option(&q->net, key, arg, state)) return 0;
    if (cli_limit_option(&q->limits, key, arg, state)) return 0;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = &q->search; return 0;
    case 'o': q->search.out = arg; return 0;
    case OPT_HW:
        if (q->hw != NULL)
            argp_error(state, "one --hw to vary; `tandem eval` tells given accelerators side by "
                              "side");
        q->hw = arg;
        return 0;
    case OPT_SET:
        if (!cli_set_add(&q->set, arg)) argp_error(state, "--set: at most %d", CLI_MOST_SET);
        return 0;
    case OPT_VARY:
        if (q->n_vary == EXPLORE_MOST_VARY)
            argp_error(state, "--vary: at most %d", EXPLORE_MOST_VARY);
        q->vary[q->n_vary++] = arg;
        return 0;
    case OPT_HEAT:
        if (q->n_heat == EXPLORE_MOST_HEAT)
            argp_error(state, "--heat: at most %d", EXPLORE_MOST_HEAT);
        q->heat[q->n_heat++] = arg;
        return 0;
    case OPT_COMBINE:
        if (strcmp(arg, "sum") != 0 && strcmp(arg, "worst") != 0)
            argp_error(state, "--combine: expected sum or worst, found \"%s\"", arg);
        q->combine = arg;
        return 0;
    case OPT_OBJECTIVE:
        if (strcmp(arg, "latency") != 0 && strcmp(arg, "energy") != 0)
            argp_error(state, "--objective: expected latency or energy, found \"%s\"", arg);
        q->energy = strcmp(arg, "energy") == 0;
        return 0;
    case OPT_BATCH: q->batch = (int)cli_option_int(state, "batch", arg, 1, 65536); return 0;
    case OPT_DRY: q->dry_run = true; return 0;
    case ARGP_KEY_ARG:
        if (q->n_nets == TD_MAX_WORKLOAD) argp_error(state, "at most %d NETs", TD_MAX_WORKLOAD);
        q->nets[q->n_nets++] = arg;
        return 0;
    case ARGP_KEY_END:
        if (q->n_nets == 0) argp_error(state, "expected a NET (a name or a file)");
        if (q->hw == NULL)
            argp_error(state, "expected --hw NAME or FILE (`tandem list accelerators`)");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static td_status print(const explore_result *x, td_arena *a, td_text *out) {
    if (x->ask->search.format == CLI_JSON) {
        td_node_to_json(explore_node(x, a), 2, out);
        td_text_add(out, "\n");
    } else if (x->ask->search.format == CLI_CSV) {
        explore_csv(x, a, out);
    } else {
        explore_table(x, a, out);
    }
    return TD_OK;
}

static td_status run(explore_ask *q, td_arena *a, td_text *out, td_error *err) {
    td_recipe *r = NULL;
    const td_node *doc = NULL;
    td_space *space = NULL;
    td_run_summary sum = {0};
    td_text about = {0};
    explore_result x;
    int pair[EXPLORE_MOST_HEAT][2], pairs;
    td_status s = explore_recipe(q, a, &r, &doc, &space, err);
    if (s == TD_OK) s = explore_heat_find(q, doc, space, a, pair, &pairs, err);
    if (s == TD_OK) s = td_recipe_describe(r, q->dry_run ? out : &about, err);
    if (s == TD_OK && q->dry_run) {
        td_work work = td_recipe_work(r, q->search.threads * q->search.workers, 0);
        s = cli_add_estimate(r, &work, out, err);
    } else if (s == TD_OK) {
        if (!q->search.quiet && about.data != NULL) fputs(about.data, stderr);
        s = cli_search_go(r, &q->search, &sum, err);
        if (s == TD_OK) s = explore_read(q, doc, space, a, &x, err);
        if (s == TD_OK) s = explore_files(&x, a, err);
        if (s == TD_OK) s = print(&x, a, out);
        if (s == TD_OK && x.n > 0 && x.count[TD_RESULT_UNBUILT] == x.n)
            s = td_fail(err, TD_E_INFEASIBLE,
                        "none of %d accelerators can be built; the first one: %s", x.n,
                        x.trial[0].error != NULL ? x.trial[0].error : "no reason is known");
        else if (s == TD_OK && x.n_front == 0)
            s = td_fail(err, TD_E_INFEASIBLE, "no accelerator is within the limits; all are in %s",
                        q->search.out);
    }
    td_text_free(&about);
    td_run_summary_free(&sum);
    td_recipe_destroy(r);
    return s;
}

int cmd_explore(int argc, char **argv) {
    static const struct argp_option argp_options[] = {
        {"hw", OPT_HW, "HW[,KEY=VALUE...]", 0, "the accelerator: a shipped name or a file", 0},
        {"set", OPT_SET, "KEY=VALUE", 0,
         "another value for a key of the accelerator's file (repeatable)", 0},
        {"vary", OPT_VARY, "KEY[=V,V,...]", 0,
         "what of it varies: DRAM.bandwidth=1x,2x,4x; without values those of the file "
         "(repeatable; default: all of the file's `space:`)",
         0},
        {"combine", OPT_COMBINE, "HOW", 0,
         "of several NETs: sum (mean by the weights, default) or worst", 0},
        CLI_LIMIT_OPTIONS,
        {"heat", OPT_HEAT, "X,Y", 0,
         "heat maps of two of what varies, the best over all others (repeatable; of two things "
         "that vary by itself)",
         0},
        {"objective", OPT_OBJECTIVE, "WHAT", 0,
         "latency (default) or energy: what each schedule minimises", 0},
        {"batch", OPT_BATCH, "N", 0, "samples per inference (1)", 0},
        CLI_NET_OPTIONS,
        {"out", 'o', "DIR", 0, "results folder (default results/explore-...); resumes", 0},
        {"dry-run", OPT_DRY, 0, 0, "say what would be looked at and about how long it takes", 0},
        {0}};
    static const struct argp_child children[] = {{&cli_search_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {
        argp_options,
        parse,
        "NET[:WEIGHT]...",
        "Accelerators for one or several networks: all that --vary makes of one description, if "
        "these are no more than --trials (2000), else a search of so many. Tells the front of "
        "latency, energy and area within the limits and writes it with pictures into the results "
        "folder. The same command goes on where it stopped. NET is named as for `tandem eval`.\v"
        "Examples:\n"
        "  tandem explore a.onnx:0.7 b.onnx --hw edge --vary local_kb --vary io_gbps\n"
        "  tandem explore resnet50 --hw simba --vary DRAM.bandwidth=1x,2x,4x\n"
        "  tandem explore resnet50 --hw edge --max-area 60mm2 --trials 500\n"
        "  tandem explore handmade C --combine worst --hw micro --heat local_kb,io_gbps",
        children,
        0,
        0};
    explore_ask q = {.net.width = 1, .search = {.format = CLI_TABLE, .workers = 1, .csv = true}};
    cli_limits_init(&q.limits);
    argp_parse(&argp, argc, argv, 0, NULL, &q);

    td_arena *a = td_arena_create();
    td_text out = {0};
    td_error err = {0};
    td_status s = a != NULL ? run(&q, a, &out, &err) : td_fail(&err, TD_E_MEMORY, "out of memory");
    int code = out.size > 0 ? cli_print(&out) : 0;
    if (s != TD_OK && code == 0) code = cli_fail(&err);
    td_text_free(&out);
    td_arena_destroy(a);
    return code;
}

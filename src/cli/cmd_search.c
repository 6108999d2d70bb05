/* tandem search - runs a recipe: progress on stderr, the result table on stdout, the results
 * folder. */
#include "cli.h"

#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli_progress.h"
#include "search_workload.h"
#include "tandem/report.h"
#include "tandem/study.h"

typedef struct {
    const char *recipe, *out;
    int threads;
    int64_t trials;
    bool dry_run, quiet;
    cli_format format;
    search_workload workload;
    cli_set set;
} options;

enum { OPT_DRY_RUN = 1000, OPT_THREADS, OPT_TRIALS, OPT_SET, OPT_WORKLOAD, OPT_COMBINE };

static int64_t number_arg(struct argp_state *state, const char *name, const char *arg, int64_t hi) {
    char *end;
    errno = 0;
    long long v = strtoll(arg, &end, 10);
    if (*arg == '\0' || *end != '\0' || errno != 0 || v < 1 || v > hi)
        argp_error(state, "--%s: expected an integer from 1 to %lld, found \"%s\"", name,
                   (long long)hi, arg);
    return v;
}

static error_t parse(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    switch (key) {
    case 'o': o->out = arg; return 0;
    case 'q': o->quiet = true; return 0;
    case OPT_DRY_RUN: o->dry_run = true; return 0;
    case OPT_THREADS: o->threads = (int)number_arg(state, "threads", arg, 1024); return 0;
    case OPT_TRIALS: o->trials = number_arg(state, "trials", arg, 10000000); return 0;
    case OPT_SET:
        if (!cli_set_add(&o->set, arg)) argp_error(state, "--set: at most %d", CLI_MOST_SET);
        return 0;
    case OPT_WORKLOAD:
        if (o->workload.n == TD_MAX_WORKLOAD)
            argp_error(state, "--workload: at most %d networks", TD_MAX_WORKLOAD);
        o->workload.net[o->workload.n++] = arg;
        return 0;
    case OPT_COMBINE: o->workload.combine = arg; return 0;
    case 'f':
        if (!cli_format_parse(arg, &o->format) || o->format == CLI_CSV)
            argp_error(state, "--format: expected table or json, found \"%s\"", arg);
        return 0;
    case ARGP_KEY_ARG:
        if (o->recipe != NULL) argp_error(state, "one RECIPE at a time");
        o->recipe = arg;
        return 0;
    case ARGP_KEY_END:
        if (o->recipe == NULL) argp_error(state, "expected a RECIPE (a file, or a shipped name)");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static td_status load_recipe(const options *o, td_arena *a, td_recipe **r, td_error *err) {
    enum { MOST = CLI_MOST_SET + SEARCH_WORKLOAD_OVERRIDES };
    td_override changed[MOST];
    int n = 0;
    const char *path;
    td_status s = cli_recipe_path(o->recipe, a, &path, err);
    if (s == TD_OK) s = search_workload_overrides(&o->workload, a, changed, &n, err);
    for (int i = 0; i < o->set.n; i++) changed[n++] = (td_override){NULL, o->set.value[i], "--set"};
    return s == TD_OK ? td_recipe_load_with(path, changed, n, r, err) : s;
}

int cmd_search(int argc, char **argv) {
    static const struct argp_option argp_options[] = {
        {"out", 'o', "DIR", 0, "results folder (default results/NAME); resumes what is there", 0},
        {"threads", OPT_THREADS, "N", 0, "candidates at a time (default: one per core)", 0},
        {"trials", OPT_TRIALS, "N", 0, "trials per row in place of the recipe's", 0},
        {"set", OPT_SET, "KEY=VALUE", 0, CLI_SET_HELP, 0},
        {"workload", OPT_WORKLOAD, "NET[:WEIGHT]", 0,
         "search the accelerator for this network, and for those of further --workload options "
         "(file or name; weight 1), in place of the recipe's networks",
         0},
        {"combine", OPT_COMBINE, "HOW", 0, "sum (mean by the weights) or worst, of a workload", 0},
        {"dry-run", OPT_DRY_RUN, 0, 0, "check the recipe, say what it would do and about how long",
         0},
        {"format", 'f', "FORMAT", 0, "table (default) or json", 0},
        {"quiet", 'q', 0, 0, "no progress", 0},
        {0}};
    static const struct argp argp = {
        argp_options,
        parse,
        "RECIPE",
        "Searches networks and accelerators together, as the recipe says, trains the best and "
        "writes the results folder. Ctrl-C stops after the running trials, a second one at once; "
        "the same command goes on where it stopped.\v"
        "Examples:\n"
        "  tandem search recipes/quickstart.yaml --out results/quickstart\n"
        "  tandem search my.yaml --dry-run\n"
        "  tandem search my.yaml --set seed=2 --set objective.targets.latency_us=50 --out seed-2\n"
        "  tandem search my.yaml --workload a.json:0.7 --workload b.json:0.3",
        0,
        0,
        0};
    options o = {.format = CLI_TABLE};
    argp_parse(&argp, argc, argv, 0, NULL, &o);

    td_error err = {0};
    td_recipe *r = NULL;
    td_run_summary sum = {0};
    td_text text = {0};
    int code = 0;
    td_arena *a = td_arena_create();
    if (a == NULL) {
        td_fail(&err, TD_E_MEMORY, "out of memory");
        return cli_fail(&err);
    }
    td_status s = load_recipe(&o, a, &r, &err);
    if (s == TD_OK) s = td_recipe_describe(r, &text, &err);
    if (s != TD_OK) goto end;
    if (o.dry_run) {
        td_work work = td_recipe_work(r, o.threads, o.trials);
        cli_add_estimate(r, &work, &text);
        code = cli_print(&text);
        goto end;
    }
    if (!o.quiet && text.data != NULL) fputs(text.data, stderr);

    cli_stop_on_signals();
    cli_bar b = cli_bar_begin();
    td_run_options run = {
        .out = o.out != NULL ? o.out : td_arena_printf(a, "results/%s", td_recipe_name(r)),
        .threads = o.threads,
        .max_trials = o.trials,
        .progress = o.quiet ? NULL : cli_bar_show,
        .cancelled = cli_stop_asked,
        .self = &b,
        .log = &cli_warnings};
    s = td_recipe_run(r, &run, &sum, &err);
    cli_bar_end(&b);
    if (s == TD_E_INTERRUPTED) {
        fprintf(stderr,
                "tandem: interrupted; finished trials are in %s; the same command goes on\n",
                run.out);
        code = td_status_exit_code(s);
        s = TD_OK;
        goto end;
    }
    if (s == TD_OK) s = td_report_write(r, &sum, run.out, &err);
    if (s != TD_OK) goto end;
    td_text_free(&text);
    if (o.format == CLI_JSON) {
        td_node_to_json(td_report_summary_node(r, &sum, a), 2, &text);
        td_text_add(&text, "\n");
    } else {
        td_report_summary(r, &sum, &text);
        td_text_addf(&text, "\nresults in %s", run.out);
        const td_workload *w = sum.best >= 0 ? sum.row[sum.best].design.workload : NULL;
        if (sum.best >= 0)
            td_text_addf(&text, "   (tandem eval %s/best%s%s)", run.out,
                         w != NULL ? "/networks/" : "", w != NULL ? w->name[0] : "");
        td_text_add(&text, "\n");
    }
    code = cli_print(&text);
    /* A hand-made row that misses the targets is a finding; a search that does is a failure. */
    if (code == 0 && (sum.best < 0 || !sum.row[sum.best].meets)) {
        td_fail(&err, TD_E_INFEASIBLE, "no design met the targets; the nearest ones are in %s",
                run.out);
        code = cli_fail(&err);
    }
end:
    if (s != TD_OK) code = cli_fail(&err);
    td_text_free(&text);
    td_run_summary_free(&sum);
    td_recipe_destroy(r);
    td_arena_destroy(a);
    return code;
}

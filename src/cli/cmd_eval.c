/* tandem eval - the schedule of a network on an accelerator: cost layer by layer and in all. */
#include "cli.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli_bits.h"
#include "cli_hw.h"
#include "cli_net.h"
#include "cli_option.h"
#include "eval_grid.h"
#include "eval_plot.h"
#include "eval_summary.h"
#include "eval_table.h"
#include "eval_timeline.h"
#include "next_step.h"
#include "tandem/map.h"
#include "tandem/space.h"

enum { MOST_HW = 64, MOST_WHAT_IF = 16 };

typedef struct {
    cli_net net;
    const char *nets[TD_MAX_WORKLOAD], *hws[MOST_HW], *what_if[MOST_WHAT_IF];
    int n_nets, n_hws, n_what_if;
    cli_limits limits;
    const char *combine;
    const char *bits, *cases, *timeline, *trace, *plot;
    cli_set set; /* of the accelerator */
    td_schedule_options schedule;
    bool objective, batch, nodes, layers; /* were given */
    enum { BY_FORMAT, STEPS, NO_STEPS } steps;
    cli_format format;
} options;

enum {
    OPT_HW = 1000,
    OPT_SET,
    OPT_BITS,
    OPT_OBJECTIVE,
    OPT_COLD,
    OPT_BATCH,
    OPT_NODES,
    OPT_LAYERS,
    OPT_CASES,
    OPT_STEPS,
    OPT_NO_STEPS,
    OPT_TIMELINE,
    OPT_TRACE,
    OPT_PLOT,
    OPT_WHAT_IF,
    OPT_COMBINE
};

/* Several networks, several accelerators or limits: a table of pairs in place of one of layers. */
static bool pairs(const options *o) {
    return o->n_nets > 1 || o->n_hws > 1 || o->combine != NULL || cli_limits_any(&o->limits);
}

static void check(options *o, struct argp_state *state) {
    const struct {
        const char *name;
        bool given;
    } of_one[] = {{"--cases", o->cases != NULL},
                  {"--steps", o->steps == STEPS},
                  {"--timeline", o->timeline != NULL},
                  {"--trace", o->trace != NULL},
                  {"--plot", o->plot != NULL}};
    if (o->n_nets == 0) argp_error(state, "expected a NET (a name, a file or a results folder)");
    if (o->steps == STEPS && o->format == CLI_CSV)
        argp_error(state, "--steps: CSV has the layers only, expected table or json");
    if (o->n_what_if > 0 && o->format == CLI_CSV && !pairs(o))
        argp_error(state, "--what-if: CSV has the layers only, expected table or json");
    for (int i = 0; pairs(o) && i < (int)(sizeof of_one / sizeof of_one[0]); i++)
        if (of_one[i].given)
            argp_error(state, "%s is for one NET on one accelerator without limits",
                       of_one[i].name);
    if (pairs(o) && o->n_hws == 0)
        argp_error(state, "expected --hw NAME or FILE (`tandem list accelerators`)");
}

static error_t parse(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    if (cli_net_option(&o->net, key, arg, state)) return 0;
    if (cli_limit_option(&o->limits, key, arg, state)) return 0;
    switch (key) {
    case OPT_HW:
        if (o->n_hws == MOST_HW) argp_error(state, "--hw: at most %d", MOST_HW);
        o->hws[o->n_hws++] = arg;
        return 0;
    case OPT_WHAT_IF:
        if (o->n_what_if == MOST_WHAT_IF) argp_error(state, "--what-if: at most %d", MOST_WHAT_IF);
        if (strchr(arg, '=') == NULL)
            argp_error(state, "--what-if: expected KEY=VALUE, found \"%s\"", arg);
        o->what_if[o->n_what_if++] = arg;
        return 0;
    case OPT_COMBINE:
        if (strcmp(arg, "sum") != 0 && strcmp(arg, "worst") != 0)
            argp_error(state, "--combine: expected sum or worst, found \"%s\"", arg);
        o->combine = arg;
        return 0;
    case OPT_OBJECTIVE:
        o->objective = true;
        if (strcmp(arg, "latency") == 0)
            o->schedule.objective = TD_OBJ_LATENCY;
        else if (strcmp(arg, "energy") == 0)
            o->schedule.objective = TD_OBJ_ENERGY;
        else
            argp_error(state, "--objective: expected latency or energy, found \"%s\"", arg);
        return 0;
    case OPT_BITS: o->bits = arg; return 0;
    case OPT_COLD: o->schedule.cold = true; return 0;
    case OPT_BATCH:
        o->schedule.batch = (int)cli_option_int(state, "batch", arg, 1, 65536);
        o->batch = true;
        return 0;
    case OPT_NODES:
        o->schedule.max_nodes = (uint64_t)cli_option_int(state, "max-nodes", arg, 1, 1000000000);
        o->nodes = true;
        return 0;
    case OPT_LAYERS:
        o->schedule.layer_by_layer = true;
        o->layers = true;
        return 0;
    case OPT_CASES: o->cases = arg; return 0;
    case OPT_SET:
        if (!cli_set_add(&o->set, arg)) argp_error(state, "--set: at most %d", CLI_MOST_SET);
        return 0;
    case OPT_STEPS: o->steps = STEPS; return 0;
    case OPT_NO_STEPS: o->steps = NO_STEPS; return 0;
    case OPT_TIMELINE: o->timeline = arg; return 0;
    case OPT_TRACE: o->trace = arg; return 0;
    case OPT_PLOT: o->plot = arg; return 0;
    case 'f':
        if (!cli_format_parse(arg, &o->format))
            argp_error(state, "--format: expected table, json or csv, found \"%s\"", arg);
        return 0;
    case ARGP_KEY_ARG:
        if (o->n_nets == TD_MAX_WORKLOAD) argp_error(state, "at most %d NETs", TD_MAX_WORKLOAD);
        o->nets[o->n_nets++] = arg;
        return 0;
    case ARGP_KEY_END: check(o, state); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static td_status write_cases(const td_net *net, const td_schedule *s, const char *path, td_arena *a,
                             td_error *err) {
    td_text text = {0};
    for (int i = 0; i < s->n; i++) {
        if (!s->interval[i].mapped) continue;
        td_case c;
        td_interval_case(net, &s->interval[i], &c);
        td_node *n = td_case_to_node(&c, a);
        if (n == NULL) text.failed = true;
        if (text.failed) break;
        td_node_to_json(n, 0, &text);
        td_text_add(&text, "\n");
    }
    td_status st = text.failed ? td_fail(err, TD_E_MEMORY, "out of memory")
                               : td_file_write(path, text.data ? text.data : "", text.size, err);
    td_text_free(&text);
    return st;
}

/* What a search has found is shown as it was found: with the options that its schedule.json tells,
 * which stands beside the accelerator, where the command line gives no others. */
static td_status take_options(options *o, const char *hw_name, td_arena *a, td_error *err) {
    const char *slash = strrchr(hw_name, '/');
    const char *path =
        slash != NULL ? td_arena_printf(a, "%.*s/schedule.json", (int)(slash - hw_name), hw_name)
                      : NULL;
    const td_node *doc;
    const char *objective = NULL;
    int64_t batch = o->schedule.batch, nodes = (int64_t)o->schedule.max_nodes;
    if (path == NULL || !td_file_exists(path)) return TD_OK;
    td_status s = td_node_load(a, path, &doc, err);
    if (s == TD_OK) s = td_node_opt_string(doc, "objective", &objective, err);
    if (s == TD_OK) s = td_node_opt_int(doc, "batch", 1, 65536, &batch, err);
    if (s == TD_OK) s = td_node_opt_int(doc, "max_nodes", 0, INT64_MAX, &nodes, err);
    bool depth_first = true;
    if (s == TD_OK) s = td_node_opt_bool(doc, "depth_first", &depth_first, err);
    if (s != TD_OK) return s;
    if (!o->objective && objective != NULL)
        o->schedule.objective = strcmp(objective, "energy") == 0 ? TD_OBJ_ENERGY : TD_OBJ_LATENCY;
    if (!o->batch) o->schedule.batch = (int)batch;
    if (!o->nodes) o->schedule.max_nodes = (uint64_t)nodes;
    if (!o->layers) o->schedule.layer_by_layer = !depth_first;
    return TD_OK;
}

/* The one network on the accelerator as it is, and with each change. */
static td_status what_if(const options *o, const char *hw_name, const eval_pair *e, td_arena *a,
                         eval_grid *g, td_error *err) {
    eval_model one = {td_net_name(e->net), (td_net *)(uintptr_t)e->net, 1};
    *g = (eval_grid){.model = TD_NEW(a, eval_model, 1), .n_models = 1, .schedule = &o->schedule};
    if (g->model == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    g->model[0] = one;
    cli_limits_init(&g->limits);
    td_status s = eval_grid_machines(g, &hw_name, 1, &o->set, o->what_if, o->n_what_if, a, err);
    return s == TD_OK ? eval_grid_run(g, a, err) : s;
}

static td_status load_models(options *o, td_arena *a, eval_grid *g, td_error *err) {
    td_status s = TD_OK;
    g->model = TD_NEW(a, eval_model, o->n_nets);
    if (g->model == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; s == TD_OK && i < o->n_nets; i++) {
        eval_model *m = &g->model[i];
        s = cli_net_weighted(o->nets[i], "NET", a, &o->net.name, &m->weight, err);
        if (s == TD_OK) s = cli_net_load(&o->net, a, &m->net, NULL, err);
        if (s != TD_OK) return s;
        g->n_models++;
        m->name = td_net_name(m->net);
        for (int k = 0; k < i; k++) /* then what was asked for tells them apart */
            if (strcmp(g->model[k].name, m->name) == 0) m->name = o->net.name;
        if (o->bits != NULL) s = cli_bits_apply(o->bits, a, m->net, err);
    }
    return s;
}

/* Pairs of networks and accelerators, and the best accelerator for all networks. */
static td_status run_pairs(options *o, td_arena *a, td_text *out, td_error *err) {
    bool worst = o->combine != NULL && strcmp(o->combine, "worst") == 0;
    eval_grid g = {.combine = worst ? TD_COMBINE_WORST : TD_COMBINE_SUM,
                   .limits = o->limits,
                   .schedule = &o->schedule};
    td_status s = load_models(o, a, &g, err);
    if (s == TD_OK)
        s = eval_grid_machines(&g, o->hws, o->n_hws, &o->set, o->what_if, o->n_what_if, a, err);
    if (s == TD_OK) s = eval_grid_run(&g, a, err);
    if (s == TD_OK && o->format == CLI_JSON) {
        td_node_to_json(eval_grid_node(&g, a), 2, out);
        td_text_add(out, "\n");
    } else if (s == TD_OK && o->format == CLI_CSV) {
        eval_grid_csv(&g, out);
    } else if (s == TD_OK) {
        eval_grid_table(&g, out);
    }
    bool found = false;
    for (int i = 0; s == TD_OK && i < g.n_machines; i++) found = found || g.machine[i].rank == 1;
    for (int i = 0; i < g.n_models; i++) td_net_destroy(g.model[i].net);
    if (s == TD_OK && !found)
        s = td_fail(err, TD_E_INFEASIBLE,
                    "none of the accelerators runs all networks within the "
                    "limits");
    return s;
}

static td_status load_hw(const options *o, const char *name, td_arena *a, td_hw *hw,
                         td_error *err) {
    const td_node *doc;
    td_status s = cli_hw_doc(name, &o->set, NULL, a, &doc, err);
    if (s == TD_OK) s = td_hw_from_node(doc, hw, err);
    if (s == TD_E_INFEASIBLE) td_error_prefix(err, "%s: cannot be built", name);
    return s;
}

static td_status tell(const options *o, const char *hw_name, const eval_pair *e, td_arena *a,
                      td_text *out, td_error *err) {
    const td_schedule *s = e->asked;
    bool want = o->steps == STEPS || (o->steps == BY_FORMAT && o->format == CLI_TABLE);
    next_steps steps;
    td_status st =
        want ? next_steps_find(e->net, hw_name, &o->set, e->hw, &o->schedule, s, a, &steps, err)
             : TD_OK;
    eval_grid then;
    if (st == TD_OK && o->n_what_if > 0) st = what_if(o, hw_name, e, a, &then, err);
    if (st != TD_OK) return st;
    if (o->format == CLI_JSON) {
        td_node *n = eval_node(e, a);
        if (o->n_what_if > 0) td_node_put(a, n, "what_if", eval_what_if_node(&then, a));
        if (want) td_node_put(a, n, "next_steps", next_steps_node(&steps, a));
        td_node_to_json(n, 2, out);
        td_text_add(out, "\n");
    } else if (o->format == CLI_CSV) {
        eval_csv(e->net, s, out);
    } else {
        eval_table(e->net, e->hw, s, out);
        eval_summary(e, out);
        if (o->n_what_if > 0) eval_what_if_table(&then, out);
        if (want) next_steps_table(&steps, out);
    }
    return TD_OK;
}

static td_status run_one(options *o, td_arena *a, td_text *out, td_error *err) {
    td_net *net = NULL;
    td_schedule asked = {0}, other = {0};
    td_hw hw;
    double weight; /* of one: of no account */
    const char *asked_hw = o->n_hws == 1 ? o->hws[0] : NULL, *hw_name = asked_hw;
    td_status st = cli_net_weighted(o->nets[0], "NET", a, &o->net.name, &weight, err);
    if (st == TD_OK) st = cli_net_load(&o->net, a, &net, &hw_name, err);
    if (st == TD_OK && asked_hw == NULL && hw_name != NULL) st = take_options(o, hw_name, a, err);
    if (st != TD_OK) goto done;
    if (hw_name == NULL) {
        st = td_fail(err, TD_E_USAGE, "expected --hw NAME or FILE (`tandem list accelerators`)");
        goto done;
    }
    st = load_hw(o, hw_name, a, &hw, err);
    if (st == TD_OK && o->bits != NULL) st = cli_bits_apply(o->bits, a, net, err);
    if (st != TD_OK) goto done;
    /* Both inferences: asked what the table shows, and the other beside it. */
    td_schedule_options turned = o->schedule;
    turned.cold = !turned.cold;
    st = td_schedule_best(net, &hw, &o->schedule, &asked, NULL, err);
    if (st == TD_OK) st = td_schedule_best(net, &hw, &turned, &other, NULL, err);
    if (st != TD_OK) {
        if (st == TD_E_INFEASIBLE)
            td_error_prefix(err, "%s on %s: cannot be built", td_net_name(net), hw.name);
        goto done;
    }
    if (o->cases != NULL && (st = write_cases(net, &asked, o->cases, a, err)) != TD_OK) goto done;
    if ((st = eval_timeline(net, &hw, &asked, o->timeline, o->trace, a, err)) != TD_OK) goto done;
    if (o->plot != NULL && (st = eval_plot(net, &hw, &asked, o->plot, a, err)) != TD_OK) goto done;
    bool cold = o->schedule.cold;
    eval_pair e = {net, &hw, &asked, cold ? &asked : &other, cold ? &other : &asked};
    st = tell(o, hw_name, &e, a, out, err);
done:
    td_schedule_free(&asked);
    td_schedule_free(&other);
    td_net_destroy(net);
    return st;
}

static td_status run(options *o, td_arena *a, td_text *out, td_error *err) {
    o->schedule.cache = td_map_cache_create(0);
    if (o->schedule.cache == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = pairs(o) ? run_pairs(o, a, out, err) : run_one(o, a, out, err);
    td_map_cache_destroy(o->schedule.cache);
    return s;
}

int cmd_eval(int argc, char **argv) {
    static const struct argp_option argp_options[] = {
        {"hw", OPT_HW, "HW[,KEY=VALUE...]", 0,
         "accelerator: a shipped name or a file; of several each is told with each NET", 0},
        {"set", OPT_SET, "KEY=VALUE", 0,
         "another value for a key of the accelerator's file (repeatable)", 0},
        CLI_NET_OPTIONS,
        {"bits", OPT_BITS, "BITS", 0,
         "of weights and activations: 8, w4a8, w4a8p24, or a file with those of each layer", 0},
        {"objective", OPT_OBJECTIVE, "WHAT", 0,
         "latency (default) or energy: what the schedule minimises", 0},
        {"cold", OPT_COLD, 0, 0, "the first inference: no weights are on chip yet", 0},
        {"batch", OPT_BATCH, "N", 0, "samples per inference (1)", 0},
        {"max-nodes", OPT_NODES, "N", 0, "of the mapper, per question (4000)", 0},
        {"layer-by-layer", OPT_LAYERS, 0, 0,
         "no convolutions run depth first, in bands of rows, where their values have no room", 0},
        {"cases", OPT_CASES, "FILE", 0,
         "also write each mapped layer as a neutral case (JSON lines, for `tandem cost`)", 0},
        {"steps", OPT_STEPS, 0, 0,
         "JSON with what each single step of the accelerator would change (a table has it by "
         "itself)",
         0},
        {"no-steps", OPT_NO_STEPS, 0, 0, "a table without the single steps of the accelerator", 0},
        {"timeline", OPT_TIMELINE, "FILE", 0,
         "also write what is where when: intervals, transfers, what stands on chip (JSON)", 0},
        {"trace", OPT_TRACE, "FILE", 0,
         "the same in Chrome's trace event format, for Perfetto or chrome://tracing", 0},
        {"plot", OPT_PLOT, "DIR", 0,
         "also draw the roofline, and time and energy of each layer as stacked bars (SVG, PNG, "
         "CSV)",
         0},
        {"what-if", OPT_WHAT_IF, "KEY=VALUE[,...]", 0,
         "beside the present also the accelerator with this: DRAM.bandwidth=2x (repeatable)", 0},
        {"combine", OPT_COMBINE, "HOW", 0,
         "of several NETs: sum (mean by the weights, default) or worst", 0},
        CLI_LIMIT_OPTIONS,
        {"format", 'f', "FORMAT", 0, "table (default), json or csv", 0},
        {0}};
    static const struct argp argp = {
        argp_options,
        parse,
        "NET[:WEIGHT]...",
        "Cost of a network on an accelerator: the best schedule found, layer by layer, with what "
        "limits each, what stays on chip, and what each single step of the accelerator would "
        "change. "
        "NET is a shipped network, a network file (YAML, JSON, an ONNX model, a topology of "
        "SCALE-Sim "
        "as CSV, a workload of ZigZag), or the "
        "folder of a search's best design, which brings its accelerator along, and the options "
        "of its schedule. Of several networks or accelerators, or with limits, it tells each pair, "
        "and which accelerator is best for all networks.\v"
        "Examples:\n"
        "  tandem eval mobilenetv2 --hw edge\n"
        "  tandem eval efficientnet-lite0 --size 160 --width 0.5 --hw edge\n"
        "  tandem eval handmade --size 3x32x32 --hw micro --objective energy\n"
        "  tandem eval mobilenetv2 --hw edge --set local_kb=1024 --batch 8\n"
        "  tandem eval mobilenetv2 --hw edge --steps --format json\n"
        "  tandem eval resnet18 --hw nvdla --bits w4a8 --set mac.operand_gating=true\n"
        "  tandem eval results/quickstart/best --format json\n"
        "  tandem eval a.onnx:0.7 b.onnx:0.3 --hw edge --hw simba --max-area 20mm2\n"
        "  tandem eval resnet50 --hw simba --what-if DRAM.bandwidth=2x\n"
        "  tandem eval resnet50 --hw edge --plot plots\n"
        "  tandem eval handmade --hw micro --cases cases.jsonl\n"
        "  tandem eval mobilenetv2 --hw edge --trace trace.json",
        0,
        0,
        0};
    options o = {.net.width = 1, .format = CLI_TABLE};
    td_schedule_options_default(&o.schedule);
    cli_limits_init(&o.limits);
    argp_parse(&argp, argc, argv, 0, NULL, &o);

    td_arena *a = td_arena_create();
    td_text out = {0};
    td_error err = {0};
    td_status s = a != NULL ? run(&o, a, &out, &err) : td_fail(&err, TD_E_MEMORY, "out of memory");
    int code = out.size > 0 ? cli_print(&out) : 0; /* also which pairs are out, and why */
    if (s != TD_OK && code == 0) code = cli_fail(&err);
    td_text_free(&out);
    td_arena_destroy(a);
    return code;
}

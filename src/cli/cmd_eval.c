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
#include "eval_summary.h"
#include "eval_table.h"
#include "eval_timeline.h"
#include "next_step.h"
#include "tandem/map.h"

typedef struct {
    cli_net net;
    const char *hw, *bits, *cases, *timeline, *trace;
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
    OPT_TRACE
};

static error_t parse(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    if (cli_net_option(&o->net, key, arg, state)) return 0;
    switch (key) {
    case OPT_HW: o->hw = arg; return 0;
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
    case 'f':
        if (!cli_format_parse(arg, &o->format))
            argp_error(state, "--format: expected table, json or csv, found \"%s\"", arg);
        return 0;
    case ARGP_KEY_ARG:
        if (o->net.name != NULL) argp_error(state, "one NET at a time");
        o->net.name = arg;
        return 0;
    case ARGP_KEY_END:
        if (o->net.name == NULL)
            argp_error(state, "expected a NET (a name, a file or a results folder)");
        if (o->steps == STEPS && o->format == CLI_CSV)
            argp_error(state, "--steps: CSV has the layers only, expected table or json");
        return 0;
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
    if (st != TD_OK) return st;
    if (o->format == CLI_JSON) {
        td_node *n = eval_node(e, a);
        if (want) td_node_put(a, n, "next_steps", next_steps_node(&steps, a));
        td_node_to_json(n, 2, out);
        td_text_add(out, "\n");
    } else if (o->format == CLI_CSV) {
        eval_csv(e->net, s, out);
    } else {
        eval_table(e->net, e->hw, s, out);
        eval_summary(e, out);
        if (want) next_steps_table(&steps, out);
    }
    return TD_OK;
}

static td_status run(options *o, td_arena *a, td_text *out, td_error *err) {
    td_net *net = NULL;
    td_schedule asked = {0}, other = {0};
    td_hw hw;
    const char *hw_name = o->hw;
    o->schedule.cache = td_map_cache_create(0);
    td_status st = o->schedule.cache != NULL ? cli_net_load(&o->net, a, &net, &hw_name, err)
                                             : td_fail(err, TD_E_MEMORY, "out of memory");
    if (st == TD_OK && o->hw == NULL && hw_name != NULL) st = take_options(o, hw_name, a, err);
    if (st != TD_OK) goto done;
    if (hw_name == NULL) {
        st = td_fail(err, TD_E_USAGE, "expected --hw NAME or FILE (`tandem list accelerators`)");
        goto done;
    }
    st = load_hw(o, hw_name, a, &hw, err);
    if (st == TD_OK && o->bits != NULL) st = cli_bits_apply(o->bits, a, net, err);
    if (st == TD_OK) st = cli_bits_fit(net, &hw, err);
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
    bool cold = o->schedule.cold;
    eval_pair e = {net, &hw, &asked, cold ? &asked : &other, cold ? &other : &asked};
    st = tell(o, hw_name, &e, a, out, err);
done:
    td_schedule_free(&asked);
    td_schedule_free(&other);
    td_net_destroy(net);
    td_map_cache_destroy(o->schedule.cache);
    return st;
}

int cmd_eval(int argc, char **argv) {
    static const struct argp_option argp_options[] = {
        {"hw", OPT_HW, "HW", 0, "accelerator: a shipped name or a file", 0},
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
        {"format", 'f', "FORMAT", 0, "table (default), json or csv", 0},
        {0}};
    static const struct argp argp = {
        argp_options,
        parse,
        "NET",
        "Cost of a network on an accelerator: the best schedule found, layer by layer, with what "
        "limits each, what stays on chip, and what each single step of the accelerator would "
        "change. "
        "NET is a shipped network, a network file, or the "
        "folder of a search's best design, which brings its accelerator along, and the options "
        "of its schedule.\v"
        "Examples:\n"
        "  tandem eval mobilenetv2 --hw edge\n"
        "  tandem eval efficientnet-lite0 --size 160 --width 0.5 --hw edge\n"
        "  tandem eval handmade --size 3x32x32 --hw micro --objective energy\n"
        "  tandem eval mobilenetv2 --hw edge --set local_kb=1024 --batch 8\n"
        "  tandem eval mobilenetv2 --hw edge --steps --format json\n"
        "  tandem eval resnet18 --hw nvdla --bits w4a8 --set mac.operand_gating=true\n"
        "  tandem eval results/quickstart/best --format json\n"
        "  tandem eval handmade --hw micro --cases cases.jsonl\n"
        "  tandem eval mobilenetv2 --hw edge --trace trace.json",
        0,
        0,
        0};
    options o = {.net.width = 1, .format = CLI_TABLE};
    td_schedule_options_default(&o.schedule);
    argp_parse(&argp, argc, argv, 0, NULL, &o);

    td_arena *a = td_arena_create();
    td_text out = {0};
    td_error err = {0};
    td_status s = a != NULL ? run(&o, a, &out, &err) : td_fail(&err, TD_E_MEMORY, "out of memory");
    int code = s == TD_OK ? cli_print(&out) : cli_fail(&err);
    td_text_free(&out);
    td_arena_destroy(a);
    return code;
}

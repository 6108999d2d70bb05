/* tandem eval - the schedule of a network on an accelerator: cost layer by layer and in all. */
#include "cli.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli_net.h"
#include "cli_option.h"
#include "eval_table.h"
#include "eval_timeline.h"
#include "next_step.h"
#include "tandem/map.h"

typedef struct {
    cli_net net;
    const char *hw, *cases, *timeline, *trace;
    td_schedule_options schedule;
    bool objective, batch, nodes; /* were given */
    cli_format format;
} options;

enum {
    OPT_HW = 1000,
    OPT_OBJECTIVE,
    OPT_COLD,
    OPT_BATCH,
    OPT_NODES,
    OPT_CASES,
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
    case OPT_COLD: o->schedule.cold = true; return 0;
    case OPT_BATCH:
        o->schedule.batch = (int)cli_option_int(state, "batch", arg, 1, 65536);
        o->batch = true;
        return 0;
    case OPT_NODES:
        o->schedule.max_nodes = (uint64_t)cli_option_int(state, "max-nodes", arg, 1, 1000000000);
        o->nodes = true;
        return 0;
    case OPT_CASES: o->cases = arg; return 0;
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
    if (s != TD_OK) return s;
    if (!o->objective && objective != NULL)
        o->schedule.objective = strcmp(objective, "energy") == 0 ? TD_OBJ_ENERGY : TD_OBJ_LATENCY;
    if (!o->batch) o->schedule.batch = (int)batch;
    if (!o->nodes) o->schedule.max_nodes = (uint64_t)nodes;
    return TD_OK;
}

static td_status run(options *o, td_arena *a, td_text *out, td_error *err) {
    td_net *net = NULL;
    td_schedule s = {0};
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
    st = td_hw_load(hw_name, &hw, err);
    if (st != TD_OK) goto done;
    st = td_schedule_best(net, &hw, &o->schedule, &s, NULL, err);
    if (st != TD_OK) {
        if (st == TD_E_INFEASIBLE)
            td_error_prefix(err, "%s on %s: cannot be built", td_net_name(net), hw.name);
        goto done;
    }
    if (o->cases != NULL && (st = write_cases(net, &s, o->cases, a, err)) != TD_OK) goto done;
    st = eval_timeline(net, &hw, &s, o->timeline, o->trace, a, err);
    if (st != TD_OK) goto done;
    if (o->format == CLI_JSON) {
        td_node_to_json(td_schedule_to_node(net, &hw, &s, a), 2, out);
        td_text_add(out, "\n");
    } else if (o->format == CLI_CSV) {
        eval_csv(net, &s, out);
    } else {
        eval_table(net, &hw, &s, out);
        st = next_step(net, hw_name, &hw, &o->schedule, &s, out, err);
    }
done:
    td_schedule_free(&s);
    td_net_destroy(net);
    td_map_cache_destroy(o->schedule.cache);
    return st;
}

int cmd_eval(int argc, char **argv) {
    static const struct argp_option argp_options[] = {
        {"hw", OPT_HW, "HW", 0, "accelerator: a shipped name or a file", 0},
        CLI_NET_OPTIONS,
        {"objective", OPT_OBJECTIVE, "WHAT", 0,
         "latency (default) or energy: what the schedule minimises", 0},
        {"cold", OPT_COLD, 0, 0, "the first inference: no weights are on chip yet", 0},
        {"batch", OPT_BATCH, "N", 0, "samples per inference (1)", 0},
        {"max-nodes", OPT_NODES, "N", 0, "of the mapper, per question (4000)", 0},
        {"cases", OPT_CASES, "FILE", 0,
         "also write each mapped layer as a neutral case (JSON lines, for `tandem cost`)", 0},
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
        "limits each and what stays on chip. NET is a shipped network, a network file, or the "
        "folder of a search's best design, which brings its accelerator along, and the options "
        "of its schedule.\v"
        "Examples:\n"
        "  tandem eval mobilenetv2 --hw edge\n"
        "  tandem eval efficientnet-lite0 --size 160 --width 0.5 --hw edge\n"
        "  tandem eval handmade --size 3x32x32 --hw micro --objective energy\n"
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

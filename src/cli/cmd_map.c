/* tandem map - the best mapping of a layer, of each layer of a network, or of neutral cases. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli_cost.h"
#include "cli_option.h"
#include "map_run.h"

typedef struct {
    map_options map;
    td_text what; /* the words of the argument: a layer need not be quoted */
    bool weights;
} options;

enum {
    OPT_HW = 1000,
    OPT_SET,
    OPT_OBJECTIVE,
    OPT_WEIGHTS,
    OPT_MODE,
    OPT_COUNTING,
    OPT_NODES,
    OPT_SECONDS,
    OPT_UTILIZATION,
    OPT_SEED,
    OPT_KEEP,
    OPT_SPACE,
    OPT_FORBID,
    OPT_ORDER,
    OPT_IMPERFECT,
    OPT_BITS,
    OPT_BATCH,
    OPT_THREADS,
    OPT_NEST
};

/* One of the n names that name(i) has; ends the program if it is none. */
static int choice(struct argp_state *state, const char *option, const char *arg,
                  const char *(*name)(int), int n) {
    char known[128] = "";
    for (int i = 0; i < n; i++) {
        if (strcmp(arg, name(i)) == 0) return i;
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s",
                 i == 0       ? ""
                 : i == n - 1 ? " or "
                              : ", ",
                 name(i));
    }
    argp_error(state, "--%s: expected %s, found \"%s\"", option, known, arg);
    return 0;
}

static const char *objective_name(int i) {
    return td_map_objective_name((td_map_objective)i);
}

static const char *mode_name(int i) {
    return td_map_mode_name((td_map_mode)i);
}

static const char *counting_name(int i) {
    return cli_counting_name((td_counting)i);
}

static void read_weights(options *o, const char *arg, struct argp_state *state) {
    double *w = o->map.query.weight;
    char after;
    if (sscanf(arg, "%lf,%lf%c", &w[0], &w[1], &after) != 2 || !(w[0] >= 0 && w[0] <= 16) ||
        !(w[1] >= 0 && w[1] <= 16) || w[0] + w[1] == 0)
        argp_error(state,
                   "--weights: expected exponents of energy and cycles from 0 to 16, not both 0, "
                   "such as 1,2, found \"%s\"",
                   arg);
    o->weights = true;
}

static void read_bits(options *o, const char *arg, struct argp_state *state) {
    int v[4];
    char after;
    int n = sscanf(arg, "%d,%d,%d,%d%c", &v[0], &v[1], &v[2], &v[3], &after);
    bool good =
        n == 4 || (n == 1 && strchr(arg, ',') == NULL && strspn(arg, "0123456789") == strlen(arg));
    for (int i = 0; i < 4 && good; i++) {
        if (n == 1) v[i] = v[0];
        good = v[i] >= 1 && v[i] <= 64;
        o->map.bits[i] = (uint8_t)v[i];
    }
    if (!good)
        argp_error(state,
                   "--bits: expected the bits of all words, such as 16, or those of W, I, O and "
                   "partial sums, such as 8,8,8,32, found \"%s\"",
                   arg);
}

static void add_rule(options *o, const char *option, const char *arg, struct argp_state *state) {
    td_error err = {0};
    map_rule r;
    if (!map_rule_parse(option, arg, &r, &err) || !map_rule_add(&o->map, &r, &err))
        argp_error(state, "%s", err.message);
}

static error_t parse(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    td_map_query *q = &o->map.query;
    if (cli_net_option(&o->map.net, key, arg, state)) return 0;
    switch (key) {
    case OPT_HW: o->map.hw = arg; return 0;
    case OPT_SET:
        if (!cli_set_add(&o->map.set, arg)) argp_error(state, "--set: at most %d", CLI_MOST_SET);
        return 0;
    case OPT_OBJECTIVE:
        q->objective = (td_map_objective)choice(state, "objective", arg, objective_name, TD_NOBJ);
        return 0;
    case OPT_WEIGHTS: read_weights(o, arg, state); return 0;
    case OPT_MODE:
        q->mode = (td_map_mode)choice(state, "mode", arg, mode_name, TD_NMAP_MODE);
        return 0;
    case OPT_COUNTING:
        q->counting = (td_counting)choice(state, "counting", arg, counting_name, 2);
        return 0;
    case OPT_NODES:
        q->max_nodes = (uint64_t)cli_option_int(state, "max-nodes", arg, 1, INT64_MAX);
        return 0;
    case OPT_SECONDS:
        q->max_seconds = cli_option_real(state, "max-seconds", arg, 1e-6, 1e9);
        return 0;
    case OPT_UTILIZATION:
        q->min_utilization = cli_option_real(state, "min-utilization", arg, 0, 1);
        return 0;
    case OPT_SEED:
        q->seed = (uint64_t)cli_option_int(state, "seed", arg, 0, INT64_MAX);
        o->map.seed = true;
        return 0;
    case OPT_KEEP: add_rule(o, "--keep", arg, state); return 0;
    case OPT_SPACE: add_rule(o, "--space", arg, state); return 0;
    case OPT_FORBID: add_rule(o, "--forbid", arg, state); return 0;
    case OPT_ORDER: add_rule(o, "--order", arg, state); return 0;
    case OPT_IMPERFECT: q->imperfect = true; return 0;
    case OPT_BITS: read_bits(o, arg, state); return 0;
    case OPT_BATCH: o->map.batch = (int)cli_option_int(state, "batch", arg, 1, 65536); return 0;
    case OPT_THREADS:
        o->map.threads = (int)cli_option_int(state, "threads", arg, 1, 1024);
        return 0;
    case OPT_NEST: o->map.nest = true; return 0;
    case 'o': o->map.out = arg; return 0;
    case 'f':
        if (!cli_format_parse(arg, &o->map.format) || o->map.format == CLI_CSV)
            argp_error(state, "--format: expected table or json, found \"%s\"", arg);
        return 0;
    case ARGP_KEY_ARG: td_text_addf(&o->what, "%s%s", o->what.size > 0 ? " " : "", arg); return 0;
    case ARGP_KEY_END:
        if (o->what.size == 0)
            argp_error(state, "expected a LAYER, a MODEL or a FILE (\"-\" for standard input)");
        if (q->objective == TD_OBJ_WEIGHTED && !o->weights)
            argp_error(state, "--objective weighted: expected --weights E,D beside it");
        if (q->objective != TD_OBJ_WEIGHTED && o->weights)
            argp_error(state, "--weights: expected --objective weighted beside it");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* A long search must not fail at its end for a file that could never be written. */
static td_status try_out(const char *path, td_error *err) {
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) return td_fail(err, TD_E_IO, "%s: cannot write: %s", path, strerror(errno));
    close(fd);
    return TD_OK;
}

static int run(const map_options *o) {
    td_error err = {0};
    map_source s = {0};
    td_arena *a = td_arena_create();
    td_status st = a != NULL ? TD_OK : td_fail(&err, TD_E_MEMORY, "out of memory");
    if (st == TD_OK) st = map_source_open(o, a, &s, &err);
    if (st == TD_OK && o->out != NULL) st = try_out(o->out, &err);
    int code = st == TD_OK ? map_run(&s) : cli_fail(&err);
    map_source_close(&s);
    td_arena_destroy(a);
    return code;
}

int cmd_map(int argc, char **argv) {
    static const struct argp_option argp_options[] = {
        {"hw", OPT_HW, "HW[,KEY=VALUE...]", 0,
         "accelerator: a shipped name or a file. A case has its own; with --hw it is replaced", 1},
        {"set", OPT_SET, "KEY=VALUE", 0,
         "another value for a key of the accelerator's file (repeatable)", 1},
        {"objective", OPT_OBJECTIVE, "WHAT", 0, "latency, energy, edp (default) or weighted", 2},
        {"weights", OPT_WEIGHTS, "E,D", 0,
         "with --objective weighted: the least energy^E x cycles^D", 2},
        {"mode", OPT_MODE, "MODE", 0,
         "fast (default): a good mapping in a small budget; exact: on until it is proved, or a "
         "large budget is used up; sample: random mappings, to compare with",
         2},
        {"counting", OPT_COUNTING, "RULES", 0,
         "exact (default), or timeloop: its rules with their approximations", 2},
        {"max-nodes", OPT_NODES, "N", 0, "budget, instead of the mode's own", 3},
        {"max-seconds", OPT_SECONDS, "S", 0,
         "stop after S seconds per layer at most; such a result may differ from run to run", 3},
        {"seed", OPT_SEED, "N", 0, "of --mode sample (0)", 3},
        {"threads", OPT_THREADS, "N", 0,
         "layers at a time (default: one per core); the result is the same", 3},
        {"keep", OPT_KEEP, "LEVEL=WIO", 0,
         "tensors that a level keeps, no more and no less; may be given for several levels", 4},
        {"space", OPT_SPACE, "LEVEL.x=DIMS", 0,
         "dims that may stand on the x or y axis of the fan-out below a level (or, with t, in its "
         "loops in time), of those that the machine allows",
         4},
        {"forbid", OPT_FORBID, "LEVEL.x=DIMS", 0, "dims that may not stand there", 4},
        {"order", OPT_ORDER, "LEVEL=DIMS", 0,
         "fixed order of a level's loops in time, outermost first; other dims stand outside, "
         "in any order",
         4},
        {"imperfect", OPT_IMPERFECT, 0, 0,
         "factors need not divide the dims: the last pass of a loop may be smaller", 4},
        {"min-utilization", OPT_UTILIZATION, "U", 0,
         "least utilisation of the MAC units while they compute, 0 to 1; memory may make them wait",
         4},
        {"bits", OPT_BITS, "BITS", 0,
         "of all words, or of W,I,O,sums (default: as the network says; for a LAYER as wide as "
         "the MACs)",
         5},
        {"batch", OPT_BATCH, "N", 0, "samples at once, of a MODEL (1); a LAYER has N", 5},
        CLI_NET_OPTIONS,
        {"nest", OPT_NEST, 0, 0, "the loop nest of every layer too", 6},
        {"out", 'o', "FILE", 0, "write there instead of standard output", 6},
        {"format", 'f', "FORMAT", 0,
         "table (default) or json: one case a line, with mapping, result and bound", 6},
        {0}};
    static const struct argp argp = {
        argp_options,
        parse,
        "LAYER\nMODEL\nFILE",
        "Finds the best mapping of a layer on an accelerator, with a proven bound: how far from "
        "the optimum it is at most. LAYER is a text; MODEL a shipped network, a network file or a "
        "results folder, of which each different layer is mapped; FILE holds a neutral case, or "
        "one a line (docs/formats.md), without a mapping or with one that is not looked at; \"-\" "
        "is standard input. Layers that cannot be mapped are told on standard error, and the "
        "others go on."
        "\v"
        "Examples:\n"
        "  tandem map 'conv K64 C64 P56 Q56 R3 S3' --hw eyeriss-168\n"
        "  tandem map 'dw C144 P56 Q56 R3 S3 s2' --hw micro --objective energy\n"
        "  tandem map 'gemm M512 N2048 K512' --hw edge --objective latency --mode exact\n"
        "  tandem map mobilenetv2 --hw edge --objective weighted --weights 1,2\n"
        "  tandem map 'conv K64 C64 P56' --hw eyeriss-168 --space Buffer.x=K\n"
        "  tandem map cases.jsonl -f json | tandem cost - -f table\n"
        "\n"
        "Exit code: 0, or that of the first layer that has none (docs/cli.md): 2 wrong command "
        "line, 3 wrong input, 4 not found, 5 reading or writing failed, 6 no mapping fits, 7 not "
        "supported.",
        0,
        0,
        0};
    options o = {
        .map = {
            .net.width = 1,
            .format = CLI_TABLE,
            .query = {.mode = TD_MAP_FAST, .objective = TD_OBJ_EDP, .counting = TD_COUNT_EXACT}}};
    argp_parse(&argp, argc, argv, 0, NULL, &o);
    o.map.what = o.what.data;
    int code = run(&o.map);
    td_text_free(&o.what);
    return code;
}

/* tandem cost - what the mappings of neutral cases cost. */
#include "cli.h"

#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli_case.h"

enum { MOST_FILES = 16 };

typedef struct {
    const char *file, *files[MOST_FILES];
    int count;
    cli_format format;
    td_counting counting;
} options;

enum { OPT_COUNTING = 1000 };

static error_t parse(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    switch (key) {
    case OPT_COUNTING:
        if (strcmp(arg, "exact") == 0)
            o->counting = TD_COUNT_EXACT;
        else if (strcmp(arg, "timeloop") == 0)
            o->counting = TD_COUNT_TIMELOOP;
        else
            argp_error(state, "--counting: expected exact or timeloop, found \"%s\"", arg);
        return 0;
    case 'f':
        if (!cli_format_parse(arg, &o->format) || o->format == CLI_CSV)
            argp_error(state, "--format: expected table or json, found \"%s\"", arg);
        return 0;
    case ARGP_KEY_ARG:
        if (o->count == MOST_FILES) argp_error(state, "at most %d files", MOST_FILES);
        if (o->count == 0) o->file = arg;
        o->files[o->count++] = arg;
        return 0;
    case ARGP_KEY_END:
        if (o->file == NULL) argp_error(state, "FILE is missing (\"-\" for standard input)");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* ---- output ---------------------------------------------------------------------------------- */

/* 1234567 as "1,234,567"; averages of padded layers with one decimal. */
static const char *grouped(double v, char out[40]) {
    if (v >= 1e15) {
        snprintf(out, 40, "%.6g", v);
        return out;
    }
    bool whole = v == (double)(int64_t)v;
    char plain[40];
    int n = snprintf(plain, sizeof plain, whole ? "%.0f" : "%.1f", v);
    int digits = whole ? n : n - 2, k = 0;
    for (int i = 0; i < n; i++) {
        if (i > 0 && i < digits && (digits - i) % 3 == 0) out[k++] = ',';
        out[k++] = plain[i];
    }
    out[k] = '\0';
    return out;
}

static void add_row(const td_case *c, const td_cost *cost, int l, int t, td_text *out) {
    const td_access *a = &cost->at[l][t];
    const double v[] = {a->tile_words, a->reads, a->fills, a->updates};
    char text[40];
    td_text_addf(out, " %-12s %c %8s", c->hw.level[l].name, td_tensor_letter[t],
                 grouped(cost->used[l], text));
    for (int i = 0; i < 4; i++) td_text_addf(out, " %15s", grouped(v[i], text));
    td_text_addf(out, " %14.6g\n", a->energy_pj);
}

static void add_table(const td_case *c, td_counting counting, const td_cost *cost, td_text *out) {
    char problem[160], text[3][40];
    td_problem_text(&c->problem, problem, sizeof problem);
    td_text_addf(out, "%s: %s on %s, %s counting\n", c->name[0] ? c->name : "case", problem,
                 c->hw.name[0] ? c->hw.name : "the accelerator",
                 counting == TD_COUNT_EXACT ? "exact" : "timeloop");
    td_text_addf(out,
                 "%s MACs  %s cycles (limit: %s)  utilisation %.1f %%  energy %.6g uJ  EDP %.6g "
                 "pJ.cycles\n\n",
                 grouped((double)cost->macs, text[0]), grouped((double)cost->cycles, text[1]),
                 cost->limit < 0 ? "compute" : c->hw.level[cost->limit].name,
                 100 * cost->utilization, cost->total_pj / 1e6,
                 cost->total_pj * (double)cost->cycles);
    td_mapping_print(&c->problem, &c->hw, &c->mapping, out);
    td_text_addf(out, "\n %-12s   %8s %15s %15s %15s %15s %14s\n", "level", "used", "tile", "reads",
                 "fills", "updates", "energy pJ");
    td_text_addf(out, " %-12s   %8s %15s %15s %15s %15s %14.6g\n", "MAC",
                 grouped(cost->mac_used, text[0]), "", "", "", "", cost->mac_pj);
    for (int l = 0; l < c->hw.n; l++)
        for (int t = 0; t < TD_NTENSOR; t++)
            if (c->mapping.keep[l] & TD_BIT(t)) add_row(c, cost, l, t, out);
    td_text_add(out, " (words of one used instance; energy of all)\n\n");
}

static td_status add_json(const td_case *c, td_counting counting, const td_cost *cost, td_arena *a,
                          td_text *out, td_error *err) {
    td_node *n = td_node_map(a), *result = td_cost_to_node(c, counting, cost, a);
    td_node_put_string(a, n, "name", c->name);
    if (td_node_put(a, n, "result", result) == NULL)
        return td_fail(err, TD_E_MEMORY, "out of memory");
    td_node_to_json(n, 0, out);
    td_text_add(out, "\n");
    return TD_OK;
}

/* ---- cases ----------------------------------------------------------------------------------- */

/* Evaluates and adds to the output. `where`: what a fault is told of. */
static td_status cost_case(const options *o, const td_case *c, const char *where, td_arena *a,
                           td_text *out, td_error *err) {
    td_cost cost;
    td_status s =
        c->has_mapping
            ? td_cost_evaluate(&c->problem, &c->hw, &c->mapping, o->counting, &cost, err)
            : td_fail(err, TD_E_INPUT, "missing key \"mapping\", expected the mapping to cost");
    if (s != TD_OK) return td_error_prefix(err, "%s%s%s", where, c->name[0] ? ": " : "", c->name);
    if (o->format == CLI_JSON) return add_json(c, o->counting, &cost, a, out, err);
    add_table(c, o->counting, &cost, out);
    return TD_OK;
}

static td_status run_case(const options *o, const char *data, size_t size, int line, td_text *out,
                          td_error *err) {
    const char *name = strcmp(o->file, "-") == 0 ? "standard input" : o->file;
    td_arena *a = td_arena_create();
    if (a == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    const td_node *doc;
    td_case c;
    td_status s = cli_is_yaml(o->file) ? td_yaml_parse(a, data, size, name, &doc, err)
                                       : td_json_parse(a, data, size, name, line, &doc, err);
    if (s == TD_OK) s = td_case_from_node(doc, &c, err);
    if (s == TD_OK) s = cost_case(o, &c, td_arena_printf(a, "%s:%d", name, doc->line), a, out, err);
    td_arena_destroy(a);
    return s;
}

static int run_timeloop(const options *o) {
    td_error err = {0};
    td_text out = {0};
    td_case c;
    td_arena *a = td_arena_create();
    td_status s = a == NULL ? td_fail(&err, TD_E_MEMORY, "out of memory")
                            : cli_load_timeloop(o->files, o->count, &c, &err);
    if (s == TD_OK) s = cost_case(o, &c, o->file, a, &out, &err);
    int code = s == TD_OK ? cli_print(&out) : cli_fail(&err);
    td_text_free(&out);
    td_arena_destroy(a);
    return code;
}

/* Runs one case and prints it; the first fault's exit code stays in *code. */
static bool one(const options *o, const char *data, size_t size, int line, int *code) {
    td_error err = {0};
    td_text out = {0};
    bool go_on = true;
    if (run_case(o, data, size, line, &out, &err) == TD_OK) {
        int c = cli_print(&out);
        if (c != 0) *code = c, go_on = false;
    } else {
        int c = cli_fail(&err);
        if (*code == 0) *code = c;
    }
    td_text_free(&out);
    return go_on;
}

int cmd_cost(int argc, char **argv) {
    static const struct argp_option argp_options[] = {
        {"counting", OPT_COUNTING, "RULES", 0,
         "exact (default): every loop in its true order; timeloop: Timeloop's rules with their "
         "approximations",
         0},
        {"format", 'f', "FORMAT", 0, "table or json (default: table on a terminal, else json)", 0},
        {0}};
    static const struct argp argp = {
        argp_options,
        parse,
        "FILE...",
        "Prints access counts, cycles and energy of mappings. FILE holds a neutral case (problem, "
        "accelerator, mapping; see docs/formats.md) as YAML (.yaml, .yml) or JSON, or one JSON "
        "case a "
        "line; \"-\" is standard input, JSON. A case that cannot be evaluated is told on standard "
        "error, and the others go on. One or several YAML files with the sections of Timeloop "
        "(architecture, problem, mapping, ERT) are one case."
        "\v"
        "Examples:\n"
        "  tandem cost examples/case.json\n"
        "  tandem cost cases.jsonl --counting timeloop --format json\n"
        "  tandem cost arch.yaml problem.yaml map.yaml --counting timeloop\n"
        "\n"
        "Exit code: 0, or that of the first case that cannot be evaluated (docs/cli.md): 3 wrong "
        "input, 6 capacity or fan-out exceeded, 7 imperfect factors.",
        0,
        0,
        0};
    options o = {.counting = TD_COUNT_EXACT};
    o.format = isatty(STDOUT_FILENO) ? CLI_TABLE : CLI_JSON;
    argp_parse(&argp, argc, argv, 0, NULL, &o);

    if (strcmp(o.file, "-") != 0 && cli_is_timeloop(o.file)) return run_timeloop(&o);
    td_error err = {0};
    if (o.count > 1) {
        td_fail(&err, TD_E_USAGE, "%s: one FILE at a time, but for the sections of Timeloop's YAML",
                o.file);
        return cli_fail(&err);
    }
    char *data = NULL;
    size_t size = 0;
    td_status s = cli_read(o.file, &data, &size, &err);
    if (s != TD_OK) return cli_fail(&err);
    int code = 0;
    if (data == NULL || cli_is_yaml(o.file) || !cli_is_lines(data, size)) {
        one(&o, data != NULL ? data : "", size, 1, &code);
    } else {
        int line = 1;
        bool go_on = true;
        for (size_t at = 0; at < size && go_on; line++) {
            const char *end = memchr(data + at, '\n', size - at);
            size_t n = end != NULL ? (size_t)(end - data) - at : size - at;
            if (!cli_is_blank(data + at, n)) go_on = one(&o, data + at, n, line, &code);
            at += n + 1;
        }
    }
    free(data);
    return code;
}

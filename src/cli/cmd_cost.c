/* tandem cost - what the mappings of neutral cases cost. */
#include "cli.h"

#include <argp.h>
#include <string.h>
#include <unistd.h>

#include "cli_cases.h"
#include "cli_cell.h"
#include "cli_cost.h"
#include "cli_timeloop.h"
#include "tandem/cost.h"

typedef struct {
    const char *file[CLI_MOST_FILES];
    int files;
    cli_format format;
    td_counting counting;
    bool asked; /* --counting was given */
} options;

enum { OPT_COUNTING = 1000 };

static error_t parse(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    switch (key) {
    case OPT_COUNTING:
        o->asked = true;
        if (!cli_counting_parse(arg, &o->counting))
            argp_error(state, "--counting: expected exact or timeloop, found \"%s\"", arg);
        return 0;
    case 'f':
        if (!cli_format_parse(arg, &o->format) || o->format == CLI_CSV)
            argp_error(state, "--format: expected table or json, found \"%s\"", arg);
        return 0;
    case ARGP_KEY_ARG:
        if (o->files == CLI_MOST_FILES) argp_error(state, "at most %d files", CLI_MOST_FILES);
        o->file[o->files++] = arg;
        return 0;
    case ARGP_KEY_END:
        if (o->files == 0) argp_error(state, "FILE is missing (\"-\" for standard input)");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* ---- output ---------------------------------------------------------------------------------- */

static void add_row(const td_case *c, const td_cost *cost, int l, int t, td_text *out) {
    const td_access *a = &cost->at[l][t];
    const double v[] = {a->tile_words, a->reads, a->fills, a->updates};
    td_text_addf(out, " %-12s %c %8s", c->hw.level[l].name, td_tensor_letter[t],
                 cli_words(cost->used[l]).s);
    for (int i = 0; i < 4; i++) td_text_addf(out, " %15s", cli_words(v[i]).s);
    td_text_addf(out, " %14.6g\n", a->energy_pj);
}

static void add_table(const td_case *c, td_counting counting, const td_cost *cost, td_text *out) {
    char problem[160];
    td_problem_text(&c->problem, problem, sizeof problem);
    td_text_addf(out, "%s: %s on %s, %s counting\n", c->name[0] ? c->name : "case", problem,
                 c->hw.name[0] ? c->hw.name : "the accelerator", cli_counting_name(counting));
    td_text_addf(out,
                 "%s MACs  %s cycles (limit: %s)  utilisation %.1f %%  energy %.6g uJ  EDP %.6g "
                 "pJ.cycles\n\n",
                 cli_words((double)cost->macs).s, cli_words((double)cost->cycles).s,
                 cost->limit < 0 ? "compute" : c->hw.level[cost->limit].name,
                 100 * cost->utilization, cost->total_pj / 1e6,
                 cost->total_pj * (double)cost->cycles);
    if (cost->skew_cycles > 0)
        td_text_addf(out, "filling and draining: %s of %s cycles of the array\n\n",
                     cli_words((double)cost->skew_cycles).s,
                     cli_words((double)cost->compute_cycles).s);
    if (cost->stall_cycles > 0)
        td_text_addf(out, "starts, commands and first and last tiles: %s of %s cycles\n\n",
                     cli_words((double)cost->stall_cycles).s,
                     cli_words((double)cost->compute_cycles).s);
    td_mapping_print(&c->problem, &c->hw, &c->mapping, out);
    td_text_addf(out, "\n %-12s   %8s %15s %15s %15s %15s %14s\n", "level", "used", "tile", "reads",
                 "fills", "updates", "energy pJ");
    td_text_addf(out, " %-12s   %8s %15s %15s %15s %15s %14.6g\n", "MAC",
                 cli_words(cost->mac_used).s, "", "", "", "", cost->mac_pj);
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

/* What counts: as asked, else as the case says (`tandem map` writes it), else exactly. */
static td_status find_counting(const options *o, const td_node *doc, td_counting *out,
                               td_error *err) {
    const char *name = "exact";
    *out = o->counting;
    if (o->asked) return TD_OK;
    td_status s = td_node_opt_string(doc, "counting", &name, err);
    if (s == TD_OK && !cli_counting_parse(name, out))
        s = td_node_fail(td_node_find(doc, "counting"), err,
                         "expected exact or timeloop, found \"%.40s\"", name);
    return s;
}

/* Evaluates and adds to the output. `where`: what a fault is told of. */
static td_status cost_case(const options *o, td_counting counting, const td_case *c,
                           const char *where, td_arena *a, td_text *out, td_error *err) {
    td_cost cost;
    td_status s =
        c->has_mapping
            ? td_cost_evaluate(&c->problem, &c->hw, &c->mapping, counting, &cost, err)
            : td_fail(err, TD_E_INPUT,
                      "missing key \"mapping\", expected the mapping to cost (`tandem map` finds "
                      "one)");
    if (s != TD_OK) return td_error_prefix(err, "%s%s%s", where, c->name[0] ? ": " : "", c->name);
    if (o->format == CLI_JSON) return add_json(c, counting, &cost, a, out, err);
    add_table(c, counting, &cost, out);
    return TD_OK;
}

static td_status run_case(const options *o, const cli_cases *cases, int i, td_text *out,
                          td_error *err) {
    td_arena *a = td_arena_create();
    if (a == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    const td_node *doc;
    td_case c;
    td_counting counting = TD_COUNT_EXACT;
    td_status s = cli_cases_parse(cases, i, a, &doc, err);
    if (s == TD_OK) s = td_case_from_node(doc, &c, err);
    if (s == TD_OK) s = find_counting(o, doc, &counting, err);
    if (s == TD_OK)
        s = cost_case(o, counting, &c, td_arena_printf(a, "%s:%d", cases->name, doc->line), a, out,
                      err);
    td_arena_destroy(a);
    return s;
}

static int run_timeloop(const options *o) {
    td_error err = {0};
    td_text out = {0};
    td_case c;
    td_arena *a = td_arena_create();
    td_status s = a == NULL ? td_fail(&err, TD_E_MEMORY, "out of memory")
                            : cli_load_timeloop(o->file, o->files, &c, &err);
    if (s == TD_OK) s = cost_case(o, o->counting, &c, o->file[0], a, &out, &err);
    int code = s == TD_OK ? cli_print(&out) : cli_fail(&err);
    td_text_free(&out);
    td_arena_destroy(a);
    return code;
}

/* Runs one case and prints it; the first fault's exit code stays in *code. */
static bool one(const options *o, const cli_cases *cases, int i, int *code) {
    td_error err = {0};
    td_text out = {0};
    bool go_on = true;
    if (run_case(o, cases, i, &out, &err) == TD_OK) {
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
         "exact: every loop in its true order; timeloop: Timeloop's rules with their "
         "approximations (default: as the case says in \"counting\", else exact)",
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
        "Exit code: 0, or that of the first case that cannot be evaluated (docs/cli.md): 2 wrong "
        "command line, 3 wrong input, 4 not found, 5 reading or writing failed, 6 capacity or "
        "fan-out exceeded, 7 not supported.",
        0,
        0,
        0};
    options o = {.counting = TD_COUNT_EXACT};
    o.format = isatty(STDOUT_FILENO) ? CLI_TABLE : CLI_JSON;
    argp_parse(&argp, argc, argv, 0, NULL, &o);

    if (strcmp(o.file[0], "-") != 0 && cli_is_timeloop(o.file[0])) return run_timeloop(&o);
    td_error err = {0};
    cli_cases cases;
    if (o.files > 1) {
        td_fail(&err, TD_E_USAGE, "%s: one FILE at a time, but for the sections of Timeloop's YAML",
                o.file[0]);
        return cli_fail(&err);
    }
    if (cli_cases_read(o.file[0], &cases, &err) != TD_OK) return cli_fail(&err);
    int code = 0;
    for (int i = 0; i < cases.n && one(&o, &cases, i, &code); i++) continue;
    cli_cases_free(&cases);
    return code;
}

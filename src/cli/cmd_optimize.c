/* tandem optimize - a problem of somebody's own, evaluated by a program of theirs. */
#include "cli.h"

#include <argp.h>
#include <stdio.h>

#include "cli_option.h"
#include "study_problem.h"

typedef struct {
    const char *problem;
    int64_t trials, parallel;
    double hours;
    bool dry_run;
    cli_problem run;
    cli_set set;
} options;

enum { OPT_TRIALS = 1000, OPT_HOURS, OPT_PARALLEL, OPT_SET, OPT_DRY_RUN };

static error_t parse(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    switch (key) {
    case 'o': o->run.out = arg; return 0;
    case 'q': o->run.quiet = true; return 0;
    case 'f':
        if (!cli_format_parse(arg, &o->run.format))
            argp_error(state, "--format: expected table, json or csv, found \"%s\"", arg);
        return 0;
    case OPT_TRIALS: o->trials = cli_option_int(state, "trials", arg, 1, 10000000); return 0;
    case OPT_HOURS: o->hours = cli_option_real(state, "hours", arg, 1e-6, 1e6); return 0;
    case OPT_PARALLEL: o->parallel = cli_option_int(state, "parallel", arg, 1, 4096); return 0;
    case OPT_DRY_RUN: o->dry_run = true; return 0;
    case OPT_SET:
        if (!cli_set_add(&o->set, arg)) argp_error(state, "--set: at most %d", CLI_MOST_SET);
        return 0;
    case ARGP_KEY_ARG:
        if (o->problem != NULL) argp_error(state, "one PROBLEM at a time");
        o->problem = arg;
        return 0;
    case ARGP_KEY_END:
        if (o->problem == NULL) argp_error(state, "expected a PROBLEM (a YAML file)");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static td_status load(const options *o, td_arena *a, td_blackbox **b, td_error *err) {
    td_override changed[CLI_MOST_SET + 3];
    int n = 0;
    for (int i = 0; i < o->set.n; i++) changed[n++] = (td_override){NULL, o->set.value[i], "--set"};
    if (o->trials > 0)
        changed[n++] = (td_override){"budget.trials",
                                     td_arena_printf(a, "%lld", (long long)o->trials), "--trials"};
    if (o->hours > 0)
        changed[n++] =
            (td_override){"budget.hours", td_arena_printf(a, "%.17g", o->hours), "--hours"};
    if (o->parallel > 0)
        changed[n++] = (td_override){"parallel", td_arena_printf(a, "%lld", (long long)o->parallel),
                                     "--parallel"};
    return td_blackbox_load_with(o->problem, changed, n, b, err);
}

int cmd_optimize(int argc, char **argv) {
    static const struct argp_option argp_options[] = {
        {"out", 'o', "DIR", 0, "results folder (default results/NAME); resumes what is there", 0},
        {"trials", OPT_TRIALS, "N", 0, "trials in place of the problem's budget", 0},
        {"hours", OPT_HOURS, "X", 0, "active time in place of the problem's budget", 0},
        {"parallel", OPT_PARALLEL, "N", 0,
         "trials at a time, each by a program of its own, in place of the problem's", 0},
        {"set", OPT_SET, "KEY=VALUE", 0,
         "another value for a key of the problem, before it is checked (repeatable)", 0},
        {"dry-run", OPT_DRY_RUN, 0, 0, "check the problem and say what it would do", 0},
        {"format", 'f', "FORMAT", 0, "of the best on stdout: table (default), json or csv", 0},
        {"quiet", 'q', 0, 0, "no progress", 0},
        {0}};
    static const struct argp argp = {
        argp_options,
        parse,
        "PROBLEM",
        "Minimises (or maximises) what a program of yours answers. The problem's file has the "
        "parameters, objectives and constraints; the program reads a line of JSON per trial, "
        "{\"trial\": 0, \"parameters\": {...}, \"seed\": 1}, and answers with one: {\"cost\": "
        "1.5}. Ctrl-C stops after the running trials, a second one at once; the same command goes "
        "on where it stopped. docs/optimize.md has the file and the protocol.\v"
        "A problem's file:\n"
        "  name: valley\n"
        "  parameters:\n"
        "    x: {real: [-2, 2]}\n"
        "    n: {int: [1, 8]}\n"
        "    kind: {choice: [flat, steep]}\n"
        "  objectives: [cost]\n"
        "  constraints: [{name: mass, max: 20}]\n"
        "  command: [python3, valley.py]\n"
        "  budget: {trials: 200}\n\n"
        "Examples:\n"
        "  tandem optimize examples/vessel/vessel.yaml\n"
        "  tandem optimize my.yaml --set seed=2 --out results/seed-2\n"
        "  tandem optimize my.yaml --parallel 4 --trials 500\n"
        "  tandem study best results/vessel\n"
        "  tandem ask my.yaml -n 4           # another program evaluates: see tandem ask --help",
        0,
        0,
        0};
    options o = {.run = {.format = CLI_TABLE}};
    argp_parse(&argp, argc, argv, 0, NULL, &o);
    td_error err = {0};
    td_blackbox *b = NULL;
    td_text text = {0};
    td_arena *a = td_arena_create();
    td_status s = a != NULL ? load(&o, a, &b, &err) : td_fail(&err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK) td_blackbox_describe(b, &text);
    if (s == TD_OK && o.run.out == NULL)
        o.run.out = td_arena_printf(a, "results/%s", td_blackbox_name(b));
    int code;
    if (s != TD_OK) {
        code = cli_fail(&err);
    } else if (o.dry_run) {
        code = cli_print(&text);
    } else {
        if (!o.run.quiet && text.data != NULL) fputs(text.data, stderr);
        code = cli_problem_run(b, &o.run);
    }
    td_text_free(&text);
    td_blackbox_destroy(b);
    td_arena_destroy(a);
    return code;
}

/* tandem study layers - what a nested search found for each layer on the accelerator of a trial. */
#include "study_layers.h"

#include <argp.h>
#include <stdlib.h>

#include "cli.h"
#include "cli_option.h"
#include "study_open.h"
#include "tandem/report.h"
#include "tandem/study_nested.h"

enum { OPT_TRIAL = 1000 };

typedef struct {
    const char *where;
    int64_t trial; /* -1: the best */
    cli_format format;
} options;

static error_t parse(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    switch (key) {
    case OPT_TRIAL: o->trial = cli_option_int(state, "trial", arg, 0, INT64_MAX); return 0;
    case 'f':
        if (!cli_format_parse(arg, &o->format))
            argp_error(state, "--format: expected table, json or csv, found \"%s\"", arg);
        return 0;
    case ARGP_KEY_ARG:
        if (o->where != NULL) argp_error(state, "unexpected argument \"%s\"", arg);
        o->where = arg;
        return 0;
    case ARGP_KEY_END:
        if (o->where == NULL) argp_error(state, "expected a results folder");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

/* The number of the trial that is asked for. */
static td_status find_trial(const options *o, td_store *store, const char *study, td_arena *a,
                            int64_t *number, td_error *err) {
    td_trial_row *t;
    int n;
    *number = o->trial;
    if (o->trial >= 0) return TD_OK;
    td_status s = td_store_trials(store, study, a, &t, &n, err);
    const int best = s == TD_OK ? td_problem_best(t, n) : -1;
    if (s == TD_OK && best < 0) s = td_fail(err, TD_E_NOT_FOUND, "no trial is done yet");
    if (s == TD_OK) *number = t[best].number;
    return s;
}

static td_status print(const options *o, td_arena *a, td_text *out, td_error *err) {
    td_store *store = NULL;
    td_study_info *info;
    td_blackbox *b = NULL;
    td_goals goals;
    const char *study = NULL;
    td_inner_row *row = NULL;
    int n = 0, layers = 0;
    int64_t number = 0;
    td_status s = study_open(o->where, a, &store, &info, &n, err);
    if (s == TD_OK) s = td_store_problem(store, a, &study, NULL, &goals, err);
    if (s == TD_OK && study != NULL) s = td_blackbox_stored(o->where, NULL, 0, &b, err);
    if (s == TD_OK && (study == NULL || td_blackbox_layers(b, &layers) == NULL))
        s = td_fail(err, TD_E_USAGE, "%s: no nested search (a recipe with `mapping`) there",
                    o->where);
    if (s == TD_OK) s = find_trial(o, store, study, a, &number, err);
    if (s == TD_OK) s = td_store_inner(store, study, number, a, &row, &n, err);
    if (s == TD_OK && o->format == CLI_TABLE) {
        td_text_addf(out, "trial %lld, %d of %d layers\n", (long long)number, n, layers);
        td_report_inner_table(b, row, n, out);
    } else if (s == TD_OK && o->format == CLI_CSV) {
        td_report_inner_csv(b, row, n, out);
    } else if (s == TD_OK) {
        td_node_to_json(td_report_inner_node(b, row, n, a), 2, out);
        td_text_add(out, "\n");
    }
    td_blackbox_destroy(b);
    td_store_close(store);
    return s;
}

int study_layers(int argc, char **argv) {
    static const struct argp_option argp_options[] = {
        {"trial", OPT_TRIAL, "N", 0, "the accelerator of this trial (default: the best)", 0},
        {"format", 'f', "FORMAT", 0,
         "table (default), csv, or json: with the mapping and the best value so far by trials", 0},
        {0}};
    static const struct argp argp = {
        argp_options,
        parse,
        "DIR",
        "Shows the second level of a nested search (a recipe with `mapping`): what was found for "
        "each layer on one accelerator, and with how many trials. drawn: random mappings until "
        "those that fit were found, the others included. gap: how far the value is from the bound "
        "that the mapper has proved, at most.\v"
        "Examples:\n"
        "  tandem study layers results/learned-codesign\n"
        "  tandem study layers results/learned-codesign --trial 3 -f json",
        0,
        0,
        0};
    options o = {.trial = -1, .format = CLI_TABLE};
    argp_parse(&argp, argc, argv, 0, NULL, &o);
    td_error err = {0};
    td_text out = {0};
    td_arena *a = td_arena_create();
    td_status s =
        a != NULL ? print(&o, a, &out, &err) : td_fail(&err, TD_E_MEMORY, "out of memory");
    int code = s == TD_OK ? cli_print(&out) : cli_fail(&err);
    td_text_free(&out);
    td_arena_destroy(a);
    return code;
}

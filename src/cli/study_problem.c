#include "study_problem.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli_progress.h"
#include "tandem/report.h"
#include "tandem/study_nested.h"

/* The trials that a verb is about. */
static td_status select_trials(const char *verb, const td_goals *g, const td_trial_row *t, int n,
                               int *pick, int *count, td_error *err) {
    *count = 0;
    bool best = strcmp(verb, "best") == 0;
    if (strcmp(verb, "pareto") == 0 || (best && g->nobj > 1))
        return td_problem_front(t, n, g, pick, count, err);
    if (best) {
        pick[0] = td_problem_best(t, n);
        *count = pick[0] >= 0;
        return TD_OK;
    }
    for (int i = 0; i < n; i++) pick[(*count)++] = i;
    return TD_OK;
}

static td_status print(const char *study, const td_goals *g, const char *verb, cli_format format,
                       const td_trial_row *t, int n, const int *pick, int count, td_arena *a,
                       td_text *out, td_error *err) {
    double volume = NAN;
    if (format == CLI_CSV) return td_report_problem_csv(g, t, n, pick, count, out, err);
    if (format == CLI_JSON) {
        td_node *all = td_node_map(a);
        td_node_put(a, all, study, td_report_problem_node(g, t, pick, count, a));
        td_node_to_json(all, 1, out);
        td_text_add(out, "\n");
        return TD_OK;
    }
    if (count > 0)
        td_report_problem_table(g, t, pick, count, out);
    else
        td_text_add(out, n == 0 ? "no trials yet\n"
                                : "no trial has brought values (`tandem study show` has the "
                                  "reasons)\n");
    bool best = strcmp(verb, "best") == 0;
    if (best && g->nobj == 1 && count > 0) td_report_problem_parameters(&t[pick[0]], out);
    td_status s = g->nobj > 1 && (best || strcmp(verb, "pareto") == 0)
                      ? td_problem_hypervolume(t, n, g, &volume, err)
                      : TD_OK;
    if (s == TD_OK && !isnan(volume)) td_text_addf(out, "hypervolume %.6g\n", volume);
    return s;
}

td_status cli_problem_show(td_store *store, const char *study, const td_goals *g, const char *verb,
                           cli_format format, int limit, td_text *out, td_error *err) {
    td_trial_row *t;
    int n = 0, count = 0;
    td_arena *a = td_arena_create();
    if (a == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = td_store_trials(store, study, a, &t, &n, err);
    int *pick = TD_NEW(a, int, n + 1);
    if (s == TD_OK && pick == NULL) s = td_fail(err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK) s = select_trials(verb, g, t, n, pick, &count, err);
    if (s == TD_OK && limit > 0 && count > limit) {
        pick += count - limit;
        count = limit;
    }
    if (s == TD_OK) s = print(study, g, verb, format, t, n, pick, count, a, out, err);
    td_arena_destroy(a);
    return s;
}

bool cli_problem_folder(const char *where, bool *asked) {
    struct stat sb;
    td_store *store = NULL;
    const char *study = NULL, *path = where;
    td_goals goals;
    td_arena *a = td_arena_create();
    if (stat(where, &sb) == 0 && S_ISDIR(sb.st_mode))
        path = td_arena_printf(a, "%s/study.db", where);
    td_status s = path != NULL ? td_store_open(path, false, &store, NULL) : TD_E_MEMORY;
    if (s == TD_OK) s = td_store_problem(store, a, &study, NULL, &goals, NULL);
    bool found = s == TD_OK && study != NULL;
    *asked = found && strcmp(study, "ask") == 0;
    td_store_close(store);
    td_arena_destroy(a);
    return found;
}

/* The layers of the best trial of a nested search: a table, and the folder best/. */
static td_status write_nested(const td_blackbox *b, td_store *store, const char *study,
                              const td_trial_row *t, int n, const cli_problem *o, td_arena *a,
                              td_text *out, td_error *err) {
    td_inner_row *row;
    int layers = 0;
    const int best = td_problem_best(t, n);
    if (td_blackbox_layers(b, &layers) == NULL || best < 0) return TD_OK;
    td_status s = td_store_inner(store, study, t[best].number, a, &row, &layers, err);
    if (s == TD_OK) s = td_report_nested_write(b, &t[best], row, layers, o->out, err);
    if (s == TD_OK && o->format == CLI_TABLE) {
        td_text_add(out, "\n");
        td_report_inner_table(b, row, layers, out);
        td_text_add(out, "\n");
    }
    return s;
}

/* ---- a search -------------------------------------------------------------------------------- */

static td_status write_results(const td_blackbox *b, const cli_problem *o, bool *met, td_text *out,
                               td_error *err) {
    td_store *store = NULL;
    td_trial_row *t;
    const char *study;
    td_goals goals;
    int n = 0;
    td_arena *a = td_arena_create();
    const char *path = td_arena_printf(a, "%s/study.db", o->out);
    td_status s = path != NULL ? td_store_open(path, false, &store, err)
                               : td_fail(err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK) s = td_store_problem(store, a, &study, NULL, &goals, err);
    if (s == TD_OK) s = td_store_trials(store, study, a, &t, &n, err);
    for (int i = 0; s == TD_OK && i < n; i++) *met = *met || t[i].feasible;
    if (s == TD_OK) s = td_report_problem_write(b, t, n, o->out, err);
    if (s == TD_OK) s = cli_problem_show(store, study, &goals, "best", o->format, 0, out, err);
    if (s == TD_OK) s = write_nested(b, store, study, t, n, o, a, out, err);
    if (s == TD_OK && o->format == CLI_TABLE)
        td_text_addf(out, "%d trials; results in %s\n", n, o->out);
    td_store_close(store);
    td_arena_destroy(a);
    return s;
}

int cli_problem_run(const td_blackbox *b, const cli_problem *o) {
    td_error err = {0};
    td_text text = {0};
    bool met = false;
    cli_stop_on_signals();
    cli_bar bar = cli_bar_begin();
    const td_run_options run = {.out = o->out,
                                .threads = o->threads,
                                .progress = o->quiet ? NULL : cli_bar_show,
                                .cancelled = cli_stop_asked,
                                .abandoned = cli_abandon_asked,
                                .self = &bar,
                                .log = &cli_warnings};
    td_status s = td_blackbox_run(b, &run, &err);
    cli_bar_end(&bar);
    if (s == TD_E_INTERRUPTED)
        td_fail(&err, s, "interrupted; finished trials are in %s; the same command goes on",
                o->out);
    if (s == TD_OK) s = write_results(b, o, &met, &text, &err);
    int code = s == TD_OK ? cli_print(&text) : cli_fail(&err);
    if (s == TD_OK && code == 0 && !met) {
        td_fail(&err, TD_E_INFEASIBLE, "no trial has %s; all are in %s",
                td_blackbox_goals(b)->ncon > 0 ? "brought values that meet the constraints"
                                               : "brought values",
                o->out);
        code = cli_fail(&err);
    }
    td_text_free(&text);
    return code;
}

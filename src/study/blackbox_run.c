/* blackbox_run.c - a problem's study in its results folder: searched, joined, added to, and looked
 * at. */
#include "blackbox.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "blackbox_eval.h"
#include "enqueue.h"
#include "inner.h"
#include "run.h"

/* ---- which study a folder has ---------------------------------------------------------------- */

static bool is_problem(const char *study) {
    return strcmp(study, TD__STUDY_OPTIMIZE) == 0 || strcmp(study, TD__STUDY_ASK) == 0;
}

td_status td_store_problem(td_store *s, td_arena *a, const char **study, const char **name,
                           td_goals *goals, td_error *err) {
    td_study_info *info;
    td__study_row row;
    const td_node *doc;
    int n, at = 0;
    *study = NULL;
    td_status status = td_store_studies(s, a, &info, &n, err);
    while (status == TD_OK && at < n && !is_problem(info[at].name)) at++;
    if (status != TD_OK || at == n) return status;
    status = td__store_study_row(s, info[at].id, a, &row, err);
    if (status == TD_OK)
        status = td_yaml_parse(a, row.spec, strlen(row.spec), "study.db", &doc, err);
    if (status == TD_OK) status = td__goals_read(doc, goals, err);
    if (status == TD_OK && name != NULL) status = td_node_get_string(doc, "name", name, err);
    if (status == TD_OK) *study = info[at].name;
    return status;
}

td_status td_blackbox_stored(const char *folder, const td_override *o, int n, td_blackbox **out,
                             td_error *err) {
    td_store *store = NULL;
    td__study_row row = {0};
    int64_t id = 0;
    td_goals goals;
    const char *study = NULL;
    *out = NULL;
    td_arena *a = td_arena_create();
    const char *path = td_arena_printf(a, "%s/study.db", folder);
    if (path == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = td_store_open(path, false, &store, err);
    if (s == TD_OK) s = td_store_problem(store, a, &study, NULL, &goals, err);
    if (s == TD_OK && study == NULL)
        s = td_fail(err, TD_E_NOT_FOUND, "%s: no problem of `tandem optimize` or `ask` there",
                    folder);
    if (s == TD_OK) s = td__store_find(store, study, &id, err);
    if (s == TD_OK) s = td__store_study_row(store, id, a, &row, err);
    if (s == TD_OK)
        s = td__blackbox_parse(row.spec, strlen(row.spec), row.path != NULL ? row.path : folder, o,
                               n, out, err);
    td_store_close(store);
    td_arena_destroy(a);
    return s;
}

td_status td__blackbox_open(const char *folder, const char *study, td_store **out, td_error *err) {
    td_study_info *info;
    int n;
    *out = NULL;
    td_arena *a = td_arena_create();
    const char *path = td_arena_printf(a, "%s/study.db", folder);
    td_status s = path != NULL ? td_store_open(path, true, out, err)
                               : td_fail(err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK) s = td_store_studies(*out, a, &info, &n, err);
    for (int i = 0; s == TD_OK && i < n; i++) {
        const char *name = info[i].name;
        if (strcmp(name, study) == 0) continue;
        s = td_fail(err, TD_E_USAGE, "%s: %s; give another folder", folder,
                    strcmp(name, TD__STUDY_ASK) == 0
                        ? "its trials are asked for by another program (tandem ask, tandem tell)"
                    : strcmp(name, TD__STUDY_OPTIMIZE) == 0
                        ? "its trials are those of tandem optimize"
                        : "it has the trials of a recipe");
    }
    td_arena_destroy(a);
    return s;
}

/* ---- searching ------------------------------------------------------------------------------- */

/* What stands to be searched: everything is made by open_row and freed by close_row. */
typedef struct {
    td_arena *arena;
    td_store *store;
    td__asker *asker; /* one of the two: a program, or nested searches */
    td__nester *nester;
    td__lock lock;
    td_run_options run;
    td__row row;
    int64_t study;
} job;

static td_status open_row(const td_blackbox *b, const td_run_options *o, job *j, td_error *err) {
    *j = (job){.arena = td_arena_create(), .lock = {.fd = -1}, .run = *o};
    if (j->arena == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    if (b->command == NULL && b->nested == NULL)
        return td_fail(err, TD_E_INPUT,
                       "%s: missing key \"command\": the program that evaluates a trial (without "
                       "one there are `tandem ask` and `tandem tell`)",
                       b->path);
    if (b->trials == 0 && b->hours == 0)
        return td_fail(err, TD_E_INPUT, "%s: missing key \"budget\", with trials or hours",
                       b->path);
    int64_t threads = o->threads > 0 && o->threads < b->parallel ? o->threads : b->parallel;
    j->run.threads = (int)threads;
    td_status s = td__blackbox_row(b, false, j->arena, &j->row, err);
    int cores = o->threads > 0 ? o->threads : td_cpu_count();
    int share = cores / (int)threads > 1 ? cores / (int)threads : 1;
    if (s == TD_OK)
        s = b->nested != NULL ? td__nester_create(b, share, &j->nester, err)
                              : td__asker_create(b, (int)threads, &j->run, &j->asker, err);
    if (s != TD_OK) return s;
    if (o->max_trials > 0) j->row.trials = o->max_trials;
    if (o->max_hours > 0) j->row.active_s = 3600 * o->max_hours;
    j->row.evaluator =
        b->nested != NULL ? td__nester_evaluator(j->nester) : td__asker_evaluator(j->asker);
    j->row.stop_file = td_arena_printf(j->arena, "%s/stop", o->out);
    j->row.run = &j->run;
    return j->row.stop_file != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
}

static td_status join_store(const td_run_options *o, job *j, td_error *err) {
    td_status s = td__blackbox_open(o->out, TD__STUDY_OPTIMIZE, &j->store, err);
    if (s == TD_OK) s = td__store_join(j->store, err);
    j->row.store = j->store;
    return s;
}

static void close_row(job *j) {
    if (j->store != NULL) td__store_leave(j->store, NULL);
    td_store_close(j->store);
    td__asker_destroy(j->asker);
    td__nester_destroy(j->nester);
    td__lock_close(&j->lock);
    td_arena_destroy(j->arena);
}

td_status td_blackbox_run(const td_blackbox *b, const td_run_options *o, td_error *err) {
    job j;
    td_status s = open_row(b, o, &j, err);
    if (s == TD_OK) s = td_dir_make(o->out, err);
    if (s == TD_OK) s = td__lead(o->out, j.arena, &j.lock, err);
    if (s == TD_OK) unlink(j.row.stop_file);
    if (s == TD_OK) s = join_store(o, &j, err);
    if (s == TD_OK) s = td__row_enter(&j.row, &j.study, err);
    if (s == TD_OK && o->joinable != NULL) o->joinable(o->self);
    if (s == TD_OK) s = td__row_search(&j.row, j.study, err);
    close_row(&j);
    return s;
}

td_status td_blackbox_join(const td_blackbox *b, const td_run_options *o, td_error *err) {
    job j;
    int state = -1;
    td_status s = open_row(b, o, &j, err);
    if (s == TD_OK) s = join_store(o, &j, err);
    if (s == TD_OK) s = td__row_find(&j.row, &j.study, &state, err);
    if (s == TD_OK && state < 0)
        s = td_fail(err, TD_E_NOT_FOUND, "%s: no search was begun there", o->out);
    if (s == TD_OK && state < 2) s = td__row_search(&j.row, j.study, err);
    close_row(&j);
    return s;
}

td_status td_blackbox_enqueue(const td_blackbox *b, const char *folder, const td_node *designs,
                              int64_t *first, int *count, td_error *err) {
    td_store *store = NULL;
    td__designs list = {0};
    td__row row;
    td_goals goals;
    const char *study = NULL;
    int64_t id = 0;
    td__lock lock = {.fd = -1};
    *count = 0;
    td_arena *a = td_arena_create();
    if (a == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = td_dir_make(folder, err);
    const char *path = td_arena_printf(a, "%s/study.db", folder);
    if (s == TD_OK && path != NULL && td_file_exists(path)) {
        s = td_store_open(path, false, &store, err);
        if (s == TD_OK) s = td_store_problem(store, a, &study, NULL, &goals, err);
        td_store_close(store);
        store = NULL;
    }
    bool asked = study != NULL && strcmp(study, TD__STUDY_ASK) == 0;
    if (s == TD_OK && asked) s = td__take_turn(folder, a, &lock, err);
    if (s == TD_OK) s = td__blackbox_row(b, asked, a, &row, err);
    if (s == TD_OK) s = td__designs_read(b->space, row.name, designs, a, &list, err);
    if (s == TD_OK) s = td__blackbox_open(folder, row.name, &store, err);
    row.store = store;
    int state = -1;
    if (s == TD_OK) s = td__row_find(&row, &id, &state, err);
    if (s == TD_OK && state < 0) s = td__row_enter(&row, &id, err);
    for (int i = 0; s == TD_OK && i < list.n; i++) {
        int64_t number;
        s = td__store_enqueue(store, id, list.params[i], list.hash[i], &number, err);
        if (s == TD_OK && (*count)++ == 0) *first = number;
    }
    if (s == TD_E_DONE)
        td_fail(err, s, "there is no number left for point %d; a larger budget.trials has",
                *count + 1);
    td_store_close(store);
    td__lock_close(&lock);
    td_arena_destroy(a);
    return s;
}

/* ---- the best -------------------------------------------------------------------------------- */

int td_problem_best(const td_trial_row *t, int n) {
    int best = -1;
    for (int i = 0; i < n; i++)
        if (t[i].state == TD_TRIAL_DONE &&
            (best < 0 || td_outcome_compare(&t[i].outcome, &t[best].outcome) < 0))
            best = i;
    return best;
}

td_status td_problem_front(const td_trial_row *t, int n, const td_goals *g, int *out, int *count,
                           td_error *err) {
    int m = 0;
    size_t room = (size_t)n + 1;
    double *point = malloc(room * (size_t)g->nobj * sizeof *point);
    uint8_t *mask = malloc(room);
    td_status s =
        point != NULL && mask != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    *count = 0;
    for (int i = 0; s == TD_OK && i < n; i++) {
        if (!td_outcome_feasible(&t[i].outcome)) continue;
        memcpy(point + m * g->nobj, t[i].outcome.obj, sizeof *point * (size_t)g->nobj);
        out[m++] = i;
    }
    if (s == TD_OK && m > 0) s = td_pareto_front(point, m, g->nobj, mask, err);
    for (int i = 0; s == TD_OK && i < m; i++)
        if (mask[i]) out[(*count)++] = out[i];
    free(mask);
    free(point);
    return s;
}

td_status td_problem_hypervolume(const td_trial_row *t, int n, const td_goals *g, double *volume,
                                 td_error *err) {
    double corner[TD_MOST_OBJECTIVES];
    *volume = NAN;
    for (int i = 0; i < g->nobj; i++) {
        if (g->nobj == 1 || isnan(g->objective[i].reference)) return TD_OK;
        corner[i] = td_goals_value(g, i, g->objective[i].reference);
    }
    int *front = malloc(((size_t)n + 1) * sizeof *front), count = 0;
    double *point = malloc(((size_t)n + 1) * (size_t)g->nobj * sizeof *point);
    td_status s =
        front != NULL && point != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK) s = td_problem_front(t, n, g, front, &count, err);
    for (int i = 0; s == TD_OK && i < count; i++)
        memcpy(point + i * g->nobj, t[front[i]].outcome.obj, sizeof *point * (size_t)g->nobj);
    *volume = 0;
    if (s == TD_OK && count > 0) s = td_hypervolume(point, count, g->nobj, corner, volume, err);
    free(point);
    free(front);
    return s;
}

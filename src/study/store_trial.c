/* store_trial.c - the life of a trial: ready -> running -> done | pruned | failed | infeasible.
 * Rules: docs/store.md. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_sql.h"

enum { KIND_OBJECTIVE, KIND_CONSTRAINT, KIND_METRIC, KIND_TOLD };
/* `idx` of the metrics in the store, for ever (docs/store.md): new ones come at the end. */
enum {
    METRIC_LATENCY,
    METRIC_ENERGY,
    METRIC_AREA,
    METRIC_ACCURACY,
    METRIC_REWARD,
    METRIC_VIOLATION,
    METRIC_SCORED,
    METRIC_POWER,
    METRIC_STEPS,
    N_STORED
};
static const int metric_idx[TD_NMETRIC] = {[TD_METRIC_LATENCY] = METRIC_LATENCY,
                                           [TD_METRIC_ENERGY] = METRIC_ENERGY,
                                           [TD_METRIC_AREA] = METRIC_AREA,
                                           [TD_METRIC_POWER] = METRIC_POWER};

static int64_t now_ms(void) {
    return (int64_t)(td_time_wall_s() * 1000);
}

static td_status find_asked(td_store *s, int64_t study, const char *key, int64_t *number,
                            bool *found, td_error *err) {
    sqlite3_stmt *st;
    td_status status =
        td__sql_cached(s, &st, err, "SELECT number FROM trial WHERE study_id = ? AND ask_key = ?",
                       "is", study, key);
    if (status == TD_OK) status = td__sql_step(s, st, found, err);
    if (status == TD_OK && *found) *number = sqlite3_column_int64(st, 0);
    td__sql_done(s, st);
    return status;
}

/* In the transaction that tests the budgets (rule 3). */
static td_status next_number(td_store *s, int64_t study, int64_t *number, td_error *err) {
    sqlite3_stmt *st;
    bool row = false;
    td_status status =
        td__sql_cached(s, &st, err,
                       "UPDATE study SET next_number = next_number + 1 WHERE id = ? AND"
                       " (max_trials IS NULL OR next_number < max_trials) AND"
                       " (max_active IS NULL OR active < max_active) RETURNING next_number - 1",
                       "i", study);
    if (status == TD_OK) status = td__sql_step(s, st, &row, err);
    if (status == TD_OK && row) *number = sqlite3_column_int64(st, 0);
    td__sql_done(s, st);
    return status == TD_OK && !row ? td_fail(err, TD_E_DONE, "the budget is used up") : status;
}

/* The active time up to now, if it is limited. It is kept also where it ends the asking: once over
 * it is over for all workers. */
static td_status count_time(td_store *s, int64_t study, double lease_s, td_error *err) {
    sqlite3_stmt *st;
    bool limited = false;
    td_status status = td__sql_cached(
        s, &st, err, "SELECT 1 FROM study WHERE id = ? AND max_active IS NOT NULL", "i", study);
    if (status == TD_OK) status = td__sql_step(s, st, &limited, err);
    td__sql_done(s, st);
    return status == TD_OK && limited ? td__store_active(s, study, false, lease_s, err) : status;
}

td_status td__store_ask(td_store *s, int64_t study, const char *key, int64_t seen,
                        const char *params, uint64_t params_hash, double lease_s, int64_t *number,
                        bool *made, td_error *err) {
    bool found = false;
    *made = false;
    td_status status = find_asked(s, study, key, number, &found, err);
    if (status != TD_OK || found) return status;
    status = td__sql_begin(s, err);
    if (status != TD_OK) return status;
    status = find_asked(s, study, key, number, &found, err);
    if (status != TD_OK || found) return td__sql_end(s, status, err);
    status = count_time(s, study, lease_s, err);
    td_status over = status == TD_OK ? next_number(s, study, number, err) : status;
    if (over == TD_OK)
        status = td__sql_run(s, err,
                             "INSERT INTO trial (study_id, number, state, params, params_hash,"
                             " ask_key, seen, created) VALUES (?, ?, 0, ?, ?, ?, ?, ?)",
                             "iishsii", study, *number, params, params_hash, key, seen, now_ms());
    else if (over != TD_E_DONE)
        status = over;
    status = td__sql_end(s, status, err);
    *made = status == TD_OK && over == TD_OK;
    return status == TD_OK ? over : status;
}

td_status td__store_add_trial(td_store *s, int64_t study, const char *params, uint64_t params_hash,
                              int64_t *number, td_error *err) {
    char key[32];
    td_status status = next_number(s, study, number, err);
    if (status != TD_OK) return status;
    snprintf(key, sizeof key, "0:%lld", (long long)*number);
    return td__sql_run(s, err,
                       "INSERT INTO trial (study_id, number, state, params, params_hash, ask_key,"
                       " seen, created, origin) VALUES (?, ?, 0, ?, ?, ?, -1, ?, 1)",
                       "iishsi", study, *number, params, params_hash, key, now_ms());
}

td_status td__store_enqueue(td_store *s, int64_t study, const char *params, uint64_t params_hash,
                            int64_t *number, td_error *err) {
    td_status status = td__sql_begin(s, err);
    if (status != TD_OK) return status;
    return td__sql_end(s, td__store_add_trial(s, study, params, params_hash, number, err), err);
}

td_status td__store_enter(td_store *s, int64_t id, int64_t seen, td_error *err) {
    td_status status = td__sql_begin(s, err);
    if (status != TD_OK) return status;
    status =
        td__sql_run(s, err, "UPDATE trial SET seen = ? WHERE id = ? AND seen < 0", "ii", seen, id);
    return td__sql_end(s, status, err);
}

td_status td__store_claim(td_store *s, int64_t study, int64_t number, double lease_s, int64_t *id,
                          int64_t *token, td_error *err) {
    sqlite3_stmt *st = NULL;
    bool row = false;
    td_status status = td__sql_begin(s, err);
    if (status != TD_OK) return status;
    status = td__sql_cached(
        s, &st, err,
        "UPDATE trial SET state = 1, token = token + 1, attempt = attempt + 1, worker = ?,"
        " started = ?, lease_until = ? WHERE study_id = ? AND number = ? AND state = 0"
        " RETURNING id, token",
        "iiiii", s->worker, now_ms(), td__store_now() + (int64_t)(lease_s * 1000), study, number);
    if (status == TD_OK) status = td__sql_step(s, st, &row, err);
    if (status == TD_OK && row) {
        *id = sqlite3_column_int64(st, 0);
        *token = sqlite3_column_int64(st, 1);
    } else if (status == TD_OK) {
        status = td_fail(err, TD_E_STALE, "trial %lld is not ready", (long long)number);
    }
    td__sql_done(s, st);
    return td__sql_end(s, status, err);
}

td_status td__store_claim_any(td_store *s, int64_t study, int64_t end, double lease_s,
                              int64_t *number, int64_t *id, int64_t *token, td_error *err) {
    for (;;) {
        sqlite3_stmt *st;
        bool row = false;
        td_status status =
            td__sql_cached(s, &st, err,
                           "SELECT number FROM trial INDEXED BY trial_ready WHERE study_id = ? AND"
                           " state = 0 AND number < ? ORDER BY number LIMIT 1",
                           "ii", study, end);
        if (status == TD_OK) status = td__sql_step(s, st, &row, err);
        *number = status == TD_OK && row ? sqlite3_column_int64(st, 0) : -1;
        td__sql_done(s, st);
        if (status != TD_OK || !row) return status;
        status = td__store_claim(s, study, *number, lease_s, id, token, err);
        if (status != TD_E_STALE) return status; /* else somebody was faster: the next one */
    }
}

td_status td__store_release(td_store *s, int64_t id, int64_t token, td_error *err) {
    td_status status = td__sql_begin(s, err);
    if (status != TD_OK) return status;
    status = td__sql_run(s, err,
                         "UPDATE trial SET state = 0, lease_until = NULL, worker = NULL,"
                         " attempt = attempt - 1 WHERE id = ? AND token = ? AND state = 1",
                         "ii", id, token);
    return td__sql_end(s, status, err);
}

static td_status put_value(td_store *s, int64_t id, int kind, int idx, double v, td_error *err) {
    return td__sql_run(s, err,
                       "INSERT INTO trial_value (trial_id, kind, idx, value, code)"
                       " VALUES (?, ?, ?, ?, ?)",
                       "iiidi", id, (int64_t)kind, (int64_t)idx, v, (int64_t)td__sql_code(v));
}

static td_status put_values(td_store *s, int64_t id, const td__finish *f, td_error *err) {
    double stored[N_STORED];
    for (int m = 0; m < TD_NMETRIC; m++) stored[metric_idx[m]] = f->metric[m];
    stored[METRIC_ACCURACY] = f->accuracy;
    stored[METRIC_REWARD] = f->reward;
    stored[METRIC_VIOLATION] = f->violation;
    stored[METRIC_SCORED] = f->scored ? 1 : 0;
    stored[METRIC_STEPS] = (double)f->steps;
    td_status status = TD_OK;
    for (int i = 0; i < f->outcome.nobj && status == TD_OK; i++)
        status = put_value(s, id, KIND_OBJECTIVE, i, f->outcome.obj[i], err);
    for (int i = 0; i < f->outcome.ncon && status == TD_OK; i++)
        status = put_value(s, id, KIND_CONSTRAINT, i, f->outcome.con[i], err);
    for (int i = 0; i < N_STORED && status == TD_OK; i++)
        if (i == METRIC_STEPS ? f->steps > 0 : !f->of_problem || i == METRIC_VIOLATION)
            status = put_value(s, id, KIND_METRIC, i, stored[i], err);
    for (int i = 0; f->of_problem && i < f->outcome.ncon && status == TD_OK; i++)
        status = put_value(s, id, KIND_TOLD, i, f->told[i], err);
    return status == TD_OK && f->curve.n > 0 ? td__store_put_curve(s, id, f, err) : status;
}

td_status td__store_take_rev(td_store *s, int64_t trial, td_error *err) {
    td_status status = td__sql_run(
        s, err,
        "UPDATE study SET rev = rev + 1 WHERE id = (SELECT study_id FROM trial WHERE id = ?)", "i",
        trial);
    if (status != TD_OK) return status;
    return td__sql_run(s, err,
                       "UPDATE trial SET rev = (SELECT rev FROM study WHERE id = trial.study_id)"
                       " WHERE id = ?",
                       "i", trial);
}

/* Told before with this token: fine. Anything else: fenced. */
static td_status told_before(td_store *s, int64_t id, int64_t token, td_error *err) {
    sqlite3_stmt *st;
    bool row = false;
    td_status status =
        td__sql_cached(s, &st, err, "SELECT 1 FROM trial WHERE id = ? AND token = ? AND state > 1",
                       "ii", id, token);
    if (status == TD_OK) status = td__sql_step(s, st, &row, err);
    td__sql_done(s, st);
    return status == TD_OK && !row
               ? td_fail(err, TD_E_STALE, "the trial was given to somebody else")
               : status;
}

/* In a transaction. */
static td_status end_trial(td_store *s, int64_t id, int64_t token, const td__finish *f,
                           td_error *err) {
    td_status status = td__sql_run(
        s, err,
        "UPDATE trial SET state = ?, finished = ?, lease_until = NULL, error = ?, net_hash = ?,"
        " hw_hash = ?, params = coalesce(?, params) WHERE id = ? AND token = ? AND state = 1",
        "iishhsii", (int64_t)f->outcome.state, now_ms(), f->reason, f->net_hash, f->hw_hash,
        f->params, id, token);
    if (status == TD_OK && sqlite3_changes(s->db) == 0) return told_before(s, id, token, err);
    if (status == TD_OK) status = put_values(s, id, f, err);
    if (status == TD_OK) status = td__store_take_rev(s, id, err);
    return status;
}

td_status td__store_tell(td_store *s, int64_t id, int64_t token, const td__finish *f,
                         td_error *err) {
    if (f->outcome.state <= TD_TRIAL_RUNNING)
        return td_fail(err, TD_E_USAGE, "told outcomes are of finished trials");
    td_status status = td__sql_begin(s, err);
    return status == TD_OK ? td__sql_end(s, end_trial(s, id, token, f, err), err) : status;
}

td_status td__store_bring(td_store *s, int64_t study, const char *params, uint64_t params_hash,
                          const td__finish *f, int64_t *number, td_error *err) {
    td_status status = td__sql_begin(s, err);
    if (status != TD_OK) return status;
    status = td__store_add_trial(s, study, params, params_hash, number, err);
    int64_t id = sqlite3_last_insert_rowid(s->db);
    if (status == TD_OK)
        status = td__sql_run(s, err,
                             "UPDATE trial SET state = 1, token = 1, attempt = 1, started = ?,"
                             " seen = (SELECT rev FROM study WHERE id = trial.study_id)"
                             " WHERE id = ?",
                             "ii", now_ms(), id);
    if (status == TD_OK) status = end_trial(s, id, 1, f, err);
    return td__sql_end(s, status, err);
}

td_status td__store_lend(td_store *s, int64_t study, double now_s, double lease_s, td_arena *a,
                         int64_t *number, const char **params, td_error *err) {
    const int64_t now = (int64_t)(now_s * 1000);
    sqlite3_stmt *st = NULL;
    bool row = false;
    *number = -1;
    td_status status = td__sql_begin(s, err);
    if (status != TD_OK) return status;
    status = td__sql_cached(
        s, &st, err,
        "UPDATE trial SET state = 1, token = token + 1, attempt = attempt + 1, worker = NULL,"
        " started = ?1, lease_until = ?2 WHERE id = coalesce("
        "(SELECT id FROM trial INDEXED BY trial_ready WHERE study_id = ?3 AND state = 0"
        " ORDER BY number LIMIT 1),"
        " (SELECT id FROM trial INDEXED BY trial_worker WHERE worker IS NULL AND state = 1 AND"
        " study_id = ?3 AND lease_until < ?1 ORDER BY number LIMIT 1))"
        " RETURNING number, params",
        "iii", now, now + (int64_t)(lease_s * 1000), study);
    if (status == TD_OK) status = td__sql_step(s, st, &row, err);
    if (status == TD_OK && row) {
        *number = sqlite3_column_int64(st, 0);
        *params = td_arena_strdup(a, td__sql_text(st, 1));
        if (*params == NULL) status = td_fail(err, TD_E_MEMORY, "out of memory");
    }
    td__sql_done(s, st);
    return td__sql_end(s, status, err);
}

static uint64_t column_hash(sqlite3_stmt *st, int column) {
    return strtoull(td__sql_text(st, column), NULL, 16);
}

static void read_metric(td__trial *t, int idx, double v) {
    for (int m = 0; m < TD_NMETRIC; m++)
        if (idx == metric_idx[m]) t->metric[m] = v;
    if (idx == METRIC_ACCURACY) t->accuracy = v;
    if (idx == METRIC_REWARD) t->reward = v;
    if (idx == METRIC_VIOLATION) t->violation = v;
    if (idx == METRIC_SCORED) t->scored = v > 0;
    if (idx == METRIC_STEPS && v >= 0 && v < 1e15) t->steps = (int64_t)v;
}

/* Stores of versions that did not keep the power have what it is made of. */
static void derive_power(td__trial *t) {
    double latency = t->metric[TD_METRIC_LATENCY];
    if (isnan(t->metric[TD_METRIC_POWER]) && latency > 0)
        t->metric[TD_METRIC_POWER] = t->metric[TD_METRIC_ENERGY] / latency;
}

/* Values of the trials t, in their order: all of a study by number, or those after a revision. */
static td_status load_values(td_store *s, int64_t study, int64_t rev, td__trial *t, int n,
                             td_error *err) {
    sqlite3_stmt *st;
    bool row = true;
    int at = 0;
    td_status status = td__sql_cached(
        s, &st, err,
        rev < 0 ? "SELECT t.number, v.kind, v.idx, v.value, v.code FROM trial t JOIN trial_value v"
                  " ON v.trial_id = t.id WHERE t.study_id = ? AND +t.rev > ? ORDER BY t.number"
                : "SELECT t.number, v.kind, v.idx, v.value, v.code FROM trial t INDEXED BY"
                  " trial_rev JOIN trial_value v ON v.trial_id = t.id WHERE t.study_id = ? AND "
                  "t.rev > ? ORDER BY t.rev",
        "ii", study, rev);
    while (status == TD_OK && (status = td__sql_step(s, st, &row, err)) == TD_OK && row) {
        int64_t number = sqlite3_column_int64(st, 0);
        while (at < n && t[at].number != number) at++;
        if (at == n || t[at].number != number) break;
        int kind = sqlite3_column_int(st, 1), idx = sqlite3_column_int(st, 2);
        double v = td__sql_value(st, 3, 4);
        td_outcome *o = &t[at].outcome;
        if (idx < 0) continue;
        if (kind == KIND_OBJECTIVE && idx < (int)(sizeof o->obj / sizeof o->obj[0])) {
            o->obj[idx] = v;
            if (idx >= o->nobj) o->nobj = idx + 1;
        } else if (kind == KIND_CONSTRAINT && idx < (int)(sizeof o->con / sizeof o->con[0])) {
            o->con[idx] = v;
            if (idx >= o->ncon) o->ncon = idx + 1;
        } else if (kind == KIND_TOLD && idx < TD_MOST_CONSTRAINTS) {
            t[at].told[idx] = v;
        } else if (kind == KIND_METRIC) {
            read_metric(&t[at], idx, v);
        }
    }
    td__sql_done(s, st);
    return status;
}

/* Few studies have any. */
static td_status load_curves(td_store *s, int64_t study, int64_t rev, td_arena *a, td__trial *t,
                             int n, td_error *err) {
    bool any = false;
    for (int i = 0; i < n; i++) any = any || t[i].steps > 0;
    return any ? td__store_load_curves(s, study, rev, a, t, n, err) : TD_OK;
}

#define TRIAL_COLUMNS                                                                              \
    "id, number, token, seen, attempt, state, params, error, rev, coalesce(started, 0),"           \
    " coalesce(finished, 0), net_hash, hw_hash"

/* One row of TRIAL_COLUMNS and `origin`; what no store of ours would hold is told as damage. */
static td_status read_trial(td_store *s, sqlite3_stmt *st, int64_t expected, td_arena *a,
                            td__trial *t, td_error *err) {
    int64_t state = sqlite3_column_int64(st, 5);
    t->id = sqlite3_column_int64(st, 0);
    t->number = sqlite3_column_int64(st, 1);
    t->token = sqlite3_column_int64(st, 2);
    t->seen = sqlite3_column_int64(st, 3);
    t->attempt = sqlite3_column_int(st, 4);
    t->origin = sqlite3_column_int(st, 13) != 0 ? TD__ORIGIN_ENQUEUED : TD__ORIGIN_STRATEGY;
    bool entered = t->origin == TD__ORIGIN_STRATEGY || state > TD_TRIAL_RUNNING;
    if (t->number != expected || state < TD_TRIAL_READY || state > TD_TRIAL_INFEASIBLE ||
        t->seen < (entered ? 0 : -1) || t->seen > t->number)
        return td_fail(err, TD_E_STORE, "%s: damaged (trial %lld)", s->path, (long long)expected);
    t->state = (td_state)state;
    t->params = td_arena_strdup(a, td__sql_text(st, 6));
    bool reason = sqlite3_column_type(st, 7) != SQLITE_NULL;
    t->error = reason ? td_arena_strdup(a, td__sql_text(st, 7)) : NULL;
    t->rev = sqlite3_column_int64(st, 8);
    t->started = (double)sqlite3_column_int64(st, 9) / 1000;
    t->finished = (double)sqlite3_column_int64(st, 10) / 1000;
    t->net_hash = column_hash(st, 11);
    t->hw_hash = column_hash(st, 12);
    t->outcome = (td_outcome){.state = t->state, .fidelity = 1};
    for (int i = 0; i < TD_NMETRIC; i++) t->metric[i] = NAN;
    t->accuracy = t->reward = t->violation = NAN;
    return t->params == NULL || (reason && t->error == NULL)
               ? td_fail(err, TD_E_MEMORY, "out of memory")
               : TD_OK;
}

static td_status count_rows(td_store *s, int64_t study, int64_t *n, td_error *err) {
    sqlite3_stmt *st = NULL;
    bool row = false;
    td_status status =
        td__sql_prepare(s, &st, err, "SELECT count(*) FROM trial WHERE study_id = ?", "i", study);
    if (status == TD_OK) status = td__sql_step(s, st, &row, err);
    if (status == TD_OK && row) *n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    if (status == TD_OK && *n > INT_MAX) status = td_fail(err, TD_E_MEMORY, "too many trials");
    return status;
}

static td_status load_rows(td_store *s, int64_t study, td_arena *a, td__trial **out, int *n,
                           td_error *err) {
    sqlite3_stmt *st = NULL;
    bool row = true;
    int64_t capacity = 0;
    td_status status = count_rows(s, study, &capacity, err);
    if (status != TD_OK || capacity == 0) return status;
    *out = TD_NEW(a, td__trial, capacity);
    if (*out == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    /* Version 1, which is only read, knows no origin. */
    status = td__sql_prepare(
        s, &st, err,
        s->schema > 1 ? "SELECT " TRIAL_COLUMNS
                        ", origin FROM trial WHERE study_id = ? ORDER BY number"
                      : "SELECT " TRIAL_COLUMNS ", 0 FROM trial WHERE study_id = ? ORDER BY number",
        "i", study);
    while (status == TD_OK && *n < capacity && (status = td__sql_step(s, st, &row, err)) == TD_OK &&
           row) {
        status = read_trial(s, st, *n, a, &(*out)[*n], err);
        ++*n;
    }
    sqlite3_finalize(st);
    return status;
}

td_status td__store_load(td_store *s, int64_t study, td_arena *a, td__trial **out, int *n,
                         td_error *err) {
    *out = NULL;
    *n = 0;
    /* One read transaction: rows and values of the same moment, whoever writes beside. */
    td_status status = td__sql_exec(s, "BEGIN", err);
    if (status == TD_OK) status = load_rows(s, study, a, out, n, err);
    if (status == TD_OK && *n > 0) status = load_values(s, study, -1, *out, *n, err);
    if (status == TD_OK) status = load_curves(s, study, -1, a, *out, *n, err);
    for (int i = 0; status == TD_OK && i < *n; i++) derive_power(&(*out)[i]);
    return td__sql_end(s, status, err);
}

/* Those of the next revisions, into an array that doubles. */
static td_status rows_since(td_store *s, int64_t study, int64_t rev, td_arena *a, td__trial **out,
                            int *n, td_error *err) {
    sqlite3_stmt *st;
    bool row = true;
    int capacity = 0;
    td_status status =
        td__sql_cached(s, &st, err,
                       "SELECT " TRIAL_COLUMNS ", origin FROM trial INDEXED BY trial_rev"
                       " WHERE study_id = ? AND rev > ? ORDER BY rev",
                       "ii", study, rev);
    while (status == TD_OK && (status = td__sql_step(s, st, &row, err)) == TD_OK && row) {
        if (*n == capacity) {
            capacity = capacity > 0 ? 2 * capacity : 4;
            td__trial *wide = TD_NEW(a, td__trial, capacity);
            if (wide != NULL && *n > 0) memcpy(wide, *out, sizeof *wide * (size_t)*n);
            *out = wide;
        }
        status = *out == NULL ? td_fail(err, TD_E_MEMORY, "out of memory")
                              : read_trial(s, st, sqlite3_column_int64(st, 1), a, &(*out)[*n], err);
        ++*n;
    }
    td__sql_done(s, st);
    return status;
}

td_status td__store_since(td_store *s, int64_t study, int64_t rev, td_arena *a, td__trial **out,
                          int *n, td_error *err) {
    *out = NULL;
    *n = 0;
    td_status status = td__sql_run(s, err, "BEGIN", "");
    if (status == TD_OK) status = rows_since(s, study, rev, a, out, n, err);
    if (status == TD_OK && *n > 0) status = load_values(s, study, rev, *out, *n, err);
    if (status == TD_OK) status = load_curves(s, study, rev, a, *out, *n, err);
    for (int i = 0; status == TD_OK && i < *n; i++) derive_power(&(*out)[i]);
    return td__sql_end(s, status, err);
}

td_status td__store_peek(td_store *s, int64_t study, int64_t number, td_arena *a,
                         const td__trial **out, td_error *err) {
    sqlite3_stmt *st;
    bool row = false;
    *out = NULL;
    td_status status = td__sql_cached(s, &st, err,
                                      "SELECT " TRIAL_COLUMNS
                                      ", origin FROM trial WHERE study_id = ? AND number = ?",
                                      "ii", study, number);
    if (status == TD_OK) status = td__sql_step(s, st, &row, err);
    if (status == TD_OK && row) {
        td__trial *t = TD_NEW(a, td__trial, 1);
        status = t == NULL ? td_fail(err, TD_E_MEMORY, "out of memory")
                           : read_trial(s, st, number, a, t, err);
        *out = t;
    }
    td__sql_done(s, st);
    return status;
}

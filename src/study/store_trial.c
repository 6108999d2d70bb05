/* store_trial.c - the life of a trial: ready -> running -> done | pruned | failed | infeasible, and
 * the cache of evaluations. Rules: docs/store.md. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "store_sql.h"

enum { KIND_OBJECTIVE, KIND_CONSTRAINT, KIND_METRIC };
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
    N_STORED
};
static const int metric_idx[TD_NMETRIC] = {[TD_METRIC_LATENCY] = METRIC_LATENCY,
                                           [TD_METRIC_ENERGY] = METRIC_ENERGY,
                                           [TD_METRIC_AREA] = METRIC_AREA,
                                           [TD_METRIC_POWER] = METRIC_POWER};

static int64_t now_ms(void) {
    return (int64_t)(td_time_wall_s() * 1000);
}

static td_status run(td_store *s, sqlite3_stmt *st, td_status status, td_error *err) {
    bool row;
    if (status == TD_OK) status = td__sql_step(s, st, &row, err);
    sqlite3_finalize(st);
    return status;
}

td_status td__store_ask(td_store *s, int64_t study, const char *key, int64_t seen,
                        const char *params, uint64_t params_hash, int64_t *number, td_error *err) {
    sqlite3_stmt *st = NULL;
    bool row = false;
    td_status status = td__sql_begin(s, err);
    if (status != TD_OK) return status;
    status =
        td__sql_prepare(s, &st, err, "SELECT number FROM trial WHERE study_id = ? AND ask_key = ?",
                        "is", study, key);
    if (status == TD_OK) status = td__sql_step(s, st, &row, err);
    if (status == TD_OK && row) *number = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    if (status != TD_OK || row) return td__sql_end(s, status, err);

    status = td__sql_prepare(s, &st, err,
                             "UPDATE study SET next_number = next_number + 1 WHERE id = ? AND"
                             " (max_trials IS NULL OR next_number < max_trials)"
                             " RETURNING next_number - 1",
                             "i", study);
    if (status == TD_OK) status = td__sql_step(s, st, &row, err);
    if (status == TD_OK && row) *number = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    if (status == TD_OK && !row) status = td_fail(err, TD_E_DONE, "the budget is used up");
    if (status == TD_OK) {
        status =
            td__sql_prepare(s, &st, err,
                            "INSERT INTO trial (study_id, number, state, params, params_hash,"
                            " ask_key, seen, created) VALUES (?, ?, 0, ?, ?, ?, ?, ?)",
                            "iishsii", study, *number, params, params_hash, key, seen, now_ms());
        status = run(s, st, status, err);
    }
    return td__sql_end(s, status, err);
}

td_status td__store_claim(td_store *s, int64_t study, int64_t number, const char *worker,
                          double lease_s, int64_t *id, int64_t *token, td_error *err) {
    sqlite3_stmt *st = NULL;
    bool row = false;
    int64_t now = now_ms();
    td_status status = td__sql_begin(s, err);
    if (status != TD_OK) return status;
    status = td__sql_prepare(
        s, &st, err,
        "UPDATE trial SET state = 1, token = token + 1, attempt = attempt + 1, worker = ?,"
        " started = ?, lease_until = ? WHERE study_id = ? AND number = ? AND state = 0"
        " RETURNING id, token",
        "siiii", worker, now, now + (int64_t)(lease_s * 1000), study, number);
    if (status == TD_OK) status = td__sql_step(s, st, &row, err);
    if (status == TD_OK && row) {
        *id = sqlite3_column_int64(st, 0);
        *token = sqlite3_column_int64(st, 1);
    } else if (status == TD_OK) {
        status = td_fail(err, TD_E_STALE, "trial %lld is not ready", (long long)number);
    }
    sqlite3_finalize(st);
    return td__sql_end(s, status, err);
}

td_status td__store_beat(td_store *s, int64_t id, int64_t token, double lease_s, td_error *err) {
    sqlite3_stmt *st;
    td_status status = td__sql_begin(s, err);
    if (status != TD_OK) return status;
    status = td__sql_prepare(
        s, &st, err, "UPDATE trial SET lease_until = ? WHERE id = ? AND token = ? AND state = 1",
        "iii", now_ms() + (int64_t)(lease_s * 1000), id, token);
    status = run(s, st, status, err);
    if (status == TD_OK && sqlite3_changes(s->db) == 0)
        status = td_fail(err, TD_E_STALE, "the trial was given to somebody else");
    return td__sql_end(s, status, err);
}

td_status td__store_release(td_store *s, int64_t id, int64_t token, td_error *err) {
    sqlite3_stmt *st;
    td_status status = td__sql_begin(s, err);
    if (status != TD_OK) return status;
    status = td__sql_prepare(s, &st, err,
                             "UPDATE trial SET state = 0, lease_until = NULL, worker = NULL,"
                             " attempt = attempt - 1 WHERE id = ? AND token = ? AND state = 1",
                             "ii", id, token);
    status = run(s, st, status, err);
    return td__sql_end(s, status, err);
}

/* SQLite turns NaN into NULL: a code column tells infinities and NaN apart (rule 9). */
static td_status put_value(td_store *s, int64_t id, int kind, int idx, double v, td_error *err) {
    sqlite3_stmt *st;
    int code = isnan(v) ? 3 : isinf(v) ? (v > 0 ? 1 : 2) : 0;
    td_status status = td__sql_prepare(s, &st, err,
                                       "INSERT INTO trial_value (trial_id, kind, idx, value, code)"
                                       " VALUES (?, ?, ?, ?, ?)",
                                       "iiidi", id, (int64_t)kind, (int64_t)idx, v, (int64_t)code);
    return run(s, st, status, err);
}

static td_status put_values(td_store *s, int64_t id, const td__finish *f, td_error *err) {
    double stored[N_STORED];
    for (int m = 0; m < TD_NMETRIC; m++) stored[metric_idx[m]] = f->metric[m];
    stored[METRIC_ACCURACY] = f->accuracy;
    stored[METRIC_REWARD] = f->reward;
    stored[METRIC_VIOLATION] = f->violation;
    stored[METRIC_SCORED] = f->scored ? 1 : 0;
    td_status status = TD_OK;
    for (int i = 0; i < f->outcome.nobj && status == TD_OK; i++)
        status = put_value(s, id, KIND_OBJECTIVE, i, f->outcome.obj[i], err);
    for (int i = 0; i < f->outcome.ncon && status == TD_OK; i++)
        status = put_value(s, id, KIND_CONSTRAINT, i, f->outcome.con[i], err);
    for (int i = 0; i < N_STORED && status == TD_OK; i++)
        status = put_value(s, id, KIND_METRIC, i, stored[i], err);
    return status;
}

/* The next revision of a trial's study, in the transaction that ends the trial (rule 8). */
static td_status take_rev(td_store *s, int64_t trial, td_error *err) {
    sqlite3_stmt *st;
    td_status status = td__sql_prepare(
        s, &st, err,
        "UPDATE study SET rev = rev + 1 WHERE id = (SELECT study_id FROM trial WHERE id = ?)", "i",
        trial);
    status = run(s, st, status, err);
    if (status != TD_OK) return status;
    status = td__sql_prepare(s, &st, err,
                             "UPDATE trial SET rev = (SELECT rev FROM study WHERE id ="
                             " trial.study_id) WHERE id = ?",
                             "i", trial);
    return run(s, st, status, err);
}

td_status td__store_tell(td_store *s, int64_t id, int64_t token, const td__finish *f,
                         td_error *err) {
    sqlite3_stmt *st = NULL;
    bool row = false;
    if (f->outcome.state <= TD_TRIAL_RUNNING)
        return td_fail(err, TD_E_USAGE, "told outcomes are of finished trials");
    td_status status = td__sql_begin(s, err);
    if (status != TD_OK) return status;
    status = td__sql_prepare(
        s, &st, err,
        "UPDATE trial SET state = ?, finished = ?, lease_until = NULL, error = ?, net_hash = ?,"
        " hw_hash = ?, params = coalesce(?, params) WHERE id = ? AND token = ? AND state = 1",
        "iishhsii", (int64_t)f->outcome.state, now_ms(), f->reason, f->net_hash, f->hw_hash,
        f->params, id, token);
    status = run(s, st, status, err);
    if (status == TD_OK && sqlite3_changes(s->db) == 0) {
        /* Told before with this token: fine. Anything else: fenced. */
        status = td__sql_prepare(s, &st, err,
                                 "SELECT 1 FROM trial WHERE id = ? AND token = ? AND state > 1",
                                 "ii", id, token);
        if (status == TD_OK) status = td__sql_step(s, st, &row, err);
        sqlite3_finalize(st);
        if (status == TD_OK && !row)
            status = td_fail(err, TD_E_STALE, "the trial was given to somebody else");
        return td__sql_end(s, status, err);
    }
    if (status == TD_OK) status = put_values(s, id, f, err);
    if (status == TD_OK) status = take_rev(s, id, err);
    return td__sql_end(s, status, err);
}

td_status td__store_reap(td_store *s, int64_t study, bool all, int max_attempts, int64_t *reaped,
                         td_error *err) {
    sqlite3_stmt *st = NULL;
    bool row = false;
    *reaped = 0;
    td_status status = td__sql_begin(s, err);
    if (status != TD_OK) return status;
    status = td__sql_prepare(
        s, &st, err,
        "UPDATE trial SET token = token + 1, lease_until = NULL, worker = NULL,"
        " state = CASE WHEN attempt >= ? THEN 4 ELSE 0 END,"
        " error = CASE WHEN attempt >= ? THEN 'lost with its worker ' || attempt || ' times' END,"
        " finished = CASE WHEN attempt >= ? THEN ? END"
        " WHERE study_id = ? AND state = 1 AND (? OR lease_until < ?)",
        "iiiiiii", (int64_t)max_attempts, (int64_t)max_attempts, (int64_t)max_attempts, now_ms(),
        study, (int64_t)all, now_ms());
    status = run(s, st, status, err);
    if (status == TD_OK) *reaped = sqlite3_changes(s->db);
    /* A trial that the reaping ended takes a revision too, or strategies never hear of it. */
    for (row = true; status == TD_OK && row;) {
        int64_t id = 0;
        status = td__sql_prepare(s, &st, err,
                                 "SELECT id FROM trial WHERE study_id = ? AND state = 4 AND rev = 0"
                                 " ORDER BY number LIMIT 1",
                                 "i", study);
        if (status == TD_OK) status = td__sql_step(s, st, &row, err);
        if (status == TD_OK && row) id = sqlite3_column_int64(st, 0);
        sqlite3_finalize(st);
        if (status == TD_OK && row) status = take_rev(s, id, err);
    }
    return td__sql_end(s, status, err);
}

static double column_value(sqlite3_stmt *st, int value, int code) {
    switch (sqlite3_column_int(st, code)) {
    case 1: return INFINITY;
    case 2: return -INFINITY;
    case 3: return NAN;
    default: return sqlite3_column_double(st, value);
    }
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
}

/* Stores of versions that did not keep the power have what it is made of. */
static void derive_power(td__trial *t) {
    double latency = t->metric[TD_METRIC_LATENCY];
    if (isnan(t->metric[TD_METRIC_POWER]) && latency > 0)
        t->metric[TD_METRIC_POWER] = t->metric[TD_METRIC_ENERGY] / latency;
}

static td_status load_values(td_store *s, int64_t study, td__trial *t, int n, td_error *err) {
    sqlite3_stmt *st;
    bool row = true;
    int at = 0;
    td_status status = td__sql_prepare(
        s, &st, err,
        "SELECT t.number, v.kind, v.idx, v.value, v.code FROM trial t JOIN trial_value v"
        " ON v.trial_id = t.id WHERE t.study_id = ? ORDER BY t.number",
        "i", study);
    while (status == TD_OK && (status = td__sql_step(s, st, &row, err)) == TD_OK && row) {
        int64_t number = sqlite3_column_int64(st, 0);
        while (at < n && t[at].number < number) at++;
        if (at == n || t[at].number != number) break;
        int kind = sqlite3_column_int(st, 1), idx = sqlite3_column_int(st, 2);
        double v = column_value(st, 3, 4);
        td_outcome *o = &t[at].outcome;
        if (idx < 0) continue;
        if (kind == KIND_OBJECTIVE && idx < (int)(sizeof o->obj / sizeof o->obj[0])) {
            o->obj[idx] = v;
            if (idx >= o->nobj) o->nobj = idx + 1;
        } else if (kind == KIND_CONSTRAINT && idx < (int)(sizeof o->con / sizeof o->con[0])) {
            o->con[idx] = v;
            if (idx >= o->ncon) o->ncon = idx + 1;
        } else if (kind == KIND_METRIC) {
            read_metric(&t[at], idx, v);
        }
    }
    sqlite3_finalize(st);
    return status;
}

/* One row of load_rows(); what no store of ours would hold is told as damage. */
static td_status read_trial(td_store *s, sqlite3_stmt *st, int64_t expected, td_arena *a,
                            td__trial *t, td_error *err) {
    int64_t state = sqlite3_column_int64(st, 5);
    t->id = sqlite3_column_int64(st, 0);
    t->number = sqlite3_column_int64(st, 1);
    t->token = sqlite3_column_int64(st, 2);
    t->seen = sqlite3_column_int64(st, 3);
    t->attempt = sqlite3_column_int(st, 4);
    if (t->number != expected || state < TD_TRIAL_READY || state > TD_TRIAL_INFEASIBLE ||
        t->seen < 0 || t->seen > t->number)
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
    status = td__sql_prepare(s, &st, err,
                             "SELECT id, number, token, seen, attempt, state, params, error, rev,"
                             " coalesce(started, 0), coalesce(finished, 0), net_hash, hw_hash"
                             " FROM trial WHERE study_id = ? ORDER BY number",
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
    if (status == TD_OK && *n > 0) status = load_values(s, study, *out, *n, err);
    for (int i = 0; status == TD_OK && i < *n; i++) derive_power(&(*out)[i]);
    return td__sql_end(s, status, err);
}

td_status td__store_cache_get(td_store *s, uint64_t problem, uint64_t config, int64_t fidelity,
                              double *value, double *extra, bool *found, td_error *err) {
    sqlite3_stmt *st;
    bool row = false;
    *found = false;
    td_status status = td__sql_prepare(s, &st, err,
                                       "SELECT result FROM eval_cache WHERE problem_hash = ? AND"
                                       " config_hash = ? AND fidelity = ?",
                                       "hhi", problem, config, fidelity);
    if (status == TD_OK) status = td__sql_step(s, st, &row, err);
    if (status == TD_OK && row && sqlite3_column_bytes(st, 0) == 2 * (int)sizeof(double)) {
        double v[2];
        memcpy(v, sqlite3_column_blob(st, 0), sizeof v);
        *value = v[0];
        *extra = v[1];
        *found = true;
    }
    sqlite3_finalize(st);
    return status;
}

td_status td__store_cache_put(td_store *s, uint64_t problem, uint64_t config, int64_t fidelity,
                              double value, double extra, td_error *err) {
    sqlite3_stmt *st;
    double v[2] = {value, extra};
    td_status status = td__sql_begin(s, err);
    if (status != TD_OK) return status;
    status = td__sql_prepare(s, &st, err,
                             "INSERT OR REPLACE INTO eval_cache (problem_hash, config_hash,"
                             " fidelity, result) VALUES (?, ?, ?, ?)",
                             "hhi", problem, config, fidelity);
    if (status == TD_OK && sqlite3_bind_blob(st, 4, v, sizeof v, SQLITE_TRANSIENT) != SQLITE_OK)
        status = td__sql_fail(s, err);
    status = run(s, st, status, err);
    return td__sql_end(s, status, err);
}

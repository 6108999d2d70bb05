/* store_cache.c - values by (problem, configuration, fidelity), and who is about to find one out.
 * Nothing is evaluated twice, also by several workers: a claim is good as long as its worker is
 * alive and its lease runs. */
#include <string.h>

#include "store_sql.h"

td_status td__store_cache_get(td_store *s, uint64_t problem, uint64_t config, int64_t fidelity,
                              double *value, double *extra, bool *found, td_error *err) {
    sqlite3_stmt *st;
    bool row = false;
    *found = false;
    td_status status = td__sql_cached(s, &st, err,
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
    td__sql_done(s, st);
    return status;
}

td_status td__store_cache_all(td_store *s, uint64_t problem, uint64_t config, td_arena *a,
                              td__cached_value **out, int *n, td_error *err) {
    sqlite3_stmt *st;
    bool row = true;
    int room = 0;
    *out = NULL;
    *n = 0;
    td_status status = td__sql_cached(s, &st, err,
                                      "SELECT fidelity, result FROM eval_cache WHERE"
                                      " problem_hash = ? AND config_hash = ? ORDER BY fidelity",
                                      "hh", problem, config);
    while (status == TD_OK && (status = td__sql_step(s, st, &row, err)) == TD_OK && row) {
        if (sqlite3_column_bytes(st, 1) != 2 * (int)sizeof(double)) continue;
        if (*n == room) {
            room = room > 0 ? 2 * room : 16;
            td__cached_value *wide = TD_NEW(a, td__cached_value, room);
            if (wide != NULL && *n > 0) memcpy(wide, *out, sizeof *wide * (size_t)*n);
            *out = wide;
        }
        if (*out == NULL) {
            status = td_fail(err, TD_E_MEMORY, "out of memory");
            break;
        }
        td__cached_value *v = &(*out)[(*n)++];
        v->fidelity = sqlite3_column_int64(st, 0);
        memcpy(&v->value, sqlite3_column_blob(st, 1), sizeof v->value);
    }
    td__sql_done(s, st);
    return status;
}

static td_status drop_claim(td_store *s, uint64_t problem, uint64_t config, int64_t fidelity,
                            bool of_any, td_error *err) {
    return td__sql_run(s, err,
                       "DELETE FROM eval_claim WHERE problem_hash = ? AND config_hash = ? AND"
                       " fidelity = ? AND (? OR worker = ?)",
                       "hhiii", problem, config, fidelity, (int64_t)of_any, s->worker);
}

td_status td__store_cache_put(td_store *s, uint64_t problem, uint64_t config, int64_t fidelity,
                              double value, double extra, td_error *err) {
    sqlite3_stmt *st;
    bool row;
    double v[2] = {value, extra};
    td_status status = td__sql_begin(s, err);
    if (status != TD_OK) return status;
    status = td__sql_cached(s, &st, err,
                            "INSERT OR REPLACE INTO eval_cache (problem_hash, config_hash,"
                            " fidelity, result) VALUES (?, ?, ?, ?)",
                            "hhi", problem, config, fidelity);
    if (status == TD_OK && sqlite3_bind_blob(st, 4, v, sizeof v, SQLITE_TRANSIENT) != SQLITE_OK)
        status = td__sql_fail(s, err);
    if (status == TD_OK) status = td__sql_step(s, st, &row, err);
    td__sql_done(s, st);
    if (status == TD_OK) status = drop_claim(s, problem, config, fidelity, true, err);
    return td__sql_end(s, status, err);
}

/* Is another worker at it? */
static td_status is_claimed(td_store *s, uint64_t problem, uint64_t config, int64_t fidelity,
                            bool *busy, td_error *err) {
    sqlite3_stmt *st;
    bool row = false;
    *busy = false;
    td_status status =
        td__sql_cached(s, &st, err,
                       "SELECT c.worker, coalesce(w.boot, ''), c.lease_until >= ? FROM eval_claim c"
                       " LEFT JOIN worker w ON w.id = c.worker"
                       " WHERE c.problem_hash = ? AND c.config_hash = ? AND c.fidelity = ?",
                       "ihhi", td__store_now(), problem, config, fidelity);
    if (status == TD_OK) status = td__sql_step(s, st, &row, err);
    if (status == TD_OK && row) {
        int64_t worker = sqlite3_column_int64(st, 0);
        *busy = worker != s->worker && sqlite3_column_int(st, 2) != 0 &&
                td__store_alive(s, worker, td__sql_text(st, 1));
    }
    td__sql_done(s, st);
    return status;
}

static td_status look(td_store *s, uint64_t problem, uint64_t config, int64_t fidelity,
                      double *value, bool *found, bool *busy, td_error *err) {
    double extra;
    *busy = false;
    td_status status = td__store_cache_get(s, problem, config, fidelity, value, &extra, found, err);
    return status == TD_OK && !*found ? is_claimed(s, problem, config, fidelity, busy, err)
                                      : status;
}

td_status td__store_cache_claim(td_store *s, uint64_t problem, uint64_t config, int64_t fidelity,
                                double lease_s, double *value, bool *found, bool *busy,
                                td_error *err) {
    td_status status = look(s, problem, config, fidelity, value, found, busy, err);
    if (status != TD_OK || *found || *busy) return status;
    status = td__sql_begin(s, err);
    if (status != TD_OK) return status;
    status = look(s, problem, config, fidelity, value, found, busy, err);
    if (status == TD_OK && !*found && !*busy)
        status = td__sql_run(s, err,
                             "INSERT OR REPLACE INTO eval_claim (problem_hash, config_hash,"
                             " fidelity, worker, lease_until) VALUES (?, ?, ?, ?, ?)",
                             "hhiii", problem, config, fidelity, s->worker,
                             td__store_now() + (int64_t)(lease_s * 1000));
    return td__sql_end(s, status, err);
}

td_status td__store_cache_release(td_store *s, uint64_t problem, uint64_t config, int64_t fidelity,
                                  td_error *err) {
    td_status status = td__sql_begin(s, err);
    if (status != TD_OK) return status;
    return td__sql_end(s, drop_claim(s, problem, config, fidelity, false, err), err);
}

/* store_inner.c - the second level of nested searches: what became of each layer of a trial, in the
 * table inner_search. */
#include <string.h>

#include "inner.h"
#include "store_sql.h"

static td_status put(td_store *s, int64_t id, int64_t token, const td_inner_row *r, td_error *err) {
    td_status status = td__store_own(s, id, token, err);
    /* Attempts that get further are no sign of a trial that takes its workers down. */
    if (status == TD_OK)
        status = td__sql_run(s, err, "UPDATE trial SET attempt = 1 WHERE id = ?", "i", id);
    if (status != TD_OK) return status;
    return td__sql_run(s, err,
                       "INSERT OR REPLACE INTO inner_search (trial_id, layer, value, bound, pj,"
                       " cycles, trials, drawn, mapping, curve, error)"
                       " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                       "iidddiiisss", id, (int64_t)r->layer, r->found ? r->value : NAN, r->bound,
                       r->pj, r->cycles, r->trials, r->drawn, r->mapping, r->curve, r->error);
}

td_status td__store_put_inner(td_store *s, int64_t id, int64_t token, const td_inner_row *r,
                              td_error *err) {
    td_status status = td__sql_begin(s, err);
    return status == TD_OK ? td__sql_end(s, put(s, id, token, r, err), err) : status;
}

static const char *text(sqlite3_stmt *st, int column, td_arena *a) {
    return sqlite3_column_type(st, column) == SQLITE_NULL
               ? NULL
               : td_arena_strdup(a, td__sql_text(st, column));
}

static double real(sqlite3_stmt *st, int column) {
    return sqlite3_column_type(st, column) == SQLITE_NULL ? NAN : sqlite3_column_double(st, column);
}

td_status td__store_inner(td_store *s, int64_t id, td_arena *a, td_inner_row **out, int *n,
                          td_error *err) {
    sqlite3_stmt *st;
    bool row = true;
    int room = 0;
    *out = NULL;
    *n = 0;
    if (s->schema < 3) return TD_OK;
    td_status status = td__sql_cached(s, &st, err,
                                      "SELECT layer, value, bound, pj, cycles, trials, drawn,"
                                      " mapping, curve, error FROM inner_search"
                                      " WHERE trial_id = ? ORDER BY layer",
                                      "i", id);
    while (status == TD_OK && (status = td__sql_step(s, st, &row, err)) == TD_OK && row) {
        if (*n == room) {
            room = room > 0 ? 2 * room : 16;
            td_inner_row *wide = TD_NEW(a, td_inner_row, room);
            if (wide == NULL) {
                status = td_fail(err, TD_E_MEMORY, "out of memory");
                break;
            }
            if (*n > 0) memcpy(wide, *out, sizeof *wide * (size_t)*n);
            *out = wide;
        }
        (*out)[(*n)++] = (td_inner_row){.layer = sqlite3_column_int(st, 0),
                                        .found = sqlite3_column_type(st, 1) != SQLITE_NULL,
                                        .value = real(st, 1),
                                        .bound = real(st, 2),
                                        .pj = real(st, 3),
                                        .cycles = sqlite3_column_int64(st, 4),
                                        .trials = sqlite3_column_int64(st, 5),
                                        .drawn = sqlite3_column_int64(st, 6),
                                        .mapping = text(st, 7, a),
                                        .curve = text(st, 8, a),
                                        .error = text(st, 9, a)};
    }
    td__sql_done(s, st);
    return status;
}

td_status td_store_inner(td_store *s, const char *study, int64_t trial, td_arena *a,
                         td_inner_row **out, int *n, td_error *err) {
    int64_t id;
    const td__trial *t = NULL;
    *out = NULL;
    *n = 0;
    td_status status = td__store_find(s, study, &id, err);
    if (status == TD_OK) status = td__store_peek(s, id, trial, a, &t, err);
    if (status == TD_OK && t == NULL)
        status = td_fail(err, TD_E_NOT_FOUND, "there is no trial %lld", (long long)trial);
    if (status == TD_OK) status = td__store_inner(s, t->id, a, out, n, err);
    /* Which layers behind the first without a mapping were searched at the same time depends on the
     * number of threads. */
    for (int i = 0; status == TD_OK && i + 1 < *n; i++)
        if (!(*out)[i].found) *n = i + 1;
    return status;
}

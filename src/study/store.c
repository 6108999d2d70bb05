/* store.c - studies of a store. Opening is in store_open.c, trials are in store_trial.c. Rules and
 * schema: docs/store.md. */
#include "store.h"

#include <stdio.h>
#include <string.h>

#include "store_sql.h"

td_status td__store_study(td_store *s, const char *name, const char *spec, uint64_t spec_hash,
                          uint64_t seed, int64_t max_trials, int64_t *id, td_error *err) {
    sqlite3_stmt *st = NULL;
    bool row = false;
    td_status status = td__sql_begin(s, err);
    if (status != TD_OK) return status;
    status = td__sql_prepare(s, &st, err,
                             "INSERT INTO study (name, spec, spec_hash, seed, max_trials, created)"
                             " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO NOTHING",
                             "sshiii", name, spec, spec_hash, (int64_t)seed, max_trials,
                             (int64_t)(td_time_wall_s() * 1000));
    if (status == TD_OK) status = td__sql_step(s, st, &row, err);
    sqlite3_finalize(st);
    st = NULL;
    if (status == TD_OK)
        status = td__sql_prepare(s, &st, err,
                                 "SELECT id, spec_hash, seed FROM study WHERE name = ?", "s", name);
    if (status == TD_OK) status = td__sql_step(s, st, &row, err);
    if (status == TD_OK && row) {
        char hex[17];
        snprintf(hex, sizeof hex, "%016llx", (unsigned long long)spec_hash);
        *id = sqlite3_column_int64(st, 0);
        if (strcmp(td__sql_text(st, 1), hex) != 0 || (uint64_t)sqlite3_column_int64(st, 2) != seed)
            status = td_fail(err, TD_E_USAGE,
                             "%s: row \"%s\" was made with another recipe, seed, data or version "
                             "of the program; give another folder with --out, or what it was made "
                             "with",
                             s->path, name);
    }
    sqlite3_finalize(st);
    st = NULL;
    if (status == TD_OK)
        status = td__sql_prepare(s, &st, err,
                                 "UPDATE study SET state = 0, max_trials = max(?, next_number)"
                                 " WHERE id = ?",
                                 "ii", max_trials, *id);
    if (status == TD_OK) status = td__sql_step(s, st, &row, err);
    sqlite3_finalize(st);
    return td__sql_end(s, status, err);
}

td_status td__store_study_state(td_store *s, int64_t study, int state, td_error *err) {
    sqlite3_stmt *st;
    bool row;
    td_status status = td__sql_prepare(s, &st, err, "UPDATE study SET state = ? WHERE id = ?", "ii",
                                       (int64_t)state, study);
    if (status == TD_OK) status = td__sql_step(s, st, &row, err);
    sqlite3_finalize(st);
    return status;
}

/* Trials by what has come of them, as td_trial_result says it of one: by state, and by what is
 * known of the latency (metric 0) and the violation (5). */
static td_status count_results(td_store *s, td_study_info *info, td_error *err) {
    sqlite3_stmt *st;
    bool row = true;
    td_status status = td__sql_prepare(
        s, &st, err,
        "SELECT t.state, coalesce(l.code, 3) = 3, coalesce(v.code, 3) = 0 AND v.value = 0, count(*)"
        " FROM trial t"
        " LEFT JOIN trial_value l ON l.trial_id = t.id AND l.kind = 2 AND l.idx = 0"
        " LEFT JOIN trial_value v ON v.trial_id = t.id AND v.kind = 2 AND v.idx = 5"
        " WHERE t.study_id = ? GROUP BY 1, 2, 3",
        "i", info->id);
    while (status == TD_OK && (status = td__sql_step(s, st, &row, err)) == TD_OK && row) {
        td_trial_row t = {.state = (td_state)sqlite3_column_int(st, 0)};
        t.metric[TD_METRIC_LATENCY] = sqlite3_column_int(st, 1) ? NAN : 1;
        t.violation = sqlite3_column_int(st, 2) ? 0 : 1;
        int64_t n = sqlite3_column_int64(st, 3);
        info->count[td_trial_result(&t)] += n;
        info->trials += n;
    }
    sqlite3_finalize(st);
    return status;
}

td_status td_store_studies(td_store *s, td_arena *a, td_study_info **out, int *n, td_error *err) {
    sqlite3_stmt *st;
    *out = NULL;
    *n = 0;
    td_status status =
        td__sql_prepare(s, &st, err,
                        "SELECT id, name, seed, state, coalesce(max_trials, -1), created,"
                        " (SELECT count(*) FROM study) FROM study ORDER BY id",
                        "");
    bool row = true;
    while (status == TD_OK && (status = td__sql_step(s, st, &row, err)) == TD_OK && row) {
        if (*out == NULL) {
            *out = TD_NEW(a, td_study_info, sqlite3_column_int(st, 6));
            if (*out == NULL) status = td_fail(err, TD_E_MEMORY, "out of memory");
            if (*out == NULL) break;
        }
        td_study_info *i = &(*out)[(*n)++];
        i->id = sqlite3_column_int64(st, 0);
        snprintf(i->name, sizeof i->name, "%s", td__sql_text(st, 1));
        i->seed = (uint64_t)sqlite3_column_int64(st, 2);
        i->state = sqlite3_column_int(st, 3);
        i->max_trials = sqlite3_column_int64(st, 4);
        i->created = (double)sqlite3_column_int64(st, 5) / 1000;
    }
    sqlite3_finalize(st);
    for (int k = 0; status == TD_OK && k < *n; k++) status = count_results(s, &(*out)[k], err);
    return status;
}

td_status td__store_find(td_store *s, const char *name, int64_t *id, td_error *err) {
    sqlite3_stmt *st;
    bool row = false;
    td_status status =
        td__sql_prepare(s, &st, err, "SELECT id FROM study WHERE name = ?", "s", name);
    if (status == TD_OK) status = td__sql_step(s, st, &row, err);
    if (status == TD_OK && row) *id = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    if (status != TD_OK || row) return status;
    char known[256] = "none";
    status = td__sql_prepare(s, &st, err, "SELECT group_concat(name, ', ') FROM study", "");
    if (status == TD_OK) status = td__sql_step(s, st, &row, err);
    if (status == TD_OK && row && td__sql_text(st, 0)[0] != '\0')
        snprintf(known, sizeof known, "%s", td__sql_text(st, 0));
    sqlite3_finalize(st);
    if (status != TD_OK) return status;
    return td_fail(err, TD_E_NOT_FOUND, "%s: no row \"%s\"; it has: %s", s->path, name, known);
}

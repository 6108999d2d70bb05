/* store.c - studies of a store. Opening is in store_open.c, trials are in store_trial.c. Rules and
 * schema: docs/store.md. */
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_sql.h"

static void bind_limit(sqlite3_stmt *st, int column, int64_t limit) {
    if (limit == INT64_MAX)
        sqlite3_bind_null(st, column);
    else
        sqlite3_bind_int64(st, column, limit);
}

static int64_t column_limit(sqlite3_stmt *st, int column) {
    return sqlite3_column_type(st, column) == SQLITE_NULL ? INT64_MAX
                                                          : sqlite3_column_int64(st, column);
}

static int64_t active_limit(const td__study *spec) {
    return spec->max_active_s < 1e12 ? (int64_t)(spec->max_active_s * 1000) : INT64_MAX;
}

static td_status insert_study(td_store *s, const td__study *spec, int64_t *id, td_error *err) {
    td_status status = td__sql_run(
        s, err, "INSERT INTO study (name, spec, spec_hash, seed, created) VALUES (?, ?, ?, ?, ?)",
        "sshii", spec->name, spec->spec, spec->spec_hash, (int64_t)spec->seed,
        (int64_t)(td_time_wall_s() * 1000));
    *id = sqlite3_last_insert_rowid(s->db);
    for (int i = 0; status == TD_OK && i < spec->n_first; i++) {
        int64_t number;
        status = td__store_add_trial(s, *id, spec->first[i], spec->first_hash[i], &number, err);
    }
    return status;
}

/* Is the study that stands there the one that is meant, with the same budgets? */
static td_status compare_study(td_store *s, const td__study *spec, sqlite3_stmt *st, bool *same,
                               td_error *err) {
    char hex[17];
    snprintf(hex, sizeof hex, "%016llx", (unsigned long long)spec->spec_hash);
    const uint64_t seed = (uint64_t)sqlite3_column_int64(st, 2);
    if (strcmp(td__sql_text(st, 1), hex) != 0 || seed != spec->seed) {
        td_text why = {0};
        td__spec_differs(spec, td__sql_text(st, 7), seed, &why);
        td_fail(err, TD_E_USAGE,
                "%s: row \"%s\" was made with another recipe or problem, seed, data or version "
                "of the program; "
                "what differs: %s; give another folder with --out, or what it was made with",
                s->path, spec->name, why.data != NULL ? why.data : "");
        td_text_free(&why);
        return TD_E_USAGE;
    }
    int64_t trials = column_limit(st, 3), asked = sqlite3_column_int64(st, 6);
    *same = trials == (spec->max_trials > asked ? spec->max_trials : asked) &&
            column_limit(st, 4) == spec->max_trained && column_limit(st, 5) == active_limit(spec);
    return TD_OK;
}

/* Replicas of one study ask the same only if their budgets are the same. */
static td_status refuse_other_budgets(td_store *s, const td__study *spec, td_error *err) {
    int64_t others;
    td_status status = td__store_others(s, &others, err);
    if (status != TD_OK || others == 0) return status;
    return td_fail(err, TD_E_USAGE,
                   "%s: row \"%s\" has other budgets, and %lld %s on it; let them end first "
                   "(`touch stop` in the folder), or give the same budgets",
                   s->path, spec->name, (long long)others,
                   others == 1 ? "worker is" : "workers are");
}

static td_status write_budgets(td_store *s, const td__study *spec, int64_t id, td_error *err) {
    sqlite3_stmt *st;
    bool row;
    td_status status =
        td__sql_prepare(s, &st, err,
                        "UPDATE study SET state = 0, spec = ?, path = ?, max_trials = max(?,"
                        " next_number), max_trained = ?, max_active = ? WHERE id = ?",
                        "ssi", spec->spec, spec->path, spec->max_trials);
    if (status == TD_OK) {
        bind_limit(st, 4, spec->max_trained);
        bind_limit(st, 5, active_limit(spec));
        sqlite3_bind_int64(st, 6, id);
        status = td__sql_step(s, st, &row, err);
    }
    sqlite3_finalize(st);
    return status;
}

td_status td__store_study(td_store *s, const td__study *spec, int64_t *id, td_error *err) {
    sqlite3_stmt *st = NULL;
    bool row = false, same = true;
    td_status status = td__sql_begin(s, err);
    if (status != TD_OK) return status;
    status = td__sql_prepare(s, &st, err,
                             "SELECT id, spec_hash, seed, max_trials, max_trained, max_active,"
                             " next_number, spec FROM study WHERE name = ?",
                             "s", spec->name);
    if (status == TD_OK) status = td__sql_step(s, st, &row, err);
    if (status == TD_OK && row) {
        *id = sqlite3_column_int64(st, 0);
        status = compare_study(s, spec, st, &same, err);
    }
    sqlite3_finalize(st);
    if (status == TD_OK && !row) status = insert_study(s, spec, id, err);
    if (status == TD_OK && !same) status = refuse_other_budgets(s, spec, err);
    if (status == TD_OK) status = write_budgets(s, spec, *id, err);
    return td__sql_end(s, status, err);
}

td_status td__store_study_row(td_store *s, int64_t study, td_arena *a, td__study_row *out,
                              td_error *err) {
    sqlite3_stmt *st;
    bool row = false;
    /* What version 2 brought is not there in an older file that is only read. */
    td_status status = td__sql_prepare(
        s, &st, err,
        s->schema > 1
            ? "SELECT spec_hash, seed, state, max_trials, next_number, spec, path, max_trained,"
              " active, max_active FROM study WHERE id = ?"
            : "SELECT spec_hash, seed, state, max_trials, next_number, spec, NULL, NULL, 0, NULL"
              " FROM study WHERE id = ?",
        "i", study);
    if (status == TD_OK) status = td__sql_step(s, st, &row, err);
    if (status == TD_OK && !row)
        status = td_fail(err, TD_E_STORE, "%s: damaged (a study is gone)", s->path);
    if (status == TD_OK) {
        int64_t active = column_limit(st, 9);
        *out =
            (td__study_row){.spec_hash = strtoull(td__sql_text(st, 0), NULL, 16),
                            .seed = (uint64_t)sqlite3_column_int64(st, 1),
                            .state = sqlite3_column_int(st, 2),
                            .max_trials = column_limit(st, 3),
                            .next_number = sqlite3_column_int64(st, 4),
                            .spec = td_arena_strdup(a, td__sql_text(st, 5)),
                            .max_trained = column_limit(st, 7),
                            .active_s = (double)sqlite3_column_int64(st, 8) / 1000,
                            .max_active_s = active < INT64_MAX ? (double)active / 1000 : INFINITY};
        bool known = sqlite3_column_type(st, 6) != SQLITE_NULL;
        if (known) out->path = td_arena_strdup(a, td__sql_text(st, 6));
        if (out->spec == NULL || (known && out->path == NULL))
            status = td_fail(err, TD_E_MEMORY, "out of memory");
    }
    sqlite3_finalize(st);
    return status;
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
 * known of the latency (metric 0), the violation (5) and the steps (8). */
static td_status count_results(td_store *s, td_study_info *info, td_error *err) {
    sqlite3_stmt *st;
    bool row = true;
    td_status status = td__sql_prepare(
        s, &st, err,
        "SELECT t.state, coalesce(l.code, 3) = 3, coalesce(v.code, 3) = 0 AND v.value = 0,"
        " coalesce(e.value, 0) > 0, count(*) FROM trial t"
        " LEFT JOIN trial_value l ON l.trial_id = t.id AND l.kind = 2 AND l.idx = 0"
        " LEFT JOIN trial_value v ON v.trial_id = t.id AND v.kind = 2 AND v.idx = 5"
        " LEFT JOIN trial_value e ON e.trial_id = t.id AND e.kind = 2 AND e.idx = 8"
        " WHERE t.study_id = ? GROUP BY 1, 2, 3, 4",
        "i", info->id);
    while (status == TD_OK && (status = td__sql_step(s, st, &row, err)) == TD_OK && row) {
        td_trial_row t = {.state = (td_state)sqlite3_column_int(st, 0)};
        t.metric[TD_METRIC_LATENCY] = sqlite3_column_int(st, 1) ? NAN : 1;
        t.violation = sqlite3_column_int(st, 2) ? 0 : 1;
        t.steps = sqlite3_column_int(st, 3);
        int64_t n = sqlite3_column_int64(st, 4);
        info->count[td_trial_result(&t)] += n;
        info->trials += n;
    }
    sqlite3_finalize(st);
    return status;
}

/* Of each network the longest training: others with it were looked up, or went less far. (What has
 * no network counts by itself.) */
static td_status count_steps(td_store *s, td_study_info *info, td_error *err) {
    sqlite3_stmt *st;
    bool row = false;
    td_status status = td__sql_prepare(
        s, &st, err,
        "SELECT coalesce(sum(steps), 0) FROM (SELECT max(v.value) AS steps FROM trial t"
        " JOIN trial_value v ON v.trial_id = t.id AND v.kind = 2 AND v.idx = 8"
        " WHERE t.study_id = ?"
        " GROUP BY coalesce(nullif(t.net_hash, '0000000000000000'), t.id))",
        "i", info->id);
    if (status == TD_OK) status = td__sql_step(s, st, &row, err);
    if (status == TD_OK && row) info->steps = sqlite3_column_int64(st, 0);
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
    for (int k = 0; status == TD_OK && k < *n; k++) {
        status = count_results(s, &(*out)[k], err);
        if (status == TD_OK) status = count_steps(s, &(*out)[k], err);
    }
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

/* store.c - opening a store and its studies: schema, pragmas, error texts. Trials are in
 * store_trial.c. Rules and schema: docs/store.md. */
#include "store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include "store_sql.h"

static const char schema[] =
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);"
    "CREATE TABLE study (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, spec TEXT NOT NULL,"
    " spec_hash TEXT NOT NULL, seed BIGINT NOT NULL, state INT NOT NULL DEFAULT 0,"
    " max_trials BIGINT, next_number BIGINT NOT NULL DEFAULT 0, rev BIGINT NOT NULL DEFAULT 0,"
    " created BIGINT NOT NULL);"
    "CREATE TABLE trial (id INTEGER PRIMARY KEY,"
    " study_id BIGINT NOT NULL REFERENCES study(id) ON DELETE CASCADE, number BIGINT NOT NULL,"
    " state INT NOT NULL, params BLOB NOT NULL, params_hash TEXT NOT NULL, ask_key TEXT NOT NULL,"
    " seen BIGINT NOT NULL, attempt INT NOT NULL DEFAULT 0, worker TEXT,"
    " token BIGINT NOT NULL DEFAULT 0, lease_until BIGINT, created BIGINT NOT NULL, started BIGINT,"
    " finished BIGINT, rev BIGINT NOT NULL DEFAULT 0, error TEXT, net_hash TEXT, hw_hash TEXT,"
    " UNIQUE (study_id, number), UNIQUE (study_id, ask_key));"
    "CREATE INDEX trial_ready ON trial (study_id, number) WHERE state = 0;"
    "CREATE INDEX trial_lease ON trial (study_id, lease_until) WHERE state = 1;"
    "CREATE INDEX trial_rev ON trial (study_id, rev);"
    "CREATE INDEX trial_hash ON trial (study_id, params_hash);"
    "CREATE TABLE trial_value (trial_id BIGINT NOT NULL REFERENCES trial(id) ON DELETE CASCADE,"
    " kind INT NOT NULL, idx INT NOT NULL, value DOUBLE PRECISION, code INT NOT NULL DEFAULT 0,"
    " PRIMARY KEY (trial_id, kind, idx));"
    "CREATE TABLE trial_report (trial_id BIGINT NOT NULL REFERENCES trial(id) ON DELETE CASCADE,"
    " step BIGINT NOT NULL, idx INT NOT NULL, value DOUBLE PRECISION, code INT NOT NULL DEFAULT 0,"
    " PRIMARY KEY (trial_id, step, idx));"
    "CREATE TABLE eval_cache (problem_hash TEXT NOT NULL, config_hash TEXT NOT NULL,"
    " fidelity BIGINT NOT NULL, result BLOB NOT NULL,"
    " PRIMARY KEY (problem_hash, config_hash, fidelity));"
    "CREATE TABLE snapshot (study_id BIGINT NOT NULL REFERENCES study(id) ON DELETE CASCADE,"
    " algo TEXT NOT NULL, rev BIGINT NOT NULL, state BLOB NOT NULL, PRIMARY KEY (study_id, algo));"
    "CREATE TABLE worker (id TEXT PRIMARY KEY, host TEXT, pid INT, job TEXT, started BIGINT,"
    " last_seen BIGINT);"
    "INSERT INTO meta VALUES ('schema', '1');";

td_status td__sql_fail(td_store *s, td_error *err) {
    int code = sqlite3_errcode(s->db);
    switch (code & 0xff) {
    case SQLITE_FULL:
        return td_fail(err, TD_E_IO, "%s: no space left on device; finished trials are kept",
                       s->path);
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY: {
        int e = sqlite3_system_errno(s->db);
        if (e == ENOSPC || e == EFBIG || e == EDQUOT)
            return td_fail(err, TD_E_IO, "%s: no space left on device; finished trials are kept",
                           s->path);
        return td_fail(err, TD_E_IO, "%s: cannot read or write (%s%s%s)", s->path,
                       sqlite3_errmsg(s->db), e ? ": " : "", e ? strerror(e) : "");
    }
    case SQLITE_NOMEM: return td_fail(err, TD_E_MEMORY, "out of memory");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return td_fail(err, TD_E_STORE, "%s: another process holds the store", s->path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return td_fail(err, TD_E_STORE, "%s: damaged, or not a study store (%s)", s->path,
                       sqlite3_errmsg(s->db));
    default: return td_fail(err, TD_E_STORE, "%s: %s", s->path, sqlite3_errmsg(s->db));
    }
}

td_status td__sql_exec(td_store *s, const char *sql, td_error *err) {
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? TD_OK : td__sql_fail(s, err);
}

td_status td__sql_begin(td_store *s, td_error *err) {
    return td__sql_exec(s, "BEGIN IMMEDIATE", err);
}

td_status td__sql_end(td_store *s, td_status status, td_error *err) {
    if (status == TD_OK) status = td__sql_exec(s, "COMMIT", err);
    /* SQLite rolls back by itself after some faults: then there is no transaction to end. */
    if (status != TD_OK && !sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

/* Bind letters: i int64, d double (NaN, infinity: NULL), s text (NULL: NULL), h hash as hex text.
 */
td_status td__sql_prepare(td_store *s, sqlite3_stmt **st, td_error *err, const char *sql,
                          const char *binds, ...) {
    *st = NULL;
    if (sqlite3_prepare_v2(s->db, sql, -1, st, NULL) != SQLITE_OK) return td__sql_fail(s, err);
    va_list ap;
    va_start(ap, binds);
    int rc = SQLITE_OK;
    for (int i = 1; *binds != '\0' && rc == SQLITE_OK; i++, binds++) {
        switch (*binds) {
        case 'i': rc = sqlite3_bind_int64(*st, i, va_arg(ap, int64_t)); break;
        case 'd': {
            double v = va_arg(ap, double);
            rc = isfinite(v) ? sqlite3_bind_double(*st, i, v) : sqlite3_bind_null(*st, i);
            break;
        }
        case 'h': {
            char hex[17];
            snprintf(hex, sizeof hex, "%016llx", (unsigned long long)va_arg(ap, uint64_t));
            rc = sqlite3_bind_text(*st, i, hex, -1, SQLITE_TRANSIENT);
            break;
        }
        default: rc = sqlite3_bind_text(*st, i, va_arg(ap, const char *), -1, SQLITE_TRANSIENT);
        }
    }
    va_end(ap);
    if (rc == SQLITE_OK) return TD_OK;
    td_status status = td__sql_fail(s, err);
    sqlite3_finalize(*st);
    *st = NULL;
    return status;
}

td_status td__sql_step(td_store *s, sqlite3_stmt *st, bool *row, td_error *err) {
    int rc = sqlite3_step(st);
    *row = rc == SQLITE_ROW;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? TD_OK : td__sql_fail(s, err);
}

/* WAL needs shared memory between processes: not on a network file system (rule 11). */
static td_status refuse_network(const char *path, td_error *err) {
    enum { NFS = 0x6969, SMB = 0x517B };
    char dir[1024];
    snprintf(dir, sizeof dir, "%s", path);
    char *slash = strrchr(dir, '/');
    if (slash == NULL)
        snprintf(dir, sizeof dir, ".");
    else
        slash[slash == dir ? 1 : 0] = '\0';
    struct statfs f;
    if (statfs(dir, &f) != 0) return TD_OK; /* opening will tell */
    unsigned long type = (unsigned long)f.f_type & 0xffffffffUL;
    if (type == NFS || type == SMB || type == 0xFF534D42UL || type == 0xFE534D42UL)
        return td_fail(err, TD_E_STORE,
                       "%s: a study store cannot stand on a network file system; give a local "
                       "folder with --out",
                       path);
    return TD_OK;
}

static td_status check_schema(td_store *s, bool create, td_error *err) {
    sqlite3_stmt *st;
    bool row;
    td_status status =
        td__sql_prepare(s, &st, err, "SELECT count(*) FROM sqlite_master WHERE type = 'table'", "");
    if (status != TD_OK) return status;
    status = td__sql_step(s, st, &row, err);
    bool empty = status == TD_OK && row && sqlite3_column_int(st, 0) == 0;
    sqlite3_finalize(st);
    if (status != TD_OK) return status;
    if (empty) {
        if (!create) return td_fail(err, TD_E_STORE, "%s: not a study store", s->path);
        status = td__sql_begin(s, err);
        if (status == TD_OK) status = td__sql_end(s, td__sql_exec(s, schema, err), err);
        return status;
    }
    status = td__sql_prepare(s, &st, err, "SELECT value FROM meta WHERE key = 'schema'", "");
    if (status != TD_OK)
        return (sqlite3_errcode(s->db) & 0xff) == SQLITE_ERROR
                   ? td_fail(err, TD_E_STORE, "%s: not a study store", s->path)
                   : status;
    status = td__sql_step(s, st, &row, err);
    const char *v = row ? (const char *)sqlite3_column_text(st, 0) : NULL;
    if (status == TD_OK && (v == NULL || strcmp(v, "1") != 0))
        status =
            td_fail(err, TD_E_UNSUPPORTED, "%s: schema version %s; this program knows version 1",
                    s->path, v ? v : "missing");
    sqlite3_finalize(st);
    return status;
}

td_status td_store_open(const char *path, bool create, td_store **out, td_error *err) {
    *out = NULL;
    if (!create && !td_file_exists(path))
        return td_fail(err, TD_E_NOT_FOUND, "%s: no study store there", path);
    td_status status = refuse_network(path, err);
    if (status != TD_OK) return status;
    td_store *s = calloc(1, sizeof *s);
    if (s == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    snprintf(s->path, sizeof s->path, "%s", path);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);
    if (sqlite3_open_v2(path, &s->db, flags, NULL) != SQLITE_OK) {
        status = s->db != NULL ? td__sql_fail(s, err) : td_fail(err, TD_E_MEMORY, "out of memory");
        goto fail;
    }
    sqlite3_extended_result_codes(s->db, 1);
    sqlite3_busy_timeout(s->db, 10000);
    status = td__sql_exec(s,
                          "PRAGMA foreign_keys = ON; PRAGMA journal_mode = WAL;"
                          "PRAGMA synchronous = NORMAL;",
                          err);
    if (status == TD_OK) status = check_schema(s, create, err);
    if (status != TD_OK) goto fail;
    *out = s;
    return TD_OK;
fail:
    td_store_close(s);
    return status;
}

void td_store_close(td_store *s) {
    if (s == NULL) return;
    sqlite3_close(s->db);
    free(s);
}

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
        if (strcmp((const char *)sqlite3_column_text(st, 1), hex) != 0 ||
            (uint64_t)sqlite3_column_int64(st, 2) != seed)
            status = td_fail(err, TD_E_USAGE,
                             "%s: study \"%s\" was made with another recipe or seed; give another "
                             "folder with --out, or the recipe it was made with",
                             s->path, name);
    }
    sqlite3_finalize(st);
    st = NULL;
    if (status == TD_OK)
        status = td__sql_prepare(s, &st, err, "UPDATE study SET max_trials = ? WHERE id = ?", "ii",
                                 max_trials, *id);
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

td_status td_store_studies(td_store *s, td_arena *a, td_study_info **out, int *n, td_error *err) {
    sqlite3_stmt *st;
    *out = NULL;
    *n = 0;
    td_status status = td__sql_prepare(
        s, &st, err,
        "SELECT id, name, seed, state, coalesce(max_trials, -1), created,"
        " (SELECT count(*) FROM trial t WHERE t.study_id = study.id),"
        " (SELECT count(*) FROM trial t WHERE t.study_id = study.id AND t.state = 2),"
        " (SELECT count(*) FROM trial t WHERE t.study_id = study.id AND t.state = 5),"
        " (SELECT count(*) FROM trial t WHERE t.study_id = study.id AND t.state = 4),"
        " (SELECT count(*) FROM trial t WHERE t.study_id = study.id AND t.state = 1),"
        " (SELECT count(*) FROM study) FROM study ORDER BY id",
        "");
    bool row = true;
    while (status == TD_OK && (status = td__sql_step(s, st, &row, err)) == TD_OK && row) {
        if (*out == NULL) {
            *out = TD_NEW(a, td_study_info, sqlite3_column_int(st, 11));
            if (*out == NULL) status = td_fail(err, TD_E_MEMORY, "out of memory");
            if (*out == NULL) break;
        }
        td_study_info *i = &(*out)[(*n)++];
        i->id = sqlite3_column_int64(st, 0);
        snprintf(i->name, sizeof i->name, "%s", (const char *)sqlite3_column_text(st, 1));
        i->seed = (uint64_t)sqlite3_column_int64(st, 2);
        i->state = sqlite3_column_int(st, 3);
        i->max_trials = sqlite3_column_int64(st, 4);
        i->created = (double)sqlite3_column_int64(st, 5) / 1000;
        i->trials = sqlite3_column_int64(st, 6);
        i->done = sqlite3_column_int64(st, 7);
        i->infeasible = sqlite3_column_int64(st, 8);
        i->failed = sqlite3_column_int64(st, 9);
        i->running = sqlite3_column_int64(st, 10);
    }
    sqlite3_finalize(st);
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
    if (status == TD_OK && row && sqlite3_column_text(st, 0) != NULL)
        snprintf(known, sizeof known, "%s", (const char *)sqlite3_column_text(st, 0));
    sqlite3_finalize(st);
    if (status != TD_OK) return status;
    return td_fail(err, TD_E_NOT_FOUND, "%s: no study \"%s\"; it has: %s", s->path, name, known);
}

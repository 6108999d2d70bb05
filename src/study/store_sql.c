/* store_sql.c - statements, transactions and the texts of faults. */
#include "store_sql.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

/* Is a failed write one for want of room? SQLite knows ENOSPC; of other causes it keeps the errno
 * of its last system call only, which may be a later one: then a limit on file sizes is asked for.
 */
static bool no_room(const td_store *s, int code) {
    int e = sqlite3_system_errno(s->db);
    struct rlimit limit;
    if ((code & 0xff) == SQLITE_FULL || e == ENOSPC || e == EFBIG || e == EDQUOT) return true;
    return (code == SQLITE_IOERR_WRITE || code == SQLITE_IOERR_SHMSIZE ||
            code == SQLITE_IOERR_TRUNCATE) &&
           getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

td_status td__sql_fail(td_store *s, td_error *err) {
    int code = sqlite3_extended_errcode(s->db), e = sqlite3_system_errno(s->db);
    switch (code & 0xff) {
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
        if (no_room(s, code))
            return td_fail(err, TD_E_IO,
                           "%s: no space left on device, or file size limit reached; finished "
                           "trials are kept",
                           s->path);
        return td_fail(err, TD_E_IO, "%s: cannot read or write (%s%s%s)", s->path,
                       sqlite3_errmsg(s->db), e ? ": " : "", e ? strerror(e) : "");
    case SQLITE_NOMEM: return td_fail(err, TD_E_MEMORY, "out of memory");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return td_fail(
            err, TD_E_STORE,
            "%s: another process holds the store and does not let it go; if it hangs, end it",
            s->path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return td_fail(err, TD_E_STORE,
                       "%s: damaged, or not a study store (%s); restore a copy, or move it away to "
                       "begin anew",
                       s->path, sqlite3_errmsg(s->db));
    default: return td_fail(err, TD_E_STORE, "%s: %s", s->path, sqlite3_errmsg(s->db));
    }
}

td_status td__sql_exec(td_store *s, const char *sql, td_error *err) {
    return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? TD_OK : td__sql_fail(s, err);
}

td_status td__sql_begin(td_store *s, td_error *err) {
    return td__sql_run(s, err, "BEGIN IMMEDIATE", "");
}

td_status td__sql_end(td_store *s, td_status status, td_error *err) {
    if (status == TD_OK) status = td__sql_run(s, err, "COMMIT", "");
    /* SQLite rolls back by itself after some faults: then there is no transaction to end. */
    if (status != TD_OK && !sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return status;
}

/* Letters: i int64, d double (NaN, infinity: NULL), s text (NULL: NULL), h hash as hex text. */
static int bind_all(sqlite3_stmt *st, const char *binds, va_list ap) {
    int rc = SQLITE_OK;
    for (int i = 1; *binds != '\0' && rc == SQLITE_OK; i++, binds++) {
        switch (*binds) {
        case 'i': rc = sqlite3_bind_int64(st, i, va_arg(ap, int64_t)); break;
        case 'd': {
            double v = va_arg(ap, double);
            rc = isfinite(v) ? sqlite3_bind_double(st, i, v) : sqlite3_bind_null(st, i);
            break;
        }
        case 'h': {
            char hex[17];
            snprintf(hex, sizeof hex, "%016llx", (unsigned long long)va_arg(ap, uint64_t));
            rc = sqlite3_bind_text(st, i, hex, -1, SQLITE_TRANSIENT);
            break;
        }
        default: rc = sqlite3_bind_text(st, i, va_arg(ap, const char *), -1, SQLITE_TRANSIENT);
        }
    }
    return rc;
}

td_status td__sql_prepare(td_store *s, sqlite3_stmt **st, td_error *err, const char *sql,
                          const char *binds, ...) {
    *st = NULL;
    if (sqlite3_prepare_v2(s->db, sql, -1, st, NULL) != SQLITE_OK) return td__sql_fail(s, err);
    va_list ap;
    va_start(ap, binds);
    int rc = bind_all(*st, binds, ap);
    va_end(ap);
    if (rc == SQLITE_OK) return TD_OK;
    td_status status = td__sql_fail(s, err);
    sqlite3_finalize(*st);
    *st = NULL;
    return status;
}

/* The kept statement of a literal, or a new one, which is kept while there is room. */
static td_status take_cached(td_store *s, const char *sql, sqlite3_stmt **st, td_error *err) {
    int i = 0;
    while (i < s->n_cached && s->cached[i].sql != sql) i++;
    if (i < s->n_cached && !s->cached[i].used) {
        s->cached[i].used = true;
        *st = s->cached[i].st;
        return TD_OK;
    }
    if (sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, st, NULL) != SQLITE_OK)
        return td__sql_fail(s, err);
    if (i == s->n_cached && i < TD__MOST_CACHED)
        s->cached[s->n_cached++] = (td__cached){.sql = sql, .st = *st, .used = true};
    return TD_OK;
}

static td_status bind_cached(td_store *s, sqlite3_stmt **st, td_error *err, const char *sql,
                             const char *binds, va_list ap) {
    *st = NULL;
    td_status status = take_cached(s, sql, st, err);
    if (status != TD_OK || bind_all(*st, binds, ap) == SQLITE_OK) return status;
    status = td__sql_fail(s, err);
    td__sql_done(s, *st);
    *st = NULL;
    return status;
}

td_status td__sql_cached(td_store *s, sqlite3_stmt **st, td_error *err, const char *sql,
                         const char *binds, ...) {
    va_list ap;
    va_start(ap, binds);
    td_status status = bind_cached(s, st, err, sql, binds, ap);
    va_end(ap);
    return status;
}

void td__sql_done(td_store *s, sqlite3_stmt *st) {
    if (st == NULL) return;
    int i = 0;
    while (i < s->n_cached && s->cached[i].st != st) i++;
    if (i == s->n_cached) {
        sqlite3_finalize(st);
        return;
    }
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    s->cached[i].used = false;
}

td_status td__sql_run(td_store *s, td_error *err, const char *sql, const char *binds, ...) {
    sqlite3_stmt *st;
    bool row;
    va_list ap;
    va_start(ap, binds);
    td_status status = bind_cached(s, &st, err, sql, binds, ap);
    va_end(ap);
    if (status == TD_OK) status = td__sql_step(s, st, &row, err);
    td__sql_done(s, st);
    return status;
}

void td__sql_close(td_store *s) {
    for (int i = 0; i < s->n_cached; i++) sqlite3_finalize(s->cached[i].st);
    sqlite3_close(s->db);
    s->n_cached = 0;
    s->db = NULL;
}

int td__sql_code(double v) {
    return isnan(v) ? 3 : isinf(v) ? (v > 0 ? 1 : 2) : 0;
}

double td__sql_value(sqlite3_stmt *st, int value, int code) {
    switch (sqlite3_column_int(st, code)) {
    case 1: return INFINITY;
    case 2: return -INFINITY;
    case 3: return NAN;
    default: return sqlite3_column_double(st, value);
    }
}

td_status td__sql_step(td_store *s, sqlite3_stmt *st, bool *row, td_error *err) {
    int rc = sqlite3_step(st);
    *row = rc == SQLITE_ROW;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? TD_OK : td__sql_fail(s, err);
}

const char *td__sql_text(sqlite3_stmt *st, int column) {
    const char *text = (const char *)sqlite3_column_text(st, column);
    return text != NULL ? text : "";
}

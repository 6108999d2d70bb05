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
        return td_fail(err, TD_E_STORE, "%s: another process holds the store", s->path);
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

const char *td__sql_text(sqlite3_stmt *st, int column) {
    const char *text = (const char *)sqlite3_column_text(st, column);
    return text != NULL ? text : "";
}

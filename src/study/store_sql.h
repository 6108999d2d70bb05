/* store_sql.h - the store's handle and its few SQL helpers; only for src/study/store*.c. */
#ifndef TANDEM_STORE_SQL_H
#define TANDEM_STORE_SQL_H

#include <sqlite3.h>

#include "lock.h"
#include "store.h"

enum { TD__SCHEMA = 3, TD__MOST_CACHED = 40 };

/* A statement that is kept for the next time. */
typedef struct {
    const char *sql; /* the literal it was made of */
    sqlite3_stmt *st;
    bool used;
} td__cached;

struct td_store {
    sqlite3 *db;
    char *path; /* owned */
    int schema; /* of the file; readers know older ones */
    td__lock lock;
    int reads;      /* a reader's share of TD__HAND_BYTE; -1: none */
    int64_t worker; /* whose handle this is; 0: nobody's */
    char boot[40];  /* of the machine, since when its monotonic clock runs */
    td__cached cached[TD__MOST_CACHED];
    int n_cached;
};

/* The last fault of the handle as a status and a message for people. */
td_status td__sql_fail(td_store *s, td_error *err);
td_status td__sql_exec(td_store *s, const char *sql, td_error *err);
/* Every write is BEGIN IMMEDIATE .. td__sql_end(status), which commits or rolls back. */
td_status td__sql_begin(td_store *s, td_error *err);
td_status td__sql_end(td_store *s, td_status status, td_error *err);
td_status td__sql_prepare(td_store *s, sqlite3_stmt **st, td_error *err, const char *sql,
                          const char *binds, ...);
/* The same for statements of every trial: sql is a literal, and the statement is kept. Give it back
 * with td__sql_done, before the transaction ends. */
td_status td__sql_cached(td_store *s, sqlite3_stmt **st, td_error *err, const char *sql,
                         const char *binds, ...);
void td__sql_done(td_store *s, sqlite3_stmt *st); /* NULL is fine */
/* Runs a statement without an answer by td__sql_cached. */
td_status td__sql_run(td_store *s, td_error *err, const char *sql, const char *binds, ...);
void td__sql_close(td_store *s); /* the cached statements and the database */
/* Milliseconds of the clock of leases. */
int64_t td__store_now(void);
/* Is a worker alive, by its number and its boot? */
bool td__store_alive(const td_store *s, int64_t worker, const char *boot);
/* The next revision of a trial's study, in the transaction that ends the trial. */
td_status td__store_take_rev(td_store *s, int64_t trial, td_error *err);
/* In a transaction: the next trial of a study, ready, with choices that no strategy made. */
td_status td__store_add_trial(td_store *s, int64_t study, const char *params, uint64_t params_hash,
                              int64_t *number, td_error *err);
/* In a transaction: whether a running trial is still that of its token (TD_E_STALE). */
td_status td__store_own(td_store *s, int64_t id, int64_t token, td_error *err);
/* What a trial reported on its way, in the transaction that ends it. */
td_status td__store_put_curve(td_store *s, int64_t trial, const td__finish *f, td_error *err);
/* Curves of the trials t, in their order: all of a study by number (rev -1), or those after a
 * revision. */
td_status td__store_load_curves(td_store *s, int64_t study, int64_t rev, td_arena *a, td__trial *t,
                                int n, td_error *err);
/* A value and its code, in two columns: SQLite turns NaN into NULL, so that the code tells
 * infinities and NaN apart. */
int td__sql_code(double v);
double td__sql_value(sqlite3_stmt *st, int value, int code);
/* A second handle of the same store, without another check of its pages. */
td_status td__store_again(const td_store *s, td_store **out, td_error *err);
/* A column as text: never NULL, also in a damaged store. Valid until the next step. */
const char *td__sql_text(sqlite3_stmt *st, int column);
td_status td__sql_step(td_store *s, sqlite3_stmt *st, bool *row, td_error *err);

#endif

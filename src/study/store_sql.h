/* store_sql.h - the store's handle and its few SQL helpers; only for src/study/store*.c. */
#ifndef TANDEM_STORE_SQL_H
#define TANDEM_STORE_SQL_H

#include <sqlite3.h>

#include "store.h"

struct td_store {
    sqlite3 *db;
    char *path; /* owned */
};

/* The last fault of the handle as a status and a message for people. */
td_status td__sql_fail(td_store *s, td_error *err);
td_status td__sql_exec(td_store *s, const char *sql, td_error *err);
/* Every write is BEGIN IMMEDIATE .. td__sql_end(status), which commits or rolls back. */
td_status td__sql_begin(td_store *s, td_error *err);
td_status td__sql_end(td_store *s, td_status status, td_error *err);
td_status td__sql_prepare(td_store *s, sqlite3_stmt **st, td_error *err, const char *sql,
                          const char *binds, ...);
/* A column as text: never NULL, also in a damaged store. Valid until the next step. */
const char *td__sql_text(sqlite3_stmt *st, int column);
td_status td__sql_step(td_store *s, sqlite3_stmt *st, bool *row, td_error *err);

#endif

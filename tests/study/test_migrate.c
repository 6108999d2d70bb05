/* Stores of schema version 1: read as they are, brought up by who writes, and searched on. */
#include <sqlite3.h>

#include "study_helper.h"

/* As version 1 of the program made it. */
static const char version_1[] =
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

/* What a search of today left, in tables of version 1; trial 3 runs in a process that is gone, and
 * its lease has an hour to go. */
static const char copy[] =
    "INSERT INTO study SELECT id, name, spec, spec_hash, seed, 0, max_trials, next_number, rev,"
    " created FROM now.study;"
    "INSERT INTO trial SELECT id, study_id, number, state, params, params_hash, ask_key, seen,"
    " attempt, NULL, token, NULL, created, started, finished, rev, error, net_hash, hw_hash"
    " FROM now.trial;"
    "INSERT INTO trial_value SELECT * FROM now.trial_value;"
    "INSERT INTO eval_cache SELECT * FROM now.eval_cache;"
    "UPDATE trial SET state = 1, attempt = 1, token = token + 1, worker = '4711',"
    " lease_until = (SELECT max(finished) + 3600000 FROM trial)"
    " WHERE number = (SELECT max(number) FROM trial WHERE state = 0);"
    "PRAGMA journal_mode = WAL;";

static void sql(sqlite3 *db, const char *text) {
    char *message = NULL;
    if (sqlite3_exec(db, text, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%.60s...: %s", text, message);
}

static int64_t number_of(const char *path, const char *text) {
    sqlite3 *db;
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_prepare_v2(db, text, -1, &st, NULL) != SQLITE_OK)
        fail_msg("%s: %s", text, sqlite3_errmsg(db));
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    int64_t v = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return v;
}

static char *search_to(const char *db, int stop_after) {
    td_error err = {0};
    search s;
    search_init(&s, 1, 40);
    s.fake.stop_after = stop_after;
    td_status st = search_run(&s, db, &err);
    assert_int_equal(st, stop_after > 0 ? TD_E_INTERRUPTED : TD_OK);
    search_free(&s);
    return trials_text(db);
}

static void version_1_goes_on(void **state) {
    (void)state;
    td_error err = {0};
    char *folder = scratch_make(), whole[1200], part[1200], old[1200], attach[1300];
    snprintf(whole, sizeof whole, "%s", scratch_path(folder, "whole.db"));
    snprintf(part, sizeof part, "%s", scratch_path(folder, "part.db"));
    snprintf(old, sizeof old, "%s", scratch_path(folder, "old.db"));
    char *expected = search_to(whole, 0), *before = search_to(part, 8);
    /* one trial more that is asked and not finished */
    number_of(part, "UPDATE trial SET state = 0, rev = 0 WHERE rev = (SELECT max(rev) FROM trial)"
                    " RETURNING 1");
    number_of(part,
              "DELETE FROM trial_value WHERE trial_id = (SELECT id FROM trial WHERE state = 0)"
              " RETURNING 1");
    number_of(part, "UPDATE study SET rev = rev - 1 RETURNING 1");
    sqlite3 *db;
    assert_int_equal(sqlite3_open(old, &db), SQLITE_OK);
    sql(db, version_1);
    snprintf(attach, sizeof attach, "ATTACH '%s' AS now", part);
    sql(db, attach);
    sql(db, copy);
    sqlite3_close(db);
    assert_int_equal(number_of(old, "SELECT count(*) FROM trial WHERE state = 1"), 1);
    int64_t trials = number_of(old, "SELECT count(*) FROM trial");

    /* Reading: all is there, and the file stays of version 1. */
    char *read = trials_text(old);
    assert_int_equal(number_of(old, "SELECT value FROM meta"), 1);
    assert_non_null(strstr(read, " 1 seen "));
    free(read);
    td_store *store;
    td_arena *a = td_arena_create();
    td_study_info *info;
    int n;
    assert_ok(td_store_open(old, false, &store, &err), &err);
    assert_ok(td_store_studies(store, a, &info, &n, &err), &err);
    assert_int_equal(n, 1);
    assert_int_equal(info[0].trials, trials);
    td_store_close(store);

    /* Writing: it is of version 3, nothing is lost, and who held the lease is gone. */
    assert_ok(td_store_open(old, true, &store, &err), &err);
    assert_ok(td__store_join(store, &err), &err);
    int64_t study, reaped;
    assert_ok(td__store_find(store, "row", &study, &err), &err);
    assert_ok(td__store_reap(store, study, 5, &reaped, &err), &err);
    assert_int_equal(reaped, 1);
    td_store_close(store);
    assert_int_equal(number_of(old, "SELECT value FROM meta"), 3);
    assert_int_equal(number_of(old, "SELECT count(*) FROM trial"), trials);

    /* The same tables and columns as those of a new store, though not in the same order. */
    static const char columns[] =
        "SELECT group_concat(x, ';') FROM (SELECT m.name || '.' || p.name || ' ' || p.type || ' ' "
        "||"
        " p.\"notnull\" || ' ' || p.pk AS x FROM sqlite_master m, pragma_table_info(m.name) p"
        " WHERE m.type = 'table' ORDER BY x)";
    assert_int_equal(sqlite3_open(old, &db), SQLITE_OK);
    sqlite3_stmt *st;
    char *shape[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sqlite3_prepare_v2(db, columns, -1, &st, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(st), SQLITE_ROW);
        shape[i] = td_arena_strdup(a, (const char *)sqlite3_column_text(st, 0));
        sqlite3_finalize(st);
        sqlite3_close(db);
        if (i == 0) assert_int_equal(sqlite3_open(whole, &db), SQLITE_OK);
    }
    assert_string_equal(shape[0], shape[1]);

    char *got = search_to(old, 0);
    assert_string_equal(got, expected);
    free(got);
    free(before);
    free(expected);
    td_arena_destroy(a);
    scratch_remove(folder);
}

/* Killed within the migration: version 1 still, or version 2, and never anything between. */
static void a_migration_is_whole(void **state) {
    (void)state;
    td_error err = {0};
    char *folder = scratch_make(), old[1200];
    snprintf(old, sizeof old, "%s", scratch_path(folder, "old.db"));
    sqlite3 *db;
    assert_int_equal(sqlite3_open(old, &db), SQLITE_OK);
    sql(db, version_1);
    /* A table in the way makes it fail near its end. */
    sql(db, "CREATE TABLE eval_claim (x)");
    sqlite3_close(db);
    td_store *store;
    assert_int_equal(td_store_open(old, true, &store, &err), TD_E_STORE);
    assert_int_equal(number_of(old, "SELECT value FROM meta"), 1);
    assert_int_equal(number_of(old, "SELECT count(*) FROM pragma_table_info('trial')"
                                    " WHERE name = 'origin'"),
                     0);
    scratch_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(version_1_goes_on),
                                       cmocka_unit_test(a_migration_is_whole)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

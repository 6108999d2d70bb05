#include <sqlite3.h>

#include "store_helper.h"

int store_setup(void **state) {
    static fixture f;
    memset(&f, 0, sizeof f);
    f.folder = scratch_make();
    static char path[1200];
    snprintf(path, sizeof path, "%s/study.db", f.folder);
    f.path = path;
    assert_ok(td_store_open(path, true, &f.store, &f.err), &f.err);
    assert_ok(td__store_join(f.store, &f.err), &f.err);
    *state = &f;
    return 0;
}

int store_teardown(void **state) {
    fixture *f = *state;
    td_store_close(f->store);
    scratch_remove(f->folder);
    return 0;
}

int64_t number_of(const fixture *f, const char *sql) {
    sqlite3 *db;
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    int64_t v = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return v;
}

td__study study(const char *name, uint64_t hash, uint64_t seed, int64_t budget) {
    return (td__study){.name = name,
                       .spec = "spec",
                       .path = "/r.yaml",
                       .spec_hash = hash,
                       .seed = seed,
                       .max_trials = budget,
                       .max_trained = INT64_MAX,
                       .max_active_s = INFINITY};
}

int64_t make_study(fixture *f, const char *name, int64_t budget) {
    int64_t id = -1;
    td__study s = study(name, 42, 7, budget);
    assert_ok(td__store_study(f->store, &s, &id, &f->err), &f->err);
    return id;
}

td_status try_ask(td_store *s, int64_t id, const char *key, int64_t *number, td_error *err) {
    bool made;
    return td__store_ask(s, id, key, 0, "{\"a\": 1}", 5, 60, number, &made, err);
}

int64_t ask(fixture *f, int64_t id, const char *key) {
    int64_t number = -1;
    assert_ok(try_ask(f->store, id, key, &number, &f->err), &f->err);
    return number;
}

void claim(fixture *f, int64_t s, int64_t number, double lease_s, int64_t *id, int64_t *token) {
    assert_ok(td__store_claim(f->store, s, number, lease_s, id, token, &f->err), &f->err);
}

td__finish done(double objective) {
    return (td__finish){.outcome = {.state = TD_TRIAL_DONE,
                                    .nobj = 1,
                                    .ncon = 2,
                                    .obj = {objective},
                                    .con = {-0.25, NAN}},
                        .metric = {1e-5, 2e-6, 0.75},
                        .accuracy = 0.875,
                        .reward = INFINITY,
                        .violation = 0,
                        .net_hash = UINT64_C(0xfedcba9876543210),
                        .hw_hash = 3,
                        .scored = true};
}

td_status tell(td_store *s, int64_t id, int64_t token, double objective, td_error *err) {
    td__finish out = done(objective);
    return td__store_tell(s, id, token, &out, err);
}

td__trial *load(fixture *f, int64_t id, td_arena *a, int *n) {
    td__trial *t;
    assert_ok(td__store_load(f->store, id, a, &t, n, &f->err), &f->err);
    return t;
}

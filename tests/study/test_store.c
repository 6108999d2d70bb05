/* Conformance of the store: the rules of docs/store.md, with several threads that have each a
 * handle of their own. */
#include <pthread.h>
#include <sqlite3.h>

#include "../../src/study/store.h"
#include "scratch.h"

typedef struct {
    char *folder;
    const char *path;
    td_store *store;
    td_error err;
} fixture;

static int setup(void **state) {
    static fixture f;
    memset(&f, 0, sizeof f);
    f.folder = scratch_make();
    static char path[1200];
    snprintf(path, sizeof path, "%s/study.db", f.folder);
    f.path = path;
    assert_ok(td_store_open(path, true, &f.store, &f.err), &f.err);
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    td_store_close(f->store);
    scratch_remove(f->folder);
    return 0;
}

static int64_t make_study(fixture *f, const char *name, int64_t budget) {
    int64_t id = -1;
    assert_ok(td__store_study(f->store, name, "spec", 42, 7, budget, &id, &f->err), &f->err);
    return id;
}

/* A query with one integer as answer, past the library. */
static int64_t number_of(const fixture *f, const char *sql) {
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

static td__finish done(double objective) {
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

static int64_t ask(fixture *f, int64_t study, const char *key) {
    int64_t number = -1;
    assert_ok(td__store_ask(f->store, study, key, 0, "{\"a\": 1}", 5, &number, &f->err), &f->err);
    return number;
}

static void claim(fixture *f, int64_t study, int64_t number, double lease_s, int64_t *id,
                  int64_t *token) {
    assert_ok(td__store_claim(f->store, study, number, "w", lease_s, id, token, &f->err), &f->err);
}

static td__trial *load(fixture *f, int64_t study, td_arena *a, int *n) {
    td__trial *t;
    assert_ok(td__store_load(f->store, study, a, &t, n, &f->err), &f->err);
    return t;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void ask_is_idempotent(void **state) {
    fixture *f = *state;
    int64_t s = make_study(f, "s", 10);
    assert_int_equal(ask(f, s, "w:0"), 0);
    assert_int_equal(ask(f, s, "w:1"), 1);
    assert_int_equal(ask(f, s, "w:0"), 0);
    assert_int_equal(ask(f, s, "v:0"), 2);
    assert_int_equal(number_of(f, "SELECT count(*) FROM trial"), 3);
    /* keys and numbers are each study's own */
    assert_int_equal(ask(f, make_study(f, "other", 10), "w:0"), 0);
}

static void budget_ends_asking(void **state) {
    fixture *f = *state;
    int64_t s = make_study(f, "s", 2), number;
    ask(f, s, "0");
    ask(f, s, "1");
    assert_int_equal(td__store_ask(f->store, s, "2", 0, "{}", 5, &number, &f->err), TD_E_DONE);
    assert_int_equal(ask(f, s, "1"), 1); /* what was asked is there still */
    make_study(f, "s", 3);
    assert_int_equal(ask(f, s, "2"), 2);
    /* a smaller budget does not go below what was asked */
    make_study(f, "s", 1);
    assert_int_equal(number_of(f, "SELECT max_trials FROM study"), 3);
}

typedef struct {
    const char *path;
    int worker;
    int64_t study;
    int asked, refused, claimed;
    td_status status;
    td_error err;
} worker;

/* Twenty asks, each claimed and told, through a handle of its own. */
static void *ask_twenty(void *arg) {
    worker *w = arg;
    td_store *s;
    w->status = td_store_open(w->path, true, &s, &w->err);
    for (int i = 0; i < 20 && w->status == TD_OK; i++) {
        char key[32], name[16];
        int64_t number, id, token;
        snprintf(key, sizeof key, "%d:%d", w->worker, i);
        snprintf(name, sizeof name, "%d", w->worker);
        td_status st = td__store_ask(s, w->study, key, 0, "{}", 5, &number, &w->err);
        if (st == TD_E_DONE) {
            w->refused++;
            continue;
        }
        w->asked++;
        w->status = st;
        if (w->status == TD_OK)
            w->status = td__store_claim(s, w->study, number, name, 60, &id, &token, &w->err);
        td__finish f = done((double)number);
        if (w->status == TD_OK) w->claimed++;
        if (w->status == TD_OK) w->status = td__store_tell(s, id, token, &f, &w->err);
    }
    if (w->status == TD_OK) td_store_close(s);
    return NULL;
}

static void budget_is_met_exactly_by_six_threads(void **state) {
    enum { THREADS = 6, BUDGET = 40 };
    fixture *f = *state;
    worker w[THREADS];
    pthread_t t[THREADS];
    int64_t s = make_study(f, "s", BUDGET);
    for (int i = 0; i < THREADS; i++) {
        w[i] = (worker){.path = f->path, .worker = i, .study = s};
        assert_int_equal(pthread_create(&t[i], NULL, ask_twenty, &w[i]), 0);
    }
    int asked = 0, refused = 0, claimed = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(t[i], NULL);
        assert_ok(w[i].status, &w[i].err);
        asked += w[i].asked;
        refused += w[i].refused;
        claimed += w[i].claimed;
    }
    assert_int_equal(asked, BUDGET);
    assert_int_equal(claimed, BUDGET);
    assert_int_equal(refused, 20 * THREADS - BUDGET);
    assert_int_equal(number_of(f, "SELECT count(*) FROM trial"), BUDGET);
    assert_int_equal(number_of(f, "SELECT count(DISTINCT number) FROM trial"), BUDGET);
    assert_int_equal(number_of(f, "SELECT max(number) - min(number) FROM trial"), BUDGET - 1);
    assert_int_equal(number_of(f, "SELECT count(DISTINCT rev) FROM trial"), BUDGET);
    assert_int_equal(number_of(f, "SELECT min(rev) FROM trial"), 1);
    assert_int_equal(number_of(f, "SELECT max(rev) FROM trial"), BUDGET);
    assert_int_equal(number_of(f, "SELECT rev FROM study"), BUDGET);
}

/* ---- the life of a trial --------------------------------------------------------------------- */

static void what_is_told_is_loaded(void **state) {
    fixture *f = *state;
    int64_t s = make_study(f, "s", 10), id, token;
    ask(f, s, "0");
    ask(f, s, "1");
    claim(f, s, 0, 60, &id, &token);
    td__finish out = done(-0.125);
    out.reason = "because";
    assert_ok(td__store_tell(f->store, id, token, &out, &f->err), &f->err);
    td_arena *a = td_arena_create();
    int n;
    td__trial *t = load(f, s, a, &n);
    assert_int_equal(n, 2);
    assert_int_equal(t[0].state, TD_TRIAL_DONE);
    assert_string_equal(t[0].params, "{\"a\": 1}");
    assert_int_equal(t[0].outcome.nobj, 1);
    assert_int_equal(t[0].outcome.ncon, 2);
    assert_true(t[0].outcome.obj[0] == -0.125 && t[0].outcome.con[0] == -0.25);
    assert_true(isnan(t[0].outcome.con[1]));
    assert_memory_equal(t[0].metric, out.metric, sizeof out.metric);
    assert_true(t[0].accuracy == 0.875 && t[0].reward == INFINITY && t[0].violation == 0);
    assert_true(t[0].scored);
    assert_true(t[0].net_hash == out.net_hash && t[0].hw_hash == out.hw_hash);
    assert_string_equal(t[0].error, "because");
    assert_int_equal(t[0].rev, 1);
    assert_int_equal(t[0].attempt, 1);
    assert_true(t[0].started > 1e9 && t[0].finished >= t[0].started);
    assert_int_equal(t[1].state, TD_TRIAL_READY);
    assert_true(isnan(t[1].accuracy) && t[1].error == NULL && t[1].rev == 0 && !t[1].scored);
    td_arena_destroy(a);
}

/* Stores made before the power was kept have energy and latency: idx 7 is not there, the others
 * stand where they always did. */
static void power_of_older_stores(void **state) {
    fixture *f = *state;
    int64_t study = make_study(f, "a", 10), id, token;
    ask(f, study, "0:0");
    claim(f, study, 0, 60, &id, &token);
    td__finish told = done(1);
    told.metric[TD_METRIC_POWER] = 0.25; /* not energy / latency: what is kept is what is read */
    assert_ok(td__store_tell(f->store, id, token, &told, &f->err), &f->err);
    td_arena *a = td_arena_create();
    int n;
    assert_true(load(f, study, a, &n)->metric[TD_METRIC_POWER] == 0.25);
    assert_int_equal(number_of(f, "DELETE FROM trial_value WHERE kind = 2 AND idx = 7"
                                  " RETURNING 1"),
                     1);
    const td__trial *t = load(f, study, a, &n);
    assert_true(t->metric[TD_METRIC_POWER] == 2e-6 / 1e-5);
    assert_true(t->metric[TD_METRIC_LATENCY] == 1e-5 && t->metric[TD_METRIC_AREA] == 0.75);
    assert_true(t->accuracy == 0.875 && isinf(t->reward) && t->violation == 0 && t->scored);
    td_arena_destroy(a);
}

static void a_claim_is_exclusive(void **state) {
    fixture *f = *state;
    int64_t s = make_study(f, "s", 10), id, token;
    ask(f, s, "0");
    claim(f, s, 0, 60, &id, &token);
    assert_int_equal(td__store_claim(f->store, s, 0, "v", 60, &id, &token, &f->err), TD_E_STALE);
    assert_int_equal(td__store_claim(f->store, s, 1, "v", 60, &id, &token, &f->err), TD_E_STALE);
}

static void telling_twice_changes_nothing(void **state) {
    fixture *f = *state;
    int64_t s = make_study(f, "s", 10), id, token;
    ask(f, s, "0");
    claim(f, s, 0, 60, &id, &token);
    td__finish first = done(1), second = done(2);
    assert_ok(td__store_tell(f->store, id, token, &first, &f->err), &f->err);
    assert_ok(td__store_tell(f->store, id, token, &second, &f->err), &f->err);
    td_arena *a = td_arena_create();
    int n;
    td__trial *t = load(f, s, a, &n);
    assert_true(t[0].outcome.obj[0] == 1);
    assert_int_equal(t[0].rev, 1);
    assert_int_equal(number_of(f, "SELECT rev FROM study"), 1);
    td_arena_destroy(a);
    assert_int_equal(td__store_tell(f->store, id, token + 1, &first, &f->err), TD_E_STALE);
    first.outcome.state = TD_TRIAL_RUNNING;
    assert_int_equal(td__store_tell(f->store, id, token, &first, &f->err), TD_E_USAGE);
}

static void expired_leases_are_reaped(void **state) {
    fixture *f = *state;
    int64_t s = make_study(f, "s", 10), id, token, live, live_token, reaped;
    ask(f, s, "0");
    ask(f, s, "1");
    claim(f, s, 0, -1, &id, &token); /* expired from the beginning */
    claim(f, s, 1, 60, &live, &live_token);
    assert_ok(td__store_reap(f->store, s, false, 5, &reaped, &f->err), &f->err);
    assert_int_equal(reaped, 1);
    /* The zombie is fenced, whatever it tries. */
    td__finish out = done(1);
    assert_int_equal(td__store_beat(f->store, id, token, 60, &f->err), TD_E_STALE);
    assert_int_equal(td__store_tell(f->store, id, token, &out, &f->err), TD_E_STALE);
    int64_t again, again_token;
    claim(f, s, 0, 60, &again, &again_token);
    assert_int_equal(again, id);
    assert_true(again_token > token);
    assert_int_equal(td__store_tell(f->store, id, token, &out, &f->err), TD_E_STALE);
    assert_ok(td__store_tell(f->store, again, again_token, &out, &f->err), &f->err);
    assert_int_equal(td__store_tell(f->store, id, token, &out, &f->err), TD_E_STALE);
    assert_ok(td__store_tell(f->store, live, live_token, &out, &f->err), &f->err);
    assert_int_equal(number_of(f, "SELECT attempt FROM trial WHERE number = 0"), 2);
}

static void a_heartbeat_keeps_the_lease(void **state) {
    fixture *f = *state;
    int64_t s = make_study(f, "s", 10), id, token, reaped;
    ask(f, s, "0");
    claim(f, s, 0, -1, &id, &token);
    assert_ok(td__store_beat(f->store, id, token, 60, &f->err), &f->err);
    assert_ok(td__store_reap(f->store, s, false, 5, &reaped, &f->err), &f->err);
    assert_int_equal(reaped, 0);
}

/* A trial that kills its process every time ends as failed, and strategies hear of it. */
static void lost_too_often_is_failed(void **state) {
    fixture *f = *state;
    int64_t s = make_study(f, "s", 10), id, token, reaped;
    ask(f, s, "0");
    for (int attempt = 1; attempt <= 3; attempt++) {
        claim(f, s, 0, 60, &id, &token);
        assert_ok(td__store_reap(f->store, s, true, 3, &reaped, &f->err), &f->err);
        assert_int_equal(reaped, 1);
        assert_int_equal(number_of(f, "SELECT state FROM trial"), attempt < 3 ? 0 : 4);
        assert_int_equal(number_of(f, "SELECT rev FROM trial"), attempt < 3 ? 0 : 1);
    }
    assert_int_equal(td__store_claim(f->store, s, 0, "w", 60, &id, &token, &f->err), TD_E_STALE);
    td_arena *a = td_arena_create();
    int n;
    td__trial *t = load(f, s, a, &n);
    assert_int_equal(t[0].state, TD_TRIAL_FAILED);
    assert_string_equal(t[0].error, "lost with its worker 3 times");
    td_arena_destroy(a);
}

static void release_costs_no_attempt(void **state) {
    fixture *f = *state;
    int64_t s = make_study(f, "s", 10), id, token;
    ask(f, s, "0");
    for (int i = 0; i < 10; i++) {
        claim(f, s, 0, 60, &id, &token);
        assert_ok(td__store_release(f->store, id, token, &f->err), &f->err);
    }
    assert_int_equal(number_of(f, "SELECT attempt FROM trial"), 0);
    assert_int_equal(number_of(f, "SELECT state FROM trial"), 0);
    td__finish out = done(1);
    assert_int_equal(td__store_tell(f->store, id, token, &out, &f->err), TD_E_STALE);
}

/* ---- studies, cache -------------------------------------------------------------------------- */

static void another_recipe_or_seed_is_refused(void **state) {
    fixture *f = *state;
    int64_t id;
    make_study(f, "s", 10);
    assert_int_equal(td__store_study(f->store, "s", "spec", 43, 7, 10, &id, &f->err), TD_E_USAGE);
    assert_non_null(strstr(f->err.message, "another recipe"));
    assert_int_equal(td__store_study(f->store, "s", "spec", 42, 8, 10, &id, &f->err), TD_E_USAGE);
    assert_ok(td__store_study(f->store, "s", "spec", 42, 7, 10, &id, &f->err), &f->err);
}

static void studies_are_listed_with_counts(void **state) {
    fixture *f = *state;
    int64_t s = make_study(f, "one", 10), id, token;
    make_study(f, "two", 5);
    for (int i = 0; i < 7; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d", i);
        ask(f, s, key);
    }
    /* trained and good; trained and over a target; screened; diverged; not built */
    static const td_state state_of[] = {TD_TRIAL_DONE, TD_TRIAL_DONE, TD_TRIAL_INFEASIBLE,
                                        TD_TRIAL_INFEASIBLE, TD_TRIAL_INFEASIBLE};
    static const double violation[] = {0, 0.25, 0.5, 0, NAN};
    for (int i = 0; i < 5; i++) {
        td__finish out = done(1);
        out.outcome.state = state_of[i];
        out.violation = violation[i];
        out.metric[TD_METRIC_LATENCY] = i == 4 ? NAN : 1e-5;
        claim(f, s, i, 60, &id, &token);
        assert_ok(td__store_tell(f->store, id, token, &out, &f->err), &f->err);
    }
    claim(f, s, 5, 60, &id, &token);
    assert_ok(td__store_study_state(f->store, s, 2, &f->err), &f->err);
    td_arena *a = td_arena_create();
    td_study_info *info;
    int n;
    assert_ok(td_store_studies(f->store, a, &info, &n, &f->err), &f->err);
    assert_int_equal(n, 2);
    assert_string_equal(info[0].name, "one");
    assert_int_equal(info[0].trials, 7);
    static const int64_t count[TD_NRESULT] = {
        [TD_RESULT_READY] = 1,  [TD_RESULT_RUNNING] = 1, [TD_RESULT_MEETS] = 1,
        [TD_RESULT_MISSES] = 2, [TD_RESULT_UNBUILT] = 1, [TD_RESULT_DIVERGES] = 1};
    for (int i = 0; i < TD_NRESULT; i++) assert_int_equal(info[0].count[i], count[i]);
    /* as each trial says it of itself */
    td_trial_row *t;
    int64_t again[TD_NRESULT] = {0};
    assert_ok(td_store_trials(f->store, "one", a, &t, &n, &f->err), &f->err);
    for (int i = 0; i < n; i++) again[td_trial_result(&t[i])]++;
    assert_memory_equal(again, count, sizeof count);
    assert_int_equal(info[0].max_trials, 10);
    assert_int_equal(info[0].state, 2);
    assert_true(info[0].seed == 7);
    assert_string_equal(info[1].name, "two");
    make_study(f, "one", 10); /* goes on: active again */
    assert_ok(td_store_studies(f->store, a, &info, &n, &f->err), &f->err);
    assert_int_equal(info[0].state, 0);
    assert_int_equal(td__store_find(f->store, "three", &id, &f->err), TD_E_NOT_FOUND);
    assert_non_null(strstr(f->err.message, "one, two"));
    td_arena_destroy(a);
}

static void cache_keeps_doubles_and_keys_apart(void **state) {
    fixture *f = *state;
    double v, x;
    bool found;
    assert_ok(td__store_cache_get(f->store, 1, 2, 1000, &v, &x, &found, &f->err), &f->err);
    assert_false(found);
    assert_ok(td__store_cache_put(f->store, 1, 2, 1000, 0.1, 3, &f->err), &f->err);
    assert_ok(td__store_cache_put(f->store, 1, 3, 1000, NAN, 4, &f->err), &f->err);
    assert_ok(td__store_cache_get(f->store, 1, 2, 1000, &v, &x, &found, &f->err), &f->err);
    assert_true(found && v == 0.1 && x == 3);
    assert_ok(td__store_cache_get(f->store, 1, 3, 1000, &v, &x, &found, &f->err), &f->err);
    assert_true(found && isnan(v));
    assert_ok(td__store_cache_get(f->store, 1, 2, 500, &v, &x, &found, &f->err), &f->err);
    assert_false(found);
    assert_ok(td__store_cache_get(f->store, 2, 2, 1000, &v, &x, &found, &f->err), &f->err);
    assert_false(found);
}

int main(void) {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(ask_is_idempotent),
        CASE(budget_ends_asking),
        CASE(budget_is_met_exactly_by_six_threads),
        CASE(what_is_told_is_loaded),
        CASE(power_of_older_stores),
        CASE(a_claim_is_exclusive),
        CASE(telling_twice_changes_nothing),
        CASE(expired_leases_are_reaped),
        CASE(a_heartbeat_keeps_the_lease),
        CASE(lost_too_often_is_failed),
        CASE(release_costs_no_attempt),
        CASE(another_recipe_or_seed_is_refused),
        CASE(studies_are_listed_with_counts),
        CASE(cache_keeps_doubles_and_keys_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

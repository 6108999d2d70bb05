/* Conformance of the store: the rules of docs/store.md for trials, studies and values. */
#include "store_helper.h"

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
    assert_int_equal(try_ask(f->store, s, "2", &number, &f->err), TD_E_DONE);
    assert_int_equal(ask(f, s, "1"), 1); /* what was asked is there still */
    make_study(f, "s", 3);
    assert_int_equal(ask(f, s, "2"), 2);
    /* a smaller budget does not go below what was asked */
    make_study(f, "s", 1);
    assert_int_equal(number_of(f, "SELECT max_trials FROM study"), 3);
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
    assert_int_equal(td__store_claim(f->store, s, 0, 60, &id, &token, &f->err), TD_E_STALE);
    assert_int_equal(td__store_claim(f->store, s, 1, 60, &id, &token, &f->err), TD_E_STALE);
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

/* ---- studies, cache -------------------------------------------------------------------------- */

static void another_recipe_or_seed_is_refused(void **state) {
    fixture *f = *state;
    int64_t id;
    make_study(f, "s", 10);
    td__study other = study("s", 43, 7, 10);
    assert_int_equal(td__store_study(f->store, &other, &id, &f->err), TD_E_USAGE);
    assert_non_null(strstr(f->err.message, "another recipe"));
    other = study("s", 42, 8, 10);
    assert_int_equal(td__store_study(f->store, &other, &id, &f->err), TD_E_USAGE);
    make_study(f, "s", 10);
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

/* ---- enqueued designs, the feed of outcomes -------------------------------------------------- */

static void enqueued_designs_take_the_next_numbers(void **state) {
    fixture *f = *state;
    static const char *const first[] = {"{\"a\": 7}"};
    static const uint64_t hash[] = {7};
    int64_t id, number, trial, token;
    td__study s = study("s", 42, 7, 4);
    s.first = first;
    s.first_hash = hash;
    s.n_first = 1;
    assert_ok(td__store_study(f->store, &s, &id, &f->err), &f->err);
    assert_ok(td__store_study(f->store, &s, &id, &f->err), &f->err); /* once */
    assert_int_equal(ask(f, id, "0:1"), 1);
    assert_ok(td__store_enqueue(f->store, id, "{\"a\": 8}", 8, &number, &f->err), &f->err);
    assert_int_equal(number, 2);
    /* who asks for its number finds it */
    assert_int_equal(ask(f, id, "0:2"), 2);
    td_arena *a = td_arena_create();
    const td__trial *t;
    assert_ok(td__store_peek(f->store, id, 2, a, &t, &f->err), &f->err);
    assert_string_equal(t->params, "{\"a\": 8}");
    assert_int_equal(t->origin, TD__ORIGIN_ENQUEUED);
    assert_int_equal(t->seen, -1);
    assert_ok(td__store_enter(f->store, t->id, 1, &f->err), &f->err);
    assert_ok(td__store_enter(f->store, t->id, 2, &f->err), &f->err); /* the first counts */
    assert_ok(td__store_peek(f->store, id, 2, a, &t, &f->err), &f->err);
    assert_int_equal(t->seen, 1);
    assert_ok(td__store_peek(f->store, id, 3, a, &t, &f->err), &f->err);
    assert_null(t);
    claim(f, id, 2, 60, &trial, &token);
    assert_ok(tell(f->store, trial, token, 1, &f->err), &f->err);
    int n;
    td__trial *all = load(f, id, a, &n);
    assert_int_equal(n, 3);
    assert_int_equal(all[0].origin, TD__ORIGIN_ENQUEUED);
    assert_int_equal(all[1].origin, TD__ORIGIN_STRATEGY);
    assert_ok(td__store_enqueue(f->store, id, "{}", 9, &number, &f->err), &f->err);
    assert_int_equal(td__store_enqueue(f->store, id, "{}", 9, &number, &f->err), TD_E_DONE);
    td_arena_destroy(a);
}

static void since_gives_what_is_new(void **state) {
    fixture *f = *state;
    int64_t s = make_study(f, "s", 10), id[4], token[4];
    for (int i = 0; i < 4; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d", i);
        ask(f, s, key);
        claim(f, s, i, 60, &id[i], &token[i]);
    }
    td_arena *a = td_arena_create();
    td__trial *t;
    int n;
    assert_ok(td__store_since(f->store, s, 0, a, &t, &n, &f->err), &f->err);
    assert_int_equal(n, 0);
    static const int order[] = {2, 0, 3};
    for (int i = 0; i < 3; i++)
        assert_ok(tell(f->store, id[order[i]], token[order[i]], order[i], &f->err), &f->err);
    for (int rev = 0; rev < 3; rev++) {
        assert_ok(td__store_since(f->store, s, rev, a, &t, &n, &f->err), &f->err);
        assert_int_equal(n, 3 - rev);
        for (int i = 0; i < n; i++) {
            td__finish out = done(order[rev + i]);
            assert_int_equal(t[i].number, order[rev + i]);
            assert_int_equal(t[i].rev, rev + i + 1);
            assert_true(t[i].outcome.obj[0] == order[rev + i] && isnan(t[i].outcome.con[1]));
            assert_int_equal(t[i].outcome.ncon, 2);
            assert_memory_equal(t[i].metric, out.metric, sizeof out.metric);
            assert_true(t[i].accuracy == 0.875 && t[i].reward == INFINITY && t[i].scored);
            assert_true(t[i].net_hash == out.net_hash && t[i].hw_hash == 3);
        }
    }
    td_arena_destroy(a);
}

int main(void) {
#define CASE(f) cmocka_unit_test_setup_teardown(f, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        CASE(ask_is_idempotent),
        CASE(budget_ends_asking),
        CASE(what_is_told_is_loaded),
        CASE(power_of_older_stores),
        CASE(a_claim_is_exclusive),
        CASE(telling_twice_changes_nothing),
        CASE(another_recipe_or_seed_is_refused),
        CASE(studies_are_listed_with_counts),
        CASE(cache_keeps_doubles_and_keys_apart),
        CASE(enqueued_designs_take_the_next_numbers),
        CASE(since_gives_what_is_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

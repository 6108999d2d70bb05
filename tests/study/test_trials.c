/* What is best, what is on the front, and the table behind both; against plain enumeration. */
#include "../../src/study/row.h"
#include "../../src/study/seen.h"
#include "common.h"

static td_trial_row trial(double accuracy, double latency, double energy, double area,
                          double violation) {
    return (td_trial_row){.state = violation > 0 ? TD_TRIAL_INFEASIBLE : TD_TRIAL_DONE,
                          .accuracy = accuracy,
                          .metric = {latency, energy, area},
                          .violation = violation,
                          .feasible = violation == 0};
}

static int best_of_two(td_trial_row a, td_trial_row b) {
    td_trial_row t[2] = {a, b};
    return td_trials_best(t, 2);
}

static void feasible_first(void **state) {
    (void)state;
    assert_int_equal(best_of_two(trial(0.99, 1, 1, 1, 0.001), trial(0.5, 1, 1, 1, 0)), 1);
    /* trained and accurate, but over the target (soft reward) */
    td_trial_row soft = trial(0.99, 1, 1, 1, 0.5);
    soft.state = TD_TRIAL_DONE;
    assert_int_equal(best_of_two(soft, trial(0.5, 1, 1, 1, 0)), 1);
}

static void then_violation_accuracy_size(void **state) {
    (void)state;
    assert_int_equal(best_of_two(trial(0.9, 1, 1, 1, 0.2), trial(0.5, 1, 1, 1, 0.1)), 1);
    assert_int_equal(best_of_two(trial(0.8, 1, 1, 1, 0), trial(0.9, 9, 9, 9, 0)), 1);
    assert_int_equal(best_of_two(trial(0.8, 2, 2, 2, 0), trial(0.8, 3, 1, 2, 0)), 1);
    assert_int_equal(best_of_two(trial(0.8, 1, 1, 1, 0), trial(0.8, 1, 1, 1, 0)), 0);
    /* without accuracies (a search of accelerators) size decides */
    assert_int_equal(best_of_two(trial(NAN, 2, 1, 1, 0), trial(NAN, 1, 1, 1, 0)), 1);
    /* an area that is not known leaves latency and energy */
    assert_int_equal(best_of_two(trial(0.8, 2, 1, NAN, 0), trial(0.8, 1, 1, NAN, 0)), 1);
}

static void what_was_not_built_is_never_best(void **state) {
    (void)state;
    td_trial_row t[4] = {trial(0.9, 1, 1, 1, NAN), trial(0.9, 1, 1, 1, 0), trial(0.9, 1, 1, 1, 0),
                         trial(0.9, 1, 1, 1, 0)};
    t[0].state = TD_TRIAL_INFEASIBLE;
    t[0].feasible = false;
    t[1].state = TD_TRIAL_RUNNING;
    t[2].state = TD_TRIAL_FAILED;
    t[3].state = TD_TRIAL_READY;
    assert_int_equal(td_trials_best(t, 4), -1);
    assert_int_equal(td_trials_best(t, 0), -1);
}

/* Random trials: the best is one that no other is better than, the first of these; the order has no
 * circles. */
static void best_is_a_strict_order(void **state) {
    (void)state;
    for (uint64_t round = 0; round < 300; round++) {
        enum { N = 12 };
        td_rng r = td_rng_make(1, round, TD_RNG_TEST);
        td_trial_row t[N];
        for (int i = 0; i < N; i++) {
            double v[5];
            for (int k = 0; k < 5; k++) v[k] = (double)td_rng_below(&r, 3);
            t[i] = trial(v[0] / 4, 1 + v[1], 1 + v[2], 1 + v[3], v[4] / 2);
            if (td_rng_below(&r, 6) == 0) t[i].accuracy = NAN;
            if (td_rng_below(&r, 6) == 0) t[i].violation = NAN;
            if (td_rng_below(&r, 6) == 0) t[i].state = TD_TRIAL_FAILED;
            t[i].feasible = t[i].state == TD_TRIAL_DONE && t[i].violation == 0;
        }
        int best = td_trials_best(t, N);
        for (int i = 0; i < N; i++) {
            assert_false(td__trial_better(&t[i], &t[i]));
            if (best >= 0) assert_false(td__trial_better(&t[i], &t[best]));
            if (best >= 0 && i < best) assert_true(td__trial_better(&t[best], &t[i]));
            for (int k = 0; k < N; k++) {
                assert_false(td__trial_better(&t[i], &t[k]) && td__trial_better(&t[k], &t[i]));
                for (int m = 0; m < N; m++)
                    if (td__trial_better(&t[i], &t[k]) && td__trial_better(&t[k], &t[m]))
                        assert_true(td__trial_better(&t[i], &t[m]));
            }
        }
    }
}

static bool dominates(const td_trial_row *a, const td_trial_row *b) {
    bool better = a->accuracy > b->accuracy;
    if (a->accuracy < b->accuracy) return false;
    for (int m = 0; m < TD_NMETRIC; m++) {
        if (a->metric[m] > b->metric[m]) return false;
        better = better || a->metric[m] < b->metric[m];
    }
    return better;
}

static bool equal(const td_trial_row *a, const td_trial_row *b) {
    return a->accuracy == b->accuracy && memcmp(a->metric, b->metric, sizeof a->metric) == 0;
}

static void front_by_enumeration(void **state) {
    (void)state;
    for (uint64_t round = 0; round < 200; round++) {
        enum { N = 20 };
        td_rng r = td_rng_make(2, round, TD_RNG_TEST);
        td_trial_row t[N];
        int front[N], count;
        td_error err;
        for (int i = 0; i < N; i++) {
            double v[4];
            for (int k = 0; k < 4; k++) v[k] = (double)td_rng_below(&r, 3);
            t[i] = trial(v[0], v[1], v[2], v[3], 0);
            if (td_rng_below(&r, 4) == 0) t[i].state = TD_TRIAL_INFEASIBLE;
        }
        assert_ok(td_trials_pareto(t, N, front, &count, &err), &err);
        int at = 0;
        for (int i = 0; i < N; i++) {
            bool on = t[i].state == TD_TRIAL_DONE;
            for (int k = 0; k < N && on; k++)
                on = t[k].state != TD_TRIAL_DONE ||
                     !(dominates(&t[k], &t[i]) || (k < i && equal(&t[k], &t[i])));
            if (!on) continue;
            assert_true(at < count);
            assert_int_equal(front[at++], i);
        }
        assert_int_equal(at, count);
    }
}

static void front_of_what_is_not_known(void **state) {
    (void)state;
    td_trial_row t[3] = {trial(NAN, 1, 2, NAN, 0), trial(NAN, 2, 1, NAN, 0),
                         trial(NAN, 2, 2, NAN, 0)};
    int front[3], count;
    td_error err;
    assert_ok(td_trials_pareto(t, 3, front, &count, &err), &err);
    assert_int_equal(count, 2);
    assert_int_equal(front[0], 0);
    assert_int_equal(front[1], 1);
    assert_ok(td_trials_pareto(t, 0, front, &count, &err), &err);
    assert_int_equal(count, 0);
}

static void table_of_what_was_seen(void **state) {
    (void)state;
    td__seen s = {0};
    assert_int_equal(td__seen_get(&s, 0), -1);
    /* keys that differ in few bits, 0 among them; the first number stays */
    for (int64_t i = 0; i < 1000; i++) assert_true(td__seen_put(&s, (uint64_t)i << 40, i));
    for (int64_t i = 0; i < 1000; i++) assert_true(td__seen_put(&s, (uint64_t)i << 40, i + 7));
    assert_int_equal(s.n, 1000);
    for (int64_t i = 0; i < 1000; i++) assert_int_equal(td__seen_get(&s, (uint64_t)i << 40), i);
    assert_int_equal(td__seen_get(&s, 1), -1);
    td__seen_free(&s);
    td__seen_free(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feasible_first),
        cmocka_unit_test(then_violation_accuracy_size),
        cmocka_unit_test(what_was_not_built_is_never_best),
        cmocka_unit_test(best_is_a_strict_order),
        cmocka_unit_test(front_by_enumeration),
        cmocka_unit_test(front_of_what_is_not_known),
        cmocka_unit_test(table_of_what_was_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* NSGA-II: its operators have the distributions that they are said to have, and it gets farther
 * than random search. */
#include "common.h"

#include "../../src/search/search_breed.h"
#include "contest.h"
#include "spaces.h"

enum { DRAWS = 20000 };

/* Children lie about their parents: the same mean, inside the range, as often further apart than
 * nearer where nothing cuts them off, and the nearer to the parents the larger eta. */
static void test_sbx(void **unused) {
    (void)unused;
    td_rng r = td_rng_make(1, 0, TD_RNG_TEST);
    static const double parents[][2] = {{0.4, 0.6}, {0.9, 0.05}, {0, 0.3}, {0.5, 0.5}, {0, 1}};
    for (int p = 0; p < 5; p++) {
        double a = parents[p][0], b = parents[p][1];
        for (int i = 0; i < DRAWS; i++) {
            double c[2];
            td__sbx(a, b, 3, td_rng_uniform(&r), c);
            assert_near(c[0] + c[1], a + b, 1e-12);
            assert_true(c[0] >= 0 && c[0] <= 1 && c[1] >= 0 && c[1] <= 1);
            assert_true((c[0] <= c[1]) == (a <= b));
            if (p == 2) assert_true(c[0] >= 0 && c[1] <= 0.3 + 1e-12); /* 0 cannot be passed */
        }
    }
    /* P(spread <= s) = s^(eta+1) / 2 below 1, 1 - s^-(eta+1) / 2 beyond */
    static const double spread[] = {0.5, 0.8, 1, 1.2, 2};
    for (int k = 0; k < 5; k++) {
        int below = 0;
        double s = spread[k], p = s <= 1 ? pow(s, 4) / 2 : 1 - pow(s, -4) / 2;
        for (int i = 0; i < DRAWS; i++) {
            double c[2];
            td__sbx(0.49, 0.51, 3, td_rng_uniform(&r), c);
            below += c[1] - c[0] <= 0.02 * s;
        }
        assert_near((double)below / DRAWS, p, 0.015);
    }
}

static void test_polynomial(void **unused) {
    (void)unused;
    td_rng r = td_rng_make(2, 0, TD_RNG_TEST);
    double wide = 0, narrow = 0, sum = 0;
    for (int i = 0; i < DRAWS; i++) {
        double u = td_rng_uniform(&r);
        wide += fabs(td__polynomial(0.5, 2, u) - 0.5) / DRAWS;
        narrow += fabs(td__polynomial(0.5, 20, u) - 0.5) / DRAWS;
        sum += (td__polynomial(0.5, 5, u) - 0.5) / DRAWS;
        for (double at = 0; at <= 1; at += 0.25) {
            double to = td__polynomial(at, 1, u);
            assert_true(to >= 0 && to <= 1);
        }
    }
    assert_near(sum, 0, 0.005);
    assert_true(wide > 4 * narrow);
    /* eta 0 is uniform over the range, wherever it starts */
    assert_near(td__polynomial(0.3, 0, 0), 0, 1e-12);
    assert_near(td__polynomial(0.3, 0, 0.25), 0.15, 1e-12);
    assert_near(td__polynomial(0.3, 0, 0.75), 0.65, 1e-12);
}

/* Children have values of their parents where nothing changes, are canonical, and with a mutation
 * on average of one decision half as many differ in two as in one, as in a Poisson law. */
static void test_breed(void **unused) {
    (void)unused;
    double a[4], b[4], out[4], raw[4];
    td_choices mother = {4, a}, father = {4, b}, child = {4, out};
    td_error err = {0};
    td__breeding by = {1, 0.5, 0, 3, 5};
    td_rng r = td_rng_make(3, 0, TD_RNG_TEST);
    for (int i = 0; i < 2000; i++) {
        td_space_sample(&space_tree, &r, &mother);
        td_space_sample(&space_tree, &r, &father);
        td__breed(&space_tree, &mother, &father, &by, &r, raw, &child);
        uint64_t hash = td_choices_hash(&child);
        assert_ok(td_space_canonical(&space_tree, &child, &err), &err);
        assert_true(hash == td_choices_hash(&child));
        assert_true(out[0] == a[0] || out[0] == b[0]);
        if (!isnan(out[1]) && !isnan(a[1]) && !isnan(b[1]))
            assert_true(out[1] >= fmin(a[1], b[1]) && out[1] <= fmax(a[1], b[1]));
        td__breed(&space_tree, &mother, &mother, &by, &r, raw, &child);
        assert_true(td_choices_hash(&child) == td_choices_hash(&mother));
    }
    int differ[13] = {0};
    double v[12], w[12], work[12];
    td_choices from = {12, v}, to = {12, w};
    by.mutations = 1;
    for (int i = 0; i < DRAWS; i++) {
        int n = 0;
        td_space_sample(&space_flat, &r, &from);
        td__breed(&space_flat, &from, &from, &by, &r, work, &to);
        for (int k = 0; k < 12; k++) n += v[k] != w[k];
        differ[n]++;
    }
    double none = pow(11.0 / 12, 12), one = pow(11.0 / 12, 11);
    assert_near((double)differ[0] / DRAWS, none, 0.015);
    assert_near((double)differ[1] / DRAWS, one, 0.015);
}

/* Until a generation was told all are random, as of a strategy that is told nothing; then children
 * come, of the told trials only. */
static void test_generations(void **unused) {
    (void)unused;
    const td_strategy *s = td_strategy_find("nsga2");
    void *told, *untold;
    td_error err = {0};
    double v[12], w[12], fidelity = 1;
    td_choices a = {12, v}, b = {12, w};
    assert_ok(s->init(&told, &space_flat, 4, NULL, &err), &err);
    assert_ok(s->init(&untold, &space_flat, 4, NULL, &err), &err);
    for (int i = 0; i < 40; i++) {
        assert_int_equal(s->ask(told, i, &a, &fidelity), TD_OK);
        assert_int_equal(s->ask(untold, i, &b, &fidelity), TD_OK);
        bool same = td_choices_hash(&a) == td_choices_hash(&b);
        assert_true(same == (i < 16));
        if (i >= 16) /* of like parents, which have all 2 but the last */
            for (int k = 0, changed = 0; k < 10; k++) assert_true((changed += v[k] != 2) < 8);
        for (int k = 0; k < 10; k++) v[k] = 2;
        v[11] = i + 1;
        td_outcome o = {.state = TD_TRIAL_DONE, .nobj = 2, .obj = {i, -i}, .fidelity = 1};
        s->tell(told, i, &a, &o);
    }
    s->destroy(told);
    s->destroy(untold);
}

static void test_beats_random(void **unused) {
    (void)unused;
    contest_beats_random("branin_cat", "nsga2", "{}", 200, 0, 30);
    contest_beats_random("ackley10_int", "nsga2", "{}", 200, 0, 10);
    contest_beats_random("pressure_vessel", "nsga2", "{}", 200, 4, 10);
    contest_beats_random("zdt1_10", "nsga2", "{}", 300, 0, 10);
    contest_beats_random("zdt1_30", "nsga2", "{}", 300, 8, 10);
    contest_beats_random("dtlz2_11", "nsga2", "{population: 30}", 300, 0, 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sbx), cmocka_unit_test(test_polynomial), cmocka_unit_test(test_breed),
        cmocka_unit_test(test_generations), cmocka_unit_test(test_beats_random)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Quasi-random search looks at every value about as often as at the others, and finds what few
 * trials can find sooner than random search. */
#include "common.h"

#include "spaces.h"
#include "tandem/model.h"
#include "tandem/search.h"

/* Of a power of two of points each value has its share, one more or less. */
static void test_values(void **unused) {
    (void)unused;
    enum { N = 64 };
    const td_strategy *s = td_strategy_find("qmc");
    for (uint64_t seed = 0; seed < 10; seed++) {
        td_error err = {0};
        void *state;
        int count[10][6] = {{0}}, real[2][8] = {{0}};
        assert_ok(s->init(&state, &space_flat, seed, NULL, &err), &err);
        for (int i = 0; i < N; i++) {
            double v[12], fidelity = 1;
            td_choices c = {12, v};
            assert_int_equal(s->ask(state, i, &c, &fidelity), TD_OK);
            for (int k = 0; k < 10; k++) count[k][(int)v[k]]++;
            real[0][(int)(v[10] / 5 * 8)]++;
            real[1][(int)(log10(v[11]) / 5 * 8)]++;
        }
        s->destroy(state);
        for (int k = 0; k < 10; k++)
            for (int j = 0; j < 6; j++) assert_in_range(count[k][j], 9, 12);
        for (int j = 0; j < 8; j++) assert_true(real[0][j] == 8 && real[1][j] == 8);
    }
}

/* The mean distance from anywhere to the nearest of n trials. */
static double gap(const td_space *space, const char *strategy, uint64_t seed, int n) {
    enum { MOST = 128, TARGETS = 500 };
    const td_strategy *s = td_strategy_find(strategy);
    static double v[MOST][3];
    td_error err = {0};
    double sum = 0, fidelity = 1;
    void *state;
    assert_ok(s->init(&state, space, seed, NULL, &err), &err);
    for (int i = 0; i < n; i++)
        assert_int_equal(s->ask(state, i, &(td_choices){space->n, v[i]}, &fidelity), TD_OK);
    s->destroy(state);
    td_rng r = td_rng_make(seed, 0, TD_RNG_TEST);
    for (int t = 0; t < TARGETS; t++) {
        double nearest = INFINITY, x[3] = {0};
        for (int k = 0; k < space->n; k++) x[k] = td_rng_uniform(&r);
        for (int i = 0; i < n; i++) {
            double square = 0;
            for (int k = 0; k < space->n; k++) square += pow(v[i][k] - x[k], 2);
            nearest = fmin(nearest, square);
        }
        sum += sqrt(nearest) / TARGETS;
    }
    return sum;
}

/* Every place has a trial nearer to it. (The best of so many trials is hardly better for it: on the
 * problems of blackbox.c medians of 200 seeds lie some percents below those of random search.) */
static void test_beats_random(void **unused) {
    (void)unused;
#define UNIT(NAME)                                                                                 \
    { .name = NAME, .kind = TD_REAL_RANGE, .parent = -1, .lo = 0, .hi = 1 }
    static const td_decision d[] = {UNIT("x"), UNIT("y"), UNIT("z")};
    enum { SEEDS = 10 };
    for (int n = 1; n <= 3; n++) {
        td_space space = {.name = "cube", .d = d, .n = n};
        double ours[SEEDS], random[SEEDS];
        td_rank_sum t;
        td_error err = {0};
        for (int i = 0; i < SEEDS; i++) {
            ours[i] = gap(&space, "qmc", (uint64_t)i, 100);
            random[i] = gap(&space, "random", (uint64_t)i, 100);
        }
        assert_ok(td_rank_sum_test(ours, SEEDS, random, SEEDS, &t, &err), &err);
        printf("    %d decisions, 100 trials: to the nearest %.3g, random %.3g, p = %.2g\n", n,
               ours[0], random[0], t.p_less);
        assert_true(t.p_less < 0.01);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_values),
                                       cmocka_unit_test(test_beats_random)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

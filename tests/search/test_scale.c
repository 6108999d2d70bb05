/* Integers on a log scale: the cells are those of random vectors, and every strategy that looks at
 * numbers goes by them. */
#include "common.h"

#include "../../src/search/scale.h"
#include "tandem/search.h"

static const td_decision wide_log = {
    .name = "n", .kind = TD_INTEGER, .parent = -1, .lo = 1, .hi = 1e6, .log = true};

static void test_cells(void **unused) {
    (void)unused;
    static const double ranges[][2] = {{1, 2}, {1, 1024}, {7, 8}, {3, 1e9}, {1000, 1003}};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++) {
        td_decision d = wide_log;
        d.lo = ranges[i][0];
        d.hi = ranges[i][1];
        assert_near(td__scale_border(&d, d.lo), 0, 0);
        assert_near(td__scale_border(&d, d.hi + 1), 1, 1e-15);
        assert_near(td__scale_from_unit(&d, 0), d.lo, 0);
        assert_near(td__scale_from_unit(&d, 1), d.hi, 0);
        double step = fmax(1, floor((d.hi - d.lo) / 1000));
        for (double v = d.lo; v <= d.hi; v += step) {
            double low = td__scale_border(&d, v), high = td__scale_border(&d, v + 1);
            double unit = td__scale_unit(&d, v);
            assert_true(low < unit && unit < high);
            assert_near(td__scale_from_unit(&d, unit), v, 0);
            assert_near(td__scale_from_unit(&d, low + 0.01 * (high - low)), v, 0);
            assert_near(td__scale_from_unit(&d, high - 0.01 * (high - low)), v, 0);
        }
    }
    td_decision one = wide_log;
    one.hi = one.lo;
    assert_near(td__scale_from_unit(&one, 0.7), 1, 0);
}

/* Shares of random vectors, counted. */
static void test_as_sampled(void **unused) {
    (void)unused;
    enum { N = 40000 };
    td_decision d = wide_log;
    d.hi = 20;
    const td_space space = {.name = "log", .d = &d, .n = 1};
    td_rng r = td_rng_make(1, 0, TD_RNG_TEST);
    double count[21] = {0}, v;
    for (int i = 0; i < N; i++) {
        td_space_sample(&space, &r, &(td_choices){1, &v});
        count[(int)v]++;
    }
    for (int k = 1; k <= 20; k++) {
        double share = td__scale_border(&d, k + 1) - td__scale_border(&d, k);
        assert_near(count[k] / N, share, 5 * sqrt(share / N));
    }
}

/* Trials of `n` within a factor of 2 of 10^1.5, the least of (log10 n - 1.5)^2, and below 1,000,
 * which is half of the scale and a thousandth of the numbers. Means of the seeds. */
static void search(const char *strategy, double *near, double *below) {
    enum { SEEDS = 3, TRIALS = 40 };
    const td_strategy *s = td_strategy_find(strategy);
    const td_space space = {.name = "log", .d = &wide_log, .n = 1};
    *near = *below = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        td_error err = {0};
        void *state;
        assert_ok(s->init(&state, &space, seed, NULL, &err), &err);
        for (int i = 0; i < TRIALS; i++) {
            double v, fidelity = 1;
            td_choices c = {1, &v};
            assert_int_equal(s->ask(state, i, &c, &fidelity), TD_OK);
            double away = fabs(log10(v) - 1.5);
            td_outcome o = {TD_TRIAL_DONE, .nobj = 1, .obj = {away * away}, .fidelity = 1};
            s->tell(state, i, &c, &o);
            *near += (away < log10(2)) / (double)SEEDS;
            *below += (v < 1000) / (double)SEEDS;
        }
        s->destroy(state);
    }
}

static void test_strategies(void **unused) {
    (void)unused;
    int n;
    const td_strategy *const *all = td_strategy_list(&n);
    for (int i = 0; i < n; i++) {
        const char *name = all[i]->name;
        double near, below;
        if (all[i]->ends) continue; /* in order, from the least */
        search(name, &near, &below);
        printf("    %-10s of 40 trials %4.1f near the optimum, %4.1f below 1,000\n", name, near,
               below);
        bool learns = strcmp(name, "auto") == 0 || strcmp(name, "gp") == 0 ||
                      strcmp(name, "tpe") == 0 || strcmp(name, "cmaes") == 0;
        if (learns) assert_true(near > 12); /* by chance 4 */
        assert_true(below >= 10);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cells),
                                       cmocka_unit_test(test_as_sampled),
                                       cmocka_unit_test(test_strategies)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

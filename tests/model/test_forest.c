/* Random forests: what trees must give exactly, and errors beside scikit-learn's. */
#include "common.h"

#include "tandem/model.h"

static td_forest *fit(const td_forest_options *o, const double *x, const double *y, int n) {
    td_forest *f;
    td_error err = {0};
    assert_ok(td_forest_fit(o, x, y, n, &f, &err), &err);
    return f;
}

/* Classes that one coordinate tells apart, and steps: exact away from the borders. */
static void test_exact(void **unused) {
    (void)unused;
    enum { N = 90 };
    double x[N * 2], y[N], mean, sd;
    td_rng r = td_rng_make(1, 0, TD_RNG_TEST);
    for (int i = 0; i < N; i++) {
        x[2 * i] = i % 3 + 0.1 * td_rng_uniform(&r);
        x[2 * i + 1] = 7; /* constant */
        y[i] = i % 3 == 1 ? 5 : i % 3;
    }
    td_forest *f = fit(&(td_forest_options){.d = 2}, x, y, N);
    for (int k = 0; k < 3; k++) {
        td_forest_predict(f, (double[]){k + 0.05, 7}, 1, &mean, &sd);
        assert_near(mean, k == 1 ? 5 : k, 1e-12);
        assert_near(sd, 0, 1e-12);
    }
    assert_near(td_forest_out_of_bag(f), 0, 1e-12);
    td_forest_destroy(f);
    /* Leaves of half of the points: no tree has more than one border. */
    f = fit(&(td_forest_options){.d = 1, .trees = 1, .leaf = N / 2}, x, y, N);
    double seen[3];
    for (int k = 0; k < 3; k++) td_forest_predict(f, (double[]){k}, 1, &seen[k], NULL);
    assert_true(seen[0] == seen[1] || seen[1] == seen[2]);
    td_forest_destroy(f);
    /* One point; all equal. */
    f = fit(&(td_forest_options){.d = 1}, x, y, 1);
    td_forest_predict(f, x + 4, 1, &mean, &sd);
    assert_near(mean, 0, 0);
    assert_true(isnan(td_forest_out_of_bag(f)));
    td_forest_destroy(f);
    td_forest_destroy(NULL);
    td_error err = {0};
    assert_int_equal(td_forest_fit(&(td_forest_options){.d = 0}, x, y, 3, &f, &err), TD_E_USAGE);
    y[1] = INFINITY;
    assert_int_equal(td_forest_fit(&(td_forest_options){.d = 1}, x, y, 3, &f, &err), TD_E_USAGE);
}

/* One tree, all coordinates, leaves of one point: it knows by heart what it has seen, and the mean
 * of many trees is nearer to points that they saw than to those that they did not. Means and
 * deviations are those of single trees with the same numbers. */
static void test_trees(void **unused) {
    (void)unused;
    enum { N = 60, D = 3, TREES = 12 };
    double x[N * D], y[N], mean[N], sd[N], out = 0, in = 0;
    td_rng r = td_rng_make(2, 0, TD_RNG_TEST);
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < D; k++) x[i * D + k] = td_rng_uniform(&r);
        y[i] = td_rng_normal(&r);
    }
    td_forest *one = fit(&(td_forest_options){.d = D, .trees = 1, .features = D}, x, y, N);
    int known = 0;
    td_forest_predict(one, x, N, mean, NULL);
    for (int i = 0; i < N; i++) known += fabs(mean[i] - y[i]) < 1e-12;
    assert_in_range(known, N / 2, N * 3 / 4); /* 1 - 1/e of them are in a bootstrap sample */
    td_forest_destroy(one);
    td_forest *f = fit(&(td_forest_options){.d = D, .trees = TREES}, x, y, N);
    td_forest *same = fit(&(td_forest_options){.d = D, .trees = TREES}, x, y, N);
    td_forest *other = fit(&(td_forest_options){.d = D, .trees = TREES, .seed = 1}, x, y, N);
    double again[N], differ[N];
    td_forest_predict(f, x, N, mean, sd);
    td_forest_predict(same, x, N, again, NULL);
    td_forest_predict(other, x, N, differ, NULL);
    assert_memory_equal(mean, again, sizeof mean);
    assert_true(memcmp(mean, differ, sizeof mean) != 0);
    for (int i = 0; i < N; i++) in += pow(mean[i] - y[i], 2) / N;
    out = td_forest_out_of_bag(f);
    assert_true(out > 0.8 && in < out / 2); /* y has nothing to do with x */
    td_forest_destroy(f);
    td_forest_destroy(same);
    td_forest_destroy(other);
}

/* Friedman's first function (1991) with noise 1, 200 points of 10 coordinates, 64 trees, a third of
 * the coordinates: scikit-learn 1.9.1 has mean squared errors of 6.21 +- 0.11 (without noise) and
 * 7.69 +- 0.12 out of bag, means of 30 sets. */
static double friedman(const double *x) {
    return 10 * sin(M_PI * x[0] * x[1]) + 20 * pow(x[2] - 0.5, 2) + 10 * x[3] + 5 * x[4];
}

static void test_friedman(void **unused) {
    (void)unused;
    enum { N = 200, M = 1000, D = 10, SETS = 8 };
    static double x[M * D], y[N], mean[M];
    double error = 0, bag = 0;
    for (uint64_t set = 0; set < SETS; set++) {
        td_rng r = td_rng_make(3, set, TD_RNG_TEST);
        for (int i = 0; i < N * D; i++) x[i] = td_rng_uniform(&r);
        for (int i = 0; i < N; i++) y[i] = friedman(x + i * D) + td_rng_normal(&r);
        td_forest *f = fit(&(td_forest_options){.d = D, .seed = set}, x, y, N);
        for (int i = 0; i < M * D; i++) x[i] = td_rng_uniform(&r);
        td_forest_predict(f, x, M, mean, NULL);
        for (int i = 0; i < M; i++) error += pow(mean[i] - friedman(x + i * D), 2) / M / SETS;
        bag += td_forest_out_of_bag(f) / SETS;
        td_forest_destroy(f);
    }
    printf("    squared error %.3f, out of bag %.3f\n", error, bag);
    assert_near(error, 6.21, 0.7);
    assert_near(bag, 7.69, 0.9);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact),
        cmocka_unit_test(test_trees),
        cmocka_unit_test(test_friedman),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

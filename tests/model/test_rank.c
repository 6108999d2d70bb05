/* Rank correlations and quantiles against their definitions. */
#include "common.h"

#include "tandem/model.h"

static int sign(double a, double b) {
    return (a > b) - (a < b);
}

/* tau-b straight from its definition over all pairs. */
static double pairwise_tau(const double *x, const double *y, int n) {
    double s = 0, untied_x = 0, untied_y = 0;
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < i; j++) {
            int a = sign(x[i], x[j]), b = sign(y[i], y[j]);
            s += a * b;
            untied_x += a != 0;
            untied_y += b != 0;
        }
    }
    return s / sqrt(untied_x * untied_y);
}

/* Pearson's correlation of ranks that are counted, not sorted. */
static double counted_rho(const double *x, const double *y, int n) {
    double mean = (n + 1) / 2.0, xx = 0, yy = 0, xy = 0;
    for (int i = 0; i < n; i++) {
        double rx = 0.5, ry = 0.5;
        for (int j = 0; j < n; j++) {
            rx += (x[j] < x[i]) + 0.5 * (x[j] == x[i]);
            ry += (y[j] < y[i]) + 0.5 * (y[j] == y[i]);
        }
        xx += (rx - mean) * (rx - mean);
        yy += (ry - mean) * (ry - mean);
        xy += (rx - mean) * (ry - mean);
    }
    return xy / sqrt(xx * yy);
}

static void against_definitions(void **state) {
    (void)state;
    td_rng r = td_rng_make(1, 0, TD_RNG_TEST);
    double x[70], y[70];
    for (int i = 0; i < 3000; i++) {
        int n = 2 + (int)td_rng_below(&r, 68);
        uint64_t levels = 1 + td_rng_below(&r, 40); /* few levels: many ties */
        for (int k = 0; k < n; k++) {
            x[k] = (double)td_rng_below(&r, levels);
            y[k] = td_rng_below(&r, 2) ? x[k] : (double)td_rng_below(&r, levels) - 20;
        }
        double tau = pairwise_tau(x, y, n), rho = counted_rho(x, y, n);
        if (isnan(tau)) {
            assert_true(isnan(td_kendall_tau(x, y, n)) && isnan(td_spearman_rho(x, y, n)));
            continue;
        }
        assert_near(td_kendall_tau(x, y, n), tau, 1e-13);
        assert_near(td_spearman_rho(x, y, n), rho, 1e-13);
    }
}

static void by_hand(void **state) {
    (void)state;
    /* 1 2 3 4 5 against 3 4 1 2 5: 4 of 10 pairs discordant; d^2 = 4 + 4 + 4 + 4 + 0 */
    static const double x[] = {1, 2, 3, 4, 5}, y[] = {3, 4, 1, 2, 5}, down[] = {9, 7, 5, 3, 1};
    assert_near(td_kendall_tau(x, y, 5), 0.2, 1e-15);
    assert_near(td_spearman_rho(x, y, 5), 1 - 6.0 * 16 / (5 * 24), 1e-15);
    assert_true(td_kendall_tau(x, x, 5) == 1 && td_kendall_tau(x, down, 5) == -1);
    assert_true(td_spearman_rho(x, x, 5) == 1 && td_spearman_rho(x, down, 5) == -1);
    static const double infinite[] = {-INFINITY, 0, 1, 2, INFINITY};
    assert_true(td_kendall_tau(x, infinite, 5) == 1 && td_spearman_rho(x, infinite, 5) == 1);
    static const double flat[] = {2, 2, 2, 2, 2}, bad[] = {1, 2, NAN, 3, 4};
    assert_true(isnan(td_kendall_tau(x, flat, 5)) && isnan(td_spearman_rho(flat, x, 5)));
    assert_true(isnan(td_kendall_tau(x, bad, 5)) && isnan(td_spearman_rho(bad, x, 5)));
    assert_true(isnan(td_kendall_tau(x, y, 1)) && isnan(td_spearman_rho(x, y, 0)));
}

/* 300 000 values: the count of pairs passes 2^32 and the time stays n log n. */
static void large(void **state) {
    (void)state;
    enum { N = 300000 };
    double *x = malloc(2 * sizeof *x * N), *y = x + N;
    assert_non_null(x);
    for (int i = 0; i < N; i++) x[i] = (double)((int64_t)i * 7919 % N), y[i] = -x[i];
    double start = td_time_thread_s();
    assert_near(td_kendall_tau(x, y, N), -1, 1e-12);
    assert_near(td_spearman_rho(x, y, N), -1, 1e-12);
    assert_true(td_time_thread_s() - start < 10);
    free(x);
}

static void quantiles(void **state) {
    (void)state;
    /* sorted 1 1 2 3 4 5 6 9; place 7 q between them */
    static const double v[] = {3, 1, 4, 1, 5, 9, 2, 6};
    assert_near(td_quantile(v, 8, 0), 1, 0);
    assert_near(td_quantile(v, 8, 0.25), 1.75, 1e-15);
    assert_near(td_quantile(v, 8, 0.5), 3.5, 1e-15);
    assert_near(td_quantile(v, 8, 0.9), 6.9, 1e-14);
    assert_near(td_quantile(v, 8, 1), 9, 0);
    assert_near(td_quantile(v, 1, 0.7), 3, 0);
    assert_true(v[0] == 3 && v[7] == 6); /* not changed */
    assert_true(isnan(td_quantile(v, 0, 0.5)) && isnan(td_quantile(v, 8, 1.01)));
    assert_true(isnan(td_quantile(v, 8, NAN)) && isnan(td_quantile(v, 8, -0.1)));
    static const double odd[] = {1, NAN, 2}, infinite[] = {1, INFINITY, INFINITY, 2};
    assert_true(isnan(td_quantile(odd, 3, 0.5)));
    assert_true(td_quantile(infinite, 4, 0.9) == INFINITY);
    assert_true(td_quantile(infinite, 4, 0.5) == INFINITY);
    assert_true(td_quantile(infinite, 4, 1.0 / 3) == 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(against_definitions),
        cmocka_unit_test(by_hand),
        cmocka_unit_test(large),
        cmocka_unit_test(quantiles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

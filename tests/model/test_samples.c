/* Tests and intervals against enumeration, tables in print, and figures worked out by hand. */
#include "common.h"

#include "tandem/model.h"

static td_error err;

static td_rank_sum rank_sum(const double *x, int nx, const double *y, int ny) {
    td_rank_sum r;
    assert_ok(td_rank_sum_test(x, nx, y, ny, &r, &err), &err);
    return r;
}

static double counted_u(const double *x, int nx, const double *y, int ny) {
    double u = 0;
    for (int i = 0; i < nx; i++)
        for (int j = 0; j < ny; j++) u += (x[i] > y[j]) + 0.5 * (x[i] == y[j]);
    return u;
}

/* All ways to deal the pooled values to samples of these sizes. */
static void enumerate(const double *x, int nx, const double *y, int ny, td_rank_sum *out) {
    double pool[16], p[16], q[16], u = counted_u(x, nx, y, ny), all = 0;
    int n = nx + ny;
    memcpy(pool, x, sizeof *x * (size_t)nx);
    memcpy(pool + nx, y, sizeof *y * (size_t)ny);
    *out = (td_rank_sum){.u = u};
    for (unsigned set = 0; set < 1u << n; set++) {
        if (__builtin_popcount(set) != nx) continue;
        int a = 0, b = 0;
        for (int i = 0; i < n; i++) {
            if (set >> i & 1)
                p[a++] = pool[i];
            else
                q[b++] = pool[i];
        }
        double v = counted_u(p, nx, q, ny), mean = nx * ny / 2.0;
        all++;
        out->p_less += v <= u;
        out->p_greater += v >= u;
        out->p += fabs(v - mean) >= fabs(u - mean);
    }
    out->p_less /= all;
    out->p_greater /= all;
    out->p /= all;
}

static void rank_sums_by_enumeration(void **state) {
    (void)state;
    td_rng r = td_rng_make(5, 0, TD_RNG_TEST);
    for (int i = 0; i < 300; i++) {
        double x[8], y[8];
        int nx = 1 + (int)td_rng_below(&r, 7), ny = 1 + (int)td_rng_below(&r, 6);
        uint64_t levels = 2 + td_rng_below(&r, 60); /* few levels: many ties */
        for (int k = 0; k < nx; k++) x[k] = (double)td_rng_below(&r, levels);
        for (int k = 0; k < ny; k++) y[k] = (double)td_rng_below(&r, levels);
        if (i % 5 == 0) x[0] = y[0] = -INFINITY;
        td_rank_sum want, got = rank_sum(x, nx, y, ny);
        enumerate(x, nx, y, ny, &want);
        assert_true(got.exact);
        assert_near(got.u, want.u, 0);
        assert_near(got.a12, want.u / (nx * ny), 1e-15);
        assert_near(got.p, want.p, 1e-13);
        assert_near(got.p_less, want.p_less, 1e-13);
        assert_near(got.p_greater, want.p_greater, 1e-13);
    }
}

static void rank_sums_by_hand(void **state) {
    (void)state;
    /* Mid-ranks of 1 2 2 | 2 3: 1 3 3 3 5. Of the 10 choices of three, 3 have sum 7 (that of x),
     * 4 the mean 9, 3 have 11. */
    static const double x[] = {2, 1, 2}, y[] = {3, 2};
    td_rank_sum r = rank_sum(x, 3, y, 2);
    assert_near(r.u, 1, 0);
    assert_near(r.a12, 1.0 / 6, 1e-15);
    assert_near(r.p_less, 0.3, 1e-15);
    assert_near(r.p_greater, 1, 1e-15);
    assert_near(r.p, 0.6, 1e-15);
    /* The other way round the sides are exchanged. */
    td_rank_sum back = rank_sum(y, 2, x, 3);
    assert_near(back.p_greater, 0.3, 1e-15);
    assert_near(back.p, 0.6, 1e-15);
    assert_near(back.a12, 5.0 / 6, 1e-15);
    static const double low[] = {1, 2, 3, 4}, high[] = {5, 6, 7, 8}, flat[] = {7, 7, 7};
    assert_near(rank_sum(high, 4, low, 4).p, 2.0 / 70, 1e-15);
    assert_near(rank_sum(high, 4, low, 4).a12, 1, 0);
    r = rank_sum(flat, 3, flat, 2);
    assert_true(r.p == 1 && r.p_less == 1 && r.p_greater == 1 && r.a12 == 0.5);
    td_rank_sum out;
    static const double bad[] = {1, NAN};
    assert_int_equal(td_rank_sum_test(x, 0, y, 2, &out, &err), TD_E_USAGE);
    assert_int_equal(td_rank_sum_test(x, 3, bad, 2, &out, &err), TD_E_USAGE);
}

/* Samples without ties with a given u. */
static td_rank_sum of_u(int nx, int ny, int u) {
    double x[64], y[64];
    for (int k = 0; k < ny; k++) y[k] = k;
    for (int k = 0, left = u; k < nx; k++) {
        int below = left < ny ? left : ny;
        x[k] = below - 0.5 + 1e-3 * k;
        left -= below;
    }
    td_rank_sum r = rank_sum(x, nx, y, ny);
    assert_near(r.u, u, 0);
    return r;
}

/* The largest u that is significant, as tables of the Mann-Whitney test have it. */
static void rank_sums_by_tables(void **state) {
    (void)state;
    static const int two_sided_05[][3] = {{4, 4, 0},    {5, 5, 2},     {6, 6, 5},    {7, 7, 8},
                                          {8, 8, 13},   {9, 9, 17},    {10, 10, 23}, {12, 12, 37},
                                          {15, 15, 64}, {20, 20, 127}, {5, 8, 6},    {5, 10, 8},
                                          {10, 20, 55}, {3, 5, 0}};
    for (size_t i = 0; i < sizeof two_sided_05 / sizeof two_sided_05[0]; i++) {
        const int *t = two_sided_05[i];
        assert_true(of_u(t[0], t[1], t[2]).p <= 0.05);
        assert_true(of_u(t[0], t[1], t[2] + 1).p > 0.05);
    }
    static const int one_sided_05[][3] = {{5, 5, 4}, {10, 10, 27}, {20, 20, 138}};
    for (size_t i = 0; i < 3; i++) {
        const int *t = one_sided_05[i];
        assert_true(of_u(t[0], t[1], t[2]).p_less <= 0.05);
        assert_true(of_u(t[0], t[1], t[2] + 1).p_less > 0.05);
    }
}

/* P(U <= u) by the recursion of Mann and Whitney over the largest value. */
static double recursive_cdf(int nx, int ny, int u) {
    static double p[64][64 * 64];
    for (int a = 0; a <= nx; a++) memset(p[a], 0, sizeof p[a]);
    for (int b = 0; b <= ny; b++)
        for (int a = 0; a <= nx; a++)
            for (int v = nx * ny; v >= 0; v--) {
                if (a == 0 || b == 0) {
                    p[a][v] = v == 0;
                    continue;
                }
                double with_x = v >= b ? p[a - 1][v - b] : 0; /* the largest is an x */
                p[a][v] = (a * with_x + b * p[a][v]) / (a + b);
            }
    double sum = 0;
    for (int v = 0; v <= u; v++) sum += p[nx][v];
    return sum;
}

static void rank_sums_of_many(void **state) {
    (void)state;
    for (int u = 700; u <= 1500; u += 100) {
        td_rank_sum r = of_u(50, 50, u);
        assert_true(r.exact);
        assert_near(r.p_less, recursive_cdf(50, 50, u), 1e-11);
        r = of_u(51, 55, u);
        assert_false(r.exact);
        assert_near(r.p_less, recursive_cdf(51, 55, u), 1e-3);
        assert_near(r.p_greater, 1 - recursive_cdf(51, 55, u - 1), 1e-3);
    }
    /* Ties: 51 times 1 and 51 times half 1, half 2. u = 51 * 26 / 2, sum of t^3 - t over 77 and 25.
     */
    double x[51], y[51];
    for (int i = 0; i < 51; i++) x[i] = 1, y[i] = 1 + i % 2;
    td_rank_sum r = rank_sum(x, 51, y, 51);
    double deviation = sqrt(2601 / 12.0 * (103 - (456456 + 15600) / (102.0 * 101)));
    assert_near(r.u, 51 * 26 / 2.0, 0);
    assert_near(r.p, erfc((2601 / 2.0 - 663 - 0.5) / deviation * M_SQRT1_2), 1e-15);
    for (int i = 0; i < 51; i++) y[i] = 1;
    r = rank_sum(x, 51, y, 51);
    assert_true(r.p == 1 && r.p_greater == 1);
}

static void holm(void **state) {
    (void)state;
    static const double p[] = {0.01, NAN, 0.04, 0.03, 0.005};
    double q[5];
    /* 4 * .005, 3 * .01, 2 * .03, then 1 * .04, which is not below the one before */
    static const double want[] = {0.03, NAN, 0.06, 0.06, 0.02};
    assert_ok(td_holm(p, 5, q, &err), &err);
    for (int i = 0; i < 5; i++)
        if (i == 1)
            assert_true(isnan(q[i]));
        else
            assert_near(q[i], want[i], 1e-15);
    double big[] = {0.6, 0.9};
    assert_ok(td_holm(big, 2, big, &err), &err);
    assert_true(big[0] == 1 && big[1] == 1);
    assert_ok(td_holm(NULL, 0, NULL, &err), &err);
}

/* Ranks and coverages of the 95 % interval as tables have them. */
static void median_intervals(void **state) {
    (void)state;
    static const struct {
        int n, low;
        double coverage;
    } table[] = {{5, 1, 0.9375},  {6, 1, 0.96875},  {7, 1, 0.984375}, {8, 1, 0.9921875},
                 {9, 2, 0.9609},  {10, 2, 0.9785},  {15, 4, 0.9648},  {20, 6, 0.9586},
                 {25, 8, 0.9567}, {30, 10, 0.9572}, {100, 40, 0.9648}};
    double v[100];
    td_median t;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        int n = table[i].n;
        for (int k = 0; k < n; k++) v[k] = k % 2 ? n - k / 2 : 1 + k / 2;
        assert_ok(td_median_interval(v, n, 0.95, &t, &err), &err);
        assert_near(t.median, (n + 1) / 2.0, 1e-12);
        assert_near(t.low, table[i].low, 0);
        assert_near(t.high, n + 1 - table[i].low, 0);
        assert_near(t.coverage, table[i].coverage, 6e-5);
    }
    static const double some[] = {-INFINITY, 3, -INFINITY, 4}, one[] = {2}, bad[] = {1, NAN};
    assert_ok(td_median_interval(some, 4, 0.95, &t, &err), &err);
    assert_true(t.median == -INFINITY && t.low == -INFINITY && t.high == 4);
    assert_ok(td_median_interval(one, 1, 0.95, &t, &err), &err);
    assert_true(t.median == 2 && t.low == 2 && t.high == 2);
    assert_near(t.coverage, 0, 1e-15);
    assert_int_equal(td_median_interval(bad, 2, 0.95, &t, &err), TD_E_USAGE);
    assert_int_equal(td_median_interval(one, 0, 0.95, &t, &err), TD_E_USAGE);
    assert_int_equal(td_median_interval(one, 1, 1, &t, &err), TD_E_USAGE);
    assert_true(td_quantile(some, 4, 0.4) == -INFINITY && td_quantile(some, 4, 1) == 4);
}

/* Of many samples from a known distribution the interval holds the median as often as it says. */
static void coverage_holds(void **state) {
    (void)state;
    enum { N = 12, SAMPLES = 20000 };
    int held = 0;
    td_median t = {0};
    for (int i = 0; i < SAMPLES; i++) {
        td_rng r = td_rng_make(8, (uint64_t)i, TD_RNG_TEST);
        double v[N];
        for (int k = 0; k < N; k++) v[k] = -log(1 - td_rng_uniform(&r)); /* median ln 2 */
        assert_ok(td_median_interval(v, N, 0.95, &t, &err), &err);
        held += t.low <= M_LN2 && M_LN2 <= t.high;
    }
    /* 4 standard errors */
    assert_near((double)held / SAMPLES, t.coverage,
                4 * sqrt(t.coverage * (1 - t.coverage) / SAMPLES));
}

/* P(bootstrap median of 9 distinct values <= the k-th): at least 5 of 9 draws are among k. */
static double bootstrap_cdf(int k) {
    double p = k / 9.0, sum = 0, choose = 126;
    for (int i = 5; i <= 9; i++) {
        sum += choose * pow(p, i) * pow(1 - p, 9 - i);
        choose = choose * (9 - i) / (i + 1);
    }
    return sum;
}

static int bootstrap_quantile(double q) {
    int k = 1;
    while (bootstrap_cdf(k) < q) k++;
    return k;
}

static void bootstrap(void **state) {
    (void)state;
    static const double v[] = {0.1, 8, 0.3, 1, 0.2, 2, 16, 0.6, 4};
    static const double sorted[] = {0.1, 0.2, 0.3, 0.6, 1, 2, 4, 8, 16};
    td_median t, again;
    assert_ok(td_median_bootstrap(v, 9, 0.95, false, 20000, 3, &t, &err), &err);
    assert_near(t.median, 1, 0);
    assert_near(t.low, sorted[bootstrap_quantile(0.025) - 1], 0);
    assert_near(t.high, sorted[bootstrap_quantile(0.975) - 1], 0);
    assert_ok(td_median_bootstrap(v, 9, 0.95, false, 20000, 3, &again, &err), &err);
    assert_memory_equal(&t, &again, sizeof t);
    /* BCa, by enumerating all 5^5 and 4^4 resamples. An odd number: no bias, and an acceleration of
     * -0.0263 (medians without one value: 1.75, 1.75, 1.05, 0.9, 0.9) moves the shares of the ends
     * from 0.055 and 0.945 to 0.048 and 0.937; the step to 3.2 is at 0.942. */
    static const double five[] = {1.6, 0, 3.2, 0.2, 1.9}, four[] = {4.4, 0.3, 88.7, 4.3};
    assert_ok(td_median_bootstrap(five, 5, 0.89, false, 200000, 3, &t, &err), &err);
    assert_true(t.low == 0 && t.high == 3.2);
    assert_ok(td_median_bootstrap(five, 5, 0.89, true, 200000, 3, &t, &err), &err);
    assert_true(t.low == 0 && t.high == 1.9);
    /* An even number: no acceleration to speak of, and a bias of -0.0294. */
    assert_ok(td_median_bootstrap(four, 4, 0.55, false, 200000, 3, &t, &err), &err);
    assert_near(t.low, 2.35, 1e-12);
    assert_near(t.high, 46.5, 1e-12);
    assert_ok(td_median_bootstrap(four, 4, 0.55, true, 200000, 3, &t, &err), &err);
    assert_near(t.low, 2.35, 1e-12);
    assert_near(t.high, 44.5, 1e-12);
    /* An even number of values, all equal, and one. */
    static const double flat[] = {3, 3, 3, 3}, bad[] = {1, INFINITY};
    assert_ok(td_median_bootstrap(flat, 4, 0.9, true, 200, 1, &t, &err), &err);
    assert_true(t.low == 3 && t.high == 3 && t.median == 3);
    assert_ok(td_median_bootstrap(v, 1, 0.9, true, 200, 1, &t, &err), &err);
    assert_true(t.low == 0.1 && t.high == 0.1);
    assert_int_equal(td_median_bootstrap(bad, 2, 0.9, true, 200, 1, &t, &err), TD_E_USAGE);
    assert_int_equal(td_median_bootstrap(v, 9, 0.9, true, 10, 1, &t, &err), TD_E_USAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rank_sums_by_enumeration),
        cmocka_unit_test(rank_sums_by_hand),
        cmocka_unit_test(rank_sums_by_tables),
        cmocka_unit_test(rank_sums_of_many),
        cmocka_unit_test(holm),
        cmocka_unit_test(median_intervals),
        cmocka_unit_test(coverage_holds),
        cmocka_unit_test(bootstrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

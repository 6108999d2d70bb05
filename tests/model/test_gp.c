/* Gaussian processes against linear algebra of another kind (Gauss-Jordan with pivots), finite
 * differences, closed forms and limits. */
#include "common.h"

#include "tandem/model.h"

enum { D = 4, MOST = 40 };
static const uint8_t nominal[D] = {0, 0, 1, 0};

static double real(td_rng *r, double low, double high) {
    return low + (high - low) * td_rng_uniform(r);
}

static void draw_points(td_rng *r, int n, bool inactive, double *x, double *y) {
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < D; k++)
            x[i * D + k] = nominal[k] ? (double)td_rng_below(r, 3) : td_rng_uniform(r);
        if (inactive && td_rng_below(r, 3) == 0) x[i * D + 3] = NAN;
        y[i] = td_rng_normal(r);
    }
}

static void draw_theta(td_rng *r, double *theta) {
    for (int k = 0; k < D; k++) theta[k] = real(r, -1.5, 1.5);
    theta[D] = real(r, -1, 1);
    theta[D + 1] = real(r, -2, 1);
    theta[D + 2] = real(r, -5, -1);
}

static const int kernels[5] = {TD_GP_MATERN, TD_GP_LINEAR, TD_GP_MATERN | TD_GP_LINEAR, TD_GP_SE,
                               TD_GP_SE | TD_GP_LINEAR};

/* The covariance as the header has it, in its own words. */
static double covariance(const double *theta, int kernel, const double *a, const double *b) {
    double r2 = 0, h = 0, dot = 1;
    for (int k = 0; k < D; k++) {
        double l2 = exp(theta[k]) * exp(theta[k]);
        bool na = isnan(a[k]), nb = isnan(b[k]);
        double gap = na || nb     ? (double)(na != nb)
                     : nominal[k] ? (double)(a[k] != b[k])
                                  : a[k] - b[k];
        if (nominal[k])
            h += gap * gap / l2;
        else
            r2 += gap * gap / l2;
        if (!na && !nb) dot += (nominal[k] ? (double)(a[k] == b[k]) : a[k] * b[k]) / l2;
    }
    double s = sqrt(5 * r2), k = 0;
    if (kernel & TD_GP_MATERN) k += exp(theta[D]) * (1 + s + s * s / 3) * exp(-s) * exp(-h);
    if (kernel & TD_GP_SE) k += exp(theta[D]) * exp(-r2 / 2 - h);
    if (kernel & TD_GP_LINEAR) k += exp(theta[D + 1]) * dot;
    return k;
}

/* a[n][n] becomes its inverse; log |a| is returned. Pivots by row. */
static double invert(double a[MOST][MOST], int n) {
    static double w[MOST][2 * MOST];
    double determinant = 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) w[i][j] = a[i][j], w[i][n + j] = i == j;
    for (int c = 0; c < n; c++) {
        int best = c;
        for (int i = c; i < n; i++)
            if (fabs(w[i][c]) > fabs(w[best][c])) best = i;
        for (int j = 0; j < 2 * n; j++) {
            double t = w[c][j];
            w[c][j] = w[best][j], w[best][j] = t;
        }
        double pivot = w[c][c];
        determinant += log(fabs(pivot));
        for (int j = 0; j < 2 * n; j++) w[c][j] /= pivot;
        for (int i = 0; i < n; i++) {
            double times = w[i][c];
            for (int j = 0; i != c && j < 2 * n; j++) w[i][j] -= times * w[c][j];
        }
    }
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) a[i][j] = w[i][n + j];
    return determinant;
}

static void test_against_inverse(void **unused) {
    (void)unused;
    static double k[MOST][MOST];
    double x[MOST * D], y[MOST], at[9 * D], ignored[9], mean[9], sd[9], theta[D + 3];
    td_error err = {0};
    for (int c = 0; c < 60; c++) {
        td_rng r = td_rng_make(1, (uint64_t)c, TD_RNG_TEST);
        int n = 1 + c % MOST, kernel = kernels[c % 5];
        td_gp *gp;
        assert_ok(td_gp_create(&(td_gp_options){D, nominal, kernel}, &gp, &err), &err);
        draw_points(&r, n, c % 2 == 0, x, y);
        draw_points(&r, 9, c % 2 == 0, at, ignored);
        draw_theta(&r, theta);
        td_gp_set_theta(gp, theta);
        assert_ok(td_gp_set(gp, x, y, n, &err), &err);
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++)
                k[i][j] = covariance(theta, kernel, x + i * D, x + j * D) +
                          (i == j ? exp(theta[D + 2]) : 0);
        double determinant = invert(k, n), fit = 0;
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) fit += y[i] * k[i][j] * y[j];
        double expected = -fit / 2 - determinant / 2 - n * log(2 * M_PI) / 2;
        assert_near(td_gp_likelihood(gp, NULL, &err), expected, 1e-6 * (1 + fabs(expected)));
        assert_ok(td_gp_predict(gp, at, 9, mean, sd, &err), &err);
        for (int p = 0; p < 9; p++) {
            double m = 0, v = covariance(theta, kernel, at + p * D, at + p * D);
            for (int i = 0; i < n; i++)
                for (int j = 0; j < n; j++) {
                    double ki = covariance(theta, kernel, at + p * D, x + i * D);
                    m += ki * k[i][j] * y[j];
                    v -= ki * k[i][j] * covariance(theta, kernel, at + p * D, x + j * D);
                }
            assert_near(mean[p], m, 1e-6 * (1 + fabs(m)));
            assert_near(sd[p] * sd[p], v, 1e-6 * (1 + v));
        }
        td_gp_destroy(gp);
    }
}

static void test_gradient(void **unused) {
    (void)unused;
    double x[MOST * D], y[MOST], theta[D + 3], slope[D + 3];
    td_error err = {0};
    for (int c = 0; c < 30; c++) {
        td_rng r = td_rng_make(2, (uint64_t)c, TD_RNG_TEST);
        int n = 2 + c % 20, kernel = kernels[c % 5];
        td_gp *gp;
        assert_ok(td_gp_create(&(td_gp_options){D, nominal, kernel}, &gp, &err), &err);
        draw_points(&r, n, c % 2 == 0, x, y);
        draw_theta(&r, theta);
        td_gp_set_theta(gp, theta);
        assert_ok(td_gp_set(gp, x, y, n, &err), &err);
        assert_true(isfinite(td_gp_likelihood(gp, slope, &err)));
        for (int k = 0; k < D + 3; k++) {
            double side[2], step = 1e-5;
            for (int s = 0; s < 2; s++) {
                double moved[D + 3];
                memcpy(moved, theta, sizeof moved);
                moved[k] += s == 0 ? -step : step;
                td_gp_set_theta(gp, moved);
                assert_ok(td_gp_set(gp, x, y, n, &err), &err);
                side[s] = td_gp_likelihood(gp, NULL, &err);
            }
            assert_near(slope[k], (side[1] - side[0]) / (2 * step), 1e-5 * (1 + fabs(slope[k])));
        }
        td_gp_destroy(gp);
    }
}

/* Points one by one are those at once; room grows. */
static void test_append(void **unused) {
    (void)unused;
    double x[MOST * D], y[MOST], theta[D + 3], a[MOST], b[MOST], sa[MOST], sb[MOST];
    td_error err = {0};
    td_rng r = td_rng_make(3, 0, TD_RNG_TEST);
    td_gp *one, *all;
    assert_ok(td_gp_create(&(td_gp_options){D, nominal, 0}, &one, &err), &err);
    assert_ok(td_gp_create(&(td_gp_options){D, nominal, 0}, &all, &err), &err);
    draw_points(&r, MOST, true, x, y);
    draw_theta(&r, theta);
    td_gp_set_theta(one, theta);
    td_gp_set_theta(all, theta);
    assert_ok(td_gp_predict(one, x, 1, a, sa, &err), &err); /* the prior */
    assert_near(a[0], 0, 0);
    assert_near(sa[0], exp(theta[D] / 2), 1e-12);
    for (int i = 0; i < MOST; i++) assert_ok(td_gp_append(one, x + i * D, y[i], &err), &err);
    assert_ok(td_gp_set(all, x, y, MOST, &err), &err);
    assert_int_equal(td_gp_points(one), MOST);
    assert_ok(td_gp_predict(one, x, MOST, a, sa, &err), &err);
    assert_ok(td_gp_predict(all, x, MOST, b, sb, &err), &err);
    for (int i = 0; i < MOST; i++) {
        assert_near(a[i], b[i], 1e-12);
        assert_near(sa[i], sb[i], 1e-12);
    }
    td_gp_destroy(one);
    td_gp_destroy(all);
}

/* The same point many times and hardly any noise: a jitter makes it solvable, and the mean is
 * theirs. */
static void test_equal_points(void **unused) {
    (void)unused;
    double x[MOST * D], y[MOST], theta[D + 3] = {0, 0, 0, 0, 0, 0, -60}, mean, sd;
    td_error err = {0};
    td_gp *gp;
    assert_ok(td_gp_create(&(td_gp_options){D, nominal, 0}, &gp, &err), &err);
    for (int i = 0; i < MOST; i++) {
        for (int k = 0; k < D; k++) x[i * D + k] = 0.5;
        y[i] = i % 2;
    }
    td_gp_set_theta(gp, theta);
    assert_ok(td_gp_set(gp, x, y, MOST, &err), &err);
    assert_ok(td_gp_predict(gp, x, 1, &mean, &sd, &err), &err);
    assert_near(mean, 0.5, 1e-3);
    assert_true(sd < 0.01);
    y[3] = INFINITY;
    assert_int_equal(td_gp_set(gp, x, y, MOST, &err), TD_E_USAGE);
    assert_int_equal(td_gp_append(gp, x, NAN, &err), TD_E_USAGE);
    td_gp_destroy(gp);
    assert_int_equal(td_gp_create(&(td_gp_options){0, NULL, 0}, &gp, &err), TD_E_USAGE);
    assert_int_equal(td_gp_create(&(td_gp_options){1, NULL, 8}, &gp, &err), TD_E_USAGE);
    const int both = TD_GP_MATERN | TD_GP_SE;
    assert_int_equal(td_gp_create(&(td_gp_options){1, NULL, both}, &gp, &err), TD_E_USAGE);
    td_gp_destroy(NULL);
}

/* A fit explains better than where it started, finds which coordinate has no say, and predicts. */
static void test_fit(void **unused) {
    (void)unused;
    enum { N = 60 };
    double x[N * 2], y[N], theta[5], at[2], mean, sd, error = 0;
    td_error err = {0};
    td_gp *gp;
    assert_ok(td_gp_create(&(td_gp_options){2, NULL, 0}, &gp, &err), &err);
    td_rng r = td_rng_make(4, 0, TD_RNG_TEST);
    for (int i = 0; i < N; i++) {
        x[2 * i] = td_rng_uniform(&r), x[2 * i + 1] = td_rng_uniform(&r);
        y[i] = 1.4 * sin(6 * x[2 * i]);
    }
    assert_ok(td_gp_set(gp, x, y, N, &err), &err);
    double before = td_gp_likelihood(gp, NULL, &err);
    assert_ok(td_gp_fit(gp, x, y, N, 100, &err), &err);
    assert_true(td_gp_likelihood(gp, NULL, &err) > before + 10);
    td_gp_theta(gp, theta);
    assert_true(theta[1] > theta[0] + 0.3);
    for (int i = 0; i < 50; i++) {
        at[0] = real(&r, 0.05, 0.95), at[1] = td_rng_uniform(&r);
        assert_ok(td_gp_predict(gp, at, 1, &mean, &sd, &err), &err);
        error = fmax(error, fabs(mean - 1.4 * sin(6 * at[0])));
    }
    assert_true(error < 0.02);
    td_gp_destroy(gp);
}

/* Draws have the posterior's means, deviations and correlations, and go through the data. */
static void test_draw(void **unused) {
    (void)unused;
    enum { N = 6, M = 3, DRAWS = 4000 };
    td_error err = {0};
    td_rng r = td_rng_make(41, 0, 0);
    double x[(N + M) * D], y[N + M], theta[D + 3] = {-0.5, 0, 0.3, 0, 0.2, -1, -12};
    draw_points(&r, N + M, false, x, y);
    memcpy(x + (N + 2) * D, x + (N + 1) * D, sizeof *x * D); /* a point twice */
    td_gp *gp;
    assert_ok(td_gp_create(&(td_gp_options){D, nominal, 0}, &gp, &err), &err);
    td_gp_set_theta(gp, theta);
    assert_ok(td_gp_set(gp, x, y, N, &err), &err);
    double mean[M], sd[M], sum[M] = {0}, square[M] = {0}, product = 0;
    assert_ok(td_gp_predict(gp, x + N * D, M, mean, sd, &err), &err);
    for (int k = 0; k < DRAWS; k++) {
        double v[M];
        for (int i = 0; i < M; i++) v[i] = td_rng_normal(&r);
        assert_ok(td_gp_draw(gp, x + N * D, M, v, &err), &err);
        assert_near(v[1], v[2], 1e-2);
        for (int i = 0; i < M; i++) {
            sum[i] += v[i] / DRAWS;
            square[i] += (v[i] - mean[i]) * (v[i] - mean[i]) / DRAWS;
        }
        product += (v[0] - mean[0]) * (v[1] - mean[1]) / DRAWS;
    }
    /* The covariance of two points, by what knowing one does to the other's variance. */
    double both = 0, known, variance;
    assert_ok(td_gp_append(gp, x + N * D, mean[0], &err), &err);
    assert_ok(td_gp_predict(gp, x + (N + 1) * D, 1, &known, &variance, &err), &err);
    both = sqrt(fmax(sd[1] * sd[1] - variance * variance, 0)) * sd[0];
    for (int i = 0; i < M; i++) {
        assert_near(sum[i], mean[i], 5 * sd[i] / sqrt(DRAWS));
        assert_near(square[i] / (sd[i] * sd[i]), 1, 0.12);
    }
    assert_near(fabs(product), both, 5 * sd[0] * sd[1] / sqrt(DRAWS));
    double v[N] = {0.3, -1, 2, 0.5, -0.2, 1};
    assert_ok(td_gp_set(gp, x, y, N, &err), &err);
    assert_ok(td_gp_draw(gp, x, N, v, &err), &err);
    for (int i = 0; i < N; i++) assert_near(v[i], y[i], 0.05);
    td_gp_destroy(gp);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_draw),         cmocka_unit_test(test_against_inverse),
        cmocka_unit_test(test_gradient),     cmocka_unit_test(test_append),
        cmocka_unit_test(test_equal_points), cmocka_unit_test(test_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

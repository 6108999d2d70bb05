/* Bayesian linear regression against a Gaussian process with the same covariance, which works with
 * points and not with coordinates, and against a fine search of the evidence. */
#include "common.h"

#include "tandem/model.h"

enum { D = 5, MOST = 60 };

/* Coordinates 3 and 4 are a sum of others and a constant where `collinear`. */
static void draw(td_rng *r, int n, bool collinear, double noise, double *x, double *y) {
    static const double w[D] = {1, -0.5, 0.2, 0, 0.7};
    for (int i = 0; i < n; i++) {
        double *at = x + i * D;
        for (int k = 0; k < D; k++) at[k] = td_rng_normal(r);
        if (collinear) at[3] = at[0] + at[1], at[4] = 2;
        y[i] = 0.3 + noise * td_rng_normal(r);
        for (int k = 0; k < D; k++) y[i] += w[k] * at[k];
    }
}

/* weight (1 + a . b): the linear term with length scales of 1. */
static td_gp *same_process(double weight, double noise) {
    td_gp *gp;
    td_error err = {0};
    double theta[D + TD_GP_EXTRA] = {0};
    assert_ok(td_gp_create(&(td_gp_options){D, NULL, TD_GP_LINEAR}, &gp, &err), &err);
    theta[D + TD_GP_LINEAR_VARIANCE] = log(weight);
    theta[D + TD_GP_NOISE] = log(noise);
    td_gp_set_theta(gp, theta);
    return gp;
}

static void test_is_a_process(void **unused) {
    (void)unused;
    double x[MOST * D], y[MOST], at[11 * D], ignored[11], mean[11], sd[11], m[11], s[11];
    td_error err = {0};
    for (int c = 0; c < 60; c++) {
        td_rng r = td_rng_make(1, (uint64_t)c, TD_RNG_TEST);
        int n = 1 + c % MOST;
        double weight = exp(2 * td_rng_normal(&r)), noise = exp(-2 + td_rng_normal(&r));
        draw(&r, n, c % 2 == 0, 0.3, x, y);
        draw(&r, 11, false, 0, at, ignored);
        td_gp *gp = same_process(weight, noise);
        assert_ok(td_gp_set(gp, x, y, n, &err), &err);
        assert_ok(td_gp_predict(gp, at, 11, m, s, &err), &err);
        td_linear *l;
        assert_ok(td_linear_create(D, &l, &err), &err);
        td_linear_set_variances(l, weight, noise);
        for (int how = 0; how < 2; how++) { /* at once, and half of them one by one */
            int first = how == 0 ? n : n / 2;
            assert_ok(td_linear_set(l, x, y, first, &err), &err);
            for (int i = first; i < n; i++)
                assert_ok(td_linear_append(l, x + i * D, y[i], &err), &err);
            assert_int_equal(td_linear_points(l), n);
            assert_ok(td_linear_predict(l, at, 11, mean, sd, &err), &err);
            for (int i = 0; i < 11; i++) {
                assert_near(mean[i], m[i], 1e-9 * (1 + fabs(m[i])));
                assert_near(sd[i], s[i], 1e-9 + 1e-7 * s[i]);
            }
            double expected = td_gp_likelihood(gp, NULL, &err);
            assert_near(td_linear_evidence(l), expected, 1e-9 * (1 + fabs(expected)));
        }
        td_linear_destroy(l);
        td_gp_destroy(gp);
    }
}

/* No pair of variances on a fine grid has more evidence. */
static void test_fit(void **unused) {
    (void)unused;
    double x[MOST * D], y[MOST], weight, noise;
    td_error err = {0};
    for (int c = 0; c < 30; c++) {
        td_rng r = td_rng_make(2, (uint64_t)c, TD_RNG_TEST);
        int n = 2 + 2 * (c % 29);
        td_linear *l;
        draw(&r, n, c % 2 == 0, c % 3 == 0 ? 3 : 0.2, x, y);
        assert_ok(td_linear_create(D, &l, &err), &err);
        assert_ok(td_linear_fit(l, x, y, n, &err), &err);
        double reached = td_linear_evidence(l);
        td_linear_variances(l, &weight, &noise);
        for (double log_noise = -9; log_noise < 4; log_noise += 0.125)
            for (double ratio = -13.5; ratio < 14; ratio += 0.25) {
                td_linear_set_variances(l, exp(log_noise - ratio), exp(log_noise));
                assert_true(td_linear_evidence(l) < reached + 1e-3);
            }
        if (n > 40 && c % 3 != 0) assert_near(sqrt(noise), 0.2, 0.06);
        td_linear_destroy(l);
    }
}

/* What is exactly linear, constant, or a single point; no coordinates at all. */
static void test_edges(void **unused) {
    (void)unused;
    double x[MOST * D], y[MOST], at[D] = {1, 2, 3, 4, 5}, mean, sd;
    td_error err = {0};
    td_rng r = td_rng_make(3, 0, TD_RNG_TEST);
    td_linear *l;
    assert_ok(td_linear_create(D, &l, &err), &err);
    assert_ok(td_linear_predict(l, at, 1, &mean, &sd, &err), &err);
    assert_near(mean, 0, 0);
    assert_near(sd, sqrt(56), 1e-12); /* the prior's */
    draw(&r, MOST, false, 0, x, y);
    assert_ok(td_linear_fit(l, x, y, MOST, &err), &err);
    assert_ok(td_linear_predict(l, at, 1, &mean, &sd, &err), &err);
    assert_near(mean, 0.3 + 1 - 1 + 0.6 + 3.5, 1e-4);
    assert_true(sd < 1e-3);
    for (int i = 0; i < MOST; i++) y[i] = 0;
    assert_ok(td_linear_fit(l, x, y, MOST, &err), &err);
    assert_ok(td_linear_predict(l, at, 1, &mean, &sd, &err), &err);
    assert_near(mean, 0, 1e-12);
    assert_true(isfinite(sd));
    y[0] = 3;
    assert_ok(td_linear_fit(l, x, y, 1, &err), &err);
    assert_ok(td_linear_predict(l, at, 1, &mean, &sd, &err), &err);
    assert_true(isfinite(mean) && isfinite(sd));
    y[0] = NAN;
    assert_int_equal(td_linear_fit(l, x, y, 1, &err), TD_E_USAGE);
    assert_int_equal(td_linear_append(l, x, NAN, &err), TD_E_USAGE);
    assert_int_equal(td_linear_points(l), 0);
    td_linear_destroy(l);
    double constant[4] = {1, 2, 3, 4};
    assert_int_equal(td_linear_create(-1, &l, &err), TD_E_USAGE);
    assert_ok(td_linear_create(0, &l, &err), &err);
    td_linear_set_variances(l, 1e6, 1);
    assert_ok(td_linear_set(l, NULL, constant, 4, &err), &err);
    assert_ok(td_linear_predict(l, NULL, 1, &mean, &sd, &err), &err);
    assert_near(mean, 2.5, 1e-5);
    assert_near(sd, 0.5, 1e-5);
    td_linear_destroy(l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_a_process),
        cmocka_unit_test(test_fit),
        cmocka_unit_test(test_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

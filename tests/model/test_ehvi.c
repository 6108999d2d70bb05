/* Expected hypervolume improvement against hypervolumes themselves: of points that are sure, and
 * the mean over draws of points that are not. */
#include "common.h"

#include "tandem/model.h"

enum { MOST = 24 };

static double volume(const double *points, int n, int d, const double *reference) {
    double v;
    td_error err = {0};
    assert_ok(td_hypervolume(points, n, d, reference, &v, &err), &err);
    return v;
}

static double improvement(double *front, int n, int d, const double *reference, const double *y) {
    memcpy(front + n * d, y, sizeof *y * (size_t)d);
    return volume(front, n + 1, d, reference) - volume(front, n, d, reference);
}

/* Some dominated, some beyond the reference, some equal in a coordinate. */
static void draw_front(td_rng *r, int n, int d, double *front) {
    for (int i = 0; i < n * d; i++)
        front[i] =
            td_rng_below(r, 4) == 0 ? (double)td_rng_below(r, 5) / 4 : 1.2 * td_rng_uniform(r);
}

static void test_sure_points(void **unused) {
    (void)unused;
    td_error err = {0};
    for (int trial = 0; trial < 600; trial++) {
        td_rng r = td_rng_make(7, (uint64_t)trial, 0);
        int d = 1 + trial % 3, n = (int)td_rng_below(&r, MOST);
        double front[(MOST + 1) * 3], reference[] = {1, 1, 1}, sd[] = {1e-13, 1e-13, 1e-13};
        draw_front(&r, n, d, front);
        td_ehvi *e;
        assert_ok(td_ehvi_create(front, n, d, reference, &e, &err), &err);
        for (int k = 0; k < 5; k++) {
            double y[3];
            for (int i = 0; i < d; i++) y[i] = 1.1 * td_rng_uniform(&r) - 0.2;
            assert_near(exp(td_ehvi_log(e, y, sd)), improvement(front, n, d, reference, y), 1e-11);
        }
        td_ehvi_destroy(e);
    }
}

static void test_expectation(void **unused) {
    (void)unused;
    enum { DRAWS = 20000 };
    td_error err = {0};
    for (int trial = 0; trial < 9; trial++) {
        td_rng r = td_rng_make(8, (uint64_t)trial, 0);
        int d = 1 + trial % 3, n = 3 + (int)td_rng_below(&r, 8);
        double front[(MOST + 1) * 3], reference[] = {1, 1, 1}, mean[3], sd[3];
        draw_front(&r, n, d, front);
        for (int i = 0; i < d; i++) {
            mean[i] = 0.2 + 0.4 * td_rng_uniform(&r);
            sd[i] = 0.05 + 0.3 * td_rng_uniform(&r);
        }
        double sum = 0, square = 0;
        for (int k = 0; k < DRAWS; k++) {
            double y[3];
            for (int i = 0; i < d; i++) y[i] = mean[i] + sd[i] * td_rng_normal(&r);
            double v = improvement(front, n, d, reference, y);
            sum += v / DRAWS;
            square += v * v / DRAWS;
        }
        td_ehvi *e;
        assert_ok(td_ehvi_create(front, n, d, reference, &e, &err), &err);
        double error = sqrt((square - sum * sum) / DRAWS);
        assert_near(exp(td_ehvi_log(e, mean, sd)), sum, 4.5 * error + 1e-12);
        td_ehvi_destroy(e);
    }
}

/* One objective: expected improvement. Far out the logarithm goes on falling, steadily. */
static void test_tails(void **unused) {
    (void)unused;
    td_error err = {0};
    double front[] = {0.5, 0.5, 0.3, 0.8}, reference[] = {1, 1};
    td_ehvi *e;
    assert_ok(td_ehvi_create(front, 1, 1, reference, &e, &err), &err);
    double mean[] = {0.7, 0.7}, sd[] = {0.1, 0.1};
    assert_near(td_ehvi_log(e, mean, sd), log(0.1) + td_normal_log_excess(-2), 1e-12);
    td_ehvi_destroy(e);
    assert_ok(td_ehvi_create(front, 2, 2, reference, &e, &err), &err);
    double last = INFINITY;
    for (double far = 0; far < 1e4; far = 1.3 * far + 0.1) {
        mean[0] = mean[1] = far;
        double v = td_ehvi_log(e, mean, sd);
        assert_true(isfinite(v) && v < last);
        last = v;
    }
    td_ehvi_destroy(e);
    assert_int_equal(td_ehvi_create(front, 1, 4, reference, &e, &err), TD_E_USAGE);
    front[1] = NAN;
    assert_int_equal(td_ehvi_create(front, 1, 2, reference, &e, &err), TD_E_USAGE);
}

/* Values of the normal distribution from mpmath, 30 digits. */
static void test_normal(void **unused) {
    (void)unused;
    static const struct {
        double z, log_cdf, log_excess;
    } cases[] = {{-200.0, -20006.21728089819, -20011.515648259739},
                 {-40.0, -804.60844201375379, -808.29856835661996},
                 {-26.0, -342.17850892992783, -345.43954672231803},
                 {-24.5, -304.24427074096371, -307.44625385773019},
                 {-12.0, -75.410673001568796, -77.909100545007348},
                 {-10.5, -58.404187061073243, -60.773083700673941},
                 {-9.0, -43.628149113332115, -45.848941292669033},
                 {-6.0, -20.736768949974706, -22.578879392169797},
                 {-3.0, -6.6077262215103495, -7.8696860596030285},
                 {-1.0, -1.8410216450092635, -2.4851210257126413},
                 {0.0, -0.69314718055994531, -0.91893853320467274},
                 {1.5, -0.069143455612233983, 0.4248145567622593},
                 {8.0, -6.2209605742717861e-16, 2.0794415416798359}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double z = cases[i].z;
        assert_near(td_normal_log_cdf(z), cases[i].log_cdf, 1e-6);
        assert_near(td_normal_log_excess(z), cases[i].log_excess, 1e-8);
    }
    for (double p = 1e-12; p < 1; p = p < 0.1 ? 3 * p : p + 0.05)
        assert_near(exp(td_normal_log_cdf(td_normal_quantile(p))), p, 1e-10 * p + 1e-13);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sure_points),
                                       cmocka_unit_test(test_expectation),
                                       cmocka_unit_test(test_tails), cmocka_unit_test(test_normal)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

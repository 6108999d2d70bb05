/* Eigenvalues against closed forms and the matrix itself; CMA-ES on functions of which it is known
 * how well it does; the margin of integers. */
#include "common.h"

#include "tandem/model.h"

static void test_eigen(void **unused) {
    (void)unused;
    enum { N = 40 };
    static double a[N * N], vectors[N * N], values[N];
    td_error err = {0};
    double two[] = {2, 1, 1, 2};
    assert_ok(td_eigen_symmetric(two, 2, values, vectors, &err), &err);
    assert_near(fmin(values[0], values[1]), 1, 1e-15);
    assert_near(fmax(values[0], values[1]), 3, 1e-15);
    /* 2 on the diagonal and -1 beside it: 2 - 2 cos(k pi / (n + 1)) */
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++) a[i * N + k] = i == k ? 2 : abs(i - k) == 1 ? -1 : 0;
    assert_ok(td_eigen_symmetric(a, N, values, vectors, &err), &err);
    for (int k = 1; k <= N; k++) {
        double nearest = INFINITY, expected = 2 - 2 * cos(k * M_PI / (N + 1));
        for (int i = 0; i < N; i++) nearest = fmin(nearest, fabs(values[i] - expected));
        assert_true(nearest < 1e-13);
    }
    /* random, of both signs and many sizes: A v = l v, and vectors are orthogonal */
    td_rng r = td_rng_make(1, 0, TD_RNG_TEST);
    for (int i = 0; i < N; i++)
        for (int k = 0; k <= i; k++)
            a[i * N + k] = a[k * N + i] = td_rng_normal(&r) * pow(10, -(i + k) / 20.0);
    assert_ok(td_eigen_symmetric(a, N, values, vectors, &err), &err);
    for (int k = 0; k < N; k++)
        for (int i = 0; i < N; i++) {
            double sum = 0, dot = 0;
            for (int j = 0; j < N; j++) sum += a[i * N + j] * vectors[k * N + j];
            for (int j = 0; j < N; j++) dot += vectors[i * N + j] * vectors[k * N + j];
            assert_near(sum, values[k] * vectors[k * N + i], 1e-13);
            assert_near(dot, i == k, 1e-13);
        }
    a[0] = NAN;
    if (td_eigen_symmetric(a, N, values, vectors, &err) == TD_OK) assert_true(isnan(values[0]));
}

static void test_normal(void **unused) {
    (void)unused;
    assert_near(td_normal_quantile(0.975), 1.959963984540054, 1e-14);
    assert_near(td_normal_quantile(0.5), 0, 1e-15);
    assert_near(td_normal_quantile(1e-10), -6.361340902404056, 1e-12);
    assert_near(td_normal_cdf(td_normal_quantile(1e-300)) / 1e-300, 1, 1e-9);
    for (double z = -5; z <= 5; z += 0.5)
        assert_near(td_normal_quantile(td_normal_cdf(z)), z, 1e-9);
}

static double sphere(const double *x, int n) {
    double f = 0;
    for (int i = 0; i < n; i++) f += x[i] * x[i];
    return f;
}

/* Axes from 1 to 1e3, turned against the coordinates: rotation in planes of neighbours. */
static double ellipsoid(const double *x, int n) {
    double f = 0, y[20];
    memcpy(y, x, sizeof *y * (size_t)n);
    for (int i = 0; i + 1 < n; i++) {
        double a = y[i], b = y[i + 1];
        y[i] = 0.8 * a - 0.6 * b;
        y[i + 1] = 0.6 * a + 0.8 * b;
    }
    for (int i = 0; i < n; i++) f += pow(1e6, (double)i / (n - 1)) * y[i] * y[i];
    return f;
}

static double rosenbrock(const double *x, int n) {
    double f = 0;
    for (int i = 0; i + 1 < n; i++) f += 100 * pow(x[i + 1] - x[i] * x[i], 2) + pow(1 - x[i], 2);
    return f;
}

typedef struct {
    double f, x[20];
} point;

static int by_f(const void *a, const void *b) {
    double x = ((const point *)a)->f, y = ((const point *)b)->f;
    return (x > y) - (x < y);
}

/* Evaluations until f is below 1e-10. whole: coordinates are rounded before they are looked at, and
 * the margin keeps their neighbours. */
static int evaluations(double (*f)(const double *, int), int n, uint64_t seed, bool whole) {
    int lambda = 4 + (int)(3 * log(n)), count = 0;
    double mean[20];
    point p[20];
    const double *sorted[20];
    td_cma *s;
    td_error err = {0};
    for (int i = 0; i < n; i++) mean[i] = whole ? 7.3 : 0.5;
    assert_ok(td_cma_create(n, lambda, mean, whole ? 3 : 0.3, &s, &err), &err);
    while (count < 100000) {
        for (int i = 0; i < lambda; i++, count++) {
            double seen[20];
            td_cma_sample(s, seed, (uint32_t)count, p[i].x);
            for (int k = 0; k < n; k++) seen[k] = whole ? round(p[i].x[k]) : p[i].x[k];
            p[i].f = f(seen, n);
        }
        qsort(p, (size_t)lambda, sizeof *p, by_f);
        for (int i = 0; i < lambda; i++) sorted[i] = p[i].x;
        if (p[0].f < 1e-10) break;
        assert_ok(td_cma_update(s, sorted, &err), &err);
        for (int k = 0; k < n && whole; k++) {
            double least = 1.0 / (n * lambda);
            td_cma_margin(s, k, round(td_cma_mean(s, k)) - 0.5, round(td_cma_mean(s, k)) + 0.5,
                          least);
            double m = td_cma_mean(s, k), d = td_cma_deviation(s, k), low = round(m) - 0.5;
            double below = td_normal_cdf((low - m) / d);
            double above = td_normal_cdf((m - low - 1) / d);
            assert_true(below > least / 2 * (1 - 1e-6) && above > least / 2 * (1 - 1e-6));
        }
    }
    td_cma_destroy(s);
    return count;
}

/* Bounds are some 1.5 times what was seen. One that does not learn the covariance takes more than
 * ten times as many on an ellipsoid of condition 1e6: it is held to where a sphere takes 1,500. */
static void test_quadratics(void **unused) {
    (void)unused;
    double to_sphere = 0, to_ellipsoid = 0, to_rosenbrock = 0, to_whole = 0;
    enum { SEEDS = 5 };
    for (uint64_t i = 0; i < SEEDS; i++) {
        to_sphere += evaluations(sphere, 10, i, false) / (double)SEEDS;
        to_ellipsoid += evaluations(ellipsoid, 10, i, false) / (double)SEEDS;
        to_rosenbrock += evaluations(rosenbrock, 8, i, false) / (double)SEEDS;
        to_whole += evaluations(sphere, 10, i, true) / (double)SEEDS;
    }
    printf(
        "    evaluations to 1e-10: sphere %.0f, ellipsoid %.0f, rosenbrock %.0f, integers %.0f\n",
        to_sphere, to_ellipsoid, to_rosenbrock, to_whole);
    assert_true(to_sphere < 2200);
    assert_true(to_ellipsoid < 6500);
    assert_true(to_rosenbrock < 6000);
    assert_true(to_whole < 800);
}

/* Draws have the mean and the deviations that are told; what is far is drawn nearer, what is near
 * stays; a bad call is refused. */
static void test_distribution(void **unused) {
    (void)unused;
    enum { N = 3, DRAWS = 20000 };
    double mean[N] = {1, 2, 3}, x[N], sum[N] = {0}, square[N] = {0};
    td_cma *s;
    td_error err = {0};
    assert_ok(td_cma_create(N, 7, mean, 0.5, &s, &err), &err);
    td_cma_margin(s, 1, 1.9, 2.4, 0.9); /* sides get half of 90 % each: the deviation grows */
    for (int i = 0; i < DRAWS; i++) {
        td_cma_sample(s, 5, (uint32_t)i, x);
        for (int k = 0; k < N; k++) {
            sum[k] += x[k] / DRAWS;
            square[k] += pow(x[k] - td_cma_mean(s, k), 2) / DRAWS;
        }
    }
    for (int k = 0; k < N; k++) {
        assert_near(sum[k], td_cma_mean(s, k), 5 * td_cma_deviation(s, k) / sqrt(DRAWS));
        assert_near(sqrt(square[k]) / td_cma_deviation(s, k), 1, 0.03);
    }
    assert_true(td_cma_deviation(s, 1) > 0.5 && td_cma_deviation(s, 0) == 0.5);
    double far[] = {101, 2, 3}, near[] = {1.1, 2, 3};
    td_cma_draw_nearer(s, near, 1);
    assert_near(near[0], 1.1, 1e-15);
    td_cma_draw_nearer(s, far, 2);
    assert_true(far[0] > 1.5 && far[0] < 4 && fabs(far[1] - 2) < 0.2);
    td_cma_margin(s, 0, -10, INFINITY,
                  0.1); /* the outermost cell: the mean comes to its threshold */
    assert_near(td_normal_cdf((-10 - td_cma_mean(s, 0)) / td_cma_deviation(s, 0)), 0.1, 1e-9);
    td_cma_destroy(s);
    assert_int_equal(td_cma_create(0, 7, mean, 1, &s, &err), TD_E_USAGE);
    assert_int_equal(td_cma_create(2, 2, mean, 1, &s, &err), TD_E_USAGE);
    assert_int_equal(td_cma_create(2, 7, mean, 0, &s, &err), TD_E_USAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_eigen), cmocka_unit_test(test_normal),
                                       cmocka_unit_test(test_quadratics),
                                       cmocka_unit_test(test_distribution)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

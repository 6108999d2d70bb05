/* Classification by a Gaussian process against scikit-learn 1.9.1 (GaussianProcessClassifier,
 * ConstantKernel * RBF), against integrals by brute force, and against what defines the mode. */
#include "common.h"

#include "tandem/model.h"

enum { N = 8, M = 3 };
static const double points[N * 2] = {0, 0, 1,    0.5,  -1,  2,    0.3, -1.2,
                                     2, 2, -0.7, -0.4, 1.5, -0.5, -2,  0.1};
static const uint8_t labels[N] = {0, 1, 0, 1, 1, 0, 1, 1};
static const double asked[M * 2] = {0.5, 0.5, -1.2, 0.3, 5, 5};

static double sigmoid(double z) {
    return 1 / (1 + exp(-z));
}

/* By Simpson's rule over 12 deviations to either side. */
static double average(double mean, double sd) {
    enum { STEPS = 1000 };
    double sum = 0, h = 24.0 / STEPS;
    for (int i = 0; i <= STEPS; i++) {
        double z = -12 + i * h, w = i == 0 || i == STEPS ? 1 : i % 2 == 1 ? 4 : 2;
        sum += w * exp(-z * z / 2) * sigmoid(mean + sd * z);
    }
    return sum * h / 3 / sqrt(2 * M_PI);
}

static td_gp_class *create(int d, double length, double signal) {
    td_gp_class *g;
    td_error err = {0};
    assert_ok(td_gp_class_create(d, &g, &err), &err);
    td_gp_class_set_hyper(g, length, signal);
    return g;
}

static void test_scikit_learn(void **unused) {
    (void)unused;
    static const struct {
        double signal, length, evidence, mean[M], sd[M];
    } known[] = {
        {1,
         1,
         -5.662757628316768,
         {0.11068496755561696, -0.18692655167702105, 4.761914495420654e-05},
         {0.8549183584616015, 0.886105165591505, 0.999999998539103}},
        {4,
         0.7,
         -5.7300855558827966,
         {0.23099363113640704, -0.1631149918863436, 1.0819985942971656e-08},
         {1.5782011084569496, 1.788304800312834, 2.0}},
        {20,
         2.5,
         -7.304316919666354,
         {0.2556453709235358, -0.6396654728478364, 0.6693206300585424},
         {1.2374464623199526, 1.227014290157504, 4.370257035094008}},
    };
    td_error err = {0};
    double chance[M], mean[M], sd[M], length, signal;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        td_gp_class *g = create(2, known[i].length, known[i].signal);
        assert_ok(td_gp_class_set(g, points, labels, N, &err), &err);
        assert_near(td_gp_class_evidence(g), known[i].evidence, 1e-8);
        assert_ok(td_gp_class_predict(g, asked, M, chance, mean, sd, &err), &err);
        for (int k = 0; k < M; k++) {
            assert_near(mean[k], known[i].mean[k], 1e-5);
            assert_near(sd[k], known[i].sd[k], 1e-5);
            assert_near(chance[k], average(mean[k], sd[k]), 1e-8);
        }
        td_gp_class_destroy(g);
    }
    /* Its best of six runs of L-BFGS: signal 0.449^2, length 0.53, evidence -5.5408658502754. */
    td_gp_class *g = create(2, 1, 1);
    assert_ok(td_gp_class_fit(g, points, labels, N, &err), &err);
    td_gp_class_hyper(g, &length, &signal);
    assert_near(td_gp_class_evidence(g), -5.5408658502754, 1e-3);
    assert_near(length, 0.53, 0.05);
    assert_near(sqrt(signal), 0.449, 0.05);
    td_gp_class_destroy(g);
}

/* The evidence of one and of two points, and the chance beside them, as integrals over f; Laplace's
 * approximation is near to them where the signal is not large. */
static void test_integrals(void **unused) {
    (void)unused;
    enum { STEPS = 800 };
    const double h = 16.0 / STEPS;
    td_error err = {0};
    double x[2] = {0, 0.8}, chance;
    static const uint8_t label[2] = {1, 0};
    for (double signal = 0.1; signal < 2; signal *= 2) {
        td_gp_class *g = create(1, 1, signal);
        assert_ok(td_gp_class_set(g, x, label, 1, &err), &err);
        assert_near(exp(td_gp_class_evidence(g)), 0.5, 0.02);
        assert_ok(td_gp_class_set(g, x, label, 2, &err), &err);
        /* f0 = s u, f1 = s (k u + c v), f at the asked point likewise with w */
        double k = exp(-0.32), c = sqrt(1 - k * k), s = sqrt(signal), all = 0, hit = 0;
        double at = -0.5, k0 = exp(-0.125), k1 = exp(-1.3 * 1.3 / 2), b = (k1 - k0 * k) / c;
        double rest = s * sqrt(1 - k0 * k0 - b * b);
        for (int i = 0; i <= STEPS; i += 8)
            for (int j = 0; j <= STEPS; j += 8) {
                double u = -8 + i * h, v = -8 + j * h;
                double w = 64 * h * h * exp(-(u * u + v * v) / 2) / (2 * M_PI) * sigmoid(s * u) *
                           (1 - sigmoid(s * (k * u + c * v)));
                all += w;
                hit += w * average(s * (k0 * u + b * v), rest);
            }
        assert_near(td_gp_class_evidence(g), log(all), 0.03);
        assert_ok(td_gp_class_predict(g, &at, 1, &chance, NULL, NULL, &err), &err);
        assert_near(chance, hit / all, 0.02);
        td_gp_class_destroy(g);
    }
}

/* A band: inside it is 1. Learned; the mode is where the slope of the posterior is 0, which is
 * f = K (t - sigmoid(f)): at the points themselves that is what is predicted. */
static void test_learns(void **unused) {
    (void)unused;
    enum { MANY = 120, TESTED = 400, D = 4 };
    static double x[(MANY + TESTED) * D], chance[TESTED], mean[MANY], sd[MANY];
    static uint8_t label[MANY + TESTED];
    td_error err = {0};
    td_rng r = td_rng_make(5, 0, TD_RNG_TEST);
    for (int i = 0; i < MANY + TESTED; i++) {
        for (int k = 0; k < D; k++) x[i * D + k] = td_rng_normal(&r);
        label[i] = fabs(x[i * D] + 0.5 * x[i * D + 1]) < 0.7;
    }
    td_gp_class *g = create(D, 1, 1);
    assert_ok(td_gp_class_predict(g, x, 1, chance, mean, sd, &err), &err);
    assert_near(chance[0], 0.5, 1e-12);
    assert_ok(td_gp_class_fit(g, x, label, MANY, &err), &err);
    assert_ok(td_gp_class_predict(g, x + MANY * D, TESTED, chance, NULL, NULL, &err), &err);
    int right = 0;
    for (int i = 0; i < TESTED; i++) right += (chance[i] >= 0.5) == label[MANY + i];
    assert_true(right > TESTED * 80 / 100);
    double length, signal, first, at[MANY];
    td_gp_class_hyper(g, &length, &signal);
    assert_ok(td_gp_class_predict(g, x, MANY, at, mean, sd, &err), &err);
    for (int i = 0; i < MANY; i++) {
        double f = 0;
        for (int j = 0; j < MANY; j++) {
            double r2 = 0;
            for (int k = 0; k < D; k++) r2 += pow(x[i * D + k] - x[j * D + k], 2);
            f += signal * exp(-r2 / (2 * length * length)) * (label[j] - sigmoid(mean[j]));
        }
        assert_near(mean[i], f, 1e-4);
    }
    /* the same whatever was fitted before */
    first = td_gp_class_evidence(g);
    assert_ok(td_gp_class_fit(g, x + 7, label, 30, &err), &err);
    assert_ok(td_gp_class_fit(g, x, label, MANY, &err), &err);
    assert_true(td_gp_class_evidence(g) == first);
    /* one class only; one point many times, with both labels */
    memset(label, 1, sizeof label);
    assert_ok(td_gp_class_fit(g, x, label, 40, &err), &err);
    assert_ok(td_gp_class_predict(g, x, 1, chance, NULL, NULL, &err), &err);
    assert_true(chance[0] > 0.8 && chance[0] < 1);
    for (int i = 0; i < 40 * D; i++) x[i] = 1;
    for (int i = 0; i < 10; i++) label[i] = 0;
    assert_ok(td_gp_class_fit(g, x, label, 40, &err), &err);
    assert_ok(td_gp_class_predict(g, x, 1, chance, NULL, NULL, &err), &err);
    assert_near(chance[0], 0.75, 0.05);
    x[0] = NAN;
    assert_int_equal(td_gp_class_set(g, x, label, 40, &err), TD_E_USAGE);
    assert_int_equal(td_gp_class_create(0, &(td_gp_class *){NULL}, &err), TD_E_USAGE);
    td_gp_class_destroy(g);
    td_gp_class_destroy(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scikit_learn),
        cmocka_unit_test(test_integrals),
        cmocka_unit_test(test_learns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

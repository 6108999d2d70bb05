/* Support vectors against scikit-learn 1.9.1 (SVC, tol 1e-8), and chances against the definition of
 * Platt's sigmoid. */
#include "common.h"

#include "tandem/model.h"

static void test_values(void **unused) {
    (void)unused;
    static const double x[16] = {0, 0, 1,    0.5,  -1,  2,    0.3, -1.2,
                                 2, 2, -0.7, -0.4, 1.5, -0.5, -2,  0.1};
    static const uint8_t label[8] = {0, 1, 0, 1, 1, 0, 1, 1};
    static const double asked[6] = {0.5, 0.5, -1.2, 0.3, 5, 5};
    static const struct {
        double cost, gamma, value[3];
    } known[] = {{1, 0.5, {0.48208761732379546, 0.09947226786485741, 0.6450872545838441}},
                 {10, 1.5, {0.30440056283800077, 0.13079765221635686, 0.3340823566644547}}};
    td_error err = {0};
    double chance[3], value[3];
    for (int i = 0; i < 2; i++) {
        td_svm *s;
        td_svm_options o = {2, known[i].cost, known[i].gamma};
        assert_ok(td_svm_fit(&o, x, label, 8, &s, &err), &err);
        assert_ok(td_svm_predict(s, asked, 3, chance, value, &err), &err);
        for (int k = 0; k < 3; k++) assert_near(value[k], known[i].value[k], 2e-3);
        td_svm_destroy(s);
    }
}

/* A disc, with a blurred edge. */
static void test_chances(void **unused) {
    (void)unused;
    enum { D = 3, MANY = 150, TESTED = 3000 };
    static double x[(MANY + TESTED) * D], chance[TESTED], again[TESTED];
    static uint8_t label[MANY + TESTED];
    td_error err = {0};
    td_rng r = td_rng_make(3, 0, TD_RNG_TEST);
    for (int i = 0; i < MANY + TESTED; i++) {
        for (int k = 0; k < D; k++) x[i * D + k] = td_rng_normal(&r);
        double radius = hypot(x[i * D], x[i * D + 1]) + 0.2 * td_rng_normal(&r);
        label[i] = radius < 1.2;
    }
    td_svm_options o = {.d = D};
    for (int how = 0; how < 2; how++) {
        td_svm *s;
        srand(how == 0 ? 1 : 77); /* has no say */
        assert_ok(td_svm_fit(&o, x, label, MANY, &s, &err), &err);
        assert_ok(td_svm_predict(s, x + MANY * D, TESTED, how == 0 ? chance : again, NULL, &err),
                  &err);
        td_svm_destroy(s);
    }
    assert_memory_equal(chance, again, sizeof chance);
    /* Told apart, and chances are shares: of those with a chance of p about p are of class 1. */
    double right = 0, base = 0, sum[4] = {0}, hit[4] = {0}, many[4] = {0};
    for (int i = 0; i < TESTED; i++) {
        int bin = (int)fmin(4 * chance[i], 3);
        sum[bin] += chance[i];
        hit[bin] += label[MANY + i];
        many[bin]++;
        right += (chance[i] >= 0.5) == label[MANY + i];
        base += label[MANY + i];
    }
    printf("    right %.3f of %.3f\n", right / TESTED, base / TESTED);
    assert_true(right / TESTED > fmax(base, TESTED - base) / TESTED + 0.1);
    for (int b = 0; b < 4; b++)
        if (many[b] > 200) assert_near(hit[b] / many[b], sum[b] / many[b], 0.15);
}

/* One of a class; classes in either order; what cannot be learned from. */
static void test_edges(void **unused) {
    (void)unused;
    td_error err = {0};
    static const double x[6] = {-1.1, -1, -0.9, 1, 1.1, 1.2};
    double chance[2], value[2];
    td_svm *s;
    for (int first = 0; first < 2; first++) {
        uint8_t label[6];
        for (int i = 0; i < 6; i++) label[i] = (uint8_t)((x[i] > 0) ^ first);
        assert_ok(td_svm_fit(&(td_svm_options){.d = 1}, x, label, 6, &s, &err), &err);
        assert_ok(td_svm_predict(s, (double[]){-1, 1}, 2, chance, value, &err), &err);
        assert_true((value[first] < 0) && value[1 - first] > 0);
        assert_true(chance[first] < 0.4 && chance[1 - first] > 0.6);
        td_svm_destroy(s);
    }
    assert_ok(td_svm_fit(&(td_svm_options){.d = 1}, x, (uint8_t[]){1, 0, 0, 0, 0, 0}, 6, &s, &err),
              &err);
    assert_ok(td_svm_predict(s, x, 1, chance, NULL, &err), &err);
    assert_true(chance[0] > 0 && chance[0] < 1);
    td_svm_destroy(s);
    td_svm_destroy(NULL);
    uint8_t one[6] = {1, 1, 1, 1, 1, 1};
    assert_int_equal(td_svm_fit(&(td_svm_options){.d = 1}, x, one, 6, &s, &err), TD_E_USAGE);
    one[0] = 0;
    assert_int_equal(td_svm_fit(&(td_svm_options){.d = 1}, (double[]){1, NAN}, one, 2, &s, &err),
                     TD_E_USAGE);
    assert_null(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_chances),
        cmocka_unit_test(test_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

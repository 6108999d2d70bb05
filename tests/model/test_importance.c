/* Importance of decisions, against shares of variance that are worked out by hand. */
#include "common.h"

#include "tandem/model.h"

enum { N = 6000, D = 4 };
static double x[N][D], value[N];

static void draw(uint64_t seed, int n, int d) {
    td_rng r = td_rng_make(seed, 0, TD_RNG_TEST);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < D; j++) x[i][j] = j < d ? td_rng_uniform(&r) : 0;
}

static void look(int n, const uint8_t *nominal, double quantile, td_importance *out) {
    td_error err = {0};
    assert_ok(td_importance_of(&x[0][0], n, D, nominal, value, quantile, out, &err), &err);
}

/* f = x0 + x1 / 2: good is a triangle of area t^2 = .1, in which P(good | x0) = 2 (t - x0) up to t
 * and P(good | x1) = t - x1 / 2 up to 2 t. */
static void test_known(void **unused) {
    (void)unused;
    draw(1, N, D);
    for (int i = 0; i < N; i++) value[i] = x[i][0] + x[i][1] / 2;
    td_importance out[D];
    look(N, NULL, 0.1, out);
    double t = sqrt(0.1), first = 4 * pow(t, 3) / 3 - 0.01, second = 2 * pow(t, 3) / 3 - 0.01;
    printf("    %.3f %.3f %.3f %.3f, by hand %.3f %.3f 0 0; explained %.3f, by hand %.3f\n",
           out[0].share, out[1].share, out[2].share, out[3].share, first / (first + second),
           second / (first + second), out[0].explained, first / 0.09);
    assert_near(out[0].share, first / (first + second), 0.03);
    assert_near(out[1].share, second / (first + second), 0.03);
    assert_near(out[0].explained, first / 0.09, 0.04);
    assert_true(out[2].share < 0.01 && out[3].share < 0.01);
    assert_near(out[0].share + out[1].share + out[2].share + out[3].share, 1, 1e-12);
    assert_int_equal(out[0].rows, N);
    assert_int_equal(out[0].good, N / 10);
}

/* Transforms of the value that keep its order, and of a decision, change nothing. */
static void test_monotone(void **unused) {
    (void)unused;
    draw(2, N, D);
    td_importance before[D], after[D];
    for (int i = 0; i < N; i++) value[i] = x[i][0] + pow(x[i][1] - 0.3, 2);
    look(N, NULL, 0.05, before);
    for (int i = 0; i < N; i++) {
        value[i] = -1 / (3 + exp(9 * value[i]));
        x[i][1] = log(1e-9 + x[i][1]);
    }
    look(N, NULL, 0.05, after);
    for (int j = 0; j < D; j++) assert_near(after[j].share, before[j].share, 0);
}

/* A name that opens a decision: good is the tenth with x0 = 1 and x1 <= .2. Of the variance .09 the
 * name explains .01, and x1, which half of the rows have, .5 x .16. What a name shuts off is not
 * looked at, whatever its number of rows. */
static void test_conditional(void **unused) {
    (void)unused;
    static const uint8_t nominal[D] = {1, 0, 0, 1};
    draw(3, N, D);
    int has = 0;
    for (int i = 0; i < N; i++) {
        bool open = x[i][0] < 0.5;
        x[i][0] = open;
        if (!open) x[i][1] = NAN;
        if (open || i % 3 > 0) x[i][2] = NAN;
        x[i][3] = floor(30 * x[i][3]);
        value[i] = open ? x[i][1] : 2;
        has += open;
    }
    td_importance out[D];
    look(N, nominal, 0.1, out);
    printf("    %.3f %.3f, by hand %.3f %.3f\n", out[0].share, out[1].share, 1.0 / 9, 8.0 / 9);
    assert_near(out[0].share, 1.0 / 9, 0.02);
    assert_near(out[1].share, 8.0 / 9, 0.02);
    assert_true(out[2].share == 0 && out[2].good == 0 && out[3].share < 0.01);
    assert_int_equal(out[1].rows, has);
    assert_near(out[0].explained + out[1].explained, 1, 0.04);
}

/* Few rows of pure chance: many names do not look more important than two, nor than numbers. */
static void test_chance(void **unused) {
    (void)unused;
    static const uint8_t nominal[D] = {1, 1, 0, 0};
    double sum[D] = {0};
    for (uint64_t seed = 0; seed < 400; seed++) {
        draw(100 + seed, 100, D);
        td_rng r = td_rng_make(seed, 1, TD_RNG_TEST);
        for (int i = 0; i < 100; i++) {
            x[i][0] = floor(2 * x[i][0]);
            x[i][1] = floor(25 * x[i][1]);
            x[i][2] = floor(4 * x[i][2]);
            value[i] = td_rng_uniform(&r);
        }
        td_importance out[D];
        look(100, nominal, 0.2, out);
        for (int j = 0; j < D; j++) sum[j] += out[j].explained / 400;
    }
    printf("    explained by chance: %.4f %.4f %.4f %.4f\n", sum[0], sum[1], sum[2], sum[3]);
    for (int j = 0; j < D; j++) assert_true(sum[j] < 0.05);
}

static void test_edges(void **unused) {
    (void)unused;
    td_error err = {0};
    td_importance out[D];
    assert_int_equal(td_importance_of(NULL, 0, 0, NULL, NULL, 0, out, &err), TD_E_USAGE);
    assert_int_equal(td_importance_of(NULL, 0, 0, NULL, NULL, 1, out, &err), TD_E_USAGE);
    assert_ok(td_importance_of(&x[0][0], 0, D, NULL, value, 0.1, out, &err), &err);
    assert_true(out[0].share == 0 && out[0].rows == 0);
    draw(5, 50, D);
    for (int i = 0; i < 50; i++) value[i] = 7; /* all are equal, so all are good */
    look(50, NULL, 0.1, out);
    assert_true(out[0].share == 0 && out[0].explained == 0 && out[0].good == 50);
    for (int i = 0; i < 50; i++) { /* half of the rows have no value; one decision has one value */
        value[i] = i % 2 == 0 ? (double)NAN : x[i][0];
        x[i][1] = 3;
    }
    look(50, NULL, 0.2, out);
    assert_int_equal(out[0].rows, 25);
    assert_int_equal(out[0].good, 5);
    assert_true(out[1].share == 0 && out[0].share > fmax(out[2].share, out[3].share));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),       cmocka_unit_test(test_monotone),
        cmocka_unit_test(test_conditional), cmocka_unit_test(test_chance),
        cmocka_unit_test(test_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

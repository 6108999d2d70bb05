/* Sobol' points are nets where they are said to be, and fill a cube more evenly than random ones,
 * in few coordinates and in many. */
#include "common.h"

#include "tandem/model.h"

enum { MOST = 256 };

/* Every coordinate: of the first 2^m points one in each of 2^m parts of the range. */
static void test_ranges(void **unused) {
    (void)unused;
    for (int coordinate = 0; coordinate < 130; coordinate++)
        for (int n = 1; n <= MOST; n *= 2) {
            bool taken[MOST] = {false};
            for (int i = 0; i < n; i++) {
                double x = td_sobol(7, (uint32_t)i, coordinate);
                assert_true(x >= 0 && x < 1);
                assert_false(taken[(int)(x * n)]);
                taken[(int)(x * n)] = true;
            }
        }
}

/* The first two coordinates of a group: one of 2^m points in each of 2^m boxes, of every shape. */
static void test_boxes(void **unused) {
    (void)unused;
    for (int group = 0; group < 5; group++)
        for (int m = 0; m <= 8; m++)
            for (int a = 0; a <= m; a++) {
                bool taken[MOST] = {false};
                for (uint32_t i = 0; i < 1u << m; i++) {
                    int x = (int)(td_sobol(3, i, 4 * group) * (1 << a));
                    int y = (int)(td_sobol(3, i, 4 * group + 1) * (1 << (m - a)));
                    assert_false(taken[(x << (m - a)) + y]);
                    taken[(x << (m - a)) + y] = true;
                }
            }
}

/* Square of the centred L2 discrepancy (Hickernell 1998, (5.1)) of the projections on two
 * coordinates, the mean over all pairs of d; with `all` of the points as they are. */
static double discrepancy(const double *x, int n, int d, bool all) {
    double sum = 0;
    int sets = 0;
    for (int a = 0; a < d; a++)
        for (int b = a + 1; b < d && (!all || a == 0); b++) {
            if (all && b > 1) break;
            double once = 0, twice = 0;
            int low = all ? 0 : a, high = all ? d - 1 : b, by = all ? 1 : b - a;
            for (int i = 0; i < n; i++) {
                double p = 1;
                for (int k = low; k <= high; k += by) {
                    double u = fabs(x[i * d + k] - 0.5);
                    p *= 1 + u / 2 - u * u / 2;
                }
                once += p;
                for (int j = 0; j < n; j++) {
                    double q = 1;
                    for (int k = low; k <= high; k += by) {
                        double u = x[i * d + k], v = x[j * d + k];
                        q *= 1 + fabs(u - 0.5) / 2 + fabs(v - 0.5) / 2 - fabs(u - v) / 2;
                    }
                    twice += q;
                }
            }
            sum += pow(13.0 / 12, all ? d : 2) - 2.0 / n * once + twice / ((double)n * n);
            sets++;
        }
    return sum / sets;
}

static void test_discrepancy(void **unused) {
    (void)unused;
    static const struct {
        int n, d;
        bool all;
        double most; /* of random points' discrepancy */
    } cases[] = {{64, 2, true, 0.1},   {64, 4, true, 0.4},   {200, 4, true, 0.25},
                 {50, 10, true, 0.9},  {50, 10, false, 0.6}, {200, 30, false, 0.6},
                 {64, 100, false, 0.6}};
    for (int c = 0; c < 7; c++) {
        int n = cases[c].n, d = cases[c].d;
        double *x = malloc(sizeof *x * (size_t)(n * d)), ours = 0, random = 0;
        enum { SEEDS = 4 };
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            td_rng r = td_rng_make(seed, 0, TD_RNG_TEST);
            for (int i = 0; i < n * d; i++) x[i] = td_rng_uniform(&r);
            random += discrepancy(x, n, d, cases[c].all) / SEEDS;
            for (int i = 0; i < n * d; i++) x[i] = td_sobol(seed, (uint32_t)(i / d), i % d);
            ours += discrepancy(x, n, d, cases[c].all) / SEEDS;
        }
        printf("    %3d points, %3d coordinates%s: %.3g, random %.3g\n", n, d,
               cases[c].all ? "" : ", pairs", ours, random);
        assert_true(ours < cases[c].most * random);
        free(x);
    }
}

/* Seeds give other points, coordinates of other groups do not go together (16 blocks of 16 that are
 * full each: a deviation of some 0.08). */
static void test_independent(void **unused) {
    (void)unused;
    double x[MOST], y[MOST], square = 0;
    int pairs = 0;
    for (int a = 0; a < 20; a++)
        for (int b = 0; b < a - a % 4; b++) {
            for (uint32_t i = 0; i < MOST; i++) {
                x[i] = td_sobol(1, i, a);
                y[i] = td_sobol(1, i, b);
            }
            double rho = td_spearman_rho(x, y, MOST);
            assert_true(fabs(rho) < 0.4);
            square += rho * rho;
            pairs++;
        }
    printf("    rank correlations of %d pairs: %.3f\n", pairs, sqrt(square / pairs));
    assert_true(sqrt(square / pairs) < 0.1);
    int same = 0;
    for (uint32_t i = 0; i < MOST; i++) same += td_sobol(1, i, 0) == td_sobol(2, i, 0);
    assert_true(same < 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ranges), cmocka_unit_test(test_boxes),
                                       cmocka_unit_test(test_discrepancy),
                                       cmocka_unit_test(test_independent)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

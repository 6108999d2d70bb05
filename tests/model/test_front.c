/* Pareto front and hypervolume against brute force. */
#include "common.h"

#include "tandem/model.h"

enum { MOST = 24 };

/* Random points; few levels give ties, equal rows and points on each other's edges. */
static void random_points(td_rng *r, double *p, int n, int d) {
    uint64_t levels = td_rng_below(r, 2) ? 1 + td_rng_below(r, 8) : 0;
    for (int i = 0; i < n * d; i++)
        p[i] = levels > 0 ? (double)td_rng_below(r, levels) : td_rng_uniform(r) * 8;
}

static bool front_row(const double *p, int n, int d, int i) {
    for (int j = 0; j < n; j++) {
        int less = 0, more = 0;
        for (int k = 0; k < d; k++) {
            less += p[j * d + k] < p[i * d + k];
            more += p[j * d + k] > p[i * d + k];
        }
        if (more == 0 && (less > 0 || j < i)) return false;
    }
    return true;
}

static void front_by_definition(void **state) {
    (void)state;
    td_error err = {0};
    td_rng r = td_rng_make(2, 0, TD_RNG_TEST);
    double p[60 * 5];
    uint8_t mask[60];
    for (int round = 0; round < 4000; round++) {
        int n = 1 + (int)td_rng_below(&r, 60), d = 1 + (int)td_rng_below(&r, 5);
        random_points(&r, p, n, d);
        if (round % 5 == 0) p[td_rng_below(&r, (uint64_t)(n * d))] = INFINITY;
        memset(mask, 7, sizeof mask);
        assert_ok(td_pareto_front(p, n, d, mask, &err), &err);
        for (int i = 0; i < n; i++)
            if (mask[i] != front_row(p, n, d, i))
                fail_msg("round %d: row %d of %d, %d columns", round, i, n, d);
    }
    assert_ok(td_pareto_front(p, 0, 2, mask, &err), &err);
    p[3] = NAN;
    assert_int_equal(td_pareto_front(p, 4, 2, mask, &err), TD_E_USAGE);
    assert_string_equal(err.message, "point 1: objective 1 is not a number");
    assert_int_equal(td_pareto_front(p, 4, 0, mask, &err), TD_E_USAGE);
}

static void large_front(void **state) {
    (void)state;
    enum { N = 200000 };
    double *p = malloc(2 * sizeof *p * N), volume;
    uint8_t *mask = malloc(N);
    td_error err = {0};
    assert_true(p != NULL && mask != NULL);
    for (int i = 0; i < N; i++) { /* all on the front, in a scattered order */
        int k = (int)((int64_t)i * 7919 % N);
        p[2 * i] = k;
        p[2 * i + 1] = N - k;
    }
    double start = td_time_thread_s();
    assert_ok(td_pareto_front(p, N, 2, mask, &err), &err);
    for (int i = 0; i < N; i++) assert_int_equal(mask[i], 1);
    const double reference[2] = {N, N + 1};
    assert_ok(td_hypervolume(p, 20000, 2, reference, &volume, &err), &err);
    assert_true(td_time_thread_s() - start < 10);
    free(p);
    free(mask);
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Adds up the cells of the grid that all coordinates span: a cell is dominated if one point is at
 * or below its lower corner. */
static double grid_volume(const double *p, int n, int d, const double *reference) {
    double cut[4][MOST + 1];
    int cells[4] = {1, 1, 1, 1};
    for (int k = 0; k < d; k++) {
        int m = 0;
        for (int i = 0; i < n; i++)
            if (p[i * d + k] < reference[k]) cut[k][m++] = p[i * d + k];
        cut[k][m] = reference[k];
        qsort(cut[k], (size_t)m + 1, sizeof(double), compare);
        cells[k] = m;
    }
    double volume = 0;
    for (int cell = 0; cell < cells[0] * cells[1] * cells[2] * cells[3]; cell++) {
        double size = 1, low[4];
        for (int k = 0, rest = cell; k < d; rest /= cells[k++]) {
            low[k] = cut[k][rest % cells[k]];
            size *= cut[k][rest % cells[k] + 1] - low[k];
        }
        bool dominated = false;
        for (int i = 0; i < n && !dominated; i++) {
            dominated = true;
            for (int k = 0; k < d && dominated; k++) dominated = p[i * d + k] <= low[k];
        }
        if (dominated) volume += size;
    }
    return volume;
}

static void volume_by_grid(void **state) {
    (void)state;
    td_error err = {0};
    td_rng r = td_rng_make(3, 0, TD_RNG_TEST);
    for (int d = 1; d <= 4; d++) {
        for (int round = 0; round < 400; round++) {
            int most = d == 4 ? 10 : MOST, n = (int)td_rng_below(&r, (uint64_t)most + 1);
            double p[MOST * 4], reference[4], volume;
            random_points(&r, p, n, d);
            for (int k = 0; k < d; k++) /* some points beyond, some on the reference */
                reference[k] = round % 2 ? 8 : 1 + (double)td_rng_below(&r, 7);
            assert_ok(td_hypervolume(p, n, d, reference, &volume, &err), &err);
            assert_near(volume, grid_volume(p, n, d, reference), 1e-10);
        }
    }
}

static void volume_by_hand(void **state) {
    (void)state;
    td_error err = {0};
    double v;
    static const double two[] = {1, 3, 2, 2, 3, 1}, ref[] = {4, 4, 4, 4};
    assert_ok(td_hypervolume(two, 3, 2, ref, &v, &err), &err);
    assert_near(v, 3 + 2 + 1, 1e-15); /* 1x1 + 2x1 + 3x1 */
    static const double one[] = {3, -1, 2};
    assert_ok(td_hypervolume(one, 3, 1, ref, &v, &err), &err);
    assert_near(v, 5, 1e-15);
    static const double four[] = {1, 2, 3, 0, 0, 3, 2, 1};
    assert_ok(td_hypervolume(four, 2, 4, ref, &v, &err), &err);
    assert_near(v, 3 * 2 * 1 * 4 + 4 * 1 * 2 * 3 - 3 * 1 * 1 * 3, 1e-15);
    static const double far[] = {5, 0, 4, 0, INFINITY, 0};
    assert_ok(td_hypervolume(far, 3, 2, ref, &v, &err), &err);
    assert_near(v, 0, 0);
    assert_ok(td_hypervolume(far, 0, 2, ref, &v, &err), &err);
    assert_int_equal(td_hypervolume(two, 1, 5, ref, &v, &err), TD_E_USAGE);
    assert_int_equal(td_hypervolume(two, 1, 0, ref, &v, &err), TD_E_USAGE);
    static const double nan[] = {1, NAN}, low[] = {1, -INFINITY};
    assert_int_equal(td_hypervolume(nan, 1, 2, ref, &v, &err), TD_E_USAGE);
    assert_int_equal(td_hypervolume(low, 1, 2, ref, &v, &err), TD_E_USAGE);
    assert_int_equal(td_hypervolume(two, 1, 2, low, &v, &err), TD_E_USAGE);
}

/* Points of a sphere: no point covers another. The share of random places that are dominated is the
 * volume within a few deviations. */
static void volume_of_many(void **state) {
    (void)state;
    enum { N = 400, PLACES = 100000 };
    td_error err = {0};
    td_rng r = td_rng_make(4, 0, TD_RNG_TEST);
    static double p[N * 4];
    static const double reference[] = {1, 1, 1, 1};
    for (int d = 3; d <= 4; d++) {
        for (int i = 0; i < N; i++) {
            double length = 0;
            for (int k = 0; k < d; k++) {
                p[i * d + k] = fabs(td_rng_normal(&r));
                length += p[i * d + k] * p[i * d + k];
            }
            for (int k = 0; k < d; k++) p[i * d + k] = 1 - p[i * d + k] / sqrt(length);
        }
        double volume, start = td_time_thread_s();
        assert_ok(td_hypervolume(p, N, d, reference, &volume, &err), &err);
        assert_true(td_time_thread_s() - start < 5);
        int hits = 0;
        for (int t = 0; t < PLACES; t++) {
            double at[4];
            for (int k = 0; k < d; k++) at[k] = td_rng_uniform(&r);
            bool dominated = false;
            for (int i = 0; i < N && !dominated; i++) {
                dominated = true;
                for (int k = 0; k < d && dominated; k++) dominated = p[i * d + k] <= at[k];
            }
            hits += dominated;
        }
        assert_near(volume, (double)hits / PLACES, 6 * 0.5 / sqrt(PLACES));
    }
}

/* Point by point the volume of all of them, also where many are covered or lie on a grid. */
static void test_growing_front(void **unused) {
    (void)unused;
    td_error err = {0};
    for (int trial = 0; trial < 40; trial++) {
        td_rng r = td_rng_make(12, (uint64_t)trial, 0);
        int d = 1 + trial % 4;
        double points[60][4], rows[240], reference[] = {1, 0.9, 1, 1.1}, sum = 0;
        td_front_volume *f;
        assert_ok(td_front_volume_create(d, reference, &f, &err), &err);
        for (int i = 0; i < 60; i++) {
            double gain, whole;
            for (int k = 0; k < d; k++)
                points[i][k] =
                    trial % 8 < 4 ? 1.2 * td_rng_uniform(&r) : (double)td_rng_below(&r, 6) / 5;
            assert_ok(td_front_volume_add(f, points[i], &gain, &err), &err);
            for (int j = 0; j <= i; j++) memcpy(rows + j * d, points[j], sizeof *rows * (size_t)d);
            assert_ok(td_hypervolume(rows, i + 1, d, reference, &whole, &err), &err);
            sum += gain;
            assert_near(td_front_volume_value(f), whole, 1e-12);
            assert_near(sum, whole, 1e-12);
        }
        double nan[] = {NAN, 0, 0, 0}, gain;
        assert_ok(td_front_volume_add(f, nan, &gain, &err), &err);
        assert_true(gain == 0 && td_front_volume_points(f) <= 60);
        td_front_volume_destroy(f);
    }
    td_front_volume *none;
    assert_int_equal(td_front_volume_create(5, (double[5]){0}, &none, &err), TD_E_USAGE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_growing_front), cmocka_unit_test(front_by_definition),
        cmocka_unit_test(large_front),        cmocka_unit_test(volume_by_grid),
        cmocka_unit_test(volume_by_hand),     cmocka_unit_test(volume_of_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Fronts against the definition, crowding against numbers worked out by hand. */
#include "common.h"
#include "tandem/model.h"

static bool dominates(const double *p, const double *q, int d) {
    bool all = true, one = false;
    for (int k = 0; k < d; k++) {
        all = all && p[k] <= q[k];
        one = one || p[k] < q[k];
    }
    return all && one;
}

/* The front of a point is the length of the longest chain of points, each dominating the next, that
 * ends in it. */
static int chain(const double *p, int n, int d, int i, int *known) {
    if (known[i] >= 0) return known[i];
    int most = 0;
    for (int j = 0; j < n; j++)
        if (dominates(p + j * d, p + i * d, d)) {
            int length = 1 + chain(p, n, d, j, known);
            most = length > most ? length : most;
        }
    return known[i] = most;
}

static void fronts_are_chains(void **state) {
    (void)state;
    for (uint64_t round = 0; round < 300; round++) {
        enum { N = 40, D = 4 };
        td_rng r = td_rng_make(1, round, TD_RNG_TEST);
        int d = 1 + (int)td_rng_below(&r, D), n = (int)td_rng_below(&r, N);
        double p[N * D];
        int front[N], known[N];
        td_error err;
        for (int i = 0; i < n * d; i++) p[i] = (double)td_rng_below(&r, 6); /* ties, equal points */
        if (n > 0 && td_rng_below(&r, 3) == 0) p[0] = INFINITY;
        memset(known, -1, sizeof known);
        assert_ok(td_nondominated_sort(p, n, d, front, &err), &err);
        for (int i = 0; i < n; i++) assert_int_equal(front[i], chain(p, n, d, i, known));
    }
}

/* Two fronts of a plane. Front 0: (0, 10), (1, 4), (3, 3), (10, 0): of (1, 4) the neighbours are 3
 * apart of 10 in x and 7 of 10 in y: 1; of (3, 3) 9 and 4 of 10: 1.3. */
static void crowding_by_hand(void **state) {
    (void)state;
    const double p[] = {3, 3, 0, 10, 10, 0, 1, 4, 11, 11, 20, 5};
    const int expected[] = {0, 0, 0, 0, 1, 1};
    int front[6];
    double alone[6];
    td_error err;
    assert_ok(td_nondominated_sort(p, 6, 2, front, &err), &err);
    for (int i = 0; i < 6; i++) assert_int_equal(front[i], expected[i]);
    assert_ok(td_crowding_distance(p, 6, 2, front, alone, &err), &err);
    assert_near(alone[0], 1.3, 1e-12);
    assert_near(alone[3], 1.0, 1e-12);
    assert_true(isinf(alone[1]) && isinf(alone[2]) && isinf(alone[4]) && isinf(alone[5]));
    /* All equal: nobody stands alone but the two ends, and nothing is divided by 0. */
    const double same[] = {1, 1, 1, 1, 1, 1};
    assert_ok(td_nondominated_sort(same, 3, 2, front, &err), &err);
    assert_ok(td_crowding_distance(same, 3, 2, front, alone, &err), &err);
    assert_true(front[0] == 0 && front[1] == 0 && front[2] == 0);
    assert_true(isinf(alone[0]) && alone[1] == 0 && isinf(alone[2]));
}

static void what_is_refused(void **state) {
    (void)state;
    int front[2];
    td_error err;
    assert_int_equal(td_nondominated_sort((double[]){1, NAN}, 1, 2, front, &err), TD_E_USAGE);
    assert_int_equal(td_nondominated_sort((double[]){1, 2}, 2, 0, front, &err), TD_E_USAGE);
    assert_ok(td_nondominated_sort(NULL, 0, 2, front, &err), &err);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fronts_are_chains),
        cmocka_unit_test(crowding_by_hand),
        cmocka_unit_test(what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

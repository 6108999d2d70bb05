/* The set of asked vectors against a plain list. */
#include "common.h"

#include "../../src/search/search_asked.h"

enum { VALUES = 400, NUMBERS = 3000 };

/* Vectors of one number each. in[v]: how it must be; of[n]: what trial n was asked or told. */
static void test_against_list(void **unused) {
    (void)unused;
    td__asked set = {0};
    bool in[VALUES] = {false};
    int of[NUMBERS];
    td_rng r = td_rng_make(1, 0, TD_RNG_TEST);
    for (int n = 0; n < NUMBERS; n++) {
        double v = (double)td_rng_below(&r, VALUES);
        of[n] = (int)v;
        in[of[n]] = true;
        assert_true(td__asked_for(&set, n, &(td_choices){1, &v}));
        /* Some trial, often the last one, turns out to be another vector, or the same. */
        int told = td_rng_below(&r, 2) == 0 ? n : (int)td_rng_below(&r, (uint64_t)n + 1);
        v = td_rng_below(&r, 3) == 0 ? of[told] : (double)td_rng_below(&r, VALUES);
        td__asked_told(&set, told, &(td_choices){1, &v});
        if ((int)v != of[told]) in[of[told]] = false;
        of[told] = (int)v;
        in[of[told]] = true;
        size_t size = 0;
        for (int k = 0; k < VALUES; k++) {
            v = k;
            if (n % 50 == 0) assert_int_equal(td__asked_has(&set, &(td_choices){1, &v}), in[k]);
            size += in[k];
        }
        assert_int_equal(set.n, size);
    }
    /* A number that nothing was asked for: what it is told as counts as asked. */
    double v = VALUES;
    td__asked_told(&set, NUMBERS + 7, &(td_choices){1, &v});
    assert_true(td__asked_has(&set, &(td_choices){1, &v}));
    td__asked_free(&set);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_list)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Sets of sums of progressions against plain lists: count, next, and words that children want. */
#include "common.h"

#include "../../src/cost/cost_offsets.h"

enum { SIZE = 4096 };

static void test_against_lists(void **state) {
    (void)state;
    td_rng rng = td_rng_make(7, 0, TD_RNG_TEST), *r = &rng;
    int walked = 0;
    for (int trial = 0; trial < 4000; trial++) {
        static char in[SIZE], now[SIZE], before[SIZE];
        td__offsets a;
        memset(in, 0, sizeof in);
        in[0] = 1;
        td__offsets_clear(&a);
        int n = (int)td_rng_below(r, 5), last = 0;
        for (int i = 0; i < n; i++) {
            int step = 1 + (int)td_rng_below(r, 12), count = 2 + (int)td_rng_below(r, 5);
            td__offsets_add(&a, step, count);
            for (int x = SIZE - 1; x >= 0; x--)
                for (int k = 1; k < count && k * step <= x; k++) in[x] |= in[x - k * step];
            last += step * (count - 1);
        }
        td__offsets_normalize(&a);
        walked += !a.nested;
        int count = 0;
        int64_t next = td__offsets_next(&a, -1);
        for (int x = 0; x <= last; x++) {
            if (!in[x]) continue;
            count++;
            assert_int_equal(next, x);
            next = td__offsets_next(&a, x);
        }
        assert_true(next == INT64_MAX);
        assert_true(td__offsets_count(&a) == count);

        /* Words whose every present holder had them before. */
        int e = 1 + (int)td_rng_below(r, 20), d = (int)td_rng_below(r, 24) - 12;
        memset(now, 0, sizeof now);
        memset(before, 1, sizeof before);
        const int zero = 64;
        for (int x = 0; x <= last; x++)
            for (int k = 0; in[x] && k < e; k++) {
                int word = zero + x + k, old = word + d - (zero + x);
                now[word] = 1;
                if (old < 0 || old >= e) before[word] = 0;
            }
        int covered = 0;
        for (int x = 0; x < SIZE; x++) covered += now[x] && before[x];
        assert_true(td__offsets_covered(&a, e, d) == covered);
    }
    assert_true(walked > 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_lists)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

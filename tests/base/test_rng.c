/* Random numbers: published vectors, streams, distributions. */
#include "common.h"

#include "tandem/base.h"

/* Known answers of philox4x32-10 as published with Random123 (Salmon et al.): counter, key, result.
 */
static void known_answers(void **state) {
    (void)state;
    static const uint32_t cases[3][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d,
         0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09,
         0x94fdcceb, 0x5001e420, 0x24126ea1}};
    for (int i = 0; i < 3; i++) {
        const uint32_t *c = cases[i];
        td_rng r = td_rng_make((uint64_t)c[5] << 32 | c[4], (uint64_t)c[3] << 32 | c[2], c[1]);
        r.counter = c[0];
        for (int k = 0; k < 4; k++) assert_int_equal(td_rng_u32(&r), c[6 + k]);
    }
}

/* Streams differ in seed, trial and purpose, also beyond 2^32 blocks; a copy goes on alike. */
static void streams(void **state) {
    (void)state;
    uint64_t first[6];
    td_rng r[6] = {td_rng_make(1, 1, 1),          td_rng_make(2, 1, 1),
                   td_rng_make(1, 2, 1),          td_rng_make(1, 1, 2),
                   td_rng_make(1ULL << 40, 1, 1), td_rng_make(1, 1ULL << 40, 1)};
    for (int i = 0; i < 6; i++) first[i] = td_rng_u64(&r[i]);
    for (int i = 0; i < 6; i++)
        for (int j = 0; j < i; j++) assert_true(first[i] != first[j]);
    td_rng copy = r[0];
    for (int i = 0; i < 100; i++) assert_int_equal(td_rng_u32(&copy), td_rng_u32(&r[0]));

    td_rng far = td_rng_make(1, 1, 1);
    far.counter = 1ULL << 32;
    assert_true(td_rng_u64(&far) != first[0]);
    td_rng near = td_rng_make(1, 1, 1);
    near.counter = (1ULL << 32) - 1;
    for (int i = 0; i < 4; i++) td_rng_u32(&near);
    td_rng again = td_rng_make(1, 1, 1);
    again.counter = 1ULL << 32;
    assert_int_equal(td_rng_u64(&near), td_rng_u64(&again)); /* runs on over the word's end */
}

static void uniform_and_normal(void **state) {
    (void)state;
    enum { N = 400000, BINS = 64 };
    td_rng r = td_rng_make(5, 0, TD_RNG_TEST);
    int bin[BINS] = {0};
    double sum = 0, square = 0, cube = 0, fourth = 0;
    uint64_t low_bits = 0;
    for (int i = 0; i < N; i++) {
        double u = td_rng_uniform(&r);
        assert_true(u >= 0 && u < 1);
        bin[(int)(u * BINS)]++;
        low_bits |= (uint64_t)(u * 0x1p53);
        double z = td_rng_normal(&r);
        assert_true(isfinite(z));
        sum += z, square += z * z, cube += z * z * z, fourth += z * z * z * z;
    }
    assert_int_equal(low_bits, (1ULL << 53) - 1); /* all 53 bits are used */
    double chi = 0;
    for (int i = 0; i < BINS; i++) {
        double d = bin[i] - (double)N / BINS;
        chi += d * d / ((double)N / BINS);
    }
    assert_true(chi > 25 && chi < 115); /* 63 degrees: far beyond one in a thousand */
    assert_near(sum / N, 0, 0.008);
    assert_near(square / N, 1, 0.012);
    assert_near(cube / N, 0, 0.03);
    assert_near(fourth / N, 3, 0.08);
}

static void below_is_even(void **state) {
    (void)state;
    td_rng r = td_rng_make(6, 0, TD_RNG_TEST);
    for (uint64_t n = 1; n < 20; n++) {
        int count[20] = {0};
        for (int i = 0; i < 20000; i++) count[td_rng_below(&r, n)]++;
        for (uint64_t k = 0; k < 20; k++) {
            double mean = k < n ? 20000.0 / (double)n : 0;
            assert_near(count[k], mean, 5 * sqrt(mean));
        }
    }
    /* Without rejection a remainder would favour the first third of [0, 3 * 2^62), and the high
     * half of a product the multiples of three. */
    int third[3] = {0}, residue[3] = {0};
    for (int i = 0; i < 30000; i++) {
        uint64_t v = td_rng_below(&r, 3ULL << 62);
        third[v >> 62]++;
        residue[v % 3]++;
    }
    for (int i = 0; i < 3; i++) {
        assert_near(third[i], 10000, 420);
        assert_near(residue[i], 10000, 420);
    }
}

static void shuffles_are_even(void **state) {
    (void)state;
    td_rng r = td_rng_make(7, 0, TD_RNG_TEST);
    int count[256] = {0};
    for (int i = 0; i < 24000; i++) {
        int32_t v[4] = {0, 1, 2, 3};
        td_rng_shuffle(&r, v, 4);
        assert_int_equal(1 << v[0] | 1 << v[1] | 1 << v[2] | 1 << v[3], 15);
        count[v[0] | v[1] << 2 | v[2] << 4 | v[3] << 6]++;
    }
    int seen = 0;
    for (int i = 0; i < 256; i++) {
        if (count[i] == 0) continue;
        seen++;
        assert_near(count[i], 1000, 160);
    }
    assert_int_equal(seen, 24);
    td_rng_shuffle(&r, NULL, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),      cmocka_unit_test(streams),
        cmocka_unit_test(uniform_and_normal), cmocka_unit_test(below_is_even),
        cmocka_unit_test(shuffles_are_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

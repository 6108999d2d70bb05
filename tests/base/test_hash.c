/* The hash of store keys: fixed values, avalanche, no equal hashes where keys are alike. */
#include "common.h"

#include "tandem/base.h"

/* Stores on disk hold these; a change here makes every cache and study unreadable. */
static void values_never_change(void **state) {
    (void)state;
    assert_int_equal(td_hash("", 0, 0), 0x740ef15cce0571a9u);
    assert_int_equal(td_hash_text("tandem", 0), 0xc55dcaf68ec14a49u);
    assert_int_equal(td_hash_text("tandem", 1), 0x0f463079d15d3988u);
    assert_int_equal(td_hash_text("0123456789abcdefghij", 42), 0x28f0aeaca32a9d7au);
}

static void unaligned_data(void **state) {
    (void)state;
    char buffer[80];
    for (int at = 0; at < 16; at++) {
        memcpy(buffer + at, "the same 31 bytes at any place!", 31);
        assert_int_equal(td_hash(buffer + at, 31, 5),
                         td_hash("the same 31 bytes at any place!", 31, 5));
    }
}

/* Flipping any bit of the input or seed flips each bit of the hash with probability 1/2. */
static void avalanche(void **state) {
    (void)state;
    enum { TRIALS = 4000 };
    td_rng r = td_rng_make(8, 0, TD_RNG_TEST);
    const int lengths[] = {1, 4, 8, 13, 32};
    for (int l = 0; l < 5; l++) {
        int n = lengths[l];
        for (int bit = -64; bit<n * 8; bit += n> 8 ? 7 : 1) {
            int flips[64] = {0};
            for (int t = 0; t < TRIALS; t++) {
                unsigned char data[32];
                for (int i = 0; i < n; i++) data[i] = (unsigned char)td_rng_u32(&r);
                uint64_t seed = td_rng_u64(&r), h = td_hash(data, (size_t)n, seed);
                if (bit < 0)
                    seed ^= (uint64_t)1 << (bit + 64);
                else
                    data[bit / 8] = (unsigned char)(data[bit / 8] ^ 1 << bit % 8);
                h ^= td_hash(data, (size_t)n, seed);
                for (int k = 0; k < 64; k++) flips[k] += (int)(h >> k & 1);
            }
            /* 4000 trials: deviation 0.8 %; ten thousand counts stay within six of them */
            for (int k = 0; k < 64; k++)
                if (abs(flips[k] - TRIALS / 2) > 190)
                    fail_msg("length %d, bit %d -> %d: %d of %d", n, bit, k, flips[k], TRIALS);
        }
    }
}

static int by_value(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void assert_all_differ(uint64_t *h, size_t n) {
    qsort(h, n, sizeof *h, by_value);
    for (size_t i = 1; i < n; i++)
        if (h[i] == h[i - 1]) fail_msg("two of %zu hashes are equal: %016lx", n, h[i]);
}

/* Vectors of small integers and their permutations, as choices are; zero bytes of any number. */
static void alike_inputs_differ(void **state) {
    (void)state;
    enum { BASE = 8, WORDS = 6, N = 262144 };
    uint64_t *h = malloc(sizeof *h * N);
    assert_non_null(h);
    for (int i = 0; i < N; i++) {
        int64_t word[WORDS];
        for (int k = 0, rest = i; k < WORDS; k++, rest /= BASE) word[k] = rest % BASE;
        h[i] = td_hash(word, sizeof word, 0);
    }
    assert_all_differ(h, N);
    for (int i = 0; i < N; i++) { /* the same as doubles */
        double word[WORDS];
        for (int k = 0, rest = i; k < WORDS; k++, rest /= BASE) word[k] = rest % BASE;
        h[i] = td_hash(word, sizeof word, 0);
    }
    assert_all_differ(h, N);
    static const char zeros[1000];
    for (int i = 0; i < 1000; i++) h[i] = td_hash(zeros, (size_t)i, 0);
    for (int i = 0; i < 1000; i++) h[1000 + i] = td_hash(zeros, 8, (uint64_t)i + 1);
    assert_all_differ(h, 2000);
    /* Chained: the parts and their order matter. */
    uint64_t ab = td_hash_text("b", td_hash_text("a", 0)),
             ba = td_hash_text("a", td_hash_text("b", 0));
    assert_true(ab != ba && ab != td_hash_text("ab", 0));
    free(h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_never_change),
        cmocka_unit_test(unaligned_data),
        cmocka_unit_test(avalanche),
        cmocka_unit_test(alike_inputs_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

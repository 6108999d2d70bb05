/* The 64-bit hash of store and cache keys. It must never change: stores on disk hold its values
 * (tests/base/test_hash.c pins some).
 *
 * The bytes are taken as little-endian words of 8. Each word is scrambled by a bijection (odd
 * multiplier, rotation, odd multiplier) and joined to the state by another bijection of the state
 * (exclusive or, rotation, odd multiplier, addition): no word can be absorbed, equal-length inputs
 * that differ in one word never meet, and the order of words matters. The byte count joins at the
 * end, so that zero padding of the last word cannot make two inputs equal, and two rounds of
 * xor-shift and multiply spread every bit over the result. The multipliers are the fractional bits
 * of the golden ratio and of the square roots of 3, 5 and 7 (all odd). */
#include <endian.h>
#include <string.h>

#include "tandem/base.h"

static const uint64_t K0 = 0x9e3779b97f4a7c15u, K1 = 0xbb67ae8584caa73bu, K2 = 0x3c6ef372fe94f82bu,
                      K3 = 0xa54ff53a5f1d36f1u;

static uint64_t rotate(uint64_t x, int k) {
    return x << k | x >> (64 - k);
}

static uint64_t join(uint64_t h, uint64_t word) {
    word = rotate(word * K0, 31) * K1;
    return rotate(h ^ word, 27) * K3 + K2;
}

uint64_t td_hash(const void *data, size_t n, uint64_t seed) {
    const unsigned char *p = data;
    uint64_t h = (seed ^ K2) * K0;
    h ^= h >> 32;
    size_t left = n;
    for (; left >= 8; left -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        h = join(h, le64toh(word));
    }
    if (left > 0) {
        uint64_t word = 0;
        memcpy(&word, p, left);
        h = join(h, le64toh(word));
    }
    h ^= (uint64_t)n * K3;
    h = (h ^ h >> 32) * K1;
    h = (h ^ h >> 29) * K0;
    return h ^ h >> 32;
}

uint64_t td_hash_text(const char *s, uint64_t seed) {
    return td_hash(s, strlen(s), seed);
}

/* Philox 4x32-10: J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1,
 * 2, 3", SC 2011, section 3.3 and table 2. Ten rounds of a 32x32 -> 64 bit multiplication network
 * over a 128-bit counter, under a 64-bit key that grows by a Weyl step each round. */
#include <string.h>

#include "tandem/base.h"

static void philox(const uint32_t counter[4], uint64_t seed, uint32_t out[4]) {
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++, k0 += 0x9e3779b9u, k1 += 0xbb67ae85u) {
        uint64_t p0 = (uint64_t)0xd2511f53u * c0, p1 = (uint64_t)0xcd9e8d57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

static uint32_t reverse_bits(uint32_t x) {
    x = (x & 0x55555555u) << 1 | (x >> 1 & 0x55555555u);
    x = (x & 0x33333333u) << 2 | (x >> 2 & 0x33333333u);
    x = (x & 0x0f0f0f0fu) << 4 | (x >> 4 & 0x0f0f0f0fu);
    return __builtin_bswap32(x);
}

/* The 128-bit counter holds block (64 bits), purpose (32) and trial (64): 32 too many. Purposes
 * grow from the low end of their word and the upper half of the block number from the high end, so
 * they meet only with more than 2^16 purposes and 2^48 blocks. */
static void refill(td_rng *r) {
    uint32_t counter[4] = {(uint32_t)r->counter,
                           r->purpose ^ reverse_bits((uint32_t)(r->counter >> 32)),
                           (uint32_t)r->trial, (uint32_t)(r->trial >> 32)};
    philox(counter, r->seed, r->buffer);
    r->counter++;
    r->have = 4;
}

td_rng td_rng_make(uint64_t seed, uint64_t trial, uint32_t purpose) {
    return (td_rng){.seed = seed, .trial = trial, .purpose = purpose};
}

uint32_t td_rng_u32(td_rng *r) {
    if (r->have == 0) refill(r);
    return r->buffer[4 - r->have--];
}

uint64_t td_rng_u64(td_rng *r) {
    uint64_t low = td_rng_u32(r);
    return (uint64_t)td_rng_u32(r) << 32 | low;
}

double td_rng_uniform(td_rng *r) {
    return (double)(td_rng_u64(r) >> 11) * 0x1p-53;
}

/* D. Lemire, "Fast random integer generation in an interval", 2019: the high half of a product is
 * even over [0, n) once the few low halves below 2^64 mod n are thrown away. */
uint64_t td_rng_below(td_rng *r, uint64_t n) {
    if (n == 0) return 0;
    unsigned __int128 product = (unsigned __int128)td_rng_u64(r) * n;
    if ((uint64_t)product < n) {
        uint64_t threshold = (0 - n) % n;
        while ((uint64_t)product < threshold) product = (unsigned __int128)td_rng_u64(r) * n;
    }
    return (uint64_t)(product >> 64);
}

/* Box-Muller, without keeping the second value: a stream's state stays its counter. */
double td_rng_normal(td_rng *r) {
    double radius = sqrt(-2 * log(1 - td_rng_uniform(r)));
    return radius * cos(2 * M_PI * td_rng_uniform(r));
}

void td_rng_shuffle(td_rng *r, int32_t *v, int n) {
    for (int i = n - 1; i > 0; i--) {
        int j = (int)td_rng_below(r, (uint64_t)i + 1);
        int32_t t = v[i];
        v[i] = v[j];
        v[j] = t;
    }
}

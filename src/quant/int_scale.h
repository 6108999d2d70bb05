/* int_scale.h - a real factor as integers: sums become words by a product and a shift. */
#ifndef TANDEM_QUANT_INT_SCALE_H
#define TANDEM_QUANT_INT_SCALE_H

#include <math.h>
#include <stdint.h>

/* x 2^-shift times the multiplier, which has 31 bits. */
typedef struct {
    int64_t multiplier;
    int shift;
} td__scale;

/* factor >= 0. Beyond 2^31 every word but 0 is out of bounds anyway, below 2^-62 every sum is 0. */
static inline td__scale td__scale_of(double factor) {
    int exponent;
    double part = frexp(factor, &exponent); /* in [0.5, 1) */
    td__scale s = {(int64_t)nearbyint(ldexp(part, 31)), 31 - exponent};
    if (s.shift < 0) return (td__scale){INT32_MAX, 0};
    if (s.shift > 93) return (td__scale){0, 0};
    return s;
}

/* x / 2^shift to the nearest, ties to even. */
static inline int64_t td__round_shift(__int128 x, int shift) {
    if (shift == 0) return (int64_t)x;
    __int128 one = (__int128)1 << shift, half = one / 2, down = x >> shift, rest = x - down * one;
    return (int64_t)(down + (rest > half || (rest == half && (down & 1) != 0)));
}

static inline int64_t td__scaled(int64_t x, td__scale s) {
    return td__round_shift((__int128)x * s.multiplier, s.shift);
}

#endif

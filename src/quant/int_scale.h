/* int_scale.h - a real factor as integers: sums become words by a product and a shift. */
#ifndef TANDEM_QUANT_INT_SCALE_H
#define TANDEM_QUANT_INT_SCALE_H

#include <math.h>
#include <stdint.h>

/* x multiplier / 2^shift; the multiplier has 31 bits, the shift is 1 to 93. */
typedef struct {
    int32_t multiplier, shift;
} td__scale;

/* factor >= 0. From 2^30 on every word but 0 is out of bounds, below 2^-62 every sum is 0. */
static inline td__scale td__scale_of(double factor) {
    int exponent;
    double part = nearbyint(ldexp(frexp(factor, &exponent), 31)); /* 2^30 to 2^31 */
    if (part > INT32_MAX) {
        part /= 2;
        exponent++;
    }
    if (exponent > 30) return (td__scale){INT32_MAX, 1};
    if (exponent < -62) return (td__scale){0, 1};
    return (td__scale){(int32_t)part, 31 - exponent};
}

/* The product to the nearest, ties to even. */
static inline int64_t td__scaled(int64_t x, td__scale s) {
    __int128 product = (__int128)x * s.multiplier, half = (__int128)1 << (s.shift - 1);
    return (int64_t)((product + half - 1 + ((product >> s.shift) & 1)) >> s.shift);
}

#endif

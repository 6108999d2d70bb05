/* range.h - ranges of values from what was seen of them, and scales from ranges. */
#ifndef TANDEM_QUANT_RANGE_H
#define TANDEM_QUANT_RANGE_H

#include "tandem/quant.h"

/* How often words of a value fell into equal bins from lo to hi. */
enum { TD__BINS = 2048 };
typedef struct {
    float lo, hi; /* lo > hi: nothing was seen */
    int64_t count[TD__BINS];
} td__seen;

/* Words of `bits` bits for [lo, hi], widened to hold 0, which is a word itself: the zero point is
 * rounded, so the range moves by half a step at most. */
td_quant td__quant_of(double lo, double hi, int bits);
/* The word nearest to x, ties to even, as QuantizeLinear rounds. */
int32_t td__quant_word(const td_quant *q, float x);
static inline int32_t td__quant_least(const td_quant *q) {
    return -(1 << (q->bits - 1));
}
static inline int32_t td__quant_most(const td_quant *q) {
    return (1 << (q->bits - 1)) - 1;
}
static inline float td__quant_real(const td_quant *q, int32_t word) {
    return (float)(word - q->zero) * q->scale;
}

/* Bounds by a rule, within what was seen. */
void td__range_choose(const td__seen *s, const td_calibration *c, int bits, float *lo, float *hi);

#endif

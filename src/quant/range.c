#include "range.h"

#include <math.h>
#include <string.h>

static const char *const rule_name[] = {"minmax", "percentile", "mse"};

const char *td_range_rule_name(td_range_rule r) {
    return rule_name[r];
}

bool td_range_rule_parse(const char *s, td_range_rule *out) {
    for (int i = 0; i < 3; i++)
        if (strcmp(s, rule_name[i]) == 0) {
            *out = (td_range_rule)i;
            return true;
        }
    return false;
}

void td_calibration_default(td_calibration *c) {
    *c = (td_calibration){.rule = TD_RANGE_MSE, .percentile = 99.99, .images = 1000};
}

/* ---- scales ---------------------------------------------------------------------------------- */

td_quant td__quant_of(double lo, double hi, int bits) {
    td_quant q = {.scale = 1, .zero = 0, .bits = (uint8_t)bits};
    lo = fmin(lo, 0);
    hi = fmax(hi, 0);
    float scale = (float)((hi - lo) / ((1 << bits) - 1));
    if (scale < 1e-30F || !isfinite(scale)) return q; /* nothing but zeros */
    double least = td__quant_least(&q), zero = nearbyint(least - lo / (double)scale);
    q.scale = scale;
    q.zero = (int32_t)fmax(least, fmin(zero, td__quant_most(&q)));
    return q;
}

int32_t td__quant_word(const td_quant *q, float x) {
    float least = (float)(td__quant_least(q) - q->zero),
          most = (float)(td__quant_most(q) - q->zero);
    float word = nearbyintf(x / q->scale);
    return q->zero + (int32_t)(word > least ? (word < most ? word : most) : least);
}

/* ---- bounds of values ------------------------------------------------------------------------ */

static double bin_width(const td__seen *s) {
    return ((double)s->hi - (double)s->lo) / TD__BINS;
}

/* Drops bins from either end while they hold no more than the part of the words that may be
 * outside. */
static void by_percentile(const td__seen *s, double percentile, float *lo, float *hi) {
    double total = 0, width = bin_width(s);
    for (int i = 0; i < TD__BINS; i++) total += (double)s->count[i];
    double outside = total * (1 - percentile / 100) / 2, below = 0, above = 0;
    int first = 0, last = TD__BINS - 1;
    while (first < last && below + (double)s->count[first] <= outside)
        below += (double)s->count[first++];
    while (last > first && above + (double)s->count[last] <= outside)
        above += (double)s->count[last--];
    *lo = (float)((double)s->lo + first * width);
    *hi = (float)((double)s->lo + (last + 1) * width);
}

/* Sum of squared differences of the bins' centres from the words that stand for them. */
static double squared_error(const td__seen *s, double lo, double hi, int bits) {
    td_quant q = td__quant_of(lo, hi, bits);
    double width = bin_width(s), sum = 0;
    for (int i = 0; i < TD__BINS; i++) {
        if (s->count[i] == 0) continue;
        float x = (float)((double)s->lo + (i + 0.5) * width);
        double e = (double)(x - td__quant_real(&q, td__quant_word(&q, x)));
        sum += e * e * (double)s->count[i];
    }
    return sum;
}

/* Either bound in turn, as a part of what was seen. */
static void by_error(const td__seen *s, int bits, float *lo, float *hi) {
    enum { STEPS = 100, ROUNDS = 2 };
    double bound[2] = {fmin((double)s->lo, 0), fmax((double)s->hi, 0)};
    const double whole[2] = {bound[0], bound[1]};
    double best = squared_error(s, bound[0], bound[1], bits);
    for (int round = 0; round < ROUNDS; round++)
        for (int side = 0; side < 2; side++)
            for (int k = 1; k < STEPS && whole[side] != 0; k++) {
                double tried[2] = {bound[0], bound[1]};
                tried[side] = whole[side] * k / STEPS;
                double error = squared_error(s, tried[0], tried[1], bits);
                if (error >= best) continue;
                best = error;
                bound[side] = tried[side];
            }
    *lo = (float)bound[0];
    *hi = (float)bound[1];
}

void td__range_choose(const td__seen *s, const td_calibration *c, int bits, float *lo, float *hi) {
    *lo = s->lo;
    *hi = s->hi;
    if (!(s->lo < s->hi)) return;
    if (c->rule == TD_RANGE_PERCENTILE) by_percentile(s, c->percentile, lo, hi);
    if (c->rule == TD_RANGE_MSE) by_error(s, bits, lo, hi);
}

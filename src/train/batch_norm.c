#include "batch_norm.h"

#include <stdlib.h>
#include <string.h>

#include "simd.h"

/* Each works on whole stretches of bn->period words. */
struct td__bn_functions {
    void (*stats)(const td__bn *bn, const void *x, int64_t groups);
    void (*apply)(const td__bn *bn, const void *x, void *y, int64_t groups);
    void (*reduce)(const td__bn *bn, const void *x, const void *dy, int64_t groups);
    void (*input)(const td__bn *bn, const void *x, const void *dy, void *dx, int64_t groups);
};

#define TD__BODY "batch_norm_body.h"
#include "simd_variants.h"

static const struct td__bn_functions *pick(td_number number) {
    static const struct td__bn_functions *const table[TD__SIMD_LEVELS][2] = {
        {&functions_f32_0, &functions_bf16_0},
#if TD__SIMD_LEVELS > 1
        {&functions_f32_1, &functions_bf16_1},
        {&functions_f32_2, &functions_bf16_2},
#endif
    };
    return table[td__simd_level()][number == TD_BF16];
}

bool td__bn_fuses(td_op act) {
    return act == TD_OP_RELU || act == TD_OP_RELU6 || act == TD_OP_HSWISH;
}

static int64_t gcd(int64_t a, int64_t b) {
    while (b != 0) {
        int64_t t = a % b;
        a = b;
        b = t;
    }
    return a;
}

td_status td__bn_init(td__bn *bn, int32_t c, td_number number, td_op act, td_error *err) {
    memset(bn, 0, sizeof *bn);
    bn->c = c;
    bn->number = number;
    bn->act = act;
    bn->fn = pick(number);
    bn->period = c / gcd(c, TD__LANES) * TD__LANES;
    size_t n = (size_t)bn->period;
    /* Stretches of a tail are copied to a buffer of one period: three of them, as wide as floats.
     */
    bn->a = aligned_alloc(64, sizeof(float) * n * 11);
    bn->sum1 = calloc(2 * (size_t)c, sizeof *bn->sum1);
    bn->inv_std = calloc((size_t)c, sizeof *bn->inv_std);
    if (bn->a == NULL || bn->sum1 == NULL || bn->inv_std == NULL) {
        td__bn_free(bn);
        return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    memset(bn->a, 0, sizeof(float) * n * 11);
    float **p[] = {&bn->b, &bn->mean, &bn->c0, &bn->c1, &bn->pivot, &bn->part1, &bn->part2};
    for (size_t i = 0; i < sizeof p / sizeof p[0]; i++) *p[i] = bn->a + n * (i + 1);
    bn->sum2 = bn->sum1 + c;
    return TD_OK;
}

void td__bn_free(td__bn *bn) {
    free(bn->a);
    free(bn->sum1);
    free(bn->inv_std);
    memset(bn, 0, sizeof *bn);
}

/* ---- sums ------------------------------------------------------------------------------------ */

static void clear(td__bn *bn) {
    memset(bn->sum1, 0, sizeof(double) * 2 * (size_t)bn->c);
    bn->count = 0;
}

void td__bn_begin(td__bn *bn) {
    clear(bn);
    bn->have_pivot = false;
}

void td__bn_begin_reduce(td__bn *bn) {
    clear(bn);
}

/* part1, part2 -> sum1, sum2 */
static void flush(td__bn *bn) {
    for (int64_t j = 0; j < bn->period; j += bn->c)
        for (int32_t c = 0; c < bn->c; c++) {
            bn->sum1[c] += (double)bn->part1[j + c];
            bn->sum2[c] += (double)bn->part2[j + c];
        }
    memset(bn->part1, 0, sizeof(float) * 2 * (size_t)bn->period);
}

/* Words of a whole number of stretches that floats may add up: 256 terms per lane, and about what
 * the first-level cache holds. */
static int64_t stretch_groups(const td__bn *bn) {
    int64_t g = 4096 / bn->period;
    return g < 1 ? 1 : g > 256 ? 256 : g;
}

static float *tail_buffer(const td__bn *bn, int i) {
    return bn->a + bn->period * (8 + i);
}

static const char *at(const td__bn *bn, const void *p, int64_t word) {
    return (const char *)p + word * (bn->number == TD_BF16 ? 2 : 4);
}

static void expand(const td__bn *bn, float *v) {
    for (int64_t j = bn->c; j < bn->period; j += bn->c)
        memcpy(v + j, v, sizeof(float) * (size_t)bn->c);
}

void td__bn_stats(td__bn *bn, const void *x, int64_t words) {
    if (!bn->have_pivot) {
        for (int32_t c = 0; c < bn->c; c++)
            bn->pivot[c] = bn->number == TD_BF16 ? td__bf16_to(((const uint16_t *)x)[c])
                                                 : ((const float *)x)[c];
        expand(bn, bn->pivot);
        bn->have_pivot = true;
    }
    int64_t groups = words / bn->period, step = stretch_groups(bn), g = 0;
    for (int k = 0; g < groups; g += step) {
        int64_t n = groups - g < step ? groups - g : step;
        bn->fn->stats(bn, at(bn, x, g * bn->period), n);
        if (++k % 16 == 0) flush(bn);
    }
    flush(bn);
    int64_t done = groups * bn->period;
    for (int64_t i = done; i < words; i++) {
        int32_t c = (int32_t)((i - done) % bn->c);
        float v =
            bn->number == TD_BF16 ? td__bf16_to(((const uint16_t *)x)[i]) : ((const float *)x)[i];
        double d = (double)(v - bn->pivot[c]);
        bn->sum1[c] += d;
        bn->sum2[c] += d * d;
    }
    bn->count += words / bn->c;
}

void td__bn_reduce(td__bn *bn, const void *x, const void *dy, int64_t words) {
    int64_t groups = words / bn->period, step = stretch_groups(bn), g = 0;
    for (int k = 0; g < groups; g += step) {
        int64_t n = groups - g < step ? groups - g : step;
        bn->fn->reduce(bn, at(bn, x, g * bn->period), at(bn, dy, g * bn->period), n);
        if (++k % 16 == 0) flush(bn);
    }
    int64_t done = groups * bn->period, left = words - done;
    if (left > 0) {
        /* Zero gradients behind the tail add nothing. */
        size_t bytes = (size_t)(at(bn, x, left) - (const char *)x);
        void *tx = tail_buffer(bn, 0), *td = tail_buffer(bn, 1);
        memset(td, 0, sizeof(float) * (size_t)bn->period);
        memcpy(tx, at(bn, x, done), bytes);
        memcpy(td, at(bn, dy, done), bytes);
        bn->fn->reduce(bn, tx, td, 1);
    }
    flush(bn);
    bn->count += words / bn->c;
}

/* ---- coefficients ---------------------------------------------------------------------------- */

static void coefficients(td__bn *bn, const td_layer_params_t *p, int32_t c, double mean, double var,
                         double eps) {
    double r = 1 / sqrt(var + eps), a = (double)p->scale[c] * r;
    bn->inv_std[c] = (float)r;
    bn->mean[c] = (float)mean;
    bn->a[c] = (float)a;
    bn->b[c] = (float)((double)p->shift[c] - a * mean);
}

void td__bn_finish_stats(td__bn *bn, const td_layer_params_t *p, float eps, double momentum) {
    double n = (double)bn->count;
    for (int32_t c = 0; c < bn->c; c++) {
        double d = bn->sum1[c] / n, mean = (double)bn->pivot[c] + d;
        double var = bn->sum2[c] / n - d * d;
        if (var < 0) var = 0;
        coefficients(bn, p, c, mean, var, (double)eps);
        double unbiased = n > 1 ? var * n / (n - 1) : var;
        p->mean[c] = (float)((1 - momentum) * (double)p->mean[c] + momentum * mean);
        p->var[c] = (float)((1 - momentum) * (double)p->var[c] + momentum * unbiased);
    }
    expand(bn, bn->a);
    expand(bn, bn->b);
    expand(bn, bn->mean);
}

void td__bn_use_stored(td__bn *bn, const td_layer_params_t *p, float eps) {
    for (int32_t c = 0; c < bn->c; c++)
        coefficients(bn, p, c, (double)p->mean[c], (double)p->var[c], (double)eps);
    expand(bn, bn->a);
    expand(bn, bn->b);
}

void td__bn_finish_reduce(td__bn *bn, const td_layer_params_t *gradient) {
    double n = (double)bn->count;
    for (int32_t c = 0; c < bn->c; c++) {
        double r = (double)bn->inv_std[c], a = (double)bn->a[c];
        double c1 = -a * r * r * bn->sum2[c] / n;
        bn->c1[c] = (float)c1;
        bn->c0[c] = (float)(-a * bn->sum1[c] / n - c1 * (double)bn->mean[c]);
        gradient->scale[c] = (float)(r * bn->sum2[c]);
        gradient->shift[c] = (float)bn->sum1[c];
    }
    expand(bn, bn->c0);
    expand(bn, bn->c1);
}

/* ---- maps ------------------------------------------------------------------------------------ */

void td__bn_apply(const td__bn *bn, const void *x, void *y, int64_t words) {
    int64_t groups = words / bn->period, done = groups * bn->period, left = words - done;
    bn->fn->apply(bn, x, y, groups);
    if (left == 0) return;
    size_t bytes = (size_t)(at(bn, x, left) - (const char *)x);
    void *tail = tail_buffer(bn, 0);
    memcpy(tail, at(bn, x, done), bytes);
    bn->fn->apply(bn, tail, tail, 1);
    memcpy((char *)y + (at(bn, x, done) - (const char *)x), tail, bytes);
}

void td__bn_input(const td__bn *bn, const void *x, const void *dy, void *dx, int64_t words) {
    int64_t groups = words / bn->period, done = groups * bn->period, left = words - done;
    bn->fn->input(bn, x, dy, dx, groups);
    if (left == 0) return;
    size_t bytes = (size_t)(at(bn, x, left) - (const char *)x);
    void *tx = tail_buffer(bn, 0), *td = tail_buffer(bn, 1);
    memcpy(tx, at(bn, x, done), bytes);
    memcpy(td, at(bn, dy, done), bytes);
    bn->fn->input(bn, tx, td, td, 1);
    memcpy((char *)dx + (at(bn, x, done) - (const char *)x), td, bytes);
}

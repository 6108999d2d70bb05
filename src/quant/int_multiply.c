/* Steps that multiply by weights: sums of products of 16-bit words in 32 bits, which every
 * processor does exactly, and many at a time. Bodies are compiled for any processor and for AVX2.
 * They may read, not write, up to TD__TERMS words behind a row: memory has room for that. */
#include <string.h>

#include "int_net.h"

/* Vectors stay within the functions of this file, so their ABI does not matter. */
#pragma GCC diagnostic ignored "-Wpsabi"
#define INLINE static inline __attribute__((always_inline))

enum {
    PIXELS = 2,
    CHANNELS = 4,
    MOST = 64, /* channels whose sums are kept at a time */
    LANES = 4  /* as many comparisons of 64 bits as a processor does at once */
};
typedef int16_t words __attribute__((vector_size(2 * LANES)));
typedef int32_t sums __attribute__((vector_size(4 * LANES)));
typedef int64_t wide __attribute__((vector_size(8 * LANES)));
typedef uint64_t uwide __attribute__((vector_size(8 * LANES)));

INLINE sums load(const void *from) {
    sums v;
    memcpy(&v, from, sizeof v);
    return v;
}

/* Sums of channels k to k + n - 1 as words: td__scaled of sum and offset, which together fit 32
 * bits, with shifts of positive words only, which more processors have: 2^62 is added before them
 * and taken off again. Ties stay even as long as the shift is at most 61. */
INLINE void make_words(const td__step *s, int32_t k, int32_t n, const int32_t *sum, int16_t *y) {
    const uwide up = (uwide){0} + (UINT64_C(1) << 62), one = (uwide){0} + 1;
    const wide zero = (wide){0} + s->made.zero, least = (wide){0} + s->least,
               most = (wide){0} + s->most;
    for (int32_t j = 0; j < n; j += LANES) {
        wide total = __builtin_convertvector(load(sum + j) + load(s->offset + k + j), wide);
        wide multiplier = __builtin_convertvector(load(s->multiplier + k + j), wide);
        uwide shift = __builtin_convertvector(load(s->shift + k + j), uwide);
        uwide product = (uwide)(total * multiplier) + up, odd = product >> shift & one;
        wide word = (wide)((product + (one << (shift - one)) - one + odd) >> shift) -
                    (wide)(up >> shift) + zero;
        wide low = word<least, high = word> most;
        word = (word & ~(low | high)) | (least & low) | (most & high);
        words w = __builtin_convertvector(__builtin_convertvector(word, sums), words);
        memcpy(y + j, &w, n - j < LANES ? (size_t)(n - j) * sizeof *y : sizeof w);
    }
}

/* ---- dense ----------------------------------------------------------------------------------- */

/* All products of two rows of words and four rows of weights; n is a multiple of TD__TERMS. */
INLINE void multiply(const int16_t *restrict x, const int16_t *restrict w, int64_t n,
                     int32_t *restrict sum) {
    const int16_t *restrict x1 = x + n;
    const int16_t *restrict w1 = w + n, *restrict w2 = w1 + n, *restrict w3 = w2 + n;
    int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
    for (int64_t j = 0; j < n; j++) {
        a0 += x[j] * w[j];
        a1 += x[j] * w1[j];
        a2 += x[j] * w2[j];
        a3 += x[j] * w3[j];
        b0 += x1[j] * w[j];
        b1 += x1[j] * w1[j];
        b2 += x1[j] * w2[j];
        b3 += x1[j] * w3[j];
    }
    sum[0] = a0;
    sum[1] = a1;
    sum[2] = a2;
    sum[3] = a3;
    sum[MOST] = b0;
    sum[MOST + 1] = b1;
    sum[MOST + 2] = b2;
    sum[MOST + 3] = b3;
}

/* The words under the window of output pixel (p, q), of one group. */
static void gather(const td__step *s, const int16_t *x, int32_t p, int32_t q, int32_t group,
                   int16_t *row) {
    const td_layer *l = s->layer;
    if (l->op == TD_OP_FC) {
        memcpy(row, x, (size_t)s->in.c * (size_t)s->in.h * (size_t)s->in.w * sizeof *row);
        return;
    }
    int32_t n = s->in.c / l->groups;
    for (int32_t r = 0; r < l->kernel[0]; r++)
        for (int32_t t = 0; t < l->kernel[1]; t++, row += n) {
            int64_t h = (int64_t)p * l->stride[0] - l->pad[0] + (int64_t)r * l->dilation[0];
            int64_t w = (int64_t)q * l->stride[1] - l->pad[1] + (int64_t)t * l->dilation[1];
            if (h >= 0 && h < s->in.h && w >= 0 && w < s->in.w) {
                memcpy(row, x + (h * s->in.w + w) * s->in.c + (int64_t)group * n,
                       (size_t)n * sizeof *row);
                continue;
            }
            for (int32_t c = 0; c < n; c++) row[c] = (int16_t)s->read[0].zero;
        }
}

INLINE void dense(const td__step *s, const int16_t *x, int16_t *y, int16_t *row) {
    int32_t groups = s->layer->op == TD_OP_FC ? 1 : s->layer->groups, channels = s->out.c / groups;
    int32_t padded = (channels + CHANNELS - 1) / CHANNELS * CHANNELS;
    int64_t pixels = (int64_t)s->out.h * s->out.w;
    int32_t sum[PIXELS * MOST];
    for (int32_t g = 0; g < groups; g++)
        for (int64_t at = 0; at < pixels; at += PIXELS) {
            int n = pixels - at < PIXELS ? (int)(pixels - at) : PIXELS;
            for (int i = 0; i < n; i++)
                gather(s, x, (int32_t)((at + i) / s->out.w), (int32_t)((at + i) % s->out.w), g,
                       row + i * s->terms);
            const int16_t *w = s->weight + (int64_t)g * padded * s->terms;
            for (int32_t k = 0; k < padded; k += MOST) {
                int32_t some = padded - k < MOST ? padded - k : MOST;
                for (int32_t j = 0; j < some; j += CHANNELS)
                    multiply(row, w + (k + j) * s->terms, s->terms, sum + j);
                if (some > channels - k) some = channels - k;
                for (int i = 0; i < n; i++)
                    make_words(s, g * channels + k, some, sum + i * MOST,
                               y + (at + i) * s->out.c + g * channels + k);
            }
        }
}

/* ---- depthwise ------------------------------------------------------------------------------- */

/* Words of one pixel under one tap of the window, of some channels, or of padding. */
INLINE const int16_t *tap(const td__step *s, const int16_t *x, const int16_t *padding, int32_t p,
                          int32_t q, int32_t r, int32_t t) {
    const td_layer *l = s->layer;
    int64_t h = (int64_t)p * l->stride[0] - l->pad[0] + (int64_t)r * l->dilation[0];
    int64_t w = (int64_t)q * l->stride[1] - l->pad[1] + (int64_t)t * l->dilation[1];
    bool inside = h >= 0 && h < s->in.h && w >= 0 && w < s->in.w;
    return inside ? x + (h * s->in.w + w) * s->in.c : padding;
}

INLINE void add_products(const int16_t *restrict x, const int16_t *restrict w, int32_t n,
                         int32_t *restrict sum) {
    for (int32_t c = 0; c < n; c += TD__TERMS)
        for (int32_t i = c; i < c + TD__TERMS; i++) sum[i] += x[i] * w[i];
}

INLINE void depthwise(const td__step *s, const int16_t *x, int16_t *y, int16_t *row) {
    const td_layer *l = s->layer;
    int32_t sum[MOST], c = s->out.c;
    for (int32_t k = 0; k < c; k++) row[k] = (int16_t)s->read[0].zero;
    for (int32_t p = 0; p < s->out.h; p++)
        for (int32_t q = 0; q < s->out.w; q++, y += c)
            for (int32_t k = 0; k < c; k += MOST) {
                int32_t n = c - k < MOST ? c - k : MOST;
                memset(sum, 0, sizeof sum);
                for (int32_t r = 0; r < l->kernel[0]; r++)
                    for (int32_t t = 0; t < l->kernel[1]; t++)
                        add_products(tap(s, x, row, p, q, r, t) + k,
                                     s->weight + (r * l->kernel[1] + t) * (int64_t)c + k, n, sum);
                make_words(s, k, n, sum, y + k);
            }
}

/* ---- variants --------------------------------------------------------------------------------
 */

typedef void run(const td__step *s, const int16_t *x, int16_t *y, int16_t *row);

#define VARIANT(name, attribute)                                                                   \
    attribute static void dense_##name(const td__step *s, const int16_t *x, int16_t *y,            \
                                       int16_t *row) {                                             \
        dense(s, x, y, row);                                                                       \
    }                                                                                              \
    attribute static void depthwise_##name(const td__step *s, const int16_t *x, int16_t *y,        \
                                           int16_t *row) {                                         \
        depthwise(s, x, y, row);                                                                   \
    }
VARIANT(any, )
#if defined(__x86_64__)
VARIANT(avx2, __attribute__((target("avx2"))))
#endif

void td__step_multiply(const td__step *s, const int16_t *x, int16_t *y, int16_t *row) {
    run *f = s->kind == TD__DENSE ? dense_any : depthwise_any;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) f = s->kind == TD__DENSE ? dense_avx2 : depthwise_avx2;
#endif
    f(s, x, y, row);
}

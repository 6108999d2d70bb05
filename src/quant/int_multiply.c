/* Steps that multiply by weights: sums of products of 16-bit words in 32 bits, which every
 * processor does exactly, and many at a time. Bodies are compiled once for any processor and once
 * for AVX2. */
#include <string.h>

#include "int_net.h"

#define INLINE static inline __attribute__((always_inline))

static int16_t word_of(const td__step *s, int32_t k, int64_t sum) {
    int64_t word = s->made.zero + td__scaled(sum + s->offset[k], s->scale[k]);
    return (int16_t)(word < s->least ? s->least : word > s->most ? s->most : word);
}

/* ---- dense ----------------------------------------------------------------------------------- */

enum { PIXELS = 2, CHANNELS = 4 };

/* Of two rows of words and four rows of weights all products; n is a multiple of TD__TERMS. */
INLINE void products(const int16_t *restrict x, const int16_t *restrict w, int64_t n,
                     int32_t sum[PIXELS * CHANNELS]) {
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
    sum[4] = b0;
    sum[5] = b1;
    sum[6] = b2;
    sum[7] = b3;
}

INLINE void all_products(const int16_t *x, const int16_t *w, int64_t n, int32_t channels,
                         int32_t *sum) {
    for (int32_t k = 0; k < channels; k += CHANNELS, sum += PIXELS * CHANNELS)
        products(x, w + k * n, n, sum);
}

static void all_products_any(const int16_t *x, const int16_t *w, int64_t n, int32_t channels,
                             int32_t *sum) {
    all_products(x, w, n, channels, sum);
}

/* One row of words per tap of a window, with the weights of that tap. */
INLINE void add_tap(const int16_t *restrict x, const int16_t *restrict w, int32_t n,
                    int32_t *restrict sum) {
    for (int32_t c = 0; c < n; c++) sum[c] += x[c] * w[c];
}

static void add_tap_any(const int16_t *x, const int16_t *w, int32_t n, int32_t *sum) {
    add_tap(x, w, n, sum);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void
all_products_avx2(const int16_t *x, const int16_t *w, int64_t n, int32_t channels, int32_t *sum) {
    all_products(x, w, n, channels, sum);
}
__attribute__((target("avx2"))) static void add_tap_avx2(const int16_t *x, const int16_t *w,
                                                         int32_t n, int32_t *sum) {
    add_tap(x, w, n, sum);
}
#define PICK(f) (__builtin_cpu_supports("avx2") ? f##_avx2 : f##_any)
#else
#define PICK(f) f##_any
#endif

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

void td__step_dense(const td__step *s, const int16_t *x, int16_t *y, int16_t *row) {
    enum { MOST = 64 }; /* channels at a time */
    int32_t groups = s->layer->op == TD_OP_FC ? 1 : s->layer->groups, channels = s->out.c / groups;
    int32_t padded = (channels + CHANNELS - 1) / CHANNELS * CHANNELS;
    int64_t pixels = (int64_t)s->out.h * s->out.w;
    void (*multiply)(const int16_t *, const int16_t *, int64_t, int32_t, int32_t *) =
        PICK(all_products);
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
                multiply(row, w + k * s->terms, s->terms, some, sum);
                for (int32_t j = 0; j < some && k + j < channels; j++)
                    for (int i = 0; i < n; i++) {
                        int32_t channel = g * channels + k + j;
                        y[(at + i) * s->out.c + channel] = word_of(
                            s, channel,
                            sum[j / CHANNELS * (PIXELS * CHANNELS) + i * CHANNELS + j % CHANNELS]);
                    }
            }
        }
}

/* ---- depthwise ------------------------------------------------------------------------------- */

void td__step_depthwise(const td__step *s, const int16_t *x, int16_t *y, int16_t *row) {
    enum { MOST = 256 }; /* channels at a time */
    const td_layer *l = s->layer;
    void (*add)(const int16_t *, const int16_t *, int32_t, int32_t *) = PICK(add_tap);
    int32_t sum[MOST], c = s->out.c;
    for (int32_t k = 0; k < c && k < MOST; k++) row[k] = (int16_t)s->read[0].zero;
    for (int32_t p = 0; p < s->out.h; p++)
        for (int32_t q = 0; q < s->out.w; q++, y += c)
            for (int32_t k = 0; k < c; k += MOST) {
                int32_t n = c - k < MOST ? c - k : MOST;
                memset(sum, 0, sizeof sum);
                for (int32_t r = 0; r < l->kernel[0]; r++)
                    for (int32_t t = 0; t < l->kernel[1]; t++) {
                        int64_t h =
                            (int64_t)p * l->stride[0] - l->pad[0] + (int64_t)r * l->dilation[0];
                        int64_t w =
                            (int64_t)q * l->stride[1] - l->pad[1] + (int64_t)t * l->dilation[1];
                        bool inside = h >= 0 && h < s->in.h && w >= 0 && w < s->in.w;
                        add(inside ? x + (h * s->in.w + w) * c + k : row,
                            s->weight + ((int64_t)r * l->kernel[1] + t) * c + k, n, sum);
                    }
                for (int32_t j = 0; j < n; j++) y[k + j] = word_of(s, k + j, sum[j]);
            }
}

/* Depthwise convolutions in AVX-512. oneDNN 2.6.3 has good forward kernels, but for kernels beyond
 * 3x3 the weight gradient of channels-last images falls to one for dense groups, twenty times
 * slower; and depthwise layers have few products per word, so that it pays to convert and pad once
 * per block of channels and to keep all of a block in the first-level cache.
 *
 * Channels are taken 16 at a time; the last block overlaps the one before it if 16 does not divide
 * their number (both write the same values). Each block is copied to [rows][columns][16] floats
 * with zeros around, where every tap of every output is a fixed offset:
 *   forward         out[y][x] = sum over taps of w * in[y stride + r][x stride + s]
 *   input gradient  rows and columns of equal remainder mod stride are reached by the same taps, so
 *                   each such class is a forward pass of its taps over the padded output gradient
 *   weight gradient all taps' sums stay in registers while the pixels go by (3x3, 5x5) */
#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "simd.h"

enum { MAX_TAPS = 121 };

typedef struct {
    int n;
    const float *weight; /* [n][16] */
    int32_t offset[MAX_TAPS];
} taps;

#if TD__SIMD_LEVELS > 1

#define TD__AVX512_ONLY
#define TD__BODY "depthwise_body.h"
#include "simd_variants.h"

/* Results (rows, columns) of one remainder mod stride, and their taps. */
typedef struct {
    int32_t y, x; /* remainders */
    int n, first; /* taps, in the order of w_data */
    int32_t offset[MAX_TAPS];
} class;

typedef struct {
    td__kernel base;
    int32_t c, blocks, n_taps, n_classes, square;
    int32_t in_rows, in_row;         /* padded images: rows, words per row */
    int32_t d_rows, d_row, d_y, d_x; /* padded output gradients; position of word (0, 0) */
    float *in, *d, *plain_d;         /* buffers of one block */
    float *w_forward, *w_data;       /* [blocks][taps][16] */
    float *bias;                     /* [blocks][16] */
    float *sum, *bias_sum;           /* gradients, as w_forward and bias */
    taps forward;
    int32_t *tap_order; /* w_data's tap k is the kernel's tap tap_order[k] */
    class *classes;
    td_layer_params_t param, gradient;
} depthwise;

typedef struct {
    td__tensors t;
} call;

static int32_t floor_div(int32_t a, int32_t b) {
    return a >= 0 ? a / b : -((-a + b - 1) / b);
}

bool td__depthwise_fits(const td__kernel_spec *s) {
    const td_layer *l = s->layer;
    return td__simd_level() == 2 && l->op == TD_OP_CONV && l->groups == s->in[0].c &&
           l->groups == s->out.c && l->groups >= TD__LANES &&
           l->kernel[0] * l->kernel[1] <= MAX_TAPS;
}

static void destroy(td__kernel *k) {
    depthwise *d = (depthwise *)k;
    if (d == NULL) return;
    float *all[] = {d->in, d->d, d->plain_d, d->w_forward, d->w_data, d->bias, d->sum, d->bias_sum};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) free(all[i]);
    free(d->tap_order);
    free(d->classes);
    free(d);
}

static float *words(int64_t n) {
    size_t bytes = ((size_t)n * sizeof(float) + 63) / 64 * 64;
    float *p = aligned_alloc(64, bytes);
    if (p != NULL) memset(p, 0, bytes);
    return p;
}

/* Padded images and the taps of the forward pass. */
static void lay_out_forward(depthwise *d) {
    const td__kernel_spec *s = &d->base.spec;
    const td_layer *l = s->layer;
    int32_t reach[2], have[2] = {s->in[0].h, s->in[0].w}, out[2] = {s->out.h, s->out.w};
    for (int i = 0; i < 2; i++) {
        reach[i] = (out[i] - 1) * l->stride[i] + (l->kernel[i] - 1) * l->dilation[i] + 1;
        if (reach[i] < have[i] + l->pad[i]) reach[i] = have[i] + l->pad[i];
    }
    d->in_rows = reach[0];
    d->in_row = reach[1] * TD__LANES;
    for (int32_t r = 0; r < l->kernel[0]; r++)
        for (int32_t q = 0; q < l->kernel[1]; q++)
            d->forward.offset[d->forward.n++] =
                r * l->dilation[0] * d->in_row + q * l->dilation[1] * TD__LANES;
}

/* Padded output gradients: input row y is reached from output row (y + pad - r dilation) / stride
 * by those taps r for which that is a whole number. */
static void lay_out_data(depthwise *d) {
    const td__kernel_spec *s = &d->base.spec;
    const td_layer *l = s->layer;
    int32_t low[2], high[2], have[2] = {s->in[0].h, s->in[0].w}, out[2] = {s->out.h, s->out.w};
    for (int i = 0; i < 2; i++) {
        low[i] = floor_div(l->pad[i] - (l->kernel[i] - 1) * l->dilation[i], l->stride[i]);
        high[i] = floor_div(have[i] - 1 + l->pad[i], l->stride[i]);
        if (low[i] > 0) low[i] = 0;
        if (high[i] < out[i] - 1) high[i] = out[i] - 1;
    }
    d->d_rows = high[0] - low[0] + 1;
    d->d_row = (high[1] - low[1] + 1) * TD__LANES;
    d->d_y = -low[0];
    d->d_x = -low[1];
    int n = 0;
    for (int32_t y = 0; y < l->stride[0]; y++)
        for (int32_t x = 0; x < l->stride[1]; x++) {
            class *c = &d->classes[d->n_classes++];
            c->y = y;
            c->x = x;
            c->first = n;
            for (int32_t r = 0; r < l->kernel[0]; r++)
                for (int32_t q = 0; q < l->kernel[1]; q++) {
                    int32_t v = y + l->pad[0] - r * l->dilation[0];
                    int32_t u = x + l->pad[1] - q * l->dilation[1];
                    if (v % l->stride[0] != 0 || u % l->stride[1] != 0) continue;
                    c->offset[c->n++] = (v / l->stride[0] + d->d_y) * d->d_row +
                                        (u / l->stride[1] + d->d_x) * TD__LANES;
                    d->tap_order[n++] = r * l->kernel[1] + q;
                }
        }
}

static td_status create(td__backend *be, const td__kernel_spec *s, td__kernel **out,
                        td_error *err) {
    (void)be;
    const td_layer *l = s->layer;
    depthwise *d = calloc(1, sizeof *d);
    if (d == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    d->base = (td__kernel){&td__kernel_depthwise, *s};
    d->c = s->out.c;
    d->blocks = (d->c + TD__LANES - 1) / TD__LANES;
    d->n_taps = l->kernel[0] * l->kernel[1];
    bool dense = l->dilation[0] == 1 && l->dilation[1] == 1 && l->kernel[0] == l->kernel[1];
    d->square = dense ? l->kernel[0] : 0;
    d->tap_order = calloc((size_t)d->n_taps, sizeof *d->tap_order);
    d->classes = calloc((size_t)(l->stride[0] * l->stride[1]), sizeof *d->classes);
    if (d->tap_order == NULL || d->classes == NULL) goto memory;
    lay_out_forward(d);
    lay_out_data(d);
    int64_t weights = (int64_t)d->blocks * d->n_taps * TD__LANES;
    d->in = words((int64_t)d->in_rows * d->in_row);
    d->d = words((int64_t)d->d_rows * d->d_row);
    d->plain_d = words((int64_t)s->out.h * s->out.w * TD__LANES);
    d->w_forward = words(weights);
    d->w_data = words(weights);
    d->bias = words((int64_t)d->blocks * TD__LANES);
    d->sum = words(weights);
    d->bias_sum = words((int64_t)d->blocks * TD__LANES);
    if (d->in == NULL || d->d == NULL || d->plain_d == NULL || d->w_forward == NULL ||
        d->w_data == NULL || d->bias == NULL || d->sum == NULL || d->bias_sum == NULL)
        goto memory;
    *out = &d->base;
    return TD_OK;
memory:
    destroy(&d->base);
    return td_fail(err, TD_E_MEMORY, "out of memory");
}

/* ---- parameters ------------------------------------------------------------------------------ */

static int32_t block_start(const depthwise *d, int32_t b) {
    int32_t c = b * TD__LANES;
    return c + TD__LANES <= d->c ? c : d->c - TD__LANES;
}

static td_status attach(td__kernel *k, const td_layer_params_t *param,
                        const td_layer_params_t *gradient, td_error *err) {
    (void)err;
    depthwise *d = (depthwise *)k;
    d->param = *param;
    if (gradient != NULL) d->gradient = *gradient;
    return TD_OK;
}

static td_status load(td__kernel *k) {
    depthwise *d = (depthwise *)k;
    for (int32_t b = 0; b < d->blocks; b++) {
        int32_t c0 = block_start(d, b);
        float *f = d->w_forward + (int64_t)b * d->n_taps * TD__LANES;
        float *g = d->w_data + (int64_t)b * d->n_taps * TD__LANES;
        for (int32_t i = 0; i < TD__LANES; i++) {
            const float *w = d->param.weight + (int64_t)(c0 + i) * d->n_taps;
            for (int32_t t = 0; t < d->n_taps; t++) {
                f[t * TD__LANES + i] = w[t];
                g[t * TD__LANES + i] = w[d->tap_order[t]];
            }
            if (d->param.bias != NULL) d->bias[b * TD__LANES + i] = d->param.bias[c0 + i];
        }
    }
    return TD_OK;
}

static td_status unload(td__kernel *k) {
    depthwise *d = (depthwise *)k;
    for (int32_t b = 0; b < d->blocks; b++) {
        int32_t c0 = block_start(d, b);
        const float *s = d->sum + (int64_t)b * d->n_taps * TD__LANES;
        for (int32_t i = 0; i < TD__LANES; i++) {
            float *g = d->gradient.weight + (int64_t)(c0 + i) * d->n_taps;
            for (int32_t t = 0; t < d->n_taps; t++) g[t] = s[t * TD__LANES + i];
            if (d->gradient.bias != NULL) d->gradient.bias[c0 + i] = d->bias_sum[b * TD__LANES + i];
        }
    }
    return TD_OK;
}

/* ---- runs ------------------------------------------------------------------------------------ */

/* Address of a block's first word in an image of a tensor. */
static const char *block_of(const depthwise *d, const void *tensor, td_shape s, int image,
                            int32_t b) {
    int64_t at = image * td__shape_words(s) + block_start(d, b);
    return (const char *)tensor + at * (int64_t)td__number_bytes(d->base.spec.number);
}

static void pack(const depthwise *d, const char *from, td_shape s, float *to, int64_t row) {
    if (d->base.spec.number == TD_BF16)
        pack_bf16_2(from, d->c, s.h, s.w, to, row);
    else
        pack_f32_2(from, d->c, s.h, s.w, to, row);
}

static void row(const depthwise *d, const float *in, const taps *t, int64_t step, const float *bias,
                char *out, int64_t out_step, int32_t count) {
    if (d->base.spec.number == TD_BF16)
        row_bf16_2(in, t, step, bias, out, out_step, count);
    else
        row_f32_2(in, t, step, bias, out, out_step, count);
}

static void pack_input(const depthwise *d, const td__tensors *t, int image, int32_t b) {
    const td_layer *l = d->base.spec.layer;
    td_shape s = d->base.spec.in[0];
    pack(d, block_of(d, t->in[0], s, image, b), s,
         d->in + (int64_t)l->pad[0] * d->in_row + l->pad[1] * TD__LANES, d->in_row);
}

static void run_forward(depthwise *d, const td__tensors *t) {
    const td__kernel_spec *s = &d->base.spec;
    const td_layer *l = s->layer;
    int64_t word = (int64_t)td__number_bytes(s->number);
    for (int image = 0; image < s->images; image++)
        for (int32_t b = 0; b < d->blocks; b++) {
            pack_input(d, t, image, b);
            d->forward.weight = d->w_forward + (int64_t)b * d->n_taps * TD__LANES;
            const float *bias = l->bias ? d->bias + b * TD__LANES : NULL;
            char *out = (char *)(uintptr_t)block_of(d, t->out, s->out, image, b);
            for (int32_t y = 0; y < s->out.h; y++)
                row(d, d->in + (int64_t)y * l->stride[0] * d->in_row, &d->forward,
                    (int64_t)l->stride[1] * TD__LANES, bias,
                    out + (int64_t)y * s->out.w * d->c * word, d->c, s->out.w);
        }
}

static void run_data(depthwise *d, const td__tensors *t, int image, int32_t b) {
    const td__kernel_spec *s = &d->base.spec;
    const td_layer *l = s->layer;
    int64_t word = (int64_t)td__number_bytes(s->number);
    char *out = (char *)(uintptr_t)block_of(d, t->d_in[0], s->in[0], image, b);
    for (int32_t i = 0; i < d->n_classes; i++) {
        const class *c = &d->classes[i];
        taps list = {.n = c->n};
        list.weight = d->w_data + ((int64_t)b * d->n_taps + c->first) * TD__LANES;
        memcpy(list.offset, c->offset, sizeof(int32_t) * (size_t)c->n);
        int32_t count = (s->in[0].w - c->x + l->stride[1] - 1) / l->stride[1];
        for (int32_t y = c->y, at = 0; y < s->in[0].h && count > 0; y += l->stride[0], at++)
            row(d, d->d + (int64_t)at * d->d_row, &list, TD__LANES, NULL,
                out + ((int64_t)y * s->in[0].w + c->x) * d->c * word, (int64_t)l->stride[1] * d->c,
                count);
    }
}

static void add_bias_gradient(const float *d, int64_t pixels, float *sum) {
    for (int64_t i = 0; i < pixels; i++)
        for (int k = 0; k < TD__LANES; k++) sum[k] += d[i * TD__LANES + k];
}

static void run_backward(depthwise *d, const td__tensors *t) {
    const td__kernel_spec *s = &d->base.spec;
    const td_layer *l = s->layer;
    size_t block = (size_t)d->n_taps * TD__LANES;
    if (t->first) {
        memset(d->sum, 0, sizeof(float) * block * (size_t)d->blocks);
        memset(d->bias_sum, 0, sizeof(float) * TD__LANES * (size_t)d->blocks);
    }
    for (int image = 0; image < s->images; image++)
        for (int32_t b = 0; b < d->blocks; b++) {
            const char *from = block_of(d, t->d_out, s->out, image, b);
            pack_input(d, t, image, b);
            pack(d, from, s->out, d->plain_d, (int64_t)s->out.w * TD__LANES);
            gradient_f32_2(d->in, (int64_t)l->stride[1] * TD__LANES,
                           (int64_t)l->stride[0] * d->in_row, d->in_row, &d->forward, d->square,
                           d->plain_d, s->out.h, s->out.w, d->sum + (size_t)b * block);
            if (l->bias)
                add_bias_gradient(d->plain_d, (int64_t)s->out.h * s->out.w,
                                  d->bias_sum + b * TD__LANES);
            if (t->d_in[0] == NULL) continue;
            pack(d, from, s->out, d->d + (int64_t)d->d_y * d->d_row + d->d_x * TD__LANES, d->d_row);
            run_data(d, t, image, b);
        }
}

static td_status bind(td__kernel *k, const td__tensors *t, td__call **out, td_error *err) {
    (void)k;
    call *c = malloc(sizeof *c);
    if (c == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    c->t = *t;
    *out = (td__call *)c;
    return TD_OK;
}

static td_status run(td__kernel *k, const td__call *c) {
    const td__tensors *t = &((const call *)c)->t;
    if (t->backward)
        run_backward((depthwise *)k, t);
    else
        run_forward((depthwise *)k, t);
    return TD_OK;
}

static void unbind(td__call *c) {
    free(c);
}

const td__kernel_class td__kernel_depthwise = {.name = "depthwise",
                                               .create = create,
                                               .destroy = destroy,
                                               .attach = attach,
                                               .load = load,
                                               .unload = unload,
                                               .bind = bind,
                                               .run = run,
                                               .unbind = unbind};
#else
bool td__depthwise_fits(const td__kernel_spec *s) {
    (void)s;
    return false;
}
const td__kernel_class td__kernel_depthwise = {.name = "depthwise"};
#endif

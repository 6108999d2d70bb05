/* Steps without weights, and the network as a whole. */
#include <stdlib.h>

#include "int_net.h"

static int16_t bounded(const td__step *s, int64_t word) {
    word += s->made.zero;
    return (int16_t)(word < s->least ? s->least : word > s->most ? s->most : word);
}

static void run_table(const td__step *s, const int16_t *x, int16_t *y) {
    int64_t pixels = (int64_t)s->in.h * s->in.w;
    int32_t c = s->in.c;
    y += s->first;
    for (int64_t at = 0; at < pixels; at++, x += c, y += s->out.c)
        for (int32_t k = 0; k < c; k++)
            y[k] = s->table == NULL ? x[k] : s->table[(s->per_channel ? 256 * k : 0) + x[k] + 128];
}

/* Rows first to last - 1 of an axis that window number `at` covers. */
static void span(const td_layer *l, int axis, int32_t size, int32_t at, int32_t *first,
                 int32_t *last) {
    int64_t lo = (int64_t)at * l->stride[axis] - l->pad[axis], hi = lo + l->kernel[axis];
    *first = (int32_t)(lo < 0 ? 0 : lo);
    *last = (int32_t)(hi > size ? size : hi);
}

/* Maximum, or mean of the words within the image. */
static void run_pool(const td__step *s, const int16_t *x, int16_t *y) {
    bool mean = s->kind == TD__MEAN, all = s->layer->op == TD_OP_GLOBAL_POOL;
    const td_quant *in = &s->read[0];
    double factor = (double)in->scale / (double)s->made.scale;
    for (int32_t p = 0; p < s->out.h; p++)
        for (int32_t q = 0; q < s->out.w; q++) {
            int32_t top = 0, bottom = s->in.h, left = 0, right = s->in.w;
            if (!all) span(s->layer, 0, s->in.h, p, &top, &bottom);
            if (!all) span(s->layer, 1, s->in.w, q, &left, &right);
            td__scale scale =
                td__scale_of(factor / ((double)(bottom - top) * (double)(right - left)));
            for (int32_t c = 0; c < s->out.c; c++) {
                int64_t sum = 0;
                int16_t best = INT16_MIN;
                for (int32_t h = top; h < bottom; h++)
                    for (int32_t w = left; w < right; w++) {
                        int16_t word = x[((int64_t)h * s->in.w + w) * s->in.c + c];
                        sum += word - in->zero;
                        if (word > best) best = word;
                    }
                *y++ = mean               ? bounded(s, td__scaled(sum, scale))
                       : s->table != NULL ? s->table[best + 128]
                                          : best;
            }
        }
}

static void run_sum(const td__step *s, const int16_t *a, const int16_t *b, int16_t *y) {
    int64_t n = (int64_t)s->out.c * s->out.h * s->out.w;
    for (int64_t i = 0; i < n; i++) {
        int64_t sum = (int64_t)(a[i] - s->read[0].zero) * s->scale[0].multiplier +
                      (int64_t)(b[i] - s->read[1].zero) * s->scale[1].multiplier;
        y[i] = bounded(s, td__scaled(sum, (td__scale){1, s->scale[0].shift}));
    }
}

/* The second may be one word per channel. */
static void run_product(const td__step *s, const int16_t *a, const int16_t *b, bool per_channel,
                        int16_t *y) {
    int64_t n = (int64_t)s->out.c * s->out.h * s->out.w;
    for (int64_t i = 0; i < n; i++) {
        int64_t other = b[per_channel ? i % s->out.c : i] - s->read[1].zero;
        y[i] = bounded(s, td__scaled((a[i] - s->read[0].zero) * other, s->scale[0]));
    }
}

/* Where word `at` of `out` lies among `in`, in parts of 1 / (2 out): centres of words at halves. */
static int64_t place(int32_t at, int32_t in, int32_t out, int32_t *lo, int32_t *hi) {
    int64_t parts = 2 * (int64_t)out, x = (2 * (int64_t)at + 1) * in - out;
    x = x < 0 ? 0 : x > parts * (in - 1) ? parts * (in - 1) : x;
    *lo = (int32_t)(x / parts);
    *hi = *lo + 1 < in ? *lo + 1 : *lo;
    return x % parts;
}

static void run_bilinear(const td__step *s, const int16_t *x, int16_t *y) {
    int64_t rows = 2 * (int64_t)s->out.h, columns = 2 * (int64_t)s->out.w;
    int32_t zero = s->read[0].zero, c = s->in.c, top, bottom, left, right;
    for (int32_t p = 0; p < s->out.h; p++) {
        int64_t down = place(p, s->in.h, s->out.h, &top, &bottom);
        const int16_t *a = x + (int64_t)top * s->in.w * c, *b = x + (int64_t)bottom * s->in.w * c;
        for (int32_t q = 0; q < s->out.w; q++) {
            int64_t across = place(q, s->in.w, s->out.w, &left, &right);
            int64_t l = (int64_t)left * c, r = (int64_t)right * c;
            for (int32_t k = 0; k < c; k++, l++, r++) {
                int64_t above = (columns - across) * (a[l] - zero) + across * (a[r] - zero);
                int64_t below = (columns - across) * (b[l] - zero) + across * (b[r] - zero);
                int64_t sum = (rows - down) * above + down * below;
                *y++ = bounded(s, td__scaled(sum, s->scale[0]));
            }
        }
    }
}

void td__step_run(const td__step *s, int16_t *const *value, int16_t *row) {
    const int16_t *x = value[s->from[0]], *other = s->n_in > 1 ? value[s->from[1]] : NULL;
    int16_t *y = value[s->to];
    switch (s->kind) {
    case TD__DENSE:
    case TD__DEPTHWISE: td__step_multiply(s, x, y, row); break;
    case TD__TABLE: run_table(s, x, y); break;
    case TD__MAX:
    case TD__MEAN: run_pool(s, x, y); break;
    case TD__SUM: run_sum(s, x, other, y); break;
    case TD__PRODUCT: run_product(s, x, other, s->per_channel, y); break;
    case TD__BILINEAR: run_bilinear(s, x, y); break;
    }
}

void td__int_net_run(const td__int_net *n, const td__int_memory *m) {
    for (int i = 0; i < n->n_steps; i++) td__step_run(&n->step[i], m->value, m->row);
}

bool td__int_memory_create(const td__int_net *n, td__int_memory *m) {
    int64_t total = 2 * n->row_words;
    for (int i = 0; i < n->n_values; i++) total += n->words[i];
    m->value = calloc((size_t)n->n_values, sizeof *m->value);
    m->block = calloc((size_t)total + TD__TERMS, sizeof(int16_t));
    if (m->value == NULL || m->block == NULL) {
        td__int_memory_destroy(m);
        return false;
    }
    int16_t *at = m->block;
    m->row = at;
    at += 2 * n->row_words;
    for (int i = 0; i < n->n_values; i++) {
        m->value[i] = at;
        at += n->words[i];
    }
    return true;
}

void td__int_memory_destroy(td__int_memory *m) {
    free(m->value);
    free(m->block);
    *m = (td__int_memory){0};
}

/* Layers of several inputs: sum, product (also with one word per channel), concatenation. The
 * gradient of a sum is its output's, so the planner passes that on and no backward is needed. */
#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "rows.h"

typedef struct {
    td__kernel base;
    float *buffer; /* [c] */
} combine;

struct td__call {
    td__tensors t;
};

static void destroy(td__kernel *k) {
    combine *c = (combine *)k;
    if (c == NULL) return;
    free(c->buffer);
    free(c);
}

static td_status create(td__backend *be, const td__kernel_spec *s, td__kernel **out,
                        td_error *err) {
    (void)be;
    combine *c = calloc(1, sizeof *c);
    if (c == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    c->base = (td__kernel){&td__kernel_combine, *s};
    c->buffer = calloc((size_t)s->out.c, sizeof *c->buffer);
    if (c->buffer == NULL) {
        free(c);
        return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    *out = &c->base;
    return TD_OK;
}

static td_status bind(td__kernel *k, const td__tensors *t, td__call **out, td_error *err) {
    (void)k;
    *out = malloc(sizeof **out);
    if (*out == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    (*out)->t = *t;
    return TD_OK;
}

static void unbind(td__call *call) {
    free(call);
}

static void product(combine *k, const td__tensors *t) {
    const td__kernel_spec *s = &k->base.spec;
    td_number nr = s->number;
    int64_t rows = (int64_t)s->out.h * s->out.w, n = rows * s->out.c;
    if (s->in[1].h == s->out.h && s->in[1].w == s->out.w) {
        n *= s->images;
        if (!t->backward) td__rows_mul(nr, t->out, t->in[0], t->in[1], n);
        if (t->backward && t->d_in[0] != NULL) td__rows_mul(nr, t->d_in[0], t->d_out, t->in[1], n);
        if (t->backward && t->d_in[1] != NULL) td__rows_mul(nr, t->d_in[1], t->d_out, t->in[0], n);
        return;
    }
    int64_t big = n * (int64_t)td__number_bytes(nr);
    int64_t small = s->out.c * (int64_t)td__number_bytes(nr);
    for (int i = 0; i < s->images; i++) {
        const char *a = (const char *)t->in[0] + i * big, *b = (const char *)t->in[1] + i * small;
        if (!t->backward) {
            td__rows_scale(nr, (char *)t->out + i * big, a, b, rows, s->out.c);
            continue;
        }
        const char *d = (const char *)t->d_out + i * big;
        if (t->d_in[0] != NULL)
            td__rows_scale(nr, (char *)t->d_in[0] + i * big, d, b, rows, s->out.c);
        if (t->d_in[1] != NULL)
            td__rows_dot(nr, (char *)t->d_in[1] + i * small, d, a, rows, s->out.c, k->buffer);
    }
}

static void concatenate(const td__kernel_spec *s, const td__tensors *t) {
    size_t word = td__number_bytes(s->number), whole = (size_t)s->out.c * word, offset = 0;
    int64_t rows = (int64_t)s->out.h * s->out.w * s->images;
    for (int i = 0; i < s->n_in; i++) {
        size_t part = (size_t)s->in[i].c * word;
        for (int64_t r = 0; r < rows; r++) {
            size_t in = (size_t)r * part, out = (size_t)r * whole + offset;
            if (!t->backward)
                memcpy((char *)t->out + out, (const char *)t->in[i] + in, part);
            else if (t->d_in[i] != NULL)
                memcpy((char *)t->d_in[i] + in, (const char *)t->d_out + out, part);
        }
        offset += part;
    }
}

static td_status run(td__kernel *k, const td__call *call) {
    const td__kernel_spec *s = &k->spec;
    const td__tensors *t = &call->t;
    switch (s->layer->op) {
    case TD_OP_ADD:
        td__rows_add(s->number, t->out, t->in[0], t->in[1], td__shape_words(s->out) * s->images);
        return TD_OK;
    case TD_OP_MUL: product((combine *)k, t); return TD_OK;
    case TD_OP_CONCAT: concatenate(s, t); return TD_OK;
    default: return TD_E_INTERNAL;
    }
}

const td__kernel_class td__kernel_combine = {.name = "combine",
                                             .create = create,
                                             .destroy = destroy,
                                             .bind = bind,
                                             .run = run,
                                             .unbind = unbind};

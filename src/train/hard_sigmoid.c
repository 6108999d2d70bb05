/* The hard sigmoid, which oneDNN has from release 2.7 only: (x + 3) / 6, cut to 0..1. Networks gate
 * channels with it, so its tensors are small. */
#include <stdlib.h>

#include "kernels.h"
#include "rows.h"

enum { BLOCK = 256 }; /* words that are worked on at once, in fp32 */

struct td__call {
    td__tensors t;
};

static void destroy(td__kernel *k) {
    free(k);
}

static td_status create(td__backend *be, const td__kernel_spec *s, td__kernel **out,
                        td_error *err) {
    (void)be;
    *out = calloc(1, sizeof **out);
    if (*out == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    **out = (td__kernel){&td__kernel_hsigmoid, *s};
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

static float forward(float x) {
    return x <= -3 ? 0 : x >= 3 ? 1 : (x + 3) / 6;
}

static float backward(float x, float d_out) {
    return x > -3 && x < 3 ? d_out / 6 : 0;
}

static td_status run(td__kernel *k, const td__call *call) {
    const td__tensors *t = &call->t;
    td_number nr = k->spec.number;
    size_t word = td__number_bytes(nr);
    int64_t words = td__shape_words(k->spec.out) * k->spec.images;
    float x[BLOCK], d[BLOCK];
    for (int64_t at = 0; at < words; at += BLOCK) {
        int64_t n = words - at < BLOCK ? words - at : BLOCK;
        size_t from = (size_t)at * word;
        td__rows_to_float(nr, x, (const char *)t->in[0] + from, n);
        if (!t->backward) {
            for (int64_t i = 0; i < n; i++) x[i] = forward(x[i]);
            td__rows_from_float(nr, (char *)t->out + from, x, n);
            continue;
        }
        td__rows_to_float(nr, d, (const char *)t->d_out + from, n);
        for (int64_t i = 0; i < n; i++) d[i] = backward(x[i], d[i]);
        td__rows_from_float(nr, (char *)t->d_in[0] + from, d, n);
    }
    return TD_OK;
}

const td__kernel_class td__kernel_hsigmoid = {.name = "hard_sigmoid",
                                              .create = create,
                                              .destroy = destroy,
                                              .bind = bind,
                                              .run = run,
                                              .unbind = unbind};

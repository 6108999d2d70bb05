/* Activations that no batch norm takes in. */
#include <stdlib.h>

#include "onednn.h"

typedef struct {
    td__kernel base;
    td__backend *be;
    td__primitive forward, backward;
    dnnl_memory_desc_t md;
} act;

static void destroy(td__kernel *k) {
    act *a = (act *)k;
    if (a == NULL) return;
    td__primitive_destroy(&a->forward);
    td__primitive_destroy(&a->backward);
    free(a);
}

static td_status create(td__backend *be, const td__kernel_spec *s, td__kernel **out,
                        td_error *err) {
    dnnl_alg_kind_t alg;
    float alpha = 0, beta = 0;
    switch (s->layer->op) {
    case TD_OP_RELU: alg = dnnl_eltwise_relu; break;
    case TD_OP_RELU6:
        alg = dnnl_eltwise_clip_v2; /* slope 0 at both bounds */
        beta = 6;
        break;
    case TD_OP_HSWISH: alg = dnnl_eltwise_hardswish; break;
    case TD_OP_SWISH:
        alg = dnnl_eltwise_swish;
        alpha = 1;
        break;
    case TD_OP_SIGMOID: alg = dnnl_eltwise_logistic; break;
    default:
        return td_fail(err, TD_E_UNSUPPORTED, "%s cannot be trained", td_op_name(s->layer->op));
    }
    act *a = calloc(1, sizeof *a);
    if (a == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    a->base = (td__kernel){&td__kernel_act, *s};
    a->be = be;
    a->md = td__dnnl_nhwc(s->images, s->in[0], s->number);
    dnnl_eltwise_desc_t d;
    td_status st =
        td__dnnl_status(dnnl_eltwise_forward_desc_init(
                            &d, s->training ? dnnl_forward_training : dnnl_forward_inference, alg,
                            &a->md, alpha, beta),
                        "activation", err);
    if (st == TD_OK) st = td__primitive_create(be, &d, NULL, &a->forward, err);
    if (st == TD_OK && s->training) {
        st = td__dnnl_status(dnnl_eltwise_backward_desc_init(&d, alg, &a->md, &a->md, alpha, beta),
                             "activation", err);
        if (st == TD_OK) st = td__primitive_create(be, &d, a->forward.pd, &a->backward, err);
    }
    if (st != TD_OK) {
        destroy(&a->base);
        return st;
    }
    *out = &a->base;
    return TD_OK;
}

static td_status bind(td__kernel *k, const td__tensors *t, td__call **out, td_error *err) {
    act *a = (act *)k;
    td__call *call = td__call_create(a->be);
    if (call == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td__step *s = td__call_add(call, t->backward ? &a->backward : &a->forward, err);
    td_status st = s != NULL ? TD_OK : TD_E_MEMORY;
    if (st == TD_OK) st = td__step_arg(a->be, s, DNNL_ARG_SRC, &a->md, t->in[0], err);
    if (st == TD_OK && !t->backward) st = td__step_arg(a->be, s, DNNL_ARG_DST, &a->md, t->out, err);
    if (st == TD_OK && t->backward) {
        st = td__step_arg(a->be, s, DNNL_ARG_DIFF_DST, &a->md, t->d_out, err);
        if (st == TD_OK) st = td__step_arg(a->be, s, DNNL_ARG_DIFF_SRC, &a->md, t->d_in[0], err);
    }
    if (st != TD_OK) {
        td__call_destroy(call);
        return st;
    }
    *out = call;
    return TD_OK;
}

static td_status run(td__kernel *k, const td__call *call) {
    (void)k;
    return td__call_run(call);
}

const td__kernel_class td__kernel_act = {.name = "onednn_act",
                                         .create = create,
                                         .destroy = destroy,
                                         .bind = bind,
                                         .run = run,
                                         .unbind = td__call_destroy};

/* Maximum, average and global average pooling. Backward of the maximum needs to know where it was:
 * the forward pass is run again for that, so that nothing is kept from one sweep to the next. */
#include <stdlib.h>
#include <string.h>

#include "onednn.h"

typedef struct {
    td__kernel base;
    td__backend *be;
    td__primitive forward, backward;
    dnnl_memory_desc_t src, dst, workspace;
    void *again, *where; /* output of the repeated forward pass, and its workspace */
} pool;

static void destroy(td__kernel *k) {
    pool *p = (pool *)k;
    if (p == NULL) return;
    td__primitive_destroy(&p->forward);
    td__primitive_destroy(&p->backward);
    free(p->again);
    free(p->where);
    free(p);
}

static td_status create(td__backend *be, const td__kernel_spec *s, td__kernel **out,
                        td_error *err) {
    pool *p = calloc(1, sizeof *p);
    if (p == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    p->base = (td__kernel){&td__kernel_pool, *s};
    p->be = be;
    const td_layer *l = s->layer;
    bool global = l->op == TD_OP_GLOBAL_POOL, max = l->op == TD_OP_MAX_POOL;
    dnnl_alg_kind_t alg = max ? dnnl_pooling_max : dnnl_pooling_avg_exclude_padding;
    dnnl_dims_t kernel = {global ? s->in[0].h : l->kernel[0], global ? s->in[0].w : l->kernel[1]};
    dnnl_dims_t stride = {global ? 1 : l->stride[0], global ? 1 : l->stride[1]};
    dnnl_dims_t before = {global ? 0 : l->pad[0], global ? 0 : l->pad[1]};
    /* What the last window covers beyond the image, which may be less than the layer's padding. */
    dnnl_dims_t after;
    int32_t in[2] = {s->in[0].h, s->in[0].w}, have[2] = {s->out.h, s->out.w};
    for (int i = 0; i < 2; i++)
        after[i] = (have[i] - 1) * stride[i] + kernel[i] - before[i] - in[i];
    for (int i = 0; i < 2; i++)
        if (after[i] < 0) after[i] = global ? 0 : l->pad[2 + i];
    p->src = td__dnnl_nhwc(s->images, s->in[0], s->number);
    p->dst = td__dnnl_nhwc(s->images, s->out, s->number);
    dnnl_pooling_desc_t d;
    td_status st =
        td__dnnl_status(dnnl_pooling_forward_desc_init(
                            &d, s->training ? dnnl_forward_training : dnnl_forward_inference, alg,
                            &p->src, &p->dst, stride, kernel, before, after),
                        "pooling", err);
    if (st == TD_OK) st = td__primitive_create(be, &d, NULL, &p->forward, err);
    if (st == TD_OK && s->training) {
        p->workspace = td__primitive_md(&p->forward, dnnl_query_workspace_md);
        size_t bytes = dnnl_memory_desc_get_size(&p->workspace);
        if (bytes > 0) {
            p->where = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
            p->again = aligned_alloc(64, (dnnl_memory_desc_get_size(&p->dst) + 63) & ~(size_t)63);
            if (p->where == NULL || p->again == NULL)
                st = td_fail(err, TD_E_MEMORY, "out of memory");
        }
        if (st == TD_OK)
            st = td__dnnl_status(dnnl_pooling_backward_desc_init(&d, alg, &p->src, &p->dst, stride,
                                                                 kernel, before, after),
                                 "pooling", err);
        if (st == TD_OK) st = td__primitive_create(be, &d, p->forward.pd, &p->backward, err);
    }
    if (st != TD_OK) {
        destroy(&p->base);
        return st;
    }
    *out = &p->base;
    return TD_OK;
}

static td_status add_forward(pool *p, td__call *call, const void *in, void *out, td_error *err) {
    td__step *s = td__call_add(call, &p->forward, err);
    if (s == NULL) return TD_E_MEMORY;
    td_status st = td__step_arg(p->be, s, DNNL_ARG_SRC, &p->src, in, err);
    if (st == TD_OK) st = td__step_arg(p->be, s, DNNL_ARG_DST, &p->dst, out, err);
    if (st == TD_OK && p->where != NULL)
        st = td__step_arg(p->be, s, DNNL_ARG_WORKSPACE, &p->workspace, p->where, err);
    return st;
}

static td_status bind(td__kernel *k, const td__tensors *t, td__call **out, td_error *err) {
    pool *p = (pool *)k;
    td__call *call = td__call_create(p->be);
    if (call == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status st = TD_OK;
    if (!t->backward) {
        st = add_forward(p, call, t->in[0], t->out, err);
    } else {
        if (p->where != NULL) st = add_forward(p, call, t->in[0], p->again, err);
        td__step *s = st == TD_OK ? td__call_add(call, &p->backward, err) : NULL;
        if (s == NULL) st = st != TD_OK ? st : TD_E_MEMORY;
        if (st == TD_OK) st = td__step_arg(p->be, s, DNNL_ARG_DIFF_DST, &p->dst, t->d_out, err);
        if (st == TD_OK) st = td__step_arg(p->be, s, DNNL_ARG_DIFF_SRC, &p->src, t->d_in[0], err);
        if (st == TD_OK && p->where != NULL)
            st = td__step_arg(p->be, s, DNNL_ARG_WORKSPACE, &p->workspace, p->where, err);
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

const td__kernel_class td__kernel_pool = {.name = "onednn_pool",
                                          .create = create,
                                          .destroy = destroy,
                                          .bind = bind,
                                          .run = run,
                                          .unbind = td__call_destroy};

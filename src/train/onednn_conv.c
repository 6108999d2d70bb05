/* Convolutions (dense, grouped, depthwise, strided, dilated) and fully connected layers.
 *
 * Weights are kept in the layout that each primitive likes best; after an update they are reordered
 * once into that of the forward and of the backward pass, which costs little beside a batch. Images
 * stay [row][column][channel]. Should oneDNN have only a reference implementation for that, the
 * layout it likes for images is tried, with reorders before and after.
 *
 * On a processor without bf16 instructions oneDNN emulates them, several times slower than fp32.
 * There bf16 is how activations are stored, and arithmetic is in fp32: images of a chunk, which are
 * in the cache, are converted on the way in and out. */
#include <stdlib.h>
#include <string.h>

#include "onednn.h"

/* An image tensor of a primitive: what comes from outside, and what the primitive wants. */
typedef struct {
    dnnl_memory_desc_t outside, inside;
    bool staged; /* they differ: through be->stage[stage] */
    int stage;
    td__primitive reorder; /* empty if only the number types differ */
    int64_t words;
} port;

typedef struct {
    td__kernel base;
    td__backend *be;
    td_number inside; /* number type of the primitives */
    td__primitive forward, data, weights;
    port src, dst;             /* forward */
    port d_dst, d_src;         /* input gradient */
    port w_src, w_d_dst;       /* weight gradient */
    dnnl_memory_desc_t plain;  /* fp32 weights as td_weights has them */
    dnnl_memory_desc_t vector; /* bias */
    dnnl_memory_desc_t w_forward, w_data, w_gradient;
    void *w_forward_buffer, *w_data_buffer;
    float *sum, *term; /* weight gradient and bias gradient behind it */
    float *bias;       /* plain, attached */
    float *d_bias;
    int64_t sum_words, bias_at;
    td__primitive to_forward, to_data, to_plain;
    td__call *load, *unload;
} conv;

static void *aligned(size_t bytes) {
    return aligned_alloc(64, (bytes + 127) & ~(size_t)63);
}

static bool same(const dnnl_memory_desc_t *a, const dnnl_memory_desc_t *b) {
    return dnnl_memory_desc_equal(a, b) != 0;
}

static td_status port_create(td__backend *be, port *p, const dnnl_memory_desc_t *inside, int stage,
                             td_error *err) {
    p->inside = *inside;
    p->stage = stage;
    p->staged = !same(&p->inside, &p->outside);
    if (!p->staged) return TD_OK;
    size_t bytes = dnnl_memory_desc_get_size(inside);
    if (bytes > be->stage_bytes[stage]) be->stage_bytes[stage] = bytes;
    dnnl_memory_desc_t wide = p->outside;
    wide.data_type = dnnl_f32;
    if (p->outside.data_type == dnnl_bf16 && same(&wide, inside)) {
        p->words = (int64_t)(bytes / sizeof(float));
        return TD_OK;
    }
    return stage != TD__STAGE_OUT
               ? td__reorder_create(be, &p->outside, &p->inside, &p->reorder, err)
               : td__reorder_create(be, &p->inside, &p->outside, &p->reorder, err);
}

static void destroy(td__kernel *k) {
    conv *c = (conv *)k;
    if (c == NULL) return;
    td__call_destroy(c->load);
    td__call_destroy(c->unload);
    port *ports[] = {&c->src, &c->dst, &c->d_dst, &c->d_src, &c->w_src, &c->w_d_dst};
    for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++)
        td__primitive_destroy(&ports[i]->reorder);
    td__primitive *p[] = {&c->forward,    &c->data,    &c->weights,
                          &c->to_forward, &c->to_data, &c->to_plain};
    for (size_t i = 0; i < sizeof p / sizeof p[0]; i++) td__primitive_destroy(p[i]);
    free(c->w_forward_buffer);
    free(c->w_data_buffer);
    free(c->sum);
    free(c->term);
    free(c);
}

/* ---- descriptors ----------------------------------------------------------------------------- */

typedef union {
    dnnl_convolution_desc_t conv;
    dnnl_inner_product_desc_t fc;
} op_desc;

typedef enum { FORWARD, DATA, WEIGHTS } pass;

/* Weights as dnnl dims: groups first where there are any; fc: [out][c][h][w]. */
static int weight_dims(const td__kernel_spec *s, dnnl_dims_t d) {
    const td_layer *l = s->layer;
    int n = 0;
    int32_t g = l->op == TD_OP_CONV ? l->groups : 1;
    if (g > 1) d[n++] = g;
    d[n++] = s->out.c / g;
    d[n++] = s->in[0].c / g;
    d[n++] = l->op == TD_OP_CONV ? l->kernel[0] : s->in[0].h;
    d[n++] = l->op == TD_OP_CONV ? l->kernel[1] : s->in[0].w;
    return n;
}

static td_status describe(const conv *c, pass p, const dnnl_memory_desc_t *src,
                          const dnnl_memory_desc_t *dst, op_desc *out, td_error *err) {
    const td__kernel_spec *s = &c->base.spec;
    const td_layer *l = s->layer;
    dnnl_memory_desc_t w;
    memset(&w, 0, sizeof w);
    dnnl_dims_t dims;
    int nd = weight_dims(s, dims);
    dnnl_memory_desc_init_by_tag(&w, nd, dims, p == WEIGHTS ? dnnl_f32 : td__dnnl_type(c->inside),
                                 dnnl_format_tag_any);
    const dnnl_memory_desc_t *b = l->bias ? &c->vector : NULL;
    dnnl_prop_kind_t kind = s->training ? dnnl_forward_training : dnnl_forward_inference;
    dnnl_status_t st;
    if (l->op == TD_OP_FC) {
        st = p == FORWARD ? dnnl_inner_product_forward_desc_init(&out->fc, kind, src, &w, b, dst)
             : p == DATA  ? dnnl_inner_product_backward_data_desc_init(&out->fc, src, &w, dst)
                         : dnnl_inner_product_backward_weights_desc_init(&out->fc, src, &w, b, dst);
        return td__dnnl_status(st, "fc", err);
    }
    dnnl_dims_t stride = {l->stride[0], l->stride[1]};
    dnnl_dims_t dilate = {l->dilation[0] - 1, l->dilation[1] - 1};
    dnnl_dims_t before = {l->pad[0], l->pad[1]}, after = {l->pad[2], l->pad[3]};
    st = p == FORWARD
             ? dnnl_dilated_convolution_forward_desc_init(&out->conv, kind, dnnl_convolution_direct,
                                                          src, &w, b, dst, stride, dilate, before,
                                                          after)
         : p == DATA
             ? dnnl_dilated_convolution_backward_data_desc_init(
                   &out->conv, dnnl_convolution_direct, src, &w, dst, stride, dilate, before, after)
             : dnnl_dilated_convolution_backward_weights_desc_init(
                   &out->conv, dnnl_convolution_direct, src, &w, b, dst, stride, dilate, before,
                   after);
    return td__dnnl_status(st, "convolution", err);
}

/* Creates the primitive for plain images, or for the layout that it likes if that is the only way
 * past a reference implementation. */
static td_status make(conv *c, pass p, td__primitive *out, td_error *err) {
    const td__kernel_spec *s = &c->base.spec;
    dnnl_memory_desc_t src = td__dnnl_nhwc(s->images, s->in[0], s->number);
    dnnl_memory_desc_t dst = td__dnnl_nhwc(s->images, s->out, s->number);
    if (s->layer->op == TD_OP_FC) {
        dnnl_dims_t dims = {s->images, s->out.c};
        dnnl_memory_desc_init_by_tag(&dst, 2, dims, td__dnnl_type(s->number), dnnl_nc);
    }
    port *ps = p == FORWARD ? &c->src : p == DATA ? &c->d_src : &c->w_src;
    port *pd = p == FORWARD ? &c->dst : p == DATA ? &c->d_dst : &c->w_d_dst;
    ps->outside = src;
    pd->outside = dst;
    src.data_type = dst.data_type = td__dnnl_type(c->inside);
    op_desc d;
    td_status st = describe(c, p, &src, &dst, &d, err);
    if (st != TD_OK) return st;
    td_status plain = td__primitive_create(c->be, &d, c->forward.pd, out, err);
    if (plain != TD_OK || td__primitive_slow(out)) {
        dnnl_memory_desc_t asrc = src, adst = dst;
        dnnl_memory_desc_init_by_tag(&asrc, src.ndims, src.dims, src.data_type,
                                     dnnl_format_tag_any);
        dnnl_memory_desc_init_by_tag(&adst, dst.ndims, dst.dims, dst.data_type,
                                     dnnl_format_tag_any);
        td__primitive other = {0};
        if (describe(c, p, &asrc, &adst, &d, err) == TD_OK &&
            td__primitive_create(c->be, &d, c->forward.pd, &other, err) == TD_OK &&
            (plain != TD_OK || !td__primitive_slow(&other))) {
            td__primitive_destroy(out);
            *out = other;
        } else {
            td__primitive_destroy(&other);
            if (plain != TD_OK) return plain;
        }
    }
    src = td__primitive_md(out, p == DATA ? dnnl_query_diff_src_md : dnnl_query_src_md);
    dst = td__primitive_md(out, p == FORWARD ? dnnl_query_dst_md : dnnl_query_diff_dst_md);
    st = port_create(c->be, ps, &src, p == DATA ? TD__STAGE_OUT : TD__STAGE_IN, err);
    if (st == TD_OK)
        st = port_create(c->be, pd, &dst, p == FORWARD ? TD__STAGE_OUT : TD__STAGE_D_OUT, err);
    return st;
}

static td_status create(td__backend *be, const td__kernel_spec *s, td__kernel **out,
                        td_error *err) {
    conv *c = calloc(1, sizeof *c);
    if (c == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    c->base = (td__kernel){&td__kernel_conv, *s};
    c->be = be;
    c->inside = s->number == TD_BF16 && be->native_bf16 ? TD_BF16 : TD_FP32;
    dnnl_dims_t dims, vec = {s->out.c};
    int nd = weight_dims(s, dims);
    static const dnnl_format_tag_t tags[] = {dnnl_abcd, dnnl_abcde};
    dnnl_memory_desc_init_by_tag(&c->plain, nd, dims, dnnl_f32, tags[nd - 4]);
    dnnl_memory_desc_init_by_tag(&c->vector, 1, vec, dnnl_f32, dnnl_x);

    td_status st = make(c, FORWARD, &c->forward, err);
    if (st != TD_OK) goto fail;
    c->w_forward = td__primitive_md(&c->forward, dnnl_query_weights_md);
    c->w_forward_buffer = aligned(dnnl_memory_desc_get_size(&c->w_forward));
    st = td__reorder_create(be, &c->plain, &c->w_forward, &c->to_forward, err);
    if (st != TD_OK) goto fail;
    if (s->training && s->want_d_in[0]) {
        st = make(c, DATA, &c->data, err);
        if (st != TD_OK) goto fail;
        c->w_data = td__primitive_md(&c->data, dnnl_query_weights_md);
        if (!same(&c->w_data, &c->w_forward)) {
            c->w_data_buffer = aligned(dnnl_memory_desc_get_size(&c->w_data));
            st = td__reorder_create(be, &c->plain, &c->w_data, &c->to_data, err);
            if (st != TD_OK) goto fail;
        }
    }
    if (s->training) {
        st = make(c, WEIGHTS, &c->weights, err);
        if (st != TD_OK) goto fail;
        c->w_gradient = td__primitive_md(&c->weights, dnnl_query_diff_weights_md);
        st = td__reorder_create(be, &c->w_gradient, &c->plain, &c->to_plain, err);
        if (st != TD_OK) goto fail;
        c->bias_at = (int64_t)((dnnl_memory_desc_get_size(&c->w_gradient) + 63) / 64 * 16);
        c->sum_words = c->bias_at + (s->layer->bias ? s->out.c : 0);
        c->sum = aligned((size_t)c->sum_words * 4);
        c->term = aligned((size_t)c->sum_words * 4);
        if (c->sum == NULL || c->term == NULL) {
            st = td_fail(err, TD_E_MEMORY, "out of memory");
            goto fail;
        }
        memset(c->sum, 0, (size_t)c->sum_words * 4);
        memset(c->term, 0, (size_t)c->sum_words * 4);
    }
    *out = &c->base;
    return TD_OK;
fail:
    destroy(&c->base);
    return st;
}

/* ---- parameters ------------------------------------------------------------------------------ */

static td_status add_reorder(conv *c, td__call *call, const td__primitive *p,
                             const dnnl_memory_desc_t *from, const void *a,
                             const dnnl_memory_desc_t *to, void *b, td_error *err) {
    td__step *s = td__call_add(call, p, err);
    if (s == NULL) return err != NULL ? err->code : TD_E_MEMORY;
    td_status st = td__step_arg(c->be, s, DNNL_ARG_FROM, from, a, err);
    return st != TD_OK ? st : td__step_arg(c->be, s, DNNL_ARG_TO, to, b, err);
}

static td_status attach(td__kernel *k, const td_layer_params_t *param,
                        const td_layer_params_t *gradient, td_error *err) {
    conv *c = (conv *)k;
    td__call_destroy(c->load);
    td__call_destroy(c->unload);
    c->load = td__call_create(c->be);
    c->unload = td__call_create(c->be);
    if (c->load == NULL || c->unload == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    c->bias = param->bias;
    td_status st = add_reorder(c, c->load, &c->to_forward, &c->plain, param->weight, &c->w_forward,
                               c->w_forward_buffer, err);
    if (st == TD_OK && c->w_data_buffer != NULL)
        st = add_reorder(c, c->load, &c->to_data, &c->plain, param->weight, &c->w_data,
                         c->w_data_buffer, err);
    if (st == TD_OK && gradient != NULL) {
        c->d_bias = gradient->bias;
        st = add_reorder(c, c->unload, &c->to_plain, &c->w_gradient, c->sum, &c->plain,
                         gradient->weight, err);
    }
    return st;
}

static td_status load(td__kernel *k) {
    return td__call_run(((conv *)k)->load);
}

static td_status unload(td__kernel *k) {
    conv *c = (conv *)k;
    if (c->d_bias != NULL)
        memcpy(c->d_bias, c->sum + c->bias_at, sizeof(float) * (size_t)c->base.spec.out.c);
    return td__call_run(c->unload);
}

/* ---- calls ----------------------------------------------------------------------------------- */

/* The address that the primitive reads, with a reorder before it where that is needed. */
static td_status enter(conv *c, td__call *call, port *p, const void *data, const void **inside,
                       td_error *err) {
    *inside = data;
    if (!p->staged) return TD_OK;
    void *stage = c->be->stage[p->stage];
    *inside = stage;
    if (p->words > 0) return td__call_add_pass(call, TD__STEP_WIDEN, stage, data, p->words, err);
    return add_reorder(c, call, &p->reorder, &p->outside, data, &p->inside, stage, err);
}

static td_status leave(conv *c, td__call *call, port *p, void *data, td_error *err) {
    if (!p->staged) return TD_OK;
    const void *stage = c->be->stage[p->stage];
    if (p->words > 0) return td__call_add_pass(call, TD__STEP_NARROW, data, stage, p->words, err);
    return add_reorder(c, call, &p->reorder, &p->inside, stage, &p->outside, data, err);
}

static td_status bind_forward(conv *c, td__call *call, const td__tensors *t, td_error *err) {
    const void *src;
    td_status st = enter(c, call, &c->src, t->in[0], &src, err);
    if (st != TD_OK) return st;
    td__step *s = td__call_add(call, &c->forward, err);
    if (s == NULL) return TD_E_MEMORY;
    void *dst = c->dst.staged ? c->be->stage[TD__STAGE_OUT] : t->out;
    st = td__step_arg(c->be, s, DNNL_ARG_SRC, &c->src.inside, src, err);
    if (st == TD_OK)
        st = td__step_arg(c->be, s, DNNL_ARG_WEIGHTS, &c->w_forward, c->w_forward_buffer, err);
    if (st == TD_OK && c->bias != NULL)
        st = td__step_arg(c->be, s, DNNL_ARG_BIAS, &c->vector, c->bias, err);
    if (st == TD_OK) st = td__step_arg(c->be, s, DNNL_ARG_DST, &c->dst.inside, dst, err);
    return st != TD_OK ? st : leave(c, call, &c->dst, t->out, err);
}

static td_status bind_weights(conv *c, td__call *call, const td__tensors *t, td_error *err) {
    const void *src, *d_dst;
    td_status st = enter(c, call, &c->w_src, t->in[0], &src, err);
    if (st == TD_OK) st = enter(c, call, &c->w_d_dst, t->d_out, &d_dst, err);
    if (st != TD_OK) return st;
    td__step *s = td__call_add(call, &c->weights, err);
    if (s == NULL) return TD_E_MEMORY;
    float *to = t->first ? c->sum : c->term;
    st = td__step_arg(c->be, s, DNNL_ARG_SRC, &c->w_src.inside, src, err);
    if (st == TD_OK) st = td__step_arg(c->be, s, DNNL_ARG_DIFF_DST, &c->w_d_dst.inside, d_dst, err);
    if (st == TD_OK) st = td__step_arg(c->be, s, DNNL_ARG_DIFF_WEIGHTS, &c->w_gradient, to, err);
    if (st == TD_OK && c->bias != NULL)
        st = td__step_arg(c->be, s, DNNL_ARG_DIFF_BIAS, &c->vector, to + c->bias_at, err);
    if (st != TD_OK || t->first) return st;
    return td__call_add_pass(call, TD__STEP_ADD, c->sum, c->term, c->sum_words, err);
}

static td_status bind_data(conv *c, td__call *call, const td__tensors *t, td_error *err) {
    const void *d_dst = c->be->stage[TD__STAGE_D_OUT];
    td_status st = TD_OK; /* the weight gradient may have brought it in already */
    if (!c->w_d_dst.staged || !c->d_dst.staged || !same(&c->w_d_dst.inside, &c->d_dst.inside))
        st = enter(c, call, &c->d_dst, t->d_out, &d_dst, err);
    if (st != TD_OK) return st;
    td__step *s = td__call_add(call, &c->data, err);
    if (s == NULL) return TD_E_MEMORY;
    void *d_src = c->d_src.staged ? c->be->stage[TD__STAGE_OUT] : t->d_in[0];
    const void *w = c->w_data_buffer != NULL ? c->w_data_buffer : c->w_forward_buffer;
    st = td__step_arg(c->be, s, DNNL_ARG_DIFF_DST, &c->d_dst.inside, d_dst, err);
    if (st == TD_OK) st = td__step_arg(c->be, s, DNNL_ARG_WEIGHTS, &c->w_data, w, err);
    if (st == TD_OK) st = td__step_arg(c->be, s, DNNL_ARG_DIFF_SRC, &c->d_src.inside, d_src, err);
    return st != TD_OK ? st : leave(c, call, &c->d_src, t->d_in[0], err);
}

static td_status bind(td__kernel *k, const td__tensors *t, td__call **out, td_error *err) {
    conv *c = (conv *)k;
    td__call *call = td__call_create(c->be);
    if (call == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status st;
    if (!t->backward) {
        st = bind_forward(c, call, t, err);
    } else {
        st = bind_weights(c, call, t, err);
        if (st == TD_OK && t->d_in[0] != NULL) st = bind_data(c, call, t, err);
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

const td__kernel_class td__kernel_conv = {.name = "onednn_conv",
                                          .create = create,
                                          .destroy = destroy,
                                          .attach = attach,
                                          .load = load,
                                          .unload = unload,
                                          .bind = bind,
                                          .run = run,
                                          .unbind = td__call_destroy};

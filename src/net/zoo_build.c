/* A network from its recipe. */
#include "graph.h"
#include "zoo.h"

#include <math.h>

typedef struct {
    td_net *net;
    const td__recipe *r;
    double width;     /* the caller's and the recipe's */
    int stride, rate; /* so far: of the features; dilation in the place of further strides */
} cook;

static int channels(const cook *k, double c) {
    return td_round_channels(c, k->width, 8);
}

static int channels_of(const cook *k, int x) {
    const td_layer *l = td_net_layer(k->net, x);
    return l != NULL ? l->c : 1; /* the next call finds the fault */
}

/* Groups of at least `size` of the channels inside, as many as divide both sides. At the width that
 * the network is published with that is inside / size. */
static int groups_of(int in_c, int inside, int size) {
    int n = size > 0 && inside > size ? inside / size : 1;
    while (in_c % n != 0 || inside % n != 0) n--;
    return n;
}

static int inverted(cook *k, int x, const td__row *w, int stride, int dilation) {
    const td__recipe *r = k->r;
    int in_c = channels_of(k, x);
    int of = w->expanded_of > 0 ? channels(k, w->expanded_of) : in_c;
    int inside = td_round_channels(of, w->expansion, 8);
    td_block b = {.kernel = w->kernel,
                  .expanded = inside,
                  .out_c = channels(k, w->out_c),
                  .stride = stride,
                  .dilation = dilation,
                  .groups = groups_of(in_c, inside, w->group_size),
                  .fused = w->kind == TD__FUSED,
                  .residual = !w->no_residual,
                  .se = w->se,
                  .se_act = r->se_act,
                  .gate = r->se_gate,
                  .act = w->act != 0 ? w->act : r->act};
    if (w->se > 0 && r->se_of_inside) b.squeezed = td_round_channels(inside, w->se, 8);
    return td_net_block(k->net, x, &b);
}

static int residual(cook *k, int x, const td__row *w, int stride) {
    td_net *net = k->net;
    td_op act = k->r->act;
    int out_c = channels(k, w->out_c), inside = channels(k, w->out_c / w->expansion);
    bool same = stride == 1 && channels_of(k, x) == out_c;
    int y = x;
    if (w->kind == TD__BOTTLENECK) y = td_net_conv_bn_act(net, y, inside, 1, 1, 1, act);
    y = td_net_conv_bn_act(net, y, inside, w->kernel, stride, 1, act);
    int last = w->kind == TD__BOTTLENECK ? 1 : w->kernel;
    y = td_net_bn(net, td_net_conv(net, y, out_c, last, 1, 1, 1));
    if (!same) x = td_net_bn(net, td_net_conv(net, x, out_c, 1, stride, 1, 1));
    return td_net_act(net, td_net_add(net, y, x), act);
}

static int plain(cook *k, int x, const td__row *w) {
    td_net *net = k->net;
    int side = (w->kernel - 1) / 2;
    td_conv_spec c = {.out_c = channels(k, w->out_c),
                      .kernel = {w->kernel, w->kernel},
                      .stride = {1, 1},
                      .dilation = {1, 1},
                      .pad = {side, side, side, side},
                      .groups = 1,
                      .bias = true};
    for (int i = 0; i < w->n; i++) x = td_net_act(net, td_net_conv_spec(net, x, &c), k->r->act);
    return td_net_pool(net, x, TD_OP_MAX_POOL, 2, 2);
}

static int add_row(cook *k, int x, const td__row *w, int n) {
    if (w->kind == TD__PLAIN) return plain(k, x, w);
    int most = k->r->segmenter != NULL ? k->r->segmenter->output_stride : 0;
    for (int i = 0; i < n; i++) {
        int stride = i == 0 ? w->stride : 1, dilation = k->rate;
        if (most > 0 && k->stride * stride > most) {
            /* What would follow at the longer stride is dilated, the block itself not yet. */
            k->rate *= stride;
            stride = 1;
        }
        k->stride *= stride;
        if (w->kind == TD__BASIC || w->kind == TD__BOTTLENECK)
            x = residual(k, x, w, stride);
        else if (w->kind == TD__PROJECT)
            x = td_net_bn(k->net, td_net_conv(k->net, x, channels(k, w->out_c), 1, stride, 1, 1));
        else
            x = inverted(k, x, w, stride, dilation);
    }
    return x;
}

/* Stem and rows; *low: the value that a segmenter's decoder takes. */
static int backbone(cook *k, int *low) {
    const td__recipe *r = k->r;
    double ends = r->ends_fixed ? 1 : k->width;
    int x = 0;
    if (r->stem_c > 0)
        x = td_net_conv_bn_act(k->net, 0, td_round_channels(r->stem_c, ends, 8),
                               r->stem_kernel > 0 ? r->stem_kernel : 3, r->stem_stride, 1, r->act);
    if (r->stem_pool) x = td_net_pool(k->net, x, TD_OP_MAX_POOL, 3, 2);
    k->stride = r->stem_stride * (r->stem_pool ? 2 : 1);
    for (int i = 0; r->rows[i].n > 0; i++) {
        const td__row *w = &r->rows[i];
        bool deepens = r->depth > 0 && !(r->ends_fixed && (i == 0 || w[1].n == 0));
        x = add_row(k, x, w, deepens ? (int)ceil(w->n * r->depth) : w->n);
        if (r->segmenter != NULL && i + 1 == r->segmenter->low_row) *low = x;
    }
    return x;
}

/* ---- heads ----------------------------------------------------------------------------------- */

static void classify(cook *k, int x, int classes) {
    const td__recipe *r = k->r;
    double grown = k->width > 1 && !r->ends_fixed ? k->width : 1;
    double width = r->head_shrinks && !r->ends_fixed ? k->width : grown;
    if (r->head_c > 0)
        x = td_net_conv_bn_act(k->net, x, td_round_channels(r->head_c, width, 8), 1, 1, 1, r->act);
    if (r->dense_n == 0) x = td_net_global_pool(k->net, x);
    for (int i = 0; i < r->dense_n; i++)
        x = td_net_act(k->net, td_net_fc(k->net, x, channels(k, r->dense_c)), r->act);
    if (r->feature_c > 0) {
        x = td_net_fc(k->net, x, td_round_channels(r->feature_c, grown, 8));
        x = td_net_act(k->net, x, r->act);
    }
    td_net_fc(k->net, x, classes);
}

static int relu(td_net *net, int x) {
    return td_net_act(net, td_net_bn(net, x), TD_OP_RELU);
}

static int pointwise(td_net *net, int x, int out_c) {
    return td_net_conv_bn_act(net, x, out_c, 1, 1, 1, TD_OP_RELU);
}

/* Branches side by side: 1x1, 3x3 at several rates, the mean of the image; then 1x1 over all. */
static int aspp(cook *k, int x) {
    const td__segmenter *s = k->r->segmenter;
    td_net *net = k->net;
    int in_c = channels_of(k, x), branch[TD_MAX_INPUTS], n = 0;
    const td_layer *l = td_net_layer(net, x);
    if (l == NULL) return -1;
    int h = l->h, w = l->w;
    branch[n++] = pointwise(net, x, s->aspp_c);
    for (int i = 0; s->rates[i] > 0; i++) {
        if (s->separable)
            branch[n++] =
                pointwise(net, td_net_conv(net, x, in_c, 3, 1, in_c, s->rates[i]), s->aspp_c);
        else
            branch[n++] = relu(net, td_net_conv(net, x, s->aspp_c, 3, 1, 1, s->rates[i]));
    }
    int mean = pointwise(net, td_net_global_pool(net, x), s->aspp_c);
    branch[n++] = td_net_resize(net, mean, h, w);
    return pointwise(net, td_net_concat(net, branch, n), s->aspp_c);
}

static void segment(cook *k, int x, int low, int classes) {
    const td__segmenter *s = k->r->segmenter;
    td_net *net = k->net;
    x = aspp(k, x);
    if (s->low_row > 0) {
        const td_layer *l = td_net_layer(net, low);
        int up = l != NULL ? td_net_resize(net, x, l->h, l->w) : -1;
        x = td_net_concat(net, (int[]){up, pointwise(net, low, s->low_c)}, 2);
        for (int i = 0; i < 2; i++) {
            int c = channels_of(k, x);
            x = td_net_conv_bn_act(net, x, c, 3, 1, c, TD_OP_RELU);
            x = pointwise(net, x, s->decoder_c);
        }
    }
    td_conv_spec scores = {.out_c = classes,
                           .kernel = {1, 1},
                           .stride = {1, 1},
                           .dilation = {1, 1},
                           .groups = 1,
                           .bias = true};
    x = td_net_conv_spec(net, x, &scores);
    const td_layer *image = td_net_layer(net, 0);
    td_net_resize(net, x, image->h, image->w);
}

td_net *td__zoo_build(const td__recipe *r, const char *name, td_shape input, double width,
                      int classes) {
    cook k = {.net = td_net_create(name, input), .r = r, .rate = 1};
    if (k.net == NULL) return NULL;
    k.width = r->width > 0 ? width * r->width : width;
    int low = -1, x = backbone(&k, &low);
    if (r->segmenter != NULL)
        segment(&k, x, low, classes);
    else
        classify(&k, x, classes);
    return k.net;
}

#include "random_net.h"

#include <math.h>
#include <stdlib.h>

static int pick(td_rng *r, int lo, int hi) {
    return lo + (int)td_rng_below(r, (uint64_t)(hi - lo + 1));
}

/* A divisor of both. */
static int common_divisor(td_rng *r, int a, int b) {
    int d = pick(r, 1, a);
    while (a % d != 0 || b % d != 0) d--;
    return d;
}

static int random_conv(td_net *net, td_rng *r, int x) {
    const td_layer *l = td_net_layer(net, x);
    int out = pick(r, 1, 12);
    if (pick(r, 0, 1)) /* even padding, square kernel */
        return td_net_conv(net, x, out, 2 * pick(r, 0, 2) + 1, pick(r, 1, 3),
                           common_divisor(r, l->c, out), pick(r, 1, 2));
    td_conv_spec s = {.out_c = out, .groups = common_divisor(r, l->c, out), .bias = pick(r, 0, 1)};
    const int size[2] = {l->h, l->w};
    for (int i = 0; i < 2; i++) {
        s.kernel[i] = pick(r, 1, 4);
        s.stride[i] = pick(r, 1, 3);
        s.dilation[i] = pick(r, 1, 3);
        s.pad[i] = pick(r, 0, 4);
        s.pad[i + 2] = pick(r, 0, 4);
        while ((s.kernel[i] - 1) * s.dilation[i] + 1 > size[i] + s.pad[i] + s.pad[i + 2])
            s.pad[i]++;
    }
    return td_net_conv_spec(net, x, &s);
}

/* An earlier value of the same shape as x, x itself in the worst case. */
static int twin(const td_net *net, td_rng *r, int x, bool sides_only) {
    const td_layer *l = td_net_layer(net, x);
    int start = pick(r, 0, td_net_size(net) - 1);
    for (int k = 0; k < td_net_size(net); k++) {
        int i = (start + k) % td_net_size(net);
        const td_layer *m = td_net_layer(net, i);
        if (m->h == l->h && m->w == l->w && (sides_only || m->c == l->c)) return i;
    }
    return x;
}

td_net *random_net(td_rng *r, int layers, int classes) {
    td_net *net = td_net_create("random", TD_DIM(pick(r, 1, 4), pick(r, 1, 14), pick(r, 1, 14)));
    for (int i = 0; i < layers; i++) {
        /* Mostly the last value, so that networks are deep and have shortcuts. */
        int n = td_net_size(net), x = pick(r, 0, 3) ? n - 1 : pick(r, 0, n - 1);
        switch (pick(r, 0, 12)) {
        case 0:
        case 1:
        case 2: random_conv(net, r, x); break;
        case 3:
        case 4: td_net_bn(net, random_conv(net, r, x)); break;
        case 5: td_net_bn(net, x); break;
        case 6:
            td_net_pool(net, x, pick(r, 0, 1) ? TD_OP_MAX_POOL : TD_OP_AVG_POOL, pick(r, 1, 4),
                        pick(r, 1, 2));
            break;
        case 7: td_net_add(net, x, twin(net, r, x, false)); break;
        case 8:
            if (pick(r, 0, 1))
                td_net_mul(net, x, twin(net, r, x, false));
            else
                td_net_squeeze_excite(net, x, pick(r, 1, 3), TD_OP_RELU, TD_OP_SIGMOID);
            break;
        case 9: {
            int v[3] = {x, twin(net, r, x, true), twin(net, r, x, true)};
            td_net_concat(net, v, pick(r, 1, 3));
            break;
        }
        case 10:
            if (pick(r, 0, 3) == 0)
                td_net_global_pool(net, x);
            else if (pick(r, 0, 3) == 0)
                td_net_fc(net, x, pick(r, 1, 9));
            else
                td_net_resize(net, x, pick(r, 1, 16), pick(r, 1, 16));
            break;
        default: td_net_act(net, x, (td_op)pick(r, TD_OP_RELU, TD_OP_HSIGMOID)); break;
        }
    }
    if (classes > 0) td_net_fc(net, td_net_output(net), classes);
    return net;
}

td_net *every_op_net(void) {
    td_net *n = td_net_create("every op", TD_DIM(3, 13, 11));
    int stem = td_net_conv_bn_act(n, 0, 8, 3, 1, 1, TD_OP_RELU6);
    int norm = td_net_bn(n, stem); /* the activation before it: cannot be folded */
    int x = td_net_conv_bn_act(n, norm, 8, 3, 1, 4, TD_OP_HSWISH);
    x = td_net_squeeze_excite(n, x, 3, TD_OP_SWISH, TD_OP_SIGMOID);
    x = td_net_squeeze_excite(n, x, 2, TD_OP_RELU, TD_OP_HSIGMOID);
    int small = td_net_conv(n, x, 8, 3, 3, 1, 1); /* 5 x 4 */
    x = td_net_add(n, td_net_resize(n, small, 13, 11), td_net_add(n, x, stem));
    int wide = td_net_act(n, td_net_conv(n, x, 6, 3, 1, 2, 2), TD_OP_RELU);
    td_conv_spec uneven = {.out_c = 5,
                           .kernel = {2, 3},
                           .stride = {1, 1},
                           .dilation = {1, 2},
                           .pad = {1, 3, 0, 1},
                           .groups = 1,
                           .bias = true};
    int odd = td_net_conv_spec(n, x, &uneven);
    int v[3] = {wide, odd, x};
    x = td_net_concat(n, v, 3);
    td_net_name_last(n, "joined");
    int a = td_net_pool(n, x, TD_OP_MAX_POOL, 3, 2), b = td_net_pool(n, x, TD_OP_AVG_POOL, 3, 2);
    x = td_net_mul(n, a, b);
    td_net_name_last(n, "joined"); /* the same name twice */
    x = td_net_pool(n, x, TD_OP_AVG_POOL, 2, 2);
    /* A gate through an fc, and an fc that goes on as an image. */
    int gate = td_net_act(n, td_net_fc(n, x, 19), TD_OP_SIGMOID);
    x = td_net_mul(n, x, gate);
    int vector = td_net_act(n, td_net_fc(n, x, 12), TD_OP_SWISH);
    int fc_norm = td_net_act(n, td_net_bn(n, td_net_fc(n, vector, 10)), TD_OP_HSWISH);
    int last[2] = {td_net_global_pool(n, x), td_net_conv(n, fc_norm, 9, 1, 1, 1, 1)};
    td_net_fc(n, td_net_concat(n, last, 2), 7);
    return n;
}

void random_floats(td_rng *r, float *v, int64_t n, double lo, double hi) {
    for (int64_t i = 0; i < n; i++) v[i] = (float)(lo + (hi - lo) * td_rng_uniform(r));
}

td_weights *random_weights(const td_net *net, td_rng *r) {
    td_weights *w = td_weights_create(net);
    if (w == NULL) return NULL;
    for (int i = 0; i < w->n; i++) {
        td_layer_params_t *p = &w->layer[i];
        int64_t c = td_net_layer(net, i)->c;
        int64_t words = td_layer_params(net, i) - (p->bias != NULL ? c : 0);
        for (int64_t j = 0; p->weight != NULL && j < words; j++)
            p->weight[j] = (float)(td_rng_normal(r) / sqrt((double)words / (double)c));
        if (p->bias != NULL) random_floats(r, p->bias, c, -0.5, 0.5);
        if (p->scale != NULL) {
            random_floats(r, p->scale, c, 0.5, 1.5);
            random_floats(r, p->shift, c, -0.5, 0.5);
            random_floats(r, p->mean, c, -0.5, 0.5);
            random_floats(r, p->var, c, 0.5, 1.5);
        }
    }
    return w;
}

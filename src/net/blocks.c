/* Blocks: convolution with norm and activation, squeeze-excite, inverted bottlenecks. */
#include "graph.h"

#include <math.h>

int td_round_channels(double c, double width, int divisor) {
    double wanted = c * width;
    if (!(wanted > 0) || wanted > TD__MAX_CHANNELS || divisor < 1) return -1;
    int64_t steps = (int64_t)floor(wanted / divisor + 0.5);
    int64_t rounded = (steps < 1 ? 1 : steps) * divisor;
    /* 0.9 has no exact double: without the margin 90 % sharp could count as below. */
    if ((double)rounded < 0.9 * wanted * (1 - 1e-12)) rounded += divisor;
    return (int)rounded;
}

int td_net_conv_bn_act(td_net *net, int x, int out_c, int kernel, int stride, int groups,
                       td_op act) {
    return td_net_act(net, td_net_bn(net, td_net_conv(net, x, out_c, kernel, stride, groups, 1)),
                      act);
}

/* The block's k x k convolution, with norm and activation. */
static int window(td_net *net, int x, int out_c, int groups, const td_block *b) {
    int dilation = b->dilation != 0 ? b->dilation : 1;
    int y = td_net_conv(net, x, out_c, b->kernel, b->stride, groups, dilation);
    return td_net_act(net, td_net_bn(net, y), b->act);
}

/* Channels of value x, or 1 where it does not exist (the next call finds the fault). */
static int channels_of(const td_net *net, int x) {
    const td_layer *l = net != NULL ? td_net_layer(net, x) : NULL;
    return l != NULL ? l->c : 1;
}

int td_net_squeeze_excite(td_net *net, int x, int squeezed_c, td_op act, td_op gate) {
    td_conv_spec spec = {.out_c = squeezed_c,
                         .kernel = {1, 1},
                         .stride = {1, 1},
                         .dilation = {1, 1},
                         .groups = 1,
                         .bias = true};
    int s = td_net_global_pool(net, x);
    s = td_net_act(net, td_net_conv_spec(net, s, &spec), act);
    spec.out_c = channels_of(net, x);
    s = td_net_act(net, td_net_conv_spec(net, s, &spec), gate);
    return td_net_mul(net, x, s);
}

int td_net_block(td_net *net, int x, const td_block *b) {
    int in_c = channels_of(net, x);
    /* An expansion below 1 is left to the channel check of the convolution. */
    int64_t wide = b->expanded != 0 ? b->expanded : (int64_t)in_c * b->expansion;
    int expanded = wide >= 1 && wide <= TD__MAX_CHANNELS ? (int)wide : -1;
    bool expands = b->expanded != 0 ? b->expanded != in_c : b->expansion != 1;

    int y = x;
    bool projects = true;
    int groups = b->groups > 0 ? b->groups : 1;
    if (b->fused) {
        /* Without expansion one convolution does all of it, as in EfficientNetV2 (Tan and Le,
         * 2021): it has the activation, and nothing is left to project. */
        projects = expands;
        y = window(net, x, expands ? expanded : b->out_c, groups, b);
    } else {
        if (expands) y = td_net_conv_bn_act(net, y, expanded, 1, 1, groups, b->act);
        y = window(net, y, expanded, expanded, b);
    }
    if (b->se > 0 || b->squeezed != 0) {
        double squeezed = floor(in_c * b->se + 1e-9); /* EfficientNet: whole part, at least 1 */
        if (squeezed < 1) squeezed = 1;
        if (b->squeezed != 0) squeezed = b->squeezed;
        if (squeezed > TD__MAX_CHANNELS) squeezed = TD__MAX_CHANNELS + 1.0; /* refused */
        y = td_net_squeeze_excite(net, y, (int)squeezed, b->se_act != 0 ? b->se_act : b->act,
                                  b->gate != 0 ? b->gate : TD_OP_SIGMOID);
    }
    if (projects) y = td_net_bn(net, td_net_conv(net, y, b->out_c, 1, 1, 1, 1));
    if (b->residual && b->stride == 1 && in_c == b->out_c) y = td_net_add(net, y, x);
    return y;
}

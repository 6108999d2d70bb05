/* Scales, zero points, and integers for weights and biases. */
#include <math.h>
#include <stdlib.h>

#include "range.h"

/* What is known of a layer before its scales are chosen. */
typedef struct {
    int readers; /* that run */
    int reader;  /* one of them */
} use;

/* runs: the result depends on it. */
static void find_uses(const td_net *net, td_quantised_layer *layer, use *u) {
    for (int i = td_net_size(net) - 1; i >= 0; i--) {
        const td_layer *l = td_net_layer(net, i);
        if (i == td_net_output(net) || i == 0) layer[i].runs = true;
        for (int k = 0; layer[i].runs && k < l->n_inputs; k++) {
            layer[l->input[k]].runs = true;
            u[l->input[k]].readers++;
            u[l->input[k]].reader = i;
        }
    }
}

/* The activation behind value i is a bound of its words. */
static bool takes_activation(const td_net *net, const use *u, int i) {
    td_op op = td_net_layer(net, i)->op;
    if ((op != TD_OP_CONV && op != TD_OP_FC && op != TD_OP_ADD) || u[i].readers != 1) return false;
    td_op next = td_net_layer(net, u[i].reader)->op;
    return next == TD_OP_RELU || next == TD_OP_RELU6;
}

static td_status check_bits(const td_layer *l, td_error *err) {
    bool weights = l->op == TD_OP_CONV || l->op == TD_OP_FC;
    for (int t = weights ? TD_W : TD_I; t < TD_NTENSOR; t++)
        if (l->bits[t] < TD_QUANT_LEAST_BITS || l->bits[t] > TD_QUANT_MOST_BITS)
            return td_fail(err, TD_E_UNSUPPORTED,
                           "layer %s: %s of %d bits; integer networks have %d to %d", l->name,
                           t == TD_W ? "weights" : "values", l->bits[t], TD_QUANT_LEAST_BITS,
                           TD_QUANT_MOST_BITS);
    return TD_OK;
}

/* ---- parameters ------------------------------------------------------------------------------ */

static int64_t words_per_channel(const td_net *net, int i) {
    const td_layer *l = td_net_layer(net, i);
    td_shape in = td_layer_input(net, i, 0);
    if (l->op == TD_OP_FC) return (int64_t)in.c * in.h * in.w;
    return (int64_t)(in.c / l->groups) * l->kernel[0] * l->kernel[1];
}

/* Largest sum that words of this range can make: with the bias, and without it and the zero point,
 * which may be taken off in the end. */
static double largest_sum(const td_quant *in, const int8_t *w, int64_t n, int32_t bias) {
    double above = td__quant_most(in) - in->zero, below = td__quant_least(in) - in->zero;
    double hi = bias, lo = bias, bare = 0;
    for (int64_t j = 0; j < n; j++) {
        hi += fmax(w[j] * above, w[j] * below);
        lo += fmin(w[j] * above, w[j] * below);
        bare += abs(w[j]);
    }
    return fmax(fmax(hi, -lo), -bare * td__quant_least(in));
}

static td_status quantise_channel(const td_layer *l, td_quantised_layer *out, const float *w,
                                  float bias, int32_t k, int64_t n, td_error *err) {
    int most = (1 << (l->bits[TD_W] - 1)) - 1;
    const int bits = l->acc_bits < 32 ? l->acc_bits : 32; /* of sums */
    const double most_sum = ldexp(1, bits - 1) - 1;
    const td_quant *in = &out->in[0];
    double largest = 0;
    for (int64_t j = 0; j < n; j++) largest = fmax(largest, fabs((double)w[j]));
    /* A bias that would fill the sums by itself asks for a coarser scale. */
    double least = fabs((double)bias) / ((double)in->scale * most_sum / 2);
    double scale = fmax(largest / most, least);
    out->weight_scale[k] = scale > 1e-30 ? (float)scale : 1;
    int8_t *word = out->weight + k * n;
    for (int64_t j = 0; j < n; j++) {
        float x = nearbyintf(w[j] / out->weight_scale[k]);
        word[j] = (int8_t)fmaxf((float)-most, fminf(x, (float)most));
    }
    int32_t b = (int32_t)nearbyint((double)bias / (double)(in->scale * out->weight_scale[k]));
    if (out->bias != NULL) out->bias[k] = b;
    if (largest_sum(in, word, n, b) <= most_sum) return TD_OK;
    return td_fail(err, TD_E_UNSUPPORTED,
                   "layer %s: sums of channel %d can reach %.4g, more than %d bits hold", l->name,
                   k, largest_sum(in, word, n, b), bits);
}

static td_status quantise_parameters(td_quantised *q, int i, td_error *err) {
    const td_layer *l = td_net_layer(q->net, i);
    const td_layer_params_t *from = &q->weights->layer[i];
    td_quantised_layer *out = &q->layer[i];
    int64_t n = words_per_channel(q->net, i);
    out->weight = TD_NEW(q->arena, int8_t, n * l->c);
    out->weight_scale = TD_NEW(q->arena, float, l->c);
    if (l->bias) out->bias = TD_NEW(q->arena, int32_t, l->c);
    if (out->weight == NULL || out->weight_scale == NULL || (l->bias && out->bias == NULL))
        return td_fail(err, TD_E_MEMORY, "out of memory for quantised weights");
    td_status s = TD_OK;
    for (int32_t k = 0; s == TD_OK && k < l->c; k++)
        s = quantise_channel(l, out, from->weight + k * n, l->bias ? from->bias[k] : 0, k, n, err);
    return s;
}

/* ---- the network ----------------------------------------------------------------------------- */

static td_quant quant_at(const td_range *r, int bits) {
    return td__quant_of((double)r->at[bits].lo, (double)r->at[bits].hi, bits);
}

static td_status quantise_layer(td_quantised *q, int i, const td_range *range, const use *u,
                                td_error *err) {
    const td_layer *l = td_net_layer(q->net, i);
    td_quantised_layer *out = &q->layer[i];
    td_status s = check_bits(l, err);
    out->in = TD_NEW(q->arena, td_quant, l->n_inputs + 1);
    if (out->in == NULL) return td_fail(err, TD_E_MEMORY, "out of memory for a quantised network");
    for (int k = 0; s == TD_OK && k < l->n_inputs; k++) {
        const td_quant *value = &q->layer[l->input[k]].out;
        out->in[k] =
            l->bits[TD_I] < value->bits ? quant_at(&range[l->input[k]], l->bits[TD_I]) : *value;
    }
    if (s != TD_OK) return s;
    if (!takes_activation(q->net, u, i)) out->out = quant_at(&range[i], l->bits[TD_O]);
    /* The largest of some words is one of them. */
    if (l->op == TD_OP_MAX_POOL && out->in[0].bits == out->out.bits) out->out = out->in[0];
    return l->op == TD_OP_CONV || l->op == TD_OP_FC ? quantise_parameters(q, i, err) : TD_OK;
}

/* Takes net and w, also when it fails. */
static td_status quantise_folded(td_net *net, td_weights *w, const td_range *range,
                                 td_quantised **out, td_error *err) {
    int n = td_net_size(net);
    td_arena *a = td_arena_create();
    td_quantised *q = a != NULL ? TD_NEW(a, td_quantised, 1) : NULL;
    use *u = a != NULL ? TD_NEW(a, use, n) : NULL;
    td_quantised_layer *layer = a != NULL ? TD_NEW(a, td_quantised_layer, n) : NULL;
    if (q == NULL || u == NULL || layer == NULL) {
        td_arena_destroy(a);
        td_net_destroy(net);
        td_weights_destroy(w);
        return td_fail(err, TD_E_MEMORY, "out of memory for a quantised network");
    }
    *q = (td_quantised){.arena = a, .net = net, .weights = w, .layer = layer};
    find_uses(net, layer, u);
    td_status s = TD_OK;
    for (int i = 0; s == TD_OK && i < n; i++)
        if (layer[i].runs) s = quantise_layer(q, i, range, u, err);
    if (s != TD_OK) {
        td_quantised_destroy(q);
        return s;
    }
    *out = q;
    return TD_OK;
}

static td_status fold(const td_net *net, const td_weights *w, td_net **folded, td_weights **weights,
                      td_error *err) {
    if (w == NULL) return td_fail(err, TD_E_USAGE, "quantising a network without weights");
    td_status s = td_net_check(net, err);
    if (s == TD_OK) s = td_net_runs(net, err);
    return s == TD_OK ? td_net_fold_bn(net, w, folded, weights, err) : s;
}

td_status td_quantise_ranges(const td_net *net, const td_weights *w, const td_range *range,
                             td_quantised **q, td_error *err) {
    td_net *folded;
    td_weights *weights;
    *q = NULL;
    td_status s = fold(net, w, &folded, &weights, err);
    return s == TD_OK ? quantise_folded(folded, weights, range, q, err) : s;
}

td_status td_quantise(const td_net *net, const td_weights *w, const td_dataset *d,
                      const td_calibration *c, td_quantised **q, td_error *err) {
    td_net *folded;
    td_weights *weights;
    *q = NULL;
    td_status s = fold(net, w, &folded, &weights, err);
    if (s != TD_OK) return s;
    td_range *range = calloc((size_t)td_net_size(folded), sizeof *range);
    s = range != NULL ? td_calibrate(folded, weights, d, c, range, err)
                      : td_fail(err, TD_E_MEMORY, "out of memory for a calibration");
    if (s == TD_OK) {
        s = quantise_folded(folded, weights, range, q, err);
    } else {
        td_net_destroy(folded);
        td_weights_destroy(weights);
    }
    free(range);
    return s;
}

/* What a network costs in MACs, words and bytes, and its layers as the cost core sees them. */
#include "graph.h"

#include <stdlib.h>
#include <string.h>

int64_t td_layer_macs(const td_net *net, int i) {
    const td_layer *l = td_net_layer(net, i);
    if (l == NULL || !td_op_mapped(l->op)) return 0;
    td_shape x = td__layer_input(net, l, 0);
    if (l->op == TD_OP_FC) return td__shape_words(x) * l->c;
    if (l->op == TD_OP_MATMUL) return td__layer_words(l) * x.w;
    int64_t taps = (int64_t)l->kernel[0] * l->kernel[1];
    if (l->op == TD_OP_CONV_TRANSPOSE) return td__shape_words(x) * (l->c / l->groups) * taps;
    return td__layer_words(l) * (x.c / l->groups) * taps;
}

/* Words of the weight tensor proper. */
static int64_t weight_words(const td_net *net, const td_layer *l) {
    if (!td_op_mapped(l->op) || l->op == TD_OP_MATMUL) return 0;
    td_shape x = td__layer_input(net, l, 0);
    if (l->op == TD_OP_FC) return td__shape_words(x) * l->c;
    return (int64_t)l->c * (x.c / l->groups) * l->kernel[0] * l->kernel[1];
}

int64_t td_layer_params(const td_net *net, int i) {
    const td_layer *l = td_net_layer(net, i);
    if (l == NULL) return 0;
    if (l->op == TD_OP_BN) return 2 * (int64_t)l->c;
    return weight_words(net, l) + (l->bias ? l->c : 0) + l->constants;
}

static int64_t bytes_of(int64_t words, int bits) {
    return (words * bits + 7) / 8;
}

/* Parameters as they are stored: weights in bits[W], biases (added to the sums) in acc_bits, an
 * unfolded batch norm's scale and shift in bits[W]. */
static int64_t layer_weight_bytes(const td_net *net, const td_layer *l) {
    if (l->op == TD_OP_BN) return 2 * bytes_of(l->c, l->bits[TD_W]);
    int64_t bytes = bytes_of(weight_words(net, l) + l->constants, l->bits[TD_W]);
    return l->bias ? bytes + bytes_of(l->c, l->acc_bits) : bytes;
}

/* Layers run in the order of their numbers. A batch norm or activation that is the only reader of
 * its input works in place: of such a chain only the last value is counted. A value lives from the
 * layer that makes it to the last one that reads it; a layer's inputs and output live together. */
static void count_activations(const td_net *net, td_net_totals *out) {
    size_t n = (size_t)net->n;
    int32_t *memory = calloc(4 * n, sizeof *memory);
    int64_t *change = calloc(n + 1, sizeof *change);
    if (memory == NULL || change == NULL) {
        out->activation_bytes_peak = out->activation_bytes_sum = -1;
        goto done;
    }
    int32_t *readers = memory, *owner = memory + n, *made = memory + 2 * n, *last = memory + 3 * n;
    td__net_readers(net, readers);
    /* owner[i]: the last value of the chain that value i is overwritten in. */
    for (int i = net->n - 1; i >= 0; i--) owner[i] = i;
    for (int i = net->n - 1; i > 0; i--) {
        const td_layer *l = &net->layer[i];
        int x = l->input[0];
        bool alone = l->op == TD_OP_ELEMENTWISE && l->n_inputs == 1;
        if ((l->op == TD_OP_BN || td__op_is_act(l->op) || alone) && readers[x] == 1)
            owner[x] = owner[i];
    }
    for (int i = 0; i < net->n; i++) made[i] = -1;
    for (int i = 0; i < net->n; i++) {
        int o = owner[i];
        if (made[o] < 0) made[o] = i;
        last[o] = i;
        for (int k = 0; k < net->layer[i].n_inputs; k++) last[owner[net->layer[i].input[k]]] = i;
    }
    last[owner[net->n - 1]] = net->n - 1;
    for (int i = 0; i < net->n; i++) {
        if (owner[i] != i) continue;
        int64_t bytes = bytes_of(td__layer_words(&net->layer[i]), net->layer[i].bits[TD_O]);
        out->activation_bytes_sum += bytes;
        change[made[i]] += bytes;
        change[last[i] + 1] -= bytes;
    }
    int64_t live = 0;
    for (int i = 0; i < net->n; i++) {
        live += change[i];
        if (live > out->activation_bytes_peak) out->activation_bytes_peak = live;
    }
done:
    free(memory);
    free(change);
}

void td_net_count(const td_net *net, td_net_totals *out) {
    *out = (td_net_totals){0};
    for (int i = 0; i < net->n; i++) {
        const td_layer *l = &net->layer[i];
        out->macs += td_layer_macs(net, i);
        out->params += td_layer_params(net, i);
        out->weight_bytes += layer_weight_bytes(net, l);
        if (td_op_mapped(l->op)) out->layers++;
    }
    if (net->n > 0) count_activations(net, out);
}

/* Of the padding at the end only what the last window reaches: at stride 2 it is often less than
 * the layer says. */
static void windows(const td_layer *l, td_shape x, td_problem *out) {
    const int32_t size[2] = {x.h, x.w};
    for (int a = 0; a < 2; a++) {
        out->dim[TD_R + a] = l->kernel[a];
        out->stride[a] = l->stride[a];
        out->dilation[a] = l->dilation[a];
        int64_t reach = ((int64_t)out->dim[TD_P + a] - 1) * l->stride[a] +
                        ((int64_t)l->kernel[a] - 1) * l->dilation[a] + 1;
        int64_t beyond = reach - l->pad[a] - size[a];
        out->pad[a] = l->pad[a];
        out->pad[a + 2] = beyond > 0 ? (int32_t)beyond : 0;
    }
}

/* At stride 1 a sub-pixel convolution's windows reach over the border by their taps but one; where
 * exactly the zeros lie differs from one to the next, so half of them are put on each side. */
static void sub_pixel_windows(const td_layer *l, td_problem *out) {
    for (int a = 0; a < 2; a++) {
        bool divides = l->kernel[a] % l->stride[a] == 0 && l->dilation[a] == 1;
        int taps = divides ? l->kernel[a] / l->stride[a] : 1;
        out->dim[TD_K] *= l->kernel[a] / taps;
        out->dim[TD_R + a] = taps;
        out->pad[a] = (taps - 1) / 2;
        out->pad[a + 2] = taps - 1 - out->pad[a];
    }
}

bool td_layer_problem(const td_net *net, int i, int batch, td_problem *out) {
    const td_layer *l = td_net_layer(net, i);
    if (l == NULL || !td_op_mapped(l->op)) return false;
    td_shape x = td__layer_input(net, l, 0);
    *out = (td_problem){.stride = {1, 1}, .dilation = {1, 1}};
    for (int d = 0; d < TD_NDIM; d++) out->dim[d] = 1;
    out->dim[TD_N] = batch;
    memcpy(out->bits, l->bits, sizeof out->bits);
    out->acc_bits = l->acc_bits;
    if (l->op == TD_OP_FC) {
        out->dim[TD_K] = l->c;
        out->dim[TD_C] = (int32_t)td__shape_words(x);
        return true;
    }
    if (l->op == TD_OP_MATMUL) { /* every sample has its own second operand: a group */
        int64_t matrices = (int64_t)l->c * batch;
        out->dim[TD_N] = 1;
        out->dim[TD_G] = matrices < INT32_MAX ? (int32_t)matrices : INT32_MAX;
        out->dim[TD_P] = l->h;
        out->dim[TD_K] = l->w;
        out->dim[TD_C] = x.w;
        return true;
    }
    bool transposed = l->op == TD_OP_CONV_TRANSPOSE;
    out->dim[TD_G] = l->groups;
    out->dim[TD_K] = l->c / l->groups;
    out->dim[TD_C] = x.c / l->groups;
    out->dim[TD_P] = transposed ? x.h : l->h;
    out->dim[TD_Q] = transposed ? x.w : l->w;
    if (transposed)
        sub_pixel_windows(l, out);
    else
        windows(l, x, out);
    return true;
}

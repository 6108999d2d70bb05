/* Folding batch norms into the convolutions before them:
 *     scale * (W x + b - mean) / sqrt(var + eps) + shift
 *         = (f W) x + f (b - mean) + shift      with f = scale / sqrt(var + eps), per channel. */
#include "graph.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* host[i]: the convolution (or fc) whose result value i is once folding is done, i itself for such
 * a layer, -1 for other layers. */
static void find_hosts(const td_net *net, const int32_t *readers, int32_t *host) {
    for (int i = 0; i < net->n; i++) {
        const td_layer *l = &net->layer[i];
        host[i] = -1;
        if (l->op == TD_OP_CONV || l->op == TD_OP_FC) host[i] = i;
        if (l->op == TD_OP_BN && readers[l->input[0]] == 1) host[i] = host[l->input[0]];
    }
    /* The result is the last value, so a norm at the end stays if others would be behind its host.
     */
    int end = net->n - 1, i = end;
    while (i > 0 && host[end] >= 0 && host[i] == host[end] && i != host[end]) i--;
    if (i != host[end] && net->layer[end].op == TD_OP_BN) host[end] = -1;
}

static void fold_one(td_layer_params_t *conv, const td_layer_params_t *bn, int32_t channels,
                     int64_t words_per_channel, double eps) {
    for (int32_t k = 0; k < channels; k++) {
        double f = bn->scale[k] / sqrt(bn->var[k] + eps);
        float *w = conv->weight + k * words_per_channel;
        for (int64_t j = 0; j < words_per_channel; j++) w[j] = (float)(f * w[j]);
        conv->bias[k] = (float)(f * ((double)conv->bias[k] - bn->mean[k]) + bn->shift[k]);
    }
}

td_status td_net_fold_bn(const td_net *net, const td_weights *w, td_net **folded,
                         td_weights **folded_weights, td_error *err) {
    *folded = NULL;
    if (folded_weights != NULL) *folded_weights = NULL;
    td_status status = td_net_check(net, err);
    if (status != TD_OK) return status;
    if (w != NULL && w->n != net->n)
        return td_fail(err, TD_E_USAGE, "weights of %d layers for network '%.64s' of %d", w->n,
                       net->name, net->n);
    if ((w != NULL) != (folded_weights != NULL))
        return td_fail(err, TD_E_USAGE, "fold: weights are needed on both sides or on neither");

    size_t n = (size_t)net->n;
    td_net *made = NULL;
    td_weights *made_weights = NULL;
    int32_t *memory = calloc(4 * n, sizeof *memory);
    if (memory == NULL) goto no_memory;
    int32_t *readers = memory, *host = memory + n, *last = memory + 2 * n, *value = memory + 3 * n;
    td__net_readers(net, readers);
    find_hosts(net, readers, host);
    for (int i = 0; i < net->n; i++)
        if (host[i] >= 0) last[host[i]] = i; /* the last batch norm of a host, or itself */

    const td_layer *in = &net->layer[0];
    made = td_net_create(net->name, TD_DIM(in->c, in->h, in->w));
    if (made == NULL) goto no_memory;
    made->layer[0] = *in;
    for (int i = 1; i < net->n; i++) {
        if (host[i] >= 0 && host[i] != i) {
            value[i] = value[host[i]];
            continue;
        }
        td_layer l = net->layer[i];
        for (int k = 0; k < l.n_inputs; k++) l.input[k] = value[l.input[k]];
        if (host[i] == i && last[i] != i) {
            l.bias = true;
            l.bits[TD_O] = net->layer[last[i]].bits[TD_O];
        }
        value[i] = td__net_add_layer(made, &l);
    }
    status = td_net_check(made, err);
    if (status != TD_OK) goto fail;

    if (w != NULL) {
        made_weights = td_weights_create(made);
        if (made_weights == NULL) goto no_memory;
        made_weights->bn_eps = w->bn_eps;
        for (int i = 1; i < net->n; i++) {
            const td_layer_params_t *from = &w->layer[i];
            td_layer_params_t *to = &made_weights->layer[value[i]];
            int64_t channels = net->layer[i].c;
            if (host[i] == i) {
                int64_t words = td_layer_params(net, i) - (net->layer[i].bias ? channels : 0);
                memcpy(to->weight, from->weight, (size_t)words * sizeof(float));
                if (from->bias != NULL)
                    memcpy(to->bias, from->bias, (size_t)channels * sizeof(float));
            } else if (host[i] >= 0) {
                int h = host[i];
                int64_t words = td_layer_params(net, h) - (net->layer[h].bias ? channels : 0);
                fold_one(to, from, (int32_t)channels, words / channels, (double)w->bn_eps);
            } else if (from->scale != NULL) {
                memcpy(to->scale, from->scale, (size_t)channels * sizeof(float));
                memcpy(to->shift, from->shift, (size_t)channels * sizeof(float));
                memcpy(to->mean, from->mean, (size_t)channels * sizeof(float));
                memcpy(to->var, from->var, (size_t)channels * sizeof(float));
            }
        }
        *folded_weights = made_weights;
    }
    *folded = made;
    free(memory);
    return TD_OK;

no_memory:
    status = td_fail(err, TD_E_MEMORY, "out of memory for folding network '%.64s'", net->name);
fail:
    free(memory);
    td_net_destroy(made);
    td_weights_destroy(made_weights);
    return status;
}

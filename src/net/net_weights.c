/* Memory for the parameters of a network. */
#include "graph.h"

#include <stdlib.h>

/* Words of the six arrays of a layer, in the order of td_layer_params_t. */
static void layer_words(const td_net *net, int i, int64_t words[6]) {
    const td_layer *l = &net->layer[i];
    for (int k = 0; k < 6; k++) words[k] = 0;
    if (l->op == TD_OP_CONV || l->op == TD_OP_FC) {
        words[1] = l->bias ? l->c : 0;
        words[0] = td_layer_params(net, i) - words[1];
    } else if (l->op == TD_OP_BN) {
        for (int k = 2; k < 6; k++) words[k] = l->c;
    }
}

td_weights *td_weights_create(const td_net *net) {
    if (net == NULL || net->fault.code != TD_OK) return NULL;
    int64_t total = 0, words[6];
    for (int i = 0; i < net->n; i++) {
        layer_words(net, i, words);
        for (int k = 0; k < 6; k++) total += words[k];
    }
    td_weights *w = calloc(1, sizeof *w);
    if (w == NULL) return NULL;
    w->n = net->n;
    w->count = total;
    w->bn_eps = 1e-5F;
    w->layer = calloc((size_t)net->n, sizeof *w->layer);
    w->data = calloc(total > 0 ? (size_t)total : 1, sizeof *w->data);
    if (w->layer == NULL || w->data == NULL) {
        td_weights_destroy(w);
        return NULL;
    }
    float *next = w->data;
    for (int i = 0; i < net->n; i++) {
        layer_words(net, i, words);
        td_layer_params_t *p = &w->layer[i];
        float **array[6] = {&p->weight, &p->bias, &p->scale, &p->shift, &p->mean, &p->var};
        for (int k = 0; k < 6; k++) {
            if (words[k] == 0) continue;
            *array[k] = next;
            next += words[k];
        }
        for (int64_t c = 0; c < words[2]; c++) p->scale[c] = p->var[c] = 1;
    }
    return w;
}

void td_weights_destroy(td_weights *w) {
    if (w == NULL) return;
    free(w->data);
    free(w->layer);
    free(w);
}

void td_quantised_destroy(td_quantised *q) {
    if (q == NULL) return;
    td_net_destroy(q->net);
    td_weights_destroy(q->weights);
    td_arena_destroy(q->arena); /* q itself lives in it */
}

#include "init.h"

#include <string.h>

void td__init_weights(const td_net *net, uint64_t seed, td_weights *w) {
    for (int i = 0; i < td_net_size(net); i++) {
        const td_layer *l = td_net_layer(net, i);
        td_layer_params_t *p = &w->layer[i];
        if (p->weight == NULL) continue;
        int64_t words = td_layer_params(net, i) - (l->bias ? l->c : 0);
        double variance;
        if (l->op == TD_OP_FC)
            variance = (double)l->c / (double)words;
        else
            variance = 2.0 / ((double)l->c / l->groups * l->kernel[0] * l->kernel[1]);
        td_rng r = td_rng_make(seed, (uint64_t)i, TD_RNG_INIT_WEIGHTS);
        double deviation = sqrt(variance);
        for (int64_t k = 0; k < words; k++) p->weight[k] = (float)(deviation * td_rng_normal(&r));
        for (int32_t k = 0; l->bias && k < l->c; k++) p->bias[k] = 0;
    }
}

void td__weights_copy(td_weights *to, const td_weights *from) {
    memcpy(to->data, from->data, sizeof(float) * (size_t)from->count);
    to->bn_eps = from->bn_eps;
}

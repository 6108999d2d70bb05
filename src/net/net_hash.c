/* The hash of a network's structure: what two networks must share to be the same for training and
 * for cost. Names and weights are left out; precisions are in, since the cost depends on them. */
#include "graph.h"

static void put(unsigned char *bytes, int *n, int32_t v) {
    for (int k = 0; k < 4; k++) bytes[(*n)++] = (unsigned char)((uint32_t)v >> (8 * k));
}

uint64_t td_net_hash(const td_net *net) {
    uint64_t h = td_hash_text("tandem network 1", 0);
    for (int i = 0; i < net->n; i++) {
        const td_layer *l = &net->layer[i];
        unsigned char bytes[4 * (TD_MAX_INPUTS + 32)];
        int n = 0;
        put(bytes, &n, l->n_inputs);
        for (int k = 0; k < l->n_inputs; k++) put(bytes, &n, l->input[k]);
        const int32_t attributes[] = {l->c,           l->h,          l->w,         l->kernel[0],
                                      l->kernel[1],   l->stride[0],  l->stride[1], l->dilation[0],
                                      l->dilation[1], l->pad[0],     l->pad[1],    l->pad[2],
                                      l->pad[3],      l->groups,     l->bias,      l->bits[TD_W],
                                      l->bits[TD_I],  l->bits[TD_O], l->acc_bits};
        for (size_t k = 0; k < sizeof attributes / sizeof attributes[0]; k++)
            put(bytes, &n, attributes[k]);
        /* What layers of images do not have stands at the end, if at all, so that their hashes are
         * those of before it was there. */
        const td_shape *v = l->view;
        if (v[0].c > 0 || v[1].c > 0 || l->constants > 0) {
            const int32_t more[] = {v[0].c,
                                    v[0].h,
                                    v[0].w,
                                    v[1].c,
                                    v[1].h,
                                    v[1].w,
                                    (int32_t)(l->constants & INT32_MAX),
                                    (int32_t)(l->constants >> 31)};
            for (size_t k = 0; k < sizeof more / sizeof more[0]; k++) put(bytes, &n, more[k]);
        }
        /* The name of the op, not its number, which may change from release to release. */
        h = td_hash(bytes, (size_t)n, td_hash_text(td_op_name(l->op), h));
    }
    return h;
}

/* The network's inside, for the files of this room. */
#ifndef TANDEM_NET_GRAPH_H
#define TANDEM_NET_GRAPH_H

#include "tandem/net.h"

/* Limits that keep every count of a network below 2^62, whatever a file says. */
enum { TD__MAX_SIDE = 65536, TD__MAX_CHANNELS = 1 << 20, TD__MAX_LAYERS = 65536 };
#define TD__MAX_VALUE_WORDS (INT64_C(1) << 40) /* one value of one sample */
#define TD__MAX_PARAMS (INT64_C(1) << 48)      /* of the network */
#define TD__MAX_MACS (INT64_C(1) << 61)        /* of the network */

struct td_net {
    char *name;
    td_layer *layer;
    int n, capacity;
    int64_t macs, params; /* so far, for the limits */
    td_error fault;       /* the first one; code TD_OK if none */
};

/* Adds a layer whose op, inputs, attributes, output channels (conv, fc) and sides (resize) are set;
 * infers the shape, fills what is not set (name: made; bits: 8, 8, 8, 32; attributes the op lacks:
 * neutral). Returns its value or -1. */
int td__net_add_layer(td_net *net, const td_layer *spec);

/* An empty layer with neutral attributes. */
td_layer td__layer_make(td_op op);

/* "Same" padding in top, left, bottom, right: ceil(size / stride) outputs. Even kernels pad one
 * more at the bottom and right. */
void td__same_pad(const int32_t kernel[2], const int32_t dilation[2], int32_t pad[4]);

/* Words of a layer's output, of one sample. */
static inline int64_t td__layer_words(const td_layer *l) {
    return (int64_t)l->c * l->h * l->w;
}

/* Of a shape within the limits above. */
static inline int64_t td__shape_words(td_shape s) {
    return (int64_t)s.c * s.h * s.w;
}

/* Some c x h x w of so many words (1..2^40), or of a few more. */
td_shape td__shape_of_words(int64_t words);

/* td_layer_input of a layer that is not in the network yet. */
td_shape td__layer_input(const td_net *net, const td_layer *l, int k);

/* readers[i] = how many layer inputs read value i. */
void td__net_readers(const td_net *net, int32_t *readers);

static inline bool td__op_is_act(td_op op) {
    return op >= TD_OP_RELU && op < TD_NOP;
}

#endif

/* kernels.h - the operations of a network on a handful of images, behind one table per back end.
 *
 * A kernel is one layer's operation for a fixed number of images and fixed shapes. All tensors are
 * [image][row][column][channel] in the number type of the trainer, so that images can be cut out of
 * a batch by an offset; what layout a back end wants its weights in is its own affair.
 *
 *     create        once per layer: picks the fastest implementation for the shapes
 *     bind          fixes the addresses of one forward or backward run: a td__call
 *     load          after each update: plain weights -> the kernel's layout
 *     run           a bound call: forward, or backward (input gradient and weight gradient)
 *     unload        the gradients that backward runs gathered -> plain layout
 *
 * A faster back end is another td__kernel_class and a line in td__kernel_create(). Batch norms cut
 * across a batch and have their own module (batch_norm.h). */
#ifndef TANDEM_TRAIN_KERNELS_H
#define TANDEM_TRAIN_KERNELS_H

#include "tandem/train.h"

typedef struct td__backend td__backend; /* what the kernels of one trainer share */
typedef struct td__kernel td__kernel;
typedef struct td__call td__call;

typedef struct {
    const td_layer *layer; /* lives as long as the kernel */
    td_number number;
    int images, n_in;
    td_shape in[TD_MAX_INPUTS], out;
    bool training;                 /* backward will be wanted */
    bool want_d_in[TD_MAX_INPUTS]; /* which inputs' gradients */
} td__kernel_spec;

/* Addresses of one run. Backward: d_out and in[] are read, d_in[] written (not added to). */
typedef struct {
    bool backward;
    bool first; /* backward: weight gradients are overwritten, not added to */
    const void *in[TD_MAX_INPUTS], *d_out;
    void *out, *d_in[TD_MAX_INPUTS];
} td__tensors;

typedef struct {
    const char *name;
    td_status (*create)(td__backend *be, const td__kernel_spec *s, td__kernel **out, td_error *err);
    void (*destroy)(td__kernel *k);
    /* Plain parameters and gradients; addresses stay fixed. NULL where the kernel has none. */
    td_status (*attach)(td__kernel *k, const td_layer_params_t *param,
                        const td_layer_params_t *gradient, td_error *err);
    td_status (*load)(td__kernel *k);
    td_status (*unload)(td__kernel *k);
    td_status (*bind)(td__kernel *k, const td__tensors *t, td__call **call, td_error *err);
    td_status (*run)(td__kernel *k, const td__call *call);
    void (*unbind)(td__call *call);
} td__kernel_class;

struct td__kernel {
    const td__kernel_class *class;
    td__kernel_spec spec;
};

extern const td__kernel_class td__kernel_conv;      /* conv, fc (onednn_conv.c) */
extern const td__kernel_class td__kernel_depthwise; /* some of them (depthwise.c) */
bool td__depthwise_fits(const td__kernel_spec *s);
extern const td__kernel_class td__kernel_pool;     /* onednn_pool.c */
extern const td__kernel_class td__kernel_act;      /* onednn_act.c */
extern const td__kernel_class td__kernel_hsigmoid; /* hard_sigmoid.c */
extern const td__kernel_class td__kernel_combine;  /* add, mul, concat (combine.c) */

td_status td__backend_create(td__backend **out, td_error *err);
void td__backend_destroy(td__backend *be);
/* Between the last create and the first bind. */
td_status td__backend_ready(td__backend *be, td_error *err);
/* Dispatches to the class for the layer's operation. Errors name the layer. */
td_status td__kernel_create(td__backend *be, const td__kernel_spec *s, td__kernel **out,
                            td_error *err);

static inline size_t td__number_bytes(td_number n) {
    return n == TD_BF16 ? 2 : 4;
}
static inline int64_t td__shape_words(td_shape s) {
    return (int64_t)s.c * s.h * s.w;
}

#endif

/* plan.h - in which order a batch goes through a network, and where everything lies.
 *
 * A batch norm needs its whole batch before it can give out anything; all else works image by
 * image. So the network is cut into stages at its batch norms, and a stage takes a few images at a
 * time through all of its layers, while they are in the cache:
 *
 *     stage 0     input -> conv ------------> x1, and sums of x1
 *     stage 1     x1 -> bn, relu -> conv ---> x2, and sums of x2       (y1 exists for a few images)
 *     stage 2     x2 -> bn, relu -> fc -> loss, and backward down to d_y2 and its sums
 *     stage 1     d_y2, x2 -> d_x2 -> conv backward (y1 is made again from x1) -> d_y1 and its sums
 *     stage 0     d_y1, x1 -> d_x1 -> conv backward
 *
 * Only what passes from one sweep to another (x1, x2, d_y2, d_y1) is kept for the whole batch. The
 * plan is a list of sweeps ("phases") of commands over buffers, written once per network. */
#ifndef TANDEM_TRAIN_PLAN_H
#define TANDEM_TRAIN_PLAN_H

#include "tandem/net.h"
#include "tandem/train.h"

/* One layer, or a batch norm with its activation. */
typedef struct {
    const td_layer *layer; /* of the network's clone in the plan */
    int index;             /* of the layer in the network: where its parameters are */
    bool bn, has_params;
    td_op act;                        /* fused into the batch norm; TD_OP_BN: none */
    int n_in, in[TD_MAX_INPUTS], out; /* values */
    int stage;
    bool want_d_in[TD_MAX_INPUTS];
} td__op;

typedef struct {
    td_shape shape;
    int producer; /* operation, -1: not made */
    int stage;
    bool wants_gradient;
    bool crosses; /* read in another stage than its own */
    int buffer;   /* of the forward pass, -1 */
    int gradient; /* while the backward pass is planned, -1 */
} td__value;

typedef enum {
    TD__FORWARD,  /* in -> out */
    TD__STATS,    /* batch norm: sums of in[0] */
    TD__LOSS,     /* in[0] (scores) -> out (their gradient) */
    TD__BACKWARD, /* in, d_out -> d_in, gradients of parameters */
    TD__REDUCE,   /* batch norm: in[0], d_out -> sums */
    TD__INPUT,    /* batch norm: in[0], d_out -> d_in[0] */
    TD__SUM       /* in[0] + in[1] -> out */
} td__verb;

/* Buffers by number, -1: none. */
typedef struct {
    td__verb verb;
    int op;
    int in[TD_MAX_INPUTS], out, d_out, d_in[TD_MAX_INPUTS];
} td__command;

typedef struct {
    int stage;
    bool forward, backward; /* the last stage is both at once */
    int first, n;           /* commands */
    int images;             /* taken at a time; divides the batch */
} td__phase;

typedef struct {
    int64_t image_bytes;
    int first, last;             /* commands that touch it */
    int first_phase, last_phase; /* phases of those */
    bool full;                   /* for the whole batch, else for the images of a chunk */
    size_t offset;               /* in the arena for the one or the other */
} td__buffer;

typedef struct {
    td_arena *arena;
    td_net *net;
    int batch;
    td_number number;
    bool training;
    int n_ops, n_values, n_stages, n_phases, n_commands, n_buffers;
    td__op *op;
    td__value *value;
    td__phase *phase;
    td__command *command;
    td__buffer *buffer;
    int command_capacity, buffer_capacity;
    int input, output; /* buffers of the images and of the scores; both full */
    size_t full_bytes, chunk_bytes;
} td__plan;

/* cache_bytes: what a stage's images should fit into. Errors: TD_E_UNSUPPORTED for a network that
 * does not end in one score per class. Caller destroys. */
td_status td__plan_create(const td_net *net, int batch, td_number number, bool training,
                          int64_t cache_bytes, td__plan **out, td_error *err);
void td__plan_destroy(td__plan *p);

/* The steps of td__plan_create: plan_commands.c, plan_memory.c. */
td_status td__plan_commands(td__plan *p, td_error *err);
td_status td__plan_memory(td__plan *p, int64_t cache_bytes, td_error *err);

#endif

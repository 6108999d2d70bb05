/* Values of an ONNX graph while a network is made of it, and what the operators' files share.
 *
 * A value is a constant (an initialiser, or what is computed from constants) or stands for a value
 * of the network. What only changes its shape or the order of its words (Reshape, Transpose,
 * Flatten, ...) or takes a part of it (Slice, Split) makes no layer: the layer that reads it sees
 * it through a view. */
#ifndef TANDEM_NET_ONNX_VALUE_H
#define TANDEM_NET_ONNX_VALUE_H

#include "graph.h"
#include "names.h"
#include "onnx_model.h"

enum { TD__ONNX_MOST_CONTENT = 4096 };

typedef struct {
    const char *name;
    int type, rank; /* type: of ONNX, 0 if nobody cares */
    int64_t dim[TD__OM_MAX_RANK], words;
    bool made;       /* by a node before, or from outside */
    bool constant;   /* else: */
    int value;       /* of the network */
    int64_t params;  /* of a constant: words of parameters that it holds or is made of */
    double *content; /* of a constant: its words, if they are known; integers are whole numbers */
    int bits;        /* of its words, if it is quantised; 0: it is not */
} td__ov;

/* What is remembered of each layer of the network, for patterns over several nodes. */
typedef struct {
    bool joined;         /* a function of one value that several nodes make together */
    bool error_function; /* Erf: what makes a GELU */
    bool zero_pad;       /* zeros around rows and columns of `padded`, pad[] as of a layer */
    int32_t pad[4];
    td__ov padded;
} td__onnx_trace;

typedef struct {
    td_arena *arena;
    td_error *err;
    const td_onnx_options *options;
    const td__om_model *model;
    const char *file;

    td__names names; /* of values */
    td__ov *value;
    int n_values;
    int *uses;    /* how many nodes (and outputs) read a value */
    bool resized; /* an input has another size than the file says: declared sizes do not hold */
    td_net *net;
    td__onnx_trace *trace; /* by layer */
    int trace_room;
    const td__om_node *node; /* at work */
} td__onnx_reader;

/* One operator: makes the outputs of r->node. */
typedef td_status td__onnx_op(td__onnx_reader *r, int variant);
typedef struct {
    const char *name;
    td__onnx_op *make;
    int variant;
} td__onnx_entry;
const td__onnx_entry *td__onnx_entry_find(const char *op); /* NULL: unknown */

/* Faults of the node at work: "FILE: node NAME (OP): ...". */
td_status td__onnx_fail(const td__onnx_reader *r, td_status code, const char *format, ...)
    TD_PRINTF(3, 4);

/* ---- inputs and attributes of the node at work ---- */

const td__ov *td__onnx_in(const td__onnx_reader *r, int k); /* NULL: left out */
td__ov *td__onnx_out(td__onnx_reader *r, int k);            /* NULL: left out */
int64_t td__onnx_attr_or(const td__onnx_reader *r, const char *attr, int64_t otherwise);
const char *td__onnx_text_or(const td__onnx_reader *r, const char *attr, const char *otherwise);
/* A list of integers: the attribute, or input k (-1: none), as operator sets differ. *n -1: neither
 * is there. A fault if there are more than `most` or if the input's content is not known. */
td_status td__onnx_list(const td__onnx_reader *r, const char *attr, int k, int most, int64_t *out,
                        int *n);
/* Axis in 0..rank-1 of one that may count from the end; a fault if it is none. */
td_status td__onnx_axis(const td__onnx_reader *r, int64_t axis, int rank, int *out);
/* The first `least` inputs are there. */
td_status td__onnx_need(const td__onnx_reader *r, int least);
int64_t td__onnx_whole(double v); /* as an integer, within +-2^62 */
bool td__onnx_is_int(int type);
bool td__onnx_scalar(const td__ov *v, double *out); /* a constant of one known word */

/* ---- results ---- */

/* Shape of an output; a fault if it is too large. */
td_status td__onnx_shape(td__onnx_reader *r, td__ov *v, int rank, const int64_t *dim);
/* Output k is input `of` in another shape, or a part of it, with other words in place if it is a
 * constant (content NULL: not known). */
td_status td__onnx_view(td__onnx_reader *r, int k, const td__ov *of, int rank, const int64_t *dim,
                        double *content);
/* Output k is a constant made of the node's inputs. */
td_status td__onnx_constant(td__onnx_reader *r, int k, int type, int rank, const int64_t *dim,
                            double *content);
/* v is a constant with the content of a tensor of the file. */
td_status td__onnx_of_tensor(td__onnx_reader *r, td__ov *v, const td__om_tensor *t);
double *td__onnx_room(td__onnx_reader *r, int64_t words); /* for content; NULL: too many */
/* All inputs of the node that are there are constants. */
bool td__onnx_all_constant(const td__onnx_reader *r);

/* ---- layers ---- */

/* Shapes of a value as layers of different kinds see it. Image: N x C x rows x columns with N = 1,
 * or N x C x length; `merged`: any N, whose channels are then side by side. Tokens: ... x channels
 * as channels x the rest x 1. Matrices: the last two dims, the others side by side. Plain: whatever
 * fits best. false: it has no such shape within the limits. */
bool td__onnx_image(const td__ov *v, bool merged, td_shape *out);
bool td__onnx_tokens(const td__ov *v, td_shape *out);
bool td__onnx_matrices(const td__ov *v, td_shape *out);
td_shape td__onnx_plain(const td__ov *v);
/* As a value of the network it has already, if v is the whole of it; else plain. */
td_shape td__onnx_seen(const td__onnx_reader *r, const td__ov *v);

/* Makes v input number l->n_inputs of the layer, seen as `as`. */
void td__onnx_reads(const td__onnx_reader *r, td_layer *l, const td__ov *v, td_shape as);
/* Adds the layer as output k, whose shape is set already. */
td_status td__onnx_layer(td__onnx_reader *r, int k, td_layer *l);
td__onnx_trace *td__onnx_trace_of(td__onnx_reader *r, int layer); /* NULL: memory */

#endif

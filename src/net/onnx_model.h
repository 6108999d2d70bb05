/* An ONNX model as it stands in its file: nodes, initialisers, declared values. Knows the schema,
 * not what operators mean. */
#ifndef TANDEM_NET_ONNX_MODEL_H
#define TANDEM_NET_ONNX_MODEL_H

#include "onnx_wire.h"

/* Element types of ONNX that are asked for by name. */
enum {
    TD__OM_FLOAT = 1,
    TD__OM_UINT8 = 2,
    TD__OM_INT8 = 3,
    TD__OM_UINT16 = 4,
    TD__OM_INT16 = 5,
    TD__OM_INT32 = 6,
    TD__OM_INT64 = 7,
    TD__OM_BOOL = 9,
    TD__OM_DOUBLE = 11,
    TD__OM_UINT4 = 21,
    TD__OM_INT4 = 22
};

/* ONNX has no limit; more dims than this are not read. */
enum { TD__OM_MAX_RANK = 8 };

typedef struct {
    const char *name; /* "" where it has none (attributes) */
    int type, rank;
    int64_t dim[TD__OM_MAX_RANK], words;
    td__wire message; /* for its content */
} td__om_tensor;

typedef struct {
    const char *name, *s; /* s: "" unless it is text */
    int64_t i, *ints;
    double f, *floats;
    int n_ints, n_floats;
    td__om_tensor *tensor; /* NULL: none */
} td__om_attr;

typedef struct {
    const char *op, *domain, *name, **input, **output;
    int n_in, n_out, n_attr;
    td__om_attr *attr;
} td__om_node;

/* A value that the file declares. rank -1: its shape is not told. */
typedef struct {
    const char *name;
    int type, rank;
    int64_t dim[TD__OM_MAX_RANK];        /* -1: not told */
    const char *symbol[TD__OM_MAX_RANK]; /* name of a dim without size; NULL: none */
} td__om_info;

typedef struct {
    int64_t opset; /* of the standard operators; 0: not told */
    int n_nodes, n_tensors, n_inputs, n_outputs, n_infos;
    td__om_node *node;
    td__om_tensor *tensor; /* initialisers */
    td__om_info *input, *output, *info;
    const char *folder; /* where external data are looked for; NULL: nowhere */
} td__om_model;

/* Memory from the arena; the bytes must live as long as the model. TD_E_INPUT: not an ONNX model.
 */
td_status td__om_parse(td__wire bytes, td_arena *a, td__om_model *out, td_error *err);

const td__om_attr *td__om_find(const td__om_node *n, const char *attr); /* NULL: absent */

/* The words of a tensor as integers or as reals; words is theirs, at most a few thousand. Content
 * in another file is read from there. false: the type has no such words, there are fewer or more
 * than the shape says, or they cannot be read. */
bool td__om_ints(const td__om_model *m, const td__om_tensor *t, int64_t *out);
bool td__om_reals(const td__om_model *m, const td__om_tensor *t, double *out);

/* Bits of an element type's word; 0 if it has none. */
int td__om_bits(int type);

#endif

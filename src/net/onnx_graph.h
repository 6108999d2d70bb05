/* Making ONNX messages in an arena: nodes, attributes, initialisers. Knows nothing of networks. */
#ifndef TANDEM_NET_ONNX_GRAPH_H
#define TANDEM_NET_ONNX_GRAPH_H

#include "tandem/base.h"

#include "onnx/onnx.pb-c.h"

typedef struct {
    td_arena *arena;
    Onnx__GraphProto *graph;
    size_t max_nodes, max_initializers;
    bool failed; /* memory or room ran out: the graph is incomplete */
} td__onnx;

/* An empty graph with room for so many nodes and initialisers. */
void td__onnx_init(td__onnx *g, td_arena *a, const char *name, size_t max_nodes,
                   size_t max_initializers);

/* Adds a node with one output and gives it back for its attributes (at most 8); NULL after a
 * failure, which the attribute functions accept. Names must live as long as the arena. */
Onnx__NodeProto *td__onnx_node(td__onnx *g, const char *op, const char *name,
                               const char *const *inputs, int n_inputs, const char *output);
void td__onnx_attr_int(td__onnx *g, Onnx__NodeProto *node, const char *name, int64_t v);
void td__onnx_attr_float(td__onnx *g, Onnx__NodeProto *node, const char *name, float v);
void td__onnx_attr_text(td__onnx *g, Onnx__NodeProto *node, const char *name, const char *v);
void td__onnx_attr_ints(td__onnx *g, Onnx__NodeProto *node, const char *name, const int32_t *v,
                        int n);

/* Initialisers. The data is not copied (little-endian machines) and must live as long as the arena.
 * Return the name. */
const char *td__onnx_floats(td__onnx *g, const char *name, const float *data, const int64_t *dims,
                            int n_dims);
const char *td__onnx_int8s(td__onnx *g, const char *name, const int8_t *data, const int64_t *dims,
                           int n_dims);
const char *td__onnx_int32s(td__onnx *g, const char *name, const int32_t *data, int64_t count);
const char *td__onnx_int64s(td__onnx *g, const char *name, const int64_t *data, int64_t count);

/* Tensors of floats as the graph's one input or output: N x dims, with N a symbol. */
void td__onnx_input(td__onnx *g, const char *name, const int64_t *dims, int n_dims);
void td__onnx_output(td__onnx *g, const char *name, const int64_t *dims, int n_dims);

/* "<a><b>" in the arena. */
const char *td__onnx_name(td__onnx *g, const char *a, const char *b);

/* The bytes of the model file around the graph: opset, IR version, producer. malloc'ed. */
td_status td__onnx_pack(td__onnx *g, int64_t opset, int64_t ir_version, uint8_t **bytes,
                        size_t *size, td_error *err);

#endif

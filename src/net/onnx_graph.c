#include "onnx_graph.h"

#include <stdlib.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "raw_data of ONNX is little-endian: this machine would have to swap"
#endif

enum { MAX_ATTRIBUTES = 8 };

/* protobuf-c declares strings and arrays without const, and only reads them when it packs. */
static char *text(const char *s) {
    return (char *)(uintptr_t)s;
}

static void *copy_of(td__onnx *g, const void *blank, size_t size) {
    void *m = td_arena_alloc(g->arena, size);
    if (m == NULL)
        g->failed = true;
    else
        memcpy(m, blank, size);
    return m;
}
/* An initialised message in the arena; NULL when memory is out. */
#define MAKE(g, type, init) ((type *)copy_of((g), &(type)init, sizeof(type)))

void td__onnx_init(td__onnx *g, td_arena *a, const char *name, size_t max_nodes,
                   size_t max_initializers) {
    *g = (td__onnx){.arena = a, .max_nodes = max_nodes, .max_initializers = max_initializers};
    g->graph = MAKE(g, Onnx__GraphProto, ONNX__GRAPH_PROTO__INIT);
    if (g->graph == NULL) return;
    g->graph->name = text(name);
    g->graph->node = TD_NEW(a, Onnx__NodeProto *, max_nodes);
    g->graph->initializer = TD_NEW(a, Onnx__TensorProto *, max_initializers);
    g->failed = g->graph->node == NULL || g->graph->initializer == NULL;
}

const char *td__onnx_name(td__onnx *g, const char *a, const char *b) {
    const char *name = td_arena_printf(g->arena, "%s%s", a, b);
    if (name == NULL) g->failed = true;
    return name;
}

Onnx__NodeProto *td__onnx_node(td__onnx *g, const char *op, const char *name,
                               const char *const *inputs, int n_inputs, const char *output) {
    if (g->failed || g->graph->n_node >= g->max_nodes) {
        g->failed = true;
        return NULL;
    }
    Onnx__NodeProto *node = MAKE(g, Onnx__NodeProto, ONNX__NODE_PROTO__INIT);
    char **names = TD_NEW(g->arena, char *, n_inputs + 1);
    Onnx__AttributeProto **attributes = TD_NEW(g->arena, Onnx__AttributeProto *, MAX_ATTRIBUTES);
    if (node == NULL || names == NULL || attributes == NULL) {
        g->failed = true;
        return NULL;
    }
    for (int i = 0; i < n_inputs; i++) names[i] = text(inputs[i]);
    names[n_inputs] = text(output);
    node->op_type = text(op);
    node->name = text(name);
    node->n_input = (size_t)n_inputs;
    node->input = names;
    node->n_output = 1;
    node->output = names + n_inputs;
    node->attribute = attributes;
    g->graph->node[g->graph->n_node++] = node;
    return node;
}

static Onnx__AttributeProto *attribute(td__onnx *g, Onnx__NodeProto *node, const char *name,
                                       Onnx__AttributeProto__AttributeType type) {
    if (node == NULL) return NULL;
    Onnx__AttributeProto *a = MAKE(g, Onnx__AttributeProto, ONNX__ATTRIBUTE_PROTO__INIT);
    if (a == NULL || node->n_attribute >= MAX_ATTRIBUTES) {
        g->failed = true;
        return NULL;
    }
    a->name = text(name);
    a->has_type = 1;
    a->type = type;
    node->attribute[node->n_attribute++] = a;
    return a;
}

void td__onnx_attr_int(td__onnx *g, Onnx__NodeProto *node, const char *name, int64_t v) {
    Onnx__AttributeProto *a = attribute(g, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
    if (a == NULL) return;
    a->has_i = 1;
    a->i = v;
}

void td__onnx_attr_float(td__onnx *g, Onnx__NodeProto *node, const char *name, float v) {
    Onnx__AttributeProto *a =
        attribute(g, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
    if (a == NULL) return;
    a->has_f = 1;
    a->f = v;
}

void td__onnx_attr_text(td__onnx *g, Onnx__NodeProto *node, const char *name, const char *v) {
    Onnx__AttributeProto *a =
        attribute(g, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
    if (a == NULL) return;
    a->has_s = 1;
    a->s = (ProtobufCBinaryData){.len = strlen(v), .data = (uint8_t *)text(v)};
}

void td__onnx_attr_ints(td__onnx *g, Onnx__NodeProto *node, const char *name, const int32_t *v,
                        int n) {
    Onnx__AttributeProto *a = attribute(g, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
    int64_t *ints = TD_NEW(g->arena, int64_t, n);
    if (a == NULL || ints == NULL) {
        g->failed = true;
        return;
    }
    for (int i = 0; i < n; i++) ints[i] = v[i];
    a->ints = ints;
    a->n_ints = (size_t)n;
}

static const char *initializer(td__onnx *g, const char *name, int32_t type, const void *data,
                               size_t word_size, const int64_t *dims, int n_dims) {
    if (g->failed || g->graph->n_initializer >= g->max_initializers) {
        g->failed = true;
        return name;
    }
    Onnx__TensorProto *t = MAKE(g, Onnx__TensorProto, ONNX__TENSOR_PROTO__INIT);
    int64_t *kept = TD_NEW(g->arena, int64_t, n_dims > 0 ? n_dims : 1);
    if (t == NULL || kept == NULL) {
        g->failed = true;
        return name;
    }
    size_t words = 1;
    for (int i = 0; i < n_dims; i++) {
        kept[i] = dims[i];
        words *= (size_t)dims[i];
    }
    t->name = text(name);
    t->dims = kept;
    t->n_dims = (size_t)n_dims;
    t->has_data_type = 1;
    t->data_type = type;
    t->has_raw_data = 1;
    t->raw_data.data = (uint8_t *)(uintptr_t)data;
    t->raw_data.len = words * word_size;
    g->graph->initializer[g->graph->n_initializer++] = t;
    return name;
}

const char *td__onnx_floats(td__onnx *g, const char *name, const float *data, const int64_t *dims,
                            int n_dims) {
    return initializer(g, name, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, data, sizeof *data, dims,
                       n_dims);
}

const char *td__onnx_int8s(td__onnx *g, const char *name, const int8_t *data, const int64_t *dims,
                           int n_dims) {
    return initializer(g, name, ONNX__TENSOR_PROTO__DATA_TYPE__INT8, data, sizeof *data, dims,
                       n_dims);
}

const char *td__onnx_int32s(td__onnx *g, const char *name, const int32_t *data, int64_t count) {
    return initializer(g, name, ONNX__TENSOR_PROTO__DATA_TYPE__INT32, data, sizeof *data, &count,
                       1);
}

const char *td__onnx_int64s(td__onnx *g, const char *name, const int64_t *data, int64_t count) {
    return initializer(g, name, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, data, sizeof *data, &count,
                       1);
}

static Onnx__TensorShapeProto__Dimension *dimension(td__onnx *g) {
    return MAKE(g, Onnx__TensorShapeProto__Dimension, ONNX__TENSOR_SHAPE_PROTO__DIMENSION__INIT);
}

static Onnx__ValueInfoProto **value(td__onnx *g, const char *name, const int64_t *dims,
                                    int n_dims) {
    Onnx__ValueInfoProto **list = TD_NEW(g->arena, Onnx__ValueInfoProto *, 1);
    Onnx__ValueInfoProto *v = MAKE(g, Onnx__ValueInfoProto, ONNX__VALUE_INFO_PROTO__INIT);
    Onnx__TypeProto *type = MAKE(g, Onnx__TypeProto, ONNX__TYPE_PROTO__INIT);
    Onnx__TypeProto__Tensor *tensor =
        MAKE(g, Onnx__TypeProto__Tensor, ONNX__TYPE_PROTO__TENSOR__INIT);
    Onnx__TensorShapeProto *shape = MAKE(g, Onnx__TensorShapeProto, ONNX__TENSOR_SHAPE_PROTO__INIT);
    Onnx__TensorShapeProto__Dimension **dim =
        TD_NEW(g->arena, Onnx__TensorShapeProto__Dimension *, n_dims + 1);
    if (list == NULL || v == NULL || type == NULL || tensor == NULL || shape == NULL || dim == NULL)
        goto fail;
    for (int i = 0; i <= n_dims; i++) {
        dim[i] = dimension(g);
        if (dim[i] == NULL) goto fail;
        if (i == 0) {
            dim[i]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            dim[i]->dim_param = text("N");
        } else {
            dim[i]->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            dim[i]->dim_value = dims[i - 1];
        }
    }
    shape->dim = dim;
    shape->n_dim = (size_t)n_dims + 1;
    tensor->has_elem_type = 1;
    tensor->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    tensor->shape = shape;
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor;
    v->name = text(name);
    v->type = type;
    list[0] = v;
    return list;
fail:
    g->failed = true;
    return NULL;
}

void td__onnx_input(td__onnx *g, const char *name, const int64_t *dims, int n_dims) {
    if (g->failed) return;
    g->graph->input = value(g, name, dims, n_dims);
    g->graph->n_input = g->graph->input != NULL;
}

void td__onnx_output(td__onnx *g, const char *name, const int64_t *dims, int n_dims) {
    if (g->failed) return;
    g->graph->output = value(g, name, dims, n_dims);
    g->graph->n_output = g->graph->output != NULL;
}

td_status td__onnx_pack(td__onnx *g, int64_t opset, int64_t ir_version, uint8_t **bytes,
                        size_t *size, td_error *err) {
    *bytes = NULL;
    *size = 0;
    if (g->failed) return td_fail(err, TD_E_MEMORY, "out of memory for an ONNX graph");
    Onnx__OperatorSetIdProto set = ONNX__OPERATOR_SET_ID_PROTO__INIT, *sets[] = {&set};
    set.domain = text("");
    set.has_version = 1;
    set.version = opset;
    Onnx__ModelProto model = ONNX__MODEL_PROTO__INIT;
    model.has_ir_version = 1;
    model.ir_version = ir_version;
    model.n_opset_import = 1;
    model.opset_import = sets;
    model.producer_name = text("tandem");
    model.producer_version = text(td_version());
    model.graph = g->graph;
    size_t packed = onnx__model_proto__get_packed_size(&model);
    /* Readers of protocol buffers refuse messages of 2 GiB. */
    if (packed > INT32_MAX)
        return td_fail(err, TD_E_UNSUPPORTED, "ONNX files beyond 2 GiB are not written");
    *bytes = malloc(packed);
    if (*bytes == NULL) return td_fail(err, TD_E_MEMORY, "out of memory for an ONNX file");
    *size = onnx__model_proto__pack(&model, *bytes);
    return TD_OK;
}

/* A network as an ONNX file (operator set 13).
 *
 * Values are N x C x H x W there, except the result of Gemm, which is N x C. Layers that care about
 * the shape get what they need: Flatten before Gemm, Unsqueeze where such a vector goes on as an
 * image of 1 x 1; activations take either. Tensors are called "<layer>.<what>", and layers' names
 * are made unique, so no two tensors collide. */
#include "graph.h"
#include "names.h"
#include "onnx_graph.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { OPSET = 13, IR_VERSION = 7 };

/* How a value stands in the ONNX graph: as an image, as a vector, or both. */
typedef struct {
    const char *image, *vector;
} tensor;

typedef struct {
    td__onnx g;
    const td_net *net;
    const td_weights *w;
    const char **name; /* of the layers */
    tensor *value;
    const char *axes_hw, *zero, *six; /* shared initialisers, NULL until somebody needs them */
} writer;

static const char *of(writer *o, int i, const char *what) {
    return td__onnx_name(&o->g, o->name[i], what);
}

/* Value i as N x C x H x W. */
static const char *as_image(writer *o, int i) {
    tensor *t = &o->value[i];
    if (t->image == NULL) {
        static const int64_t axes[] = {2, 3};
        if (o->axes_hw == NULL) o->axes_hw = td__onnx_int64s(&o->g, "axes_hw", axes, 2);
        t->image = of(o, i, ".image");
        td__onnx_node(&o->g, "Unsqueeze", t->image, (const char *[]){t->vector, o->axes_hw}, 2,
                      t->image);
    }
    return t->image;
}

/* Value i as N x (C H W). */
static const char *as_vector(writer *o, int i) {
    tensor *t = &o->value[i];
    if (t->vector == NULL) {
        t->vector = of(o, i, ".vector");
        Onnx__NodeProto *n =
            td__onnx_node(&o->g, "Flatten", t->vector, (const char *[]){t->image}, 1, t->vector);
        td__onnx_attr_int(&o->g, n, "axis", 1);
    }
    return t->vector;
}

static bool is_map(const td_layer *l) {
    return l->h > 1 || l->w > 1;
}

/* The network's result is called "logits" by the node that makes it: as a vector, or as an image
 * where there is more than one pixel. */
static const char *result(writer *o, int i, bool vector) {
    bool last = i == o->net->n - 1 && (vector || is_map(&o->net->layer[i]));
    const char *name = last ? "logits" : of(o, i, ".out");
    if (vector)
        o->value[i].vector = name;
    else
        o->value[i].image = name;
    return name;
}

static const char *channel_words(writer *o, int i, const char *what, const float *data) {
    return td__onnx_floats(&o->g, of(o, i, what), data, (const int64_t[]){o->net->layer[i].c}, 1);
}

static void window_attributes(writer *o, Onnx__NodeProto *n, const td_layer *l) {
    td__onnx_attr_ints(&o->g, n, "kernel_shape", l->kernel, 2);
    td__onnx_attr_ints(&o->g, n, "strides", l->stride, 2);
    td__onnx_attr_ints(&o->g, n, "pads", l->pad, 4);
}

static void write_conv(writer *o, int i) {
    const td_layer *l = &o->net->layer[i], *x = &o->net->layer[l->input[0]];
    const td_layer_params_t *p = &o->w->layer[i];
    const char *in[3] = {as_image(o, l->input[0])};
    in[1] =
        td__onnx_floats(&o->g, of(o, i, ".weight"), p->weight,
                        (const int64_t[]){l->c, x->c / l->groups, l->kernel[0], l->kernel[1]}, 4);
    if (l->bias) in[2] = channel_words(o, i, ".bias", p->bias);
    Onnx__NodeProto *n =
        td__onnx_node(&o->g, "Conv", o->name[i], in, l->bias ? 3 : 2, result(o, i, false));
    window_attributes(o, n, l);
    td__onnx_attr_ints(&o->g, n, "dilations", l->dilation, 2);
    td__onnx_attr_int(&o->g, n, "group", l->groups);
}

static void write_fc(writer *o, int i) {
    const td_layer *l = &o->net->layer[i];
    const td_layer_params_t *p = &o->w->layer[i];
    const char *in[3] = {as_vector(o, l->input[0])};
    int64_t words = td__layer_words(&o->net->layer[l->input[0]]);
    in[1] =
        td__onnx_floats(&o->g, of(o, i, ".weight"), p->weight, (const int64_t[]){l->c, words}, 2);
    if (l->bias) in[2] = channel_words(o, i, ".bias", p->bias);
    Onnx__NodeProto *n =
        td__onnx_node(&o->g, "Gemm", o->name[i], in, l->bias ? 3 : 2, result(o, i, true));
    td__onnx_attr_int(&o->g, n, "transB", 1);
}

static void write_bn(writer *o, int i) {
    const td_layer_params_t *p = &o->w->layer[i];
    const char *in[] = {as_image(o, o->net->layer[i].input[0]),
                        channel_words(o, i, ".scale", p->scale),
                        channel_words(o, i, ".shift", p->shift),
                        channel_words(o, i, ".mean", p->mean), channel_words(o, i, ".var", p->var)};
    Onnx__NodeProto *n =
        td__onnx_node(&o->g, "BatchNormalization", o->name[i], in, 5, result(o, i, false));
    td__onnx_attr_float(&o->g, n, "epsilon", o->w->bn_eps);
}

static void hard_sigmoid(writer *o, const char *name, const char *x, const char *y) {
    Onnx__NodeProto *n = td__onnx_node(&o->g, "HardSigmoid", name, (const char *[]){x}, 1, y);
    td__onnx_attr_float(&o->g, n, "alpha", 1.0F / 6.0F);
    td__onnx_attr_float(&o->g, n, "beta", 0.5F);
}

/* The factor by which a side grows. Readers make floor(in x scale) words, in single precision or
 * double: what rounding takes away is given back, it moves no pixel by more than 1e-7. */
static float scale_of(int32_t in, int32_t out) {
    float scale = (float)((double)out / in);
    while (scale * (float)in < (float)out || (double)scale * in < out)
        scale = nextafterf(scale, INFINITY);
    return scale;
}

static void write_resize(writer *o, int i) {
    const td_layer *l = &o->net->layer[i], *x = &o->net->layer[l->input[0]];
    float *scale = TD_NEW(o->g.arena, float, 4);
    if (scale == NULL) {
        o->g.failed = true;
        return;
    }
    scale[0] = scale[1] = 1;
    scale[2] = scale_of(x->h, l->h);
    scale[3] = scale_of(x->w, l->w);
    const char *in[3] = {as_image(o, l->input[0]), ""}; /* no region of interest */
    in[2] = td__onnx_floats(&o->g, of(o, i, ".scales"), scale, (const int64_t[]){4}, 1);
    Onnx__NodeProto *n = td__onnx_node(&o->g, "Resize", o->name[i], in, 3, result(o, i, false));
    td__onnx_attr_text(&o->g, n, "mode", "linear");
    td__onnx_attr_text(&o->g, n, "coordinate_transformation_mode", "half_pixel");
}

static void write_act(writer *o, int i) {
    td__onnx *g = &o->g;
    const td_layer *l = &o->net->layer[i];
    const tensor *t = &o->value[l->input[0]];
    bool vector = t->vector != NULL && !is_map(l);
    const char *x = vector ? t->vector : t->image, *name = o->name[i], *y = result(o, i, vector);
    static const float zero = 0, six = 6;
    switch (l->op) {
    case TD_OP_RELU: td__onnx_node(g, "Relu", name, (const char *[]){x}, 1, y); break;
    case TD_OP_RELU6:
        if (o->zero == NULL) o->zero = td__onnx_floats(g, "zero", &zero, NULL, 0);
        if (o->six == NULL) o->six = td__onnx_floats(g, "six", &six, NULL, 0);
        td__onnx_node(g, "Clip", name, (const char *[]){x, o->zero, o->six}, 3, y);
        break;
    case TD_OP_SIGMOID: td__onnx_node(g, "Sigmoid", name, (const char *[]){x}, 1, y); break;
    case TD_OP_HSIGMOID: hard_sigmoid(o, name, x, y); break;
    case TD_OP_SWISH: {
        const char *gate = of(o, i, ".gate");
        td__onnx_node(g, "Sigmoid", gate, (const char *[]){x}, 1, gate);
        td__onnx_node(g, "Mul", name, (const char *[]){x, gate}, 2, y);
        break;
    }
    case TD_OP_HSWISH: { /* HardSwish itself came with operator set 14 */
        const char *gate = of(o, i, ".gate");
        hard_sigmoid(o, gate, x, gate);
        td__onnx_node(g, "Mul", name, (const char *[]){x, gate}, 2, y);
        break;
    }
    default: g->failed = true; break;
    }
}

static void write_layer(writer *o, int i) {
    td__onnx *g = &o->g;
    const td_layer *l = &o->net->layer[i];
    const char *in[TD_MAX_INPUTS];
    switch (l->op) {
    case TD_OP_CONV: write_conv(o, i); return;
    case TD_OP_FC: write_fc(o, i); return;
    case TD_OP_BN: write_bn(o, i); return;
    case TD_OP_RESIZE: write_resize(o, i); return;
    case TD_OP_MAX_POOL:
    case TD_OP_AVG_POOL:
    case TD_OP_GLOBAL_POOL:
    case TD_OP_ADD:
    case TD_OP_MUL:
    case TD_OP_CONCAT: break;
    default: write_act(o, i); return;
    }
    for (int k = 0; k < l->n_inputs; k++) in[k] = as_image(o, l->input[k]);
    const char *op = l->op == TD_OP_MAX_POOL      ? "MaxPool"
                     : l->op == TD_OP_AVG_POOL    ? "AveragePool"
                     : l->op == TD_OP_GLOBAL_POOL ? "GlobalAveragePool"
                     : l->op == TD_OP_ADD         ? "Add"
                     : l->op == TD_OP_MUL         ? "Mul"
                                                  : "Concat";
    Onnx__NodeProto *n = td__onnx_node(g, op, o->name[i], in, l->n_inputs, result(o, i, false));
    if (l->op == TD_OP_MAX_POOL || l->op == TD_OP_AVG_POOL) window_attributes(o, n, l);
    if (l->op == TD_OP_AVG_POOL) td__onnx_attr_int(g, n, "count_include_pad", 0);
    if (l->op == TD_OP_CONCAT) td__onnx_attr_int(g, n, "axis", 1);
}

/* (input - mean) / std as value 0. */
static void write_normalisation(writer *o, const float *mean, const float *std) {
    const td_layer *l = &o->net->layer[0];
    const int64_t dims[] = {1, l->c, 1, 1};
    const char *m = td__onnx_floats(&o->g, "input.mean", mean, dims, 4);
    const char *s = td__onnx_floats(&o->g, "input.std", std, dims, 4);
    td__onnx_node(&o->g, "Sub", "input.centred", (const char *[]){"input", m}, 2, "input.centred");
    td__onnx_node(&o->g, "Div", "input.normalised", (const char *[]){"input.centred", s}, 2,
                  "input.normalised");
    o->value[0].image = "input.normalised";
}

static td_status write_graph(writer *o, td_arena *a, const float *mean, const float *std,
                             uint8_t **bytes, size_t *size, td_error *err) {
    const td_net *net = o->net;
    size_t n = (size_t)net->n;
    o->name = td__net_unique_names(net, a);
    o->value = TD_NEW(a, tensor, n);
    if (o->name == NULL || o->value == NULL)
        return td_fail(err, TD_E_MEMORY, "out of memory for an ONNX graph");
    /* A layer makes at most two nodes, its inputs one each in the other form, once per value. */
    td__onnx_init(&o->g, a, net->name, 4 * n + 8, 4 * n + 8);
    if (!o->g.failed) {
        const td_layer *in = &net->layer[0], *out = &net->layer[net->n - 1];
        bool map = is_map(out) && net->n > 1; /* an input alone has no node that makes a map */
        write_normalisation(o, mean, std);
        for (int i = 1; i < net->n; i++) write_layer(o, i);
        if (!map && o->value[net->n - 1].vector == NULL) {
            Onnx__NodeProto *flat =
                td__onnx_node(&o->g, "Flatten", "logits",
                              (const char *[]){o->value[net->n - 1].image}, 1, "logits");
            td__onnx_attr_int(&o->g, flat, "axis", 1);
        }
        td__onnx_input(&o->g, "input", (const int64_t[]){in->c, in->h, in->w}, 3);
        int64_t dims[] = {map ? out->c : td__layer_words(out), out->h, out->w};
        td__onnx_output(&o->g, "logits", dims, map ? 3 : 1);
    }
    return td__onnx_pack(&o->g, OPSET, IR_VERSION, bytes, size, err);
}

td_status td_onnx_write(const td_net *net, const td_weights *w, const float *mean, const float *std,
                        const char *path, td_error *err) {
    td_net *folded = NULL;
    td_weights *weights = NULL;
    uint8_t *bytes = NULL;
    size_t size = 0;
    if (w == NULL) return td_fail(err, TD_E_USAGE, "ONNX: a network without weights");
    td_status status = td_net_check(net, err);
    if (status == TD_OK) status = td_net_runs(net, err);
    if (status != TD_OK) return status;
    status = td_net_fold_bn(net, w, &folded, &weights, err);
    if (status != TD_OK) return status;
    for (int c = 0; c < folded->layer[0].c; c++)
        if (!isfinite(mean[c]) || !isfinite(std[c]) || std[c] == 0.0F) {
            status = td_fail(err, TD_E_USAGE, "ONNX: mean %g and deviation %g of input channel %d",
                             (double)mean[c], (double)std[c], c);
            goto done;
        }
    writer o = {.net = folded, .w = weights};
    td_arena *a = td_arena_create();
    status = a != NULL ? write_graph(&o, a, mean, std, &bytes, &size, err)
                       : td_fail(err, TD_E_MEMORY, "out of memory for an ONNX graph");
    if (status == TD_OK) status = td_file_write(path, bytes, size, err);
    td_arena_destroy(a);
done:
    free(bytes);
    td_net_destroy(folded);
    td_weights_destroy(weights);
    return status;
}

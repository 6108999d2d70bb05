/* A network as an ONNX file (operator set 13), in fp32 or quantised.
 *
 * Values are N x C x H x W there, except the result of Gemm, which is N x C. Layers that care about
 * the shape get what they need: Flatten before Gemm, Unsqueeze where such a vector goes on as an
 * image of 1 x 1; activations take either. Tensors are called "<layer>.<what>", and layers' names
 * are made unique, so no two tensors collide.
 *
 * Quantised, a value that is there goes through a QuantizeLinear to integers and on from there:
 * reshapes stand before the DequantizeLinear, so that each layer has one on each of its inputs, as
 * run-time libraries look for them. */
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
    const char *int_image, *int_vector; /* quantised: the integers behind them */
    const char *scale, *zero;
} tensor;

typedef struct {
    td__onnx g;
    const td_net *net;
    const td_weights *w;
    const td_quantised *q; /* NULL: fp32 */
    const char **name;     /* of the layers */
    tensor *value;
    const char *axes_hw, *zero, *six; /* shared initialisers, NULL until somebody needs them */
} writer;

static const char *of(writer *o, int i, const char *what) {
    return td__onnx_name(&o->g, o->name[i], what);
}

static const char *dequantised(writer *o, int i, const char *integers, const char *name);

/* Value i as N x C x H x W. */
static const char *as_image(writer *o, int i) {
    tensor *t = &o->value[i];
    if (t->image == NULL) {
        static const int64_t axes[] = {2, 3};
        const char *from = o->q != NULL ? t->int_vector : t->vector;
        const char *to = of(o, i, o->q != NULL ? ".image_int" : ".image");
        if (o->axes_hw == NULL) o->axes_hw = td__onnx_int64s(&o->g, "axes_hw", axes, 2);
        td__onnx_node(&o->g, "Unsqueeze", to, (const char *[]){from, o->axes_hw}, 2, to);
        t->int_image = to;
        t->image = o->q != NULL ? dequantised(o, i, to, of(o, i, ".image")) : to;
    }
    return t->image;
}

/* Value i as N x (C H W). */
static const char *as_vector(writer *o, int i) {
    tensor *t = &o->value[i];
    if (t->vector == NULL) {
        const char *from = o->q != NULL ? t->int_image : t->image;
        const char *to = of(o, i, o->q != NULL ? ".vector_int" : ".vector");
        Onnx__NodeProto *n = td__onnx_node(&o->g, "Flatten", to, (const char *[]){from}, 1, to);
        td__onnx_attr_int(&o->g, n, "axis", 1);
        t->int_vector = to;
        t->vector = o->q != NULL ? dequantised(o, i, to, of(o, i, ".vector")) : to;
    }
    return t->vector;
}

static bool is_map(const td_layer *l) {
    return l->h > 1 || l->w > 1;
}

/* The network's result is called "logits" by the node that makes it: as a vector, or as an image
 * where there is more than one pixel. Of a quantised network that node is the last
 * DequantizeLinear. */
static const char *result(writer *o, int i, bool vector) {
    bool last = i == o->net->n - 1 && (vector || is_map(&o->net->layer[i])) && o->q == NULL;
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

/* ---- quantised ----
 */

static const char *linear(writer *o, const char *op, const char *x, const char *scale,
                          const char *zero, const char *y) {
    td__onnx_node(&o->g, op, y, (const char *[]){x, scale, zero}, 3, y);
    return y;
}

static const char *dequantised(writer *o, int i, const char *integers, const char *name) {
    const tensor *t = &o->value[i];
    return linear(o, "DequantizeLinear", integers, t->scale, t->zero, name);
}

/* The bounds of words of fewer than 8 bits, which QuantizeLinear does not know of. */
static const char *clipped(writer *o, const char *x, const td_quant *q, const char *name) {
    float *bound = TD_NEW(o->g.arena, float, 2);
    if (bound == NULL) {
        o->g.failed = true;
        return x;
    }
    int32_t least = -(1 << (q->bits - 1)), most = (1 << (q->bits - 1)) - 1;
    bound[0] = (float)(least - q->zero) * q->scale;
    bound[1] = (float)(most - q->zero) * q->scale;
    const char *lo = td__onnx_name(&o->g, name, ".least");
    const char *hi = td__onnx_name(&o->g, name, ".most");
    td__onnx_floats(&o->g, lo, &bound[0], NULL, 0);
    td__onnx_floats(&o->g, hi, &bound[1], NULL, 0);
    td__onnx_node(&o->g, "Clip", name, (const char *[]){x, lo, hi}, 3, name);
    return name;
}

/* Integers of x, called <name>; the tensors of their scale and zero point. */
static const char *quantised(writer *o, const char *x, const td_quant *q, const char *name,
                             const char **scale, const char **zero) {
    td__onnx *g = &o->g;
    int8_t *word = TD_NEW(g->arena, int8_t, 1);
    if (word == NULL) {
        g->failed = true;
        return x;
    }
    *word = (int8_t)q->zero;
    *scale = td__onnx_floats(g, td__onnx_name(g, name, ".scale"), &q->scale, NULL, 0);
    *zero = td__onnx_int8s(g, td__onnx_name(g, name, ".zero"), word, NULL, 0);
    if (q->bits < TD_QUANT_MOST_BITS) x = clipped(o, x, q, td__onnx_name(g, name, ".clip"));
    return linear(o, "QuantizeLinear", x, *scale, *zero, name);
}

/* Value i, which a node has made as reals, goes on as what its integers stand for. */
static void quantise_value(writer *o, int i) {
    tensor *t = &o->value[i];
    const td_quant *q = &o->q->layer[i].out;
    if (q->bits == 0) return;
    bool vector = t->vector != NULL, map = is_map(&o->net->layer[i]);
    bool last = i > 0 && i == o->net->n - 1 && (vector || map);
    const char *words =
        quantised(o, vector ? t->vector : t->image, q, of(o, i, ".int"), &t->scale, &t->zero);
    const char *real = dequantised(o, i, words, last ? "logits" : of(o, i, ".real"));
    *(vector ? &t->int_vector : &t->int_image) = words;
    *(vector ? &t->vector : &t->image) = real;
}

/* Input k of layer i, which stands there as x, in the bits that the layer reads of it. */
static const char *as_read(writer *o, int i, int k, const char *x) {
    if (o->q == NULL) return x;
    const td_quant *read = &o->q->layer[i].in[k];
    if (read->bits == o->q->layer[o->net->layer[i].input[k]].out.bits) return x;
    const char *scale, *zero, *name = td_arena_printf(o->g.arena, "%s.read%d", o->name[i], k);
    if (name == NULL) {
        o->g.failed = true;
        return x;
    }
    const char *words = quantised(o, x, read, td__onnx_name(&o->g, name, ".int"), &scale, &zero);
    return linear(o, "DequantizeLinear", words, scale, zero, name);
}

static const char *image_read(writer *o, int i, int k) {
    return as_read(o, i, k, as_image(o, o->net->layer[i].input[k]));
}

/* A tensor of integers with a scale per output channel behind its DequantizeLinear. */
static const char *per_channel(writer *o, int i, const char *words, const float *scale,
                               const char *scale_name, const char *zeros, const char *name) {
    scale_name = channel_words(o, i, scale_name, scale);
    Onnx__NodeProto *n = td__onnx_node(&o->g, "DequantizeLinear", name,
                                       (const char *[]){words, scale_name, zeros}, 3, name);
    td__onnx_attr_int(&o->g, n, "axis", 0);
    return name;
}

static void add_integers(writer *o, int i, const int64_t *dims, int n_dims, const char *out[2]) {
    td__onnx *g = &o->g;
    const td_layer *l = &o->net->layer[i];
    const td_quantised_layer *p = &o->q->layer[i];
    float *sums = TD_NEW(g->arena, float, l->c);
    int32_t *zeros = TD_NEW(g->arena, int32_t, l->c); /* of int8 as well */
    if (sums == NULL || zeros == NULL) {
        g->failed = true;
        return;
    }
    for (int32_t k = 0; k < l->c; k++) sums[k] = p->in[0].scale * p->weight_scale[k];
    const char *w = td__onnx_int8s(g, of(o, i, ".weight_int"), p->weight, dims, n_dims);
    const char *z = td__onnx_int8s(g, of(o, i, ".weight_zero"), (const int8_t *)zeros,
                                   (const int64_t[]){l->c}, 1);
    out[0] = per_channel(o, i, w, p->weight_scale, ".weight_scale", z, of(o, i, ".weight"));
    if (!l->bias) return;
    const char *b = td__onnx_int32s(g, of(o, i, ".bias_int"), p->bias, l->c);
    z = td__onnx_int32s(g, of(o, i, ".bias_zero"), zeros, l->c);
    out[1] = per_channel(o, i, b, sums, ".bias_scale", z, of(o, i, ".bias"));
}

/* Weight and, if the layer has one, bias of a convolution or fc. */
static void add_parameters(writer *o, int i, const int64_t *dims, int n_dims, const char *out[2]) {
    if (o->q != NULL) {
        add_integers(o, i, dims, n_dims, out);
        return;
    }
    const td_layer_params_t *p = &o->w->layer[i];
    out[0] = td__onnx_floats(&o->g, of(o, i, ".weight"), p->weight, dims, n_dims);
    if (o->net->layer[i].bias) out[1] = channel_words(o, i, ".bias", p->bias);
}

/* ---- layers ----
 */

static void window_attributes(writer *o, Onnx__NodeProto *n, const td_layer *l) {
    td__onnx_attr_ints(&o->g, n, "kernel_shape", l->kernel, 2);
    td__onnx_attr_ints(&o->g, n, "strides", l->stride, 2);
    td__onnx_attr_ints(&o->g, n, "pads", l->pad, 4);
}

static void write_conv(writer *o, int i) {
    const td_layer *l = &o->net->layer[i], *x = &o->net->layer[l->input[0]];
    const char *in[3] = {image_read(o, i, 0)};
    add_parameters(o, i, (const int64_t[]){l->c, x->c / l->groups, l->kernel[0], l->kernel[1]}, 4,
                   in + 1);
    Onnx__NodeProto *n =
        td__onnx_node(&o->g, "Conv", o->name[i], in, l->bias ? 3 : 2, result(o, i, false));
    window_attributes(o, n, l);
    td__onnx_attr_ints(&o->g, n, "dilations", l->dilation, 2);
    td__onnx_attr_int(&o->g, n, "group", l->groups);
}

static void write_fc(writer *o, int i) {
    const td_layer *l = &o->net->layer[i];
    const char *in[3] = {as_read(o, i, 0, as_vector(o, l->input[0]))};
    int64_t words = td__layer_words(&o->net->layer[l->input[0]]);
    add_parameters(o, i, (const int64_t[]){l->c, words}, 2, in + 1);
    Onnx__NodeProto *n =
        td__onnx_node(&o->g, "Gemm", o->name[i], in, l->bias ? 3 : 2, result(o, i, true));
    td__onnx_attr_int(&o->g, n, "transB", 1);
}

static void write_bn(writer *o, int i) {
    const td_layer_params_t *p = &o->w->layer[i];
    const char *in[] = {image_read(o, i, 0), channel_words(o, i, ".scale", p->scale),
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
    const char *in[3] = {image_read(o, i, 0), ""}; /* no region of interest */
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
    const char *x = as_read(o, i, 0, vector ? t->vector : t->image);
    const char *name = o->name[i], *y = result(o, i, vector);
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
    for (int k = 0; k < l->n_inputs; k++) in[k] = image_read(o, i, k);
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
    /* A layer makes at most two nodes and four tensors, and one node for each other form of its
     * value; quantised, at most nine nodes and ten tensors more, and three and four for each input.
     */
    size_t inputs = 0;
    for (size_t i = 0; i < n && o->q != NULL; i++)
        inputs += 4 * (size_t)net->layer[i].n_inputs + 10;
    td__onnx_init(&o->g, a, net->name, 4 * n + inputs + 8, 4 * n + inputs + 8);
    if (!o->g.failed) {
        const td_layer *in = &net->layer[0], *out = &net->layer[net->n - 1];
        bool map = is_map(out) && net->n > 1; /* an input alone has no node that makes a map */
        write_normalisation(o, mean, std);
        for (int i = 0; i < net->n; i++) {
            if (o->q != NULL && !o->q->layer[i].runs) continue;
            if (i > 0) write_layer(o, i);
            if (o->q != NULL) quantise_value(o, i);
        }
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

static td_status write_file(writer *o, const float *mean, const float *std, const char *path,
                            td_error *err) {
    uint8_t *bytes = NULL;
    size_t size = 0;
    for (int c = 0; c < o->net->layer[0].c; c++)
        if (!isfinite(mean[c]) || !isfinite(std[c]) || std[c] == 0.0F)
            return td_fail(err, TD_E_USAGE, "ONNX: mean %g and deviation %g of input channel %d",
                           (double)mean[c], (double)std[c], c);
    td_arena *a = td_arena_create();
    td_status status = a != NULL ? write_graph(o, a, mean, std, &bytes, &size, err)
                                 : td_fail(err, TD_E_MEMORY, "out of memory for an ONNX graph");
    if (status == TD_OK) status = td_file_write(path, bytes, size, err);
    td_arena_destroy(a);
    free(bytes);
    return status;
}

td_status td_onnx_write(const td_net *net, const td_weights *w, const float *mean, const float *std,
                        const char *path, td_error *err) {
    td_net *folded = NULL;
    td_weights *weights = NULL;
    if (w == NULL) return td_fail(err, TD_E_USAGE, "ONNX: a network without weights");
    td_status status = td_net_check(net, err);
    if (status == TD_OK) status = td_net_runs(net, err);
    if (status == TD_OK) status = td_net_fold_bn(net, w, &folded, &weights, err);
    if (status != TD_OK) return status;
    writer o = {.net = folded, .w = weights};
    status = write_file(&o, mean, std, path, err);
    td_net_destroy(folded);
    td_weights_destroy(weights);
    return status;
}

td_status td_onnx_write_qdq(const td_quantised *q, const float *mean, const float *std,
                            const char *path, td_error *err) {
    writer o = {.net = q->net, .w = q->weights, .q = q};
    return write_file(&o, mean, std, path, err);
}

/* tandem/net.h - the network: a DAG of layers with shapes and precisions, its builders, its
 * weights, folding of batch norms, ONNX out, and the layer problems that the cost core sees.
 *
 *     td_net *net = td_net_create("toy", TD_DIM(1, 28, 28));
 *     int x = td_net_conv(net, 0, 16, 3, 2, 1, 1);        // value 0 is the input
 *     x = td_net_act(net, td_net_bn(net, x), TD_OP_RELU);
 *     x = td_net_fc(net, td_net_global_pool(net, x), 10);
 *     td_error err;
 *     if (td_net_check(net, &err) != TD_OK) ...            // first fault of all the calls above
 *     td_net_totals t; td_net_count(net, &t);
 *     td_net_destroy(net);
 */
#ifndef TANDEM_NET_H
#define TANDEM_NET_H

#include "tandem/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- layer problem: what the cost core sees -------------------------------------------------- */

typedef enum { TD_N, TD_K, TD_C, TD_P, TD_Q, TD_R, TD_S, TD_G, TD_NDIM } td_dim;
typedef enum { TD_W, TD_I, TD_O, TD_NTENSOR } td_tensor;
extern const char td_dim_letter[TD_NDIM + 1];       /* "NKCPQRSG" */
extern const char td_tensor_letter[TD_NTENSOR + 1]; /* "WIO" */
int td_dim_from_letter(char c);                     /* -1 if none */

/* Seven loops and a group loop. W[G,K,C,R,S], I[N,G,C,h(P,R),w(Q,S)], O[N,G,K,P,Q] with
 * h = p*stride[0] + r*dilation[0], w = q*stride[1] + s*dilation[1]. Depthwise: G = channels,
 * K = C = 1. Matrix product M x N x K: P x K x C. pad[] (top, left, bottom, right) is zeros that
 * are made and not fetched; the neutral cases have none. At the end (bottom, right) it is what the
 * last window reaches beyond the image, which at stride 2 is often less than the layer's padding.
 * Words of W, I, O have bits[], partial sums acc_bits. */
typedef struct {
    int32_t dim[TD_NDIM], stride[2], dilation[2], pad[4];
    uint8_t bits[TD_NTENSOR], acc_bits;
} td_problem;

int64_t td_problem_macs(const td_problem *p);
/* Words of a tensor over the whole layer. Input: the dense box of rows and columns inside the image
 * that the outputs span, i.e. without pad: (P-1) stride + (R-1) dilation + 1 - top - bottom rows.
 */
int64_t td_problem_words(const td_problem *p, td_tensor t);
/* The layer as the matrix product that im2col makes of it, per group: (N P Q) x (C R S) by (C R S)
 * x K as P, C and K. Every tap of every position is a word of I of its own, made zeros included.
 * MACs and words of W and O are the same. Dims whose product would reach 2^31 stay apart: N, P and
 * Q, or (then nothing is changed) C, R and S. */
void td_problem_product(const td_problem *p, td_problem *out);
/* First fault as a message (TD_E_INPUT): dims >= 1, strides and dilations >= 1, bits in 1..64,
 * input rows and columns < 2^31, MACs and bits of each tensor < 2^62. */
td_status td_problem_check(const td_problem *p, td_error *err);
/* "conv K64 C64 P56 Q56 R3 S3 s2", "dwconv G144 ...": for tables. */
void td_problem_text(const td_problem *p, char *out, size_t size);
/* The reverse, for layers that people write; loops that are not named are 1:
 *
 *     conv K64 C64 P56 Q56 R3 S3 s2          N, G; s2, s2x1 or stride=2; d2 or dilation=2;
 *                                            pad=1, pad=ROWS,COLUMNS or pad=TOP,LEFT,BOTTOM,RIGHT
 *     dw C144 P56 Q56 R3 S3                  depthwise (also dwconv): C or G is the channels
 *     gemm M512 N2048 K512                   M rows, N columns, K summed over; or P, K, C
 *     fc K1000 C512
 *
 * Padding is taken as it stands, as in td_problem. Words have 8 bits and partial sums 32, as those
 * of layers. TD_E_INPUT names the word and what was expected; *out is then unchanged. */
td_status td_problem_parse(const char *text, td_problem *out, td_error *err);

/* ---- the graph ------------------------------------------------------------------------------- */

/* X(enumerator, name). Activations come last so that one test finds them. The ops marked * are
 * known by their cost only: networks that have one are counted, hashed, scheduled, written as
 * network files, but not run, trained, or written as ONNX (td_net_runs). */
#define TD_OP_MAP(X)                                                                               \
    X(TD_OP_INPUT, "input")                                                                        \
    X(TD_OP_CONV, "conv")                                                                          \
    X(TD_OP_FC, "fc")                                                                              \
    X(TD_OP_BN, "batch_norm")                                                                      \
    X(TD_OP_MAX_POOL, "max_pool")                                                                  \
    X(TD_OP_AVG_POOL, "avg_pool")                                                                  \
    X(TD_OP_GLOBAL_POOL, "global_avg_pool")                                                        \
    X(TD_OP_ADD, "add")                                                                            \
    X(TD_OP_MUL, "mul")                                                                            \
    X(TD_OP_CONCAT, "concat")                                                                      \
    X(TD_OP_RESIZE, "resize")                                                                      \
    X(TD_OP_CONV_TRANSPOSE, "conv_transpose") /* this and the next seven: * */                     \
    X(TD_OP_MATMUL, "matmul")                 /* of two values, as in attention */                 \
    X(TD_OP_LAYER_NORM, "layer_norm")         /* and other norms whose sums are of the input */    \
    X(TD_OP_SOFTMAX, "softmax")                                                                    \
    X(TD_OP_ELEMENTWISE, "elementwise") /* of its inputs, and of constants if it has any */        \
    X(TD_OP_REDUCE, "reduce")           /* sums, means, maxima over some axes */                   \
    X(TD_OP_MOVE, "move")               /* transpose, gather, pad, repeat, join */                 \
    X(TD_OP_RELU, "relu")                                                                          \
    X(TD_OP_RELU6, "relu6")                                                                        \
    X(TD_OP_HSWISH, "hard_swish")                                                                  \
    X(TD_OP_SWISH, "swish")                                                                        \
    X(TD_OP_SIGMOID, "sigmoid")                                                                    \
    X(TD_OP_HSIGMOID, "hard_sigmoid")                                                              \
    X(TD_OP_TANH, "tanh") /* *, and the next */                                                    \
    X(TD_OP_GELU, "gelu")
typedef enum {
#define TD_X(e, n) e,
    TD_OP_MAP(TD_X)
#undef TD_X
        TD_NOP
} td_op;
const char *td_op_name(td_op op);
/* Runs on the MACs: has a layer problem. The others run on the vector unit. */
bool td_op_mapped(td_op op);
bool td_op_cost_only(td_op op); /* marked * above */
/* What an activation makes of x (those that are run); x itself of other ops. */
double td_op_activate(td_op op, double x);

enum { TD_MAX_INPUTS = 64 };

typedef struct {
    int32_t c, h, w;
} td_shape;
#define TD_DIM(c, h, w) ((td_shape){(c), (h), (w)})

/* One layer makes one value; values are numbered as layers are, value 0 is the input image. Shapes
 * are channels, height, width of one sample (fc output: channels x 1 x 1; tokens: channels x tokens
 * x 1; a stack of matrices, as matmul has them: matrices x rows x columns).
 *
 * A view is another shape in which a layer sees its first or second input: with as many words (a
 * reshape, which costs nothing), or with fewer (a part, which is read where it stands). Layers with
 * views are known by their cost only. */
typedef struct {
    td_op op;
    char name[48];
    int32_t n_inputs, input[TD_MAX_INPUTS];
    int32_t c, h, w; /* output shape */
    int32_t kernel[2], stride[2], dilation[2], pad[4], groups;
    td_shape view[2];                   /* c = 0: as the input is */
    int64_t constants;                  /* words of parameters beside weights and bias */
    bool bias;                          /* conv, fc, conv_transpose */
    uint8_t bits[TD_NTENSOR], acc_bits; /* 8, 8, 8, 32 unless set */
} td_layer;

typedef struct td_net td_net;

/* Limits, so that no count overflows: 2^20 channels, 65536 rows and columns, 65536 layers, 2^40
 * words of a value, 2^48 parameters, 2^61 MACs; beyond them adding is a fault. */
td_net *td_net_create(const char *name, td_shape input); /* NULL: memory */
void td_net_destroy(td_net *net);
td_net *td_net_clone(const td_net *net);
const char *td_net_name(const td_net *net);
int td_net_size(const td_net *net);   /* layers, the input included */
int td_net_output(const td_net *net); /* the last value */
/* Layer i, NULL if there is none. The pointer holds until a layer is added. */
const td_layer *td_net_layer(const td_net *net, int i);
/* Input k of layer i as the layer sees it: its view, or the shape of the value. */
td_shape td_layer_input(const td_net *net, int i, int k);
/* Part of that value's words that the layer reads, in (0, 1]: 1 but for views of parts. */
double td_layer_input_share(const td_net *net, int i, int k);
/* TD_E_UNSUPPORTED if a layer is known by its cost only; names it. */
td_status td_net_runs(const td_net *net, td_error *err);

/* Adding layers: each returns the new value's number, or -1 after a fault, which sticks: later
 * calls return -1 too and td_net_check() reports the first one, so that builders need no tests.
 * Padding of td_net_conv and of pools is "same" for odd kernels: dilation*(k-1)/2 on each side,
 * which gives ceil(h/stride) rows; even kernels pad one more at the bottom and right. Names are
 * made ("conv3") unless td_net_name_last() sets one. */
int td_net_conv(td_net *net, int x, int out_c, int kernel, int stride, int groups, int dilation);
typedef struct {
    int32_t out_c, kernel[2], stride[2], dilation[2], pad[4], groups;
    bool bias;
} td_conv_spec;
int td_net_conv_spec(td_net *net, int x, const td_conv_spec *spec);
int td_net_fc(td_net *net, int x, int out_c); /* with bias; flattens c*h*w */
int td_net_bn(td_net *net, int x);
/* TD_OP_MAX_POOL or TD_OP_AVG_POOL, the latter over the words inside the image only. */
int td_net_pool(td_net *net, int x, td_op kind, int kernel, int stride);
int td_net_global_pool(td_net *net, int x);
int td_net_add(td_net *net, int a, int b);
int td_net_mul(td_net *net, int a, int b);           /* b may be c x 1 x 1: broadcast */
int td_net_concat(td_net *net, const int *x, int n); /* along channels */
/* Bilinear, to h rows and w columns: centres of pixels at halves, beyond the border the border's
 * pixel; no smoothing where it shrinks. */
int td_net_resize(td_net *net, int x, int h, int w);
int td_net_act(td_net *net, int x, td_op kind);
/* a: matrices x M x K, b: matrices x K x N -> matrices x M x N. */
int td_net_matmul(td_net *net, int a, int b);
void td_net_name_last(td_net *net, const char *format, ...) TD_PRINTF(2, 3);
void td_net_set_bits(td_net *net, int layer, int w, int i, int o, int acc);
td_status td_net_check(const td_net *net, td_error *err);

/* Blocks (conv - BN - activation each; the projection has no activation; residual where stride is 1
 * and channels match and `residual` is set; no expanding convolution where expansion is 1: a fused
 * block then is one convolution with activation and no projection). se: squeeze-excite channels as
 * a fraction of the block's input channels (whole part, at least 1), 0 for none. groups: of the
 * convolution that expands, the k x k one of a fused block, the first 1x1 of an inverted bottleneck
 * (0: 1; none without expansion there); the projection is never grouped, so that each output sees
 * every group. What stands behind `act` may be left 0. */
typedef struct {
    int32_t kernel, expansion, out_c, stride, groups;
    bool fused, residual;
    double se;
    td_op act;
    int32_t expanded;   /* channels inside; 0: expansion times those of the input */
    int32_t squeezed;   /* channels of the squeeze-excite; 0: as se says */
    td_op se_act, gate; /* inside of it; 0: act, and a sigmoid */
    int32_t dilation;   /* of the k x k convolution; 0: 1 */
} td_block;
int td_net_block(td_net *net, int x, const td_block *b); /* IBN or fused IBN */
int td_net_conv_bn_act(td_net *net, int x, int out_c, int kernel, int stride, int groups,
                       td_op act);
int td_net_squeeze_excite(td_net *net, int x, int squeezed_c, td_op act, td_op gate);
/* Channels times width, to the nearest multiple of `divisor`, never below 90 % of it; -1 (which
 * every adding function refuses) if the product is not in (0, 2^20]. */
int td_round_channels(double c, double width, int divisor);

/* Whole networks by name, all of any size, width and number of classes: MobileNets, ResNets,
 * EfficientNets, their relatives for accelerators, DeepLabs (classes x H x W scores), and small
 * ones for 28x28 and 32x32 images; td_net_list() has all. A zero in `input`, or 0 classes: the
 * network's own. Width multiplies channels as its authors do, rounded to multiples of 8: the last
 * convolution of MobileNetV2 and of MobileNetEdgeTPU and the features of MobileNetV3 do not shrink
 * below width 1, stem and head of EfficientNet-lite do not change, nor do the channels behind a
 * DeepLab's backbone. Unknown names: TD_E_NOT_FOUND with those that are known. Caller destroys
 * *net. */
typedef struct {
    const char *name, *about;
} td_net_entry;
const td_net_entry *td_net_list(int *n);
td_status td_net_build(const char *name, td_shape input, double width, int classes, td_net **net,
                       td_error *err);

/* Counts of one inference. Bytes follow each layer's bits (rounded up per tensor): weights bits[W],
 * biases acc_bits, scale and shift of an unfolded BN bits[W], values bits[O]. Layers run in the
 * order of their numbers; a BN or activation that is the only reader of its input works in place,
 * so only the last value of such a chain counts. Peak: the most that lives at once, a layer's
 * inputs and output together. Activation bytes are -1 if memory is out. */
typedef struct {
    int64_t macs, params, weight_bytes, activation_bytes_peak, activation_bytes_sum;
    int32_t layers; /* on the MACs: conv, fc, conv_transpose, matmul */
} td_net_totals;
void td_net_count(const td_net *net, td_net_totals *out);
int64_t td_layer_macs(const td_net *net, int i);
/* Trainable and stored words: weights, bias, constants; BN counts 2 per channel (scale, shift) as
 * published parameter counts do. */
int64_t td_layer_params(const td_net *net, int i);
/* The layer problem of a conv, fc, conv_transpose or matmul (false for others). batch is N. conv: G
 * = groups, K and C per group (depthwise: K = C = 1); fc: K outputs, C = c*h*w, P = Q = R = S = 1.
 * matmul: G = matrices x batch, P = rows of the first, K = columns of the second, which takes W's
 * place, C = what is summed over. conv_transpose: as the convolutions at stride 1 that it falls
 * into, one per residue of output positions modulo the stride ("sub-pixel" convolution, Shi et al.
 * 2016), side by side as output channels: P x Q of the input, R, S = kernel / stride, K = channels
 * x stride x stride. On an axis whose kernel is no multiple of the stride each tap stands for
 * itself (R = 1, K times the kernel), and overlapping results are added afterwards; MACs are exact
 * either way. */
bool td_layer_problem(const td_net *net, int i, int batch, td_problem *out);

/* Graph in and out (JSON and YAML): the tool's own network file (docs: file formats). A map of
 * name, input [c, h, w], layers: a list of maps with op, name, inputs (names; default: the layer
 * before), out (conv, fc), kernel, stride, dilation (a number or [rows, columns]; 1), pad ("same",
 * a number or [top, left, bottom, right]), groups, bias, bits [W, I, O, acc]. Only what differs
 * from the default is written. Names that stand twice are made unique on the way out. Out: NULL
 * after a fault. In: unknown keys and whatever adding would refuse are TD_E_INPUT with file and
 * line. */
td_node *td_net_to_node(const td_net *net, td_arena *a);
td_status td_net_from_node(const td_node *n, td_net **net, td_error *err);
/* Structure only: ops, shapes, attributes, bits, edges; no names, no weights. The same on all
 * machines. */
uint64_t td_net_hash(const td_net *net);

/* ---- precision ------------------------------------------------------------------------------- */

/* Bits of the operands of a layer on the MACs, and of the partial sums; p 0: 32, or as many as hold
 * the sums if that is more, up to 64. */
typedef struct {
    uint8_t w, a, p;
} td_precision;
/* "8" (both operands), "w4a8", "w4a8p24"; operands have 1 to 32 bits, sums 1 to 64. TD_E_INPUT
 * tells what was expected; *out is then unchanged. */
td_status td_precision_parse(const char *text, td_precision *out, td_error *err);
/* Bits that hold a sum of so many products (Karbachevsky et al., 2004.08906): w + a + log2(terms),
 * of which a register has the next whole number. */
double td_sum_bits(double w, double a, double terms);
/* of[td_net_size(net)]: a precision for each layer on the MACs, from a map of
 *
 *     default: w8a8                       # 8 if absent
 *     layers: {conv1: 16, conv2: w4a8}    # by name
 *
 * TD_E_INPUT with file and line: unknown keys, layers that the network does not have. */
td_status td_precision_from_node(const td_node *doc, const td_net *net, td_precision *of,
                                 td_error *err);
/* Sets the bits of all layers from those on the MACs. A value has the bits of the widest
 * of these that reads it; pools, sums and activations work at the width of what they make, so the
 * layers before them hand on no less. These take of each word the bits that it asks for.
 * What nobody reads has the activation bits of the layer that made it. Partial sums as td_precision
 * says. TD_E_USAGE: out of range; the layer is named. */
td_status td_net_set_precision(td_net *net, const td_precision *of, td_error *err);

/* ---- weights --------------------------------------------------------------------------------- */

/* Parameters of a layer in plain fp32: conv weight [K][C/groups][R][S], fc weight [out][c*h*w],
 * bias [K]; BN scale, shift, mean, var [C]. NULL where a layer has none. */
typedef struct {
    float *weight, *bias, *scale, *shift, *mean, *var;
} td_layer_params_t;
typedef struct {
    int n;                    /* = td_net_size */
    td_layer_params_t *layer; /* carved out of one allocation */
    float *data;
    int64_t count;
    float bn_eps; /* 1e-5 */
} td_weights;
/* Allocates zeros (BN: scale 1, var 1). NULL: memory. */
td_weights *td_weights_create(const td_net *net);
void td_weights_destroy(td_weights *w);

/* A new network without batch norms: each BN that follows a convolution (or fc) with no other
 * reader is folded into its weight and bias (computed in double). Predictions do not change beyond
 * rounding. A BN that cannot be folded stays. Values are renumbered, names stay. w and
 * folded_weights may both be NULL: structure only. Caller destroys both results. */
td_status td_net_fold_bn(const td_net *net, const td_weights *w, td_net **folded,
                         td_weights **folded_weights, td_error *err);

/* Plain reference forward pass, fp32 storage, double accumulation; slow and independent of the
 * trainer. input [batch][c][h][w]; output [batch][out]; BN uses stored mean and var. */
td_status td_net_forward(const td_net *net, const td_weights *w, const float *input, int batch,
                         float *output, td_error *err);

/* ---- quantised parameters -------------------------------------------------------------------- */

/* Words of few bits that stand for reals: real = scale (q - zero), q in [-2^(bits-1), 2^(bits-1)-1]
 * (Jacob et al., 1712.05877; the affine form of ONNX). bits 0: none. */
typedef struct {
    float scale;
    int32_t zero;
    uint8_t bits;
} td_quant;
enum { TD_QUANT_LEAST_BITS = 2, TD_QUANT_MOST_BITS = 8 };

/* What a layer reads, holds and writes. Weights have one scale per output channel and no zero
 * point: real = weight_scale[k] q. Biases have the scale of the sums, in[0].scale weight_scale[k]
 * in single precision. */
typedef struct {
    bool runs;    /* false: nothing that leads to the result reads it */
    td_quant out; /* of its value. bits 0: the activation behind it is a part of it, and the value
                     between them is never there */
    td_quant *in; /* of each input as it is read; the value's own, or fewer bits */
    int8_t *weight;
    float *weight_scale;
    int32_t *bias; /* NULL: none */
} td_quantised_layer;

/* A network with integers for parameters, as an accelerator runs it (tandem/quant.h makes and runs
 * it). net: batch norms are folded; those that cannot be are functions of a word per channel, whose
 * parameters stand in `weights`. All of it is owned by the arena but net and weights, which are
 * the object's, too. */
typedef struct {
    td_arena *arena;
    td_net *net;
    td_weights *weights;
    td_quantised_layer *layer; /* td_net_size(net) of them */
} td_quantised;
void td_quantised_destroy(td_quantised *q); /* NULL is fine */

/* ONNX out, as td_onnx_write, of the quantised network: QuantizeLinear and DequantizeLinear around
 * each value that is there, weights and biases as int8 and int32 initialisers behind a
 * DequantizeLinear per output channel. Values of fewer than 8 bits are words of 8 that a Clip keeps
 * in their range. "logits" are the reals that the last layer's words stand for. */
td_status td_onnx_write_qdq(const td_quantised *q, const float *mean, const float *std,
                            const char *path, td_error *err);

/* ---- ONNX ------------------------------------------------------------------------------------ */

/* ONNX out: fp32, opset 13, input "input" NCHW float in 0..1 with a symbolic batch, output
 * "logits": N x C, or N x C x H x W of a network whose result has several pixels. The normalisation
 * (x - mean[c]) / std[c] stands inside the graph. BN is folded first where it can be. mean, std: c
 * values each (std not 0). Replaces the file as a whole or not at all. */
td_status td_onnx_write(const td_net *net, const td_weights *w, const float *mean, const float *std,
                        const char *path, td_error *err);

/* ONNX in: models as PyTorch and others export them, of operator sets 9 to 18, in floating point or
 * with QDQ nodes. Weights are not read, only their sizes count: the network is known by its cost.
 * One sample is read: the batch is a matter of the schedule.
 *
 * dim: sizes of symbolic dims, by their names; "input.2" is dim 2 of an input, symbolic or not. The
 * first dim of an input is 1 unless it is given. TD_E_INPUT names symbolic dims that are not given.
 * Operators that are not known are TD_E_UNSUPPORTED, all of them named; under skip_unknown they are
 * data movement to the shape that the file declares for their result, or else to that of their
 * first input, and *told (may be NULL) says so, a line each. Declared shapes are held to those that
 * are inferred. Errors name the file, the node and its operator. Caller destroys *net. */
typedef struct {
    const char *name;
    int64_t size;
} td_onnx_dim;
typedef struct {
    const td_onnx_dim *dim;
    int n_dims;
    bool skip_unknown;
    td_text *told;
} td_onnx_options;
/* o may be NULL: no dims given, nothing skipped. The file is mapped, its weights are not touched.
 */
td_status td_onnx_read(const char *path, const td_onnx_options *o, td_net **net, td_error *err);
/* The same of bytes in memory; `file` stands in messages, and without folder and ending names the
 * network. External data are not looked for. */
td_status td_onnx_parse(const void *bytes, size_t size, const char *file, const td_onnx_options *o,
                        td_net **net, td_error *err);

/* Layers of other programs as networks that are known by their cost. TD_E_INPUT with file and line.
 * Caller destroys *net.
 *
 * SCALE-Sim's topology (CSV; name, rows and columns of the input with its padding, rows and columns
 * of the filter, channels, filters, stride; or name, M, N, K; further columns are not read): layers
 * that know nothing of each other, each with its own input. A name with "DP" is depthwise, and
 * there are ceil((input - filter + stride) / stride) rows, as it counts them.
 *
 * ZigZag's workload (a list of maps with id, operator_type, loop_dims and loop_sizes of B (1), G,
 * K, C, OY, OX, FY, FX, dimension_relations, operand_precision, operand_source): convolutions,
 * additions and pools (operator_type with "Add", "Pool"), connected as it says. What a window
 * reaches beyond its source's rows is padding. */
td_status td_net_from_scalesim(const char *text, size_t size, const char *file, td_net **net,
                               td_error *err);
td_status td_net_from_zigzag(const td_node *list, const char *name, td_net **net, td_error *err);

/* A network from a file: .onnx an ONNX model (o: its options, may be NULL), .csv a topology of
 * SCALE-Sim, else YAML or JSON: a list is a workload of ZigZag, a map the tool's own network file.
 */
td_status td_net_load(const char *path, const td_onnx_options *o, td_net **net, td_error *err);

#ifdef __cplusplus
}
#endif
#endif

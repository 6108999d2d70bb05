/* The operators, by the files that make them. Each is one line of the table in onnx_ops.c. */
#ifndef TANDEM_NET_ONNX_OPS_H
#define TANDEM_NET_ONNX_OPS_H

#include "onnx_value.h"

/* onnx_macs.c: what runs on the MACs. */
td__onnx_op td__onnx_conv, td__onnx_conv_transpose, td__onnx_gemm, td__onnx_matmul, td__onnx_einsum;

/* onnx_vector.c: windows, norms, sums. Variants of pools: an op of the network. */
td__onnx_op td__onnx_pool, td__onnx_global_pool, td__onnx_batch_norm, td__onnx_norm,
    td__onnx_softmax, td__onnx_reduce, td__onnx_resize;

/* onnx_pointwise.c: element by element. Variants of unary: the op of the network, or what stands
 * for it; of binary: how constants are computed. */
enum {
    TD__PW_ADD,
    TD__PW_SUB,
    TD__PW_MUL,
    TD__PW_DIV,
    TD__PW_MOD,
    TD__PW_POW,
    TD__PW_MIN,
    TD__PW_MAX,
    TD__PW_EQUAL,
    TD__PW_LESS,
    TD__PW_LESS_EQUAL,
    TD__PW_GREATER,
    TD__PW_GREATER_EQUAL,
    TD__PW_AND,
    TD__PW_OR,
    TD__PW_WHERE,
    TD__PW_OTHER
};
enum {
    TD__PW_NEG = TD_NOP,
    TD__PW_ABS,
    TD__PW_SQRT,
    TD__PW_RECIPROCAL,
    TD__PW_FLOOR,
    TD__PW_CEIL,
    TD__PW_EXP,
    TD__PW_LOG,
    TD__PW_NOT,
    TD__PW_ERF,
    TD__PW_PLAIN
};
td__onnx_op td__onnx_unary, td__onnx_clip, td__onnx_binary, td__onnx_quantize;

/* onnx_views.c: the same words in another shape or order, and parts. */
enum { TD__VIEW_SAME, TD__VIEW_CAST, TD__VIEW_FLATTEN, TD__VIEW_SQUEEZE, TD__VIEW_UNSQUEEZE };
td__onnx_op td__onnx_same, td__onnx_reshape, td__onnx_transpose, td__onnx_space_depth,
    td__onnx_slice, td__onnx_split;

/* onnx_moves.c: words that go elsewhere, and constants that come from nowhere. */
td__onnx_op td__onnx_concat, td__onnx_gather, td__onnx_gather_more, td__onnx_expand, td__onnx_tile,
    td__onnx_pad, td__onnx_constant_node, td__onnx_fill, td__onnx_shape_of, td__onnx_size_of,
    td__onnx_range, td__onnx_scatter;

/* Attributes of windows, on one or two axes (the kernel is the caller's), and pads by auto_pad. */
td_status td__onnx_window(const td__onnx_reader *r, int axes, td_layer *l);
td_status td__onnx_auto_pad(const td__onnx_reader *r, td_shape x, td_layer *l);
/* Words of `of` in the dims of a result that it is broadcast to, or that are part of it: index into
 * it of word i of a result of so many dims. */
int64_t td__onnx_broadcast_index(const td__ov *of, int rank, const int64_t *dim, int64_t i);
/* Shape that the first n inputs that are there broadcast to. */
td_status td__onnx_broadcast(const td__onnx_reader *r, int *rank, int64_t dim[TD__OM_MAX_RANK]);
/* Output k as data movement that reads those inputs that are no constants; constants are read as
 * `constants` words of parameters. */
td_status td__onnx_move(td__onnx_reader *r, int k, int64_t constants);

#endif

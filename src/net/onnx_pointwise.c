/* Element by element, with broadcasting. What several nodes compute of one value, element by
 * element, is one layer: exporters write a GELU as five nodes, a swish as two, a layer norm as nine
 * (with means on the way). Where such paths meet again, the layer that they make is made anew as
 * one of the value that they started from; those in between are left over if nobody else reads
 * them. */
#include <math.h>
#include <string.h>

#include "onnx_ops.h"

/* ---- broadcasting ------------------------------------------------------------------------------
 */

td_status td__onnx_broadcast(const td__onnx_reader *r, int *rank, int64_t dim[TD__OM_MAX_RANK]) {
    *rank = 0;
    for (int k = 0; k < r->node->n_in; k++) {
        const td__ov *v = td__onnx_in(r, k);
        if (v != NULL && v->rank > *rank) *rank = v->rank;
    }
    for (int i = 0; i < *rank; i++) dim[i] = 1;
    for (int k = 0; k < r->node->n_in; k++) {
        const td__ov *v = td__onnx_in(r, k);
        for (int i = 0; v != NULL && i < v->rank; i++) {
            int64_t *d = &dim[*rank - v->rank + i];
            if (v->dim[i] == 1 || v->dim[i] == *d) continue;
            if (*d != 1)
                return td__onnx_fail(r, TD_E_INPUT, "sizes %lld and %lld do not go together",
                                     (long long)*d, (long long)v->dim[i]);
            *d = v->dim[i];
        }
    }
    return TD_OK;
}

int64_t td__onnx_broadcast_index(const td__ov *of, int rank, const int64_t *dim, int64_t i) {
    int64_t at = 0, stride = 1;
    for (int d = rank - 1; d >= 0; d--) {
        int own = d - (rank - of->rank);
        int64_t here = i % dim[d];
        i /= dim[d];
        if (own < 0) continue;
        if (of->dim[own] > 1) at += here * stride;
        stride *= of->dim[own];
    }
    return at;
}

/* ---- constants ---------------------------------------------------------------------------------
 */

static double binary_word(int op, bool whole, double a, double b) {
    switch (op) {
    case TD__PW_ADD: return a + b;
    case TD__PW_SUB: return a - b;
    case TD__PW_MUL: return a * b;
    case TD__PW_DIV: return whole ? trunc(a / b) : a / b;
    case TD__PW_MOD: return a - floor(a / b) * b;
    case TD__PW_POW: return pow(a, b);
    case TD__PW_MIN: return fmin(a, b);
    case TD__PW_MAX: return fmax(a, b);
    case TD__PW_EQUAL: return a == b;
    case TD__PW_LESS: return a < b;
    case TD__PW_LESS_EQUAL: return a <= b;
    case TD__PW_GREATER: return a > b;
    case TD__PW_GREATER_EQUAL: return a >= b;
    case TD__PW_AND: return a != 0 && b != 0;
    default: return a != 0 || b != 0;
    }
}

static double unary_word(int op, double a) {
    switch (op) {
    case TD_OP_RELU: return a > 0 ? a : 0;
    case TD__PW_NEG: return -a;
    case TD__PW_ABS: return fabs(a);
    case TD__PW_SQRT: return sqrt(a);
    case TD__PW_RECIPROCAL: return 1 / a;
    case TD__PW_FLOOR: return floor(a);
    case TD__PW_CEIL: return ceil(a);
    case TD__PW_EXP: return exp(a);
    case TD__PW_LOG: return log(a);
    case TD__PW_NOT: return a == 0;
    default: return NAN;
    }
}

static td_status binary_constant(td__onnx_reader *r, int op, int rank, const int64_t *dim) {
    const td__ov *v[3] = {td__onnx_in(r, 0), td__onnx_in(r, 1), td__onnx_in(r, 2)};
    int n = op == TD__PW_WHERE ? 3 : 2, type = v[op == TD__PW_WHERE ? 1 : 0]->type;
    if (op >= TD__PW_EQUAL && op <= TD__PW_OR) type = TD__OM_BOOL;
    int64_t words = 1;
    double *content = NULL;
    bool known = op != TD__PW_OTHER && r->node->n_in <= n;
    for (int k = 0; k < n; k++) known = known && v[k] != NULL && v[k]->content != NULL;
    for (int i = 0; i < rank; i++) words = words > TD__ONNX_MOST_CONTENT ? words : words * dim[i];
    if (known) content = td__onnx_room(r, words);
    for (int64_t i = 0; content != NULL && i < words; i++) {
        double x[3] = {0};
        for (int k = 0; k < n; k++)
            x[k] = v[k]->content[td__onnx_broadcast_index(v[k], rank, dim, i)];
        content[i] = op == TD__PW_WHERE ? (x[0] != 0 ? x[1] : x[2])
                                        : binary_word(op, td__onnx_is_int(v[0]->type), x[0], x[1]);
    }
    return td__onnx_constant(r, 0, type, rank, dim, content);
}

/* ---- paths that meet --------------------------------------------------------------------------
 */

enum { LONGEST_PATH = 64 };

/* The value that v is computed from element by element or by sums over it, -1: otherwise. */
static int step_back(const td__onnx_reader *r, int v) {
    const td_layer *l = &r->net->layer[v];
    bool walks = td__op_is_act(l->op) || (l->op == TD_OP_ELEMENTWISE && l->n_inputs == 1) ||
                 l->op == TD_OP_REDUCE || l->op == TD_OP_GLOBAL_POOL || l->op == TD_OP_LAYER_NORM;
    return walks && l->constants == 0 ? l->input[0] : -1;
}

static int path_of(const td__onnx_reader *r, int v, int path[LONGEST_PATH]) {
    int n = 0;
    for (; v >= 0 && n < LONGEST_PATH; v = step_back(r, v)) path[n++] = v;
    return n;
}

/* The nearest value that all operands of the node come from; -1: none. *sums: over it, on the way;
 * *steep: an exponential or error function. */
static int common_root(const td__onnx_reader *r, bool *sums) {
    int first[LONGEST_PATH], other[LONGEST_PATH], n = 0;
    int reach = 0; /* of first[], how far one has to go at least */
    *sums = false;
    for (int k = 0; k < r->node->n_in; k++) {
        const td__ov *v = td__onnx_in(r, k);
        if (v == NULL) continue;
        if (v->constant) {
            if (v->params > 0) return -1;
            continue;
        }
        if (n == 0) {
            n = path_of(r, v->value, first);
            continue;
        }
        int m = path_of(r, v->value, other), i, j = 0;
        for (i = reach; i < n; i++) {
            for (j = 0; j < m && other[j] != first[i];) j++;
            if (j < m) break;
        }
        if (i == n) return -1;
        reach = i;
        for (int x = 0; x < j; x++) {
            td_op op = r->net->layer[other[x]].op;
            *sums =
                *sums || op == TD_OP_REDUCE || op == TD_OP_GLOBAL_POOL || op == TD_OP_LAYER_NORM;
        }
    }
    if (n == 0) return -1;
    /* x - mean(x), which a norm divides by its own deviation, is a norm of x itself. */
    while (reach + 1 < n && r->trace[first[reach]].joined &&
           r->net->layer[first[reach]].op == TD_OP_LAYER_NORM)
        reach++;
    for (int x = 0; x < reach; x++) {
        td_op op = r->net->layer[first[x]].op;
        *sums = *sums || op == TD_OP_REDUCE || op == TD_OP_GLOBAL_POOL || op == TD_OP_LAYER_NORM;
    }
    return first[reach];
}

/* What paths without sums make: x times a gate of x is a swish or a hard one. */
static td_op joined_op(const td__onnx_reader *r, int root, int variant) {
    const td__ov *a = td__onnx_in(r, 0), *b = td__onnx_in(r, 1);
    if (variant == TD__PW_MUL && a != NULL && b != NULL && !a->constant && !b->constant) {
        int gate = a->value == root ? b->value : b->value == root ? a->value : -1;
        const td_layer *l = gate >= 0 ? &r->net->layer[gate] : NULL;
        if (l != NULL && gate != root) {
            if (l->op == TD_OP_SIGMOID && l->input[0] == root) return TD_OP_SWISH;
            if (l->op == TD_OP_HSIGMOID && l->input[0] == root) return TD_OP_HSWISH;
            for (int v = gate; v >= 0 && v != root; v = step_back(r, v))
                if (r->net->layer[v].op == TD_OP_RELU6)
                    return TD_OP_HSWISH; /* x relu6(x + 3) / 6 */
        }
    }
    for (int k = 0; k < r->node->n_in; k++) {
        const td__ov *v = td__onnx_in(r, k);
        for (int at = v != NULL && !v->constant ? v->value : -1; at >= 0 && at != root;
             at = step_back(r, at)) {
            td_op op = r->net->layer[at].op;
            if (op == TD_OP_TANH || op == TD_OP_GELU || r->trace[at].error_function)
                return TD_OP_GELU;
        }
    }
    return TD_OP_ELEMENTWISE;
}

/* One layer that makes of value `root` what the node makes. */
static td_status joined(td__onnx_reader *r, td_op op, int root, int64_t constants) {
    td_layer l = td__layer_make(op);
    l.n_inputs = 1;
    l.input[0] = root;
    l.constants = constants;
    td_status s = td__onnx_layer(r, 0, &l);
    const td__ov *out = td__onnx_out(r, 0);
    if (s == TD_OK && out != NULL) r->trace[out->value].joined = true;
    return s;
}

/* An operation with a constant on what nobody else reads and was joined: a part of it. */
static bool absorbs(const td__onnx_reader *r, const td__ov *x, int64_t constants) {
    const td_layer *l = &r->net->layer[x->value];
    if (!r->trace[x->value].joined || r->uses[x - r->value] != 1) return false;
    return constants == 0 || l->op == TD_OP_LAYER_NORM;
}

/* ---- nodes ------------------------------------------------------------------------------------
 */

static td_status unary(td__onnx_reader *r, td_op op, bool error_function) {
    const td__ov *x = td__onnx_in(r, 0);
    const td_shape seen = td__onnx_seen(r, x);
    const td_layer *before = &r->net->layer[x->value];
    bool part = op == TD_OP_ELEMENTWISE && !error_function && before->op != TD_OP_LAYER_NORM;
    if (part && absorbs(r, x, 0)) {
        const td_layer *l = before;
        return joined(r, l->op, l->input[0], l->constants);
    }
    td_layer l = td__layer_make(op);
    td__onnx_reads(r, &l, x, seen);
    td_status s = td__onnx_layer(r, 0, &l);
    const td__ov *out = td__onnx_out(r, 0);
    if (s == TD_OK && out != NULL) r->trace[out->value].error_function = error_function;
    return s;
}

td_status td__onnx_unary(td__onnx_reader *r, int variant) {
    td_status s = td__onnx_need(r, 1);
    if (s != TD_OK) return s;
    const td__ov *x = td__onnx_in(r, 0);
    td__ov *out = td__onnx_out(r, 0);
    if (out == NULL) return TD_OK;
    if (x->constant) {
        double *content = x->content != NULL ? td__onnx_room(r, x->words) : NULL;
        for (int64_t i = 0; content != NULL && i < x->words; i++) {
            content[i] = unary_word(variant, x->content[i]);
            if (isnan(content[i])) content = NULL;
        }
        return td__onnx_constant(r, 0, x->type, x->rank, x->dim, content);
    }
    s = td__onnx_shape(r, out, x->rank, x->dim);
    if (s != TD_OK) return s;
    out->type = x->type;
    td_op op = variant < TD_NOP ? (td_op)variant : TD_OP_ELEMENTWISE;
    if (op == TD_OP_HSIGMOID) { /* ours is that of PyTorch */
        const td__om_attr *alpha = td__om_find(r->node, "alpha");
        if (alpha == NULL || fabs(alpha->f - 1.0 / 6) > 1e-3) op = TD_OP_ELEMENTWISE;
    }
    return unary(r, op, variant == TD__PW_ERF);
}

static bool bound(const td__onnx_reader *r, const char *attr, int k, double otherwise,
                  double *out) {
    const td__om_attr *a = td__om_find(r->node, attr);
    *out = a != NULL ? a->f : otherwise;
    return td__onnx_in(r, k) == NULL || td__onnx_scalar(td__onnx_in(r, k), out);
}

td_status td__onnx_clip(td__onnx_reader *r, int variant) {
    (void)variant;
    double lo, hi;
    bool known = bound(r, "min", 1, -INFINITY, &lo) && bound(r, "max", 2, INFINITY, &hi);
    if (known && lo == 0 && hi == 6) return td__onnx_unary(r, TD_OP_RELU6);
    if (known && lo == 0 && !(hi < 1e30)) return td__onnx_unary(r, TD_OP_RELU);
    return td__onnx_unary(r, TD__PW_PLAIN);
}

/* The bias of a convolution or fc that has none yet and that nobody else reads. */
static bool is_bias(td__onnx_reader *r, const td__ov *x, const td__ov *b) {
    td_layer *l = &r->net->layer[x->value];
    if (!td_op_mapped(l->op) || l->op == TD_OP_MATMUL || l->bias || b->words != l->c) return false;
    if (x->words != td__layer_words(l) || r->uses[x - r->value] != 1 || b->params != b->words)
        return false;
    l->bias = true;
    r->net->params += l->c;
    return true;
}

/* Normalisation of the input image belongs to the camera or to the first convolution. */
static bool is_normalisation(const td__onnx_reader *r, const td__ov *x, const td__ov *b, int op) {
    return x->value == 0 && op <= TD__PW_DIV && x->rank == 4 && !td__onnx_is_int(x->type) &&
           (b->words == 1 || b->words == x->dim[1]) && td__onnx_in(r, 0) == x;
}

/* A larger copy, where no operand is as large as the result. */
static td_status expanded(td__onnx_reader *r, td_layer *l, const td__ov *x, td_shape as) {
    td_layer move = td__layer_make(TD_OP_MOVE);
    move.c = as.c;
    move.h = as.h;
    move.w = as.w;
    td__onnx_reads(r, &move, x, td__onnx_seen(r, x));
    td_status s = td__onnx_layer(r, 0, &move);
    if (s != TD_OK || td__onnx_out(r, 0) == NULL) return s;
    l->input[l->n_inputs++] = td__onnx_out(r, 0)->value;
    return TD_OK;
}

static td_status binary_layer(td__onnx_reader *r, int variant, td__ov *out) {
    const td__ov *x[TD_MAX_INPUTS];
    int n = 0, of = 0; /* operands, and which of them is as large as the result */
    int64_t constants = 0;
    for (int k = 0; k < r->node->n_in; k++) {
        const td__ov *v = td__onnx_in(r, k);
        if (v == NULL) continue;
        if (v->constant)
            constants += v->words > 1 ? v->params : 0;
        else if (n == TD_MAX_INPUTS)
            return td__onnx_fail(r, TD_E_UNSUPPORTED, "more than %d operands", TD_MAX_INPUTS);
        else
            x[n++] = v;
    }
    if (n == 0) return td__onnx_fail(r, TD_E_INPUT, "no operand");
    for (int k = n - 1; k >= 0; k--)
        if (x[k]->words == out->words) of = k;
    const td__ov *swap = x[0];
    x[0] = x[of];
    x[of] = swap;

    bool full = x[0]->words == out->words;
    bool sums;
    int root = n > 1 ? common_root(r, &sums) : -1;
    if (root >= 0 && td__layer_words(&r->net->layer[root]) == out->words)
        return joined(r, sums ? TD_OP_LAYER_NORM : joined_op(r, root, variant), root, 0);
    td_shape as = full ? td__onnx_seen(r, x[0]) : td__onnx_plain(out);
    if (n == 1 && full && absorbs(r, x[0], constants)) {
        const td_layer *l = &r->net->layer[x[0]->value];
        return joined(r, l->op, l->input[0], l->constants + constants);
    }
    td_layer l = td__layer_make(TD_OP_ELEMENTWISE);
    l.constants = constants;
    if (full)
        td__onnx_reads(r, &l, x[0], as);
    else {
        td_status s = expanded(r, &l, x[0], as);
        if (s != TD_OK) return s;
    }
    for (int k = 1; k < n; k++) {
        td_shape other = td__onnx_seen(r, x[k]);
        if (x[k]->words == out->words) other = as;
        bool gate = variant == TD__PW_MUL && other.c == as.c && other.h == 1 && other.w == 1;
        if (n == 2 && constants == 0 && full && (x[k]->words == out->words || gate)) {
            if (variant == TD__PW_ADD) l.op = TD_OP_ADD;
            if (variant == TD__PW_MUL) l.op = TD_OP_MUL;
        }
        td__onnx_reads(r, &l, x[k], other);
    }
    return td__onnx_layer(r, 0, &l);
}

td_status td__onnx_binary(td__onnx_reader *r, int variant) {
    int64_t dim[TD__OM_MAX_RANK];
    int rank;
    td_status s = td__onnx_need(r, variant == TD__PW_WHERE ? 3 : 1);
    if (s == TD_OK) s = td__onnx_broadcast(r, &rank, dim);
    td__ov *out = td__onnx_out(r, 0);
    if (s != TD_OK || out == NULL) return s;
    const td__ov *a = td__onnx_in(r, 0), *b = td__onnx_in(r, 1);
    if (td__onnx_all_constant(r)) return binary_constant(r, variant, rank, dim);
    if (b != NULL && r->node->n_in == 2 && a->constant != b->constant) {
        const td__ov *x = a->constant ? b : a, *k = a->constant ? a : b;
        if (variant <= TD__PW_DIV && is_normalisation(r, x, k, variant))
            return td__onnx_view(r, 0, x, x->rank, x->dim, NULL);
        if (variant == TD__PW_ADD && is_bias(r, x, k))
            return td__onnx_view(r, 0, x, x->rank, x->dim, NULL);
    }
    s = td__onnx_shape(r, out, rank, dim);
    if (s == TD_OK && out->words == 0)
        s = td__onnx_fail(r, TD_E_UNSUPPORTED, "a result without words");
    out->type = a->type;
    return s == TD_OK ? binary_layer(r, variant, out) : s;
}

/* QuantizeLinear (variant 1) and DequantizeLinear (0): words of so many bits, no work of their own.
 */
td_status td__onnx_quantize(td__onnx_reader *r, int variant) {
    td_status s = td__onnx_need(r, 2);
    if (s != TD_OK) return s;
    const td__ov *x = td__onnx_in(r, 0), *zero = td__onnx_in(r, 2);
    int type = variant == 1 ? (zero != NULL ? zero->type : TD__OM_UINT8) : x->type;
    int64_t wanted = td__onnx_attr_or(r, "output_dtype", 0);
    if (variant == 1 && zero == NULL && wanted != 0) type = (int)wanted;
    int bits = variant == 1 || x->constant ? td__om_bits(type) : x->bits;
    s = td__onnx_view(r, 0, x, x->rank, x->dim, NULL);
    td__ov *out = td__onnx_out(r, 0);
    if (s != TD_OK || out == NULL) return s;
    out->type = variant == 1 ? type : TD__OM_FLOAT;
    out->bits = bits;
    if (out->constant && variant == 0) /* integers that stand for real parameters */
        out->params = x->params > 0 ? x->params : x->words > 1 ? x->words : 0;
    if (variant == 1 && !out->constant && bits > 0 && out->value > 0)
        r->net->layer[out->value].bits[TD_O] = (uint8_t)bits;
    return TD_OK;
}

/* What runs on the MACs: convolutions, fully connected layers, products of two values. A product
 * with a constant matrix is an fc if there is one row, and else a 1x1 convolution over positions:
 * channels x tokens x 1. */
#include <string.h>

#include "onnx_ops.h"

static void weight_bits(td_layer *l, const td__ov *w) {
    if (w->bits > 0) l->bits[TD_W] = (uint8_t)w->bits;
}

/* ---- convolutions ------------------------------------------------------------------------------
 */

static td_status window_list(const td__onnx_reader *r, const char *attr, int n, int64_t otherwise,
                             int32_t *out) {
    int64_t v[4];
    int found;
    td_status s = td__onnx_list(r, attr, -1, 4, v, &found);
    if (s != TD_OK) return s;
    if (found >= 0 && found != n)
        return td__onnx_fail(r, TD_E_INPUT, "%d values of %s, expected %d", found, attr, n);
    for (int i = 0; i < n; i++) {
        int64_t value = found >= 0 ? v[i] : otherwise;
        if (value < 0 || value > TD__MAX_SIDE)
            return td__onnx_fail(r, TD_E_INPUT, "%s of %lld", attr, (long long)value);
        out[i] = (int32_t)value;
    }
    return TD_OK;
}

/* Attributes of a window on one or two axes; where there is one the other is neutral. Pads stand as
 * begin of all axes, end of all axes. */
td_status td__onnx_window(const td__onnx_reader *r, int axes, td_layer *l) {
    int32_t pads[4] = {0};
    td_status s = window_list(r, "strides", axes, 1, l->stride);
    if (s == TD_OK) s = window_list(r, "dilations", axes, 1, l->dilation);
    if (s == TD_OK) s = window_list(r, "pads", 2 * axes, 0, pads);
    for (int i = 0; i < axes && s == TD_OK; i++) {
        l->pad[i] = pads[i];
        l->pad[i + 2] = pads[i + axes];
        if (l->stride[i] < 1 || l->dilation[i] < 1)
            s = td__onnx_fail(r, TD_E_INPUT, "a stride or dilation of 0");
    }
    return s;
}

/* auto_pad as an older way to say pads: so that ceil(size / stride) windows fit. */
td_status td__onnx_auto_pad(const td__onnx_reader *r, td_shape x, td_layer *l) {
    const char *mode = td__onnx_text_or(r, "auto_pad", "NOTSET");
    const int32_t size[2] = {x.h, x.w};
    if (strcmp(mode, "NOTSET") == 0 || mode[0] == '\0') return TD_OK;
    memset(l->pad, 0, sizeof l->pad);
    if (strcmp(mode, "VALID") == 0) return TD_OK;
    bool upper = strcmp(mode, "SAME_UPPER") == 0;
    if (!upper && strcmp(mode, "SAME_LOWER") != 0)
        return td__onnx_fail(r, TD_E_INPUT, "auto_pad %.40s", mode);
    for (int i = 0; i < 2; i++) {
        int64_t out = (size[i] + (int64_t)l->stride[i] - 1) / l->stride[i];
        int64_t reach = (int64_t)l->dilation[i] * (l->kernel[i] - 1) + 1;
        int64_t total = (out - 1) * l->stride[i] + reach - size[i];
        if (total < 0) total = 0;
        if (total > 2 * (int64_t)TD__MAX_SIDE)
            return td__onnx_fail(r, TD_E_INPUT, "kernel too large");
        int64_t less = total / 2;
        l->pad[i] = (int32_t)(upper ? less : total - less);
        l->pad[i + 2] = (int32_t)(total - l->pad[i]);
    }
    return TD_OK;
}

/* Kernel from the weights, and what else a convolution has; x, w: its operands. */
static td_status conv_layer(td__onnx_reader *r, td_op op, const td__ov **x, td_shape *image,
                            td_layer *l) {
    td_status s = td__onnx_need(r, 2);
    if (s != TD_OK) return s;
    *x = td__onnx_in(r, 0);
    const td__ov *w = td__onnx_in(r, 1), *b = td__onnx_in(r, 2);
    *l = td__layer_make(op);
    if (!w->constant) return td__onnx_fail(r, TD_E_UNSUPPORTED, "weights that are no constant");
    if ((*x)->constant) return td__onnx_fail(r, TD_E_UNSUPPORTED, "a constant as its input");
    int axes = w->rank - 2;
    if (axes == 3) return td__onnx_fail(r, TD_E_UNSUPPORTED, "a convolution over three axes");
    if (axes < 1 || axes > 2 || (*x)->rank != w->rank || w->words == 0)
        return td__onnx_fail(r, TD_E_INPUT, "weights of %d dims for an input of %d", w->rank,
                             (*x)->rank);
    s = td__onnx_window(r, axes, l);
    if (s != TD_OK) return s;
    /* Zeros that an operator before puts around it are its own. */
    const td__onnx_trace *t = &r->trace[(*x)->value];
    bool own = op == TD_OP_CONV && t->zero_pad && t->padded.rank == (*x)->rank;
    for (int i = 2; own && i < (*x)->rank; i++) /* not seen in another shape in between */
        own = (*x)->dim[i] == t->padded.dim[i] + t->pad[i - 2] + t->pad[i];
    if (own && (*x)->dim[1] == t->padded.dim[1]) {
        *x = &t->padded;
        for (int i = 0; i < 4; i++) l->pad[i] += t->pad[i];
    }
    if ((*x)->dim[0] != 1)
        return td__onnx_fail(r, TD_E_UNSUPPORTED,
                             "%lld images at once, expected one: give the first dim of the inputs "
                             "as 1, the batch is an option of the schedule (--batch)",
                             (long long)(*x)->dim[0]);
    if (!td__onnx_image(*x, false, image))
        return td__onnx_fail(r, TD_E_UNSUPPORTED, "an image beyond what can be counted");
    int64_t groups = td__onnx_attr_or(r, "group", 1);
    for (int i = 0; i < axes; i++) {
        if (w->dim[2 + i] > TD__MAX_SIDE) return td__onnx_fail(r, TD_E_INPUT, "kernel too large");
        l->kernel[i] = (int32_t)w->dim[2 + i];
    }
    bool forward = op == TD_OP_CONV;
    if (groups < 1 || groups > TD__MAX_CHANNELS || w->dim[0] > TD__MAX_CHANNELS ||
        w->dim[1] > TD__MAX_CHANNELS || w->dim[1] * groups > TD__MAX_CHANNELS ||
        (forward ? w->dim[1] * groups : w->dim[0]) != image->c)
        return td__onnx_fail(
            r, TD_E_INPUT, "weights of %lld x %lld channels in %lld groups for %d channels",
            (long long)w->dim[0], (long long)w->dim[1], (long long)groups, image->c);
    l->groups = (int32_t)groups;
    l->c = (int32_t)(forward ? w->dim[0] : w->dim[1] * groups);
    l->bias = b != NULL;
    weight_bits(l, w);
    return TD_OK;
}

static td_status conv_result(td__onnx_reader *r, const td__ov *x, td_layer *l) {
    td__ov *out = td__onnx_out(r, 0);
    if (out == NULL) return TD_OK;
    td_status s = td__onnx_layer(r, 0, l);
    if (s != TD_OK) return s;
    const td_layer *made = &r->net->layer[out->value];
    const int64_t dim[] = {1, made->c, made->h, made->w};
    out->type = TD__OM_FLOAT;
    return td__onnx_shape(r, out, x->rank, dim);
}

td_status td__onnx_conv(td__onnx_reader *r, int variant) {
    (void)variant;
    const td__ov *x;
    td_shape image;
    td_layer l;
    td_status s = conv_layer(r, TD_OP_CONV, &x, &image, &l);
    if (s == TD_OK) s = td__onnx_auto_pad(r, image, &l);
    if (s != TD_OK) return s;
    td__onnx_reads(r, &l, x, image);
    return conv_result(r, x, &l);
}

td_status td__onnx_conv_transpose(td__onnx_reader *r, int variant) {
    (void)variant;
    const td__ov *x;
    td_shape image;
    td_layer l;
    int32_t more[2] = {0, 0}, side[2] = {0, 0};
    td_status s = conv_layer(r, TD_OP_CONV_TRANSPOSE, &x, &image, &l);
    if (s != TD_OK) return s;
    int axes = x->rank - 2, n = -1;
    int64_t shape[4];
    s = window_list(r, "output_padding", axes, 0, more);
    if (s == TD_OK) s = td__onnx_list(r, "output_shape", -1, 4, shape, &n);
    if (s != TD_OK) return s;
    bool same = strncmp(td__onnx_text_or(r, "auto_pad", "NOTSET"), "SAME", 4) == 0;
    const int32_t size[2] = {image.h, image.w};
    for (int i = 0; i < 2; i++) {
        int64_t full =
            (int64_t)(size[i] - 1) * l.stride[i] + (int64_t)l.dilation[i] * (l.kernel[i] - 1) + 1;
        int64_t out = full + more[i] - l.pad[i] - l.pad[i + 2];
        if (same) out = (int64_t)size[i] * l.stride[i];
        if (n >= axes && i < axes) out = shape[n - axes + i];
        if (same || n >= axes) { /* pads follow from the size */
            int64_t cut = full + more[i] - out;
            l.pad[i] = (int32_t)(cut > 0 && cut <= TD__MAX_SIDE ? cut / 2 : 0);
            l.pad[i + 2] = (int32_t)(cut > 0 && cut <= TD__MAX_SIDE ? cut - cut / 2 : 0);
        }
        if (out < 1 || out > TD__MAX_SIDE)
            return td__onnx_fail(r, TD_E_INPUT, "a result of %lld rows or columns", (long long)out);
        side[i] = (int32_t)out;
    }
    l.h = side[0];
    l.w = side[1];
    td__onnx_reads(r, &l, x, image);
    return conv_result(r, x, &l);
}

/* ---- products ---------------------------------------------------------------------------------
 */

/* rows x in by in x out, `groups` of them side by side; output 0 has its shape already. */
static td_status product_layer(td__onnx_reader *r, const td__ov *x, const td__ov *w, int64_t groups,
                               int64_t rows, int64_t in, int64_t out, bool bias) {
    td_layer l = td__layer_make(rows == 1 && groups == 1 ? TD_OP_FC : TD_OP_CONV);
    td_shape as = td__onnx_seen(r, x);
    if (groups * in > TD__MAX_CHANNELS || groups * out > TD__MAX_CHANNELS)
        return td__onnx_fail(r, TD_E_UNSUPPORTED, "a matrix of %lld x %lld words", (long long)in,
                             (long long)out);
    l.c = (int32_t)(groups * out);
    l.groups = (int32_t)groups;
    l.bias = bias;
    weight_bits(&l, w);
    if (l.op == TD_OP_CONV) {
        int64_t h = rows, wide = 1;
        if (h > TD__MAX_SIDE && x->rank >= 2 && rows % x->dim[x->rank - 2] == 0) {
            wide = x->dim[x->rank - 2];
            h = rows / wide;
        }
        if (h > TD__MAX_SIDE || wide > TD__MAX_SIDE)
            return td__onnx_fail(r, TD_E_UNSUPPORTED, "%lld rows", (long long)rows);
        as = TD_DIM((int32_t)(groups * in), (int32_t)h, (int32_t)wide);
    }
    td__onnx_reads(r, &l, x, as);
    return td__onnx_layer(r, 0, &l);
}

/* `groups` products of rows x in by in x out, of two values. */
static td_status matmul_layer(td__onnx_reader *r, const td__ov *a, const td__ov *b, int64_t groups,
                              int64_t rows, int64_t in, int64_t out) {
    td_layer l = td__layer_make(TD_OP_MATMUL);
    if (groups > TD__MAX_CHANNELS || rows > TD__MAX_SIDE || in > TD__MAX_SIDE || out > TD__MAX_SIDE)
        return td__onnx_fail(r, TD_E_UNSUPPORTED, "%lld products of %lld x %lld by %lld x %lld",
                             (long long)groups, (long long)rows, (long long)in, (long long)in,
                             (long long)out);
    td__onnx_reads(r, &l, b, TD_DIM((int32_t)groups, (int32_t)in, (int32_t)out));
    l.bits[TD_W] = l.bits[TD_I]; /* its words take the place of weights */
    l.input[1] = l.input[0];
    l.view[1] = l.view[0];
    l.view[0] = (td_shape){0};
    l.n_inputs = 0;
    td__onnx_reads(r, &l, a, TD_DIM((int32_t)groups, (int32_t)rows, (int32_t)in));
    l.n_inputs = 2;
    return td__onnx_layer(r, 0, &l);
}

td_status td__onnx_gemm(td__onnx_reader *r, int variant) {
    (void)variant;
    td_status s = td__onnx_need(r, 2);
    if (s != TD_OK) return s;
    const td__ov *a = td__onnx_in(r, 0), *b = td__onnx_in(r, 1), *c = td__onnx_in(r, 2);
    if (a->rank != 2 || b->rank != 2)
        return td__onnx_fail(r, TD_E_INPUT, "matrices of %d and %d dims", a->rank, b->rank);
    bool ta = td__onnx_attr_or(r, "transA", 0) != 0, tb = td__onnx_attr_or(r, "transB", 0) != 0;
    int64_t m = a->dim[ta], k = a->dim[!ta], k2 = b->dim[tb], n = b->dim[!tb];
    const int64_t dim[] = {m, n};
    if (k != k2)
        return td__onnx_fail(r, TD_E_INPUT, "%lld columns by %lld rows", (long long)k,
                             (long long)k2);
    if (td__onnx_all_constant(r)) return td__onnx_constant(r, 0, a->type, 2, dim, NULL);
    td__ov *out = td__onnx_out(r, 0);
    if (out == NULL) return TD_OK;
    s = td__onnx_shape(r, out, 2, dim);
    if (s != TD_OK || out->words == 0 || k == 0)
        return s != TD_OK ? s : td__onnx_fail(r, TD_E_UNSUPPORTED, "a result without words");
    out->type = TD__OM_FLOAT;
    bool bias = c != NULL && c->constant && c->words == n;
    if (a->constant) return product_layer(r, b, a, 1, n, k, m, false); /* of the transposes */
    return b->constant ? product_layer(r, a, b, 1, m, k, n, bias)
                       : matmul_layer(r, a, b, 1, m, k, n);
}

static int64_t product(const int64_t *dim, int n) {
    int64_t p = 1;
    for (int i = 0; i < n; i++) p *= dim[i];
    return p;
}

/* Leading dims of two operands, broadcast; of both at most TD__OM_MAX_RANK - 2. */
static td_status broadcast_lead(const td__onnx_reader *r, const td__ov *a, const td__ov *b,
                                int *rank, int64_t *dim) {
    int na = a->rank - 2, nb = b->rank - 2;
    *rank = na > nb ? na : nb;
    for (int i = 0; i < *rank; i++) {
        int64_t x = i < *rank - na ? 1 : a->dim[i - (*rank - na)];
        int64_t y = i < *rank - nb ? 1 : b->dim[i - (*rank - nb)];
        if (x != y && x != 1 && y != 1)
            return td__onnx_fail(r, TD_E_INPUT, "stacks of %lld and %lld matrices", (long long)x,
                                 (long long)y);
        dim[i] = x == 1 ? y : x;
    }
    return TD_OK;
}

/* Operands of one dim are a row (the first) or a column (the second). */
static td__ov as_matrix(const td__ov *v, bool row) {
    td__ov m = *v;
    if (v->rank != 1) return m;
    m.rank = 2;
    m.dim[0] = row ? 1 : v->dim[0];
    m.dim[1] = row ? v->dim[0] : 1;
    return m;
}

td_status td__onnx_matmul(td__onnx_reader *r, int variant) {
    (void)variant;
    td_status s = td__onnx_need(r, 2);
    if (s != TD_OK) return s;
    const td__ov *va = td__onnx_in(r, 0), *vb = td__onnx_in(r, 1);
    if (va->rank < 1 || vb->rank < 1) return td__onnx_fail(r, TD_E_INPUT, "a product of a scalar");
    td__ov a = as_matrix(va, true), b = as_matrix(vb, false);
    int64_t m = a.dim[a.rank - 2], k = a.dim[a.rank - 1], n = b.dim[b.rank - 1];
    int64_t dim[TD__OM_MAX_RANK];
    int rank;
    if (k != b.dim[b.rank - 2])
        return td__onnx_fail(r, TD_E_INPUT, "%lld columns by %lld rows", (long long)k,
                             (long long)b.dim[b.rank - 2]);
    s = broadcast_lead(r, &a, &b, &rank, dim);
    if (s != TD_OK) return s;
    const int64_t of_a = product(a.dim, a.rank - 2), of_b = product(b.dim, b.rank - 2);
    const int lead = rank;
    if (va->rank > 1) dim[rank++] = m;
    if (vb->rank > 1) dim[rank++] = n;
    if (td__onnx_all_constant(r)) return td__onnx_constant(r, 0, a.type, rank, dim, NULL);
    td__ov *out = td__onnx_out(r, 0);
    if (out == NULL) return TD_OK;
    s = td__onnx_shape(r, out, rank, dim);
    if (s != TD_OK) return s;
    if (out->words == 0 || k == 0)
        return td__onnx_fail(r, TD_E_UNSUPPORTED, "a result without words");
    out->type = TD__OM_FLOAT;
    const int64_t of_both = product(dim, lead);
    if (b.constant && of_b == 1) return product_layer(r, va, &b, 1, of_a * m, k, n, false);
    if (a.constant && of_a == 1) return product_layer(r, vb, &a, 1, of_b * n, k, m, false);
    if (b.constant && of_b == of_a) return product_layer(r, va, &b, of_b, m, k, n, false);
    if (a.constant && of_b == of_a) return product_layer(r, vb, &a, of_a, n, k, m, false);
    if (b.constant && of_a == 1) return product_layer(r, va, &b, 1, m, k, n * of_b, false);
    if (a.constant || b.constant)
        return td__onnx_fail(r, TD_E_UNSUPPORTED, "stacks of %lld and %lld matrices, one constant",
                             (long long)of_a, (long long)of_b);
    if (of_b == 1) return matmul_layer(r, va, vb, 1, of_a * m, k, n);
    if (of_a == 1) return matmul_layer(r, vb, va, 1, of_b * n, k, m); /* of the transposes */
    if (of_a != of_both || of_b != of_both)
        return td__onnx_fail(r, TD_E_UNSUPPORTED, "stacks of %lld and %lld matrices",
                             (long long)of_a, (long long)of_b);
    return matmul_layer(r, va, vb, of_both, m, k, n);
}

/* ---- Einsum -----------------------------------------------------------------------------------
 */

/* Labels of one term; false: not letters alone, or not as many as dims. */
static bool read_term(const char **at, char *labels, int rank) {
    int n = 0;
    while (**at == ' ') ++*at;
    for (; **at != '\0' && **at != ',' && **at != '-'; ++*at) {
        if (**at == ' ') continue;
        bool letter = (**at >= 'a' && **at <= 'z') || (**at >= 'A' && **at <= 'Z');
        if (!letter || n == TD__OM_MAX_RANK) return false;
        labels[n++] = **at;
    }
    labels[n] = '\0';
    return rank < 0 || n == rank;
}

static int64_t size_of(const td__ov *v, const char *labels, char c) {
    const char *at = strchr(labels, c);
    return at != NULL ? v->dim[at - labels] : -1;
}

/* Of two operands: labels of both are summed over, or count products if the result has them. */
td_status td__onnx_einsum(td__onnx_reader *r, int variant) {
    (void)variant;
    char in[2][TD__OM_MAX_RANK + 1], of[TD__OM_MAX_RANK + 1];
    const char *at = td__onnx_text_or(r, "equation", "");
    td_status s = td__onnx_need(r, 2);
    if (s != TD_OK) return s;
    const td__ov *a = td__onnx_in(r, 0), *b = td__onnx_in(r, 1);
    bool fits = r->node->n_in == 2 && read_term(&at, in[0], a->rank) && *at++ == ',' &&
                read_term(&at, in[1], b->rank) && at[0] == '-' && at[1] == '>';
    at += fits ? 2 : 0;
    if (!fits || !read_term(&at, of, -1) || *at != '\0')
        return td__onnx_fail(r, TD_E_UNSUPPORTED, "the equation '%.60s'",
                             td__onnx_text_or(r, "equation", ""));
    int64_t dim[TD__OM_MAX_RANK], groups = 1, rows = 1, summed = 1, columns = 1;
    int rank = (int)strlen(of);
    for (int i = 0; i < rank; i++) {
        int64_t x = size_of(a, in[0], of[i]), y = size_of(b, in[1], of[i]);
        if ((x < 0 && y < 0) || (x >= 0 && y >= 0 && x != y) || strchr(of + i + 1, of[i]) != NULL)
            return td__onnx_fail(r, TD_E_UNSUPPORTED, "sizes of '%c'", of[i]);
        dim[i] = x >= 0 ? x : y;
        *(x >= 0 && y >= 0 ? &groups : x >= 0 ? &rows : &columns) *= dim[i];
    }
    for (int t = 0; t < 2; t++)
        for (const char *c = in[t]; *c != '\0'; c++) {
            int64_t x = size_of(a, in[0], *c), y = size_of(b, in[1], *c);
            if (strchr(c + 1, *c) != NULL || (strchr(of, *c) == NULL && (x < 0 || x != y)))
                return td__onnx_fail(r, TD_E_UNSUPPORTED, "sizes of '%c'", *c);
            if (t == 0 && strchr(of, *c) == NULL) summed *= x;
        }
    if (td__onnx_all_constant(r)) return td__onnx_constant(r, 0, a->type, rank, dim, NULL);
    td__ov *out = td__onnx_out(r, 0);
    if (out == NULL) return TD_OK;
    s = td__onnx_shape(r, out, rank, dim);
    if (s != TD_OK || out->words == 0 || summed == 0)
        return s != TD_OK ? s : td__onnx_fail(r, TD_E_UNSUPPORTED, "a result without words");
    out->type = TD__OM_FLOAT;
    if (b->constant) return product_layer(r, a, b, groups, rows, summed, columns, false);
    if (a->constant) return product_layer(r, b, a, groups, columns, summed, rows, false);
    return matmul_layer(r, a, b, groups, rows, summed, columns);
}

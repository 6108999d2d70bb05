#include "onnx_value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

td_status td__onnx_fail(const td__onnx_reader *r, td_status code, const char *format, ...) {
    char text[320];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const td__om_node *n = r->node;
    if (n == NULL) return td_fail(r->err, code, "%s: %s", r->file, text);
    const char *name = n->name[0] != '\0' ? n->name : n->n_out > 0 ? n->output[0] : "?";
    return td_fail(r->err, code, "%s: node %.80s (%.32s): %s", r->file, name, n->op, text);
}

/* ---- inputs and attributes ---------------------------------------------------------------------
 */

const td__ov *td__onnx_in(const td__onnx_reader *r, int k) {
    if (k >= r->node->n_in || r->node->input[k][0] == '\0') return NULL;
    int i = td__names_find(&r->names, r->node->input[k]);
    return i >= 0 && r->value[i].made ? &r->value[i] : NULL;
}

td__ov *td__onnx_out(td__onnx_reader *r, int k) {
    if (k >= r->node->n_out || r->node->output[k][0] == '\0') return NULL;
    int i = td__names_find(&r->names, r->node->output[k]);
    return i >= 0 ? &r->value[i] : NULL;
}

int64_t td__onnx_attr_or(const td__onnx_reader *r, const char *attr, int64_t otherwise) {
    const td__om_attr *a = td__om_find(r->node, attr);
    return a != NULL ? a->i : otherwise;
}

const char *td__onnx_text_or(const td__onnx_reader *r, const char *attr, const char *otherwise) {
    const td__om_attr *a = td__om_find(r->node, attr);
    return a != NULL ? a->s : otherwise;
}

int64_t td__onnx_whole(double v) {
    if (!(v > -0x1p62)) return -(INT64_C(1) << 62);
    return v < 0x1p62 ? (int64_t)v : INT64_C(1) << 62;
}

bool td__onnx_is_int(int type) {
    return type != 0 && type != TD__OM_FLOAT && type != TD__OM_DOUBLE && type != 10 && type != 16;
}

bool td__onnx_scalar(const td__ov *v, double *out) {
    if (v == NULL || !v->constant || v->words != 1 || v->content == NULL) return false;
    *out = v->content[0];
    return true;
}

td_status td__onnx_list(const td__onnx_reader *r, const char *attr, int k, int most, int64_t *out,
                        int *n) {
    const td__om_attr *a = attr != NULL ? td__om_find(r->node, attr) : NULL;
    const td__ov *v = k >= 0 ? td__onnx_in(r, k) : NULL;
    *n = -1;
    if (a == NULL && v == NULL) return TD_OK;
    int64_t words = a != NULL ? a->n_ints : v->words;
    if (words > most)
        return td__onnx_fail(r, TD_E_INPUT, "%lld values of '%s', expected at most %d",
                             (long long)words, attr != NULL ? attr : v->name, most);
    if (a == NULL && v->content == NULL && v->words > 0)
        return td__onnx_fail(r, TD_E_UNSUPPORTED,
                             "its input '%.80s' depends on the data: no shape can be told",
                             v->name);
    *n = (int)words;
    for (int i = 0; i < *n; i++) out[i] = a != NULL ? a->ints[i] : td__onnx_whole(v->content[i]);
    return TD_OK;
}

td_status td__onnx_axis(const td__onnx_reader *r, int64_t axis, int rank, int *out) {
    if (axis < -rank || axis >= rank)
        return td__onnx_fail(r, TD_E_INPUT, "axis %lld of %d dims", (long long)axis, rank);
    *out = (int)(axis < 0 ? axis + rank : axis);
    return TD_OK;
}

td_status td__onnx_need(const td__onnx_reader *r, int least) {
    for (int k = 0; k < least; k++)
        if (td__onnx_in(r, k) == NULL)
            return td__onnx_fail(r, TD_E_INPUT, "input %d '%.80s' is missing", k,
                                 k < r->node->n_in ? r->node->input[k] : "");
    return TD_OK;
}

bool td__onnx_all_constant(const td__onnx_reader *r) {
    for (int k = 0; k < r->node->n_in; k++) {
        const td__ov *v = td__onnx_in(r, k);
        if (v != NULL && !v->constant) return false;
    }
    return true;
}

/* ---- results ----------------------------------------------------------------------------------
 */

td_status td__onnx_shape(td__onnx_reader *r, td__ov *v, int rank, const int64_t *dim) {
    if (rank > TD__OM_MAX_RANK)
        return td__onnx_fail(r, TD_E_UNSUPPORTED, "a result of %d dims, expected at most %d", rank,
                             TD__OM_MAX_RANK);
    int64_t most = 1; /* of any product of dims, whichever are 0 */
    v->rank = rank;
    v->words = 1;
    for (int i = 0; i < rank; i++) {
        v->dim[i] = dim[i];
        if (dim[i] < 0)
            return td__onnx_fail(r, TD_E_INPUT, "a result of negative size (dim %d: %lld)", i,
                                 (long long)dim[i]);
        v->words = dim[i] > 0 ? v->words : 0;
        if (dim[i] > 0 &&
            (__builtin_mul_overflow(most, dim[i], &most) || most > TD__MAX_VALUE_WORDS))
            return td__onnx_fail(r, TD_E_INPUT, "a result of more than 2^40 words");
    }
    v->words *= most;
    v->made = true;
    return TD_OK;
}

double *td__onnx_room(td__onnx_reader *r, int64_t words) {
    if (words > TD__ONNX_MOST_CONTENT) return NULL;
    return TD_NEW(r->arena, double, words + 1);
}

td_status td__onnx_view(td__onnx_reader *r, int k, const td__ov *of, int rank, const int64_t *dim,
                        double *content) {
    td__ov *out = td__onnx_out(r, k);
    if (out == NULL) return TD_OK;
    const td__ov from = *of;
    td_status s = td__onnx_shape(r, out, rank, dim);
    if (s != TD_OK) return s;
    if (!from.constant && out->words > from.words)
        return td__onnx_fail(r, TD_E_INPUT, "%lld words of one that has %lld",
                             (long long)out->words, (long long)from.words);
    if (!from.constant && out->words == 0)
        return td__onnx_fail(r, TD_E_UNSUPPORTED, "a result without words");
    out->type = from.type;
    out->constant = from.constant;
    out->value = from.value;
    out->bits = from.bits;
    out->params = from.params < out->words ? from.params : out->words;
    out->content = from.constant ? content : NULL;
    return TD_OK;
}

td_status td__onnx_constant(td__onnx_reader *r, int k, int type, int rank, const int64_t *dim,
                            double *content) {
    td__ov *out = td__onnx_out(r, k);
    if (out == NULL) return TD_OK;
    td_status s = td__onnx_shape(r, out, rank, dim);
    if (s != TD_OK) return s;
    out->type = type;
    out->constant = true;
    out->value = -1;
    out->content = content;
    out->bits = 0;
    out->params = 0;
    for (int i = 0; i < r->node->n_in; i++) {
        const td__ov *in = td__onnx_in(r, i);
        if (in == NULL) continue;
        out->params += in->params;
        if (out->bits == 0) out->bits = in->bits;
    }
    if (out->params > out->words) out->params = out->words; /* those that are used */
    if (td__onnx_is_int(type)) out->params = 0;
    return TD_OK;
}

/* Words of parameters: floating point, or integers of a quantised model. Single words are rather
 * part of a formula, as the 2 of a square is. */
static bool holds_parameters(const td__om_tensor *t) {
    return t->words > 1 && !td__onnx_is_int(t->type);
}

td_status td__onnx_of_tensor(td__onnx_reader *r, td__ov *v, const td__om_tensor *t) {
    v->type = t->type;
    v->constant = true;
    v->value = -1;
    td_status s = td__onnx_shape(r, v, t->rank, t->dim);
    if (s != TD_OK) return s;
    v->params = holds_parameters(t) ? t->words : 0;
    double *content = td__onnx_room(r, t->words);
    if (content == NULL) return TD_OK;
    int64_t *whole = TD_NEW(r->arena, int64_t, t->words + 1);
    if (whole != NULL && td__om_ints(r->model, t, whole)) {
        for (int64_t i = 0; i < t->words; i++) content[i] = (double)whole[i];
        v->content = content;
    } else if (td__om_reals(r->model, t, content)) {
        v->content = content;
    }
    return TD_OK;
}

/* ---- shapes -----------------------------------------------------------------------------------
 */

static bool within(td_shape s) {
    return s.c >= 1 && s.c <= TD__MAX_CHANNELS && s.h >= 1 && s.h <= TD__MAX_SIDE && s.w >= 1 &&
           s.w <= TD__MAX_SIDE;
}

static bool shape_of(int64_t c, int64_t h, int64_t w, td_shape *out) {
    if (c > TD__MAX_CHANNELS || h > TD__MAX_SIDE || w > TD__MAX_SIDE) return false;
    *out = TD_DIM((int32_t)c, (int32_t)h, (int32_t)w);
    return within(*out);
}

/* Product of dims lo..hi-1, which fits since that of all does. */
static int64_t product(const td__ov *v, int lo, int hi) {
    int64_t n = 1;
    for (int i = lo; i < hi; i++) n *= v->dim[i];
    return n;
}

bool td__onnx_image(const td__ov *v, bool merged, td_shape *out) {
    if (v->rank < 2 || v->rank > 4 || (!merged && v->dim[0] != 1)) return false;
    int64_t c = v->dim[0] * v->dim[1];
    return shape_of(c, v->rank > 2 ? v->dim[2] : 1, v->rank > 3 ? v->dim[3] : 1, out);
}

bool td__onnx_tokens(const td__ov *v, td_shape *out) {
    int64_t c = v->rank > 0 ? v->dim[v->rank - 1] : 1, rest = v->words > 0 ? v->words / c : 0;
    if (shape_of(c, rest, 1, out)) return true;
    if (v->rank < 2 || rest == 0) return false;
    return shape_of(c, rest / v->dim[v->rank - 2], v->dim[v->rank - 2], out);
}

bool td__onnx_matrices(const td__ov *v, td_shape *out) {
    int r = v->rank;
    if (r < 2) return false;
    return shape_of(product(v, 0, r - 2), v->dim[r - 2], v->dim[r - 1], out);
}

td_shape td__onnx_plain(const td__ov *v) {
    td_shape s;
    if (v->rank >= 4 && td__onnx_image(v, true, &s)) return s;
    if (v->rank > 4 && td__onnx_matrices(v, &s)) return s;
    if (v->rank == 3 && v->dim[0] > 1 && td__onnx_matrices(v, &s)) return s;
    if (td__onnx_tokens(v, &s)) return s;
    return td__shape_of_words(v->words);
}

td_shape td__onnx_seen(const td__onnx_reader *r, const td__ov *v) {
    const td_layer *l = &r->net->layer[v->value];
    return td__layer_words(l) == v->words ? TD_DIM(l->c, l->h, l->w) : td__onnx_plain(v);
}

/* ---- layers -----------------------------------------------------------------------------------
 */

void td__onnx_reads(const td__onnx_reader *r, td_layer *l, const td__ov *v, td_shape as) {
    int k = l->n_inputs;
    if (k >= TD_MAX_INPUTS) return;
    const td_layer *x = &r->net->layer[v->value];
    l->input[k] = v->value;
    if (k < 2 && (x->c != as.c || x->h != as.h || x->w != as.w)) l->view[k] = as;
    if (v->bits > 0) l->bits[TD_I] = (uint8_t)v->bits;
    l->n_inputs++;
}

/* Exporters' names are paths: "/layer1/layer1.0/conv1/Conv". Without the operator at the end if it
 * is the module's one, and of long ones the end. */
static void layer_name(const td__om_node *n, td_layer *l) {
    const char *from = n->name[0] != '\0' ? n->name : n->n_out > 0 ? n->output[0] : "";
    while (*from == '/') from++;
    size_t length = strlen(from), op = strlen(n->op);
    bool module = strcmp(n->op, "Conv") == 0 || strcmp(n->op, "Gemm") == 0;
    if (module && length > op + 1 && from[length - op - 1] == '/' &&
        strcmp(from + length - op, n->op) == 0)
        length -= op + 1;
    size_t most = sizeof l->name - 1;
    if (length > most) {
        const char *tail = from + length - most;
        const char *slash = memchr(tail, '/', most);
        if (slash != NULL && slash + 1 < from + length) tail = slash + 1;
        length -= (size_t)(tail - from);
        from = tail;
    }
    for (size_t i = 0; i < length; i++)
        l->name[i] = from[i] > ' ' && from[i] < 0x7F ? from[i] : '_';
    l->name[length] = '\0';
}

td__onnx_trace *td__onnx_trace_of(td__onnx_reader *r, int layer) {
    if (layer >= r->trace_room) {
        int room = 2 * layer + 64;
        td__onnx_trace *t = TD_NEW(r->arena, td__onnx_trace, room);
        if (t == NULL) return NULL;
        if (r->trace_room > 0) memcpy(t, r->trace, (size_t)r->trace_room * sizeof *t);
        r->trace = t;
        r->trace_room = room;
    }
    return &r->trace[layer];
}

td_status td__onnx_layer(td__onnx_reader *r, int k, td_layer *l) {
    td__ov *out = td__onnx_out(r, k);
    if (out == NULL) return TD_OK;
    layer_name(r->node, l);
    if (r->node->n_out > 1 && k > 0) l->name[0] = '\0';
    int made = td__net_add_layer(r->net, l);
    if (made < 0) {
        td_error e = {0};
        td_status s = td_net_check(r->net, &e);
        if (s == TD_E_MEMORY) return td_fail(r->err, s, "%s", e.message);
        const char *what = strstr(e.message, "): ");
        return td__onnx_fail(r, TD_E_UNSUPPORTED, "%s", what != NULL ? what + 3 : e.message);
    }
    if (td__onnx_trace_of(r, made) == NULL)
        return td_fail(r->err, TD_E_MEMORY, "out of memory for an ONNX model");
    out->constant = false;
    out->value = made;
    out->content = NULL;
    out->params = 0;
    out->bits = 0;
    return TD_OK;
}

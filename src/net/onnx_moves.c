/* Words that go elsewhere, a pass of the vector unit over them; and constants made from nothing. */
#include <math.h>
#include <string.h>

#include "onnx_ops.h"

td_status td__onnx_move(td__onnx_reader *r, int k, int64_t constants) {
    const td__ov *out = td__onnx_out(r, k);
    if (out == NULL) return TD_OK;
    if (out->words == 0) return td__onnx_fail(r, TD_E_UNSUPPORTED, "a result without words");
    td_shape made = td__onnx_plain(out);
    td_layer l = td__layer_make(TD_OP_MOVE);
    l.c = made.c;
    l.h = made.h;
    l.w = made.w;
    l.constants = constants;
    for (int i = 0; i < r->node->n_in; i++) {
        const td__ov *v = td__onnx_in(r, i);
        if (v == NULL || v->constant) continue;
        if (l.n_inputs == TD_MAX_INPUTS)
            return td__onnx_fail(r, TD_E_UNSUPPORTED, "more than %d inputs", TD_MAX_INPUTS);
        td__onnx_reads(r, &l, v, td__onnx_seen(r, v));
    }
    return td__onnx_layer(r, k, &l);
}

/* Output 0, of that shape, as data movement. */
static td_status moved(td__onnx_reader *r, int type, int rank, const int64_t *dim,
                       int64_t constants) {
    td__ov *out = td__onnx_out(r, 0);
    if (out == NULL) return TD_OK;
    td_status s = td__onnx_shape(r, out, rank, dim);
    out->type = type;
    return s == TD_OK ? td__onnx_move(r, 0, constants) : s;
}

/* ---- joining ----------------------------------------------------------------------------------
 */

/* Channels of images of one size, as the network's own op has them. */
static td_status concat_images(td__onnx_reader *r, bool *done) {
    td_layer l = td__layer_make(TD_OP_CONCAT);
    *done = false;
    for (int k = 0; k < r->node->n_in; k++) {
        const td__ov *v = td__onnx_in(r, k);
        td_shape s;
        if (v->constant || v->rank != 4 || !td__onnx_image(v, false, &s)) return TD_OK;
        const td_layer *x = &r->net->layer[v->value];
        bool as_is = x->c == s.c && x->h == s.h && x->w == s.w;
        if (l.n_inputs == TD_MAX_INPUTS || (!as_is && k >= 2)) return TD_OK;
        td__onnx_reads(r, &l, v, s);
    }
    *done = true;
    return td__onnx_layer(r, 0, &l);
}

static td_status concat_constant(td__onnx_reader *r, int rank, const int64_t *dim, int axis) {
    int64_t inner = 1, outer = 1, at = 0;
    for (int i = 0; i < axis; i++) outer *= dim[i];
    for (int i = axis + 1; i < rank; i++) inner *= dim[i];
    const td__ov *first = NULL;
    bool known = outer * inner <= TD__ONNX_MOST_CONTENT && dim[axis] <= TD__ONNX_MOST_CONTENT;
    for (int k = 0; k < r->node->n_in; k++) {
        const td__ov *v = td__onnx_in(r, k);
        if (first == NULL) first = v;
        known = known && v->content != NULL;
    }
    double *content = known ? td__onnx_room(r, outer * dim[axis] * inner) : NULL;
    for (int64_t o = 0; content != NULL && o < outer; o++)
        for (int k = 0; k < r->node->n_in; k++) {
            const td__ov *v = td__onnx_in(r, k);
            int64_t run = v->dim[axis] * inner;
            memcpy(content + at, v->content + o * run, (size_t)run * sizeof *content);
            at += run;
        }
    return td__onnx_constant(r, 0, first->type, rank, dim, content);
}

td_status td__onnx_concat(td__onnx_reader *r, int variant) {
    (void)variant;
    int n = r->node->n_in, axis = 0, full = 0, only = 0;
    td_status s = n > 0 ? td__onnx_need(r, n) : td__onnx_fail(r, TD_E_INPUT, "nothing to join");
    if (s != TD_OK) return s;
    const td__ov *first = td__onnx_in(r, 0);
    int rank = first->rank;
    int64_t dim[TD__OM_MAX_RANK], constants = 0;
    s = td__onnx_axis(r, td__onnx_attr_or(r, "axis", 1), rank, &axis);
    if (s != TD_OK) return s;
    memcpy(dim, first->dim, sizeof dim);
    dim[axis] = 0;
    for (int k = 0; k < n; k++) {
        const td__ov *v = td__onnx_in(r, k);
        if (v->rank != rank)
            return td__onnx_fail(r, TD_E_INPUT, "inputs of %d and %d dims", rank, v->rank);
        for (int i = 0; i < rank; i++)
            if (i != axis && v->dim[i] != dim[i])
                return td__onnx_fail(r, TD_E_INPUT, "inputs of different sizes (dim %d)", i);
        dim[axis] += v->dim[axis];
        if (dim[axis] > TD__MAX_VALUE_WORDS) return td__onnx_fail(r, TD_E_INPUT, "too large");
        if (v->constant && v->words > 1) constants += v->params;
        if (v->words > 0) only = k;
        full += v->words > 0;
    }
    if (td__onnx_all_constant(r)) return concat_constant(r, rank, dim, axis);
    if (full == 1) return td__onnx_view(r, 0, td__onnx_in(r, only), rank, dim, NULL);
    td__ov *out = td__onnx_out(r, 0);
    if (out == NULL) return TD_OK;
    s = td__onnx_shape(r, out, rank, dim);
    if (s != TD_OK) return s;
    out->type = first->type;
    bool done = false;
    if (axis == 1 && rank == 4) s = concat_images(r, &done);
    return done || s != TD_OK ? s : td__onnx_move(r, 0, constants);
}

/* ---- picking ----------------------------------------------------------------------------------
 */

static td_status gather_constant(td__onnx_reader *r, const td__ov *x, const td__ov *at, int axis,
                                 int rank, const int64_t *dim) {
    int64_t inner = 1, outer = 1;
    for (int i = 0; i < axis; i++) outer *= x->dim[i];
    for (int i = axis + 1; i < x->rank; i++) inner *= x->dim[i];
    double *content = NULL;
    if (x->content != NULL && at->content != NULL && outer * inner <= TD__ONNX_MOST_CONTENT &&
        at->words <= TD__ONNX_MOST_CONTENT)
        content = td__onnx_room(r, outer * at->words * inner);
    for (int64_t o = 0, to = 0; content != NULL && o < outer; o++)
        for (int64_t i = 0; i < at->words; i++) {
            int64_t pick = td__onnx_whole(at->content[i]);
            if (pick < 0) pick += x->dim[axis];
            if (pick < 0 || pick >= x->dim[axis])
                return td__onnx_fail(r, TD_E_INPUT, "index %lld of %lld", (long long)pick,
                                     (long long)x->dim[axis]);
            for (int64_t k = 0; k < inner; k++)
                content[to++] = x->content[(o * x->dim[axis] + pick) * inner + k];
        }
    return td__onnx_constant(r, 0, x->type, rank, dim, content);
}

/* Indices that follow each other pick a part, which is read where it stands. */
static bool a_run(const td__ov *at) {
    if (at->words == 1) return true;
    if (!at->constant || at->content == NULL) return false;
    for (int64_t i = 1; i < at->words; i++)
        if (at->content[i] != at->content[i - 1] + 1) return false;
    return true;
}

td_status td__onnx_gather(td__onnx_reader *r, int variant) {
    (void)variant;
    int axis = 0, rank = 0;
    td_status s = td__onnx_need(r, 2);
    if (s != TD_OK) return s;
    const td__ov *x = td__onnx_in(r, 0), *at = td__onnx_in(r, 1);
    s = td__onnx_axis(r, td__onnx_attr_or(r, "axis", 0), x->rank, &axis);
    if (s != TD_OK) return s;
    int64_t dim[2 * TD__OM_MAX_RANK];
    for (int i = 0; i < axis; i++) dim[rank++] = x->dim[i];
    for (int i = 0; i < at->rank; i++) dim[rank++] = at->dim[i];
    for (int i = axis + 1; i < x->rank; i++) dim[rank++] = x->dim[i];
    if (rank > TD__OM_MAX_RANK) return td__onnx_fail(r, TD_E_UNSUPPORTED, "%d dims", rank);
    if (x->constant && at->constant) return gather_constant(r, x, at, axis, rank, dim);
    if (!x->constant && at->constant && a_run(at)) return td__onnx_view(r, 0, x, rank, dim, NULL);
    return moved(r, x->type, rank, dim, x->constant ? x->params : 0);
}

/* Variant 0: GatherElements; 1: GatherND. */
td_status td__onnx_gather_more(td__onnx_reader *r, int variant) {
    td_status s = td__onnx_need(r, 2);
    if (s != TD_OK) return s;
    const td__ov *x = td__onnx_in(r, 0), *at = td__onnx_in(r, 1);
    int64_t dim[2 * TD__OM_MAX_RANK];
    int rank = 0;
    if (variant == 0) {
        rank = at->rank;
        memcpy(dim, at->dim, sizeof at->dim);
    } else {
        int64_t batch = td__onnx_attr_or(r, "batch_dims", 0);
        int64_t depth = at->rank > 0 ? at->dim[at->rank - 1] : -1;
        if (depth < 0 || batch < 0 || depth > x->rank || batch + depth > x->rank)
            return td__onnx_fail(r, TD_E_INPUT, "its indices do not fit its data");
        for (int i = 0; i < at->rank - 1; i++) dim[rank++] = at->dim[i];
        for (int i = (int)(batch + depth); i < x->rank; i++) dim[rank++] = x->dim[i];
        if (rank > TD__OM_MAX_RANK) return td__onnx_fail(r, TD_E_UNSUPPORTED, "%d dims", rank);
    }
    if (td__onnx_all_constant(r)) return td__onnx_constant(r, 0, x->type, rank, dim, NULL);
    return moved(r, x->type, rank, dim, x->constant ? x->params : 0);
}

/* Some words of its input replaced: a result of its input's shape. */
td_status td__onnx_scatter(td__onnx_reader *r, int variant) {
    (void)variant;
    td_status s = td__onnx_need(r, 1);
    if (s != TD_OK) return s;
    const td__ov *x = td__onnx_in(r, 0);
    if (td__onnx_all_constant(r)) return td__onnx_constant(r, 0, x->type, x->rank, x->dim, NULL);
    return moved(r, x->type, x->rank, x->dim, x->constant ? x->params : 0);
}

/* ---- repeating and padding ---------------------------------------------------------------------
 */

static td_status repeated(td__onnx_reader *r, const td__ov *x, int rank, const int64_t *dim) {
    int64_t words = 1;
    for (int i = 0; i < rank; i++)
        if (dim[i] < 0 || __builtin_mul_overflow(words, dim[i], &words))
            return td__onnx_fail(r, TD_E_INPUT, "dim %d is %lld", i, (long long)dim[i]);
    if (words == x->words) return td__onnx_view(r, 0, x, rank, dim, x->content);
    if (!x->constant) return moved(r, x->type, rank, dim, 0);
    double *content = x->content != NULL && x->words == 1 ? td__onnx_room(r, words) : NULL;
    for (int64_t i = 0; content != NULL && i < words; i++) content[i] = x->content[0];
    return td__onnx_constant(r, 0, x->type, rank, dim, content);
}

td_status td__onnx_expand(td__onnx_reader *r, int variant) {
    (void)variant;
    int64_t dim[TD__OM_MAX_RANK];
    int n = -1;
    td_status s = td__onnx_need(r, 2);
    if (s == TD_OK) s = td__onnx_list(r, NULL, 1, TD__OM_MAX_RANK, dim, &n);
    if (s != TD_OK) return s;
    const td__ov *x = td__onnx_in(r, 0);
    int rank = n > x->rank ? n : x->rank;
    for (int i = rank - 1, k = n - 1; i >= 0; i--, k--) dim[i] = k >= 0 ? dim[k] : 1;
    for (int i = 0; i < x->rank; i++) {
        int64_t *d = &dim[rank - x->rank + i];
        if (*d == 1) *d = x->dim[i];
        if (x->dim[i] != 1 && x->dim[i] != *d)
            return td__onnx_fail(r, TD_E_INPUT, "dim %d of %lld cannot be %lld", i,
                                 (long long)x->dim[i], (long long)*d);
    }
    return repeated(r, x, rank, dim);
}

td_status td__onnx_tile(td__onnx_reader *r, int variant) {
    (void)variant;
    int64_t dim[TD__OM_MAX_RANK];
    int n = -1;
    td_status s = td__onnx_need(r, 2);
    if (s == TD_OK) s = td__onnx_list(r, NULL, 1, TD__OM_MAX_RANK, dim, &n);
    if (s != TD_OK) return s;
    const td__ov *x = td__onnx_in(r, 0);
    if (n != x->rank) return td__onnx_fail(r, TD_E_INPUT, "%d repeats of %d dims", n, x->rank);
    for (int i = 0; i < n; i++)
        if (dim[i] < 0 || __builtin_mul_overflow(dim[i], x->dim[i], &dim[i]))
            return td__onnx_fail(r, TD_E_INPUT, "too many repeats of dim %d", i);
    return repeated(r, x, n, dim);
}

/* Pads of rows and columns with zeros are kept in mind: a convolution makes them itself. */
static td_status remember_pad(td__onnx_reader *r, const td__ov *x, const int64_t *pads) {
    const td__ov *out = td__onnx_out(r, 0), *value = td__onnx_in(r, 2);
    double zero = td__om_find(r->node, "value") != NULL ? td__om_find(r->node, "value")->f : 0;
    bool plain = strcmp(td__onnx_text_or(r, "mode", "constant"), "constant") == 0 &&
                 (value == NULL || td__onnx_scalar(value, &zero)) && zero == 0;
    const int64_t *lo = pads, *hi = pads + x->rank;
    if (out == NULL || x->rank < 3 || x->rank > 4) return TD_OK;
    for (int i = 0; i < x->rank; i++) {
        if (lo[i] < 0 || hi[i] < 0 || lo[i] > TD__MAX_SIDE || hi[i] > TD__MAX_SIDE) plain = false;
        if (i < 2 && (lo[i] != 0 || hi[i] != 0)) plain = false;
    }
    td__onnx_trace *t = &r->trace[out->value];
    t->zero_pad = plain;
    for (int i = 2; plain && i < x->rank; i++) {
        t->pad[i - 2] = (int32_t)lo[i];
        t->pad[i] = (int32_t)hi[i];
    }
    t->padded = *x;
    return TD_OK;
}

td_status td__onnx_pad(td__onnx_reader *r, int variant) {
    (void)variant;
    enum { MOST = 2 * TD__OM_MAX_RANK };
    int64_t given[MOST], axes[TD__OM_MAX_RANK], pads[MOST] = {0}, dim[TD__OM_MAX_RANK];
    int n = -1, n_axes = -1;
    td_status s = td__onnx_need(r, 1);
    if (s == TD_OK) s = td__onnx_list(r, "pads", 1, MOST, given, &n);
    if (s == TD_OK) s = td__onnx_list(r, NULL, 3, TD__OM_MAX_RANK, axes, &n_axes);
    if (s != TD_OK) return s;
    const td__ov *x = td__onnx_in(r, 0);
    int count = n_axes >= 0 ? n_axes : x->rank;
    if (n != 2 * count) return td__onnx_fail(r, TD_E_INPUT, "%d pads of %d dims", n, count);
    memcpy(dim, x->dim, sizeof dim);
    bool none = true;
    for (int i = 0; i < count; i++) {
        int axis = i;
        s = td__onnx_axis(r, n_axes >= 0 ? axes[i] : i, x->rank, &axis);
        if (s != TD_OK) return s;
        for (int side = 0; side < 2; side++) {
            int64_t p = given[side * count + i];
            if (p > TD__MAX_VALUE_WORDS || p < -TD__MAX_VALUE_WORDS)
                return td__onnx_fail(r, TD_E_INPUT, "a pad of %lld", (long long)p);
            pads[side * x->rank + axis] = p;
            dim[axis] += p;
            none = none && p == 0;
        }
    }
    if (none) return td__onnx_view(r, 0, x, x->rank, dim, x->content);
    if (x->constant) return td__onnx_constant(r, 0, x->type, x->rank, dim, NULL);
    const td__ov from = *x;
    s = moved(r, x->type, x->rank, dim, 0);
    return s == TD_OK ? remember_pad(r, &from, pads) : s;
}

/* ---- constants --------------------------------------------------------------------------------
 */

td_status td__onnx_constant_node(td__onnx_reader *r, int variant) {
    (void)variant;
    const td__om_attr *t = td__om_find(r->node, "value"), *a;
    td__ov *out = td__onnx_out(r, 0);
    if (out == NULL) return TD_OK;
    if (t != NULL && t->tensor != NULL) return td__onnx_of_tensor(r, out, t->tensor);
    double *content = NULL;
    int64_t n = 1;
    int type = TD__OM_INT64, rank = 0;
    if ((a = td__om_find(r->node, "value_int")) != NULL) {
        if ((content = td__onnx_room(r, 1)) != NULL) content[0] = (double)a->i;
    } else if ((a = td__om_find(r->node, "value_float")) != NULL) {
        type = TD__OM_FLOAT;
        if ((content = td__onnx_room(r, 1)) != NULL) content[0] = a->f;
    } else if ((a = td__om_find(r->node, "value_ints")) != NULL) {
        rank = 1;
        n = a->n_ints;
        content = td__onnx_room(r, n);
        for (int i = 0; content != NULL && i < n; i++) content[i] = (double)a->ints[i];
    } else if ((a = td__om_find(r->node, "value_floats")) != NULL) {
        type = TD__OM_FLOAT;
        rank = 1;
        n = a->n_floats;
        content = td__onnx_room(r, n);
        for (int i = 0; content != NULL && i < n; i++) content[i] = a->floats[i];
    } else {
        return td__onnx_fail(r, TD_E_UNSUPPORTED, "a constant without numbers");
    }
    return td__onnx_constant(r, 0, type, rank, &n, content);
}

/* ConstantOfShape. */
td_status td__onnx_fill(td__onnx_reader *r, int variant) {
    (void)variant;
    int64_t dim[TD__OM_MAX_RANK], words = 1;
    int n = -1, type = TD__OM_FLOAT;
    td_status s = td__onnx_need(r, 1);
    if (s == TD_OK) s = td__onnx_list(r, NULL, 0, TD__OM_MAX_RANK, dim, &n);
    if (s != TD_OK) return s;
    for (int i = 0; i < n; i++)
        if (dim[i] < 0 || __builtin_mul_overflow(words, dim[i], &words))
            return td__onnx_fail(r, TD_E_INPUT, "dim %d is %lld", i, (long long)dim[i]);
    double value = 0;
    const td__om_attr *a = td__om_find(r->node, "value");
    if (a != NULL && a->tensor != NULL) {
        type = a->tensor->type;
        int64_t whole;
        if (a->tensor->words != 1) return td__onnx_fail(r, TD_E_INPUT, "its value is no number");
        if (td__om_ints(r->model, a->tensor, &whole))
            value = (double)whole;
        else if (!td__om_reals(r->model, a->tensor, &value))
            value = NAN;
    }
    double *content = isnan(value) ? NULL : td__onnx_room(r, words);
    for (int64_t i = 0; content != NULL && i < words; i++) content[i] = value;
    return td__onnx_constant(r, 0, type, n, dim, content);
}

td_status td__onnx_shape_of(td__onnx_reader *r, int variant) {
    (void)variant;
    td_status s = td__onnx_need(r, 1);
    if (s != TD_OK) return s;
    const td__ov *x = td__onnx_in(r, 0);
    int64_t from = td__onnx_attr_or(r, "start", 0), to = td__onnx_attr_or(r, "end", x->rank);
    if (from < 0) from += x->rank;
    if (to < 0) to += x->rank;
    from = from < 0 ? 0 : from > x->rank ? x->rank : from;
    to = to < from ? from : to > x->rank ? x->rank : to;
    int64_t n = to - from;
    double *content = td__onnx_room(r, n);
    for (int64_t i = 0; content != NULL && i < n; i++) content[i] = (double)x->dim[from + i];
    return td__onnx_constant(r, 0, TD__OM_INT64, 1, &n, content);
}

td_status td__onnx_size_of(td__onnx_reader *r, int variant) {
    (void)variant;
    td_status s = td__onnx_need(r, 1);
    if (s != TD_OK) return s;
    double *content = td__onnx_room(r, 1);
    if (content != NULL) content[0] = (double)td__onnx_in(r, 0)->words;
    return td__onnx_constant(r, 0, TD__OM_INT64, 0, NULL, content);
}

td_status td__onnx_range(td__onnx_reader *r, int variant) {
    (void)variant;
    double start, limit, step;
    td_status s = td__onnx_need(r, 3);
    if (s != TD_OK) return s;
    if (!td__onnx_scalar(td__onnx_in(r, 0), &start) ||
        !td__onnx_scalar(td__onnx_in(r, 1), &limit) || !td__onnx_scalar(td__onnx_in(r, 2), &step))
        return td__onnx_fail(r, TD_E_UNSUPPORTED, "its length depends on the data");
    double count = step != 0 ? ceil((limit - start) / step) : 0;
    if (!(count >= 0)) count = 0;
    if (count > 0x1p40) return td__onnx_fail(r, TD_E_INPUT, "too long");
    int64_t n = (int64_t)count;
    double *content = td__onnx_room(r, n);
    for (int64_t i = 0; content != NULL && i < n; i++) content[i] = start + (double)i * step;
    return td__onnx_constant(r, 0, td__onnx_in(r, 0)->type, 1, &n, content);
}

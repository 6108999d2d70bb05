/* Windows, norms, sums and resizing: layers of the vector unit that are more than element by
 * element. */
#include <string.h>

#include "onnx_ops.h"

/* A value as channels x rows x columns, images side by side. */
static td_status image_of(td__onnx_reader *r, const td__ov **x, td_shape *image) {
    td_status s = td__onnx_need(r, 1);
    if (s != TD_OK) return s;
    *x = td__onnx_in(r, 0);
    if ((*x)->rank == 5) return td__onnx_fail(r, TD_E_UNSUPPORTED, "three axes of space");
    if (!(*x)->constant && !td__onnx_image(*x, true, image))
        return td__onnx_fail(r, TD_E_UNSUPPORTED,
                             "an image of %d dims or beyond what can be counted", (*x)->rank);
    return TD_OK;
}

/* ---- pools ------------------------------------------------------------------------------------
 */

/* Under ceil_mode the last window may begin in the image and end behind its padding: padding grows.
 * One that would begin in the padding at the end is left out, as PyTorch does. */
static void grow_for_ceil(td_layer *l, td_shape x) {
    const int32_t size[2] = {x.h, x.w};
    for (int i = 0; i < 2; i++) {
        int64_t reach = l->kernel[i], padded = (int64_t)size[i] + l->pad[i] + l->pad[i + 2];
        if (padded < reach) continue;
        int64_t out = (padded - reach + l->stride[i] - 1) / l->stride[i] + 1;
        if ((out - 1) * l->stride[i] >= size[i] + l->pad[i]) out--;
        int64_t more = (out - 1) * l->stride[i] + reach - padded;
        if (more > 0) l->pad[i + 2] += (int32_t)more;
    }
}

td_status td__onnx_pool(td__onnx_reader *r, int variant) {
    const td__ov *x;
    td_shape image;
    td_status s = image_of(r, &x, &image);
    if (s != TD_OK) return s;
    if (x->constant || x->rank < 3)
        return td__onnx_fail(r, TD_E_UNSUPPORTED, "an input of %d dims", x->rank);
    int axes = x->rank - 2, n;
    int64_t kernel[4];
    td_layer l = td__layer_make((td_op)variant);
    s = td__onnx_list(r, "kernel_shape", -1, 4, kernel, &n);
    if (s == TD_OK && n != axes)
        s = td__onnx_fail(r, TD_E_INPUT, "a kernel of %d axes, expected %d", n, axes);
    if (s == TD_OK) s = td__onnx_window(r, axes, &l);
    for (int i = 0; i < axes && s == TD_OK; i++) {
        if (kernel[i] < 1 || kernel[i] > TD__MAX_SIDE)
            return td__onnx_fail(r, TD_E_INPUT, "a kernel of %lld", (long long)kernel[i]);
        l.kernel[i] = (int32_t)kernel[i];
        if (l.dilation[i] != 1) s = td__onnx_fail(r, TD_E_UNSUPPORTED, "a dilated window");
    }
    if (s == TD_OK) s = td__onnx_auto_pad(r, image, &l);
    if (s != TD_OK) return s;
    if (td__onnx_attr_or(r, "ceil_mode", 0) != 0) grow_for_ceil(&l, image);
    td__ov *out = td__onnx_out(r, 0);
    if (out == NULL) return TD_OK;
    td__onnx_reads(r, &l, x, image);
    const td__ov of = *x;
    s = td__onnx_layer(r, 0, &l);
    if (s != TD_OK) return s;
    const td_layer *made = &r->net->layer[out->value];
    const int64_t dim[] = {of.dim[0], of.dim[1], made->h, made->w};
    out->type = of.type;
    return td__onnx_shape(r, out, of.rank, dim);
}

/* ---- sums -------------------------------------------------------------------------------------
 */

/* The layer that reduces input 0 to output 0, whose shape is set. Means over the pixels of an image
 * are the network's own op. */
static td_status reduced(td__onnx_reader *r, bool pixels) {
    const td__ov *x = td__onnx_in(r, 0), *out = td__onnx_out(r, 0);
    td_shape image;
    pixels = pixels && td__onnx_image(x, true, &image);
    td_layer l = td__layer_make(pixels ? TD_OP_GLOBAL_POOL : TD_OP_REDUCE);
    td_shape made = td__onnx_plain(out);
    l.c = made.c;
    l.h = made.h;
    l.w = made.w;
    td__onnx_reads(r, &l, x, pixels ? image : td__onnx_seen(r, x));
    return td__onnx_layer(r, 0, &l);
}

static double *reduce_content(td__onnx_reader *r, const td__ov *x, int64_t words) {
    const char *op = r->node->op;
    if (x->content == NULL || words != 1 || x->words == 0) return NULL;
    double *content = td__onnx_room(r, 1), v = x->content[0];
    for (int64_t i = 1; i < x->words; i++) {
        double w = x->content[i];
        if (strcmp(op, "ReduceProd") == 0)
            v *= w;
        else if (strcmp(op, "ReduceSum") == 0)
            v += w;
        else if (strcmp(op, "ReduceMax") == 0)
            v = v > w ? v : w;
        else if (strcmp(op, "ReduceMin") == 0)
            v = v < w ? v : w;
        else
            return NULL;
    }
    if (content != NULL) content[0] = v;
    return content;
}

/* Variant 0: Reduce..., 1: ArgMax and the like, of one axis. */
td_status td__onnx_reduce(td__onnx_reader *r, int variant) {
    int64_t axes[TD__OM_MAX_RANK], dim[TD__OM_MAX_RANK], words = 1;
    int n = -1, rank = 0;
    bool chosen[TD__OM_MAX_RANK] = {false};
    td_status s = td__onnx_need(r, 1);
    if (s == TD_OK && variant == 0) s = td__onnx_list(r, "axes", 1, TD__OM_MAX_RANK, axes, &n);
    if (s != TD_OK) return s;
    const td__ov *x = td__onnx_in(r, 0);
    if (variant == 1) {
        axes[0] = td__onnx_attr_or(r, "axis", 0);
        n = 1;
    }
    bool keep = td__onnx_attr_or(r, "keepdims", 1) != 0;
    bool all = n < 0 || (n == 0 && td__onnx_attr_or(r, "noop_with_empty_axes", 0) == 0);
    for (int i = 0; i < n && !all; i++) {
        int axis = 0;
        s = td__onnx_axis(r, axes[i], x->rank, &axis);
        if (s != TD_OK) return s;
        chosen[axis] = true;
    }
    bool pixels = x->rank == 4;
    for (int i = 0; i < x->rank; i++) {
        bool gone = all || chosen[i];
        pixels = pixels && gone == (i >= 2);
        if (!gone)
            words =
                x->dim[i] > 0 && words <= TD__MAX_VALUE_WORDS / x->dim[i] ? words * x->dim[i] : 0;
        if (!gone || keep) dim[rank++] = gone ? 1 : x->dim[i];
    }
    int type = variant == 1 ? TD__OM_INT64 : x->type;
    if (x->constant) return td__onnx_constant(r, 0, type, rank, dim, reduce_content(r, x, words));
    if (words == x->words) return td__onnx_view(r, 0, x, rank, dim, NULL);
    td__ov *out = td__onnx_out(r, 0);
    if (out == NULL) return TD_OK;
    s = td__onnx_shape(r, out, rank, dim);
    out->type = type;
    return s == TD_OK ? reduced(r, pixels && strcmp(r->node->op, "ReduceMean") == 0) : s;
}

/* Variant 1: of means. */
td_status td__onnx_global_pool(td__onnx_reader *r, int variant) {
    const td__ov *x;
    td_shape image;
    td_status s = image_of(r, &x, &image);
    if (s != TD_OK) return s;
    td__ov *out = td__onnx_out(r, 0);
    if (x->constant) return td__onnx_fail(r, TD_E_UNSUPPORTED, "a constant as its input");
    if (out == NULL) return TD_OK;
    const int64_t dim[] = {x->dim[0], x->dim[1], 1, 1};
    const int rank = x->rank;
    out->type = x->type;
    s = td__onnx_shape(r, out, rank, dim);
    return s == TD_OK ? reduced(r, variant == 1) : s;
}

/* ---- norms ------------------------------------------------------------------------------------
 */

/* Scales and shifts of a norm: its inputs from the second on. */
static int64_t parameters(const td__onnx_reader *r) {
    int64_t words = 0;
    for (int k = 1; k < r->node->n_in; k++) {
        const td__ov *v = td__onnx_in(r, k);
        if (v != NULL && v->constant) words += v->words;
    }
    return words;
}

static td_status like_input(td__onnx_reader *r, td_layer *l, td_shape as) {
    const td__ov *x = td__onnx_in(r, 0);
    td__ov *out = td__onnx_out(r, 0);
    if (out == NULL) return TD_OK;
    td__onnx_reads(r, l, x, as);
    td_status s = td__onnx_shape(r, out, x->rank, x->dim);
    out->type = x->type;
    return s == TD_OK ? td__onnx_layer(r, 0, l) : s;
}

td_status td__onnx_batch_norm(td__onnx_reader *r, int variant) {
    (void)variant;
    td_shape image;
    const td__ov *x;
    td_status s = td__onnx_need(r, 5);
    if (s == TD_OK) s = image_of(r, &x, &image);
    if (s != TD_OK) return s;
    if (x->constant) return td__onnx_fail(r, TD_E_UNSUPPORTED, "a constant as its input");
    if (td__onnx_in(r, 1)->words != x->dim[1])
        return td__onnx_fail(r, TD_E_INPUT, "scales of %lld words for %lld channels",
                             (long long)td__onnx_in(r, 1)->words, (long long)x->dim[1]);
    if (image.c != x->dim[1]) return td__onnx_fail(r, TD_E_UNSUPPORTED, "more than one image");
    td_layer l = td__layer_make(TD_OP_BN);
    return like_input(r, &l, image);
}

td_status td__onnx_norm(td__onnx_reader *r, int variant) {
    (void)variant;
    td_status s = td__onnx_need(r, 1);
    if (s != TD_OK) return s;
    const td__ov *x = td__onnx_in(r, 0);
    if (x->constant) return td__onnx_constant(r, 0, x->type, x->rank, x->dim, NULL);
    td_layer l = td__layer_make(TD_OP_LAYER_NORM);
    l.constants = parameters(r);
    s = like_input(r, &l, td__onnx_seen(r, x));
    if (s == TD_OK && td__onnx_out(r, 0) != NULL) r->trace[td__onnx_out(r, 0)->value].joined = true;
    return s;
}

td_status td__onnx_softmax(td__onnx_reader *r, int variant) {
    (void)variant;
    td_status s = td__onnx_need(r, 1);
    if (s != TD_OK) return s;
    const td__ov *x = td__onnx_in(r, 0);
    if (x->constant) return td__onnx_constant(r, 0, x->type, x->rank, x->dim, NULL);
    td_layer l = td__layer_make(TD_OP_SOFTMAX);
    return like_input(r, &l, td__onnx_seen(r, x));
}

/* ---- resizing ---------------------------------------------------------------------------------
 */

/* Sizes are an input of Resize from operator set 11 on; scales an attribute or input, by set. */
static td_status resized_dims(const td__onnx_reader *r, const td__ov *x, int64_t *dim) {
    const td__om_attr *a = td__om_find(r->node, "scales");
    bool upsample = strcmp(r->node->op, "Upsample") == 0;
    const td__ov *scales = td__onnx_in(r, upsample || r->node->n_in <= 2 ? 1 : 2);
    const td__ov *sizes = td__onnx_in(r, 3);
    int n = -1;
    int64_t given[TD__OM_MAX_RANK], axes[TD__OM_MAX_RANK];
    int n_axes = -1;
    td_status s = td__onnx_list(r, "axes", -1, TD__OM_MAX_RANK, axes, &n_axes);
    if (s == TD_OK && sizes != NULL && sizes->words > 0) {
        s = td__onnx_list(r, NULL, 3, TD__OM_MAX_RANK, given, &n);
    } else if (s == TD_OK) {
        const double *factor = a != NULL ? a->floats : scales != NULL ? scales->content : NULL;
        n = a != NULL                                            ? a->n_floats
            : scales != NULL && scales->words <= TD__OM_MAX_RANK ? (int)scales->words
                                                                 : -1;
        if (factor == NULL || n < 0)
            return td__onnx_fail(r, TD_E_UNSUPPORTED, "its scales are not known");
        for (int i = 0; i < n; i++) {
            int64_t axis = n_axes >= 0 && i < n_axes ? axes[i] : i;
            if (axis < 0) axis += x->rank;
            int64_t size = axis >= 0 && axis < x->rank ? x->dim[axis] : 0;
            given[i] = td__onnx_whole((double)size * factor[i] + 1e-6);
        }
    }
    if (s != TD_OK) return s;
    if (n != (n_axes >= 0 ? n_axes : x->rank))
        return td__onnx_fail(r, TD_E_INPUT, "%d sizes for %d dims", n, x->rank);
    memcpy(dim, x->dim, sizeof x->dim);
    for (int i = 0; i < n; i++) {
        int axis = i;
        if (n_axes >= 0) s = td__onnx_axis(r, axes[i], x->rank, &axis);
        if (s != TD_OK) return s;
        dim[axis] = given[i];
    }
    return TD_OK;
}

td_status td__onnx_resize(td__onnx_reader *r, int variant) {
    (void)variant;
    const td__ov *x;
    td_shape image;
    int64_t dim[TD__OM_MAX_RANK];
    td_status s = image_of(r, &x, &image);
    if (s == TD_OK) s = resized_dims(r, x, dim);
    if (s != TD_OK) return s;
    if (x->constant) return td__onnx_constant(r, 0, x->type, x->rank, dim, NULL);
    bool same = true, sides = x->rank >= 3;
    for (int i = 0; i < x->rank; i++) {
        same = same && dim[i] == x->dim[i];
        if (i < 2) sides = sides && dim[i] == x->dim[i];
    }
    if (same) return td__onnx_view(r, 0, x, x->rank, dim, NULL);
    td__ov *out = td__onnx_out(r, 0);
    if (out == NULL) return TD_OK;
    const td__ov of = *x;
    s = td__onnx_shape(r, out, of.rank, dim);
    if (s != TD_OK) return s;
    out->type = of.type;
    /* The nearest word is moved, between words there is arithmetic. */
    bool nearest = strcmp(td__onnx_text_or(r, "mode", "nearest"), "nearest") == 0;
    if (nearest || !sides || dim[2] > TD__MAX_SIDE || (of.rank > 3 && dim[3] > TD__MAX_SIDE))
        return td__onnx_move(r, 0, 0);
    td_layer l = td__layer_make(TD_OP_RESIZE);
    l.h = (int32_t)dim[2];
    l.w = of.rank > 3 ? (int32_t)dim[3] : 1;
    td__onnx_reads(r, &l, &of, image);
    return td__onnx_layer(r, 0, &l);
}

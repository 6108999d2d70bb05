/* The same words in another shape or order, and parts: no work of their own. The layer that reads
 * them sees them as they are wanted, since layer problems know no order in memory: address
 * generators of the layers on both sides do a transpose. */
#include <string.h>

#include "onnx_ops.h"

td_status td__onnx_same(td__onnx_reader *r, int variant) {
    td_status s = td__onnx_need(r, 1);
    if (s != TD_OK) return s;
    const td__ov *x = td__onnx_in(r, 0);
    int64_t dim[TD__OM_MAX_RANK], axes[TD__OM_MAX_RANK];
    int rank = 0, n = -1;
    bool chosen[2 * TD__OM_MAX_RANK] = {false};
    if (variant == TD__VIEW_SQUEEZE || variant == TD__VIEW_UNSQUEEZE) {
        s = td__onnx_list(r, "axes", 1, TD__OM_MAX_RANK, axes, &n);
        int of = x->rank + (variant == TD__VIEW_UNSQUEEZE && n > 0 ? n : 0);
        for (int i = 0; i < n && s == TD_OK; i++) {
            int axis = 0;
            s = td__onnx_axis(r, axes[i], of, &axis);
            if (s == TD_OK) chosen[axis] = true;
        }
        if (s == TD_OK && of > TD__OM_MAX_RANK)
            s = td__onnx_fail(r, TD_E_UNSUPPORTED, "a result of %d dims", of);
        if (s == TD_OK && variant == TD__VIEW_UNSQUEEZE && n < 0)
            s = td__onnx_fail(r, TD_E_INPUT, "no axes");
        if (s != TD_OK) return s;
        if (variant == TD__VIEW_UNSQUEEZE) {
            for (int i = 0, from = 0; i < of; i++)
                dim[rank++] = chosen[i] || from == x->rank ? 1 : x->dim[from++];
        } else {
            for (int i = 0; i < x->rank; i++)
                if (n < 0 ? x->dim[i] != 1 : !chosen[i]) dim[rank++] = x->dim[i];
        }
    } else if (variant == TD__VIEW_FLATTEN) {
        int64_t axis = td__onnx_attr_or(r, "axis", 1);
        if (axis < 0) axis += x->rank;
        if (axis < 0 || axis > x->rank)
            return td__onnx_fail(r, TD_E_INPUT, "axis %lld of %d dims", (long long)axis, x->rank);
        rank = 2;
        dim[0] = dim[1] = 1;
        for (int i = 0; i < x->rank; i++) dim[i >= axis] *= x->dim[i];
    } else {
        rank = x->rank;
        memcpy(dim, x->dim, sizeof dim);
    }
    double *content = x->content;
    int to = (int)td__onnx_attr_or(r, "to", 0);
    if (variant == TD__VIEW_CAST && content != NULL && td__onnx_is_int(to)) {
        content = td__onnx_room(r, x->words);
        for (int64_t i = 0; content != NULL && i < x->words; i++)
            content[i] =
                to == TD__OM_BOOL ? x->content[i] != 0 : (double)td__onnx_whole(x->content[i]);
    }
    s = td__onnx_view(r, 0, x, rank, dim, content);
    if (s == TD_OK && variant == TD__VIEW_CAST && td__onnx_out(r, 0) != NULL)
        td__onnx_out(r, 0)->type = to;
    td__ov *mask = td__onnx_out(r, 1); /* of Dropout: all ones */
    return s == TD_OK && mask != NULL ? td__onnx_constant(r, 1, TD__OM_BOOL, rank, dim, NULL) : s;
}

td_status td__onnx_reshape(td__onnx_reader *r, int variant) {
    (void)variant;
    int64_t dim[TD__OM_MAX_RANK], known = 1;
    int n = -1, open = -1;
    td_status s = td__onnx_need(r, 1);
    if (s == TD_OK) s = td__onnx_list(r, "shape", 1, TD__OM_MAX_RANK, dim, &n);
    if (s != TD_OK) return s;
    const td__ov *x = td__onnx_in(r, 0);
    if (n < 0) return td__onnx_fail(r, TD_E_INPUT, "no shape");
    for (int i = 0; i < n; i++) {
        if (dim[i] == 0 && td__onnx_attr_or(r, "allowzero", 0) == 0) {
            if (i >= x->rank) return td__onnx_fail(r, TD_E_INPUT, "dim %d of its input is none", i);
            dim[i] = x->dim[i];
        }
        if (dim[i] == -1 && open >= 0) return td__onnx_fail(r, TD_E_INPUT, "two open dims");
        if (dim[i] == -1)
            open = i;
        else if (dim[i] < 0 || __builtin_mul_overflow(known, dim[i], &known))
            return td__onnx_fail(r, TD_E_INPUT, "dim %d is %lld", i, (long long)dim[i]);
    }
    if (open >= 0) {
        dim[open] = known > 0 ? x->words / known : 0;
        known *= dim[open];
    }
    if (known != x->words)
        return td__onnx_fail(
            r, TD_E_INPUT, "%lld words do not take a shape of %lld words%s", (long long)x->words,
            (long long)known,
            r->options->n_dims == 0 ? " (has the file a batch? its dims can be given: --dim)" : "");
    return td__onnx_view(r, 0, x, n, dim, x->content);
}

td_status td__onnx_transpose(td__onnx_reader *r, int variant) {
    (void)variant;
    int64_t perm[TD__OM_MAX_RANK], dim[TD__OM_MAX_RANK] = {0}, stride[TD__OM_MAX_RANK];
    int n = -1;
    bool seen[TD__OM_MAX_RANK] = {false};
    td_status s = td__onnx_need(r, 1);
    if (s == TD_OK) s = td__onnx_list(r, "perm", -1, TD__OM_MAX_RANK, perm, &n);
    if (s != TD_OK) return s;
    const td__ov *x = td__onnx_in(r, 0);
    if (n < 0)
        for (n = 0; n < x->rank; n++) perm[n] = x->rank - 1 - n;
    if (n != x->rank) return td__onnx_fail(r, TD_E_INPUT, "%d axes of %d dims", n, x->rank);
    for (int i = 0; i < n; i++) {
        if (perm[i] < 0 || perm[i] >= n || seen[perm[i]])
            return td__onnx_fail(r, TD_E_INPUT, "its axes are no permutation");
        seen[perm[i]] = true;
        dim[i] = x->dim[perm[i]];
        stride[i] = 1;
        for (int k = (int)perm[i] + 1; k < n; k++) stride[i] *= x->dim[k];
    }
    double *content = x->content != NULL ? td__onnx_room(r, x->words) : NULL;
    for (int64_t i = 0; content != NULL && i < x->words; i++) {
        int64_t rest = i, at = 0;
        for (int k = n - 1; k >= 0; k--) {
            at += rest % dim[k] * stride[k];
            rest /= dim[k];
        }
        content[i] = x->content[at];
    }
    return td__onnx_view(r, 0, x, n, dim, content);
}

/* Variant 1: DepthToSpace, channels become pixels; 0: SpaceToDepth. */
td_status td__onnx_space_depth(td__onnx_reader *r, int variant) {
    td_status s = td__onnx_need(r, 1);
    if (s != TD_OK) return s;
    const td__ov *x = td__onnx_in(r, 0);
    int64_t b = td__onnx_attr_or(r, "blocksize", 0);
    if (x->rank != 4 || b < 1 || b > TD__MAX_SIDE)
        return td__onnx_fail(r, TD_E_INPUT, "blocks of %lld of %d dims", (long long)b, x->rank);
    if (variant == 1 ? x->dim[1] % (b * b) != 0 : x->dim[2] % b != 0 || x->dim[3] % b != 0)
        return td__onnx_fail(r, TD_E_INPUT, "its input has no whole blocks of %lld", (long long)b);
    int64_t down[] = {x->dim[0], x->dim[1] * b * b, x->dim[2] / b, x->dim[3] / b};
    int64_t up[] = {x->dim[0], x->dim[1] / (b * b), x->dim[2] * b, x->dim[3] * b};
    return td__onnx_view(r, 0, x, 4, variant == 1 ? up : down, NULL);
}

/* ---- parts ------------------------------------------------------------------------------------
 */

/* Words start, start + step, ... of one axis of known content. */
static double *part(td__onnx_reader *r, const double *from, int rank, const int64_t *dim, int axis,
                    int64_t start, int64_t step, int64_t n) {
    int64_t inner = 1, outer = 1;
    for (int i = 0; i < axis; i++) outer *= dim[i];
    for (int i = axis + 1; i < rank; i++) inner *= dim[i];
    double *to = from != NULL ? td__onnx_room(r, outer * n * inner) : NULL;
    for (int64_t o = 0, at = 0; to != NULL && o < outer; o++)
        for (int64_t i = 0; i < n; i++)
            for (int64_t k = 0; k < inner; k++)
                to[at++] = from[(o * dim[axis] + start + i * step) * inner + k];
    return to;
}

static int64_t clamp(int64_t v, int64_t lo, int64_t hi) {
    return v < lo ? lo : v > hi ? hi : v;
}

td_status td__onnx_slice(td__onnx_reader *r, int variant) {
    (void)variant;
    enum { MOST = TD__OM_MAX_RANK };
    int64_t start[MOST], end[MOST], axes[MOST], steps[MOST];
    int n, m, n_axes, n_steps;
    td_status s = td__onnx_need(r, 1);
    if (s == TD_OK) s = td__onnx_list(r, "starts", 1, MOST, start, &n);
    if (s == TD_OK) s = td__onnx_list(r, "ends", 2, MOST, end, &m);
    if (s == TD_OK) s = td__onnx_list(r, "axes", 3, MOST, axes, &n_axes);
    if (s == TD_OK) s = td__onnx_list(r, NULL, 4, MOST, steps, &n_steps);
    if (s != TD_OK) return s;
    const td__ov *x = td__onnx_in(r, 0);
    if (n < 0 || m != n || (n_axes >= 0 && n_axes != n) || (n_steps >= 0 && n_steps != n))
        return td__onnx_fail(r, TD_E_INPUT, "its starts, ends, axes and steps do not go together");
    int64_t dim[MOST];
    memcpy(dim, x->dim, sizeof dim);
    double *content = x->content;
    for (int i = 0; i < n; i++) {
        int axis = i;
        s = td__onnx_axis(r, n_axes >= 0 ? axes[i] : i, x->rank, &axis);
        if (s != TD_OK) return s;
        int64_t step = n_steps >= 0 ? steps[i] : 1, size = dim[axis];
        if (step == 0) return td__onnx_fail(r, TD_E_INPUT, "a step of 0");
        if (step > INT32_MAX || step < -INT32_MAX) step = step > 0 ? INT32_MAX : -INT32_MAX;
        int64_t from = start[i] < 0 ? start[i] + size : start[i];
        int64_t to = end[i] < 0 ? end[i] + size : end[i];
        from = step > 0 ? clamp(from, 0, size) : clamp(from, 0, size - 1);
        to = step > 0 ? clamp(to, 0, size) : clamp(to, -1, size - 1);
        int64_t span = step > 0 ? to - from : from - to, by = step > 0 ? step : -step;
        int64_t count = span > 0 && size > 0 ? (span + by - 1) / by : 0;
        content = part(r, content, x->rank, dim, axis, from, step, count);
        dim[axis] = count;
    }
    return td__onnx_view(r, 0, x, x->rank, dim, content);
}

td_status td__onnx_split(td__onnx_reader *r, int variant) {
    (void)variant;
    enum { MOST = 256 };
    int64_t size[MOST];
    int n, axis = 0, outputs = r->node->n_out;
    td_status s = td__onnx_need(r, 1);
    if (s == TD_OK) s = td__onnx_list(r, "split", 1, MOST, size, &n);
    if (s != TD_OK) return s;
    const td__ov *x = td__onnx_in(r, 0);
    s = td__onnx_axis(r, td__onnx_attr_or(r, "axis", 0), x->rank, &axis);
    if (s != TD_OK) return s;
    int64_t whole = x->dim[axis];
    if (n < 0) {
        if (outputs < 1 || outputs > MOST)
            return td__onnx_fail(r, TD_E_UNSUPPORTED, "%d parts", outputs);
        int64_t each = (whole + outputs - 1) / outputs;
        for (n = 0; n < outputs; n++) size[n] = clamp(whole - n * each, 0, each);
    }
    if (n != outputs) return td__onnx_fail(r, TD_E_INPUT, "%d sizes for %d parts", n, outputs);
    const td__ov of = *x;
    int64_t from = 0;
    for (int k = 0; k < n && s == TD_OK; k++) {
        int64_t dim[TD__OM_MAX_RANK];
        memcpy(dim, of.dim, sizeof dim);
        if (size[k] < 0 || size[k] > whole - from)
            return td__onnx_fail(r, TD_E_INPUT, "its parts are not those of %lld",
                                 (long long)whole);
        dim[axis] = size[k];
        double *content = part(r, of.content, of.rank, of.dim, axis, from, 1, size[k]);
        s = td__onnx_view(r, k, &of, of.rank, dim, content);
        from += size[k];
    }
    return s;
}

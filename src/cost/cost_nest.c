/* Flattening and checking of mappings. This runs inside the mapper's inner loop: faults are found
 * by plain comparisons and told by cold functions, which do nothing without an error to fill. */
#include "cost_nest.h"

#include <stdio.h>
#include <string.h>

const uint8_t td__dims_of[TD_NTENSOR] = {TD__DIMS_W, TD__DIMS_I, TD__DIMS_O};

#define COLD __attribute__((cold, noinline))
/* Compiled twice, for perfect factors without a trace of the others. */
#define INLINE inline __attribute__((always_inline))

static const char axis_letter[TD_NAXIS] = {'T', 'X', 'Y'};

/* ---- faults ---------------------------------------------------------------------------------- */

static COLD td_status fail_problem(const td_problem *p, td_error *err) {
    td_status s = td_problem_check(p, err);
    return s != TD_OK ? s : td_fail(err, TD_E_INPUT, "layer problem: wrong strides or sizes");
}

static COLD td_status fail_shape(const td_hw *hw, const td_mapping *m, td_error *err) {
    if (hw->n < 1 || hw->n > TD_MAX_LEVELS)
        return td_fail(err, TD_E_INPUT, "accelerator: %d levels, expected 1 to %d", hw->n,
                       TD_MAX_LEVELS);
    return td_fail(
        err, TD_E_INPUT,
        "mapping: %d loops do not split into the %d levels of the accelerator "
        "(first[0] must be 0, first[] must not fall, first[%d] must be the number of loops)",
        m->n, hw->n, hw->n);
}

static COLD td_status fail_loop(const td_hw *hw, int level, const td_loop *o, int last_axis,
                                td_error *err) {
    const char *name = hw->level[level].name;
    if (o->dim >= TD_NDIM || o->axis >= TD_NAXIS)
        return td_fail(err, TD_E_INPUT, "mapping: level %s: no dim %d or no axis %d", name, o->dim,
                       o->axis);
    char d = td_dim_letter[o->dim];
    if (o->bound < 1)
        return td_fail(err, TD_E_INPUT, "mapping: level %s: bound of %c is %d, expected at least 1",
                       name, d, o->bound);
    if (o->tail < 1 || o->tail > o->bound)
        return td_fail(err, TD_E_INPUT,
                       "mapping: level %s: last pass of %c has bound %d, expected 1 to %d", name, d,
                       o->tail, o->bound);
    if (o->axis < last_axis)
        return td_fail(err, TD_E_INPUT,
                       "mapping: level %s: loop over %c on axis %c after one on axis %c, expected "
                       "time before X before Y",
                       name, d, axis_letter[o->axis], axis_letter[last_axis]);
    return TD_OK;
}

static COLD td_status fail_factors(const td_problem *p, int levels, const td_mapping *m, int dim,
                                   td_error *err) {
    double whole = 1, last = 1;
    bool imperfect = false;
    for (int l = 0; l < levels; l++)
        for (int i = m->first[l + 1] - 1; i >= m->first[l]; i--) { /* from the inside out */
            const td_loop *o = &m->loop[i];
            if (o->dim != dim) continue;
            last += ((double)o->tail - 1) * whole;
            whole *= o->bound;
            imperfect |= o->tail != o->bound;
        }
    if (imperfect)
        return td_fail(err, TD_E_INPUT,
                       "mapping: loops over %c with their last passes make %.0f, expected %d",
                       td_dim_letter[dim], last, p->dim[dim]);
    return td_fail(err, TD_E_INPUT, "mapping: bounds of %c multiply to %.0f, expected %d",
                   td_dim_letter[dim], whole, p->dim[dim]);
}

static COLD td_status fail_rule(const td_hw *hw, int level, const td_loop *o, td_error *err) {
    if (o->axis == TD_AXIS_T)
        return td_fail(err, TD_E_INPUT,
                       "mapping: level %s: the machine cannot step through %c here",
                       hw->level[level].name, td_dim_letter[o->dim]);
    return td_fail(err, TD_E_INPUT, "mapping: level %s: the machine cannot spread %c along %c here",
                   hw->level[level].name, td_dim_letter[o->dim], axis_letter[o->axis]);
}

static COLD td_status fail_place(const td_hw *hw, int level, int dim, td_error *err) {
    char order[TD_NDIM + 1];
    return td_fail(err, TD_E_INPUT,
                   "mapping: level %s: the loop over %c stands further in than the machine's order "
                   "has it (outermost first, others outside: %s)",
                   hw->level[level].name, td_dim_letter[dim],
                   td_map_order_text(&hw->rules, level, order));
}

static COLD td_status fail_single(const td_hw *hw, int level, int axis, td_error *err) {
    return td_fail(err, TD_E_INPUT, "mapping: level %s: the machine takes one dim along %c",
                   hw->level[level].name, axis_letter[axis]);
}

static COLD td_status fail_fan(const td_hw *hw, int level, int axis, int64_t used, int64_t there,
                               td_error *err) {
    return td_fail(err, TD_E_INFEASIBLE,
                   "level %s: mapping spreads over %lld along %c, the accelerator has %lld",
                   hw->level[level].name, (long long)used, axis_letter[axis], (long long)there);
}

static COLD td_status fail_keep(const td_hw *hw, int level, unsigned keep, td_error *err) {
    const td_level *l = &hw->level[level];
    if (keep & ~TD_ALL_TENSORS)
        return td_fail(err, TD_E_INPUT, "mapping: level %s: keep mask is 0x%x, expected 0 to 7",
                       l->name, keep);
    for (int t = 0; t < TD_NTENSOR; t++) {
        if (keep & ~(unsigned)l->may_keep & TD_BIT(t))
            return td_fail(err, TD_E_INPUT, "mapping: level %s cannot keep %c", l->name,
                           td_tensor_letter[t]);
        if (~keep & l->must_keep & TD_BIT(t))
            return td_fail(err, TD_E_INPUT, "mapping: level %s must keep %c", l->name,
                           td_tensor_letter[t]);
    }
    return TD_OK;
}

static COLD td_status fail_nowhere(int t, td_error *err) {
    return td_fail(err, TD_E_INPUT, "mapping: no level keeps %c", td_tensor_letter[t]);
}

static COLD td_status fail_above(const td_hw *hw, int t, const td__loop *o, const char *how,
                                 int top, td_error *err) {
    return td_fail(
        err, TD_E_INPUT,
        "mapping: level %s loops over %c %s, but %c is kept no further out than level %s",
        hw->level[o->level].name, td_dim_letter[o->dim], how, td_tensor_letter[t],
        hw->level[top].name);
}

/* ---- building -------------------------------------------------------------------------------- */

static td_status check_problem(const td_problem *p, td__nest *z, td_error *err) {
    bool ok = p->stride[0] >= 1 && p->stride[1] >= 1 && p->dilation[0] >= 1 && p->dilation[1] >= 1;
    double macs = 1;
    for (int i = 0; i < TD_NDIM; i++) {
        ok &= p->dim[i] >= 1;
        macs *= p->dim[i];
    }
    ok &= macs < 0x1p62;
    for (int i = 0; i < 4; i++) ok &= p->pad[i] >= 0;
    for (int t = 0; t < TD_NTENSOR; t++) ok &= (unsigned)(p->bits[t] - 1) < 64;
    ok &= (unsigned)(p->acc_bits - 1) < 64;
    if (!ok) return fail_problem(p, err);
    for (int axis = 0; axis < 2; axis++) {
        int64_t whole = ((int64_t)p->dim[TD_P + axis] - 1) * p->stride[axis] +
                        ((int64_t)p->dim[TD_R + axis] - 1) * p->dilation[axis] + 1;
        if (whole > INT32_MAX) return fail_problem(p, err); /* from here on rows are 32 bits wide */
        *(axis == 0 ? &z->rows : &z->columns) = (int32_t)whole;
        z->unit[TD_P + axis] = p->stride[axis];
        z->unit[TD_R + axis] = p->dilation[axis];
    }
    z->unit[TD_N] = z->unit[TD_K] = z->unit[TD_C] = z->unit[TD_G] = 0;
    return TD_OK;
}

/* Used extent along an axis against the mesh; x and y are the products of the bounds. */
static td_status check_fan(const td_hw *hw, int level, int64_t x, int64_t y, td_error *err) {
    const td_level *l = &hw->level[level];
    int32_t in = level > 0 ? hw->level[level - 1].instances : hw->mac.instances;
    int32_t in_x = level > 0 ? hw->level[level - 1].mesh_x : hw->mac.mesh_x;
    if (l->mesh_x < 1 || l->instances < l->mesh_x || in_x < 1)
        return td_fail(err, TD_E_INPUT, "accelerator: level %s: wrong mesh", l->name);
    int32_t fan_x = in_x / l->mesh_x, fan_y = (in / in_x) / (l->instances / l->mesh_x);
    if (x > fan_x) return fail_fan(hw, level, TD_AXIS_X, x, fan_x, err);
    if (y > fan_y) return fail_fan(hw, level, TD_AXIS_Y, y, fan_y, err);
    return TD_OK;
}

/* Axis of the input plane that a dim moves along. */
static const int8_t axis_of[TD_NDIM] = {[TD_N] = -1, [TD_K] = -1, [TD_C] = -1, [TD_G] = -1,
                                        [TD_P] = 0,  [TD_R] = 0,  [TD_Q] = 1,  [TD_S] = 1};

/* What is wrong with loop i of a level that take() did not take. */
static COLD td_status fail_order(const td__nest *z, int level, int i, td_error *err) {
    td_status s = fail_loop(z->hw, level, &z->m->loop[i], 0, err);
    if (s != TD_OK) return s;
    return fail_loop(z->hw, level, &z->m->loop[i + 1], z->m->loop[i].axis, err);
}

/* Appends the loops of one axis of a level to a list, from the innermost (*i) on, and grows the
 * tile. *product: of their bounds. */
static INLINE td_status take(td__nest *z, int level, int axis, int *i, td__loop *list, int *n,
                             int64_t *product, bool imperfect, td_error *err) {
    const td_mapping *m = z->m;
    const unsigned allowed = z->hw->rules.allowed[level][axis];
    const int32_t *dims = z->p->dim, *unit = z->unit;
    int32_t *tile = z->tile[level + 1];
    unsigned seen = 0, last_place = 0;
    int k = *i, count = *n;
    for (const int first = m->first[level]; k >= first; k--) {
        const td_loop *o = &m->loop[k];
        const unsigned d = o->dim;
        if (o->axis != axis) break;
        if (d >= TD_NDIM || o->bound < 1 ||
            (imperfect ? o->tail < 1 || o->tail > o->bound : o->tail != o->bound)) {
            td_status s = fail_order(z, level, k, err);
            return s != TD_OK ? s : TD_E_INPUT; /* an imperfect factor: see build_again */
        }
        if (o->bound == 1) continue;
        if (!(allowed & TD_BIT(d))) return fail_rule(z->hw, level, o, err);
        if (axis == TD_AXIS_T) { /* places grow from the inside; 0 everywhere: any order */
            if (z->hw->rules.place[level][d] < last_place)
                return fail_place(z->hw, level, (int)d, err);
            last_place = z->hw->rules.place[level][d];
        }
        const int32_t step = tile[d];
        const int64_t grown = (int64_t)step * o->bound;
        if (imperfect) { /* whole passes may exceed the dim, but not these limits */
            int64_t last = z->last[level + 1][d] + (int64_t)step * (o->tail - 1);
            if (last > dims[d] || grown > INT32_MAX || *product > INT64_MAX / o->bound)
                return fail_factors(z->p, z->n, m, (int)d, err);
            z->last[level + 1][d] = (int32_t)last;
            (list == z->t ? z->t_tail : z->s_tail)[count] = o->tail;
        } else if (grown > dims[d]) {
            return fail_factors(z->p, z->n, m, (int)d, err);
        }
        tile[d] = (int32_t)grown;
        list[count++] = (td__loop){.bound = o->bound,
                                   .step = step,
                                   .move = imperfect ? 0 : step * unit[d],
                                   .dim = (uint8_t)d,
                                   .level = (uint8_t)level,
                                   .axis = axis_of[d],
                                   .bit = (uint8_t)TD_BIT(d)};
        seen |= TD_BIT(d);
        *product *= o->bound; /* at most the product of perfect dims: no overflow below 2^62 */
    }
    if (seen & TD__DIMS_REDUCED) z->reduced = level;
    if ((seen & (seen - 1)) && z->hw->rules.single[level][axis])
        return fail_single(z->hw, level, axis, err);
    *i = k;
    *n = count;
    return TD_OK;
}

/* Loops from .. x - 1 stand along Y, those from x on along X. */
static COLD td_status check_axes(const td__nest *z, int level, int from, int x, td_error *err) {
    for (int i = from; i < x; i++)
        for (int k = x; k < z->ns; k++)
            if (z->s[i].dim == z->s[k].dim)
                return td_fail(err, TD_E_INPUT,
                               "mapping: level %s: the machine cannot spread %c along both X and Y",
                               z->hw->level[level].name, td_dim_letter[z->s[i].dim]);
    return TD_OK;
}

/* One level's loops, from the innermost: spatial ones, then those in time. */
static INLINE td_status add_level(td__nest *z, int level, bool imperfect, td_error *err) {
    const td_mapping *m = z->m;
    double *distinct = z->distinct[level];
    z->fan[level] = distinct[TD_W] = distinct[TD_I] = distinct[TD_O] = 1;
    int i = m->first[level + 1] - 1;
    if (i < m->first[level]) return TD_OK;
    td_status s;
    int64_t x = 1, y = 1, t = 1;
    if (m->loop[i].axis != TD_AXIS_T) {
        int k = z->ns;
        s = take(z, level, TD_AXIS_Y, &i, z->s, &z->ns, &y, imperfect, err);
        if (s != TD_OK) return s;
        const int on_x = z->ns;
        s = take(z, level, TD_AXIS_X, &i, z->s, &z->ns, &x, imperfect, err);
        if (s != TD_OK) return s;
        if (z->hw->rules.one_axis && (s = check_axes(z, level, k, on_x, err)) != TD_OK) return s;
        if (imperfect && x > INT64_MAX / y) return fail_fan(z->hw, level, TD_AXIS_X, x, 0, err);
        z->fan[level] = (double)(x * y);
        for (; k < z->ns; k++) {
            const double bound = z->s[k].bound;
            const unsigned dim = TD_BIT(z->s[k].dim);
            distinct[TD_W] *= TD__DIMS_W & dim ? bound : 1;
            distinct[TD_I] *= TD__DIMS_I & dim ? bound : 1;
            distinct[TD_O] *= TD__DIMS_O & dim ? bound : 1;
        }
        if (x * y > 1 && (s = check_fan(z->hw, level, x, y, err)) != TD_OK) return s;
    }
    s = take(z, level, TD_AXIS_T, &i, z->t, &z->nt, &t, imperfect, err);
    return s != TD_OK || i < m->first[level] ? s : fail_order(z, level, i, err);
}

/* Resident tensors: what stands at its outermost keeper must be all that the loops outside ask for,
 * and partial sums of several keepers would never meet. */
static td_status check_resident(const td__nest *z, int t, td_error *err) {
    int top = z->top[t];
    for (int k = z->t0[top + 1]; k < z->nt; k++)
        if (td__dims_of[t] & TD_BIT(z->t[k].dim))
            return fail_above(z->hw, t, &z->t[k], "in time", top, err);
    if (t == TD_O)
        for (int k = z->s0[top + 1]; k < z->ns; k++)
            if (TD__DIMS_REDUCED & TD_BIT(z->s[k].dim))
                return fail_above(z->hw, t, &z->s[k], "in space", top, err);
    return TD_OK;
}

static inline int64_t clipped(int64_t extent, int64_t image) {
    return extent < image ? extent : image > 0 ? image : 0;
}

/* Words of the tiles of one level. clip: without the rows and columns of made zeros. W and O have
 * no more words than there are MACs. */
static inline void tile_words(const td__nest *z, const int32_t e[TD_NDIM], bool clip,
                              double words[TD_NTENSOR]) {
    const int32_t *pad = z->p->pad;
    int64_t gk = (int64_t)e[TD_G] * e[TD_K];
    words[TD_W] = (double)(gk * e[TD_C] * e[TD_R] * e[TD_S]);
    words[TD_O] = (double)(gk * e[TD_N] * e[TD_P] * e[TD_Q]);
    int64_t h = td__span(z, e, 0), w = td__span(z, e, 1);
    if (clip) {
        h = clipped(h, (int64_t)z->rows - pad[0] - pad[2]);
        w = clipped(w, (int64_t)z->columns - pad[1] - pad[3]);
    }
    words[TD_I] = (double)((int64_t)e[TD_N] * e[TD_G] * e[TD_C]) * (double)(h * w);
}

/* The largest tiles instead of those of whole passes: a whole pass inside of level l needs a loop
 * further out that has more than one iteration in its last pass. */
static COLD void largest_tiles(td__nest *z, bool clip) {
    unsigned whole = 0;
    memcpy(z->full, z->tile, sizeof z->full);
    for (int l = z->n - 1, t = z->nt, s = z->ns; l >= 0; l--) {
        for (int d = 0; d < TD_NDIM; d++)
            if (!(whole & TD_BIT(d))) z->tile[l + 1][d] = z->last[l + 1][d];
        if (z->m->keep[l] != 0) tile_words(z, z->tile[l + 1], clip, z->words[l]);
        while (t > z->t0[l])
            if (z->t_tail[--t] > 1) whole |= TD_BIT(z->t[t].dim);
        while (s > z->s0[l])
            if (z->s_tail[--s] > 1) whole |= TD_BIT(z->s[s].dim);
    }
}

static INLINE td_status build(const td_problem *p, const td_hw *hw, const td_mapping *m, bool exact,
                              td__nest *z, bool imperfect, td_error *err) {
    z->p = p;
    z->hw = hw;
    z->m = m;
    z->n = hw->n;
    z->nt = z->ns = 0;
    z->reduced = -1;
    z->imperfect = imperfect;
    td_status s = check_problem(p, z, err);
    if (s != TD_OK) return s;
    if (hw->n < 1 || hw->n > TD_MAX_LEVELS || m->n > TD_MAX_LOOPS || m->first[0] != 0 ||
        m->first[hw->n] != m->n)
        return fail_shape(hw, m, err);
    const int n = hw->n;
    for (int l = 0; l < n; l++) /* before any of them is used as an index */
        if (m->first[l + 1] < m->first[l]) return fail_shape(hw, m, err);
    const bool clip = exact && (p->pad[0] | p->pad[1] | p->pad[2] | p->pad[3]) != 0;
    for (int t = 0; t < TD_NTENSOR; t++) z->top[t] = -1;
    for (int d = 0; d < TD_NDIM; d++) z->tile[0][d] = 1;
    if (imperfect) memcpy(z->last[0], z->tile[0], sizeof z->last[0]);
    for (int l = 0; l < n; l++) {
        unsigned keep = m->keep[l];
        if ((keep & ~(unsigned)(hw->level[l].may_keep & TD_ALL_TENSORS)) ||
            (~keep & hw->level[l].must_keep & TD_ALL_TENSORS))
            return fail_keep(hw, l, keep, err);
        for (int t = 0; t < TD_NTENSOR; t++) {
            z->child[l][t] = (int8_t)z->top[t];
            if (keep & TD_BIT(t)) z->top[t] = l;
        }
        z->t0[l] = z->nt;
        z->s0[l] = z->ns;
        memcpy(z->tile[l + 1], z->tile[l], sizeof z->tile[l]);
        if (imperfect) memcpy(z->last[l + 1], z->last[l], sizeof z->last[l]);
        s = add_level(z, l, imperfect, err);
        if (s != TD_OK) return s;
        if (keep != 0 && !imperfect) tile_words(z, z->tile[l + 1], clip, z->words[l]);
    }
    z->t0[n] = z->nt;
    z->s0[n] = z->ns;
    if (imperfect) largest_tiles(z, clip);
    if (memcmp(z->tile[n], p->dim, sizeof p->dim) != 0)
        for (int d = 0; d < TD_NDIM; d++)
            if (z->tile[n][d] != p->dim[d]) return fail_factors(p, n, m, d, err);
    for (int t = 0; t < TD_NTENSOR; t++)
        if (z->top[t] < 0) return fail_nowhere(t, err);
    tile_words(z, z->tile[n], false, z->total);

    double used = 1, outer = 1, above[TD_NTENSOR] = {1, 1, 1};
    z->used[n] = 1;
    for (int l = n - 1; l >= 0; l--) {
        for (int t = 0; t < TD_NTENSOR; t++) {
            z->above[l][t] = above[t];
            above[t] *= z->distinct[l][t];
        }
        z->used[l] = used *= z->fan[l];
    }
    z->outer[z->nt] = 1;
    for (int k = z->nt - 1; k >= 0; k--) z->outer[k] = outer *= z->t[k].bound;

    if (exact)
        for (int t = 0; t < TD_NTENSOR; t++)
            if (z->top[t] < n - 1 && (s = check_resident(z, t, err)) != TD_OK) return s;
    return TD_OK;
}

/* After the builder of perfect factors gave up: with the other one, or once more for the message.
 */
static COLD td_status build_again(const td_problem *p, const td_hw *hw, const td_mapping *m,
                                  bool exact, td__nest *z, td_status s, td_error *err) {
    for (int i = 0; i < m->n && i < TD_MAX_LOOPS; i++)
        if (m->loop[i].tail < m->loop[i].bound) return build(p, hw, m, exact, z, true, err);
    return err == NULL ? s : build(p, hw, m, exact, z, false, err);
}

td_status td__nest_build(const td_problem *p, const td_hw *hw, const td_mapping *m, bool exact,
                         td__nest *z, td_error *err) {
    td_status s = build(p, hw, m, exact, z, false, NULL);
    return s == TD_OK ? s : build_again(p, hw, m, exact, z, s, err);
}

/* ---- capacities ------------------------------------------------------------------------------ */

static COLD td_status fail_capacity(const td__nest *z, int level, double bits, double missing,
                                    td_error *err) {
    if (err == NULL) return TD_E_INFEASIBLE;
    const td_level *l = &z->hw->level[level];
    char words[128] = "";
    size_t used = 0;
    for (int t = 0; t < TD_NTENSOR; t++) {
        if (!(z->m->keep[level] & TD_BIT(t))) continue;
        int n = snprintf(words + used, sizeof words - used, "%s%.0f of %c (%d-bit)",
                         used > 0 ? ", " : "", z->words[level][t], td_tensor_letter[t],
                         td__word_bits(z, level, t));
        if (n > 0) used += (size_t)n;
        if (used >= sizeof words) used = sizeof words - 1;
    }
    return td_fail(err, TD_E_INFEASIBLE,
                   "level %s: tiles need %.0f bytes (words: %s), usable are %.0f bytes%s: "
                   "%.0f bytes are missing",
                   l->name, ceil(bits / 8), words,
                   floor(floor((double)l->capacity_bits / l->buffering) / 8),
                   l->buffering > 1 ? " of a divided buffer" : "", ceil(missing / 8));
}

td_status td__capacity_check(const td__nest *z, int64_t *missing_bits, td_error *err) {
    for (int l = 0; l < z->n; l++) {
        const td_level *v = &z->hw->level[l];
        if (v->capacity_bits < 0) continue;
        double bits = 0;
        for (int t = 0; t < TD_NTENSOR; t++)
            if (z->m->keep[l] & TD_BIT(t)) bits += z->words[l][t] * td__word_bits(z, l, t);
        double usable = (double)v->capacity_bits;
        if (v->buffering > 1) usable = floor(usable / v->buffering);
        if (bits > usable) {
            double missing =
                ceil(bits * (v->buffering > 1 ? v->buffering : 1)) - (double)v->capacity_bits;
            if (missing < 1) missing = 1;
            if (missing_bits != NULL)
                *missing_bits = missing < 0x1p62 ? (int64_t)missing : INT64_C(1) << 62;
            return fail_capacity(z, l, bits, missing, err);
        }
    }
    return TD_OK;
}

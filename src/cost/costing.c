/* td_costing: energy and cycles of a mapping, without a word about where they come from. The same
 * figures as td_cost_evaluate's, from the same formulas (docs/cost-model.md) in the same order, so
 * that they are equal to the last bit; what is checked there loop by loop with a message is only
 * accepted or not here. Imperfect factors are left to td_cost_evaluate. */
#include <stddef.h>
#include <string.h>

#include "cost_nest.h"

/* A nest of which only what the counters of perfect factors look at is set. */
typedef struct {
    td__nest z;
    const td_costing *c;
    double children[TD_MAX_LEVELS][TD_NTENSOR]; /* of a level that are served one by one */
    bool halos[TD_MAX_LEVELS];                  /* a level spreads P, Q, R or S */
    double compute;                             /* cycles */
} nest;

enum { PLANE = TD_BIT(TD_P) | TD_BIT(TD_Q) | TD_BIT(TD_R) | TD_BIT(TD_S) };

td_status td_costing_init(td_costing *c, const td_problem *p, const td_hw *hw, td_counting counting,
                          td_error *err) {
    td_status s = td_problem_check(p, err);
    if (s != TD_OK) return s;
    memset(c, 0, sizeof *c);
    c->p = *p;
    c->hw = hw;
    c->counting = counting;
    c->plain = true;
    for (int axis = 0; axis < 2; axis++) {
        int32_t out = p->dim[TD_P + axis], taps = p->dim[TD_R + axis];
        c->unit[TD_P + axis] = p->stride[axis];
        c->unit[TD_R + axis] = p->dilation[axis];
        /* One of the two dims has one position, and steps of one line. */
        if (taps > 1 ? out > 1 || p->dilation[axis] > 1 : out > 1 && p->stride[axis] > 1)
            c->plain = false;
        c->plane[axis] = (out - 1) * p->stride[axis] + (taps - 1) * p->dilation[axis] + 1;
        int64_t image = (int64_t)c->plane[axis] - p->pad[axis] - p->pad[axis + 2];
        c->image[axis] = image > 0 ? (int32_t)image : 0;
        if (c->image[axis] < c->plane[axis] && counting == TD_COUNT_EXACT) c->padded = true;
    }
    c->most_steps = 1.5 * (double)td_problem_macs(p);
    c->mac_pj = (double)td_problem_macs(p) * td_mac_pj(&hw->mac, p);
    c->total_outputs =
        (double)((int64_t)p->dim[TD_G] * p->dim[TD_K] * p->dim[TD_N] * p->dim[TD_P] * p->dim[TD_Q]);
    for (int l = 0; l < hw->n; l++) {
        const td_level *v = &hw->level[l];
        double usable = v->capacity_bits < 0 ? INFINITY : (double)v->capacity_bits;
        if (v->capacity_bits >= 0 && v->buffering > 1) usable = floor(usable / v->buffering);
        c->level[l].usable = usable;
        c->level[l].may = v->may_keep & TD_ALL_TENSORS;
        c->level[l].must = v->must_keep & TD_ALL_TENSORS;
        c->level[l].read_pj = v->read_pj;
        c->level[l].fill_pj = v->fill_pj;
        c->level[l].update_pj = v->update_pj;
        c->level[l].read_bw = v->read_bw;
        c->level[l].write_bw = v->write_bw;
        c->level[l].shared_bw = v->shared_bw;
        c->level[l].share =
            (uint8_t)((v->multicast & (TD_BIT(TD_W) | TD_BIT(TD_I))) | (v->reduce & TD_BIT(TD_O)));
        c->timed |= !td_timing_ideal(&v->timing);
        c->level[l].bursts = v->timing.burst_bits > 0;
        c->level[l].ruled = hw->rules.place[l][0] > 0;
        c->level[l].limited =
            v->read_bw < INFINITY || v->write_bw < INFINITY || v->shared_bw < INFINITY;
        c->level[l].one_word = true;
        for (int k = 0; k <= TD_NTENSOR; k++) {
            int bits = k < TD_NTENSOR ? p->bits[k] : p->acc_bits;
            c->level[l].block[k] = v->block_bits > bits ? v->block_bits / bits : 1;
            c->level[l].one_word &= c->level[l].block[k] == 1;
        }
        for (int axis = 0; axis < TD_NAXIS; axis++) {
            c->level[l].fan[axis] = td_hw_fanout(hw, l, axis);
            c->level[l].allowed[axis] = hw->rules.allowed[l][axis];
            c->level[l].single[axis] = hw->rules.single[l][axis];
            c->level[l].ruled |= hw->rules.single[l][axis] != 0;
        }
    }
    return TD_OK;
}

/* ---- the nest -------------------------------------------------------------------------------- */

/* What a td__loop says of its dim, as one word: dim, (level), axis, bit. */
#define TAG(d, axis)                                                                               \
    [d] = (uint32_t)(d) | (uint32_t)(uint8_t)(axis) << 16 | (uint32_t)TD_BIT(d) << 24
static const uint32_t dim_tag[TD_NDIM] = {TAG(TD_N, -1), TAG(TD_K, -1), TAG(TD_C, -1),
                                          TAG(TD_P, 0),  TAG(TD_Q, 1),  TAG(TD_R, 0),
                                          TAG(TD_S, 1),  TAG(TD_G, -1)};
#undef TAG
_Static_assert(offsetof(td__loop, level) == offsetof(td__loop, dim) + 1 &&
                   offsetof(td__loop, axis) == offsetof(td__loop, dim) + 2 &&
                   offsetof(td__loop, bit) == offsetof(td__loop, dim) + 3,
               "the fields of dim_tag, in its order");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the order of dim_tag's bytes");

/* Returns the dim's bit. Products wrap around: see the end of build(). */
static inline unsigned set_loop(td__loop *x, const td__nest *z, int32_t *tile, unsigned d, int l,
                                int32_t bound) {
    const uint32_t tag = dim_tag[d] | (uint32_t)l << 8, step = (uint32_t)tile[d];
    x->bound = bound;
    x->step = (int32_t)step;
    x->move = (int32_t)(step * (uint32_t)z->unit[d]);
    memcpy(&x->dim, &tag, sizeof tag);
    tile[d] = (int32_t)(step * (uint32_t)bound);
    return tag >> 24;
}

/* Loops of one level along Y and X, from the innermost, which stands before o. Returns the end of
 * those in time. NULL: a rule, an order or a fan-out is broken, or a factor is imperfect. */
static const td_loop *add_spatial(nest *w, int l, const td_loop *o, const td_loop *first,
                                  td__loop **ps) {
    const td_costing *c = w->c;
    const __typeof__(c->level[0]) *v = &c->level[l];
    td__nest *z = &w->z;
    int32_t *tile = z->tile[l + 1];
    td__loop *s = *ps;
    double fan = 1, fan_y = 1, weights = 1, inputs = 1, outputs = 1;
    unsigned axis = TD_AXIS_Y, seen = 0, on_y = 0, spread = 0;
    while (o != first && o[-1].axis != TD_AXIS_T) {
        o--;
        const unsigned d = o->dim;
        const int32_t bound = o->bound;
        if (o->tail != bound || o->axis > axis || d >= TD_NDIM || bound < 1) return NULL;
        if (o->axis < axis) {
            if (v->ruled && (seen & (seen - 1)) && v->single[TD_AXIS_Y]) return NULL;
            if (fan > v->fan[TD_AXIS_Y]) return NULL;
            fan_y = fan;
            on_y = spread = seen;
            axis = TD_AXIS_X;
            seen = 0;
        }
        if (bound == 1) continue;
        const unsigned bit = set_loop(s++, z, tile, d, l, bound);
        if (!(v->allowed[axis] & bit)) return NULL;
        seen |= bit;
        if ((on_y & bit) && c->hw->rules.one_axis) return NULL;
        fan *= bound;
        weights *= bit & TD__DIMS_W ? bound : 1;
        inputs *= bit & TD__DIMS_I ? bound : 1;
        outputs *= bit & TD__DIMS_O ? bound : 1;
    }
    if (v->ruled && (seen & (seen - 1)) && v->single[axis]) return NULL;
    if (axis == TD_AXIS_Y ? fan > v->fan[TD_AXIS_Y] : fan > fan_y * v->fan[TD_AXIS_X]) return NULL;
    spread |= seen;
    if (spread & TD__DIMS_REDUCED) z->reduced = l;
    *ps = s;
    z->fan[l] = fan;
    z->distinct[l][TD_O] = outputs;
    w->children[l][TD_W] = v->share & TD_BIT(TD_W) ? weights : fan;
    w->children[l][TD_I] = v->share & TD_BIT(TD_I) ? inputs : fan;
    w->children[l][TD_O] = v->share & TD_BIT(TD_O) ? outputs : fan;
    z->distinct[l][TD_W] = weights;
    z->distinct[l][TD_I] = inputs;
    w->halos[l] = spread & PLANE;
    return o;
}

/* The rules for loops in time that few accelerators have: places that grow from the inside, one dim
 * at most. seen: the dims of the loops. */
static bool in_order(const td_costing *c, int l, const td_loop *first, const td_loop *end,
                     unsigned seen) {
    unsigned last_place = 0;
    if ((seen & (seen - 1)) && c->level[l].single[TD_AXIS_T]) return false;
    while (end-- != first) {
        if (end->bound == 1) continue;
        const unsigned place = c->hw->rules.place[l][end->dim];
        if (place < last_place) return false;
        last_place = place;
    }
    return true;
}

static bool build(nest *w, const td_mapping *m) {
    const td_costing *c = w->c;
    td__nest *z = &w->z;
    const int n = c->hw->n;
    z->p = &c->p;
    z->hw = c->hw;
    z->m = m;
    z->n = n;
    z->reduced = -1;
    z->imperfect = false;
    z->rows = c->plane[0];
    z->columns = c->plane[1];
    memcpy(z->unit, c->unit, sizeof z->unit);
    if (m->first[0] != 0 || m->first[n] != m->n || m->n > TD_MAX_LOOPS) return false;
    for (int d = 0; d < TD_NDIM; d++) z->tile[0][d] = 1;
    td__loop *t = z->t, *s = z->s;
    const td_loop *first = m->loop;
    for (int l = 0; l < n; l++) {
        const __typeof__(c->level[0]) *v = &c->level[l];
        const unsigned keep = m->keep[l];
        const td_loop *o = m->loop + m->first[l + 1], *const next = o;
        if (next < first || (keep & ~(unsigned)v->may) || (~keep & v->must)) return false;
        memcpy(z->tile[l + 1], z->tile[l], sizeof z->tile[l]);
        z->t0[l] = (int)(t - z->t);
        z->s0[l] = (int)(s - z->s);
        if (o != first && o[-1].axis != TD_AXIS_T) {
            o = add_spatial(w, l, o, first, &s);
            if (o == NULL) return false;
        } else {
            z->fan[l] = 1;
            for (int k = 0; k < TD_NTENSOR; k++) z->distinct[l][k] = w->children[l][k] = 1;
            w->halos[l] = false;
        }
        int32_t *tile = z->tile[l + 1];
        const td_loop *const in_time = o;
        unsigned seen = 0;
        while (o-- != first) {
            const unsigned d = o->dim;
            const int32_t bound = o->bound;
            if (o->tail != bound || o->axis != TD_AXIS_T || d >= TD_NDIM) return false;
            if (bound <= 1) {
                if (bound < 1) return false;
                continue;
            }
            seen |= set_loop(t++, z, tile, d, l, bound);
        }
        if (seen & ~(unsigned)v->allowed[TD_AXIS_T]) return false;
        if (v->ruled && !in_order(c, l, first, in_time, seen)) return false;
        if (seen & TD__DIMS_REDUCED) z->reduced = l;
        first = next;
    }
    z->nt = z->t0[n] = (int)(t - z->t);
    z->ns = z->s0[n] = (int)(s - z->s);
    if (memcmp(z->tile[n], c->p.dim, sizeof c->p.dim) != 0) return false;
    double outer = 1, used = 1, above = 1;
    z->outer[z->nt] = 1;
    for (int k = z->nt - 1; k >= 0; k--) z->outer[k] = outer *= z->t[k].bound;
    z->used[n] = 1;
    for (int l = n - 1; l >= 0; l--) {
        z->above[l][TD_O] = above;
        above *= z->distinct[l][TD_O];
        z->used[l] = used *= z->fan[l];
    }
    /* Where a product of factors has wrapped around, there are at least twice the steps. */
    return outer * used <= c->most_steps;
}

static inline double tile_words(const td__nest *z, const int32_t *e, const int32_t *image, int t) {
    const int64_t gk = (int64_t)e[TD_G] * e[TD_K];
    if (t == TD_W) return (double)(gk * e[TD_C] * e[TD_R] * e[TD_S]);
    if (t == TD_O) return (double)(gk * e[TD_N] * e[TD_P] * e[TD_Q]);
    int64_t h = td__span(z, e, 0), v = td__span(z, e, 1);
    if (image != NULL) {
        h = h < image[0] ? h : image[0];
        v = v < image[1] ? v : image[1];
    }
    return (double)((int64_t)e[TD_N] * e[TD_G] * e[TD_C]) * (double)(h * v);
}

/* Sums of the tiles against the capacities, level by level; outermost keepers; words of kept tiles.
 */
static inline bool measure(nest *w, int top[]) {
    const td_costing *c = w->c;
    td__nest *z = &w->z;
    for (int t = 0; t < TD_NTENSOR; t++) top[t] = -1;
    for (int l = 0; l < z->n; l++) {
        const unsigned keep = z->m->keep[l];
        double bits = 0;
        for (int t = 0; t < TD_NTENSOR; t++) {
            z->child[l][t] = (int8_t)top[t];
            if (!(keep & TD_BIT(t))) continue;
            z->words[l][t] = tile_words(z, z->tile[l + 1], c->padded ? c->image : NULL, t);
            bits += z->words[l][t] * td__word_bits(z, l, t);
            top[t] = l;
        }
        if (bits > c->level[l].usable) return false;
    }
    return top[TD_W] >= 0 && top[TD_I] >= 0 && top[TD_O] >= 0;
}

/* Resident tensors in exact counting; see check_resident in cost_nest.c. */
static bool resident(const td__nest *z, const int top[]) {
    for (int t = 0; t < TD_NTENSOR; t++) {
        for (int k = z->t0[top[t] + 1]; k < z->nt; k++)
            if (td__dims_of[t] & TD_BIT(z->t[k].dim)) return false;
        for (int k = z->s0[top[t] + 1]; t == TD_O && k < z->ns; k++)
            if (TD__DIMS_REDUCED & TD_BIT(z->s[k].dim)) return false;
    }
    return true;
}

/* ---- traffic --------------------------------------------------------------------------------- */

/* Reads (or updates) at level l for a word at each child, where no children overlap in part. */
static inline double block_children(const nest *w, int child, int level, int t) {
    double n = 1;
    for (int l = child + 1; l <= level; l++) n *= w->children[l][t];
    return n;
}

/* Words that one child gets, and that the parent gives. */
static inline void input_link(const nest *w, int child, int level, double *own, double *reads) {
    const td__nest *z = &w->z;
    bool halos = false;
    for (int l = child + 1; l <= level; l++) halos |= w->halos[l];
    if (w->c->padded) {
        td__count_padded_input(z, child, level, reads, own);
        return;
    }
    if (w->c->plain && !halos) {
        *own = td__block_traffic(z, child, TD_I);
        *reads = *own * block_children(w, child, level, TD_I);
        return;
    }
    if (w->c->counting == TD_COUNT_EXACT) {
        td__exact_input(z, child, level, own, reads);
        return;
    }
    double n = 1;
    for (int l = child + 1; l <= level; l++)
        n *= w->halos[l] ? td__timeloop_children(z, l, TD_I) : w->children[l][TD_I];
    *own = td__timeloop_traffic(z, child, TD_I);
    *reads = *own * n;
}

/* ---- sums ------------------------------------------------------------------------------------ */

typedef struct {
    double reads, fills, updates;
} counts;

static inline double accesses(double words, double block) {
    return block > 1 ? ceil(words / block) : words;
}

static inline double level_pj(const nest *w, int l, const counts a[TD_NTENSOR], double *cycles) {
    const td_costing *c = w->c;
    const td__nest *z = &w->z;
    const __typeof__(c->level[0]) *v = &c->level[l];
    const double used = z->used[l + 1], compute = w->compute;
    double pj = 0, read = 0, write = 0;
    for (int t = 0; t < TD_NTENSOR; t++) {
        if (!(z->m->keep[l] & TD_BIT(t))) continue;
        const bool sums = t == TD_O && z->reduced > z->child[l][t];
        if (v->one_word) {
            pj += used *
                  (a[t].reads * v->read_pj + a[t].fills * v->fill_pj + a[t].updates * v->update_pj);
        } else {
            double block = v->block[sums ? TD_NTENSOR : t];
            pj += used * (accesses(a[t].reads, block) * v->read_pj +
                          accesses(a[t].fills, block) * v->fill_pj +
                          accesses(a[t].updates, block) * v->update_pj);
        }
        if (!v->limited) continue;
        const int bits = sums ? c->p.acc_bits : c->p.bits[t];
        const double moved = v->bursts ? td__moved(z, l, t) : 1;
        read += a[t].reads / compute * bits * moved;
        write += (a[t].fills + a[t].updates) / compute * bits * moved;
    }
    if (!v->limited) return pj;
    double slow = 1;
    if (read > v->read_bw) slow = v->read_bw / read;
    if (write > v->write_bw && v->write_bw / write < slow) slow = v->write_bw / write;
    if (read + write > v->shared_bw && v->shared_bw / (read + write) < slow)
        slow = v->shared_bw / (read + write);
    if (slow < 1) {
        double all = ceil(compute / slow);
        if (all > 0x1p62) all = 0x1p62;
        if (all > *cycles) *cycles = all;
    }
    return pj;
}

static bool run_in_full(const td_costing *c, const td_mapping *m, double *total_pj, int64_t *cycles,
                        int64_t *compute_cycles) {
    td_cost cost;
    if (td_cost_evaluate(&c->p, c->hw, m, c->counting, &cost, NULL) != TD_OK) return false;
    *total_pj = cost.total_pj;
    *cycles = cost.cycles;
    *compute_cycles = cost.compute_cycles;
    return true;
}

bool td_costing_run(const td_costing *c, const td_mapping *m, double *total_pj, int64_t *cycles,
                    int64_t *compute_cycles) {
    const bool exact = c->counting == TD_COUNT_EXACT;
    nest w;
    w.c = c;
    if (!build(&w, m)) {
        for (int i = 0; i < m->n && i < TD_MAX_LOOPS; i++)
            if (m->loop[i].tail != m->loop[i].bound)
                return run_in_full(c, m, total_pj, cycles, compute_cycles);
        return false;
    }
    const td__nest *z = &w.z;
    const int last = z->n - 1;
    int top[TD_NTENSOR];
    if (!measure(&w, top)) return false;
    if (exact && (top[TD_W] < last || top[TD_I] < last || top[TD_O] < last) && !resident(z, top))
        return false;

    counts at[TD_MAX_LEVELS][TD_NTENSOR];
    for (int l = 0; l <= last; l++) {
        const unsigned keep = m->keep[l];
        double own;
        for (int t = 0; t < TD_NTENSOR; t++) at[l][t].fills = at[l][t].updates = 0;
        if (keep & TD_BIT(TD_W)) {
            const int k = z->child[l][TD_W];
            own = td__block_traffic(z, k, TD_W);
            at[l][TD_W].reads = own * block_children(&w, k, l, TD_W);
            if (k >= 0) at[k][TD_W].fills = own;
        }
        if (keep & TD_BIT(TD_I)) {
            const int k = z->child[l][TD_I];
            input_link(&w, k, l, &own, &at[l][TD_I].reads);
            if (k >= 0) at[k][TD_I].fills = own;
        }
        if (keep & TD_BIT(TD_O)) {
            const int k = z->child[l][TD_O];
            counts *a = &at[l][TD_O];
            own = td__block_traffic(z, k, TD_O);
            a->updates = own * block_children(&w, k, l, TD_O);
            a->reads = a->updates - c->total_outputs / z->above[l][TD_O];
            if (k >= 0) {
                if (exact) at[k][TD_O].reads += own;
                at[k][TD_O].fills = own - c->total_outputs / z->above[k][TD_O];
            }
        }
    }
    w.compute = z->outer[0];
    if (c->timed) w.compute += td__skew_cycles(z, exact) + td__stall_cycles(z);
    double total = c->mac_pj, most = w.compute;
    for (int l = 0; l <= last; l++) total += level_pj(&w, l, at[l], &most);
    *total_pj = total;
    *compute_cycles = (int64_t)w.compute;
    *cycles = (int64_t)most;
    return true;
}

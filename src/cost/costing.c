/* td_costing: energy and cycles of a mapping, without a word about where they come from. The same
 * figures as td_cost_evaluate's, from the same formulas (docs/cost-model.md) in the same order, so
 * that they are equal to the last bit; what is checked there loop by loop with a message is only
 * accepted or not here. Rare kinds (imperfect factors, made zeros) are left to td_cost_evaluate. */
#include <string.h>

#include "cost_nest.h"
#include "cost_offsets.h"

/* A loop with bound > 1 that is counted: bit of its dim, and how far it moves the input tile. */
typedef struct {
    int32_t bound, move;
    uint8_t dim, bit;
    int8_t axis; /* of the plane, -1 */
} loop;

typedef struct {
    const td_costing *c;
    const td_mapping *m;
    int n, nt, ns;
    int t0[TD_MAX_LEVELS + 1], s0[TD_MAX_LEVELS + 1];
    int reduced; /* outermost level with a loop over C, R or S; -1 */
    loop t[TD_MAX_LOOPS], s[TD_MAX_LOOPS];
    double outer[TD_MAX_LOOPS + 1];
    double used[TD_MAX_LEVELS + 1];             /* used[l + 1]: instances of level l */
    double fan[TD_MAX_LEVELS];                  /* used fan-out below level l, */
    double distinct[TD_MAX_LEVELS];             /* its part in dims of O, */
    double children[TD_MAX_LEVELS][TD_NTENSOR]; /* those that are served one by one, */
    double above[TD_MAX_LEVELS];                /* and that of O over all levels further out */
    bool halos[TD_MAX_LEVELS];                  /* it spreads P, Q, R or S */
    int32_t tile[TD_MAX_LEVELS + 1][TD_NDIM];
} nest;

static const int8_t plane_axis[TD_NDIM] = {[TD_N] = -1, [TD_K] = -1, [TD_C] = -1, [TD_G] = -1,
                                           [TD_P] = 0,  [TD_Q] = 1,  [TD_R] = 0,  [TD_S] = 1};
enum {
    FAR = TD_BIT(TD_N) | TD_BIT(TD_G) | TD_BIT(TD_C),
    PLANE = TD_BIT(TD_P) | TD_BIT(TD_Q) | TD_BIT(TD_R) | TD_BIT(TD_S)
};

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
        c->image[axis] = (out - 1) * p->stride[axis] + (taps - 1) * p->dilation[axis] + 1;
        /* One of the two dims has one position, and steps of one line. */
        if (taps > 1 ? out > 1 || p->dilation[axis] > 1 : out > 1 && p->stride[axis] > 1)
            c->plain = false;
        if (p->pad[axis] + p->pad[axis + 2] > 0 && counting == TD_COUNT_EXACT) c->padded = true;
    }
    c->mac_pj = (double)td_problem_macs(p) * hw->mac.energy_pj;
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

/* Loops of one level, from the innermost. False: a rule, an order or a fan-out is broken, or a
 * factor is imperfect. */
static inline bool add_level(nest *z, int l) {
    const td_costing *c = z->c;
    const td_mapping *m = z->m;
    int32_t *tile = z->tile[l + 1];
    double fan = 1, weights = 1, inputs = 1, outputs = 1;
    int axis = TD_AXIS_Y, nt = z->nt, ns = z->ns;
    unsigned seen = 0, all = 0, on_y = 0, plane = 0;
    uint8_t last_place = 0;
    const bool ruled = c->level[l].ruled;
    int64_t along = 1;
    z->t0[l] = nt;
    z->s0[l] = ns;
    for (int i = m->first[l + 1] - 1; i >= (int)m->first[l]; i--) {
        const td_loop o = m->loop[i];
        const unsigned d = o.dim, bit = TD_BIT(d & 7);
        if (o.tail != o.bound || o.axis > axis || d >= TD_NDIM || o.bound < 1) return false;
        if (o.axis < axis) {
            if (ruled && (seen & (seen - 1)) && c->level[l].single[axis]) return false;
            if (along > c->level[l].fan[axis]) return false;
            if (axis == TD_AXIS_Y) on_y = seen;
            axis = o.axis;
            seen = 0;
            along = 1;
        }
        if (o.bound == 1) continue;
        if (!(c->level[l].allowed[axis] & bit)) return false;
        const int32_t step = tile[d];
        const int64_t grown = (int64_t)step * o.bound;
        if (grown > c->p.dim[d]) return false;
        tile[d] = (int32_t)grown;
        seen |= bit;
        all |= bit;
        const loop x = {o.bound, step * c->unit[d], (uint8_t)d, (uint8_t)bit, plane_axis[d]};
        if (axis == TD_AXIS_T) {
            if (ruled) {
                const uint8_t place = c->hw->rules.place[l][d];
                if (place < last_place) return false;
                last_place = place;
            }
            z->t[nt++] = x;
            continue;
        }
        z->s[ns++] = x;
        if ((on_y & bit) && c->hw->rules.one_axis) return false;
        along *= o.bound;
        plane |= bit;
        fan *= o.bound;
        weights *= bit & TD__DIMS_W ? o.bound : 1;
        inputs *= bit & TD__DIMS_I ? o.bound : 1;
        outputs *= bit & TD__DIMS_O ? o.bound : 1;
    }
    if (ruled && (seen & (seen - 1)) && c->level[l].single[axis]) return false;
    if (axis != TD_AXIS_T && along > c->level[l].fan[axis]) return false;
    if (all & TD__DIMS_REDUCED) z->reduced = l;
    z->nt = nt;
    z->ns = ns;
    const unsigned share = c->level[l].share;
    z->fan[l] = fan;
    z->distinct[l] = outputs;
    z->children[l][TD_W] = share & TD_BIT(TD_W) ? weights : fan;
    z->children[l][TD_I] = share & TD_BIT(TD_I) ? inputs : fan;
    z->children[l][TD_O] = share & TD_BIT(TD_O) ? outputs : fan;
    z->halos[l] = plane & PLANE;
    return true;
}

static bool build(nest *z) {
    const td_costing *c = z->c;
    const td_mapping *m = z->m;
    const int n = z->n;
    z->nt = z->ns = 0;
    z->reduced = -1;
    if (m->first[0] != 0 || m->first[n] != m->n || m->n > TD_MAX_LOOPS) return false;
    for (int d = 0; d < TD_NDIM; d++) z->tile[0][d] = 1;
    for (int l = 0; l < n; l++) {
        const unsigned keep = m->keep[l];
        if (m->first[l + 1] < m->first[l]) return false;
        if ((keep & ~(unsigned)c->level[l].may) || (~keep & c->level[l].must)) return false;
        memcpy(z->tile[l + 1], z->tile[l], sizeof z->tile[l]);
        if (!add_level(z, l)) return false;
    }
    z->t0[n] = z->nt;
    z->s0[n] = z->ns;
    if (memcmp(z->tile[n], c->p.dim, sizeof c->p.dim) != 0) return false;
    double outer = 1, used = 1, above = 1;
    z->outer[z->nt] = 1;
    for (int k = z->nt - 1; k >= 0; k--) z->outer[k] = outer *= z->t[k].bound;
    z->used[n] = 1;
    for (int l = n - 1; l >= 0; l--) {
        z->above[l] = above;
        above *= z->distinct[l];
        z->used[l] = used *= z->fan[l];
    }
    return true;
}

static inline int32_t span(const td_costing *c, const int32_t *e, int axis) {
    return (e[TD_P + axis] - 1) * c->unit[TD_P + axis] +
           (e[TD_R + axis] - 1) * c->unit[TD_R + axis] + 1;
}

static inline double tile_words(const td_costing *c, const int32_t *e, int t) {
    const int64_t gk = (int64_t)e[TD_G] * e[TD_K];
    if (t == TD_W) return (double)(gk * e[TD_C] * e[TD_R] * e[TD_S]);
    if (t == TD_O) return (double)(gk * e[TD_N] * e[TD_P] * e[TD_Q]);
    int64_t h = span(c, e, 0), w = span(c, e, 1);
    return (double)((int64_t)e[TD_N] * e[TD_G] * e[TD_C]) * (double)(h * w);
}

/* ---- traffic --------------------------------------------------------------------------------- */

/* The innermost loop in time outside of a child that moves its tile; z->nt: none. */
static inline int first_move(const nest *z, int child, int t) {
    int k = z->t0[child + 1];
    while (k < z->nt && !(td__dims_of[t] & z->t[k].bit)) k++;
    return k;
}

static inline double block_traffic(const nest *z, int child, int t, double words) {
    return child < 0 ? z->outer[0] : words * z->outer[first_move(z, child, t)];
}

static inline bool shares(const nest *z, int l, int t) {
    return z->c->level[l].share & TD_BIT(t);
}

/* Reads (or updates) at level l for a word at each child, where no children overlap in part. */
static inline double block_children(const nest *z, int child, int level, int t) {
    double n = 1;
    for (int l = child + 1; l <= level; l++) n *= z->children[l][t];
    return n;
}

static inline bool any_halos(const nest *z, int child, int level) {
    bool any = false;
    for (int l = child + 1; l <= level; l++) any |= z->halos[l];
    return any;
}

/* See cost_exact.c. */
typedef struct {
    double apart;
    bool halos;
    td__offsets at[2];
} children;

static void input_children(const nest *z, int child, int level, children *c) {
    c->apart = 1;
    c->halos = false;
    td__offsets_clear(&c->at[0]);
    td__offsets_clear(&c->at[1]);
    for (int l = child + 1; l <= level; l++) {
        const bool multicast = shares(z, l, TD_I);
        for (int k = z->s0[l]; k < z->s0[l + 1]; k++) {
            const loop *x = &z->s[k];
            if (!multicast) {
                c->apart *= x->bound;
            } else if (x->axis >= 0) {
                td__offsets_add(&c->at[x->axis], x->move, x->bound);
                c->halos = true;
            } else if (x->dim != TD_K) {
                c->apart *= x->bound;
            }
        }
    }
    if (!c->halos) return;
    td__offsets_normalize(&c->at[0]);
    td__offsets_normalize(&c->at[1]);
}

/* td__offsets_covered, at once for one progression. */
static inline double covered(const td__offsets *a, int64_t extent, int64_t d) {
    if (a->n > 1) return td__offsets_covered(a, extent, d);
    if (d >= extent) return 0;
    double sum = (double)(extent - d);
    if (a->n == 0) return sum;
    int64_t length = (a->step[0] < extent ? a->step[0] : extent) - d;
    return length > 0 ? sum + (double)(a->count[0] - 1) * (double)length : sum;
}

static void exact_input(const nest *z, int child, int level, double *own, double *reads) {
    children c;
    input_children(z, child, level, &c);
    if (child < 0) {
        *own = z->outer[0];
        *reads = z->outer[0] * c.apart;
        if (c.halos) *reads *= td__offsets_count(&c.at[0]) * td__offsets_count(&c.at[1]);
        return;
    }
    const int32_t *tile = z->tile[child + 1];
    const int32_t e[2] = {span(z->c, tile, 0), span(z->c, tile, 1)};
    const double planes = (double)tile[TD_N] * tile[TD_G] * tile[TD_C];
    double whole = (double)e[0] * e[1], joint_whole = whole;
    if (c.halos) joint_whole = covered(&c.at[0], e[0], 0) * covered(&c.at[1], e[1], 0);
    int k = first_move(z, child, TD_I);
    double sum = whole * z->outer[k], joint = joint_whole * z->outer[k];
    int32_t back[2] = {0, 0};
    for (; k < z->nt; k++) {
        const loop *x = &z->t[k];
        int32_t d[2] = {-back[0], -back[1]};
        if (x->axis >= 0) {
            d[x->axis] += x->move;
            back[x->axis] += (x->bound - 1) * x->move;
        } else if (x->dim != TD_K) {
            break;
        }
        int32_t d_h = d[0] < 0 ? -d[0] : d[0], d_w = d[1] < 0 ? -d[1] : d[1];
        if (d_h >= e[0] || d_w >= e[1]) continue;
        double steps = (x->bound - 1) * z->outer[k + 1];
        double kept = (double)(e[0] - d_h) * (e[1] - d_w);
        sum -= steps * kept;
        if (c.halos) kept = covered(&c.at[0], e[0], d_h) * covered(&c.at[1], e[1], d_w);
        joint -= steps * kept;
    }
    *own = planes * sum;
    *reads = planes * c.apart * joint;
}

/* See cost_timeloop.c. */
static double timeloop_input(const nest *z, int child) {
    const int32_t *tile = z->tile[child + 1];
    const int32_t e_h = span(z->c, tile, 0), e_w = span(z->c, tile, 1);
    const double planes = (double)tile[TD_N] * tile[TD_G] * tile[TD_C];
    const double full = planes * e_h * e_w;
    int k = first_move(z, child, TD_I);
    if (k == z->nt) return full;
    if (FAR & z->t[k].bit) return full * z->outer[k];
    int32_t first[2] = {0, 0}, sum[2];
    first[z->t[k].axis] = z->t[k].move;
    double left = full;
    if (first[0] < e_h && first[1] < e_w)
        left -= planes * (double)(e_h - first[0]) * (e_w - first[1]);
    double n = full + z->outer[k + 1] * (z->t[k].bound - 1) * left;
    sum[0] = first[0];
    sum[1] = first[1];
    for (k++; k < z->nt; k++) {
        if (FAR & z->t[k].bit) return n + full * (z->outer[k] - 1);
        int32_t move[2] = {0, 0};
        if (z->t[k].axis >= 0) move[z->t[k].axis] = z->t[k].move;
        int32_t d_h = move[0] - sum[0], d_w = move[1] - sum[1];
        if (d_h != 0 || d_w != 0)
            n += (z->t[k].bound - 1) * z->outer[k + 1] *
                 (d_h == first[0] && d_w == first[1] ? left : full);
        sum[0] += move[0];
        sum[1] += move[1];
    }
    return n;
}

static double timeloop_children(const nest *z, int l) {
    if (z->fan[l] <= 1) return 1;
    if (!shares(z, l, TD_I)) return z->fan[l];
    double distinct = 1;
    int halos[2] = {0, 0};
    for (int k = z->s0[l]; k < z->s0[l + 1] && z->halos[l]; k++) {
        const loop *x = &z->s[k];
        if (x->axis >= 0)
            halos[x->axis]++;
        else if (x->dim != TD_K)
            distinct *= x->bound;
    }
    if (halos[0] < 2 && halos[1] < 2) return z->children[l][TD_I];
    for (int axis = 0; axis < 2; axis++) {
        td__offsets a;
        td__offsets_clear(&a);
        for (int k = z->s0[l]; k < z->s0[l + 1]; k++)
            if (z->s[k].axis == axis) td__offsets_add(&a, z->s[k].move, z->s[k].bound);
        td__offsets_normalize(&a);
        distinct *= td__offsets_count(&a);
    }
    return distinct;
}

/* Words that one child gets, and that the parent gives. */
static inline void input_link(const nest *z, int child, int level, double words, double *own,
                              double *reads) {
    const bool exact = z->c->counting == TD_COUNT_EXACT;
    if (z->c->plain && !any_halos(z, child, level)) {
        *own = block_traffic(z, child, TD_I, words);
        *reads = *own * block_children(z, child, level, TD_I);
        return;
    }
    if (exact) {
        exact_input(z, child, level, own, reads);
        return;
    }
    double n = 1;
    for (int l = child + 1; l <= level; l++) n *= timeloop_children(z, l);
    *own = child < 0 ? z->outer[0] : timeloop_input(z, child);
    *reads = *own * n;
}

/* ---- sums ------------------------------------------------------------------------------------ */

typedef struct {
    double reads, fills, updates;
} counts;

static inline double accesses(double words, double block) {
    return block > 1 ? ceil(words / block) : words;
}

static inline double level_pj(const nest *z, int l, const counts a[TD_NTENSOR], const int child[],
                              double *cycles) {
    const td_costing *c = z->c;
    const __typeof__(c->level[0]) *v = &c->level[l];
    const double used = z->used[l + 1], compute = z->outer[0];
    double pj = 0, read = 0, write = 0;
    for (int t = 0; t < TD_NTENSOR; t++) {
        if (!(z->m->keep[l] & TD_BIT(t))) continue;
        const bool sums = t == TD_O && z->reduced > child[t];
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
        read += a[t].reads / compute * bits;
        write += (a[t].fills + a[t].updates) / compute * bits;
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

/* Sums of the tiles against the capacities, level by level; outermost keepers. Words of kept tiles
 * on the way. */
static inline bool measure(const nest *z, double words[TD_MAX_LEVELS][TD_NTENSOR], int top[]) {
    const td_costing *c = z->c;
    for (int t = 0; t < TD_NTENSOR; t++) top[t] = -1;
    for (int l = 0; l < z->n; l++) {
        const unsigned keep = z->m->keep[l];
        const int inner = top[TD_O];
        double bits = 0;
        for (int t = 0; t < TD_NTENSOR; t++) {
            if (!(keep & TD_BIT(t))) continue;
            top[t] = l;
            words[l][t] = tile_words(c, z->tile[l + 1], t);
            bits += words[l][t] * (t == TD_O && z->reduced > inner ? c->p.acc_bits : c->p.bits[t]);
        }
        if (bits > c->level[l].usable) return false;
    }
    return top[TD_W] >= 0 && top[TD_I] >= 0 && top[TD_O] >= 0;
}

/* Resident tensors in exact counting; see check_resident in cost_nest.c. */
static bool resident(const nest *z, const int top[]) {
    for (int t = 0; t < TD_NTENSOR; t++) {
        for (int k = z->t0[top[t] + 1]; k < z->nt; k++)
            if (td__dims_of[t] & z->t[k].bit) return false;
        for (int k = z->s0[top[t] + 1]; t == TD_O && k < z->ns; k++)
            if (TD__DIMS_REDUCED & z->s[k].bit) return false;
    }
    return true;
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
    if (c->padded) return run_in_full(c, m, total_pj, cycles, compute_cycles);
    nest z;
    z.c = c;
    z.m = m;
    z.n = c->hw->n;
    if (!build(&z)) {
        for (int i = 0; i < m->n && i < TD_MAX_LOOPS; i++)
            if (m->loop[i].tail != m->loop[i].bound)
                return run_in_full(c, m, total_pj, cycles, compute_cycles);
        return false;
    }
    double words[TD_MAX_LEVELS][TD_NTENSOR];
    int top[TD_NTENSOR];
    if (!measure(&z, words, top)) return false;
    const int last = z.n - 1;
    if (exact && (top[TD_W] < last || top[TD_I] < last || top[TD_O] < last) && !resident(&z, top))
        return false;

    counts at[TD_MAX_LEVELS][TD_NTENSOR];
    int child[TD_MAX_LEVELS][TD_NTENSOR], in[TD_NTENSOR] = {-1, -1, -1};
    for (int l = 0; l < z.n; l++) {
        const unsigned keep = m->keep[l];
        double own;
        for (int t = 0; t < TD_NTENSOR; t++) {
            child[l][t] = in[t];
            at[l][t].fills = at[l][t].updates = 0;
        }
        if (keep & TD_BIT(TD_W)) {
            const int k = in[TD_W];
            own = block_traffic(&z, k, TD_W, k < 0 ? 0 : words[k][TD_W]);
            at[l][TD_W].reads = own * block_children(&z, k, l, TD_W);
            if (k >= 0) at[k][TD_W].fills = own;
            in[TD_W] = l;
        }
        if (keep & TD_BIT(TD_I)) {
            const int k = in[TD_I];
            input_link(&z, k, l, k < 0 ? 0 : words[k][TD_I], &own, &at[l][TD_I].reads);
            if (k >= 0) at[k][TD_I].fills = own;
            in[TD_I] = l;
        }
        if (keep & TD_BIT(TD_O)) {
            const int k = in[TD_O];
            own = block_traffic(&z, k, TD_O, k < 0 ? 0 : words[k][TD_O]);
            counts *a = &at[l][TD_O];
            a->updates = own * block_children(&z, k, l, TD_O);
            a->reads = a->updates - c->total_outputs / z.above[l];
            if (k >= 0) {
                if (exact) at[k][TD_O].reads += own;
                at[k][TD_O].fills = own - c->total_outputs / z.above[k];
            }
            in[TD_O] = l;
        }
    }
    double total = c->mac_pj, most = z.outer[0];
    for (int l = 0; l < z.n; l++) total += level_pj(&z, l, at[l], child[l], &most);
    *total_pj = total;
    *compute_cycles = (int64_t)z.outer[0];
    *cycles = (int64_t)most;
    return true;
}

/* The map space of one layer: what the rules, the query and the layer's dims leave to choose, and
 * the ways to use each fan-out. */
#include "mapper.h"

#include <stdlib.h>
#include <string.h>

const uint8_t td__map_dims[TD_NTENSOR] = {
    TD_BIT(TD_G) | TD_BIT(TD_K) | TD_BIT(TD_C) | TD_BIT(TD_R) | TD_BIT(TD_S),
    TD_BIT(TD_N) | TD_BIT(TD_G) | TD_BIT(TD_C) | TD_BIT(TD_P) | TD_BIT(TD_Q) | TD_BIT(TD_R) |
        TD_BIT(TD_S),
    TD_BIT(TD_N) | TD_BIT(TD_G) | TD_BIT(TD_K) | TD_BIT(TD_P) | TD_BIT(TD_Q)};
const uint8_t td__map_block[TD_NTENSOR] = {TD_BIT(TD_N) | TD_BIT(TD_P) | TD_BIT(TD_Q), TD_BIT(TD_K),
                                           TD_BIT(TD_C) | TD_BIT(TD_R) | TD_BIT(TD_S)};

/* ---- rules and query ------------------------------------------------------------------------- */

static td_status check_query(const td_hw *hw, const td_map_query *q, td_error *err) {
    if ((unsigned)q->objective >= TD_NOBJ)
        return td_fail(err, TD_E_USAGE, "mapper: no objective %d", (int)q->objective);
    if ((unsigned)q->mode >= TD_NMAP_MODE)
        return td_fail(err, TD_E_USAGE, "mapper: no mode %d", (int)q->mode);
    if ((unsigned)q->effort >= TD_NEFFORT)
        return td_fail(err, TD_E_USAGE, "mapper: no effort %d", (int)q->effort);
    if (q->objective == TD_OBJ_WEIGHTED)
        for (int i = 0; i < 2; i++)
            if (!(q->weight[i] >= 0 && q->weight[i] <= 16 && q->weight[0] + q->weight[1] > 0))
                return td_fail(
                    err, TD_E_USAGE,
                    "mapper: weights are %g and %g, expected two from 0 to 16, not both 0",
                    q->weight[0], q->weight[1]);
    if (!(q->min_utilization >= 0 && q->min_utilization <= 1))
        return td_fail(err, TD_E_USAGE, "mapper: least utilisation is %g, expected 0 to 1",
                       q->min_utilization);
    if (q->counting != TD_COUNT_EXACT && q->counting != TD_COUNT_TIMELOOP)
        return td_fail(err, TD_E_USAGE, "mapper: no counting %d", (int)q->counting);
    for (int t = 0; t < TD_NTENSOR; t++)
        if (q->top[t] < 0 || q->top[t] >= hw->n)
            return td_fail(err, TD_E_USAGE, "mapper: outermost level of %c is %d, expected 0 to %d",
                           td_tensor_letter[t], q->top[t], hw->n - 1);
    for (int l = 0; l < hw->n; l++)
        if (q->keep[l] > (int)TD_ALL_TENSORS)
            return td_fail(err, TD_E_USAGE, "mapper: level %s: keep mask is %d, expected -1 to 7",
                           hw->level[l].name, q->keep[l]);
    return TD_OK;
}

static td_status set_keeps(td__space *z, const td_map_query *q, td_error *err) {
    const td_hw *hw = z->hw;
    for (int l = 0; l < z->n; l++) {
        unsigned inside = 0, at = 0;
        for (int t = 0; t < TD_NTENSOR; t++) {
            if (z->top[t] >= l) inside |= TD_BIT(t);
            if (z->top[t] == l) at |= TD_BIT(t);
        }
        unsigned may = hw->level[l].may_keep & TD_ALL_TENSORS, must = hw->level[l].must_keep;
        if (q->keep[l] >= 0) {
            if ((unsigned)q->keep[l] & ~may)
                return td_fail(err, TD_E_USAGE,
                               "mapper: level %s cannot keep what the query asks for",
                               hw->level[l].name);
            may = (unsigned)q->keep[l];
            must |= may & inside;
        }
        if (must & ~inside)
            return td_fail(
                err, TD_E_USAGE,
                "mapper: level %s must keep a tensor whose outermost level lies inside it",
                hw->level[l].name);
        if ((must | at) & ~may)
            return td_fail(
                err, TD_E_USAGE,
                "mapper: level %s cannot keep a tensor that the query or the rules put there",
                hw->level[l].name);
        z->may[l] = (uint8_t)(may & inside);
        z->must[l] = (uint8_t)(must | at);
    }
    return TD_OK;
}

/* Loops that the rules and the residency of tensors allow: a resident tensor must not be walked
 * through from outside of its outermost keeper, nor its sums be spread over several. */
static void set_dims(td__space *z) {
    const td_map_rules *r = &z->hw->rules;
    for (int l = 0; l < z->n; l++) {
        unsigned time = r->allowed[l][TD_AXIS_T], space = 0xff;
        for (int t = 0; t < TD_NTENSOR; t++)
            if (z->top[t] < l) time &= ~(unsigned)td__map_dims[t];
        if (z->top[TD_O] < l) space &= ~TD__REDUCED;
        z->time[l] = (uint8_t)time;
        z->space[l][TD_AXIS_X] = (uint8_t)(r->allowed[l][TD_AXIS_X] & space);
        z->space[l][TD_AXIS_Y] = (uint8_t)(r->allowed[l][TD_AXIS_Y] & space);
    }
    unsigned outside = 0;
    for (int l = z->n - 1; l >= 0; l--) {
        z->inward[l] = (uint8_t)~outside;
        outside |= z->time[l];
    }
}

/* Each only adds to what the parts of the search count: bounds hold, but proofs do not. */
static bool stalls(const td_hw *hw) {
    for (int l = 0; l < hw->n; l++) {
        const td_level_timing *t = &hw->level[l].timing;
        if (hw->level[l].reload != 0 || t->burst_bits > 0 || t->command > 0 || t->latency > 0 ||
            t->ramp || (t->start > 0 && l + 1 < hw->n))
            return true;
    }
    return false;
}

static void set_costs(td__space *z) {
    const td_problem *p = &z->p;
    for (int t = 0; t < TD_NTENSOR; t++) z->bits[t] = p->bits[t];
    z->bits[TD__SUMS] = p->acc_bits;
    z->narrow = p->acc_bits < p->bits[TD_O];
    z->stalls = stalls(z->hw);
    z->mac_pj = td_mac_pj(&z->hw->mac, p);
    z->n_limits = 0;
    for (int l = 0; l < z->n; l++) {
        const td_level *v = &z->hw->level[l];
        double buffering = v->buffering > 0 ? v->buffering : 1;
        z->usable[l] =
            v->capacity_bits < 0 ? INFINITY : floor((double)v->capacity_bits / buffering);
        for (int k = 0; k < TD__NKIND; k++) {
            double block = v->block_bits > z->bits[k] ? v->block_bits / z->bits[k] : 1;
            z->rd[l][k] = v->read_pj / block;
            z->fl[l][k] = v->fill_pj / block;
            z->up[l][k] = v->update_pj / block;
        }
        z->limit_of[l] = z->n_limits;
        const double bw[3] = {v->read_bw, v->write_bw, v->shared_bw};
        for (int i = 0; i < 3; i++)
            if (bw[i] < INFINITY)
                z->limit[z->n_limits++] = (td__limit){(int8_t)l, i != 1, i != 0, 1 / bw[i]};
    }
    z->limit_of[z->n] = z->n_limits;
}

/* Pairs (p, r) whose position lies in the image, over all pairs. */
static double inside_share(const td_problem *p, int axis) {
    int64_t out = p->dim[TD_P + axis], taps = p->dim[TD_R + axis];
    int64_t s = p->stride[axis], d = p->dilation[axis];
    int64_t lo = p->pad[axis], hi = (out - 1) * s + (taps - 1) * d + 1 - p->pad[2 + axis], n = 0;
    for (int64_t r = 0; r < taps; r++) {
        int64_t from = lo > r * d ? (lo - r * d + s - 1) / s : 0;
        int64_t to = hi > r * d ? (hi - r * d + s - 1) / s : 0;
        if (to > out) to = out;
        if (to > from) n += to - from;
    }
    return (double)n;
}

static void set_input(td__space *z) {
    const td_problem *p = &z->p;
    z->plain = true;
    z->padded = false;
    z->gaps = 0;
    z->inside = 1;
    for (int axis = 0; axis < 2; axis++) {
        int32_t out = p->dim[TD_P + axis], taps = p->dim[TD_R + axis];
        if (taps > 1 ? out > 1 || p->dilation[axis] > 1 : p->stride[axis] > 1 && out > 1)
            z->plain = false;
        if (p->stride[axis] > taps && out > 1 && z->counting == TD_COUNT_EXACT)
            z->gaps |= (uint8_t)TD_BIT(TD_P + axis);
        if (p->pad[axis] > 0 || p->pad[2 + axis] > 0) z->padded = true;
        z->inside *= inside_share(p, axis);
    }
    if (z->padded) z->plain = false;
}

/* Resident tensors are kept padded. Where every instance holds all of them, the room that they
 * leave tells which dims can grow at all. */
static void set_whole(td__space *z) {
    const td_problem *p = &z->p;
    z->whole = z->hw->rules.pad || z->imperfect ? 0 : 0xff;
    for (int l = z->n - 2; l >= 0; l--) {
        if (td_hw_fanout(z->hw, l + 1, TD_AXIS_X) * td_hw_fanout(z->hw, l + 1, TD_AXIS_Y) > 1)
            return;
        if (z->usable[l] == INFINITY) continue;
        int32_t e[TD_NDIM];
        for (int d = 0; d < TD_NDIM; d++) e[d] = z->inward[l] & TD_BIT(d) ? p->dim[d] : 1;
        for (int d = 0; d < TD_NDIM; d++) {
            if (p->dim[d] == 1 || !(z->inward[l] & TD_BIT(d))) continue;
            double bits = 0;
            e[d]++;
            for (int t = 0; t < TD_NTENSOR; t++)
                if (z->must[l] & TD_BIT(t)) bits += td__tile_bits(z, p, e, t, false);
            e[d]--;
            if (bits > z->usable[l]) z->whole |= (uint8_t)TD_BIT(d);
        }
    }
}

/* ---- fans ------------------------------------------------------------------------------------ */

typedef struct {
    int32_t f[TD_NDIM], total;
    bool full;
} along; /* factors along one axis */

typedef struct {
    const td__space *z;
    int32_t room[TD_NDIM]; /* extents still to spread */
    int32_t fan;
    unsigned dims;
    bool single;
    along *list;
    int n, max;
    bool cut;
} lister;

/* Smallest factor above f, up to `most`, that makes fewer steps over an extent (pad), or divides
 * it; 0: none. */
static int32_t next_factor(int32_t extent, int32_t f, int32_t most, bool pad) {
    if (f >= extent || f >= most) return 0;
    if (pad) {
        int32_t steps = (extent + f - 1) / f - 1;
        return (extent + steps - 1) / steps;
    }
    do f++;
    while (f <= most && extent % f != 0);
    return f <= most ? f : 0;
}

static void emit(lister *w, const along *a) {
    along e = *a;
    e.full = true;
    for (int d = 0; d < TD_NDIM; d++) {
        if (!(w->dims & TD_BIT(d)) || w->room[d] == 1) continue;
        if (w->single && e.total > 1 && e.f[d] == 1) continue;
        int32_t f = next_factor(w->room[d], e.f[d], w->fan / (e.total / e.f[d]),
                                !(w->z->whole & TD_BIT(d)));
        if (f > 0 && (int64_t)e.total / e.f[d] * f <= w->fan) e.full = false;
    }
    if (w->n < w->max) {
        w->list[w->n++] = e;
        return;
    }
    /* The list is full: something that is not full, or smaller, makes place. */
    w->cut = true;
    int worst = 0;
    for (int i = 1; i < w->n; i++)
        if (w->list[i].full != w->list[worst].full ? !w->list[i].full
                                                   : w->list[i].total < w->list[worst].total)
            worst = i;
    if (e.full != w->list[worst].full ? e.full : e.total > w->list[worst].total) w->list[worst] = e;
}

static void spread(lister *w, int d, along *a) {
    while (d < TD_NDIM && (!(w->dims & TD_BIT(d)) || w->room[d] == 1)) d++;
    if (d == TD_NDIM) {
        emit(w, a);
        return;
    }
    spread(w, d + 1, a);
    if (w->single && a->total > 1) return;
    int32_t total = a->total;
    const bool pad = !(w->z->whole & TD_BIT(d));
    for (int32_t f = next_factor(w->room[d], 1, w->fan, pad); f > 0 && (int64_t)total * f <= w->fan;
         f = next_factor(w->room[d], f, w->fan, pad)) {
        a->f[d] = f;
        a->total = total * f;
        spread(w, d + 1, a);
    }
    a->f[d] = 1;
    a->total = total;
}

static int by_size(const void *a, const void *b) {
    const td__fan *x = a, *y = b;
    if (x->full != y->full) return x->full ? -1 : 1;
    if (x->total != y->total) return x->total > y->total ? -1 : 1;
    for (int d = 0; d < TD_NDIM; d++) {
        if (x->f[d] != y->f[d]) return x->f[d] > y->f[d] ? -1 : 1;
    }
    for (int d = 0; d < TD_NDIM; d++)
        if (x->x[d] != y->x[d]) return x->x[d] > y->x[d] ? -1 : 1;
    return 0;
}

static int by_turn(const void *a, const void *b) {
    const td__fan *x = a, *y = b;
    if (x->full != y->full) return x->full ? -1 : 1;
    if (x->total != y->total) return x->total > y->total ? -1 : 1;
    return x->turn < y->turn ? -1 : 1;
}

static bool same_factors(const td__fan *a, const td__fan *b) {
    for (int d = 0; d < TD_NDIM; d++)
        if (a->f[d] != b->f[d]) return false;
    return true;
}

/* Factors along one axis that are listed: of lists longer than MAX_FEW; and pairs of two axes. */
enum { MAX_ALONG = 4096, MAX_FEW = 4000, MOST_FANS = 1000000 };

/* The least tile of level l with these factors fits. */
static bool has_room(const td__space *z, int l, const td__fan *f) {
    if (z->usable[l] == INFINITY) return true;
    int32_t e[TD_NDIM];
    for (int d = 0; d < TD_NDIM; d++) e[d] = f->f[d];
    const int32_t *n = z->p.dim;
    bool any = n[TD_C] > 1 || n[TD_R] > 1 || n[TD_S] > 1;
    double bits = 0;
    for (int t = 0; t < TD_NTENSOR; t++)
        if (z->must[l] & TD_BIT(t))
            bits += td__tile_bits(z, &z->p, e, t, z->narrow || (l == 0 ? any : f->idle[TD_O] > 1));
    return bits <= z->usable[l];
}

static bool contains(const td__fan *a, const td__fan *b) {
    for (int d = 0; d < TD_NDIM; d++)
        if (a->f[d] < b->f[d]) return false;
    return true;
}

/* Drops fans that no mapping can use; what they covered is full then. The smallest stays, to tell
 * what is missing. */
static int drop_large(const td__space *z, int l, td__fan *f, int count) {
    int n = 0, least = 0;
    for (int i = 1; i < count; i++)
        if (f[i].total < f[least].total) least = i;
    const td__fan small = f[least];
    for (int i = 0; i < count; i++)
        if (has_room(z, l, &f[i])) f[n++] = f[i];
    if (n == 0) f[n++] = small;
    if (n == count) return n;
    for (int i = 0; i < n; i++) {
        f[i].full = true;
        for (int j = 0; j < n && f[i].full; j++)
            if (f[j].total > f[i].total && contains(&f[j], &f[i])) f[i].full = false;
    }
    return n;
}

static td_status list_fans(td__space *z, int l, int max_fans, td_arena *a, td_error *err) {
    const td_map_rules *r = &z->hw->rules;
    int max_x = max_fans > MAX_FEW ? MAX_ALONG : (int)sqrt(8.0 * max_fans);
    if (max_x < 16) max_x = 16;
    lister x = {.z = z,
                .fan = td_hw_fanout(z->hw, l, TD_AXIS_X),
                .dims = z->space[l][TD_AXIS_X],
                .single = r->single[l][TD_AXIS_X] != 0,
                .max = max_x};
    memcpy(x.room, z->p.dim, sizeof x.room);
    x.list = TD_NEW(a, along, max_x);
    along *list_y = TD_NEW(a, along, max_x);
    if (x.list == NULL || list_y == NULL) return td_fail(err, TD_E_MEMORY, "mapper: out of memory");
    const along one = {{1, 1, 1, 1, 1, 1, 1, 1}, 1, false};
    along walk = one;
    spread(&x, 0, &walk);

    int32_t fan_y = td_hw_fanout(z->hw, l, TD_AXIS_Y);
    int count = 0, room = x.n + max_x;
    td__fan *fans = malloc(sizeof *fans * (size_t)room);
    if (fans == NULL) return td_fail(err, TD_E_MEMORY, "mapper: out of memory");
    for (int i = 0; i < x.n; i++) {
        lister y = {.z = z,
                    .fan = fan_y,
                    .dims = z->space[l][TD_AXIS_Y],
                    .single = r->single[l][TD_AXIS_Y] != 0,
                    .list = list_y,
                    .max = max_x};
        for (int d = 0; d < TD_NDIM; d++) {
            y.room[d] = (z->p.dim[d] + x.list[i].f[d] - 1) / x.list[i].f[d];
            if (r->one_axis && x.list[i].f[d] > 1) y.dims &= ~TD_BIT(d);
        }
        walk = one;
        spread(&y, 0, &walk);
        z->cut |= y.cut;
        if (count + y.n > room) {
            room = 2 * (count + y.n);
            td__fan *more = realloc(fans, sizeof *fans * (size_t)room);
            if (more == NULL) {
                free(fans);
                return td_fail(err, TD_E_MEMORY, "mapper: out of memory");
            }
            fans = more;
        }
        if (count > MOST_FANS) {
            z->cut = true;
            break;
        }
        for (int j = 0; j < y.n; j++) {
            td__fan *f = &fans[count++];
            memcpy(f->x, x.list[i].f, sizeof f->x);
            memcpy(f->y, y.list[j].f, sizeof f->y);
            td__fan_measure(f);
            f->full = x.list[i].full && y.list[j].full;
        }
    }
    z->cut |= x.cut;
    count = drop_large(z, l, fans, count);
    qsort(fans, (size_t)count, sizeof *fans, by_size);
    /* Which of X and Y a factor stands on costs nothing: one of each kind is enough. */
    int n = 0;
    for (int i = 0; i < count; i++)
        if (n == 0 || fans[i].full != fans[n - 1].full || !same_factors(&fans[i], &fans[n - 1]))
            fans[n++] = fans[i];
    for (int i = 0; i < n; i++) fans[i].turn = td__turn((uint32_t)i);
    qsort(fans, (size_t)n, sizeof *fans, by_turn);
    if (n > max_fans) {
        n = max_fans;
        z->cut = true;
    }
    z->fan[l] = TD_NEW(a, td__fan, n);
    if (z->fan[l] != NULL) memcpy(z->fan[l], fans, sizeof *fans * (size_t)n);
    free(fans);
    if (z->fan[l] == NULL) return td_fail(err, TD_E_MEMORY, "mapper: out of memory");
    z->n_fan[l] = n;
    z->n_full[l] = 0;
    while (z->n_full[l] < n && z->fan[l][z->n_full[l]].full) z->n_full[l]++;
    return TD_OK;
}

/* Fan-outs that take time; whether the bound of it can be less than it is. */
static void set_skew(td__space *z) {
    td__skew_constants(z);
    for (int l = 0; l < z->n; l++) {
        const td_level_timing *v = &z->hw->level[l].timing;
        if (td_timing_ideal(v)) continue;
        for (int t = 0; t < TD_NTENSOR; t++) {
            if (v->fold != TD_BIT(t)) continue;
            z->loose_skew |= t == TD_I && !z->plain;
            for (int k = 0; k < l; k++) /* a keeper of more than one word */
                z->loose_skew |= (z->may[k] & v->fold) && z->usable[k] >= 2 * z->bits[t];
        }
    }
}

td_status td__space_build(const td_problem *p, const td_hw *hw, const td_map_query *q, int max_fans,
                          td_arena *a, td__space *z, td_error *err) {
    td_status s = td_problem_check(p, err);
    if (s == TD_OK) s = check_query(hw, q, err);
    if (s != TD_OK) return s;
    memset(z, 0, sizeof *z);
    z->p = *p;
    z->hw = hw;
    z->n = hw->n;
    z->objective = q->objective;
    z->imperfect = q->imperfect;
    for (int l = 0; l < hw->n; l++) z->ordered |= hw->rules.place[l][0] > 0;
    z->max_compute = INFINITY;
    if (q->min_utilization > 0)
        z->max_compute =
            (double)td_problem_macs(p) / hw->mac.instances / q->min_utilization * (1 + 1e-12);
    z->weight[0] = q->weight[0];
    z->weight[1] = q->weight[1];
    z->counting = q->counting;
    for (int t = 0; t < TD_NTENSOR; t++) z->top[t] = q->top[t];
    s = set_keeps(z, q, err);
    if (s != TD_OK) return s;
    for (int d = 0; d < TD_NDIM; d++)
        if (p->dim[d] > 1) z->active[z->n_active++] = d;
    set_dims(z);
    set_costs(z);
    set_input(z);
    set_whole(z);
    set_skew(z);
    for (int l = 0; l < z->n && s == TD_OK; l++) s = list_fans(z, l, max_fans, a, err);
    return s;
}

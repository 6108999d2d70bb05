/* A latency that no schedule of this form can beat, from the network and the accelerator alone. */
#include "schedule.h"

#include <stdlib.h>

/* A fan-out never splits more ways than the dims that may stand on it have. */
double td__parallel(const td_hw *hw, const td_problem *p) {
    double parallel = 1;
    td_problem run;
    td_hw_problem(hw, p, &run);
    for (int l = 0; l < hw->n; l++)
        for (int axis = TD_AXIS_X; axis <= TD_AXIS_Y; axis++) {
            double ways = 1;
            for (int d = 0; d < TD_NDIM; d++) {
                if (!(hw->rules.allowed[l][axis] & TD_BIT(d))) continue;
                if (!hw->rules.single[l][axis])
                    ways *= run.dim[d];
                else if (run.dim[d] > ways)
                    ways = run.dim[d];
            }
            double fan = td_hw_fanout(hw, l, axis);
            parallel *= ways < fan ? ways : fan;
        }
    return parallel;
}

void td__most_parallel(const td__sched_plan *p, const td_hw *hw, double *out) {
    for (int i = 0; i < p->n_shape; i++) out[i] = td__parallel(hw, &p->shape[i]);
}

/* Rows (axis 0) or columns of the image that some output needs. */
static int64_t needed(const td_problem *p, int axis) {
    int64_t taps = p->dim[TD_R + axis], stride = p->stride[axis], dilation = p->dilation[axis];
    int64_t out = p->dim[TD_P + axis];
    int64_t reach = (out - 1) * stride + (taps - 1) * dilation + 1;
    int64_t inside = reach - p->pad[axis] - p->pad[axis + 2];
    if (inside < 0) inside = 0;
    /* Without gaps all of them; otherwise the taps of each output, where these are apart, and at
     * least as many as positions and taps have different sums, of those that are not padding. */
    if (dilation == 1 && stride <= taps) return inside;
    int64_t some = dilation == 1 ? out * taps : out + taps - 1;
    some -= p->pad[axis] + p->pad[axis + 2];
    return some < 0 ? 0 : some < inside ? some : inside;
}

double td__needed_bits(const td_problem *q) {
    return (double)q->dim[TD_N] * q->dim[TD_G] * q->dim[TD_C] * (double)needed(q, 0) *
           (double)needed(q, 1) * q->bits[TD_I];
}

typedef struct {
    double cycles, read, write;
} least;

static least of_step(const td__sched_plan *p, const td_hw *hw, const td__home *h,
                     const double *parallel, int i) {
    const td__step *s = &p->step[i];
    least b = {0};
    bool handed = p->bands && s->flows, taken = p->bands && i > 0 && p->step[i - 1].flows;
    bool out_dram = p->beam ? s->value == td_net_output(p->net) : !p->value[s->value].stay;
    /* A value that nobody reads and that is not the output may stand anywhere. */
    if (p->value[s->value].last < 0 && s->value != td_net_output(p->net)) out_dram = false;
    if (handed) out_dram = false; /* in bands, perhaps */
    if (out_dram) b.write = (double)p->value[s->value].bits;
    for (int k = 0; k < s->n_in; k++) {
        const td__value *v = &p->value[s->in[k]];
        if ((p->beam ? v->maker >= 0 : v->stay) || (taken && k == 0)) continue;
        const td_problem *q = s->shape >= 0 && k == 0 ? &p->shape[s->shape] : NULL;
        if (q == NULL)
            b.read += td__operand_bits(p, i, k);
        else
            b.read += td__needed_bits(q);
    }
    if (s->shape >= 0) {
        const td_problem *q = &p->shape[s->shape];
        if (out_dram) b.write = (double)td_problem_words(q, TD_O) * q->bits[TD_O];
        b.cycles = fmax(ceil((double)s->macs / parallel[s->shape]), ceil(s->ops / hw->vec.lanes));
        if (s->product || !(h->may & TD_BIT(TD_W)) || s->weight_bits > h->pool)
            b.read += (double)td_problem_words(q, TD_W) * q->bits[TD_W];
    } else {
        b.cycles = ceil(s->ops / hw->vec.lanes);
    }
    return b;
}

double td__bound_cycles(const td__sched_plan *p, const td_hw *hw, const td__home *h,
                        const double *parallel, bool cold) {
    double sum = 0, read = 0, write = 0, weights = 0;
    for (int i = 0; i < p->n; i++) {
        least b = of_step(p, hw, h, parallel, i);
        double dram = td__dram_cycles(hw, b.read, b.write);
        sum += b.cycles > dram ? b.cycles : dram;
        read += b.read;
        write += b.write;
        /* What streaming moves, not the whole bytes that they take on chip. */
        const td_problem *q = p->step[i].shape >= 0 ? &p->shape[p->step[i].shape] : NULL;
        if (q != NULL && !p->step[i].product && (h->may & TD_BIT(TD_W)) &&
            p->step[i].weight_bits <= h->pool)
            weights += (double)td_problem_words(q, TD_W) * q->bits[TD_W];
    }
    /* Weights that cannot all be resident are loaded in every inference; in the first one all are.
     */
    double loaded = cold ? weights : weights - (double)h->pool;
    if (loaded > 0) read += loaded;
    double dram = td__dram_cycles(hw, read, write);
    return sum > dram ? sum : dram;
}

double td__bound_pj(const td__sched_plan *p, const td_hw *hw) {
    double macs = 0;
    for (int i = 0; i < p->n; i++)
        if (p->step[i].shape >= 0) macs += (double)p->step[i].macs;
    return macs * hw->mac.energy_pj * (1 + hw->clock_tree);
}

td_status td__stacks_floor(const td__sched_plan *p, const td_hw *hw, const double *parallel,
                           td_arena *a, td__stacks *stacks) {
    for (int i = 0; i < stacks->n; i++) {
        td__stack *k = &stacks->stack[i];
        td__way *way = TD_NEW(a, td__way, k->n * TD__STACK_SIDES);
        if (way == NULL) return TD_E_MEMORY;
        for (int j = 0; j < k->n; j++)
            for (int side = 0; side < TD__STACK_SIDES; side++, way++) {
                const td__step *s = &p->step[k->first + j];
                const td_problem *q = &p->shape[s->shape];
                const unsigned chip = td__stack_chip(k, j, side);
                way->cycles = ceil((double)s->macs / parallel[s->shape]);
                way->pj = (double)s->macs * hw->mac.energy_pj * (1 + hw->clock_tree);
                if (!(chip & TD_BIT(TD_I))) way->read = td__needed_bits(q);
                if (!(chip & TD_BIT(TD_O)))
                    way->write = (double)td_problem_words(q, TD_O) * q->bits[TD_O];
                way->dram = td__dram_cycles(hw, way->read, way->write);
                k->ways[j][side] = (td__ways){.n = 1, .way = way};
            }
    }
    return TD_OK;
}

/* ---- from the ways of layers -------------------------------------------------------------------
 */

/* Bits that being resident saves a layer's weights, and their own. */
typedef struct {
    double saved, bits;
} saving;

static int by_share(const void *x, const void *y) {
    const saving *a = x, *b = y;
    double left = a->saved * b->bits, right = b->saved * a->bits;
    return left > right ? -1 : left < right;
}

/* Of the ways of a shape: fewest DRAM bits, [0] with its weights in DRAM, [1] on chip; least pJ;
 * least bits of the pool beside its weights. */
typedef struct {
    double moved[2], pj;
    int64_t beside;
} fewest;

static fewest fewest_of(const td__ways *of, int64_t weight_bits) {
    fewest f = {{INFINITY, INFINITY}, INFINITY, INT64_MAX};
    for (unsigned mask = 0; mask < TD__MASKS; mask++)
        for (int k = 0; k < of[mask].n; k++) {
            const td__way *w = &of[mask].way[k];
            bool chip = (mask & TD_BIT(TD_W)) != 0;
            int64_t beside = w->bits - (chip ? weight_bits : 0);
            f.moved[chip] = fmin(f.moved[chip], w->read + w->write);
            f.pj = fmin(f.pj, w->pj);
            if (beside < f.beside) f.beside = beside;
        }
    return f;
}

/* The same with all turns of interval i in the stacks that it may run in. */
static void fewest_in_stacks(const td__stacks *all, int i, fewest *f) {
    for (int k = 0; k < all->n && all->stack[k].first <= i; k++) {
        const td__stack *s = &all->stack[k];
        if (i >= s->first + s->n) continue;
        for (int side = 0; side < TD__STACK_SIDES; side++) {
            const td__ways *list = &s->ways[i - s->first][side];
            for (int j = 0; j < list->n; j++) {
                const td__way *w = &list->way[j];
                f->moved[1] = fmin(f->moved[1], w->read + w->write);
                f->pj = fmin(f->pj, w->pj);
                if (w->bits < f->beside) f->beside = w->bits;
            }
        }
    }
}

td__least td__bound_table(const td__sched_plan *p, const td_hw *hw, const td__home *h,
                          const td__table *t, const td__stacks *stacks, td_arena *a) {
    td__least out = {.room = (double)h->pool};
    saving *save = TD_NEW(a, saving, p->n > 0 ? p->n : 1);
    if (save == NULL) return out;
    double bits = 0;
    int64_t beside = 0;
    int n = 0;
    for (int i = 0; i < p->n; i++) {
        if (p->step[i].shape < 0) continue;
        double weights = (double)p->step[i].weight_bits;
        fewest f = fewest_of(t->of[p->step[i].shape], p->step[i].weight_bits);
        fewest_in_stacks(stacks, i, &f);
        double away = fmin(f.moved[0], f.moved[1] + weights); /* streamed, or staged */
        bits += away;
        out.pj += f.pj;
        if (f.beside > beside) beside = f.beside;
        if (f.moved[1] < away && weights > 0) save[n++] = (saving){away - f.moved[1], weights};
    }
    /* As many weights as there is room for, of the last one a part. */
    double room = h->home >= 0 && h->pool > beside ? (double)(h->pool - beside) : 0;
    out.room = room;
    if (n > 1) qsort(save, (size_t)n, sizeof *save, by_share);
    for (int i = 0; i < n && room > 0; i++) {
        double part = save[i].bits <= room ? 1 : room / save[i].bits;
        bits -= part * save[i].saved;
        room -= save[i].bits;
    }
    /* By the faster of the two directions, since which of them the bits take is not known. */
    const td_level *top = &hw->level[hw->n - 1];
    double rate = fmin(top->read_bw + top->write_bw, top->shared_bw);
    out.dram_cycles = floor(bits * (1 - 0x1p-40) / rate);
    return out;
}

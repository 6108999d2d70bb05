/* Which convolutions are worth running depth first, and in bands of how many rows.
 *
 * In a stack the first layer makes some rows, the second one what rows it can of these, and so on;
 * then the first one goes on. Between two layers stand the rows that were made and are still
 * needed, of which a kernel of R rows keeps R - 1 for the next turn, so that nothing is computed
 * twice ("fully cached" in the terms of Mei et al. 2023, DeFiNES). Every turn of a layer is counted
 * as a full one: also the first ones, for which rows are missing, and the one that catches up.
 *
 * Heuristic: stacks are looked at where layers work on more than a quarter of the pool each (what
 * passes by, weights that would be resident and tiles want room as well: with all of the pool as
 * the limit a larger one was slower, test_schedule_stack.c), with bands that take at most a half
 * and at most an eighth of it. */
#include "schedule.h"

#include <string.h>

static const int64_t share[] = {2, 8};
enum { SHARES = sizeof share / sizeof share[0], CROWD = 4 };

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t greatest(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* An interval works on so much that little else has room beside it. */
static bool crowded(const td__sched_plan *p, const td__home *h, int i) {
    const td__step *s = &p->step[i];
    int64_t bits = p->value[s->value].bits + s->weight_bits;
    for (int k = 0; k < s->n_in; k++) bits += p->value[s->in[k]].bits;
    return CROWD * bits > h->pool;
}

/* Rows of its input, without padding, that a layer has to have to make `rows` of its output. */
static int64_t reach(const td_problem *q, int64_t rows) {
    return (rows - 1) * q->stride[0] + (int64_t)(q->dim[TD_R] - 1) * q->dilation[0] + 1;
}

static int height(const td__sched_plan *p, int i) {
    return td_net_layer(p->net, p->step[i].layer)->h;
}

/* Output rows that a layer can make of the first `there` rows of its input. */
static int64_t possible(const td__sched_plan *p, int i, int64_t there, bool all) {
    const td_problem *q = &p->shape[p->step[i].shape];
    if (all) return height(p, i);
    int64_t more = there + q->pad[0] - reach(q, 1);
    return more < 0 ? 0 : least(more / q->stride[0] + 1, height(p, i));
}

/* Some layer has rows to make. */
static bool unmade(const td__sched_plan *p, const td__stack *s, const int64_t *done) {
    for (int k = 0; k < s->n; k++)
        if (done[k] < height(p, s->first + k)) return true;
    return false;
}

/* Takes turns until all layers are done, also with rows that strides leave out at the end: a layer
 * has the same work in every schedule. False: some layer never can go on. */
bool td__stack_turns(const td__sched_plan *p, td__stack *s) {
    int64_t done[TD__MAX_STACK] = {0}, most[TD__MAX_STACK - 1] = {0};
    const int last = s->n - 1;
    memset(s->passes, 0, sizeof s->passes);
    while (unmade(p, s, done)) {
        bool idle = true;
        for (int k = 0; k < s->n; k++) {
            const int i = s->first + k;
            bool all = k == 0 || done[k - 1] == height(p, i - 1);
            int64_t can = possible(p, i, k > 0 ? done[k - 1] : 0, all);
            int64_t rows = least(can - done[k], s->rows[k]);
            if (rows <= 0) continue;
            idle = false;
            done[k] += rows;
            s->passes[k]++;
            if (k == last) continue;
            const td_problem *next = &p->shape[p->step[i + 1].shape];
            int64_t from = done[k + 1] * next->stride[0] - next->pad[0];
            most[k] = greatest(most[k], done[k] - greatest(from, 0));
        }
        if (idle) return false;
    }
    s->buffer = 0;
    for (int k = 0; k < last; k++) {
        const td__step *x = &p->step[s->first + k];
        const int64_t bits = p->value[x->value].bits, all = height(p, s->first + k);
        int64_t rows = greatest(most[k], s->rows[k]); /* turns count in full: so do their rows */
        rows = greatest(rows, reach(&p->shape[p->step[s->first + k + 1].shape], s->rows[k + 1]));
        int64_t some = bits / all * rows + (bits % all * rows + all - 1) / all;
        s->between[k] = (some + 7) / 8 * 8;
        s->buffer += s->between[k];
    }
    return true;
}

/* Bands so that the last layer makes `rows` in a turn. */
static bool band(const td__sched_plan *p, int first, int n, int rows, td__stack *s) {
    *s = (td__stack){.first = first, .n = n};
    int64_t of = rows;
    for (int k = n - 1; k >= 0; k--) {
        if (of * 2 > height(p, first + k)) return false; /* hardly bands */
        s->rows[k] = (int)of;
        of *= p->shape[p->step[first + k].shape].stride[0];
    }
    return td__stack_turns(p, s);
}

/* MACs that are counted in full turns for one that there is. */
static double waste(const td__sched_plan *p, const td__stack *s) {
    double counted = 0, macs = 0;
    for (int k = 0; k < s->n; k++) {
        double m = (double)p->step[s->first + k].macs;
        counted += m * s->passes[k] * s->rows[k] / height(p, s->first + k);
        macs += m;
    }
    return counted / macs;
}

int64_t td__stack_weights(const td__sched_plan *p, const td__stack *s) {
    int64_t bits = 0;
    for (int k = 0; k < s->n; k++) bits += p->step[s->first + k].weight_bits;
    return bits;
}

/* Bands of at most `bits`, the least wasteful of those with more than half as many rows as the
 * widest has. Rows are 2^k or 3 * 2^k: few, so that layers share the answers of the mapper. */
static bool best_band(const td__sched_plan *p, int first, int n, int64_t bits, td__stack *out) {
    double lowest = INFINITY;
    int widest = 0;
    for (int step = 0;; step++) {
        int rows = step % 2 ? 3 << step / 2 : 2 << step / 2; /* 2, 3, 4, 6, 8, 12 */
        td__stack s;
        if (!band(p, first, n, rows, &s) || s.buffer > bits) break;
        widest = rows;
        double w = waste(p, &s);
        if (w > lowest && 2 * out->rows[n - 1] > widest) continue;
        lowest = w;
        *out = s;
    }
    if (widest == 0 && band(p, first, n, 1, out) && out->buffer <= bits) widest = 1;
    return widest > 0;
}

/* As if it were in the middle of the image. */
td_problem td__stack_turn(const td__sched_plan *p, const td__stack *s, int at) {
    td_problem q = p->shape[p->step[s->first + at].shape];
    q.dim[TD_P] = s->rows[at];
    q.pad[0] = q.pad[2] = 0;
    return q;
}

static int shape_of(td__stacks *all, td_problem q) {
    for (int k = 0; k < all->n_shape; k++)
        if (memcmp(&all->shape[k], &q, sizeof q) == 0) return k;
    all->shape[all->n_shape] = q;
    return all->n_shape++;
}

td_status td__stacks_find(const td__sched_plan *p, const td__home *h, td_arena *a,
                          td__stacks *out) {
    *out = (td__stacks){0};
    int links = 0;
    for (int i = 0; p->bands && i + 1 < p->n; i++)
        links += p->step[i].flows && (crowded(p, h, i) || crowded(p, h, i + 1));
    if (links == 0) return TD_OK;
    const int most = links * (TD__MAX_STACK - 1) * SHARES;
    out->stack = TD_NEW(a, td__stack, most);
    out->shape = TD_NEW(a, td_problem, most * TD__MAX_STACK);
    out->value = td_arena_alloc(a, sizeof *out->value * (size_t)(most * TD__MAX_STACK));
    if (out->stack == NULL || out->shape == NULL || out->value == NULL) return TD_E_MEMORY;
    memset(out->value, 0, sizeof *out->value * (size_t)(most * TD__MAX_STACK));
    for (int i = 0; i + 1 < p->n; i++)
        for (int n = 2; n <= TD__MAX_STACK && i + n <= p->n; n++) {
            const int last = i + n - 2; /* the link that this length adds */
            if (!p->step[last].flows || !(crowded(p, h, last) || crowded(p, h, last + 1))) break;
            int64_t weights = td__stack_weights(p, &(td__stack){.first = i, .n = n});
            int before = 0; /* rows of the wider bands */
            for (int k = 0; k < SHARES; k++) {
                td__stack *s = &out->stack[out->n];
                if (weights >= h->pool || !best_band(p, i, n, h->pool / share[k], s)) continue;
                if (s->rows[n - 1] == before) continue;
                before = s->rows[n - 1];
                for (int j = 0; j < n; j++) s->shape[j] = shape_of(out, td__stack_turn(p, s, j));
                out->n++;
            }
        }
    return TD_OK;
}

/* Only then the other turns can begin. */
double td__stack_wait(const td_hw *hw, int64_t weight_bits, int passes, double cycles) {
    return td__dram_cycles(hw, (double)weight_bits, 0) + ceil(cycles - cycles / passes);
}

unsigned td__stack_chip(const td__stack *s, int at, int side) {
    unsigned chip = TD_BIT(TD_W);
    if (at > 0 || side == 1) chip |= TD_BIT(TD_I);
    if (at < s->n - 1 || side == 1) chip |= TD_BIT(TD_O);
    return chip;
}

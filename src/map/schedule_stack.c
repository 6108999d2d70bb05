/* Convolutions that can run depth first, in bands of rows.
 *
 * In a stack the first layer makes some rows, the second one what rows it can of these, and so on;
 * then the first one goes on. Between two layers stand the rows that were made and are still
 * needed, of which a kernel of R rows keeps R - 1 for the next turn, so that nothing is computed
 * twice ("fully cached" in the terms of Mei et al. 2023, DeFiNES). Every turn of a layer is counted
 * as a full one: also the first ones, for which rows are missing, and the one that catches up.
 *
 * Which of them are looked at closer is for schedule_sieve.c to say. A larger memory has all those
 * of a smaller one, and more. */
#include "schedule.h"

#include <string.h>

enum { MAX_ROWS = 12 };

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t greatest(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* Rows of its input, without padding, that a layer has to have to make `rows` of its output. */
static int64_t reach(const td_problem *q, int64_t rows) {
    return (rows - 1) * q->stride[0] + (int64_t)(q->dim[TD_R] - 1) * q->dilation[0] + 1;
}

static int height(const td__sched_plan *p, int i) {
    return td_net_layer(p->net, p->step[i].layer)->h;
}

/* Rows of a layer's output and input. */
typedef struct {
    int64_t height, stride, pad, reach; /* reach: of its first row */
} layer_rows;

/* Output rows that a layer can make of the first `there` rows of its input. */
static int64_t possible(const layer_rows *l, int64_t there) {
    int64_t more = there + l->pad - l->reach;
    return more < 0 ? 0 : least(more / l->stride + 1, l->height);
}

/* Some layer has rows to make. */
static bool unmade(const layer_rows *l, int n, const int64_t *done) {
    for (int k = 0; k < n; k++)
        if (done[k] < l[k].height) return true;
    return false;
}

/* Takes turns until all layers are done, also with rows that strides leave out at the end: a layer
 * has the same work in every schedule. False: some layer never can go on. */
bool td__stack_turns(const td__sched_plan *p, td__stack *s) {
    int64_t done[TD__MAX_STACK] = {0}, most[TD__MAX_STACK - 1] = {0};
    layer_rows l[TD__MAX_STACK];
    const int last = s->n - 1;
    for (int k = 0; k < s->n; k++) {
        const td_problem *q = &p->shape[p->step[s->first + k].shape];
        l[k] = (layer_rows){height(p, s->first + k), q->stride[0], q->pad[0], reach(q, 1)};
    }
    memset(s->passes, 0, sizeof s->passes);
    while (unmade(l, s->n, done)) {
        bool idle = true;
        for (int k = 0; k < s->n; k++) {
            bool all = k == 0 || done[k - 1] == l[k - 1].height;
            int64_t can = all ? l[k].height : possible(&l[k], done[k - 1]);
            int64_t rows = least(can - done[k], s->rows[k]);
            if (rows <= 0) continue;
            idle = false;
            done[k] += rows;
            s->passes[k]++;
            if (k == last) continue;
            int64_t from = done[k + 1] * l[k + 1].stride - l[k + 1].pad;
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

/* Bands so that the last layer makes `rows` in a turn. False: hardly bands. */
static bool band(const td__sched_plan *p, int first, int n, int rows, td__stack *s) {
    *s = (td__stack){.first = first, .n = n};
    int64_t of = rows;
    for (int k = n - 1; k >= 0; k--) {
        if (of * 2 > height(p, first + k)) return false;
        s->rows[k] = (int)of;
        of *= p->shape[p->step[first + k].shape].stride[0];
    }
    return true;
}

int64_t td__stack_weights(const td__sched_plan *p, const td__stack *s) {
    int64_t bits = 0;
    for (int k = 0; k < s->n; k++) bits += p->step[s->first + k].weight_bits;
    return bits;
}

/* As if it were in the middle of the image. */
td_problem td__stack_turn(const td__sched_plan *p, const td__stack *s, int at) {
    td_problem q = p->shape[p->step[s->first + at].shape];
    q.dim[TD_P] = s->rows[at];
    q.pad[0] = q.pad[2] = 0;
    return q;
}

/* All stacks; out: NULL, or gets them. Returns how many there are, or may be. */
static int find(const td__sched_plan *p, td__stack *out) {
    int found = 0;
    for (int i = 0; i + 1 < p->n; i++)
        for (int n = 2; n <= TD__MAX_STACK && p->step[i + n - 2].flows; n++)
            for (int step = 0, rows = 1; step < MAX_ROWS; step++) {
                td__stack s;
                if (!band(p, i, n, rows, &s) || (out != NULL && !td__stack_turns(p, &s))) break;
                if (out != NULL) out[found] = s;
                found++;
                rows = step % 2 ? 3 << step / 2 : 2 << step / 2; /* 1, 2, 3, 4, 6, 8, 12 */
            }
    return found;
}

td_status td__stacks_find(const td__sched_plan *p, td_arena *a, td__stacks *out) {
    *out = (td__stacks){0};
    const int most = find(p, NULL);
    if (most == 0) return TD_OK;
    out->stack = TD_NEW(a, td__stack, most);
    if (out->stack == NULL) return TD_E_MEMORY;
    out->n = find(p, out->stack);
    return TD_OK;
}

td_status td__stacks_in(const td__sched_plan *p, const td__home *h, const td__stacks *all, bool few,
                        td_arena *a, td__stacks *out) {
    *out = (td__stacks){0};
    if (!p->bands || all->n == 0) return TD_OK;
    out->stack = TD_NEW(a, td__stack, all->n);
    if (out->stack == NULL) return TD_E_MEMORY;
    for (int k = 0; k < all->n; k++) {
        const td__stack *s = &all->stack[k];
        td__stack *last = out->n > 0 ? &out->stack[out->n - 1] : NULL;
        if (few && k > 0 && s->first == s[-1].first && s->n == s[-1].n) {
            const bool in = last != NULL && last->first == s->first && last->n == s->n;
            for (int at = 0; in && at < s->n; at++)
                if (s->passes[at] < last->passes[at]) last->passes[at] = s->passes[at];
            continue;
        }
        if (td__stack_weights(p, s) + s->buffer < h->pool) out->stack[out->n++] = *s;
    }
    return TD_OK;
}

double td__turn_cycles(const td__sched_plan *p, const td_hw *hw, const td__home *h,
                       const td__stack *s, int at) {
    const td_problem q = td__stack_turn(p, s, at);
    double words[TD_NTENSOR], cycles = (double)td_problem_macs(&q) / td__parallel(hw, &q);
    for (int t = 0; t < TD_NTENSOR; t++)
        words[t] = t == TD_I ? td__needed_bits(&q)
                             : (double)td_problem_words(&q, (td_tensor)t) * q.bits[t];
    for (int l = 0; l <= h->home; l++) {
        const td_level *v = &hw->level[l];
        double read = 0, write = 0;
        if (l == h->home) {
            read = words[TD_W] + words[TD_I];
            write = words[TD_O];
        } else if (v->may_keep & TD_BIT(TD_I)) {
            read = write = words[TD_I];
        }
        const double rate = (double)v->instances;
        cycles = fmax(cycles, read / v->read_bw / rate);
        cycles = fmax(cycles, write / v->write_bw / rate);
        cycles = fmax(cycles, (read + write) / v->shared_bw / rate);
    }
    return ceil(cycles * (1 - 1e-12));
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

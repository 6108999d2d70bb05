/* The rules by which a network falls into intervals, and by which things can stay on chip, written
 * down a second time for the checkers: see schedule_facts.h. */
#include "schedule_facts.h"

/* Where values can stay: the outermost bounded storage inside DRAM, if it is one for all. */
static void find_home(const td_hw *hw, td__facts *f) {
    f->home = f->tiles = -1;
    for (int l = hw->n - 2; l >= 0; l--) {
        const td_level *v = &hw->level[l];
        if (v->may_keep == 0 || (v->capacity_bits < 0 && v->shares < 0)) continue;
        if (v->instances == 1) {
            f->home = l;
            f->tiles = v->shares < 0 ? l : v->shares;
            const td_level *s = &hw->level[f->tiles];
            f->pool = s->capacity_bits < 0 ? INFINITY : (double)s->capacity_bits * s->instances;
        }
        return;
    }
}

static bool in_place(const td_layer *l) {
    return l->op == TD_OP_BN || l->op >= TD_OP_RELU ||
           (l->op == TD_OP_ELEMENTWISE && l->n_inputs == 1);
}

/* The interval of a convolution or fc in whose drain the sum or product i is taken: what it hands
 * on so far is one operand, of nobody else, and the other one, as large, was made before. -1: none.
 */
static int joins(const td_net *net, const td__facts *f, const int *readers, int i) {
    const td_layer *l = td_net_layer(net, i);
    if ((l->op != TD_OP_ADD && l->op != TD_OP_MUL) || l->n_inputs != 2) return -1;
    if (l->view[0].c > 0 || l->view[1].c > 0) return -1;
    for (int k = 0; k < 2; k++) {
        int x = l->input[k], y = l->input[1 - k], at = f->interval[x];
        if (x == y || at < 0 || readers[x] != 1 || f->end[at] != x || f->joined[at] >= 0) continue;
        const td_layer *a = td_net_layer(net, x), *b = td_net_layer(net, y);
        if (f->mapped[at] && f->interval[y] < at && a->c == b->c && a->h == b->h && a->w == b->w &&
            a->bits[TD_O] == l->bits[TD_O])
            return at;
    }
    return -1;
}

static void join(const td_net *net, td__facts *f, int i, int at) {
    const td_layer *l = td_net_layer(net, i);
    int other = l->input[0] == f->end[at] ? l->input[1] : l->input[0];
    f->interval[i] = at;
    f->joined[at] = i;
    f->other[at] = other;
    if (f->last[other] < at) f->last[other] = at;
}

static double whole_bytes(double bits) {
    return ceil(bits / 8) * 8;
}

td_status td__facts_of(const td_net *net, const td_hw *hw, int batch, td_arena *a, td__facts *f,
                       td_error *err) {
    int n = td_net_size(net);
    *f = (td__facts){.layer = TD_NEW(a, int, n),
                     .end = TD_NEW(a, int, n),
                     .joined = TD_NEW(a, int, n),
                     .other = TD_NEW(a, int, n),
                     .mapped = TD_NEW(a, bool, n),
                     .weights = TD_NEW(a, double, n),
                     .interval = TD_NEW(a, int, n),
                     .last = TD_NEW(a, int, n),
                     .value = TD_NEW(a, double, n)};
    int *readers = TD_NEW(a, int, n), *word = TD_NEW(a, int, n);
    if (!f->layer || !f->end || !f->joined || !f->other || !f->mapped || !f->weights ||
        !f->interval || !f->last || !f->value || !readers || !word)
        return td_fail(err, TD_E_MEMORY, "out of memory for the check");
    find_home(hw, f);
    for (int i = 0; i < n; i++) {
        const td_layer *l = td_net_layer(net, i);
        f->interval[i] = f->last[i] = f->joined[i] = f->other[i] = -1;
        word[i] = l->bits[TD_O];
        for (int k = 0; k < l->n_inputs; k++) {
            readers[l->input[k]]++;
            if (l->bits[TD_I] > word[l->input[k]]) word[l->input[k]] = l->bits[TD_I];
        }
    }
    for (int i = 0; i < n; i++) {
        const td_layer *l = td_net_layer(net, i);
        f->value[i] = whole_bytes((double)l->c * l->h * l->w * batch * word[i]);
        if (i == 0) continue;
        int x = l->input[0], join_at = joins(net, f, readers, i);
        if (in_place(l) && readers[x] == 1 && x > 0) { /* fused into the chain of its input */
            f->interval[i] = f->interval[x];
        } else if (join_at >= 0) {
            join(net, f, i, join_at);
        } else {
            td_problem p;
            int at = f->interval[i] = f->n++;
            f->layer[at] = i;
            f->mapped[at] = td_layer_problem(net, i, batch, &p);
            if (f->mapped[at])
                f->weights[at] = whole_bytes((double)td_problem_words(&p, TD_W) * p.bits[TD_W]);
            for (int k = 0; k < l->n_inputs; k++) f->last[l->input[k]] = at;
        }
        f->end[f->interval[i]] = i;
    }
    return TD_OK;
}

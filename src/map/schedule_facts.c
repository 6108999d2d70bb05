/* The rules by which a network falls into intervals, and by which things can stay on chip, written
 * down a second time for the checkers: see schedule_facts.h. */
#include "schedule_facts.h"

/* Where values can stay: the outermost storage inside DRAM, if it is one for all. Parts without a
 * bound are passed over. */
static void find_home(const td_hw *hw, td__facts *f) {
    f->home = f->tiles = -1;
    for (int l = hw->n - 2; l >= 0; l--) {
        const td_level *v = &hw->level[l];
        if (v->may_keep == 0) continue;
        if (v->capacity_bits < 0 && v->shares < 0 && v->instances != 1) continue;
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
                     .word = TD_NEW(a, int, n),
                     .value = TD_NEW(a, double, n),
                     .first = TD_NEW(a, int, n),
                     .behind = TD_NEW(a, int, n),
                     .passes = TD_NEW(a, int, n),
                     .between = TD_NEW(a, double, n)};
    int *readers = TD_NEW(a, int, n), *word = f->word;
    if (!f->layer || !f->end || !f->joined || !f->other || !f->mapped || !f->weights ||
        !f->interval || !f->last || !f->value || !f->first || !f->behind || !f->passes ||
        !f->between || !readers || !word)
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

/* ---- stacks ------------------------------------------------------------------------------------
 */

/* Whether interval i may hand its value on to the next one in bands. */
static bool hands_on(const td_net *net, const td_schedule *s, const td__facts *f, int i) {
    if (i + 1 >= f->n || f->home < 0 || f->joined[i] >= 0) return false;
    const td_layer *next = td_net_layer(net, f->layer[i + 1]);
    int v = f->end[i];
    bool convs = td_net_layer(net, f->layer[i])->op == TD_OP_CONV && next->op == TD_OP_CONV;
    return convs && next->view[0].c == 0 && next->input[0] == v && f->last[v] == i + 1 &&
           f->other[i + 1] != v && v != td_net_output(net) &&
           s->interval[i + 1].input == TD_AT_BANDS;
}

/* Rows of the image that row `out` of a layer needs: from..to - 1, not looking at its borders. */
static void window(const td_problem *p, int64_t out, int64_t *from, int64_t *to) {
    *from = out * p->stride[0] - p->pad[0];
    *to = *from + (int64_t)(p->dim[TD_R] - 1) * p->dilation[0] + 1;
}

/* The turns of a stack, row by row, until every layer has made all of its own. */
static bool play(const td_net *net, const td_schedule *s, td__facts *f, int first, int behind) {
    enum { MOST = 16 };
    int64_t made[MOST] = {0}, held[MOST] = {0}, rows[MOST];
    td_problem p[MOST];
    const int n = behind - first;
    if (n > MOST) return false;
    for (int k = 0; k < n; k++) {
        td_layer_problem(net, f->layer[first + k], s->batch, &p[k]);
        rows[k] = td_net_layer(net, f->layer[first + k])->h;
        f->passes[first + k] = 0;
        if (s->interval[first + k].rows < 1 || s->interval[first + k].rows > rows[k]) return false;
    }
    for (bool done = false; !done;) {
        bool idle = done = true;
        for (int k = 0; k < n; k++) {
            int row = 0;
            for (; row < s->interval[first + k].rows && made[k] < rows[k]; row++, made[k]++) {
                int64_t from, to;
                window(&p[k], made[k], &from, &to);
                if (k > 0 && to > made[k - 1] && made[k - 1] < rows[k - 1]) break;
            }
            f->passes[first + k] += row > 0;
            idle = idle && row == 0;
            done = done && made[k] == rows[k];
            if (k + 1 == n) continue;
            int64_t from, to, still;
            window(&p[k + 1], made[k + 1], &from, &to);
            still = made[k] - (from > 0 ? from : 0);
            if (still > held[k]) held[k] = still;
        }
        if (idle && !done) return false;
    }
    for (int k = 0; k + 1 < n; k++) { /* a turn counts in full, and has its rows on both sides */
        int64_t from, to, begin;
        window(&p[k + 1], 0, &begin, &to);
        window(&p[k + 1], s->interval[first + k + 1].rows - 1, &from, &to);
        double most =
            fmax((double)held[k], fmax(s->interval[first + k].rows, (double)(to - begin)));
        f->between[first + k] = whole_bytes(f->value[f->end[first + k]] * most / (double)rows[k]);
    }
    return true;
}

td_status td__facts_stacks(const td_net *net, const td_schedule *s, td__facts *f, td_error *err) {
    for (int i = 0; i < f->n; i++) {
        f->first[i] = i;
        f->behind[i] = i + 1;
        f->passes[i] = 1;
        f->between[i] = 0;
    }
    for (int i = 0, behind; i < f->n; i = behind) {
        const char *name = td_net_layer(net, f->layer[i])->name;
        behind = i + 1;
        if (s->interval[i].input == TD_AT_BANDS)
            return td_fail(err, TD_E_INPUT, "interval %d (%s): no one hands its input on in bands",
                           i, name);
        for (; s->interval[behind - 1].output == TD_AT_BANDS; behind++)
            if (!hands_on(net, s, f, behind - 1))
                return td_fail(err, TD_E_INPUT,
                               "interval %d (%s): its value cannot be handed on in bands",
                               behind - 1, td_net_layer(net, f->layer[behind - 1])->name);
        for (int k = i; k < behind; k++) {
            f->first[k] = i;
            f->behind[k] = behind;
        }
        if (behind > i + 1 && !play(net, s, f, i, behind))
            return td_fail(err, TD_E_INPUT,
                           "interval %d (%s): its stack has no end with these rows", i, name);
    }
    return TD_OK;
}

void td__facts_turn(const td_net *net, const td_schedule *s, const td__facts *f, int i,
                    td_problem *out) {
    td_layer_problem(net, f->layer[i], s->batch, out);
    out->bits[TD_O] = (uint8_t)f->word[f->end[i]]; /* of what it hands on */
    if (f->behind[i] - f->first[i] == 1) return;
    out->dim[TD_P] = s->interval[i].rows;
    out->pad[0] = out->pad[2] = 0; /* as if it were in the middle of the image */
}

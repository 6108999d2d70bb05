/* td_timeline_check: is what a timeline shows possible on the accelerator, and is it an inference
 * of the network? It shares no code with the files that make schedules and timelines, the evaluator
 * of mappings aside. Of the schedule it takes the mappings, and the sums that it compares with. */
#include <stdio.h>
#include <string.h>

#include "schedule_facts.h"

/* Staged weights are there from their loading to their use: for this inference, and (of the first
 * interval, whose are loaded in the last one) for the next. */
enum { STAGED_NOW = 1, STAGED_NEXT = 2, STAGED = STAGED_NOW | STAGED_NEXT };

/* What the timeline moves and holds for an interval. Bytes. */
typedef struct {
    double own[TD_NTENSOR][2]; /* [write] */
    double ahead;              /* its weights, in the interval before */
    double tiles;
    int resident;                /* holdings of its weights that are there all the time */
    unsigned staged;             /* of those that are staged */
    bool resident_any, held_any; /* holdings of its weights or its value, however long */
    bool value;                  /* its value is on chip from maker to last reader */
    bool bands;                  /* rows of it are, within its stack */
} account;

typedef struct {
    const td_net *net;
    const td_hw *hw;
    const td_schedule *s;
    const td_timeline *t;
    td__facts f;
    account *of;
    td_error *err;
} checker;

static const char *name_of(const checker *c, int layer) {
    return td_net_layer(c->net, layer)->name;
}

/* i: interval, -1: none. */
static td_status fail(const checker *c, int i, const char *format, ...) TD_PRINTF(3, 4);
static td_status fail(const checker *c, int i, const char *format, ...) {
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (i < 0) return td_fail(c->err, TD_E_INPUT, "timeline: %s", text);
    return td_fail(c->err, TD_E_INPUT, "timeline: interval %d (%s): %s", i,
                   name_of(c, c->f.layer[i]), text);
}

static bool close_to(double a, double b) {
    return fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b));
}

static bool finite_all(double a, double b, double c) {
    return isfinite(a) && isfinite(b) && isfinite(c);
}

/* ---- intervals --------------------------------------------------------------------------------
 */

static td_status slots(const checker *c) {
    const td_timeline *t = c->t;
    double at = 0;
    if (t->n_slots != c->f.n || c->s->n != c->f.n)
        return fail(c, -1, "%d intervals for %d layers or chains", t->n_slots, c->f.n);
    if (t->clock_hz != c->hw->clock_hz || t->cold != c->s->cold || t->batch != c->s->batch)
        return fail(c, -1, "it is of another schedule or accelerator");
    for (int i = 0; i < t->n_slots; i++) {
        const td_slot *x = &t->slot[i];
        if (x->layer != c->f.layer[i] || x->mapped != c->f.mapped[i])
            return fail(c, i, "another layer runs in its turn");
        if (!finite_all(x->start, x->end, x->compute) || x->compute < 0)
            return fail(c, i, "its times are no times");
        if (x->start != at)
            return fail(c, i, "starts at %.0f, the one before ends at %.0f", x->start, at);
        if (x->end - x->start < x->compute)
            return fail(c, i, "computes for %.0f cycles in %.0f", x->compute, x->end - x->start);
        at = x->end;
    }
    if (t->cycles != at)
        return fail(c, -1, "%.0f cycles, its intervals end at %.0f", t->cycles, at);
    return TD_OK;
}

/* ---- transfers --------------------------------------------------------------------------------
 */

static bool reads(const checker *c, int i, int layer) {
    const td_layer *l = td_net_layer(c->net, c->f.layer[i]);
    for (int k = 0; k < l->n_inputs; k++)
        if (l->input[k] == layer) return true;
    return c->f.joined[i] >= 0 && c->f.other[i] == layer;
}

/* It is of something that its user works on, and runs within its interval. */
static td_status transfer(const checker *c, int k) {
    const td_transfer *x = &c->t->transfer[k];
    const td__facts *f = &c->f;
    if (x->interval < 0 || x->interval >= f->n || x->user < 0 || x->user >= f->n)
        return fail(c, -1, "transfer %d is of no interval", k);
    int i = x->interval, u = x->user;
    const td_slot *slot = &c->t->slot[i];
    if (!finite_all(x->bytes, x->start, x->end) || !(x->bytes > 0) || !(x->end > x->start))
        return fail(c, i, "a transfer of %g bytes from %g to %g", x->bytes, x->start, x->end);
    if (x->start < slot->start || x->end > slot->end)
        return fail(c, i, "a transfer leaves it: %.0f to %.0f", x->start, x->end);
    if (u != (x->ahead ? (i + 1) % f->n : i)) return fail(c, i, "it moves data of interval %d", u);
    bool known = x->tensor == TD_W   ? f->mapped[u] && x->layer == f->layer[u] && !x->write
                 : x->tensor == TD_I ? reads(c, u, x->layer) && !x->write && !x->ahead
                 : x->tensor == TD_O ? x->layer == f->end[u] && !x->ahead
                                     : false;
    if (!known) return fail(c, i, "it moves data that interval %d has nothing to do with", u);
    if (x->ahead && c->s->cold && i == f->n - 1)
        return fail(c, i, "a single inference loads for the next one");
    if (x->ahead)
        c->of[u].ahead += x->bytes;
    else
        c->of[u].own[x->tensor][x->write] += x->bytes;
    return TD_OK;
}

/* At the start of each transfer, since only there the sum of the rates rises. */
static td_status bandwidth(const checker *c, int k) {
    const td_transfer *at = &c->t->transfer[k];
    const td_level *top = &c->hw->level[c->hw->n - 1];
    double rate[2] = {0, 0}; /* bits per cycle */
    for (int j = 0; j < c->t->n_transfers; j++) {
        const td_transfer *x = &c->t->transfer[j];
        if (x->start <= at->start && at->start < x->end)
            rate[x->write] += 8 * x->bytes / (x->end - x->start);
    }
    double more = 1 + 1e-9;
    if (rate[0] > top->read_bw * more || rate[1] > top->write_bw * more ||
        rate[0] + rate[1] > top->shared_bw * more)
        return fail(c, at->interval,
                    "at %.0f, %.2f bytes per cycle in and %.2f out: more than %s has", at->start,
                    rate[0] / 8, rate[1] / 8, top->name);
    return TD_OK;
}

/* When the weights that a layer of a stack loads are there, from its start: its first turn needs
 * them all. */
static double weights_there(const checker *c, int i) {
    double there = 0;
    for (int j = 0; j < c->t->n_transfers; j++) {
        const td_transfer *x = &c->t->transfer[j];
        bool own = x->interval == i && x->tensor == TD_W && !x->ahead;
        if (own && c->f.behind[i] - c->f.first[i] > 1) there = fmax(there, x->end);
    }
    return there > 0 ? there - c->t->slot[i].start : 0;
}

/* An interval lasts no longer than what it computes or what passes the outermost level in it, and
 * long enough for the turns that come after its weights. */
static td_status length(const checker *c, int i) {
    const td_level *top = &c->hw->level[c->hw->n - 1];
    const td_slot *slot = &c->t->slot[i];
    double bits[2] = {0, 0};
    for (int j = 0; j < c->t->n_transfers; j++)
        if (c->t->transfer[j].interval == i)
            bits[c->t->transfer[j].write] += 8 * c->t->transfer[j].bytes;
    double need = fmax(fmax(bits[0] / top->read_bw, bits[1] / top->write_bw),
                       (bits[0] + bits[1]) / top->shared_bw);
    double all = slot->end - slot->start, there = weights_there(c, i);
    double late = there > 0 ? there + slot->compute * (slot->bands - 1) / slot->bands : 0;
    if (all * (1 + 1e-9) < late)
        return fail(c, i,
                    "lasts %.0f cycles, its weights are there after %.0f, and then %d turns "
                    "of %.0f",
                    all, there, slot->bands - 1, slot->compute / slot->bands);
    need = fmax(need, late + 1); /* whole cycles, of the load and of the turns */
    if (all > slot->compute && all >= need + 1.5)
        return fail(c, i, "lasts %.0f cycles, %.0f of computing and %.0f of transfers", all,
                    slot->compute, ceil(need));
    return TD_OK;
}

/* ---- holdings ---------------------------------------------------------------------------------
 */

static bool covers(const td_holding *h, double start, double end) {
    return h->start <= start && h->end >= end;
}

/* The layers of a stack take turns, so that its room is taken from the first to the last. */
static double stack_start(const checker *c, int i) {
    return c->t->slot[c->f.first[i]].start;
}

static double stack_end(const checker *c, int i) {
    return c->t->slot[c->f.behind[i] - 1].end;
}

static bool stacked(const checker *c, int i) {
    return c->f.behind[i] - c->f.first[i] > 1;
}

/* Weights of interval i: for the interval, from when their loading starts. */
static void weights_held(const checker *c, int i, const td_holding *h) {
    account *a = &c->of[i];
    if (h->kind == TD_HOLD_RESIDENT) {
        a->resident_any = true;
        a->resident += covers(h, 0, c->t->cycles);
        return;
    }
    const int n = c->f.n;
    if (i > 0) {
        /* Without a load ahead, the stack itself loads them. */
        double from = a->ahead > 0 ? stack_start(c, i - 1) : stack_start(c, i);
        bool loaded = a->ahead > 0 || stacked(c, i);
        if (loaded && covers(h, from, stack_end(c, i))) a->staged = STAGED;
        return;
    }
    if (c->s->cold && !stacked(c, 0)) return;
    const bool now = covers(h, 0, stack_end(c, 0));
    const bool next = covers(h, stack_start(c, n - 1), c->t->cycles);
    if (now && (!next || !(a->staged & STAGED_NOW)))
        a->staged |= STAGED_NOW;
    else if (next)
        a->staged |= STAGED_NEXT;
}

static td_status holding(const checker *c, int k) {
    const td_holding *h = &c->t->holding[k];
    const td__facts *f = &c->f;
    if (h->layer < 1 || h->layer >= td_net_size(c->net) || h->bytes < 0 ||
        !finite_all(h->start, h->end, 0) || h->start < 0 || h->end > c->t->cycles)
        return fail(c, -1, "holding %d is none", k);
    int i = f->interval[h->layer];
    const td_slot *slot = &c->t->slot[i];
    double bytes = (double)h->bytes;
    if (h->kind == TD_HOLD_BANDS) {
        if (h->layer != f->end[i] || c->of[i].bands || bytes != f->between[i] / 8 ||
            !covers(h, stack_start(c, i), stack_end(c, i)))
            return fail(c, i, "holds %.0f bytes of bands, expected %.0f once for its stack", bytes,
                        f->between[i] / 8);
        c->of[i].bands = true;
        return TD_OK;
    }
    if (h->kind == TD_HOLD_VALUE) {
        if (h->layer != f->end[i]) return fail(c, i, "holds a value inside its chain");
        if (bytes != f->value[h->layer] / 8)
            return fail(c, i, "its value has %.0f bytes on chip, expected %.0f", bytes,
                        f->value[h->layer] / 8);
        int last = f->last[h->layer] > i ? f->last[h->layer] : i;
        c->of[i].held_any = true;
        c->of[i].value = c->of[i].value || covers(h, stack_start(c, i), stack_end(c, last));
        return TD_OK;
    }
    if (!f->mapped[i] || h->layer != f->layer[i])
        return fail(c, i, "holds %s of a layer without", td_hold_name(h->kind));
    if (h->kind == TD_HOLD_TILES) {
        if (!covers(h, slot->start, slot->end))
            return fail(c, i, "its tiles are not there throughout");
        c->of[i].tiles += bytes;
        return TD_OK;
    }
    if (bytes != f->weights[i] / 8)
        return fail(c, i, "its weights have %.0f bytes on chip, expected %.0f", bytes,
                    f->weights[i] / 8);
    weights_held(c, i, h);
    return TD_OK;
}

/* Bytes that stand on chip at a moment. */
static double held_at(const checker *c, double cycle) {
    double bytes = 0;
    for (int j = 0; j < c->t->n_holdings; j++) {
        const td_holding *h = &c->t->holding[j];
        if (h->start <= cycle && cycle < h->end) bytes += (double)h->bytes;
    }
    return bytes;
}

/* Capacities are whole bytes per store, so a few may be lost to rounding. */
static double slack(const checker *c) {
    return c->f.home < 0 ? 0 : 8 + 2.0 * c->hw->level[c->f.tiles].instances;
}

/* Within the capacity at every moment (it rises at starts only), and what the schedule says. */
static td_status occupancy(const checker *c) {
    double pool = c->f.home < 0 ? 0 : c->f.pool / 8;
    for (int k = 0; k < c->t->n_holdings; k++) {
        double at = c->t->holding[k].start, held = held_at(c, at);
        if (held > pool)
            return fail(c, -1, "at %.0f, %.0f bytes on chip, %.0f are there", at, held, pool);
    }
    for (int i = 0; i < c->f.n; i++) {
        const td_slot *slot = &c->t->slot[i];
        double most = held_at(c, slot->start), said = (double)c->s->interval[i].chip_bytes;
        for (int k = 0; k < c->t->n_holdings; k++) {
            double at = c->t->holding[k].start;
            if (at > slot->start && at < slot->end) most = fmax(most, held_at(c, at));
        }
        if (slot->end > slot->start && fabs(most - said) > slack(c))
            return fail(c, i, "%.0f bytes on chip, the schedule has %.0f", most, said);
    }
    return TD_OK;
}

/* ---- what an interval works on ----------------------------------------------------------------
 */

/* A value that stays on chip is not moved; any other is written by its maker, and brought for every
 * reader. Each of a mapped layer's by as much as its mapping moves: see mapped(). */
static bool hands_on(const checker *c, int i) {
    return i + 1 < c->f.behind[i];
}

static td_status value(const checker *c, int i) {
    const account *a = &c->of[i];
    double written = a->own[TD_O][1];
    int v = c->f.end[i];
    if (a->held_any && !a->value)
        return fail(c, i, "its value is not on chip until its last reader has ended");
    if (hands_on(c, i)) {
        if (!a->bands || a->held_any) return fail(c, i, "its bands have no place on chip");
        if (written + a->own[TD_O][0] > 0)
            return fail(c, i, "its value is handed on in bands and is moved all the same");
        return TD_OK;
    }
    if (a->value) {
        if (v == td_net_output(c->net)) return fail(c, i, "the network's output stays on chip");
        if (written + a->own[TD_O][0] > 0)
            return fail(c, i, "its value stays on chip and is moved all the same");
        return TD_OK;
    }
    double least = c->f.value[v] / 8;
    td_problem p;
    if (td_layer_problem(c->net, c->f.layer[i], c->s->batch, &p))
        least = (double)td_problem_words(&p, TD_O) * c->f.word[v] / 8;
    if (written < least * (1 - 1e-9))
        return fail(c, i, "%.0f bytes of its value are written, %.0f are made", written, least);
    if (!c->f.mapped[i] && !close_to(written, least))
        return fail(c, i, "%.0f bytes are written for %.0f", written, least);
    return TD_OK;
}

static bool on_chip(const checker *c, int v) {
    return v > 0 && c->of[c->f.interval[v]].value;
}

/* The input of interval i, in bands or as a whole. */
static bool input_on_chip(const checker *c, int i) {
    return c->f.first[i] < i || on_chip(c, td_net_layer(c->net, c->f.layer[i])->input[0]);
}

/* Whether a tap of a convolution falls on its input along an axis. All may fall on padding, as of a
 * kernel of 2 with dilation 2 over one row. */
static bool taps_input(const td_layer *l, int axis, int in, int out) {
    for (int k = 0; k < l->kernel[axis]; k++)
        for (int o = 0; o < out; o++) {
            const int64_t at = (int64_t)o * l->stride[axis] + (int64_t)k * l->dilation[axis];
            if (at >= l->pad[axis] && at < l->pad[axis] + in) return true;
        }
    return false;
}

static bool reads_input(const checker *c, int i) {
    const td_layer *l = td_net_layer(c->net, c->f.layer[i]);
    const td_shape x = td_layer_input(c->net, c->f.layer[i], 0);
    return l->op != TD_OP_CONV || (taps_input(l, 0, x.h, l->h) && taps_input(l, 1, x.w, l->w));
}

static td_status inputs(const checker *c, int i) {
    const td_layer *l = td_net_layer(c->net, c->f.layer[i]);
    const bool joined = c->f.joined[i] >= 0;
    const int n = l->op == TD_OP_MATMUL ? 1 : l->n_inputs; /* the second comes as weights do */
    for (int k = 0; k < n + joined; k++) {
        int v = k < n ? l->input[k] : c->f.other[i];
        double brought = 0, uses = joined && k == n;
        for (int j = 0; j < n; j++)
            if (l->input[j] == v)
                uses += c->f.mapped[i] ? 1 : td_layer_input_share(c->net, c->f.layer[i], j);
        for (int j = 0; j < c->t->n_transfers; j++) {
            const td_transfer *x = &c->t->transfer[j];
            if (x->user == i && x->tensor == TD_I && x->layer == v) brought += x->bytes;
        }
        bool chip = k == 0 ? input_on_chip(c, i) : on_chip(c, v);
        if (chip && brought > 0)
            return fail(c, i, "%s is on chip and brought all the same", name_of(c, v));
        if (!chip && brought == 0 && (k > 0 || reads_input(c, i)))
            return fail(c, i, "%s is neither on chip nor brought", name_of(c, v));
        bool exact = !c->f.mapped[i] || (k == n && uses <= 1);
        if (!chip && exact && !close_to(brought, uses * c->f.value[v] / 8))
            return fail(c, i, "%.0f bytes of %s are brought, %.0f are read", brought, name_of(c, v),
                        uses * c->f.value[v] / 8);
    }
    return TD_OK;
}

static td_status weights(const checker *c, int i) {
    const account *a = &c->of[i];
    double own = a->own[TD_W][0], bytes = c->f.weights[i] / 8;
    if (!c->f.mapped[i]) return TD_OK;
    if (a->resident_any && a->resident != 1)
        return fail(c, i, "its resident weights are not there all the time");
    if (a->resident == 1 && a->staged != 0) return fail(c, i, "its weights are there twice");
    if (a->resident == 1) {
        double loaded = own + a->ahead;
        if (!c->s->cold && loaded > 0)
            return fail(c, i, "its weights are resident and loaded all the same");
        if (c->s->cold && !close_to(loaded, bytes))
            return fail(c, i, "%.0f bytes of its resident weights are loaded, not %.0f", loaded,
                        bytes);
    } else if (stacked(c, i) && a->ahead == 0) {
        if (!(a->staged & STAGED_NOW))
            return fail(c, i, "its weights have no place for as long as its stack runs");
        if (!close_to(own, bytes))
            return fail(c, i, "%.0f bytes of its weights are loaded, not %.0f", own, bytes);
    } else if (a->staged != 0 || a->ahead > 0) {
        if (a->staged != STAGED)
            return fail(c, i, "its weights have no place from their loading to their use");
        if (!close_to(a->ahead, bytes))
            return fail(c, i, "%.0f bytes of its weights are loaded ahead, not %.0f", a->ahead,
                        bytes);
        if (own > 0) return fail(c, i, "its weights are staged and loaded again");
    } else if (own < bytes * (1 - 1e-9) - 1) {
        return fail(c, i, "%.0f bytes of its weights are brought, it has %.0f", own, bytes);
    }
    return TD_OK;
}

/* The accelerator for a mapping of which some tensors come from the chip: every level may be passed
 * by, and the pool is as large as it is for all. */
static td_hw loosened(const checker *c) {
    td_hw h = *c->hw;
    for (int l = 0; l < h.n; l++) h.level[l].must_keep = 0;
    if (c->f.home >= 0 && c->f.home != c->f.tiles)
        h.level[c->f.home].capacity_bits = isfinite(c->f.pool) ? (int64_t)c->f.pool : -1;
    return h;
}

/* Bits of a tensor's tile in one instance of a level, with its buffering. */
static double tile_bits(const checker *c, const td_interval *v, const td_cost *k, int level,
                        int x) {
    if (!(v->mapping.keep[level] & TD_BIT(x))) return 0;
    return k->at[level][x].tile_words *
           td_word_bits(&v->problem, &v->mapping, level, (td_tensor)x) *
           c->hw->level[level].buffering;
}

/* Cycles of the layer joined to interval i, whose mapping costs k: lanes, the unit's port, and the
 * home level, which gives the other operand beside what the mapping moves there. */
static double joined_cycles(const checker *c, int i, const td_cost *k) {
    const td_interval *v = &c->s->interval[i];
    const td_layer *l = td_net_layer(c->net, c->f.joined[i]);
    double out = (double)l->c * l->h * l->w * c->s->batch, ops = 0;
    for (int j = c->f.joined[i]; j <= c->f.end[i]; j++) ops += c->f.interval[j] == i ? out : 0;
    double cycles = ceil(ops / c->hw->vec.lanes);
    if (!on_chip(c, c->f.other[i]) || c->f.home < 0) return cycles;
    const td_level *home = &c->hw->level[c->f.home];
    double read = c->f.value[c->f.other[i]], write = 0;
    cycles = fmax(cycles, ceil(read / c->hw->vec.bw));
    for (int x = 0; x < TD_NTENSOR; x++) {
        if (!(v->mapping.keep[c->f.home] & TD_BIT(x))) continue;
        double word = td_word_bits(&v->problem, &v->mapping, c->f.home, (td_tensor)x) *
                      k->at[c->f.home][x].moved;
        read += c->f.passes[i] * k->at[c->f.home][x].reads * word;
        write += c->f.passes[i] * (k->at[c->f.home][x].fills + k->at[c->f.home][x].updates) * word;
    }
    cycles = fmax(cycles, ceil(fmax(read / home->read_bw, write / home->write_bw)));
    return fmax(cycles, ceil((read + write) / home->shared_bw));
}

/* Traffic, cycles and tiles are those of the mapping, evaluated again. */
static td_status mapped(const checker *c, int i) {
    const td_interval *v = &c->s->interval[i];
    const td_layer *l = td_net_layer(c->net, c->f.layer[i]);
    const account *a = &c->of[i];
    const int top = c->hw->n - 1;
    td_hw h = loosened(c);
    td_cost k;
    td_error inner = {0};
    if (!c->f.mapped[i]) return TD_OK;
    if (td_cost_evaluate(&v->problem, &h, &v->mapping, c->s->counting, &k, &inner) != TD_OK)
        return fail(c, i, "its mapping is refused: %s", inner.message);
    /* Loaded once, beside what the mapping moves: nothing. */
    bool once = (c->s->cold && a->resident == 1) || (stacked(c, i) && a->ahead == 0);
    double cycles = (double)k.compute_cycles;
    for (int j = 0; j < top; j++) cycles = fmax(cycles, (double)k.level_cycles[j]);
    cycles *= c->f.passes[i];
    if (c->f.joined[i] >= 0) cycles = fmax(cycles, joined_cycles(c, i, &k));
    if (c->t->slot[i].compute != cycles)
        return fail(c, i, "computes for %.0f cycles, its mapping takes %.0f", c->t->slot[i].compute,
                    cycles);
    const bool chip[TD_NTENSOR] = {a->resident == 1 || a->staged != 0, input_on_chip(c, i),
                                   a->value || a->bands};
    td_problem turn;
    td__facts_turn(c->net, c->s, &c->f, i, &turn);
    const double whole[TD_NTENSOR] = {c->f.weights[i], c->f.value[l->input[0]],
                                      c->f.value[c->f.end[i]]};
    double tiles = 0;
    for (int x = 0; x < TD_NTENSOR; x++) {
        double move[2] = {0, 0};
        if (v->mapping.keep[top] & TD_BIT(x)) {
            double word = td_word_bits(&v->problem, &v->mapping, top, (td_tensor)x) / 8.0;
            word *= c->f.passes[i] * k.at[top][x].moved;
            move[0] = k.at[top][x].reads * word * k.used[top];
            move[1] = (k.at[top][x].fills + k.at[top][x].updates) * word * k.used[top];
        }
        if (x == TD_I && c->f.joined[i] >= 0 && !on_chip(c, c->f.other[i]))
            move[0] += c->f.value[c->f.other[i]] / 8;
        for (int write = 0; write < 2; write++)
            if (!(x == TD_W && once) && !close_to(move[write], a->own[x][write]))
                return fail(c, i, "%.1f bytes of %c %s, its mapping moves %.1f", a->own[x][write],
                            td_tensor_letter[x], write ? "out" : "in", move[write]);
        if (c->f.home < 0) continue;
        double held = tile_bits(c, v, &k, c->f.home, x);
        /* The value, or its rows in a stack, are a holding of their own. */
        if (stacked(c, i))
            tiles +=
                held - (chip[x] ? (double)td_problem_words(&turn, (td_tensor)x) * turn.bits[x] : 0);
        else
            tiles += chip[x] ? fmax(held - whole[x], 0) : held;
        if (c->f.tiles != c->f.home)
            tiles += tile_bits(c, v, &k, c->f.tiles, x) * c->hw->level[c->f.tiles].instances;
    }
    tiles = fmax(tiles, 0);
    if (fabs(tiles / 8 - a->tiles) > slack(c))
        return fail(c, i, "its tiles have %.0f bytes, its mapping needs %.0f", a->tiles, tiles / 8);
    return TD_OK;
}

/* Computing takes at least what all MACs or all lanes together need. */
static td_status roofline(const checker *c, int i) {
    td_problem p;
    double least = 0;
    if (td_layer_problem(c->net, c->f.layer[i], c->s->batch, &p)) {
        least = (double)td_problem_macs(&p) / (double)td_hw_peak_macs(c->hw);
    }
    if (!c->f.mapped[i] || c->f.joined[i] >= 0) {
        if (c->hw->vec.lanes < 1) return fail(c, i, "it needs the vector unit, there is none");
        int on_unit = c->f.mapped[i] ? c->f.joined[i] : c->f.layer[i];
        const td_layer *l = td_net_layer(c->net, on_unit);
        least = fmax(least, (double)l->c * l->h * l->w * c->s->batch / c->hw->vec.lanes);
    }
    if (c->t->slot[i].compute < least * (1 - 1e-9))
        return fail(c, i, "computes for %.0f cycles, at least %.0f are needed",
                    c->t->slot[i].compute, ceil(least));
    return TD_OK;
}

/* ---- the whole --------------------------------------------------------------------------------
 */

static td_status sums(const checker *c) {
    const td_timeline *t = c->t;
    double bytes = 0, peak = 0, resident = 0;
    for (int k = 0; k < t->n_transfers; k++) bytes += t->transfer[k].bytes;
    for (int k = 0; k < t->n_holdings; k++) {
        peak = fmax(peak, held_at(c, t->holding[k].start));
        if (t->holding[k].kind == TD_HOLD_RESIDENT) resident += (double)t->holding[k].bytes;
    }
    if (!close_to(t->cycles / t->clock_hz, c->s->latency_s))
        return fail(c, -1, "%.12g s, the schedule has %.12g", t->cycles / t->clock_hz,
                    c->s->latency_s);
    if (!close_to(bytes, c->s->dram_bytes))
        return fail(c, -1, "%.1f bytes are moved, the schedule has %.1f", bytes, c->s->dram_bytes);
    if (resident != (double)c->s->resident_weight_bytes)
        return fail(c, -1, "%.0f bytes of weights are resident, the schedule has %lld", resident,
                    (long long)c->s->resident_weight_bytes);
    if (fabs(peak - (double)c->s->peak_chip_bytes) > slack(c))
        return fail(c, -1, "at most %.0f bytes on chip, the schedule has %lld", peak,
                    (long long)c->s->peak_chip_bytes);
    return TD_OK;
}

static td_status check(checker *c) {
    td_status st = slots(c);
    if (st == TD_OK) {
        st = td__facts_stacks(c->net, c->s, &c->f, c->err);
        if (st != TD_OK) td_error_prefix(c->err, "timeline");
    }
    for (int k = 0; k < c->t->n_transfers && st == TD_OK; k++) st = transfer(c, k);
    for (int k = 0; k < c->t->n_transfers && st == TD_OK; k++) st = bandwidth(c, k);
    for (int k = 0; k < c->t->n_holdings && st == TD_OK; k++) st = holding(c, k);
    for (int i = 0; i < c->f.n && st == TD_OK; i++) {
        st = length(c, i);
        if (st == TD_OK) st = roofline(c, i);
        if (st == TD_OK) st = value(c, i);
        if (st == TD_OK) st = inputs(c, i);
        if (st == TD_OK) st = weights(c, i);
        if (st == TD_OK) st = mapped(c, i);
    }
    if (st == TD_OK) st = occupancy(c);
    if (st == TD_OK) st = sums(c);
    return st;
}

td_status td_timeline_check(const td_net *net, const td_hw *hw, const td_schedule *s,
                            const td_timeline *t, td_error *err) {
    td_status st = td_net_check(net, err);
    if (st == TD_OK) st = td_hw_check(hw, err);
    if (st != TD_OK) return st;
    if (s->interval == NULL || s->batch < 1 || t->slot == NULL)
        return td_fail(err, TD_E_INPUT, "timeline: it is empty");
    td_arena *a = td_arena_create();
    checker c = {.net = net, .hw = hw, .s = s, .t = t, .err = err};
    st = a == NULL ? td_fail(err, TD_E_MEMORY, "out of memory for the check")
                   : td__facts_of(net, hw, s->batch, a, &c.f, err);
    if (st == TD_OK) {
        c.of = TD_NEW(a, account, c.f.n);
        st = c.of != NULL ? check(&c) : td_fail(err, TD_E_MEMORY, "out of memory for the check");
    }
    td_arena_destroy(a);
    return st;
}

/* The timeline of a schedule. Bytes, cycles and places are the schedule's own, so that a schedule
 * with a fault gives a timeline with one; only what the schedule tells as sums is told apart here:
 * partial sums, operands, and who takes which part of the pool. */
#include <stdlib.h>
#include <string.h>

#include "schedule.h"

static const char *const hold_names[TD_NHOLD] = {"resident", "staged", "value", "bands", "tiles"};

const char *td_hold_name(td_hold h) {
    return hold_names[h];
}

typedef struct {
    const td_hw *hw;
    const td_schedule *s;
    td__sched_plan plan;
    td__home home;
    td_timeline *out;
    double read, write; /* bits per cycle of the own transfers of the interval at hand */
    double from;        /* when they begin */
    td__stack *stack;   /* by interval, with turns and rows; n 1: alone */
} work;

/* ---- transfers --------------------------------------------------------------------------------
 */

/* One of the interval's own: over all of it, or what is left when its stack's weights are there. */
static void stream(work *w, int i, int layer, td_tensor tensor, bool write, double bytes) {
    const double end = w->out->slot[i].end;
    if (bytes == 0) return;
    w->out->transfer[w->out->n_transfers++] = (td_transfer){.interval = i,
                                                            .user = i,
                                                            .layer = layer,
                                                            .tensor = tensor,
                                                            .write = write,
                                                            .bytes = bytes,
                                                            .start = w->from,
                                                            .end = end};
    *(write ? &w->write : &w->read) += 8 * bytes / (end - w->from);
}

/* Weights: as all that is streamed. Those that a layer of a stack needs in its first turn already
 * come before anything else, as fast as they can. */
static void stream_weights(work *w, int i) {
    const td_level *top = &w->hw->level[w->home.top];
    const double bytes = w->s->interval[i].dram_bytes[TD_W];
    stream(w, i, w->plan.step[i].layer, TD_W, false, bytes);
    if (w->stack[i].n == 1 || bytes == 0) return;
    td_transfer *x = &w->out->transfer[w->out->n_transfers - 1];
    double takes = 8 * bytes / fmin(top->read_bw, top->shared_bw);
    if (takes == 0)
        takes = 1; /* bandwidth without a limit: a cycle, as each turn has one at least */
    x->end = fmin(x->end, x->start + takes);
    w->from = x->end;
    w->read = 0;
}

/* Operands of a vector layer; of a mapped one its input, of which its mapping may read parts
 * several times, and the other operand of what is joined to it. */
static void stream_inputs(work *w, int i) {
    const td_interval *t = &w->s->interval[i];
    const td__step *s = &w->plan.step[i];
    if (t->mapped) {
        double other = 0; /* of the layer joined to it */
        if (t->joined >= 0 && t->input2 == TD_AT_DRAM)
            other = (double)w->plan.value[s->in[1]].bits / 8;
        stream(w, i, s->in[0], TD_I, false, t->dram_bytes[TD_I] - other);
        if (other > 0) stream(w, i, s->in[1], TD_I, false, other);
        return;
    }
    for (int k = 0; k < s->n_in; k++) {
        int maker = w->plan.value[s->in[k]].maker;
        td_place place = k == 0      ? t->input
                         : k == 1    ? t->input2
                         : maker < 0 ? TD_AT_DRAM
                                     : w->s->interval[maker].output;
        if (place == TD_AT_DRAM)
            stream(w, i, s->in[k], TD_I, false, td__operand_bits(&w->plan, i, k) / 8);
    }
}

static void stream_outputs(work *w, int i) {
    const td_interval *t = &w->s->interval[i];
    double back = 0; /* partial sums that return */
    if (t->mapped && (t->mapping.keep[w->home.top] & TD_BIT(TD_O)))
        back = t->bands * t->cost.at[w->home.top][TD_O].reads * t->cost.used[w->home.top] *
               td_word_bits(&t->problem, &t->mapping, w->home.top, TD_O) *
               t->cost.at[w->home.top][TD_O].moved / 8;
    stream(w, i, w->plan.step[i].value, TD_O, false, back);
    stream(w, i, w->plan.step[i].value, TD_O, true, t->dram_bytes[TD_O] - back);
}

/* Weights of the next interval: as fast as the others let them, in whole cycles. */
static void load_ahead(work *w, int i) {
    const td_level *top = &w->hw->level[w->home.top];
    const td_slot *slot = &w->out->slot[i];
    double bytes = w->s->interval[i].prefetch_bytes;
    int next = (i + 1) % w->plan.n;
    if (bytes == 0) return;
    double rate = fmin(top->read_bw - w->read, top->shared_bw - w->read - w->write);
    double all = slot->end - w->from, need = rate > 0 ? ceil(8 * bytes / rate) : all;
    w->out->transfer[w->out->n_transfers++] =
        (td_transfer){.interval = i,
                      .user = next,
                      .layer = w->plan.step[next].layer,
                      .tensor = TD_W,
                      .ahead = true,
                      .bytes = bytes,
                      .start = w->from,
                      .end = w->from + fmin(fmax(need, 1), all)};
}

/* ---- holdings ---------------------------------------------------------------------------------
 */

static void hold(work *w, td_hold kind, int layer, int64_t bits, double start, double end) {
    if (bits > 0)
        w->out->holding[w->out->n_holdings++] = (td_holding){
            .kind = kind, .layer = layer, .bytes = bits / 8, .start = start, .end = end};
}

/* A stack takes its room from its first interval to its last one, since its layers take turns. */
static double stack_start(const work *w, int i) {
    return w->out->slot[w->stack[i].first].start;
}

static double stack_end(const work *w, int i) {
    return w->out->slot[w->stack[i].first + w->stack[i].n - 1].end;
}

static void hold_weights(work *w, int i) {
    const int n = w->plan.n;
    const td__step *s = &w->plan.step[i];
    td_place place = w->s->interval[i].weights;
    bool ahead = (i > 0 || !w->s->cold) && w->s->interval[(i + n - 1) % n].prefetch_bytes > 0;
    if (place == TD_AT_CHIP) hold(w, TD_HOLD_RESIDENT, s->layer, s->weight_bits, 0, w->out->cycles);
    if (place != TD_AT_STAGED) return;
    hold(w, TD_HOLD_STAGED, s->layer, s->weight_bits, stack_start(w, ahead && i > 0 ? i - 1 : i),
         stack_end(w, i));
    if (i == 0 && ahead)
        hold(w, TD_HOLD_STAGED, s->layer, s->weight_bits, stack_start(w, n - 1), w->out->cycles);
}

static void hold_value(work *w, int i) {
    const td__step *s = &w->plan.step[i];
    const td__value *v = &w->plan.value[s->value];
    const td__stack *k = &w->stack[i];
    if (w->s->interval[i].output == TD_AT_BANDS)
        hold(w, TD_HOLD_BANDS, s->value, k->between[i - k->first], stack_start(w, i),
             stack_end(w, i));
    if (w->s->interval[i].output != TD_AT_CHIP) return;
    int last = v->last > i ? v->last : i;
    hold(w, TD_HOLD_VALUE, s->value, v->bits, stack_start(w, i), stack_end(w, last));
}

/* All that a mapped layer needs of the pool but its values and weights, which are there anyway. */
static void hold_tiles(work *w, int i) {
    const td_interval *t = &w->s->interval[i];
    const td__step *s = &w->plan.step[i];
    if (!t->mapped || w->home.home < 0) return;
    const int64_t *value = w->plan.shape_value[s->shape];
    const bool there[TD_NTENSOR] = {t->weights != TD_AT_DRAM, t->input != TD_AT_DRAM,
                                    t->output != TD_AT_DRAM};
    unsigned chip = 0;
    int64_t whole = 0;
    for (int k = 0; k < TD_NTENSOR; k++)
        if (there[k]) {
            chip |= TD_BIT(k);
            whole += value[k];
        }
    if (w->stack[i].n > 1) {
        td_problem turn = td__stack_turn(&w->plan, &w->stack[i], i - w->stack[i].first);
        hold(w, TD_HOLD_TILES, s->layer,
             td__home_tiles(w->hw, &w->home, &turn, &t->problem, &t->mapping, &t->cost, chip),
             w->out->slot[i].start, w->out->slot[i].end);
        return;
    }
    td__need n = td__home_need(w->hw, &w->home, &t->problem, &t->mapping, &t->cost, chip, value);
    hold(w, TD_HOLD_TILES, s->layer, n.home + n.beyond + n.tiles * w->home.stores - whole,
         w->out->slot[i].start, w->out->slot[i].end);
}

static int by_start(const void *a, const void *b) {
    const td_holding *x = a, *y = b;
    if (x->start != y->start) return x->start < y->start ? -1 : 1;
    return x->kind != y->kind ? (int)x->kind - (int)y->kind : x->layer - y->layer;
}

int64_t td_timeline_occupancy(const td_timeline *t, double cycle, int64_t bytes[TD_NHOLD]) {
    int64_t sum = 0;
    for (int k = 0; k < TD_NHOLD; k++) bytes[k] = 0;
    for (int i = 0; i < t->n_holdings && t->holding[i].start <= cycle; i++) {
        const td_holding *h = &t->holding[i];
        if (h->end <= cycle) continue;
        bytes[h->kind] += h->bytes;
        sum += h->bytes;
    }
    return sum;
}

/* ---- the whole --------------------------------------------------------------------------------
 */

static td_status allocate(work *w, td_error *err) {
    td_timeline *t = w->out;
    size_t n = (size_t)w->plan.n;
    t->slot = calloc(n, sizeof *t->slot);
    t->transfer = calloc(n * (TD_MAX_INPUTS + 4), sizeof *t->transfer); /* W, O twice, ahead */
    t->holding = calloc(n * 4, sizeof *t->holding); /* weights, perhaps twice; value; tiles */
    if (t->slot == NULL || t->transfer == NULL || t->holding == NULL)
        return td_fail(err, TD_E_MEMORY, "out of memory for the timeline");
    t->n_slots = w->plan.n;
    return TD_OK;
}

/* What hands its value on in bands runs as a stack with what takes it. */
static td_status find_stacks(work *w, td_error *err) {
    const td__sched_plan *p = &w->plan;
    for (int i = 0; i < p->n; i++) {
        td__stack k = {.first = i, .n = 1, .rows = {w->s->interval[i].rows}};
        for (; w->s->interval[i + k.n - 1].output == TD_AT_BANDS; k.n++) {
            bool most = k.n == TD__MAX_STACK || !p->step[i + k.n - 1].flows;
            if (most)
                return td_fail(err, TD_E_INPUT, "timeline: interval %d cannot hand on bands",
                               i + k.n - 1);
            k.rows[k.n] = w->s->interval[i + k.n].rows;
        }
        if (k.n > 1 && !td__stack_turns(p, &k))
            return td_fail(err, TD_E_INPUT, "timeline: the stack of interval %d has no end", i);
        for (int j = 0; j < k.n; j++) w->stack[i + j] = k;
        i += k.n - 1;
    }
    return TD_OK;
}

static td_status build(work *w, td_error *err) {
    const td__sched_plan *p = &w->plan;
    td_timeline *t = w->out;
    for (int i = 0; i < p->n; i++)
        if (p->n != w->s->n || w->s->interval[i].layer != p->step[i].layer)
            return td_fail(err, TD_E_INPUT, "timeline: the schedule is of another network than %s",
                           td_net_name(p->net));
    td_status st = find_stacks(w, err);
    if (st == TD_OK) st = allocate(w, err);
    if (st != TD_OK) return st;
    for (int i = 0; i < p->n; i++) {
        const td_interval *v = &w->s->interval[i];
        td_slot *slot = &t->slot[i];
        *slot = (td_slot){.layer = v->layer,
                          .mapped = v->mapped,
                          .bands = v->bands,
                          .start = t->cycles,
                          .end = t->cycles + v->cycles,
                          .compute = v->compute_cycles};
        memcpy(slot->limit, v->limit, sizeof slot->limit);
        t->cycles = slot->end;
    }
    for (int i = 0; i < p->n; i++) {
        w->read = w->write = 0;
        w->from = t->slot[i].start;
        stream_weights(w, i);
        stream_inputs(w, i);
        stream_outputs(w, i);
        load_ahead(w, i);
        hold_weights(w, i);
        hold_value(w, i);
        hold_tiles(w, i);
    }
    qsort(t->holding, (size_t)t->n_holdings, sizeof *t->holding, by_start);
    return TD_OK;
}

td_status td_timeline_build(const td_net *net, const td_hw *hw, const td_schedule *s,
                            td_timeline *out, td_error *err) {
    *out = (td_timeline){.clock_hz = hw->clock_hz, .cold = s->cold, .batch = s->batch};
    td_arena *a = td_arena_create();
    if (a == NULL) return td_fail(err, TD_E_MEMORY, "out of memory for the timeline");
    work w = {.hw = hw, .s = s, .out = out};
    td_status st = td_hw_check(hw, err);
    if (st == TD_OK) st = td__sched_plan_build(net, s->batch, a, &w.plan, err);
    if (st == TD_OK) {
        w.stack = TD_NEW(a, td__stack, w.plan.n);
        if (w.stack == NULL) st = td_fail(err, TD_E_MEMORY, "out of memory for the timeline");
    }
    if (st == TD_OK) {
        td__home_find(hw, &w.home);
        const td_level *tiles = w.home.home >= 0 ? &hw->level[w.home.tiles] : NULL;
        out->pool_bytes = tiles == NULL ? 0 : tiles->capacity_bits < 0 ? -1 : w.home.pool / 8;
        st = build(&w, err);
    }
    td_arena_destroy(a);
    if (st != TD_OK) td_timeline_free(out);
    return st;
}

void td_timeline_free(td_timeline *t) {
    if (t == NULL) return;
    free(t->slot);
    free(t->transfer);
    free(t->holding);
    *t = (td_timeline){0};
}

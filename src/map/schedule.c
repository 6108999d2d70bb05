/* The schedule of a network: see tandem/map.h for what it promises and schedule.h for its parts.
 *
 * What is exact and what is heuristic. Every cost is the evaluator's for a mapping that is there,
 * so every figure is attained by the schedule that is given. The dynamic program is exact for given
 * mappings (ways of the table) and resident weights. Heuristic are: the mapper's own search, the
 * capacities that it is asked for (schedule_table.c), the set of resident weights unless `proved`
 * (schedule_pick.c), and in a network with more than TD__MAX_LIVE values on chip at a time the
 * values that are sent to DRAM (schedule_plan.c). A bias, or the scale and shift of a fused batch
 * norm, stands in the drain path and is not counted, as everywhere in the layer problems. */
#include "schedule.h"

#include <stdlib.h>
#include <string.h>

void td_schedule_options_default(td_schedule_options *o) {
    *o = (td_schedule_options){.objective = TD_OBJ_LATENCY,
                               .counting = TD_COUNT_EXACT,
                               .batch = 1,
                               /* A schedule asks some fifty questions: more nodes a question would
                                * hardly change its latency. */
                               .max_nodes = 4000};
}

void td_schedule_free(td_schedule *s) {
    if (s == NULL) return;
    free(s->interval);
    *s = (td_schedule){0};
}

/* All that the parts work on. */
typedef struct {
    const td_hw *hw;
    const td_schedule_options *o;
    td__sched_plan plan;
    td__home home;
    td__table table;
    bool *resident, *on_chip; /* by interval, by value */
    td__choice *choice;
    int64_t resident_bits;
} work;

/* ---- one interval -----------------------------------------------------------------------------
 */

/* Interval whose weights are loaded during interval i, -1: none. */
static int loads_for(const work *w, int i) {
    int next = (i + 1) % w->plan.n;
    if (next == 0 && w->o->cold) return -1;
    return w->choice[next].ahead ? next : -1;
}

/* Bits of the pool in interval i that are not its own: resident weights of the others, values that
 * pass by, what is loaded for the next interval. */
static int64_t others_bits(const work *w, int i) {
    const td__sched_plan *p = &w->plan;
    const td__step *s = &p->step[i];
    int64_t bits = w->resident_bits - (w->resident[i] ? s->weight_bits : 0);
    for (int v = 0; v < p->n_value; v++) {
        if (!w->on_chip[v] || p->value[v].maker >= i || p->value[v].last < i) continue;
        bool mine = false;
        for (int k = 0; k < s->n_in; k++) mine = mine || s->in[k] == v;
        if (!mine) bits += p->value[v].bits;
    }
    int next = loads_for(w, i);
    if (next >= 0 && !w->resident[next]) bits += p->step[next].weight_bits;
    return bits;
}

static td_place place(bool on_chip) {
    return on_chip ? TD_AT_CHIP : TD_AT_DRAM;
}

static void name_limit(const td_hw *hw, td_interval *out, int level) {
    const double *d = out->dram_bytes;
    const char *name;
    if (out->compute_cycles >= out->dram_cycles)
        name = level >= 0                 ? hw->level[level].name
               : level == TD__VECTOR_PORT ? "vector port"
                                          : "compute";
    else if (out->prefetch_bytes >= d[TD_W] && out->prefetch_bytes >= d[TD_I] + d[TD_O])
        name = "prefetch";
    else
        name = d[TD_W] > d[TD_I] + d[TD_O] ? "DRAM weights" : "DRAM activations";
    memcpy(out->limit, name, strnlen(name, sizeof out->limit - 1));
}

/* Mapping, capacities and cost of a conv or fc; adds to *read, *write (bits) and returns its pJ. */
static td_status fill_mapped(const work *w, int i, td_interval *out, double *read, double *write,
                             double *pj, int *limit, td_error *err) {
    const td__home *h = &w->home;
    const td__step *s = &w->plan.step[i];
    const td__way *way = w->choice[i].way;
    out->mapped = true;
    out->macs = s->macs;
    out->problem = *way->problem;
    out->mapping = *way->mapping;
    out->weights = w->resident[i] ? TD_AT_CHIP : w->choice[i].ahead ? TD_AT_STAGED : TD_AT_DRAM;
    unsigned chip = (out->input == TD_AT_CHIP ? TD_BIT(TD_I) : 0) |
                    (out->output == TD_AT_CHIP ? TD_BIT(TD_O) : 0) |
                    (out->weights != TD_AT_DRAM ? TD_BIT(TD_W) : 0);
    /* Capacities cannot change a cost, so the first evaluation tells how much is needed of them. */
    int64_t whole = h->home >= 0 ? h->pool / h->stores : 0;
    td__home_layer_hw(w->hw, h, chip, h->pool, whole, &out->hw);
    td_status st =
        td_cost_evaluate(&out->problem, &out->hw, &out->mapping, w->o->counting, &out->cost, err);
    if (st != TD_OK) return st;
    if (h->home >= 0) {
        td__need need = td__home_need(w->hw, h, &out->problem, &out->mapping, &out->cost, chip,
                                      w->plan.shape_value[s->shape]);
        int64_t used = others_bits(w, i) + need.home + need.beyond;
        int64_t left = (h->pool - used) / h->stores / 8 * 8;
        td__home_layer_hw(w->hw, h, chip, need.home, left < whole ? left : whole, &out->hw);
        out->chip_bytes = (used + need.tiles * h->stores + 7) / 8;
    }
    double bits[TD_NTENSOR];
    td__dram_traffic(w->hw, &out->problem, &out->mapping, &out->cost, bits, read, write);
    for (int t = 0; t < TD_NTENSOR; t++) out->dram_bytes[t] = bits[t] / 8;
    out->compute_cycles = td__chip_cycles(&out->cost, h->top, limit);
    *pj = td__mapped_pj(w->hw, &out->cost);
    if (w->o->cold && w->resident[i] &&
        !w->choice[i].ahead) { /* loaded once, in its own interval */
        out->dram_bytes[TD_W] += (double)s->weight_bits / 8;
        *read += (double)s->weight_bits;
        *pj += td__load_pj(&w->plan, w->hw, h, i);
    }
    return TD_OK;
}

static void fill_vector(const work *w, int i, td_interval *out, double *read, double *write,
                        double *pj, int *limit) {
    const td__sched_plan *p = &w->plan;
    const td__step *s = &p->step[i];
    td__vector_work v;
    td__vector_step(p, i, w->on_chip, &v);
    int64_t bits = others_bits(w, i) + (w->on_chip[s->value] ? p->value[s->value].bits : 0);
    for (int k = 0; k < s->n_in; k++) {
        bool again = false;
        for (int j = 0; j < k; j++) again = again || s->in[j] == s->in[k];
        if (w->on_chip[s->in[k]] && !again) bits += p->value[s->in[k]].bits;
    }
    out->chip_bytes = (bits + 7) / 8;
    out->dram_bytes[TD_I] = v.dram_read / 8;
    out->dram_bytes[TD_O] = v.dram_write / 8;
    *read = v.dram_read;
    *write = v.dram_write;
    out->compute_cycles = td__vector_cycles(w->hw, &w->home, &v, limit);
    *pj = td__vector_pj(w->hw, &w->home, &v);
}

/* *pj: dynamic energy of the interval. */
static td_status fill(const work *w, int i, td_interval *out, double *pj, td_error *err) {
    const td__step *s = &w->plan.step[i];
    double read = 0, write = 0;
    int limit = -1;
    *out = (td_interval){.layer = s->layer};
    out->input = place(w->on_chip[s->in[0]]);
    out->input2 = s->n_in > 1 ? place(w->on_chip[s->in[1]]) : TD_AT_DRAM;
    out->output = place(w->on_chip[s->value]);
    if (s->shape >= 0) {
        td_status st = fill_mapped(w, i, out, &read, &write, pj, &limit, err);
        if (st != TD_OK) return st;
    } else {
        fill_vector(w, i, out, &read, &write, pj, &limit);
    }
    int next = loads_for(w, i);
    if (next >= 0) {
        out->prefetch_bytes = (double)w->plan.step[next].weight_bits / 8;
        read += (double)w->plan.step[next].weight_bits;
        *pj += td__load_pj(&w->plan, w->hw, &w->home, next);
    }
    out->dram_cycles = td__dram_cycles(w->hw, read, write);
    out->cycles = out->compute_cycles > out->dram_cycles ? out->compute_cycles : out->dram_cycles;
    out->latency_s = out->cycles / w->hw->clock_hz;
    out->energy_j = *pj * 1e-12 + w->hw->leak_w * out->latency_s;
    if (out->cycles > 0)
        out->utilization = (double)out->macs / (double)td_hw_peak_macs(w->hw) / out->cycles;
    name_limit(w->hw, out, limit);
    return TD_OK;
}

/* ---- the whole --------------------------------------------------------------------------------
 */

static td_status assemble(work *w, td_schedule *out, td_error *err) {
    const td__sched_plan *p = &w->plan;
    double cycles = 0, dynamic_pj = 0, macs = 0;
    out->interval = calloc((size_t)p->n, sizeof *out->interval);
    if (out->interval == NULL) return td_fail(err, TD_E_MEMORY, "out of memory for the schedule");
    out->n = p->n;
    for (int i = 0; i < p->n; i++) {
        if (w->resident[i]) w->resident_bits += p->step[i].weight_bits;
        w->on_chip[p->step[i].value] = w->choice[i].out_chip;
    }
    for (int i = 0; i < p->n; i++) {
        td_interval *t = &out->interval[i];
        double pj;
        td_status s = fill(w, i, t, &pj, err);
        if (s != TD_OK) return s;
        cycles += t->cycles;
        dynamic_pj += pj;
        macs += (double)t->macs;
        for (int k = 0; k < TD_NTENSOR; k++) out->dram_bytes += t->dram_bytes[k];
        out->dram_bytes += t->prefetch_bytes;
        if (t->chip_bytes > out->peak_chip_bytes) out->peak_chip_bytes = t->chip_bytes;
    }
    out->resident_weight_bytes = w->resident_bits / 8;
    out->latency_s = cycles / w->hw->clock_hz;
    out->dynamic_j = dynamic_pj * 1e-12;
    out->leak_j = w->hw->leak_w * out->latency_s;
    out->energy_j = out->dynamic_j + out->leak_j;
    out->power_w = out->latency_s > 0 ? out->energy_j / out->latency_s : 0;
    out->utilization = cycles > 0 ? macs / (double)td_hw_peak_macs(w->hw) / cycles : 0;
    out->bound_latency_s = td__bound_cycles(p, w->hw, &w->home, w->o->cold) / w->hw->clock_hz;
    return TD_OK;
}

static td_status check_options(const td_schedule_options *o, td_error *err) {
    if (o->objective != TD_OBJ_LATENCY && o->objective != TD_OBJ_ENERGY)
        return td_fail(err, TD_E_USAGE, "schedule: objective: expected latency or energy");
    if (o->batch < 1)
        return td_fail(err, TD_E_USAGE, "schedule: batch: expected a number >= 1, found %d",
                       o->batch);
    return TD_OK;
}

/* Layers that are not convolutions need a unit to run on. */
static td_status check_vector(const td__sched_plan *p, const td_hw *hw, td_error *err) {
    for (int i = 0; i < p->n && hw->vec.lanes < 1; i++) {
        const td_layer *l = td_net_layer(p->net, p->step[i].layer);
        if (p->step[i].shape < 0)
            return td_fail(err, TD_E_INFEASIBLE,
                           "layer %s: %s runs on the vector unit, and accelerator %s has none "
                           "(vector lanes: 0)",
                           l->name, td_op_name(l->op), hw->name);
    }
    return TD_OK;
}

static td_status solve(work *w, td_arena *a, td_schedule *out, int64_t *missing_bytes,
                       td_error *err) {
    td_status s = td__sched_plan_build(w->plan.net, w->o->batch, a, &w->plan, err);
    td__sched_plan *p = &w->plan;
    if (s == TD_OK) s = check_vector(p, w->hw, err);
    if (s != TD_OK) return s;
    td__home_find(w->hw, &w->home);
    td__sched_plan_limit(p, w->home.pool, w->home.may);
    s = td__table_build(p, w->hw, &w->home, w->o, a, &w->table, missing_bytes, err);
    if (s != TD_OK) return s;
    td__dp *dp = td__dp_create(p, w->hw, &w->home, &w->table, w->o->objective, a);
    w->resident = TD_NEW(a, bool, p->n);
    w->on_chip = TD_NEW(a, bool, p->n_value);
    w->choice = TD_NEW(a, td__choice, p->n);
    if (dp == NULL || !w->resident || !w->on_chip || !w->choice)
        return td_fail(err, TD_E_MEMORY, "out of memory for the schedule");
    td__answer best = {.choice = w->choice};
    bool found = td__pick_resident(dp, p, w->hw, &w->home, &w->table, w->o->objective, a,
                                   w->resident, &best, &out->proved);
    if (found && w->o->cold) found = td__dp_run(dp, w->resident, TD__COLD, false, &best);
    if (!found)
        return td_fail(err, TD_E_INTERNAL, "schedule: no choice of places for layers that all map");
    return assemble(w, out, err);
}

td_status td_schedule_best(const td_net *net, const td_hw *hw, const td_schedule_options *o,
                           td_schedule *out, int64_t *missing_bytes, td_error *err) {
    td_schedule_options defaults;
    *out = (td_schedule){0};
    if (missing_bytes != NULL) *missing_bytes = 0;
    if (o == NULL) {
        td_schedule_options_default(&defaults);
        o = &defaults;
    }
    td_status s = check_options(o, err);
    if (s == TD_OK) s = td_hw_check(hw, err);
    if (s != TD_OK) return s;
    td_arena *a = td_arena_create();
    if (a == NULL) return td_fail(err, TD_E_MEMORY, "out of memory for the schedule");
    work w = {.hw = hw, .o = o, .plan.net = net};
    s = solve(&w, a, out, missing_bytes, err);
    td_arena_destroy(a);
    if (s != TD_OK) {
        td_schedule_free(out);
        return s;
    }
    out->objective = o->objective;
    out->counting = o->counting;
    out->cold = o->cold;
    out->batch = o->batch;
    out->max_nodes = o->max_nodes;
    return TD_OK;
}

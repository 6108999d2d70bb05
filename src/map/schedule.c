/* The schedule of a network: see tandem/map.h for what it promises and schedule.h for its parts.
 *
 * What is exact and what is heuristic. Every cost is the evaluator's for a mapping that is there,
 * so every figure is attained by the schedule that is given. The dynamic program is exact for given
 * mappings (ways of the table) and resident weights; where these are drafts, better mappings take
 * their places afterwards (schedule_refine.c). Heuristic are: the mapper's own search, the
 * capacities that it is asked for (schedule_table.c), the set of resident weights unless `proved`
 * (schedule_pick.c), and in a network with more than TD__MAX_LIVE values on chip at a time the
 * values that are sent to DRAM (schedule_plan.c). A bias, or the scale and shift of a fused batch
 * norm, stands in the drain path and is not counted, as everywhere in the layer problems. */
#include "schedule.h"

#include <stdlib.h>
#include <string.h>

void td_schedule_free(td_schedule *s) {
    if (s == NULL) return;
    free(s->interval);
    *s = (td_schedule){0};
}

/* ---- one interval -----------------------------------------------------------------------------
 */

/* Bits of the pool that are taken as long as a stack runs, by whatever of its layers: resident
 * weights, its own, values that were there before it, rows between its layers, its output on chip,
 * what is loaded for the interval behind. */
static int64_t stack_bits(const td_scheduler *w, const td__stack *k) {
    const td__sched_plan *p = &w->plan;
    const int last = k->first + k->n - 1;
    int64_t bits = w->resident_bits + k->buffer;
    for (int i = k->first; i <= last; i++)
        if (!w->resident[i]) bits += p->step[i].weight_bits;
    for (int v = 0; v < p->n_value; v++)
        if (w->on_chip[v] && p->value[v].maker < k->first && p->value[v].last >= k->first)
            bits += p->value[v].bits;
    if (w->on_chip[p->step[last].value]) bits += p->value[p->step[last].value].bits;
    int next = td__loads_for(w, last);
    if (next >= 0 && !w->resident[next]) bits += p->step[next].weight_bits;
    return bits;
}

static td_place place(bool on_chip) {
    return on_chip ? TD_AT_CHIP : TD_AT_DRAM;
}

static void name_limit(const td_hw *hw, td_interval *out, int level, bool late) {
    const double *d = out->dram_bytes;
    const char *name;
    if (out->compute_cycles >= out->dram_cycles)
        name = level >= 0                  ? hw->level[level].name
               : level == TD__VECTOR_PORT  ? "vector port"
               : level == TD__VECTOR_LANES ? "vector lanes"
                                           : "compute";
    else if (late)
        name = "DRAM weights";
    else if (out->prefetch_bytes >= d[TD_W] && out->prefetch_bytes >= d[TD_I] + d[TD_O])
        name = "prefetch";
    else
        name = d[TD_W] > d[TD_I] + d[TD_O] ? "DRAM weights" : "DRAM activations";
    memcpy(out->limit, name, strnlen(name, sizeof out->limit - 1));
}

/* Mapping, capacities and cost of a conv or fc. *limit: the level that its time on chip is of. */
static td_status fill_mapped(const td_scheduler *w, int i, td_interval *out, int *limit,
                             td_error *err) {
    const td__home *h = &w->home;
    const td__step *s = &w->plan.step[i];
    const td__way *way = w->choice[i].way;
    const td__stack *stack = w->choice[i].stack;
    out->mapped = true;
    out->rows =
        stack != NULL ? stack->rows[w->choice[i].at] : td_net_layer(w->plan.net, s->layer)->h;
    if (stack != NULL) out->bands = stack->passes[w->choice[i].at];
    out->macs = s->macs;
    out->problem = *way->problem;
    out->mapping = *way->mapping;
    bool staged = w->choice[i].ahead || stack != NULL;
    out->weights = w->resident[i] ? TD_AT_CHIP : staged ? TD_AT_STAGED : TD_AT_DRAM;
    unsigned chip = (out->input != TD_AT_DRAM ? TD_BIT(TD_I) : 0) |
                    (out->output != TD_AT_DRAM ? TD_BIT(TD_O) : 0) |
                    (out->weights != TD_AT_DRAM ? TD_BIT(TD_W) : 0);
    /* Capacities cannot change a cost, so the first evaluation tells how much is needed of them. */
    int64_t whole = h->home >= 0 ? h->pool / h->stores : 0;
    td__home_layer_hw(w->hw, h, chip, h->pool, whole, &out->hw);
    td_status st =
        td_cost_evaluate(&out->problem, &out->hw, &out->mapping, w->o.counting, &out->cost, err);
    if (st != TD_OK) return st;
    if (h->home >= 0) {
        td__need need = td__home_need(w->hw, h, &out->problem, &out->mapping, &out->cost, chip,
                                      w->plan.shape_value[s->shape]);
        int64_t used = td__others_bits(w, i) + need.home + need.beyond,
                all = used + need.tiles * h->stores;
        if (stack != NULL) {
            const td_problem band = td__stack_turn(&w->plan, stack, w->choice[i].at);
            all = stack_bits(w, stack) +
                  td__home_tiles(w->hw, h, &band, &out->problem, &out->mapping, &out->cost, chip);
            used = all - need.tiles * h->stores;
        }
        int64_t left = (h->pool - used) / h->stores / 8 * 8;
        td__home_layer_hw(w->hw, h, chip, need.home, left < whole ? left : whole, &out->hw);
        out->chip_bytes = (all + 7) / 8;
    }
    double bits[TD_NTENSOR], read, write;
    td__dram_traffic(w->hw, &out->problem, &out->mapping, &out->cost, bits, &read, &write);
    for (int t = 0; t < TD_NTENSOR; t++) out->dram_bytes[t] = out->bands * bits[t] / 8;
    td__chip_cycles(&out->cost, h->top, limit);
    out->joined = s->joined;
    if (s->joined >= 0) {
        td__vector_work v;
        td__vector_step(&w->plan, i, w->on_chip, &v);
        td__joined_cycles(w->hw, h, way, &v, limit);
        out->dram_bytes[TD_I] += v.dram_read / 8;
    }
    if (td__loads_own(w, i)) out->dram_bytes[TD_W] += (double)s->weight_bits / 8;
    return TD_OK;
}

static void fill_vector(const td_scheduler *w, int i, td_interval *out) {
    const td__sched_plan *p = &w->plan;
    const td__step *s = &p->step[i];
    td__vector_work v;
    td__vector_step(p, i, w->on_chip, &v);
    int64_t bits = td__others_bits(w, i) + (w->on_chip[s->value] ? p->value[s->value].bits : 0);
    for (int k = 0; k < s->n_in; k++) {
        bool again = false;
        for (int j = 0; j < k; j++) again = again || s->in[j] == s->in[k];
        if (w->on_chip[s->in[k]] && !again) bits += p->value[s->in[k]].bits;
    }
    out->chip_bytes = (bits + 7) / 8;
    out->dram_bytes[TD_I] = v.dram_read / 8;
    out->dram_bytes[TD_O] = v.dram_write / 8;
}

static td_status fill(const td_scheduler *w, int i, td_interval *out, td_error *err) {
    const td__step *s = &w->plan.step[i];
    const td__spent x = td__scheduler_spent(w, i);
    int limit = x.limit;
    *out = (td_interval){.layer = s->layer, .joined = -1, .bands = 1};
    out->input = place(w->on_chip[s->in[0]]);
    out->input2 = s->n_in > 1 ? place(w->on_chip[s->in[1]]) : TD_AT_DRAM;
    out->output = place(w->on_chip[s->value]);
    const td__stack *stack = w->choice[i].stack;
    if (stack != NULL && i > stack->first) out->input = TD_AT_BANDS;
    if (stack != NULL && i < stack->first + stack->n - 1) out->output = TD_AT_BANDS;
    if (s->shape >= 0) {
        td_status st = fill_mapped(w, i, out, &limit, err);
        if (st != TD_OK) return st;
    } else {
        fill_vector(w, i, out);
    }
    int next = td__loads_for(w, i);
    if (next >= 0) out->prefetch_bytes = (double)w->plan.step[next].weight_bits / 8;
    out->compute_cycles = x.compute;
    out->dram_cycles = x.dram;
    out->cycles = x.compute > x.dram ? x.compute : x.dram;
    out->latency_s = out->cycles / w->hw->clock_hz;
    out->energy_j = x.pj * 1e-12 + w->hw->leak_w * out->latency_s;
    if (out->cycles > 0)
        out->utilization = (double)out->macs / (double)td_hw_peak_macs(w->hw) / out->cycles;
    name_limit(w->hw, out, limit, x.late);
    return TD_OK;
}

/* ---- the whole --------------------------------------------------------------------------------
 */

static td_status assemble(const td_scheduler *w, td_schedule *out, td_error *err) {
    const td__sched_plan *p = &w->plan;
    double cycles = 0, dynamic_pj = 0, macs = 0;
    out->interval = calloc((size_t)p->n, sizeof *out->interval);
    if (out->interval == NULL) return td_fail(err, TD_E_MEMORY, "out of memory for the schedule");
    out->n = p->n;
    for (int i = 0; i < p->n; i++) {
        td_interval *t = &out->interval[i];
        td_status s = fill(w, i, t, err);
        if (s != TD_OK) return s;
        cycles += t->cycles;
        dynamic_pj += td__scheduler_spent(w, i).pj;
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
    out->bound_latency_s =
        td__bound_cycles(p, w->hw, &w->home, w->parallel, w->o.cold) / w->hw->clock_hz;
    out->objective = w->o.objective;
    out->counting = w->o.counting;
    out->cold = w->o.cold;
    out->batch = w->o.batch;
    out->max_nodes = w->o.max_nodes;
    out->layer_by_layer = w->o.layer_by_layer;
    out->proved = w->proved;
    return TD_OK;
}

td_status td_schedule_best(const td_net *net, const td_hw *hw, const td_schedule_options *o,
                           td_schedule *out, int64_t *missing_bytes, td_error *err) {
    td_scheduler *w = NULL;
    *out = (td_schedule){0};
    if (missing_bytes != NULL) *missing_bytes = 0;
    td_status s = td_scheduler_create(net, o, &w, err);
    if (s == TD_OK) s = td_hw_check(hw, err);
    if (s == TD_OK) s = td__scheduler_open(w, hw, true, missing_bytes, err);
    if (s == TD_OK) s = td__scheduler_solve(w, err);
    if (s == TD_OK) s = assemble(w, out, err);
    td_scheduler_destroy(w);
    if (s != TD_OK) td_schedule_free(out);
    return s;
}

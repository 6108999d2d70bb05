/* scheduler.c - the parts of a schedule in their order, for one network and an accelerator at a
 * time, and its figures. */
#include <stdlib.h>
#include <string.h>

#include "schedule.h"

void td_schedule_options_default(td_schedule_options *o) {
    *o = (td_schedule_options){.objective = TD_OBJ_LATENCY,
                               .counting = TD_COUNT_EXACT,
                               .batch = 1,
                               /* More would hardly change a schedule's latency. */
                               .max_nodes = 4000};
}

static td_status check_options(const td_schedule_options *o, td_error *err) {
    if (o->objective != TD_OBJ_LATENCY && o->objective != TD_OBJ_ENERGY)
        return td_fail(err, TD_E_USAGE, "schedule: objective: expected latency or energy");
    if (o->batch < 1)
        return td_fail(err, TD_E_USAGE, "schedule: batch: expected a number >= 1, found %d",
                       o->batch);
    return TD_OK;
}

bool td_schedule_has_drafts(const td_schedule_options *o) {
    return o->max_nodes == 0 || o->max_nodes > 1000;
}

td_status td_scheduler_create(const td_net *net, const td_schedule_options *o, td_scheduler **out,
                              td_error *err) {
    *out = NULL;
    td_scheduler *s = calloc(1, sizeof *s);
    if (s == NULL) return td_fail(err, TD_E_MEMORY, "out of memory for the schedule");
    if (o != NULL)
        s->o = *o;
    else
        td_schedule_options_default(&s->o);
    s->own = td_arena_create();
    s->arena = td_arena_create();
    td_status status = check_options(&s->o, err);
    if (status == TD_OK && (s->own == NULL || s->arena == NULL))
        status = td_fail(err, TD_E_MEMORY, "out of memory for the schedule");
    if (status == TD_OK) status = td__sched_plan_build(net, s->o.batch, s->own, &s->plan, err);
    if (status == TD_OK && !s->o.layer_by_layer)
        if ((status = td__stacks_find(&s->plan, s->own, &s->every)) != TD_OK)
            td_fail(err, status, "out of memory for the schedule");
    if (status == TD_OK) {
        s->resident = TD_NEW(s->own, bool, s->plan.n);
        s->on_chip = TD_NEW(s->own, bool, s->plan.n_value);
        s->choice = TD_NEW(s->own, td__choice, s->plan.n);
        s->parallel = TD_NEW(s->own, double, s->plan.n);
        if (!s->resident || !s->on_chip || !s->choice || !s->parallel)
            status = td_fail(err, TD_E_MEMORY, "out of memory for the schedule");
    }
    if (status == TD_OK)
        *out = s;
    else
        td_scheduler_destroy(s);
    return status;
}

void td_scheduler_destroy(td_scheduler *s) {
    if (s == NULL) return;
    td_arena_destroy(s->own);
    td_arena_destroy(s->arena);
    free(s);
}

/* ---- the parts --------------------------------------------------------------------------------
 */

/* The parts of `take` that only some parameters change are done where they have changed. */
static void take(td_scheduler *s, const td_hw *hw) {
    const td__home before = s->home;
    const bool first = s->hw == NULL;
    s->hw = hw;
    s->opened = s->solved = false;
    td__home_find(hw, &s->home);
    /* A matrix product has no rows of an image. */
    s->plan.bands = !s->o.layer_by_layer && !hw->rules.im2col && s->home.home >= 0 &&
                    s->home.may == TD_ALL_TENSORS;
    if (first || s->plan.loose || s->home.pool != before.pool || s->home.may != before.may) {
        s->plan.loose = false;
        td__sched_plan_limit(&s->plan, s->home.pool, s->home.may);
    }
    bool same =
        !first && s->fans.n == hw->n && memcmp(&s->fans.rules, &hw->rules, sizeof hw->rules) == 0;
    for (int l = 0; l <= hw->n; l++) {
        int32_t instances = l < hw->n ? hw->level[l].instances : hw->mac.instances;
        int32_t mesh_x = l < hw->n ? hw->level[l].mesh_x : hw->mac.mesh_x;
        same = same && s->fans.instances[l] == instances && s->fans.mesh_x[l] == mesh_x;
        s->fans.instances[l] = instances;
        s->fans.mesh_x[l] = mesh_x;
    }
    if (same) return;
    s->fans.n = hw->n;
    s->fans.rules = hw->rules;
    td__most_parallel(&s->plan, hw, s->parallel);
}

/* Layers that are not convolutions need a unit to run on. */
static td_status check_vector(const td__sched_plan *p, const td_hw *hw, td_error *err) {
    for (int i = 0; i < p->n && hw->vec.lanes < 1; i++) {
        const td__step *step = &p->step[i];
        if (step->shape >= 0 && step->joined < 0) continue;
        const td_layer *l = td_net_layer(p->net, step->joined >= 0 ? step->joined : step->layer);
        return td_fail(err, TD_E_INFEASIBLE,
                       "layer %s: %s runs on the vector unit, and accelerator %s has none "
                       "(vector lanes: 0)",
                       l->name, td_op_name(l->op), hw->name);
    }
    return TD_OK;
}

/* Operands go into the MACs whole. */
static td_status check_bits(const td__sched_plan *p, const td_hw *hw, td_error *err) {
    for (int k = 0; k < p->n_shape; k++) {
        td_status s = td_hw_takes(hw, &p->shape[k], err);
        if (s == TD_OK) continue;
        const td_layer *l = td_net_layer(p->net, p->step[p->shape_step[k]].layer);
        return td_error_prefix(err, "layer %s", l->name);
    }
    return TD_OK;
}

td_schedule_figures td_scheduler_floor(td_scheduler *s, const td_hw *hw) {
    take(s, hw);
    td_schedule_figures f = {.latency_s =
                                 td__bound_cycles(&s->plan, hw, &s->home, s->parallel, s->o.cold) /
                                 hw->clock_hz};
    f.energy_j = td__bound_pj(&s->plan, hw) * 1e-12 + hw->leak_w * f.latency_s;
    return f;
}

td_status td__scheduler_open(td_scheduler *s, const td_hw *hw, bool mappings,
                             int64_t *missing_bytes, td_error *err) {
    if (missing_bytes != NULL) *missing_bytes = 0;
    s->opened = s->solved = false;
    td_status status = check_vector(&s->plan, hw, err);
    if (status == TD_OK) status = check_bits(&s->plan, hw, err);
    if (status != TD_OK) return status;
    take(s, hw);
    td_arena_reset(s->arena);
    status = td__table_build(&s->plan, hw, &s->home, &s->o, mappings, s->arena, &s->table,
                             missing_bytes, err);
    if (status != TD_OK) return status;
    s->dp = td__dp_create(&s->plan, hw, &s->home, &s->table, NULL, s->o.objective, s->arena);
    if (s->dp == NULL) return td_fail(err, TD_E_MEMORY, "out of memory for the schedule");
    s->opened = true;
    return TD_OK;
}

td_status td__scheduler_choose(td_scheduler *s, bool stacks, td_error *err) {
    td__answer best = {.choice = s->choice};
    s->opened = false; /* its memory has been worked on */
    const td__stacks none = {0};
    const td__sieve sieve = {.plan = &s->plan,
                             .hw = s->hw,
                             .home = &s->home,
                             .o = &s->o,
                             .table = &s->table,
                             .stacks = stacks ? &s->every : &none,
                             .dp = s->dp,
                             .arena = s->arena};
    if (td__stacks_sieve(&sieve, &s->stacks, s->resident, &s->plain) != TD_OK)
        return td_fail(err, TD_E_MEMORY, "out of memory for the schedule");
    bool found = td__pick_resident(s->dp, &s->plan, s->hw, &s->home, &s->table, s->o.objective,
                                   s->arena, s->resident, &best, &s->proved);
    if (found && s->o.cold) found = td__dp_run(s->dp, s->resident, TD__COLD, &best);
    if (td_arena_failed(s->arena)) /* what was left out may have been the best */
        return td_fail(err, TD_E_MEMORY, "out of memory for the schedule");
    if (!found && !s->plan.loose) { /* what is pinned may leave no room */
        s->plan.loose = true;
        td__sched_plan_limit(&s->plan, s->home.pool, s->home.may);
        s->dp = td__dp_create(&s->plan, s->hw, &s->home, &s->table, NULL, s->o.objective, s->arena);
        if (s->dp == NULL) return td_fail(err, TD_E_MEMORY, "out of memory for the schedule");
        return td__scheduler_choose(s, stacks, err);
    }
    if (!found)
        return td_fail(err, TD_E_INTERNAL, "schedule: no choice of places for layers that all map");
    s->resident_bits = 0;
    memset(s->on_chip, 0, sizeof *s->on_chip * (size_t)s->plan.n_value);
    for (int i = 0; i < s->plan.n; i++) {
        if (s->resident[i]) s->resident_bits += s->plan.step[i].weight_bits;
        s->on_chip[s->plan.step[i].value] = s->choice[i].out_chip;
    }
    return TD_OK;
}

static td_status choose_and_refine(td_scheduler *s, bool stacks, td_error *err) {
    td_status status = td__scheduler_choose(s, stacks, err);
    if (status == TD_OK && td_schedule_has_drafts(&s->o) && (status = td__refine(s)) != TD_OK)
        td_fail(err, status, "out of memory for the schedule");
    return status;
}

static td_schedule_figures figures_of(const td_scheduler *s) {
    double cycles = 0, pj = 0;
    for (int i = 0; i < s->plan.n; i++) {
        td__spent x = td__scheduler_spent(s, i);
        cycles += x.compute > x.dram ? x.compute : x.dram;
        pj += x.pj;
    }
    const double latency = cycles / s->hw->clock_hz;
    return (td_schedule_figures){latency, pj * 1e-12 + s->hw->leak_w * latency};
}

static bool has_stacks(const td_scheduler *s) {
    for (int i = 0; i < s->plan.n; i++)
        if (s->choice[i].stack != NULL) return true;
    return false;
}

/* Asking again seldom gains as much: drafts without stacks that are behind by more stay there. */
#define HARDLY_GAINED 1.1

static bool unstacked_may_win(const td_scheduler *s) {
    const td_schedule_figures f = figures_of(s);
    const double first =
        s->o.objective == TD_OBJ_ENERGY ? f.energy_j * 1e12 : f.latency_s * s->hw->clock_hz;
    return has_stacks(s) && s->plain < HARDLY_GAINED * first;
}

/* Whether b is no better than a. */
static bool no_better(const td_scheduler *s, td_schedule_figures b, td_schedule_figures a) {
    const bool energy = s->o.objective == TD_OBJ_ENERGY;
    const double was[] = {energy ? a.energy_j : a.latency_s, energy ? a.latency_s : a.energy_j};
    const double is[] = {energy ? b.energy_j : b.latency_s, energy ? b.latency_s : b.energy_j};
    return is[0] > was[0] || (is[0] == was[0] && is[1] >= was[1]);
}

/* What is chosen. */
typedef struct {
    td__choice *choice;
    bool *resident, *on_chip, proved;
    int64_t resident_bits;
} chosen;

static void copy_chosen(const td_scheduler *s, chosen *to, const chosen *from) {
    memcpy(to->choice, from->choice, sizeof *to->choice * (size_t)s->plan.n);
    memcpy(to->resident, from->resident, sizeof *to->resident * (size_t)s->plan.n);
    memcpy(to->on_chip, from->on_chip, sizeof *to->on_chip * (size_t)s->plan.n_value);
    to->proved = from->proved;
    to->resident_bits = from->resident_bits;
}

/* Drafts of turns may be better than those of whole layers, and no more so once both have been
 * asked for again: a schedule without stacks is made as well, and the better one is taken. */
static td_status compare_unstacked(td_scheduler *s, td_error *err) {
    const td_schedule_figures with = figures_of(s);
    chosen now = {s->choice, s->resident, s->on_chip, s->proved, s->resident_bits};
    chosen kept = {TD_NEW(s->arena, td__choice, s->plan.n), TD_NEW(s->arena, bool, s->plan.n),
                   TD_NEW(s->arena, bool, s->plan.n_value), false, 0};
    if (!kept.choice || !kept.resident || !kept.on_chip)
        return td_fail(err, TD_E_MEMORY, "out of memory for the schedule");
    copy_chosen(s, &kept, &now);
    s->dp = td__dp_create(&s->plan, s->hw, &s->home, &s->table, NULL, s->o.objective, s->arena);
    if (s->dp == NULL) return td_fail(err, TD_E_MEMORY, "out of memory for the schedule");
    td_status status = choose_and_refine(s, false, err);
    if (status != TD_OK || !no_better(s, figures_of(s), with)) return status;
    copy_chosen(s, &now, &kept);
    s->proved = now.proved;
    s->resident_bits = now.resident_bits;
    return TD_OK;
}

td_status td__scheduler_solve(td_scheduler *s, td_error *err) {
    td_status status = choose_and_refine(s, true, err);
    if (status == TD_OK && td_schedule_has_drafts(&s->o) && unstacked_may_win(s))
        status = compare_unstacked(s, err);
    s->solved = status == TD_OK;
    return status;
}

bool td__loads_own(const td_scheduler *s, int i) {
    if (s->plan.step[i].shape < 0 || s->choice[i].ahead) return false;
    return s->resident[i] ? s->o.cold : s->choice[i].stack != NULL;
}

int td__loads_for(const td_scheduler *s, int i) {
    int next = (i + 1) % s->plan.n;
    if (next == 0 && s->o.cold) return -1;
    return s->choice[next].ahead ? next : -1;
}

int64_t td__others_bits(const td_scheduler *w, int i) {
    const td__sched_plan *p = &w->plan;
    const td__step *s = &p->step[i];
    int64_t bits = w->resident_bits - (w->resident[i] ? s->weight_bits : 0);
    for (int v = 0; v < p->n_value; v++) {
        if (!w->on_chip[v] || p->value[v].maker >= i || p->value[v].last < i) continue;
        bool mine = false;
        for (int k = 0; k < (s->shape >= 0 ? 1 : s->n_in); k++) mine = mine || s->in[k] == v;
        if (!mine) bits += p->value[v].bits;
    }
    int next = td__loads_for(w, i);
    if (next >= 0 && !w->resident[next]) bits += p->step[next].weight_bits;
    return bits;
}

td__spent td__scheduler_spent(const td_scheduler *s, int i) {
    const td__step *step = &s->plan.step[i];
    td__spent x = {.limit = -1};
    if (step->shape >= 0) {
        const td__way *way = s->choice[i].way;
        x.compute = way->cycles;
        x.read = way->read;
        x.write = way->write;
        x.pj = way->pj;
        if (step->joined >= 0) {
            td__vector_work v;
            td__vector_step(&s->plan, i, s->on_chip, &v);
            x.compute = td__joined_cycles(s->hw, &s->home, way, &v, NULL);
            x.read += v.dram_read;
            x.pj += td__vector_pj(s->hw, &s->home, &v);
        }
        if (td__loads_own(s, i)) {
            x.read += (double)step->weight_bits;
            x.pj += td__load_pj(&s->plan, s->hw, &s->home, i);
        }
    } else {
        td__vector_work v;
        td__vector_step(&s->plan, i, s->on_chip, &v);
        x = (td__spent){.read = v.dram_read, .write = v.dram_write};
        x.compute = td__vector_cycles(s->hw, &s->home, &v, &x.limit);
        x.pj = td__vector_pj(s->hw, &s->home, &v);
    }
    int next = td__loads_for(s, i);
    if (next >= 0) {
        x.read += (double)s->plan.step[next].weight_bits;
        x.pj += td__load_pj(&s->plan, s->hw, &s->home, next);
    }
    x.dram = td__dram_cycles(s->hw, x.read, x.write);
    const td__stack *stack = s->choice[i].stack;
    if (stack != NULL && td__loads_own(s, i)) {
        int passes = stack->passes[s->choice[i].at];
        double wait = td__stack_wait(s->hw, step->weight_bits, passes, x.compute);
        x.late = wait > x.dram;
        x.dram = fmax(x.dram, wait);
    }
    return x;
}

/* ---- figures ----------------------------------------------------------------------------------
 */

static td_status find_least(td_scheduler *s) {
    const td_hw *hw = s->hw;
    const double slack = 1 - 0x1p-40; /* of sums of pJ in another order */
    bool by_energy = s->o.objective == TD_OBJ_ENERGY;
    td__stacks stacks; /* whatever their turns, and whichever are looked at */
    td_status status = td__stacks_in(&s->plan, &s->home, &s->every, true, s->arena, &stacks);
    if (status == TD_OK) status = td__stacks_floor(&s->plan, hw, s->parallel, s->arena, &stacks);
    if (status != TD_OK || !td__dp_stacks(s->dp, &stacks)) return TD_E_MEMORY;
    td__least least = td__bound_table(&s->plan, hw, &s->home, &s->table, &stacks, s->arena);
    const double first = td__dp_least(s->dp, least.room);
    if (!td__dp_stacks(s->dp, NULL)) return TD_E_MEMORY;
    double cycles =
        fmax(least.dram_cycles, td__bound_cycles(&s->plan, hw, &s->home, s->parallel, s->o.cold));
    if (!by_energy) cycles = fmax(cycles, ceil(first * slack));
    s->least.latency_s = cycles / hw->clock_hz;
    const double pj = fmax(least.pj * slack, td__bound_pj(&s->plan, hw));
    s->least.energy_j = pj * 1e-12 + hw->leak_w * s->least.latency_s;
    if (by_energy) s->least.energy_j = fmax(s->least.energy_j, first * 1e-12 * slack);
    return TD_OK;
}

td_status td_scheduler_bound(td_scheduler *s, const td_hw *hw, td_schedule_figures *out,
                             int64_t *missing_bytes, td_error *err) {
    td_status status = td__scheduler_open(s, hw, false, missing_bytes, err);
    /* The ways that costs may come from are only known once it is solved. */
    if (status == TD_OK && td_schedule_has_drafts(&s->o)) status = td__scheduler_solve(s, err);
    if (status != TD_OK) return status;
    if (s->solved)
        s->dp = td__dp_create(&s->plan, hw, &s->home, &s->table, NULL, s->o.objective, s->arena);
    status = s->dp != NULL ? find_least(s) : TD_E_MEMORY;
    if (td_arena_failed(s->arena)) status = TD_E_MEMORY; /* more would have been known */
    s->opened = s->opened && status == TD_OK;
    s->solved = s->solved && status == TD_OK;
    if (status != TD_OK) return td_fail(err, status, "out of memory for the schedule");
    *out = s->least;
    return TD_OK;
}

td_status td_scheduler_cost(td_scheduler *s, const td_hw *hw, td_schedule_figures *out,
                            int64_t *missing_bytes, td_error *err) {
    td_status status = TD_OK;
    const bool at_hand = s->hw == hw && (s->opened || s->solved);
    if (!at_hand) status = td__scheduler_open(s, hw, false, missing_bytes, err);
    if (status == TD_OK && !s->solved) status = td__scheduler_solve(s, err);
    if (status != TD_OK) return status;
    s->opened = s->solved = false; /* *hw may be another one the next time */
    *out = figures_of(s);
    return TD_OK;
}

#include "eval_grid.h"

#include <stdio.h>
#include <string.h>

#include "cli_cell.h"
#include "cli_hw.h"

/* ---- accelerators -----------------------------------------------------------------------------
 */

static td_status add_machine(eval_grid *g, const char *hw, const cli_set *set, const char *what_if,
                             const char *shown, td_arena *a, td_error *err) {
    eval_machine *x = &g->machine[g->n_machines++];
    const td_node *doc;
    cli_set then = {.n = 0};
    if (what_if != NULL) {
        const char *all = td_arena_printf(a, ",%s", what_if);
        if (all == NULL || cli_hw_split(all, a, &then) == NULL)
            return td_fail(err, TD_E_USAGE, "%.100s: at most %d changes", what_if, CLI_MOST_SET);
    }
    x->name = shown;
    td_status s = cli_hw_doc(hw, set, &then, a, &doc, err);
    if (s == TD_OK) s = td_hw_from_node(doc, &x->hw, err);
    x->area_follows = s == TD_OK && cli_hw_area_follows(doc);
    if (s == TD_OK && what_if != NULL && !x->area_follows) x->hw.area_mm2 = NAN;
    if (s != TD_E_INFEASIBLE) return s;
    x->reason = td_arena_printf(a, "cannot be built: %s", err->message);
    return x->reason != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
}

td_status eval_grid_machines(eval_grid *g, const char *const *hw, int n, const cli_set *set,
                             const char *const *what_if, int m, td_arena *a, td_error *err) {
    g->machine = TD_NEW(a, eval_machine, n * (m + 1) + 1);
    td_status s = g->machine != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; s == TD_OK && i < n; i++) {
        s = add_machine(g, hw[i], set, NULL, hw[i], a, err);
        for (int k = 0; s == TD_OK && k < m; k++) {
            const char *shown =
                n == 1 ? what_if[k] : td_arena_printf(a, "%s,%s", hw[i], what_if[k]);
            s = shown != NULL ? add_machine(g, hw[i], set, what_if[k], shown, a, err)
                              : td_fail(err, TD_E_MEMORY, "out of memory");
        }
    }
    return s;
}

/* ---- pairs ------------------------------------------------------------------------------------
 */

typedef struct {
    eval_grid *grid;
    td_error *fault; /* one for each pair */
    td_arena *arena;
} job;

static void empty(eval_cell *c) {
    for (int m = 0; m < TD_NMETRIC; m++) c->metric[m] = NAN;
    c->utilization = NAN;
}

/* Limits point to names in the schedule, which goes: to those that stay. */
static const char *lasting(const char *name, const td_hw *hw) {
    static const char *const others[] = {
        "compute",          "vector lanes", "vector port", "DRAM weights",
        "DRAM activations", "prefetch",     NULL};
    for (int l = 0; l < hw->n; l++)
        if (strcmp(hw->level[l].name, name) == 0) return hw->level[l].name;
    for (int i = 0; others[i] != NULL; i++)
        if (strcmp(others[i], name) == 0) return others[i];
    return "other";
}

static void cost_pair(void *self, int i) {
    job *j = self;
    eval_grid *g = j->grid;
    eval_machine *m = &g->machine[i / g->n_models];
    const td_net *net = g->model[i % g->n_models].net;
    eval_cell *c = &g->cell[i];
    td_error *err = &j->fault[i];
    td_schedule s;
    empty(c);
    if (m->reason != NULL) return;
    if (td_schedule_best(net, &m->hw, g->schedule, &s, NULL, err) != TD_OK) return;
    c->metric[TD_METRIC_LATENCY] = s.latency_s;
    c->metric[TD_METRIC_ENERGY] = s.energy_j;
    c->metric[TD_METRIC_AREA] = m->hw.area_mm2;
    c->metric[TD_METRIC_POWER] = s.power_w;
    c->utilization = s.utilization;
    c->n_limits = eval_limits(&s, c->limit);
    for (int k = 0; k < c->n_limits; k++) c->limit[k].name = lasting(c->limit[k].name, &m->hw);
    td_schedule_free(&s);
}

/* What does not run is a result; anything else ends the command. */
static td_status take_faults(job *j, td_error *err) {
    const eval_grid *g = j->grid;
    for (int i = 0; i < g->n_machines * g->n_models; i++) {
        const td_error *f = &j->fault[i];
        if (f->code == TD_OK) continue;
        if (f->code != TD_E_INFEASIBLE) {
            if (err != NULL) *err = *f;
            return f->code;
        }
        g->cell[i].reason = td_arena_strdup(j->arena, f->message);
        if (g->cell[i].reason == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    return TD_OK;
}

/* ---- all networks together --------------------------------------------------------------------
 */

static void scale_weights(eval_grid *g) {
    double sum = 0, most = 0;
    for (int i = 0; i < g->n_models; i++) {
        sum += g->model[i].weight;
        most = fmax(most, g->model[i].weight);
    }
    for (int i = 0; i < g->n_models; i++)
        g->model[i].weight /= g->combine == TD_COMBINE_SUM ? sum : most;
}

static const char *limit_broken(const eval_grid *g, const eval_machine *x, td_arena *a) {
    const eval_cell *all = &x->all;
    const td_metric_entry *metric = td_metric_list();
    for (int m = 0; m < TD_NMETRIC; m++) {
        double most = g->limits.most[m], v = all->metric[m];
        bool joules = m == TD_METRIC_ENERGY || m == TD_METRIC_POWER;
        if (isfinite(most) && joules && x->hw.relative_energy)
            return td_arena_printf(a, "its %s is not known: energies are relative, no joules",
                                   metric[m].name);
        if (!isfinite(most) || v <= most) continue;
        if (!isfinite(v)) return td_arena_printf(a, "its %s is not in the file", metric[m].name);
        return td_arena_printf(a, "%s %s > %s", metric[m].name, cli_metric(m, v).s,
                               cli_metric(m, most).s);
    }
    return NULL;
}

static void combine(const eval_grid *g, int machine, td_arena *a) {
    eval_machine *x = &g->machine[machine];
    const eval_cell *c = &g->cell[machine * g->n_models];
    double weight[TD_MAX_WORKLOAD], v[TD_MAX_WORKLOAD];
    const td_workload w = {.n = g->n_models, .combine = g->combine, .weight = weight};
    empty(&x->all);
    x->all.reason = x->reason;
    for (int i = 0; x->all.reason == NULL && i < g->n_models; i++)
        if (c[i].reason != NULL)
            x->all.reason = td_arena_printf(a, "cannot run %s", g->model[i].name);
    if (x->all.reason != NULL) return;
    for (int m = 0; m < TD_METRIC_AREA; m++) {
        for (int i = 0; i < g->n_models; i++) {
            weight[i] = g->model[i].weight;
            v[i] = c[i].metric[m];
        }
        x->all.metric[m] = td_workload_combine(&w, v);
    }
    x->all.metric[TD_METRIC_AREA] = x->hw.area_mm2;
    for (int i = 0; i < g->n_models; i++) v[i] = c[i].metric[TD_METRIC_POWER];
    x->all.metric[TD_METRIC_POWER] =
        g->combine == TD_COMBINE_WORST
            ? td_workload_combine(&w, v)
            : x->all.metric[TD_METRIC_ENERGY] / x->all.metric[TD_METRIC_LATENCY];
    x->all.reason = limit_broken(g, x, a);
}

/* By energy, those in units of their own have no place beside those in joules. */
static void leave_relative_out(eval_grid *g) {
    bool joules = false;
    for (int i = 0; i < g->n_machines; i++)
        joules |= g->machine[i].all.reason == NULL && !g->machine[i].hw.relative_energy;
    for (int i = 0; i < g->n_machines; i++) {
        eval_machine *x = &g->machine[i];
        if (joules && x->all.reason == NULL && x->hw.relative_energy)
            x->all.reason = "its energy is in units of its own, no joules";
    }
}

static bool better(const eval_grid *g, const eval_machine *x, const eval_machine *y) {
    bool energy = g->schedule->objective == TD_OBJ_ENERGY;
    int first = energy ? TD_METRIC_ENERGY : TD_METRIC_LATENCY;
    int second = energy ? TD_METRIC_LATENCY : TD_METRIC_ENERGY;
    if (x->all.metric[first] != y->all.metric[first])
        return x->all.metric[first] < y->all.metric[first];
    if (x->hw.relative_energy != y->hw.relative_energy) return false;
    return x->all.metric[second] < y->all.metric[second];
}

static bool dominated(const eval_machine *x, const eval_machine *y) {
    bool less = false;
    if (x->hw.relative_energy != y->hw.relative_energy) return false; /* no unit in common */
    for (int m = 0; m <= TD_METRIC_AREA; m++) {
        double a = x->all.metric[m], b = y->all.metric[m];
        if (!(b <= a)) return false; /* nor if one of them is not known */
        less = less || b < a;
    }
    return less;
}

static void rank(eval_grid *g) {
    if (g->schedule->objective == TD_OBJ_ENERGY) leave_relative_out(g);
    for (int i = 0; i < g->n_machines; i++) {
        eval_machine *x = &g->machine[i];
        if (x->all.reason != NULL) continue;
        x->rank = 1;
        for (int k = 0; k < g->n_machines; k++) {
            const eval_machine *y = &g->machine[k];
            if (k == i || y->all.reason != NULL) continue;
            x->rank += better(g, y, x) || (k < i && !better(g, x, y));
            if (x->beaten == NULL && dominated(x, y)) x->beaten = y->name;
        }
    }
}

td_status eval_grid_run(eval_grid *g, td_arena *a, td_error *err) {
    int pairs = g->n_models * g->n_machines;
    job j = {.grid = g, .fault = TD_NEW(a, td_error, pairs + 1), .arena = a};
    g->cell = TD_NEW(a, eval_cell, pairs + 1);
    if (j.fault == NULL || g->cell == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    scale_weights(g);
    td_status s = td_parallel_for(0, pairs, cost_pair, &j);
    if (s != TD_OK) return td_fail(err, s, "out of memory");
    s = take_faults(&j, err);
    for (int i = 0; s == TD_OK && i < g->n_machines; i++) combine(g, i, a);
    if (s == TD_OK) rank(g);
    return s;
}

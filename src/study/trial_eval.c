/* trial_eval.c - one trial: build, cost, screen, train. Nothing is evaluated twice: designs that a
 * finished trial had are looked up, accuracies stand in the store's cache by network, and a thread
 * that needs a network which another one trains waits for it. */
#include <string.h>

#include "loop.h"

enum { FULL_FIDELITY = 1000 }; /* per mille, as the cache has it */

uint64_t td__design_key(uint64_t net_hash, uint64_t hw_hash) {
    uint64_t both[2] = {net_hash, hw_hash};
    return td_hash(both, sizeof both, 0);
}

td_status td__design_cost(const td_design *d, const td_schedule_options *o,
                          double metric[TD_NMETRIC], td_schedule *schedule, td_error *err) {
    memset(schedule, 0, sizeof *schedule);
    td_status s = td_schedule_best(d->net, &d->hw, o, schedule, NULL, err);
    if (s != TD_OK) return s;
    metric[TD_METRIC_LATENCY] = schedule->latency_s;
    metric[TD_METRIC_ENERGY] = schedule->energy_j;
    metric[TD_METRIC_AREA] = d->hw.area_mm2;
    return TD_OK;
}

static int busy_index(const td__loop *l, uint64_t net_hash) {
    int i = 0;
    while (i < l->n_busy && l->busy[i] != net_hash) i++;
    return i;
}

static bool is_abandoned(void *self) {
    const td_run_options *run = ((const td__loop *)self)->row->run;
    return run->abandoned != NULL && run->abandoned(run->self);
}

/* Under the lock: the cached accuracy of a network, or *found false, and it is this thread's to
 * train. One that is being trained, by another thread or worker, is waited for. */
static td_status take_network(td__loop *l, uint64_t problem, uint64_t net_hash, double *value,
                              bool *found, td_error *err) {
    double pause_ms = 0;
    for (;;) {
        bool busy = busy_index(l, net_hash) < l->n_busy;
        *found = false;
        if (l->status != TD_OK || is_abandoned(l))
            return td_fail(err, TD_E_INTERRUPTED, "interrupted");
        if (!busy) {
            td_status s = td__store_cache_claim(l->row->store, problem, net_hash, FULL_FIDELITY,
                                                l->lease_s, value, found, &busy, err);
            if (s != TD_OK || *found) return s;
        }
        if (!busy) break;
        td__loop_wait(l, &pause_ms);
    }
    l->busy[l->n_busy++] = net_hash;
    return TD_OK;
}

/* Under the lock: the end of a training, which may have failed. */
static td_status give_network(td__loop *l, uint64_t problem, uint64_t net_hash, td_status s,
                              const td_accuracy_result *r, td_error *err) {
    l->busy[busy_index(l, net_hash)] = l->busy[l->n_busy - 1];
    l->n_busy--;
    if (s == TD_OK)
        s = td__store_cache_put(l->row->store, problem, net_hash, FULL_FIDELITY, r->value, r->cpu_s,
                                err);
    else
        td__store_cache_release(l->row->store, problem, net_hash, FULL_FIDELITY, NULL);
    pthread_cond_broadcast(&l->changed);
    return s;
}

static td_status accuracy_of(td__loop *l, const td_design *d, double *value, td_error *err) {
    const td_accuracy *acc = l->row->accuracy;
    uint64_t problem = acc->key(acc->self);
    bool found;
    pthread_mutex_lock(&l->lock);
    td_status s = take_network(l, problem, d->net_hash, value, &found, err);
    pthread_mutex_unlock(&l->lock);
    if (s != TD_OK || found) return s;

    /* A drain lets it end: that costs the time of one trial, not a trial. */
    td_accuracy_result r = {.value = NAN};
    s = acc->evaluate(acc->self, d, 1, is_abandoned, l, &r, err);
    if (s == TD_E_INFEASIBLE) { /* a training that diverges does so each time: remembered */
        r = (td_accuracy_result){.value = NAN};
        s = TD_OK;
    }
    *value = r.value;

    pthread_mutex_lock(&l->lock);
    s = give_network(l, problem, d->net_hash, s, &r, err);
    pthread_mutex_unlock(&l->lock);
    return s;
}

/* NULL: misses nothing, or memory is out. */
static const char *misses(const td_objective *o, const double metric[TD_NMETRIC], td_arena *a) {
    td_text t = {0};
    td__objective_misses(o, metric, &t);
    const char *text = t.data != NULL ? td_arena_strdup(a, t.data) : NULL;
    td_text_free(&t);
    return text;
}

/* The figures of an earlier, finished trial of the same design, if there is one. */
static bool known_design(td__loop *l, const td_design *d, td__finish *f, td_arena *a) {
    pthread_mutex_lock(&l->lock);
    int64_t i = td__seen_get(&l->designs, td__design_key(d->net_hash, d->hw_hash));
    bool found =
        i >= 0 && l->slot[i].f.net_hash == d->net_hash && l->slot[i].f.hw_hash == d->hw_hash;
    if (found) {
        *f = l->slot[i].f;
        if (f->reason != NULL) f->reason = td_arena_strdup(a, f->reason);
    }
    pthread_mutex_unlock(&l->lock);
    return found;
}

/* Costs are in f: screens by the targets, trains, scores. */
static td_status score(td__loop *l, const td_design *d, td_arena *a, td__finish *f, td_error *err) {
    const td__row *row = l->row;
    double con[TD_NMETRIC], slack = 0;
    int ncon = td_objective_violations(row->objective, f->metric, con);
    f->violation = 0;
    for (int i = 0; i < ncon; i++) {
        f->violation += con[i] > 0 || isnan(con[i]) ? con[i] : 0;
        slack += con[i];
    }
    bool meets = f->violation == 0, costs_only = f->outcome.fidelity == 0;
    if (!meets) f->reason = misses(row->objective, f->metric, a);
    if (costs_only || !row->objective->train_violating) {
        /* Screened: constraints go to the strategy, which ranks those that meet them first. */
        f->outcome.ncon = ncon;
        if (ncon > 0) memcpy(f->outcome.con, con, sizeof con[0] * (size_t)ncon);
    }
    if (isnan(f->violation) || (!meets && !row->objective->train_violating)) return TD_OK;
    if (costs_only) {
        if (meets) f->outcome.state = TD_TRIAL_PRUNED;
        return TD_OK;
    }
    double accuracy = 1;
    if (row->accuracy != NULL) {
        td_status s = accuracy_of(l, d, &accuracy, err);
        if (s != TD_OK) return s;
        f->scored = true;
        f->accuracy = accuracy;
        if (!isfinite(accuracy)) {
            f->reason = "training diverges";
            return TD_OK;
        }
    }
    f->reward = td_objective_reward(row->objective, accuracy, f->metric);
    /* A hard reward is flat below the targets: equal rewards are told apart by how far below the
     * targets a design is (1e-4 of a reward unit per target). */
    f->outcome.state = TD_TRIAL_DONE;
    f->outcome.nobj = 1;
    f->outcome.obj[0] = -f->reward + 1e-4 * (slack < 10 ? slack : 10);
    return TD_OK;
}

td_status td__evaluate(td__loop *l, const td_choices *c, double fidelity, td_arena *a,
                       td__finish *f, td_error *err) {
    const td__row *row = l->row;
    *f = (td__finish){.accuracy = NAN, .reward = NAN, .violation = NAN};
    f->outcome = (td_outcome){.state = TD_TRIAL_INFEASIBLE, .fidelity = fidelity};
    for (int m = 0; m < TD_NMETRIC; m++) f->metric[m] = NAN;
    td_design d = {0};
    td_schedule schedule = {0};
    td_status s = row->space->build(row->space->self, c, a, &d, err);
    bool known = s == TD_OK && known_design(l, &d, f, a);
    if (known && (f->outcome.fidelity > 0) != (fidelity > 0) && !isnan(f->violation)) {
        /* It was asked for its costs only, and now in full, or the other way. */
        td__finish costs = {.accuracy = NAN, .reward = NAN, .violation = NAN};
        costs.net_hash = d.net_hash;
        costs.hw_hash = d.hw_hash;
        costs.outcome.state = TD_TRIAL_INFEASIBLE;
        memcpy(costs.metric, f->metric, sizeof costs.metric);
        *f = costs;
        f->outcome.fidelity = fidelity;
        s = score(l, &d, a, f, err);
    } else if (known) {
        f->outcome.fidelity = fidelity;
    } else if (s == TD_OK) {
        f->net_hash = d.net_hash;
        f->hw_hash = d.hw_hash;
        s = td__design_cost(&d, row->schedule, f->metric, &schedule, err);
        if (s == TD_OK) s = score(l, &d, a, f, err);
    }
    if (s == TD_E_INFEASIBLE) { /* a result, with its reason */
        f->reason = td_arena_strdup(a, err->message);
        s = TD_OK;
    }
    td_schedule_free(&schedule);
    td_design_free(&d);
    return s;
}

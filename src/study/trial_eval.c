/* trial_eval.c - one trial: build, cost, screen, train (trial_train.c). Nothing is evaluated twice:
 * designs that a finished trial had are looked up. */
#include <string.h>

#include "costs.h"
#include "front.h"
#include "loop.h"
#include "solve.h"

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

/* Where only the accelerator is searched, nothing but the area stands against larger ones, and a
 * reward that trades it (q = -1) gives a latency below the target for any area above: such a design
 * is infeasible. con[] has the area's violation, where the others are not constraints. */
static bool area_rejects(const td__row *row, const double metric[TD_NMETRIC], td__finish *f) {
    const td_objective *o = row->objective;
    if (!row->area_is_hard || !td_objective_has_target(o, TD_METRIC_AREA)) return false;
    double excess = metric[TD_METRIC_AREA] / o->target[TD_METRIC_AREA] - 1;
    if (excess <= 0) return false;
    if (f->outcome.ncon == 0) f->outcome.con[f->outcome.ncon++] = excess;
    return true;
}

void td__worth(const td__row *row, const td_design *d, double accuracy, const td__finish *f,
               td_outcome *o, double *reward) {
    *reward = td_objective_reward(row->objective, accuracy, f->metric);
    if (row->objective->kind == TD_REWARD_NONE) {
        o->nobj = td__front_point(row->objective->front.objectives, accuracy, f->metric, o->obj);
        return;
    }
    o->nobj = 1;
    o->obj[0] = td__objective_cost(row->objective, accuracy, f->metric);
    if (d->workload != NULL) { /* rewards that know no accuracies: by what decides which is best */
        double tie = log(td__metric_product(f->metric));
        o->obj[0] = -*reward + 1e-4 * (tie < 10 ? tie : 10);
    }
}

/* Costs are in f: screens by the targets, trains, scores. */
static td_status score(td__loop *l, int64_t n, const td_design *d, td_arena *a, td__finish *f,
                       td_error *err) {
    const td__row *row = l->row;
    double con[TD_NMETRIC];
    int ncon = td_objective_violations(row->objective, f->metric, con);
    f->violation = td__objective_violation(row->objective, f->metric);
    bool meets = f->violation == 0, costs_only = f->outcome.fidelity == 0;
    if (!meets) f->reason = misses(row->objective, f->metric, a);
    bool pareto = row->objective->kind == TD_REWARD_NONE;
    if (costs_only || pareto || !row->objective->train_violating) {
        /* Screened, or no reward that has them in it: constraints go to the strategy, which ranks
         * those that meet them first. */
        f->outcome.ncon = ncon;
        if (ncon > 0) memcpy(f->outcome.con, con, sizeof con[0] * (size_t)ncon);
    }
    if (isnan(f->violation) || (!meets && !row->objective->train_violating)) return TD_OK;
    if (area_rejects(row, f->metric, f)) return TD_OK;
    if (costs_only) {
        if (meets) f->outcome.state = TD_TRIAL_PRUNED;
        return TD_OK;
    }
    double accuracy = 1;
    if (row->accuracy != NULL) {
        td_status s = td__train(l, n, d, a, f, err);
        if (s != TD_OK) return s;
        accuracy = f->accuracy;
        if (!isfinite(accuracy)) {
            f->reason = td_arena_strdup(a, row->accuracy->no_value != NULL ? row->accuracy->no_value
                                                                           : "training diverges");
            return TD_OK;
        }
    }
    if (f->outcome.state != TD_TRIAL_PRUNED) f->outcome.state = TD_TRIAL_DONE;
    td__worth(row, d, accuracy, f, &f->outcome, &f->reward);
    return TD_OK;
}

/* The best accelerator for a network: hash, metrics, and both sides as JSON. */
static td_status solve(const td__row *row, const td_choices *net, td_design *d, td_arena *a,
                       td__finish *f, const char **params, td_error *err) {
    td__solved best;
    td_status s = td__solver_best(row->solver, d->net, d->net_hash, &best, err);
    if (s != TD_OK) {
        f->net_hash = d->net_hash;
        return s;
    }
    td_choices both = {.n = row->joint->n, .v = TD_NEW(a, double, row->joint->n + 1)};
    if (both.v == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    memcpy(both.v, net->v, sizeof *net->v * (size_t)net->n);
    memcpy(both.v + net->n, best.choices.v, sizeof *net->v * (size_t)best.choices.n);
    td_text text = {0};
    td_node_to_json(td_choices_to_node(row->joint, &both, a), 0, &text);
    *params = text.data != NULL ? td_arena_strdup(a, text.data) : NULL;
    td_text_free(&text);
    if (*params == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    memcpy(f->metric, best.metric, sizeof f->metric);
    d->hw_hash = best.hw_hash;
    return TD_OK;
}

static td_status evaluate(void *self, td__loop *l, const td__task *t, td_arena *a, td__finish *f,
                          td_error *err) {
    (void)self;
    const td__row *row = l->row;
    const td_choices *c = t->c;
    const double fidelity = t->fidelity;
    *f = (td__finish){.accuracy = NAN, .reward = NAN, .violation = NAN};
    f->outcome = (td_outcome){.state = TD_TRIAL_INFEASIBLE, .fidelity = fidelity};
    for (int m = 0; m < TD_NMETRIC; m++) f->metric[m] = NAN;
    td_design d = {0};
    const char *params = NULL;
    td_status s = row->space->build(row->space->self, c, a, &d, err);
    if (s == TD_OK && row->solver != NULL) s = solve(row, c, &d, a, f, &params, err);
    bool known = s == TD_OK && known_design(l, &d, f, a);
    const bool other = row->stopping != NULL || (f->outcome.fidelity > 0) != (fidelity > 0);
    if (known && other && !isnan(f->violation)) {
        /* It was asked for its costs only, and now in full, or the other way; or it may have been
         * stopped by what this trial must not know of. */
        td__finish costs = {.accuracy = NAN, .reward = NAN, .violation = NAN};
        costs.net_hash = d.net_hash;
        costs.hw_hash = d.hw_hash;
        costs.outcome.state = TD_TRIAL_INFEASIBLE;
        memcpy(costs.metric, f->metric, sizeof costs.metric);
        *f = costs;
        f->outcome.fidelity = fidelity;
        s = score(l, t->number, &d, a, f, err);
    } else if (known) {
        f->outcome.fidelity = fidelity;
        f->curve = (td_curve){0};
    } else if (s == TD_OK) {
        f->net_hash = d.net_hash;
        f->hw_hash = d.hw_hash;
        if (row->solver == NULL)
            s = td__costs_of(row->run->costs, &d, row->schedule, f->metric, err);
        if (s == TD_OK) s = score(l, t->number, &d, a, f, err);
    }
    f->params = params;
    if (s == TD_E_INFEASIBLE) { /* a result, with its reason */
        f->reason = td_arena_strdup(a, err->message);
        s = TD_OK;
    }
    td_design_free(&d);
    return s;
}

const td__evaluator td__designs_evaluator = {.evaluate = evaluate, .better = td__trial_better};

/* The order of outcomes: constraint domination (Deb 2000) with what has no numbers behind. */
#include "outcome.h"

typedef enum { FEASIBLE, PRUNED, VIOLATES, UNBUILDABLE, NOTHING } rank;

/* Sum of the violations; INFINITY if one is unknown. */
static double violation(const td_outcome *o) {
    double sum = 0;
    for (int i = 0; i < o->ncon; i++) {
        if (isnan(o->con[i])) return INFINITY;
        if (o->con[i] > 0) sum += o->con[i];
    }
    return sum;
}

static bool has_objectives(const td_outcome *o) {
    for (int i = 0; i < o->nobj; i++)
        if (isnan(o->obj[i])) return false;
    return o->nobj > 0;
}

static rank rank_of(const td_outcome *o) {
    switch (o->state) {
    case TD_TRIAL_DONE:
        if (violation(o) > 0) return VIOLATES;
        return has_objectives(o) ? FEASIBLE : NOTHING;
    case TD_TRIAL_PRUNED: return violation(o) > 0 ? VIOLATES : PRUNED;
    case TD_TRIAL_INFEASIBLE: return o->ncon > 0 ? VIOLATES : UNBUILDABLE;
    case TD_TRIAL_READY:
    case TD_TRIAL_RUNNING:
    case TD_TRIAL_FAILED: break;
    }
    return NOTHING;
}

bool td_outcome_feasible(const td_outcome *o) {
    return o->state == TD_TRIAL_DONE && violation(o) == 0;
}

static int compare_reals(double a, double b) {
    return (a > b) - (a < b);
}

/* By the one objective; of several by dominance. */
static int compare_objectives(const td_outcome *a, const td_outcome *b) {
    int n = a->nobj < b->nobj ? a->nobj : b->nobj;
    bool less = false, more = false;
    for (int i = 0; i < n; i++) {
        less = less || a->obj[i] < b->obj[i];
        more = more || a->obj[i] > b->obj[i];
    }
    return more - less;
}

int td_outcome_compare(const td_outcome *a, const td_outcome *b) {
    rank x = rank_of(a), y = rank_of(b);
    if (x != y) return x < y ? -1 : 1;
    if (x == FEASIBLE) return compare_objectives(a, b);
    if (x == VIOLATES) return compare_reals(violation(a), violation(b));
    if (x != PRUNED) return 0;
    if (a->fidelity != b->fidelity) return compare_reals(b->fidelity, a->fidelity);
    /* None of those asked for their costs only; of several there is no order fit for sorting. */
    return a->nobj == 1 && b->nobj == 1 ? compare_objectives(a, b) : 0;
}

double td__outcome_shortfall(const td_outcome *o) {
    switch (rank_of(o)) {
    case FEASIBLE: return 0;
    case PRUNED: return 0.1 - 0.08 * fmin(fmax(o->fidelity, 0), 1);
    case VIOLATES: {
        double v = violation(o);
        return 0.2 + 0.6 * (isfinite(v) ? v / (1 + v) : 1);
    }
    case UNBUILDABLE: return 0.9;
    case NOTHING: break;
    }
    return 1;
}

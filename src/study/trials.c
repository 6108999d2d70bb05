/* trials.c - trials as they stand in the store, for reports and for the choice of the best. */
#include <string.h>

#include "row.h"
#include "seen.h"

td_status td_store_trials(td_store *s, const char *study, td_arena *a, td_trial_row **out, int *n,
                          td_error *err) {
    int64_t id = 0;
    td__trial *t;
    *out = NULL;
    *n = 0;
    td_status status = td__store_find(s, study, &id, err);
    if (status == TD_OK) status = td__store_load(s, id, a, &t, n, err);
    if (status != TD_OK || *n == 0) return status;
    td_trial_row *row = TD_NEW(a, td_trial_row, *n);
    if (row == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td__seen paid = {0};
    for (int i = 0; status == TD_OK && i < *n; i++) {
        row[i] = (td_trial_row){.number = t[i].number,
                                .rev = t[i].rev,
                                .state = t[i].state,
                                .params = t[i].params,
                                .accuracy = t[i].accuracy,
                                .reward = t[i].reward,
                                .violation = t[i].violation,
                                .net_hash = t[i].net_hash,
                                .feasible = t[i].state == TD_TRIAL_DONE && t[i].violation == 0,
                                .enqueued = t[i].origin == TD__ORIGIN_ENQUEUED,
                                .outcome = t[i].outcome,
                                .steps = t[i].steps,
                                .error = t[i].error,
                                .started = t[i].started,
                                .finished = t[i].finished};
        memcpy(row[i].metric, t[i].metric, sizeof row[i].metric);
        memcpy(row[i].told, t[i].told, sizeof row[i].told);
        if (!t[i].scored) continue;
        row[i].trained = td__seen_get(&paid, t[i].net_hash) < 0;
        if (!td__seen_put(&paid, t[i].net_hash, i))
            status = td_fail(err, TD_E_MEMORY, "out of memory");
    }
    td__seen_free(&paid);
    if (status == TD_OK) *out = row;
    return status;
}

const char *td_result_text(td_result r) {
    static const char *const text[TD_NRESULT] = {
        [TD_RESULT_READY] = "ready",
        [TD_RESULT_RUNNING] = "running",
        [TD_RESULT_MEETS] = "meets targets",
        [TD_RESULT_MISSES] = "misses targets",
        [TD_RESULT_UNBUILT] = "cannot be built",
        [TD_RESULT_DIVERGES] = "no accuracy",
        [TD_RESULT_PRUNED] = "costs only",
        [TD_RESULT_STOPPED] = "stopped early",
        [TD_RESULT_FAILED] = "failed",
    };
    return r >= 0 && r < TD_NRESULT ? text[r] : "?";
}

td_result td_trial_result(const td_trial_row *t) {
    switch (t->state) {
    case TD_TRIAL_READY: return TD_RESULT_READY;
    case TD_TRIAL_RUNNING: return TD_RESULT_RUNNING;
    case TD_TRIAL_PRUNED: return t->steps > 0 ? TD_RESULT_STOPPED : TD_RESULT_PRUNED;
    case TD_TRIAL_FAILED: return TD_RESULT_FAILED;
    case TD_TRIAL_DONE: return t->violation == 0 ? TD_RESULT_MEETS : TD_RESULT_MISSES;
    case TD_TRIAL_INFEASIBLE: break;
    }
    if (isnan(t->metric[TD_METRIC_LATENCY])) return TD_RESULT_UNBUILT;
    return t->violation == 0 ? TD_RESULT_DIVERGES : TD_RESULT_MISSES;
}

double td__metric_product(const double metric[TD_NMETRIC]) {
    double product = 1;
    for (int m = 0; m <= TD_METRIC_AREA; m++)
        if (isfinite(metric[m])) product *= metric[m];
    return product;
}

static bool is_built(const td_trial_row *t) {
    return (t->state == TD_TRIAL_DONE || t->state == TD_TRIAL_INFEASIBLE) && isfinite(t->violation);
}

bool td__trial_better(const td_trial_row *a, const td_trial_row *b) {
    if (is_built(a) != is_built(b)) return is_built(a);
    if (!is_built(a)) return false;
    if (a->feasible != b->feasible) return a->feasible;
    if (!a->feasible && a->violation != b->violation) return a->violation < b->violation;
    bool known_a = isfinite(a->accuracy), known_b = isfinite(b->accuracy);
    if (known_a != known_b) return known_a;
    if (known_a && a->accuracy != b->accuracy) return a->accuracy > b->accuracy;
    return td__metric_product(a->metric) < td__metric_product(b->metric);
}

int td_trials_best(const td_trial_row *t, int n) {
    int best = -1;
    for (int i = 0; i < n; i++)
        if (is_built(&t[i]) && (best < 0 || td__trial_better(&t[i], &t[best]))) best = i;
    return best;
}

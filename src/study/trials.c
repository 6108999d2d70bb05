/* trials.c - trials as they stand in the store, for reports and for the choice of the best. */
#include <stdlib.h>
#include <string.h>

#include "row.h"
#include "seen.h"
#include "tandem/model.h"

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
                                .feasible = t[i].state == TD_TRIAL_DONE && t[i].violation == 0,
                                .enqueued = t[i].origin == TD__ORIGIN_ENQUEUED,
                                .error = t[i].error,
                                .started = t[i].started,
                                .finished = t[i].finished};
        memcpy(row[i].metric, t[i].metric, sizeof row[i].metric);
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
        [TD_RESULT_DIVERGES] = "training diverges",
        [TD_RESULT_PRUNED] = "costs only",
        [TD_RESULT_FAILED] = "failed",
    };
    return r >= 0 && r < TD_NRESULT ? text[r] : "?";
}

td_result td_trial_result(const td_trial_row *t) {
    switch (t->state) {
    case TD_TRIAL_READY: return TD_RESULT_READY;
    case TD_TRIAL_RUNNING: return TD_RESULT_RUNNING;
    case TD_TRIAL_PRUNED: return TD_RESULT_PRUNED;
    case TD_TRIAL_FAILED: return TD_RESULT_FAILED;
    case TD_TRIAL_DONE: return t->violation == 0 ? TD_RESULT_MEETS : TD_RESULT_MISSES;
    case TD_TRIAL_INFEASIBLE: break;
    }
    if (isnan(t->metric[TD_METRIC_LATENCY])) return TD_RESULT_UNBUILT;
    return t->violation == 0 ? TD_RESULT_DIVERGES : TD_RESULT_MISSES;
}

/* Latency x energy x area, without what is unknown: products of the same metrics compare. */
static double size_of(const td_trial_row *t) {
    double product = 1;
    for (int m = 0; m < TD_NMETRIC; m++)
        if (isfinite(t->metric[m])) product *= t->metric[m];
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
    return size_of(a) < size_of(b);
}

int td_trials_best(const td_trial_row *t, int n) {
    int best = -1;
    for (int i = 0; i < n; i++)
        if (is_built(&t[i]) && (best < 0 || td__trial_better(&t[i], &t[best]))) best = i;
    return best;
}

/* Minimised: accuracy with its sign turned. What is not known of any design (the accuracy in a
 * search of accelerators, the area of a chip without one) is equal for all and decides nothing. */
td_status td_trials_pareto(const td_trial_row *t, int n, int *out, int *count, td_error *err) {
    enum { D = TD_NMETRIC + 1 };
    *count = 0;
    int m = 0;
    size_t room = (size_t)(n > 0 ? n : 1);
    double *point = malloc(room * D * sizeof *point);
    int *index = malloc(room * sizeof *index);
    uint8_t *mask = malloc(room);
    td_status s = TD_OK;
    if (point == NULL || index == NULL || mask == NULL)
        s = td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; s == TD_OK && i < n; i++) {
        if (t[i].state != TD_TRIAL_DONE) continue;
        point[m * D] = isfinite(t[i].accuracy) ? -t[i].accuracy : 0;
        for (int k = 0; k < TD_NMETRIC; k++) {
            double v = t[i].metric[k];
            point[m * D + 1 + k] = isnan(v) ? 0 : v;
        }
        index[m++] = i;
    }
    if (s == TD_OK && m > 0) s = td_pareto_front(point, m, D, mask, err);
    for (int i = 0; s == TD_OK && i < m; i++)
        if (mask[i]) out[(*count)++] = index[i];
    free(mask);
    free(index);
    free(point);
    return s;
}

/* trials.c - trials as they stand in the store, for reports and for the choice of the best. */
#include <stdlib.h>
#include <string.h>

#include "store.h"
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
    uint64_t *seen = TD_NEW(a, uint64_t, *n);
    if (row == NULL || seen == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    int n_seen = 0;
    for (int i = 0; i < *n; i++) {
        row[i] = (td_trial_row){.number = t[i].number,
                                .rev = t[i].rev,
                                .state = t[i].state,
                                .params = t[i].params,
                                .accuracy = t[i].accuracy,
                                .reward = t[i].reward,
                                .violation = t[i].violation,
                                .feasible = t[i].state == TD_TRIAL_DONE && t[i].violation == 0,
                                .error = t[i].error,
                                .started = t[i].started,
                                .finished = t[i].finished};
        memcpy(row[i].metric, t[i].metric, sizeof row[i].metric);
        if (!t[i].scored) continue;
        int k = 0;
        while (k < n_seen && seen[k] != t[i].net_hash) k++;
        row[i].trained = k == n_seen;
        if (k == n_seen) seen[n_seen++] = t[i].net_hash;
    }
    *out = row;
    return TD_OK;
}

static double size_of(const td_trial_row *t) {
    double product = 1;
    for (int m = 0; m < TD_NMETRIC; m++) product *= t->metric[m];
    return product;
}

/* Is a better than b? Equal ones: the earlier stays. */
static bool better(const td_trial_row *a, const td_trial_row *b) {
    if (a->feasible != b->feasible) return a->feasible;
    if (!a->feasible && a->violation != b->violation) return a->violation < b->violation;
    if (isfinite(a->accuracy) && isfinite(b->accuracy) && a->accuracy != b->accuracy)
        return a->accuracy > b->accuracy;
    return size_of(a) < size_of(b);
}

int td_trials_best(const td_trial_row *t, int n) {
    int best = -1;
    for (int i = 0; i < n; i++) {
        bool built = (t[i].state == TD_TRIAL_DONE || t[i].state == TD_TRIAL_INFEASIBLE) &&
                     isfinite(t[i].violation);
        if (built && (best < 0 || better(&t[i], &t[best]))) best = i;
    }
    return best;
}

td_status td_trials_pareto(const td_trial_row *t, int n, int *out, int *count, td_error *err) {
    enum { D = TD_NMETRIC + 1 };
    *count = 0;
    int m = 0;
    double *point = malloc((size_t)(n > 0 ? n : 1) * D * sizeof *point);
    int *index = malloc((size_t)(n > 0 ? n : 1) * sizeof *index);
    uint8_t *mask = malloc((size_t)(n > 0 ? n : 1));
    td_status s = TD_OK;
    if (point == NULL || index == NULL || mask == NULL)
        s = td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; s == TD_OK && i < n; i++) {
        if (t[i].state != TD_TRIAL_DONE || !isfinite(t[i].accuracy)) continue;
        point[m * D] = -t[i].accuracy;
        for (int k = 0; k < TD_NMETRIC; k++) point[m * D + 1 + k] = t[i].metric[k];
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

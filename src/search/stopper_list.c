#include <stdlib.h>
#include <string.h>

#include "stoppers.h"

/* A new rule is one file and one line here. */
static const td_stopper *const stoppers[] = {&td__stopper_asha, &td__stopper_hyperband,
                                             &td__stopper_median};

const td_stopper *const *td_stopper_list(int *n) {
    if (n != NULL) *n = (int)(sizeof stoppers / sizeof stoppers[0]);
    return stoppers;
}

const td_stopper *td_stopper_find(const char *name) {
    int n;
    const td_stopper *const *all = td_stopper_list(&n);
    for (int i = 0; i < n; i++)
        if (strcmp(all[i]->name, name) == 0) return all[i];
    return NULL;
}

const td_outcome *td_curve_at(const td_curve *c, int64_t step) {
    for (int i = c->n - 1; i >= 0 && c->at[i].step >= step; i--)
        if (c->at[i].step == step) return &c->at[i].value;
    return NULL;
}

/* Own comes first among all, so that of those with which it is equal none is before it. */
static td_status rank_all(const td_outcome *own, const td_outcome *const *other, int n,
                          int *ahead) {
    const td_outcome **all = malloc(sizeof *all * (size_t)(n + 1));
    int *place = malloc(sizeof *place * (size_t)(n + 1));
    td_status s = all != NULL && place != NULL ? TD_OK : TD_E_MEMORY;
    if (s == TD_OK) {
        all[0] = own;
        if (n > 0) memcpy(all + 1, other, sizeof *all * (size_t)n);
        s = td_outcomes_rank(all, n + 1, place);
    }
    if (s == TD_OK) *ahead = place[0];
    free(place);
    free(all);
    return s;
}

td_status td__outcomes_ahead(const td_outcome *own, const td_outcome *const *other, int n,
                             int *ahead) {
    *ahead = 0;
    if (own->nobj > 1) return rank_all(own, other, n, ahead);
    for (int i = 0; i < n; i++) *ahead += td_outcome_compare(other[i], own) < 0;
    return TD_OK;
}

td_status td__stopper_fail_short(const td_params *params, td_error *err) {
    return td_node_fail(params, err,
                        "an evaluation of one step (epoch) cannot be stopped before its end");
}

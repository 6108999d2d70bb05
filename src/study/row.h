/* row.h - one row of a recipe: one study of the store, searched by one strategy. */
#ifndef TANDEM_ROW_H
#define TANDEM_ROW_H

#include "store.h"
#include "tandem/study.h"

typedef struct {
    const char *name, *spec, *path; /* the recipe's text, and its file (NULL: none) */
    uint64_t spec_hash, seed;
    const td_space *space;
    const td_objective *objective;
    const td_schedule_options *schedule;
    const td_accuracy
        *accuracy; /* NULL: one network only, it is not trained; accuracy counts as 1 */
    const td_strategy *strategy;
    const td_params *params;
    int64_t lag, trials, trained;
    double active_s;          /* of all workers together; 0: no limit */
    const char *const *first; /* choices that a new study begins with, as JSON; n_first */
    const uint64_t *first_hash;
    int n_first;
    td_store *store;       /* of a worker: td__store_join */
    const char *stop_file; /* a file that drains all workers while it is there; may be NULL */
    const td_run_options *run;
} td__row;

/* Enters the row's study in the store with the row's budgets, or finds it. */
td_status td__row_enter(const td__row *row, int64_t *study, td_error *err);
/* Finds it and leaves its budgets alone: for those who join a search. *state: that of the study,
 * -1: it is not there. TD_E_USAGE: its trials would not be this row's. */
td_status td__row_find(const td__row *row, int64_t *study, int *state, td_error *err);
/* Searches, or resumes, or helps in a search: the budgets are those of the store. On TD_OK all
 * trials are in the store. TD_E_INTERRUPTED after a drain. */
td_status td__row_search(const td__row *row, int64_t study, td_error *err);

/* Cost of a design on its own: metrics and schedule (caller frees), and why it is infeasible. */
td_status td__design_cost(const td_design *d, const td_schedule_options *o,
                          double metric[TD_NMETRIC], td_schedule *schedule, td_error *err);

/* What targets a design misses and by how much, for people: "latency 12 % over target, area 11x the
 * target". Nothing is added if it misses none. */
void td__objective_misses(const td_objective *o, const double metric[TD_NMETRIC], td_text *out);

/* The order behind td_trials_best: is a better than b? Of equals neither is. */
bool td__trial_better(const td_trial_row *a, const td_trial_row *b);

#endif

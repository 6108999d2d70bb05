/* row.h - one row of a recipe: one study of the store, searched by one strategy. */
#ifndef TANDEM_ROW_H
#define TANDEM_ROW_H

#include "store.h"
#include "tandem/study.h"

/* A trial that a worker has to evaluate. */
typedef struct {
    int64_t number, id, token;
    int thread; /* of this process, from 0: no two trials at a time have the same */
    const td_choices *c;
    double fidelity; /* 0: for its costs only */
} td__task;

/* What a row's trials are: designs, or questions to somebody's program. */
struct td__loop;
typedef struct {
    /* What a trial comes to. Called without the loop's lock, from several threads; what f points
     * to is the arena's. TD_E_INTERRUPTED: the loop ends, the trial was not evaluated. Any other
     * fault ends the row: what is a trial's own is an outcome. */
    td_status (*evaluate)(void *self, struct td__loop *l, const td__task *t, td_arena *a,
                          td__finish *f, td_error *err);
    /* Is a better than b? NULL: there is no one best. */
    bool (*better)(const td_trial_row *a, const td_trial_row *b);
    void (*leave)(void *self, int thread); /* the thread evaluates no more; may be NULL */
    const td_goals *goals;                 /* of a problem; NULL: designs */
    void *self;
} td__evaluator;
extern const td__evaluator td__designs_evaluator;

/* A rule of early stopping (stop.h). */
typedef struct {
    const td_stopper *rule;
    void *self;
    int64_t steps;    /* of a whole evaluation; 0: not known */
    const char *step; /* what people call one: "epoch" */
} td__stopping;

typedef struct {
    const char *name, *spec, *path; /* the recipe's text, and its file (NULL: none) */
    uint64_t spec_hash, seed;
    const td_space *space;
    const td__evaluator *evaluator; /* NULL: that of designs, of which the next ones are */
    const td_objective *objective;
    bool area_is_hard; /* a design above the area's target is infeasible, whatever the reward */
    const td_schedule_options *schedule;
    const td_accuracy
        *accuracy;             /* NULL: one network only, it is not trained; accuracy counts as 1 */
    struct td__solver *solver; /* NULL, or the accelerator of each network: solve.h. `space` has no
                                * accelerator then, and `joint` has both sides */
    const td_space *joint;
    const td__stopping *stopping; /* NULL: each evaluation goes to its end */
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

/* A design as one number. */
uint64_t td__design_key(uint64_t net_hash, uint64_t hw_hash);

/* Cost of a design on its own, and why it is infeasible. Of a workload: latency and energy are
 * those of its networks as it combines them, the power is energy / latency of these. schedule: room
 * for one of each network (caller frees; all {0} after a fault), or NULL. */
td_status td__design_cost(const td_design *d, const td_schedule_options *o,
                          double metric[TD_NMETRIC], td_schedule *schedule, td_error *err);

/* Sum of what the targets are missed by, relative; NAN if a metric with a target is unknown. */
double td__objective_violation(const td_objective *o, const double metric[TD_NMETRIC]);
/* What a strategy minimises: -reward. A hard reward is flat below the targets: there designs are
 * told apart by how far below them they are (1e-4 of a reward unit per target). A metric that the
 * reward falls with has no part in that: it would be traded twice. */
double td__objective_cost(const td_objective *o, double accuracy, const double metric[TD_NMETRIC]);
/* A smaller metric never has a smaller reward. */
bool td__objective_falls(const td_objective *o);

/* What targets a design misses and by how much, for people: "latency 12 % over target, area 11x the
 * target". Nothing is added if it misses none. */
void td__objective_misses(const td_objective *o, const double metric[TD_NMETRIC], td_text *out);

/* Latency x energy x area, without what is not known: what td_trials_best goes by where nothing
 * else decides. */
double td__metric_product(const double metric[TD_NMETRIC]);

/* The order behind td_trials_best: is a better than b? Of equals neither is. */
bool td__trial_better(const td_trial_row *a, const td_trial_row *b);

#endif

/* store.h - the rows behind a study, for the trial loop. The public part is in tandem/study.h; the
 * schema and its rules are in docs/store.md.
 *
 * Every call is one transaction. A trial that was claimed carries a token: tell is refused
 * (TD_E_STALE) once the trial was taken back. Times of leases are those of the machine's monotonic
 * clock: no change of the wall clock matters, and a machine that sleeps ends no lease.
 */
#ifndef TANDEM_STORE_H
#define TANDEM_STORE_H

#include "tandem/study.h"

/* ---- workers --------------------------------------------------------------------------------- */

/* Makes this handle that of a new worker: a row of its own, and the lock on its byte of study.lock
 * beside the store. A handle that is closed without leaving is a worker that died: its trials are
 * taken back by the next reap. */
td_status td__store_join(td_store *s, td_error *err);
/* Gives back what the worker still has, without loss of an attempt. */
td_status td__store_leave(td_store *s, td_error *err);
int64_t td__store_worker(const td_store *s); /* its number; 0: has not joined */
/* Workers that are alive, but for this handle's. */
td_status td__store_others(td_store *s, int64_t *n, td_error *err);
/* A heartbeat: the worker was seen, its leases are prolonged, the study's active time goes on.
 * study 0: none. */
td_status td__store_beat(td_store *s, int64_t study, double lease_s, td_error *err);
/* A trial that takes its worker down so many times is given up. */
enum { TD__MAX_ATTEMPTS = 5 };
/* Takes trials back: those of dead workers, and those whose lease is over (their worker hangs) but
 * this worker's own. They are ready again; after max_attempts they fail and take a revision. */
td_status td__store_reap(td_store *s, int64_t study, int max_attempts, int64_t *reaped,
                         td_error *err);
/* TD_E_STORE if the file of the store is not at its place any more. */
td_status td__store_check(td_store *s, td_error *err);

/* ---- studies --------------------------------------------------------------------------------- */

typedef struct {
    const char *name, *spec, *path; /* spec: the recipe's text; path: its file, may be NULL */
    uint64_t spec_hash, seed;
    int64_t max_trials, max_trained; /* INT64_MAX: no limit */
    double max_active_s;             /* INFINITY: no limit */
    /* Choices as JSON that a new study begins with; arrays of n_first. */
    const char *const *first;
    const uint64_t *first_hash;
    int n_first;
} td__study;
/* In which keys a recipe differs from the one that a study was made with, as far as its trials
 * depend on them: the first few, with their values. */
void td__spec_differs(const td__study *now, const char *spec, uint64_t seed, td_text *out);
/* Creates the study or finds it. An existing one with another spec_hash or seed is TD_E_USAGE, and
 * so are other budgets while other workers are alive. The number of trials is from now on the
 * given one, but not less than what was asked already. The study is active again. */
td_status td__store_study(td_store *s, const td__study *spec, int64_t *id, td_error *err);
/* Number of a study by its name: TD_E_NOT_FOUND names those there are. */
td_status td__store_find(td_store *s, const char *name, int64_t *id, td_error *err);

typedef struct {
    uint64_t spec_hash, seed;
    int state; /* 0 active, 1 paused, 2 done */
    int64_t max_trials, max_trained, next_number;
    double active_s, max_active_s;
    const char *spec, *path; /* arena; path NULL: unknown */
} td__study_row;
td_status td__store_study_row(td_store *s, int64_t study, td_arena *a, td__study_row *out,
                              td_error *err);
td_status td__store_study_state(td_store *s, int64_t study, int state, td_error *err);
/* The study's active time goes on from here; `fresh`: what was since the last beat does not count.
 */
td_status td__store_active(td_store *s, int64_t study, bool fresh, double lease_s, td_error *err);

/* ---- trials ---------------------------------------------------------------------------------- */

typedef enum { TD__ORIGIN_STRATEGY, TD__ORIGIN_ENQUEUED } td__origin;

/* Adds the next trial, or finds the one that the same key made before (*made false); *number tells.
 * params: the choices as JSON (td_choices_to_node). seen: how many outcomes the strategy had been
 * told, for exact replays. TD_E_DONE: the budget of trials or of time is used up. */
td_status td__store_ask(td_store *s, int64_t study, const char *key, int64_t seen,
                        const char *params, uint64_t params_hash, double lease_s, int64_t *number,
                        bool *made, td_error *err);
/* Adds the next trial with choices that no strategy made; seen is -1 until it is entered. TD_E_DONE
 * as above. */
td_status td__store_enqueue(td_store *s, int64_t study, const char *params, uint64_t params_hash,
                            int64_t *number, td_error *err);
/* The strategy is at an enqueued trial, with so many outcomes told. */
td_status td__store_enter(td_store *s, int64_t id, int64_t seen, td_error *err);

/* A trial as the loop needs it. */
typedef struct {
    int64_t id, number, token, seen;
    int attempt;
    td_state state;
    td__origin origin;
    const char *params; /* JSON; arena */
    td_outcome outcome;
    double metric[TD_NMETRIC], accuracy, reward, violation;
    double told[TD_MOST_CONSTRAINTS]; /* of a problem: constraints as they were answered */
    uint64_t net_hash, hw_hash;       /* 0: it could not be built */
    bool scored;                      /* its network's accuracy was needed */
    int64_t steps;                    /* of its evaluation, as of td__finish */
    td_curve curve;                   /* arena */
    int64_t rev;
    double started, finished; /* seconds since the epoch, 0: not yet */
    const char *error;        /* arena; NULL if there is none */
} td__trial;

/* Trial `number` for this worker: state running, token and attempt raised, lease set. TD_E_STALE if
 * it is not ready. */
td_status td__store_claim(td_store *s, int64_t study, int64_t number, double lease_s, int64_t *id,
                          int64_t *token, td_error *err);
/* The same with the lowest ready trial below `end`; *number -1: there is none. */
td_status td__store_claim_any(td_store *s, int64_t study, int64_t end, double lease_s,
                              int64_t *number, int64_t *id, int64_t *token, td_error *err);

typedef struct {
    td_outcome outcome;
    double metric[TD_NMETRIC], accuracy, reward; /* NAN: unknown */
    double violation;                            /* sum of what the targets are missed by */
    uint64_t net_hash, hw_hash;                  /* 0: it could not be built */
    bool scored;                                 /* its network's accuracy was needed */
    bool of_problem; /* it is no design: there are violation and outcome, and as many of */
    double told[TD_MOST_CONSTRAINTS];
    int64_t steps;  /* that its evaluation went, of one that may be stopped early; 0: of another */
    td_curve curve; /* what it reported on the way; n 0: nothing, or it was known before */
    const double *curve_accuracy; /* beside each point; NULL: none */
    const char *reason;           /* of infeasible, failed and stopped trials; may be NULL */
    const char *params; /* choices as JSON in place of those that were asked; NULL: those stay */
} td__finish;
/* Gives a claimed trial back unfinished (a drain): ready again, the attempt does not count. */
td_status td__store_release(td_store *s, int64_t id, int64_t token, td_error *err);
/* Ends a trial and gives it the next revision of the study. Telling again with the winning token is
 * fine and changes nothing. */
td_status td__store_tell(td_store *s, int64_t id, int64_t token, const td__finish *f,
                         td_error *err);
/* What a claimed trial has come to after a step, at once (td__store_tell keeps curves, too). What
 * was reported of this step and later ones, of an earlier attempt, goes. TD_E_STALE as above. */
td_status td__store_report(td_store *s, int64_t id, int64_t token, int64_t step,
                           const td_outcome *value, td_error *err);
/* What was reported of a trial so far; memory from the arena. */
td_status td__store_curve(td_store *s, int64_t id, int64_t number, td_arena *a, td_curve *out,
                          td_error *err);
/* Gives the lowest trial that is ready, or whose time is over, to somebody who is no worker: for so
 * long from now_s on, by the wall clock. It runs then, and is of no worker, so that no reap takes
 * it back. *number -1: there is none. */
td_status td__store_lend(td_store *s, int64_t study, double now_s, double lease_s, td_arena *a,
                         int64_t *number, const char **params, td_error *err);
/* Adds a trial that was evaluated elsewhere, and ends it at once. TD_E_DONE as of td__store_ask. */
td_status td__store_bring(td_store *s, int64_t study, const char *params, uint64_t params_hash,
                          const td__finish *f, int64_t *number, td_error *err);
/* All trials of a study in order of number; memory from the arena. */
td_status td__store_load(td_store *s, int64_t study, td_arena *a, td__trial **out, int *n,
                         td_error *err);
/* Those that were finished after revision `rev`, in order of revision, in O(their number). */
td_status td__store_since(td_store *s, int64_t study, int64_t rev, td_arena *a, td__trial **out,
                          int *n, td_error *err);
/* One trial without its values; *out NULL: there is none of that number. */
td_status td__store_peek(td_store *s, int64_t study, int64_t number, td_arena *a,
                         const td__trial **out, td_error *err);

/* ---- values by (problem, configuration, fidelity), shared by all studies ------------------------
 */

td_status td__store_cache_get(td_store *s, uint64_t problem, uint64_t config, int64_t fidelity,
                              double *value, double *extra, bool *found, td_error *err);
/* Ends a claim of the same key. */
td_status td__store_cache_put(td_store *s, uint64_t problem, uint64_t config, int64_t fidelity,
                              double value, double extra, td_error *err);
/* All that are known of a configuration, in order of fidelity; memory from the arena. */
typedef struct {
    int64_t fidelity;
    double value;
} td__cached_value;
td_status td__store_cache_all(td_store *s, uint64_t problem, uint64_t config, td_arena *a,
                              td__cached_value **out, int *n, td_error *err);
/* Claims a value that this worker is going to find out. *busy: another worker is at it (alive, and
 * its lease runs). *found: it is known by now. */
td_status td__store_cache_claim(td_store *s, uint64_t problem, uint64_t config, int64_t fidelity,
                                double lease_s, double *value, bool *found, bool *busy,
                                td_error *err);
td_status td__store_cache_release(td_store *s, uint64_t problem, uint64_t config, int64_t fidelity,
                                  td_error *err);

#endif

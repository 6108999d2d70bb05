/* store.h - the rows behind a study, for the trial loop. The public part is in tandem/study.h; the
 * schema and its rules are in docs/store.md.
 *
 * Every call is one transaction. A trial that was claimed carries a token: report and tell are
 * refused (TD_E_STALE) once somebody else has claimed it.
 */
#ifndef TANDEM_STORE_H
#define TANDEM_STORE_H

#include "tandem/study.h"

/* Creates the study or finds it. An existing one with another spec_hash or seed is TD_E_USAGE.
 * spec: text kept for people (the recipe). max_trials: the budget from now on; not less than what
 * was asked already. The study is active again. */
td_status td__store_study(td_store *s, const char *name, const char *spec, uint64_t spec_hash,
                          uint64_t seed, int64_t max_trials, int64_t *id, td_error *err);
td_status td__store_study_state(td_store *s, int64_t study, int state, td_error *err);

/* Adds the next trial, or returns the one that the same key made before (*number tells). params:
 * the choices as JSON (td_choices_to_node). seen: how many outcomes the strategy had been told, for
 * exact replays. TD_E_DONE: the budget is used up. */
td_status td__store_ask(td_store *s, int64_t study, const char *key, int64_t seen,
                        const char *params, uint64_t params_hash, int64_t *number, td_error *err);

/* A trial as the loop needs it. */
typedef struct {
    int64_t id, number, token, seen;
    int attempt;
    td_state state;
    const char *params; /* JSON; arena */
    td_outcome outcome;
    double metric[TD_NMETRIC], accuracy, reward, violation;
    uint64_t net_hash, hw_hash; /* 0: it could not be built */
    bool scored;                /* its network's accuracy was needed */
    int64_t rev;
    double started, finished; /* seconds since the epoch, 0: not yet */
    const char *error;        /* arena; NULL if there is none */
} td__trial;

/* Trial `number` for this worker: state running, token and attempt raised, lease set. A trial that
 * is running under a live lease of another worker is TD_E_STALE; a finished one too. */
td_status td__store_claim(td_store *s, int64_t study, int64_t number, const char *worker,
                          double lease_s, int64_t *id, int64_t *token, td_error *err);
/* Prolongs the lease. */
td_status td__store_beat(td_store *s, int64_t id, int64_t token, double lease_s, td_error *err);

typedef struct {
    td_outcome outcome;
    double metric[TD_NMETRIC], accuracy, reward; /* NAN: unknown */
    double violation;                            /* sum of what the targets are missed by */
    uint64_t net_hash, hw_hash;                  /* 0: it could not be built */
    bool scored;                                 /* its network's accuracy was needed */
    const char *reason;                          /* of infeasible and failed trials; may be NULL */
    const char *params; /* choices as JSON in place of those that were asked; NULL: those stay */
} td__finish;
/* Gives a claimed trial back unfinished (a drain): ready again, the attempt does not count. */
td_status td__store_release(td_store *s, int64_t id, int64_t token, td_error *err);
/* Ends a trial and gives it the next revision of the study. Telling again with the winning token is
 * fine and changes nothing. */
td_status td__store_tell(td_store *s, int64_t id, int64_t token, const td__finish *f,
                         td_error *err);
/* Expired leases (and, with `all`, every running trial: the process that ran them is known to be
 * gone) go back to ready; after max_attempts they fail and take a revision. */
td_status td__store_reap(td_store *s, int64_t study, bool all, int max_attempts, int64_t *reaped,
                         td_error *err);
/* All trials of a study in order of number; memory from the arena. */
td_status td__store_load(td_store *s, int64_t study, td_arena *a, td__trial **out, int *n,
                         td_error *err);

/* Number of a study by its name: TD_E_NOT_FOUND names those there are. */
td_status td__store_find(td_store *s, const char *name, int64_t *id, td_error *err);

/* Values by (problem, configuration, fidelity), shared by all studies. */
td_status td__store_cache_get(td_store *s, uint64_t problem, uint64_t config, int64_t fidelity,
                              double *value, double *extra, bool *found, td_error *err);
td_status td__store_cache_put(td_store *s, uint64_t problem, uint64_t config, int64_t fidelity,
                              double value, double extra, td_error *err);

#endif

/* loop.h - the state of one trial loop, shared by row.c (who asks and tells) and trial_eval.c (what
 * a trial costs and is worth). */
#ifndef TANDEM_LOOP_H
#define TANDEM_LOOP_H

#include <pthread.h>

#include "row.h"
#include "seen.h"

typedef struct {
    td_choices c;
    td__finish f;
    double fidelity; /* as asked; 0: costs only */
    bool known;      /* its outcome is in f: this worker's, or another's, who may be ahead */
    bool finished;   /* asked and known */
    bool told;
    int64_t horizon; /* the trials below it that were asked in full had been told when this one was
                      * asked, and no other ones that were: what a verdict on it may know */
    bool counts;     /* told, and the first that its curve is of: does not change any more */
    int64_t paid, spent; /* steps of its network in the two sums below; of the first of a network */
} td__slot;

typedef struct td__loop {
    const td__row *row;
    const td__evaluator *evaluator;
    int64_t study, trials, trained; /* budgets; trials goes down to where the others end the row */
    int64_t unit, trained_steps;    /* the budget in steps, unit of which are a whole training */
    double lease_s;
    void *strategy;
    pthread_mutex_t lock; /* of all below, and of the store's handle */
    pthread_cond_t changed;
    td__slot *slot; /* room of them */
    int64_t room;
    double *values;    /* choices of all slots */
    td__trial *stored; /* what was there at the start */
    int n_stored;
    int64_t rev;       /* of the store, up to which outcomes are known */
    td_arena *scratch; /* of one look into the store */
    int64_t next, told, finished, count[TD_NRESULT];
    int64_t first_cheap, first_full; /* no trial below that is asked for its costs only, or is not,
                                      * is still to be told */
    int64_t untold_full;
    td__seen paid;      /* networks that told trials needed: what the budget of trainings counts, */
    int64_t paid_steps; /* each by the steps that it was trained (td__stop_unit: in full) */
    td__seen scored;    /* the same of finished trials, for the progress line */
    int64_t spent_steps;
    td__seen designs; /* finished designs, by both hashes: the number of the trial */
    uint64_t *busy;   /* networks whose training is under way in this process */
    int n_busy;
    uint64_t waits;  /* so many so far, for the jitter */
    td_arena *arena; /* reasons of trials */
    bool ended, cancelled;
    bool exhausted; /* the strategy had nothing to ask: it is told all before it is asked again */
    td_status status;
    td_error err;
    int64_t best;
    double start;
} td__loop;

/* Waits until something changes in this process, or a little longer than last time (*pause_ms, 0 at
 * first): other processes cannot be heard. Under the lock. */
void td__loop_wait(td__loop *l, double *pause_ms);
/* The end is near: what runs is to be broken off. */
bool td__loop_abandoned(const td__loop *l);

/* What a design is worth with an accuracy: objectives of *o, and the reward. f: its metrics. */
void td__worth(const td__row *row, const td_design *d, double accuracy, const td__finish *f,
               td_outcome *o, double *reward);
/* The accuracy of the design's network for trial n, in f (scored); if the training is stopped
 * early, f is pruned, and the accuracy that of its last step. NAN: it has none. */
td_status td__train(td__loop *l, int64_t n, const td_design *d, td_arena *a, td__finish *f,
                    td_error *err);

#endif

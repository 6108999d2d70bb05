/* row.c - the trial loop of one study: ask, evaluate, tell.
 *
 * Determinism. A strategy asks a trial in full, or for its costs only (fidelity 0): costs are
 * nearly free, trainings are not. Trial n is asked when the strategy has been told all earlier
 * trials that were asked for their costs, and all of the others but the last `lag`; these are told
 * in order of number, whatever order they end in. So what is asked does not depend on the number of
 * threads or their speed, and a resume replays the same calls: trials that are in the store already
 * are taken from there.
 *
 *      0 ............ told ............. asked n
 *      |--- told to the strategy ---|--- lag: in flight or finished, not told yet ---|
 *
 * The budget of trainings counts the distinct networks that trials needed. It is met exactly: n is
 * asked when the trainings of the told trials and all that could be in flight, n itself included,
 * do not exceed it; else one more is told first. So the lag shrinks toward the end of the budget,
 * and for each n the same way in each run. A stored trial was asked with the number of told ones
 * that stands beside it (`seen`), also if budgets have changed since. */
#include "row.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loop.h"

/* The lease is no alarm clock here: the folder's lock says that no other process works on the
 * study, and leases of dead ones are taken back at the start. */
enum { LEASE_S = 3600, MAX_ATTEMPTS = 5 };

static bool is_cancelled(const td__loop *l) {
    const td_run_options *run = l->row->run;
    return run->cancelled != NULL && run->cancelled(run->self);
}

/* The first fault ends the loop; later ones are its consequences. */
static void give_up(td__loop *l, td_status status, const td_error *err) {
    if (l->status == TD_OK) {
        l->status = status;
        l->err = *err;
    }
    l->ended = true;
    pthread_cond_broadcast(&l->changed);
}

static void report(td__loop *l) {
    const td__row *row = l->row;
    if (row->run->progress == NULL) return;
    td_progress p = {.row = row->name,
                     .phase = "search",
                     .done = l->finished,
                     .total = row->trials,
                     .trained = (int64_t)l->scored.n,
                     .max_trained = row->accuracy != NULL ? row->trained : 0,
                     .elapsed_s = td_time_mono_s() - l->start};
    memcpy(p.count, l->count, sizeof p.count);
    if (l->best >= 0) {
        p.has_best = true;
        p.best_accuracy = l->slot[l->best].f.accuracy;
        memcpy(p.best_metric, l->slot[l->best].f.metric, sizeof p.best_metric);
    }
    row->run->progress(row->run->self, &p);
}

static td_trial_row as_row(const td__finish *f) {
    td_trial_row r = {.state = f->outcome.state,
                      .accuracy = f->accuracy,
                      .violation = f->violation,
                      .feasible = f->outcome.state == TD_TRIAL_DONE && f->violation == 0};
    memcpy(r.metric, f->metric, sizeof r.metric);
    return r;
}

/* A trial is over: its design is known from now on. Under the lock. */
static td_status finish(td__loop *l, int64_t n, td_error *err) {
    td__slot *s = &l->slot[n];
    s->finished = true;
    l->finished++;
    td_trial_row row = as_row(&s->f), best = {0};
    if (l->best >= 0) best = as_row(&l->slot[l->best].f);
    if (row.feasible && (l->best < 0 || td__trial_better(&row, &best))) l->best = n;
    l->count[td_trial_result(&row)]++;
    bool kept = true;
    if (s->f.scored) kept = td__seen_put(&l->scored, s->f.net_hash, n);
    if (kept && s->f.net_hash != 0 && s->f.hw_hash != 0)
        kept = td__seen_put(&l->designs, td__design_key(s->f.net_hash, s->f.hw_hash), n);
    pthread_cond_broadcast(&l->changed);
    report(l);
    return kept ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
}

/* The trial that has to be told next before trial n is asked; -1: none, it can be. */
static int64_t next_to_tell(td__loop *l, int64_t n) {
    const td__row *row = l->row;
    if (n < l->n_stored && l->told >= l->stored[n].seen) return -1;
    while (l->first_cheap < n &&
           (l->slot[l->first_cheap].told || l->slot[l->first_cheap].fidelity > 0))
        l->first_cheap++;
    if (l->first_cheap < n) return l->first_cheap;
    while (l->first_full < n &&
           (l->slot[l->first_full].told || l->slot[l->first_full].fidelity == 0))
        l->first_full++;
    if (n < l->n_stored || l->untold_full > row->lag) return l->first_full;
    if (row->accuracy == NULL || l->untold_full == 0) return -1;
    return (int64_t)l->paid.n < row->trained - l->untold_full ? -1 : l->first_full;
}

/* Tells what has to be told before trial n is asked. *ready false: a trial that is not finished is
 * among it. */
static td_status tell_for(td__loop *l, int64_t n, bool *ready, td_error *err) {
    int64_t k;
    *ready = true;
    while ((k = next_to_tell(l, n)) >= 0 && k < n) {
        td__slot *s = &l->slot[k];
        if (!(*ready = s->finished)) return TD_OK;
        l->row->strategy->tell(l->strategy, k, &s->c, &s->f.outcome);
        if (s->f.scored && !td__seen_put(&l->paid, s->f.net_hash, k))
            return td_fail(err, TD_E_MEMORY, "out of memory");
        s->told = true;
        l->told++;
        l->untold_full -= s->fidelity > 0;
    }
    return TD_OK;
}

static bool trainings_spent(const td__loop *l, int64_t n) {
    return n >= l->n_stored && l->row->accuracy != NULL && l->untold_full == 0 &&
           (int64_t)l->paid.n >= l->row->trained;
}

/* What stands in the store has to be what is asked now. */
static td_status check_stored(const td__loop *l, int64_t n, const char *params, td_error *err) {
    const td__trial *t = &l->stored[n];
    /* A solved trial got its accelerator's choices when it was told: {"net": 1} is then the
     * beginning of {"net": 1, "hw": 2}. */
    size_t n_params = strlen(params) - (l->row->solver != NULL);
    bool same = l->row->solver != NULL ? strncmp(params, t->params, n_params) == 0
                                       : strcmp(params, t->params) == 0;
    if (same && t->seen == l->told) return TD_OK;
    return td_fail(err, TD_E_STORE,
                   "row \"%s\": trial %" PRId64 " in the store is not the one that this program "
                   "asks for; it was made by another version, or is damaged: give another folder",
                   l->row->name, n);
}

static void take_stored(td__slot *s, const td__trial *t) {
    s->f = (td__finish){.outcome = t->outcome,
                        .accuracy = t->accuracy,
                        .reward = t->reward,
                        .violation = t->violation,
                        .net_hash = t->net_hash,
                        .hw_hash = t->hw_hash,
                        .scored = t->scored,
                        .reason = t->error};
    s->f.outcome.fidelity = s->fidelity;
    memcpy(s->f.metric, t->metric, sizeof s->f.metric);
}

/* Enters trial n in the store and takes its lease. */
static td_status enter(td__loop *l, int64_t n, const char *params, int64_t *id, int64_t *token,
                       td_error *err) {
    const td__row *row = l->row;
    char key[32], worker[32];
    int64_t number = n;
    snprintf(key, sizeof key, "0:%" PRId64, n);
    snprintf(worker, sizeof worker, "%ld", (long)getpid());
    td_status s = td__store_ask(row->store, l->study, key, l->told, params,
                                td_choices_hash(&l->slot[n].c), &number, err);
    if (s == TD_OK && number != n)
        s = td_fail(err, TD_E_STORE, "row \"%s\": damaged (trial numbers have a hole)", row->name);
    return s == TD_OK ? td__store_claim(row->store, l->study, n, worker, LEASE_S, id, token, err)
                      : s;
}

/* Asks trial n = l->next. Under the lock. *run: it has to be evaluated, as (id, token). */
static td_status ask_next(td__loop *l, bool *run, int64_t *id, int64_t *token, td_error *err) {
    const td__row *row = l->row;
    int64_t n = l->next;
    td__slot *slot = &l->slot[n];
    slot->fidelity = 1;
    slot->c = (td_choices){.n = row->space->n, .v = l->values + n * row->space->n};
    td_arena *a = td_arena_create();
    td_text params = {0};
    td_status s = a == NULL ? td_fail(err, TD_E_MEMORY, "out of memory") : TD_OK;
    if (s == TD_OK) s = row->strategy->ask(l->strategy, n, &slot->c, &slot->fidelity);
    l->exhausted = s == TD_E_DONE;
    if (s != TD_OK && a != NULL)
        s = td_fail(err, s, "strategy %s gave no trial %" PRId64 ": %s", row->strategy->name, n,
                    td_status_text(s));
    if (s == TD_OK) {
        td_node_to_json(td_choices_to_node(row->space, &slot->c, a), 0, &params);
        if (params.failed || params.data == NULL) s = td_fail(err, TD_E_MEMORY, "out of memory");
    }
    if (s == TD_OK && n < l->n_stored) s = check_stored(l, n, params.data, err);
    *run = n >= l->n_stored || l->stored[n].state <= TD_TRIAL_RUNNING;
    if (s == TD_OK && *run)
        s = enter(l, n, params.data, id, token, err);
    else if (s == TD_OK)
        take_stored(slot, &l->stored[n]);
    if (s == TD_OK) {
        l->next++;
        l->untold_full += slot->fidelity > 0;
    }
    if (s == TD_OK && !*run) s = finish(l, n, err);
    td_text_free(&params);
    td_arena_destroy(a);
    return s;
}

/* Evaluates trial n and tells the store. Under the lock, which is given up meanwhile. */
static td_status run_trial(td__loop *l, int64_t n, int64_t id, int64_t token, td_arena *a,
                           td_error *err) {
    td__finish f;
    pthread_mutex_unlock(&l->lock);
    td_arena_reset(a);
    td_status s = td__evaluate(l, &l->slot[n].c, l->slot[n].fidelity, a, &f, err);
    pthread_mutex_lock(&l->lock);
    if (s != TD_OK && s != TD_E_INTERRUPTED) td_error_prefix(err, "trial %" PRId64, n);
    if (s == TD_OK) s = td__store_tell(l->row->store, id, token, &f, err);
    if (s != TD_OK) {
        /* Not the trial's fault: it is ready again, and no attempt is lost. */
        td__store_release(l->row->store, id, token, NULL);
        return s;
    }
    if (f.reason != NULL && (f.reason = td_arena_strdup(l->arena, f.reason)) == NULL)
        return td_fail(err, TD_E_MEMORY, "out of memory");
    f.params = NULL; /* in the store now */
    l->slot[n].f = f;
    return finish(l, n, err);
}

static void work(void *self, int worker) {
    (void)worker;
    td__loop *l = self;
    td_error err = {0};
    td_arena *a = td_arena_create();
    pthread_mutex_lock(&l->lock);
    if (a == NULL) give_up(l, td_fail(&err, TD_E_MEMORY, "out of memory"), &err);
    while (!l->ended && l->next < l->row->trials) {
        int64_t n = l->next, id = 0, token = 0;
        if (is_cancelled(l)) {
            l->cancelled = true;
            break;
        }
        bool ready, run = false;
        td_status s = tell_for(l, n, &ready, &err);
        if (s == TD_OK && !ready) {
            pthread_cond_wait(&l->changed, &l->lock);
            continue;
        }
        if (s == TD_OK && trainings_spent(l, n)) break;
        if (s == TD_OK) s = ask_next(l, &run, &id, &token, &err);
        if (l->exhausted) break;
        if (s == TD_OK && run) s = run_trial(l, n, id, token, a, &err);
        if (s == TD_E_INTERRUPTED) {
            l->cancelled = l->ended = true;
            pthread_cond_broadcast(&l->changed);
        } else if (s != TD_OK) {
            give_up(l, s, &err);
        }
    }
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
    td_arena_destroy(a);
}

td_status td__row_search(const td__row *row, td_error *err) {
    td__loop l = {.row = row, .arena = td_arena_create(), .best = -1, .start = td_time_mono_s()};
    int64_t reaped;
    td_arena *a = l.arena;
    if (err == NULL) err = &l.err;
    /* Memory for all trials of the budget; the system gives it page by page as they are asked. */
    size_t n = (size_t)row->trials, d = (size_t)row->space->n;
    int threads = row->run->threads > 0 ? row->run->threads : td_cpu_count();
    l.slot = calloc(n, sizeof *l.slot);
    l.values = calloc(n * (d > 0 ? d : 1), sizeof *l.values);
    l.busy = calloc((size_t)threads, sizeof *l.busy);
    pthread_mutex_init(&l.lock, NULL);
    pthread_cond_init(&l.changed, NULL);
    td_status s = TD_OK;
    if (a == NULL || l.slot == NULL || l.values == NULL || l.busy == NULL)
        s = td_fail(err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK)
        s = td__store_study(row->store, row->name, row->spec, row->spec_hash, row->seed,
                            row->trials, &l.study, err);
    /* One process per study holds its lock: what is running in the store died with its process. */
    if (s == TD_OK) s = td__store_reap(row->store, l.study, true, MAX_ATTEMPTS, &reaped, err);
    if (s == TD_OK) s = td__store_load(row->store, l.study, a, &l.stored, &l.n_stored, err);
    if (s == TD_OK) s = row->strategy->init(&l.strategy, row->space, row->seed, row->params, err);
    if (s == TD_OK) {
        s = td_parallel_for(threads, threads, work, &l);
        if (s == TD_OK && l.status != TD_OK) {
            s = l.status;
            *err = l.err;
        }
        if (s == TD_OK && l.cancelled) s = td_fail(err, TD_E_INTERRUPTED, "interrupted");
        if (s == TD_OK) s = td__store_study_state(row->store, l.study, 2, err);
        row->strategy->destroy(l.strategy);
    }
    pthread_cond_destroy(&l.changed);
    pthread_mutex_destroy(&l.lock);
    free(l.busy);
    td__seen_free(&l.designs);
    td__seen_free(&l.scored);
    td__seen_free(&l.paid);
    free(l.values);
    free(l.slot);
    td_arena_destroy(a);
    return s;
}

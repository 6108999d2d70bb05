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
 * The budget of trainings counts the distinct networks that trials needed, those that were stopped
 * early (stop.h) by their share. It is never exceeded: n is asked when the trainings of the told
 * trials and all that could be in flight, n itself included, do not exceed it; else one more is
 * told first. So the lag shrinks toward the end of the budget,
 * and for each n the same way in each run. A stored trial was asked with the number of told ones
 * that stands beside it (`seen`), also if budgets have changed since.
 *
 * Workers. Each process has a replica of all this: its own strategy, told and asked the same, so
 * that it does not matter which of them enters trial n in the store; the others find it there. Who
 * claims it evaluates it. What others have finished is read by revision; what nobody runs any more,
 * because its worker died, is claimed by who has nothing else to do. A number that was given to an
 * enqueued design is asked for all the same, and told with the design's choices instead. */
#include "row.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "beat.h"
#include "loop.h"
#include "stop.h"

static const double shortest_ms = 2, longest_ms = 50; /* of a wait for other processes */

static bool is_cancelled(const td__loop *l) {
    const td_run_options *run = l->row->run;
    if (run->cancelled != NULL && run->cancelled(run->self)) return true;
    return l->row->stop_file != NULL && access(l->row->stop_file, F_OK) == 0;
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
                     .total = l->trials,
                     .trained = (l->spent_steps + l->unit - 1) / l->unit,
                     .max_trained = row->accuracy != NULL ? l->trained : 0,
                     .elapsed_s = td_time_mono_s() - l->start};
    memcpy(p.count, l->count, sizeof p.count);
    const td_goals *goals = l->evaluator->goals;
    if (goals != NULL) p.objective = goals->objective[0].name;
    if (l->best >= 0) {
        p.has_best = true;
        if (goals != NULL)
            p.best_objective = td_goals_value(goals, 0, l->slot[l->best].f.outcome.obj[0]);
        p.best_accuracy = l->slot[l->best].f.accuracy;
        memcpy(p.best_metric, l->slot[l->best].f.metric, sizeof p.best_metric);
    }
    row->run->progress(row->run->self, &p);
}

static td_trial_row as_row(const td__finish *f) {
    td_trial_row r = {.state = f->outcome.state,
                      .steps = f->steps,
                      .accuracy = f->accuracy,
                      .violation = f->violation,
                      .feasible = f->outcome.state == TD_TRIAL_DONE && f->violation == 0};
    memcpy(r.metric, f->metric, sizeof r.metric);
    r.outcome = f->outcome;
    return r;
}

/* Trial n was asked and its outcome is known: its design is, from now on. Under the lock. */
static td_status finish(td__loop *l, int64_t n, td_error *err) {
    td__slot *s = &l->slot[n];
    s->finished = true;
    s->f.outcome.fidelity = s->fidelity;
    if (s->f.outcome.state == TD_TRIAL_PRUNED && s->f.steps > 0)
        s->f.outcome.fidelity = td__stop_fidelity(l->row, s->f.steps);
    l->finished++;
    td_trial_row row = as_row(&s->f), best = {0};
    if (l->best >= 0) best = as_row(&l->slot[l->best].f);
    bool (*better)(const td_trial_row *, const td_trial_row *) = l->evaluator->better;
    if (row.feasible && better != NULL && (l->best < 0 || better(&row, &best))) l->best = n;
    l->count[td_trial_result(&row)]++;
    td_status status = s->f.scored ? td__stop_count(l, n, false, err) : TD_OK;
    bool kept = status == TD_OK;
    if (kept && s->f.net_hash != 0 && s->f.hw_hash != 0)
        kept = td__seen_put(&l->designs, td__design_key(s->f.net_hash, s->f.hw_hash), n);
    pthread_cond_broadcast(&l->changed);
    report(l);
    return kept ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
}

/* The first trial below n that was asked in full and not told yet; n: there is none. */
static int64_t first_full(td__loop *l, int64_t n) {
    while (l->first_full < n &&
           (l->slot[l->first_full].told || l->slot[l->first_full].fidelity == 0))
        l->first_full++;
    return l->first_full;
}

/* Would a training more for trial n, and for all in flight, stay within the budget? */
static bool can_train(const td__loop *l) {
    return l->paid_steps + (l->untold_full + 1) * l->unit <= l->trained_steps;
}

/* The trial that has to be told next before trial n is asked; -1: none, it can be. seen: how many
 * were told before it in the store; -1: it is not there. */
static int64_t next_to_tell(td__loop *l, int64_t n, int64_t seen) {
    const td__row *row = l->row;
    if (seen >= 0 && l->told >= seen) return -1;
    while (l->first_cheap < n &&
           (l->slot[l->first_cheap].told || l->slot[l->first_cheap].fidelity > 0))
        l->first_cheap++;
    if (l->first_cheap < n) return l->first_cheap;
    const int64_t full = first_full(l, n);
    if (seen >= 0 || l->untold_full > row->lag) return full;
    if (l->exhausted && l->untold_full > 0) return full;
    if (row->accuracy == NULL || l->untold_full == 0) return -1;
    return can_train(l) ? -1 : full;
}

/* Tells what has to be told before trial n is asked. *ready false: a trial that is not finished is
 * among it. */
static td_status tell_for(td__loop *l, int64_t n, int64_t seen, bool *ready, td_error *err) {
    int64_t k;
    *ready = true;
    while ((k = next_to_tell(l, n, seen)) >= 0 && k < n) {
        td__slot *s = &l->slot[k];
        if (!(*ready = s->finished)) return TD_OK;
        l->row->strategy->tell(l->strategy, k, &s->c, &s->f.outcome);
        s->counts = s->f.curve.n > 0 && s->f.outcome.state != TD_TRIAL_FAILED &&
                    (s->f.net_hash == 0 || td__seen_get(&l->paid, s->f.net_hash) < 0);
        if (s->f.scored) {
            td_status status = td__stop_count(l, k, true, err);
            if (status != TD_OK) return status;
        }
        s->told = true;
        l->told++;
        l->untold_full -= s->fidelity > 0;
    }
    return TD_OK;
}

static bool trainings_spent(const td__loop *l) {
    return l->row->accuracy != NULL && l->untold_full == 0 && !can_train(l);
}

/* ---- what other workers have done ------------------------------------------------------------ */

/* What an outcome points to, in the arena of the loop. */
static td_status settle(td__loop *l, td__finish *f, td_error *err) {
    /* Without a rule nobody asks for curves. */
    const bool reason = f->reason != NULL, curve = f->curve.n > 0 && l->row->stopping != NULL;
    td_curve_point *at = curve ? TD_NEW(l->arena, td_curve_point, f->curve.n) : NULL;
    if (reason) f->reason = td_arena_strdup(l->arena, f->reason);
    if ((reason && f->reason == NULL) || (curve && at == NULL))
        return td_fail(err, TD_E_MEMORY, "out of memory");
    if (curve) memcpy(at, f->curve.at, sizeof *at * (size_t)f->curve.n);
    f->curve.at = at;
    if (!curve) f->curve.n = 0;
    f->curve_accuracy = NULL; /* in the store */
    f->params = NULL;
    return TD_OK;
}

/* The outcome of a stored trial, which may be ahead of what was asked here. */
static td_status take_stored(td__loop *l, const td__trial *t, td_error *err) {
    td__slot *s = &l->slot[t->number];
    s->f = (td__finish){.outcome = t->outcome,
                        .accuracy = t->accuracy,
                        .reward = t->reward,
                        .violation = t->violation,
                        .net_hash = t->net_hash,
                        .hw_hash = t->hw_hash,
                        .scored = t->scored,
                        .steps = t->steps,
                        .curve = t->curve,
                        .reason = t->error};
    memcpy(s->f.metric, t->metric, sizeof s->f.metric);
    memcpy(s->f.told, t->told, sizeof s->f.told);
    s->known = true;
    return settle(l, &s->f, err);
}

/* Takes in what was finished since the last call; *news: there was something that is new here. */
static td_status catch_up(td__loop *l, bool *news, td_error *err) {
    td__trial *t;
    int n;
    *news = false;
    td_arena_reset(l->scratch);
    td_status s = td__store_since(l->row->store, l->study, l->rev, l->scratch, &t, &n, err);
    for (int i = 0; s == TD_OK && i < n; i++) {
        l->rev = t[i].rev;
        /* Beyond the budget that was read at the start there is nothing of interest. */
        if (t[i].number >= l->room || l->slot[t[i].number].known) continue;
        *news = true;
        s = take_stored(l, &t[i], err);
        if (s == TD_OK && t[i].number < l->next) s = finish(l, t[i].number, err);
    }
    return s;
}

/* Trial n as it stands in the store: NULL if it does not. Good until the next look. */
static td_status look_up(td__loop *l, int64_t n, const td__trial **t, td_error *err) {
    *t = n < l->n_stored ? &l->stored[n] : NULL;
    if (*t != NULL) return TD_OK;
    td_arena_reset(l->scratch);
    return td__store_peek(l->row->store, l->study, n, l->scratch, t, err);
}

void td__loop_wait(td__loop *l, double *pause_ms) {
    *pause_ms = fmin(fmax(2 * *pause_ms, shortest_ms), longest_ms);
    /* Workers that began to wait together do not come back together. */
    uint64_t salt[2] = {(uint64_t)getpid(), l->waits++};
    double jitter = 0.5 + (double)(td_hash(salt, sizeof salt, 0) >> 11) * 0x1p-53;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(1e6 * *pause_ms * jitter);
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    if (pthread_cond_timedwait(&l->changed, &l->lock, &until) == 0) *pause_ms = 0;
}

bool td__loop_abandoned(const td__loop *l) {
    const td_run_options *run = l->row->run;
    return run->abandoned != NULL && run->abandoned(run->self);
}

/* ---- asking ---------------------------------------------------------------------------------- */

/* What stands in the store has to be what is asked now. */
static td_status check_stored(const td__loop *l, const td__trial *t, const char *params,
                              td_error *err) {
    /* A solved trial got its accelerator's choices when it was told: {"net": 1} is then the
     * beginning of {"net": 1, "hw": 2}. */
    size_t n = strlen(params) - 1; /* without the brace */
    bool same = strcmp(params, t->params) == 0;
    if (!same && l->row->solver != NULL)
        same = strncmp(params, t->params, n) == 0 && (n < 2 || t->params[n] == ',');
    if (same && t->seen == l->told) return TD_OK;
    return td_fail(err, TD_E_STORE,
                   "row \"%s\": trial %" PRId64 " in the store is not the one that this program "
                   "asks for; it was made by another version, or is damaged: give another folder",
                   l->row->name, t->number);
}

/* The choices of a stored trial; of a solved one those of the network. */
static td_status choices_of(const td__row *row, const char *params, td_arena *a, td_choices *c,
                            td_error *err) {
    const td_node *doc;
    td_status s = td_json_parse(a, params, strlen(params), "study.db", 1, &doc, err);
    if (s == TD_OK) s = td_choices_from_node(row->space, doc, c, err);
    if (s == TD_OK || row->solver == NULL) return s;
    td_choices both = {.n = row->joint->n, .v = TD_NEW(a, double, row->joint->n + 1)};
    if (both.v == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    s = td_choices_from_node(row->joint, doc, &both, err);
    if (s == TD_OK && c->n > 0) memcpy(c->v, both.v, sizeof *c->v * (size_t)c->n);
    return s;
}

/* Trial n was enqueued: its choices take the place of what the strategy asked. */
static td_status take_enqueued(td__loop *l, const td__trial *t, td_arena *a, td_error *err) {
    td__slot *slot = &l->slot[t->number];
    td_status s = choices_of(l->row, t->params, a, &slot->c, err);
    if (s != TD_OK)
        return td_error_prefix(err, "row \"%s\": enqueued trial %" PRId64, l->row->name, t->number);
    slot->fidelity = 1;
    return t->seen < 0 ? td__store_enter(l->row->store, t->id, l->told, err) : TD_OK;
}

/* What the strategy asked for trial n stands in the store: it has to take note only. */
static bool is_known(const td__loop *l, const td__trial *t) {
    return t != NULL && l->row->strategy->asked != NULL && t->origin != TD__ORIGIN_ENQUEUED;
}

/* The strategy's choices for trial n, as they stand in the store, where it may be t. TD_E_DONE: it
 * has no more. */
static td_status ask_strategy(td__loop *l, int64_t n, const td__trial *t, td_arena *a,
                              td_text *params, td_error *err) {
    const td__row *row = l->row;
    td__slot *slot = &l->slot[n];
    slot->fidelity = 1;
    slot->c = (td_choices){.n = row->space->n, .v = l->values + n * row->space->n};
    td_status s = TD_OK;
    if (is_known(l, t)) {
        s = choices_of(row, t->params, a, &slot->c, err);
        if (s != TD_OK) return s;
        s = row->strategy->asked(l->strategy, n, &slot->c, slot->fidelity);
    } else {
        s = row->strategy->ask(l->strategy, n, &slot->c, &slot->fidelity);
    }
    if (s != TD_OK)
        return td_fail(err, s, "strategy %s gave no trial %" PRId64 ": %s", row->strategy->name, n,
                       td_status_text(s));
    td_node_to_json(td_choices_to_node(row->space, &slot->c, a), 0, params);
    return params->failed || params->data == NULL ? td_fail(err, TD_E_MEMORY, "out of memory")
                                                  : TD_OK;
}

/* Enters trial n in the store, or finds that another worker, or somebody who enqueues, did so
 * first: then it is t. *over: the store gives no more numbers, the time is up. */
static td_status enter(td__loop *l, int64_t n, const char *params, const td__trial **t, bool *over,
                       td_error *err) {
    const td__row *row = l->row;
    char key[32];
    int64_t number = n;
    bool made;
    snprintf(key, sizeof key, "0:%" PRId64, n);
    td_status s = td__store_ask(row->store, l->study, key, l->told, params,
                                td_choices_hash(&l->slot[n].c), l->lease_s, &number, &made, err);
    if ((*over = s == TD_E_DONE)) return TD_OK;
    if (s == TD_OK && number != n)
        s = td_fail(err, TD_E_STORE, "row \"%s\": damaged (trial numbers have a hole)", row->name);
    return s == TD_OK && !made ? look_up(l, n, t, err) : s;
}

/* The number of no trial. */
enum { NOTHING = -1 };

static td_status claim_trial(td__loop *l, int64_t n, td__task *c, td_error *err) {
    td_status s = td__store_claim(l->row->store, l->study, n, l->lease_s, &c->id, &c->token, err);
    if (s == TD_OK) c->number = n;
    return s == TD_E_STALE ? TD_OK : s; /* somebody else has it */
}

/* Asks trial n = l->next, which is t in the store (NULL: not there), and claims it if nobody else
 * runs it. */
static td_status ask_next(td__loop *l, const td__trial *t, td__task *c, td_error *err) {
    int64_t n = l->next;
    td__slot *slot = &l->slot[n];
    td_arena *a = td_arena_create();
    td_text params = {0};
    bool over = false;
    td_status s = a != NULL ? ask_strategy(l, n, t, a, &params, err)
                            : td_fail(err, TD_E_MEMORY, "out of memory");
    /* A strategy that has come to its end may have an enqueued trial before it all the same. It may
     * also ask again what was given up for such a one, once it is told so. */
    if (s == TD_E_DONE && (t == NULL || t->origin == TD__ORIGIN_ENQUEUED)) {
        bool untold = l->told < n;
        over = t == NULL;
        s = TD_OK;
        if (over && untold) {
            l->exhausted = true;
            td_arena_destroy(a);
            return TD_OK;
        }
    } else if (s == TD_OK) {
        l->exhausted = false;
    }
    if (s == TD_OK && t == NULL && !over) s = enter(l, n, params.data, &t, &over, err);
    if (s == TD_OK && t != NULL && t->origin == TD__ORIGIN_ENQUEUED)
        s = take_enqueued(l, t, a, err);
    else if (s == TD_OK && t != NULL)
        s = check_stored(l, t, params.data, err);
    bool ready = t == NULL || t->state == TD_TRIAL_READY;
    td_text_free(&params);
    td_arena_destroy(a);
    if (over) l->trials = n;
    if (s != TD_OK || over) return s;
    slot->horizon = first_full(l, n);
    l->next++;
    l->untold_full += slot->fidelity > 0;
    if (slot->known) return finish(l, n, err);
    return ready ? claim_trial(l, n, c, err) : TD_OK;
}

/* A step forward: asks the next trial if it can be asked. *asked false: not now. */
static td_status step(td__loop *l, bool *asked, td__task *c, td_error *err) {
    const td__trial *t;
    bool ready = false;
    *asked = false;
    if (l->next >= l->trials) return TD_OK;
    td_status s = look_up(l, l->next, &t, err);
    if (s == TD_OK) s = tell_for(l, l->next, t != NULL ? t->seen : -1, &ready, err);
    if (s != TD_OK || !ready) return s;
    *asked = true;
    if ((t == NULL || t->seen < 0) && trainings_spent(l))
        l->trials = l->next;
    else
        s = ask_next(l, t, c, err);
    return s;
}

/* What there is to do for a worker that cannot ask: what nobody runs, although it was asked. */
static td_status help(td__loop *l, td__task *c, td_error *err) {
    int64_t reaped;
    td_status s = td__store_reap(l->row->store, l->study, TD__MAX_ATTEMPTS, &reaped, err);
    if (s != TD_OK) return s;
    return td__store_claim_any(l->row->store, l->study, l->next, l->lease_s, &c->number, &c->id,
                               &c->token, err);
}

/* Evaluates a claimed trial and tells the store. Under the lock, which is given up meanwhile. */
static td_status run_trial(td__loop *l, td__task *c, td_arena *a, td_error *err) {
    td__slot *slot = &l->slot[c->number];
    td__finish f = {.reason = NULL};
    c->c = &slot->c;
    c->fidelity = slot->fidelity;
    pthread_mutex_unlock(&l->lock);
    td_arena_reset(a);
    td_status s = l->evaluator->evaluate(l->evaluator->self, l, c, a, &f, err);
    pthread_mutex_lock(&l->lock);
    if (s != TD_OK && s != TD_E_INTERRUPTED) td_error_prefix(err, "trial %" PRId64, c->number);
    if (s == TD_OK) s = td__store_tell(l->row->store, c->id, c->token, &f, err);
    /* It was taken back and is somebody else's: what the store says of it counts. */
    if (s == TD_E_STALE) return TD_OK;
    if (s != TD_OK) {
        /* Not the trial's fault: it is ready again, and no attempt is lost. */
        td__store_release(l->row->store, c->id, c->token, NULL);
        return s;
    }
    if (slot->known) return TD_OK; /* heard of already, from the store */
    s = settle(l, &f, err);
    if (s != TD_OK) return s;
    slot->f = f;
    slot->known = true;
    return finish(l, c->number, err);
}

/* What a thread does next: asks, or helps, or finds that nothing is left (*over) or has to wait
 * (none of them). */
static td_status next_work(td__loop *l, td__task *c, bool *asked, bool *over, td_error *err) {
    bool news = false;
    *over = false;
    td_status s = td__store_check(l->row->store, err);
    if (s == TD_OK) s = step(l, asked, c, err);
    if (s != TD_OK || *asked) return s;
    s = catch_up(l, &news, err);
    *asked = news; /* try again */
    *over = l->next >= l->trials && l->finished == l->next;
    return s == TD_OK && !news && !*over ? help(l, c, err) : s;
}

static void work(void *self, int thread) {
    td__loop *l = self;
    td_error err = {0};
    double pause_ms = 0;
    td_arena *a = td_arena_create();
    pthread_mutex_lock(&l->lock);
    if (a == NULL) give_up(l, td_fail(&err, TD_E_MEMORY, "out of memory"), &err);
    while (!l->ended) {
        td__task c = {.number = NOTHING, .thread = thread};
        bool asked = false, over = false;
        if (is_cancelled(l)) {
            l->cancelled = l->cancelled || l->next < l->trials || l->finished < l->next;
            break;
        }
        td_status s = next_work(l, &c, &asked, &over, &err);
        if (s == TD_OK && over) break;
        if (s == TD_OK && c.number != NOTHING) s = run_trial(l, &c, a, &err);
        if (s == TD_E_INTERRUPTED) {
            l->cancelled = l->ended = true;
            pthread_cond_broadcast(&l->changed);
        } else if (s != TD_OK) {
            give_up(l, s, &err);
        } else if (!asked && c.number == NOTHING) {
            td__loop_wait(l, &pause_ms);
            continue;
        }
        pause_ms = 0;
    }
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
    if (l->evaluator->leave != NULL) l->evaluator->leave(l->evaluator->self, thread);
    td_arena_destroy(a);
}

/* ---- the row --------------------------------------------------------------------------------- */

static td_status make_room(td__loop *l, td_error *err) {
    /* Memory for all trials of the budget; the system gives it page by page as they are asked. */
    size_t n = (size_t)l->trials, d = (size_t)l->row->space->n;
    l->room = l->trials;
    l->slot = calloc(n > 0 ? n : 1, sizeof *l->slot);
    l->values = calloc((n > 0 ? n : 1) * (d > 0 ? d : 1), sizeof *l->values);
    return l->slot == NULL || l->values == NULL ? td_fail(err, TD_E_MEMORY, "out of memory")
                                                : TD_OK;
}

/* Budgets and trials of the store. What is running there and has no worker any more is ready. */
static td_status read_store(td__loop *l, td_error *err) {
    td_store *store = l->row->store;
    td__study_row study;
    int64_t reaped, others = 0;
    td_status s = td__store_others(store, &others, err);
    if (s == TD_OK) s = td__store_active(store, l->study, others == 0, l->lease_s, err);
    if (s == TD_OK) s = td__store_reap(store, l->study, TD__MAX_ATTEMPTS, &reaped, err);
    if (s == TD_OK) s = td__store_study_row(store, l->study, l->arena, &study, err);
    if (s == TD_OK && study.max_trials > INT32_MAX)
        s = td_fail(err, TD_E_STORE, "row \"%s\": damaged (budget)", l->row->name);
    if (s != TD_OK) return s;
    l->trials = study.max_trials;
    l->trained = study.max_trained;
    l->unit = td__stop_unit(l->row);
    l->trained_steps = l->trained < INT64_MAX / l->unit ? l->trained * l->unit : INT64_MAX;
    s = make_room(l, err);
    if (s == TD_OK) s = td__store_load(store, l->study, l->arena, &l->stored, &l->n_stored, err);
    if (l->n_stored > l->room) l->n_stored = (int)l->room;
    for (int i = 0; s == TD_OK && i < l->n_stored; i++) {
        if (l->stored[i].state <= TD_TRIAL_RUNNING) continue;
        if (l->stored[i].rev > l->rev) l->rev = l->stored[i].rev;
        s = take_stored(l, &l->stored[i], err);
    }
    return s;
}

static td_status search(td__loop *l, int threads, td_error *err) {
    const td__row *row = l->row;
    td__beat *beat = NULL;
    td_status s = row->strategy->init(&l->strategy, row->space, row->seed, row->params, err);
    if (s != TD_OK) return s;
    s = td__beat_start(row->store, l->study, l->lease_s / TD__LEASE_BEATS, &beat, err);
    if (s == TD_OK) s = td_parallel_for(threads, threads, work, l);
    td__beat_stop(beat);
    if (s == TD_OK && l->status != TD_OK) {
        s = l->status;
        *err = l->err;
    }
    if (s == TD_OK && l->cancelled) s = td_fail(err, TD_E_INTERRUPTED, "interrupted");
    if (s == TD_OK) s = td__store_study_state(row->store, l->study, 2, err);
    row->strategy->destroy(l->strategy);
    return s;
}

td_status td__row_search(const td__row *row, int64_t study, td_error *err) {
    td__loop l = {.row = row,
                  .evaluator = row->evaluator != NULL ? row->evaluator : &td__designs_evaluator,
                  .study = study,
                  .arena = td_arena_create(),
                  .scratch = td_arena_create(),
                  .best = -1,
                  .start = td_time_mono_s()};
    if (err == NULL) err = &l.err;
    l.lease_s = TD__LEASE_BEATS * (row->run->beat_s > 0 ? row->run->beat_s : TD__BEAT_S);
    int threads = row->run->threads > 0 ? row->run->threads : td_cpu_count();
    l.busy = calloc((size_t)threads, sizeof *l.busy);
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_mutex_init(&l.lock, NULL);
    pthread_cond_init(&l.changed, &clock);
    pthread_condattr_destroy(&clock);
    td_status s = TD_OK;
    if (l.arena == NULL || l.scratch == NULL || l.busy == NULL)
        s = td_fail(err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK) s = read_store(&l, err);
    if (s == TD_OK) s = search(&l, threads, err);
    pthread_cond_destroy(&l.changed);
    pthread_mutex_destroy(&l.lock);
    free(l.busy);
    td__seen_free(&l.designs);
    td__seen_free(&l.scored);
    td__seen_free(&l.paid);
    free(l.values);
    free(l.slot);
    td_arena_destroy(l.scratch);
    td_arena_destroy(l.arena);
    return s;
}

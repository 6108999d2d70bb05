/* row.c - the trial loop of one study: ask, build, cost, screen, train, tell.
 *
 * Determinism. Trial n is asked when the strategy has been told exactly the trials 0 .. n-lag-1, in
 * order of number, whatever order they end in. So what is asked does not depend on the number of
 * threads or their speed, and a resume replays the same calls: trials that are in the store already
 * are taken from there. The budget of trainings is counted over the told prefix for the same reason
 * (up to lag - 1 more may be in flight when it is reached, the same ones each time).
 *
 *      0 ............ told ............. asked n
 *      |--- told to the strategy ---|--- lag: in flight or finished, not told yet ---|
 */
#include "row.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LEASE_S = 3600, MAX_ATTEMPTS = 5 };

typedef struct {
    td_choices c;
    td__finish f;
    bool finished;
} slot;

typedef struct {
    const td__row *row;
    int64_t study;
    void *strategy;
    pthread_mutex_t lock; /* of all below, and of the store's handle */
    pthread_cond_t changed;
    slot *slot;
    double *values; /* choices of all slots */
    td__trial *stored;
    int n_stored;
    int64_t next, told, finished, trained_told, trained_seen, infeasible;
    uint64_t *counted; /* networks that were paid for, in order of number */
    uint64_t *busy;    /* networks whose training is under way */
    int n_busy;
    td_arena *arena; /* reasons of infeasible trials */
    bool ended, cancelled;
    td_status status;
    td_error err;
    int64_t best;
    double start;
} loop;

static bool is_cancelled(void *self) {
    const td_run_options *run = ((loop *)self)->row->run;
    return run->cancelled != NULL && run->cancelled(run->self);
}

/* The first fault ends the loop; later ones are its consequences. */
static void give_up(loop *l, td_status status, const td_error *err) {
    if (l->status == TD_OK) {
        l->status = status;
        l->err = *err;
    }
    l->ended = true;
    pthread_cond_broadcast(&l->changed);
}

td_status td__design_cost(const td_design *d, const td_schedule_options *o,
                          double metric[TD_NMETRIC], td_schedule *schedule, td_error *err) {
    memset(schedule, 0, sizeof *schedule);
    td_status s = td_schedule_best(d->net, &d->hw, o, schedule, NULL, err);
    if (s != TD_OK) return s;
    metric[TD_METRIC_LATENCY] = schedule->latency_s;
    metric[TD_METRIC_ENERGY] = schedule->energy_j;
    metric[TD_METRIC_AREA] = d->hw.area_mm2;
    return TD_OK;
}

/* Accuracy of a network, trained once: looked up, or waited for if another thread trains it now. */
static td_status accuracy_of(loop *l, const td_design *d, double *value, td_error *err) {
    const td_accuracy *acc = l->row->accuracy;
    uint64_t problem = acc->key(acc->self);
    td_status s;
    pthread_mutex_lock(&l->lock);
    for (;;) {
        bool found = false;
        double cpu_s;
        s = td__store_cache_get(l->row->store, problem, d->net_hash, 1000, value, &cpu_s, &found,
                                err);
        if (s != TD_OK || found) {
            pthread_mutex_unlock(&l->lock);
            return s;
        }
        int i = 0;
        while (i < l->n_busy && l->busy[i] != d->net_hash) i++;
        if (i == l->n_busy) break;
        pthread_cond_wait(&l->changed, &l->lock);
        if (l->status != TD_OK) {
            pthread_mutex_unlock(&l->lock);
            return td_fail(err, TD_E_INTERRUPTED, "interrupted");
        }
    }
    l->busy[l->n_busy++] = d->net_hash;
    pthread_mutex_unlock(&l->lock);

    td_accuracy_result r;
    s = acc->evaluate(acc->self, d, 1, is_cancelled, l, &r, err);
    if (s == TD_E_INFEASIBLE) { /* a training that diverges does so each time: remembered */
        r.value = NAN;
        r.cpu_s = 0;
        s = TD_OK;
    }

    pthread_mutex_lock(&l->lock);
    for (int i = 0; i < l->n_busy; i++)
        if (l->busy[i] == d->net_hash) l->busy[i--] = l->busy[--l->n_busy];
    if (s == TD_OK)
        s = td__store_cache_put(l->row->store, problem, d->net_hash, 1000, r.value, r.cpu_s, err);
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
    *value = r.value;
    return s;
}

static void refuse(td__finish *f, td_arena *a, const td_error *err) {
    f->outcome = (td_outcome){.state = TD_TRIAL_INFEASIBLE, .fidelity = 1};
    f->reason = td_arena_strdup(a, err->message);
}

static void describe_misses(const td_objective *o, td__finish *f, td_arena *a) {
    static const char *const name[TD_NMETRIC] = {"latency", "energy", "area"};
    char text[160];
    size_t used = 0;
    for (int m = 0; m < TD_NMETRIC; m++)
        if (isfinite(o->target[m]) && f->metric[m] > o->target[m])
            used += (size_t)snprintf(text + used, sizeof text - used, "%s%s %.1f %% over target",
                                     used ? ", " : "", name[m],
                                     100 * (f->metric[m] / o->target[m] - 1));
    f->reason = td_arena_strdup(a, used ? text : NULL);
}

/* A duplicate of an earlier, finished design: its figures are taken, nothing is evaluated. */
static bool known_design(loop *l, int64_t number, const td_design *d, td__finish *f, td_arena *a) {
    bool found = false;
    pthread_mutex_lock(&l->lock);
    for (int64_t i = 0; i < number && !found; i++) {
        const slot *s = &l->slot[i];
        if (!s->finished || s->f.net_hash != d->net_hash || s->f.hw_hash != d->hw_hash) continue;
        *f = s->f;
        if (f->reason != NULL) f->reason = td_arena_strdup(a, f->reason);
        found = true;
    }
    pthread_mutex_unlock(&l->lock);
    return found;
}

static td_status evaluate(loop *l, int64_t number, const td_choices *c, td_arena *a, td__finish *f,
                          td_error *err) {
    const td__row *row = l->row;
    *f = (td__finish){.accuracy = NAN, .reward = NAN, .violation = NAN};
    for (int m = 0; m < TD_NMETRIC; m++) f->metric[m] = NAN;
    td_design d = {0};
    td_schedule schedule = {0};
    td_status s = row->space->build(row->space->self, c, a, &d, err);
    if (s == TD_OK && known_design(l, number, &d, f, a)) goto end;
    if (s == TD_OK) {
        f->net_hash = d.net_hash;
        f->hw_hash = d.hw_hash;
        s = td__design_cost(&d, row->schedule, f->metric, &schedule, err);
    }
    if (s == TD_E_INFEASIBLE) {
        refuse(f, a, err);
        s = TD_OK;
        goto end;
    }
    if (s != TD_OK) goto end;

    double con[TD_NMETRIC];
    int ncon = td_objective_violations(row->objective, f->metric, con);
    f->violation = 0;
    for (int i = 0; i < ncon; i++) f->violation += con[i] > 0 ? con[i] : 0;
    if (f->violation > 0) describe_misses(row->objective, f, a);
    f->outcome = (td_outcome){.state = TD_TRIAL_INFEASIBLE, .fidelity = 1};
    if (!row->objective->train_violating) {
        /* Screened: constraints go to the strategy, which ranks those that meet them first. */
        f->outcome.ncon = ncon;
        memcpy(f->outcome.con, con, sizeof con[0] * (size_t)ncon);
        if (f->violation > 0) goto end;
    }
    double accuracy = 1;
    if (row->accuracy != NULL) {
        f->scored = true;
        s = accuracy_of(l, &d, &accuracy, err);
        if (s != TD_OK) goto end;
        f->accuracy = accuracy;
        if (!isfinite(accuracy)) {
            f->reason = "training diverges";
            goto end;
        }
    }
    f->reward = td_objective_reward(row->objective, accuracy, f->metric);
    /* A hard reward is flat below the targets: equal rewards are told apart by how far below the
     * targets a design is (1e-4 of a reward unit per target). */
    double slack = 0;
    for (int i = 0; i < ncon; i++) slack += con[i];
    f->outcome.state = TD_TRIAL_DONE;
    f->outcome.nobj = 1;
    f->outcome.obj[0] = -f->reward + 1e-4 * (slack < 10 ? slack : 10);
end:
    td_schedule_free(&schedule);
    td_design_free(&d);
    return s;
}

static void report(loop *l) {
    const td__row *row = l->row;
    if (row->run->progress == NULL) return;
    td_progress p = {.row = row->name,
                     .phase = "search",
                     .done = l->finished,
                     .total = row->trials,
                     .trained = l->trained_seen,
                     .max_trained = row->accuracy != NULL ? row->trained : 0,
                     .infeasible = l->infeasible,
                     .elapsed_s = td_time_mono_s() - l->start};
    if (l->best >= 0) {
        p.has_best = true;
        p.best_accuracy = l->slot[l->best].f.accuracy;
        memcpy(p.best_metric, l->slot[l->best].f.metric, sizeof p.best_metric);
    }
    row->run->progress(row->run->self, &p);
}

/* A trial is over: counts it for the progress line. Under the lock. */
static void finish(loop *l, int64_t n) {
    slot *s = &l->slot[n];
    s->finished = true;
    l->finished++;
    if (s->f.outcome.state != TD_TRIAL_DONE) l->infeasible++;
    bool first = s->f.scored;
    for (int64_t i = 0; i < l->next && first; i++)
        first = i == n || !l->slot[i].finished || !l->slot[i].f.scored ||
                l->slot[i].f.net_hash != s->f.net_hash;
    if (first) l->trained_seen++;
    if (s->f.outcome.state == TD_TRIAL_DONE && s->f.violation == 0 &&
        (l->best < 0 || td_outcome_compare(&s->f.outcome, &l->slot[l->best].f.outcome) < 0))
        l->best = n;
    pthread_cond_broadcast(&l->changed);
    report(l);
}

/* Tells the strategy trials up to (not including) `horizon`, and counts what they paid for. */
static void tell_until(loop *l, int64_t horizon) {
    for (; l->told < horizon; l->told++) {
        slot *s = &l->slot[l->told];
        l->row->strategy->tell(l->strategy, l->told, &s->c, &s->f.outcome);
        if (!s->f.scored) continue;
        int64_t i = 0;
        while (i < l->trained_told && l->counted[i] != s->f.net_hash) i++;
        if (i == l->trained_told) l->counted[l->trained_told++] = s->f.net_hash;
    }
}

/* Asks trial l->next. Under the lock. *run: it has to be evaluated, as (id, token). */
static td_status ask_next(loop *l, bool *run, int64_t *id, int64_t *token, td_error *err) {
    const td__row *row = l->row;
    int64_t n = l->next;
    slot *s = &l->slot[n];
    double fidelity = 1;
    *run = false;
    td_arena *a = td_arena_create();
    td_text params = {0};
    td_status status = a == NULL ? td_fail(err, TD_E_MEMORY, "out of memory") : TD_OK;
    if (status == TD_OK && row->strategy->ask(l->strategy, n, &s->c, &fidelity) != TD_OK)
        status = td_fail(err, TD_E_INTERNAL, "strategy %s gave no trial %" PRId64,
                         row->strategy->name, n);
    if (status == TD_OK) td_node_to_json(td_choices_to_node(row->space, &s->c, a), 0, &params);
    if (status == TD_OK && params.failed) status = td_fail(err, TD_E_MEMORY, "out of memory");
    if (status == TD_OK && n < l->n_stored && strcmp(params.data, l->stored[n].params) != 0)
        status = td_fail(err, TD_E_STORE,
                         "study \"%s\": trial %" PRId64 " in the store is not the one that this "
                         "program asks for; it was made by another version: give another folder",
                         row->name, n);
    if (status == TD_OK && n < l->n_stored && l->stored[n].state > TD_TRIAL_RUNNING) {
        const td__trial *t = &l->stored[n];
        s->f = (td__finish){.outcome = t->outcome,
                            .accuracy = t->accuracy,
                            .reward = t->reward,
                            .violation = t->violation,
                            .net_hash = t->net_hash,
                            .hw_hash = t->hw_hash,
                            .scored = t->scored,
                            .reason = t->error};
        memcpy(s->f.metric, t->metric, sizeof s->f.metric);
    } else if (status == TD_OK) {
        char key[32], worker[64];
        int64_t number = n;
        snprintf(key, sizeof key, "0:%" PRId64, n);
        snprintf(worker, sizeof worker, "%ld", (long)getpid());
        status = td__store_ask(row->store, l->study, key, l->told, params.data,
                               td_choices_hash(&s->c), &number, err);
        if (status == TD_OK && number != n)
            status = td_fail(err, TD_E_STORE, "study \"%s\": trial numbers have a hole", row->name);
        if (status == TD_OK)
            status = td__store_claim(row->store, l->study, n, worker, LEASE_S, id, token, err);
        *run = status == TD_OK;
    }
    if (status == TD_OK) {
        l->next++;
        if (!*run) finish(l, n);
    }
    td_text_free(&params);
    td_arena_destroy(a);
    return status;
}

static void work(void *self, int worker) {
    (void)worker;
    loop *l = self;
    td_error err = {0};
    td_arena *a = td_arena_create();
    pthread_mutex_lock(&l->lock);
    if (a == NULL) give_up(l, TD_E_MEMORY, (td_fail(&err, TD_E_MEMORY, "out of memory"), &err));
    while (!l->ended) {
        int64_t n = l->next, horizon = n - l->row->lag, id, token;
        if (n >= l->row->trials) break;
        if (is_cancelled(l)) {
            l->cancelled = true;
            break;
        }
        int64_t ready = l->told;
        while (ready < horizon && l->slot[ready].finished) ready++;
        if (ready < horizon) {
            pthread_cond_wait(&l->changed, &l->lock);
            continue;
        }
        tell_until(l, horizon);
        if (l->row->accuracy != NULL && l->trained_told >= l->row->trained) break;
        bool run;
        td_status s = ask_next(l, &run, &id, &token, &err);
        if (s != TD_OK) {
            give_up(l, s, &err);
            break;
        }
        if (!run) continue;
        pthread_mutex_unlock(&l->lock);
        td__finish f;
        td_arena_reset(a);
        s = evaluate(l, n, &l->slot[n].c, a, &f, &err);
        pthread_mutex_lock(&l->lock);
        if (s == TD_E_INTERRUPTED) {
            l->cancelled = true;
            td__store_release(l->row->store, id, token, NULL);
            l->ended = true;
            pthread_cond_broadcast(&l->changed);
            break;
        }
        if (s == TD_OK) s = td__store_tell(l->row->store, id, token, &f, &err);
        if (s != TD_OK) {
            give_up(l, s, &err);
            break;
        }
        if (f.reason != NULL) f.reason = td_arena_strdup(l->arena, f.reason);
        l->slot[n].f = f;
        finish(l, n);
    }
    pthread_cond_broadcast(&l->changed);
    pthread_mutex_unlock(&l->lock);
    td_arena_destroy(a);
}

td_status td__row_search(const td__row *row, td_error *err) {
    loop l = {.row = row, .arena = td_arena_create(), .best = -1, .start = td_time_mono_s()};
    int64_t reaped;
    td_arena *a = l.arena;
    size_t n = (size_t)row->trials, d = (size_t)row->space->n;
    int threads = row->run->threads > 0 ? row->run->threads : td_cpu_count();
    l.slot = calloc(n, sizeof *l.slot);
    l.values = calloc(n * (d > 0 ? d : 1), sizeof *l.values);
    l.counted = calloc(n, sizeof *l.counted);
    l.busy = calloc((size_t)threads, sizeof *l.busy);
    pthread_mutex_init(&l.lock, NULL);
    pthread_cond_init(&l.changed, NULL);
    td_status s = TD_OK;
    if (a == NULL || l.slot == NULL || l.values == NULL || l.counted == NULL || l.busy == NULL)
        s = td_fail(err, TD_E_MEMORY, "out of memory");
    for (size_t i = 0; s == TD_OK && i < n; i++)
        l.slot[i].c = (td_choices){.n = (int)d, .v = l.values + i * d};
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
            if (err != NULL) *err = l.err;
        }
        if (s == TD_OK && l.cancelled) s = td_fail(err, TD_E_INTERRUPTED, "interrupted");
        if (s == TD_OK) s = td__store_study_state(row->store, l.study, 2, err);
        row->strategy->destroy(l.strategy);
    }
    pthread_cond_destroy(&l.changed);
    pthread_mutex_destroy(&l.lock);
    free(l.busy);
    free(l.counted);
    free(l.values);
    free(l.slot);
    td_arena_destroy(a);
    return s;
}

/* trial_train.c - the accuracy of a trial's network. Nothing is trained twice: accuracies stand in
 * the store's cache by network, and a thread that needs a network which another one trains waits
 * for it.
 *
 * Where trainings are stopped early (stop.h) the cache has what a network was worth after each step
 * that the rule looks at, as far as it was trained, under a problem of its own: a part is never
 * taken for a whole training. A trial with a network that the strategy had been told of before goes
 * as far as that one went. Of two that are in flight at a time each is judged by itself, on one
 * curve; only if the one that came second goes further is its network trained once more. */
#include <string.h>

#include "stop.h"

enum { FULL_FIDELITY = 1000, CURVE_CLAIM = 0 }; /* per mille; of curves fidelities are steps */

static int busy_index(const td__loop *l, uint64_t net_hash) {
    int i = 0;
    while (i < l->n_busy && l->busy[i] != net_hash) i++;
    return i;
}

static bool is_abandoned(void *self) {
    return td__loop_abandoned(self);
}

/* Under the lock: the cached accuracy of a network, or *found false, and it is this thread's to
 * train. One that is being trained, by another thread or worker, is waited for. */
static td_status take_network(td__loop *l, uint64_t problem, uint64_t net_hash, int64_t fidelity,
                              double *value, bool *found, td_error *err) {
    double pause_ms = 0;
    for (;;) {
        bool busy = busy_index(l, net_hash) < l->n_busy;
        *found = false;
        if (l->status != TD_OK || is_abandoned(l))
            return td_fail(err, TD_E_INTERRUPTED, "interrupted");
        if (!busy) {
            td_status s = td__store_cache_claim(l->row->store, problem, net_hash, fidelity,
                                                l->lease_s, value, found, &busy, err);
            if (s != TD_OK || *found) return s;
        }
        if (!busy) break;
        td__loop_wait(l, &pause_ms);
    }
    l->busy[l->n_busy++] = net_hash;
    return TD_OK;
}

/* Under the lock: the network is free for others. */
static void give_network(td__loop *l, uint64_t net_hash) {
    l->busy[busy_index(l, net_hash)] = l->busy[l->n_busy - 1];
    l->n_busy--;
    pthread_cond_broadcast(&l->changed);
}

/* ---- to the end ------------------------------------------------------------------------------ */

static td_status train_whole(td__loop *l, const td_design *d, double *value, td_error *err) {
    const td_accuracy *acc = l->row->accuracy;
    td_store *store = l->row->store;
    const uint64_t problem = acc->key(acc->self);
    bool found;
    pthread_mutex_lock(&l->lock);
    td_status s = take_network(l, problem, d->net_hash, FULL_FIDELITY, value, &found, err);
    pthread_mutex_unlock(&l->lock);
    if (s != TD_OK || found) return s;

    /* A drain lets it end: that costs the time of one trial, not a trial. */
    td_accuracy_result r = {.value = NAN};
    s = acc->evaluate(acc->self, d, 1, is_abandoned, l, &r, err);
    if (s == TD_E_INFEASIBLE) { /* it has none, each time it is asked for: remembered */
        r = (td_accuracy_result){.value = NAN};
        s = TD_OK;
    }
    *value = r.value;

    pthread_mutex_lock(&l->lock);
    if (s == TD_OK)
        s = td__store_cache_put(store, problem, d->net_hash, FULL_FIDELITY, r.value, r.cpu_s, err);
    else
        td__store_cache_release(store, problem, d->net_hash, FULL_FIDELITY, NULL);
    give_network(l, d->net_hash);
    pthread_mutex_unlock(&l->lock);
    return s;
}

/* ---- until it is stopped --------------------------------------------------------------------- */

/* Curves with values after other steps are other ones. */
static uint64_t curve_problem(const td__row *row) {
    uint64_t h = td_hash_text("curve", row->accuracy->key(row->accuracy->self));
    for (int64_t step = 1; step < row->stopping->steps; step++)
        if (td__stop_looks(row, step)) h = td_hash(&step, sizeof step, h);
    return h;
}

/* Of the trials with the same network that had been told the one that went furthest. They do not
 * change any more: no lock. */
static const td__finish *told_with(const td__loop *l, int64_t n, uint64_t net_hash) {
    const td__finish *best = NULL;
    for (int64_t k = 0; k < l->slot[n].horizon; k++) {
        const td__finish *f = &l->slot[k].f;
        if (!f->scored || f->net_hash != net_hash) continue;
        if (best == NULL || f->steps > best->steps) best = f;
    }
    return best;
}

static td_status as_told(const td__row *row, const td__finish *told, td_arena *a, td__finish *f,
                         td_error *err) {
    f->accuracy = told->accuracy;
    f->steps = told->steps;
    if (told->outcome.state != TD_TRIAL_PRUNED) return TD_OK;
    f->outcome.state = TD_TRIAL_PRUNED;
    td_text t = {0};
    td__stop_where(row, f->steps, &t);
    td_text_add(&t, ", as an earlier trial with this network");
    f->reason = t.data != NULL ? td_arena_strdup(a, t.data) : NULL;
    td_text_free(&t);
    return f->reason != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
}

/* A training and the trial that it is for. */
typedef struct {
    td__loop *l;
    int64_t n;
    const td_design *d;
    td_arena *a;
    td__finish *f;
    double *accuracy; /* beside the points of the curve; room for all steps */
    td_status status;
    td_error *err;
} watched;

static bool looks(void *self, int step) {
    const watched *w = self;
    return td__stop_looks(w->l->row, step);
}

static bool goes_on(void *self, int step, double value) {
    watched *w = self;
    td_verdict verdict;
    double reward;
    td_outcome o = w->f->outcome; /* its constraints */
    o.state = TD_TRIAL_DONE;
    o.fidelity = 1;
    td__worth(w->l->row, w->d, value, w->f, &o, &reward);
    w->accuracy[w->f->curve.n] = w->f->accuracy = value;
    w->status = td__stop_report(w->l, w->n, step, &o, w->a, w->f, &verdict, w->err);
    return w->status == TD_OK && verdict == TD_GO_ON;
}

/* Goes along a curve that is known. *over: to its end, or to where it is stopped. */
static void replay(watched *w, const td__cached_value *v, int n, bool *over) {
    const int64_t steps = w->l->row->stopping->steps;
    for (int i = 0; i < n && v[i].fidelity < steps; i++)
        if ((*over = !goes_on(w, (int)v[i].fidelity, v[i].value))) return;
    if ((*over = n > 0 && v[n - 1].fidelity == steps)) {
        w->f->accuracy = v[n - 1].value;
        w->f->steps = steps;
    }
}

/* Trains from the beginning, watched. *cpu_s: time that it took. */
static td_status train(watched *w, double *cpu_s, td_error *err) {
    const td_accuracy *acc = w->l->row->accuracy;
    const td_accuracy_watch watch = {looks, goes_on, w};
    td_accuracy_result r = {.value = NAN};
    w->f->curve = (td_curve){0};
    td_status s = acc->watched(acc->self, w->d, &watch, is_abandoned, w->l, &r, err);
    if (s == TD_OK && w->status != TD_OK) return w->status;
    if (s == TD_E_INFEASIBLE) { /* as above; whether it would have been stopped is not known */
        r = (td_accuracy_result){.value = NAN, .steps = acc->steps};
        s = TD_OK;
    }
    if (s != TD_OK) return s;
    w->f->accuracy = r.value;
    w->f->steps = r.steps;
    *cpu_s = r.cpu_s;
    return TD_OK;
}

/* Under the lock: keeps what was not known of a curve. */
static td_status keep(const watched *w, uint64_t problem, int known, double cpu_s, td_error *err) {
    const td__row *row = w->l->row;
    const uint64_t net = w->d->net_hash;
    const td_curve *c = &w->f->curve;
    td_status s = TD_OK;
    for (int i = known; s == TD_OK && i < c->n; i++)
        s = td__store_cache_put(row->store, problem, net, c->at[i].step, w->accuracy[i], 0, err);
    if (s != TD_OK || w->f->steps < row->stopping->steps) return s;
    s = td__store_cache_put(row->store, problem, net, w->f->steps, w->f->accuracy, cpu_s, err);
    if (s != TD_OK) return s;
    return td__store_cache_put(row->store, row->accuracy->key(row->accuracy->self), net,
                               FULL_FIDELITY, w->f->accuracy, cpu_s, err);
}

static td_status train_watched(watched *w, td_error *err) {
    td__loop *l = w->l;
    const uint64_t problem = curve_problem(l->row), net = w->d->net_hash;
    td__cached_value *v;
    double cpu_s = 0, none;
    int known;
    bool found, over = false;
    w->accuracy = TD_NEW(w->a, double, l->row->stopping->steps);
    if (w->accuracy == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    w->f->curve_accuracy = w->accuracy;
    pthread_mutex_lock(&l->lock);
    td_status s = take_network(l, problem, net, CURVE_CLAIM, &none, &found, err);
    const bool taken = s == TD_OK;
    if (s == TD_OK) s = td__store_cache_all(l->row->store, problem, net, w->a, &v, &known, err);
    pthread_mutex_unlock(&l->lock);
    if (s == TD_OK) replay(w, v, known, &over);
    if (s == TD_OK) s = w->status;
    if (s == TD_OK && !over) s = train(w, &cpu_s, err);
    if (!taken) return s;
    pthread_mutex_lock(&l->lock);
    if (s == TD_OK && !over) s = keep(w, problem, known, cpu_s, err);
    td__store_cache_release(l->row->store, problem, net, CURVE_CLAIM, NULL);
    give_network(l, net);
    pthread_mutex_unlock(&l->lock);
    return s;
}

td_status td__train(td__loop *l, int64_t n, const td_design *d, td_arena *a, td__finish *f,
                    td_error *err) {
    td_status s;
    const td__finish *told = NULL;
    if (l->row->stopping == NULL) {
        s = train_whole(l, d, &f->accuracy, err);
    } else if ((told = told_with(l, n, d->net_hash)) != NULL) {
        s = as_told(l->row, told, a, f, err);
    } else {
        watched w = {.l = l, .n = n, .d = d, .a = a, .f = f, .err = err};
        s = train_watched(&w, err);
    }
    f->scored = s == TD_OK;
    return s;
}

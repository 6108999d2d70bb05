/* compare_accuracy.c - one source of accuracy for several searches at a time. Runs of one seed ask
 * for the same networks (their first trials are often the same), and each is trained once. */
#include <pthread.h>
#include <stdlib.h>

#include "compare.h"
#include "seen.h"

typedef enum { WANTED, UNDER_WAY, KNOWN, NONE } state;

typedef struct {
    int step;
    double value;
} point;

typedef struct {
    state state;
    td_accuracy_result result;
    point *point; /* of watched ones: as far as it was trained. Owned */
    int n, room;
} entry;

typedef struct {
    td_accuracy inner;
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    td__seen index; /* network and fidelity: place in entry[] */
    entry *entry;
    size_t capacity;
} shared;

/* Under the lock: the place of a network, made if it is not there; -1: memory is out. */
static int64_t place_of(shared *s, uint64_t key) {
    int64_t i = td__seen_get(&s->index, key);
    if (i >= 0) return i;
    if (s->index.n == s->capacity) {
        size_t capacity = s->capacity > 0 ? 2 * s->capacity : 64;
        entry *wide = realloc(s->entry, capacity * sizeof *wide);
        if (wide == NULL) return -1;
        s->entry = wide;
        s->capacity = capacity;
    }
    i = (int64_t)s->index.n;
    if (!td__seen_put(&s->index, key, i)) return -1;
    s->entry[i] = (entry){.state = WANTED};
    return i;
}

static td_status has_none(const shared *s, td_error *err) {
    return td_fail(err, TD_E_INFEASIBLE, "%s",
                   s->inner.no_value != NULL ? s->inner.no_value : "its training diverges");
}

static td_status evaluate(void *self, const td_design *d, double fidelity,
                          bool (*cancelled)(void *), void *cancel_self, td_accuracy_result *out,
                          td_error *err) {
    shared *s = self;
    pthread_mutex_lock(&s->lock);
    int64_t i = place_of(s, td_hash(&fidelity, sizeof fidelity, d->net_hash));
    while (i >= 0 && s->entry[i].state == UNDER_WAY) pthread_cond_wait(&s->changed, &s->lock);
    entry e = i >= 0 ? s->entry[i] : (entry){.state = WANTED};
    if (e.state == WANTED && i >= 0) s->entry[i].state = UNDER_WAY;
    pthread_mutex_unlock(&s->lock);
    if (i < 0) return td_fail(err, TD_E_MEMORY, "out of memory");
    if (e.state == WANTED) {
        td_status status =
            s->inner.evaluate(s->inner.self, d, fidelity, cancelled, cancel_self, &e.result, err);
        pthread_mutex_lock(&s->lock);
        /* Any other fault is not of the network: the next one who needs it tries again. */
        s->entry[i].state = status == TD_OK ? KNOWN : status == TD_E_INFEASIBLE ? NONE : WANTED;
        s->entry[i].result = e.result;
        pthread_cond_broadcast(&s->changed);
        pthread_mutex_unlock(&s->lock);
        if (status == TD_OK) *out = e.result;
        return status;
    }
    if (e.state == NONE) return has_none(s, err);
    *out = e.result;
    out->cached = true;
    return TD_OK;
}

/* ---- watched: one curve for all ----------------------------------------------------------------
 */

/* A watch of a training, which keeps its curve for others. */
typedef struct {
    shared *s;
    int64_t at;
    const td_accuracy_watch *w;
    int told; /* the last step that the inner watch was told of */
} recorder;

static bool record_looks(void *self, int step) {
    const recorder *r = self;
    return r->w->looks(r->w->self, step);
}

static bool record(void *self, int step, double value) {
    recorder *r = self;
    pthread_mutex_lock(&r->s->lock);
    entry *e = &r->s->entry[r->at];
    if (e->n == 0 || e->point[e->n - 1].step < step) {
        if (e->n == e->room) {
            int room = e->room > 0 ? 2 * e->room : 8;
            point *wide = realloc(e->point, (size_t)room * sizeof *wide);
            if (wide != NULL) {
                e->point = wide;
                e->room = room;
            }
        }
        /* Without memory it is trained again by who needs it. */
        if (e->n < e->room) e->point[e->n++] = (point){step, value};
    }
    pthread_mutex_unlock(&r->s->lock);
    if (step <= r->told) return true;
    r->told = step;
    return r->w->goes_on(r->w->self, step, value);
}

/* Under the lock, which is given up while the watch is told: what is known of a curve beyond the
 * step r->told. False: it is stopped there, as *out says. */
static bool tell_known(recorder *r, td_accuracy_result *out) {
    for (int i = 0; i < r->s->entry[r->at].n; i++) {
        const point p = r->s->entry[r->at].point[i];
        if (p.step <= r->told) continue;
        r->told = p.step;
        pthread_mutex_unlock(&r->s->lock);
        bool on = r->w->goes_on(r->w->self, p.step, p.value);
        pthread_mutex_lock(&r->s->lock);
        *out = (td_accuracy_result){.value = p.value, .std = NAN, .steps = p.step, .cached = true};
        if (!on) return false;
    }
    return true;
}

static td_status watched(void *self, const td_design *d, const td_accuracy_watch *w,
                         bool (*cancelled)(void *), void *cancel_self, td_accuracy_result *out,
                         td_error *err) {
    shared *s = self;
    recorder r = {.s = s, .w = w};
    const td_accuracy_watch watch = {record_looks, record, &r};
    pthread_mutex_lock(&s->lock);
    r.at = place_of(s, td_hash_text("curve", d->net_hash));
    for (bool on = r.at >= 0; on;) {
        on = tell_known(&r, out);
        if (!on) pthread_mutex_unlock(&s->lock);
        if (!on) return TD_OK;
        if (s->entry[r.at].state != UNDER_WAY) break;
        pthread_cond_wait(&s->changed, &s->lock);
    }
    entry e = r.at >= 0 ? s->entry[r.at] : (entry){.state = WANTED};
    if (e.state == WANTED && r.at >= 0) s->entry[r.at].state = UNDER_WAY;
    pthread_mutex_unlock(&s->lock);
    if (r.at < 0) return td_fail(err, TD_E_MEMORY, "out of memory");
    if (e.state == WANTED) {
        td_status status =
            s->inner.watched(s->inner.self, d, &watch, cancelled, cancel_self, &e.result, err);
        pthread_mutex_lock(&s->lock);
        const bool whole = status == TD_OK && e.result.steps == s->inner.steps;
        s->entry[r.at].state = whole ? KNOWN : status == TD_E_INFEASIBLE ? NONE : WANTED;
        s->entry[r.at].result = e.result;
        pthread_cond_broadcast(&s->changed);
        pthread_mutex_unlock(&s->lock);
        if (status == TD_OK) *out = e.result;
        return status;
    }
    if (e.state == NONE) return has_none(s, err);
    *out = e.result;
    out->cached = true;
    return TD_OK;
}

static td_status score(void *self, const td_design *d, td_accuracy_score *out, td_error *err) {
    shared *s = self;
    return s->inner.score(s->inner.self, d, out, err);
}

static uint64_t key(const void *self) {
    const shared *s = self;
    return s->inner.key(s->inner.self);
}

static void destroy(void *self) {
    shared *s = self;
    if (s == NULL) return;
    td_accuracy_free(&s->inner);
    for (size_t i = 0; i < s->index.n; i++) free(s->entry[i].point);
    td__seen_free(&s->index);
    free(s->entry);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

td_status td__accuracy_shared(td_accuracy *inner, td_accuracy *out, td_error *err) {
    shared *s = calloc(1, sizeof *s);
    if (s == NULL) {
        td_accuracy_free(inner);
        return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    s->inner = *inner;
    *inner = (td_accuracy){0};
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    *out = s->inner;
    out->self = s;
    out->evaluate = evaluate;
    if (s->inner.watched != NULL) out->watched = watched;
    out->key = key;
    if (s->inner.score != NULL) out->score = score;
    out->destroy = destroy;
    return TD_OK;
}

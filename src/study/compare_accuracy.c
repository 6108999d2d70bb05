/* compare_accuracy.c - one source of accuracy for several searches at a time. Runs of one seed ask
 * for the same networks (their first trials are often the same), and each is trained once. */
#include <pthread.h>
#include <stdlib.h>

#include "compare.h"
#include "seen.h"

typedef enum { WANTED, UNDER_WAY, KNOWN, NONE } state;

typedef struct {
    state state;
    td_accuracy_result result;
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
    if (e.state == NONE)
        return td_fail(err, TD_E_INFEASIBLE, "%s",
                       s->inner.no_value != NULL ? s->inner.no_value : "its training diverges");
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
    out->key = key;
    if (s->inner.score != NULL) out->score = score;
    out->destroy = destroy;
    return TD_OK;
}

/* map_cache.c - answers of td_map_best by all that they depend on: the problem, the accelerator
 * (its name aside) and the query. Sharded by hash, each shard with its lock; a lock is not held
 * while the mapper runs, so two threads may work out the same answer, which is the same either way.
 */
#include "tandem/map.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { SHARDS = 16, FIRST_SLOTS = 64 };

/* 128 bits of hash stand for the key: two keys out of 2^40 agree with a probability below 2^-48. */
typedef struct {
    uint64_t key[2];
    td_status status;
    int64_t missing_bytes;
    td_map_result *result; /* feasible answers */
    char *message;         /* infeasible ones */
} entry;

typedef struct {
    pthread_mutex_t lock;
    entry *slot; /* open addressing; key[0] == 0: empty */
    size_t slots, used;
    uint64_t hits, misses;
} shard;

struct td_map_cache {
    shard shard[SHARDS];
    size_t max_per_shard; /* 0: unbounded */
};

td_map_cache *td_map_cache_create(size_t max_entries) {
    td_map_cache *c = calloc(1, sizeof *c);
    if (c == NULL) return NULL;
    c->max_per_shard = max_entries > 0 ? max_entries / SHARDS + 1 : 0;
    for (int i = 0; i < SHARDS; i++) pthread_mutex_init(&c->shard[i].lock, NULL);
    return c;
}

static void clear(shard *s) {
    for (size_t i = 0; i < s->slots; i++) {
        free(s->slot[i].result);
        free(s->slot[i].message);
    }
    free(s->slot);
    s->slot = NULL;
    s->slots = s->used = 0;
}

void td_map_cache_destroy(td_map_cache *c) {
    if (c == NULL) return;
    for (int i = 0; i < SHARDS; i++) {
        clear(&c->shard[i]);
        pthread_mutex_destroy(&c->shard[i].lock);
    }
    free(c);
}

/* Fields one by one: structures have padding. */
static void key_of(const td_problem *p, const td_hw *hw, const td_map_query *q, uint64_t key[2]) {
    uint64_t v[64];
    size_t n = 0;
    for (int i = 0; i < TD_NDIM; i++) v[n++] = (uint64_t)p->dim[i];
    for (int i = 0; i < 2; i++) v[n++] = (uint64_t)p->stride[i];
    for (int i = 0; i < 2; i++) v[n++] = (uint64_t)p->dilation[i];
    for (int i = 0; i < 4; i++) v[n++] = (uint64_t)p->pad[i];
    for (int i = 0; i < TD_NTENSOR; i++) v[n++] = p->bits[i];
    v[n++] = p->acc_bits;
    v[n++] = td_hw_hash(hw);
    v[n++] = (uint64_t)q->objective;
    v[n++] = (uint64_t)q->counting;
    v[n++] = q->max_nodes;
    for (int i = 0; i < TD_NTENSOR; i++) v[n++] = (uint64_t)(int64_t)q->top[i];
    for (int i = 0; i < TD_MAX_LEVELS; i++) v[n++] = (uint64_t)(int64_t)q->keep[i];
    key[0] = td_hash(v, n * sizeof v[0], 1) | 1; /* never the empty mark */
    key[1] = td_hash(v, n * sizeof v[0], 2);
}

static entry *find(const shard *s, const uint64_t key[2]) {
    if (s->slots == 0) return NULL;
    for (size_t i = (size_t)(key[1] >> 8);; i++) {
        entry *e = &s->slot[i & (s->slots - 1)];
        if (e->key[0] == 0 || (e->key[0] == key[0] && e->key[1] == key[1])) return e;
    }
}

static bool grow(shard *s) {
    shard wider = *s;
    wider.slots = s->slots > 0 ? 2 * s->slots : FIRST_SLOTS;
    wider.slot = calloc(wider.slots, sizeof *wider.slot);
    if (wider.slot == NULL) return false;
    for (size_t i = 0; i < s->slots; i++)
        if (s->slot[i].key[0] != 0) *find(&wider, s->slot[i].key) = s->slot[i];
    free(s->slot);
    s->slot = wider.slot;
    s->slots = wider.slots;
    return true;
}

/* A full shard is emptied: entries are cheap to work out again. No memory: nothing is kept. */
static void put(shard *s, size_t max, const uint64_t key[2], td_status status,
                const td_map_result *r, int64_t missing, const char *message) {
    if (max > 0 && s->used >= max) clear(s);
    if (2 * (s->used + 1) > s->slots && !grow(s)) return;
    entry *e = find(s, key);
    if (e->key[0] != 0) return;
    entry made = {.key = {key[0], key[1]}, .status = status, .missing_bytes = missing};
    if (status == TD_OK) {
        made.result = malloc(sizeof *made.result);
        if (made.result == NULL) return;
        *made.result = *r;
    } else {
        made.message = strdup(message);
        if (made.message == NULL) return;
    }
    *e = made;
    s->used++;
}

td_status td_map_cached(td_map_cache *c, const td_problem *p, const td_hw *hw,
                        const td_map_query *q, td_map_result *out, int64_t *missing_bytes,
                        td_error *err) {
    /* A time budget makes answers that cannot be reproduced: they are not kept. */
    if (c == NULL || q->max_seconds > 0) return td_map_best(p, hw, q, out, missing_bytes, err);
    uint64_t key[2];
    key_of(p, hw, q, key);
    shard *s = &c->shard[key[1] % SHARDS];
    pthread_mutex_lock(&s->lock);
    const entry *e = find(s, key);
    if (e != NULL && e->key[0] != 0) {
        td_status status = e->status;
        s->hits++;
        if (missing_bytes != NULL) *missing_bytes = e->missing_bytes;
        if (status == TD_OK)
            *out = *e->result;
        else
            td_fail(err, status, "%s", e->message);
        pthread_mutex_unlock(&s->lock);
        return status;
    }
    s->misses++;
    pthread_mutex_unlock(&s->lock);

    int64_t missing = 0;
    td_error own = {0};
    td_status status = td_map_best(p, hw, q, out, &missing, &own);
    if (missing_bytes != NULL) *missing_bytes = missing;
    if (status != TD_OK && err != NULL) *err = own;
    if (status == TD_OK || status == TD_E_INFEASIBLE) {
        pthread_mutex_lock(&s->lock);
        put(s, c->max_per_shard, key, status, out, missing, own.message);
        pthread_mutex_unlock(&s->lock);
    }
    return status;
}

void td_map_cache_stats(const td_map_cache *c, uint64_t *hits, uint64_t *misses) {
    *hits = *misses = 0;
    for (int i = 0; i < SHARDS; i++) {
        shard *s = (shard *)(uintptr_t)&c->shard[i];
        pthread_mutex_lock(&s->lock);
        *hits += s->hits;
        *misses += s->misses;
        pthread_mutex_unlock(&s->lock);
    }
}

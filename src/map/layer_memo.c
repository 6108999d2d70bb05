/* layer_memo.c - see layer_memo.h. Entries in shards with a lock each; accelerators in a list of
 * their own, so that a key holds a number and not a kilobyte. */
#include "layer_memo.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "map_cache.h"

enum { SHARDS = 16, FIRST_SLOTS = 256 };

/* All of a key that is compared as bytes. */
typedef struct {
    uint64_t hw;
    td_problem problem;
    int64_t value[TD_NTENSOR];
    uint64_t asked;
    int64_t home, tiles;
} layer;

typedef struct entry {
    struct entry *next;
    uint64_t hash;
    layer of;
    int64_t least, most, missing_bytes;
    td_status status;
    td_error *why;
    td__ways ways[TD__MASKS];
    td__way way[];
} entry;

typedef struct {
    td__hw_key key;
    td_map_objective objective;
    td_counting counting;
    uint64_t max_nodes;
} asker;

typedef struct machine {
    struct machine *next;
    uint64_t hash, number;
    asker who;
} machine;

/* Both kinds of nodes begin with their chain and their hash. */
typedef struct node {
    struct node *next;
    uint64_t hash;
} node;

typedef struct {
    pthread_mutex_t lock;
    node **slot;
    size_t slots, count;
} shard;

struct td__layer_memo {
    shard layers[SHARDS], machines;
    size_t max_layers;
};

static void shard_free(shard *s) {
    for (size_t i = 0; i < s->slots; i++)
        for (node *e = s->slot[i], *next; e != NULL; e = next) {
            next = e->next;
            free(e);
        }
    free(s->slot);
    pthread_mutex_destroy(&s->lock);
}

static node *chain(const shard *s, uint64_t hash) {
    return s->slots > 0 ? s->slot[hash / SHARDS % s->slots] : NULL;
}

static void widen(shard *s) {
    size_t slots = s->slots > 0 ? 2 * s->slots : FIRST_SLOTS;
    node **slot = calloc(slots, sizeof *slot);
    if (slot == NULL) return; /* longer chains instead */
    for (size_t i = 0; i < s->slots; i++)
        for (node *e = s->slot[i], *next; e != NULL; e = next) {
            next = e->next;
            node **to = &slot[e->hash / SHARDS % slots];
            e->next = *to;
            *to = e;
        }
    free(s->slot);
    s->slot = slot;
    s->slots = slots;
}

/* False: there is no memory for the table. */
static bool insert(shard *s, node *e) {
    if (s->count >= s->slots) widen(s);
    if (s->slots == 0) return false;
    node **to = &s->slot[e->hash / SHARDS % s->slots];
    e->next = *to;
    *to = e;
    s->count++;
    return true;
}

td__layer_memo *td__layer_memo_create(size_t max_layers) {
    td__layer_memo *m = calloc(1, sizeof *m);
    if (m == NULL) return NULL;
    m->max_layers = max_layers;
    for (int i = 0; i < SHARDS; i++) pthread_mutex_init(&m->layers[i].lock, NULL);
    pthread_mutex_init(&m->machines.lock, NULL);
    return m;
}

void td__layer_memo_destroy(td__layer_memo *m) {
    if (m == NULL) return;
    for (int i = 0; i < SHARDS; i++) shard_free(&m->layers[i]);
    shard_free(&m->machines);
    free(m);
}

uint64_t td__layer_memo_hw(td__layer_memo *m, const td_hw *hw, const td_schedule_options *o) {
    machine *n = malloc(sizeof *n);
    if (n == NULL) return 0;
    memset(n, 0, sizeof *n); /* padding bytes too: compared as bytes */
    td__hw_key_make(hw, &n->who.key);
    n->who.objective = o->objective;
    n->who.counting = o->counting;
    n->who.max_nodes = o->max_nodes;
    n->hash = td_hash(&n->who, sizeof n->who, 0);
    shard *s = &m->machines;
    pthread_mutex_lock(&s->lock);
    uint64_t number = 0;
    for (node *e = chain(s, n->hash); e != NULL && number == 0; e = e->next) {
        const machine *known = (const machine *)e;
        if (known->hash == n->hash && memcmp(&known->who, &n->who, sizeof n->who) == 0)
            number = known->number;
    }
    if (number == 0) {
        n->number = s->count + 1;
        if (insert(s, (node *)n)) {
            number = n->number;
            n = NULL;
        }
    }
    pthread_mutex_unlock(&s->lock);
    free(n);
    return number;
}

static uint64_t layer_of(const td__layer_key *k, layer *out) {
    memset(out, 0, sizeof *out);
    out->hw = k->hw;
    memcpy(out->problem.dim, k->problem->dim, sizeof out->problem.dim);
    memcpy(out->problem.stride, k->problem->stride, sizeof out->problem.stride);
    memcpy(out->problem.dilation, k->problem->dilation, sizeof out->problem.dilation);
    memcpy(out->problem.pad, k->problem->pad, sizeof out->problem.pad);
    memcpy(out->problem.bits, k->problem->bits, sizeof out->problem.bits);
    out->problem.acc_bits = k->problem->acc_bits;
    memcpy(out->value, k->value, sizeof out->value);
    out->asked = k->asked;
    out->home = k->home;
    out->tiles = k->tiles;
    return td_hash(out, sizeof *out, 0);
}

static entry *find(const shard *s, uint64_t hash, const layer *l, int64_t demand) {
    for (node *n = chain(s, hash); n != NULL; n = n->next) {
        entry *e = (entry *)n;
        if (e->hash == hash && e->least <= demand && demand <= e->most &&
            memcmp(&e->of, l, sizeof *l) == 0)
            return e;
    }
    return NULL;
}

td__ways *td__layer_memo_find(td__layer_memo *m, const td__layer_key *k, td_status *status,
                              int64_t *missing_bytes, td_error *err) {
    layer l;
    uint64_t hash = layer_of(k, &l);
    shard *s = &m->layers[hash % SHARDS];
    pthread_mutex_lock(&s->lock);
    entry *e = find(s, hash, &l, k->demand);
    pthread_mutex_unlock(&s->lock);
    if (e == NULL) return NULL;
    *status = e->status;
    if (e->status != TD_OK && missing_bytes != NULL) *missing_bytes = e->missing_bytes;
    if (e->status != TD_OK && err != NULL && e->why != NULL) *err = *e->why;
    return e->ways;
}

void td__layer_memo_put(td__layer_memo *m, const td__layer_key *k, int64_t least, int64_t most,
                        const td__ways *ways, td_status status, int64_t missing_bytes,
                        const td_error *err) {
    size_t n = 0;
    for (int mask = 0; mask < TD__MASKS; mask++) n += (size_t)ways[mask].n;
    size_t bytes = sizeof(entry) + n * sizeof(td__way);
    const size_t why_at = bytes = (bytes + 15) / 16 * 16;
    if (status != TD_OK) bytes += sizeof(td_error);
    entry *e = calloc(1, bytes);
    if (e == NULL) return;
    e->hash = layer_of(k, &e->of);
    e->least = least;
    e->most = most;
    e->status = status;
    e->missing_bytes = missing_bytes;
    if (status != TD_OK) {
        e->why = (td_error *)(void *)((char *)e + why_at);
        *e->why = *err;
    }
    n = 0;
    for (int mask = 0; mask < TD__MASKS; mask++) {
        e->ways[mask] = (td__ways){ways[mask].n, &e->way[n]};
        for (int i = 0; i < ways[mask].n; i++) {
            e->way[n] = ways[mask].way[i];
            e->way[n].problem = NULL;
            e->way[n++].mapping = NULL;
        }
    }
    shard *s = &m->layers[e->hash % SHARDS];
    pthread_mutex_lock(&s->lock);
    /* What another thread has put there meanwhile is the same. */
    bool full = m->max_layers > 0 && s->count >= (m->max_layers + SHARDS - 1) / SHARDS;
    if (full || find(s, e->hash, &e->of, k->demand) != NULL || !insert(s, (node *)e)) free(e);
    pthread_mutex_unlock(&s->lock);
}

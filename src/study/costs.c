/* costs.c - see costs.h. A table in shards with a lock each; it never forgets, and takes in no more
 * once it is full: what it does not hold is costed again. */
#include "costs.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "row.h"

enum { SHARDS = 16, FIRST_SLOTS = 1024 };

typedef struct {
    uint64_t net, hw; /* both 0: free */
    double metric[TD_NMETRIC];
} entry;

typedef struct {
    pthread_mutex_t lock;
    entry *slot;
    size_t slots, count, most;
} shard;

struct td_costs {
    shard shard[SHARDS];
};

td_costs *td_costs_create(size_t max_pairs) {
    td_costs *c = calloc(1, sizeof *c);
    if (c == NULL) return NULL;
    for (int i = 0; i < SHARDS; i++) {
        pthread_mutex_init(&c->shard[i].lock, NULL);
        c->shard[i].most = max_pairs / SHARDS;
    }
    return c;
}

void td_costs_destroy(td_costs *c) {
    if (c == NULL) return;
    for (int i = 0; i < SHARDS; i++) {
        pthread_mutex_destroy(&c->shard[i].lock);
        free(c->shard[i].slot);
    }
    free(c);
}

/* The slot of a pair: its own, or a free one. */
static entry *find(const shard *s, uint64_t net, uint64_t hw, uint64_t hash) {
    size_t i = (size_t)(hash / SHARDS) & (s->slots - 1);
    while ((s->slot[i].net | s->slot[i].hw) != 0 && (s->slot[i].net != net || s->slot[i].hw != hw))
        i = (i + 1) & (s->slots - 1);
    return &s->slot[i];
}

static bool widen(shard *s) {
    shard wide = {.slots = s->slots > 0 ? 2 * s->slots : FIRST_SLOTS};
    wide.slot = calloc(wide.slots, sizeof *wide.slot);
    if (wide.slot == NULL) return false;
    for (size_t i = 0; i < s->slots; i++) {
        const entry *e = &s->slot[i];
        if ((e->net | e->hw) != 0) *find(&wide, e->net, e->hw, td__design_key(e->net, e->hw)) = *e;
    }
    free(s->slot);
    s->slot = wide.slot;
    s->slots = wide.slots;
    return true;
}

static void keep(shard *s, uint64_t hash, const td_design *d, const double metric[TD_NMETRIC]) {
    if (s->count >= s->most || (2 * (s->count + 1) > s->slots && !widen(s))) return;
    entry *e = find(s, d->net_hash, d->hw_hash, hash);
    s->count += (e->net | e->hw) == 0;
    e->net = d->net_hash;
    e->hw = d->hw_hash;
    memcpy(e->metric, metric, sizeof e->metric);
}

td_status td__costs_of(td_costs *costs, const td_design *d, const td_schedule_options *o,
                       double metric[TD_NMETRIC], td_error *err) {
    if (costs == NULL || d->workload != NULL || (d->net_hash | d->hw_hash) == 0)
        return td__design_cost(d, o, metric, NULL, err);
    const uint64_t hash = td__design_key(d->net_hash, d->hw_hash);
    shard *s = &costs->shard[hash % SHARDS];
    pthread_mutex_lock(&s->lock);
    const entry *e = s->slots > 0 ? find(s, d->net_hash, d->hw_hash, hash) : NULL;
    bool known = e != NULL && (e->net | e->hw) != 0;
    if (known) memcpy(metric, e->metric, sizeof e->metric);
    pthread_mutex_unlock(&s->lock);
    if (known) return TD_OK;
    td_status status = td__design_cost(d, o, metric, NULL, err);
    if (status != TD_OK) return status;
    pthread_mutex_lock(&s->lock);
    keep(s, hash, d, metric);
    pthread_mutex_unlock(&s->lock);
    return TD_OK;
}

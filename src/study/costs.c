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
    td__costed is;
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

bool td__costs_get(td_costs *c, uint64_t net, uint64_t hw, td__costed *out) {
    const uint64_t hash = td__design_key(net, hw);
    shard *s = &c->shard[hash % SHARDS];
    pthread_mutex_lock(&s->lock);
    const entry *e = s->slots > 0 ? find(s, net, hw, hash) : NULL;
    bool known = e != NULL && (e->net | e->hw) != 0;
    if (known) *out = e->is;
    pthread_mutex_unlock(&s->lock);
    return known;
}

void td__costs_put(td_costs *c, uint64_t net, uint64_t hw, bool answer, const td__costed *x) {
    if ((net | hw) == 0) return;
    const uint64_t hash = td__design_key(net, hw);
    shard *s = &c->shard[hash % SHARDS];
    pthread_mutex_lock(&s->lock);
    if ((answer || s->count < s->most) && (2 * (s->count + 1) <= s->slots || widen(s))) {
        entry *e = find(s, net, hw, hash);
        s->count += (e->net | e->hw) == 0;
        *e = (entry){net, hw, *x};
    }
    pthread_mutex_unlock(&s->lock);
}

td_status td__costs_of(td_costs *costs, const td_design *d, const td_schedule_options *o,
                       double metric[TD_NMETRIC], td_error *err) {
    bool kept = costs != NULL && d->workload == NULL && (d->net_hash | d->hw_hash) != 0;
    td__costed x = {.index = -1};
    if (kept && td__costs_get(costs, d->net_hash, d->hw_hash, &x)) {
        memcpy(metric, x.metric, sizeof x.metric);
        return TD_OK;
    }
    td_status status = td__design_cost(d, o, metric, NULL, err);
    if (status != TD_OK || !kept) return status;
    memcpy(x.metric, metric, sizeof x.metric);
    td__costs_put(costs, d->net_hash, d->hw_hash, false, &x);
    return TD_OK;
}

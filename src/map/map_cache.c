/* Answers of td_map_best, shared by threads. A key is everything an answer depends on, byte for
 * byte; the table is cut into shards with a lock each, so that threads seldom wait. When a shard is
 * full it drops all that it has: no list to keep, and a search comes back to few of its old
 * designs. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "map_cache.h"

typedef struct {
    td_problem problem;
    td_map_query query;
    td__hw_key hw;
} key;

typedef struct entry {
    struct entry *next;
    uint64_t hash;
    key k;
    td_status status;
    int64_t missing_bytes;
    td_error err; /* of an answer that is no mapping */
    td_map_result result;
} entry;

enum { SHARDS = 16, FIRST_SLOTS = 64 };

typedef struct {
    pthread_mutex_t lock;
    entry **slot;
    size_t slots, count, max;
    uint64_t hits, misses;
} shard;

struct td_map_cache {
    shard shard[SHARDS];
    td__layer_memo *layers;
};

td__layer_memo *td__map_cache_layers(td_map_cache *c) {
    return c->layers;
}

void td__hw_key_make(const td_hw *hw, td__hw_key *k) {
    memset(k, 0, sizeof *k);
    k->hw_hash = td_hw_hash(hw);
    for (int l = 0; l < hw->n; l++) k->names = td_hash_text(hw->level[l].name, k->names);
    k->mac_instances = hw->mac.instances;
    k->mac_mesh_x = hw->mac.mesh_x;
    k->mac_bits = hw->mac.bits;
    k->mac_pj[0] = hw->mac.energy_pj;
    k->mac_pj[1] = hw->mac.gated_pj;
    k->clock_tree = hw->clock_tree;
    k->n = hw->n;
    memcpy(k->rules.allowed, hw->rules.allowed, sizeof k->rules.allowed);
    memcpy(k->rules.single, hw->rules.single, sizeof k->rules.single);
    memcpy(k->rules.place, hw->rules.place, sizeof k->rules.place);
    k->rules.pad = hw->rules.pad;
    k->rules.one_axis = hw->rules.one_axis;
    k->rules.im2col = hw->rules.im2col;
    for (int l = 0; l < hw->n && l < TD_MAX_LEVELS; l++) {
        const td_level *v = &hw->level[l];
        k->level[l].capacity_bits = v->capacity_bits;
        k->level[l].buffering = v->buffering;
        k->level[l].bw[0] = v->read_bw;
        k->level[l].bw[1] = v->write_bw;
        k->level[l].bw[2] = v->shared_bw;
        k->level[l].pj[0] = v->read_pj;
        k->level[l].pj[1] = v->fill_pj;
        k->level[l].pj[2] = v->update_pj;
        k->level[l].instances = v->instances;
        k->level[l].mesh_x = v->mesh_x;
        k->level[l].block_bits = v->block_bits;
        k->level[l].may_keep = v->may_keep;
        k->level[l].must_keep = v->must_keep;
        k->level[l].multicast = v->multicast;
        k->level[l].reduce = v->reduce;
        k->level[l].reload = v->reload;
        k->level[l].fold = v->timing.fold;
        k->level[l].timing[0] = v->timing.hop_x;
        k->level[l].timing[1] = v->timing.hop_y;
        k->level[l].timing[2] = v->timing.shift_x;
        k->level[l].timing[3] = v->timing.shift_y;
        k->level[l].timing[4] = v->timing.burst_bits;
        k->level[l].stall[0] = v->timing.start;
        k->level[l].stall[1] = v->timing.command;
        k->level[l].stall[2] = v->timing.latency;
        k->level[l].ramp = v->timing.ramp;
    }
}

/* What the mapper sees of an accelerator: nothing of areas, leakage, clock and vector unit, nor
 * what the levels outside of all tensors can do. So accelerators that differ in their DRAM share
 * the answers to questions about layers that never go there. */
static td_hw seen(const td_hw *hw, const td_map_query *q) {
    td_hw h = *hw;
    int outermost = 0;
    for (int t = 0; t < TD_NTENSOR; t++)
        if (q->top[t] > outermost) outermost = q->top[t];
    h.area_mm2 = h.leak_w = h.clock_tree = h.mac.area_mm2 = h.mac.leak_w = 0;
    h.clock_hz = 1;
    h.vec = (td_vector_unit){0};
    for (int l = 0; l < h.n && l < TD_MAX_LEVELS; l++) {
        td_level *v = &h.level[l];
        v->leak_w = v->area_mm2 = 0;
        if (l <= outermost) continue;
        v->read_bw = v->write_bw = v->shared_bw = INFINITY;
        v->read_pj = v->fill_pj = v->update_pj = 0;
    }
    return h;
}

static void make_key(const td_problem *p, const td_hw *hw, const td_map_query *q, key *k) {
    memset(k, 0, sizeof *k); /* padding bytes too: keys are compared as bytes */
    memcpy(k->problem.dim, p->dim, sizeof p->dim);
    memcpy(k->problem.stride, p->stride, sizeof p->stride);
    memcpy(k->problem.dilation, p->dilation, sizeof p->dilation);
    memcpy(k->problem.pad, p->pad, sizeof p->pad);
    memcpy(k->problem.bits, p->bits, sizeof p->bits);
    k->problem.acc_bits = p->acc_bits;
    k->query.objective = q->objective;
    k->query.counting = q->counting;
    k->query.max_nodes = q->max_nodes;
    k->query.max_seconds = q->max_seconds;
    k->query.enough = q->enough;
    k->query.effort = q->effort;
    k->query.mode = q->mode;
    k->query.min_utilization = q->min_utilization;
    k->query.seed = q->seed;
    k->query.imperfect = q->imperfect;
    for (int i = 0; i < 2 && q->objective == TD_OBJ_WEIGHTED; i++)
        k->query.weight[i] = q->weight[i];
    memcpy(k->query.top, q->top, sizeof q->top);
    for (int l = 0; l < hw->n && l < TD_MAX_LEVELS; l++) k->query.keep[l] = q->keep[l];
    const td_hw h = seen(hw, q);
    td__hw_key_make(&h, &k->hw);
}

td_map_cache *td_map_cache_create(size_t max_entries) {
    td_map_cache *c = calloc(1, sizeof *c);
    if (c == NULL) return NULL;
    for (int i = 0; i < SHARDS; i++) {
        if (pthread_mutex_init(&c->shard[i].lock, NULL) != 0) {
            while (i-- > 0) pthread_mutex_destroy(&c->shard[i].lock);
            free(c);
            return NULL;
        }
        c->shard[i].max = (max_entries + SHARDS - 1) / SHARDS;
    }
    c->layers = td__layer_memo_create(4 * max_entries);
    if (c->layers == NULL) {
        td_map_cache_destroy(c);
        return NULL;
    }
    return c;
}

static void drop_all(shard *s) {
    for (size_t i = 0; i < s->slots; i++)
        for (entry *e = s->slot[i], *next; e != NULL; e = next) {
            next = e->next;
            free(e);
        }
    if (s->slots > 0) memset(s->slot, 0, s->slots * sizeof(entry *));
    s->count = 0;
}

void td_map_cache_destroy(td_map_cache *c) {
    if (c == NULL) return;
    for (int i = 0; i < SHARDS; i++) {
        drop_all(&c->shard[i]);
        free(c->shard[i].slot);
        pthread_mutex_destroy(&c->shard[i].lock);
    }
    td__layer_memo_destroy(c->layers);
    free(c);
}

static bool find(const shard *s, uint64_t hash, const key *k, td_map_result *out, td_status *status,
                 int64_t *missing_bytes, td_error *err) {
    if (s->slots == 0) return false;
    for (const entry *e = s->slot[hash / SHARDS % s->slots]; e != NULL; e = e->next) {
        if (e->hash != hash || memcmp(&e->k, k, sizeof *k) != 0) continue;
        *status = e->status;
        if (missing_bytes != NULL) *missing_bytes = e->missing_bytes;
        if (e->status == TD_OK)
            *out = e->result;
        else if (err != NULL)
            *err = e->err;
        return true;
    }
    return false;
}

static void grow(shard *s) {
    size_t slots = s->slots == 0 ? FIRST_SLOTS : 2 * s->slots;
    entry **slot = calloc(slots, sizeof *slot);
    if (slot == NULL) return; /* longer chains instead */
    for (size_t i = 0; i < s->slots; i++)
        for (entry *e = s->slot[i], *next; e != NULL; e = next) {
            next = e->next;
            entry **to = &slot[e->hash / SHARDS % slots];
            e->next = *to;
            *to = e;
        }
    free(s->slot);
    s->slot = slot;
    s->slots = slots;
}

/* An answer that another thread has put there meanwhile is the same. */
static void insert(shard *s, entry *e) {
    if (find(s, e->hash, &e->k, &e->result, &e->status, NULL, NULL)) {
        free(e);
        return;
    }
    if (s->max > 0 && s->count >= s->max) drop_all(s);
    if (s->count >= s->slots) grow(s);
    if (s->slots == 0) {
        free(e);
        return;
    }
    entry **to = &s->slot[e->hash / SHARDS % s->slots];
    e->next = *to;
    *to = e;
    s->count++;
}

td_status td_map_cached(td_map_cache *c, const td_problem *p, const td_hw *hw,
                        const td_map_query *q, td_map_result *out, int64_t *missing_bytes,
                        td_error *err) {
    if (c == NULL) return td_map_best(p, hw, q, out, missing_bytes, err);
    key k;
    make_key(p, hw, q, &k);
    uint64_t hash = td_hash(&k, sizeof k, 0);
    shard *s = &c->shard[hash % SHARDS];
    td_status status;
    pthread_mutex_lock(&s->lock);
    bool hit = find(s, hash, &k, out, &status, missing_bytes, err);
    if (hit)
        s->hits++;
    else
        s->misses++;
    pthread_mutex_unlock(&s->lock);
    if (hit) return status;

    entry *e = malloc(sizeof *e);
    td_error own = {0};
    int64_t missing = 0;
    status = td_map_best(p, hw, q, out, &missing, &own);
    if (missing_bytes != NULL) *missing_bytes = missing;
    if (status != TD_OK && err != NULL) *err = own;
    /* What came of too little memory or time says nothing about the layer. */
    if (e == NULL || (status != TD_OK && status != TD_E_INFEASIBLE) ||
        (status == TD_OK && out->stop == TD_STOP_TIME)) {
        free(e);
        return status;
    }
    memset(e, 0, sizeof *e);
    e->hash = hash;
    e->k = k;
    e->status = status;
    e->missing_bytes = missing;
    if (status == TD_OK)
        e->result = *out;
    else
        e->err = own;
    pthread_mutex_lock(&s->lock);
    insert(s, e);
    pthread_mutex_unlock(&s->lock);
    return status;
}

void td_map_cache_stats(const td_map_cache *c, uint64_t *hits, uint64_t *misses) {
    uint64_t h = 0, m = 0;
    td_map_cache *v = (td_map_cache *)(uintptr_t)c; /* locking is no change that a caller sees */
    for (int i = 0; i < SHARDS; i++) {
        pthread_mutex_lock(&v->shard[i].lock);
        h += v->shard[i].hits;
        m += v->shard[i].misses;
        pthread_mutex_unlock(&v->shard[i].lock);
    }
    if (hits != NULL) *hits = h;
    if (misses != NULL) *misses = m;
}

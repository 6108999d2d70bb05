/* Ways to run each distinct layer, by what of it stands on chip.
 *
 * Two things decide how a layer can be mapped: which of its tensors stand at home (8 masks), and
 * how much of the pool its tiles may take. Asking the mapper for everything would be some 50 calls
 * a layer, so (heuristic: it decides which mappings the exact DP may choose from)
 * - the mapper is asked for four masks: nothing on chip, activations, weights, all. The mappings
 * for the masks between are those of their neighbours, retargeted: the same loops, with the tensor
 * kept at home instead of DRAM. Each is evaluated, so that the table holds true costs only;
 * - tiles get all the room that the mask leaves; then, while less could be of use to others, a
 *   quarter of what the last answer used, and so on down a few rungs;
 * - where DRAM traffic of a mask is above the compulsory one, the mapper is asked again with tiles
 * of DRAM tensors allowed at home as well. Without a level that shares its storage with home, a
 * tensor's place changes what fits beside it, so the mapper is asked for every mask. */
#include "schedule.h"

#include <string.h>

enum { RUNGS = 3, RUNG_STEP = 4, SMALLEST_SHARE = 64 };

typedef struct {
    const td__sched_plan *plan;
    const td_hw *hw;
    const td__home *home;
    const td_schedule_options *o;
    td_arena *arena;
    td__table *table;
    int64_t demand; /* bits of the pool that all weights and the most live values could use */
    td_map_objective objective;
} builder;

/* ---- keeping the useful ways ------------------------------------------------------------------
 */

static bool no_worse(const td__way *a, const td__way *b) {
    return a->bits <= b->bits && a->cycles <= b->cycles && a->read <= b->read &&
           a->write <= b->write && a->pj <= b->pj;
}

static bool useful(const td__ways *list, const td__way *w) {
    for (int i = 0; i < list->n; i++)
        if (no_worse(&list->way[i], w)) return false;
    return true;
}

static void insert(td__ways *list, const td__way *w) {
    int n = 0;
    for (int i = 0; i < list->n; i++)
        if (!no_worse(w, &list->way[i])) list->way[n++] = list->way[i];
    list->n = n;
    if (list->n == TD__MAX_WAYS) return; /* many ways already; one more matters little */
    int at = list->n++;
    for (; at > 0 && list->way[at - 1].bits > w->bits; at--) list->way[at] = list->way[at - 1];
    list->way[at] = *w;
}

/* What the DP needs to know of a costed mapping; false: it does not fit the pool. */
static bool way_of(const builder *b, int shape, unsigned chip, const td_problem *p,
                   const td_mapping *m, const td_cost *c, td__way *out) {
    const td__home *h = b->home;
    double bits[TD_NTENSOR];
    int limit;
    *out = (td__way){.problem = p, .mapping = m};
    td__need need = td__home_need(b->hw, h, p, m, c, chip, b->plan->shape_value[shape]);
    out->bits = need.home + need.beyond + need.tiles * h->stores;
    td__dram_traffic(b->hw, p, m, c, bits, &out->read, &out->write);
    out->dram = td__dram_cycles(b->hw, out->read, out->write);
    out->cycles = td__chip_cycles(c, h->top, &limit);
    out->pj = td__mapped_pj(b->hw, c);
    return h->home < 0 || out->bits <= h->pool;
}

static td_status add(builder *b, int shape, unsigned chip, const td_problem *p, const td_mapping *m,
                     const td_cost *c) {
    td__way w;
    if (!way_of(b, shape, chip, p, m, c, &w)) return TD_OK;
    td__ways *list = &b->table->of[shape][chip];
    if (!useful(list, &w)) return TD_OK;
    td_problem *own_p = TD_NEW(b->arena, td_problem, 1);
    td_mapping *own_m = TD_NEW(b->arena, td_mapping, 1);
    if (own_p == NULL || own_m == NULL) return TD_E_MEMORY;
    *own_p = *p;
    *own_m = *m;
    w.problem = own_p;
    w.mapping = own_m;
    insert(list, &w);
    return TD_OK;
}

/* ---- the same loops with other tensors on chip ------------------------------------------------
 */

/* The mapping with exactly the tensors `chip` at home. Loops outside of home move to it: what DRAM
 * sends and gets stays the same. False: the machine's rules forbid it. */
static bool retarget(const td_hw *hw, const td__home *h, const td_mapping *m, unsigned chip,
                     td_mapping *out) {
    int home = h->home;
    td_mapping t = *m;
    int n = 0;
    if (chip != 0) {
        for (int l = hw->n - 1; l > home; l--)
            for (int k = m->first[l]; k < m->first[l + 1]; k++) {
                if (m->loop[k].bound == 1) continue;
                if (m->loop[k].axis != TD_AXIS_T) return false;
                if (!(hw->rules.allowed[home][TD_AXIS_T] & TD_BIT(m->loop[k].dim))) return false;
                t.loop[m->first[home] + n++] = m->loop[k];
            }
        int own = m->first[home + 1] - m->first[home];
        memcpy(&t.loop[m->first[home] + n], &m->loop[m->first[home]],
               sizeof t.loop[0] * (size_t)own);
        t.n = (uint8_t)(m->first[home] + n + own);
        for (int l = home + 1; l <= hw->n; l++) t.first[l] = t.n;
    }
    t.keep[home] = (uint8_t)(chip | hw->level[home].must_keep);
    for (int l = home + 1; l < hw->n; l++) t.keep[l] = (uint8_t)(hw->level[l].must_keep & ~chip);
    t.keep[h->top] = (uint8_t)(TD_ALL_TENSORS & ~chip);
    *out = t;
    return true;
}

static td_status spread(builder *b, int shape, const td_problem *p, const td_mapping *from,
                        unsigned to) {
    td_mapping m;
    td_hw hw;
    td_cost cost;
    if (!retarget(b->hw, b->home, from, to, &m)) return TD_OK;
    td__home_layer_hw(b->hw, b->home, to, b->home->pool, b->home->pool / b->home->stores, &hw);
    b->table->evaluations++;
    if (td_cost_evaluate(p, &hw, &m, b->o->counting, &cost, NULL) != TD_OK) return TD_OK;
    return add(b, shape, to, p, &m, &cost);
}

/* ---- asking the mapper ------------------------------------------------------------------------
 */

/* Bits that the tensors `chip` take at home at least. */
static int64_t own_bits(const builder *b, int shape, unsigned chip) {
    const td_problem *p = &b->plan->shape[shape];
    double bits = 0;
    for (int t = 0; t < TD_NTENSOR; t++)
        if (chip & TD_BIT(t)) bits += (double)td_problem_words(p, (td_tensor)t) * p->bits[t];
    if (b->home->home < 0) return 0;
    bits *= b->hw->level[b->home->home].buffering;
    return bits < 0x1p60 ? (int64_t)bits + 8 : INT64_C(1) << 60;
}

static td_status ask(builder *b, int shape, unsigned chip, int64_t home_bits, int64_t tile_bits,
                     bool tiles_at_home, td_map_result *r, int64_t *missing_bytes, td_error *err) {
    const td__home *h = b->home;
    const td_problem *p = &b->plan->shape[shape];
    td_hw hw;
    td_map_query q;
    td__home_layer_hw(b->hw, h, chip, home_bits, tile_bits, &hw);
    td_map_query_default(&q, &hw);
    q.objective = b->objective;
    q.counting = b->o->counting;
    if (b->o->max_nodes > 0) q.max_nodes = b->o->max_nodes;
    for (int t = 0; t < TD_NTENSOR; t++) q.top[t] = (int8_t)(chip & TD_BIT(t) ? h->home : h->top);
    if (h->home >= 0 && h->tiles != h->home && !tiles_at_home)
        q.keep[h->home] = (int16_t)(chip | hw.level[h->home].must_keep);
    b->table->calls++;
    return b->o->cache != NULL ? td_map_cached(b->o->cache, p, &hw, &q, r, missing_bytes, err)
                               : td_map_best(p, &hw, &q, r, missing_bytes, err);
}

/* Traffic that every mapping with these tensors in DRAM has (the input's skipped rows aside). */
static bool refetches(const builder *b, int shape, unsigned chip, const td__way *w) {
    const td_problem *p = &b->plan->shape[shape];
    double least = 0;
    for (int t = 0; t < TD_NTENSOR; t++)
        if (!(chip & TD_BIT(t))) least += (double)td_problem_words(p, (td_tensor)t) * p->bits[t];
    return w->read + w->write > 1.02 * least;
}

static bool fatal(td_status s) {
    return s != TD_OK && s != TD_E_INFEASIBLE;
}

/* The masks between take the mappings of their neighbours: those with the same place of the
 * weights. */
static td_status share_out(builder *b, int shape, unsigned chip, const td_map_result *r) {
    const td__home *h = b->home;
    if (h->home < 0 || h->tiles == h->home) return TD_OK;
    const unsigned between[] = {TD_BIT(TD_I), TD_BIT(TD_O)};
    for (int k = 0; k < 2; k++) {
        unsigned to = between[k] | (chip & TD_BIT(TD_W));
        if (to == chip || (to & ~h->may) != 0) continue;
        td_status s = spread(b, shape, &r->problem, &r->mapping, to);
        if (s != TD_OK) return s;
    }
    return TD_OK;
}

/* Room per store for tiles, and at home; `tiles` per store is what is wanted of it. */
typedef struct {
    int64_t tiles, home;
} room;

/* All the room that the tensors `chip` leave, in sixteenths of a store: fine enough, and the same
 * capacities come back for other networks, whose answers the cache then has. */
static room first_room(const builder *b, int64_t own, unsigned chip) {
    const td__home *h = b->home;
    if (h->home < 0) return (room){0, 0};
    if (h->tiles == h->home) return (room){h->pool - own, own};
    int64_t whole = h->pool / h->stores, step = whole / 16 / 8 * 8,
            tiles = (h->pool - own) / h->stores;
    if (b->hw->level[h->home].must_keep & ~chip) tiles /= 2; /* it needs tiles at home as well */
    if (chip != 0 && step > 0 && tiles > step) tiles -= tiles % step;
    return (room){tiles, h->pool - tiles * h->stores};
}

/* A quarter of what is used, as a binary share of a store. */
static room next_room(const builder *b, int64_t own, unsigned chip, room r, int64_t used) {
    const td__home *h = b->home;
    int64_t whole = h->pool / h->stores, next = whole;
    while (next > 0 && next * RUNG_STEP > used) next /= 2;
    next -= next % 8;
    if (next >= r.tiles || next < whole / SMALLEST_SHARE) return (room){0, 0};
    if (h->tiles == h->home) return (room){next, own};
    if (b->hw->level[h->home].must_keep & ~chip) return (room){next, own + next * h->stores};
    return (room){next, h->pool - next * h->stores};
}

/* The rungs of one mask. The first call for nothing on chip decides whether the layer can be run.
 */
static td_status climb(builder *b, int shape, unsigned chip, int64_t *missing_bytes,
                       td_error *err) {
    const td__home *h = b->home;
    bool split = h->home >= 0 && h->tiles != h->home;
    int64_t own = own_bits(b, shape, chip);
    if (chip != 0 && own >= h->pool) return TD_OK;
    room at = first_room(b, own, chip);
    td_map_result r;
    for (int rung = 0; rung < RUNGS; rung++) {
        bool first = rung == 0 && chip == 0;
        td_status s = ask(b, shape, chip, at.home, at.tiles, false, &r,
                          first ? missing_bytes : NULL, first ? err : NULL);
        if (fatal(s) || (first && s != TD_OK)) return s;
        if (s != TD_OK) return TD_OK; /* less room will not help */
        td__way w;
        bool fits = way_of(b, shape, chip, &r.problem, &r.mapping, &r.cost, &w);
        s = add(b, shape, chip, &r.problem, &r.mapping, &r.cost);
        if (s == TD_OK) s = share_out(b, shape, chip, &r);
        if (s != TD_OK) return s;
        if (h->home < 0 || (fits && w.bits + b->demand <= h->pool)) return TD_OK;

        if (split && at.tiles / 2 > 0 && refetches(b, shape, chip, &w)) {
            /* Half of the tiles' room at home: one copy there instead of one in each store. */
            int64_t half = at.tiles / 2;
            td_map_result other;
            s = ask(b, shape, chip, own + half * h->stores, half, true, &other, NULL, NULL);
            if (s == TD_OK) s = add(b, shape, chip, &other.problem, &other.mapping, &other.cost);
            if (fatal(s)) return s;
        }
        td__need need = td__home_need(b->hw, h, &r.problem, &r.mapping, &r.cost, chip,
                                      b->plan->shape_value[shape]);
        int64_t used = split ? need.tiles : need.home > own ? need.home - own : 0;
        at = next_room(b, own, chip, at, used < at.tiles ? used : at.tiles);
        if (at.tiles == 0) return TD_OK;
    }
    return TD_OK;
}

static double fastest(const td__ways *list) {
    double least = INFINITY;
    for (int k = 0; k < list->n; k++)
        if (list->way[k].cycles < least) least = list->way[k].cycles;
    return least;
}

/* A tensor more on chip should never cost cycles there; where the mapper (or its node budget) says
 * so, the loops that it found without do better. */
static td_status mend(builder *b, int shape) {
    const td__home *h = b->home;
    if (h->home < 0 || h->tiles == h->home) return TD_OK;
    for (unsigned from = 0; from < TD_ALL_TENSORS; from++)
        for (int t = 0; t < TD_NTENSOR; t++) {
            unsigned to = from | TD_BIT(t);
            const td__ways *list = &b->table->of[shape][from];
            if (to == from || (to & ~h->may) != 0 || own_bits(b, shape, to) > h->pool) continue;
            if (fastest(&b->table->of[shape][to]) <= fastest(list)) continue;
            for (int k = 0; k < list->n; k++) {
                td_status s = spread(b, shape, list->way[k].problem, list->way[k].mapping, to);
                if (s != TD_OK) return s;
            }
        }
    return TD_OK;
}

static td_status build_shape(builder *b, int shape, int64_t *missing_bytes, td_error *err) {
    static const unsigned shared[] = {0, TD_BIT(TD_I) | TD_BIT(TD_O), TD_ALL_TENSORS, TD_BIT(TD_W)};
    static const unsigned each[] = {0, 1, 2, 3, 4, 5, 6, 7};
    const td__home *h = b->home;
    bool split = h->home >= 0 && h->tiles != h->home;
    const unsigned *mask = split ? shared : each;
    int n = split ? 4 : 8;
    for (int k = 0; k < n; k++) {
        if ((mask[k] & ~h->may) != 0) continue;
        b->objective = b->o->objective;
        td_status s = climb(b, shape, mask[k], missing_bytes, err);
        /* The least energy may be slow enough for leakage to count. */
        if (s == TD_OK && b->o->objective == TD_OBJ_ENERGY) {
            b->objective = TD_OBJ_LATENCY;
            s = climb(b, shape, mask[k], missing_bytes, err);
        }
        if (s == TD_OK) continue;
        int layer = b->plan->step[b->plan->shape_step[shape]].layer;
        if (s == TD_E_MEMORY && err != NULL && err->code != TD_E_MEMORY)
            td_fail(err, s, "out of memory");
        return td_error_prefix(err, "layer %s", td_net_layer(b->plan->net, layer)->name), s;
    }
    return mend(b, shape);
}

static int64_t demand_of(const td__sched_plan *p, const td__home *h) {
    int64_t weights = 0, live = 0;
    if (h->may & TD_BIT(TD_W))
        for (int i = 0; i < p->n; i++) weights += p->step[i].weight_bits;
    for (int boundary = 1; boundary < p->n; boundary++) {
        int64_t sum = 0;
        for (int i = 0; i < p->n_value; i++)
            if (p->value[i].stay && p->value[i].maker < boundary && p->value[i].last >= boundary)
                sum += p->value[i].bits;
        if (sum > live) live = sum;
    }
    return weights + live;
}

td_status td__table_build(const td__sched_plan *p, const td_hw *hw, const td__home *h,
                          const td_schedule_options *o, td_arena *a, td__table *out,
                          int64_t *missing_bytes, td_error *err) {
    *out = (td__table){0};
    out->of = td_arena_alloc(a, sizeof *out->of * (size_t)(p->n_shape > 0 ? p->n_shape : 1));
    if (out->of == NULL) return td_fail(err, TD_E_MEMORY, "out of memory for the schedule");
    builder b = {.plan = p, .hw = hw, .home = h, .o = o, .arena = a, .table = out};
    if (h->home >= 0) b.demand = demand_of(p, h);
    for (int s = 0; s < p->n_shape; s++) {
        td_status status = build_shape(&b, s, missing_bytes, err);
        if (status != TD_OK) return status;
    }
    return TD_OK;
}

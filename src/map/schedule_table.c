/* Which ways to run each distinct layer are put into the table: what the mapper is asked for.
 *
 * Two things decide how a layer can be mapped: which of its tensors stand at home (8 masks), and
 * how much of the pool its tiles may take. Asking the mapper for all that would be some 50 calls a
 * layer, nearly all of the time of a schedule. So (heuristic: it decides which mappings the exact
 * dynamic program may choose from; what is in the table is always evaluated, never estimated):
 *
 * - Each mapping found is also tried with other tensors on chip, loops unchanged (td__way_spread),
 *   and with results kept at a level further out, where no sum goes on (td__way_finish).
 * - Roomy accelerators, where all weights and the most values ever alive take at most half of the
 *   pool: the mapper is asked once for each mask that a layer has when all that may stay on chip
 *   does, with the room that this leaves for tiles; once more, with more nodes, if the answer is
 *   far from its bound (without drafts); and if it still is, for other masks as below.
 * - Otherwise for up to eight masks: all tensors on chip, activations, none, weights, of each what
 *   can be there, and without one of the activations where they take half of the pool; with all the
 *   room that the mask leaves, and if using less could be of use to others, with the least of it
 *   and so on upwards, until that is as good. A question with less room is content with the answer
 *   of the one with more (`enough`), and left out when the table has an answer that the mapper
 *   could hardly improve (`served`).
 * - These are drafts (td_map_effort), of which a schedule uses few: those are asked for again, with
 *   the room that they can have there (schedule_refine.c). Of a small budget
 * (td_schedule_has_drafts) all of it is for the one question.
 * - Where home and tiles are one level, a tensor's place changes what fits beside it, mappings do
 *   not carry over, and the mapper is asked for every mask that can be. */
#include "map_cache.h"

#include <string.h>

enum { SMALLEST_SHARE = 64, SMALL_TILES = 4 };
/* An answer so many times its bound may be improved by asking otherwise; a brief one is asked for
 * in full. */
#define DOUBTFUL 1.25
/* So is a draft that is so many times its bound. */
#define HOPELESS 2
/* In the key of a layer's memo: marks the masks of turns of a stack, whose ways are found by other
 * questions. */
#define OF_STACKS (UINT64_C(1) << 63)
/* ... and those of ways that are asked for again. */
#define OF_AGAIN (UINT64_C(1) << 62)
enum { NEVER_AT = 56 }; /* the bit of that key where td__maker.never begins */
/* An answer so many times its bound, with all of the budget, is asked for again with so many times
 * the nodes. (A roomy layer's one question is worth more nodes sooner: all its answers come from
 * there.) */
static const struct {
    double lost;
    uint64_t nodes;
} again_if[] = {{2, 8}, {DOUBTFUL, 4}, {2, 2}}; /* others; roomy; of turns, which are many */
/* Drafts only if so many times as far: what the schedule has of them is asked for again anyway. */
#define DRAFTS_LATER 4

static bool fatal(td_status s) {
    return s != TD_OK && s != TD_E_INFEASIBLE;
}

static bool split(const td__maker *b) {
    return b->home->home >= 0 && b->home->tiles != b->home->home;
}

/* Bits that the tensors `chip` take at home: at least, or amply, with outputs as partial sums,
 * which stand there while loops outside of the tiles reduce, and with dims padded to fill a
 * fan-out. */
static int64_t own_bits(const td__maker *b, int shape, unsigned chip, bool ample) {
    const td_problem *p = &b->shape[shape];
    double bits = 0, sums = 0;
    for (int t = 0; t < TD_NTENSOR; t++) {
        if (!(chip & TD_BIT(t))) continue;
        double words = (double)td_problem_words(p, (td_tensor)t);
        bits += words * p->bits[t];
        if (t == TD_O && p->acc_bits > p->bits[t]) sums = words * (p->acc_bits - p->bits[t]);
    }
    if (b->home->home < 0) return 0;
    if (ample && split(b)) bits += sums + (b->hw->rules.pad ? bits / 2 : 0);
    bits *= b->hw->level[b->home->home].buffering;
    return bits < 0x1p60 ? (int64_t)bits + 8 : INT64_C(1) << 60;
}

/* Whether `bits` and all that others could use fit into the pool; remembers for which demands the
 * answer is the same. */
static bool all_fit(td__maker *b, int64_t bits) {
    int64_t most = b->home->pool - bits;
    if (b->demand <= most) {
        if (most < b->most_demand) b->most_demand = most;
        return true;
    }
    if (most + 1 > b->least_demand) b->least_demand = most + 1;
    return false;
}

/* ---- rooms -------------------------------------------------------------------------------------
 */

/* Bits per store for tiles, and at home. */
typedef struct {
    int64_t tiles, home;
} room;

/* Room for tiles of at most `bits` of the pool in all. */
static room room_of(const td__maker *b, int64_t own, unsigned chip, int64_t bits) {
    const td__home *h = b->home;
    if (h->home < 0) return (room){0, 0};
    if (!split(b)) return (room){bits, own};
    int64_t step = td__room_step(h->pool / h->stores), tiles = bits / h->stores;
    bool shared = b->hw->level[h->home].must_keep & ~chip; /* home needs room for tiles as well */
    if (shared) tiles /= 2;
    if (step > 0 && tiles > step) tiles -= tiles % step;
    tiles -= tiles % 8;
    return (room){tiles, shared ? own + tiles * h->stores : h->pool - tiles * h->stores};
}

/* So much for tiles, the rest at home. */
static room small_room(const td__maker *b, int64_t own, unsigned chip, int64_t tiles) {
    const td__home *h = b->home;
    if (!split(b)) return (room){tiles, own};
    bool shared = b->hw->level[h->home].must_keep & ~chip;
    return (room){tiles, shared ? own + tiles * h->stores : h->pool - tiles * h->stores};
}

/* Half of what is used, as a binary share of a store; no tiles: small enough already. */
static room next_room(const td__maker *b, int64_t own, unsigned chip, room at, int64_t used) {
    const td__home *h = b->home;
    int64_t whole = h->pool / h->stores, next = whole;
    while (next > 0 && next * 2 > used) next /= 2;
    next -= next % 8;
    if (next >= at.tiles || next < whole / SMALLEST_SHARE) return (room){0, 0};
    return small_room(b, own, chip, next);
}

/* ---- asking ------------------------------------------------------------------------------------
 */

static td_status ask(td__maker *b, int shape, unsigned chip, room at, td_map_objective objective,
                     td_map_result *r, int64_t *missing_bytes, td_error *err) {
    const td__home *h = b->home;
    const td_problem *p = &b->shape[shape];
    td_hw hw;
    td_map_query q;
    td__home_layer_hw(b->hw, h, chip, at.home, at.tiles, &hw);
    td_map_query_default(&q, &hw);
    q.objective = objective;
    q.counting = b->o->counting;
    if (b->o->max_nodes > 0) q.max_nodes = b->o->max_nodes;
    const bool drafts = td_schedule_has_drafts(b->o);
    if (drafts) q.effort = b->again != NULL ? TD_EFFORT_BRIEF : TD_EFFORT_DRAFT;
    q.enough = objective == b->o->objective ? b->enough : 0;
    for (int t = 0; t < TD_NTENSOR; t++) q.top[t] = (int8_t)(chip & TD_BIT(t) ? h->home : h->top);
    if (split(b)) q.keep[h->home] = (int16_t)(chip | hw.level[h->home].must_keep);
    const int kind = b->turn ? 2 : b->natural ? 1 : 0;
    const double far = again_if[kind].lost * (drafts && b->again == NULL ? DRAFTS_LATER : 1);
    td_map_result hasty = {.objective = INFINITY};
    for (bool more = false;;) {
        b->table->calls++;
        td_status s = b->o->cache != NULL
                          ? td_map_cached(b->o->cache, p, &hw, &q, r, missing_bytes, err)
                          : td_map_best(p, &hw, &q, r, missing_bytes, err);
        if (s == TD_OK && hasty.objective < r->objective) *r = hasty; /* all is not always better */
        if (more || s != TD_OK || r->objective <= q.enough || r->stop == TD_STOP_PROVED) return s;
        hasty = *r;
        if (q.effort != TD_EFFORT_FULL) { /* all of the budget */
            const double lost = q.effort == TD_EFFORT_DRAFT ? HOPELESS : DOUBTFUL;
            if (r->objective <= lost * r->bound) return s;
            q.effort = TD_EFFORT_FULL;
            continue;
        }
        if (r->stop != TD_STOP_NODES || r->objective <= far * r->bound) return s;
        q.max_nodes *= again_if[kind].nodes;
        more = true;
    }
}

/* Asks, and puts the answer into the table for all masks that it can serve. *way: what it is like.
 */
static td_status learn(td__maker *b, int shape, unsigned chip, room at, td_map_objective objective,
                       td__way *out, int64_t *missing_bytes, td_error *err) {
    td_map_result r;
    td_status s = ask(b, shape, chip, at, objective, &r, missing_bytes, err);
    if (s != TD_OK) return s;
    if (objective == b->o->objective && (b->enough == 0 || r.objective < b->enough))
        b->enough = r.objective;
    td__way_of(b, shape, chip, &r.problem, &r.mapping, &r.cost, out);
    b->doubt = r.stop != TD_STOP_PROVED && r.objective > DOUBTFUL * r.bound;
    s = td__way_add(b, shape, chip, &r.problem, &r.mapping, &r.cost);
    if (s == TD_OK) s = td__way_finish(b, shape, chip, &r.problem, &r.mapping);
    const bool others = split(b) && !b->turn && b->again == NULL;
    for (unsigned to = 0; s == TD_OK && others && to <= TD_ALL_TENSORS; to++)
        if (to != chip && (to & ~b->home->may) == 0 &&
            own_bits(b, shape, to, false) <= b->home->pool)
            s = td__way_spread(b, shape, &r.problem, &r.mapping, to);
    return s;
}

/* The least energy may be slow enough for leakage to count: the fastest is asked for as well. */
static td_status learn_both(td__maker *b, int shape, unsigned chip, room at, td__way *out,
                            int64_t *missing_bytes, td_error *err) {
    td_status s = learn(b, shape, chip, at, b->o->objective, out, missing_bytes, err);
    td__way other;
    if (s == TD_OK && b->o->objective == TD_OBJ_ENERGY)
        s = learn(b, shape, chip, at, TD_OBJ_LATENCY, &other, missing_bytes, err);
    return s;
}

/* What a way is asked for. */
static double figure(const td__maker *b, const td__way *w) {
    return b->o->objective == TD_OBJ_ENERGY ? w->pj : fmax(w->cycles, w->dram);
}

/* A way of at most `bits` that the mapper could hardly improve: it moves what it must, and is as
 * fast as the fastest known with whatever on chip. */
static const td__way *served(const td__maker *b, int shape, unsigned chip, int64_t bits) {
    if (b->doubt || b->o->objective == TD_OBJ_ENERGY || !split(b)) return NULL;
    const td_problem *p = &b->shape[shape];
    const double slack = 1.02;
    double least = 0, fastest = INFINITY;
    for (int t = 0; t < TD_NTENSOR; t++)
        if (!(chip & TD_BIT(t))) least += (double)td_problem_words(p, (td_tensor)t) * p->bits[t];
    for (unsigned mask = 0; mask <= TD_ALL_TENSORS; mask++)
        for (int k = 0; k < b->table->of[shape][mask].n; k++)
            fastest = fmin(fastest, b->table->of[shape][mask].way[k].cycles);
    const td__ways *list = &b->table->of[shape][chip];
    for (int k = 0; k < list->n && list->way[k].bits <= bits; k++)
        if (list->way[k].cycles <= slack * fastest &&
            list->way[k].read + list->way[k].write <= slack * least)
            return &list->way[k];
    return NULL;
}

/* One mask: with all the room that it leaves, and if that is more than can always be had, with a
 * small share of it and so on upwards by fours, until a layer is as good in less or all it uses is
 * passed, and back by two. */
static td_status climb(td__maker *b, int shape, unsigned chip) {
    const td__home *h = b->home;
    const int64_t least = own_bits(b, shape, chip, false);
    int64_t own = own_bits(b, shape, chip, true), tiles = 64;
    if (chip != 0 && least >= h->pool) return TD_OK;
    if (own > least + (h->pool - least) / 2) own = least + (h->pool - least) / 2;
    const room all = room_of(b, own, chip, h->pool - own);
    const td__way *have = served(b, shape, chip, least + all.tiles * h->stores);
    td__way w;
    b->enough = 0; /* of more on chip it would say nothing of DRAM traffic, which ties decide */
    td_status s = have == NULL ? learn_both(b, shape, chip, all, &w, NULL, NULL) : TD_OK;
    if (s != TD_OK) return fatal(s) ? s : TD_OK; /* less room will not help */
    if (have != NULL) w = *have;
    if (h->home < 0 || all_fit(b, w.bits)) return TD_OK;
    const double best = figure(b, &w);
    const int64_t used = (w.bits - least) / (split(b) ? h->stores : 1);
    while (tiles * 2 * SMALLEST_SHARE <= h->pool / h->stores) tiles *= 2;
    const int64_t first = tiles, limit = used < all.tiles ? used : all.tiles;
    for (bool back = false;;) {
        if (tiles >= limit && !back && tiles > first) { /* too far */
            back = true;
            tiles /= 2;
        }
        if (tiles >= limit) return TD_OK;
        if (served(b, shape, chip, least + tiles * h->stores) != NULL) return TD_OK;
        s = learn_both(b, shape, chip, small_room(b, own, chip, tiles), &w, NULL, NULL);
        if (fatal(s)) return s;
        const bool as_good = s == TD_OK && figure(b, &w) <= best;
        if (back || (as_good && tiles == first)) return TD_OK;
        back = as_good;
        tiles = as_good ? tiles / 2 : tiles * 4;
    }
}

/* A turn of a stack, which has all on chip, with `home` bits there: with room for the whole turn,
 * then with what is little beside it and so on upwards, until it is as good in less. These rooms do
 * not depend on the pool: a larger one asks what a smaller one asked, and more. *beyond: an answer
 * has sums, or zeros of padded dims, at home. */
static td_status climb_turn(td__maker *b, int shape, unsigned chip, int64_t home, bool *beyond) {
    const int64_t stores = split(b) ? b->home->stores : 1, pool = b->home->pool;
    const int64_t least = own_bits(b, shape, chip, false);
    const int64_t whole = own_bits(b, shape, TD_ALL_TENSORS, true);
    int64_t most = 512, tiles = 64;
    while (most < whole) most *= 2;
    while (tiles * 2 * SMALL_TILES * stores <= least) tiles *= 2;
    td__way w;
    td_status s = learn_both(b, shape, chip, (room){most, home}, &w, NULL, NULL);
    if (s != TD_OK) return fatal(s) ? s : TD_OK; /* less room will not help */
    const double best = figure(b, &w);
    const int64_t used = w.bits - least;
    *beyond |= used > most * stores;
    for (; tiles * stores < used && tiles * stores <= pool - least; tiles *= 2) {
        s = learn_both(b, shape, chip, (room){tiles, home}, &w, NULL, NULL);
        if (fatal(s)) return s;
        if (s != TD_OK) continue;
        *beyond |= w.bits - least > tiles * stores;
        if (figure(b, &w) <= best) return TD_OK;
    }
    return TD_OK;
}

/* What stands at home beside a turn's tensors may be worth more to others: it is asked for with
 * half of it as well, and without. */
static td_status climb_turns(td__maker *b, int shape, unsigned chip) {
    const int64_t least = own_bits(b, shape, chip, false), own = own_bits(b, shape, chip, true);
    if (least >= b->home->pool) return TD_OK;
    bool beyond = false;
    b->enough = 0;
    td_status s = climb_turn(b, shape, chip, own, &beyond);
    if (!split(b) || !beyond) return s;
    if (s == TD_OK) s = climb_turn(b, shape, chip, least + (own - least) / 2, &beyond);
    return s == TD_OK ? climb_turn(b, shape, chip, least, &beyond) : s;
}

/* Activations that cannot be on chip in any step of a shape, as the network's input and output. */
static unsigned never_on_chip(const td__maker *b, int shape) {
    const td__sched_plan *p = b->plan;
    unsigned never = TD_BIT(TD_I) | TD_BIT(TD_O);
    for (int i = 0; i < p->n; i++) {
        if (p->step[i].shape != shape) continue;
        if (p->value[p->step[i].in[0]].stay) never &= ~(unsigned)TD_BIT(TD_I);
        if (p->value[p->step[i].value].stay) never &= ~(unsigned)TD_BIT(TD_O);
    }
    return never;
}

/* ---- one layer ----------------------------------------------------------------------------------
 */

/* Tensors of a step that stand on chip when all do that may. */
static unsigned natural_mask(const td__maker *b, const td__step *s) {
    const td__value *v = b->plan->value;
    unsigned mask = (v[s->in[0]].stay ? TD_BIT(TD_I) : 0) | (v[s->value].stay ? TD_BIT(TD_O) : 0) |
                    TD_BIT(TD_W);
    return mask & b->home->may;
}

enum { MASK_BITS = 4, MASK_SET = 8 };

/* td__maker.asked of a layer: each of its natural masks once. */
static uint64_t natural_masks(const td__maker *b, int shape) {
    const td__sched_plan *p = b->plan;
    uint64_t asked = 0;
    unsigned seen = 0;
    int n = 0;
    for (int i = 0; i < p->n; i++) {
        if (p->step[i].shape != shape) continue;
        unsigned mask = natural_mask(b, &p->step[i]);
        if (!(seen >> mask & 1)) asked |= (uint64_t)(mask | MASK_SET) << MASK_BITS * n++;
        seen |= 1u << mask;
    }
    return asked;
}

/* The room that demands leave: `at` comes from `bits` of the pool, and would from a little more or
 * less. */
static void same_room(td__maker *b, room at, int64_t bits) {
    const td__home *h = b->home;
    const int64_t step = td__room_step(h->pool / h->stores);
    int64_t grain = step > 0 && at.tiles >= step ? step : 8, least = at.tiles * h->stores;
    int64_t most = least + grain * h->stores - 1;
    if (bits < least || bits > most) least = most = bits; /* the other half is for home */
    if (b->demand - (most - bits) > b->least_demand) b->least_demand = b->demand - (most - bits);
    if (b->demand + (bits - least) < b->most_demand) b->most_demand = b->demand + (bits - least);
}

/* Roomy accelerators. *done: the layer runs so, and the mapper is not far from its bound; otherwise
 * other questions may find what this one missed. *answered: the masks with an answer, as bits. */
static td_status natural(td__maker *b, int shape, bool *done, unsigned *answered) {
    *done = true;
    for (uint64_t asked = b->asked; asked != 0 && *done; asked >>= MASK_BITS) {
        unsigned mask = asked & TD_ALL_TENSORS;
        /* What all others may take, and the layer's own tensors amply. */
        int64_t own = own_bits(b, shape, mask, true);
        int64_t ample = own - own_bits(b, shape, mask, false);
        bool tight = !all_fit(b, 2 * ample + 1);
        int64_t left = b->home->pool - b->demand - (tight ? 0 : ample);
        room at = room_of(b, own, mask, left);
        same_room(b, at, left);
        td__way w;
        b->natural = true;
        b->enough = 0;
        td_status s = learn_both(b, shape, mask, at, &w, NULL, NULL);
        b->natural = false;
        if (s == TD_OK) *answered |= 1u << mask;
        if (s == TD_OK && tight) { /* small tiles and sums at home may do better */
            at = next_room(b, own, mask, at, at.tiles / 4);
            if (at.tiles > 0) s = learn_both(b, shape, mask, at, &w, NULL, NULL);
            if (s == TD_E_INFEASIBLE) s = TD_OK; /* the first answer stands */
        }
        if (fatal(s)) return s;
        *done = s == TD_OK && !b->doubt;
    }
    return TD_OK;
}

/* Tensors more on chip should never cost cycles there; where the mapper (or its node budget) says
 * so, the loops that it found without them do better. */
static td_status mend(td__maker *b, int shape) {
    if (!split(b)) return TD_OK;
    double fastest[TD_ALL_TENSORS + 1];
    for (unsigned mask = 0; mask <= TD_ALL_TENSORS; mask++) {
        const td__ways *list = &b->table->of[shape][mask];
        fastest[mask] = INFINITY;
        for (int k = 0; k < list->n; k++) fastest[mask] = fmin(fastest[mask], list->way[k].cycles);
    }
    for (unsigned from = 0; from < TD_ALL_TENSORS; from++)
        for (int t = 0; t < TD_NTENSOR; t++) {
            unsigned to = from | TD_BIT(t);
            const td__ways *list = &b->table->of[shape][from];
            if (to == from || (to & ~b->home->may) != 0 || fastest[to] <= fastest[from]) continue;
            if (own_bits(b, shape, to, false) > b->home->pool) continue;
            for (int k = 0; k < list->n; k++) {
                td_status s =
                    td__way_spread(b, shape, list->way[k].problem, list->way[k].mapping, to);
                if (s != TD_OK) return s;
            }
        }
    return TD_OK;
}

static td_status build_turn(td__maker *b, int shape) {
    b->doubt = false;
    for (unsigned chip = 0; chip <= TD_ALL_TENSORS; chip++)
        if (b->asked >> chip & 1) {
            td_status s = climb_turns(b, shape, chip);
            if (s != TD_OK) return s;
        }
    return TD_OK;
}

/* Where home and tiles are apart: all tensors on chip, activations, none, weights, of each what can
 * be there; and where they take half of the pool or more, also without one of the activations. */
static int pivots_of(const td__maker *b, int shape, unsigned mask[TD__MASKS]) {
    static const unsigned pivots[] = {7, TD_BIT(TD_I) | TD_BIT(TD_O), 0, TD_BIT(TD_W)};
    int n = 0;
    for (size_t k = 0; k < sizeof pivots / sizeof *pivots; k++) {
        const unsigned all = pivots[k] & b->home->may & ~b->never;
        const int64_t own = own_bits(b, shape, all, false);
        if (own < b->home->pool) mask[n++] = all;
        for (int t = TD_I; t <= TD_O && own >= b->home->pool / 2; t++)
            if (all & TD_BIT(t)) mask[n++] = all & ~(unsigned)TD_BIT(t);
    }
    return n;
}

static td_status climb_masks(td__maker *b, int shape, unsigned answered) {
    unsigned mask[TD__MASKS];
    int n = 0;
    for (int k = TD_ALL_TENSORS; k >= 0 && !split(b); k--)
        if (((unsigned)k & (~b->home->may | b->never)) == 0) mask[n++] = (unsigned)k;
    if (split(b)) n = pivots_of(b, shape, mask);
    td_status s = TD_OK;
    for (int k = 0; k < n && s == TD_OK; k++) {
        if (answered >> mask[k] & 1) continue;
        answered |= 1u << mask[k];
        s = climb(b, shape, mask[k]);
    }
    return s;
}

/* A layer that a schedule has, asked for once more with the room that it can have there. */
static td_status build_again(td__maker *b, int shape) {
    td__way w;
    unsigned chip = 0;
    while (!(b->asked >> chip & 1)) chip++;
    b->enough = 0;
    const room at = {b->again->tiles, b->again->home};
    td_status s = learn_both(b, shape, chip, at, &w, NULL, NULL);
    return s == TD_E_MEMORY ? s : TD_OK; /* without an answer it stays as it is */
}

static td_status build_shape(td__maker *b, int shape, int64_t *missing_bytes, td_error *err) {
    if (b->again != NULL) return build_again(b, shape);
    if (b->turn) return build_turn(b, shape);
    unsigned answered = 0;
    bool done = false;
    td_status s = TD_OK;
    b->doubt = false;
    if (b->roomy) s = natural(b, shape, &done, &answered);
    if (s == TD_OK && !done) s = climb_masks(b, shape, answered);
    if (s == TD_OK && b->table->of[shape][0].n == 0 && !done) {
        /* With nothing on chip tiles have the most room: if that does not do, nothing does. */
        td__way w;
        b->enough = 0;
        s = learn_both(b, shape, 0, room_of(b, 0, 0, b->home->pool), &w, missing_bytes, err);
    }
    return s == TD_OK ? mend(b, shape) : s;
}

td_status td__table_shape(td__maker *b, int shape, int64_t *missing_bytes, td_error *err) {
    td__ways **of = &b->table->of[shape];
    td__layer_memo *memo = b->memory.memo;
    const td__layer_key key = {.hw = b->memory.number,
                               .problem = &b->shape[shape],
                               .value = b->value[shape],
                               .asked = b->asked | (b->turn ? OF_STACKS : 0) |
                                        (b->again != NULL ? OF_AGAIN : 0) |
                                        (uint64_t)b->never << NEVER_AT,
                               .home = b->again != NULL ? b->again->home : 0,
                               .tiles = b->again != NULL ? b->again->tiles : 0,
                               .demand = b->demand};
    td_status s = TD_OK;
    if (memo != NULL) *of = td__layer_memo_find(memo, &key, &s, missing_bytes, err);
    if (*of != NULL) return s;
    *of = TD_NEW(b->arena, td__ways, TD__MASKS);
    if (*of == NULL) return TD_E_MEMORY;
    b->least_demand = 0;
    b->most_demand = INT64_MAX;
    td_error why = {0};
    int64_t missing = 0;
    s = build_shape(b, shape, &missing, &why);
    if (memo != NULL && !fatal(s))
        td__layer_memo_put(memo, &key, b->least_demand, b->most_demand, *of, s, missing, &why);
    if (s != TD_OK && missing_bytes != NULL) *missing_bytes = missing;
    if (s != TD_OK && err != NULL) *err = why;
    return s;
}

/* Mappings are not remembered. */
static td__memory memory_of(const td_hw *hw, const td_schedule_options *o, bool mappings) {
    td__memory m = {.memo = NULL};
    if (o->cache == NULL || mappings) return m;
    m.memo = td__map_cache_layers(o->cache);
    m.number = m.memo != NULL ? td__layer_memo_hw(m.memo, hw, o) : 0;
    return m.number != 0 ? m : (td__memory){.memo = NULL};
}

td_status td__table_build(const td__sched_plan *p, const td_hw *hw, const td__home *h,
                          const td_schedule_options *o, bool mappings, td_arena *a, td__table *out,
                          int64_t *missing_bytes, td_error *err) {
    *out = (td__table){.of = TD_NEW(a, td__ways *, p->n_shape > 0 ? p->n_shape : 1)};
    if (out->of == NULL) return td_fail(err, TD_E_MEMORY, "out of memory for the schedule");
    td__maker b = {.plan = p,
                   .shape = p->shape,
                   .value = p->shape_value,
                   .hw = hw,
                   .home = h,
                   .o = o,
                   .arena = a,
                   .table = out};
    if (h->home >= 0) b.demand = td__sched_plan_demand(p, h->may);
    b.roomy = split(&b) && b.demand <= h->pool / 2;
    out->memory = b.memory = memory_of(hw, o, mappings);
    for (int shape = 0; shape < p->n_shape; shape++) {
        b.asked = b.roomy ? natural_masks(&b, shape) : 0;
        b.never = never_on_chip(&b, shape);
        td_status s = td__table_shape(&b, shape, missing_bytes, err);
        if (s == TD_E_MEMORY) td_fail(err, s, "out of memory for the schedule");
        const td_layer *layer = td_net_layer(p->net, p->step[p->shape_step[shape]].layer);
        if (s != TD_OK && s != TD_E_MEMORY) td_error_prefix(err, "layer %s", layer->name);
        if (s != TD_OK) return s;
    }
    return TD_OK;
}

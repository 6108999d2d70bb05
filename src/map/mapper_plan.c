/* Which roots are searched, and in which order. */
#include "mapper_plan.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_KEEPS = 1 << 20 };

/* ---- keep masks ------------------------------------------------------------------------------ */

/* A tile has at least a word of each tensor, but for inputs that are nothing but made zeros. */
static bool has_room(const td__space *z, int level, unsigned keep) {
    static const int32_t one[TD_NDIM] = {1, 1, 1, 1, 1, 1, 1, 1};
    double bits = 0;
    for (int t = 0; t < TD_NTENSOR; t++)
        if (keep & TD_BIT(t)) bits += td__tile_bits(z, &z->p, one, t, z->narrow);
    return bits <= z->usable[level];
}

static td_status list_chains(const td__space *z, td_arena *a, td__plan *plan, td_error *err) {
    plan->chain = (uint8_t(*)[TD_NTENSOR])td_arena_alloc(a, (size_t)plan->n_all * TD_NTENSOR);
    if (plan->chain == NULL) return td_fail(err, TD_E_MEMORY, "mapper: out of memory");
    int16_t number[TD_NTENSOR][1 << TD_MAX_LEVELS];
    memset(number, -1, sizeof number);
    for (int i = 0; i < plan->n_all; i++)
        for (int t = 0; t < TD_NTENSOR; t++) {
            unsigned levels = 0;
            for (int l = 0; l < z->n; l++)
                if (plan->keep[i][l] & TD_BIT(t)) levels |= TD_BIT(l);
            int16_t *k = &number[t][levels];
            if (*k < 0) {
                *k = (int16_t)plan->n_chain[t]++;
                plan->levels[t][*k] = (uint8_t)levels;
            }
            plan->chain[i][t] = (uint8_t)*k;
        }
    for (int t = 0; t < TD_NTENSOR; t++)
        if ((plan->toll[t] = TD_NEW(a, td__toll, plan->n_chain[t])) == NULL)
            return td_fail(err, TD_E_MEMORY, "mapper: out of memory");
    return TD_OK;
}

td_status td__plan_keeps(const td__space *z, td_arena *a, td__plan *plan, td_error *err) {
    int of[TD_MAX_LEVELS], n = 1;
    uint8_t mask[TD_MAX_LEVELS][8];
    for (int l = 0; l < z->n; l++) {
        of[l] = 0;
        for (int k = TD_ALL_TENSORS; k >= 0; k--)
            if (!(k & ~z->may[l]) && !(z->must[l] & ~k)) mask[l][of[l]++] = (uint8_t)k;
        if (n > MAX_KEEPS / of[l])
            return td_fail(
                err, TD_E_UNSUPPORTED,
                "mapper: more than %d combinations of what the levels keep; expected fewer "
                "levels, or masks that are fixed by the query",
                MAX_KEEPS);
        n *= of[l];
    }
    plan->keep = (uint8_t(*)[TD_MAX_LEVELS])td_arena_alloc(a, (size_t)n * TD_MAX_LEVELS);
    if (plan->keep == NULL) return td_fail(err, TD_E_MEMORY, "mapper: out of memory");
    /* Those with room for a word of everything come first. */
    plan->n_all = n;
    plan->n_keep = 0;
    int others = n;
    for (int i = 0; i < n; i++) {
        uint8_t keep[TD_MAX_LEVELS];
        int rest = i;
        bool room = true;
        for (int l = 0; l < z->n; l++) {
            keep[l] = mask[l][rest % of[l]];
            rest /= of[l];
            room &= has_room(z, l, keep[l]);
        }
        memcpy(plan->keep[room ? plan->n_keep++ : --others], keep, (size_t)z->n);
    }
    return list_chains(z, a, plan, err);
}

/* ---- lists of roots -------------------------------------------------------------------------- */

static bool before(const td__entry *a, const td__entry *b) {
    if (td__map_better(a->least, b->least)) return true;
    if (td__map_better(b->least, a->least)) return false;
    return a->order < b->order;
}

/* A heap with the worst on top, so that the best `max` stay. */
static void sift(td__plan *plan, int i) {
    for (;;) {
        int k = 2 * i + 1;
        if (k >= plan->n) return;
        if (k + 1 < plan->n && before(&plan->entry[k], &plan->entry[k + 1])) k++;
        if (!before(&plan->entry[i], &plan->entry[k])) return;
        td__entry e = plan->entry[i];
        plan->entry[i] = plan->entry[k];
        plan->entry[k] = e;
        i = k;
    }
}

static void offer(td__search *s, td__plan *plan, const td__entry *e) {
    if (plan->n < plan->max) {
        int i = plan->n++;
        plan->entry[i] = *e;
        while (i > 0 && before(&plan->entry[(i - 1) / 2], &plan->entry[i])) {
            td__entry x = plan->entry[i];
            plan->entry[i] = plan->entry[(i - 1) / 2];
            plan->entry[(i - 1) / 2] = x;
            i = (i - 1) / 2;
        }
        return;
    }
    if (before(e, &plan->entry[0])) {
        td__leave(s, plan->entry[0].least[0]);
        plan->entry[0] = *e;
        sift(plan, 0);
    } else {
        td__leave(s, e->least[0]);
    }
}

static int by_least(const void *a, const void *b) {
    return before(a, b) ? -1 : before(b, a) ? 1 : 0;
}

/* What the fans of some levels do together. */
typedef struct {
    int32_t spread[TD_NDIM], steps[TD_NDIM]; /* product of factors; in time, with these alone */
    double compute, total;
} reach;

typedef struct {
    td__search *s;
    td__plan *plan;
    const td__part *part;
    const td__fan *fan[TD_MAX_LEVELS];
    uint16_t index[TD_MAX_LEVELS];
    double room[TD_MAX_LEVELS + 1]; /* largest fan-out of levels < l */
    bool counting;
    uint64_t count, limit;
    double macs;
    td__products x;
    td_problem padded; /* of the fans that are ranked */
} walker;

/* The least tiles at a bounded level: loops in time stand further out wherever they may. */
typedef struct {
    int32_t e[TD_NDIM];
    double w, i, sums, finished; /* bits; w and i where they may be kept */
    double fetches[TD_NTENSOR];  /* see least_fetches; 0: not known yet */
} tiles;

static void least_tiles(const td__space *z, const td__products *x, tiles of[TD_MAX_LEVELS]) {
    int32_t inner[TD_NDIM] = {1, 1, 1, 1, 1, 1, 1, 1};
    const int32_t *n = x->p->dim;
    for (int l = 0; l < z->n; l++) {
        const td__fan *f = x->fan[l];
        for (int d = 0; d < TD_NDIM; d++) inner[d] *= f->f[d];
        if (z->usable[l] == INFINITY) continue;
        tiles *t = &of[l];
        memcpy(t->e, inner, sizeof inner);
        if (z->inward[l] != 0)
            for (int i = 0; i < z->n_active; i++) {
                int d = z->active[i];
                if (z->inward[l] & TD_BIT(d)) t->e[d] = n[d] / x->out[l + 1][d];
            }
        const unsigned may = z->may[l];
        t->w = may & TD_BIT(TD_W) ? td__tile_bits(z, x->p, t->e, TD_W, false) : 0;
        t->i = may & TD_BIT(TD_I) ? td__tile_bits(z, x->p, t->e, TD_I, false) : 0;
        t->sums = td__tile_bits(z, x->p, t->e, TD_O, true);
        t->finished = t->sums / z->bits[TD__SUMS] * z->bits[TD_O];
        t->fetches[TD_W] = t->fetches[TD_O] = 0;
    }
}

/* By how much the block of tensor t can still grow in the tile of a level. */
static double growth(const td__products *x, const tiles *of, int l, int t) {
    return td__block_of(x->p->dim, t) / (td__block_of(of[l].e, t) * td__block_of(x->out[l + 1], t));
}

/* Levels out of which outputs come as partial sums whatever the loops: they must keep W, and have
 * no room for all that is summed over. As td__chain_toll wants it. */
static unsigned forced_sums(const td__space *z, const td__products *x,
                            const tiles of[TD_MAX_LEVELS]) {
    unsigned sums = 0;
    for (int l = 0; l < z->n; l++)
        if (z->usable[l] < INFINITY && (z->must[l] & TD_BIT(TD_W)) &&
            growth(x, of, l, TD_O) * of[l].w > z->usable[l])
            sums |= TD_BIT(l + 1);
    return sums;
}

/* Least number of times that the words of W (O) enter the innermost keeper of both if the loops
 * outside of it are not arranged for W (O): one of the two at least comes so often. */
static double least_fetches(const td__space *z, const td__products *x, tiles of[TD_MAX_LEVELS],
                            int l, int t) {
    if (z->usable[l] == INFINITY) return 1;
    tiles *v = &of[l];
    if (v->fetches[t] > 0) return v->fetches[t]; /* many keep masks ask */
    double o = x->sums || v->sums < v->finished ? v->sums : v->finished;
    double most = t == TD_W ? (z->usable[l] - v->w) / o : (z->usable[l] - o) / v->w;
    double n = ceil(growth(x, of, l, t) / (most > 1 ? most : 1) * (1 - 1e-12));
    return v->fetches[t] = n > 1 ? n : 1;
}

static inline double lesser(double a, double b) {
    return b < a ? b : a;
}

/* a = the lesser of each figure. */
static void toll_min(const td__space *z, td__toll *a, const td__toll *b) {
    a->pj = lesser(a->pj, b->pj);
    a->skew = lesser(a->skew, b->skew);
    for (int i = 0; i < z->n_limits; i++) a->cycles[i] = lesser(a->cycles[i], b->cycles[i]);
}

/* Costs of all chains; in `sum` the least of each figure. */
static void toll_chains(walker *w, unsigned sums, td__toll *sum) {
    const td__space *z = w->s->z;
    td__toll_set(z, sum, 0);
    sum->pj = w->x.macs * z->mac_pj;
    sum->skew = z->skew;
    for (int t = 0; t < TD_NTENSOR; t++) {
        td__toll least;
        td__toll_set(z, &least, INFINITY);
        for (int k = 0; k < w->plan->n_chain[t]; k++) {
            td__toll *c = &w->plan->toll[t][k];
            td__toll_set(z, c, 0);
            td__chain_toll(z, &w->x, t, w->plan->levels[t][k], sums, c);
            toll_min(z, &least, c);
        }
        td__toll_add(z, sum, 1, &least);
    }
}

/* Bits of W and I that a level keeps; whole: with all of C, R and S in the tile. */
static double kept_inputs(const td__space *z, const td__products *x, const tiles *t, int level,
                          unsigned keep, bool whole) {
    if (!whole) return (keep & TD_BIT(TD_W) ? t->w : 0) + (keep & TD_BIT(TD_I) ? t->i : 0);
    int32_t e[TD_NDIM];
    memcpy(e, t->e, sizeof e);
    for (int d = 0; d < TD_NDIM; d++)
        if (TD__REDUCED & TD_BIT(d)) e[d] = x->p->dim[d] / x->out[level + 1][d];
    return (keep & TD_BIT(TD_W) ? td__tile_bits(z, x->p, e, TD_W, false) : 0) +
           (keep & TD_BIT(TD_I) ? td__tile_bits(z, x->p, e, TD_I, false) : 0);
}

/* Where outputs fit only if they arrive finished, all reductions stand inside the next keeper, and
 * all tiles from there on hold all of C, R and S. */
static bool has_tiles(const td__space *z, const td__products *x, const tiles of[TD_MAX_LEVELS],
                      unsigned forced, const uint8_t keep[TD_MAX_LEVELS]) {
    int inside = z->n; /* level that holds all of C, R and S */
    for (int round = 0; round < 2; round++) {
        int before = inside, child = -1;
        for (int l = 0; l < z->n; l++) {
            bool outputs = keep[l] & TD_BIT(TD_O);
            if (z->usable[l] < INFINITY) {
                double bits = kept_inputs(z, x, &of[l], l, keep[l], l >= inside);
                bool sums =
                    child < 0 ? x->sums : x->sums_above[child + 1] || (forced & TD_BIT(child + 1));
                if (outputs) {
                    double room = z->usable[l] - bits;
                    if (of[l].sums > room && (sums || of[l].finished > room)) return false;
                    if (!sums && of[l].sums > room && child < inside) inside = child;
                } else if (bits > z->usable[l]) {
                    return false;
                }
            }
            if (outputs) child = l;
        }
        if (inside == before) break;
    }
    return true;
}

/* For any mask: what must be kept, outputs as if they were finished (a keeper more of them inside
 * can make them so). */
static bool may_have_tiles(const td__space *z, const tiles of[TD_MAX_LEVELS]) {
    for (int l = 0; l < z->n; l++) {
        if (z->usable[l] == INFINITY) continue;
        const tiles *t = &of[l];
        unsigned keep = z->must[l];
        double bits = (keep & TD_BIT(TD_W) ? t->w : 0) + (keep & TD_BIT(TD_I) ? t->i : 0);
        if (keep & TD_BIT(TD_O)) bits += t->finished < t->sums ? t->finished : t->sums;
        if (bits > z->usable[l]) return false;
    }
    return true;
}

/* Would not find a place in the list, which is noted if it could have been better. */
static bool dropped(walker *w, const double least[2]) {
    td__plan *plan = w->plan;
    if (td__hopeless(w->s, least)) return true;
    if (plan->of_keep != NULL || plan->n < plan->max ||
        !td__map_better(plan->entry[0].least, least))
        return false;
    td__leave(w->s, least[0]);
    return true;
}

/* Cannot find a place in any list, whatever it costs beyond its bound. */
static bool no_place(const walker *w, const td__entry *e) {
    const td__plan *plan = w->plan;
    if (plan->of_keep != NULL && td__map_better(e->least, plan->of_keep[e->keep].least))
        return false;
    return td__hopeless(w->s, e->least) ||
           (plan->n == plan->max && !td__map_better(e->least, plan->entry[0].least));
}

/* Ranks one set of fans with all keep masks. */
static void rank(walker *w, td__entry *e) {
    td__search *s = w->s;
    td__plan *plan = w->plan;
    const td__space *z = s->z;
    td__products *x = &w->x;
    if (x->compute > z->max_compute) return;
    s->nodes++;
    td__multiply(z, x);
    tiles of[TD_MAX_LEVELS];
    least_tiles(z, x, of);
    unsigned forced = forced_sums(z, x, of);
    if (!may_have_tiles(z, of)) return;
    td__toll sum;
    toll_chains(w, forced, &sum);
    td__toll_least(z, x->compute, &sum, e->least);
    if (dropped(w, e->least)) return;
    int n = w->part->keep != NULL ? w->part->n_keep : plan->n_keep;
    double mac_pj = x->macs * z->mac_pj;
    for (int i = 0; i < n; i++) {
        e->keep = w->part->keep != NULL ? w->part->keep[i] : i;
        const uint8_t *chain = plan->chain[e->keep];
        const td__toll *a = &plan->toll[TD_W][chain[TD_W]], *b = &plan->toll[TD_I][chain[TD_I]],
                       *c = &plan->toll[TD_O][chain[TD_O]];
        td__toll all;
        all.pj = mac_pj + a->pj + b->pj + c->pj;
        all.skew = z->skew + a->skew + b->skew + c->skew;
        for (int k = 0; k < z->n_limits; k++)
            all.cycles[k] = a->cycles[k] + b->cycles[k] + c->cycles[k];
        td__toll_least(z, x->compute, &all, e->least);
        if (!s->thorough && no_place(w, e)) continue; /* a proof has to know what was left out */
        if (!has_tiles(z, x, of, forced, plan->keep[e->keep])) continue;
        unsigned lw = plan->levels[TD_W][chain[TD_W]], lo = plan->levels[TD_O][chain[TD_O]];
        if ((lw & -lw) == (lo & -lo)) {
            int level = __builtin_ctz(lw);
            double nw = least_fetches(z, x, of, level, TD_W);
            double no = nw > 1 ? least_fetches(z, x, of, level, TD_O) : 1;
            if (no > 1) {
                double v[2][2];
                td__toll more = all, last;
                td__last_toll(z, x, TD_W, lw, forced, &last);
                td__toll_add(z, &more, nw - 1, &last);
                td__toll_least(z, x->compute, &more, v[0]);
                more = all;
                td__last_toll(z, x, TD_O, lo, forced, &last);
                td__toll_add(z, &more, no - 1, &last);
                td__toll_least(z, x->compute, &more, v[1]);
                memcpy(e->least, v[td__map_better(v[1], v[0])], sizeof e->least);
            }
        }
        e->order = plan->seen++;
        if (plan->of_keep != NULL && before(e, &plan->of_keep[e->keep]))
            plan->of_keep[e->keep] = *e;
        if (!dropped(w, e->least)) offer(s, plan, e);
    }
}

static bool same_fans(const td__fan *const a[], const td__fan *const b[], int n) {
    for (int l = 0; l < n; l++)
        for (int d = 0; d < TD_NDIM && a[l] != b[l]; d++)
            if (a[l]->x[d] != b[l]->x[d] || a[l]->y[d] != b[l]->y[d]) return false;
    return true;
}

static void visit(walker *w, const reach *all) {
    const td__space *z = w->s->z;
    td__products *x = &w->x;
    td__entry e = {.trim = TD__AS_IS};
    memcpy(e.index, w->index, sizeof e.index);
    unsigned wasted = 0;
    for (int i = 0; i < z->n_active; i++) {
        int d = z->active[i];
        if (all->steps[d] * all->spread[d] != z->p.dim[d]) wasted |= TD_BIT(d);
    }
    memcpy(x->fan, w->fan, sizeof x->fan);
    x->p = &z->p;
    x->compute = all->compute;
    if (!wasted && !z->imperfect) {
        rank(w, &e);
        return;
    }
    if (wasted & z->whole) return;
    bool any;
    td__fan own[2][TD_MAX_LEVELS];
    const td__fan *kept[TD_MAX_LEVELS];
    int32_t time[TD_NDIM];
    x->p = &w->padded;
    const int first = w->part->trim && !z->imperfect ? TD__TRIM_INNER : TD__AS_IS;
    const int last = z->imperfect ? TD__SMOOTH : w->part->trim ? TD__TRIM_OUTER : TD__AS_IS;
    for (int i = first; i <= last; i++) {
        if (z->imperfect && i != TD__AS_IS && i != TD__SMOOTH) continue;
        memcpy(x->fan, w->fan, sizeof x->fan);
        e.trim = (uint8_t)i;
        if (!td__pad_fans(z, x->fan, own[i == TD__TRIM_OUTER], all->spread, i, &w->padded, time,
                          &any))
            return;
        if (e.trim == TD__TRIM_OUTER && same_fans(x->fan, kept, z->n)) return;
        if (e.trim == TD__SMOOTH && !any) return;
        memcpy(kept, x->fan, sizeof kept);
        x->compute = 1;
        for (int d = 0; d < TD_NDIM; d++) x->compute *= time[d];
        rank(w, &e);
    }
}

/* in: `out` and one fan more. */
static void reach_further(const td__space *z, const reach *out, const td__fan *f, reach *in) {
    *in = *out;
    in->total *= f->total;
    in->compute = 1;
    for (int i = 0; i < z->n_active; i++) {
        int d = z->active[i];
        if (f->dims & TD_BIT(d)) {
            in->spread[d] *= f->f[d];
            in->steps[d] = (z->p.dim[d] + in->spread[d] - 1) / in->spread[d];
        }
        in->compute *= in->steps[d];
    }
}

/* No fan of this size helps, however well it fits the dims: sizes take few values, so that most of
 * a list is told without a look at the factors. Whatever this says is hopeless, so are the steps
 * that walk() counts: they are no fewer, rounding included. */
static bool too_small(const walker *w, int level, const reach *out, int32_t total) {
    const td__space *z = w->s->z;
    double least[2], steps = w->macs / (out->total * total);
    td__map_objectives(z, z->least_pj, steps / w->room[level] * (1 - 1e-12), least);
    return td__hopeless(w->s, least);
}

/* Levels from the outermost inwards; what all inner fans together could do bounds the cycles. */
static void walk(walker *w, int level, const reach *out) {
    td__search *s = w->s;
    const td__space *z = s->z;
    if (level < 0) {
        w->count++;
        if (!w->counting) visit(w, out);
        if (s->nodes >= s->max_nodes) s->stop = true;
        return;
    }
    const int step = w->part->step[level] > 1 ? w->part->step[level] : 1;
    int32_t small = 1, large = INT32_MAX; /* sizes known to be too small, and not to be */
    for (int k = w->part->from[level]; k < w->part->to[level]; k += step) {
        if (s->stop || w->count > w->limit) return;
        const td__fan *f = &z->fan[level][k];
        w->fan[level] = f;
        w->index[level] = (uint16_t)k;
        if (f->total == 1) {
            walk(w, level - 1, out);
            continue;
        }
        if (f->total < large && f->total > small) {
            if (too_small(w, level, out, f->total))
                small = f->total;
            else
                large = f->total;
        }
        if (f->total <= small) continue;
        reach in;
        double least[2];
        reach_further(z, out, f, &in);
        td__map_objectives(z, z->least_pj, in.compute / w->room[level], least);
        if (w->counting ? !td__hopeless(s, least) : !dropped(w, least)) walk(w, level - 1, &in);
    }
}

static void start(walker *w, td__search *s, const td__part *part) {
    const td__space *z = s->z;
    w->s = s;
    w->part = part;
    td__products_init(&w->x);
    w->room[0] = 1;
    for (int l = 0; l < z->n; l++) {
        int32_t most = 1;
        for (int i = part->from[l]; i < part->to[l]; i++)
            if (z->fan[l][i].total > most) most = z->fan[l][i].total;
        w->room[l + 1] = w->room[l] * most;
    }
    reach none = {.compute = 1, .total = 1};
    for (int d = 0; d < TD_NDIM; d++) {
        none.spread[d] = 1;
        none.steps[d] = z->p.dim[d];
        none.compute *= z->p.dim[d];
    }
    w->macs = none.compute;
    walk(w, z->n - 1, &none);
}

void td__plan_roots(td__search *s, td__plan *plan, const td__part *part) {
    walker w = {.plan = plan, .limit = UINT64_MAX};
    plan->n = 0;
    for (int i = 0; i < plan->n_keep && plan->of_keep != NULL; i++)
        plan->of_keep[i].least[0] = plan->of_keep[i].least[1] = INFINITY;
    start(&w, s, part);
    qsort(plan->entry, (size_t)plan->n, sizeof *plan->entry, by_least);
    if (plan->of_keep != NULL)
        qsort(plan->of_keep, (size_t)plan->n_keep, sizeof *plan->of_keep, by_least);
}

uint64_t td__plan_count(td__search *s, const td__part *part, uint64_t limit) {
    walker w = {.counting = true, .limit = limit};
    start(&w, s, part);
    return w.count;
}

bool td__plan_open(const td__space *z, const td__plan *plan, const td__entry *e, td__root *r) {
    bool wasted;
    for (int l = 0; l < z->n; l++) r->fan[l] = z->fan[l][e->index[l]];
    memcpy(r->keep, plan->keep[e->keep], sizeof r->keep);
    memcpy(r->least, e->least, sizeof r->least);
    return td__root_fans(z, r->fan, e->trim, &r->p, r->time, &wasted) && td__root_build(z, r);
}

/* The choices of one level.
 *
 * For each stationary tensor the dims that it depends on come first: what the level costs follows
 * from them, and only grows with them. The dims of its block cost nothing there; they take the
 * largest tile that fits (a smaller one would only mean that the innermost loop of this level could
 * as well be the outermost of the next). Not so where strides skip lines of the input: a larger
 * tile has them, a smaller one may do without. */
#include "mapper_level.h"

#include <stdlib.h>
#include <string.h>

/* ---- divisors -------------------------------------------------------------------------------- */

static const td__divisors *divisors(td__search *s, int32_t v) {
    td__divisors **slot = &s->memo[(uint32_t)v % TD__MEMO];
    if (*slot != NULL && (*slot)->value == v) return *slot;
    int32_t low[1024], high[1024]; /* a number below 2^31 has at most 1536 divisors */
    int n = 0, k = 0;
    for (int32_t i = 1; (int64_t)i * i <= v; i++)
        if (v % i == 0) {
            low[n++] = i;
            if (i != v / i) high[k++] = v / i;
        }
    td__divisors *m = td_arena_alloc(s->arena, sizeof *m + sizeof m->list[0] * (size_t)(n + k));
    if (m == NULL) {
        s->stop = s->memory = true;
        return NULL;
    }
    m->value = v;
    m->n = n + k;
    memcpy(m->list, low, sizeof *low * (size_t)n);
    for (int i = 0; i < k; i++) m->list[n + i] = high[k - 1 - i];
    return *slot = m;
}

/* Tiles further in fit with the loops that have no place outside of them. */
static bool forced_fit(const td__level *w) {
    const td__space *z = w->s->z;
    const td__root *r = w->r;
    for (int k = w->i + 2; k < r->m && w->forced[k] != 0; k++) {
        const int l = r->level[k];
        if (z->usable[l] == INFINITY) continue;
        int32_t tile[TD_NDIM];
        for (int d = 0; d < TD_NDIM; d++) {
            tile[d] = r->inner[l + 1][d];
            if (w->forced[k] & TD_BIT(d)) tile[d] *= w->tile[d] / r->inner[w->child + 1][d];
        }
        double bits = 0;
        for (int t = 0; t < TD_NTENSOR; t++)
            if (r->keep[l] & TD_BIT(t))
                bits += td__tile_bits(z, &r->p, tile, t, z->narrow || r->sums[l]);
        if (bits > z->usable[l]) return false;
    }
    return true;
}

/* The child's tiles fit, with outputs in their least width. */
static inline bool fits(const td__level *w, bool sums) {
    const td__space *z = w->s->z;
    int c = w->child;
    double usable = z->usable[c], bits = 0;
    if (w->i + 2 < w->r->m && w->forced[w->i + 2] != 0 && !forced_fit(w)) return false;
    if (usable == INFINITY) return true;
    unsigned keep = w->r->keep[c];
    if (keep & TD_BIT(TD_W)) bits += td__weights(w->tile) * z->bits[TD_W];
    if (keep & TD_BIT(TD_O)) {
        sums |= z->narrow || w->r->sums[c] || td__block_of(w->tile, TD_O) > w->sum_block;
        bits += td__outputs(w->tile) * z->bits[sums ? TD__SUMS : TD_O];
    }
    if (keep & TD_BIT(TD_I)) bits += td__inputs(z, &w->r->p, w->tile) * z->bits[TD_I];
    return bits <= usable;
}

/* ---- bounds ---------------------------------------------------------------------------------- */

/* A sum of tolls, each so many times. */
typedef struct {
    int n;
    double times[16];
    const td__toll *toll[16];
} bill;

static inline void put(bill *b, double times, const td__toll *t) {
    b->times[b->n] = times;
    b->toll[b->n++] = t;
}

static void weigh(const td__level *w, const bill *b, double least[2]) {
    const td__space *z = w->s->z;
    double pj = 0, skew = 0, c[TD__MAX_LIMITS];
    for (int j = 0; j < z->n_limits; j++) c[j] = 0;
    for (int i = 0; i < b->n; i++) {
        double m = b->times[i];
        const td__toll *t = b->toll[i];
        pj += m * t->pj;
        skew += m * t->skew;
        for (int j = 0; j < z->n_limits; j++) c[j] += m * t->cycles[j];
    }
    double cycles = w->r->compute + skew;
    for (int j = 0; j < z->n_limits; j++)
        if (c[j] > cycles) cycles = c[j];
    td__map_objectives(z, pj, cycles, least);
}

/* `complete`: all dims of this level are chosen. */
static void bound(const td__level *w, const double fetch[], const double all[], bool sums,
                  bool complete, unsigned from, double least[2]) {
    const td__space *z = w->s->z;
    const td__link *link[TD_NTENSOR], *ko = td__open_link(w, TD_O), *ki = td__open_link(w, TD_I);
    double idle[TD_NTENSOR] = {1, 1, 1};
    bool ahead = false, inner_sums = false;
    if (complete && w->look_ahead) {
        for (int t = 0; t < TD_NTENSOR; t++) {
            if (w->next[t] == w->r->links[t]) continue;
            idle[t] = ceil(td__block_of(w->tile, t) / w->next_block[t] * (1 - 1e-12));
            if (idle[t] > 1)
                ahead = true;
            else
                idle[t] = 1;
        }
        /* A reduction outside of the child makes what leaves it partial sums. */
        if (idle[TD_O] > 1 && !sums) {
            if (w->next[TD_O] == w->at->link[TD_O])
                sums = true;
            else
                inner_sums = true;
        }
    }
    bill b;
    b.n = 0;
    put(&b, 1, &w->base[sums]);
    if ((link[TD_W] = td__open_link(w, TD_W)) != NULL) put(&b, fetch[TD_W], &link[TD_W]->toll[0]);
    if ((link[TD_O] = ko) != NULL) put(&b, fetch[TD_O], &ko->toll[sums]);
    if (ki != NULL && z->plain) {
        put(&b, fetch[TD_I], &ki->toll[0]);
    } else if (ki != NULL) {
        double read = ki->base_read, fill = ki->base_fill;
        if (complete && ki->child == w->child)
            td__input_words(w, ki, fetch[TD_I], from, &read, &fill);
        else if (complete && z->counting == TD_COUNT_TIMELOOP)
            td__deep_input_words(w, ki, fetch[TD_I], all[TD_I], &read, &fill);
        put(&b, read, &ki->read);
        put(&b, fill, &ki->fill);
    }
    if (inner_sums) {
        const td__link *k = &w->r->link[TD_O][w->next[TD_O]];
        put(&b, fetch[TD_O], &k->toll[1]);
        put(&b, -fetch[TD_O], &k->toll[0]);
        put(&b, -1, &k->off[1]);
        put(&b, 1, &k->off[0]);
    }
    /* Where the MACs are fed from further out, the tiles tell which of them take the same. */
    if (complete && w->i + 2 == w->r->m && w->r->diagonal &&
        (!z->padded || z->counting == TD_COUNT_TIMELOOP)) {
        double reads = w->r->feed * td__different_children(w, -1, w->r->fed_level, 0) *
                       td__different_children(w, -1, w->r->fed_level, 1);
        if (reads > w->r->fed) put(&b, reads - w->r->fed, &w->r->feed_toll);
    }
    int fixed = b.n;
    for (int t = 0; t < TD_NTENSOR; t++) {
        if (fetch[t] >= all[t] || w->deep[t] == w->r->links[t]) continue;
        double words = t == TD_W   ? td__weights(w->tile)
                       : t == TD_O ? td__outputs(w->tile)
                                   : td__inputs(z, &w->r->p, w->tile);
        if (words > w->deep_words[t])
            put(&b, all[t] - fetch[t], &w->r->link[t][w->deep[t]].toll[t == TD_O && sums]);
    }
    weigh(w, &b, least);
    if (!ahead) return;
    /* One tensor is stationary at the next level; the loops of the others' blocks cost. */
    double best[2] = {INFINITY, INFINITY};
    for (int still = 0; still < TD_NTENSOR; still++) {
        double v[2];
        b.n = fixed;
        for (int t = 0; t < TD_NTENSOR; t++)
            if (t != still && idle[t] > 1)
                put(&b, all[t] * idle[t] - fetch[t],
                    &w->r->link[t][w->next[t]].toll[t == TD_O && (sums || inner_sums)]);
        if (b.n == fixed) return;
        weigh(w, &b, v);
        if (td__map_better(v, best)) memcpy(best, v, sizeof best);
    }
    if (td__map_better(least, best)) memcpy(least, best, sizeof best);
}

/* What this level's loops cannot change: decided links, drains towards the outer level, and what is
 * counted too much; inputs inside an open link. */
static void set_base(td__level *w) {
    const td__space *z = w->s->z;
    const td__state *at = w->at;
    for (int v = 0; v < 2; v++) {
        td__toll *b = &w->base[v];
        b->pj = at->fixed.pj;
        b->skew = at->fixed.skew;
        for (int j = 0; j < z->n_limits; j++) b->cycles[j] = at->fixed.cycles[j];
        const td__link *k = td__open_link(w, TD_O);
        if (k != NULL) {
            b->pj += at->drain * k->drain[v].pj - k->off[v].pj;
            for (int j = 0; j < z->n_limits; j++)
                b->cycles[j] += at->drain * k->drain[v].cycles[j] - k->off[v].cycles[j];
        }
        k = td__open_link(w, TD_I);
        if (k != NULL && !z->plain) {
            b->pj += k->rest.pj;
            for (int j = 0; j < z->n_limits; j++) b->cycles[j] += k->rest.cycles[j];
        }
    }
}

/* The first link, from the open one on, whose child could be too small for all that is inside this
 * level, and the words of this level's child that fill it. */
static void set_deep(td__level *w) {
    const td__space *z = w->s->z;
    const td__root *r = w->r;
    for (int t = 0; t < TD_NTENSOR; t++) {
        w->deep[t] = r->links[t];
        if (t == TD_I && !z->plain) continue;
        int i = w->at->link[t];
        if (i < r->links[t] && r->link[t][i].child == w->child) i++;
        for (; i < r->links[t]; i++) {
            int c = r->link[t][i].child;
            if (z->usable[c] == INFINITY) continue;
            double share = 1; /* tiles of the link's child in one of this level's child */
            for (int d = 0; d < TD_NDIM; d++)
                if (td__map_dims[t] & TD_BIT(d))
                    share *= (double)r->inner[w->child + 1][d] / r->inner[c + 1][d];
            w->deep[t] = i;
            w->deep_words[t] = z->usable[c] / z->bits[t] * share;
            if (t == TD_O && z->bits[TD__SUMS] < z->bits[TD_O])
                w->deep_words[t] = z->usable[c] / z->bits[TD__SUMS] * share;
            break;
        }
    }
}

/* Outputs arrive finished at the child only if all of C, R and S stands inside the next keeper of
 * them: then the tiles of that one and of all levels in between hold it. */
static void set_sum_block(td__level *w) {
    const td__space *z = w->s->z;
    const td__root *r = w->r;
    w->sum_block = INFINITY;
    int keeper = w->child - 1;
    while (keeper >= 0 && !(r->keep[keeper] & TD_BIT(TD_O))) keeper--;
    if (keeper < 0) return; /* the MACs: r->sums */
    for (int l = keeper; l < w->child; l++) {
        if (z->usable[l] == INFINITY) continue;
        const int32_t *e = r->inner[l + 1];
        double room = z->usable[l], each = 0;
        if (r->keep[l] & TD_BIT(TD_O)) {
            double narrow = z->bits[TD__SUMS] < z->bits[TD_O] ? z->bits[TD__SUMS] : z->bits[TD_O];
            room -= td__outputs(e) * (r->sums[l] ? z->bits[TD__SUMS] : narrow);
        }
        if (r->keep[l] & TD_BIT(TD_W)) each += (double)e[TD_G] * e[TD_K] * z->bits[TD_W];
        if ((r->keep[l] & TD_BIT(TD_I)) && z->plain)
            each += (double)e[TD_N] * e[TD_G] * e[TD_P] * e[TD_Q] * z->bits[TD_I];
        if (each > 0 && room / each < w->sum_block) w->sum_block = room / each;
    }
    w->sum_block *= 1 + 1e-12;
}

static void set_next(td__level *w) {
    const td__space *z = w->s->z;
    const td__root *r = w->r;
    w->look_ahead = w->i + 2 < r->m;
    if (!w->look_ahead) return;
    int k = r->level[w->i + 2];
    const int32_t *inner = r->inner[k + 1];
    unsigned keep = r->keep[k];
    int narrow = z->bits[TD__SUMS] < z->bits[TD_O] ? TD__SUMS : TD_O;
    double w_bits = keep & TD_BIT(TD_W) ? td__weights(inner) * z->bits[TD_W] : 0;
    double o_bits =
        keep & TD_BIT(TD_O) ? td__outputs(inner) * z->bits[r->sums[k] ? TD__SUMS : narrow] : 0;
    double usable = z->usable[k];
    /* Tiles grow with the block: that of W makes outputs grow, that of O weights, that of I both.
     */
    w->next_block[TD_W] = o_bits > 0 ? (usable - w_bits) / o_bits : INFINITY;
    w->next_block[TD_O] = w_bits > 0 ? (usable - o_bits) / w_bits : INFINITY;
    w->next_block[TD_I] = w_bits + o_bits > 0 ? usable / (w_bits + o_bits) : INFINITY;
    for (int t = 0; t < TD_NTENSOR; t++) {
        w->next[t] = r->links[t];
        if (t == TD_I && !z->plain) continue;
        for (int i = w->at->link[t]; i < r->links[t]; i++)
            if (r->link[t][i].child == k) w->next[t] = i;
        if (!(w->next_block[t] >= 1)) w->next_block[t] = 1;
        w->next_block[t] *=
            td__block_of(r->inner[w->child + 1], t); /* as tiles of the child have it */
    }
}

/* ---- choices of one level -------------------------------------------------------------------- */

/* In a thorough search all are kept and sorted later; else the best few, in order. */
static void keep_choice(td__level *w, const td__choice *c) {
    td__search *s = w->s;
    int i = w->kept;
    if (i == w->max) {
        if (s->thorough || !td__map_better(c->least, w->list[i - 1].least)) {
            td__leave(s, c->least[0]);
            return;
        }
        td__leave(s, w->list[--i].least[0]);
    } else {
        w->kept++;
    }
    if (!s->thorough)
        for (; i > 0 && td__map_better(c->least, w->list[i - 1].least); i--)
            w->list[i] = w->list[i - 1];
    w->list[i] = *c;
}

static int by_least(const void *a, const void *b) {
    const td__choice *x = a, *y = b;
    if (td__map_better(x->least, y->least)) return -1;
    if (td__map_better(y->least, x->least)) return 1;
    if (x->still != y->still) return x->still < y->still ? -1 : 1;
    return memcmp(x->bound, y->bound, sizeof x->bound);
}

/* Not worth keeping; what is dropped for lack of room is noted. */
static bool poor(const td__level *w, const double least[2]) {
    if (td__hopeless(w->s, least)) return true;
    if (w->s->thorough || w->kept < w->max || td__map_better(least, w->list[w->max - 1].least))
        return false;
    td__leave(w->s, least[0]);
    return true;
}

/* The level has had its share; what it found so far is followed. */
static inline bool used_up(const td__level *w) {
    const td__search *s = w->s;
    return s->stop || (s->nodes >= w->end && (w->kept > 0 || !s->insist));
}

/* How often each tensor passes, from the loops chosen so far. During the lead dims the block counts
 * as moving. */
static bool fetches(const td__level *w, bool lead, double fetch[], double all[]) {
    const int32_t *b = w->bound;
    const td__state *at = w->at;
    double idle[TD_NTENSOR] = {(double)b[TD_N] * b[TD_P] * b[TD_Q], b[TD_K],
                               (double)b[TD_C] * b[TD_R] * b[TD_S]};
    bool grouped = b[TD_G] > 1;
    for (unsigned t = 0; t < TD_NTENSOR; t++) {
        bool moves = grouped || (lead && t != w->still);
        for (unsigned u = 0; u < TD_NTENSOR; u++) moves |= u != t && idle[u] > 1;
        all[t] = at->all[t] * idle[t];
        fetch[t] = !moves ? at->fetch[t] : t == w->still ? at->all[t] : all[t];
    }
    return idle[TD_O] > 1;
}

static unsigned moving_dims(const td__level *w) {
    unsigned d = 0;
    for (int i = 0; i < w->n; i++)
        if (w->bound[w->dim[i]] > 1) d |= TD_BIT(w->dim[i]);
    return d;
}

/* The tile fits even if the smallest factor of a block's loop were moved into it, also when loops
 * inside turn out to make partial sums of its outputs. */
static bool extensible(td__level *w, int d, bool sums) {
    const td__divisors *v = divisors(w->s, w->bound[d]);
    if (v == NULL) return false;
    for (int e = 0; e < TD_NDIM; e++)
        sums |= (TD__REDUCED & TD_BIT(e)) && w->at->rest[e] > w->bound[e];
    int32_t tile = w->tile[d];
    w->tile[d] = tile * v->list[1];
    bool ok = fits(w, sums);
    w->tile[d] = tile;
    return ok;
}

static void finish_choice(td__level *w) {
    td__choice c;
    unsigned dims = moving_dims(w);
    bool none = w->still == TD_NTENSOR;
    w->fitted = false;
    if (!none && !(dims & td__map_block[w->still])) return; /* another block is innermost */
    bool sums = fetches(w, false, c.fetch, c.all) || w->at->sums;
    if (!fits(w, sums)) return;
    if (w->at->finished && sums &&
        w->at->kept_bits + w->at->kept_outputs * w->s->z->bits[TD__SUMS] > w->at->usable)
        return;
    w->fitted = true;
    unsigned moves = dims & td__map_dims[TD_I];
    unsigned inner = none ? moves : dims & td__map_block[w->still] & td__map_dims[TD_I];
    c.from = (uint8_t)(moves == 0 ? w->at->from : inner != 0 ? inner : moves);
    memcpy(c.bound, w->bound, sizeof c.bound);
    td__count_node(w->s);
    bound(w, c.fetch, c.all, sums, true, c.from, c.least);
    if (poor(w, c.least)) return;
    if (!none) {
        unsigned block = dims & td__map_block[w->still] & w->r->here[w->i + 1];
        for (unsigned d = 0; d < TD_NDIM; d++) {
            if (!(block & TD_BIT(d)) || !extensible(w, (int)d, sums)) continue;
            if (!(w->soft & TD_BIT(d))) return;
            if (w->s->thorough || (w->s->z->gaps & TD_BIT(d))) continue;
            td__leave(w->s, c.least[0]);
            return;
        }
    }
    c.still = (uint8_t)w->still;
    keep_choice(w, &c);
}

static void choose(td__level *w, int k) {
    if (k == w->n) {
        finish_choice(w);
        return;
    }
    int d = w->dim[k];
    const td__divisors *v = w->of[d];
    int32_t tile = w->tile[d], rest = w->at->rest[d];
    bool lead = k < w->n_lead;
    bool here = w->r->here[w->i] & TD_BIT(d);
    bool later = w->r->later[w->i + 1] & TD_BIT(d);
    if (w->whole_taps && later && (d == TD_R || d == TD_S)) here = false;
    for (int i = later ? 0 : v->n - 1; i < (here ? v->n : 1); i++) {
        int32_t b = v->list[i];
        w->bound[d] = b;
        w->tile[d] = tile * (rest / b);
        if (!fits(w, w->at->sums)) continue;
        if (lead && b > 1) {
            double fetch[TD_NTENSOR], all[TD_NTENSOR], least[2];
            bool sums = fetches(w, w->still < TD_NTENSOR, fetch, all) || w->at->sums;
            td__count_node(w->s);
            bound(w, fetch, all, sums, false, 0, least);
            if (poor(w, least)) break; /* more steps cost no less */
        }
        w->fitted = false;
        choose(w, k + 1);
        if (used_up(w)) break;
        /* Larger tiles than those that fit just so cost less; of the block any tile will do. */
        if (w->s->z->gaps & TD_BIT(d)) { /* lines per position: the fewest with the smallest tile */
            const int last = (here ? v->n : 1) - 1;
            if (w->fitted && !w->s->thorough && i < last) i = last - 1;
            continue;
        }
        if (w->fitted && (lead ? k == w->n_lead - 1 && (w->exact || !w->s->thorough) : w->exact))
            break;
    }
    w->bound[d] = 1;
    w->tile[d] = tile;
}

/* All choices of a level for one stationary tensor (TD_NTENSOR: only loops over G, or none). */
static void choose_still(td__level *w, unsigned still) {
    const td__state *at = w->at;
    unsigned block = still < TD_NTENSOR ? td__map_block[still] : 0;
    w->still = still;
    w->n = 0;
    for (int d = 0; d < TD_NDIM; d++) {
        w->bound[d] = 1;
        w->tile[d] = w->r->inner[w->child + 1][d];
        if (at->rest[d] == 1) continue;
        if (still == TD_NTENSOR && d != TD_G) {
            /* No loops here: what is left goes inside. */
            if (!(w->r->later[w->i + 1] & TD_BIT(d))) return;
            w->tile[d] *= at->rest[d];
            continue;
        }
        if (!(block & TD_BIT(d))) w->dim[w->n++] = (uint8_t)d;
    }
    w->n_lead = w->n;
    for (int i = 1; i < w->n; i++) /* the longest list last: of it one is taken */
        for (int j = i; j > 0 && w->of[w->dim[j]]->n < w->of[w->dim[j - 1]]->n; j--) {
            uint8_t d = w->dim[j];
            w->dim[j] = w->dim[j - 1];
            w->dim[j - 1] = d;
        }
    for (int d = 0; d < TD_NDIM; d++)
        if (at->rest[d] > 1 && (block & TD_BIT(d))) w->dim[w->n++] = (uint8_t)d;
    if (still < TD_NTENSOR && w->n == w->n_lead) return;
    choose(w, 0);
}

static void set_forced(td__level *w) {
    unsigned open = 0;
    for (int d = 0; d < TD_NDIM; d++)
        if (w->at->rest[d] > 1) open |= TD_BIT(d);
    for (int k = w->i + 2; k < w->r->m; k++) {
        open &= ~(unsigned)w->r->here[k - 1];
        w->forced[k] = (uint8_t)open;
    }
}

void td__level_choices(td__level *w) {
    td__search *s = w->s;
    const td__space *z = s->z;
    /* Where orders are fixed, a loop that moves inwards may not find the same place there. */
    if (s->strict || z->ordered) w->soft = 0xff;
    for (int axis = 0; axis < 2 && !z->plain; axis++)
        w->soft |= (uint8_t)(TD_BIT(TD_P + axis) | TD_BIT(TD_R + axis));
    for (int d = 0; d < TD_NDIM; d++)
        if ((w->of[d] = divisors(s, w->at->rest[d])) == NULL) return;
    set_base(w);
    set_deep(w);
    set_next(w);
    set_sum_block(w);
    set_forced(w);
    const td__link *input = td__open_link(w, TD_I);
    w->exact = !s->strict && !z->ordered && !z->loose_skew && !z->stalls && !w->look_ahead &&
               (z->plain || (!w->r->diagonal && (input == NULL || input->child != w->child)));
    /* Kernels are small: first without loops over them at the outermost level. */
    w->whole_taps = w->i == 0 && w->r->m > 2 && !s->thorough;
    do {
        w->end = s->thorough ? UINT64_MAX : s->nodes + s->level_nodes;
        for (unsigned still = TD_NTENSOR + 1; still-- > 0 && !used_up(w);) choose_still(w, still);
        if (!w->whole_taps) break;
        w->whole_taps = false;
    } while (w->kept == 0);
    if (s->thorough) qsort(w->list, (size_t)w->kept, sizeof *w->list, by_least);
}

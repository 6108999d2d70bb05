#include "cost_rank.h"

#include <string.h>

/* What a loop does in the steps that are looked at. FREE: stands at any iteration; STEPS: has just
 * advanced; BACK: has gone back to 0 from its child's last iteration; MEMBER: its iterations are
 * children of one group. */
typedef enum { FREE, STEPS, BACK, MEMBER } role;

/* The loops of one of the two dims of the rank outside of the child. splits: the last iteration is
 * not like the others. at: the iteration, except for BACK. */
typedef struct {
    int n;
    int64_t unit; /* rows or columns of one step of the dim */
    int32_t whole, last;
    const td__link *link[TD__MAX_LINKS];
    role role[TD__MAX_LINKS];
    bool splits[TD__MAX_LINKS];
    int32_t at[TD__MAX_LINKS];
    int32_t end[TD__MAX_LINKS]; /* the tail if no loop outside ever advances, else the bound */
} side;

enum { WORDS = 64 }; /* of a window of bits, one for each row or column */

typedef struct {
    side s[2];
    bool compare; /* with the step before */
    int n;        /* loops whose iterations are alternatives, of both sides */
    uint8_t which[2 * TD__MAX_LINKS], number[2 * TD__MAX_LINKS];
    int64_t span[2 * TD__MAX_LINKS + 1]; /* see measure() */
    int64_t lo, hi;                      /* of the image, if that matters */
    int64_t lines;                       /* of the plane: no child works beyond */
    double held, kept;
    int64_t from, to; /* of the window */
    uint64_t now[WORDS], fresh[WORDS];
} walk;

/* A child's interval of one dim, now and in its step before. */
typedef struct {
    int64_t now, before;
    int32_t extent, extent_before;
} place;

/* Does the child work in the last iteration of loop j of a last pass? */
static bool reaches(const side *s, int j) {
    while (--j >= 0) {
        int32_t at = s->role[j] == BACK ? 0 : s->at[j];
        if (at < s->link[j]->tail - 1) return true;
        if (at > s->link[j]->tail - 1) return false;
    }
    return true;
}

/* False if the child has nothing to do. */
static bool locate(const side *s, place *p) {
    bool last = true, was_last = true; /* all loops so far are in the last iteration of all */
    p->now = p->before = 0;
    for (int j = s->n - 1; j >= 0; j--) {
        const td__link *x = s->link[j];
        const int64_t step = x->step;
        int32_t at = s->at[j], was = at;
        if (s->role[j] == BACK) {
            at = 0;
            was = was_last ? x->tail - (reaches(s, j) ? 1 : 2) : x->bound - 1;
        } else if (s->role[j] == STEPS) {
            was = at - 1;
        }
        if (last && at >= x->tail) return false;
        last = last && at == x->tail - 1;
        was_last = was_last && was == x->tail - 1;
        p->now += at * step;
        p->before += was * step;
    }
    p->extent = last ? s->last : s->whole;
    p->extent_before = was_last ? s->last : s->whole;
    return true;
}

static void set(const walk *w, uint64_t *bits, int64_t from, int64_t to) {
    if (from < w->from) from = w->from;
    if (to > w->to) to = w->to;
    if (from >= to) return;
    from -= w->from;
    to -= w->from + 1;
    const uint64_t first = ~UINT64_C(0) << (from & 63), final = ~UINT64_C(0) >> (63 - (to & 63));
    const int64_t a = from >> 6, b = to >> 6;
    if (a == b) {
        bits[a] |= first & final;
        return;
    }
    bits[a] |= first;
    for (int64_t i = a + 1; i < b; i++) bits[i] = ~UINT64_C(0);
    bits[b] |= final;
}

/* First and (if `compare`) second interval of the child's words that are new to it. */
static void add_box(walk *w, const place *p, const place *r) {
    const int64_t u = w->s[0].unit, v = w->s[1].unit;
    const int64_t a = p->now * u + r->now * v;
    const int64_t e = (p->extent - 1) * u + (r->extent - 1) * v + 1;
    set(w, w->now, a, a + e);
    if (!w->compare) return;
    const int64_t b = p->before * u + r->before * v;
    const int64_t f = (p->extent_before - 1) * u + (r->extent_before - 1) * v + 1;
    set(w, w->fresh, a, b < a + e ? b : a + e);
    set(w, w->fresh, b + f > a ? b + f : a, a + e);
}

/* Next combination of the members of a side; false after the last, with all of them at 0 again. */
static bool next_member(side *s) {
    for (int j = 0; j < s->n; j++) {
        if (s->role[j] != MEMBER) continue;
        if (++s->at[j] < s->end[j]) return true;
        s->at[j] = 0;
    }
    return false;
}

static double count(const uint64_t *bits, int64_t words) {
    int n = 0;
    for (int64_t i = 0; i < words; i++) n += __builtin_popcountll(bits[i]);
    return n;
}

/* One combination of the alternatives, which stands for `weight` of them. each: it is at the place
 * where it is, so that it may reach out of the image. */
static void add_group(walk *w, double weight, bool each) {
    int64_t from = 0;
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < w->s[i].n; j++)
            if (w->s[i].role[j] == FREE || w->s[i].role[j] == STEPS)
                from += w->s[i].at[j] * w->s[i].unit * w->s[i].link[j]->step;
    int64_t to = from + w->span[w->n];
    if (to > w->lines) to = w->lines; /* whole passes may reach much further than the layer */
    if (each && from < w->lo) from = w->lo;
    if (each && to > w->hi) to = w->hi;
    for (; from < to; from += 64 * WORDS) {
        w->from = from;
        w->to = to - from > 64 * WORDS ? from + 64 * WORDS : to;
        const int64_t words = (w->to - w->from + 63) / 64;
        memset(w->now, 0, (size_t)words * sizeof w->now[0]);
        memset(w->fresh, 0, (size_t)words * sizeof w->fresh[0]);
        place p, r;
        do {
            if (!locate(&w->s[0], &p)) continue;
            do {
                if (locate(&w->s[1], &r)) add_box(w, &p, &r);
            } while (next_member(&w->s[1]));
        } while (next_member(&w->s[0]));
        const double held = count(w->now, words);
        w->held += weight * held;
        if (w->compare) w->kept += weight * (held - count(w->fresh, words));
    }
}

static void choose(walk *w, int i, int64_t base, bool each, double weight);

/* Iterations first .. end - 1 of alternative i, of which only those of a last pass differ: before
 * its last one, in it, and beyond it. */
static void choose_alike(walk *w, int i, int32_t first, int32_t end, double weight) {
    side *s = &w->s[w->which[i]];
    const int j = w->number[i];
    const int32_t last = s->splits[j] ? s->link[j]->tail - 1 : -1;
    const int32_t from[3] = {first, last > first ? last : first,
                             last + 1 > first ? last + 1 : first};
    const int32_t to[3] = {last < end ? last : end, last + 1 < end ? last + 1 : end, end};
    for (int k = s->splits[j] ? 0 : 2; k < 3; k++) {
        if (from[k] >= to[k]) continue;
        s->at[j] = from[k];
        choose(w, i + 1, 0, false, weight * (to[k] - from[k]));
    }
}

/* Goes through the alternatives from number i on; base: position of the box due to those before.
 * each: it may lie at a border of the image, so that positions matter. */
static void choose(walk *w, int i, int64_t base, bool each, double weight) {
    if (i == w->n) {
        add_group(w, weight, each);
        return;
    }
    side *s = &w->s[w->which[i]];
    const int j = w->number[i];
    const int32_t bound = s->end[j], first = s->role[j] == STEPS;
    if (!each) {
        choose_alike(w, i, first, bound, weight);
        return;
    }
    /* Iterations a .. b - 1 keep all boxes inside of the image. */
    const int64_t move = s->link[j]->step * s->unit, room = w->hi - w->span[i + 1] - base;
    int64_t a = base < w->lo ? (w->lo - base + move - 1) / move : 0;
    int64_t b = room < 0 ? 0 : room / move + 1;
    if (a < first) a = first;
    if (b > bound) b = bound;
    if (a < b) choose_alike(w, i, (int32_t)a, (int32_t)b, weight);
    for (int64_t k = first; k < bound; k++) {
        if (k == a && a < b) k = b;
        if (k == bound) break;
        s->at[j] = (int32_t)k;
        choose(w, i + 1, base + k * move, true, weight);
    }
}

/* How far the boxes of one group reach from its first member's, and how far those of all
 * alternatives from number i on. */
static void measure(walk *w) {
    int64_t span = 1;
    for (int i = 0; i < 2; i++) {
        const side *s = &w->s[i];
        span += ((s->whole > s->last ? s->whole : s->last) - 1) * s->unit;
        for (int j = 0; j < s->n; j++)
            if (s->role[j] == MEMBER) span += (s->link[j]->bound - 1) * s->link[j]->step * s->unit;
    }
    w->span[w->n] = span;
    for (int i = w->n - 1; i >= 0; i--) {
        const side *s = &w->s[w->which[i]];
        const td__link *x = s->link[w->number[i]];
        w->span[i] = span += (x->bound - 1) * x->step * s->unit;
    }
}

static void fill_side(const td__chain *c, const td__rank_view *v, int dim, side *s) {
    s->n = 0;
    s->unit = c->z->unit[dim];
    s->whole = c->z->full[v->child + 1][dim];
    s->last = c->z->last[v->child + 1][dim];
    for (int j = 0; j < c->n[dim]; j++) {
        const td__link *x = &c->link[dim][j];
        if (x->level <= v->child) continue;
        role r = FREE;
        if (x->time < 0 ? (v->merged & TD_BIT(x->level)) != 0 : v->forever)
            r = MEMBER;
        else if (x->time >= 0 && x->time <= v->k && !v->forever)
            r = x->time == v->k ? STEPS : BACK;
        s->link[s->n] = x;
        s->role[s->n] = r;
        s->at[s->n++] = 0;
    }
}

/* The innermost members make one box as long as no gap of a stride is left between theirs. */
static bool absorb(side *s, const side *other) {
    const int32_t least = other->whole < other->last ? other->whole : other->last;
    int n = 0;
    while (n < s->n && s->role[n] == MEMBER && (least - 1) * other->unit + 1 >= s->unit) {
        const td__link *x = s->link[n++];
        s->last += (x->tail - 1) * s->whole;
        s->whole *= x->bound;
    }
    if (n == 0) return false;
    s->n -= n;
    memmove(s->link, s->link + n, (size_t)s->n * sizeof s->link[0]);
    memmove(s->role, s->role + n, (size_t)s->n * sizeof s->role[0]);
    return true;
}

static bool has_members(const side *s) {
    for (int j = 0; j < s->n; j++)
        if (s->role[j] == MEMBER) return true;
    return false;
}

/* Members of one dim only that stand too far apart to have a word in common: each is a group. */
static void part(side *s, const side *other) {
    const int64_t most = s->whole > s->last ? s->whole : s->last;
    const int64_t beside = other->whole > other->last ? other->whole : other->last;
    int j = 0;
    while (j < s->n && s->role[j] != MEMBER) j++;
    if (j == s->n || has_members(other) ||
        s->link[j]->step * s->unit < (most - 1) * s->unit + (beside - 1) * other->unit + 1)
        return;
    for (; j < s->n; j++)
        if (s->role[j] == MEMBER) s->role[j] = FREE;
}

void td__rank_sums(const td__chain *c, const td__rank_view *v, double *held, double *kept) {
    walk w;
    w.compare = v->k >= 0 && !v->forever;
    w.held = w.kept = 0;
    w.lines = v->axis == 0 ? c->z->rows : c->z->columns;
    w.lo = c->z->p->pad[v->axis];
    w.hi = w.lines - c->z->p->pad[2 + v->axis];
    fill_side(c, v, TD_P + v->axis, &w.s[0]);
    fill_side(c, v, TD_R + v->axis, &w.s[1]);
    if (!w.compare) {
        while (absorb(&w.s[0], &w.s[1]) || absorb(&w.s[1], &w.s[0])) {
        }
        part(&w.s[0], &w.s[1]);
        part(&w.s[1], &w.s[0]);
    }
    w.n = 0;
    for (int i = 0; i < 2; i++) {
        bool splits = w.s[i].whole != w.s[i].last, advances = false;
        for (int j = w.s[i].n - 1; j >= 0; j--) {
            const td__link *x = w.s[i].link[j];
            w.s[i].end[j] = advances ? x->bound : x->tail;
            advances |= x->tail > 1;
        }
        for (int j = 0; j < w.s[i].n; j++) {
            splits |= w.s[i].link[j]->tail != w.s[i].link[j]->bound;
            w.s[i].splits[j] = splits;
            if (w.s[i].role[j] == MEMBER || w.s[i].role[j] == BACK) continue;
            w.which[w.n] = (uint8_t)i;
            w.number[w.n++] = (uint8_t)j;
        }
    }
    measure(&w);
    choose(&w, 0, 0, v->clip, 1);
    *held = w.held;
    *kept = w.kept;
}

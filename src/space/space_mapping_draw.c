/* Draws of mappings with the distribution of plain rejection (all decisions drawn evenly, again
 * until they are allowed), without drawing all that it would.
 *
 * A vector can only be allowed if no row is bad by itself and the factors in space fit the fan-outs
 * together. The part of the vectors for which that holds is known: with w(s) the number of good
 * splits of a dim with factors s in space, and W the ways to go on from what is used of the
 * fan-outs,
 *
 *     W_d(used) = sum over s of w(s) W_d+1(used x s), 0 if used x s does not fit.
 *
 * So such vectors are drawn directly, s with probability w(s) W(used x s) / W(used), then one of
 * the w(s) splits, each as likely; plain rejection would have needed a number of draws that has a
 * geometric distribution. Then capacities are tested. Orders are drawn for what is accepted. */
#include <string.h>

#include "space_mapping.h"

/* Splits of a dim that are alike in space. */
typedef struct {
    int first, n;
} class;

/* used: what is taken of each fan-out, as one number. Per state, for each class: the state behind
 * it (-1: does not fit), and the sum of w W up to it. */
typedef struct {
    int classes;
    class *class;
    int32_t *next;
    double *sum;
} dim_table;

struct td__spread {
    int axes; /* those of td__mappings that are looked at: the first ones */
    int states;
    dim_table dim[TD_NDIM];
    double share; /* of all vectors, up to keeps and orders */
};

enum { MOST_USED = 256, MOST_ENTRIES = 1 << 17 };

/* What may be used of a fan-out, in order: products of factors that do not exceed it. */
typedef struct {
    int n;
    int32_t used[MOST_USED];
} uses;

static int find_use(const uses *u, int64_t v) {
    for (int i = 0; i < u->n; i++)
        if (u->used[i] == v) return i;
    return -1;
}

/* False: there are too many. */
static bool list_uses(const td__mappings *m, int axis, uses *u) {
    u->n = 1;
    u->used[0] = 1;
    for (int i = 0; i < m->splits; i++) {
        const td__split *s = &m->split[i];
        const int known = u->n;
        for (int r = 0; r < s->good; r++) {
            const int32_t f = s->row[(size_t)r * (size_t)s->width + (size_t)(TD__AXES + axis)];
            if (r > 0 &&
                f == s->row[(size_t)(r - 1) * (size_t)s->width + (size_t)(TD__AXES + axis)])
                continue;
            for (int k = 0; k < known; k++) {
                const int64_t v = (int64_t)u->used[k] * f;
                if (v > m->axis[axis].fan || find_use(u, v) >= 0) continue;
                if (u->n == MOST_USED) return false;
                u->used[u->n++] = (int32_t)v;
            }
        }
    }
    return true;
}

static const int32_t *row_at(const td__split *s, int i) {
    return s->row + (size_t)i * (size_t)s->width;
}

/* Good rows that are alike on the first axes stand together. NULL: memory is out. */
static class *list_classes(const td__split *s, int axes, td_arena *a, int *n) {
    class *c = TD_NEW(a, class, s->good);
    *n = 0;
    for (int i = 0; c != NULL && i < s->good; i++) {
        if (i == 0 || memcmp(row_at(s, i) + TD__AXES, row_at(s, i - 1) + TD__AXES,
                             sizeof(int32_t) * (size_t)axes) != 0)
            c[(*n)++].first = i;
        c[*n - 1].n++;
    }
    return c;
}

/* to[u]: the use behind used[u] and a factor, times radix; -1: the fan-out is exceeded. */
static void step(const td__axis *axis, const uses *u, int32_t factor, int32_t radix, int32_t *to) {
    for (int i = 0; i < u->n; i++) {
        const bool taken = axis->single && u->used[i] > 1 && factor > 1;
        const int next = taken ? -1 : find_use(u, (int64_t)u->used[i] * factor);
        to[i] = next < 0 ? -1 : next * radix;
    }
}

/* Column k of the table of dim i: the states behind class k. to: room for the uses of all axes. */
static void fill_next(const td__mappings *m, const uses *u, const td__spread *t, int i, int k,
                      int32_t *to) {
    const dim_table *d = &t->dim[i];
    const int32_t *factor = row_at(&m->split[i], d->class[k].first) + TD__AXES;
    for (int a = 0, radix = 1; a < t->axes; radix *= u[a++].n)
        step(&m->axis[a], &u[a], factor[a], radix, to + a * MOST_USED);
    for (int state = 0; state < t->states; state++) {
        int32_t next = 0;
        for (int a = 0, rest = state; a < t->axes && next >= 0; rest /= u[a++].n) {
            const int32_t by = to[a * MOST_USED + rest % u[a].n];
            next = by < 0 ? -1 : next + by;
        }
        d->next[(size_t)state * (size_t)d->classes + (size_t)k] = next;
    }
}

/* The table of dim i; *ways: W_i+1 in, W_i out. */
static bool fill_table(const td__mappings *m, const uses *u, td__spread *t, int i, double *ways,
                       td_arena *a, td_arena *scratch) {
    dim_table *d = &t->dim[i];
    const size_t entries = (size_t)t->states * (size_t)d->classes;
    int32_t *to = TD_NEW(scratch, int32_t, (t->axes + 1) * MOST_USED);
    double *all = TD_NEW(scratch, double, t->states);
    d->next = TD_NEW(a, int32_t, entries);
    d->sum = TD_NEW(a, double, entries);
    if (to == NULL || all == NULL || d->next == NULL || d->sum == NULL) return false;
    for (int k = 0; k < d->classes; k++) fill_next(m, u, t, i, k, to);
    for (int state = 0; state < t->states; state++) {
        double sum = 0;
        for (int k = 0; k < d->classes; k++) {
            const size_t e = (size_t)state * (size_t)d->classes + (size_t)k;
            if (d->next[e] >= 0) sum += d->class[k].n * ways[d->next[e]];
            d->sum[e] = sum;
        }
        all[state] = sum;
    }
    memcpy(ways, all, sizeof *ways * (size_t)t->states);
    return true;
}

/* As many fan-outs as tables of some size can have; the others are tested with the capacities. */
static bool choose_axes(const td__mappings *m, uses *u, td__spread *t, td_arena *a) {
    t->states = 1;
    while (t->axes < m->axes && m->axis[t->axes].axis != TD_AXIS_T &&
           list_uses(m, t->axes, &u[t->axes]) && t->states <= MOST_ENTRIES / u[t->axes].n) {
        int64_t entries = 0;
        class *c[TD_NDIM];
        int n[TD_NDIM];
        for (int i = 0; i < m->splits; i++) {
            c[i] = list_classes(&m->split[i], t->axes + 1, a, &n[i]);
            if (c[i] == NULL) return false;
            entries += (int64_t)t->states * u[t->axes].n * n[i];
        }
        if (entries > MOST_ENTRIES) break;
        for (int i = 0; i < m->splits; i++) t->dim[i].class = c[i], t->dim[i].classes = n[i];
        t->states *= u[t->axes].n;
        t->axes++;
    }
    for (int i = 0; t->axes == 0 && i < m->splits; i++) {
        t->dim[i].class = list_classes(&m->split[i], 0, a, &t->dim[i].classes);
        if (t->dim[i].class == NULL) return false;
    }
    return true;
}

td_status td__spread_make(const td__mappings *m, td_arena *a, const td__spread **out,
                          td_error *err) {
    td_arena *scratch = td_arena_create();
    uses *u = scratch != NULL ? TD_NEW(scratch, uses, m->axes + 1) : NULL;
    td__spread *t = TD_NEW(a, td__spread, 1);
    double *ways = NULL;
    bool ok = u != NULL && t != NULL && choose_axes(m, u, t, a);
    if (ok) {
        ways = TD_NEW(scratch, double, t->states);
        ok = ways != NULL;
    }
    for (int k = 0; ok && k < t->states; k++) ways[k] = 1;
    for (int i = m->splits - 1; ok && i >= 0; i--) ok = fill_table(m, u, t, i, ways, a, scratch);
    if (ok) {
        t->share = ways[0];
        for (int i = 0; i < m->splits; i++) t->share /= m->split[i].n;
        *out = t;
    }
    td_arena_destroy(scratch);
    if (!ok) return td_fail(err, TD_E_MEMORY, "out of memory");
    if (t->share > 0) return TD_OK;
    return td_fail(err, TD_E_INFEASIBLE,
                   "%s: no factorisations of all dims fit its fan-outs together", m->hw.name);
}

/* ---- drawing --------------------------------------------------------------------------------- */

/* Number of draws up to and with the first success; log of the probability of none. */
static double geometric(td_rng *r, double log_miss) {
    return 1 + floor(log1p(-td_rng_uniform(r)) / log_miss);
}

/* The row of dim i, and the state behind it. */
static int draw_row(const td__spread *t, int i, td_rng *r, int32_t *state) {
    const dim_table *d = &t->dim[i];
    const size_t at = (size_t)*state * (size_t)d->classes;
    const double *sum = d->sum + at;
    const double u = td_rng_uniform(r) * sum[d->classes - 1];
    int low = 0, high = d->classes - 1; /* the first whose sum is larger than u */
    while (low < high) {
        const int middle = (low + high) / 2;
        if (sum[middle] > u)
            high = middle;
        else
            low = middle + 1;
    }
    *state = d->next[at + (size_t)low];
    /* What u is over the sum before it says which of the class. */
    const class *c = &d->class[low];
    const double base = low > 0 ? sum[low - 1] : 0;
    const int k = (int)((u - base) / (sum[low] - base) * c->n);
    return c->first + (k < c->n ? k : c->n - 1);
}

bool td__mapping_draw(const void *self, td_rng *r, int64_t most, td_choices *c, int64_t *drawn) {
    const td__mappings *m = self;
    const td__spread *t = m->spread;
    const double log_miss = log1p(-t->share); /* -inf: no draw misses */
    for (double all = 0;;) {
        all += t->share < 1 ? geometric(r, log_miss) : 1;
        if (all > (double)most) {
            *drawn += most;
            return false;
        }
        const int32_t *row[TD_NDIM];
        uint8_t keep[TD_MAX_LEVELS];
        int32_t state = 0;
        for (int i = 0; i < m->splits; i++) {
            const int k = draw_row(t, i, r, &state);
            row[i] = row_at(&m->split[i], k);
            if (m->split[i].decision >= 0) c->v[m->split[i].decision] = k;
        }
        for (int k = 0; k < m->keeps; k++)
            c->v[m->keep[k].decision] = (double)td_rng_below(r, (uint64_t)m->keep[k].n);
        td__keeps_of(m, c->v, keep);
        if (!td__rows_fit(m, row, keep)) continue;
        for (int o = 0; o < m->orders; o++)
            if (m->order[o].decision >= 0)
                c->v[m->order[o].decision] = (double)td_rng_below(r, (uint64_t)m->order[o].n);
        *drawn += (int64_t)all;
        return true;
    }
}

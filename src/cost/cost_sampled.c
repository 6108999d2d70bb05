/* Timeloop counting of mappings with imperfect factors: its sampled walk through the loops, in our
 * words. docs/cost-model.md has the rules ("Imperfect factors"). Perfect mappings are counted in
 * closed form (cost_timeloop.c); here the last iterations of some loops are walked too, with the
 * tile that shrinks, and what is walked twice from the same state is remembered. */
#include "cost_sampled.h"

#include <string.h>

#include "cost_offsets.h"

enum { RANKS = 5, CACHE = 512 };

/* Rank of each dim in each tensor; -1: none. */
static const int8_t rank_of[TD_NTENSOR][TD_NDIM] = {
    [TD_W] = {[TD_N] = -1,
              [TD_K] = 1,
              [TD_C] = 2,
              [TD_P] = -1,
              [TD_Q] = -1,
              [TD_R] = 3,
              [TD_S] = 4,
              [TD_G] = 0},
    [TD_I] = {[TD_N] = 0,
              [TD_K] = -1,
              [TD_C] = 2,
              [TD_P] = 3,
              [TD_Q] = 4,
              [TD_R] = 3,
              [TD_S] = 4,
              [TD_G] = 1},
    [TD_O] = {[TD_N] = 0,
              [TD_K] = 2,
              [TD_C] = -1,
              [TD_P] = 3,
              [TD_Q] = 4,
              [TD_R] = -1,
              [TD_S] = -1,
              [TD_G] = 1},
};

/* From the outermost. move: along the rank, per iteration. From this loop inwards: inner, dims with
 * an imperfect loop; starts, dims with a loop that has more iterations than the first in a last
 * pass. */
typedef struct {
    int32_t bound, tail, move;
    uint8_t dim, inner, starts;
    int8_t rank;
    bool space, below; /* an imperfect loop of the dim stands inside of this one */
} loop;

/* What the child held at its last visit, relative to where the loops stand now, and by how much it
 * moved then. */
typedef struct {
    int32_t lo[RANKS], size[RANKS], move[RANKS];
    int32_t visited, moved;
} memory;

typedef struct {
    const td__nest *z;
    int n, t, child;
    bool adjacent;         /* nothing stands between the last loop and the child */
    uint8_t spread, shape; /* visits count whose last dims among `spread` are `shape` */
    uint8_t first;         /* dims in which the first child is not the last of its parent's */
    loop loop[2 * TD_MAX_LOOPS + 1]; /* and one that stands for the child */
    int16_t cached[CACHE];           /* loop; -1: none */
    struct {
        int32_t move[RANKS], moved;
        memory after;
        double sum;
        uint8_t last;
    } cache[CACHE];
} walk;

static int32_t extent(const walk *w, int d, unsigned last) {
    return (last & TD_BIT(d) ? w->z->last : w->z->full)[w->child + 1][d];
}

/* The first child's box if the loops over the dims in `last` are all in their last iterations. */
static void box_size(const walk *w, unsigned last, int32_t size[RANKS]) {
    last &= ~(unsigned)w->first;
    for (int r = 0; r < RANKS; r++) size[r] = 1;
    for (int d = 0; d < TD_NDIM; d++) {
        const int r = rank_of[w->t][d];
        if (r >= 0)
            size[r] += (extent(w, d, last) - 1) * (w->t == TD_I && r > 2 ? w->z->unit[d] : 1);
    }
}

/* Words that one visit asks for: nothing is kept of a box that moves otherwise than the last time.
 * The move is that of the centre, rounded away from 0. */
static double visit(const walk *w, unsigned last, memory *m) {
    int32_t size[RANKS], move[RANKS];
    bool still = true, same = true;
    double all = 1, kept = 1;
    box_size(w, last, size);
    for (int r = 0; r < RANKS; r++) {
        const int64_t twice = (int64_t)size[r] - m->size[r] - 2 * (int64_t)m->lo[r];
        move[r] = (int32_t)(twice >= 0 ? (twice + 1) / 2 : -((1 - twice) / 2));
        still &= move[r] == 0;
        same &= move[r] == m->move[r];
        const int64_t from = m->lo[r] > 0 ? m->lo[r] : 0;
        int64_t to = (int64_t)m->lo[r] + m->size[r];
        if (to > size[r]) to = size[r];
        all *= size[r];
        kept *= to > from ? (double)(to - from) : 0;
    }
    if (!m->visited) {
        kept = 0;
        m->visited = 1;
    } else if (w->t != TD_I) {
        /* W and O: boxes at different places have nothing in common, however they moved. */
    } else if (!still && m->moved && !same) {
        kept = 0;
        m->moved = 0;
        memset(m->move, 0, sizeof m->move);
    } else if (!still && !m->moved) {
        m->moved = 1;
        memcpy(m->move, move, sizeof move);
    }
    memset(m->lo, 0, sizeof m->lo);
    memcpy(m->size, size, sizeof size);
    return (last & w->spread) == w->shape ? all - kept : 0;
}

/* The first visit of the loops from number j inwards: all of them stand at 0. */
static double enter(const walk *w, int j, unsigned last, memory *m) {
    last &= ~(unsigned)w->loop[j].starts;
    if (w->child >= 0) return visit(w, last, m);
    return (last & w->spread) == w->shape ? 1 : 0; /* a MAC holds nothing */
}

static double rest(walk *w, int j, unsigned last, memory *m);

/* Iteration i of loop j; of iteration 0, all but the first visit, which is made already. */
static double iteration(walk *w, int j, int32_t i, unsigned last, memory *m) {
    const loop *x = &w->loop[j];
    if (i != x->tail - 1) last &= ~TD_BIT(x->dim);
    if (i == 0) return rest(w, j + 1, last, m);
    if (x->rank >= 0) m->lo[x->rank] -= i * x->move;
    double sum = enter(w, j + 1, last, m);
    sum += rest(w, j + 1, last, m);
    if (x->rank >= 0) m->lo[x->rank] += i * x->move;
    return sum;
}

/* A loop is looked at in iteration 0 and in iteration 1, which stands for the others too. In a last
 * pass, if the last iteration is shorter inside, that one is walked as well, and if the loop itself
 * is imperfect the one before it. Right outside of the child, a step counts like the one before in
 * those cases, except for the last iteration of an imperfect loop. */
static double sample(walk *w, int j, unsigned last, memory *m) {
    const loop *x = &w->loop[j];
    const bool in_last = last & TD_BIT(x->dim), each = in_last && x->below;
    const bool before = each && x->bound != x->tail;
    const bool repeat = w->adjacent && j == w->n - 1;
    const int32_t n = in_last ? x->tail : x->bound;
    double sum = iteration(w, j, 0, last, m);
    if (!each) return n > 1 ? sum + (n - 1) * iteration(w, j, 1, last, m) : sum;
    const int32_t others = before ? n - 3 : n - 2;
    double one = 0;
    if (others > 0) sum += others * (one = iteration(w, j, 1, last, m));
    if (before && n >= 3) {
        double next = iteration(w, j, n - 2, last, m);
        sum += repeat && others > 0 ? one : next;
    }
    if (n >= 2) {
        double final = iteration(w, j, n - 1, last, m);
        sum += repeat && !before && others > 0 ? one : final;
    }
    return sum;
}

/* Words over one pass of the loops from number j inwards, without the first visit. After that the
 * child's box is known, and only the remembered move can differ: passes from the same one are alike
 * and need not be walked again. */
static double rest(walk *w, int j, unsigned last, memory *m) {
    if (j == w->n) return 0;
    const loop *x = &w->loop[j];
    last &= x->inner; /* the others make no difference from here on */
    if (x->space) return iteration(w, j, 0, last, m); /* the first child stands for all */
    uint64_t h = (uint64_t)j * 257 + last * 2 + (unsigned)m->moved;
    for (int r = 0; r < RANKS; r++) h = (h ^ (uint32_t)m->move[r]) * UINT64_C(0x9e3779b97f4a7c15);
    const size_t s = (size_t)(h >> 32) % CACHE;
    if (w->cached[s] == j && w->cache[s].last == last && w->cache[s].moved == m->moved &&
        memcmp(w->cache[s].move, m->move, sizeof m->move) == 0) {
        *m = w->cache[s].after;
        return w->cache[s].sum;
    }
    const memory before = *m;
    double sum = sample(w, j, last, m);
    w->cached[s] = (int16_t)j;
    w->cache[s].last = (uint8_t)last;
    w->cache[s].moved = before.moved;
    memcpy(w->cache[s].move, before.move, sizeof before.move);
    w->cache[s].after = *m;
    w->cache[s].sum = sum;
    return sum;
}

static void add_loop(walk *w, const td__loop *x, int32_t tail, bool space) {
    const int8_t r = rank_of[w->t][x->dim];
    /* A loop that never advances may have a step beyond all limits. */
    const int64_t move = (int64_t)x->step * (w->t == TD_I && r > 2 ? w->z->unit[x->dim] : 1);
    w->loop[w->n++] = (loop){.bound = x->bound,
                             .tail = tail,
                             .move = move < INT32_MAX ? (int32_t)move : INT32_MAX,
                             .dim = x->dim,
                             .rank = r,
                             .space = space};
}

/* Dims with imperfect loops inside of level `level`, and over all loops of the walk outside. */
static void build(const td__nest *z, int level, int t, walk *w) {
    unsigned imperfect = 0;
    w->z = z;
    w->t = t;
    w->child = level - 1;
    w->n = 0;
    for (int l = z->n - 1; l >= level; l--) {
        for (int k = z->t0[l + 1] - 1; k >= z->t0[l]; k--)
            add_loop(w, &z->t[k], z->t_tail[k], false);
        for (int k = z->s0[l + 1] - 1; k >= z->s0[l] && l > level; k--)
            add_loop(w, &z->s[k], z->s_tail[k], true);
    }
    w->adjacent = z->t0[level] < z->t0[level + 1] && z->s0[level] == z->s0[level + 1];
    for (int k = 0; k < z->t0[level]; k++)
        if (z->t_tail[k] != z->t[k].bound) imperfect |= TD_BIT(z->t[k].dim);
    w->spread = w->first = 0;
    for (int k = 0; k < z->s0[level + 1]; k++) {
        if (k >= z->s0[level] && z->s_tail[k] > 1) w->first |= (uint8_t)TD_BIT(z->s[k].dim);
        if (z->s_tail[k] == z->s[k].bound) continue;
        imperfect |= TD_BIT(z->s[k].dim);
        if (k >= z->s0[level]) w->spread |= (uint8_t)TD_BIT(z->s[k].dim);
    }
    w->loop[w->n] = (loop){.starts = 0};
    for (int j = w->n - 1; j >= 0; j--) {
        loop *x = &w->loop[j];
        x->starts = w->loop[j + 1].starts;
        if (x->tail > 1) x->starts |= (uint8_t)TD_BIT(x->dim);
        x->below = imperfect & TD_BIT(x->dim);
        if (x->tail != x->bound) imperfect |= TD_BIT(x->dim);
        x->inner = (uint8_t)imperfect;
    }
}

/* ---- children -------------------------------------------------------------------------------- */

/* Children of one level along a dim: they stand in a row, `step` apart. */
typedef struct {
    int32_t count[TD_NDIM], step[TD_NDIM];
} rows;

static void find_rows(const td__nest *z, int level, unsigned last, rows *c) {
    int32_t whole[TD_NDIM], final[TD_NDIM];
    for (int d = 0; d < TD_NDIM; d++) whole[d] = final[d] = c->step[d] = 1;
    for (int k = z->s0[level]; k < z->s0[level + 1]; k++) {
        const td__loop *x = &z->s[k];
        const int d = x->dim;
        if (whole[d] == 1) c->step[d] = x->step;
        final[d] += (z->s_tail[k] - 1) * whole[d];
        whole[d] *= x->bound;
    }
    for (int d = 0; d < TD_NDIM; d++) c->count[d] = last & TD_BIT(d) ? final[d] : whole[d];
}

/* Adds `targets` groups of `m` children with the same words, in ascending order of both. */
static void put(td__groups *g, double m, double targets, double words) {
    int i = 0;
    while (i < g->n && (g->group[i].children < m ||
                        (g->group[i].children == m && g->group[i].targets < targets)))
        i++;
    if (i < g->n && g->group[i].children == m && g->group[i].targets == targets) {
        g->group[i].words += words;
    } else if (g->n < TD__MAX_GROUPS) {
        memmove(&g->group[i + 1], &g->group[i], (size_t)(g->n - i) * sizeof g->group[0]);
        g->group[i].children = m;
        g->group[i].targets = targets;
        g->group[i].words = words;
        g->n++;
    } else {
        g->rest += words;
        g->rest_weighted += words * m;
    }
}

/* How many sums of two rows are met how often: ways[m] sums by m pairs. Returns the largest m. */
static int sums(const td__nest *z, const rows *c, int axis, int32_t ways[TD__MAX_WAYS]) {
    const int32_t a = c->count[TD_P + axis], b = c->count[TD_R + axis];
    const int64_t u = (int64_t)c->step[TD_P + axis] * z->unit[TD_P + axis];
    const int64_t v = (int64_t)c->step[TD_R + axis] * z->unit[TD_R + axis];
    int most = 1;
    memset(ways, 0, TD__MAX_WAYS * sizeof ways[0]);
    if (a == 1 || b == 1) {
        ways[1] = a * b;
        return 1;
    }
    /* i u + j v is met again at i + v/g, j - u/g: each chain of such pairs is one sum. */
    int64_t x = u, y = v;
    while (y != 0) {
        int64_t r = x % y;
        x = y;
        y = r;
    }
    const int64_t di = v / x, dj = u / x;
    for (int64_t i = 0; i < a; i++)
        for (int64_t j = 0; j < b; j++) {
            if (i >= di && j + dj < b) continue; /* not the first of its chain */
            int64_t more_i = (a - 1 - i) / di, more_j = j / dj;
            int64_t m = 1 + (more_i < more_j ? more_i : more_j);
            if (m >= TD__MAX_WAYS) m = TD__MAX_WAYS - 1;
            ways[m]++;
            if (m > most) most = (int)m;
        }
    return most;
}

/* `words` for each of the distinct children of a level. */
static void distribute(const td__nest *z, int level, int t, unsigned last, double words,
                       td__groups *g) {
    const td_level *v = &z->hw->level[level];
    rows c;
    find_rows(z, level, last, &c);
    double all = 1, distinct = 1;
    for (int d = 0; d < TD_NDIM; d++) {
        all *= c.count[d];
        if (td__dims_of[t] & TD_BIT(d)) distinct *= c.count[d];
    }
    if (!((t == TD_O ? v->reduce : v->multicast) & TD_BIT(t))) {
        put(g, 1, all, words * all);
        return;
    }
    if (t != TD_I) {
        put(g, all / distinct, distinct, words * distinct);
        return;
    }
    int32_t h[TD__MAX_WAYS], w[TD__MAX_WAYS];
    const int most_h = sums(z, &c, 0, h), most_w = sums(z, &c, 1, w);
    const double apart = (double)c.count[TD_N] * c.count[TD_G] * c.count[TD_C];
    /* Groups of one size are one group of targets, however they come about. */
    td__groups one = {0};
    for (int i = 1; i <= most_h; i++)
        for (int j = 1; j <= most_w; j++) {
            double targets = apart * h[i] * w[j], m = (double)i * j * c.count[TD_K];
            if (targets == 0) continue;
            int k = 0;
            while (k < one.n && one.group[k].children != m) k++;
            if (k == one.n && k < TD__MAX_GROUPS) one.group[one.n++].children = m;
            if (k < one.n)
                one.group[k].targets += targets;
            else
                put(g, m, targets, words * targets);
        }
    for (int k = 0; k < one.n; k++)
        put(g, one.group[k].children, one.group[k].targets, words * one.group[k].targets);
}

/* What `level` delivers to the next level inwards, whether that keeps the tensor or not. */
static void deliver(const td__nest *z, int level, int t, td__groups *g) {
    walk w;
    build(z, level, t, &w);
    memset(g, 0, sizeof *g);
    unsigned shape = 0;
    do { /* every subset of `spread` */
        w.shape = (uint8_t)shape;
        for (int i = 0; i < CACHE; i++) w.cached[i] = -1;
        memory m = {.visited = 0};
        double words = enter(&w, 0, TD_BIT(TD_NDIM) - 1, &m);
        words += rest(&w, 0, TD_BIT(TD_NDIM) - 1, &m);
        if (words > 0) distribute(z, level, t, shape, words, g);
        shape = (shape - w.spread) & w.spread;
    } while (shape != 0);
}

static double total(const td__groups *g) {
    double sum = 0;
    for (int i = 0; i < g->n; i++) sum += g->group[i].words;
    return sum + g->rest;
}

static double weighted(const td__groups *g) {
    double sum = 0;
    for (int i = 0; i < g->n; i++) sum += g->group[i].words * g->group[i].children;
    return sum + g->rest_weighted;
}

void td__sampled_deliveries(const td__nest *z, int level, int t, td__groups *g) {
    double passed = 0; /* what a level inside asks for that does not keep the tensor */
    for (int l = 0; l <= level; l++) {
        deliver(z, l, t, g);
        if (l > 0 && !(z->m->keep[l - 1] & TD_BIT(t))) {
            const double factor = passed * z->fan[l] / weighted(g);
            for (int i = 0; i < g->n; i++) g->group[i].words *= factor;
            g->rest *= factor;
            g->rest_weighted *= factor;
        }
        passed = total(g);
    }
}

/* Words that arrive at one child of `level`, averaged over all that a whole pass uses. */
static double share(const td__nest *z, int level, int t) {
    td__groups g;
    deliver(z, level, t, &g);
    double sum = 0;
    for (int i = 0; i < g.n; i++) sum += g.group[i].words * g.group[i].children / z->fan[level];
    return sum + g.rest_weighted / z->fan[level];
}

/* ---- statistics ------------------------------------------------------------------------------ */

static double volume(const td__nest *z, int t, const int32_t e[TD_NDIM]) {
    double words = 1;
    for (int d = 0; d < TD_NDIM; d++)
        if ((td__dims_of[t] & TD_BIT(d)) && (t != TD_I || z->unit[d] == 0)) words *= e[d];
    return t == TD_I ? words * td__span(z, e, 0) * td__span(z, e, 1) : words;
}

double td__sampled_partition(const td__nest *z, int level, int t) {
    uint64_t part = (uint64_t)volume(z, t, z->tile[z->n]);
    for (int i = z->n - 2; i >= level; i--) {
        if (z->s0[i + 1] == z->s0[i + 2]) continue;
        /* The largest box of all children: in a whole pass, if there is one. */
        unsigned whole = 0;
        for (int k = z->t0[i + 1]; k < z->nt; k++)
            if (z->t_tail[k] > 1) whole |= TD_BIT(z->t[k].dim);
        for (int k = z->s0[i + 2]; k < z->ns; k++)
            if (z->s_tail[k] > 1) whole |= TD_BIT(z->s[k].dim);
        rows c[2];
        find_rows(z, i + 1, 0, &c[0]);
        find_rows(z, i + 1, ~0u, &c[1]);
        int32_t box[TD_NDIM];
        for (int d = 0; d < TD_NDIM; d++)
            box[d] = whole & TD_BIT(d)
                         ? c[0].count[d] * z->full[i + 1][d]
                         : (c[1].count[d] - 1) * z->full[i + 1][d] + z->last[i + 1][d];
        part = (uint64_t)((unsigned __int128)part * (uint64_t)volume(z, t, z->tile[i + 1]) /
                          (uint64_t)volume(z, t, box));
    }
    return (double)part;
}

/* Average over all passes of the instances that work; the product of the loops' averages. */
static double average_used(const td__nest *z, int level) {
    double used = 1, outer[TD_NDIM];
    for (int d = 0; d < TD_NDIM; d++) outer[d] = 1;
    for (int l = z->n - 1; l > level; l--) {
        for (int k = z->t0[l + 1] - 1; k >= z->t0[l]; k--)
            outer[z->t[k].dim] = z->t_tail[k] + z->t[k].bound * (outer[z->t[k].dim] - 1);
        for (int k = z->s0[l + 1] - 1; k >= z->s0[l]; k--) {
            double *passes = &outer[z->s[k].dim];
            const double all = z->s_tail[k] + z->s[k].bound * (*passes - 1);
            used = used * all / *passes;
            *passes = all;
        }
    }
    const double whole = round(used); /* quotients that cancel must not leave a rounding behind */
    return fabs(used - whole) < 1e-9 * whole ? whole : used;
}

void td__count_timeloop_imperfect(const td__nest *z, td_cost *c) {
    c->mac_used = z->used[0] < INT32_MAX ? (int32_t)z->used[0] : INT32_MAX;
    c->compute_cycles = z->outer[0] < 0x1p62 ? (int64_t)z->outer[0] : INT64_C(1) << 62;
    for (int l = 0; l < z->n; l++) c->used[l] = average_used(z, l);
    for (int t = 0; t < TD_NTENSOR; t++)
        for (int l = 0; l <= z->top[t]; l++) {
            if (!(z->m->keep[l] & TD_BIT(t))) continue;
            td_access *a = &c->at[l][t];
            td__groups g;
            td__sampled_deliveries(z, l, t, &g);
            const double n = total(&g), in = l < z->top[t] ? share(z, l + 1, t) : 0;
            a->partition_words = td__sampled_partition(z, l, t);
            if (t == TD_O) {
                a->updates = round(n);
                a->reads = round(n - a->partition_words);
                a->fills = l < z->top[t] ? round(in - a->partition_words) : 0;
            } else {
                a->reads = round(n);
                a->fills = trunc(in);
            }
        }
    /* MACs: what the first instance of level 0 does, times the average of used ones. The fan-out of
     * level 0 counts as it is in a whole pass. */
    td__groups g;
    deliver(z, 0, TD_W, &g);
    rows row;
    unsigned whole = 0;
    for (int k = 0; k < z->nt; k++)
        if (z->t_tail[k] > 1) whole |= TD_BIT(z->t[k].dim);
    for (int k = z->s0[1]; k < z->ns; k++)
        if (z->s_tail[k] > 1) whole |= TD_BIT(z->s[k].dim);
    find_rows(z, 0, ~whole, &row);
    double most = 1;
    for (int d = 0; d < TD_NDIM; d++) most *= row.count[d];
    /* Whole averages give Timeloop's number, which is cut off if the quotient is rounded down. */
    const double instances = c->used[0] * z->fan[0], macs = weighted(&g) / most * instances;
    c->macs = (int64_t)(instances == floor(instances) ? macs : round(macs));
}

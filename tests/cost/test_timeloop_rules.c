/* Timeloop counting against its rules taken literally: the sampled recursion with a remembered
 * move, deliveries child by child, bypassed levels folded into the next one outwards. No closed
 * forms, and no code of src/cost. The reference numbers of Timeloop itself are in tests/reference.
 */
#include "common.h"

#include <math.h>

#include "random_case.h"

typedef struct {
    int dim, bound;
    int64_t v[5]; /* move of the child's box per rank */
} loop;

typedef struct {
    bool any;
    int64_t v[5];
} memory;

typedef struct {
    loop t[TD_MAX_LOOPS]; /* loops in time at or above the parent, innermost first */
    int n;
    int64_t extent[5];
} walk;

static void ranks(const td_problem *p, int t, const int64_t x[TD_NDIM], int64_t r[5]) {
    switch (t) {
    case TD_W:
        r[0] = x[TD_G], r[1] = x[TD_K], r[2] = x[TD_C], r[3] = x[TD_R], r[4] = x[TD_S];
        return;
    case TD_O:
        r[0] = x[TD_N], r[1] = x[TD_G], r[2] = x[TD_K], r[3] = x[TD_P], r[4] = x[TD_Q];
        return;
    default:
        r[0] = x[TD_N], r[1] = x[TD_G], r[2] = x[TD_C];
        r[3] = x[TD_P] * p->stride[0] + x[TD_R] * p->dilation[0];
        r[4] = x[TD_Q] * p->stride[1] + x[TD_S] * p->dilation[1];
    }
}

static double volume(const int64_t e[5]) {
    double v = 1;
    for (int r = 0; r < 5; r++) v *= (double)e[r];
    return v;
}

/* Cost of one visit after a move, by the table of the direction rule. */
static double visit(const walk *w, bool first, const int64_t move[5], memory *m) {
    double full = volume(w->extent);
    if (first) return full;
    bool zero = true, same = m->any;
    int64_t common[5];
    for (int r = 0; r < 5; r++) {
        zero &= move[r] == 0;
        same &= move[r] == m->v[r];
        common[r] = w->extent[r] - llabs(move[r]);
        if (common[r] < 0) common[r] = 0;
    }
    if (zero) return 0;
    if (m->any && !same) {
        m->any = false;
        return full;
    }
    m->any = true;
    memcpy(m->v, move, sizeof m->v);
    return full - volume(common);
}

/* Loops 0 .. k - 1, entered by a move. */
static double run(const walk *w, int k, bool first, const int64_t move[5], memory *m) {
    if (k == 0) return visit(w, first, move, m);
    const loop *o = &w->t[k - 1];
    double a = run(w, k - 1, first, move, m);
    int64_t next[5];
    for (int r = 0; r < 5; r++) {
        next[r] = o->v[r];
        for (int j = 0; j < k - 1; j++) next[r] -= w->t[j].v[r];
    }
    return a + (o->bound - 1) * run(w, k - 1, false, next, m);
}

/* Everything by level; tile[l + 1] is that of level l. */
typedef struct {
    int64_t tile[TD_MAX_LEVELS + 1][TD_NDIM];
} tiles;

static void extents(const td_problem *p, int t, const int64_t tile[TD_NDIM], int64_t e[5]) {
    int64_t x[TD_NDIM];
    for (int d = 0; d < TD_NDIM; d++) x[d] = tile[d] - 1;
    ranks(p, t, x, e);
    for (int r = 0; r < 5; r++) e[r]++;
}

static tiles make_tiles(const td_hw *hw, const td_mapping *m) {
    tiles z;
    for (int d = 0; d < TD_NDIM; d++) z.tile[0][d] = 1;
    for (int l = 0; l < hw->n; l++) {
        for (int d = 0; d < TD_NDIM; d++) z.tile[l + 1][d] = z.tile[l][d];
        for (int i = m->first[l]; i < m->first[l + 1]; i++)
            z.tile[l + 1][m->loop[i].dim] *= m->loop[i].bound;
    }
    return z;
}

static double traffic(const td_case *c, const tiles *z, int t, int parent) {
    walk w = {.n = 0};
    if (parent == 0) { /* no reuse within a MAC */
        double n = 1;
        for (int i = 0; i < c->mapping.n; i++)
            if (c->mapping.loop[i].axis == TD_AXIS_T) n *= c->mapping.loop[i].bound;
        return n;
    }
    extents(&c->problem, t, z->tile[parent], w.extent);
    int64_t step[TD_NDIM];
    for (int d = 0; d < TD_NDIM; d++) step[d] = z->tile[parent][d];
    for (int l = parent; l < c->hw.n; l++)
        for (int i = c->mapping.first[l + 1] - 1; i >= c->mapping.first[l]; i--) {
            const td_loop *o = &c->mapping.loop[i];
            if (o->axis == TD_AXIS_T && o->bound > 1) {
                int64_t x[TD_NDIM] = {0};
                x[o->dim] = step[o->dim];
                w.t[w.n].dim = o->dim;
                w.t[w.n].bound = o->bound;
                ranks(&c->problem, t, x, w.t[w.n++].v);
            }
            step[o->dim] *= o->bound;
        }
    const int64_t none[5] = {0};
    memory m = {.any = false};
    return run(&w, w.n, true, none, &m);
}

/* hist[m]: targets with m identical children below level l. Positions are listed child by child. */
static int histogram(const td_case *c, const tiles *z, int t, int l, int hist[]) {
    static int64_t at[4096][5];
    int n = 1;
    memset(at[0], 0, sizeof at[0]);
    int64_t step[TD_NDIM];
    for (int d = 0; d < TD_NDIM; d++) step[d] = z->tile[l][d];
    for (int i = c->mapping.first[l + 1] - 1; i >= c->mapping.first[l]; i--) {
        const td_loop *o = &c->mapping.loop[i];
        if (o->axis == TD_AXIS_T) continue;
        int64_t x[TD_NDIM] = {0}, v[5];
        x[o->dim] = step[o->dim];
        ranks(&c->problem, t, x, v);
        step[o->dim] *= o->bound;
        assert_true(n * o->bound <= 4096);
        for (int j = 1; j < o->bound; j++)
            for (int k = 0; k < n; k++)
                for (int r = 0; r < 5; r++) at[j * n + k][r] = at[k][r] + j * v[r];
        n *= o->bound;
    }
    const td_level *v = &c->hw.level[l];
    bool shared = (t == TD_O ? v->reduce : v->multicast) >> t & 1;
    for (int i = 0; i <= n; i++) hist[i] = 0;
    for (int i = 0; i < n; i++) {
        int same = 0;
        bool earlier = false;
        for (int j = 0; j < n; j++)
            if (memcmp(at[i], at[j], sizeof at[i]) == 0) {
                earlier |= j < i;
                same++;
            }
        if (!shared)
            hist[1]++;
        else if (!earlier)
            hist[same]++;
    }
    return n;
}

static void compare(const td_case *c, const td_cost *cost) {
    tiles z = make_tiles(&c->hw, &c->mapping);
    for (int t = 0; t < TD_NTENSOR; t++) {
        int top = 0;
        for (int l = 0; l < c->hw.n; l++)
            if (c->mapping.keep[l] >> t & 1) top = l;
        double accesses[TD_MAX_LEVELS], share[TD_MAX_LEVELS], part[TD_MAX_LEVELS];
        int hist[4097];
        for (int l = 0; l < c->hw.n; l++) {
            double n = traffic(c, &z, t, l), children = 0;
            int fan = histogram(c, &z, t, l, hist);
            accesses[l] = 0;
            for (int m = 1; m <= fan; m++) {
                accesses[l] += n * hist[m];
                children += m * n * hist[m];
            }
            share[l] = children / fan;
            if (l > 0 && !(c->mapping.keep[l - 1] >> t & 1))
                accesses[l] *= accesses[l - 1] * fan / children;
        }
        for (int l = c->hw.n - 1; l >= 0; l--) {
            int64_t e[5], box[5], whole[TD_NDIM];
            bool space = false;
            extents(&c->problem, t, z.tile[l + 1], e);
            if (l == c->hw.n - 1) {
                part[l] = volume(e);
                continue;
            }
            for (int d = 0; d < TD_NDIM; d++) whole[d] = z.tile[l + 1][d];
            for (int i = c->mapping.first[l + 1]; i < c->mapping.first[l + 2]; i++)
                if (c->mapping.loop[i].axis != TD_AXIS_T) {
                    whole[c->mapping.loop[i].dim] *= c->mapping.loop[i].bound;
                    space = true;
                }
            extents(&c->problem, t, whole, box);
            part[l] = space ? floor(part[l + 1] * volume(e) / volume(box)) : part[l + 1];
        }
        for (int l = 0; l <= top; l++) {
            if (!(c->mapping.keep[l] >> t & 1)) continue;
            const td_access *a = &cost->at[l][t];
            double in = l < top ? share[l + 1] : 0, n = round(accesses[l]);
            double want[4] = {n, trunc(in), 0, part[l]};
            if (t == TD_O) {
                want[0] = n - part[l];
                want[1] = l < top ? round(in) - part[l] : 0;
                want[2] = n;
            }
            const double got[4] = {a->reads, a->fills, a->updates, a->partition_words};
            const char *const what[4] = {"reads", "fills", "updates", "partition"};
            for (int i = 0; i < 4; i++)
                if (got[i] != want[i])
                    fail_msg("%s, level %d, %c %s: got %.17g, rules give %.17g", c->name, l,
                             td_tensor_letter[t], what[i], got[i], want[i]);
        }
    }
}

static void test_rules(void **state) {
    (void)state;
    int n = random_cases(40000);
    for (int i = 0; i < n; i++) {
        td_case c;
        td_cost cost;
        td_error err = {0};
        random_case(3, (uint64_t)i, (random_limits){.max_macs = 30000, .resident = true}, &c);
        assert_ok(td_cost_evaluate(&c.problem, &c.hw, &c.mapping, TD_COUNT_TIMELOOP, &cost, &err),
                  &err);
        compare(&c, &cost);
    }
    print_message("%d cases agree with the recursion\n", n);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rules)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Timeloop counting of imperfect factors against its rules taken literally (docs/cost-model.md):
 * the sampled loops walked one inside the other, boxes by their corners, children one by one.
 * Nothing is remembered or multiplied, and no code of src/cost is used. Timeloop's own numbers are
 * in tests/reference. */
#include "common.h"

#include <math.h>

#include "random_case.h"

enum { MOST = 16384 }; /* children of one level */

typedef struct {
    int dim, axis, bound, tail, level, at;
} loop;

typedef struct {
    int lo[5], hi[5];
} box;

typedef struct {
    const td_case *c;
    int t, level, n, end; /* loops from the outermost; end: where the walk reaches the child */
    loop loop[TD_MAX_LOOPS];
    bool fan, visited, moved;
    box held;
    int move[5];
    double accesses, weighted; /* deliveries to groups and to children, summed over the run */
} walk;

/* Imperfect loops of bound 1 are none, and none is looked at. */
static void build(const td_case *c, int t, int level, walk *w) {
    memset(w, 0, sizeof *w);
    w->c = c;
    w->t = t;
    w->level = level;
    for (int l = c->hw.n - 1; l >= 0; l--)
        for (int i = c->mapping.first[l]; i < c->mapping.first[l + 1]; i++) {
            const td_loop *o = &c->mapping.loop[i];
            if (o->bound == 1) continue;
            w->loop[w->n++] = (loop){o->dim, o->axis, o->bound, o->tail, l, 0};
            if (l > level || (l == level && o->axis == TD_AXIS_T)) w->end = w->n;
            if (l == level && o->axis != TD_AXIS_T) w->fan = true;
        }
}

/* Are all loops over `dim` among the first n in their last iterations? */
static bool in_last(const walk *w, int n, int dim) {
    for (int i = 0; i < n; i++)
        if (w->loop[i].dim == dim && w->loop[i].at + 1 < w->loop[i].tail) return false;
    return true;
}

static void to_ranks(const walk *w, const int x[TD_NDIM], int r[5]) {
    const td_problem *p = &w->c->problem;
    if (w->t == TD_W) {
        r[0] = x[TD_G], r[1] = x[TD_K], r[2] = x[TD_C], r[3] = x[TD_R], r[4] = x[TD_S];
    } else if (w->t == TD_O) {
        r[0] = x[TD_N], r[1] = x[TD_G], r[2] = x[TD_K], r[3] = x[TD_P], r[4] = x[TD_Q];
    } else {
        r[0] = x[TD_N], r[1] = x[TD_G], r[2] = x[TD_C];
        r[3] = x[TD_P] * p->stride[0] + x[TD_R] * p->dilation[0];
        r[4] = x[TD_Q] * p->stride[1] + x[TD_S] * p->dilation[1];
    }
}

/* What loops number n and on touch, the others standing where they are. */
static box box_at(const walk *w, int n) {
    int low[TD_NDIM] = {0}, high[TD_NDIM] = {0};
    bool last[TD_NDIM];
    for (int d = 0; d < TD_NDIM; d++) last[d] = in_last(w, n, d);
    for (int i = 0; i < w->n; i++) {
        const loop *o = &w->loop[i];
        low[o->dim] = low[o->dim] * o->bound + (i < n ? o->at : 0);
        int end = last[o->dim] ? o->tail : o->bound; /* inside, all of them end together */
        high[o->dim] = high[o->dim] * o->bound + (i < n ? o->at : end - 1);
    }
    box b;
    to_ranks(w, low, b.lo);
    to_ranks(w, high, b.hi);
    return b;
}

static double volume(const box *b) {
    double v = 1;
    for (int r = 0; r < 5; r++) v *= b->hi[r] >= b->lo[r] ? b->hi[r] - b->lo[r] + 1 : 0;
    return v;
}

/* Words of the child's new box that count as new, by the table of the direction rule. */
static double visit(walk *w, const box *b) {
    const box before = w->held;
    const bool first = !w->visited;
    int move[5];
    bool zero = true, same = true;
    box common;
    for (int r = 0; r < 5; r++) {
        move[r] = (int)round((b->lo[r] + b->hi[r]) / 2.0 - (before.lo[r] + before.hi[r]) / 2.0);
        zero &= move[r] == 0;
        same &= move[r] == w->move[r];
        common.lo[r] = b->lo[r] > before.lo[r] ? b->lo[r] : before.lo[r];
        common.hi[r] = b->hi[r] < before.hi[r] ? b->hi[r] : before.hi[r];
    }
    w->held = *b;
    w->visited = true;
    if (first) return volume(b);
    if (!zero && w->moved && !same) {
        w->moved = false;
        return volume(b);
    }
    if (!zero) {
        w->moved = true;
        memcpy(w->move, move, sizeof move);
    }
    return volume(b) - volume(&common);
}

/* Children of the level that work now: how many, and how many different places they stand at. */
static void children(walk *w, int *all, int *distinct) {
    static int at[MOST][5];
    int first = w->end, n = 1, end = w->end;
    while (end < w->n && w->loop[end].level == w->level) n *= w->loop[end++].bound;
    *all = *distinct = 0;
    for (int i = 0; i < n; i++) {
        int rest = i;
        for (int k = end - 1; k >= first; k--) {
            w->loop[k].at = rest % w->loop[k].bound;
            rest /= w->loop[k].bound;
        }
        bool works = true;
        for (int k = first; k < end; k++)
            works &= !in_last(w, k, w->loop[k].dim) || w->loop[k].at < w->loop[k].tail;
        if (!works) continue;
        box b = box_at(w, end);
        memcpy(at[*all], b.lo, sizeof b.lo);
        bool seen = false;
        for (int k = 0; k < *all; k++) seen |= memcmp(at[k], at[*all], sizeof at[k]) == 0;
        *distinct += !seen;
        ++*all;
        assert_true(*all < MOST);
    }
    for (int k = first; k < end; k++) w->loop[k].at = 0;
    const td_level *v = &w->c->hw.level[w->level];
    if (!((w->t == TD_O ? v->reduce : v->multicast) >> w->t & 1)) *distinct = *all;
}

/* The child is asked for its words once, on behalf of `epochs` times. */
static double ask(walk *w, double epochs) {
    int end = w->end, all, distinct;
    while (end < w->n && w->loop[end].level == w->level) end++; /* at the first child */
    box b = box_at(w, end);
    double words = w->level == 0 ? 1 : visit(w, &b);
    if (!w->fan) return words;
    children(w, &all, &distinct);
    w->accesses += epochs * words * distinct;
    w->weighted += epochs * words * all;
    return words;
}

static double run(walk *w, int j, double epochs) {
    if (j == w->end) {
        /* Where the level has loops in time and no fan-out, its innermost one adds the deltas up.
         */
        const bool adds = w->end > 0 && w->loop[w->end - 1].level == w->level;
        double words = ask(w, epochs);
        if (!w->fan && !adds) {
            w->accesses += epochs * words;
            w->weighted += epochs * words;
        }
        return words;
    }
    loop *o = &w->loop[j];
    o->at = 0;
    if (o->axis != TD_AXIS_T) return run(w, j + 1, epochs);
    const bool right_outside = j == w->end - 1 && o->level == w->level && !w->fan;
    bool below = false;
    for (int i = j + 1; i < w->n; i++)
        below |= w->loop[i].dim == o->dim && w->loop[i].bound != w->loop[i].tail;
    const bool last = in_last(w, j, o->dim);
    const int n = last ? o->tail : o->bound;
    const bool run_last = below && last, run_before = run_last && o->bound != o->tail;
    double size[4], times[4];
    int count = 0;
    size[count] = run(w, j + 1, epochs);
    times[count++] = 1;
    int others = n - 1 - run_last - run_before;
    if (others > 0) {
        o->at = 1;
        size[count] = run(w, j + 1, epochs * others);
        times[count++] = others;
    }
    if (run_before && n >= 3) {
        o->at = n - 2;
        size[count] = run(w, j + 1, epochs);
        times[count++] = 1;
        if (n >= 4) times[--count - 1]++; /* the delta of the one before is taken again */
    }
    if (run_last && n >= 2) {
        o->at = n - 1;
        size[count] = run(w, j + 1, epochs);
        times[count++] = 1;
        if (!run_before && n >= 3) times[--count - 1]++;
    }
    o->at = 0;
    double sum = 0;
    for (int i = 0; i < count; i++) sum += size[i] * times[i];
    if (right_outside) {
        w->accesses += epochs * sum;
        w->weighted += epochs * sum;
    }
    return sum;
}

/* Deliveries of a level, without what bypassed levels pass on. */
static walk count(const td_case *c, int t, int level) {
    walk w;
    build(c, t, level, &w);
    run(&w, 0, 1);
    return w;
}

/* Average number of instances of a level: for each spatial loop outside, its iterations over all
 * passes by their number. */
static double average(const td_case *c, int level) {
    walk w;
    double used = 1;
    build(c, TD_W, 0, &w);
    for (int i = 0; i < w.n; i++) {
        const loop *o = &w.loop[i];
        if (o->axis == TD_AXIS_T || o->level <= level) continue;
        double passes = 1;
        for (int k = 0; k < i; k++)
            if (w.loop[k].dim == o->dim) passes = (passes - 1) * w.loop[k].bound + w.loop[k].tail;
        used *= ((passes - 1) * o->bound + o->tail) / passes;
    }
    return used;
}

static double partition(const td_case *c, int t, int level) {
    double part = -1;
    for (int l = c->hw.n - 1; l >= level; l--) {
        walk w, outer;
        build(c, t, l, &w);
        int outside = 0,
            spatial = 0; /* loops outside of level l's tile, of level l + 1's fan-out */
        while (outside < w.n && w.loop[outside].level > l) outside++;
        box b = box_at(&w, outside);
        if (part < 0) {
            part = volume(&b);
            continue;
        }
        build(c, t, l + 1, &outer);
        spatial = outer.end;
        if (!outer.fan) continue;
        box all = box_at(&outer, spatial);
        part = floor(part * volume(&b) / volume(&all));
    }
    return part;
}

static void same(const td_case *c, int l, int t, const char *what, double got, double want) {
    if (fabs(got - want) > 1e-9 * (1 + fabs(want)))
        fail_msg("%s, level %d, %c %s: got %.17g, rules give %.17g", c->name, l,
                 td_tensor_letter[t], what, got, want);
}

static void compare(const td_case *c, const td_cost *cost) {
    double cycles = 1;
    for (int i = 0; i < c->mapping.n; i++)
        if (c->mapping.loop[i].axis == TD_AXIS_T) cycles *= c->mapping.loop[i].bound;
    same(c, 0, TD_W, "cycles", (double)cost->compute_cycles, cycles);
    for (int l = 0; l < c->hw.n; l++) same(c, l, TD_W, "used", cost->used[l], average(c, l));
    for (int t = 0; t < TD_NTENSOR; t++) {
        int top = 0;
        for (int l = 0; l < c->hw.n; l++)
            if (c->mapping.keep[l] >> t & 1) top = l;
        double passed = 0, share[TD_MAX_LEVELS + 1] = {0};
        for (int l = 0; l < c->hw.n; l++) {
            walk w = count(c, t, l);
            int fan = 1;
            for (int i = c->mapping.first[l]; i < c->mapping.first[l + 1]; i++)
                if (c->mapping.loop[i].axis != TD_AXIS_T) fan *= c->mapping.loop[i].bound;
            share[l] = w.weighted / fan;
            double accesses = w.accesses;
            if (l > 0 && !(c->mapping.keep[l - 1] >> t & 1)) accesses *= passed * fan / w.weighted;
            passed = accesses;
            if (l == 0 && t == TD_W) {
                /* The first instance's MACs, by as many as a whole pass has, times the average. */
                double macs = w.weighted * average(c, 0);
                bool whole = true; /* a whole pass happens */
                for (int i = 0; i < w.n; i++)
                    if (w.loop[i].level == 0 && w.loop[i].axis != TD_AXIS_T)
                        whole &=
                            !in_last(&w, w.end, w.loop[i].dim) || w.loop[i].bound == w.loop[i].tail;
                if (whole && fabs((double)cost->macs - macs) > 1)
                    same(c, 0, t, "MACs", (double)cost->macs, macs);
            }
            if (l > top || !(c->mapping.keep[l] >> t & 1)) continue;
            const td_access *a = &cost->at[l][t];
            const double part = partition(c, t, l);
            same(c, l, t, "partition", a->partition_words, part);
            if (t != TD_O) {
                same(c, l, t, "reads", a->reads, round(accesses));
            } else {
                same(c, l, t, "reads", a->reads, round(accesses - part));
                same(c, l, t, "updates", a->updates, round(accesses));
            }
        }
        for (int l = 0; l < top; l++) {
            if (!(c->mapping.keep[l] >> t & 1)) continue;
            const double part = partition(c, t, l), in = share[l + 1];
            /* A share that is whole but for its rounding may be cut off on either side. */
            if (t == TD_O)
                same(c, l, t, "fills", cost->at[l][t].fills, round(in - part));
            else if (fabs(in - round(in)) > 1e-6)
                same(c, l, t, "fills", cost->at[l][t].fills, trunc(in));
        }
    }
}

static void test_rules(void **state) {
    (void)state;
    int n = random_cases(20000), imperfect = 0;
    for (int i = 0; i < n; i++) {
        td_case c;
        td_cost cost;
        td_error err = {0};
        random_case(
            6, (uint64_t)i,
            (random_limits){.max_macs = 3000, .resident = true, .large = true, .imperfect = true},
            &c);
        assert_ok(td_cost_evaluate(&c.problem, &c.hw, &c.mapping, TD_COUNT_TIMELOOP, &cost, &err),
                  &err);
        bool perfect = true;
        for (int k = 0; k < c.mapping.n; k++)
            perfect &= c.mapping.loop[k].bound == c.mapping.loop[k].tail;
        if (perfect) continue; /* counted by test_timeloop_rules.c */
        compare(&c, &cost);
        imperfect++;
    }
    print_message("%d cases with imperfect factors agree with the rules\n", imperfect);
    assert_true(imperfect > n / 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rules)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The dynamic program and the choice of resident weights against plain enumeration, on random
 * chains with random tables of ways: no mapper is involved. */
#include <math.h>
#include <string.h>

#include "common.h"
#include "schedule_random.h"

#include "../../src/map/schedule.h"

typedef struct {
    td_arena *arena;
    td_net *net;
    td_hw hw;
    td__home home;
    td__sched_plan plan;
    td__table table;
    td__stacks stacks;
    td_map_objective objective;
    td_rng rng;
} setup;

static int pick(td_rng *r, int lo, int hi) {
    return lo + (int)td_rng_below(r, (uint64_t)(hi - lo + 1));
}

/* Random ways, from the way with the fewest bits on: n of them that have `own` bits and more. */
static void random_ways(setup *s, td__ways *w, int n, int64_t own) {
    td_rng *r = &s->rng;
    int64_t tiles = 8;
    w->way = TD_NEW(s->arena, td__way, TD__MAX_WAYS);
    w->n = n;
    for (int i = 0; i < n; i++) {
        td__way *y = &w->way[i];
        y->bits = own + tiles;
        tiles += 8 * pick(r, 1, 120);
        y->cycles = 10 * pick(r, 1, 40);
        y->read = 8.0 * pick(r, 0, 400);
        y->write = 8.0 * pick(r, 0, 200);
        y->dram = td__dram_cycles(&s->hw, y->read, y->write);
        y->home_read = 8.0 * pick(r, 0, 4000);
        y->home_write = 8.0 * pick(r, 0, 4000);
        y->pj = pick(r, 1, 1000); /* whole: sums are exact */
    }
}

/* Half of the stacks that there could be. */
static void random_stacks(setup *s) {
    const td__sched_plan *p = &s->plan;
    s->stacks.stack = TD_NEW(s->arena, td__stack, 3 * p->n);
    for (int i = 0; i < p->n; i++)
        for (int n = 2; n <= 4 && i + n <= p->n && p->step[i + n - 2].flows; n++) {
            if (pick(&s->rng, 0, 1)) continue;
            td__stack *k = &s->stacks.stack[s->stacks.n++];
            *k = (td__stack){.first = i, .n = n, .buffer = 8 * pick(&s->rng, 1, 120)};
            for (int j = 0; j < n; j++) k->passes[j] = pick(&s->rng, 1, 6);
            for (int j = 0; j < n; j++)
                for (int side = 0; side < TD__STACK_SIDES; side++)
                    random_ways(s, &k->ways[j][side], pick(&s->rng, 0, 4), 0);
        }
}

/* A pool that values and weights compete for; ways that trade room for time and energy. */
static void make(setup *s, uint64_t seed, int steps) {
    td_error err;
    td_edge e;
    td_tech tech;
    *s = (setup){.arena = td_arena_create(), .rng = td_rng_make(seed, 0, TD_RNG_TEST)};
    td_rng *r = &s->rng;
    s->objective = seed % 2 ? TD_OBJ_ENERGY : TD_OBJ_LATENCY;
    micro_defaults(&e, &tech);
    build_micro(&e, &s->hw);
    s->net = random_chain(r, steps);
    assert_ok(td__sched_plan_build(s->net, 1, s->arena, &s->plan, &err), &err);
    td__home_find(&s->hw, &s->home);
    assert_int_equal(s->home.home, 2);
    assert_int_equal(s->home.tiles, 1);
    s->home.pool = 8 * pick(r, 300, 2500); /* values have 256 bytes, weights 16 or 144 */
    td__sched_plan_limit(&s->plan, s->home.pool, s->home.may);
    s->table.of = TD_NEW(s->arena, td__ways *, s->plan.n_shape);
    for (int k = 0; k < s->plan.n_shape; k++) {
        s->table.of[k] = TD_NEW(s->arena, td__ways, TD__MASKS);
        for (unsigned chip = 0; chip < 8; chip++) {
            td__ways *w = &s->table.of[k][chip];
            int64_t own = 0;
            const td_problem *p = &s->plan.shape[k];
            for (int t = 0; t < TD_NTENSOR; t++)
                if (chip & TD_BIT(t)) own += td_problem_words(p, (td_tensor)t) * p->bits[t];
            random_ways(s, w, chip == 0 ? pick(r, 1, 3) : pick(r, 0, 3), own);
        }
    }
    random_stacks(s);
    s->hw.leak_w = 0; /* likewise */
    s->hw.clock_tree = 0;
    for (int l = 0; l < s->hw.n; l++)
        s->hw.level[l].read_pj = s->hw.level[l].fill_pj = s->hw.level[l].update_pj = 1 + l;
    s->hw.vec.energy_pj = 1;
}

static void unmake(setup *s) {
    td_net_destroy(s->net);
    td_arena_destroy(s->arena);
}

typedef struct {
    double cycles, pj;
} figures;

static bool less(const setup *s, figures a, figures b) {
    bool energy = s->objective == TD_OBJ_ENERGY;
    double a1 = energy ? a.pj : a.cycles, b1 = energy ? b.pj : b.cycles;
    double a2 = energy ? a.cycles : a.pj, b2 = energy ? b.cycles : b.pj;
    return a1 < b1 || (a1 == b1 && a2 < b2);
}

static double dram_read_pj(const setup *s, double bits) {
    const td_level *top = &s->hw.level[s->hw.n - 1];
    return ceil(bits / 8 / (top->block_bits / 8)) * top->read_pj;
}

/* What is joined to step i: its cycles beside way w, and its energy. */
static double joined_to(const setup *s, int i, const bool *on_chip, const td__way *w, double *pj) {
    const td__step *x = &s->plan.step[i];
    const td_level *home = &s->hw.level[s->home.home];
    if (x->joined < 0) return 0;
    double bits = (double)s->plan.value[x->in[1]].bits;
    double cycles = ceil(x->ops / s->hw.vec.lanes);
    *pj += x->ops * s->hw.vec.energy_pj;
    if (!on_chip[x->in[1]]) {
        *pj += dram_read_pj(s, bits);
        return cycles;
    }
    *pj += ceil(bits / 8 / (home->block_bits / 8)) * home->read_pj;
    cycles = fmax(cycles, ceil((w->home_read + bits) / home->read_bw));
    cycles = fmax(cycles, ceil(w->home_write / home->write_bw));
    return fmax(cycles, ceil(bits / s->hw.vec.bw));
}

/* Whether what a layer of a stack has outside of it is on chip. */
static bool side_of(const setup *s, const td__stack *k, int i, const bool *on_chip) {
    const td__step *x = &s->plan.step[i];
    return i == k->first ? on_chip[x->in[0]] : i == k->first + k->n - 1 && on_chip[x->value];
}

/* Best of a stack when all places around it are given. */
static bool stack(const setup *s, const td__stack *k, const bool *resident, const bool *ahead,
                  const bool *on_chip, bool cold, figures *best) {
    const td__sched_plan *p = &s->plan;
    const int last = k->first + k->n - 1, next = (last + 1) % p->n;
    bool loads = ahead[next] && !(cold && next == 0);
    double room = (double)s->home.pool - (double)k->buffer;
    for (int i = 0; i < p->n; i++)
        if (resident[i] || (i >= k->first && i <= last)) room -= (double)p->step[i].weight_bits;
    if (loads && !resident[next] && !(next >= k->first && next <= last))
        room -= (double)p->step[next].weight_bits;
    /* Of a stack of all layers: those of this inference and those of the next one. */
    if (loads && !resident[next] && next >= k->first && next <= last)
        room -= (double)p->step[next].weight_bits;
    for (int v = 0; v < p->n_value; v++)
        if (on_chip[v] && p->value[v].maker < k->first && p->value[v].last >= k->first)
            room -= (double)p->value[v].bits;
    if (on_chip[p->step[last].value]) room -= (double)p->value[p->step[last].value].bits;
    *best = (figures){0, 0};
    for (int i = k->first; i <= last; i++) {
        const td__step *x = &p->step[i];
        bool own = !(i == k->first && ahead[i]) && (cold || !resident[i]), found = false;
        double extra = own ? (double)x->weight_bits : 0;
        double pj = own ? td__load_pj(p, &s->hw, &s->home, i) : 0;
        if (i == last && loads) {
            extra += (double)p->step[next].weight_bits;
            pj += td__load_pj(p, &s->hw, &s->home, next);
        }
        if (x->joined >= 0 && !on_chip[x->in[1]]) extra += (double)p->value[x->in[1]].bits;
        const td__ways *list = &k->ways[i - k->first][side_of(s, k, i, on_chip)];
        figures one = {0, 0};
        for (int w = 0; w < list->n; w++) {
            const td__way *y = &list->way[w];
            if ((double)y->bits > room) continue;
            double more = 0, cycles = fmax(y->cycles, joined_to(s, i, on_chip, y, &more));
            const int turns = k->passes[i - k->first];
            if (own) /* all turns but one come after its weights */
                cycles = fmax(cycles, td__dram_cycles(&s->hw, (double)x->weight_bits, 0) +
                                          ceil(cycles * (turns - 1) / turns));
            figures f = {fmax(cycles, td__dram_cycles(&s->hw, y->read + extra, y->write)),
                         y->pj + pj + more};
            if (!found || less(s, f, one)) one = f;
            found = true;
        }
        if (!found) return false;
        best->cycles += one.cycles;
        best->pj += one.pj;
    }
    return true;
}

/* Best of one interval when all places are given. */
static bool interval(const setup *s, int i, const bool *resident, const bool *ahead,
                     const bool *on_chip, bool cold, figures *best) {
    const td__sched_plan *p = &s->plan;
    const td__step *x = &p->step[i];
    int next = (i + 1) % p->n;
    bool loads = ahead[next] && !(cold && next == 0);
    double room = (double)s->home.pool, extra = 0, extra_pj = 0;
    for (int j = 0; j < p->n; j++)
        if (j != i && resident[j]) room -= (double)p->step[j].weight_bits;
    if (loads) {
        if (!resident[next]) room -= (double)p->step[next].weight_bits;
        extra += (double)p->step[next].weight_bits;
        extra_pj += td__load_pj(p, &s->hw, &s->home, next);
    }
    if (cold && resident[i] && !ahead[i]) {
        extra += (double)x->weight_bits;
        extra_pj += td__load_pj(p, &s->hw, &s->home, i);
    }
    for (int v = 0; v < p->n_value; v++) {
        if (!on_chip[v] || p->value[v].maker >= i || p->value[v].last < i) continue;
        bool mine = false;
        for (int k = 0; k < (x->shape < 0 ? x->n_in : 1); k++) mine = mine || x->in[k] == v;
        if (!mine) room -= (double)p->value[v].bits;
    }
    bool found = false;
    if (x->shape < 0) {
        td__vector_work w;
        td__vector_step(p, i, on_chip, &w);
        double bits = on_chip[x->value] ? (double)p->value[x->value].bits : 0;
        for (int k = 0; k < x->n_in; k++)
            if (on_chip[x->in[k]] && (k == 0 || x->in[k] != x->in[0]))
                bits += (double)p->value[x->in[k]].bits;
        if (bits > room) return false;
        double dram = td__dram_cycles(&s->hw, w.dram_read + extra, w.dram_write);
        *best = (figures){fmax(td__vector_cycles(&s->hw, &s->home, &w, NULL), dram),
                          td__vector_pj(&s->hw, &s->home, &w) + extra_pj};
        return true;
    }
    unsigned chip = (resident[i] || ahead[i] ? TD_BIT(TD_W) : 0) |
                    (on_chip[x->in[0]] ? TD_BIT(TD_I) : 0) | (on_chip[x->value] ? TD_BIT(TD_O) : 0);
    const td__ways *list = &s->table.of[x->shape][chip];
    if (x->joined >= 0 && !on_chip[x->in[1]]) extra += (double)p->value[x->in[1]].bits;
    for (int k = 0; k < list->n; k++) {
        const td__way *w = &list->way[k];
        if ((double)w->bits > room) continue;
        double pj = w->pj, cycles = fmax(w->cycles, joined_to(s, i, on_chip, w, &pj));
        figures f = {fmax(cycles, td__dram_cycles(&s->hw, w->read + extra, w->write)),
                     pj + extra_pj};
        if (!found || less(s, f, *best)) *best = f;
        found = true;
    }
    return found;
}

/* Whether stacks of a set overlap; inside[i]: interval i is in one, but not as its first layer. */
static bool apart(const setup *s, unsigned set, bool inside[16]) {
    int behind = 0;
    memset(inside, 0, 16);
    for (int k = 0; k < s->stacks.n; k++) {
        const td__stack *x = &s->stacks.stack[k];
        if (!(set >> k & 1)) continue;
        if (x->first < behind) return false;
        behind = x->first + x->n;
        for (int j = 1; j < x->n; j++) inside[x->first + j] = true;
    }
    return true;
}

/* Sum over intervals and the stacks of `set`. */
static bool sum_of(const setup *s, unsigned set, const bool *resident, const bool *ahead,
                   const bool *on_chip, bool cold, figures *sum) {
    *sum = (figures){0, 0};
    for (int i = 0, k = 0, n; i < s->plan.n; i += n) {
        figures one = {0, 0};
        n = 1;
        while (k < s->stacks.n && (s->stacks.stack[k].first < i || !(set >> k & 1))) k++;
        if (k < s->stacks.n && s->stacks.stack[k].first == i) {
            n = s->stacks.stack[k].n;
            if (!stack(s, &s->stacks.stack[k], resident, ahead, on_chip, cold, &one)) return false;
        } else if (!interval(s, i, resident, ahead, on_chip, cold, &one)) {
            return false;
        }
        sum->cycles += one.cycles;
        sum->pj += one.pj;
    }
    return true;
}

/* All places of values x all weights loaded ahead x all sets of stacks. */
static bool enumerate(const setup *s, const bool *resident, bool cold, figures *best) {
    const td__sched_plan *p = &s->plan;
    bool found = false, on_chip[16] = {0}, ahead[16] = {0};
    for (unsigned set = 0; set < 1u << s->stacks.n; set++)
        for (unsigned values = 0; values < 1u << p->n; values++) {
            bool inside[16], legal = apart(s, set, inside);
            for (int i = 0; i < p->n; i++) {
                on_chip[p->step[i].value] = values >> i & 1;
                bool handed = i + 1 < p->n && inside[i + 1];
                legal =
                    legal && (!(values >> i & 1) || (p->value[p->step[i].value].stay && !handed));
            }
            for (unsigned loads = 0; legal && loads < 1u << p->n; loads++) {
                bool possible = true;
                for (int i = 0; i < p->n; i++) {
                    ahead[i] = loads >> i & 1;
                    if (!ahead[i]) continue;
                    if (p->step[i].shape < 0 || (cold && i == 0) || (!cold && resident[i]) ||
                        inside[i])
                        possible = false;
                }
                figures sum;
                possible = possible && sum_of(s, set, resident, ahead, on_chip, cold, &sum);
                if (possible && (!found || less(s, sum, *best))) {
                    found = true;
                    *best = sum;
                }
            }
        }
    return found;
}

/* A list with nothing but one way of another list. */
static td__ways alone(const td__ways *list, const td__way *way) {
    assert_true(way >= list->way && way < list->way + list->n);
    return (td__ways){.way = &list->way[way - list->way], .n = 1};
}

/* The figures of what was chosen, by the rules of enumeration; false: there is no room for it. */
static bool sum_of_choice(setup *s, const td__choice *c, const bool *resident, bool cold,
                          figures *sum) {
    const td__sched_plan *p = &s->plan;
    bool on_chip[16] = {0}, ahead[16] = {0};
    *sum = (figures){0, 0};
    for (int i = 0; i < p->n; i++) {
        on_chip[p->step[i].value] = c[i].out_chip;
        ahead[i] = c[i].ahead;
    }
    for (int i = 0, n; i < p->n; i += n) {
        const td__step *x = &p->step[i];
        figures one = {0, 0};
        bool can;
        n = c[i].stack != NULL ? c[i].stack->n : 1;
        if (c[i].stack != NULL) {
            td__stack k = *c[i].stack;
            for (int j = 0; j < n; j++) {
                td__ways *list = &k.ways[j][side_of(s, &k, i + j, on_chip)];
                *list = alone(list, c[i + j].way);
            }
            can = stack(s, &k, resident, ahead, on_chip, cold, &one);
        } else if (x->shape >= 0) {
            unsigned chip = (resident[i] || ahead[i] ? TD_BIT(TD_W) : 0) |
                            (on_chip[x->in[0]] ? TD_BIT(TD_I) : 0) |
                            (on_chip[x->value] ? TD_BIT(TD_O) : 0);
            td__ways *list = &s->table.of[x->shape][chip], all = *list;
            *list = alone(&all, c[i].way);
            can = interval(s, i, resident, ahead, on_chip, cold, &one);
            *list = all;
        } else {
            can = interval(s, i, resident, ahead, on_chip, cold, &one);
        }
        if (!can) return false;
        sum->cycles += one.cycles;
        sum->pj += one.pj;
    }
    return true;
}

/* What a program has been used for before must not show. */
static void use(const setup *s, td__dp *dp) {
    bool some[16] = {0};
    td__answer any = {.choice = NULL};
    assert_true(td__dp_relaxed(dp, &any));
    td__dp_priced(dp, s->home.pool / 2, 0.01, some);
    td__dp_least(dp, (double)s->home.pool / 3);
    assert_true(td__dp_stacks(dp, NULL));
    td__dp_run(dp, some, TD__COLD, &any);
    assert_true(td__dp_stacks(dp, &s->stacks));
}

static figures answer_figures(const setup *s, const td__answer *a) {
    return s->objective == TD_OBJ_ENERGY ? (figures){a->second, a->first}
                                         : (figures){a->first, a->second};
}

static void dp_is_exact(void **state) {
    (void)state;
    int feasible = 0, staged = 0, stayed = 0, stacked = 0;
    for (uint64_t seed = 0; seed < 1000; seed++) {
        setup s;
        make(&s, seed, 2 + (int)(seed % 4));
        const td__sched_plan *p = &s.plan;
        td__dp *dp = td__dp_create(p, &s.hw, &s.home, &s.table, &s.stacks, s.objective, s.arena);
        td__choice choice[16];
        assert_non_null(dp);
        if (seed % 4 < 2) use(&s, dp);
        for (int k = 0; k < 4; k++) {
            bool resident[16] = {0}, cold = k == 1 + (int)(seed % 3);
            for (int i = 0; i < p->n; i++)
                resident[i] = k > 0 && p->step[i].shape >= 0 && pick(&s.rng, 0, 1);
            figures expected = {0, 0};
            td__answer a = {.choice = choice};
            bool can = enumerate(&s, resident, cold, &expected);
            assert_int_equal(td__dp_run(dp, resident, cold ? TD__COLD : TD__STEADY, &a), can);
            if (!can) continue;
            feasible++;
            figures found = answer_figures(&s, &a);
            assert_true(found.cycles == expected.cycles);
            assert_true(found.pj == expected.pj);
            assert_true(sum_of_choice(&s, choice, resident, cold, &expected));
            assert_true(found.cycles == expected.cycles);
            assert_true(found.pj == expected.pj);
            for (int i = 0; i < p->n; i++) {
                staged += choice[i].ahead;
                stayed += choice[i].out_chip;
                stacked += choice[i].stack != NULL;
            }
            td__answer relaxed = {.choice = NULL};
            assert_true(td__dp_relaxed(dp, &relaxed));
            if (!cold) assert_false(less(&s, found, answer_figures(&s, &relaxed)));
        }
        unmake(&s);
    }
    /* The cases are of interest: all kinds of choices occur. */
    assert_in_range(feasible, 2000, 4000);
    assert_in_range(staged, 300, 40000);
    assert_in_range(stayed, 1300, 40000);
    assert_in_range(stacked, 500, 40000);
}

static void picked_set_is_best(void **state) {
    (void)state;
    int some = 0;
    for (uint64_t seed = 1000; seed < 1120; seed++) {
        setup s;
        make(&s, seed, 2 + (int)(seed % 3));
        const td__sched_plan *p = &s.plan;
        td__dp *dp = td__dp_create(p, &s.hw, &s.home, &s.table, &s.stacks, s.objective, s.arena);
        td__choice choice[16];
        bool resident[16] = {0}, proved, found = false;
        td__answer a = {.choice = choice};
        assert_true(td__pick_resident(dp, p, &s.hw, &s.home, &s.table, s.objective, s.arena,
                                      resident, &a, &proved));
        assert_true(proved);
        figures best = {0, 0}, one = {0, 0};
        for (unsigned set = 0; set < 1u << p->n; set++) {
            bool trial[16] = {0}, legal = true;
            for (int i = 0; i < p->n; i++) {
                trial[i] = set >> i & 1;
                if (trial[i] && p->step[i].shape < 0) legal = false;
            }
            if (!legal || !enumerate(&s, trial, false, &one)) continue;
            if (!found || less(&s, one, best)) best = one;
            found = true;
        }
        assert_true(found);
        assert_true(answer_figures(&s, &a).cycles == best.cycles);
        assert_true(answer_figures(&s, &a).pj == best.pj);
        for (int i = 0; i < p->n; i++) some += resident[i];
        unmake(&s);
    }
    assert_in_range(some, 20, 1000);
}

/* A limit leaves out what is worse, and nothing else: choices at the limit and below are the same.
 */
static void limits_leave_out_the_worse(void **state) {
    (void)state;
    int at_limit = 0, worse = 0, stacked = 0;
    for (uint64_t seed = 4000; seed < 4120; seed++) {
        setup s;
        make(&s, seed, 10);
        const td__sched_plan *p = &s.plan;
        td__dp *free = td__dp_create(p, &s.hw, &s.home, &s.table, &s.stacks, s.objective, s.arena);
        td__dp *dp = td__dp_create(p, &s.hw, &s.home, &s.table, &s.stacks, s.objective, s.arena);
        td__choice expected[16], choice[16];
        td__answer relaxed = {.choice = NULL}, best = {.choice = expected}, a = {.choice = choice};
        assert_true(td__dp_relaxed(dp, &relaxed));
        for (int k = 0; k < 8; k++) {
            bool resident[16] = {0};
            for (int i = 0; i < p->n; i++)
                resident[i] = k > 0 && p->step[i].shape >= 0 && pick(&s.rng, 0, 2) == 0;
            if (!td__dp_run(free, resident, TD__STEADY, &best)) continue;
            const double above[] = {1 + 1e-12, 1.02, 1.5};
            for (int j = 0; j < 3; j++) {
                td__dp_limit(dp, best.first * above[j]);
                assert_true(td__dp_run(dp, resident, TD__STEADY, &a));
                assert_true(a.first == best.first && a.second == best.second);
                for (int i = 0; i < p->n; i++) {
                    assert_ptr_equal(choice[i].way, expected[i].way);
                    assert_ptr_equal(choice[i].stack, expected[i].stack);
                    assert_int_equal(choice[i].out_chip, expected[i].out_chip);
                    assert_int_equal(choice[i].ahead, expected[i].ahead);
                    stacked += choice[i].stack != NULL;
                }
                at_limit++;
            }
            td__dp_limit(dp, best.first * (1 - 1e-3));
            if (td__dp_run(dp, resident, TD__STEADY, &a)) assert_true(a.first >= best.first);
            worse++;
        }
        unmake(&s);
    }
    assert_in_range(at_limit, 1000, 3000);
    assert_in_range(worse, 300, 1000);
    assert_in_range(stacked, 300, 30000);
}

/* A dearer bit never makes the set larger, and with the room for all of a set set aside, the set
 * costs no more than any other one that fits, at the price of its bits. */
static void priced_sets(void **state) {
    (void)state;
    int some = 0, fewer = 0;
    for (uint64_t seed = 3000; seed < 3060; seed++) {
        setup s;
        make(&s, seed, 6);
        s.stacks.n = 0; /* their layers are priced one by one: no exact optimum */
        const td__sched_plan *p = &s.plan;
        td__dp *dp = td__dp_create(p, &s.hw, &s.home, &s.table, NULL, s.objective, s.arena);
        const int64_t reserve = s.home.pool / 2;
        int64_t before = INT64_MAX;
        for (double price = 0; price<1; price = price> 0 ? 4 * price : 1.0 / 64) {
            bool resident[16], other[16];
            td__answer mine = {.choice = NULL}, one = {.choice = NULL};
            int64_t bits = td__dp_priced(dp, reserve, price, resident), sum = 0;
            for (int i = 0; i < p->n; i++)
                if (resident[i]) sum += p->step[i].weight_bits;
            assert_int_equal(bits, sum);
            assert_true(bits <= before);
            fewer += before < INT64_MAX && bits < before;
            some += bits > 0;
            before = bits;
            if (bits > reserve) continue;
            /* With the reserve as room for the set, of which some may be idle, the real schedule of
             * the set is at most what was counted; any other set in the reserve alone at least. */
            assert_true(td__dp_run(dp, resident, TD__STEADY, &mine));
            s.home.pool -= reserve;
            for (unsigned set = 0; set < 1u << p->n; set++) {
                int64_t own = 0;
                bool legal = true;
                for (int i = 0; i < p->n; i++) {
                    other[i] = set >> i & 1;
                    legal = legal && !(other[i] && p->step[i].shape < 0);
                    if (other[i]) own += p->step[i].weight_bits;
                }
                if (!legal || own > reserve) continue;
                s.home.pool += own; /* exactly its own, and nothing of the rest */
                bool can = td__dp_run(dp, other, TD__STEADY, &one);
                s.home.pool -= own;
                if (can)
                    assert_true(mine.first + price * (double)bits <=
                                one.first + price * (double)own + 1e-9 * one.first);
            }
            s.home.pool += reserve;
        }
        unmake(&s);
    }
    assert_true(some > 40 && fewer > 20);
}

/* Longer chains: the search for the set is heuristic, but never worse than the sets that anybody
 * would try, and it is proved only if nothing is better. */
static void heuristic_set_is_good(void **state) {
    (void)state;
    double ratio = 0, gap = 0, loose = 0;
    int n = 0, proved_sets = 0, closer = 0;
    for (uint64_t seed = 2000; seed < 2040; seed++) {
        setup s;
        make(&s, seed, 10);
        const td__sched_plan *p = &s.plan;
        td__dp *dp = td__dp_create(p, &s.hw, &s.home, &s.table, &s.stacks, s.objective, s.arena);
        td__choice choice[16];
        bool resident[16] = {0}, trial[16], proved;
        td__answer a = {.choice = choice}, one = {.choice = NULL};
        assert_true(td__pick_resident(dp, p, &s.hw, &s.home, &s.table, s.objective, s.arena,
                                      resident, &a, &proved));
        double best = INFINITY;
        for (unsigned set = 0; set < 1u << p->n; set++) {
            bool legal = true;
            for (int i = 0; i < p->n; i++) {
                trial[i] = set >> i & 1;
                if (trial[i] && p->step[i].shape < 0) legal = false;
            }
            if (legal && td__dp_run(dp, trial, TD__STEADY, &one) && one.first < best)
                best = one.first;
        }
        assert_true(a.first >= best);
        if (proved) {
            assert_true(a.first == best);
            proved_sets++;
        }
        ratio += a.first / best;
        n++;
        td__answer relaxed = {.choice = NULL};
        assert_true(td__dp_relaxed(dp, &relaxed));
        const double least = td__dp_least(dp, (double)s.home.pool);
        assert_true(relaxed.first <= least * (1 + 1e-12) && least <= best * (1 + 1e-12));
        closer += least > relaxed.first * (1 + 1e-9);
        gap += best / least;
        loose += best / relaxed.first;
        unmake(&s);
    }
    printf("         best set: %.4f times the bound with a price for room, which is the greater in "
           "%d of %d; "
           "%.4f times that without\n",
           gap / n, closer, n, loose / n);
    assert_true(closer > 0 && gap < loose);
    printf("         set of resident weights: %.4f of the best on average, %d of %d proved\n",
           ratio / n, proved_sets, n);
    assert_true(ratio / n < 1.02);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dp_is_exact),
        cmocka_unit_test(picked_set_is_best),
        cmocka_unit_test(limits_leave_out_the_worse),
        cmocka_unit_test(priced_sets),
        cmocka_unit_test(heuristic_set_is_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

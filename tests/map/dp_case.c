/* Random chains with random tables of ways, and plain enumeration of their schedules: see
 * dp_case.h.
 */
#include "dp_case.h"

#include <math.h>
#include <string.h>

#include "common.h"
#include "schedule_random.h"

int dp_pick(td_rng *r, int lo, int hi) {
    return lo + (int)td_rng_below(r, (uint64_t)(hi - lo + 1));
}

/* Random ways, from the way with the fewest bits on: n of them that have `own` bits and more. */
static void random_ways(dp_case *s, td__ways *w, int n, int64_t own) {
    td_rng *r = &s->rng;
    int64_t tiles = 8;
    w->way = TD_NEW(s->arena, td__way, TD__MAX_WAYS);
    w->n = n;
    for (int i = 0; i < n; i++) {
        td__way *y = &w->way[i];
        y->bits = own + tiles;
        tiles += 8 * dp_pick(r, 1, 120);
        y->cycles = 10 * dp_pick(r, 1, 40);
        y->read = 8.0 * dp_pick(r, 0, 400);
        y->write = 8.0 * dp_pick(r, 0, 200);
        y->dram = td__dram_cycles(&s->hw, y->read, y->write);
        y->home_read = 8.0 * dp_pick(r, 0, 4000);
        y->home_write = 8.0 * dp_pick(r, 0, 4000);
        y->pj = dp_pick(r, 1, 1000); /* whole: sums are exact */
    }
}

/* Half of the stacks that there could be. */
static void random_stacks(dp_case *s) {
    const td__sched_plan *p = &s->plan;
    s->stacks.stack = TD_NEW(s->arena, td__stack, 3 * p->n);
    for (int i = 0; i < p->n; i++)
        for (int n = 2; n <= 4 && i + n <= p->n && p->step[i + n - 2].flows; n++) {
            if (dp_pick(&s->rng, 0, 1)) continue;
            td__stack *k = &s->stacks.stack[s->stacks.n++];
            *k = (td__stack){.first = i, .n = n, .buffer = 8 * dp_pick(&s->rng, 1, 120)};
            for (int j = 0; j < n; j++) k->passes[j] = dp_pick(&s->rng, 1, 6);
            for (int j = 0; j < n; j++)
                for (int side = 0; side < TD__STACK_SIDES; side++)
                    random_ways(s, &k->ways[j][side], dp_pick(&s->rng, 0, 4), 0);
        }
}

/* A pool that values and weights compete for; ways that trade room for time and energy. */
void dp_case_make(dp_case *s, uint64_t seed, int steps) {
    td_error err;
    td_edge e;
    td_tech tech;
    *s = (dp_case){.arena = td_arena_create(), .rng = td_rng_make(seed, 0, TD_RNG_TEST)};
    td_rng *r = &s->rng;
    s->objective = seed % 2 ? TD_OBJ_ENERGY : TD_OBJ_LATENCY;
    micro_defaults(&e, &tech);
    build_micro(&e, &s->hw);
    s->net = random_chain(r, steps);
    assert_ok(td__sched_plan_build(s->net, 1, s->arena, &s->plan, &err), &err);
    td__home_find(&s->hw, &s->home);
    assert_int_equal(s->home.home, 2);
    assert_int_equal(s->home.tiles, 1);
    s->home.pool = 8 * dp_pick(r, 300, 2500); /* values have 256 bytes, weights 16 or 144 */
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
            random_ways(s, w, chip == 0 ? dp_pick(r, 1, 3) : dp_pick(r, 0, 3), own);
        }
    }
    random_stacks(s);
    s->hw.leak_w = 0; /* likewise */
    s->hw.clock_tree = 0;
    for (int l = 0; l < s->hw.n; l++)
        s->hw.level[l].read_pj = s->hw.level[l].fill_pj = s->hw.level[l].update_pj = 1 + l;
    s->hw.vec.energy_pj = 1;
}

void dp_case_free(dp_case *s) {
    td_net_destroy(s->net);
    td_arena_destroy(s->arena);
}

bool dp_less(const dp_case *s, dp_figures a, dp_figures b) {
    bool energy = s->objective == TD_OBJ_ENERGY;
    double a1 = energy ? a.pj : a.cycles, b1 = energy ? b.pj : b.cycles;
    double a2 = energy ? a.cycles : a.pj, b2 = energy ? b.cycles : b.pj;
    return a1 < b1 || (a1 == b1 && a2 < b2);
}

static double dram_read_pj(const dp_case *s, double bits) {
    const td_level *top = &s->hw.level[s->hw.n - 1];
    return ceil(bits / 8 / (top->block_bits / 8)) * top->read_pj;
}

/* What is joined to step i: its cycles beside way w, and its energy. */
static double joined_to(const dp_case *s, int i, const bool *on_chip, const td__way *w,
                        double *pj) {
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
static bool side_of(const dp_case *s, const td__stack *k, int i, const bool *on_chip) {
    const td__step *x = &s->plan.step[i];
    return i == k->first ? on_chip[x->in[0]] : i == k->first + k->n - 1 && on_chip[x->value];
}

/* Best of a stack when all places around it are given. */
static bool stack(const dp_case *s, const td__stack *k, const bool *resident, const bool *ahead,
                  const bool *on_chip, bool cold, dp_figures *best) {
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
    *best = (dp_figures){0, 0};
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
        dp_figures one = {0, 0};
        for (int w = 0; w < list->n; w++) {
            const td__way *y = &list->way[w];
            if ((double)y->bits > room) continue;
            double more = 0, cycles = fmax(y->cycles, joined_to(s, i, on_chip, y, &more));
            const int turns = k->passes[i - k->first];
            if (own) /* all turns but one come after its weights */
                cycles = fmax(cycles, td__dram_cycles(&s->hw, (double)x->weight_bits, 0) +
                                          ceil(cycles * (turns - 1) / turns));
            dp_figures f = {fmax(cycles, td__dram_cycles(&s->hw, y->read + extra, y->write)),
                            y->pj + pj + more};
            if (!found || dp_less(s, f, one)) one = f;
            found = true;
        }
        if (!found) return false;
        best->cycles += one.cycles;
        best->pj += one.pj;
    }
    return true;
}

/* Best of one interval when all places are given. */
static bool interval(const dp_case *s, int i, const bool *resident, const bool *ahead,
                     const bool *on_chip, bool cold, dp_figures *best) {
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
        *best = (dp_figures){fmax(td__vector_cycles(&s->hw, &s->home, &w, NULL), dram),
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
        dp_figures f = {fmax(cycles, td__dram_cycles(&s->hw, w->read + extra, w->write)),
                        pj + extra_pj};
        if (!found || dp_less(s, f, *best)) *best = f;
        found = true;
    }
    return found;
}

/* Whether stacks of a set overlap; inside[i]: interval i is in one, but not as its first layer. */
static bool apart(const dp_case *s, unsigned set, bool inside[16]) {
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
static bool sum_of(const dp_case *s, unsigned set, const bool *resident, const bool *ahead,
                   const bool *on_chip, bool cold, dp_figures *sum) {
    *sum = (dp_figures){0, 0};
    for (int i = 0, k = 0, n; i < s->plan.n; i += n) {
        dp_figures one = {0, 0};
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
bool dp_enumerate(const dp_case *s, const bool *resident, bool cold, dp_figures *best) {
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
                dp_figures sum;
                possible = possible && sum_of(s, set, resident, ahead, on_chip, cold, &sum);
                if (possible && (!found || dp_less(s, sum, *best))) {
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

/* The dp_figures of what was chosen, by the rules of enumeration; false: there is no room for it.
 */
bool dp_sum_of(dp_case *s, const td__choice *c, const bool *resident, bool cold, dp_figures *sum) {
    const td__sched_plan *p = &s->plan;
    bool on_chip[16] = {0}, ahead[16] = {0};
    *sum = (dp_figures){0, 0};
    for (int i = 0; i < p->n; i++) {
        on_chip[p->step[i].value] = c[i].out_chip;
        ahead[i] = c[i].ahead;
    }
    for (int i = 0, n; i < p->n; i += n) {
        const td__step *x = &p->step[i];
        dp_figures one = {0, 0};
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

dp_figures dp_answer(const dp_case *s, const td__answer *a) {
    return s->objective == TD_OBJ_ENERGY ? (dp_figures){a->second, a->first}
                                         : (dp_figures){a->first, a->second};
}

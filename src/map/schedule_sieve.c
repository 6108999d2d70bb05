/* Which stacks are worth the questions to the mapper: those of the best schedules that could be
 * hoped for.
 *
 * There are hundreds of stacks, and the ways of their turns take a question or more each. So at
 * first each has a hope: turns as fast as MACs, ports and the layers' best known ways allow, with
 * nothing moved between layers. The dynamic program, run with hopes for few sets of resident
 * weights, tells the best schedule that there could be; the stacks that it has are asked for, all
 * hopes that share their turns are replaced by what is known, and so on, until the best has nothing
 * but known stacks. Since hopes are seldom too low, few others would have been of use.
 *
 * What is hoped for does not depend on the size of the pool but by what has room in it: a larger
 * one has the stacks of a smaller one, and more. */
#include "schedule.h"

/* A hope that is no better than so many times what there is without is not followed. */
#define NO_GAIN (1 - 1e-3)

/* Least cycles and energy of the ways of a shape; least DRAM bits of those with its weights on
 * chip, by the place of its input and output. */
typedef struct {
    double cycles, pj, read[4], write[4];
    double *turn; /* td__turn_cycles by rows; 0: not known yet */
} hope;

/* free: there is room on chip for all of the layer and as much again, so that its ways there are as
 * fast as any turns: these, one after the other, are a mapping of the layer as well. */
static hope hope_of(const td__ways *of, bool free) {
    hope b = {.cycles = INFINITY, .pj = INFINITY};
    for (int k = 0; k < 4; k++) b.read[k] = b.write[k] = INFINITY;
    for (unsigned mask = 0; mask < TD__MASKS; mask++)
        for (int k = 0; k < of[mask].n; k++) {
            const td__way *w = &of[mask].way[k];
            int place = (mask & TD_BIT(TD_I) ? 1 : 0) | (mask & TD_BIT(TD_O) ? 2 : 0);
            if (free && mask == TD_ALL_TENSORS) b.cycles = fmin(b.cycles, w->cycles);
            if (free && mask == TD_ALL_TENSORS) b.pj = fmin(b.pj, w->pj);
            if (!(mask & TD_BIT(TD_W))) continue;
            b.read[place] = fmin(b.read[place], w->read);
            b.write[place] = fmin(b.write[place], w->write);
        }
    if (!(b.cycles < INFINITY)) b.cycles = b.pj = 0; /* others are the hope */
    for (int k = 0; k < 4; k++) {
        if (!(b.read[k] < INFINITY)) b.read[k] = 0;
        if (!(b.write[k] < INFINITY)) b.write[k] = 0;
    }
    return b;
}

static bool hope_for(hope *of, const td__sched_plan *p, const td_hw *hw, const td__home *h,
                     td_arena *a, td__stack *s) {
    td__way *way = TD_NEW(a, td__way, s->n * TD__STACK_SIDES);
    if (way == NULL) return false;
    for (int k = 0; k < s->n; k++) {
        hope *b = &of[p->step[s->first + k].shape];
        const int rows = p->shape[p->step[s->first + k].shape].dim[TD_P];
        if (b->turn == NULL && (b->turn = TD_NEW(a, double, rows + 1)) == NULL) return false;
        double *turn = &b->turn[s->rows[k]]; /* other stacks have the same */
        if (*turn == 0) *turn = td__turn_cycles(p, hw, h, s, k);
        const double least = s->passes[k] * *turn;
        const double share = (double)s->passes[k] * s->rows[k] / rows;
        for (int side = 0; side < TD__STACK_SIDES; side++, way++) {
            const unsigned chip = td__stack_chip(s, k, side);
            const int place = (chip & TD_BIT(TD_I) ? 1 : 0) | (chip & TD_BIT(TD_O) ? 2 : 0);
            *way = (td__way){.cycles = fmax(ceil(b->cycles * share), least), .pj = b->pj * share};
            way->pj = fmax(way->pj, (double)p->step[s->first + k].macs * hw->mac.energy_pj);
            way->read = b->read[place];
            way->write = b->write[place];
            way->dram = td__dram_cycles(hw, way->read, way->write);
            s->ways[k][side] = (td__ways){.n = 1, .way = way};
        }
    }
    return true;
}

/* Leaves more rows only where there is hope for fewer cycles, or where they are twice as many. */
static void thin_out(td__stacks *all) {
    int n = 0, rows = 0;
    double least = INFINITY;
    for (int k = 0; k < all->n; k++) {
        const td__stack *s = &all->stack[k];
        double cycles = 0;
        for (int j = 0; j < s->n; j++) cycles += s->ways[j][0].way[0].cycles;
        const bool same =
            n > 0 && s->first == all->stack[n - 1].first && s->n == all->stack[n - 1].n;
        if (same && cycles >= least && s->rows[s->n - 1] < 2 * rows) continue;
        least = same ? fmin(least, cycles) : cycles;
        rows = s->rows[s->n - 1];
        all->stack[n++] = *s;
    }
    all->n = n;
}

enum { ROUNDS = 24 };

/* The sides of a stack's layers that a choice has, as bits. Inner layers have but one. */
static void sides_of(const td__sched_plan *p, const td__choice *choice, const td__stack *s,
                     uint8_t sides[TD__MAX_STACK]) {
    const int maker = p->value[p->step[s->first].in[0]].maker, last = s->n - 1;
    for (int k = 0; k < s->n; k++) sides[k] = 1;
    sides[0] = maker >= 0 && choice[maker].out_chip ? 2 : 1;
    sides[last] = choice[s->first + last].out_chip ? 2 : 1;
}

/* Asks for the turns of a choice; how many stacks had some that were not known. */
static td_status ask_for(const td__sched_plan *p, const td__choice *choice, td__turns *turns,
                         td__stacks *all, int *asked) {
    td_status s = TD_OK;
    *asked = 0;
    for (int i = 0; i < p->n && s == TD_OK; i++) {
        if (choice[i].stack == NULL || choice[i].at > 0) continue;
        td__stack *k = &all->stack[choice[i].stack - all->stack];
        uint8_t sides[TD__MAX_STACK];
        bool known = true;
        sides_of(p, choice, k, sides);
        for (int at = 0; at < k->n; at++) known &= k->found[at][sides[at] >> 1];
        if (known) continue;
        ++*asked;
        s = td__turns_find(turns, k, sides);
    }
    for (int k = 0; k < all->n && s == TD_OK && *asked > 0; k++)
        s = td__turns_find(turns, &all->stack[k], NULL);
    return s;
}

/* Those of which turns of all layers are known, and of these as much as is known. */
static td_status known_of(const td__stacks *all, td_arena *a, td__stacks *out) {
    *out = (td__stacks){.stack = TD_NEW(a, td__stack, all->n)};
    if (out->stack == NULL) return TD_E_MEMORY;
    for (int k = 0; k < all->n; k++) {
        td__stack *s = &out->stack[out->n];
        *s = all->stack[k];
        bool known = true;
        for (int at = 0; at < s->n; at++) {
            known &= s->found[at][0] || s->found[at][1];
            for (int side = 0; side < TD__STACK_SIDES; side++)
                if (!s->found[at][side]) s->ways[at][side].n = 0;
        }
        out->n += known;
    }
    return TD_OK;
}

static double quick(const td__sieve *v, double bar, td__sets *tried) {
    return td__pick_quick(v->dp, v->plan, v->hw, v->home, v->table, v->o->objective, v->arena, bar,
                          tried);
}

/* All stacks, with hopes. */
static td_status hope_all(const td__sieve *v, td__stacks *all) {
    td_status s = td__stacks_in(v->plan, v->home, v->stacks, false, v->arena, all);
    if (s != TD_OK || all->n == 0) return s;
    hope *of = TD_NEW(v->arena, hope, v->plan->n_shape);
    if (of == NULL) return TD_E_MEMORY;
    for (int k = 0; k < v->plan->n_shape; k++) {
        const int64_t *x = v->plan->shape_value[k];
        of[k] = hope_of(v->table->of[k], 2 * (x[TD_W] + x[TD_I] + x[TD_O]) <= v->home->pool);
    }
    for (int k = 0; k < all->n; k++)
        if (!hope_for(of, v->plan, v->hw, v->home, v->arena, &all->stack[k])) return TD_E_MEMORY;
    thin_out(all);
    return TD_OK;
}

/* What a set of resident weights makes of the stacks, if that is less than `limit`. */
static double with_set(const td__sieve *v, const td__stacks *stacks, const bool *set, double limit,
                       td__choice *choice) {
    td__answer a = {.choice = choice};
    if (!td__dp_stacks(v->dp, stacks)) return INFINITY;
    td__dp_limit(v->dp, limit);
    const bool found = td__dp_run(v->dp, set, TD__STEADY, &a);
    td__dp_limit(v->dp, INFINITY);
    return found ? a.first : INFINITY;
}

/* Asks for what the most hopeful of the sets uses, until that is known or no hope is left. */
static td_status follow(const td__sieve *v, td__stacks *all, double plain, td__stacks *out,
                        bool *resident) {
    const int n = v->plan->n;
    td__sets tried;
    td__choice *choice = TD_NEW(v->arena, td__choice, n);
    double real = plain;
    td__turns *turns = td__turns_create(v->plan, v->hw, v->home, v->o, v->table->memory, v->arena);
    if (choice == NULL || turns == NULL || !td__dp_stacks(v->dp, all)) return TD_E_MEMORY;
    quick(v, real * NO_GAIN, &tried);
    for (int round = 0; round < ROUNDS && tried.n > 0;) {
        int best = 0;
        for (int k = 1; k < tried.n; k++)
            if (tried.first[k] < tried.first[best]) best = k;
        if (tried.first[best] >= real * NO_GAIN) break;
        double second = INFINITY;
        for (int k = 0; k < tried.n; k++)
            if (k != best) second = fmin(second, tried.first[k]);
        const bool *set = tried.set + (size_t)best * (size_t)n;
        tried.first[best] = with_set(v, all, set, real, choice);
        if (tried.first[best] > second || tried.first[best] >= real * NO_GAIN) continue;
        int asked;
        td_status s = ask_for(v->plan, choice, turns, all, &asked);
        if (s != TD_OK) return s;
        double first = tried.first[best];
        if (asked > 0) {
            if ((s = known_of(all, v->arena, out)) != TD_OK) return s;
            first = with_set(v, out, set, real, NULL);
        }
        if (first < real) {
            real = first;
            memcpy(resident, set, sizeof *resident * (size_t)n);
        }
        if (asked == 0) break;
        round++;
    }
    return TD_OK;
}

td_status td__stacks_sieve(const td__sieve *v, td__stacks *out, bool *resident, double *plain) {
    td__stacks all;
    *plain = 0;
    *out = (td__stacks){0};
    memset(resident, 0, sizeof *resident * (size_t)v->plan->n);
    td_status s = hope_all(v, &all);
    if (s != TD_OK || all.n == 0) return s;
    *plain = quick(v, INFINITY, NULL);
    s = follow(v, &all, *plain, out, resident);
    return s == TD_OK && !td__dp_stacks(v->dp, out) ? TD_E_MEMORY : s;
}

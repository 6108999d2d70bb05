/* Which stacks are worth the questions to the mapper: those of the best schedules that could be
 * hoped for.
 *
 * There are hundreds of stacks, and the ways of their turns take a question or more each. So at
 * first each has a hope: turns as fast as MACs, ports and the layers' best known ways allow, with
 * nothing moved between layers. The dynamic program, run with hopes for few sets of resident
 * weights, tells the best schedule that there could be; the stacks that it has are asked for, all
 * hopes that share their turns are replaced by what is known, and so on, until the best has nothing
 * but known stacks. Where turns are faster than was hoped for, more is hoped of others of their
 * layer; a stack whose rows were left out, since fewer were hoped to be as fast, comes back where
 * these are not.
 *
 * What is hoped for does not depend on the size of the pool but by what has room in it: a larger
 * one has the stacks of a smaller one, and more. */
#include "schedule.h"

/* A hope that is no better than so many times what there is without is not followed. */
#define NO_GAIN (1 - 1e-3)
/* Nor do turns that are no faster than so many times what was hoped for change other hopes. */
#define HARDLY_LOWER 0.9

/* Least cycles and energy of the ways of a shape; least DRAM bits of those with its weights on
 * chip, by the place of its input and output. */
typedef struct {
    double cycles, pj, read[4], write[4];
    double *turn; /* td__turn_cycles by rows; 0: not known yet */
    double below; /* turns took so many times what was hoped for, at most 1 */
} hope;

/* free: there is room on chip for all of the layer and as much again, so that its ways there are as
 * fast as any turns: these, one after the other, are a mapping of the layer as well. */
static hope hope_of(const td__ways *of, bool free) {
    hope b = {.cycles = INFINITY, .pj = INFINITY, .below = 1};
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

/* All stacks, with ways that are known or hoped for, and those that the dynamic program gets. */
typedef struct {
    hope *of; /* by shape */
    td__stacks all, shown;
    int *which; /* of all each one that is shown is */
} hopes;

static bool known(const td__stack *s, int k) {
    return s->found[k][0] || s->found[k][1];
}

/* The part of its layer that all turns of layer k of a stack make; more than 1 where the last one
 * counts in full. */
static double share_of(const td__sched_plan *p, const td__stack *s, int k) {
    return (double)s->passes[k] * s->rows[k] / p->shape[p->step[s->first + k].shape].dim[TD_P];
}

/* Cycles that the turns are hoped to take before any of the layer's are known. */
static double hoped(const hope *b, const td__stack *s, int k, double share) {
    return fmax(ceil(b->cycles * share), s->passes[k] * b->turn[s->rows[k]]);
}

static bool measure_turn(hope *b, const td__sieve *v, const td__stack *s, int k) {
    const int rows = v->plan->shape[v->plan->step[s->first + k].shape].dim[TD_P];
    if (b->turn == NULL && (b->turn = TD_NEW(v->arena, double, rows + 1)) == NULL) return false;
    double *turn = &b->turn[s->rows[k]]; /* other stacks have the same */
    if (*turn == 0) *turn = td__turn_cycles(v->plan, v->hw, v->home, s, k);
    return true;
}

/* Ways of turns that are not known, each as it is hoped for. (In memory of their own each time: the
 * dynamic program knows ways that it has looked at by their addresses.) */
static bool hope_for(hopes *o, const td__sieve *v, td__stack *s) {
    td__way *way = TD_NEW(v->arena, td__way, s->n * TD__STACK_SIDES);
    if (way == NULL) return false;
    for (int k = 0; k < s->n; k++) {
        const td__step *step = &v->plan->step[s->first + k];
        hope *b = &o->of[step->shape];
        if (!measure_turn(b, v, s, k)) return false;
        const double share = share_of(v->plan, s, k);
        td__way hoped_for = {.cycles = b->below * hoped(b, s, k, share)};
        hoped_for.pj = fmax(b->pj * share, (double)step->macs * v->hw->mac.energy_pj);
        for (int side = 0; side < TD__STACK_SIDES; side++, way++) {
            if (s->found[k][side]) continue;
            const unsigned chip = td__stack_chip(s, k, side);
            const int place = (chip & TD_BIT(TD_I) ? 1 : 0) | (chip & TD_BIT(TD_O) ? 2 : 0);
            *way = hoped_for;
            way->read = b->read[place];
            way->write = b->write[place];
            way->dram = td__dram_cycles(v->hw, way->read, way->write);
            s->ways[k][side] = (td__ways){.n = 1, .way = way};
        }
    }
    return true;
}

/* Least cycles of a layer of a stack: of its known turns, or hoped for. */
static double least_cycles(const td__stack *s, int k) {
    double least = INFINITY;
    if (!known(s, k)) return s->ways[k][0].way->cycles;
    for (int side = 0; side < TD__STACK_SIDES; side++)
        for (int w = 0; w < s->ways[k][side].n && s->found[k][side]; w++)
            least = fmin(least, s->ways[k][side].way[w].cycles);
    return least;
}

/* More rows only where there is hope for fewer cycles, where they are twice as many, or known.
 * *other: not those that were shown before. */
static void show(hopes *o, bool *other) {
    td__stacks *to = &o->shown;
    const int before = to->n;
    int rows = 0;
    double least = INFINITY;
    *other = false;
    to->n = 0;
    for (int k = 0; k < o->all.n; k++) {
        const td__stack *s = &o->all.stack[k];
        const td__stack *last = to->n > 0 ? &to->stack[to->n - 1] : NULL;
        double cycles = 0;
        bool all = true;
        for (int j = 0; j < s->n; j++) {
            cycles += least_cycles(s, j);
            all &= known(s, j);
        }
        const bool same = last != NULL && s->first == last->first && s->n == last->n;
        if (same && cycles >= least && s->rows[s->n - 1] < 2 * rows && !all) continue;
        least = same ? fmin(least, cycles) : cycles;
        rows = s->rows[s->n - 1];
        *other |= to->n < before && o->which[to->n] != k;
        o->which[to->n] = k;
        to->stack[to->n++] = *s;
    }
    *other |= to->n != before;
}

/* After questions. *lower: turns were faster than was hoped for, so that more is hoped of others;
 * *other: others are shown. */
static td_status learn(hopes *o, const td__sieve *v, bool *lower, bool *other) {
    *lower = false;
    for (int i = 0; i < o->all.n; i++) {
        const td__stack *s = &o->all.stack[i];
        for (int k = 0; k < s->n; k++) {
            hope *b = &o->of[v->plan->step[s->first + k].shape];
            if (!known(s, k)) continue;
            const double below = least_cycles(s, k) / hoped(b, s, k, share_of(v->plan, s, k));
            if (below >= b->below * HARDLY_LOWER) continue;
            b->below = below;
            *lower = true;
        }
    }
    for (int i = 0; i < o->all.n && *lower; i++)
        if (!hope_for(o, v, &o->all.stack[i])) return TD_E_MEMORY;
    show(o, other);
    return TD_OK;
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
                         hopes *o, int *asked) {
    td_status s = TD_OK;
    *asked = 0;
    for (int i = 0; i < p->n && s == TD_OK; i++) {
        if (choice[i].stack == NULL || choice[i].at > 0) continue;
        td__stack *k = &o->all.stack[o->which[choice[i].stack - o->shown.stack]];
        uint8_t sides[TD__MAX_STACK];
        bool all = true;
        sides_of(p, choice, k, sides);
        for (int at = 0; at < k->n; at++) all &= k->found[at][sides[at] >> 1];
        if (all) continue;
        ++*asked;
        s = td__turns_find(turns, k, sides);
    }
    for (int k = 0; k < o->all.n && s == TD_OK && *asked > 0; k++)
        s = td__turns_find(turns, &o->all.stack[k], NULL);
    return s;
}

/* Those of which turns of all layers are known, and of these as much as is known. */
static td_status known_of(const td__stacks *all, td_arena *a, td__stacks *out) {
    *out = (td__stacks){.stack = TD_NEW(a, td__stack, all->n)};
    if (out->stack == NULL) return TD_E_MEMORY;
    for (int k = 0; k < all->n; k++) {
        td__stack *s = &out->stack[out->n];
        *s = all->stack[k];
        bool all_known = true;
        for (int at = 0; at < s->n; at++) {
            all_known &= known(s, at);
            for (int side = 0; side < TD__STACK_SIDES; side++)
                if (!s->found[at][side]) s->ways[at][side].n = 0;
        }
        out->n += all_known;
    }
    return TD_OK;
}

static double quick(const td__sieve *v, double bar, td__sets *tried) {
    return td__pick_quick(v->dp, v->plan, v->hw, v->home, v->table, v->o->objective, v->arena, bar,
                          tried);
}

static td_status hope_all(const td__sieve *v, hopes *o) {
    bool other;
    *o = (hopes){.of = NULL};
    td_status s = td__stacks_in(v->plan, v->home, v->stacks, false, v->arena, &o->all);
    if (s != TD_OK || o->all.n == 0) return s;
    o->of = TD_NEW(v->arena, hope, v->plan->n_shape);
    o->which = TD_NEW(v->arena, int, o->all.n);
    o->shown.stack = TD_NEW(v->arena, td__stack, o->all.n);
    if (!o->of || !o->which || !o->shown.stack) return TD_E_MEMORY;
    for (int k = 0; k < v->plan->n_shape; k++) {
        const int64_t *x = v->plan->shape_value[k];
        o->of[k] = hope_of(v->table->of[k], 2 * (x[TD_W] + x[TD_I] + x[TD_O]) <= v->home->pool);
    }
    for (int k = 0; k < o->all.n; k++)
        if (!hope_for(o, v, &o->all.stack[k])) return TD_E_MEMORY;
    show(o, &other);
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

/* With others shown floors are taken anew, and with higher hopes no set is known to be worse than
 * what there could be at best (nothing, where without hopes nothing is feasible). */
static td_status reconsider(const td__sieve *v, const hopes *o, bool lower, td__sets *tried) {
    td__answer best = {.choice = NULL};
    if (!td__dp_stacks(v->dp, &o->shown)) return TD_E_MEMORY;
    const bool feasible = td__dp_relaxed(v->dp, &best);
    for (int k = 0; k < tried->n && lower && feasible; k++)
        tried->first[k] = fmin(tried->first[k], best.first);
    return td_arena_failed(v->arena) ? TD_E_MEMORY : TD_OK;
}

/* Asks for what the most hopeful of the sets uses, until that is known or no hope is left. */
static td_status follow(const td__sieve *v, hopes *o, double plain, td__stacks *out,
                        bool *resident) {
    const int n = v->plan->n;
    td__sets tried;
    td__choice *choice = TD_NEW(v->arena, td__choice, n);
    double real = plain;
    td__turns *turns = td__turns_create(v->plan, v->hw, v->home, v->o, v->table->memory, v->arena);
    if (choice == NULL || turns == NULL || !td__dp_stacks(v->dp, &o->shown)) return TD_E_MEMORY;
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
        tried.first[best] = with_set(v, &o->shown, set, real, choice);
        if (tried.first[best] > second || tried.first[best] >= real * NO_GAIN) continue;
        int asked;
        td_status s = ask_for(v->plan, choice, turns, o, &asked);
        double first = tried.first[best];
        if (s == TD_OK && asked > 0) {
            bool lower, other;
            s = learn(o, v, &lower, &other);
            if (s == TD_OK && (lower || other)) s = reconsider(v, o, lower, &tried);
            if (s == TD_OK) s = known_of(&o->all, v->arena, out);
            if (s == TD_OK) first = with_set(v, out, set, real, NULL);
        }
        if (s != TD_OK) return s;
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
    hopes o;
    *plain = 0;
    *out = (td__stacks){0};
    memset(resident, 0, sizeof *resident * (size_t)v->plan->n);
    td_status s = hope_all(v, &o);
    if (s != TD_OK || o.all.n == 0) return s;
    *plain = quick(v, INFINITY, NULL);
    s = follow(v, &o, *plain, out, resident);
    return s == TD_OK && !td__dp_stacks(v->dp, out) ? TD_E_MEMORY : s;
}

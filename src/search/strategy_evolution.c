/* Regularised evolution: Real, Aggarwal, Huang, Le, "Regularized Evolution for Image Classifier
 * Architecture Search", AAAI 2019 (arXiv 1802.01548), algorithm 1.
 *
 * The population is a queue of the last told trials. A child is a mutation of the best of `sample`
 * members drawn with replacement; when its outcome is told it enters the queue and the oldest
 * member dies. Age instead of worth decides who dies, so a lucky measurement cannot rule for long.
 * With `selection: tournament` worth decides: survivors by rank, (mu + 1) of evolution strategies.
 *
 * Beyond the paper: outcomes are ordered by td_outcome_compare, so infeasible members lead toward
 * feasibility, and one that is infeasible takes the place of another such only; a child may have
 * two parents; and a vector is asked once.
 *
 * With `solve`, a child is a network, and what it can do is found out before a training is spent on
 * it: accelerators are tried on it for their costs, those of good members and mutations of the best
 * so far. Best is what keeps farthest from its tightest constraint, also beyond meeting it: that
 * leaves room for the child's children. Costs are nearly free, trainings are not. */
#include <stdlib.h>
#include <string.h>

#include "option.h"
#include "search_asked.h"
#include "strategies.h"

enum {
    MUTANTS = 16, /* tries to find an unasked child of the same parents, each a step further out */
    SAMPLES = 32, /* then tries of random vectors */
    MOST_FIRST = 10, /* populations of random vectors, at most, with `solve` */
    PATIENCE = 4,    /* so many of the tries without a better one are the end, too */
    TAKEN = 4,       /* one of so many tries of `solve` takes a member's accelerator */
    MOST_MUTATIONS = 64
};

typedef struct {
    double *v;
    td_outcome outcome;
    int64_t born;
    int place; /* among all members, where outcomes have several objectives; 0 is the best */
} member;

/* The network that is being solved. */
typedef struct {
    bool open, known;    /* known: one of its tries has been told */
    double *v, excess;   /* with the best accelerator that was told, and by how much that misses */
    int tries, improved; /* improved: at which of them the best so far was found */
} child;

/* The defaults are for budgets of 50 to 2,000 trials. On the co-design problem of tests/search the
 * choice matters little (medians of 151 seeds lie within .003 of accuracy for populations of 24 to
 * 64, 1.5 or 2 mutations, crossover 0 to .8); small populations are first to find what is feasible.
 */
typedef struct {
    const td_space *space;
    uint64_t seed;
    int population, sample, solve, selection;
    double mutations, crossover;
    td__asked asked, networks; /* networks: what is left of vectors without costs_only decisions */
    member *queue;
    double *values, *room; /* room: for one vector */
    int alive;
    int64_t births, bred, met; /* met: children that met all constraints, of those that were told */
    child child;
    bool fronts; /* an outcome with several objectives was told */
} state;

/* Decisions that change the accuracy, and others that do not? */
static bool has_both(const td_space *space) {
    int costs_only = 0;
    for (int i = 0; i < space->n; i++) costs_only += space->d[i].costs_only;
    return costs_only > 0 && costs_only < space->n;
}

enum { REGULARISED, TOURNAMENT }; /* selection */

static td_status read_options(state *s, const td_params *params, td_error *err) {
    static const char *const keys[] = {"population", "sample",    "mutations", "crossover",
                                       "solve",      "selection", NULL};
    static const char *const selections[] = {"regularised", "tournament"};
    int64_t population = 24, sample = 0, solve = 0;
    s->mutations = 1.5;
    s->crossover = 0.5;
    td_status status = td_node_only(params, keys, err);
    if (status == TD_OK)
        status = td_node_opt_int(params, "population", 1, 1000000, &population, err);
    sample = (population + 1) / 2;
    if (status == TD_OK) status = td_node_opt_int(params, "sample", 1, population, &sample, err);
    if (status == TD_OK)
        status = td_node_opt_real(params, "mutations", 1, MOST_MUTATIONS, &s->mutations, err);
    if (status == TD_OK) status = td_node_opt_real(params, "crossover", 0, 1, &s->crossover, err);
    if (status == TD_OK) status = td_node_opt_int(params, "solve", 0, 1000000, &solve, err);
    if (status == TD_OK)
        status = td__option_word(params, "selection", selections, 2, &s->selection, err);
    s->population = (int)population;
    s->solve = has_both(s->space) ? (int)solve : 0;
    s->sample = (int)sample;
    return status;
}

static void destroy(void *self) {
    state *s = self;
    if (s == NULL) return;
    td__asked_free(&s->asked);
    td__asked_free(&s->networks);
    free(s->queue);
    free(s->values);
    free(s);
}

static td_status init(void **out, const td_space *space, uint64_t seed, const td_params *params,
                      td_error *err) {
    *out = NULL;
    state *s = calloc(1, sizeof *s);
    if (s == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    s->space = space;
    s->seed = seed;
    td_status status = read_options(s, params, err);
    if (status == TD_OK) {
        s->queue = calloc((size_t)s->population, sizeof *s->queue);
        s->values = calloc((size_t)(s->population + 2) * (size_t)(space->n + 1), sizeof *s->values);
        if (s->queue == NULL || s->values == NULL)
            status = td_fail(err, TD_E_MEMORY, "out of memory");
    }
    if (status != TD_OK) {
        destroy(s);
        return status;
    }
    for (int i = 0; i < s->population; i++)
        s->queue[i].v = s->values + (size_t)i * (size_t)space->n;
    s->child.v = s->values + (size_t)s->population * (size_t)space->n;
    s->room = s->child.v + space->n;
    *out = s;
    return TD_OK;
}

static bool better(const state *s, const member *a, const member *b) {
    if (s->fronts) return a->place < b->place;
    return td_outcome_compare(&a->outcome, &b->outcome) < 0;
}

/* The best of `sample` members, the first drawn among equals. */
static const member *tournament(const state *s, td_rng *r) {
    const member *best = NULL;
    for (int i = 0; i < s->sample; i++) {
        const member *m = &s->queue[td_rng_below(r, (uint64_t)s->alive)];
        if (best == NULL || better(s, m, best)) best = m;
    }
    return best;
}

/* 1 and then as many more as a coin comes up: `mutations` on average. */
static int mutation_count(const state *s, td_rng *r) {
    double go_on = (s->mutations - 1) / s->mutations;
    int n = 1;
    while (n < MOST_MUTATIONS && td_rng_uniform(r) < go_on) n++;
    return n;
}

static void breed(const state *s, td_rng *r, const member *mother, const member *father, int extra,
                  td_choices *out) {
    size_t bytes = sizeof *out->v * (size_t)s->space->n;
    if (father != NULL) {
        td_choices a = {s->space->n, mother->v}, b = {s->space->n, father->v};
        td_space_cross(s->space, r, &a, &b, out);
    } else if (bytes > 0) {
        memcpy(out->v, mother->v, bytes);
    }
    out->n = s->space->n;
    for (int n = mutation_count(s, r) + extra; n > 0; n--) td_space_mutate(s->space, r, out);
}

/* Without the decisions that do not change the accuracy; in the state's room. */
static td_choices network_of(state *s, const td_choices *c) {
    for (int i = 0; i < s->space->n; i++) s->room[i] = s->space->d[i].costs_only ? NAN : c->v[i];
    return (td_choices){s->space->n, s->room};
}

/* Was this vector asked before? With `solve`: was its network? */
static bool is_old(state *s, const td_choices *c) {
    if (s->solve == 0) return td__asked_avoids(&s->asked, s->space, c);
    td_choices network = network_of(s, c);
    return td__asked_has(&s->networks, &network) || !td_space_allows(s->space, c);
}

/* Random ones make the first population. With `solve` a good many of them are given up; half of a
 * population that meets the constraints is enough, or else all later ones would be children of the
 * first that did. */
static bool in_first_population(const state *s) {
    if (s->alive == 0 || s->bred < s->population / 2) return true;
    if (s->solve == 0) return s->bred < s->population;
    return s->met < (s->population + 1) / 2 && s->bred < MOST_FIRST * (int64_t)s->population;
}

/* A vector that was not asked before, if one is found: random ones first, then children. */
static void breed_new(state *s, td_rng *r, td_choices *out) {
    bool first = in_first_population(s), found = false;
    s->bred++;
    if (!first) {
        const member *mother = tournament(s, r);
        const member *father = td_rng_uniform(r) < s->crossover ? tournament(s, r) : NULL;
        for (int i = 0; i < MUTANTS && !found; i++) {
            breed(s, r, mother, father, i / 4, out);
            found = !is_old(s, out);
        }
    }
    for (int i = 0; i < SAMPLES && !found; i++) {
        td_space_sample(s->space, r, out);
        found = !is_old(s, out);
    }
}

/* The child's next accelerator. */
static void breed_accelerator(const state *s, td_rng *r, td_choices *out) {
    const child *c = &s->child;
    bool found = false;
    for (int i = 0; i < MUTANTS && !found; i++) {
        memcpy(out->v, c->v, sizeof *out->v * (size_t)s->space->n);
        if (s->alive > 0 && td_rng_below(r, TAKEN) == 0) {
            const member *m = tournament(s, r);
            for (int k = 0; k < s->space->n; k++)
                if (s->space->d[k].costs_only) out->v[k] = m->v[k];
        } else {
            for (int n = mutation_count(s, r) + i / 4; n > 0; n--)
                td_space_mutate_costs(s->space, r, out);
        }
        found = !td__asked_avoids(&s->asked, s->space, out);
    }
}

/* How far the tightest constraint is missed, below 0: met. INFINITY: not known. */
static double excess(const td_outcome *o) {
    double most = o->ncon > 0 ? -INFINITY : INFINITY;
    for (int i = 0; i < o->ncon; i++) most = fmax(most, isnan(o->con[i]) ? INFINITY : o->con[i]);
    return most;
}

/* One try of an accelerator for the child, or the child in full when one meets the constraints or
 * the tries are used up. */
static td_status ask_solving(state *s, int64_t number, td_rng *r, td_choices *out,
                             double *fidelity) {
    child *c = &s->child;
    size_t bytes = sizeof *c->v * (size_t)s->space->n;
    out->n = s->space->n;
    if (!c->open) {
        td_choices v = {s->space->n, c->v};
        breed_new(s, r, &v);
        td_choices network = network_of(s, &v);
        *c = (child){.open = true, .v = c->v};
        if (!td__asked_add(&s->networks, &network)) return TD_E_MEMORY;
    }
    if (c->tries == s->solve || c->tries - c->improved > s->solve / PATIENCE) {
        memcpy(out->v, c->v, bytes);
        c->open = false;
        *fidelity = 1;
        td_choices network = network_of(s, out);
        return td__asked_for(&s->networks, number, &network) ? TD_OK : TD_E_MEMORY;
    }
    c->tries++;
    if (!c->known)
        memcpy(out->v, c->v, bytes);
    else
        breed_accelerator(s, r, out);
    *fidelity = 0;
    return td__asked_for(&s->asked, number, out) ? TD_OK : TD_E_MEMORY;
}

static td_status ask(void *self, int64_t number, td_choices *out, double *fidelity) {
    state *s = self;
    td_rng r = td_rng_make(s->seed, (uint64_t)number, TD_RNG_ASK);
    if (s->solve > 0) return ask_solving(s, number, &r, out, fidelity);
    breed_new(s, &r, out);
    return td__asked_for(&s->asked, number, out) ? TD_OK : TD_E_MEMORY;
}

/* The last in rank, the oldest among equals; NULL: all are better than the newcomer. */
static member *place_by_rank(state *s, const td_outcome *o) {
    member *last = &s->queue[0];
    for (int i = 1; i < s->population; i++) {
        member *m = &s->queue[i];
        int order = td_outcome_compare(&m->outcome, &last->outcome);
        if (order > 0 || (order == 0 && m->born < last->born)) last = m;
    }
    return td_outcome_compare(o, &last->outcome) <= 0 ? last : NULL;
}

/* The place of a newcomer: one that is free, or the oldest member's, of those that are infeasible
 * if there are any. NULL: it is infeasible and all others are not. */
static member *place(state *s, const td_outcome *o) {
    if (s->alive < s->population) return &s->queue[s->alive++];
    if (s->selection == TOURNAMENT) return place_by_rank(s, o);
    member *oldest = &s->queue[0], *worst = NULL;
    for (int i = 0; i < s->population; i++) {
        member *m = &s->queue[i];
        if (m->born < oldest->born) oldest = m;
        if (!td_outcome_feasible(&m->outcome) && (worst == NULL || m->born < worst->born))
            worst = m;
    }
    if (worst != NULL) return worst;
    return td_outcome_feasible(o) ? oldest : NULL;
}

/* Places of all members and, behind them, of a newcomer (NULL: there is none), whose place it
 * returns. Where memory is out, places stay as they were and a newcomer is the last. */
static int rank_members(state *s, const td_outcome *newcomer) {
    int n = s->alive + (newcomer != NULL), last = n - 1;
    const td_outcome **o = malloc(sizeof *o * (size_t)n);
    int *place = malloc(sizeof *place * (size_t)n);
    for (int i = 0; o != NULL && i < s->alive; i++) o[i] = &s->queue[i].outcome;
    if (o != NULL && newcomer != NULL) o[s->alive] = newcomer;
    if (o != NULL && place != NULL && td_outcomes_rank(o, n, place) == TD_OK) {
        for (int i = 0; i < s->alive; i++) s->queue[i].place = place[i];
        last = place[n - 1];
    }
    free(place);
    free(o);
    return last;
}

/* With several objectives: the member that is last in place, NULL if that would be the newcomer. */
static member *place_by_front(state *s, const td_outcome *o) {
    if (s->alive < s->population) return &s->queue[s->alive++];
    if (rank_members(s, o) == s->population) return NULL;
    member *last = &s->queue[0];
    for (int i = 1; i < s->population; i++)
        if (s->queue[i].place > last->place) last = &s->queue[i];
    return last;
}

static void tell(void *self, int64_t number, const td_choices *c, const td_outcome *o) {
    state *s = self;
    size_t bytes = sizeof *c->v * (size_t)s->space->n;
    if (s->solve > 0 && o->fidelity == 0) {
        if (s->child.known && excess(o) >= s->child.excess) return;
        s->child.known = true;
        s->child.excess = excess(o);
        s->child.improved = s->child.tries;
        memcpy(s->child.v, c->v, bytes);
        return;
    }
    td__asked_told(&s->asked, number, c);
    if (s->solve > 0) {
        td_choices network = network_of(s, c);
        td__asked_told(&s->networks, number, &network);
    }
    s->met += td_outcome_feasible(o);
    s->fronts = s->fronts || o->nobj > 1;
    member *m = s->fronts ? place_by_front(s, o) : place(s, o);
    if (m == NULL) return;
    if (s->space->n > 0) memcpy(m->v, c->v, bytes);
    m->outcome = *o;
    m->born = s->births++;
    if (s->fronts) rank_members(s, NULL);
}

const td_strategy td__strategy_evolution = {.name = "evolution",
                                            .about = "regularised (aging) evolution",
                                            .init = init,
                                            .ask = ask,
                                            .tell = tell,
                                            .destroy = destroy,
                                            .fronts = true};

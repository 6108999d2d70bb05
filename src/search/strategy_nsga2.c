/* NSGA-II: Deb, Pratap, Agarwal, Meyarivan, "A fast and elitist multiobjective genetic algorithm:
 * NSGA-II", 2002. Parents are drawn by binary tournaments, and of the parents and their children
 * the better ones are the next parents: by nondominated front, then by crowding distance, what is
 * infeasible behind all else (constraint domination).
 *
 * Asked one by one, told in any order: a generation is complete when `offspring` trials were told
 * since the last one, whichever they are, and until then children have the parents that there were.
 * So a lag costs nothing but age. With one child at a time (Durillo, Nebro, Luna, Alba 2009) a
 * search is some tenth faster than with as many as there are parents. A vector is asked once. */
#include <stdlib.h>
#include <string.h>

#include "option.h"
#include "search_asked.h"
#include "search_breed.h"
#include "strategies.h"

enum {
    SHARE = 16,    /* large populations have a child at a time for so many parents */
    CHILDREN = 24, /* tries to find an unasked child, */
    SAMPLES = 32   /* then a random vector */
};

typedef struct {
    double *v;
    td_outcome outcome;
    int place; /* 0 is the best */
} member;

typedef struct {
    const td_space *space;
    uint64_t seed;
    int64_t population, offspring;
    td__breeding breeding;
    td__asked asked;
    member *m; /* [population + most]: parents, the best first, then children that were told */
    double *values, *raw;
    int told, parents; /* parents: 0 before the first generation is complete */
} state;

/* The defaults are for budgets of 200 to 1,000 trials. On the problems of tests/search/blackbox.c
 * (60 seeds) it matters that populations are small and mutations wide (Deb et al. have 100 and 20),
 * and that most numbers are taken over as they are.
 */
static td_status read_options(state *s, const td_params *params, td_error *err) {
    static const char *const keys[] = {"population", "offspring",     "crossover",    "blend",
                                       "mutations",  "eta_crossover", "eta_mutation", NULL};
    s->population = 16;
    s->breeding = (td__breeding){0.9, 0.25, 1, 1, 5};
    td__breeding *b = &s->breeding;
    td_status status = td_node_only(params, keys, err);
    if (status == TD_OK)
        status = td_node_opt_int(params, "population", 2, 1000000, &s->population, err);
    s->offspring = s->population < 2 * SHARE ? 1 : s->population / SHARE;
    if (status == TD_OK)
        status = td_node_opt_int(params, "offspring", 1, s->population, &s->offspring, err);
    if (status == TD_OK) status = td_node_opt_real(params, "crossover", 0, 1, &b->crossover, err);
    for (int i = 3; status == TD_OK && b->crossover == 0 && i <= 5; i += 2)
        status = td__option_idle(params, keys[i], "crossover above 0", err);
    if (status == TD_OK) status = td_node_opt_real(params, "blend", 0, 1, &b->blend, err);
    if (status == TD_OK)
        status = td_node_opt_real(params, "mutations", 0, 1000, &b->mutations, err);
    if (status == TD_OK)
        status = td_node_opt_real(params, "eta_crossover", 0, 1000, &b->eta_crossover, err);
    if (status == TD_OK)
        status = td_node_opt_real(params, "eta_mutation", 0, 1000, &b->eta_mutation, err);
    return status;
}

static void destroy(void *self) {
    state *s = self;
    if (s == NULL) return;
    td__asked_free(&s->asked);
    free(s->m);
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
    size_t members = (size_t)(s->population + s->offspring), n = (size_t)space->n;
    if (status == TD_OK) {
        s->m = calloc(members, sizeof *s->m);
        s->values = calloc((members + 1) * (n + 1), sizeof *s->values);
        if (s->m == NULL || s->values == NULL) status = td_fail(err, TD_E_MEMORY, "out of memory");
    }
    if (status != TD_OK) {
        destroy(s);
        return status;
    }
    for (size_t i = 0; i < members; i++) s->m[i].v = s->values + i * n;
    s->raw = s->values + members * n;
    *out = s;
    return TD_OK;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static td_choices parent(const state *s, td_rng *r) {
    uint64_t a = td_rng_below(r, (uint64_t)s->parents), b = td_rng_below(r, (uint64_t)s->parents);
    return (td_choices){s->space->n, s->m[a < b ? a : b].v};
}

static td_status ask(void *self, int64_t number, td_choices *out, double *fidelity) {
    state *s = self;
    td_rng r = td_rng_make(s->seed, (uint64_t)number, TD_RNG_ASK);
    td__breeding by = s->breeding;
    bool found = false;
    *fidelity = 1;
    for (int i = 0; i < CHILDREN && !found && s->parents > 0; i++) {
        td_choices a = parent(s, &r), b = parent(s, &r);
        td__breed(s->space, &a, &b, &by, &r, s->raw, out);
        found = !td__asked_avoids(&s->asked, s->space, out);
        if (i % 4 == 3) by.mutations += 1;
    }
    for (int i = 0; i < SAMPLES && !found; i++) {
        td_space_sample(s->space, &r, out);
        found = !td__asked_avoids(&s->asked, s->space, out);
    }
    return td__asked_for(&s->asked, number, out) ? TD_OK : TD_E_MEMORY;
}

/* ---- telling --------------------------------------------------------------------------------- */

static int by_place(const void *a, const void *b) {
    return ((const member *)a)->place - ((const member *)b)->place;
}

/* The better ones of parents and children are the parents; of equal ones the children are. (When
 * memory is out: the children.) */
static void select_parents(state *s) {
    int n = s->parents + s->told;
    const td_outcome **o = malloc(sizeof *o * (size_t)n);
    int *place = malloc(sizeof *place * (size_t)n);
    for (int i = 0; i < n; i++) s->m[(s->parents + i) % n].place = i;
    for (int i = 0; o != NULL && i < n; i++) o[i] = &s->m[(s->parents + i) % n].outcome;
    if (o != NULL && place != NULL && td_outcomes_rank(o, n, place) == TD_OK)
        for (int i = 0; i < n; i++) s->m[(s->parents + i) % n].place = place[i];
    qsort(s->m, (size_t)n, sizeof *s->m, by_place);
    s->parents = (int)s->population;
    s->told = 0;
    free(place);
    free(o);
}

static void tell(void *self, int64_t number, const td_choices *c, const td_outcome *o) {
    state *s = self;
    td__asked_told(&s->asked, number, c);
    member *m = &s->m[s->parents + s->told++];
    if (s->space->n > 0) memcpy(m->v, c->v, sizeof *c->v * (size_t)s->space->n);
    m->outcome = *o;
    if (s->told == (s->parents > 0 ? s->offspring : s->population)) select_parents(s);
}

const td_strategy td__strategy_nsga2 = {.name = "nsga2",
                                        .about = "NSGA-II, a genetic algorithm",
                                        .init = init,
                                        .ask = ask,
                                        .tell = tell,
                                        .destroy = destroy,
                                        .fronts = true};

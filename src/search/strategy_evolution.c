/* Regularised evolution: Real, Aggarwal, Huang, Le, "Regularized Evolution for Image Classifier
 * Architecture Search", AAAI 2019 (arXiv 1802.01548), algorithm 1.
 *
 * The population is a queue of the last told trials. A child is a mutation of the best of `sample`
 * members drawn with replacement; when its outcome is told it enters the queue and the oldest
 * member dies. Age instead of worth decides who dies, so a lucky measurement cannot rule for long.
 *
 * Beyond the paper: outcomes are ordered by td_outcome_compare, so infeasible members lead toward
 * feasibility; a child may have two parents; and a vector is asked once. */
#include <stdlib.h>
#include <string.h>

#include "search_asked.h"
#include "strategies.h"

enum {
    MUTANTS = 16, /* tries to find an unasked child of the same parents, each a step further out */
    SAMPLES = 32, /* then tries of random vectors */
    MOST_MUTATIONS = 64
};

typedef struct {
    double *v;
    td_outcome outcome;
} member;

/* The defaults are for budgets of 50 to 2,000 trials. On the co-design problem of tests/search the
 * choice matters little (medians of 151 seeds lie within .003 of accuracy for populations of 24 to
 * 64, 1.5 or 2 mutations, crossover 0 to .8); small populations are first to find what is feasible.
 */
typedef struct {
    const td_space *space;
    uint64_t seed;
    int population, sample;
    double mutations, crossover;
    td__asked asked;
    member *queue; /* a ring: the oldest is at `next` once it is full */
    double *values;
    int alive, next;
} state;

static td_status read_options(state *s, const td_params *params, td_error *err) {
    static const char *const keys[] = {"population", "sample", "mutations", "crossover", NULL};
    int64_t population = 24, sample = 0;
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
    s->population = (int)population;
    s->sample = (int)sample;
    return status;
}

static void destroy(void *self) {
    state *s = self;
    if (s == NULL) return;
    td__asked_free(&s->asked);
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
        s->values = calloc((size_t)s->population * (size_t)(space->n + 1), sizeof *s->values);
        if (s->queue == NULL || s->values == NULL)
            status = td_fail(err, TD_E_MEMORY, "out of memory");
    }
    if (status != TD_OK) {
        destroy(s);
        return status;
    }
    for (int i = 0; i < s->population; i++)
        s->queue[i].v = s->values + (size_t)i * (size_t)space->n;
    *out = s;
    return TD_OK;
}

/* The best of `sample` members, the first drawn among equals. */
static const member *tournament(const state *s, td_rng *r) {
    const member *best = NULL;
    for (int i = 0; i < s->sample; i++) {
        const member *m = &s->queue[td_rng_below(r, (uint64_t)s->alive)];
        if (best == NULL || td_outcome_compare(&m->outcome, &best->outcome) < 0) best = m;
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

static td_status ask(void *self, int64_t number, td_choices *out, double *fidelity) {
    state *s = self;
    td_rng r = td_rng_make(s->seed, (uint64_t)number, TD_RNG_ASK);
    bool found = false;
    if (number >= s->population && s->alive > 0) {
        const member *mother = tournament(s, &r);
        const member *father = td_rng_uniform(&r) < s->crossover ? tournament(s, &r) : NULL;
        for (int i = 0; i < MUTANTS && !found; i++) {
            breed(s, &r, mother, father, i / 4, out);
            found = !td__asked_has(&s->asked, out);
        }
    }
    for (int i = 0; i < SAMPLES && !found; i++) {
        td_space_sample(s->space, &r, out);
        found = !td__asked_has(&s->asked, out);
    }
    if (fidelity != NULL) *fidelity = 1;
    return td__asked_add(&s->asked, out) ? TD_OK : TD_E_MEMORY;
}

static void tell(void *self, int64_t number, const td_choices *c, const td_outcome *o) {
    (void)number;
    state *s = self;
    member *m = &s->queue[s->next];
    s->next = (s->next + 1) % s->population;
    if (s->alive < s->population) s->alive++;
    if (s->space->n > 0) memcpy(m->v, c->v, sizeof *m->v * (size_t)s->space->n);
    m->outcome = *o;
}

const td_strategy td__strategy_evolution = {.name = "evolution",
                                            .about = "regularised (aging) evolution",
                                            .init = init,
                                            .ask = ask,
                                            .tell = tell,
                                            .destroy = destroy};

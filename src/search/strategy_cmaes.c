/* CMA-ES on mixed spaces (mixed_normal.h): generations of `population` trials are drawn from one
 * distribution, which then learns from their order. It is started again, with a larger population,
 * where it has converged (IPOP: Auger, Hansen 2005; BIPOP: Hansen 2009).
 *
 * Asked one by one, told in any order: the distribution learns when as many trials as a generation
 * has were told, and until then it stays what it was. What was drawn from an earlier one of the
 * run, and the user's designs, count too, but not as further away than draws are. A vector is asked
 * once; a run is over, too, when most of a generation has to be looked for elsewhere for that. */
#include <stdlib.h>
#include <string.h>

#include "mixed_normal.h"
#include "option.h"
#include "search_asked.h"
#include "strategies.h"

enum {
    DRAWS = 32,   /* tries to find a vector that was not asked, */
    SAMPLES = 32, /* then of random ones */
    LARGEST = 1024
};
enum { EQUAL, IPOP, BIPOP };      /* restarts */
static const double still = 1e-7; /* of a scale: a real that moves less has converged */

/* A trial that was asked and not told. */
typedef struct {
    int64_t number;
    uint64_t hash;
    int run, generation; /* of the distribution that it was drawn from; run -1: of none */
    double *x;
} pending;

typedef struct {
    const td_space *space;
    uint64_t seed;
    int64_t population; /* of the first run */
    double sigma;
    int restarts;
    td__asked asked;
    td__mixed_normal m;
    pending *wait; /* [room], of which n_wait */
    int n_wait, room;
    td__mixed_sample *told; /* [lambda_room] */
    double *values;         /* of the samples */
    double *start;          /* [m.n] of a run */
    int n_told, lambda_room, strays;
    int run, generation, better; /* better: the generation that had the best of the run */
    td_outcome record;
    int64_t large, spent[2]; /* spent: trials told to small runs and to large ones */
    bool small;
} state;

/* Smaller than the tutorial's 4 + 3 log(n), which is for longer searches than ours; and so many
 * more that values of a name are seen together. */
static int64_t usual_population(const state *s) {
    int n = s->m.n + s->m.names, values = 0;
    for (int i = 0; i < s->space->n; i++)
        if (s->m.first[i] >= 0 && s->space->d[i].n > values) values = s->space->d[i].n;
    return 4 + (int)(1.5 * log(n > 1 ? n : 1)) + (values < 8 ? values : 8);
}

static td_status read_options(state *s, const td_params *params, td_error *err) {
    static const char *const keys[] = {"population", "sigma", "restarts", NULL};
    static const char *const words[] = {"equal", "ipop", "bipop"};
    s->population = usual_population(s);
    s->sigma = 0.2;
    s->restarts = IPOP;
    td_status status = td_node_only(params, keys, err);
    if (status == TD_OK)
        status = td_node_opt_int(params, "population", 3, LARGEST, &s->population, err);
    if (status == TD_OK) status = td_node_opt_real(params, "sigma", 0.001, 10, &s->sigma, err);
    if (status == TD_OK) status = td__option_word(params, "restarts", words, 3, &s->restarts, err);
    return status;
}

static void destroy(void *self) {
    state *s = self;
    if (s == NULL) return;
    td__asked_free(&s->asked);
    td__mixed_normal_free(&s->m);
    for (int i = 0; i < s->n_wait; i++) free(s->wait[i].x);
    free(s->wait);
    free(s->start);
    free(s->told);
    free(s->values);
    free(s);
}

/* Room for a generation of lambda. */
static bool make_room(state *s, int lambda) {
    if (lambda <= s->lambda_room) return true;
    size_t n = (size_t)s->m.n, d = (size_t)s->space->n, points = (size_t)lambda;
    td__mixed_sample *told = calloc(points, sizeof *told);
    double *values = calloc(points * (n + d) + 1, sizeof *values);
    if (told == NULL || values == NULL) {
        free(told);
        free(values);
        return false;
    }
    free(s->told);
    free(s->values);
    s->told = told;
    s->values = values;
    s->lambda_room = lambda;
    for (size_t i = 0; i < points; i++) {
        told[i].x = values + i * (n + d);
        told[i].v = told[i].x + n;
    }
    return true;
}

/* The first from the middle, others from points that are spread evenly. */
static td_status start_run(state *s, int lambda, double sigma, td_error *err) {
    if (!make_room(s, lambda)) return td_fail(err, TD_E_MEMORY, "out of memory");
    s->n_told = s->strays = s->generation = s->better = 0;
    s->record = (td_outcome){.state = TD_TRIAL_FAILED};
    int64_t run = s->run;
    for (int i = 0; i < s->m.n; i++)
        s->start[i] = run == 0 ? 0.5 : td_sobol(s->seed, (uint32_t)run - 1, i);
    uint64_t seed = td_hash(&run, sizeof run, s->seed);
    return td__mixed_normal_start(&s->m, lambda, sigma, s->start, seed, err);
}

static td_status init(void **out, const td_space *space, uint64_t seed, const td_params *params,
                      td_error *err) {
    *out = NULL;
    state *s = calloc(1, sizeof *s);
    if (s == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    s->space = space;
    s->seed = seed;
    td_status status = td__mixed_normal_init(&s->m, space, err);
    if (status == TD_OK) status = read_options(s, params, err);
    s->large = s->population;
    s->start = calloc((size_t)s->m.n + 1, sizeof *s->start);
    if (status == TD_OK && s->start == NULL) status = td_fail(err, TD_E_MEMORY, "out of memory");
    if (status == TD_OK) status = start_run(s, (int)s->population, s->sigma, err);
    if (status != TD_OK) {
        destroy(s);
        return status;
    }
    *out = s;
    return TD_OK;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static pending *wait_for(state *s, int64_t number) {
    if (s->n_wait == s->room) {
        int room = s->room > 0 ? 2 * s->room : 16;
        pending *wide = realloc(s->wait, sizeof *wide * (size_t)room);
        if (wide == NULL) return NULL;
        s->wait = wide;
        s->room = room;
    }
    pending *p = &s->wait[s->n_wait];
    *p = (pending){.number = number, .run = s->run, .generation = s->generation};
    p->x = malloc(sizeof *p->x * (size_t)(s->m.n + 1));
    if (p->x == NULL) return NULL;
    s->n_wait++;
    return p;
}

static td_status ask(void *self, int64_t number, td_choices *out, double *fidelity) {
    state *s = self;
    td_rng r = td_rng_make(s->seed, (uint64_t)number, TD_RNG_ASK);
    pending *p = wait_for(s, number);
    if (p == NULL) return TD_E_MEMORY;
    bool found = false;
    *fidelity = 1;
    for (int i = 0; i < DRAWS && !found; i++) {
        td__mixed_normal_draw(&s->m, p->x, out);
        found = !td__asked_avoids(&s->asked, s->space, out);
    }
    if (!found) p->run = -1;
    s->strays += !found;
    for (int i = 0; i < SAMPLES && !found; i++) {
        td_space_sample(s->space, &r, out);
        found = !td__asked_avoids(&s->asked, s->space, out);
    }
    p->hash = td_choices_hash(out);
    return td__asked_for(&s->asked, number, out) ? TD_OK : TD_E_MEMORY;
}

/* ---- telling --------------------------------------------------------------------------------- */

static bool converged(state *s) {
    int patience = 10 + 30 * (s->m.n + s->m.names) / s->m.lambda;
    return s->generation - s->better > patience || 2 * s->strays > s->m.lambda ||
           td__mixed_normal_stands(&s->m, still) ||
           (s->m.n > 0 && td_cma_condition(s->m.cma) > 1e14);
}

/* Population and deviation of the next run. */
static td_status restart(state *s, td_rng *r, td_error *err) {
    double sigma = s->sigma, lambda = (double)s->large;
    s->run++;
    s->small = s->restarts == BIPOP && s->run > 1 && s->spent[0] < s->spent[1];
    if (s->small) {
        double u = td_rng_uniform(r), usual = (double)s->population;
        lambda = fmax(usual, floor(usual * pow((double)s->large / usual / 2, u * u)));
        sigma *= pow(10, -2 * td_rng_uniform(r));
    } else if (s->restarts != EQUAL) {
        s->large = 2 * s->large < LARGEST ? 2 * s->large : LARGEST;
        lambda = (double)s->large;
    }
    return start_run(s, (int)lambda, sigma, err);
}

/* What a generation says. Where numbers or memory run out the run is over; if even the next one
 * cannot be started, the distribution stays what it is. */
static void learn(state *s, int64_t number) {
    td_error err = {0};
    td_rng r = td_rng_make(s->seed, (uint64_t)number, TD_RNG_NOISE);
    s->spent[!s->small] += s->n_told;
    s->generation++;
    for (int i = 0; i < s->n_told; i++) {
        if (td_outcome_compare(&s->told[i].outcome, &s->record) >= 0) continue;
        s->record = s->told[i].outcome;
        s->better = s->generation;
    }
    td_status status = td__mixed_normal_learn(&s->m, s->told, &err);
    bool over = converged(s);
    s->n_told = s->strays = 0;
    if (status != TD_OK || over) restart(s, &r, &err);
}

static void tell(void *self, int64_t number, const td_choices *c, const td_outcome *o) {
    state *s = self;
    td__asked_told(&s->asked, number, c);
    td__mixed_sample *t = &s->told[s->n_told];
    t->origin = TD_MIXED_FOREIGN;
    for (int i = 0; i < s->n_wait; i++) {
        pending *p = &s->wait[i];
        if (p->number != number) continue;
        bool own = p->run >= 0 && p->hash == td_choices_hash(c), old = own && p->run != s->run;
        if (own) t->origin = p->generation == s->generation ? TD_MIXED_DRAWN : TD_MIXED_LATE;
        if (own && s->m.n > 0) memcpy(t->x, p->x, sizeof *p->x * (size_t)s->m.n);
        free(p->x);
        *p = s->wait[--s->n_wait];
        if (old) return; /* of an earlier run, which knew another place */
        break;
    }
    if (s->space->n > 0) memcpy(t->v, c->v, sizeof *c->v * (size_t)s->space->n);
    t->outcome = *o;
    if (t->outcome.nobj > 1) t->outcome.nobj = 1; /* the first of several objectives counts */
    s->n_told++;
    if (s->n_told == s->m.lambda) learn(s, number);
}

const td_strategy td__strategy_cmaes = {.name = "cmaes",
                                        .about = "CMA-ES with margin and learned categories",
                                        .init = init,
                                        .ask = ask,
                                        .tell = tell,
                                        .destroy = destroy};

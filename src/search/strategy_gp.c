/* Bayesian optimisation with Gaussian processes: the trial that is expected to improve most, times
 * its chance to be feasible (Jones et al. 1998; Gardner et al. 2014), looked for among random
 * vectors and ever smaller changes of good ones.
 *
 * Some trials look far: anywhere, by a model of all that was told. The others look near: in a
 * region around the best that grows with success and shrinks without, by a model of what was told
 * nearest to it (TuRBO, Eriksson et al. 2019). The side that brought more improvements lately gets
 * more.
 *
 * Two or three objectives: what a trial is expected to add to the hypervolume. More of them, or on
 * request: each trial has a scalarisation of its own (ParEGO, Knowles 2006), by which all others
 * are judged when it is asked and told.
 *
 * The state is a function of what was asked and told, not of how an answer was found: a replay fits
 * hyper-parameters where the first run did, and looks for nothing. */
#include <stdlib.h>
#include <string.h>

#include "option.h"
#include "search_asked.h"
#include "search_vary.h"
#include "strategies.h"
#include "surrogate.h"

enum {
    DRAWS = 64,      /* tries to find a vector that was not asked */
    PARENTS = 8,     /* the best told trials, whose changes are candidates */
    CLIMBERS = 6,    /* candidates that are refined */
    BOUND_EVERY = 3, /* trial by the lower confidence bound: it keeps to where constraints are met
                      * where expected improvement is tempted across their edges */
    DRAWN = 256,     /* candidates of one draw from the posterior */
    ROUNDS = 10,     /* of changes, as many in all as there were candidates at first */
    KEPT = 4,        /* times as many trials as a model has points */
    SUCCESSES = 3,   /* in a row, and the region grows */
    FAILURES = 4     /* or as many as there are decisions, and it shrinks */
};
static const double widest = 0.8, narrowest = 1.0 / 128; /* regions; below: the widest again */
static const double fading = 0.95, least_near = 0.2, most_near = 0.9; /* shares of near trials */

typedef struct {
    const td_space *space;
    uint64_t seed;
    int64_t initial, cap, candidates;
    td__acquisition by;
    double confidence;
    bool mixed;  /* some trials by the bound */
    bool scalar; /* several objectives by scalarisation */
    int changes; /* of each climber in a round */
    int most;    /* candidates, and climbers behind them */
    int kernel;
    td__asked asked;
    td__observation *o, *nearest;        /* [room] */
    double *value;                       /* [room]: scalarisations */
    double (*front)[TD_MOST_OBJECTIVES]; /* [room] feasible, and nothing dominates them */
    int *leader;                         /* [room] their places in o */
    int n, told, room, n_front;
    td__surrogate model, local;
    double *values; /* candidates: their vectors, points and scores; and a vector to work on */
    double region, won[2]; /* won: improvements, far and near, fading */
    int successes, failures;
} state;

static td_status read_options(state *s, const td_params *params, td_error *err) {
    static const char *const keys[] = {"initial",     "points",     "candidates", "kernel",
                                       "acquisition", "confidence", "several",    NULL};
    static const char *const acquisitions[] = {"mixed", "ei", "lcb", "thompson"};
    static const char *const several[] = {"hypervolume", "scalarise"};
    static const char *const kernels[] = {"matern", "linear", "matern+linear"};
    static const int terms[] = {TD_GP_MATERN, TD_GP_LINEAR, TD_GP_MATERN | TD_GP_LINEAR};
    enum { MIXED, EI, LCB, THOMPSON };
    static const td__acquisition by[] = {TD_ACQUIRE_IMPROVEMENT, TD_ACQUIRE_IMPROVEMENT,
                                         TD_ACQUIRE_BOUND, TD_ACQUIRE_DRAW};
    int kernel = 0, word = MIXED, scalar = 0;
    s->cap = 300;
    s->confidence = 2;
    s->candidates = 1000;
    int64_t first = 4 + 2 * (int64_t)s->space->n;
    s->initial = first < 12 ? first : 12;
    td_status status = td_node_only(params, keys, err);
    if (status == TD_OK) status = td_node_opt_int(params, "initial", 2, 100000, &s->initial, err);
    if (status == TD_OK) status = td_node_opt_int(params, "points", 10, 2000, &s->cap, err);
    if (status == TD_OK)
        status = td_node_opt_int(params, "candidates", 60, 1000000, &s->candidates, err);
    if (status == TD_OK) status = td__option_word(params, "kernel", kernels, 3, &kernel, err);
    if (status == TD_OK)
        status = td__option_word(params, "acquisition", acquisitions, 4, &word, err);
    if (status == TD_OK)
        status = td_node_opt_real(params, "confidence", 0, 100, &s->confidence, err);
    if (status == TD_OK && word != LCB && word != MIXED)
        status = td__option_idle(params, "confidence", "acquisition: mixed or lcb", err);
    if (status == TD_OK) status = td__option_word(params, "several", several, 2, &scalar, err);
    if (status == TD_OK && (word == LCB || word == THOMPSON))
        status = td__option_idle(params, "several", "acquisition: mixed or ei", err);
    s->kernel = terms[kernel];
    s->by = by[word];
    s->mixed = word == MIXED;
    s->scalar = scalar == 1 || s->by != TD_ACQUIRE_IMPROVEMENT;
    s->changes = (int)s->candidates / (CLIMBERS * ROUNDS);
    s->most = (int)s->candidates + CLIMBERS;
    return status;
}

static void destroy(void *self) {
    state *s = self;
    if (s == NULL) return;
    td__asked_free(&s->asked);
    td__surrogate_free(&s->model);
    td__surrogate_free(&s->local);
    for (int i = 0; i < s->n; i++) free(s->o[i].choices);
    free(s->o);
    free(s->nearest);
    free(s->value);
    free(s->front);
    free(s->leader);
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
    s->region = widest;
    td_status status = read_options(s, params, err);
    int local = 20 + 4 * space->n;
    td__surrogate_options o = {s->kernel, (int)s->cap, s->by, s->confidence};
    if (status == TD_OK) status = td__surrogate_init(&s->model, space, &o, err);
    if (local < s->cap) o.cap = local;
    if (status == TD_OK) status = td__surrogate_init(&s->local, space, &o, err);
    if (status == TD_OK) {
        s->values = malloc(sizeof *s->values * ((size_t)s->most + 1) * (2 * (size_t)space->n + 1));
        if (s->values == NULL) status = td_fail(err, TD_E_MEMORY, "out of memory");
    }
    if (status != TD_OK) {
        destroy(s);
        return status;
    }
    *out = s;
    return TD_OK;
}

/* ---- several objectives ---------------------------------------------------------------------- */

static int objectives(const td_outcome *o) {
    if (o->state != TD_TRIAL_DONE) return 0;
    for (int k = 0; k < o->nobj; k++)
        if (!td__surrogate_usable(o->obj[k])) return 0;
    return o->nobj;
}

/* Augmented Chebyshev scalarisation with the weights of trial `number` into s->value (NAN: no
 * objectives). Objectives go from 0, the least, to 1, the median. NULL: there is one only, or they
 * are not to be scalarised. */
static const double *scalarise(state *s, int64_t number) {
    double weight[4], low[4], range[4], sum = 0;
    int nobj = 0;
    for (int i = 0; i < s->n; i++)
        if (s->o[i].told && objectives(&s->o[i].outcome) > nobj)
            nobj = objectives(&s->o[i].outcome);
    if (nobj < 2 || (nobj <= TD_EHVI_MOST && !s->scalar)) return NULL;
    td_rng r = td_rng_make(s->seed, (uint64_t)number, TD_RNG_SCALARISE);
    for (int k = 0; k < nobj; k++) sum += weight[k] = -log(1 - td_rng_uniform(&r)) + 1e-3;
    for (int k = 0; k < nobj; k++) {
        int n = 0;
        for (int i = 0; i < s->n; i++)
            if (s->o[i].told && objectives(&s->o[i].outcome) == nobj)
                s->value[n++] = s->o[i].outcome.obj[k];
        range[k] = td_quantile(s->value, n, 0.5);
        low[k] = td_quantile(s->value, n, 0);
        range[k] = range[k] > low[k] ? range[k] - low[k] : 1;
    }
    for (int i = 0; i < s->n; i++) {
        s->value[i] = NAN;
        if (!s->o[i].told || objectives(&s->o[i].outcome) != nobj) continue;
        double most = 0, all = 0;
        for (int k = 0; k < nobj; k++) {
            double part = weight[k] / sum * (s->o[i].outcome.obj[k] - low[k]) / range[k];
            most = fmax(most, part);
            all += part;
        }
        s->value[i] = most + 0.05 * all;
    }
    return s->value;
}

/* Whether trial i is better than j: by the order of outcomes; two that are feasible by value. */
static bool ahead(const state *s, const double *value, int i, int j) {
    const td_outcome *a = &s->o[i].outcome, *b = &s->o[j].outcome;
    if (value != NULL && td_outcome_feasible(a) && td_outcome_feasible(b))
        return value[i] < value[j];
    return td_outcome_compare(a, b) < 0;
}

/* Told trials to set out from, the centre of the region first: up to PARENTS of them, the best, or
 * of a front any. */
static int best_of(const state *s, const double *value, td_rng *r, int *best) {
    int n = 0;
    if (value == NULL && s->n_front > 0 && objectives(&s->o[s->leader[0]].outcome) > 1) {
        int left = s->n_front;
        for (int i = 0; i < s->n_front && n < PARENTS; i++, left--)
            if (td_rng_uniform(r) * left < PARENTS - n) best[n++] = s->leader[i];
        int first = (int)td_rng_below(r, (uint64_t)n), swap = best[0];
        best[0] = best[first];
        best[first] = swap;
        return n;
    }
    for (int i = 0; i < s->n; i++) {
        if (!s->o[i].told) continue;
        int at = n;
        if (n == PARENTS && !ahead(s, value, i, best[n - 1])) continue;
        if (n < PARENTS)
            n++;
        else
            at--;
        for (; at > 0 && ahead(s, value, i, best[at - 1]); at--) best[at] = best[at - 1];
        best[at] = i;
    }
    return n;
}

/* ---- models ---------------------------------------------------------------------------------- */

/* A squared distance of points in which every decision counts alike. */
static double distance(const td_space *space, const double *a, const double *b) {
    double sum = 0;
    for (int i = 0; i < space->n; i++) {
        if (isnan(a[i]) || isnan(b[i]))
            sum += isnan(a[i]) != isnan(b[i]);
        else
            sum += space->d[i].kind == TD_CATEGORICAL ? a[i] != b[i] : pow(a[i] - b[i], 2);
    }
    return sum;
}

typedef struct {
    double distance;
    int at;
} place;

static int by_distance(const void *a, const void *b) {
    const place *x = a, *y = b;
    if (x->distance != y->distance) return x->distance < y->distance ? -1 : 1;
    return x->at - y->at;
}

/* The local model learns from the nearest told trials only; pending ones are known to it, too. */
static td_status update_local(state *s, td__aim *aim, int centre, td_error *err) {
    place *p = malloc(sizeof *p * (size_t)s->n);
    double *some = malloc(sizeof *some * (size_t)s->n);
    td_status status =
        p != NULL && some != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    int n = 0, m = 0;
    for (int i = 0; status == TD_OK && i < s->n; i++)
        if (s->o[i].told)
            p[n++] = (place){distance(s->space, s->o[i].point, s->o[centre].point), i};
    if (n > 0) qsort(p, (size_t)n, sizeof *p, by_distance);
    for (int i = 0; i < n && i < s->local.o.cap; i++) {
        some[m] = aim->value != NULL ? aim->value[p[i].at] : 0;
        s->nearest[m++] = s->o[p[i].at];
    }
    for (int i = 0; status == TD_OK && i < s->n; i++)
        if (!s->o[i].told) s->nearest[m++] = s->o[i];
    if (aim->value != NULL) aim->value = some;
    if (status == TD_OK) status = td__surrogate_update(&s->local, s->nearest, m, aim, err);
    free(p);
    free(some);
    return status;
}

/* What trial `number` is chosen by: where it sets out from, and a model of what was told. */
typedef struct {
    bool near;
    int parent[PARENTS], parents;
    const td__surrogate *model;
    const double *centre; /* of the region; NULL: anywhere */
} plan;

static td_status make_plan(state *s, int64_t number, bool fit_only, td_rng *r, plan *p,
                           td_error *err) {
    td__aim aim = {scalarise(s, number), (const double(*)[TD_MOST_OBJECTIVES])s->front, s->n_front,
                   fit_only};
    p->parents = best_of(s, aim.value, r, p->parent);
    p->near = p->near && p->parents > 0;
    p->model = p->near ? &s->local : &s->model;
    p->centre = p->near ? s->o[p->parent[0]].choices : NULL;
    s->model.told = s->local.told = s->told;
    if (s->mixed)
        s->model.o.by = s->local.o.by =
            number % BOUND_EVERY == 0 ? TD_ACQUIRE_BOUND : TD_ACQUIRE_IMPROVEMENT;
    return p->near ? update_local(s, &aim, p->parent[0], err)
                   : td__surrogate_update(&s->model, s->o, s->n, &aim, err);
}

/* ---- candidates ------------------------------------------------------------------------------ */

static td_choices vector(state *s, int i) {
    return (td_choices){s->space->n, s->values + (size_t)i * (size_t)s->space->n};
}

static double *point(state *s, int i) {
    return s->values + (size_t)(s->most + i) * (size_t)s->space->n;
}

static double *score(state *s, int i) {
    return s->values + 2 * (size_t)s->most * (size_t)s->space->n + i;
}

static double *raw(state *s) {
    return score(s, s->most);
}

static td_status rate(state *s, const td__surrogate *model, int n, td_rng *r, td_error *err) {
    for (int i = 0; i < n; i++) {
        td_choices c = vector(s, i);
        td__surrogate_point(s->space, &c, point(s, i));
    }
    td_status status = td__surrogate_score(model, point(s, 0), n, r, score(s, 0), err);
    for (int i = 0; status == TD_OK && i < n; i++) {
        td_choices c = vector(s, i);
        if (td__asked_avoids(&s->asked, s->space, &c)) *score(s, i) = -INFINITY;
    }
    return status;
}

static void copy(state *s, int to, int from) {
    memcpy(vector(s, to).v, vector(s, from).v, sizeof(double) * (size_t)s->space->n);
    *score(s, to) = *score(s, from);
}

static int best_score(state *s, int from, int n) {
    int best = from;
    for (int i = from + 1; i < from + n; i++)
        if (*score(s, i) > *score(s, best)) best = i;
    return best;
}

/* Climbs from the best candidates, which stand behind all others, with shrinking changes. */
static td_status climb(state *s, const plan *p, td_rng *r, td_error *err) {
    td_status status = TD_OK;
    int first = (int)s->candidates;
    double many = 1 + 0.3 * s->space->n;
    double scale = p->near ? fmin(0.1, s->region / 2) : 0.1;
    for (int round = 0; status == TD_OK && round < ROUNDS; round++, scale *= 0.6) {
        for (int i = 0; i < CLIMBERS * s->changes; i++) {
            td__variation by = {i % 2 == 0 ? 1 : many, scale, p->centre, s->region};
            td_choices from = vector(s, first + i / s->changes), c = vector(s, i);
            td__vary(s->space, &from, &by, r, raw(s), &c);
        }
        status = rate(s, p->model, CLIMBERS * s->changes, r, err);
        for (int k = 0; status == TD_OK && k < CLIMBERS; k++) {
            int best = best_score(s, k * s->changes, s->changes);
            if (*score(s, best) > *score(s, first + k)) copy(s, first + k, best);
        }
    }
    return status;
}

/* n of them. From anywhere, and changes of the best from 0.3 to 0.001 of the ranges; near the
 * centre, if there is one. */
static void draw_candidates(state *s, const plan *p, int n, td_rng *r) {
    for (int i = 0; i < n; i++) {
        td_choices c = vector(s, i);
        if (!p->near && (i % 5 < 2 || p->parents == 0)) {
            td_space_sample(s->space, r, &c);
            continue;
        }
        int k = p->near ? 0 : (int)td_rng_below(r, (uint64_t)p->parents);
        double u = td_rng_uniform(r);
        td__variation by = {1 + (s->space->n - 1) * u * u, s->region / 2, p->centre, s->region};
        if (!p->near) {
            by.changes = td_rng_u32(r) % 2 == 0 ? 1 : 1 + 0.3 * s->space->n;
            by.scale = 0.3 * pow(300, -u);
        }
        td_choices from = {s->space->n, s->o[p->parent[k]].choices};
        td__vary(s->space, &from, &by, r, raw(s), &c);
    }
}

/* Candidates, and the best of them refined, into the CLIMBERS places behind them. A draw from the
 * posterior is one of certain points: its best is not refined. */
static td_status choose(state *s, const plan *p, td_rng *r, td_error *err) {
    bool drawn = s->by == TD_ACQUIRE_DRAW;
    int first = (int)s->candidates, n = drawn && first > DRAWN ? DRAWN : first;
    draw_candidates(s, p, n, r);
    td_status status = rate(s, p->model, n, r, err);
    for (int k = 0; status == TD_OK && k < CLIMBERS; k++) {
        int best = best_score(s, 0, n);
        copy(s, first + k, best);
        *score(s, best) = -INFINITY;
    }
    return status == TD_OK && !drawn ? climb(s, p, r, err) : status;
}

/* *out: the candidate that is expected to improve most. *found: there is one that was not asked. */
static td_status propose(state *s, int64_t number, bool near, td_rng *r, td_choices *out,
                         bool *found, td_error *err) {
    plan p = {.near = near};
    td_status status = make_plan(s, number, false, r, &p, err);
    if (status == TD_OK) status = choose(s, &p, r, err);
    if (status != TD_OK) return status;
    int best = best_score(s, (int)s->candidates, CLIMBERS);
    *found = *score(s, best) > -INFINITY;
    if (*found) memcpy(out->v, vector(s, best).v, sizeof *out->v * (size_t)s->space->n);
    return TD_OK;
}

/* ---- ask and tell ---------------------------------------------------------------------------- */

static td__observation *observe(state *s, int64_t number, const td_choices *c) {
    td__observation *o = NULL;
    for (int i = s->n - 1; i >= 0 && o == NULL; i--)
        if (s->o[i].number == number) o = &s->o[i];
    if (o == NULL && s->n == s->room) {
        size_t room = s->room > 0 ? 2 * (size_t)s->room : 64;
        td__observation *wide = realloc(s->o, sizeof *wide * room);
        if (wide != NULL) s->o = wide;
        td__observation *nearest = realloc(s->nearest, sizeof *nearest * room);
        if (nearest != NULL) s->nearest = nearest;
        double *value = realloc(s->value, sizeof *value * room);
        if (value != NULL) s->value = value;
        double(*front)[TD_MOST_OBJECTIVES] = realloc(s->front, sizeof *front * room);
        if (front != NULL) s->front = front;
        int *leader = realloc(s->leader, sizeof *leader * room);
        if (leader != NULL) s->leader = leader;
        if (wide == NULL || nearest == NULL || value == NULL || front == NULL || leader == NULL)
            return NULL;
        s->room = (int)room;
    }
    if (o == NULL) {
        o = &s->o[s->n];
        *o = (td__observation){.number = number,
                               .choices = calloc(2 * (size_t)c->n + 1, sizeof *o->choices)};
        if (o->choices == NULL) return NULL;
        o->point = o->choices + c->n;
        s->n++;
    }
    if (c->n > 0) memcpy(o->choices, c->v, sizeof *c->v * (size_t)c->n);
    td__surrogate_point(s->space, c, o->point);
    return o;
}

/* Whether trial `number`, with the numbers of r, looks near the best. */
static bool looks_near(const state *s, td_rng *r) {
    double share = (2 + s->won[1]) / (3 + s->won[0] + s->won[1]);
    return td_rng_uniform(r) < fmin(fmax(share, least_near), most_near);
}

static bool has_model(const state *s) {
    return s->told >= s->initial && s->space->n > 0;
}

static td_status note(state *s, int64_t number, const td_choices *c, bool near) {
    td__observation *o = observe(s, number, c);
    if (o == NULL || !td__asked_for(&s->asked, number, c)) return TD_E_MEMORY;
    o->near = near && s->told >= s->initial;
    return TD_OK;
}

static td_status ask(void *self, int64_t number, td_choices *out, double *fidelity) {
    state *s = self;
    td_rng r = td_rng_make(s->seed, (uint64_t)number, TD_RNG_ASK);
    bool found = false, near = looks_near(s, &r);
    if (fidelity != NULL) *fidelity = 1;
    if (has_model(s)) {
        td_status status = propose(s, number, near, &r, out, &found, NULL);
        if (status == TD_E_MEMORY) return status; /* else: what was told has no model */
    }
    for (int i = 0; !found && i < DRAWS; i++) {
        td_space_sample(s->space, &r, out);
        found = !td__asked_avoids(&s->asked, s->space, out);
    }
    return note(s, number, out, near);
}

static td_status asked(void *self, int64_t number, const td_choices *c, double fidelity) {
    state *s = self;
    td_rng r = td_rng_make(s->seed, (uint64_t)number, TD_RNG_ASK);
    plan p = {.near = looks_near(s, &r)};
    bool near = p.near;
    (void)fidelity;
    if (has_model(s) && make_plan(s, number, true, &r, &p, NULL) == TD_E_MEMORY) return TD_E_MEMORY;
    return note(s, number, c, near);
}

/* Trial i was told: a feasible one may join the front, and what it dominates leaves. */
static bool lead(state *s, int i) {
    const td_outcome *o = &s->o[i].outcome;
    int n = 0;
    if (!td_outcome_feasible(o) || objectives(o) < 1) return false;
    for (int k = 0; k < s->n_front; k++)
        if (td_outcome_compare(&s->o[s->leader[k]].outcome, o) < 0) return false;
    for (int k = 0; k < s->n_front; k++)
        if (td_outcome_compare(&s->o[s->leader[k]].outcome, o) == 0) s->leader[n++] = s->leader[k];
    s->leader[n++] = i;
    s->n_front = n;
    for (int k = 0; k < n; k++)
        memcpy(s->front[k], s->o[s->leader[k]].outcome.obj, sizeof s->front[k]);
    return true;
}

/* Trial i was told: whether the side that it came from pays, and how large the region is. */
static void learn(state *s, int i, bool leads) {
    const double *value = scalarise(s, s->o[i].number);
    bool better = true, near = s->o[i].near;
    bool joined = value == NULL && leads && objectives(&s->o[i].outcome) > 1; /* a front */
    for (int j = 0; better && !joined && j < s->n; j++)
        better = j == i || !s->o[j].told || ahead(s, value, i, j);
    s->won[0] *= fading;
    s->won[1] *= fading;
    s->won[near] += better;
    if (!near) return;
    s->successes = better ? s->successes + 1 : 0;
    s->failures = better ? 0 : s->failures + 1;
    if (s->successes == SUCCESSES) {
        s->region = fmin(2 * s->region, widest);
        s->successes = 0;
    } else if (s->failures == (s->space->n > FAILURES ? s->space->n : FAILURES)) {
        s->region = s->region > narrowest ? s->region / 2 : widest;
        s->failures = 0;
    }
}

/* Of more than twice what the models can take: the best half of that, and the latest of the others,
 * so that an ask is as much work after 10,000 trials as after 1,000. */
static void forget(state *s) {
    int keep = KEPT * (int)s->cap, n = 0;
    if (s->n < 2 * keep) return;
    const double *value = scalarise(s, s->o[s->n - 1].number);
    uint8_t *stays = calloc((size_t)s->n, 1);
    if (stays == NULL) return; /* next time, then */
    for (int i = 0; i < s->n; i++) {
        int better = 0; /* trials; equal ones: the earlier */
        for (int j = 0; s->o[i].told && j < s->n && better < keep / 2; j++)
            better += s->o[j].told && (ahead(s, value, j, i) || (j < i && !ahead(s, value, i, j)));
        stays[i] = !s->o[i].told || better < keep / 2 || i >= s->n - keep / 2;
    }
    for (int i = 0; i < s->n; i++) {
        if (stays[i])
            s->o[n++] = s->o[i];
        else
            free(s->o[i].choices);
    }
    s->n = n;
    free(stays);
    s->n_front = 0;
    for (int i = 0; i < n; i++)
        if (s->o[i].told) lead(s, i);
}

static void tell(void *self, int64_t number, const td_choices *c, const td_outcome *outcome) {
    state *s = self;
    td__asked_told(&s->asked, number, c);
    td__observation *o = observe(s, number, c);
    if (o == NULL) return; /* out of memory: nothing is learned from it */
    o->told = true;
    o->outcome = *outcome;
    bool leads = lead(s, (int)(o - s->o));
    if (s->told++ >= s->initial) learn(s, (int)(o - s->o), leads);
    forget(s);
}

const td_strategy td__strategy_gp = {.name = "gp",
                                     .about = "Bayesian optimisation with Gaussian processes",
                                     .init = init,
                                     .ask = ask,
                                     .asked = asked,
                                     .tell = tell,
                                     .destroy = destroy,
                                     .fronts = true};

/* Constrained Bayesian optimisation over features (Shi, Sakhuja, Hashemi, Swersky, Lin 2020, arXiv
 * 2010.02075): of a pool of random vectors that meet what is known beforehand, drawn by rejection,
 * the one whose acquisition times its chance to be feasible is greatest. What can be found out by
 * trying only (a trial that fails, cannot be built, or misses a constraint) is learned by a
 * classifier.
 *
 * Models are a function of what was told, up to certain numbers of trials (a plan) and since: which
 * trials were asked or replayed does not matter. Pending trials have no say but that they are not
 * asked again: the pool of the next trial is another one. */
#include <stdlib.h>
#include <string.h>

#include "bo_model.h"
#include "feature.h"
#include "option.h"
#include "search_asked.h"
#include "strategies.h"
#include "surrogate.h"

enum {
    DRAWS = 64,         /* tries to find a vector that was not asked */
    MOST_RAW = 1000000, /* raw draws for one candidate; if none of them will do the pool stays
                         * smaller */
    TRIES = 4,          /* times the pool: draws, of which those that were asked are left out */
    FIT_LEAST = 2,      /* told trials between two fits of hyper-parameters, */
    FIT_PART = 6,       /* or a sixth of all; a regression learns from each in between, */
    CLASS_PART = 25     /* a classifier after a 25th of all */
};

enum { LCB, EI };
enum { LOG, RECIPROCAL, PLAIN };

/* When a model is made anew: by the first `rows` of what is known; `made` of the latest one. */
typedef struct {
    int64_t id, made;
    int rows, since;
} plan;

typedef struct {
    const td_space *space;
    uint64_t seed;
    int64_t initial, pool, points, told;
    int acquisition, how;
    double confidence, epsilon;
    td__asked asked;
    /* What was told: */
    int d, n;
    double *x;         /* [points][d] features */
    double *value;     /* [points] the first objective; NAN: it has none */
    uint8_t *feasible; /* [points] */
    bool positive;     /* no value so far was not */
    plan fit, sort;    /* of hyper-parameters; of the classifier's points */
    td__classifier classifier;
    td__regression regression;
    bool fitted;     /* the regression is of use */
    bool transforms; /* values, at the last fit */
    double least;    /* value then */
    int appended;    /* rows that it has seen */
    /* The pool: vectors, features, then what models say of them. */
    double *vectors, *features, *mean, *sd, *chance;
} state;

/* ---- options --------------------------------------------------------------------------------- */

static td_status read_options(state *s, td__regression_options *o, td__classify *by,
                              const td_params *params, td_error *err) {
    static const char *const keys[] = {"initial", "pool",        "points",     "model",
                                       "kernel",  "acquisition", "confidence", "feasibility",
                                       "value",   "epsilon",     NULL};
    static const char *const models[] = {"gp", "forest"};
    static const char *const kernels[] = {"linear", "se", "matern"};
    static const char *const acquisitions[] = {"lcb", "ei"};
    static const char *const classifiers[] = {"gp", "svm", "forest", "none"};
    static const td__classify classes[] = {TD_CLASSIFY_GP, TD_CLASSIFY_SVM, TD_CLASSIFY_FOREST,
                                           TD_CLASSIFY_NOT};
    static const char *const values[] = {"log", "reciprocal", "plain"};
    int model = 0, kernel = 0, classifier = 0;
    s->initial = 10;
    s->pool = 150;
    s->points = 400;
    s->confidence = 1;
    td_status status = td_node_only(params, keys, err);
    if (status == TD_OK) status = td_node_opt_int(params, "initial", 2, 100000, &s->initial, err);
    if (status == TD_OK) status = td_node_opt_int(params, "pool", 1, 100000, &s->pool, err);
    if (status == TD_OK) status = td_node_opt_int(params, "points", 8, 4000, &s->points, err);
    if (status == TD_OK) status = td__option_word(params, "model", models, 2, &model, err);
    if (status == TD_OK) status = td__option_word(params, "kernel", kernels, 3, &kernel, err);
    if (status == TD_OK && model == 1) status = td__option_idle(params, "kernel", "model: gp", err);
    if (status == TD_OK)
        status = td__option_word(params, "acquisition", acquisitions, 2, &s->acquisition, err);
    if (status == TD_OK)
        status = td_node_opt_real(params, "confidence", 0, 100, &s->confidence, err);
    if (status == TD_OK && s->acquisition == EI)
        status = td__option_idle(params, "confidence", "acquisition: lcb", err);
    if (status == TD_OK)
        status = td__option_word(params, "feasibility", classifiers, 4, &classifier, err);
    *by = classes[classifier];
    if (status == TD_OK) status = td__option_word(params, "value", values, 3, &s->how, err);
    if (status == TD_OK) status = td_node_opt_real(params, "epsilon", 0, 1, &s->epsilon, err);
    static const int terms[] = {TD_GP_LINEAR, TD_GP_SE, TD_GP_MATERN};
    *o = (td__regression_options){model == 1    ? TD_REGRESS_FOREST
                                  : kernel == 0 ? TD_REGRESS_LINEAR
                                                : TD_REGRESS_GP,
                                  terms[kernel], s->seed};
    return status;
}

static void destroy(void *self) {
    state *s = self;
    if (s == NULL) return;
    td__asked_free(&s->asked);
    td__regression_free(&s->regression);
    td__classifier_free(&s->classifier);
    free(s->x);
    free(s->feasible);
    free(s->vectors);
    free(s);
}

static td_status make_room(state *s, td_error *err) {
    size_t points = (size_t)s->points, pool = (size_t)s->pool, d = (size_t)s->d;
    s->x = malloc(sizeof *s->x * points * (d + 1));
    s->feasible = malloc(points);
    s->vectors = malloc(sizeof *s->vectors * pool * ((size_t)s->space->n + d + 3));
    if (s->x == NULL || s->feasible == NULL || s->vectors == NULL)
        return td_fail(err, TD_E_MEMORY, "out of memory");
    s->value = s->x + points * d;
    s->features = s->vectors + pool * (size_t)s->space->n;
    s->mean = s->features + pool * d;
    s->sd = s->mean + pool;
    s->chance = s->sd + pool;
    return TD_OK;
}

static td_status init(void **out, const td_space *space, uint64_t seed, const td_params *params,
                      td_error *err) {
    *out = NULL;
    state *s = calloc(1, sizeof *s);
    if (s == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    s->space = space;
    s->seed = seed;
    s->d = td__feature_count(space);
    s->positive = true;
    td__regression_options o;
    td__classify by;
    td_status status = read_options(s, &o, &by, params, err);
    if (status == TD_OK) status = make_room(s, err);
    if (status == TD_OK) status = td__classifier_init(&s->classifier, s->d, by, seed, err);
    if (status == TD_OK) status = td__regression_init(&s->regression, s->d, &o, err);
    if (status != TD_OK) {
        destroy(s);
        return status;
    }
    *out = s;
    return TD_OK;
}

/* ---- models ---------------------------------------------------------------------------------- */

static const double *row(const state *s, int i) {
    return s->x + (size_t)i * (size_t)s->d;
}

/* What the regression is of: smaller is better. */
static double transformed(const state *s, double value) {
    if (!s->transforms) return value;
    return s->how == RECIPROCAL ? -s->least / value : log(value);
}

static td_status fit_regression(state *s, td_error *err) {
    double *y = malloc(sizeof *y * (size_t)s->fit.rows * ((size_t)s->d + 1));
    if (y == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    double *x = y + s->fit.rows;
    int n = 0;
    s->transforms = s->how != PLAIN && s->positive;
    s->least = INFINITY;
    for (int i = 0; i < s->fit.rows; i++) s->least = fmin(s->least, s->value[i]);
    for (int i = 0; i < s->fit.rows; i++) {
        if (isnan(s->value[i])) continue;
        y[n] = transformed(s, s->value[i]);
        memcpy(x + (size_t)n++ * (size_t)s->d, row(s, i), sizeof *x * (size_t)s->d);
    }
    td_status status = n > 1 ? td__regression_fit(&s->regression, x, y, n, err) : TD_E_USAGE;
    s->fitted = status == TD_OK;
    s->appended = s->fit.rows;
    s->fit.made = s->fit.id;
    free(y);
    return status;
}

/* TD_E_MEMORY, or TD_OK: where what was told has no model, `fitted` says so. */
static td_status update(state *s) {
    td_status status = TD_OK;
    if (s->fit.made != s->fit.id) {
        status = td__classifier_fit(&s->classifier, s->x, s->feasible, s->fit.rows, NULL);
        if (status != TD_E_MEMORY) status = fit_regression(s, NULL);
    }
    if (status != TD_E_MEMORY && s->sort.made != s->sort.id) {
        td_status sorted =
            td__classifier_set(&s->classifier, s->x, s->feasible, s->sort.rows, NULL);
        if (sorted == TD_E_MEMORY) return sorted;
        s->sort.made = s->sort.id;
    }
    for (; status == TD_OK && s->fitted && s->appended < s->n; s->appended++) {
        double v = s->value[s->appended];
        if (isnan(v)) continue;
        status =
            td__regression_append(&s->regression, row(s, s->appended), transformed(s, v), NULL);
        s->fitted = status == TD_OK;
    }
    return status == TD_E_MEMORY ? status : TD_OK;
}

/* The least value of feasible trials, or if there are none of all, as the regression sees it. */
static double incumbent(const state *s) {
    double best[2] = {INFINITY, INFINITY};
    for (int i = 0; i < s->n; i++) best[s->feasible[i]] = fmin(best[s->feasible[i]], s->value[i]);
    double value = isfinite(best[1]) ? best[1] : best[0];
    return td__regression_value(&s->regression, transformed(s, value));
}

/* ---- ask ------------------------------------------------------------------------------------- */

/* Candidates that were not asked. Returns their number. */
static int draw_pool(state *s, td_rng *r) {
    int n = 0;
    int64_t tries = TRIES * s->pool > DRAWS ? TRIES * s->pool : DRAWS;
    for (int64_t i = 0; i < tries && n < s->pool; i++) {
        td_choices c = {s->space->n, s->vectors + (size_t)n * (size_t)s->space->n};
        if (!td_space_draw(s->space, r, MOST_RAW, &c, NULL)) break;
        if (td__asked_has(&s->asked, &c)) continue;
        td__features(s->space, &c, s->features + (size_t)n++ * (size_t)s->d);
    }
    return n;
}

/* The bound of a candidate (negated: larger is better) counts from the least one of the pool, so
 * that none is negative and it can be multiplied by a chance; improvements go by logarithms. They
 * take the place of the means. Of equal scores (bounds are all the same) the best chance counts. */
static td_status best_of_pool(state *s, int n, int *best) {
    double least = INFINITY, most = -INFINITY;
    td_status status = td__classifier_predict(&s->classifier, s->features, n, s->chance, NULL);
    if (status == TD_OK && s->fitted)
        status = td__regression_predict(&s->regression, s->features, n, s->mean, s->sd, NULL);
    double aim = s->fitted ? incumbent(s) : 0;
    for (int i = 0; s->fitted && i < n; i++) {
        double sd = fmax(s->sd[i], 1e-9);
        s->mean[i] = s->acquisition == LCB
                         ? s->confidence * s->sd[i] - s->mean[i]
                         : log(sd) + td_normal_log_excess((aim - s->mean[i]) / sd);
        least = fmin(least, s->mean[i]);
    }
    *best = 0;
    for (int i = 0; i < n; i++) {
        double score = s->chance[i];
        if (s->fitted)
            score = s->acquisition == LCB ? (s->mean[i] - least) * s->chance[i]
                                          : s->mean[i] + log(s->chance[i]);
        if (score > most || (score == most && s->chance[i] > s->chance[*best])) {
            most = score;
            *best = i;
        }
    }
    return status;
}

static td_status ask(void *self, int64_t number, td_choices *out, double *fidelity) {
    state *s = self;
    td_rng r = td_rng_make(s->seed, (uint64_t)number, TD_RNG_ASK);
    bool found = false, random = td_rng_uniform(&r) < s->epsilon || s->told < s->initial;
    out->n = s->space->n;
    if (fidelity != NULL) *fidelity = 1;
    if (!random) {
        int best = 0, n = draw_pool(s, &r);
        td_status status = update(s);
        found = n > 0;
        if (status == TD_OK && found) status = best_of_pool(s, n, &best);
        if (status == TD_E_MEMORY) return status;
        const double *v = s->vectors + (size_t)best * (size_t)s->space->n;
        if (found && out->n > 0) memcpy(out->v, v, sizeof *v * (size_t)out->n);
    }
    for (int i = 0; !found && i < DRAWS; i++) {
        if (!td_space_draw(s->space, &r, MOST_RAW, out, NULL)) {
            td_space_sample(s->space, &r, out); /* nothing that is allowed can be found */
            break;
        }
        found = !td__asked_has(&s->asked, out);
    }
    return td__asked_for(&s->asked, number, out) ? TD_OK : TD_E_MEMORY;
}

static td_status asked(void *self, int64_t number, const td_choices *c, double fidelity) {
    state *s = self;
    (void)fidelity;
    return td__asked_for(&s->asked, number, c) ? TD_OK : TD_E_MEMORY;
}

/* ---- tell ------------------------------------------------------------------------------------ */

typedef struct {
    double value;
    int at;
} place;

static int by_value(const void *a, const void *b) {
    const place *x = a, *y = b;
    return x->value != y->value ? (x->value > y->value) - (x->value < y->value) : x->at - y->at;
}

static void renew(plan *p, int rows) {
    p->id++;
    p->rows = rows;
    p->since = 0;
}

/* There is no room: half of it stays, the best feasible trials and as many of the latest others. */
static bool forget(state *s) {
    int part = s->n / 4, n = 0, sorted = 0, late = part;
    place *p = malloc(sizeof *p * (size_t)s->n);
    uint8_t *stays = calloc((size_t)s->n, 1);
    for (int i = 0; p != NULL && i < s->n; i++)
        if (s->feasible[i] && !isnan(s->value[i])) p[sorted++] = (place){s->value[i], i};
    if (sorted > 0) qsort(p, (size_t)sorted, sizeof *p, by_value);
    for (int i = 0; stays != NULL && i < sorted && i < part; i++) stays[p[i].at] = 1;
    for (int i = s->n - 1; stays != NULL && i >= 0 && late > 0; i--)
        if (!stays[i]) stays[i] = 1, late--;
    for (int i = 0; p != NULL && stays != NULL && i < s->n; i++) {
        if (!stays[i]) continue;
        memmove(s->x + (size_t)n * (size_t)s->d, row(s, i), sizeof *s->x * (size_t)s->d);
        s->value[n] = s->value[i];
        s->feasible[n++] = s->feasible[i];
    }
    bool done = p != NULL && stays != NULL;
    if (done) s->n = n;
    free(p);
    free(stays);
    return done;
}

/* NAN: it has none that is of use. One that was stopped early counts by what it came to. */
static double value_of(const td_outcome *o) {
    bool some = (o->state == TD_TRIAL_DONE || o->state == TD_TRIAL_PRUNED) && o->nobj > 0;
    return some && td__surrogate_usable(o->obj[0]) ? o->obj[0] : NAN;
}

static bool is_feasible(const td_outcome *o) {
    if (o->state == TD_TRIAL_DONE) return td_outcome_feasible(o) && !isnan(value_of(o));
    bool met = o->state == TD_TRIAL_PRUNED;
    for (int i = 0; i < o->ncon; i++) met = met && o->con[i] <= 0;
    return met;
}

static void tell(void *self, int64_t number, const td_choices *c, const td_outcome *o) {
    state *s = self;
    td__asked_told(&s->asked, number, c);
    s->told++;
    if (o->state == TD_TRIAL_READY || o->state == TD_TRIAL_RUNNING) return;
    bool full = s->n == s->points;
    if (full && !forget(s)) return; /* out of memory: nothing is learned from it */
    int i = s->n++;
    td__features(s->space, c, s->x + (size_t)i * (size_t)s->d);
    s->value[i] = value_of(o);
    s->feasible[i] = is_feasible(o);
    bool turns = s->positive && s->value[i] <= 0; /* no logarithm from here on */
    s->positive = s->positive && !turns;
    int wait = s->n / FIT_PART > FIT_LEAST ? s->n / FIT_PART : FIT_LEAST;
    bool anew = ++s->fit.since >= wait || full || turns;
    if (anew) renew(&s->fit, s->n);
    if (++s->sort.since >= s->n / CLASS_PART || anew) renew(&s->sort, s->n);
}

const td_strategy td__strategy_bo = {
    .name = "bo",
    .about = "constrained Bayesian optimisation of a pool over features (Shi et al. 2020)",
    .init = init,
    .ask = ask,
    .asked = asked,
    .tell = tell,
    .destroy = destroy};

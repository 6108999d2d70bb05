/* Tree-structured Parzen estimators: Bergstra, Bardenet, Bengio, Kegl, "Algorithms for hyper-
 * parameter optimization", NeurIPS 2011. What was told is split into the good and the bad, each
 * side gets a density (parzen.h), and of some vectors drawn from that of the good the one is asked
 * at which its ratio to that of the bad is greatest. The densities are over whole vectors (Falkner,
 * Klein, Hutter 2018) unless `multivariate` is false.
 *
 * The split is by the one order of outcomes: feasible trials first, then by violation; several
 * objectives by front, then by how alone a trial stands (MOTPE, Ozaki et al. 2020, with crowding in
 * the place of hypervolume). Pending trials are bad ones (constant liar): batches spread.
 *
 * Beyond the papers: kernels cannot get narrower than a floor that falls with the trials told.
 * Early on the few good trials stand close by chance, and what follows them closely does not get
 * away; later on the floor is what keeps the search from closing in. Good trials weigh by rank, as
 * parents do in CMA-ES (Hansen 2016). Kernels of the bad are narrower than those of the good, which
 * drives trials away from those that were made.
 *
 * The constants were chosen on the single-objective problems of bench_blackbox and eight others
 * (reals, names, conditions, constraints) with 60 seeds that are none of those that docs/ quote. */
#include <stdlib.h>
#include <string.h>

#include "option.h"
#include "parzen.h"
#include "search_asked.h"
#include "strategies.h"

enum {
    MOST_GOOD = 25,
    RANKED = 2 * MOST_GOOD, /* trials that are kept in order */
    WIDENED = 3, /* times that kernels are made wider where all that is drawn was asked */
    VECTORS = 4, /* tries of independent decisions, at each width */
    DRAWS = 64   /* tries of random vectors */
};
static const double factor = 0.4, narrower = 0.7, prior = 3; /* of kernels; see parzen.h */
static const double fronts_need = 5.0 / 3; /* times as many good ones with several objectives */
static const double floor_power = 0.7, least_floor = 0.001; /* see floor_of */

typedef struct {
    int64_t number;
    td_outcome outcome;
    double v[];
} trial;

typedef struct {
    trial **at;
    int n, room;
} pile;

typedef struct {
    const td_space *space;
    uint64_t seed;
    int64_t initial, candidates, kernels;
    double gamma, width;
    bool joint;
    td__asked asked;
    pile best, rest, pending; /* best: in order, up to RANKED; rest: what fell out, the latest */
    int64_t told;
    bool fronts; /* an outcome with several objectives was told */
    td__parzen good, bad;
    const double **vectors; /* to work on: of kernels; a vector; ranking */
    double *candidate;
    const td_outcome *outcome[RANKED + 1];
    trial *moved[RANKED + 1];
} state;

/* ---- piles ----------------------------------------------------------------------------------- */

static bool push(pile *p, trial *t) {
    if (p->n == p->room) {
        int room = p->room > 0 ? 2 * p->room : 64;
        trial **wide = realloc(p->at, sizeof *wide * (size_t)room);
        if (wide == NULL) return false;
        p->at = wide;
        p->room = room;
    }
    p->at[p->n++] = t;
    return true;
}

static trial *take(pile *p, int i) {
    trial *t = p->at[i];
    memmove(p->at + i, p->at + i + 1, sizeof t * (size_t)(--p->n - i));
    return t;
}

static void empty(pile *p) {
    for (int i = 0; i < p->n; i++) free(p->at[i]);
    free(p->at);
    *p = (pile){0};
}

/* ---- options --------------------------------------------------------------------------------- */

static td_status read_options(state *s, const td_params *params, td_error *err) {
    static const char *const keys[] = {"initial", "gamma",        "candidates", "kernels",
                                       "width",   "multivariate", NULL};
    s->initial = 10;
    s->gamma = 1.2;
    s->candidates = 48;
    s->kernels = 500;
    s->width = 0.2;
    s->joint = true;
    td_status status = td_node_only(params, keys, err);
    if (status == TD_OK) status = td_node_opt_int(params, "initial", 2, 100000, &s->initial, err);
    if (status == TD_OK) status = td_node_opt_real(params, "gamma", 0.1, 10, &s->gamma, err);
    if (status == TD_OK)
        status = td_node_opt_int(params, "candidates", 1, 100000, &s->candidates, err);
    if (status == TD_OK) status = td_node_opt_int(params, "kernels", 10, 100000, &s->kernels, err);
    if (status == TD_OK) status = td_node_opt_real(params, "width", 0.01, 1, &s->width, err);
    if (status == TD_OK) status = td_node_opt_bool(params, "multivariate", &s->joint, err);
    return status;
}

static void destroy(void *self) {
    state *s = self;
    if (s == NULL) return;
    td__asked_free(&s->asked);
    empty(&s->best);
    empty(&s->rest);
    empty(&s->pending);
    td__parzen_free(&s->good);
    td__parzen_free(&s->bad);
    free(s->vectors);
    free(s->candidate);
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
    s->good = (td__parzen){.space = space, .factor = factor, .prior = prior, .joint = s->joint};
    s->bad = s->good;
    s->bad.factor *= narrower;
    if (status == TD_OK) status = td__parzen_init(&s->good, MOST_GOOD, err);
    if (status == TD_OK) status = td__parzen_init(&s->bad, (int)s->kernels, err);
    if (status == TD_OK) {
        s->vectors = malloc(sizeof *s->vectors * (size_t)(s->kernels + MOST_GOOD));
        s->candidate = malloc(sizeof *s->candidate * (size_t)(space->n + 1));
        if (s->vectors == NULL || s->candidate == NULL)
            status = td_fail(err, TD_E_MEMORY, "out of memory");
    }
    if (status != TD_OK) {
        destroy(s);
        return status;
    }
    *out = s;
    return TD_OK;
}

/* ---- the two densities ----------------------------------------------------------------------- */

static int good_count(const state *s) {
    double n = ceil(s->gamma * sqrt((double)s->told) * (s->fronts ? fronts_need : 1));
    return (int)fmin(fmin(n, MOST_GOOD), s->best.n);
}

/* Of widths of the good: `width` until ten trials are told, a tenth of that after 270. */
static double floor_of(const state *s) {
    return fmax(s->width * pow(fmin(10 / (double)s->told, 1), floor_power), least_floor);
}

static void fit(state *s, double floor) {
    int m = good_count(s), n = 0, most = (int)s->kernels;
    double weight[MOST_GOOD];
    for (int i = 0; i < m; i++) {
        s->vectors[i] = s->best.at[i]->v;
        weight[i] = log(m + 1.0) - log(i + 1.0);
    }
    td__parzen_fit(&s->good, s->vectors, weight, m, floor);
    for (int i = s->pending.n - 1; i >= 0 && n < most; i--) s->vectors[n++] = s->pending.at[i]->v;
    for (int i = m; i < s->best.n && n < most; i++) s->vectors[n++] = s->best.at[i]->v;
    for (int i = s->rest.n - 1; i >= 0 && n < most; i--) s->vectors[n++] = s->rest.at[i]->v;
    td__parzen_fit(&s->bad, s->vectors, NULL, n, narrower * floor);
}

/* Of the vectors drawn that were not asked, the one of the greatest ratio. */
static bool propose_joint(state *s, td_rng *r, td_choices *out) {
    double most = -INFINITY;
    td_choices c = {s->space->n, s->candidate};
    for (int i = 0; i < s->candidates; i++) {
        td__parzen_sample(&s->good, r, &c);
        if (td__asked_avoids(&s->asked, s->space, &c)) continue;
        double ratio = td__parzen_log(&s->good, c.v) - td__parzen_log(&s->bad, c.v);
        if (ratio <= most) continue;
        most = ratio;
        memcpy(out->v, c.v, sizeof *c.v * (size_t)c.n);
    }
    return most > -INFINITY;
}

/* The same for each decision by itself, in order. */
static bool propose_each(state *s, td_rng *r, td_choices *out) {
    for (int i = 0; i < out->n; i++) {
        double most = -INFINITY;
        out->v[i] = NAN;
        if (!td_space_active(s->space, out, i)) continue;
        for (int k = 0; k < s->candidates; k++) {
            double v = td__parzen_sample_of(&s->good, r, i);
            double ratio = td__parzen_log_of(&s->good, i, v) - td__parzen_log_of(&s->bad, i, v);
            if (ratio <= most) continue;
            most = ratio;
            out->v[i] = v;
        }
    }
    return !td__asked_avoids(&s->asked, s->space, out);
}

static bool propose(state *s, td_rng *r, td_choices *out) {
    bool found = false;
    double floor = floor_of(s);
    for (int i = 0; i < WIDENED && !found; i++, floor *= 3) {
        fit(s, fmin(floor, 1));
        if (s->joint) found = propose_joint(s, r, out);
        for (int k = 0; !s->joint && !found && k < VECTORS; k++) found = propose_each(s, r, out);
    }
    return found;
}

/* ---- ask and tell ---------------------------------------------------------------------------- */

/* Trial `number` with choices c, taken from the pending ones or new. NULL: out of memory. */
static trial *trial_of(state *s, int64_t number, const td_choices *c) {
    trial *t = NULL;
    for (int i = 0; i < s->pending.n && t == NULL; i++)
        if (s->pending.at[i]->number == number) t = take(&s->pending, i);
    if (t == NULL) t = malloc(sizeof *t + sizeof *t->v * (size_t)c->n);
    if (t == NULL) return NULL;
    t->number = number;
    if (c->n > 0) memcpy(t->v, c->v, sizeof *t->v * (size_t)c->n);
    return t;
}

/* Trial `number` is to be c. */
static td_status remember(state *s, int64_t number, const td_choices *c) {
    trial *t = trial_of(s, number, c);
    if (t == NULL || !push(&s->pending, t)) {
        free(t);
        return TD_E_MEMORY;
    }
    return td__asked_for(&s->asked, number, c) ? TD_OK : TD_E_MEMORY;
}

static td_status ask(void *self, int64_t number, td_choices *out, double *fidelity) {
    state *s = self;
    td_rng r = td_rng_make(s->seed, (uint64_t)number, TD_RNG_ASK);
    if (fidelity != NULL) *fidelity = 1;
    out->n = s->space->n;
    bool found = s->told >= s->initial && out->n > 0 && propose(s, &r, out);
    for (int i = 0; !found && i < DRAWS; i++) {
        td_space_sample(s->space, &r, out);
        found = !td__asked_avoids(&s->asked, s->space, out);
    }
    return remember(s, number, out);
}

/* Puts the best in order. When memory is out it stays as it is. */
static void rank(state *s) {
    int n = s->best.n, place[RANKED + 1];
    for (int i = 0; i < n; i++) s->outcome[i] = &s->best.at[i]->outcome;
    if (td_outcomes_rank(s->outcome, n, place) != TD_OK) return;
    for (int i = 0; i < n; i++) s->moved[place[i]] = s->best.at[i];
    memcpy(s->best.at, s->moved, sizeof *s->moved * (size_t)n);
}

static void tell(void *self, int64_t number, const td_choices *c, const td_outcome *outcome) {
    state *s = self;
    td__asked_told(&s->asked, number, c);
    trial *t = trial_of(s, number, c);
    if (t == NULL) return; /* out of memory: nothing is learned from it */
    t->outcome = *outcome;
    if (!push(&s->best, t)) {
        free(t);
        return;
    }
    s->told++;
    s->fronts = s->fronts || outcome->nobj > 1;
    rank(s);
    if (s->best.n <= RANKED) return;
    t = take(&s->best, RANKED);
    if (s->rest.n == s->kernels) free(take(&s->rest, 0));
    if (!push(&s->rest, t)) free(t);
}

const td_strategy td__strategy_tpe = {.name = "tpe",
                                      .about = "tree-structured Parzen estimators",
                                      .init = init,
                                      .ask = ask,
                                      .tell = tell,
                                      .destroy = destroy,
                                      .fronts = true};

/* Proximal policy optimisation of a controller: Schulman, Wolski, Dhariwal, Radford, Klimov,
 * "Proximal Policy Optimization Algorithms", 2017 (arXiv 1707.06347), equation 7, with Adam (Kingma
 * and Ba, arXiv 1412.6980, algorithm 1). A vector of choices is an episode of one reward; policy.h
 * has the controller.
 *
 * When `batch` trials have been told, in whatever order they came, the parameters go `epochs` steps
 * up the gradient of the mean over the batch of
 *
 *     min(ratio A, clip(ratio, 1 - clip, 1 + clip) A) + entropy * (sum of the entropies),
 *     ratio = P(c) / P_ask(c),    A = reward - baseline
 *
 * P_ask is the policy that the trial was asked with, which may be several updates old by the time
 * it is told. A trial that was told with other choices than were asked was drawn by nobody: it
 * counts as if the policy of the moment it is told had drawn it, and so moves the policy toward it
 * or away from it as any other.
 *
 * The reward is -obj[0]. What is not feasible has less than the worst feasible trial so far, by a
 * part of the range of the feasible ones so far (1, while there is none) that grows along
 * td_outcome_compare: see td__outcome_shortfall().
 *
 * A vector that was asked before is drawn again, and at last changed, more and more: so a
 * controller that is sure of itself looks around its favourite. */
#include <stdlib.h>
#include <string.h>

#include "option.h"
#include "outcome.h"
#include "policy.h"
#include "search_asked.h"
#include "strategies.h"

enum {
    DRAWS = 16,  /* more tries from the policy alone */
    MUTANTS = 32 /* then with changes, each four tries one more */
};
static const double MOST_REWARD = 1e100;                        /* sums of its square are numbers */
static const double MOST_LOG_RATIO = 20;                        /* so that exp() stays one */
static const double BETA1 = 0.9, BETA2 = 0.999, EPSILON = 1e-8; /* of Adam */

enum { FACTORISED, AUTOREGRESSIVE }; /* policy */
enum { EMA, BATCH, NONE };           /* baseline */

typedef struct {
    double log_p; /* of the choices under the policy that they were asked with */
    bool told;
} pending;

typedef struct {
    double log_p, reward, advantage, shortfall;
} sample;

typedef struct {
    const td_space *space;
    uint64_t seed;
    int64_t batch, epochs, hidden;
    double clip, rate, entropy, decay;
    int baseline;
    bool normalise;

    td__policy policy;
    td__asked asked;
    double *gradient, *mean, *square; /* [parameters]; the moments of Adam */
    int64_t steps;

    /* Trials oldest <= n < next, those that are not told among them; n is at n modulo room. */
    pending *ring;
    double *ring_v; /* [room][decisions] */
    int64_t room, oldest, next;

    sample *told; /* [batch] */
    double *told_v;
    int n_told;
    double least, most, average; /* of feasible rewards so far; the moving average of all */
    bool any_feasible, any_average;
} state;

/* The defaults are for budgets of 500 to 2,000 trials. On the co-design problem of tests/search
 * batches of 8 to 32, 4 to 10 epochs and entropies of .01 to .05 lie within .01 of accuracy; the
 * autoregressive policy wants a smaller rate (it is stuck at .05). bench_search compares them. */
static td_status read_options(state *s, const td_params *params, td_error *err) {
    static const char *const keys[] = {"policy",  "hidden",   "batch", "epochs",    "clip", "rate",
                                       "entropy", "baseline", "decay", "normalise", NULL};
    static const char *const policies[] = {"factorised", "autoregressive"};
    static const char *const baselines[] = {"ema", "batch", "none"};
    int policy = FACTORISED;
    s->hidden = 24;
    s->batch = 12;
    s->epochs = 6;
    s->clip = 0.3;
    s->entropy = 0.03;
    s->baseline = BATCH;
    s->decay = 0.9;
    s->normalise = true;
    td_status status = td_node_only(params, keys, err);
    if (status == TD_OK) status = td__option_word(params, "policy", policies, 2, &policy, err);
    s->rate = policy == FACTORISED ? 0.05 : 0.01;
    if (status == TD_OK) status = td_node_opt_int(params, "hidden", 1, 1024, &s->hidden, err);
    if (status == TD_OK) status = td_node_opt_int(params, "batch", 1, 100000, &s->batch, err);
    if (status == TD_OK) status = td_node_opt_int(params, "epochs", 1, 1000, &s->epochs, err);
    if (status == TD_OK) status = td_node_opt_real(params, "clip", 1e-6, 1, &s->clip, err);
    if (status == TD_OK) status = td_node_opt_real(params, "rate", 1e-9, 10, &s->rate, err);
    if (status == TD_OK) status = td_node_opt_real(params, "entropy", 0, 1e6, &s->entropy, err);
    if (status == TD_OK)
        status = td__option_word(params, "baseline", baselines, 3, &s->baseline, err);
    if (status == TD_OK) status = td_node_opt_real(params, "decay", 0, 1, &s->decay, err);
    if (status == TD_OK) status = td_node_opt_bool(params, "normalise", &s->normalise, err);
    if (status == TD_OK && policy == FACTORISED)
        status = td__option_idle(params, "hidden", "policy: autoregressive", err);
    if (status == TD_OK && s->batch == 1 && s->baseline == BATCH)
        status = td_node_fail(td_node_find(params, "batch"), err,
                              "a design is no better than the mean of itself: batch: 1 needs "
                              "baseline: ema or none");
    if (status == TD_OK && s->baseline != EMA)
        status = td__option_idle(params, "decay", "baseline: ema", err);
    if (policy == FACTORISED) s->hidden = 0;
    return status;
}

static void destroy(void *self) {
    state *s = self;
    if (s == NULL) return;
    td__policy_free(&s->policy);
    td__asked_free(&s->asked);
    free(s->gradient);
    free(s->ring);
    free(s->ring_v);
    free(s->told);
    free(s->told_v);
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
        size_t batch = (size_t)s->batch;
        status = td__policy_init(&s->policy, space, (int)s->hidden, seed);
        s->gradient = calloc(3 * s->policy.n + 1, sizeof *s->gradient);
        s->told = calloc(batch, sizeof *s->told);
        s->told_v = calloc(batch * (size_t)space->n + 1, sizeof *s->told_v);
        if (status != TD_OK || s->gradient == NULL || s->told == NULL || s->told_v == NULL)
            status = td_fail(err, TD_E_MEMORY, "out of memory");
    }
    if (status != TD_OK) {
        destroy(s);
        return status;
    }
    s->mean = s->gradient + s->policy.n;
    s->square = s->mean + s->policy.n;
    *out = s;
    return TD_OK;
}

/* ---- what is in flight ----------------------------------------------------------------------- */

static double *ring_choices(const state *s, int64_t number) {
    return s->ring_v + (size_t)(number % s->room) * (size_t)s->space->n;
}

static td_status make_room(state *s) {
    if (s->next - s->oldest < s->room) return TD_OK;
    state wide = *s;
    size_t bytes = sizeof *s->ring_v * (size_t)s->space->n;
    wide.room = s->room > 0 ? 2 * s->room : 16;
    wide.ring = calloc((size_t)wide.room, sizeof *wide.ring);
    wide.ring_v = calloc((size_t)wide.room, bytes + 1);
    if (wide.ring == NULL || wide.ring_v == NULL) {
        free(wide.ring);
        free(wide.ring_v);
        return TD_E_MEMORY;
    }
    for (int64_t n = s->oldest; n < s->next; n++) {
        wide.ring[n % wide.room] = s->ring[n % s->room];
        if (bytes > 0) memcpy(ring_choices(&wide, n), ring_choices(s, n), bytes);
    }
    free(s->ring);
    free(s->ring_v);
    *s = wide;
    return TD_OK;
}

static td_status ask(void *self, int64_t number, td_choices *out, double *fidelity) {
    state *s = self;
    td_rng r = td_rng_make(s->seed, (uint64_t)number, TD_RNG_ASK);
    td__policy_sample(&s->policy, &r, out);
    for (int i = 0; i < DRAWS && td__asked_avoids(&s->asked, s->space, out); i++)
        td__policy_sample(&s->policy, &r, out);
    for (int i = 0; i < MUTANTS && td__asked_avoids(&s->asked, s->space, out); i++) {
        td__policy_sample(&s->policy, &r, out);
        for (int k = 0; k <= i / 4; k++) td_space_mutate(s->space, &r, out);
    }
    for (int i = 0; i < DRAWS && !td_space_allows(s->space, out); i++)
        td_space_sample(s->space, &r, out);
    if (fidelity != NULL) *fidelity = 1;
    td_status status = make_room(s);
    if (status == TD_OK && !td__asked_for(&s->asked, number, out)) status = TD_E_MEMORY;
    if (status != TD_OK) return status;
    s->ring[number % s->room] = (pending){.log_p = td__policy_log(&s->policy, out)};
    if (out->n > 0) memcpy(ring_choices(s, number), out->v, sizeof *out->v * (size_t)out->n);
    s->next = number + 1;
    return TD_OK;
}

static bool same(const double *a, const double *b, int n) {
    for (int i = 0; i < n; i++)
        if (a[i] != b[i] && !(isnan(a[i]) && isnan(b[i]))) return false;
    return true;
}

/* log P_ask of a trial that is told; it is not in flight any more. */
static double land(state *s, int64_t number, const td_choices *c) {
    if (number < s->oldest || number >= s->next) return td__policy_log(&s->policy, c);
    pending *p = &s->ring[number % s->room];
    p->told = true;
    bool asked = same(ring_choices(s, number), c->v, c->n);
    double log_p = p->log_p;
    while (s->oldest < s->next && s->ring[s->oldest % s->room].told) s->oldest++;
    return asked ? log_p : td__policy_log(&s->policy, c);
}

/* ---- learning -------------------------------------------------------------------------------- */

static void set_rewards(state *s) {
    double range = s->any_feasible && s->most > s->least ? s->most - s->least : 1;
    for (int i = 0; i < s->n_told; i++) {
        sample *t = &s->told[i];
        if (t->shortfall > 0) t->reward = s->least - range * t->shortfall;
    }
}

static void set_advantages(state *s) {
    double mean = 0, square = 0, baseline = 0;
    for (int i = 0; i < s->n_told; i++) mean += s->told[i].reward / s->n_told;
    if (s->baseline == BATCH) baseline = mean;
    if (s->baseline == EMA) baseline = s->any_average ? s->average : mean;
    s->average = s->any_average ? s->decay * s->average + (1 - s->decay) * mean : mean;
    s->any_average = true;
    for (int i = 0; i < s->n_told; i++) {
        double a = s->told[i].reward - baseline;
        s->told[i].advantage = a;
        square += a * a / s->n_told;
    }
    /* Their root mean square is 1 then; their mean stays where the baseline puts it. */
    for (int i = 0; i < s->n_told && s->normalise; i++)
        s->told[i].advantage = square > 0 ? s->told[i].advantage / sqrt(square) : 0;
}

static void climb(state *s) {
    size_t n = s->policy.n;
    double *theta = s->policy.theta;
    s->steps++;
    double fix_mean = 1 - pow(BETA1, (double)s->steps),
           fix_square = 1 - pow(BETA2, (double)s->steps);
    for (size_t i = 0; i < n; i++) {
        double g = s->gradient[i];
        s->mean[i] = BETA1 * s->mean[i] + (1 - BETA1) * g;
        s->square[i] = BETA2 * s->square[i] + (1 - BETA2) * g * g;
        theta[i] += s->rate * (s->mean[i] / fix_mean) / (sqrt(s->square[i] / fix_square) + EPSILON);
    }
}

static void update(state *s) {
    set_rewards(s);
    set_advantages(s);
    for (int64_t epoch = 0; epoch < s->epochs; epoch++) {
        for (size_t i = 0; i < s->policy.n; i++) s->gradient[i] = 0;
        for (int i = 0; i < s->n_told; i++) {
            const sample *t = &s->told[i];
            td_choices c = {s->space->n, s->told_v + (size_t)i * (size_t)s->space->n};
            double log_p = td__policy_log(&s->policy, &c);
            double ratio = exp(fmin(log_p - t->log_p, MOST_LOG_RATIO));
            bool clipped = t->advantage > 0 ? ratio > 1 + s->clip : ratio < 1 - s->clip;
            td__policy_gradient(&s->policy, &c, clipped ? 0 : ratio * t->advantage / s->n_told,
                                s->entropy / s->n_told, s->gradient);
        }
        climb(s);
    }
    s->n_told = 0;
}

static void tell(void *self, int64_t number, const td_choices *c, const td_outcome *o) {
    state *s = self;
    td__asked_told(&s->asked, number, c);
    sample t = {.log_p = land(s, number, c), .shortfall = td__outcome_shortfall(o)};
    if (t.shortfall == 0) {
        t.reward = fmin(fmax(-o->obj[0], -MOST_REWARD), MOST_REWARD);
        s->least = s->any_feasible ? fmin(s->least, t.reward) : t.reward;
        s->most = s->any_feasible ? fmax(s->most, t.reward) : t.reward;
        s->any_feasible = true;
    }
    if (c->n > 0)
        memcpy(s->told_v + (size_t)s->n_told * (size_t)c->n, c->v, sizeof *c->v * (size_t)c->n);
    s->told[s->n_told++] = t;
    if (s->n_told == s->batch) update(s);
}

const td_strategy td__strategy_ppo = {.name = "ppo",
                                      .about = "controller trained by proximal policy optimisation",
                                      .init = init,
                                      .ask = ask,
                                      .tell = tell,
                                      .destroy = destroy};

/* tandem/search.h - strategies behind one ask/tell interface.
 *
 * A strategy's state is a function of (space, parameters, seed, the calls made): asked numbers and
 * told outcomes in order. Resuming is replaying the same calls. Random draws come from
 * td_rng_make(seed, number, TD_RNG_ASK), so they do not depend on what was drawn before (but those
 * of qmc and cmaes, which are of one sequence).
 */
#ifndef TANDEM_SEARCH_H
#define TANDEM_SEARCH_H

#include "tandem/base.h"
#include "tandem/space.h"

#ifdef __cplusplus
extern "C" {
#endif

/* done: objectives are there. infeasible: it cannot be built or mapped, or misses a constraint and
 * was not trained; con[] says by how much where that is known (ncon 0: cannot be built). pruned:
 * asked for its costs only (fidelity 0, no objectives), or stopped early: then the fidelity is the
 * share of its evaluation that it went through, and the objectives are those it had come to. */
typedef enum {
    TD_TRIAL_READY,
    TD_TRIAL_RUNNING,
    TD_TRIAL_DONE,
    TD_TRIAL_PRUNED,
    TD_TRIAL_FAILED,
    TD_TRIAL_INFEASIBLE
} td_state;
typedef struct {
    td_state state;
    int nobj, ncon;
    double obj[4], var[4]; /* minimise */
    double con[8];         /* <= 0 is met; relative to the target */
    double fidelity;
} td_outcome;

typedef td_node td_params; /* a map of the options of a strategy or stopper */

typedef struct {
    const char *name, *about;
    td_status (*init)(void **state, const td_space *space, uint64_t seed, const td_params *params,
                      td_error *err);
    /* Fills choices (canonical) for trial `number`; numbers come in order without gaps. *fidelity
     * is 1 before the call; 0 asks for the costs only: the outcome, which is told before the next
     * ask, has con[], and the state pruned where they are all met. TD_E_DONE: there is nothing left
     * to ask; the search ends. */
    td_status (*ask)(void *state, int64_t number, td_choices *out, double *fidelity);
    /* In place of ask, where a replay knows the answer (which was asked in full): leaves the state
     * as ask would, at less cost. NULL: ask is cheap. */
    td_status (*asked)(void *state, int64_t number, const td_choices *c, double fidelity);
    /* Trials are told in any order, each once; the order is one of the calls that the state is a
     * function of. The choices (canonical) may be others than were asked, with fidelity 1: the
     * answer was put aside, since a design of the user's stands under that number. A strategy
     * learns from what is told as from any other trial, takes it for asked, and may ask again what
     * was put aside. Such a trial may be told later than the next ask, whatever the fidelity that
     * it was asked with. */
    void (*tell)(void *state, int64_t number, const td_choices *c, const td_outcome *o);
    void (*destroy)(void *state);
    bool fronts; /* it makes use of outcomes with several objectives, not of obj[0] only */
    bool ends;   /* it asks every vector once, whatever the seed, and then nothing (TD_E_DONE) */
} td_strategy;

/* Options (params; NULL: all defaults; unknown ones are errors, and so are those that another
 * option makes idle):
 *
 *   random     no options; uniform
 *   evolution  regularised (aging) evolution, Real et al. 2019 (arXiv 1802.01548), algorithm 1:
 *     population  the last told trials that parents come from; as many trials are random first (24)
 *     sample      the best of so many drawn members is the parent (half of the population)
 *     mutations   expected number of decisions that change in a child, >= 1 (1.5)
 *     crossover   probability that a child has two parents (.5)
 *     selection   regularised: the oldest member dies; tournament: the last in rank (regularised)
 *     solve       for each child, up to so many accelerators are tried for their costs (until a
 *                 quarter of that many bring nothing better), and it is asked in full with the best
 *                 (0: children are asked as they are bred). Only where some decisions are
 *                 costs_only and others are not.
 *   local      hill climbing: one decision changes, the first better one is taken (White et al.
 *              2021, arXiv 2005.02960). Decisions with more than 33 values change in steps of 1, 4,
 *              16, ...; reals by 1/4, 1/16, ... of their range or its logarithm, and so do integers
 *              on a log scale:
 *     neighbours  so many are tried before a point is left (0: all)
 *     restart     perturb: from the best so far, changed; random: anywhere (perturb)
 *     kick        with perturb: so many changes (4)
 *   ppo        a controller trained by proximal policy optimisation (Schulman et al. 2017, arXiv
 *              1707.06347). Its reward is -obj[0]; less than of any feasible trial where there is
 *              none, falling in the order below:
 *     policy      factorised: decisions are independent; autoregressive: each sees those before it
 *                 (factorised)
 *     hidden      units of the autoregressive one (24)
 *     batch       trials per update (12)
 *     epochs      steps per update (6)
 *     clip        of ratios of probabilities, to 1 - clip .. 1 + clip (.3)
 *     rate        of Adam (.05 factorised, .01 autoregressive)
 *     entropy     weight of the policy's entropy (.03)
 *     baseline    of rewards: batch: their mean; ema: its moving average over updates; none (batch)
 *     decay       of the moving average (.9)
 *     normalise   advantages to a root mean square of 1 (true)
 *
 *   auto       the default: gp for the first trials, nsga2 behind them:
 *     modelled    so many trials (2000)
 *     patience    after so many in a row with nothing better nsga2 has every other one (64)
 *
 *   gp         Bayesian optimisation with Gaussian processes of the objective (warped by ranks, as
 *              in Song et al. 2024, or not, as explains it best), of each constraint that was
 *              missed, and of what can be built: expected improvement times the chance to be
 *              feasible (Jones et al. 1998; Gardner et al. 2014). Trials look anywhere, or in a
 *              region around the best that grows with success and shrinks without (Eriksson et al.
 *              2019); the side that brings more gets more. Pending trials (the latest
 *              100) count as what is expected of them. Milliseconds to tens of them per ask:
 *     initial     random trials first (4 + 2 per decision, at most 12)
 *     points      of a model: the best and the latest (300)
 *     candidates  vectors rated first; as many while the best are refined (1000)
 *     kernel      matern (5/2; Hamming distance of names), linear, matern+linear (matern)
 *     acquisition ei (log-EI, Ament et al. 2023); lcb: a lower confidence bound; thompson: a draw
 *                 of all processes; mixed: each third trial lcb, the others ei (mixed)
 *     confidence  of lcb, in deviations (2)
 *     several     two or three objectives: hypervolume: what is expected to be added to it
 *                 (Emmerich et al. 2006); scalarise: weights drawn per trial (Knowles 2006), as
 *                 always for four (hypervolume)
 *
 *   bo         constrained Bayesian optimisation of the first objective over features (Shi et al.
 *              2020, arXiv 2010.02075): of a pool of random vectors that keep what is known
 *              beforehand (td_space_draw), the one of the greatest acquisition times its chance to
 *              be feasible. Features are the space's (td_space.features), or the decisions: places
 *              in [0, 1], names as one coordinate for each; standardised. Pending trials have no
 *              say but that they are not asked again:
 *     initial     random trials first (10)
 *     pool        vectors of the pool (150); fewer where a million raw draws bring none
 *     points      that are learned from: when there are so many half of them is forgotten, all but
 *                 the best and the latest quarter (400)
 *     model       gp, forest (64 trees; the deviation is theirs) (gp)
 *     kernel      of gp: linear (Bayesian linear regression), se (squared exponential), matern
 *                 (5/2), both with a length for each feature; all with white noise (linear)
 *     acquisition lcb: confidence deviations below the mean, negated and counted from the least of
 *                 the pool, so that a chance may be multiplied; ei: expected improvement (lcb)
 *     confidence  of lcb (1)
 *     feasibility how the chance is learned from trials that failed, could not be built, or missed
 * a constraint, by however much, once there are both kinds: gp (td_gp_class), svm, forest, none
 * (gp) value       what is learned of the objective: log, reciprocal (the least so far by it),
 * plain; plain in any case once one was not positive (log) epsilon     share of trials that are
 * random, after the first ones (0)
 *
 *   nsga2      a genetic algorithm for several objectives, or one (Deb et al. 2002): of parents
 *              and children the better ones are the next parents:
 *     population  parents; as many trials are random first (16)
 *     offspring   so many trials are told before parents are chosen again (1, or a 16th of large
 *                 populations)
 *     crossover   probability that a child has two parents (.9)
 *     blend       probability that a number of it lies about those of both (simulated binary
 *                 crossover); others, and names, are taken over from either (.25)
 *     mutations   expected number of decisions that change (1), numbers by polynomial mutation
 *     eta_crossover  the larger, the nearer numbers lie to the parents' (1)
 *     eta_mutation   the larger, the less numbers change (5)
 *
 *   cmaes      CMA-ES (Hansen, arXiv 1604.00772) of the first objective, with margin for whole
 *              numbers (Hamano et al. 2022) and probabilities of names that are learned (as in
 *              Hamano et al. 2024). Where it has converged it starts again from elsewhere:
 *     population  trials that it learns from at a time (4 + 1.5 log of the number of decisions,
 *                 and as many as the longest list of names has, at most 8)
 *     sigma       deviation at first, of the range of a number or its logarithm (.2)
 *     restarts    ipop: each with twice the population; bipop: those and small ones in turn
 *                 (Hansen 2009); equal: with the same population (ipop)
 *   qmc        no options; quasi-random: scrambled Sobol' points (td_sobol)
 *
 *   tpe        tree-structured Parzen estimators (Bergstra et al. 2011; Watanabe 2023, arXiv
 *              2304.11127): of vectors drawn from the density of good trials the one is asked at
 *              which its ratio to the density of bad ones is greatest. The split is by the order
 *              below; pending trials are bad. 0.1 to 1 ms per ask (3 to 30 decisions):
 *     initial     random trials first (10)
 *     gamma       so many trials are good: gamma sqrt(told) (1.2), 5/3 times that with several
 *                 objectives, at most 25
 *     candidates  vectors that are drawn (48)
 *     kernels     of the bad density at most: pending ones, the best 50, the latest others (500)
 *     width       least one of kernels at first, of a decision's range; it falls as told^-0.7 (.2)
 *     multivariate  densities of whole vectors, not of each decision by itself (true)
 *
 *   exhaustive  no options; every vector of the space once, in the order of td_space_first and
 *               td_space_next, whatever the seed; then TD_E_DONE. Spaces with real decisions are
 *               refused (TD_E_USAGE)
 *
 * With several objectives evolution takes parents by their place in the population
 * (td_outcomes_rank), and the last in place makes room for a newcomer, not the oldest: members of
 * the front do not age.
 *
 * Ranking everywhere by td_outcome_compare, so that a search walks toward what is feasible. Vectors
 * that were asked before are drawn again; where (almost) nothing is left a duplicate is returned.
 * Lag between ask and tell is fine. */
const td_strategy *const *td_strategy_list(int *n);
const td_strategy *td_strategy_find(const char *name); /* NULL if there is none */

/* One order for all: feasible before infeasible; among feasible the smaller obj[0]; then pruned
 * ones, those that went further first, and of these the smaller obj[0]; then infeasible ones with
 * known constraints, the smaller sum of violations first; then what cannot be built; then failed
 * ones and those without an objective. <0, 0, >0.
 *
 * Of several objectives, the feasible one that dominates (smaller or equal in all, smaller in one)
 * comes first, and two of which neither does compare as 0: fit for a duel, not for sorting. Sets
 * are ranked by the next function. */
int td_outcome_compare(const td_outcome *a, const td_outcome *b);
/* The same order for a set, without ties: place[i] in 0..n-1, 0 the best. Feasible ones of several
 * objectives are ranked by nondominated front, within a front those that stand most alone first
 * (crowding distance), as NSGA-II does; what is equal by the order of o. O(n^2). TD_E_MEMORY. */
td_status td_outcomes_rank(const td_outcome *const *o, int n, int *place);
/* Done, and every constraint met (an unknown one, NAN, is not). */
bool td_outcome_feasible(const td_outcome *o);

/* ---- early stopping --------------------------------------------------------------------------
 *
 * A trial whose evaluation goes by steps (the epochs of a training) can be stopped after any of
 * them. Who decides is no strategy: rules know curves only, and each goes with all strategies. */

/* What a trial had come to after some of its steps, in order: state done, objectives and
 * constraints as if it had ended there. */
typedef struct {
    int64_t step; /* >= 0 */
    td_outcome value;
} td_curve_point;
typedef struct {
    int64_t number; /* of the trial */
    const td_curve_point *at;
    int n;
} td_curve;
/* The value after exactly this step; NULL: none was reported. */
const td_outcome *td_curve_at(const td_curve *c, int64_t step);

typedef enum { TD_GO_ON, TD_PRUNE } td_verdict;

/* A rule, a pure function: the same curves, the same verdict, from any thread. */
typedef struct {
    const char *name, *about;
    /* steps: of a whole evaluation; 0: not known beforehand. params may be NULL. */
    td_status (*create)(void **self, int64_t steps, const td_params *params, td_error *err);
    /* Values of other steps are of no use to it: they need not be measured. */
    bool (*looks)(const void *self, int64_t step);
    /* `own` ends at the step that the verdict is on; earlier: curves of n other trials, complete or
     * stopped. why (may be NULL) gets a reason of TD_PRUNE, "5th of 8, of which 2 go on".
     * TD_E_MEMORY. */
    td_status (*judge)(const void *self, const td_curve *own, const td_curve *earlier, int n,
                       td_verdict *verdict, td_text *why);
    void (*destroy)(void *self); /* NULL is fine */
} td_stopper;

/* Options as those of strategies. Constraints come first everywhere: a value that misses one is
 * behind all that miss none (td_outcome_compare), and of several objectives sets are ranked by
 * td_outcomes_rank: front, then how alone on it.
 *
 *   asha       asynchronous successive halving (Li et al. 2018, arXiv 1810.05934) in its stopping
 *              form: at the rungs, steps min * eta^k below max, a trial goes on if it is in the
 *              first 1/eta of those that were there, itself included; while they are fewer than eta
 *              all go on:
 *     min        the first rung (1)
 *     max        from here on none is stopped (steps of a whole evaluation)
 *     eta        >= 2 (3)
 *   hyperband  the same in brackets (Li et al. 2016, arXiv 1603.06560): bracket s has the last s
 *              rungs of those above, the bracket 0 none. Trials are dealt to the S brackets by
 *              their number, in shares of ceil(S / (s + 1) * eta^s), and compared within theirs.
 *              Options as of asha; max is required where the steps are not known
 *
 *   median     a trial is stopped if the best value that it had is worse than the median of the
 *              others' running means up to this step (Golovin et al. 2017, Vizier, 3.2.2), over
 *              those that came as far:
 *     min        the first step at which it is asked (1)
 *     trials     so many others at least (5) */
const td_stopper *const *td_stopper_list(int *n);
const td_stopper *td_stopper_find(const char *name); /* NULL if there is none */

#ifdef __cplusplus
}
#endif
#endif

/* Gaussian processes of what trials have told: objectives, constraints, whether it can be built;
 * and what is expected of a vector that was not tried (acquisition.c). */
#ifndef TANDEM_SURROGATE_H
#define TANDEM_SURROGATE_H

#include "tandem/model.h"
#include "tandem/search.h"
#include "warp.h"

enum {
    TD_MOST_OBJECTIVES = 4,
    TD_MOST_CONSTRAINTS = 8,
    TD_MOST_PENDING = 100 /* trials that are known to a model beside those that were told */
};

/* What was told or, pending, asked. In the order of the calls. */
typedef struct {
    int64_t number;
    bool told, near; /* near: asked near the best (strategy_gp.c) */
    td_outcome outcome;
    double *choices, *point; /* [n] each: the vector, and its coordinates (td__surrogate_point) */
} td__observation;

/* Expected improvement (of one objective, or of the hypervolume of several), lower confidence
 * bound, a draw from the posterior (Thompson 1933). */
typedef enum { TD_ACQUIRE_IMPROVEMENT, TD_ACQUIRE_BOUND, TD_ACQUIRE_DRAW } td__acquisition;

typedef struct {
    int kernel, cap; /* of td_gp_options; most points of one process */
    td__acquisition by;
    double confidence; /* of the bound: so many deviations */
} td__surrogate_options;

/* What is looked for by the next update. */
typedef struct {
    const double *value; /* [n]: stands for the objectives, NAN where there is nothing; or NULL */
    const double (*front)[TD_MOST_OBJECTIVES]; /* feasible objectives that nothing dominates */
    int n_front;
    bool fit_only; /* hyper-parameters are fitted if it is time, and nothing else is done */
} td__aim;

/* A process, and where its hyper-parameters stand. */
typedef struct {
    td_gp *gp;
    int64_t fitted;            /* told trials at the last fit; 0: none */
    bool used;                 /* by the last update */
    int warp;                  /* of an objective: what explains it best */
    double *theta[TD_N_WARPS]; /* of each warp */
    double *raw, *warped;      /* [n] rising: values of an objective, and where they went */
    int n;
    double threshold; /* of a constraint, on the scale of its process */
} td__process;

typedef struct {
    const td_space *space;
    td__surrogate_options o;
    td__process objective[TD_MOST_OBJECTIVES], constraint[TD_MOST_CONSTRAINTS], built;
    int64_t told; /* trials so far, for the next update */
    /* Of the last update: */
    int nobj, ncon;
    double incumbent; /* the best feasible objective on the scale of its process; INFINITY: none */
    td_ehvi *improvement; /* of several objectives, on the scales of their processes; or NULL */
    double *work;         /* [cap + 1][d + 2] */
} td__surrogate;

td_status td__surrogate_init(td__surrogate *s, const td_space *space,
                             const td__surrogate_options *o, td_error *err);
void td__surrogate_free(td__surrogate *s);
/* Coordinates of a canonical vector: numbers to [0, 1] on their scale, names as they are; NAN:
 * inactive. */
void td__surrogate_point(const td_space *space, const td_choices *c, double *point);
/* Fits the processes to n observations; pending ones stand last. */
td_status td__surrogate_update(td__surrogate *s, const td__observation *o, int n,
                               const td__aim *aim, td_error *err);
/* Whether a number can be learned from. */
bool td__surrogate_usable(double v);
/* score[m] of points[m][d], the larger the better: the logarithm of expected improvement times the
 * probability of being feasible; of the bound in its place; without a feasible incumbent of that
 * probability alone. TD_ACQUIRE_DRAW: one draw of all m together with the numbers of r, the best of
 * those whose constraints are met in it; then m is at most a few hundred. */
td_status td__surrogate_score(const td__surrogate *s, const double *points, int m, td_rng *r,
                              double *score, td_error *err);

#endif

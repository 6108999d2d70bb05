/* Gaussian processes of what trials have told: objectives, constraints, whether it can be built. */
#ifndef TANDEM_SURROGATE_H
#define TANDEM_SURROGATE_H

#include "tandem/model.h"
#include "tandem/search.h"

enum { TD_MOST_GPS = 4 + 8 + 1 };

/* What was told or, pending, asked. In the order of the calls. */
typedef struct {
    int64_t number;
    bool told, near; /* near: asked near the best (strategy_gp.c) */
    td_outcome outcome;
    double *choices, *point; /* [n] each: the vector, and its coordinates (td__surrogate_point) */
} td__observation;

typedef struct {
    const td_space *space;
    int kernel, cap; /* kernel of td_gp_options; most points of one process */
    td_gp *gp[TD_MOST_GPS];
    int64_t told;                /* trials so far, for the next update */
    int64_t fitted[TD_MOST_GPS]; /* the same at the last fit of hyper-parameters; 0: none */
    /* Of the last update: */
    int ncon;
    bool objective, constraint[8], built; /* there is a process for it */
    int warp;            /* of the objective, and its process: what explains it best */
    double threshold[8]; /* of a constraint, on the scale of its process */
    double incumbent; /* the best feasible objective on the scale of its process; INFINITY: none */
    double *work;     /* [cap + 1][d + 2] */
} td__surrogate;

td_status td__surrogate_init(td__surrogate *s, const td_space *space, int kernel, int cap,
                             td_error *err);
void td__surrogate_free(td__surrogate *s);
/* Coordinates of a canonical vector: numbers to [0, 1] on their scale, names as they are; NAN:
 * inactive. */
void td__surrogate_point(const td_space *space, const td_choices *c, double *point);
/* Fits the processes to n observations; pending ones stand last. value[n]: what stands for their
 * objectives, NAN where there is nothing; NULL: the one objective. */
td_status td__surrogate_update(td__surrogate *s, const td__observation *o, int n,
                               const double *value, td_error *err);
/* Whether a number can be learned from. */
bool td__surrogate_usable(double v);
/* The logarithm of expected improvement times the probability of being feasible; without a feasible
 * incumbent of that probability alone. */
td_status td__surrogate_score(const td__surrogate *s, const double *points, int m, double *score,
                              td_error *err);

#endif

/* What `bo` learns from features: a regression of values, a classifier of what is feasible. Both
 * standardise by what they were fitted to last, and are a function of the points that they were
 * given since. */
#ifndef TANDEM_BO_MODEL_H
#define TANDEM_BO_MODEL_H

#include "tandem/model.h"

/* (v - shift) * factor, to mean 0 and variance 1; of what is constant 0. */
typedef struct {
    int d, room;
    double *shift, *factor; /* [d] */
    double *points;         /* [room][d], where they are put */
} td__standard;

typedef enum { TD_REGRESS_LINEAR, TD_REGRESS_GP, TD_REGRESS_FOREST } td__regress;
typedef struct {
    td__regress by;
    int kernel; /* of TD_REGRESS_GP */
    uint64_t seed;
} td__regression_options;

typedef struct {
    td__regression_options o;
    td__standard standard;
    double mean, deviation; /* of values */
    td_linear *linear;
    td_forest *forest;
    td_gp *gp;
    double *theta; /* where fits of gp set out from, whatever was fitted before */
} td__regression;

/* d >= 1. What it takes is freed by td__regression_free, also after an error. */
td_status td__regression_init(td__regression *r, int d, const td__regression_options *o,
                              td_error *err);
void td__regression_free(td__regression *r);
/* x[n][d], y[n] in place of all points; hyper-parameters anew. n >= 1. TD_E_USAGE: these points
 * have no model. */
td_status td__regression_fit(td__regression *r, const double *x, const double *y, int n,
                             td_error *err);
/* One point more, all else as fitted. A forest learns with the next fit only. */
td_status td__regression_append(td__regression *r, const double *x, double y, td_error *err);
/* At x[m][d], in deviations of the fitted values about their mean; and a value in these units. */
td_status td__regression_predict(td__regression *r, const double *x, int m, double *mean,
                                 double *sd, td_error *err);
double td__regression_value(const td__regression *r, double y);

/* ---- classifier ------------------------------------------------------------------------------ */

typedef enum { TD_CLASSIFY_NOT, TD_CLASSIFY_GP, TD_CLASSIFY_SVM, TD_CLASSIFY_FOREST } td__classify;
typedef struct {
    td__classify by;
    uint64_t seed;
    bool used; /* it was set, to points of both classes */
    td__standard standard;
    td_gp_class *gp;
    td_svm *svm;
    td_forest *forest;
} td__classifier;

td_status td__classifier_init(td__classifier *c, int d, td__classify by, uint64_t seed,
                              td_error *err);
void td__classifier_free(td__classifier *c);
/* Scales of features and hyper-parameters by x[n][d] and whether they are feasible (label[n]). */
td_status td__classifier_fit(td__classifier *c, const double *x, const uint8_t *label, int n,
                             td_error *err);
/* These in place of all points, all else as fitted. */
td_status td__classifier_set(td__classifier *c, const double *x, const uint8_t *label, int n,
                             td_error *err);
/* Chance that x[m][d] are; 1 where it is not used. */
td_status td__classifier_predict(td__classifier *c, const double *x, int m, double *chance,
                                 td_error *err);

#endif

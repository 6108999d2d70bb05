/* Hyper-parameters by maximum a posteriori. */
#include <math.h>
#include <nlopt.h>
#include <stdlib.h>
#include <string.h>

#include "gp.h"

static const double lowest_length = -4.6, highest_length = 7; /* log: 0.01 to 1,100 ranges */
static const double lowest = -14, highest = 5;                /* log variances */

typedef struct {
    td_gp *gp;
    const double *x, *y;
    int n;
    double best, *at; /* the best theta so far, whatever stops the search */
} task;

/* Adds the log of a normal density to *sum, its slope to *slope. */
static void prior(double v, double mean, double deviation, double *sum, double *slope) {
    double z = (v - mean) / deviation;
    *sum -= z * z / 2;
    *slope -= z / deviation;
}

static double posterior(unsigned n, const double *theta, double *gradient, void *data) {
    task *t = data;
    td_gp *gp = t->gp;
    int d = gp->d;
    (void)n;
    td_gp_set_theta(gp, theta);
    double sum = -HUGE_VAL;
    if (td_gp_set(gp, t->x, t->y, t->n, NULL) == TD_OK) sum = td_gp_likelihood(gp, gradient, NULL);
    if (!isfinite(sum)) { /* as bad as can be, and no way to tell which way is out */
        for (int i = 0; i < d + TD_GP_EXTRA; i++) gradient[i] = 0;
        return -1e100;
    }
    double mean = 0, slope = 0, spread = 0.5; /* enough to switch off what does not matter */
    for (int i = 0; i < d; i++) mean += theta[i] / d;
    prior(mean, sqrt(2) + 0.5 * log(d), sqrt(3), &sum, &slope);
    for (int i = 0; i < d; i++) {
        prior(theta[i], mean, spread, &sum, &gradient[i]);
        gradient[i] += slope / d;
    }
    for (int i = d; i < d + TD_GP_NOISE; i++) prior(theta[i], 0, 1.5, &sum, &gradient[i]);
    prior(theta[d + TD_GP_NOISE], -7, 2.5, &sum, &gradient[d + TD_GP_NOISE]);
    if (sum > t->best) {
        t->best = sum;
        memcpy(t->at, theta, sizeof *theta * (size_t)(d + TD_GP_EXTRA));
    }
    return sum;
}

td_status td_gp_fit(td_gp *gp, const double *x, const double *y, int n, int evaluations,
                    td_error *err) {
    int d = gp->d, all = d + TD_GP_EXTRA;
    double *bounds = malloc(sizeof *bounds * (size_t)(4 * all));
    nlopt_opt by = bounds != NULL ? nlopt_create(NLOPT_LD_LBFGS, (unsigned)all) : NULL;
    if (by == NULL) {
        free(bounds);
        return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    double *low = bounds, *high = low + all, *theta = high + all;
    for (int i = 0; i < all; i++) {
        low[i] = i < d ? lowest_length : lowest;
        high[i] = i < d ? highest_length : highest;
        theta[i] = fmin(fmax(gp->theta[i], low[i]), high[i]);
    }
    double reached;
    task t = {gp, x, y, n, -HUGE_VAL, theta + all};
    memcpy(t.at, theta, sizeof *theta * (size_t)all);
    nlopt_set_lower_bounds(by, low);
    nlopt_set_upper_bounds(by, high);
    nlopt_set_max_objective(by, posterior, &t);
    nlopt_set_maxeval(by, evaluations);
    nlopt_set_ftol_abs(by, 1e-4);
    if (n > 0) nlopt_optimize(by, theta, &reached);
    nlopt_destroy(by);
    td_gp_set_theta(gp, t.at);
    free(bounds);
    return td_gp_set(gp, x, y, n, err);
}

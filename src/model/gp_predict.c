/* Means and deviations of many points: LANES of them go through the factor together. The sums of a
 * point run in the same order whatever the instruction set, so its figures are the same. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gp.h"

enum { LANES = 8 };
#if defined(__x86_64__) && defined(__linux__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("avx2", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

/* Squared distances of td__gp_covariance from a to the points of x[d][LANES]: r2 of numeric
 * coordinates, h of nominal ones; and the linear term's product. */
static inline void distances(const td_gp *gp, const double *a, const double (*x)[LANES], double *r2,
                             double *h) {
    for (int i = 0; i < gp->d; i++) {
        double *sum = gp->nominal[i] ? h : r2, w = gp->weight[i], v = a[i];
        if (isnan(v))
            for (int l = 0; l < LANES; l++) sum[l] += x[i][l] == x[i][l] ? w : 0;
        else if (gp->nominal[i])
            for (int l = 0; l < LANES; l++) sum[l] += x[i][l] != v ? w : 0;
        else
            for (int l = 0; l < LANES; l++) {
                double t = x[i][l] - v;
                sum[l] += w * (t == t ? t * t : 1);
            }
    }
}

static inline void products(const td_gp *gp, const double *a, const double (*x)[LANES],
                            double *sum) {
    for (int i = 0; i < gp->d; i++) {
        double w = gp->weight[i], v = a[i];
        if (isnan(v)) continue;
        for (int l = 0; l < LANES; l++) {
            double t = gp->nominal[i] ? x[i][l] == v : x[i][l] * v;
            sum[l] += t == t ? w * t : 0;
        }
    }
}

static inline void covariances(const td_gp *gp, const double *a, const double (*x)[LANES],
                               double *k) {
    const double *extra = gp->theta + gp->d;
    for (int l = 0; l < LANES; l++) k[l] = 0;
    if (gp->kernel & (TD_GP_MATERN | TD_GP_SE)) {
        double r2[LANES] = {0}, h[LANES] = {0};
        distances(gp, a, x, r2, h);
        for (int l = 0; l < LANES; l++) {
            double s = sqrt(5 * r2[l]);
            k[l] = gp->kernel & TD_GP_SE
                       ? exp(extra[TD_GP_SIGNAL] - r2[l] / 2 - h[l])
                       : exp(extra[TD_GP_SIGNAL] - s - h[l]) * (1 + s + s * s / 3);
        }
    }
    if (gp->kernel & TD_GP_LINEAR) {
        double sum[LANES], scale = exp(extra[TD_GP_LINEAR_VARIANCE]);
        for (int l = 0; l < LANES; l++) sum[l] = 1;
        products(gp, a, x, sum);
        for (int l = 0; l < LANES; l++) k[l] += scale * sum[l];
    }
}

/* x[d][LANES] -> mean[LANES] and, unless NULL, what the data take of the variance. v: [n]. */
FOR_EACH_PROCESSOR
static void predict_lanes(const td_gp *gp, const double (*x)[LANES], double (*v)[LANES],
                          double *mean, double *reduced) {
    int n = gp->n;
    for (int l = 0; l < LANES; l++) mean[l] = 0;
    for (int i = 0; i < n; i++) {
        covariances(gp, gp->x + (size_t)i * (size_t)gp->d, x, v[i]);
        for (int l = 0; l < LANES; l++) mean[l] += gp->alpha[i] * v[i][l];
    }
    if (reduced == NULL) return;
    for (int l = 0; l < LANES; l++) reduced[l] = 0;
    for (int i = 0; i < n; i++) {
        const double *at = gp->factor + (size_t)i * (size_t)gp->room;
        double left[LANES];
        memcpy(left, v[i], sizeof left);
        for (int j = 0; j < i; j++)
            for (int l = 0; l < LANES; l++) left[l] -= at[j] * v[j][l];
        for (int l = 0; l < LANES; l++) {
            v[i][l] = left[l] / at[i];
            reduced[l] += v[i][l] * v[i][l];
        }
    }
}

td_status td_gp_predict(const td_gp *gp, const double *x, int m, double *mean, double *sd,
                        td_error *err) {
    size_t d = (size_t)gp->d;
    double(*v)[LANES] = malloc(sizeof *v * ((size_t)gp->n + d)), some[LANES], reduced[LANES];
    if (v == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    double(*at)[LANES] = v + gp->n;
    for (int i = 0; i < m; i += LANES) {
        int lanes = m - i < LANES ? m - i : LANES;
        for (int l = 0; l < LANES;
             l++) { /* the last point stands in for those that are not there */
            const double *from = x + (size_t)(i + (l < lanes ? l : lanes - 1)) * d;
            for (size_t k = 0; k < d; k++) at[k][l] = from[k];
        }
        predict_lanes(gp, (const double(*)[LANES])at, v, some, sd != NULL ? reduced : NULL);
        memcpy(mean + i, some, sizeof *mean * (size_t)lanes);
        for (int l = 0; sd != NULL && l < lanes; l++) {
            const double *p = x + (size_t)(i + l) * d;
            double variance = td__gp_covariance(gp, p, p) - reduced[l];
            sd[i + l] = sqrt(variance > 0 ? variance : 0);
        }
    }
    free(v);
    return TD_OK;
}

/* The covariance function and its derivatives. */
#include <math.h>

#include "gp.h"

/* Squared distance along one coordinate: numeric ones on their scale, nominal ones 0 or 1. */
static double apart(const td_gp *gp, int i, double a, double b) {
    if (isnan(a) || isnan(b)) return isnan(a) && isnan(b) ? 0 : 1;
    if (gp->nominal[i]) return a != b;
    return (a - b) * (a - b);
}

static double together(const td_gp *gp, int i, double a, double b) {
    if (isnan(a) || isnan(b)) return 0;
    return gp->nominal[i] ? a == b : a * b;
}

/* r^2 of the numeric coordinates and h of the nominal ones. */
static void distances(const td_gp *gp, const double *a, const double *b, double *r2, double *h) {
    *r2 = *h = 0;
    for (int i = 0; i < gp->d; i++) {
        double part = gp->weight[i] * apart(gp, i, a[i], b[i]);
        if (gp->nominal[i])
            *h += part;
        else
            *r2 += part;
    }
}

static double product(const td_gp *gp, const double *a, const double *b) {
    double sum = 1;
    for (int i = 0; i < gp->d; i++) sum += gp->weight[i] * together(gp, i, a[i], b[i]);
    return sum;
}

double td__gp_covariance(const td_gp *gp, const double *a, const double *b) {
    const double *extra = gp->theta + gp->d;
    double k = 0;
    if (gp->kernel & (TD_GP_MATERN | TD_GP_SE)) {
        double r2, h;
        distances(gp, a, b, &r2, &h);
        double s = sqrt(5 * r2);
        k += gp->kernel & TD_GP_SE ? exp(extra[TD_GP_SIGNAL] - r2 / 2 - h)
                                   : exp(extra[TD_GP_SIGNAL] - s - h) * (1 + s + s * s / 3);
    }
    if (gp->kernel & TD_GP_LINEAR) k += exp(extra[TD_GP_LINEAR_VARIANCE]) * product(gp, a, b);
    return k;
}

void td__gp_covariance_slope(const td_gp *gp, const double *a, const double *b, double w,
                             double *sum) {
    const double *extra = gp->theta + gp->d;
    if (gp->kernel & (TD_GP_MATERN | TD_GP_SE)) {
        bool squared = (gp->kernel & TD_GP_SE) != 0;
        double r2, h;
        distances(gp, a, b, &r2, &h);
        double s = sqrt(5 * r2), e = exp(extra[TD_GP_SIGNAL] - (squared ? r2 / 2 : s) - h);
        double all = squared ? w * e : w * e * (1 + s + s * s / 3);
        double by_r2 = squared ? w * e / 2 : w * e * (1 + s) * 5 / 6; /* -d/d(r^2) */
        sum[gp->d + TD_GP_SIGNAL] += all;
        for (int i = 0; i < gp->d; i++) /* d/d(log l) of either distance is -2 times its part */
            sum[i] += 2 * (gp->nominal[i] ? all : by_r2) * gp->weight[i] * apart(gp, i, a[i], b[i]);
    }
    if (gp->kernel & TD_GP_LINEAR) {
        double v = w * exp(extra[TD_GP_LINEAR_VARIANCE]);
        sum[gp->d + TD_GP_LINEAR_VARIANCE] += v * product(gp, a, b);
        for (int i = 0; i < gp->d; i++)
            sum[i] -= 2 * v * gp->weight[i] * together(gp, i, a[i], b[i]);
    }
}

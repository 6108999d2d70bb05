/* What the files of a Gaussian process share. All sums run in a fixed order, so that figures do not
 * depend on threads: that is why no BLAS does them. */
#ifndef TANDEM_GP_H
#define TANDEM_GP_H

#include "tandem/model.h"

struct td_gp {
    int d, n, room, kernel;
    uint8_t *nominal;
    double *theta;  /* [d + 3] */
    double *weight; /* [d]: 1 / l_i^2 */
    double *x, *y;  /* [room][d], [room] */
    double *factor; /* [room][room]: lower Cholesky factor of the covariance, n rows */
    double *alpha;  /* [room]: covariance^-1 y */
};

double td__gp_covariance(const td_gp *gp, const double *a, const double *b);
/* The covariance's derivatives by theta (without noise), each times w, added to sum[d + 3]. */
void td__gp_covariance_slope(const td_gp *gp, const double *a, const double *b, double w,
                             double *sum);

#endif

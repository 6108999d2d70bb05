/* tandem/model.h - statistics that know nothing of networks: rank correlation, Pareto sets,
 * hypervolume, medians and intervals. Gaussian processes, MLPs and boosted trees join here. */
#ifndef TANDEM_MODEL_H
#define TANDEM_MODEL_H

#include "tandem/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Rank correlations of x[n] and y[n] with ties: Kendall's tau-b in O(n log n), Spearman's rho on
 * mid-ranks. NAN if n < 2 or one side is constant or memory is out. */
double td_kendall_tau(const double *x, const double *y, int n);
double td_spearman_rho(const double *x, const double *y, int n);

/* Nondominated rows of points[n][d] (row-major, minimise). mask[i] = 1 on the front; of equal rows
 * the first only. O(n log n) for d = 2, O(n^2 d) otherwise. */
td_status td_pareto_front(const double *points, int n, int d, uint8_t *mask, td_error *err);

/* front[i]: 0 for rows of points[n][d] (row-major, minimise) that no other one dominates, 1 for
 * those that only rows of front 0 dominate, and so on; equal rows share a front. O(n^2 d). NAN:
 * TD_E_USAGE. (NSGA-II, Deb et al. 2002.) */
td_status td_nondominated_sort(const double *points, int n, int d, int *front, td_error *err);
/* How alone each row stands in its front: the sum over the objectives of the gap between its
 * neighbours, relative to the front's range; INFINITY for the ends of an objective. */
td_status td_crowding_distance(const double *points, int n, int d, const int *front,
                               double *distance, td_error *err);

/* Volume dominated by points[n][d] up to reference[d] (minimise), 1 <= d <= 4, exact (recursive
 * slicing). Points beyond the reference add nothing. */
td_status td_hypervolume(const double *points, int n, int d, const double *reference,
                         double *volume, td_error *err);

/* Quantile q in [0,1] of v[n] by linear interpolation (type 7); v is not changed. NAN if n < 1. */
double td_quantile(const double *v, int n, double q);

#ifdef __cplusplus
}
#endif
#endif

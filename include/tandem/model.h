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

/* Quantile q in [0,1] of v[n] by linear interpolation (type 7); v is not changed. NAN if n < 1.
 * Values may be infinite: between an infinite one and a finite one there is only the infinite. */
double td_quantile(const double *v, int n, double q);

/* ---- comparing samples ----------------------------------------------------------------------- */

/* Wilcoxon-Mann-Whitney rank-sum test of two independent samples. */
typedef struct {
    double u;   /* pairs (x, y) with x > y, equal ones count half: 0 .. nx ny */
    double a12; /* u / (nx ny): chance that an x beats a y (Vargha, Delaney 2000); 0.5: no effect */
    double p;   /* two-sided */
    double p_greater, p_less; /* one-sided: x tends to be larger, smaller */
    bool exact;
} td_rank_sum;
/* Up to 50 values a side the p values are exact, with and without ties: of all ways to deal the
 * pooled mid-ranks to two samples of these sizes, the share in which u is at least as far (two-
 * sided: from nx ny / 2, on either side). Beyond, the normal approximation with corrections for
 * ties and continuity. Infinite values are fine. TD_E_USAGE: an empty sample, NAN. */
td_status td_rank_sum_test(const double *x, int nx, const double *y, int ny, td_rank_sum *out,
                           td_error *err);

/* Holm's step-down correction (Holm 1979): adjusted p values of n tests, so that rejecting where
 * adjusted[i] <= alpha keeps the chance of any false rejection below alpha. NAN ones (tests that
 * were not made) stay NAN and do not count. adjusted may be p. TD_E_MEMORY. */
td_status td_holm(const double *p, int n, double *adjusted, td_error *err);

/* A median and an interval around it. */
typedef struct {
    double median, low, high;
    double coverage; /* chance that such an interval holds the true median */
} td_median;
/* Distribution-free: the narrowest pair of order statistics, as far from either end, whose
 * coverage, by the binomial distribution, is at least `level`. Where there is none (below 6 values
 * at level 0.95) the extremes, with their smaller coverage. Infinite values are fine. TD_E_USAGE:
 * n < 1, NAN, level outside (0, 1). */
td_status td_median_interval(const double *v, int n, double level, td_median *out, td_error *err);
/* Bootstrap interval of the median from `resamples` (>= 100) draws: percentile, or with `bca`
 * corrected for bias and acceleration (Efron 1987). Draw i comes from (seed, i). coverage is the
 * level that was asked for: nothing better is known of it. Values must be finite. */
td_status td_median_bootstrap(const double *v, int n, double level, bool bca, int resamples,
                              uint64_t seed, td_median *out, td_error *err);

#ifdef __cplusplus
}
#endif
#endif

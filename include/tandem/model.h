/* tandem/model.h - statistics that know nothing of networks: rank correlation, Pareto sets,
 * hypervolume, medians and intervals, importance of decisions, linear regression, Gaussian
 * processes, forests, support vectors, CMA-ES, Sobol' points. */
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

/* The same for a front that grows: what each point adds, exactly. 1 <= d <= 4 (TD_E_USAGE); the
 * caller owns *out. */
typedef struct td_front_volume td_front_volume;
td_status td_front_volume_create(int d, const double *reference, td_front_volume **out,
                                 td_error *err);
void td_front_volume_destroy(td_front_volume *f);
/* *gain (may be NULL): the volume that point[d] adds; 0 if it is covered, beyond the reference, or
 * no number. One td_hypervolume of the points of the front. */
td_status td_front_volume_add(td_front_volume *f, const double *point, double *gain, td_error *err);
double td_front_volume_value(const td_front_volume *f);
int td_front_volume_points(const td_front_volume *f); /* of the front, within the reference */

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

/* ---- importance of decisions ----------------------------------------------------------------- */

typedef struct {
    double share;     /* of what all decisions explain: their sum is 1, or 0 where none explains */
    double explained; /* share of the variance of "is good" that it explains by itself, 0 to 1 */
    int rows, good;   /* that have the decision */
} td_importance;
/* Which of d decisions make rows of x[n][d] (row-major; NAN: the decision is not active there) good
 * ones, by PED-ANOVA (Watanabe, Bansal, Hutter 2023). Good are the rows whose value (smaller is
 * better; NAN: the row is not looked at) is among the best `quantile` (0 to 1), with all that equal
 * the last of them: monotone transforms of the value or of a decision change nothing. nominal[d]
 * (NULL: none): values are names without an order. out[d].
 *
 * It compares with the rows that there are: where a search has settled on one value already that
 * decision cannot tell any more. A decision that is not always active is judged over the rows that
 * have it, and counts by their share. TD_E_USAGE, TD_E_MEMORY. */
td_status td_importance_of(const double *x, int n, int d, const uint8_t *nominal,
                           const double *value, double quantile, td_importance *out, td_error *err);

/* ---- linear regression ----------------------------------------------------------------------- */

/* Bayesian linear regression, y = w . x + b + noise with w_i, b ~ N(0, weight), noise ~ N(0,
 * noise): a Gaussian process whose covariance is weight * (1 + a . b) + noise where it is one
 * point, at the cost of its coordinates and not of its points. Centre and scale x and y first (of
 * variance 1 or so). Collinear and constant coordinates are fine. */
typedef struct td_linear td_linear;
/* d >= 0 coordinates; no points; variances 1 and 0.01. */
td_status td_linear_create(int d, td_linear **out, td_error *err);
void td_linear_destroy(td_linear *l);
int td_linear_points(const td_linear *l);
void td_linear_variances(const td_linear *l, double *weight, double *noise);
/* Takes effect at once. Both > 0. O(d^3). */
void td_linear_set_variances(td_linear *l, double weight, double noise);
/* x[n][d] and y[n] in place of all points, under the present variances. O(n d^2 + d^3).
 * TD_E_USAGE: not finite; then there are none. */
td_status td_linear_set(td_linear *l, const double *x, const double *y, int n, td_error *err);
/* One point more, O(d^2). */
td_status td_linear_append(td_linear *l, const double *x, double y, td_error *err);
/* As set, under the variances of maximal evidence, for noise / weight between e^-14 and e^14.
 * O(n d^2 + d^3). (Type-2 maximum likelihood, Bishop 2006, section 3.5. Given the ratio, the noise
 * has a closed form; the ratio by search in one dimension.) */
td_status td_linear_fit(td_linear *l, const double *x, const double *y, int n, td_error *err);
/* log p(y | x) of the points under the present variances. O(d^2). Not thread-safe. */
double td_linear_evidence(td_linear *l);
/* As td_gp_predict: posterior of w . x + b at x[m][d]. O(m d), with sd (may be NULL) O(m d^2). */
td_status td_linear_predict(const td_linear *l, const double *x, int m, double *mean, double *sd,
                            td_error *err);

/* ---- Gaussian processes ---------------------------------------------------------------------- */

/* Regression with a zero mean (centre and scale y first). Points are d coordinates; NAN is a value
 * of its own (an inactive decision). The covariance of two points:
 *
 *     signal * near(r) * exp(-h) + linear * (1 + sum_i a_i b_i / l_i^2) + noise where it is one
 *     r^2 = sum over the numeric i of (a_i - b_i)^2 / l_i^2
 *     h = sum over the nominal i of [a_i != b_i] / l_i^2
 *     near(r) = (1 + s + s^2 / 3) exp(-s) with s = sqrt(5) r (Matern 5/2), or exp(-r^2 / 2)
 * (squared exponential)
 *
 * (Rasmussen, Williams 2006, (4.17), (4.9) and (4.1)). One coordinate of two that is NAN counts as
 * 1 apart. In the linear term NAN is 0 and nominal coordinates give [a_i == b_i]. theta[d + 3]: log
 * l_i, log signal, log linear, log noise; variances, not deviations. A term that the kernel does
 * not have keeps its theta and has no say. */
typedef struct td_gp td_gp;
enum { TD_GP_SIGNAL, TD_GP_LINEAR_VARIANCE, TD_GP_NOISE, TD_GP_EXTRA }; /* theta[d + ...] */
/* Terms of a kernel; of MATERN and SE one at most. */
enum { TD_GP_MATERN = 1, TD_GP_LINEAR = 2, TD_GP_SE = 4 };
typedef struct {
    int d;
    const uint8_t *nominal; /* [d], copied; NULL: all are numeric */
    int kernel;             /* 0: TD_GP_MATERN */
} td_gp_options;
td_status td_gp_create(const td_gp_options *o, td_gp **out, td_error *err);
void td_gp_destroy(td_gp *gp);
int td_gp_points(const td_gp *gp);
void td_gp_theta(const td_gp *gp, double *theta);
/* Takes effect with the next set or fit; the points are forgotten. */
void td_gp_set_theta(td_gp *gp, const double *theta);
/* x[n][d] and y[n], copied, under the present theta. O(n^3). TD_E_USAGE: no covariance, even with a
 * small jitter on its diagonal; y that is not finite. */
td_status td_gp_set(td_gp *gp, const double *x, const double *y, int n, td_error *err);
/* One point more: a row of the Cholesky factor, O(n^2). */
td_status td_gp_append(td_gp *gp, const double *x, double y, td_error *err);
/* log p(y | x, theta) of the points that are set, and where gradient != NULL its d + 3 derivatives
 * (O(n^3)); 0 for the theta of terms that are not there. (Rasmussen, Williams 2006, (5.8), (5.9).)
 */
double td_gp_likelihood(const td_gp *gp, double *gradient, td_error *err);
/* Moves theta to a maximum of the likelihood times weak priors, by L-BFGS (NLopt) from where it
 * stands, in at most `evaluations` steps, and sets the points under it. Priors: the mean of
 * log l ~ N(sqrt(2) + log(d) / 2, 3) (after Hvarfner, Hellsten, Nardi 2024), each log l about that
 * mean with deviation 1/2, log variances ~ N(0, 1.5^2), log noise ~ N(-7,
 * 2.5^2), for y of variance 1 and x in [0, 1]. */
td_status td_gp_fit(td_gp *gp, const double *x, const double *y, int n, int evaluations,
                    td_error *err);
/* Posterior of the function (without noise) at x[m][d]: mean[m] and deviation sd[m]; sd may be
 * NULL. O(m n d), with sd O(m n^2). Without points: 0 and the prior's deviation. TD_E_MEMORY. */
td_status td_gp_predict(const td_gp *gp, const double *x, int m, double *mean, double *sd,
                        td_error *err);
/* One draw of the function at x[m][d] from its posterior, all m values together, in the place of
 * m independent standard normal numbers in values[]. O(m (n + m)^2). TD_E_MEMORY. */
td_status td_gp_draw(td_gp *gp, const double *x, int m, double *values, td_error *err);

/* ---- classification -------------------------------------------------------------------------- */

/* Two classes with a Gaussian process by Laplace's approximation (Rasmussen, Williams 2006, section
 * 3.4): log odds f are a process of mean 0 and covariance signal * exp(-|a - b|^2 / (2 length^2)).
 * Scale the coordinates first. */
typedef struct td_gp_class td_gp_class;
/* d >= 1; no points, length sqrt(d), signal e. */
td_status td_gp_class_create(int d, td_gp_class **out, td_error *err);
void td_gp_class_destroy(td_gp_class *g);
void td_gp_class_hyper(const td_gp_class *g, double *length, double *signal);
/* Takes effect with the next set; the points are forgotten. */
void td_gp_class_set_hyper(td_gp_class *g, double length, double signal);
/* x[n][d], copied, and what they are, 0 or 1 (label[n]). O(n^3). TD_E_USAGE: not finite. */
td_status td_gp_class_set(td_gp_class *g, const double *x, const uint8_t *label, int n,
                          td_error *err);
/* As set, with the length and signal of maximal approximate evidence (BOBYQA, NLopt), of e^-3 to
 * e^3 sqrt(d) and e^-3 to e^5. It sets out from the same ones always. */
td_status td_gp_class_fit(td_gp_class *g, const double *x, const uint8_t *label, int n,
                          td_error *err);
/* log q(label | x), (3.32) there. */
double td_gp_class_evidence(const td_gp_class *g);
/* Chance that x[m][d] are of class 1, averaged over f: algorithm 3.2. Mean and deviation of f where
 * they are not NULL. O(m n^2). TD_E_MEMORY. */
td_status td_gp_class_predict(const td_gp_class *g, const double *x, int m, double *chance,
                              double *mean, double *sd, td_error *err);

/* Two classes by support vectors (libsvm, C-SVC) with the kernel exp(-gamma |a - b|^2), and chances
 * by a logistic function of their values (Platt 1999), from values of five folds in which the
 * others decided. The same points have the same figures. Scale the coordinates first. */
typedef struct td_svm td_svm;
typedef struct {
    int d;              /* >= 1 */
    double cost, gamma; /* 0: 1; 1 / d */
} td_svm_options;
/* x[n][d], copied, label[n] 0 or 1. TD_E_USAGE: not finite, or of one class only. The caller owns
 * *out. */
td_status td_svm_fit(const td_svm_options *o, const double *x, const uint8_t *label, int n,
                     td_svm **out, td_error *err);
void td_svm_destroy(td_svm *s);
/* Chance that x[m][d] are of class 1, and, unless NULL, the value, > 0 on the side of class 1. */
td_status td_svm_predict(const td_svm *s, const double *x, int m, double *chance, double *value,
                         td_error *err);

/* ---- forests --------------------------------------------------------------------------------- */

/* Random forest of regression trees (Breiman 2001). With labels 0 and 1 as y, its mean is a chance.
 * Tree k is drawn by (seed, k). */
typedef struct td_forest td_forest;
typedef struct {
    int d;        /* coordinates, >= 1 */
    int trees;    /* 0: 64 */
    int features; /* that are tried at a split; 0: d / 3, 1 at least */
    int leaf;     /* least points of a leaf; 0: 1 */
    uint64_t seed;
} td_forest_options;
/* x[n][d], y[n], n >= 1; the caller owns *out. TD_E_USAGE: not finite. */
td_status td_forest_fit(const td_forest_options *o, const double *x, const double *y, int n,
                        td_forest **out, td_error *err);
void td_forest_destroy(td_forest *f);
/* Mean squared error of the points, each by the trees that have not seen it; NAN: they all have. */
double td_forest_out_of_bag(const td_forest *f);
/* Mean of the trees at x[m][d], and their deviation from it (sd may be NULL). */
void td_forest_predict(const td_forest *f, const double *x, int m, double *mean, double *sd);

/* ---- normal distribution --------------------------------------------------------------------- */

/* Phi(z), and its logarithm, also far below 0. */
double td_normal_cdf(double z);
double td_normal_log_cdf(double z);
/* E max(z - y, 0) of a standard normal y, z Phi(z) + phi(z): expected improvement in units of the
 * deviation; and its logarithm, also where it is smaller than any number (Ament et al. 2023). */
double td_normal_excess(double z);
double td_normal_log_excess(double z);
/* z with Phi(z) = p, 0 < p < 1. */
double td_normal_quantile(double p);

/* ---- expected hypervolume improvement -------------------------------------------------------- */

/* What a point, whose objectives are independent normals, is expected to add to the volume that is
 * dominated up to a reference point (minimise; Emmerich et al. 2006). The region that nothing
 * dominates is cut into boxes once, n + 1 of them for two objectives and at most 2 n + 1 for three.
 */
typedef struct td_ehvi td_ehvi;
enum { TD_EHVI_MOST = 3 }; /* objectives */
/* front[n][d], n >= 0 finite points, some of which may be dominated or beyond the reference;
 * 1 <= d <= TD_EHVI_MOST (with one: expected improvement). The caller owns *out. TD_E_USAGE,
 * TD_E_MEMORY. */
td_status td_ehvi_create(const double *front, int n, int d, const double *reference, td_ehvi **out,
                         td_error *err);
void td_ehvi_destroy(td_ehvi *e);
/* The logarithm of the expectation at mean[d], sd[d] (> 0); where it is smaller than any number, of
 * the largest of the boxes' shares, so that far points are still told apart. Not thread-safe: e has
 * room to work in. O(boxes). */
double td_ehvi_log(td_ehvi *e, const double *mean, const double *sd);

/* ---- points that fill a cube ----------------------------------------------------------------- */

/* A coordinate of point `index` of a sequence in [0, 1)^d, for any d: coordinates 4 g to 4 g + 3
 * are Sobol' points, of which each of the first 2^m has a 2^m-th of every coordinate's range to
 * itself, scrambled by (seed, coordinate) (Owen 1995); other groups are independent. */
double td_sobol(uint64_t seed, uint32_t index, int coordinate);

/* ---- evolution strategies --------------------------------------------------------------------
 */

/* Eigenvalues of a symmetric matrix[n][n], in no order, and their vectors as the rows of
 * vectors[n][n], of length 1. TD_E_MEMORY; TD_E_USAGE: it has none that are finite. */
td_status td_eigen_symmetric(const double *matrix, int n, double *values, double *vectors,
                             td_error *err);

/* The normal distribution of CMA-ES (Hansen, arXiv 1604.00772): x = mean + sigma scale y, y ~ N(0,
 * C), which learns from `lambda` points at a time which of them are better. */
typedef struct td_cma td_cma;
/* n coordinates, lambda >= 3, from mean[n] and deviation sigma in all of them. TD_E_USAGE. */
td_status td_cma_create(int n, int lambda, const double *mean, double sigma, td_cma **out,
                        td_error *err);
void td_cma_destroy(td_cma *s);
double td_cma_mean(const td_cma *s, int i);
double td_cma_deviation(const td_cma *s, int i);
/* The largest eigenvalue of C by the smallest. */
double td_cma_condition(const td_cma *s);
/* Draw `index` of a sequence (td_sobol of its seed): any one is N(0, C), those that follow each
 * other are more even than independent ones. A run has one sequence, from 0 on. */
void td_cma_sample(td_cma *s, uint64_t seed, uint32_t index, double *x);
/* x[lambda]: points of n coordinates, the best first. O(lambda n^2), now and then O(n^3).
 * TD_E_USAGE: the numbers have run out, which ends the run. */
td_status td_cma_update(td_cma *s, const double *const *x, td_error *err);
/* For a point that was not drawn from this distribution: x comes nearer to the mean, on a line, if
 * it is further away than `most` times what draws are, sqrt(n) deviations. (Hansen 2011, arXiv
 * 1110.4181: up to 1 + 2 sqrt(n) / (n + 2).) */
void td_cma_draw_nearer(td_cma *s, double *x, double most);
/* Coordinate i is cut into cells, and the mean is in the one from low to high; -INFINITY, INFINITY:
 * it has no end there. At least so much probability is left to the other cells, half of it to each
 * side (CMA-ES with margin: Hamano, Saito, Nomura, Shirakawa 2022, arXiv 2205.13482). */
void td_cma_margin(td_cma *s, int i, double low, double high, double least);

#ifdef __cplusplus
}
#endif
#endif

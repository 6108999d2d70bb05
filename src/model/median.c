/* Intervals of a median: by order statistics, and by the bootstrap. */
#include <stdlib.h>
#include <string.h>

#include "tandem/model.h"

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double middle(const double *sorted, int n) {
    double low = sorted[(n - 1) / 2], high = sorted[n / 2];
    return low == high || isinf(low) ? low : low + 0.5 * (high - low);
}

/* A sorted copy; caller frees. */
static td_status sort(const double *v, int n, double level, bool finite, double **out,
                      td_error *err) {
    *out = NULL;
    if (n < 1 || !(level > 0 && level < 1))
        return td_fail(err, TD_E_USAGE, "median of %d values at level %g: expected %s", n, level,
                       n < 1 ? "a value" : "a level in (0, 1)");
    for (int i = 0; i < n; i++)
        if (isnan(v[i]) || (finite && isinf(v[i])))
            return td_fail(err, TD_E_USAGE, "median: value %d is %g", i, v[i]);
    *out = malloc(sizeof **out * (size_t)n);
    if (*out == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    memcpy(*out, v, sizeof *v * (size_t)n);
    qsort(*out, (size_t)n, sizeof *v, by_value);
    return TD_OK;
}

/* The true median lies above exactly k of n values with chance C(n, k) / 2^n. */
static double share_below(int n, int k) {
    int sign;
    return exp(lgamma_r(n + 1.0, &sign) - lgamma_r(k + 1.0, &sign) - lgamma_r(n - k + 1.0, &sign) -
               n * M_LN2);
}

/* `cut` values at each end are outside the interval: for as long as the coverage allows. */
td_status td_median_interval(const double *v, int n, double level, td_median *out, td_error *err) {
    double *sorted;
    td_status s = sort(v, n, level, false, &sorted, err);
    if (s != TD_OK) return s;
    int cut = 0;
    double coverage = 1 - 2 * share_below(n, 0), next;
    while (2 * (cut + 1) < n && (next = coverage - 2 * share_below(n, cut + 1)) >= level) {
        coverage = next;
        cut++;
    }
    *out = (td_median){.median = middle(sorted, n),
                       .low = sorted[cut],
                       .high = sorted[n - 1 - cut],
                       .coverage = coverage};
    free(sorted);
    return TD_OK;
}

/* ---- bootstrap ------------------------------------------------------------------------------- */

/* Median of n draws with replacement: how often each value was drawn is enough. */
static double resampled(const double *sorted, int n, int *times, td_rng *r) {
    memset(times, 0, sizeof *times * (size_t)n);
    for (int i = 0; i < n; i++) times[td_rng_below(r, (uint64_t)n)]++;
    int below = 0, i = 0;
    while (below + times[i] <= (n - 1) / 2) below += times[i++];
    double low = sorted[i];
    while (below + times[i] <= n / 2) below += times[i++];
    return low + 0.5 * (sorted[i] - low);
}

/* Efron 1987: sum of d^3 / (6 (sum of d^2)^1.5) over the medians without one value. These are
 * two or three different numbers: a rough figure, but all there is for a median. */
static double acceleration(const double *sorted, int n, double *room) {
    double mean = 0, squares = 0, cubes = 0;
    for (int i = 0; i < n; i++) {
        memcpy(room, sorted, sizeof *room * (size_t)i);
        memcpy(room + i, sorted + i + 1, sizeof *room * (size_t)(n - 1 - i));
        mean += middle(room, n - 1) / n;
    }
    for (int i = 0; i < n; i++) {
        memcpy(room, sorted, sizeof *room * (size_t)i);
        memcpy(room + i, sorted + i + 1, sizeof *room * (size_t)(n - 1 - i));
        double d = mean - middle(room, n - 1);
        squares += d * d;
        cubes += d * d * d;
    }
    return squares > 0 ? cubes / (6 * pow(squares, 1.5)) : 0;
}

/* The share of resamples that the corrected end of an interval stands at. */
static double corrected(double p, double bias, double a) {
    double z = bias + td_normal_quantile(p);
    return td_normal_cdf(bias + z / (1 - a * z));
}

td_status td_median_bootstrap(const double *v, int n, double level, bool bca, int resamples,
                              uint64_t seed, td_median *out, td_error *err) {
    double *sorted = NULL, low = (1 - level) / 2, high = (1 + level) / 2;
    if (resamples < 100)
        return td_fail(err, TD_E_USAGE, "bootstrap: expected at least 100 resamples, found %d",
                       resamples);
    td_status s = sort(v, n, level, true, &sorted, err);
    if (s != TD_OK) return s;
    double *median = malloc(sizeof *median * (size_t)resamples);
    double *room = malloc(sizeof *room * (size_t)n);
    int *times = malloc(sizeof *times * (size_t)n);
    if (median == NULL || room == NULL || times == NULL) {
        s = td_fail(err, TD_E_MEMORY, "out of memory");
        goto end;
    }
    double center = middle(sorted, n), below = 0;
    for (int i = 0; i < resamples; i++) {
        td_rng r = td_rng_make(seed, (uint64_t)i, TD_RNG_BOOTSTRAP);
        median[i] = resampled(sorted, n, times, &r);
        below += (median[i] < center) + 0.5 * (median[i] == center); /* a discrete statistic */
    }
    if (bca && n > 1) {
        double share = fmax(0.5, fmin(resamples - 0.5, below)) / resamples;
        double bias = td_normal_quantile(share), a = acceleration(sorted, n, room);
        low = corrected(low, bias, a);
        high = corrected(high, bias, a);
    }
    *out = (td_median){.median = center,
                       .low = td_quantile(median, resamples, low),
                       .high = td_quantile(median, resamples, high),
                       .coverage = level};
end:
    free(times);
    free(room);
    free(median);
    free(sorted);
    return s;
}

/* Bayesian linear regression (Bishop 2006, sections 3.3 and 3.5) by its normal equations: with
 * phi = (x, 1) and r = noise / weight, A = sum phi phi^T + r I has the Cholesky factor L; weights
 * have the posterior mean A^-1 sum phi y and the covariance noise A^-1. r keeps A away from
 * singular ones, whatever the points. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tandem/model.h"

enum { LANES = 8, GRID = 8, SECTIONS = 12 };
static const double lowest = -14, highest = 14; /* log r */
static const double least_noise = 1e-12;        /* of the mean square of y: it may fit exactly */

struct td_linear {
    int d, n; /* d: of phi */
    double weight, noise;
    double *gram, *factor; /* [d][d], lower halves: sum phi phi^T, L */
    double *moment, *mean; /* [d]: sum phi y, A^-1 of it */
    double *work;          /* [d] */
    double squares;        /* sum y^2 */
};

td_status td_linear_create(int d, td_linear **out, td_error *err) {
    *out = NULL;
    if (d < 0) return td_fail(err, TD_E_USAGE, "a linear model of %d coordinates", d);
    size_t all = (size_t)d + 1;
    td_linear *l = calloc(1, sizeof *l);
    double *room = calloc(2 * all * all + 3 * all, sizeof *room);
    if (l == NULL || room == NULL) {
        free(l);
        free(room);
        return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    *l = (td_linear){.d = d + 1, .gram = room, .factor = room + all * all};
    l->moment = l->factor + all * all;
    l->mean = l->moment + all;
    l->work = l->mean + all;
    td_linear_set_variances(l, 1, 0.01);
    *out = l;
    return TD_OK;
}

void td_linear_destroy(td_linear *l) {
    if (l == NULL) return;
    free(l->gram);
    free(l);
}

int td_linear_points(const td_linear *l) {
    return l->n;
}

/* log |A|; `factor` becomes that of A. */
static double factorise(td_linear *l, double r) {
    double log_determinant = 0;
    for (int i = 0; i < l->d; i++) {
        double *at = l->factor + (size_t)i * (size_t)l->d;
        const double *from = l->gram + (size_t)i * (size_t)l->d;
        for (int j = 0; j <= i; j++) {
            const double *other = l->factor + (size_t)j * (size_t)l->d;
            double lane[4] = {0};
            int k = 0;
            for (; k + 4 <= j; k += 4)
                for (int t = 0; t < 4; t++) lane[t] += at[k + t] * other[k + t];
            for (; k < j; k++) lane[0] += at[k] * other[k];
            double left = from[j] - (lane[0] + lane[1] + lane[2] + lane[3]);
            if (j < i) {
                at[j] = left / other[j];
                continue;
            }
            left += r; /* what is less than r is a rounding error */
            at[i] = sqrt(left > r ? left : r);
            log_determinant += 2 * log(at[i]);
        }
    }
    return log_determinant;
}

/* v becomes L^-1 v. */
static void forward(const td_linear *l, double *v) {
    for (int i = 0; i < l->d; i++) {
        const double *at = l->factor + (size_t)i * (size_t)l->d;
        for (int j = 0; j < i; j++) v[i] -= at[j] * v[j];
        v[i] /= at[i];
    }
}

static void solve(td_linear *l) {
    memcpy(l->mean, l->moment, sizeof *l->mean * (size_t)l->d);
    forward(l, l->mean);
    for (int i = l->d - 1; i >= 0; i--) {
        const double *at = l->factor + (size_t)i * (size_t)l->d;
        l->mean[i] /= at[i];
        for (int j = 0; j < i; j++) l->mean[j] -= at[j] * l->mean[i];
    }
}

void td_linear_set_variances(td_linear *l, double weight, double noise) {
    l->weight = weight;
    l->noise = noise;
    factorise(l, noise / weight);
    solve(l);
}

void td_linear_variances(const td_linear *l, double *weight, double *noise) {
    *weight = l->weight;
    *noise = l->noise;
}

static void add(td_linear *l, const double *x, double y) {
    for (int i = 0; i < l->d; i++) {
        double *at = l->gram + (size_t)i * (size_t)l->d, v = i < l->d - 1 ? x[i] : 1;
        for (int j = 0; j < i; j++) at[j] += v * x[j];
        at[i] += v * v;
        l->moment[i] += v * y;
    }
    l->squares += y * y;
    l->n++;
}

static bool all_finite(const double *x, int d) {
    for (int i = 0; i < d; i++)
        if (!isfinite(x[i])) return false;
    return true;
}

static td_status take(td_linear *l, const double *x, const double *y, int n, td_error *err) {
    size_t d = (size_t)l->d;
    memset(l->gram, 0, sizeof *l->gram * d * d);
    memset(l->moment, 0, sizeof *l->moment * d);
    l->squares = 0;
    l->n = 0;
    for (int i = 0; i < n; i++)
        if (!isfinite(y[i]) || !all_finite(x + (size_t)i * (d - 1), l->d - 1))
            return td_fail(err, TD_E_USAGE, "point %d is not finite", i);
    for (int i = 0; i < n; i++) add(l, x + (size_t)i * (d - 1), y[i]);
    return TD_OK;
}

td_status td_linear_set(td_linear *l, const double *x, const double *y, int n, td_error *err) {
    td_status status = take(l, x, y, n, err);
    td_linear_set_variances(l, l->weight, l->noise);
    return status;
}

/* L L^T + phi phi^T by rotations (Golub, Van Loan, 4th edition, 6.5.4). */
td_status td_linear_append(td_linear *l, const double *x, double y, td_error *err) {
    if (!isfinite(y) || !all_finite(x, l->d - 1))
        return td_fail(err, TD_E_USAGE, "a point is not finite");
    add(l, x, y);
    for (int i = 0; i < l->d - 1; i++) l->work[i] = x[i];
    l->work[l->d - 1] = 1;
    for (int k = 0; k < l->d; k++) {
        double *at = l->factor + (size_t)k * (size_t)l->d + k;
        double length = hypot(*at, l->work[k]), c = length / *at, s = l->work[k] / *at;
        *at = length;
        if (s == 0) continue;
        for (int i = k + 1; i < l->d; i++) {
            double *below = l->factor + (size_t)i * (size_t)l->d + k;
            *below = (*below + s * l->work[i]) / c;
            l->work[i] = c * l->work[i] - s * *below;
        }
    }
    solve(l);
    return TD_OK;
}

/* (y^T y - sum phi y^T A^-1 sum phi y), which is noise y^T (covariance of y)^-1 y. */
static double misfit(td_linear *l) {
    double sum = l->squares;
    memcpy(l->work, l->moment, sizeof *l->work * (size_t)l->d);
    forward(l, l->work);
    for (int i = 0; i < l->d; i++) sum -= l->work[i] * l->work[i];
    double least = least_noise * fmax(l->squares, least_noise * l->n);
    return fmax(sum, least);
}

static double evidence(td_linear *l, double r, double noise, double log_determinant) {
    return -0.5 *
           (l->n * log(2 * M_PI * noise) + log_determinant - l->d * log(r) + misfit(l) / noise);
}

double td_linear_evidence(td_linear *l) {
    double log_determinant = 0;
    for (int i = 0; i < l->d; i++)
        log_determinant += 2 * log(l->factor[(size_t)i * (size_t)l->d + (size_t)i]);
    return evidence(l, l->noise / l->weight, l->noise, log_determinant);
}

/* The evidence at the best noise for r, which has a closed form: misfit / n. */
static double profile(td_linear *l, double log_r) {
    double r = exp(log_r), log_determinant = factorise(l, r);
    return evidence(l, r, misfit(l) / l->n, log_determinant);
}

/* Golden section between the neighbours of the best point of a grid. */
td_status td_linear_fit(td_linear *l, const double *x, const double *y, int n, td_error *err) {
    td_status status = take(l, x, y, n, err);
    if (status != TD_OK || n < 1) {
        td_linear_set_variances(l, l->weight, l->noise);
        return status;
    }
    static const double golden = 0.61803398874989485;
    double best = lowest, most = -INFINITY, step = (highest - lowest) / GRID;
    for (int i = 0; i <= GRID; i++) {
        double at = lowest + i * step, value = profile(l, at);
        if (value > most) best = at, most = value;
    }
    double low = fmax(best - step, lowest), high = fmin(best + step, highest);
    double a = high - golden * (high - low), b = low + golden * (high - low);
    double at_a = profile(l, a), at_b = profile(l, b);
    for (int i = 2; i < SECTIONS; i++) {
        if (at_a > at_b) {
            high = b, b = a, at_b = at_a;
            at_a = profile(l, a = high - golden * (high - low));
        } else {
            low = a, a = b, at_a = at_b;
            at_b = profile(l, b = low + golden * (high - low));
        }
    }
    if (fmax(at_a, at_b) > most) best = at_a > at_b ? a : b;
    double r = exp(best);
    factorise(l, r);
    double noise = misfit(l) / l->n;
    td_linear_set_variances(l, noise / r, noise);
    return TD_OK;
}

/* LANES points at once. */
td_status td_linear_predict(const td_linear *l, const double *x, int m, double *mean, double *sd,
                            td_error *err) {
    int d = l->d;
    double(*v)[LANES] = malloc(sizeof *v * (size_t)d);
    if (v == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int first = 0; first < m; first += LANES) {
        int lanes = m - first < LANES ? m - first : LANES;
        double sum[LANES] = {0}, squares[LANES] = {0};
        for (int t = 0; t < LANES; t++) { /* the last one stands in for those that are not there */
            const double *from =
                x + (size_t)(first + (t < lanes ? t : lanes - 1)) * (size_t)(d - 1);
            for (int i = 0; i < d; i++) v[i][t] = i < d - 1 ? from[i] : 1;
        }
        for (int i = 0; i < d; i++)
            for (int t = 0; t < LANES; t++) sum[t] += l->mean[i] * v[i][t];
        for (int i = 0; sd != NULL && i < d; i++) {
            const double *at = l->factor + (size_t)i * (size_t)d;
            double left[LANES];
            memcpy(left, v[i], sizeof left);
            for (int j = 0; j < i; j++)
                for (int t = 0; t < LANES; t++) left[t] -= at[j] * v[j][t];
            for (int t = 0; t < LANES; t++) {
                v[i][t] = left[t] / at[i];
                squares[t] += v[i][t] * v[i][t];
            }
        }
        for (int t = 0; t < lanes; t++) {
            mean[first + t] = sum[t];
            if (sd != NULL) sd[first + t] = sqrt(l->noise * squares[t]);
        }
    }
    free(v);
    return TD_OK;
}

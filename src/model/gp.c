/* Gaussian process regression (Rasmussen, Williams 2006, algorithm 2.1). */
#include "gp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = 8 }; /* sums in flight */
static const double jitter_first = 1e-10, jitter_last = 1e-4,
                    jitter_draw = 1e-8; /* of the diagonal */

td_status td_gp_create(const td_gp_options *o, td_gp **out, td_error *err) {
    *out = NULL;
    const int both = TD_GP_MATERN | TD_GP_SE;
    if (o->d < 1 || (o->kernel & ~(both | TD_GP_LINEAR)) != 0 || (o->kernel & both) == both)
        return td_fail(err, TD_E_USAGE, "a Gaussian process of %d coordinates, kernel %d", o->d,
                       o->kernel);
    size_t d = (size_t)o->d;
    td_gp *gp = calloc(1, sizeof *gp);
    if (gp != NULL) {
        *gp = (td_gp){.d = o->d,
                      .kernel = o->kernel != 0 ? o->kernel : TD_GP_MATERN,
                      .nominal = calloc(d, 1),
                      .theta = calloc(d + TD_GP_EXTRA, sizeof(double)),
                      .weight = calloc(d, sizeof(double))};
    }
    if (gp == NULL || gp->nominal == NULL || gp->theta == NULL || gp->weight == NULL) {
        td_gp_destroy(gp);
        return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    if (o->nominal != NULL) memcpy(gp->nominal, o->nominal, d);
    for (int i = 0; i < o->d; i++) gp->theta[i] = 0.5 * log((double)o->d);
    gp->theta[o->d + TD_GP_NOISE] = -7;
    td_gp_set_theta(gp, gp->theta);
    *out = gp;
    return TD_OK;
}

void td_gp_destroy(td_gp *gp) {
    if (gp == NULL) return;
    free(gp->nominal);
    free(gp->theta);
    free(gp->weight);
    free(gp->x);
    free(gp->y);
    free(gp->factor);
    free(gp->alpha);
    free(gp);
}

int td_gp_points(const td_gp *gp) {
    return gp->n;
}

void td_gp_theta(const td_gp *gp, double *theta) {
    memcpy(theta, gp->theta, sizeof *theta * (size_t)(gp->d + TD_GP_EXTRA));
}

void td_gp_set_theta(td_gp *gp, const double *theta) {
    memmove(gp->theta, theta, sizeof *theta * (size_t)(gp->d + TD_GP_EXTRA));
    for (int i = 0; i < gp->d; i++) gp->weight[i] = exp(-2 * theta[i]);
    gp->n = 0;
}

static bool make_room(td_gp *gp, int n) {
    if (n <= gp->room) return true;
    size_t old = (size_t)gp->room, room = (size_t)(n > 2 * gp->room ? n : 2 * gp->room);
    double *factor = malloc(room * room * sizeof *factor);
    double *x = realloc(gp->x, room * (size_t)gp->d * sizeof *x);
    if (x != NULL) gp->x = x;
    double *y = realloc(gp->y, room * sizeof *y);
    if (y != NULL) gp->y = y;
    double *alpha = realloc(gp->alpha, room * sizeof *alpha);
    if (alpha != NULL) gp->alpha = alpha;
    if (factor == NULL || x == NULL || y == NULL || alpha == NULL) {
        free(factor);
        return false;
    }
    for (size_t i = 0; i < (size_t)gp->n; i++)
        memcpy(factor + i * room, gp->factor + i * old, sizeof *factor * (i + 1));
    free(gp->factor);
    gp->factor = factor;
    gp->room = (int)room;
    return true;
}

/* In LANES sums, so that the compiler may take several at once. */
static double dot(const double *a, const double *b, int n) {
    double lane[LANES] = {0}, sum = 0;
    int i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int l = 0; l < LANES; l++) lane[l] += a[i + l] * b[i + l];
    for (; i < n; i++) sum += a[i] * b[i];
    for (int l = 0; l < LANES; l++) sum += lane[l];
    return sum;
}

static double *row(const td_gp *gp, int i) {
    return gp->factor + (size_t)i * (size_t)gp->room;
}

static double noise(const td_gp *gp) {
    return exp(gp->theta[gp->d + TD_GP_NOISE]);
}

/* Row i of the factor, from those above it. False: the covariance is not positive definite. */
static bool add_row(td_gp *gp, int i, double noise_i, double jitter) {
    double *at = row(gp, i);
    const double *x = gp->x + (size_t)i * (size_t)gp->d;
    for (int j = 0; j < i; j++) {
        double k = td__gp_covariance(gp, x, gp->x + (size_t)j * (size_t)gp->d);
        at[j] = (k - dot(at, row(gp, j), j)) / row(gp, j)[j];
    }
    double k = td__gp_covariance(gp, x, x) + noise_i;
    double left = k * (1 + jitter) - dot(at, at, i);
    at[i] = sqrt(left);
    return left > 1e-14 * k && isfinite(at[i]);
}

static void solve(td_gp *gp) {
    int n = gp->n;
    for (int i = 0; i < n; i++)
        gp->alpha[i] = (gp->y[i] - dot(row(gp, i), gp->alpha, i)) / row(gp, i)[i];
    for (int i = n - 1; i >= 0; i--) {
        const double *at = row(gp, i);
        gp->alpha[i] /= at[i];
        for (int j = 0; j < i; j++) gp->alpha[j] -= at[j] * gp->alpha[i];
    }
}

static td_status factorise(td_gp *gp, int n, td_error *err) {
    for (double jitter = 0; jitter <= jitter_last;
         jitter = jitter > 0 ? 10 * jitter : jitter_first) {
        int i = 0;
        while (i < n && add_row(gp, i, noise(gp), jitter)) i++;
        if (i < n) continue;
        gp->n = n;
        solve(gp);
        return TD_OK;
    }
    gp->n = 0;
    return td_fail(err, TD_E_USAGE, "the covariance of %d points is not positive definite", n);
}

td_status td_gp_set(td_gp *gp, const double *x, const double *y, int n, td_error *err) {
    gp->n = 0;
    if (!make_room(gp, n)) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < n; i++)
        if (!isfinite(y[i])) return td_fail(err, TD_E_USAGE, "y[%d] is not finite", i);
    if (n <= 0) return TD_OK;
    memmove(gp->x, x, sizeof *x * (size_t)n * (size_t)gp->d);
    memmove(gp->y, y, sizeof *y * (size_t)n);
    return factorise(gp, n, err);
}

td_status td_gp_append(td_gp *gp, const double *x, double y, td_error *err) {
    if (!isfinite(y)) return td_fail(err, TD_E_USAGE, "y is not finite");
    if (!make_room(gp, gp->n + 1)) return td_fail(err, TD_E_MEMORY, "out of memory");
    memcpy(gp->x + (size_t)gp->n * (size_t)gp->d, x, sizeof *x * (size_t)gp->d);
    gp->y[gp->n] = y;
    if (!add_row(gp, gp->n, noise(gp), 0)) return factorise(gp, gp->n + 1, err);
    gp->n++;
    solve(gp);
    return TD_OK;
}

/* inverse[n][n], both halves, of L L^T. work[n][n]. */
static void invert(const td_gp *gp, double *inverse, double *work) {
    size_t n = (size_t)gp->n;
    for (size_t i = 0; i < n; i++) { /* work: L^-1 */
        const double *at = row(gp, (int)i);
        double *to = work + i * n;
        memset(to, 0, sizeof *to * n);
        for (size_t k = 0; k < i; k++) {
            const double *from = work + k * n;
            for (size_t j = 0; j <= k; j++) to[j] -= at[k] * from[j];
        }
        for (size_t j = 0; j < i; j++) to[j] /= at[i];
        to[i] = 1 / at[i];
    }
    memset(inverse, 0, sizeof *inverse * n * n);
    for (size_t k = 0; k < n; k++) {
        const double *from = work + k * n;
        for (size_t i = 0; i <= k; i++) {
            double *to = inverse + i * n;
            for (size_t j = 0; j <= i; j++) to[j] += from[i] * from[j];
        }
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) inverse[j * n + i] = inverse[i * n + j];
}

static td_status slope(const td_gp *gp, double *gradient, td_error *err) {
    size_t n = (size_t)gp->n, d = (size_t)gp->d;
    double *inverse = malloc(sizeof *inverse * 2 * n * n);
    if (inverse == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    invert(gp, inverse, inverse + n * n);
    double trace = 0;
    memset(gradient, 0, sizeof *gradient * (d + TD_GP_EXTRA));
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) { /* 1/2 tr((alpha alpha^T - K^-1) dK) */
            double w = gp->alpha[i] * gp->alpha[j] - inverse[i * n + j];
            td__gp_covariance_slope(gp, gp->x + i * d, gp->x + j * d, i == j ? w / 2 : w, gradient);
            if (i == j) trace += w / 2;
        }
    }
    gradient[d + TD_GP_NOISE] = trace * exp(gp->theta[d + TD_GP_NOISE]);
    free(inverse);
    return TD_OK;
}

double td_gp_likelihood(const td_gp *gp, double *gradient, td_error *err) {
    double fit = 0, determinant = 0;
    for (int i = 0; i < gp->n; i++) {
        fit += gp->y[i] * gp->alpha[i];
        determinant += log(row(gp, i)[i]);
    }
    if (gradient != NULL && slope(gp, gradient, err) != TD_OK) return NAN;
    return -fit / 2 - determinant - gp->n / 2.0 * log(2 * 3.14159265358979323846);
}

td_status td_gp_draw(td_gp *gp, const double *x, int m, double *values, td_error *err) {
    int n = gp->n;
    double *mean = malloc(sizeof *mean * ((size_t)m + 1));
    if (mean == NULL || !make_room(gp, n + m)) {
        free(mean);
        return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    td_status status = td_gp_predict(gp, x, m, mean, NULL, err);
    memcpy(gp->x + (size_t)n * (size_t)gp->d, x, sizeof *x * (size_t)m * (size_t)gp->d);
    /* Rows below those of the data are the factor of the covariance of the points given the data.
     */
    for (int i = 0; status == TD_OK && i < m; i++) {
        const double *at = x + (size_t)i * (size_t)gp->d;
        if (!add_row(gp, n + i, 0, jitter_draw)) /* known up to rounding errors */
            row(gp, n + i)[n + i] = sqrt(jitter_draw * td__gp_covariance(gp, at, at));
    }
    for (int i = m - 1; status == TD_OK && i >= 0; i--)
        values[i] = mean[i] + dot(row(gp, n + i) + n, values, i + 1);
    free(mean);
    return status;
}

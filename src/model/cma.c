/* CMA-ES: N. Hansen, "The CMA evolution strategy: a tutorial", arXiv 1604.00772 (2016), with its
 * default parameters and negative weights (active CMA). Equations are those of the tutorial. Beyond
 * it: draws are quasi-random (Teytaud, Gelly 2007: the few of a generation are more even),
 * coordinates have scales, which only the margin changes (Hamano et al. 2022), and points that were
 * not drawn can be drawn nearer (Hansen 2011, arXiv 1110.4181). All sums run in a fixed order.
 */
#include <stdlib.h>
#include <string.h>

#include "tandem/model.h"

struct td_cma {
    int n, lambda, mu, generation, decomposed;
    double mueff, cs, ds, cc, c1, cmu, chi; /* chi: E |N(0, I)| */
    double sigma;
    double *weight;                  /* [lambda]; those from mu on are negative, or 0 */
    double *mean, *scale, *ps, *pc;  /* [n] */
    double *c, *basis, *axis;        /* [n][n], eigenvectors as rows, roots of the eigenvalues */
    double *y, *step, *along, *work; /* [lambda][n], [n], [n], [n] */
};

/* (49) to (53). */
static void set_weights(td_cma *s) {
    double n = s->n, sum = 0, square = 0, rest = 0, rest_square = 0;
    for (int i = 0; i < s->lambda; i++) {
        double w = log((s->lambda + 1) / 2.0) - log(i + 1.0);
        s->weight[i] = w;
        if (i < s->mu) {
            sum += w;
            square += w * w;
        } else {
            rest += w;
            rest_square += w * w;
        }
    }
    s->mueff = sum * sum / square;
    double mueff_rest = rest_square > 0 ? rest * rest / rest_square : 0;
    s->c1 = 2 / ((n + 1.3) * (n + 1.3) + s->mueff);
    s->cmu =
        fmin(1 - s->c1, 2 * (0.25 + s->mueff + 1 / s->mueff - 2) / ((n + 2) * (n + 2) + s->mueff));
    double most = fmin(1 + s->c1 / s->cmu, 1 + 2 * mueff_rest / (s->mueff + 2));
    most = fmin(most, (1 - s->c1 - s->cmu) / (n * s->cmu));
    for (int i = 0; i < s->lambda; i++) {
        if (i < s->mu)
            s->weight[i] /= sum;
        else
            s->weight[i] = rest < 0 ? most * s->weight[i] / -rest : 0;
    }
}

td_status td_cma_create(int n, int lambda, const double *mean, double sigma, td_cma **out,
                        td_error *err) {
    *out = NULL;
    if (n < 1 || lambda < 3 || !(sigma > 0))
        return td_fail(err, TD_E_USAGE, "CMA-ES of %d coordinates, %d points, deviation %g", n,
                       lambda, sigma);
    size_t d = (size_t)n, points = (size_t)lambda;
    td_cma *s = calloc(1, sizeof *s);
    double *v = calloc(2 * d * d + points * (d + 1) + 8 * d, sizeof *v);
    if (s == NULL || v == NULL) {
        free(s);
        free(v);
        return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    *s = (td_cma){.n = n, .lambda = lambda, .mu = lambda / 2, .sigma = sigma, .mean = v};
    s->scale = v + d;
    s->ps = v + 2 * d;
    s->pc = v + 3 * d;
    s->axis = v + 4 * d;
    s->step = v + 5 * d;
    s->along = v + 6 * d;
    s->work = v + 7 * d;
    s->c = v + 8 * d;
    s->basis = s->c + d * d;
    s->weight = s->basis + d * d;
    s->y = s->weight + points;
    for (size_t i = 0; i < d; i++) {
        s->mean[i] = mean[i];
        s->scale[i] = s->axis[i] = s->c[i * d + i] = s->basis[i * d + i] = 1;
    }
    set_weights(s);
    s->cs = (s->mueff + 2) / (n + s->mueff + 5);
    s->ds = 1 + 2 * fmax(0, sqrt((s->mueff - 1) / (n + 1)) - 1) + s->cs;
    s->cc = (4 + s->mueff / n) / (n + 4 + 2 * s->mueff / n);
    s->chi = sqrt(n) * (1 - 1 / (4.0 * n) + 1 / (21.0 * n * n));
    *out = s;
    return TD_OK;
}

void td_cma_destroy(td_cma *s) {
    if (s == NULL) return;
    free(s->mean);
    free(s);
}

double td_cma_mean(const td_cma *s, int i) {
    return s->mean[i];
}

double td_cma_deviation(const td_cma *s, int i) {
    return s->sigma * s->scale[i] * sqrt(s->c[(size_t)i * (size_t)(s->n + 1)]);
}

double td_cma_condition(const td_cma *s) {
    double least = s->axis[0], most = s->axis[0];
    for (int i = 1; i < s->n; i++) {
        least = fmin(least, s->axis[i]);
        most = fmax(most, s->axis[i]);
    }
    return most * most / (least * least);
}

void td_cma_sample(td_cma *s, uint64_t seed, uint32_t index, double *x) {
    for (int i = 0; i < s->n; i++) s->step[i] = 0;
    for (int k = 0; k < s->n; k++) {
        double z = s->axis[k] * td_normal_quantile(td_sobol(seed, index, k));
        for (int i = 0; i < s->n; i++) s->step[i] += z * s->basis[k * s->n + i];
    }
    for (int i = 0; i < s->n; i++) x[i] = s->mean[i] + s->sigma * s->scale[i] * s->step[i];
}

/* C^-1/2 y; its square is the Mahalanobis length's. */
static double whiten(const td_cma *s, const double *y, double *out) {
    double square = 0;
    for (int i = 0; i < s->n; i++) out[i] = 0;
    for (int k = 0; k < s->n; k++) {
        double along = 0;
        for (int i = 0; i < s->n; i++) along += s->basis[k * s->n + i] * y[i];
        along /= s->axis[k];
        square += along * along;
        for (int i = 0; i < s->n; i++) out[i] += along * s->basis[k * s->n + i];
    }
    return square;
}

void td_cma_draw_nearer(td_cma *s, double *x, double most) {
    double limit = most * sqrt(s->n);
    for (int i = 0; i < s->n; i++) s->step[i] = (x[i] - s->mean[i]) / (s->sigma * s->scale[i]);
    double length = sqrt(whiten(s, s->step, s->along));
    if (!(length > limit)) return;
    for (int i = 0; i < s->n; i++) x[i] = s->mean[i] + (x[i] - s->mean[i]) * limit / length;
}

/* Basis and axes of C, when it has changed enough. */
static td_status decompose(td_cma *s, td_error *err) {
    double often = 1 / ((s->c1 + s->cmu) * s->n * 10);
    if (s->generation - s->decomposed < often) return TD_OK;
    s->decomposed = s->generation;
    td_status status = td_eigen_symmetric(s->c, s->n, s->axis, s->basis, err);
    double most = 0;
    for (int k = 0; k < s->n; k++) most = most >= s->axis[k] ? most : s->axis[k]; /* or NAN */
    for (int k = 0; status == TD_OK && k < s->n; k++) {
        /* of a matrix that rounding has left without one */
        double value = s->axis[k] > 1e-18 * most ? s->axis[k] : 1e-18 * most;
        s->axis[k] = sqrt(value);
        if (!(s->axis[k] > 0) || !isfinite(s->axis[k]))
            status = td_fail(err, TD_E_USAGE, "a covariance of CMA-ES has no root");
    }
    return status;
}

td_status td_cma_update(td_cma *s, const double *const *x, td_error *err) {
    int n = s->n;
    for (int i = 0; i < s->lambda; i++)
        for (int k = 0; k < n; k++)
            s->y[i * n + k] = (x[i][k] - s->mean[k]) / (s->sigma * s->scale[k]);
    for (int k = 0; k < n; k++) { /* (41), (42) with cm = 1 */
        s->step[k] = 0;
        for (int i = 0; i < s->mu; i++) s->step[k] += s->weight[i] * s->y[i * n + k];
        s->mean[k] += s->sigma * s->scale[k] * s->step[k];
    }
    double square = 0, root = sqrt(s->cs * (2 - s->cs) * s->mueff);
    whiten(s, s->step, s->along);
    s->generation++;
    for (int k = 0; k < n; k++) { /* (43) */
        s->ps[k] = (1 - s->cs) * s->ps[k] + root * s->along[k];
        square += s->ps[k] * s->ps[k];
    }
    double length = sqrt(square), usual = sqrt(1 - pow(1 - s->cs, 2.0 * s->generation));
    bool moves = length / usual < (1.4 + 2.0 / (n + 1)) * s->chi;
    root = moves ? sqrt(s->cc * (2 - s->cc) * s->mueff) : 0;
    for (int k = 0; k < n; k++) s->pc[k] = (1 - s->cc) * s->pc[k] + root * s->step[k]; /* (45) */
    double keep = 1 - s->c1 - s->cmu + (moves ? 0 : s->c1 * s->cc * (2 - s->cc));
    for (int i = 0; i < s->lambda; i++) keep -= i < s->mu ? 0 : s->cmu * s->weight[i];
    for (int k = 0; k < n * n; k++) s->c[k] *= keep; /* (47) */
    for (int a = 0; a < n; a++)
        for (int b = 0; b <= a; b++) s->c[a * n + b] += s->c1 * s->pc[a] * s->pc[b];
    for (int i = 0; i < s->lambda; i++) {
        const double *y = s->y + i * n;
        double w = s->cmu * s->weight[i];
        if (w < 0) w *= n / (whiten(s, y, s->work) + 1e-300); /* (46) */
        for (int a = 0; a < n && w != 0; a++)
            for (int b = 0; b <= a; b++) s->c[a * n + b] += w * y[a] * y[b];
    }
    for (int a = 0; a < n; a++)
        for (int b = 0; b < a; b++) s->c[b * n + a] = s->c[a * n + b];
    s->sigma *= exp(fmin(1, s->cs / s->ds * (length / s->chi - 1))); /* (44) */
    if (!(s->sigma > 0) || !isfinite(s->sigma))
        return td_fail(err, TD_E_USAGE, "a step of CMA-ES is %g", s->sigma);
    return decompose(s, err);
}

/* Hamano et al. 2022, section 4: in the outermost cells the mean is drawn nearer to the threshold;
 * elsewhere mean and scale are such that each side has its probability. */
void td_cma_margin(td_cma *s, int i, double low, double high, double least) {
    double m = s->mean[i], d = td_cma_deviation(s, i);
    if (!isfinite(low) && !isfinite(high)) return;
    if (!isfinite(low) || !isfinite(high)) {
        double most = d * td_normal_quantile(1 - least);
        s->mean[i] = isfinite(high) ? fmax(m, high - most) : fmin(m, low + most);
        return;
    }
    double below = td_normal_cdf((low - m) / d), above = td_normal_cdf((m - high) / d);
    double half = least / 2;
    if (below >= half && above >= half) return;
    double middle = 1 - below - above, p = fmax(half, below), q = fmax(half, above);
    double share = (1 - p - q - middle) / (p + q + middle - 3 * half);
    p += share * (p - half);
    q += share * (q - half);
    double z = -td_normal_quantile(p), w = -td_normal_quantile(q);
    if (!(z + w > 0)) return;
    s->mean[i] = (low * w + high * z) / (z + w);
    s->scale[i] *= (high - low) / (z + w) / d;
}

/* Binary classification with a Gaussian process by Laplace's approximation (Rasmussen, Williams
 * 2006, algorithms 3.1 and 3.2), logistic link, squared-exponential kernel. */
#include <math.h>
#include <nlopt.h>
#include <stdlib.h>
#include <string.h>

#include "tandem/model.h"

enum { NEWTON = 100, EVALUATIONS = 30 };
static const double enough = 1e-10;          /* change of the objective, at which Newton ends */
static const double log_length[2] = {-3, 3}; /* about log sqrt(d) */
static const double log_signal[2] = {-3, 5}; /* variance; chances of 0 and 1 are out of reach */

struct td_gp_class {
    int d, n, room;
    double length, signal; /* length scale; variance */
    double *x;             /* [room][d] */
    double *label;         /* [room]: 1, -1 */
    double *f, *slope;     /* [room]: mode; gradient of log p(label | f) there */
    double *root;          /* [room]: sqrt(W) */
    double *factor;        /* [n][n]: lower Cholesky factor of B = I + sqrt(W) K sqrt(W) */
    double evidence;
};

td_status td_gp_class_create(int d, td_gp_class **out, td_error *err) {
    *out = NULL;
    if (d < 1) return td_fail(err, TD_E_USAGE, "a classifier of %d coordinates", d);
    td_gp_class *g = calloc(1, sizeof *g);
    if (g == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    *g = (td_gp_class){.d = d, .length = sqrt(d), .signal = exp(1)};
    *out = g;
    return TD_OK;
}

void td_gp_class_destroy(td_gp_class *g) {
    if (g == NULL) return;
    free(g->x);
    free(g->factor);
    free(g);
}

void td_gp_class_hyper(const td_gp_class *g, double *length, double *signal) {
    *length = g->length;
    *signal = g->signal;
}

void td_gp_class_set_hyper(td_gp_class *g, double length, double signal) {
    g->length = length;
    g->signal = signal;
    g->n = 0;
}

static double covariance(const td_gp_class *g, const double *a, const double *b) {
    double r2 = 0;
    for (int i = 0; i < g->d; i++) r2 += (a[i] - b[i]) * (a[i] - b[i]);
    return g->signal * exp(-r2 / (2 * g->length * g->length));
}

static double sigmoid(double z) {
    return z > 0 ? 1 / (1 + exp(-z)) : exp(z) / (1 + exp(z));
}

static double log_sigmoid(double z) {
    return z > 0 ? -log1p(exp(-z)) : z - log1p(exp(z));
}

static td_status make_room(td_gp_class *g, int n, td_error *err) {
    if (n <= g->room) return TD_OK;
    size_t room = (size_t)(n > 2 * g->room ? n : 2 * g->room);
    double *x = malloc(sizeof *x * room * ((size_t)g->d + 4));
    double *factor = malloc(sizeof *factor * room * room);
    if (x == NULL || factor == NULL) {
        free(x);
        free(factor);
        return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    free(g->x);
    free(g->factor);
    g->x = x;
    g->factor = factor;
    g->label = x + room * (size_t)g->d;
    g->f = g->label + room;
    g->slope = g->f + room;
    g->root = g->slope + room;
    g->room = (int)room;
    return TD_OK;
}

static double *row(const td_gp_class *g, int i) {
    return g->factor + (size_t)i * (size_t)g->n;
}

static double dot(const double *a, const double *b, int n) {
    double lane[8] = {0}, sum = 0;
    int i = 0;
    for (; i + 8 <= n; i += 8)
        for (int l = 0; l < 8; l++) lane[l] += a[i + l] * b[i + l];
    for (; i < n; i++) sum += a[i] * b[i];
    for (int l = 0; l < 8; l++) sum += lane[l];
    return sum;
}

/* slope, root and the factor of B at f; sum log L_ii. k[n][n]: covariance, lower half. */
static double linearise(td_gp_class *g, const double *k) {
    double log_root = 0;
    for (int i = 0; i < g->n; i++) {
        double p = sigmoid(g->f[i]);
        g->slope[i] = (g->label[i] + 1) / 2 - p;
        g->root[i] = sqrt(p * (1 - p));
    }
    for (int i = 0; i < g->n; i++) { /* eigenvalues of B are 1 or more */
        double *at = row(g, i);
        for (int j = 0; j <= i; j++) {
            double b = g->root[i] * k[(size_t)i * (size_t)g->n + (size_t)j] * g->root[j];
            if (j < i)
                at[j] = (b - dot(at, row(g, j), j)) / row(g, j)[j];
            else
                at[i] = sqrt(fmax(1 + b - dot(at, at, i), 1e-12));
        }
        log_root += log(at[i]);
    }
    return log_root;
}

static void multiply(const double *k, const double *a, int n, double *out) {
    for (int i = 0; i < n; i++) {
        const double *at = k + (size_t)i * (size_t)n;
        out[i] = dot(at, a, i + 1);
        for (int j = 0; j < i; j++) out[j] += at[j] * a[i];
    }
}

/* v becomes B^-1 v. */
static void solve(const td_gp_class *g, double *v) {
    for (int i = 0; i < g->n; i++) v[i] = (v[i] - dot(row(g, i), v, i)) / row(g, i)[i];
    for (int i = g->n - 1; i >= 0; i--) {
        v[i] /= row(g, i)[i];
        for (int j = 0; j < i; j++) v[j] -= row(g, i)[j] * v[i];
    }
}

/* -f^T K^-1 f / 2 + log p(label | f) at f = K a, which is put into g. */
static double objective(td_gp_class *g, const double *k, const double *a) {
    double sum = 0;
    multiply(k, a, g->n, g->f);
    for (int i = 0; i < g->n; i++) sum += log_sigmoid(g->label[i] * g->f[i]) - a[i] * g->f[i] / 2;
    return sum;
}

/* Algorithm 3.1; a step that makes it worse is halved. */
static td_status find_mode(td_gp_class *g, td_error *err) {
    size_t n = (size_t)g->n;
    double *k = malloc(sizeof *k * n * (n + 3));
    if (k == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    double *a = k + n * n, *next = a + n, *b = next + n, reached, log_root;
    for (int i = 0; i < g->n; i++)
        for (int j = 0; j <= i; j++)
            k[(size_t)i * n + (size_t)j] =
                covariance(g, g->x + (size_t)i * (size_t)g->d, g->x + (size_t)j * (size_t)g->d);
    memset(a, 0, sizeof *a * n);
    reached = objective(g, k, a);
    log_root = linearise(g, k);
    for (int step = 0; step < NEWTON; step++) {
        for (size_t i = 0; i < n; i++) b[i] = g->root[i] * g->root[i] * g->f[i] + g->slope[i];
        multiply(k, b, g->n, next);
        for (size_t i = 0; i < n; i++) next[i] *= g->root[i];
        solve(g, next);
        for (size_t i = 0; i < n; i++) next[i] = b[i] - g->root[i] * next[i];
        double value = objective(g, k, next);
        for (int half = 0; half < 20 && value < reached; half++) {
            for (size_t i = 0; i < n; i++) next[i] = (next[i] + a[i]) / 2;
            value = objective(g, k, next);
        }
        if (value < reached) break; /* rounding errors only are left */
        memcpy(a, next, sizeof *a * n);
        log_root = linearise(g, k);
        bool done = value - reached < enough;
        reached = value;
        if (done) break;
    }
    reached = objective(g, k, a);
    g->evidence = reached - log_root;
    free(k);
    return TD_OK;
}

td_status td_gp_class_set(td_gp_class *g, const double *x, const uint8_t *label, int n,
                          td_error *err) {
    g->n = 0;
    td_status status = make_room(g, n, err);
    if (status != TD_OK) return status;
    for (size_t i = 0; i < (size_t)n * (size_t)g->d; i++)
        if (!isfinite(x[i])) return td_fail(err, TD_E_USAGE, "a point is not finite");
    if (n < 1) return TD_OK;
    memcpy(g->x, x, sizeof *x * (size_t)n * (size_t)g->d);
    for (int i = 0; i < n; i++) g->label[i] = label[i] ? 1 : -1;
    g->n = n;
    status = find_mode(g, err);
    if (status != TD_OK) g->n = 0;
    return status;
}

double td_gp_class_evidence(const td_gp_class *g) {
    return g->n > 0 ? g->evidence : 0;
}

typedef struct {
    td_gp_class *g;
    const double *x;
    const uint8_t *label;
    int n;
    td_status status;
} task;

static double evidence_at(unsigned n, const double *theta, double *gradient, void *data) {
    task *t = data;
    (void)n;
    (void)gradient;
    td_gp_class_set_hyper(t->g, exp(theta[0]), exp(theta[1]));
    td_status status = td_gp_class_set(t->g, t->x, t->label, t->n, NULL);
    if (status != TD_OK) t->status = status;
    return status == TD_OK ? t->g->evidence : -1e100;
}

td_status td_gp_class_fit(td_gp_class *g, const double *x, const uint8_t *label, int n,
                          td_error *err) {
    double middle = log(sqrt(g->d)), theta[2] = {middle, 1}, reached;
    double low[2] = {middle + log_length[0], log_signal[0]};
    double high[2] = {middle + log_length[1], log_signal[1]};
    nlopt_opt by = nlopt_create(NLOPT_LN_BOBYQA, 2);
    if (by == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    task t = {g, x, label, n, TD_OK};
    nlopt_set_lower_bounds(by, low);
    nlopt_set_upper_bounds(by, high);
    nlopt_set_initial_step1(by, 1);
    nlopt_set_max_objective(by, evidence_at, &t);
    nlopt_set_maxeval(by, EVALUATIONS);
    nlopt_set_xtol_abs1(by, 0.05);
    if (n > 0) nlopt_optimize(by, theta, &reached);
    nlopt_destroy(by);
    if (t.status != TD_OK) return td_fail(err, t.status, "a point is not finite, or no memory");
    td_gp_class_set_hyper(g, exp(theta[0]), exp(theta[1]));
    return td_gp_class_set(g, x, label, n, err);
}

/* E sigmoid(z) of z ~ N(mean, sd^2): the trapezoidal rule, whose error for such a function falls
 * exponentially with the number of points in pi / sd (where the sigmoid has its poles). */
static double averaged(double mean, double sd) {
    double step = sd > 2 ? 1 / sd : 0.5, sum = 0, all = 0;
    for (int i = (int)(-8 / step); i <= 8 / step; i++) {
        double z = i * step, weight = exp(-z * z / 2);
        sum += weight * sigmoid(mean + sd * z);
        all += weight;
    }
    return sum / all;
}

td_status td_gp_class_predict(const td_gp_class *g, const double *x, int m, double *chance,
                              double *mean, double *sd, td_error *err) {
    size_t n = (size_t)g->n;
    double *v = malloc(sizeof *v * (n + 1));
    if (v == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int p = 0; p < m; p++) {
        double middle = 0, variance = g->signal;
        for (int i = 0; i < g->n; i++) {
            double k = covariance(g, x + (size_t)p * (size_t)g->d, g->x + (size_t)i * (size_t)g->d);
            middle += k * g->slope[i];
            v[i] = (g->root[i] * k - dot(row(g, i), v, i)) / row(g, i)[i];
            variance -= v[i] * v[i];
        }
        double deviation = sqrt(fmax(variance, 0));
        chance[p] = averaged(middle, deviation);
        if (mean != NULL) mean[p] = middle;
        if (sd != NULL) sd[p] = deviation;
    }
    free(v);
    return TD_OK;
}

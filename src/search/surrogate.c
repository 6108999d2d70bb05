/* Objectives are warped before they are modelled, in one of two ways, by what explains them best
 * (the marginal likelihood): as Vizier does (Song et al. 2024), where what is worse than the median
 * counts by its rank only and differences near the best are stretched; or all by rank. Constraints
 * go through a signed logarithm that keeps 0. */
#include "surrogate.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "scale.h"

enum {
    FIRST_EVALUATIONS = 40,
    EVALUATIONS = 15,
    FIT_CAP = 200,
    WARPS = 2,
    BUILT = TD_MOST_GPS - 1
};
static const double root_half = 0.70710678118654752440, root_2pi = 2.50662827463100050242;

/* ---- points ---------------------------------------------------------------------------------- */

void td__surrogate_point(const td_space *space, const td_choices *c, double *point) {
    for (int i = 0; i < space->n; i++) {
        const td_decision *d = &space->d[i];
        double v = c->v[i];
        int64_t count = td__scale_count(d);
        if (isnan(v) || d->kind == TD_CATEGORICAL)
            point[i] = v;
        else if (count == 0)
            point[i] = td__scale_place(d, v);
        else if (count == 1)
            point[i] = 0;
        else
            point[i] = (v - (d->kind == TD_INTEGER ? d->lo : 0)) / (double)(count - 1);
    }
}

td_status td__surrogate_init(td__surrogate *s, const td_space *space, int kernel, int cap,
                             td_error *err) {
    *s = (td__surrogate){.space = space, .kernel = kernel, .cap = cap};
    size_t d = space->n > 0 ? (size_t)space->n : 1;
    uint8_t *nominal = calloc(d, 1);
    s->work = malloc(sizeof *s->work * ((size_t)cap + 1) * (d + 2));
    td_status status =
        nominal != NULL && s->work != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; status == TD_OK && i < space->n; i++)
        nominal[i] = space->d[i].kind == TD_CATEGORICAL;
    td_gp_options o = {(int)d, nominal, kernel};
    for (int i = 0; status == TD_OK && i < TD_MOST_GPS; i++)
        status = td_gp_create(&o, &s->gp[i], err);
    free(nominal);
    if (status != TD_OK) td__surrogate_free(s);
    return status;
}

void td__surrogate_free(td__surrogate *s) {
    for (int i = 0; i < TD_MOST_GPS; i++) td_gp_destroy(s->gp[i]);
    free(s->work);
    *s = (td__surrogate){0};
}

/* ---- what there is to learn from ------------------------------------------------------------- */

typedef struct {
    double value;
    const td__observation *from;
    int at;
} sample;

static int by_value(const void *a, const void *b) {
    const sample *x = a, *y = b;
    return x->value != y->value ? (x->value > y->value) - (x->value < y->value) : x->at - y->at;
}

static int by_age(const void *a, const void *b) { /* the latest first */
    return ((const sample *)b)->at - ((const sample *)a)->at;
}

/* Of more than `cap`: half of them the least in value, the others the latest. The latest first. */
static int thin(sample *v, int n, int cap) {
    if (n > cap) {
        qsort(v, (size_t)n, sizeof *v, by_value);
        int best = cap / 2;
        qsort(v + best, (size_t)(n - best), sizeof *v, by_age);
        n = cap;
    }
    qsort(v, (size_t)n, sizeof *v, by_age);
    return n;
}

/* Inverse of the normal distribution, by bisection: it is asked for some hundreds of ranks. */
static double normal_quantile(double p) {
    double low = -9, high = 9;
    for (int i = 0; i < 60; i++) {
        double mid = (low + high) / 2;
        if (0.5 * erfc(-mid * root_half) < p)
            low = mid;
        else
            high = mid;
    }
    return (low + high) / 2;
}

static void standardise(double *y, int n, double *mean, double *deviation) {
    double m = 0, square = 0;
    for (int i = 0; i < n; i++) m += y[i] / n;
    for (int i = 0; i < n; i++) square += (y[i] - m) * (y[i] - m) / n;
    double sd = sqrt(square);
    if (!(sd > 1e-12)) sd = 1;
    for (int i = 0; i < n; i++) y[i] = (y[i] - m) / sd;
    *mean = m;
    *deviation = sd;
}

/* y[i] for v[i], which are sorted by value: normal scores, of equal values that of the first. */
static void warp_ranks(const sample *v, int n, double *y) {
    for (int i = 0; i < n; i++)
        y[i] = i > 0 && v[i].value == v[i - 1].value ? y[i - 1] : normal_quantile((i + 0.5) / n);
}

static void warp_tail(const sample *v, int n, double *y) {
    double median = v[(n - 1) / 2].value, spread = 0;
    int better = (n - 1) / 2 + 1;
    for (int i = 0; i < better; i++) spread += pow(v[i].value - median, 2) / better;
    warp_ranks(v, n, y);
    if (!(spread > 0) || !isfinite(spread)) return; /* only ranks are left */
    for (int i = 0; i < n; i++)
        y[i] = v[i].value <= median ? v[i].value - median : sqrt(spread) * y[i];
    double low = y[0], range = y[n - 1] - y[0];
    for (int i = 0; i < n; i++) y[i] = log1p(0.5 * (y[i] - low) / range);
}

static void warp(int how, const sample *v, int n, double *y) {
    double mean, deviation;
    if (how == 0)
        warp_tail(v, n, y);
    else
        warp_ranks(v, n, y);
    standardise(y, n, &mean, &deviation);
}

/* ---- fitting --------------------------------------------------------------------------------- */

/* Hyper-parameters are looked for again after a fifth more trials, and some at least. */
static bool grown(const td__surrogate *s, int k) {
    int64_t last = s->fitted[k];
    return last == 0 || s->told >= last + (last < 15 ? 3 : last / 5);
}

/* Sets process k to n samples with targets y, those that say most first. */
static td_status set(td__surrogate *s, int k, const sample *v, const double *y, int n,
                     td_error *err) {
    int d = s->space->n;
    double *x = s->work;
    for (int i = 0; i < n; i++)
        memcpy(x + (size_t)i * (size_t)d, v[i].from->point, sizeof *x * (size_t)d);
    if (grown(s, k)) {
        td_status status = td_gp_fit(s->gp[k], x, y, n < FIT_CAP ? n : FIT_CAP,
                                     s->fitted[k] == 0 ? FIRST_EVALUATIONS : EVALUATIONS, err);
        if (status == TD_E_MEMORY) return status;
        s->fitted[k] = s->told;
    }
    return td_gp_set(s->gp[k], x, y, n, err);
}

static td_status fit_objective(td__surrogate *s, sample *v, int n, td_error *err) {
    s->incumbent = INFINITY;
    s->objective = n >= 2;
    if (!s->objective) return TD_OK;
    n = thin(v, n, s->cap);
    qsort(v, (size_t)n, sizeof *v, by_value);
    double *y = s->work + (size_t)(s->cap + 1) * (size_t)s->space->n, most = -INFINITY;
    bool anew = grown(s, 0);
    td_status status = TD_OK;
    for (int how = 0; status == TD_OK && anew && how < WARPS; how++) {
        warp(how, v, n, y);
        status = set(s, how, v, y, n, err);
        double likelihood = status == TD_OK ? td_gp_likelihood(s->gp[how], NULL, NULL) : -INFINITY;
        if (likelihood > most) {
            most = likelihood;
            s->warp = how;
        }
    }
    for (int how = 0; how < WARPS; how++) td_gp_set(s->gp[how], NULL, NULL, 0, NULL);
    warp(s->warp, v, n, y);
    for (int i = n - 1; i >= 0; i--)
        if (td_outcome_feasible(&v[i].from->outcome)) s->incumbent = y[i];
    return status == TD_OK ? set(s, s->warp, v, y, n, err) : status;
}

static td_status fit_constraint(td__surrogate *s, int c, sample *v, int n, td_error *err) {
    s->constraint[c] = false;
    bool broken = false;
    for (int i = 0; i < n; i++) broken = broken || v[i].value > 0;
    if (!broken || n < 2) return TD_OK;
    /* the nearest to its limit, and the latest */
    double *y = s->work + (size_t)(s->cap + 1) * (size_t)s->space->n, mean, deviation;
    for (int i = 0; i < n; i++) v[i].value = fabs(v[i].value);
    qsort(v, (size_t)n, sizeof *v, by_value);
    double scale = v[n / 2].value;
    if (!(scale > 0)) scale = 1;
    n = thin(v, n, s->cap);
    for (int i = 0; i < n; i++) {
        double value = v[i].from->outcome.con[c];
        y[i] = copysign(log1p(fabs(value) / scale), value);
    }
    standardise(y, n, &mean, &deviation);
    s->threshold[c] = -mean / deviation;
    s->constraint[c] = true;
    return set(s, TD_MOST_GPS - 2 - c, v, y, n, err);
}

static td_status fit_built(td__surrogate *s, sample *v, int n, td_error *err) {
    double *y = s->work + (size_t)(s->cap + 1) * (size_t)s->space->n;
    int failed = 0;
    for (int i = 0; i < n; i++) failed += v[i].value > 0;
    s->built = failed > 0 && failed < n;
    if (!s->built) return TD_OK;
    n = thin(v, n, s->cap);
    for (int i = 0; i < n; i++) y[i] = v[i].value;
    return set(s, BUILT, v, y, n, err);
}

bool td__surrogate_usable(double v) {
    return isfinite(v) && fabs(v) < 1e150; /* its square is a number, too */
}

static bool has_objectives(const td_outcome *o) {
    if (o->state != TD_TRIAL_DONE || o->nobj < 1) return false;
    for (int i = 0; i < o->nobj; i++)
        if (!td__surrogate_usable(o->obj[i])) return false;
    return true;
}

static bool is_pending_or_unknown(const td__observation *o) {
    return !o->told || o->outcome.state == TD_TRIAL_READY || o->outcome.state == TD_TRIAL_RUNNING;
}

/* Pending trials are taken to become what is expected of them (kriging believer, Ginsbourger et al.
 * 2010), so that the next ask looks elsewhere. */
static td_status believe(td__surrogate *s, const td__observation *o, int n, td_error *err) {
    td_status status = TD_OK;
    for (int i = 0; status == TD_OK && i < n; i++) {
        if (o[i].told) continue;
        for (int k = 0; status == TD_OK && k < TD_MOST_GPS; k++) {
            double mean;
            if (td_gp_points(s->gp[k]) == 0) continue;
            status = td_gp_predict(s->gp[k], o[i].point, 1, &mean, NULL, err);
            if (status == TD_OK) status = td_gp_append(s->gp[k], o[i].point, mean, err);
        }
    }
    return status;
}

td_status td__surrogate_update(td__surrogate *s, const td__observation *o, int n,
                               const double *value, td_error *err) {
    sample *v = malloc(sizeof *v * (size_t)(n + 1));
    td_status status = v != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    int m = 0;
    s->ncon = 0;
    for (int k = 0; k < TD_MOST_GPS; k++) td_gp_set(s->gp[k], NULL, NULL, 0, NULL);
    for (int i = 0; status == TD_OK && i < n; i++) {
        if (!o[i].told) continue;
        if (o[i].outcome.ncon > s->ncon) s->ncon = o[i].outcome.ncon;
        if (!has_objectives(&o[i].outcome) || (value != NULL && isnan(value[i]))) continue;
        v[m++] = (sample){value != NULL ? value[i] : o[i].outcome.obj[0], &o[i], i};
    }
    if (status == TD_OK) status = fit_objective(s, v, m, err);
    for (int c = 0; c < 8; c++) s->constraint[c] = false;
    for (int c = 0; status == TD_OK && c < s->ncon; c++) {
        m = 0;
        for (int i = 0; i < n; i++)
            if (o[i].told && o[i].outcome.ncon > c && td__surrogate_usable(o[i].outcome.con[c]))
                v[m++] = (sample){o[i].outcome.con[c], &o[i], i};
        status = fit_constraint(s, c, v, m, err);
    }
    m = 0;
    for (int i = 0; status == TD_OK && i < n; i++) {
        if (is_pending_or_unknown(&o[i])) continue;
        bool failed = o[i].outcome.state == TD_TRIAL_FAILED ||
                      (o[i].outcome.state == TD_TRIAL_INFEASIBLE && o[i].outcome.ncon == 0);
        v[m++] = (sample){failed ? 1 : -1, &o[i], i};
    }
    if (status == TD_OK) status = fit_built(s, v, m, err);
    if (status == TD_OK) status = believe(s, o, n, err);
    free(v);
    return status;
}

/* ---- the acquisition ------------------------------------------------------------------------- */

/* log of the normal distribution at z, also far out. */
static double log_normal(double z) {
    if (z > -10) return log(0.5 * erfc(-z * root_half));
    double z2 = z * z; /* asymptotic series */
    return -z2 / 2 - log(-z * root_2pi) + log1p(-1 / z2 + 3 / (z2 * z2));
}

/* log of expected improvement in units of the deviation, at z = (incumbent - mean) / sd: phi(z) + z
 * Phi(z) (Ament et al. 2023). */
static double log_improvement(double z) {
    if (z > -6) return log(exp(-z * z / 2) / root_2pi + z * 0.5 * erfc(-z * root_half));
    double z2 = z * z;
    return -z2 / 2 - log(root_2pi * z2) + log1p(-3 / z2 + 15 / (z2 * z2));
}

td_status td__surrogate_score(const td__surrogate *s, const double *points, int m, double *score,
                              td_error *err) {
    double *mean = malloc(sizeof *mean * 2 * (size_t)(m + 1)), *sd = mean + m;
    if (mean == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status status = TD_OK;
    for (int i = 0; i < m; i++) score[i] = 0;
    if (s->objective && isfinite(s->incumbent)) {
        status = td_gp_predict(s->gp[s->warp], points, m, mean, sd, err);
        for (int i = 0; status == TD_OK && i < m; i++) {
            double deviation = fmax(sd[i], 1e-9);
            score[i] = log(deviation) + log_improvement((s->incumbent - mean[i]) / deviation);
        }
    }
    for (int c = 0; status == TD_OK && c < s->ncon; c++) {
        if (!s->constraint[c]) continue;
        status = td_gp_predict(s->gp[TD_MOST_GPS - 2 - c], points, m, mean, sd, err);
        for (int i = 0; status == TD_OK && i < m; i++)
            score[i] += log_normal((s->threshold[c] - mean[i]) / fmax(sd[i], 1e-6));
    }
    if (status == TD_OK && s->built) {
        status = td_gp_predict(s->gp[BUILT], points, m, mean, sd, err);
        for (int i = 0; status == TD_OK && i < m; i++)
            score[i] += log_normal(-mean[i] / fmax(sd[i], 1e-3));
    }
    free(mean);
    return status;
}

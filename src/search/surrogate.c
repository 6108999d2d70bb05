/* What is learned of trials: a process per objective, on the scale that explains it best (by its
 * marginal likelihood; warp.h), per constraint that was missed, and of what can be built.
 * Constraints go through a signed logarithm that keeps 0. */
#include "surrogate.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "scale.h"

enum { FIRST_EVALUATIONS = 40, EVALUATIONS = 15, FIT_CAP = 200 };
static const double margin_front = 0.1, margin_all = 0.05; /* of ranges, around the front */
static const double grid[] = {0, 0, 128, 24};              /* steps of the front, by objectives */

/* ---- points ---------------------------------------------------------------------------------- */

void td__surrogate_point(const td_space *space, const td_choices *c, double *point) {
    for (int i = 0; i < space->n; i++) {
        const td_decision *d = &space->d[i];
        bool name = isnan(c->v[i]) || d->kind == TD_CATEGORICAL;
        point[i] = name ? c->v[i] : td__scale_coordinate(d, c->v[i]);
    }
}

static td_status make_process(td__process *p, const td_gp_options *o, int cap, td_error *err) {
    size_t n = (size_t)cap + 1, theta = (size_t)o->d + TD_GP_EXTRA;
    p->raw = malloc(sizeof *p->raw * (2 * n + TD_N_WARPS * theta));
    if (p->raw == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    p->warped = p->raw + n;
    td_status status = td_gp_create(o, &p->gp, err);
    for (int how = 0; status == TD_OK && how < TD_N_WARPS; how++) {
        p->theta[how] = p->warped + n + (size_t)how * theta;
        td_gp_theta(p->gp, p->theta[how]);
    }
    return status;
}

/* All processes of s, one after the other; NULL behind the last. */
static td__process *process(td__surrogate *s, int i) {
    if (i < TD_MOST_OBJECTIVES) return &s->objective[i];
    i -= TD_MOST_OBJECTIVES;
    if (i < TD_MOST_CONSTRAINTS) return &s->constraint[i];
    return i == TD_MOST_CONSTRAINTS ? &s->built : NULL;
}

td_status td__surrogate_init(td__surrogate *s, const td_space *space,
                             const td__surrogate_options *o, td_error *err) {
    *s = (td__surrogate){.space = space, .o = *o};
    size_t d = space->n > 0 ? (size_t)space->n : 1;
    uint8_t *nominal = calloc(d, 1);
    s->work = malloc(sizeof *s->work * ((size_t)o->cap + 1) * (d + 2));
    td_status status =
        nominal != NULL && s->work != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; status == TD_OK && i < space->n; i++)
        nominal[i] = space->d[i].kind == TD_CATEGORICAL;
    td_gp_options gp = {(int)d, nominal, o->kernel};
    for (int i = 0; status == TD_OK && process(s, i) != NULL; i++)
        status = make_process(process(s, i), &gp, o->cap, err);
    free(nominal);
    if (status != TD_OK) td__surrogate_free(s);
    return status;
}

void td__surrogate_free(td__surrogate *s) {
    for (int i = 0; process(s, i) != NULL; i++) {
        td_gp_destroy(process(s, i)->gp);
        free(process(s, i)->raw);
    }
    td_ehvi_destroy(s->improvement);
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

/* ---- fitting --------------------------------------------------------------------------------- */

/* Hyper-parameters are looked for again after a fifth more trials, and some at least. */
static bool grown(const td__surrogate *s, const td__process *p) {
    int64_t last = p->fitted;
    return last == 0 || s->told >= last + (last < 15 ? 3 : last / 5);
}

/* Points of n samples, in their order, into s->work. */
static const double *points_of(const td__surrogate *s, const sample *v, int n) {
    size_t d = (size_t)s->space->n;
    for (int i = 0; i < n; i++)
        memcpy(s->work + (size_t)i * d, v[i].from->point, sizeof *s->work * d);
    return s->work;
}

/* Room for cap + 1 values behind the points. */
static double *targets(td__surrogate *s) {
    return s->work + (size_t)(s->o.cap + 1) * (size_t)s->space->n;
}

static td_status fit(td__process *p, const double *x, const double *y, int n, td_error *err) {
    td_status status = td_gp_fit(p->gp, x, y, n < FIT_CAP ? n : FIT_CAP,
                                 p->fitted == 0 ? FIRST_EVALUATIONS : EVALUATIONS, err);
    return status == TD_E_MEMORY ? status : TD_OK;
}

/* Sets a process to n samples, those that say most first, with targets y. */
static td_status set(td__surrogate *s, td__process *p, const sample *v, const double *y, int n,
                     bool fit_only, td_error *err) {
    bool anew = grown(s, p);
    if (fit_only && !anew) return TD_OK;
    const double *x = points_of(s, v, n);
    td_status status = anew ? fit(p, x, y, n, err) : TD_OK;
    if (anew) p->fitted = s->told;
    p->used = status == TD_OK;
    return status == TD_OK && !fit_only ? td_gp_set(p->gp, x, y, n, err) : status;
}

static int compare_reals(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* p->warped for p->raw, and y[n] for value[n], which are the same in another order. */
static void warp(td__process *p, int how, const double *value, int n, double *y) {
    td__warp(how, p->raw, n, p->warped);
    for (int i = 0; i < n; i++) y[i] = td__warp_value(p->raw, p->warped, n, value[i]);
    p->warp = how;
}

/* Objective k of n samples, those that say most first. Each warp has its own hyper-parameters. */
static td_status fit_objective(td__surrogate *s, int k, const sample *v, const double *value, int n,
                               bool fit_only, td_error *err) {
    td__process *p = &s->objective[k];
    double *y = targets(s), most = -INFINITY;
    bool anew = grown(s, p);
    int best = p->warp;
    td_status status = TD_OK;
    if (fit_only && !anew) return TD_OK;
    const double *x = points_of(s, v, n);
    memcpy(p->raw, value, sizeof *value * (size_t)n);
    qsort(p->raw, (size_t)n, sizeof *p->raw, compare_reals);
    p->n = n;
    for (int how = 0; status == TD_OK && anew && how < TD_N_WARPS; how++) {
        warp(p, how, value, n, y);
        td_gp_set_theta(p->gp, p->theta[how]);
        status = fit(p, x, y, n, err);
        double likelihood =
            td_gp_points(p->gp) > 0 ? td_gp_likelihood(p->gp, NULL, NULL) : -INFINITY;
        td_gp_theta(p->gp, p->theta[how]);
        if (likelihood > most) {
            most = likelihood;
            best = how;
        }
    }
    if (anew) p->fitted = s->told;
    warp(p, best, value, n, y);
    p->used = status == TD_OK;
    td_gp_set_theta(p->gp, p->theta[best]);
    return status == TD_OK && !fit_only ? td_gp_set(p->gp, x, y, n, err) : status;
}

/* ---- several objectives ---------------------------------------------------------------------- */

static double warped(const td__surrogate *s, int k, double v) {
    const td__process *p = &s->objective[k];
    return td__warp_value(p->raw, p->warped, p->n, v);
}

/* How far a point is behind the front, in its worst objective (additive epsilon); 0: on it. Ranges
 * are those of `low` to `high`. */
static double behind(const td__aim *aim, int nobj, const double *obj, const double *range) {
    double least = INFINITY;
    for (int i = 0; i < aim->n_front && least > 0; i++) {
        double most = 0;
        for (int k = 0; k < nobj; k++) most = fmax(most, (obj[k] - aim->front[i][k]) / range[k]);
        least = fmin(least, most);
    }
    return least < INFINITY ? least : 0;
}

/* Of points of the front that share a cell of a fine grid the first stays. Returns their number. */
static int thin_front(double *front, int n, int d, const double *low, const double *high) {
    int kept = 0;
    for (int i = 0; i < n; i++) {
        bool shares = false;
        for (int j = 0; j < kept && !shares; j++) {
            shares = true;
            for (int k = 0; k < d; k++) {
                double cell = fmax(high[k] - low[k], DBL_MIN) / grid[d];
                shares = shares && floor((front[i * d + k] - low[k]) / cell) ==
                                       floor((front[j * d + k] - low[k]) / cell);
            }
        }
        if (shares) continue;
        memmove(front + kept * d, front + i * d, sizeof *front * (size_t)d);
        kept++;
    }
    return kept;
}

/* The front on the scales of the processes, and a reference a little beyond its worst values. */
static td_status make_improvement(td__surrogate *s, const td__aim *aim, td_error *err) {
    int d = s->nobj;
    double *front = malloc(sizeof *front * (size_t)(aim->n_front * d + 1));
    double low[TD_EHVI_MOST], high[TD_EHVI_MOST], reference[TD_EHVI_MOST];
    if (front == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int k = 0; k < d; k++) {
        const td__process *p = &s->objective[k];
        low[k] = INFINITY, high[k] = -INFINITY;
        for (int i = 0; i < aim->n_front; i++) {
            double v = front[i * d + k] = warped(s, k, aim->front[i][k]);
            low[k] = fmin(low[k], v);
            high[k] = fmax(high[k], v);
        }
        reference[k] = high[k] + fmax(margin_front * (high[k] - low[k]),
                                      margin_all * (p->warped[p->n - 1] - p->warped[0]));
    }
    int n = thin_front(front, aim->n_front, d, low, high);
    td_status status = td_ehvi_create(front, n, d, reference, &s->improvement, err);
    free(front);
    return status;
}

/* ---- objectives, constraints, what can be built ---------------------------------------------- */

bool td__surrogate_usable(double v) {
    return isfinite(v) && fabs(v) < 1e150; /* its square is a number, too */
}

/* Of a trial that was stopped early, too: what it came to so far tells more than nothing. */
static int objectives_of(const td_outcome *o) {
    if (o->state != TD_TRIAL_DONE && o->state != TD_TRIAL_PRUNED) return 0;
    for (int i = 0; i < o->nobj; i++)
        if (!td__surrogate_usable(o->obj[i])) return 0;
    return o->nobj;
}

/* v[n]: trials with objectives. */
static td_status fit_objectives(td__surrogate *s, sample *v, int n, const td__aim *aim,
                                td_error *err) {
    double *value = malloc(sizeof *value * (size_t)(n + 1)), range[TD_MOST_OBJECTIVES];
    td_status status = value != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    if (s->nobj > 1) {
        for (int k = 0; k < s->nobj; k++) {
            for (int i = 0; i < n; i++) value[i] = v[i].from->outcome.obj[k];
            range[k] = fmax(td_quantile(value, n, 0.5) - td_quantile(value, n, 0), DBL_MIN);
        }
        for (int i = 0; i < n; i++)
            v[i].value = behind(aim, s->nobj, v[i].from->outcome.obj, range);
    }
    double best = INFINITY; /* thinning may leave it out, where those that miss are less */
    for (int i = 0; i < n; i++)
        if (td_outcome_feasible(&v[i].from->outcome)) best = fmin(best, v[i].value);
    n = thin(v, n, s->o.cap);
    qsort(v, (size_t)n, sizeof *v, by_value);
    for (int k = 0; status == TD_OK && k < s->nobj; k++) {
        for (int i = 0; i < n; i++) value[i] = s->nobj > 1 ? v[i].from->outcome.obj[k] : v[i].value;
        status = fit_objective(s, k, v, value, n, aim->fit_only, err);
    }
    if (status == TD_OK && !aim->fit_only && s->nobj == 1 && isfinite(best))
        s->incumbent = warped(s, 0, best);
    if (status == TD_OK && !aim->fit_only && s->nobj > 1 && aim->n_front > 0)
        status = make_improvement(s, aim, err);
    free(value);
    return status;
}

static td_status fit_constraint(td__surrogate *s, int c, sample *v, int n, bool fit_only,
                                td_error *err) {
    td__process *p = &s->constraint[c];
    bool broken = false;
    for (int i = 0; i < n; i++) broken = broken || v[i].value > 0;
    if (!broken || n < 2 || (fit_only && !grown(s, p))) return TD_OK;
    /* the nearest to its limit, and the latest */
    double *y = targets(s), mean, deviation;
    for (int i = 0; i < n; i++) v[i].value = fabs(v[i].value);
    qsort(v, (size_t)n, sizeof *v, by_value);
    double scale = v[n / 2].value;
    if (!(scale > 0)) scale = 1;
    n = thin(v, n, s->o.cap);
    for (int i = 0; i < n; i++) {
        double value = v[i].from->outcome.con[c];
        y[i] = copysign(log1p(fabs(value) / scale), value);
    }
    td__standardise(y, n, &mean, &deviation);
    p->threshold = -mean / deviation;
    return set(s, p, v, y, n, fit_only, err);
}

static td_status fit_built(td__surrogate *s, sample *v, int n, bool fit_only, td_error *err) {
    double *y = targets(s);
    int failed = 0;
    for (int i = 0; i < n; i++) failed += v[i].value > 0;
    if (failed == 0 || failed == n) return TD_OK;
    n = thin(v, n, s->o.cap);
    for (int i = 0; i < n; i++) y[i] = v[i].value;
    return set(s, &s->built, v, y, n, fit_only, err);
}

static bool is_pending_or_unknown(const td__observation *o) {
    return !o->told || o->outcome.state == TD_TRIAL_READY || o->outcome.state == TD_TRIAL_RUNNING;
}

/* Pending trials are taken to become what is expected of them (kriging believer, Ginsbourger et al.
 * 2010), so that the next ask looks elsewhere: the latest, since each costs as much as a told one,
 * and some are never told. */
static td_status believe(td__surrogate *s, const td__observation *o, int n, td_error *err) {
    td_status status = TD_OK;
    int pending = 0;
    for (int i = 0; i < n; i++) pending += !o[i].told;
    for (int i = 0; status == TD_OK && i < n; i++) {
        if (o[i].told || pending-- > TD_MOST_PENDING) continue;
        td__process *p;
        for (int k = 0; status == TD_OK && (p = process(s, k)) != NULL; k++) {
            double mean;
            if (!p->used) continue;
            status = td_gp_predict(p->gp, o[i].point, 1, &mean, NULL, err);
            if (status == TD_OK) status = td_gp_append(p->gp, o[i].point, mean, err);
        }
    }
    return status;
}

td_status td__surrogate_update(td__surrogate *s, const td__observation *o, int n,
                               const td__aim *aim, td_error *err) {
    sample *v = malloc(sizeof *v * (size_t)(n + 1));
    td_status status = v != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    int m = 0;
    s->ncon = s->nobj = 0;
    s->incumbent = INFINITY;
    td_ehvi_destroy(s->improvement);
    s->improvement = NULL;
    for (int k = 0; process(s, k) != NULL; k++) process(s, k)->used = false;
    for (int i = 0; i < n; i++) {
        if (!o[i].told) continue;
        int nobj = objectives_of(&o[i].outcome);
        if (nobj > s->nobj) s->nobj = nobj;
        if (o[i].outcome.ncon > s->ncon) s->ncon = o[i].outcome.ncon;
    }
    for (int i = 0; status == TD_OK && i < n; i++) {
        if (!o[i].told || objectives_of(&o[i].outcome) < (s->nobj > 0 ? s->nobj : 1)) continue;
        if (aim->value != NULL && isnan(aim->value[i])) continue;
        v[m++] = (sample){aim->value != NULL ? aim->value[i] : o[i].outcome.obj[0], &o[i], i};
    }
    if (aim->value != NULL && s->nobj > 1) s->nobj = 1;
    if (m < 2) s->nobj = 0;
    if (status == TD_OK && s->nobj > 0) status = fit_objectives(s, v, m, aim, err);
    for (int c = 0; status == TD_OK && c < s->ncon; c++) {
        m = 0;
        for (int i = 0; i < n; i++)
            if (o[i].told && o[i].outcome.ncon > c && td__surrogate_usable(o[i].outcome.con[c]))
                v[m++] = (sample){o[i].outcome.con[c], &o[i], i};
        status = fit_constraint(s, c, v, m, aim->fit_only, err);
    }
    m = 0;
    for (int i = 0; status == TD_OK && i < n; i++) {
        if (is_pending_or_unknown(&o[i])) continue;
        bool failed = o[i].outcome.state == TD_TRIAL_FAILED ||
                      (o[i].outcome.state == TD_TRIAL_INFEASIBLE && o[i].outcome.ncon == 0);
        v[m++] = (sample){failed ? 1 : -1, &o[i], i};
    }
    if (status == TD_OK) status = fit_built(s, v, m, aim->fit_only, err);
    if (status == TD_OK && !aim->fit_only) status = believe(s, o, n, err);
    free(v);
    return status;
}

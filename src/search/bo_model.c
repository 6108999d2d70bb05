#include "bo_model.h"

#include <stdlib.h>
#include <string.h>

#include "warp.h"

/* Likelihoods of a fit; points that hyper-parameters are chosen by, of a regression and a
 * classifier.
 */
enum { EVALUATIONS = 25, FIT_CAP = 200, CLASS_CAP = 80 };

/* ---- standardised features ------------------------------------------------------------------- */

static td_status make_standard(td__standard *s, int d, td_error *err) {
    *s = (td__standard){.d = d};
    s->shift = calloc(2 * (size_t)d, sizeof *s->shift);
    s->factor = s->shift + d;
    return s->shift != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
}

static void free_standard(td__standard *s) {
    free(s->shift);
    free(s->points);
    *s = (td__standard){0};
}

static void measure(td__standard *s, const double *x, int n) {
    size_t d = (size_t)s->d;
    memset(s->shift, 0, sizeof *s->shift * 2 * d);
    for (int i = 0; i < n; i++)
        for (size_t k = 0; k < d; k++) s->shift[k] += x[(size_t)i * d + k] / n;
    for (int i = 0; i < n; i++)
        for (size_t k = 0; k < d; k++) {
            double apart = x[(size_t)i * d + k] - s->shift[k];
            s->factor[k] += apart * apart / n;
        }
    for (size_t k = 0; k < d; k++) {
        double deviation = sqrt(s->factor[k]);
        bool varies = deviation > 1e-12 * fabs(s->shift[k]) && deviation > 1e-150;
        s->factor[k] = varies ? 1 / deviation : 0;
    }
}

/* NULL: memory is out. */
static const double *standardised(td__standard *s, const double *x, int n) {
    size_t d = (size_t)s->d;
    if (n > s->room) {
        double *wide = realloc(s->points, sizeof *wide * (size_t)n * d);
        if (wide == NULL) return NULL;
        s->points = wide;
        s->room = n;
    }
    for (int i = 0; i < n; i++)
        for (size_t k = 0; k < d; k++) {
            size_t at = (size_t)i * d + k;
            s->points[at] = (x[at] - s->shift[k]) * s->factor[k];
        }
    return s->points;
}

/* ---- regression ------------------------------------------------------------------------------ */

td_status td__regression_init(td__regression *r, int d, const td__regression_options *o,
                              td_error *err) {
    *r = (td__regression){.o = *o, .deviation = 1};
    td_status status = make_standard(&r->standard, d, err);
    if (status == TD_OK && o->by == TD_REGRESS_LINEAR)
        status = td_linear_create(d, &r->linear, err);
    if (status == TD_OK && o->by == TD_REGRESS_GP)
        status = td_gp_create(&(td_gp_options){d, NULL, o->kernel}, &r->gp, err);
    if (status == TD_OK && r->gp != NULL) {
        r->theta = malloc(sizeof *r->theta * (size_t)(d + TD_GP_EXTRA));
        if (r->theta == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
        td_gp_theta(r->gp, r->theta);
    }
    return status;
}

void td__regression_free(td__regression *r) {
    free_standard(&r->standard);
    td_linear_destroy(r->linear);
    td_gp_destroy(r->gp);
    td_forest_destroy(r->forest);
    free(r->theta);
    *r = (td__regression){0};
}

/* Hyper-parameters by the latest FIT_CAP points, then all of them. */
static td_status fit_process(td__regression *r, const double *x, const double *y, int n,
                             td_error *err) {
    int some = n < FIT_CAP ? n : FIT_CAP, skip = n - some;
    td_gp_set_theta(r->gp, r->theta);
    td_status status = td_gp_fit(r->gp, x + (size_t)skip * (size_t)r->standard.d, y + skip, some,
                                 EVALUATIONS, err);
    return status == TD_OK && skip > 0 ? td_gp_set(r->gp, x, y, n, err) : status;
}

td_status td__regression_fit(td__regression *r, const double *x, const double *y, int n,
                             td_error *err) {
    measure(&r->standard, x, n);
    const double *points = standardised(&r->standard, x, n);
    double *values = malloc(sizeof *values * (size_t)n);
    if (points == NULL || values == NULL) {
        free(values);
        return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    memcpy(values, y, sizeof *values * (size_t)n);
    td__standardise(values, n, &r->mean, &r->deviation);
    td_status status = TD_OK;
    switch (r->o.by) {
    case TD_REGRESS_LINEAR: status = td_linear_fit(r->linear, points, values, n, err); break;
    case TD_REGRESS_GP: status = fit_process(r, points, values, n, err); break;
    case TD_REGRESS_FOREST:
        td_forest_destroy(r->forest);
        status = td_forest_fit(&(td_forest_options){.d = r->standard.d, .seed = r->o.seed}, points,
                               values, n, &r->forest, err);
    }
    free(values);
    return status;
}

double td__regression_value(const td__regression *r, double y) {
    return (y - r->mean) / r->deviation;
}

td_status td__regression_append(td__regression *r, const double *x, double y, td_error *err) {
    const double *point = standardised(&r->standard, x, 1);
    if (point == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    y = td__regression_value(r, y);
    switch (r->o.by) {
    case TD_REGRESS_LINEAR: return td_linear_append(r->linear, point, y, err);
    case TD_REGRESS_GP: return td_gp_append(r->gp, point, y, err);
    case TD_REGRESS_FOREST: break;
    }
    return TD_OK;
}

td_status td__regression_predict(td__regression *r, const double *x, int m, double *mean,
                                 double *sd, td_error *err) {
    const double *points = standardised(&r->standard, x, m);
    if (points == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    switch (r->o.by) {
    case TD_REGRESS_LINEAR: return td_linear_predict(r->linear, points, m, mean, sd, err);
    case TD_REGRESS_GP: return td_gp_predict(r->gp, points, m, mean, sd, err);
    case TD_REGRESS_FOREST: td_forest_predict(r->forest, points, m, mean, sd); break;
    }
    return TD_OK;
}

/* ---- classifier ------------------------------------------------------------------------------ */

td_status td__classifier_init(td__classifier *c, int d, td__classify by, uint64_t seed,
                              td_error *err) {
    *c = (td__classifier){.by = by, .seed = seed};
    td_status status = make_standard(&c->standard, d, err);
    if (status == TD_OK && by == TD_CLASSIFY_GP) status = td_gp_class_create(d, &c->gp, err);
    return status;
}

void td__classifier_free(td__classifier *c) {
    free_standard(&c->standard);
    td_gp_class_destroy(c->gp);
    td_svm_destroy(c->svm);
    td_forest_destroy(c->forest);
    *c = (td__classifier){0};
}

static td_status fit_class_forest(td__classifier *c, const double *x, const uint8_t *label, int n,
                                  td_error *err) {
    double *y = malloc(sizeof *y * (size_t)n);
    if (y == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < n; i++) y[i] = label[i];
    td_forest_destroy(c->forest);
    td_status status = td_forest_fit(&(td_forest_options){.d = c->standard.d, .seed = c->seed}, x,
                                     y, n, &c->forest, err);
    free(y);
    return status;
}

static bool of_both(const uint8_t *label, int n) {
    int many = 0;
    for (int i = 0; i < n; i++) many += label[i];
    return many > 0 && many < n;
}

/* By the latest CLASS_CAP points; forests and support vectors have none that are fitted. */
td_status td__classifier_fit(td__classifier *c, const double *x, const uint8_t *label, int n,
                             td_error *err) {
    if (c->by == TD_CLASSIFY_NOT || n < 1) return TD_OK;
    measure(&c->standard, x, n);
    int some = n < CLASS_CAP ? n : CLASS_CAP, skip = n - some;
    if (c->by == TD_CLASSIFY_GP) td_gp_class_set_hyper(c->gp, sqrt(c->standard.d), exp(1));
    if (c->by != TD_CLASSIFY_GP || !of_both(label + skip, some)) return TD_OK;
    const double *points =
        standardised(&c->standard, x + (size_t)skip * (size_t)c->standard.d, some);
    if (points == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    return td_gp_class_fit(c->gp, points, label + skip, some, err);
}

td_status td__classifier_set(td__classifier *c, const double *x, const uint8_t *label, int n,
                             td_error *err) {
    c->used = false;
    if (c->by == TD_CLASSIFY_NOT || !of_both(label, n)) return TD_OK;
    const double *points = standardised(&c->standard, x, n);
    if (points == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status status = TD_OK;
    if (c->by == TD_CLASSIFY_GP) {
        status = td_gp_class_set(c->gp, points, label, n, err);
    } else if (c->by == TD_CLASSIFY_FOREST) {
        status = fit_class_forest(c, points, label, n, err);
    } else {
        td_svm_destroy(c->svm);
        status = td_svm_fit(&(td_svm_options){.d = c->standard.d}, points, label, n, &c->svm, err);
    }
    c->used = status == TD_OK;
    return status;
}

td_status td__classifier_predict(td__classifier *c, const double *x, int m, double *chance,
                                 td_error *err) {
    for (int i = 0; i < m; i++) chance[i] = 1;
    if (!c->used) return TD_OK;
    const double *points = standardised(&c->standard, x, m);
    if (points == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    if (c->by == TD_CLASSIFY_GP)
        return td_gp_class_predict(c->gp, points, m, chance, NULL, NULL, err);
    if (c->by == TD_CLASSIFY_SVM) return td_svm_predict(c->svm, points, m, chance, NULL, err);
    td_forest_predict(c->forest, points, m, chance, NULL);
    return TD_OK;
}

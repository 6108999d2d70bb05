#include "bo_model.h"

#include <stdlib.h>
#include <string.h>

#include "warp.h"

enum { EVALUATIONS = 25, FIT_CAP = 200 }; /* of the likelihood of a Gaussian process */

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
    td_status status = r->o.by == TD_REGRESS_LINEAR
                           ? td_linear_fit(r->linear, points, values, n, err)
                           : fit_process(r, points, values, n, err);
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
    return r->o.by == TD_REGRESS_LINEAR ? td_linear_append(r->linear, point, y, err)
                                        : td_gp_append(r->gp, point, y, err);
}

td_status td__regression_predict(td__regression *r, const double *x, int m, double *mean,
                                 double *sd, td_error *err) {
    const double *points = standardised(&r->standard, x, m);
    if (points == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    return r->o.by == TD_REGRESS_LINEAR ? td_linear_predict(r->linear, points, m, mean, sd, err)
                                        : td_gp_predict(r->gp, points, m, mean, sd, err);
}

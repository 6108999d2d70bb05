/* How promising a vector is. */
#include <stdlib.h>
#include <string.h>

#include "surrogate.h"

static double gain(const td__surrogate *s, const double *mean, const double *sd) {
    if (s->improvement != NULL) return td_ehvi_log(s->improvement, mean, sd);
    if (s->o.by == TD_ACQUIRE_BOUND) return s->o.confidence * sd[0] - mean[0];
    return log(sd[0]) + td_normal_log_excess((s->incumbent - mean[0]) / sd[0]);
}

/* Adds what is gained where it is feasible. work[2 m (objectives + 1)] */
static td_status add_gain(const td__surrogate *s, const double *points, int m, double *score,
                          double *work, td_error *err) {
    double *mean = work, *sd = work + s->nobj * m, one[2][TD_MOST_OBJECTIVES];
    td_status status = TD_OK;
    for (int k = 0; status == TD_OK && k < s->nobj; k++)
        status = td_gp_predict(s->objective[k].gp, points, m, mean + k * m, sd + k * m, err);
    for (int i = 0; status == TD_OK && i < m; i++) {
        for (int k = 0; k < s->nobj; k++) {
            one[0][k] = mean[k * m + i];
            one[1][k] = fmax(sd[k * m + i], 1e-9);
        }
        score[i] += gain(s, one[0], one[1]);
    }
    return status;
}

/* Adds the logarithm of the chance that a process is at most its limit. */
static td_status add_chance(const td__process *p, double limit, double least, const double *points,
                            int m, double *score, double *work, td_error *err) {
    double *mean = work, *sd = work + m;
    td_status status = td_gp_predict(p->gp, points, m, mean, sd, err);
    for (int i = 0; status == TD_OK && i < m; i++)
        score[i] += td_normal_log_cdf((limit - mean[i]) / fmax(sd[i], least));
    return status;
}

static td_status draw(const td__process *p, const double *points, int m, td_rng *r, double *values,
                      td_error *err) {
    for (int i = 0; i < m; i++) values[i] = td_rng_normal(r);
    return td_gp_draw(p->gp, points, m, values, err);
}

/* One draw of everything: the least objective of those that meet all, else what misses least
 * (SCBO, Eriksson and Poloczek 2021). */
static td_status score_draw(const td__surrogate *s, const double *points, int m, td_rng *r,
                            double *score, double *work, td_error *err) {
    double *missed = work, *values = work + m;
    td_status status = TD_OK;
    for (int i = 0; i < m; i++) missed[i] = 0;
    for (int c = 0; status == TD_OK && c < s->ncon; c++) {
        const td__process *p = &s->constraint[c];
        if (!p->used) continue;
        status = draw(p, points, m, r, values, err);
        for (int i = 0; status == TD_OK && i < m; i++)
            missed[i] += fmax(values[i] - p->threshold, 0);
    }
    if (status == TD_OK && s->built.used) status = draw(&s->built, points, m, r, values, err);
    for (int i = 0; status == TD_OK && s->built.used && i < m; i++) missed[i] += fmax(values[i], 0);
    for (int i = 0; i < m; i++) values[i] = 0;
    if (status == TD_OK && s->nobj == 1) status = draw(&s->objective[0], points, m, r, values, err);
    for (int i = 0; status == TD_OK && i < m; i++)
        score[i] = missed[i] > 0 ? -1e6 - missed[i] : -values[i];
    return status;
}

td_status td__surrogate_score(const td__surrogate *s, const double *points, int m, td_rng *r,
                              double *score, td_error *err) {
    double *work = malloc(sizeof *work * (size_t)(2 * m * (s->nobj + 1) + 1));
    if (work == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status status = TD_OK;
    for (int i = 0; i < m; i++) score[i] = 0;
    if (s->o.by == TD_ACQUIRE_DRAW && s->improvement == NULL) {
        status = score_draw(s, points, m, r, score, work, err);
        free(work);
        return status;
    }
    if (s->improvement != NULL || isfinite(s->incumbent))
        status = add_gain(s, points, m, score, work, err);
    for (int c = 0; status == TD_OK && c < s->ncon; c++)
        if (s->constraint[c].used)
            status = add_chance(&s->constraint[c], s->constraint[c].threshold, 1e-6, points, m,
                                score, work, err);
    if (status == TD_OK && s->built.used)
        status = add_chance(&s->built, 0, 1e-3, points, m, score, work, err);
    free(work);
    return status;
}

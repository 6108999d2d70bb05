/* The median rule (Golovin et al. 2017, Google Vizier, section 3.2.2). With an even number of
 * others the median is the upper one of the two in the middle: worse than it is who is behind more
 * than half of them. */
#include <stdlib.h>

#include "stoppers.h"

typedef struct {
    int64_t min, trials;
} state;

static td_status create(void **out, int64_t steps, const td_params *params, td_error *err) {
    static const char *const keys[] = {"min", "trials", NULL};
    state *s = malloc(sizeof *s);
    *out = NULL;
    if (s == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    *s = (state){.min = 1, .trials = 5};
    td_status st = params != NULL ? td_node_only(params, keys, err) : TD_OK;
    if (st == TD_OK && steps == 1) st = td__stopper_fail_short(params, err);
    if (st == TD_OK)
        st = td_node_opt_int(params, "min", 1, steps > 0 ? steps - 1 : INT32_MAX, &s->min, err);
    if (st == TD_OK) st = td_node_opt_int(params, "trials", 1, INT32_MAX, &s->trials, err);
    if (st == TD_OK)
        *out = s;
    else
        free(s);
    return st;
}

/* All of them: running means are of all steps. */
static bool looks(const void *self, int64_t step) {
    (void)self;
    return step >= 1;
}

/* Mean of each objective up to a step; constraints as they are there. */
static td_outcome running_mean(const td_curve *c, int64_t step) {
    td_outcome mean = *td_curve_at(c, step);
    int n = 0;
    for (int k = 0; k < mean.nobj; k++) mean.obj[k] = 0;
    for (; n < c->n && c->at[n].step <= step; n++)
        for (int k = 0; k < mean.nobj; k++) mean.obj[k] += c->at[n].value.obj[k];
    for (int k = 0; k < mean.nobj; k++) mean.obj[k] /= n;
    return mean;
}

/* The best value so far, of each objective. */
static td_outcome best_of(const td_curve *c) {
    td_outcome best = c->at[c->n - 1].value;
    for (int i = 0; i < c->n; i++)
        for (int k = 0; k < best.nobj; k++) best.obj[k] = fmin(best.obj[k], c->at[i].value.obj[k]);
    return best;
}

static td_status judge(const void *self, const td_curve *own, const td_curve *earlier, int n,
                       td_verdict *verdict, td_text *why) {
    const state *s = self;
    const int64_t step = own->n > 0 ? own->at[own->n - 1].step : 0;
    int there = 0, ahead = 0;
    *verdict = TD_GO_ON;
    if (step < s->min) return TD_OK;
    td_outcome *mean = malloc(sizeof *mean * (size_t)(n > 0 ? n : 1));
    const td_outcome **other = malloc(sizeof *other * (size_t)(n > 0 ? n : 1));
    td_status st = mean != NULL && other != NULL ? TD_OK : TD_E_MEMORY;
    for (int i = 0; st == TD_OK && i < n; i++) {
        if (td_curve_at(&earlier[i], step) == NULL) continue;
        mean[there] = running_mean(&earlier[i], step);
        other[there] = &mean[there];
        there++;
    }
    td_outcome best = best_of(own);
    if (st == TD_OK && there >= s->trials) {
        st = td__outcomes_ahead(&best, other, there, &ahead);
        if (st == TD_OK && 2 * ahead > there) *verdict = TD_PRUNE;
    }
    if (*verdict == TD_PRUNE && why != NULL)
        td_text_addf(why, "its best is behind the means of %d of %d", ahead, there);
    free(other);
    free(mean);
    return st;
}

const td_stopper td__stopper_median = {
    .name = "median",
    .about = "stops what is worse than the median of the others' running means",
    .create = create,
    .looks = looks,
    .judge = judge,
    .destroy = free};

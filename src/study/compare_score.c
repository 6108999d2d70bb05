/* compare_score.c - what the runs of a comparison have come to. */
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "row.h"

/* The worth of a run whose best design is t: the one place that says so. A source whose accuracy
 * while searching is a noisy draw would give its mean here. */
static double quality_of(const td_trial_row *t) {
    return t->accuracy;
}

/* The trials that the budgets allow: a store may hold more, of an earlier, larger budget. */
static int within_budget(const td_comparison *c, const td_trial_row *t, int n) {
    int64_t trained = 0;
    if (n > c->budget[c->nbudget - 1]) n = (int)c->budget[c->nbudget - 1];
    for (int i = 0; i < n; i++) {
        trained += t[i].trained;
        if (trained > c->trained) return i;
    }
    return n;
}

static void score_at(const td_trial_row *t, int n, int best, int64_t trained,
                     td_compare_score *out) {
    *out = (td_compare_score){.quality = -INFINITY, .best = -1, .trials = n, .trained = trained};
    for (int m = 0; m < TD_NMETRIC; m++) out->metric[m] = NAN;
    if (best < 0) return;
    out->best = t[best].number;
    memcpy(out->metric, t[best].metric, sizeof out->metric);
    if (t[best].feasible && isfinite(quality_of(&t[best]))) out->quality = quality_of(&t[best]);
}

/* td_trials_best of each prefix, by the same order. */
static td_status walk(td_comparison *c, td_compare_run *run, const td_trial_row *t, int n,
                      td_arena *room, td_error *err) {
    int best = -1, b = 0;
    int64_t trained = 0;
    double quality = -INFINITY;
    n = within_budget(c, t, n);
    run->step = NULL;
    run->nstep = 0;
    td_compare_step *step = TD_NEW(room, td_compare_step, n + 1);
    if (step == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < n; i++) {
        for (; b < c->nbudget && c->budget[b] == i; b++)
            score_at(t, i, best, trained, &run->score[b]);
        trained += t[i].trained;
        bool built = td_trials_best(&t[i], 1) == 0;
        if (built && (best < 0 || td__trial_better(&t[i], &t[best]))) best = i;
        double now = best >= 0 && t[best].feasible ? quality_of(&t[best]) : -INFINITY;
        if (!isfinite(now) || now == quality) continue;
        quality = now;
        step[run->nstep++] = (td_compare_step){i + 1, trained, now};
    }
    for (; b < c->nbudget; b++) score_at(t, n, best, trained, &run->score[b]);
    run->step = TD_NEW(c->arena, td_compare_step, run->nstep + 1);
    if (run->step == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    memcpy(run->step, step, sizeof *step * (size_t)run->nstep);
    return TD_OK;
}

td_status td__compare_score(td_comparison *c, td_compare_run *run, td_error *err) {
    td_store *store = NULL;
    td_trial_row *t = NULL;
    int n = 0;
    td_arena *a = td_arena_create();
    const char *path = a != NULL ? td_arena_printf(a, "%s/study.db", run->out) : NULL;
    td_status s = path != NULL ? td_store_open(path, false, &store, err)
                               : td_fail(err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK) s = td_store_trials(store, c->method[run->method].scope, a, &t, &n, err);
    if (s == TD_OK) s = walk(c, run, t, n, a, err);
    td_store_close(store);
    td_arena_destroy(a);
    return s;
}

double td_compare_reached(const td_compare_run *r, double quality) {
    for (int i = 0; i < r->nstep; i++)
        if (r->step[i].quality >= quality) return (double)r->step[i].trials;
    return INFINITY;
}

/* ---- statistics ------------------------------------------------------------------------------ */

/* Qualities of a method's runs at a budget, by seed. */
static void qualities(const td_comparison *c, int method, int target, int budget, double *v) {
    for (int k = 0; k < c->nseed; k++)
        v[k] = c->run[(k * c->ntarget + target) * c->nmethod + method].score[budget].quality;
}

static td_status one_method(const td_comparison *c, int method, int target, int budget, double *v,
                            double *trials, double *trained, td_compare_stat *st, td_error *err) {
    *st = (td_compare_stat){.n = c->nseed, .p_holm = NAN};
    qualities(c, method, target, budget, v);
    for (int k = 0; k < c->nseed; k++) {
        const td_compare_score *s =
            &c->run[(k * c->ntarget + target) * c->nmethod + method].score[budget];
        st->feasible += isfinite(v[k]);
        trials[k] = (double)s->trials;
        trained[k] = (double)s->trained;
    }
    st->q1 = td_quantile(v, c->nseed, 0.25);
    st->q3 = td_quantile(v, c->nseed, 0.75);
    st->trials = td_quantile(trials, c->nseed, 0.5);
    st->trained = td_quantile(trained, c->nseed, 0.5);
    return td_median_interval(v, c->nseed, 0.95, &st->quality, err);
}

td_status td_compare_statistics(const td_comparison *c, int target, int budget,
                                td_compare_stat *stat, td_error *err) {
    size_t n = (size_t)c->nseed;
    double *v = malloc(4 * n * sizeof *v), *p = malloc((size_t)c->nmethod * sizeof *p);
    td_status s = v != NULL && p != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK) qualities(c, c->against, target, budget, v);
    for (int m = 0; s == TD_OK && m < c->nmethod; m++) {
        double *own = v + n;
        s = one_method(c, m, target, budget, own, v + 2 * n, v + 3 * n, &stat[m], err);
        p[m] = NAN;
        if (s != TD_OK || m == c->against) continue;
        s = td_rank_sum_test(own, c->nseed, v, c->nseed, &stat[m].against, err);
        p[m] = stat[m].against.p;
    }
    if (s == TD_OK) s = td_holm(p, c->nmethod, p, err);
    for (int m = 0; s == TD_OK && m < c->nmethod; m++) stat[m].p_holm = p[m];
    free(p);
    free(v);
    return s;
}

int td_compare_qualities(const td_comparison *c, int target, double *out) {
    if (c->nquality > 0) {
        memcpy(out, c->quality, sizeof *out * (size_t)c->nquality);
        return c->nquality;
    }
    double *v = malloc(sizeof *v * (size_t)c->nseed);
    if (v == NULL) return 0;
    qualities(c, c->against, target, c->nbudget - 1, v);
    *out = td_quantile(v, c->nseed, 0.5);
    free(v);
    return isfinite(*out) ? 1 : 0;
}

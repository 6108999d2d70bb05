/* compare_score.c - what the runs of a comparison have come to. */
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "row.h"
#include "scope.h"

/* The trials of a run, those of all phases of its scope one after the other, and what scores them.
 */
typedef struct {
    const td_recipe *r;
    const td_accuracy *accuracy;
    bool fixed_network; /* no network is searched */
    td_trial_row *t;
    int n;
    td_arena *arena;
} history;

/* The network of a trial's choices; *d stays empty where they are of an accelerator only. */
static td_status build_network(const history *all, const td_trial_row *t, td_design *d,
                               td_error *err) {
    const td_space *space = all->r->net;
    const td_node *doc;
    td_node *part = td_node_map(all->arena);
    td_choices c = {.n = space->n, .v = TD_NEW(all->arena, double, space->n + 1)};
    if (part == NULL || c.v == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = td_json_parse(all->arena, t->params, strlen(t->params), "study.db", 1, &doc, err);
    if (s != TD_OK) return s;
    for (int k = 0; k < space->n; k++) {
        const td_node *v = td_node_find(doc, space->d[k].name);
        if (v != NULL) td_node_put(all->arena, part, v->key, (td_node *)v);
    }
    if (td_choices_from_node(space, part, &c, NULL) != TD_OK) return TD_OK;
    return space->build(space->self, &c, all->arena, d, err);
}

/* A network by its hash: the recipe's fixed one, or that of a trial. *d stays empty if there is
 * none. */
static td_status find_network(const history *all, uint64_t hash, td_design *d, td_error *err) {
    const td_space *fixed = all->r->fixed_net;
    td_status s = TD_OK;
    if (fixed != NULL) {
        double nothing;
        td_choices none = {.n = 0, .v = &nothing};
        s = fixed->build(fixed->self, &none, all->arena, d, err);
    }
    for (int i = 0; s == TD_OK && i < all->n && (d->net == NULL || d->net_hash != hash); i++) {
        if (all->t[i].net_hash != hash) continue;
        td_design_free(d);
        *d = (td_design){0};
        s = build_network(all, &all->t[i], d, err);
    }
    if (s != TD_OK || d->net_hash == hash) return s;
    td_design_free(d);
    *d = (td_design){0};
    return TD_OK;
}

/* What a run is worth whose best design, which meets the targets, is that of trial i; NAN: its
 * network has no accuracy, as a given one may not. Of a source that knows more of a
 * network than a search sees (several measurements in place of one draw) it is what that says. */
static td_status quality_of(const history *all, int i, double *out, td_error *err) {
    *out = all->t[i].accuracy;
    if (all->accuracy->score == NULL) return TD_OK;
    td_design d = {0};
    td_accuracy_score score = {.valid = NAN};
    td_status s = find_network(all, all->t[i].net_hash, &d, err);
    if (s == TD_OK && d.net != NULL) s = all->accuracy->score(all->accuracy->self, &d, &score, err);
    if (s == TD_OK && d.net != NULL) *out = score.valid;
    td_design_free(&d);
    if (s != TD_E_INFEASIBLE) return s;
    *out = NAN;
    return TD_OK;
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

static void score_at(const td_trial_row *t, int n, int best, double quality, int64_t trained,
                     td_compare_score *out) {
    *out = (td_compare_score){.quality = quality, .best = best, .trials = n, .trained = trained};
    for (int m = 0; m < TD_NMETRIC; m++) out->metric[m] = best >= 0 ? t[best].metric[m] : NAN;
}

/* td_trials_best of each prefix, by the same order. */
static td_status walk(td_comparison *c, td_compare_run *run, const history *all, td_error *err) {
    const td_trial_row *t = all->t;
    int best = -1, b = 0, n = within_budget(c, t, all->n);
    int64_t trained = 0;
    double quality = -INFINITY;
    run->step = NULL;
    run->nstep = 0;
    td_compare_step *step = TD_NEW(all->arena, td_compare_step, n + 1);
    if (step == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < n; i++) {
        for (; b < c->nbudget && c->budget[b] == i; b++)
            score_at(t, i, best, quality, trained, &run->score[b]);
        trained += t[i].trained;
        if (td_trials_best(&t[i], 1) != 0) continue; /* it could not be built */
        if (best >= 0 && !td__trial_better(&t[i], &t[best])) continue;
        best = i;
        double now = NAN;
        td_status s = TD_OK;
        if (t[i].feasible)
            s = quality_of(all, i, &now, err);
        else if (!all->fixed_network || t[i].violation > 0)
            continue; /* it misses targets, or the search found a network that diverges */
        if (s != TD_OK) return s;
        if (now == quality) continue;
        quality = isfinite(now) ? now : NAN;
        if (isnan(quality)) continue;
        step[run->nstep++] = (td_compare_step){i + 1, trained, now};
    }
    for (; b < c->nbudget; b++) score_at(t, n, best, quality, trained, &run->score[b]);
    for (b = 0; b < c->nbudget; b++)
        if (!td_compare_tells(c, run->method, b)) score_at(t, 0, -1, NAN, 0, &run->score[b]);
    run->step = TD_NEW(c->arena, td_compare_step, run->nstep + 1);
    if (run->step == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    memcpy(run->step, step, sizeof *step * (size_t)run->nstep);
    return TD_OK;
}

static td_status load(const char *path, const td_scope *scope, history *all, td_error *err) {
    enum { MOST = sizeof scope->phase };
    td_store *store = NULL;
    td_trial_row *t[MOST] = {NULL};
    int n[MOST] = {0}, at = 0;
    td_status s = td_store_open(path, false, &store, err);
    for (int i = 0; s == TD_OK && i < scope->n; i++) {
        char study[TD_STUDY_NAME];
        td_scope_study(scope, i, study);
        s = td_store_trials(store, study, all->arena, &t[i], &n[i], err);
        all->n += n[i];
    }
    td_store_close(store);
    if (s != TD_OK) return s;
    all->t = TD_NEW(all->arena, td_trial_row, all->n + 1);
    if (all->t == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < scope->n; i++)
        for (int k = 0; k < n[i]; k++) all->t[at++] = t[i][k];
    return TD_OK;
}

td_status td__compare_score(td_comparison *c, td_compare_run *run, const td_recipe *r,
                            const td_accuracy *accuracy, td_error *err) {
    history all = {.r = r,
                   .accuracy = accuracy,
                   .fixed_network = td__scope_count(r, r->scope[0], 0).fixed_network,
                   .arena = td_arena_create()};
    const char *path =
        all.arena != NULL ? td_arena_printf(all.arena, "%s/study.db", run->out) : NULL;
    td_status s = path != NULL ? load(path, r->scope[0], &all, err)
                               : td_fail(err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK) s = walk(c, run, &all, err);
    td_arena_destroy(all.arena);
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

/* Nothing is known of it but how many runs there are. */
static void forget(const td_comparison *c, td_compare_stat *st) {
    const td_rank_sum none = {.u = NAN, .a12 = NAN, .p = NAN, .p_greater = NAN, .p_less = NAN};
    *st = (td_compare_stat){.n = c->nseed,
                            .quality = {.median = NAN, .low = NAN, .high = NAN, .coverage = NAN},
                            .q1 = NAN,
                            .q3 = NAN,
                            .trials = NAN,
                            .trained = NAN,
                            .against = none,
                            .p_holm = NAN};
}

static td_status one_method(const td_comparison *c, int method, int target, int budget, double *v,
                            double *trials, double *trained, td_compare_stat *st, td_error *err) {
    forget(c, st);
    if (!td_compare_tells(c, method, budget)) return TD_OK;
    qualities(c, method, target, budget, v);
    st->known = true;
    for (int k = 0; k < c->nseed; k++) {
        const td_compare_score *s =
            &c->run[(k * c->ntarget + target) * c->nmethod + method].score[budget];
        st->known = st->known && !isnan(v[k]);
        st->feasible += v[k] != -INFINITY; /* one that meets them may have no accuracy */
        trials[k] = (double)s->trials;
        trained[k] = (double)s->trained;
    }
    st->trials = td_quantile(trials, c->nseed, 0.5);
    st->trained = td_quantile(trained, c->nseed, 0.5);
    if (!st->known) return TD_OK;
    st->q1 = td_quantile(v, c->nseed, 0.25);
    st->q3 = td_quantile(v, c->nseed, 0.75);
    return td_median_interval(v, c->nseed, 0.95, &st->quality, err);
}

td_status td_compare_statistics(const td_comparison *c, int target, int budget,
                                td_compare_stat *stat, td_error *err) {
    size_t n = (size_t)c->nseed;
    double *v = malloc(4 * n * sizeof *v), *p = malloc((size_t)c->nmethod * sizeof *p);
    td_status s = v != NULL && p != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    for (int m = 0; s == TD_OK && m < c->nmethod; m++)
        s = one_method(c, m, target, budget, v, v + 2 * n, v + 3 * n, &stat[m], err);
    if (s == TD_OK) qualities(c, c->against, target, budget, v);
    for (int m = 0; s == TD_OK && m < c->nmethod; m++) {
        double *own = v + n;
        p[m] = NAN;
        if (m == c->against) stat[m].against = (td_rank_sum){0};
        if (m == c->against || !stat[m].known || !stat[c->against].known) continue;
        qualities(c, m, target, budget, own);
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
    *out = 0;
    for (int k = 0; k < c->nseed; k++) *out += isnan(v[k]) ? NAN : 0; /* not known: none */
    if (!isnan(*out)) *out = td_quantile(v, c->nseed, 0.5);
    free(v);
    return isfinite(*out) ? 1 : 0;
}

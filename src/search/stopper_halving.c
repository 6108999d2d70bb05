/* Successive halving as it goes: asha and hyperband. Rungs are steps min * eta^k below max. Who
 * comes to one goes on if it is in the first 1/eta of those that were there before, and itself. */
#include <stdlib.h>

#include "stoppers.h"

enum { MOST_RUNGS = 40, MOST_DEAL = 1000000 };

typedef struct {
    int64_t rung[MOST_RUNGS], eta;
    int n_rung;
    /* Hyperband: brackets are counted by their rungs, the last so many. The bracket of trial n is
     * that of n % n_deal. n_deal 0: there is one bracket, with all rungs. */
    int n_deal, *deal;
} state;

static void destroy(void *self) {
    state *s = self;
    if (s != NULL) free(s->deal);
    free(s);
}

static td_status read(state *s, int64_t steps, bool needs_max, const td_params *params,
                      td_error *err) {
    static const char *const keys[] = {"min", "max", "eta", NULL};
    const int64_t none = INT32_MAX;
    int64_t min = 1, max = steps > 0 ? steps : none;
    s->eta = 3;
    td_status st = params != NULL ? td_node_only(params, keys, err) : TD_OK;
    if (st == TD_OK) st = td_node_opt_int(params, "eta", 2, 1000, &s->eta, err);
    if (st == TD_OK && steps == 1) st = td__stopper_fail_short(params, err);
    if (st == TD_OK) st = td_node_opt_int(params, "max", 2, max, &max, err);
    if (st == TD_OK && needs_max && max == none)
        st = td_node_fail(params, err,
                          "expected max: how many steps an evaluation has is not known");
    if (st == TD_OK) st = td_node_opt_int(params, "min", 1, max - 1, &min, err);
    for (int64_t at = min; st == TD_OK && at < max && s->n_rung < MOST_RUNGS; at *= s->eta)
        s->rung[s->n_rung++] = at;
    return st;
}

static td_status create(void **out, int64_t steps, const td_params *params, td_error *err) {
    state *s = calloc(1, sizeof *s);
    *out = NULL;
    td_status st =
        s != NULL ? read(s, steps, false, params, err) : td_fail(err, TD_E_MEMORY, "out of memory");
    if (st == TD_OK)
        *out = s;
    else
        destroy(s);
    return st;
}

/* Hyperband, algorithm 1, line 3: of S brackets, that with s rungs (s = S - 1 .. 0) has
 * ceil(S / (s + 1) * eta^s) configurations. They are dealt evenly: each trial to the bracket that
 * is furthest behind its share. */
static td_status deal_out(state *s, const td_params *params, td_error *err) {
    const int brackets = s->n_rung + 1;
    double share[MOST_RUNGS + 1], all = 0;
    int given[MOST_RUNGS + 1] = {0};
    for (int b = 0; b < brackets; b++) {
        share[b] = ceil((double)brackets / (b + 1) * pow((double)s->eta, b) - 1e-9);
        all += share[b];
    }
    if (all > MOST_DEAL)
        return td_node_fail(params, err, "too many brackets: expected a larger min or eta");
    s->n_deal = (int)all;
    s->deal = malloc(sizeof *s->deal * (size_t)s->n_deal);
    if (s->deal == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < s->n_deal; i++) {
        int most = 0;
        double behind = -INFINITY;
        for (int b = brackets - 1; b >= 0; b--) { /* of equals the one that stops most */
            double now = share[b] * (i + 1) / all - given[b];
            if (given[b] < share[b] && now > behind + 1e-12) {
                most = b;
                behind = now;
            }
        }
        s->deal[i] = most;
        given[most]++;
    }
    return TD_OK;
}

static td_status create_brackets(void **out, int64_t steps, const td_params *params,
                                 td_error *err) {
    state *s = calloc(1, sizeof *s);
    *out = NULL;
    td_status st =
        s != NULL ? read(s, steps, true, params, err) : td_fail(err, TD_E_MEMORY, "out of memory");
    if (st == TD_OK) st = deal_out(s, params, err);
    if (st == TD_OK)
        *out = s;
    else
        destroy(s);
    return st;
}

static int rung_at(const state *s, int64_t step) {
    for (int i = 0; i < s->n_rung; i++)
        if (s->rung[i] == step) return i;
    return -1;
}

static int bracket_of(const state *s, int64_t number) {
    return s->n_deal > 0 ? s->deal[number % s->n_deal] : s->n_rung;
}

static bool looks(const void *self, int64_t step) {
    return rung_at(self, step) >= 0;
}

static const char *ordinal(int n) {
    if (n % 100 / 10 == 1) return "th";
    return n % 10 == 1 ? "st" : n % 10 == 2 ? "nd" : n % 10 == 3 ? "rd" : "th";
}

static td_status judge(const void *self, const td_curve *own, const td_curve *earlier, int n,
                       td_verdict *verdict, td_text *why) {
    const state *s = self;
    const int64_t step = own->n > 0 ? own->at[own->n - 1].step : 0;
    const int rung = rung_at(s, step), bracket = bracket_of(s, own->number);
    int there = 0, ahead;
    *verdict = TD_GO_ON;
    if (rung < s->n_rung - bracket) return TD_OK; /* none, or not one of this bracket */
    const td_outcome **other = malloc(sizeof *other * (size_t)(n > 0 ? n : 1));
    if (other == NULL) return TD_E_MEMORY;
    for (int i = 0; i < n; i++) {
        if (bracket_of(s, earlier[i].number) != bracket) continue;
        other[there] = td_curve_at(&earlier[i], step);
        there += other[there] != NULL;
    }
    td_status st = td__outcomes_ahead(&own->at[own->n - 1].value, other, there, &ahead);
    free(other);
    const int64_t all = there + 1, keep = all / s->eta;
    if (st != TD_OK || all < s->eta || ahead < keep) return st;
    *verdict = TD_PRUNE;
    if (why != NULL)
        td_text_addf(why, "%d%s of %lld, of which %lld %s on", ahead + 1, ordinal(ahead + 1),
                     (long long)all, (long long)keep, keep == 1 ? "goes" : "go");
    return TD_OK;
}

const td_stopper td__stopper_asha = {
    .name = "asha",
    .about = "asynchronous successive halving: the best 1/eta at each rung go on",
    .create = create,
    .looks = looks,
    .judge = judge,
    .destroy = destroy};

const td_stopper td__stopper_hyperband = {
    .name = "hyperband",
    .about = "successive halving in brackets, which begin to stop earlier or later",
    .create = create_brackets,
    .looks = looks,
    .judge = judge,
    .destroy = destroy};

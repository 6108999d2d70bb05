/* scope.c - what the rows of a recipe search: scopes, their phases, and the best designs of each.
 *
 * A scope is one or more phases; a phase is a study of its own in the store. A phase searches
 * networks, accelerators or both; the side that it does not search is that of the best pair so far,
 * at first the fixed one of the recipe. The budgets are the same for each scope: its phases share
 * them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "front.h"
#include "row.h"
#include "run.h"
#include "solve.h"

enum { NOTHING = 0, NETWORKS = 1, ACCELERATORS = 2, BOTH = 3, SOLVE = 4, MAX_PHASES = 4 };

static const td_scope scopes[] = {
    {"joint", "networks and accelerators together", 1, {BOTH}},
    {"network", "networks for the fixed accelerator", 1, {NETWORKS}},
    {"accelerator", "accelerators for the fixed network", 1, {ACCELERATORS}},
    {"phase-accelerator",
     "first accelerators for the fixed network, then networks for the best one",
     2,
     {ACCELERATORS, NETWORKS}},
    {"phase-network",
     "first networks for the fixed accelerator, then accelerators for the best one",
     2,
     {NETWORKS, ACCELERATORS}},
    {"alternate",
     "accelerators, networks, accelerators, networks, each for the best so far",
     4,
     {ACCELERATORS, NETWORKS, ACCELERATORS, NETWORKS}},
    {"solve", "networks, each with the accelerator that is best for it", 1, {SOLVE}},
    {"hand-made", "nothing: the fixed network on the fixed accelerator", 1, {NOTHING}},
    {"workload", "accelerators for given networks, without accuracies", 1, {BOTH}},
};
enum { N_SCOPES = sizeof scopes / sizeof scopes[0] };

const td_scope *td_scope_list(int *n) {
    *n = N_SCOPES;
    return scopes;
}

const td_scope *td_scope_find(const char *name) {
    for (int i = 0; i < N_SCOPES; i++)
        if (strcmp(scopes[i].name, name) == 0) return &scopes[i];
    return NULL;
}

bool td_scope_needs_fixed(const td_scope *s) {
    return s->phase[0] != BOTH && s->phase[0] != SOLVE;
}

/* ---- one phase ------------------------------------------------------------------------------- */

/* A phase that was searched: the spaces of its sides (of no decisions where it was fixed). */
typedef struct {
    char study[64];
    const td_space *net, *hw;
    td_space *both;
} part;

bool td__scope_has_networks(const td_scope *s) {
    for (int i = 0; i < s->n; i++)
        if (s->phase[i] & (NETWORKS | SOLVE)) return true;
    return false;
}

/* The share of a phase in a scope's budget; what cannot be divided goes to the last one. A phase
 * over accelerators needs the accuracy of one network, whatever it tries: that does not end it. */
static void share(const td_scope *s, int phase, int64_t *trials, int64_t *trained) {
    int networks = 0, last = 0;
    for (int i = 0; i < s->n; i++)
        if (s->phase[i] & (NETWORKS | SOLVE)) {
            networks++;
            last = i;
        }
    int64_t t = *trials / s->n, all = *trained;
    *trials = phase == s->n - 1 ? *trials - t * (s->n - 1) : t;
    if (t < 1) *trials = 1;
    if (all == INT64_MAX || networks == 0) return;
    if (!(s->phase[phase] & (NETWORKS | SOLVE))) {
        *trained = INT64_MAX;
        return;
    }
    all -= s->n - networks;
    int64_t each = all / networks;
    *trained = phase == last ? all - each * (networks - 1) : each;
    if (*trained < 1) *trained = 1;
}

static td_status search_phase(td__run *u, const td_scope *scope, int phase, part *p,
                              td_error *err) {
    const int what = scope->phase[phase];
    const bool solve = what == SOLVE;
    /* Where no network is searched its accuracy is that of the final training, if there is one. */
    const bool trains =
        !u->r->is_workload && (td__scope_has_networks(scope) || u->r->final == NULL);
    bool area_is_hard =
        p->net->n == 0 && p->hw->n > 0 && td_objective_has_target(&u->r->objective, TD_METRIC_AREA);
    td__row row = {.name = p->study,
                   .spec = u->r->text,
                   .seed = u->r->seed,
                   .objective = &u->r->objective,
                   .area_is_hard = area_is_hard,
                   .schedule = &u->schedule,
                   .accuracy = trains ? &u->accuracy : NULL,
                   .strategy = u->r->strategy,
                   .params = u->r->params,
                   .lag = u->r->lag,
                   .trials = u->o->max_trials > 0 ? u->o->max_trials : u->r->trials,
                   .trained = u->r->trained,
                   .store = u->store,
                   .run = u->o};
    td_status s = td_space_product(p->net, p->hw, u->sum->arena, &p->both, err);
    if (s == TD_OK) s = td__spec_hash(u, p->both, trains, area_is_hard, solve, &row.spec_hash, err);
    if (s == TD_OK && solve)
        s = td__solver_create(p->hw, &u->r->objective, &u->schedule, &row.solver, err);
    if (s != TD_OK) return s;
    row.joint = p->both;
    row.space = solve ? p->net : p->both;
    share(scope, phase, &row.trials, &row.trained);
    if (row.space->n == 0) row.trials = 1;
    s = td__row_search(&row, err);
    td__solver_destroy(row.solver);
    return s;
}

/* ---- the trials of all phases ---------------------------------------------------------------- */

static td_status choices_of(const td_space *space, const char *params, td_arena *a, td_choices *c,
                            td_error *err) {
    const td_node *doc;
    *c = (td_choices){.n = space->n, .v = TD_NEW(a, double, space->n + 1)};
    if (c->v == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = td_json_parse(a, params, strlen(params), "study.db", 1, &doc, err);
    return s == TD_OK ? td_choices_from_node(space, doc, c, err) : s;
}

/* In the order of phases; *owner: the phase of each. Memory from the arena. */
static td_status load(const td__run *u, const part *p, int n_part, td_trial_row **out, int **owner,
                      int *n, td_error *err) {
    td_arena *a = u->sum->arena;
    td_trial_row *t[MAX_PHASES];
    int count[MAX_PHASES], all = 0;
    td_status s = TD_OK;
    for (int i = 0; i < n_part && s == TD_OK; i++) {
        s = td_store_trials(u->store, p[i].study, a, &t[i], &count[i], err);
        if (s == TD_OK) all += count[i];
    }
    if (s != TD_OK) return s;
    *out = TD_NEW(a, td_trial_row, all + 1);
    *owner = TD_NEW(a, int, all + 1);
    if (*out == NULL || *owner == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    *n = 0;
    for (int i = 0; i < n_part; i++)
        for (int k = 0; k < count[i]; k++) {
            (*owner)[*n] = i;
            (*out)[(*n)++] = t[i][k];
        }
    return TD_OK;
}

/* The sides of the best pair so far. Unchanged where nothing could be built. */
static td_status carry_on(const td__run *u, const part *p, int n_part, const td_space **net,
                          const td_space **hw, td_error *err) {
    td_trial_row *t;
    int *owner, n;
    td_status s = load(u, p, n_part, &t, &owner, &n, err);
    int best = s == TD_OK ? td_trials_best(t, n) : -1;
    if (best < 0) return s;
    const part *from = &p[owner[best]];
    td_choices c;
    td_space *pinned;
    s = choices_of(from->both, t[best].params, u->sum->arena, &c, err);
    if (s != TD_OK) return s;
    td_choices first = {from->net->n, c.v}, second = {from->hw->n, c.v + from->net->n};
    s = td_space_pin(from->net, &first, u->sum->arena, &pinned, err);
    *net = pinned;
    if (s == TD_OK) s = td_space_pin(from->hw, &second, u->sum->arena, &pinned, err);
    *hw = pinned;
    return s;
}

/* Pareto mode: size and hypervolume of the front. The reference of a study that was finished before
 * stays, but for what the recipe gives. */
static td_status measure_front(td__run *u, td_result_row *row, const td_trial_row *t, int n,
                               td_error *err) {
    const td_objective *o = &u->r->objective;
    td_front *f = &row->goal;
    int *front = malloc(((size_t)n + 1) * sizeof *front);
    td_status s = front != NULL ? td_store_front(u->store, row->name, f, err)
                                : td_fail(err, TD_E_MEMORY, "out of memory");
    f->objectives = o->front.objectives;
    for (int m = 0; m < TD_NMETRIC; m++)
        if (o->front.reference[m] > 0) f->reference[m] = o->front.reference[m];
    f->reference[TD_OBJECTIVE_ACCURACY] = o->front.reference[TD_OBJECTIVE_ACCURACY];
    td__front_complete(f, o, t, n);
    if (s == TD_OK) s = td__store_front_put(u->store, row->name, f, err);
    if (s == TD_OK) s = td_trials_front(t, n, f->objectives, front, &row->front_size, err);
    row->hypervolume = NAN; /* of no designs at all, whose worst is no reference */
    if (s == TD_OK && row->front_size > 0)
        s = td_trials_hypervolume(t, n, f, &row->hypervolume, err);
    free(front);
    return s;
}

/* The designs of a row in the order in which they are worth a full training. */
typedef struct {
    td_trial_row *t;
    int n;
    int *order, count, at; /* Pareto mode; else NULL: as td_trials_best has it */
} queue;

static int next_design(queue *q) {
    if (q->order != NULL) return q->at < q->count ? q->order[q->at++] : -1;
    return td_trials_best(q->t, q->n);
}

static td_status make_queue(td__run *u, td_result_row *row, td_arena *a, queue *q, td_error *err) {
    if (u->r->objective.kind != TD_REWARD_NONE) return TD_OK;
    q->order = TD_NEW(a, int, q->n + 1);
    if (q->order == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = measure_front(u, row, q->t, q->n, err);
    return s == TD_OK ? td__front_order(q->t, q->n, row->goal.objectives, q->order, &q->count, err)
                      : s;
}

/* The best `candidates` designs of a row with distinct networks; those that miss targets only if
 * none meets them. In Pareto mode the best one, and others that are spread along the front. */
static td_status choose(td__run *u, int row, const part *p, int n_part, td_error *err) {
    td_arena *a = u->sum->arena;
    td_result_row *out = &u->sum->row[row];
    td_trial_row *t;
    int *owner, n;
    td_status s = load(u, p, n_part, &t, &owner, &n, err);
    if (s != TD_OK) return s;
    for (int i = 0; i < n; i++) {
        out->trials++;
        out->trained += t[i].trained;
        out->count[td_trial_result(&t[i])]++;
    }
    int first = u->n;
    bool first_feasible = false;
    queue q = {.t = t, .n = n};
    s = make_queue(u, out, a, &q, err);
    for (int64_t k = 0; s == TD_OK && k < u->r->candidates; k++) {
        int best = next_design(&q);
        if (best < 0 || (u->n > first && first_feasible && !t[best].feasible)) break;
        if (u->n == first) first_feasible = t[best].feasible;
        td__candidate *c = &u->candidate[u->n];
        const td_space *space = p[owner[best]].both;
        td_choices at;
        /* The proxy's accuracy, until a final training has a better one. */
        *c =
            (td__candidate){.row = row,
                            .trial = t[best].number,
                            .valid_accuracy = t[best].accuracy,
                            .score = {.valid = NAN, .valid_std = NAN, .test = NAN, .test_std = NAN},
                            .violation = t[best].violation};
        memcpy(c->metric, t[best].metric, sizeof c->metric);
        s = choices_of(space, t[best].params, a, &at, err);
        if (s == TD_OK) s = space->build(space->self, &at, a, &c->design, err);
        t[best].violation = NAN; /* taken */
        if (s != TD_OK) {
            td_design_free(&c->design);
            break;
        }
        bool again = false;
        for (int i = first; i < u->n; i++)
            again = again || u->candidate[i].design.net_hash == c->design.net_hash;
        if (again) {
            td_design_free(&c->design);
            k--;
        } else {
            u->n++;
        }
    }
    return s;
}

/* Before hours of final training: a row whose designs all miss the targets may not be worth them.
 */
static void warn_of_misses(const td__run *u, int first, const char *row) {
    if (u->r->final == NULL) return;
    int64_t costs_only = u->sum->row[u->sum->n - 1].count[TD_RESULT_PRUNED];
    if (u->n == first && costs_only > 0) {
        td_log_write(u->o->log, 1, "row %s: the trials ended before the first was asked in full",
                     row);
        return;
    }
    if (u->n == first) {
        td_log_write(u->o->log, 1, "row %s: no design can be built, there is nothing to train",
                     row);
        return;
    }
    const td__candidate *c = &u->candidate[first];
    if (c->violation == 0) return;
    td_text t = {0};
    td__objective_misses(&u->r->objective, c->metric, &t);
    td_log_write(u->o->log, 1,
                 "row %s: no design meets the targets; the nearest is trained all the same (%s)",
                 row, t.data != NULL ? t.data : "");
    td_text_free(&t);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static td_status search_row(td__run *u, const td_scope *scope, td_error *err) {
    const int index = u->sum->n++, first = u->n;
    td_result_row *out = &u->sum->row[index];
    part p[MAX_PHASES];
    const td_space *net = u->r->fixed_net, *hw = u->r->fixed_hw;
    td_status s = TD_OK;
    snprintf(out->name, sizeof out->name, "%s", scope->name);
    for (int i = 0; i < scope->n && s == TD_OK; i++) {
        const int what = scope->phase[i];
        p[i] = (part){.net = what & (NETWORKS | SOLVE) ? u->r->net : net,
                      .hw = what & (ACCELERATORS | SOLVE) ? u->r->hw : hw};
        if (scope->n == 1)
            snprintf(p[i].study, sizeof p[i].study, "%s", scope->name);
        else
            snprintf(p[i].study, sizeof p[i].study, "%s-%d", scope->name, i + 1);
        s = search_phase(u, scope, i, &p[i], err);
        if (s == TD_OK && i + 1 < scope->n) s = carry_on(u, p, i + 1, &net, &hw, err);
    }
    if (s == TD_OK) s = choose(u, index, p, scope->n, err);
    if (s == TD_OK) warn_of_misses(u, first, scope->name);
    return s;
}

td_status td__rows_search(td__run *u, td_error *err) {
    td_status s = TD_OK;
    for (int i = 0; i < u->r->n_scope && s == TD_OK; i++) s = search_row(u, u->r->scope[i], err);
    return s;
}

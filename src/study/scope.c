/* scope.c - what the rows of a recipe search: scopes, their phases, and the best designs of each.
 *
 * A scope is one or more phases; a phase is a study of its own in the store. A phase searches
 * networks, accelerators or both; the side that it does not search is that of the best pair so far,
 * at first the fixed one of the recipe. The budgets are the same for each scope: its phases share
 * them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "front.h"
#include "lock.h"
#include "row.h"
#include "run.h"
#include "scope.h"
#include "solve.h"

enum { NOTHING = 0, NETWORKS = 1, ACCELERATORS = 2, BOTH = 3, SOLVE = 4, MAX_PHASES = 4 };
enum { DONE = 2 }; /* state of a study in the store */

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

void td_scope_study(const td_scope *s, int phase, char out[TD_STUDY_NAME]) {
    if (s->n == 1)
        snprintf(out, TD_STUDY_NAME, "%s", s->name);
    else
        snprintf(out, TD_STUDY_NAME, "%s-%d", s->name, phase + 1);
}

bool td_scope_needs_fixed(const td_scope *s) {
    return s->phase[0] != BOTH && s->phase[0] != SOLVE;
}

/* ---- one phase ------------------------------------------------------------------------------- */

/* A phase that was searched: the spaces of its sides (of no decisions where it was fixed). */
typedef struct {
    char study[TD_STUDY_NAME];
    const td_space *net, *hw;
    td_space *both;
    td__row row;
    int64_t id; /* of the study */
} part;

static bool searches_networks(const td_scope *s) {
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

/* A given network that the source of accuracies does not know (it is not in the table): what it
 * costs can be searched all the same. */
static bool is_unknown(const td__run *u, const td_space *net, td_error *err) {
    const td_accuracy *source = &u->accuracy;
    if (net->n > 0 || source->score == NULL) return false;
    double none;
    td_accuracy_score score;
    td_design d = {0};
    td_status s = net->build(net->self, &(td_choices){0, &none}, u->sum->arena, &d, err);
    if (s == TD_OK) s = source->score(source->self, &d, &score, err);
    td_design_free(&d);
    return s == TD_E_INFEASIBLE;
}

double td__space_points(const td_space *s) {
    td_text size = {0};
    double points = td_space_size(s, &size, NULL) == TD_OK ? strtod(size.data, NULL) : NAN;
    td_text_free(&size);
    return points > 0 ? points : INFINITY;
}

td__scope_work td__scope_count(const td_recipe *r, const td_scope *scope, int64_t max_trials) {
    td__scope_work w = {.fixed_network = !searches_networks(scope)};
    for (int i = 0; i < scope->n; i++) {
        int64_t trials = max_trials > 0 ? max_trials : r->trials, trained = r->trained;
        const int what = scope->phase[i];
        share(scope, i, &trials, &trained);
        if (what == NOTHING) trials = 1;
        int64_t networks = trained < trials ? trained : trials;
        if (what == SOLVE)
            w.solves += (int64_t)fmin((double)networks, td__space_points(r->net));
        else
            w.costs += trials;
        if (what & (NETWORKS | SOLVE) && !r->is_workload) w.trainings += networks;
    }
    return w;
}

/* Phases that search the same space do not begin with the same designs. */
static uint64_t seed_of(const td_recipe *r, int phase) {
    const int64_t number = phase;
    return phase == 0 ? r->seed : td_hash(&number, sizeof number, r->seed) >> 1;
}

/* What the store and the loop need of a phase. Memory from the arena. */
static td_status plan_phase(td__run *u, const td_scope *scope, int phase, part *p, td_error *err) {
    const td_recipe *r = u->r;
    const bool solve = scope->phase[phase] == SOLVE;
    /* Where no network is searched its accuracy is that of the final training, if there is one. */
    bool trains = !r->is_workload && (searches_networks(scope) || r->final == NULL);
    td_error why = {0};
    if (trains && is_unknown(u, p->net, &why)) {
        td_log_write(u->o->log, 1, "row %s has no accuracies: %s", scope->name, why.message);
        trains = false;
    }
    const double hours = u->o->max_hours > 0 ? u->o->max_hours : r->hours;
    td__row *row = &p->row;
    td_scope_study(scope, phase, p->study);
    *row = (td__row){.name = p->study,
                     .spec = r->text,
                     .path = r->path,
                     .seed = seed_of(r, phase),
                     .objective = &r->objective,
                     .area_is_hard = p->net->n == 0 && p->hw->n > 0 &&
                                     td_objective_has_target(&r->objective, TD_METRIC_AREA),
                     .schedule = &u->schedule,
                     .accuracy = trains ? &u->accuracy : NULL,
                     .stopping = trains && u->stopping.rule != NULL ? &u->stopping : NULL,
                     .strategy = r->strategy,
                     .params = r->params,
                     .lag = r->lag,
                     .trials = u->o->max_trials > 0 ? u->o->max_trials : r->trials,
                     .trained = r->trained,
                     .active_s = 3600 * hours / scope->n,
                     .store = u->store,
                     .stop_file = u->stop_file,
                     .run = u->o};
    td_status s = td_space_product(p->net, p->hw, u->sum->arena, &p->both, err);
    if (s == TD_OK)
        s = td__spec_hash(u, p->both, trains, row->area_is_hard, solve, scope->n, &row->spec_hash,
                          err);
    row->joint = p->both;
    row->space = solve ? p->net : p->both;
    share(scope, phase, &row->trials, &row->trained);
    if (s == TD_OK && row->space->n == 0) row->trials = 1;
    return s;
}

/* The first phase, before any trial. */
static td_status plan_first(td__run *u, const td_scope *scope, part *p, td_error *err) {
    const int what = scope->phase[0];
    *p = (part){.net = what & (NETWORKS | SOLVE) ? u->r->net : u->r->fixed_net,
                .hw = what & (ACCELERATORS | SOLVE) ? u->r->hw : u->r->fixed_hw};
    return plan_phase(u, scope, 0, p, err);
}

static td_status search_phase(td__run *u, const td_scope *scope, int phase, part *p,
                              td_error *err) {
    td_status s = TD_OK;
    if (scope->phase[phase] == SOLVE)
        s = td__solver_create(p->hw, &u->r->objective, &u->schedule, u->o->costs, &p->row.solver,
                              err);
    if (s == TD_OK) s = td__row_search(&p->row, p->id, err);
    td__solver_destroy(p->row.solver);
    p->row.solver = NULL;
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

/* Pareto mode: size and hypervolume of the row's front. The reference of a search that was finished
 * before stays, but for what the recipe gives; it stands beside each study of the row. */
static td_status measure_front(const td__run *u, td_result_row *row, const part *p, int n_part,
                               const td_trial_row *t, int n, td_error *err) {
    const td_objective *o = &u->r->objective;
    td_front *f = &row->goal;
    int *front = TD_NEW(u->sum->arena, int, n + 1);
    td_status s = front != NULL ? td_store_front(u->store, p[0].study, f, err)
                                : td_fail(err, TD_E_MEMORY, "out of memory");
    f->objectives = o->front.objectives;
    for (int m = 0; m < TD_NMETRIC; m++)
        if (o->front.reference[m] > 0) f->reference[m] = o->front.reference[m];
    f->reference[TD_OBJECTIVE_ACCURACY] = o->front.reference[TD_OBJECTIVE_ACCURACY];
    td__front_complete(f, o, t, n);
    for (int i = 0; s == TD_OK && i < n_part; i++)
        s = td__store_front_put(u->store, p[i].study, f, err);
    if (s == TD_OK) s = td_trials_front(t, n, f->objectives, front, &row->front_size, err);
    row->hypervolume = NAN; /* of no designs at all, whose worst is no reference */
    if (s == TD_OK && row->front_size > 0)
        s = td_trials_hypervolume(t, n, f, &row->hypervolume, err);
    return s;
}

/* The designs of a row in the order in which they are worth a full training: as td_trials_best has
 * it, in Pareto mode the best one and then along the front. A design that was taken has no
 * violation any more. */
typedef struct {
    td_trial_row *t;
    int n, *order, count, at; /* order: Pareto mode; else NULL */
} queue;

static int next_design(queue *q) {
    if (q->order != NULL) return q->at < q->count ? q->order[q->at++] : -1;
    return td_trials_best(q->t, q->n);
}

static td_status make_queue(const td__run *u, td_result_row *row, const part *p, int n_part,
                            queue *q, td_error *err) {
    if (u->r->objective.kind != TD_REWARD_NONE) return TD_OK;
    q->order = TD_NEW(u->sum->arena, int, q->n + 1);
    if (q->order == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = measure_front(u, row, p, n_part, q->t, q->n, err);
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
        if (t[i].state <= TD_TRIAL_RUNNING) continue; /* enqueued, and its turn never came */
        out->trials++;
        out->trained += t[i].trained;
        out->count[td_trial_result(&t[i])]++;
    }
    int first = u->n;
    bool first_feasible = false;
    queue q = {.t = t, .n = n};
    s = make_queue(u, out, p, n_part, &q, err);
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
                            .violation = t[best].violation,
                            .feasible = t[best].feasible};
        memcpy(c->metric, t[best].metric, sizeof c->metric);
        memcpy(c->study, p[owner[best]].study, sizeof c->study);
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

/* The phase after the first `phase` ones, planned beside the best pair of these. */
static td_status plan_next(td__run *u, const td_scope *scope, int phase, part *p, td_error *err) {
    const int what = scope->phase[phase];
    const td_space *net = u->r->fixed_net, *hw = u->r->fixed_hw;
    td_status s = carry_on(u, p, phase, &net, &hw, err);
    if (s != TD_OK) return s;
    p[phase] = (part){.net = what & (NETWORKS | SOLVE) ? u->r->net : net,
                      .hw = what & (ACCELERATORS | SOLVE) ? u->r->hw : hw};
    return plan_phase(u, scope, phase, &p[phase], err);
}

static td_status search_row(td__run *u, int index, part *p, td_error *err) {
    const td_scope *scope = u->r->scope[index];
    const int first = u->n;
    td_result_row *out = &u->sum->row[index];
    u->sum->n = index + 1;
    snprintf(out->name, sizeof out->name, "%s", scope->name);
    td_status s = search_phase(u, scope, 0, &p[0], err);
    for (int i = 1; i < scope->n && s == TD_OK; i++) {
        s = plan_next(u, scope, i, p, err);
        if (s == TD_OK) s = td__row_enter(&p[i].row, &p[i].id, err);
        if (s == TD_OK) s = search_phase(u, scope, i, &p[i], err);
    }
    if (s == TD_OK) s = choose(u, index, p, scope->n, err);
    if (s == TD_OK) warn_of_misses(u, first, scope->name);
    return s;
}

const td_scope *td__default_row(const td_recipe *r) {
    for (int i = 0; i < r->n_scope; i++)
        if (strcmp(r->scope[i]->name, "joint") == 0) return r->scope[i];
    return r->scope[r->n_scope - 1];
}

/* Designs that a new search begins with. */
static td_status read_first(td__run *u, part *p, td_error *err) {
    td__designs d = {0};
    const td_space *space = p->row.space;
    td_status s = td__designs_read(space, p->study, u->r->enqueue, u->sum->arena, &d, err);
    p->row.first = d.params;
    p->row.first_hash = d.hash;
    p->row.n_first = d.n;
    return s;
}

/* The first study of every row stands in the store before the first trial: others that join find
 * what is to be done. */
td_status td__rows_search(td__run *u, td_error *err) {
    const td_recipe *r = u->r;
    part(*p)[MAX_PHASES] = calloc((size_t)r->n_scope, sizeof *p);
    td_status s = p != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < r->n_scope && s == TD_OK; i++) {
        s = plan_first(u, r->scope[i], &p[i][0], err);
        if (s == TD_OK && r->scope[i] == td__default_row(r)) s = read_first(u, &p[i][0], err);
        if (s == TD_OK) s = td__row_enter(&p[i][0].row, &p[i][0].id, err);
    }
    if (s == TD_OK && u->o->joinable != NULL) u->o->joinable(u->o->self);
    for (int i = 0; i < r->n_scope && s == TD_OK; i++) s = search_row(u, i, p[i], err);
    free(p);
    return s;
}

/* A later phase is entered by who leads, with its budgets: waits for it, unless nobody leads. */
static td_status await_phase(const td__run *u, part *p, int *state, td_error *err) {
    static const struct timespec pause = {.tv_nsec = 20000000};
    const char *path = td_arena_printf(u->sum->arena, "%s/study.lock", u->o->out);
    td__lock lock = {.fd = -1};
    td_status s =
        path != NULL ? td__lock_open(path, &lock, err) : td_fail(err, TD_E_MEMORY, "out of memory");
    *state = -1;
    while (s == TD_OK && *state < 0) {
        bool leads = td__lock_held(&lock, TD__LEADER_BYTE);
        s = td__row_find(&p->row, &p->id, state, err); /* after that look: it may just have ended */
        if (s != TD_OK || *state >= 0 || !leads) break;
        if (u->o->cancelled != NULL && u->o->cancelled(u->o->self))
            s = td_fail(err, TD_E_INTERRUPTED, "interrupted");
        else
            nanosleep(&pause, NULL);
    }
    td__lock_close(&lock);
    return s;
}

td_status td__rows_help(td__run *u, td_error *err) {
    const td_recipe *r = u->r;
    const char *absent = NULL; /* a phase that nobody has begun */
    part *p = calloc(MAX_PHASES, sizeof *p);
    td_status s = p != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < r->n_scope && s == TD_OK; i++) {
        int state = -1;
        s = plan_first(u, r->scope[i], &p[0], err);
        if (s == TD_OK) s = td__row_find(&p[0].row, &p[0].id, &state, err);
        for (int k = 0; k < r->scope[i]->n && s == TD_OK && state >= 0; k++) {
            if (k > 0) s = plan_next(u, r->scope[i], k, p, err);
            if (s == TD_OK && k > 0) s = await_phase(u, &p[k], &state, err);
            if (s == TD_OK && state >= 0 && state < DONE)
                s = search_phase(u, r->scope[i], k, &p[k], err);
            if (s == TD_OK && state < 0 && absent == NULL)
                absent = td_arena_strdup(u->sum->arena, p[k].study);
        }
    }
    free(p);
    if (s == TD_OK && absent != NULL)
        s = td_fail(err, TD_E_NOT_FOUND,
                    "row %s was not begun, and nobody leads a search there: `tandem study resume "
                    "%s` goes on",
                    absent, u->o->out);
    return s;
}

/* A row that is over by another budget than that of trials looks at nothing more. */
static td_status refuse_late(const td__run *u, const part *p, int64_t study, td_error *err) {
    td__study_row there;
    td_status s = td__store_study_row(u->store, study, u->sum->arena, &there, err);
    if (s != TD_OK || there.next_number >= there.max_trials) return s;
    td_fail(err, TD_E_USAGE,
            "row \"%s\" is over: its budget of trainings or hours is used up, or its space; with "
            "a larger budget it takes designs again",
            p->study);
    return TD_E_USAGE;
}

/* Which phase a row's name means: that of the scope its first one; -1: none of this scope. */
static int phase_named(const td_scope *scope, const char *row) {
    char study[TD_STUDY_NAME];
    if (strcmp(row, scope->name) == 0) return 0;
    for (int i = 0; i < scope->n; i++) {
        td_scope_study(scope, i, study);
        if (strcmp(row, study) == 0) return i;
    }
    return -1;
}

td_status td__rows_enqueue(td__run *u, const char *row, const td_node *designs, td__designs *out,
                           int64_t *study, const char **name, td_error *err) {
    const td_recipe *r = u->r;
    const td_scope *scope = row == NULL ? td__default_row(r) : NULL;
    const char *known[TD_MAX_ROWS];
    for (int i = 0; i < r->n_scope; i++) {
        known[i] = r->scope[i]->name;
        int phase = row != NULL ? phase_named(r->scope[i], row) : -1;
        if (phase > 0)
            return td_fail(err, TD_E_USAGE,
                           "row \"%s\": designs are given to the first phase only, which is "
                           "\"%s-1\"; what a later one searches is not known before",
                           row, known[i]);
        if (phase == 0) scope = r->scope[i];
    }
    if (scope == NULL) {
        td_text t = {0};
        td_text_addf(&t, "no row \"%.60s\"", row);
        td_text_add_known(&t, row, known, r->n_scope);
        td_fail(err, TD_E_NOT_FOUND, "%s", t.data != NULL ? t.data : "no such row");
        td_text_free(&t);
        return TD_E_NOT_FOUND;
    }
    int state = -1;
    part *p = TD_NEW(u->sum->arena, part, 1);
    if (p == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = plan_first(u, scope, p, err);
    *name = p->study;
    if (scope->phase[0] == SOLVE) out->joint = p->row.joint;
    if (s == TD_OK) s = td__designs_read(p->row.space, p->study, designs, u->sum->arena, out, err);
    if (s == TD_OK) s = td__row_find(&p->row, study, &state, err);
    if (s == TD_OK && state >= DONE) s = refuse_late(u, p, *study, err);
    if (s != TD_OK || state >= 0) return s;
    if (scope == td__default_row(r)) s = read_first(u, p, err);
    return s == TD_OK ? td__row_enter(&p->row, study, err) : s;
}

/* nested_eval.c - one trial of a nested problem: an accelerator, and for each layer the best
 * mapping that the inner search finds. What is found is entered in the store layer by layer, so
 * that a trial that is repeated goes on with the layers that are left. */
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "inner.h"
#include "loop.h"

struct td__nester {
    const td_blackbox *b;
    int threads; /* of each trial */
    td__evaluator evaluator;
};

/* The layers of one trial while they are searched. */
typedef struct {
    td__nester *e;
    td__loop *l;
    const td__task *t;
    const td_hw *hw;
    td_inner_row *row; /* of each layer */
    td_arena **arena;
    td_status *status; /* of the search: TD_OK also where there is no mapping */
    td_error *err;
    bool *known; /* it is in the store */
    int first;   /* under the loop's lock: the first layer that has no mapping, or whose search has
                  * failed: those behind it need not be searched, those before it are, so that it is
                  * the same however many threads there are */
} layers;

static td_inner_row nothing(int layer, const char *why) {
    return (td_inner_row){.layer = layer, .value = NAN, .bound = NAN, .pj = NAN, .error = why};
}

static const char *json(const td_node *n, td_arena *a) {
    td_text t = {0};
    td_node_to_json(n, 0, &t);
    const char *text = t.failed || t.data == NULL ? NULL : td_arena_strdup(a, t.data);
    td_text_free(&t);
    return text;
}

/* The parts of a neutral case that are the layer's: its problem as it is mapped, and the mapping.
 */
static const char *mapping_json(const td_hw *hw, const td_mapping_found *f, td_arena *a) {
    td_case *c = TD_NEW(a, td_case, 1);
    if (c == NULL) return NULL;
    c->problem = f->problem;
    c->hw = *hw;
    c->mapping = f->mapping;
    c->has_mapping = true;
    const td_node *n = td_case_to_node(c, a);
    td_node *part = td_node_map(a);
    if (n == NULL || part == NULL) return NULL;
    td_node_put(a, part, "problem", (td_node *)td_node_find(n, "problem"));
    td_node_put(a, part, "mapping", (td_node *)td_node_find(n, "mapping"));
    return json(part, a);
}

static const char *curve_json(const td_mapping_found *f, td_arena *a) {
    td_node *list = td_node_list(a);
    for (int i = 0; i < f->n_steps; i++) {
        td_node *pair = td_node_push(a, list, td_node_list(a));
        td_node_push(a, pair, td_node_int(a, f->step[i].trials));
        td_node_push(a, pair, td_node_real(a, f->step[i].value));
    }
    return json(list, a);
}

/* Searches layer i, into its row. */
static td_status search(const layers *s, int i, td_error *err) {
    const struct td__nested *n = s->e->b->nested;
    td_arena *a = s->arena[i] = td_arena_create();
    td_mapping_found f;
    td_problem p = n->layer[i].problem;
    if (a == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_hw_layer_bits(s->hw, &p);
    const uint64_t of[3] = {s->e->b->seed, (uint64_t)s->t->number, (uint64_t)i};
    td_status status =
        td_mapping_search_run(&p, s->hw, &n->search, td_hash(of, sizeof of, 0), a, &f, err);
    if (status == TD_E_INFEASIBLE) {
        s->row[i] = nothing(i, td_arena_strdup(a, err->message));
        s->row[i].drawn = f.drawn;
        return s->row[i].error != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    }
    if (status != TD_OK) return status;
    s->row[i] = (td_inner_row){.layer = i,
                               .found = true,
                               .value = f.value,
                               .bound = f.bound,
                               .pj = f.pj,
                               .cycles = f.cycles,
                               .trials = f.trials,
                               .drawn = f.drawn,
                               .mapping = mapping_json(s->hw, &f, a),
                               .curve = curve_json(&f, a)};
    return s->row[i].mapping != NULL && s->row[i].curve != NULL
               ? TD_OK
               : td_fail(err, TD_E_MEMORY, "out of memory");
}

static void one(void *self, int i) {
    layers *s = self;
    td__loop *l = s->l;
    pthread_mutex_lock(&l->lock);
    bool needless = i > s->first || s->known[i];
    pthread_mutex_unlock(&l->lock);
    if (needless) return;
    if (td__loop_abandoned(l)) {
        s->status[i] = td_fail(&s->err[i], TD_E_INTERRUPTED, "interrupted");
    } else {
        s->status[i] = search(s, i, &s->err[i]);
    }
    pthread_mutex_lock(&l->lock);
    if (s->status[i] == TD_OK)
        s->status[i] =
            td__store_put_inner(l->row->store, s->t->id, s->t->token, &s->row[i], &s->err[i]);
    s->known[i] = s->status[i] == TD_OK;
    if ((s->status[i] != TD_OK || !s->row[i].found) && i < s->first) s->first = i;
    pthread_mutex_unlock(&l->lock);
}

/* What the store has of an earlier attempt. */
static td_status take_known(layers *s, int n, td_arena *a, td_error *err) {
    td_inner_row *row;
    int count;
    pthread_mutex_lock(&s->l->lock);
    td_status status = td__store_inner(s->l->row->store, s->t->id, a, &row, &count, err);
    pthread_mutex_unlock(&s->l->lock);
    for (int i = 0; status == TD_OK && i < count; i++) {
        if (row[i].layer < 0 || row[i].layer >= n)
            return td_fail(err, TD_E_STORE, "damaged (layers of trial %lld)",
                           (long long)s->t->number);
        s->row[row[i].layer] = row[i];
        s->known[row[i].layer] = true;
        if (!row[i].found && row[i].layer < s->first) s->first = row[i].layer;
    }
    return status;
}

/* The sum over all layers, or the first that has no mapping. */
static td_status conclude(const layers *s, td_arena *a, td__finish *f, td_error *err) {
    const struct td__nested *n = s->e->b->nested;
    double sum = 0;
    for (int i = 0; i < n->n; i++) {
        if (!s->known[i] && s->status[i] != TD_OK) {
            if (err != NULL) *err = s->err[i];
            return s->status[i];
        }
        if (s->known[i] && !s->row[i].found) {
            f->reason = td_arena_printf(a, "layer %s: %s", n->layer[i].name, s->row[i].error);
            return f->reason != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
        }
        sum += (double)n->layer[i].count * s->row[i].value;
    }
    f->outcome.state = TD_TRIAL_DONE;
    f->outcome.nobj = 1;
    f->outcome.obj[0] = sum;
    f->violation = 0;
    return TD_OK;
}

static td_status search_all(layers *s, td_arena *a, td__finish *f, td_error *err) {
    const int n = s->e->b->nested->n;
    s->row = TD_NEW(a, td_inner_row, n);
    s->arena = TD_NEW(a, td_arena *, n);
    s->status = TD_NEW(a, td_status, n);
    s->err = TD_NEW(a, td_error, n);
    s->known = TD_NEW(a, bool, n);
    if (s->row == NULL || s->arena == NULL || s->status == NULL || s->err == NULL ||
        s->known == NULL)
        return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status status = take_known(s, n, a, err);
    if (status == TD_OK) status = td_parallel_for(s->e->threads, n, one, s);
    if (status == TD_OK) status = conclude(s, a, f, err);
    for (int i = 0; i < n; i++) td_arena_destroy(s->arena[i]);
    return status;
}

static td_status evaluate(void *self, td__loop *l, const td__task *t, td_arena *a, td__finish *f,
                          td_error *err) {
    td_design d = {0};
    layers s = {.e = self, .l = l, .t = t, .first = INT_MAX};
    *f = (td__finish){.accuracy = NAN,
                      .reward = NAN,
                      .violation = NAN,
                      .of_problem = true,
                      .outcome = {.state = TD_TRIAL_INFEASIBLE, .fidelity = 1}};
    for (int m = 0; m < TD_NMETRIC; m++) f->metric[m] = NAN;
    td_status status = l->row->space->build(l->row->space->self, t->c, a, &d, err);
    if (status == TD_E_INFEASIBLE) {
        f->reason = td_arena_strdup(a, err->message);
        status = f->reason != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    } else if (status == TD_OK) {
        s.hw = &d.hw;
        f->hw_hash = d.hw_hash;
        status = search_all(&s, a, f, err);
    }
    td_design_free(&d);
    return status;
}

static bool better(const td_trial_row *a, const td_trial_row *b) {
    return td_outcome_compare(&a->outcome, &b->outcome) < 0;
}

td_status td__nester_create(const td_blackbox *b, int threads, td__nester **out, td_error *err) {
    td__nester *e = *out = calloc(1, sizeof *e);
    if (e == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    e->b = b;
    e->threads = threads;
    e->evaluator =
        (td__evaluator){.evaluate = evaluate, .better = better, .goals = &b->goals, .self = e};
    return TD_OK;
}

void td__nester_destroy(td__nester *e) {
    free(e);
}

const td__evaluator *td__nester_evaluator(const td__nester *e) {
    return &e->evaluator;
}

/* ---- for those who look at a study ------------------------------------------------------------
 */

const td_nested_layer *td_blackbox_layers(const td_blackbox *b, int *n) {
    *n = b->nested != NULL ? b->nested->n : 0;
    return b->nested != NULL ? b->nested->layer : NULL;
}

td_status td_blackbox_accelerator(const td_blackbox *b, const char *params, td_arena *a, td_hw *hw,
                                  td_node **description, td_error *err) {
    const td_node *doc;
    td_design d = {0};
    td_choices c = {b->space->n, TD_NEW(a, double, b->space->n + 1)};
    if (c.v == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    if (b->nested == NULL) return td_fail(err, TD_E_USAGE, "%s has no accelerators", b->name);
    td_status s = td_json_parse(a, params, strlen(params), "study.db", 1, &doc, err);
    if (s == TD_OK) s = td_choices_from_node(b->space, doc, &c, err);
    if (s == TD_OK) s = b->space->build(b->space->self, &c, a, &d, err);
    if (s == TD_OK) *hw = d.hw;
    if (description != NULL) *description = s == TD_OK ? d.hw_node : NULL;
    td_design_free(&d);
    return s;
}

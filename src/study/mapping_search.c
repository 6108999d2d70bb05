/* mapping_search.c - the best mapping of one layer on one accelerator: by a strategy over the space
 * of its mappings, trial by trial, or by the mapper. */
#include <math.h>
#include <string.h>

#include "tandem/study_nested.h"

void td_mapping_search_default(td_mapping_search *o) {
    *o = (td_mapping_search){.objective = TD_OBJ_EDP,
                             .counting = TD_COUNT_EXACT,
                             .trials = 250,
                             .draws = 1000000,
                             .mode = TD_MAP_EXACT};
}

static double value_of(td_map_objective o, double pj, int64_t cycles) {
    if (o == TD_OBJ_LATENCY) return (double)cycles;
    return o == TD_OBJ_ENERGY ? pj : pj * (double)cycles;
}

/* ---- a space that counts what is drawn of it --------------------------------------------------
 */

typedef struct {
    const td_space *of;
    int64_t *drawn;
} counter;

static bool allows(const void *self, const td_choices *c) {
    const counter *k = self;
    return td_space_allows(k->of, c);
}

static bool draw(const void *self, td_rng *r, int64_t most, td_choices *c, int64_t *drawn) {
    const counter *k = self;
    int64_t n = 0;
    const bool found = td_space_draw(k->of, r, most, c, &n);
    *k->drawn += n;
    *drawn += n;
    return found;
}

static void features(const void *self, const td_choices *c, double *out) {
    const counter *k = self;
    k->of->features(k->of->self, c, out);
}

static td_space counted(const td_space *s, const counter *k) {
    td_space c = *s;
    c.self = k;
    c.allows = allows;
    c.draw = draw;
    c.features = s->features != NULL ? features : NULL;
    return c;
}

/* ---- by a strategy ----------------------------------------------------------------------------
 */

typedef struct {
    const td_mapping_search *o;
    const td_space *space; /* of mappings */
    td_costing costing;
    td_arena *arena;
    td_mapping_step *step; /* [room], of which found->n_steps are used */
    int room;
    td_mapping_found *found;
} search;

/* Improvements are few, however many trials there are. */
static bool add_step(search *s, int64_t trials, double value) {
    const int n = s->found->n_steps;
    if (n == s->room) {
        const int room = n > 0 ? 2 * n : 32;
        td_mapping_step *wide = TD_NEW(s->arena, td_mapping_step, room);
        if (wide == NULL) return false;
        if (n > 0) memcpy(wide, s->step, sizeof *wide * (size_t)n);
        s->found->step = s->step = wide;
        s->room = room;
    }
    s->step[s->found->n_steps++] = (td_mapping_step){trials, value};
    return true;
}

/* What a trial comes to. Vectors that do not fit are infeasible. */
static td_status evaluate(search *s, int64_t number, const td_choices *c, td_outcome *o,
                          td_error *err) {
    td_mapping m;
    double pj;
    int64_t cycles, compute;
    *o = (td_outcome){.state = TD_TRIAL_INFEASIBLE, .fidelity = 1};
    if (!td_space_allows(s->space, c)) return TD_OK;
    td_status status = td_space_mapping_of(s->space, c, &m, err);
    if (status != TD_OK) return status;
    if (!td_costing_run(&s->costing, &m, &pj, &cycles, &compute))
        return td_fail(err, TD_E_INPUT, "a mapping of the space does not fit");
    o->state = TD_TRIAL_DONE;
    o->nobj = 1;
    o->obj[0] = value_of(s->o->objective, pj, cycles);
    td_mapping_found *f = s->found;
    if (f->n_steps > 0 && o->obj[0] >= f->value) return TD_OK;
    f->value = o->obj[0];
    f->mapping = m;
    f->pj = pj;
    f->cycles = cycles;
    return add_step(s, number + 1, f->value) ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
}

static td_status go(search *s, const td_space *space, uint64_t seed, double *v, td_error *err) {
    const td_strategy *by = s->o->strategy;
    void *state = NULL;
    td_status status = by->init(&state, space, seed, s->o->params, err);
    for (int64_t i = 0; status == TD_OK && i < s->o->trials; i++) {
        td_choices c = {space->n, v};
        td_outcome o;
        double fidelity = 1;
        status = by->ask(state, i, &c, &fidelity);
        if (status == TD_E_DONE) {
            status = TD_OK;
            break;
        }
        if (status != TD_OK)
            td_fail(err, status, "strategy %s gave no mapping %lld: %s", by->name, (long long)i,
                    td_status_text(status));
        else
            status = evaluate(s, i, &c, &o, err);
        if (status == TD_OK) by->tell(state, i, &c, &o);
        s->found->trials = i + 1;
    }
    if (state != NULL) by->destroy(state);
    return status;
}

static td_status by_strategy(const td_problem *p, const td_hw *hw, const td_mapping_search *o,
                             uint64_t seed, td_arena *a, td_mapping_found *out, td_error *err) {
    td_space *space;
    search s = {.o = o, .arena = a, .found = out};
    td_hw_problem(hw, p, &out->problem);
    td_status status = td_space_mapping(p, hw, a, &space, err);
    if (status != TD_OK) return status;
    if (o->plain) td_space_mapping_plain(space);
    s.space = space;
    double *v = TD_NEW(a, double, space->n + 1);
    if (v == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    status = td_costing_init(&s.costing, &out->problem, hw, o->counting, err);
    if (status != TD_OK) return status;
    /* Whether there is any mapping is known from draws only. */
    td_rng r = td_rng_make(seed, 0, TD_RNG_SPACE_SAMPLE);
    td_choices c = {space->n, v};
    const counter k = {space, &out->drawn};
    const td_space counting = counted(space, &k);
    int64_t drawn = 0;
    if (!td_space_draw(&counting, &r, o->draws, &c, &drawn))
        return td_fail(err, TD_E_INFEASIBLE, "none of %lld random mappings fits", (long long)drawn);
    status = go(&s, &counting, seed, v, err);
    if (status == TD_OK && out->n_steps == 0)
        status = td_fail(err, TD_E_INFEASIBLE, "no mapping that was tried fits");
    return status;
}

/* ---- by the mapper ----------------------------------------------------------------------------
 */

static td_status by_mapper(const td_problem *p, const td_hw *hw, const td_mapping_search *o,
                           td_arena *a, td_mapping_found *out, td_error *err) {
    td_map_query q;
    td_map_result *r = TD_NEW(a, td_map_result, 1);
    td_mapping_step *step = TD_NEW(a, td_mapping_step, 1);
    if (r == NULL || step == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_map_query_default(&q, hw);
    q.mode = o->mode;
    q.objective = o->objective;
    q.counting = o->counting;
    q.max_nodes = o->max_nodes;
    td_status s = td_map_best(p, hw, &q, r, NULL, err);
    if (s != TD_OK) return s;
    out->problem = r->problem;
    out->mapping = r->mapping;
    out->pj = r->cost.total_pj;
    out->cycles = r->cost.cycles;
    out->value = r->objective;
    out->bound = r->bound;
    out->trials = 1;
    *step = (td_mapping_step){1, out->value};
    out->step = step;
    out->n_steps = 1;
    return TD_OK;
}

td_status td_mapping_search_run(const td_problem *p, const td_hw *hw, const td_mapping_search *o,
                                uint64_t seed, td_arena *a, td_mapping_found *out, td_error *err) {
    *out = (td_mapping_found){.bound = NAN};
    return o->strategy != NULL ? by_strategy(p, hw, o, seed, a, out, err)
                               : by_mapper(p, hw, o, a, out, err);
}

/* plain_features.c - the space of mappings without features of traffic, which are nearly what is
 * to be learned, and the loop of an inner search over it. */
#include "plain_features.h"

#include <string.h>

enum { MOST_FEATURES = 512 };

typedef struct {
    const td_space *of;
    int first, n; /* features that are left out */
} plain;

static void features(const void *self, const td_choices *c, double *out) {
    const plain *p = self;
    const int rest = p->of->n_features - p->first - p->n;
    double all[MOST_FEATURES];
    p->of->features(p->of->self, c, all);
    memcpy(out, all, sizeof *all * (size_t)p->first);
    memcpy(out + p->first, all + p->first + p->n, sizeof *all * (size_t)rest);
}

static bool allows(const void *self, const td_choices *c) {
    return td_space_allows(((const plain *)self)->of, c);
}

static bool draw(const void *self, td_rng *r, int64_t most, td_choices *c, int64_t *drawn) {
    return td_space_draw(((const plain *)self)->of, r, most, c, drawn);
}

/* Before them: the steps in time, one for each fan-out. They: for each level one for each tensor
 * that it gives to something that depends on the mapping, and one for these together; then one. */
static void find_traffic(const td_hw *hw, plain *p) {
    int keeps = 0;
    bool fan = false;
    p->first = 1;
    p->n = 1;
    for (int l = 0; l < hw->n; l++) {
        const int here = td_hw_fanout(hw, l, TD_AXIS_X) > 1 || td_hw_fanout(hw, l, TD_AXIS_Y) > 1;
        int gives = 0;
        p->first += here;
        fan = fan || here;
        for (int t = 0; t < TD_NTENSOR; t++)
            gives += (hw->level[l].may_keep & 1 << t) != 0 && (fan || (keeps & 1 << t) != 0);
        keeps |= hw->level[l].may_keep;
        p->n += gives + (gives > 0);
    }
}

static td_status loop(const td_space *s, const td_costing *costing, const td_mapping_search *o,
                      void *state, td_choices *c, td_mapping_step *step, td_mapping_found *out,
                      td_error *err) {
    for (int64_t i = 0; i < o->trials; i++) {
        td_outcome told = {.state = TD_TRIAL_INFEASIBLE, .fidelity = 1};
        td_mapping m;
        double fidelity = 1, pj;
        int64_t cycles, compute;
        td_status status = o->strategy->ask(state, i, c, &fidelity);
        if (status != TD_OK) return td_fail(err, status, "no mapping: %s", td_status_text(status));
        if (td_space_allows(s, c)) {
            status = td_space_mapping_of(s, c, &m, err);
            if (status != TD_OK) return status;
            if (!td_costing_run(costing, &m, &pj, &cycles, &compute))
                return td_fail(err, TD_E_INPUT, "a mapping of the space does not fit");
            told = (td_outcome){
                .state = TD_TRIAL_DONE, .nobj = 1, .obj = {pj * (double)cycles}, .fidelity = 1};
            if (out->n_steps == 0 || told.obj[0] < out->value) {
                out->value = told.obj[0];
                step[out->n_steps++] = (td_mapping_step){i + 1, out->value};
            }
        }
        o->strategy->tell(state, i, c, &told);
    }
    return TD_OK;
}

td_status plain_search(const td_problem *p, const td_hw *hw, const td_mapping_search *o,
                       uint64_t seed, td_arena *a, td_mapping_found *out, td_error *err) {
    td_space *of;
    td_costing costing;
    void *state;
    *out = (td_mapping_found){.trials = o->trials};
    td_hw_problem(hw, p, &out->problem);
    td_status s = td_space_mapping(p, hw, a, &of, err);
    if (s != TD_OK) return s;
    plain without = {.of = of};
    find_traffic(hw, &without);
    if (of->n_features > MOST_FEATURES) return td_fail(err, TD_E_UNSUPPORTED, "too many features");
    td_space space = *of;
    space.self = &without;
    space.allows = allows;
    space.draw = draw;
    space.features = features;
    space.n_features -= without.n;
    td_mapping_step *step = TD_NEW(a, td_mapping_step, o->trials);
    td_choices c = {space.n, TD_NEW(a, double, space.n + 1)};
    if (step == NULL || c.v == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    out->step = step;
    s = td_costing_init(&costing, &out->problem, hw, o->counting, err);
    if (s == TD_OK) s = o->strategy->init(&state, &space, seed, o->params, err);
    if (s != TD_OK) return s;
    s = loop(of, &costing, o, state, &c, step, out, err);
    o->strategy->destroy(state);
    return s;
}

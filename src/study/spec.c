/* spec.c - what a study's trials depend on, as one number. */
#include <string.h>

#include "run.h"

static uint64_t hash_u64(uint64_t v, uint64_t h) {
    return td_hash(&v, sizeof v, h);
}

static uint64_t hash_real(double v, uint64_t h) {
    return td_hash(&v, sizeof v, h);
}

uint64_t td__node_hash(const td_node *n) {
    uint64_t h = n->kind == TD_INT ? TD_REAL : n->kind;
    if (n->kind == TD_INT || n->kind == TD_REAL) return hash_real(n->real, h);
    if (n->kind == TD_BOOL) return hash_u64(n->boolean, h);
    if (n->kind == TD_STRING) return td_hash_text(n->text, h);
    for (int i = 0; i < n->count; i++) {
        if (n->kind == TD_LIST)
            h = hash_u64(td__node_hash(n->item[i]), h);
        else
            h += td_hash_text(n->item[i]->key, td__node_hash(n->item[i]));
    }
    return h;
}

td_status td__space_built_hash(const td_space *space, uint64_t *h, td_error *err) {
    enum { SAMPLES = 16 };
    td_arena *a = td_arena_create();
    double *v = a != NULL ? TD_NEW(a, double, space->n + 1) : NULL;
    td_status s = v != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    *h = hash_u64(td_space_hash(space), *h);
    for (uint64_t i = 0; s == TD_OK && i < SAMPLES; i++) {
        td_choices c = {.n = space->n, .v = v};
        td_rng rng = td_rng_make(0, i, TD_RNG_SPACE_SAMPLE);
        td_design d = {0};
        td_error why = {0};
        td_space_sample(space, &rng, &c);
        s = space->build(space->self, &c, a, &d, &why);
        *h = hash_u64(d.hw_hash, hash_u64(d.net_hash, *h));
        if (s == TD_E_INFEASIBLE) {
            *h = td_hash_text(why.message, *h);
            s = TD_OK;
        } else if (s != TD_OK && err != NULL) {
            *err = why;
        }
        td_design_free(&d);
    }
    td_arena_destroy(a);
    return s;
}

td_status td__spec_hash(const td__run *u, const td_space *space, bool trains, bool area_is_hard,
                        bool solve, int phases, uint64_t *out, td_error *err) {
    const td_recipe *r = u->r;
    const td_objective *o = &r->objective;
    uint64_t h = hash_u64(TD_COST_REVISION, td_hash_text(td_version(), 1));
    td_status s = td__space_built_hash(space, &h, err);
    h = hash_u64(o->kind, h);
    h = hash_real(o->beta, hash_real(o->q, hash_real(o->p, h)));
    for (int m = 0; m < TD_METRIC_POWER; m++) h = hash_real(o->target[m], h);
    for (int m = 0; m < TD_NMETRIC; m++)
        if (o->own[m].set)
            h = hash_real(o->own[m].q, hash_real(o->own[m].p, hash_u64((uint64_t)m, h)));
    /* What came later is in the hash where it is used: studies made before it go on. */
    for (int m = TD_METRIC_POWER; m < TD_NMETRIC; m++)
        if (td_objective_has_target(o, m)) h = hash_real(o->target[m], hash_u64((uint64_t)m, h));
    h = hash_u64(o->train_violating, h);
    if (area_is_hard && o->train_violating) h = td_hash_text("area is hard", h);
    if (solve) h = td_hash_text("solve", h);
    if (phases > 1) {
        const double hours = u->o->max_hours > 0 ? u->o->max_hours : r->hours;
        h = hash_u64((uint64_t)(u->o->max_trials > 0 ? u->o->max_trials : r->trials), h);
        h = hash_real(hours, hash_u64((uint64_t)r->trained, h));
    }
    h = hash_u64(r->schedule.counting, hash_u64(r->schedule.objective, h));
    h = hash_u64(r->schedule.max_nodes, hash_u64((uint64_t)r->schedule.batch, h));
    h = hash_u64(r->schedule.layer_by_layer, hash_u64(r->schedule.cold, h));
    h = hash_u64(td__node_hash(r->params), td_hash_text(r->strategy->name, h));
    h = hash_u64((uint64_t)r->lag, h);
    if (r->stopper != NULL && trains)
        h = hash_u64(td__node_hash(r->stopper_params), td_hash_text(r->stopper->name, h));
    for (int k = 0; o->kind == TD_REWARD_NONE && k < TD_NOBJECTIVE; k++)
        if (o->front.objectives & TD_OBJECTIVE(k)) h = td_hash_text(td_objective_key(k), h);
    *out = trains ? hash_u64(u->accuracy.key(u->accuracy.self), h) : h;
    return s;
}

/* td_map_best. */
#include "mapper_plan.h"

#include <stdlib.h>
#include <string.h>

#ifdef MAPDEV
#include <stdio.h>
int dev_roots = 24, dev_keep = 8, dev_width = 3, dev_inside = 2, dev_phase4 = 1, dev_phase3 = 1, dev_fans=1000;
double dev_time[6]; uint64_t dev_n[6];
#else
enum { dev_roots = 24, dev_keep = 8, dev_width = 3, dev_inside = 2, dev_phase4 = 1, dev_fans = 1000 };
static double dev_time[6];
static uint64_t dev_n[6];
#endif

static const char *const objective_name[TD_NOBJ] = {"latency", "energy", "edp"};

const char *td_map_objective_name(td_map_objective o) {
    return (unsigned)o < TD_NOBJ ? objective_name[o] : "unknown";
}

const char *td_stop_name(td_stop s) {
    switch (s) {
    case TD_STOP_PROVED: return "proved";
    case TD_STOP_NODES: return "nodes";
    case TD_STOP_TIME: return "time";
    case TD_STOP_HEURISTIC: return "heuristic";
    }
    return "unknown";
}

void td_map_query_default(td_map_query *q, const td_hw *hw) {
    *q = (td_map_query){.objective = TD_OBJ_LATENCY, .counting = TD_COUNT_EXACT};
    for (int t = 0; t < TD_NTENSOR; t++) q->top[t] = (int8_t)(hw->n - 1);
    for (int l = 0; l < TD_MAX_LEVELS; l++) q->keep[l] = -1;
}

enum { DEFAULT_NODES = 20000 };

/* The mapping with the least tiles, as something to start from. */
static void try_least(td__search *s, const td__shortage *least) {
    td_mapping m = {0};
    const td__space *z = s->z;
    for (int l = 0; l < z->n; l++) {
        m.first[l] = m.n;
        m.keep[l] = least->keep[l];
        for (int axis = 0; axis < TD_NAXIS; axis++)
            for (int d = 0; d < TD_NDIM; d++) {
                const int32_t bound[TD_NAXIS] = {least->bound[l][d], least->fan[l].x[d],
                                                 least->fan[l].y[d]};
                if (bound[axis] > 1)
                    m.loop[m.n++] =
                        (td_loop){(uint8_t)d, (uint8_t)axis, bound[axis], bound[axis]};
            }
    }
    m.first[z->n] = m.n;
    td__try(s, &least->problem, &m);
}

/* One dive under each of the best roots with what is kept as in keep mask `k`. */
static void search_list(td__search *s, td__plan *plan, td__root *r, int limit) {
    for (int i = 0; i < plan->n && i < limit && !s->stop; i++) {
        if (td__hopeless(s, plan->entry[i].least)) break;
        if (td__plan_open(s->z, plan, &plan->entry[i], r)) td__search_root(s, r);
    }
}

td_status td_map_best(const td_problem *p, const td_hw *hw, const td_map_query *q, td_map_result *out,
                      int64_t *missing_bytes, td_error *err) {
    td_arena *a = td_arena_create();
    td__space z;
    td__plan plan = {0};
    td__search s = {.z = &z, .arena = a, .open = INFINITY, .deadline = INFINITY};
    td__root *r = NULL;
    td__shortage *least = NULL;
    td_status st;
    if (missing_bytes != NULL) *missing_bytes = 0;
    if (a == NULL) return td_fail(err, TD_E_MEMORY, "mapper: out of memory");
    s.max_nodes = q->max_nodes > 0 ? q->max_nodes : DEFAULT_NODES;
    if (q->max_seconds > 0) s.deadline = td_time_mono_s() + q->max_seconds;
    st = td__space_build(p, hw, q, dev_fans, a, &z, err);
    if (st == TD_OK) st = td__plan_keeps(&z, a, &plan, err);
    if (st != TD_OK) goto end;
    double pj, cycles, bound[2];
    td__space_bound(&z, &pj, &cycles);
    td__map_objectives(&z, pj, cycles, bound);
    z.least_pj = pj;

    r = malloc(sizeof *r);
    least = malloc(sizeof *least);
    plan.max = 65536;
    plan.entry = malloc(sizeof *plan.entry * (size_t)plan.max);
    s.pool_size = 30000;
    s.pool = malloc(sizeof *s.pool * (size_t)s.pool_size);
    td__space_shortage(&z, &plan, least);
    if (!least->known || least->level >= 0) {
        st = td__shortage_fail(&z, least, missing_bytes, err);
        goto end;
    }
    try_least(&s, least);
    uint64_t max_nodes = s.max_nodes;
    double t0 = td_time_mono_s(), t1;
    uint64_t n0 = s.nodes;
#define LAP(i) t1=td_time_mono_s(); dev_time[i]+=t1-t0; t0=t1; dev_n[i]+=s.nodes-n0; n0=s.nodes
    plan.max = dev_roots;
    s.keep = dev_keep;
    s.width = dev_width;
    s.width_inside = dev_inside;
    td__part part = {.trim = true};
    memcpy(part.n_fan, z.n_full, sizeof part.n_fan);
    td__plan_roots(&s, &plan, &part);
    LAP(0);
    search_list(&s, &plan, r, plan.n);
    LAP(1);
    if (dev_phase4) {
        s.max_nodes = max_nodes;
        s.stop = false;
        s.thorough = true;
        s.open = INFINITY;
        plan.max = 65536;
        part.trim = false;
        memcpy(part.n_fan, z.n_fan, sizeof part.n_fan);
        td__plan_roots(&s, &plan, &part);
        LAP(2);
        search_list(&s, &plan, r, plan.n);
        LAP(3);
    }
    if (!s.found) {
        st = td_fail(err, TD_E_INTERNAL, "mapper: the mapping with the least tiles does not fit");
        goto end;
    }
    out->problem = s.problem;
    out->mapping = s.mapping;
    out->cost = s.cost;
    out->objective = s.best[0];
    out->bound = s.open < s.best[0] ? s.open : s.best[0];
    if (s.stop || !dev_phase4) out->bound = bound[0];
    out->nodes = s.nodes;
    out->stop = s.stop || !dev_phase4 ? TD_STOP_NODES : TD_STOP_PROVED;
end:
    free(plan.entry);
    free(s.pool);
    free(r);
    free(least);
    td_arena_destroy(a);
    return st;
}

/* Cost of many pairs of a network and an accelerator, as a search asks for them. JSON on stdout.
 *
 *     bench_pairs [NETWORKS [ACCELERATORS [MAX_NODES [NETWORK_SPACE [ACCELERATOR_SPACE]]]]]
 *
 * Draws (seeded) from the spaces `blocks` and `micro`, or others (a network by name stands for a
 * space of one), and costs all pairs, one accelerator after the other: `first_ms` of its first
 * network, of which no layer is known
 * (`longest_ms` of any, `first_90_ms`: nine of ten are no longer), `later_ms` of the others, whose
 * layers are known in part, `again_ms` of the same pairs once more, and `bound_ms` of their bounds
 * alone. Times are thread CPU time. `sum` is of all latencies: equal figures, equal costs. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "tandem/map.h"
#include "tandem/model.h"
#include "tandem/space.h"

typedef struct {
    td_net **net;
    td_hw *hw;
    int nets, hws;
    double *first; /* ms by accelerator, of the last run */
} pairs;

static td_status draw(const char *space, uint32_t purpose, int n, td_net **net, td_hw *hw,
                      td_arena *a, td_error *err) {
    td_space *s = NULL;
    if (net != NULL && n == 1 && td_net_build(space, TD_DIM(0, 0, 0), 1, 0, net, NULL) == TD_OK)
        return TD_OK;
    td_status st = td_space_by_name(space, a, &s, err);
    td_choices c = {.n = st == TD_OK ? s->n : 0,
                    .v = TD_NEW(a, double, st == TD_OK ? s->n + 1 : 1)};
    uint64_t trial = 0;
    for (int i = 0; st == TD_OK && i < n;) {
        td_rng r = td_rng_make(1, trial++, purpose);
        td_design d = {0};
        td_space_sample(s, &r, &c);
        st = s->build(s->self, &c, a, &d, err);
        if (st == TD_OK) {
            if (hw != NULL) hw[i] = d.hw;
            if (net != NULL) {
                net[i] = d.net;
                d.net = NULL;
            }
            i++;
        }
        if (st == TD_E_INFEASIBLE) st = TD_OK; /* another one */
        td_design_free(&d);
    }
    return st;
}

/* ms: of each accelerator's first network, of the others, the longest of the first. */
static td_status run(const pairs *p, const td_schedule_options *o, bool bounds, double ms[3],
                     double *sum, int *infeasible, td_error *err) {
    td_status st = TD_OK;
    ms[0] = ms[1] = ms[2] = *sum = 0;
    *infeasible = 0;
    for (int h = 0; st == TD_OK && h < p->hws; h++)
        for (int i = 0; st == TD_OK && i < p->nets; i++) {
            td_scheduler *s = NULL;
            td_schedule_figures f = {0};
            double start = td_time_thread_s();
            st = td_scheduler_create(p->net[i], o, &s, err);
            if (st == TD_OK)
                st = (bounds ? td_scheduler_bound : td_scheduler_cost)(s, &p->hw[h], &f, NULL, err);
            double took = (td_time_thread_s() - start) * 1e3;
            ms[i > 0] += took;
            if (i == 0) p->first[h] = took;
            ms[2] = fmax(ms[2], took);
            td_scheduler_destroy(s);
            *sum += f.latency_s;
            *infeasible += st == TD_E_INFEASIBLE;
            if (st == TD_E_INFEASIBLE) st = TD_OK;
        }
    return st;
}

int main(int argc, char **argv) {
    pairs p = {.nets = argc > 1 ? atoi(argv[1]) : 20, .hws = argc > 2 ? atoi(argv[2]) : 20};
    if (p.nets < 1 || p.hws < 1) {
        fprintf(stderr, "bench_pairs: expected at least 1 network and 1 accelerator\n");
        return 2;
    }
    td_error err = {0};
    td_arena *a = td_arena_create();
    p.net = TD_NEW(a, td_net *, p.nets);
    p.hw = TD_NEW(a, td_hw, p.hws);
    p.first = TD_NEW(a, double, p.hws);
    td_status s = draw(argc > 4 ? argv[4] : "blocks", 1, p.nets, p.net, NULL, a, &err);
    if (s == TD_OK) s = draw(argc > 5 ? argv[5] : "micro", 2, p.hws, NULL, p.hw, a, &err);
    td_schedule_options o;
    td_schedule_options_default(&o);
    o.max_nodes = argc > 3 ? strtoull(argv[3], NULL, 10) : 300;
    o.cache = td_map_cache_create(0);
    double ms[3], again[3], bound[3], sum, sum_again, sum_bound;
    int infeasible = 0;
    if (s == TD_OK) s = run(&p, &o, false, ms, &sum, &infeasible, &err);
    const double first_90 = s == TD_OK ? td_quantile(p.first, p.hws, 0.9) : 0;
    if (s == TD_OK) s = run(&p, &o, false, again, &sum_again, &infeasible, &err);
    if (s == TD_OK) s = run(&p, &o, true, bound, &sum_bound, &infeasible, &err);
    if (s != TD_OK) {
        fprintf(stderr, "bench_pairs: %s\n", err.message);
        return td_status_exit_code(s);
    }
    td_node *root = td_node_map(a);
    char machine[256];
    td_machine_text(machine, sizeof machine);
    td_node_put_string(a, root, "program", "bench_pairs");
    td_node_put_string(a, root, "machine", machine);
    td_node_put_int(a, root, "networks", p.nets);
    td_node_put_int(a, root, "accelerators", p.hws);
    td_node_put_int(a, root, "infeasible", infeasible);
    td_node_put_real(a, root, "first_ms", ms[0] / p.hws);
    td_node_put_real(a, root, "first_90_ms", first_90);
    td_node_put_real(a, root, "longest_ms", ms[2]);
    if (p.nets > 1) td_node_put_real(a, root, "later_ms", ms[1] / p.hws / (p.nets - 1));
    td_node_put_real(a, root, "again_ms", (again[0] + again[1]) / p.hws / p.nets);
    td_node_put_real(a, root, "bound_ms", (bound[0] + bound[1]) / p.hws / p.nets);
    td_node_put_real(a, root, "sum", sum);
    td_node_put_real(a, root, "sum_of_bounds", sum_bound);
    td_node_put_bool(a, root, "same_again", sum == sum_again);
    td_text t = {0};
    td_node_to_json(root, 2, &t);
    printf("%s\n", t.data != NULL ? t.data : "");
    td_text_free(&t);
    for (int i = 0; i < p.nets; i++) td_net_destroy(p.net[i]);
    td_map_cache_destroy(o.cache);
    td_arena_destroy(a);
    return 0;
}

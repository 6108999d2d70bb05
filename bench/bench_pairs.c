/* Cost of many pairs of a network and an accelerator, as a search asks for them. JSON on stdout.
 *
 *     bench_pairs [NETWORKS [ACCELERATORS [MAX_NODES [NETWORK_SPACE [ACCELERATOR_SPACE]]]]]
 *
 * Draws (seeded) from the spaces `blocks` and `micro`, or others (a network by name stands for a
 * space of one), and costs all pairs, one accelerator after the other: `first_ms` of its first
 * network, of which no layer is known
 * (`first_90_ms`: nine of ten are no longer, `first_longest_ms`), `later_ms` of the others, whose
 * layers are known in part, `again_ms` of the same pairs once more (again_50_ms: the median, and so
 * on), and `bound_ms` of their bounds alone. Times are thread CPU time. `sum` is of all latencies:
 * equal figures, equal costs. */
#include <stdio.h>
#include <stdlib.h>

#include "tandem/map.h"
#include "tandem/model.h"
#include "tandem/space.h"

typedef struct {
    td_net **net;
    td_hw *hw;
    int nets, hws;
    double *ms; /* of the last run: of each accelerator's first network, then of the others */
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

static td_status run(const pairs *p, const td_schedule_options *o, bool bounds, double *sum,
                     int *infeasible, td_error *err) {
    td_status st = TD_OK;
    *sum = *infeasible = 0;
    for (int h = 0; st == TD_OK && h < p->hws; h++)
        for (int i = 0; st == TD_OK && i < p->nets; i++) {
            td_scheduler *s = NULL;
            td_schedule_figures f = {0};
            double start = td_time_thread_s();
            st = td_scheduler_create(p->net[i], o, &s, err);
            if (st == TD_OK)
                st = (bounds ? td_scheduler_bound : td_scheduler_cost)(s, &p->hw[h], &f, NULL, err);
            p->ms[i * p->hws + h] = (td_time_thread_s() - start) * 1e3;
            td_scheduler_destroy(s);
            *sum += f.latency_s;
            *infeasible += st == TD_E_INFEASIBLE;
            if (st == TD_E_INFEASIBLE) st = TD_OK;
        }
    return st;
}

static double mean(const double *x, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += x[i];
    return n > 0 ? sum / n : 0;
}

static void put_quantiles(td_arena *a, td_node *root, const char *name, const double *x, int n) {
    static const struct {
        const char *name;
        double q;
    } of[] = {{"50", 0.5}, {"90", 0.9}, {"longest", 1}};
    char key[64];
    snprintf(key, sizeof key, "%s_ms", name);
    td_node_put_real(a, root, key, mean(x, n));
    for (size_t k = 0; k < sizeof of / sizeof *of; k++) {
        snprintf(key, sizeof key, "%s_%s_ms", name, of[k].name);
        td_node_put_real(a, root, key, td_quantile(x, n, of[k].q));
    }
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
    const int n = p.nets * p.hws;
    double *first = TD_NEW(a, double, n), *again = TD_NEW(a, double, n);
    double *bound = TD_NEW(a, double, n);
    td_status s = draw(argc > 4 ? argv[4] : "blocks", 1, p.nets, p.net, NULL, a, &err);
    if (s == TD_OK) s = draw(argc > 5 ? argv[5] : "micro", 2, p.hws, NULL, p.hw, a, &err);
    td_schedule_options o;
    td_schedule_options_default(&o);
    o.max_nodes = argc > 3 ? strtoull(argv[3], NULL, 10) : 300;
    o.cache = td_map_cache_create(0);
    double sum, sum_again, sum_bound;
    int infeasible = 0;
    p.ms = first;
    if (s == TD_OK) s = run(&p, &o, false, &sum, &infeasible, &err);
    p.ms = again;
    if (s == TD_OK) s = run(&p, &o, false, &sum_again, &infeasible, &err);
    p.ms = bound;
    if (s == TD_OK) s = run(&p, &o, true, &sum_bound, &infeasible, &err);
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
    put_quantiles(a, root, "first", first, p.hws);
    if (p.nets > 1) td_node_put_real(a, root, "later_ms", mean(first + p.hws, n - p.hws));
    put_quantiles(a, root, "again", again, n);
    td_node_put_real(a, root, "bound_ms", mean(bound, n));
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

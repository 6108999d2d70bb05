/* mapper_baseline.h - what another mapper found, as questions to ours: read from a file of format
 * "mapper-baseline-1" (accelerators with the keeps that are fixed, and per layer, algorithm and
 * budget the best mapping's energy-delay product, in pJ x cycles). For the benchmark and for the
 * test that holds the mapper to it. */
#ifndef TANDEM_BENCH_MAPPER_BASELINE_H
#define TANDEM_BENCH_MAPPER_BASELINE_H

#include <stdlib.h>
#include <string.h>

#include "tandem/map.h"

typedef struct {
    const char *arch, *net, *layer;
    td_case c;
    double at_10_s, at_60_s; /* its random search, pruned; INFINITY: was not run so long */
    double best;             /* of all algorithms and budgets */
} baseline_layer;

/* The neutral case that a row is about. Nodes are copied, since a node has one parent. */
static inline td_status baseline_case(const td_node *archs, const td_node *row, td_arena *a,
                                      td_case *out, td_error *err) {
    const char *arch;
    const td_node *place, *part[3];
    static const char *const key[3] = {"problem", "arch", "fixed_keep"};
    td_status s = td_node_get_string(row, "arch", &arch, err);
    if (s == TD_OK) s = td_node_get_map(row, "problem", &part[0], err);
    if (s == TD_OK) s = td_node_get_map(archs, arch, &place, err);
    if (s == TD_OK) s = td_node_get_map(place, "arch", &part[1], err);
    if (s != TD_OK) return s;
    part[2] = td_node_find(place, "fixed_keep");
    td_node *n = td_node_map(a);
    for (int i = 0; i < 3; i++) {
        td_node *copy = part[i] != NULL ? TD_NEW(a, td_node, 1) : NULL;
        if (copy == NULL) continue;
        *copy = *part[i];
        td_node_put(a, n, key[i], copy);
    }
    s = td_case_from_node(n, out, err);
    /* As that mapper has it: a dim stands along X or along Y. */
    out->hw.rules.one_axis = true;
    return s;
}

static inline td_status baseline_load(const char *path, td_arena *a, baseline_layer **out, int *n,
                                      td_error *err) {
    const td_node *doc, *archs, *rows;
    td_status s = td_node_load(a, path, &doc, err);
    if (s == TD_OK) s = td_node_get_map(doc, "archs", &archs, err);
    if (s == TD_OK) s = td_node_get_list(doc, "results", &rows, err);
    if (s != TD_OK) return s;
    baseline_layer *list = TD_NEW(a, baseline_layer, rows->count);
    if (list == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    *n = 0;
    for (int i = 0; i < rows->count; i++) {
        const td_node *row = rows->item[i], *best;
        const char *arch, *net, *layer, *algo;
        int64_t budget;
        double edp;
        if (td_node_find(row, "best") == NULL) continue; /* it found nothing */
        s = td_node_get_string(row, "arch", &arch, err);
        if (s == TD_OK) s = td_node_get_string(row, "net", &net, err);
        if (s == TD_OK) s = td_node_get_string(row, "layer", &layer, err);
        if (s == TD_OK) s = td_node_get_string(row, "algo", &algo, err);
        if (s == TD_OK) s = td_node_get_int(row, "budget_cpu_s", 0, INT32_MAX, &budget, err);
        if (s == TD_OK) s = td_node_get_map(row, "best", &best, err);
        if (s == TD_OK) s = td_node_get_real(best, "edp_pj_cycles", 0, INFINITY, &edp, err);
        if (s != TD_OK) return s;
        int k = 0;
        while (k < *n && (strcmp(list[k].arch, arch) != 0 || strcmp(list[k].net, net) != 0 ||
                          strcmp(list[k].layer, layer) != 0))
            k++;
        baseline_layer *x = &list[k];
        if (k == *n) {
            *x = (baseline_layer){
                arch, net, layer, .at_10_s = INFINITY, .at_60_s = INFINITY, .best = INFINITY};
            s = baseline_case(archs, row, a, &x->c, err);
            if (s != TD_OK) return s;
            ++*n;
        }
        if (edp < x->best) x->best = edp;
        if (strcmp(algo, "random_pruned") != 0) continue;
        if (budget == 10) x->at_10_s = edp;
        if (budget == 60) x->at_60_s = edp;
    }
    *out = list;
    return TD_OK;
}

/* The question that it was asked: least energy-delay product in its own counting. */
static inline void baseline_query(const td_case *c, td_map_query *q) {
    td_map_query_default(q, &c->hw);
    q->objective = TD_OBJ_EDP;
    q->counting = TD_COUNT_TIMELOOP;
    q->max_nodes = 0;
    for (int l = 0; l < c->hw.n; l++)
        if (c->fixed & TD_BIT(l)) q->keep[l] = c->fixed_keep[l];
}

/* Geometric mean and largest of n ratios; of none NAN. */
static inline double baseline_mean(const double *ratio, int n, double *worst) {
    double sum = 0;
    *worst = n > 0 ? 0 : NAN;
    for (int i = 0; i < n; i++) {
        sum += log(ratio[i]);
        if (ratio[i] > *worst) *worst = ratio[i];
    }
    return n > 0 ? exp(sum / n) : NAN;
}

#endif

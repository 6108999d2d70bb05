/* lut.c - latency look-up tables with a bias (HSCoNAS, Luo et al. 2021: latency = sum of the
 * layers' entries + B, B fitted so that the mean error over measured networks is zero). An entry is
 * the latency of a layer alone, as the mapper finds it, with all data in DRAM. */
#include "tandem/predict.h"

#include <stdlib.h>

struct td_lut {
    td_hw hw;
    td_map_query query;
    td_map_cache *cache; /* the table: one entry per distinct problem */
    bool own_cache;
    double bias_s;
};

td_lut *td_lut_create(const td_hw *hw, td_map_cache *cache) {
    td_lut *l = calloc(1, sizeof *l);
    if (l == NULL) return NULL;
    l->hw = *hw;
    td_map_query_default(&l->query, hw);
    l->query.objective = TD_OBJ_LATENCY;
    l->own_cache = cache == NULL;
    l->cache = cache != NULL ? cache : td_map_cache_create(0);
    if (l->cache == NULL) {
        free(l);
        return NULL;
    }
    return l;
}

void td_lut_destroy(td_lut *l) {
    if (l == NULL) return;
    if (l->own_cache) td_map_cache_destroy(l->cache);
    free(l);
}

td_status td_lut_latency(td_lut *l, const td_net *net, double *latency_s, td_error *err) {
    double cycles = 0;
    for (int i = 0; i < td_net_size(net); i++) {
        td_problem p;
        if (!td_layer_problem(net, i, 1, &p)) continue;
        td_map_result r;
        td_status s = td_map_cached(l->cache, &p, &l->hw, &l->query, &r, NULL, err);
        if (s != TD_OK) {
            td_error_prefix(err, "%s", td_net_layer(net, i)->name);
            return s;
        }
        cycles += (double)r.cost.cycles;
    }
    *latency_s = cycles / l->hw.clock_hz + l->bias_s;
    return TD_OK;
}

td_status td_lut_fit(td_lut *l, const td_net *const *net, const double *measured_s, int n,
                     double *error, td_error *err) {
    *error = NAN;
    if (n < 1) return td_fail(err, TD_E_USAGE, "the bias needs at least one measured network");
    for (int i = 0; i < n; i++)
        if (!(measured_s[i] > 0 && measured_s[i] < INFINITY))
            return td_fail(err, TD_E_USAGE, "measurement %d: expected a time > 0, found %g", i,
                           measured_s[i]);
    double *predicted = malloc((size_t)n * sizeof *predicted);
    if (predicted == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = TD_OK;
    double before = l->bias_s, sum = 0;
    l->bias_s = 0;
    for (int i = 0; i < n && s == TD_OK; i++) {
        s = td_lut_latency(l, net[i], &predicted[i], err);
        if (s == TD_OK) sum += measured_s[i] - predicted[i];
    }
    if (s == TD_OK) {
        l->bias_s = sum / n;
        double total = 0;
        for (int i = 0; i < n; i++)
            total += fabs(predicted[i] + l->bias_s - measured_s[i]) / measured_s[i];
        *error = total / n;
    } else {
        l->bias_s = before;
    }
    free(predicted);
    return s;
}

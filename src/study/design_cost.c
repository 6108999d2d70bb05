/* design_cost.c - what a design costs: of one network, or of the networks of a workload together.
 */
#include <string.h>

#include "row.h"

static void combine(const td_design *d, const double *latency, const double *energy,
                    double metric[TD_NMETRIC]) {
    double l = latency[0], e = energy[0];
    if (d->workload != NULL) {
        l = td_workload_combine(d->workload, latency);
        e = td_workload_combine(d->workload, energy);
    }
    metric[TD_METRIC_LATENCY] = l;
    metric[TD_METRIC_ENERGY] = e;
    metric[TD_METRIC_AREA] = d->hw.area_mm2;
    metric[TD_METRIC_POWER] = l > 0 ? e / l : 0;
}

td_status td__design_cost(const td_design *d, const td_schedule_options *o,
                          double metric[TD_NMETRIC], td_schedule *schedule, td_error *err) {
    double latency[TD_MAX_WORKLOAD], energy[TD_MAX_WORKLOAD];
    int n = td_design_net_count(d);
    td_status s = n > 0 ? TD_OK : td_fail(err, TD_E_USAGE, "a design without a network");
    if (schedule != NULL && n > 0) memset(schedule, 0, sizeof *schedule * (size_t)n);
    for (int i = 0; s == TD_OK && i < n; i++) {
        td_schedule one = {0};
        s = td_schedule_best(td_design_net(d, i), &d->hw, o, &one, NULL, err);
        if (s == TD_E_INFEASIBLE && d->workload != NULL)
            td_error_prefix(err, "network %s", d->workload->name[i]);
        latency[i] = one.latency_s;
        energy[i] = one.energy_j;
        if (schedule != NULL)
            schedule[i] = one;
        else
            td_schedule_free(&one);
    }
    if (s == TD_OK) combine(d, latency, energy, metric);
    for (int i = 0; s != TD_OK && schedule != NULL && i < n; i++) {
        td_schedule_free(&schedule[i]);
        memset(&schedule[i], 0, sizeof schedule[i]);
    }
    return s;
}

uint64_t td__design_key(uint64_t net_hash, uint64_t hw_hash) {
    uint64_t both[2] = {net_hash, hw_hash};
    return td_hash(both, sizeof both, 0);
}

/* design_cost.c - what a design costs: of one network, or of the networks of a workload together.
 */
#include <string.h>

#include "row.h"

/* latency (s) and energy (J) on a valid accelerator, without a schedule to look at. */
static td_status figures(const td_net *net, const td_hw *hw, const td_schedule_options *o,
                         double *latency, double *energy, td_error *err) {
    td_scheduler *s = NULL;
    td_schedule_figures f = {0};
    td_status status = td_hw_check(hw, err);
    if (status == TD_OK) status = td_scheduler_create(net, o, &s, err);
    if (status == TD_OK) status = td_scheduler_cost(s, hw, &f, NULL, err);
    td_scheduler_destroy(s);
    *latency = f.latency_s;
    *energy = f.energy_j;
    return status;
}

static void combine(const td_design *d, const double *latency, const double *energy,
                    double metric[TD_NMETRIC]) {
    double l = latency[0], e = energy[0], power[TD_MAX_WORKLOAD];
    if (d->workload != NULL) {
        l = td_workload_combine(d->workload, latency);
        e = td_workload_combine(d->workload, energy);
    }
    bool worst = d->workload != NULL && d->workload->combine == TD_COMBINE_WORST;
    for (int i = 0; worst && i < d->workload->n; i++)
        power[i] = latency[i] > 0 ? energy[i] / latency[i] : 0;
    metric[TD_METRIC_LATENCY] = l;
    metric[TD_METRIC_ENERGY] = e;
    metric[TD_METRIC_AREA] = d->hw.area_mm2;
    metric[TD_METRIC_POWER] = worst ? td_workload_combine(d->workload, power) : l > 0 ? e / l : 0;
}

td_status td__design_cost(const td_design *d, const td_schedule_options *o,
                          double metric[TD_NMETRIC], td_schedule *schedule, td_error *err) {
    double latency[TD_MAX_WORKLOAD], energy[TD_MAX_WORKLOAD];
    int n = td_design_net_count(d);
    td_status s = n > 0 ? TD_OK : td_fail(err, TD_E_USAGE, "a design without a network");
    if (schedule != NULL && n > 0) memset(schedule, 0, sizeof *schedule * (size_t)n);
    for (int i = 0; s == TD_OK && i < n; i++) {
        if (schedule == NULL) {
            s = figures(td_design_net(d, i), &d->hw, o, &latency[i], &energy[i], err);
        } else {
            s = td_schedule_best(td_design_net(d, i), &d->hw, o, &schedule[i], NULL, err);
            latency[i] = schedule[i].latency_s;
            energy[i] = schedule[i].energy_j;
        }
        if (s == TD_E_INFEASIBLE && d->workload != NULL)
            td_error_prefix(err, "network %s", d->workload->name[i]);
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

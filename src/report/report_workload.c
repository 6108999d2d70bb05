/* report_workload.c - the networks of a workload, each with its own figures on the accelerator. */
#include "report_bits.h"

void td__report_workload(const td_result_row *row, td_text *out) {
    const td_workload *w = row->design.workload;
    td_text_addf(out, "\n%-42s %9s %11s %10s %10s  %s\n",
                 w->combine == TD_COMBINE_SUM ? "network (the workload: weighted mean)"
                                              : "network (the workload: worst weighted one)",
                 "weight", "latency", "energy", "power", "limited by");
    for (int i = 0; i < w->n; i++) {
        const td_schedule *s = &row->part[i];
        const char *limit;
        double share = td__report_limit(s, &limit);
        td_text_addf(out, "%-42s %9.4g %8.1f us %7.2f uJ %7.2f mW  %s, %.0f %% of the time\n",
                     w->name[i], w->weight[i], s->latency_s * 1e6, s->energy_j * 1e6,
                     s->power_w * 1e3, limit, 100 * share);
    }
}

void td__report_workload_why(const td_result_row *row, td_text *out) {
    const td_workload *w = row->design.workload;
    int heaviest = 0;
    double all = 0, most = 0;
    for (int i = 0; i < w->n; i++) {
        double v = w->weight[i] * row->part[i].latency_s;
        all += v;
        if (v > most) heaviest = i;
        most = fmax(most, v);
    }
    const td_schedule *s = &row->part[heaviest];
    const char *limit;
    double share = td__report_limit(s, &limit);
    if (w->combine == TD_COMBINE_SUM)
        td_text_addf(out, "%s takes %.0f %% of the weighted time", w->name[heaviest],
                     100 * most / all);
    else
        td_text_addf(out, "%s takes longest by its weight", w->name[heaviest]);
    td_text_addf(out, "; %.0f %% of its time is limited by %s, %.1f KB of its weights stay on chip",
                 100 * share, limit, (double)s->resident_weight_bytes / 1024);
}

td_node *td__report_workload_node(const td_result_row *row, td_arena *a) {
    const td_workload *w = row->design.workload;
    td_node *list = td_node_list(a);
    for (int i = 0; i < w->n; i++) {
        const td_schedule *s = &row->part[i];
        td_net_totals n;
        td_net_count(w->net[i], &n);
        td_node *m = td_node_push(a, list, td_node_map(a));
        td_node_put_string(a, m, "name", w->name[i]);
        td_node_put_real(a, m, "weight", w->weight[i]);
        td_node_put_real(a, m, "latency_s", s->latency_s);
        td_node_put_real(a, m, "energy_j", s->energy_j);
        td_node_put_real(a, m, "power_w", s->power_w);
        td_node_put_int(a, m, "macs", n.macs);
        td_node_put_int(a, m, "params", n.params);
        td_node_put_int(a, m, "resident_weight_bytes", s->resident_weight_bytes);
        td_node_put_real(a, m, "dram_bytes", s->dram_bytes);
    }
    return list;
}

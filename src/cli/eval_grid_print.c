/* Pairs, and what is best for all networks, as a table, CSV and JSON. */
#include <stdio.h>
#include <string.h>

#include "cli_cell.h"
#include "eval_grid.h"
#include "tandem/report.h"

void eval_limits_text(const eval_limit *limit, int n, int most, td_text *out) {
    for (int i = 0; i < n && i < most && limit[i].share >= 0.005; i++)
        td_text_addf(out, "%s%s %.0f %%", i > 0 ? ", " : "", limit[i].name, 100 * limit[i].share);
}

static const char *combined_name(const eval_grid *g) {
    return g->combine == TD_COMBINE_SUM ? "weighted mean" : "worst case";
}

/* ---- table ------------------------------------------------------------------------------------
 */

static int widest(const char *title, const eval_grid *g, bool machines) {
    int w = (int)strlen(title), n = machines ? g->n_machines : g->n_models;
    for (int i = 0; i < n; i++) {
        int l = (int)strlen(machines ? g->machine[i].name : g->model[i].name);
        if (l > w) w = l;
    }
    return w;
}

static void tell_pairs(const eval_grid *g, int net, int hw, td_text *out) {
    td_text_addf(out, " %-*s  %-*s %10s %10s %9s %6s  %s\n", net, "network", hw, "accelerator",
                 "latency", "energy", "power", "util", "what limits");
    for (int k = 0; k < g->n_models; k++)
        for (int i = 0; i < g->n_machines; i++) {
            const eval_cell *c = &g->cell[i * g->n_models + k];
            td_text_addf(out, " %-*s  %-*s ", net, i == 0 ? g->model[k].name : "", hw,
                         g->machine[i].name);
            if (c->reason != NULL || g->machine[i].reason != NULL) {
                td_text_addf(out, "%s\n", c->reason != NULL ? c->reason : g->machine[i].reason);
                continue;
            }
            td_text_addf(out, "%10s %10s %9s %4.0f %%  ",
                         cli_metric(TD_METRIC_LATENCY, c->metric[TD_METRIC_LATENCY]).s,
                         cli_metric(TD_METRIC_ENERGY, c->metric[TD_METRIC_ENERGY]).s,
                         cli_metric(TD_METRIC_POWER, c->metric[TD_METRIC_POWER]).s,
                         100 * c->utilization);
            eval_limits_text(c->limit, c->n_limits, 3, out);
            td_text_add(out, "\n");
        }
}

/* "weighted mean (0.5 mobilenetv2, 0.3 resnet50)". */
static void tell_weights(const eval_grid *g, td_text *out) {
    td_text_addf(out, "\n%s", combined_name(g));
    for (int i = 0; i < g->n_models; i++)
        td_text_addf(out, "%s%.3g %s", i == 0 ? " of " : ", ", g->model[i].weight,
                     g->model[i].name);
    const char *before = "; at most ";
    for (int m = 0; m < TD_NMETRIC; m++) {
        if (!isfinite(g->limits.most[m])) continue;
        td_text_addf(out, "%s%s", before, cli_metric(m, g->limits.most[m]).s);
        before = ", ";
    }
    td_text_add(out, "\n");
}

static const eval_machine *by_rank(const eval_grid *g, int rank) {
    for (int i = 0; i < g->n_machines; i++)
        if (g->machine[i].rank == rank) return &g->machine[i];
    return NULL;
}

static void tell_machine(const eval_machine *x, const eval_machine *best, int hw, td_text *out) {
    char rank[16] = "-";
    if (x->rank > 0) snprintf(rank, sizeof rank, "%d", x->rank);
    td_text_addf(out, " %4s  %-*s", rank, hw, x->name);
    static const int width[TD_NMETRIC] = {10, 10, 9, 9};
    for (int m = 0; m < TD_NMETRIC; m++)
        td_text_addf(out, " %*s", width[m], cli_metric(m, x->all.metric[m]).s);
    td_text_addf(out, " %5s", x->hw.node[0] != '\0' ? x->hw.node : "-");
    if (x->all.reason != NULL)
        td_text_addf(out, "  out: %s", x->all.reason);
    else if (x == best)
        td_text_add(out, "  best");
    else
        td_text_addf(out, "  latency x %.3g",
                     x->all.metric[TD_METRIC_LATENCY] / best->all.metric[TD_METRIC_LATENCY]);
    if (x->all.reason == NULL && x != best && x->hw.relative_energy == best->hw.relative_energy)
        td_text_addf(out, ", energy x %.3g",
                     x->all.metric[TD_METRIC_ENERGY] / best->all.metric[TD_METRIC_ENERGY]);
    if (x->beaten != NULL) td_text_addf(out, "; nowhere better than %s", x->beaten);
    td_text_add(out, "\n");
}

/* Joules of some and units of others stand in one column. */
static void tell_relative(const eval_grid *g, td_text *out) {
    int told = 0;
    for (int i = 0; i < g->n_machines; i++)
        if (g->machine[i].reason == NULL && g->machine[i].hw.relative_energy)
            td_text_addf(out, "%s%s", told++ > 0 ? ", " : "energies compare with no others: ",
                         g->machine[i].name);
    if (told > 0) td_text_add(out, " (relative units, no joules)\n");
}

/* Of some leakage is in the file, of others it is not: their energies are too low beside those. */
static void tell_leakless(const eval_grid *g, td_text *out) {
    int with = 0, told = 0;
    for (int i = 0; i < g->n_machines; i++)
        with += g->machine[i].reason == NULL && g->machine[i].hw.leak_w > 0;
    for (int i = 0; with > 0 && i < g->n_machines; i++) {
        const td_hw *hw = &g->machine[i].hw;
        if (g->machine[i].reason == NULL && hw->leak_w == 0 && !hw->relative_energy)
            td_text_addf(out, "%s%s",
                         told++ > 0 ? ", " : "energies without leakage: ", g->machine[i].name);
    }
    if (told > 0) td_text_add(out, " (leak_w is not in the file)\n");
}

void eval_grid_table(const eval_grid *g, td_text *out) {
    int net = widest("network", g, false), hw = widest("accelerator", g, true);
    const eval_machine *best = by_rank(g, 1);
    tell_pairs(g, net, hw, out);
    tell_weights(g, out);
    td_text_addf(out, " %4s  %-*s %10s %10s %9s %9s %5s\n", "rank", hw, "accelerator", "latency",
                 "energy", "area", "power", "node");
    for (int r = 1; r <= g->n_machines; r++)
        if (by_rank(g, r) != NULL) tell_machine(by_rank(g, r), best, hw, out);
    for (int i = 0; i < g->n_machines; i++)
        if (g->machine[i].rank == 0) tell_machine(&g->machine[i], best, hw, out);
    tell_relative(g, out);
    tell_leakless(g, out);
    const char *of = g->schedule->objective == TD_OBJ_ENERGY ? "energy" : "latency";
    if (best == NULL && g->n_machines == 1)
        td_text_add(out, "it is not within the limits\n");
    else if (best == NULL)
        td_text_addf(out, "none of the %d is within the limits\n", g->n_machines);
    else
        td_text_addf(out, "best by %s: %s\n", of, best->name);
}

/* ---- CSV --------------------------------------------------------------------------------------
 */

static void csv_row(const char *net, const char *weight, const eval_machine *x, const eval_cell *c,
                    td_text *out) {
    char number[32];
    const char *reason = c->reason != NULL ? c->reason : x->reason;
    td_report_csv_field(out, net);
    td_text_addf(out, ",%s,", weight);
    td_report_csv_field(out, x->name);
    const double v[] = {c->metric[0], c->metric[1], c->metric[2], c->metric[3], c->utilization};
    for (int k = 0; k < 5; k++) {
        if (isfinite(v[k])) td_real_text(v[k], number);
        td_text_addf(out, ",%s", isfinite(v[k]) ? number : "");
    }
    td_text_add(out, ",");
    if (c->n_limits > 0) td_report_csv_field(out, c->limit[0].name);
    if (c == &x->all && x->rank > 0)
        td_text_addf(out, ",%d,%d,", x->rank, x->beaten == NULL);
    else
        td_text_add(out, ",,,");
    if (reason != NULL) td_report_csv_field(out, reason);
    td_text_add(out, "\r\n");
}

void eval_grid_csv(const eval_grid *g, td_text *out) {
    char weight[32];
    td_text_add(out, "network,weight,accelerator,latency_s,energy_j,area_mm2,power_w,utilization,"
                     "limit,rank,front,reason\r\n");
    for (int k = 0; k < g->n_models; k++)
        for (int i = 0; i < g->n_machines; i++) {
            td_real_text(g->model[k].weight, weight);
            csv_row(g->model[k].name, weight, &g->machine[i], &g->cell[i * g->n_models + k], out);
        }
    for (int i = 0; i < g->n_machines; i++)
        csv_row(combined_name(g), "", &g->machine[i], &g->machine[i].all, out);
}

/* ---- JSON -------------------------------------------------------------------------------------
 */

static void put_cell(td_node *n, const eval_cell *c, td_arena *a) {
    const td_metric_entry *metric = td_metric_list();
    for (int m = 0; m < TD_NMETRIC; m++)
        if (isfinite(c->metric[m])) td_node_put_real(a, n, metric[m].si_key, c->metric[m]);
    if (isfinite(c->utilization)) td_node_put_real(a, n, "utilization", c->utilization);
    if (c->n_limits > 0) {
        td_node *list = td_node_put(a, n, "limits", td_node_list(a));
        for (int k = 0; k < c->n_limits; k++) {
            td_node *l = td_node_push(a, list, td_node_map(a));
            td_node_put_string(a, l, "limit", c->limit[k].name);
            td_node_put_real(a, l, "share", c->limit[k].share);
        }
    }
    if (c->reason != NULL) td_node_put_string(a, n, "reason", c->reason);
}

td_node *eval_grid_node(const eval_grid *g, td_arena *a) {
    const td_metric_entry *metric = td_metric_list();
    td_node *n = td_node_map(a);
    td_node_put_string(a, n, "combine", g->combine == TD_COMBINE_SUM ? "sum" : "worst");
    td_node_put_string(a, n, "objective",
                       g->schedule->objective == TD_OBJ_ENERGY ? "energy" : "latency");
    td_node *limits = td_node_put(a, n, "limits", td_node_map(a));
    for (int m = 0; m < TD_NMETRIC; m++)
        if (isfinite(g->limits.most[m]))
            td_node_put_real(a, limits, metric[m].si_key, g->limits.most[m]);
    td_node *nets = td_node_put(a, n, "networks", td_node_list(a));
    for (int k = 0; k < g->n_models; k++) {
        td_node *x = td_node_push(a, nets, td_node_map(a));
        td_net_totals total;
        td_net_count(g->model[k].net, &total);
        td_node_put_string(a, x, "network", g->model[k].name);
        td_node_put_real(a, x, "weight", g->model[k].weight);
        td_node_put_int(a, x, "macs", total.macs);
        td_node_put_int(a, x, "parameters", total.params);
    }
    td_node *pairs = td_node_put(a, n, "pairs", td_node_list(a));
    td_node *machines = td_node_put(a, n, "accelerators", td_node_list(a));
    for (int i = 0; i < g->n_machines; i++) {
        const eval_machine *m = &g->machine[i];
        for (int k = 0; k < g->n_models; k++) {
            td_node *x = td_node_push(a, pairs, td_node_map(a));
            td_node_put_string(a, x, "network", g->model[k].name);
            td_node_put_string(a, x, "accelerator", m->name);
            put_cell(x, &g->cell[i * g->n_models + k], a);
        }
        td_node *x = td_node_push(a, machines, td_node_map(a));
        td_node_put_string(a, x, "accelerator", m->name);
        if (m->hw.relative_energy) td_node_put_bool(a, x, "relative_energy", true);
        if (m->reason == NULL) td_node_put_bool(a, x, "leakage", m->hw.leak_w > 0);
        if (m->rank > 0) td_node_put_int(a, x, "rank", m->rank);
        if (m->rank > 0) td_node_put_bool(a, x, "front", m->beaten == NULL);
        put_cell(x, &m->all, a);
    }
    return n;
}

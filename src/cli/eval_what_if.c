/* The present beside what would be, for `tandem eval --what-if`. */
#include <stdio.h>
#include <string.h>

#include "cli_cell.h"
#include "eval_grid.h"

static const int told[] = {TD_METRIC_LATENCY, TD_METRIC_ENERGY, TD_METRIC_AREA, TD_METRIC_POWER};
enum { N_TOLD = sizeof told / sizeof told[0] };

static bool changes(const eval_cell *c, const eval_cell *now) {
    return c->metric[TD_METRIC_LATENCY] != now->metric[TD_METRIC_LATENCY] ||
           c->metric[TD_METRIC_ENERGY] != now->metric[TD_METRIC_ENERGY];
}

void eval_what_if_table(const eval_grid *g, td_text *out) {
    int width = 8;
    bool unpriced = false;
    const eval_cell *now = &g->cell[0];
    for (int i = 1; i < g->n_machines; i++)
        if ((int)strlen(g->machine[i].name) > width) width = (int)strlen(g->machine[i].name);
    td_text_addf(out, "\n %-*s %19s %19s %19s %19s  %s\n", width, "what if", "latency", "energy",
                 "area", "power", "what limits");
    for (int i = 0; i < g->n_machines; i++) {
        const eval_machine *m = &g->machine[i];
        const eval_cell *c = &g->cell[i];
        const char *reason = m->reason != NULL ? m->reason : c->reason;
        td_text_addf(out, " %-*s ", width, i == 0 ? "now" : m->name);
        if (reason != NULL) {
            td_text_addf(out, "%s\n", reason);
            continue;
        }
        const bool free_of_charge = i > 0 && g->machine[0].area_follows && changes(c, now) &&
                                    c->metric[TD_METRIC_AREA] == now->metric[TD_METRIC_AREA];
        unpriced |= free_of_charge;
        for (int k = 0; k < N_TOLD; k++) {
            double v = c->metric[told[k]];
            const char *change = i > 0 ? cli_change(v, now->metric[told[k]]).s : "";
            if (told[k] == TD_METRIC_AREA && free_of_charge) change = "-";
            td_text_addf(out, "%10s %8s ", cli_metric(told[k], v).s, change);
        }
        td_text_add(out, " ");
        eval_limits_text(c->limit, c->n_limits, 3, out);
        td_text_add(out, "\n");
    }
    if (!g->machine[0].area_follows)
        td_text_add(out, " (what a change costs in area: not in the file)\n");
    if (unpriced)
        td_text_add(out,
                    " (-: the template has no price for it, neither in area nor in voltage)\n");
}

td_node *eval_what_if_node(const eval_grid *g, td_arena *a) {
    const td_metric_entry *metric = td_metric_list();
    td_node *list = td_node_list(a);
    const eval_cell *now = &g->cell[0];
    for (int i = 1; i < g->n_machines; i++) {
        const eval_cell *c = &g->cell[i];
        const char *reason = g->machine[i].reason != NULL ? g->machine[i].reason : c->reason;
        td_node *n = td_node_push(a, list, td_node_map(a));
        td_node_put_string(a, n, "set", g->machine[i].name);
        if (reason != NULL) {
            td_node_put_string(a, n, "reason", reason);
            continue;
        }
        for (int k = 0; k < N_TOLD; k++) {
            double v = c->metric[told[k]], was = now->metric[told[k]];
            if (!isfinite(v)) continue;
            td_node_put_real(a, n, metric[told[k]].si_key, v);
            const char *key = td_arena_printf(a, "%s_ratio", metric[told[k]].name);
            if (key != NULL && isfinite(v / was)) td_node_put_real(a, n, key, v / was);
        }
        td_node *limits = td_node_put(a, n, "limits", td_node_list(a));
        for (int k = 0; k < c->n_limits; k++) {
            td_node *l = td_node_push(a, limits, td_node_map(a));
            td_node_put_string(a, l, "limit", c->limit[k].name);
            td_node_put_real(a, l, "share", c->limit[k].share);
        }
    }
    return list;
}

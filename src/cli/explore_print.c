/* What was found, as a table, CSV and JSON. */
#include <stdio.h>
#include <string.h>

#include "cli_cell.h"
#include "explore_result.h"
#include "tandem/report.h"

enum { MOST_ROWS = 40 };

static void tell_counts(const explore_result *x, td_text *out) {
    td_text_addf(out, "%s accelerators %s: %s", cli_thousands(x->n).s,
                 x->whole ? "(all)" : "(by search)",
                 cli_thousands((double)x->count[TD_RESULT_MEETS]).s);
    td_text_addf(out, " %s", cli_limits_any(&x->ask->limits) ? "within the limits" : "run");
    if (x->count[TD_RESULT_MISSES] > 0)
        td_text_addf(out, ", %s beyond them", cli_thousands((double)x->count[TD_RESULT_MISSES]).s);
    if (x->count[TD_RESULT_UNBUILT] > 0)
        td_text_addf(out, ", %s cannot be built",
                     cli_thousands((double)x->count[TD_RESULT_UNBUILT]).s);
    td_text_addf(out, "; %d on the front of latency%s\n", x->n_front,
                 x->with_area ? ", energy and area"
                              : " and energy (the area is a number of the file)");
}

/* An area that does not follow what varies tells nothing. */
static bool shown(const explore_result *x, int metric) {
    return metric != TD_METRIC_AREA || x->with_area;
}

static void tell_row(const explore_result *x, int trial, const int *width, td_arena *a,
                     td_text *out) {
    const td_trial_row *t = &x->trial[trial];
    static const int wide[] = {10, 10, 9, 9};
    td_text_add(out, " ");
    for (int i = 0; i < x->space->n; i++)
        td_text_addf(out, "%*s ", width[i],
                     explore_choice(&x->space->d[i], x->choice[trial].v[i], a));
    for (int m = 0; m < TD_NMETRIC; m++)
        if (shown(x, m)) td_text_addf(out, "%*s ", wide[m], cli_metric(m, t->metric[m]).s);
    if (out->size > 0 && out->data[out->size - 1] == ' ') out->data[--out->size] = '\0';
    td_text_add(out, "\n");
}

/* The trial of the front with the least of a metric. */
static int least(const explore_result *x, int metric) {
    int best = -1;
    for (int i = 0; i < x->n_front; i++)
        if (best < 0 || x->trial[x->front[i]].metric[metric] < x->trial[best].metric[metric])
            best = x->front[i];
    return best;
}

/* The accelerator of a trial as `--hw` takes it. */
static const char *hw_of(const explore_result *x, int trial, td_arena *a) {
    td_text t = {0};
    td_text_add(&t, x->ask->hw);
    for (int i = 0; i < x->ask->set.n; i++) td_text_addf(&t, ",%s", x->ask->set.value[i]);
    for (int i = 0; i < x->ask->n_vary; i++) /* one value: no decision */
        if (strchr(x->ask->vary[i], '=') != NULL && strchr(x->ask->vary[i], ',') == NULL)
            td_text_addf(&t, ",%s", x->ask->vary[i]);
    for (int i = 0; i < x->space->n; i++)
        td_text_addf(&t, ",%s=%s", x->space->d[i].name,
                     explore_choice(&x->space->d[i], x->choice[trial].v[i], a));
    const char *text = t.data != NULL && !t.failed ? td_arena_strdup(a, t.data) : NULL;
    td_text_free(&t);
    return text != NULL ? text : "";
}

static void tell_heat(const explore_result *x, const explore_heat *h, td_arena *a, td_text *out) {
    const td_decision *dx = &x->space->d[h->x], *dy = &x->space->d[h->y];
    int width = 10;
    td_text_addf(out, "\nleast %s%s by %s (across) and %s%s\n", td_metric_list()[h->metric].name,
                 x->whole ? "" : " found", dx->name, dy->name,
                 x->space->n > 2 ? ", over all others" : "");
    td_text_addf(out, " %*s", width, "");
    for (int i = 0; i < dx->n; i++) td_text_addf(out, " %*s", width, explore_choice(dx, i, a));
    td_text_add(out, "\n");
    for (int k = 0; k < dy->n; k++) {
        td_text_addf(out, " %*s", width, explore_choice(dy, k, a));
        for (int i = 0; i < dx->n; i++)
            td_text_addf(out, " %*s", width, cli_metric(h->metric, h->v[k * dx->n + i]).s);
        td_text_add(out, "\n");
    }
}

/* Of the edge template; those are better than they would be. */
static void tell_unpriced(const explore_result *x, td_text *out) {
    static const char *const unpriced[] = {"clock_ghz", "port_bytes", "local_ports"};
    int told = 0;
    for (int i = 0; x->with_area && i < x->space->n; i++)
        for (size_t k = 0; k < sizeof unpriced / sizeof unpriced[0]; k++)
            if (strcmp(x->space->d[i].name, unpriced[k]) == 0 && x->space->d[i].n > 1)
                td_text_addf(
                    out, "%s%s",
                    told++ > 0 ? ", " : "without a price in area or voltage: ", unpriced[k]);
    if (told > 0) td_text_add(out, "\n");
}

void explore_table(const explore_result *x, td_arena *a, td_text *out) {
    int *width = TD_NEW(a, int, x->space->n + 1);
    static const char *const title[] = {"latency", "energy", "area", "power"};
    if (width == NULL) return;
    tell_counts(x, out);
    td_text_add(out, " ");
    for (int i = 0; i < x->space->n; i++) {
        width[i] = (int)strlen(x->space->d[i].name);
        if (width[i] < 6) width[i] = 6;
        td_text_addf(out, "%*s ", width[i], x->space->d[i].name);
    }
    for (int m = 0; m < TD_NMETRIC; m++)
        if (shown(x, m)) td_text_addf(out, "%*s%s", m < 2 ? 10 : 9, title[m], m < 3 ? " " : "\n");
    for (int i = 0; i < x->n_front && i < MOST_ROWS; i++) tell_row(x, x->front[i], width, a, out);
    if (x->n_front > MOST_ROWS)
        td_text_addf(out, " ... and %d more in %s/front.csv\n", x->n_front - MOST_ROWS,
                     x->ask->search.out);
    for (int i = 0; i < x->n_heat; i++) tell_heat(x, &x->heat[i], a, out);
    if (x->n_front == 0) return;
    td_text_add(out, "\n");
    for (int m = 0; m <= TD_METRIC_AREA; m++)
        if (shown(x, m))
            td_text_addf(out, "least %s: --hw '%s'\n", td_metric_list()[m].name,
                         hw_of(x, least(x, m), a));
    tell_unpriced(x, out);
    td_text_addf(out, "front, all designs, pictures: %s\n", x->ask->search.out);
}

void explore_csv(const explore_result *x, td_arena *a, td_text *out) {
    char number[32];
    td_text_add(out, "trial");
    for (int i = 0; i < x->space->n; i++) {
        td_text_add(out, ",");
        td_report_csv_field(out, x->space->d[i].name);
    }
    td_text_add(out, ",latency_s,energy_j,area_mm2,power_w\r\n");
    for (int k = 0; k < x->n_front; k++) {
        int t = x->front[k];
        td_text_addf(out, "%lld", (long long)x->trial[t].number);
        for (int i = 0; i < x->space->n; i++) {
            td_text_add(out, ",");
            td_report_csv_field(out, explore_choice(&x->space->d[i], x->choice[t].v[i], a));
        }
        for (int m = 0; m < TD_NMETRIC; m++) {
            td_real_text(x->trial[t].metric[m], number);
            bool known = shown(x, m) && isfinite(x->trial[t].metric[m]);
            td_text_addf(out, ",%s", known ? number : "");
        }
        td_text_add(out, "\r\n");
    }
}

static void put_design(const explore_result *x, int t, td_arena *a, td_node *n) {
    const td_metric_entry *metric = td_metric_list();
    td_node_put_int(a, n, "trial", x->trial[t].number);
    td_node_put(a, n, "choices", td_choices_to_node(x->space, &x->choice[t], a));
    td_node_put_string(a, n, "hw", hw_of(x, t, a));
    for (int m = 0; m < TD_NMETRIC; m++)
        if (shown(x, m) && isfinite(x->trial[t].metric[m]))
            td_node_put_real(a, n, metric[m].si_key, x->trial[t].metric[m]);
}

td_node *explore_node(const explore_result *x, td_arena *a) {
    td_node *n = td_node_map(a);
    td_node_put_int(a, n, "accelerators", x->n);
    td_node_put_bool(a, n, "all", x->whole);
    td_node_put_int(a, n, "within_limits", x->count[TD_RESULT_MEETS]);
    td_node_put_int(a, n, "beyond_limits", x->count[TD_RESULT_MISSES]);
    td_node_put_int(a, n, "cannot_be_built", x->count[TD_RESULT_UNBUILT]);
    td_node_put_string(a, n, "folder", x->ask->search.out);
    td_node *front = td_node_put(a, n, "front", td_node_list(a));
    for (int i = 0; i < x->n_front; i++)
        put_design(x, x->front[i], a, td_node_push(a, front, td_node_map(a)));
    td_node *heat = td_node_put(a, n, "heat_maps", td_node_list(a));
    for (int i = 0; i < x->n_heat; i++) {
        const explore_heat *h = &x->heat[i];
        const td_decision *dx = &x->space->d[h->x], *dy = &x->space->d[h->y];
        td_node *m = td_node_push(a, heat, td_node_map(a));
        td_node_put_string(a, m, "x", dx->name);
        td_node_put_string(a, m, "y", dy->name);
        td_node_put_string(a, m, "metric", td_metric_list()[h->metric].si_key);
        td_node *cells = td_node_put(a, m, "cells", td_node_list(a));
        for (int k = 0; k < dx->n * dy->n; k++) {
            td_node *c = td_node_push(a, cells, td_node_map(a));
            td_node_put(a, c, "x", td_node_scalar(a, explore_choice(dx, k % dx->n, a)));
            td_node_put(a, c, "y", td_node_scalar(a, explore_choice(dy, k / dx->n, a)));
            td_node_put(a, c, "value",
                        isfinite(h->v[k]) ? td_node_real(a, h->v[k]) : td_node_null(a));
            if (h->best[k] >= 0) td_node_put_int(a, c, "trial", h->best[k]);
        }
    }
    return n;
}

/* The pictures of an exploration, and their numbers. */
#include <stdio.h>
#include <string.h>

#include "cli_plot.h"
#include "explore_result.h"
#include "tandem/report.h"

static const char *const si[TD_NMETRIC] = {"s", "J", "mm2", "W"};

static double least_of(const double *v, int n) {
    double least = INFINITY;
    for (int i = 0; i < n; i++)
        if (v[i] < least) least = v[i];
    return isfinite(least) ? least : 1;
}

static const char *networks_of(const explore_result *x, td_arena *a) {
    td_text t = {0};
    for (int i = 0; i < x->ask->n_nets; i++) {
        const char *slash = strrchr(x->ask->nets[i], '/');
        td_text_addf(&t, "%s%s", i > 0 ? ", " : "", slash != NULL ? slash + 1 : x->ask->nets[i]);
    }
    if (t.size > 60) {
        td_text_free(&t);
        return td_arena_printf(a, "%d networks", x->ask->n_nets);
    }
    const char *text = t.data != NULL ? td_arena_strdup(a, t.data) : NULL;
    td_text_free(&t);
    return text != NULL ? text : "";
}

static td_status draw_front(const explore_result *x, td_arena *a, td_text *svg, td_error *err) {
    double *v[3], scale[3];
    char unit[3][8];
    for (int m = 0; m < 3; m++) {
        v[m] = TD_NEW(a, double, x->n + 1);
        if (v[m] == NULL) return td_fail(err, TD_E_MEMORY, "out of memory for the plots");
        for (int i = 0; i < x->n; i++)
            v[m][i] =
                td_trial_result(&x->trial[i]) == TD_RESULT_MEETS ? x->trial[i].metric[m] : NAN;
        scale[m] = cli_plot_unit(least_of(v[m], x->n), si[m], unit[m]);
        for (int i = 0; i < x->n; i++) v[m][i] *= scale[m];
    }
    const td_plot_cloud cloud = {.x = v[0],
                                 .y = v[1],
                                 .z = x->with_area ? v[2] : NULL,
                                 .front = x->on_front,
                                 .n = x->n,
                                 .z_label = "area, mm2"};
    const td_plot p = {.title = td_arena_printf(a, "%s on %s: front of %d designs",
                                                networks_of(x, a), x->ask->hw, x->n_front),
                       .x_label = td_arena_printf(a, "latency, %s", unit[0]),
                       .y_label = td_arena_printf(a, "energy, %s", unit[1]),
                       .log_x = true,
                       .log_y = true};
    return td_plot_points(&p, &cloud, svg, err);
}

static td_status draw_heat(const explore_result *x, const explore_heat *h, td_arena *a,
                           td_text *svg, td_error *err) {
    const td_decision *d[2] = {&x->space->d[h->x], &x->space->d[h->y]};
    const char **tick[2];
    int n = d[0]->n * d[1]->n;
    char unit[8];
    double scale = cli_plot_unit(least_of(h->v, n), si[h->metric], unit), *v = TD_NEW(a, double, n);
    for (int k = 0; k < 2; k++) {
        tick[k] = TD_NEW(a, const char *, d[k]->n);
        for (int i = 0; tick[k] != NULL && i < d[k]->n; i++)
            if ((tick[k][i] = explore_choice(d[k], i, a)) == NULL) tick[k] = NULL;
    }
    if (v == NULL || tick[0] == NULL || tick[1] == NULL)
        return td_fail(err, TD_E_MEMORY, "out of memory for the plots");
    for (int i = 0; i < n; i++) v[i] = scale * h->v[i];
    const char *name = td_metric_list()[h->metric].name;
    const td_plot_heat map = {.x_tick = tick[0],
                              .y_tick = tick[1],
                              .nx = d[0]->n,
                              .ny = d[1]->n,
                              .v = v,
                              .label = td_arena_printf(a, "%s, %s", name, unit)};
    const td_plot p = {.title = td_arena_printf(a, "%s on %s: least %s%s, %s", networks_of(x, a),
                                                x->ask->hw, name, x->whole ? "" : " found", unit),
                       .x_label = d[0]->name,
                       .y_label = d[1]->name};
    return td_plot_heat_map(&p, &map, svg, err);
}

static void heat_csv(const explore_result *x, const explore_heat *h, td_arena *a, td_text *out) {
    const td_decision *dx = &x->space->d[h->x], *dy = &x->space->d[h->y];
    char number[32];
    td_report_csv_field(out, dx->name);
    td_text_add(out, ",");
    td_report_csv_field(out, dy->name);
    td_text_addf(out, ",%s,trial\r\n", td_metric_list()[h->metric].si_key);
    for (int k = 0; k < dx->n * dy->n; k++) {
        td_text_addf(out, "%s,%s,", explore_choice(dx, k % dx->n, a),
                     explore_choice(dy, k / dx->n, a));
        td_real_text(h->v[k], number);
        if (h->best[k] >= 0) td_text_addf(out, "%s,%lld", number, (long long)h->best[k]);
        td_text_add(out, h->best[k] >= 0 ? "\r\n" : ",\r\n");
    }
}

/* Keys may be paths: what is no letter or digit becomes "_". */
static char *file_name(const explore_result *x, const explore_heat *h, td_arena *a) {
    char *name = td_arena_printf(a, "heat-%s-%s-%s", x->space->d[h->x].name, x->space->d[h->y].name,
                                 td_metric_list()[h->metric].name);
    static const char fit[] = "-_.abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    for (char *c = name; c != NULL && *c != '\0'; c++)
        if (strchr(fit, *c) == NULL) *c = '_';
    return name;
}

static td_status write_csv(const explore_result *x, const char *name, const td_text *t, td_arena *a,
                           td_error *err) {
    const char *path = td_arena_printf(a, "%s/%s.csv", x->ask->search.out, name);
    if (path == NULL || t->failed) return td_fail(err, TD_E_MEMORY, "out of memory");
    return td_file_write(path, t->data, t->size, err);
}

td_status explore_files(const explore_result *x, td_arena *a, td_error *err) {
    td_text svg = {0}, csv = {0};
    explore_csv(x, a, &csv);
    td_status s = write_csv(x, "front", &csv, a, err);
    if (s == TD_OK) s = draw_front(x, a, &svg, err);
    if (s == TD_OK) s = cli_plot_both(&svg, x->ask->search.out, "front", err);
    for (int i = 0; s == TD_OK && i < x->n_heat; i++) {
        const char *name = file_name(x, &x->heat[i], a);
        svg.size = csv.size = 0;
        heat_csv(x, &x->heat[i], a, &csv);
        s = name != NULL ? write_csv(x, name, &csv, a, err)
                         : td_fail(err, TD_E_MEMORY, "out of memory");
        if (s == TD_OK) s = draw_heat(x, &x->heat[i], a, &svg, err);
        if (s == TD_OK) s = cli_plot_both(&svg, x->ask->search.out, name, err);
    }
    td_text_free(&svg);
    td_text_free(&csv);
    return s;
}

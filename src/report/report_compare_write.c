/* report_compare_write.c - the files of a comparison: figures as CSV and JSON, and plots. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tandem/report.h"

static td_status no_memory(td_error *err) {
    return td_fail(err, TD_E_MEMORY, "out of memory");
}

static td_status write_text(const char *dir, const char *name, td_text *t, td_arena *a,
                            td_error *err) {
    const char *path = td_arena_printf(a, "%s/%s", dir, name);
    td_status s = t->failed || path == NULL
                      ? no_memory(err)
                      : td_file_write(path, t->data != NULL ? t->data : "", t->size, err);
    td_text_free(t);
    return s;
}

static const td_compare_run *run_of(const td_comparison *c, int seed, int target, int method) {
    return &c->run[(seed * c->ntarget + target) * c->nmethod + method];
}

/* ---- curves ---------------------------------------------------------------------------------- */

/* Where a step or an end of a run stands: trials, or trained networks. */
static double spent(int64_t trials, int64_t trained, bool by_trained) {
    return (double)(by_trained ? trained : trials);
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Best so far of a run when so much was spent. */
static double best_at(const td_compare_run *r, double x, bool by_trained) {
    double best = -INFINITY;
    for (int i = 0; i < r->nstep && spent(r->step[i].trials, r->step[i].trained, by_trained) <= x;
         i++)
        best = r->step[i].quality;
    return best;
}

/* Median and quartiles over the seeds at each place where some run changes, and at the end. A run
 * that has ended keeps what it has found. */
static td_status curve_of(const td_comparison *c, int target, int method, bool by_trained,
                          td_arena *a, td_plot_line *line, td_error *err) {
    int n = 0, most = c->nseed;
    for (int k = 0; k < c->nseed; k++) most += run_of(c, k, target, method)->nstep;
    double *x = TD_NEW(a, double, 4 * most), *v = TD_NEW(a, double, c->nseed);
    if (x == NULL || v == NULL) return no_memory(err);
    for (int k = 0; k < c->nseed; k++) {
        const td_compare_run *r = run_of(c, k, target, method);
        for (int i = 0; i < r->nstep; i++)
            x[n++] = spent(r->step[i].trials, r->step[i].trained, by_trained);
        const td_compare_score *end = &r->score[c->nbudget - 1];
        x[n++] = spent(end->trials, end->trained, by_trained);
    }
    qsort(x, (size_t)n, sizeof *x, by_value);
    int distinct = 0;
    for (int i = 0; i < n; i++)
        if (i == 0 || x[i] != x[distinct - 1]) x[distinct++] = x[i];
    double *median = x + most, *low = x + 2 * most, *high = x + 3 * most;
    for (int i = 0; i < distinct; i++) {
        for (int k = 0; k < c->nseed; k++) {
            double best = best_at(run_of(c, k, target, method), x[i], by_trained);
            v[k] = 100 * (c->optimum > 0 ? c->optimum - best : best);
        }
        median[i] = td_quantile(v, c->nseed, 0.5);
        low[i] = td_quantile(v, c->nseed, 0.25);
        high[i] = td_quantile(v, c->nseed, 0.75);
    }
    *line = (td_plot_line){.label = c->method[method].label,
                           .x = x,
                           .y = median,
                           .low = low,
                           .high = high,
                           .n = distinct};
    return TD_OK;
}

static td_status write_curves(const td_comparison *c, int target, bool by_trained, const char *dir,
                              td_arena *a, td_error *err) {
    td_plot_line *line = TD_NEW(a, td_plot_line, c->nmethod);
    td_text svg = {0};
    td_status s = line != NULL ? TD_OK : no_memory(err);
    for (int m = 0; s == TD_OK && m < c->nmethod; m++)
        s = curve_of(c, target, m, by_trained, a, &line[m], err);
    bool regret = c->optimum > 0;
    const char *title =
        td_arena_printf(a, "%s%s%s: %s, median and quartiles of %d runs", c->name,
                        c->target[target].label[0] ? " " : "", c->target[target].label,
                        regret ? "regret" : "best so far", c->nseed);
    const td_plot p = {.title = title,
                       .x_label = by_trained ? "trained networks" : "trials",
                       .y_label =
                           regret ? "optimum less accuracy of the best so far (%; 0 at the foot)"
                                  : "accuracy of the best design that meets the targets (%)",
                       .log_x = !by_trained,
                       .log_y = regret};
    if (s == TD_OK) s = td_plot_lines(&p, line, c->nmethod, &svg, err);
    if (s == TD_OK) return write_text(dir, by_trained ? "trained.svg" : "curves.svg", &svg, a, err);
    td_text_free(&svg);
    return s;
}

/* ---- final qualities ------------------------------------------------------------------------- */

static td_status write_strips(const td_comparison *c, int target, const char *dir, td_arena *a,
                              td_error *err) {
    td_plot_strip *strip = TD_NEW(a, td_plot_strip, c->nmethod);
    td_compare_stat *st = TD_NEW(a, td_compare_stat, c->nmethod);
    td_text svg = {0};
    int last = c->nbudget - 1;
    td_status s = strip != NULL && st != NULL ? td_compare_statistics(c, target, last, st, err)
                                              : no_memory(err);
    for (int m = 0; s == TD_OK && m < c->nmethod; m++) {
        double *v = TD_NEW(a, double, c->nseed);
        if (v == NULL) return no_memory(err);
        for (int k = 0; k < c->nseed; k++)
            v[k] = 100 * run_of(c, k, target, m)->score[last].quality;
        strip[m] = (td_plot_strip){.label = c->method[m].label,
                                   .v = v,
                                   .n = c->nseed,
                                   .median = 100 * st[m].quality.median,
                                   .low = 100 * st[m].quality.low,
                                   .high = 100 * st[m].quality.high};
        if (!st[m].known)
            strip[m].note = "not known: the fixed network has no accuracy";
        else if (st[m].feasible < st[m].n)
            strip[m].note = td_arena_printf(a, "%d of %d: no design that meets the targets",
                                            st[m].n - st[m].feasible, st[m].n);
    }
    const char *title = td_arena_printf(a, "%s%s%s: %lld trials, median with 95 %% interval",
                                        c->name, c->target[target].label[0] ? " " : "",
                                        c->target[target].label, (long long)c->budget[last]);
    const td_plot p = {.title = title,
                       .x_label = "accuracy of the best design that meets the targets (%)"};
    if (s == TD_OK) s = td_plot_strips(&p, strip, c->nmethod, &svg, err);
    if (s == TD_OK) return write_text(dir, "quality.svg", &svg, a, err);
    td_text_free(&svg);
    return s;
}

/* Trials that cost a training: without them the second plot says nothing. */
static bool trains(const td_comparison *c) {
    for (int i = 0; i < c->nrun; i++)
        if (c->run[i].score[c->nbudget - 1].trained > 0) return true;
    return false;
}

/* The folder of a set of targets: that of its runs, above the method's. */
static const char *folder_of(const td_comparison *c, int target, const char *out, td_arena *a) {
    if (c->target[target].value == NULL) return out;
    const char *run = run_of(c, 0, target, 0)->out;
    const char *end = strrchr(run, '/');
    while (end > run && *--end != '/') {
    }
    return td_arena_printf(a, "%.*s", (int)(end - run), run);
}

/* ---- tables that were there ------------------------------------------------------------------ */

static bool has_label(const td_node *list, const char *key, const char *label) {
    for (int i = 0; list != NULL && i < list->count; i++) {
        const td_node *one = td_node_find(list->item[i], key);
        if (one != NULL && one->text != NULL && strcmp(one->text, label) == 0) return true;
    }
    return false;
}

static int64_t int_of(const td_node *map, const char *key) {
    const td_node *n = td_node_find(map, key);
    return n != NULL && n->kind == TD_INT ? n->integer : 0;
}

static bool labels_within(const td_node *old, const td_node *now, const char *list,
                          const char *key) {
    const td_node *all = td_node_find(old, list);
    for (int i = 0; all != NULL && i < all->count; i++) {
        const td_node *label = td_node_find(all->item[i], key);
        if (label != NULL && label->text != NULL &&
            !has_label(td_node_find(now, list), key, label->text))
            return false;
    }
    return true;
}

/* Whether the figures of one comparison stand in another one, which has more seeds, methods, sets
 * of targets or budgets. */
static bool is_within(const td_node *old, const td_node *now) {
    const int64_t first = int_of(old, "first_seed"), now_first = int_of(now, "first_seed");
    if (first < now_first || first + int_of(old, "seeds") > now_first + int_of(now, "seeds") ||
        int_of(old, "trained") != int_of(now, "trained") ||
        !labels_within(old, now, "methods", "folder") ||
        !labels_within(old, now, "results", "targets"))
        return false;
    const td_node *results = td_node_find(old, "results"), *mine = td_node_find(now, "results");
    if (results == NULL || results->count == 0 || mine == NULL || mine->count == 0) return true;
    const td_node *budgets = td_node_find(results->item[0], "budgets");
    const td_node *now_budgets = td_node_find(mine->item[0], "budgets");
    for (int i = 0; budgets != NULL && i < budgets->count; i++) {
        bool found = false;
        for (int k = 0; now_budgets != NULL && k < now_budgets->count; k++)
            found = found ||
                    int_of(budgets->item[i], "trials") == int_of(now_budgets->item[k], "trials");
        if (!found) return false;
    }
    return true;
}

/* The folder of the next figures that are set aside: earlier-1, earlier-2, ... */
static const char *earlier_folder(const char *out, td_arena *a) {
    for (int i = 1; i < 10000; i++) {
        const char *path = td_arena_printf(a, "%s/earlier-%d", out, i);
        if (path == NULL || !td_file_exists(path)) return path;
    }
    return NULL;
}

/* Figures that the new ones do not hold are set aside. */
static td_status keep_earlier(const char *out, const td_node *now, td_arena *a, td_error *err) {
    static const char *const names[] = {"comparison.json", "runs.csv",    "curves.csv",
                                        "curves.svg",      "trained.svg", "quality.svg"};
    const td_node *old;
    const char *path = td_arena_printf(a, "%s/comparison.json", out);
    if (path == NULL) return no_memory(err);
    if (!td_file_exists(path) || td_node_load(a, path, &old, NULL) != TD_OK || is_within(old, now))
        return TD_OK;
    const char *folder = earlier_folder(out, a);
    td_status s = folder != NULL ? td_dir_make(folder, err) : no_memory(err);
    for (size_t i = 0; s == TD_OK && i < sizeof names / sizeof names[0]; i++) {
        const char *from = td_arena_printf(a, "%s/%s", out, names[i]);
        const char *to = td_arena_printf(a, "%s/%s", folder, names[i]);
        if (from == NULL || to == NULL) return no_memory(err);
        if (td_file_exists(from) && rename(from, to) != 0)
            s = td_fail(err, TD_E_IO, "%s: cannot be moved to %s", from, folder);
    }
    return s;
}

td_status td_report_comparison_write(const td_comparison *c, const char *out, td_error *err) {
    td_text runs = {0}, curves = {0}, json = {0};
    td_node *root = NULL;
    td_arena *a = td_arena_create();
    td_status s = a != NULL ? td_dir_make(out, err) : no_memory(err);
    if (s == TD_OK) s = td_report_comparison_node(c, a, &root, err);
    if (s == TD_OK) s = keep_earlier(out, root, a, err);
    if (s == TD_OK) {
        td_report_comparison_runs(c, &runs);
        td_report_comparison_curves(c, &curves);
        td_node_to_json(root, 1, &json);
        td_text_add(&json, "\n");
        s = write_text(out, "comparison.json", &json, a, err);
    }
    if (s == TD_OK) s = write_text(out, "runs.csv", &runs, a, err);
    if (s == TD_OK) s = write_text(out, "curves.csv", &curves, a, err);
    for (int t = 0; s == TD_OK && t < c->ntarget; t++) {
        const char *dir = folder_of(c, t, out, a);
        s = dir != NULL ? td_dir_make(dir, err) : no_memory(err);
        if (s == TD_OK) s = write_curves(c, t, false, dir, a, err);
        if (s == TD_OK && trains(c)) s = write_curves(c, t, true, dir, a, err);
        if (s == TD_OK) s = write_strips(c, t, dir, a, err);
    }
    td_text_free(&runs);
    td_text_free(&curves);
    td_text_free(&json);
    td_arena_destroy(a);
    return s;
}

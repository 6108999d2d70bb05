/* inner_search.c - the best mapping of each layer on Eyeriss against trials: by strategies over the
 * space of mappings, and by the mapper against its nodes. All values are divided by the optimum,
 * which the mapper proves. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ablation.h"
#include "tandem/report.h"

enum { TRIALS = 250, POOLED = 30 + 150 * 220, DRAWN = 1000, MOST_BUDGETS = 16 };

/* The first is the paper's strategy over the features of docs/mapper.md. traffic: with those of the
 * words that levels give, which the paper does not have as far as its list is known. The last one
 * is random search with as many trials as all pools of the first hold, 150 candidates at each of
 * its 220 trials after the random ones: what it would find if it always took the best. */
static const struct {
    const char *name, *strategy, *params;
    int trials;
    bool plotted, traffic;
} method[] = {
    {"bo: linear, LCB", "bo", "{initial: 30}", TRIALS, true, true},
    {"plain features", "bo", "{initial: 30}", TRIALS, true, false},
    {"se kernel", "bo", "{initial: 30, kernel: se}", TRIALS, false, true},
    {"EI", "bo", "{initial: 30, acquisition: ei}", TRIALS, false, true},
    {"forest", "bo", "{initial: 30, model: forest}", TRIALS, false, true},
    {"pool of 1,500", "bo", "{initial: 30, pool: 1500}", TRIALS, true, true},
    {"random", "random", NULL, TRIALS, true, true},
    {"evolution", "evolution", NULL, TRIALS, true, true},
    {"nsga2", "nsga2", NULL, TRIALS, false, true},
    {"tpe", "tpe", NULL, TRIALS, true, true},
    {"random, 33,030 trials", "random", NULL, POOLED, false, true},
};
enum { METHODS = sizeof method / sizeof *method };
static const uint64_t budget[] = {10, 30, 100, 300, 1000, 3000, 10000, 30000, 100000, 300000};
enum { BUDGETS = sizeof budget / sizeof *budget };

typedef struct {
    double optimum, nodes, seconds; /* of the proof */
    double raw;                     /* draws per mapping that fits */
    double at[BUDGETS];             /* the mapper's best by nodes; INFINITY: none yet */
    double spent[BUDGETS];          /* seconds */
    double *best[METHODS];          /* [seeds][TRIALS], by the optimum */
    double *cpu[METHODS];           /* [seeds], seconds per trial */
} layer_result;

/* ---- runs ------------------------------------------------------------------------------------ */

/* nodes, seconds, optimum; then of each budget value and seconds. */
static void run_mapper(table *t, const char *key, const td_problem *p, const td_hw *hw,
                       layer_result *r) {
    const char *known = table_find(t, key);
    td_error err = {0};
    if (known == NULL) {
        td_text row = {0};
        td_map_result *best = malloc(sizeof *best);
        td_map_query q;
        td_map_query_default(&q, hw);
        q.mode = TD_MAP_EXACT;
        q.objective = TD_OBJ_EDP;
        double from = cpu_now();
        if (best == NULL || td_map_best(p, hw, &q, best, NULL, &err) != TD_OK) stop(&err);
        if (best->stop != TD_STOP_PROVED) {
            td_fail(&err, TD_E_USAGE, "%s: the optimum is not proved", key);
            stop(&err);
        }
        td_text_addf(&row, "%.17g;%llu;%.6f", best->objective, (unsigned long long)best->nodes,
                     cpu_now() - from);
        for (int i = 0; i < BUDGETS; i++) {
            q.max_nodes = budget[i];
            from = cpu_now();
            bool found = td_map_best(p, hw, &q, best, NULL, &err) == TD_OK;
            td_text_addf(&row, ";%.17g;%.6f", found ? best->objective : INFINITY, cpu_now() - from);
        }
        known = table_add(t, key, row.data);
        td_text_free(&row);
        free(best);
    }
    char *at = (char *)known;
    double v[3 + 2 * BUDGETS];
    for (int i = 0; i < 3 + 2 * BUDGETS; i++) {
        v[i] = strtod(at, &at);
        if (*at == ';') at++;
    }
    r->optimum = v[0];
    r->nodes = v[1];
    r->seconds = v[2];
    for (int i = 0; i < BUDGETS; i++) {
        r->at[i] = v[3 + 2 * i] / r->optimum;
        r->spent[i] = v[4 + 2 * i];
    }
}

static void run_draws(table *t, const char *key, const td_problem *p, const td_hw *hw,
                      layer_result *r) {
    const char *known = table_find(t, key);
    if (known == NULL) {
        td_arena *a = td_arena_create();
        td_error err = {0};
        td_space *s;
        if (td_space_mapping(p, hw, a, &s, &err) != TD_OK) stop(&err);
        td_rng rng = td_rng_make(1, 0, TD_RNG_SPACE_SAMPLE);
        td_choices c = {s->n, TD_NEW(a, double, s->n + 1)};
        int64_t drawn = 0;
        for (int i = 0; i < DRAWN; i++)
            if (!td_space_draw(s, &rng, 100000000, &c, &drawn)) {
                td_fail(&err, TD_E_INFEASIBLE, "%s: no mapping was drawn", key);
                stop(&err);
            }
        char row[32];
        snprintf(row, sizeof row, "%.3f", (double)drawn / DRAWN);
        known = table_add(t, key, row);
        td_arena_destroy(a);
    }
    r->raw = atof(known);
}

/* seconds per trial, value, then "trials value" of each better one. */
static void run_strategy(table *t, const char *key, int m, int seed, const td_problem *p,
                         const td_hw *hw, layer_result *r) {
    const char *known = table_find(t, key);
    if (known == NULL) {
        td_arena *a = td_arena_create();
        td_error err = {0};
        td_mapping_search o;
        td_mapping_found f;
        td_text row = {0};
        td_mapping_search_default(&o);
        o.strategy = strategy_of(method[m].strategy);
        o.params = params_of(a, method[m].params);
        o.trials = method[m].trials;
        o.plain = !method[m].traffic;
        double from = cpu_now();
        if (td_mapping_search_run(p, hw, &o, (uint64_t)seed + 1, a, &f, &err) != TD_OK) stop(&err);
        td_text_addf(&row, "%.9f;%.17g;", (cpu_now() - from) / (double)f.trials, f.value);
        for (int i = 0; i < f.n_steps; i++)
            td_text_addf(&row, "%s%lld %.9g", i > 0 ? " " : "", (long long)f.step[i].trials,
                         f.step[i].value);
        known = table_add(t, key, row.data);
        td_text_free(&row);
        td_arena_destroy(a);
    }
    char *at = (char *)known;
    double *best = r->best[m] + seed * TRIALS;
    r->cpu[m][seed] = strtod(at, &at);
    double value = strtod(at + 1, &at) / r->optimum;
    if (value < 1 - 1e-9) {
        td_error err;
        td_fail(&err, TD_E_USAGE, "%s: better than what the mapper proved", key);
        stop(&err);
    }
    for (int i = 0; i < TRIALS; i++) best[i] = INFINITY;
    for (at++; *at != '\0';) {
        long from = strtol(at, &at, 10);
        double v = strtod(at, &at) / r->optimum;
        for (long i = from - 1; i < TRIALS; i++) best[i] = v;
    }
    best[TRIALS - 1] = value; /* of runs of more trials the end, too */
}

static void run_layer(table *t, const workload *w, int layer, int seeds, layer_result *r) {
    td_problem p = workload_problem(w, layer, &w->eyeriss), mapped;
    td_hw_problem(&w->eyeriss, &p, &mapped);
    char key[256];
    snprintf(key, sizeof key, "%s/%s/mapper", w->name, w->layer[layer].name);
    run_mapper(t, key, &p, &w->eyeriss, r);
    snprintf(key, sizeof key, "%s/%s/draws", w->name, w->layer[layer].name);
    run_draws(t, key, &p, &w->eyeriss, r);
    for (int m = 0; m < METHODS; m++) {
        r->best[m] = calloc((size_t)seeds * (TRIALS + 1), sizeof **r->best);
        if (r->best[m] == NULL) exit(1);
        r->cpu[m] = r->best[m] + (size_t)seeds * TRIALS;
        for (int s = 0; s < seeds; s++) {
            snprintf(key, sizeof key, "%s/%s/%s/%d", w->name, w->layer[layer].name, method[m].name,
                     s + 1);
            run_strategy(t, key, m, s, &p, &w->eyeriss, r);
        }
    }
}

/* ---- plots ----------------------------------------------------------------------------------- */

/* Median and quartiles over the seeds of the geometric mean over n layers, where one of them
 * changes. */
typedef struct {
    double x[TRIALS], q[3][TRIALS];
    int n;
} curve;

static void make_curve(const layer_result *r, int n, int seeds, int m, curve *c) {
    double of[MOST_LAYERS], v[MOST_SEEDS];
    c->n = 0;
    for (int i = 0; i < TRIALS; i++) {
        double now[3];
        bool same = c->n > 0 && i < TRIALS - 1;
        for (int s = 0; s < seeds; s++) {
            for (int k = 0; k < n; k++) of[k] = r[k].best[m][s * TRIALS + i];
            v[s] = geometric_mean(of, n);
        }
        for (int q = 0; q < 3; q++) {
            now[q] = td_quantile(v, seeds, (q + 1) / 4.);
            same = same && now[q] == c->q[q][c->n - 1];
        }
        if (same) continue;
        for (int q = 0; q < 3; q++) c->q[q][c->n] = now[q];
        c->x[c->n++] = i + 1;
    }
}

static void plot(const char *out, const char *name, const char *title, const layer_result *r, int n,
                 int seeds) {
    static curve c[METHODS];
    double nodes[BUDGETS], at[BUDGETS], of[MOST_LAYERS];
    td_plot_line l[METHODS + 1];
    int lines = 0, shown = 0;
    for (int i = 0; i < BUDGETS; i++) {
        for (int k = 0; k < n; k++) of[k] = r[k].at[i];
        nodes[i] = (double)budget[i];
        at[i] = geometric_mean(of, n);
    }
    while (shown < BUDGETS - 1 && !(at[shown] < 1 + 1e-9)) shown++;
    for (int m = 0; m < METHODS; m++) {
        if (!method[m].plotted) continue;
        make_curve(r, n, seeds, m, &c[m]);
        l[lines++] =
            (td_plot_line){method[m].name, c[m].x, c[m].q[1], c[m].q[0], c[m].q[2], c[m].n};
    }
    l[lines++] = (td_plot_line){.label = "mapper (x: nodes)", .x = nodes, .y = at, .n = shown + 1};
    td_text svg = {0};
    td_error err = {0};
    const td_plot p = {.title = title,
                       .x_label = "trials (of the mapper: nodes)",
                       .y_label = "EDP / optimum",
                       .log_x = true,
                       .log_y = true};
    if (td_plot_lines(&p, l, lines, &svg, &err) != TD_OK) stop(&err);
    write_text(out, name, &svg);
}

/* ---- tables ---------------------------------------------------------------------------------- */

static void put(td_text *t) {
    fputs(t->data, stdout);
    td_text_free(t);
}

/* The budget of the mapper within which it is nearer than 1 %. */
static uint64_t near_optimum(const layer_result *r) {
    for (int i = 0; i < BUDGETS; i++)
        if (r->at[i] <= 1.01) return budget[i];
    return 0;
}

static void layer_table(const workload *w, int n, const layer_result *const *r) {
    td_text t = {0};
    td_text_add(&t, "\n| layer | optimum, pJ x cycles | proved in nodes | ms | within 1 % in nodes "
                    "| raw draws per mapping that fits |\n|---|---|---|---|---|---|\n");
    for (int i = 0; i < n; i++)
        for (int k = 0; k < w[i].n; k++) {
            const layer_result *l = &r[i][k];
            td_text_addf(&t, "| %s %s | %.4e | %.0f | %.2f | %llu | %.0f |\n", w[i].name,
                         w[i].layer[k].name, l->optimum, l->nodes, 1e3 * l->seconds,
                         (unsigned long long)near_optimum(l), l->raw);
        }
    put(&t);
}

static void value_table(const workload *w, int n, const layer_result *const *r, int seeds) {
    td_text t = {0};
    double v[MOST_SEEDS];
    td_text_add(&t, "\nEDP / optimum after 250 trials, median and 95 % interval.\n\n| layer |");
    for (int m = 0; m < METHODS; m++) td_text_addf(&t, " %s |", method[m].name);
    td_text_add(&t, "\n|---|");
    for (int m = 0; m < METHODS; m++) td_text_add(&t, "---|");
    for (int i = 0; i < n; i++)
        for (int k = 0; k < w[i].n; k++) {
            td_text_addf(&t, "\n| %s %s |", w[i].name, w[i].layer[k].name);
            for (int m = 0; m < METHODS; m++) {
                for (int s = 0; s < seeds; s++) v[s] = r[i][k].best[m][(s + 1) * TRIALS - 1];
                td_text_add(&t, " ");
                median_add(&t, "%.3f", v, seeds);
                td_text_add(&t, " |");
            }
        }
    td_text_add(&t, "\n");
    put(&t);
}

/* Geometric means over all layers of all workloads, by seed. */
static void means(const workload *w, int n, const layer_result *const *r, int m, int trial,
                  int seeds, double *v) {
    for (int s = 0; s < seeds; s++) {
        double sum = 0;
        int count = 0;
        for (int i = 0; i < n; i++)
            for (int k = 0; k < w[i].n; k++, count++)
                sum += log(r[i][k].best[m][s * TRIALS + trial - 1]);
        v[s] = exp(sum / count);
    }
}

static double median_cpu(const workload *w, int n, const layer_result *const *r, int m, int seeds) {
    double sum = 0;
    int count = 0;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < w[i].n; k++, count++) sum += td_quantile(r[i][k].cpu[m], seeds, 0.5);
    return sum / count;
}

static void method_table(const workload *w, int n, const layer_result *const *r, int seeds) {
    td_text t = {0};
    td_error err = {0};
    double v[METHODS][MOST_SEEDS], early[MOST_SEEDS], p[METHODS], a12[METHODS];
    for (int m = 0; m < METHODS; m++) {
        td_rank_sum u;
        means(w, n, r, m, TRIALS, seeds, v[m]);
        if (td_rank_sum_test(v[m], seeds, v[0], seeds, &u, &err) != TD_OK) stop(&err);
        p[m] = m > 0 && method[m].trials == TRIALS ? u.p : NAN;
        a12[m] = u.a12;
    }
    if (td_holm(p, METHODS, p, &err) != TD_OK) stop(&err);
    td_text_add(&t, "\nGeometric mean over all layers: EDP / optimum, median and 95 % interval; "
                    "chance to be worse than the first; p (Holm).\n\n"
                    "| method | 100 trials | 250 trials | worse than the first | p | ms per trial "
                    "|\n|---|---|---|---|---|---|\n");
    for (int m = 0; m < METHODS; m++) {
        td_text_addf(&t, "| %s | ", method[m].name);
        means(w, n, r, m, 100, seeds, early);
        if (method[m].trials == TRIALS)
            median_add(&t, "%.3f", early, seeds);
        else
            td_text_add(&t, "-");
        td_text_add(&t, " | ");
        median_add(&t, "%.3f", v[m], seeds);
        if (isnan(p[m]))
            td_text_add(&t, " | - | - ");
        else
            td_text_addf(&t, " | %.2f | %.2g ", a12[m], p[m]);
        td_text_addf(&t, "| %.3f |\n", 1e3 * median_cpu(w, n, r, m, seeds));
    }
    put(&t);
}

void inner_search(const char *out, const workload *w, int n, int seeds) {
    layer_result **r = calloc((size_t)n, sizeof *r);
    table t;
    table_open(out, "inner.csv", "workload/layer/method/seed;result", &t);
    for (int i = 0; i < n; i++) {
        if (r == NULL || (r[i] = calloc((size_t)w[i].n, sizeof **r)) == NULL) exit(1);
        for (int k = 0; k < w[i].n; k++) {
            char name[256];
            run_layer(&t, &w[i], k, seeds, &r[i][k]);
            snprintf(name, sizeof name, "%s %s", w[i].name, w[i].layer[k].name);
            char file[300];
            snprintf(file, sizeof file, "inner-%s.svg", name);
            plot(out, file, name, &r[i][k], 1, seeds);
        }
        char file[100], title[100];
        snprintf(file, sizeof file, "inner-%s.svg", w[i].name);
        snprintf(title, sizeof title, "%s: geometric mean over %d layers", w[i].name, w[i].n);
        plot(out, file, title, r[i], w[i].n, seeds);
    }
    table_close(&t);
    layer_table(w, n, (const layer_result *const *)r);
    value_table(w, n, (const layer_result *const *)r, seeds);
    method_table(w, n, (const layer_result *const *)r, seeds);
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < w[i].n; k++)
            for (int m = 0; m < METHODS; m++) free(r[i][k].best[m]);
        free(r[i]);
    }
    free(r);
}

/* How good the mapper is and how long it takes. JSON on stdout, a summary on stderr.
 *
 *     bench_mapper [FILE] [--mode MODE] [--nodes N]
 *         against what another mapper found (mapper_baseline.h; FILE is looked for beside the
 *         checkout if it is not given): ratio of energy-delay products, 1: as good, less: better
 *     bench_mapper --layers NET --hw HW [--seconds S,S,...] [--objective WHAT]
 *         every different layer of a network: the fast mode, and the exact and the sampling one in
 *         equal budgets of time, so that the gap tells what each is good for
 *
 * Times are thread CPU time on one core. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mapper_baseline.h"

enum { MOST_BUDGETS = 8 };

typedef struct {
    const char *file, *net, *hw;
    td_map_mode mode;
    td_map_objective objective;
    uint64_t nodes;
    bool imperfect;
    double seconds[MOST_BUDGETS];
    int budgets;
} options;

static int by_value(const void *x, const void *y) {
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

/* Quantiles of a list, which is sorted for them. */
typedef struct {
    double median, high, most, sum;
} spread;

static spread spread_of(double *v, int n) {
    spread s = {0};
    qsort(v, (size_t)n, sizeof *v, by_value);
    for (int i = 0; i < n; i++) s.sum += v[i];
    if (n == 0) return s;
    s.median = v[n / 2];
    s.high = v[n * 9 / 10];
    s.most = v[n - 1];
    return s;
}

static void put_spread(td_arena *a, td_node *map, const char *key, spread s) {
    td_node *n = td_node_put(a, map, key, td_node_map(a));
    td_node_put_real(a, n, "median", s.median);
    td_node_put_real(a, n, "nine_of_ten", s.high);
    td_node_put_real(a, n, "max", s.most);
    td_node_put_real(a, n, "sum", s.sum);
}

/* One call of the mapper, and its time. */
static td_status timed(const td_problem *p, const td_hw *hw, const td_map_query *q,
                       td_map_result *r, double *seconds, td_error *err) {
    double start = td_time_thread_s();
    td_status s = td_map_best(p, hw, q, r, NULL, err);
    *seconds = td_time_thread_s() - start;
    return s;
}

/* ---- against another mapper ------------------------------------------------------------------ */

typedef struct {
    double edp, bound, seconds;
    bool proved;
} answer;

/* Mean and worst ratio over the layers of one accelerator that were run so long. */
static void compare(const options *o, const char *arch, const baseline_layer *b, const answer *x,
                    int n, td_arena *a, td_node *out) {
    double *ratio[3], *times = TD_NEW(a, double, n), worst[3], mean[3];
    int count[3] = {0}, proved = 0, layers = 0;
    for (int k = 0; k < 3; k++) ratio[k] = TD_NEW(a, double, n);
    for (int i = 0; i < n; i++) {
        if (strcmp(b[i].arch, arch) != 0) continue;
        const double peer[3] = {b[i].at_10_s, b[i].at_60_s, b[i].best};
        for (int k = 0; k < 3; k++)
            if (peer[k] < INFINITY) ratio[k][count[k]++] = x[i].edp / peer[k];
        times[layers++] = x[i].seconds;
        proved += x[i].proved;
    }
    static const char *const key[3] = {"to_10_s", "to_60_s", "to_best"};
    td_node *all = td_node_push(a, out, td_node_map(a));
    td_node_put_string(a, all, "arch", arch);
    td_node_put_int(a, all, "layers", layers);
    td_node_put_int(a, all, "proved", proved);
    fprintf(stderr, "%s, %s: ", arch, td_map_mode_name(o->mode));
    for (int k = 0; k < 3; k++) {
        mean[k] = baseline_mean(ratio[k], count[k], &worst[k]);
        td_node *n_k = td_node_put(a, all, key[k], td_node_map(a));
        td_node_put_int(a, n_k, "layers", count[k]);
        td_node_put_real(a, n_k, "mean", mean[k]);
        td_node_put_real(a, n_k, "worst", worst[k]);
        static const char *const text[3] = {"10 s", "60 s", "best"};
        fprintf(stderr, "%s%.4f (worst %.4f) of its %s", k > 0 ? ", " : "", mean[k], worst[k],
                text[k]);
    }
    spread t = spread_of(times, layers);
    put_spread(a, all, "seconds", t);
    fprintf(stderr,
            "\n    %d of %d proved; CPU time per layer %.2f ms (median), %.2f ms (max), %.3f s in "
            "all\n",
            proved, layers, 1e3 * t.median, 1e3 * t.most, t.sum);
}

static td_status against_baseline(const options *o, td_arena *a, td_node *root, td_error *err) {
    static const char beside[] = "/reference/timeloop/mapper_baseline.json";
    const char *shared = getenv("TANDEM_SHARED"), *path = o->file;
    if (path == NULL)
        path = shared != NULL ? td_arena_printf(a, "%s%s", shared, beside)
                              : td_arena_printf(a, "%s/../shared%s", TD_BENCH_SOURCE, beside);
    baseline_layer *b = NULL;
    int n = 0;
    td_status s = baseline_load(path, a, &b, &n, err);
    if (s != TD_OK) return s;
    answer *x = TD_NEW(a, answer, n);
    td_node *rows = td_node_put(a, root, "layers", td_node_list(a));
    for (int i = 0; i < n; i++) {
        td_map_query q;
        td_map_result r;
        baseline_query(&b[i].c, &q);
        q.mode = o->mode;
        q.max_nodes = o->nodes;
        if (o->budgets > 0) q.max_seconds = o->seconds[0];
        s = timed(&b[i].c.problem, &b[i].c.hw, &q, &r, &x[i].seconds, err);
        if (s != TD_OK) return td_error_prefix(err, "%s %s %s", b[i].arch, b[i].net, b[i].layer);
        x[i].edp = r.objective;
        x[i].bound = r.bound;
        x[i].proved = r.stop == TD_STOP_PROVED;
        td_node *row = td_node_push(a, rows, td_node_map(a));
        td_node_put_string(a, row, "arch", b[i].arch);
        td_node_put_string(a, row, "net", b[i].net);
        td_node_put_string(a, row, "layer", b[i].layer);
        td_node_put_real(a, row, "edp", r.objective);
        td_node_put_real(a, row, "bound", r.bound);
        td_node_put_real(a, row, "peer_10_s", b[i].at_10_s);
        td_node_put_real(a, row, "peer_60_s", b[i].at_60_s);
        td_node_put_real(a, row, "peer_best", b[i].best);
        td_node_put_string(a, row, "stop", td_stop_name(r.stop));
        td_node_put_int(a, row, "nodes", (int64_t)r.nodes);
        td_node_put_real(a, row, "seconds", x[i].seconds);
        if (r.objective > b[i].best * (1 + 1e-9))
            fprintf(stderr, "worse: %s %s %s, %.4f times the peer's best\n", b[i].arch, b[i].net,
                    b[i].layer, r.objective / b[i].best);
    }
    td_node *all = td_node_put(a, root, "summary", td_node_list(a));
    for (int i = 0; i < n; i++) { /* each accelerator once */
        int first = 0;
        while (strcmp(b[first].arch, b[i].arch) != 0) first++;
        if (first == i) compare(o, b[i].arch, b, x, n, a, all);
    }
    return TD_OK;
}

/* ---- the layers of a network ----------------------------------------------------------------- */

typedef struct {
    td_problem problem;
    const char *name;
} layer;

/* One way to ask: a mode in a budget. Gaps are to the best bound that any of them proved. */
typedef struct {
    char name[32];
    td_map_query q;
    double *value, *seconds;
    int proved;
} way;

static int different_layers(const td_net *net, layer *out) {
    int n = 0;
    for (int i = 0; i < td_net_size(net); i++) {
        td_problem p;
        int k = 0;
        if (!td_layer_problem(net, i, 1, &p)) continue;
        while (k < n && memcmp(&out[k].problem, &p, sizeof p) != 0) k++;
        if (k == n) out[n++] = (layer){p, td_net_layer(net, i)->name};
    }
    return n;
}

/* Data that a schedule leaves on chip are none here. */
static void set_views(const td_hw *hw, td_map_query *q) {
    for (int l = 0; l < hw->n; l++)
        if (hw->level[l].shares >= 0) q->keep[l] = hw->level[l].must_keep;
}

static int make_ways(const options *o, const td_hw *hw, int layers, td_arena *a, way *out) {
    static const double usual[3] = {0.1, 1, 10};
    const double *seconds = o->budgets > 0 ? o->seconds : usual;
    int budgets = o->budgets > 0 ? o->budgets : 3, n = 0;
    for (int k = -1; k < 2 * budgets; k++) {
        way *w = &out[n++];
        *w = (way){.value = TD_NEW(a, double, layers), .seconds = TD_NEW(a, double, layers)};
        td_map_query_default(&w->q, hw);
        w->q.objective = o->objective;
        w->q.imperfect = o->imperfect;
        w->q.max_nodes = 0;
        set_views(hw, &w->q);
        if (k < 0) {
            snprintf(w->name, sizeof w->name, "fast");
            w->q.max_nodes = o->nodes;
            continue;
        }
        w->q.mode = k % 2 == 0 ? TD_MAP_EXACT : TD_MAP_SAMPLE;
        w->q.max_seconds = seconds[k / 2];
        w->q.max_nodes = UINT64_MAX; /* time alone ends it */
        snprintf(w->name, sizeof w->name, "%s %g s", td_map_mode_name(w->q.mode), seconds[k / 2]);
    }
    return n;
}

static void sum_up(const way *w, const way *other, const double *bound, int n, td_arena *a,
                   td_node *out) {
    double *gap = TD_NEW(a, double, n), *ratio = TD_NEW(a, double, n), worst;
    for (int i = 0; i < n; i++) gap[i] = w->value[i] / bound[i] - 1;
    spread g = spread_of(gap, n), t = spread_of(w->seconds, n);
    td_node *m = td_node_push(a, out, td_node_map(a));
    td_node_put_string(a, m, "way", w->name);
    td_node_put_int(a, m, "proved", w->proved);
    put_spread(a, m, "gap", g);
    put_spread(a, m, "seconds", t);
    fprintf(stderr,
            "%-16s %3d of %d proved, gap %.4g %% (median) %.4g %% (nine of ten) %.4g %% "
            "(max), %.2f s in all",
            w->name, w->proved, n, 100 * g.median, 100 * g.high, 100 * g.most, t.sum);
    if (other != NULL) {
        for (int i = 0; i < n; i++) ratio[i] = w->value[i] / other->value[i];
        double mean = baseline_mean(ratio, n, &worst);
        td_node_put_real(a, m, "to_exact_mean", mean);
        td_node_put_real(a, m, "to_exact_worst", worst);
        fprintf(stderr, "; %.3f times (worst %.3f) what exact found in that time", mean, worst);
    }
    fprintf(stderr, "\n");
}

static td_status of_network(const options *o, td_arena *a, td_node *root, td_error *err) {
    td_net *net = NULL;
    td_hw hw;
    td_status s = td_hw_load(o->hw, &hw, err);
    if (s == TD_OK) s = td_net_build(o->net, TD_DIM(0, 0, 0), 1, 0, &net, err);
    if (s != TD_OK) return s;
    layer *list = TD_NEW(a, layer, td_net_size(net));
    int n = different_layers(net, list);
    way w[2 * MOST_BUDGETS + 1];
    int ways = make_ways(o, &hw, n, a, w);
    double *bound = TD_NEW(a, double, n);
    td_node *rows = td_node_put(a, root, "layers", td_node_list(a));
    for (int i = 0; i < n && s == TD_OK; i++) {
        char shape[128];
        td_problem_text(&list[i].problem, shape, sizeof shape);
        td_node *row = td_node_push(a, rows, td_node_map(a));
        td_node_put_string(a, row, "layer", list[i].name);
        td_node_put_string(a, row, "shape", shape);
        for (int k = 0; k < ways && s == TD_OK; k++) {
            td_map_result r;
            s = timed(&list[i].problem, &hw, &w[k].q, &r, &w[k].seconds[i], err);
            if (s != TD_OK) {
                td_error_prefix(err, "%s (%s), %s", list[i].name, shape, w[k].name);
                break;
            }
            w[k].value[i] = r.objective;
            w[k].proved += r.stop == TD_STOP_PROVED;
            if (r.bound > bound[i]) bound[i] = r.bound;
            td_node *m = td_node_put(a, row, w[k].name, td_node_map(a));
            td_node_put_real(a, m, "value", r.objective);
            td_node_put_real(a, m, "bound", r.bound);
            td_node_put_string(a, m, "stop", td_stop_name(r.stop));
            td_node_put_int(a, m, "nodes", (int64_t)r.nodes);
            td_node_put_real(a, m, "seconds", w[k].seconds[i]);
        }
    }
    if (s == TD_OK) {
        fprintf(stderr, "%s on %s, least %s: %d different layers; gaps to the best bound\n", o->net,
                hw.name, td_map_objective_name(o->objective), n);
        td_node *all = td_node_put(a, root, "summary", td_node_list(a));
        for (int k = 0; k < ways; k++)
            sum_up(&w[k], w[k].q.mode == TD_MAP_SAMPLE ? &w[k - 1] : NULL, bound, n, a, all);
    }
    td_net_destroy(net);
    return s;
}

/* ---- options --------------------------------------------------------------------------------- */

static error_t parse(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    char *end;
    int i = 0;
    switch (key) {
    case 'l': o->net = arg; return 0;
    case 'w': o->hw = arg; return 0;
    case 'i': o->imperfect = true; return 0;
    case 'm':
        while (i < TD_NMAP_MODE && strcmp(arg, td_map_mode_name((td_map_mode)i)) != 0) i++;
        if (i == TD_NMAP_MODE) argp_error(state, "--mode: no mode \"%s\"", arg);
        o->mode = (td_map_mode)i;
        return 0;
    case 'b':
        while (i < TD_OBJ_WEIGHTED && strcmp(arg, td_map_objective_name((td_map_objective)i)) != 0)
            i++;
        if (i == TD_OBJ_WEIGHTED) argp_error(state, "--objective: no objective \"%s\"", arg);
        o->objective = (td_map_objective)i;
        return 0;
    case 'n':
        o->nodes = strtoull(arg, &end, 10);
        if (end == arg || *end != '\0') argp_error(state, "--nodes: expected a number");
        return 0;
    case 's':
        for (o->budgets = 0; o->budgets < MOST_BUDGETS; arg = end + 1) {
            double v = strtod(arg, &end);
            if (end == arg || !(v > 0)) argp_error(state, "--seconds: expected numbers > 0");
            o->seconds[o->budgets++] = v;
            if (*end != ',') break;
        }
        return 0;
    case ARGP_KEY_ARG: o->file = arg; return 0;
    case ARGP_KEY_END:
        if ((o->net != NULL) != (o->hw != NULL)) argp_error(state, "--layers and --hw: both");
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char **argv) {
    static const struct argp_option table[] = {
        {"layers", 'l', "NET", 0, "the layers of a shipped network", 0},
        {"hw", 'w', "HW", 0, "on this accelerator", 0},
        {"imperfect", 'i', 0, 0, "of --layers: imperfect factors too", 0},
        {"mode", 'm', "MODE", 0, "against the baseline: fast (default), exact, sample", 0},
        {"objective", 'b', "WHAT", 0, "of --layers: latency, energy, edp (default)", 0},
        {"nodes", 'n', "N", 0, "budget of the mode, or of fast (its own)", 0},
        {"seconds", 's', "S,...", 0, "budgets per layer (0.1,1,10; no limit with a baseline)", 0},
        {0}};
    static const struct argp argp = {table, parse, "[FILE]", "Quality and speed of the mapper.",
                                     0,     0,     0};
    options o = {.objective = TD_OBJ_EDP};
    argp_parse(&argp, argc, argv, 0, NULL, &o);
    td_arena *a = td_arena_create();
    td_node *root = td_node_map(a);
    char machine[256];
    td_machine_text(machine, sizeof machine);
    td_node_put_string(a, root, "program", "bench_mapper");
    td_node_put_string(a, root, "version", td_version());
    td_node_put_string(a, root, "machine", machine);
    double load = 0;
    if (getloadavg(&load, 1) == 1) td_node_put_real(a, root, "load_average", load);
    if (o.net == NULL) td_node_put_string(a, root, "mode", td_map_mode_name(o.mode));
    td_error err = {0};
    td_status s =
        o.net != NULL ? of_network(&o, a, root, &err) : against_baseline(&o, a, root, &err);
    if (s != TD_OK) fprintf(stderr, "bench_mapper: %s\n", err.message);
    td_text t = {0};
    if (s == TD_OK) td_node_to_json(root, 2, &t);
    if (s == TD_OK) printf("%s\n", t.data != NULL ? t.data : "");
    td_text_free(&t);
    td_arena_destroy(a);
    return td_status_exit_code(s);
}

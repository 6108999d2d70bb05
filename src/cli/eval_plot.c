#include "eval_plot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "cli_cell.h"
#include "cli_plot.h"
#include "tandem/report.h"

enum { MOST_BARS = 60 };

/* ---- what time and energy are made of ---------------------------------------------------------
 */

static bool begin(eval_parts *x, const td_schedule *s, td_arena *a) {
    x->n = s->n;
    x->v = TD_NEW(a, double, (size_t)s->n *EVAL_MAX_PARTS + 1);
    return x->v != NULL;
}

static int add_part(eval_parts *x, const char *name) {
    x->part[x->n_parts] = name;
    return x->n_parts++;
}

/* Parts that are nothing in all rows are left out. */
static void drop_empty(eval_parts *x) {
    int kept = 0, from[EVAL_MAX_PARTS];
    for (int k = 0; k < x->n_parts; k++) {
        bool any = false;
        for (int i = 0; i < x->n; i++) any = any || x->v[i * x->n_parts + k] > 0;
        if (any) from[kept++] = k;
    }
    for (int i = 0; i < x->n; i++) /* forwards: never behind what is still to be read */
        for (int k = 0; k < kept; k++) x->v[i * kept + k] = x->v[i * x->n_parts + from[k]];
    for (int k = 0; k < kept; k++) x->part[k] = x->part[from[k]];
    x->n_parts = kept;
}

/* The level whose ports an interval waits for on chip, -1: those of the vector unit, or its lanes.
 * Where DRAM limits the whole it is the slowest level of the mapping, if that explains the time. */
static int waits_for(const td_hw *hw, const td_interval *t) {
    int slowest = 0;
    for (int l = 0; l < hw->n - 1; l++)
        if (strcmp(hw->level[l].name, t->limit) == 0) return l;
    if (!t->mapped) return -1;
    for (int l = 1; l < hw->n - 1; l++)
        if (t->cost.level_cycles[l] > t->cost.level_cycles[slowest]) slowest = l;
    double cycles = t->bands * (double)t->cost.level_cycles[slowest];
    return cycles >= t->compute_cycles - 0.5 ? slowest : -1;
}

bool eval_time_parts(const td_hw *hw, const td_schedule *s, td_arena *a, eval_parts *x) {
    int level[TD_MAX_LEVELS];
    double peak = (double)td_hw_peak_macs(hw);
    *x = (eval_parts){0};
    if (!begin(x, s, a)) return false;
    int ideal = add_part(x, "MACs at their peak"), idle = add_part(x, "MACs partly idle");
    for (int l = 0; l < hw->n - 1; l++)
        level[l] = add_part(x, td_arena_printf(a, "wait for %s", hw->level[l].name));
    int vector = add_part(x, "vector unit"), dram = add_part(x, "wait for DRAM");
    for (int k = 0; k < x->n_parts; k++)
        if (x->part[k] == NULL) return false;
    for (int i = 0; i < s->n; i++) {
        const td_interval *t = &s->interval[i];
        double *v = &x->v[i * x->n_parts], steps = 0, all = 0;
        if (t->mapped) {
            steps = fmin(t->bands * (double)t->cost.compute_cycles, t->compute_cycles);
            all = fmin((double)t->macs / peak, steps);
            v[ideal] = all / hw->clock_hz;
            v[idle] = (steps - all) / hw->clock_hz;
        }
        double rest = t->compute_cycles - steps; /* on chip, and not for the MACs */
        int l = waits_for(hw, t);
        v[l >= 0 ? level[l] : vector] += rest / hw->clock_hz;
        v[dram] = (t->cycles - t->compute_cycles) / hw->clock_hz;
    }
    drop_empty(x);
    return true;
}

bool eval_energy_parts(const td_hw *hw, const td_schedule *s, td_arena *a, eval_parts *x) {
    int level[TD_MAX_LEVELS];
    *x = (eval_parts){0};
    if (!begin(x, s, a)) return false;
    int mac = add_part(x, "MACs");
    for (int l = 0; l < hw->n; l++) level[l] = add_part(x, hw->level[l].name);
    int clock = add_part(x, "clock tree"), other = add_part(x, "vector unit, loading of weights");
    int leakage = add_part(x, "leakage");
    for (int i = 0; i < s->n; i++) {
        const td_interval *t = &s->interval[i];
        double *v = &x->v[i * x->n_parts], known = 0;
        if (t->mapped) {
            const double turn = t->bands * 1e-12;
            double chip = t->cost.mac_pj;
            v[mac] = turn * t->cost.mac_pj;
            for (int l = 0; l < hw->n; l++) {
                v[level[l]] = turn * t->cost.level_pj[l];
                if (l < hw->n - 1) chip += t->cost.level_pj[l];
            }
            v[clock] = turn * hw->clock_tree * chip;
            known = turn * (chip * (1 + hw->clock_tree) + t->cost.level_pj[hw->n - 1]);
        }
        v[leakage] = hw->leak_w * t->latency_s;
        v[other] = t->energy_j - v[leakage] - known;
        if (fabs(v[other]) < 1e-9 * t->energy_j) v[other] = 0; /* of rounding */
    }
    drop_empty(x);
    return true;
}

/* ---- bars -------------------------------------------------------------------------------------
 */

static int by_sum(const void *a, const void *b, void *self) {
    const double *sum = self;
    int i = *(const int *)a, k = *(const int *)b;
    return sum[i] < sum[k] ? 1 : sum[i] > sum[k] ? -1 : i - k;
}

/* Layers in the order of their time; -1 ends it: the n largest if there are more. */
static int *largest(const double *sum, int n, int most, td_arena *a) {
    int *order = TD_NEW(a, int, n + 1), kept = 0;
    bool *in = TD_NEW(a, bool, n + 1);
    if (order == NULL || in == NULL) return NULL;
    for (int i = 0; i < n; i++) order[i] = i;
    qsort_r(order, (size_t)n, sizeof *order, by_sum, (void *)(uintptr_t)sum);
    for (int i = 0; i < n && i < most; i++) in[order[i]] = true;
    for (int i = 0; i < n; i++)
        if (in[i]) order[kept++] = i;
    order[kept] = -1;
    return order;
}

/* Names of ONNX models are paths: their ends tell most. */
static const char *short_name(const char *name, td_arena *a) {
    enum { MOST = 28 };
    size_t n = strlen(name);
    return n <= MOST ? name : td_arena_printf(a, "...%s", name + n - MOST + 3);
}

static td_status draw_bars(const td_net *net, const td_schedule *s, const eval_parts *x,
                           const td_plot *p, const char *si, double scale, td_text *svg,
                           td_arena *a, td_error *err) {
    double *sum = TD_NEW(a, double, x->n + 1);
    double *scaled = TD_NEW(a, double, (size_t)(x->n + 1) * (size_t)x->n_parts + 1);
    td_plot_bar *bar = TD_NEW(a, td_plot_bar, x->n + 1);
    if (sum == NULL || scaled == NULL || bar == NULL)
        return td_fail(err, TD_E_MEMORY, "out of memory for the plots");
    for (int i = 0; i < x->n; i++)
        for (int k = 0; k < x->n_parts; k++) sum[i] += x->v[i * x->n_parts + k];
    int *shown = largest(sum, x->n, x->n > MOST_BARS ? MOST_BARS - 1 : MOST_BARS, a), n = 0,
        next = 0;
    if (shown == NULL) return td_fail(err, TD_E_MEMORY, "out of memory for the plots");
    double *others = &scaled[x->n * x->n_parts], rest = 0;
    for (int i = 0; i < x->n; i++) {
        bool own = shown[next] == i;
        double *v = own ? &scaled[n * x->n_parts] : others;
        for (int k = 0; k < x->n_parts; k++) v[k] += scale * x->v[i * x->n_parts + k];
        if (!own) rest += sum[i];
        if (!own) continue;
        bar[n].v = v;
        bar[n].label = short_name(td_net_layer(net, s->interval[i].layer)->name, a);
        bar[n++].note = td_arena_strdup(a, cli_small(sum[i], si).s);
        next++;
    }
    if (n < x->n)
        bar[n++] = (td_plot_bar){td_arena_printf(a, "%d others", x->n - next),
                                 td_arena_strdup(a, cli_small(rest, si).s), others};
    for (int i = 0; i < n; i++)
        if (bar[i].label == NULL || bar[i].note == NULL)
            return td_fail(err, TD_E_MEMORY, "out of memory for the plots");
    return td_plot_bars(p, bar, n, x->part, x->n_parts, svg, err);
}

/* The same numbers: a line per interval, what it is in all, and its parts. */
static void parts_csv(const td_net *net, const td_schedule *s, const eval_parts *x, bool energy,
                      td_text *out) {
    char number[32];
    td_text_add(out, energy ? "layer,energy_j" : "layer,latency_s");
    for (int k = 0; k < x->n_parts; k++) {
        td_text_add(out, ",");
        td_report_csv_field(out, x->part[k]);
    }
    td_text_add(out, "\r\n");
    for (int i = 0; i < x->n; i++) {
        const td_interval *t = &s->interval[i];
        td_report_csv_field(out, td_net_layer(net, t->layer)->name);
        td_real_text(energy ? t->energy_j : t->latency_s, number);
        td_text_addf(out, ",%s", number);
        for (int k = 0; k < x->n_parts; k++) {
            td_real_text(x->v[i * x->n_parts + k], number);
            td_text_addf(out, ",%s", number);
        }
        td_text_add(out, "\r\n");
    }
}

/* ---- roofline ---------------------------------------------------------------------------------
 */

static double dram_bytes_per_s(const td_hw *hw) {
    const td_level *top = &hw->level[hw->n - 1];
    double apart = top->read_bw + top->write_bw;
    return fmin(top->shared_bw, apart) / 8 * hw->clock_hz;
}

static td_status draw_roofline(const td_net *net, const td_hw *hw, const td_schedule *s,
                               td_text *svg, td_arena *a, td_error *err) {
    double *cycles = TD_NEW(a, double, s->n + 1), *xy = TD_NEW(a, double, 4 * (size_t)s->n + 4);
    const char **name = TD_NEW(a, const char *, 2 * (size_t)s->n + 2);
    if (cycles == NULL || xy == NULL || name == NULL)
        return td_fail(err, TD_E_MEMORY, "out of memory for the plots");
    double slope = dram_bytes_per_s(hw), peak = (double)td_hw_peak_macs(hw) * hw->clock_hz;
    if (!isfinite(slope)) slope = peak; /* no limit: the ridge is at one MAC a byte */
    double edge = peak / slope;
    for (int i = 0; i < s->n; i++) cycles[i] = s->interval[i].mapped ? s->interval[i].cycles : 0;
    int *order = TD_NEW(a, int, s->n + 1);
    if (order == NULL) return td_fail(err, TD_E_MEMORY, "out of memory for the plots");
    for (int i = 0; i < s->n; i++) order[i] = i;
    qsort_r(order, (size_t)s->n, sizeof *order, by_sum, cycles); /* names of slow ones first */
    td_plot_roof roof[2] = {
        {.label = "DRAM and MAC array", .slope = 1e-9 * slope, .peak = 1e-9 * peak},
        {.label = "layers without DRAM traffic"}};
    for (int g = 0; g < 2; g++) {
        roof[g].x = &xy[2 * g * s->n];
        roof[g].y = &xy[(2 * g + 1) * s->n];
        roof[g].name = &name[g * s->n];
    }
    for (int pass = 0; pass < 2; pass++) /* at the right edge stand those of the second group */
        for (int i = 0; i < s->n; i++) {
            const td_interval *t = &s->interval[order[i]];
            double bytes = t->dram_bytes[TD_W] + t->dram_bytes[TD_I] + t->dram_bytes[TD_O] +
                           t->prefetch_bytes; /* all that is moved in its time */
            if (!t->mapped || t->macs == 0 || (bytes > 0) != (pass == 0)) continue;
            double at = bytes > 0 ? (double)t->macs / bytes : 4 * edge;
            td_plot_roof *r = &roof[pass];
            ((double *)(uintptr_t)r->x)[r->n] = at;
            ((double *)(uintptr_t)r->y)[r->n] = 1e-9 * (double)t->macs / t->latency_s;
            ((const char **)(uintptr_t)r->name)[r->n++] =
                short_name(td_net_layer(net, t->layer)->name, a);
            if (pass == 0) edge = fmax(edge, at);
        }
    const td_plot p = {.title = td_arena_printf(a, "%s on %s", td_net_name(net), hw->name),
                       .x_label = "MACs per byte of DRAM traffic",
                       .y_label = "1e9 MACs per second",
                       .width = 620,
                       .height = 400};
    return td_plot_roofline(&p, roof, roof[1].n > 0 ? 2 : 1, svg, err);
}

/* ---- files ------------------------------------------------------------------------------------
 */

static double largest_bar(const eval_parts *x) {
    double most = 0;
    for (int i = 0; i < x->n; i++) {
        double sum = 0;
        for (int k = 0; k < x->n_parts; k++) sum += x->v[i * x->n_parts + k];
        most = fmax(most, sum);
    }
    return most;
}

static td_status write_file(const td_text *t, const char *folder, const char *name, td_arena *a,
                            td_error *err) {
    const char *path = td_arena_printf(a, "%s/%s", folder, name);
    if (path == NULL || t->failed) return td_fail(err, TD_E_MEMORY, "out of memory for the plots");
    return td_file_write(path, t->data != NULL ? t->data : "", t->size, err);
}

static td_status write_bars(const td_net *net, const td_hw *hw, const td_schedule *s, bool energy,
                            const char *folder, td_arena *a, td_error *err) {
    eval_parts x;
    td_text svg = {0}, csv = {0};
    char unit[8];
    const char *name = energy ? "energy" : "latency", *si = energy ? "J" : "s";
    if (!(energy ? eval_energy_parts : eval_time_parts)(hw, s, a, &x))
        return td_fail(err, TD_E_MEMORY, "out of memory for the plots");
    double scale = cli_plot_unit(largest_bar(&x), si, unit);
    const td_plot p = {.title =
                           td_arena_printf(a, "%s on %s: %s, %s", td_net_name(net), hw->name, name,
                                           cli_small(energy ? s->energy_j : s->latency_s, si).s),
                       .x_label = td_arena_printf(a, "%s, %s", name, unit)};
    td_status st = draw_bars(net, s, &x, &p, si, scale, &svg, a, err);
    if (st == TD_OK) st = cli_plot_both(&svg, folder, name, err);
    parts_csv(net, s, &x, energy, &csv);
    if (st == TD_OK) st = write_file(&csv, folder, energy ? "energy.csv" : "latency.csv", a, err);
    td_text_free(&svg);
    td_text_free(&csv);
    return st;
}

td_status eval_plot(const td_net *net, const td_hw *hw, const td_schedule *s, const char *folder,
                    td_arena *a, td_error *err) {
    td_text svg = {0};
    td_status st = cli_folder_ready(folder, err);
    if (st == TD_OK) st = draw_roofline(net, hw, s, &svg, a, err);
    if (st == TD_OK) st = cli_plot_both(&svg, folder, "roofline", err);
    td_text_free(&svg);
    if (st == TD_OK) st = write_bars(net, hw, s, false, folder, a, err);
    if (st == TD_OK) st = write_bars(net, hw, s, true, folder, a, err);
    return st;
}

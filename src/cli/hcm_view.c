#include "hcm_view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli_bits.h"
#include "tandem/report.h"

static td_status problems_of(const td_net *net, const char *bits, const hcm_view *v, td_arena *a,
                             td_problem *p, td_error *err) {
    td_net *copy = td_net_clone(net);
    if (copy == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = strcmp(bits, "own") != 0 ? cli_bits_apply(bits, a, copy, err) : TD_OK;
    for (int i = 0, k = 0; s == TD_OK && i < td_net_size(copy) && k < v->n; i++)
        if (td_layer_problem(copy, i, 1, &p[k])) k++;
    td_net_destroy(copy);
    return s;
}

static td_status measure(const td_net *net, const char *bits, const hcm_view *v, td_arena *a,
                         hcm_precision *out, td_error *err) {
    out->bits = bits;
    out->p = TD_NEW(a, td_problem, v->n);
    out->of = TD_NEW(a, td_early_layer, v->n);
    if (out->p == NULL || out->of == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = problems_of(net, bits, v, a, out->p, err);
    if (s == TD_OK) s = td_early_estimate(out->p, v->n, &v->chip, out->of, &out->e, err);
    if (s == TD_E_USAGE || s == TD_E_INFEASIBLE) td_error_prefix(err, "--bits %s", bits);
    return s;
}

td_status hcm_view_make(const td_net *net, const char *const *bits, int count,
                        const td_early_chip *chip, const char *dram, const char *node, td_arena *a,
                        hcm_view *out, td_error *err) {
    td_net_totals total;
    td_net_count(net, &total);
    *out = (hcm_view){.network = td_arena_strdup(a, td_net_name(net)),
                      .dram = dram,
                      .node = node,
                      .chip = *chip,
                      .params = (double)total.params,
                      .n = total.layers,
                      .name = TD_NEW(a, const char *, total.layers),
                      .turning = TD_NEW(a, int, total.layers),
                      .at = TD_NEW(a, hcm_precision, count),
                      .count = count};
    if (out->network == NULL || out->name == NULL || out->turning == NULL || out->at == NULL)
        return td_fail(err, TD_E_MEMORY, "out of memory");
    if (out->n == 0)
        return td_fail(err, TD_E_INPUT, "%s has no layer with MACs to estimate", out->network);
    for (int i = 0, k = 0; i < td_net_size(net); i++) {
        const td_layer *l = td_net_layer(net, i);
        if (td_op_mapped(l->op))
            if ((out->name[k++] = td_arena_strdup(a, l->name)) == NULL)
                return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    for (int f = 0; f < TD_NPE_FIT; f++)
        out->gate_um2[f] = f == TD_PE_SYNTHESIS || strcmp(node, "28nm") == 0 ? chip->gate_um2 : NAN;
    td_status s = TD_OK;
    for (int i = 0; s == TD_OK && i < count; i++)
        s = measure(net, bits[i], out, a, &out->at[i], err);
    if (s != TD_OK) return s;
    td_problem *work = TD_NEW(a, td_problem, out->n);
    td_early_layer *layer = TD_NEW(a, td_early_layer, out->n);
    if (work == NULL || layer == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    return td_early_turning(out->at[0].p, out->n, chip, work, layer, out->turning, err);
}

td_status hcm_plot(const hcm_view *v, td_arena *a, td_text *svg, td_error *err) {
    td_plot_roof *roof = TD_NEW(a, td_plot_roof, v->count);
    double *xy = TD_NEW(a, double, 2 * v->count * v->n);
    if (roof == NULL || xy == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int k = 0; k < v->count; k++) {
        const hcm_precision *q = &v->at[k];
        double *x = &xy[2 * k * v->n], *y = x + v->n;
        for (int i = 0; i < v->n; i++) {
            x[i] = q->of[i].ops_per_bit;
            y[i] = q->of[i].ops_per_s * 1e-9;
        }
        roof[k] = (td_plot_roof){
            .label = td_arena_printf(a, "%s bits: %lld PEs", q->bits, (long long)q->e.pes),
            .slope = v->chip.bits_per_s * 1e-9,
            .peak = q->e.peak_ops_per_s * 1e-9,
            .x = x,
            .y = y,
            .n = v->n};
        if (roof[k].label == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    const char *title =
        td_arena_printf(a, "%s on %.6g mm2 with %s", v->network, v->chip.mm2, v->dram);
    td_plot p = {.title = title, .x_label = "operations per bit", .y_label = "GOPS/s"};
    return td_plot_roofline(&p, roof, v->count, svg, err);
}

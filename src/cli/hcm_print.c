/* What `tandem hcm` prints. */
#include <math.h>
#include <stdio.h>

#include "cli_cell.h"
#include "hcm_view.h"
#include "tandem/report.h"

/* ---- tables ---------------------------------------------------------------------------------- */

static void tell_chip(const hcm_view *v, td_text *out) {
    const td_early_chip *c = &v->chip;
    double macs = v->at[0].e.sum.ops;
    td_text_addf(out, "%s: %s MACs, %s parameters, %d layers with MACs\n", v->network,
                 cli_count(macs).s, cli_count(v->params).s, v->n);
    td_text_addf(out, "%.6g mm2 at %s, %s: %.4g GB/s = %.4g Gbit/s; %.4g GOPS/s per PE", c->mm2,
                 v->node, v->dram, c->bits_per_s / 8e9, c->bits_per_s * 1e-9, c->ops_per_pe * 1e-9);
    if (c->local_bits > 0)
        td_text_addf(out, "; %s of local memory, %.4g mm2", cli_bytes(c->local_bits / 8).s,
                     c->local_mm2);
    td_text_add(out, "\n");
}

/* um2; "*" outside of the range that the fit is good for, "-" where it has no figure. */
static void area_cell(const hcm_view *v, td_pe_fit f, const td_early *e, char out[24]) {
    const td_pe_fit_about *about = td_pe_fit_get(f);
    double um2 = td_pe_um2(f, e->w, e->a, v->gate_um2[f]);
    bool known = isfinite(um2) && isfinite(v->gate_um2[f]);
    bool inside =
        e->w >= about->from && e->a >= about->from && e->w <= about->to && e->a <= about->to;
    if (known)
        snprintf(out, 24, "%.1f%s", um2, inside ? " " : "*");
    else
        snprintf(out, 24, "- ");
}

static void tell_areas(const hcm_view *v, td_text *out) {
    td_text_addf(out, "\n %-10s %4s %4s", "area of a PE", "w", "a");
    for (int f = 0; f < TD_NPE_FIT; f++)
        td_text_addf(out, " %12s%s", td_pe_fit_get((td_pe_fit)f)->name,
                     f == (int)v->chip.fit ? "+" : " ");
    td_text_add(out, "\n");
    for (int k = 0; k < v->count; k++) {
        td_text_addf(out, " %-12.24s %4d %4d", v->at[k].bits, v->at[k].e.w, v->at[k].e.a);
        for (int f = 0; f < TD_NPE_FIT; f++) {
            char cell[24];
            area_cell(v, (td_pe_fit)f, &v->at[k].e, cell);
            td_text_addf(out, " %13s", cell);
        }
        td_text_add(out, "\n");
    }
    for (int f = 0; f < TD_NPE_FIT; f++) {
        const td_pe_fit_about *x = td_pe_fit_get((td_pe_fit)f);
        td_text_addf(out, " %s: %s; %s; %d to %d bits (%s)\n", x->name, x->formula, x->source,
                     x->from, x->to, x->range);
    }
    td_text_add(out, " um2; +: used below; *: outside of the range; -: no figure\n");
}

static void tell_grids(const hcm_view *v, td_text *out) {
    td_text_addf(out, "\n %-12s %8s %4s %6s %9s %8s %9s %9s %9s %8s %9s %6s\n", "what fits",
                 "PE um2", "side", "PEs", "GOPS/s", "ridge", "BOPS", "weights", "traffic",
                 "ops/bit", "time", "memory");
    for (int k = 0; k < v->count; k++) {
        const td_early *e = &v->at[k].e;
        td_text_addf(out, " %-12.24s %8.1f %4lld %6lld %9s %8.4g %9s %9s %9s %8.4g %9s %4.0f %%\n",
                     v->at[k].bits, e->pe_um2, (long long)e->side, (long long)e->pes,
                     cli_thousands(e->peak_ops_per_s * 1e-9).s, e->ridge_ops_per_bit,
                     cli_count(e->sum.bops).s, cli_bytes(e->weight_bits / 8).s,
                     cli_bytes(e->sum.bits / 8).s, e->sum.ops_per_bit,
                     cli_small(e->sum.seconds, "s").s, 100 * e->memory_bound_s / e->sum.seconds);
    }
    td_text_add(out,
                " ridge: operations per bit from which the PEs are the bound; memory: share of "
                "the time that memory bounds\n");
}

static void tell_layers(const hcm_view *v, const hcm_precision *q, td_text *out) {
    td_text_addf(out, "\n %-18s %-30s %8s %8s %6s %9s %9s %8s %9s %9s  %-8s %s\n", q->bits, "shape",
                 "MACs", "w a", "sum", "BOPS", "traffic", "ops/bit", "GOPS/s", "time", "bound",
                 "memory from");
    for (int i = 0; i < v->n; i++) {
        const td_early_layer *l = &q->of[i];
        char shape[96], wa[16], turning[16];
        td_problem_text(&q->p[i], shape, sizeof shape);
        snprintf(wa, sizeof wa, "%d %d", q->p[i].bits[TD_W], q->p[i].bits[TD_I]);
        snprintf(turning, sizeof turning, v->turning[i] > 0 ? "%d bits" : "-", v->turning[i]);
        td_text_addf(out, " %-18.40s %-30s %8s %8s %6.1f %9s %9s %8.4g %9s %9s  %-8s %s%s\n",
                     v->name[i], shape, cli_count(l->ops).s, wa, l->sum_bits, cli_count(l->bops).s,
                     cli_bytes(l->bits / 8).s, l->ops_per_bit, cli_thousands(l->ops_per_s * 1e-9).s,
                     cli_small(l->seconds, "s").s, l->memory_bound ? "memory" : "compute", turning,
                     l->weights_stay ? ", weights stay" : "");
    }
}

void hcm_table(const hcm_view *v, td_text *out) {
    const td_pe_fit_about *fit = td_pe_fit_get(v->chip.fit);
    tell_chip(v, out);
    tell_areas(v, out);
    tell_grids(v, out);
    for (int k = 0; k < v->count; k++) tell_layers(v, &v->at[k], out);
    td_text_addf(out,
                 " sum: bits of the accumulator, w + a + log2(products); memory from: the widest "
                 "uniform precision of %d to %d bits at which memory is the bound\n",
                 fit->from, fit->to);
}

/* ---- document -------------------------------------------------------------------------------- */

static void put_number(td_arena *a, td_node *m, const char *key, double v) {
    if (isfinite(v))
        td_node_put_real(a, m, key, v);
    else
        td_node_put(a, m, key, td_node_null(a));
}

static td_node *fits_node(const hcm_view *v, td_arena *a) {
    td_node *list = td_node_list(a);
    for (int f = 0; f < TD_NPE_FIT; f++) {
        const td_pe_fit_about *x = td_pe_fit_get((td_pe_fit)f);
        td_node *m = td_node_push(a, list, td_node_map(a));
        td_node_put_string(a, m, "name", x->name);
        td_node_put_string(a, m, "formula", x->formula);
        td_node_put_string(a, m, "source", x->source);
        td_node_put_int(a, m, "from_bits", x->from);
        td_node_put_int(a, m, "to_bits", x->to);
        td_node_put_string(a, m, "range", x->range);
        td_node_put_bool(a, m, "used", f == (int)v->chip.fit);
    }
    return list;
}

static void put_layer(td_arena *a, td_node *m, const td_early_layer *l) {
    td_node_put_real(a, m, "macs", l->ops);
    td_node_put_real(a, m, "bops", l->bops);
    td_node_put_real(a, m, "sum_bits", l->sum_bits);
    td_node_put_real(a, m, "traffic_bits", l->bits);
    td_node_put_real(a, m, "ops_per_bit", l->ops_per_bit);
    td_node_put_real(a, m, "ops_per_s", l->ops_per_s);
    td_node_put_real(a, m, "seconds", l->seconds);
    td_node_put_string(a, m, "bound", l->memory_bound ? "memory" : "compute");
}

static td_node *precision_node(const hcm_view *v, const hcm_precision *q, td_arena *a) {
    td_node *m = td_node_map(a);
    td_node_put_string(a, m, "bits", q->bits);
    td_node_put_int(a, m, "w", q->e.w);
    td_node_put_int(a, m, "a", q->e.a);
    td_node *area = td_node_put(a, m, "pe_um2", td_node_map(a));
    for (int f = 0; f < TD_NPE_FIT; f++)
        put_number(a, area, td_pe_fit_get((td_pe_fit)f)->name,
                   isfinite(v->gate_um2[f])
                       ? td_pe_um2((td_pe_fit)f, q->e.w, q->e.a, v->gate_um2[f])
                       : NAN);
    td_node_put_int(a, m, "side", q->e.side);
    td_node_put_int(a, m, "pes", q->e.pes);
    td_node_put_real(a, m, "peak_ops_per_s", q->e.peak_ops_per_s);
    td_node_put_real(a, m, "ridge_ops_per_bit", q->e.ridge_ops_per_bit);
    td_node_put_real(a, m, "weight_bits", q->e.weight_bits);
    td_node_put_real(a, m, "memory_bound_s", q->e.memory_bound_s);
    put_layer(a, td_node_put(a, m, "network", td_node_map(a)), &q->e.sum);
    td_node *list = td_node_put(a, m, "layers", td_node_list(a));
    for (int i = 0; i < v->n; i++) {
        td_node *l = td_node_push(a, list, td_node_map(a));
        td_node_put_string(a, l, "layer", v->name[i]);
        td_node_put_int(a, l, "w", q->p[i].bits[TD_W]);
        td_node_put_int(a, l, "a", q->p[i].bits[TD_I]);
        put_layer(a, l, &q->of[i]);
        td_node_put_bool(a, l, "weights_stay", q->of[i].weights_stay);
        td_node_put_int(a, l, "memory_bound_from_bits", v->turning[i]);
    }
    return m;
}

td_node *hcm_node(const hcm_view *v, td_arena *a) {
    const td_early_chip *c = &v->chip;
    td_node *m = td_node_map(a);
    td_node_put_string(a, m, "network", v->network);
    td_node_put_real(a, m, "parameters", v->params);
    td_node_put_real(a, m, "area_mm2", c->mm2);
    td_node_put_string(a, m, "node", v->node);
    td_node_put_string(a, m, "dram", v->dram);
    td_node_put_real(a, m, "dram_bits_per_s", c->bits_per_s);
    td_node_put_real(a, m, "pe_ops_per_s", c->ops_per_pe);
    td_node_put_real(a, m, "local_bytes", c->local_bits / 8);
    td_node_put_real(a, m, "local_mm2", c->local_mm2);
    td_node_put(a, m, "fits", fits_node(v, a));
    td_node *list = td_node_put(a, m, "precisions", td_node_list(a));
    for (int k = 0; k < v->count; k++) td_node_push(a, list, precision_node(v, &v->at[k], a));
    return m;
}

/* ---- CSV ------------------------------------------------------------------------------------- */

void hcm_csv(const hcm_view *v, td_text *out) {
    td_text_add(out, "bits,layer,shape,w,a,sum_bits,macs,bops,traffic_bits,ops_per_bit,ops_per_s,"
                     "seconds,bound,weights_stay,memory_bound_from_bits\r\n");
    for (int k = 0; k < v->count; k++)
        for (int i = 0; i < v->n; i++) {
            const td_early_layer *l = &v->at[k].of[i];
            const td_problem *p = &v->at[k].p[i];
            char shape[96], number[32];
            td_problem_text(p, shape, sizeof shape);
            td_report_csv_field(out, v->at[k].bits);
            td_text_add(out, ",");
            td_report_csv_field(out, v->name[i]);
            td_text_addf(out, ",%s,%d,%d", shape, p->bits[TD_W], p->bits[TD_I]);
            const double x[] = {l->sum_bits,    l->ops,       l->bops,   l->bits,
                                l->ops_per_bit, l->ops_per_s, l->seconds};
            for (int j = 0; j < 7; j++) {
                td_real_text(x[j], number);
                td_text_addf(out, ",%s", number);
            }
            td_text_addf(out, ",%s,%d,%d\r\n", l->memory_bound ? "memory" : "compute",
                         l->weights_stay, v->turning[i]);
        }
}

#include "eval_table.h"

#include <stdio.h>
#include <string.h>

#include "cli_cell.h"
#include "tandem/report.h"

/* ---- header -----------------------------------------------------------------------------------
 */

/* Bits per cycle of the outermost level, both directions. */
static double io_bits(const td_hw *hw) {
    const td_level *top = &hw->level[hw->n - 1];
    double apart = top->read_bw + top->write_bw;
    return top->shared_bw < apart ? top->shared_bw : apart;
}

static void describe_hw(const td_hw *hw, td_text *out) {
    double macs = (double)td_hw_peak_macs(hw), bits = 0, io = io_bits(hw) / 8 * hw->clock_hz;
    td_text_addf(out, "%s: ", hw->name);
    for (int l = hw->n - 2; l >= 0; l--) {
        const td_level *v = &hw->level[l];
        if (v->shares < 0 && v->capacity_bits > 0) bits += (double)v->capacity_bits * v->instances;
        int fan = hw->level[l + 1].instances > 0 ? v->instances / hw->level[l + 1].instances : 1;
        if (fan > 1) td_text_addf(out, "%d %s x ", fan, v->name);
    }
    td_text_addf(out, "%d MACs = %s MACs, %.2f GHz, %.3g TOPS, %s on chip",
                 hw->mac.instances / hw->level[0].instances, cli_thousands(macs).s,
                 hw->clock_hz * 1e-9, 2 * macs * hw->clock_hz * 1e-12, cli_bytes(bits / 8).s);
    if (io < INFINITY) td_text_addf(out, ", %.3g GB/s", io * 1e-9);
    if (isfinite(hw->area_mm2)) td_text_addf(out, ", %.3g mm2", hw->area_mm2);
    if (hw->node[0] != '\0') td_text_addf(out, " (%s)", hw->node);
    td_text_add(out, hw->relative_energy ? "; energies are relative, no joules\n" : "\n");
}

static void describe_net(const td_net *net, const td_schedule *s, td_text *out) {
    td_net_totals t;
    td_net_count(net, &t);
    const td_layer *in = td_net_layer(net, 0);
    int conv = 0, fc = 0, products = 0, transposed = 0, w = 0, a = 0;
    bool mixed = false;
    for (int i = 1; i < td_net_size(net); i++) {
        const td_layer *l = td_net_layer(net, i);
        conv += l->op == TD_OP_CONV;
        fc += l->op == TD_OP_FC;
        products += l->op == TD_OP_MATMUL;
        transposed += l->op == TD_OP_CONV_TRANSPOSE;
        if (!td_op_mapped(l->op)) continue;
        mixed = mixed || (w != 0 && (w != l->bits[TD_W] || a != l->bits[TD_I]));
        w = l->bits[TD_W];
        a = l->bits[TD_I];
    }
    td_text_addf(out, "%s: input %dx%dx%d, %d conv, %d fc", td_net_name(net), in->c, in->h, in->w,
                 conv, fc);
    if (transposed > 0) td_text_addf(out, ", %d conv_transpose", transposed);
    if (products > 0) td_text_addf(out, ", %d matmul", products);
    td_text_addf(out, ", %s MACs, %s parameters", cli_count((double)t.macs).s,
                 cli_count((double)t.params).s);
    if (mixed)
        td_text_add(out, " (mixed precision)");
    else if (w == a && w != 0)
        td_text_addf(out, " (int%d)", w);
    else if (w != 0)
        td_text_addf(out, " (weights int%d, activations int%d)", w, a);
    if (s->batch > 1) td_text_addf(out, ", batch %d", s->batch);
    td_text_add(out, s->cold ? ", first inference\n" : "\n");
}

/* ---- rows -------------------------------------------------------------------------------------
 */

static void shape_text(const td_net *net, const td_interval *t, int batch, char *out, size_t size) {
    td_problem p;
    if (td_layer_problem(net, t->layer, batch, &p)) {
        td_problem_text(&p, out, size);
        size_t n = strlen(out);
        if (t->joined >= 0)
            snprintf(out + n, size - n, " + %s", td_op_name(td_net_layer(net, t->joined)->op));
        return;
    }
    const td_layer *l = td_net_layer(net, t->layer);
    if (l->op == TD_OP_MAX_POOL || l->op == TD_OP_AVG_POOL)
        snprintf(out, size, "%s %dx%d s%d to %dx%dx%d", td_op_name(l->op), l->kernel[0],
                 l->kernel[1], l->stride[0], l->c, l->h, l->w);
    else
        snprintf(out, size, "%s %dx%dx%d", td_op_name(l->op), l->c, l->h, l->w);
}

static const char *chip_text(const td_net *net, const td_interval *t, char out[64]) {
    bool two_inputs = td_net_layer(net, t->layer)->n_inputs > 1 || t->joined >= 0;
    out[0] = '\0';
    bool in = t->input == TD_AT_CHIP, in2 = two_inputs && t->input2 == TD_AT_CHIP;
    if (in || in2) strcat(out, two_inputs && in != in2 ? (in ? "in(1) " : "in(2) ") : "in ");
    if (t->input == TD_AT_BANDS) strcat(out, "in (bands) ");
    if (t->output == TD_AT_CHIP) strcat(out, "out ");
    if (t->output == TD_AT_BANDS) strcat(out, "out (bands) ");
    if (t->weights == TD_AT_CHIP) strcat(out, "weights ");
    if (t->weights == TD_AT_STAGED) strcat(out, "weights (staged) ");
    size_t n = strlen(out);
    if (n > 0) out[n - 1] = '\0';
    return out;
}

void eval_table(const td_net *net, const td_hw *hw, const td_schedule *s, td_text *out) {
    describe_hw(hw, out);
    describe_net(net, s, out);
    int wide = 18; /* names of ONNX models are paths */
    for (int i = 0; i < s->n; i++) {
        int length = (int)strlen(td_net_layer(net, s->interval[i].layer)->name);
        if (length > wide) wide = length;
    }
    td_text_addf(out, "\n %-*s %-34s %8s %12s %6s  %-16s %9s   %s\n", wide, "layer", "shape",
                 "MACs", "cycles", "util", "limit", "energy", "on chip");
    double macs = 0, cycles = 0;
    for (int i = 0; i < s->n; i++) {
        const td_interval *t = &s->interval[i];
        const td_layer *l = td_net_layer(net, t->layer);
        char shape[96], chip[64], util[16] = "";
        shape_text(net, t, s->batch, shape, sizeof shape);
        if (t->mapped) /* that of a fc is often far below one */
            snprintf(util, sizeof util, t->utilization < 0.00995 ? "%.1f %%" : "%.0f %%",
                     100 * t->utilization);
        td_text_addf(out, " %-*s %-34s %8s %12s %6s  %-16s %9s   %s\n", wide, l->name, shape,
                     t->mapped ? cli_count((double)t->macs).s : "", cli_thousands(t->cycles).s,
                     util, t->limit, cli_small(t->energy_j, "J").s, chip_text(net, t, chip));
        macs += (double)t->macs;
        cycles += t->cycles;
    }
    td_text_addf(out, " %-*s %-34s %8s %12s %4.0f %%  %-16s %9s\n\n", wide, "total", "",
                 cli_count(macs).s, cli_thousands(cycles).s, 100 * s->utilization, "",
                 cli_small(s->energy_j, "J").s);
}

/* ---- CSV --------------------------------------------------------------------------------------
 */

void eval_csv(const td_net *net, const td_schedule *s, td_text *out) {
    static const char *const where[] = {"dram", "chip", "staged", "bands"};
    td_text_add(out, "layer,op,shape,macs,cycles,compute_cycles,dram_cycles,latency_s,utilization,"
                     "limit,energy_j,dram_bytes_w,dram_bytes_i,dram_bytes_o,prefetch_bytes,"
                     "chip_bytes,input,input2,output,weights,joined,bands,rows\r\n");
    for (int i = 0; i < s->n; i++) {
        const td_interval *t = &s->interval[i];
        const td_layer *l = td_net_layer(net, t->layer);
        char shape[96];
        shape_text(net, t, s->batch, shape, sizeof shape);
        td_report_csv_field(out, l->name);
        td_text_addf(out, ",%s,%s,%lld", td_op_name(l->op), shape, (long long)t->macs);
        const double v[] = {t->cycles, t->compute_cycles, t->dram_cycles, t->latency_s,
                            t->utilization};
        char number[32];
        for (int k = 0; k < 5; k++) {
            td_real_text(v[k], number);
            td_text_addf(out, ",%s", number);
        }
        td_text_addf(out, ",%s", t->limit);
        const double d[] = {t->energy_j, t->dram_bytes[TD_W], t->dram_bytes[TD_I],
                            t->dram_bytes[TD_O], t->prefetch_bytes};
        for (int k = 0; k < 5; k++) {
            td_real_text(d[k], number);
            td_text_addf(out, ",%s", number);
        }
        td_text_addf(out, ",%lld,%s,%s,%s,%s,", (long long)t->chip_bytes, where[t->input],
                     l->n_inputs > 1 || t->joined >= 0 ? where[t->input2] : "", where[t->output],
                     t->mapped ? where[t->weights] : "");
        if (t->joined >= 0) td_report_csv_field(out, td_net_layer(net, t->joined)->name);
        if (t->mapped)
            td_text_addf(out, ",%d,%d", t->bands, t->rows);
        else
            td_text_add(out, ",,");
        td_text_add(out, "\r\n");
    }
}

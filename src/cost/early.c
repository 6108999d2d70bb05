/* Estimates before there is a mapping: bit operations, PEs in an area, operations per bit. */
#include <math.h>
#include <string.h>

#include "tandem/cost.h"

double td_bops_of(double w, double a, double terms) {
    return w * a + w + a + log2(terms);
}

static double terms_of(const td_problem *p) {
    return (double)p->dim[TD_C] * p->dim[TD_R] * p->dim[TD_S];
}

double td_bops(const td_problem *p) {
    return (double)td_problem_macs(p) * td_bops_of(p->bits[TD_W], p->bits[TD_I], terms_of(p));
}

/* ---- area of a processing element ---- */

static const td_pe_fit_about FITS[TD_NPE_FIT] = {
    {"bops", "1.694 B + 153.46 um2, B = 9 (w a + w + a + log2 9)",
     "Karbachevsky et al. 2020, figure 3 (TSMC 28 nm, R^2 0.998)",
     "fails below 4 bits: at 2 it is 56 % above the other fit of the paper", 4, 32},
    {"bits", "12.39 b^2 + 86.07 b - 14.02 um2, w = a = b",
     "Karbachevsky et al. 2020, figure 1 (TSMC 28 nm, R^2 0.9999877)",
     "equal bits only; which bits the paper synthesised is not known here", 2, 32},
    {"synthesis", "(80.85 w a + 17.2 (w + a) + 84.5) NAND2 x um2 of one",
     "own synthesis, experiments/pe_synthesis.py (sky130hd)",
     "different bits up to 16 only; median error 1.4 %, worst 6.2 % of 45 points", 2, 32},
};

const td_pe_fit_about *td_pe_fit_get(td_pe_fit f) {
    return f >= 0 && f < TD_NPE_FIT ? &FITS[f] : NULL;
}

double td_pe_gates(double w, double a) {
    return 80.85 * w * a + 17.2 * (w + a) + 84.5;
}

double td_pe_um2(td_pe_fit f, double w, double a, double gate_um2) {
    switch (f) {
    case TD_PE_BOPS: return 1.694 * 9 * td_bops_of(w, a, 9) + 153.46;
    case TD_PE_BITS: return w == a ? 12.39 * w * w + 86.07 * w - 14.02 : NAN;
    case TD_PE_SYNTHESIS: return td_pe_gates(w, a) * gate_um2;
    default: return NAN;
    }
}

/* ---- roofline ---- */

static double weight_bits(const td_problem *p) {
    return (double)td_problem_words(p, TD_W) * p->bits[TD_W];
}

/* Line buffers: features are read once. */
static void count_layer(const td_problem *p, td_early_layer *l) {
    *l = (td_early_layer){.ops = (double)td_problem_macs(p),
                          .bops = td_bops(p),
                          .sum_bits = td_sum_bits(p->bits[TD_W], p->bits[TD_I], terms_of(p))};
    l->bits = (double)td_problem_words(p, TD_I) * p->bits[TD_I] +
              (double)td_problem_words(p, TD_O) * p->bits[TD_O] + weight_bits(p);
    l->ops_per_bit = l->ops / l->bits;
}

static void bound_layer(td_early_layer *l, double peak, double bits_per_s) {
    double memory = bits_per_s * l->ops_per_bit;
    l->memory_bound = memory < peak;
    l->ops_per_s = l->memory_bound ? memory : peak;
    l->seconds = l->ops / l->ops_per_s;
}

static double reuse(const td_problem *p) {
    return (double)td_problem_macs(p) / weight_bits(p);
}

/* Weights stay, of the layers that use them least first; what is too large for what is left is
 * passed over. */
static void keep_weights(const td_problem *p, int n, double room, td_early_layer *layer) {
    for (int last = -1, k = 0; k < n; k++) {
        int next = -1; /* the least one beyond the last, equal ones in order */
        for (int i = 0; i < n; i++) {
            bool beyond = last < 0 || reuse(&p[i]) > reuse(&p[last]) ||
                          (reuse(&p[i]) == reuse(&p[last]) && i > last);
            if (beyond && (next < 0 || reuse(&p[i]) < reuse(&p[next]))) next = i;
        }
        last = next;
        double bits = weight_bits(&p[next]);
        if (bits > room) continue;
        room -= bits;
        layer[next].weights_stay = true;
        layer[next].bits -= bits;
        layer[next].ops_per_bit = layer[next].ops / layer[next].bits;
    }
}

static td_status build_grid(const td_problem *p, int n, const td_early_chip *chip, td_early *out,
                            td_error *err) {
    for (int i = 0; i < n; i++) {
        if (p[i].bits[TD_W] > out->w) out->w = p[i].bits[TD_W];
        if (p[i].bits[TD_I] > out->a) out->a = p[i].bits[TD_I];
    }
    out->pe_um2 = td_pe_um2(chip->fit, out->w, out->a, chip->gate_um2);
    if (!(out->pe_um2 > 0))
        return td_fail(err, TD_E_USAGE,
                       "the fit \"%s\" has no area of a PE for weights of %d and activations of %d "
                       "bits; expected equal bits, or another fit",
                       td_pe_fit_get(chip->fit)->name, out->w, out->a);
    double um2 = (chip->mm2 - chip->local_mm2) * 1e6;
    out->side = um2 > 0 ? (int64_t)floor(sqrt(um2 / out->pe_um2)) : 0;
    if (out->side < 1)
        return td_fail(err, TD_E_INFEASIBLE,
                       "a PE of w%da%d takes %.4g um2, and %.4g are left for PEs of %.6g mm2",
                       out->w, out->a, out->pe_um2, um2 > 0 ? um2 : 0, chip->mm2);
    out->pes = out->side * out->side;
    out->peak_ops_per_s = (double)out->pes * chip->ops_per_pe;
    out->ridge_ops_per_bit = out->peak_ops_per_s / chip->bits_per_s;
    return TD_OK;
}

td_status td_early_estimate(const td_problem *p, int n, const td_early_chip *chip,
                            td_early_layer *layer, td_early *out, td_error *err) {
    *out = (td_early){0};
    td_status s = build_grid(p, n, chip, out, err);
    if (s != TD_OK) return s;
    for (int i = 0; i < n; i++) count_layer(&p[i], &layer[i]);
    if (chip->local_bits > 0) keep_weights(p, n, chip->local_bits, layer);
    td_early_layer *sum = &out->sum;
    for (int i = 0; i < n; i++) {
        td_early_layer *l = &layer[i];
        bound_layer(l, out->peak_ops_per_s, chip->bits_per_s);
        out->weight_bits += weight_bits(&p[i]);
        sum->ops += l->ops;
        sum->bops += l->bops;
        sum->bits += l->bits;
        sum->seconds += l->seconds;
        if (l->sum_bits > sum->sum_bits) sum->sum_bits = l->sum_bits;
        if (l->memory_bound) out->memory_bound_s += l->seconds;
    }
    sum->ops_per_bit = sum->ops / sum->bits;
    sum->ops_per_s = sum->ops / sum->seconds;
    sum->memory_bound = out->memory_bound_s > 0.5 * sum->seconds;
    return TD_OK;
}

td_status td_early_turning(const td_problem *p, int n, const td_early_chip *chip, td_problem *work,
                           td_early_layer *layer, int *bits, td_error *err) {
    const td_pe_fit_about *fit = td_pe_fit_get(chip->fit);
    td_early e;
    memcpy(work, p, sizeof *p * (size_t)n);
    memset(bits, 0, sizeof *bits * (size_t)n);
    for (int b = fit->from; b <= fit->to; b++) {
        for (int i = 0; i < n; i++)
            for (int t = 0; t < TD_NTENSOR; t++) work[i].bits[t] = (uint8_t)b;
        td_status s = td_early_estimate(work, n, chip, layer, &e, err);
        if (s == TD_E_INFEASIBLE) return TD_OK; /* wider ones do not fit either */
        if (s != TD_OK) return s;
        for (int i = 0; i < n; i++)
            if (layer[i].memory_bound) bits[i] = b;
    }
    return TD_OK;
}

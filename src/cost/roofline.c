/* Cycles below which no mapping gets. */
#include "tandem/cost.h"

/* Positions p * stride + r * dilation (p < out, r < taps) in [lo, hi), each once: a buffer may
 * leave out columns that a stride skips, so the dense box would be no bound. In one residue class
 * modulo the stride the taps' progressions are intervals of equal length, shifted; each adds what
 * its left neighbour does not have. */
static double touched(int64_t out, int64_t taps, int64_t stride, int64_t dilation, int64_t lo,
                      int64_t hi) {
    int64_t a = stride, b = dilation; /* taps r and r + period share a residue class */
    while (b != 0) {
        int64_t r = a % b;
        a = b;
        b = r;
    }
    int64_t period = stride / a, shift = dilation / a; /* of the interval from tap to tap */
    double n = 0;
    for (int64_t r = 0; r < taps; r++) {
        int64_t first =
            r < period || shift >= out ? 0 : out - shift; /* new ones: first <= p < out */
        int64_t base = r * dilation;
        /* smallest p with base + p * stride >= lo, and >= hi */
        int64_t from = base >= lo ? 0 : (lo - base + stride - 1) / stride;
        int64_t to = base >= hi ? 0 : (hi - base + stride - 1) / stride;
        if (from < first) from = first;
        if (to > out) to = out;
        if (to > from) n += (double)(to - from);
    }
    return n;
}

double td_roofline_cycles(const td_problem *p, const td_hw *hw) {
    double cycles = (double)td_problem_macs(p) / hw->mac.instances;
    const td_level *top = &hw->level[hw->n - 1];
    double plane = 1;
    for (int axis = 0; axis < 2; axis++) {
        int64_t out = p->dim[TD_P + axis], taps = p->dim[TD_R + axis];
        int64_t whole = (out - 1) * p->stride[axis] + (taps - 1) * p->dilation[axis] + 1;
        plane *= touched(out, taps, p->stride[axis], p->dilation[axis], p->pad[axis],
                         whole - p->pad[2 + axis]);
    }
    double input = (double)p->dim[TD_N] * p->dim[TD_G] * p->dim[TD_C] * plane;
    int o_bits = p->bits[TD_O] < p->acc_bits ? p->bits[TD_O] : p->acc_bits;
    double read = (double)td_problem_words(p, TD_W) * p->bits[TD_W] + input * p->bits[TD_I];
    double write = (double)td_problem_words(p, TD_O) * o_bits;
    double bound[3] = {read / top->read_bw, write / top->write_bw, (read + write) / top->shared_bw};
    for (int i = 0; i < 3; i++)
        if (bound[i] / top->instances > cycles) cycles = bound[i] / top->instances;
    return cycles;
}

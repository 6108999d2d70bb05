/* Cycles beyond the steps of the MACs that fan-outs take: operands and results that pass from
 * neighbour to neighbour, and tiles that are shifted in or out (td_level_timing).
 * docs/cost-model.md, "Skew". */
#include "cost_chain.h"

/* Combinations of the loops in time from loop k on outwards in which some child works: as
 * compute_cycles, with the loops inside of k left out. */
static double passes(const td__nest *z, int k) {
    td__chain chain;
    td__chain_build(z, &chain);
    double all = 1;
    for (int d = 0; d < TD_NDIM; d++) {
        double whole = 1, last = 1;
        for (int j = 0; j < chain.n[d]; j++) {
            const td__link *x = &chain.link[d][j];
            if (x->time >= k) {
                last += (x->tail - 1) * whole;
                whole *= x->bound;
            } else if (x->tail > 1) { /* the first of several runs a whole pass */
                last = whole;
            }
        }
        all *= last;
    }
    return all;
}

/* How often a tile of tensor t stays in `keeper`: its steps, those in a row that leave it where it
 * is taken as one. A MAC (-1) holds nothing. */
static double folds(const td__nest *z, int keeper, int t, bool exact) {
    int k = z->t0[keeper + 1];
    while (keeper >= 0 && k < z->nt && !(td__dims_of[t] & z->t[k].bit)) k++;
    return z->imperfect && exact ? passes(z, k) : z->outer[k];
}

double td__skew_cycles(const td__nest *z, bool exact) {
    double all = 0;
    for (int l = 0; l < z->n; l++) {
        const td_level_timing *v = &z->hw->level[l].timing;
        if (td_timing_ideal(v)) continue;
        int t = 0, keeper = l - 1;
        while (t < TD_NTENSOR && v->fold != TD_BIT(t)) t++;
        while (keeper >= 0 && !(z->m->keep[keeper] & v->fold)) keeper--;
        const double words = t < TD_NTENSOR && keeper >= 0 ? z->words[keeper][t] : 1;
        const double x = td_hw_fanout(z->hw, l, TD_AXIS_X), y = td_hw_fanout(z->hw, l, TD_AXIS_Y);
        const double once =
            (x - 1) * v->hop_x + (y - 1) * v->hop_y + (x * v->shift_x + y * v->shift_y) * words;
        all += (t < TD_NTENSOR ? folds(z, keeper, t, exact) : 1) * once;
    }
    return all < 0x1p61 ? all : 0x1p61;
}

/* What filling, draining and shifting add to the cycles of a root at least (src/cost/cost_skew.c
 * has the rule). A fold ends where the tile of its tensor moves, so folds and the words of the
 * tensor that enter its keeper come from the same loops: with M as of a link, both are M times what
 * they are at M = 1. */
#include "mapper.h"

void td__skew_constants(td__space *z) {
    z->skew = 0;
    for (int l = 0; l < z->n; l++) {
        const td_level_timing *v = &z->hw->level[l].timing;
        const double x = td_hw_fanout(z->hw, l, TD_AXIS_X), y = td_hw_fanout(z->hw, l, TD_AXIS_Y);
        z->skewed |= !td_timing_ideal(v);
        z->hops[l] = (x - 1) * v->hop_x + (y - 1) * v->hop_y;
        z->shift[l] = x * v->shift_x + y * v->shift_y;
        if (v->fold == 0) z->skew += z->hops[l];
    }
}

/* Combinations of temporal extents in dims of the tensor: all of its loops in time. */
static double moves(const td__space *z, const td__products *w, int t) {
    double n = 1;
    for (int i = 0; i < z->n_active; i++) {
        const int d = z->active[i];
        if (td__map_dims[t] & TD_BIT(d)) n *= w->p->dim[d] / w->out[0][d];
    }
    return n;
}

/* Words of one tile of the tensor at a level, as the fans inside make it. */
static double least_words(const td__space *z, const td__products *w, int t, int level) {
    int32_t e[TD_NDIM];
    for (int d = 0; d < TD_NDIM; d++) e[d] = w->out[0][d] / w->out[level + 1][d];
    return td__tile_bits(z, w->p, e, t, false) / z->bits[t];
}

/* Of a word, sums that are narrower than outputs included. */
static int least_bits(const td__space *z, int t) {
    return t == TD_O && z->bits[TD__SUMS] < z->bits[t] ? z->bits[TD__SUMS] : z->bits[t];
}

/* Steps that one tile can stay for, at most, in dims of the tensor. */
static double held(const td__space *z, int t, int level, double words) {
    double n = floor(z->usable[level] / (least_bits(z, t) * words));
    if (n < 1) n = 1;
    /* h lines hold h places or h taps, and all combinations of fewer. */
    return t == TD_I && !z->plain ? n * n * words * words : n;
}

double td__link_skew(const td__space *z, const td__products *w, int t, int parent, int child) {
    double cycles = 0;
    for (int l = child + 1; l <= parent; l++) {
        const td_level_timing *v = &z->hw->level[l].timing;
        if (v->fold != TD_BIT(t) || td_timing_ideal(v)) continue;
        if (child < 0) { /* every step is a fold */
            cycles += w->compute * (z->hops[l] + z->shift[l]);
            continue;
        }
        const double words = least_words(z, w, t, child), n = moves(z, w, t);
        const double folds = n / held(z, t, child, words);
        /* Larger tiles are shifted less often, but not fewer words. */
        cycles += (folds > 1 ? folds : 1) * z->hops[l] +
                  (t == TD_I && !z->plain ? (folds > 1 ? folds : 1) : n) * z->shift[l] * words;
    }
    return cycles * (1 - 1e-12);
}

double td__least_skew(const td__space *z, const double words[TD_NTENSOR]) {
    if (!z->skewed) return 0;
    double cycles = z->skew;
    for (int l = 0; l < z->n; l++) {
        const td_level_timing *v = &z->hw->level[l].timing;
        for (int t = 0; t < TD_NTENSOR; t++) {
            if (v->fold != TD_BIT(t) || td_timing_ideal(v)) continue;
            if (t == TD_I && z->counting == TD_COUNT_TIMELOOP && !z->plain) continue;
            const double x = td_hw_fanout(z->hw, l, TD_AXIS_X),
                         y = td_hw_fanout(z->hw, l, TD_AXIS_Y);
            bool kept = false; /* or each step is a fold, with a word for each MAC */
            for (int k = 0; k < l; k++) kept |= (z->must[k] & v->fold) != 0;
            double most = kept ? 1 : z->hw->mac.instances; /* words that a fold holds */
            for (int k = 0; k < l; k++)
                if (z->may[k] & v->fold)
                    most = fmax(most,
                                z->hw->level[k].instances * floor(z->usable[k] / least_bits(z, t)));
            const double folds = fmax(1, ceil(words[t] / most * (1 - 1e-12)));
            cycles +=
                folds * ((x - 1) * v->hop_x + (y - 1) * v->hop_y + x * v->shift_x + y * v->shift_y);
        }
    }
    return cycles;
}

/* A lower bound over the whole map space, from what no mapping can avoid:
 * - cycles: the layer's MACs over the largest number of them that the rules let work at a time, and
 *   words that must pass a level over its bandwidth;
 * - energy: the MACs; per tensor the cheapest place to feed them from, with words shared as widely
 * as the fans allow; each word once at the outermost keeper and at every level that must keep the
 * tensor.
 * Sums that are narrower than outputs are no accumulators; of them only the MACs are certain. */
#include "mapper.h"

/* Largest number of MACs at a time, and of words of a tensor that one word read at level l can
 * make: share[l] covers the fans of levels 0..l. Inputs: K, and at most the root of (places along
 * P) x (places along R) per axis, since a x b places have at least max(a, b) sums. */
typedef struct {
    double macs, share[TD_MAX_LEVELS][TD_NTENSOR];
} widths;

static void measure(const td__space *z, widths *w) {
    double share[TD_NTENSOR] = {1, 1, 1};
    w->macs = 1;
    for (int l = 0; l < z->n; l++) {
        const td_level *v = &z->hw->level[l];
        double fan = (double)td_hw_fanout(z->hw, l, TD_AXIS_X) * td_hw_fanout(z->hw, l, TD_AXIS_Y);
        double most = 1, wide[TD_NTENSOR] = {1, 1, 1};
        for (int i = 0; i < z->n_fan[l]; i++) {
            const td__fan *f = &z->fan[l][i];
            double s[TD_NDIM], plane = 1;
            for (int d = 0; d < TD_NDIM; d++) s[d] = f->f[d];
            if (!z->plain) plane = sqrt(s[TD_P] * s[TD_R]) * sqrt(s[TD_Q] * s[TD_S]);
            double here[TD_NTENSOR] = {s[TD_N] * s[TD_P] * s[TD_Q], s[TD_K] * plane,
                                       s[TD_C] * s[TD_R] * s[TD_S]};
            for (int t = 0; t < TD_NTENSOR; t++)
                if (here[t] > wide[t]) wide[t] = here[t];
            if (f->total > most) most = f->total;
        }
        if (z->cut || z->imperfect) most = wide[TD_W] = wide[TD_I] = wide[TD_O] = fan;
        w->macs *= most;
        for (int t = 0; t < TD_NTENSOR; t++) {
            bool shared = (t == TD_O ? v->reduce : v->multicast) & TD_BIT(t);
            if (shared) share[t] *= wide[t];
            w->share[l][t] = share[t] * (1 + 1e-12);
        }
    }
}

static double distinct(const td__space *z, int t) {
    const int32_t *e = z->p.dim;
    const int32_t one[TD_NDIM] = {1, 1, 1, 1, 1, 1, 1, 1};
    if (t != TD_I) return (double)td_problem_words(&z->p, (td_tensor)t);
    double planes = (double)e[TD_N] * e[TD_G] * e[TD_C];
    if (z->plain) return planes * z->inside;
    return planes * td__held_lines(&z->p, 0, one, 1) * td__held_lines(&z->p, 1, one, 1);
}

void td__space_bound(const td__space *z, double *pj, double *cycles) {
    const td_problem *p = &z->p;
    widths w;
    measure(z, &w);
    double macs = (double)td_problem_macs(p);
    double read[TD_MAX_LEVELS] = {0}, write[TD_MAX_LEVELS] = {0}; /* bits, all instances */
    double energy = macs * td_mac_pj(&z->hw->mac, p);
    if (z->narrow) {
        *pj = energy * (1 - 1e-12);
        *cycles = ceil(macs / w.macs * (1 - 1e-12));
        return;
    }
    bool any = p->dim[TD_C] > 1 || p->dim[TD_R] > 1 || p->dim[TD_S] > 1;
    int finished = z->bits[TD__SUMS] < z->bits[TD_O] ? TD__SUMS : TD_O;
    int sums = any ? TD__SUMS : TD_O;
    for (int t = 0; t < TD_NTENSOR; t++) {
        /* Timeloop undercounts some halos: no word of such inputs is certain. */
        if (t == TD_I && z->counting == TD_COUNT_TIMELOOP && !z->plain) continue;
        int top = z->top[t], lowest = top;
        while (lowest > 0 && !(z->must[lowest - 1] & TD_BIT(t))) lowest--;
        bool forced = lowest > 0; /* something inside must keep it */
        if (forced) lowest--;
        double words = distinct(z, t), feed = macs;
        if (t == TD_I)
            feed = (double)p->dim[TD_N] * p->dim[TD_G] * p->dim[TD_C] * p->dim[TD_K] * z->inside;
        for (int l = 0; l <= top; l++) {
            if (l != top && !(z->must[l] & TD_BIT(t))) continue;
            if (l == top || t == TD_O)
                write[l] += t == TD_O ? words * z->bits[finished] : 0;
            else
                write[l] += words * z->bits[t];
            if (t != TD_O) read[l] += words * z->bits[t];
        }
        /* The innermost keeper k: the MACs are fed from there. */
        double best = INFINITY;
        int to = forced ? lowest : top;
        for (int k = 0; k <= to; k++) {
            if (!(z->may[k] & TD_BIT(t))) continue;
            double n = feed / w.share[k][t], e;
            if (t == TD_O) {
                /* Every update but first ones reads; as many words are read to drain, at least, but
                 * not in Timeloop's counting. */
                bool again = k < top && z->counting == TD_COUNT_EXACT;
                e = n * (z->up[k][sums] + (again ? z->rd[k][sums] : 0));
                if (k == top && n > words) e += (n - words) * z->rd[k][sums];
            } else {
                e = n * z->rd[k][t];
                if (k == top && n < words) e = words * z->rd[k][t];
            }
            for (int l = k + 1; l <= top; l++) {
                if (l != top && !(z->must[l] & TD_BIT(t))) continue;
                if (t == TD_O) {
                    double up = fmin(z->up[l][TD_O], z->up[l][TD__SUMS]);
                    double rd = fmin(z->rd[l][TD_O], z->rd[l][TD__SUMS]);
                    e += words * (up + (l < top && z->counting == TD_COUNT_EXACT ? rd : 0));
                } else {
                    e += words * z->rd[l][t];
                    if (l < top) e += words * z->fl[l][t];
                }
            }
            if (t != TD_O && k < top) e += words * z->fl[k][t];
            if (e < best) best = e;
        }
        if (best < INFINITY) energy += best;
    }
    const double words[] = {distinct(z, TD_W), distinct(z, TD_I), distinct(z, TD_O)};
    double most = ceil(macs / w.macs * (1 - 1e-12)) + td__least_skew(z, words);
    for (int i = 0; i < z->n_limits; i++) {
        const td__limit *v = &z->limit[i];
        double bits = v->read * read[v->level] + v->write * write[v->level];
        double c = ceil(bits * v->per_bit / z->hw->level[v->level].instances * (1 - 1e-12));
        if (c > most) most = c;
    }
    *pj = energy * (1 - 1e-12);
    *cycles = most;
}

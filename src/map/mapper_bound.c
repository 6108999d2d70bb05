/* A lower bound over the whole map space, from what no mapping can avoid:
 * - cycles: the layer's MACs over the largest number of them that the rules let work at a time, and
 *   words that must pass a level over its bandwidth;
 * - energy: the MACs; per tensor the cheapest place to feed them from, with words shared as widely
 * as the fans allow; each word once at the outermost keeper and at every level that must keep the
 * tensor.
 * Sums that are narrower than outputs are no accumulators; of them only the MACs are certain. */
#include "mapper_plan.h"

#include <string.h>

/* Largest number of MACs at a time, and of words of a tensor that one word read at level l can
 * make: share[l] covers the fans of levels 0..l. */
typedef struct {
    double macs, share[TD_MAX_LEVELS][TD_NTENSOR];
} widths;

/* How many of at most `places` outputs x `taps` kernel positions can want one position of the input
 * along an axis (0: rows), wherever they are: one for each output, one for each tap, and of the
 * taps only those of one class modulo the stride. (Timeloop looks at each level by itself: no
 * classes.)
 */
static double of_one_word(const td__space *z, int axis, double places, double taps) {
    const td_problem *p = &z->p;
    if (z->counting == TD_COUNT_EXACT && p->dilation[axis] == 1)
        taps = fmin(taps, ceil((double)p->dim[TD_R + axis] / p->stride[axis]));
    return fmin(places, taps);
}

/* Of inputs: the widest in K and along P, Q, R and S one by one; or in all of them together, of
 * which a x b places have at least max(a, b) sums, and share at most the root of a x b. */
static void measure(const td__space *z, widths *w) {
    double share[TD_NTENSOR] = {1, 1, 1}, apart[TD_NDIM];
    for (int d = 0; d < TD_NDIM; d++) apart[d] = 1;
    w->macs = 1;
    for (int l = 0; l < z->n; l++) {
        const td_level *v = &z->hw->level[l];
        double fan = (double)td_hw_fanout(z->hw, l, TD_AXIS_X) * td_hw_fanout(z->hw, l, TD_AXIS_Y);
        double most = 1, wide[TD_NTENSOR] = {1, 1, 1}, widest[TD_NDIM];
        for (int d = 0; d < TD_NDIM; d++) widest[d] = 1;
        for (int i = 0; i < z->n_fan[l]; i++) {
            const td__fan *f = &z->fan[l][i];
            double s[TD_NDIM], plane = 1;
            for (int d = 0; d < TD_NDIM; d++) {
                s[d] = f->f[d];
                widest[d] = fmax(widest[d], s[d]);
            }
            if (!z->plain) plane = sqrt(s[TD_P] * s[TD_R]) * sqrt(s[TD_Q] * s[TD_S]);
            double here[TD_NTENSOR] = {s[TD_N] * s[TD_P] * s[TD_Q], s[TD_K] * plane,
                                       s[TD_C] * s[TD_R] * s[TD_S]};
            for (int t = 0; t < TD_NTENSOR; t++)
                if (here[t] > wide[t]) wide[t] = here[t];
            if (f->total > most) most = f->total;
        }
        if (z->cut || z->imperfect) {
            most = wide[TD_W] = wide[TD_I] = wide[TD_O] = fan;
            for (int d = 0; d < TD_NDIM; d++) widest[d] = fan;
        }
        w->macs *= most;
        for (int t = 0; t < TD_NTENSOR; t++) {
            bool shared = (t == TD_O ? v->reduce : v->multicast) & TD_BIT(t);
            if (shared) share[t] *= wide[t];
            w->share[l][t] = share[t] * (1 + 1e-12);
        }
        if (!(v->multicast & TD_BIT(TD_I))) continue;
        for (int d = 0; d < TD_NDIM; d++) apart[d] *= widest[d];
        if (!z->plain)
            w->share[l][TD_I] =
                fmin(share[TD_I], apart[TD_K] * of_one_word(z, 0, apart[TD_P], apart[TD_R]) *
                                      of_one_word(z, 1, apart[TD_Q], apart[TD_S])) *
                (1 + 1e-12);
    }
}

/* Words of tensor t that the MACs take, or make. */
static double fed(const td__space *z, int t) {
    const int32_t *e = z->p.dim;
    if (t != TD_I) return (double)td_problem_macs(&z->p);
    return (double)e[TD_N] * e[TD_G] * e[TD_C] * e[TD_K] * z->inside;
}

static double distinct(const td__space *z, int t) {
    const int32_t *e = z->p.dim;
    const int32_t one[TD_NDIM] = {1, 1, 1, 1, 1, 1, 1, 1};
    if (t != TD_I) return (double)td_problem_words(&z->p, (td_tensor)t);
    double planes = (double)e[TD_N] * e[TD_G] * e[TD_C];
    if (z->plain) return planes * z->inside;
    return planes * td__held_lines(&z->p, 0, one, 1) * td__held_lines(&z->p, 1, one, 1);
}

/* What tensor t costs the limits at least if these levels keep it, into c->cycles: the MACs are fed
 * by the innermost one, and what stands inside passes through the others. */
static void least_passes(const td__space *z, const widths *w, int t, unsigned keepers,
                         td__toll *c) {
    const td_problem *p = &z->p;
    const bool any = p->dim[TD_C] > 1 || p->dim[TD_R] > 1 || p->dim[TD_S] > 1;
    const bool exact = z->counting == TD_COUNT_EXACT;
    const double finished = fmin(z->bits[TD__SUMS], z->bits[TD_O]);
    const double sums = any ? z->bits[TD__SUMS] : z->bits[TD_O], words = distinct(z, t);
    double read[TD_MAX_LEVELS] = {0}, write[TD_MAX_LEVELS] = {0};
    bool innermost = true;
    for (int l = 0; l <= z->top[t]; l++) {
        if (!(keepers & TD_BIT(l))) continue;
        const bool top = l == z->top[t];
        const double n = innermost ? fed(z, t) / w->share[l][t] : words;
        if (t != TD_O) {
            read[l] = fmax(n, words) * z->bits[t];
            write[l] = top ? 0 : words * z->bits[t];
        } else {
            /* Every update but first ones reads, as many words are read to drain. */
            write[l] = innermost ? fmax(n * sums, words * finished) : words * finished;
            if (exact && top) read[l] = innermost ? fmax(n - words, 0) * sums : 0;
            if (exact && !top) read[l] = innermost ? n * sums : words * finished;
        }
        innermost = false;
    }
    for (int i = 0; i < z->n_limits; i++) {
        const td__limit *v = &z->limit[i];
        const double bits = v->read * read[v->level] + v->write * write[v->level];
        c->cycles[i] = bits * v->per_bit / z->hw->level[v->level].instances;
    }
}

/* Cycles that the limits leave to the fastest of all keep masks. */
static double limited(const td__space *z, const td__plan *plan, const widths *w) {
    double least = INFINITY;
    for (int t = 0; t < TD_NTENSOR; t++)
        for (int k = 0; k < plan->n_chain[t]; k++) {
            td__toll *c = &plan->toll[t][k];
            memset(c, 0, sizeof *c);
            /* Timeloop undercounts some halos: no word of such inputs is certain. */
            if (t == TD_I && z->counting == TD_COUNT_TIMELOOP && !z->plain) continue;
            least_passes(z, w, t, plan->levels[t][k], c);
        }
    for (int i = 0; i < plan->n_keep; i++) {
        const uint8_t *chain = plan->chain[i];
        double most = 0;
        for (int k = 0; k < z->n_limits; k++)
            most = fmax(most, plan->toll[TD_W][chain[TD_W]].cycles[k] +
                                  plan->toll[TD_I][chain[TD_I]].cycles[k] +
                                  plan->toll[TD_O][chain[TD_O]].cycles[k]);
        least = fmin(least, most);
    }
    return least < INFINITY ? ceil(least * (1 - 1e-12)) : 0;
}

void td__space_bound(const td__space *z, const td__plan *plan, double *pj, double *cycles) {
    const td_problem *p = &z->p;
    widths w;
    measure(z, &w);
    double macs = (double)td_problem_macs(p);
    double energy = macs * z->mac_pj;
    if (z->narrow) {
        *pj = energy * (1 - 1e-12);
        *cycles = ceil(macs / w.macs * (1 - 1e-12));
        return;
    }
    bool any = p->dim[TD_C] > 1 || p->dim[TD_R] > 1 || p->dim[TD_S] > 1;
    int sums = any ? TD__SUMS : TD_O;
    for (int t = 0; t < TD_NTENSOR; t++) {
        /* Timeloop undercounts some halos: no word of such inputs is certain. */
        if (t == TD_I && z->counting == TD_COUNT_TIMELOOP && !z->plain) continue;
        int top = z->top[t], lowest = top;
        while (lowest > 0 && !(z->must[lowest - 1] & TD_BIT(t))) lowest--;
        bool forced = lowest > 0; /* something inside must keep it */
        if (forced) lowest--;
        const double words = distinct(z, t), feed = fed(z, t);
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
    const double each[] = {distinct(z, TD_W), distinct(z, TD_I), distinct(z, TD_O)};
    *pj = energy * (1 - 1e-12);
    *cycles =
        fmax(ceil(macs / w.macs * (1 - 1e-12)) + td__least_skew(z, each), limited(z, plan, &w));
}

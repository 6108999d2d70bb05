#include "cost_chain.h"

static void add(td__chain *c, const td__loop *x, int32_t tail, int time) {
    c->link[x->dim][c->n[x->dim]++] = (td__link){.bound = x->bound,
                                                 .tail = tail,
                                                 .step = x->step,
                                                 .time = (int16_t)time,
                                                 .level = (int8_t)x->level};
}

void td__chain_build(const td__nest *z, td__chain *c) {
    c->z = z;
    for (int d = 0; d < TD_NDIM; d++) c->n[d] = 0;
    for (int l = 0; l < z->n; l++) {
        for (int k = z->s0[l]; k < z->s0[l + 1]; k++) add(c, &z->s[k], z->s_tail[k], -1);
        for (int k = z->t0[l]; k < z->t0[l + 1]; k++) add(c, &z->t[k], z->t_tail[k], k);
    }
}

/* Loop x in time inside of the one that advances goes back to 0 from the last iteration in which a
 * child works. It has not moved if that is 0: in a last pass of one iteration, or of two if the
 * child does not take part in the second. extent: of a child in a whole pass; children: of those
 * in a whole and in a last pass of the loops inside. */
static void stay(const td__link *x, double extent, const double children[2], double *whole,
                 double *last) {
    if (x->tail == 2 && *whole > 0)
        *last = extent * (children[0] - children[1]);
    else if (x->tail > 1)
        *last = 0;
    *whole = 0;
}

double td__fold(const td__chain *c, int dim, int child, int k, td__fold_what what,
                unsigned merged) {
    const bool words = what != TD__FOLD_CHILDREN;
    const double extent = words ? c->z->full[child + 1][dim] : 1;
    double whole = extent, last = words ? c->z->last[child + 1][dim] : 1;
    double children[2] = {1, 1}; /* that work at the start of a whole and of a last pass */
    for (int j = 0; j < c->n[dim]; j++) {
        const td__link *x = &c->link[dim][j];
        if (x->level <= child) continue;
        const bool space = x->time < 0;
        const double once = x->tail > 1 ? children[0] : children[1];
        if (space ? !words && (merged & TD_BIT(x->level)) : x->time < k) {
            /* Spatial: the children of the last iteration are among those of the others. Time: the
             * first iteration, which is the last one if there are no others. */
            if (what == TD__FOLD_SAME)
                stay(x, extent, children, &whole, &last);
            else if (x->tail > 1)
                last = whole;
        } else if (!space && x->time == k) { /* all iterations but the first */
            last = x->tail > 1 ? (x->tail - 2) * whole + last : 0;
            whole *= x->bound - 1;
        } else {
            last += (x->tail - 1) * whole;
            whole *= x->bound;
        }
        children[1] = space ? (x->tail - 1) * children[0] + children[1] : once;
        if (space) children[0] *= x->bound;
    }
    return last;
}

double td__chain_used(const td__chain *c, int level) {
    double used = 1;
    for (int d = 0; d < TD_NDIM; d++) used *= td__fold(c, d, level, c->z->nt, TD__FOLD_CHILDREN, 0);
    return used;
}

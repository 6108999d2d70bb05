/* What a MAC costs by the width of its operands. */
#include <math.h>

#include "tandem/hw.h"

double td_multiplier_gates(double w, double a) {
    return 10.3 * w * a - 1.2 * (w + a);
}

double td_mac_gates(double w, double a, double p) {
    return td_multiplier_gates(w, a) + 8.7 * p + 23;
}

double td_mac_pj(const td_mac *m, const td_problem *p) {
    if (m->gated_pj == 0) return m->energy_pj;
    double w = fmin(p->bits[TD_W], m->bits), a = fmin(p->bits[TD_I], m->bits);
    return m->energy_pj +
           m->gated_pj * (td_multiplier_gates(w, a) / td_multiplier_gates(m->bits, m->bits));
}

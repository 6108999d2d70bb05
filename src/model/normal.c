/* The normal distribution, also far out in its tails. */
#include <math.h>

#include "tandem/model.h"

enum { STEPS = 2000 }; /* some 5 for p near 0.5, 25 for 1e-10, 700 for the least numbers */
static const double root_2pi = 2.50662827463100050242;

double td_normal_cdf(double z) {
    return 0.5 * erfc(-z * M_SQRT1_2);
}

double td_normal_log_cdf(double z) {
    if (z > -35) return log(td_normal_cdf(z));
    double z2 = z * z; /* asymptotic series */
    return -z2 / 2 - log(-z * root_2pi) + log1p(-1 / z2 + 3 / (z2 * z2));
}

double td_normal_excess(double z) {
    return z < -25 ? exp(td_normal_log_excess(z))
                   : exp(-z * z / 2) / root_2pi + z * td_normal_cdf(z);
}

double td_normal_log_excess(double z) {
    if (z >= -25) return log(td_normal_excess(z));
    double z2 = z * z; /* asymptotic series */
    return -z2 / 2 - log(root_2pi * z2) + log1p(-3 / z2 + 15 / (z2 * z2) - 105 / (z2 * z2 * z2));
}

/* Newton's method from 0 down: the lower half is convex, so no step goes too far. The upper half by
 * the lower one, where probabilities have their full precision. */
double td_normal_quantile(double p) {
    double least = p > 0.5 ? 1 - p : p, z = 0;
    for (int i = 0; i < STEPS; i++) {
        double density = exp(-0.5 * z * z) / root_2pi;
        double step = (td_normal_cdf(z) - least) / density;
        if (!(step > 4e-16 * (1 - z))) break; /* or no number any more */
        z -= step;
    }
    return p > 0.5 ? -z : z;
}

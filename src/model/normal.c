#include <math.h>

#include "tandem/model.h"

static const double root_half = 0.70710678118654752440, root_2pi = 2.50662827463100050242;

double td_normal_log_cdf(double z) {
    if (z > -35) return log(0.5 * erfc(-z * root_half));
    double z2 = z * z; /* asymptotic series */
    return -z2 / 2 - log(-z * root_2pi) + log1p(-1 / z2 + 3 / (z2 * z2));
}

double td_normal_excess(double z) {
    return z < -25 ? exp(td_normal_log_excess(z))
                   : exp(-z * z / 2) / root_2pi + z * 0.5 * erfc(-z * root_half);
}

double td_normal_log_excess(double z) {
    if (z >= -25) return log(td_normal_excess(z));
    double z2 = z * z; /* asymptotic series */
    return -z2 / 2 - log(root_2pi * z2) + log1p(-3 / z2 + 15 / (z2 * z2) - 105 / (z2 * z2 * z2));
}

double td_normal_quantile(double p) {
    double low = -40, high = 40;
    while (high - low > 1e-12) { /* the lower half, where the tail keeps its digits */
        double mid = (low + high) / 2;
        if (0.5 * erfc(-mid * root_half) < p)
            low = mid;
        else
            high = mid;
    }
    return (low + high) / 2;
}

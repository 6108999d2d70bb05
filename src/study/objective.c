/* objective.c - rewards and violations of targets.
 *
 * NAHAS (Zhou et al. 2021, section on the search objective; exponents of MnasNet):
 *     acc * prod_m (metric_m / target_m)^w_m,   w_m = p where metric_m <= target_m, q where not.
 * TuNAS absolute reward, summed over the metrics: acc + beta * sum_m |metric_m / target_m - 1|. */
#include "tandem/study.h"

double td_objective_reward(const td_objective *o, double accuracy,
                           const double metric[TD_NMETRIC]) {
    double product = 1, distance = 0;
    for (int m = 0; m < TD_NMETRIC; m++) {
        if (!isfinite(o->target[m])) continue;
        double ratio = metric[m] / o->target[m];
        product *= pow(ratio, ratio <= 1 ? o->p : o->q);
        distance += fabs(ratio - 1);
    }
    return o->kind == TD_REWARD_NAHAS ? accuracy * product : accuracy + o->beta * distance;
}

int td_objective_violations(const td_objective *o, const double metric[TD_NMETRIC], double out[]) {
    int n = 0;
    for (int m = 0; m < TD_NMETRIC; m++)
        if (isfinite(o->target[m])) out[n++] = metric[m] / o->target[m] - 1;
    return n;
}

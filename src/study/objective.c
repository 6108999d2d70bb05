/* objective.c - rewards and violations of targets.
 *
 * NAHAS (Zhou et al. 2021, section on the search objective; exponents of MnasNet):
 *     acc * prod_m (metric_m / target_m)^w_m,   w_m = p where metric_m <= target_m, q where not.
 * TuNAS absolute reward, summed over the metrics: acc + beta * sum_m |metric_m / target_m - 1|. */
#include "row.h"

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

/* No exponents: percents up to 1000, multiples beyond. */
static void add_over(double ratio, td_text *out) {
    double percent = 100 * (ratio - 1);
    if (percent < 0.01)
        td_text_add(out, "less than 0.01 % over target");
    else if (ratio < 10)
        td_text_addf(out, percent < 100 ? "%.3g %% over target" : "%.0f %% over target", percent);
    else
        td_text_addf(out, "%.0fx the target", ratio);
}

void td__objective_misses(const td_objective *o, const double metric[TD_NMETRIC], td_text *out) {
    static const char *const name[TD_NMETRIC] = {"latency", "energy", "area"};
    for (int m = 0, n = 0; m < TD_NMETRIC; m++) {
        if (!isfinite(o->target[m]) || metric[m] <= o->target[m]) continue;
        td_text_addf(out, "%s%s ", n++ > 0 ? ", " : "", name[m]);
        if (isnan(metric[m]))
            td_text_add(out, "not known");
        else
            add_over(metric[m] / o->target[m], out);
    }
}

/* objective.c - rewards and violations of targets.
 *
 * NAHAS (Zhou et al. 2021, section on the search objective; exponents of MnasNet):
 *     acc * prod_m (metric_m / target_m)^w_m,   w_m = p where metric_m <= target_m, q where not,
 * with exponents of its own for each metric where they are given (the paper's w0 and w1).
 * TuNAS absolute reward, summed over the metrics: acc + beta * sum_m |metric_m / target_m - 1|. */
#include "row.h"

const td_metric_entry *td_metric_list(void) {
    static const td_metric_entry entry[TD_NMETRIC] = {
        [TD_METRIC_LATENCY] = {"latency", "us", "latency_us", "latency_s", 1e6},
        [TD_METRIC_ENERGY] = {"energy", "uJ", "energy_uj", "energy_j", 1e6},
        [TD_METRIC_AREA] = {"area", "mm2", "area_mm2", "area_mm2", 1},
        [TD_METRIC_POWER] = {"power", "mW", "power_mw", "power_w", 1e3},
    };
    return entry;
}

bool td_objective_has_target(const td_objective *o, int metric) {
    return o->target[metric] > 0 && isfinite(o->target[metric]);
}

/* The exponent w_m of a metric that is so many times its target. */
static double exponent(const td_objective *o, int metric, double ratio) {
    const td_exponents *own = &o->own[metric];
    return ratio <= 1 ? (own->set ? own->p : o->p) : (own->set ? own->q : o->q);
}

double td_objective_reward(const td_objective *o, double accuracy,
                           const double metric[TD_NMETRIC]) {
    if (o->kind == TD_REWARD_NONE) return NAN;
    double product = 1, distance = 0;
    for (int m = 0; m < TD_NMETRIC; m++) {
        if (!td_objective_has_target(o, m)) continue;
        double ratio = metric[m] / o->target[m];
        product *= pow(ratio, exponent(o, m, ratio));
        distance += fabs(ratio - 1);
    }
    return o->kind == TD_REWARD_NAHAS ? accuracy * product : accuracy + o->beta * distance;
}

int td_objective_violations(const td_objective *o, const double metric[TD_NMETRIC], double out[]) {
    int n = 0;
    for (int m = 0; m < TD_NMETRIC; m++)
        if (td_objective_has_target(o, m)) out[n++] = metric[m] / o->target[m] - 1;
    return n;
}

double td__objective_violation(const td_objective *o, const double metric[TD_NMETRIC]) {
    double con[TD_NMETRIC], sum = 0;
    int n = td_objective_violations(o, metric, con);
    for (int i = 0; i < n; i++) sum += con[i] > 0 || isnan(con[i]) ? con[i] : 0;
    return sum;
}

double td__objective_cost(const td_objective *o, double accuracy, const double metric[TD_NMETRIC]) {
    double slack = 0;
    for (int m = 0; o->kind == TD_REWARD_NAHAS && m < TD_NMETRIC; m++) {
        if (!td_objective_has_target(o, m)) continue;
        double ratio = metric[m] / o->target[m];
        if (exponent(o, m, ratio) == 0) slack += ratio - 1;
    }
    return -td_objective_reward(o, accuracy, metric) + 1e-4 * (slack < 10 ? slack : 10);
}

bool td__objective_falls(const td_objective *o) {
    if (o->kind != TD_REWARD_NAHAS) return false; /* a distance from the target */
    for (int m = 0; m < TD_NMETRIC; m++) {
        if (!td_objective_has_target(o, m)) continue;
        if (exponent(o, m, 1) > 0 || exponent(o, m, 2) > 0) return false;
    }
    return true;
}

void td_objective_describe(const td_objective *o, td_text *out) {
    const td_metric_entry *metric = td_metric_list();
    const char *before = "targets: ";
    for (int m = 0; m < TD_NMETRIC; m++) {
        if (!td_objective_has_target(o, m)) continue;
        td_text_addf(out, "%s%s <= %g %s", before, metric[m].name, o->target[m] * metric[m].scale,
                     metric[m].unit);
        before = ", ";
    }
    if (before[0] == 't') td_text_add(out, "targets: none");
    before = "; front of ";
    for (int i = 0; i < TD_NOBJECTIVE; i++) {
        int k = i == 0 ? TD_OBJECTIVE_ACCURACY : i - 1;
        if (!(o->front.objectives & TD_OBJECTIVE(k))) continue;
        td_text_addf(out, "%s%s", before, td_objective_key(k));
        before = ", ";
    }
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
    for (int m = 0, n = 0; m < TD_NMETRIC; m++) {
        if (!td_objective_has_target(o, m) || metric[m] <= o->target[m]) continue;
        td_text_addf(out, "%s%s ", n++ > 0 ? ", " : "", td_metric_list()[m].name);
        if (isnan(metric[m]))
            td_text_add(out, "not known");
        else
            add_over(metric[m] / o->target[m], out);
    }
}

/* front.c - Pareto mode: which trials are on the front, what it is worth, which of its designs are
 * trained fully. */
#include "front.h"

#include <stdlib.h>
#include <string.h>

#include "tandem/model.h"

const char *td_objective_key(int objective) {
    return objective == TD_OBJECTIVE_ACCURACY ? "accuracy" : td_metric_list()[objective].name;
}

/* What is not known of any design (the accuracy in a search of accelerators, the area of a chip
 * without one) is equal for all and decides nothing. */
static double known(double v) {
    return isnan(v) ? 0 : v;
}

int td__front_point(unsigned objectives, double accuracy, const double metric[TD_NMETRIC],
                    double *out) {
    int d = 0;
    if (objectives & TD_OBJECTIVE(TD_OBJECTIVE_ACCURACY)) out[d++] = -known(accuracy);
    for (int m = 0; m < TD_NMETRIC; m++)
        if (objectives & TD_OBJECTIVE(m)) out[d++] = known(metric[m]);
    return d;
}

static td_status pareto(const td_trial_row *t, int n, unsigned objectives, bool meets, int *out,
                        int *count, td_error *err) {
    *count = 0;
    int m = 0, d = 0;
    size_t room = (size_t)(n > 0 ? n : 1);
    double *point = malloc(room * TD_NOBJECTIVE * sizeof *point);
    int *index = malloc(room * sizeof *index);
    uint8_t *mask = malloc(room);
    td_status s = TD_OK;
    if (point == NULL || index == NULL || mask == NULL)
        s = td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; s == TD_OK && i < n; i++) {
        if (t[i].state != TD_TRIAL_DONE || (meets && !t[i].feasible)) continue;
        d = td__front_point(objectives, t[i].accuracy, t[i].metric, point + m * d);
        index[m++] = i;
    }
    if (s == TD_OK && m > 0) s = td_pareto_front(point, m, d, mask, err);
    for (int i = 0; s == TD_OK && i < m; i++)
        if (mask[i]) out[(*count)++] = index[i];
    free(mask);
    free(index);
    free(point);
    return s;
}

td_status td_trials_pareto(const td_trial_row *t, int n, int *out, int *count, td_error *err) {
    unsigned objectives = TD_OBJECTIVE(TD_OBJECTIVE_ACCURACY) | TD_OBJECTIVE(TD_METRIC_LATENCY) |
                          TD_OBJECTIVE(TD_METRIC_ENERGY) | TD_OBJECTIVE(TD_METRIC_AREA);
    return pareto(t, n, objectives, false, out, count, err);
}

td_status td_trials_front(const td_trial_row *t, int n, unsigned objectives, int *out, int *count,
                          td_error *err) {
    if (objectives == 0) return td_fail(err, TD_E_USAGE, "a front of no objectives");
    return pareto(t, n, objectives, true, out, count, err);
}

/* Share of the way from the best there could be (accuracy 1, metrics 0) to the reference. */
static int relative_point(const td_front *f, const td_trial_row *t, double *out) {
    int d = 0;
    const int a = TD_OBJECTIVE_ACCURACY;
    if (f->objectives & TD_OBJECTIVE(a))
        out[d++] = isnan(t->accuracy) ? 0 : (1 - t->accuracy) / (1 - f->reference[a]);
    for (int m = 0; m < TD_NMETRIC; m++)
        if (f->objectives & TD_OBJECTIVE(m)) out[d++] = known(t->metric[m]) / f->reference[m];
    return d;
}

td_status td_trials_hypervolume(const td_trial_row *t, int n, const td_front *f, double *volume,
                                td_error *err) {
    enum { MOST = 4 };
    const double corner[MOST] = {1, 1, 1, 1};
    *volume = 0;
    for (int k = 0; k < TD_NOBJECTIVE; k++) {
        bool accuracy = k == TD_OBJECTIVE_ACCURACY;
        if (!(f->objectives & TD_OBJECTIVE(k))) continue;
        if (!isfinite(f->reference[k]) || (accuracy ? f->reference[k] >= 1 : f->reference[k] <= 0))
            return td_fail(err, TD_E_USAGE, "hypervolume: no reference of %s", td_objective_key(k));
    }
    int *front = malloc(((size_t)n + 1) * sizeof *front), count = 0, d = 0;
    double *point = malloc(((size_t)n + 1) * TD_NOBJECTIVE * sizeof *point);
    td_status s =
        front != NULL && point != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK) s = td_trials_front(t, n, f->objectives, front, &count, err);
    for (int i = 0; s == TD_OK && i < count; i++)
        d = relative_point(f, &t[front[i]], point + i * d);
    if (s == TD_OK && d > MOST) s = td_fail(err, TD_E_USAGE, "hypervolume: more than 4 objectives");
    if (s == TD_OK && count > 0) s = td_hypervolume(point, count, d, corner, volume, err);
    free(point);
    free(front);
    return s;
}

void td__front_complete(td_front *f, const td_objective *o, const td_trial_row *t, int n) {
    for (int m = 0; m < TD_NMETRIC; m++) {
        if (!(f->objectives & TD_OBJECTIVE(m)) || f->reference[m] > 0) continue;
        double worst = 0;
        for (int i = 0; i < n; i++)
            if (t[i].feasible && t[i].metric[m] > worst) worst = t[i].metric[m];
        if (td_objective_has_target(o, m))
            f->reference[m] = o->target[m];
        else
            f->reference[m] = 1.1 * worst;
    }
}

/* Squared distance of two points, each coordinate relative to its range. */
static double apart(const double *p, const double *q, const double *range, int d) {
    double sum = 0;
    for (int k = 0; k < d; k++) {
        double x = range[k] > 0 ? (p[k] - q[k]) / range[k] : 0;
        sum += x * x;
    }
    return sum;
}

/* Farthest first (T. Gonzalez, "Clustering to minimize the maximum intercluster distance", 1985).
 */
td_status td__front_order(const td_trial_row *t, int n, unsigned objectives, int *order, int *count,
                          td_error *err) {
    int *front = malloc(((size_t)n + 1) * sizeof *front), m = 0, d = 0;
    double *point = malloc(((size_t)n + 1) * TD_NOBJECTIVE * sizeof *point);
    double *away = malloc(((size_t)n + 1) * sizeof *away);
    double low[TD_NOBJECTIVE], range[TD_NOBJECTIVE];
    int best = td_trials_best(t, n);
    *count = 0;
    td_status s = TD_OK;
    if (front == NULL || point == NULL || away == NULL)
        s = td_fail(err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK) s = td_trials_front(t, n, objectives, front, &m, err);
    if (s == TD_OK && best >= 0) order[(*count)++] = best;
    for (int i = 0; s == TD_OK && i < m; i++) {
        d = td__front_point(objectives, t[front[i]].accuracy, t[front[i]].metric, point + i * d);
        for (int k = 0; k < d; k++) {
            double v = point[i * d + k];
            if (i == 0 || v < low[k]) low[k] = v;
            if (i == 0 || v > range[k]) range[k] = v; /* the highest, so far */
        }
    }
    for (int k = 0; k < d; k++) range[k] -= low[k];
    double from[TD_NOBJECTIVE] = {0};
    if (m > 0) td__front_point(objectives, t[best].accuracy, t[best].metric, from);
    for (int i = 0; s == TD_OK && i < m; i++)
        away[i] = front[i] == best ? -1 : apart(from, point + i * d, range, d);
    for (int taken = 0; s == TD_OK && taken < m; taken++) {
        int next = -1;
        for (int i = 0; i < m; i++)
            if (away[i] >= 0 && (next < 0 || away[i] > away[next])) next = i;
        if (next < 0) break;
        order[(*count)++] = front[next];
        for (int i = 0; i < m; i++)
            away[i] = i == next || away[i] < 0
                          ? -1
                          : fmin(away[i], apart(point + next * d, point + i * d, range, d));
    }
    free(away);
    free(point);
    free(front);
    return s;
}

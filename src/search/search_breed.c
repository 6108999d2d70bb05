#include "search_breed.h"

#include <string.h>

#include "scale.h"
#include "search_vary.h"

void td__sbx(double a, double b, double eta, double u, double child[2]) {
    double low = fmin(a, b), high = fmax(a, b), mean = (a + b) / 2, half = (high - low) / 2;
    child[0] = a;
    child[1] = b;
    if (!(half > 1e-14)) return;
    /* P(spread <= s) = s^(eta+1) / 2 up to 1, 1 - s^-(eta+1) / 2 beyond: cut off at `most` */
    double most = fmin(mean, 1 - mean) / half, power = 1 / (eta + 1);
    double all = 1 - 0.5 * pow(most, -(eta + 1)), p = u * all;
    double spread = p <= 0.5 ? pow(2 * p, power) : pow(1 / (2 * (1 - p)), power);
    spread = fmin(spread, most);
    child[a > b] = fmin(fmax(mean - spread * half, 0), 1);
    child[a <= b] = fmin(fmax(mean + spread * half, 0), 1);
}

double td__polynomial(double place, double eta, double u) {
    double power = 1 / (eta + 1), q;
    if (u < 0.5)
        q = pow(2 * u + (1 - 2 * u) * pow(1 - place, eta + 1), power) - 1;
    else
        q = 1 - pow(2 * (1 - u) + (2 * u - 1) * pow(place, eta + 1), power);
    return fmin(fmax(place + q, 0), 1);
}

static double cross(const td_decision *d, double a, double b, const td__breeding *by, td_rng *r) {
    double child[2];
    bool second = td_rng_uniform(r) < 0.5;
    bool blended = td_rng_uniform(r) < by->blend;
    if (d->kind == TD_CATEGORICAL || a == b || !blended) return second ? b : a;
    td__sbx(td__scale_unit(d, a), td__scale_unit(d, b), by->eta_crossover, td_rng_uniform(r),
            child);
    return td__scale_from_unit(d, child[second]);
}

static double mutate(const td_decision *d, double v, const td__breeding *by, td_rng *r) {
    int64_t count = td__scale_count(d);
    if (count == 1) return v;
    if (d->kind == TD_CATEGORICAL) {
        double other = (double)td_rng_below(r, (uint64_t)count - 1);
        return other >= v ? other + 1 : other;
    }
    double from = td__scale_unit(d, v),
           to = td__polynomial(from, by->eta_mutation, td_rng_uniform(r));
    double changed = td__scale_from_unit(d, to);
    if (count == 0 || changed != v) return changed;
    double low = d->kind == TD_INTEGER ? d->lo : 0, high = low + (double)(count - 1);
    double step = to < from ? -1 : 1;
    return v + step < low || v + step > high ? v - step : v + step;
}

void td__breed(const td_space *space, const td_choices *a, const td_choices *b,
               const td__breeding *by, td_rng *r, double *raw, td_choices *out) {
    int active = 0, n = space->n;
    if (n > 0) memcpy(raw, a->v, sizeof *raw * (size_t)n);
    if (td_rng_uniform(r) < by->crossover) {
        for (int i = 0; i < n; i++) {
            if (isnan(a->v[i]))
                raw[i] = b->v[i];
            else if (!isnan(b->v[i]))
                raw[i] = cross(&space->d[i], a->v[i], b->v[i], by, r);
        }
    }
    for (int i = 0; i < n; i++) active += !isnan(raw[i]) && td__scale_count(&space->d[i]) != 1;
    for (int i = 0; i < n; i++)
        if (!isnan(raw[i]) && td_rng_uniform(r) * active < by->mutations)
            raw[i] = mutate(&space->d[i], raw[i], by, r);
    td__settle(space, a, r, raw, out);
}

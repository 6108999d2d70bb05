#include "search_vary.h"

#include <string.h>

#include "scale.h"

enum { HALVINGS = 12 }; /* from what known constraints refuse to what they allow */

static double moved(const td_decision *d, double v, double scale, td_rng *r) {
    int64_t count = td__scale_count(d);
    double low = d->kind == TD_INTEGER ? d->lo : 0;
    if (count == 1) return v;
    if (count == 0) {
        double place = td__scale_place(d, v) + scale * td_rng_normal(r);
        return td__scale_value(d, fmin(fmax(place, 0), 1));
    }
    if (d->kind == TD_CATEGORICAL) {
        double other = (double)td_rng_below(r, (uint64_t)count - 1);
        return other >= v ? other + 1 : other;
    }
    double high = low + (double)(count - 1);
    if (td__scale_uneven(d)) {
        double shift = scale * td_rng_normal(r), near = shift < 0 ? v - 1 : v + 1;
        double to = td__scale_from_unit(d, fmin(fmax(td__scale_unit(d, v) + shift, 0), 1));
        if (to != v) return to;
        return near < low ? v + 1 : near > high ? v - 1 : near;
    }
    double step = fmax(1, round(fabs(td_rng_normal(r)) * scale * (double)(count - 1)));
    double to = td_rng_u32(r) % 2 == 0 ? v + step : v - step;
    if (to > high || to < low) to = to > high ? v - step : v + step;
    return fmin(fmax(to, low), high);
}

static double confined(const td_decision *d, double v, double centre, double region) {
    int64_t count = td__scale_count(d);
    if (d->kind == TD_CATEGORICAL || count == 1 || isnan(centre)) return v;
    if (count == 0) {
        double at = td__scale_place(d, centre), place = td__scale_place(d, v);
        return td__scale_value(d, fmin(fmax(place, at - region / 2), at + region / 2));
    }
    if (td__scale_uneven(d)) {
        double at = td__scale_unit(d, centre);
        double first = td__scale_from_unit(d, fmax(at - region / 2, 0));
        double last = td__scale_from_unit(d, fmin(at + region / 2, 1));
        return fmin(fmax(v, fmin(first, centre - 1)), fmax(last, centre + 1));
    }
    double most = fmax(1, floor(region / 2 * (double)(count - 1)));
    return fmin(fmax(v, centre - most), centre + most);
}

/* A region that is narrower than a step of some decisions is narrow in how many of them differ from
 * the centre (a ball of Hamming distances, as in Casmopolitan, Wan et al. 2021): those that are too
 * many go back. */
static void thin_out(const td_space *space, const td__variation *by, td_rng *r, double *v) {
    double budget = 0;
    int differ = 0;
    for (int i = 0; i < space->n; i++) {
        int64_t count = td__scale_count(&space->d[i]);
        if (isnan(v[i]) || isnan(by->centre[i]) || count < 2) continue;
        bool named = space->d[i].kind == TD_CATEGORICAL;
        budget += fmin(1, named ? by->region : by->region / 2 * (double)(count - 1));
        differ += v[i] != by->centre[i];
    }
    for (int most = (int)fmax(1, round(budget)); differ > most; differ--) {
        int back = (int)td_rng_below(r, (uint64_t)differ);
        for (int i = 0; i < space->n; i++) {
            if (isnan(v[i]) || isnan(by->centre[i]) || td__scale_count(&space->d[i]) < 2) continue;
            if (v[i] != by->centre[i] && back-- == 0) v[i] = by->centre[i];
        }
    }
}

static void settle(const td_space *space, td_rng *r, const double *raw, td_choices *out) {
    out->n = space->n;
    if (space->n > 0) memcpy(out->v, raw, sizeof *raw * (size_t)space->n);
    td_space_settle(space, r, out);
}

void td__settle(const td_space *space, const td_choices *from, td_rng *r, double *raw,
                td_choices *out) {
    settle(space, r, raw, out);
    for (int i = 0; i < HALVINGS && !td_space_allows(space, out); i++) {
        for (int k = 0; k < space->n; k++) {
            const td_decision *d = &space->d[k];
            if (isnan(from->v[k]) || raw[k] == from->v[k]) continue;
            bool back = d->kind == TD_CATEGORICAL && td_rng_u32(r) % 2 == 0;
            double half = (raw[k] + from->v[k]) / 2;
            if (d->kind == TD_REAL_RANGE)
                raw[k] = half;
            else if (d->kind != TD_CATEGORICAL)
                raw[k] = half < from->v[k] ? ceil(half) : floor(half);
            else if (back)
                raw[k] = from->v[k];
        }
        settle(space, r, raw, out);
    }
}

void td__vary(const td_space *space, const td_choices *from, const td__variation *by, td_rng *r,
              double *raw, td_choices *out) {
    int active = 0;
    for (int i = 0; i < space->n; i++) active += !isnan(from->v[i]);
    if (active > 0) memcpy(raw, from->v, sizeof *raw * (size_t)space->n);
    double chance = active > 0 ? by->changes / active : 0;
    int left = active > 0 ? (int)td_rng_below(r, (uint64_t)active) : -1; /* this one in any case */
    for (int i = 0; i < space->n; i++) {
        if (isnan(from->v[i])) continue;
        if (left-- == 0 || td_rng_uniform(r) < chance)
            raw[i] = moved(&space->d[i], from->v[i], by->scale, r);
        if (by->centre != NULL) raw[i] = confined(&space->d[i], raw[i], by->centre[i], by->region);
    }
    if (by->centre != NULL) thin_out(space, by, r, raw);
    td__settle(space, from, r, raw, out);
}

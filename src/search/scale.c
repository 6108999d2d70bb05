#include "scale.h"

int64_t td__scale_count(const td_decision *d) {
    switch (d->kind) {
    case TD_CATEGORICAL:
    case TD_ORDERED: return d->n;
    case TD_INTEGER: return (int64_t)d->hi - (int64_t)d->lo + 1;
    case TD_REAL_RANGE: break;
    }
    return d->lo == d->hi ? 1 : 0;
}

double td__scale_place(const td_decision *d, double v) {
    double place =
        d->log ? (log(v) - log(d->lo)) / (log(d->hi) - log(d->lo)) : (v - d->lo) / (d->hi - d->lo);
    return fmin(fmax(place, 0), 1);
}

double td__scale_value(const td_decision *d, double place) {
    double v = d->log ? exp(log(d->lo) + place * (log(d->hi) - log(d->lo)))
                      : d->lo + place * (d->hi - d->lo);
    return fmin(fmax(v, d->lo), d->hi); /* rounding must not leave the range */
}

static double least(const td_decision *d) {
    return d->kind == TD_INTEGER || d->kind == TD_REAL_RANGE ? d->lo : 0;
}

double td__scale_coordinate(const td_decision *d, double v) {
    int64_t count = td__scale_count(d);
    if (count == 1) return 0;
    if (count == 0 || td__scale_uneven(d)) return td__scale_place(d, v);
    return (v - least(d)) / (double)(count - 1);
}

bool td__scale_uneven(const td_decision *d) {
    return d->kind == TD_INTEGER && d->log && d->lo < d->hi;
}

double td__scale_border(const td_decision *d, double v) {
    if (td__scale_uneven(d)) return log(v / d->lo) / log((d->hi + 1) / d->lo);
    return (v - least(d)) / (double)td__scale_count(d);
}

double td__scale_unit(const td_decision *d, double v) {
    int64_t count = td__scale_count(d);
    if (td__scale_uneven(d)) return (td__scale_border(d, v) + td__scale_border(d, v + 1)) / 2;
    return count == 0 ? td__scale_place(d, v) : (v - least(d) + 0.5) / (double)count;
}

double td__scale_from_unit(const td_decision *d, double place) {
    int64_t count = td__scale_count(d);
    if (count == 0) return td__scale_value(d, place);
    if (count == 1) return least(d);
    if (td__scale_uneven(d)) {
        double v = floor(d->lo * exp(place * log((d->hi + 1) / d->lo)));
        return fmin(fmax(v, d->lo), d->hi);
    }
    double cell = floor(place * (double)count);
    return least(d) + fmin(fmax(cell, 0), (double)(count - 1));
}

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

/* plot_axis.c - ranges, ticks, and where values stand. */
#include <stdio.h>

#include "plot.h"

void td__axis_hold(td__axis *a, const double *v, int n) {
    for (int i = 0; i < n; i++) {
        if (!isfinite(v[i]) || (a->log && v[i] <= 0)) continue;
        a->lo = fmin(a->lo, v[i]);
        a->hi = fmax(a->hi, v[i]);
    }
}

void td__axis_round(td__axis *a) {
    if (!(a->lo <= a->hi)) { /* nothing to hold */
        a->lo = a->log ? 1 : 0;
        a->hi = a->log ? 10 : 1;
    }
    if (a->log) {
        double room = pow(a->hi / a->lo, 0.04);
        if (room < 1.02) room = 1.5;
        a->lo /= room;
        a->hi *= room;
        return;
    }
    double room = 0.04 * (a->hi - a->lo), least = 1e-6 * fmax(fabs(a->hi), fabs(a->lo));
    if (!(room > least)) room = fmax(least, 0.05 * fmax(fabs(a->hi), 1e-3));
    a->lo -= room;
    a->hi += room;
}

double td__axis_at(const td__axis *a, double v) {
    double part = a->log ? log(v / a->lo) / log(a->hi / a->lo) : (v - a->lo) / (a->hi - a->lo);
    if (isnan(part)) part = 0; /* a log scale has no place for it */
    return a->from + fmax(-0.5, fmin(1.5, part)) * (a->to - a->from);
}

/* As many digits as tell a value from its neighbours, which are `step` away. */
static void add(td__ticks *t, double v, double step) {
    if (t->n == TD__MAX_TICKS) return;
    char *label = t->label[t->n];
    double digits = v != 0 ? log10(fabs(v) / step) : 0;
    int decimals = (int)-floor(log10(step) + 1e-9);
    t->v[t->n++] = v;
    if (fabs(v) >= 1e6 || (v != 0 && fabs(v) < 1e-4))
        snprintf(label, sizeof t->label[0], "%.*g", (int)fmax(0, ceil(digits - 1e-9)) + 1, v);
    else
        snprintf(label, sizeof t->label[0], "%.*f", decimals > 0 ? decimals : 0, v);
}

/* Multiples of the least round step of which at most `most` fit. */
static void even_ticks(const td__axis *a, int most, td__ticks *t) {
    static const double digit[] = {1, 2, 5, 10};
    double power = pow(10, floor(log10((a->hi - a->lo) / most))), first = 0;
    int n = most + 1;
    for (int i = 0; i < 4 && n > most; i++) {
        double step = power * digit[i], near = 1e-9; /* of an end, as parts of a step */
        first = ceil(a->lo / step - near);
        n = (int)(floor(a->hi / step + near) - first) + 1;
        for (int k = 0; k < n && n <= most; k++) {
            double v = (first + k) * step;
            add(t, v == 0 ? 0 : v, step); /* no "-0" */
        }
    }
}

void td__axis_ticks(const td__axis *a, int most, td__ticks *t) {
    static const double digit[] = {1, 2, 5};
    t->n = 0;
    double decades = a->log ? log10(a->hi / a->lo) : 0;
    if (!a->log || decades < 0.7) {
        even_ticks(a, most, t);
        return;
    }
    /* 1, 2, 5 of each decade while there is room; else whole decades, each, every second, ... */
    int digits = 3 * decades + 1 <= most ? 3 : 1, every = (int)ceil(decades / (most - 1));
    int first = (int)floor(log10(a->lo)), last = (int)floor(log10(a->hi));
    for (int e = first; e <= last; e++) {
        if (digits == 1 && e % every != 0) continue;
        for (int i = 0; i < digits; i++) {
            double v = digit[i] * pow(10, e);
            if (v >= a->lo && v <= a->hi) add(t, v, v);
        }
    }
}

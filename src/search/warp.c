#include "warp.h"

#include <math.h>

void td__standardise(double *y, int n, double *mean, double *deviation) {
    double m = 0, square = 0;
    for (int i = 0; i < n; i++) m += y[i] / n;
    for (int i = 0; i < n; i++) square += (y[i] - m) * (y[i] - m) / n;
    double sd = sqrt(square);
    if (!(sd > 1e-12 * fabs(m)) || !(sd > 1e-300)) sd = 1;
    for (int i = 0; i < n; i++) y[i] = (y[i] - m) / sd;
    *mean = m;
    *deviation = sd;
}

/* Normal scores; of equal values that of the first. */
static void by_rank(const double *v, int n, double *y) {
    for (int i = 0; i < n; i++)
        y[i] = i > 0 && v[i] == v[i - 1] ? y[i - 1] : td_normal_quantile((i + 0.5) / n);
}

static void by_tail(const double *v, int n, double *y) {
    double median = v[(n - 1) / 2], spread = 0;
    int better = (n - 1) / 2 + 1;
    for (int i = 0; i < better; i++) spread += pow(v[i] - median, 2) / better;
    by_rank(v, n, y);
    if (!(spread > 0) || !isfinite(spread)) return; /* only ranks are left */
    for (int i = 0; i < n; i++) y[i] = v[i] <= median ? v[i] - median : sqrt(spread) * y[i];
    double low = y[0], range = y[n - 1] - y[0];
    for (int i = 0; i < n; i++) y[i] = log1p(0.5 * (y[i] - low) / range);
}

void td__warp(int how, const double *v, int n, double *y) {
    double mean, deviation;
    if (how == TD_WARP_TAIL)
        by_tail(v, n, y);
    else if (how == TD_WARP_RANKS)
        by_rank(v, n, y);
    else
        for (int i = 0; i < n; i++) y[i] = v[i];
    td__standardise(y, n, &mean, &deviation);
}

double td__warp_value(const double *raw, const double *warped, int n, double v) {
    int low = 0, high = n - 1;
    while (high - low > 1) {
        int mid = (low + high) / 2;
        if (raw[mid] <= v)
            low = mid;
        else
            high = mid;
    }
    if (n < 2 || !(raw[high] > raw[low])) return warped[v <= raw[low] ? low : high];
    return warped[low] + (warped[high] - warped[low]) * ((v - raw[low]) / (raw[high] - raw[low]));
}

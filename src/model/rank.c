/* Rank correlation and quantiles. */
#include <stdlib.h>
#include <string.h>

#include "tandem/model.h"

typedef struct {
    double x, y;
} pair;

static int compare(double a, double b) {
    return (a > b) - (a < b);
}

static int by_x_then_y(const void *a, const void *b) {
    const pair *p = a, *q = b;
    int c = compare(p->x, q->x);
    return c != 0 ? c : compare(p->y, q->y);
}

static int by_value(const void *a, const void *b) {
    return compare(*(const double *)a, *(const double *)b);
}

static bool any_nan(const double *v, int n) {
    for (int i = 0; i < n; i++)
        if (isnan(v[i])) return true;
    return false;
}

/* Pairs within a run of length k. */
static int64_t pairs(int64_t k) {
    return k * (k - 1) / 2;
}

/* Sorts v[n] with room[n] and returns the number of pairs that stood in the wrong order (ties not
 * counted). */
static int64_t sort_count(double *v, double *room, int n) {
    int64_t swaps = 0;
    double *from = v, *to = room;
    for (int64_t width = 1; width < n; width *= 2) {
        for (int64_t start = 0; start < n; start += 2 * width) {
            int64_t middle = start + width < n ? start + width : n;
            int64_t end = start + 2 * width < n ? start + 2 * width : n;
            int64_t left = start, right = middle;
            for (int64_t k = start; k < end; k++) {
                if (left < middle && (right >= end || from[left] <= from[right])) {
                    to[k] = from[left++];
                } else {
                    to[k] = from[right++];
                    swaps += middle - left;
                }
            }
        }
        double *t = from;
        from = to;
        to = t;
    }
    if (from != v) memcpy(v, from, sizeof *v * (size_t)n);
    return swaps;
}

/* W. Knight, "A computer method for calculating Kendall's tau with ungrouped data", 1966: sorted by
 * x, the discordant pairs are the exchanges that a merge sort by y makes. */
double td_kendall_tau(const double *x, const double *y, int n) {
    if (n < 2 || any_nan(x, n) || any_nan(y, n)) return NAN;
    pair *p = malloc(sizeof *p * (size_t)n);
    double *v = malloc(2 * sizeof *v * (size_t)n);
    double tau = NAN;
    if (p == NULL || v == NULL) goto done;
    for (int i = 0; i < n; i++) p[i] = (pair){x[i], y[i]};
    qsort(p, (size_t)n, sizeof *p, by_x_then_y);
    int64_t tied_x = 0, tied_y = 0, tied_both = 0, run_x = 1, run_y = 1, run_both = 1;
    for (int i = 1; i <= n; i++) {
        bool same_x = i < n && p[i].x == p[i - 1].x;
        bool same = same_x && p[i].y == p[i - 1].y;
        if (!same_x) tied_x += pairs(run_x);
        if (!same) tied_both += pairs(run_both);
        run_x = same_x ? run_x + 1 : 1;
        run_both = same ? run_both + 1 : 1;
    }
    for (int i = 0; i < n; i++) v[i] = p[i].y;
    int64_t discordant = sort_count(v, v + n, n);
    for (int i = 1; i <= n; i++) {
        bool same_y = i < n && v[i] == v[i - 1];
        if (!same_y) tied_y += pairs(run_y);
        run_y = same_y ? run_y + 1 : 1;
    }
    int64_t all = pairs(n), untied = all - tied_x - tied_y + tied_both;
    if (tied_x < all && tied_y < all)
        tau = (double)(untied - 2 * discordant) /
              sqrt((double)(all - tied_x) * (double)(all - tied_y));
done:
    free(p);
    free(v);
    return isnan(tau) ? NAN : fmax(-1, fmin(1, tau));
}

typedef struct {
    double value;
    int index;
} entry;

static int by_entry(const void *a, const void *b) {
    return compare(((const entry *)a)->value, ((const entry *)b)->value);
}

/* Ranks less their mean, doubled, so that they are whole numbers: ties share the middle rank. */
static void centred_ranks(const double *v, int n, entry *e, double *rank) {
    for (int i = 0; i < n; i++) e[i] = (entry){v[i], i};
    qsort(e, (size_t)n, sizeof *e, by_entry);
    for (int i = 0, j; i < n; i = j) {
        for (j = i + 1; j < n && e[j].value == e[i].value;) j++;
        for (int k = i; k < j; k++) rank[e[k].index] = (double)i + (double)j - (double)n;
    }
}

double td_spearman_rho(const double *x, const double *y, int n) {
    if (n < 2 || any_nan(x, n) || any_nan(y, n)) return NAN;
    entry *e = malloc(sizeof *e * (size_t)n);
    double *rank = malloc(2 * sizeof *rank * (size_t)n);
    double rho = NAN;
    if (e != NULL && rank != NULL) {
        double *rx = rank, *ry = rank + n, xx = 0, yy = 0, xy = 0;
        centred_ranks(x, n, e, rx);
        centred_ranks(y, n, e, ry);
        for (int i = 0; i < n; i++) {
            xx += rx[i] * rx[i];
            yy += ry[i] * ry[i];
            xy += rx[i] * ry[i];
        }
        if (xx > 0 && yy > 0) rho = fmax(-1, fmin(1, xy / sqrt(xx * yy)));
    }
    free(e);
    free(rank);
    return rho;
}

/* R. Hyndman, Y. Fan, "Sample quantiles in statistical packages", 1996, definition 7. */
double td_quantile(const double *v, int n, double q) {
    if (n < 1 || !(q >= 0 && q <= 1) || any_nan(v, n)) return NAN;
    double *sorted = malloc(sizeof *sorted * (size_t)n);
    if (sorted == NULL) return NAN;
    memcpy(sorted, v, sizeof *sorted * (size_t)n);
    qsort(sorted, (size_t)n, sizeof *sorted, by_value);
    double place = (double)(n - 1) * q;
    int below = (int)place;
    double part = place - below, low = sorted[below];
    double high = sorted[below + 1 < n ? below + 1 : below];
    free(sorted);
    if (low == -INFINITY) return low; /* plus a part of an infinite gap would be NAN */
    return part > 0 && high > low ? low + part * (high - low) : low;
}

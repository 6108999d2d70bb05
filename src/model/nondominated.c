/* Ranking of points with several objectives: fronts, and how alone a point stands in its front. K.
 * Deb, A. Pratap, S. Agarwal, T. Meyarivan, "A fast and elitist multiobjective genetic algorithm:
 * NSGA-II", 2002, sections III.A and III.B. */
#include <stdlib.h>
#include <string.h>

#include "tandem/model.h"

static bool dominates(const double *p, const double *q, int d) {
    bool better = false;
    for (int k = 0; k < d; k++) {
        if (p[k] > q[k]) return false;
        better = better || p[k] < q[k];
    }
    return better;
}

/* Fronts one after the other: a point joins the first whose points, and those without a front yet,
 * leave it undominated. */
td_status td_nondominated_sort(const double *points, int n, int d, int *front, td_error *err) {
    if (n < 0 || d < 1) return td_fail(err, TD_E_USAGE, "%d points of %d objectives", n, d);
    for (int64_t i = 0; i < (int64_t)n * d; i++)
        if (isnan(points[i]))
            return td_fail(err, TD_E_USAGE, "point %d: objective %d is not a number", (int)(i / d),
                           (int)(i % d));
    int *above = calloc((size_t)n + 1, sizeof *above); /* dominating points without a front yet */
    if (above == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < n; i++) {
        front[i] = -1;
        for (int j = 0; j < n; j++)
            above[i] +=
                dominates(points + (size_t)j * (size_t)d, points + (size_t)i * (size_t)d, d);
    }
    for (int rank = 0, left = n; left > 0; rank++) {
        for (int i = 0; i < n; i++) {
            if (front[i] >= 0 || above[i] > 0) continue;
            front[i] = rank;
            left--;
        }
        for (int i = 0; i < n; i++) {
            if (front[i] != rank) continue;
            for (int j = 0; j < n; j++)
                above[j] -= front[j] < 0 && dominates(points + (size_t)i * (size_t)d,
                                                      points + (size_t)j * (size_t)d, d);
        }
    }
    free(above);
    return TD_OK;
}

typedef struct {
    double value;
    int front, index;
} entry;

/* By front, then by value, then by place, so that ties do not depend on the sort. */
static int by_front_and_value(const void *a, const void *b) {
    const entry *p = a, *q = b;
    if (p->front != q->front) return p->front - q->front;
    if (p->value != q->value) return p->value < q->value ? -1 : 1;
    return p->index - q->index;
}

td_status td_crowding_distance(const double *points, int n, int d, const int *front,
                               double *distance, td_error *err) {
    if (n < 0 || d < 1) return td_fail(err, TD_E_USAGE, "%d points of %d objectives", n, d);
    entry *e = malloc(((size_t)n + 1) * sizeof *e);
    if (e == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < n; i++) distance[i] = 0;
    for (int k = 0; k < d; k++) {
        for (int i = 0; i < n; i++)
            e[i] = (entry){points[(size_t)i * (size_t)d + (size_t)k], front[i], i};
        qsort(e, (size_t)n, sizeof *e, by_front_and_value);
        for (int begin = 0, end; begin < n; begin = end) {
            for (end = begin + 1; end < n && e[end].front == e[begin].front;) end++;
            double range = e[end - 1].value - e[begin].value;
            distance[e[begin].index] = distance[e[end - 1].index] = INFINITY;
            for (int i = begin + 1; i < end - 1; i++)
                if (range > 0 && range < INFINITY)
                    distance[e[i].index] += (e[i + 1].value - e[i - 1].value) / range;
        }
    }
    free(e);
    return TD_OK;
}

/* Nondominated rows. */
#include <stdlib.h>
#include <string.h>

#include "tandem/model.h"

typedef struct {
    const double *row;
    int d, index;
} item;

/* By columns, then by place, so that a row can be dominated only by rows that come before it, and
 * of equal rows the first comes first. */
static int by_columns(const void *a, const void *b) {
    const item *p = a, *q = b;
    for (int k = 0; k < p->d; k++)
        if (p->row[k] != q->row[k]) return p->row[k] < q->row[k] ? -1 : 1;
    return p->index - q->index;
}

static bool covers(const double *p, const double *q, int d) {
    for (int k = 0; k < d; k++)
        if (p[k] > q[k]) return false;
    return true;
}

td_status td_pareto_front(const double *points, int n, int d, uint8_t *mask, td_error *err) {
    if (n < 0 || d < 1) return td_fail(err, TD_E_USAGE, "%d points of %d objectives", n, d);
    for (int64_t i = 0; i < (int64_t)n * d; i++)
        if (isnan(points[i]))
            return td_fail(err, TD_E_USAGE, "point %d: objective %d is not a number", (int)(i / d),
                           (int)(i % d));
    if (n == 0) return TD_OK;
    item *sorted = malloc(sizeof *sorted * (size_t)n);
    if (sorted == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < n; i++) sorted[i] = (item){points + (size_t)i * (size_t)d, d, i};
    qsort(sorted, (size_t)n, sizeof *sorted, by_columns);
    memset(mask, 0, (size_t)n);
    int front = 0; /* sorted[0..front) are the rows on the front so far */
    for (int i = 0; i < n; i++) {
        item now = sorted[i];
        bool covered = false;
        /* With two columns the last row of the front has the least second one. */
        for (int j = d == 2 && front > 0 ? front - 1 : 0; j < front && !covered; j++)
            covered = covers(sorted[j].row, now.row, d);
        if (covered) continue;
        sorted[front++] = now;
        mask[now.index] = 1;
    }
    free(sorted);
    return TD_OK;
}

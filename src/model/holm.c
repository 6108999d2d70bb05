/* Holm's correction: the i-th smallest of m p values times m - i (counted from 0), made
 * non-decreasing. */
#include <stdlib.h>

#include "tandem/model.h"

typedef struct {
    double p;
    int index;
} test;

static int by_p(const void *a, const void *b) {
    const test *x = a, *y = b;
    return x->p != y->p ? (x->p > y->p) - (x->p < y->p) : x->index - y->index;
}

td_status td_holm(const double *p, int n, double *adjusted, td_error *err) {
    int m = 0;
    double floor = 0;
    test *t = malloc(sizeof *t * (size_t)(n > 0 ? n : 1));
    if (t == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < n; i++) {
        adjusted[i] = p[i];
        if (!isnan(p[i])) t[m++] = (test){p[i], i};
    }
    qsort(t, (size_t)m, sizeof *t, by_p);
    for (int i = 0; i < m; i++) {
        floor = fmax(floor, fmin(1, (m - i) * t[i].p));
        adjusted[t[i].index] = floor;
    }
    free(t);
    return TD_OK;
}

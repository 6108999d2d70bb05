/* Ranking of a set of outcomes. Two outcomes of several objectives have no order between them where
 * each is better in something; a set has one. */
#include <stdlib.h>

#include "tandem/model.h"
#include "tandem/search.h"

enum { MOST_OBJECTIVES = sizeof((td_outcome *)0)->obj / sizeof(double) };

typedef struct {
    const td_outcome *o;
    int front; /* -1: it has none, being infeasible or of one objective */
    double alone;
    int index;
} entry;

static int by_rank(const void *a, const void *b) {
    const entry *p = a, *q = b;
    if (p->front >= 0 && q->front >= 0) {
        if (p->front != q->front) return p->front - q->front;
        if (p->alone != q->alone) return p->alone > q->alone ? -1 : 1;
    } else {
        int c = td_outcome_compare(p->o, q->o);
        if (c != 0) return c;
    }
    return p->index - q->index;
}

static bool has_front(const td_outcome *o, int nobj) {
    bool known = td_outcome_feasible(o) && o->nobj == nobj && nobj > 1;
    for (int k = 0; known && k < nobj; k++) known = !isnan(o->obj[k]);
    return known;
}

td_status td_outcomes_rank(const td_outcome *const *o, int n, int *place) {
    entry *e = calloc((size_t)n + 1, sizeof *e);
    double *point = calloc((size_t)n + 1, sizeof *point * MOST_OBJECTIVES);
    double *alone = calloc((size_t)n + 1, sizeof *alone);
    int *front = calloc((size_t)n + 1, sizeof *front), *at = calloc((size_t)n + 1, sizeof *at);
    int nobj = 0, m = 0;
    td_status s = e != NULL && point != NULL && alone != NULL && front != NULL && at != NULL
                      ? TD_OK
                      : TD_E_MEMORY;
    for (int i = 0; i < n; i++) nobj = o[i]->nobj > nobj ? o[i]->nobj : nobj;
    for (int i = 0; s == TD_OK && i < n; i++) {
        e[i] = (entry){o[i], -1, 0, i};
        if (!has_front(o[i], nobj)) continue;
        for (int k = 0; k < nobj; k++) point[m * nobj + k] = o[i]->obj[k];
        at[m++] = i;
    }
    if (s == TD_OK && m > 0) s = td_nondominated_sort(point, m, nobj, front, NULL);
    if (s == TD_OK && m > 0) s = td_crowding_distance(point, m, nobj, front, alone, NULL);
    for (int i = 0; s == TD_OK && i < m; i++) {
        e[at[i]].front = front[i];
        e[at[i]].alone = alone[i];
    }
    if (s == TD_OK) qsort(e, (size_t)n, sizeof *e, by_rank);
    for (int i = 0; s == TD_OK && i < n; i++) place[e[i].index] = i;
    free(at);
    free(front);
    free(alone);
    free(point);
    free(e);
    return s;
}

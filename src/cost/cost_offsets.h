/* cost_offsets.h - where the children of a level stand along one rank, and how many words they
 * want.
 *
 * Child a holds the box [a, a + e) now and held [a - d, a - d + e) one step before; a runs over the
 * set A of sums of arithmetic progressions (one per spatial loop). A word x is wanted if some child
 * holds it now that did not just before. Over several ranks this is
 *
 *     wanted = prod_r covered_r(0) - prod_r covered_r(d_r)
 *
 * with covered_r(d) = |{x : some a in A has x in its new box, and all that do had it in the old
 * box}|. Let g(a) be the distance from a to its left neighbour in A (to the right one if d < 0;
 * none: infinite). The words whose outermost holder is a form a run of min(e, g(a)); those of them
 * that all holders had before are min(e, g(a)) - |d|. So
 *
 *     covered(d) = sum over a of max(0, min(e, g(a)) - |d|),
 *
 * and it is enough to know how often each gap occurs. */
#ifndef TANDEM_COST_OFFSETS_H
#define TANDEM_COST_OFFSETS_H

#include <stdbool.h>
#include <stdint.h>

#include "tandem/cost.h"

/* Progressions 0, step, ..., (count - 1) step; steps ascend. nested: the finer ones span less than
 * the next step, so that sums are distinct and the gaps are known; else the set is walked. */
typedef struct {
    int n;
    bool nested;
    int64_t step[TD_MAX_LOOPS], count[TD_MAX_LOOPS];
} td__offsets;

static inline void td__offsets_clear(td__offsets *a) {
    a->n = 0;
    a->nested = true;
}

/* Adds a progression with count > 1 and step > 0. */
static inline void td__offsets_add(td__offsets *a, int64_t step, int64_t count) {
    a->step[a->n] = step;
    a->count[a->n++] = count;
}

/* Sorts, and joins progressions that continue each other. Call once after the last add. */
void td__offsets_normalize_many(td__offsets *a);
static inline void td__offsets_normalize(td__offsets *a) {
    if (a->n > 1) td__offsets_normalize_many(a);
}

/* Distinct sums. */
double td__offsets_count(const td__offsets *a);

/* covered(d) of the comment above, for boxes of `extent`: in general, and at once for no more than
 * one progression. */
double td__offsets_covered_many(const td__offsets *a, int64_t extent, int64_t d);
static inline double td__offsets_covered(const td__offsets *a, int64_t extent, int64_t d) {
    if (a->n > 1) return td__offsets_covered_many(a, extent, d);
    if (d < 0) d = -d;
    if (d >= extent) return 0;
    double sum = (double)(extent - d);
    if (a->n == 0) return sum;
    int64_t length = (a->step[0] < extent ? a->step[0] : extent) - d;
    return length > 0 ? sum + (double)(a->count[0] - 1) * (double)length : sum;
}

/* Smallest sum > x, INT64_MAX if there is none. */
int64_t td__offsets_next(const td__offsets *a, int64_t x);

#endif

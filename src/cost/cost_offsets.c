/* Sets of sums of arithmetic progressions. */
#include "cost_offsets.h"

static void swap(td__offsets *a, int i, int j) {
    int64_t s = a->step[i], c = a->count[i];
    a->step[i] = a->step[j];
    a->count[i] = a->count[j];
    a->step[j] = s;
    a->count[j] = c;
}

static void sort(td__offsets *a) {
    for (int i = 1; i < a->n; i++)
        for (int j = i; j > 0 && a->step[j] < a->step[j - 1]; j--) swap(a, j, j - 1);
}

/* (coarse, n1) + (fine, n2) is (fine, n1' + n2) without holes if coarse is a multiple of fine and
 * the fine one reaches the next coarse element. */
static bool join(td__offsets *a) {
    for (int i = 0; i < a->n; i++)
        for (int j = i + 1; j < a->n; j++) {
            int64_t ratio = a->step[j] / a->step[i];
            if (a->count[i] < ratio || ratio * a->step[i] != a->step[j]) continue;
            a->count[i] += (a->count[j] - 1) * ratio;
            a->n--;
            for (int k = j; k < a->n; k++) {
                a->step[k] = a->step[k + 1];
                a->count[k] = a->count[k + 1];
            }
            return true;
        }
    return false;
}

void td__offsets_normalize_many(td__offsets *a) {
    sort(a);
    while (join(a)) {
    }
    int64_t span = 0;
    for (int i = 0; i < a->n; i++) {
        if (a->step[i] <= span) {
            a->nested = false;
            return;
        }
        span += (a->count[i] - 1) * a->step[i];
    }
}

/* Smallest sum > x of the progressions below n: the finest in closed form, the others by trial. A
 * coarse index can be skipped if even the largest finer sum stays at or below x; beyond the first
 * index whose smallest sum exceeds x nothing gets smaller. */
static int64_t next_of(const td__offsets *a, int n, int64_t x) {
    if (n == 0) return x < 0 ? 0 : INT64_MAX;
    int64_t s = a->step[n - 1], c = a->count[n - 1];
    if (n == 1) {
        if (x < 0) return 0;
        int64_t i = x / s + 1;
        return i < c ? i * s : INT64_MAX;
    }
    int64_t span = 0, best = INT64_MAX;
    for (int k = 0; k < n - 1; k++) span += (a->count[k] - 1) * a->step[k];
    int64_t i = x - span < 0 ? 0 : (x - span) / s;
    for (; i < c; i++) {
        if (i * s >= best) break;
        int64_t rest = next_of(a, n - 1, x - i * s);
        if (rest != INT64_MAX && i * s + rest < best) best = i * s + rest;
    }
    return best;
}

int64_t td__offsets_next(const td__offsets *a, int64_t x) {
    return next_of(a, a->n, x);
}

double td__offsets_count(const td__offsets *a) {
    double count = 1;
    if (a->nested) {
        for (int i = 0; i < a->n; i++) count *= (double)a->count[i];
        return count;
    }
    for (int64_t x = 0; (x = td__offsets_next(a, x)) != INT64_MAX;) count++;
    return count;
}

static inline double run(int64_t extent, int64_t gap, int64_t d) {
    int64_t length = (gap < extent ? gap : extent) - d;
    return length > 0 ? (double)length : 0;
}

double td__offsets_covered_many(const td__offsets *a, int64_t extent, int64_t d) {
    if (d < 0) d = -d; /* the gaps to the right are those to the left */
    if (d >= extent) return 0;
    double sum = (double)(extent - d); /* the first child has no left neighbour */
    if (!a->nested) {
        for (int64_t x = 0, y; (y = td__offsets_next(a, x)) != INT64_MAX; x = y)
            sum += run(extent, y - x, d);
        return sum;
    }
    /* Where index j moves on and the finer ones start again, the gap is step[j] - their span. */
    double outer = 1;
    int64_t span = 0;
    for (int i = 0; i < a->n; i++) span += (a->count[i] - 1) * a->step[i];
    for (int j = a->n - 1; j >= 0; j--) {
        span -= (a->count[j] - 1) * a->step[j];
        sum += outer * (double)(a->count[j] - 1) * run(extent, a->step[j] - span, d);
        outer *= (double)a->count[j];
    }
    return sum;
}

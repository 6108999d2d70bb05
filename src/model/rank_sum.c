/* Rank-sum test. The statistic is the sum of the mid-ranks of the smaller sample, doubled, so that
 * all is in whole numbers, ties too. Its exact distribution (given the ties) is counted by the
 * shift algorithm (Streitberg, Röhmel 1986): ways[k][s] of choosing k of the ranks seen so far with
 * sum s. Counts are below C(100, 50) = 1e29 and only added: doubles hold them to 1e-13. */
#include <stdlib.h>
#include <string.h>

#include "tandem/model.h"

enum { EXACT_SIDE = 50 };

typedef struct {
    double value;
    bool x;
} member;

/* The pooled samples with doubled mid-ranks. */
typedef struct {
    int n, nx;
    int64_t *rank; /* in ascending order */
    int64_t sum_x; /* doubled ranks of x */
    double tied;   /* sum of t^3 - t over groups of t equal values */
} pool;

static int by_value(const void *a, const void *b) {
    double p = ((const member *)a)->value, q = ((const member *)b)->value;
    return (p > q) - (p < q);
}

static void rank_members(member *m, pool *p) {
    qsort(m, (size_t)p->n, sizeof *m, by_value);
    for (int i = 0, j; i < p->n; i = j) {
        for (j = i + 1; j < p->n && m[j].value == m[i].value;) j++;
        double t = j - i;
        p->tied += t * t * t - t;
        for (int k = i; k < j; k++) {
            p->rank[k] = i + 1 + j; /* twice the mean of i + 1 .. j */
            if (m[k].x) p->sum_x += p->rank[k];
        }
    }
}

/* Shares of all choices of nx ranks whose sum is at most, at least, and as far from the mean as
 * that of x. Counted for the smaller sample: the sums of both add up to the same always. */
static td_status exact(const pool *p, td_rank_sum *out, td_error *err) {
    bool swap = 2 * p->nx > p->n;
    int k = swap ? p->n - p->nx : p->nx;
    int64_t all = (int64_t)p->n * (p->n + 1), sum = swap ? all - p->sum_x : p->sum_x, top = 0;
    for (int i = p->n - k; i < p->n; i++) top += p->rank[i]; /* the largest sum there is */
    size_t row = (size_t)top + 1;
    double *ways = calloc(row * ((size_t)k + 1), sizeof *ways);
    if (ways == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    ways[0] = 1;
    for (int i = 0; i < p->n; i++) {
        for (int c = i < k ? i + 1 : k; c >= 1; c--) {
            double *to = ways + row * (size_t)c;
            const double *from = to - row;
            for (int64_t s = top; s >= p->rank[i]; s--) to[s] += from[s - p->rank[i]];
        }
    }
    const double *count = ways + row * (size_t)k;
    int64_t mean = (int64_t)k * (p->n + 1), distance = llabs(sum - mean);
    double total = 0, low = 0, high = 0, far = 0;
    for (int64_t s = 0; s <= top; s++) {
        total += count[s];
        if (s <= sum) low += count[s];
        if (s >= sum) high += count[s];
        if (llabs(s - mean) >= distance) far += count[s];
    }
    free(ways);
    out->exact = true;
    out->p = far / total;
    out->p_less = (swap ? high : low) / total;
    out->p_greater = (swap ? low : high) / total;
    return TD_OK;
}

static double upper_tail(double z) {
    return 0.5 * erfc(z * M_SQRT1_2);
}

/* Mean and variance of u given the ties; half a step off each tail for continuity. */
static void approximate(const pool *p, td_rank_sum *out) {
    double n = p->n, pairs = (double)p->nx * (n - p->nx), distance = out->u - pairs / 2;
    double deviation = sqrt(pairs / 12 * (n + 1 - p->tied / (n * (n - 1))));
    out->p = out->p_greater = out->p_less = 1; /* all values are equal */
    if (!(deviation > 0)) return;
    out->p_greater = upper_tail((distance - 0.5) / deviation);
    out->p_less = upper_tail((-distance - 0.5) / deviation);
    out->p = fmin(1, 2 * upper_tail((fabs(distance) - 0.5) / deviation));
}

static bool any_nan(const double *v, int n) {
    for (int i = 0; i < n; i++)
        if (isnan(v[i])) return true;
    return false;
}

td_status td_rank_sum_test(const double *x, int nx, const double *y, int ny, td_rank_sum *out,
                           td_error *err) {
    memset(out, 0, sizeof *out);
    if (nx < 1 || ny < 1 || any_nan(x, nx) || any_nan(y, ny))
        return td_fail(err, TD_E_USAGE, "rank sums of %d and %d values: %s", nx, ny,
                       nx < 1 || ny < 1 ? "a sample is empty" : "one is not a number");
    pool p = {.n = nx + ny, .nx = nx};
    member *m = calloc((size_t)p.n, sizeof *m);
    p.rank = calloc((size_t)p.n, sizeof *p.rank);
    td_status s = m != NULL && p.rank != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK) {
        for (int i = 0; i < nx; i++) m[i] = (member){x[i], true};
        for (int i = 0; i < ny; i++) m[nx + i] = (member){y[i], false};
        rank_members(m, &p);
        out->u = 0.5 * (double)(p.sum_x - (int64_t)nx * (nx + 1));
        out->a12 = out->u / ((double)nx * ny);
        if (nx <= EXACT_SIDE && ny <= EXACT_SIDE)
            s = exact(&p, out, err);
        else
            approximate(&p, out);
    }
    free(p.rank);
    free(m);
    return s;
}

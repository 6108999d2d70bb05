/* Importance of decisions by PED-ANOVA: Watanabe, Bansal, Hutter 2023 (arXiv 2304.10255). A
 * decision matters where its values among the best rows are spread in another way than among all:
 * the Pearson divergence of the two densities is, but for a factor, the variance of "is among the
 * best" that the decision explains by itself.
 *
 * Densities are shares of cells: the values there are, or quantiles of many numeric ones, so that
 * no scale has to be known (the paper has kernels on a grid). Drawn at random, the best would have
 * some divergence, too, more with more cells; its expectation has a closed form and is taken off,
 * which the paper does not do. */
#include <stdlib.h>
#include <string.h>

#include "tandem/model.h"

typedef struct {
    double x;
    bool good;
    int cell;
} entry;

static int by_x(const void *a, const void *b) {
    double p = ((const entry *)a)->x, q = ((const entry *)b)->x;
    return (p > q) - (p < q);
}

static int by_size(const void *a, const void *b) {
    double p = *(const double *)a, q = *(const double *)b;
    return (p > q) - (p < q);
}

/* Cells of e[n]; their number. Many numeric values are put into 2 m^(2/5) cells of as many rows
 * each (Mann, Wald 1942, for tests by chi-square), where m are good. */
static int assign_cells(entry *e, int n, int m, bool nominal) {
    int levels = 0, most = (int)ceil(2 * pow(m, 0.4));
    qsort(e, (size_t)n, sizeof *e, by_x);
    for (int i = 0; i < n; i++) {
        levels += i == 0 || e[i].x != e[i - 1].x;
        e[i].cell = levels - 1;
    }
    if (nominal || levels <= most) return levels;
    for (int i = 0, j; i < n; i = j) { /* equal ones stay together: by the middle of their ranks */
        for (j = i + 1; j < n && e[j].x == e[i].x;) j++;
        for (int k = i; k < j; k++) e[k].cell = (int)((i + j) / 2.0 / n * most);
    }
    return most;
}

/* Divergence of the m good ones of n from all n, less what it is on average for m that are drawn,
 * whose shares have the variances p (1 - p) (n - m) / (m (n - 1)). p, g: rows of
 * each cell. */
static double divergence(const double *p, const double *g, int cells, double n, double m) {
    double sum = 0, freedom = -1;
    for (int c = 0; c < cells; c++) {
        if (!(p[c] > 0)) continue;
        double away = g[c] / m - p[c] / n;
        sum += away * away * n / p[c];
        freedom++;
    }
    return fmax(sum - freedom * (n - m) / (m * (n - 1)), 0);
}

/* Variance of "is good" that decision j explains by itself, over all rows. */
static td_status explain(entry *e, int n, int all_rows, bool nominal, td_importance *out,
                         td_error *err) {
    int m = 0;
    for (int i = 0; i < n; i++) m += e[i].good;
    *out = (td_importance){.rows = n, .good = m};
    if (m == 0 || m == n) return TD_OK;
    int cells = assign_cells(e, n, m, nominal);
    double *p = calloc(2 * (size_t)cells, sizeof *p), *g = p + cells;
    if (p == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < n; i++) {
        p[e[i].cell]++;
        g[e[i].cell] += e[i].good;
    }
    double share = (double)m / n;
    out->explained = (double)n / all_rows * share * share * divergence(p, g, cells, n, m);
    free(p);
    return TD_OK;
}

/* The value up to which rows are good; *rows that have one. */
static td_status threshold(const double *value, int n, double quantile, double *limit, int *rows,
                           td_error *err) {
    double *sorted = malloc(((size_t)n + 1) * sizeof *sorted);
    if (sorted == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    *rows = 0;
    for (int i = 0; i < n; i++)
        if (!isnan(value[i])) sorted[(*rows)++] = value[i];
    qsort(sorted, (size_t)*rows, sizeof *sorted, by_size);
    int m = (int)ceil(quantile * *rows - 1e-9);
    *limit = *rows > 0 ? sorted[m > 0 ? m - 1 : 0] : NAN;
    free(sorted);
    return TD_OK;
}

td_status td_importance_of(const double *x, int n, int d, const uint8_t *nominal,
                           const double *value, double quantile, td_importance *out,
                           td_error *err) {
    double limit = NAN, sum = 0, good = 0;
    int rows = 0;
    if (!(quantile > 0 && quantile < 1))
        return td_fail(err, TD_E_USAGE, "importance: a quantile between 0 and 1");
    entry *e = malloc(((size_t)n + 1) * sizeof *e);
    td_status s = e != NULL ? threshold(value, n, quantile, &limit, &rows, err)
                            : td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; s == TD_OK && i < n; i++) good += value[i] <= limit;
    for (int j = 0; s == TD_OK && j < d; j++) {
        int m = 0;
        for (int i = 0; i < n; i++) {
            double v = x[(size_t)i * (size_t)d + (size_t)j];
            if (!isnan(value[i]) && !isnan(v)) e[m++] = (entry){v, value[i] <= limit, 0};
        }
        s = explain(e, m, rows, nominal != NULL && nominal[j], &out[j], err);
        if (s == TD_OK) sum += out[j].explained;
    }
    double share = s == TD_OK && rows > 0 ? good / rows : 0;
    for (int j = 0; s == TD_OK && j < d; j++) {
        if (sum > 0) out[j].share = out[j].explained / sum;
        if (share > 0 && share < 1) out[j].explained /= share * (1 - share);
    }
    free(e);
    return s;
}

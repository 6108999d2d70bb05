/* Expected hypervolume improvement in closed form: a sum over the boxes of the region that nothing
 * dominates of products over the objectives (Emmerich et al. 2006; boxes by a sweep, as in Yang et
 * al. 2019). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tandem/model.h"

/* Bounds are places in `bound`, so that what is asked of a normal is asked once per bound. */
typedef struct {
    int low[TD_EHVI_MOST], high[TD_EHVI_MOST];
} box;

struct td_ehvi {
    int d, boxes, room;
    int bounds[TD_EHVI_MOST];    /* of each objective: -INFINITY, the front's, the reference */
    double *bound[TD_EHVI_MOST]; /* [bounds], rising */
    double *part[TD_EHVI_MOST];  /* [bounds]: E max(bound - y, 0) */
    box *box;
};

void td_ehvi_destroy(td_ehvi *e) {
    if (e == NULL) return;
    for (int k = 0; k < e->d; k++) {
        free(e->bound[k]);
        free(e->part[k]);
    }
    free(e->box);
    free(e);
}

static int compare_reals(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int place(const td_ehvi *e, int k, double v) {
    const double *at = bsearch(&v, e->bound[k], (size_t)e->bounds[k], sizeof v, compare_reals);
    return (int)(at - e->bound[k]);
}

static bool make_bounds(td_ehvi *e, const double *front, int n, const double *reference) {
    for (int k = 0; k < e->d; k++) {
        double *v = e->bound[k] = malloc(sizeof *v * ((size_t)n + 2));
        e->part[k] = malloc(sizeof *v * ((size_t)n + 2));
        if (v == NULL || e->part[k] == NULL) return false;
        v[0] = -INFINITY;
        for (int i = 0; i < n; i++) v[i + 1] = front[(size_t)i * (size_t)e->d + (size_t)k];
        v[n + 1] = reference[k];
        qsort(v, (size_t)n + 2, sizeof *v, compare_reals);
        int m = 1;
        for (int i = 1; i < n + 2; i++)
            if (v[i] != v[m - 1]) v[m++] = v[i];
        e->bounds[k] = m;
    }
    return true;
}

/* ---- boxes ----------------------------------------------------------------------------------- */

/* What is not dominated at the present place of the sweep over the last objective: strips of the
 * first objective, side by side from -INFINITY to the reference, each free below `top` in the
 * second, since the sweep was at `since`. With less than three objectives the sweep has one place,
 * and with one there is one strip. */
typedef struct {
    double left, right, top, since;
} strip;

static bool emit(td_ehvi *e, const strip *s, double until) {
    if (!(s->since < until) || !(s->left < s->right)) return true;
    if (e->boxes == e->room) {
        size_t room = e->room > 0 ? 2 * (size_t)e->room : 64;
        box *wide = realloc(e->box, sizeof *wide * room);
        if (wide == NULL) return false;
        e->box = wide;
        e->room = (int)room;
    }
    const double low[] = {s->left, -INFINITY, s->since}, high[] = {s->right, s->top, until};
    for (int k = 0; k < e->d; k++) {
        e->box[e->boxes].low[k] = place(e, k, low[k]);
        e->box[e->boxes].high[k] = place(e, k, high[k]);
    }
    e->boxes++;
    return true;
}

/* p takes what is to its right and above it; strips that reach there end, and one below takes
 * their place. strips: [*n], room for one more. */
static bool insert(td_ehvi *e, strip *s, int *n, const double *p, double at) {
    int first = 0, last;
    while (first < *n && s[first].right <= p[0]) first++;
    if (first == *n || s[first].top <= p[1]) return true; /* dominated */
    for (last = first; last < *n && s[last].top > p[1]; last++)
        if (!emit(e, &s[last], at)) return false;
    strip left = s[first], below = {p[0], s[last - 1].right, p[1], at};
    left.right = p[0];
    left.since = at;
    bool cut = left.left < left.right;
    int stay = cut + 1; /* in place of last - first */
    memmove(s + first + stay, s + last, sizeof *s * (size_t)(*n - last));
    if (cut) s[first] = left;
    s[first + cut] = below;
    *n += stay - (last - first);
    return true;
}

static int by_last(const void *a, const void *b) {
    const double *x = *(const double *const *)a, *y = *(const double *const *)b;
    return (x[2] > y[2]) - (x[2] < y[2]);
}

static bool make_boxes(td_ehvi *e, const double *front, int n, const double *reference) {
    const double **p = malloc(sizeof *p * ((size_t)n + 1));
    strip *s = malloc(sizeof *s * ((size_t)n + 2));
    bool fine = p != NULL && s != NULL;
    double end = e->d > 2 ? reference[2] : INFINITY;
    int m = 0, strips = 1;
    for (int i = 0; fine && i < n; i++) {
        p[m] = front + (size_t)i * (size_t)e->d;
        bool within = true;
        for (int k = 0; k < e->d; k++) within = within && p[m][k] < reference[k];
        m += within;
    }
    if (fine && e->d > 2) qsort(p, (size_t)m, sizeof *p, by_last);
    if (fine)
        s[0] = (strip){-INFINITY, reference[0], e->d > 1 ? reference[1] : INFINITY, -INFINITY};
    for (int i = 0; fine && i < m; i++) {
        double q[] = {p[i][0], e->d > 1 ? p[i][1] : -INFINITY};
        if (e->d == 1) /* one strip, to the least of all */
            s[0].right = fmin(s[0].right, q[0]);
        else
            fine = insert(e, s, &strips, q, e->d > 2 ? p[i][2] : -INFINITY);
    }
    for (int i = 0; fine && i < strips; i++) fine = emit(e, &s[i], end);
    free(p);
    free(s);
    return fine;
}

td_status td_ehvi_create(const double *front, int n, int d, const double *reference, td_ehvi **out,
                         td_error *err) {
    *out = NULL;
    if (d < 1 || d > TD_EHVI_MOST || n < 0)
        return td_fail(err, TD_E_USAGE, "hypervolume improvement of %d points, %d objectives", n,
                       d);
    for (int i = 0; i < n * d + d; i++)
        if (!isfinite(i < n * d ? front[i] : reference[i - n * d]))
            return td_fail(err, TD_E_USAGE, "a point of the front is not finite");
    td_ehvi *e = calloc(1, sizeof *e);
    if (e != NULL) e->d = d;
    if (e == NULL || !make_bounds(e, front, n, reference) || !make_boxes(e, front, n, reference)) {
        td_ehvi_destroy(e);
        return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    *out = e;
    return TD_OK;
}

/* ---- the expectation ------------------------------------------------------------------------- */

/* A box's share of what y dominates is prod_k (high_k - max(low_k, y_k)), and max(high - y, 0) -
 * max(low - y, 0) is its side. */
double td_ehvi_log(td_ehvi *e, const double *mean, const double *sd) {
    for (int k = 0; k < e->d; k++)
        for (int i = 0; i < e->bounds[k]; i++)
            e->part[k][i] = sd[k] * td_normal_excess((e->bound[k][i] - mean[k]) / sd[k]);
    double sum = 0;
    for (int b = 0; b < e->boxes; b++) {
        double product = 1;
        for (int k = 0; k < e->d; k++)
            product *= e->part[k][e->box[b].high[k]] - e->part[k][e->box[b].low[k]];
        sum += product;
    }
    if (sum > 1e-280) return log(sum);
    double most = -INFINITY;
    for (int b = 0; b < e->boxes; b++) {
        double share = 0;
        for (int k = 0; k < e->d; k++)
            share += log(sd[k]) +
                     td_normal_log_excess((e->bound[k][e->box[b].high[k]] - mean[k]) / sd[k]);
        most = fmax(most, share);
    }
    return most;
}

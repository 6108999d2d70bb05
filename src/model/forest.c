/* Random forests (Breiman 2001, "Random forests"): trees of bootstrap samples, each split by the
 * best of some coordinates, drawn anew, as in CART's regression trees. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tandem/model.h"

enum { TREES = 64 };

typedef struct {
    int coordinate; /* -1: a leaf */
    int left, right;
    double value; /* of a leaf; else the border: smaller ones go left */
} node;

struct td_forest {
    int d, trees;
    int *root; /* [trees] */
    node *at;
    int n, room;
    double out_of_bag;
};

typedef struct {
    double x, y;
} pair;

typedef struct {
    td_forest *f;
    const double *x, *y;
    int some, leaf; /* coordinates that are tried; least points of a leaf */
    td_rng rng;
    int *order; /* [d] */
    pair *pairs;
    int *points; /* of a tree, in the order of its leaves as far as it is grown */
} task;

static int by_x(const void *a, const void *b) {
    const pair *p = a, *q = b;
    return p->x != q->x ? (p->x > q->x) - (p->x < q->x) : (p->y > q->y) - (p->y < q->y);
}

/* The border of a coordinate at which squared errors fall most, by so much; 0: none does. */
static double best_border(const task *t, const int *points, int n, int coordinate, double *border) {
    double sum = 0, left = 0, most = 0;
    for (int i = 0; i < n; i++) {
        const double *x = t->x + (size_t)points[i] * (size_t)t->f->d;
        t->pairs[i] = (pair){x[coordinate], t->y[points[i]]};
        sum += t->pairs[i].y;
    }
    qsort(t->pairs, (size_t)n, sizeof *t->pairs, by_x);
    for (int i = 1; i < n; i++) {
        left += t->pairs[i - 1].y;
        if (i < t->leaf || n - i < t->leaf || t->pairs[i - 1].x == t->pairs[i].x) continue;
        double right = sum - left;
        double gain = left * left / i + right * right / (n - i) - sum * sum / n;
        if (!(gain > most)) continue;
        most = gain;
        *border = t->pairs[i - 1].x + (t->pairs[i].x - t->pairs[i - 1].x) / 2;
        if (!(*border > t->pairs[i - 1].x)) *border = t->pairs[i].x; /* neighbours */
    }
    return most;
}

static int new_node(td_forest *f) {
    if (f->n == f->room) {
        int room = f->room > 0 ? 2 * f->room : 256;
        node *wide = realloc(f->at, sizeof *wide * (size_t)room);
        if (wide == NULL) return -1;
        f->at = wide;
        f->room = room;
    }
    return f->n++;
}

/* The tree of n points; -1: out of memory. Depth is bounded by the points. */
static int grow(task *t, int *points, int n) {
    int at = new_node(t->f), coordinate = -1, split = 0;
    double mean = 0, square = 0, border = 0, most = 0;
    if (at < 0) return -1;
    for (int i = 0; i < n; i++) mean += t->y[points[i]] / n;
    for (int i = 0; i < n; i++) square += pow(t->y[points[i]] - mean, 2);
    /* Constant coordinates do not count among those that are tried. */
    for (int k = 0, tried = 0; square > 0 && k < t->f->d && tried < t->some; k++) {
        double where = 0;
        int other = k + (int)td_rng_below(&t->rng, (uint64_t)(t->f->d - k)), c = t->order[other];
        t->order[other] = t->order[k];
        t->order[k] = c;
        double gain = best_border(t, points, n, c, &where);
        tried += t->pairs[0].x < t->pairs[n - 1].x;
        if (gain > most && gain > 1e-12 * square) most = gain, border = where, coordinate = c;
    }
    t->f->at[at] = (node){-1, 0, 0, mean};
    if (coordinate < 0) return at;
    for (int i = 0; i < n; i++) {
        int p = points[i];
        if (!(t->x[(size_t)p * (size_t)t->f->d + (size_t)coordinate] < border)) continue;
        points[i] = points[split];
        points[split++] = p;
    }
    int left = grow(t, points, split);
    int right = left >= 0 ? grow(t, points + split, n - split) : -1;
    if (right < 0) return -1;
    t->f->at[at] = (node){coordinate, left, right, border};
    return at;
}

static double value_at(const td_forest *f, int tree, const double *x) {
    const node *at = f->at + f->root[tree];
    while (at->coordinate >= 0) at = f->at + (x[at->coordinate] < at->value ? at->left : at->right);
    return at->value;
}

/* All trees; bag[n]: sums of the predictions of trees that have not seen a point, count[n] of them.
 */
static td_status grow_all(task *t, int n, uint64_t seed, double *bag, int *count) {
    td_forest *f = t->f;
    for (int k = 0; k < f->trees; k++) {
        t->rng = td_rng_make(seed, (uint64_t)k, TD_RNG_BOOTSTRAP);
        uint8_t *seen = calloc((size_t)n, 1);
        if (seen == NULL) return TD_E_MEMORY;
        for (int i = 0; i < f->d; i++) t->order[i] = i;
        for (int i = 0; i < n; i++)
            seen[t->points[i] = (int)td_rng_below(&t->rng, (uint64_t)n)] = 1;
        f->root[k] = grow(t, t->points, n);
        for (int i = 0; f->root[k] >= 0 && i < n; i++) {
            if (seen[i]) continue;
            bag[i] += value_at(f, k, t->x + (size_t)i * (size_t)f->d);
            count[i]++;
        }
        free(seen);
        if (f->root[k] < 0) return TD_E_MEMORY;
    }
    return TD_OK;
}

td_status td_forest_fit(const td_forest_options *o, const double *x, const double *y, int n,
                        td_forest **out, td_error *err) {
    *out = NULL;
    if (o->d < 1 || n < 1 || o->trees < 0 || o->features < 0 || o->leaf < 0)
        return td_fail(err, TD_E_USAGE, "a forest of %d points of %d coordinates", n, o->d);
    for (size_t i = 0; i < (size_t)n * (size_t)o->d; i++)
        if (!isfinite(x[i])) return td_fail(err, TD_E_USAGE, "a point is not finite");
    for (int i = 0; i < n; i++)
        if (!isfinite(y[i])) return td_fail(err, TD_E_USAGE, "y[%d] is not finite", i);
    td_forest *f = calloc(1, sizeof *f);
    if (f == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    *f = (td_forest){.d = o->d, .trees = o->trees > 0 ? o->trees : TREES};
    f->root = calloc((size_t)f->trees, sizeof *f->root);
    int third = o->d / 3 > 1 ? o->d / 3 : 1;
    task t = {.f = f, .x = x, .y = y, .some = o->features > 0 ? o->features : third};
    t.leaf = o->leaf > 0 ? o->leaf : 1;
    t.order = calloc((size_t)o->d + 2 * (size_t)n, sizeof *t.order);
    t.pairs = malloc(sizeof *t.pairs * (size_t)n);
    double *bag = calloc((size_t)n, sizeof *bag);
    td_status status = TD_E_MEMORY;
    if (f->root != NULL && t.order != NULL && t.pairs != NULL && bag != NULL) {
        int *count = t.order + o->d, seen = 0;
        t.points = count + n;
        status = grow_all(&t, n, o->seed, bag, count);
        for (int i = 0; i < n; i++) {
            if (count[i] == 0) continue;
            f->out_of_bag += pow(bag[i] / count[i] - y[i], 2);
            seen++;
        }
        f->out_of_bag = seen > 0 ? f->out_of_bag / seen : NAN;
    }
    free(t.order);
    free(t.pairs);
    free(bag);
    if (status != TD_OK) {
        td_forest_destroy(f);
        return td_fail(err, status, "out of memory");
    }
    *out = f;
    return TD_OK;
}

void td_forest_destroy(td_forest *f) {
    if (f == NULL) return;
    free(f->root);
    free(f->at);
    free(f);
}

double td_forest_out_of_bag(const td_forest *f) {
    return f->out_of_bag;
}

void td_forest_predict(const td_forest *f, const double *x, int m, double *mean, double *sd) {
    for (int p = 0; p < m; p++) {
        const double *at = x + (size_t)p * (size_t)f->d;
        double sum = 0, square = 0, first = value_at(f, 0, at);
        for (int k = 0; k < f->trees; k++) { /* about the first, against cancellation */
            double apart = value_at(f, k, at) - first;
            sum += apart;
            square += apart * apart;
        }
        sum /= f->trees;
        mean[p] = first + sum;
        if (sd != NULL) sd[p] = sqrt(fmax(square / f->trees - sum * sum, 0));
    }
}

/* Exact hypervolume by slicing, in up to four dimensions.
 *
 * Two dimensions: the union of rectangles under a staircase, which takes points one by one and
 * knows its area. Three: points in the order of the third coordinate; between two of them the
 * section is the staircase of those before. Four: points in the order of the fourth; each section
 * is the volume in three dimensions of those before that no other covers. Cost for n points that do
 * not cover each other, with s steps in a staircase: O(n s), times n in four dimensions. */
#include <stdlib.h>
#include <string.h>

#include "tandem/model.h"

typedef struct {
    double c[4];
} point;

/* Steps with x growing and y falling; area dominated up to the reference. */
typedef struct {
    point *step;
    int count;
    double reference[2], area;
} stair;

static void stair_add(stair *s, const point *p) {
    int low = 0, high = s->count; /* first step with x beyond that of p */
    while (low < high) {
        int middle = low + (high - low) / 2;
        if (s->step[middle].c[0] <= p->c[0])
            low = middle + 1;
        else
            high = middle;
    }
    if (low > 0 && s->step[low - 1].c[1] <= p->c[1]) return;
    /* From x of p on, the new area lies between p and the steps above it. */
    double top = low > 0 ? s->step[low - 1].c[1] : s->reference[1], x = p->c[0];
    int end = low;
    for (; end < s->count && s->step[end].c[1] >= p->c[1]; end++) {
        s->area += (s->step[end].c[0] - x) * (top - p->c[1]);
        x = s->step[end].c[0];
        top = s->step[end].c[1];
    }
    double stop = end < s->count ? s->step[end].c[0] : s->reference[0];
    s->area += (stop - x) * (top - p->c[1]);
    /* p takes the place of the steps [low, end). One before may share its x: a step of no width. */
    memmove(s->step + low + 1, s->step + end, sizeof *s->step * (size_t)(s->count - end));
    s->step[low] = *p;
    s->count += 1 - (end - low);
}

/* Volume of n points that are sorted by the third coordinate; room for n steps. */
static double volume3(const point *p, int n, const double *reference, point *room) {
    stair s = {.step = room, .reference = {reference[0], reference[1]}};
    double volume = 0;
    for (int i = 0; i < n; i++) {
        stair_add(&s, &p[i]);
        double next = i + 1 < n ? p[i + 1].c[2] : reference[2];
        volume += s.area * (next - p[i].c[2]);
    }
    return volume;
}

static bool covers3(const point *p, const point *q) {
    return p->c[0] <= q->c[0] && p->c[1] <= q->c[1] && p->c[2] <= q->c[2];
}

/* Puts p among the n points of a section, in the order of the third coordinate, and drops those
 * that it covers. Returns the new number, and in *changed whether the section changed. */
static int section_add(point *section, int n, const point *p, bool *changed) {
    *changed = false;
    for (int i = 0; i < n; i++)
        if (covers3(&section[i], p)) return n;
    int kept = 0;
    for (int i = 0; i < n; i++)
        if (!covers3(p, &section[i])) section[kept++] = section[i];
    int at = kept;
    for (; at > 0 && section[at - 1].c[2] > p->c[2]; at--) section[at] = section[at - 1];
    section[at] = *p;
    *changed = true;
    return kept + 1;
}

static double volume4(const point *p, int n, const double *reference, point *room) {
    point *section = room, *steps = room + n;
    int count = 0;
    double volume = 0, content = 0;
    for (int i = 0; i < n; i++) {
        bool changed;
        count = section_add(section, count, &p[i], &changed);
        double next = i + 1 < n ? p[i + 1].c[3] : reference[3];
        if (next == p[i].c[3]) { /* more points in this plane */
            if (changed) content = NAN;
            continue;
        }
        if (changed || isnan(content)) content = volume3(section, count, reference, steps);
        volume += content * (next - p[i].c[3]);
    }
    return volume;
}

static int compare_last(const void *a, const void *b, int k) {
    double x = ((const point *)a)->c[k], y = ((const point *)b)->c[k];
    return (x > y) - (x < y);
}

static int by_third(const void *a, const void *b) {
    return compare_last(a, b, 2);
}

static int by_fourth(const void *a, const void *b) {
    return compare_last(a, b, 3);
}

td_status td_hypervolume(const double *points, int n, int d, const double *reference,
                         double *volume, td_error *err) {
    *volume = 0;
    if (n < 0 || d < 1 || d > 4)
        return td_fail(err, TD_E_USAGE,
                       "hypervolume of %d points in %d dimensions: expected 1 to 4", n, d);
    /* Missing dimensions are a coordinate of 0 below a reference of 1. */
    double corner[4] = {1, 1, 1, 1};
    for (int k = 0; k < d; k++) {
        if (!isfinite(reference[k]))
            return td_fail(err, TD_E_USAGE, "hypervolume: reference %d is not finite", k);
        corner[k] = reference[k];
    }
    point *p = calloc((size_t)n * 3 + 1, sizeof *p);
    if (p == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    int inside = 0;
    for (int i = 0; i < n; i++) {
        bool keep = true;
        for (int k = 0; k < d; k++) {
            double v = points[(size_t)i * (size_t)d + (size_t)k];
            if (isnan(v) || v == -INFINITY) {
                free(p);
                return td_fail(err, TD_E_USAGE, "hypervolume: point %d: objective %d is %s", i, k,
                               isnan(v) ? "not a number" : "minus infinity");
            }
            p[inside].c[k] = v;
            keep = keep && v < corner[k];
        }
        if (keep) inside++;
    }
    qsort(p, (size_t)inside, sizeof *p, d == 4 ? by_fourth : by_third);
    *volume = d == 4 ? volume4(p, inside, corner, p + n) : volume3(p, inside, corner, p + n);
    free(p);
    return TD_OK;
}

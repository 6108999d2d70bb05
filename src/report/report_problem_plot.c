/* report_problem_plot.c - a problem's search as a picture: the history of one objective, the front
 * of two. */
#include <stdlib.h>

#include "report_bits.h"

/* Beyond these the ends of an axis, their distance or their quotient may be no numbers. */
static const double largest = 1e150, smallest = 1e-150;

/* An objective of each trial, as it was answered; NAN where it is not feasible. */
static void values_of(const td_goals *g, int objective, const td_trial_row *t, int n, double *v) {
    for (int i = 0; i < n; i++) {
        const td_outcome *o = &t[i].outcome;
        v[i] = td_outcome_feasible(o) && fabs(o->obj[objective]) <= largest
                   ? td_goals_value(g, objective, o->obj[objective])
                   : NAN;
    }
}

/* Positive ones that span more than two decades. */
static bool log_scale(const double *v, int n) {
    double lo = INFINITY, hi = -INFINITY;
    for (int i = 0; i < n; i++) {
        lo = fmin(lo, v[i]); /* of a number and NAN the number */
        hi = fmax(hi, v[i]);
    }
    return lo >= smallest && hi > 100 * lo;
}

/* The best so far: a step at each trial that is better than all before, and the end at the last. */
static void best_so_far(const double *number, const double *v, int n, bool maximise, double *x,
                        double *y, bool *better, td_plot_line *line) {
    for (int i = 0; i < n; i++) {
        better[i] = !isnan(v[i]) &&
                    (line->n == 0 || (maximise ? v[i] > y[line->n - 1] : v[i] < y[line->n - 1]));
        if (!better[i]) continue;
        x[line->n] = number[i];
        y[line->n++] = v[i];
    }
    if (line->n > 0) {
        x[line->n] = number[n - 1];
        y[line->n] = y[line->n - 1];
        line->n++;
    }
    line->x = x;
    line->y = y;
}

static td_status draw_history(const td_blackbox *b, const td_trial_row *t, int n, td_arena *a,
                              td_text *svg, td_error *err) {
    enum { LEAST = 10 }; /* trials along the axis, so that its ticks are whole numbers */
    const td_goals *g = td_blackbox_goals(b);
    int all = n > LEAST ? n : LEAST;
    double *x = TD_NEW(a, double, 2 * (all + 1)), *y = TD_NEW(a, double, 2 * (all + 1));
    bool *better = TD_NEW(a, bool, all + 1);
    td_plot_line line = {0};
    if (x == NULL || y == NULL || better == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    values_of(g, 0, t, n, y);
    for (int i = 0; i < all; i++) {
        x[i] = i < n ? (double)t[i].number : i;
        if (i >= n) y[i] = NAN;
    }
    bool maximise = g->objective[0].maximise;
    best_so_far(x, y, n, maximise, x + all, y + all, better, &line);
    if (line.n == 0) return TD_OK;
    const td_plot_cloud cloud = {.x = x, .y = y, .front = better, .n = all, .line = &line};
    const td_plot p = {.title = td_arena_printf(a, "%s: %s of feasible trials, the %s so far",
                                                td_blackbox_name(b), g->objective[0].name,
                                                maximise ? "greatest" : "least"),
                       .x_label = "trial",
                       .y_label = g->objective[0].name,
                       .log_y = log_scale(y, n)};
    return td_plot_points(&p, &cloud, svg, err);
}

static const char *axis_label(const td_goals *g, int objective, td_arena *a) {
    return td_arena_printf(a, "%s (%s)", g->objective[objective].name,
                           g->objective[objective].maximise ? "maximised" : "minimised");
}

typedef struct {
    double first; /* objective, as it is minimised */
    int trial;
} corner;

static int by_first(const void *a, const void *b) {
    double x = ((const corner *)a)->first, y = ((const corner *)b)->first;
    return (x > y) - (x < y);
}

static td_status draw_front(const td_blackbox *b, const td_trial_row *t, int n, td_arena *a,
                            td_text *svg, td_error *err) {
    const td_goals *g = td_blackbox_goals(b);
    int *pick = TD_NEW(a, int, n + 1), count = 0;
    corner *step = TD_NEW(a, corner, n + 1);
    double *x = TD_NEW(a, double, 2 * (n + 1)), *y = TD_NEW(a, double, 2 * (n + 1));
    bool *front = TD_NEW(a, bool, n + 1);
    if (pick == NULL || step == NULL || x == NULL || y == NULL || front == NULL)
        return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = td_problem_front(t, n, g, pick, &count, err);
    if (s != TD_OK || count == 0) return s;
    values_of(g, 0, t, n, x);
    values_of(g, 1, t, n, y);
    for (int i = 0; i < n; i++) front[i] = false;
    for (int i = 0; i < count; i++) {
        front[pick[i]] = true;
        step[i] = (corner){t[pick[i]].outcome.obj[0], pick[i]};
    }
    /* From the best of the first objective on: the second one of each holds until the next,
     * whichever way either goes. */
    qsort(step, (size_t)count, sizeof *step, by_first);
    for (int i = 0; i < count; i++) {
        x[n + i] = x[step[i].trial];
        y[n + i] = y[step[i].trial];
    }
    const td_plot_line line = {.x = x + n, .y = y + n, .n = count};
    const td_plot_cloud cloud = {.x = x, .y = y, .front = front, .n = n, .line = &line};
    const td_plot p = {.title =
                           td_arena_printf(a, "%s: the front of %s and %s", td_blackbox_name(b),
                                           g->objective[0].name, g->objective[1].name),
                       .x_label = axis_label(g, 0, a),
                       .y_label = axis_label(g, 1, a),
                       .log_x = log_scale(x, n),
                       .log_y = log_scale(y, n)};
    return td_plot_points(&p, &cloud, svg, err);
}

const char *td__report_problem_plot(const td_blackbox *b) {
    const int nobj = td_blackbox_goals(b)->nobj;
    return nobj == 1 ? "history.svg" : nobj == 2 ? "front.svg" : NULL;
}

td_status td__report_problem_draw(const td_blackbox *b, const td_trial_row *t, int n, td_text *svg,
                                  td_error *err) {
    td_arena *a = td_arena_create();
    td_status s = a == NULL                         ? td_fail(err, TD_E_MEMORY, "out of memory")
                  : td_blackbox_goals(b)->nobj == 1 ? draw_history(b, t, n, a, svg, err)
                                                    : draw_front(b, t, n, a, svg, err);
    td_arena_destroy(a);
    return s;
}

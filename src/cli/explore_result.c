#include "explore_result.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli_hw.h"
#include "tandem/space.h"

static int find_decision(const td_space *space, const td_node *doc, const char *name, td_arena *a) {
    const char *path = td_space_hw_path(a, doc, name);
    for (int i = 0; i < space->n; i++)
        if (strcasecmp(space->d[i].name, name) == 0) return i;
    for (int i = 0; path != NULL && i < space->n; i++)
        if (strcmp(space->d[i].name, path) == 0) return i;
    return -1;
}

td_status explore_heat_find(const explore_ask *q, const td_node *doc, const td_space *space,
                            td_arena *a, int pair[EXPLORE_MOST_HEAT][2], int *n, td_error *err) {
    enum { MOST = 64 };
    const char *known[MOST];
    int n_known = 0;
    *n = 0;
    for (int i = 0; i < space->n && i < MOST; i++) known[n_known++] = space->d[i].name;
    if (q->n_heat == 0 && space->n == 2) { /* there is but one */
        pair[0][0] = 0;
        pair[0][1] = 1;
        *n = 1;
    }
    for (int i = 0; i < q->n_heat; i++) {
        char *x = td_arena_strdup(a, q->heat[i]);
        char *y = x != NULL ? strchr(x, ',') : NULL;
        if (x == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
        if (y == NULL)
            return td_fail(err, TD_E_USAGE, "--heat: expected two parameters X,Y, found \"%s\"", x);
        *y++ = '\0';
        pair[i][0] = find_decision(space, doc, x, a);
        pair[i][1] = find_decision(space, doc, y, a);
        if (pair[i][0] < 0 || pair[i][1] < 0)
            return cli_unknown(err, TD_E_USAGE, "parameter that varies", pair[i][0] < 0 ? x : y,
                               known, n_known);
        if (pair[i][0] == pair[i][1])
            return td_fail(err, TD_E_USAGE,
                           "--heat: expected two different parameters, found \"%s\"", q->heat[i]);
        ++*n;
    }
    return TD_OK;
}

const char *explore_choice(const td_decision *d, double v, td_arena *a) {
    if (isnan(v)) return "-";
    if (d->label != NULL) return d->label[(int)v];
    const double x = d->value[(int)v]; /* in full: what is told is to be typed again */
    char number[32];
    if (x == rint(x) && fabs(x) < 1e15) return td_arena_printf(a, "%.0f", x);
    td_real_text(x, number);
    return td_arena_strdup(a, number);
}

/* ---- reading ----------------------------------------------------------------------------------
 */

static td_status read_choices(explore_result *x, td_arena *a, td_error *err) {
    x->choice = TD_NEW(a, td_choices, x->n + 1);
    if (x->choice == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = TD_OK;
    for (int i = 0; s == TD_OK && i < x->n; i++) {
        const td_node *doc;
        const char *text = x->trial[i].params;
        x->choice[i].v = TD_NEW(a, double, x->space->n + 1);
        if (x->choice[i].v == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
        s = td_json_parse(a, text, strlen(text), "study.db", 1, &doc, err);
        if (s == TD_OK) s = td_choices_from_node(x->space, doc, &x->choice[i], err);
    }
    return s;
}

static int by_latency(const void *a, const void *b, void *self) {
    const td_trial_row *t = self;
    const td_trial_row *p = &t[*(const int *)a], *q = &t[*(const int *)b];
    double u = p->metric[TD_METRIC_LATENCY], v = q->metric[TD_METRIC_LATENCY];
    return u < v ? -1 : u > v ? 1 : p->number < q->number ? -1 : 1;
}

static td_status find_front(explore_result *x, td_arena *a, td_error *err) {
    unsigned of = TD_OBJECTIVE(TD_METRIC_LATENCY) | TD_OBJECTIVE(TD_METRIC_ENERGY);
    if (x->with_area) of |= TD_OBJECTIVE(TD_METRIC_AREA);
    x->front = TD_NEW(a, int, x->n + 1);
    x->on_front = TD_NEW(a, bool, x->n + 1);
    if (x->front == NULL || x->on_front == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = td_trials_front(x->trial, x->n, of, x->front, &x->n_front, err);
    if (s != TD_OK) return s;
    qsort_r(x->front, (size_t)x->n_front, sizeof *x->front, by_latency, x->trial);
    for (int i = 0; i < x->n_front; i++) x->on_front[x->front[i]] = true;
    return TD_OK;
}

static td_status fill_heat(explore_result *x, int dx, int dy, int metric, td_arena *a,
                           td_error *err) {
    int nx = x->space->d[dx].n, ny = x->space->d[dy].n;
    explore_heat *h = &x->heat[x->n_heat++];
    *h = (explore_heat){dx, dy, metric, TD_NEW(a, double, nx *ny), TD_NEW(a, int64_t, nx * ny)};
    if (h->v == NULL || h->best == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < nx * ny; i++) {
        h->v[i] = NAN;
        h->best[i] = -1;
    }
    for (int i = 0; i < x->n; i++) {
        if (td_trial_result(&x->trial[i]) != TD_RESULT_MEETS) continue;
        const double *c = x->choice[i].v;
        int at = (int)c[dy] * nx + (int)c[dx];
        if (x->trial[i].metric[metric] >= h->v[at]) continue;
        h->v[at] = x->trial[i].metric[metric];
        h->best[at] = x->trial[i].number;
    }
    return TD_OK;
}

td_status explore_read(const explore_ask *q, const td_node *doc, const td_space *space, td_arena *a,
                       explore_result *x, td_error *err) {
    td_store *store = NULL;
    td_study_info *study;
    int n = 0, pair[EXPLORE_MOST_HEAT][2], pairs = 0;
    *x = (explore_result){.ask = q,
                          .doc = doc,
                          .space = space,
                          .with_area = cli_hw_area_follows(doc),
                          .heat = TD_NEW(a, explore_heat, 3 * EXPLORE_MOST_HEAT)};
    const char *path = td_arena_printf(a, "%s/study.db", q->search.out);
    if (x->heat == NULL || path == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = td_store_open(path, false, &store, err);
    if (s == TD_OK) s = td_store_studies(store, a, &study, &n, err);
    if (s == TD_OK && n != 1)
        s = td_fail(err, TD_E_STORE, "%s: expected one study, found %d", path, n);
    if (s == TD_OK) s = td_store_trials(store, study[0].name, a, &x->trial, &x->n, err);
    td_store_close(store);
    if (s == TD_OK) s = read_choices(x, a, err);
    if (s == TD_OK) s = find_front(x, a, err);
    if (s == TD_OK) s = explore_heat_find(q, doc, space, a, pair, &pairs, err);
    for (int i = 0; s == TD_OK && i < pairs; i++)
        for (int m = 0; s == TD_OK && m <= TD_METRIC_AREA; m++)
            if (m != TD_METRIC_AREA || x->with_area)
                s = fill_heat(x, pair[i][0], pair[i][1], m, a, err);
    td_text size = {0};
    for (int i = 0; i < x->n && s == TD_OK; i++) x->count[td_trial_result(&x->trial[i])]++;
    if (s == TD_OK) s = td_space_size(space, &size, err);
    if (s == TD_OK) x->whole = size.data != NULL && strtod(size.data, NULL) <= x->n;
    td_text_free(&size);
    return s;
}

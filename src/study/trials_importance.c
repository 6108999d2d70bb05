/* Importance of decisions for the trials of a study: a matrix of what was chosen, a value of what
 * came of it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "front.h"

/* The decisions of all trials in the order in which they appear, and what each trial chose: node
 * [n][d], NULL: not active there. */
typedef struct {
    int d, room;
    const char **name;
    const td_node **doc; /* [n] */
    double *x;           /* [n][d] */
    uint8_t *nominal;    /* [d] */
} table;

static int column(const table *t, const char *name) {
    int j = 0;
    while (j < t->d && strcmp(t->name[j], name) != 0) j++;
    return j;
}

static td_status add_names(table *t, const td_node *doc, td_arena *a, td_error *err) {
    for (int k = 0; k < doc->count; k++) {
        if (column(t, doc->item[k]->key) < t->d) continue;
        if (t->d == t->room) {
            int room = t->room > 0 ? 2 * t->room : 32;
            const char **wide = TD_NEW(a, const char *, room);
            if (wide == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
            if (t->d > 0) memcpy(wide, t->name, sizeof *wide * (size_t)t->d);
            t->name = wide;
            t->room = room;
        }
        t->name[t->d++] = doc->item[k]->key;
    }
    return TD_OK;
}

static td_status read_choices(const td_trial_row *row, int n, td_arena *a, table *t,
                              td_error *err) {
    *t = (table){.doc = TD_NEW(a, const td_node *, n + 1)};
    if (t->doc == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < n; i++) {
        td_error why = {0};
        td_status s =
            td_json_parse(a, row[i].params, strlen(row[i].params), "study.db", 1, &t->doc[i], &why);
        if (s == TD_E_MEMORY) return td_fail(err, TD_E_MEMORY, "out of memory");
        if (s != TD_OK || t->doc[i]->kind != TD_MAP)
            return td_fail(err, TD_E_STORE, "study.db: damaged (choices of trial %" PRId64 ")",
                           row[i].number);
        s = add_names(t, t->doc[i], a, err);
        if (s != TD_OK) return s;
    }
    return TD_OK;
}

static bool is_number(const td_node *v) {
    return v->kind == TD_INT || v->kind == TD_REAL;
}

/* Numbers as they stand if all of a column are; else the numbers of the words. */
static td_status fill_column(table *t, int n, int j, const char **word, td_error *err) {
    int words = 0;
    t->nominal[j] = 0;
    for (int i = 0; i < n; i++) {
        const td_node *v = td_node_find(t->doc[i], t->name[j]);
        if (v != NULL && !is_number(v)) t->nominal[j] = 1;
    }
    for (int i = 0; i < n; i++) {
        const td_node *v = td_node_find(t->doc[i], t->name[j]);
        double *x = &t->x[(size_t)i * (size_t)t->d + (size_t)j];
        *x = NAN;
        if (v == NULL) continue;
        if (!t->nominal[j]) {
            *x = v->real;
            continue;
        }
        if (v->text == NULL)
            return td_fail(err, TD_E_STORE, "study.db: damaged (choices of %s)", t->name[j]);
        int k = 0;
        while (k < words && strcmp(word[k], v->text) != 0) k++;
        if (k == words) word[words++] = v->text;
        *x = k;
    }
    return TD_OK;
}

static td_status fill(table *t, int n, td_arena *a, td_error *err) {
    const char **word = TD_NEW(a, const char *, n + 1);
    t->x = TD_NEW(a, double, (size_t)n *(size_t)t->d + 1);
    t->nominal = TD_NEW(a, uint8_t, t->d + 1);
    if (word == NULL || t->x == NULL || t->nominal == NULL)
        return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = TD_OK;
    for (int j = 0; s == TD_OK && j < t->d; j++) s = fill_column(t, n, j, word, err);
    return s;
}

/* ---- values ---------------------------------------------------------------------------------- */

/* A trial of a problem of one's own that has values: no design, which has a reward or a front. */
static bool is_of_problem(const td_trial_row *t, unsigned objectives) {
    return objectives == 0 && isnan(t->reward) && t->outcome.nobj > 0;
}

/* As a strategy is told it, but that the share of a whole evaluation is not known here: what went
 * further is before. False: it has none. */
static bool outcome_of(const td_trial_row *t, unsigned objectives, td_outcome *o) {
    const double went = t->state == TD_TRIAL_PRUNED ? (double)t->steps / (double)(t->steps + 1) : 1;
    if (is_of_problem(t, objectives)) {
        *o = t->outcome;
        o->fidelity = went;
        return true;
    }
    *o = (td_outcome){.state = TD_TRIAL_FAILED, .fidelity = 1};
    switch (td_trial_result(t)) {
    case TD_RESULT_STOPPED:
    case TD_RESULT_MEETS:
        *o = (td_outcome){.state = t->state, .nobj = 1, .obj = {-t->reward}, .fidelity = went};
        if (objectives != 0) o->nobj = td__front_point(objectives, t->accuracy, t->metric, o->obj);
        if (t->state == TD_TRIAL_PRUNED) o->con[o->ncon++] = t->violation;
        return true;
    case TD_RESULT_PRUNED:
        if (!(t->violation > 0)) return false;
        break;
    case TD_RESULT_MISSES: break;
    case TD_RESULT_UNBUILT: o->state = TD_TRIAL_INFEASIBLE; return true;
    case TD_RESULT_DIVERGES:
    case TD_RESULT_FAILED: return true;
    case TD_RESULT_READY:
    case TD_RESULT_RUNNING:
    case TD_NRESULT: return false;
    }
    *o =
        (td_outcome){.state = TD_TRIAL_INFEASIBLE, .ncon = 1, .con = {t->violation}, .fidelity = 1};
    return true;
}

/* What is to be small: a metric, the accuracy, or an objective of a problem. NAN: not known. */
static double one_value(const td_trial_row *t, unsigned objectives, int objective) {
    if (is_of_problem(t, objectives))
        return t->state == TD_TRIAL_DONE && objective < t->outcome.nobj ? t->outcome.obj[objective]
                                                                        : NAN;
    return objective == TD_OBJECTIVE_ACCURACY ? -t->accuracy : t->metric[objective];
}

/* value[i]: the place of trial i; equal ones have one place, but for those on a front, which are
 * told apart by how alone they stand. */
static td_status rank_trials(const td_trial_row *t, int n, unsigned objectives, double *value,
                             td_arena *a, td_error *err) {
    td_outcome *o = TD_NEW(a, td_outcome, n + 1);
    const td_outcome **at = TD_NEW(a, const td_outcome *, n + 1);
    int *place = TD_NEW(a, int, n + 1), *trial = TD_NEW(a, int, n + 1);
    int *by_place = TD_NEW(a, int, n + 1), m = 0;
    if (o == NULL || at == NULL || place == NULL || trial == NULL || by_place == NULL)
        return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < n; i++) {
        value[i] = NAN;
        if (!outcome_of(&t[i], objectives, &o[m])) continue;
        at[m] = &o[m];
        trial[m++] = i;
    }
    if (td_outcomes_rank(at, m, place) != TD_OK) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int k = 0; k < m; k++) by_place[place[k]] = k;
    for (int p = 0; p < m; p++) {
        bool tied = p > 0 && td_outcome_compare(at[by_place[p - 1]], at[by_place[p]]) == 0;
        tied = tied && (at[by_place[p]]->nobj < 2 || !td_outcome_feasible(at[by_place[p]]));
        value[trial[by_place[p]]] = tied ? value[trial[by_place[p - 1]]] : p;
    }
    return TD_OK;
}

static int by_share(const void *a, const void *b) {
    const td_decision_importance *p = a, *q = b;
    if (p->of.share != q->of.share) return p->of.share > q->of.share ? -1 : 1;
    return strcmp(p->name, q->name);
}

/* Of the trials that were looked at: column 0 of a table in which all have all. */
static td_status count(const double *value, int n, double quantile, td_trials_importance *out,
                       td_arena *a, td_error *err) {
    double *nothing = TD_NEW(a, double, n + 1);
    td_importance all;
    if (nothing == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < n; i++) nothing[i] = 0;
    td_status s = td_importance_of(nothing, n, 1, NULL, value, quantile, &all, err);
    out->trials = all.rows;
    out->good = all.good;
    return s;
}

td_status td_trials_importance_of(const td_trial_row *t, int n, unsigned objectives, int objective,
                                  double quantile, td_arena *a, td_trials_importance *out,
                                  td_error *err) {
    table m;
    *out = (td_trials_importance){0};
    double *value = TD_NEW(a, double, n + 1);
    td_status s =
        value != NULL ? read_choices(t, n, a, &m, err) : td_fail(err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK) s = fill(&m, n, a, err);
    if (s == TD_OK && objective < 0) s = rank_trials(t, n, objectives, value, a, err);
    for (int i = 0; objective >= 0 && i < n; i++)
        value[i] = one_value(&t[i], objectives, objective);
    if (s == TD_OK) s = count(value, n, quantile, out, a, err);
    if (s != TD_OK) return s;
    td_importance *of = TD_NEW(a, td_importance, m.d + 1);
    out->decision = TD_NEW(a, td_decision_importance, m.d + 1);
    if (of == NULL || out->decision == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    s = td_importance_of(m.x, n, m.d, m.nominal, value, quantile, of, err);
    for (int j = 0; s == TD_OK && j < m.d; j++)
        out->decision[out->n++] = (td_decision_importance){m.name[j], of[j]};
    if (out->n > 0) qsort(out->decision, (size_t)out->n, sizeof *out->decision, by_share);
    return s;
}

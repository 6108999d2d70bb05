/* report_problem.c - trials of a problem of somebody's own: objectives and constraints by their
 * names, as they were answered. */
#include <inttypes.h>
#include <string.h>

#include "report_bits.h"

static int chosen(const int *pick, int i) {
    return pick != NULL ? pick[i] : i;
}

static const char *state_text(const td_trial_row *t) {
    switch (t->state) {
    case TD_TRIAL_READY: return "ready";
    case TD_TRIAL_RUNNING: return "running";
    case TD_TRIAL_DONE: return t->feasible ? "done" : "misses constraints";
    case TD_TRIAL_PRUNED: return "stopped early";
    case TD_TRIAL_FAILED: return "failed";
    case TD_TRIAL_INFEASIBLE: return "infeasible";
    }
    return "?";
}

/* One that was stopped early has what it had come to. */
static bool has_values(const td_trial_row *t) {
    return t->state == TD_TRIAL_DONE || t->state == TD_TRIAL_PRUNED;
}

/* Value i of a trial: objectives, then constraints; NAN: there is none. */
static double value_of(const td_goals *g, const td_trial_row *t, int i) {
    if (!has_values(t)) return NAN;
    if (i < g->nobj) return i < t->outcome.nobj ? td_goals_value(g, i, t->outcome.obj[i]) : NAN;
    return i - g->nobj < t->outcome.ncon ? t->told[i - g->nobj] : NAN;
}

static const char *name_of(const td_goals *g, int i) {
    return i < g->nobj ? g->objective[i].name : g->constraint[i - g->nobj].name;
}

static td_status parse_params(const td_trial_row *t, td_arena *a, const td_node **doc,
                              td_error *err) {
    td_status s = td_json_parse(a, t->params, strlen(t->params), "study.db", 1, doc, NULL);
    if (s == TD_E_MEMORY || (s == TD_OK && (*doc)->kind == TD_MAP)) return s;
    return td_fail(err, TD_E_STORE, "study.db: damaged (parameters of trial %" PRId64 ")",
                   t->number);
}

/* "  n1 13, R 42.0984": reals shortened. */
static void add_parameters(const td_trial_row *t, td_text *out) {
    const td_node *doc;
    td_arena *a = td_arena_create();
    if (a != NULL && parse_params(t, a, &doc, NULL) == TD_OK)
        for (int i = 0; i < doc->count; i++) {
            const td_node *x = doc->item[i];
            td_text_addf(out, "%s%s ", i == 0 ? "  " : ", ", x->key);
            if (x->kind == TD_REAL)
                td_text_addf(out, "%.6g", x->real);
            else
                td_text_add(out, x->text != NULL ? x->text : "");
        }
    td_arena_destroy(a);
}

void td_report_problem_table(const td_goals *g, const td_trial_row *t, const int *pick, int npick,
                             td_text *out) {
    td_text_addf(out, "%6s  %-18s", "trial", "state");
    for (int i = 0; i < g->nobj + g->ncon; i++) td_text_addf(out, " %12s", name_of(g, i));
    td_text_add(out, "  parameters\n");
    for (int k = 0; k < npick; k++) {
        const td_trial_row *r = &t[chosen(pick, k)];
        td_text_addf(out, "%6" PRId64 "  %-18s", r->number, state_text(r));
        for (int i = 0; i < g->nobj + g->ncon; i++) {
            double v = value_of(g, r, i);
            int width = (int)strlen(name_of(g, i));
            if (width < 12) width = 12;
            if (isnan(v))
                td_text_addf(out, " %*s", width, "-");
            else
                td_text_addf(out, " %*.6g", width, v);
        }
        add_parameters(r, out);
        td_text_addf(out, "%s%s\n", r->error != NULL ? "; " : "", r->error != NULL ? r->error : "");
    }
}

td_status td_report_problem_csv(const td_goals *g, const td_trial_row *t, int n, const int *pick,
                                int npick, td_text *out, td_error *err) {
    td_node *names = NULL;
    td_arena *a = td_arena_create(), *scratch = td_arena_create();
    td_status s = a != NULL && scratch != NULL ? td_report_decisions(t, n, a, &names, err)
                                               : td_fail(err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK) {
        td_text_add(out, "number,state,feasible");
        for (int i = 0; i < g->nobj + g->ncon; i++) {
            td_text_add(out, ",");
            td_report_csv_field(out, name_of(g, i));
        }
        for (int i = 0; i < names->count; i++) {
            td_text_add(out, ",");
            td_report_csv_field(out, names->item[i]->text);
        }
        td_text_add(out, ",reason\r\n");
    }
    for (int k = 0; s == TD_OK && k < npick; k++) {
        const td_trial_row *r = &t[chosen(pick, k)];
        const td_node *doc;
        td_arena_reset(scratch);
        if ((s = parse_params(r, scratch, &doc, err)) != TD_OK) break;
        td_text_addf(out, "%" PRId64 ",%s,%d", r->number, state_text(r), r->feasible);
        for (int i = 0; i < g->nobj + g->ncon; i++) {
            char text[32] = "";
            double v = value_of(g, r, i);
            if (!isnan(v)) td_real_text(v, text);
            td_text_addf(out, ",%s", text);
        }
        for (int i = 0; i < names->count; i++) {
            const td_node *x = td_node_find(doc, names->item[i]->text);
            td_text_add(out, ",");
            if (x != NULL && x->text != NULL) td_report_csv_field(out, x->text);
        }
        td_text_add(out, ",");
        td_report_csv_field(out, r->error != NULL ? r->error : "");
        td_text_add(out, "\r\n");
    }
    td_arena_destroy(scratch);
    td_arena_destroy(a);
    return s == TD_OK && out->failed ? td_fail(err, TD_E_MEMORY, "out of memory") : s;
}

static td_node *copy_scalar(td_arena *a, const td_node *x) {
    switch (x->kind) {
    case TD_BOOL: return td_node_bool(a, x->boolean);
    case TD_INT: return td_node_int(a, x->integer);
    case TD_REAL: return td_node_real(a, x->real);
    case TD_STRING: return td_node_string(a, x->text);
    default: return td_node_null(a);
    }
}

td_node *td_report_problem_node(const td_goals *g, const td_trial_row *t, const int *pick,
                                int npick, td_arena *a) {
    td_node *list = td_node_list(a);
    for (int k = 0; k < npick; k++) {
        const td_trial_row *r = &t[chosen(pick, k)];
        const td_node *doc;
        td_node *m = td_node_push(a, list, td_node_map(a)), *group = NULL;
        td_node_put_int(a, m, "trial", r->number);
        td_node_put_string(a, m, "state", state_text(r));
        td_node_put_bool(a, m, "feasible", r->feasible);
        if (r->enqueued) td_node_put_bool(a, m, "enqueued", true);
        for (int i = 0; has_values(r) && i < g->nobj + g->ncon; i++) {
            if (i == 0 || i == g->nobj)
                group = td_node_put(a, m, i == 0 ? "objectives" : "constraints", td_node_map(a));
            td_node_put_real(a, group, name_of(g, i), value_of(g, r, i));
        }
        if (parse_params(r, a, &doc, NULL) == TD_OK) {
            group = td_node_put(a, m, "parameters", td_node_map(a));
            for (int i = 0; i < doc->count; i++)
                td_node_put(a, group, doc->item[i]->key, copy_scalar(a, doc->item[i]));
        }
        if (r->error != NULL) td_node_put_string(a, m, "reason", r->error);
    }
    return list;
}

void td_report_problem_parameters(const td_trial_row *t, td_text *out) {
    const td_node *doc;
    td_arena *a = td_arena_create();
    if (a != NULL && parse_params(t, a, &doc, NULL) == TD_OK)
        for (int i = 0; i < doc->count; i++)
            td_text_addf(out, "        %-18s %s\n", doc->item[i]->key,
                         doc->item[i]->text != NULL ? doc->item[i]->text : "");
    td_arena_destroy(a);
}

/* ---- the results folder ---------------------------------------------------------------------- */

static td_status write_text(const char *out, const char *name, td_text *t, td_arena *a,
                            td_error *err) {
    const char *path = td_arena_printf(a, "%s/%s", out, name);
    td_status s = t->failed || path == NULL
                      ? td_fail(err, TD_E_MEMORY, "out of memory")
                      : td_file_write(path, t->data != NULL ? t->data : "", t->size, err);
    td_text_free(t);
    return s;
}

static td_status write_json(const td_node *n, const char *out, const char *name, td_arena *a,
                            td_error *err) {
    td_text t = {0};
    td_node_to_json(n, 2, &t);
    td_text_add(&t, "\n");
    return write_text(out, name, &t, a, err);
}

td_status td_report_problem_write(const td_blackbox *b, const td_trial_row *t, int n,
                                  const char *out, td_error *err) {
    const td_goals *g = td_blackbox_goals(b);
    td_text text = {0};
    td_arena *a = td_arena_create();
    int *pick = a != NULL ? TD_NEW(a, int, n + 1) : NULL, count = 0;
    td_status s = pick != NULL ? td_report_problem_csv(g, t, n, NULL, n, &text, err)
                               : td_fail(err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK) s = write_text(out, "trials.csv", &text, a, err);
    if (s == TD_OK) {
        td_text_add(&text, td_blackbox_text(b));
        s = write_text(out, "problem.yaml", &text, a, err);
    }
    if (s == TD_OK && g->nobj == 1) {
        int best = td_problem_best(t, n);
        pick[0] = best;
        if (best >= 0)
            s = write_json(td_report_problem_node(g, t, pick, 1, a)->item[0], out, "best.json", a,
                           err);
    } else if (s == TD_OK) {
        s = td_problem_front(t, n, g, pick, &count, err);
        if (s == TD_OK) s = td_report_problem_csv(g, t, n, pick, count, &text, err);
        if (s == TD_OK) s = write_text(out, "front.csv", &text, a, err);
        if (s == TD_OK)
            s = write_json(td_report_problem_node(g, t, pick, count, a), out, "front.json", a, err);
    }
    const char *plot = td__report_problem_plot(b);
    if (s == TD_OK && plot != NULL) s = td__report_problem_draw(b, t, n, &text, err);
    if (s == TD_OK && text.size > 0) s = write_text(out, plot, &text, a, err);
    td_text_free(&text);
    td_arena_destroy(a);
    return s;
}

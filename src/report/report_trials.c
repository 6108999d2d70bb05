/* report_trials.c - trials as CSV, JSON and a table. */
#include <inttypes.h>
#include <string.h>

#include "tandem/report.h"

static int chosen(const int *pick, int i) {
    return pick != NULL ? pick[i] : i;
}

void td_report_csv_field(td_text *t, const char *s) {
    if (strpbrk(s, ",\"\r\n") == NULL) {
        td_text_add(t, s);
        return;
    }
    td_text_add(t, "\"");
    for (; *s != '\0'; s++) {
        if (*s == '"') td_text_add(t, "\"");
        td_text_add_bytes(t, s, 1);
    }
    td_text_add(t, "\"");
}

/* Unknown values are empty fields. */
static void csv_real(td_text *t, double v) {
    char text[32];
    if (isfinite(v)) {
        td_real_text(v, text);
        td_text_add(t, text);
    }
}

static td_status parse_params(const td_trial_row *t, td_arena *a, const td_node **doc,
                              td_error *err) {
    td_error why = {0};
    td_status s = td_json_parse(a, t->params, strlen(t->params), "study.db", 1, doc, &why);
    if (s == TD_E_MEMORY || (s == TD_OK && (*doc)->kind == TD_MAP)) return s;
    return td_fail(err, TD_E_STORE, "study.db: damaged (choices of trial %" PRId64 ")", t->number);
}

/* A name before another one of the list (NULL: at its end). */
static td_status insert_name(td_node *names, const char *name, const char *next, td_arena *a,
                             td_error *err) {
    int at = names->count;
    while (at > 0 && next != NULL && strcmp(names->item[at - 1]->text, next) != 0) at--;
    if (next != NULL) at--;
    if (td_node_push(a, names, td_node_string(a, name)) == NULL)
        return td_fail(err, TD_E_MEMORY, "out of memory");
    td_node *added = names->item[names->count - 1];
    for (int i = names->count - 1; i > at; i--) names->item[i] = names->item[i - 1];
    names->item[at] = added;
    return TD_OK;
}

td_status td_report_decisions(const td_trial_row *t, int n, td_arena *a, td_node **out,
                              td_error *err) {
    td_node *names = td_node_list(a), *known = td_node_map(a);
    td_arena *scratch = td_arena_create();
    td_status s = names == NULL || known == NULL || scratch == NULL
                      ? td_fail(err, TD_E_MEMORY, "out of memory")
                      : TD_OK;
    for (int i = 0; s == TD_OK && i < n; i++) {
        const td_node *doc;
        td_arena_reset(scratch);
        s = parse_params(&t[i], scratch, &doc, err);
        for (int k = s == TD_OK ? doc->count - 1 : -1; s == TD_OK && k >= 0; k--) {
            const char *key = doc->item[k]->key;
            if (td_node_find(known, key) != NULL) continue;
            td_node_put_bool(a, known, td_arena_strdup(a, key), true);
            s = insert_name(names, key, k + 1 < doc->count ? doc->item[k + 1]->key : NULL, a, err);
        }
    }
    td_arena_destroy(scratch);
    *out = names;
    return s;
}

void td_report_trials_header(const td_node *names, td_text *out) {
    td_text_add(out, "row,number,state,meets_targets,trained,accuracy,reward,latency_us,energy_uj,"
                     "area_mm2,power_mw,violation");
    for (int i = 0; i < names->count; i++) {
        td_text_add(out, ",");
        td_report_csv_field(out, names->item[i]->text);
    }
    td_text_add(out, ",reason\r\n");
}

td_status td_report_trials_csv(const char *study, const td_trial_row *t, int n, const int *pick,
                               int npick, const td_node *names, td_text *out, td_error *err) {
    if (pick == NULL) npick = n;
    td_arena *a = td_arena_create();
    td_status s = a == NULL ? td_fail(err, TD_E_MEMORY, "out of memory") : TD_OK;
    for (int i = 0; s == TD_OK && i < npick; i++) {
        const td_trial_row *r = &t[chosen(pick, i)];
        const td_node *doc;
        td_arena_reset(a);
        if ((s = parse_params(r, a, &doc, err)) != TD_OK) break;
        td_report_csv_field(out, study);
        td_text_addf(out, ",%" PRId64 ",%s,%d,%d,", r->number, td_result_text(td_trial_result(r)),
                     r->feasible, r->trained);
        const double v[] = {r->accuracy,
                            r->reward,
                            r->metric[TD_METRIC_LATENCY] * 1e6,
                            r->metric[TD_METRIC_ENERGY] * 1e6,
                            r->metric[TD_METRIC_AREA],
                            r->metric[TD_METRIC_POWER] * 1e3,
                            r->violation};
        for (size_t k = 0; k < sizeof v / sizeof v[0]; k++) {
            csv_real(out, v[k]);
            td_text_add(out, ",");
        }
        for (int k = 0; k < names->count; k++) {
            const td_node *x = td_node_find(doc, names->item[k]->text);
            if (x != NULL && x->text != NULL) td_report_csv_field(out, x->text);
            td_text_add(out, ",");
        }
        td_report_csv_field(out, r->error != NULL ? r->error : "");
        td_text_add(out, "\r\n");
    }
    td_arena_destroy(a);
    return s == TD_OK && out->failed ? td_fail(err, TD_E_MEMORY, "out of memory") : s;
}

static void put_known(td_arena *a, td_node *m, const char *key, double v) {
    td_node_put(a, m, key, isfinite(v) ? td_node_real(a, v) : td_node_null(a));
}

td_node *td_report_trials_node(const td_trial_row *t, int n, const int *pick, int npick,
                               td_arena *a) {
    td_node *list = td_node_list(a);
    for (int i = 0; i < (pick != NULL ? npick : n); i++) {
        const td_trial_row *r = &t[chosen(pick, i)];
        const td_node *doc = NULL;
        td_node *m = td_node_push(a, list, td_node_map(a));
        td_node_put_int(a, m, "number", r->number);
        td_node_put_string(a, m, "state", td_result_text(td_trial_result(r)));
        td_node_put_bool(a, m, "meets_targets", r->feasible);
        td_node_put_bool(a, m, "trained", r->trained);
        if (r->enqueued) td_node_put_bool(a, m, "enqueued", true);
        put_known(a, m, "accuracy", r->accuracy);
        put_known(a, m, "reward", r->reward);
        for (int k = 0; k < TD_NMETRIC; k++)
            put_known(a, m, td_metric_list()[k].si_key, r->metric[k]);
        put_known(a, m, "violation", r->violation);
        if (parse_params(r, a, &doc, NULL) == TD_OK) {
            td_node *choices = td_node_put(a, m, "choices", td_node_map(a));
            for (int k = 0; k < doc->count; k++) {
                const td_node *x = doc->item[k];
                td_node *copy = x->kind == TD_STRING ? td_node_string(a, x->text)
                                : x->kind == TD_INT  ? td_node_int(a, x->integer)
                                : x->kind == TD_BOOL ? td_node_bool(a, x->boolean)
                                                     : td_node_real(a, x->real);
                td_node_put(a, choices, x->key, copy);
            }
        }
        if (r->error != NULL) td_node_put_string(a, m, "reason", r->error);
    }
    return list;
}

static void cell(td_text *t, const char *format, double v) {
    if (isfinite(v))
        td_text_addf(t, format, v);
    else
        td_text_addf(t, " %9s", "-");
}

void td_report_trials_table(const td_trial_row *t, int n, const int *pick, int npick,
                            td_text *out) {
    td_text_addf(out, "%6s  %-17s %9s %9s %9s %9s %9s %9s  %s\n", "trial", "state", "accuracy",
                 "reward", "us", "uJ", "mm2", "mW", "reason");
    for (int i = 0; i < (pick != NULL ? npick : n); i++) {
        const td_trial_row *r = &t[chosen(pick, i)];
        td_text_addf(out, "%6" PRId64 "  %-17s", r->number, td_result_text(td_trial_result(r)));
        cell(out, " %7.2f %%", 100 * r->accuracy);
        cell(out, " %9.4f", r->reward);
        cell(out, " %9.2f", r->metric[TD_METRIC_LATENCY] * 1e6);
        cell(out, " %9.3f", r->metric[TD_METRIC_ENERGY] * 1e6);
        cell(out, " %9.3f", r->metric[TD_METRIC_AREA]);
        cell(out, " %9.3f", r->metric[TD_METRIC_POWER] * 1e3);
        td_text_addf(out, "  %s\n", r->error != NULL ? r->error : "");
    }
}

/* report_nested.c - the second level of a nested search: what became of each layer. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "report_bits.h"

static const char *value_name(const td_blackbox *b) {
    return td_blackbox_goals(b)->objective[0].name;
}

static double sum_of(const td_nested_layer *layer, const td_inner_row *row, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (double)layer[row[i].layer].count * row[i].value;
    return sum;
}

static double gap_of(const td_inner_row *r) {
    return isnan(r->bound) ? NAN : fmax(r->value / r->bound - 1, 0);
}

static void add_percent(td_text *out, double share) {
    if (isnan(share))
        td_text_addf(out, " %8s", "-");
    else
        td_text_addf(out, " %6.1f %%", 100 * share);
}

void td_report_inner_table(const td_blackbox *b, const td_inner_row *row, int n, td_text *out) {
    int all;
    const td_nested_layer *layer = td_blackbox_layers(b, &all);
    const double sum = sum_of(layer, row, n);
    td_text_addf(out, "%-28s %5s %14s %8s %12s %12s %7s %12s %8s\n", "layer", "times",
                 value_name(b), "share", "cycles", "pJ", "trials", "drawn", "gap");
    for (int i = 0; i < n; i++) {
        const td_inner_row *r = &row[i];
        const td_nested_layer *l = &layer[r->layer];
        td_text_addf(out, "%-28.60s %5lld ", l->name, (long long)l->count);
        if (!r->found) {
            td_text_addf(out, "%s\n", r->error);
            continue;
        }
        td_text_addf(out, "%14.5g", r->value);
        add_percent(out, (double)l->count * r->value / sum);
        td_text_addf(out, " %12lld %12.5g %7lld", (long long)r->cycles, r->pj,
                     (long long)r->trials);
        if (r->drawn > 0)
            td_text_addf(out, " %12lld", (long long)r->drawn);
        else /* the mapper draws none */
            td_text_addf(out, " %12s", "-");
        add_percent(out, gap_of(r));
        td_text_add(out, "\n");
    }
}

void td_report_inner_csv(const td_blackbox *b, const td_inner_row *row, int n, td_text *out) {
    int all;
    const td_nested_layer *layer = td_blackbox_layers(b, &all);
    td_text_addf(out, "layer,problem,count,%s,bound,cycles,pj,trials,drawn,reason\r\n",
                 value_name(b));
    for (int i = 0; i < n; i++) {
        const td_inner_row *r = &row[i];
        const td_nested_layer *l = &layer[r->layer];
        char text[160], value[32] = "", bound[32] = "", pj[32] = "";
        td_problem_text(&l->problem, text, sizeof text);
        td_report_csv_field(out, l->name);
        td_text_add(out, ",");
        td_report_csv_field(out, text);
        if (r->found) {
            td_real_text(r->value, value);
            td_real_text(r->pj, pj);
            if (!isnan(r->bound)) td_real_text(r->bound, bound);
        }
        td_text_addf(out, ",%lld,%s,%s,", (long long)l->count, value, bound);
        if (r->found) td_text_addf(out, "%lld", (long long)r->cycles);
        td_text_addf(out, ",%s,%lld,%lld,", pj, (long long)r->trials, (long long)r->drawn);
        td_report_csv_field(out, r->error != NULL ? r->error : "");
        td_text_add(out, "\r\n");
    }
}

static td_node *parsed(const char *text, td_arena *a) {
    const td_node *n;
    bool good =
        text != NULL && td_json_parse(a, text, strlen(text), "study.db", 1, &n, NULL) == TD_OK;
    return good ? (td_node *)n : td_node_null(a);
}

td_node *td_report_inner_node(const td_blackbox *b, const td_inner_row *row, int n, td_arena *a) {
    int all;
    const td_nested_layer *layer = td_blackbox_layers(b, &all);
    td_node *list = td_node_list(a);
    for (int i = 0; i < n; i++) {
        const td_inner_row *r = &row[i];
        char text[160];
        td_problem_text(&layer[r->layer].problem, text, sizeof text);
        td_node *m = td_node_push(a, list, td_node_map(a));
        td_node_put_string(a, m, "layer", layer[r->layer].name);
        td_node_put_string(a, m, "problem", text);
        td_node_put_int(a, m, "count", layer[r->layer].count);
        if (r->found) {
            td_node_put_real(a, m, value_name(b), r->value);
            if (!isnan(r->bound)) td_node_put_real(a, m, "bound", r->bound);
            td_node_put_int(a, m, "cycles", r->cycles);
            td_node_put_real(a, m, "pj", r->pj);
        } else {
            td_node_put_string(a, m, "reason", r->error != NULL ? r->error : "");
        }
        td_node_put_int(a, m, "trials", r->trials);
        td_node_put_int(a, m, "drawn", r->drawn);
        if (r->found) td_node_put(a, m, "curve", parsed(r->curve, a));
        const td_node *part = r->found ? parsed(r->mapping, a) : NULL;
        const td_node *mapping = part != NULL ? td_node_find(part, "mapping") : NULL;
        if (mapping != NULL) td_node_put(a, m, "mapping", (td_node *)mapping);
    }
    return list;
}

static td_status write_file(const char *out, const char *name, const td_text *t, td_arena *a,
                            td_error *err) {
    const char *path = td_arena_printf(a, "%s/best/%s", out, name);
    if (t->failed || t->data == NULL || path == NULL)
        return td_fail(err, TD_E_MEMORY, "out of memory");
    return td_file_write(path, t->data, t->size, err);
}

/* A line that `tandem cost` takes. */
static td_status add_case(const td_nested_layer *l, const td_inner_row *r, const td_hw *hw,
                          td_arena *a, td_text *out, td_error *err) {
    td_case *c = TD_NEW(a, td_case, 1);
    if (c == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    c->problem = l->problem;
    c->hw = *hw;
    snprintf(c->name, sizeof c->name, "%s", l->name);
    const td_node *part = parsed(r->mapping, a);
    td_node *n = td_case_to_node(c, a);
    if (n == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < part->count; i++) td_node_put(a, n, part->item[i]->key, part->item[i]);
    td_node_to_json(n, 0, out);
    td_text_add(out, "\n");
    return TD_OK;
}

td_status td_report_nested_write(const td_blackbox *b, const td_trial_row *best,
                                 const td_inner_row *row, int n, const char *out, td_error *err) {
    int all;
    const td_nested_layer *layer = td_blackbox_layers(b, &all);
    td_text yaml = {0}, lines = {0}, csv = {0};
    td_node *description = NULL;
    td_hw *hw;
    td_arena *a = td_arena_create();
    if (a == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    const char *folder = td_arena_printf(a, "%s/best", out);
    hw = TD_NEW(a, td_hw, 1);
    td_status s = folder != NULL && hw != NULL ? td_dir_make(folder, err)
                                               : td_fail(err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK) s = td_blackbox_accelerator(b, best->params, a, hw, &description, err);
    if (s == TD_OK) {
        td_node_to_yaml(description != NULL ? description : td_hw_to_node(hw, a), &yaml);
        s = write_file(out, "accelerator.yaml", &yaml, a, err);
    }
    for (int i = 0; s == TD_OK && i < n; i++)
        if (row[i].found) s = add_case(&layer[row[i].layer], &row[i], hw, a, &lines, err);
    if (s == TD_OK) s = write_file(out, "mappings.jsonl", &lines, a, err);
    td_report_inner_csv(b, row, n, &csv);
    if (s == TD_OK) s = write_file(out, "layers.csv", &csv, a, err);
    td_text_free(&csv);
    td_text_free(&lines);
    td_text_free(&yaml);
    td_arena_destroy(a);
    return s;
}

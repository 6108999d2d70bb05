/* report_write.c - the results folder. Each file is replaced whole, so that readers see an old or a
 * new one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tandem/report.h"

static td_status write_text(const char *out, const char *name, const td_text *t, td_error *err) {
    char path[1200];
    if (t->failed) return td_fail(err, TD_E_MEMORY, "out of memory");
    snprintf(path, sizeof path, "%s/%s", out, name);
    return td_file_write(path, t->data != NULL ? t->data : "", t->size, err);
}

static td_status write_node(const char *out, const char *name, const td_node *n, bool yaml,
                            td_error *err) {
    td_text t = {0};
    if (n == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    if (yaml)
        td_node_to_yaml(n, &t);
    else {
        td_node_to_json(n, 1, &t);
        td_text_add(&t, "\n");
    }
    td_status s = write_text(out, name, &t, err);
    td_text_free(&t);
    return s;
}

static td_status write_best(const td_run_summary *s, const char *out, td_arena *a, td_error *err) {
    if (s->best < 0) return TD_OK;
    const td_result_row *b = &s->row[s->best];
    char path[1200];
    snprintf(path, sizeof path, "%s/best", out);
    td_status st = td_dir_make(path, err);
    if (st == TD_OK)
        st = write_node(out, "best/network.yaml", td_net_to_node(b->design.net, a), true, err);
    if (st == TD_OK)
        st = write_node(out, "best/accelerator.yaml",
                        b->design.hw_node != NULL ? b->design.hw_node
                                                  : td_hw_to_node(&b->design.hw, a),
                        true, err);
    if (st == TD_OK)
        st = write_node(out, "best/schedule.json",
                        td_schedule_to_node(b->design.net, &b->design.hw, &b->schedule, a), false,
                        err);
    if (st == TD_OK && b->weights != NULL) {
        snprintf(path, sizeof path, "%s/best/weights.bin", out);
        st = td_weights_save(b->weights, b->design.net, path, err);
        snprintf(path, sizeof path, "%s/best/network.onnx", out);
        if (st == TD_OK) st = td_onnx_write(b->design.net, b->weights, s->mean, s->std, path, err);
    }
    return st;
}

/* All studies in one table; of each study its own front. */
static td_status write_trials(const td_run_summary *s, td_store *store, const char *out,
                              td_arena *a, td_error *err) {
    td_trial_row *t[TD_MAX_ROWS], *all;
    int n[TD_MAX_ROWS], total = 0, at = 0;
    td_node *names = NULL;
    td_text trials = {0}, pareto = {0};
    td_status st = TD_OK;
    for (int i = 0; st == TD_OK && i < s->n; i++) {
        st = td_store_trials(store, s->row[i].name, a, &t[i], &n[i], err);
        if (st == TD_OK) total += n[i];
    }
    if (st != TD_OK) return st;
    all = TD_NEW(a, td_trial_row, total + 1);
    if (all == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < s->n; i++)
        for (int k = 0; k < n[i]; k++) all[at++] = t[i][k];
    st = td_report_decisions(all, total, a, &names, err);
    if (st == TD_OK) td_report_trials_header(names, &trials);
    if (st == TD_OK) td_report_trials_header(names, &pareto);
    for (int i = 0; st == TD_OK && i < s->n; i++) {
        int *front = TD_NEW(a, int, n[i] + 1), count = 0;
        if (front == NULL) st = td_fail(err, TD_E_MEMORY, "out of memory");
        if (st == TD_OK)
            st = td_report_trials_csv(s->row[i].name, t[i], n[i], NULL, 0, names, &trials, err);
        if (st == TD_OK) st = td_trials_pareto(t[i], n[i], front, &count, err);
        if (st == TD_OK && count > 0)
            st =
                td_report_trials_csv(s->row[i].name, t[i], n[i], front, count, names, &pareto, err);
    }
    if (st == TD_OK) st = write_text(out, "trials.csv", &trials, err);
    if (st == TD_OK) st = write_text(out, "pareto.csv", &pareto, err);
    td_text_free(&trials);
    td_text_free(&pareto);
    return st;
}

td_status td_report_write(const td_recipe *r, const td_run_summary *s, const char *out,
                          td_error *err) {
    char path[1200];
    td_store *store = NULL;
    td_arena *a = td_arena_create();
    if (a == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    snprintf(path, sizeof path, "%s/recipe.yaml", out);
    td_status st = td_file_write(path, td_recipe_text(r), strlen(td_recipe_text(r)), err);
    if (st == TD_OK) st = write_best(s, out, a, err);
    snprintf(path, sizeof path, "%s/study.db", out);
    if (st == TD_OK) st = td_store_open(path, false, &store, err);
    if (st == TD_OK) st = write_trials(s, store, out, a, err);
    if (st == TD_OK)
        st = write_node(out, "summary.json", td_report_summary_node(r, s, a), false, err);
    td_store_close(store);
    td_arena_destroy(a);
    return st;
}

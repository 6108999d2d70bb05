/* report_write.c - the results folder. Each file is replaced whole, so that readers see an old or a
 * new one. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tandem/report.h"

static td_status write_text(const char *path, const td_text *t, td_error *err) {
    if (t->failed || path == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    return td_file_write(path, t->data != NULL ? t->data : "", t->size, err);
}

static td_status write_node(const char *path, const td_node *n, bool yaml, td_error *err) {
    td_text t = {0};
    if (n == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    if (yaml)
        td_node_to_yaml(n, &t);
    else {
        td_node_to_json(n, 1, &t);
        td_text_add(&t, "\n");
    }
    td_status s = write_text(path, &t, err);
    td_text_free(&t);
    return s;
}

/* A file of an earlier run that this one does not make would lie about its neighbours. */
static td_status remove_old(const char *path, td_error *err) {
    if (unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR) return TD_OK;
    return td_fail(err, TD_E_IO, "%s: cannot remove: %s", path, strerror(errno));
}

/* ---- pairs ----------------------------------------------------------------------------------- */

enum { WEIGHTS, ONNX, QDQ, NETWORK, ACCELERATOR, SCHEDULE, PAIR_FILES };
static const char *const pair_file[PAIR_FILES] = {"weights.bin",      "network.onnx",
                                                  "network.qdq.onnx", "network.yaml",
                                                  "accelerator.yaml", "schedule.json"};

/* What a folder holds. No net: the accelerator alone. No hw: nothing. */
typedef struct {
    const td_net *net;
    const td_weights *weights; /* NULL: not trained */
    const td_quantised *quantised;
    const td_schedule *schedule;
    const td_design *design; /* its accelerator */
} pair;

/* The files of a pair; those that stand there of an earlier run and are not of this one go. */
static td_status write_pair(const td_run_summary *s, const pair *p, const char *dir, td_arena *a,
                            td_error *err) {
    const char *path[PAIR_FILES];
    bool found = p->design != NULL, net = found && p->net != NULL;
    bool trained = net && p->weights != NULL;
    bool integers = trained && p->quantised != NULL;
    const bool there[PAIR_FILES] = {trained, trained, integers, net, found, net};
    td_status st = found ? td_dir_make(dir, err) : TD_OK;
    for (int i = 0; st == TD_OK && i < PAIR_FILES; i++) {
        path[i] = td_arena_printf(a, "%s/%s", dir, pair_file[i]);
        if (path[i] == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
        if (!there[i]) st = remove_old(path[i], err);
    }
    if (st != TD_OK || !found) return st;
    const td_design *d = p->design;
    if (trained) st = td_weights_save(p->weights, p->net, path[WEIGHTS], err);
    if (st == TD_OK && trained)
        st = td_onnx_write(p->net, p->weights, s->mean, s->std, path[ONNX], err);
    if (st == TD_OK && integers)
        st = td_onnx_write_qdq(p->quantised, s->mean, s->std, path[QDQ], err);
    if (st == TD_OK && net) st = write_node(path[NETWORK], td_net_to_node(p->net, a), true, err);
    if (st == TD_OK)
        st = write_node(path[ACCELERATOR],
                        d->hw_node != NULL ? d->hw_node : td_hw_to_node(&d->hw, a), true, err);
    if (st == TD_OK && net)
        st = write_node(path[SCHEDULE], td_schedule_to_node(p->net, &d->hw, p->schedule, a), false,
                        err);
    return st;
}

/* Folders of pairs within a folder that are not in `names` (n of them) lose their files: they are
 * of an earlier run. What the user put there stays, and its folder with it. */
static td_status remove_others(const td_run_summary *s, const char *folder,
                               const char *const *names, int n, td_arena *a, td_error *err) {
    DIR *d = opendir(folder);
    if (d == NULL && (errno == ENOENT || errno == ENOTDIR)) return TD_OK;
    if (d == NULL) return td_fail(err, TD_E_IO, "%s: cannot read: %s", folder, strerror(errno));
    td_status st = TD_OK;
    for (const struct dirent *e; st == TD_OK && (e = readdir(d)) != NULL;) {
        int i = 0;
        while (i < n && strcmp(names[i], e->d_name) != 0) i++;
        if (e->d_name[0] == '.' || i < n) continue;
        const char *dir = td_arena_printf(a, "%s/%s", folder, e->d_name);
        st = dir != NULL ? write_pair(s, &(pair){0}, dir, a, err)
                         : td_fail(err, TD_E_MEMORY, "out of memory");
        const char *inner = dir != NULL ? td_arena_printf(a, "%s/networks", dir) : NULL;
        if (st == TD_OK && inner == NULL) st = td_fail(err, TD_E_MEMORY, "out of memory");
        if (st == TD_OK) st = remove_others(s, inner, NULL, 0, a, err);
        if (st == TD_OK) rmdir(dir);
    }
    closedir(d);
    rmdir(folder); /* if nothing is left in it */
    return st;
}

/* The pair of a row in a folder of its own; of a workload the accelerator, and in networks/NAME/
 * the pair that each network makes with it. NULL or nothing found: only what stands there goes. */
static td_status write_row(const td_run_summary *s, const td_result_row *row, const char *dir,
                           td_arena *a, td_error *err) {
    pair p = {0};
    int n = 0;
    if (row != NULL && row->found)
        p = (pair){row->design.net, row->weights, row->quantised, &row->schedule, &row->design};
    const char *networks = td_arena_printf(a, "%s/networks", dir);
    if (networks == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status st = write_pair(s, &p, dir, a, err);
    const td_workload *w = p.design != NULL ? row->design.workload : NULL;
    for (; st == TD_OK && w != NULL && n < w->n; n++) {
        const char *part = td_arena_printf(a, "%s/%s", networks, w->name[n]);
        if (part == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
        st = write_pair(s, &(pair){w->net[n], NULL, NULL, &row->part[n], p.design}, part, a, err);
    }
    return st == TD_OK ? remove_others(s, networks, w != NULL ? w->name : NULL, n, a, err) : st;
}

/* Pareto mode: the designs of the fronts that were trained fully, in front/STUDY-TRIAL/. */
static td_status write_fronts(const td_run_summary *s, const char *out, td_arena *a,
                              td_error *err) {
    const char *folder = td_arena_printf(a, "%s/front", out), **names;
    int n = 0, most = 0;
    for (int i = 0; i < s->n; i++) most += s->row[i].n_front;
    names = TD_NEW(a, const char *, most + 1);
    td_status st =
        folder != NULL && names != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < s->n; i++) {
        const td_result_row *row = &s->row[i];
        for (int k = 0; st == TD_OK && k < row->n_front; k++) {
            const td_front_design *f = &row->front[k];
            pair p = {f->design.net, f->weights, f->quantised, &f->schedule, &f->design};
            if (f->chosen)
                p = (pair){row->design.net, row->weights, row->quantised, &row->schedule,
                           &row->design};
            names[n] = td_arena_printf(a, "%s-%lld", f->study, (long long)f->trial);
            const char *dir =
                names[n] != NULL ? td_arena_printf(a, "%s/%s", folder, names[n]) : NULL;
            if (dir == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
            st = write_pair(s, &p, dir, a, err);
            n++;
        }
    }
    return st == TD_OK ? remove_others(s, folder, names, n, a, err) : st;
}

static td_status write_pairs(const td_run_summary *s, const char *out, td_arena *a, td_error *err) {
    const char *best = td_arena_printf(a, "%s/best", out),
               *rows = td_arena_printf(a, "%s/rows", out);
    const char *found[TD_MAX_ROWS];
    int n = 0;
    if (best == NULL || rows == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status st = write_row(s, s->best >= 0 ? &s->row[s->best] : NULL, best, a, err);
    for (int i = 0; st == TD_OK && i < s->n; i++) {
        const char *dir = td_arena_printf(a, "%s/%s", rows, s->row[i].name);
        if (dir == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
        if (!s->row[i].found) continue;
        st = write_row(s, &s->row[i], dir, a, err);
        found[n++] = s->row[i].name;
    }
    return st == TD_OK ? remove_others(s, rows, found, n, a, err) : st;
}

/* ---- the folder ------------------------------------------------------------------------------ */

typedef struct {
    char name[TD_STUDY_NAME];
    td_trial_row *t;
    int n;
    unsigned objectives; /* 0: not in Pareto mode */
} study;

enum { MAX_STUDIES = TD_MAX_ROWS * (int)sizeof((td_scope *)0)->phase };

/* The studies of the rows: one for each phase of their scopes. */
static td_status load_studies(const td_run_summary *s, td_store *store, td_arena *a, study *out,
                              int *n, td_error *err) {
    td_status st = TD_OK;
    *n = 0;
    for (int i = 0; i < s->n; i++) {
        const td_scope *scope = td_scope_find(s->row[i].name);
        for (int k = 0; st == TD_OK && k < (scope != NULL ? scope->n : 1); k++) {
            study *one = &out[(*n)++];
            one->objectives = s->row[i].goal.objectives;
            if (scope != NULL)
                td_scope_study(scope, k, one->name);
            else
                snprintf(one->name, sizeof one->name, "%s", s->row[i].name);
            st = td_store_trials(store, one->name, a, &one->t, &one->n, err);
        }
    }
    return st;
}

/* All studies in one table; of each study its own front. */
static td_status write_trials(const td_run_summary *s, td_store *store, const char *out,
                              td_arena *a, td_error *err) {
    study list[MAX_STUDIES];
    int n, total = 0, at = 0;
    td_node *names = NULL;
    td_text trials = {0}, pareto = {0};
    td_status st = load_studies(s, store, a, list, &n, err);
    if (st != TD_OK) return st;
    for (int i = 0; i < n; i++) total += list[i].n;
    td_trial_row *all = TD_NEW(a, td_trial_row, total + 1);
    if (all == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < n; i++)
        for (int k = 0; k < list[i].n; k++) all[at++] = list[i].t[k];
    st = td_report_decisions(all, total, a, &names, err);
    if (st == TD_OK) td_report_trials_header(names, &trials);
    if (st == TD_OK) td_report_trials_header(names, &pareto);
    for (int i = 0; st == TD_OK && i < n; i++) {
        const study *u = &list[i];
        int *front = TD_NEW(a, int, u->n + 1), count = 0;
        if (front == NULL) st = td_fail(err, TD_E_MEMORY, "out of memory");
        if (st == TD_OK)
            st = td_report_trials_csv(u->name, u->t, u->n, NULL, 0, names, &trials, err);
        if (st == TD_OK)
            st = u->objectives != 0 ? td_trials_front(u->t, u->n, u->objectives, front, &count, err)
                                    : td_trials_pareto(u->t, u->n, front, &count, err);
        if (st == TD_OK && count > 0)
            st = td_report_trials_csv(u->name, u->t, u->n, front, count, names, &pareto, err);
    }
    if (st == TD_OK) st = write_text(td_arena_printf(a, "%s/trials.csv", out), &trials, err);
    if (st == TD_OK) st = write_text(td_arena_printf(a, "%s/pareto.csv", out), &pareto, err);
    td_text_free(&trials);
    td_text_free(&pareto);
    return st;
}

td_status td_report_write(const td_recipe *r, const td_run_summary *s, const char *out,
                          td_error *err) {
    td_store *store = NULL;
    td_arena *a = td_arena_create();
    const char *recipe = NULL, *db = NULL, *summary = NULL;
    if (a != NULL) {
        recipe = td_arena_printf(a, "%s/recipe.yaml", out);
        db = td_arena_printf(a, "%s/study.db", out);
        summary = td_arena_printf(a, "%s/summary.json", out);
    }
    td_status st = recipe != NULL && db != NULL && summary != NULL
                       ? td_file_write(recipe, td_recipe_text(r), strlen(td_recipe_text(r)), err)
                       : td_fail(err, TD_E_MEMORY, "out of memory");
    if (st == TD_OK) st = write_pairs(s, out, a, err);
    if (st == TD_OK) st = write_fronts(s, out, a, err);
    if (st == TD_OK) st = td_store_open(db, false, &store, err);
    if (st == TD_OK) st = write_trials(s, store, out, a, err);
    if (st == TD_OK) st = write_node(summary, td_report_summary_node(r, s, a), false, err);
    td_store_close(store);
    td_arena_destroy(a);
    return st;
}

/* run.c - all that a recipe asks for: its rows one after the other in one store, the final
 * trainings, and the only look at the test split. */
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "enqueue.h"
#include "front.h"
#include "lock.h"
#include "row.h"

td_status td__lead(const char *out, td_arena *a, td__lock *lock, td_error *err) {
    const char *path = td_arena_printf(a, "%s/study.lock", out);
    if (path == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = td__lock_open(path, lock, err);
    if (s == TD_OK) s = td__lock_take(lock, TD__LEADER_BYTE, err);
    if (s == TD_OK) return s;
    td__lock_close(lock);
    if (s != TD_E_STORE) return s;
    return td_fail(err, TD_E_STORE,
                   "%s: another tandem process is searching in this folder; `tandem worker %s` "
                   "joins it",
                   out, out);
}

/* ---- results ----------------------------------------------------------------------------------
 */

/* The order of results, as that of trials (td_trials_best): what meets the targets first, what
 * misses them by how much, then accuracy on the validation split; an accuracy that is not known is
 * below all others. */
static int compare(double violation_a, double accuracy_a, double violation_b, double accuracy_b) {
    if (violation_a != violation_b) return violation_a < violation_b ? 1 : -1;
    double a = isnan(accuracy_a) ? -1 : accuracy_a, b = isnan(accuracy_b) ? -1 : accuracy_b;
    return (a > b) - (a < b);
}

/* The winner of each row is the best of its candidates, the first of equal ones; -1: it has none.
 */
static void pick_winners(td__run *u, int winner[TD_MAX_ROWS]) {
    for (int i = 0; i < TD_MAX_ROWS; i++) winner[i] = -1;
    for (int i = 0; i < u->n; i++) {
        const td__candidate *c = &u->candidate[i];
        int *w = &winner[c->row];
        const td__candidate *b = &u->candidate[*w >= 0 ? *w : i];
        if (*w < 0 || compare(c->violation, c->valid_accuracy, b->violation, b->valid_accuracy) > 0)
            *w = i;
    }
    for (int i = 0; i < u->sum->n; i++) {
        if (winner[i] < 0) continue;
        td__candidate *c = &u->candidate[winner[i]];
        td_result_row *row = &u->sum->row[i];
        row->found = true;
        row->meets = c->feasible;
        row->violation = c->violation;
        row->valid_accuracy = c->valid_accuracy;
        row->valid_std = c->score.valid_std;
        row->test_accuracy = c->score.test;
        row->test_std = c->score.test_std;
        row->repeats = c->score.repeats;
        memcpy(row->metric, c->metric, sizeof row->metric);
        row->design = c->design;
        row->weights = c->weights;
        c->design = (td_design){0};
        c->weights = NULL;
    }
}

/* A trained network in integers, and its accuracy. One that cannot be has none. */
static td_status quantise(td__run *u, const td_design *d, const td_weights *w, td_quantised **q,
                          double *accuracy, td_error *err) {
    const td_dataset *data = u->accuracy.data;
    td_calibration c;
    td_calibration_default(&c);
    td_status s = td_quantise(d->net, w, data, &c, q, err);
    if (s == TD_OK)
        s = td_quantised_test(*q, data, TD_SPLIT_TEST, u->o->threads, accuracy, NULL, err);
    if (s != TD_E_UNSUPPORTED && s != TD_E_INFEASIBLE) return s;
    td_log_write(u->o->log, 1, "%s has no accuracy in integers: %s", td_net_name(d->net),
                 err != NULL ? err->message : td_status_text(s));
    return TD_OK;
}

/* Pareto mode: all candidates of a row, in their order. The winner among them stands in the row
 * already. */
static td_status keep_front(td__run *u, int row, int winner, td_error *err) {
    td_result_row *r = &u->sum->row[row];
    int n = 0;
    for (int i = 0; i < u->n; i++) n += u->candidate[i].row == row;
    if (r->goal.objectives == 0 || n < 2) return TD_OK;
    r->front = TD_NEW(u->sum->arena, td_front_design, n);
    if (r->front == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = TD_OK;
    for (int i = 0; s == TD_OK && i < u->n; i++) {
        td__candidate *c = &u->candidate[i];
        if (c->row != row) continue;
        td_front_design *f = &r->front[r->n_front++];
        double metric[TD_NMETRIC];
        *f = (td_front_design){.trial = c->trial,
                               .chosen = i == winner,
                               .valid_accuracy = c->valid_accuracy,
                               .test_accuracy = c->score.test,
                               .design = c->design,
                               .weights = c->weights};
        memcpy(f->study, c->study, sizeof f->study);
        memcpy(f->metric, c->metric, sizeof f->metric);
        c->design = (td_design){0};
        c->weights = NULL;
        if (f->chosen) {
            f->test_accuracy = r->test_accuracy;
            continue;
        }
        s = td__design_cost(&f->design, &u->schedule, metric, &f->schedule, err);
        if (s == TD_OK && f->weights != NULL)
            s = td_test(f->design.net, f->weights, u->accuracy.data, TD_SPLIT_TEST,
                        &f->test_accuracy, NULL, err);
        if (s == TD_OK && f->weights != NULL)
            s = quantise(u, &f->design, f->weights, &f->quantised, &f->test_accuracy_quantised,
                         err);
    }
    return s;
}

static td_status schedule_row(td__run *u, td_result_row *row, td_error *err) {
    double metric[TD_NMETRIC];
    const td_workload *w = row->design.workload;
    if (w != NULL) {
        row->part = TD_NEW(u->sum->arena, td_schedule, w->n);
        if (row->part == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    return td__design_cost(&row->design, &u->schedule, metric,
                           w != NULL ? row->part : &row->schedule, err);
}

static td_status finish_rows(td__run *u, td_error *err) {
    td_run_summary *sum = u->sum;
    td_status s = TD_OK;
    int winner[TD_MAX_ROWS];
    pick_winners(u, winner);
    for (int i = 0; s == TD_OK && i < sum->n; i++) {
        td_result_row *row = &sum->row[i];
        if (!row->found) row->test_accuracy = row->test_std = row->valid_std = NAN;
        if (!row->found) continue;
        s = schedule_row(u, row, err);
        if (s == TD_OK && row->weights != NULL)
            s = td_test(row->design.net, row->weights, u->accuracy.data, TD_SPLIT_TEST,
                        &row->test_accuracy, NULL, err);
        if (s == TD_OK && row->weights != NULL)
            s = quantise(u, &row->design, row->weights, &row->quantised,
                         &row->test_accuracy_quantised, err);
        if (s == TD_OK) s = keep_front(u, i, winner[i], err);
        /* Later rows (the joint one is last) win ties. */
        const td_result_row *b = sum->best >= 0 ? &sum->row[sum->best] : NULL;
        if (b == NULL ||
            compare(row->violation, row->valid_accuracy, b->violation, b->valid_accuracy) >= 0)
            sum->best = i;
    }
    return s;
}

/* Networks of a space all read the same images. Others than those of the data set would be refused
 * by the first training only: of compare.network that is after all searches. */
static td_status check_images(const td__run *u, const td_space *space, td_error *err) {
    const td_dataset *data = u->accuracy.data;
    td_arena *a = data != NULL ? td_arena_create() : NULL;
    if (data == NULL) return TD_OK;
    double *v = a != NULL ? TD_NEW(a, double, space->n + 1) : NULL;
    td_status s = v != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    td_choices c = {.n = space->n, .v = v};
    td_rng rng = td_rng_make(0, 0, TD_RNG_SPACE_SAMPLE);
    td_design d = {0};
    if (s == TD_OK) {
        td_space_sample(space, &rng, &c);
        s = space->build(space->self, &c, a, &d, err);
    }
    if (s == TD_OK && d.net != NULL) {
        const td_layer *in = td_net_layer(d.net, 0);
        if (in->c != data->shape.c || in->h != data->shape.h || in->w != data->shape.w)
            s = td_fail(err, TD_E_INPUT,
                        "network %s reads %d x %d x %d images, %s has %d x %d x %d",
                        td_net_name(d.net), in->c, in->h, in->w, data->name, data->shape.c,
                        data->shape.h, data->shape.w);
    }
    td_design_free(&d);
    td_arena_destroy(a);
    return s == TD_E_INFEASIBLE ? TD_OK : s;
}

/* A source that knows more of a network than a search sees (all repeats in place of one draw) says
 * so of the chosen ones, whether a search has evaluated them or they were given. */
static td_status score_winners(td__run *u, td_error *err) {
    for (int i = 0; u->accuracy.score != NULL && i < u->n; i++) {
        td__candidate *c = &u->candidate[i];
        td_status s = u->accuracy.score(u->accuracy.self, &c->design, &c->score, err);
        if (s != TD_OK && s != TD_E_INFEASIBLE) return s;
        if (s == TD_OK) c->valid_accuracy = c->score.valid;
    }
    return TD_OK;
}

static double process_cpu_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The final trainings, on the data of the proxy. */
static td_status train_winners(td__run *u, td_error *err) {
    const td_dataset *d = u->accuracy.data;
    td_run_summary *sum = u->sum;
    if (d == NULL)
        return td_node_fail(u->r->final, err, "the accuracy source %s has no data to train on",
                            u->accuracy.name);
    sum->data_hash = d->hash;
    snprintf(sum->data_name, sizeof sum->data_name, "%s", d->name);
    memcpy(sum->data_n, d->n, sizeof sum->data_n);
    memcpy(sum->mean, d->mean, sizeof sum->mean);
    memcpy(sum->std, d->std, sizeof sum->std);
    return td__final_train(u->r, u->o, d, u->candidate, u->n, err);
}

static td_status prepare_stopping(td__run *u, td_error *err) {
    const td_recipe *r = u->r;
    u->stopping = (td__stopping){.rule = r->stopper, .steps = u->accuracy.steps, .step = "epoch"};
    if (u->accuracy.watched == NULL)
        return td_fail(err, TD_E_USAGE, "the accuracy source %s cannot be stopped early",
                       u->accuracy.name);
    return r->stopper->create(&u->stopping.self, u->stopping.steps, r->stopper_params, err);
}

/* The data, the maps and the folder's paths: what comes before the store. */
static td_status prepare(td__run *u, const char **path, td_error *err) {
    const td_recipe *r = u->r;
    const td_run_options *o = u->o;
    td_arena *a = u->sum->arena = td_arena_create();
    if (a != NULL) *path = td_arena_printf(a, "%s/study.db", o->out);
    if (a != NULL) u->stop_file = td_arena_printf(a, "%s/stop", o->out);
    u->candidate = calloc(TD__MAX_CANDIDATES, sizeof *u->candidate);
    u->schedule.cache = o->maps != NULL ? o->maps : td_map_cache_create(200000);
    td_status s = TD_OK;
    if (a == NULL || *path == NULL || u->stop_file == NULL || u->candidate == NULL ||
        u->schedule.cache == NULL)
        s = td_fail(err, TD_E_MEMORY, "out of memory");
    if (o->accuracy != NULL)
        u->accuracy = *o->accuracy;
    else if (s == TD_OK && !r->is_workload)
        s = td_accuracy_from_node(r->accuracy, r->net, r->seed, &u->accuracy, err);
    if (s == TD_OK && r->stopper != NULL) s = prepare_stopping(u, err);
    return s == TD_OK ? check_images(u, r->net, err) : s;
}

/* What a worker still has it gives back. */
static void leave(td__run *u) {
    if (u->store != NULL) td__store_leave(u->store, NULL);
    td_store_close(u->store);
    u->store = NULL;
    for (int i = 0; i < u->n; i++) {
        td_design_free(&u->candidate[i].design);
        td_weights_destroy(u->candidate[i].weights);
    }
    if (u->stopping.rule != NULL) u->stopping.rule->destroy(u->stopping.self);
    if (u->o->accuracy == NULL) td_accuracy_free(&u->accuracy);
    if (u->o->maps == NULL) td_map_cache_destroy(u->schedule.cache);
    free(u->candidate);
}

td_status td_recipe_run(const td_recipe *r, const td_run_options *o, td_run_summary *out,
                        td_error *err) {
    *out = (td_run_summary){.best = -1, .started = td_time_wall_s()};
    double wall = td_time_mono_s(), cpu = process_cpu_s();
    td__run u = {.r = r, .o = o, .sum = out, .schedule = r->schedule};
    const char *path = NULL;
    td__lock lock = {.fd = -1};
    /* The data first: nothing is made in the folder if they are not there. */
    td_status s = prepare(&u, &path, err);
    if (s == TD_OK && u.accuracy.file != NULL) {
        snprintf(out->accuracy_file, sizeof out->accuracy_file, "%s", u.accuracy.file);
        out->accuracy_file_hash = u.accuracy.file_hash;
    }
    if (s == TD_OK && r->fixed_net != NULL && r->final != NULL)
        s = check_images(&u, r->fixed_net, err);
    if (s == TD_OK) s = td_dir_make(o->out, err);
    if (s == TD_OK) s = td__lead(o->out, out->arena, &lock, err);
    if (s == TD_OK) unlink(u.stop_file);
    if (s == TD_OK) s = td_store_open(path, true, &u.store, err);
    if (s == TD_OK) s = td__store_join(u.store, err);
    if (s == TD_OK) s = td__rows_search(&u, err);
    if (s == TD_OK && r->final != NULL) s = train_winners(&u, err);
    if (s == TD_OK && r->final == NULL) s = score_winners(&u, err);
    if (s == TD_OK) s = finish_rows(&u, err);
    leave(&u);
    td__lock_close(&lock);
    out->wall_s = td_time_mono_s() - wall;
    out->cpu_s = process_cpu_s() - cpu;
    return s;
}

td_status td_recipe_join(const td_recipe *r, const td_run_options *o, td_error *err) {
    td_run_summary sum = {0};
    td__run u = {.r = r, .o = o, .sum = &sum, .schedule = r->schedule};
    const char *path = NULL;
    td_status s = prepare(&u, &path, err);
    if (s == TD_OK && !td_file_exists(path))
        s = td_fail(err, TD_E_NOT_FOUND, "%s: no search was begun there", o->out);
    if (s == TD_OK) s = td_store_open(path, true, &u.store, err);
    if (s == TD_OK) s = td__store_join(u.store, err);
    if (s == TD_OK) s = td__rows_help(&u, err);
    leave(&u);
    td_run_summary_free(&sum);
    return s;
}

td_status td_recipe_enqueue(const td_recipe *r, const char *folder, const char *row,
                            const td_node *designs, int64_t *first, int *count, td_error *err) {
    td_run_options o = {.out = folder};
    td_run_summary sum = {0};
    td__run u = {.r = r, .o = &o, .sum = &sum, .schedule = r->schedule};
    const char *path = NULL, *study = "";
    td__designs list = {0};
    int64_t id = 0;
    *count = 0;
    td_status s = prepare(&u, &path, err);
    if (s == TD_OK) s = td_dir_make(folder, err);
    if (s == TD_OK) s = td_store_open(path, true, &u.store, err);
    if (s == TD_OK) s = td__rows_enqueue(&u, row, designs, &list, &id, &study, err);
    for (int i = 0; s == TD_OK && i < list.n; i++) {
        int64_t number;
        s = td__store_enqueue(u.store, id, list.params[i], list.hash[i], &number, err);
        if (s == TD_OK && (*count)++ == 0) *first = number;
    }
    if (s == TD_E_DONE)
        td_fail(err, s, "row \"%s\" has no number left for design %d; a larger budget.trials has",
                study, *count + 1);
    leave(&u);
    td_run_summary_free(&sum);
    return s;
}

void td_run_summary_free(td_run_summary *s) {
    if (s == NULL) return;
    for (int i = 0; i < s->n; i++) {
        for (int k = 0; k < s->row[i].n_front; k++) {
            td_front_design *f = &s->row[i].front[k];
            td_design_free(&f->design);
            td_weights_destroy(f->weights);
            td_quantised_destroy(f->quantised);
            td_schedule_free(&f->schedule);
        }
        for (int k = 0; s->row[i].part != NULL && k < s->row[i].design.workload->n; k++)
            td_schedule_free(&s->row[i].part[k]);
        td_design_free(&s->row[i].design);
        td_weights_destroy(s->row[i].weights);
        td_quantised_destroy(s->row[i].quantised);
        td_schedule_free(&s->row[i].schedule);
    }
    td_arena_destroy(s->arena);
    memset(s, 0, sizeof *s);
}

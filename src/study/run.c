/* run.c - all that a recipe asks for: its rows one after the other in one store, the final
 * trainings, and the only look at the test split. */
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "row.h"

enum { MAX_CANDIDATES = TD_MAX_ROWS * 100 };

typedef struct {
    const td_recipe *r;
    const td_run_options *o;
    td_run_summary *sum;
    td_store *store;
    td_accuracy accuracy;
    td_schedule_options schedule;
    uint64_t spec_hash;
    td__candidate *candidate;
    int n;
    double cpu_s;
} run;

/* One process per results folder: its lock lasts until the descriptor is closed, also by a crash.
 */
static td_status lock_folder(const char *out, int *fd, td_error *err) {
    char path[1100];
    snprintf(path, sizeof path, "%s/study.lock", out);
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (*fd < 0)
        return td_fail(err, errno == ENOENT ? TD_E_NOT_FOUND : TD_E_IO, "%s: %s", path,
                       strerror(errno));
    if (flock(*fd, LOCK_EX | LOCK_NB) != 0) {
        close(*fd);
        *fd = -1;
        return td_fail(err, TD_E_STORE, "%s: another tandem process is searching in this folder",
                       out);
    }
    return TD_OK;
}

/* What trials depend on: all of the recipe but its name, its budget and the final training. */
static uint64_t spec_hash(const td_recipe *r) {
    uint64_t h = 1;
    for (int i = 0; i < r->doc->count; i++) {
        const td_node *n = r->doc->item[i];
        if (strcmp(n->key, "name") == 0 || strcmp(n->key, "budget") == 0 ||
            strcmp(n->key, "final") == 0)
            continue;
        td_text t = {0};
        td_node_to_json(n, 0, &t);
        h = td_hash_text(t.data ? t.data : "", td_hash_text(n->key, h));
        td_text_free(&t);
    }
    return h;
}

static td_status build_from(const td_space *space, const char *params, td_arena *a, td_design *d,
                            td_error *err) {
    const td_node *doc;
    td_choices c = {.n = space->n, .v = TD_NEW(a, double, space->n + 1)};
    if (c.v == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = td_json_parse(a, params, strlen(params), "study.db", 1, &doc, err);
    if (s == TD_OK) s = td_choices_from_node(space, doc, &c, err);
    if (s == TD_OK) s = space->build(space->self, &c, a, d, err);
    return s;
}

/* The best `candidates` designs of a row with distinct networks; those that miss targets only if
 * none meets them. */
static td_status choose(run *u, int row, const td_space *space, const char *study, td_error *err) {
    td_arena *a = u->sum->arena;
    td_result_row *out = &u->sum->row[row];
    td_trial_row *t;
    int n;
    td_status s = td_store_trials(u->store, study, a, &t, &n, err);
    if (s != TD_OK) return s;
    for (int i = 0; i < n; i++) {
        out->trials++;
        out->trained += t[i].trained;
        out->infeasible += !t[i].feasible;
    }
    int first = u->n;
    bool first_feasible = false;
    for (int64_t k = 0; s == TD_OK && k < u->r->candidates; k++) {
        int best = td_trials_best(t, n);
        if (best < 0 || (u->n > first && first_feasible && !t[best].feasible)) break;
        if (u->n == first) first_feasible = t[best].feasible;
        td__candidate *c = &u->candidate[u->n];
        *c = (td__candidate){.row = row, .valid_accuracy = NAN, .violation = t[best].violation};
        memcpy(c->metric, t[best].metric, sizeof c->metric);
        s = build_from(space, t[best].params, a, &c->design, err);
        t[best].violation = NAN; /* taken */
        if (s != TD_OK) break;
        bool again = false;
        for (int i = first; i < u->n; i++)
            again = again || u->candidate[i].design.net_hash == c->design.net_hash;
        if (again) {
            td_design_free(&c->design);
            k--;
        } else {
            u->n++;
        }
    }
    return s;
}

static td_status search_row(run *u, const char *name, const td_space *net, const td_space *hw,
                            bool trains, td_error *err) {
    td_space *space;
    int index = u->sum->n;
    td_status s = td_space_product(net, hw, u->sum->arena, &space, err);
    if (s != TD_OK) return s;
    snprintf(u->sum->row[index].name, sizeof u->sum->row[index].name, "%s", name);
    u->sum->n++;
    td__row row = {.name = name,
                   .spec = u->r->text,
                   .spec_hash = u->spec_hash,
                   .seed = u->r->seed,
                   .space = space,
                   .objective = &u->r->objective,
                   .schedule = &u->schedule,
                   .accuracy = trains ? &u->accuracy : NULL,
                   .strategy = u->r->strategy,
                   .params = u->r->params,
                   .lag = u->r->lag,
                   .trials = space->n == 0          ? 1
                             : u->o->max_trials > 0 ? u->o->max_trials
                                                    : u->r->trials,
                   .trained = u->r->trained,
                   .store = u->store,
                   .run = u->o};
    s = td__row_search(&row, err);
    return s == TD_OK ? choose(u, index, space, name, err) : s;
}

/* The winner of each row: of its candidates the one that meets the targets, then the most accurate
 * on the validation split. */
static td_status finish_rows(run *u, const td_dataset *data, td_error *err) {
    td_run_summary *sum = u->sum;
    td_status s = TD_OK;
    for (int i = 0; s == TD_OK && i < u->n; i++) {
        td__candidate *c = &u->candidate[i];
        td_result_row *row = &sum->row[c->row];
        bool meets = c->violation == 0;
        if (row->found && (row->meets > meets ||
                           (row->meets == meets && !(c->valid_accuracy > row->valid_accuracy))))
            continue;
        td_design_free(&row->design);
        td_weights_destroy(row->weights);
        row->found = true;
        row->meets = meets;
        row->valid_accuracy = c->valid_accuracy;
        row->test_accuracy = NAN;
        memcpy(row->metric, c->metric, sizeof row->metric);
        row->design = c->design;
        row->weights = c->weights;
        c->design = (td_design){0};
        c->weights = NULL;
    }
    sum->best = -1;
    for (int i = 0; s == TD_OK && i < sum->n; i++) {
        td_result_row *row = &sum->row[i];
        if (!row->found) continue;
        double metric[TD_NMETRIC];
        s = td__design_cost(&row->design, &u->schedule, metric, &row->schedule, err);
        if (s == TD_OK && row->weights != NULL)
            s = td_test(row->design.net, row->weights, data, TD_SPLIT_TEST, &row->test_accuracy,
                        NULL, err);
        /* Later rows (the joint one is last) win ties. */
        const td_result_row *b = sum->best >= 0 ? &sum->row[sum->best] : NULL;
        if (b == NULL || row->meets > b->meets ||
            (row->meets == b->meets && !(row->valid_accuracy < b->valid_accuracy)))
            sum->best = i;
    }
    return s;
}

static td_status run_rows(run *u, td_error *err) {
    const td_recipe *r = u->r;
    td_status s = TD_OK;
    if (r->fixed_net != NULL) {
        s = search_row(u, "hand-made", r->fixed_net, r->fixed_hw, false, err);
        if (s == TD_OK) s = search_row(u, "accelerator", r->fixed_net, r->hw, false, err);
        if (s == TD_OK) s = search_row(u, "network", r->net, r->fixed_hw, true, err);
    }
    if (s == TD_OK) s = search_row(u, "joint", r->net, r->hw, true, err);
    return s;
}

static double process_cpu_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static td_status load_data(const td_recipe *r, td_dataset *data, td_error *err) {
    const char *name = "fashion-mnist", *path = NULL;
    td_status s = td_node_opt_string(r->accuracy, "data", &name, err);
    if (s == TD_OK) s = td_node_opt_string(r->accuracy, "path", &path, err);
    return s == TD_OK ? td_dataset_load(name, path, data, err) : s;
}

td_status td_recipe_run(const td_recipe *r, const td_run_options *o, td_run_summary *out,
                        td_error *err) {
    *out = (td_run_summary){.best = -1, .started = td_time_wall_s()};
    double wall = td_time_mono_s(), cpu = process_cpu_s();
    run u = {.r = r, .o = o, .sum = out, .schedule = r->schedule, .spec_hash = spec_hash(r)};
    td_dataset data = {0};
    char path[1100];
    int lock = -1;
    snprintf(path, sizeof path, "%s/study.db", o->out);
    out->arena = td_arena_create();
    u.candidate = calloc(MAX_CANDIDATES, sizeof *u.candidate);
    u.schedule.cache = td_map_cache_create(200000);
    td_status s = TD_OK;
    if (out->arena == NULL || u.candidate == NULL || u.schedule.cache == NULL)
        s = td_fail(err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK) s = td_dir_make(o->out, err);
    if (s == TD_OK) s = lock_folder(o->out, &lock, err);
    if (s == TD_OK) s = td_store_open(path, true, &u.store, err);
    if (s == TD_OK) s = td_accuracy_from_node(r->accuracy, r->seed, &u.accuracy, err);
    if (s == TD_OK) s = run_rows(&u, err);
    if (s == TD_OK && r->final != NULL) {
        s = load_data(r, &data, err);
        out->data_hash = data.hash;
        snprintf(out->data_name, sizeof out->data_name, "%s", data.name);
        memcpy(out->data_n, data.n, sizeof out->data_n);
        memcpy(out->mean, data.mean, sizeof out->mean);
        memcpy(out->std, data.std, sizeof out->std);
        if (s == TD_OK) s = td__final_train(r, o, &data, u.candidate, u.n, &u.cpu_s, err);
    }
    if (s == TD_OK) s = finish_rows(&u, &data, err);
    for (int i = 0; i < u.n; i++) {
        td_design_free(&u.candidate[i].design);
        td_weights_destroy(u.candidate[i].weights);
    }
    td_dataset_free(&data);
    td_accuracy_free(&u.accuracy);
    td_store_close(u.store);
    td_map_cache_destroy(u.schedule.cache);
    free(u.candidate);
    if (lock >= 0) close(lock);
    out->wall_s = td_time_mono_s() - wall;
    out->cpu_s = process_cpu_s() - cpu;
    return s;
}

void td_run_summary_free(td_run_summary *s) {
    if (s == NULL) return;
    for (int i = 0; i < s->n; i++) {
        td_design_free(&s->row[i].design);
        td_weights_destroy(s->row[i].weights);
        td_schedule_free(&s->row[i].schedule);
    }
    td_arena_destroy(s->arena);
    memset(s, 0, sizeof *s);
}

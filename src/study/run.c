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

#include "front.h"
#include "row.h"

enum { MAX_CANDIDATES = TD_MAX_ROWS * 100 };

typedef struct {
    const td_recipe *r;
    const td_run_options *o;
    td_run_summary *sum;
    td_store *store;
    td_accuracy accuracy;
    td_schedule_options schedule;
    td__candidate *candidate;
    int n;
} run;

/* One process per results folder: its lock lasts until the descriptor is closed, also by a crash.
 */
static td_status lock_folder(const char *out, td_arena *a, int *fd, td_error *err) {
    const char *path = td_arena_printf(a, "%s/study.lock", out);
    if (path == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (*fd < 0) return td_fail(err, TD_E_IO, "%s: %s", path, strerror(errno));
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0) return TD_OK;
    int e = errno;
    close(*fd);
    *fd = -1;
    if (e != EWOULDBLOCK) return td_fail(err, TD_E_IO, "%s: cannot lock: %s", path, strerror(e));
    return td_fail(err, TD_E_STORE, "%s: another tandem process is searching in this folder", out);
}

/* ---- what trials depend on ------------------------------------------------------------------- */

static uint64_t hash_u64(uint64_t v, uint64_t h) {
    return td_hash(&v, sizeof v, h);
}

static uint64_t hash_real(double v, uint64_t h) {
    return td_hash(&v, sizeof v, h);
}

/* Of a map's keys and values, whatever their order. */
static uint64_t hash_node(const td_node *n) {
    uint64_t h = n->kind == TD_INT ? TD_REAL : n->kind;
    if (n->kind == TD_INT || n->kind == TD_REAL) return hash_real(n->real, h);
    if (n->kind == TD_BOOL) return hash_u64(n->boolean, h);
    if (n->kind == TD_STRING) return td_hash_text(n->text, h);
    for (int i = 0; i < n->count; i++) {
        if (n->kind == TD_LIST)
            h = hash_u64(hash_node(n->item[i]), h);
        else
            h += td_hash_text(n->item[i]->key, hash_node(n->item[i]));
    }
    return h;
}

/* A space is its decisions and what is built of them: some samples stand for all that is fixed in
 * it (input, stem, the accelerator's other parameters, technology), wherever that was read from. */
static td_status hash_space(const td_space *space, uint64_t *h, td_error *err) {
    enum { SAMPLES = 16 };
    td_arena *a = td_arena_create();
    double *v = a != NULL ? TD_NEW(a, double, space->n + 1) : NULL;
    td_status s = v != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    *h = hash_u64(td_space_hash(space), *h);
    for (uint64_t i = 0; s == TD_OK && i < SAMPLES; i++) {
        td_choices c = {.n = space->n, .v = v};
        td_rng rng = td_rng_make(0, i, TD_RNG_SPACE_SAMPLE);
        td_design d = {0};
        td_error why = {0};
        td_space_sample(space, &rng, &c);
        s = space->build(space->self, &c, a, &d, &why);
        *h = hash_u64(d.hw_hash, hash_u64(d.net_hash, *h));
        if (s == TD_E_INFEASIBLE) {
            *h = td_hash_text(why.message, *h);
            s = TD_OK;
        } else if (s != TD_OK && err != NULL) {
            *err = why;
        }
        td_design_free(&d);
    }
    td_arena_destroy(a);
    return s;
}

/* All that a row's trials depend on, beside the seed: a study goes on with the same only. Name,
 * budgets, final training and other rows are free to change. */
static td_status spec_hash(const run *u, const td_space *space, bool trains, bool area_is_hard,
                           uint64_t *out, td_error *err) {
    const td_recipe *r = u->r;
    const td_objective *o = &r->objective;
    uint64_t h = hash_u64(TD_COST_REVISION, td_hash_text(td_version(), 1));
    td_status s = hash_space(space, &h, err);
    h = hash_u64(o->kind, h);
    h = hash_real(o->beta, hash_real(o->q, hash_real(o->p, h)));
    for (int m = 0; m < TD_METRIC_POWER; m++) h = hash_real(o->target[m], h);
    for (int m = 0; m < TD_NMETRIC; m++)
        if (o->own[m].set)
            h = hash_real(o->own[m].q, hash_real(o->own[m].p, hash_u64((uint64_t)m, h)));
    /* What came later is in the hash where it is used: studies made before it go on. */
    for (int m = TD_METRIC_POWER; m < TD_NMETRIC; m++)
        if (td_objective_has_target(o, m)) h = hash_real(o->target[m], hash_u64((uint64_t)m, h));
    h = hash_u64(o->train_violating, h);
    if (area_is_hard && o->train_violating) h = td_hash_text("area is hard", h);
    h = hash_u64(r->schedule.counting, hash_u64(r->schedule.objective, h));
    h = hash_u64(r->schedule.max_nodes, hash_u64((uint64_t)r->schedule.batch, h));
    h = hash_u64(r->schedule.cold, h);
    h = hash_u64(hash_node(r->params), td_hash_text(r->strategy->name, h));
    h = hash_u64((uint64_t)r->lag, h);
    for (int k = 0; o->kind == TD_REWARD_NONE && k < TD_NOBJECTIVE; k++)
        if (o->front.objectives & TD_OBJECTIVE(k)) h = td_hash_text(td_objective_key(k), h);
    *out = trains ? hash_u64(u->accuracy.key(u->accuracy.self), h) : h;
    return s;
}

/* ---- rows ------------------------------------------------------------------------------------ */

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

/* Pareto mode: size and hypervolume of the front. The reference of a study that was finished before
 * stays, but for what the recipe gives. */
static td_status measure_front(run *u, td_result_row *row, const td_trial_row *t, int n,
                               td_error *err) {
    const td_objective *o = &u->r->objective;
    td_front *f = &row->goal;
    int *front = malloc(((size_t)n + 1) * sizeof *front);
    td_status s = front != NULL ? td_store_front(u->store, row->name, f, err)
                                : td_fail(err, TD_E_MEMORY, "out of memory");
    f->objectives = o->front.objectives;
    for (int m = 0; m < TD_NMETRIC; m++)
        if (o->front.reference[m] > 0) f->reference[m] = o->front.reference[m];
    f->reference[TD_OBJECTIVE_ACCURACY] = o->front.reference[TD_OBJECTIVE_ACCURACY];
    td__front_complete(f, o, t, n);
    if (s == TD_OK) s = td__store_front_put(u->store, row->name, f, err);
    if (s == TD_OK) s = td_trials_front(t, n, f->objectives, front, &row->front_size, err);
    row->hypervolume = NAN; /* of no designs at all, whose worst is no reference */
    if (s == TD_OK && row->front_size > 0)
        s = td_trials_hypervolume(t, n, f, &row->hypervolume, err);
    free(front);
    return s;
}

/* The designs of a row in the order in which they are worth a full training. */
typedef struct {
    td_trial_row *t;
    int n;
    int *order, count, at; /* Pareto mode; else NULL: as td_trials_best has it */
} queue;

static int next_design(queue *q) {
    if (q->order != NULL) return q->at < q->count ? q->order[q->at++] : -1;
    return td_trials_best(q->t, q->n);
}

static td_status make_queue(run *u, td_result_row *row, td_arena *a, queue *q, td_error *err) {
    if (u->r->objective.kind != TD_REWARD_NONE) return TD_OK;
    q->order = TD_NEW(a, int, q->n + 1);
    if (q->order == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = measure_front(u, row, q->t, q->n, err);
    return s == TD_OK ? td__front_order(q->t, q->n, row->goal.objectives, q->order, &q->count, err)
                      : s;
}

/* The best `candidates` designs of a row with distinct networks; those that miss targets only if
 * none meets them. In Pareto mode the best one, and others that are spread along the front. */
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
        out->count[td_trial_result(&t[i])]++;
    }
    int first = u->n;
    bool first_feasible = false;
    queue q = {.t = t, .n = n};
    s = make_queue(u, out, a, &q, err);
    for (int64_t k = 0; s == TD_OK && k < u->r->candidates; k++) {
        int best = next_design(&q);
        if (best < 0 || (u->n > first && first_feasible && !t[best].feasible)) break;
        if (u->n == first) first_feasible = t[best].feasible;
        td__candidate *c = &u->candidate[u->n];
        /* The proxy's accuracy, until a final training has a better one. */
        *c = (td__candidate){.row = row,
                             .trial = t[best].number,
                             .valid_accuracy = t[best].accuracy,
                             .violation = t[best].violation};
        memcpy(c->metric, t[best].metric, sizeof c->metric);
        s = build_from(space, t[best].params, a, &c->design, err);
        t[best].violation = NAN; /* taken */
        if (s != TD_OK) {
            td_design_free(&c->design);
            break;
        }
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

/* Before hours of final training: a row whose designs all miss the targets may not be worth them.
 */
static void warn_of_misses(const run *u, int first, const char *row) {
    if (u->r->final == NULL) return;
    int64_t costs_only = u->sum->row[u->sum->n - 1].count[TD_RESULT_PRUNED];
    if (u->n == first && costs_only > 0) {
        td_log_write(u->o->log, 1, "row %s: the trials ended before the first was asked in full",
                     row);
        return;
    }
    if (u->n == first) {
        td_log_write(u->o->log, 1, "row %s: no design can be built, there is nothing to train",
                     row);
        return;
    }
    const td__candidate *c = &u->candidate[first];
    if (c->violation == 0) return;
    td_text t = {0};
    td__objective_misses(&u->r->objective, c->metric, &t);
    td_log_write(u->o->log, 1,
                 "row %s: no design meets the targets; the nearest is trained all the same (%s)",
                 row, t.data != NULL ? t.data : "");
    td_text_free(&t);
}

static td_status search_row(run *u, const char *name, const td_space *net, const td_space *hw,
                            bool trains, td_error *err) {
    td_space *space;
    uint64_t spec = 0;
    int index = u->sum->n;
    bool area_is_hard =
        net->n == 0 && hw->n > 0 && td_objective_has_target(&u->r->objective, TD_METRIC_AREA);
    td_status s = td_space_product(net, hw, u->sum->arena, &space, err);
    if (s == TD_OK) s = spec_hash(u, space, trains, area_is_hard, &spec, err);
    if (s != TD_OK) return s;
    snprintf(u->sum->row[index].name, sizeof u->sum->row[index].name, "%s", name);
    u->sum->n++;
    td__row row = {.name = name,
                   .spec = u->r->text,
                   .spec_hash = spec,
                   .seed = u->r->seed,
                   .space = space,
                   .objective = &u->r->objective,
                   .area_is_hard = area_is_hard,
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
    int first = u->n;
    if (s == TD_OK) s = choose(u, index, space, name, err);
    if (s == TD_OK) warn_of_misses(u, first, name);
    return s;
}

/* The order of results, as that of trials (td_trials_best): what meets the targets first, what
 * misses them by how much, then accuracy on the validation split; an accuracy that is not known is
 * below all others. */
static int compare(double violation_a, double accuracy_a, double violation_b, double accuracy_b) {
    if (violation_a != violation_b) return violation_a < violation_b ? 1 : -1;
    double a = isnan(accuracy_a) ? -1 : accuracy_a, b = isnan(accuracy_b) ? -1 : accuracy_b;
    return (a > b) - (a < b);
}

/* Pareto mode: all candidates of a row, in their order. The winner among them stands in the row
 * already. */
static td_status keep_front(run *u, int row, int winner, td_error *err) {
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
                               .test_accuracy = NAN,
                               .design = c->design,
                               .weights = c->weights};
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
    }
    return s;
}

/* The winner of each row is the best of its candidates, the first of equal ones; -1: it has none.
 */
static void pick_winners(run *u, int winner[TD_MAX_ROWS]) {
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
        row->meets = c->violation == 0;
        row->violation = c->violation;
        row->valid_accuracy = c->valid_accuracy;
        memcpy(row->metric, c->metric, sizeof row->metric);
        row->design = c->design;
        row->weights = c->weights;
        c->design = (td_design){0};
        c->weights = NULL;
    }
}

static td_status schedule_row(run *u, td_result_row *row, td_error *err) {
    double metric[TD_NMETRIC];
    const td_workload *w = row->design.workload;
    if (w != NULL) {
        row->part = TD_NEW(u->sum->arena, td_schedule, w->n);
        if (row->part == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    return td__design_cost(&row->design, &u->schedule, metric,
                           w != NULL ? row->part : &row->schedule, err);
}

static td_status finish_rows(run *u, td_error *err) {
    td_run_summary *sum = u->sum;
    td_status s = TD_OK;
    int winner[TD_MAX_ROWS];
    pick_winners(u, winner);
    for (int i = 0; s == TD_OK && i < sum->n; i++) {
        td_result_row *row = &sum->row[i];
        row->test_accuracy = NAN;
        if (!row->found) continue;
        s = schedule_row(u, row, err);
        if (s == TD_OK && row->weights != NULL)
            s = td_test(row->design.net, row->weights, u->accuracy.data, TD_SPLIT_TEST,
                        &row->test_accuracy, NULL, err);
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
static td_status check_images(const run *u, const td_space *space, td_error *err) {
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

static td_status run_rows(run *u, td_error *err) {
    const td_recipe *r = u->r;
    td_status s = TD_OK;
    if (r->fixed_net != NULL) {
        s = search_row(u, "hand-made", r->fixed_net, r->fixed_hw, false, err);
        if (s == TD_OK) s = search_row(u, "accelerator", r->fixed_net, r->hw, false, err);
        if (s == TD_OK) s = search_row(u, "network", r->net, r->fixed_hw, true, err);
    }
    if (s == TD_OK && r->is_workload) return search_row(u, "workload", r->net, r->hw, false, err);
    if (s == TD_OK) s = search_row(u, "joint", r->net, r->hw, true, err);
    return s;
}

static double process_cpu_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* The final trainings, on the data of the proxy. */
static td_status train_winners(run *u, td_error *err) {
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

td_status td_recipe_run(const td_recipe *r, const td_run_options *o, td_run_summary *out,
                        td_error *err) {
    *out = (td_run_summary){.best = -1, .started = td_time_wall_s()};
    double wall = td_time_mono_s(), cpu = process_cpu_s();
    run u = {.r = r, .o = o, .sum = out, .schedule = r->schedule};
    const char *path = NULL;
    int lock = -1;
    out->arena = td_arena_create();
    if (out->arena != NULL) path = td_arena_printf(out->arena, "%s/study.db", o->out);
    u.candidate = calloc(MAX_CANDIDATES, sizeof *u.candidate);
    u.schedule.cache = td_map_cache_create(200000);
    td_status s = TD_OK;
    if (path == NULL || u.candidate == NULL || u.schedule.cache == NULL)
        s = td_fail(err, TD_E_MEMORY, "out of memory");
    /* The data first: nothing is made in the folder if they are not there. */
    if (s == TD_OK && !r->is_workload)
        s = td_accuracy_from_node(r->accuracy, r->seed, &u.accuracy, err);
    if (s == TD_OK) s = check_images(&u, r->net, err);
    if (s == TD_OK && r->fixed_net != NULL && r->final != NULL)
        s = check_images(&u, r->fixed_net, err);
    if (s == TD_OK) s = td_dir_make(o->out, err);
    if (s == TD_OK) s = lock_folder(o->out, out->arena, &lock, err);
    if (s == TD_OK) s = td_store_open(path, true, &u.store, err);
    if (s == TD_OK) s = run_rows(&u, err);
    if (s == TD_OK && r->final != NULL) s = train_winners(&u, err);
    if (s == TD_OK) s = finish_rows(&u, err);
    for (int i = 0; i < u.n; i++) {
        td_design_free(&u.candidate[i].design);
        td_weights_destroy(u.candidate[i].weights);
    }
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
        for (int k = 0; k < s->row[i].n_front; k++) {
            td_front_design *f = &s->row[i].front[k];
            td_design_free(&f->design);
            td_weights_destroy(f->weights);
            td_schedule_free(&f->schedule);
        }
        for (int k = 0; s->row[i].part != NULL && k < s->row[i].design.workload->n; k++)
            td_schedule_free(&s->row[i].part[k]);
        td_design_free(&s->row[i].design);
        td_weights_destroy(s->row[i].weights);
        td_schedule_free(&s->row[i].schedule);
    }
    td_arena_destroy(s->arena);
    memset(s, 0, sizeof *s);
}

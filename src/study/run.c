/* run.c - all that a recipe asks for: its rows one after the other in one store, the final
 * trainings, and the only look at the test split. */
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "enqueue.h"
#include "lock.h"
#include "row.h"

enum { MAX_CANDIDATES = TD_MAX_ROWS * 100 };

typedef struct {
    const td_recipe *r;
    const td_run_options *o;
    td_run_summary *sum;
    td_store *store;
    td_accuracy accuracy;
    td_schedule_options schedule;
    const char *stop_file;
    td__row row[TD_MAX_ROWS]; /* of the recipe, in order */
    int64_t study[TD_MAX_ROWS];
    int n_rows;
    td__candidate *candidate;
    int n;
} run;

/* One process per results folder leads: it trains the winners and writes the results. */
static td_status lead(const char *out, td_arena *a, td__lock *lock, td_error *err) {
    const char *path = td_arena_printf(a, "%s/study.lock", out);
    if (path == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = td__lock_open(path, lock, err);
    if (s != TD_OK || td__lock_take(lock, TD__LEADER_BYTE)) return s;
    td__lock_close(lock);
    return td_fail(err, TD_E_STORE,
                   "%s: another tandem process is searching in this folder; `tandem worker %s` "
                   "joins it",
                   out, out);
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
static td_status spec_hash(const run *u, const td_space *space, bool trains, uint64_t *out,
                           td_error *err) {
    const td_recipe *r = u->r;
    const td_objective *o = &r->objective;
    uint64_t h = hash_u64(TD_COST_REVISION, td_hash_text(td_version(), 1));
    td_status s = hash_space(space, &h, err);
    h = hash_u64(o->kind, h);
    h = hash_real(o->beta, hash_real(o->q, hash_real(o->p, h)));
    for (int m = 0; m < TD_NMETRIC; m++) h = hash_real(o->target[m], h);
    h = hash_u64(o->train_violating, h);
    h = hash_u64(r->schedule.counting, hash_u64(r->schedule.objective, h));
    h = hash_u64(r->schedule.max_nodes, hash_u64((uint64_t)r->schedule.batch, h));
    h = hash_u64(r->schedule.cold, h);
    h = hash_u64(hash_node(r->params), td_hash_text(r->strategy->name, h));
    h = hash_u64((uint64_t)r->lag, h);
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
        out->count[td_trial_result(&t[i])]++;
    }
    int first = u->n;
    bool first_feasible = false;
    for (int64_t k = 0; s == TD_OK && k < u->r->candidates; k++) {
        int best = td_trials_best(t, n);
        if (best < 0 || (u->n > first && first_feasible && !t[best].feasible)) break;
        if (u->n == first) first_feasible = t[best].feasible;
        td__candidate *c = &u->candidate[u->n];
        /* The proxy's accuracy, until a final training has a better one. */
        *c = (td__candidate){
            .row = row, .valid_accuracy = t[best].accuracy, .violation = t[best].violation};
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

/* Adds a row to the plan. */
static td_status plan_row(run *u, const char *name, const td_space *net, const td_space *hw,
                          bool trains, td_error *err) {
    const td_recipe *r = u->r;
    td_space *space;
    uint64_t spec = 0;
    td_status s = td_space_product(net, hw, u->sum->arena, &space, err);
    if (s == TD_OK) s = spec_hash(u, space, trains, &spec, err);
    if (s != TD_OK) return s;
    u->row[u->n_rows++] =
        (td__row){.name = name,
                  .spec = r->text,
                  .path = r->path,
                  .spec_hash = spec,
                  .seed = r->seed,
                  .space = space,
                  .objective = &r->objective,
                  .schedule = &u->schedule,
                  .accuracy = trains ? &u->accuracy : NULL,
                  .strategy = r->strategy,
                  .params = r->params,
                  .lag = r->lag,
                  .trials = space->n == 0          ? 1
                            : u->o->max_trials > 0 ? u->o->max_trials
                                                   : r->trials,
                  .trained = r->trained,
                  .active_s = 3600 * (u->o->max_hours > 0 ? u->o->max_hours : r->hours),
                  .store = u->store,
                  .stop_file = u->stop_file,
                  .run = u->o};
    return TD_OK;
}

/* The rows of a recipe. Designs are enqueued in the last one, the search that the recipe is about.
 */
static td_status plan_rows(run *u, td_error *err) {
    const td_recipe *r = u->r;
    td__designs first = {0};
    td_status s = TD_OK;
    if (r->fixed_net != NULL) {
        s = plan_row(u, "hand-made", r->fixed_net, r->fixed_hw, false, err);
        if (s == TD_OK) s = plan_row(u, "accelerator", r->fixed_net, r->hw, false, err);
        if (s == TD_OK) s = plan_row(u, "network", r->net, r->fixed_hw, true, err);
    }
    if (s == TD_OK) s = plan_row(u, "joint", r->net, r->hw, true, err);
    if (s != TD_OK) return s;
    td__row *last = &u->row[u->n_rows - 1];
    s = td__designs_read(last->space, last->name, r->enqueue, u->sum->arena, &first, err);
    last->first = first.params;
    last->first_hash = first.hash;
    last->n_first = first.n;
    return s;
}

static td_status search_row(run *u, int i, td_error *err) {
    const td__row *row = &u->row[i];
    snprintf(u->sum->row[i].name, sizeof u->sum->row[i].name, "%s", row->name);
    u->sum->n = i + 1;
    td_status s = td__row_search(row, u->study[i], err);
    int first = u->n;
    if (s == TD_OK) s = choose(u, i, row->space, row->name, err);
    if (s == TD_OK) warn_of_misses(u, first, row->name);
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

/* The winner of each row is the best of its candidates, the first of equal ones. */
static void pick_winners(run *u) {
    for (int i = 0; i < u->n; i++) {
        td__candidate *c = &u->candidate[i];
        td_result_row *row = &u->sum->row[c->row];
        if (row->found &&
            compare(c->violation, c->valid_accuracy, row->violation, row->valid_accuracy) <= 0)
            continue;
        td_design_free(&row->design);
        td_weights_destroy(row->weights);
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

static td_status finish_rows(run *u, td_error *err) {
    td_run_summary *sum = u->sum;
    td_status s = TD_OK;
    pick_winners(u);
    for (int i = 0; s == TD_OK && i < sum->n; i++) {
        td_result_row *row = &sum->row[i];
        row->test_accuracy = NAN;
        if (!row->found) continue;
        double metric[TD_NMETRIC];
        s = td__design_cost(&row->design, &u->schedule, metric, &row->schedule, err);
        if (s == TD_OK && row->weights != NULL)
            s = td_test(row->design.net, row->weights, u->accuracy.data, TD_SPLIT_TEST,
                        &row->test_accuracy, NULL, err);
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

/* All rows stand in the store before the first trial: others that join find what is to be done. */
static td_status run_rows(run *u, td_error *err) {
    td_status s = plan_rows(u, err);
    for (int i = 0; s == TD_OK && i < u->n_rows; i++)
        s = td__row_enter(&u->row[i], &u->study[i], err);
    if (s == TD_OK && u->o->joinable != NULL) u->o->joinable(u->o->self);
    for (int i = 0; s == TD_OK && i < u->n_rows; i++) s = search_row(u, i, err);
    return s;
}

/* Those of the rows that stand in the store and are not done, as they stand there. */
static td_status help_rows(run *u, td_error *err) {
    td_status s = plan_rows(u, err);
    for (int i = 0; s == TD_OK && i < u->n_rows; i++) {
        int state;
        s = td__row_find(&u->row[i], &u->study[i], &state, err);
        if (s == TD_OK && state >= 0 && state < 2) s = td__row_search(&u->row[i], u->study[i], err);
    }
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

/* The data, the maps and the folder's paths: what comes before the store. */
static td_status prepare(run *u, const char **path, td_error *err) {
    const td_recipe *r = u->r;
    td_arena *a = u->sum->arena = td_arena_create();
    if (a != NULL) *path = td_arena_printf(a, "%s/study.db", u->o->out);
    if (a != NULL) u->stop_file = td_arena_printf(a, "%s/stop", u->o->out);
    u->candidate = calloc(MAX_CANDIDATES, sizeof *u->candidate);
    u->schedule.cache = td_map_cache_create(200000);
    td_status s = TD_OK;
    if (a == NULL || *path == NULL || u->stop_file == NULL || u->candidate == NULL ||
        u->schedule.cache == NULL)
        s = td_fail(err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK) s = td_accuracy_from_node(r->accuracy, r->seed, &u->accuracy, err);
    if (s == TD_OK) s = check_images(u, r->net, err);
    return s;
}

/* What a worker still has it gives back. */
static void leave(run *u) {
    if (u->store != NULL) td__store_leave(u->store, NULL);
    td_store_close(u->store);
    u->store = NULL;
    for (int i = 0; i < u->n; i++) {
        td_design_free(&u->candidate[i].design);
        td_weights_destroy(u->candidate[i].weights);
    }
    td_accuracy_free(&u->accuracy);
    td_map_cache_destroy(u->schedule.cache);
    free(u->candidate);
}

td_status td_recipe_run(const td_recipe *r, const td_run_options *o, td_run_summary *out,
                        td_error *err) {
    *out = (td_run_summary){.best = -1, .started = td_time_wall_s()};
    double wall = td_time_mono_s(), cpu = process_cpu_s();
    run u = {.r = r, .o = o, .sum = out, .schedule = r->schedule};
    const char *path = NULL;
    td__lock lock = {.fd = -1};
    /* The data first: nothing is made in the folder if they are not there. */
    td_status s = prepare(&u, &path, err);
    if (s == TD_OK && r->fixed_net != NULL && r->final != NULL)
        s = check_images(&u, r->fixed_net, err);
    if (s == TD_OK) s = td_dir_make(o->out, err);
    if (s == TD_OK) s = lead(o->out, out->arena, &lock, err);
    if (s == TD_OK) unlink(u.stop_file);
    if (s == TD_OK) s = td_store_open(path, true, &u.store, err);
    if (s == TD_OK) s = td__store_join(u.store, err);
    if (s == TD_OK) s = run_rows(&u, err);
    if (s == TD_OK && r->final != NULL) s = train_winners(&u, err);
    if (s == TD_OK) s = finish_rows(&u, err);
    leave(&u);
    td__lock_close(&lock);
    out->wall_s = td_time_mono_s() - wall;
    out->cpu_s = process_cpu_s() - cpu;
    return s;
}

td_status td_recipe_work(const td_recipe *r, const td_run_options *o, td_error *err) {
    td_run_summary sum = {0};
    run u = {.r = r, .o = o, .sum = &sum, .schedule = r->schedule};
    const char *path = NULL;
    td_status s = prepare(&u, &path, err);
    if (s == TD_OK && !td_file_exists(path))
        s = td_fail(err, TD_E_NOT_FOUND, "%s: no search was begun there", o->out);
    if (s == TD_OK) s = td_store_open(path, true, &u.store, err);
    if (s == TD_OK) s = td__store_join(u.store, err);
    if (s == TD_OK) s = help_rows(&u, err);
    leave(&u);
    td_run_summary_free(&sum);
    return s;
}

/* A row by its name, NULL: the last one. */
static td_status row_by_name(const run *u, const char *name, int *out, td_error *err) {
    const char *known[TD_MAX_ROWS];
    td_text t = {0};
    *out = u->n_rows - 1;
    if (name == NULL) return TD_OK;
    for (int i = 0; i < u->n_rows; i++) {
        known[i] = u->row[i].name;
        if (strcmp(name, known[i]) == 0) {
            *out = i;
            return TD_OK;
        }
    }
    td_text_addf(&t, "no row \"%.60s\"", name);
    td_text_add_known(&t, name, known, u->n_rows);
    td_fail(err, TD_E_NOT_FOUND, "%s", t.data != NULL ? t.data : "no such row");
    td_text_free(&t);
    return TD_E_NOT_FOUND;
}

td_status td_recipe_enqueue(const td_recipe *r, const char *folder, const char *row,
                            const td_node *designs, int64_t *first, int *count, td_error *err) {
    td_run_options o = {.out = folder};
    td_run_summary sum = {0};
    run u = {.r = r, .o = &o, .sum = &sum, .schedule = r->schedule};
    const char *path = NULL;
    td__designs list = {0};
    int at = 0, state = -1;
    *count = 0;
    td_status s = prepare(&u, &path, err);
    if (s == TD_OK) s = td_dir_make(folder, err);
    if (s == TD_OK) s = td_store_open(path, true, &u.store, err);
    if (s == TD_OK) s = plan_rows(&u, err);
    if (s == TD_OK) s = row_by_name(&u, row, &at, err);
    td__row *to = &u.row[at];
    if (s == TD_OK) s = td__designs_read(to->space, to->name, designs, sum.arena, &list, err);
    if (s == TD_OK) s = td__row_find(to, &u.study[at], &state, err);
    if (s == TD_OK && state < 0) s = td__row_enter(to, &u.study[at], err);
    for (int i = 0; s == TD_OK && i < list.n; i++) {
        int64_t number;
        s = td__store_enqueue(u.store, u.study[at], list.params[i], list.hash[i], &number, err);
        if (s == TD_OK && (*count)++ == 0) *first = number;
    }
    if (s == TD_E_DONE)
        td_fail(err, s, "row \"%s\" has no number left for design %d; a larger budget.trials has",
                to->name, *count + 1);
    leave(&u);
    td_run_summary_free(&sum);
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

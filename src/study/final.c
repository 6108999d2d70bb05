/* final.c - full training of the chosen designs. Weights are kept in out/final/ under a name that
 * holds the network, the data and the options, so that a resumed run trains nothing twice. */
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "run.h"

typedef struct {
    const td_run_options *run;
    const td_dataset *data;
    td_train_options options;
    td__candidate *c;
    int n;
    int *order; /* of candidates */
    td_status *status;
    td_error *err;
    const char *dir, *stop_file;
    pthread_mutex_t lock;
    int done, total;
    double start;
    atomic_bool failed; /* one training has: the others are not worth their time any more */
} job;

static bool is_cancelled(void *self) {
    job *j = self;
    const td_run_options *run = j->run;
    return atomic_load(&j->failed) || (run->cancelled != NULL && run->cancelled(run->self)) ||
           td_file_exists(j->stop_file);
}

static int first_of_network(const job *j, int i) {
    int k = 0;
    while (j->c[k].design.net_hash != j->c[i].design.net_hash) k++;
    return k;
}

/* Weights that an earlier run has left, or a training. */
static td_status train_network(job *j, int i) {
    td__candidate *c = &j->c[i];
    td_error *err = &j->err[i];
    td_train_options o = j->options;
    o.cancelled = is_cancelled;
    o.self = j;
    uint64_t key = td_train_options_hash(&o);
    key = td_hash(&j->data->hash, sizeof j->data->hash, key);
    key = td_hash_text(td_version(), key);
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%016" PRIx64 "-%016" PRIx64 ".weights", j->dir,
                 c->design.net_hash, key) >= (int)sizeof path)
        return td_fail(err, TD_E_USAGE, "%.40s...: the path is too long", j->dir);
    td_status s = TD_E_NOT_FOUND;
    td_train_result r = {.valid_accuracy = NAN};
    if (td_file_exists(path)) s = td_weights_load(c->design.net, path, &c->weights, NULL);
    bool loaded = s == TD_OK;
    if (!loaded) { /* none yet, or damaged: trained (again) */
        s = is_cancelled(j) ? td_fail(err, TD_E_INTERRUPTED, "interrupted")
                            : td_train(c->design.net, j->data, &o, &c->weights, &r, err);
        if (s == TD_E_INFEASIBLE) { /* diverges: it stays without weights and accuracy */
            c->valid_accuracy = NAN;
            return TD_OK;
        }
        if (s == TD_OK) s = td_weights_save(c->weights, c->design.net, path, err);
    }
    /* Trained on the validation split, it cannot be measured there: the proxy's accuracy stays. */
    if (s == TD_OK && loaded && !o.with_valid)
        s = td_test(c->design.net, c->weights, j->data, TD_SPLIT_VALID, &r.valid_accuracy, NULL,
                    err);
    if (s == TD_OK && !o.with_valid) c->valid_accuracy = r.valid_accuracy;
    return s;
}

static void train_one(void *self, int position) {
    job *j = self;
    int i = j->order[position];
    if (first_of_network(j, i) != i) return; /* shared below */
    td_status s = j->status[i] = train_network(j, i);
    if (s != TD_OK) atomic_store(&j->failed, true);
    if (s == TD_OK && j->c[i].weights == NULL)
        td_log_write(j->run->log, 1, "the final training of %s diverges",
                     td_net_name(j->c[i].design.net));
    pthread_mutex_lock(&j->lock);
    j->done += s == TD_OK;
    if (s == TD_OK && j->run->progress != NULL) {
        td_progress p = {.row = "all rows",
                         .phase = "final training",
                         .done = j->done,
                         .total = j->total,
                         .elapsed_s = td_time_mono_s() - j->start};
        j->run->progress(j->run->self, &p);
    }
    pthread_mutex_unlock(&j->lock);
}

/* The first real fault; interruptions are often its consequence. */
static td_status first_fault(const job *j, td_error *err) {
    int fault = -1;
    for (int i = 0; i < j->n; i++) {
        if (j->status[i] == TD_OK) continue;
        if (fault < 0 || (j->status[fault] == TD_E_INTERRUPTED && j->status[i] != TD_E_INTERRUPTED))
            fault = i;
    }
    if (fault < 0) return TD_OK;
    if (err != NULL) *err = j->err[fault];
    return j->status[fault];
}

static td_weights *weights_copy(const td_net *net, const td_weights *w) {
    td_weights *copy = td_weights_create(net);
    if (copy == NULL || copy->count != w->count) {
        td_weights_destroy(copy);
        return NULL;
    }
    for (int64_t i = 0; i < w->count; i++) copy->data[i] = w->data[i];
    copy->bn_eps = w->bn_eps;
    return copy;
}

/* The longest trainings first: no core waits for one that began late. */
static void order_by_work(job *j) {
    for (int i = 0; i < j->n; i++) {
        td_net_totals here, before;
        td_net_count(j->c[i].design.net, &here);
        int k = i;
        for (; k > 0; k--) {
            td_net_count(j->c[j->order[k - 1]].design.net, &before);
            if (before.macs >= here.macs) break;
            j->order[k] = j->order[k - 1];
        }
        j->order[k] = i;
    }
}

td_status td__final_train(const td_recipe *r, const td_run_options *run, const td_dataset *data,
                          td__candidate *c, int n, td_error *err) {
    job j = {.run = run, .data = data, .c = c, .n = n, .start = td_time_mono_s()};
    if (n == 0) return TD_OK;
    td_arena *a = td_arena_create();
    if (a != NULL) j.dir = td_arena_printf(a, "%s/final", run->out);
    if (a != NULL) j.stop_file = td_arena_printf(a, "%s/stop", run->out);
    j.status = calloc((size_t)n, sizeof *j.status);
    j.err = calloc((size_t)n, sizeof *j.err);
    j.order = calloc((size_t)n, sizeof *j.order);
    pthread_mutex_init(&j.lock, NULL);
    td_train_options_default(&j.options);
    j.options.seed = r->seed;
    td_status s = TD_OK;
    if (j.dir == NULL || j.stop_file == NULL || j.status == NULL || j.err == NULL ||
        j.order == NULL)
        s = td_fail(err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK) s = td_train_options_from_node(r->final, &j.options, err);
    if (s == TD_OK) s = td_dir_make(j.dir, err);
    if (s == TD_OK) order_by_work(&j);
    for (int i = 0; i < n; i++) j.total += first_of_network(&j, i) == i;
    if (s == TD_OK) s = td_parallel_for(run->threads, n, train_one, &j);
    if (s == TD_OK) s = first_fault(&j, err);
    for (int i = 0; s == TD_OK && i < n; i++) {
        int k = first_of_network(&j, i);
        if (k == i) continue;
        bool diverged = c[k].weights == NULL;
        if (!j.options.with_valid || diverged) c[i].valid_accuracy = c[k].valid_accuracy;
        if (diverged) continue;
        c[i].weights = weights_copy(c[i].design.net, c[k].weights);
        if (c[i].weights == NULL) s = td_fail(err, TD_E_MEMORY, "out of memory");
    }
    pthread_mutex_destroy(&j.lock);
    free(j.order);
    free(j.err);
    free(j.status);
    td_arena_destroy(a);
    return s;
}

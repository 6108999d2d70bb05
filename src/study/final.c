/* final.c - full training of the chosen designs. Weights are kept in out/final/ under a name that
 * holds the network, the data and the options, so that a resumed run trains nothing twice. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "run.h"

typedef struct {
    const td_run_options *run;
    const td_dataset *data;
    td_train_options options;
    td__candidate *c;
    int n;
    td_status *status;
    td_error *err;
    pthread_mutex_t lock;
    int done, total;
    double cpu_s, start;
} job;

static bool is_cancelled(void *self) {
    const td_run_options *run = ((job *)self)->run;
    return run->cancelled != NULL && run->cancelled(run->self);
}

static int first_of_network(const job *j, int i) {
    int k = 0;
    while (j->c[k].design.net_hash != j->c[i].design.net_hash) k++;
    return k;
}

static void train_one(void *self, int i) {
    job *j = self;
    if (first_of_network(j, i) != i) return; /* shared below */
    td__candidate *c = &j->c[i];
    td_train_options o = j->options;
    o.cancelled = is_cancelled;
    o.self = j;
    uint64_t key = td_train_options_hash(&o);
    key = td_hash(&j->data->hash, sizeof j->data->hash, key);
    key = td_hash_text(td_version(), key);
    char path[1200];
    snprintf(path, sizeof path, "%s/final/%016" PRIx64 "-%016" PRIx64 ".weights", j->run->out,
             c->design.net_hash, key);
    double start = td_time_thread_s();
    td_status s = TD_E_NOT_FOUND;
    if (td_file_exists(path)) s = td_weights_load(c->design.net, path, &c->weights, NULL);
    if (s != TD_OK) { /* none yet, or damaged: trained (again) */
        td_train_result r;
        s = td_train(c->design.net, j->data, &o, &c->weights, &r, &j->err[i]);
        if (s == TD_OK) s = td_weights_save(c->weights, c->design.net, path, &j->err[i]);
    }
    if (s == TD_OK)
        s = td_test(c->design.net, c->weights, j->data, TD_SPLIT_VALID, &c->valid_accuracy, NULL,
                    &j->err[i]);
    j->status[i] = s;
    pthread_mutex_lock(&j->lock);
    j->done++;
    j->cpu_s += td_time_thread_s() - start;
    if (j->run->progress != NULL) {
        td_progress p = {.row = "all rows",
                         .phase = "final training",
                         .done = j->done,
                         .total = j->total,
                         .elapsed_s = td_time_mono_s() - j->start};
        j->run->progress(j->run->self, &p);
    }
    pthread_mutex_unlock(&j->lock);
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

td_status td__final_train(const td_recipe *r, const td_run_options *run, const td_dataset *data,
                          td__candidate *c, int n, double *cpu_s, td_error *err) {
    job j = {.run = run, .data = data, .c = c, .n = n, .start = td_time_mono_s()};
    char dir[1100];
    snprintf(dir, sizeof dir, "%s/final", run->out);
    td_train_options_default(&j.options);
    td_status s = td_train_options_from_node(r->final, &j.options, err);
    if (s == TD_OK) s = td_dir_make(dir, err);
    if (s != TD_OK) return s;
    j.options.seed = r->seed;
    j.status = calloc((size_t)n, sizeof *j.status);
    j.err = calloc((size_t)n, sizeof *j.err);
    pthread_mutex_init(&j.lock, NULL);
    if (j.status == NULL || j.err == NULL) s = td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < n; i++) j.total += first_of_network(&j, i) == i;
    if (s == TD_OK) s = td_parallel_for(run->threads, n, train_one, &j);
    for (int i = 0; s == TD_OK && i < n; i++) {
        int k = first_of_network(&j, i);
        if (j.status[k] != TD_OK) {
            s = j.status[k];
            if (err != NULL) *err = j.err[k];
        } else if (k != i) {
            c[i].valid_accuracy = c[k].valid_accuracy;
            c[i].weights = weights_copy(c[i].design.net, c[k].weights);
            if (c[i].weights == NULL) s = td_fail(err, TD_E_MEMORY, "out of memory");
        }
    }
    *cpu_s += j.cpu_s;
    pthread_mutex_destroy(&j.lock);
    free(j.err);
    free(j.status);
    return s;
}

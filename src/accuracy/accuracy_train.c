/* accuracy_train.c - accuracy by training from scratch: every network gets the same data, options
 * and seed, and is scored on the validation split. */
#include <stdlib.h>
#include <string.h>

#include "accuracy_sources.h"

typedef struct {
    td_dataset data;
    td_train_options options;
} source;

static td_status evaluate(void *self, const td_design *d, double fidelity,
                          bool (*cancelled)(void *), void *cancel_self, td_accuracy_result *out,
                          td_error *err) {
    const source *s = self;
    *out = (td_accuracy_result){.value = NAN, .std = NAN};
    if (d->net == NULL) return td_fail(err, TD_E_USAGE, "the design has no network to train");
    if (!(fidelity > 0 && fidelity <= 1))
        return td_fail(err, TD_E_USAGE, "fidelity: expected a number in (0, 1], found %g",
                       fidelity);
    td_train_options o = s->options;
    o.epochs *= fidelity;
    o.cancelled = cancelled;
    o.self = cancel_self;
    td_weights *w = NULL;
    td_train_result r = {0};
    double start = td_time_thread_s();
    td_status status = td_train(d->net, &s->data, &o, &w, &r, err);
    if (status == TD_OK) out->value = r.valid_accuracy;
    td_weights_destroy(w);
    out->cpu_s = td_time_thread_s() - start;
    return status;
}

/* ---- watched ----------------------------------------------------------------------------------
 */

static int step_at(double epoch) {
    return (int)ceil(epoch - 1e-9); /* the last one may be a part of an epoch */
}

typedef struct {
    const td_accuracy_watch *w;
    bool (*cancelled)(void *);
    void *cancel_self;
    int steps;
    td_accuracy_result *out;
} watching;

static bool wanted(void *self, double epoch) {
    const watching *t = self;
    return step_at(epoch) < t->steps && t->w->looks(t->w->self, step_at(epoch));
}

static bool progress(void *self, double epoch, double loss, double valid_accuracy) {
    (void)loss;
    watching *t = self;
    bool on = t->w->goes_on(t->w->self, step_at(epoch), valid_accuracy);
    if (!on) {
        t->out->value = valid_accuracy;
        t->out->steps = step_at(epoch);
    }
    return on;
}

static bool is_cancelled(void *self) {
    const watching *t = self;
    return t->cancelled != NULL && t->cancelled(t->cancel_self);
}

/* The schedule of the learning rate is that of the whole training: what is seen after its first
 * epochs is the network at a high rate, as far as it has come. */
static td_status watched(void *self, const td_design *d, const td_accuracy_watch *w,
                         bool (*cancelled)(void *), void *cancel_self, td_accuracy_result *out,
                         td_error *err) {
    const source *s = self;
    *out = (td_accuracy_result){.value = NAN, .std = NAN};
    if (d->net == NULL) return td_fail(err, TD_E_USAGE, "the design has no network to train");
    watching t = {w, cancelled, cancel_self, step_at(s->options.epochs), out};
    td_train_options o = s->options;
    o.wanted = wanted;
    o.progress = progress;
    o.cancelled = is_cancelled;
    o.self = &t;
    td_weights *weights = NULL;
    td_train_result r = {0};
    double start = td_time_thread_s();
    td_status status = td_train(d->net, &s->data, &o, &weights, &r, err);
    if (status == TD_OK) {
        out->value = r.valid_accuracy;
        out->steps = t.steps;
    } else if (status == TD_E_INTERRUPTED && out->steps > 0) {
        status = TD_OK; /* by the watch */
    }
    td_weights_destroy(weights);
    out->cpu_s = td_time_thread_s() - start;
    return status;
}

static uint64_t key(const void *self) {
    const source *s = self;
    uint64_t h = td_hash_text("train", td_hash_text(td_version(), 0));
    h = td_hash(&s->data.hash, sizeof s->data.hash, h);
    uint64_t o = td_train_options_hash(&s->options);
    return td_hash(&o, sizeof o, h);
}

static void destroy(void *self) {
    source *s = self;
    if (s == NULL) return;
    td_dataset_free(&s->data);
    free(s);
}

/* The node holds `source`, `data`, `path` and, beside them, the keys of td_train_options_from_node:
 * these check their own keys, so they get the map without ours. */
static td_status read(const td_node *n, uint64_t seed, td_train_options *o, const char **data,
                      const char **path, td_error *err) {
    static const char *const own[] = {"source", "data", "path", NULL};
    *data = "fashion-mnist";
    *path = NULL;
    td_status s = td_node_opt_string(n, "data", data, err);
    if (s == TD_OK) s = td_node_opt_string(n, "path", path, err);
    if (s != TD_OK) return s;
    if ((s = td_dataset_known(*data, err)) != TD_OK) {
        const td_node *named = td_node_find(n, "data");
        return named != NULL && err != NULL ? td_node_place(named, err) : s;
    }
    td_node *rest;
    td_arena *a = td_arena_create();
    s = a != NULL ? td_node_without(a, n, own, &rest, err)
                  : td_fail(err, TD_E_MEMORY, "out of memory");
    td_train_options_default(o);
    o->seed = seed;
    if (s == TD_OK) s = td_train_options_from_node(rest, o, err);
    td_arena_destroy(a);
    if (s == TD_OK && o->with_valid)
        s = td_node_fail(td_node_find(n, "with_valid"), err,
                         "accuracies are measured on the validation split, which therefore cannot "
                         "be trained on");
    return s;
}

td_status td__accuracy_train_check(const td_node *n, const td_space *nets, td_error *err) {
    (void)nets;
    td_train_options o;
    const char *data, *path;
    return read(n, 0, &o, &data, &path, err);
}

td_status td__accuracy_train_steps(const td_node *n, int *steps, td_error *err) {
    td_train_options o;
    const char *data, *path;
    td_status s = read(n, 0, &o, &data, &path, err);
    if (s == TD_OK) *steps = step_at(o.epochs);
    return s;
}

td_status td__accuracy_train(const td_node *n, const td_space *nets, uint64_t seed,
                             td_accuracy *out, td_error *err) {
    (void)nets;
    const char *data, *path;
    source *s = calloc(1, sizeof *s);
    td_arena *a = td_arena_create();
    td_status status = s != NULL && a != NULL ? read(n, seed, &s->options, &data, &path, err)
                                              : td_fail(err, TD_E_MEMORY, "out of memory");
    if (status == TD_OK && path != NULL && (path = td_file_beside(a, n->file, path)) == NULL)
        status = td_fail(err, TD_E_MEMORY, "out of memory");
    if (status == TD_OK) status = td_dataset_load(data, path, &s->data, err);
    td_arena_destroy(a);
    if (status != TD_OK) {
        free(s);
        return status;
    }
    *out = (td_accuracy){.name = "train",
                         .self = s,
                         .evaluate = evaluate,
                         .key = key,
                         .steps = step_at(s->options.epochs),
                         .watched = watched,
                         .data = &s->data,
                         .destroy = destroy};
    return TD_OK;
}

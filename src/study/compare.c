/* compare.c - the runs of a comparison, several at a time. Seeds are the outer loop, so that a
 * comparison that was stopped has about as many runs of each method, and runs of one seed are near
 * each other: they share data and accuracies, which are freed when the last of them has ended. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"

/* Shared by all runs: up to about 3 GB, with the ways of layers (map_cache.c), and 0.8 GB. */
enum { MOST_MAPPINGS = 300000, MOST_PAIRS = 8000000 };

typedef struct {
    td_recipe *recipe; /* what the accuracy was made from */
    td_accuracy accuracy;
    bool loaded;
    int left; /* runs that need it still */
} lent;

typedef struct job {
    td_comparison *c;
    const td_compare_options *o;
    td_map_cache *maps;
    td_costs *costs;
    lent *lent;           /* per seed */
    td_progress *at;      /* per run: as it was told last */
    pthread_mutex_t lock; /* of all below, lent[] and at[] */
    bool ended, cancelled;
    td_status status;
    td_error err;
    double start;
} job;

/* One run's ways back to the job. */
typedef struct {
    job *j;
    int index;
} place;

static bool is_cancelled(void *self) {
    const place *p = self;
    job *j = p->j;
    pthread_mutex_lock(&j->lock);
    bool ended = j->ended;
    pthread_mutex_unlock(&j->lock);
    return ended || (j->o->cancelled != NULL && j->o->cancelled(j->o->self));
}

/* All runs as one search. Under the lock. */
static void report(job *j) {
    if (j->o->progress == NULL) return;
    td_progress all = {.row = "compare", .phase = "search"};
    all.elapsed_s = td_time_mono_s() - j->start;
    for (int i = 0; i < j->c->nrun; i++) {
        const td_progress *p = &j->at[i];
        all.done += p->done;
        all.total += p->total;
        all.trained += p->trained;
        for (int k = 0; k < TD_NRESULT; k++) all.count[k] += p->count[k];
        if (p->max_trained == INT64_MAX || all.max_trained == INT64_MAX)
            all.max_trained = INT64_MAX;
        else
            all.max_trained += p->max_trained;
    }
    j->o->progress(j->o->self, &all);
}

static void on_progress(void *self, const td_progress *p) {
    const place *at = self;
    pthread_mutex_lock(&at->j->lock);
    at->j->at[at->index] = *p;
    report(at->j);
    pthread_mutex_unlock(&at->j->lock);
}

/* The accuracy that runs of this seed share, loaded by the first of them. */
static td_status borrow(job *j, int seed, const td_accuracy **out, td_error *err) {
    lent *l = &j->lent[seed];
    td_status s = TD_OK;
    pthread_mutex_lock(&j->lock);
    if (!l->loaded) {
        td_accuracy own;
        s = td__compare_load(j->c, j->c->seed + (uint64_t)seed, &l->recipe, err);
        if (s == TD_OK)
            s = td_accuracy_from_node(l->recipe->accuracy, l->recipe->net, l->recipe->seed, &own,
                                      err);
        if (s == TD_OK) s = td__accuracy_shared(&own, &l->accuracy, err);
        l->loaded = s == TD_OK;
    }
    pthread_mutex_unlock(&j->lock);
    *out = &l->accuracy;
    return s;
}

static void lent_free(lent *l) {
    if (l->loaded) td_accuracy_free(&l->accuracy);
    td_recipe_destroy(l->recipe);
    l->recipe = NULL;
    l->loaded = false;
}

static td_status search(job *j, place *at, td_error *err) {
    td_comparison *c = j->c;
    td_compare_run *run = &c->run[at->index];
    td_recipe *r = NULL;
    td_run_summary sum = {0};
    td_run_options options = {.out = run->out,
                              .threads = 1,
                              .progress = on_progress,
                              .cancelled = is_cancelled,
                              .self = at,
                              .log = j->o->log,
                              .maps = j->maps,
                              .costs = j->costs};
    td_arena *a = td_arena_create();
    if (a == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    int n;
    td_override *o = td__compare_overrides(c, run->method, run->target, run->seed, a, &n);
    td_status s = o != NULL ? td_recipe_load_with(c->recipe, o, n, &r, err)
                            : td_fail(err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK) s = borrow(j, (int)(run->seed - c->seed), &options.accuracy, err);
    if (s == TD_OK) s = td_recipe_run(r, &options, &sum, err);
    pthread_mutex_lock(&j->lock);
    if (s == TD_OK && j->o->finished != NULL)
        s = j->o->finished(j->o->self, r, &sum, run->out, err);
    if (s == TD_OK) s = td__compare_score(c, run, r, options.accuracy, err);
    pthread_mutex_unlock(&j->lock);
    td_run_summary_free(&sum);
    td_recipe_destroy(r);
    td_arena_destroy(a);
    return s;
}

static void run_one(void *self, int index) {
    job *j = self;
    td_comparison *c = j->c;
    place at = {.j = j, .index = index};
    td_error err = {0};
    td_status s = is_cancelled(&at) ? TD_E_INTERRUPTED : search(j, &at, &err);
    pthread_mutex_lock(&j->lock);
    if (s == TD_OK) {
        lent *l = &j->lent[c->run[index].seed - c->seed];
        td_progress *p = &j->at[index];
        p->total = p->done; /* it may have ended by its budget of trainings */
        if (p->max_trained > 0) p->max_trained = p->trained;
        if (--l->left == 0) lent_free(l);
        report(j);
    } else if (s == TD_E_INTERRUPTED) {
        j->cancelled = true;
    } else if (j->status == TD_OK) {
        td_error_prefix(&err, "%s", c->run[index].out);
        j->status = s;
        j->err = err;
    }
    j->ended = j->ended || s != TD_OK;
    pthread_mutex_unlock(&j->lock);
}

td_status td_compare_search(td_comparison *c, const td_compare_options *o, td_error *err) {
    job j = {.c = c, .o = o, .start = td_time_mono_s()};
    j.maps = td_map_cache_create(MOST_MAPPINGS);
    j.costs = td_costs_create(MOST_PAIRS);
    j.lent = calloc((size_t)c->nseed, sizeof *j.lent);
    j.at = calloc((size_t)c->nrun, sizeof *j.at);
    pthread_mutex_init(&j.lock, NULL);
    td_status s = TD_OK;
    if (j.maps == NULL || j.costs == NULL || j.lent == NULL || j.at == NULL)
        s = td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; s == TD_OK && i < c->nseed; i++) j.lent[i].left = c->nmethod * c->ntarget;
    for (int i = 0; s == TD_OK && i < c->nrun; i++)
        j.at[i] = (td_progress){.total = c->budget[c->nbudget - 1], .max_trained = c->trained};
    if (s == TD_OK) s = td_parallel_for(o->threads, c->nrun, run_one, &j);
    if (s == TD_OK && j.status != TD_OK) {
        s = j.status;
        if (err != NULL) *err = j.err;
    }
    if (s == TD_OK && j.cancelled) s = td_fail(err, TD_E_INTERRUPTED, "interrupted");
    for (int i = 0; j.lent != NULL && i < c->nseed; i++) lent_free(&j.lent[i]);
    pthread_mutex_destroy(&j.lock);
    free(j.at);
    free(j.lent);
    td_costs_destroy(j.costs);
    td_map_cache_destroy(j.maps);
    return s;
}

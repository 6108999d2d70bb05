/* A split through the network with the batch norms' stored statistics. */
#include <stdlib.h>
#include <string.h>

#include "batch_source.h"
#include "calm.h"
#include "executor.h"
#include "machine.h"

enum { TEST_BATCH = 200 };

static int best(const float *score, int n) {
    int b = 0;
    for (int i = 1; i < n; i++)
        if (score[i] > score[b]) b = i;
    return b;
}

/* A network set up to take a split in batches. */
typedef struct {
    const td_dataset *data;
    int split;
    int32_t classes;
    td__executor *ex;
    td_weights *weights;
    float *table, *input;
    bool begun;
    td__calm calm;
} pass;

static td_status pass_begin(pass *p, const td_net *net, const td_weights *w, td_error *err) {
    const td_dataset *d = p->data;
    if (p->split < 0 || p->split >= TD_NSPLIT)
        return td_fail(err, TD_E_USAGE, "split %d: expected 0 to %d", p->split, TD_NSPLIT - 1);
    td__plan *plan;
    td_status st =
        td__plan_create(net, TEST_BATCH, TD_FP32, false, td__stage_cache_bytes(), &plan, err);
    if (st != TD_OK) return st;
    td_shape in = plan->value[0].shape;
    p->classes = plan->value[td_net_output(plan->net)].shape.c;
    if (in.c != d->shape.c || in.h != d->shape.h || in.w != d->shape.w || w->n != plan->n_values) {
        td__plan_destroy(plan);
        return td_fail(err, TD_E_USAGE, "network %s, its weights and %s do not fit together",
                       td_net_name(net), d->name);
    }
    p->calm = td__calm_begin();
    p->begun = true;
    p->weights = td_weights_create(net);
    p->table = td__normalising_table(d);
    p->input = malloc(sizeof *p->input * TEST_BATCH * (size_t)td__shape_words(in));
    if (p->weights == NULL || p->table == NULL || p->input == NULL) {
        td__plan_destroy(plan);
        st = td_fail(err, TD_E_MEMORY, "out of memory");
    } else {
        memcpy(p->weights->data, w->data, sizeof(float) * (size_t)w->count);
        p->weights->bn_eps = w->bn_eps;
        st = td__executor_create(plan, p->weights, NULL, &p->ex, err);
    }
    if (st == TD_OK) st = td__executor_load(p->ex);
    return st;
}

/* n images from `first` on. */
static td_status pass_run(pass *p, int first, int n) {
    td__images_get(p->data, p->table, p->split, first, n, p->input);
    td__executor_set_input(p->ex, p->input, 0, n);
    return td__executor_run(p->ex, NULL, 0, 0, NULL);
}

static void pass_end(pass *p) {
    if (!p->begun) return;
    td__executor_destroy(p->ex);
    td_weights_destroy(p->weights);
    free(p->table);
    free(p->input);
    td__calm_end(p->calm);
}

td_status td_test(const td_net *net, const td_weights *w, const td_dataset *d, int split,
                  double *accuracy, uint8_t *predicted, td_error *err) {
    pass p = {.data = d, .split = split};
    td_status st = pass_begin(&p, net, w, err);
    float *score = st == TD_OK ? malloc(sizeof *score * (size_t)p.classes) : NULL;
    if (st == TD_OK && score == NULL) st = td_fail(err, TD_E_MEMORY, "out of memory");
    int right = 0;
    for (int first = 0; st == TD_OK && first < d->n[split]; first += TEST_BATCH) {
        int n = d->n[split] - first < TEST_BATCH ? d->n[split] - first : TEST_BATCH;
        st = pass_run(&p, first, n);
        for (int i = 0; i < n && st == TD_OK; i++) {
            td__executor_scores(p.ex, i, score);
            int b = best(score, p.classes);
            right += b == d->label[split][first + i];
            if (predicted != NULL) predicted[first + i] = (uint8_t)b;
        }
    }
    if (st == TD_OK) *accuracy = d->n[split] > 0 ? (double)right / d->n[split] : 0;
    free(score);
    pass_end(&p);
    return st;
}

td_status td_observe(const td_net *net, const td_weights *w, const td_dataset *d, int split,
                     int first, int count,
                     void (*see)(void *self, int value, const float *word, int64_t n), void *self,
                     td_error *err) {
    pass p = {.data = d, .split = split};
    td_status st = pass_begin(&p, net, w, err);
    if (st == TD_OK && (first < 0 || count < 0 || first > d->n[split] - count))
        st = td_fail(err, TD_E_USAGE, "%d images from %d on, of %d", count, first, d->n[split]);
    int64_t words = td__shape_words(d->shape);
    for (int at = 0; st == TD_OK && at < count; at += TEST_BATCH) {
        int n = count - at < TEST_BATCH ? count - at : TEST_BATCH;
        p.ex->see = see;
        p.ex->seer = self;
        p.ex->seen_images = n;
        st = pass_run(&p, first + at, n);
        if (st == TD_OK) see(self, 0, p.input, words * n);
    }
    pass_end(&p);
    return st;
}

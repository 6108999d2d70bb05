/* td_test: a split through the network with the batch norms' stored statistics. */
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

td_status td_test(const td_net *net, const td_weights *w, const td_dataset *d, int split,
                  double *accuracy, uint8_t *predicted, td_error *err) {
    if (split < 0 || split >= TD_NSPLIT)
        return td_fail(err, TD_E_USAGE, "split %d: expected 0 to %d", split, TD_NSPLIT - 1);
    td__plan *plan;
    td_status st =
        td__plan_create(net, TEST_BATCH, TD_FP32, false, td__stage_cache_bytes(), &plan, err);
    if (st != TD_OK) return st;
    td_shape in = plan->value[0].shape;
    int32_t classes = plan->value[td_net_output(plan->net)].shape.c;
    if (in.c != d->shape.c || in.h != d->shape.h || in.w != d->shape.w || w->n != plan->n_values) {
        td__plan_destroy(plan);
        return td_fail(err, TD_E_USAGE, "network %s, its weights and %s do not fit together",
                       td_net_name(net), d->name);
    }
    td__calm calm = td__calm_begin();
    td__executor *ex = NULL;
    td_weights *own = td_weights_create(net);
    float *table = td__normalising_table(d), *score = malloc(sizeof *score * (size_t)classes);
    float *input = malloc(sizeof *input * TEST_BATCH * (size_t)td__shape_words(in));
    if (own == NULL || table == NULL || score == NULL || input == NULL) {
        td__plan_destroy(plan);
        st = td_fail(err, TD_E_MEMORY, "out of memory");
    } else {
        memcpy(own->data, w->data, sizeof(float) * (size_t)w->count);
        own->bn_eps = w->bn_eps;
        st = td__executor_create(plan, own, NULL, &ex, err);
    }
    if (st == TD_OK) st = td__executor_load(ex);
    int right = 0;
    for (int first = 0; first < d->n[split] && st == TD_OK; first += TEST_BATCH) {
        int n = d->n[split] - first < TEST_BATCH ? d->n[split] - first : TEST_BATCH;
        td__images_get(d, table, split, first, n, input);
        td__executor_set_input(ex, input, 0, n);
        st = td__executor_run(ex, NULL, 0, 0, NULL);
        for (int i = 0; i < n && st == TD_OK; i++) {
            td__executor_scores(ex, i, score);
            int b = best(score, classes);
            right += b == d->label[split][first + i];
            if (predicted != NULL) predicted[first + i] = (uint8_t)b;
        }
    }
    if (st == TD_OK) *accuracy = d->n[split] > 0 ? (double)right / d->n[split] : 0;
    td__executor_destroy(ex);
    td_weights_destroy(own);
    free(table);
    free(score);
    free(input);
    td__calm_end(calm);
    return st;
}

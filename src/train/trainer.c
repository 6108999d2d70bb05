/* One network being trained: weights, velocities, gradients, and the executor of its plan. */
#include <stdlib.h>
#include <string.h>

#include "calm.h"
#include "executor.h"
#include "init.h"
#include "machine.h"
#include "rows.h"

struct td_trainer {
    td__executor *ex;
    td_weights *weights, *velocity, *gradients;
    int64_t steps;
    bool stale; /* weights changed since the kernels saw them */
};

/* Weight of a batch in the running statistics: 1, 1/2, 1/3 ... so that the first ones average
 * plainly, then this. Twenty batches of 32 images are enough for a mean, and at the end of a cosine
 * schedule the weights stand almost still for longer than that. */
static const double bn_momentum = 0.05;

td_status td_trainer_create(const td_net *net, int batch, td_number number, uint64_t seed,
                            td_trainer **out, td_error *err) {
    *out = NULL;
    td__plan *plan;
    td_status st = td__plan_create(net, batch, number, true, td__stage_cache_bytes(), &plan, err);
    if (st != TD_OK) return st;
    td__calm calm = td__calm_begin();
    td_trainer *t = calloc(1, sizeof *t);
    if (t != NULL) {
        t->weights = td_weights_create(net);
        t->velocity = td_weights_create(net);
        t->gradients = td_weights_create(net);
    }
    if (t == NULL || t->weights == NULL || t->velocity == NULL || t->gradients == NULL) {
        td__plan_destroy(plan);
        st = td_fail(err, TD_E_MEMORY, "out of memory");
        goto fail;
    }
    memset(t->velocity->data, 0, sizeof(float) * (size_t)t->velocity->count);
    memset(t->gradients->data, 0, sizeof(float) * (size_t)t->gradients->count);
    td__init_weights(net, seed, t->weights);
    t->stale = true;
    st = td__executor_create(plan, t->weights, t->gradients, &t->ex, err);
    if (st != TD_OK) {
        td_error_prefix(err, "network %s", td_net_name(net));
        goto fail;
    }
    td__calm_end(calm);
    *out = t;
    return TD_OK;
fail:
    td_trainer_destroy(t);
    td__calm_end(calm);
    return st;
}

void td_trainer_destroy(td_trainer *t) {
    if (t == NULL) return;
    td__executor_destroy(t->ex);
    td_weights_destroy(t->weights);
    td_weights_destroy(t->velocity);
    td_weights_destroy(t->gradients);
    free(t);
}

td_status td_trainer_step(td_trainer *t, const float *input, const uint8_t *label,
                          double label_smoothing, double *loss, td_error *err) {
    const td__plan *p = t->ex->plan;
    int32_t classes = p->value[td_net_output(p->net)].shape.c;
    for (int i = 0; i < p->batch; i++)
        if (label[i] >= classes)
            return td_fail(err, TD_E_INPUT, "label %d of image %d: network %s has %d classes",
                           label[i], i, td_net_name(p->net), classes);
    td__calm calm = td__calm_begin();
    td_status st = t->stale ? td__executor_load(t->ex) : TD_OK;
    double sum = 0, momentum = 1.0 / (double)(t->steps + 1);
    if (st == TD_OK) {
        t->stale = false;
        td__executor_set_input(t->ex, input, 0, p->batch);
        st = td__executor_run(t->ex, label, label_smoothing,
                              momentum > bn_momentum ? momentum : bn_momentum, &sum);
    }
    td__calm_end(calm);
    if (st != TD_OK) return td_fail(err, st, "network %s: a kernel failed", td_net_name(p->net));
    t->steps++;
    if (loss != NULL) *loss = sum / p->batch;
    return TD_OK;
}

td_status td_trainer_update(td_trainer *t, double rate, double momentum, double weight_decay,
                            td_error *err) {
    if (!isfinite(rate) || !isfinite(momentum) || !isfinite(weight_decay))
        return td_fail(err, TD_E_USAGE, "rate, momentum and weight decay: expected finite numbers");
    td__calm calm = td__calm_begin();
    const td__plan *p = t->ex->plan;
    for (int i = 0; i < p->n_ops; i++) {
        if (!p->op[i].has_params) continue;
        int l = p->op[i].index;
        td_layer_params_t *w = &t->weights->layer[l], *v = &t->velocity->layer[l];
        const td_layer_params_t *g = &t->gradients->layer[l];
        int64_t words = td_layer_params(p->net, l), c = p->op[i].layer->c;
        float r = (float)rate, m = (float)momentum;
        if (p->op[i].bn) { /* scale and shift do not decay */
            td__rows_descend(w->scale, v->scale, g->scale, c, r, m, 0);
            td__rows_descend(w->shift, v->shift, g->shift, c, r, m, 0);
            continue;
        }
        if (w->bias != NULL) {
            words -= c;
            td__rows_descend(w->bias, v->bias, g->bias, c, r, m, 0);
        }
        td__rows_descend(w->weight, v->weight, g->weight, words, r, m, (float)weight_decay);
    }
    t->stale = true;
    td__calm_end(calm);
    return TD_OK;
}

td_weights *td_trainer_weights(td_trainer *t) {
    t->stale = true; /* the caller may write to them */
    return t->weights;
}

td_status td_trainer_set_weights(td_trainer *t, const td_weights *w, td_error *err) {
    if (w->n != t->weights->n || w->count != t->weights->count)
        return td_fail(err, TD_E_USAGE, "weights of another network: %lld words, expected %lld",
                       (long long)w->count, (long long)t->weights->count);
    memcpy(t->weights->data, w->data, sizeof(float) * (size_t)w->count);
    t->weights->bn_eps = w->bn_eps;
    memset(t->velocity->data, 0, sizeof(float) * (size_t)w->count);
    t->stale = true;
    return TD_OK;
}

const td_weights *td_trainer_gradients(td_trainer *t) {
    return t->gradients;
}

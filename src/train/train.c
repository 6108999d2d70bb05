/* td_train: the loop around the trainer. */
#include <stdlib.h>

#include "batch_source.h"
#include "init.h"
#include "kernels.h"

static td_status check(const td_net *net, const td_dataset *d, const td_train_options *o,
                       td_error *err) {
    td_status st = td_net_check(net, err);
    if (st != TD_OK) return st;
    const td_layer *in = td_net_layer(net, 0), *out = td_net_layer(net, td_net_output(net));
    if (in->c != d->shape.c || in->h != d->shape.h || in->w != d->shape.w)
        return td_fail(err, TD_E_USAGE, "network %s reads %d x %d x %d images, %s has %d x %d x %d",
                       td_net_name(net), in->c, in->h, in->w, d->name, d->shape.c, d->shape.h,
                       d->shape.w);
    if (out->c < d->classes)
        return td_fail(err, TD_E_USAGE, "network %s has %d outputs, %s has %d classes",
                       td_net_name(net), out->c, d->name, d->classes);
    if (o->batch < 1 || o->batch > 4096)
        return td_fail(err, TD_E_USAGE, "batch %d: expected 1 to 4096", o->batch);
    if (!(o->epochs > 0) || !(o->epochs <= 1e6))
        return td_fail(err, TD_E_USAGE, "epochs %g: expected more than 0", o->epochs);
    if (!(o->rate >= 0) || !isfinite(o->rate))
        return td_fail(err, TD_E_USAGE, "rate %g: expected a number >= 0", o->rate);
    if (!(o->label_smoothing >= 0) || !(o->label_smoothing < 1))
        return td_fail(err, TD_E_USAGE, "label smoothing %g: expected 0 to 1", o->label_smoothing);
    if (!(o->momentum >= 0) || !(o->momentum < 1))
        return td_fail(err, TD_E_USAGE, "momentum %g: expected 0 to 1", o->momentum);
    if (!(o->weight_decay >= 0) || !isfinite(o->weight_decay))
        return td_fail(err, TD_E_USAGE, "weight decay %g: expected a number >= 0", o->weight_decay);
    if (o->train_images < 0 || o->warmup_steps < 0)
        return td_fail(err, TD_E_USAGE, "train images, warm-up steps: expected numbers >= 0");
    return TD_OK;
}

/* Linear warm-up, then half a cosine down to 0 (Loshchilov and Hutter 2017, eq. 5, one cycle). A
 * training shorter than four warm-ups warms up for a quarter of its steps. */
static double rate_at(const td_train_options *o, int64_t step, int64_t steps) {
    int64_t warm = o->warmup_steps;
    if (warm > steps / 4) warm = steps / 4;
    if (step < warm) return o->rate * (double)(step + 1) / (double)(warm + 1);
    double at = (double)(step - warm) / (double)(steps - warm);
    return o->rate * 0.5 * (1 + cos(3.14159265358979323846 * at));
}

typedef struct {
    const td_net *net;
    const td_dataset *d;
    const td_train_options *o;
    td__batch_source source;
    td_trainer *trainer;
    float *input;
    uint8_t *label;
    int64_t per_epoch, steps;
} session;

static td_status report(session *s, double epoch, double loss, td_error *err) {
    if (s->o->progress == NULL || (s->o->wanted != NULL && !s->o->wanted(s->o->self, epoch)))
        return TD_OK;
    double valid;
    td_status st =
        td_test(s->net, td_trainer_weights(s->trainer), s->d, TD_SPLIT_VALID, &valid, NULL, err);
    if (st == TD_OK && !s->o->progress(s->o->self, epoch, loss, valid))
        st = td_fail(err, TD_E_INTERRUPTED, "training of %s stopped at epoch %.3g",
                     td_net_name(s->net), epoch);
    return st;
}

static td_status loop(session *s, td_train_result *r, td_error *err) {
    const td_train_options *o = s->o;
    double epoch_loss = 0;
    int64_t in_epoch = 0;
    for (int64_t step = 0; step < s->steps; step++) {
        if (o->cancelled != NULL && o->cancelled(o->self))
            return td_fail(err, TD_E_INTERRUPTED, "training of %s stopped at step %lld",
                           td_net_name(s->net), (long long)step);
        td__batch_source_get(&s->source, step / s->per_epoch, step % s->per_epoch, s->input,
                             s->label);
        double loss;
        td_status st =
            td_trainer_step(s->trainer, s->input, s->label, o->label_smoothing, &loss, err);
        if (st != TD_OK) return st;
        if (!isfinite(loss))
            return td_fail(err, TD_E_INFEASIBLE,
                           "training of %s diverged at step %lld of %lld: loss is not finite (rate "
                           "%g)",
                           td_net_name(s->net), (long long)step, (long long)s->steps, o->rate);
        st = td_trainer_update(s->trainer, rate_at(o, step, s->steps), o->momentum, o->weight_decay,
                               err);
        if (st != TD_OK) return st;
        epoch_loss += loss;
        in_epoch++;
        r->steps++;
        r->images += o->batch;
        bool last = step + 1 == s->steps;
        if (last || (step + 1) % s->per_epoch == 0) {
            r->train_loss = epoch_loss / (double)in_epoch;
            st = report(s, (double)(step + 1) / (double)s->per_epoch, r->train_loss, err);
            if (st != TD_OK) return st;
            epoch_loss = 0;
            in_epoch = 0;
        }
    }
    return TD_OK;
}

td_status td_train(const td_net *net, const td_dataset *d, const td_train_options *o,
                   td_weights **weights, td_train_result *r, td_error *err) {
    *weights = NULL;
    *r = (td_train_result){0};
    td_status st = check(net, d, o, err);
    if (st != TD_OK) return st;
    double cpu = td_time_thread_s(), wall = td_time_mono_s();
    session s = {.net = net, .d = d, .o = o};
    st = td__batch_source_init(&s.source, d, o, err);
    if (st != TD_OK) return st;
    s.per_epoch = s.source.n / o->batch;
    if (s.per_epoch < 1) {
        st =
            td_fail(err, TD_E_USAGE, "a batch of %d from %d training images", o->batch, s.source.n);
        goto done;
    }
    s.steps = (int64_t)ceil(o->epochs * (double)s.per_epoch - 1e-9);
    s.input = malloc(sizeof(float) * (size_t)o->batch * (size_t)td__shape_words(d->shape));
    s.label = malloc((size_t)o->batch);
    if (s.input == NULL || s.label == NULL) {
        st = td_fail(err, TD_E_MEMORY, "out of memory");
        goto done;
    }
    st = td_trainer_create(net, o->batch, o->number, o->seed, &s.trainer, err);
    if (st == TD_OK) st = loop(&s, r, err);
    if (st == TD_OK) {
        const td_weights *final = td_trainer_weights(s.trainer);
        st = td_test(net, final, d, TD_SPLIT_VALID, &r->valid_accuracy, NULL, err);
        if (st == TD_OK) {
            *weights = td_weights_create(net);
            if (*weights == NULL)
                st = td_fail(err, TD_E_MEMORY, "out of memory");
            else
                td__weights_copy(*weights, final);
        }
    }
done:
    td_trainer_destroy(s.trainer);
    td__batch_source_free(&s.source);
    free(s.input);
    free(s.label);
    r->cpu_s = td_time_thread_s() - cpu;
    r->wall_s = td_time_mono_s() - wall;
    return st;
}

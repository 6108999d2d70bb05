#include "executor.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "loss.h"
#include "rows.h"

/* ---- memory ---------------------------------------------------------------------------------- */

/* Large pages where the system gives them: a batch walks through many megabytes. */
static char *arena(size_t bytes) {
    /* The system would promise more than it has, and end the process when that shows. */
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page > 0 && bytes / (size_t)page > (size_t)pages / 4 * 3) return NULL;
    size_t unit = (size_t)2 << 20, size = (bytes + unit) / unit * unit;
    char *p = aligned_alloc(unit, size);
    if (p == NULL) return NULL;
    madvise(p, size, MADV_HUGEPAGE);
    return p;
}

static void *address(const td__executor *ex, int buffer, int64_t image) {
    if (buffer < 0) return NULL;
    const td__buffer *b = &ex->plan->buffer[buffer];
    return b->full ? ex->full + b->offset + image * b->image_bytes : ex->chunk + b->offset;
}

/* ---- creation -------------------------------------------------------------------------------- */

static td_status create_kernels(td__executor *ex, td_error *err) {
    const td__plan *p = ex->plan;
    int images[2] = {0};
    for (int i = 0; i < p->n_ops; i++) {
        const td__op *o = &p->op[i];
        td_status st;
        if (o->bn) {
            st = td__bn_init(&ex->bn[i], o->layer->c, p->number, o->act, err);
            if (st != TD_OK) return st;
            continue;
        }
        for (int ph = 0; ph < p->n_phases; ph++)
            if (p->phase[ph].stage == o->stage) images[0] = p->phase[ph].images;
        td__kernel_spec s = {.layer = o->layer,
                             .number = p->number,
                             .images = images[0],
                             .n_in = o->n_in,
                             .out = p->value[o->out].shape,
                             .training = p->training};
        for (int k = 0; k < o->n_in; k++) {
            s.in[k] = p->value[o->in[k]].shape;
            s.want_d_in[k] = o->want_d_in[k];
        }
        st = td__kernel_create(ex->be, &s, &ex->kernel[i], err);
        if (st != TD_OK) return st;
    }
    td_status st = td__backend_ready(ex->be, err);
    for (int i = 0; i < p->n_ops && st == TD_OK; i++) {
        const td__op *o = &p->op[i];
        if (!o->has_params || o->bn) continue;
        st = ex->kernel[i]->class->attach(
            ex->kernel[i], &ex->weights->layer[o->index],
            ex->gradients != NULL ? &ex->gradients->layer[o->index] : NULL, err);
    }
    return st;
}

static td_status bind_command(td__executor *ex, const td__phase *ph, int i, td_error *err) {
    const td__command *c = &ex->plan->command[i];
    if ((c->verb != TD__FORWARD && c->verb != TD__BACKWARD) || ex->kernel[c->op] == NULL)
        return TD_OK;
    for (int chunk = 0; chunk < ex->plan->batch / ph->images; chunk++) {
        int64_t image = (int64_t)chunk * ph->images;
        td__tensors t = {.backward = c->verb == TD__BACKWARD, .first = chunk == 0};
        for (int k = 0; k < TD_MAX_INPUTS; k++) {
            t.in[k] = address(ex, c->in[k], image);
            t.d_in[k] = address(ex, c->d_in[k], image);
        }
        t.out = address(ex, c->out, image);
        t.d_out = address(ex, c->d_out, image);
        td__kernel *k = ex->kernel[c->op];
        td_status st = k->class->bind(k, &t, &ex->call[ex->call_at[i] + chunk], err);
        if (st != TD_OK) return st;
    }
    return TD_OK;
}

static td_status bind_all(td__executor *ex, td_error *err) {
    const td__plan *p = ex->plan;
    for (int ph = 0; ph < p->n_phases; ph++)
        for (int i = p->phase[ph].first; i < p->phase[ph].first + p->phase[ph].n; i++) {
            ex->call_at[i] = ex->n_calls;
            ex->n_calls += p->batch / p->phase[ph].images;
        }
    ex->call = calloc((size_t)ex->n_calls + 1, sizeof *ex->call);
    if (ex->call == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int ph = 0; ph < p->n_phases; ph++)
        for (int i = p->phase[ph].first; i < p->phase[ph].first + p->phase[ph].n; i++) {
            td_status st = bind_command(ex, &p->phase[ph], i, err);
            if (st != TD_OK) return st;
        }
    return TD_OK;
}

td_status td__executor_create(td__plan *plan, td_weights *weights, td_weights *gradients,
                              td__executor **out, td_error *err) {
    *out = NULL;
    if (!td_number_trains(plan->number)) {
        td__plan_destroy(plan);
        return td_fail(err, TD_E_UNSUPPORTED,
                       "number: bf16 needs a processor with AVX-512; expected fp32 on this one");
    }
    td__executor *ex = calloc(1, sizeof *ex);
    if (ex == NULL) {
        td__plan_destroy(plan);
        return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    ex->plan = plan;
    ex->weights = weights;
    ex->gradients = gradients;
    ex->kernel = calloc((size_t)plan->n_ops + 1, sizeof(td__kernel *));
    ex->bn = calloc((size_t)plan->n_ops + 1, sizeof *ex->bn);
    ex->call_at = calloc((size_t)plan->n_commands + 1, sizeof(int));
    ex->score_buffer = calloc((size_t)plan->value[td_net_output(plan->net)].shape.c, sizeof(float));
    ex->full = arena(plan->full_bytes);
    ex->chunk = arena(plan->chunk_bytes);
    td_status st = TD_OK;
    if (ex->kernel == NULL || ex->bn == NULL || ex->call_at == NULL || ex->full == NULL ||
        ex->chunk == NULL || ex->score_buffer == NULL)
        st = td_fail(err, TD_E_MEMORY, "out of memory: a batch of %d needs %zu MiB", plan->batch,
                     (plan->full_bytes + plan->chunk_bytes) >> 20);
    if (st == TD_OK) st = td__backend_create(&ex->be, err);
    if (st == TD_OK) st = create_kernels(ex, err);
    if (st == TD_OK) st = bind_all(ex, err);
    if (st != TD_OK) {
        td__executor_destroy(ex);
        return st;
    }
    *out = ex;
    return TD_OK;
}

void td__executor_destroy(td__executor *ex) {
    if (ex == NULL) return;
    const td__plan *p = ex->plan;
    for (int i = 0; i < p->n_commands && ex->call != NULL; i++) {
        int end = i + 1 < p->n_commands ? ex->call_at[i + 1] : ex->n_calls;
        for (int k = ex->call_at[i]; k < end; k++)
            if (ex->call[k] != NULL) ex->kernel[p->command[i].op]->class->unbind(ex->call[k]);
    }
    for (int i = 0; i < p->n_ops; i++) {
        if (ex->kernel != NULL && ex->kernel[i] != NULL)
            ex->kernel[i]->class->destroy(ex->kernel[i]);
        if (ex->bn != NULL) td__bn_free(&ex->bn[i]);
    }
    td__backend_destroy(ex->be);
    free(ex->kernel);
    free(ex->bn);
    free(ex->call);
    free(ex->call_at);
    free(ex->full);
    free(ex->chunk);
    free(ex->score_buffer);
    td__plan_destroy(ex->plan);
    free(ex);
}

/* ---- running --------------------------------------------------------------------------------- */

td_status td__executor_load(td__executor *ex) {
    const td__plan *p = ex->plan;
    for (int i = 0; i < p->n_ops; i++) {
        td__kernel *k = ex->kernel[i];
        if (k != NULL && k->class->load != NULL && k->class->load(k) != TD_OK) return TD_E_INTERNAL;
        if (p->op[i].bn && !p->training)
            td__bn_use_stored(&ex->bn[i], &ex->weights->layer[p->op[i].index], ex->weights->bn_eps);
    }
    return TD_OK;
}

void td__executor_set_input(td__executor *ex, const float *input, int first, int images) {
    const td__plan *p = ex->plan;
    td_shape s = p->value[0].shape;
    int64_t words = td__shape_words(s), plane = (int64_t)s.h * s.w;
    for (int i = 0; i < images; i++) {
        const float *from = input + i * words;
        char *to = address(ex, p->input, first + i);
        if (s.c == 1) {
            td__rows_from_float(p->number, to, from, words);
            continue;
        }
        float px[TD_MAX_INPUTS * 16];
        for (int64_t at = 0; at < plane; at++)
            for (int32_t c = 0; c < s.c;) {
                int32_t n = 0;
                for (int32_t k = c; n < (int32_t)(sizeof px / sizeof px[0]) && k < s.c; k++)
                    px[n++] = from[k * plane + at];
                td__rows_from_float(
                    p->number, to + (at * s.c + c) * (int64_t)td__number_bytes(p->number), px, n);
                c += n;
            }
    }
}

void td__executor_scores(const td__executor *ex, int i, float *out) {
    const td__plan *p = ex->plan;
    td__rows_to_float(p->number, out, address(ex, p->output, i),
                      p->value[td_net_output(p->net)].shape.c);
}

static void begin_phase(td__executor *ex, const td__phase *ph, double momentum) {
    const td__plan *p = ex->plan;
    for (int i = 0; i < p->n_ops && p->training; i++) {
        if (!p->op[i].bn) continue;
        td__bn *bn = &ex->bn[i];
        int layer = p->op[i].index;
        if (ph->forward && p->op[i].stage == ph->stage)
            td__bn_finish_stats(bn, &ex->weights->layer[layer], ex->weights->bn_eps, momentum);
        if (ph->forward && p->op[i].stage == ph->stage + 1) td__bn_begin(bn);
        if (ph->backward && p->op[i].stage == ph->stage) td__bn_begin_reduce(bn);
        if (ph->backward && p->op[i].stage == ph->stage + 1)
            td__bn_finish_reduce(bn, &ex->gradients->layer[layer]);
    }
}

static td_status run_command(td__executor *ex, const td__phase *ph, int index, int chunk,
                             const uint8_t *label, double smoothing, double *loss) {
    const td__plan *p = ex->plan;
    const td__command *c = &p->command[index];
    int64_t image = (int64_t)chunk * ph->images;
    if ((c->verb == TD__FORWARD || c->verb == TD__BACKWARD) && ex->kernel[c->op] != NULL) {
        td__kernel *k = ex->kernel[c->op];
        return k->class->run(k, ex->call[ex->call_at[index] + chunk]);
    }
    td__bn *bn = c->op >= 0 ? &ex->bn[c->op] : NULL;
    const td__buffer *in = &p->buffer[c->in[0]];
    int64_t words = in->image_bytes / (int64_t)td__number_bytes(p->number) * ph->images;
    const void *x = address(ex, c->in[0], image);
    switch (c->verb) {
    case TD__FORWARD: td__bn_apply(bn, x, address(ex, c->out, image), words); break;
    case TD__STATS: td__bn_stats(bn, x, words); break;
    case TD__REDUCE: td__bn_reduce(bn, x, address(ex, c->d_out, image), words); break;
    case TD__INPUT:
        td__bn_input(bn, x, address(ex, c->d_out, image), address(ex, c->d_in[0], image), words);
        break;
    case TD__SUM:
        td__rows_add(p->number, address(ex, c->out, image), x, address(ex, c->in[1], image), words);
        break;
    case TD__LOSS:
        *loss += td__loss(p->number, x, label + image, ph->images,
                          p->value[td_net_output(p->net)].shape.c, smoothing, 1.0 / p->batch,
                          address(ex, c->out, image), ex->score_buffer);
        break;
    case TD__BACKWARD: return TD_E_INTERNAL;
    }
    return TD_OK;
}

static void show(const td__executor *ex, const td__phase *ph, int index, int chunk) {
    const td__plan *p = ex->plan;
    const td__command *c = &p->command[index];
    int first = chunk * ph->images, n = ex->seen_images - first;
    if (n > ph->images) n = ph->images;
    if (c->verb != TD__FORWARD || n <= 0) return;
    int64_t words = p->buffer[c->out].image_bytes / (int64_t)td__number_bytes(p->number);
    ex->see(ex->seer, p->op[c->op].out, address(ex, c->out, first), words * n);
}

td_status td__executor_run(td__executor *ex, const uint8_t *label, double smoothing,
                           double momentum, double *loss) {
    const td__plan *p = ex->plan;
    for (int i = 0; i < p->n_phases; i++) {
        const td__phase *ph = &p->phase[i];
        begin_phase(ex, ph, momentum);
        for (int chunk = 0; chunk < p->batch / ph->images; chunk++)
            for (int k = ph->first; k < ph->first + ph->n; k++) {
                td_status st = run_command(ex, ph, k, chunk, label, smoothing, loss);
                if (st != TD_OK) return st;
                if (ex->see != NULL) show(ex, ph, k, chunk);
            }
    }
    for (int i = 0; i < p->n_ops && p->training; i++) {
        td__kernel *k = ex->kernel[i];
        if (k != NULL && k->class->unload != NULL && k->class->unload(k) != TD_OK)
            return TD_E_INTERNAL;
    }
    return TD_OK;
}

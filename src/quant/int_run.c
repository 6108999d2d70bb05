/* Images through an integer network. */
#include <stdatomic.h>
#include <stdlib.h>

#include "int_net.h"

/* Channels first, reals: into words with the channels last. */
static void put_image(const td_quantised *q, const float *x, int16_t *to) {
    const td_layer *l = td_net_layer(q->net, 0);
    int64_t pixels = (int64_t)l->h * l->w;
    for (int64_t at = 0; at < pixels; at++)
        for (int32_t c = 0; c < l->c; c++)
            *to++ = (int16_t)td__quant_word(&q->layer[0].out, x[c * pixels + at]);
}

static void get_result(const td__int_net *n, const int16_t *from, float *y) {
    const td_quant *made = &n->q->layer[td_net_output(n->q->net)].out;
    int64_t pixels = (int64_t)n->result.h * n->result.w;
    for (int64_t at = 0; at < pixels; at++)
        for (int32_t c = 0; c < n->result.c; c++)
            y[c * pixels + at] = td__quant_real(made, *from++);
}

td_status td_quantised_forward(const td_quantised *q, const float *input, int batch, float *output,
                               td_error *err) {
    td__int_net *n = NULL;
    td__int_memory m = {0};
    td_status s = td__int_net_create(q, &n, err);
    if (s == TD_OK && !td__int_memory_create(n, &m))
        s = td_fail(err, TD_E_MEMORY, "out of memory for the values of network '%.64s'",
                    td_net_name(q->net));
    int last = td_net_output(q->net);
    for (int b = 0; s == TD_OK && b < batch; b++) {
        put_image(q, input + b * n->words[0], m.value[0]);
        td__int_net_run(n, &m);
        get_result(n, m.value[last], output + b * n->words[last]);
    }
    td__int_memory_destroy(&m);
    td__int_net_destroy(n);
    return s;
}

/* ---- a split of a data set ------------------------------------------------------------------- */

enum { SHARE = 100 }; /* images that a thread takes at a time */

int16_t *td__image_words(const td_quantised *q, const td_dataset *d) {
    int16_t *word = malloc(sizeof *word * 256 * (size_t)d->shape.c);
    for (int i = 0; word != NULL && i < 256 * d->shape.c; i++) {
        float x = ((float)(i % 256) / 255 - d->mean[i / 256]) / d->std[i / 256];
        word[i] = (int16_t)td__quant_word(&q->layer[0].out, x);
    }
    return word;
}

void td__put_bytes(const td_dataset *d, int split, int i, const int16_t *word, int16_t *to) {
    int64_t pixels = (int64_t)d->shape.h * d->shape.w, words = pixels * d->shape.c;
    const uint8_t *image = d->image[split] + i * words;
    for (int64_t at = 0; at < words; at++)
        to[at % pixels * d->shape.c + at / pixels] = word[at / pixels * 256 + image[at]];
}

typedef struct {
    const td__int_net *n;
    const td_dataset *data;
    int split;
    int16_t *word;
    uint8_t *predicted;
    atomic_int right;
    atomic_bool no_memory;
} test;

static void test_share(void *self, int share) {
    test *t = self;
    const td_dataset *d = t->data;
    td__int_memory m;
    if (!td__int_memory_create(t->n, &m)) {
        atomic_store(&t->no_memory, true);
        return;
    }
    int first = share * SHARE,
        end = first + SHARE < d->n[t->split] ? first + SHARE : d->n[t->split];
    const int16_t *score = m.value[td_net_output(t->n->q->net)];
    for (int i = first; i < end; i++) {
        td__put_bytes(d, t->split, i, t->word, m.value[0]);
        td__int_net_run(t->n, &m);
        int best = 0;
        for (int c = 1; c < t->n->result.c; c++)
            if (score[c] > score[best]) best = c;
        atomic_fetch_add(&t->right, best == d->label[t->split][i]);
        if (t->predicted != NULL) t->predicted[i] = (uint8_t)best;
    }
    td__int_memory_destroy(&m);
}

td_status td__check_data(const td_quantised *q, const td_dataset *d, int split, td_error *err) {
    const td_layer *in = td_net_layer(q->net, 0),
                   *out = td_net_layer(q->net, td_net_output(q->net));
    if (split < 0 || split >= TD_NSPLIT)
        return td_fail(err, TD_E_USAGE, "split %d: expected 0 to %d", split, TD_NSPLIT - 1);
    if (in->c != d->shape.c || in->h != d->shape.h || in->w != d->shape.w || out->h != 1 ||
        out->w != 1 || out->c > 256)
        return td_fail(err, TD_E_USAGE, "network %s and %s do not fit together",
                       td_net_name(q->net), d->name);
    return TD_OK;
}

td_status td_quantised_test(const td_quantised *q, const td_dataset *d, int split, int threads,
                            double *accuracy, uint8_t *predicted, td_error *err) {
    test t = {.data = d, .split = split, .predicted = predicted};
    td__int_net *n = NULL;
    td_status s = td__check_data(q, d, split, err);
    if (s == TD_OK) s = td__int_net_create(q, &n, err);
    t.n = n;
    if (s == TD_OK) t.word = td__image_words(q, d);
    if (s == TD_OK && t.word == NULL) s = td_fail(err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK) s = td_parallel_for(threads, (d->n[split] + SHARE - 1) / SHARE, test_share, &t);
    if (s == TD_OK && atomic_load(&t.no_memory)) s = td_fail(err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK) *accuracy = d->n[split] > 0 ? (double)atomic_load(&t.right) / d->n[split] : 0;
    free(t.word);
    td__int_net_destroy(n);
    return s;
}

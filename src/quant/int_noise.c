/* Where accuracy goes: words of each value against its reals, on the same images. */
#include <stdlib.h>

#include "int_net.h"

typedef struct {
    const td__int_net *n;
    td__int_memory *memory; /* of each image: all its words */
    struct {
        int64_t seen; /* words so far */
        double signal, noise;
    } * value;
} comparison;

static void see(void *self, int value, const float *word, int64_t n) {
    comparison *c = self;
    const td_quant *q = &c->n->q->layer[value].out;
    int64_t each = c->n->words[value];
    if (value == 0 || q->bits == 0 || each == 0) return; /* images come channels first */
    for (int64_t j = 0; j < n; j++) {
        int64_t at = c->value[value].seen++;
        double x = (double)word[j];
        double e = x - (double)td__quant_real(q, c->memory[at / each].value[value][at % each]);
        c->value[value].signal += x * x;
        c->value[value].noise += e * e;
    }
}

td_status td_quantised_noise(const td_quantised *q, const td_dataset *d, int images, double *snr_db,
                             td_error *err) {
    int n = td_net_size(q->net);
    comparison c = {0};
    td__int_net *made = NULL;
    int16_t *word = NULL;
    if (images > d->n[TD_SPLIT_TRAIN]) images = d->n[TD_SPLIT_TRAIN];
    td_status s = td__check_data(q, d, TD_SPLIT_TRAIN, err);
    if (s == TD_OK && images < 1) s = td_fail(err, TD_E_USAGE, "noise on %d images", images);
    if (s == TD_OK) s = td__int_net_create(q, &made, err);
    if (s != TD_OK) return s;
    c.n = made;
    c.memory = calloc((size_t)images, sizeof *c.memory);
    c.value = calloc((size_t)n, sizeof *c.value);
    word = td__image_words(q, d);
    bool room = c.memory != NULL && c.value != NULL && word != NULL;
    for (int i = 0; room && i < images; i++) {
        room = td__int_memory_create(made, &c.memory[i]);
        if (!room) break;
        td__put_bytes(d, TD_SPLIT_TRAIN, i, word, c.memory[i].value[0]);
        td__int_net_run(made, &c.memory[i]);
    }
    if (!room) s = td_fail(err, TD_E_MEMORY, "out of memory for the values of %d images", images);
    if (s == TD_OK) s = td_observe(q->net, q->weights, d, TD_SPLIT_TRAIN, 0, images, see, &c, err);
    for (int i = 0; s == TD_OK && i < n; i++)
        snr_db[i] = c.value[i].seen > 0 ? 10 * log10(c.value[i].signal / c.value[i].noise) : NAN;
    for (int i = 0; i < images && c.memory != NULL; i++) td__int_memory_destroy(&c.memory[i]);
    free(c.memory);
    free(c.value);
    free(word);
    td__int_net_destroy(made);
    return s;
}

#include "batch_source.h"

#include <stdlib.h>
#include <string.h>

#include "kernels.h"

enum { MAX_SHIFT = 2 };

float *td__normalising_table(const td_dataset *d) {
    float *t = malloc(sizeof *t * 256 * (size_t)d->shape.c);
    for (int c = 0; t != NULL && c < d->shape.c; c++)
        for (int v = 0; v < 256; v++) t[c * 256 + v] = ((float)v / 255 - d->mean[c]) / d->std[c];
    return t;
}

td_status td__batch_source_init(td__batch_source *s, const td_dataset *d, const td_train_options *o,
                                td_error *err) {
    memset(s, 0, sizeof *s);
    s->data = d;
    s->options = o;
    s->epoch = -1;
    int all = d->n[TD_SPLIT_TRAIN] + (o->with_valid ? d->n[TD_SPLIT_VALID] : 0);
    s->n = o->train_images > 0 && o->train_images < all ? o->train_images : all;
    s->subset = malloc(sizeof *s->subset * (size_t)all);
    s->order = malloc(sizeof *s->order * (size_t)all);
    s->table = td__normalising_table(d);
    if (s->subset == NULL || s->order == NULL || s->table == NULL) {
        td__batch_source_free(s);
        return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    for (int i = 0; i < all; i++) s->subset[i] = i;
    if (s->n < all) {
        td_rng r = td_rng_make(o->seed, 0, TD_RNG_SPLIT);
        td_rng_shuffle(&r, s->subset, all);
    }
    return TD_OK;
}

void td__batch_source_free(td__batch_source *s) {
    free(s->subset);
    free(s->order);
    free(s->table);
    memset(s, 0, sizeof *s);
}

/* One image, moved by (dy, dx) with background where nothing is, mirrored if `flip`. */
static void put_image(const td_dataset *d, const float *table, const uint8_t *from, int dy, int dx,
                      bool flip, float *to) {
    int h = d->shape.h, w = d->shape.w;
    for (int c = 0; c < d->shape.c; c++, table += 256)
        for (int y = 0; y < h; y++)
            for (int x = 0; x < w; x++) {
                int sy = y - dy, sx = (flip ? w - 1 - x : x) - dx;
                bool inside = sy >= 0 && sy < h && sx >= 0 && sx < w;
                *to++ = table[inside ? from[(c * h + sy) * w + sx] : 0];
            }
}

void td__images_get(const td_dataset *d, const float *table, int split, int first, int count,
                    float *input) {
    size_t planes = (size_t)d->shape.c, plane = (size_t)d->shape.h * (size_t)d->shape.w;
    const uint8_t *from = d->image[split] + planes * plane * (size_t)first;
    for (size_t p = 0; p < planes * (size_t)count; p++) {
        const float *values = table + p % planes * 256;
        for (size_t i = 0; i < plane; i++) *input++ = values[*from++];
    }
}

void td__batch_source_get(td__batch_source *s, int64_t epoch, int64_t step, float *input,
                          uint8_t *label) {
    const td_dataset *d = s->data;
    const td_train_options *o = s->options;
    size_t words = (size_t)td__shape_words(d->shape);
    if (epoch != s->epoch) {
        memcpy(s->order, s->subset, sizeof *s->order * (size_t)s->n);
        td_rng r = td_rng_make(o->seed, (uint64_t)epoch, TD_RNG_EPOCH_ORDER);
        td_rng_shuffle(&r, s->order, s->n);
        s->epoch = epoch;
    }
    for (int i = 0; i < o->batch; i++) {
        int64_t position = step * o->batch + i;
        int image = s->order[position], split = TD_SPLIT_TRAIN;
        if (image >= d->n[TD_SPLIT_TRAIN]) {
            image -= d->n[TD_SPLIT_TRAIN];
            split = TD_SPLIT_VALID;
        }
        label[i] = d->label[split][image];
        float *to = input + words * (size_t)i;
        if (!o->augment_shift && !o->augment_flip) {
            td__images_get(d, s->table, split, image, 1, to);
            continue;
        }
        td_rng r = td_rng_make(o->seed, (uint64_t)(epoch * s->n + position), TD_RNG_AUGMENT);
        int dy = (int)td_rng_below(&r, 2 * MAX_SHIFT + 1) - MAX_SHIFT;
        int dx = (int)td_rng_below(&r, 2 * MAX_SHIFT + 1) - MAX_SHIFT;
        bool flip = td_rng_below(&r, 2) == 1 && o->augment_flip;
        if (!o->augment_shift) dy = dx = 0;
        put_image(d, s->table, d->image[split] + words * (size_t)image, dy, dx, flip, to);
    }
}

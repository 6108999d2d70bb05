/* What values are on calibration images: a first pass for the bounds, a second one for how the
 * words lie between them. */
#include <stdlib.h>

#include "range.h"

static void see_bounds(void *self, int value, const float *word, int64_t n) {
    td__seen *s = (td__seen *)self + value;
    for (int64_t i = 0; i < n; i++) {
        if (word[i] < s->lo) s->lo = word[i];
        if (word[i] > s->hi) s->hi = word[i];
    }
}

static void see_words(void *self, int value, const float *word, int64_t n) {
    td__seen *s = (td__seen *)self + value;
    float width = s->hi - s->lo, per = width > 0 ? (float)TD__BINS / width : 0;
    for (int64_t i = 0; i < n; i++) {
        int bin = (int)((word[i] - s->lo) * per);
        s->count[bin < TD__BINS ? bin : TD__BINS - 1]++;
    }
}

/* wanted[i]: bit b is set if value i is made or read in words of b bits. */
static void find_bits(const td_net *net, unsigned *wanted) {
    for (int i = 0; i < td_net_size(net); i++) {
        const td_layer *l = td_net_layer(net, i);
        if (l->bits[TD_O] <= TD_QUANT_MOST_BITS) wanted[i] |= 1U << l->bits[TD_O];
        for (int k = 0; k < l->n_inputs && l->bits[TD_I] <= TD_QUANT_MOST_BITS; k++)
            wanted[l->input[k]] |= 1U << l->bits[TD_I];
    }
}

td_status td_calibrate(const td_net *net, const td_weights *w, const td_dataset *d,
                       const td_calibration *c, td_range *range, td_error *err) {
    int n = td_net_size(net);
    int images = c->images < d->n[TD_SPLIT_TRAIN] ? c->images : d->n[TD_SPLIT_TRAIN];
    if (images < 1 || !(c->percentile > 50 && c->percentile <= 100))
        return td_fail(
            err, TD_E_USAGE,
            "calibration on %d images, percentile %g: expected at least 1, and 50 to 100", images,
            c->percentile);
    td__seen *seen = calloc((size_t)n, sizeof *seen);
    unsigned *wanted = calloc((size_t)n, sizeof *wanted);
    if (seen == NULL || wanted == NULL) {
        free(seen);
        free(wanted);
        return td_fail(err, TD_E_MEMORY, "out of memory for a calibration");
    }
    find_bits(net, wanted);
    for (int i = 0; i < n; i++) {
        seen[i].lo = INFINITY;
        seen[i].hi = -INFINITY;
    }
    td_status s = td_observe(net, w, d, TD_SPLIT_TRAIN, 0, images, see_bounds, seen, err);
    for (int i = 0; s == TD_OK && i < n; i++)
        if (!isfinite(seen[i].hi - seen[i].lo) && seen[i].lo <= seen[i].hi)
            s = td_fail(err, TD_E_INFEASIBLE, "layer %s: its values are not finite",
                        td_net_layer(net, i)->name);
    if (s == TD_OK && c->rule != TD_RANGE_MINMAX)
        s = td_observe(net, w, d, TD_SPLIT_TRAIN, 0, images, see_words, seen, err);
    const td_calibration all = {.rule = TD_RANGE_MINMAX};
    for (int i = 0; s == TD_OK && i < n; i++) {
        range[i] = (td_range){0};
        if (seen[i].lo > seen[i].hi) continue;
        /* Of an image every word is as good as any other. */
        const td_calibration *rule = i == 0 ? &all : c;
        for (int b = TD_QUANT_LEAST_BITS; b <= TD_QUANT_MOST_BITS; b++)
            if (wanted[i] >> b & 1)
                td__range_choose(&seen[i], rule, b, &range[i].at[b].lo, &range[i].at[b].hi);
    }
    free(wanted);
    free(seen);
    return s;
}

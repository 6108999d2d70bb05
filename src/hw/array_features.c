/* What an engineer looks at in a point of the template spatial-array, for the models of strategies.
 * The paper names ratios of the array, shares and use of the buffers, the shape of the buffer's
 * mesh against the array's (recalled); what exactly is ours. Numbers are logarithms to the largest
 * that the budgets allow, so that all lie in [-1, 1]. */
#include "array.h"

/* log n / log most: 0 for 1, 1 for all of it. */
static double part(double n, double most) {
    return most > 1 ? log2(n) / log2(most) : 0;
}

static double square(double v) {
    return v * v;
}

void td__array_features(const void *self, double *out) {
    const td_array *p = self;
    const double pes = p->pes, words = p->pe_words, columns = p->mesh_x, rows = pes / columns;
    const double instances = (double)p->buffer_x * p->buffer_y;
    const double sums = fmax(1, words - p->input_words - p->weight_words);
    const bool wide = p->filter_width == 2, high = p->filter_height == 2;
    const double below = part(fmax(1, rows / p->buffer_y), pes); /* rows of PEs of an instance */
    int n = 0;
    /* shape of the array; square or drawn out */
    out[n++] = part(columns / rows, pes);
    out[n++] = square(part(columns / rows, pes));
    /* division of the register files, as shares and as sizes */
    out[n++] = p->input_words / words;
    out[n++] = p->weight_words / words;
    out[n++] = sums / words;
    out[n++] = part(p->input_words, words);
    out[n++] = part(p->weight_words, words);
    out[n++] = part(sums, words);
    /* how far the buffer is divided, along each axis of the array, and in which shape */
    out[n++] = part(instances, pes);
    out[n++] = part(p->buffer_x, columns);
    out[n++] = part(p->buffer_y, rows);
    out[n++] = part((double)p->buffer_x / p->buffer_y, pes);
    /* width of an access; instances of a memory; what such a memory is of the whole buffer, which
     * is what a word's energy grows with */
    out[n++] = part(p->block, 16);
    out[n++] = part(p->cluster, pes);
    out[n++] = p->cluster / instances;
    /* where the filter stands, and how many rows there are for it if it is spread */
    out[n++] = wide ? 1 : -1;
    out[n++] = high ? 1 : -1;
    out[n++] = wide ? below : 0;
    out[n++] = high ? below : 0;
}

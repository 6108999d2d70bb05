/* int_net.h - a quantised network as a list of steps on integers, in the order in which they run.
 *
 * Words of values are int16_t, which the processor multiplies best, as rows x columns x channels.
 */
#ifndef TANDEM_QUANT_INT_NET_H
#define TANDEM_QUANT_INT_NET_H

#include "int_scale.h"
#include "range.h"

typedef enum {
    TD__DENSE,     /* convolutions and fc */
    TD__DEPTHWISE, /* one channel in, one out */
    TD__TABLE,     /* a word for a word; one of several values that are joined along channels */
    TD__MAX,
    TD__MEAN,
    TD__SUM,
    TD__PRODUCT,
    TD__BILINEAR
} td__step_kind;

typedef struct {
    td__step_kind kind;
    const td_layer *layer; /* window, groups */
    td_shape in, out;      /* fc: its input as 1 x 1 with all words as channels */
    int n_in;
    const int *from; /* values; the one it makes: */
    int to;
    const td_quant *read; /* of the inputs; of what is made: */
    td_quant made;
    int32_t least, most; /* words that it may make: those of `made`, or as an activation says */

    /* TD__DENSE: weight [group][channels, a multiple of 4][terms, a multiple of TD__TERMS], with
     * terms as rows, columns, channels of the window. TD__DEPTHWISE: weight [window][channels].
     * By channel: what is added to the sum over all words of the window (modulo 2^32), and the
     * scale of both, with a shift of 1 to 61. */
    const int16_t *weight;
    const uint32_t *offset;
    const int32_t *multiplier, *shift;
    td__scale scale[2]; /* of others; TD__SUM: of the two inputs, with one shift */
    int64_t terms;      /* of a row of weights */
    /* TD__TABLE: [256], of each channel if `per_channel`; NULL: the word itself. TD__MAX, too. */
    const int16_t *table;
    bool per_channel;
    int32_t first; /* channel of what is made that the first one becomes */
} td__step;
enum { TD__TERMS = 16 };

typedef struct {
    td_arena *arena;
    const td_quantised *q;
    int n_values;
    int64_t *words;  /* of each value; 0: it is not there */
    td_shape result; /* channels first */
    int n_steps;
    td__step *step;
    int64_t row_words; /* the longest row that a step gathers */
} td__int_net;

/* Points into q. */
td_status td__int_net_create(const td_quantised *q, td__int_net **out, td_error *err);
void td__int_net_destroy(td__int_net *n);

/* Memory for one inference at a time. */
typedef struct {
    int16_t **value;
    int16_t *row; /* two of them */
    void *block;
} td__int_memory;
bool td__int_memory_create(const td__int_net *n, td__int_memory *m); /* false: memory */
void td__int_memory_destroy(td__int_memory *m);

/* The words of the bytes of images: [c][256], caller frees, NULL: memory; image i of a split in
 * these. TD_E_USAGE: the network is of other images, or does not end in scores. */
int16_t *td__image_words(const td_quantised *q, const td_dataset *d);
void td__put_bytes(const td_dataset *d, int split, int i, const int16_t *word, int16_t *to);
td_status td__check_data(const td_quantised *q, const td_dataset *d, int split, td_error *err);

/* From value[0] to value[last]. */
void td__int_net_run(const td__int_net *n, const td__int_memory *m);
/* One step; of those with weights. */
void td__step_run(const td__step *s, int16_t *const *value, int16_t *row);
void td__step_multiply(const td__step *s, const int16_t *x, int16_t *y, int16_t *row);

#endif

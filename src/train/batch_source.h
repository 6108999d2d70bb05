/* batch_source.h - images of a data set as batches of normalised floats, in the order of an epoch,
 * moved and mirrored if so wanted. Image i of epoch e is a function of (seed, e, i). */
#ifndef TANDEM_TRAIN_BATCH_SOURCE_H
#define TANDEM_TRAIN_BATCH_SOURCE_H

#include "tandem/train.h"

typedef struct {
    const td_dataset *data;
    const td_train_options *options;
    int32_t *subset, *order; /* images (of the training split, then validation); [n] each */
    int n;
    int64_t epoch; /* that `order` is of */
    float *table;  /* [c][256]: byte -> normalised float */
} td__batch_source;

td_status td__batch_source_init(td__batch_source *s, const td_dataset *d, const td_train_options *o,
                                td_error *err);
void td__batch_source_free(td__batch_source *s);
/* Batch number `step` of an epoch: input [batch][c][h][w], label [batch]. */
void td__batch_source_get(td__batch_source *s, int64_t epoch, int64_t step, float *input,
                          uint8_t *label);
/* Images of one split as they are: input [count][c][h][w]. */
void td__images_get(const td_dataset *d, const float *table, int split, int first, int count,
                    float *input);
/* [c][256]; caller frees. NULL: memory. */
float *td__normalising_table(const td_dataset *d);

#endif

/* executor.h - runs a plan: owns its memory, kernels and batch norms. */
#ifndef TANDEM_TRAIN_EXECUTOR_H
#define TANDEM_TRAIN_EXECUTOR_H

#include "batch_norm.h"
#include "kernels.h"
#include "plan.h"

typedef struct {
    td__plan *plan;
    td__backend *be;
    td_weights *weights;   /* borrowed; training moves the batch norms' mean and var */
    td_weights *gradients; /* borrowed; NULL for inference */
    td__kernel **kernel;   /* per operation; NULL for batch norms */
    td__bn *bn;            /* per operation; empty for others */
    td__call **call;       /* per command and chunk, those of command i from call_at[i] */
    int *call_at, n_calls;
    char *full, *chunk;
    float *score_buffer;
    /* Shown every value as it is made, of the first `seen_images` of the batch (fp32 inference): n
     * words of some images. NULL: nobody looks. */
    void (*see)(void *self, int value, const float *word, int64_t n);
    void *seer;
    int seen_images;
} td__executor;

/* Takes the plan, also when it fails. */
td_status td__executor_create(td__plan *plan, td_weights *weights, td_weights *gradients,
                              td__executor **out, td_error *err);
void td__executor_destroy(td__executor *ex);
/* After the weights have changed. */
td_status td__executor_load(td__executor *ex);
/* Puts `images` images [c][h][w] at position `first` of the batch. */
void td__executor_set_input(td__executor *ex, const float *input, int first, int images);
/* One pass over the batch that was set. Training: labels of the batch; the summed loss; gradients
 * and batch statistics (weight of this batch in the running ones: `momentum`). */
td_status td__executor_run(td__executor *ex, const uint8_t *label, double smoothing,
                           double momentum, double *loss);
/* Scores of image i of the batch -> out[classes] */
void td__executor_scores(const td__executor *ex, int i, float *out);

#endif

/* tandem/train.h - data sets, layers forward and backward on oneDNN, optimiser, trainer.
 *
 *     td_dataset ds;
 *     td_dataset_load("fashion-mnist", NULL, &ds, &err);
 *     td_train_options o; td_train_options_default(&o); o.epochs = 5;
 *     td_train_result r;
 *     td_train(net, &ds, &o, &weights, &r, &err);   // weights: caller destroys
 */
#ifndef TANDEM_TRAIN_H
#define TANDEM_TRAIN_H

#include "tandem/base.h"
#include "tandem/net.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- data ------------------------------------------------------------------------------------ */

enum { TD_SPLIT_TRAIN, TD_SPLIT_VALID, TD_SPLIT_TEST, TD_NSPLIT };
typedef struct {
    char name[48];
    td_shape shape;
    int classes;
    int n[TD_NSPLIT];
    uint8_t *image[TD_NSPLIT]; /* [n][c][h][w] */
    uint8_t *label[TD_NSPLIT];
    float mean[4], std[4]; /* per channel, of x/255 over the training split */
    uint64_t hash;         /* of all the above */
} td_dataset;
/* Known names: "fashion-mnist" (IDX files as the Debian package dataset-fashion-mnist installs
 * them; `path` or $TANDEM_DATASETS/fashion-mnist overrides the folder). The validation split is the
 * last 10,000 training images after a shuffle with a fixed seed; the test split is the published
 * one. TD_E_NOT_FOUND names the package to install. Damaged files are TD_E_INPUT. */
td_status td_dataset_load(const char *name, const char *path, td_dataset *out, td_error *err);
/* TD_E_NOT_FOUND: there is no data set of this name. */
td_status td_dataset_known(const char *name, td_error *err);
void td_dataset_free(td_dataset *d);

/* ---- training -------------------------------------------------------------------------------- */

/* How activations and their gradients are kept. Weights, statistics and sums are fp32 always; on a
 * processor without bf16 instructions the arithmetic is, too. */
typedef enum { TD_FP32, TD_BF16 } td_number;
/* Whether this processor can train in it: oneDNN has bf16 from AVX-512 on. Training in a number
 * that it cannot is TD_E_UNSUPPORTED. */
bool td_number_trains(td_number n);
typedef struct {
    int batch;        /* 32 */
    double epochs;    /* may be a fraction */
    int train_images; /* 0: all; else the first so many of a seeded shuffle (proxy) */
    double rate;      /* 0.05: peak learning rate, cosine to 0 after a linear warm-up */
    int warmup_steps;
    double momentum, weight_decay, label_smoothing;
    bool augment_shift, augment_flip; /* shift by up to 2 pixels, mirror */
    td_number number;
    uint64_t seed;
    bool with_valid; /* final training: train on train + validation images */
    /* Called after each epoch (and at the end of a fractional one); returning false stops training
     * with TD_E_INTERRUPTED. May be NULL. */
    bool (*progress)(void *self, double epoch, double loss, double valid_accuracy);
    /* Whether progress is called after an epoch, which costs a pass over the validation images.
     * NULL: after each. */
    bool (*wanted)(void *self, double epoch);
    void *self;
    bool (*cancelled)(void *self); /* polled every step; may be NULL */
} td_train_options;
void td_train_options_default(td_train_options *o);
/* Keys of a recipe's `train` map -> options; unknown keys are errors. */
td_status td_train_options_from_node(const td_node *n, td_train_options *o, td_error *err);
uint64_t td_train_options_hash(const td_train_options *o); /* what the accuracy depends on */

typedef struct {
    double train_loss, valid_accuracy; /* fractions */
    double cpu_s, wall_s;
    int64_t images;
    int64_t steps;
} td_train_result;

/* Trains from scratch in the calling thread only, deterministic for (net, data, options) on one
 * machine. A training that diverges (loss not finite) is TD_E_INFEASIBLE; a network that does not
 * end in one score per class (height and width 1) TD_E_UNSUPPORTED; an incomplete last batch of an
 * epoch is left out. On errors *weights is NULL; *r counts what was done. */
td_status td_train(const td_net *net, const td_dataset *d, const td_train_options *o,
                   td_weights **weights, td_train_result *r, td_error *err);
/* Fraction of a split classified right with inference-mode batch norms. predicted: n labels or
 * NULL. */
td_status td_test(const td_net *net, const td_weights *w, const td_dataset *d, int split,
                  double *accuracy, uint8_t *predicted, td_error *err);
/* Shows the values of a network (one number per layer, as in td_net) on images first to first +
 * count - 1 of a split, with inference-mode batch norms: see(self, value, word, n) for a few images
 * at a time, in their order, n words as rows x columns x channels; of value 0 channels x rows x
 * columns. A batch norm and the activation that it is joined with are one value. */
td_status td_observe(const td_net *net, const td_weights *w, const td_dataset *d, int split,
                     int first, int count,
                     void (*see)(void *self, int value, const float *word, int64_t n), void *self,
                     td_error *err);
/* Weights in a file (own format with a checksum); the network's hash must agree. */
td_status td_weights_save(const td_weights *w, const td_net *net, const char *path, td_error *err);
td_status td_weights_load(const td_net *net, const char *path, td_weights **w, td_error *err);

/* ---- one step, for gradient checks and benchmarks ---------------------------------------------
 */

typedef struct td_trainer td_trainer;
td_status td_trainer_create(const td_net *net, int batch, td_number number, uint64_t seed,
                            td_trainer **out, td_error *err);
void td_trainer_destroy(td_trainer *t);
/* Forward and backward of one batch: input [batch][c][h][w] fp32, labels [batch]; returns the mean
 * loss. Gradients with the weights' layout: td_trainer_gradients (valid until the next step). */
td_status td_trainer_step(td_trainer *t, const float *input, const uint8_t *label,
                          double label_smoothing, double *loss, td_error *err);
td_status td_trainer_update(td_trainer *t, double rate, double momentum, double weight_decay,
                            td_error *err);
td_weights *td_trainer_weights(td_trainer *t); /* owned by the trainer, current values */
td_status td_trainer_set_weights(td_trainer *t, const td_weights *w, td_error *err);
const td_weights *td_trainer_gradients(td_trainer *t); /* mean, var unused */

#ifdef __cplusplus
}
#endif
#endif

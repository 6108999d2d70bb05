/* batch_norm.h - batch norm with the activation behind it, cut into the passes that the executor
 * weaves into its sweeps over a batch.
 *
 * With x the input, per channel over all images, rows and columns (M words per channel):
 *     m = mean(x), v = mean((x - m)^2), r = 1 / sqrt(v + eps)         statistics   x read once
 *     y = act(a x + b), a = scale r, b = shift - a m                   apply        x -> y
 *     dz = dy act'(a x + b)
 *     s1 = sum(dz), s2 = sum(dz (x - m))                               reduce       x, dy read once
 *     d_shift = s1, d_scale = r s2
 *     dx = a dz + c1 x + c0, c1 = -a r^2 s2 / M, c0 = -a s1 / M - c1 m  input        x, dy -> dx
 * (Ioffe and Szegedy 2015, with the sums of its appendix regrouped.) Neither y nor the activation's
 * mask is needed backwards, so that nothing but x is kept.
 *
 * Tensors are [rows][channels]. Coefficients are laid out for a whole number of vectors (`period`
 * words, a multiple of the channels and of 16), so that any number of channels runs in full
 * vectors. Sums are gathered in floats over short stretches, then in doubles; the variance is taken
 * about a pivot near the mean, against cancellation. */
#ifndef TANDEM_TRAIN_BATCH_NORM_H
#define TANDEM_TRAIN_BATCH_NORM_H

#include "tandem/train.h"

struct td__bn_functions;
typedef struct {
    int32_t c;
    int64_t period;
    td_number number;
    td_op act; /* TD_OP_BN: none */
    const struct td__bn_functions *fn;
    float *a, *b, *mean, *c0, *c1, *pivot, *part1, *part2; /* [period] each, one allocation */
    double *sum1, *sum2;                                   /* [c] each */
    float *inv_std;                                        /* [c] */
    int64_t count;                                         /* words per channel */
    bool have_pivot;
} td__bn;

bool td__bn_fuses(td_op act); /* whether the activation can be part of it */
td_status td__bn_init(td__bn *bn, int32_t c, td_number number, td_op act, td_error *err);
void td__bn_free(td__bn *bn);

/* Training: begin, stats over all chunks, finish_stats. `words` is rows x channels. */
void td__bn_begin(td__bn *bn);
void td__bn_stats(td__bn *bn, const void *x, int64_t words);
/* Running mean and (unbiased) variance in p move by `momentum` towards this batch's. */
void td__bn_finish_stats(td__bn *bn, const td_layer_params_t *p, float eps, double momentum);
/* Inference: coefficients from the stored mean and variance. */
void td__bn_use_stored(td__bn *bn, const td_layer_params_t *p, float eps);
void td__bn_apply(const td__bn *bn, const void *x, void *y, int64_t words);
/* Backward: begin_reduce, reduce over all chunks, finish_reduce (d_scale, d_shift), input. */
void td__bn_begin_reduce(td__bn *bn);
void td__bn_reduce(td__bn *bn, const void *x, const void *dy, int64_t words);
void td__bn_finish_reduce(td__bn *bn, const td_layer_params_t *gradient);
void td__bn_input(const td__bn *bn, const void *x, const void *dy, void *dx, int64_t words);

#endif

/* loss.h - softmax with cross-entropy. */
#ifndef TANDEM_TRAIN_LOSS_H
#define TANDEM_TRAIN_LOSS_H

#include "tandem/train.h"

/* Sum over n images of the cross-entropy between softmax(score) and the label, smoothed: the target
 * is (1 - smoothing) at the label plus smoothing / classes everywhere (Szegedy et al. 2016, section
 * 7). score, d_score: [n][classes]; d_score gets the gradient times `scale` (1 / batch). buffer:
 * `classes` floats. */
double td__loss(td_number number, const void *score, const uint8_t *label, int n, int32_t classes,
                double smoothing, double scale, void *d_score, float *buffer);

#endif

/* plain_net.h - training-mode forward pass and loss of a network in double precision with simple
 * loops, written for the tests: what the trainer is held to. */
#ifndef TANDEM_TESTS_PLAIN_NET_H
#define TANDEM_TESTS_PLAIN_NET_H

#include "tandem/train.h"

/* Weights in double, laid out as in td_weights: value i of the fp32 array is value i here. */
typedef struct {
    const td_net *net;
    const td_weights *like; /* addresses give the positions */
    double *data;
} plain_weights;

plain_weights plain_from(const td_net *net, const td_weights *w);
void plain_free(plain_weights *p);
/* Mean smoothed cross-entropy of a batch [batch][c][h][w] with batch statistics. */
double plain_loss(const plain_weights *p, const float *input, const uint8_t *label, int batch,
                  double smoothing);

#endif

/* init.h - weights at the start of a training. */
#ifndef TANDEM_TRAIN_INIT_H
#define TANDEM_TRAIN_INIT_H

#include "tandem/train.h"

/* Normal with variance 2 / fan-out (He et al. 2015, eq. 14), fan-out = outputs per group x kernel
 * for convolutions; fully connected layers 1 / inputs. Biases 0; batch norms scale 1, shift 0.
 * Every layer has its own stream of random numbers. */
void td__init_weights(const td_net *net, uint64_t seed, td_weights *w);
/* Values of one set of weights into another of the same network. */
void td__weights_copy(td_weights *to, const td_weights *from);

#endif

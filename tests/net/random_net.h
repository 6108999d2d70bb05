/* Random networks and weights for the tests of this folder. */
#ifndef TANDEM_TESTS_RANDOM_NET_H
#define TANDEM_TESTS_RANDOM_NET_H

#include "tandem/net.h"

/* A valid network of so many layers after the input, with branches, from all ops. The last one
 * reduces to `classes` (fc) if classes > 0. */
td_net *random_net(td_rng *r, int layers, int classes);

/* One network that has every op, grouped and dilated convolutions, uneven windows, vectors that go
 * on as images, and a batch norm that cannot be folded. Input 3 x 13 x 11, 7 classes. */
td_net *every_op_net(void);

/* Weights of which no two are equal by design: normal, BN variances in 0.5..1.5. */
td_weights *random_weights(const td_net *net, td_rng *r);

void random_floats(td_rng *r, float *v, int64_t n, double lo, double hi);

#endif

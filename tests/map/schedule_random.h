/* Random small networks and micro accelerators for the tests of schedules. */
#ifndef TANDEM_TESTS_SCHEDULE_RANDOM_H
#define TANDEM_TESTS_SCHEDULE_RANDOM_H

#include "tandem/hw.h"
#include "tandem/net.h"

/* Convolutions of all kinds, pools, residual additions, gates, concatenations, lone activations:
 * about `steps` intervals, ending in global pool and fc half of the time. Never NULL. */
td_net *random_schedule_net(td_rng *r, int steps);

/* A chain of `steps` convolutions and residual additions, nothing else. */
td_net *random_chain(td_rng *r, int steps);

/* Inverted bottlenecks and plain convolutions of an image that is large for a small chip. */
td_net *random_crowd(td_rng *r);

/* Parameters of the micro template, and what else they may be. */
void micro_defaults(td_edge *e, td_tech *tech);
/* A point of the micro space that can be built. */
void random_micro(td_rng *r, td_edge *e, td_hw *hw);
/* Builds it; the test fails if it cannot be. Rules on sizes of products are left out. */
void build_micro(const td_edge *e, td_hw *hw);

#endif

/* Random documents for the tests of readers and writers. */
#ifndef TANDEM_TESTS_RANDOM_NODE_H
#define TANDEM_TESTS_RANDOM_NODE_H

#include "tandem/base.h"

/* A document of at most `depth` levels with awkward texts and numbers; `finite`: no inf and nan. */
td_node *random_node(td_arena *a, td_rng *r, int depth, bool finite);
/* Equal in kinds, keys, order and values (bits of reals too). */
bool same_node(const td_node *a, const td_node *b);

#endif

#ifndef TANDEM_OUTCOME_H
#define TANDEM_OUTCOME_H

#include "tandem/search.h"

/* The order of td_outcome_compare() among what is not feasible, as a number: 0 feasible, 0.1
 * pruned, 0.2 to 0.8 by the sum of violations v (v / (1 + v) of the way), 0.9 cannot be built, 1
 * failed or without an objective. */
double td__outcome_shortfall(const td_outcome *o);

#endif

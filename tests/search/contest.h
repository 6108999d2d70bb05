/* Searches on the black-box problems, and strategies beside each other. */
#ifndef TANDEM_TESTS_CONTEST_H
#define TANDEM_TESTS_CONTEST_H

#include "tandem/search.h"

/* The best feasible value after n trials, or the hypervolume; each is told `lag` trials behind.
 * options: YAML. */
double contest_search(const char *problem, const char *strategy, const char *options, uint64_t seed,
                      int n, int lag);
/* Fails unless the strategy does better than random search: one-sided rank-sum test of so
 * many seeds each (at most 200), p < .01. */
void contest_beats_random(const char *problem, const char *strategy, const char *options, int n,
                          int lag, int seeds);

#endif

/* Random chains with random tables of ways, whose schedules are enumerated: what the dynamic
 * program and the choice of resident weights are held to. No mapper is involved. */
#ifndef TANDEM_TESTS_DP_CASE_H
#define TANDEM_TESTS_DP_CASE_H

#include "../../src/map/schedule.h"

typedef struct {
    td_arena *arena;
    td_net *net;
    td_hw hw;
    td__home home;
    td__sched_plan plan;
    td__table table;
    td__stacks stacks;
    td_map_objective objective;
    td_rng rng;
} dp_case;

typedef struct {
    double cycles, pj;
} dp_figures;

int dp_pick(td_rng *r, int lo, int hi);
/* A pool that values and weights compete for; ways that trade room for time and energy. Latency is
 * the objective of even seeds, energy of the others. */
void dp_case_make(dp_case *s, uint64_t seed, int steps);
void dp_case_free(dp_case *s);
/* By the objective, then by the other figure. */
bool dp_less(const dp_case *s, dp_figures a, dp_figures b);
/* Best of all places of values x all weights loaded ahead x all sets of stacks; false: there is
 * none. */
bool dp_enumerate(const dp_case *s, const bool *resident, bool cold, dp_figures *best);
/* The figures of what was chosen, by the rules of enumeration; false: there is no room for it. */
bool dp_sum_of(dp_case *s, const td__choice *c, const bool *resident, bool cold, dp_figures *sum);
/* Those of an answer. */
dp_figures dp_answer(const dp_case *s, const td__answer *a);

#endif

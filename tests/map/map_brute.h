/* map_brute.h - every mapping of a tiny layer, without any of the mapper's reasoning. */
#ifndef TANDEM_TESTS_MAP_BRUTE_H
#define TANDEM_TESTS_MAP_BRUTE_H

#include "tandem/map.h"

/* Calls visit for each mapping that td_cost_evaluate accepts: all spatial factors that fit the
 * fan-outs (with padding to multiples of them if the rules pad, divisors otherwise; no factor
 * larger than its number of steps needs), all keep masks within rules and query, all temporal
 * factors, all orders of each level's loops. */
typedef struct {
    void (*visit)(void *self, const td_problem *padded, const td_mapping *m, const td_cost *c);
    void *self;
    long mappings; /* tried */
    long limit;    /* gives up beyond (0: never) */
    bool gave_up;
} brute;
void brute_force(brute *b, const td_problem *p, const td_hw *hw, const td_map_query *q);

/* Random small accelerator and layer; the same for the same rng state. */
void random_hw(td_rng *r, int levels, bool pad, td_hw *hw);
void random_layer(td_rng *r, int size, td_problem *p);

/* All of it at once: accelerators of 2 to 4 levels, tight or ample, tensors that stay at inner
 * levels, masks that the query fixes; sums of 4 to 32 bits. masks: also loops that rules forbid in
 * time. size: of the layer's dims. */
typedef struct {
    td_hw hw;
    td_problem problem;
    td_map_query query;
} map_case;
void random_case(td_rng *r, int size, bool masks, map_case *out);

double objective_of(const td_map_query *q, const td_cost *c);

#endif

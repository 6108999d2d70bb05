/* simulator.h - walks a mapping step by step and counts words one by one, from the text of
 * docs/cost-model.md ("Exact counting") and without any code of src/cost. For small cases only. */
#ifndef TANDEM_TESTS_SIMULATOR_H
#define TANDEM_TESTS_SIMULATOR_H

#include "tandem/cost.h"

typedef struct {
    double tile_words, partition_words, reads, fills, updates; /* averages over used instances */
    int bits;
} sim_access;

typedef struct {
    double macs, macs_used, compute_cycles, cycles, energy_pj;
    double level_pj[TD_MAX_LEVELS], used[TD_MAX_LEVELS];
    double need_bits[TD_MAX_LEVELS]; /* sum of the kept tiles */
    sim_access at[TD_MAX_LEVELS][TD_NTENSOR];
    bool even; /* all used instances of every level have the same counts */
} sim_result;

/* False if a tensor is needed outside of its outermost keeper, or kept nowhere. */
bool simulate(const td_problem *p, const td_hw *hw, const td_mapping *m, sim_result *out);

#endif

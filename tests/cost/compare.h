/* compare.h - the cost of a case against the simulator's. */
#ifndef TANDEM_TESTS_COMPARE_H
#define TANDEM_TESTS_COMPARE_H

#include "simulator.h"

bool is_padded(const td_problem *p);
bool is_imperfect(const td_mapping *m);

/* Whole counts must be equal; averages over instances (padding, imperfect factors) may differ in
 * the last bits. why: of the first difference. */
bool agrees(const td_case *c, const td_cost *cost, const sim_result *sim, char *why, size_t size);

#endif

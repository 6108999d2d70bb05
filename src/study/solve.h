/* solve.h - the best accelerator of a space for one network, exactly: costs are nearly free,
 * trainings are not. */
#ifndef TANDEM_SOLVE_H
#define TANDEM_SOLVE_H

#include "row.h"

typedef struct td__solver td__solver;

/* Builds every point of an accelerator space; those that break a rule are left out. space,
 * objective, schedule and costs (may be NULL) must outlive it. TD_E_INPUT: the space cannot be
 * walked (real decisions) or has more than a million points; TD_E_INFEASIBLE: no point can be
 * built. */
td_status td__solver_create(const td_space *hw, const td_objective *o,
                            const td_schedule_options *schedule, td_costs *costs, td__solver **out,
                            td_error *err);
void td__solver_destroy(td__solver *s); /* NULL is fine */
/* How many accelerators there are to choose from: those that can be built. */
int td__solver_points(const td__solver *s);

/* An accelerator of the space; all of it belongs to the solver. */
typedef struct {
    td_choices choices;
    const td_hw *hw;
    uint64_t hw_hash;
    double metric[TD_NMETRIC];
    int64_t scheduled; /* accelerators that were costed in full; the others cannot be better */
} td__solved;

/* The accelerator with the best objective for a network; the accuracy is the same for all, and
 * counts as 1. Those that meet all targets come first, unless the objective trains designs that
 * miss some; of equal ones the first of the space. What a lower bound of its costs shows to be no
 * better is not costed: the answer is that of an enumeration. TD_E_INFEASIBLE: the network runs on
 * none of them. Thread-safe; answers are kept by net_hash. */
td_status td__solver_best(td__solver *s, const td_net *net, uint64_t net_hash, td__solved *out,
                          td_error *err);

#endif

/* costs.h - what pairs of a network and an accelerator cost, kept for all runs of a comparison. */
#ifndef TANDEM_COSTS_H
#define TANDEM_COSTS_H

#include "tandem/study.h"

/* Metrics by two hashes: of a network and an accelerator, or of a network and a question about
 * accelerators, whose answer is one of them (solve.c: its index; -1: none). */
typedef struct {
    double metric[TD_NMETRIC];
    int64_t index, scheduled;
} td__costed;
/* False: not known. */
bool td__costs_get(td_costs *c, uint64_t net, uint64_t hw, td__costed *out);
/* Forgets nothing. Once it is full it takes in no more pairs; answers are few, and always kept. */
void td__costs_put(td_costs *c, uint64_t net, uint64_t hw, bool answer, const td__costed *x);

/* td__design_cost without schedules, looked up where it is known. costs may be NULL. Reasons of
 * pairs that cannot be mapped are found anew each time. */
td_status td__costs_of(td_costs *costs, const td_design *d, const td_schedule_options *o,
                       double metric[TD_NMETRIC], td_error *err);

#endif

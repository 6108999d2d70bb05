/* costs.h - what pairs of a network and an accelerator cost, kept for all runs of a comparison. */
#ifndef TANDEM_COSTS_H
#define TANDEM_COSTS_H

#include "tandem/study.h"

/* td__design_cost without schedules, looked up where it is known. costs may be NULL. Reasons of
 * pairs that cannot be mapped are found anew each time. */
td_status td__costs_of(td_costs *costs, const td_design *d, const td_schedule_options *o,
                       double metric[TD_NMETRIC], td_error *err);

#endif

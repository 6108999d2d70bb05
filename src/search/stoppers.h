/* The rules of early stopping in this folder; stopper_list.c has them in a table. */
#ifndef TANDEM_STOPPERS_H
#define TANDEM_STOPPERS_H

#include "tandem/search.h"

extern const td_stopper td__stopper_asha, td__stopper_hyperband, td__stopper_median;

/* How many of the others come before an outcome; what is equal does not. */
td_status td__outcomes_ahead(const td_outcome *own, const td_outcome *const *other, int n,
                             int *ahead);
/* TD_E_INPUT: an evaluation has one step only. */
td_status td__stopper_fail_short(const td_params *params, td_error *err);

#endif

/* search_workload.h - `--workload NET[:WEIGHT]` and `--combine` of `tandem search`, as overrides of
 * a recipe. */
#ifndef TANDEM_SEARCH_WORKLOAD_H
#define TANDEM_SEARCH_WORKLOAD_H

#include "tandem/study.h"

typedef struct {
    const char *net[TD_MAX_WORKLOAD]; /* NET[:WEIGHT] as given */
    int n;
    const char *combine; /* NULL: not given */
} search_workload;

enum { SEARCH_WORKLOAD_OVERRIDES = 5 };
/* Adds what the options change in the recipe: its network, and what a workload has no use for
 * (accuracy, final, compare, budget.trained). *count grows by up to SEARCH_WORKLOAD_OVERRIDES. */
td_status search_workload_overrides(const search_workload *w, td_arena *a, td_override *o,
                                    int *count, td_error *err);

#endif

#include <string.h>

#include "strategies.h"

/* A new strategy is one file and one line here. */
static const td_strategy *const strategies[] = {
    &td__strategy_auto,  &td__strategy_gp,     &td__strategy_tpe,   &td__strategy_evolution,
    &td__strategy_local, &td__strategy_ppo,    &td__strategy_nsga2, &td__strategy_cmaes,
    &td__strategy_bo,    &td__strategy_random, &td__strategy_qmc,   &td__strategy_exhaustive};

const td_strategy *const *td_strategy_list(int *n) {
    if (n != NULL) *n = (int)(sizeof strategies / sizeof strategies[0]);
    return strategies;
}

const td_strategy *td_strategy_find(const char *name) {
    int n;
    const td_strategy *const *all = td_strategy_list(&n);
    for (int i = 0; i < n; i++)
        if (strcmp(all[i]->name, name) == 0) return all[i];
    return NULL;
}

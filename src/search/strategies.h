/* The strategies of this folder; strategy_list.c has them in a table. */
#ifndef TANDEM_STRATEGIES_H
#define TANDEM_STRATEGIES_H

#include "tandem/search.h"

extern const td_strategy td__strategy_auto, td__strategy_gp, td__strategy_bo, td__strategy_tpe,
    td__strategy_random, td__strategy_evolution, td__strategy_local, td__strategy_ppo,
    td__strategy_exhaustive, td__strategy_nsga2, td__strategy_cmaes, td__strategy_qmc;

#endif

/* scope.h - how much work the scopes of a recipe are. */
#ifndef TANDEM_SCOPE_H
#define TANDEM_SCOPE_H

#include "recipe.h"

/* If the budgets are used up. What is solved for a network is no cost of the scope's. */
typedef struct {
    int64_t costs, solves, trainings;
    bool fixed_network; /* no network is searched */
} td__scope_work;
/* max_trials: in place of the recipe's, 0: none. */
td__scope_work td__scope_count(const td_recipe *r, const td_scope *scope, int64_t max_trials);
/* Points of a space as a number: a large one is rounded, a space with real ranges infinite. */
double td__space_points(const td_space *s);

#endif

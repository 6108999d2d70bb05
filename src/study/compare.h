/* compare.h - parts of a comparison, for src/study. */
#ifndef TANDEM_COMPARE_H
#define TANDEM_COMPARE_H

#include "recipe.h"

enum { TD__COMPARE_OVERRIDES = 8 };

/* What makes the recipe of one run of the file's recipe; returns their number. Texts live in the
 * arena. NULL texts: memory is out, td_recipe_load_with is not to be called. */
int td__compare_overrides(const td_comparison *c, int method, int target, uint64_t seed,
                          td_arena *a, td_override o[TD__COMPARE_OVERRIDES]);

/* Scores and steps of a run from the trials of its store, searched as r says. The arena of c is
 * touched: one at a time. */
td_status td__compare_score(td_comparison *c, td_compare_run *run, const td_recipe *r,
                            const td_accuracy *accuracy, td_error *err);

/* An accuracy that several searches ask at a time: a network is evaluated once, whoever asks first.
 * All it holds is in memory. Takes `inner` over, also on errors. */
td_status td__accuracy_shared(td_accuracy *inner, td_accuracy *out, td_error *err);

#endif

/* compare.h - parts of a comparison, for src/study. */
#ifndef TANDEM_COMPARE_H
#define TANDEM_COMPARE_H

#include "recipe.h"

/* What makes the recipe of one run of the file's recipe: *n of them, in the arena. NULL: memory is
 * out. */
td_override *td__compare_overrides(const td_comparison *c, int method, int target, uint64_t seed,
                                   td_arena *a, int *n);
/* The recipe of the file with the seed, and what is set, alone. */
td_status td__compare_load(const td_comparison *c, uint64_t seed, td_recipe **r, td_error *err);

/* Scores and steps of a run from the trials of its store, searched as r says. The arena of c is
 * touched: one at a time. */
td_status td__compare_score(td_comparison *c, td_compare_run *run, const td_recipe *r,
                            const td_accuracy *accuracy, td_error *err);

/* An accuracy that several searches ask at a time: a network is evaluated once, whoever asks first.
 * All it holds is in memory. Takes `inner` over, also on errors. */
td_status td__accuracy_shared(td_accuracy *inner, td_accuracy *out, td_error *err);

#endif

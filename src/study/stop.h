/* stop.h - early stopping in the trial loop: which curves count, what a verdict makes of a trial.
 */
#ifndef TANDEM_STOP_H
#define TANDEM_STOP_H

#include "loop.h"

/* Trial n, which this thread evaluates, has come to `value` (state done) after a step. It is kept
 * in the curve of f, whose memory is a's, in place of what was reported of this step and later ones
 * before, and judged by the row's rule if there is one, beside the trials that the strategy had
 * been told before n was asked: so verdicts are the same whatever the number of threads, and a
 * resume gives them again. On TD_PRUNE the evaluation ends here: f is pruned, with this value and
 * the reason. Without the lock. */
td_status td__stop_report(td__loop *l, int64_t n, int64_t step, const td_outcome *value,
                          td_arena *a, td__finish *f, td_verdict *verdict, td_error *err);
/* The same of a curve, and of the others that count, for who has no loop. The row has a rule. */
td_status td__stop_judge(const td__row *row, const td_curve *own, const td_curve *earlier, int n,
                         td_arena *a, td__finish *f, td_verdict *verdict, td_error *err);
/* Is a value after this step of use to the rule? */
bool td__stop_looks(const td__row *row, int64_t step);
/* The share of a whole evaluation; where that is not known, what only grows with the steps. */
double td__stop_fidelity(const td__row *row, int64_t steps);
/* How many steps are a whole training in the budget: where none is stopped early, one. */
int64_t td__stop_unit(const td__row *row);
/* The network of trial k is among those that count: by its steps, or what it went more than those
 * before it with the same network. of_told: for the budget; else for the progress. Under the lock.
 */
td_status td__stop_count(td__loop *l, int64_t k, bool of_told, td_error *err);
/* "stopped after epoch 3 of 12" */
void td__stop_where(const td__row *row, int64_t steps, td_text *out);
/* "asha, after epochs 1 and 3 of 12" */
void td__stop_describe(const td__stopping *s, td_text *out);

#endif

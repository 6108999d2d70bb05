/* front.h - Pareto mode, for src/study. */
#ifndef TANDEM_FRONT_H
#define TANDEM_FRONT_H

#include "tandem/study.h"

/* The chosen objectives of a design, all to be minimised (the accuracy with its sign turned): the
 * accuracy first, then the metrics in their order; what is not known is 0. Returns their number. */
int td__front_point(unsigned objectives, double accuracy, const double metric[TD_NMETRIC],
                    double *out);

/* References that nobody has given: the targets; of metrics without one 1.1 times the largest value
 * of the trials that meet all targets (0 if there are none). */
void td__front_complete(td_front *f, const td_objective *o, const td_trial_row *t, int n);

/* The order in which designs are worth a full training: the best one (td_trials_best), then those
 * of the front, each as far as can be from those before. order: room for n + 1. */
td_status td__front_order(const td_trial_row *t, int n, unsigned objectives, int *order, int *count,
                          td_error *err);

/* What td_store_front reads. */
td_status td__store_front_put(td_store *s, const char *study, const td_front *f, td_error *err);

#endif

/* estimate.h - parts of the estimate, for tests. */
#ifndef TANDEM_ESTIMATE_H
#define TANDEM_ESTIMATE_H

#include "tandem/study.h"

/* Seconds of the whole from those of small parts: timed() runs the fraction and returns its seconds
 * (NAN: it failed). The parts grow until one takes `enough` seconds longer than the first, or a
 * sixteenth is reached; the whole is a straight line through first and last. *fraction: the last.
 */
double td__extrapolate(double (*timed)(void *self, double fraction), void *self, double enough,
                       double *fraction);

#endif

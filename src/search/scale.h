/* Numeric decisions (integers and reals) on the scale that they are searched on. */
#ifndef TANDEM_SCALE_H
#define TANDEM_SCALE_H

#include "tandem/search.h"

/* Number of values of a decision, 0 for a real range (1 where its ends are equal). */
int64_t td__scale_count(const td_decision *d);
/* Of a real range: the place of v on its scale, in [0, 1], and back. */
double td__scale_place(const td_decision *d, double v);
double td__scale_value(const td_decision *d, double place);
/* [0, 1] in as many equal cells as a decision has values, v in the middle of its own; and back. Of
 * a real range the same as above. */
double td__scale_unit(const td_decision *d, double v);
double td__scale_from_unit(const td_decision *d, double place);

#endif

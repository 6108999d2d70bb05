/* Numeric decisions (integers and reals) on the scale that they are searched on. */
#ifndef TANDEM_SCALE_H
#define TANDEM_SCALE_H

#include "tandem/search.h"

/* Number of values of a decision, 0 for a real range (1 where its ends are equal). */
int64_t td__scale_count(const td_decision *d);
/* Of a range: the place of v on its scale, in [0, 1], lo at 0 and hi at 1; and of a real one back.
 */
double td__scale_place(const td_decision *d, double v);
double td__scale_value(const td_decision *d, double place);
/* v as a coordinate of models, in [0, 1]: the first value at 0, the last at 1 (0 if there is one).
 */
double td__scale_coordinate(const td_decision *d, double v);
/* [0, 1] in as many cells as a decision has values, v in the middle of its own; and back. Cells are
 * equal but for integers on a log scale, where k has the part from log k to log (k + 1), as it has
 * of random vectors (td_space_sample). Of a real range the same as above. */
double td__scale_unit(const td_decision *d, double v);
double td__scale_from_unit(const td_decision *d, double place);
bool td__scale_uneven(const td_decision *d);
/* Where the cell of v begins, which is where that of the value before it ends. Not of real ranges.
 */
double td__scale_border(const td_decision *d, double v);

#endif

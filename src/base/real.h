/* Reading of numbers, whatever locale the host program has set. */
#ifndef TANDEM_BASE_REAL_H
#define TANDEM_BASE_REAL_H

#include "tandem/base.h"

/* Value of a decimal number that is known to be well-formed, with '.' as the point. Infinite when
 * it is beyond the doubles. */
double td__real_parse(const char *s);

#endif

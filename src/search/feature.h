/* Vectors of choices as numbers for models that know no names and no conditions. */
#ifndef TANDEM_FEATURE_H
#define TANDEM_FEATURE_H

#include "tandem/search.h"

/* The space's own features where it has some. Else of each decision: a number's place on its scale,
 * in [0, 1]; a name's choice as one coordinate of 1 among others of 0; and, if it depends on
 * another decision, whether it is active (if not, its other coordinates are 0). At least one. */
int td__feature_count(const td_space *space);
void td__features(const td_space *space, const td_choices *c, double *out);

#endif

/* The spatial-array template: shared by its files. */
#ifndef TANDEM_HW_ARRAY_H
#define TANDEM_HW_ARRAY_H

#include "template_bits.h"

enum { TD__ARRAY_RULES = 6, TD__ARRAY_FEATURES = 19 };
extern const td__rule td__array_rules[TD__ARRAY_RULES];
/* Words that an instance of the buffer has room for: an equal share, rounded down. */
int64_t td__array_buffer_words(const td_array *p);
void td__array_features(const void *p, double *out); /* array_features.c */

#endif

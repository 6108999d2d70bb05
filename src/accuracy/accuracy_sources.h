/* accuracy_sources.h - constructors of the accuracy sources, for the table in accuracy.c. */
#ifndef TANDEM_ACCURACY_SOURCES_H
#define TANDEM_ACCURACY_SOURCES_H

#include "tandem/accuracy.h"

typedef td_status td__accuracy_make(const td_node *n, uint64_t seed, td_accuracy *out,
                                    td_error *err);
td__accuracy_make td__accuracy_train;

#endif

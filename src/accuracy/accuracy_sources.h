/* accuracy_sources.h - constructors of the accuracy sources, for the table in accuracy.c. */
#ifndef TANDEM_ACCURACY_SOURCES_H
#define TANDEM_ACCURACY_SOURCES_H

#include "tandem/accuracy.h"

/* check: the map's keys and values only. make: an entry whose map was checked. */
typedef td_status td__accuracy_check_fn(const td_node *n, const td_space *nets, td_error *err);
typedef td_status td__accuracy_make_fn(const td_node *n, const td_space *nets, uint64_t seed,
                                       td_accuracy *out, td_error *err);
td__accuracy_check_fn td__accuracy_train_check, td__accuracy_table_check;
td__accuracy_make_fn td__accuracy_train, td__accuracy_table;
/* Of a checked map; NULL in the table of sources: none. */
typedef td_status td__accuracy_steps_fn(const td_node *n, int *steps, td_error *err);
td__accuracy_steps_fn td__accuracy_train_steps;

#endif

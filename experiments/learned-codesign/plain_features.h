/* plain_features.h - the inner search without features of traffic. */
#ifndef PLAIN_FEATURES_H
#define PLAIN_FEATURES_H

#include "tandem/study_nested.h"

/* td_mapping_search_run with a strategy, over the space of mappings without the second group of its
 * features (docs/mapper.md). out: value, trials and steps only. */
td_status plain_search(const td_problem *p, const td_hw *hw, const td_mapping_search *o,
                       uint64_t seed, td_arena *a, td_mapping_found *out, td_error *err);

#endif

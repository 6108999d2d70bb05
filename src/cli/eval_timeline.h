/* eval_timeline.h - the files of `tandem eval --timeline` and `--trace`. */
#ifndef TANDEM_CLI_EVAL_TIMELINE_H
#define TANDEM_CLI_EVAL_TIMELINE_H

#include "tandem/map.h"

/* Writes the schedule's timeline (JSON) and its trace (Chrome's trace event format) to the files
 * whose names are not NULL. TD_E_IO; TD_E_INTERNAL: the timeline does not hold, nothing is
 * written. */
td_status eval_timeline(const td_net *net, const td_hw *hw, const td_schedule *s,
                        const char *timeline, const char *trace, td_arena *a, td_error *err);

#endif

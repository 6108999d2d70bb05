/* Random schedules for the tests of timelines. */
#ifndef TANDEM_TESTS_TIMELINE_CASE_H
#define TANDEM_TESTS_TIMELINE_CASE_H

#include "tandem/map.h"

typedef struct {
    td_net *net;
    td_hw hw;
    td_schedule s;
} timeline_case;

/* Number i of them: networks of 1 to 9 layers or blocks, or of bottlenecks on large images
 * (stacks), on accelerators of the micro template (most with so little memory that values and
 * weights compete for it) or on eyeriss-168; for either objective, steady or cold, one sample or
 * three. Fails the test if there is no schedule. */
void timeline_case_make(int i, td_map_cache *cache, timeline_case *out);
void timeline_case_free(timeline_case *c);

#endif

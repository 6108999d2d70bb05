/* eval_summary.h - what `tandem eval` tells of a schedule as a whole. */
#ifndef TANDEM_CLI_EVAL_SUMMARY_H
#define TANDEM_CLI_EVAL_SUMMARY_H

#include "tandem/map.h"

/* Schedules of one network on one accelerator: the one that was asked for, and the other. */
typedef struct {
    const td_net *net;
    const td_hw *hw;
    const td_schedule *asked, *first, *steady; /* the first inference, and all later ones */
} eval_pair;

/* Cycles of the intervals that one thing limits. */
typedef struct {
    const char *name; /* as td_interval.limit */
    double cycles, share;
} eval_limit;
enum { EVAL_MAX_LIMITS = TD_MAX_LEVELS + 8 };
/* Largest first; how many. */
int eval_limits(const td_schedule *s, eval_limit out[EVAL_MAX_LIMITS]);

/* The lines below the table of layers. */
void eval_summary(const eval_pair *e, td_text *out);
/* td_schedule_to_node, and beside it the network's counts for one sample, limits, throughput and
 * both inferences. NULL: memory. */
td_node *eval_node(const eval_pair *e, td_arena *a);

#endif

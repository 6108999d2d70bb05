/* schedule_facts.h - what the checkers of schedules and timelines know of a network and an
 * accelerator. Shares no code with the files that make schedules, so that a mistake there shows. */
#ifndef TANDEM_MAP_SCHEDULE_FACTS_H
#define TANDEM_MAP_SCHEDULE_FACTS_H

#include "tandem/map.h"

/* Sizes in bits, of whole bytes. "Its value" is what an interval hands on to the others. */
typedef struct {
    int n;           /* intervals */
    int *layer;      /* interval -> the layer that it computes */
    int *end;        /* interval -> the layer whose value it hands on: the end of its fused chain */
    int *joined;     /* interval -> the element-wise layer done in its drain; -1 */
    int *other;      /* interval -> the value that layer reads beside its results; -1 */
    bool *mapped;    /* interval -> convolution or fc */
    double *weights; /* interval -> its weights, 0 on the vector unit */
    int *interval;   /* layer -> interval that computes it; -1: the image */
    int *last;       /* layer -> last interval that reads it from outside its chain; -1 */
    int *word;       /* layer -> bits of a word of its output: of its maker or its widest reader */
    double *value;   /* layer -> its output */
    int home, tiles; /* levels; -1: no storage that could hold values */
    double pool;     /* of all instances */
    /* Of td__facts_stacks, by interval; a stack is what hands its values on in bands. */
    int *first, *behind; /* the first interval of its stack, and the one behind; alone: i, i + 1 */
    int *passes;         /* turns that its layer takes; 1 */
    double *between;     /* bits of the rows of its value that stand on chip at most; 0 */
} td__facts;

/* net has passed td_net_check, hw td_hw_check. Memory from the arena; TD_E_MEMORY. */
td_status td__facts_of(const td_net *net, const td_hw *hw, int batch, td_arena *a, td__facts *out,
                       td_error *err);

/* What the places and rows of a schedule of this network make of its stacks. TD_E_INPUT: they are
 * no stacks; the message names the interval. The schedule has the intervals of the facts. */
td_status td__facts_stacks(const td_net *net, const td_schedule *s, td__facts *f, td_error *err);
/* The layer problem of one turn of interval i: its own, if it is alone. */
void td__facts_turn(const td_net *net, const td_schedule *s, const td__facts *f, int i,
                    td_problem *out);

#endif

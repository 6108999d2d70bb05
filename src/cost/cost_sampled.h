/* cost_sampled.h - Timeloop's walk through mappings with imperfect factors. */
#ifndef TANDEM_COST_SAMPLED_H
#define TANDEM_COST_SAMPLED_H

#include "cost_nest.h"

enum { TD__MAX_GROUPS = 128, TD__MAX_WAYS = 256 };

/* Deliveries of one level: `targets` different groups of `children` each that share their words;
 * `words` of all targets, over the run. Ascending in both. What found no place any more is in rest
 * (words) and rest_weighted (words x children). */
typedef struct {
    int n;
    struct {
        double children, targets, words;
    } group[TD__MAX_GROUPS];
    double rest, rest_weighted;
} td__groups;

/* Deliveries of `level` to the next level inwards; what levels inside that do not keep the tensor
 * ask for is passed on. */
void td__sampled_deliveries(const td__nest *z, int level, int t, td__groups *g);

double td__sampled_partition(const td__nest *z, int level, int t);

#endif

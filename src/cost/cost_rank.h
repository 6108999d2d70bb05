/* cost_rank.h - one rank of the input (axis 0: h, 1: w) as seen by children of a keeper, step by
 * step, with imperfect factors: boxes and moves differ from child to child, so the words are
 * looked at one by one. What is alike is done once: without padding only whether the loops are in
 * their last iterations matters, not where the box stands. */
#ifndef TANDEM_COST_RANK_H
#define TANDEM_COST_RANK_H

#include "cost_chain.h"

/* Sums over the steps of td__fold(k) and over groups of children that share: *held, the words that
 * some child of the group holds; *kept, those of them that all of their holders had in their step
 * before. Children that differ in spatial loops of the levels in `merged` (bits) are one group.
 * forever: all steps are one, in which a child holds all that it ever does. clip: only words of
 * the image count. */
typedef struct {
    int axis, child, k;
    unsigned merged;
    bool forever, clip;
} td__rank_view;
void td__rank_sums(const td__chain *c, const td__rank_view *v, double *held, double *kept);

#endif

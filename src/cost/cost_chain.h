/* cost_chain.h - the loops of each dim outside of a child, for mappings with imperfect factors.
 *
 * A loop of a dim runs `tail` iterations if all loops of that dim outside of it (in time and in
 * space) are in their last iteration, else `bound`: its pass is the *last* one or a *whole* one.
 * Inside of an iteration that is not the last of a last pass, all passes are whole ones. What
 * depends on one dim only can therefore be summed from the inside out as a pair (whole, last): a
 * loop whose iterations add up makes of it
 *
 *     whole' = bound * whole,    last' = (tail - 1) * whole + last,
 *
 * and the answer is the last one after the outermost loop. */
#ifndef TANDEM_COST_CHAIN_H
#define TANDEM_COST_CHAIN_H

#include "cost_nest.h"

enum { TD__MAX_LINKS = 32 }; /* loops of one dim with bound > 1: their product is below 2^31 */

/* One loop. time: its place in td__nest.t, -1 if it is spatial. */
typedef struct {
    int32_t bound, tail, step;
    int16_t time;
    int8_t level;
} td__link;

/* Loops of all levels by dim, from the innermost. */
typedef struct {
    const td__nest *z;
    int n[TD_NDIM];
    td__link link[TD_NDIM][TD__MAX_LINKS];
} td__chain;

void td__chain_build(const td__nest *z, td__chain *c);

/* What a fold adds up over the loops of one dim outside of tiles of `child`: the steps in which
 * loop k of td__nest.t has just advanced, the loops in time inside of it having gone back to 0 (k =
 * -1: all steps; k = z->nt: only the start), and in each of them the children in space that take
 * part.
 *   TD__FOLD_CHILDREN: how many. Spatial loops of the levels in `merged` (bits) count once.
 *   TD__FOLD_WORDS: their extents in this dim.
 *   TD__FOLD_SAME: the extents of those that stay where they were in their step before, although
 *   loop k, of another dim, has advanced: inner loops in time that go back must have had one
 *   iteration only. */
typedef enum { TD__FOLD_CHILDREN, TD__FOLD_WORDS, TD__FOLD_SAME } td__fold_what;
double td__fold(const td__chain *c, int dim, int child, int k, td__fold_what what, unsigned merged);

/* Instances of a level (-1: MACs) that ever work. */
double td__chain_used(const td__chain *c, int level);

#endif

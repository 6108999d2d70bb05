/* mapper_plan.h - lists of roots with their bounds. */
#ifndef TANDEM_MAPPER_PLAN_H
#define TANDEM_MAPPER_PLAN_H

#include "mapper_search.h"

/* What a tensor's keepers can be: masks of levels. Costs of a root at M = 1 are sums over tensors
 * of costs of chains, so that many keep masks are compared at the price of few chains. */
enum { TD__MAX_CHAINS = 1 << (TD_MAX_LEVELS - 1) };

typedef struct {
    uint8_t (
        *keep)[TD_MAX_LEVELS]; /* combinations of keep masks: n_keep with room, then the others */
    uint8_t (*chain)[TD_NTENSOR]; /* of each combination */
    int n_keep, n_all;
    int n_chain[TD_NTENSOR];
    uint8_t levels[TD_NTENSOR][TD__MAX_CHAINS];
    td__toll *toll[TD_NTENSOR]; /* scratch, one per chain */
    td__entry *entry;           /* the best, in order */
    int n, max;
    td__entry *of_keep; /* n_keep: the best with each combination, if collected (else NULL) */
    uint32_t seen;
} td__plan;

/* All combinations of keep masks. Memory of `a`. */
td_status td__plan_keeps(const td__space *z, td_arena *a, td__plan *plan, td_error *err);

/* Lower bounds over the whole map space: energy and cycles. Works in plan->toll. */
void td__space_bound(const td__space *z, const td__plan *plan, double *pj, double *cycles);

/* What of the space is walked: some fans of each level (each step-th of them, from the first), and
 * the keep masks listed (all n_keep if keep is NULL). trim: without what padding wastes, and not as
 * they are. */
typedef struct {
    int from[TD_MAX_LEVELS], to[TD_MAX_LEVELS]; /* fans from .. to - 1 of each level */
    int step[TD_MAX_LEVELS];                    /* 0: 1 */
    const int32_t *keep;
    int n_keep;
    bool trim;
} td__part;

/* Fills plan->entry with the best plan->max roots of a part; notes those that it drops,
 * if nothing is to be left out. */
void td__plan_roots(td__search *s, td__plan *plan, const td__part *part);

/* Sets of fans of a part that could still be better than what was found, by their cycles alone;
 * counts no further than limit + 1. */
uint64_t td__plan_count(td__search *s, const td__part *part, uint64_t limit);

/* Builds the root of an entry. */
bool td__plan_open(const td__space *z, const td__plan *plan, const td__entry *e, td__root *r);

/* The mapping with the least tiles, or which level is short if it does not fit either. */
typedef struct {
    bool known;       /* some configuration has a place for every loop */
    int level;        /* that is short; -1: none, the mapping below fits */
    double need_bits; /* tiles of that level at least */
    td_problem problem;
    uint8_t keep[TD_MAX_LEVELS];
    td__fan fan[TD_MAX_LEVELS];
    int32_t bound[TD_MAX_LEVELS][TD_NDIM]; /* temporal */
    td__root root;                         /* scratch */
} td__shortage;
void td__space_shortage(const td__space *z, const td__plan *plan, td__shortage *out);
td_status td__shortage_fail(const td__space *z, const td__shortage *s, int64_t *missing_bytes,
                            td_error *err);

#endif

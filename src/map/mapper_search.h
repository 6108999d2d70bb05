/* mapper_search.h - the search under a root, and what it has found. */
#ifndef TANDEM_MAPPER_SEARCH_H
#define TANDEM_MAPPER_SEARCH_H

#include "mapper.h"

enum { TD__MEMO = 128 };

/* Divisors of a number, ascending; a small table of those met so far. */
typedef struct {
    int32_t value, n;
    int32_t list[];
} td__divisors;

/* One way to fill a level with loops. */
typedef struct {
    double least[2];
    double fetch[TD_NTENSOR], all[TD_NTENSOR]; /* M of the link inside, product of idle loops */
    int32_t bound[TD_NDIM];
    uint8_t still; /* stationary tensor; TD_NTENSOR: none */
    uint8_t from;  /* dims that can be the innermost of those that move the input tile */
} td__choice;

/* A root by number: fans of each level, keep masks, what is done about wasted factors. */
typedef struct {
    double least[2];
    uint32_t order;
    int32_t keep;
    uint16_t index[TD_MAX_LEVELS];
    uint8_t trim;
} td__entry;

/* A mapping to start a local search from. value[0] INFINITY: none. */
typedef struct {
    double value[2];
    td_problem problem;
    td_mapping mapping;
} td__start;

typedef struct {
    const td__space *z;
    td_arena *arena;
    td__divisors *memo[TD__MEMO]; /* by value modulo the size; those pushed out stay valid */
    uint64_t nodes, max_nodes;
    double deadline;         /* monotonic seconds; INFINITY */
    bool stop, late, memory; /* budget used up; the time budget was it; memory ran out */
    bool found;
    double best[2];
    uint64_t gain; /* nodes when best[0] was found */
    td_problem problem;
    td_mapping mapping;
    td_costing costing;   /* of the problem tried last */
    const td__entry *now; /* the root that is searched; NULL: none of the list */
    td__start dive;       /* the best under it */
    td__entry best_root;  /* the root of the best mapping, if has_root */
    bool has_root;
    double open;    /* least primary objective of what was left out; with `thorough` only */
    double rounded; /* least bound of what was evaluated and is more, by rounding to blocks only */
    td__choice *pool; /* choices of the levels that are open, one behind the other */
    int pool_size;
    int keep;             /* choices of a level that are kept, best first */
    int width;            /* of those, how many are followed at the outermost level */
    int width_inside;     /* and at the others */
    uint64_t level_nodes; /* for the choices of one level, */
    bool insist;          /* or more of them, until it has one */
    bool thorough;        /* nothing is left out that could be better, */
    bool strict;          /* not even by the rounding of words to blocks and of cycles */
} td__search;

/* Searches under r; improves s->best, lowers s->open. */
void td__search_root(td__search *s, const td__root *r);

/* Evaluates a mapping and keeps it if it is the best. value: its objectives. False: not valid. */
bool td__try(td__search *s, const td_problem *p, const td_mapping *m, double value[2]);

/* Local search from a mapping, while there are nodes. */
void td__polish(td__search *s, const td__start *from, uint64_t max_nodes);

/* Random mappings until max_nodes are used up. */
void td__sample(td__search *s, uint64_t seed, uint64_t max_nodes);

/* No better than what was found. */
static inline bool td__hopeless(const td__search *s, const double least[2]) {
    if (!s->found || least[0] < s->best[0] * (1 - 1e-9)) return false;
    return least[0] > s->best[0] * (1 + 1e-9) || least[1] >= s->best[1] * (1 - 1e-9);
}

/* Notes that something with this bound was not looked at. */
static inline void td__leave(td__search *s, double least) {
    if (least < s->open) s->open = least;
}

#endif

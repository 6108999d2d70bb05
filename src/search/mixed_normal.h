/* A distribution over the vectors of a space, which learns from ranked samples: CMA-ES with margin
 * for numbers (tandem/model.h), and for each name the probabilities of its values (as in CatCMA:
 * Hamano et al. 2024, arXiv 2405.09962; their learning rate is fixed here). */
#ifndef TANDEM_MIXED_NORMAL_H
#define TANDEM_MIXED_NORMAL_H

#include "tandem/model.h"
#include "tandem/search.h"

typedef struct {
    const td_space *space;
    int n, names;                    /* numbers and names that have several values */
    int *decision;                   /* [n]: of each number */
    int *first;                      /* [space->n]: where the probabilities of a name stand; -1 */
    double *chance;                  /* those of all names */
    struct td__mixed_sample **order; /* [room], the best first */
    const double **x;                /* [room]: theirs */
    int lambda, room;
    uint64_t seed; /* of the sequence that samples are drawn from, and the next one's index */
    uint32_t index;
    td_cma *cma; /* NULL where n is 0 */
} td__mixed_normal;

/* From this distribution, from an earlier one of the same start, or from elsewhere. */
typedef enum { TD_MIXED_DRAWN, TD_MIXED_LATE, TD_MIXED_FOREIGN } td__mixed_origin;
typedef struct td__mixed_sample {
    double *x; /* [n] where it was drawn: numbers on their scale of [0, 1], unrounded; of one that
                  is from elsewhere made from v */
    double *v; /* [space->n] what it is */
    td__mixed_origin origin;
    td_outcome outcome;
} td__mixed_sample;

td_status td__mixed_normal_init(td__mixed_normal *m, const td_space *space, td_error *err);
void td__mixed_normal_free(td__mixed_normal *m);
/* Forgets all: lambda samples at a time, deviation sigma of the scale, from start[n]; the seed
 * is that of its draws. */
td_status td__mixed_normal_start(td__mixed_normal *m, int lambda, double sigma, const double *start,
                                 uint64_t seed, td_error *err);
/* The next draw; canonical. Numbers that are not active have their x, too: what does not matter
 * stays a draw like any other, so that nothing is learned from it. */
void td__mixed_normal_draw(td__mixed_normal *m, double *x, td_choices *out);
/* From lambda samples, ranked by td_outcome_compare, of equal ones in the order that they stand in.
 * TD_E_USAGE: numbers have run out; to be started again. */
td_status td__mixed_normal_learn(td__mixed_normal *m, td__mixed_sample *s, td_error *err);
/* Nothing moves any more: every real by less than `step` of its scale; false where there are none.
 */
bool td__mixed_normal_stands(const td__mixed_normal *m, double step);

#endif

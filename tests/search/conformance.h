/* What every strategy has to hold, run through the calls that a study makes.
 *
 * A subject is a strategy of td_strategy_list() with a set of options: each with its defaults, and
 * those of the table in conformance.c. So a new strategy is tested by being listed. */
#ifndef TANDEM_TESTS_CONFORMANCE_H
#define TANDEM_TESTS_CONFORMANCE_H

#include "tandem/search.h"

typedef struct {
    const td_strategy *s;
    const char *options; /* YAML */
    bool learns;         /* told outcomes change what it asks */
    bool dear;           /* takes milliseconds to ask, or a sanitizer looks on: shorter games */
    bool walks;          /* asks every vector of a space once, in order, and then TD_E_DONE */
} subject;
/* Calls check for every subject; a failure inside names the subject. */
void for_each_subject(void (*check)(const subject *x));

typedef td_outcome evaluate(const td_choices *c);

/* One search. Trials in full are told in order of number, `lag` of them behind; those asked for
 * their costs before the next ask. */
typedef struct {
    const td_space *space;
    evaluate *f;
    uint64_t seed;
    int n, lag;
    uint64_t shuffle; /* not 0: told in an order drawn with this seed, at random moments */
    /* Not NULL: may put another vector (canonical) in the place of the one that was asked for trial
     * i. */
    bool (*other)(int i, td_choices *c);
} game;

typedef struct {
    int n;           /* trials; fewer than game.n: TD_E_DONE, or 0: the space was refused */
    uint64_t *asked; /* [n] hashes of what was asked */
    double *v;       /* [n][decisions] what was told */
    double *fidelity;
    td_outcome *outcome;
} record;

/* Plays and checks what was asked: canonical, in range, fidelity 0 only where it may be. Replaces
 * what is in *r. `stored`: the record of an earlier search whose first `n_stored` trials are told
 * as the store keeps them (written as JSON and read again) in the place of evaluating them. */
void play(const subject *x, const game *g, const record *stored, int n_stored, record *r);
void record_free(record *r);
bool same_asks(const record *a, const record *b);
int count_distinct(const record *r); /* of what was asked */
double best_of(const record *r);     /* the smallest objective of what is feasible; INFINITY */

/* Starts the subject's strategy with options in the place of its own. */
td_status start_with(const subject *x, const char *options, const td_space *space, void **state,
                     td_error *err);
/* Fails naming the subject and the space. */
void complain(const subject *x, const td_space *space, const char *format, ...) TD_PRINTF(3, 4);
#define must(x, space, condition)                                                                  \
    do {                                                                                           \
        if (!(condition)) complain(x, space, "%s:%d: not so: %s", __FILE__, __LINE__, #condition); \
    } while (0)

#endif

/* Uniform random search, without repetitions while there are unasked vectors to be found. */
#include <stdlib.h>

#include "search_asked.h"
#include "strategies.h"

enum { REDRAWS = 64 }; /* with half of a space asked, all of them fail with probability 2^-64 */

typedef struct {
    const td_space *space;
    uint64_t seed;
    td__asked asked;
} state;

static td_status init(void **out, const td_space *space, uint64_t seed, const td_params *params,
                      td_error *err) {
    static const char *const keys[] = {NULL};
    *out = NULL;
    td_status status = params != NULL ? td_node_only(params, keys, err) : TD_OK;
    if (status != TD_OK) return status;
    state *s = calloc(1, sizeof *s);
    if (s == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    s->space = space;
    s->seed = seed;
    *out = s;
    return TD_OK;
}

static td_status ask(void *self, int64_t number, td_choices *out, double *fidelity) {
    state *s = self;
    td_rng r = td_rng_make(s->seed, (uint64_t)number, TD_RNG_ASK);
    td_space_sample(s->space, &r, out);
    for (int i = 0; i < REDRAWS && td__asked_avoids(&s->asked, s->space, out); i++)
        td_space_sample(s->space, &r, out);
    if (fidelity != NULL) *fidelity = 1;
    return td__asked_for(&s->asked, number, out) ? TD_OK : TD_E_MEMORY;
}

static void tell(void *self, int64_t number, const td_choices *c, const td_outcome *o) {
    state *s = self;
    (void)o;
    td__asked_told(&s->asked, number, c);
}

static void destroy(void *self) {
    state *s = self;
    if (s == NULL) return;
    td__asked_free(&s->asked);
    free(s);
}

const td_strategy td__strategy_random = {.name = "random",
                                         .about = "uniform, without repetitions",
                                         .init = init,
                                         .ask = ask,
                                         .tell = tell,
                                         .destroy = destroy,
                                         .fronts = true};

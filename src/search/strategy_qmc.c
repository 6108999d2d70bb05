/* Quasi-random search: point after point of a scrambled Sobol' sequence (tandem/model.h), one
 * coordinate per decision, whether it is active or not. A point whose vector was asked before is
 * passed over. */
#include <stdlib.h>

#include "scale.h"
#include "search_asked.h"
#include "strategies.h"
#include "tandem/model.h"

enum { SKIPS = 64 }; /* with half of a space asked, all of them fail with probability 2^-64 */

typedef struct {
    const td_space *space;
    uint64_t seed;
    uint32_t index; /* of the next point */
    td__asked asked;
} state;

static void destroy(void *self) {
    state *s = self;
    if (s == NULL) return;
    td__asked_free(&s->asked);
    free(s);
}

static td_status init(void **out, const td_space *space, uint64_t seed, const td_params *params,
                      td_error *err) {
    static const char *const keys[] = {NULL};
    *out = NULL;
    td_status status = params != NULL ? td_node_only(params, keys, err) : TD_OK;
    if (status != TD_OK) return status;
    state *s = calloc(1, sizeof *s);
    if (s == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    *s = (state){.space = space, .seed = seed};
    *out = s;
    return TD_OK;
}

static void take_point(state *s, td_choices *out) {
    out->n = s->space->n;
    for (int i = 0; i < s->space->n; i++)
        out->v[i] = td__scale_from_unit(&s->space->d[i], td_sobol(s->seed, s->index, i));
    s->index++;
    td_space_canonical(s->space, out, NULL); /* all values are in range */
}

static td_status ask(void *self, int64_t number, td_choices *out, double *fidelity) {
    state *s = self;
    *fidelity = 1;
    take_point(s, out);
    for (int i = 0; i < SKIPS && td__asked_avoids(&s->asked, s->space, out); i++)
        take_point(s, out);
    if (!td_space_allows(s->space, out)) {
        td_rng r = td_rng_make(s->seed, (uint64_t)number, TD_RNG_ASK);
        for (int i = 0; i < SKIPS && td__asked_avoids(&s->asked, s->space, out); i++)
            td_space_sample(s->space, &r, out);
    }
    return td__asked_for(&s->asked, number, out) ? TD_OK : TD_E_MEMORY;
}

static void tell(void *self, int64_t number, const td_choices *c, const td_outcome *o) {
    state *s = self;
    (void)o;
    td__asked_told(&s->asked, number, c);
}

const td_strategy td__strategy_qmc = {.name = "qmc",
                                      .about = "quasi-random: scrambled Sobol' points",
                                      .init = init,
                                      .ask = ask,
                                      .tell = tell,
                                      .destroy = destroy,
                                      .fronts = true};

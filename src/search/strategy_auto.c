/* The default: a model as long as it pays, and a population beside and behind it. Gaussian
 * processes find better designs with fewer trials than anything else here (bench/search.sh), at
 * some milliseconds per trial and with a cap on what they learn from. Where they stand still, every
 * other trial is NSGA-II's, which has seen all trials, until there is something better; after
 * `modelled` trials, when the cap is far behind, all are.
 *
 * Both follow the search from its beginning: what the one asks is to the other a design that stands
 * in the place of its own. */
#include <stdlib.h>

#include "option.h"
#include "strategies.h"

typedef struct {
    const td_strategy *model, *population;
    void *by_model, *by_population;
    int64_t modelled, patience;
    int64_t idle;     /* told trials since the last that was better than all before */
    td_outcome best;  /* of one objective */
    td_choices aside; /* the population's answer where the model's is taken */
} state;

static void destroy(void *self) {
    state *s = self;
    if (s == NULL) return;
    s->model->destroy(s->by_model);
    s->population->destroy(s->by_population);
    free(s->aside.v);
    free(s);
}

static td_status init(void **out, const td_space *space, uint64_t seed, const td_params *params,
                      td_error *err) {
    static const char *const keys[] = {"modelled", "patience", NULL};
    *out = NULL;
    state *s = calloc(1, sizeof *s);
    if (s == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    *s = (state){&td__strategy_gp, &td__strategy_nsga2, .modelled = 2000, .patience = 64};
    s->best.state = TD_TRIAL_FAILED;
    s->aside = (td_choices){space->n, calloc((size_t)space->n + 1, sizeof(double))};
    td_status status = s->aside.v != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    if (status == TD_OK) status = td_node_only(params, keys, err);
    if (status == TD_OK)
        status = td_node_opt_int(params, "modelled", 0, 1000000000, &s->modelled, err);
    if (status == TD_OK)
        status = td_node_opt_int(params, "patience", 0, 1000000000, &s->patience, err);
    if (status == TD_OK) status = s->model->init(&s->by_model, space, seed, NULL, err);
    if (status == TD_OK) status = s->population->init(&s->by_population, space, seed, NULL, err);
    if (status != TD_OK) {
        destroy(s);
        return status;
    }
    *out = s;
    return TD_OK;
}

static bool is_model_turn(const state *s, int64_t number) {
    return s->idle < s->patience || number % 2 == 0;
}

static td_status ask(void *self, int64_t number, td_choices *out, double *fidelity) {
    state *s = self;
    bool modelled = number < s->modelled, by_model = modelled && is_model_turn(s, number);
    td_status status =
        s->population->ask(s->by_population, number, by_model ? &s->aside : out, fidelity);
    if (status != TD_OK || !modelled) return status;
    if (by_model) return s->model->ask(s->by_model, number, out, fidelity);
    return s->model->asked(s->by_model, number, out, *fidelity);
}

static td_status asked(void *self, int64_t number, const td_choices *c, double fidelity) {
    state *s = self;
    double own = 1;
    td_status status = s->population->ask(s->by_population, number, &s->aside, &own);
    if (status != TD_OK || number >= s->modelled) return status;
    return s->model->asked(s->by_model, number, c, fidelity);
}

static void tell(void *self, int64_t number, const td_choices *c, const td_outcome *o) {
    state *s = self;
    s->idle++;
    if (o->nobj > 1 || td_outcome_compare(o, &s->best) < 0) { /* a front has no end */
        s->best = *o;
        s->idle = 0;
    }
    s->population->tell(s->by_population, number, c, o);
    if (number < s->modelled) s->model->tell(s->by_model, number, c, o);
}

const td_strategy td__strategy_auto = {
    .name = "auto",
    .about = "the default: gp, with nsga2 where it stands still and in long searches",
    .init = init,
    .ask = ask,
    .asked = asked,
    .tell = tell,
    .destroy = destroy,
    .fronts = true};

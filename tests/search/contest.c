#include "contest.h"

#include "blackbox.h"
#include "common.h"
#include "tandem/model.h"

enum { MOST = 200 }; /* seeds */

double contest_search(const char *problem, const char *strategy, const char *options, uint64_t seed,
                      int n, int lag) {
    const blackbox *b = blackbox_find(problem);
    const td_strategy *s = td_strategy_find(strategy);
    assert_true(b != NULL && s != NULL);
    double(*v)[BLACKBOX_MOST] = malloc(sizeof *v * (size_t)n);
    double(*obj)[2] = malloc(sizeof *obj * (size_t)n);
    td_outcome *o = malloc(sizeof *o * (size_t)n);
    td_arena *a = td_arena_create();
    const td_node *params;
    td_space space;
    td_error err = {0};
    void *state;
    blackbox_space(b, &space);
    assert_ok(td_yaml_parse(a, options, strlen(options), "options", &params, &err), &err);
    assert_ok(s->init(&state, &space, seed, params, &err), &err);
    double best = INFINITY;
    for (int i = 0; i < n; i++) {
        td_choices c = {space.n, v[i]};
        double fidelity = 1;
        int late = i - lag - 1;
        if (late >= 0) s->tell(state, late, &(td_choices){space.n, v[late]}, &o[late]);
        assert_int_equal(s->ask(state, i, &c, &fidelity), TD_OK);
        o[i] = b->evaluate(v[i]);
        o[i].fidelity = 1;
        if (td_outcome_feasible(&o[i])) best = fmin(best, o[i].obj[0]);
        memcpy(obj[i], o[i].obj, sizeof obj[i]);
    }
    s->destroy(state);
    td_arena_destroy(a);
    if (b->nobj == 2) assert_ok(td_hypervolume(&obj[0][0], n, 2, b->reference, &best, &err), &err);
    free(v);
    free(obj);
    free(o);
    return best;
}

void contest_beats_random(const char *problem, const char *strategy, const char *options, int n,
                          int lag, int seeds) {
    double ours[MOST], random[MOST];
    assert_true(seeds <= MOST);
    td_rank_sum t;
    td_error err = {0};
    for (int i = 0; i < seeds; i++) {
        ours[i] = contest_search(problem, strategy, options, (uint64_t)i, n, lag);
        random[i] = contest_search(problem, "random", "{}", 1000 + (uint64_t)i, n, lag);
    }
    assert_ok(td_rank_sum_test(ours, seeds, random, seeds, &t, &err), &err);
    double p = blackbox_find(problem)->nobj == 2 ? t.p_greater : t.p_less;
    printf("    %-16s %d trials, lag %d: %.4g, random %.4g (medians), p = %.2g\n", problem, n, lag,
           td_quantile(ours, seeds, 0.5), td_quantile(random, seeds, 0.5), p);
    assert_true(p < 0.01);
}

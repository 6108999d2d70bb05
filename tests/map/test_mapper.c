/* The mapper against every mapping of small layers: its bound is below all of them, what it says is
 * proved is the best, and it finds nothing exactly where there is nothing. */
#include "common.h"
#include "map_brute.h"

typedef struct {
    td_map_objective objective;
    double best;
} least;

static void keep_least(void *self, const td_problem *padded, const td_mapping *m,
                       const td_cost *c) {
    (void)padded;
    (void)m;
    least *l = self;
    double v = objective_of(l->objective, c);
    if (v < l->best) l->best = v;
}

static void agrees_with_brute_force(void **state) {
    (void)state;
    int feasible = 0, proved = 0;
    for (uint64_t seed = 0; seed < 60; seed++) {
        td_rng r = td_rng_make(seed, 0, TD_RNG_TEST);
        td_hw hw;
        td_problem p;
        td_map_query q;
        random_hw(&r, 2 + (int)(seed % 2), seed % 3 == 0, &hw);
        random_layer(&r, 2 + (int)(seed % 3), &p);
        td_map_query_default(&q, &hw);
        q.objective = (td_map_objective)(seed % TD_NOBJ);
        q.max_nodes = 2000000;
        least l = {q.objective, INFINITY};
        brute b = {.visit = keep_least, .self = &l, .limit = 2000000};
        brute_force(&b, &p, &hw, &q);
        if (b.gave_up) continue;
        td_map_result out;
        td_error err = {0};
        int64_t missing = 0;
        td_status s = td_map_best(&p, &hw, &q, &out, &missing, &err);
        if (!isfinite(l.best)) {
            assert_int_equal(s, TD_E_INFEASIBLE);
            assert_true(err.message[0] != '\0');
            continue;
        }
        assert_ok(s, &err);
        feasible++;
        if (out.bound > l.best * (1 + 1e-9))
            fail_msg("seed %d: bound %.17g above a mapping of %.17g", (int)seed, out.bound, l.best);
        if (out.stop == TD_STOP_PROVED) {
            proved++;
            if (out.objective > l.best * (1 + 1e-9))
                fail_msg("seed %d: proved %.17g, brute force has %.17g", (int)seed, out.objective,
                         l.best);
        }
        td_cost again;
        assert_ok(td_cost_evaluate(&out.problem, &hw, &out.mapping, q.counting, &again, &err),
                  &err);
        assert_memory_equal(&again.total_pj, &out.cost.total_pj, sizeof again.total_pj);
        assert_int_equal(again.cycles, out.cost.cycles);
    }
    printf("%d feasible layers, %d proved\n", feasible, proved);
    assert_true(feasible >= 20);
    assert_true(proved >= feasible / 2);
}

/* A fault once refused mappings whose outputs arrive finished at the pool: 26.9 us. */
static void handmade_on_micro(void **state) {
    (void)state;
    td_error err = {0};
    td_net *net;
    td_hw hw;
    td_schedule s;
    td_schedule_options o;
    assert_ok(td_net_build("handmade", TD_DIM(1, 28, 28), 1, 10, &net, &err), &err);
    assert_ok(td_hw_load("micro", &hw, &err), &err);
    td_schedule_options_default(&o);
    assert_ok(td_schedule_best(net, &hw, &o, &s, NULL, &err), &err);
    assert_true(s.latency_s <= 17.7e-6);
    assert_true(s.latency_s >= s.bound_latency_s);
    td_schedule_free(&s);
    td_net_destroy(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_brute_force),
        cmocka_unit_test(handmade_on_micro),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

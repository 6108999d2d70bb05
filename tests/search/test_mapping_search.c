/* Searches in the space of mappings of a layer, against the optimum that the mapper proves. */
#include "common.h"
#include "tandem/map.h"
#include "tandem/search.h"

static td_problem layer(const char *text, int bits) {
    td_problem p;
    td_error err = {0};
    assert_ok(td_problem_parse(text, &p, &err), &err);
    for (int t = 0; t < TD_NTENSOR; t++) p.bits[t] = (uint8_t)bits;
    p.acc_bits = (uint8_t)bits;
    return p;
}

/* EDP of the best of so many trials over that of the optimum. */
static double searched(const char *strategy_name, const char *text, int n, uint64_t seed) {
    td_arena *a = td_arena_create();
    td_hw hw;
    td_space *s;
    td_map_query q;
    td_map_result optimum;
    td_costing costing;
    td_error err = {0};
    const td_problem p = layer(text, 16);
    assert_ok(td_hw_load("eyeriss-168", &hw, &err), &err);
    td_map_query_default(&q, &hw);
    q.mode = TD_MAP_EXACT;
    q.objective = TD_OBJ_EDP;
    assert_ok(td_map_best(&p, &hw, &q, &optimum, NULL, &err), &err);
    assert_int_equal(optimum.stop, TD_STOP_PROVED);
    assert_ok(td_costing_init(&costing, &p, &hw, TD_COUNT_EXACT, &err), &err);
    assert_ok(td_space_mapping(&p, &hw, a, &s, &err), &err);
    const td_strategy *strategy = td_strategy_find(strategy_name);
    void *state;
    double v[64], best = INFINITY;
    td_choices c = {s->n, v};
    assert_ok(strategy->init(&state, s, seed, NULL, &err), &err);
    for (int i = 0; i < n; i++) {
        td_mapping m;
        td_outcome o = {.state = TD_TRIAL_DONE, .nobj = 1, .fidelity = 1};
        double pj;
        int64_t cycles, compute;
        assert_int_equal(strategy->ask(state, i, &c, &o.fidelity), TD_OK);
        assert_ok(td_space_mapping_of(s, &c, &m, &err), &err);
        assert_true(td_costing_run(&costing, &m, &pj, &cycles, &compute)); /* all are allowed */
        o.obj[0] = log(pj * (double)cycles);
        best = fmin(best, pj * (double)cycles);
        strategy->tell(state, i, &c, &o);
    }
    strategy->destroy(state);
    td_arena_destroy(a);
    return best / optimum.objective;
}

static double mean_of(const char *strategy, const char *text) {
    enum { SEEDS = 8 };
    double mean = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        const double found = searched(strategy, text, 4000, seed);
        assert_true(found >= 1 - 1e-12); /* what is proved is never beaten */
        mean += found / SEEDS;
    }
    print_message("%-10s %s: %.4f of the optimum\n", strategy, text, mean);
    return mean;
}

static void near_the_optimum(void **state) {
    (void)state;
    assert_true(mean_of("evolution", "conv K8 C4 P4 Q4 R3 S3") < 1.01);
    assert_true(mean_of("evolution", "gemm M64 N64 K64") < 1.1);
}

/* A level that is a view of another one's storage is for schedules: a mapping that filled both
 * would have the storage twice. */
static void views_stay_empty(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    td_hw hw;
    td_error err = {0};
    assert_ok(td_hw_load("micro", &hw, &err), &err);
    const int view = td_hw_level_find(&hw, "Shared");
    assert_true(view >= 0 && hw.level[view].shares >= 0);
    const td_problem p = layer("conv K512 C512 P32 Q32 R3 S3", 8);
    td_map_query q;
    td_map_result found;
    td_map_query_default(&q, &hw);
    assert_ok(td_map_best(&p, &hw, &q, &found, NULL, &err), &err);
    assert_int_equal(found.mapping.keep[view], 0);
    td_space *s;
    double v[64];
    int64_t drawn = 0;
    assert_ok(td_space_mapping(&p, &hw, a, &s, &err), &err);
    td_choices c = {s->n, v};
    for (uint64_t k = 0; k < 50; k++) {
        td_rng r = td_rng_make(1, k, TD_RNG_TEST);
        td_mapping m;
        assert_true(td_space_draw(s, &r, 1000000, &c, &drawn));
        assert_ok(td_space_mapping_of(s, &c, &m, &err), &err);
        assert_int_equal(m.keep[view], 0);
    }
    td_arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(near_the_optimum),
                                       cmocka_unit_test(views_stay_empty)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

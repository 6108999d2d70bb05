/* Exact counting against the step-by-step simulator, on random cases and on cases counted by hand.
 */
#include "common.h"

#include "compare.h"
#include "random_case.h"

static void dump(const td_case *c) {
    td_arena *a = td_arena_create();
    td_text t = {0};
    td_node_to_json(td_case_to_node(c, a), 0, &t);
    td_mapping_print(&c->problem, &c->hw, &c->mapping, &t);
    print_error("%s\n", t.data);
    td_text_free(&t);
    td_arena_destroy(a);
}

static void compare_random(uint64_t seed, int n, random_limits limits) {
    int counted = 0, refused = 0, padded = 0, imperfect = 0;
    for (int i = 0; i < n; i++) {
        td_case c;
        td_cost cost;
        sim_result sim;
        td_error err = {0};
        random_case(seed, (uint64_t)i, limits, &c);
        td_status s = td_cost_evaluate(&c.problem, &c.hw, &c.mapping, TD_COUNT_EXACT, &cost, &err);
        if (!simulate(&c.problem, &c.hw, &c.mapping, &sim)) {
            assert_int_equal(s, TD_E_INPUT);
            refused++;
            continue;
        }
        if (s != TD_OK) {
            dump(&c);
            fail_msg("%s", err.message);
        }
        char why[256];
        if (!agrees(&c, &cost, &sim, why, sizeof why)) {
            dump(&c);
            fail_msg("case %d of seed %llu: %s", i, (unsigned long long)seed, why);
        }
        counted++;
        padded += is_padded(&c.problem);
        imperfect += is_imperfect(&c.mapping);
    }
    print_message("%d cases agree (%d padded, %d imperfect), %d rightly refused\n", counted, padded,
                  imperfect, refused);
    assert_true(counted > n / 2);
}

static void test_random(void **state) {
    (void)state;
    compare_random(1, random_cases(2000), (random_limits){.max_macs = 3000, .resident = true});
}

static void test_random_padding(void **state) {
    (void)state;
    compare_random(2, random_cases(2000),
                   (random_limits){.max_macs = 3000, .resident = true, .padding = true});
}

static void test_random_imperfect(void **state) {
    (void)state;
    compare_random(
        4, random_cases(2000),
        (random_limits){
            .max_macs = 3000, .resident = true, .padding = true, .large = true, .imperfect = true});
}

/* Levels that bring in anew what they hold. */
static void test_random_reload(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++)
        compare_random(7, random_cases(1000),
                       (random_limits){.max_macs = 3000,
                                       .resident = true,
                                       .padding = true,
                                       .imperfect = i > 0,
                                       .reload = true});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_random_padding),
        cmocka_unit_test(test_random_imperfect),
        cmocka_unit_test(test_random_reload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The dynamic program against plain enumeration, on random chains with random tables of ways. */
#include <math.h>

#include "common.h"
#include "dp_case.h"

/* What a program has been used for before must not show. */
static void use(const dp_case *s, td__dp *dp) {
    bool some[16] = {0};
    td__answer any = {.choice = NULL};
    assert_true(td__dp_relaxed(dp, &any));
    td__dp_priced(dp, s->home.pool / 2, 0.01, some);
    td__dp_least(dp, (double)s->home.pool / 3);
    assert_true(td__dp_stacks(dp, NULL));
    td__dp_run(dp, some, TD__COLD, &any);
    assert_true(td__dp_stacks(dp, &s->stacks));
}

static void dp_is_exact(void **state) {
    (void)state;
    int feasible = 0, staged = 0, stayed = 0, stacked = 0;
    for (uint64_t seed = 0; seed < 1000; seed++) {
        dp_case s;
        dp_case_make(&s, seed, 2 + (int)(seed % 4));
        const td__sched_plan *p = &s.plan;
        td__dp *dp = td__dp_create(p, &s.hw, &s.home, &s.table, &s.stacks, s.objective, s.arena);
        td__choice choice[16];
        assert_non_null(dp);
        if (seed % 4 < 2) use(&s, dp);
        for (int k = 0; k < 4; k++) {
            bool resident[16] = {0}, cold = k == 1 + (int)(seed % 3);
            for (int i = 0; i < p->n; i++)
                resident[i] = k > 0 && p->step[i].shape >= 0 && dp_pick(&s.rng, 0, 1);
            dp_figures expected = {0, 0};
            td__answer a = {.choice = choice};
            bool can = dp_enumerate(&s, resident, cold, &expected);
            assert_int_equal(td__dp_run(dp, resident, cold ? TD__COLD : TD__STEADY, &a), can);
            if (!can) continue;
            feasible++;
            dp_figures found = dp_answer(&s, &a);
            assert_true(found.cycles == expected.cycles);
            assert_true(found.pj == expected.pj);
            assert_true(dp_sum_of(&s, choice, resident, cold, &expected));
            assert_true(found.cycles == expected.cycles);
            assert_true(found.pj == expected.pj);
            for (int i = 0; i < p->n; i++) {
                staged += choice[i].ahead;
                stayed += choice[i].out_chip;
                stacked += choice[i].stack != NULL;
            }
            td__answer relaxed = {.choice = NULL};
            assert_true(td__dp_relaxed(dp, &relaxed));
            if (!cold) assert_false(dp_less(&s, found, dp_answer(&s, &relaxed)));
        }
        dp_case_free(&s);
    }
    /* The cases are of interest: all kinds of choices occur. */
    assert_in_range(feasible, 2000, 4000);
    assert_in_range(staged, 300, 40000);
    assert_in_range(stayed, 1300, 40000);
    assert_in_range(stacked, 500, 40000);
}

/* A limit leaves out what is worse, and nothing else: choices at the limit and below are the same.
 */
static void limits_leave_out_the_worse(void **state) {
    (void)state;
    int at_limit = 0, worse = 0, stacked = 0;
    for (uint64_t seed = 4000; seed < 4120; seed++) {
        dp_case s;
        dp_case_make(&s, seed, 10);
        const td__sched_plan *p = &s.plan;
        td__dp *free = td__dp_create(p, &s.hw, &s.home, &s.table, &s.stacks, s.objective, s.arena);
        td__dp *dp = td__dp_create(p, &s.hw, &s.home, &s.table, &s.stacks, s.objective, s.arena);
        td__choice expected[16], choice[16];
        td__answer relaxed = {.choice = NULL}, best = {.choice = expected}, a = {.choice = choice};
        assert_true(td__dp_relaxed(dp, &relaxed));
        for (int k = 0; k < 8; k++) {
            bool resident[16] = {0};
            for (int i = 0; i < p->n; i++)
                resident[i] = k > 0 && p->step[i].shape >= 0 && dp_pick(&s.rng, 0, 2) == 0;
            if (!td__dp_run(free, resident, TD__STEADY, &best)) continue;
            const double above[] = {1 + 1e-12, 1.02, 1.5};
            for (int j = 0; j < 3; j++) {
                td__dp_limit(dp, best.first * above[j]);
                assert_true(td__dp_run(dp, resident, TD__STEADY, &a));
                assert_true(a.first == best.first && a.second == best.second);
                for (int i = 0; i < p->n; i++) {
                    assert_ptr_equal(choice[i].way, expected[i].way);
                    assert_ptr_equal(choice[i].stack, expected[i].stack);
                    assert_int_equal(choice[i].out_chip, expected[i].out_chip);
                    assert_int_equal(choice[i].ahead, expected[i].ahead);
                    stacked += choice[i].stack != NULL;
                }
                at_limit++;
            }
            td__dp_limit(dp, best.first * (1 - 1e-3));
            if (td__dp_run(dp, resident, TD__STEADY, &a)) assert_true(a.first >= best.first);
            worse++;
        }
        dp_case_free(&s);
    }
    assert_in_range(at_limit, 1000, 3000);
    assert_in_range(worse, 300, 1000);
    assert_in_range(stacked, 300, 30000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dp_is_exact),
        cmocka_unit_test(limits_leave_out_the_worse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

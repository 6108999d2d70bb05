/* What a model takes for the best so far. */
#include "common.h"

#include "../../src/search/surrogate.h"

/* The first of 30 trials is the best feasible one. Of more than a model takes it is neither among
 * the least (those miss their constraint) nor among the latest. */
static void test_incumbent(void **unused) {
    (void)unused;
    enum { N = 30, CAP = 10 };
    static const td_decision d = {
        .name = "x", .kind = TD_REAL_RANGE, .parent = -1, .lo = 0, .hi = 1};
    const td_space space = {.name = "line", .d = &d, .n = 1};
    const td__surrogate_options options = {TD_GP_MATERN, CAP, TD_ACQUIRE_IMPROVEMENT, 2};
    td__surrogate s;
    td_error err = {0};
    static td__observation o[N];
    static double x[N];
    assert_ok(td__surrogate_init(&s, &space, &options, &err), &err);
    for (int i = 0; i < N; i++) {
        bool misses = i > 0 && i < 15;
        x[i] = (i + 0.5) / N;
        o[i] = (td__observation){.number = i, .told = true, .choices = &x[i], .point = &x[i]};
        o[i].outcome = (td_outcome){TD_TRIAL_DONE, .nobj = 1, .ncon = 1, .fidelity = 1};
        o[i].outcome.obj[0] = misses ? i / 10. : i == 0 ? 5 : 6 + i / 10.;
        o[i].outcome.con[0] = misses ? 1 : -1;
    }
    s.told = N;
    assert_ok(td__surrogate_update(&s, o, N, &(td__aim){.n_front = 0}, &err), &err);
    const td__process *p = &s.objective[0];
    assert_int_equal(p->n, CAP);
    assert_true(p->raw[0] < 5 && p->raw[CAP - 1] > 6);
    assert_near(s.incumbent, td__warp_value(p->raw, p->warped, p->n, 5), 1e-12);
    assert_true(s.incumbent < td__warp_value(p->raw, p->warped, p->n, 6));
    td__surrogate_free(&s);
}

/* However many trials are pending, what an ask costs has a bound. */
static void test_pending(void **unused) {
    (void)unused;
    enum { TOLD = 20, N = TOLD + TD_MOST_PENDING + 150 };
    static const td_decision d = {
        .name = "x", .kind = TD_REAL_RANGE, .parent = -1, .lo = 0, .hi = 1};
    const td_space space = {.name = "line", .d = &d, .n = 1};
    const td__surrogate_options options = {TD_GP_MATERN, 300, TD_ACQUIRE_IMPROVEMENT, 2};
    td__surrogate s;
    td_error err = {0};
    static td__observation o[N];
    static double x[N];
    assert_ok(td__surrogate_init(&s, &space, &options, &err), &err);
    for (int i = 0; i < N; i++) {
        x[i] = (i + 0.5) / N;
        o[i] = (td__observation){.number = i, .told = i < TOLD, .choices = &x[i], .point = &x[i]};
        o[i].outcome = (td_outcome){TD_TRIAL_DONE, .nobj = 1, .obj = {x[i]}, .fidelity = 1};
    }
    s.told = TOLD;
    const int known[] = {TOLD, TOLD + 1, TOLD + TD_MOST_PENDING, N};
    for (int i = 0; i < 4; i++) {
        assert_ok(td__surrogate_update(&s, o, known[i], &(td__aim){.n_front = 0}, &err), &err);
        int most = TOLD + TD_MOST_PENDING;
        assert_int_equal(td_gp_points(s.objective[0].gp), known[i] < most ? known[i] : most);
    }
    td__surrogate_free(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_incumbent),
                                       cmocka_unit_test(test_pending)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

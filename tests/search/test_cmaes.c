/* CMA-ES on mixed spaces: no value of a whole number or a name is ever lost, what does not matter
 * is not learned, it goes elsewhere where it has converged, and it gets farther than random search.
 */
#include "common.h"

#include "../../src/search/mixed_normal.h"
#include "contest.h"
#include "spaces.h"

/* Always the same value is the best: others keep their share of draws. */
static void test_margins(void **unused) {
    (void)unused;
    static const td_decision d[] = {
        {.name = "a", .kind = TD_INTEGER, .parent = -1, .lo = 1, .hi = 9},
        {.name = "b", .kind = TD_CATEGORICAL, .n = 4, .parent = -1},
        {.name = "c", .kind = TD_CATEGORICAL, .n = 2, .parent = -1},
        {.name = "d", .kind = TD_REAL_RANGE, .parent = -1, .lo = -1, .hi = 3},
        {.name = "e", .kind = TD_INTEGER, .parent = -1, .lo = 0, .hi = 1}};
    static const td_space space = {.name = "margins", .d = d, .n = 5};
    static const double best[] = {4, 2, 0, 0.3, 1};
    enum { LAMBDA = 10, GENERATIONS = 150, TAIL = 100 };
    td__mixed_normal m;
    td__mixed_sample sample[LAMBDA];
    double x[LAMBDA][5], v[LAMBDA][5], start[] = {0.5, 0.5, 0.5};
    int other[5] = {0}, drawn = 0;
    td_error err = {0};
    assert_ok(td__mixed_normal_init(&m, &space, &err), &err);
    assert_int_equal(m.n, 3);
    assert_int_equal(m.names, 2);
    assert_ok(td__mixed_normal_start(&m, LAMBDA, 0.3, start, 3, &err), &err);
    for (int g = 0; g < GENERATIONS; g++) {
        for (int i = 0; i < LAMBDA; i++) {
            td_outcome o = {.state = TD_TRIAL_DONE, .nobj = 1};
            td__mixed_normal_draw(&m, x[i], &(td_choices){5, v[i]});
            for (int k = 0; k < 5; k++) {
                o.obj[0] += fabs(v[i][k] - best[k]);
                if (g >= GENERATIONS - TAIL) other[k] += v[i][k] != best[k];
            }
            drawn += g >= GENERATIONS - TAIL;
            sample[i] = (td__mixed_sample){x[i], v[i], TD_MIXED_DRAWN, o};
        }
        assert_ok(td__mixed_normal_learn(&m, sample, &err), &err);
        for (int k = 0, at = 0; k < 2; k++) { /* CatCMA: 1 - 0.73^(1 / names) for all others */
            int n = k == 0 ? 4 : 2;
            double sum = 0, least = 1;
            for (int j = 0; j < n; j++) {
                sum += m.chance[at + j];
                least = fmin(least, m.chance[at + j]);
            }
            assert_near(sum, 1, 1e-12);
            assert_true(least >= (1 - sqrt(0.73)) / (n - 1) - 1e-12);
            at += n;
        }
    }
    assert_true(td__mixed_normal_stands(&m, 1e-3));
    printf("    other values: %d and %d of integers, %d and %d of names, of %d draws\n", other[0],
           other[4], other[1], other[2], drawn);
    /* a fiftieth of the draws in the margin, half of it on each side: 20, and 20 to the one side */
    assert_in_range(other[0], 8, 120);
    assert_in_range(other[4], 8, 120);
    assert_in_range(other[1], 90, 220);
    assert_in_range(other[2], 90, 220);
    td__mixed_normal_free(&m);
}

typedef td_outcome function(const double *v);

/* The least objective of n trials; jumps: how often it goes far from the best after having been
 * nearer than 1e-4 to it, in the first two decisions. */
static double search(const td_space *space, function *f, const char *options, uint64_t seed, int n,
                     int *jumps) {
    const td_strategy *s = td_strategy_find("cmaes");
    td_error err = {0};
    td_arena *a = td_arena_create();
    const td_node *params;
    void *state;
    double best = INFINITY, at[2] = {0}, v[8], fidelity = 1;
    bool near = false;
    assert_ok(td_yaml_parse(a, options, strlen(options), "options", &params, &err), &err);
    assert_ok(s->init(&state, space, seed, params, &err), &err);
    *jumps = 0;
    for (int i = 0; i < n; i++) {
        td_choices c = {space->n, v};
        assert_int_equal(s->ask(state, i, &c, &fidelity), TD_OK);
        td_outcome o = f(v);
        if (o.obj[0] < best) {
            best = o.obj[0];
            memcpy(at, v, sizeof at);
        }
        double away = hypot(v[0] - at[0], v[1] - at[1]);
        near = near || (away > 0 && away < 1e-4);
        if (near && away > 0.2) {
            ++*jumps;
            near = false;
        }
        s->tell(state, i, &c, &o);
    }
    s->destroy(state);
    td_arena_destroy(a);
    return best;
}

static const td_decision plane[] = {
    {.name = "x", .kind = TD_REAL_RANGE, .parent = -1, .lo = 0, .hi = 1},
    {.name = "y", .kind = TD_REAL_RANGE, .parent = -1, .lo = 0, .hi = 1}};

/* Two valleys: the wide one is not the deeper one. */
static td_outcome valleys(const double *v) {
    double wide = 10 * (pow(v[0] - 0.6, 2) + pow(v[1] - 0.5, 2));
    double deep = 60 * (pow(v[0] - 0.1, 2) + pow(v[1] - 0.1, 2)) - 0.5;
    return (td_outcome){.state = TD_TRIAL_DONE, .nobj = 1, .obj = {fmin(wide, deep)}};
}

static void test_restarts(void **unused) {
    (void)unused;
    const td_space space = {.name = "plane", .d = plane, .n = 2};
    int jumps, equal = 0, doubled = 0, found = 0;
    for (uint64_t seed = 0; seed < 5; seed++) {
        found += search(&space, valleys, "{restarts: equal}", seed, 5000, &jumps) < -0.499;
        equal += jumps;
        found += search(&space, valleys, "{restarts: ipop}", seed, 5000, &jumps) < -0.499;
        doubled += jumps;
        found += search(&space, valleys, "{restarts: bipop}", seed, 5000, &jumps) < -0.499;
        assert_true(jumps > 2);
    }
    printf(
        "    5000 trials: %.1f runs, of growing populations %.1f; %d of 15 searches find the deep "
        "valley\n",
        equal / 5.0, doubled / 5.0, found);
    assert_true(doubled > 5 * 2 && equal > 1.5 * doubled);
    assert_true(found > 12);
}

/* On one side of a switch there is nothing, on the other two numbers to be found. */
static const td_decision switched[] = {
    {.name = "on", .kind = TD_CATEGORICAL, .n = 2, .parent = -1},
    {.name = "x", .kind = TD_REAL_RANGE, .parent = 0, .when = 2, .lo = 1e-3, .hi = 1, .log = true},
    {.name = "k", .kind = TD_INTEGER, .parent = 0, .when = 2, .lo = 0, .hi = 40}};

static td_outcome behind_the_switch(const double *v) {
    double f = v[0] == 0 ? 1 : fabs(log10(v[1] / 0.02)) + fabs(v[2] - 33) / 10;
    return (td_outcome){.state = TD_TRIAL_DONE, .nobj = 1, .obj = {f}};
}

static void test_conditional(void **unused) {
    (void)unused;
    const td_space space = {.name = "switched", .d = switched, .n = 3};
    for (uint64_t seed = 0; seed < 10; seed++) {
        int jumps;
        assert_true(search(&space, behind_the_switch, "{}", seed, 400, &jumps) < 0.05);
    }
}

static void test_beats_random(void **unused) {
    (void)unused;
    contest_beats_random("branin_cat", "cmaes", "{}", 200, 0, 20);
    contest_beats_random("ackley10_int", "cmaes", "{}", 100, 0, 10);
    contest_beats_random("ackley10_int", "cmaes", "{}", 200, 8, 10);
    contest_beats_random("pressure_vessel", "cmaes", "{}", 200, 4, 10);
    contest_beats_random("pressure_vessel", "cmaes", "{restarts: bipop}", 400, 0, 10);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_margins), cmocka_unit_test(test_restarts),
        cmocka_unit_test(test_conditional), cmocka_unit_test(test_beats_random)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

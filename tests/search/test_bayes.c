/* The black-box problems are what they are said to be, and Bayesian optimisation finds its way in
 * them: far fewer trials than random search. */
#include "common.h"

#include "blackbox.h"
#include "tandem/model.h"

static td_outcome at(const char *problem, const double *x) {
    const blackbox *b = blackbox_find(problem);
    assert_non_null(b);
    return b->evaluate(x);
}

/* Optima and points of the fronts as published. */
static void test_problems(void **unused) {
    (void)unused;
    assert_near(at("branin_cat", (double[]){M_PI - 1, 0.275, 1}).obj[0], 0.39788735772973816,
                1e-12);
    assert_near(at("branin_cat", (double[]){M_PI, 2.275, 0}).obj[0], 5.39788735772973816, 1e-12);
    double best[] = {3, -5, 7, -2, 0, 4, -6, 1, -3, 5};
    assert_near(at("ackley10_int", best).obj[0], 0, 1e-12);
    td_outcome o = at("pressure_vessel", (double[]){13, 7, 42.0984456, 176.6365958});
    assert_near(o.obj[0], 6059.714334752277, 1e-6);
    assert_near(o.con[0], 0, 1e-9);
    assert_near(o.con[3], -63.3634042, 1e-7);
    double x[30] = {0.25};
    o = at("zdt1_30", x);
    assert_near(o.obj[0], 0.25, 0);
    assert_near(o.obj[1], 0.5, 1e-12);
    assert_near(at("zdt1_10", x).obj[1], 0.5, 1e-12);
    for (int i = 0; i < 30; i++) x[i] = 0.5;
    assert_near(at("zdt1_30", x).obj[1], 3.8416876048223, 1e-12);
    o = at("dtlz2_11", x);
    assert_near(o.obj[0] * o.obj[0] + o.obj[1] * o.obj[1], 1, 1e-12);
}

static void assert_met(const td_outcome *o, double slack) {
    for (int i = 0; i < o->ncon; i++) assert_true(o->con[i] <= slack);
}

static void test_more_problems(void **unused) {
    (void)unused;
    double h[] = {0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573}, one[10], far[10];
    assert_near(at("hartmann6", h).obj[0], -3.32237, 1e-5);
    for (int i = 0; i < 10; i++) one[i] = 1, far[i] = 2;
    assert_near(at("rosenbrock6", one).obj[0], 0, 1e-12);
    assert_near(at("rosenbrock6", far).obj[0], 5 * 401, 1e-9);
    assert_near(at("rastrigin10", one).obj[0], 0, 1e-12);
    assert_near(at("rastrigin10", far).obj[0], 10, 1e-9);
    td_outcome o = at("welded_beam", (double[]){0.205730, 3.470489, 9.036624, 0.205730});
    assert_near(o.obj[0], 1.724852, 2e-5);
    assert_met(&o, 1e-4);
    assert_true(o.con[0] > -1e-4 && o.con[1] > -1e-4 && o.con[4] > -1e-3); /* it lies on them */
    o = at("spring", (double[]){0.051689, 0.356718, 11.288966});
    assert_near(o.obj[0], 0.012665, 1e-6);
    assert_met(&o, 1e-4);
    assert_true(o.con[0] > -1e-3 && o.con[1] > -1e-3);
    assert_near(at("ways", (double[]){1, NAN, 7, 0.3, 2}).obj[0], 0, 1e-12);
    assert_near(at("branches", (double[]){1, NAN, pow(10, -3.3), 37, NAN, 9}).obj[0], 0, 1e-12);
    o = at("binh", (double[]){5, 3});
    assert_near(o.obj[0], 136, 1e-12);
    assert_near(o.obj[1], 4, 1e-12);
    o = at("dtlz2_3", (double[]){0.3, 0.6, 0.5, 0.5, 0.5, 0.5, 0.5});
    assert_near(o.obj[0] * o.obj[0] + o.obj[1] * o.obj[1] + o.obj[2] * o.obj[2], 1, 1e-12);
    assert_near(at("zdt3_10", (double[10]){0.25}).obj[1], 0.25, 1e-12);
}

/* The best feasible value after n trials, or the hypervolume. */
static double search(const char *problem, const char *strategy, uint64_t seed, int n, int lag) {
    const blackbox *b = blackbox_find(problem);
    const td_strategy *s = td_strategy_find(strategy);
    static double v[400][BLACKBOX_MOST], obj[400][2];
    static td_outcome o[400];
    td_space space;
    td_error err = {0};
    void *state;
    blackbox_space(b, &space);
    assert_ok(td_space_check(&space, &err), &err);
    assert_ok(s->init(&state, &space, seed, NULL, &err), &err);
    double best = INFINITY, volume;
    for (int i = 0; i < n; i++) {
        td_choices c = {space.n, v[i]};
        double fidelity = 1;
        if (i > lag)
            s->tell(state, i - lag - 1, &(td_choices){space.n, v[i - lag - 1]}, &o[i - lag - 1]);
        assert_int_equal(s->ask(state, i, &c, &fidelity), TD_OK);
        o[i] = b->evaluate(v[i]);
        o[i].fidelity = 1;
        if (td_outcome_feasible(&o[i])) best = fmin(best, o[i].obj[0]);
        memcpy(obj[i], o[i].obj, sizeof obj[i]);
    }
    s->destroy(state);
    if (b->nobj == 1) return best;
    assert_ok(td_hypervolume(&obj[0][0], n, 2, b->reference, &volume, &err), &err);
    return volume;
}

static void test_finds(void **unused) {
    (void)unused;
    static const struct {
        const char *problem;
        int trials;
    } cases[] = {
        {"branin_cat", 40}, {"ackley10_int", 70}, {"pressure_vessel", 40}, {"zdt1_10", 50}};
    for (int c = 0; c < 4; c += TEST_SANITIZED ? 3 : 1) {
        double gp = 0, lagging = 0, random = 0;
        for (uint64_t seed = 0; seed < 2; seed++) {
            gp += search(cases[c].problem, "gp", seed, cases[c].trials, 0) / 2;
            lagging += search(cases[c].problem, "gp", seed, cases[c].trials, 3) / 2;
            random += search(cases[c].problem, "random", seed, 4 * cases[c].trials, 0) / 2;
        }
        printf("    %-16s %10.4g, told 3 later %10.4g; random, four times as many %10.4g\n",
               cases[c].problem, gp, lagging, random);
        if (blackbox_find(cases[c].problem)->nobj == 2)
            assert_true(gp > random && lagging > random);
        else
            assert_true(gp < random && lagging < random);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_problems),
                                       cmocka_unit_test(test_more_problems),
                                       cmocka_unit_test(test_finds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

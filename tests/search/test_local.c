/* local against its rule, with neighbours found by trying all vectors. */
#include "common.h"

#include "conformance.h"

static const double four[] = {0, 1, 2, 3};
static const td_decision small_decisions[] = {
    {.name = "a", .kind = TD_CATEGORICAL, .n = 4, .parent = -1, .value = four},
    {.name = "b", .kind = TD_ORDERED, .n = 4, .parent = -1, .value = four},
    {.name = "c", .kind = TD_INTEGER, .parent = -1, .lo = 0, .hi = 3}};
static const td_space small = {.name = "small", .d = small_decisions, .n = 3};
enum { POINTS = 64 };

static int index_of(const double *v) {
    return (int)(16 * v[0] + 4 * v[1] + v[2]);
}

static bool are_neighbours(int a, int b) {
    return (a / 16 != b / 16) + (a / 4 % 4 != b / 4 % 4) + (a % 4 != b % 4) == 1;
}

/* Rugged, so that there are many local optima. */
static double height(int point) {
    return (double)(td_hash(&point, sizeof point, 3) % 1000);
}

/* A neighbour of the point while there is one that was not asked, else a new climb; of a trial of
 * an earlier climb only what is better than all so far is taken up. */
static void test_rule(void **unused) {
    (void)unused;
    int restarts = 0, late = 0;
    for (int lag = 0; lag <= 6; lag += 2)
        for (uint64_t seed = 0; seed < 20; seed++) {
            const td_strategy *s = td_strategy_find("local");
            void *state;
            td_error err = {0};
            assert_ok(s->init(&state, &small, seed, NULL, &err), &err);
            double v[POINTS][3];
            int at = -1, best = -1, climb = 0, told = 0;
            bool asked[POINTS] = {false};
            for (int i = 0; i < 56; i++) {
                for (; told < i - lag; told++) {
                    int p = index_of(v[told]), rival = told < climb ? best : at;
                    td_outcome o = {.state = TD_TRIAL_DONE, .nobj = 1, .obj = {height(p)}};
                    s->tell(state, told, &(td_choices){3, v[told]}, &o);
                    late += told < climb && height(p) < height(best);
                    if (rival < 0 || height(p) < height(rival)) at = p;
                    if (best < 0 || height(p) < height(best)) best = p;
                }
                double fidelity = 1;
                assert_int_equal(s->ask(state, i, &(td_choices){3, v[i]}, &fidelity), TD_OK);
                int p = index_of(v[i]), open = 0;
                for (int k = 0; k < POINTS && at >= 0; k++)
                    open += are_neighbours(at, k) && !asked[k];
                assert_false(asked[p]);
                if (open > 0) {
                    assert_true(are_neighbours(at, p));
                } else if (at >= 0) {
                    restarts++;
                    climb = i;
                    at = -1;
                }
                asked[p] = true;
            }
            s->destroy(state);
        }
    assert_in_range(restarts, 100, 1000);
    assert_in_range(late, 1, 1000);
}

static int compare_reals(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* What is asked after a start that nothing is better than, n neighbours in increasing order. */
static void neighbours_of(const td_decision *d, double start, double *out, int n) {
    td_space space = {.name = "line", .d = d, .n = 1};
    const td_strategy *s = td_strategy_find("local");
    void *state;
    td_error err = {0};
    double first, fidelity = 1;
    assert_ok(s->init(&state, &space, 1, NULL, &err), &err);
    assert_int_equal(s->ask(state, 0, &(td_choices){1, &first}, &fidelity), TD_OK);
    td_outcome o = {.state = TD_TRIAL_DONE, .nobj = 1};
    s->tell(state, 0, &(td_choices){1, &start}, &o); /* another start than was asked */
    o.obj[0] = 1;
    for (int i = 0; i < n; i++) {
        assert_int_equal(s->ask(state, i + 1, &(td_choices){1, &out[i]}, &fidelity), TD_OK);
        s->tell(state, i + 1, &(td_choices){1, &out[i]}, &o);
    }
    qsort(out, (size_t)n, sizeof *out, compare_reals);
    s->destroy(state);
}

/* Long ranges are looked at in steps that grow by four. */
static void test_steps(void **unused) {
    (void)unused;
    double v[12];
    td_decision d = {.name = "x", .kind = TD_INTEGER, .parent = -1, .lo = 0, .hi = 1000};
    neighbours_of(&d, 100, v, 9);
    static const double integers[] = {36, 84, 96, 99, 101, 104, 116, 164, 356};
    for (int i = 0; i < 9; i++) assert_near(v[i], integers[i], 0);
    d = (td_decision){.name = "x", .kind = TD_REAL_RANGE, .parent = -1, .lo = 1, .hi = 16};
    d.log = true;
    neighbours_of(&d, 4, v, 12);
    static const double places[] = {.5 - 1. / 4,   .5 - 1. / 16,   .5 - 1. / 64,
                                    .5 - 1. / 256, .5 - 1. / 1024, .5 - 1. / 4096};
    for (int i = 0; i < 6; i++) {
        assert_near(v[i], pow(16, places[i]), 1e-9);
        assert_near(v[11 - i], pow(16, 1 - places[i]), 1e-9);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rule), cmocka_unit_test(test_steps)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

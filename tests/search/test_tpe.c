/* Parzen estimators: their masses sum to 1 whatever hangs on what, and samples follow them. And the
 * strategy that is made of them: better than random search on problems of the literature. */
#include "common.h"

#include "../../src/search/parzen.h"
#include "../../src/search/scale.h"
#include "blackbox.h"
#include "spaces.h"
#include "tandem/model.h"

enum { KERNELS = 12, MOST = 8 /* decisions */ };

/* Two reals, one of them on a log scale and hanging on an integer, which hangs on a name. */
static const td_decision nested_decisions[] = {
    {.name = "name", .kind = TD_CATEGORICAL, .n = 3, .parent = -1},
    {.name = "whole", .kind = TD_INTEGER, .parent = 0, .when = 6, .lo = -2, .hi = 3},
    {.name = "log",
     .kind = TD_REAL_RANGE,
     .parent = 1,
     .when = 0x2a,
     .lo = 1,
     .hi = 99,
     .log = true},
    {.name = "one", .kind = TD_ORDERED, .n = 1, .parent = -1},
    {.name = "real", .kind = TD_REAL_RANGE, .parent = -1, .lo = -4, .hi = 2}};
static const td_space nested = {.name = "nested", .d = nested_decisions, .n = 5};

static const td_decision long_decisions[] = {
    {.name = "whole", .kind = TD_INTEGER, .parent = -1, .lo = -100, .hi = 4900}};
static const td_space long_space = {.name = "long", .d = long_decisions, .n = 1};

/* Fitted to random vectors with random weights. */
static void fit(td__parzen *p, const td_space *space, bool joint, double floor, int n) {
    static double values[KERNELS][MOST], weight[KERNELS];
    const double *v[KERNELS];
    td_error err = {0};
    *p = (td__parzen){.space = space, .factor = 0.6, .prior = 1.5, .joint = joint};
    assert_ok(td__parzen_init(p, KERNELS, &err), &err);
    for (int k = 0; k < n; k++) {
        td_rng r = td_rng_make(4, (uint64_t)k, TD_RNG_TEST);
        td_choices c = {space->n, values[k]};
        td_space_sample(space, &r, &c);
        v[k] = values[k];
        weight[k] = 0.1 + td_rng_uniform(&r);
    }
    td__parzen_fit(p, v, weight, n, floor);
}

/* The mass of all vectors from decision `at` on; reals by the midpoint rule with `steps` points.
 */
static double walk(td__parzen *p, int at, double *v, int steps) {
    const td_space *space = p->space;
    if (at == space->n) return exp(td__parzen_log(p, v));
    td_choices c = {space->n, v};
    const td_decision *d = &space->d[at];
    int64_t count = td__scale_count(d);
    v[at] = NAN;
    if (!td_space_active(space, &c, at)) return walk(p, at + 1, v, steps);
    double sum = 0;
    for (int64_t i = 0; i < (count > 0 ? count : steps); i++) {
        double low = d->kind == TD_INTEGER || d->kind == TD_REAL_RANGE ? d->lo : 0;
        v[at] = count > 0 ? low + (double)i : td__scale_value(d, ((double)i + 0.5) / steps);
        sum += walk(p, at + 1, v, steps) / (count > 0 ? 1 : steps);
    }
    return sum;
}

static void test_sums_to_one(void **unused) {
    (void)unused;
    static const td_space *const spaces[] = {&space_tree, &space_small, &space_two, &space_point,
                                             &nested,     &space_mixed, &long_space};
    static const int fitted[] = {0, 1, KERNELS};
    double v[MOST];
    for (int s = 0; s < 7; s++)
        for (int joint = 0; joint < 2; joint++)
            for (int k = 0; k < 3; k++) {
                td__parzen p;
                fit(&p, spaces[s], joint, 0.05, fitted[k]);
                bool approximate = spaces[s] == &long_space;
                assert_near(walk(&p, 0, v, 250), 1, approximate ? 1e-4 : 1e-5);
                td__parzen_free(&p);
            }
}

/* Cells of space `nested`: each choice of the discrete decisions, and tenths of the reals. */
enum { TENTHS = 10, CELLS = 3 * 7 * (TENTHS + 1) * TENTHS };
static int cell_of(const double *v) {
    const td_decision *d = nested_decisions;
    int whole = isnan(v[1]) ? 6 : (int)v[1] + 2;
    int log = isnan(v[2]) ? TENTHS : (int)fmin(td__scale_place(&d[2], v[2]) * TENTHS, TENTHS - 1);
    int real = (int)fmin(td__scale_place(&d[4], v[4]) * TENTHS, TENTHS - 1);
    return (((int)v[0] * 7 + whole) * (TENTHS + 1) + log) * TENTHS + real;
}

static void add_masses(td__parzen *p, double *mass) {
    enum { FINE = 12 * TENTHS };
    double v[5] = {0};
    for (int name = 0; name < 3; name++)
        for (int whole = -2; whole <= (name > 0 ? 3 : -2); whole++) {
            v[0] = name;
            v[1] = name > 0 ? whole : (double)NAN;
            bool has_log = name > 0 && (0x2a >> (whole + 2) & 1) != 0;
            for (int i = 0; i < (has_log ? FINE : 1); i++)
                for (int k = 0; k < FINE; k++) {
                    v[2] = has_log ? td__scale_value(&nested_decisions[2], (i + 0.5) / FINE) : NAN;
                    v[4] = td__scale_value(&nested_decisions[4], (k + 0.5) / FINE);
                    mass[cell_of(v)] += exp(td__parzen_log(p, v)) / FINE / (has_log ? FINE : 1);
                }
        }
}

/* Chi-square over the cells that are expected five times at least, the others as one. */
static void test_samples(void **unused) {
    (void)unused;
    enum { DRAWN = 60000 };
    for (int joint = 0; joint < 2; joint++) {
        td__parzen p;
        td_error err = {0};
        double v[5], mass[CELLS] = {0}, chi = 0, rest = 0;
        int drawn[CELLS] = {0}, rest_drawn = 0, freedom = 0;
        fit(&p, &nested, joint, 0.05, KERNELS);
        add_masses(&p, mass);
        td_rng r = td_rng_make(1, 0, TD_RNG_TEST);
        for (int i = 0; i < DRAWN; i++) {
            td_choices c = {5, v};
            td__parzen_sample(&p, &r, &c);
            int cell = cell_of(v);
            assert_ok(td_space_canonical(&nested, &c, &err), &err);
            assert_int_equal(cell_of(v), cell);
            drawn[cell]++;
        }
        for (int i = 0; i < CELLS; i++) {
            double expected = DRAWN * mass[i];
            if (expected < 5) {
                rest += expected;
                rest_drawn += drawn[i];
                continue;
            }
            freedom++;
            chi += (drawn[i] - expected) * (drawn[i] - expected) / expected;
        }
        if (rest > 5) chi += (rest_drawn - rest) * (rest_drawn - rest) / rest;
        printf("    chi-square %.1f, %d degrees of freedom\n", chi, freedom);
        assert_true(freedom > 100);
        assert_true(chi < freedom + 3.5 * sqrt(2.0 * freedom));
        td__parzen_free(&p);
    }
}

/* Worked out by hand: two kernels on a name of three and a real, and half of a prior. */
static void test_by_hand(void **unused) {
    (void)unused;
    static const td_decision d[] = {
        {.name = "name", .kind = TD_CATEGORICAL, .n = 3, .parent = -1},
        {.name = "real", .kind = TD_REAL_RANGE, .parent = -1, .lo = 0, .hi = 10}};
    td_space space = {.name = "hand", .d = d, .n = 2};
    td__parzen p = {.space = &space, .factor = 1, .prior = 0.5, .joint = true};
    td_error err = {0};
    assert_ok(td__parzen_init(&p, 2, &err), &err);
    td__parzen_fit(&p, (const double *const[]){(double[]){0, 2}, (double[]){2, 4}}, NULL, 2, 0.01);
    /* deviation .1 of 2 kernels in 2 dimensions; 2 / 5 of a name's mass to the two others */
    double h = 0.1 * pow(2, -1.0 / 6), z = 0.1 / h;
    assert_near(p.width[1], h, 1e-15);
    assert_near(p.width[0], 0.4, 1e-15);
    double normal = exp(-z * z / 2) / (h * sqrt(2 * M_PI));
    double inside[2] = {0.5 * erfc(-0.2 / h / sqrt(2)) - 0.5 * erfc(0.8 / h / sqrt(2)),
                        0.5 * erfc(-0.4 / h / sqrt(2)) - 0.5 * erfc(0.6 / h / sqrt(2))};
    double expected = (0.6 * normal / inside[0] + 0.2 * normal / inside[1] + 0.5 * 1 / 3.0) / 2.5;
    assert_near(exp(td__parzen_log(&p, (double[]){0, 3})), expected, 1e-12);
    td__parzen_free(&p);
}

/* ---- the strategy ---------------------------------------------------------------------------- */

static td_status start(void **state, const char *strategy, const char *options,
                       const td_space *space, uint64_t seed) {
    td_arena *a = td_arena_create();
    const td_node *params;
    td_error err = {0};
    assert_ok(td_yaml_parse(a, options, strlen(options), "", &params, &err), &err);
    td_status s = td_strategy_find(strategy)->init(state, space, seed, params, &err);
    td_arena_destroy(a);
    return s;
}

enum { TRIALS = 100, SEEDS = 10 };

/* The best feasible value, or the hypervolume with its sign changed, after TRIALS trials. */
static double search(const blackbox *b, const char *strategy, const char *options, uint64_t seed,
                     int lag) {
    const td_strategy *s = td_strategy_find(strategy);
    static double v[TRIALS][BLACKBOX_MOST], obj[TRIALS][2];
    static td_outcome o[TRIALS];
    td_space space;
    td_error err = {0};
    void *state;
    double best = INFINITY, volume;
    blackbox_space(b, &space);
    assert_int_equal(start(&state, strategy, options, &space, seed), TD_OK);
    for (int i = 0; i < TRIALS; i++) {
        int told = i - lag - 1;
        td_choices c = {space.n, v[i]};
        double fidelity = 1;
        if (told >= 0) s->tell(state, told, &(td_choices){space.n, v[told]}, &o[told]);
        assert_int_equal(s->ask(state, i, &c, &fidelity), TD_OK);
        o[i] = b->evaluate(v[i]);
        o[i].fidelity = 1;
        if (td_outcome_feasible(&o[i])) best = fmin(best, o[i].obj[0]);
        memcpy(obj[i], o[i].obj, sizeof obj[i]);
    }
    s->destroy(state);
    if (b->nobj == 1) return best;
    assert_ok(td_hypervolume(&obj[0][0], TRIALS, 2, b->reference, &volume, &err), &err);
    return -volume;
}

static void check_beats_random(const char *options, int lag, int problems) {
    static const char *const names[] = {"ackley10_int", "dtlz2_11", "branin_cat",
                                        "pressure_vessel"};
    for (int i = 0; i < problems; i++) {
        const blackbox *b = blackbox_find(names[i]);
        double tpe[SEEDS], random[SEEDS];
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            tpe[seed] = search(b, "tpe", options, seed, lag);
            random[seed] = search(b, "random", "{}", seed, lag);
        }
        td_rank_sum test;
        td_error err = {0};
        assert_ok(td_rank_sum_test(tpe, SEEDS, random, SEEDS, &test, &err), &err);
        printf("    %-24s told %d later  %-16s %10.4g, random %10.4g (p = %.2g)\n", options, lag,
               names[i], td_quantile(tpe, SEEDS, 0.5), td_quantile(random, SEEDS, 0.5),
               test.p_less);
        assert_true(test.p_less < 0.01);
    }
}

static void test_beats_random(void **unused) {
    (void)unused;
    check_beats_random("{}", 0, 4);
    check_beats_random("{}", 7, 3);
    check_beats_random("{multivariate: false, candidates: 24}", 0, 2);
}

static td_outcome sum_of(const td_choices *c) {
    td_outcome o = {.state = TD_TRIAL_DONE, .nobj = 1, .fidelity = 1};
    for (int i = 0; i < c->n; i++) o.obj[0] += isnan(c->v[i]) ? 0 : c->v[i];
    return o;
}

/* Of a space of 64 vectors the first 56 asks are 56 of them. */
static void test_duplicates(void **unused) {
    (void)unused;
    static const char *const options[] = {"{}", "{multivariate: false, candidates: 8}"};
    const td_strategy *s = td_strategy_find("tpe");
    for (int k = 0; k < 2; k++)
        for (uint64_t seed = 0; seed < 10; seed++) {
            void *state;
            bool seen[4][4][4] = {{{false}}};
            assert_int_equal(start(&state, "tpe", options[k], &space_small, seed), TD_OK);
            for (int i = 0; i < 56; i++) {
                double v[3], fidelity = 1;
                td_choices c = {3, v};
                assert_int_equal(s->ask(state, i, &c, &fidelity), TD_OK);
                bool *at = &seen[(int)v[0]][(int)v[1]][(int)v[2]];
                assert_false(*at);
                *at = true;
                td_outcome o = sum_of(&c);
                s->tell(state, i, &c, &o);
            }
            s->destroy(state);
        }
}

/* Trials that are asked while others are pending keep away from them. On a line of reals of which
 * the middle is best: eight that are pending together are further apart than eight of which each is
 * asked alone, after the same trials were told. */
static void test_pending_spread(void **unused) {
    (void)unused;
    static const td_decision line[] = {
        {.name = "x", .kind = TD_REAL_RANGE, .parent = -1, .lo = 0, .hi = 1}};
    td_space space = {.name = "line", .d = line, .n = 1};
    const td_strategy *s = td_strategy_find("tpe");
    double apart = 0, alone = 0;
    for (uint64_t seed = 0; seed < 40; seed++) {
        double x[8], y[8], fidelity = 1;
        void *state;
        for (int run = 0; run < 8; run++) {
            assert_int_equal(start(&state, "tpe", "{}", &space, seed), TD_OK);
            for (int i = 0; i < 20; i++) {
                double v, told = (i + 0.5) / 20;
                td_choices c = {1, &v}, other = {1, &told};
                assert_int_equal(s->ask(state, i, &c, &fidelity), TD_OK);
                td_outcome o = {.state = TD_TRIAL_DONE, .nobj = 1, .obj = {fabs(told - 0.5)}};
                s->tell(state, i, &other, &o);
            }
            td_choices first[8];
            for (int i = 0; i < 8; i++) first[i] = (td_choices){1, &x[i]};
            for (int i = 0; i < 8 && run == 0; i++)
                assert_int_equal(s->ask(state, 20 + i, &first[i], &fidelity), TD_OK);
            td_choices alone_one = {1, &y[run]};
            if (run > 0) assert_int_equal(s->ask(state, 20 + run, &alone_one, &fidelity), TD_OK);
            s->destroy(state);
        }
        y[0] = x[0];
        for (int i = 0; i < 8; i++)
            for (int k = 0; k < i; k++) {
                apart += fabs(x[i] - x[k]);
                alone += fabs(y[i] - y[k]);
            }
    }
    printf("    apart %.3f with pending ones, %.3f without\n", apart / 40 / 28, alone / 40 / 28);
    assert_true(apart > 1.2 * alone);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_to_one), cmocka_unit_test(test_samples),
        cmocka_unit_test(test_by_hand),     cmocka_unit_test(test_beats_random),
        cmocka_unit_test(test_duplicates),  cmocka_unit_test(test_pending_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

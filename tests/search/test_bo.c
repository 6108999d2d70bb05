/* The strategy `bo` on a space with features of its own, where what it must find is known. */
#include "common.h"

#include "../../src/search/feature.h"
#include "spaces.h"
#include "tandem/model.h"
#include "tandem/search.h"

enum { D = 8, FEATURES = 20, TRIALS = 120, SAMPLED = 2000 };

/* Eight reals; features are products of them, so that nothing is linear but in features. Its own
 * draw counts. */
static td_decision decisions[D];
static int64_t draws;

static bool draw(const void *self, td_rng *r, int64_t most, td_choices *c, int64_t *drawn) {
    (void)self;
    (void)most;
    for (int i = 0; i < D; i++) c->v[i] = 2 * td_rng_uniform(r) - 1;
    draws++;
    *drawn += 1;
    return true;
}

static void features(const void *self, const td_choices *c, double *out) {
    (void)self;
    for (int i = 0; i < FEATURES; i++)
        out[i] = 1000 * (i + 1) + (i + 1) * c->v[i % D] * c->v[(i + 1 + i / D) % D];
}

static td_space products(void) {
    for (int i = 0; i < D; i++)
        decisions[i] = (td_decision){"abcdefgh" + i, TD_REAL_RANGE, 0, -1, .lo = -1, .hi = 1};
    return (td_space){.name = "products",
                      .d = decisions,
                      .n = D,
                      .draw = draw,
                      .n_features = FEATURES,
                      .features = features};
}

static double latent(const td_choices *c) {
    double f[FEATURES], sum = 0;
    features(NULL, c, f);
    for (int i = 0; i < FEATURES; i++) sum += (i % 3 - 1) * (f[i] / (i + 1) - 1000);
    return sum;
}

static td_outcome smooth(const td_choices *c) {
    return (td_outcome){.state = TD_TRIAL_DONE, .nobj = 1, .obj = {exp(latent(c))}, .fidelity = 1};
}

static td_outcome negative(const td_choices *c) {
    return (td_outcome){.state = TD_TRIAL_DONE, .nobj = 1, .obj = {latent(c)}, .fidelity = 1};
}

/* Flat; what is infeasible is a matter of the features. */
static td_outcome halved(const td_choices *c) {
    td_outcome o = {.state = TD_TRIAL_DONE, .nobj = 1, .obj = {1}, .fidelity = 1};
    if (latent(c) > 0) o = (td_outcome){.state = TD_TRIAL_FAILED};
    return o;
}

typedef struct {
    double f[TRIALS]; /* latent, of what was asked */
} asks;

static void play(const char *options, td_outcome (*f)(const td_choices *), uint64_t seed, asks *a) {
    td_space space = products();
    td_arena *arena = td_arena_create();
    td_error err = {0};
    const td_node *params;
    void *s;
    const td_strategy *bo = td_strategy_find("bo");
    assert_ok(td_yaml_parse(arena, options, strlen(options), "o", &params, &err), &err);
    assert_ok(bo->init(&s, &space, seed, params, &err), &err);
    for (int i = 0; i < TRIALS; i++) {
        double v[D], fidelity = 1;
        td_choices c = {D, v};
        assert_int_equal(bo->ask(s, i, &c, &fidelity), TD_OK);
        td_outcome o = f(&c);
        a->f[i] = latent(&c);
        bo->tell(s, i, &c, &o);
    }
    bo->destroy(s);
    td_arena_destroy(arena);
}

/* Mean share of random vectors that are better than what was asked from trial `first` on. */
static double rank_of(const asks *a, int first) {
    double random[SAMPLED], sum = 0;
    td_rng r = td_rng_make(99, 0, TD_RNG_TEST);
    for (int i = 0; i < SAMPLED; i++) {
        double v[D];
        int64_t drawn = 0;
        td_choices c = {D, v};
        draw(NULL, &r, 1, &c, &drawn);
        random[i] = latent(&c);
    }
    for (int k = first; k < TRIALS; k++)
        for (int i = 0; i < SAMPLED; i++)
            sum += (random[i] < a->f[k]) / (double)SAMPLED / (TRIALS - first);
    return sum;
}

/* With a linear model of these features each ask is the best of its pool: of 150 vectors, 1 in 151;
 * of 15, 1 in 16. The logarithm makes it linear: plain values of exp() are not. Values that are not
 * positive are taken as they are. */
static void test_pool(void **unused) {
    (void)unused;
    asks a;
    draws = 0;
    play("{}", smooth, 1, &a);
    assert_int_equal(draws, 10 + (TRIALS - 10) * 150);
    assert_near(rank_of(&a, 50), 1.0 / 151, 0.004);
    assert_near(rank_of(&(asks){{0}}, 0), 0.5, 0.1);
    play("{pool: 15}", smooth, 1, &a);
    assert_near(rank_of(&a, 50), 1.0 / 16, 0.03);
    play("{value: plain}", negative, 1, &a);
    assert_near(rank_of(&a, 50), 1.0 / 151, 0.004);
    play("{}", negative, 1, &a);
    assert_near(rank_of(&a, 50), 1.0 / 151, 0.004);
    for (uint64_t seed = 0; seed < 4; seed++) { /* looks where it knows least, too */
        play("{acquisition: ei}", smooth, seed, &a);
        for (int i = 1; i < TRIALS; i++) a.f[TRIALS - 1] = fmin(a.f[TRIALS - 1], a.f[i - 1]);
        assert_true(rank_of(&a, TRIALS - 1) < 0.002);
    }
    play("{points: 40}", smooth, 1, &a); /* it forgets */
    assert_true(rank_of(&a, 50) < 0.03);
    play("{epsilon: 1}", smooth, 1, &a);
    assert_near(rank_of(&a, 0), 0.5, 0.1);
}

/* The other models learn the same, less sharply. */
static void test_models(void **unused) {
    (void)unused;
    static const struct {
        const char *options;
        double most;
    } models[] = {{"{kernel: se}", 0.02},
                  {"{kernel: matern}", 0.02},
                  {"{model: forest}", 0.1},
                  {"{value: reciprocal}", 0.05}};
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        asks a;
        play(models[i].options, smooth, 2, &a);
        double rank = rank_of(&a, 60);
        printf("    %-40s %.4f\n", models[i].options, rank);
        assert_true(rank < models[i].most);
    }
}

/* Half of the vectors fail, and that is all there is to learn. */
static void test_feasibility(void **unused) {
    (void)unused;
    static const struct {
        const char *options;
        double least, most;
    } classifiers[] = {{"{}", 0.75, 1},
                       {"{feasibility: svm}", 0.75, 1},
                       {"{feasibility: forest}", 0.7, 1},
                       {"{model: forest}", 0.75, 1}, /* whose bounds are all the same here */
                       {"{feasibility: none}", 0.3, 0.65}};
    for (size_t i = 0; i < sizeof classifiers / sizeof classifiers[0]; i++) {
        asks a;
        double share = 0;
        play(classifiers[i].options, halved, 3, &a);
        for (int k = 40; k < TRIALS; k++) share += (a.f[k] <= 0) / (double)(TRIALS - 40);
        printf("    %-40s %.3f feasible\n", classifiers[i].options, share);
        assert_true(share >= classifiers[i].least && share <= classifiers[i].most);
    }
}

/* Where nothing is allowed an ask gives up soon, and answers. */
static bool draw_none(const void *self, td_rng *r, int64_t most, td_choices *c, int64_t *drawn) {
    (void)self;
    (void)r;
    (void)c;
    *drawn += most;
    draws++;
    return false;
}

static void test_nothing_allowed(void **unused) {
    (void)unused;
    td_space space = products();
    space.draw = draw_none;
    td_error err = {0};
    void *s;
    const td_strategy *bo = td_strategy_find("bo");
    assert_ok(bo->init(&s, &space, 1, NULL, &err), &err);
    draws = 0;
    for (int i = 0; i < 20; i++) {
        double v[D], fidelity = 1;
        td_choices c = {D, v};
        td_outcome o = {.state = TD_TRIAL_INFEASIBLE};
        assert_int_equal(bo->ask(s, i, &c, &fidelity), TD_OK);
        assert_ok(td_space_canonical(&space, &c, &err), &err);
        bo->tell(s, i, &c, &o);
    }
    assert_true(draws <= 3 * 20);
    bo->destroy(s);
}

static void test_options(void **unused) {
    (void)unused;
    static const char *const wrong[] = {"{model: forest, kernel: se}",
                                        "{acquisition: ei, confidence: 1}",
                                        "{feasibility: svn}",
                                        "{kernel: rbf}",
                                        "{epsilon: 1.5}",
                                        "{pool: 0}",
                                        "{initial: 1}"};
    td_space space = products();
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        td_arena *arena = td_arena_create();
        td_error err = {0};
        const td_node *params;
        void *s;
        assert_ok(td_yaml_parse(arena, wrong[i], strlen(wrong[i]), "o", &params, &err), &err);
        assert_int_equal(td_strategy_find("bo")->init(&s, &space, 1, params, &err), TD_E_INPUT);
        assert_null(s);
        td_arena_destroy(arena);
    }
}

/* Coordinates where a space has no features. */
static void test_coordinates(void **unused) {
    (void)unused;
    static const td_decision d[] = {
        {"name", TD_CATEGORICAL, 3, -1},
        {"list", TD_ORDERED, 5, -1},
        {"inner", TD_REAL_RANGE, .parent = 0, .when = 2, .lo = 1, .hi = 100, .log = true},
        {"whole", TD_INTEGER, .parent = -1, .lo = 4, .hi = 8},
        {"fixed", TD_INTEGER, .parent = -1, .lo = 4, .hi = 4},
    };
    const td_space space = {.name = "all", .d = d, .n = 5};
    double out[8], expected[2][8] = {{0, 1, 0, 0.5, 0.5, 1, 0.25, 0}, {0, 0, 1, 1, 0, 0, 1, 0}};
    double v[2][5] = {{1, 2, 10, 5, 4}, {2, 4, NAN, 8, 4}};
    assert_int_equal(td__feature_count(&space), 8);
    for (int i = 0; i < 2; i++) {
        td__features(&space, &(td_choices){5, v[i]}, out);
        for (int k = 0; k < 8; k++) assert_near(out[k], expected[i][k], 1e-12);
    }
    assert_int_equal(td__feature_count(&space_empty), 1);
    td__features(&space_empty, &(td_choices){0, v[0]}, out);
    assert_near(out[0], 0, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool),        cmocka_unit_test(test_models),
        cmocka_unit_test(test_feasibility), cmocka_unit_test(test_nothing_allowed),
        cmocka_unit_test(test_options),     cmocka_unit_test(test_coordinates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

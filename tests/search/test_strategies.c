/* What single strategies do, and the order of outcomes. What all of them have to hold is in
 * test_conformance.c. */
#include "common.h"

#include "../../src/search/outcome.h"
#include "codesign.h"
#include "conformance.h"
#include "spaces.h"

static td_outcome tight(const td_choices *c) {
    return codesign_evaluate(c, 1);
}

static td_status init_with(const td_strategy *s, const char *options, td_error *err) {
    td_arena *a = td_arena_create();
    const td_node *params;
    void *state = NULL;
    assert_ok(td_yaml_parse(a, options, strlen(options), "recipe.yaml", &params, err), err);
    td_status status = s->init(&state, codesign_space(), 1, params, err);
    s->destroy(state);
    td_arena_destroy(a);
    return status;
}

/* ---- evolution ------------------------------------------------------------------------------- */

static void test_evolution_options(void **unused) {
    (void)unused;
    static const char *const wrong[] = {
        "population: 0",  "population: many", "sample: 0",       "sample: 25",  "mutations: .5",
        "crossover: 1.1", "crossover: -.1",   "population: 2.5", "mutation: 1", "selection: best"};
    const td_strategy *s = td_strategy_find("evolution");
    td_error err = {0};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(init_with(s, wrong[i], &err), TD_E_INPUT);
    assert_ok(init_with(s, "{population: 50, sample: 12, mutations: 1, crossover: 0}", &err), &err);
    assert_ok(init_with(s, "{population: 1}", &err), &err);
}

/* With one member, a sample of one and no crossover a child is its predecessor with one change (a
 * decision and what it switches), and the queue holds the last told trial only. */
static void test_evolution_child(void **unused) {
    (void)unused;
    const td_space *space = codesign_space();
    const td_strategy *s = td_strategy_find("evolution");
    td_arena *a = td_arena_create();
    td_node *params = td_node_map(a);
    td_node_put_int(a, params, "population", 1);
    td_node_put_int(a, params, "mutations", 1);
    td_node_put_int(a, params, "crossover", 0);
    void *state;
    td_error err = {0};
    assert_ok(s->init(&state, space, 8, params, &err), &err);
    static double v[100][CODESIGN_DECISIONS];
    for (int i = 0; i < 100; i++) {
        td_choices c = {space->n, v[i]};
        double fidelity;
        assert_int_equal(s->ask(state, i, &c, &fidelity), TD_OK);
        int changed = 0;
        for (int k = 0; k < space->n && i > 0; k++) {
            double old = v[i - 1][k], new = v[i][k];
            changed += !isnan(old) && !isnan(new) && old != new;
        }
        if (i > 0) assert_int_equal(changed, 1);
        s->tell(state, i, &c, &(td_outcome){.state = TD_TRIAL_DONE, .nobj = 1});
    }
    s->destroy(state);
    td_arena_destroy(a);
}

static int compare_reals(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

enum { SEEDS = 21, TRIALS = 400 };

/* Median over the seeds of the best feasible accuracy (-1: none was found) and of the first
 * feasible trial's number. */
static void measure(const char *name, const char *options, double *accuracy, double *when) {
    double best[SEEDS], found[SEEDS];
    subject x = {.s = td_strategy_find(name), .options = options};
    record r = {0};
    for (int seed = 0; seed < SEEDS; seed++) {
        game g = {codesign_space(), tight, 100 + (uint64_t)seed, TRIALS, 2};
        play(&x, &g, NULL, 0, &r);
        best[seed] = fmax(-best_of(&r), -1);
        found[seed] = TRIALS;
        for (int i = TRIALS - 1; i >= 0; i--)
            if (td_outcome_feasible(&r.outcome[i])) found[seed] = i;
    }
    record_free(&r);
    qsort(best, SEEDS, sizeof best[0], compare_reals);
    qsort(found, SEEDS, sizeof found[0], compare_reals);
    *accuracy = best[SEEDS / 2];
    *when = found[SEEDS / 2];
    printf("    %-10s %-26s %d trials, %d seeds: best accuracy %.4f, first feasible trial %g "
           "(medians)\n",
           name, options, TRIALS, SEEDS, *accuracy, *when);
}

/* Targets that one random point in some 400 meets. */
static void test_beats_random(void **unused) {
    (void)unused;
    static const struct {
        const char *name, *options;
    } better[] = {{"evolution", "{}"}, {"evolution", "{selection: tournament}"},
                  {"local", "{}"},     {"local", "{restart: random}"},
                  {"ppo", "{}"},       {"ppo", "{policy: autoregressive}"}};
    double random_best, random_found, best, found;
    measure("random", "{}", &random_best, &random_found);
    for (size_t i = 0; i < sizeof better / sizeof better[0]; i++) {
        measure(better[i].name, better[i].options, &best, &found);
        assert_true(best > random_best + .02);
        assert_true(found < random_found * .8);
    }
}

/* A study that is continued replays what an earlier version asked: these are the hashes of the
 * vectors asked by the version that had no other selection, and they stay. */
static void test_evolution_as_before(void **unused) {
    (void)unused;
    static const struct {
        const char *options;
        int lag, n;
        uint64_t hash;
    } before[] = {{"{population: 24}", 0, 400, 0x350bde223ad8e5e6},
                  {"{selection: regularised}", 7, 400, 0xbffd03b48df067b0},
                  {"{population: 12, solve: 30}", 3, 1000, 0xa526b1e4cb4a2530}};
    record r = {0};
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        subject x = {.s = td_strategy_find("evolution"), .options = before[i].options};
        game g = {codesign_space(), tight, 5, before[i].n, before[i].lag};
        play(&x, &g, NULL, 0, &r);
        uint64_t h = 0;
        for (int k = 0; k < r.n; k++) h = td_hash(&r.asked[k], sizeof r.asked[k], h);
        assert_int_equal(h, before[i].hash);
    }
    record_free(&r);
}

/* Survivors by rank: what was best stays a parent for ever. With one member and no crossover all
 * later children are one change away from the best that was told, the last one among equals. */
static void test_evolution_tournament(void **unused) {
    (void)unused;
    const td_space *space = codesign_space();
    const td_strategy *s = td_strategy_find("evolution");
    void *state;
    td_error err = {0};
    const char *options = "{population: 1, mutations: 1, crossover: 0, selection: tournament}";
    subject x = {.s = s, .options = options};
    assert_ok(start_with(&x, options, space, &state, &err), &err);
    static const double told[] = {5, 3, 4, 3, 9, 2, 2, 8, 7, 6, 1, 1, 1, 0, 5, 5};
    enum { N = sizeof told / sizeof told[0] };
    double v[N][CODESIGN_DECISIONS];
    int best = 0;
    for (int i = 0; i < N; i++) {
        td_choices c = {space->n, v[i]};
        double fidelity;
        assert_int_equal(s->ask(state, i, &c, &fidelity), TD_OK);
        int changed = 0;
        for (int k = 0; k < space->n && i > 0; k++) {
            double old = v[best][k], new = v[i][k];
            changed += !isnan(old) && !isnan(new) && old != new;
        }
        if (i > 0) assert_int_equal(changed, 1);
        s->tell(state, i, &c, &(td_outcome){.state = TD_TRIAL_DONE, .nobj = 1, .obj = {told[i]}});
        if (told[i] <= told[best]) best = i;
    }
    s->destroy(state);
}

static td_outcome even(const td_choices *c) {
    (void)c;
    return (td_outcome){.state = TD_TRIAL_DONE, .nobj = 1};
}

/* Among equals the oldest dies: then both selections are one. */
static void test_evolution_equals(void **unused) {
    (void)unused;
    subject x = {.s = td_strategy_find("evolution"), .options = "{population: 9}"};
    game g = {codesign_space(), even, 3, 200, 4};
    record aging = {0}, ranked = {0};
    play(&x, &g, NULL, 0, &aging);
    x.options = "{population: 9, selection: tournament}";
    play(&x, &g, NULL, 0, &ranked);
    assert_true(same_asks(&aging, &ranked));
    record_free(&aging);
    record_free(&ranked);
}

/* Designs of the user's while accelerators are tried: a child whose first try was put aside is
 * tried as it was bred again, and no network is asked in full that was told in full. */
static void test_evolution_solves_beside_others(void **unused) {
    (void)unused;
    const td_strategy *s = td_strategy_find("evolution");
    int again = 0, in_full = 0;
    for (uint64_t seed = 0; seed < 10; seed++) {
        td_arena *a = td_arena_create();
        td_node *params = td_node_map(a);
        td_node_put_int(a, params, "population", 3);
        td_node_put_int(a, params, "solve", 4);
        void *state;
        td_error err = {0};
        assert_ok(s->init(&state, &space_small, seed, params, &err), &err);
        bool told[16] = {false}, fresh = true; /* fresh: a child begins with the next ask */
        double aside[3] = {NAN, NAN, NAN};
        int n_told = 0;
        for (int i = 0; n_told < 12; i++) {
            double v[3], fidelity = 1;
            td_choices c = {3, v};
            assert_int_equal(s->ask(state, i, &c, &fidelity), TD_OK);
            if (!isnan(aside[0])) {
                assert_memory_equal(v, aside, sizeof aside);
                aside[0] = NAN;
                again++;
            }
            td_outcome o = {.state = TD_TRIAL_INFEASIBLE, .ncon = 1, .con = {v[2] - 1}};
            if (fidelity == 0 && fresh && i % 2 == 0) {
                memcpy(aside, v, sizeof aside);
                v[0] = (int)(v[0] + 1 + i / 2 % 3) % 4; /* another network than the child's */
                v[1] = i / 6 % 4;
                fidelity = 1;
            } else if (fidelity == 1) {
                assert_false(told[(int)(4 * v[0] + v[1])]);
                in_full++;
                fresh = true;
            } else {
                fresh = false;
            }
            o.fidelity = fidelity;
            s->tell(state, i, &c, &o);
            bool *network = &told[(int)(4 * v[0] + v[1])];
            n_told += fidelity == 1 && !*network;
            *network |= fidelity == 1;
        }
        s->destroy(state);
        td_arena_destroy(a);
    }
    assert_true(again >= 20 && in_full >= 20);
}

/* The best accuracy after so many trainings, where costs that are asked for cost nothing. -1: none.
 */
static double trained_best(int solve, uint64_t seed, int trainings) {
    const td_space *space = codesign_space();
    const td_strategy *s = td_strategy_find("evolution");
    td_arena *a = td_arena_create();
    td_node *params = td_node_map(a);
    td_node_put_int(a, params, "population", 12);
    td_node_put_int(a, params, "solve", solve);
    void *state;
    td_error err = {0};
    assert_ok(s->init(&state, space, seed, params, &err), &err);
    double best = -1, v[CODESIGN_DECISIONS];
    uint64_t met[64]; /* what met the constraints when its costs were asked, of the last child */
    int n_met = 0;
    for (int i = 0, trained = 0; trained < trainings && i < 5000; i++) {
        td_choices c = {space->n, v};
        double fidelity = 1;
        assert_int_equal(s->ask(state, i, &c, &fidelity), TD_OK);
        td_outcome o = tight(&c);
        if (fidelity == 0) {
            assert_true(solve > 0);
            o.fidelity = 0;
            o.nobj = 0;
            if (o.state == TD_TRIAL_DONE) o.state = TD_TRIAL_PRUNED;
            if (o.state == TD_TRIAL_PRUNED) met[n_met++ % 64] = td_choices_hash(&c);
        } else if (o.state == TD_TRIAL_DONE) {
            bool asked = solve == 0;
            for (int k = 0; k < n_met && k < 64; k++) asked |= met[k] == td_choices_hash(&c);
            assert_true(asked);
            best = fmax(best, -o.obj[0]);
            trained++;
            n_met = 0;
        }
        s->tell(state, i, &c, &o);
    }
    s->destroy(state);
    td_arena_destroy(a);
    return best;
}

/* Trainings are what is scarce: solving the accelerator before each makes more of them. */
static void test_evolution_solves(void **unused) {
    (void)unused;
    double plain_best[SEEDS], solved[SEEDS];
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        plain_best[seed] = trained_best(0, seed, 25);
        solved[seed] = trained_best(30, seed, 25);
    }
    qsort(plain_best, SEEDS, sizeof plain_best[0], compare_reals);
    qsort(solved, SEEDS, sizeof solved[0], compare_reals);
    printf("    25 trainings, %d seeds: best accuracy %.4f as bred, %.4f solved (medians)\n", SEEDS,
           plain_best[SEEDS / 2], solved[SEEDS / 2]);
    assert_true(solved[SEEDS / 2] > plain_best[SEEDS / 2] + .01);
}

/* ---- outcomes -------------------------------------------------------------------------------- */

static void test_outcome_order(void **unused) {
    (void)unused;
    const td_outcome order[] = {
        {.state = TD_TRIAL_DONE, .nobj = 1, .obj = {-2}, .ncon = 1, .con = {0}},
        {.state = TD_TRIAL_DONE, .nobj = 1, .obj = {-1}, .ncon = 2, .con = {-.5, -3}},
        {.state = TD_TRIAL_DONE, .nobj = 1, .obj = {7}},
        {.state = TD_TRIAL_PRUNED, .nobj = 1, .obj = {3}, .fidelity = .75},
        {.state = TD_TRIAL_PRUNED, .nobj = 1, .obj = {-9}, .fidelity = .25},
        {.state = TD_TRIAL_PRUNED, .nobj = 1, .obj = {-9}},
        {.state = TD_TRIAL_INFEASIBLE, .ncon = 2, .con = {.2, -5}},
        {.state = TD_TRIAL_DONE, .nobj = 1, .obj = {-9}, .ncon = 2, .con = {.2, .1}},
        {.state = TD_TRIAL_INFEASIBLE, .ncon = 1, .con = {4}},
        {.state = TD_TRIAL_INFEASIBLE, .ncon = 2, .con = {.1, NAN}},
        {.state = TD_TRIAL_INFEASIBLE},
        {.state = TD_TRIAL_FAILED},
    };
    const int n = (int)(sizeof order / sizeof order[0]);
    for (int i = 0; i < n; i++) {
        assert_int_equal(td_outcome_feasible(&order[i]), i < 3);
        for (int j = 0; j < n; j++) {
            int sign = (i > j) - (i < j), found = td_outcome_compare(&order[i], &order[j]);
            assert_int_equal((found > 0) - (found < 0), sign);
            /* The number that ppo takes has the same order, all that is feasible being 0. */
            double gap = td__outcome_shortfall(&order[i]) - td__outcome_shortfall(&order[j]);
            assert_int_equal((gap > 0) - (gap < 0), i < 3 && j < 3 ? 0 : sign);
        }
    }
    td_outcome lost = {.state = TD_TRIAL_DONE, .nobj = 1, .obj = {NAN}};
    assert_int_equal(td_outcome_compare(&lost, &order[n - 1]), 0);
    /* Stopped at the same place: the better there. Of several objectives none is before the other,
     * so that the order stays one. */
    td_outcome a = order[3], b = order[3];
    a.obj[0] = 2;
    assert_true(td_outcome_compare(&a, &b) < 0 && td_outcome_compare(&b, &a) > 0);
    a.nobj = b.nobj = 2;
    assert_int_equal(td_outcome_compare(&a, &b), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_evolution_options),
        cmocka_unit_test(test_evolution_child),
        cmocka_unit_test(test_evolution_as_before),
        cmocka_unit_test(test_evolution_tournament),
        cmocka_unit_test(test_evolution_equals),
        cmocka_unit_test(test_evolution_solves_beside_others),
        cmocka_unit_test(test_evolution_solves),
        cmocka_unit_test(test_beats_random),
        cmocka_unit_test(test_outcome_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

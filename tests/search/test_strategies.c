/* The conformance suite of strategies: every check runs for every entry of td_strategy_list(), so
 * that a new strategy has to pass it by being in the list. */
#include "common.h"

#include "codesign.h"

enum { MOST = 400 };

/* ---- small spaces ---------------------------------------------------------------------------- */

static const double two[] = {1, 2}, three[] = {1, 2, 3};

/* 2 + 2 * 3 * 2 = 14 points: all that hangs on the first choice is nested two deep. */
static const td_decision tree_decisions[] = {
    {.name = "kind", .kind = TD_CATEGORICAL, .n = 3, .parent = -1, .value = three},
    {.name = "size", .kind = TD_ORDERED, .n = 3, .parent = 0, .when = 6, .value = three},
    {.name = "fine", .kind = TD_ORDERED, .n = 2, .parent = 1, .when = 7, .value = two},
    {.name = "flag", .kind = TD_CATEGORICAL, .n = 2, .parent = 0, .when = 1, .value = two}};
static const td_space tree = {.name = "tree", .d = tree_decisions, .n = 4};

static const td_decision one_decision[] = {
    {.name = "x", .kind = TD_ORDERED, .n = 2, .parent = -1, .value = two}};
static const td_space tiny = {.name = "tiny", .d = one_decision, .n = 1};
static const td_space empty = {.name = "empty"};

static const td_decision mixed_decisions[] = {
    {.name = "rate", .kind = TD_REAL_RANGE, .parent = -1, .lo = 1e-4, .hi = 1, .log = true},
    {.name = "units", .kind = TD_INTEGER, .parent = -1, .lo = -3, .hi = 12},
    {.name = "momentum", .kind = TD_REAL_RANGE, .parent = 1, .when = 0xfff0, .lo = 0, .hi = .9}};
static const td_space mixed = {.name = "mixed", .d = mixed_decisions, .n = 3};

static const td_space *const spaces[] = {&tree, &tiny, &empty, &mixed, NULL /* codesign */};
enum { N_SPACES = 5 };

static const td_space *space_at(int i) {
    return spaces[i] != NULL ? spaces[i] : codesign_space();
}

/* ---- running --------------------------------------------------------------------------------- */

typedef td_outcome evaluate(const td_choices *c);

static td_outcome tight(const td_choices *c) {
    return codesign_evaluate(c, 1);
}

/* Any space: a sum with its optimum at the first choices, from which every third vector is barred.
 */
static td_outcome plain(const td_choices *c) {
    td_outcome o = {.state = TD_TRIAL_DONE, .nobj = 1, .fidelity = 1};
    for (int i = 0; i < c->n; i++) o.obj[0] += isnan(c->v[i]) ? 0 : c->v[i];
    if (td_choices_hash(c) % 3 == 0) o = (td_outcome){.state = TD_TRIAL_INFEASIBLE};
    return o;
}

static td_outcome never(const td_choices *c) {
    td_outcome o = {.state = TD_TRIAL_INFEASIBLE};
    if (td_choices_hash(c) % 2 == 0) {
        o.ncon = 1;
        o.con[0] = 1 + (double)(td_choices_hash(c) % 100);
    }
    return o;
}

static td_outcome broken(const td_choices *c) {
    static const td_state states[] = {TD_TRIAL_FAILED, TD_TRIAL_PRUNED, TD_TRIAL_DONE};
    td_outcome o = {.state = states[td_choices_hash(c) % 3], .nobj = 1, .obj = {NAN}};
    return o;
}

typedef struct {
    double v[MOST][CODESIGN_DECISIONS];
    td_outcome outcome[MOST];
    int n;
} history;

/* What a study does with a lag: before trial n is asked the trials below n - lag are told. Whatever
 * a strategy asks has to be canonical. */
static void run(const td_strategy *s, const td_space *space, uint64_t seed, int lag, int n,
                evaluate *f, history *h) {
    td_error err = {0};
    void *state;
    h->n = n;
    td_status st = s->init(&state, space, seed, NULL, &err);
    if (s->ends && st == TD_E_USAGE) { /* not to be walked: reals */
        td_choices none = {space->n, h->v[0]};
        assert_false(td_space_first(space, &none));
        h->n = 0;
        return;
    }
    assert_ok(st, &err);
    int told = 0;
    for (int i = 0; i < n; i++) {
        for (; told < i - lag; told++)
            s->tell(state, told, &(td_choices){space->n, h->v[told]}, &h->outcome[told]);
        td_choices c = {space->n, h->v[i]};
        double fidelity = 1;
        st = s->ask(state, i, &c, &fidelity);
        if (s->ends && st == TD_E_DONE) {
            h->n = i;
            break;
        }
        assert_int_equal(st, TD_OK);
        assert_int_equal(c.n, space->n);
        assert_true(fidelity > 0 && fidelity <= 1);
        double copy[CODESIGN_DECISIONS];
        td_choices canonical = {space->n, copy};
        memcpy(copy, h->v[i], sizeof copy);
        assert_ok(td_space_canonical(space, &canonical, &err), &err);
        assert_int_equal(td_choices_hash(&canonical), td_choices_hash(&c));
        h->outcome[i] = f(&c);
    }
    s->destroy(state);
}

static bool same_vectors(const history *a, const history *b, int n, int decisions) {
    for (int i = 0; i < n; i++)
        if (td_choices_hash(&(td_choices){decisions, (double *)a->v[i]}) !=
            td_choices_hash(&(td_choices){decisions, (double *)b->v[i]}))
            return false;
    return true;
}

static history first, second;

#define FOR_EACH_STRATEGY(s)                                                                       \
    int n_##s;                                                                                     \
    const td_strategy *const *all_##s = td_strategy_list(&n_##s);                                  \
    const td_strategy *s;                                                                          \
    for (int i_##s = 0; i_##s < n_##s && (s = all_##s[i_##s], true); i_##s++)

/* ---- the suite ------------------------------------------------------------------------------- */

static void test_names(void **unused) {
    (void)unused;
    FOR_EACH_STRATEGY(s) {
        assert_true(s->name[0] != '\0' && s->about[0] != '\0');
        assert_ptr_equal(td_strategy_find(s->name), s);
        s->destroy(NULL);
    }
    assert_null(td_strategy_find("no such strategy"));
    assert_non_null(td_strategy_find("random"));
    assert_non_null(td_strategy_find("evolution"));
}

/* The same calls give the same vectors; another seed gives others. */
static void test_deterministic(void **unused) {
    (void)unused;
    FOR_EACH_STRATEGY(s) {
        for (int lag = 0; lag <= 7; lag += 7) {
            run(s, codesign_space(), 5, lag, 200, tight, &first);
            run(s, codesign_space(), 5, lag, 200, tight, &second);
            assert_true(same_vectors(&first, &second, 200, CODESIGN_DECISIONS));
            run(s, codesign_space(), 6, lag, 200, tight, &second);
            assert_int_equal(same_vectors(&first, &second, 1, CODESIGN_DECISIONS), s->ends);
        }
    }
}

/* A vector as a store keeps it: written as JSON and read again. */
static void through_store(const td_space *space, double *v) {
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_text json = {0};
    const td_node *doc;
    td_choices c = {space->n, v};
    td_node_to_json(td_choices_to_node(space, &c, a), 0, &json);
    assert_ok(td_json_parse(a, json.data, json.size, "store", 1, &doc, &err), &err);
    assert_ok(td_choices_from_node(space, doc, &c, &err), &err);
    td_text_free(&json);
    td_arena_destroy(a);
}

/* A study that stopped is replayed from its store and goes on as the uninterrupted one. */
static void test_resume(void **unused) {
    (void)unused;
    const int lag = 3, most = 150;
    FOR_EACH_STRATEGY(s)
    for (int k = 0; k < N_SPACES; k++) {
        const td_space *space = space_at(k);
        run(s, space, 9, lag, most, plain, &first);
        second = first;
        int n = first.n, stop = n / 2;
        if (n == 0) continue;
        for (int i = 0; i < stop; i++) through_store(space, second.v[i]);
        td_error err = {0};
        void *state;
        assert_ok(s->init(&state, space, 9, NULL, &err), &err);
        int told = 0;
        for (int i = 0; i < n; i++) {
            for (; told < i - lag; told++)
                s->tell(state, told, &(td_choices){space->n, second.v[told]},
                        &second.outcome[told]);
            double v[CODESIGN_DECISIONS], fidelity;
            td_choices c = {space->n, v};
            assert_int_equal(s->ask(state, i, &c, &fidelity), TD_OK);
            assert_int_equal(td_choices_hash(&c),
                             td_choices_hash(&(td_choices){space->n, first.v[i]}));
        }
        s->destroy(state);
    }
}

/* All kinds of decisions, conditions, no decision at all; outcomes of every state; any lag. */
static void test_robust(void **unused) {
    (void)unused;
    static evaluate *const outcomes[] = {plain, never, broken};
    static const int lags[] = {0, 1, 31, MOST};
    FOR_EACH_STRATEGY(s)
    for (int i = 0; i < N_SPACES; i++)
        for (int f = 0; f < 3; f++)
            for (int l = 0; l < 4; l++) run(s, space_at(i), 3, lags[l], 120, outcomes[f], &first);
}

static int distinct(const history *h, int decisions) {
    int n = 0;
    for (int i = 0; i < h->n; i++) {
        bool seen = false;
        uint64_t x = td_choices_hash(&(td_choices){decisions, (double *)h->v[i]});
        for (int j = 0; j < i && !seen; j++)
            seen = x == td_choices_hash(&(td_choices){decisions, (double *)h->v[j]});
        n += !seen;
    }
    return n;
}

/* No vector twice in a large space, and a small one is seen whole before anything is repeated much.
 */
static void test_duplicates(void **unused) {
    (void)unused;
    td_text size = {0};
    assert_ok(td_space_size(&tree, &size, NULL), &(td_error){0});
    assert_string_equal(size.data, "14");
    td_text_free(&size);
    FOR_EACH_STRATEGY(s) {
        run(s, codesign_space(), 1, 4, 300, plain, &first);
        assert_int_equal(distinct(&first, CODESIGN_DECISIONS), 300);
        run(s, &tree, 1, 0, 14, plain, &first);
        assert_in_range(distinct(&first, tree.n), 12, 14);
        run(s, &tree, 1, 2, 60, plain, &first);
        assert_int_equal(distinct(&first, tree.n), 14);
        run(s, &tiny, 1, 0, 8, plain, &first);
        assert_int_equal(distinct(&first, tiny.n), 2);
    }
}

/* The walk is that of td_space_next, to its end; what was given up for another vector comes back,
 * so that none is left out. */
static void test_exhaustive(void **unused) {
    (void)unused;
    const td_strategy *s = td_strategy_find("exhaustive");
    run(s, &tree, 1, 0, 60, plain, &first);
    assert_int_equal(first.n, 14);
    double v[CODESIGN_DECISIONS], other[CODESIGN_DECISIONS];
    td_choices c = {tree.n, v};
    assert_true(td_space_first(&tree, &c));
    for (int i = 0; i < 14; i++) {
        assert_int_equal(td_choices_hash(&c), td_choices_hash(&(td_choices){tree.n, first.v[i]}));
        assert_int_equal(td_space_next(&tree, &c), i < 13);
    }
    td_error err = {0};
    void *state;
    assert_ok(s->init(&state, &tree, 1, NULL, &err), &err);
    static history h;
    h.n = 0;
    td_choices known = {tree.n, other};
    memcpy(other, first.v[9], sizeof other);
    td_outcome o = {.state = TD_TRIAL_DONE, .nobj = 1};
    for (;; h.n++) {
        td_choices asked = {tree.n, h.v[h.n]};
        double fidelity;
        td_status st = s->ask(state, h.n, &asked, &fidelity);
        if (st == TD_E_DONE) break;
        assert_int_equal(st, TD_OK);
        /* 2, 3 and 5 were given to a design of the user's */
        bool given = h.n == 2 || h.n == 3 || h.n == 5;
        s->tell(state, h.n, given ? &known : &asked, &o);
    }
    s->destroy(state);
    assert_int_equal(h.n, 17);
    assert_int_equal(distinct(&h, tree.n), 14);
}

/* Trials told in another order than they were asked in, as several workers do. */
static void test_any_order(void **unused) {
    (void)unused;
    const td_space *space = codesign_space();
    FOR_EACH_STRATEGY(s) {
        td_error err = {0};
        void *state;
        assert_ok(s->init(&state, space, 2, NULL, &err), &err);
        td_rng r = td_rng_make(4, 0, TD_RNG_TEST);
        int pending[8], n = 0;
        for (int i = 0; i < 200; i++) {
            td_choices c = {space->n, first.v[i]};
            double fidelity;
            assert_int_equal(s->ask(state, i, &c, &fidelity), TD_OK);
            first.outcome[i] = tight(&c);
            pending[n++] = i;
            while (n == 8 || (n > 0 && td_rng_below(&r, 2) == 0)) {
                int k = (int)td_rng_below(&r, (uint64_t)n), t = pending[k];
                pending[k] = pending[--n];
                s->tell(state, t, &(td_choices){space->n, first.v[t]}, &first.outcome[t]);
            }
        }
        s->destroy(state);
    }
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

static void test_unknown_option(void **unused) {
    (void)unused;
    FOR_EACH_STRATEGY(s) {
        td_error err = {0};
        assert_int_equal(init_with(s, "a_strange_option: 3\n", &err), TD_E_INPUT);
        assert_non_null(strstr(err.message, "recipe.yaml:1"));
        assert_non_null(strstr(err.message, "a_strange_option"));
    }
}

/* ---- evolution ------------------------------------------------------------------------------- */

static void test_evolution_options(void **unused) {
    (void)unused;
    static const char *const wrong[] = {"population: 0",  "population: many", "sample: 0",
                                        "sample: 25",     "mutations: .5",    "crossover: 1.1",
                                        "crossover: -.1", "population: 2.5",  "mutation: 1"};
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
    for (int i = 0; i < 100; i++) {
        td_choices c = {space->n, first.v[i]};
        double fidelity;
        assert_int_equal(s->ask(state, i, &c, &fidelity), TD_OK);
        int changed = 0;
        for (int k = 0; k < space->n && i > 0; k++) {
            double old = first.v[i - 1][k], new = first.v[i][k];
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

enum { SEEDS = 21 };

/* Median over the seeds of the best feasible accuracy (-1: none was found) and of the first
 * feasible trial's number. */
static void measure(const char *name, int trials, double *accuracy, double *when) {
    double best[SEEDS], found[SEEDS];
    for (int seed = 0; seed < SEEDS; seed++) {
        run(td_strategy_find(name), codesign_space(), 100 + (uint64_t)seed, 2, trials, tight,
            &first);
        best[seed] = -1;
        found[seed] = trials;
        for (int i = trials - 1; i >= 0; i--) {
            if (!td_outcome_feasible(&first.outcome[i])) continue;
            best[seed] = fmax(best[seed], -first.outcome[i].obj[0]);
            found[seed] = i;
        }
    }
    qsort(best, SEEDS, sizeof best[0], compare_reals);
    qsort(found, SEEDS, sizeof found[0], compare_reals);
    *accuracy = best[SEEDS / 2];
    *when = found[SEEDS / 2];
    printf("    %-10s %d trials, %d seeds: best accuracy %.4f, first feasible trial %g (medians)\n",
           name, trials, SEEDS, *accuracy, *when);
}

/* Targets that one random point in some 400 meets. */
static void test_evolution_beats_random(void **unused) {
    (void)unused;
    double random_best, random_found, best, found;
    measure("random", MOST, &random_best, &random_found);
    measure("evolution", MOST, &best, &found);
    assert_true(best > random_best + .02);
    assert_true(found < random_found / 2);
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
        }
    }
    td_outcome lost = {.state = TD_TRIAL_DONE, .nobj = 1, .obj = {NAN}};
    assert_int_equal(td_outcome_compare(&lost, &order[n - 1]), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_deterministic),
        cmocka_unit_test(test_resume),
        cmocka_unit_test(test_robust),
        cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_exhaustive),
        cmocka_unit_test(test_any_order),
        cmocka_unit_test(test_unknown_option),
        cmocka_unit_test(test_evolution_options),
        cmocka_unit_test(test_evolution_child),
        cmocka_unit_test(test_evolution_beats_random),
        cmocka_unit_test(test_evolution_solves),
        cmocka_unit_test(test_outcome_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

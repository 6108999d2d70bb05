/* Importance of decisions for trials: which ones are looked at, which are good, how choices are
 * read. */
#include "common.h"

#include "tandem/study.h"

enum { N = 80 };
static td_trial_row trial[N];
static char params[N][96];

/* Choices: "x" and, in the second half of its range, "deep"; words that tell nothing. */
static void set(int i, td_state state, double x, double reward, double violation) {
    static const char *const words[] = {"left", "right", "true"};
    if (x >= 0.5)
        snprintf(params[i], sizeof params[i], "{\"x\": %g, \"deep\": %d, \"word\": %s%s%s}", x,
                 i % 4, i % 3 == 2 ? "" : "\"", words[i % 3], i % 3 == 2 ? "" : "\"");
    else
        snprintf(params[i], sizeof params[i], "{\"x\": %g, \"word\": \"%s\"}", x, words[i % 2]);
    trial[i] = (td_trial_row){.number = i,
                              .state = state,
                              .params = params[i],
                              .metric = {1 + x, NAN, 2 - x, NAN},
                              .accuracy = i % 2 == 0 ? x : (double)NAN,
                              .reward = reward,
                              .violation = violation,
                              .feasible = state == TD_TRIAL_DONE && violation == 0};
}

/* Ten meet the targets, those with a large x; the others miss them, cannot be built, run, or were
 * asked for their costs. */
static void fill(void) {
    for (int i = 0; i < N; i++) {
        double x = (i * 37 % N) / (double)N;
        if (i >= 70)
            set(i, TD_TRIAL_DONE, 0.8 + (i - 70) / 100.0, 0.5, 0);
        else if (i >= 67)
            set(i, TD_TRIAL_RUNNING, x, NAN, NAN);
        else if (i >= 64)
            set(i, TD_TRIAL_PRUNED, x, NAN, 0);
        else if (i >= 60)
            set(i, TD_TRIAL_FAILED, x, NAN, NAN);
        else
            set(i, TD_TRIAL_INFEASIBLE, x, NAN, 1 - x / 2);
    }
    for (int i = 0; i < 5; i++) trial[i].metric[TD_METRIC_LATENCY] = NAN; /* cannot be built */
}

static td_trials_importance look(unsigned objectives, int objective, double quantile, td_arena *a) {
    td_trials_importance out;
    td_error err = {0};
    assert_ok(td_trials_importance_of(trial, N, objectives, objective, quantile, a, &out, &err),
              &err);
    return out;
}

static const td_importance *find(const td_trials_importance *t, const char *name) {
    for (int i = 0; i < t->n; i++)
        if (strcmp(t->decision[i].name, name) == 0) return &t->decision[i].of;
    fail_msg("no decision %s", name);
    return NULL;
}

static void by_the_order(void **unused) {
    (void)unused;
    td_arena *a = td_arena_create();
    fill();
    /* Equal rewards are good together: ten of the 74 that have an outcome. */
    td_trials_importance t = look(0, -1, 0.05, a);
    assert_int_equal(t.n, 3);
    assert_int_equal(t.trials, 74);
    assert_int_equal(t.good, 10);
    assert_string_equal(t.decision[0].name, "x");
    assert_true(t.decision[0].of.share > 0.8);
    assert_int_equal(find(&t, "x")->rows, 74);
    assert_true(find(&t, "deep")->rows < 50);
    assert_int_equal(find(&t, "deep")->good, 10);
    assert_int_equal(find(&t, "word")->rows, 74);
    /* Of the best 20 %, five are next by how little they miss the targets. */
    t = look(0, -1, 0.2, a);
    assert_int_equal(t.good, 15);
    /* Rewards decide among those that meet the targets. */
    for (int i = 70; i < N; i++) trial[i].reward = i;
    t = look(0, -1, 0.05, a);
    assert_int_equal(t.good, 4);
    td_arena_destroy(a);
}

/* latency = 1 + x and area = 2 - x: all that meet the targets are on one front, unless half of them
 * have a larger area: of those only that of the least latency, 70, is not behind another. */
static void by_front(void **unused) {
    (void)unused;
    td_arena *a = td_arena_create();
    unsigned both = TD_OBJECTIVE(TD_METRIC_LATENCY) | TD_OBJECTIVE(TD_METRIC_AREA);
    fill();
    for (int i = 70; i < 75; i++) trial[i].metric[TD_METRIC_AREA] = 9;
    td_trials_importance t = look(both, -1, 6.0 / 74, a);
    assert_int_equal(t.good, 6);
    assert_int_equal(t.trials, 74);
    /* What cannot be told apart is good together: those that cannot be built are the last but for
     * the failed ones. */
    t = look(both, -1, 66.0 / 74, a);
    assert_int_equal(t.good, 70);
    td_arena_destroy(a);
}

static void by_one_objective(void **unused) {
    (void)unused;
    td_arena *a = td_arena_create();
    fill();
    td_trials_importance t = look(0, TD_METRIC_LATENCY, 0.2, a);
    assert_int_equal(t.trials, 75); /* all but those that could not be built */
    assert_int_equal(t.good, 15);
    assert_string_equal(t.decision[0].name, "x");
    assert_int_equal(find(&t, "deep")->good, 0); /* small x: it is not active */
    t = look(0, TD_OBJECTIVE_ACCURACY, 0.2, a);
    assert_int_equal(t.trials, 40);
    assert_int_equal(find(&t, "deep")->good, 8);
    t = look(0, TD_METRIC_ENERGY, 0.2, a);
    assert_int_equal(t.trials, 0);
    assert_true(t.decision[0].of.share == 0);
    td_arena_destroy(a);
}

static void faults(void **unused) {
    (void)unused;
    td_arena *a = td_arena_create();
    td_trials_importance t;
    td_error err = {0};
    fill();
    assert_int_equal(td_trials_importance_of(trial, N, 0, -1, 1, a, &t, &err), TD_E_USAGE);
    trial[7].params = "{\"x\": ";
    assert_int_equal(td_trials_importance_of(trial, N, 0, -1, 0.1, a, &t, &err), TD_E_STORE);
    assert_non_null(strstr(err.message, "choices of trial 7"));
    trial[7].params = "{\"x\": [1]}";
    assert_int_equal(td_trials_importance_of(trial, N, 0, -1, 0.1, a, &t, &err), TD_E_STORE);
    assert_ok(td_trials_importance_of(trial, 0, 0, -1, 0.1, a, &t, &err), &err);
    assert_true(t.n == 0 && t.trials == 0);
    td_arena_destroy(a);
}

/* Of a problem outcomes count, as they were told: every fourth misses a constraint, every fourth
 * was stopped early, and both come behind the others, whatever their values. */
static void of_a_problem(void **unused) {
    (void)unused;
    td_arena *a = td_arena_create();
    enum { GOOD = N / 10 };
    /* By hand: of those that are done and miss nothing the least x, as a metric of designs. */
    int taken = 0;
    for (int k = 0; k < N; k++) /* x = k / N is that of trial i */
        for (int i = 0; i < N; i++) {
            if (i * 37 % N != k) continue;
            set(i, TD_TRIAL_DONE, k / (double)N, 0, 0);
            trial[i].metric[TD_METRIC_LATENCY] = i % 4 < 2 && taken++ < GOOD ? 0 : 1;
        }
    td_trials_importance by_hand = look(0, TD_METRIC_LATENCY, 0.1, a);
    assert_int_equal(by_hand.good, GOOD);
    for (int i = 0; i < N; i++) {
        double x = (i * 37 % N) / (double)N;
        td_state state = i % 4 == 3 ? TD_TRIAL_PRUNED : TD_TRIAL_DONE;
        set(i, state, x, NAN, NAN);
        for (int m = 0; m < TD_NMETRIC; m++) trial[i].metric[m] = NAN;
        td_outcome *o = &trial[i].outcome;
        *o = (td_outcome){.state = state, .nobj = 1, .obj = {x}, .fidelity = 1};
        if (i % 4 >= 2) o->obj[0] = -x;
        if (i % 4 == 2) o->con[o->ncon++] = 1;
        if (i % 4 == 3) trial[i].steps = 1 + i % 3;
    }
    td_trials_importance t = look(0, -1, 0.1, a);
    assert_true(t.trials == N && t.good == GOOD && t.n == by_hand.n);
    for (int j = 0; j < t.n; j++) {
        const td_importance *of = find(&by_hand, t.decision[j].name);
        assert_true(t.decision[j].of.good == of->good && t.decision[j].of.share == of->share);
        assert_true(t.decision[j].of.explained == of->explained);
    }
    /* One objective alone: of what is done, also what misses the constraint. */
    assert_int_equal(look(0, 0, 0.1, a).trials, 3 * N / 4);
    assert_int_equal(look(0, 1, 0.1, a).trials, 0);
    /* Two that pull: what is done and misses nothing is all of one front, and told apart by how
     * alone it is there. */
    for (int i = 0; i < N; i++) {
        trial[i].outcome.nobj = 2;
        trial[i].outcome.obj[0] = i * i;
        trial[i].outcome.obj[1] = -i;
    }
    assert_int_equal(look(0, -1, 0.1, a).good, GOOD);
    td_arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_the_order), cmocka_unit_test(by_front),
                                       cmocka_unit_test(by_one_objective),
                                       cmocka_unit_test(of_a_problem), cmocka_unit_test(faults)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

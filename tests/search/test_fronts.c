/* Outcomes with several objectives: duels, ranks of sets, and what strategies make of them. */
#include "codesign.h"
#include "common.h"
#include "tandem/model.h"

static void duels(void **state) {
    (void)state;
    td_outcome a = {.state = TD_TRIAL_DONE, .nobj = 2, .obj = {1, 5}}, b = a, far = a;
    b.obj[1] = 6;
    far = (td_outcome){.state = TD_TRIAL_DONE, .nobj = 2, .obj = {0, 7}};
    assert_true(td_outcome_compare(&a, &b) < 0 && td_outcome_compare(&b, &a) > 0);
    assert_int_equal(td_outcome_compare(&a, &far), 0);
    assert_int_equal(td_outcome_compare(&b, &far), 0);
    assert_int_equal(td_outcome_compare(&a, &a), 0);
    /* constraints come first, as ever */
    b.obj[0] = b.obj[1] = -100;
    b.ncon = 1;
    b.con[0] = 0.1;
    assert_true(td_outcome_compare(&a, &b) < 0);
    /* an objective that is not known is none */
    far.obj[1] = NAN;
    assert_true(td_outcome_compare(&b, &far) < 0);
}

static td_outcome random_outcome(td_rng *r, int nobj) {
    td_outcome o = {.state = TD_TRIAL_DONE, .nobj = nobj};
    for (int k = 0; k < nobj; k++) o.obj[k] = (double)td_rng_below(r, 5);
    switch (td_rng_below(r, 8)) {
    case 0: o = (td_outcome){.state = TD_TRIAL_INFEASIBLE}; break;
    case 1: o = (td_outcome){.state = TD_TRIAL_FAILED}; break;
    case 2:
        o.ncon = 1;
        o.con[0] = (double)td_rng_below(r, 3);
        break;
    case 3: o.obj[nobj - 1] = NAN; break;
    default: break;
    }
    return o;
}

/* Places are a permutation that no duel contradicts, also of one objective; the front's places come
 * before those of the points that it dominates. */
static void ranks_agree_with_duels(void **state) {
    (void)state;
    for (uint64_t round = 0; round < 300; round++) {
        enum { N = 30 };
        td_rng r = td_rng_make(3, round, TD_RNG_TEST);
        int nobj = 1 + (int)td_rng_below(&r, 4), n = (int)td_rng_below(&r, N), place[N];
        td_outcome o[N];
        const td_outcome *p[N];
        bool taken[N] = {false};
        for (int i = 0; i < n; i++) {
            o[i] = random_outcome(&r, nobj);
            p[i] = &o[i];
        }
        assert_int_equal(td_outcomes_rank(p, n, place), TD_OK);
        for (int i = 0; i < n; i++) {
            assert_in_range(place[i], 0, n - 1);
            assert_false(taken[place[i]]);
            taken[place[i]] = true;
            for (int k = 0; k < n; k++)
                if (td_outcome_compare(&o[i], &o[k]) < 0) assert_true(place[i] < place[k]);
        }
    }
}

/* Accuracy against latency and area, both relative to five times their targets, which bound them.
 */
static td_outcome three_objectives(const td_choices *c) {
    td_outcome o = codesign_evaluate(c, 5);
    if (o.state != TD_TRIAL_DONE) return o;
    assert_int_equal(o.ncon, 2);
    o.nobj = 3;
    for (int k = 0; k < 2; k++) o.obj[1 + k] = 1 + o.con[k];
    return o;
}

/* Dominated part of the box from (-1, 0, 0) to (0, 1, 1). */
static double search(const char *name, uint64_t seed, int trials) {
    enum { MOST = 600, LAG = 3 };
    static double v[MOST][CODESIGN_DECISIONS], point[MOST][3];
    static td_outcome o[MOST];
    const td_strategy *s = td_strategy_find(name);
    const td_space *space = codesign_space();
    void *state;
    td_error err = {0};
    int found = 0;
    assert_true(s->fronts && trials <= MOST);
    assert_ok(s->init(&state, space, seed, NULL, &err), &err);
    for (int i = 0; i < trials; i++) {
        double fidelity = 1;
        td_choices c = {space->n, v[i]};
        if (i > LAG)
            s->tell(state, i - LAG - 1, &(td_choices){space->n, v[i - LAG - 1]}, &o[i - LAG - 1]);
        assert_int_equal(s->ask(state, i, &c, &fidelity), TD_OK);
        o[i] = three_objectives(&c);
        if (td_outcome_feasible(&o[i])) memcpy(point[found++], o[i].obj, sizeof point[0]);
    }
    s->destroy(state);
    double volume;
    assert_ok(td_hypervolume(point[0], found, 3, (double[]){0, 1, 1}, &volume, &err), &err);
    return volume;
}

static int compare_reals(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void strategies_find_better_fronts(void **state) {
    (void)state;
    enum { SEEDS = 11, TRIALS = 600 };
    static const char *const names[] = {"evolution", "nsga2"};
    double random[SEEDS], found[SEEDS];
    for (int i = 0; i < SEEDS; i++) random[i] = search("random", 50 + (uint64_t)i, TRIALS);
    qsort(random, SEEDS, sizeof random[0], compare_reals);
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < SEEDS; i++) found[i] = search(names[k], 50 + (uint64_t)i, TRIALS);
        assert_true(search(names[k], 50, TRIALS) == found[0]); /* and the same ones again */
        qsort(found, SEEDS, sizeof found[0], compare_reals);
        printf("    %d trials, %d seeds: hypervolume %.4f random, %.4f %s (medians)\n", TRIALS,
               SEEDS, random[SEEDS / 2], found[SEEDS / 2], names[k]);
        td_rank_sum t;
        td_error err = {0};
        assert_ok(td_rank_sum_test(found, SEEDS, random, SEEDS, &t, &err), &err);
        assert_true(t.p_greater < 1e-4); /* 1.4e-6: all of one are above all of the other */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(duels),
        cmocka_unit_test(ranks_agree_with_duels),
        cmocka_unit_test(strategies_find_better_fronts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

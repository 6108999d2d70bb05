/* Rules of early stopping, each against a plain restatement on random curves. */
#include "common.h"
#include "tandem/search.h"

enum { STEPS = 27, MOST = 40 };

/* ---- random curves --------------------------------------------------------------------------- */

typedef struct {
    td_curve_point at[MOST][STEPS];
    td_curve curve[MOST]; /* the last is the own one */
    int n;                /* others */
} problem;

/* Curves of `nobj` objectives with ties, noise and violated constraints, each up to a random step
 * (the own one up to `step`), with values at the steps that the rule looks at. */
static void make(problem *p, const td_stopper *rule, const void *self, int nobj, int64_t step,
                 td_rng *r) {
    p->n = (int)td_rng_below(r, MOST);
    int64_t number = (int64_t)td_rng_below(r, 5);
    for (int i = 0; i <= p->n; i++) {
        int64_t end = i == p->n ? step : 1 + (int64_t)td_rng_below(r, STEPS);
        double level = (double)td_rng_below(r, 4);
        bool violates = td_rng_below(r, 6) == 0;
        td_curve *c = &p->curve[i];
        *c = (td_curve){.number = number, .at = p->at[i]};
        number += 1 + (int64_t)td_rng_below(r, 3);
        for (int64_t s = 1; s <= end; s++) {
            td_curve_point at = {.step = s, .value = {.state = TD_TRIAL_DONE, .nobj = nobj}};
            for (int k = 0; k < nobj; k++)
                at.value.obj[k] = level + (double)td_rng_below(r, 4) - 0.1 * (double)s;
            at.value.ncon = 1;
            at.value.con[0] = violates ? 0.5 * level + 0.1 : -1;
            if (rule->looks(self, s)) p->at[i][c->n++] = at;
        }
    }
}

/* The own curve as one of n + 1: how many of the others are before it. Plain restatement: those
 * that miss no constraint before those that do, these by how much; then by the objective, or by
 * how many fronts have to be taken off before one is not dominated any more. */
static bool dominates(const td_outcome *a, const td_outcome *b) {
    bool less = false;
    for (int k = 0; k < a->nobj; k++) {
        if (a->obj[k] > b->obj[k]) return false;
        less = less || a->obj[k] < b->obj[k];
    }
    return less;
}

static double miss(const td_outcome *o) {
    return o->con[0] > 0 ? o->con[0] : 0;
}

static int before(const td_outcome *own, const td_outcome *other, int n) {
    int count = 0;
    for (int i = 0; i < n; i++) {
        double a = miss(&other[i]), b = miss(own);
        count += a < b || (a == b && a == 0 && other[i].obj[0] < own->obj[0]);
    }
    return count;
}

/* Front of `own` among those that miss nothing, 0 the first; *earlier: how many are in fronts
 * before its own, *same: in its front besides it. */
static void front_of(const td_outcome *own, const td_outcome *other, int n, int *earlier,
                     int *same) {
    bool gone[MOST] = {false};
    *earlier = 0;
    for (;;) {
        bool mine = true, now[MOST] = {false};
        for (int i = 0; i < n; i++) {
            if (gone[i] || miss(&other[i]) > 0) continue;
            mine = mine && !dominates(&other[i], own);
            now[i] = !dominates(own, &other[i]);
            for (int j = 0; j < n && now[i]; j++)
                now[i] = gone[j] || miss(&other[j]) > 0 || !dominates(&other[j], &other[i]);
        }
        int count = 0;
        for (int i = 0; i < n; i++) count += now[i];
        *same = count;
        if (mine) return;
        for (int i = 0; i < n; i++) gone[i] = gone[i] || now[i];
        *earlier += count;
    }
}

/* ---- successive halving ---------------------------------------------------------------------- */

static void *create(const td_stopper *rule, int64_t steps, const char *options, td_arena *a) {
    td_error err = {0};
    const td_node *params = NULL;
    void *self;
    if (options != NULL)
        assert_ok(td_yaml_parse(a, options, strlen(options), "r.yaml", &params, &err), &err);
    assert_ok(rule->create(&self, steps, params, &err), &err);
    return self;
}

static td_verdict judge(const td_stopper *rule, const void *self, const problem *p) {
    td_text why = {0};
    td_verdict v;
    assert_int_equal(rule->judge(self, &p->curve[p->n], p->curve, p->n, &v, &why), TD_OK);
    assert_int_equal(v == TD_PRUNE, why.size > 0);
    td_text_free(&why);
    return v;
}

static void asha_is_the_first_third(void **unused) {
    (void)unused;
    const td_stopper *asha = td_stopper_find("asha");
    td_arena *a = td_arena_create();
    void *self = create(asha, STEPS, NULL, a);
    td_rng r = td_rng_make(1, 0, TD_RNG_TEST);
    int pruned = 0, kept = 0;
    static problem p;
    for (int64_t s = 1; s <= STEPS; s++)
        assert_int_equal(asha->looks(self, s), s == 1 || s == 3 || s == 9);
    for (int round = 0; round < 4000; round++) {
        int64_t step = round % 3 == 0 ? 1 : round % 3 == 1 ? 3 : 9;
        make(&p, asha, self, 1, step, &r);
        td_outcome there[MOST];
        int n = 0;
        for (int i = 0; i < p.n; i++)
            for (int k = 0; k < p.curve[i].n; k++)
                if (p.at[i][k].step == step) there[n++] = p.at[i][k].value;
        const td_outcome *own = &p.at[p.n][p.curve[p.n].n - 1].value;
        /* In the first third of all n + 1, or fewer than three. */
        bool on = n + 1 < 3 || 3 * (before(own, there, n) + 1) <= n + 1;
        assert_int_equal(judge(asha, self, &p), on ? TD_GO_ON : TD_PRUNE);
        pruned += !on;
        kept += on && n + 1 >= 3;
    }
    assert_true(pruned > 1000 && kept > 500);
    asha->destroy(self);
    self = create(asha, 12, "{min: 2, eta: 2, max: 9}", a);
    for (int64_t s = 1; s <= 12; s++)
        assert_int_equal(asha->looks(self, s), s == 2 || s == 4 || s == 8);
    asha->destroy(self);
    self = create(asha, 0, "{min: 5}", a); /* of no known end */
    assert_true(asha->looks(self, 5) && asha->looks(self, 5 * 81) && !asha->looks(self, 6));
    asha->destroy(self);
    td_arena_destroy(a);
}

/* Of two objectives: who is in the first third whatever the order within its front goes on, and
 * who is not, whatever it is, is stopped; what misses a constraint is behind all that do not. */
static void asha_with_several_objectives(void **unused) {
    (void)unused;
    const td_stopper *asha = td_stopper_find("asha");
    void *self = create(asha, STEPS, NULL, NULL);
    td_rng r = td_rng_make(2, 0, TD_RNG_TEST);
    int sure_on = 0, sure_off = 0;
    static problem p;
    for (int round = 0; round < 3000; round++) {
        make(&p, asha, self, 2, 3, &r);
        td_outcome there[MOST];
        int n = 0, met = 0, earlier, same;
        for (int i = 0; i < p.n; i++)
            for (int k = 0; k < p.curve[i].n; k++)
                if (p.at[i][k].step == 3) there[n++] = p.at[i][k].value;
        for (int i = 0; i < n; i++) met += miss(&there[i]) == 0;
        const td_outcome *own = &p.at[p.n][p.curve[p.n].n - 1].value;
        td_verdict v = judge(asha, self, &p);
        if (n + 1 < 3) {
            assert_int_equal(v, TD_GO_ON);
        } else if (miss(own) > 0) {
            if (3 * (met + 1) > n + 1) assert_int_equal(v, TD_PRUNE);
        } else {
            front_of(own, there, n, &earlier, &same);
            bool on = 3 * (earlier + same + 1) <= n + 1, off = 3 * (earlier + 1) > n + 1;
            if (on) assert_int_equal(v, TD_GO_ON);
            if (off) assert_int_equal(v, TD_PRUNE);
            sure_on += on;
            sure_off += off;
        }
    }
    assert_true(sure_on > 200 && sure_off > 200);
    asha->destroy(self);
}

/* S = 4 brackets of 3, 2, 1 and 0 of the rungs 1, 3 and 9, as in the paper for R = 27:
 * ceil(4 / (s + 1) * 3^s) = 27, 12, 6 and 4 of each 49 trials. Which bracket a trial is in shows in
 * where it is stopped beside many that are better and of all brackets. */
static void hyperband_deals_by_shares(void **unused) {
    (void)unused;
    const td_stopper *rule = td_stopper_find("hyperband");
    void *self = create(rule, STEPS, NULL, NULL);
    enum { DEAL = 49, OTHERS = 3 * DEAL };
    static td_curve_point good[3] = {
        {1, {.state = TD_TRIAL_DONE, .nobj = 1, .obj = {0}}},
        {3, {.state = TD_TRIAL_DONE, .nobj = 1, .obj = {0}}},
        {9, {.state = TD_TRIAL_DONE, .nobj = 1, .obj = {0}}},
    };
    td_curve other[OTHERS];
    for (int i = 0; i < OTHERS; i++) other[i] = (td_curve){i, good, 3};
    int count[4] = {0}, bracket[DEAL], run = 0;
    for (int number = 0; number < 2 * DEAL; number++) {
        td_curve_point bad[3];
        bool stops[3];
        for (int k = 0; k < 3; k++) {
            td_verdict v;
            bad[k] = good[k];
            bad[k].value.obj[0] = 1;
            td_curve own = {number, bad, k + 1};
            assert_int_equal(rule->judge(self, &own, other, OTHERS, &v, NULL), TD_OK);
            stops[k] = v == TD_PRUNE;
        }
        assert_true(stops[0] <= stops[1] && stops[1] <= stops[2]); /* the last so many rungs */
        int b = stops[0] + stops[1] + stops[2];
        if (number < DEAL) {
            count[b]++;
            bracket[number] = b;
            run = b == 3 ? run + 1 : 0;
            assert_true(run <= 3); /* evenly */
        } else {
            assert_int_equal(b, bracket[number - DEAL]);
        }
    }
    static const int share[4] = {4, 6, 12, 27};
    for (int b = 0; b < 4; b++) assert_int_equal(count[b], share[b]);
    /* Others count in their bracket only: bad ones of it beside good ones of the others. */
    for (int i = 0; i < OTHERS; i++) {
        static td_curve_point worse[3];
        for (int k = 0; k < 3; k++) {
            worse[k] = good[k];
            worse[k].value.obj[0] = 5;
        }
        if (bracket[i % DEAL] == 3) other[i].at = worse;
    }
    for (int number = 0; number < DEAL; number++) {
        td_verdict v;
        td_curve_point bad = good[0];
        bad.value.obj[0] = 1;
        td_curve own = {number, &bad, 1};
        assert_int_equal(rule->judge(self, &own, other, OTHERS, &v, NULL), TD_OK);
        assert_int_equal(v, TD_GO_ON);
    }
    rule->destroy(self);
}

/* ---- the median ------------------------------------------------------------------------------ */

static int compare_reals(const void *a, const void *b) {
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void median_of_running_means(void **unused) {
    (void)unused;
    const td_stopper *rule = td_stopper_find("median");
    td_arena *a = td_arena_create();
    void *self = create(rule, STEPS, "{min: 2, trials: 4}", a);
    td_rng r = td_rng_make(3, 0, TD_RNG_TEST);
    int pruned = 0, kept = 0;
    static problem p;
    for (int round = 0; round < 4000; round++) {
        int64_t step = 1 + (int64_t)td_rng_below(&r, 12);
        make(&p, rule, self, 1, step, &r);
        double mean[MOST], best = INFINITY;
        int n = 0;
        /* What misses a constraint is worse than any value: its mean is as good as infinite. The
         * own curve misses none here, and is often a bad one. */
        double shift = (double)td_rng_below(&r, 4);
        for (int k = 0; k < STEPS; k++) {
            p.at[p.n][k].value.con[0] = -1;
            p.at[p.n][k].value.obj[0] += shift;
        }
        for (int i = 0; i < p.n; i++) {
            double sum = 0;
            if (p.curve[i].n < step) continue;
            for (int k = 0; k < step; k++) sum += p.at[i][k].value.obj[0];
            mean[n++] = miss(&p.at[i][0].value) > 0 ? INFINITY : sum / (double)step;
        }
        for (int k = 0; k < step; k++)
            if (p.at[p.n][k].value.obj[0] < best) best = p.at[p.n][k].value.obj[0];
        qsort(mean, (size_t)n, sizeof mean[0], compare_reals);
        bool on = step < 2 || n < 4 || best <= mean[n / 2];
        assert_int_equal(judge(rule, self, &p), on ? TD_GO_ON : TD_PRUNE);
        pruned += !on;
        kept += on && n >= 4 && step >= 2;
    }
    assert_true(pruned > 300 && kept > 300);
    rule->destroy(self);
    td_arena_destroy(a);
}

/* ---- all of them ----------------------------------------------------------------------------- */

/* A value that misses a constraint never makes one stop that misses none. */
static void violating_values_displace_nobody(void **unused) {
    (void)unused;
    int n;
    const td_stopper *const *rule = td_stopper_list(&n);
    td_rng r = td_rng_make(4, 0, TD_RNG_TEST);
    static problem p;
    assert_int_equal(n, 3);
    for (int k = 0; k < n; k++) {
        void *self = create(rule[k], STEPS, NULL, NULL);
        for (int round = 0; round < 300; round++) {
            make(&p, rule[k], self, 1 + round % 2, 9, &r);
            for (int i = 0; i <= p.n; i++)
                for (int j = 0; j < p.curve[i].n; j++) {
                    p.at[i][j].value.con[0] = i == p.n ? 0 : 1e-9;
                    if (i < p.n) p.at[i][j].value.obj[0] -= 100;
                }
            assert_int_equal(judge(rule[k], self, &p), TD_GO_ON);
        }
        rule[k]->destroy(self);
    }
}

static void options_are_checked(void **unused) {
    (void)unused;
    static const struct {
        const char *rule, *options, *says;
        int64_t steps;
    } bad[] = {
        {"asha", "{eta: 1}", "eta", 12},
        {"asha", "{min: 12}", "min", 12},
        {"asha", "{min: 4, max: 4}", "min", 12},
        {"asha", "{max: 13}", "max", 12},
        {"asha", "{rungs: 3}", "rungs", 12},
        {"asha", "{}", "one step", 1},
        {"hyperband", "{}", "expected max", 0},
        {"hyperband", "{max: 100000000, eta: 2}", "too many brackets", 0},
        {"median", "{trials: 0}", "trials", 12},
        {"median", "{min: 12}", "min", 12},
        {"median", "{}", "one step", 1},
    };
    td_arena *a = td_arena_create();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const td_node *params;
        td_error err = {0};
        void *self = &err;
        const char *o = bad[i].options;
        assert_ok(td_yaml_parse(a, o, strlen(o), "r.yaml", &params, &err), &err);
        assert_int_equal(td_stopper_find(bad[i].rule)->create(&self, bad[i].steps, params, &err),
                         TD_E_INPUT);
        assert_null(self);
        assert_non_null(strstr(err.message, bad[i].says));
        assert_non_null(strstr(err.message, "r.yaml:1"));
    }
    assert_null(td_stopper_find("none"));
    td_arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asha_is_the_first_third),
        cmocka_unit_test(asha_with_several_objectives),
        cmocka_unit_test(hyperband_deals_by_shares),
        cmocka_unit_test(median_of_running_means),
        cmocka_unit_test(violating_values_displace_nobody),
        cmocka_unit_test(options_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The trial loop where something is wrong: with a training, the trainer, the disk, the space, a
 * design. */
#include <signal.h>
#include <sys/resource.h>

#include "row_fixture.h"

static void diverging_trainings_are_infeasible_trials(void **state) {
    fixture *f = *state;
    search s;
    search_init(&s, 2, 40);
    s.fake.infeasible = 3;
    const char *db = scratch_path(f->folder, "study.db");
    assert_ok(search_run(&s, db, &f->err), &f->err);
    assert_int_equal(s.fake.twice, 0); /* that it diverges is remembered */
    search_free(&s);
    char *got = trials_text(db);
    assert_int_equal(lines(got), 40);
    assert_true(occurrences(got, "training diverges") > 2);
    free(got);
}

static void a_broken_trainer_stops_the_search(void **state) {
    fixture *f = *state;
    char *expected = reference(f, 40, INT64_MAX, "evolution");
    const char *db = scratch_path(f->folder, "study.db");
    for (int round = 0; round < 8; round++) { /* more often than a trial may lose its worker */
        search s;
        search_init(&s, 2, 40);
        s.fake.broken = 4;
        assert_int_equal(search_run(&s, db, &f->err), TD_E_IO);
        assert_non_null(strstr(f->err.message, "trial "));
        assert_non_null(strstr(f->err.message, "the trainer's disk is gone"));
        search_free(&s);
    }
    search s;
    search_init(&s, 2, 40);
    assert_ok(search_run(&s, db, &f->err), &f->err);
    search_free(&s);
    char *got = trials_text(db);
    assert_string_equal(got, expected);
    free(got);
    free(expected);
}

static void a_full_disk_stops_and_the_study_goes_on(void **state) {
    fixture *f = *state;
    char *expected = reference(f, 60, INT64_MAX, "evolution");
    const char *db = scratch_path(f->folder, "study.db");
    search s;
    struct rlimit old, low;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    low = (struct rlimit){.rlim_cur = 150000, .rlim_max = old.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    search_init(&s, 2, 60);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    td_status st = search_run(&s, db, &f->err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, handler);
    search_free(&s);
    assert_int_equal(st, TD_E_IO);
    assert_non_null(strstr(f->err.message, "no space left on device"));
    char *got = trials_text(db);
    assert_true(lines(got) > 1);
    free(got);
    search_init(&s, 2, 60);
    assert_ok(search_run(&s, db, &f->err), &f->err);
    search_free(&s);
    got = trials_text(db);
    assert_string_equal(got, expected);
    free(got);
    free(expected);
}

static void another_space_is_noticed(void **state) {
    fixture *f = *state;
    const char *db = scratch_path(f->folder, "study.db");
    search s;
    search_init(&s, 1, 10);
    assert_ok(search_run(&s, db, &f->err), &f->err);
    search_free(&s);
    /* The hash says so ... */
    search_init(&s, 1, 10);
    s.row.spec_hash++;
    assert_int_equal(search_run(&s, db, &f->err), TD_E_USAGE);
    search_free(&s);
    /* ... and what is asked is compared, too. */
    search_init(&s, 1, 10);
    s.row.space = tiny_joint_space(s.arena);
    assert_int_equal(search_run(&s, db, &f->err), TD_E_STORE);
    assert_non_null(strstr(f->err.message, "trial 0"));
    search_free(&s);
}

/* Whatever the reward: what cannot be built, and what is screened, is one of the trials and no
 * training. Trainings are those of the networks of the other trials, once each. */
static void infeasible_costs_a_trial_and_no_training(void **state) {
    fixture *f = *state;
    for (int soft = 0; soft < 2; soft++) {
        search s;
        search_init(&s, 2, 60);
        s.objective.train_violating = soft == 1;
        s.objective.target[TD_METRIC_LATENCY] = 2e-6;
        const char *db = scratch_path(f->folder, soft ? "soft.db" : "hard.db");
        assert_ok(search_run(&s, db, &f->err), &f->err);
        td_store *store;
        td_trial_row *t;
        int n, unbuilt = 0, screened = 0, trained = 0;
        assert_ok(td_store_open(db, false, &store, &f->err), &f->err);
        assert_ok(td_store_trials(store, "row", s.arena, &t, &n, &f->err), &f->err);
        assert_int_equal(n, 60);
        for (int i = 0; i < n; i++) {
            bool infeasible = t[i].state == TD_TRIAL_INFEASIBLE;
            unbuilt += infeasible && isnan(t[i].violation);
            screened += infeasible && t[i].violation > 0;
            trained += t[i].trained;
            assert_true(infeasible == isnan(t[i].accuracy));
            if (infeasible) assert_false(t[i].trained);
        }
        assert_int_equal(s.fake.evaluations, trained);
        assert_true(unbuilt > 0 && trained > 0);
        assert_true(soft ? screened == 0 : screened > 0);
        td_store_close(store);
        search_free(&s);
    }
}

/* The power of a stored trial is that of its schedule, and a target on it screens. */
static void power_is_screened(void **state) {
    fixture *f = *state;
    search s;
    search_init(&s, 2, 40);
    s.objective.target[TD_METRIC_LATENCY] = s.objective.target[TD_METRIC_AREA] = INFINITY;
    s.objective.target[TD_METRIC_POWER] = 0.045;
    const char *db = scratch_path(f->folder, "study.db");
    assert_ok(search_run(&s, db, &f->err), &f->err);
    search_free(&s);
    td_store *store;
    td_trial_row *t;
    int n, met = 0, missed = 0;
    td_arena *a = td_arena_create();
    assert_ok(td_store_open(db, false, &store, &f->err), &f->err);
    assert_ok(td_store_trials(store, "row", a, &t, &n, &f->err), &f->err);
    for (int i = 0; i < n; i++) {
        double power = t[i].metric[TD_METRIC_ENERGY] / t[i].metric[TD_METRIC_LATENCY];
        if (isnan(power)) continue;
        assert_near(t[i].metric[TD_METRIC_POWER], power, 1e-15);
        assert_int_equal(t[i].feasible, power <= 0.045);
        if (power > 0.045) assert_false(t[i].trained);
        met += t[i].feasible;
        missed += !t[i].feasible;
    }
    assert_true(met > 0 && missed > 0);
    td_store_close(store);
    td_arena_destroy(a);
}

/* q = -1 of a soft reward: twice the area is made good by half the latency, without end. Where only
 * the accelerator is searched, no design above the area's target is done; latencies are traded. */
static void area_is_hard_for_accelerators(void **state) {
    fixture *f = *state;
    int above[2] = {0}, slow[2] = {0}, rejected = 0;
    for (int hard = 0; hard < 2; hard++) {
        search s;
        search_init(&s, 2, 60);
        s.row.accuracy = NULL;
        s.row.area_is_hard = hard == 1;
        s.objective.p = s.objective.q = -1;
        s.objective.train_violating = true;
        s.objective.target[TD_METRIC_LATENCY] = 2e-6;
        s.objective.target[TD_METRIC_AREA] = 0.42;
        const char *db = scratch_path(f->folder, hard ? "hard.db" : "soft.db");
        assert_ok(search_run(&s, db, &f->err), &f->err);
        td_store *store;
        td__trial *t;
        int64_t id;
        int n;
        assert_ok(td_store_open(db, false, &store, &f->err), &f->err);
        assert_ok(td__store_find(store, "row", &id, &f->err), &f->err);
        assert_ok(td__store_load(store, id, s.arena, &t, &n, &f->err), &f->err);
        assert_int_equal(n, 60); /* each costs a trial */
        for (int i = 0; i < n; i++) {
            double over = t[i].metric[TD_METRIC_AREA] / 0.42 - 1;
            if (t[i].state == TD_TRIAL_DONE) {
                above[hard] += over > 0;
                slow[hard] += t[i].metric[TD_METRIC_LATENCY] > 2e-6;
            } else if (over > 0) {
                assert_int_equal(t[i].state, TD_TRIAL_INFEASIBLE);
                assert_int_equal(t[i].outcome.ncon, 1);
                assert_near(t[i].outcome.con[0], over, 1e-12);
                assert_true(isnan(t[i].reward));
                assert_non_null(strstr(t[i].error, "area "));
                rejected++;
            }
        }
        td_store_close(store);
        search_free(&s);
    }
    assert_true(above[0] > 0 && above[1] == 0 && rejected > 0);
    assert_true(slow[1] > 0);
}

static td_status build_without_area(const void *self, const td_choices *c, td_arena *a,
                                    td_design *d, td_error *err) {
    const td_space *inner = self;
    td_status s = inner->build(inner->self, c, a, d, err);
    d->hw.area_mm2 = NAN; /* a chip from a description by levels that says nothing of areas */
    return s;
}

static void an_unknown_area_with_a_target_is_not_met(void **state) {
    fixture *f = *state;
    search s;
    search_init(&s, 2, 20);
    td_space space = *s.space;
    space.self = s.space;
    space.build = build_without_area;
    s.row.space = &space;
    const char *db = scratch_path(f->folder, "study.db");
    assert_ok(search_run(&s, db, &f->err), &f->err);
    assert_int_equal(s.fake.evaluations, 0);
    char *got = trials_text(db);
    assert_true(occurrences(got, "area not known") > 3);
    assert_int_equal(occurrences(got, "violation 0x"), 0);
    free(got);
    /* Without a target nobody asks for it. */
    s.objective.target[TD_METRIC_AREA] = INFINITY;
    db = scratch_path(f->folder, "free.db");
    assert_ok(search_run(&s, db, &f->err), &f->err);
    assert_true(s.fake.evaluations > 0);
    search_free(&s);
}

int main(void) {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(diverging_trainings_are_infeasible_trials),
        CASE(a_broken_trainer_stops_the_search),
        CASE(a_full_disk_stops_and_the_study_goes_on),
        CASE(another_space_is_noticed),
        CASE(infeasible_costs_a_trial_and_no_training),
        CASE(power_is_screened),
        CASE(area_is_hard_for_accelerators),
        CASE(an_unknown_area_with_a_target_is_not_met),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

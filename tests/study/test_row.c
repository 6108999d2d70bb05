/* The trial loop: the same trials whatever the number of threads and interruptions, exact budgets,
 * nothing evaluated twice. */
#include <signal.h>
#include <sys/wait.h>

#include "row_fixture.h"

/* ---- determinism ----------------------------------------------------------------------------- */

static void same_trials_by_any_number_of_threads(void **state) {
    fixture *f = *state;
    static const char *const strategies[] = {"evolution", "random"};
    for (int k = 0; k < 2; k++) {
        char *expected = reference(f, 60, INT64_MAX, strategies[k]);
        assert_int_equal(lines(expected), 60);
        /* It is a search, not a list of one kind of trial. */
        assert_true(occurrences(expected, " acc 0x") > 10);
        assert_true(occurrences(expected, "over target") > 2);
        for (int threads = 2; threads <= 4; threads *= 2) {
            char name[64];
            search s;
            search_init(&s, threads, 60);
            s.fake.longest_us = 4000;
            s.row.strategy = td_strategy_find(strategies[k]);
            if (k == 1) s.row.params = NULL;
            snprintf(name, sizeof name, "%s-%d.db", strategies[k], threads);
            const char *db = scratch_path(f->folder, name);
            assert_ok(search_run(&s, db, &f->err), &f->err);
            assert_int_equal(s.fake.twice, 0);
            assert_true(s.fake.most_at_once > 1);
            search_free(&s);
            char *got = trials_text(db);
            assert_string_equal(got, expected);
            free(got);
        }
        free(expected);
    }
}

static void without_lag_each_trial_knows_all_before(void **state) {
    fixture *f = *state;
    search s;
    search_init(&s, 3, 12);
    s.row.lag = 0;
    const char *db = scratch_path(f->folder, "study.db");
    assert_ok(search_run(&s, db, &f->err), &f->err);
    assert_int_equal(s.fake.most_at_once, 1);
    search_free(&s);
    char *got = trials_text(db);
    for (int n = 0; n < 12; n++) {
        char line[64];
        snprintf(line, sizeof line, "seen %d {", n);
        assert_non_null(strstr(got, line));
    }
    free(got);
}

/* A drain lets running trials end and leaves no lease; then the same call goes on. */
static void drained_and_resumed(void **state) {
    fixture *f = *state;
    char *expected = reference(f, 60, INT64_MAX, "evolution");
    const char *db = scratch_path(f->folder, "study.db");
    int runs = 0;
    for (td_status st = TD_E_INTERRUPTED; st == TD_E_INTERRUPTED; runs++) {
        search s;
        search_init(&s, 1 + runs % 3, 60);
        s.fake.longest_us = 2000;
        s.fake.stop_after = 3;
        st = search_run(&s, db, &f->err);
        assert_true(st == TD_OK || st == TD_E_INTERRUPTED);
        search_free(&s);
        char *got = trials_text(db);
        assert_int_equal(occurrences(got, "\n0 1 ") + (strncmp(got, "0 1 ", 4) == 0), 0);
        free(got);
        assert_true(runs < 60);
    }
    assert_true(runs > 3);
    char *got = trials_text(db);
    assert_string_equal(got, expected);
    free(got);
    free(expected);
}

static void child_search(const char *db, int64_t trials, int threads) {
    td_error err = {0};
    search s;
    search_init(&s, threads, trials);
    s.fake.longest_us = 6000;
    _exit(search_run(&s, db, &err) == TD_OK ? 0 : 1);
}

/* kill -9 at any moment: nothing is lost but the trials in flight, which are repeated. Four times
 * at most, since a trial that loses its process five times is given up. */
static void killed_and_resumed(void **state) {
    fixture *f = *state;
    enum { TRIALS = 80, KILLS = 4 };
    double start = td_time_mono_s();
    char *expected = reference(f, TRIALS, INT64_MAX, "evolution");
    double whole_us = 1e6 * (td_time_mono_s() - start);
    const char *db = scratch_path(f->folder, "study.db");
    td_rng r = td_rng_make((uint64_t)getpid(), 0, TD_RNG_TEST);
    int kills = 0, status = 1;
    for (int round = 0; round <= KILLS; round++) {
        pid_t child = fork();
        if (child == 0) child_search(db, TRIALS, 1 + round % 4);
        if (round < KILLS) {
            usleep((useconds_t)(whole_us * (0.1 + 0.6 * td_rng_uniform(&r))));
            kill(child, SIGKILL);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        if (WIFEXITED(status)) break;
        kills++;
    }
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_true(kills > 0);
    char *got = trials_text(db);
    assert_string_equal(got, expected);
    free(got);
    free(expected);
}

static void larger_budget_goes_on(void **state) {
    fixture *f = *state;
    char *expected = reference(f, 50, INT64_MAX, "evolution");
    const char *db = scratch_path(f->folder, "study.db");
    for (int64_t trials = 20; trials <= 50; trials += 30) {
        search s;
        search_init(&s, 2, trials);
        assert_ok(search_run(&s, db, &f->err), &f->err);
        search_free(&s);
        char *got = trials_text(db);
        assert_int_equal(lines(got), trials);
        assert_memory_equal(got, expected, strlen(got));
        free(got);
    }
    /* A smaller one finds all done and changes nothing. */
    search s;
    search_init(&s, 2, 10);
    assert_ok(search_run(&s, db, &f->err), &f->err);
    assert_int_equal(s.fake.evaluations, 0);
    search_free(&s);
    char *got = trials_text(db);
    assert_string_equal(got, expected);
    free(got);
    free(expected);
}

/* ---- costs before trainings -------------------------------------------------------------------
 */

/* `solve` asks for costs first: those trials never train, each training is of a design whose costs
 * were known to meet the targets, and all is the same with any number of threads, interrupted or
 * not, within the budget of trainings. */
static void costs_are_asked_before_trainings(void **state) {
    fixture *f = *state;
    enum { TRAINED = 9 };
    char *expected = NULL;
    for (int threads = 1; threads <= 4; threads++) {
        char name[32];
        snprintf(name, sizeof name, "solve-%d.db", threads);
        const char *db = scratch_path(f->folder, name);
        int evaluations = 0;
        for (td_status st = TD_E_INTERRUPTED; st == TD_E_INTERRUPTED;) {
            search s;
            search_init(&s, threads, 1000);
            td_node *params = td_node_map(s.arena);
            td_node_put_int(s.arena, params, "population", 6);
            td_node_put_int(s.arena, params, "solve", 5);
            s.row.params = params;
            s.row.trained = TRAINED;
            s.row.lag = 3;
            s.objective.target[TD_METRIC_LATENCY] = 20e-6;
            s.fake.longest_us = threads > 1 ? 3000 : 0;
            s.fake.stop_after = threads == 4 ? 2 : 0;
            st = search_run(&s, db, &f->err);
            assert_true(st == TD_OK || st == TD_E_INTERRUPTED);
            evaluations += s.fake.evaluations;
            search_free(&s);
        }
        assert_int_equal(evaluations, TRAINED);
        char *got = trials_text(db);
        if (expected != NULL) assert_string_equal(got, expected);
        free(expected);
        expected = got;
    }
    assert_int_equal(occurrences(expected, "trained 1"), TRAINED);
    int asked = 0, pruned = 0, infeasible = 0;
    for (char *line = strtok(expected, "\n"); line != NULL; line = strtok(NULL, "\n"), asked++) {
        int trial_state = 0;
        assert_int_equal(sscanf(line, "%*d %d", &trial_state), 1);
        pruned += trial_state == TD_TRIAL_PRUNED;
        infeasible += trial_state == TD_TRIAL_INFEASIBLE;
        if (trial_state == TD_TRIAL_PRUNED) assert_non_null(strstr(line, "scored 0"));
        if (strstr(line, "scored 1") != NULL) assert_int_equal(trial_state, TD_TRIAL_DONE);
    }
    assert_true(pruned >= TRAINED && infeasible > 0);
    assert_true(asked > 2 * TRAINED);
    free(expected);
}

/* A reward that trains what misses the targets does so after costs were asked, too. */
static void what_misses_is_trained_after_its_costs(void **state) {
    fixture *f = *state;
    search s;
    search_init(&s, 2, 200);
    td_node *params = td_node_map(s.arena);
    td_node_put_int(s.arena, params, "solve", 4);
    s.row.params = params;
    s.row.trained = 5;
    s.objective.target[TD_METRIC_LATENCY] = 1e-9;
    s.objective.train_violating = true;
    const char *db = scratch_path(f->folder, "study.db");
    assert_ok(search_run(&s, db, &f->err), &f->err);
    assert_int_equal(s.fake.evaluations, 5);
    search_free(&s);
    char *got = trials_text(db);
    assert_int_equal(occurrences(got, "trained 1"), 5);
    free(got);
}

/* ---- budgets --------------------------------------------------------------------------------- */

static void trainings_meet_their_budget_exactly(void **state) {
    fixture *f = *state;
    for (int64_t trained = 1; trained <= 13; trained += 4) {
        char *expected = reference(f, 1000, trained, "evolution");
        assert_int_equal(occurrences(expected, "trained 1"), trained);
        for (int threads = 2; threads <= 4; threads++) {
            char name[64];
            search s;
            search_init(&s, threads, 1000);
            s.row.trained = trained;
            s.fake.longest_us = 3000;
            snprintf(name, sizeof name, "%d-%d.db", (int)trained, threads);
            const char *db = scratch_path(f->folder, name);
            assert_ok(search_run(&s, db, &f->err), &f->err);
            assert_int_equal(s.fake.evaluations, trained);
            search_free(&s);
            char *got = trials_text(db);
            assert_string_equal(got, expected);
            free(got);
        }
        free(expected);
    }
}

static void training_budget_after_interruptions(void **state) {
    fixture *f = *state;
    char *expected = reference(f, 1000, 10, "evolution");
    const char *db = scratch_path(f->folder, "study.db");
    int evaluations = 0;
    for (td_status st = TD_E_INTERRUPTED; st == TD_E_INTERRUPTED;) {
        search s;
        search_init(&s, 2, 1000);
        s.row.trained = 10;
        s.fake.stop_after = 3;
        s.fake.longest_us = 2000;
        st = search_run(&s, db, &f->err);
        evaluations += s.fake.evaluations;
        search_free(&s);
    }
    assert_int_equal(evaluations, 10);
    char *got = trials_text(db);
    assert_string_equal(got, expected);
    free(got);
    free(expected);
    /* More trainings: the stored trials are replayed as they were asked, and it goes on. */
    search s;
    search_init(&s, 2, 1000);
    s.row.trained = 14;
    assert_ok(search_run(&s, db, &f->err), &f->err);
    assert_int_equal(s.fake.evaluations, 4);
    search_free(&s);
}

static void a_row_without_accuracy_trains_nothing(void **state) {
    fixture *f = *state;
    search s;
    search_init(&s, 2, 30);
    s.row.accuracy = NULL;
    s.row.trained = 1;
    const char *db = scratch_path(f->folder, "study.db");
    assert_ok(search_run(&s, db, &f->err), &f->err);
    search_free(&s);
    char *got = trials_text(db);
    assert_int_equal(lines(got), 30);
    assert_int_equal(occurrences(got, "scored 0"), 30);
    free(got);
}

/* ---- nothing twice --------------------------------------------------------------------------- */

/* Two networks, two accelerators, forty trials. */
static void duplicates_are_looked_up(void **state) {
    fixture *f = *state;
    for (int threads = 1; threads <= 4; threads++) {
        search s;
        search_init(&s, threads, 40);
        s.row.space = tiny_joint_space(s.arena);
        s.objective.target[TD_METRIC_LATENCY] = 1;
        s.objective.target[TD_METRIC_AREA] = 100;
        s.fake.longest_us = 3000;
        char name[32];
        snprintf(name, sizeof name, "%d.db", threads);
        const char *db = scratch_path(f->folder, name);
        assert_ok(search_run(&s, db, &f->err), &f->err);
        assert_int_equal(s.fake.evaluations, 2);
        assert_int_equal(s.fake.twice, 0);
        search_free(&s);
        char *got = trials_text(db);
        assert_int_equal(lines(got), 40);
        assert_int_equal(occurrences(got, "trained 1"), 2);
        assert_int_equal(occurrences(got, "scored 1"), 40);
        free(got);
    }
}

/* A strategy that has nothing left to ask ends the row: below the budget, by any number of threads,
 * and when it goes on. */
static void a_row_ends_with_its_space(void **state) {
    fixture *f = *state;
    for (int threads = 1; threads <= 4; threads++) {
        char name[32];
        snprintf(name, sizeof name, "%d.db", threads);
        const char *db = scratch_path(f->folder, name);
        for (int budget = 3; budget <= 40; budget += 37) {
            search s;
            search_init(&s, threads, budget);
            s.row.space = tiny_joint_space(s.arena);
            s.row.strategy = td_strategy_find("exhaustive");
            s.row.params = NULL;
            assert_ok(search_run(&s, db, &f->err), &f->err);
            search_free(&s);
            char *got = trials_text(db);
            assert_int_equal(lines(got), budget < 4 ? budget : 4);
            free(got);
        }
        td_store *store;
        td_study_info *info;
        int n;
        td_arena *a = td_arena_create();
        assert_ok(td_store_open(db, false, &store, &f->err), &f->err);
        assert_ok(td_store_studies(store, a, &info, &n, &f->err), &f->err);
        assert_int_equal(info[0].state, 2);
        td_store_close(store);
        td_arena_destroy(a);
    }
}

/* ---- progress -------------------------------------------------------------------------------- */

typedef struct {
    int calls, inside;
    int64_t last_done;
    bool overlap, backwards;
    td_progress last;
} watch;

static watch seen;

static void progress(void *self, const td_progress *p) {
    (void)self;
    seen.overlap = seen.overlap || seen.inside > 0;
    seen.inside++;
    seen.backwards = seen.backwards || p->done != seen.last_done + 1;
    seen.last_done = p->done;
    seen.last = *p;
    seen.calls++;
    usleep(100);
    seen.inside--;
}

static void progress_counts_every_trial_once(void **state) {
    fixture *f = *state;
    search s;
    search_init(&s, 4, 30);
    memset(&seen, 0, sizeof seen);
    s.run.progress = progress;
    const char *db = scratch_path(f->folder, "study.db");
    assert_ok(search_run(&s, db, &f->err), &f->err);
    assert_int_equal(seen.calls, 30);
    assert_false(seen.overlap);
    assert_false(seen.backwards);
    assert_int_equal(seen.last.total, 30);
    assert_int_equal(seen.last.trained, s.fake.evaluations);
    search_free(&s);
    /* What it calls best is what the one function does. */
    td_store *store;
    td_arena *a = td_arena_create();
    td_trial_row *t;
    int n;
    assert_ok(td_store_open(db, false, &store, &f->err), &f->err);
    assert_ok(td_store_trials(store, "row", a, &t, &n, &f->err), &f->err);
    int best = td_trials_best(t, n);
    assert_true(best >= 0 && t[best].feasible && seen.last.has_best);
    assert_true(seen.last.best_accuracy == t[best].accuracy);
    assert_memory_equal(seen.last.best_metric, t[best].metric, sizeof t[best].metric);
    td_store_close(store);
    td_arena_destroy(a);
}

int main(void) {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(same_trials_by_any_number_of_threads),
        CASE(without_lag_each_trial_knows_all_before),
        CASE(drained_and_resumed),
        CASE(killed_and_resumed),
        CASE(costs_are_asked_before_trainings),
        CASE(what_misses_is_trained_after_its_costs),
        CASE(larger_budget_goes_on),
        CASE(trainings_meet_their_budget_exactly),
        CASE(training_budget_after_interruptions),
        CASE(a_row_without_accuracy_trains_nothing),
        CASE(duplicates_are_looked_up),
        CASE(a_row_ends_with_its_space),
        CASE(progress_counts_every_trial_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Early stopping in the trial loop: verdicts that can be told again from the store, the same trials
 * whatever the threads, workers and interruptions, epochs that count, nothing trained twice. */
#include <signal.h>
#include <sys/wait.h>

#include "crash.h"
#include "study_helper.h"

typedef struct {
    char *folder;
    td_error err;
} fixture;

static int setup(void **state) {
    static fixture f;
    f = (fixture){.folder = scratch_make()};
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    scratch_remove(((fixture *)*state)->folder);
    return 0;
}

enum { STEPS = 12 };
static const char *const rules[] = {"{name: asha}", "{name: hyperband, eta: 2}", "{name: median}",
                                    "{name: asha, eta: 2, min: 2}"};
enum { N_RULES = sizeof rules / sizeof rules[0] };

static int occurrences(const char *text, const char *what) {
    int n = 0;
    for (const char *p = text; (p = strstr(p, what)) != NULL; p++) n++;
    return n;
}

static void init(search *s, int threads, int64_t trials, const char *rule) {
    search_init(s, threads, trials);
    search_stops(s, STEPS, rule);
    s->row.lag = 4;
}

static char *reference(fixture *f, int64_t trials, const char *rule) {
    search s;
    init(&s, 1, trials, rule);
    const char *db = scratch_path(f->folder, "reference.db");
    unlink(db);
    assert_ok(search_run(&s, db, &f->err), &f->err);
    search_free(&s);
    return trials_text(db);
}

static td__trial *load_study(fixture *f, const char *db, const char *name, td_arena *a, int *n) {
    td_store *store;
    td__trial *t;
    int64_t id;
    assert_ok(td_store_open(db, false, &store, &f->err), &f->err);
    assert_ok(td__store_find(store, name, &id, &f->err), &f->err);
    assert_ok(td__store_load(store, id, a, &t, n, &f->err), &f->err);
    td_store_close(store);
    return t;
}

static td__trial *load(fixture *f, const char *db, td_arena *a, int *n) {
    return load_study(f, db, "row", a, n);
}

/* ---- verdicts -------------------------------------------------------------------------------- */

/* The first trial of each network counts, if the strategy was told of it before trial n was asked.
 * All trials are asked in full here, so that these are the first `seen` ones. */
static int earlier_curves(const td__trial *t, int64_t seen, td_curve *out) {
    int n = 0;
    for (int64_t k = 0; k < seen; k++) {
        bool first = t[k].scored;
        for (int64_t j = 0; j < k && first; j++)
            first = !t[j].scored || t[j].net_hash != t[k].net_hash;
        if (first && t[k].curve.n > 0) out[n++] = t[k].curve;
    }
    return n;
}

/* Each trial of a search is what its rule says of the curves in the store. */
static void verdicts_stand_in_the_store(void **state) {
    fixture *f = *state;
    int stopped = 0, whole = 0, again = 0;
    for (int k = 0; k < 2 * N_RULES; k++) {
        search s;
        char name[32];
        snprintf(name, sizeof name, "%d.db", k);
        const char *db = scratch_path(f->folder, name);
        init(&s, 3, 80, rules[k % N_RULES]);
        if (k >= N_RULES) { /* several objectives */
            s.objective.kind = TD_REWARD_NONE;
            s.objective.front.objectives =
                TD_OBJECTIVE(TD_OBJECTIVE_ACCURACY) | TD_OBJECTIVE(TD_METRIC_LATENCY);
        }
        assert_ok(search_run(&s, db, &f->err), &f->err);
        int n;
        td__trial *t = load(f, db, s.arena, &n);
        td_curve *earlier = TD_NEW(s.arena, td_curve, n);
        for (int i = 0; i < n; i++) {
            if (!t[i].scored) continue;
            int m = earlier_curves(t, t[i].seen, earlier);
            bool known = false;
            for (int64_t j = 0; j < t[i].seen; j++)
                known = known || (t[j].scored && t[j].net_hash == t[i].net_hash);
            if (known) { /* no training, no curve */
                assert_int_equal(t[i].curve.n, 0);
                again++;
                continue;
            }
            td_verdict v = TD_GO_ON;
            for (int64_t step = 1; step < t[i].steps; step++)
                if (s.stopping.rule->looks(s.stopping.self, step))
                    assert_non_null(td_curve_at(&t[i].curve, step));
            for (int p = 0; p < t[i].curve.n; p++) {
                td_curve own = t[i].curve;
                own.n = p + 1;
                assert_int_equal(v, TD_GO_ON); /* it ended where the rule says so */
                assert_int_equal(
                    s.stopping.rule->judge(s.stopping.self, &own, earlier, m, &v, NULL), TD_OK);
            }
            assert_int_equal(v == TD_PRUNE, t[i].state == TD_TRIAL_PRUNED);
            if (v == TD_PRUNE) {
                const td_curve_point *last = &t[i].curve.at[t[i].curve.n - 1];
                assert_true(last->step == t[i].steps && t[i].steps < STEPS);
                assert_int_equal(t[i].outcome.nobj, k >= N_RULES ? 2 : 1);
                assert_memory_equal(t[i].outcome.obj, last->value.obj,
                                    sizeof(double) * (size_t)t[i].outcome.nobj);
                char says[40];
                snprintf(says, sizeof says, "stopped after epoch %d of 12: ", (int)t[i].steps);
                assert_ptr_equal(strstr(t[i].error, says), t[i].error);
                stopped++;
            } else {
                assert_true(t[i].steps == STEPS && t[i].state == TD_TRIAL_DONE);
                whole++;
            }
        }
        search_free(&s);
    }
    assert_true(stopped > 60 && whole > 60 && again > 10);
}

/* ---- determinism ----------------------------------------------------------------------------- */

static void same_trials_by_any_number_of_threads(void **state) {
    fixture *f = *state;
    for (int k = 0; k < N_RULES; k++) {
        char *expected = reference(f, 60, rules[k]);
        assert_true(occurrences(expected, "stopped after epoch") > 5);
        assert_true(occurrences(expected, " after 1: ") > (k < 3 ? 10 : -1));
        for (int threads = 2; threads <= 4; threads += 2) {
            char name[32];
            search s;
            init(&s, threads, 60, rules[k]);
            s.fake.longest_us = 2000;
            snprintf(name, sizeof name, "%d-%d.db", k, threads);
            const char *db = scratch_path(f->folder, name);
            assert_ok(search_run(&s, db, &f->err), &f->err);
            assert_true(s.fake.most_at_once > 1);
            search_free(&s);
            char *got = trials_text(db);
            assert_string_equal(got, expected);
            free(got);
        }
        free(expected);
    }
}

static void child_search(const char *db, int64_t trials, int threads, const char *rule) {
    td_error err = {0};
    search s;
    init(&s, threads, trials, rule);
    s.fake.longest_us = 3000;
    _exit(search_run(&s, db, &err) == TD_OK ? 0 : 1);
}

static void killed_and_resumed(void **state) {
    fixture *f = *state;
    enum { TRIALS = 80, KILLS = 4 };
    for (int k = 0; k < N_RULES; k += 2) {
        char *expected = reference(f, TRIALS, rules[k]);
        const char *db = scratch_path(f->folder, "study.db");
        td_rng r = td_rng_make((uint64_t)getpid(), (uint64_t)k, TD_RNG_TEST);
        int status = 1, kills = 0;
        for (int round = 0; round <= KILLS; round++) {
            pid_t child = fork();
            if (child == 0) child_search(db, TRIALS, 1 + round % 4, rules[k]);
            if (round < KILLS) {
                usleep((useconds_t)(20000 + 60000 * td_rng_uniform(&r)));
                kill(child, SIGKILL);
            }
            assert_int_equal(waitpid(child, &status, 0), child);
            if (WIFEXITED(status)) break;
            kills++;
        }
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0 && kills > 0);
        char *got = trials_text(db);
        assert_string_equal(got, expected);
        free(got);
        free(expected);
        scratch_remove(f->folder);
        f->folder = scratch_make();
    }
}

/* Half a curve in the cache, half a report in the store: what was begun is begun again. */
static void killed_at_the_worst_places(void **state) {
    fixture *f = *state;
    static const crash_kind kinds[] = {CRASH_CACHE, CRASH_TELL, CRASH_REVISION,
                                       CRASH_LOG,   CRASH_ASK,  CRASH_CLAIM};
    char *expected = reference(f, 60, "{name: median}");
    const char *db = scratch_path(f->folder, "study.db");
    int status = 0, kills = 0;
    for (int i = 0; i <= 12; i++) {
        pid_t child = fork();
        if (child == 0) {
            if (i < 12) crash_install();
            if (i < 12) crash_arm(kinds[i % 6], 11 + 9 * (i / 6));
            child_search(db, 60, 1 + i % 3, "{name: median}");
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        if (WIFEXITED(status)) break;
        kills++;
    }
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0 && kills >= 5);
    char *got = trials_text(db);
    assert_string_equal(got, expected);
    free(got);
    free(expected);
}

static void the_same_by_several_processes(void **state) {
    fixture *f = *state;
    char *expected = reference(f, 60, rules[0]);
    const char *db = scratch_path(f->folder, "study.db");
    pid_t child[3];
    for (int i = 0; i < 3; i++)
        if ((child[i] = fork()) == 0) child_search(db, 60, 1, rules[0]);
    for (int i = 0; i < 3; i++) {
        int status;
        assert_int_equal(waitpid(child[i], &status, 0), child[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    char *got = trials_text(db);
    assert_string_equal(got, expected);
    free(got);
    free(expected);
}

/* ---- nothing twice, and what counts ---------------------------------------------------------- */

/* A second study of the folder goes along the curves that the first one left; one that stops
 * nothing trains those that were stopped, and only these, to their end. */
static void a_part_is_not_taken_for_the_whole(void **state) {
    fixture *f = *state;
    const char *db = scratch_path(f->folder, "study.db");
    int first = 0, twice = 0, stopped = 0, whole = 0;
    for (int k = 0; k < 3; k++) {
        search s;
        init(&s, 1, 60, rules[0]);
        s.row.lag = 0;
        s.row.strategy = td_strategy_find("random");
        s.row.params = NULL;
        if (k == 1) s.row.name = "again";
        if (k == 2) s.row.name = "whole";
        if (k == 2) s.row.stopping = NULL;
        assert_ok(search_run(&s, db, &f->err), &f->err);
        if (k == 0) {
            first = s.fake.evaluations;
            twice = s.fake.twice;
            int n;
            td__trial *t = load(f, db, s.arena, &n);
            td_curve *c = TD_NEW(s.arena, td_curve, n);
            int nets = earlier_curves(t, n, c);
            assert_int_equal(nets, first);
            for (int i = 0; i < n; i++) stopped += t[i].curve.n > 0 && t[i].steps < STEPS;
        } else if (k == 1) {
            assert_int_equal(s.fake.evaluations, 0);
        } else {
            whole = s.fake.evaluations;
        }
        search_free(&s);
    }
    assert_int_equal(twice, 0);
    assert_int_equal(whole, stopped);
    assert_true(stopped > first / 3 && stopped < first);
}

/* Two networks, two accelerators: after the trials that began together nothing is trained. */
static void a_network_stops_where_it_stopped(void **state) {
    fixture *f = *state;
    int elsewhere = 0;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        search s;
        char name[32];
        init(&s, 3, 12, "{name: asha, eta: 2}");
        s.row.space = tiny_joint_space(s.arena);
        s.row.strategy = td_strategy_find("random");
        s.row.params = NULL;
        s.row.seed = seed;
        s.row.lag = 0;
        s.objective.target[TD_METRIC_LATENCY] = 1;
        s.objective.target[TD_METRIC_AREA] = 100;
        snprintf(name, sizeof name, "%d.db", (int)seed);
        const char *db = scratch_path(f->folder, name);
        assert_ok(search_run(&s, db, &f->err), &f->err);
        assert_int_equal(s.fake.evaluations, 2);
        int n;
        td__trial *t = load(f, db, s.arena, &n);
        for (int i = 0; i < n; i++)
            for (int j = 0; j < i; j++)
                if (t[i].net_hash == t[j].net_hash) {
                    assert_int_equal(t[i].steps, t[j].steps);
                    assert_int_equal(t[i].state, t[j].state);
                    assert_true(t[i].accuracy == t[j].accuracy);
                    elsewhere +=
                        t[i].state == TD_TRIAL_PRUNED && strstr(t[i].error, "as an earlier trial");
                }
        search_free(&s);
    }
    assert_true(elsewhere > 0);
}

/* The budget of trainings is in whole ones: what is trained in parts counts so. It is not exceeded,
 * and at the end less than one whole training is left. */
static void the_budget_counts_epochs(void **state) {
    fixture *f = *state;
    for (int64_t trained = 2; trained <= 20; trained += 9) {
        char *expected = NULL;
        int64_t nets = 0;
        for (int threads = 1; threads <= 3; threads++) {
            search s;
            char name[32];
            init(&s, threads, 1000, rules[0]);
            s.row.trained = trained;
            s.row.lag = 2;
            s.fake.longest_us = 1000;
            snprintf(name, sizeof name, "%d-%d.db", (int)trained, threads);
            const char *db = scratch_path(f->folder, name);
            assert_ok(search_run(&s, db, &f->err), &f->err);
            int n;
            int64_t steps = 0;
            td_study_info *info;
            td_store *store;
            td__trial *t = load(f, db, s.arena, &n);
            td_curve *c = TD_NEW(s.arena, td_curve, n);
            nets = earlier_curves(t, n, c);
            for (int i = 0; i < n; i++) { /* of each network the most */
                int64_t most = 0;
                bool first = true;
                for (int j = 0; j < n; j++) {
                    if (!t[j].scored || t[j].net_hash != t[i].net_hash) continue;
                    if (t[j].steps > most) most = t[j].steps;
                    first = first && j >= i;
                }
                if (first) steps += most;
            }
            assert_true(steps <= trained * STEPS && steps > (trained - 1) * STEPS);
            assert_ok(td_store_open(db, false, &store, &f->err), &f->err);
            assert_ok(td_store_studies(store, s.arena, &info, &n, &f->err), &f->err);
            assert_int_equal(info[0].steps, steps);
            assert_true(info[0].count[TD_RESULT_STOPPED] > 0 || trained == 2);
            assert_int_equal(info[0].count[TD_RESULT_PRUNED], 0);
            td_store_close(store);
            search_free(&s);
            char *got = trials_text(db);
            if (expected != NULL) assert_string_equal(got, expected);
            free(expected);
            expected = got;
        }
        assert_true(trained == 2 || nets > trained); /* more networks than whole trainings */
        free(expected);
    }
}

/* Costs are asked first and told as such; a training that diverges has no accuracy, and counts in
 * full; both stand beside what was stopped. */
static void beside_costs_and_what_diverges(void **state) {
    fixture *f = *state;
    char *expected = NULL;
    for (int threads = 1; threads <= 3; threads += 2) {
        search s;
        init(&s, threads, 300, "{name: asha, eta: 2}");
        td_node *params = td_node_map(s.arena);
        td_node_put_int(s.arena, params, "population", 8);
        td_node_put_int(s.arena, params, "solve", 4);
        s.row.params = params;
        s.fake.infeasible = 2;
        const char *db = scratch_path(f->folder, threads == 1 ? "1.db" : "3.db");
        assert_ok(search_run(&s, db, &f->err), &f->err);
        td_store *store;
        td_study_info *info;
        int n;
        assert_ok(td_store_open(db, false, &store, &f->err), &f->err);
        assert_ok(td_store_studies(store, s.arena, &info, &n, &f->err), &f->err);
        assert_true(info[0].count[TD_RESULT_STOPPED] > 3);
        assert_true(info[0].count[TD_RESULT_PRUNED] > 3);
        assert_true(info[0].count[TD_RESULT_DIVERGES] > 3);
        td_store_close(store);
        td__trial *t = load(f, db, s.arena, &n);
        for (int i = 0; i < n; i++) {
            if (t[i].state == TD_TRIAL_PRUNED) assert_int_equal(t[i].scored, t[i].steps > 0);
            if (t[i].scored && isnan(t[i].accuracy)) assert_int_equal(t[i].steps, STEPS);
        }
        search_free(&s);
        char *got = trials_text(db);
        if (expected != NULL) assert_string_equal(got, expected);
        free(expected);
        expected = got;
    }
    free(expected);
}

/* ---- what it is worth ------------------------------------------------------------------------ */

/* The steps that trials of a study went, each network counted once; of one that stops nothing all.
 */
static double epochs_of(const td__trial *t, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++) {
        bool first = t[i].scored;
        for (int j = 0; j < i && first; j++) first = !t[j].scored || t[j].net_hash != t[i].net_hash;
        if (first) sum += t[i].steps > 0 ? (double)t[i].steps : STEPS;
    }
    return sum;
}

/* 54 designs at random, on curves with noise that cross: of twenty seeds nearly all find the same
 * best one, for half of the epochs at most. (One store: its curves and accuracies are shared, which
 * changes no trial.) */
static void half_the_epochs_for_the_same_best(void **state) {
    fixture *f = *state;
    enum { SEEDS = TEST_SANITIZED ? 5 : 20 };
    const char *db = scratch_path(f->folder, "study.db");
    int same = 0;
    double epochs[2] = {0}, worst = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        double best[2] = {0};
        for (int k = 0; k < 2; k++) {
            search s;
            char name[32];
            snprintf(name, sizeof name, "%d-%d", (int)seed, k);
            init(&s, 1, 54, "{name: asha, min: 2}");
            s.row.name = name;
            s.row.space = small_network_space(s.arena);
            s.row.strategy = td_strategy_find("random");
            s.row.params = NULL;
            s.row.seed = seed;
            s.row.lag = 0;
            s.objective.target[TD_METRIC_LATENCY] = s.objective.target[TD_METRIC_AREA] = INFINITY;
            if (k == 0) s.row.stopping = NULL;
            assert_ok(search_run(&s, db, &f->err), &f->err);
            int n;
            td__trial *t = load_study(f, db, name, s.arena, &n);
            for (int i = 0; i < n; i++)
                if (t[i].state == TD_TRIAL_DONE) best[k] = fmax(best[k], t[i].accuracy);
            epochs[k] += epochs_of(t, n);
            search_free(&s);
        }
        same += best[0] == best[1];
        worst = fmax(worst, best[0] - best[1]);
    }
    printf("    the same best in %d of %d, else at most %.4f below; %.0f %% of the epochs\n", same,
           SEEDS, worst, 100 * epochs[1] / epochs[0]);
    assert_true(same >= SEEDS * 4 / 5 && worst < 0.02 && epochs[1] <= 0.5 * epochs[0]);
}

int main(void) {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(verdicts_stand_in_the_store),
        CASE(same_trials_by_any_number_of_threads),
        CASE(killed_and_resumed),
        CASE(killed_at_the_worst_places),
        CASE(the_same_by_several_processes),
        CASE(a_part_is_not_taken_for_the_whole),
        CASE(a_network_stops_where_it_stopped),
        CASE(the_budget_counts_epochs),
        CASE(beside_costs_and_what_diverges),
        CASE(half_the_epochs_for_the_same_best),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Several processes on one study: the same trials as those of one, whoever comes, goes, dies or
 * hangs; nothing twice; budgets exact. */
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "../../src/study/beat.h"
#include "study_helper.h"

typedef struct {
    char *folder;
    const char *db;
    td_error err;
    int *evaluations; /* shared with the children: of each process */
} fixture;

enum { MOST = 64 };

static int setup(void **state) {
    static fixture f;
    static char path[1200];
    f = (fixture){.folder = scratch_make()};
    snprintf(path, sizeof path, "%s", scratch_path(f.folder, "study.db"));
    f.db = path;
    f.evaluations =
        mmap(NULL, MOST * sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(f.evaluations != MAP_FAILED);
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    munmap(f->evaluations, MOST * sizeof(int));
    scratch_remove(f->folder);
    return 0;
}

static int64_t number_of(const char *path, const char *sql) {
    sqlite3 *db;
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 10000);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    int64_t v = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return v;
}

/* ---- what the workers run ---------------------------------------------------------------------
 */

typedef struct {
    const char *strategy;
    int64_t trials, trained;
    int threads, longest_us, stop_after, solve, index;
    double beat_s;
    bool tiny;
} plan;

static void make(search *s, const plan *p) {
    search_init(s, p->threads, p->trials);
    s->row.trained = p->trained > 0 ? p->trained : INT64_MAX;
    s->row.strategy = td_strategy_find(p->strategy != NULL ? p->strategy : "evolution");
    if (p->strategy != NULL && strcmp(p->strategy, "random") == 0) s->row.params = NULL;
    if (p->solve > 0) {
        td_node *params = td_node_map(s->arena);
        td_node_put_int(s->arena, params, "population", 6);
        td_node_put_int(s->arena, params, "solve", p->solve);
        s->row.params = params;
        s->objective.target[TD_METRIC_LATENCY] = 20e-6;
    }
    if (p->tiny) {
        s->row.space = tiny_joint_space(s->arena);
        s->objective.target[TD_METRIC_LATENCY] = 1;
        s->objective.target[TD_METRIC_AREA] = 100;
    }
    s->fake.longest_us = p->longest_us;
    s->fake.stop_after = p->stop_after;
    s->run.beat_s = p->beat_s;
}

static pid_t worker(fixture *f, plan p, int index) {
    fflush(NULL);
    pid_t child = fork();
    if (child != 0) return child;
    td_error err = {0};
    search s;
    p.index = index;
    make(&s, &p);
    td_status st = search_run(&s, f->db, &err);
    f->evaluations[index] += s.fake.evaluations;
    if (st != TD_OK && st != TD_E_INTERRUPTED) fprintf(stderr, "worker: %s\n", err.message);
    _exit(st == TD_OK && s.fake.twice == 0 ? 0 : st == TD_E_INTERRUPTED ? 3 : 1);
}

static int wait_for(pid_t child) {
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* The trials of an undisturbed search by one thread. */
static char *reference(fixture *f, plan p) {
    search s;
    p.threads = 1;
    p.longest_us = p.stop_after = 0;
    make(&s, &p);
    const char *db = scratch_path(f->folder, "reference.db");
    unlink(db);
    assert_ok(search_run(&s, db, &f->err), &f->err);
    search_free(&s);
    return trials_text(db);
}

/* All of the store as one process would have left it; each training once. */
static void expect_same(fixture *f, char *expected, int processes) {
    char *got = trials_text(f->db);
    assert_string_equal(got, expected);
    free(got);
    int evaluations = 0;
    for (int i = 0; i < processes; i++) evaluations += f->evaluations[i];
    assert_int_equal(evaluations, number_of(f->db, "SELECT count(*) FROM eval_cache"));
    int64_t n = number_of(f->db, "SELECT count(*) FROM trial");
    assert_int_equal(number_of(f->db, "SELECT count(DISTINCT rev) FROM trial"), n);
    assert_int_equal(number_of(f->db, "SELECT max(rev) FROM trial"), n);
    assert_int_equal(number_of(f->db, "SELECT max(number) FROM trial"), n - 1);
    assert_int_equal(number_of(f->db, "SELECT next_number FROM study"), n);
    assert_int_equal(number_of(f->db, "SELECT state FROM study"), 2);
    assert_int_equal(number_of(f->db, "SELECT count(*) FROM eval_claim"), 0);
}

static void same_trials_by_any_number_of_processes(void **state) {
    fixture *f = *state;
    static const plan plans[] = {
        {.trials = 60, .threads = 1},
        {.trials = 60, .threads = 2, .strategy = "random"},
        {.trials = 1000, .threads = 1, .trained = 9},
        {.trials = 1000, .threads = 2, .trained = 9, .solve = 5},
        {.trials = 40, .threads = 1, .tiny = true},
    };
    for (size_t k = 0; k < sizeof plans / sizeof plans[0]; k++) {
        plan p = plans[k];
        char *expected = reference(f, p);
        p.longest_us = 3000;
        for (int processes = 2; processes <= 4; processes += 2) {
            pid_t child[4];
            memset(f->evaluations, 0, MOST * sizeof(int));
            unlink(f->db);
            for (int i = 0; i < processes; i++) child[i] = worker(f, p, i);
            for (int i = 0; i < processes; i++) assert_int_equal(wait_for(child[i]), 0);
            expect_same(f, expected, processes);
        }
        free(expected);
    }
}

/* Late ones join and early ones leave; in the end all is the same. */
static void workers_come_and_go(void **state) {
    fixture *f = *state;
    plan p = {.trials = 80, .threads = 1};
    char *expected = reference(f, p);
    p.longest_us = 4000;
    pid_t child[7];
    for (int i = 0; i < 7; i++) {
        p.threads = 1 + i % 2;
        p.stop_after = i < 6 ? 4 + i : 0;
        child[i] = worker(f, p, i);
        usleep(15000);
    }
    for (int i = 0; i < 7; i++) {
        int code = wait_for(child[i]);
        assert_true(code == 0 || (code == 3 && i < 6));
    }
    expect_same(f, expected, 7);
    free(expected);
    assert_int_equal(number_of(f->db, "SELECT count(*) FROM worker WHERE ended IS NOT NULL"), 7);
}

/* Four workers, of whom one after the other is killed and replaced by a new one. */
static void killed_workers_are_replaced(void **state) {
    fixture *f = *state;
    enum { WORKERS = 4, KILLS = 12 };
    plan p = {.trials = 150, .threads = 1};
    char *expected = reference(f, p);
    p.longest_us = 4000;
    td_rng r = td_rng_make((uint64_t)getpid(), 1, TD_RNG_TEST);
    pid_t child[WORKERS];
    int kills = 0;
    for (int i = 0; i < WORKERS; i++) child[i] = worker(f, p, i);
    for (int k = 0; k < KILLS; k++) {
        usleep((useconds_t)(4000 + td_rng_below(&r, 12000)));
        int i = (int)td_rng_below(&r, WORKERS);
        kill(child[i], SIGKILL);
        kills += wait_for(child[i]) == -SIGKILL;
        child[i] = worker(f, p, WORKERS + k);
    }
    for (int i = 0; i < WORKERS; i++) assert_int_equal(wait_for(child[i]), 0);
    assert_true(kills > KILLS / 2);
    char *got = trials_text(f->db);
    assert_string_equal(got, expected);
    free(got);
    free(expected);
    assert_int_equal(number_of(f->db, "SELECT max(rev) FROM trial"), 150);
    assert_int_equal(number_of(f->db, "SELECT count(DISTINCT rev) FROM trial"), 150);
}

/* One that hangs keeps its lock; its lease ends, others do its trial and train its network, and
 * what it says when it wakes up is dropped. It is no fault of its own: it goes on. */
static td_status hang_once(void *self, const td_design *d, double fidelity, bool (*cancel)(void *),
                           void *cancel_self, td_accuracy_result *out, td_error *err) {
    td_accuracy *inner = self;
    if (((fake *)inner->self)->evaluations == 3) raise(SIGSTOP);
    return inner->evaluate(inner->self, d, fidelity, cancel, cancel_self, out, err);
}

static void a_hanging_worker_is_replaced(void **state) {
    fixture *f = *state;
    plan p = {.trials = 60, .threads = 1, .beat_s = 0.1};
    char *expected = reference(f, p);
    int status;
    fflush(NULL);
    pid_t slow = fork();
    if (slow == 0) {
        search s;
        make(&s, &p);
        td_accuracy hanging = s.accuracy;
        hanging.self = &s.accuracy;
        hanging.evaluate = hang_once;
        s.row.accuracy = &hanging;
        _exit(search_run(&s, f->db, &f->err) == TD_OK ? 0 : 1);
    }
    assert_int_equal(waitpid(slow, &status, WUNTRACED), slow);
    assert_true(WIFSTOPPED(status));
    assert_int_equal(wait_for(worker(f, p, 1)), 0);
    char *got = trials_text(f->db);
    assert_string_equal(got, expected);
    free(got);
    assert_int_equal(number_of(f->db, "SELECT count(*) FROM trial WHERE attempt = 2"), 1);
    kill(slow, SIGCONT);
    assert_int_equal(wait_for(slow), 0);
    got = trials_text(f->db);
    assert_string_equal(got, expected);
    free(got);
    free(expected);
}

/* ---- enqueued designs ------------------------------------------------------------------------
 */

/* While workers run: whoever meets the number takes it; replayed by another worker it is the same.
 */
static void enqueued_while_workers_run(void **state) {
    fixture *f = *state;
    plan p = {.trials = 150, .threads = 1, .longest_us = 10000};
    pid_t child[3];
    for (int i = 0; i < 3; i++) child[i] = worker(f, p, i);
    td_store *store = NULL;
    td_arena *a = td_arena_create();
    td_space *space = small_joint_space(a);
    int64_t study, number[3];
    for (int i = 0; i < 2000; i++) {
        if (td_file_exists(f->db) && td_store_open(f->db, true, &store, &f->err) == TD_OK &&
            td__store_find(store, "row", &study, &f->err) == TD_OK)
            break;
        td_store_close(store);
        store = NULL;
        usleep(1000);
    }
    assert_non_null(store);
    char *choices[3];
    for (int i = 0; i < 3; i++) {
        td_choices c = {.n = space->n, .v = TD_NEW(a, double, space->n)};
        td_rng r = td_rng_make(77, (uint64_t)i, TD_RNG_TEST);
        td_text t = {0};
        td_space_sample(space, &r, &c);
        td_node_to_json(td_choices_to_node(space, &c, a), 0, &t);
        choices[i] = td_arena_strdup(a, t.data);
        td_text_free(&t);
        usleep(8000);
        assert_ok(
            td__store_enqueue(store, study, choices[i], td_choices_hash(&c), &number[i], &f->err),
            &f->err);
    }
    td_store_close(store);
    for (int i = 0; i < 3; i++) assert_int_equal(wait_for(child[i]), 0);
    char *first = trials_text(f->db);
    for (int i = 0; i < 3; i++) {
        char line[1200];
        snprintf(line, sizeof line, "\n%lld ", (long long)number[i]);
        char *at = number[i] > 0 ? strstr(first, line) + 1 : first, *end = strchr(at, '\n');
        char *found = strstr(at, choices[i]);
        assert_true(found != NULL && found < end);
    }
    assert_int_equal(number_of(f->db, "SELECT count(*) FROM trial WHERE origin = 1"), 3);
    assert_int_equal(number_of(f->db, "SELECT count(*) FROM trial"), 150);
    /* A study that is made anew with the same designs at the same numbers: all choices of the
     * strategy are the same. One that is replayed goes on. */
    p.trials = 160;
    assert_int_equal(wait_for(worker(f, p, 4)), 0);
    char *second = trials_text(f->db);
    assert_memory_equal(second, first, strlen(first));
    free(first);
    free(second);
    td_arena_destroy(a);
}

/* One that would make other trials does not join; budgets are those of the store for who does. */
static void who_joins_takes_the_study_as_it_is(void **state) {
    fixture *f = *state;
    plan p = {.trials = 20, .threads = 1};
    search s;
    int64_t study;
    int its_state;
    make(&s, &p);
    assert_ok(td_store_open(f->db, true, &s.row.store, &f->err), &f->err);
    assert_ok(td__store_join(s.row.store, &f->err), &f->err);
    assert_ok(td__row_find(&s.row, &study, &its_state, &f->err), &f->err);
    assert_int_equal(its_state, -1);
    assert_ok(td__row_enter(&s.row, &study, &f->err), &f->err);
    s.row.spec_hash++;
    assert_int_equal(td__row_find(&s.row, &study, &its_state, &f->err), TD_E_USAGE);
    assert_non_null(strstr(f->err.message, "another version of the program"));
    s.row.spec_hash--;
    assert_ok(td__row_find(&s.row, &study, &its_state, &f->err), &f->err);
    assert_int_equal(its_state, 0);
    s.row.trials = 1000;
    assert_ok(td__row_search(&s.row, study, &f->err), &f->err);
    assert_int_equal(number_of(f->db, "SELECT count(*) FROM trial"), 20);
    assert_ok(td__row_find(&s.row, &study, &its_state, &f->err), &f->err);
    assert_int_equal(its_state, 2);
    td_store_close(s.row.store);
    search_free(&s);
}

/* ---- faults ----------------------------------------------------------------------------------
 */

typedef struct {
    fixture *f;
    int stage;
} remover;

static bool remove_while_running(void *self) {
    remover *r = self;
    if (++r->stage == 30) unlink(r->f->db);
    return false;
}

static void a_store_that_vanishes_is_noticed(void **state) {
    fixture *f = *state;
    remover r = {.f = f};
    search s;
    search_init(&s, 2, 500);
    s.run.cancelled = remove_while_running;
    s.run.self = &r;
    assert_int_equal(search_run(&s, f->db, &f->err), TD_E_STORE);
    assert_non_null(strstr(f->err.message, "removed or replaced while in use"));
    assert_false(td_file_exists(f->db));
    search_free(&s);
}

static void the_stop_file_drains_all(void **state) {
    fixture *f = *state;
    plan p = {.trials = 60, .threads = 1};
    char *expected = reference(f, p);
    search s;
    make(&s, &p);
    s.row.stop_file = scratch_path(f->folder, "stop");
    scratch_write(f->folder, "stop", "", 0);
    assert_int_equal(search_run(&s, f->db, &f->err), TD_E_INTERRUPTED);
    assert_int_equal(s.fake.evaluations, 0);
    unlink(s.row.stop_file);
    assert_ok(search_run(&s, f->db, &f->err), &f->err);
    search_free(&s);
    char *got = trials_text(f->db);
    assert_string_equal(got, expected);
    free(got);
    free(expected);
}

/* Broken off, not drained: what runs is given back and costs no attempt. */
typedef struct {
    fake fake;
    bool abandon;
} breaker;

static bool abandoned(void *self) {
    return ((breaker *)self)->abandon;
}

static td_status never_ends(void *self, const td_design *d, double fidelity, bool (*cancel)(void *),
                            void *cancel_self, td_accuracy_result *out, td_error *err) {
    (void)d;
    (void)fidelity;
    (void)out;
    breaker *b = self;
    b->abandon = true;
    assert_true(cancel(cancel_self));
    return td_fail(err, TD_E_INTERRUPTED, "interrupted");
}

static void what_is_broken_off_is_given_back(void **state) {
    fixture *f = *state;
    plan p = {.trials = 20, .threads = 1};
    search s;
    make(&s, &p);
    breaker b = {0};
    td_accuracy slow = s.accuracy;
    slow.self = &b;
    slow.evaluate = never_ends;
    s.row.accuracy = &slow;
    s.run.cancelled = s.run.abandoned = abandoned;
    s.run.self = &b;
    assert_int_equal(search_run(&s, f->db, &f->err), TD_E_INTERRUPTED);
    search_free(&s);
    assert_true(number_of(f->db, "SELECT count(*) FROM trial WHERE state = 0") == 1);
    assert_int_equal(number_of(f->db, "SELECT max(attempt) FROM trial WHERE state = 0"), 0);
    assert_int_equal(number_of(f->db, "SELECT count(*) FROM eval_claim"), 0);
}

/* ---- time ------------------------------------------------------------------------------------
 */

/* What was asked in time is finished, and the study is over; with more time it goes on as it would
 * have. */
static void time_ends_a_row(void **state) {
    fixture *f = *state;
    plan p = {.trials = 60, .threads = 2};
    char *expected = reference(f, p);
    search s;
    make(&s, &p);
    s.fake.longest_us = 20000;
    s.row.active_s = 0.1;
    assert_ok(search_run(&s, f->db, &f->err), &f->err);
    char *got = trials_text(f->db);
    int64_t n = number_of(f->db, "SELECT count(*) FROM trial");
    assert_in_range(n, 1, 59);
    assert_int_equal(number_of(f->db, "SELECT count(*) FROM trial WHERE state < 2"), 0);
    assert_int_equal(number_of(f->db, "SELECT state FROM study"), 2);
    assert_memory_equal(got, expected, strlen(got));
    free(got);
    s.row.active_s = 3600;
    s.fake.longest_us = 0;
    assert_ok(search_run(&s, f->db, &f->err), &f->err);
    search_free(&s);
    got = trials_text(f->db);
    assert_string_equal(got, expected);
    free(got);
    free(expected);
}

int main(void) {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(same_trials_by_any_number_of_processes),
        CASE(workers_come_and_go),
        CASE(killed_workers_are_replaced),
        CASE(a_hanging_worker_is_replaced),
        CASE(enqueued_while_workers_run),
        CASE(who_joins_takes_the_study_as_it_is),
        CASE(a_store_that_vanishes_is_noticed),
        CASE(the_stop_file_drains_all),
        CASE(what_is_broken_off_is_given_back),
        CASE(time_ends_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

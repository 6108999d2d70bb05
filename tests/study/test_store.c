/* Conformance of the store: the rules of docs/store.md, with several threads that have each a
 * handle of their own. */
#include <pthread.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include "../../src/study/store.h"
#include "scratch.h"

typedef struct {
    char *folder;
    const char *path;
    td_store *store;
    td_error err;
} fixture;

static int setup(void **state) {
    static fixture f;
    memset(&f, 0, sizeof f);
    f.folder = scratch_make();
    static char path[1200];
    snprintf(path, sizeof path, "%s/study.db", f.folder);
    f.path = path;
    assert_ok(td_store_open(path, true, &f.store, &f.err), &f.err);
    assert_ok(td__store_join(f.store, &f.err), &f.err);
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    td_store_close(f->store);
    scratch_remove(f->folder);
    return 0;
}

static td__study study(const char *name, uint64_t hash, uint64_t seed, int64_t budget) {
    return (td__study){.name = name,
                       .spec = "spec",
                       .path = "/r.yaml",
                       .spec_hash = hash,
                       .seed = seed,
                       .max_trials = budget,
                       .max_trained = INT64_MAX,
                       .max_active_s = INFINITY};
}

static int64_t make_study(fixture *f, const char *name, int64_t budget) {
    int64_t id = -1;
    td__study s = study(name, 42, 7, budget);
    assert_ok(td__store_study(f->store, &s, &id, &f->err), &f->err);
    return id;
}

/* Another worker of the same store. Closing it without leaving is its death. */
static td_store *another(fixture *f) {
    td_store *s;
    assert_ok(td_store_open(f->path, true, &s, &f->err), &f->err);
    assert_ok(td__store_join(s, &f->err), &f->err);
    return s;
}

/* A query with one integer as answer, past the library. */
static int64_t number_of(const fixture *f, const char *sql) {
    sqlite3 *db;
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    int64_t v = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return v;
}

static td__finish done(double objective) {
    return (td__finish){.outcome = {.state = TD_TRIAL_DONE,
                                    .nobj = 1,
                                    .ncon = 2,
                                    .obj = {objective},
                                    .con = {-0.25, NAN}},
                        .metric = {1e-5, 2e-6, 0.75},
                        .accuracy = 0.875,
                        .reward = INFINITY,
                        .violation = 0,
                        .net_hash = UINT64_C(0xfedcba9876543210),
                        .hw_hash = 3,
                        .scored = true};
}

static td_status try_ask(td_store *s, int64_t id, const char *key, int64_t *number, td_error *err) {
    bool made;
    return td__store_ask(s, id, key, 0, "{\"a\": 1}", 5, 60, number, &made, err);
}

static int64_t ask(fixture *f, int64_t id, const char *key) {
    int64_t number = -1;
    assert_ok(try_ask(f->store, id, key, &number, &f->err), &f->err);
    return number;
}

static void claim(fixture *f, int64_t s, int64_t number, double lease_s, int64_t *id,
                  int64_t *token) {
    assert_ok(td__store_claim(f->store, s, number, lease_s, id, token, &f->err), &f->err);
}

static td__trial *load(fixture *f, int64_t id, td_arena *a, int *n) {
    td__trial *t;
    assert_ok(td__store_load(f->store, id, a, &t, n, &f->err), &f->err);
    return t;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void ask_is_idempotent(void **state) {
    fixture *f = *state;
    int64_t s = make_study(f, "s", 10);
    assert_int_equal(ask(f, s, "w:0"), 0);
    assert_int_equal(ask(f, s, "w:1"), 1);
    assert_int_equal(ask(f, s, "w:0"), 0);
    assert_int_equal(ask(f, s, "v:0"), 2);
    assert_int_equal(number_of(f, "SELECT count(*) FROM trial"), 3);
    /* keys and numbers are each study's own */
    assert_int_equal(ask(f, make_study(f, "other", 10), "w:0"), 0);
}

static void budget_ends_asking(void **state) {
    fixture *f = *state;
    int64_t s = make_study(f, "s", 2), number;
    ask(f, s, "0");
    ask(f, s, "1");
    assert_int_equal(try_ask(f->store, s, "2", &number, &f->err), TD_E_DONE);
    assert_int_equal(ask(f, s, "1"), 1); /* what was asked is there still */
    make_study(f, "s", 3);
    assert_int_equal(ask(f, s, "2"), 2);
    /* a smaller budget does not go below what was asked */
    make_study(f, "s", 1);
    assert_int_equal(number_of(f, "SELECT max_trials FROM study"), 3);
}

typedef struct {
    const char *path;
    int worker;
    int64_t study;
    int asked, refused, claimed;
    td_status status;
    td_error err;
} worker;

/* Twenty asks, each claimed and told, through a handle of its own. */
static void *ask_twenty(void *arg) {
    worker *w = arg;
    td_store *s;
    w->status = td_store_open(w->path, true, &s, &w->err);
    if (w->status == TD_OK) w->status = td__store_join(s, &w->err);
    for (int i = 0; i < 20 && w->status == TD_OK; i++) {
        char key[32];
        int64_t number, id, token;
        snprintf(key, sizeof key, "%d:%d", w->worker, i);
        td_status st = try_ask(s, w->study, key, &number, &w->err);
        if (st == TD_E_DONE) {
            w->refused++;
            continue;
        }
        w->asked++;
        w->status = st;
        if (w->status == TD_OK)
            w->status = td__store_claim(s, w->study, number, 60, &id, &token, &w->err);
        td__finish f = done((double)number);
        if (w->status == TD_OK) w->claimed++;
        if (w->status == TD_OK) w->status = td__store_tell(s, id, token, &f, &w->err);
    }
    if (w->status == TD_OK) td_store_close(s);
    return NULL;
}

static void expect_budget(fixture *f, int64_t budget) {
    assert_int_equal(number_of(f, "SELECT count(*) FROM trial"), budget);
    assert_int_equal(number_of(f, "SELECT count(DISTINCT number) FROM trial"), budget);
    assert_int_equal(number_of(f, "SELECT max(number) - min(number) FROM trial"), budget - 1);
    assert_int_equal(number_of(f, "SELECT count(DISTINCT rev) FROM trial"), budget);
    assert_int_equal(number_of(f, "SELECT min(rev) FROM trial"), 1);
    assert_int_equal(number_of(f, "SELECT max(rev) FROM trial"), budget);
    assert_int_equal(number_of(f, "SELECT rev FROM study"), budget);
}

static void budget_is_met_exactly_by_four_processes(void **state) {
    enum { PROCESSES = 4, BUDGET = 50 };
    fixture *f = *state;
    pid_t child[PROCESSES];
    make_study(f, "s", BUDGET);
    for (int i = 0; i < PROCESSES; i++) {
        fflush(NULL);
        child[i] = fork();
        if (child[i] != 0) continue;
        worker w = {.path = f->path, .worker = i, .study = 1};
        ask_twenty(&w);
        if (w.status != TD_OK) fprintf(stderr, "%s\n", w.err.message);
        _exit(w.status != TD_OK || w.claimed != w.asked ? 255 : w.asked);
    }
    int asked = 0, status;
    for (int i = 0; i < PROCESSES; i++) {
        assert_int_equal(waitpid(child[i], &status, 0), child[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 20);
        asked += WEXITSTATUS(status);
    }
    assert_int_equal(asked, BUDGET);
    expect_budget(f, BUDGET);
}

/* Eight open a store that is not there yet: one makes it, all join. */
static void made_by_one_of_many(void **state) {
    enum { PROCESSES = 8 };
    fixture *f = *state;
    char path[1200];
    int status;
    snprintf(path, sizeof path, "%s/new.db", f->folder);
    fflush(NULL);
    for (int i = 0; i < PROCESSES; i++) {
        if (fork() != 0) continue;
        td_store *s;
        td_error err;
        td_status st = td_store_open(path, true, &s, &err);
        if (st == TD_OK) st = td__store_join(s, &err);
        if (st != TD_OK) fprintf(stderr, "%s\n", err.message);
        _exit(st == TD_OK ? 0 : 1);
    }
    for (int i = 0; i < PROCESSES; i++) {
        assert_true(wait(&status) > 0);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    f->path = path;
    assert_int_equal(number_of(f, "SELECT count(DISTINCT id) FROM worker"), PROCESSES);
}

static void budget_is_met_exactly_by_six_threads(void **state) {
    enum { THREADS = 6, BUDGET = 40 };
    fixture *f = *state;
    worker w[THREADS];
    pthread_t t[THREADS];
    int64_t s = make_study(f, "s", BUDGET);
    for (int i = 0; i < THREADS; i++) {
        w[i] = (worker){.path = f->path, .worker = i, .study = s};
        assert_int_equal(pthread_create(&t[i], NULL, ask_twenty, &w[i]), 0);
    }
    int asked = 0, refused = 0, claimed = 0;
    for (int i = 0; i < THREADS; i++) {
        pthread_join(t[i], NULL);
        assert_ok(w[i].status, &w[i].err);
        asked += w[i].asked;
        refused += w[i].refused;
        claimed += w[i].claimed;
    }
    assert_int_equal(asked, BUDGET);
    assert_int_equal(claimed, BUDGET);
    assert_int_equal(refused, 20 * THREADS - BUDGET);
    expect_budget(f, BUDGET);
}

/* ---- the life of a trial --------------------------------------------------------------------- */

static void what_is_told_is_loaded(void **state) {
    fixture *f = *state;
    int64_t s = make_study(f, "s", 10), id, token;
    ask(f, s, "0");
    ask(f, s, "1");
    claim(f, s, 0, 60, &id, &token);
    td__finish out = done(-0.125);
    out.reason = "because";
    assert_ok(td__store_tell(f->store, id, token, &out, &f->err), &f->err);
    td_arena *a = td_arena_create();
    int n;
    td__trial *t = load(f, s, a, &n);
    assert_int_equal(n, 2);
    assert_int_equal(t[0].state, TD_TRIAL_DONE);
    assert_string_equal(t[0].params, "{\"a\": 1}");
    assert_int_equal(t[0].outcome.nobj, 1);
    assert_int_equal(t[0].outcome.ncon, 2);
    assert_true(t[0].outcome.obj[0] == -0.125 && t[0].outcome.con[0] == -0.25);
    assert_true(isnan(t[0].outcome.con[1]));
    assert_memory_equal(t[0].metric, out.metric, sizeof out.metric);
    assert_true(t[0].accuracy == 0.875 && t[0].reward == INFINITY && t[0].violation == 0);
    assert_true(t[0].scored);
    assert_true(t[0].net_hash == out.net_hash && t[0].hw_hash == out.hw_hash);
    assert_string_equal(t[0].error, "because");
    assert_int_equal(t[0].rev, 1);
    assert_int_equal(t[0].attempt, 1);
    assert_true(t[0].started > 1e9 && t[0].finished >= t[0].started);
    assert_int_equal(t[1].state, TD_TRIAL_READY);
    assert_true(isnan(t[1].accuracy) && t[1].error == NULL && t[1].rev == 0 && !t[1].scored);
    td_arena_destroy(a);
}

static void a_claim_is_exclusive(void **state) {
    fixture *f = *state;
    int64_t s = make_study(f, "s", 10), id, token;
    ask(f, s, "0");
    claim(f, s, 0, 60, &id, &token);
    assert_int_equal(td__store_claim(f->store, s, 0, 60, &id, &token, &f->err), TD_E_STALE);
    assert_int_equal(td__store_claim(f->store, s, 1, 60, &id, &token, &f->err), TD_E_STALE);
}

static void telling_twice_changes_nothing(void **state) {
    fixture *f = *state;
    int64_t s = make_study(f, "s", 10), id, token;
    ask(f, s, "0");
    claim(f, s, 0, 60, &id, &token);
    td__finish first = done(1), second = done(2);
    assert_ok(td__store_tell(f->store, id, token, &first, &f->err), &f->err);
    assert_ok(td__store_tell(f->store, id, token, &second, &f->err), &f->err);
    td_arena *a = td_arena_create();
    int n;
    td__trial *t = load(f, s, a, &n);
    assert_true(t[0].outcome.obj[0] == 1);
    assert_int_equal(t[0].rev, 1);
    assert_int_equal(number_of(f, "SELECT rev FROM study"), 1);
    td_arena_destroy(a);
    assert_int_equal(td__store_tell(f->store, id, token + 1, &first, &f->err), TD_E_STALE);
    first.outcome.state = TD_TRIAL_RUNNING;
    assert_int_equal(td__store_tell(f->store, id, token, &first, &f->err), TD_E_USAGE);
}

static td_status tell(td_store *s, int64_t id, int64_t token, double objective, td_error *err) {
    td__finish out = done(objective);
    return td__store_tell(s, id, token, &out, err);
}

static int64_t reap(fixture *f, int64_t s, int max_attempts) {
    int64_t reaped = -1;
    assert_ok(td__store_reap(f->store, s, max_attempts, &reaped, &f->err), &f->err);
    return reaped;
}

/* A worker that hangs: alive, but its lease is over. The zombie is fenced, whatever it tries. */
static void expired_leases_are_reaped(void **state) {
    fixture *f = *state;
    int64_t s = make_study(f, "s", 10), id, token, live, live_token;
    td_store *slow = another(f);
    ask(f, s, "0");
    ask(f, s, "1");
    assert_ok(td__store_claim(slow, s, 0, -1, &id, &token, &f->err), &f->err);
    claim(f, s, 1, -1, &live, &live_token); /* one's own is not taken back */
    assert_int_equal(reap(f, s, 5), 1);
    assert_int_equal(tell(slow, id, token, 1, &f->err), TD_E_STALE);
    assert_ok(td__store_release(slow, id, token, &f->err), &f->err);
    int64_t again, again_token;
    claim(f, s, 0, 60, &again, &again_token);
    assert_int_equal(again, id);
    assert_true(again_token > token);
    assert_int_equal(tell(slow, id, token, 1, &f->err), TD_E_STALE);
    assert_ok(td__store_leave(slow, &f->err), &f->err); /* gives nothing back that is not its own */
    assert_int_equal(number_of(f, "SELECT count(*) FROM trial WHERE state = 1"), 2);
    assert_ok(tell(f->store, again, again_token, 2, &f->err), &f->err);
    assert_int_equal(tell(slow, id, token, 1, &f->err), TD_E_STALE);
    assert_ok(tell(f->store, live, live_token, 1, &f->err), &f->err);
    assert_int_equal(number_of(f, "SELECT attempt FROM trial WHERE number = 0"), 2);
    assert_int_equal(number_of(f, "SELECT value FROM trial_value WHERE kind = 0 AND trial_id ="
                                  " (SELECT id FROM trial WHERE number = 0)"),
                     2);
    td_store_close(slow);
}

static void a_heartbeat_keeps_the_lease(void **state) {
    fixture *f = *state;
    int64_t s = make_study(f, "s", 10), id, token;
    td_store *slow = another(f);
    ask(f, s, "0");
    assert_ok(td__store_claim(slow, s, 0, -1, &id, &token, &f->err), &f->err);
    assert_ok(td__store_beat(slow, s, 60, &f->err), &f->err);
    assert_int_equal(reap(f, s, 5), 0);
    assert_ok(tell(slow, id, token, 1, &f->err), &f->err);
    td_store_close(slow);
}

/* Leases run by the clock since the machine was started, whatever the wall clock says. */
static void leases_do_not_know_the_wall_clock(void **state) {
    fixture *f = *state;
    int64_t s = make_study(f, "s", 10), id, token;
    ask(f, s, "0");
    int64_t before = (int64_t)(td_time_mono_s() * 1000);
    claim(f, s, 0, 60, &id, &token);
    int64_t after = (int64_t)(td_time_mono_s() * 1000);
    assert_in_range(number_of(f, "SELECT lease_until FROM trial"), before + 60000, after + 60000);
}

/* A worker that died: known at once, by its lock, though its lease runs. */
static void the_dead_are_reaped_at_once(void **state) {
    fixture *f = *state;
    int64_t s = make_study(f, "s", 10), id, token, others;
    td_store *dead = another(f), *live = another(f);
    for (int i = 0; i < 3; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d", i);
        ask(f, s, key);
    }
    assert_ok(td__store_claim(dead, s, 0, 3600, &id, &token, &f->err), &f->err);
    assert_ok(td__store_claim(live, s, 1, 3600, &id, &token, &f->err), &f->err);
    assert_ok(td__store_claim(dead, s, 2, 3600, &id, &token, &f->err), &f->err);
    assert_ok(td__store_others(f->store, &others, &f->err), &f->err);
    assert_int_equal(others, 2);
    assert_int_equal(reap(f, s, 5), 0);
    td_store_close(dead);
    assert_ok(td__store_others(f->store, &others, &f->err), &f->err);
    assert_int_equal(others, 1);
    assert_int_equal(reap(f, s, 5), 2);
    assert_int_equal(number_of(f, "SELECT group_concat(state, '') FROM trial"), 10);
    int64_t number;
    assert_ok(td__store_claim_any(f->store, s, 1, 60, &number, &id, &token, &f->err), &f->err);
    assert_int_equal(number, 0);
    assert_ok(td__store_claim_any(f->store, s, 2, 60, &number, &id, &token, &f->err), &f->err);
    assert_int_equal(number, -1);
    assert_ok(td__store_claim_any(f->store, s, 3, 60, &number, &id, &token, &f->err), &f->err);
    assert_int_equal(number, 2);
    td_store_close(live);
}

/* A number is not given twice, and a worker of another boot is dead whoever has its byte. */
static void workers_of_other_boots_are_dead(void **state) {
    fixture *f = *state;
    int64_t s = make_study(f, "s", 10), id, token;
    td_store *other = another(f);
    assert_int_equal(td__store_worker(f->store), 1);
    assert_int_equal(td__store_worker(other), 2);
    ask(f, s, "0");
    assert_ok(td__store_claim(other, s, 0, 3600, &id, &token, &f->err), &f->err);
    assert_int_equal(reap(f, s, 5), 0);
    number_of(f, "UPDATE worker SET boot = 'yesterday' WHERE id = 2 RETURNING 1");
    assert_int_equal(reap(f, s, 5), 1);
    td_store_close(other);
    other = another(f);
    assert_int_equal(td__store_worker(other), 3);
    td_store_close(other);
}

static void who_leaves_gives_back(void **state) {
    fixture *f = *state;
    int64_t s = make_study(f, "s", 10), id, token;
    td_store *other = another(f);
    ask(f, s, "0");
    assert_ok(td__store_claim(other, s, 0, 3600, &id, &token, &f->err), &f->err);
    assert_ok(td__store_leave(other, &f->err), &f->err);
    td_store_close(other);
    assert_int_equal(number_of(f, "SELECT state + attempt FROM trial"), 0);
    assert_int_equal(number_of(f, "SELECT count(*) FROM worker WHERE ended IS NULL"), 1);
}

/* A trial that kills its process every time ends as failed, and strategies hear of it. */
static void lost_too_often_is_failed(void **state) {
    fixture *f = *state;
    int64_t s = make_study(f, "s", 10), id, token;
    ask(f, s, "0");
    for (int attempt = 1; attempt <= 3; attempt++) {
        td_store *dying = another(f);
        assert_ok(td__store_claim(dying, s, 0, 60, &id, &token, &f->err), &f->err);
        td_store_close(dying);
        assert_int_equal(reap(f, s, 3), 1);
        assert_int_equal(number_of(f, "SELECT state FROM trial"), attempt < 3 ? 0 : 4);
        assert_int_equal(number_of(f, "SELECT rev FROM trial"), attempt < 3 ? 0 : 1);
    }
    assert_int_equal(td__store_claim(f->store, s, 0, 60, &id, &token, &f->err), TD_E_STALE);
    td_arena *a = td_arena_create();
    int n;
    td__trial *t = load(f, s, a, &n);
    assert_int_equal(t[0].state, TD_TRIAL_FAILED);
    assert_string_equal(t[0].error, "lost with its worker 3 times");
    td_arena_destroy(a);
}

static void release_costs_no_attempt(void **state) {
    fixture *f = *state;
    int64_t s = make_study(f, "s", 10), id, token;
    ask(f, s, "0");
    for (int i = 0; i < 10; i++) {
        claim(f, s, 0, 60, &id, &token);
        assert_ok(td__store_release(f->store, id, token, &f->err), &f->err);
    }
    assert_int_equal(number_of(f, "SELECT attempt FROM trial"), 0);
    assert_int_equal(number_of(f, "SELECT state FROM trial"), 0);
    td__finish out = done(1);
    assert_int_equal(td__store_tell(f->store, id, token, &out, &f->err), TD_E_STALE);
}

/* ---- studies, cache -------------------------------------------------------------------------- */

static void another_recipe_or_seed_is_refused(void **state) {
    fixture *f = *state;
    int64_t id;
    make_study(f, "s", 10);
    td__study other = study("s", 43, 7, 10);
    assert_int_equal(td__store_study(f->store, &other, &id, &f->err), TD_E_USAGE);
    assert_non_null(strstr(f->err.message, "another recipe"));
    other = study("s", 42, 8, 10);
    assert_int_equal(td__store_study(f->store, &other, &id, &f->err), TD_E_USAGE);
    make_study(f, "s", 10);
}

static void studies_are_listed_with_counts(void **state) {
    fixture *f = *state;
    int64_t s = make_study(f, "one", 10), id, token;
    make_study(f, "two", 5);
    for (int i = 0; i < 7; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d", i);
        ask(f, s, key);
    }
    /* trained and good; trained and over a target; screened; diverged; not built */
    static const td_state state_of[] = {TD_TRIAL_DONE, TD_TRIAL_DONE, TD_TRIAL_INFEASIBLE,
                                        TD_TRIAL_INFEASIBLE, TD_TRIAL_INFEASIBLE};
    static const double violation[] = {0, 0.25, 0.5, 0, NAN};
    for (int i = 0; i < 5; i++) {
        td__finish out = done(1);
        out.outcome.state = state_of[i];
        out.violation = violation[i];
        out.metric[TD_METRIC_LATENCY] = i == 4 ? NAN : 1e-5;
        claim(f, s, i, 60, &id, &token);
        assert_ok(td__store_tell(f->store, id, token, &out, &f->err), &f->err);
    }
    claim(f, s, 5, 60, &id, &token);
    assert_ok(td__store_study_state(f->store, s, 2, &f->err), &f->err);
    td_arena *a = td_arena_create();
    td_study_info *info;
    int n;
    assert_ok(td_store_studies(f->store, a, &info, &n, &f->err), &f->err);
    assert_int_equal(n, 2);
    assert_string_equal(info[0].name, "one");
    assert_int_equal(info[0].trials, 7);
    static const int64_t count[TD_NRESULT] = {
        [TD_RESULT_READY] = 1,  [TD_RESULT_RUNNING] = 1, [TD_RESULT_MEETS] = 1,
        [TD_RESULT_MISSES] = 2, [TD_RESULT_UNBUILT] = 1, [TD_RESULT_DIVERGES] = 1};
    for (int i = 0; i < TD_NRESULT; i++) assert_int_equal(info[0].count[i], count[i]);
    /* as each trial says it of itself */
    td_trial_row *t;
    int64_t again[TD_NRESULT] = {0};
    assert_ok(td_store_trials(f->store, "one", a, &t, &n, &f->err), &f->err);
    for (int i = 0; i < n; i++) again[td_trial_result(&t[i])]++;
    assert_memory_equal(again, count, sizeof count);
    assert_int_equal(info[0].max_trials, 10);
    assert_int_equal(info[0].state, 2);
    assert_true(info[0].seed == 7);
    assert_string_equal(info[1].name, "two");
    make_study(f, "one", 10); /* goes on: active again */
    assert_ok(td_store_studies(f->store, a, &info, &n, &f->err), &f->err);
    assert_int_equal(info[0].state, 0);
    assert_int_equal(td__store_find(f->store, "three", &id, &f->err), TD_E_NOT_FOUND);
    assert_non_null(strstr(f->err.message, "one, two"));
    td_arena_destroy(a);
}

static void cache_keeps_doubles_and_keys_apart(void **state) {
    fixture *f = *state;
    double v, x;
    bool found;
    assert_ok(td__store_cache_get(f->store, 1, 2, 1000, &v, &x, &found, &f->err), &f->err);
    assert_false(found);
    assert_ok(td__store_cache_put(f->store, 1, 2, 1000, 0.1, 3, &f->err), &f->err);
    assert_ok(td__store_cache_put(f->store, 1, 3, 1000, NAN, 4, &f->err), &f->err);
    assert_ok(td__store_cache_get(f->store, 1, 2, 1000, &v, &x, &found, &f->err), &f->err);
    assert_true(found && v == 0.1 && x == 3);
    assert_ok(td__store_cache_get(f->store, 1, 3, 1000, &v, &x, &found, &f->err), &f->err);
    assert_true(found && isnan(v));
    assert_ok(td__store_cache_get(f->store, 1, 2, 500, &v, &x, &found, &f->err), &f->err);
    assert_false(found);
    assert_ok(td__store_cache_get(f->store, 2, 2, 1000, &v, &x, &found, &f->err), &f->err);
    assert_false(found);
}

/* Replicas have to agree on the budgets: these change only while one is alone. */
static void budgets_do_not_change_under_workers(void **state) {
    fixture *f = *state;
    int64_t id;
    make_study(f, "s", 10);
    td_store *other = another(f);
    make_study(f, "s", 10);
    td__study more = study("s", 42, 7, 11);
    assert_int_equal(td__store_study(f->store, &more, &id, &f->err), TD_E_USAGE);
    assert_non_null(strstr(f->err.message, "1 worker is on it"));
    more = study("s", 42, 7, 10);
    more.max_trained = 5;
    assert_int_equal(td__store_study(f->store, &more, &id, &f->err), TD_E_USAGE);
    td_store_close(other);
    assert_ok(td__store_study(f->store, &more, &id, &f->err), &f->err);
    td_arena *a = td_arena_create();
    td__study_row row;
    assert_ok(td__store_study_row(f->store, id, a, &row, &f->err), &f->err);
    assert_int_equal(row.max_trials, 10);
    assert_int_equal(row.max_trained, 5);
    assert_true(row.max_active_s == INFINITY && row.seed == 7 && row.spec_hash == 42);
    assert_string_equal(row.path, "/r.yaml");
    td_arena_destroy(a);
}

/* ---- enqueued designs, the feed of outcomes, time ---------------------------------------------
 */

static void enqueued_designs_take_the_next_numbers(void **state) {
    fixture *f = *state;
    static const char *const first[] = {"{\"a\": 7}"};
    static const uint64_t hash[] = {7};
    int64_t id, number, trial, token;
    td__study s = study("s", 42, 7, 4);
    s.first = first;
    s.first_hash = hash;
    s.n_first = 1;
    assert_ok(td__store_study(f->store, &s, &id, &f->err), &f->err);
    assert_ok(td__store_study(f->store, &s, &id, &f->err), &f->err); /* once */
    assert_int_equal(ask(f, id, "0:1"), 1);
    assert_ok(td__store_enqueue(f->store, id, "{\"a\": 8}", 8, &number, &f->err), &f->err);
    assert_int_equal(number, 2);
    /* who asks for its number finds it */
    assert_int_equal(ask(f, id, "0:2"), 2);
    td_arena *a = td_arena_create();
    const td__trial *t;
    assert_ok(td__store_peek(f->store, id, 2, a, &t, &f->err), &f->err);
    assert_string_equal(t->params, "{\"a\": 8}");
    assert_int_equal(t->origin, TD__ORIGIN_ENQUEUED);
    assert_int_equal(t->seen, -1);
    assert_ok(td__store_enter(f->store, t->id, 1, &f->err), &f->err);
    assert_ok(td__store_enter(f->store, t->id, 2, &f->err), &f->err); /* the first counts */
    assert_ok(td__store_peek(f->store, id, 2, a, &t, &f->err), &f->err);
    assert_int_equal(t->seen, 1);
    assert_ok(td__store_peek(f->store, id, 3, a, &t, &f->err), &f->err);
    assert_null(t);
    claim(f, id, 2, 60, &trial, &token);
    assert_ok(tell(f->store, trial, token, 1, &f->err), &f->err);
    int n;
    td__trial *all = load(f, id, a, &n);
    assert_int_equal(n, 3);
    assert_int_equal(all[0].origin, TD__ORIGIN_ENQUEUED);
    assert_int_equal(all[1].origin, TD__ORIGIN_STRATEGY);
    assert_ok(td__store_enqueue(f->store, id, "{}", 9, &number, &f->err), &f->err);
    assert_int_equal(td__store_enqueue(f->store, id, "{}", 9, &number, &f->err), TD_E_DONE);
    td_arena_destroy(a);
}

static void since_gives_what_is_new(void **state) {
    fixture *f = *state;
    int64_t s = make_study(f, "s", 10), id[4], token[4];
    for (int i = 0; i < 4; i++) {
        char key[16];
        snprintf(key, sizeof key, "%d", i);
        ask(f, s, key);
        claim(f, s, i, 60, &id[i], &token[i]);
    }
    td_arena *a = td_arena_create();
    td__trial *t;
    int n;
    assert_ok(td__store_since(f->store, s, 0, a, &t, &n, &f->err), &f->err);
    assert_int_equal(n, 0);
    static const int order[] = {2, 0, 3};
    for (int i = 0; i < 3; i++)
        assert_ok(tell(f->store, id[order[i]], token[order[i]], order[i], &f->err), &f->err);
    for (int rev = 0; rev < 3; rev++) {
        assert_ok(td__store_since(f->store, s, rev, a, &t, &n, &f->err), &f->err);
        assert_int_equal(n, 3 - rev);
        for (int i = 0; i < n; i++) {
            td__finish out = done(order[rev + i]);
            assert_int_equal(t[i].number, order[rev + i]);
            assert_int_equal(t[i].rev, rev + i + 1);
            assert_true(t[i].outcome.obj[0] == order[rev + i] && isnan(t[i].outcome.con[1]));
            assert_int_equal(t[i].outcome.ncon, 2);
            assert_memory_equal(t[i].metric, out.metric, sizeof out.metric);
            assert_true(t[i].accuracy == 0.875 && t[i].reward == INFINITY && t[i].scored);
            assert_true(t[i].net_hash == out.net_hash && t[i].hw_hash == 3);
        }
    }
    td_arena_destroy(a);
}

/* Time in which a worker was there counts, once however many there are, and no other time. */
static void active_time_ends_asking(void **state) {
    fixture *f = *state;
    int64_t id, number;
    td__study s = study("s", 42, 7, 100);
    s.max_active_s = 1000;
    assert_ok(td__store_study(f->store, &s, &id, &f->err), &f->err);
    assert_ok(td__store_active(f->store, id, true, 60, &f->err), &f->err);
    assert_int_equal(number_of(f, "SELECT active FROM study"), 0);
    ask(f, id, "0");
    /* half a minute ago; then an hour, in which nobody was there */
    number_of(f, "UPDATE study SET active_at = active_at - 30000 RETURNING 1");
    td_store *other = another(f);
    assert_ok(td__store_beat(other, id, 60, &f->err), &f->err);
    assert_ok(td__store_beat(f->store, id, 60, &f->err), &f->err);
    assert_in_range(number_of(f, "SELECT active FROM study"), 30000, 32000);
    number_of(f, "UPDATE study SET active_at = active_at - 3600000 RETURNING 1");
    assert_ok(td__store_beat(f->store, id, 60, &f->err), &f->err);
    assert_in_range(number_of(f, "SELECT active FROM study"), 30000, 33000);
    /* of another boot: nothing is known of the time between */
    number_of(f, "UPDATE study SET active_at = active_at - 30000, active_boot = 'x' RETURNING 1");
    assert_ok(td__store_beat(f->store, id, 60, &f->err), &f->err);
    assert_in_range(number_of(f, "SELECT active FROM study"), 30000, 34000);
    number_of(f, "UPDATE study SET active = 980000, active_at = active_at - 30000 RETURNING 1");
    assert_int_equal(try_ask(f->store, id, "1", &number, &f->err), TD_E_DONE);
    assert_int_equal(ask(f, id, "0"), 0);
    /* once over it is over, also for one that sees no time pass */
    number_of(f, "UPDATE study SET active_boot = 'x' RETURNING 1");
    assert_int_equal(try_ask(other, id, "1", &number, &f->err), TD_E_DONE);
    s.max_active_s = 2000;
    td_store_close(other);
    assert_ok(td__store_study(f->store, &s, &id, &f->err), &f->err);
    assert_int_equal(ask(f, id, "1"), 1);
}

/* ---- claims of values -------------------------------------------------------------------------
 */

static void take(td_store *s, uint64_t config, double lease_s, bool *found, bool *busy, double *v) {
    td_error err;
    assert_ok(td__store_cache_claim(s, 1, config, 1000, lease_s, v, found, busy, &err), &err);
}

static void values_are_found_out_by_one(void **state) {
    fixture *f = *state;
    td_store *other = another(f);
    bool found, busy;
    double v;
    take(f->store, 2, 60, &found, &busy, &v);
    assert_false(found || busy);
    take(f->store, 2, 60, &found, &busy, &v); /* one's own */
    assert_false(found || busy);
    take(other, 2, 60, &found, &busy, &v);
    assert_true(!found && busy);
    take(other, 3, 60, &found, &busy, &v);
    assert_false(found || busy);
    assert_ok(td__store_cache_put(f->store, 1, 2, 1000, 0.25, 1, &f->err), &f->err);
    take(other, 2, 60, &found, &busy, &v);
    assert_true(found && !busy && v == 0.25);
    assert_int_equal(number_of(f, "SELECT count(*) FROM eval_claim"), 1);
    /* Failed: free for others. Died: free. Hangs: free. */
    take(f->store, 4, 60, &found, &busy, &v);
    assert_ok(td__store_cache_release(f->store, 1, 4, 1000, &f->err), &f->err);
    take(other, 4, 60, &found, &busy, &v);
    assert_false(found || busy);
    take(f->store, 4, 60, &found, &busy, &v);
    assert_true(busy);
    td_store_close(other);
    take(f->store, 4, -1, &found, &busy, &v);
    assert_false(found || busy);
    other = another(f);
    take(other, 4, 60, &found, &busy, &v);
    assert_false(found || busy);
    assert_ok(td__store_cache_release(f->store, 1, 4, 1000, &f->err), &f->err); /* not its own */
    take(f->store, 4, 60, &found, &busy, &v);
    assert_true(busy);
    td_store_close(other);
}

int main(void) {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(ask_is_idempotent),
        CASE(budget_ends_asking),
        CASE(budget_is_met_exactly_by_six_threads),
        CASE(budget_is_met_exactly_by_four_processes),
        CASE(made_by_one_of_many),
        CASE(what_is_told_is_loaded),
        CASE(a_claim_is_exclusive),
        CASE(telling_twice_changes_nothing),
        CASE(expired_leases_are_reaped),
        CASE(a_heartbeat_keeps_the_lease),
        CASE(leases_do_not_know_the_wall_clock),
        CASE(the_dead_are_reaped_at_once),
        CASE(workers_of_other_boots_are_dead),
        CASE(who_leaves_gives_back),
        CASE(lost_too_often_is_failed),
        CASE(release_costs_no_attempt),
        CASE(another_recipe_or_seed_is_refused),
        CASE(studies_are_listed_with_counts),
        CASE(cache_keeps_doubles_and_keys_apart),
        CASE(budgets_do_not_change_under_workers),
        CASE(enqueued_designs_take_the_next_numbers),
        CASE(since_gives_what_is_new),
        CASE(active_time_ends_asking),
        CASE(values_are_found_out_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Conformance of the store: the rules of docs/store.md for workers, with threads and processes that
 * have each a handle of their own. */
#include <pthread.h>
#include <sys/wait.h>

#include "store_helper.h"

/* Another worker of the same store. Closing it without leaving is its death. */
static td_store *another(fixture *f) {
    td_store *s;
    assert_ok(td_store_open(f->path, true, &s, &f->err), &f->err);
    assert_ok(td__store_join(s, &f->err), &f->err);
    return s;
}

/* ---- many at once ---------------------------------------------------------------------------- */

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

/* ---- leases ---------------------------------------------------------------------------------- */

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

/* ---- budgets, time --------------------------------------------------------------------------- */

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

/* ---- claims of values ------------------------------------------------------------------------ */

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
#define CASE(f) cmocka_unit_test_setup_teardown(f, store_setup, store_teardown)
    const struct CMUnitTest tests[] = {
        CASE(budget_is_met_exactly_by_six_threads),
        CASE(budget_is_met_exactly_by_four_processes),
        CASE(made_by_one_of_many),
        CASE(expired_leases_are_reaped),
        CASE(a_heartbeat_keeps_the_lease),
        CASE(leases_do_not_know_the_wall_clock),
        CASE(the_dead_are_reaped_at_once),
        CASE(workers_of_other_boots_are_dead),
        CASE(who_leaves_gives_back),
        CASE(lost_too_often_is_failed),
        CASE(release_costs_no_attempt),
        CASE(budgets_do_not_change_under_workers),
        CASE(active_time_ends_asking),
        CASE(values_are_found_out_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

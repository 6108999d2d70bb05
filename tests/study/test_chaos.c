/* Searches whose processes are killed, at random and at the worst places, until they end all the
 * same: no trial lost, none double, budgets exact, and the trials are those of a search that nobody
 * disturbed. Some seconds with a few kills as a test; scripts/chaos.sh runs it with hundreds:
 *
 *     TANDEM_CHAOS=FILE           writes a report (Markdown) to FILE; kills as many as promised
 *     TANDEM_CHAOS_SEED=N         of the kills; printed if not given */
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "crash.h"
#include "study_helper.h"
#include "tandem/report.h"

enum { WORKERS = 4 };

/* What one scenario has come to. */
typedef struct {
    const char *name;
    int kills[N_CRASHES], total, studies;
    int64_t trials, networks, evaluations;
    double seconds;
} tally;

static struct {
    bool many;
    uint64_t seed;
    td_rng rng;
    tally done[8];
    int n;
} chaos;

static int upto(int n) {
    return (int)td_rng_below(&chaos.rng, (uint64_t)n);
}

typedef struct {
    char *folder;
    const char *db;
    td_error err;
    int *evaluations; /* shared with the children */
} fixture;

static int setup(void **state) {
    static fixture f;
    static char path[1200];
    f = (fixture){.folder = scratch_make()};
    snprintf(path, sizeof path, "%s", scratch_path(f.folder, "study.db"));
    f.db = path;
    f.evaluations =
        mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(f.evaluations != MAP_FAILED);
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    munmap(f->evaluations, sizeof(int));
    scratch_remove(f->folder);
    return 0;
}

static int64_t number_of(const char *path, const char *sql) {
    sqlite3 *db;
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    sqlite3_busy_timeout(db, 60000);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    int64_t v = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return v;
}

/* ---- a cheap source of accuracies -------------------------------------------------------------
 */

typedef struct {
    td_accuracy inner;
    int *evaluations;
} counted;

static td_status evaluate(void *self, const td_design *d, double fidelity, bool (*cancel)(void *),
                          void *cancel_self, td_accuracy_result *out, td_error *err) {
    counted *c = self;
    __atomic_fetch_add(c->evaluations, 1, __ATOMIC_SEQ_CST);
    crash_here();
    return c->inner.evaluate(c->inner.self, d, fidelity, cancel, cancel_self, out, err);
}

enum { TRIALS = 120 };

static td_status cheap_search(fixture *f, const char *db, int threads, int longest_us,
                              td_error *err) {
    search s;
    search_init(&s, threads, TRIALS);
    s.fake.longest_us = longest_us;
    counted c = {.inner = s.accuracy, .evaluations = f->evaluations};
    td_accuracy source = s.accuracy;
    source.self = &c;
    source.evaluate = evaluate;
    s.row.accuracy = &source;
    td_status st = search_run(&s, db, err);
    search_free(&s);
    return st;
}

static pid_t start_cheap(fixture *f, crash_kind kind, int k, int threads) {
    fflush(NULL);
    pid_t child = fork();
    if (child != 0) return child;
    td_error err = {0};
    crash_install();
    crash_arm(kind, k);
    td_status st = cheap_search(f, f->db, threads, 1500, &err);
    if (st != TD_OK) fprintf(stderr, "worker: %s\n", err.message);
    _exit(st == TD_OK ? 0 : 1);
}

/* ---- what has to hold after each death --------------------------------------------------------
 */

/* All that is finished stands as in the undisturbed search; what was finished once still is. */
static int64_t check_rest(const char *db, const char *expected, int64_t before) {
    if (!td_file_exists(db)) return before;
    if (number_of(db, "SELECT count(*) FROM sqlite_master WHERE name = 'eval_claim'") == 0 ||
        number_of(db, "SELECT count(*) FROM trial") == 0)
        return before; /* it died while making it, or before its first trial */
    char *text = trials_text(db), *save_a = NULL, *save_b = NULL;
    char *whole = strdup(expected), *e = strtok_r(whole, "\n", &save_a);
    int64_t finished = 0;
    for (char *line = strtok_r(text, "\n", &save_b); line != NULL;
         line = strtok_r(NULL, "\n", &save_b), e = strtok_r(NULL, "\n", &save_a)) {
        int trial_state = 0;
        assert_int_equal(sscanf(line, "%*d %d", &trial_state), 1);
        assert_non_null(e);
        if (trial_state <= TD_TRIAL_RUNNING) continue;
        /* Which of the trials with one network paid for it is known when all before are over. */
        strstr(line, " trained ")[9] = strstr(e, " trained ")[9];
        if (strcmp(line, e) != 0)
            fail_msg("seed %llu:\n%s\n%s", (unsigned long long)chaos.seed, line, e);
        finished++;
    }
    free(text);
    free(whole);
    assert_true(finished >= before);
    assert_int_equal(number_of(db, "SELECT count(DISTINCT rev) FROM trial WHERE rev > 0"),
                     finished);
    assert_int_equal(number_of(db, "SELECT rev FROM study"), finished);
    return finished;
}

static void check_end(fixture *f, tally *t, char *expected) {
    char *got = trials_text(f->db);
    assert_string_equal(got, expected);
    free(got);
    assert_int_equal(number_of(f->db, "SELECT max(number) + 1 FROM trial"), TRIALS);
    assert_int_equal(number_of(f->db, "SELECT max(rev) FROM trial"), TRIALS);
    t->trials += TRIALS;
    t->networks += number_of(f->db, "SELECT count(*) FROM eval_cache");
    t->evaluations += *f->evaluations;
    t->studies++;
    *f->evaluations = 0;
    unlink(f->db);
    unlink(scratch_path(f->folder, "study.db-wal"));
    unlink(scratch_path(f->folder, "study.db-shm"));
}

/* Too many deaths of one trial end it as failed, and rightly so: then let it live for once. */
static bool is_tired(const char *db) {
    return td_file_exists(db) &&
           number_of(db, "SELECT count(*) FROM sqlite_master WHERE name = 'eval_claim'") > 0 &&
           number_of(db, "SELECT coalesce(max(attempt), 0) FROM trial WHERE state < 2") >= 3;
}

/* The kinds in turn, so that each has its share; of writes there are many more than of trials. */
static int draw_k(crash_kind kind) {
    int often = kind == CRASH_LOG ? 12 : kind == CRASH_TELL ? 9 : kind == CRASH_CHECKPOINT ? 8 : 1;
    return 1 + upto(12 * often);
}

static void begin(tally *t, const char *name) {
    *t = (tally){.name = name, .seconds = -td_time_mono_s()};
}

/* Begun twice is only what a kill cut off: at most one accuracy for each thread of who was killed.
 */
static void end(tally *t) {
    enum { MOST_THREADS = 3 };
    assert_true(t->evaluations <= t->networks + (int64_t)MOST_THREADS * t->total);
    t->seconds += td_time_mono_s();
    chaos.done[chaos.n++] = *t;
}

static char *cheap_reference(fixture *f) {
    const char *db = scratch_path(f->folder, "reference.db");
    assert_ok(cheap_search(f, db, 1, 0, &f->err), &f->err);
    *f->evaluations = 0;
    return trials_text(db);
}

static int wait_any(pid_t child) {
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFSIGNALED(status)) assert_int_equal(WEXITSTATUS(status), 0);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static bool every_kind(const tally *t) {
    for (int k = 0; k < N_CRASHES; k++)
        if (t->kills[k] == 0) return false;
    return true;
}

static void one_worker_killed_over_and_over(void **state) {
    fixture *f = *state;
    tally t;
    begin(&t, "one worker, cheap accuracies");
    char *expected = cheap_reference(f);
    int64_t finished = 0;
    int goal = chaos.many ? 200 : 2 * N_CRASHES;
    for (int round = 0; t.total < goal || !every_kind(&t); round++) {
        crash_kind kind = (crash_kind)(round % N_CRASHES);
        bool rest = is_tired(f->db);
        pid_t child = start_cheap(f, rest ? CRASH_ANYTIME : kind, draw_k(kind), 1 + upto(3));
        if (kind == CRASH_ANYTIME && !rest) {
            usleep((useconds_t)upto(60000));
            kill(child, SIGKILL);
        }
        if (wait_any(child) == SIGKILL) {
            t.kills[kind]++;
            t.total++;
            finished = check_rest(f->db, expected, finished);
        } else {
            check_end(f, &t, expected);
            finished = 0;
        }
    }
    assert_int_equal(wait_any(start_cheap(f, CRASH_ANYTIME, 1, 2)), 0);
    check_end(f, &t, expected);
    free(expected);
    end(&t);
}

static void four_workers_killed_in_turn(void **state) {
    fixture *f = *state;
    tally t;
    begin(&t, "four workers, cheap accuracies");
    char *expected = cheap_reference(f);
    int goal = chaos.many ? 200 : 2 * N_CRASHES, round = 0;
    while (t.total < goal) {
        pid_t child[WORKERS];
        crash_kind kind[WORKERS];
        for (int i = 0; i < WORKERS; i++) {
            kind[i] = (crash_kind)(round++ % N_CRASHES);
            child[i] = start_cheap(f, kind[i], draw_k(kind[i]), 1);
        }
        /* A worker that dies has a successor; one that ends says that the study is over. */
        for (int alive = WORKERS; alive > 0;) {
            int status, i = 0;
            if (t.total < goal && upto(4) == 0) {
                usleep((useconds_t)upto(20000));
                int victim = upto(WORKERS);
                if (child[victim] > 0 && kind[victim] == CRASH_ANYTIME)
                    kill(child[victim], SIGKILL);
            }
            pid_t ended = waitpid(-1, &status, alive == 1 ? 0 : WNOHANG);
            if (ended <= 0) {
                usleep(500);
                continue;
            }
            while (i < WORKERS && child[i] != ended) i++;
            assert_true(i < WORKERS);
            if (!WIFSIGNALED(status)) {
                assert_int_equal(WEXITSTATUS(status), 0);
                child[i] = 0;
                alive--;
                continue;
            }
            assert_int_equal(WTERMSIG(status), SIGKILL);
            t.kills[kind[i]]++;
            t.total++;
            bool rest = t.total >= goal || is_tired(f->db);
            kind[i] = (crash_kind)(round++ % N_CRASHES);
            child[i] = start_cheap(f, rest ? CRASH_ANYTIME : kind[i], draw_k(kind[i]), 1);
            if (rest) kind[i] = CRASH_TRAINING; /* not to be killed from outside either */
        }
        check_end(f, &t, expected);
    }
    free(expected);
    end(&t);
}

/* ---- training ---------------------------------------------------------------------------------
 */

static const char recipe[] = "name: chaos\n"
                             "seed: 3\n"
                             "lag: 3\n"
                             "network:\n"
                             "  space: ibn\n"
                             "  input: [1, 8, 8]\n"
                             "  classes: 10\n"
                             "  stem: {channels: 8, stride: 2}\n"
                             "  stages: [{channels: 8, stride: 1, depth: [1, 2, 3]}]\n"
                             "  kernel: [3, 5]\n"
                             "  expansion: [1, 2]\n"
                             "  width: 1\n"
                             "  head: 0\n"
                             "accelerator: {space: micro, pe_x: [1, 2], pe_y: 1, simd: [4, 8],\n"
                             "  lanes: 1, local_kb: [64, 128], rf_kb: 1, io_gbps: [0.4, 0.8]}\n"
                             "accuracy: {path: data, epochs: 2, train_images: 800, batch: 50,\n"
                             "  rate: 0.05, warmup_steps: 2}\n"
                             "objective: {targets: {latency_us: 5000, area_mm2: 5}}\n"
                             "schedule: {max_nodes: 300}\n"
                             "budget: {trials: 60, trained: 30}\n"
                             "final: {epochs: 1, train_images: 500, batch: 50, rate: 0.05,\n"
                             "  candidates: 2, warmup_steps: 2}\n";

/* The first of several leads: it trains the winners and writes the results. */
static pid_t start_training(fixture *f, const char *out, bool leads) {
    fflush(NULL);
    pid_t child = fork();
    if (child != 0) return child;
    td_error err = {0};
    td_recipe *r = NULL;
    td_run_summary sum = {0};
    td_run_options o = {.out = out, .threads = 1};
    char db[1300];
    snprintf(db, sizeof db, "%s/study.db", out);
    td_status st = td_recipe_load(scratch_path(f->folder, "r.yaml"), &r, &err);
    if (st == TD_OK && leads) {
        st = td_recipe_run(r, &o, &sum, &err);
        if (st == TD_OK) st = td_report_write(r, &sum, out, &err);
    } else if (st == TD_OK) {
        for (st = TD_E_NOT_FOUND; st == TD_E_NOT_FOUND; usleep(5000))
            st = td_recipe_join(r, &o, &err); /* until the leader has made the store */
    }
    if (st != TD_OK) fprintf(stderr, "worker: %s\n", err.message);
    _exit(st == TD_OK ? 0 : 1);
}

static char *file_of(const char *folder, const char *name, size_t *size) {
    char *data;
    td_error err;
    assert_ok(td_file_read(scratch_path(folder, name), 0, &data, size, &err), &err);
    return data;
}

static void same_file(const char *a, const char *b, const char *name) {
    size_t n, m;
    char *x = file_of(a, name, &n), *y = file_of(b, name, &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
    free(x);
    free(y);
}

static void searches_with_training(fixture *f, int workers, const char *name) {
    tally t;
    begin(&t, name);
    scratch_data(scratch_path(f->folder, "data"));
    scratch_write(f->folder, "r.yaml", recipe, sizeof recipe - 1);
    char whole[1200], out[1200];
    snprintf(whole, sizeof whole, "%s", scratch_path(f->folder, "whole"));
    snprintf(out, sizeof out, "%s", scratch_path(f->folder, "out"));
    double start = td_time_mono_s();
    assert_int_equal(wait_any(start_training(f, whole, true)), 0);
    double took = td_time_mono_s() - start;
    int goal = chaos.many ? 20 : TEST_SANITIZED ? 1 : 3;
    while (t.total < goal) {
        pid_t child[WORKERS];
        for (int i = 0; i < workers; i++) child[i] = start_training(f, out, i == 0);
        for (int deaths = 0; t.total < goal && deaths < 6;) {
            usleep((useconds_t)(1e6 * took * (0.05 + 0.25 * td_rng_uniform(&chaos.rng))));
            int i = upto(workers);
            kill(child[i], SIGKILL);
            if (wait_any(child[i]) == SIGKILL) {
                t.kills[CRASH_ANYTIME]++;
                t.total++;
                deaths++;
            } else {
                deaths = 6; /* it is over */
            }
            child[i] = start_training(f, out, i == 0);
        }
        for (int i = 0; i < workers; i++) assert_int_equal(wait_any(child[i]), 0);
        same_file(whole, out, "trials.csv");
        same_file(whole, out, "pareto.csv");
        same_file(whole, out, "best/weights.bin");
        same_file(whole, out, "best/network.yaml");
        same_file(whole, out, "best/accelerator.yaml");
        char db[1300];
        snprintf(db, sizeof db, "%s/study.db", out);
        int64_t n = number_of(db, "SELECT count(*) FROM trial");
        assert_int_equal(number_of(db, "SELECT count(DISTINCT rev) FROM trial"), n);
        t.trials += n;
        t.networks += number_of(db, "SELECT count(*) FROM eval_cache");
        t.studies++;
        char *done = strdup(out);
        scratch_remove(done);
    }
    end(&t);
}

static void one_worker_killed_while_it_trains(void **state) {
    searches_with_training(*state, 1, "one worker, training");
}

static void four_workers_killed_while_they_train(void **state) {
    searches_with_training(*state, WORKERS, "four workers, training");
}

/* ---- the report -------------------------------------------------------------------------------
 */

static void write_report(const char *path) {
    td_text t = {0};
    char machine[200], day[32];
    time_t now = time(NULL);
    strftime(day, sizeof day, "%Y-%m-%d", gmtime(&now));
    td_machine_text(machine, sizeof machine);
    td_text_add(&t, "# Chaos: searches whose processes are killed\n\n"
                    "Written by `scripts/chaos.sh` (tests/study/test_chaos.c). Processes of a "
                    "search are killed by SIGKILL, at random\nmoments and at chosen places, and "
                    "started again, until the search ends.\n\n");
    td_text_addf(&t, "tandem %s, %s, %s, seed %llu.\n\n", td_version(), day, machine,
                 (unsigned long long)chaos.seed);
    td_text_add(&t, "| | kills | searches | trials compared | networks | evaluated | time |\n"
                    "|---|---|---|---|---|---|---|\n");
    for (int i = 0; i < chaos.n; i++) {
        const tally *d = &chaos.done[i];
        td_text_addf(&t, "| %s | %d | %d | %lld | %lld | ", d->name, d->total, d->studies,
                     (long long)d->trials, (long long)d->networks);
        if (d->evaluations > 0)
            td_text_addf(&t, "%lld", (long long)d->evaluations);
        else
            td_text_add(&t, "-");
        td_text_addf(&t, " | %.0f s |\n", d->seconds);
    }
    td_text_add(&t,
                "\nEvaluated: accuracies that were begun; beyond the number of networks are "
                "those that a kill cut off. A trial\nthat had lost its worker three times was "
                "left in peace for one run of it: after five it is given up, as it should be.\n\n"
                "Where the processes were killed:\n\n| |");
    for (int i = 0; i < chaos.n; i++) td_text_addf(&t, " %s |", chaos.done[i].name);
    td_text_add(&t, "\n|---|");
    for (int i = 0; i < chaos.n; i++) td_text_add(&t, "---|");
    td_text_add(&t, "\n");
    for (int k = 0; k < N_CRASHES; k++) {
        td_text_addf(&t, "| %s |", crash_text[k]);
        for (int i = 0; i < chaos.n; i++) td_text_addf(&t, " %d |", chaos.done[i].kills[k]);
        td_text_add(&t, "\n");
    }
    td_text_add(
        &t,
        "\nThe places within are hit by a trace of SQLite's statements and a VFS that writes half "
        "of what it is given;\nboth are in the test, not in the library. Checkpoints come every "
        "40 pages in it, so that many are hit.\n\n"
        "After each kill of the single worker, in the store as it was left: its pages are sound; "
        "numbers and revisions have\nno holes; no trial that was finished before is lost; each "
        "finished trial has the figures of the undisturbed search.\nAt the end of each search: all "
        "trials are those of the undisturbed one, bit for bit (number, choices, how many were\n"
        "told before it, metrics, accuracy, reward, hashes), their number is the budget, none "
        "failed; with training also the\nresults' files, down to the weights of the winner.\n\n"
        "All of it held.\n");
    td_error err;
    assert_false(t.failed);
    assert_ok(td_file_write(path, t.data, t.size, &err), &err);
    td_text_free(&t);
}

int main(void) {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(one_worker_killed_over_and_over),
        CASE(four_workers_killed_in_turn),
        CASE(one_worker_killed_while_it_trains),
        CASE(four_workers_killed_while_they_train),
    };
    const char *path = getenv("TANDEM_CHAOS"), *seed = getenv("TANDEM_CHAOS_SEED");
    chaos.many = path != NULL;
    chaos.seed =
        seed != NULL ? strtoull(seed, NULL, 10) : (uint64_t)(td_time_wall_s() * 1000) % 1000000;
    chaos.rng = td_rng_make(chaos.seed, 0, TD_RNG_TEST);
    fprintf(stderr, "TANDEM_CHAOS_SEED=%llu\n", (unsigned long long)chaos.seed);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (failed == 0 && path != NULL) write_report(path);
    return failed;
}

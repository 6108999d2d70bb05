/* bench_store - CPU time that a trial costs in the store, in a large study.
 *
 *     bench_store [TRIALS]        fills a store with so many finished trials (100,000), then
 *
 * measures asked, claimed and told trials by 1, 4 processes, alone and beside a reader that reads
 * the whole study over and over; what a worker pays for the trials of others (peek, since); and
 * what it costs to look for lost ones and to join. CPU time of the process, not of the clock, with
 * what the system does for it; the wall time of the slowest process beside it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../src/study/store.h"

enum { MEASURED = 4000, MOST_PROCESSES = 4 };

static char folder[] = "/tmp/tandem-bench-XXXXXX", path[64];

static void must(td_status s, const td_error *err) {
    if (s == TD_OK) return;
    fprintf(stderr, "bench_store: %s\n", err->message);
    exit(1);
}

static double cpu_s(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static td_store *join(int64_t *study) {
    td_error err;
    td_store *s;
    must(td_store_open(path, true, &s, &err), &err);
    must(td__store_join(s, &err), &err);
    const td__study spec = {.name = "row",
                            .spec = "bench",
                            .spec_hash = 1,
                            .seed = 1,
                            .max_trials = INT64_MAX,
                            .max_trained = INT64_MAX,
                            .max_active_s = INFINITY};
    must(td__store_study(s, &spec, study, &err), &err);
    return s;
}

/* A trial as a joint search has them: twenty decisions, three metrics, an accuracy. */
static void one_trial(td_store *s, int64_t study, const char *key, uint64_t salt) {
    td_error err;
    td_text params = {0};
    int64_t number, id, token;
    bool made;
    td_text_add(&params, "{");
    for (int i = 0; i < 20; i++)
        td_text_addf(&params, "%s\"s%d.b%d.kernel\": %d", i > 0 ? ", " : "", i / 4, i % 4,
                     3 + 2 * (int)(salt >> i & 1));
    td_text_add(&params, "}");
    must(td__store_ask(s, study, key, 0, params.data, salt, 60, &number, &made, &err), &err);
    must(td__store_claim(s, study, number, 60, &id, &token, &err), &err);
    td__finish f = {.outcome = {.state = TD_TRIAL_DONE, .nobj = 1, .ncon = 2, .obj = {-0.9}},
                    .accuracy = 0.9,
                    .reward = 0.9,
                    .net_hash = salt,
                    .hw_hash = salt * 3,
                    .scored = true};
    for (int m = 0; m < TD_NMETRIC; m++) f.metric[m] = 1e-5 * (double)(salt % 97);
    must(td__store_tell(s, id, token, &f, &err), &err);
    td_text_free(&params);
}

static void fill(int64_t n) {
    int64_t study;
    td_store *s = join(&study);
    for (int64_t i = 0; i < n; i++) {
        char key[32];
        snprintf(key, sizeof key, "0:%lld", (long long)i);
        one_trial(s, study, key, (uint64_t)i * UINT64_C(0x9E3779B97F4A7C15));
    }
    td_error err;
    must(td__store_leave(s, &err), &err);
    td_store_close(s);
}

static pid_t start_reader(void) {
    pid_t child = fork();
    if (child != 0) return child;
    for (;;) {
        td_error err;
        td_store *s;
        td_trial_row *t;
        int n;
        td_arena *a = td_arena_create();
        must(td_store_open(path, false, &s, &err), &err);
        must(td_store_trials(s, "row", a, &t, &n, &err), &err);
        td_store_close(s);
        td_arena_destroy(a);
    }
}

typedef struct {
    double cpu_s, wall_s;
} cost;

/* Each process enters, claims and tells its share. */
static void measure(const char *what, int processes, bool reader) {
    int fd[2];
    pid_t reading = reader ? start_reader() : 0;
    if (reader) usleep(300000);
    if (pipe(fd) != 0) exit(1);
    for (int p = 0; p < processes; p++) {
        if (fork() != 0) continue;
        int64_t study;
        td_store *s = join(&study);
        cost c = {-cpu_s(), -td_time_mono_s()};
        for (int i = 0; i < MEASURED / processes; i++) {
            char key[48];
            snprintf(key, sizeof key, "%ld:%d", (long)getpid(), i);
            one_trial(s, study, key, (uint64_t)i * UINT64_C(0xD1B54A32D192ED03));
        }
        c.cpu_s += cpu_s();
        c.wall_s += td_time_mono_s();
        td_error err;
        must(td__store_leave(s, &err), &err);
        _exit(write(fd[1], &c, sizeof c) == sizeof c ? 0 : 1);
    }
    cost sum = {0}, c;
    for (int p = 0; p < processes; p++) {
        if (read(fd[0], &c, sizeof c) != sizeof c) exit(1);
        sum.cpu_s += c.cpu_s;
        sum.wall_s = c.wall_s > sum.wall_s ? c.wall_s : sum.wall_s;
    }
    if (reader) kill(reading, SIGKILL);
    while (wait(NULL) > 0) {
    }
    close(fd[0]);
    close(fd[1]);
    printf("%-44s %8.3f ms CPU each  %8.0f per second\n", what, 1e3 * sum.cpu_s / MEASURED,
           MEASURED / sum.wall_s);
}

#define TIMED(what, times, statement)                                                              \
    do {                                                                                           \
        double start_ = cpu_s();                                                                   \
        for (int i_ = 0; i_ < (times); i_++) statement;                                            \
        printf("%-44s %8.3f ms CPU each\n", what, 1e3 * (cpu_s() - start_) / (times));             \
    } while (0)

static void measure_reading(int64_t trials) {
    int64_t study, reaped, others;
    int n;
    td_error err;
    td__trial *t;
    const td__trial *one;
    td_arena *a = td_arena_create();
    td_store *s = join(&study);
    TIMED("peek at a trial", 10000,
          (td_arena_reset(a),
           must(td__store_peek(s, study, (i_ * 7919) % trials, a, &one, &err), &err)));
    int64_t rev = trials;
    must(td__store_since(s, study, rev, a, &t, &n, &err), &err);
    rev += n;
    TIMED("since: nothing new", 10000,
          (td_arena_reset(a), must(td__store_since(s, study, rev, a, &t, &n, &err), &err)));
    TIMED("since: 100 trials", 100,
          (td_arena_reset(a), must(td__store_since(s, study, rev - 100, a, &t, &n, &err), &err)));
    TIMED("reap: nothing lost", 10000, must(td__store_reap(s, study, 5, &reaped, &err), &err));
    TIMED("others alive", 1000, must(td__store_others(s, &others, &err), &err));
    TIMED("a heartbeat", 1000, must(td__store_beat(s, study, 60, &err), &err));
    TIMED("load all", 1,
          (td_arena_reset(a), must(td__store_load(s, study, a, &t, &n, &err), &err)));
    must(td__store_leave(s, &err), &err);
    td_store_close(s);
    TIMED("open and join", 1, (s = join(&study)));
    must(td__store_leave(s, &err), &err);
    td_store_close(s);
    td_arena_destroy(a);
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    int64_t trials = argc > 1 ? strtoll(argv[1], NULL, 10) : 100000;
    if (trials < 1000) trials = 1000;
    if (mkdtemp(folder) == NULL) return 1;
    snprintf(path, sizeof path, "%s/study.db", folder);
    double start = cpu_s();
    fill(trials);
    struct stat st;
    printf("%-44s %8.3f ms CPU each\n", "filling an empty store",
           1e3 * (cpu_s() - start) / (double)trials);
    if (stat(path, &st) == 0)
        printf("%lld trials in %.1f MB\n", (long long)trials, 1e-6 * (double)st.st_size);
    measure("ask + claim + tell, 1 process", 1, false);
    measure("ask + claim + tell, 4 processes", 4, false);
    measure("ask + claim + tell, 1 process and a reader", 1, true);
    measure("ask + claim + tell, 4 processes and a reader", 4, true);
    measure_reading(trials);
    static const char *const files[] = {"study.db", "study.db-wal", "study.db-shm", "study.lock"};
    for (int i = 0; i < 4; i++) {
        char name[96];
        snprintf(name, sizeof name, "%s/%s", folder, files[i]);
        unlink(name);
    }
    rmdir(folder);
    return 0;
}

/* CPU time of an ask and a tell on an SQLite store with so many finished trials: the strategy, the
 * choices as JSON, the store's ask, claim and tell; of ten decisions (five reals, two integers,
 * three names of five). What the function itself takes is not in it.
 *
 *     bench_ask [--trials N] [STRATEGY[:OPTIONS]...]     (5,000; all that end a trial in time) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../src/study/store.h"
#include "../tests/search/blackbox.h"

enum { MEASURED = 200 }; /* the last trials */

static void must(td_status s, const td_error *err) {
    if (s == TD_OK) return;
    fprintf(stderr, "bench_ask: %s\n", err->message);
    exit(1);
}

static double cpu_s(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static td_store *join(const char *path, int64_t *study) {
    td_error err = {0};
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

typedef struct {
    td_store *store;
    int64_t study;
    const blackbox *problem;
    const td_space *space;
    const td_strategy *strategy;
    void *state;
} search;

static void one_trial(const search *s, int64_t n) {
    double v[BLACKBOX_MOST], fidelity = 1;
    td_choices c = {s->space->n, v};
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_text params = {0};
    char key[32];
    int64_t number, id, token;
    bool made;
    must(s->strategy->ask(s->state, n, &c, &fidelity), &err);
    td_node_to_json(td_choices_to_node(s->space, &c, a), 0, &params);
    snprintf(key, sizeof key, "0:%lld", (long long)n);
    must(td__store_ask(s->store, s->study, key, n, params.data, td_choices_hash(&c), 60, &number,
                       &made, &err),
         &err);
    must(td__store_claim(s->store, s->study, number, 60, &id, &token, &err), &err);
    td__finish f = {.outcome = s->problem->evaluate(v)};
    f.outcome.fidelity = 1;
    must(td__store_tell(s->store, id, token, &f, &err), &err);
    s->strategy->tell(s->state, n, &c, &f.outcome);
    td_text_free(&params);
    td_arena_destroy(a);
}

static void measure(const char *what, int64_t trials) {
    char name[64], folder[] = "/tmp/tandem-bench-XXXXXX", path[64], command[96];
    size_t length = strcspn(what, ":");
    if (length >= sizeof name) exit(2);
    memcpy(name, what, length);
    name[length] = 0;
    if (mkdtemp(folder) == NULL) exit(1);
    snprintf(path, sizeof path, "%s/study.db", folder);
    td_error err = {0};
    td_arena *a = td_arena_create();
    const td_node *params = NULL;
    const char *options = strchr(what, ':');
    if (options != NULL)
        must(td_yaml_parse(a, options + 1, strlen(options + 1), "options", &params, &err), &err);
    td_space space;
    search s = {.problem = blackbox_find("mixed10"), .space = &space};
    blackbox_space(s.problem, &space);
    s.strategy = td_strategy_find(name);
    if (s.strategy == NULL) must(td_fail(&err, TD_E_USAGE, "no strategy %s", name), &err);
    s.store = join(path, &s.study);
    must(s.strategy->init(&s.state, &space, 1, params, &err), &err);
    for (int64_t n = 0; n < trials; n++) one_trial(&s, n);
    double start = cpu_s();
    for (int64_t n = trials; n < trials + MEASURED; n++) one_trial(&s, n);
    printf("%-28s %8.3f ms CPU per ask and tell after %lld trials\n", what,
           1e3 * (cpu_s() - start) / MEASURED, (long long)trials);
    fflush(stdout);
    s.strategy->destroy(s.state);
    must(td__store_leave(s.store, &err), &err);
    td_store_close(s.store);
    td_arena_destroy(a);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command) != 0) fprintf(stderr, "bench_ask: %s stays\n", folder);
}

int main(int argc, char **argv) {
    static const char *const all[] = {"random",
                                      "qmc",
                                      "evolution",
                                      "local",
                                      "nsga2",
                                      "cmaes",
                                      "ppo",
                                      "tpe",
                                      "bo",
                                      "gp",
                                      "auto:{modelled: 6000}"};
    int64_t trials = 5000;
    int at = 1;
    if (argc > 2 && strcmp(argv[1], "--trials") == 0) {
        trials = strtoll(argv[2], NULL, 10);
        at = 3;
    }
    for (int i = at; i < argc; i++) measure(argv[i], trials);
    for (size_t i = 0; at >= argc && i < sizeof all / sizeof all[0]; i++) measure(all[i], trials);
    return 0;
}

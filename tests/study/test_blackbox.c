/* Somebody's program at the other side: kept or one-shot, crashing, slow, saying nonsense, killed;
 * files of problems that are wrong; and what a resume depends on. */
#include "blackbox_helper.h"

#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>

#define PARAMETERS "parameters: {x: {int: [0, 99]}, k: {choice: [a, b]}}\n"
#define PROBLEM(rest) "name: p\n" PARAMETERS "objectives: [cost]\n" rest

/* The value of a key of the line, for scripts. */
#define GET                                                                                        \
    "get() { printf '%s' \"$line\" | sed -n \"s/.*\\\"$1\\\": *\\\"\\{0,1\\}\\([^,}\\\"]*\\).*/"   \
    "\\1/p\"; }\n"
/* (x - 30)^2, kept or one-shot. */
#define KEPT GET "while read -r line; do x=$(get x); echo $(((x - 30) * (x - 30))); done\n"

/* Runs a script for each trial; the trials as text. */
static char *outcome(const char *script, const char *rest) {
    char *folder = scratch_make(), text[1000];
    td_error err = {0};
    watcher w = {0};
    put_file(folder, "cost.sh", script);
    snprintf(text, sizeof text, PROBLEM("command: [sh, cost.sh]\n%s"), rest);
    assert_ok(run_problem(folder, text, &w, &err), &err);
    char *all = trials_of(folder);
    td_text_free(&w.warnings);
    scratch_remove(folder);
    return all;
}

/* Whatever the way a program lives, its trials are the same. */
static void test_ways_to_live(void **state) {
    (void)state;
    static const char *const scripts[] = {
        KEPT,
        /* One answer each, at once or after a moment in which the next line may be sent. */
        GET "read -r line; x=$(get x); echo $(((x - 30) * (x - 30)))\n",
        GET "read -r line; x=$(get x); echo $(((x - 30) * (x - 30))); sleep .02\n",
        /* Without an end of the line, with empty lines, with a number, with reports. */
        GET "read -r line; x=$(get x); printf %d $(((x - 30) * (x - 30)))\n",
        GET "while read -r line; do x=$(get x); printf '\\n%d\\n\\n \\n' $(((x - 30) * (x - 30))); "
            "done\n",
        GET
        "while read -r line; do x=$(get x)\n"
        "echo '{\"report\": {\"step\": 0, \"cost\": 1e9}}'\n"
        "echo \"{\\\"trial\\\": $(get trial), \\\"cost\\\": $(((x - 30) * (x - 30)))}\"; done\n",
    };
    char *first =
        outcome(scripts[0], "strategy: {name: evolution, population: 6}\nbudget: {trials: 18}\n");
    assert_non_null(strstr(first, "\n17 2 {"));
    assert_null(strstr(first, "\n18 "));
    for (size_t i = 1; i < sizeof scripts / sizeof scripts[0]; i++) {
        char *other = outcome(scripts[i],
                              "strategy: {name: evolution, population: 6}\nbudget: {trials: 18}\n");
        assert_string_equal(other, first);
        free(other);
    }
    /* Several at a time ask for others, but the same whatever the number that really runs. */
    char *four =
        outcome(scripts[0],
                "strategy: {name: evolution, population: 6}\nbudget: {trials: 18}\nparallel: 4\n");
    assert_string_not_equal(four, first);
    char *again =
        outcome(scripts[2],
                "strategy: {name: evolution, population: 6}\nbudget: {trials: 18}\nparallel: 4\n");
    assert_string_equal(four, again);
    free(again);
    free(four);
    free(first);
}

static void expect_reason(const char *all, int number, int trial_state, const char *reason) {
    char begin[32];
    snprintf(begin, sizeof begin, "%d %d {", number, trial_state);
    const char *at = strncmp(all, begin, strlen(begin)) == 0 ? all : strstr(all, begin);
    if (at == NULL) fail_msg("no \"%s\" in:\n%s", begin, all);
    char line[1000];
    snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
    if (strstr(line, reason) == NULL) fail_msg("\"%s\" is not in: %s", reason, line);
}

static void test_faults_are_the_trials(void **state) {
    (void)state;
    char *all = outcome(GET "while read -r line; do case $(get trial) in\n"
                            "1) exit 3;;\n"
                            "2) kill -9 $$;;\n"
                            "3) echo 'Traceback (most recent call last)';;\n"
                            "4) exec sleep 60;;\n"
                            "5) echo '{\"trial\": 4, \"cost\": 1}';;\n"
                            "6) echo '{\"failed\": \"no licence\"}';;\n"
                            "7) echo '{\"infeasible\": \"too wide\"}';;\n"
                            "8) echo NaN;;\n"
                            "9) exec >&-; exit 0;;\n"
                            "10) exec yes '';;\n"
                            "11) sleep 60 & exit 4;;\n"
                            "*) echo 1; esac; done\n",
                        "budget: {trials: 13}\ntimeout_s: 0.8\n");
    expect_reason(all, 0, TD_TRIAL_DONE, "} 1");
    expect_reason(all, 1, TD_TRIAL_FAILED, "ended before an answer: exit status 3");
    expect_reason(all, 2, TD_TRIAL_FAILED, "killed by signal 9");
    expect_reason(all, 3, TD_TRIAL_FAILED, "no answer but \"Traceback (most recent call last)\"");
    expect_reason(all, 4, TD_TRIAL_FAILED, "no answer within 0.8 s");
    expect_reason(all, 5, TD_TRIAL_FAILED, "expected trial 5, found 4");
    expect_reason(all, 6, TD_TRIAL_FAILED, "no licence");
    expect_reason(all, 7, TD_TRIAL_INFEASIBLE, "too wide");
    expect_reason(all, 8, TD_TRIAL_FAILED, "objective cost is null, NaN or infinite");
    expect_reason(all, 9, TD_TRIAL_FAILED, "exit status 0");
    expect_reason(all, 10, TD_TRIAL_FAILED, "no answer within 0.8 s");
    expect_reason(all, 11, TD_TRIAL_FAILED, "exit status 4"); /* what it left holds the pipe */
    expect_reason(all, 12, TD_TRIAL_DONE, "} 1");
    free(all);
}

/* A file remembers that a trial was tried before; a statement of the program's own is no fault. */
static void test_retries(void **state) {
    (void)state;
    char *all = outcome(GET "while read -r line; do t=$(get trial)\n"
                            "case $t in 2) echo '{\"failed\": \"mine\"}'; continue;; esac\n"
                            "echo x >> tried-$t; n=$(wc -l < tried-$t)\n"
                            "if [ $n -lt 3 ]; then exit 1; fi; echo $n; done\n",
                        "budget: {trials: 4}\nretries: 2\n");
    expect_reason(all, 0, TD_TRIAL_DONE, "} 3");
    expect_reason(all, 2, TD_TRIAL_FAILED, "mine");
    expect_reason(all, 3, TD_TRIAL_DONE, "} 3");
    free(all);
    all = outcome(GET "while read -r line; do t=$(get trial)\n"
                      "if [ $t = 0 ]; then echo 1; continue; fi\n"
                      "echo x >> tried-$t; if [ $(wc -l < tried-$t) -lt 3 ]; then exit 1; fi\n"
                      "echo 2; done\n",
                  "budget: {trials: 2}\nretries: 1\n");
    expect_reason(all, 1, TD_TRIAL_FAILED, "exit status 1");
    free(all);
}

static void test_programs_that_never_work(void **state) {
    (void)state;
    char *folder = scratch_make();
    td_error err = {0};
    watcher w = {0};
    const char *missing = PROBLEM("command: [./no-such-program]\nbudget: {trials: 9}\n");
    assert_int_equal(run_problem(folder, missing, &w, &err), TD_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "cannot run \"./no-such-program\""));
    put_file(folder, "plain.txt", "no program");
    const char *plain = PROBLEM("command: [./plain.txt]\nbudget: {trials: 9}\n");
    assert_int_equal(run_problem(folder, plain, &w, &err), TD_E_NOT_FOUND);
    /* It starts, and fails: five times, of which the last is given back; it may be mended. */
    const char *failing = PROBLEM("command: [sh, cost.sh]\nbudget: {trials: 9}\n");
    put_file(folder, "cost.sh", "exit 7\n");
    assert_int_equal(run_problem(folder, failing, &w, &err), TD_E_IO);
    assert_non_null(strstr(err.message, "5 times"));
    assert_non_null(strstr(err.message, "exit status 7"));
    char *all = trials_of(folder);
    expect_reason(all, 3, TD_TRIAL_FAILED, "exit status 7");
    expect_reason(all, 4, TD_TRIAL_READY, "}");
    free(all);
    put_file(folder, "cost.sh", KEPT);
    assert_ok(run_problem(folder, failing, &w, &err), &err);
    all = trials_of(folder);
    expect_reason(all, 3, TD_TRIAL_FAILED, "exit status 7");
    expect_reason(all, 8, TD_TRIAL_DONE, "}");
    free(all);
    assert_int_equal(run_problem(folder, PROBLEM("budget: {trials: 9}\n"), &w, &err), TD_E_INPUT);
    assert_non_null(strstr(err.message, "command"));
    assert_int_equal(run_problem(folder, PROBLEM("command: x\n"), &w, &err), TD_E_INPUT);
    assert_non_null(strstr(err.message, "budget"));
    td_text_free(&w.warnings);
    scratch_remove(folder);
}

/* Values of other names, and lines that could be taken for the next trial's: for every trial, so
 * the first five end it. */
static void test_programs_that_misunderstand(void **state) {
    (void)state;
    static const struct {
        const char *script, *reason;
    } wrong[] = {
        {"while read -r line; do echo '{\"price\": 3}'; done\n",
         "no answer but \"{\"price\": 3}\" (objective cost is missing)"},
        {"while read -r line; do printf '1\\n2\\n'; done\n",
         "no answer but \"2\" (a second line for one trial)"},
        {"read -r line; printf '1\\n2'\n", "a second line for one trial"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char *folder = scratch_make();
        td_error err = {0};
        watcher w = {0};
        put_file(folder, "cost.sh", wrong[i].script);
        const char *text = PROBLEM("command: [sh, cost.sh]\nbudget: {trials: 9}\n");
        assert_int_equal(run_problem(folder, text, &w, &err), TD_E_IO);
        if (strstr(err.message, wrong[i].reason) == NULL) fail_msg("%s", err.message);
        td_text_free(&w.warnings);
        scratch_remove(folder);
    }
    /* With its number an answer is nobody else's, whatever comes later; that is warned of. */
    char *folder = scratch_make();
    td_error err = {0};
    watcher w = {0};
    put_file(
        folder, "cost.sh",
        GET
        "while read -r line; do echo \"{\\\"trial\\\": $(get trial), \\\"cost\\\": $(get x)}\"; "
        "echo done; sleep 0.01; done\n");
    const char *text = PROBLEM("command: [sh, cost.sh]\nretries: 9\nbudget: {trials: 9}\n");
    assert_ok(run_problem(folder, text, &w, &err), &err);
    td_arena *a = td_arena_create();
    for (int i = 0; i < 9; i++) {
        const td_trial_row t = trial_of(folder, i, a);
        int x = -1;
        assert_int_equal(sscanf(t.params, "{\"x\": %d", &x), 1);
        assert_true(t.state == TD_TRIAL_DONE && t.outcome.obj[0] == x);
    }
    assert_non_null(strstr(w.warnings.data, "\"done\""));
    td_arena_destroy(a);
    td_text_free(&w.warnings);
    scratch_remove(folder);
}

/* When the program has said who it is. */
static void *stop_soon(void *self) {
    watcher *w = self;
    for (int i = 0; i < 3000 && !td_file_exists(scratch_path(w->folder, "self")); i++) usleep(5000);
    w->stop = true;
    return NULL;
}

/* One that has ended and that nobody has waited for does not. */
static bool process_lives(int pid) {
    char path[64], state = 'Z';
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (f == NULL) return false;
    if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1) state = 'Z';
    fclose(f);
    return state != 'Z' && state != 'X';
}

static bool is_alive(const char *folder, const char *name) {
    FILE *f = fopen(scratch_path(folder, name), "r");
    int pid = 0;
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%d", &pid), 1);
    fclose(f);
    for (int i = 0; i < 100 && process_lives(pid); i++) usleep(10000);
    return process_lives(pid);
}

/* Broken off: the trial is given back, and neither the program nor what it started is left. */
static void test_abandoned(void **state) {
    (void)state;
    char *folder = scratch_make();
    td_error err = {0};
    watcher w = {.folder = folder};
    pthread_t thread;
    const char *text = PROBLEM("command: [sh, cost.sh]\nbudget: {trials: 9}\n");
    put_file(folder, "cost.sh",
             GET
             "while read -r line; do if [ $(get trial) = 2 ]; then\n"
             "trap '' TERM; sleep 60 & echo $! > child; echo $$ > me; mv me self; sleep 60; fi\n"
             "echo 1; done\n");
    pthread_create(&thread, NULL, stop_soon, &w);
    assert_int_equal(run_problem(folder, text, &w, &err), TD_E_INTERRUPTED);
    pthread_join(thread, NULL);
    assert_false(is_alive(folder, "self"));
    assert_false(is_alive(folder, "child"));
    char *all = trials_of(folder);
    expect_reason(all, 1, TD_TRIAL_DONE, "} 1");
    expect_reason(all, 2, TD_TRIAL_READY, "}");
    free(all);
    td_text_free(&w.warnings);
    scratch_remove(folder);
}

static void expect_runs(const char *folder, const char *text, td_status expected,
                        const char *part) {
    td_error err = {0};
    watcher w = {0};
    td_status s = run_problem(folder, text, &w, &err);
    if (s != expected) fail_msg("%s: %s", text, s == TD_OK ? "goes on" : err.message);
    if (part != NULL && strstr(err.message, part) == NULL)
        fail_msg("\"%s\" is not in: %s", part, err.message);
    td_text_free(&w.warnings);
}

/* What may change between two runs into one folder, and what may not. */
static void test_what_a_resume_depends_on(void **state) {
    (void)state;
    char *folder = scratch_make();
    put_file(folder, "cost.sh", KEPT);
    put_file(folder, "moved.sh", KEPT);
    expect_runs(folder, PROBLEM("command: [sh, cost.sh]\nbudget: {trials: 3}\n"), TD_OK, NULL);
    expect_runs(folder,
                "name: other\n" PARAMETERS "objectives: [cost]\ncommand: sh moved.sh\n"
                "timeout_s: 9\nretries: 1\nbudget: {trials: 5, hours: 1}\n",
                TD_OK, NULL);
    char *all = trials_of(folder);
    expect_reason(all, 4, TD_TRIAL_DONE, "}");
    free(all);
    static const struct {
        const char *text, *part;
    } others[] = {
        {"name: p\nparameters: {x: {int: [0, 98]}, k: {choice: [a, b]}}\nobjectives: [cost]\n",
         "parameters.x.int was [0, 99] and is [0, 98]"},
        {PROBLEM("constraints: [g]\n"), "constraints was nothing"},
        {"name: p\n" PARAMETERS "objectives: [price]\n", "objectives was"},
        {"name: p\n" PARAMETERS "objectives: [{name: cost, goal: maximise}]\n", "objectives was"},
        {PROBLEM("strategy: random\n"), "strategy was"},
        {PROBLEM("parallel: 2\n"), "parallel was nothing and is 2"},
        {PROBLEM("early_stopping: median\n"), "early_stopping was nothing"},
        {PROBLEM("known: [x <= 50]\n"), "known was nothing and is [\"x <= 50\"]"},
        {PROBLEM("seed: 2\n"), "seed was 1 and is 2"},
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        char text[500];
        snprintf(text, sizeof text, "%scommand: [sh, cost.sh]\nbudget: {trials: 9}\n",
                 others[i].text);
        expect_runs(folder, text, TD_E_USAGE, others[i].part);
    }
    scratch_remove(folder);
}

/* The program is never asked for what is known not to be allowed. */
static void test_known(void **state) {
    (void)state;
    static const char *const strategies[] = {"evolution", "random", "local"};
    for (int i = 0; i < 3; i++) {
        char rest[300];
        snprintf(rest, sizeof rest,
                 "known: [x <= 20 or k == a]\nenqueue: [{x: 30, k: b}]\nbudget: {trials: 40}\n"
                 "strategy: %s\n",
                 strategies[i]);
        char *all = outcome(GET "while read -r line; do x=$(get x)\n"
                                "if [ $x -gt 20 ] && [ $(get k) = b ]; then exit 3; fi\n"
                                "echo $((-x)); done\n",
                            rest);
        expect_reason(all, 0, TD_TRIAL_INFEASIBLE, "known: not x <= 20 or k == a");
        if (i < 2) /* local takes steps of its own, and is told */
            for (int t = 1; t < 40; t++) expect_reason(all, t, TD_TRIAL_DONE, "}");
        assert_null(strstr(all, "exit status"));
        free(all);
    }
}

/* Reports stand beside their trial, those of the last attempt; maximised ones with another sign. */
static void test_reports(void **state) {
    (void)state;
    char *folder = scratch_make();
    put_file(folder, "cost.sh",
             GET "while read -r line; do t=$(get trial)\n"
                 "for s in 0 1 2 3; do echo \"{\\\"report\\\": {\\\"step\\\": $s, \\\"gain\\\": "
                 "$t.$s}}\"\n"
                 "if [ $s = 2 ] && [ ! -e once ]; then touch once; exit 1; fi; done\n"
                 "echo 5; done\n");
    expect_runs(folder,
                "name: p\n" PARAMETERS "objectives: [{name: gain, goal: maximise}]\n"
                "command: [sh, cost.sh]\nretries: 1\nbudget: {trials: 2}\n",
                TD_OK, NULL);
    td_arena *a = td_arena_create();
    assert_true(trial_of(folder, 1, a).outcome.obj[0] == -5);
    td_arena_destroy(a);
    sqlite3 *db;
    sqlite3_stmt *st;
    assert_int_equal(
        sqlite3_open_v2(scratch_path(folder, "study.db"), &db, SQLITE_OPEN_READONLY, NULL),
        SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db,
                           "SELECT group_concat(t.number || ':' || r.step || ':' || r.value, ' ')"
                           " FROM trial_report r JOIN trial t ON t.id = r.trial_id",
                           -1, &st, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(st, 0),
                        "0:0:0.0 0:1:-0.1 0:2:-0.2 0:3:-0.3 1:0:-1.0 1:1:-1.1 1:2:-1.2 1:3:-1.3");
    sqlite3_finalize(st);
    sqlite3_close(db);
    scratch_remove(folder);
}

static void test_files(void **state) {
    (void)state;
    static const struct {
        const char *text, *part;
    } faults[] = {
        {"[]", "expected a problem"},
        {"name: p\nnetwork: {space: ibn}\n", "tandem search"},
        {"name: p\n", "parameters"},
        {"name: ../p\n" PARAMETERS "objectives: [a]", "letters, digits"},
        {PROBLEM("budget: {trails: 3}\n"), "problem.yaml:4: budget: unknown key \"trails\""},
        {PROBLEM("budget: {trials: 0}\n"), "budget.trials"},
        {PROBLEM("lag: 3\n"), "lag"},
        {PROBLEM("command: []\n"), "command: expected a program"},
        {PROBLEM("command: [[a]]\n"), "command[0]: expected a text"},
        {PROBLEM("command: 3\n"), "command: expected a program"},
        {PROBLEM("known: [x <= 50, y > 3]\n"), "problem.yaml:4: known[1]: there is no parameter"},
        {PROBLEM("timeout_s: 0\n"), "timeout_s"},
        {PROBLEM("retries: -1\n"), "retries"},
        {PROBLEM("early_stopping: ahsa\n"), "did you mean \"asha\""},
        {PROBLEM("early_stopping: {name: asha, mni: 3}\n"), "problem.yaml:4: early_stopping: "},
        {PROBLEM("early_stopping: {name: hyperband}\n"), "early_stopping: expected max"},
        {PROBLEM("parallel: 0\n"), "parallel"},
        {PROBLEM("strategy: {name: evolutoin}\n"), "did you mean \"evolution\""},
        {PROBLEM("strategy: {name: evolution, populaton: 3}\n"), "populaton"},
        {PROBLEM("enqueue: [{x: 100, k: a}]\n"), "enqueue[0].x"},
        {PROBLEM("enqueue: [{x: 1, k: a}, {x: 2, k: a}]\nbudget: {trials: 1}\n"), "2 designs"},
        {"name: p\n" PARAMETERS "objectives: [a, b]\nstrategy: ppo\n",
         "several go with auto, gp, tpe"},
    };
    char *folder = scratch_make();
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        td_error err = {0};
        td_blackbox *b = NULL;
        put_file(folder, "problem.yaml", faults[i].text);
        assert_int_equal(
            td_blackbox_load_with(scratch_path(folder, "problem.yaml"), NULL, 0, &b, &err),
            TD_E_INPUT);
        assert_null(b);
        if (strstr(err.message, faults[i].part) == NULL)
            fail_msg("%s: \"%s\" does not have \"%s\"", faults[i].text, err.message,
                     faults[i].part);
    }
    td_text t = {0};
    td_blackbox *b =
        load_problem(folder, "name: p\n" PARAMETERS "objectives: [a, {name: b, goal: maximise}]\n"
                             "constraints: [c, {name: d, min: 3}]\nparallel: 3\n"
                             "early_stopping: {name: asha, min: 10}\n"
                             "command: [a, b c]\nbudget: {trials: 1000}\n");
    td_blackbox_describe(b, &t);
    assert_string_equal(t.data, "p: 2 parameters, 200 points; minimise a, maximise b; met: c <= 0, "
                                "d >= 3\nauto, seed 1, 1000 trials, 3 at a time\n"
                                "early stopping: asha, after steps 10, 30, 90, 270, 810, 2430, "
                                "7290, 21870, ...\n"
                                "program: a b c\n");
    td_text_free(&t);
    td_blackbox_destroy(b);
    scratch_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ways_to_live),
        cmocka_unit_test(test_faults_are_the_trials),
        cmocka_unit_test(test_retries),
        cmocka_unit_test(test_programs_that_never_work),
        cmocka_unit_test(test_programs_that_misunderstand),
        cmocka_unit_test(test_abandoned),
        cmocka_unit_test(test_what_a_resume_depends_on),
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_reports),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Several processes on one results folder, from outside: `search --workers`, `worker`, the stop
 * file, signals and deaths, `study resume`, `enqueue` and `reap`. */
#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>

#include "program.h"

enum { TRIALS = 40 };

static void write_long_recipe(fixture *f) {
    write_recipe(f, "trials: 12", td_arena_printf(f->arena, "trials: %d", TRIALS));
}

/* The same, with designs to begin with. */
static void write_enqueueing(fixture *f, const char *designs) {
    write_recipe(f, "budget: {trials: 12}",
                 td_arena_printf(f->arena, "enqueue: [%s]\nbudget: {trials: %d}", designs, TRIALS));
}

static char *trials_csv(fixture *f, const char *folder) {
    char name[64];
    snprintf(name, sizeof name, "%s/trials.csv", folder);
    return slurp(scratch_path(f->folder, name));
}

/* What a search of one process leaves, which is the same for all tests; writes the recipe. */
static char *whole_csv;
static const char *whole(fixture *f) {
    write_long_recipe(f);
    if (whole_csv == NULL) {
        expect(f, "search recipe.yaml --quiet --threads 1 --out whole", 0);
        whole_csv = trials_csv(f, "whole");
    }
    return whole_csv;
}

static int free_whole(void **unused) {
    (void)unused;
    free(whole_csv);
    return 0;
}

static void expect_whole(fixture *f, const char *expected) {
    char *got = trials_csv(f, "results/tiny");
    assert_string_equal(got, expected);
    free(got);
}

/* Starts the program in the scratch folder; its stderr goes to NAME, its stdout to a file that no
 * other command of the test writes. */
static pid_t start(fixture *f, const char *name, const char *const *arguments) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (chdir(f->folder) != 0 || freopen("child.txt", "w", stdout) == NULL ||
            freopen(name, "w", stderr) == NULL)
            _exit(99);
        execv(TD_TEST_PROGRAM, (char *const *)arguments);
        _exit(99);
    }
    assert_true(child > 0);
    return child;
}

static int wait_for(pid_t child) {
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int64_t count(fixture *f, const char *key) {
    if (!exists(f, "results/tiny/study.db")) return 0;
    if (run(f, "", "study list results/tiny --format json") != 0) return 0; /* just being made */
    const td_node *doc = json(f);
    return doc->count > 0 ? td_node_find(doc->item[0], key)->integer : 0;
}

static void wait_for_trials(fixture *f, int64_t n) {
    for (int i = 0; i < 5000 && count(f, "meets_targets") < n; i++) usleep(2000);
    assert_true(count(f, "meets_targets") >= n);
}

/* Processes whose parent is `parent`, or all `tandem worker` of this folder (parent 0). */
static int workers_of(fixture *f, pid_t parent, pid_t *first) {
    int n = 0;
    DIR *proc = opendir("/proc");
    assert_non_null(proc);
    for (const struct dirent *e; (e = readdir(proc)) != NULL;) {
        char path[320], text[4096] = "", cwd[1200] = "";
        long pid = strtol(e->d_name, NULL, 10), its_parent = 0;
        char state = '?';
        if (pid <= 0) continue;
        snprintf(path, sizeof path, "/proc/%ld/stat", pid);
        FILE *stat = fopen(path, "r");
        if (stat == NULL) continue;
        int fields = fscanf(stat, "%*d %*s %c %ld", &state, &its_parent);
        fclose(stat);
        snprintf(path, sizeof path, "/proc/%ld/cmdline", pid);
        FILE *line = fopen(path, "r");
        size_t size = line != NULL ? fread(text, 1, sizeof text - 1, line) : 0;
        if (line != NULL) fclose(line);
        for (size_t i = 0; i < size; i++)
            if (text[i] == '\0') text[i] = ' ';
        snprintf(path, sizeof path, "/proc/%ld/cwd", pid);
        if (readlink(path, cwd, sizeof cwd - 1) < 0) continue;
        if (fields != 2 || state == 'Z' || strncmp(text, "tandem worker ", 14) != 0) continue;
        if (strcmp(cwd, f->folder) != 0 || (parent != 0 && its_parent != parent)) continue;
        if (n++ == 0 && first != NULL) *first = (pid_t)pid;
    }
    closedir(proc);
    return n;
}

static void no_worker_is_left(fixture *f) {
    int left = 1;
    for (int i = 0; i < 2500 && left > 0; i++, usleep(2000)) left = workers_of(f, 0, NULL);
    assert_int_equal(left, 0);
}

static const char *const search3[] = {"tandem", "search",    "recipe.yaml", "--quiet", "--workers",
                                      "3",      "--threads", "1",           NULL};

static void three_workers_leave_what_one_does(void **state) {
    fixture *f = *state;
    const char *expected = whole(f);
    expect(f, "search recipe.yaml --quiet --workers 3", 0);
    assert_string_equal(f->err, "");
    assert_int_equal(workers_of(f, 0, NULL), 0);
    expect_whole(f, expected);
    expect(f, "study list results/tiny --format json", 0);
    assert_string_equal(td_node_find(json(f)->item[0], "state")->text, "done");
    expect(f, "search recipe.yaml --workers 0", 2);
    assert_non_null(strstr(f->err, "--workers"));
}

/* A search that was interrupted is gone on with by a worker alone; its results are then written
 * without the recipe's file. */
static void a_worker_alone_goes_on(void **state) {
    fixture *f = *state;
    static const char *const one[] = {"tandem", "search", "recipe.yaml", "--quiet", NULL};
    const char *expected = whole(f);
    pid_t child = start(f, "stderr.txt", one);
    wait_for_trials(f, 3);
    kill(child, SIGINT);
    assert_int_equal(wait_for(child), 130);
    expect(f, "worker results/tiny --quiet", 0);
    assert_string_equal(f->out, "");
    assert_int_equal(count(f, "trials"), TRIALS);
    assert_int_equal(count(f, "running"), 0);
    assert_string_equal(td_node_find(json(f)->item[0], "state")->text, "done");
    assert_false(exists(f, "results/tiny/trials.csv"));
    unlink(scratch_path(f->folder, "recipe.yaml"));
    expect(f, "study resume results/tiny --quiet", 0);
    assert_non_null(strstr(f->out, "results in results/tiny"));
    expect_whole(f, expected);
    expect_fault(f, "worker results/other", 4, "results/other/study.db: no study store there");
    expect_fault(f, "study resume results", 4, "results/study.db: no study store there");
}

/* From another folder, and with other words in the folder's recipe. */
static void a_worker_joins_from_anywhere(void **state) {
    fixture *f = *state;
    const char *expected = whole(f);
    char command[1500];
    pid_t child = start(f, "search.txt", search3);
    wait_for_trials(f, 1);
    snprintf(command, sizeof command, "mkdir -p elsewhere && cd elsewhere && ");
    assert_int_equal(run(f, command, "worker ../results/tiny --quiet --threads 2"), 0);
    assert_int_equal(wait_for(child), 0);
    expect_whole(f, expected);
}

/* Files of --set are found again from another folder; they are beside neither recipe nor folder. */
static void files_of_options_are_found_again(void **state) {
    fixture *f = *state;
    td_error err;
    const char *micro;
    assert_ok(td_data_find(f->arena, "hw/micro.yaml", &micro, &err), &err);
    char *text = slurp(micro);
    scratch_write(f->folder, "mine.yaml", text, strlen(text));
    free(text);
    write_recipe(f, NULL, NULL);
    text = slurp(scratch_path(f->folder, "recipe.yaml"));
    assert_int_equal(run(f, "mkdir -p far elsewhere;", "list >/dev/null"), 0);
    scratch_write(f->folder, "far/recipe.yaml", text, strlen(text));
    free(text);
    expect(f,
           "search far/recipe.yaml --quiet --trials 4 --set accuracy.path=data "
           "--set 'accelerator={space: fixed, hw: mine.yaml}'",
           0);
    assert_int_equal(count(f, "trials"), 4);
    assert_int_equal(run(f, "cd elsewhere;", "study resume ../results/tiny --quiet --trials 6"), 0);
    assert_int_equal(count(f, "trials"), 6);
    assert_int_equal(run(f, "cd elsewhere;", "worker ../results/tiny"), 0);
    assert_non_null(strstr(f->err, "`tandem study resume ../results/tiny`"));
}

/* Rows by scope and by phase, where either is given. */
static void rows_and_phases(void **state) {
    fixture *f = *state;
    write_recipe(f, "budget: {trials: 12}",
                 "scope: phase-network\ncompare:\n"
                 "  network: {choices: {s1.depth: 1, s1.b1.kernel: 3, s1.b1.expansion: 1}}\n"
                 "  accelerator: {space: fixed, hw: micro}\nbudget: {trials: 4, trained: 3}");
    expect(f, "search recipe.yaml --quiet", 0);
    expect(f, "study show results/tiny --row phase-network", 0);
    assert_non_null(strstr(f->out, "phase-network-1\n"));
    assert_non_null(strstr(f->out, "phase-network-2\n"));
    expect(f, "study show results/tiny --row phase-network-2", 0);
    assert_null(strstr(f->out, "phase-network-1\n"));
    scratch_write(f->folder, "bad.json", "[{\"pe_x\": 3}]", 13);
    expect_fault(f, "study enqueue results/tiny bad.json --row phase-network-2", 2,
                 "first phase only, which is \"phase-network-1\"");
    expect_fault(f, "study enqueue results/tiny bad.json --row phase-network-1", 3, "bad.json:1");
    expect_fault(f, "study enqueue results/tiny bad.json --row phase-network", 3, "bad.json:1");
}

/* What a later phase searches is for who leads to say: workers end with what there is, and tell. */
static void phases_are_begun_by_who_leads(void **state) {
    fixture *f = *state;
    write_recipe(f, "budget: {trials: 12}",
                 "scope: phase-network\ncompare:\n"
                 "  network: {choices: {s1.depth: 1, s1.b1.kernel: 3, s1.b1.expansion: 1}}\n"
                 "  accelerator: {space: fixed, hw: micro}\nbudget: {trials: 24}");
    pid_t child = start(f, "search.txt", search3);
    wait_for_trials(f, 1);
    kill(child, SIGKILL);
    assert_int_equal(wait_for(child), -SIGKILL);
    no_worker_is_left(f);
    expect_fault(
        f, "worker results/tiny --quiet", 4,
        "row phase-network-2 was not begun, and nobody leads a search there: `tandem study "
        "resume results/tiny` goes on");
    assert_int_equal(count(f, "trials"), 12);
    expect(f, "study resume results/tiny --quiet", 0);
    expect(f, "worker results/tiny --quiet", 0);
}

static void a_second_search_is_refused(void **state) {
    fixture *f = *state;
    write_recipe(f, "trials: 12", "trials: 400");
    pid_t child = start(f, "search.txt", search3);
    wait_for_trials(f, 1);
    expect_fault(f, "search recipe.yaml --quiet", 8,
                 "another tandem process is searching in this folder; `tandem worker "
                 "results/tiny` joins it");
    expect_fault(f, "study resume results/tiny --quiet", 8, "another tandem process");
    /* Killed, its workers stop, and give back what they have. */
    kill(child, SIGKILL);
    assert_int_equal(wait_for(child), -SIGKILL);
    no_worker_is_left(f);
    expect(f, "study reap results/tiny", 0);
    assert_non_null(strstr(f->out, "joint"));
    assert_non_null(strstr(f->out, "0 workers are alive"));
    assert_int_equal(count(f, "running"), 0);
    expect(f, "study reap results/tiny", 0);
    assert_non_null(strstr(f->out, "joint          0 trials taken back"));
    expect_fault(f, "study reap results", 4, "no study store there");
}

static void the_stop_file_stops_all(void **state) {
    fixture *f = *state;
    const char *expected = whole(f);
    pid_t child = start(f, "search.txt", search3);
    wait_for_trials(f, 2);
    scratch_write(f->folder, "results/tiny/stop", "", 0);
    assert_int_equal(wait_for(child), 130);
    assert_int_equal(workers_of(f, 0, NULL), 0);
    assert_int_equal(count(f, "running"), 0);
    expect(f, "worker results/tiny --quiet", 130);
    assert_non_null(strstr(f->err, "results/tiny/stop is there"));
    expect(f, "study resume results/tiny --workers 2 --quiet", 0);
    assert_false(exists(f, "results/tiny/stop"));
    expect_whole(f, expected);
}

/* SIGTERM to the search alone drains its workers; a second one breaks off. */
static void signals_reach_the_workers(void **state) {
    fixture *f = *state;
    const char *expected = whole(f);
    for (int signals = 1; signals <= 2; signals++) {
        const int64_t before = signals > 1 ? count(f, "meets_targets") : 0;
        pid_t child = start(f, "search.txt", search3);
        wait_for_trials(f, before + 1); /* it is at work, and hears signals */
        for (int i = 0; i < signals; i++) {
            kill(child, SIGTERM);
            usleep(1000);
        }
        assert_int_equal(wait_for(child), 130);
        no_worker_is_left(f);
        /* What was broken off was given back; what could not be in two seconds is taken back. */
        if (signals > 1) expect(f, "study reap results/tiny", 0);
        assert_int_equal(count(f, "running"), 0);
    }
    expect(f, "search recipe.yaml --quiet", 0);
    expect_whole(f, expected);
}

static void a_worker_that_dies_is_told(void **state) {
    fixture *f = *state;
    const char *expected = whole(f);
    pid_t child = start(f, "search.txt", search3), victim = 0;
    wait_for_trials(f, 2);
    assert_int_equal(workers_of(f, child, &victim), 2);
    kill(victim, SIGKILL);
    assert_int_equal(wait_for(child), 0);
    char *err = slurp(scratch_path(f->folder, "search.txt"));
    assert_non_null(strstr(err, "was killed by signal 9; the search goes on without it"));
    free(err);
    expect_whole(f, expected);
}

/* ---- enqueue --------------------------------------------------------------------------------- */

static void enqueued_designs_come_first(void **state) {
    fixture *f = *state;
    write_long_recipe(f);
    expect(f, "search recipe.yaml --quiet --out first --trials 8", 0);
    expect(f, "study show first --limit 3 --format json", 0);
    scratch_write(f->folder, "good.json", f->out, strlen(f->out));
    char *shown = td_arena_strdup(f->arena, f->out);
    /* Before the search: it makes the folder. */
    expect(f, "study enqueue recipe.yaml good.json", 0);
    assert_string_equal(f->out, "3 trials of results/tiny, from 0 on\n");
    expect(f, "search recipe.yaml --quiet --workers 2", 0);
    expect(f, "study show results/tiny --format json", 0);
    const td_node *trials = td_node_find(json(f), "joint"), *before;
    td_error err;
    assert_ok(td_json_parse(f->arena, shown, strlen(shown), "x", 1, &before, &err), &err);
    before = td_node_find(before, "joint");
    assert_int_equal(trials->count, TRIALS);
    for (int i = 0; i < 3; i++) {
        td_text a = {0}, b = {0};
        td_node_to_json(td_node_find(trials->item[i], "choices"), 0, &a);
        td_node_to_json(td_node_find(before->item[i], "choices"), 0, &b);
        assert_string_equal(a.data, b.data);
        assert_true(td_node_find(trials->item[i], "enqueued")->boolean);
        td_text_free(&a);
        td_text_free(&b);
    }
    /* Behind a search that is over there is no room. */
    expect_fault(f, "study enqueue results/tiny good.json", 10, "no number left for design 1");
    expect_fault(f, "study enqueue results/tiny nothing.json", 4, "nothing.json");
    scratch_write(f->folder, "bad.json", "[{\"pe_x\": 3}]", 13);
    expect_fault(f, "study enqueue recipe.yaml bad.json --out new", 3, "bad.json:1");
    expect_fault(f, "study enqueue results/tiny bad.json --row solo", 4, "no row \"solo\"");
    expect(f, "study enqueue results/tiny", 2);
    assert_non_null(strstr(f->err, "expected a FILE"));
}

/* Budgets of the command line are those of the search from then on. */
static void resume_keeps_the_budget(void **state) {
    fixture *f = *state;
    write_long_recipe(f);
    expect(f, "search recipe.yaml --quiet --trials 9", 0);
    expect(f, "study resume results/tiny --quiet", 0);
    assert_int_equal(count(f, "trials"), 9);
    expect(f, "worker results/tiny --quiet", 0);
    assert_int_equal(count(f, "trials"), 9);
    expect(f, "study resume results/tiny --quiet --trials 11", 0);
    assert_int_equal(count(f, "trials"), 11);
}

/* As a key of the recipe: the same trials as with `study enqueue`, by any number of workers. */
static void enqueue_of_a_recipe(void **state) {
    fixture *f = *state;
    write_long_recipe(f);
    expect(f, "search recipe.yaml --quiet --out first --trials 6", 0);
    expect(f, "study show first --limit 2 --format json", 0);
    scratch_write(f->folder, "good.json", f->out, strlen(f->out));
    expect(f, "study enqueue recipe.yaml good.json", 0);
    expect(f, "search recipe.yaml --quiet --threads 1", 0);
    char *expected = trials_csv(f, "results/tiny");
    write_enqueueing(f, "good.json");
    expect(f, "search recipe.yaml --quiet --workers 2 --out again", 0);
    char *got = trials_csv(f, "again");
    assert_string_equal(got, expected);
    free(got);
    free(expected);
    write_enqueueing(f, "bad.json");
    expect_fault(f, "search recipe.yaml --dry-run", 4, "bad.json");
    write_enqueueing(f, "{pe_x: 1}");
    expect_fault(f, "search recipe.yaml --dry-run", 3,
                 "recipe.yaml:20: enqueue[0]: missing decision");
}

static void hours_end_a_search(void **state) {
    fixture *f = *state;
    write_recipe(f, "budget: {trials: 12}", "budget: {trials: 5000, hours: 0.0001}");
    expect(f, "search recipe.yaml --quiet", 0);
    expect(f, "study list results/tiny --format json", 0);
    const td_node *s = json(f)->item[0];
    assert_string_equal(td_node_find(s, "state")->text, "done");
    assert_in_range(td_node_find(s, "trials")->integer, 1, 4999);
    assert_int_equal(td_node_find(s, "running")->integer, 0);
    assert_true(exists(f, "results/tiny/best/network.onnx"));
    write_recipe(f, "budget: {trials: 12}", "budget: {trials: 5000, hours: 0}");
    expect_fault(f, "search recipe.yaml --dry-run", 3, "budget.hours");
}

int main(void) {
#define WITH_DATA(f) cmocka_unit_test_setup_teardown(f, setup_data, teardown)
    const struct CMUnitTest tests[] = {
        WITH_DATA(three_workers_leave_what_one_does),
        WITH_DATA(a_worker_alone_goes_on),
        WITH_DATA(a_worker_joins_from_anywhere),
        WITH_DATA(files_of_options_are_found_again),
        WITH_DATA(rows_and_phases),
        WITH_DATA(phases_are_begun_by_who_leads),
        WITH_DATA(a_second_search_is_refused),
        WITH_DATA(the_stop_file_stops_all),
        WITH_DATA(signals_reach_the_workers),
        WITH_DATA(a_worker_that_dies_is_told),
        WITH_DATA(enqueued_designs_come_first),
        WITH_DATA(resume_keeps_the_budget),
        WITH_DATA(enqueue_of_a_recipe),
        WITH_DATA(hours_end_a_search),
    };
    return cmocka_run_group_tests(tests, have_program, free_whole);
}

/* A whole search on a tiny data set, from outside: interrupted, killed, on a full disk, and what is
 * told of it. */
#include <dirent.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>

#include "program.h"

typedef struct {
    int files;
    uint64_t hash;
} trace;

/* Names and contents of the files of a folder. */
static trace trace_of(const char *folder) {
    trace t = {0};
    char here[1200];
    snprintf(here, sizeof here, "%s", folder);
    DIR *d = opendir(here);
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        struct stat st;
        const char *path = scratch_path(here, e->d_name);
        if (stat(path, &st) != 0 || !S_ISREG(st.st_mode)) continue;
        char *data;
        size_t size;
        td_error err;
        assert_ok(td_file_read(path, 0, &data, &size, &err), &err);
        t.hash += td_hash(data, size, td_hash_text(e->d_name, 0));
        t.files++;
        free(data);
    }
    closedir(d);
    return t;
}

static void look_at_the_study(fixture *f) {
    trace before = trace_of(scratch_path(f->folder, "results/tiny"));
    expect(f, "study list results/tiny --format json", 0);
    const td_node *s = json(f)->item[0];
    assert_string_equal(td_node_find(s, "name")->text, "joint");
    assert_string_equal(td_node_find(s, "state")->text, "done");
    assert_int_equal(td_node_find(s, "trials")->integer, 12);
    assert_int_equal(td_node_find(s, "running")->integer, 0);
    expect(f, "study best results/tiny --row joint --format json", 0);
    const td_node *best = td_node_find(json(f), "joint")->item[0];
    assert_true(td_node_find(best, "meets_targets")->boolean);
    assert_true(td_node_find(td_node_find(best, "choices"), "pe_x")->real >= 1);
    expect(f, "study show results/tiny/study.db --limit 3 --format json", 0);
    assert_int_equal(td_node_find(json(f), "joint")->count, 3);
    expect(f, "study pareto results/tiny", 0);
    assert_non_null(strstr(f->out, "accuracy"));
    expect(f, "study best results/tiny", 0);
    assert_non_null(strstr(f->out, "pe_x"));
    expect(f, "study export results/tiny", 0);
    char *csv = slurp(scratch_path(f->folder, "results/tiny/trials.csv"));
    assert_string_equal(f->out, csv);
    free(csv);
    expect_fault(f, "study show results/tiny --row solo", 4, "no row \"solo\"");
    expect_fault(f, "study list results", 4, "results/study.db: no study store there");
    trace after = trace_of(scratch_path(f->folder, "results/tiny"));
    assert_int_equal(after.files, before.files);
    assert_true(after.hash == before.hash);
}

/* What a search leaves can be evaluated and trained by the name of its folder. */
static void use_the_best(fixture *f) {
    static const char *const folders[] = {"results/tiny", "results/tiny/best",
                                          "results/tiny/best/"};
    for (int i = 0; i < 3; i++) {
        expect(f, td_arena_printf(f->arena, "eval %s --format csv", folders[i]), 0);
        assert_int_equal(strncmp(f->out, "layer,op,", 9), 0);
        expect(f,
               td_arena_printf(f->arena,
                               "train %s --data-path data --epochs 0.02 --quiet --out again/%d "
                               "--format json",
                               folders[i], i),
               0);
        assert_non_null(td_node_find(json(f), "test_accuracy"));
        assert_true(exists(f, td_arena_printf(f->arena, "again/%d/network.onnx", i)));
    }
    expect_fault(f, "train results --data-path data", 4, "results: there is no network.yaml");
    expect_fault(f, "train results/tiny --width 2 --data-path data", 2, "--width is for shipped");
    /* The folder is tried before the training, which would take days. */
    expect_fault(f, "train results/tiny --data-path data --epochs 1e6 --out recipe.yaml/x", 5,
                 "recipe.yaml: cannot make folder: a file has this name");
    expect_fault(f, "train results/tiny --data-path data --epochs 1e6 --out /proc/self", 5,
                 "/proc");
}

static void search_from_end_to_end(void **state) {
    fixture *f = *state;
    write_recipe(f, NULL, NULL);
    expect(f, "search recipe.yaml", 0);
    static const char *const files[] = {
        "best/network.onnx",  "best/network.yaml", "best/weights.bin",     "best/accelerator.yaml",
        "best/schedule.json", "trials.csv",        "pareto.csv",           "summary.json",
        "recipe.yaml",        "study.db",          "best/network.qdq.onnx"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        char name[64];
        snprintf(name, sizeof name, "results/tiny/%s", files[i]);
        if (!exists(f, name)) fail_msg("no %s", name);
    }
    assert_non_null(strstr(f->out, "<- best/"));
    assert_non_null(strstr(f->out, " test acc   int acc   val acc "));
    assert_non_null(strstr(f->out, "why: "));
    assert_non_null(strstr(f->out, "results in results/tiny"));
    /* standard error is no terminal: lines, no bar */
    assert_non_null(strstr(f->err, "joint        12/12"));
    assert_null(strchr(f->err, '\r'));
    assert_null(strchr(f->err, '\033'));
    look_at_the_study(f);
    /* The one row is the best one, and brings its accelerator along as best/ does. */
    expect(f, "eval results/tiny/best --format json", 0);
    char *best = td_arena_strdup(f->arena, f->out);
    double shown = td_node_find(json(f), "latency_s")->real,
           energy = td_node_find(json(f), "energy_j")->real;
    char *kept = slurp(scratch_path(f->folder, "results/tiny/best/schedule.json"));
    const td_node *doc;
    td_error err = {0};
    assert_ok(td_json_parse(f->arena, kept, strlen(kept), "schedule.json", 1, &doc, &err), &err);
    /* With the options that it was found with, not those that eval has by itself. */
    assert_true(td_node_find(doc, "latency_s")->real == shown);
    assert_true(td_node_find(doc, "energy_j")->real == energy);
    free(kept);
    expect(f, "eval results/tiny/rows/joint --format json", 0);
    assert_string_equal(f->out, best);
    use_the_best(f);
    /* The same again: nothing is left to do, and the answer is the same. */
    char *first = slurp(scratch_path(f->folder, "results/tiny/trials.csv"));
    expect(f, "search recipe.yaml --quiet --format json --threads 1", 0);
    assert_string_equal(f->err, "");
    const td_node *row = td_node_find(json(f), "rows")->item[0];
    assert_true(td_node_find(row, "meets_targets")->boolean);
    assert_true(td_node_find(row, "test_accuracy")->real > 0);
    /* In integers it is what `tandem quantise` says of the folder. */
    double integers = td_node_find(row, "test_accuracy_quantised")->real;
    assert_true(integers > 0);
    expect(f, "quantise results/tiny --data-path data --format json", 0);
    assert_true(td_node_find(json(f), "test_accuracy_quantised")->real == integers);
    char *second = slurp(scratch_path(f->folder, "results/tiny/trials.csv"));
    assert_string_equal(first, second);
    free(first);
    free(second);
    /* Another recipe for the same folder is refused before anything is done. */
    write_recipe(f, "latency_us: 5000", "latency_us: 4000");
    expect_fault(
        f, "search recipe.yaml --quiet", 2,
        "made with another recipe or problem, seed, data or version of the program; what differs: "
        "objective.targets.latency_us was 5000 and is 4000; give");
    /* The table goes nowhere. */
    write_recipe(f, NULL, NULL);
    assert_int_equal(run(f, "", "search recipe.yaml --quiet >/dev/full"), 5);
}

/* On a terminal there is a bar: one line that is written over. */
static void bar_on_a_terminal(void **state) {
    fixture *f = *state;
    write_recipe(f, "trials: 12", "trials: 4");
    struct winsize size = {.ws_row = 24, .ws_col = 60};
    int master, status;
    pid_t child = forkpty(&master, NULL, NULL, &size);
    if (child == 0) {
        if (chdir(f->folder) == 0)
            execl(TD_TEST_PROGRAM, "tandem", "search", "recipe.yaml", (char *)NULL);
        _exit(99);
    }
    assert_true(child > 0);
    td_text t = {0};
    char part[512];
    for (ssize_t n; (n = read(master, part, sizeof part)) > 0;)
        td_text_add_bytes(&t, part, (size_t)n);
    close(master);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    char *bar = strstr(t.data, "\r\033[Kjoint        4/4 ####");
    assert_non_null(bar);
    /* No line of the bar is longer than the terminal is wide. */
    for (char *line = strstr(t.data, "\r\033[K"); line != NULL; line = strstr(line + 1, "\r\033[K"))
        assert_true(strcspn(line + 4, "\r\n") < 60);
    td_text_free(&t);
}

static pid_t start(fixture *f, const char *option) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (chdir(f->folder) != 0 || freopen("child.txt", "w", stdout) == NULL ||
            freopen("stderr.txt", "w", stderr) == NULL)
            _exit(99);
        execl(TD_TEST_PROGRAM, "tandem", "search", "recipe.yaml", "--quiet", option, (char *)NULL);
        _exit(99);
    }
    assert_true(child > 0);
    return child;
}

/* Trials that are over, by the program itself, while the search runs. */
static int64_t finished_trials(fixture *f) {
    if (!exists(f, "results/tiny/study.db")) return 0;
    if (run(f, "", "study list results/tiny --format json") != 0) return 0; /* just being made */
    const td_node *doc = json(f);
    if (doc->count == 0) return 0;
    return td_node_find(doc->item[0], "meets_targets")->integer +
           td_node_find(doc->item[0], "misses_targets")->integer +
           td_node_find(doc->item[0], "cannot_be_built")->integer;
}

static int stop_after(fixture *f, pid_t child, int64_t trials, int sig) {
    int status;
    for (int i = 0; i < 3000 && finished_trials(f) < trials; i++) {
        if (waitpid(child, &status, WNOHANG) == child) return status;
        usleep(2000);
    }
    kill(child, sig);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

/* Ctrl-C drains; kill -9 does not ask. Both times the same command ends as if nothing had been. */
static void interrupted_killed_and_resumed(void **state) {
    fixture *f = *state;
    write_recipe(f, "trials: 12", "trials: 40");
    expect(f, "search recipe.yaml --quiet --out whole", 0);
    pid_t child = start(f, "--threads=2");
    int status = stop_after(f, child, 3, SIGINT);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 130);
    free(f->err);
    f->err = slurp(scratch_path(f->folder, "stderr.txt"));
    expect(f, "study list results/tiny --format json", 0);
    assert_int_equal(td_node_find(json(f)->item[0], "running")->integer, 0);
    child = start(f, "--threads=1");
    status = stop_after(f, child, finished_trials(f) + 3, SIGKILL);
    assert_true(WIFSIGNALED(status));
    expect(f, "search recipe.yaml --quiet", 0);
    char *whole = slurp(scratch_path(f->folder, "whole/trials.csv"));
    char *parts = slurp(scratch_path(f->folder, "results/tiny/trials.csv"));
    assert_string_equal(whole, parts);
    free(whole);
    free(parts);
}

static void early_stopping(void **state) {
    fixture *f = *state;
    static const char rule[] =
        "search recipe.yaml --out results/stopped --set lag=0 --set accuracy.epochs=4"
        " --set 'early_stopping={name: asha, eta: 2}'";
    write_recipe(f, NULL, NULL);
    expect(f, "list stoppers", 0);
    assert_non_null(strstr(f->out, "  hyperband "));
    expect(f, td_arena_printf(f->arena, "%s --dry-run", rule), 0);
    assert_non_null(strstr(f->out, "early stopping: asha, after epochs 1 and 2 of 4"));
    expect(f, td_arena_printf(f->arena, "%s --quiet", rule), 0);
    expect(f, "study list results/stopped --format json", 0);
    const td_node *s = json(f)->item[0];
    int64_t stopped = td_node_find(s, "stopped_early")->integer;
    assert_true(stopped > 0);
    assert_int_equal(td_node_find(s, "costs_only")->integer, 0);
    int64_t epochs = td_node_find(s, "epochs")->integer;
    expect(f, "study export results/stopped", 0);
    int named = 0;
    for (const char *at = f->out; (at = strstr(at, ",stopped early,")) != NULL; at++) named++;
    assert_int_equal(named, stopped);
    expect(f, "study list results/stopped", 0);
    assert_non_null(strstr(f->out, td_arena_printf(f->arena, " %7d ", (int)epochs)));
    expect_fault(f,
                 "search recipe.yaml --out results/stopped --set lag=0 --set accuracy.epochs=4"
                 " --quiet",
                 2, "early_stopping was {\"name\":");
}

static void impossible_targets(void **state) {
    fixture *f = *state;
    write_recipe(f, "latency_us: 5000", "latency_us: 0.001");
    expect(f, "search recipe.yaml --quiet", 6);
    assert_non_null(strstr(f->err, "no design met the targets"));
    /* told before the final trainings, once for the one row */
    static const char warning[] = "tandem: warning: row joint: no design meets the targets; the "
                                  "nearest is trained all the same (latency ";
    assert_int_equal(strncmp(f->err, warning, strlen(warning)), 0);
    assert_null(strstr(f->err + 1, "tandem: warning"));
    assert_non_null(strstr(f->out, "missed"));
    assert_null(strstr(f->out, "infeasible"));
    assert_null(strstr(f->err, "infeasible"));
    expect(f, "study show results/tiny", 0);
    assert_non_null(strstr(f->out, "  misses targets "));
    assert_non_null(strstr(f->out, "x the target"));
    assert_null(strstr(f->out, "e+0"));
    assert_null(strstr(f->out, "infeasible"));
    assert_true(exists(f, "results/tiny/summary.json"));
    expect(f, "study pareto results/tiny", 0);
    assert_string_equal(f->out, "joint\n  no design met the targets, so there is no front "
                                "(`show` has all)\n");
}

static void damaged_store(void **state) {
    fixture *f = *state;
    write_recipe(f, NULL, NULL);
    mkdir(scratch_path(f->folder, "results"), 0777);
    mkdir(scratch_path(f->folder, "results/tiny"), 0777);
    char noise[4096];
    td_rng r = td_rng_make(1, 0, TD_RNG_TEST);
    for (size_t i = 0; i < sizeof noise; i++) noise[i] = (char)td_rng_u32(&r);
    scratch_write(f->folder, "results/tiny/study.db", noise, sizeof noise);
    expect_fault(f, "search recipe.yaml --quiet", 8, "results/tiny/study.db: damaged");
    expect_fault(f, "study list results/tiny", 8, "results/tiny/study.db: damaged");
}

/* Files may grow to 600 blocks of 512 bytes, as dash counts them: enough for the store to begin
 * with, not for all of its log. What was finished is kept, and the search goes on from it. */
static void full_disk(void **state) {
    fixture *f = *state;
    write_recipe(f, "budget: {trials: 12", "strategy: {name: evolution}\nbudget: {trials: 60");
    assert_int_equal(run(f, "trap '' XFSZ; ulimit -f 600;", "search recipe.yaml --quiet"), 5);
    assert_non_null(strstr(f->err, "no space left on device"));
    assert_non_null(strstr(f->err, "finished trials are kept"));
    int64_t kept = finished_trials(f);
    assert_in_range(kept, 1, 59);
    struct stat before, after;
    assert_int_equal(stat(scratch_path(f->folder, "results/tiny/study.db"), &before), 0);
    expect(f, "study export results/tiny", 0);
    char *lines = td_arena_strdup(f->arena, f->out), *save = NULL;
    expect(f, "search recipe.yaml --quiet", 0);
    expect(f, "study list results/tiny --format json", 0);
    assert_int_equal(td_node_find(json(f)->item[0], "trials")->integer, 60);
    assert_int_equal(finished_trials(f), 60);
    /* The same store, with what was in it. */
    assert_int_equal(stat(scratch_path(f->folder, "results/tiny/study.db"), &after), 0);
    assert_true(before.st_ino == after.st_ino);
    expect(f, "study export results/tiny", 0);
    int found = 0;
    for (char *line = strtok_r(lines, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save))
        found += strstr(f->out, line) != NULL && strstr(line, ",ready,") == NULL &&
                 strstr(line, ",running,") == NULL;
    assert_int_equal(found, kept + 1); /* and the header */
}

int main(void) {
#define WITH_DATA(f) cmocka_unit_test_setup_teardown(f, setup_data, teardown)
    const struct CMUnitTest tests[] = {
        WITH_DATA(search_from_end_to_end),
        WITH_DATA(bar_on_a_terminal),
        WITH_DATA(interrupted_killed_and_resumed),
        WITH_DATA(early_stopping),
        WITH_DATA(impossible_targets),
        WITH_DATA(damaged_store),
        WITH_DATA(full_disk),
    };
    return cmocka_run_group_tests(tests, have_program, NULL);
}

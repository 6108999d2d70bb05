/* Somebody's program and a rule of early stopping: verdicts, and what programs make of them. */
#include <poll.h>

#include "blackbox_helper.h"

/* What this binary is as a program: (x - 30)^2 + 90 / step after each of nine steps.
 *   patient  waits after each report whether it is to stop, and says so
 *   hasty    looks, but seldom in time: it may answer all the same, and stop after that
 *   deaf     never looks, and takes the line for a trial: it ends with a fault
 *   stuck    does nothing any more after the first step at 40 */
static int be_program(const char *how) {
    char line[256];
    int trial, x, wait_ms = strcmp(how, "patient") == 0 ? 40 : 0;
    bool deaf = strcmp(how, "deaf") == 0;
    FILE *starts = fopen("starts", "a");
    fprintf(starts, "%d\n", (int)getpid());
    fclose(starts);
    setvbuf(stdin, NULL, _IONBF, 0);
    setvbuf(stdout, NULL, _IOLBF, 0);
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (strstr(line, "\"stop\": true") != NULL && deaf) return 3;
        if (strstr(line, "\"stop\": true") != NULL) continue; /* its trial is over */
        if (sscanf(line, "{\"trial\": %d, \"parameters\": {\"x\": %d", &trial, &x) != 2) return 4;
        const int v = (x - 30) * (x - 30);
        bool stopped = false;
        for (int step = 1; step <= 9 && !stopped; step++) {
            printf("{\"report\": {\"step\": %d, \"cost\": %d}}\n", step, v + 90 / step);
            struct pollfd f = {.fd = 0, .events = POLLIN};
            bool rung = step == 1 || step == 3 || step == 9;
            if (x == 40 && strcmp(how, "stuck") == 0) pause();
            stopped = !deaf && poll(&f, 1, rung ? wait_ms : 0) > 0;
        }
        if (stopped && fgets(line, sizeof line, stdin) == NULL) return 5;
        if (stopped)
            printf("{\"trial\": %d, \"stopped\": true}\n", trial);
        else
            printf("%d\n", v);
    }
    return 0;
}

/* The trials of such a program, and how often it was started. */
static char *stopped_trials(const char *folder, const char *how, const char *rest, int *starts) {
    char self[4096], text[5000];
    td_error err = {0};
    watcher w = {0};
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(n > 0);
    self[n] = '\0';
    snprintf(text, sizeof text,
             "name: p\nparameters: {x: {int: [0, 99]}}\nobjectives: [cost]\n"
             "command: [\"%s\", %s]\nstrategy: {name: evolution, population: 8}\n%s",
             self, how, rest);
    assert_ok(run_problem(folder, text, &w, &err), &err);
    assert_int_equal(w.warnings.size, 0);
    char *all;
    size_t size;
    assert_ok(td_file_read(scratch_path(folder, "starts"), 0, &all, &size, &err), &err);
    *starts = 0;
    for (size_t i = 0; i < size; i++) *starts += all[i] == '\n';
    free(all);
    return trials_of(folder);
}

/* Successive halving once more, from the x of the trials: rungs 1 and 3, a third goes on. */
static int check_halving(const char *all, int lag) {
    int x[200], steps[200], n = 0, state, stopped = 0;
    for (const char *at = all; *at != '\0'; at += strcspn(at, "\n") + 1, n++) {
        int number, cost;
        assert_int_equal(sscanf(at, "%d %d {\"x\": %d} %d", &number, &state, &x[n], &cost), 4);
        const int v = (x[n] - 30) * (x[n] - 30), known = n - lag > 0 ? n - lag : 0;
        steps[n] = 9;
        for (int rung = 1; rung <= 3 && steps[n] == 9; rung += 2) {
            int there = 1, ahead = 0;
            for (int k = 0; k < known; k++) {
                if (steps[k] < rung) continue;
                there++;
                ahead += (x[k] - 30) * (x[k] - 30) < v;
            }
            if (there >= 3 && ahead >= there / 3) steps[n] = rung;
        }
        assert_int_equal(number, n);
        assert_int_equal(state, steps[n] < 9 ? TD_TRIAL_PRUNED : TD_TRIAL_DONE);
        assert_int_equal(cost, steps[n] < 9 ? v + 90 / steps[n] : v);
        char says[40];
        snprintf(says, sizeof says, "stopped after step %d: ", steps[n]);
        char line[200];
        snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
        assert_int_equal(strstr(line, says) != NULL, steps[n] < 9);
        stopped += steps[n] < 9;
    }
    return stopped;
}

/* The verdicts are those of the rule, whatever the program makes of them, and after a pause. */
static void test_stopped_early(void **state) {
    (void)state;
    static const char rule[] = "early_stopping: {name: asha, max: 9}\nbudget: {trials: 40}\n";
    static const char *const hows[] = {"patient", "hasty", "deaf"};
    char *first = NULL, *all;
    int starts, stopped;
    for (int i = 0; i < 3; i++) {
        char *folder = scratch_make();
        all = stopped_trials(folder, hows[i], rule, &starts);
        stopped = check_halving(all, 0);
        assert_true(stopped > 10 && stopped < 38);
        if (i == 0) assert_in_range(starts, 1, 1 + stopped / 4); /* 1, on an idle machine */
        if (i == 2) assert_in_range(starts, stopped, stopped + 1);
        if (i == 0) {
            first = all;
        } else {
            assert_string_equal(all, first);
            free(all);
        }
        scratch_remove(folder);
    }
    /* Several at a time, in two runs. */
    char *folder = scratch_make(), *other = scratch_make();
    free(stopped_trials(folder, "hasty",
                        "early_stopping: {name: asha, max: 9}\nparallel: 3\n"
                        "budget: {trials: 17}\n",
                        &starts));
    all = stopped_trials(folder, "hasty",
                         "early_stopping: {name: asha, max: 9}\nparallel: 3\n"
                         "budget: {trials: 40}\n",
                         &starts);
    assert_true(check_halving(all, 2) > 10);
    char *same = stopped_trials(other, "deaf",
                                "early_stopping: {name: asha, max: 9}\nparallel: 3\n"
                                "budget: {trials: 40}\n",
                                &starts);
    assert_string_equal(same, all);
    free(same);
    free(all);
    free(first);
    scratch_remove(folder);
    scratch_remove(other);
}

/* One that does not answer is killed, and the trial is stopped all the same. A rule that sees
 * nothing is told. */
static void test_stopped_in_vain(void **state) {
    (void)state;
    char *folder = scratch_make();
    int starts;
    double start = td_time_mono_s();
    char *all = stopped_trials(folder, "stuck",
                               "enqueue: [{x: 30}, {x: 31}, {x: 40}, {x: 30}]\n"
                               "early_stopping: {name: asha, max: 9}\nbudget: {trials: 4}\n",
                               &starts);
    assert_int_equal(check_halving(all, 0), 1);
    assert_true(td_time_mono_s() - start > 1.5);
    assert_in_range(starts, 2, 2);
    free(all);
    scratch_remove(folder);
    folder = scratch_make();
    td_error err = {0};
    watcher w = {0};
    put_file(
        folder, "cost.sh",
        "while read -r line; do echo '{\"report\": {\"step\": 10, \"cost\": 1}}'; echo 1; done\n");
    assert_ok(run_problem(folder,
                          "name: p\nparameters: {x: {int: [0, 99]}}\nobjectives: [cost]\n"
                          "command: [sh, cost.sh]\nearly_stopping: asha\nbudget: {trials: 3}\n",
                          &w, &err),
              &err);
    assert_string_equal(w.warnings.data,
                        "early stopping (asha, after steps 1, 3, 9, 27, 81, 243, 729, 2187, ...): "
                        "trial 0 reported nothing there\n");
    td_text_free(&w.warnings);
    scratch_remove(folder);
}

int main(int argc, char **argv) {
    if (argc > 1) return be_program(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stopped_early),
        cmocka_unit_test(test_stopped_in_vain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

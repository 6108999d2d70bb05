/* tandem optimize, ask and tell from outside: the pressure vessel of examples/ with a program of sh
 * and awk, kills and drains, several at a time, and `tandem study` on what they leave. */
#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>

#include "program.h"

/* Sandgren's pressure vessel, one trial per line. */
static const char vessel[] =
    "while read -r line; do\n"
    "if [ -e slow ]; then sleep .05; fi\n"
    "printf '%s\\n' \"$line\" | tr -d '{},\"' | tr ':' ' ' | awk '{\n"
    "for (i = 1; i < NF; i++) v[$i] = $(i + 1)\n"
    "s = 0.0625 * v[\"n1\"]; h = 0.0625 * v[\"n2\"]; R = v[\"R\"]; L = v[\"L\"]\n"
    "printf \"{\\\"trial\\\": %d, \\\"cost\\\": %.15g, \\\"shell\\\": %.15g, \\\"heads\\\": %.15g, "
    "\\\"volume\\\": %.15g}\\n\", v[\"trial\"],\n"
    "0.6224 * s * R * L + 1.7781 * h * R^2 + 3.1661 * s^2 * L + 19.84 * s^2 * R,\n"
    "0.0193 * R - s, 0.00954 * R - h, 3.141592653589793 * (R^2 * L + 4 / 3 * R^3)}'\n"
    "done\n";

#define COMMAND "--set 'command=[sh, vessel.sh]' "

/* With a strategy that thinks little: most of what is tested here is not about it. */
static void write_vessel(fixture *f) {
    char *text = slurp(TD_TEST_SOURCE "/examples/vessel/vessel.yaml"), with[4096];
    int n = snprintf(with, sizeof with, "%sstrategy: {name: evolution}\n", text);
    assert_in_range(n, 100, sizeof with - 1);
    scratch_write(f->folder, "vessel.yaml", with, (size_t)n);
    scratch_write(f->folder, "vessel.sh", vessel, strlen(vessel));
    free(text);
}

static char *trials_csv(fixture *f, const char *folder) {
    char name[64];
    snprintf(name, sizeof name, "%s/trials.csv", folder);
    return slurp(scratch_path(f->folder, name));
}

static int count(const char *text, const char *what) {
    int n = 0;
    for (; (text = strstr(text, what)) != NULL; text++) n++;
    return n;
}

/* As many dots as feasible trials in a folder; its number. */
static int dots(fixture *f, const char *folder, const char *drawing) {
    char name[64], *csv = trials_csv(f, folder);
    snprintf(name, sizeof name, "%s/%s", folder, drawing);
    char *svg = slurp(scratch_path(f->folder, name));
    int n = count(csv, ",done,1,");
    assert_int_equal(count(svg, "<circle"), n);
    free(svg);
    free(csv);
    return n;
}

static double best_cost(fixture *f) {
    const td_node *doc = json(f);
    return td_node_find(td_node_find(doc->item[0]->item[0], "objectives"), "cost")->real;
}

static void the_vessel(void **state) {
    fixture *f = *state;
    write_vessel(f);
    /* The printed optimum, rounded, by hand: reference figures of the problem. */
    scratch_write(f->folder, "good.yaml", "{n1: 13, n2: 7, R: 42.0984, L: 176.65}", 38);
    expect(f, "study enqueue vessel.yaml good.yaml --out good", 0);
    expect(f, "optimize vessel.yaml " COMMAND "--trials 1 --out good --format json --quiet", 0);
    assert_near(best_cost(f), 6060.0, .1);
    expect(f, "optimize vessel.yaml " COMMAND "--trials 150 --format json --quiet", 0);
    assert_string_equal(f->err, "");
    assert_in_range((int)best_cost(f), 6059, 25000);
    assert_true(exists(f, "results/vessel/best.json"));
    assert_true(exists(f, "results/vessel/problem.yaml"));
    assert_true(dots(f, "results/vessel", "history.svg") > 20);
    char *text = slurp(scratch_path(f->folder, "results/vessel/trials.csv"));
    assert_int_equal(
        strncmp(text, "number,state,feasible,cost,shell,heads,volume,n1,n2,R,L,reason", 62), 0);
    free(text);
    /* It goes on, from the folder alone too; what is there says so by name. */
    expect(f, "study resume results/vessel --trials 152 --quiet", 0);
    assert_non_null(strstr(f->out, "152 trials; results in results/vessel"));
    expect(f, "study list results/vessel --format json", 0);
    const td_node *row = json(f)->item[0];
    assert_string_equal(td_node_find(row, "name")->text, "optimize");
    assert_int_equal(td_node_find(row, "trials")->integer, 152);
    expect(f, "study best results/vessel", 0);
    assert_non_null(strstr(f->out, "volume"));
    assert_non_null(strstr(f->out, "        n1 "));
    expect(f, "study importance results/vessel", 0);
    assert_ptr_equal(strstr(f->out, "vessel: the best 10 % of 152 trials, by constraints, then by "
                                    "cost\n"),
                     f->out);
    expect(f, "study importance results/vessel --objective cost --format json", 0);
    assert_string_equal(td_node_find(td_node_find(json(f), "vessel"), "good")->text,
                        "by cost alone");
    assert_int_equal(td_node_find(td_node_find(json(f), "vessel"), "trials")->integer, 152);
    expect_fault(f, "study importance results/vessel --objective latency", 2,
                 "expected cost, found \"latency\"");
    expect(f, "study export results/vessel --limit 2", 0);
    assert_non_null(strstr(f->out, "\r\n151,"));
    assert_null(strstr(f->out, "\r\n149,"));
    expect(f, "study show results/vessel --limit 3 --format json", 0);
    assert_int_equal(json(f)->item[0]->count, 3);
    expect_fault(f, "study show results/vessel --row joint", 4, "no row \"joint\"");
    expect(f, "optimize results/vessel", 3); /* a folder is no problem's file */
}

static void questions_that_are_wrong(void **state) {
    fixture *f = *state;
    write_vessel(f);
    expect_fault(f, "optimize nothing.yaml", 4, "nothing.yaml");
    expect_fault(f, "optimize vessel.yaml --set parameters.R.real=[3,1]", 3, "parameters.R.real");
    expect_fault(f, "optimize vessel.yaml --set 'command=[./nothing]' --quiet", 4,
                 "cannot run \"./nothing\"");
    expect(f, "optimize vessel.yaml --dry-run", 0);
    assert_non_null(strstr(f->out, "minimise cost; met: shell <= 0, heads <= 0, volume >= 1296"));
    expect_fault(f, "tell nowhere 1 cost=3", 4, "nowhere");
    expect_fault(f, "ask nowhere", 4, "nowhere");
    /* None is feasible: all there is is written, and the exit code says so. */
    int code = run(f, "",
                   "optimize vessel.yaml " COMMAND
                   "--set 'constraints=[{name: cost2, max: 1}, shell]' --trials 2 --quiet "
                   "--out none");
    assert_int_equal(code, 6);
    assert_true(exists(f, "none/trials.csv") && !exists(f, "none/history.svg"));
    expect(f, "study show none", 0);
    assert_non_null(strstr(f->out, "constraint cost2 is missing"));
    /* What a program says on standard error passes through. */
    scratch_write(f->folder, "vessel.sh", "echo oh no >&2\nread l\necho '{\"failed\": 1}'\n", 43);
    expect(f, "optimize vessel.yaml " COMMAND "--trials 1 --quiet --out said", 6);
    assert_non_null(strstr(f->err, "oh no\n"));
    /* A recipe is none, nor is its folder taken. */
    write_recipe(f, NULL, NULL);
    expect_fault(f, "optimize recipe.yaml", 3, "tandem search");
    expect_fault(f, "search vessel.yaml", 3, "tandem optimize");
}

/* The shipped ones; two of them need Python. */
static void examples(void **state) {
    fixture *f = *state;
    expect(f, "optimize " TD_TEST_SOURCE "/examples/solver/solver.yaml --quiet --trials 25 --out s",
           0);
    assert_string_equal(f->err, "");
    expect(f, "study show s", 0);
    assert_non_null(strstr(f->out, "; diverges\n"));
    assert_non_null(strstr(f->out, "method cg, preconditioned "));
    assert_int_equal(
        run(f, "", "optimize " TD_TEST_SOURCE "/examples/solver/solver.yaml --quiet --trials 0"),
        2);
    if (system("python3 -c '' 2>/dev/null") != 0) skip();
    expect(f, "optimize " TD_TEST_SOURCE "/examples/beam/beam.yaml --quiet --trials 30 --out b", 0);
    assert_non_null(strstr(f->out, "hypervolume "));
    assert_true(exists(f, "b/front.csv") && exists(f, "b/front.json"));
    assert_true(dots(f, "b", "front.svg") > 2);
    expect(f, "study pareto b --format json", 0);
    assert_true(json(f)->item[0]->count > 2);
    expect(f, "optimize " TD_TEST_SOURCE "/examples/vessel/vessel.yaml --quiet --trials 40 --out v",
           0);
    char *by_python = trials_csv(f, "v");
    write_vessel(f);
    expect(f, "optimize vessel.yaml " COMMAND "--set strategy=auto --trials 40 --quiet --out w", 0);
    char *by_awk = trials_csv(f, "w");
    assert_int_equal(strncmp(by_python, by_awk, 62), 0);
    free(by_python);
    free(by_awk);
}

/* ---- kills ----------------------------------------------------------------------------------- */

static pid_t start(fixture *f, const char *const *arguments) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (chdir(f->folder) != 0 || freopen("child.txt", "w", stdout) == NULL ||
            freopen("stderr.txt", "w", stderr) == NULL)
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

/* Programs that run in the folder, of whatever parent; zombies do not. */
static int programs_left(fixture *f) {
    int n = 0;
    DIR *proc = opendir("/proc");
    assert_non_null(proc);
    for (const struct dirent *e; (e = readdir(proc)) != NULL;) {
        char path[320], cwd[1200] = "", is = 'Z';
        snprintf(path, sizeof path, "/proc/%s/cwd", e->d_name);
        if (readlink(path, cwd, sizeof cwd - 1) < 0 || strcmp(cwd, f->folder) != 0) continue;
        snprintf(path, sizeof path, "/proc/%s/stat", e->d_name);
        FILE *stat = fopen(path, "r");
        if (stat == NULL) continue;
        n += fscanf(stat, "%*d (%*[^)]) %c", &is) == 1 && is != 'Z';
        fclose(stat);
    }
    closedir(proc);
    return n;
}

static void nothing_is_left(fixture *f) {
    for (int i = 0; i < 1000 && programs_left(f) > 0; i++) usleep(2000);
    assert_int_equal(programs_left(f), 0);
}

static int64_t finished(fixture *f, const char *folder) {
    char text[100];
    snprintf(text, sizeof text, "study list %s --format json", folder);
    if (run(f, "", text) != 0) return 0; /* just being made */
    const td_node *doc = json(f);
    if (doc->count == 0) return 0;
    return td_node_find(doc->item[0], "done")->integer +
           td_node_find(doc->item[0], "misses_constraints")->integer;
}

static const char *const optimize[] = {
    "tandem",  "optimize", "vessel.yaml", "--set", "command=[sh, vessel.sh]", "--trials", "40",
    "--quiet", "--out",    "killed",      NULL};

static void run_until(fixture *f, int64_t trials, int sig, int expected) {
    pid_t child = start(f, optimize);
    for (int i = 0; i < 3000 && finished(f, "killed") < trials; i++) usleep(3000);
    kill(child, sig);
    assert_int_equal(wait_for(child), expected);
    nothing_is_left(f);
}

/* Killed at any moment, and gone on with: the trials are those of an undisturbed run, and no
 * program is left behind. */
static void kills_and_drains(void **state) {
    fixture *f = *state;
    write_vessel(f);
    expect(f, "optimize vessel.yaml " COMMAND "--trials 40 --quiet --out whole", 0);
    scratch_write(f->folder, "slow", "", 0);
    run_until(f, 4, SIGKILL, -SIGKILL);
    run_until(f, 9, SIGINT, 130);
    char *err = slurp(scratch_path(f->folder, "stderr.txt"));
    assert_non_null(strstr(err, "the same command goes on"));
    free(err);
    run_until(f, 13, SIGTERM, 130);
    unlink(scratch_path(f->folder, "slow"));
    expect(f, "study resume killed --quiet", 0);
    char *whole = trials_csv(f, "whole"), *killed = trials_csv(f, "killed");
    assert_string_equal(killed, whole);
    free(whole);
    free(killed);
}

/* The second Ctrl-C breaks off what runs. */
static void a_second_signal(void **state) {
    fixture *f = *state;
    write_vessel(f);
    scratch_write(f->folder, "vessel.sh", "read line; sleep 100\n", 21);
    pid_t child = start(f, optimize);
    for (int i = 0; i < 3000 && (!exists(f, "killed/study.db") || programs_left(f) < 4); i++)
        usleep(3000);
    kill(child, SIGINT);
    usleep(100000);
    assert_true(programs_left(f) > 0); /* it waits */
    kill(child, SIGINT);
    assert_int_equal(wait_for(child), 130);
    nothing_is_left(f);
    expect(f, "study list killed --format json", 0);
    assert_int_equal(td_node_find(json(f)->item[0], "running")->integer, 0);
}

/* Several at a time, and a worker that joins: the same trials. */
static void several_at_a_time(void **state) {
    fixture *f = *state;
    write_vessel(f);
    scratch_write(f->folder, "slow", "", 0);
    expect(f, "optimize vessel.yaml " COMMAND "--trials 40 --parallel 4 --quiet --out four", 0);
    pid_t child =
        start(f, (const char *const[]){"tandem", "optimize", "vessel.yaml", "--set",
                                       "command=[sh, vessel.sh]", "--trials", "40", "--parallel",
                                       "4", "--quiet", "--out", "killed", NULL});
    for (int i = 0; i < 3000 && finished(f, "killed") < 4; i++) usleep(3000);
    kill(child, SIGKILL);
    wait_for(child);
    expect(f, "worker killed --quiet --threads 2", 0);
    expect(f, "study resume killed --threads 1 --quiet", 0);
    char *four = trials_csv(f, "four"), *killed = trials_csv(f, "killed");
    assert_string_equal(killed, four);
    free(four);
    free(killed);
    nothing_is_left(f);
}

static void ask_and_tell(void **state) {
    fixture *f = *state;
    write_vessel(f);
    expect(f, "ask vessel.yaml -n 3 --out asked", 0);
    assert_int_equal(strncmp(f->out, "{\"trial\": 0, \"parameters\": {\"n1\": ", 34), 0);
    expect(f, "tell asked 2 cost=6059.7 shell=-0.1 heads=-.1 volume=1296001", 0);
    assert_string_equal(f->err, "1 trial told\n");
    expect(f, "tell asked 2 cost=6059.7 shell=-0.1 heads=-.1 volume=1296001", 0);
    assert_string_equal(f->err, "0 trials told\n");
    expect_fault(f, "tell asked 2 cost=6059 shell=-0.1 heads=-.1 volume=1296001", 9,
                 "trial 2 was told already");
    expect_fault(f, "tell asked 3 failed=x", 4, "trial 3 was not asked for");
    expect_fault(f, "tell asked 1 cost=3", 3, "missing key \"shell\"");
    expect_fault(f, "tell asked 1 cost= shell=1 heads=1 volume=1", 2, "after \"cost=\"");
    /* The last ones are given like others. */
    expect(f, "ask vessel.yaml -n 4 --set budget.trials=2 --out few", 0);
    assert_non_null(strstr(f->out, "{\"trial\": 1, "));
    assert_non_null(strstr(f->err, "fewer than 4 trials"));
    expect_fault(f, "ask few", 10, "used up");
    expect_fault(f, "optimize vessel.yaml --set objectives=[a,b] --set strategy=local", 3,
                 "several go with auto, ");
    expect(f, "ask vessel.yaml --set 'budget={hours: 1}' --out free", 0);
    expect(f, "study list free", 0);
    assert_null(strchr(f->out, '/')); /* of no number of trials */
    expect(f, "tell asked 0 failed='no convergence'", 0);
    expect(f,
           "tell asked --new '{\"parameters\": {\"n1\": 13, \"n2\": 7, \"R\": 42.1, \"L\": 177},"
           " \"cost\": 6069, \"shell\": -1e-4, \"heads\": -0.03, \"volume\": 1.3e6}'",
           0);
    assert_string_equal(f->out, "3\n");
    assert_int_equal(
        run(f, TD_TEST_PROGRAM " ask asked -n 20 | sh vessel.sh |", "tell asked --quiet"), 0);
    expect(f, "study show asked", 0);
    assert_non_null(strstr(f->out, "no convergence"));
    expect(f, "study list asked --format json", 0);
    const td_node *row = json(f)->item[0];
    assert_int_equal(td_node_find(row, "trials")->integer, 24);
    assert_int_equal(td_node_find(row, "running")->integer, 1);
    expect(f, "study best asked --format json", 0);
    assert_near(best_cost(f), 6059.7, 0);
    expect_fault(f, "study resume asked --quiet", 2, "tandem ask");
    expect_fault(f, "optimize vessel.yaml --out asked --quiet", 2, "tandem ask");
    expect(f, "optimize vessel.yaml " COMMAND "--trials 2 --out other --quiet", 6);
    expect_fault(f, "ask vessel.yaml --out other", 2, "tandem optimize");
    assert_int_equal(run(f, "printf '{\"trial\": 1,' |", "tell asked"), 3);
    assert_non_null(strstr(f->err, "tandem: stdin:1: "));
    expect(f, "tell asked 1 cost", 2);
    assert_non_null(strstr(f->err, "NAME=VALUE"));
    expect(f, "tell asked x cost=1", 2);
    assert_non_null(strstr(f->err, "number of a trial"));
}

/* Asks, tells, enqueued points and readers at once: none fails, no number is given twice. */
static void many_at_once(void **state) {
    fixture *f = *state;
    static const char script[] =
        "for i in 1 2 3 4 5 6; do\n"
        "  { " TD_TEST_PROGRAM " ask asked -n 2 > asked-$i || touch bad; } &\n"
        "  { " TD_TEST_PROGRAM " ask asked | sh vessel.sh | " TD_TEST_PROGRAM
        " tell asked --quiet || touch bad; } &\n"
        "  { " TD_TEST_PROGRAM " study enqueue asked good.yaml > /dev/null || touch bad; } &\n"
        "  { " TD_TEST_PROGRAM " study show asked > /dev/null || touch bad; } &\n"
        "done\nwait\n";
    write_vessel(f);
    scratch_write(f->folder, "good.yaml", "{n1: 13, n2: 7, R: 42.0984, L: 176.65}", 38);
    scratch_write(f->folder, "many.sh", script, sizeof script - 1);
    expect(f, "ask vessel.yaml --out asked", 0);
    assert_int_equal(run(f, "sh many.sh;", "study list asked --format json"), 0);
    assert_false(exists(f, "bad"));
    const td_node *row = json(f)->item[0];
    int64_t lent = td_node_find(row, "trials")->integer - td_node_find(row, "ready")->integer;
    assert_int_equal(lent, 1 + 6 * 3);
    assert_int_equal(td_node_find(row, "running")->integer, 1 + 6 * 2);
    assert_int_equal(run(f,
                         "cat asked-* | cut -d , -f 1 | sort | uniq | wc -l | grep -q '^ *12$' &&",
                         "ask asked"),
                     0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_vessel, setup, teardown),
        cmocka_unit_test_setup_teardown(questions_that_are_wrong, setup, teardown),
        cmocka_unit_test_setup_teardown(examples, setup, teardown),
        cmocka_unit_test_setup_teardown(kills_and_drains, setup, teardown),
        cmocka_unit_test_setup_teardown(a_second_signal, setup, teardown),
        cmocka_unit_test_setup_teardown(several_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(ask_and_tell, setup, teardown),
        cmocka_unit_test_setup_teardown(many_at_once, setup, teardown),
    };
    return cmocka_run_group_tests(tests, have_program, NULL);
}

/* Nested search from outside: its results folder, both levels of the study, kills, workers. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "program.h"

static const char hw[] =
    "name: array\nclock_hz: 200.0e+6\n"
    "mac: {instances: 12, mesh_x: 4, bits: 16, energy_pj: 1}\n"
    "levels:\n"
    "  - {name: RF, instances: 12, mesh_x: 4, may_keep: WIO, must_keep: WIO, capacity_bits: 1024,"
    " energy_pj: 1}\n"
    "  - {name: Buffer, instances: 1, may_keep: IO, must_keep: IO, capacity_kb: 4, energy_pj: 6,"
    " read_bw: 64, write_bw: 64, x: KPQC, y: SCK}\n"
    "  - {name: DRAM, instances: 1, capacity_bits: null, energy_pj: 200, shared_bw: 64}\n"
    "space:\n  levels[1].capacity_kb: [1, 2, 4]\n  levels[0].capacity_bits: [256, 512, 1024]\n";
static const char recipe[] =
    "name: n\nworkload:\n"
    "  - {name: a, layer: conv K8 C4 P8 Q8 R3 S3, count: 2}\n  - {name: b, layer: fc K32 C64}\n"
    "accelerator: {space: ./hw.yaml}\n"
    "mapping: {strategy: evolution, trials: 60}\n"
    "strategy: {name: evolution, population: 3}\nbudget: {trials: 8}\n";
/* With networks, too: no nested one. */
static const char both[] =
    "name: n\nnetwork: {space: ibn}\naccelerator: {space: edge}\nmapping: {}\n";

static void write_files(fixture *f) {
    scratch_write(f->folder, "hw.yaml", hw, sizeof hw - 1);
    scratch_write(f->folder, "n.yaml", recipe, sizeof recipe - 1);
    scratch_write(f->folder, "both.yaml", both, sizeof both - 1);
}

static double number(const td_node *n, const char *key) {
    const td_node *x = td_node_find(n, key);
    assert_non_null(x);
    return x->real;
}

static void results(void **state) {
    fixture *f = *state;
    write_files(f);
    expect(f, "search n.yaml --dry-run", 0);
    assert_non_null(strstr(f->out, "2 decisions, 9 points; minimise edp_pj_cycles"));
    assert_non_null(strstr(f->out, "2 different layers, 3 in all; mapping of each: evolution, 60"));
    expect(f, "search n.yaml --quiet", 0);
    assert_string_equal(f->err, "");
    assert_non_null(strstr(f->out, "results in results/n"));
    assert_true(exists(f, "results/n/best/accelerator.yaml"));
    assert_true(exists(f, "results/n/history.svg"));
    char *csv = slurp(scratch_path(f->folder, "results/n/best/layers.csv"));
    assert_int_equal(strncmp(csv, "layer,problem,count,edp_pj_cycles,bound,cycles,pj,", 50), 0);
    free(csv);

    /* What is told of the layers is what their mappings cost, and in sum the trial's value. */
    expect(f, "study layers results/n -f json", 0);
    const td_node *layers = json(f);
    assert_int_equal(layers->count, 2);
    double want[2], sum = 0;
    for (int i = 0; i < 2; i++) {
        want[i] = number(layers->item[i], "pj");
        sum += number(layers->item[i], "count") * number(layers->item[i], "edp_pj_cycles");
        assert_true(number(layers->item[i], "edp_pj_cycles") ==
                    want[i] * number(layers->item[i], "cycles"));
    }
    expect(f, "cost results/n/best/mappings.jsonl -f json", 0);
    char *line = f->out;
    for (int i = 0; i < 2; i++) {
        const td_node *c;
        td_error err = {0};
        char *end = strchr(line, '\n');
        assert_non_null(end);
        assert_ok(td_json_parse(f->arena, line, (size_t)(end - line), "out", 1, &c, &err), &err);
        const td_node *cost = td_node_find(c, "result");
        assert_true(number(cost, "energy_total_pj") == want[i]);
        line = end + 1;
    }
    expect(f, "study best results/n -f json", 0);
    assert_true(number(td_node_find(json(f)->item[0]->item[0], "objectives"), "edp_pj_cycles") ==
                sum);
    expect(f, "study layers results/n --trial 0", 0);
    assert_non_null(strstr(f->out, "trial 0, 2 of 2 layers"));
    expect(f, "study list results/n", 0);
    expect(f, "study importance results/n", 0);
}

static void other_parts(void **state) {
    fixture *f = *state;
    write_files(f);
    expect(f,
           "search n.yaml --quiet --set 'mapping={strategy: mapper}' --set strategy=exhaustive "
           "--trials 9 --out all -f json",
           0);
    /* A file that --set names is found again from anywhere. */
    assert_int_equal(run(f, "mkdir sub; cd sub; echo '- {layer: fc K8 C8}' > one.yaml;",
                         "search ../n.yaml --quiet --set workload=one.yaml --out ../other"),
                     0);
    assert_int_equal(run(f, "cd other;", "study resume . --trials 9 --quiet"), 0);
    expect(f, "study list other --format json", 0);
    assert_int_equal(number(json(f)->item[0], "trials"), 9);
    /* A known design is tried first, before there is a folder. */
    static const char known[] = "{\"levels[1].capacity_kb\": 4, \"levels[0].capacity_bits\": 512}";
    scratch_write(f->folder, "known.json", known, sizeof known - 1);
    expect(f, "study enqueue n.yaml known.json --out given", 0);
    expect(f, "study resume given --trials 1 --quiet", 0);
    expect(f, "study best given -f json", 0);
    const td_node *given = td_node_find(json(f)->item[0]->item[0], "parameters");
    assert_true(number(given, "levels[1].capacity_kb") == 4);
    assert_true(number(given, "levels[0].capacity_bits") == 512);
    expect_fault(f, "compare n.yaml --strategies random --dry-run", 3, "nested search");
    expect_fault(f, "search n.yaml --set workload=none.yaml", 3, "a file with one");
    expect_fault(f, "search n.yaml --workload C", 2, "--workload");
    expect_fault(f, "search n.yaml --set mapping.strategy=evolutoin", 3, "did you mean");
    expect_fault(f, "ask n.yaml --out asked", 2, "tandem search");
    expect_fault(f, "search both.yaml", 3, "unknown key \"network\"");
    expect_fault(f, "study layers all --trial 99", 4, "there is no trial 99");
}

static pid_t start(fixture *f, const char *const *argv) {
    pid_t child = fork();
    if (child > 0) return child;
    if (chdir(f->folder) != 0) _exit(99);
    execv(TD_TEST_PROGRAM, (char *const *)argv);
    _exit(99);
}

/* Killed in the middle, again and again, then gone on with by a worker and a search: the same
 * trials and the same layers. */
static void kills(void **state) {
    fixture *f = *state;
    static const char *const search[] = {
        "tandem",  "search", "n.yaml", "--set", "mapping.trials=4000", "--threads", "1",
        "--quiet", "--out",  "killed", NULL};
    write_files(f);
    expect(f, "search n.yaml --set mapping.trials=4000 --quiet --out whole", 0);
    expect(f, "study export whole", 0);
    char *whole = strdup(f->out);
    expect(f, "study layers whole --trial 5 -f json", 0);
    char *layers = strdup(f->out);
    for (int i = 0; i < 4; i++) { /* a trial that is killed five times counts as failed */
        pid_t child = start(f, search);
        usleep(30000 + 20000 * (unsigned)i);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
    }
    if (exists(f, "killed/study.db")) run(f, "", "worker killed --quiet");
    expect(f, "search n.yaml --set mapping.trials=4000 --quiet --out killed", 0);
    expect(f, "study export killed", 0);
    assert_string_equal(f->out, whole);
    expect(f, "study layers killed --trial 5 -f json", 0);
    assert_string_equal(f->out, layers);
    free(layers);
    free(whole);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(results, setup, teardown),
        cmocka_unit_test_setup_teardown(other_parts, setup, teardown),
        cmocka_unit_test_setup_teardown(kills, setup, teardown),
    };
    return cmocka_run_group_tests(tests, have_program, NULL);
}

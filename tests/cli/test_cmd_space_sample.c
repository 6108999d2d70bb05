/* tandem space --sample --cost, run as a program: each point of a joint space ends in a cost or a
 * reason, whatever the number of threads, and the figures are those of the library. */
#include <signal.h>
#include <sys/wait.h>

#include "program.h"
#include "tandem/map.h"
#include "tandem/space.h"

/* A space of networks like the quickstart's x micro; a small budget of nodes, since only the
 * search's depth hangs on it.
 */
static const char joint[] =
    "network:\n"
    "  space: ibn\n"
    "  stem: {channels: 16, stride: 2, kernel: 3}\n"
    "  stages:\n"
    "    - {channels: 16, stride: 1, depth: [1], kernel: [3], expansion: [1]}\n"
    "    - {channels: 24, stride: 2, depth: [1, 2, 3]}\n"
    "    - {channels: 40, stride: 1, depth: [1, 2, 3]}\n"
    "    - {channels: 64, stride: 2, depth: [1, 2]}\n"
    "  kernel: [3, 5, 7]\n"
    "  expansion: [3, 6]\n"
    "  width: [0.6, 0.8, 1.0, 1.25]\n"
    "  head: [96, 128]\n"
    "accelerator: {space: micro}\n"
    "schedule: {max_nodes: 20}\n";

/* Its rules are off, and some of its memories too small for any tile. */
static const char tight[] =
    "network: {space: ibn, stages: [{channels: 16, stride: 1, depth: [1, 2]}], kernel: [3, 7],\n"
    "  expansion: [1, 6], width: 1}\n"
    "accelerator: {space: micro, pe_x: 1, pe_y: 1, simd: [4, 16], lanes: 1,\n"
    "  local_kb: [0.015625, 0.5, 64], rf_kb: [0.0078125, 0.5], io_gbps: 0.4, min_total_kb: 0,\n"
    "  max_rf_share: 1, rf_weight_steps: 0, rf_accumulators: 0, min_macs: 1}\n"
    "schedule: {max_nodes: 300}\n";

enum { POINTS = TEST_SANITIZED ? 40 : 150, SEED = 5, MOST_CELLS = 64 };

static int setup_recipes(void **state) {
    setup(state);
    fixture *f = *state;
    scratch_write(f->folder, "joint.yaml", joint, sizeof joint - 1);
    scratch_write(f->folder, "tight.yaml", tight, sizeof tight - 1);
    return 0;
}

static int space(fixture *f, const char *arguments) {
    return run(f, "", td_arena_printf(f->arena, "space %s", arguments));
}

static const td_node *space_json(fixture *f, const char *arguments) {
    int code = space(f, arguments);
    if (code != 0) fail_msg("%s: exit code %d: %s", arguments, code, f->err);
    return json(f);
}

static int64_t count(const td_node *n, const char *key) {
    assert_non_null(td_node_find(n, key));
    return td_node_find(n, key)->integer;
}

/* Points of reasons that are due to building, or to scheduling. */
static int64_t refused_by(const td_node *m, const char *by) {
    const td_node *list = td_node_find(m, "refused");
    int64_t n = 0;
    for (int i = 0; i < list->count; i++) {
        const td_node *r = list->item[i];
        if (strpbrk(td_node_find(r, "reason")->text, "0123456789") != NULL)
            fail_msg("a number in \"%s\"", td_node_find(r, "reason")->text);
        assert_true(td_node_find(r, "example")->text[0] != '\0');
        if (strcmp(td_node_find(r, "by")->text, by) == 0) n += count(r, "points");
    }
    return n;
}

/* ---- the points as CSV ----------------------------------------------------------------------- */

typedef struct {
    char *cell[POINTS + 1][MOST_CELLS];
    int columns;
} table;

/* Names and numbers have no quotes; the last column, the reason, may. */
static void read_csv(fixture *f, table *t) {
    char *line = td_arena_strdup(f->arena, f->out);
    for (int r = 0; r <= POINTS; r++) {
        char *end = strstr(line, "\r\n");
        assert_non_null(end);
        *end = '\0';
        int n = 0;
        for (char *at = line; at != NULL; n++) {
            assert_true(n < MOST_CELLS);
            t->cell[r][n] = at;
            bool last = r > 0 && n == t->columns - 1;
            at = last ? NULL : strchr(at, ',');
            if (at != NULL) *at++ = '\0';
        }
        if (r == 0) t->columns = n;
        assert_int_equal(n, t->columns);
        line = end + 2;
    }
    assert_int_equal(*line, '\0');
}

static int column(const table *t, const char *name) {
    int k = 0;
    while (k < t->columns && strcmp(t->cell[0][k], name) != 0) k++;
    if (k == t->columns) fail_msg("no column %s", name);
    return k;
}

static int compare_reals(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void expect_spread(const table *t, const char *name, const td_node *m, const char *key,
                          double unit) {
    double v[POINTS];
    int n = 0, k = column(t, name);
    for (int r = 1; r <= POINTS; r++)
        if (t->cell[r][k][0] != '\0') v[n++] = strtod(t->cell[r][k], NULL) * unit;
    qsort(v, (size_t)n, sizeof *v, compare_reals);
    const td_node *spread = td_node_find(m, key);
    assert_non_null(spread);
    assert_near(td_node_find(spread, "least")->real, v[0], 1e-12 * v[0]);
    assert_near(td_node_find(spread, "median")->real, v[n / 2], 1e-12 * v[n / 2]);
    assert_near(td_node_find(spread, "most")->real, v[n - 1], 1e-12 * v[n - 1]);
}

/* Each point has either all its costs or a reason, and the costs are those of its design. */
static void expect_points(fixture *f, const table *t, int64_t costed) {
    td_error err = {0};
    const td_node *doc;
    td_space *net, *hw, *space;
    td_schedule_options o;
    td_arena *a = f->arena;
    assert_ok(td_yaml_parse(a, joint, sizeof joint - 1, "joint", &doc, &err), &err);
    assert_ok(td_space_net_from_node(td_node_find(doc, "network"), a, &net, &err), &err);
    assert_ok(td_space_hw_from_node(td_node_find(doc, "accelerator"), a, &hw, &err), &err);
    assert_ok(td_space_product(net, hw, a, &space, &err), &err);
    td_schedule_options_default(&o);
    o.max_nodes = 20;
    int latency = column(t, "latency_us"), energy = column(t, "energy_uj"),
        area = column(t, "area_mm2"), state = column(t, "state"), reason = column(t, "reason");
    int64_t n = 0;
    for (int r = 1; r <= POINTS; r++) {
        double v[64];
        td_choices c = {.n = space->n, .v = v};
        td_rng rng = td_rng_make(SEED, (uint64_t)(r - 1), TD_RNG_SPACE_SAMPLE);
        td_space_sample(space, &rng, &c);
        td_design d;
        td_schedule s = {0};
        bool has = strcmp(t->cell[r][state], "costed") == 0;
        td_status st = space->build(space->self, &c, a, &d, &err);
        assert_true(has == (t->cell[r][reason][0] == '\0'));
        assert_true(has == (st == TD_OK));
        for (int k = 0; k < space->n; k++) /* a choice where the decision is active */
            assert_true(isnan(v[k]) == (t->cell[r][column(t, space->d[k].name)][0] == '\0'));
        if (has) {
            n++;
            assert_true(strtod(t->cell[r][area], NULL) == d.hw.area_mm2);
            if (r % 8 == 0) { /* by itself, without what other points left in the cache */
                assert_ok(td_schedule_best(d.net, &d.hw, &o, &s, NULL, &err), &err);
                assert_true(strtod(t->cell[r][latency], NULL) == s.latency_s * 1e6);
                assert_true(strtod(t->cell[r][energy], NULL) == s.energy_j * 1e6);
            }
        } else {
            assert_string_equal(t->cell[r][latency], "");
            assert_string_equal(t->cell[r][energy], "");
        }
        td_schedule_free(&s);
        td_design_free(&d);
    }
    assert_int_equal(n, costed);
}

static void a_cost_or_a_reason(void **state) {
    fixture *f = *state;
    static table t;
    const td_node *doc =
        space_json(f, td_arena_printf(f->arena,
                                      "joint.yaml --sample %d --seed 5 --cost --threads 1 "
                                      "--format json",
                                      POINTS));
    const td_node *m = td_node_find(doc, "sample");
    assert_int_equal(count(m, "points"), POINTS);
    assert_int_equal(count(m, "built") + refused_by(m, "build"), POINTS);
    assert_int_equal(count(m, "costed") + refused_by(m, "schedule"), count(m, "built"));
    /* 64.8 % of the points of micro are valid */
    assert_in_range(count(m, "built"), POINTS * 7 / 15, POINTS * 4 / 5);
    assert_int_equal(
        space(f, td_arena_printf(f->arena,
                                 "joint.yaml --sample %d --seed 5 --cost --threads 3 --format csv",
                                 POINTS)),
        0);
    read_csv(f, &t);
    expect_spread(&t, "latency_us", m, "latency_s", 1e-6);
    expect_spread(&t, "energy_uj", m, "energy_j", 1e-6);
    expect_spread(&t, "area_mm2", m, "area_mm2", 1);
    expect_points(f, &t, count(m, "costed"));
    /* tests/hw/test_edge.c has the same count from the rules' own formulas */
    const td_node *walks = td_node_find(doc, "walked");
    assert_int_equal(walks->count, 1);
    const td_node *all = walks->item[0];
    assert_string_equal(td_node_find(all, "of")->text, "accelerators");
    assert_int_equal(count(all, "points"), 23040);
    assert_int_equal(count(all, "built"), 14922);
    assert_int_equal(refused_by(all, "build"), 23040 - 14922);
    assert_int_equal(space(f, "joint.yaml --sample 10 --seed 5 --cost"), 0);
    assert_non_null(strstr(f->out, "10 points drawn"));
    assert_non_null(strstr(f->out, "of all 23,040 accelerators 14,922 can be built: 64.77 %"));
    assert_non_null(strstr(f->out, "latency, us"));
}

/* Built is not scheduled: a layer without a place is a reason, too. */
static void points_without_a_schedule(void **state) {
    fixture *f = *state;
    space_json(f, "tight.yaml --sample 60 --cost --threads 4 --format json");
    char *by_four = td_arena_strdup(f->arena, f->out);
    const td_node *m = td_node_find(
        space_json(f, "tight.yaml --sample 60 --cost --threads 1 --format json"), "sample");
    assert_string_equal(f->out, by_four); /* the examples, too */
    assert_int_equal(count(m, "points"), 60);
    assert_true(refused_by(m, "build") > 0 && refused_by(m, "schedule") > 0);
    assert_true(count(m, "costed") > 0);
    assert_int_equal(count(m, "built") + refused_by(m, "build"), 60);
    assert_int_equal(count(m, "costed") + refused_by(m, "schedule"), count(m, "built"));
}

/* Neither a cost nor a reason: the first such point is told, and nothing printed. */
static void a_fault_is_an_error(void **state) {
    fixture *f = *state;
    static const char huge[] = "network: {space: ibn, input: [1, 65536, 65536],\n"
                               "  stages: [{channels: 16, stride: 1, depth: [1, 2]}]}\n"
                               "accelerator: {space: micro, pe_x: 2, pe_y: 2, simd: 16, lanes: 2,\n"
                               "  local_kb: 64, rf_kb: 1, io_gbps: [0.4, 0.8]}\n"
                               "schedule: {batch: 4096}\n";
    scratch_write(f->folder, "huge.yaml", huge, sizeof huge - 1);
    for (int k = 0; k < 5; k++) {
        assert_int_equal(space(f, "huge.yaml --sample 200 --cost --threads 4"),
                         td_status_exit_code(TD_E_INPUT));
        assert_int_equal(strncmp(f->err, "tandem: point 0 of seed 0: ", 27), 0);
        assert_string_equal(f->out, "");
    }
}

static void wrong_use(void **state) {
    fixture *f = *state;
    static const struct {
        const char *arguments, *part;
    } wrong[] = {
        {"joint.yaml --cost", "--cost needs --sample"},
        {"micro --sample 5 --cost", "a network and an accelerator"},
        {"ibn --sample 5 --cost", "a network and an accelerator"},
        {"joint.yaml --sample 5 --threads 0", "--threads"},
        {"joint.yaml --sample 1000001", "--sample"},
        {"joint.yaml --format csv", "--sample"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(space(f, wrong[i].arguments), td_status_exit_code(TD_E_USAGE));
        if (strstr(f->err, wrong[i].part) == NULL)
            fail_msg("\"%s\" is not in \"%s\"", wrong[i].part, f->err);
    }
    static const char bad[] = "network: {space: ibn}\naccelerator: {space: micro}\n"
                              "schedule: {objective: fast}\n";
    scratch_write(f->folder, "bad.yaml", bad, sizeof bad - 1);
    assert_int_equal(space(f, "bad.yaml --sample 5 --cost"), td_status_exit_code(TD_E_INPUT));
    assert_non_null(strstr(f->err, "bad.yaml:3: schedule.objective"));
}

/* SIGINT after some time: whether points were being looked at then. */
static bool interrupt_after(fixture *f, useconds_t wait) {
    int status;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (chdir(f->folder) != 0 || freopen("out.txt", "w", stdout) == NULL ||
            freopen("err.txt", "w", stderr) == NULL)
            _exit(99);
        execl(TD_TEST_PROGRAM, "tandem", "space", "joint.yaml", "--sample=1000000", "--cost",
              "--threads=2", (char *)NULL);
        _exit(99);
    }
    assert_true(child > 0);
    usleep(wait);
    kill(child, SIGINT);
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) return false; /* it had not begun */
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 130);
    free(f->out);
    free(f->err);
    f->out = slurp(scratch_path(f->folder, "out.txt"));
    f->err = slurp(scratch_path(f->folder, "err.txt"));
    assert_string_equal(f->out, "");
    long long done = -1;
    assert_int_equal(sscanf(f->err, "tandem: interrupted after %lld of 1000000 points", &done), 1);
    assert_in_range(done, 0, 999999);
    return done > 0;
}

/* Known constraints: samples keep them, which takes more vectors than points; a walk tells of all.
 */
static void known_constraints(void **state) {
    fixture *f = *state;
    static const char few[] = "accelerator: {space: eyeriss, input_words: 12, weight_words: 192,\n"
                              "  block: 1, cluster: [1, 2], buffer_x: [1, 2], buffer_y: [1, 3]}\n";
    scratch_write(f->folder, "few.yaml", few, sizeof few - 1);
    const td_node *n = space_json(
        f, td_arena_printf(f->arena, "%s/few.yaml --sample 200 --format json", f->folder));
    const td_node *sample = td_node_find(n, "sample"), *walk = td_node_find(n, "walked")->item[0];
    assert_int_equal(count(sample, "points"), 200);
    assert_int_equal(count(sample, "built"), 200);
    assert_int_equal(count(walk, "points"), 16 * 2 * 2 * 2 * 4);
    /* vectors are as many as the share of the whole says, within 5 deviations */
    double share = (double)count(walk, "built") / (double)count(walk, "points");
    assert_near((double)count(sample, "drawn") * share, 200, 5 * sqrt(200.));
    const td_node *rules = td_node_find(walk, "rules");
    assert_string_equal(td_node_find(rules->item[0], "rule")->text, "buffer_mesh");
    assert_string_equal(td_node_find(rules->item[1], "rule")->text, "buffer_cluster");
    assert_string_equal(td_node_find(rules->item[2], "rule")->text, "filter_spread");
    assert_int_equal(space(f, "eyeriss --sample 50"), 0);
    assert_non_null(strstr(f->out, "50 can be built: 100.0 %"));
    assert_non_null(strstr(f->out, "meet the known constraints"));
}

/* Ctrl-C: ends after the points that are being looked at, with nothing on standard output. */
static void interrupted(void **state) {
    useconds_t wait = 200000;
    while (!interrupt_after(*state, wait)) {
        wait *= 2;
        assert_true(wait < 30000000);
    }
}

int main(void) {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup_recipes, teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_cost_or_a_reason), CASE(points_without_a_schedule), CASE(a_fault_is_an_error),
        CASE(wrong_use),          CASE(known_constraints),         CASE(interrupted),
    };
    return cmocka_run_group_tests(tests, have_program, NULL);
}

/* The single steps that tandem eval tells: each is evaluated by the program from its own --set, and
 * the list is held to the file that it comes from. */
#include "common.h"

#include <math.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tandem/base.h"
#include "tandem/hw.h"

/* Small, with few nodes of the mapper: a step is a schedule. */
#define NET "C --max-nodes 200"

static char out[1 << 20];

static int program(void **unused) {
    (void)unused;
    return access(TD_TEST_PROGRAM, X_OK);
}

/* Standard output, or standard error if `code` is not 0, of a run that ends with `code`. */
static void run(const char *command, int code) {
    char line[1024];
    snprintf(line, sizeof line, "%s %s %s", TD_TEST_PROGRAM, command,
             code != 0 ? "2>&1 >/dev/null" : "2>/dev/null");
    FILE *f = popen(line, "r");
    assert_non_null(f);
    out[fread(out, 1, sizeof out - 1, f)] = '\0';
    int status = pclose(f);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != code) fail_msg("%s: %s", command, out);
}

static const td_node *evaluate(td_arena *a, const char *what) {
    char command[768];
    const td_node *doc;
    td_error err = {0};
    snprintf(command, sizeof command, "eval %s --format json", what);
    run(command, 0);
    const char *text = td_arena_strdup(a, out);
    assert_ok(td_json_parse(a, text, strlen(text), "stdout", 1, &doc, &err), &err);
    return doc;
}

/* NAN: not told. */
static double real_at(const td_node *n, const char *key) {
    const td_node *v = td_node_find(n, key);
    return v != NULL ? v->real : NAN;
}

static double area_of(const char *hw, const td_node *set) {
    td_arena *a = td_arena_create();
    const char *path;
    const td_node *doc;
    td_error err = {0};
    td_hw built;
    assert_ok(td_hw_find(a, hw, &path, &err), &err);
    assert_ok(td_node_load(a, path, &doc, &err), &err);
    for (int i = 0; i < set->count; i++)
        assert_ok(td_node_override(a, (td_node *)doc, "--set", set->item[i]->text, &err), &err);
    assert_ok(td_hw_from_node(doc, &built, &err), &err);
    td_arena_destroy(a);
    return built.area_mm2;
}

/* Each step of the list against the program with its --set: figures to the last bit, or the same
 * refusal (with a sanitizer one in four of them). Returns how many run by what is told. */
static int steps_by_hand(td_arena *a, const char *net, const char *hw, const char *options,
                         const td_node *doc) {
    const td_node *steps = td_node_find(doc, "next_steps");
    assert_non_null(steps);
    int ran = 0;
    for (int i = 0; i < steps->count; i++) {
        const td_node *t = steps->item[i], *set = td_node_find(t, "set"),
                      *reason = td_node_find(t, "reason");
        td_text what = {0};
        td_text_addf(&what, "%s --hw %s %s", net, hw, options);
        assert_true(set->count > 0);
        for (int k = 0; k < set->count; k++) td_text_addf(&what, " --set '%s'", set->item[k]->text);
        if (TEST_SANITIZED && i % 4 != 0) { /* one in four */
            ran += reason == NULL;
        } else if (reason != NULL) {
            char command[768];
            snprintf(command, sizeof command, "eval %s", what.data);
            run(command, td_status_exit_code(TD_E_INFEASIBLE));
            if (strstr(out, reason->text) == NULL) fail_msg("%s, not: %s", out, reason->text);
            assert_true(isnan(real_at(t, "latency_s")));
        } else {
            const td_node *then = evaluate(a, what.data);
            if (real_at(then, "latency_s") != real_at(t, "latency_s"))
                fail_msg("%s: %g s, told %g", what.data, real_at(then, "latency_s"),
                         real_at(t, "latency_s"));
            if (!isnan(real_at(t, "energy_j")))
                assert_true(real_at(then, "energy_j") == real_at(t, "energy_j"));
            if (!isnan(real_at(t, "area_mm2")))
                assert_true(area_of(hw, set) == real_at(t, "area_mm2"));
            assert_near(real_at(t, "latency_ratio"),
                        real_at(t, "latency_s") / real_at(doc, "latency_s"), 0);
            ran++;
        }
        td_text_free(&what);
    }
    return ran;
}

/* By the objective; what does not run comes last. The first of those of use has the least product
 * of latency, energy and area. */
static void in_order(const td_node *steps, const char *aim) {
    double last = -INFINITY, first = INFINITY, least = INFINITY;
    bool refused = false;
    for (int i = 0; i < steps->count; i++) {
        const td_node *t = steps->item[i];
        if (td_node_find(t, "reason") != NULL) {
            refused = true;
            continue;
        }
        double v = real_at(t, aim), area = real_at(t, "area_ratio"),
               product = real_at(t, "latency_ratio") * real_at(t, "energy_ratio") *
                         (isnan(area) ? 1 : area);
        assert_false(refused);
        assert_true(v >= last);
        last = v;
        if (v <= 1.0005 && (v < 0.995 || product < 0.995)) least = fmin(least, product);
        if (real_at(t, "rank") == 1) first = product;
    }
    assert_true(first == least && first < INFINITY);
}

static int has_step(const td_node *steps, const char *key, double to) {
    char set[96];
    int found = 0;
    snprintf(set, sizeof set, "%s=%.10g", key, to);
    for (int i = 0; i < steps->count; i++) {
        const td_node *list = td_node_find(steps->item[i], "set");
        found += list->count == 1 && strcmp(list->item[0]->text, set) == 0;
    }
    return found;
}

static const char micro[] = TD_TEST_SOURCE "/hw/micro.yaml";

static void neighbours_in_the_space(void **unused) {
    (void)unused;
    static const struct {
        const char *options, *aim;
    } asked[] = {{"", "latency_ratio"}, {"--objective energy --batch 2 --cold", "energy_ratio"}};
    td_arena *a = td_arena_create();
    td_error err = {0};
    const td_node *file;
    td_edge p;
    assert_ok(td_node_load(a, micro, &file, &err), &err);
    assert_ok(td_edge_from_node(file, &p, &err), &err);
    const td_node *space = td_node_find(file, "space");
    for (int k = TEST_SANITIZED; k < 2; k++) {
        char what[256];
        snprintf(what, sizeof what, NET " --hw %s --steps %s", micro, asked[k].options);
        const td_node *doc = evaluate(a, what), *steps = td_node_find(doc, "next_steps");
        int expected = 0;
        for (int i = 0; i < space->count; i++) { /* lists that rise */
            const td_node *list = space->item[i];
            for (int j = 0; j < list->count; j++) {
                if (list->item[j]->real != td_edge_get(&p, list->key)) continue;
                for (int d = -1; d <= 1; d += 2) {
                    if (j + d < 0 || j + d >= list->count) continue;
                    expected++;
                    assert_int_equal(has_step(steps, list->key, list->item[j + d]->real), 1);
                }
            }
        }
        assert_int_equal(steps->count, expected);
        int ran = steps_by_hand(a, NET, micro, asked[k].options, doc);
        assert_true(ran >= 8 && ran < expected); /* some break a rule */
        in_order(steps, asked[k].aim);
        for (int i = 0; i < steps->count; i++)
            assert_true((td_node_find(steps->item[i], "rule") != NULL) ==
                        (td_node_find(steps->item[i], "reason") != NULL));
    }
    td_arena_destroy(a);
}

/* Percents are told with one decimal below ten, none above, "0" below a twentieth. */
static const char *expect_percent(const char *at, double ratio) {
    char *end;
    double percent = 100 * (ratio - 1), told = strtod(at, &end);
    assert_true(end > at);
    assert_near(told, percent, fabs(percent) < 9.95 ? 0.0501 : 0.501);
    return strchr(end, '%') + 1;
}

/* Rows and line of the table are the steps of the JSON. */
static void table_of_steps(void **unused) {
    (void)unused;
    td_arena *a = td_arena_create();
    const td_node *steps = td_node_find(evaluate(a, NET " --hw micro --steps"), "next_steps");
    run("eval " NET " --hw micro", 0);
    char *at = strstr(out, "\n single steps ");
    assert_non_null(at);
    for (int i = 0; i < steps->count; i++) {
        const td_node *t = steps->item[i], *rule = td_node_find(t, "rule");
        char name[96];
        at = strchr(at + 1, '\n');
        snprintf(name, sizeof name, "\n %s %.6g -> %.6g ", td_node_find(t, "parameter")->text,
                 real_at(t, "from"), real_at(t, "to"));
        if (strncmp(at, name, strlen(name)) != 0) fail_msg("%.60s, not%s", at, name);
        const char *rest = at + strlen(name);
        if (rule != NULL) {
            rest += strspn(rest, " ");
            snprintf(name, sizeof name, "cannot be built: %s\n", rule->text);
            assert_int_equal(strncmp(rest, name, strlen(name)), 0);
            continue;
        }
        rest = expect_percent(rest, real_at(t, "latency_ratio"));
        rest = expect_percent(rest, real_at(t, "energy_ratio"));
        rest = expect_percent(rest, real_at(t, "area_ratio"));
        assert_int_equal(*rest, '\n');
    }
    /* The first one of the list gains most, and is told before the one that is worth its cost. */
    at = strchr(at + 1, '\n');
    assert_int_equal(strncmp(at, "\nnext step: ", 12), 0);
    assert_true(real_at(steps->item[0], "latency_ratio") < 0.995);
    const char *name = td_node_find(steps->item[0], "parameter")->text;
    assert_int_equal(strncmp(at + 12, name, strlen(name)), 0);
    assert_non_null(strstr(at, " (gains most"));
    for (int i = 0; i < steps->count; i++)
        if (real_at(steps->item[i], "rank") == 1)
            assert_non_null(strstr(at, td_node_find(steps->item[i], "parameter")->text));
    run("eval " NET " --hw micro --no-steps", 0);
    assert_null(strstr(out, "single steps"));
    assert_null(strstr(out, "next step"));
    td_arena_destroy(a);
}

/* Rows and columns of a square grid come to much the same here: one of them is told, then the next.
 */
static void equal_steps_are_told_once(void **unused) {
    (void)unused;
    static const char *const what = "B --hw micro --set lanes=4 --max-nodes 200";
    td_arena *a = td_arena_create();
    char command[128];
    snprintf(command, sizeof command, "%s --steps", what);
    const td_node *steps = td_node_find(evaluate(a, command), "next_steps"), *ranked[4] = {NULL};
    for (int i = 0; i < steps->count; i++) {
        const td_node *rank = td_node_find(steps->item[i], "rank");
        if (rank != NULL && rank->integer <= 3) ranked[rank->integer] = steps->item[i];
    }
    assert_true(ranked[1] != NULL && ranked[2] != NULL && ranked[3] != NULL);
    static const char *const figure[] = {"latency_s", "energy_j", "area_mm2"};
    for (int k = 0; k < 3; k++) {
        double v = real_at(ranked[1], figure[k]);
        assert_near(v, real_at(ranked[2], figure[k]), 1e-3 * v);
    }
    snprintf(command, sizeof command, "eval %s", what);
    run(command, 0);
    const char *line = strstr(out, "\nnext step: ");
    assert_non_null(line);
    for (int r = 1; r <= 3; r++)
        assert_int_equal(strstr(line, td_node_find(ranked[r], "parameter")->text) != NULL, r != 2);
    td_arena_destroy(a);
}

/* What gains most may not be worth its area: both are told, that one first. */
static void gain_and_cost(void **unused) {
    (void)unused;
    static const char *const what = "mobilenetv2 --hw edge --max-nodes 200";
    td_arena *a = td_arena_create();
    char command[128], told[128];
    snprintf(command, sizeof command, "%s --steps", what);
    const td_node *steps = td_node_find(evaluate(a, command), "next_steps"), *best = NULL;
    for (int i = 0; i < steps->count; i++)
        if (real_at(steps->item[i], "rank") == 1) best = steps->item[i];
    assert_true(best != NULL && best != steps->item[0]);
    snprintf(command, sizeof command, "eval %s", what);
    run(command, 0);
    const td_node *const expected[] = {steps->item[0], best};
    const char *at = strstr(out, "\nnext step: ");
    for (int i = 0; i < 2; i++) {
        assert_non_null(at);
        snprintf(told, sizeof told, "%s %.6g -> %.6g (%s): latency ",
                 td_node_find(expected[i], "parameter")->text, real_at(expected[i], "from"),
                 real_at(expected[i], "to"), i == 0 ? "gains most" : "best for its cost");
        at = strstr(at, told);
    }
    assert_non_null(at);
    td_arena_destroy(a);
}

static const char *written(const td_node *n) {
    static char path[64];
    td_text text = {0};
    td_error err = {0};
    strcpy(path, "/tmp/tandem-step-XXXXXX.yaml");
    int fd = mkstemps(path, 5);
    assert_true(fd >= 0);
    close(fd);
    td_node_to_yaml(n, &text);
    assert_ok(td_file_write(path, text.data, text.size, &err), &err);
    td_text_free(&text);
    return path;
}

/* Twice and half; half of an odd number of PEs is no step. */
static void template_without_a_space(void **unused) {
    (void)unused;
    td_arena *a = td_arena_create();
    td_error err = {0};
    const td_node *file;
    td_edge p;
    assert_ok(td_node_load(a, micro, &file, &err), &err);
    assert_ok(td_edge_from_node(file, &p, &err), &err);
    assert_ok(td_edge_set(&p, "pe_x", 3, &err), &err);
    const char *path = written(td_edge_to_node(&p, a));
    char what[256];
    snprintf(what, sizeof what, NET " --hw %s --steps", path);
    const td_node *doc = evaluate(a, what), *steps = td_node_find(doc, "next_steps");
    assert_int_equal(steps->count, 13);
    assert_int_equal(has_step(steps, "pe_x", 6), 1);
    assert_int_equal(has_step(steps, "io_gbps", 0.4), 1);
    assert_true(steps_by_hand(a, NET, path, "", doc) > 6);
    unlink(path);
    td_arena_destroy(a);
}

static const td_node *step_of(const td_node *steps, const char *parameter) {
    for (int i = 0; i < steps->count; i++)
        if (strcmp(td_node_find(steps->item[i], "parameter")->text, parameter) == 0)
            return steps->item[i];
    fail_msg("no step of %s", parameter);
    return NULL;
}

/* Levels in full: all that can be scarce is doubled; the file does not say what it costs. */
static void general_description(void **unused) {
    (void)unused;
    const char *eyeriss = TD_TEST_SOURCE "/hw/eyeriss-168.yaml";
    td_arena *a = td_arena_create();
    char what[256];
    snprintf(what, sizeof what, NET " --hw %s --steps", eyeriss);
    const td_node *doc = evaluate(a, what), *steps = td_node_find(doc, "next_steps");
    /* 4 capacities, 2 bandwidths, columns and rows of the array, lanes and port of the vector unit
     */
    assert_int_equal(steps->count, 10);
    assert_int_equal(steps_by_hand(a, NET, eyeriss, "", doc), 10);
    in_order(steps, "latency_ratio");
    for (int i = 0; i < 10; i++) assert_true(isnan(real_at(steps->item[i], "area_mm2")));
    const td_node *dram = step_of(steps, "DRAM bandwidth"),
                  *buffer = step_of(steps, "Buffer capacity"),
                  *columns = step_of(steps, "columns below Buffer");
    assert_near(real_at(dram, "from"), 19.2, 0);
    assert_true(real_at(dram, "rank") == 1 && real_at(dram, "energy_j") > 0);
    assert_near(real_at(buffer, "to"), 216, 0);
    assert_true(isnan(real_at(buffer, "energy_j"))); /* its energy per access is a number */
    assert_near(real_at(columns, "to"), 336, 0);
    assert_int_equal(td_node_find(columns, "set")->count, 2 + 2 * 3);
    /* Of a memory with a class it follows. */
    doc = evaluate(a, NET " --hw simba --steps");
    steps = td_node_find(doc, "next_steps");
    assert_true(real_at(step_of(steps, "GlobalBuffer capacity"), "energy_j") > 0);
    assert_true(steps_by_hand(a, NET, "simba", "", doc) > 10);
    td_arena_destroy(a);
}

/* --set of the command line stays under the steps. Leakage of levels in full does not follow. */
static void on_top_of_set(void **unused) {
    (void)unused;
    td_arena *a = td_arena_create();
    td_error err = {0};
    const char *set = "--set lanes=4 --set local_kb=128";
    char what[256];
    snprintf(what, sizeof what, NET " --hw micro --steps %s", set);
    const td_node *doc = evaluate(a, what), *steps = td_node_find(doc, "next_steps");
    assert_int_equal(has_step(steps, "lanes", 2), 1);
    assert_int_equal(has_step(steps, "lanes", 8), 0); /* 4 is the most of the space */
    assert_int_equal(has_step(steps, "local_kb", 256), 1);
    for (int i = 0; i < steps->count; i++) {
        const td_node *t = steps->item[i];
        if (strcmp(td_node_find(t, "parameter")->text, "io_gbps") != 0) continue;
        snprintf(what, sizeof what, NET " --hw micro %s --set %s", set,
                 td_node_find(t, "set")->item[0]->text);
        assert_true(real_at(evaluate(a, what), "energy_j") == real_at(t, "energy_j"));
    }
    td_hw hw;
    assert_ok(td_hw_load("micro", &hw, &err), &err);
    const char *path = written(td_hw_to_node(&hw, a));
    snprintf(what, sizeof what, NET " --hw %s --steps", path);
    steps = td_node_find(evaluate(a, what), "next_steps");
    assert_true(isnan(real_at(step_of(steps, "Local capacity"), "energy_j")));
    assert_true(isnan(real_at(step_of(steps, "rows below Shared"), "energy_j")));
    assert_true(real_at(step_of(steps, "DRAM bandwidth"), "energy_j") > 0);
    unlink(path);
    td_arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(neighbours_in_the_space),
        cmocka_unit_test(table_of_steps),
        cmocka_unit_test(equal_steps_are_told_once),
        cmocka_unit_test(template_without_a_space),
        cmocka_unit_test(general_description),
        cmocka_unit_test(on_top_of_set),
        cmocka_unit_test(gain_and_cost),
    };
    return cmocka_run_group_tests(tests, program, NULL);
}

/* tandem space, run as a program: what it prints, and its exit codes. */
#include "common.h"

#include <sys/wait.h>
#include <unistd.h>

#include "tandem/base.h"

/* Runs the program with `arguments`; stdout and stderr together in out. Returns the exit code. */
static int run(const char *arguments, char *out, size_t size) {
    char command[1024];
    snprintf(command, sizeof command, "%s space %s 2>&1", TD_TEST_PROGRAM, arguments);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    size_t n = fread(out, 1, size - 1, f);
    out[n] = '\0';
    int status = pclose(f);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static char out[1 << 18];

static const td_node *json(td_arena *a, const char *arguments) {
    const td_node *doc;
    td_error err = {0};
    assert_int_equal(run(arguments, out, sizeof out), 0);
    assert_ok(td_json_parse(a, out, strlen(out), "stdout", 1, &doc, &err), &err);
    return doc;
}

static int program(void **unused) {
    (void)unused;
    return access(TD_TEST_PROGRAM, X_OK);
}

static void test_list(void **unused) {
    (void)unused;
    assert_int_equal(run("", out, sizeof out), 0);
    assert_non_null(strstr(out, "ibn "));
    assert_non_null(strstr(out, "23,040"));
    td_arena *a = td_arena_create();
    const td_node *list = json(a, "--format json");
    for (int i = 0; i < list->count; i++) { /* each can be shown by its name */
        char arguments[128];
        const char *name = td_node_find(list->item[i], "name")->text;
        snprintf(arguments, sizeof arguments, "%s --format json", name);
        const td_node *one = json(a, arguments);
        assert_string_equal(td_node_find(one, "name")->text, name);
        assert_string_equal(td_node_find(one, "size")->text,
                            td_node_find(list->item[i], "size")->text);
        assert_int_equal(td_node_find(one, "decisions")->count,
                         td_node_find(list->item[i], "decisions")->integer);
    }
    td_arena_destroy(a);
}

/* What a recipe may leave out is shown as it may be written there: a recipe with all of it is the
 * same space. */
static void test_keys(void **unused) {
    (void)unused;
    static const char *const names[] = {"ibn", "ibn-mobilenetv2", "ibn-evolved", "blocks"};
    char path[] = "/tmp/td-cmd-space-XXXXXX.yaml", arguments[128];
    int fd = mkstemps(path, 5);
    assert_true(fd >= 0);
    td_error err = {0};
    for (int i = 0; i < 4; i++) {
        td_arena *a = td_arena_create();
        assert_int_equal(run(names[i], out, sizeof out), 0);
        const char *recipe = strstr(out, "network:\n");
        assert_non_null(recipe);
        assert_ok(td_file_write(path, recipe, strlen(recipe), &err), &err);
        snprintf(arguments, sizeof arguments, "%s --format json", path);
        const td_node *written = json(a, arguments);
        snprintf(arguments, sizeof arguments, "%s --format json", names[i]);
        const td_node *shipped = json(a, arguments);
        assert_string_equal(td_node_find(written, "size")->text,
                            td_node_find(shipped, "size")->text);
        td_text x = {0}, y = {0};
        td_node_to_json(td_node_find(written, "decisions"), 0, &x);
        td_node_to_json(td_node_find(shipped, "decisions"), 0, &y);
        assert_string_equal(x.data, y.data);
        td_text_free(&x);
        td_text_free(&y);
        assert_string_equal(td_node_find(td_node_find(shipped, "keys"), "space")->text, names[i]);
        assert_null(td_node_find(written, "keys"));
        td_arena_destroy(a);
    }
    close(fd);
    remove(path);
}

/* Built and refused points add up; the same seed draws the same points, another one others. */
static void test_sample(void **unused) {
    (void)unused;
    td_arena *a = td_arena_create();
    const td_node *s = td_node_find(json(a, "micro --sample 500 --seed 7 --format json"), "sample");
    char *first = td_arena_strdup(a, out);
    int64_t points = td_node_find(s, "built")->integer;
    const td_node *refused = td_node_find(s, "refused");
    assert_in_range(points, 250, 400);
    for (int i = 0; i < refused->count; i++) {
        points += td_node_find(refused->item[i], "points")->integer;
        assert_true(td_node_find(refused->item[i], "example")->text[0] != '\0');
    }
    assert_int_equal(points, 500);
    assert_non_null(td_node_find(s, "area_mm2"));
    assert_null(td_node_find(s, "macs"));
    json(a, "micro --sample 500 --seed 7 --format json");
    assert_string_equal(out, first);
    json(a, "micro --sample 500 --seed 8 --format json");
    assert_string_not_equal(out, first);
    td_arena_destroy(a);
}

static void test_recipe(void **unused) {
    (void)unused;
    char path[] = "/tmp/td-cmd-space-XXXXXX.yaml", arguments[128];
    int fd = mkstemps(path, 5);
    assert_true(fd >= 0);
    const char *text = "network:\n  space: ibn\n  stages: [{channels: 8, depth: [1, 2]}]\n"
                       "  kernel: 3\n  width: 1\naccelerator: {space: micro, io_gbps: [0.2, 0.4]}\n"
                       "budget: {trials: 3}\n";
    td_error err = {0};
    assert_ok(td_file_write(path, text, strlen(text), &err), &err);
    td_arena *a = td_arena_create();
    snprintf(arguments, sizeof arguments, "%s --format json --sample 20", path);
    const td_node *doc = json(a, arguments);
    assert_string_equal(td_node_find(doc, "networks")->text, "6"); /* 2 + 2 * 2 */
    assert_string_equal(td_node_find(doc, "accelerators")->text, "7680");
    assert_string_equal(td_node_find(doc, "size")->text, "46080");
    assert_non_null(td_node_find(td_node_find(doc, "sample"), "macs"));
    snprintf(arguments, sizeof arguments, "%s", path);
    assert_int_equal(run(arguments, out, sizeof out), 0);
    assert_non_null(strstr(out, "6 networks x 7,680 accelerators = 46,080"));
    assert_non_null(strstr(out, "s1.depth is 2"));

    /* A shipped one by its name, as tandem search has it. */
    static char by_path[sizeof out];
    assert_int_equal(run("recipes/quickstart.yaml", by_path, sizeof by_path), 0);
    assert_int_equal(run("quickstart", out, sizeof out), 0);
    assert_string_equal(out, by_path);

    text = "network:\n  space: ibn\n  kernel: [2]\n";
    assert_ok(td_file_write(path, text, strlen(text), &err), &err);
    assert_int_equal(run(arguments, out, sizeof out), td_status_exit_code(TD_E_INPUT));
    assert_non_null(strstr(out, ".yaml:3: network.kernel"));
    /* Keys are those of recipes, and of nested ones. */
    assert_int_equal(run("quickstart --set foo=1", out, sizeof out),
                     td_status_exit_code(TD_E_INPUT));
    assert_non_null(strstr(out, "unknown key \"foo\", known are: name, seed, network"));
    assert_int_equal(run("learned-codesign --set foo=1", out, sizeof out),
                     td_status_exit_code(TD_E_INPUT));
    assert_non_null(strstr(out, "unknown key \"foo\", known are: name, seed, workload"));
    close(fd);
    remove(path);
    td_arena_destroy(a);
}

static void test_wrong_use(void **unused) {
    (void)unused;
    static const struct {
        const char *arguments;
        td_status status;
    } wrong[] = {{"nowhere", TD_E_NOT_FOUND},      {"no/file.yaml", TD_E_NOT_FOUND},
                 {"micro --sample 0", TD_E_USAGE}, {"micro --sample x", TD_E_USAGE},
                 {"micro --seed -1", TD_E_USAGE},  {"--sample 3", TD_E_USAGE},
                 {"--format csv", TD_E_USAGE},     {"a b", TD_E_USAGE},
                 {"--wrong", TD_E_USAGE}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(run(wrong[i].arguments, out, sizeof out),
                         td_status_exit_code(wrong[i].status));
        assert_non_null(strstr(out, "tandem"));
    }
    assert_int_equal(run("-h", out, sizeof out), 0);
    assert_non_null(strstr(out, "Examples:"));
    assert_int_equal(run("--help", out, sizeof out), 0);
    assert_non_null(strstr(out, "Examples:"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),      cmocka_unit_test(test_keys),
        cmocka_unit_test(test_sample),    cmocka_unit_test(test_recipe),
        cmocka_unit_test(test_wrong_use),
    };
    return cmocka_run_group_tests(tests, program, NULL);
}

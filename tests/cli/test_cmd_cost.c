/* tandem cost, run as a program: cases and lines, tables, faults and exit codes. */
#include "common.h"

#include <sys/wait.h>
#include <unistd.h>

#include "tandem/cost.h"

#define LEVEL(name, capacity, n)                                                                   \
    "{\"name\": \"" name "\", \"capacity_words\": " capacity ", \"instances\": " n ", "            \
    "\"read_pj\": 1, \"fill_pj\": 1, \"update_pj\": 1}"
/* P = 4, R = 3 with a sliding window: counted by hand in tests/cost/test_cost_by_hand.c. */
#define CASE(name, capacity, bound)                                                                \
    "{\"name\": \"" name "\", \"problem\": {\"dims\": {\"P\": 4, \"R\": 3}}, \"arch\": "           \
    "{\"mac\": {\"instances\": 1, \"energy_pj\": 1}, \"levels\": [" LEVEL(                         \
        "B", capacity,                                                                             \
        "1") ", " LEVEL("D", "null",                                                               \
                        "1") "]}, \"mapping\": {\"levels\": ["                                     \
                             "{\"keep\": [\"W\", \"I\", \"O\"], \"temporal\": [[\"R\", " bound     \
                             "]]}, "                                                               \
                             "{\"keep\": [\"W\", \"I\", \"O\"], \"temporal\": [[\"P\", 4]]}]}}"

static char out[1 << 16], faults[1 << 16], file[64], said[64];

static void slurp(FILE *f, char *text, size_t size) {
    assert_non_null(f);
    text[fread(text, 1, size - 1, f)] = '\0';
}

/* Runs `tandem cost` on a text, from a file or standard input; returns the exit code. */
static int run(const char *text, const char *arguments, bool from_stdin) {
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0 && fclose(f) == 0);
    char command[1024];
    snprintf(command, sizeof command, "%s cost %s %s%s 2>%s", TD_TEST_PROGRAM, arguments,
             from_stdin ? "- <" : "", file, said);
    f = popen(command, "r");
    slurp(f, out, sizeof out);
    int status = pclose(f);
    f = fopen(said, "r");
    slurp(f, faults, sizeof faults);
    fclose(f);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static const td_node *line(td_arena *a, int number) {
    const char *s = out;
    for (; number > 0 && s != NULL; number--) s = strchr(s, '\n') != NULL ? strchr(s, '\n') + 1 : s;
    const td_node *doc;
    td_error err = {0};
    assert_ok(td_json_parse(a, s, strcspn(s, "\n"), "stdout", 1, &doc, &err), &err);
    return doc;
}

static double reads(const td_node *doc, const char *level, const char *tensor) {
    const td_node *levels = td_node_find(td_node_find(doc, "result"), "levels");
    const td_node *n = td_node_find(td_node_find(td_node_find(levels, level), tensor), "reads");
    assert_non_null(n);
    return n->real;
}

static void test_one_case(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    /* Lines of one document, not JSON lines. */
    char text[4096];
    snprintf(text, sizeof text, "%s\n", CASE("one", "9", "3"));
    for (char *s = text; *s != '\0'; s++)
        if (s[0] == ',' && s[1] == ' ') s[1] = '\n';
    for (int from_stdin = 0; from_stdin < 2; from_stdin++) {
        assert_int_equal(run(text, "", from_stdin), 0);
        assert_string_equal(faults, "");
        const td_node *doc = line(a, 0);
        assert_string_equal(td_node_find(doc, "name")->text, "one");
        assert_true(reads(doc, "D", "I") == 6 && reads(doc, "B", "O") == 12);
        assert_int_equal(td_node_find(td_node_find(doc, "result"), "cycles")->integer, 12);
    }
    assert_int_equal(run(text, "--counting timeloop --format json", false), 0);
    assert_true(reads(line(a, 0), "B", "O") == 8); /* no read for draining */
    /* As the case says, unless the command line does. */
    char counted[4200];
    snprintf(counted, sizeof counted, "{\"counting\": \"timeloop\", %s", text + 1);
    assert_int_equal(run(counted, "", false), 0);
    assert_true(reads(line(a, 0), "B", "O") == 8);
    assert_int_equal(run(counted, "--counting exact", false), 0);
    assert_true(reads(line(a, 0), "B", "O") == 12);
    snprintf(counted, sizeof counted, "{\"counting\": \"both\", %s", text + 1);
    assert_int_equal(run(counted, "", false), td_status_exit_code(TD_E_INPUT));
    assert_non_null(strstr(faults, "counting: expected exact or timeloop, found \"both\""));
    assert_int_equal(run(text, "--format table", false), 0);
    assert_non_null(strstr(out, "for r in 0..3"));
    assert_non_null(strstr(out, "12 MACs"));
    td_arena_destroy(a);
}

/* A bad line is told with its number, the others go on, the first fault gives the exit code. */
static void test_lines(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    assert_int_equal(run(CASE("a", "9", "3") "\n\n" CASE("b", "6", "3") "\n{\"name\": 1}\n" //
                         CASE("c", "null", "3") "\n" CASE("d", "9", "3, 2") "\n",
                         "", false),
                     td_status_exit_code(TD_E_INFEASIBLE));
    assert_string_equal(td_node_find(line(a, 0), "name")->text, "a");
    assert_string_equal(td_node_find(line(a, 1), "name")->text, "c");
    const char *second = strchr(out, '\n') + 1;
    assert_true(strchr(second, '\n')[1] == '\0');
    char want[128];
    snprintf(want, sizeof want, "%s:3: b: level B", file);
    assert_non_null(strstr(faults, want));
    snprintf(want, sizeof want, "%s:4: ", file);
    assert_non_null(strstr(faults, want));
    snprintf(want, sizeof want, "%s:6: d: ", file);
    assert_non_null(strstr(faults, want));
    /* A broken first line does not hide the second. */
    assert_int_equal(run("{\"name\": \n" CASE("e", "9", "3") "\n", "", true),
                     td_status_exit_code(TD_E_INPUT));
    assert_string_equal(td_node_find(line(a, 0), "name")->text, "e");
    assert_non_null(strstr(faults, "standard input:1: "));
    td_arena_destroy(a);
}

/* `tandem cost arguments` on a file as it stands; the exit code. */
static int run_file(const char *path, const char *arguments) {
    char command[1024];
    snprintf(command, sizeof command, "%s cost %s %s 2>%s", TD_TEST_PROGRAM, path, arguments, said);
    FILE *f = popen(command, "r");
    slurp(f, out, sizeof out);
    int status = pclose(f);
    f = fopen(said, "r");
    slurp(f, faults, sizeof faults);
    fclose(f);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* The shipped example, in both countings; written as YAML it costs the same. */
static void test_example_and_yaml(void **state) {
    (void)state;
    static const char example[] = TD_TEST_SOURCE "/examples/case.json";
    td_arena *a = td_arena_create();
    td_error err = {0};
    const td_node *doc;
    td_text yaml = {0};
    assert_int_equal(run_file(example, "--counting timeloop"), 0);
    assert_string_equal(faults, "");
    assert_int_equal(run_file(example, ""), 0);
    const td_node *result = td_node_find(line(a, 0), "result");
    /* 3 x 224 x 224 words of the image and 32 x 112 x 112 of the result, 2 words a cycle; the
     * padding of one row and column is made, not fetched. */
    assert_int_equal(td_node_find(result, "cycles")->integer, (3 * 224 * 224 + 32 * 112 * 112) / 2);
    assert_int_equal(td_node_find(result, "computes")->integer, 32 * 3 * 112 * 112 * 9);
    char *want = td_arena_strdup(a, out);
    assert_ok(td_node_load(a, example, &doc, &err), &err);
    td_node_to_yaml(doc, &yaml);
    static const char *const ends[] = {".yaml", ".yml"};
    for (int i = 0; i < 2; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s%s", file, ends[i]);
        assert_ok(td_file_write(path, yaml.data, yaml.size, &err), &err);
        assert_int_equal(run_file(path, ""), 0);
        assert_string_equal(out, want);
        assert_ok(td_file_write(path, "name: x\nmapping: {\n", 19, &err), &err);
        assert_int_equal(run_file(path, ""), td_status_exit_code(TD_E_INPUT));
        assert_int_equal(strncmp(faults, "tandem: ", 8), 0);
        assert_non_null(strstr(faults, path));
        unlink(path);
    }
    td_text_free(&yaml);
    td_arena_destroy(a);
}

static void test_faults(void **state) {
    (void)state;
    assert_int_equal(run("", "", false), td_status_exit_code(TD_E_INPUT));
    assert_int_equal(run("[1, 2]", "", false), td_status_exit_code(TD_E_INPUT));
    assert_int_equal(run(CASE("f", "9", "3, 2"), "", false), td_status_exit_code(TD_E_INPUT));
    assert_string_equal(out, "");
    assert_non_null(strstr(faults, "loops over R with their last passes make 2, expected 3"));
    assert_int_equal(run(CASE("g", "9", "3"), "--counting fast", false),
                     td_status_exit_code(TD_E_USAGE));
    assert_int_equal(run(CASE("g", "9", "3"), "--format csv", false),
                     td_status_exit_code(TD_E_USAGE));
    assert_int_equal(run("", "--nothing", false), td_status_exit_code(TD_E_USAGE));
    assert_int_equal(run("", "/nonexistent/file", false), td_status_exit_code(TD_E_USAGE));
    unlink(file);
    char command[256];
    snprintf(command, sizeof command, "%s cost %s 2>/dev/null", TD_TEST_PROGRAM, file);
    int status = system(command);
    assert_int_equal(WEXITSTATUS(status), td_status_exit_code(TD_E_NOT_FOUND));
    assert_int_equal(run("", "--help", false), 0);
    assert_non_null(strstr(out, "Examples:"));
}

static int program(void **state) {
    (void)state;
    strcpy(file, "/tmp/tandem-cost-XXXXXX");
    strcpy(said, "/tmp/tandem-said-XXXXXX");
    int a = mkstemp(file), b = mkstemp(said);
    if (a < 0 || b < 0) return -1;
    close(a);
    close(b);
    return access(TD_TEST_PROGRAM, X_OK);
}

static int clean(void **state) {
    (void)state;
    unlink(file);
    unlink(said);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_case),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_example_and_yaml),
        cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, program, clean);
}

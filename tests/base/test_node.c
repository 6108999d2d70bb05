/* Values out of documents: messages with file, line, path, what was expected and found. */
#include "common.h"

#include <float.h>

#include "tandem/base.h"

static const char recipe[] = "name: first\n"
                             "objective:\n"
                             "  latency_ms: fast\n"
                             "  energy_mj: -2\n"
                             "  target: 1.5\n"
                             "  soft: true\n"
                             "  nothing:\n"
                             "levels:\n"
                             "  - name: mac\n"
                             "    words: 3\n"
                             "  - name: 7\n"
                             "    wrods: 4\n";

static td_arena *arena;
static const td_node *doc;
static td_error err;

static int load(void **state) {
    (void)state;
    arena = td_arena_create();
    return td_yaml_parse(arena, recipe, sizeof recipe - 1, "my.yaml", &doc, &err) == TD_OK ? 0 : -1;
}

static int unload(void **state) {
    (void)state;
    td_arena_destroy(arena);
    return 0;
}

static void values(void **state) {
    (void)state;
    const td_node *objective, *levels;
    const char *name;
    double real = 0;
    int64_t integer = 0;
    bool soft = false;
    assert_ok(td_node_get_string(doc, "name", &name, &err), &err);
    assert_string_equal(name, "first");
    assert_ok(td_node_get_map(doc, "objective", &objective, &err), &err);
    assert_ok(td_node_get_real(objective, "target", 0, 2, &real, &err), &err);
    assert_true(real == 1.5);
    assert_ok(td_node_get_real(objective, "energy_mj", -2, 2, &real, &err), &err); /* an integer */
    assert_true(real == -2);
    assert_ok(td_node_get_bool(objective, "soft", &soft, &err), &err);
    assert_true(soft);
    assert_ok(td_node_get_list(doc, "levels", &levels, &err), &err);
    assert_int_equal(levels->count, 2);
    assert_ok(td_node_get_int(levels->item[0], "words", 3, 3, &integer, &err), &err);
    assert_int_equal(integer, 3);
    assert_null(td_node_find(levels, "words"));
    assert_null(td_node_find(NULL, "words"));
    assert_null(td_node_find(doc, "Name"));

    char path[64];
    td_node_path(td_node_find(levels->item[1], "wrods"), path, sizeof path);
    assert_string_equal(path, "levels[1].wrods");
    td_node_path(doc, path, sizeof path);
    assert_string_equal(path, "");
    td_node_path(td_node_find(levels->item[1], "wrods"), path, 9);
    assert_string_equal(path, "levels[1");
}

static void absent_keys_leave_the_default(void **state) {
    (void)state;
    const td_node *objective = td_node_find(doc, "objective"), *node = doc;
    double real = 7;
    int64_t integer = 7;
    bool flag = true;
    const char *text = "x";
    static const char *const keys[] = {"absent", "nothing"};
    for (int i = 0; i < 2; i++) {
        assert_ok(td_node_opt_real(objective, keys[i], 0, 1, &real, &err), &err);
        assert_ok(td_node_opt_int(objective, keys[i], 0, 1, &integer, &err), &err);
        assert_ok(td_node_opt_bool(objective, keys[i], &flag, &err), &err);
        assert_ok(td_node_opt_string(objective, keys[i], &text, &err), &err);
        assert_ok(td_node_opt_list(objective, keys[i], &node, &err), &err);
        assert_ok(td_node_opt_map(objective, keys[i], &node, &err), &err);
    }
    assert_ok(td_node_opt_real(NULL, "x", 0, 1, &real, &err), &err);
    assert_true(real == 7 && integer == 7 && flag && node == doc);
    assert_string_equal(text, "x");
    assert_ok(td_node_opt_real(objective, "target", 0, INFINITY, &real, &err), &err);
    assert_true(real == 1.5);
    /* A map that is something else is not an absent map. */
    assert_int_equal(td_node_opt_real(td_node_find(doc, "name"), "x", 0, 1, &real, &err),
                     TD_E_INPUT);
    assert_string_equal(err.message, "my.yaml:1: name: expected a map, found \"first\"");
}

static void real_messages(void **state) {
    (void)state;
    const td_node *objective = td_node_find(doc, "objective");
    double v = 7;
    static const struct {
        const char *key;
        double lo, hi;
        const char *message;
    } cases[] = {
        {"latency_ms", 0, INFINITY,
         "my.yaml:3: objective.latency_ms: expected a number >= 0, found \"fast\""},
        {"latency_ms", DBL_MIN, INFINITY,
         "my.yaml:3: objective.latency_ms: expected a number > 0, found \"fast\""},
        {"latency_ms", DBL_TRUE_MIN, 1,
         "my.yaml:3: objective.latency_ms: expected a number > 0 and <= 1, found \"fast\""},
        {"energy_mj", 0, INFINITY,
         "my.yaml:4: objective.energy_mj: expected a number >= 0, found -2"},
        {"target", 0, 1, "my.yaml:5: objective.target: expected a number in [0, 1], found 1.5"},
        {"target", -INFINITY, 1, "my.yaml:5: objective.target: expected a number <= 1, found 1.5"},
        {"soft", -INFINITY, INFINITY, "my.yaml:6: objective.soft: expected a number, found true"},
        {"nothing", -DBL_MAX, DBL_MAX,
         "my.yaml:7: objective.nothing: expected a number, found nothing"},
        {"absent", 0, INFINITY,
         "my.yaml:2: objective: missing key \"absent\", expected a number >= 0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        td_status s = td_node_get_real(objective, cases[i].key, cases[i].lo, cases[i].hi, &v, &err);
        assert_int_equal(s, TD_E_INPUT);
        assert_string_equal(err.message, cases[i].message);
        assert_true(v == 7);
    }
    assert_string_equal(err.where, "my.yaml:2");
    /* Not a number is in no range. */
    const td_node *nan;
    assert_ok(td_yaml_parse(arena, "{a: .nan, b: .inf}", 18, "n", &nan, &err), &err);
    assert_int_equal(td_node_get_real(nan, "a", -INFINITY, INFINITY, &v, &err), TD_E_INPUT);
    assert_int_equal(td_node_get_real(nan, "b", 0, DBL_MAX, &v, &err), TD_E_INPUT);
    assert_ok(td_node_get_real(nan, "b", 0, INFINITY, &v, &err), &err);
}

static void other_messages(void **state) {
    (void)state;
    const td_node *objective = td_node_find(doc, "objective"), *node;
    const td_node *levels = td_node_find(doc, "levels");
    const char *text;
    int64_t v;
    bool flag;
#define MESSAGE(call, text)                                                                        \
    assert_int_equal(call, TD_E_INPUT);                                                            \
    assert_string_equal(err.message, text)
    MESSAGE(td_node_get_int(objective, "target", 0, INT64_MAX, &v, &err),
            "my.yaml:5: objective.target: expected an integer >= 0, found 1.5");
    MESSAGE(td_node_get_int(levels->item[0], "words", 4, 8, &v, &err),
            "my.yaml:10: levels[0].words: expected an integer in [4, 8], found 3");
    MESSAGE(td_node_get_int(levels->item[0], "words", INT64_MIN, -1, &v, &err),
            "my.yaml:10: levels[0].words: expected an integer <= -1, found 3");
    MESSAGE(td_node_get_string(levels->item[1], "name", &text, &err),
            "my.yaml:11: levels[1].name: expected a string, found 7");
    MESSAGE(td_node_get_bool(doc, "levels", &flag, &err),
            "my.yaml:8: levels: expected true or false, found a list of 2");
    MESSAGE(td_node_get_list(doc, "objective", &node, &err),
            "my.yaml:2: objective: expected a list, found a map");
    MESSAGE(td_node_get_map(doc, "absent", &node, &err),
            "my.yaml:1: missing key \"absent\", expected a map");
    MESSAGE(td_node_get_map(levels, "x", &node, &err),
            "my.yaml:8: levels: expected a map, found a list of 2");
    MESSAGE(td_node_get_int(NULL, "x", 0, INT64_MAX, &v, &err),
            "missing key \"x\", expected an integer >= 0");
    MESSAGE(td_node_fail(levels->item[1], &err, "level %d is odd", 1),
            "my.yaml:11: levels[1]: level 1 is odd");
    assert_int_equal(td_node_fail(doc, NULL, "x"), TD_E_INPUT);
}

static void place_of_what_is_named(void **state) {
    (void)state;
    td_fail(&err, TD_E_NOT_FOUND, "x: no such name");
    assert_int_equal(td_node_place(td_node_find(doc, "levels")->item[1], &err), TD_E_NOT_FOUND);
    assert_int_equal(err.code, TD_E_NOT_FOUND);
    assert_string_equal(err.message, "my.yaml:11: levels[1]: x: no such name");
}

static void unknown_keys(void **state) {
    (void)state;
    const td_node *objective = td_node_find(doc, "objective");
    const td_node *levels = td_node_find(doc, "levels");
    static const char *const objective_keys[] = {"latency_ms", "energy_mj", "target",
                                                 "soft",       "nothing",   NULL};
    static const char *const close[] = {"latency_ms", "energy_mj", "targets",
                                        "soft",       "nothing",   NULL};
    static const char *const level_keys[] = {"name", "words", NULL};
    static const char *const far[] = {"name", "capacity_bytes", NULL};
    static const char *const none[] = {NULL};
    assert_ok(td_node_only(objective, objective_keys, &err), &err);
    assert_ok(td_node_only(NULL, none, &err), &err);
    assert_ok(td_node_only(td_node_find(objective, "nothing"), none, &err), &err);
    MESSAGE(td_node_only(objective, close, &err),
            "my.yaml:5: objective: unknown key \"target\", did you mean \"targets\"?");
    MESSAGE(td_node_only(levels->item[1], level_keys, &err),
            "my.yaml:12: levels[1]: unknown key \"wrods\", did you mean \"words\"?");
    MESSAGE(td_node_only(levels->item[0], far, &err),
            "my.yaml:10: levels[0]: unknown key \"words\", known are: name, capacity_bytes");
    MESSAGE(td_node_only(levels->item[0], none, &err),
            "my.yaml:9: levels[0]: unknown key \"name\", none are known here");
    MESSAGE(td_node_only(levels, none, &err),
            "my.yaml:8: levels: expected a map, found a list of 2");

    static const struct {
        const char *written, *guess;
    } slips[] = {{"latencyms", "latency_ms"},
                 {"latency_sm", "latency_ms"},
                 {"Latency-ms", "latency_ms"},
                 {"enrgy", "energy"},
                 {"sed", "seed"},
                 {"kernelsize", "kernel_size"}};
    static const char *const keys[] = {"latency_ms", "energy", "seed", "kernel_size", NULL};
    for (size_t i = 0; i < sizeof slips / sizeof slips[0]; i++) {
        td_node *m = td_node_map(arena);
        td_node_put_int(arena, m, slips[i].written, 1);
        char expected[128];
        snprintf(expected, sizeof expected, "unknown key \"%s\", did you mean \"%s\"?",
                 slips[i].written, slips[i].guess);
        MESSAGE(td_node_only(m, keys, &err), expected);
    }
    char lengthy[300];
    memset(lengthy, 'k', sizeof lengthy);
    lengthy[sizeof lengthy - 1] = '\0';
    td_node *m = td_node_map(arena);
    td_node_put_int(arena, m, lengthy, 1);
    assert_int_equal(td_node_only(m, keys, &err), TD_E_INPUT);
}

static void building(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    td_node *m = td_node_map(a), *list = td_node_put(a, m, "list", td_node_list(a));
    for (int i = 0; i < 100; i++) td_node_push(a, list, td_node_int(a, i * i));
    assert_int_equal(list->count, 100);
    assert_int_equal(list->item[99]->integer, 9801);
    char key[16] = "k0"; /* keys and strings are copied */
    td_node_put_string(a, m, key, key);
    key[1] = '1';
    assert_string_equal(td_node_find(m, "k0")->text, "k0");
    td_node_put_bool(a, m, "flag", true);
    td_node_put_real(a, m, "k0", 2.5); /* again: replaced where it is */
    assert_int_equal(m->count, 3);
    assert_true(m->item[1]->real == 2.5);
    char path[32];
    td_node_path(list->item[7], path, sizeof path);
    assert_string_equal(path, "list[7]");

    /* NULL and wrong kinds are passed on. */
    assert_null(td_node_put(a, NULL, "x", td_node_int(a, 1)));
    assert_null(td_node_put(a, m, NULL, td_node_int(a, 1)));
    assert_null(td_node_put(a, m, "x", NULL));
    assert_null(td_node_put(a, list, "x", td_node_int(a, 1)));
    assert_null(td_node_push(a, m, td_node_int(a, 1)));
    assert_null(td_node_push(a, list, NULL));
    assert_null(td_node_string(a, NULL));
    assert_null(td_node_map(NULL));
    assert_int_equal(m->count, 3);
    td_arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(absent_keys_leave_the_default),
        cmocka_unit_test(real_messages),
        cmocka_unit_test(other_messages),
        cmocka_unit_test(place_of_what_is_named),
        cmocka_unit_test(unknown_keys),
        cmocka_unit_test(building),
    };
    return cmocka_run_group_tests(tests, load, unload);
}

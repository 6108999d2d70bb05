/* Values of a command line in place of a document's. */
#include "common.h"
#include "tandem/base.h"

static td_error err;

static const char text[] = "name: a\n"
                           "budget: {trials: 20}\n"
                           "final:\n"
                           "layers:\n"
                           "  - {channels: 8, operators: [x, y]}\n"
                           "  - {channels: 16}\n";

static td_node *document(td_arena *a) {
    const td_node *doc;
    assert_ok(td_yaml_parse(a, text, strlen(text), "r.yaml", &doc, &err), &err);
    return (td_node *)doc;
}

/* The document after an override, as one line. */
static void expect(const char *assignment, const char *expected) {
    td_arena *a = td_arena_create();
    td_node *doc = document(a);
    td_text out = {0};
    assert_ok(td_node_override(a, doc, "--set", assignment, &err), &err);
    td_node_to_json(doc, 0, &out);
    assert_string_equal(out.data, expected);
    td_text_free(&out);
    td_arena_destroy(a);
}

static void values_take_their_place(void **state) {
    (void)state;
#define LAYERS "\"layers\": [{\"channels\": 8, \"operators\": [\"x\", \"y\"]}, {\"channels\": 16}]"
    expect("budget.trials=7",
           "{\"name\": \"a\", \"budget\": {\"trials\": 7}, \"final\": null, " LAYERS "}");
    expect("name=a=b",
           "{\"name\": \"a=b\", \"budget\": {\"trials\": 20}, \"final\": null, " LAYERS "}");
    expect("budget.trained=5", "{\"name\": \"a\", \"budget\": {\"trials\": 20, \"trained\": 5}, "
                               "\"final\": null, " LAYERS "}");
    expect("final.epochs=0.5", "{\"name\": \"a\", \"budget\": {\"trials\": 20}, "
                               "\"final\": {\"epochs\": 0.5}, " LAYERS "}");
    expect("x.y.z={a: [1, 2]}",
           "{\"name\": \"a\", \"budget\": {\"trials\": 20}, \"final\": null, " LAYERS
           ", \"x\": {\"y\": {\"z\": {\"a\": [1, 2]}}}}");
    expect("budget=", "{\"name\": \"a\", \"budget\": null, \"final\": null, " LAYERS "}");
    expect("layers[1].channels=[1, 2]",
           "{\"name\": \"a\", \"budget\": {\"trials\": 20}, \"final\": null, \"layers\": "
           "[{\"channels\": 8, \"operators\": [\"x\", \"y\"]}, {\"channels\": [1, 2]}]}");
    expect("layers[0].operators[1]=\"7\"",
           "{\"name\": \"a\", \"budget\": {\"trials\": 20}, \"final\": null, \"layers\": "
           "[{\"channels\": 8, \"operators\": [\"x\", \"7\"]}, {\"channels\": 16}]}");
}

static void messages_name_the_option(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    td_node *doc = document(a);
    const td_node *budget;
    int64_t n;
    assert_ok(td_node_override(a, doc, "--set", "budget.trials=many", &err), &err);
    assert_ok(td_node_get_map(doc, "budget", &budget, &err), &err);
    assert_int_equal(td_node_get_int(budget, "trials", 1, 9, &n, &err), TD_E_INPUT);
    assert_string_equal(err.message, "--set budget.trials: budget.trials: expected an integer in "
                                     "[1, 9], found \"many\"");
    assert_string_equal(err.where, "--set budget.trials");
    td_arena_destroy(a);
}

static void faults(void **state) {
    (void)state;
    static const struct {
        const char *assignment, *message;
        td_status code;
    } cases[] = {
        {"budget", "--set: expected KEY=VALUE, found \"budget\"", TD_E_USAGE},
        {"=5", "--set: expected KEY=VALUE, found \"=5\"", TD_E_USAGE},
        {"name.x=5", "--set name.x: name is no map", TD_E_USAGE},
        {"layers.x=5", "--set layers.x: layers is no map", TD_E_USAGE},
        {"layers[2]=5", "--set layers[2]: the list has no such item", TD_E_USAGE},
        {"layers[99999999999999999999]=5", "--set layers[99999999999999999999]: the list",
         TD_E_USAGE},
        {"layers[x]=5", "--set layers[x]: expected [NUMBER]", TD_E_USAGE},
        {"layers[0]x=5", "--set layers[0]x: expected [NUMBER]", TD_E_USAGE},
        {"budget[0]=5", "--set budget[0]: budget is no list", TD_E_USAGE},
        {"budget..trials=5", "--set budget..trials: expected a key, found nothing", TD_E_USAGE},
        {"budget.=5", "--set budget.: expected a key, found nothing", TD_E_USAGE},
        {"budget.trials={", "--set budget.trials:2: did not find", TD_E_INPUT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        td_arena *a = td_arena_create();
        td_status s = td_node_override(a, document(a), "--set", cases[i].assignment, &err);
        if (s != cases[i].code ||
            strncmp(err.message, cases[i].message, strlen(cases[i].message)) != 0)
            fail_msg("%s: (%s) %s", cases[i].assignment, td_status_name(s), err.message);
        td_arena_destroy(a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_take_their_place),
        cmocka_unit_test(messages_name_the_option),
        cmocka_unit_test(faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What programs and people say of a trial: forms, faults, NaN, bounds. */
#include "common.h"

#include <math.h>

#include "../../src/study/blackbox.h"

static void read_goals(td_arena *a, const char *text, td_goals *g) {
    const td_node *doc;
    td_error err = {0};
    assert_ok(td_yaml_parse(a, text, strlen(text), "g.yaml", &doc, &err), &err);
    assert_ok(td__goals_read(doc, g, &err), &err);
}

static const char two[] = "objectives: [cost, {name: accuracy, goal: maximise}]\n"
                          "constraints: [g, {name: mass, max: 20}, {name: speed, min: 4},"
                          " {name: drift, max: -2}]\n";

static void test_values(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    td_goals g;
    td_error err = {0};
    read_goals(a, two, &g);
    static const char *const forms[] = {
        "{\"trial\": 17, \"objectives\": {\"cost\": 6, \"accuracy\": 0.5}, \"constraints\":"
        " {\"g\": -1, \"mass\": 25, \"speed\": 3, \"drift\": -1}}",
        "{\"trial\": 17, \"cost\": 6, \"accuracy\": 0.5, \"g\": -1, \"mass\": 25, \"speed\": 3,"
        " \"drift\": -1, \"time\": \"NaN, or more\", \"failed\": false, \"infeasible\": null}",
        " {\"drift\": -1, \"speed\": 3.0, \"objectives\": {\"accuracy\": 5e-1}, \"mass\": 25,"
        " \"g\": -1, \"trial\": 17, \"cost\": 6}\r",
    };
    for (size_t i = 0; i < 3; i++) {
        td__answer x;
        assert_ok(td__answer_parse(&g, forms[i], strlen(forms[i]), "x", 1, a, &x, &err), &err);
        const td_outcome *o = &x.finish.outcome;
        assert_int_equal(x.trial, 17);
        assert_true(!x.is_report && x.missing == NULL);
        assert_int_equal(o->state, TD_TRIAL_DONE);
        assert_int_equal(o->nobj, 2);
        assert_true(o->obj[0] == 6 && o->obj[1] == -0.5);
        assert_int_equal(o->ncon, 4);
        /* -1 <= 0; 25 <= 20 by 25 %; 3 >= 4 by 25 %; -1 <= -2 by 50 % */
        assert_true(o->con[0] == -1 && o->con[1] == .25 && o->con[2] == .25 && o->con[3] == .5);
        assert_true(x.finish.told[1] == 25 && x.finish.told[3] == -1);
        assert_true(x.finish.violation == 1);
    }
    td_arena_destroy(a);
}

static void test_short_forms(void **state) {
    (void)state;
    static const struct {
        const char *line;
        td_state state;
        double cost;
        const char *reason;
    } cases[] = {
        {"6059.7", TD_TRIAL_DONE, 6059.7, NULL},
        {"-3", TD_TRIAL_DONE, -3, NULL},
        {"{\"objectives\": 4}", TD_TRIAL_DONE, 4, NULL},
        {"{\"cost\": 4}", TD_TRIAL_DONE, 4, NULL},
        {"NaN", TD_TRIAL_FAILED, 0, "objective cost is null, NaN or infinite"},
        {"nan", TD_TRIAL_FAILED, 0, "objective cost is null, NaN or infinite"},
        {"-inf", TD_TRIAL_FAILED, 0, "objective cost is null, NaN or infinite"},
        {"null", TD_TRIAL_FAILED, 0, "objective cost is null, NaN or infinite"},
        {"{\"cost\": Infinity}", TD_TRIAL_FAILED, 0, "objective cost is null, NaN or infinite"},
        {"{\"cost\": NaN}", TD_TRIAL_FAILED, 0, "objective cost is null, NaN or infinite"},
        {"{}", TD_TRIAL_FAILED, 0, "objective cost is missing"},
        {"{\"csot\": 4}", TD_TRIAL_FAILED, 0, "objective cost is missing"},
        {"{\"failed\": \"no\\nlicence\"}", TD_TRIAL_FAILED, 0, "no licence"},
        {"{\"failed\": true, \"cost\": 3}", TD_TRIAL_FAILED, 0, "no reason was given"},
        {"{\"infeasible\": \"walls meet\"}", TD_TRIAL_INFEASIBLE, 0, "walls meet"},
    };
    td_goals g;
    td_arena *a = td_arena_create();
    read_goals(a, "objectives: [cost]", &g);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        td__answer x;
        td_error err = {0};
        const char *line = cases[i].line;
        assert_ok(td__answer_parse(&g, line, strlen(line), "x", 1, a, &x, &err), &err);
        const td__finish *f = &x.finish;
        assert_int_equal(f->outcome.state, cases[i].state);
        assert_int_equal(f->outcome.nobj, cases[i].state == TD_TRIAL_DONE);
        if (cases[i].state == TD_TRIAL_DONE) assert_true(f->outcome.obj[0] == cases[i].cost);
        if (cases[i].reason == NULL)
            assert_null(f->reason);
        else
            assert_string_equal(f->reason, cases[i].reason);
        assert_int_equal(x.missing != NULL, f->reason != NULL && strstr(f->reason, "missing"));
        assert_int_equal(isnan(f->violation), cases[i].state != TD_TRIAL_DONE);
    }
    td_arena_destroy(a);
}

static void test_no_answers(void **state) {
    (void)state;
    static const char *const lines[] = {"",
                                        "hello",
                                        "{\"cost\": \"4\"}",
                                        "{\"cost\": [4]}",
                                        "[4]",
                                        "true",
                                        "{\"cost\": 4",
                                        "{\"trial\": \"a\"}",
                                        "{\"trial\": -1}",
                                        "\"4\"",
                                        "4 4",
                                        "1e999",
                                        "{\"trial\": 1.5}",
                                        "{\"report\": 4}",
                                        "Nan",
                                        "NaNaN",
                                        "{\"report\": {\"cost\": 1}}",
                                        "{\"report\": {\"step\": 1}}",
                                        "{\"report\": {\"step\": -1, \"cost\": 1}}"};
    td_goals g;
    td_arena *a = td_arena_create();
    read_goals(a, "objectives: [cost]", &g);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        td__answer x;
        td_error err = {0};
        td_status s = td__answer_parse(&g, lines[i], strlen(lines[i]), "x", 1, a, &x, &err);
        if (s != TD_E_INPUT || err.message[0] == '\0') fail_msg("%s: taken", lines[i]);
    }
    /* A number for several values; a NUL. */
    td__answer x;
    td_error err = {0};
    assert_int_equal(td__answer_parse(&g, "4\0004", 3, "x", 1, a, &x, &err), TD_E_INPUT);
    read_goals(a, two, &g);
    assert_int_equal(td__answer_parse(&g, "4", 1, "x", 1, a, &x, &err), TD_E_INPUT);
    td_arena_destroy(a);
}

static void test_reports(void **state) {
    (void)state;
    td_goals g;
    td_error err = {0};
    td__answer x;
    td_arena *a = td_arena_create();
    read_goals(a, two, &g);
    const char *line = "{\"report\": {\"step\": 3, \"cost\": 7.1, \"accuracy\": 0.25}}";
    assert_ok(td__answer_parse(&g, line, strlen(line), "x", 1, a, &x, &err), &err);
    assert_true(x.is_report && x.step == 3 && x.finish.outcome.obj[0] == 7.1 &&
                x.finish.outcome.obj[1] == -.25);
    line = "{\"report\": {\"step\": 0, \"cost\": NaN}, \"trial\": 4}";
    assert_ok(td__answer_parse(&g, line, strlen(line), "x", 1, a, &x, &err), &err);
    assert_true(x.is_report && x.trial == 4 && isnan(x.finish.outcome.obj[0]) &&
                isnan(x.finish.outcome.obj[1]));
    assert_int_equal(x.finish.outcome.ncon, 0);
    /* Constraints, if all are there: relative to their bounds, as those of an answer. */
    read_goals(a, "objectives: [cost]\nconstraints: [g, {name: m, max: 20}]", &g);
    line = "{\"report\": {\"step\": 1, \"cost\": 2, \"g\": -3, \"m\": 25}}";
    assert_ok(td__answer_parse(&g, line, strlen(line), "x", 1, a, &x, &err), &err);
    const td_outcome *o = &x.finish.outcome;
    assert_true(o->state == TD_TRIAL_DONE && o->nobj == 1 && o->ncon == 2);
    assert_true(o->con[0] == -3 && o->con[1] == .25 && x.finish.violation == .25);
    assert_true(x.finish.told[0] == -3 && x.finish.told[1] == 25);
    line = "{\"report\": {\"step\": 1, \"cost\": 2, \"g\": -3, \"m\": null}}";
    assert_ok(td__answer_parse(&g, line, strlen(line), "x", 1, a, &x, &err), &err);
    assert_true(x.finish.outcome.ncon == 0 && isnan(x.finish.violation));
    line = "{\"trial\": 4, \"stopped\": true}";
    assert_ok(td__answer_parse(&g, line, strlen(line), "x", 1, a, &x, &err), &err);
    assert_true(x.is_stopped && !x.is_report && x.trial == 4);
    td_arena_destroy(a);
}

static void test_goals(void **state) {
    (void)state;
    static const struct {
        const char *text, *part;
    } faults[] = {
        {"a: 1", "objectives"},
        {"objectives: cost", "expected a list"},
        {"objectives: []", "1 to 4 objectives, found 0"},
        {"objectives: [a, b, c, d, e]", "found 5"},
        {"objectives: [a, a]", "objectives[1]: \"a\" is there twice"},
        {"objectives: [a]\nconstraints: [a]", "constraints[0]: \"a\" is there twice"},
        {"objectives: [trial]", "a word of the protocol"},
        {"objectives: [stopped]", "a word of the protocol"},
        {"objectives: [a]\nconstraints: [c <= 3]", "constraints[0]: expected a name without"},
        {"objectives: [[a]]", "expected a name"},
        {"objectives: [{goal: minimise}]", "name"},
        {"objectives: [{name: a, goal: up}]", "goal: expected minimise or maximise"},
        {"objectives: [{name: a, gaol: minimise}]", "did you mean \"goal\""},
        {"objectives: [a]\nconstraints: [{name: b, max: 1, min: 0}]", "two constraints"},
        {"objectives: [a]\nconstraints: [{name: b, max: x}]", "g.yaml:2"},
        {"objectives: [a]\nconstraints: [b, c, d, e, f, g, h, i, j]", "at most 8"},
        {"objectives: [a]\nreference: {a: 1}", "no hypervolume"},
        {"objectives: [a, b]\nreference: {c: 1}", "c"},
        {"objectives: [a, b]\nreference: {a: 1}", "missing key \"b\""},
    };
    td_arena *a = td_arena_create();
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        const td_node *doc;
        td_goals g;
        td_error err = {0};
        const char *text = faults[i].text;
        assert_ok(td_yaml_parse(a, text, strlen(text), "g.yaml", &doc, &err), &err);
        assert_int_equal(td__goals_read(doc, &g, &err), TD_E_INPUT);
        if (strstr(err.message, faults[i].part) == NULL)
            fail_msg("%s: \"%s\" does not have \"%s\"", text, err.message, faults[i].part);
    }
    td_goals g;
    read_goals(a, "objectives: [a, {name: b, goal: maximize}]\nreference: {a: 2, b: 0}", &g);
    assert_true(!g.objective[0].maximise && g.objective[1].maximise);
    assert_true(td_goals_value(&g, 1, 3) == -3 && !signbit(td_goals_value(&g, 1, 0)));
    assert_true(g.objective[0].reference == 2 && g.objective[1].reference == 0);
    assert_true(td_goals_value(&g, 1, -3) == 3 && td_goals_value(&g, 0, -3) == -3);
    td_arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),     cmocka_unit_test(test_short_forms),
        cmocka_unit_test(test_no_answers), cmocka_unit_test(test_reports),
        cmocka_unit_test(test_goals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

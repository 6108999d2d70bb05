/* Parameters of somebody else's problem, from YAML. */
#include "common.h"

#include <math.h>

#include "tandem/space.h"

static td_status parse(td_arena *a, const char *text, td_space **s, td_error *err) {
    const td_node *doc;
    assert_ok(td_yaml_parse(a, text, strlen(text), "p.yaml", &doc, err), err);
    return td_space_parameters(doc, NULL, a, s, err);
}

static void test_kinds(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_space *s;
    assert_ok(parse(a,
                    "n: {int: [1, 99]}\n"
                    "k: {int: [1, 1024], log: true}\n"
                    "odd: {int: [1, 8], step: 2}\n"
                    "R: {real: [10, 200.5]}\n"
                    "lr: {real: [1e-5, 0.1], log: true}\n"
                    "c: {choice: [A, true, \"3\"]}\n"
                    "tile: {ordered: [64, 8, 16]}\n"
                    "kernel: {choice: [3, 5], when: {c: [A, \"3\"]}}\n"
                    "deep: {real: [0, 1], when: {kernel: 5}}\n"
                    "late: {choice: [x], when: {tile: [8, 64]}}\n",
                    &s, &err),
              &err);
    assert_int_equal(s->n, 10);
    assert_int_equal(s->d[0].kind, TD_INTEGER);
    assert_true(s->d[1].log && s->d[1].kind == TD_INTEGER);
    assert_int_equal(s->d[2].kind, TD_ORDERED);
    assert_int_equal(s->d[2].n, 4); /* 1, 3, 5, 7 */
    assert_true(s->d[2].value[3] == 7);
    assert_true(s->d[3].lo == 10 && s->d[3].hi == 200.5);
    assert_true(s->d[6].value[0] == 64);
    assert_int_equal(s->d[7].parent, 5);
    assert_int_equal(s->d[7].when, 5);
    assert_int_equal(s->d[8].parent, 7);
    assert_int_equal(s->d[9].when, 3);

    /* Choices go out as they were given and come back as they were. */
    double v[10], w[10];
    td_choices c = {10, v}, back = {10, w};
    for (uint64_t i = 0; i < 300; i++) {
        td_rng r = td_rng_make(1, i, TD_RNG_TEST);
        td_space_sample(s, &r, &c);
        td_node *doc = td_choices_to_node(s, &c, a);
        const td_node *name = td_node_find(doc, "c");
        assert_int_equal(name->kind, v[5] == 1 ? TD_BOOL : TD_STRING);
        assert_int_equal(td_node_find(doc, "kernel") != NULL, v[5] != 1);
        td_text t = {0};
        td_node_to_json(doc, 0, &t);
        const td_node *again;
        assert_ok(td_json_parse(a, t.data, t.size, "c", 1, &again, &err), &err);
        assert_ok(td_choices_from_node(s, again, &back, &err), &err);
        assert_int_equal(td_choices_hash(&back), td_choices_hash(&c));
        td_text_free(&t);
        td_design d;
        assert_ok(s->build(s->self, &c, a, &d, &err), &err);
        assert_true(d.net == NULL && !d.has_hw && d.net_hash == 0 && d.hw_hash == 0);
    }
    td_arena_destroy(a);
}

/* P(k) = log((k + 1) / k) / log(hi + 1) for lo = 1: half of the draws of [1, 1023] are below 32. */
static void test_log_integers(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_space *s;
    assert_ok(parse(a, "k: {int: [1, 1023], log: true}\ntwo: {int: [5, 6], log: true}", &s, &err),
              &err);
    double v[2];
    td_choices c = {2, v};
    int below = 0, ones = 0;
    enum { N = 20000 };
    for (uint64_t i = 0; i < N; i++) {
        td_rng r = td_rng_make(3, i, TD_RNG_TEST);
        td_space_sample(s, &r, &c);
        assert_ok(td_space_canonical(s, &c, &err), &err);
        below += v[0] < 32;
        ones += v[0] == 1;
        double old[2] = {v[0], v[1]};
        td_space_mutate(s, &r, &c);
        assert_ok(td_space_canonical(s, &c, &err), &err);
        assert_int_equal((v[0] != old[0]) + (v[1] != old[1]), 1);
    }
    assert_near(below, N * .5, 4 * sqrt(N * .25));
    assert_near(ones, N * .1, 4 * sqrt(N * .09));
    td_arena_destroy(a);
}

static void test_faults(void **state) {
    (void)state;
    static const struct {
        const char *text, *part;
    } faults[] = {
        {"[1]", "expected a map of parameters"},
        {"a: 1", "p.yaml:1: a: expected {int: [LOWEST, HIGHEST]}"},
        {"a: {int: [1, 2]}\nb: {int: [1, 2.5]}", "p.yaml:2: b.int[1]: expected an integer"},
        {"a: {int: [2, 1]}", "found [2, 1]"},
        {"a: {int: [1]}", "two integers"},
        {"a: {int: [1, 1e300]}", "expected an integer"},
        {"a: {int: [0, 9], log: true}", "a.log: a log scale needs a lowest value above 0"},
        {"a: {int: [1, 9], log: true, step: 2}", "exclude"},
        {"a: {int: [1, 9], step: 0}", "a.step"},
        {"a: {int: [1, 9000000], step: 2}", "at most 100000"},
        {"a: {real: [0, .inf]}", "a.real[1]: expected a number"},
        {"a: {real: [-1.7e308, 1.7e308]}", "expected [LOWEST, HIGHEST]"},
        {"a: {real: [1, 2], step: 1}", "step"},
        {"a: {real: [1, 2], int: [1, 2]}", "real"},
        {"a: {choice: []}", "expected a list"},
        {"a: {choice: A}", "expected a list"},
        {"a: {choice: [A, B, A]}", "a.choice[2]: this value is there twice"},
        {"a: {choice: [1, 2, 1.0]}", "twice"},
        {"a: {choice: [A, 3]}", "in quotes"},
        {"a: {choice: [3, A]}", "expected a number"},
        {"a: {choice: [null, A]}", "expected a name"},
        {"a: {choice: [\"true\", A]}", "expected a name"},
        {"a: {choices: [A]}", "expected {int"},
        {"a: {choice: [A, B], when: {b: [1]}}\nb: {int: [1, 2]}", "stands before"},
        {"a: {int: [1, 65]}\nb: {int: [1, 2], when: {a: [1]}}", "at most 64 values"},
        {"a: {real: [1, 2]}\nb: {int: [1, 2], when: {a: [1]}}", "at most 64 values"},
        {"a: {choice: [A, B]}\nb: {int: [1, 2], when: {a: C}}", "expected one of: A, B"},
        {"a: {choice: [A, B]}\nb: {int: [1, 2], when: {a: []}}", "expected values of a"},
        {"a: {choice: [A, B]}\nb: {int: [1, 2], when: [a]}", "expected one earlier"},
    };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        td_arena *a = td_arena_create();
        td_error err = {0};
        td_space *s;
        assert_int_equal(parse(a, faults[i].text, &s, &err), TD_E_INPUT);
        if (strstr(err.message, faults[i].part) == NULL)
            fail_msg("%s: \"%s\" does not have \"%s\"", faults[i].text, err.message,
                     faults[i].part);
        assert_null(s);
        td_arena_destroy(a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kinds),
                                       cmocka_unit_test(test_log_integers),
                                       cmocka_unit_test(test_faults)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

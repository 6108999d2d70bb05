/* Ask and tell by hand: any order, nothing twice, and a log that can be replayed. */
#include "blackbox_helper.h"

static const char text[] = "name: p\nseed: 3\n"
                           "parameters: {x: {int: [0, 63]}, y: {real: [0, 1]},"
                           " k: {choice: [a, b], when: {x: 7}}}\n"
                           "objectives: [cost]\nconstraints: [g]\n"
                           "strategy: {name: evolution, population: 6}\n";

static int asked(const td_blackbox *b, const char *folder, int n, double lease_s, td_text *out) {
    td_error err = {0};
    td_text_free(out);
    assert_ok(td_blackbox_ask(b, folder, n, lease_s, out, &err), &err);
    int lines = 0;
    for (size_t i = 0; i < out->size; i++) lines += out->data[i] == '\n';
    assert_int_equal(lines, n);
    return lines;
}

static td_status tell(const td_blackbox *b, const char *folder, const char *lines, int expected,
                      td_error *err) {
    td_text out = {0};
    int64_t told;
    td_status s = td_blackbox_tell(b, folder, "in", lines, strlen(lines), &told, &out, err);
    assert_int_equal(told, expected);
    td_text_free(&out);
    return s;
}

/* Answers all lines of an ask, the last ones first: cost (x - 30)^2 + y, g 0.5 - y. */
static char *answers(const char *lines) {
    td_arena *a = td_arena_create();
    td_text all = {0};
    const char *end = lines + strlen(lines);
    while (end > lines) {
        const char *from = end - 1;
        while (from > lines && from[-1] != '\n') from--;
        const td_node *doc;
        td_error err = {0};
        assert_ok(td_json_parse(a, from, (size_t)(end - from), "asked", 1, &doc, &err), &err);
        const td_node *p = td_node_find(doc, "parameters");
        double x = td_node_find(p, "x")->real, y = td_node_find(p, "y")->real;
        assert_int_equal(td_node_find(p, "k") != NULL, x == 7);
        td_text_addf(&all, "{\"trial\": %lld, \"cost\": %.17g, \"g\": %.17g}\n",
                     (long long)td_node_find(doc, "trial")->integer, (x - 30) * (x - 30) + y,
                     .5 - y);
        end = from;
    }
    td_arena_destroy(a);
    return all.data;
}

static void copy_file(const char *from, const char *to, const char *name) {
    char *data;
    size_t size;
    td_error err = {0};
    if (!td_file_exists(scratch_path(from, name))) return;
    assert_ok(td_file_read(scratch_path(from, name), 0, &data, &size, &err), &err);
    scratch_write(to, name, data, size);
    free(data);
}

/* The next asks of a copy are those of the study, at every moment. */
static void expect_replay(const td_blackbox *b, const char *folder) {
    char *other = scratch_make();
    td_text here = {0}, there = {0};
    copy_file(folder, other, "study.db");
    copy_file(folder, other, "study.db-wal");
    asked(b, other, 2, 1e5, &there);
    asked(b, folder, 2, 1e5, &here);
    assert_string_equal(here.data, there.data);
    td_text_free(&here);
    td_text_free(&there);
    scratch_remove(other);
}

static void test_any_order(void **state) {
    (void)state;
    char *folder = scratch_make();
    td_blackbox *b = load_problem(folder, text);
    td_text lines = {0};
    td_error err = {0};
    for (int round = 0; round < 8; round++) {
        asked(b, folder, 5, 1e5, &lines);
        char *told = answers(lines.data);
        /* The last two of each round are never told. */
        char *second = strchr(strchr(told, '\n') + 1, '\n') + 1;
        assert_ok(tell(b, folder, second, 3, &err), &err);
        free(told);
        expect_replay(b, folder);
    }
    td_arena *a = td_arena_create();
    td_trial_row t = trial_of(folder, 0, a);
    assert_int_equal(t.state, TD_TRIAL_DONE);
    assert_int_equal(t.rev, 3); /* told third */
    assert_int_equal(trial_of(folder, 2, a).rev, 1);
    assert_int_equal(trial_of(folder, 3, a).state, TD_TRIAL_RUNNING);
    assert_int_equal(trial_of(folder, 55, a).number, 55);
    td_arena_destroy(a);
    td_text_free(&lines);
    td_blackbox_destroy(b);
    scratch_remove(folder);
}

/* With all told at once the search finds what a search does: it learns. */
static void test_learns(void **state) {
    (void)state;
    char *folder = scratch_make();
    td_blackbox *b = load_problem(folder, text);
    td_text lines = {0};
    td_error err = {0};
    for (int round = 0; round < 40; round++) {
        asked(b, folder, 2, 1e5, &lines);
        char *told = answers(lines.data);
        assert_ok(tell(b, folder, told, 2, &err), &err);
        free(told);
    }
    td_store *s;
    td_trial_row *t;
    int n;
    td_arena *a = td_arena_create();
    assert_ok(td_store_open(scratch_path(folder, "study.db"), false, &s, &err), &err);
    assert_ok(td_store_trials(s, "ask", a, &t, &n, &err), &err);
    assert_int_equal(n, 80);
    const td_trial_row *best = &t[td_problem_best(t, n)];
    assert_true(best->feasible && best->outcome.obj[0] < 5);
    td_store_close(s);
    td_arena_destroy(a);
    td_text_free(&lines);
    td_blackbox_destroy(b);
    scratch_remove(folder);
}

static void test_twice_and_wrong(void **state) {
    (void)state;
    char *folder = scratch_make();
    td_blackbox *b = load_problem(folder, text);
    td_text lines = {0};
    td_error err = {0};
    assert_int_equal(tell(b, folder, "{\"trial\": 0, \"cost\": 1, \"g\": 0}", 0, &err),
                     TD_E_NOT_FOUND);
    asked(b, folder, 4, 1e5, &lines);
    assert_ok(tell(b, folder, "\n{\"trial\": 1, \"cost\": 1, \"g\": 0}\r\n\n", 1, &err), &err);
    assert_ok(tell(b, folder, "{\"trial\": 1, \"g\": 0, \"cost\": 1.0}", 0, &err), &err);
    static const struct {
        const char *lines, *part;
        td_status status;
    } wrong[] = {
        {"{\"trial\": 1, \"cost\": 2, \"g\": 0}", "in:1: trial 1 was told already", TD_E_STALE},
        {"{\"trial\": 1, \"cost\": 1, \"g\": 1}", "told already", TD_E_STALE},
        {"{\"trial\": 1, \"failed\": \"x\"}", "told already", TD_E_STALE},
        {"{\"trial\": 4, \"cost\": 1, \"g\": 1}", "trial 4 was not asked for", TD_E_NOT_FOUND},
        {"{\"trial\": 0, \"cost\": 1}", "in:1: missing key \"g\"", TD_E_INPUT},
        {"{\"trial\": 0, \"csot\": 1, \"g\": 0}", "missing key \"cost\"", TD_E_INPUT},
        {"{\"cost\": 1, \"g\": 0}", "in:1: missing key \"trial\"", TD_E_INPUT},
        {"{\"trial\": 0, \"cost\": 1, \"g\": 0}\nhello\n", "in:2", TD_E_INPUT},
        {"{\"trial\": 0, \"cost\": 1, \"g\": 0}\n{\"trial\": 9, \"cost\": 1, \"g\": 0}", "in:2",
         TD_E_NOT_FOUND},
        {"{\"trial\": 0, \"cost\": 1, \"g\": 0}\n{\"trial\": 0, \"cost\": 2, \"g\": 0}", "in:2",
         TD_E_STALE},
        {"{\"parameters\": {\"x\": 100, \"y\": 0}, \"cost\": 1, \"g\": 0}", "x", TD_E_INPUT},
        {"{\"parameters\": {\"x\": 7, \"y\": 0}, \"cost\": 1, \"g\": 0}", "\"k\"", TD_E_INPUT},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(tell(b, folder, wrong[i].lines, 0, &err), wrong[i].status);
        if (strstr(err.message, wrong[i].part) == NULL)
            fail_msg("%s: \"%s\" does not have \"%s\"", wrong[i].lines, err.message, wrong[i].part);
    }
    td_arena *a = td_arena_create();
    assert_int_equal(trial_of(folder, 0, a).state, TD_TRIAL_RUNNING); /* nothing was changed */
    /* The same line twice is one. */
    const char *twice = "{\"trial\": 0, \"cost\": 1, \"g\": 0}\n{\"trial\": 0, \"cost\": 1, "
                        "\"g\": 0}\n{\"trial\": 3, \"infeasible\": \"no\"}";
    assert_ok(tell(b, folder, twice, 2, &err), &err);
    assert_int_equal(trial_of(folder, 3, a).state, TD_TRIAL_INFEASIBLE);
    assert_ok(tell(b, folder, "{\"trial\": 2, \"cost\": null, \"g\": 0}", 1, &err), &err);
    assert_int_equal(trial_of(folder, 2, a).state, TD_TRIAL_FAILED);
    td_arena_destroy(a);
    expect_replay(b, folder);
    td_text_free(&lines);
    td_blackbox_destroy(b);
    scratch_remove(folder);
}

/* Trials of one's own: evaluated elsewhere, or to be evaluated; and those whose time is over. */
static void test_from_outside(void **state) {
    (void)state;
    char *folder = scratch_make();
    td_blackbox *b = load_problem(folder, text);
    td_text lines = {0}, first = {0};
    td_error err = {0};
    asked(b, folder, 2, 0, &first);
    usleep(3000);
    asked(b, folder, 2, 1e5, &lines); /* their time was over: the same again */
    assert_string_equal(lines.data, first.data);
    assert_ok(
        tell(b, folder,
             "{\"parameters\": {\"x\": 7, \"y\": 0.75, \"k\": \"b\"}, \"cost\": 3, \"g\": -1}", 1,
             &err),
        &err);
    td_arena *a = td_arena_create();
    td_trial_row t = trial_of(folder, 2, a);
    assert_true(t.enqueued && t.feasible && t.outcome.obj[0] == 3);
    expect_replay(b, folder);
    const td_node *doc;
    int64_t number;
    int count;
    const char *point = "[{\"x\": 30, \"y\": 0.5}, {\"trial\": 1, \"parameters\": {\"x\": 31, "
                        "\"y\": 0.25}}]";
    assert_ok(td_json_parse(a, point, strlen(point), "point", 1, &doc, &err), &err);
    assert_ok(td_blackbox_enqueue(b, folder, doc, &number, &count, &err), &err);
    assert_true(number == 5 && count == 2);
    assert_int_equal(tell(b, folder, "{\"trial\": 5, \"cost\": 1, \"g\": 0}", 0, &err),
                     TD_E_NOT_FOUND); /* nobody was given it */
    asked(b, folder, 1, 1e5, &lines);
    assert_non_null(strstr(lines.data, "{\"trial\": 5, \"parameters\": {\"x\": 30, \"y\": 0.5}"));
    assert_ok(tell(b, folder, "{\"trial\": 5, \"cost\": 0.5, \"g\": 0}", 1, &err), &err);
    expect_replay(b, folder);
    expect_replay(b, folder);
    /* Reports are kept; a budget ends the asking. */
    assert_ok(tell(b, folder, "{\"trial\": 0, \"report\": {\"step\": 1, \"cost\": 4}}", 0, &err),
              &err);
    td_blackbox_destroy(b);
    char *more = strdup(text);
    more = realloc(more, strlen(text) + 100);
    strcat(more, "budget: {trials: 11}\n");
    b = load_problem(folder, more);
    td_text_free(&lines);
    assert_int_equal(td_blackbox_ask(b, folder, 5, 1e5, &lines, &err), TD_E_DONE);
    free(more);
    td_arena_destroy(a);
    td_text_free(&lines);
    td_text_free(&first);
    td_blackbox_destroy(b);
    scratch_remove(folder);
}

/* A space that is walked to its end. */
static void test_the_end_of_a_space(void **state) {
    (void)state;
    char *folder = scratch_make();
    td_blackbox *b = load_problem(folder, "name: p\nparameters: {x: {int: [1, 5]}}\n"
                                          "objectives: [cost]\nstrategy: exhaustive\n");
    td_text lines = {0};
    td_error err = {0};
    asked(b, folder, 4, 1e5, &lines);
    td_text_free(&lines);
    assert_int_equal(td_blackbox_ask(b, folder, 3, 1e5, &lines, &err), TD_E_DONE);
    assert_non_null(strstr(lines.data, "{\"trial\": 4, \"parameters\": {\"x\": 5}")); /* the last */
    assert_non_null(strstr(err.message, "nothing left"));
    td_text_free(&lines);
    td_blackbox_destroy(b);
    scratch_remove(folder);
}

/* A verdict knows the trials that have ended, and ends its own. */
static void test_early_stopping(void **state) {
    (void)state;
    char *folder = scratch_make();
    td_blackbox *b = load_problem(folder, "name: p\nparameters: {x: {int: [0, 99]}}\n"
                                          "objectives: [cost]\nstrategy: evolution\n"
                                          "early_stopping: {name: asha, eta: 2}\n");
    td_text lines = {0};
    td_error err = {0};
    asked(b, folder, 6, 1e5, &lines);
    static const struct {
        const char *lines, *out;
        int told;
        td_status status;
    } calls[] = {
        {"{\"trial\": 0, \"report\": {\"step\": 1, \"cost\": 5}}", "", 0, TD_OK},
        /* Trial 0 has not ended: nobody is there. */
        {"{\"trial\": 1, \"report\": {\"step\": 1, \"cost\": 9}}", "", 0, TD_OK},
        {"{\"trial\": 0, \"cost\": 4}", "", 1, TD_OK},
        {"{\"trial\": 2, \"stopped\": true}", "", 0, TD_E_INPUT},
        {"{\"trial\": 2, \"report\": {\"step\": 1, \"cost\": 6}}\n"
         "{\"trial\": 2, \"report\": {\"step\": 2, \"cost\": 5.5}}",
         "{\"trial\": 2, \"stop\": true}\n", 0, TD_OK},
        /* Once more; it says that it has; it does not know better. */
        {"{\"trial\": 2, \"report\": {\"step\": 2, \"cost\": 5.5}}",
         "{\"trial\": 2, \"stop\": true}\n", 0, TD_OK},
        {"{\"trial\": 2, \"stopped\": true}", "", 0, TD_OK},
        {"{\"trial\": 2, \"cost\": 1}", "", 0, TD_E_STALE},
        {"{\"trial\": 0, \"stopped\": true}", "", 0, TD_E_STALE},
        /* With its outcome there is nothing to stop. */
        {"{\"trial\": 3, \"report\": {\"step\": 1, \"cost\": 7}}\n{\"trial\": 3, \"cost\": 7}", "",
         1, TD_OK},
        /* 6 is behind 5 and 6 of 5, 6, 6, 7; 5.5 is not; 2 is a rung that trial 0 did not see. */
        {"{\"trial\": 4, \"report\": {\"step\": 1, \"cost\": 5.5}}", "", 0, TD_OK},
        {"{\"trial\": 4, \"report\": {\"step\": 2, \"cost\": 50}}", "", 0, TD_OK},
        {"{\"trial\": 4, \"report\": {\"step\": 1, \"cost\": 6.5}}",
         "{\"trial\": 4, \"stop\": true}\n", 0, TD_OK},
    };
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        td_text out = {0};
        int64_t told = 0;
        td_status s = td_blackbox_tell(b, folder, "in", calls[i].lines, strlen(calls[i].lines),
                                       &told, &out, &err);
        if (s != calls[i].status) fail_msg("%s: %s", calls[i].lines, err.message);
        if (i == 7) assert_non_null(strstr(err.message, "in:1: trial 2 was stopped early"));
        assert_string_equal(out.data != NULL ? out.data : "", calls[i].out);
        assert_int_equal(told, calls[i].told);
        td_text_free(&out);
        if (i % 4 == 0) expect_replay(b, folder);
    }
    td_arena *a = td_arena_create();
    td_trial_row t = trial_of(folder, 2, a);
    assert_true(t.state == TD_TRIAL_PRUNED && t.steps == 1 && t.outcome.obj[0] == 6);
    assert_int_equal(td_trial_result(&t), TD_RESULT_STOPPED);
    assert_string_equal(t.error, "stopped after step 1: 2nd of 2, of which 1 goes on");
    assert_true(trial_of(folder, 3, a).steps == 1 && trial_of(folder, 0, a).steps == 1);
    assert_non_null(strstr(trial_of(folder, 4, a).error, "3rd of 4, of which 2 go on"));
    expect_replay(b, folder);
    td_arena_destroy(a);
    td_text_free(&lines);
    td_blackbox_destroy(b);
    scratch_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_order),          cmocka_unit_test(test_learns),
        cmocka_unit_test(test_twice_and_wrong),    cmocka_unit_test(test_from_outside),
        cmocka_unit_test(test_the_end_of_a_space), cmocka_unit_test(test_early_stopping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

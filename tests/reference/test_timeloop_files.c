/* The reference cases of Timeloop, written as its YAML and read again: the same costs. (That the
 * program itself takes these files and gives the same numbers is told in docs/validation.md.) */
#include "common.h"

#include <dirent.h>

#include "tandem/cost.h"

static void through_yaml(void **state) {
    (void)state;
    const char *path = shared_path("reference/timeloop/cases");
    if (path == NULL) skip();
    DIR *d = opendir(path);
    assert_non_null(d);
    td_error err = {0};
    td_arena *a = td_arena_create();
    int n = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (strstr(e->d_name, ".json") == NULL) continue;
        const td_node *doc;
        td_node *written;
        td_text t = {0};
        td_case c, again;
        assert_ok(td_node_load(a, td_arena_printf(a, "%s/%s", path, e->d_name), &doc, &err), &err);
        assert_ok(td_case_from_node(doc, &c, &err), &err);
        assert_ok(td_timeloop_to_node(&c, a, &written, &err), &err);
        td_node_to_yaml(written, &t);
        assert_ok(td_yaml_parse_tagged(a, t.data, t.size, e->d_name, &doc, &err), &err);
        assert_ok(td_timeloop_from_nodes(&doc, 1, &again, &err), &err);
        td_text_free(&t);
        n++;
        for (int counting = 0; counting < 2; counting++) {
            td_cost x, y;
            td_status s =
                td_cost_evaluate(&c.problem, &c.hw, &c.mapping, (td_counting)counting, &x, &err);
            assert_int_equal(td_cost_evaluate(&again.problem, &again.hw, &again.mapping,
                                              (td_counting)counting, &y, &err),
                             s);
            if (s == TD_OK) assert_memory_equal(&x, &y, sizeof x);
        }
    }
    closedir(d);
    td_arena_destroy(a);
    assert_true(n >= 37);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(through_yaml)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* tandem compare from outside: what it prints and leaves, and what it refuses. */
#include "program.h"

static const char few[] =
    "compare recipe.yaml --strategies random,evolution:population=4 --seeds 2 "
    "--budgets 4,8 --out cmp ";

static void compare(void **state) {
    fixture *f = *state;
    write_recipe(f, NULL, NULL);
    expect(f, few, 0);
    assert_non_null(strstr(f->err, "tiny: 2 methods x 2 seeds: 4 runs of 8 trials\n"));
    assert_non_null(strstr(f->err, "methods: random (reference), evolution:population=4\n"));
    assert_non_null(strstr(f->err, "compare      32/32"));
    assert_non_null(strstr(f->out, "4 trials\n"));
    assert_non_null(strstr(f->out, "8 trials\n"));
    assert_non_null(strstr(f->out, "less than asked: there are too few seeds"));
    assert_non_null(strstr(f->out, "p Holm: corrected for 1 comparison in a table"));
    assert_non_null(strstr(f->out, "figures and plots in cmp\n"));
    static const char *const files[] = {"cmp/comparison.json", "cmp/runs.csv",
                                        "cmp/curves.csv",      "cmp/curves.svg",
                                        "cmp/trained.svg",     "cmp/quality.svg"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (!exists(f, files[i])) fail_msg("no %s", files[i]);
    /* The same in the other formats; nothing is run again. */
    char *csv = slurp(scratch_path(f->folder, "cmp/runs.csv"));
    expect(f, td_arena_printf(f->arena, "%s --format csv --quiet", few), 0);
    assert_string_equal(f->out, csv);
    assert_string_equal(f->err, "");
    int lines = 0;
    for (const char *s = csv; (s = strchr(s, '\n')) != NULL; s++) lines++;
    assert_int_equal(lines, 1 + 2 * 2 * 2);
    free(csv);
    expect(f, td_arena_printf(f->arena, "%s --format json --quiet", few), 0);
    const td_node *root = json(f), *budgets;
    assert_string_equal(td_node_find(root, "reference")->text, "random");
    budgets = td_node_find(td_node_find(root, "results")->item[0], "budgets");
    assert_int_equal(budgets->count, 2);
    const td_node *method = td_node_find(budgets->item[1], "methods")->item[1];
    assert_string_equal(td_node_find(method, "method")->text, "evolution:population=4");
    assert_true(td_node_find(method, "exact")->boolean);
    assert_true(td_node_find(method, "p_holm")->real >= 1.0 / 3 - 1e-9); /* 2 a side: 2 / 6 */
    /* Each run is a results folder. */
    expect(f, "study list cmp/joint-random/seed-4 --format json", 0);
    assert_int_equal(td_node_find(json(f)->item[0], "trials")->integer, 8);
    expect(f, "eval cmp/joint-random/seed-4/best --format json", 0);
    /* A smaller one sets the tables aside; the same again, which has all of it, does not. */
    csv = slurp(scratch_path(f->folder, "cmp/runs.csv"));
    expect(f,
           "compare recipe.yaml --strategies random --seeds 1 --budgets 4,8 --out cmp --optimum 1",
           0);
    char *kept = slurp(scratch_path(f->folder, "cmp/earlier-1/runs.csv"));
    assert_string_equal(kept, csv);
    assert_true(exists(f, "cmp/earlier-1/comparison.json"));
    assert_true(exists(f, "cmp/earlier-1/curves.svg") && exists(f, "cmp/curves.svg"));
    free(kept);
    free(csv);
    expect(f, few, 0);
    assert_false(exists(f, "cmp/earlier-2"));
}

/* A scope of two phases: both studies stand in the run's folder, and in its tables. */
static void scopes(void **state) {
    fixture *f = *state;
    write_recipe(f, "budget: {trials: 12}\n",
                 "budget: {trials: 12}\n"
                 "compare:\n"
                 "  network: {choices: {s1.depth: 1, s1.b1.kernel: 3, s1.b1.expansion: 1}}\n"
                 "  accelerator: {space: fixed, hw: micro}\n");
    expect(f,
           "compare recipe.yaml --strategies random --scopes joint,phase-accelerator --seeds 1 "
           "--out cmp",
           0);
    assert_non_null(strstr(f->out, "phase-accelerator random"));
    expect(f, "study export cmp/phase-accelerator-random-12/seed-3", 0);
    char *csv = slurp(scratch_path(f->folder, "cmp/phase-accelerator-random-12/seed-3/trials.csv"));
    assert_string_equal(f->out, csv);
    assert_non_null(strstr(csv, "\nphase-accelerator-1,0,"));
    assert_non_null(strstr(csv, "\nphase-accelerator-2,5,"));
    free(csv);
}

static void dry_run(void **state) {
    fixture *f = *state;
    write_recipe(f, NULL, NULL);
    expect(f, "compare recipe.yaml --seeds 3 --dry-run", 0);
    assert_non_null(strstr(f->out, "2 methods x 3 seeds: 6 runs of 12 trials"));
    assert_non_null(strstr(f->out, "if the budgets are used up: 72 trainings of "));
    assert_non_null(strstr(f->out, ", 72 costs of "));
    assert_false(exists(f, "results"));
    expect(f, "compare recipe.yaml --seeds 3 --set budget.trials=5 --dry-run", 0);
    assert_non_null(strstr(f->out, "6 runs of 5 trials"));
    assert_non_null(strstr(f->out, ", 30 costs of "));
    expect(f, "search recipe.yaml --dry-run", 0);
    assert_non_null(strstr(f->out, "12 trainings of "));
    assert_non_null(strstr(f->out, ", 1 final trainings of "));
    write_recipe(f, "path: data", "path: nowhere");
    /* What would be done is told all the same. */
    expect(f, "search recipe.yaml --dry-run", 4);
    assert_non_null(strstr(f->err, "nowhere"));
    assert_non_null(strstr(f->out, "tiny: search of "));
    expect(f, "compare recipe.yaml --dry-run", 4);
    assert_non_null(strstr(f->err, "nowhere"));
    assert_false(exists(f, "results"));
}

static void wrong_use(void **state) {
    fixture *f = *state;
    write_recipe(f, NULL, NULL);
    expect_fault(f, "compare nothing", 4, "no file or shipped recipe \"nothing\"");
    expect_fault(f, "compare recipe.yaml --strategies ppo:x=1,evolution:x=1", 3, "");
    expect_fault(f, "compare recipe.yaml --scopes all", 2, "--scopes: there is no scope \"all\"");
    assert_null(strstr(f->err, "workload"));
    assert_non_null(strstr(f->err, "hand-made"));
    expect_fault(f, "compare recipe.yaml --against x", 2, "--against: \"x\" is not compared");
    expect_fault(f, "compare recipe.yaml --targets latency_us=fast", 3,
                 "--targets objective.targets: ");
    assert_int_equal(run(f, "", "compare recipe.yaml --seeds 0"), 2);
    assert_int_equal(run(f, "", "compare recipe.yaml --optimum 2"), 2);
    assert_int_equal(run(f, "", "compare recipe.yaml --optimum 0"), 2);
    assert_non_null(strstr(f->err, "--optimum: expected a number above 0"));
    expect_fault(f, "compare recipe.yaml --set budget.trails=4", 3, "--set budget.trails: ");
    assert_false(exists(f, "results"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(compare, setup_data, teardown),
        cmocka_unit_test_setup_teardown(scopes, setup_data, teardown),
        cmocka_unit_test_setup_teardown(dry_run, setup_data, teardown),
        cmocka_unit_test_setup_teardown(wrong_use, setup, teardown),
    };
    return cmocka_run_group_tests(tests, have_program, NULL);
}

/* The shipped search over NAS-Bench-Macro x micro, some hundred trials of it: seconds, the same by
 * any number of threads, and what comes out is what the table says of it. */
#include "common.h"
#include "scratch.h"
#include "tandem/report.h"

static td_error err;

static void search(const td_override *set, int n, const char *out, int threads,
                   td_run_summary *sum) {
    td_recipe *r;
    assert_ok(td_recipe_load_with(TD_TEST_SOURCE "/recipes/macro-table.yaml", set, n, &r, &err),
              &err);
    td_run_options o = {.out = out, .threads = threads};
    assert_ok(td_recipe_run(r, &o, sum, &err), &err);
    assert_ok(td_report_write(r, sum, out, &err), &err);
    td_recipe_destroy(r);
}

/* The table's entry of a network, by parameters and MACs, which tell most networks; the published
 * mean is among those of the entries that agree. */
static bool published(const td_node *table, const td_net *net, double accuracy) {
    td_net_totals t;
    td_net_count(net, &t);
    for (int i = 0; i < table->count; i++) {
        const td_node *e = table->item[i];
        if (td_node_find(e, "params")->integer == t.params &&
            td_node_find(e, "flops")->integer == t.macs &&
            fabs(td_node_find(e, "mean_acc")->real - 100 * accuracy) < 1e-9)
            return true;
    }
    return false;
}

static void some_hundred_trials(void **state) {
    (void)state;
    const char *path = shared_path("data/nasbench_macro/nas-bench-macro_cifar10.json");
    if (path == NULL) {
        print_message("no ../shared/data/nasbench_macro: skipped\n");
        skip();
    }
    const td_override set[] = {{"accuracy.file", path, "test"},
                               {"budget", "{trials: 300, trained: 60}", "test"},
                               {"schedule.max_nodes", "200", "test"}};
    td_arena *a = td_arena_create();
    const td_node *table;
    assert_ok(td_node_load(a, path, &table, &err), &err);
    char *folder = scratch_make(), *trials[2];
    for (int k = 0; k < 2; k++) {
        td_run_summary sum;
        const char *out = scratch_path(folder, k == 0 ? "a" : "b");
        search(set, 3, out, 1 + k, &sum);
        const td_result_row *row = &sum.row[0];
        assert_true(sum.n == 1 && row->found && row->meets && row->repeats == 3);
        assert_true(row->trials <= 300 && row->trained >= 20 && row->trained <= 60);
        assert_true(published(table, row->design.net, row->valid_accuracy));
        assert_int_equal(row->count[TD_RESULT_DIVERGES], 0);
        /* The mean of all networks of the table is 90.25 %, few of them meet these targets. */
        assert_true(row->valid_accuracy > 0.9025);
        print_message("%lld trials, %lld networks: %.2f %% (the best of all without targets: "
                      "93.13 %%), %.2f s of CPU\n",
                      (long long)row->trials, (long long)row->trained, 100 * row->valid_accuracy,
                      sum.cpu_s);
        td_run_summary_free(&sum);
        size_t size;
        assert_ok(td_file_read(scratch_path(out, "trials.csv"), 0, &trials[k], &size, &err), &err);
    }
    assert_string_equal(trials[0], trials[1]);
    free(trials[0]);
    free(trials[1]);
    scratch_remove(folder);
    td_arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(some_hundred_trials)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

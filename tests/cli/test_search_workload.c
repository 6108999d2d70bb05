/* `tandem search --workload` from outside. */
#include "program.h"
#include "tandem/net.h"

static const char recipe[] =
    "name: chip\n"
    "network: {space: ibn}\n"
    "accelerator: {space: micro, pe_x: [1, 2], pe_y: 1, simd: [4, 8], lanes: [1, 2],"
    " local_kb: 64, rf_kb: 1, io_gbps: [0.2, 0.8]}\n"
    "accuracy: {epochs: 1}\n"
    "final: {epochs: 1}\n"
    "objective: {targets: {area_mm2: 1}}\n"
    "schedule: {max_nodes: 100}\n"
    "strategy: {name: exhaustive}\n"
    "budget: {trials: 100, trained: 3}\n";

/* A network's file and a shipped one in place of the recipe's space: no data are looked for, and
 * what is kept with the results is the recipe as it was searched, with paths in full. */
static void networks_of_the_command_line(void **state) {
    fixture *f = *state;
    scratch_write(f->folder, "chip.yaml", recipe, sizeof recipe - 1);
    td_error err;
    td_net *net;
    td_text t = {0};
    assert_ok(td_net_build("A", TD_DIM(1, 8, 8), 1, 10, &net, &err), &err);
    td_node_to_json(td_net_to_node(net, f->arena), 1, &t);
    td_net_destroy(net);
    scratch_write(f->folder, "mine.json", t.data, t.size);
    td_text_free(&t);
    expect(f, "search chip.yaml --workload mine.json:0.7 --workload handmade:0.3 --dry-run", 0);
    assert_non_null(strstr(f->out, "search of 16 accelerators (micro) for 70 % A and 30 % handma"));
    expect(f, "search chip.yaml --workload mine.json:3 --combine worst --quiet --format json", 0);
    const td_node *row = td_node_find(json(f), "rows")->item[0];
    assert_string_equal(td_node_find(row, "name")->text, "workload");
    assert_string_equal(td_node_find(row, "combine")->text, "worst");
    assert_true(td_node_find(row, "trials")->integer == 16);
    assert_true(td_node_find(td_node_find(row, "networks")->item[0], "weight")->real == 1);
    double latency = td_node_find(row, "latency_s")->real;
    /* The kept recipe gives the same again, from another folder; the pair evaluates. */
    expect(f, "search results/chip/recipe.yaml --quiet --format json --out again", 0);
    row = td_node_find(json(f), "rows")->item[0];
    assert_true(td_node_find(row, "latency_s")->real == latency);
    expect(f, "eval again/best/networks/A --format json", 0);
    assert_true(td_node_find(json(f), "latency_s")->real <= latency); /* the mapper looks longer */
    /* Folders are networks here, as for eval, with a slash in the name or without. */
    expect(f, "search chip.yaml --workload again/best/networks/A --dry-run", 0);
    assert_non_null(strstr(f->out, "for 100 % A"));
    assert_int_equal(run(f, "cp -r again/best/networks/A plain;",
                         "explore plain --hw micro --vary local_kb=64,128 --dry-run"),
                     0);
    assert_non_null(strstr(f->out, "for 100 % A"));
    expect_fault(f, "eval again/best", 4, "again/best/networks/A");
    expect(f, "study best again", 0);
    assert_non_null(strstr(f->out, "workload"));
}

static void mistakes(void **state) {
    fixture *f = *state;
    scratch_write(f->folder, "chip.yaml", recipe, sizeof recipe - 1);
    expect_fault(f, "search chip.yaml --workload no.json:1", 4, "no.json: no such file");
    expect_fault(f, "search chip.yaml --workload A:0", 2, "--workload A:0: expected a weight > 0");
    expect_fault(f, "search chip.yaml --workload A:x", 4, "there is no network \"A:x\"");
    expect_fault(f, "search chip.yaml --workload A --workload A", 3, "two networks are named");
    expect_fault(f, "search chip.yaml --workload A --combine best", 3, "expected sum or worst");
    expect_fault(f, "search chip.yaml --combine worst", 3, "unknown key \"combine\"");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(networks_of_the_command_line, setup, teardown),
        cmocka_unit_test_setup_teardown(mistakes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, have_program, NULL);
}

/* tandem convert and tandem cost on Timeloop's files, run as a program. */
#include "common.h"

#include "program.h"

static const char neutral[] =
    "{\"name\": \"small\", \"problem\": {\"dims\": {\"K\": 4, \"C\": 2, \"P\": 4, \"R\": 3}},"
    " \"arch\": {\"name\": \"two\", \"mac\": {\"instances\": 4, \"energy_pj\": 0.5}, \"levels\": ["
    "{\"name\": \"RF\", \"instances\": 4, \"capacity_words\": 64, \"read_pj\": 1, \"fill_pj\": 2,"
    " \"update_pj\": 3},"
    "{\"name\": \"DRAM\", \"instances\": 1, \"capacity_words\": null, \"shared_bw\": 3,"
    " \"read_pj\": 100, \"fill_pj\": 100, \"update_pj\": 100}]}, \"mapping\": {\"levels\": ["
    "{\"keep\": [\"W\", \"O\"], \"temporal\": [[\"P\", 2], [\"R\", 3], [\"P\", 2]]},"
    "{\"keep\": [\"W\", \"I\", \"O\"], \"temporal\": [[\"C\", 2]], \"spatial_x\": [[\"K\", 4]],"
    " \"no_multicast\": [\"I\"]}]}}";

static void put(fixture *f, const char *name, const char *text) {
    scratch_write(f->folder, name, text, strlen(text));
}

/* The result of `tandem cost` as text, without the name of the case. */
static char *result(fixture *f, const char *arguments) {
    expect(f, td_arena_printf(f->arena, "cost %s --format json", arguments), 0);
    const char *at = strstr(f->out, "\"result\"");
    assert_non_null(at);
    return td_arena_strdup(f->arena, at);
}

/* A dim that is looped over twice, bandwidths, multicast: there and back again, the same figures.
 */
static void there_and_back(void **state) {
    fixture *f = *state;
    put(f, "case.json", neutral);
    expect(f, "convert case.json --to timeloop --out t.yaml", 0);
    expect(f, "convert t.yaml --to case --out again.json", 0);
    assert_string_equal(f->out, "");
    for (int counting = 0; counting < 2; counting++) {
        const char *how = counting ? "--counting timeloop" : "";
        const char *want = result(f, td_arena_printf(f->arena, "case.json %s", how));
        assert_string_equal(result(f, td_arena_printf(f->arena, "t.yaml %s", how)), want);
        assert_string_equal(result(f, td_arena_printf(f->arena, "again.json %s", how)), want);
    }
    expect(f, "cost t.yaml --format table", 0);
    assert_non_null(strstr(f->out, "t: conv K4 C2"));
    /* Standard output, and standard input. */
    assert_int_equal(run(f, "cat case.json |", "convert - --to timeloop"), 0);
    char *file = slurp(scratch_path(f->folder, "t.yaml"));
    assert_string_equal(f->out, file);
    free(file);
}

/* Sections in files of their own are one case. */
static void several_files(void **state) {
    fixture *f = *state;
    put(f, "arch.yaml",
        "architecture:\n  version: 0.4\n  nodes:\n"
        "  - !Component {name: DRAM, class: DRAM}\n"
        "  - !Component {name: RF, class: regfile, attributes: {depth: 32}, spatial: {meshX: 4}}\n"
        "  - !Component {name: mac, class: intmac}\n");
    put(f, "problem.yaml",
        "problem: {version: 0.4, shape: gemm_ABZ, instance: {M: 8, N: 4, K: 2}}\n");
    put(f, "map.yaml",
        "mapping:\n- {target: DRAM, type: temporal, factors: M=8, permutation: M}\n"
        "- {target: RF, type: spatial, factors: N=4, permutation: N, split: 1}\n"
        "- {target: RF, type: temporal, factors: K=2, permutation: K}\n");
    expect(f, "cost arch.yaml problem.yaml map.yaml --counting timeloop --format json", 0);
    const td_node *r = td_node_find(json(f), "result");
    assert_int_equal(td_node_find(r, "cycles")->integer, 16);
    assert_int_equal(td_node_find(r, "computes")->integer, 64);
    expect(f, "convert map.yaml arch.yaml problem.yaml --to case", 0);
    assert_non_null(strstr(f->out, "\"name\": \"map\""));
    expect(f, "convert arch.yaml --to levels --out my.yaml", 0);
    put(f, "net.yaml", "input: [4, 4, 4]\nlayers: [{op: conv, out: 8}]\n");
    expect(f, "eval net.yaml --hw ./my.yaml --format json", 0);

    expect_fault(f, "cost arch.yaml problem.yaml", 3, "missing key \"mapping\"");
    expect_fault(f, "cost arch.yaml map.yaml", 3, "map.yaml:1: mapping: no \"problem\"");
    expect_fault(f, "cost problem.yaml map.yaml", 3, "no \"architecture\"");
    expect_fault(f, "cost arch.yaml problem.yaml map.yaml map.yaml", 3, "a second section");
}

/* What nobody knows may be a slip of the pen, and is told; what has no effect here is not. */
static void unknown_attributes(void **state) {
    fixture *f = *state;
    put(f, "slip.yaml",
        "architecture:\n  version: 0.4\n  nodes:\n"
        "  - !Container {name: system, attributes: {technology: 45nm, global-cycle-seconds: "
        "1.0e-9}}\n"
        "  - !Component {name: DRAM, class: DRAM}\n"
        "  - !Component\n    name: RF\n    class: regfile\n"
        "    attributes: {n_banks: 2,\n      dept: 256}\n    spatial: {meshX: 4, meshZ: 12}\n"
        "  - !Component {name: buffet, class: AddressGenerator, attributes: {any: 1}}\n"
        "  - !Component {name: mac, class: intmac}\n");
    expect(f, "convert slip.yaml --to levels", 0);
    assert_string_equal(f->err, "tandem: note: slip.yaml:10: RF: unknown attribute \"dept\" is "
                                "passed over, did you mean \"depth\"?\n"
                                "tandem: note: slip.yaml:11: RF: unknown attribute \"meshZ\" is "
                                "passed over, did you mean \"meshX\"?\n");
    expect(f, "cost " TD_TEST_SOURCE "/examples/timeloop.yaml", 0);
    assert_string_equal(f->err, "");
    expect_fault(f, "map " TD_TEST_SOURCE "/examples/timeloop.yaml", 3, "--to case");
}

/* The example is what its first lines say. */
static void example(void **state) {
    fixture *f = *state;
    expect(f, "convert " TD_TEST_SOURCE "/examples/case.json --bits 8 --to timeloop", 0);
    char *text = slurp(TD_TEST_SOURCE "/examples/timeloop.yaml");
    const char *at = text;
    while (*at == '#') at = strchr(at, '\n') + 1;
    assert_string_equal(f->out, at);
    free(text);
    expect(f, "cost " TD_TEST_SOURCE "/examples/timeloop.yaml --counting timeloop", 0);
}

static void lines_and_faults(void **state) {
    fixture *f = *state;
    td_text t = {0};
    for (int i = 0; i < 2; i++) td_text_addf(&t, "%s\n", neutral);
    char *at = strstr(t.data + sizeof neutral, "small");
    memcpy(at, "other", 5);
    put(f, "cases.jsonl", t.data);
    td_text_free(&t);
    expect(f, "convert cases.jsonl --number 2 --to case", 0);
    assert_non_null(strstr(f->out, "\"name\": \"other\""));
    expect_fault(f, "convert cases.jsonl --number 3 --to case", 4, "there is no case 3");
    /* Sums wider than the rest: not in Timeloop, unless all words are made alike. */
    put(f, "case.json", neutral);
    assert_int_equal(run(f, "sed 's/\"R\": 3}/\"R\": 3}, \"bits\": {\"acc\": 32}/' case.json |",
                         "convert - --to case --out wide.json"),
                     0);
    expect_fault(f, "convert wide.json --to timeloop", 7, "words of one width");
    expect_fault(f, "convert wide.json --to timeloop", 7, "--bits N");
    expect(f, "convert wide.json --bits 16 --to timeloop", 0);
    /* Padding is told. */
    assert_int_equal(run(f, "sed 's/\"R\": 3}/\"R\": 3}, \"pad\": [1, 0, 1, 0]/' case.json |",
                         "convert - --to timeloop"),
                     0);
    assert_non_null(strstr(f->err, "note: Timeloop knows no padding"));
    expect_fault(f, "convert none.json --to case", 4, "none.json");
    expect_fault(f, "convert case.json none.yaml --to case", 4, "none.yaml: no such file");
    expect_fault(f, "convert case.json wide.json --to case", 2, "several files");
    assert_int_equal(run(f, "", "convert case.json"), 2);
    assert_int_equal(run(f, "", "convert case.json --to verilog"), 2);
    assert_int_equal(run(f, "", "convert --to case"), 2);
    assert_int_equal(run(f, "", "convert case.json --to case --number 0"), 2);
    assert_int_equal(run(f, "", "convert case.json --to case --bits 65"), 2);
    expect_fault(f, "convert case.json --to case --out none/x.json", 5, "none/x.json");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(there_and_back, setup, teardown),
        cmocka_unit_test_setup_teardown(several_files, setup, teardown),
        cmocka_unit_test_setup_teardown(unknown_attributes, setup, teardown),
        cmocka_unit_test_setup_teardown(example, setup, teardown),
        cmocka_unit_test_setup_teardown(lines_and_faults, setup, teardown),
    };
    return cmocka_run_group_tests(tests, have_program, NULL);
}

/* The files of `tandem eval --plot`: their bars add up to what eval tells, and their parts are what
 * its JSON has for each. */
#include "program.h"

static double real(const td_node *n, const char *name) {
    const td_node *v = td_node_find(n, name);
    return v != NULL && (v->kind == TD_REAL || v->kind == TD_INT) ? v->real : 0;
}

static const td_node *csv(fixture *f, const char *name) {
    const td_node *doc;
    td_error err;
    const char *path = td_arena_strdup(f->arena, scratch_path(f->folder, name));
    assert_ok(td_node_load(f->arena, path, &doc, &err), &err);
    return doc;
}

static double sum_of_parts(const td_node *row) {
    double sum = 0;
    for (int k = 2; k < row->count; k++) { /* behind layer and whole */
        assert_true(row->item[k]->real >= 0);
        sum += row->item[k]->real;
    }
    return sum;
}

/* Rows of latency.csv and energy.csv against the intervals of the JSON. */
static void check(fixture *f, const char *arguments) {
    expect(f, td_arena_printf(f->arena, "eval %s --plot out --format json", arguments), 0);
    const td_node *doc = json(f), *intervals = td_node_find(doc, "intervals");
    const td_node *time = csv(f, "out/latency.csv"), *energy = csv(f, "out/energy.csv");
    double latency = 0, joule = 0;
    assert_non_null(intervals);
    assert_int_equal(time->count, intervals->count);
    assert_int_equal(energy->count, intervals->count);
    for (int i = 0; i < intervals->count; i++) {
        const td_node *t = intervals->item[i], *r = time->item[i], *e = energy->item[i];
        assert_string_equal(td_node_find(t, "layer")->text, td_node_find(r, "layer")->text);
        assert_true(real(r, "latency_s") == real(t, "latency_s"));
        assert_near(sum_of_parts(r), real(t, "latency_s"), 1e-12 * real(t, "latency_s"));
        assert_near(sum_of_parts(e), real(t, "energy_j"), 1e-12 * real(t, "energy_j"));
        latency += sum_of_parts(r);
        joule += sum_of_parts(e);
        /* What limits an interval is a part of its bar. */
        const char *limit = td_node_find(t, "limit")->text;
        double wait = real(r, td_arena_printf(f->arena, "wait for %s", limit));
        if (strncmp(limit, "DRAM", 4) == 0 || strcmp(limit, "prefetch") == 0)
            assert_true(real(r, "wait for DRAM") > 0);
        else if (strcmp(limit, "compute") == 0)
            assert_true(real(r, "wait for DRAM") == 0);
        else if (strncmp(limit, "vector", 6) == 0)
            assert_true(real(r, "vector unit") > 0);
        else
            assert_true(wait > 0 || real(t, "macs") == 0);
        /* Energies by level are those of the JSON; so is what no mapping knows of. */
        const td_node *pj = td_node_find(t, "energy_pj"), *levels = td_node_find(pj, "levels");
        double tolerance = 1e-9 * real(t, "energy_j");
        assert_near(real(e, "MACs"), 1e-12 * real(pj, "mac"), tolerance);
        assert_near(real(e, "leakage"), 1e-12 * real(pj, "leakage"), tolerance);
        for (int l = 0; levels != NULL && l < levels->count; l++) {
            double level = 0;
            for (int k = 0; k < levels->item[l]->count; k++)
                level += levels->item[l]->item[k]->real;
            assert_near(real(e, levels->item[l]->key), 1e-12 * level, tolerance);
        }
        double other = real(pj, "joined_and_loading_weights") + real(pj, "loading_weights") +
                       real(pj, "vector_unit_and_memories");
        assert_near(real(e, "vector unit, loading of weights"), 1e-12 * other, tolerance);
        /* MACs at their peak: by the layer and the accelerator alone. */
        if (real(t, "utilization") > 0)
            assert_near(real(r, "MACs at their peak"),
                        real(t, "utilization") * real(t, "latency_s"), 1e-9 * real(t, "latency_s"));
    }
    assert_near(latency, real(doc, "latency_s"), 1e-9 * latency);
    assert_near(joule, real(doc, "energy_j"), 1e-9 * joule);
}

static void bars_add_up(void **state) {
    fixture *f = *state;
    check(f, "mobilenetv2 --hw edge");
    check(f, "handmade --hw micro --cold");
    check(f, "resnet18 --hw simba");
    check(f, "C --hw micro --batch 3 --set local_kb=16"); /* stacks, in bands */
    check(f, "mobilenetv3-small --hw nvdla");
    static const char *const name[] = {"roofline", "latency", "energy"};
    for (int i = 0; i < 3; i++) {
        assert_true(exists(f, td_arena_printf(f->arena, "out/%s.svg", name[i])));
        char *png =
            slurp(scratch_path(f->folder, td_arena_printf(f->arena, "out/%s.png", name[i])));
        assert_memory_equal(png, "\x89PNG\r\n\x1a\n", 8);
        free(png);
    }
}

/* More layers than bars: the smallest are together in one, and nothing is lost. */
static void many_layers(void **state) {
    fixture *f = *state;
    expect(f, "eval efficientnet-b0 --hw edge --plot out --no-steps", 0);
    char *svg = slurp(scratch_path(f->folder, "out/energy.svg"));
    const td_node *energy = csv(f, "out/energy.csv");
    assert_true(energy->count > 60);
    assert_non_null(strstr(svg, td_arena_printf(f->arena, "%d others", energy->count - 59)));
    free(svg);
}

/* One layer on a machine that a hand can count: 16 x 64 products on 64 MACs of 1 pJ, one word of
 * 100 pJ from DRAM in a cycle. The first inference brings 1024 weights, 16 inputs and 64 results.
 */
static void by_hand(void **state) {
    fixture *f = *state;
    static const char hw[] =
        "name: hand\nclock_hz: 1.0e+9\narea_mm2: 1\n"
        "mac: {instances: 64, mesh_x: 64, bits: 8, energy_pj: 1}\n"
        "levels:\n"
        "  - {name: Buffer, instances: 1, capacity_kb: 1024, block_bits: 8, energy_pj: 2, x: K}\n"
        "  - {name: DRAM, instances: 1, capacity_bits: null, block_bits: 8, energy_pj: 100,\n"
        "     shared_bw: 8}\n";
    static const char net[] = "name: one\ninput: [16, 1, 1]\nlayers:\n"
                              "  - {name: fc1, op: fc, out: 64}\n";
    scratch_write(f->folder, "hand.yaml", hw, sizeof hw - 1);
    scratch_write(f->folder, "one.yaml", net, sizeof net - 1);
    expect(f, "eval one.yaml --hw hand.yaml --cold --plot out --no-steps", 0);
    const td_node *time = csv(f, "out/latency.csv")->item[0];
    const td_node *energy = csv(f, "out/energy.csv")->item[0];
    assert_near(real(time, "latency_s"), 1104e-9, 1e-15);
    assert_near(real(time, "MACs at their peak"), 16e-9, 1e-15);
    assert_near(real(time, "wait for DRAM"), 1088e-9, 1e-15);
    assert_int_equal(time->count, 4); /* and nothing else takes time */
    assert_near(real(energy, "MACs"), 1024e-12, 1e-18);
    double moved = real(energy, "DRAM") + real(energy, "vector unit, loading of weights");
    assert_true(moved >= 1104 * 100e-12);
}

static void mistakes(void **state) {
    fixture *f = *state;
    scratch_write(f->folder, "file", "x", 1);
    expect_fault(f, "eval C --hw micro --plot file/below", 5, "file");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bars_add_up, setup, teardown),
        cmocka_unit_test_setup_teardown(many_layers, setup, teardown),
        cmocka_unit_test_setup_teardown(by_hand, setup, teardown),
        cmocka_unit_test_setup_teardown(mistakes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, have_program, NULL);
}

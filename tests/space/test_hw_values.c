/* Values that are put into an accelerator's document, and spaces of descriptions with levels. */
#include "common.h"

#include "space_helper.h"

static td_node *shipped(td_arena *a, const char *name) {
    const char *path;
    const td_node *doc;
    td_error err = {0};
    assert_ok(td_hw_find(a, name, &path, &err), &err);
    assert_ok(td_node_load(a, path, &doc, &err), &err);
    return (td_node *)(uintptr_t)doc;
}

static td_hw built(td_arena *a, const char *name, const char *set) {
    td_node *doc = shipped(a, name);
    td_error err = {0};
    td_hw hw;
    if (set != NULL) assert_ok(td_space_hw_set(a, doc, "--set", set, &err), &err);
    assert_ok(td_hw_from_node(doc, &hw, &err), &err);
    return hw;
}

static void fails(td_arena *a, const char *name, const char *set, const char *part) {
    td_error err = {0};
    assert_int_equal(td_space_hw_set(a, shipped(a, name), "--set", set, &err), TD_E_USAGE);
    if (strstr(err.message, part) == NULL) fail_msg("\"%s\" is not in \"%s\"", part, err.message);
}

/* What a key means does not depend on the form of the file. */
static void keys(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    td_hw edge = built(a, "edge", NULL), twice = built(a, "edge", "DRAM.bandwidth=2x");
    assert_true(twice.level[3].shared_bw == 2 * edge.level[3].shared_bw);
    const td_hw forty = built(a, "edge", "io_gbps=40");
    assert_true(td_hw_hash(&twice) == td_hw_hash(&forty));
    assert_true(twice.area_mm2 > edge.area_mm2);
    td_hw half = built(a, "edge", "local.capacity=0.5x");
    assert_true(half.level[1].capacity_bits * 2 == edge.level[1].capacity_bits);
    assert_true(built(a, "edge", "clock=2x").clock_hz == 2 * edge.clock_hz);
    /* A parameter that its file leaves out has its default. */
    assert_true(built(a, "micro", "route_extra=3").area_mm2 == built(a, "micro", NULL).area_mm2);

    td_hw simba = built(a, "simba", NULL), fast = built(a, "simba", "dram.bandwidth=2x");
    assert_true(fast.level[5].shared_bw == 2 * simba.level[5].shared_bw);
    td_hw ports = built(a, "simba", "GlobalBuffer.bandwidth=3x"); /* both of them */
    assert_true(ports.level[4].read_bw == 3 * simba.level[4].read_bw);
    assert_true(ports.level[4].write_bw == 3 * simba.level[4].write_bw);
    assert_true(built(a, "simba", "GlobalBuffer.bandwidth=99").level[4].write_bw == 99);
    td_hw large = built(a, "simba", "globalbuffer.capacity=2x");
    assert_true(large.level[4].capacity_bits == 2 * simba.level[4].capacity_bits);
    assert_true(large.level[4].read_pj > simba.level[4].read_pj); /* by its class */
    assert_true(built(a, "simba", "clock=0.5x").clock_hz * 2 == simba.clock_hz);
    assert_true(built(a, "simba", "levels[4].read_bw=2x").level[4].read_bw == 512);

    /* With a unit a value is the same, too: 32 GB/s, and 16 bytes in each cycle of 2 GHz. */
    assert_true(built(a, "simba", "DRAM.bandwidth=32GB/s").level[5].shared_bw == 128);
    assert_true(built(a, "edge", "DRAM.bandwidth=32GB/s").level[3].shared_bw == 40 * 8);
    assert_true(built(a, "edge", "DRAM.bandwidth=500MB/s").level[3].shared_bw == 5);
    assert_true(built(a, "simba", "GlobalBuffer.capacity=1MB").level[4].capacity_bits == 8 << 20);
    assert_true(built(a, "edge", "Local.capacity=512KB").level[1].capacity_bits == 4 << 20);
    /* Of all lanes of a PE together: 4 x 8 bytes at 0.8 GHz. */
    assert_true(built(a, "edge", "Local.bandwidth=25.6GB/s").level[1].shared_bw == 256);
    assert_true(built(a, "edge", "port_bytes=6.4GB/s").level[1].shared_bw == 256);
    assert_true(built(a, "simba", "Accumulator.capacity=96B").level[1].capacity_bits == 768);
    assert_true(built(a, "simba", "clock=500MHz").clock_hz == 5e8);
    assert_true(built(a, "edge", "clock=1GHz").clock_hz == 1e9);

    fails(a, "simba", "clock=1MB", "--set clock=1MB: expected a number");
    fails(a, "edge", "DRAM.bandwidth=32GHz", "with a unit (GB/s, MB/s)");
    td_error err = {0}; /* the unit is right, and something else not: that is told */
    td_node *bad = shipped(a, "edge");
    td_hw none;
    assert_ok(td_space_hw_set(a, bad, "--set", "lanes=99999", &err), &err);
    assert_ok(td_space_hw_set(a, bad, "--set", "Local.bandwidth=12.8GB/s", &err), &err);
    assert_int_equal(td_hw_from_node(bad, &none, &err), TD_E_INPUT);
    assert_non_null(strstr(err.message, "lanes"));
    fails(a, "edge", "local_kb=1kB", "with a unit (B, KB, MB)");
    fails(a, "simba", "Buffer.bandwidth=2x", "--set Buffer.bandwidth: no level of this name");
    fails(a, "simba", "DRAM.capacity=2x", "the file has no limit there");
    fails(a, "edge", "L2.capacity=2x", "expected DRAM.bandwidth, Local.bandwidth");
    fails(a, "edge", "dram.bandwith=2x", "expected DRAM.bandwidth, Local.bandwidth");
    fails(a, "simba", "dram.bandwith=2", "expected DRAM.bandwidth or DRAM.capacity");
    fails(a, "edge", "tech=2x", "the file has no number there to multiply");
    fails(a, "edge", "2x", "expected KEY=VALUE");
    td_arena_destroy(a);
}

/* A point of a space is the file with its values in place. */
static void points_of_levels(void **state) {
    (void)state;
    td_arena *a = td_arena_create(), *scratch = td_arena_create();
    td_space *s = hw_space(a, "{space: simba, DRAM.bandwidth: [4x, 1x],\n"
                              " 'levels[4].capacity_kb': [64, 96, 256], clock: 0.5x}");
    td_text size = {0};
    td_error err = {0};
    assert_ok(td_space_size(s, &size, &err), &err);
    assert_string_equal(size.data, "6");
    assert_string_equal(s->d[0].name, "DRAM.bandwidth");
    assert_true(s->d[0].value[0] == 128 && s->d[0].value[1] == 512 && s->d[0].costs_only);
    double v[2] = {1, 2};
    const td_choices c = {2, v};
    td_design d;
    assert_ok(s->build(s->self, &c, scratch, &d, &err), &err);
    td_node *doc = shipped(a, "simba");
    assert_ok(td_node_override(a, doc, "test", "levels[5].shared_bw=512", &err), &err);
    assert_ok(td_node_override(a, doc, "test", "levels[4].capacity_kb=256", &err), &err);
    assert_ok(td_node_override(a, doc, "test", "clock_hz=1.0e+9", &err), &err);
    td_hw hw, back;
    assert_ok(td_hw_from_node(doc, &hw, &err), &err);
    assert_true(d.hw_hash == td_hw_hash(&hw) && d.has_hw);
    assert_ok(td_hw_from_node(d.hw_node, &back, &err), &err); /* what is exported is the same */
    assert_true(td_hw_hash(&back) == d.hw_hash);
    td_text_free(&size);
    td_arena_destroy(scratch);
    td_arena_destroy(a);
}

/* Several numbers that differ have multiples as choices; a template's keys its parameters. */
static void multiples(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    const char *path = "hw_values_test.yaml";
    td_node *doc = shipped(a, "simba");
    td_error err = {0};
    td_text text = {0};
    assert_ok(td_node_override(a, doc, "test", "levels[4].read_bw=512", &err), &err);
    td_node_to_yaml(doc, &text);
    assert_ok(td_file_write(path, text.data, text.size, &err), &err);
    td_space *s = hw_space(a, "{space: hw_values_test.yaml, GlobalBuffer.bandwidth: [2x, 1x]}");
    assert_string_equal(s->d[0].label[0], "1x");
    assert_string_equal(s->d[0].label[1], "2x");
    double v[1] = {1};
    const td_choices c = {1, v};
    td_design d;
    assert_ok(s->build(s->self, &c, a, &d, &err), &err);
    assert_true(d.hw.level[4].read_bw == 1024 && d.hw.level[4].write_bw == 512);
    td_node *choices = td_choices_to_node(s, &c, a);
    assert_string_equal(td_node_find(choices, "GlobalBuffer.bandwidth")->text, "2x");
    refused(false, "{space: hw_values_test.yaml,\n GlobalBuffer.bandwidth: [64, 128]}", 2,
            "expected multiples");
    remove(path);
    td_text_free(&text);

    s = hw_space(a, "{space: micro, pe_x: 1, pe_y: 1, simd: 4, lanes: 1, rf_kb: 1,\n"
                    " Local.capacity: [1x, 2x], DRAM.bandwidth: 0.5x}");
    assert_int_equal(s->n, 1);
    assert_string_equal(s->d[0].name, "local_kb");
    assert_true(s->d[0].value[0] == 64 && s->d[0].value[1] == 128);
    s = hw_space(a, "{space: simba, DRAM.bandwidth: [16GB/s, 1x, 64GB/s]}");
    assert_true(s->d[0].value[0] == 64 && s->d[0].value[1] == 128 && s->d[0].value[2] == 256);
    td_arena_destroy(a);
}

static void mistakes(void **state) {
    (void)state;
    refused(false, "{space: simba,\n DRAM.latency: [1, 2]}", 2,
            "expected DRAM.bandwidth or DRAM.capacity");
    refused(false, "{space: simba,\n Buffer.capacity: [1x, 2x]}", 2, "no level of this name");
    refused(false, "{space: simba,\n DRAM.bandwidth: [1x, fast]}", 2, "expected a number");
    refused(false, "{space: edge,\n Local.bandwidth: [12.8GB/s, 25.6GB/s]}", 2,
            "would depend on the lanes");
    refused(false, "{space: simba,\n DRAM.bandwidth: [1x, 128]}", 2, "there twice");
    refused(false, "{space: micro,\n io_gbps: 1,\n DRAM.bandwidth: [1x, 2x]}", 3,
            "stands there twice");
    /* Values that do not go together: the point cannot be built, with the reason. */
    td_arena *a = td_arena_create();
    td_space *s = hw_space(a, "{space: simba, mac.instances: [1024, 1000]}");
    double v[1] = {0};
    const td_choices c = {1, v};
    td_design d;
    td_error err = {0};
    assert_int_equal(s->build(s->self, &c, a, &d, &err), TD_E_INFEASIBLE);
    assert_non_null(d.hw_node);
    assert_true(err.message[0] != '\0');
    td_arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys),
        cmocka_unit_test(points_of_levels),
        cmocka_unit_test(multiples),
        cmocka_unit_test(mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

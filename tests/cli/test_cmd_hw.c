/* tandem hw, run as a program: what it tells of every shipped accelerator is what the library says,
 * the drawing is the hierarchy, and wrong use is told. */
#include "program.h"
#include "tandem/hw.h"

static const td_node *show(fixture *f, const char *arguments) {
    expect(f, td_arena_printf(f->arena, "hw %s --format json", arguments), 0);
    return json(f);
}

static double real(const td_node *n, const char *key) {
    const td_node *v = td_node_find(n, key);
    if (v == NULL) fail_msg("no key %s", key);
    return v->real;
}

static const td_node *map(const td_node *n, const char *key) {
    const td_node *v = td_node_find(n, key);
    if (v == NULL) fail_msg("no key %s", key);
    return v;
}

static double area_parts(const td_node *doc) {
    const td_node *parts = map(doc, "area_parts");
    double sum = 0;
    for (int i = 0; i < parts->count; i++) sum += real(parts->item[i], "mm2");
    return sum;
}

/* Names of the levels in the drawing, from the outside in, and the MACs last. */
static void expect_drawing(const char *text, const td_hw *hw) {
    const char *at = text;
    for (int l = hw->n - 1; l >= -1; l--) {
        char name[64];
        snprintf(name, sizeof name, "%s ", l >= 0 ? hw->level[l].name : "MAC");
        at = strstr(at, "\n  | "); /* boxes begin their line */
        if (at == NULL) fail_msg("%s: no box for %s", hw->name, name);
        at += 5;
        const char *end = strchr(at, '\n'), *found = strstr(at, name);
        if (found == NULL || found > end) fail_msg("%s: %s is not in its place", hw->name, name);
    }
}

static void every_shipped_one(void **state) {
    fixture *f = *state;
    enum { MOST = 64 };
    const char *name[MOST];
    td_error err;
    int n = td_data_names(f->arena, "hw", name, MOST);
    assert_true(n >= 12);
    for (int i = 0; i < n; i += TEST_SANITIZED ? 4 : 1) {
        td_hw hw;
        td_power p;
        assert_ok(td_hw_load(name[i], &hw, &err), &err);
        td_hw_power(&hw, &p);
        const td_node *doc = show(f, name[i]), *levels = map(doc, "levels"),
                      *peak = map(doc, "peak"), *mapped = map(doc, "mapped");
        assert_int_equal(levels->count, hw.n);
        for (int l = 0; l < hw.n; l++) {
            const td_node *v = levels->item[l];
            assert_string_equal(map(v, "name")->text, hw.level[l].name);
            assert_near(real(v, "instances"), hw.level[l].instances, 0);
            assert_true((td_node_find(v, "capacity_bytes") == NULL) ==
                        (hw.level[l].capacity_bits < 0));
            assert_true((td_node_find(v, "read_bytes_per_cycle") == NULL) ==
                        isinf(hw.level[l].read_bw));
            assert_near(real(v, "peak_w"), p.level_w[l], 0);
            assert_near(real(map(v, "x"), "fan_out"), td_hw_fanout(&hw, l, TD_AXIS_X), 0);
        }
        assert_near(real(peak, "tops"), 2 * (double)td_hw_peak_macs(&hw) * hw.clock_hz * 1e-12,
                    1e-12);
        assert_near(real(map(peak, "power_w"), "total"), p.total_w, 0);
        assert_near(real(map(peak, "tops_per_w"), "chip"), p.tops / p.chip_w, 1e-12);
        /* What a layer does is within the peak. */
        assert_true(real(mapped, "utilization") > .3 && real(mapped, "utilization") <= 1);
        assert_true(real(map(mapped, "power_w"), "chip") < real(map(mapped, "power_w"), "total"));
        if (p.unlimited == 0) assert_true(real(map(mapped, "power_w"), "total") <= p.total_w);
        if (map(doc, "area_parts")->count > 0)
            assert_near(area_parts(doc), hw.area_mm2, 1e-9 * hw.area_mm2);
        expect(f, td_arena_printf(f->arena, "hw %s", name[i]), 0);
        expect_drawing(f->out, &hw);
        for (const char *at = f->out; (at = strchr(at, '\n')) != NULL; at++)
            assert_true(at == f->out || at[-1] != ' '); /* nothing trails */
    }
}

static const char DRAWING[] = "  +----------------------------------------------------------+\n"
                              "  | DRAM                   unbounded                     WIO |\n"
                              "  +----------------------------------------------------------+\n"
                              "      | I/O 20 GB/s, 25 B/cycle, both ways\n"
                              "  +----------------------------------------------------------+\n"
                              "  | Shared                 32 MB: all of Local           WIO |\n"
                              "  +----------------------------------------------------------+\n"
                              "      | 4 x 2       [ ][ ][ ][ ]              x: NKPQG\n"
                              "      |             [ ][ ][ ][ ]              y: NKPQG\n"
                              "  +----------------------------------------------------------+\n"
                              "  | 8 x Local              4 MB each                     WIO |\n"
                              "  +----------------------------------------------------------+\n"
                              "      | 4 x 1       [ ][ ][ ][ ]              x: NKPQG\n"
                              "  +----------------------------------------------------------+\n"
                              "  | 32 x RF                32 KB each                    W.O |\n"
                              "  +----------------------------------------------------------+\n"
                              "      | 64 x 4      [ ][ ][ ][ ][ ][ ]...[ ]  x: one of KQG\n"
                              "      |             [ ][ ][ ][ ][ ][ ]...[ ]  y: CRS\n"
                              "      |             [ ][ ][ ][ ][ ][ ]...[ ]\n"
                              "      |             [ ][ ][ ][ ][ ][ ]...[ ]\n"
                              "  +----------------------------------------------------------+\n"
                              "  | 8,192 x MAC            8 bits                            |\n"
                              "  +----------------------------------------------------------+\n";

static void edge(void **state) {
    fixture *f = *state;
    const td_node *doc = show(f, "edge"), *walk = map(doc, "walked"), *rules = map(walk, "rules");
    assert_near(real(map(doc, "peak"), "tops"), 26.2144, 1e-9);
    assert_near(real(doc, "area_mm2"), 68.1734, 1e-4);
    assert_near(area_parts(doc), real(doc, "area_mm2"), 1e-9);
    assert_string_equal(map(doc, "space")->text, "50000");
    assert_near(real(walk, "points"), 50000, 0);
    assert_near(real(walk, "built"), 27290, 0);
    double first = 0, only = 0, together = 0;
    for (int i = 0; i < rules->count; i++) {
        first += real(rules->item[i], "first");
        only += real(rules->item[i], "only");
        assert_true(real(rules->item[i], "only") <= real(rules->item[i], "first"));
        assert_true(real(rules->item[i], "first") <= real(rules->item[i], "broken"));
    }
    for (int i = 0; i < map(walk, "together")->count; i++) {
        const td_node *e = map(walk, "together")->item[i];
        assert_true(map(e, "rules")->count >= 2);
        together += real(e, "points");
    }
    assert_near(first, 50000 - 27290, 0);
    assert_near(only + together, first, 0);
    assert_string_equal(map(rules->item[0], "rule")->text, "register_file_depth");
    assert_near(real(rules->item[0], "broken"), 15000, 0);
    const td_node *coefficients = map(map(doc, "technology"), "coefficients");
    assert_int_equal(coefficients->count, 18);
    for (int i = 0; i < coefficients->count; i++)
        assert_true(map(coefficients->item[i], "source")->text[0] != '\0');

    expect(f, "hw edge,pe_y=2 --set local_kb=4096", 0);
    const char *behind = td_arena_strdup(f->arena, f->out);
    expect(f, "hw edge --set pe_y=2 --set local_kb=4096", 0);
    assert_string_equal(f->out, behind);
    const char *at = strstr(f->out, "\n\n");
    assert_non_null(at);
    if (strncmp(at + 2, DRAWING, sizeof DRAWING - 1) != 0) fail_msg("the drawing is\n%s", at + 2);
}

static void other_values(void **state) {
    fixture *f = *state;
    const td_node *doc = show(f, "edge --set tech=7nm --set io_gbps=10 --set space=null");
    assert_string_equal(map(doc, "node")->text, "7nm");
    assert_near(real(doc, "area_mm2"), 18.7833 - .6, 1e-4); /* 10 GB/s less at .06 mm2 each */
    assert_null(td_node_find(doc, "space"));
    assert_near(real(map(doc, "parameters"), "io_gbps"), 10, 0);
    expect(f, "hw systolic-ws", 0);
    assert_non_null(
        strstr(f->out, "timing of Accumulator: {\"hop_y\": 1, \"shift_y\": 1, \"fold\": \"W\"}"));
    assert_non_null(strstr(f->out, "timing of Buffer: {\"hop_x\": 1, \"fold\": \"W\"}"));
    assert_non_null(strstr(f->out, "matrix products (im2col)"));
    doc = show(f, "systolic-ws --set 'levels[2].capacity_kb=1024' --set mac.area_mm2=1.0e-3 "
                  "--set area_mm2=2.5");
    assert_near(real(map(doc, "levels")->item[2], "capacity_bytes"), 1 << 20, 0);
    assert_int_equal(map(doc, "area_parts")->count, 2); /* MACs, and what is left of the chip */
    assert_near(real(map(doc, "area_parts")->item[0], "mm2"), 1.024, 1e-12);
    assert_near(area_parts(doc), 2.5, 1e-12);
    expect(f, "hw array-16x16", 0);
    assert_non_null(strstr(f->out, "units of the table pat"));
    expect(f, "hw edge --set 'space.lanes=[1,2,4,3,5,6,7,8,9,10,11,12]'", 0);
    assert_non_null(strstr(f->out, "space: 150,000 accelerators")); /* too many to walk */
}

static void wrong_use(void **state) {
    fixture *f = *state;
    expect_fault(f, "hw edge --set lanes=8", td_status_exit_code(TD_E_INFEASIBLE),
                 "edge: cannot be built: rule lane_width: 8 lanes");
    expect_fault(f, "hw edge --set lane=3", td_status_exit_code(TD_E_INPUT),
                 "--set lane: unknown key \"lane\", did you mean \"lanes\"?");
    expect_fault(f, "hw edge --set lanes=0", td_status_exit_code(TD_E_INPUT), "--set lanes");
    expect_fault(f, "hw edge --set tech=3nm", td_status_exit_code(TD_E_NOT_FOUND),
                 "--set tech: tech: 3nm: no such name");
    expect_fault(f, "hw edge --set space.lanes=[0]", td_status_exit_code(TD_E_INPUT), "lanes");
    expect_fault(f, "hw edge --set x", td_status_exit_code(TD_E_USAGE), "KEY=VALUE");
    expect_fault(f, "hw edgy", td_status_exit_code(TD_E_NOT_FOUND), "did you mean \"edge\"?");
    expect_fault(f, "hw ./none.yaml", td_status_exit_code(TD_E_NOT_FOUND), "none.yaml");
    expect(f, "hw", td_status_exit_code(TD_E_USAGE));
    expect(f, "hw edge micro", td_status_exit_code(TD_E_USAGE));
    expect(f, "hw edge --format csv", td_status_exit_code(TD_E_USAGE));
    expect(f, "hw -h", 0);
    assert_non_null(strstr(f->out, "Examples:"));
}

int main(void) {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {CASE(every_shipped_one), CASE(edge), CASE(other_values),
                                       CASE(wrong_use)};
    return cmocka_run_group_tests(tests, have_program, NULL);
}

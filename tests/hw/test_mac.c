/* MACs and the width of their operands: gates, energy, the description both ways. */
#include "common.h"

#include <math.h>

#include "tandem/hw.h"

/* The figures that the fit was quoted with: 2, 4, 8 and 16 bits with 32-bit sums. Its worst error
 * is 12 %. */
static void gates(void **state) {
    (void)state;
    static const struct {
        double bits, gates;
    } quoted[] = {{2, 320}, {4, 434}, {8, 974}, {16, 3277}};
    for (int i = 0; i < 4; i++) {
        double b = quoted[i].bits, g = td_mac_gates(b, b, 32);
        assert_true(fabs(g / quoted[i].gates - 1) < 0.12);
    }
    assert_near(td_mac_gates(8, 4, 24), 10.3 * 32 - 1.2 * 12 + 8.7 * 24 + 23, 1e-9);
    for (int w = 1; w < 32; w++)
        for (int a = 1; a <= 32; a++) {
            assert_true(td_multiplier_gates(w, a) > 0);
            assert_true(td_multiplier_gates(w + 1, a) > td_multiplier_gates(w, a));
            assert_near(td_multiplier_gates(w, a), td_multiplier_gates(a, w), 1e-9);
        }
}

static td_problem layer(int w, int a) {
    return (td_problem){.bits = {(uint8_t)w, (uint8_t)a, 8}};
}

static void energy(void **state) {
    (void)state;
    td_mac fixed = {.bits = 8, .energy_pj = 0.17}, gated = {.bits = 8, .energy_pj = 0.05};
    gated.gated_pj = 0.12;
    const td_hw narrow = {.mac = fixed}, any = {.mac = {.bits = 0}};
    td_problem p;
    for (int b = 1; b <= 8; b++) {
        p = layer(b, 9 - b);
        assert_near(td_mac_pj(&fixed, &p), 0.17, 0);
        assert_int_equal(td_hw_takes(&narrow, &p, NULL), TD_OK);
    }
    p = layer(8, 8);
    assert_near(td_mac_pj(&gated, &p), 0.17, 1e-15);
    p = layer(4, 8); /* (329.6 - 14.4) of (659.2 - 19.2) gates */
    assert_near(td_mac_pj(&gated, &p), 0.05 + 0.12 * 315.2 / 640, 1e-12);
    p = layer(9, 8);
    assert_int_equal(td_hw_takes(&narrow, &p, NULL), TD_E_INFEASIBLE);
    assert_int_equal(td_hw_takes(&any, &p, NULL), TD_OK);
    p = layer(8, 16);
    assert_int_equal(td_hw_takes(&narrow, &p, NULL), TD_E_INFEASIBLE);
    assert_near(td_mac_pj(&gated, &p), 0.17, 1e-15);
}

#define CHIP(mac)                                                                                  \
    "clock_hz: 1.0e+9\nmac: {instances: 4, " mac                                                   \
    "}\nlevels:\n- {name: L, instances: 1, capacity_bits: null}\n"

static td_status load(const char *text, td_arena *a, td_hw *hw, td_error *err) {
    const td_node *doc;
    td_status s = td_yaml_parse(a, text, strlen(text), "m.yaml", &doc, err);
    return s == TD_OK ? td_hw_from_node(doc, hw, err) : s;
}

static void description(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_hw plain, split, own, back;
    assert_ok(load(CHIP("energy_pj: 2"), a, &plain, &err), &err);
    assert_ok(load(CHIP("energy_pj: 2, operand_gating: true"), a, &split, &err), &err);
    /* 640 of 640 + 8.7 x 32 + 23 gates are the multiplier's. */
    assert_near(split.mac.gated_pj, 2 * 640 / 941.4, 1e-12);
    assert_near(split.mac.energy_pj + split.mac.gated_pj, 2, 1e-15);
    assert_true(td_hw_hash(&plain) != td_hw_hash(&split));
    assert_ok(load(CHIP("energy_pj: 2, operand_gating: false"), a, &own, &err), &err);
    assert_true(td_hw_hash(&plain) == td_hw_hash(&own));
    assert_ok(load(CHIP("energy_pj: 0.5, gated_pj: 1.5"), a, &own, &err), &err);
    assert_near(own.mac.energy_pj, 0.5, 0);
    assert_near(own.mac.gated_pj, 1.5, 0);
    assert_ok(td_hw_from_node(td_hw_to_node(&split, a), &back, &err), &err);
    assert_true(td_hw_hash(&split) == td_hw_hash(&back));
    /* At most what it drew before. */
    td_power before, after;
    td_hw_power(&plain, &before);
    td_hw_power(&split, &after);
    assert_near(after.mac_w, before.mac_w, 1e-12 * before.mac_w);

    assert_int_equal(load(CHIP("gated_pj: 1, operand_gating: true"), a, &own, &err), TD_E_INPUT);
    assert_non_null(strstr(err.message, "found both"));
    assert_int_equal(load(CHIP("gated_pj: -1"), a, &own, &err), TD_E_INPUT);
    plain.mac.gated_pj = NAN;
    assert_int_equal(td_hw_check(&plain, &err), TD_E_INPUT);
    td_arena_destroy(a);
}

/* The 4-way unit shares one sum among four multipliers, so more of it falls with the operands. */
static void template_gating(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_edge p;
    td_tech tech;
    td_hw off, on;
    const char *path;
    const td_node *doc;
    assert_ok(td_hw_find(a, "micro", &path, &err), &err);
    assert_ok(td_node_load(a, path, &doc, &err), &err);
    assert_ok(td_edge_from_node(doc, &p, &err), &err);
    assert_ok(td_tech_load(p.tech, &tech, &err), &err);
    assert_ok(td_edge_build(&p, &tech, &off, NULL, &err), &err);
    assert_ok(td_edge_set(&p, "operand_gating", 1, &err), &err);
    assert_ok(td_edge_build(&p, &tech, &on, NULL, &err), &err);
    assert_near(off.mac.gated_pj, 0, 0);
    assert_near(off.mac.energy_pj, tech.mac_pj, 0);
    assert_near(on.mac.gated_pj, tech.mac_pj * 4 * 640 / 3224, 1e-12);
    assert_near(on.mac.energy_pj + on.mac.gated_pj, tech.mac_pj, 1e-15);
    assert_near(on.area_mm2, off.area_mm2, 0);
    td_arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(gates), cmocka_unit_test(energy),
                                       cmocka_unit_test(description),
                                       cmocka_unit_test(template_gating)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

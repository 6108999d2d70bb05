/* Networks of mixed precision, costed from end to end: what the checkers say, and what the width of
 * operands must and must not change. */
#include "common.h"

#include <math.h>

#include "tandem/map.h"

static td_hw machine(const char *name, bool gating) {
    td_error err = {0};
    td_arena *a = td_arena_create();
    const char *path;
    const td_node *doc;
    td_hw hw;
    assert_ok(td_hw_find(a, name, &path, &err), &err);
    assert_ok(td_node_load(a, path, &doc, &err), &err);
    if (gating)
        assert_ok(td_node_override(a, (td_node *)doc, "--set", "mac.operand_gating=true", &err),
                  &err);
    assert_ok(td_hw_from_node(doc, &hw, &err), &err);
    td_arena_destroy(a);
    return hw;
}

enum { MOST = 256 };

static td_net *network(const td_precision *of) {
    td_error err = {0};
    td_net *net;
    assert_ok(td_net_build("handmade", TD_DIM(0, 0, 0), 1, 0, &net, &err), &err);
    assert_true(td_net_size(net) <= MOST);
    assert_ok(td_net_set_precision(net, of, &err), &err);
    return net;
}

typedef struct {
    double latency, energy, mac_pj, macs, dram;
} figures;

/* Schedules, and has both checkers look at it; the exported cases give the costs again. */
static figures evaluate(const td_precision *of, const td_hw *hw) {
    td_error err = {0};
    td_net *net = network(of);
    td_schedule s;
    td_timeline t;
    td_scheduler *scheduler;
    figures f = {0};
    td_schedule_options o;
    td_schedule_options_default(&o);
    o.objective = TD_OBJ_ENERGY;
    assert_ok(td_schedule_best(net, hw, &o, &s, NULL, &err), &err);
    assert_ok(td_schedule_check(net, hw, &s, &err), &err);
    assert_ok(td_timeline_build(net, hw, &s, &t, &err), &err);
    assert_ok(td_timeline_check(net, hw, &s, &t, &err), &err);
    assert_ok(td_scheduler_create(net, &o, &scheduler, &err), &err);
    td_schedule_figures floor = td_scheduler_floor(scheduler, hw);
    assert_true(floor.energy_j <= s.energy_j && floor.latency_s <= s.latency_s * (1 + 1e-12));
    td_arena *a = td_arena_create();
    for (int i = 0; i < s.n; i++) {
        if (!s.interval[i].mapped) continue;
        td_case c, back;
        td_cost cost;
        td_interval_case(net, &s.interval[i], &c);
        assert_ok(td_case_from_node(td_case_to_node(&c, a), &back, &err), &err);
        assert_ok(
            td_cost_evaluate(&back.problem, &back.hw, &back.mapping, TD_COUNT_EXACT, &cost, &err),
            &err);
        assert_true(cost.total_pj == s.interval[i].cost.total_pj);
        f.mac_pj += cost.mac_pj;
        f.macs += (double)cost.macs;
    }
    f.latency = s.latency_s;
    f.energy = s.energy_j;
    f.dram = s.dram_bytes;
    td_arena_destroy(a);
    td_scheduler_destroy(scheduler);
    td_timeline_free(&t);
    td_schedule_free(&s);
    td_net_destroy(net);
    return f;
}

static void fill(td_precision *of, int w, int a) {
    for (int i = 0; i < MOST; i++) of[i] = (td_precision){(uint8_t)w, (uint8_t)a, 0};
}

static void uniform(void **state) {
    (void)state;
    td_precision of[MOST];
    td_hw fixed = machine("nvdla", false), gated = machine("nvdla", true);
    fill(of, 8, 8);
    figures f8 = evaluate(of, &fixed), g8 = evaluate(of, &gated);
    assert_near(g8.energy, f8.energy, 1e-9 * f8.energy);
    assert_near(g8.latency, f8.latency, 1e-12);
    fill(of, 4, 4);
    figures f4 = evaluate(of, &fixed), g4 = evaluate(of, &gated);
    /* Fixed MACs draw the same per MAC at 4 bits, gated ones the sum's part and 155.2 of 640 gates
     * of the multiplier's. Words are half as wide. */
    assert_near(f4.mac_pj / f4.macs, fixed.mac.energy_pj, 1e-12);
    double narrow = 1 - (640 / 941.4) * (1 - 155.2 / 640);
    assert_near(g4.mac_pj / g4.macs, narrow * fixed.mac.energy_pj, 1e-9);
    assert_true(f4.energy < f8.energy && g4.energy < f4.energy);
    assert_near(f4.dram, f8.dram / 2, 0.05 * f8.dram);
    assert_true(f4.latency <= f8.latency);
}

static void mixed(void **state) {
    (void)state;
    td_precision of[MOST];
    static const char *const machines[] = {"nvdla", "micro", "eyeriss-168"};
    for (uint64_t seed = 0; seed < (TEST_SANITIZED ? 3 : 6); seed++) {
        td_rng r = td_rng_make(seed, 0, 77);
        for (int i = 0; i < MOST; i++)
            of[i] = (td_precision){(uint8_t)(2 + td_rng_below(&r, 7)),
                                   (uint8_t)(2 + td_rng_below(&r, 7)), 0};
        td_hw hw = machine(machines[seed % 3], false);
        hw.mac.gated_pj = 0.6 * hw.mac.energy_pj;
        hw.mac.energy_pj *= 0.4;
        figures f = evaluate(of, &hw);
        td_precision all[MOST];
        fill(all, 8, 8);
        figures wide = evaluate(all, &hw);
        fill(all, 2, 2);
        figures narrow = evaluate(all, &hw);
        assert_true(narrow.energy < f.energy && f.energy < wide.energy);
        assert_true(narrow.mac_pj < f.mac_pj && f.mac_pj < wide.mac_pj);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(uniform), cmocka_unit_test(mixed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Layers of the vector unit in a schedule: what there is without such a unit, and what limits them
 * with one. */
#include "common.h"
#include "schedule_random.h"
#include "tandem/map.h"

static void micro(td_hw *hw) {
    td_edge e;
    td_tech tech;
    micro_defaults(&e, &tech);
    build_micro(&e, hw);
}

/* Without a vector unit, convolutions with what is fused into them run as ever; any other layer has
 * nothing to run on. */
static void no_vector_unit(void **state) {
    (void)state;
    static const char *const left[] = {"nothing", "pool", "sum", "lone"};
    td_hw hw, none;
    micro(&hw);
    none = hw;
    none.vec = (td_vector_unit){0};
    for (int k = 0; k < 4; k++) {
        td_net *net = td_net_create("plain", TD_DIM(8, 8, 8));
        int x = td_net_conv(net, 0, 16, 3, 1, 1, 1);
        x = td_net_act(net, td_net_bn(net, x), TD_OP_RELU);
        int y = td_net_conv(net, x, 16, 1, 1, 1, 1);
        if (k == 1) y = td_net_pool(net, y, TD_OP_MAX_POOL, 2, 2);
        if (k == 2) y = td_net_add(net, x, y);
        if (k == 3) { /* two readers: not fused */
            td_net_conv(net, y, 8, 1, 1, 1, 1);
            y = td_net_act(net, y, TD_OP_RELU);
        }
        if (k > 0) td_net_name_last(net, "%s", left[k]);
        td_net_conv(net, y, 8, 1, 1, 1, 1);
        td_error err = {0};
        td_schedule s, with;
        int64_t missing = -1;
        assert_ok(td_schedule_best(net, &hw, NULL, &with, NULL, &err), &err);
        assert_ok(td_schedule_check(net, &hw, &with, &err), &err);
        td_status st = td_schedule_best(net, &none, NULL, &s, &missing, &err);
        if (k == 0) {
            assert_ok(st, &err);
            assert_ok(td_schedule_check(net, &none, &s, &err), &err);
            assert_true(s.latency_s == with.latency_s && s.energy_j == with.energy_j);
        } else {
            assert_int_equal(st, TD_E_INFEASIBLE);
            assert_non_null(strstr(err.message, left[k]));
            assert_non_null(strstr(err.message, "vector unit"));
            assert_int_equal(missing, 0);
            assert_null(s.interval);
            assert_int_equal(td_schedule_check(net, &none, &with, &err), TD_E_INPUT);
        }
        td_schedule_free(&s);
        td_schedule_free(&with);
        td_net_destroy(net);
    }
}

/* An addition of two values that stand in the pool moves 2 V in and V out. What is slowest sets the
 * time and is named: the pool's ports, the unit's own, or its lanes. */
static void slowest_is_named(void **state) {
    (void)state;
    enum { V = 16 * 14 * 14 }; /* bytes */
    static const struct {
        double read_bw, write_bw, shared_bw, port; /* bytes per cycle */
        int lanes;
        double cycles;
        const char *limit;
    } c[] = {
        {64, 64, INFINITY, 128, 128, 2 * V / 64.0, "Shared"},
        {640, 16, INFINITY, 128, 128, V / 16.0, "Shared"},
        {640, 640, 100, 128, 128, 3 * V / 100.0, "Shared"},
        {640, 640, INFINITY, 128, 128, 3 * V / 128.0, "vector port"},
        {640, 640, INFINITY, INFINITY, 128, V / 128.0, "vector lanes"},
        {64, 64, INFINITY, 128, 8, V / 8.0, "vector lanes"},
    };
    td_net *net = td_net_create("sum", TD_DIM(4, 14, 14));
    int x = td_net_conv(net, 0, 16, 1, 1, 1, 1);
    td_net_conv(net, td_net_add(net, x, td_net_pool(net, x, TD_OP_MAX_POOL, 3, 1)), 16, 1, 1, 1, 1);
    for (size_t k = 0; k < sizeof c / sizeof c[0]; k++) {
        td_hw hw;
        micro(&hw);
        td_level *pool = &hw.level[2];
        pool->read_bw = 8 * c[k].read_bw;
        pool->write_bw = 8 * c[k].write_bw;
        pool->shared_bw = 8 * c[k].shared_bw;
        hw.vec.bw = 8 * c[k].port;
        hw.vec.lanes = c[k].lanes;
        td_error err = {0};
        td_schedule s;
        assert_ok(td_schedule_best(net, &hw, NULL, &s, NULL, &err), &err);
        assert_ok(td_schedule_check(net, &hw, &s, &err), &err);
        const td_interval *t = &s.interval[2];
        assert_true(t->input == TD_AT_CHIP && t->input2 == TD_AT_CHIP && t->output == TD_AT_CHIP);
        assert_near(t->compute_cycles, ceil(c[k].cycles), 0);
        assert_near(t->cycles, ceil(c[k].cycles), 0);
        assert_string_equal(t->limit, c[k].limit);
        s.interval[2].compute_cycles -= 1; /* the checker knows */
        assert_int_equal(td_schedule_check(net, &hw, &s, &err), TD_E_INPUT);
        td_schedule_free(&s);
    }
    td_net_destroy(net);
}

/* The sum of a residual is taken while the convolution before it drains: the pool's port gives its
 * other operand beside what it gives and takes of the convolution, the unit's port and lanes work
 * meanwhile, and the slowest is named. */
static void sums_in_the_drain(void **state) {
    (void)state;
    enum { V = 16 * 14 * 14 }; /* bytes */
    static const struct {
        double port; /* bytes per cycle */
        int lanes;
        double cycles; /* 0: those of the convolution */
        const char *limit;
    } c[] = {{1024, 1024, 0, NULL}, {1, 1024, V, "vector port"}, {1024, 1, V, "vector lanes"}};
    td_net *net = td_net_create("sum", TD_DIM(4, 14, 14));
    int x = td_net_conv(net, 0, 16, 1, 1, 1, 1);
    td_net_conv(net, td_net_add(net, x, td_net_conv(net, x, 16, 1, 1, 1, 1)), 16, 1, 1, 1, 1);
    for (size_t k = 0; k < sizeof c / sizeof c[0]; k++) {
        td_hw hw;
        micro(&hw);
        hw.vec.bw = 8 * c[k].port;
        hw.vec.lanes = c[k].lanes;
        td_error err = {0};
        td_schedule s;
        assert_ok(td_schedule_best(net, &hw, NULL, &s, NULL, &err), &err);
        assert_ok(td_schedule_check(net, &hw, &s, &err), &err);
        assert_int_equal(s.n, 3);
        const td_interval *t = &s.interval[1];
        assert_int_equal(t->layer, 2);
        assert_int_equal(t->joined, 3);
        assert_true(t->input2 == TD_AT_CHIP && t->output == TD_AT_CHIP);
        double pool = 0, own = (double)t->cost.compute_cycles; /* bytes */
        for (int l = 0; l < 3; l++) own = fmax(own, (double)t->cost.level_cycles[l]);
        for (int i = 0; i < TD_NTENSOR; i++)
            if (t->mapping.keep[2] & TD_BIT(i)) pool += t->cost.at[2][i].reads;
        own = fmax(own, ceil((pool + V) * 8 / hw.level[2].read_bw));
        assert_near(t->compute_cycles, c[k].cycles > 0 ? c[k].cycles : own, 0);
        if (c[k].limit != NULL) assert_string_equal(t->limit, c[k].limit);
        s.interval[1].compute_cycles -= 1; /* the checker knows */
        assert_int_equal(td_schedule_check(net, &hw, &s, &err), TD_E_INPUT);
        s.interval[1].compute_cycles += 1;
        s.interval[1].joined = -1;
        assert_int_equal(td_schedule_check(net, &hw, &s, &err), TD_E_INPUT);
        td_schedule_free(&s);
    }
    td_net_destroy(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_vector_unit),
        cmocka_unit_test(slowest_is_named),
        cmocka_unit_test(sums_in_the_drain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

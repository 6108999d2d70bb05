/* Layers of the vector unit in a schedule: what there is without such a unit. */
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
        if (k > 0) td_net_name_last(net, left[k]);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_vector_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

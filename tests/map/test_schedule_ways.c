/* Results that leave the chip: words of the layer's precision, whatever order the mapper's loops
 * have. */
#include "common.h"
#include "schedule_random.h"
#include "tandem/map.h"

/* Classifiers whose weights stream: their sums run over more channels than a register file holds
 * weights for. Nothing makes their results leave before the sums are complete. */
static void results_have_their_precision(void **state) {
    (void)state;
    static const int c[][3] = {{1280, 1000, 1}, {640, 250, 1}, {2048, 100, 1}, {960, 600, 3}};
    td_edge e;
    td_tech tech;
    td_hw hw;
    micro_defaults(&e, &tech);
    build_micro(&e, &hw);
    for (size_t k = 0; k < sizeof c / sizeof c[0]; k++) {
        td_net *net = td_net_create("classifier", TD_DIM(16, 4, 4));
        int x = td_net_conv(net, 0, c[k][0], 1, 1, 1, 1);
        td_net_fc(net, td_net_global_pool(net, x), c[k][1]);
        td_schedule_options o;
        td_schedule_options_default(&o);
        o.batch = c[k][2];
        td_error err = {0};
        td_schedule s;
        assert_ok(td_schedule_best(net, &hw, &o, &s, NULL, &err), &err);
        assert_ok(td_schedule_check(net, &hw, &s, &err), &err);
        const td_interval *fc = &s.interval[s.n - 1];
        assert_true(fc->output == TD_AT_DRAM && fc->problem.acc_bits == 32);
        /* As mapped: padding to fill a fan-out may add a few words. */
        assert_near(fc->dram_bytes[TD_O], (double)td_problem_words(&fc->problem, TD_O), 0);
        assert_true(fc->dram_bytes[TD_O] < 1.03 * c[k][1] * c[k][2]);
        td_schedule_free(&s);
        td_net_destroy(net);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(results_have_their_precision),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Rewards against values worked out by hand from the papers' formulas. */
#include "common.h"
#include "tandem/study.h"

static const double us = 1e-6;

static td_objective nahas(double p, double q) {
    return (td_objective){
        .kind = TD_REWARD_NAHAS, .p = p, .q = q, .beta = -0.1, .target = {100 * us, INFINITY, 2}};
}

/* p = 0, q = -1: the accuracy itself while targets are met; divided by each ratio that is not. */
static void hard_constraint(void **state) {
    (void)state;
    td_objective o = nahas(0, -1);
    assert_near(td_objective_reward(&o, 0.8, (double[]){50 * us, 7, 1}), 0.8, 1e-15);
    assert_near(td_objective_reward(&o, 0.8, (double[]){100 * us, 7, 2}), 0.8, 1e-15);
    assert_near(td_objective_reward(&o, 0.8, (double[]){200 * us, 7, 1}), 0.4, 1e-15);
    assert_near(td_objective_reward(&o, 0.8, (double[]){200 * us, 7, 8}), 0.1, 1e-15);
    /* energy has no target: it changes nothing, also where it is not known */
    assert_near(td_objective_reward(&o, 0.8, (double[]){200 * us, NAN, 1}), 0.4, 1e-15);
}

/* p = q = -0.07 (MnasNet): twice the latency costs a factor 2^-0.07 = 0.952638, half of it gains as
 * much. */
static void soft_constraint(void **state) {
    (void)state;
    td_objective o = nahas(-0.07, -0.07);
    assert_near(td_objective_reward(&o, 1, (double[]){100 * us, 0, 2}), 1, 1e-15);
    assert_near(td_objective_reward(&o, 1, (double[]){200 * us, 0, 2}), 0.9526379980, 1e-9);
    assert_near(td_objective_reward(&o, 1, (double[]){50 * us, 0, 2}), 1.0497166836, 1e-9);
    assert_near(td_objective_reward(&o, 0.75, (double[]){200 * us, 0, 1}), 0.75, 1e-12);
}

/* Q + b |T/T0 - 1| with b = -0.1, summed over the metrics that have a target. */
static void tunas_absolute(void **state) {
    (void)state;
    td_objective o = nahas(0, -1);
    o.kind = TD_REWARD_TUNAS;
    assert_near(td_objective_reward(&o, 0.8, (double[]){100 * us, 0, 2}), 0.8, 1e-15);
    assert_near(td_objective_reward(&o, 0.8, (double[]){150 * us, 0, 2}), 0.75, 1e-12);
    assert_near(td_objective_reward(&o, 0.8, (double[]){50 * us, 0, 2}), 0.75, 1e-12);
    assert_near(td_objective_reward(&o, 0.8, (double[]){50 * us, 0, 3}), 0.70, 1e-12);
    o.beta = -0.5;
    assert_near(td_objective_reward(&o, 0.8, (double[]){150 * us, 0, 2}), 0.55, 1e-12);
}

static void no_target_at_all(void **state) {
    (void)state;
    td_objective o = nahas(0, -1);
    for (int m = 0; m < TD_NMETRIC; m++) o.target[m] = INFINITY;
    double con[TD_NMETRIC];
    assert_near(td_objective_reward(&o, 0.8, (double[]){1, 1, 1}), 0.8, 0);
    assert_int_equal(td_objective_violations(&o, (double[]){1, 1, 1}, con), 0);
}

static void violations_in_order_of_metrics(void **state) {
    (void)state;
    td_objective o = nahas(0, -1);
    double con[TD_NMETRIC];
    assert_int_equal(td_objective_violations(&o, (double[]){150 * us, 9, 1}, con), 2);
    assert_near(con[0], 0.5, 1e-12);
    assert_near(con[1], -0.5, 1e-12);
    o.target[TD_METRIC_ENERGY] = 10;
    assert_int_equal(td_objective_violations(&o, (double[]){150 * us, 9, 1}, con), 3);
    assert_near(con[1], -0.1, 1e-12);
    /* what is not known is not met */
    td_objective_violations(&o, (double[]){150 * us, 9, NAN}, con);
    assert_true(isnan(con[2]));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hard_constraint),
        cmocka_unit_test(soft_constraint),
        cmocka_unit_test(tunas_absolute),
        cmocka_unit_test(no_target_at_all),
        cmocka_unit_test(violations_in_order_of_metrics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

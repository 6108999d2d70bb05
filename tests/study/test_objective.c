/* Rewards against values worked out by hand from the papers' formulas. */
#include "../../src/study/row.h"
#include "common.h"

static const double us = 1e-6;

static td_objective nahas(double p, double q) {
    return (td_objective){
        .kind = TD_REWARD_NAHAS, .p = p, .q = q, .beta = -0.1, .target = {100 * us, INFINITY, 2}};
}

/* p = 0, q = -1: the accuracy itself while targets are met; divided by each ratio that is not. */
static void hard_constraint(void **state) {
    (void)state;
    td_objective o = nahas(0, -1);
    assert_near(td_objective_reward(&o, 0.8, (double[TD_NMETRIC]){50 * us, 7, 1}), 0.8, 1e-15);
    assert_near(td_objective_reward(&o, 0.8, (double[TD_NMETRIC]){100 * us, 7, 2}), 0.8, 1e-15);
    assert_near(td_objective_reward(&o, 0.8, (double[TD_NMETRIC]){200 * us, 7, 1}), 0.4, 1e-15);
    assert_near(td_objective_reward(&o, 0.8, (double[TD_NMETRIC]){200 * us, 7, 8}), 0.1, 1e-15);
    /* energy has no target: it changes nothing, also where it is not known */
    assert_near(td_objective_reward(&o, 0.8, (double[TD_NMETRIC]){200 * us, NAN, 1}), 0.4, 1e-15);
}

/* p = q = -0.07 (MnasNet): twice the latency costs a factor 2^-0.07 = 0.952638, half of it gains as
 * much. */
static void soft_constraint(void **state) {
    (void)state;
    td_objective o = nahas(-0.07, -0.07);
    assert_near(td_objective_reward(&o, 1, (double[TD_NMETRIC]){100 * us, 0, 2}), 1, 1e-15);
    assert_near(td_objective_reward(&o, 1, (double[TD_NMETRIC]){200 * us, 0, 2}), 0.9526379980,
                1e-9);
    assert_near(td_objective_reward(&o, 1, (double[TD_NMETRIC]){50 * us, 0, 2}), 1.0497166836,
                1e-9);
    assert_near(td_objective_reward(&o, 0.75, (double[TD_NMETRIC]){200 * us, 0, 1}), 0.75, 1e-12);
}

/* Q + b |T/T0 - 1| with b = -0.1, summed over the metrics that have a target. */
static void tunas_absolute(void **state) {
    (void)state;
    td_objective o = nahas(0, -1);
    o.kind = TD_REWARD_TUNAS;
    assert_near(td_objective_reward(&o, 0.8, (double[TD_NMETRIC]){100 * us, 0, 2}), 0.8, 1e-15);
    assert_near(td_objective_reward(&o, 0.8, (double[TD_NMETRIC]){150 * us, 0, 2}), 0.75, 1e-12);
    assert_near(td_objective_reward(&o, 0.8, (double[TD_NMETRIC]){50 * us, 0, 2}), 0.75, 1e-12);
    assert_near(td_objective_reward(&o, 0.8, (double[TD_NMETRIC]){50 * us, 0, 3}), 0.70, 1e-12);
    o.beta = -0.5;
    assert_near(td_objective_reward(&o, 0.8, (double[TD_NMETRIC]){150 * us, 0, 2}), 0.55, 1e-12);
}

/* Flat below its target, a reward is told apart by the distance to it; one that is not decides
 * alone, however near two rewards are: 2e-5 more for 50 % of latency and half of the area. */
static void what_is_minimised(void **state) {
    (void)state;
    td_objective hard = nahas(0, -1), soft = nahas(-0.07, -0.07), tunas = hard;
    tunas.kind = TD_REWARD_TUNAS;
    const double a[TD_NMETRIC] = {50 * us, 0, 1}, b[TD_NMETRIC] = {75 * us, 0, 2},
                 c[TD_NMETRIC] = {200 * us, 0, 1};
    assert_near(td__objective_cost(&hard, 0.8, a), -0.8 - 1e-4, 1e-15);
    assert_near(td__objective_cost(&hard, 0.8, b), -0.8 - 0.25e-4, 1e-15);
    assert_near(td__objective_cost(&hard, 0.8, c), -0.4 - 0.5e-4, 1e-15);
    double even = td_objective_reward(&soft, 0.8, a) / td_objective_reward(&soft, 1, b);
    assert_true(td__objective_cost(&soft, even + 2e-5, b) < td__objective_cost(&soft, 0.8, a));
    assert_true(td__objective_cost(&soft, 0.8, c) == -td_objective_reward(&soft, 0.8, c));
    assert_true(td__objective_cost(&tunas, 0.8, c) == -td_objective_reward(&tunas, 0.8, c));
}

static void no_target_at_all(void **state) {
    (void)state;
    td_objective o = nahas(0, -1);
    for (int m = 0; m < TD_NMETRIC; m++) o.target[m] = INFINITY;
    double con[TD_NMETRIC];
    assert_near(td_objective_reward(&o, 0.8, (double[TD_NMETRIC]){1, 1, 1}), 0.8, 0);
    assert_int_equal(td_objective_violations(&o, (double[TD_NMETRIC]){1, 1, 1}, con), 0);
}

static void violations_in_order_of_metrics(void **state) {
    (void)state;
    td_objective o = nahas(0, -1);
    double con[TD_NMETRIC];
    assert_int_equal(td_objective_violations(&o, (double[TD_NMETRIC]){150 * us, 9, 1}, con), 2);
    assert_near(con[0], 0.5, 1e-12);
    assert_near(con[1], -0.5, 1e-12);
    o.target[TD_METRIC_ENERGY] = 10;
    assert_int_equal(td_objective_violations(&o, (double[TD_NMETRIC]){150 * us, 9, 1}, con), 3);
    assert_near(con[1], -0.1, 1e-12);
    /* what is not known is not met */
    td_objective_violations(&o, (double[TD_NMETRIC]){150 * us, 9, NAN}, con);
    assert_true(isnan(con[2]));
}

/* w0 of the latency and w1 of the area (NAHAS): a hard latency, and an area that is traded. */
static void exponents_by_metric(void **state) {
    (void)state;
    td_objective o = nahas(0, -1);
    o.own[TD_METRIC_AREA] = (td_exponents){true, -0.07, -0.07};
    assert_near(td_objective_reward(&o, 0.8, (double[TD_NMETRIC]){50 * us, 0, 2}), 0.8, 1e-15);
    assert_near(td_objective_reward(&o, 0.8, (double[TD_NMETRIC]){200 * us, 0, 2}), 0.4, 1e-15);
    /* twice the area: times 2^-0.07 = 0.952638; half of it: times 1.0497166836 */
    assert_near(td_objective_reward(&o, 0.8, (double[TD_NMETRIC]){200 * us, 0, 4}),
                0.4 * 0.9526379980, 1e-9);
    assert_near(td_objective_reward(&o, 0.8, (double[TD_NMETRIC]){50 * us, 0, 1}),
                0.8 * 1.0497166836, 1e-9);
}

/* A target for the power alone: 30 mW of at most 20 divide the reward by 1.5. */
static void power_is_a_metric(void **state) {
    (void)state;
    td_objective o = nahas(0, -1);
    double con[TD_NMETRIC], metric[TD_NMETRIC] = {50 * us, 1.5e-6, 1, 0.030};
    o.target[TD_METRIC_LATENCY] = o.target[TD_METRIC_AREA] = INFINITY;
    assert_near(td_objective_reward(&o, 0.9, metric), 0.9, 1e-15); /* 0: off */
    assert_int_equal(td_objective_violations(&o, metric, con), 0);
    o.target[TD_METRIC_POWER] = 0.020;
    assert_near(td_objective_reward(&o, 0.9, metric), 0.6, 1e-12);
    assert_int_equal(td_objective_violations(&o, metric, con), 1);
    assert_near(con[0], 0.5, 1e-12);
    td_text t = {0};
    td_objective_describe(&o, &t);
    assert_string_equal(t.data, "targets: power <= 20 mW");
    td__objective_misses(&o, metric, &t);
    assert_string_equal(t.data, "targets: power <= 20 mWpower 50 % over target");
    td_text_free(&t);
}

/* Numbers that a person reads: no exponents, whatever is missed by how much. */
static void misses_in_words(void **state) {
    (void)state;
    static const struct {
        double metric[TD_NMETRIC];
        const char *text;
    } t[] = {{{1, 1, 1}, NULL},
             {{1.124, 0, 0}, "latency 12.4 % over target"},
             {{1.00001, 1, 2.5}, "latency less than 0.01 % over target, area 150 % over target"},
             {{0, 9.994, 0}, "energy 899 % over target"},
             {{11.2, 0, 0}, "latency 11x the target"},
             {{123456789, NAN, 1}, "latency 123456789x the target, energy not known"}};
    const td_objective o = {.target = {1, 1, 1}};
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        td_text out = {0};
        td__objective_misses(&o, t[i].metric, &out);
        if (t[i].text == NULL)
            assert_null(out.data);
        else
            assert_string_equal(out.data, t[i].text);
        td_text_free(&out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hard_constraint),     cmocka_unit_test(soft_constraint),
        cmocka_unit_test(what_is_minimised),   cmocka_unit_test(tunas_absolute),
        cmocka_unit_test(no_target_at_all),    cmocka_unit_test(violations_in_order_of_metrics),
        cmocka_unit_test(exponents_by_metric), cmocka_unit_test(power_is_a_metric),
        cmocka_unit_test(misses_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

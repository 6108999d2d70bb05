/* Latency tables: the sum of the layers mapped alone, and the fit of the bias. */
#include "common.h"
#include "tandem/predict.h"

static td_net *small_net(int channels, int blocks) {
    td_net *net = td_net_create("small", TD_DIM(1, 8, 8));
    int x = td_net_conv_bn_act(net, 0, channels, 3, 2, 1, TD_OP_RELU);
    for (int i = 0; i < blocks; i++)
        x = td_net_conv_bn_act(net, x, channels, 3, 1, channels, TD_OP_RELU);
    td_net_fc(net, td_net_global_pool(net, x), 10);
    return net;
}

static td_hw micro(void) {
    td_hw hw;
    td_error err;
    assert_ok(td_hw_load("micro", &hw, &err), &err);
    return hw;
}

/* Every convolution and product, each by a call of the mapper of its own. */
static double sum_of_layers(const td_net *net, const td_hw *hw) {
    double cycles = 0;
    td_map_query q;
    td_map_query_default(&q, hw);
    q.objective = TD_OBJ_LATENCY;
    for (int i = 0; i < td_net_size(net); i++) {
        td_problem p;
        td_map_result r;
        td_error err;
        if (!td_layer_problem(net, i, 1, &p)) continue;
        assert_ok(td_map_best(&p, hw, &q, &r, NULL, &err), &err);
        assert_true(r.cost.cycles > 0);
        cycles += (double)r.cost.cycles;
    }
    return cycles / hw->clock_hz;
}

static void latency_is_the_sum_of_its_layers(void **state) {
    (void)state;
    td_hw hw = micro();
    td_error err;
    td_map_cache *cache = td_map_cache_create(0);
    td_lut *own = td_lut_create(&hw, NULL), *shared = td_lut_create(&hw, cache);
    for (int blocks = 0; blocks < 3; blocks++) {
        td_net *net = small_net(8, blocks);
        double a, b, expected = sum_of_layers(net, &hw);
        assert_ok(td_lut_latency(own, net, &a, &err), &err);
        assert_ok(td_lut_latency(shared, net, &b, &err), &err);
        assert_near(a, expected, 1e-12 * expected);
        assert_true(a == b);
        td_net_destroy(net);
    }
    /* Three layers of one problem are one entry. */
    uint64_t hits, misses;
    td_map_cache_stats(cache, &hits, &misses);
    assert_int_equal(misses, 3);
    assert_int_equal(hits, 2 + 3 + 4 - 3);
    td_lut_destroy(own);
    td_lut_destroy(shared);
    td_lut_destroy(NULL);
    td_map_cache_destroy(cache);
}

/* measured = predicted + 3 us +- 1 us: bias 3 us, and the error is what the noise leaves. */
static void bias_is_the_mean_difference(void **state) {
    (void)state;
    enum { N = 4 };
    td_hw hw = micro();
    td_error err;
    td_lut *l = td_lut_create(&hw, NULL);
    td_net *net[N];
    double plain[N], measured[N], expected = 0, error, v;
    for (int i = 0; i < N; i++) {
        net[i] = small_net(8 * (1 + i / 2), i);
        assert_ok(td_lut_latency(l, net[i], &plain[i], &err), &err);
        measured[i] = plain[i] + 3e-6 + (i % 2 ? 1e-6 : -1e-6);
        expected += 1e-6 / measured[i] / N;
    }
    assert_ok(td_lut_fit(l, (const td_net *const *)net, measured, N, &error, &err), &err);
    assert_near(error, expected, 1e-9);
    for (int i = 0; i < N; i++) {
        assert_ok(td_lut_latency(l, net[i], &v, &err), &err);
        assert_near(v, plain[i] + 3e-6, 1e-15);
    }
    /* A second fit starts from the table, not from the first one's bias. */
    for (int i = 0; i < N; i++) measured[i] = plain[i];
    assert_ok(td_lut_fit(l, (const td_net *const *)net, measured, N, &error, &err), &err);
    assert_near(error, 0, 1e-9);
    assert_ok(td_lut_latency(l, net[0], &v, &err), &err);
    assert_near(v, plain[0], 1e-15);
    for (int i = 0; i < N; i++) td_net_destroy(net[i]);
    td_lut_destroy(l);
}

static void wrong_measurements(void **state) {
    (void)state;
    td_hw hw = micro();
    td_error err;
    td_lut *l = td_lut_create(&hw, NULL);
    td_net *net = small_net(8, 1);
    double error = 0, before, after;
    assert_ok(td_lut_latency(l, net, &before, &err), &err);
    static const double wrong[] = {0, -1, NAN, INFINITY};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(td_lut_fit(l, (const td_net *const *)&net, &wrong[i], 1, &error, &err),
                         TD_E_USAGE);
        assert_true(isnan(error));
    }
    assert_int_equal(td_lut_fit(l, NULL, NULL, 0, &error, &err), TD_E_USAGE);
    assert_ok(td_lut_latency(l, net, &after, &err), &err);
    assert_true(before == after);
    td_net_destroy(net);
    td_lut_destroy(l);
}

/* A machine without room for one column of the layer: the layer is named, and the bias stays. */
static void a_layer_that_cannot_be_mapped(void **state) {
    (void)state;
    td_hw hw = micro();
    td_error err;
    for (int l = 0; l < hw.n - 1; l++)
        if (hw.level[l].capacity_bits > 0) hw.level[l].capacity_bits = 8;
    td_lut *l = td_lut_create(&hw, NULL);
    td_net *net = small_net(8, 1);
    double v, measured = 1, error;
    assert_int_equal(td_lut_latency(l, net, &v, &err), TD_E_INFEASIBLE);
    assert_int_equal(strncmp(err.message, "conv", 4), 0);
    assert_int_equal(td_lut_fit(l, (const td_net *const *)&net, &measured, 1, &error, &err),
                     TD_E_INFEASIBLE);
    td_net_destroy(net);
    td_lut_destroy(l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(latency_is_the_sum_of_its_layers),
        cmocka_unit_test(bias_is_the_mean_difference),
        cmocka_unit_test(wrong_measurements),
        cmocka_unit_test(a_layer_that_cannot_be_mapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What groups cost: grouped convolutions in the mapper, grouped blocks in a schedule on `edge`. */
#include <math.h>

#include "common.h"
#include "tandem/map.h"

static td_problem conv(int groups, int k, int c, int side, int kernel) {
    td_net *net = td_net_create("one", TD_DIM(c, side, side));
    td_problem p;
    td_net_conv(net, 0, k, kernel, 1, groups, 1);
    assert_true(td_layer_problem(net, 1, 1, &p));
    td_net_destroy(net);
    return p;
}

static td_map_result best(const td_problem *p, const td_hw *hw, td_map_objective objective) {
    td_error err = {0};
    td_map_query q;
    td_map_query_default(&q, hw);
    q.objective = objective;
    q.max_nodes = 20000;
    td_map_result r;
    assert_ok(td_map_best(p, hw, &q, &r, NULL, &err), &err);
    return r;
}

/* All three tensors have a loop over the groups. So G groups one after the other are G times the
 * layer of one group, in energy and in cycles, and the mapper must find that or better. What it
 * finds cannot be less than its MACs, nor than each word from DRAM and back once. */
static void groups_are_layers(void **state) {
    (void)state;
    static const struct {
        int groups, k, c, side, kernel;
    } layers[] = {{2, 96, 16, 14, 3},  {4, 96, 16, 14, 3}, {4, 192, 32, 7, 5},
                  {2, 144, 24, 14, 1}, {4, 64, 64, 7, 1},  {2, 16, 32, 28, 7}};
    td_error err = {0};
    td_hw hw;
    static const char *const names[] = {"edge", "micro"};
    for (int h = 0; h < 2; h++) {
        assert_ok(td_hw_load(names[h], &hw, &err), &err);
        const td_level *dram = &hw.level[hw.n - 1];
        for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
            int g = layers[i].groups;
            td_problem all = conv(g, layers[i].k, layers[i].c, layers[i].side, layers[i].kernel);
            td_problem one =
                conv(1, layers[i].k / g, layers[i].c / g, layers[i].side, layers[i].kernel);
            assert_int_equal(all.dim[TD_G], g);
            assert_int_equal(td_problem_macs(&all), g * td_problem_macs(&one));
            td_map_result e = best(&all, &hw, TD_OBJ_ENERGY), t = best(&all, &hw, TD_OBJ_LATENCY);
            double energy = g * best(&one, &hw, TD_OBJ_ENERGY).cost.total_pj;
            double cycles = (double)(g * best(&one, &hw, TD_OBJ_LATENCY).cost.cycles);
            double words = 0, macs = (double)td_problem_macs(&all);
            for (int k = 0; k < TD_NTENSOR; k++)
                words += (double)td_problem_words(&all, (td_tensor)k);
            if (!(e.cost.total_pj <= energy * (1 + 1e-9)) || (double)t.cost.cycles > cycles)
                fail_msg("%s, layer %zu: %g pJ of %g, %lld cycles of %g", names[h], i,
                         e.cost.total_pj, energy, (long long)t.cost.cycles, cycles);
            assert_true((double)t.cost.cycles >= macs / (double)hw.mac.instances);
            assert_true((double)t.cost.cycles >= words * 8 / dram->shared_bw);
            assert_true(e.cost.total_pj > macs * hw.mac.energy_pj);
        }
    }
}

static td_net *blocks(int groups, bool fused) {
    td_error err = {0};
    td_net *net = td_net_create("blocks", TD_DIM(3, 56, 56));
    int x = td_net_conv_bn_act(net, 0, 64, 3, 2, 1, TD_OP_RELU);
    const td_block b = {.kernel = 3,
                        .expansion = 6,
                        .out_c = 64,
                        .stride = 1,
                        .groups = groups,
                        .fused = fused,
                        .residual = true,
                        .act = TD_OP_RELU};
    for (int i = 0; i < 3; i++) x = td_net_block(net, x, &b);
    td_net_fc(net, td_net_global_pool(net, x), 10);
    assert_ok(td_net_check(net, &err), &err);
    return net;
}

/* A whole schedule, checked, and its intervals against the network: MACs, and the weights of the
 * first inference, which come from DRAM once. Fused blocks of 64 channels fill the SIMD units, so
 * that fewer MACs are less time; groups of an inverted bottleneck's 1x1 are waited for at the
 * memory's port, and gain nothing but weights. */
static void schedules(void **state) {
    (void)state;
    td_error err = {0};
    td_hw hw;
    assert_ok(td_hw_load("edge", &hw, &err), &err);
    double latency[2][3];
    for (int fused = 0; fused < 2; fused++)
        for (int k = 0; k < 3; k++) {
            td_net *net = blocks(1 << k, fused == 1);
            td_net_totals totals;
            td_net_count(net, &totals);
            td_schedule_options o;
            td_schedule_options_default(&o);
            o.cold = true;
            td_schedule s;
            assert_ok(td_schedule_best(net, &hw, &o, &s, NULL, &err), &err);
            assert_ok(td_schedule_check(net, &hw, &s, &err), &err);
            int64_t macs = 0, words = 0;
            double loaded = 0, compute = 0;
            for (int i = 0; i < s.n; i++) {
                const td_interval *t = &s.interval[i];
                loaded += t->prefetch_bytes;
                if (!t->mapped) continue;
                td_problem p;
                assert_true(td_layer_problem(net, t->layer, 1, &p));
                assert_int_equal(t->macs, td_problem_macs(&p));
                words += td_problem_words(&p, TD_W);
                macs += t->macs;
                loaded += t->dram_bytes[TD_W];
                compute += t->compute_cycles;
            }
            assert_int_equal(macs, totals.macs);
            assert_near(loaded, words, 0.5);
            latency[fused][k] = compute;
            td_schedule_free(&s);
            td_net_destroy(net);
        }
    for (int k = 0; k < 2; k++) {
        printf("    %d to %d groups: fused %.0f to %.0f cycles, inverted %.0f to %.0f\n", 1 << k,
               2 << k, latency[1][k], latency[1][k + 1], latency[0][k], latency[0][k + 1]);
        assert_true(latency[1][k + 1] < latency[1][k]);
        assert_true(latency[0][k + 1] <= latency[0][k] * 1.001);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_are_layers),
        cmocka_unit_test(schedules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* How much the default budget of nodes leaves on the table, and how far the bounds are: every
 * distinct layer of MobileNetV2 on two accelerators. The limits are what docs/validation.md says,
 * with little room: an answer that gets worse should be seen. And small budgets, on layers that are
 * hard for them. */
#include "common.h"
#include "schedule_random.h"
#include "tandem/map.h"

enum { DEFAULT = 5000, MORE = 50, MOST_LAYERS = 64 };
enum { EACH = TEST_SANITIZED ? 3 : 1 }; /* of three layers one */

typedef struct {
    double worst, sum;
    int n, same; /* same: the larger budget finds nothing better */
} ratios;

static void note(ratios *r, double v) {
    if (v > r->worst) r->worst = v;
    r->sum += v;
    r->same += v <= 1 + 1e-9;
    r->n++;
}

static int distinct_layers(const char *name, td_problem p[MOST_LAYERS]) {
    td_error err = {0};
    td_net *net;
    int n = 0;
    assert_ok(td_net_build(name, TD_DIM(0, 0, 0), 1, 0, &net, &err), &err);
    for (int i = 0; i < td_net_size(net) && n < MOST_LAYERS; i++) {
        memset(&p[n], 0, sizeof p[n]);
        if (!td_layer_problem(net, i, 1, &p[n])) continue;
        int k = 0;
        while (memcmp(&p[k], &p[n], sizeof p[n]) != 0) k++;
        if (k == n) n++;
    }
    td_net_destroy(net);
    return n;
}

/* cost: default over larger budget; gap: of the larger one, cost over bound. */
static void measure(const char *name, td_map_objective o, ratios *cost, ratios *gap) {
    td_problem p[MOST_LAYERS];
    td_error err = {0};
    td_hw hw;
    int n = distinct_layers("mobilenetv2", p);
    assert_ok(td_hw_load(name, &hw, &err), &err);
    assert_true(n >= 30);
    for (int i = 0; i < n; i += EACH) {
        td_map_query q;
        td_map_result fast, slow;
        td_map_query_default(&q, &hw);
        q.objective = o;
        assert_ok(td_map_best(&p[i], &hw, &q, &fast, NULL, &err), &err);
        q.max_nodes = MORE * DEFAULT;
        assert_ok(td_map_best(&p[i], &hw, &q, &slow, NULL, &err), &err);
        assert_true(slow.objective <= fast.objective * (1 + 1e-12)); /* it goes on from there */
        assert_true(slow.bound <= slow.objective && fast.bound <= slow.objective * (1 + 1e-9));
        note(cost, fast.objective / slow.objective);
        note(gap, slow.objective / slow.bound);
    }
    printf("%s, %s: %d layers, default / %dx: worst %.4f, mean %.4f, %d the same; "
           "%dx / bound: worst %.4f, mean %.4f, %d met\n",
           name, td_map_objective_name(o), cost->n, MORE, cost->worst, cost->sum / cost->n,
           cost->same, MORE, gap->worst, gap->sum / gap->n, gap->same);
}

static void within(const ratios *r, double worst, double mean) {
    assert_true(r->worst <= worst);
    if (EACH == 1) assert_true(r->sum / r->n <= mean);
}

static void mobilenetv2_on_edge(void **state) {
    (void)state;
    ratios cost[2] = {{0}}, gap[2] = {{0}};
    measure("edge", TD_OBJ_LATENCY, &cost[0], &gap[0]);
    measure("edge", TD_OBJ_ENERGY, &cost[1], &gap[1]);
    within(&cost[0], 1.0005, 1.0001);
    within(&cost[1], 1.012, 1.0005);
    within(&gap[0], 1.0005, 1.0001);
    within(&gap[1], 1.25, 1.03);
}

static void mobilenetv2_on_eyeriss(void **state) {
    (void)state;
    ratios cost[2] = {{0}}, gap[2] = {{0}};
    measure("eyeriss-168", TD_OBJ_LATENCY, &cost[0], &gap[0]);
    measure("eyeriss-168", TD_OBJ_ENERGY, &cost[1], &gap[1]);
    within(&cost[0], 1.03, 1.002);
    within(&cost[1], 1.15, 1.01);
    within(&gap[0], 1.0005, 1.0001);
    within(&gap[1], 1.0005, 1.0001);
}

/* ---- small budgets ----------------------------------------------------------------------------
 */

/* Cycles of a layer whose tensors all stand in the pool of `edge`: its fan-outs alone decide. */
static double cycles_on_chip(const td_problem *p, const td_hw *edge, uint64_t nodes) {
    enum { SHARED = 2, DRAM = 3 };
    td_hw hw = *edge;
    td_error err = {0};
    td_map_query q;
    td_map_result r;
    assert_int_equal(hw.level[SHARED].shares, SHARED - 1);
    hw.level[DRAM].must_keep = 0;
    td_map_query_default(&q, &hw);
    for (int t = 0; t < TD_NTENSOR; t++) q.top[t] = SHARED;
    q.keep[SHARED] = TD_ALL_TENSORS;
    q.max_nodes = nodes;
    assert_ok(td_map_best(p, &hw, &q, &r, NULL, &err), &err);
    return r.objective;
}

/* Fused convolutions at 112x112, 16 to 48 channels: 48 of 64 SIMD units are busy at best, all PEs
 * and lanes along P and Q. Sets of fans that do it must not fall victim to how many are listed. */
static void known_optima(void **state) {
    (void)state;
    static const uint64_t nodes[] = {2000, 3000, 4000, 5000, 6000, 20000};
    td_hw hw;
    td_error err = {0};
    assert_ok(td_hw_load("edge", &hw, &err), &err);
    for (int kernel = 3; kernel <= 5; kernel += 2) {
        td_net *net = td_net_create("fused", TD_DIM(16, 112, 112));
        td_problem p;
        assert_true(td_layer_problem(net, td_net_conv(net, 0, 48, kernel, 1, 1, 1), 1, &p));
        const double best = 112.0 * 112 * 48 * 16 * kernel * kernel / (48 * 4 * 4 * 16);
        for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++)
            assert_true(cycles_on_chip(&p, &hw, nodes[i]) == best);
        td_net_destroy(net);
    }
}

/* Pointwise layers of stride 2 whose image comes from DRAM: tiles of several columns bring those in
 * between as well, and the fewest words are read by single columns. Known by hand: DRAM gives each
 * word that is touched once, and nothing else takes as long. */
static void strided_pointwise(void **state) {
    (void)state;
    enum { SHARED = 2, DRAM = 3, BITS = 16 /* per cycle */ };
    td_error err = {0};
    for (int simd = 8; simd <= 16; simd *= 2)
        for (int lanes = 2; lanes <= 8; lanes *= 2) {
            td_edge e;
            td_tech tech;
            td_hw hw;
            td_problem p;
            td_map_query q;
            td_map_result r;
            micro_defaults(&e, &tech);
            e.pe_x = e.pe_y = 2;
            e.simd = simd;
            e.lanes = lanes;
            build_micro(&e, &hw);
            hw.level[DRAM].must_keep = TD_BIT(TD_I);
            hw.level[DRAM].shared_bw = BITS;
            td_net *net = td_net_create("strided", TD_DIM(6, 19, 19));
            assert_true(td_layer_problem(net, td_net_conv(net, 0, 36, 1, 2, 1, 1), 1, &p));
            td_map_query_default(&q, &hw);
            q.top[TD_W] = q.top[TD_O] = SHARED;
            q.keep[SHARED] = TD_BIT(TD_W) | TD_BIT(TD_O);
            q.max_nodes = 4000;
            assert_ok(td_map_best(&p, &hw, &q, &r, NULL, &err), &err);
            assert_true(r.objective == 10.0 * 10 * 6 * 8 / BITS);
            td_net_destroy(net);
        }
}

/* More nodes do not promise to be better, as lists and dives share them; they are, but for few. */
static void more_nodes(void **state) {
    (void)state;
    static const char *const net[] = {"mobilenet-edgetpu", "efficientnet-b4"};
    static const uint64_t nodes[] = {1000, 2000, 4000, 5000, 20000};
    enum { BUDGETS = sizeof nodes / sizeof nodes[0], SCHEDULE = 2 /* 4,000: a schedule's */ };
    ratios step = {0}, cost = {0};
    td_hw hw;
    td_error err = {0};
    assert_ok(td_hw_load("edge", &hw, &err), &err);
    for (int k = 0; k < 2; k++) {
        td_problem p[MOST_LAYERS];
        int n = distinct_layers(net[k], p);
        for (int i = 0; i < n; i += EACH) {
            double v[BUDGETS];
            for (int b = 0; b < BUDGETS; b++) {
                v[b] = cycles_on_chip(&p[i], &hw, nodes[b]);
                if (b > 0) note(&step, v[b] / v[b - 1]);
            }
            note(&cost, v[SCHEDULE] / v[BUDGETS - 1]);
        }
    }
    printf("edge, on chip: more nodes worse in %d of %d steps, at most %.4f times; 4,000 / 20,000: "
           "worst %.4f, mean %.4f\n",
           step.n - step.same, step.n, step.worst, cost.worst, cost.sum / cost.n);
    assert_true(step.n - step.same <= 2);
    within(&step, 1.02, 1);
    within(&cost, 1.01, 1.0005);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mobilenetv2_on_edge), cmocka_unit_test(mobilenetv2_on_eyeriss),
        cmocka_unit_test(known_optima),        cmocka_unit_test(strided_pointwise),
        cmocka_unit_test(more_nodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

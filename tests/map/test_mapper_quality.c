/* How much the default budget of nodes leaves on the table, and how far the bounds are: every
 * distinct layer of MobileNetV2 on two accelerators. The limits are what docs/validation.md says,
 * with little room: an answer that gets worse should be seen. */
#include "common.h"
#include "tandem/map.h"

enum { DEFAULT = 5000, MORE = 50, MOST_LAYERS = 64 };
#ifdef __SANITIZE_ADDRESS__
enum { EACH = 3 }; /* of three layers one: slow */
#else
enum { EACH = 1 };
#endif

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

static int distinct_layers(td_problem p[MOST_LAYERS]) {
    td_error err = {0};
    td_net *net;
    int n = 0;
    assert_ok(td_net_build("mobilenetv2", TD_DIM(3, 224, 224), 1, 1000, &net, &err), &err);
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
    int n = distinct_layers(p);
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
    within(&cost[1], 1.035, 1.004);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mobilenetv2_on_edge),
        cmocka_unit_test(mobilenetv2_on_eyeriss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

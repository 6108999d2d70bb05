/* ZigZag's TPU-like accelerator as the shipped zigzag-tpu: layers that it has costed one by one,
 * from and to DRAM, beside what the mapper finds for the same layer, and its ResNet-18 as a whole.
 */
#include "common.h"

#include <math.h>

#include "tandem/map.h"

#define ROOT "reference/peers/zigzag/"

typedef struct {
    int layers;
    double cycles, pj;     /* ours */
    double theirs, its_pj; /* ZigZag's latency with loading, energy */
    double least, most;    /* energy, ours / theirs, of each layer that is not depthwise */
} totals;

static double real(const td_node *map, const char *key) {
    const td_node *n = td_node_find(map, key);
    if (n == NULL) fail_msg("no %s", key);
    return n->real;
}

static int dim(const td_node *layer, const char *key) {
    const td_node *n = td_node_find(td_node_find(layer, "dims"), key);
    return n != NULL ? (int)n->integer : 1;
}

static int by_id(const void *a, const void *b) {
    double x = real(*(const td_node *const *)a, "id"), y = real(*(const td_node *const *)b, "id");
    return (x > y) - (x < y);
}

/* Layers of MACs in the order of the network. Sums have 16 bits, as there. skip_first: layers that
 * are left out of the totals. */
static bool compare(const td_net *net, const char *file, int skip_first, totals *t) {
    const char *path = shared_path(file);
    if (path == NULL) return false;
    td_arena *a = td_arena_create();
    const td_node *doc, *layer[128];
    td_error err = {0};
    td_hw hw;
    td_map_query q;
    int n = 0, k = 0;
    assert_ok(td_node_load(a, path, &doc, &err), &err);
    assert_ok(td_hw_load("zigzag-tpu", &hw, &err), &err);
    td_map_query_default(&q, &hw);
    q.objective = TD_OBJ_LATENCY;
    const td_node *list = td_node_find(doc, "layers");
    for (int i = 0; i < list->count; i++) {
        const char *type = td_node_find(list->item[i], "type")->text;
        if (strncmp(type, "Conv", 4) == 0 || strcmp(type, "Gemm") == 0) layer[n++] = list->item[i];
    }
    qsort(layer, (size_t)n, sizeof layer[0], by_id);
    *t = (totals){.least = INFINITY};
    for (int i = 1; i < td_net_size(net); i++) {
        td_problem p;
        td_map_result r;
        if (!td_layer_problem(net, i, 1, &p)) continue;
        assert_true(k < n);
        const td_node *z = layer[k++];
        p.acc_bits = 16;
        assert_true(p.dim[TD_K] == dim(z, "K") && p.dim[TD_C] == dim(z, "C"));
        assert_true(p.dim[TD_G] == dim(z, "G") && p.dim[TD_P] == dim(z, "OY"));
        assert_true(p.dim[TD_Q] == dim(z, "OX") && p.dim[TD_R] == dim(z, "FY"));
        assert_ok(td_map_best(&p, &hw, &q, &r, NULL, &err), &err);
        /* Nobody is faster than the array. Where DRAM is slower, fewer columns may do. */
        assert_true((double)r.cost.cycles >= real(z, "ideal"));
        if (r.cost.limit < 0) assert_near(r.cost.cycles, real(z, "ideal"), 0);
        if (k <= skip_first) continue;
        double ratio = r.cost.total_pj / real(z, "energy_pJ");
        t->layers++;
        t->cycles += (double)r.cost.cycles;
        t->pj += r.cost.total_pj;
        t->theirs += real(z, "latency_total2");
        t->its_pj += real(z, "energy_pJ");
        if (p.dim[TD_C] * p.dim[TD_K] == 1) continue;
        t->least = fmin(t->least, ratio);
        t->most = fmax(t->most, ratio);
    }
    assert_int_equal(k, n);
    printf("%s: %d layers, cycles %.0f, ZigZag %.0f; uJ %.4g, ZigZag %.4g; by layer %.3f to %.3f\n",
           td_net_name(net), t->layers, t->cycles, t->theirs, t->pj / 1e6, t->its_pj / 1e6,
           t->least, t->most);
    td_arena_destroy(a);
    return true;
}

static td_net *load(const char *path) {
    td_net *net = NULL;
    td_error err = {0};
    assert_ok(td_net_load(path, NULL, &net, &err), &err);
    return net;
}

static void resnet18(void **state) {
    (void)state;
    const char *path = shared_path(ROOT "workload/resnet18.yaml");
    if (path == NULL) skip();
    td_net *net = load(path);
    totals t;
    if (!compare(net, ROOT "resnet18yaml_tpu_like_latency_lpf4.json", 1, &t)) skip();
    assert_true(t.least > 0.95 && t.most < 1.01);
    assert_true(t.cycles / t.theirs > 0.96 && t.cycles / t.theirs < 1);
    td_net_destroy(net);
}

/* The order of the first layer's loops is given in ZigZag's mapping file: K, FY, FX, OY, OX from
 * outside to inside, so that every sum travels to the SRAM and back in every step. */
static void first_layer(void **state) {
    (void)state;
    const char *path = shared_path(ROOT "resnet18yaml_tpu_like_latency_lpf4.json");
    if (path == NULL) skip();
    td_arena *a = td_arena_create();
    const td_node *doc;
    td_error err = {0};
    td_problem p;
    td_hw hw;
    td_map_query q;
    td_map_result r;
    assert_ok(td_node_load(a, path, &doc, &err), &err);
    assert_ok(td_problem_parse("conv K64 C3 P112 Q112 R7 S7 s2", &p, &err), &err);
    p.acc_bits = 16;
    assert_ok(td_hw_load("zigzag-tpu", &hw, &err), &err);
    enum { SRAM = 2 };
    assert_string_equal(hw.level[SRAM].name, "SRAM");
    for (int l = 0; l < hw.n && l < TD_MAX_LEVELS; l++)
        if (l != SRAM) hw.rules.allowed[l][TD_AXIS_T] = TD_BIT(TD_C);
    assert_ok(td_map_order_set(&hw.rules, SRAM, "KRSPQ", &err), &err);
    td_map_query_default(&q, &hw);
    assert_ok(td_map_best(&p, &hw, &q, &r, NULL, &err), &err);
    const td_node *z = td_node_find(doc, "layers")->item[0];
    assert_near(r.cost.compute_cycles, real(z, "ideal"), 0);
    assert_near(r.cost.total_pj / real(z, "energy_pJ"), 1, 0.005);
    td_arena_destroy(a);
}

/* The whole network by a schedule that holds: values stay in the SRAM, sums join in the drain. */
static void whole_network(void **state) {
    (void)state;
    const char *path = shared_path(ROOT "workload/resnet18.yaml");
    if (path == NULL) skip();
    td_net *net = load(path);
    td_hw hw;
    td_schedule_options o;
    td_schedule s = {0};
    td_error err = {0};
    assert_ok(td_hw_load("zigzag-tpu", &hw, &err), &err);
    td_schedule_options_default(&o);
    assert_ok(td_schedule_best(net, &hw, &o, &s, NULL, &err), &err);
    assert_ok(td_schedule_check(net, &hw, &s, &err), &err);
    double cycles = s.latency_s * hw.clock_hz;
    printf("resnet18, whole: %.0f cycles, ZigZag 5585087; %.4g uJ, ZigZag 2615\n", cycles,
           s.energy_j * 1e6);
    assert_true(cycles > 3.036e6 && cycles < 0.75 * 5585087);
    assert_true(s.energy_j > 0.5 * 2.615e-3 && s.energy_j < 0.7 * 2.615e-3);
    td_schedule_free(&s);
    td_net_destroy(net);
}

static void alexnet(void **state) {
    (void)state;
    td_net *net = load(TD_TEST_SOURCE "/experiments/zigzag/alexnet.yaml");
    totals t;
    if (!compare(net, ROOT "alexnet_tpu_like_latency_lpf4.json", 0, &t)) skip();
    assert_true(t.least > 0.89 && t.most < 1.01);
    assert_true(t.cycles / t.theirs > 0.98 && t.cycles / t.theirs < 1);
    assert_true(t.pj / t.its_pj > 0.98 && t.pj / t.its_pj < 1.01);
    td_net_destroy(net);
}

static void mobilenetv2(void **state) {
    (void)state;
    td_net *net = NULL;
    td_error err = {0};
    totals t;
    assert_ok(td_net_build("mobilenetv2", TD_DIM(0, 0, 0), 1, 0, &net, &err), &err);
    if (!compare(net, ROOT "mobilenetv2_tpu_like_latency_lpf4.json", 0, &t)) skip();
    assert_true(t.least > 0.99 && t.most < 1.05);
    assert_true(t.cycles / t.theirs > 0.98 && t.cycles / t.theirs < 1);
    assert_true(t.pj / t.its_pj > 0.85 &&
                t.pj / t.its_pj < 0.9); /* depthwise: docs/validation.md */
    td_net_destroy(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(resnet18), cmocka_unit_test(first_layer),
                                       cmocka_unit_test(whole_network), cmocka_unit_test(alexnet),
                                       cmocka_unit_test(mobilenetv2)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Every shipped accelerator maps layers of every kind: convolutions, a depthwise one, products. */
#include "common.h"

#include "tandem/map.h"

/* In the order of td_dim: N K C P Q R S G. */
#define DIMS(...) .dim = {__VA_ARGS__}
#define REST .dilation = {1, 1}, .bits = {8, 8, 8}, .acc_bits = 32

static const struct {
    const char *name;
    td_problem p;
} LAYERS[] = {
    {"stem 7x7", {DIMS(1, 64, 3, 112, 112, 7, 7, 1), .stride = {2, 2}, .pad = {3, 3, 2, 2}, REST}},
    {"3x3", {DIMS(1, 64, 64, 56, 56, 3, 3, 1), .stride = {1, 1}, .pad = {1, 1, 1, 1}, REST}},
    {"1x1 stride 2", {DIMS(1, 512, 256, 28, 28, 1, 1, 1), .stride = {2, 2}, REST}},
    {"last 3x3", {DIMS(1, 512, 512, 7, 7, 3, 3, 1), .stride = {1, 1}, .pad = {1, 1, 1, 1}, REST}},
    {"depthwise", {DIMS(1, 1, 1, 56, 56, 3, 3, 96), .stride = {2, 2}, .pad = {1, 1, 0, 0}, REST}},
    {"product", {DIMS(1, 768, 768, 128, 1, 1, 1, 1), .stride = {1, 1}, REST}},
    {"fc", {DIMS(1, 1000, 2048, 1, 1, 1, 1, 1), .stride = {1, 1}, REST}},
};
enum { N_LAYERS = sizeof LAYERS / sizeof LAYERS[0] };

static void every_layer_on_every_one(void **state) {
    (void)state;
    enum { MOST = 64 };
    const char *name[MOST];
    td_arena *a = td_arena_create();
    td_error err = {0};
    int n = td_data_names(a, "hw", name, MOST);
    assert_true(n >= 12);
    for (int h = 0; h < n; h++) {
        td_hw hw;
        assert_ok(td_hw_load(name[h], &hw, &err), &err);
        td_map_query q;
        td_map_query_default(&q, &hw);
        for (int i = 0; i < N_LAYERS; i++) {
            td_map_result r;
            td_cost again;
            if (td_map_best(&LAYERS[i].p, &hw, &q, &r, NULL, &err) != TD_OK)
                fail_msg("%s on %s: %s", LAYERS[i].name, name[h], err.message);
            assert_ok(td_cost_evaluate(&r.problem, &hw, &r.mapping, TD_COUNT_EXACT, &again, &err),
                      &err);
            assert_memory_equal(&again, &r.cost, sizeof again);
            assert_true(r.cost.macs >= td_problem_macs(&LAYERS[i].p));
        }
    }
    td_arena_destroy(a);
}

static td_map_result best(const char *hw_name, int layer, td_hw *hw) {
    td_map_result r;
    td_map_query q;
    td_error err = {0};
    assert_ok(td_hw_load(hw_name, hw, &err), &err);
    td_map_query_default(&q, hw);
    assert_ok(td_map_best(&LAYERS[layer].p, hw, &q, &r, NULL, &err), &err);
    return r;
}

/* What the rules make of a depthwise layer and of a product: sizes known beforehand. */
static void what_the_rules_leave(void **state) {
    (void)state;
    enum { CONV = 1, DEPTHWISE = 4, PRODUCT = 5 };
    td_hw hw;
    /* One channel of a filter at a time: 1 of 2,048 MACs; taps of one filter: 9 of a column. */
    td_map_result r = best("nvdla", DEPTHWISE, &hw);
    assert_int_equal(r.cost.compute_cycles, td_problem_macs(&LAYERS[DEPTHWISE].p));
    r = best("gemmini", DEPTHWISE, &hw);
    assert_true(r.cost.compute_cycles >= td_problem_macs(&LAYERS[DEPTHWISE].p) / 9);
    assert_true(r.cost.mac_used <= 16);
    r = best("systolic-os", DEPTHWISE, &hw); /* one filter: a column of positions */
    assert_true(r.cost.mac_used <= 32);
    r = best("systolic-is", DEPTHWISE, &hw); /* nine taps in rows, positions in columns */
    assert_true(r.cost.mac_used > 32 && r.cost.mac_used <= 9 * 32);
    /* 768 x 768 fills 16, 32 and 256 exactly. */
    r = best("gemmini", PRODUCT, &hw);
    assert_int_equal(r.cost.compute_cycles - r.cost.stall_cycles, 128 * (768 / 16) * (768 / 16));
    r = best("systolic-ws", PRODUCT, &hw);
    assert_int_equal(r.cost.compute_cycles, (128 + 2 * 32 + 30) * (768 / 32) * (768 / 32));
    r = best("systolic-os", PRODUCT, &hw); /* rows: 128 positions, columns: 768 filters */
    assert_int_equal(r.cost.compute_cycles, (768 + 32 + 30) * (128 / 32) * (768 / 32));
    r = best("systolic-is", PRODUCT, &hw); /* rows: 768 to sum, columns: 128 positions */
    assert_int_equal(r.cost.compute_cycles, (768 + 2 * 32 + 30) * (768 / 32) * (128 / 32));
    r = best("tpu-v1", PRODUCT, &hw);
    assert_int_equal(r.cost.compute_cycles, 128 * (768 / 256) * (768 / 256));
    /* A row of the kernel stays in the element whole, its rows stand one below the other, and the
     * buffer walks all rows of the outputs. */
    r = best("eyeriss-256", CONV, &hw);
    int weights = td_hw_level_find(&hw, "WeightRF");
    for (int k = 0; k < r.mapping.n; k++) {
        const td_loop *o = &r.mapping.loop[k];
        bool inside = k >= r.mapping.first[weights] && k < r.mapping.first[weights + 1];
        if (o->dim == TD_R && o->bound > 1) assert_true(inside && o->bound == 3);
        if (o->dim == TD_P && o->bound > 1) {
            int buffer = td_hw_level_find(&hw, "Buffer");
            assert_true(k >= r.mapping.first[buffer] && k < r.mapping.first[buffer + 1]);
            assert_true(o->axis == TD_AXIS_T);
        }
        if (o->dim == TD_S && o->bound > 1) assert_true(o->axis == TD_AXIS_Y && o->bound == 3);
    }
}

/* A kernel of more columns than the array has rows has no mapping there, and the reason is told. */
static void wider_than_the_array(void **state) {
    (void)state;
    td_problem p = {DIMS(1, 8, 1, 4, 4, 3, 17, 1), .stride = {1, 1}, REST};
    td_hw hw;
    td_map_query q;
    td_map_result r;
    td_error err = {0};
    assert_ok(td_hw_load("eyeriss-256", &hw, &err), &err);
    td_map_query_default(&q, &hw);
    assert_int_equal(td_map_best(&p, &hw, &q, &r, NULL, &err), TD_E_INFEASIBLE);
    assert_non_null(strstr(err.message, "S = 17 has no place"));
    assert_non_null(strstr(err.message, "take 16"));
    p.dim[TD_S] = 16;
    assert_ok(td_map_best(&p, &hw, &q, &r, NULL, &err), &err);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layer_on_every_one),
        cmocka_unit_test(what_the_rules_leave),
        cmocka_unit_test(wider_than_the_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

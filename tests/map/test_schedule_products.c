/* Layers that are known by their cost only in a schedule: products of two values, norms, sums,
 * moves, transposed convolutions, views and parts. The checkers of schedules and timelines, which
 * share no code with what makes them, confirm each; what a product's second operand may not do is
 * tested apart. */
#include "common.h"
#include "schedule_random.h"
#include "tandem/map.h"

enum { MOST = 40 };

/* Attention of `heads` over `tokens`, from one product for query, key and value, and a block behind
 * it that has the other layers. */
static td_net *transformer(int heads, int tokens, int width, bool parts) {
    char yaml[4096];
    int c = heads * width;
    snprintf(
        yaml, sizeof yaml,
        "name: transformer\n"
        "input: [%d, %d, 1]\n"
        "layers:\n"
        "  - {op: layer_norm, name: norm, constants: %d}\n"
        "  - {op: conv, name: qkv, out: %d, bias: true}\n"
        "  - {op: matmul, name: dots, inputs: [%s, %s], views: [[%d, %d, %d], [%d, %d, %d]]}\n"
        "  - {op: elementwise, name: scaled}\n"
        "  - {op: softmax, name: soft}\n"
        "  - {op: matmul, name: mixed, inputs: [soft, qkv], views: [null, [%d, %d, %d]]}\n"
        "  - {op: conv, name: out, out: %d, views: [[%d, %d, 1]]}\n"
        "  - {op: add, name: sum, inputs: [out, input]}\n"
        "  - {op: reduce, name: mean, shape: [%d, 1, 1]}\n"
        "  - {op: mul, name: gated, inputs: [sum, mean]}\n"
        "  - {op: elementwise, name: halves, inputs: [gated, qkv], views: [null, [%d, %d, 1]]}\n"
        "  - {op: gelu, name: lone}\n"
        "  - {op: move, name: moved, inputs: [gated, lone], shape: [%d, %d, 2]}\n"
        "  - {op: conv_transpose, name: up, out: 8, kernel: [2, 3], stride: [2, 1],\n"
        "     pad: [0, 1, 0, 1], size: [%d, 2]}\n",
        c, tokens, 2 * c, 3 * c, parts ? "qkv" : "norm", parts ? "qkv" : "norm", heads, tokens,
        width, heads, width, tokens, heads, tokens, width, c, c, tokens, c, c, tokens, c, tokens,
        2 * tokens);
    td_arena *a = td_arena_create();
    const td_node *doc;
    td_error err = {0};
    td_net *net = NULL;
    assert_ok(td_yaml_parse(a, yaml, strlen(yaml), "net.yaml", &doc, &err), &err);
    assert_ok(td_net_from_node(doc, &net, &err), &err);
    td_arena_destroy(a);
    return net;
}

static void confirm(const td_net *net, const td_hw *hw, const td_schedule *s) {
    td_error err = {0};
    td_timeline t;
    assert_ok(td_schedule_check(net, hw, s, &err), &err);
    assert_ok(td_timeline_build(net, hw, s, &t, &err), &err);
    assert_ok(td_timeline_check(net, hw, s, &t, &err), &err);
    td_timeline_free(&t);
}

static const td_interval *interval_of(const td_net *net, const td_schedule *s, const char *name) {
    for (int i = 0; i < s->n; i++)
        if (strcmp(td_net_layer(net, s->interval[i].layer)->name, name) == 0)
            return &s->interval[i];
    return NULL;
}

static void random_schedules(void **state) {
    (void)state;
    td_rng r = td_rng_make(3, 0, TD_RNG_TEST);
    td_map_cache *cache = td_map_cache_create(0);
    for (int i = 0; i < MOST; i++) {
        td_net *net = transformer(1 + (int)td_rng_below(&r, 3), 1 + (int)td_rng_below(&r, 12),
                                  4 * (1 + (int)td_rng_below(&r, 3)), i % 4 != 3);
        td_edge e;
        td_hw hw;
        random_micro(&r, &e, &hw);
        if (i % 4 != 0) { /* little room: values and weights compete for it */
            e.local_bytes = 256 * (2 + (int)td_rng_below(&r, 18));
            build_micro(&e, &hw);
        }
        td_schedule_options o;
        td_schedule_options_default(&o);
        o.cache = cache;
        o.max_nodes = 200;
        o.cold = i / 2 % 2;
        o.batch = i % 3 == 0 ? 3 : 1;
        o.objective = i % 5 == 0 ? TD_OBJ_ENERGY : TD_OBJ_LATENCY;
        td_error err = {0};
        td_schedule s;
        assert_ok(td_schedule_best(net, &hw, &o, &s, NULL, &err), &err);
        confirm(net, &hw, &s);
        assert_true(s.latency_s >= s.bound_latency_s * (1 - 1e-9));
        td_schedule_free(&s);
        td_net_destroy(net);
    }
    td_map_cache_destroy(cache);
}

/* More weights than sets of residents are enumerated for: what else picks them leaves products
 * alone.
 */
static td_net *blocks(int n, int heads, int tokens, int width) {
    td_text t = {0};
    const int c = heads * width;
    td_text_addf(&t, "name: blocks\ninput: [%d, %d, 1]\nlayers:\n", c, tokens);
    for (int i = 0; i < n; i++)
        td_text_addf(&t,
                     "  - {op: conv, name: qkv%d, out: %d}\n"
                     "  - {op: matmul, name: dots%d, inputs: [qkv%d, qkv%d],"
                     " views: [[%d, %d, %d], [%d, %d, %d]]}\n"
                     "  - {op: softmax, name: soft%d}\n"
                     "  - {op: matmul, name: mixed%d, inputs: [soft%d, qkv%d],"
                     " views: [null, [%d, %d, %d]]}\n"
                     "  - {op: conv, name: out%d, out: %d, views: [[%d, %d, 1]]}\n",
                     i, 3 * c, i, i, i, heads, tokens, width, heads, width, tokens, i, i, i, i,
                     heads, tokens, width, i, c, c, tokens);
    td_arena *a = td_arena_create();
    const td_node *doc;
    td_error err = {0};
    td_net *net = NULL;
    assert_ok(td_yaml_parse(a, t.data, t.size, "net.yaml", &doc, &err), &err);
    assert_ok(td_net_from_node(doc, &net, &err), &err);
    td_arena_destroy(a);
    td_text_free(&t);
    return net;
}

static void many_blocks(void **state) {
    (void)state;
    td_rng r = td_rng_make(4, 0, TD_RNG_TEST);
    for (int i = 0; i < 12; i++) {
        td_net *net = blocks(3 + i % 2, 1 + (int)td_rng_below(&r, 3), 4 + (int)td_rng_below(&r, 12),
                             4 * (1 + (int)td_rng_below(&r, 3)));
        td_edge e;
        td_hw hw;
        td_tech tech;
        td_error err = {0};
        micro_defaults(&e, &tech);
        e.local_bytes = 256 * (2 + (int)td_rng_below(&r, 40));
        build_micro(&e, &hw);
        td_schedule_options o;
        td_schedule_options_default(&o);
        o.max_nodes = 200;
        o.objective = i % 3 == 0 ? TD_OBJ_ENERGY : TD_OBJ_LATENCY;
        td_schedule s;
        assert_ok(td_schedule_best(net, &hw, &o, &s, NULL, &err), &err);
        confirm(net, &hw, &s);
        assert_true(s.latency_s >= s.bound_latency_s * (1 - 1e-9));
        td_schedule_free(&s);
        td_net_destroy(net);
    }
}

/* The second operand of a product streams from DRAM in every inference, whatever room there is; the
 * first one and the result may stay. A sample has its own: a batch moves it as often. */
static void second_operand(void **state) {
    (void)state;
    td_edge e;
    td_tech tech;
    td_hw hw;
    micro_defaults(&e, &tech);
    e.local_bytes = 65536;
    build_micro(&e, &hw);
    td_net *net = td_net_create("product", TD_DIM(4, 8, 16));
    int a = td_net_pool(net, 0, TD_OP_MAX_POOL, 1, 1);
    int b = td_net_pool(net, 0, TD_OP_AVG_POOL, 1, 1);
    /* 8 x 16 by 16 x 8: b seen the other way round would do, but both are 8 x 16 */
    int square = td_net_resize(net, b, 16, 5);
    int y = td_net_matmul(net, a, square);
    td_net_name_last(net, "product");
    td_net_pool(net, y, TD_OP_MAX_POOL, 1, 1);
    td_error err = {0};
    assert_ok(td_net_check(net, &err), &err);
    for (int batch = 1; batch <= 3; batch += 2)
        for (int cold = 0; cold < 2; cold++) {
            td_schedule_options o;
            td_schedule_options_default(&o);
            o.batch = batch;
            o.cold = cold;
            td_schedule s;
            assert_ok(td_schedule_best(net, &hw, &o, &s, NULL, &err), &err);
            confirm(net, &hw, &s);
            td_interval *t = (td_interval *)(uintptr_t)interval_of(net, &s, "product");
            assert_non_null(t);
            assert_true(t->mapped);
            assert_int_equal(t->weights, TD_AT_DRAM);
            assert_int_equal(t->input, TD_AT_CHIP);
            assert_int_equal(t->output, TD_AT_CHIP);
            assert_true(t->dram_bytes[TD_W] >= batch * 4.0 * 16 * 5);
            assert_int_equal(interval_of(net, &s, "resize3")->output, TD_AT_DRAM);
            /* The checker would see it if it stayed. */
            t->weights = TD_AT_CHIP;
            assert_int_equal(td_schedule_check(net, &hw, &s, &err), TD_E_INPUT);
            assert_non_null(strstr(err.message, "second operand"));
            td_schedule_free(&s);
        }
    td_net_destroy(net);
}

/* A vector layer that sees half of a value reads half of it. */
static void parts(void **state) {
    (void)state;
    td_edge e;
    td_tech tech;
    td_hw hw;
    micro_defaults(&e, &tech);
    build_micro(&e, &hw);
    double read[2];
    for (int half = 0; half < 2; half++) {
        char yaml[256];
        snprintf(yaml, sizeof yaml,
                 "name: n\ninput: [64, 32, 8]\nlayers:\n  - {op: reduce, shape: [1, 1, 1]%s}\n",
                 half ? ", views: [[32, 32, 8]]" : "");
        td_arena *a = td_arena_create();
        const td_node *doc;
        td_error err = {0};
        td_net *net = NULL;
        td_schedule s;
        assert_ok(td_yaml_parse(a, yaml, strlen(yaml), "net.yaml", &doc, &err), &err);
        assert_ok(td_net_from_node(doc, &net, &err), &err);
        assert_ok(td_schedule_best(net, &hw, NULL, &s, NULL, &err), &err);
        confirm(net, &hw, &s);
        read[half] = s.interval[0].dram_bytes[TD_I];
        td_schedule_free(&s);
        td_net_destroy(net);
        td_arena_destroy(a);
    }
    assert_true(read[0] == 64 * 32 * 8 && read[1] == read[0] / 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_schedules),
        cmocka_unit_test(many_blocks),
        cmocka_unit_test(second_operand),
        cmocka_unit_test(parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Spaces of layers that choose among named operators: shapes, decisions, twins, mistakes. */
#include "common.h"
#include "space_helper.h"

static td_net *network(const td_space *s, const char *choices, td_arena *a) {
    td_error err = {0};
    double v[64];
    td_choices c = {s->n, v};
    td_design d;
    assert_ok(td_choices_from_node(s, yaml(a, choices), &c, &err), &err);
    assert_ok(s->build(s->self, &c, a, &d, &err), &err);
    assert_true(d.net_hash == td_net_hash(d.net) && !d.has_hw);
    return d.net;
}

/* "conv8x4x4 batch_norm8x4x4 ...": operators with their output shapes. */
static const char *layers(const td_net *net) {
    static char text[1024];
    size_t used = 0;
    for (int i = 1; i < td_net_size(net); i++) {
        const td_layer *l = td_net_layer(net, i);
        int n = snprintf(text + used, sizeof text - used, "%s%s%dx%dx%d", i > 1 ? " " : "",
                         td_op_name(l->op), l->c, l->h, l->w);
        used += (size_t)n;
        assert_true(used < sizeof text);
    }
    return text;
}

static const char small[] = "space: blocks\n"
                            "input: [3, 8, 8]\n"
                            "classes: 5\n"
                            "act: relu6\n"
                            "stem: {channels: 4, stride: 2}\n"
                            "operators:\n"
                            "  skip: {op: identity}\n"
                            "  mb: {op: ibn, kernel: 5, expansion: 2}\n"
                            "  plain: {op: conv, kernel: 1, act: relu}\n"
                            "layers:\n"
                            "  - {channels: 4, repeat: 2}\n"
                            "  - {name: down, channels: 6, stride: 2, operators: [mb, skip]}\n"
                            "  - {channels: 6, operators: plain}\n"
                            "  - {name: end, channels: 6, repeat: 2, operators: [skip, plain]}\n"
                            "head: 0\n";

static void decisions_are_the_layers_that_choose(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    td_space *s = net_space(a, small);
    static const char *const names[] = {"l1", "l2", "down", "end.1", "end.2"};
    static const int counts[] = {3, 3, 2, 2, 2};
    assert_int_equal(s->n, 5);
    for (int i = 0; i < 5; i++) {
        assert_string_equal(s->d[i].name, names[i]);
        assert_int_equal(s->d[i].n, counts[i]);
        assert_int_equal(s->d[i].kind, TD_CATEGORICAL);
        assert_true(s->d[i].parent < 0 && !s->d[i].costs_only);
    }
    assert_string_equal(s->d[2].label[0], "mb");
    assert_string_equal(s->d[2].label[1], "skip");
    assert_int_equal(enumerate(s, NULL, NULL), 72);
    td_arena_destroy(a);
}

static void operators_build_what_they_say(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    td_space *s = net_space(a, small);
    td_net *net = network(s, "{l1: skip, l2: plain, down: skip, end.1: skip, end.2: skip}", a);
    /* stem; plain; a skip that changes the shape; the layer without a choice; classifier */
    assert_string_equal(layers(net), "conv4x4x4 batch_norm4x4x4 relu64x4x4 "
                                     "conv4x4x4 batch_norm4x4x4 relu4x4x4 "
                                     "conv6x2x2 batch_norm6x2x2 "
                                     "conv6x2x2 batch_norm6x2x2 relu6x2x2 "
                                     "global_avg_pool6x1x1 fc5x1x1");
    const td_layer *down = td_net_layer(net, 7);
    assert_int_equal(down->kernel[0], 1);
    assert_int_equal(down->stride[1], 2);
    td_net_destroy(net);
    net = network(s, "{l1: mb, l2: skip, down: mb, end.1: skip, end.2: skip}", a);
    assert_string_equal(layers(net), "conv4x4x4 batch_norm4x4x4 relu64x4x4 "
                                     "conv8x4x4 batch_norm8x4x4 relu68x4x4 "
                                     "conv8x4x4 batch_norm8x4x4 relu68x4x4 "
                                     "conv4x4x4 batch_norm4x4x4 add4x4x4 "
                                     "conv8x4x4 batch_norm8x4x4 relu68x4x4 "
                                     "conv8x2x2 batch_norm8x2x2 relu68x2x2 "
                                     "conv6x2x2 batch_norm6x2x2 "
                                     "conv6x2x2 batch_norm6x2x2 relu6x2x2 "
                                     "global_avg_pool6x1x1 fc5x1x1");
    td_net_destroy(net);
    td_arena_destroy(a);
}

static void fused_blocks_and_squeeze_excite(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    td_space *s = net_space(a, "space: blocks\n"
                               "input: [1, 4, 4]\n"
                               "stem: {channels: 8}\n"
                               "operators: {f: {op: fused, kernel: 3, expansion: 2, se: 0.25}}\n"
                               "layers: [{channels: 8}]\n"
                               "head: 16\n");
    assert_int_equal(s->n, 0);
    td_net *net = network(s, "{}", a);
    td_net *by_hand = td_net_create("by hand", TD_DIM(1, 4, 4));
    int x = td_net_conv_bn_act(by_hand, 0, 8, 3, 1, 1, TD_OP_RELU);
    int y = td_net_conv_bn_act(by_hand, x, 16, 3, 1, 1, TD_OP_RELU);
    y = td_net_squeeze_excite(by_hand, y, 2, TD_OP_RELU, TD_OP_SIGMOID);
    y = td_net_add(by_hand, td_net_bn(by_hand, td_net_conv(by_hand, y, 8, 1, 1, 1, 1)), x);
    y = td_net_conv_bn_act(by_hand, y, 16, 1, 1, 1, TD_OP_RELU);
    td_net_fc(by_hand, td_net_global_pool(by_hand, y), 10);
    assert_true(td_net_hash(net) == td_net_hash(by_hand));
    td_net_destroy(net);
    td_net_destroy(by_hand);
    td_arena_destroy(a);
}

typedef struct {
    const td_space *s;
    uint64_t hash[128];
    int n;
} built;

static void collect(void *self, const td_choices *c) {
    built *b = self;
    td_error err = {0};
    td_arena *a = td_arena_create();
    td_design d;
    double v[16];
    td_choices back = {c->n, v};
    assert_ok(b->s->build(b->s->self, c, a, &d, &err), &err);
    b->hash[b->n++] = d.net_hash;
    td_design_free(&d);
    const td_node *doc = td_choices_to_node(b->s, c, a);
    assert_ok(td_choices_from_node(b->s, doc, &back, &err), &err);
    assert_true(td_choices_hash(&back) == td_choices_hash(c));
    td_arena_destroy(a);
}

/* l1, l2: two of three operators of which one is nothing: 1 + 2 + 4 networks of 9 vectors. The end:
 * 1 + 1 + 1 of 4. */
static void vectors_that_leave_out_different_equals_are_twins(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    built b = {.s = net_space(a, small)};
    enumerate(b.s, collect, &b);
    assert_int_equal(b.n, 72);
    assert_int_equal(sort_distinct(b.hash, b.n), 7 * 2 * 3);
    td_net *x = network(b.s, "{l1: skip, l2: mb, down: mb, end.1: plain, end.2: skip}", a);
    td_net *y = network(b.s, "{l1: mb, l2: skip, down: mb, end.1: skip, end.2: plain}", a);
    assert_true(td_net_hash(x) == td_net_hash(y));
    td_net_destroy(x);
    td_net_destroy(y);
    td_arena_destroy(a);
}

static void what_is_left_out_is_the_shipped_space(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_space *shipped, *s = net_space(a, "space: blocks\n");
    assert_ok(td_space_by_name("blocks", a, &shipped, &err), &err);
    assert_true(td_space_hash(s) == td_space_hash(shipped));
    assert_int_equal(enumerate(s, NULL, NULL), 6561);
    /* its own layers with the shipped operators */
    s = net_space(a, "space: blocks\nlayers: [{channels: 40, stride: 2}]\n");
    assert_int_equal(s->n, 1);
    assert_string_equal(s->d[0].label[2], "mb6_k5");
    /* names that look like numbers are names */
    s = net_space(a, "space: blocks\noperators: {0: {op: identity}, 1: {op: conv}}\n");
    td_net *net = network(s, "{l1: 0, l2: \"1\", l3: 1, l4: 0, l5: 0, l6: 0, l7: 0, l8: 0}", a);
    td_net_destroy(net);
    td_arena_destroy(a);
}

/* MobileNetEdgeTPU v2 XS, as the zoo builds it, is a point: fused blocks in groups of 64 channels,
 * which are 2 of 32 x 4 channels inside and 3 of 48 x 4. */
static void a_published_network_with_groups(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_space *s = net_space(a, "space: blocks\ninput: [3, 224, 224]\nclasses: 1001\n"
                               "stem: {channels: 32, stride: 2, kernel: 5}\n"
                               "operators:\n"
                               "  project: {op: identity}\n"
                               "  wide: {op: fused, expansion: 8}\n"
                               "  fused: {op: fused, expansion: 4}\n"
                               "  two: {op: fused, expansion: 4, groups: 2}\n"
                               "  three: {op: fused, expansion: 4, groups: 3}\n"
                               "  ibn8: {op: ibn, expansion: 8}\n"
                               "  ibn4: {op: ibn, expansion: 4}\n"
                               "layers:\n"
                               "  - {channels: 16, operators: project}\n"
                               "  - {channels: 32, stride: 2, operators: wide}\n"
                               "  - {channels: 32, operators: [fused, two]}\n"
                               "  - {channels: 48, stride: 2, operators: wide}\n"
                               "  - {channels: 48, repeat: 3, operators: [fused, three, ibn4]}\n"
                               "  - {channels: 96, stride: 2, operators: wide}\n"
                               "  - {channels: 96, repeat: 3, operators: ibn4}\n"
                               "  - {channels: 144, operators: ibn8}\n"
                               "  - {channels: 144, repeat: 3, operators: ibn4}\n"
                               "  - {channels: 160, stride: 2, operators: ibn8}\n"
                               "  - {channels: 160, repeat: 3, operators: ibn4}\n"
                               "  - {channels: 192, operators: ibn8}\n"
                               "head: 1280\nact: relu\n");
    td_net *net = network(s, "{l3: two, l5: three, l6: fused, l7: three}", a), *wanted;
    assert_ok(td_net_build("mobilenet-edgetpu-v2-xs", TD_DIM(0, 0, 0), 1, 0, &wanted, &err), &err);
    assert_true(td_net_hash(net) == td_net_hash(wanted));
    td_net_destroy(net);
    td_net_destroy(wanted);
    td_arena_destroy(a);
}

static void mistakes(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
        int line;
    } cases[] = {
        {"layer: []", "unknown key \"layer\"", 2},
        {"layers: []", "expected at least one layer", 2},
        {"layers: [5]", "layers[0]: expected a map", 2},
        {"layers:\n  - {stride: 2}", "missing key \"channels\"", 3},
        {"layers:\n  - {channels: 8, strides: 2}", "did you mean \"stride\"?", 3},
        {"layers:\n  - {channels: 0}", "channels: expected an integer", 3},
        {"layers:\n  - {channels: 8, repeat: 65}", "repeat: expected an integer in [1, 64]", 3},
        {"layers:\n  - {channels: 8, name: a}\n  - {channels: 8, name: a}", "named \"a\"", 0},
        {"layers:\n  - {channels: 8, name: \"\"}", "name: expected 1 to 64 characters", 3},
        {"layers:\n  - channels: 8\n    operators: [mb3_k3, mb3_k5]",
         "operators[1]: there is no operator \"mb3_k5\", did you mean \"mb3_k3\"?", 4},
        {"layers:\n  - {channels: 8, operators: [mb3_k3, mb3_k3]}", "mb3_k3 is there twice", 3},
        {"layers:\n  - {channels: 8, operators: []}", "expected at least one operator", 3},
        {"layers:\n  - {channels: 8, operators: [[mb3_k3]]}", "there is no operator \"\"", 3},
        {"operators: {}", "expected 1 to 64 operators, found 0", 2},
        {"operators: {a: ibn}", "operators.a: expected a map", 2},
        {"operators: {a: {op: mb}}", "op: expected identity, conv, ibn or fused, found \"mb\"", 2},
        {"operators: {a: {op: identity, kernel: 3}}", "unknown key \"kernel\"", 2},
        {"operators: {a: {op: conv, expansion: 3}}", "unknown key \"expansion\"", 2},
        {"operators: {a: {op: ibn, kernel: 4, expansion: 3}}", "kernel: expected an odd size", 2},
        {"operators: {a: {op: ibn, kernel: 3}}", "missing key \"expansion\"", 2},
        {"operators: {a: {op: conv, groups: 2}}", "unknown key \"groups\"", 2},
        {"operators: {a: {op: ibn, expansion: 3, groups: 0}}", "groups: expected an integer", 2},
        {"operators: {a: {op: ibn, expansion: 3, groups: 3}}", "3 groups do not divide 32", 1},
        {"operators: {a: {op: conv, act: tanh}}", "act: expected one of relu", 2},
        {"operators: {a: {op: ibn, expansion: 64}}\nlayers: [{channels: 65536, repeat: 2}]",
         "channels", 1},
        {"stem: {channels: 8, kernel: 2}", "stem.kernel: expected an odd size", 2},
        {"head: -1", "head: expected an integer", 2},
        {"input: [3, 32]", "or [channels, height, width]", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512];
        snprintf(text, sizeof text, "space: blocks\n%s\n", cases[i].text);
        if (cases[i].line > 0) {
            refused(true, text, cases[i].line, cases[i].message);
            continue;
        }
        td_arena *a = td_arena_create();
        td_error err = {0};
        td_space *s;
        assert_int_equal(td_space_net_from_node(yaml(a, text), a, &s, &err), TD_E_INPUT);
        assert_non_null(strstr(err.message, cases[i].message));
        td_arena_destroy(a);
    }
}

static void choices_that_are_not_canonical(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_space *s = net_space(a, small);
    td_design d;
    double v[5] = {0, NAN, 0, 0, 0};
    assert_int_equal(s->build(s->self, &(td_choices){5, v}, a, &d, &err), TD_E_USAGE);
    v[1] = 3;
    assert_int_equal(s->build(s->self, &(td_choices){5, v}, a, &d, &err), TD_E_USAGE);
    assert_int_equal(s->build(s->self, &(td_choices){4, v}, a, &d, &err), TD_E_USAGE);
    td_arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decisions_are_the_layers_that_choose),
        cmocka_unit_test(operators_build_what_they_say),
        cmocka_unit_test(fused_blocks_and_squeeze_excite),
        cmocka_unit_test(vectors_that_leave_out_different_equals_are_twins),
        cmocka_unit_test(what_is_left_out_is_the_shipped_space),
        cmocka_unit_test(a_published_network_with_groups),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(choices_that_are_not_canonical),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The network file: round trips, defaults, and faults with the place they are at. */
#include "common.h"

#include "tandem/net.h"

#include "random_net.h"

static td_net *parse(const char *yaml, td_error *err) {
    td_arena *a = td_arena_create();
    const td_node *doc;
    td_net *net = NULL;
    if (td_yaml_parse(a, yaml, strlen(yaml), "net.yaml", &doc, err) == TD_OK)
        td_net_from_node(doc, &net, err);
    td_arena_destroy(a);
    return net;
}

static void same_layers(const td_net *a, const td_net *b, bool names) {
    assert_int_equal(td_net_size(a), td_net_size(b));
    for (int i = 0; i < td_net_size(a); i++) {
        td_layer x = *td_net_layer(a, i), y = *td_net_layer(b, i);
        assert_int_equal(x.op, y.op);
        if (names) assert_string_equal(x.name, y.name);
        assert_int_equal(x.n_inputs, y.n_inputs);
        assert_memory_equal(x.input, y.input, sizeof x.input);
        assert_true(x.c == y.c && x.h == y.h && x.w == y.w && x.groups == y.groups);
        assert_int_equal(x.bias, y.bias);
        assert_memory_equal(x.kernel, y.kernel, sizeof x.kernel);
        assert_memory_equal(x.stride, y.stride, sizeof x.stride);
        assert_memory_equal(x.dilation, y.dilation, sizeof x.dilation);
        assert_memory_equal(x.pad, y.pad, sizeof x.pad);
        assert_memory_equal(x.bits, y.bits, sizeof x.bits);
        assert_int_equal(x.acc_bits, y.acc_bits);
    }
}

/* To text in both formats and back. */
static void round_trip(const td_net *net, bool names) {
    td_error err = {0};
    for (int json = 0; json < 2; json++) {
        td_arena *a = td_arena_create();
        td_node *out = td_net_to_node(net, a);
        assert_non_null(out);
        td_text text = {0};
        if (json)
            td_node_to_json(out, 1, &text);
        else
            td_node_to_yaml(out, &text);
        const td_node *doc;
        if (json)
            assert_ok(td_json_parse(a, text.data, text.size, "t", 1, &doc, &err), &err);
        else
            assert_ok(td_yaml_parse(a, text.data, text.size, "t", &doc, &err), &err);
        td_net *back = NULL;
        assert_ok(td_net_from_node(doc, &back, &err), &err);
        same_layers(net, back, names);
        assert_true(td_net_hash(net) == td_net_hash(back));
        assert_string_equal(td_net_name(net), td_net_name(back));
        /* The second text is the first: the form is canonical. */
        td_text again = {0};
        td_node *second = td_net_to_node(back, a);
        if (json)
            td_node_to_json(second, 1, &again);
        else
            td_node_to_yaml(second, &again);
        assert_string_equal(text.data, again.data);
        td_text_free(&again);
        td_text_free(&text);
        td_net_destroy(back);
        td_arena_destroy(a);
    }
}

static void test_round_trips(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 150; seed++) {
        td_rng r = td_rng_make(seed, 7, TD_RNG_TEST);
        td_net *net = random_net(&r, 20, (int)(seed % 3));
        for (int i = 0; i < td_net_size(net); i++)
            if (td_rng_below(&r, 4) == 0)
                td_net_set_bits(net, i, 1 + (int)td_rng_below(&r, 16), 4, 8, 24);
        round_trip(net, true);
        td_net_destroy(net);
    }
    int n;
    const td_net_entry *list = td_net_list(&n);
    td_error err;
    for (int i = 0; i < n; i++) {
        td_net *net;
        assert_ok(td_net_build(list[i].name, TD_DIM(0, 0, 0), 1, 0, &net, &err), &err);
        round_trip(net, true);
        td_net_destroy(net);
    }
    td_net *net = every_op_net(); /* one name stands twice there */
    round_trip(net, false);
    td_net_destroy(net);
}

/* Names that collide in every way, among them with the made ones and at full length. */
static void test_names_become_unique(void **state) {
    (void)state;
    td_net *net = td_net_create("names: # \"odd\"", TD_DIM(1, 2, 2));
    static const char *const names[] = {"input", "relu9", "x",  "x", "x_4",   "x",
                                        "",      "true",  "12", "~", "- a: b"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        td_net_act(net, (int)i, TD_OP_RELU);
        td_net_name_last(net, "%s", names[i]);
    }
    for (int i = 0; i < 3; i++) {
        td_net_act(net, i, TD_OP_RELU);
        td_net_name_last(net, "%060d", 7);
    }
    td_net_add(net, 2, td_net_output(net));
    round_trip(net, false);
    td_net_destroy(net);
}

static void test_defaults(void **state) {
    (void)state;
    td_error err = {0};
    td_net *net = parse("name: toy\n"
                        "input: [1, 28, 28]\n"
                        "layers:\n"
                        "  - {op: conv, out: 16, kernel: 3, stride: 2}\n"
                        "  - {op: batch_norm, name: norm}\n"
                        "  - {op: relu}\n"
                        "  - {op: conv, out: 16, kernel: [1, 3], groups: 16, dilation: [1, 2]}\n"
                        "  - {op: add, inputs: [relu3, conv4]}\n"
                        "  - {op: mul, inputs: [norm, add5], bits: [8, 8, 4, 32]}\n"
                        "  - {op: max_pool, kernel: 2, stride: 2, pad: 0}\n"
                        "  - {op: conv, out: 2, kernel: 3, pad: [0, 1, 2, 1], bias: true}\n"
                        "  - {op: concat, inputs: [conv8, conv8]}\n"
                        "  - {op: global_avg_pool}\n"
                        "  - {op: fc, out: 10, bias: false}\n",
                        &err);
    if (net == NULL) fail_msg("%s", err.message);
    assert_int_equal(td_net_size(net), 12);
    const td_layer *l = td_net_layer(net, 1);
    assert_true(l->c == 16 && l->h == 14 && l->w == 14 && l->pad[0] == 1 && !l->bias);
    l = td_net_layer(net, 4);
    assert_true(l->h == 14 && l->w == 14 && l->pad[1] == 2 && l->pad[0] == 0);
    l = td_net_layer(net, 5);
    assert_true(l->input[0] == 3 && l->input[1] == 4);
    assert_int_equal(td_net_layer(net, 6)->input[0], 2);
    assert_int_equal(td_net_layer(net, 6)->bits[TD_O], 4);
    assert_true(td_net_layer(net, 7)->h == 7 && td_net_layer(net, 7)->pad[3] == 0);
    assert_true(td_net_layer(net, 8)->h == 7 && td_net_layer(net, 8)->bias);
    assert_int_equal(td_net_layer(net, 9)->c, 4);
    assert_false(td_net_layer(net, 11)->bias);
    round_trip(net, true);
    td_net_destroy(net);
}

static void test_faults(void **state) {
    (void)state;
    static const struct {
        const char *layers, *part;
    } cases[] = {
        {"  - {op: conv, out: 4, kernal: 3}\n", "kernal"},
        {"  - {op: relu, kernel: 3}\n", "kernel"},
        {"  - {op: max_pool, kernel: 3, groups: 2}\n", "groups"},
        {"  - {op: fc, out: 4, stride: 2}\n", "stride"},
        {"  - {op: mish}\n", "no op is called 'mish'; known: conv, fc"},
        {"  - {op: input}\n", "no op is called 'input'"},
        {"  - {kernel: 3}\n", "op"},
        {"  - {op: conv}\n", "out"},
        {"  - {op: conv, out: 0}\n", "out"},
        {"  - {op: conv, out: 4, groups: 2}\n", "2 groups do not divide 3"},
        {"  - {op: conv, out: 4, kernel: [3]}\n", "list of 2"},
        {"  - {op: conv, out: 4, kernel: big}\n", "kernel"},
        {"  - {op: conv, out: 4, kernel: 65536, dilation: 65536}\n", "reach too far"},
        {"  - {op: conv, out: 4, kernel: 11, pad: 0}\n", "reaches over 11 rows"},
        {"  - {op: conv, out: 4, pad: [1, 1]}\n", "list of 4"},
        {"  - {op: conv, out: 4, pad: -1}\n", "pad"},
        {"  - {op: avg_pool, kernel: 3, pad: 3}\n", "less than its kernel"},
        {"  - {op: relu, inputs: [later]}\n", "no earlier layer is called 'later'"},
        {"  - {op: relu, inputs: [relu1]}\n", "no earlier layer is called 'relu1'"},
        {"  - {op: relu, inputs: [0]}\n", "name of a layer"},
        {"  - {op: relu, inputs: []}\n", "inputs"},
        {"  - {op: relu, inputs: [input, input]}\n", "inputs: expected 1, found 2"},
        {"  - {op: add}\n", "inputs: expected 2, found 1"},
        {"  - {op: relu, name: input}\n", "is called 'input', too"},
        {"  - {op: relu, name: relu2}\n  - {op: relu}\n", "is called 'relu2', too"},
        {"  - {op: relu, name: \"\"}\n", "1..47"},
        {"  - {op: relu, name: a123456789012345678901234567890123456789012345678}\n", "1..47"},
        {"  - {op: relu, bits: [8, 8, 8]}\n", "list of 4"},
        {"  - {op: relu, bits: [8, 8, 8, 65]}\n", "1..64"},
        {"  - relu\n", "expected a layer"},
        {"  - {op: conv, out: 4}\n  - {op: relu}\nmore: 1\n", "more"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char yaml[512];
        snprintf(yaml, sizeof yaml, "name: bad\ninput: [3, 8, 8]\nlayers:\n%s", cases[i].layers);
        td_error err = {0};
        td_net *net = parse(yaml, &err);
        if (net != NULL) fail_msg("accepted: %s", cases[i].layers);
        assert_int_equal(err.code, TD_E_INPUT);
        if (strstr(err.message, cases[i].part) == NULL)
            fail_msg("'%s' not in '%s'", cases[i].part, err.message);
        if (strstr(err.message, "net.yaml:") == NULL) fail_msg("no place in '%s'", err.message);
    }
    td_error err = {0};
    assert_null(parse("input: [3, 8]\nlayers: []\n", &err));
    assert_null(parse("input: [3, 8, 0]\nlayers: []\n", &err));
    assert_null(parse("input: [65536, 65536, 65536]\nlayers: []\n", &err));
    assert_non_null(strstr(err.message, "too large"));
    assert_null(parse("input: [3, 8, 8]\n", &err));
    assert_null(parse("- 3\n", &err));
    td_net *net = parse("input: [3, 8, 8]\nlayers: []\n", &err);
    assert_non_null(net);
    assert_int_equal(td_net_size(net), 1);
    td_net_act(net, 1, TD_OP_RELU);
    td_arena *a = td_arena_create();
    assert_null(td_net_to_node(net, a)); /* a network with a fault has no file */
    td_arena_destroy(a);
    td_net_destroy(net);
    assert_int_equal(td_net_from_node(NULL, &net, &err), TD_E_INPUT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_names_become_unique),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The graph: shapes against counting windows, faults that stick, names, clone, hash, bits. */
#include "common.h"

#include "tandem/net.h"

#include "random_net.h"

/* Positions at which a window fits, by trying them. */
static int positions(int size, int kernel, int stride, int dilation, int before, int after) {
    int n = 0;
    for (int at = -before; at + (kernel - 1) * dilation < size + after; at += stride) n++;
    return n;
}

static void test_random_shapes(void **state) {
    (void)state;
    td_error err;
    int seen[TD_NOP] = {0};
    for (uint64_t seed = 0; seed < 400; seed++) {
        td_rng r = td_rng_make(seed, 1, TD_RNG_TEST);
        td_net *net = random_net(&r, 25, (int)(seed % 4));
        assert_ok(td_net_check(net, &err), &err);
        assert_int_equal(td_net_output(net), td_net_size(net) - 1);
        for (int i = 1; i < td_net_size(net); i++) {
            const td_layer *l = td_net_layer(net, i), *x = td_net_layer(net, l->input[0]);
            seen[l->op]++;
            int c = x->c, h = x->h, w = x->w;
            if (l->op == TD_OP_CONV || l->op == TD_OP_MAX_POOL || l->op == TD_OP_AVG_POOL) {
                h = positions(x->h, l->kernel[0], l->stride[0], l->dilation[0], l->pad[0],
                              l->pad[2]);
                w = positions(x->w, l->kernel[1], l->stride[1], l->dilation[1], l->pad[1],
                              l->pad[3]);
            }
            if (l->op == TD_OP_CONV || l->op == TD_OP_FC) c = l->c;
            if (l->op == TD_OP_FC || l->op == TD_OP_GLOBAL_POOL) h = w = 1;
            if (l->op == TD_OP_RESIZE) h = l->h, w = l->w;
            if (l->op == TD_OP_CONCAT) {
                c = 0;
                for (int k = 0; k < l->n_inputs; k++) c += td_net_layer(net, l->input[k])->c;
            }
            assert_int_equal(l->c, c);
            assert_int_equal(l->h, h);
            assert_int_equal(l->w, w);
            for (int k = 0; k < l->n_inputs; k++) assert_in_range(l->input[k], 0, i - 1);
        }
        td_net_destroy(net);
    }
    for (int op = 1; op < TD_NOP; op++)
        if (seen[op] == 0 && !td_op_cost_only((td_op)op))
            fail_msg("no random network has %s", td_op_name((td_op)op));
}

static void test_same_padding(void **state) {
    (void)state;
    for (int size = 1; size <= 30; size++)
        for (int kernel = 1; kernel <= 7; kernel++)
            for (int stride = 1; stride <= 4; stride++)
                for (int dilation = 1; dilation <= 3; dilation++) {
                    td_net *net = td_net_create("same", TD_DIM(1, size, size));
                    int x = td_net_conv(net, 0, 1, kernel, stride, 1, dilation);
                    const td_layer *l = td_net_layer(net, x);
                    assert_non_null(l);
                    assert_int_equal(l->h, (size + stride - 1) / stride);
                    if ((kernel - 1) * dilation % 2 == 0) assert_int_equal(l->pad[0], l->pad[2]);
                    td_net_destroy(net);
                }
}

/* A fault is reported by check, with these words in it, and later calls return -1. */
static void expect_fault(td_net *net, int result, td_status code, const char *part) {
    td_error err = {0};
    assert_int_equal(result, -1);
    assert_int_equal(td_net_check(net, &err), code);
    if (strstr(err.message, part) == NULL) fail_msg("'%s' not in '%s'", part, err.message);
    assert_int_equal(td_net_check(net, NULL), code);
    int size = td_net_size(net);
    assert_int_equal(td_net_conv(net, 0, 1, 1, 1, 1, 1), -1);
    assert_int_equal(td_net_act(net, 0, TD_OP_CONV), -1);
    td_net_name_last(net, "never");
    td_net_set_bits(net, 0, 0, 0, 0, 0);
    assert_int_equal(td_net_size(net), size);
    td_error again = {0};
    td_net_check(net, &again);
    assert_string_equal(err.message, again.message);
    assert_null(td_weights_create(net));
    td_net_destroy(net);
}

static void test_faults(void **state) {
    (void)state;
    const td_shape in = {6, 8, 8};
#define FAULT(call, part)                                                                          \
    do {                                                                                           \
        td_net *n = td_net_create("bad", in);                                                      \
        int result = (call);                                                                       \
        expect_fault(n, result, TD_E_USAGE, part);                                                 \
    } while (0)
    FAULT(td_net_conv(n, 0, 8, 3, 1, 4, 1), "4 groups do not divide 6 input and 8 output");
    FAULT(td_net_conv(n, 0, 8, 3, 1, 0, 1), "0 groups");
    FAULT(td_net_conv(n, 0, 0, 3, 1, 1, 1), "output channels");
    FAULT(td_net_conv(n, 0, -1, 3, 1, 1, 1), "output channels");
    FAULT(td_net_conv(n, 0, 8, 0, 1, 1, 1), "kernel 0");
    FAULT(td_net_conv(n, 0, 8, 3, 0, 1, 1), "stride 0");
    FAULT(td_net_conv(n, 0, 8, 3, 1, 1, 0), "dilation 0");
    FAULT(td_net_conv(n, 0, 8, INT32_MAX, 1, 1, INT32_MAX), "kernel");
    FAULT(td_net_conv(n, 3, 8, 3, 1, 1, 1), "no value 3");
    FAULT(td_net_conv(n, -1, 8, 3, 1, 1, 1), "no value -1");
    FAULT(td_net_pool(n, 0, TD_OP_RELU, 3, 1), "is not a pool");
    FAULT(td_net_act(n, 0, TD_OP_ADD), "is not an activation");
    FAULT(td_net_act(n, 0, TD_NOP), "is not an activation");
    FAULT(td_net_add(n, 0, td_net_conv(n, 0, 6, 3, 2, 1, 1)), "6x8x8 and 6x4x4 differ");
    FAULT(td_net_mul(n, td_net_conv(n, 0, 6, 3, 2, 1, 1), 0), "do not go together");
    FAULT(td_net_concat(n, NULL, 0), "inputs: expected 1 to 64, found 0");
    FAULT(td_net_concat(n, (int[65]){0}, 65), "expected 1 to 64, found 65");
    FAULT(td_net_concat(n, (int[2]){0, td_net_global_pool(n, 0)}, 2), "8x8 and 1x1");
    FAULT(td_net_fc(n, 0, 1 << 21), "output channels");
    td_conv_spec s = {
        .out_c = 4, .kernel = {9, 1}, .stride = {1, 1}, .dilation = {1, 1}, .groups = 1};
    FAULT(td_net_conv_spec(n, 0, &s), "reaches over 9 rows, the padded input has 8");
    s.pad[1] = -1;
    s.kernel[0] = 1;
    FAULT(td_net_conv_spec(n, 0, &s), "padding -1");
    s.pad[1] = 0;
    s.stride[1] = 70000;
    FAULT(td_net_conv_spec(n, 0, &s), "stride 70000");
    FAULT((td_net_set_bits(n, 0, 8, 0, 8, 32), -1), "0 bits");
    FAULT((td_net_set_bits(n, 1, 8, 8, 8, 32), -1), "layer 1, which does not exist");
    /* The message names network and layer. */
    FAULT(td_net_conv(n, td_net_bn(n, 0), 8, 0, 1, 1, 1), "network 'bad', layer 2 (conv)");
#undef FAULT
    expect_fault(td_net_create("bad", TD_DIM(0, 8, 8)), -1, TD_E_USAGE, "channels");
    expect_fault(td_net_create("bad", TD_DIM(3, 8, 65537)), -1, TD_E_USAGE, "height or width");
    expect_fault(td_net_create("bad", TD_DIM(3, -8, 8)), -1, TD_E_USAGE, "height or width");
    expect_fault(td_net_create("bad", TD_DIM(1 << 20, 65536, 65536)), -1, TD_E_USAGE, "too large");
    assert_int_equal(td_net_check(NULL, NULL), TD_E_MEMORY);
}

/* Whatever is added, totals never overflow: huge layers are refused. */
static void test_limits(void **state) {
    (void)state;
    td_net *net = td_net_create("huge", TD_DIM(256, 4096, 4096));
    int x = 0;
    while (x >= 0) x = td_net_conv(net, x, 256, 101, 1, 1, 1);
    td_error err = {0};
    assert_int_equal(td_net_check(net, &err), TD_E_USAGE);
    assert_non_null(strstr(err.message, "exceed what can be counted"));
    td_net_totals t;
    td_net_count(net, &t);
    assert_true(t.macs > INT64_C(1) << 60 && t.macs < INT64_C(1) << 62);
    td_net_destroy(net);

    net = td_net_create("long", TD_DIM(1, 1, 1));
    while (td_net_act(net, td_net_output(net), TD_OP_RELU) >= 0) continue;
    assert_int_equal(td_net_size(net), 65536);
    assert_int_equal(td_net_check(net, &err), TD_E_USAGE);
    td_net_destroy(net);
}

static void test_names(void **state) {
    (void)state;
    td_net *net = td_net_create("names", TD_DIM(1, 4, 4));
    td_net_conv(net, 0, 2, 3, 1, 1, 1);
    assert_string_equal(td_net_layer(net, 0)->name, "input");
    assert_string_equal(td_net_layer(net, 1)->name, "conv1");
    td_net_name_last(net, "block%d.expand", 7);
    assert_string_equal(td_net_layer(net, 1)->name, "block7.expand");
    td_net_name_last(net, "%0100d", 0);
    assert_int_equal(strlen(td_net_layer(net, 1)->name), 47);
    /* Two-byte characters: the cut leaves none in halves. */
    td_net_name_last(net, "x%s",
                     "\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9"
                     "\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9");
    size_t n = strlen(td_net_layer(net, 1)->name);
    assert_true(n % 2 == 1 && n >= 45);
    assert_null(td_net_layer(net, -1));
    assert_null(td_net_layer(net, 2));
    td_net_destroy(net);
    td_net_destroy(NULL);
    assert_string_equal(td_op_name(TD_OP_HSWISH), "hard_swish");
    assert_string_equal(td_op_name(TD_NOP), "?");
}

static void test_clone(void **state) {
    (void)state;
    td_net *net = every_op_net(), *copy = td_net_clone(net);
    assert_non_null(copy);
    assert_int_equal(td_net_hash(net), td_net_hash(copy));
    assert_string_equal(td_net_name(net), td_net_name(copy));
    td_net_act(copy, td_net_output(copy), TD_OP_RELU); /* the copy grows alone */
    assert_int_equal(td_net_size(copy), td_net_size(net) + 1);
    assert_true(td_net_hash(net) != td_net_hash(copy));
    td_net_destroy(net);
    td_net_destroy(copy);
    net = td_net_create("bad", TD_DIM(0, 1, 1));
    copy = td_net_clone(net);
    assert_int_equal(td_net_check(copy, NULL), TD_E_USAGE);
    td_net_destroy(net);
    td_net_destroy(copy);
    assert_null(td_net_clone(NULL));
}

static td_net *small(int out, int kernel, int stride, int groups, int dilation, int bits,
                     td_op act) {
    td_net *net = td_net_create("small", TD_DIM(4, 9, 9));
    int x = td_net_conv(net, 0, out, kernel, stride, groups, dilation);
    td_net_set_bits(net, x, bits, 8, 8, 32);
    td_net_act(net, x, act);
    return net;
}

static void test_hash(void **state) {
    (void)state;
    /* Variants that differ in one thing each, and one that differs in its names only. */
    td_net *v[] = {
        small(8, 3, 1, 1, 1, 8, TD_OP_RELU), small(4, 3, 1, 1, 1, 8, TD_OP_RELU),
        small(8, 5, 1, 1, 1, 8, TD_OP_RELU), small(8, 3, 2, 1, 1, 8, TD_OP_RELU),
        small(8, 3, 1, 2, 1, 8, TD_OP_RELU), small(8, 3, 1, 1, 2, 8, TD_OP_RELU),
        small(8, 3, 1, 1, 1, 4, TD_OP_RELU), small(8, 3, 1, 1, 1, 8, TD_OP_RELU6),
        td_net_create("s", TD_DIM(4, 9, 9)), td_net_create("s", TD_DIM(4, 9, 8)),
    };
    int n = (int)(sizeof v / sizeof v[0]);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++) assert_true(td_net_hash(v[i]) != td_net_hash(v[j]));
    td_net *named = small(8, 3, 1, 1, 1, 8, TD_OP_RELU);
    td_net_name_last(named, "other");
    assert_true(td_net_hash(named) == td_net_hash(v[0]));
    td_net_destroy(named);
    /* Edges: a shortcut from elsewhere. */
    td_net *a = td_net_create("e", TD_DIM(1, 2, 2)), *b = td_net_create("e", TD_DIM(1, 2, 2));
    for (int i = 0; i < 2; i++) {
        td_net *e = i ? a : b;
        int x = td_net_act(e, 0, TD_OP_RELU);
        int y = td_net_act(e, x, TD_OP_RELU);
        td_net_add(e, y, i ? x : 0);
    }
    assert_true(td_net_hash(a) != td_net_hash(b));
    td_net_destroy(a);
    td_net_destroy(b);
    for (int i = 0; i < n; i++) td_net_destroy(v[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_shapes), cmocka_unit_test(test_same_padding),
        cmocka_unit_test(test_faults),        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_names),         cmocka_unit_test(test_clone),
        cmocka_unit_test(test_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

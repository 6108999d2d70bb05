/* Bits per layer: how they are written, and what they make of the values between layers. */
#include "common.h"

#include "tandem/net.h"

static void texts(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int w, a, p;
    } good[] = {{"8", 8, 8, 0},
                {"1", 1, 1, 0},
                {"32", 32, 32, 0},
                {"w4a8", 4, 8, 0},
                {"w16a2p40", 16, 2, 40}};
    static const char *const bad[] = {
        "",   "0",  "33",       "w4",  "a8",  "w4a8p", "w4a0",   "w4a8p65",
        "8 ", "-8", "w4a8p24x", "4,8", "8.0", "W4A8",  "w4a8p0", "99999999999"};
    td_error err = {0};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        td_precision x;
        assert_ok(td_precision_parse(good[i].text, &x, &err), &err);
        assert_int_equal(x.w, good[i].w);
        assert_int_equal(x.a, good[i].a);
        assert_int_equal(x.p, good[i].p);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        td_precision x = {1, 2, 3};
        if (td_precision_parse(bad[i], &x, &err) != TD_E_INPUT) fail_msg("\"%s\" is taken", bad[i]);
        assert_non_null(strstr(err.message, "expected bits such as"));
        assert_int_equal(x.p, 3);
    }
    static const char *const narrow[] = {"w8a8p3", "w4a8p7", "w8a4p7"};
    for (size_t i = 0; i < sizeof narrow / sizeof narrow[0]; i++) {
        td_precision x;
        assert_int_equal(td_precision_parse(narrow[i], &x, &err), TD_E_INPUT);
        assert_non_null(strstr(err.message, "narrower"));
    }
}

/* b_o = b_a + b_w + log2(n k^2) */
static void sums(void **state) {
    (void)state;
    assert_near(td_sum_bits(8, 8, 64 * 9), 16 + 9.169925, 1e-6);
    assert_near(td_sum_bits(4, 8, 1), 12, 0);
    assert_near(td_sum_bits(1, 1, 1024), 12, 1e-12);
}

/* A stem, a residual block whose first layer is narrow, a pool, and a classifier. */
typedef struct {
    td_net *net;
    int stem, relu, narrow, wide, sum, pool, fc;
} block;

static block make(void) {
    block b = {.net = td_net_create("block", TD_DIM(3, 8, 8))};
    b.stem = td_net_conv(b.net, 0, 16, 3, 1, 1, 1);
    td_net_name_last(b.net, "stem");
    b.relu = td_net_act(b.net, td_net_bn(b.net, b.stem), TD_OP_RELU);
    b.narrow = td_net_conv(b.net, b.relu, 16, 3, 1, 1, 1);
    td_net_name_last(b.net, "narrow");
    b.wide = td_net_conv(b.net, b.narrow, 16, 1, 1, 16, 1);
    td_net_name_last(b.net, "wide");
    b.sum = td_net_add(b.net, b.wide, b.relu);
    b.pool = td_net_global_pool(b.net, b.sum);
    b.fc = td_net_fc(b.net, b.pool, 10);
    td_net_name_last(b.net, "last");
    td_error err = {0};
    assert_ok(td_net_check(b.net, &err), &err);
    return b;
}

static void bits(const td_net *net, int i, int w, int in, int out, int acc) {
    const td_layer *l = td_net_layer(net, i);
    int found[] = {l->bits[TD_W], l->bits[TD_I], l->bits[TD_O], l->acc_bits};
    int want[] = {w, in, out, acc};
    for (int k = 0; k < 4; k++)
        if (found[k] != want[k])
            fail_msg("layer %s: figure %d is %d, expected %d", l->name, k, found[k], want[k]);
}

static void values(void **state) {
    (void)state;
    td_error err = {0};
    block b = make();
    td_precision of[16] = {{0}};
    of[b.stem] = (td_precision){8, 8, 0};
    of[b.narrow] = (td_precision){2, 4, 0};
    of[b.wide] = (td_precision){4, 6, 20};
    of[b.fc] = (td_precision){16, 16, 0};
    assert_ok(td_net_set_precision(b.net, of, &err), &err);
    bits(b.net, 0, 8, 8, 8, 32);        /* the image: what the stem reads */
    bits(b.net, b.fc, 16, 16, 16, 36);  /* 16 + 16 + log2(16); nobody reads it */
    bits(b.net, b.pool, 8, 16, 16, 32); /* for the classifier, */
    bits(b.net, b.sum, 8, 16, 16, 32);  /* and the sum before it, and both its sides */
    bits(b.net, b.wide, 4, 6, 16, 20);
    bits(b.net, b.relu, 8, 16, 16, 32);
    bits(b.net, b.stem, 8, 8, 16, 32);
    bits(b.net, b.narrow, 2, 4, 6, 32); /* reads 4 of the 16 bits; the next layer wants 6 */

    /* Uniform 8 bits are what a network has by itself. */
    block fresh = make();
    for (int i = 0; i < 16; i++) of[i] = (td_precision){8, 8, 0};
    assert_ok(td_net_set_precision(b.net, of, &err), &err);
    assert_true(td_net_hash(b.net) == td_net_hash(fresh.net));

    of[b.wide] = (td_precision){8, 0, 0};
    assert_int_equal(td_net_set_precision(b.net, of, &err), TD_E_USAGE);
    assert_non_null(strstr(err.message, "layer wide"));
    of[b.wide] = (td_precision){8, 8, 0};
    assert_true(td_net_hash(b.net) == td_net_hash(fresh.net)); /* as it was */
    of[b.narrow] = (td_precision){32, 32, 0}; /* 64 + log2(144) bits would hold them */
    assert_ok(td_net_set_precision(b.net, of, &err), &err);
    bits(b.net, b.narrow, 32, 32, 8, 64);
    td_net_destroy(b.net);
    td_net_destroy(fresh.net);
}

static td_status read(const char *yaml, const td_net *net, td_precision *of, td_error *err) {
    td_arena *a = td_arena_create();
    const td_node *doc;
    td_status s = td_yaml_parse(a, yaml, strlen(yaml), "b.yaml", &doc, err);
    if (s == TD_OK) s = td_precision_from_node(doc, net, of, err);
    td_arena_destroy(a);
    return s;
}

static void files(void **state) {
    (void)state;
    td_error err = {0};
    block b = make();
    td_precision of[16];
    assert_ok(read("default: w4a6\nlayers: {stem: 8, last: w2a3p24}\n", b.net, of, &err), &err);
    assert_int_equal(of[b.stem].w, 8);
    assert_int_equal(of[b.stem].a, 8);
    assert_int_equal(of[b.narrow].w, 4);
    assert_int_equal(of[b.wide].a, 6);
    assert_int_equal(of[b.fc].p, 24);
    assert_ok(read("layers: {wide: 3}\n", b.net, of, &err), &err);
    assert_int_equal(of[b.wide].a, 3);
    assert_int_equal(of[b.stem].a, 8);
    static const char *const bad[][2] = {
        {"layers:\n  stm: 8\n", "b.yaml:2: layers: unknown key \"stm\", did you mean \"stem\"?"},
        {"default: w9\n", "b.yaml:1: default: expected bits such as 8"},
        {"default: 8.5\n", "b.yaml:1: default: expected bits"},
        {"layers: {stem: [8, 8]}\n", "expected bits"},
        {"- 8\n", "expected a map"},
        {"bits: 8\n", "unknown key"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(read(bad[i][0], b.net, of, &err), TD_E_INPUT);
        if (strstr(err.message, bad[i][1]) == NULL) fail_msg("%s", err.message);
    }
    td_net_destroy(b.net);
}

/* A product of two values: both have the activations' bits, and its sums those of its rows. */
static void products(void **state) {
    (void)state;
    td_net *net = td_net_create("n", TD_DIM(2, 8, 8));
    int a = td_net_conv(net, 0, 2, 1, 1, 1, 1), y = td_net_matmul(net, a, a);
    td_precision of[3] = {{8, 8, 0}, {4, 8, 0}, {4, 16, 0}};
    td_error err = {0};
    assert_ok(td_net_check(net, &err), &err);
    assert_ok(td_net_set_precision(net, of, &err), &err);
    bits(net, a, 4, 8, 16, 32);
    bits(net, y, 16, 16, 16, 35); /* 16 + 16 + log2(8) */
    td_net_destroy(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(texts), cmocka_unit_test(sums),
                                       cmocka_unit_test(values), cmocka_unit_test(files),
                                       cmocka_unit_test(products)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

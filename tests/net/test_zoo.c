/* Whole networks and blocks against published counts and counts made by hand. */
#include "common.h"

#include "tandem/net.h"

static td_net *build(const char *name, td_shape input, double width, int classes) {
    td_error err = {0};
    td_net *net = NULL;
    assert_ok(td_net_build(name, input, width, classes, &net, &err), &err);
    assert_non_null(net);
    return net;
}

static td_net_totals totals(const char *name, td_shape input, double width, int classes) {
    td_net *net = build(name, input, width, classes);
    td_net_totals t;
    td_net_count(net, &t);
    td_net_destroy(net);
    return t;
}

static const td_shape own = {0, 0, 0};

/* MACs and parameters of an inverted bottleneck, by hand; the sides change from *side. */
static void ibn(int *side, int *c, int kernel, int t, int out, int stride, int64_t *macs,
                int64_t *params) {
    int64_t wide = (int64_t)*c * t, before = (int64_t)*side * *side;
    *side = (*side + stride - 1) / stride;
    int64_t after = (int64_t)*side * *side;
    if (t != 1) {
        *macs += before * *c * wide;
        *params += *c * wide + 2 * wide;
    }
    *macs += after * wide * kernel * kernel + after * wide * out;
    *params += wide * kernel * kernel + 2 * wide + wide * out + 2 * out;
    *c = out;
}

static void test_mobilenetv2(void **state) {
    (void)state;
    /* Stem, rows of table 2 of the paper, head: 300,774,272 and 3,504,872, which is also what
     * common tools print for the 224 x 224 network. */
    static const int rows[][4] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                                  {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
    int side = 112, c = 32;
    int64_t macs = 112LL * 112 * 32 * 27, params = 32 * 27 + 64;
    for (int i = 0; i < 7; i++)
        for (int k = 0; k < rows[i][2]; k++)
            ibn(&side, &c, 3, rows[i][0], rows[i][1], k == 0 ? rows[i][3] : 1, &macs, &params);
    macs += 7LL * 7 * 320 * 1280 + 1280 * 1000;
    params += 320 * 1280 + 2 * 1280 + 1280 * 1000 + 1000;
    assert_int_equal(macs, 300774272);
    assert_int_equal(params, 3504872);
    td_net_totals t = totals("mobilenetv2", own, 1, 1000);
    assert_int_equal(t.macs, 300774272);
    assert_int_equal(t.params, 3504872);
    assert_int_equal(t.layers, 53); /* 52 convolutions and the fc */
    t = totals("mobilenetv2", own, 1, 0);
    assert_int_equal(t.params, 3504872);

    /* Width 1.4: the paper's 585 M MACs and 6.9 M parameters (its own rounding), 0.75: 209 M and
     * 2.6 M. Heads do not shrink. */
    t = totals("mobilenetv2", own, 1.4, 1000);
    assert_near((double)t.macs / 1e6, 585, 5);
    assert_near((double)t.params / 1e6, 6.1, 0.1);
    t = totals("mobilenetv2", own, 0.75, 1000);
    assert_near((double)t.macs / 1e6, 209, 1);
    assert_near((double)t.params / 1e6, 2.64, 0.02);

    /* Any size works: sides shrink to 1 at worst. */
    for (int size = 1; size <= 40; size += 3) {
        td_net *net = build("mobilenetv2", TD_DIM(size % 2 ? 1 : 3, size, size), 0.35, 10);
        const td_layer *out = td_net_layer(net, td_net_output(net));
        assert_int_equal(out->c, 10);
        assert_int_equal(out->h * out->w, 1);
        td_net_destroy(net);
    }
}

static void test_measured_networks(void **state) {
    (void)state;
    static const int rows_a[8][4] = {{3, 1, 16, 1}, {3, 3, 24, 2}, {3, 3, 24, 1}, {3, 6, 32, 2},
                                     {5, 6, 32, 1}, {3, 6, 32, 1}, {5, 6, 64, 1}, {3, 3, 64, 1}};
    static const int rows_c[5][4] = {
        {3, 1, 16, 1}, {3, 3, 24, 2}, {3, 3, 24, 1}, {5, 6, 32, 1}, {3, 6, 32, 1}};
    int side = 28, c = 16;
    int64_t macs = 28 * 28 * 16 * 9, params = 16 * 9 + 32;
    for (int i = 0; i < 8; i++)
        ibn(&side, &c, rows_a[i][0], rows_a[i][1], rows_a[i][2], rows_a[i][3], &macs, &params);
    macs += (int64_t)side * side * c * 128 + 128 * 10;
    params += c * 128 + 256 + 128 * 10 + 10;
    td_net_totals t = totals("A", own, 1, 10);
    assert_int_equal(t.macs, macs);
    assert_int_equal(t.params, params);
    assert_int_equal(t.macs, 7464176);
    assert_near((double)t.macs / 1e6, 7.46, 0.005);

    side = 14, c = 16, macs = 14 * 14 * 16 * 9, params = 16 * 9 + 32;
    for (int i = 0; i < 5; i++)
        ibn(&side, &c, rows_c[i][0], rows_c[i][1], rows_c[i][2], rows_c[i][3], &macs, &params);
    macs += (int64_t)side * side * c * 128 + 128 * 10;
    params += c * 128 + 256 + 128 * 10 + 10;
    t = totals("C", own, 1, 10);
    assert_int_equal(t.macs, macs);
    assert_int_equal(t.params, params);
    /* The notes say 1.99 M: the convolutions alone. */
    assert_int_equal(t.macs, 1996168);
    assert_near((double)(t.macs - 1280) / 1e6, 1.99, 0.005);

    /* B: stem; 3x3 16-16; 16-48 s2, 48-24; 24-72, 72-24; 24-72 s2, 72-32; twice 32-96, 96-32;
     * 32-96, 96-64; head; fc. */
    macs = 784 * 144 + 784 * 16 * 144 + 196 * (16 * 432 + 48 * 24) + 196 * (24 * 648 + 72 * 24) +
           49 * (24 * 648 + 72 * 32) + 2 * 49 * (32 * 864 + 96 * 32) + 49 * (32 * 864 + 96 * 64) +
           49 * 64 * 128 + 1280;
    t = totals("B", own, 1, 10);
    assert_int_equal(t.macs, macs);
    assert_int_equal(t.macs, 12830656);
    assert_near((double)t.macs / 1e6, 12.8, 0.05);
}

static void test_handmade(void **state) {
    (void)state;
    int64_t last = 0;
    for (int i = 1; i <= 8; i++) { /* the width multiplier acts */
        td_net_totals t = totals("handmade", own, 0.25 * i, 10);
        assert_true(t.macs > last);
        last = t.macs;
    }
    td_net_totals t = totals("handmade", TD_DIM(1, 28, 28), 1, 10);
    assert_true(t.macs > 2000000 && t.macs < 4000000);
    t = totals("handmade", TD_DIM(3, 32, 32), 1, 100);
    assert_true(t.macs > 2000000 && t.macs < 4000000);
}

static void test_list(void **state) {
    (void)state;
    int n = 0;
    const td_net_entry *list = td_net_list(&n);
    assert_true(n > 40);
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < i; k++) assert_string_not_equal(list[i].name, list[k].name);
        td_net *net = build(list[i].name, own, 1, 0);
        assert_string_equal(td_net_name(net), list[i].name);
        assert_true(strlen(list[i].about) > 10);
        td_net_destroy(net);
    }
    td_error err = {0};
    td_net *net;
    assert_int_equal(td_net_build("vgg", own, 1, 10, &net, &err), TD_E_NOT_FOUND);
    assert_null(net);
    assert_non_null(strstr(err.message, "known are: mobilenetv2, mobilenetv3-large, "));
    assert_true(strlen(err.message) < sizeof err.message - 1); /* it is not cut */
    assert_int_equal(td_net_build("resnet-50", own, 1, 10, &net, &err), TD_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "did you mean \"resnet50\"?"));
    assert_int_equal(td_net_build("A", own, 0, 10, &net, &err), TD_E_USAGE);
    assert_int_equal(td_net_build("A", own, NAN, 10, &net, &err), TD_E_USAGE);
    assert_int_equal(td_net_build("A", own, 1, -1, &net, &err), TD_E_USAGE);
    assert_int_equal(td_net_build("A", TD_DIM(-1, 28, 28), 1, 10, &net, &err), TD_E_USAGE);
    assert_null(net);
}

static void test_round_channels(void **state) {
    (void)state;
    assert_int_equal(td_round_channels(32, 1, 8), 32);
    assert_int_equal(td_round_channels(32, 0.35, 8), 16); /* 11.2: 8 would be below 90 % */
    assert_int_equal(td_round_channels(16, 0.35, 8), 8);
    assert_int_equal(td_round_channels(24, 0.75, 8), 24); /* 18: 16 is 89 % */
    assert_int_equal(td_round_channels(3, 1, 8), 8);
    assert_int_equal(td_round_channels(1280, 1.4, 8), 1792);
    assert_int_equal(td_round_channels(20, 1, 1), 20);
    for (int c = 1; c < 400; c++)
        for (int d = 1; d <= 16; d++) {
            int v = td_round_channels(c, 1, d);
            assert_int_equal(v % d, 0);
            assert_true(10 * v >= 9 * c);
            assert_true(v - c <= d); /* no further than the next multiple */
            if (c % d == 0) assert_int_equal(v, c);
        }
    assert_int_equal(td_round_channels(16, NAN, 8), -1);
    assert_int_equal(td_round_channels(16, 1, 0), -1);
    assert_int_equal(td_round_channels(1e300, 1, 8), -1);
}

/* EfficientNet-B0 from its blocks: 5,288,548 parameters, 385.8 M MACs in convolutions and fc. */
static void test_efficientnet(void **state) {
    (void)state;
    static const int rows[7][5] = {{1, 16, 1, 1, 3}, {6, 24, 2, 2, 3},  {6, 40, 2, 2, 5},
                                   {6, 80, 3, 2, 3}, {6, 112, 3, 1, 5}, {6, 192, 4, 2, 5},
                                   {6, 320, 1, 1, 3}};
    td_net *net = td_net_create("efficientnet-b0", TD_DIM(3, 224, 224));
    int x = td_net_conv_bn_act(net, 0, 32, 3, 2, 1, TD_OP_SWISH);
    for (int i = 0; i < 7; i++)
        for (int k = 0; k < rows[i][2]; k++) {
            td_block b = {.kernel = rows[i][4],
                          .expansion = rows[i][0],
                          .out_c = rows[i][1],
                          .stride = k == 0 ? rows[i][3] : 1,
                          .residual = true,
                          .se = 0.25,
                          .act = TD_OP_SWISH};
            x = td_net_block(net, x, &b);
        }
    x = td_net_conv_bn_act(net, x, 1280, 1, 1, 1, TD_OP_SWISH);
    td_net_fc(net, td_net_global_pool(net, x), 1000);
    td_error err;
    assert_ok(td_net_check(net, &err), &err);
    td_net_totals t;
    td_net_count(net, &t);
    assert_int_equal(t.params, 5288548);
    assert_near((double)t.macs / 1e6, 385.8, 0.6);
    td_net *shipped = build("efficientnet-b0", own, 1, 0);
    assert_true(td_net_hash(net) == td_net_hash(shipped));
    td_net_destroy(shipped);
    td_net_destroy(net);
}

/* A residual network by the arithmetic of its table: stages of n blocks with c channels, of which
 * bottlenecks have 4 c outside. */
static void resnet_by_hand(const int n[4], bool bottleneck, int size, int classes, int64_t *macs,
                           int64_t *params) {
    int64_t side = (size + 1) / 2, in = 64;
    *macs = side * side * 3 * 64 * 49;
    *params = 3 * 64 * 49 + 2 * 64;
    side = (side + 1) / 2; /* the pool */
    for (int s = 0; s < 4; s++)
        for (int i = 0; i < n[s]; i++) {
            int64_t c = 64 << s, out = bottleneck ? 4 * c : c, before = side * side;
            if (s > 0 && i == 0) side = (side + 1) / 2;
            int64_t after = side * side;
            if (bottleneck) {
                *macs += before * in * c + after * c * c * 9 + after * c * out;
                *params += in * c + 9 * c * c + c * out + 2 * (2 * c + out);
            } else {
                *macs += after * in * c * 9 + after * c * c * 9;
                *params += 9 * in * c + 9 * c * c + 4 * c;
            }
            if (i == 0 && (s > 0 || bottleneck)) { /* the shortcut changes its shape */
                *macs += after * in * out;
                *params += in * out + 2 * out;
            }
            in = out;
        }
    *macs += in * classes;
    *params += in * classes + classes;
}

/* As published with batch norms and fc, in millions: 11.69, 21.80, 25.56; MACs of common tools. */
static void test_resnet(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int n[4];
        bool bottleneck;
        int layers;
        int64_t macs, params;
        double g_macs, m_params; /* of the literature; it counts the pool's and the norms' too */
    } nets[] = {{"resnet18", {2, 2, 2, 2}, false, 21, 1814073344, 11689512, 1.82, 11.69},
                {"resnet34", {3, 4, 6, 3}, false, 37, 3663761408, 21797672, 3.67, 21.80},
                {"resnet50", {3, 4, 6, 3}, true, 54, 4089184256, 25557032, 4.09, 25.56}};
    for (int k = 0; k < 3; k++) {
        td_net_totals t = totals(nets[k].name, own, 1, 0);
        assert_int_equal(t.macs, nets[k].macs);
        assert_int_equal(t.params, nets[k].params);
        assert_int_equal(t.layers, nets[k].layers);
        assert_near((double)t.macs / 1e9, nets[k].g_macs, 0.01);
        assert_near((double)t.params / 1e6, nets[k].m_params, 0.005);
        for (int size = 1; size <= 260; size += 37) {
            int64_t macs, params;
            resnet_by_hand(nets[k].n, nets[k].bottleneck, size, 10, &macs, &params);
            t = totals(nets[k].name, TD_DIM(3, size, size), 1, 10);
            assert_int_equal(t.macs, macs);
            assert_int_equal(t.params, params);
        }
        td_net_totals half = totals(nets[k].name, own, 0.5, 1000);
        assert_near((double)half.macs / (double)nets[k].macs, 0.25, 0.03);
    }
}

static int count_ops(const td_net *net, td_op op) {
    int n = 0;
    for (int i = 0; i < td_net_size(net); i++) n += td_net_layer(net, i)->op == op;
    return n;
}

static void test_blocks(void **state) {
    (void)state;
    const td_block base = {.kernel = 3,
                           .expansion = 4,
                           .out_c = 16,
                           .stride = 1,
                           .groups = 1,
                           .residual = true,
                           .act = TD_OP_RELU};
    struct {
        bool fused, residual;
        int expansion, stride, out_c, groups;
        double se;
        int convs, acts, adds;
    } cases[] = {
        {false, true, 4, 1, 16, 1, 0, 3, 2, 1},  {false, true, 1, 1, 16, 1, 0, 2, 1, 1},
        {false, true, 4, 2, 16, 1, 0, 3, 2, 0},  {false, true, 4, 1, 24, 1, 0, 3, 2, 0},
        {false, false, 4, 1, 16, 1, 0, 3, 2, 0}, {false, true, 4, 1, 16, 1, 0.25, 5, 4, 1},
        {true, true, 4, 1, 16, 1, 0, 2, 1, 1},   {true, true, 4, 1, 16, 8, 0, 2, 1, 1},
        {true, true, 1, 1, 16, 1, 0, 1, 1, 1},   {true, true, 1, 2, 24, 1, 0, 1, 1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        td_net *net = td_net_create("block", TD_DIM(16, 8, 8));
        td_block b = base;
        b.fused = cases[i].fused;
        b.residual = cases[i].residual;
        b.expansion = cases[i].expansion;
        b.stride = cases[i].stride;
        b.out_c = cases[i].out_c;
        b.groups = cases[i].groups;
        b.se = cases[i].se;
        int y = td_net_block(net, 0, &b);
        td_error err;
        assert_ok(td_net_check(net, &err), &err);
        assert_int_equal(td_net_layer(net, y)->c, b.out_c);
        assert_int_equal(td_net_layer(net, y)->h, 8 / b.stride);
        assert_int_equal(count_ops(net, TD_OP_CONV), cases[i].convs);
        int acts = 0;
        for (int op = TD_OP_RELU; op < TD_NOP; op++) acts += count_ops(net, (td_op)op);
        assert_int_equal(acts, cases[i].acts);
        assert_int_equal(count_ops(net, TD_OP_ADD), cases[i].adds);
        if (b.fused) assert_int_equal(td_net_layer(net, 1)->groups, b.groups);
        if (b.se > 0) { /* a quarter of the block's 16 input channels, not of the 64 wide ones */
            int i_se = -1;
            for (int k = 0; k < td_net_size(net); k++)
                if (td_net_layer(net, k)->op == TD_OP_GLOBAL_POOL) i_se = k + 1;
            assert_int_equal(td_net_layer(net, i_se)->c, 4);
        }
        td_net_destroy(net);
    }
    /* What may be left out: channels inside that are no multiple of the input's, of the
     * squeeze-excite, its activations; a dilation, which changes neither shape nor counts. */
    td_net *net = td_net_create("block", TD_DIM(16, 8, 8));
    td_block special = base;
    special.expanded = 40;
    special.squeezed = 6;
    special.se_act = TD_OP_SWISH;
    special.gate = TD_OP_HSIGMOID;
    special.dilation = 2;
    int y = td_net_block(net, 0, &special);
    assert_int_equal(td_net_layer(net, y)->op, TD_OP_ADD);
    assert_int_equal(td_net_layer(net, 1)->c, 40);
    assert_int_equal(td_net_layer(net, 4)->dilation[0], 2);
    assert_int_equal(td_net_layer(net, 4)->h, 8);
    assert_int_equal(count_ops(net, TD_OP_SWISH), 1);
    assert_int_equal(count_ops(net, TD_OP_HSIGMOID), 1);
    td_net_totals t;
    td_net_count(net, &t);
    assert_int_equal(t.params,
                     16 * 40 + 80 + 40 * 9 + 80 + 40 * 6 + 6 + 6 * 40 + 40 + 40 * 16 + 32);
    td_net_destroy(net);
    net = td_net_create("block", TD_DIM(16, 8, 8));
    special = base;
    special.expanded = 16; /* as many as there are: nothing to expand */
    td_net_block(net, 0, &special);
    assert_int_equal(count_ops(net, TD_OP_CONV), 2);
    td_net_destroy(net);
    /* Impossible blocks are faults, not crashes. */
    static const int bad[] = {0, -3, INT32_MAX};
    for (int i = 0; i < 3; i++) {
        net = td_net_create("block", TD_DIM(16, 8, 8));
        td_block b = base;
        b.expansion = bad[i];
        assert_int_equal(td_net_block(net, 0, &b), -1);
        assert_int_equal(td_net_check(net, NULL), TD_E_USAGE);
        assert_int_equal(td_net_block(net, -1, &b), -1);
        td_net_destroy(net);
        for (int k = 0; k < 3; k++) {
            if (bad[i] == 0) continue; /* left out */
            net = td_net_create("block", TD_DIM(16, 8, 8));
            b = base;
            *(k == 0 ? &b.expanded : k == 1 ? &b.squeezed : &b.dilation) = bad[i];
            assert_int_equal(td_net_block(net, 0, &b), -1);
            assert_int_equal(td_net_check(net, NULL), TD_E_USAGE);
            td_net_destroy(net);
        }
    }
}

/* Bytes, by hand on a net with a shortcut. */
static void test_bytes(void **state) {
    (void)state;
    td_net *net = td_net_create("bytes", TD_DIM(2, 4, 4));      /* 32 words */
    int a = td_net_conv_bn_act(net, 0, 4, 3, 1, 1, TD_OP_RELU); /* 64, one buffer */
    int b = td_net_conv(net, a, 3, 1, 1, 1, 1);                 /* 48 */
    int c = td_net_conv(net, b, 4, 3, 1, 1, 1);                 /* 64 */
    int d = td_net_add(net, a, c);                              /* 64 */
    td_net_fc(net, d, 5);                                       /* 5 */
    td_net_totals t;
    td_net_count(net, &t);
    assert_int_equal(t.activation_bytes_sum, 32 + 64 + 48 + 64 + 64 + 5);
    assert_int_equal(t.activation_bytes_peak, 64 + 64 + 64); /* at the add */
    assert_int_equal(t.params, 72 + 8 + 12 + 108 + 320 + 5);
    assert_int_equal(t.weight_bytes, 72 + 8 + 12 + 108 + 320 + 5 * 4);
    assert_int_equal(t.layers, 4);
    /* Four-bit values of b (48 words) and three-bit weights (12 words: 36 bits, 5 bytes). */
    td_net_set_bits(net, b, 3, 8, 4, 32);
    td_net_count(net, &t);
    assert_int_equal(t.activation_bytes_sum, 32 + 64 + 24 + 64 + 64 + 5);
    assert_int_equal(t.weight_bytes, 72 + 8 + 5 + 108 + 320 + 5 * 4);
    td_net_destroy(net);

    /* An activation whose input is read elsewhere needs a buffer of its own: 16 + 16 + 16. */
    net = td_net_create("own buffer", TD_DIM(1, 1, 1));
    int e = td_net_conv(net, 0, 16, 1, 1, 1, 1);
    td_net_add(net, td_net_act(net, e, TD_OP_RELU), e);
    td_net_count(net, &t);
    assert_int_equal(t.activation_bytes_sum, 1 + 16 + 16 + 16);
    assert_int_equal(t.activation_bytes_peak, 16 + 16 + 16);
    td_net_destroy(net);
}

/* MobileNetV2's largest moment at 8 bits: the expanded 96 x 112 x 112 and its input 16 x 112 x 112,
 * or 96 x 112 x 112 with 96 x 56 x 56: 1,505,280 bytes. */
static void test_peak_of_mobilenetv2(void **state) {
    (void)state;
    td_net_totals t = totals("mobilenetv2", own, 1, 1000);
    assert_int_equal(t.activation_bytes_peak, 96 * 112 * 112 + 96 * 56 * 56);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mobilenetv2),    cmocka_unit_test(test_measured_networks),
        cmocka_unit_test(test_handmade),       cmocka_unit_test(test_list),
        cmocka_unit_test(test_round_channels), cmocka_unit_test(test_efficientnet),
        cmocka_unit_test(test_resnet),         cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_bytes),          cmocka_unit_test(test_peak_of_mobilenetv2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The shipped networks against what was published of them. Where a figure is given with all its
 * digits it is met exactly; else to its last digit. MACs of others' tools, which count more than
 * convolutions and fc (norms, activations, pools), may be above ours by what is said. */
#include "common.h"

#include "tandem/net.h"

#include "random_net.h"

static const td_shape own = {0, 0, 0};

static td_net *build(const char *name, td_shape input, double width, int classes) {
    td_error err = {0};
    td_net *net = NULL;
    assert_ok(td_net_build(name, input, width, classes, &net, &err), &err);
    return net;
}

static td_net_totals totals(const char *name, int size, double width, int classes) {
    td_net *net = build(name, TD_DIM(0, size, size), width, classes);
    td_net_totals t;
    td_net_count(net, &t);
    td_net_destroy(net);
    return t;
}

/* torchvision.models: num_params of the weights, which are published for 1000 classes. */
static void test_exact_parameters(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int64_t params;
    } nets[] = {{"mobilenetv2", 3504872},       {"mobilenetv3-large", 5483032},
                {"mobilenetv3-small", 2542856}, {"resnet18", 11689512},
                {"resnet34", 21797672},         {"resnet50", 25557032},
                {"vgg16", 138357544},           {"efficientnet-b0", 5288548},
                {"efficientnet-b1", 7794184},   {"efficientnet-b2", 9109994},
                {"efficientnet-b3", 12233232},  {"efficientnet-b4", 19341616}};
    for (size_t i = 0; i < sizeof nets / sizeof nets[0]; i++) {
        int64_t params = totals(nets[i].name, 0, 1, 1000).params;
        if (params != nets[i].params)
            fail_msg("%s: %lld parameters, published are %lld", nets[i].name, (long long)params,
                     (long long)nets[i].params);
    }
}

/* What is published of a figure: rounded to `digit`, or cut there, and at most `more` above it. */
static bool fits(double ours, double published, double digit, double more) {
    return published <= ours * (1 + more) + 0.501 * digit && published > ours - 1.001 * digit;
}

static void test_rounded(void **state) {
    (void)state;
    static const struct {
        const char *name;
        double width;
        int size, classes;
        double m_params, params_digit, m_macs, macs_digit, more;
    } nets[] = {
        /* Howard et al., "Searching for MobileNetV3", tables 3 and 4: 219 M, 5.4 M; 56 M, 2.5 M.
         * tensorflow/models, research/slim/nets/mobilenet/README.md: 217 M; at width 0.75: 155 M,
         * 4.0 M. (Its 66 M and 2.9 M of the small one
         * are of another version.) */
        {"mobilenetv3-large", 1, 0, 1000, 5.4, 0.1, 219, 1, 0.015},
        {"mobilenetv3-large", 1, 0, 1001, 5.4, 0.1, 217, 1, 0},
        {"mobilenetv3-large", 0.75, 0, 1001, 4.0, 0.1, 155, 1, 0},
        {"mobilenetv3-small", 1, 0, 1000, 2.5, 0.1, 56, 1, 0},
        /* pytorch-image-models, results (param_count): widths that are not in the paper's table */
        {"mobilenetv3-large", 0.75, 0, 1000, 3.99, 0.01, 0, 0, 0},
        {"mobilenetv3-small", 0.75, 0, 1000, 2.04, 0.01, 0, 0, 0},
        /* Tan and Le, "EfficientNet", table 2 */
        {"efficientnet-b0", 1, 0, 1000, 5.3, 0.1, 390, 10, 0},
        {"efficientnet-b1", 1, 0, 1000, 7.8, 0.1, 700, 10, 0.015},
        {"efficientnet-b2", 1, 0, 1000, 9.2, 0.2, 1000, 100, 0}, /* 9.11 M as torchvision counts */
        {"efficientnet-b3", 1, 0, 1000, 12, 1, 1800, 100, 0},
        {"efficientnet-b4", 1, 0, 1000, 19, 1, 4200, 400, 0}, /* 4.39 G as torchvision counts */
        /* torchvision.models (_ops) */
        {"vgg16", 1, 0, 1000, 138.36, 0.01, 15470, 10, 0},
        {"efficientnet-b1", 1, 0, 1000, 0, 0, 700, 100, 0},
        {"efficientnet-b3", 1, 0, 1000, 0, 0, 1800, 100, 0},
        {"efficientnet-b4", 1, 0, 1000, 0, 0, 4400, 100, 0},
        /* tensorflow/tpu, models/official/efficientnet/lite/README.md; its MAdds are 3 to 6 %
         * above those of convolutions and fc, it does not say what else they count */
        {"efficientnet-lite0", 1, 0, 1000, 4.7, 0.1, 407, 1, 0.06},
        {"efficientnet-lite1", 1, 0, 1000, 5.4, 0.1, 631, 1, 0.06},
        {"efficientnet-lite2", 1, 0, 1000, 6.1, 0.1, 899, 1, 0.06},
        {"efficientnet-lite3", 1, 0, 1000, 8.2, 0.1, 1440, 10, 0.06},
        {"efficientnet-lite4", 1, 0, 1000, 13.0, 0.1, 2640, 10, 0.06},
        /* pytorch-image-models, results/benchmark-infer-*.csv (param_count, infer_gmacs): counts
         * norms and pools, too. (Of the v2 XS no MACs: its stem there is 3x3, its authors' 5x5.) */
        {"efficientnet-lite3", 1, 300, 1000, 8.20, 0.01, 1650, 10, 0.05},
        {"efficientnet-lite4", 1, 380, 1000, 13.01, 0.01, 4040, 10, 0.03},
        {"efficientnet-edgetpu-s", 1, 0, 1000, 5.44, 0.01, 1810, 10, 0.015},
        {"efficientnet-edgetpu-m", 1, 0, 1000, 6.90, 0.01, 3040, 10, 0.015},
        {"efficientnet-edgetpu-l", 1, 0, 1000, 10.59, 0.01, 8000, 10, 0.015},
        {"mobilenet-edgetpu", 1, 0, 1000, 4.09, 0.01, 1000, 10, 0.015},
        {"mobilenet-edgetpu-v2-xs", 1, 0, 1000, 4.46, 0.01, 0, 0, 0},
        {"mobilenet-edgetpu-v2-s", 1, 0, 1000, 5.99, 0.01, 1210, 10, 0.015},
        {"mobilenet-edgetpu-v2-m", 1, 0, 1000, 8.46, 0.01, 1850, 10, 0.015},
        {"mobilenet-edgetpu-v2-m", 1, 256, 1000, 8.46, 0.01, 2420, 10, 0.015},
        {"mobilenet-edgetpu-v2-l", 1, 0, 1000, 10.92, 0.01, 2550, 10, 0.015},
        /* tensorflow/models, research/slim/nets/mobilenet/README.md: 990 M, 4.0 M; at width
         * 0.75, where the head does not shrink, 624 M, 2.9 M */
        {"mobilenet-edgetpu", 1, 0, 1001, 4.0, 0.1, 990, 1, 0},
        {"mobilenet-edgetpu", 0.75, 0, 1001, 2.9, 0.1, 624, 1, 0},
        /* The same of MobileNetV2 at other widths and sizes */
        {"mobilenetv2", 1.4, 224, 1001, 0, 0, 582, 1, 0},
        {"mobilenetv2", 1.3, 224, 1001, 0, 0, 509, 1, 0},
        {"mobilenetv2", 1, 192, 1001, 0, 0, 221, 1, 0},
        {"mobilenetv2", 1, 96, 1001, 0, 0, 56, 1, 0},
        {"mobilenetv2", 0.75, 160, 1001, 0, 0, 107, 1, 0},
        {"mobilenetv2", 0.5, 128, 1001, 0, 0, 32, 1, 0},
        {"mobilenetv2", 0.35, 224, 1001, 0, 0, 59, 1, 0},
    };
    for (size_t i = 0; i < sizeof nets / sizeof nets[0]; i++) {
        td_net_totals t = totals(nets[i].name, nets[i].size, nets[i].width, nets[i].classes);
        double params = (double)t.params / 1e6, macs = (double)t.macs / 1e6;
        if (nets[i].m_params > 0 && !fits(params, nets[i].m_params, nets[i].params_digit, 0))
            fail_msg("%s (line %zu): %g M parameters, published are %g M", nets[i].name, i, params,
                     nets[i].m_params);
        if (nets[i].m_macs > 0 && !fits(macs, nets[i].m_macs, nets[i].macs_digit, nets[i].more))
            fail_msg("%s (line %zu): %g M MACs, published are %g M", nets[i].name, i, macs,
                     nets[i].m_macs);
    }
}

/* Sandler et al., MobileNetV2, table 7 (DeepLabV3, output stride 16): 2.11 M and 2.75 G without
 * ASPP, which tensorflow/models, research/deeplab/g3doc/model_zoo.md, says, too; 4.52 M and 5.8 G
 * with it. The second is met once dilated convolutions are counted as TensorFlow runs them, on maps
 * padded to multiples of the rate: 36 x 36 words for 33 x 33 at rates 6, 12 and 18. */
static void test_deeplab(void **state) {
    (void)state;
    td_net_totals t = totals("deeplabv3-mobilenetv2", 0, 1, 0);
    assert_near((double)t.params / 1e6, 2.11, 0.005);
    assert_near((double)t.macs / 1e9, 2.75, 0.012);
    t = totals("deeplabv3-aspp-mobilenetv2", 0, 1, 0);
    assert_near((double)t.params / 1e6, 4.52, 0.005);
    double padded = 3.0 * (36 * 36 - 33 * 33) * 320 * 256 * 9;
    assert_near(((double)t.macs + padded) / 1e9, 5.8, 0.05);
}

/* ---- structure ------------------------------------------------------------------------------- */

static int count_ops(const td_net *net, td_op op) {
    int n = 0;
    for (int i = 0; i < td_net_size(net); i++) n += td_net_layer(net, i)->op == op;
    return n;
}

static void test_mobilenetv3(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int gates, swishes; /* by the paper's tables 1 and 2 */
    } nets[] = {{"mobilenetv3-large", 8, 1 + 2 * 9 + 1 + 1}, {"mobilenetv3-small", 9, 19}};
    for (int k = 0; k < 2; k++) {
        td_net *net = build(nets[k].name, own, 1, 0);
        assert_int_equal(count_ops(net, TD_OP_HSIGMOID), nets[k].gates);
        assert_int_equal(count_ops(net, TD_OP_MUL), nets[k].gates);
        assert_int_equal(count_ops(net, TD_OP_SIGMOID), 0);
        assert_int_equal(count_ops(net, TD_OP_HSWISH), nets[k].swishes);
        for (int i = 0; i < td_net_size(net); i++) {
            if (td_net_layer(net, i)->op != TD_OP_HSIGMOID) continue;
            const td_layer *expand = td_net_layer(net, td_net_layer(net, i)->input[0]);
            const td_layer *act = td_net_layer(net, expand->input[0]);
            assert_int_equal(act->op, TD_OP_RELU);
            assert_int_equal(act->c, td_round_channels(expand->c, 0.25, 8));
        }
        td_net_destroy(net);
    }
}

/* Groups of the grouped convolutions have 64 channels inside, 128 in the L; at other widths as many
 * groups as divide. */
static void test_groups(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int size, grouped;
    } nets[] = {{"mobilenet-edgetpu-v2-tiny", 64, 6},
                {"mobilenet-edgetpu-v2-xs", 64, 3},
                {"mobilenet-edgetpu-v2-s", 64, 3},
                {"mobilenet-edgetpu-v2-m", 64, 3},
                {"mobilenet-edgetpu-v2-l", 128, 3}};
    for (int k = 0; k < 5; k++) {
        td_net *net = build(nets[k].name, own, 1, 0);
        int grouped = 0;
        for (int i = 0; i < td_net_size(net); i++) {
            const td_layer *l = td_net_layer(net, i);
            if (l->op != TD_OP_CONV || l->groups == l->c || l->kernel[0] == 1) continue;
            int inside = l->c / l->groups;
            grouped += l->groups > 1;
            if (l->groups > 1) assert_int_equal(inside, nets[k].size);
        }
        assert_int_equal(grouped, nets[k].grouped);
        td_net_destroy(net);
        for (double width = 0.3; width < 2; width += 0.1)
            td_net_destroy(build(nets[k].name, TD_DIM(3, 64, 64), width, 10));
    }
}

/* Convolutions that see `rate` apart. */
static int count_dilated(const td_net *net, int rate) {
    int n = 0;
    for (int i = 0; i < td_net_size(net); i++) {
        const td_layer *l = td_net_layer(net, i);
        n += l->op == TD_OP_CONV && l->dilation[0] == rate;
    }
    return n;
}

/* A stride that is left out dilates what follows it, not the block itself: of MobileNetV2's last
 * rows of 3 and 1 blocks three at output stride 16; at 8 of the rows of 4, 3, 3 and 1 blocks seven
 * by 2, the last three by 4. */
static void test_output_stride(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int size, side, by2, by4, low, rate;
    } nets[] = {{"deeplabv3-mobilenetv2", 513, 33, 3, 0, 0, 0},
                {"deeplabv3-aspp-mobilenetv2", 513, 33, 3, 0, 0, 6},
                {"deeplabv3plus-mobilenetv2", 512, 32, 3, 0, 128, 5},
                {"deeplabv3plus-mobilenetv2-os8", 512, 64, 7, 3, 128, 10},
                {"deeplabv3plus-edgetpu-v2-xs", 512, 16, 0, 0, 32, 5},
                {"deeplabv3plus-edgetpu-v2-s", 512, 16, 0, 0, 32, 5},
                {"deeplabv3plus-edgetpu-v2-m", 512, 16, 0, 0, 32, 5},
                {"deeplabv3plus-edgetpu-v2-s-os16", 512, 32, 4, 0, 128, 5}};
    for (size_t k = 0; k < sizeof nets / sizeof nets[0]; k++) {
        td_net *net = build(nets[k].name, own, 1, 0);
        assert_int_equal(count_dilated(net, 2), nets[k].by2);
        assert_int_equal(count_dilated(net, 4), nets[k].by4);
        for (int i = 1; i <= 3 && nets[k].rate > 0; i++)
            assert_int_equal(count_dilated(net, i * nets[k].rate), 1);
        const td_layer *out = td_net_layer(net, td_net_output(net));
        assert_int_equal(out->op, TD_OP_RESIZE);
        assert_int_equal(out->h, nets[k].size);
        assert_int_equal(out->w, nets[k].size);
        int seen = 0;
        for (int i = 0; i < td_net_size(net); i++) {
            const td_layer *l = td_net_layer(net, i);
            if (l->op == TD_OP_GLOBAL_POOL) /* of the features */
                assert_int_equal(td_net_layer(net, l->input[0])->h, nets[k].side);
            if (l->op == TD_OP_CONCAT) /* of ASPP; of the decoder */
                assert_int_equal(l->h, seen++ == 0 ? nets[k].side : nets[k].low);
        }
        assert_int_equal(seen, nets[k].low > 0 ? 2 : 1);
        td_net_destroy(net);
    }
}

/* What the list says of a network is what it has. */
static void test_about(void **state) {
    (void)state;
    int n, told = 0;
    const td_net_entry *list = td_net_list(&n);
    for (int i = 0; i < n; i++) {
        td_net *net = build(list[i].name, own, 1, 0);
        const td_layer *in = td_net_layer(net, 0), *out = td_net_layer(net, td_net_output(net));
        td_net_totals t;
        td_net_count(net, &t);
        const char *colon = strrchr(list[i].about, ':');
        assert_non_null(colon);
        double macs = 0, params = 0;
        char unit = 0;
        int found = sscanf(colon, ": %lf %c MACs, %lf M parameters", &macs, &unit, &params);
        assert_in_range(found, 2, 3);
        assert_true(unit == 'M' || unit == 'G');
        double digit = unit == 'M' ? 0.1 : 0.01;
        assert_near((double)t.macs / (unit == 'M' ? 1e6 : 1e9), macs, 0.51 * digit);
        if (found == 3) {
            assert_near((double)t.params / 1e6, params, 0.0051);
            int c, h, w, classes;
            const char *shape = colon;
            for (int commas = 0; commas < 2; shape--) commas += shape[-1] == ',';
            assert_int_equal(sscanf(shape + 1, " %dx%dx%d, %d classes", &c, &h, &w, &classes), 4);
            assert_true(c == in->c && h == in->h && w == in->w && classes == out->c);
            told++;
        }
        td_net_destroy(net);
    }
    assert_int_equal(told, n - 4); /* all but the small ones of our own */
}

/* Any size and width; scores of a map have the image's sides. */
static void test_any_size(void **state) {
    (void)state;
    static const int sides[][2] = {{1, 1}, {7, 5}, {33, 47}, {160, 224}};
    int n;
    const td_net_entry *list = td_net_list(&n);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < 4; k++) {
            td_shape in = TD_DIM(k % 2 ? 1 : 3, sides[k][0], sides[k][1]);
            td_net *net = build(list[i].name, in, k % 2 ? 0.35 : 1.1, 7);
            const td_layer *out = td_net_layer(net, td_net_output(net));
            bool map = strncmp(list[i].name, "deeplab", 7) == 0;
            assert_int_equal(out->c, 7);
            assert_int_equal(out->h, map ? in.h : 1);
            assert_int_equal(out->w, map ? in.w : 1);
            td_net_destroy(net);
        }
}

/* Each runs in the reference pass, on a small image: scores are numbers and depend on the image.
 * Written as a file and read again it is itself. */
static void test_runs(void **state) {
    (void)state;
    enum { SIDE = 24, CLASSES = 3, WORDS = 3 * SIDE * SIDE, MOST = CLASSES * SIDE * SIDE };
    static float x[2 * WORDS], y[2 * MOST];
    td_error err = {0};
    int n;
    const td_net_entry *list = td_net_list(&n);
    for (int i = 0; i < n; i++) {
        td_rng r = td_rng_make(11, (uint64_t)i, TD_RNG_TEST);
        td_net *net = build(list[i].name, TD_DIM(3, SIDE, SIDE), 0.1, CLASSES), *again;
        td_weights *w = random_weights(net, &r);
        random_floats(&r, x, 2 * WORDS, -1, 1);
        const td_layer *out = td_net_layer(net, td_net_output(net));
        int words = out->c * out->h * out->w;
        assert_in_range(words, CLASSES, MOST);
        assert_ok(td_net_forward(net, w, x, 2, y, &err), &err);
        double difference = 0;
        for (int k = 0; k < words; k++) {
            assert_true(isfinite(y[k]) && isfinite(y[words + k]));
            difference += fabs((double)y[k] - (double)y[words + k]);
        }
        if (!(difference > 0)) fail_msg("%s gives the same for two images", list[i].name);
        td_arena *a = td_arena_create();
        assert_ok(td_net_from_node(td_net_to_node(net, a), &again, &err), &err);
        assert_true(td_net_hash(net) == td_net_hash(again));
        td_net_destroy(again);
        td_arena_destroy(a);
        td_weights_destroy(w);
        td_net_destroy(net);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exact_parameters),
        cmocka_unit_test(test_rounded),
        cmocka_unit_test(test_deeplab),
        cmocka_unit_test(test_mobilenetv3),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_output_stride),
        cmocka_unit_test(test_about),
        cmocka_unit_test(test_any_size),
        cmocka_unit_test(test_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

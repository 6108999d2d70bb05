/* The reference forward pass: hand-made cases, and random convolutions against the adjoint way of
 * computing them (every input word is handed to the outputs that read it). */
#include "common.h"

#include "tandem/net.h"

#include "random_net.h"

/* Runs a network on one sample. */
static void run(const td_net *net, const td_weights *w, const float *in, float *out) {
    td_error err = {0};
    assert_ok(td_net_forward(net, w, in, 1, out, &err), &err);
}

static void test_conv_by_hand(void **state) {
    (void)state;
    td_net *net = td_net_create("hand", TD_DIM(1, 3, 3));
    td_conv_spec s = {.out_c = 1,
                      .kernel = {3, 3},
                      .stride = {1, 1},
                      .dilation = {1, 1},
                      .pad = {1, 1, 1, 1},
                      .groups = 1,
                      .bias = true};
    td_net_conv_spec(net, 0, &s);
    td_weights *w = td_weights_create(net);
    const float image[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    const float kernel[9] = {1, 0, -1, 2, 0, -2, 1, 0, -1}; /* correlation, not flipped */
    memcpy(w->layer[1].weight, kernel, sizeof kernel);
    w->layer[1].bias[0] = 0.5F;
    float out[9];
    run(net, w, image, out);
    assert_near(out[0], -(2 * 2 + 5) + 0.5, 0);
    assert_near(out[1], (2 * 1 + 4) - (2 * 3 + 6) + 0.5, 0);
    assert_near(out[2], 2 * 2 + 5 + 0.5, 0);
    assert_near(out[4], (1 + 2 * 4 + 7) - (3 + 2 * 6 + 9) + 0.5, 0);
    assert_near(out[8], 5 + 2 * 8 + 0.5, 0);
    td_weights_destroy(w);
    td_net_destroy(net);
}

static void test_pools_by_hand(void **state) {
    (void)state;
    const float image[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    for (int average = 0; average < 2; average++) {
        td_net *net = td_net_create("pool", TD_DIM(1, 3, 3));
        td_net_pool(net, 0, average ? TD_OP_AVG_POOL : TD_OP_MAX_POOL, 3, 2);
        td_weights *w = td_weights_create(net);
        float negative[9], out[4];
        run(net, w, image, out);
        /* Windows of 2 x 2 words each: zeros are not counted. */
        const float mean[4] = {3, 4, 6, 7}, top[4] = {5, 6, 8, 9}, low[4] = {-1, -2, -4, -5};
        for (int i = 0; i < 4; i++) assert_near(out[i], average ? mean[i] : top[i], 0);
        for (int i = 0; i < 9; i++) negative[i] = -image[i];
        run(net, w, negative, out);
        for (int i = 0; i < 4; i++) assert_near(out[i], average ? -mean[i] : low[i], 0);
        td_weights_destroy(w);
        td_net_destroy(net);
    }
}

static void test_activations_by_hand(void **state) {
    (void)state;
    const float x[6] = {-4, -1.5F, 0, 1.5F, 5, 8};
    const struct {
        td_op op;
        double y[6];
    } cases[] = {
        {TD_OP_RELU, {0, 0, 0, 1.5, 5, 8}},
        {TD_OP_RELU6, {0, 0, 0, 1.5, 5, 6}},
        {TD_OP_HSWISH, {0, -0.375, 0, 1.125, 5, 8}},
        {TD_OP_SIGMOID,
         {0.01798620996, 0.1824255238, 0.5, 0.8175744762, 0.9933071491, 0.9996646499}},
        {TD_OP_HSIGMOID, {0, 0.25, 0.5, 0.75, 1, 1}},
        {TD_OP_SWISH, {-0.07194483985, -0.2736382857, 0, 1.226361714, 4.966535745, 7.997317199}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        td_net *net = td_net_create("act", TD_DIM(6, 1, 1));
        td_net_act(net, 0, cases[i].op);
        td_weights *w = td_weights_create(net);
        float y[6];
        run(net, w, x, y);
        for (int k = 0; k < 6; k++) assert_near(y[k], cases[i].y[k], 1e-6);
        td_weights_destroy(w);
        td_net_destroy(net);
    }
}

/* Bilinear with the centres of pixels at halves: what is told for [0, 4] made twice as long
 * everywhere, and a plane a y + b x + c, which stays one inside the border. */
static void test_resize(void **state) {
    (void)state;
    static const struct {
        int in, out;
        float x[5], y[8];
    } lines[] = {{2, 4, {0, 4}, {0, 1, 3, 4}},
                 {2, 3, {0, 4}, {0, 2, 4}},
                 {4, 2, {0, 1, 5, 6}, {0.5F, 5.5F}},
                 {5, 2, {0, 1, 2, 3, 9}, {0.75F, 4.5F}}, /* at 0.75 and 3.25 */
                 {1, 3, {7}, {7, 7, 7}},
                 {3, 3, {1, 5, 2}, {1, 5, 2}},
                 {2, 8, {0, 8}, {0, 0, 1, 3, 5, 7, 8, 8}}};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        for (int down = 0; down < 2; down++) {
            int in = lines[i].in, out = lines[i].out;
            td_net *net = td_net_create("line", TD_DIM(1, down ? in : 1, down ? 1 : in));
            td_net_resize(net, 0, down ? out : 1, down ? 1 : out);
            td_weights *w = td_weights_create(net);
            float y[8];
            run(net, w, lines[i].x, y);
            for (int k = 0; k < out; k++) assert_near(y[k], lines[i].y[k], 1e-6);
            td_weights_destroy(w);
            td_net_destroy(net);
        }
    enum { H = 4, W = 5, TO_H = 10, TO_W = 7 };
    td_net *net = td_net_create("plane", TD_DIM(2, H, W));
    td_net_resize(net, 0, TO_H, TO_W);
    td_weights *w = td_weights_create(net);
    float x[2 * H * W], y[2 * TO_H * TO_W];
    for (int i = 0; i < 2 * H * W; i++) /* 3 row - 2 column + 100 channel */
        x[i] = (float)(3 * (i / W % H) - 2 * (i % W) + 100 * (i / (H * W)));
    run(net, w, x, y);
    for (int i = 0; i < 2 * TO_H * TO_W; i++) {
        double row = (i / TO_W % TO_H + 0.5) * H / TO_H - 0.5;
        double column = (i % TO_W + 0.5) * W / TO_W - 0.5;
        row = row < 0 ? 0 : row > H - 1 ? H - 1 : row;
        column = column < 0 ? 0 : column > W - 1 ? W - 1 : column;
        assert_near(y[i], 3 * row - 2 * column + 100 * (i / (TO_H * TO_W)), 1e-4);
    }
    td_weights_destroy(w);
    td_net_destroy(net);

    static const int bad[][2] = {{0, 3}, {3, -1}, {65537, 3}};
    for (int i = 0; i < 3; i++) {
        net = td_net_create("bad", TD_DIM(1, 4, 4));
        assert_int_equal(td_net_resize(net, 0, bad[i][0], bad[i][1]), -1);
        assert_int_equal(td_net_check(net, NULL), TD_E_USAGE);
        td_net_destroy(net);
    }
}

static void test_rest_by_hand(void **state) {
    (void)state;
    /* bn: 2 (x - 1) / sqrt(4 - 1e-5 + 1e-5) + 3 = x + 2, and x / 1 twice; gate per channel; concat;
     * mean; fc. */
    td_net *net = td_net_create("rest", TD_DIM(2, 1, 2));
    int b = td_net_bn(net, 0);
    int gate = td_net_global_pool(net, 0);
    int m = td_net_mul(net, b, gate);
    int a = td_net_add(net, m, 0);
    int both[2] = {a, b};
    int c = td_net_concat(net, both, 2);
    int f = td_net_fc(net, c, 2);
    td_weights *w = td_weights_create(net);
    assert_int_equal(w->n, td_net_size(net));
    assert_int_equal(w->count, 4 * 2 + 16 + 2);
    assert_near(w->bn_eps, 1e-5, 1e-12);
    td_layer_params_t *p = &w->layer[b];
    assert_near(p->scale[1], 1, 0);
    assert_near(p->var[1], 1, 0);
    assert_near(p->mean[1], 0, 0);
    assert_null(p->weight);
    assert_null(w->layer[gate].weight);
    w->bn_eps = 0.25F;
    p->scale[0] = 2;
    p->mean[0] = 1;
    p->var[0] = 3.75F;
    p->shift[0] = 3;
    p->var[1] = 0.75F;
    /* x: (1 3), (2 4). bn: (3 5), (2 4). gate: 2, 3. mul: (6 10), (6 12). add: (7 13), (8 16). */
    const float x[4] = {1, 3, 2, 4};
    const float row[16] = {1, 0, 0, 0, 0, 0, 0, 1, /**/ 1, 1, 1, 1, 1, 1, 1, 1};
    memcpy(w->layer[f].weight, row, sizeof row);
    w->layer[f].bias[1] = -1;
    float y[2];
    run(net, w, x, y);
    assert_near(y[0], 7 + 4, 1e-5);
    assert_near(y[1], 7 + 13 + 8 + 16 + 3 + 5 + 2 + 4 - 1, 1e-5);
    td_weights_destroy(w);
    td_net_destroy(net);
}

/* One convolution layer by scattering. */
static void scatter(const td_layer *l, const td_layer *in, const td_layer_params_t *p,
                    const float *x, double *y) {
    int out_group = l->c / l->groups, in_group = in->c / l->groups;
    for (int k = 0; k < l->c; k++)
        for (int i = 0; i < l->h * l->w; i++)
            y[k * l->h * l->w + i] = p->bias != NULL ? (double)p->bias[k] : 0;
    for (int c = 0; c < in->c; c++)
        for (int row = 0; row < in->h; row++)
            for (int column = 0; column < in->w; column++)
                for (int r = 0; r < l->kernel[0]; r++)
                    for (int s = 0; s < l->kernel[1]; s++) {
                        int a = row + l->pad[0] - r * l->dilation[0];
                        int b = column + l->pad[1] - s * l->dilation[1];
                        if (a < 0 || b < 0 || a % l->stride[0] || b % l->stride[1]) continue;
                        a /= l->stride[0];
                        b /= l->stride[1];
                        if (a >= l->h || b >= l->w) continue;
                        int g = c / in_group;
                        for (int k = g * out_group; k < (g + 1) * out_group; k++)
                            y[(k * l->h + a) * l->w + b] +=
                                (double)x[(c * in->h + row) * in->w + column] *
                                (double)
                                    p->weight[((k * in_group + c % in_group) * l->kernel[0] + r) *
                                                  l->kernel[1] +
                                              s];
                    }
}

static void test_convs_against_scatter(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        td_rng r = td_rng_make(seed, 2, TD_RNG_TEST);
        td_net *net = NULL;
        /* A random network whose first layer is a convolution: cut after it. */
        do {
            td_net_destroy(net);
            net = random_net(&r, 1, 0);
        } while (td_net_size(net) < 2 || td_net_layer(net, 1)->op != TD_OP_CONV);
        td_net *one = td_net_create("one", TD_DIM(td_net_layer(net, 0)->c, td_net_layer(net, 0)->h,
                                                  td_net_layer(net, 0)->w));
        const td_layer *l = td_net_layer(net, 1), *in = td_net_layer(net, 0);
        td_conv_spec s = {.out_c = l->c, .groups = l->groups, .bias = l->bias};
        memcpy(s.kernel, l->kernel, sizeof s.kernel);
        memcpy(s.stride, l->stride, sizeof s.stride);
        memcpy(s.dilation, l->dilation, sizeof s.dilation);
        memcpy(s.pad, l->pad, sizeof s.pad);
        td_net_conv_spec(one, 0, &s);
        td_weights *w = random_weights(one, &r);
        int words_in = in->c * in->h * in->w, words = l->c * l->h * l->w;
        float *x = malloc((size_t)words_in * sizeof *x), *y = malloc((size_t)words * sizeof *y);
        double *wanted = malloc((size_t)words * sizeof *wanted);
        random_floats(&r, x, words_in, -1, 1);
        run(one, w, x, y);
        scatter(l, in, &w->layer[1], x, wanted);
        for (int i = 0; i < words; i++) assert_near(y[i], wanted[i], 1e-5);
        free(x);
        free(y);
        free(wanted);
        td_weights_destroy(w);
        td_net_destroy(one);
        td_net_destroy(net);
    }
}

/* A batch is its samples, one by one. */
static void test_batch(void **state) {
    (void)state;
    td_rng r = td_rng_make(1, 3, TD_RNG_TEST);
    td_net *net = every_op_net();
    td_weights *w = random_weights(net, &r);
    enum { IN = 3 * 13 * 11, OUT = 7, BATCH = 4 };
    float x[BATCH * IN], y[BATCH * OUT], one[OUT];
    random_floats(&r, x, BATCH * IN, -1, 1);
    td_error err;
    assert_ok(td_net_forward(net, w, x, BATCH, y, &err), &err);
    for (int b = 0; b < BATCH; b++) {
        run(net, w, x + b * IN, one);
        assert_memory_equal(one, y + b * OUT, sizeof one);
        if (b > 0) assert_memory_not_equal(one, y, sizeof one);
        for (int k = 0; k < OUT; k++) assert_true(isfinite(one[k]));
    }
    assert_int_equal(td_net_forward(net, NULL, x, 1, y, &err), TD_E_USAGE);
    assert_int_equal(td_net_forward(net, w, x, -1, y, &err), TD_E_USAGE);
    td_net *other = td_net_create("other", TD_DIM(1, 1, 1));
    assert_int_equal(td_net_forward(other, w, x, 1, y, &err), TD_E_USAGE);
    td_net_conv(other, 5, 1, 1, 1, 1, 1);
    assert_int_equal(td_net_forward(other, w, x, 1, y, &err), TD_E_USAGE);
    td_net_destroy(other);
    td_weights_destroy(w);
    td_weights_destroy(NULL);
    td_net_destroy(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv_by_hand),
        cmocka_unit_test(test_pools_by_hand),
        cmocka_unit_test(test_activations_by_hand),
        cmocka_unit_test(test_resize),
        cmocka_unit_test(test_rest_by_hand),
        cmocka_unit_test(test_convs_against_scatter),
        cmocka_unit_test(test_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

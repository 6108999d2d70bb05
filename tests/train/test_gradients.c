/* Gradients of the trainer against central differences of a plain double-precision network. */
#include "common.h"

#include "plain_net.h"

enum { BATCH = 6 };

typedef td_net *(*builder)(void);

/* Random parameters (not the initial ones: scale 1 and shift 0 would hide faults). */
static void scramble(td_weights *w, uint64_t seed) {
    td_rng r = td_rng_make(seed, 0, TD_RNG_TEST);
    for (int i = 0; i < w->n; i++) {
        td_layer_params_t *p = &w->layer[i];
        const float *mean = p->mean;
        if (mean == NULL) continue;
        int64_t c = p->shift - p->scale;
        for (int64_t k = 0; k < c; k++) {
            p->scale[k] = (float)(0.5 + td_rng_uniform(&r));
            p->shift[k] = (float)(0.3 * td_rng_normal(&r));
        }
    }
    for (int64_t k = 0; k < w->count; k++)
        if (w->data[k] == 0) w->data[k] = (float)(0.1 * td_rng_normal(&r)); /* biases */
}

typedef struct {
    double worst;             /* largest error over the largest gradient of the same array */
    double dot, ours, theirs; /* scalar products of all gradients, for the angle between them */
    int checked;
} result;

static void check_array(plain_weights *p, const float *input, const uint8_t *label,
                        const float *value, const float *gradient, int64_t n, double loss_smoothing,
                        double *slope_buffer, result *out) {
    if (value == NULL) return;
    double *v = p->data + (value - p->like->data), largest = 0, error = 0;
    const int64_t most = TEST_SANITIZED ? 6 : 24, step = n <= most ? 1 : n / most;
    for (int64_t k = 0; k < n; k += step) {
        double keep = v[k], h = 1e-6;
        v[k] = keep + h;
        double up = plain_loss(p, input, label, BATCH, loss_smoothing);
        v[k] = keep - h;
        double down = plain_loss(p, input, label, BATCH, loss_smoothing);
        v[k] = keep;
        slope_buffer[k] = (up - down) / (2 * h);
        if (fabs(slope_buffer[k]) > largest) largest = fabs(slope_buffer[k]);
        double e = fabs(slope_buffer[k] - (double)gradient[k]);
        if (e > error) error = e;
        out->dot += slope_buffer[k] * (double)gradient[k];
        out->ours += (double)gradient[k] * (double)gradient[k];
        out->theirs += slope_buffer[k] * slope_buffer[k];
        out->checked++;
    }
    /* Where all slopes vanish (a bias before a batch norm) the error itself must be small. */
    double relative = error / (largest > 1e-4 ? largest : 1e-1);
    if (relative > out->worst) out->worst = relative;
}

static result compare(builder build, td_number number, double smoothing) {
    td_error err = {0};
    td_net *net = build();
    assert_ok(td_net_check(net, &err), &err);
    td_trainer *t;
    assert_ok(td_trainer_create(net, BATCH, number, 7, &t, &err), &err);
    td_weights *w = td_trainer_weights(t);
    scramble(w, 3);
    const td_layer *in = td_net_layer(net, 0), *last = td_net_layer(net, td_net_output(net));
    int words = BATCH * in->c * in->h * in->w;
    float *input = malloc(sizeof *input * (size_t)words);
    uint8_t label[BATCH];
    td_rng r = td_rng_make(11, 0, TD_RNG_TEST);
    for (int i = 0; i < words; i++) input[i] = (float)td_rng_normal(&r);
    for (int i = 0; i < BATCH; i++) label[i] = (uint8_t)td_rng_below(&r, (uint64_t)last->c);
    double loss;
    assert_ok(td_trainer_step(t, input, label, smoothing, &loss, &err), &err);

    plain_weights p = plain_from(net, w);
    double tolerance = number == TD_BF16 ? 0.05 : 1e-5;
    double expected = plain_loss(&p, input, label, BATCH, smoothing);
    if (fabs(loss - expected) > tolerance * (1 + fabs(expected)))
        fail_msg("%s: loss %.9g, expected %.9g", td_net_name(net), loss, expected);
    const td_weights *g = td_trainer_gradients(t);
    double *slopes = malloc(sizeof *slopes * (size_t)(w->count + 1));
    result res = {0};
    for (int i = 0; i < w->n; i++) {
        const td_layer *l = td_net_layer(net, i);
        const td_layer_params_t *a = &w->layer[i], *b = &g->layer[i];
        int64_t n = td_layer_params(net, i) - (l->bias ? l->c : 0);
        check_array(&p, input, label, a->weight, b->weight, n, smoothing, slopes, &res);
        check_array(&p, input, label, a->bias, b->bias, l->c, smoothing, slopes, &res);
        check_array(&p, input, label, a->scale, b->scale, l->c, smoothing, slopes, &res);
        check_array(&p, input, label, a->shift, b->shift, l->c, smoothing, slopes, &res);
    }
    free(slopes);
    free(input);
    plain_free(&p);
    td_trainer_destroy(t);
    td_net_destroy(net);
    return res;
}

static void check_exact(builder build, double smoothing) {
    result r = compare(build, TD_FP32, smoothing);
    assert_true(r.checked > 0);
    if (!(r.worst < 1e-3)) fail_msg("gradients are off by %g of the largest", r.worst);
}

/* ---- networks -------------------------------------------------------------------------------- */

static td_net *finish(td_net *n, int x) {
    td_net_fc(n, td_net_global_pool(n, x), 5);
    return n;
}

static td_net *conv_net(const char *name, td_shape in, const td_conv_spec *s) {
    td_net *n = td_net_create(name, in);
    int x = td_net_conv(n, 0, 8, 3, 1, 1, 1);
    x = td_net_conv_spec(n, x, s);
    return finish(n, td_net_act(n, x, TD_OP_SWISH));
}

static td_net *dense(void) {
    return conv_net("dense", TD_DIM(3, 7, 6),
                    &(td_conv_spec){12, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 1, true});
}
static td_net *pointwise(void) {
    return conv_net("pointwise", TD_DIM(2, 5, 5),
                    &(td_conv_spec){10, {1, 1}, {1, 1}, {1, 1}, {0, 0, 0, 0}, 1, true});
}
static td_net *strided(void) {
    return conv_net("strided", TD_DIM(3, 9, 8),
                    &(td_conv_spec){16, {5, 3}, {2, 3}, {1, 1}, {2, 1, 2, 1}, 1, true});
}
static td_net *uneven_pad(void) {
    return conv_net("uneven_pad", TD_DIM(1, 8, 8),
                    &(td_conv_spec){6, {3, 3}, {2, 2}, {1, 1}, {0, 0, 1, 1}, 1, false});
}
static td_net *dilated(void) {
    return conv_net("dilated", TD_DIM(3, 9, 9),
                    &(td_conv_spec){7, {3, 3}, {1, 1}, {2, 2}, {2, 2, 2, 2}, 1, true});
}
static td_net *grouped(void) {
    return conv_net("grouped", TD_DIM(3, 7, 7),
                    &(td_conv_spec){12, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 4, true});
}
static td_net *depthwise(void) {
    return conv_net("depthwise", TD_DIM(3, 7, 7),
                    &(td_conv_spec){8, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 8, false});
}
static td_net *depthwise5s2(void) {
    return conv_net("depthwise5s2", TD_DIM(3, 9, 9),
                    &(td_conv_spec){8, {5, 5}, {2, 2}, {1, 1}, {2, 2, 2, 2}, 8, true});
}
static td_net *depth_multiplier(void) {
    return conv_net("depth_multiplier", TD_DIM(3, 7, 7),
                    &(td_conv_spec){16, {3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 8, true});
}

static td_net *fc_only(void) {
    td_net *n = td_net_create("fc_only", TD_DIM(3, 4, 5));
    int x = td_net_act(n, td_net_fc(n, 0, 20), TD_OP_SWISH);
    td_net_fc(n, x, 5);
    return n;
}

static td_net *fc_flatten(void) {
    td_net *n = td_net_create("fc_flatten", TD_DIM(2, 6, 5));
    int x = td_net_act(n, td_net_conv(n, 0, 10, 3, 2, 1, 1), TD_OP_SWISH);
    x = td_net_act(n, td_net_bn(n, td_net_fc(n, x, 13)), TD_OP_RELU);
    td_net_fc(n, x, 4);
    return n;
}

static td_net *acts(td_op op, bool with_bn) {
    td_net *n = td_net_create(td_op_name(op), TD_DIM(2, 6, 6));
    int x = td_net_conv(n, 0, 9, 3, 1, 1, 1);
    if (with_bn) x = td_net_bn(n, x);
    x = td_net_act(n, x, op);
    x = td_net_conv(n, x, 11, 3, 2, 1, 1);
    if (with_bn) x = td_net_bn(n, x);
    return finish(n, td_net_act(n, x, op));
}
#define ACT_NET(name, op, bn)                                                                      \
    static td_net *name(void) {                                                                    \
        return acts(op, bn);                                                                       \
    }
ACT_NET(relu_plain, TD_OP_RELU, false)
ACT_NET(relu_bn, TD_OP_RELU, true)
ACT_NET(relu6_plain, TD_OP_RELU6, false)
ACT_NET(relu6_bn, TD_OP_RELU6, true)
ACT_NET(hswish_plain, TD_OP_HSWISH, false)
ACT_NET(hswish_bn, TD_OP_HSWISH, true)
ACT_NET(swish_plain, TD_OP_SWISH, false)
ACT_NET(swish_bn, TD_OP_SWISH, true)
ACT_NET(sigmoid_plain, TD_OP_SIGMOID, false)
ACT_NET(sigmoid_bn, TD_OP_SIGMOID, true)
ACT_NET(hsigmoid_plain, TD_OP_HSIGMOID, false)
ACT_NET(hsigmoid_bn, TD_OP_HSIGMOID, true)

static td_net *pools(td_op kind, int kernel, int stride) {
    td_net *n = td_net_create(td_op_name(kind), TD_DIM(2, 7, 7));
    int x = td_net_act(n, td_net_conv(n, 0, 10, 3, 1, 1, 1), TD_OP_SWISH);
    x = td_net_conv(n, td_net_pool(n, x, kind, kernel, stride), 6, 1, 1, 1, 1);
    return finish(n, td_net_act(n, x, TD_OP_SWISH));
}
static td_net *max_pool(void) {
    return pools(TD_OP_MAX_POOL, 3, 2);
}
static td_net *avg_pool(void) {
    return pools(TD_OP_AVG_POOL, 3, 2);
}
static td_net *avg_pool_dense(void) {
    return pools(TD_OP_AVG_POOL, 3, 1);
}

/* A batch norm whose value, and one whose activation, is read several times; images read twice; a
 * sum of a value with itself; a batch norm on the images. */
static td_net *many_readers(void) {
    td_net *n = td_net_create("many_readers", TD_DIM(3, 6, 6));
    int first = td_net_bn(n, 0);
    int a = td_net_bn(n, td_net_conv(n, first, 8, 3, 1, 1, 1));
    int b = td_net_act(n, a, TD_OP_RELU);
    int c = td_net_bn(n, td_net_conv(n, b, 8, 3, 1, 8, 1));
    int d = td_net_add(n, td_net_act(n, c, TD_OP_HSWISH), a);
    int e = td_net_add(n, d, d);
    int f = td_net_add(n, td_net_bn(n, td_net_conv(n, e, 8, 1, 1, 1, 1)), b);
    int g = td_net_add(n, f, td_net_conv(n, 0, 8, 1, 1, 1, 1));
    return finish(n, td_net_add(n, td_net_bn(n, g), e));
}

static td_net *residual_chain(void) {
    td_net *n = td_net_create("residual_chain", TD_DIM(1, 8, 8));
    int x = td_net_conv_bn_act(n, 0, 8, 3, 2, 1, TD_OP_RELU);
    x = td_net_block(n, x, &(td_block){3, 1, 8, 1, 1, false, true, 0, TD_OP_RELU});
    x = td_net_block(n, x, &(td_block){3, 3, 8, 1, 1, false, true, 0, TD_OP_RELU6});
    x = td_net_block(n, x, &(td_block){5, 2, 8, 1, 1, false, true, 0, TD_OP_RELU});
    x = td_net_block(n, x, &(td_block){3, 2, 12, 2, 1, true, true, 0, TD_OP_RELU});
    return finish(n, x);
}

/* Groups of the convolutions that expand: k x k, and 1x1. */
static td_net *grouped_blocks(void) {
    td_net *n = td_net_create("grouped_blocks", TD_DIM(1, 8, 8));
    int x = td_net_conv_bn_act(n, 0, 8, 3, 2, 1, TD_OP_RELU);
    x = td_net_block(n, x, &(td_block){3, 3, 8, 1, 2, true, true, 0, TD_OP_RELU});
    x = td_net_block(n, x, &(td_block){3, 3, 8, 1, 4, false, true, 0, TD_OP_RELU6});
    x = td_net_block(n, x, &(td_block){5, 2, 16, 2, 4, true, true, 0, TD_OP_RELU});
    x = td_net_block(n, x, &(td_block){3, 1, 16, 1, 2, true, true, 0, TD_OP_RELU});
    return finish(n, x);
}

static td_net *squeeze(void) {
    td_net *n = td_net_create("squeeze", TD_DIM(1, 8, 8));
    int x = td_net_conv_bn_act(n, 0, 8, 3, 2, 1, TD_OP_SWISH);
    x = td_net_block(n, x, &(td_block){3, 2, 8, 1, 1, false, true, 0.5, TD_OP_SWISH});
    return finish(n, x);
}

static td_net *products(void) {
    td_net *n = td_net_create("products", TD_DIM(2, 5, 5));
    int a = td_net_conv(n, 0, 18, 3, 1, 1, 1), b = td_net_conv(n, 0, 18, 1, 1, 1, 1);
    int g = td_net_act(n, td_net_global_pool(n, a), TD_OP_SIGMOID);
    int m = td_net_mul(n, td_net_mul(n, a, b), g);
    return finish(n, td_net_mul(n, m, m));
}

static td_net *concat(void) {
    td_net *n = td_net_create("concat", TD_DIM(2, 5, 5));
    int a = td_net_conv(n, 0, 5, 3, 1, 1, 1), b = td_net_act(n, a, TD_OP_SIGMOID);
    int c = td_net_bn(n, td_net_conv(n, b, 17, 1, 1, 1, 1));
    int x[] = {a, b, c, a};
    int y = td_net_bn(n, td_net_concat(n, x, 4));
    td_net_fc(n, td_net_act(n, y, TD_OP_SWISH), 5);
    return n;
}

/* Convolution -> BN -> scores without a fully connected layer; a layer nobody reads. */
static td_net *no_fc(void) {
    td_net *n = td_net_create("no_fc", TD_DIM(1, 4, 4));
    int x = td_net_conv(n, 0, 6, 3, 2, 1, 1);
    td_net_bn(n, x);
    td_net_global_pool(n, td_net_bn(n, x));
    return n;
}

/* ---- tests ----------------------------------------------------------------------------------- */

#define EXACT(name)                                                                                \
    static void test_##name(void **state) {                                                        \
        (void)state;                                                                               \
        check_exact(name, 0);                                                                      \
    }
EXACT(dense)
EXACT(pointwise)
EXACT(strided)
EXACT(uneven_pad)
EXACT(dilated)
EXACT(grouped)
EXACT(depthwise)
EXACT(depthwise5s2)
EXACT(depth_multiplier)
EXACT(fc_only)
EXACT(fc_flatten)
EXACT(relu_plain)
EXACT(relu_bn)
EXACT(relu6_plain)
EXACT(relu6_bn)
EXACT(hswish_plain)
EXACT(hswish_bn)
EXACT(swish_plain)
EXACT(swish_bn)
EXACT(sigmoid_plain)
EXACT(sigmoid_bn)
EXACT(hsigmoid_plain)
EXACT(hsigmoid_bn)
EXACT(max_pool)
EXACT(avg_pool)
EXACT(avg_pool_dense)
EXACT(many_readers)
EXACT(residual_chain)
EXACT(grouped_blocks)
EXACT(squeeze)
EXACT(products)
EXACT(concat)
EXACT(no_fc)

static void test_label_smoothing(void **state) {
    (void)state;
    check_exact(residual_chain, 0.1);
    check_exact(fc_only, 0.5);
}

static void test_bf16_is_near(void **state) {
    (void)state;
    if (!td_number_trains(TD_BF16)) { /* an error from the start, whatever the layers */
        td_error err = {0};
        td_trainer *t;
        td_net *net = dense();
        assert_int_equal(td_trainer_create(net, BATCH, TD_BF16, 7, &t, &err), TD_E_UNSUPPORTED);
        assert_non_null(strstr(err.message, "bf16 needs"));
        td_net_destroy(net);
        return;
    }
    builder all[] = {dense,          strided,       grouped,        depthwise, fc_flatten,
                     relu_bn,        max_pool,      residual_chain, squeeze,   concat,
                     products,       many_readers,  avg_pool,       dilated,   hswish_plain,
                     hsigmoid_plain, grouped_blocks};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        result r = compare(all[i], TD_BF16, 0);
        double cosine = r.dot / sqrt(r.ours * r.theirs);
        if (!(cosine > 0.98)) fail_msg("network %zu: cosine of bf16 gradients %g", i, cosine);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dense),
        cmocka_unit_test(test_pointwise),
        cmocka_unit_test(test_strided),
        cmocka_unit_test(test_uneven_pad),
        cmocka_unit_test(test_dilated),
        cmocka_unit_test(test_grouped),
        cmocka_unit_test(test_depthwise),
        cmocka_unit_test(test_depthwise5s2),
        cmocka_unit_test(test_depth_multiplier),
        cmocka_unit_test(test_fc_only),
        cmocka_unit_test(test_fc_flatten),
        cmocka_unit_test(test_relu_plain),
        cmocka_unit_test(test_relu_bn),
        cmocka_unit_test(test_relu6_plain),
        cmocka_unit_test(test_relu6_bn),
        cmocka_unit_test(test_hswish_plain),
        cmocka_unit_test(test_hswish_bn),
        cmocka_unit_test(test_swish_plain),
        cmocka_unit_test(test_swish_bn),
        cmocka_unit_test(test_sigmoid_plain),
        cmocka_unit_test(test_sigmoid_bn),
        cmocka_unit_test(test_hsigmoid_plain),
        cmocka_unit_test(test_hsigmoid_bn),
        cmocka_unit_test(test_max_pool),
        cmocka_unit_test(test_avg_pool),
        cmocka_unit_test(test_avg_pool_dense),
        cmocka_unit_test(test_many_readers),
        cmocka_unit_test(test_residual_chain),
        cmocka_unit_test(test_grouped_blocks),
        cmocka_unit_test(test_squeeze),
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_concat),
        cmocka_unit_test(test_no_fc),
        cmocka_unit_test(test_label_smoothing),
        cmocka_unit_test(test_bf16_is_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

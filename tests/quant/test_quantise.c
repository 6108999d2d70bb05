/* Scales and words worked out by hand, what is refused, and ranges from a data set made here. */
#include "common.h"

#include "qdq_plain.h"
#include "random_net.h"

static td_net *one_conv(int acc) {
    td_net *net = td_net_create("one", TD_DIM(1, 1, 2));
    td_conv_spec s = {.out_c = 2,
                      .kernel = {1, 1},
                      .stride = {1, 1},
                      .dilation = {1, 1},
                      .groups = 1,
                      .bias = true};
    td_net_set_bits(net, td_net_conv_spec(net, 0, &s), 8, 8, 8, acc);
    return net;
}

static td_range range_of(float lo, float hi) {
    td_range r;
    for (int b = 0; b <= TD_QUANT_MOST_BITS; b++) r.at[b].lo = lo, r.at[b].hi = hi;
    return r;
}

static void test_by_hand(void **state) {
    (void)state;
    td_error err = {0};
    td_net *net = one_conv(32);
    td_weights *w = td_weights_create(net);
    memcpy(w->layer[1].weight, (const float[]){1.27F, -0.254F}, 2 * sizeof(float));
    memcpy(w->layer[1].bias, (const float[]){0.5F, -0.1F}, 2 * sizeof(float));
    /* 255 steps of 0.01 from -0.55 on; 2.55 in steps of 0.02 is 127.5: the zero point is even. */
    const td_range range[] = {range_of(-0.55F, 2), range_of(-2.55F, 2.55F)};
    td_quantised *q;
    assert_ok(td_quantise_ranges(net, w, range, &q, &err), &err);
    assert_near(q->layer[0].out.scale, 0.01, 1e-8);
    assert_int_equal(q->layer[0].out.zero, -128 + 55);
    assert_near(q->layer[1].out.scale, 0.02, 1e-8);
    assert_int_equal(q->layer[1].out.zero, 0); /* -128 + 127.5, to even */
    assert_near(q->layer[1].weight_scale[0], 0.01, 1e-8);
    assert_near(q->layer[1].weight_scale[1], 0.002, 1e-9);
    assert_int_equal(q->layer[1].weight[0], 127);
    assert_int_equal(q->layer[1].weight[1], -127);
    assert_int_equal(q->layer[1].bias[0], 5000);  /* 0.5 / (0.01 x 0.01) */
    assert_int_equal(q->layer[1].bias[1], -5000); /* -0.1 / (0.01 x 0.002) */
    /* 1 is word 27 (100 above zero), 1.504 is taken as 1.5, -3 as -0.55. */
    const float x[4] = {1, 1.504F, -3, 0};
    float y[8];
    assert_ok(td_quantised_forward(q, x, 2, y, &err), &err);
    const double wanted[8] = {
        1.27 + 0.5, 1.27 * 1.5 + 0.5,   -0.254 - 0.1, -0.254 * 1.5 - 0.1, -0.6985 + 0.5,
        0.5,        0.254 * 0.55 - 0.1, -0.1};
    for (int i = 0; i < 8; i++) assert_near(y[i], 0.02 * rint(wanted[i] / 0.02), 1e-6);
    td_quantised_destroy(q);
    td_weights_destroy(w);
    td_net_destroy(net);
}

/* A bias that is large beside its weights takes a coarser scale, not 33 bits. */
static void test_large_bias(void **state) {
    (void)state;
    td_error err = {0};
    td_net *net = one_conv(32);
    td_weights *w = td_weights_create(net);
    memcpy(w->layer[1].weight, (const float[]){1e-9F, 0}, 2 * sizeof(float));
    memcpy(w->layer[1].bias, (const float[]){1, -1}, 2 * sizeof(float));
    const td_range range[] = {range_of(-1, 1), range_of(-1, 1)};
    td_quantised *q;
    assert_ok(td_quantise_ranges(net, w, range, &q, &err), &err);
    const float x[2] = {1, -1};
    float y[4];
    assert_ok(td_quantised_forward(q, x, 1, y, &err), &err);
    for (int i = 0; i < 4; i++) assert_near(y[i], i < 2 ? 1 : -1, 0.005);
    td_quantised_destroy(q);
    td_weights_destroy(w);
    td_net_destroy(net);
}

static void expect_refused(td_net *net, const char *part) {
    td_error err = {0};
    td_weights *w = td_weights_create(net);
    for (int64_t i = 0; i < w->count; i++) w->data[i] = 1;
    const td_range range[] = {range_of(-1, 1), range_of(-1, 1)};
    td_quantised *q;
    assert_int_equal(td_quantise_ranges(net, w, range, &q, &err), TD_E_UNSUPPORTED);
    assert_null(q);
    if (strstr(err.message, part) == NULL) fail_msg("\"%s\": no \"%s\"", err.message, part);
    td_weights_destroy(w);
    td_net_destroy(net);
}

static void test_refused(void **state) {
    (void)state;
    expect_refused(one_conv(14),
                   "layer conv1: sums of channel 0 can reach 8192, more than 14 bits hold");
    td_net *net = one_conv(32);
    td_net_set_bits(net, 1, 16, 8, 8, 32);
    expect_refused(net, "layer conv1: weights of 16 bits; integer networks have 2 to 8");
    net = one_conv(32);
    td_net_set_bits(net, 1, 8, 8, 1, 32);
    expect_refused(net, "layer conv1: values of 1 bits");
}

/* ---- ranges ---------------------------------------------------------------------------------- */

enum { SIDE = 8, TRAIN = 500 };

/* Training images of 50 but for one pixel of 255 in the first; those of the test split are all
 * 255: ranges that saw them would show it. */
static td_dataset make_data(void) {
    td_dataset d = {.name = "made", .shape = {1, SIDE, SIDE}, .classes = 2};
    for (int s = 0; s < TD_NSPLIT; s++) {
        d.n[s] = TRAIN;
        d.image[s] = calloc(TRAIN, SIDE * SIDE);
        d.label[s] = calloc(TRAIN, 1);
        memset(d.image[s], s == TD_SPLIT_TRAIN ? 50 : 255, TRAIN * SIDE * SIDE);
    }
    for (int i = 0; i < TRAIN * SIDE * SIDE; i += 2) d.image[TD_SPLIT_TRAIN][i] = (uint8_t)(i % 97);
    d.image[TD_SPLIT_TRAIN][7] = 255;
    d.std[0] = 1;
    return d;
}

/* Squared error of the training words in 4 bits. */
static double error_of(const td_dataset *d, float lo, float hi) {
    double scale = ((double)hi - (double)lo) / 15, zero = rint(-8 - (double)lo / scale), sum = 0;
    for (int i = 0; i < TRAIN * SIDE * SIDE; i++) {
        double x = d->image[TD_SPLIT_TRAIN][i] / 255.0;
        double word = fmax(-8, fmin(rint(x / scale) + zero, 7));
        sum += (x - (word - zero) * scale) * (x - (word - zero) * scale);
    }
    return sum;
}

static void test_rules(void **state) {
    (void)state;
    td_error err = {0};
    td_dataset d = make_data();
    td_net *net = td_net_create("pass", d.shape);
    int x = td_net_conv(net, 0, 1, 1, 1, 1, 1); /* times one */
    td_net_set_bits(net, x, 8, 8, 4, 32);
    td_net_fc(net, x, 2);
    td_weights *w = td_weights_create(net);
    w->layer[1].weight[0] = 1;
    td_range range[3];
    td_calibration c;
    td_calibration_default(&c);
    c.rule = TD_RANGE_MINMAX;
    assert_ok(td_calibrate(net, w, &d, &c, range, &err), &err);
    for (int i = 0; i < 2; i++) {
        int b = i == 0 ? 8 : 4;
        assert_near(range[i].at[b].lo, 0, 0);
        assert_near(range[i].at[b].hi, 1, 1e-6);
    }
    assert_near(error_of(&d, 0, 1), error_of(&d, range[1].at[4].lo, range[1].at[4].hi), 1e-3);
    /* The one word in 32,000 is outside; the image itself keeps all. */
    c.rule = TD_RANGE_PERCENTILE;
    assert_ok(td_calibrate(net, w, &d, &c, range, &err), &err);
    assert_near(range[0].at[8].hi, 1, 1e-6);
    assert_near(range[1].at[4].hi, 96 / 255.0, 1.0 / 2048);
    /* No bounds on a grid of hundredths are better. */
    c.rule = TD_RANGE_MSE;
    assert_ok(td_calibrate(net, w, &d, &c, range, &err), &err);
    double error = error_of(&d, range[1].at[4].lo, range[1].at[4].hi), best = INFINITY;
    for (int k = 1; k <= 100; k++) best = fmin(best, error_of(&d, 0, (float)k / 100));
    assert_true(error < error_of(&d, 0, 1) / 4);
    assert_true(error <= best * 1.02);
    c.images = 0;
    assert_int_equal(td_calibrate(net, w, &d, &c, range, &err), TD_E_USAGE);
    td_weights_destroy(w);
    td_net_destroy(net);
    td_dataset_free(&d);
}

/* Signal over noise of every value, from reals and QDQ graph in plain loops. */
static void expect_noise(const td_net *net, const td_weights *w, const td_dataset *d,
                         const float *x, const td_range *range) {
    enum { IMAGES = 7 };
    td_error err = {0};
    int n = td_net_size(net), words = d->shape.c * d->shape.h * d->shape.w;
    double *signal = calloc((size_t)n, sizeof *signal), *noise = calloc((size_t)n, sizeof *noise);
    double *got = calloc((size_t)n, sizeof *got);
    td_quantised *q;
    assert_ok(td_quantise_ranges(net, w, range, &q, &err), &err);
    for (int image = 0; image < IMAGES; image++) {
        double **a = plain_values(net, w, NULL, x + image * words);
        double **b = plain_values(NULL, NULL, q, x + image * words);
        for (int i = 0; i < n; i++) {
            const td_layer *l = td_net_layer(net, i);
            for (int j = 0; j < l->c * l->h * l->w; j++) {
                signal[i] += a[i][j] * a[i][j];
                noise[i] += (a[i][j] - b[i][j]) * (a[i][j] - b[i][j]);
            }
        }
        plain_free(a, n);
        plain_free(b, n);
    }
    assert_ok(td_quantised_noise(q, d, IMAGES, got, &err), &err);
    int compared = 0;
    for (int i = 1; i < n; i++) {
        assert_true(isnan(got[i]) == (q->layer[i].out.bits == 0));
        if (isnan(got[i])) continue;
        assert_near(got[i], 10 * log10(signal[i] / noise[i]), 0.02);
        assert_true(got[i] > 10);
        compared++;
    }
    assert_true(isnan(got[0]) && compared > 15);
    td_quantised_destroy(q);
    free(signal);
    free(noise);
    free(got);
}

/* What the trainer's kernels show of every value is what plain loops make of the images: more of
 * them than one batch, the last of which is not full. */
static void test_observed(void **state) {
    (void)state;
    enum { IMAGES = 230 };
    static const char *const name[] = {"mobilenetv3-small", "mobilenet-edgetpu-v2-tiny", "C"};
    td_error err = {0};
    td_dataset d = {.name = "noise", .shape = {2, 9, 8}, .classes = 4};
    int words = d.shape.c * d.shape.h * d.shape.w;
    d.n[TD_SPLIT_TRAIN] = IMAGES + 20;
    d.image[TD_SPLIT_TRAIN] = calloc(IMAGES + 20, (size_t)words);
    d.label[TD_SPLIT_TRAIN] = calloc(IMAGES + 20, 1);
    float *x = malloc(sizeof *x * (size_t)(IMAGES * words));
    td_rng r = td_rng_make(5, 0, TD_RNG_TEST);
    for (int c = 0; c < 2; c++) d.mean[c] = 0.3F, d.std[c] = 0.5F;
    for (int i = 0; i < (IMAGES + 20) * words; i++) {
        d.image[TD_SPLIT_TRAIN][i] = (uint8_t)td_rng_below(&r, i < IMAGES * words ? 200 : 256);
        if (i < IMAGES * words) x[i] = ((float)d.image[TD_SPLIT_TRAIN][i] / 255 - 0.3F) / 0.5F;
    }
    for (size_t k = 0; k < sizeof name / sizeof name[0]; k++) {
        td_net *net, *folded;
        td_weights *fw;
        assert_ok(td_net_build(name[k], d.shape, 0.25, 4, &net, &err), &err);
        td_weights *w = random_weights(net, &r);
        assert_ok(td_net_fold_bn(net, w, &folded, &fw, &err), &err);
        td_range *wanted = plain_ranges(folded, fw, x, IMAGES);
        td_range *got = calloc((size_t)td_net_size(folded), sizeof *got);
        td_calibration c = {.rule = TD_RANGE_MINMAX, .percentile = 99, .images = IMAGES};
        assert_ok(td_calibrate(folded, fw, &d, &c, got, &err), &err);
        for (int i = 0; i < td_net_size(folded); i++) { /* plain_ranges hold 0, too */
            double lo = fmin((double)got[i].at[8].lo, 0), hi = fmax((double)got[i].at[8].hi, 0);
            double near = 1e-4 * (hi - lo) + 1e-6;
            assert_near(lo, wanted[i].at[8].lo, near);
            assert_near(hi, wanted[i].at[8].hi, near);
            assert_true(got[i].at[8].lo <= got[i].at[8].hi);
        }
        if (k == 2) expect_noise(folded, fw, &d, x, got);
        free(wanted);
        free(got);
        td_weights_destroy(w);
        td_weights_destroy(fw);
        td_net_destroy(net);
        td_net_destroy(folded);
    }
    free(x);
    td_dataset_free(&d);
}

/* Predictions of td_quantised_test, on any number of threads, are those of td_quantised_forward. */
static void test_split(void **state) {
    (void)state;
    td_error err = {0};
    td_dataset d = make_data();
    td_rng r = td_rng_make(4, 0, TD_RNG_TEST);
    for (int i = 0; i < TRAIN * SIDE * SIDE; i++)
        d.image[TD_SPLIT_TEST][i] = (uint8_t)td_rng_below(&r, 256);
    td_net *net = td_net_create("split", d.shape);
    int x = td_net_conv_bn_act(net, 0, 6, 3, 1, 1, TD_OP_RELU);
    td_net_fc(net, td_net_global_pool(net, x), 2);
    td_weights *w = td_weights_create(net);
    for (int64_t i = 0; i < w->count; i++) w->data[i] += (float)(0.3 * td_rng_normal(&r));
    for (int k = 0; k < 6; k++) w->layer[2].var[k] = 1;
    td_calibration c;
    td_calibration_default(&c);
    td_quantised *q;
    assert_ok(td_quantise(net, w, &d, &c, &q, &err), &err);
    uint8_t label[2][TRAIN];
    double accuracy[2], right = 0;
    for (int t = 0; t < 2; t++)
        assert_ok(td_quantised_test(q, &d, TD_SPLIT_TEST, 1 + t, &accuracy[t], label[t], &err),
                  &err);
    assert_memory_equal(label[0], label[1], TRAIN);
    for (int i = 0; i < TRAIN; i++) {
        float image[SIDE * SIDE], score[2];
        for (int j = 0; j < SIDE * SIDE; j++)
            image[j] = (float)d.image[TD_SPLIT_TEST][i * SIDE * SIDE + j] / 255;
        assert_ok(td_quantised_forward(q, image, 1, score, &err), &err);
        assert_int_equal(label[0][i], score[1] > score[0]);
        right += label[0][i] == 0;
    }
    assert_near(accuracy[0], right / TRAIN, 1e-12);
    assert_true(accuracy[0] == accuracy[1]);
    td_quantised_destroy(q);
    td_weights_destroy(w);
    td_net_destroy(net);
    td_dataset_free(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_hand),  cmocka_unit_test(test_large_bias),
        cmocka_unit_test(test_refused),  cmocka_unit_test(test_rules),
        cmocka_unit_test(test_observed), cmocka_unit_test(test_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Layer problems: counts against enumeration, limits, text. */
#include "common.h"

#include "tandem/net.h"

#include "random_net.h"

static td_problem plain(void) {
    td_problem p = {.stride = {1, 1}, .dilation = {1, 1}, .bits = {8, 8, 8}, .acc_bits = 32};
    for (int i = 0; i < TD_NDIM; i++) p.dim[i] = 1;
    return p;
}

static void test_letters(void **state) {
    (void)state;
    for (int i = 0; i < TD_NDIM; i++) assert_int_equal(td_dim_from_letter(td_dim_letter[i]), i);
    assert_int_equal(td_dim_from_letter('Q'), TD_Q);
    assert_int_equal(td_dim_from_letter('x'), -1);
    assert_int_equal(td_dim_from_letter('\0'), -1);
    assert_string_equal(td_tensor_letter, "WIO");
}

static void test_matrix_product(void **state) {
    (void)state;
    td_problem p = plain();
    p.dim[TD_P] = 128;
    p.dim[TD_K] = 512;
    p.dim[TD_C] = 2048;
    td_error err;
    assert_ok(td_problem_check(&p, &err), &err);
    assert_int_equal(td_problem_macs(&p), 128LL * 512 * 2048);
    assert_int_equal(td_problem_words(&p, TD_W), 512 * 2048);
    assert_int_equal(td_problem_words(&p, TD_I), 128 * 2048);
    assert_int_equal(td_problem_words(&p, TD_O), 128 * 512);
}

/* Rows of the image between the first and the last that any tap touches, by looking at all taps. */
static int64_t touched(int image, int out, int kernel, int stride, int dilation, int pad) {
    int64_t lo = INT64_MAX, hi = INT64_MIN;
    for (int64_t p = 0; p < out; p++)
        for (int64_t r = 0; r < kernel; r++) {
            int64_t row = p * stride + r * dilation - pad;
            if (row < lo) lo = row;
            if (row > hi) hi = row;
        }
    if (lo < 0) lo = 0;
    if (hi > image - 1) hi = image - 1;
    return hi < lo ? 0 : hi - lo + 1;
}

static void test_words_of_layers(void **state) {
    (void)state;
    td_error err;
    int convolutions = 0;
    for (uint64_t seed = 0; seed < 300; seed++) {
        td_rng r = td_rng_make(seed, 0, TD_RNG_TEST);
        td_net *net = random_net(&r, 12, 5);
        assert_ok(td_net_check(net, &err), &err);
        for (int i = 0; i < td_net_size(net); i++) {
            const td_layer *l = td_net_layer(net, i), *x = td_net_layer(net, l->input[0]);
            td_problem p;
            bool has = td_layer_problem(net, i, 3, &p);
            assert_int_equal(has, l->op == TD_OP_CONV || l->op == TD_OP_FC);
            if (!has) continue;
            assert_ok(td_problem_check(&p, &err), &err);
            assert_int_equal(td_problem_macs(&p), 3 * td_layer_macs(net, i));
            assert_int_equal(td_problem_words(&p, TD_W),
                             td_layer_params(net, i) - (l->bias ? l->c : 0));
            assert_int_equal(td_problem_words(&p, TD_O), 3 * l->c * l->h * l->w);
            if (l->op == TD_OP_FC) {
                assert_int_equal(td_problem_words(&p, TD_I), 3 * x->c * x->h * x->w);
                continue;
            }
            int64_t rows =
                touched(x->h, l->h, l->kernel[0], l->stride[0], l->dilation[0], l->pad[0]);
            int64_t columns =
                touched(x->w, l->w, l->kernel[1], l->stride[1], l->dilation[1], l->pad[1]);
            assert_int_equal(td_problem_words(&p, TD_I), 3 * x->c * rows * columns);
            /* Padding is what is touched: never more than the layer has. */
            for (int k = 0; k < 4; k++) assert_true(p.pad[k] >= 0 && p.pad[k] <= l->pad[k]);
            convolutions++;
        }
        td_net_destroy(net);
    }
    assert_true(convolutions > 500);
}

static void test_same_padding_at_stride_2(void **state) {
    (void)state;
    td_net *net = td_net_create("s2", TD_DIM(3, 224, 224));
    td_net_conv(net, 0, 32, 3, 2, 1, 1);
    td_problem p;
    assert_true(td_layer_problem(net, 1, 1, &p));
    assert_int_equal(p.dim[TD_P], 112);
    assert_int_equal(p.pad[0], 1);
    assert_int_equal(p.pad[2], 0); /* the layer's row of zeros at the bottom is never reached */
    assert_int_equal(td_problem_words(&p, TD_I), 3 * 224 * 224);
    td_net_destroy(net);
}

static void expect_bad(const td_problem *p, const char *part) {
    td_error err = {0};
    assert_int_equal(td_problem_check(p, &err), TD_E_INPUT);
    if (strstr(err.message, part) == NULL) fail_msg("'%s' not in '%s'", part, err.message);
    assert_int_equal(td_problem_check(p, NULL), TD_E_INPUT);
}

static void test_check(void **state) {
    (void)state;
    td_error err;
    td_problem p = plain();
    assert_ok(td_problem_check(&p, &err), &err);
    p.dim[TD_C] = 0;
    expect_bad(&p, "C is 0");
    p = plain();
    p.stride[1] = 0;
    expect_bad(&p, "stride");
    p = plain();
    p.dilation[0] = -1;
    expect_bad(&p, "dilation");
    p = plain();
    p.pad[3] = -1;
    expect_bad(&p, "padding");
    p = plain();
    p.bits[TD_O] = 65;
    expect_bad(&p, "words of O have 65 bits");
    p = plain();
    p.acc_bits = 0;
    expect_bad(&p, "partial sums");
    /* 2^31 rows, and products just below and at the limit. */
    p = plain();
    p.dim[TD_P] = 65536;
    p.stride[0] = 65536;
    expect_bad(&p, "input rows");
    p = plain();
    p.bits[0] = p.bits[1] = p.bits[2] = p.acc_bits = 1;
    p.dim[TD_K] = p.dim[TD_C] = 1 << 30;
    assert_ok(td_problem_check(&p, &err), &err);
    p.dim[TD_N] = 3;
    assert_ok(td_problem_check(&p, &err), &err);
    p.dim[TD_N] = 4;
    expect_bad(&p, "2^62");
    p.dim[TD_N] = 1;
    p.bits[TD_W] = 4; /* words fit, their bits do not */
    expect_bad(&p, "2^62");
    p = plain();
    for (int i = 0; i < TD_NDIM; i++) p.dim[i] = INT32_MAX;
    p.stride[0] = p.stride[1] = p.dilation[0] = p.dilation[1] = INT32_MAX;
    expect_bad(&p, "input rows");
}

static void expect_text(const td_problem *p, const char *wanted) {
    char text[96];
    td_problem_text(p, text, sizeof text);
    assert_string_equal(text, wanted);
}

static void test_text(void **state) {
    (void)state;
    td_net *net = td_net_create("text", TD_DIM(64, 112, 112));
    int x = td_net_conv(net, 0, 64, 3, 2, 1, 1);
    int d = td_net_conv(net, x, 64, 3, 1, 64, 1);
    int g = td_net_conv(net, d, 128, 3, 1, 4, 2);
    int f = td_net_fc(net, td_net_global_pool(net, g), 10);
    td_problem p;
    assert_true(td_layer_problem(net, x, 1, &p));
    expect_text(&p, "conv K64 C64 P56 Q56 R3 S3 s2");
    assert_true(td_layer_problem(net, d, 1, &p));
    expect_text(&p, "dwconv G64 P56 Q56 R3 S3");
    assert_true(td_layer_problem(net, g, 2, &p));
    expect_text(&p, "conv N2 G4 K32 C16 P56 Q56 R3 S3 d2");
    assert_true(td_layer_problem(net, f, 1, &p));
    expect_text(&p, "fc K10 C128");
    p = plain();
    p.dim[TD_P] = 7;
    p.dim[TD_K] = 8;
    p.dim[TD_C] = 9;
    expect_text(&p, "gemm K8 C9 P7");
    char small[9];
    td_problem_text(&p, small, sizeof small);
    assert_string_equal(small, "gemm K8 ");
    td_problem_text(&p, small, 0);
    td_net_destroy(net);
}

static td_problem parsed(const char *text) {
    td_error err = {0};
    td_problem p;
    assert_ok(td_problem_parse(text, &p, &err), &err);
    return p;
}

static void expect_dims(const td_problem *p, int n, int k, int c, int pp, int q, int r, int s,
                        int g) {
    const int32_t want[TD_NDIM] = {n, k, c, pp, q, r, s, g};
    assert_memory_equal(p->dim, want, sizeof want);
}

static void test_parse(void **state) {
    (void)state;
    td_problem p = parsed("conv K64 C32 P56 Q28 R3 S5");
    expect_dims(&p, 1, 64, 32, 56, 28, 3, 5, 1);
    assert_true(p.stride[0] == 1 && p.stride[1] == 1 && p.dilation[0] == 1 && p.dilation[1] == 1);
    assert_true(p.bits[TD_W] == 8 && p.bits[TD_I] == 8 && p.bits[TD_O] == 8 && p.acc_bits == 32);
    assert_true((p.pad[0] | p.pad[1] | p.pad[2] | p.pad[3]) == 0);
    p = parsed("  conv\tG2 N4 stride=2 K8   dilation=3x1 P5 pad=1 ");
    expect_dims(&p, 4, 8, 1, 5, 1, 1, 1, 2);
    assert_true(p.stride[0] == 2 && p.stride[1] == 2 && p.dilation[0] == 3 && p.dilation[1] == 1);
    assert_true(p.pad[0] == 1 && p.pad[1] == 1 && p.pad[2] == 1 && p.pad[3] == 1);
    p = parsed("conv K8 P5 Q5 R3 S3 s2x1 d2 pad=2,3");
    assert_true(p.stride[0] == 2 && p.stride[1] == 1 && p.dilation[0] == 2 && p.dilation[1] == 2);
    assert_true(p.pad[0] == 2 && p.pad[1] == 3 && p.pad[2] == 2 && p.pad[3] == 3);
    p = parsed("conv K8 P5 Q5 R3 S3 pad=1,0,2x3");
    assert_true(p.pad[0] == 1 && p.pad[1] == 0 && p.pad[2] == 2 && p.pad[3] == 3);
    /* Depthwise: channels are groups. */
    p = parsed("dw C144 P56 Q56 R3 S3");
    expect_dims(&p, 1, 1, 1, 56, 56, 3, 3, 144);
    p = parsed("dwconv G144 P56 Q56 R3 S3 s2");
    expect_dims(&p, 1, 1, 1, 56, 56, 3, 3, 144);
    /* Matrix products: M x K by K x N, in their letters and as loops. */
    p = parsed("gemm M512 N2048 K768");
    expect_dims(&p, 1, 2048, 768, 512, 1, 1, 1, 1);
    p = parsed("gemm G12 M64 K768");
    expect_dims(&p, 1, 1, 768, 64, 1, 1, 1, 12);
    p = parsed("gemm K2048 C768 P512 N3");
    expect_dims(&p, 3, 2048, 768, 512, 1, 1, 1, 1);
    p = parsed("fc K1000 C512 N16");
    expect_dims(&p, 16, 1000, 512, 1, 1, 1, 1, 1);
}

static void expect_refused(const char *text, const char *part) {
    td_error err = {0};
    td_problem p = plain(), before = p;
    assert_int_equal(td_problem_parse(text, &p, &err), TD_E_INPUT);
    if (strstr(err.message, part) == NULL) fail_msg("\"%s\" is not in \"%s\"", part, err.message);
    assert_memory_equal(&p, &before, sizeof p);
    assert_int_equal(td_problem_parse(text, &p, NULL), TD_E_INPUT);
}

static void test_parse_refuses(void **state) {
    (void)state;
    expect_refused("", "expected a layer such as");
    expect_refused("  ", "expected a layer such as");
    expect_refused("cnv K64", "no kind \"cnv\", did you mean \"conv\"?");
    expect_refused("K64 C64", "no kind \"K64\", known are: conv, dwconv, dw, fc, gemm");
    expect_refused("conv", "expected sizes of its loops");
    expect_refused("conv s2", "expected sizes of its loops");
    expect_refused("conv K64 X3", "\"X3\": expected one of N, G, K, C, P, Q, R, S with its size");
    expect_refused("conv k64", "\"k64\": expected one of");
    expect_refused("conv K64 K32", "\"K32\": expected each loop once only");
    expect_refused("conv K0", "\"K0\": expected");
    expect_refused("conv K", "\"K\": expected");
    expect_refused("conv K-3", "\"K-3\": expected");
    expect_refused("conv K3.5", "\"K3.5\": expected");
    expect_refused("conv K4294967297", "\"K4294967297\": expected");
    expect_refused("conv K99999999999999999999999", "expected");
    expect_refused("conv K2147483647 C2147483647 P2147483647", "2^62");
    expect_refused("conv K8 s0", "\"s0\": expected a number from 1 to 2147483647");
    expect_refused("conv K8 stride=", "\"stride=\": expected a number from 1 to 2");
    expect_refused("conv K8 s2 stride=2", "\"stride=2\": expected it once only");
    expect_refused("conv K8 s1x2x3", "\"s1x2x3\": expected");
    expect_refused("conv K8 pad=1,2,3",
                   "\"pad=1,2,3\": expected a number from 0 to 2147483647, two");
    expect_refused("conv K8 pad=-1", "\"pad=-1\": expected a number from 0 to 2147483647, two");
    expect_refused("dw C8 K2 P4", "\"K2\": expected one of N, G, C, P, Q, R, S");
    expect_refused("dw C8 G8 P4", "\"G8\": expected each loop once only");
    expect_refused("gemm M8 N8 C8",
                   "\"C8\": expected the letters of a matrix product (M, N, K, G)");
    expect_refused("gemm M512 N2048 K512 P3", "\"P3\": expected the letters of a matrix product");
    expect_refused("conv K0", "\"K0\": expected K with its size, from 1 to 2147483647");
    expect_refused("gemm M8 N3000000000", "\"N3000000000\": expected N with its size, from 1 to 2");
    expect_refused("gemm M8 N8 K8 R3", "\"R3\": expected one of M, N, K, G with its size");
    expect_refused("gemm M8 N8 K8 s2", "\"s2\": expected one of");
    expect_refused("fc K8 P3", "\"P3\": expected one of");
}

/* What td_problem_text writes is read back, but for padding and bits. */
static void test_text_and_back(void **state) {
    (void)state;
    for (uint64_t i = 0; i < 2000; i++) {
        td_rng r = td_rng_make(7, i, TD_RNG_TEST);
        td_problem p = parsed("conv K1"), back;
        unsigned few = (unsigned)td_rng_below(&r, 256); /* loops that are 1 */
        for (int d = 0; d < TD_NDIM; d++)
            if (!(few >> d & 1)) p.dim[d] = 1 + (int32_t)td_rng_below(&r, 12);
        for (int k = 0; k < 2; k++) {
            if (td_rng_below(&r, 2)) p.stride[k] = 1 + (int32_t)td_rng_below(&r, 3);
            if (td_rng_below(&r, 4) == 0) p.dilation[k] = 1 + (int32_t)td_rng_below(&r, 3);
        }
        char text[128];
        td_problem_text(&p, text, sizeof text);
        td_error err = {0};
        if (td_problem_parse(text, &back, &err) != TD_OK) fail_msg("%s", err.message);
        if (memcmp(&back, &p, sizeof p) != 0) fail_msg("\"%s\" is another layer", text);
    }
}

/* im2col: a word for each tap of each position of each channel. */
static void test_product(void **state) {
    (void)state;
    for (uint64_t i = 0; i < 500; i++) {
        td_rng r = td_rng_make(8, i, TD_RNG_TEST);
        td_problem p = parsed("conv K1"), q, again;
        for (int d = 0; d < TD_NDIM; d++) p.dim[d] = 1 + (int32_t)td_rng_below(&r, 9);
        for (int k = 0; k < 2; k++) {
            p.stride[k] = 1 + (int32_t)td_rng_below(&r, 3);
            p.dilation[k] = 1 + (int32_t)td_rng_below(&r, 3);
            p.pad[k] = (int32_t)td_rng_below(&r, 2);
        }
        p.bits[TD_W] = 4;
        td_problem_product(&p, &q);
        assert_int_equal(td_problem_macs(&q), td_problem_macs(&p));
        assert_int_equal(td_problem_words(&q, TD_W), td_problem_words(&p, TD_W));
        assert_int_equal(td_problem_words(&q, TD_O), td_problem_words(&p, TD_O));
        assert_int_equal(td_problem_words(&q, TD_I) * p.dim[TD_K], td_problem_macs(&p));
        assert_int_equal(q.bits[TD_W], 4);
        assert_true(q.dim[TD_G] == p.dim[TD_G] && q.dim[TD_K] == p.dim[TD_K]);
        assert_true(q.dim[TD_N] * q.dim[TD_Q] * q.dim[TD_R] * q.dim[TD_S] == 1);
        assert_int_equal(td_problem_check(&q, NULL), TD_OK);
        td_problem_product(&q, &again);
        assert_memory_equal(&again, &q, sizeof q);
    }
    /* Dims that would be too long stay as they are. */
    td_problem p = parsed("conv K1"), q;
    p.dim[TD_P] = p.dim[TD_Q] = 1 << 16;
    td_problem_product(&p, &q);
    assert_memory_equal(&q, &p, sizeof q);
    p.dim[TD_C] = 1 << 20;
    p.dim[TD_R] = p.dim[TD_S] = 1 << 8;
    td_problem_product(&p, &q);
    assert_memory_equal(&q, &p, sizeof q);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_product),
        cmocka_unit_test(test_letters),
        cmocka_unit_test(test_matrix_product),
        cmocka_unit_test(test_words_of_layers),
        cmocka_unit_test(test_same_padding_at_stride_2),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_refuses),
        cmocka_unit_test(test_text_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* ONNX models in: what runs on the MACs, and precisions. Each operator as the layers that it makes.
 */
#include "common.h"

#include "onnx_expect.h"

/* ---- convolutions ------------------------------------------------------------------------------
 */

static void test_conv(void **state) {
    (void)state;
    static const struct {
        const char *x, *w, *attrs, *wanted;
    } cases[] = {
        {"1,3,32,30", "16,3,3,5", "strides=2,1 pads=1,2,1,2",
         "conv K16 C3 P16 Q30 R3 S5 s2x1 -> 16x16x30 +736\n"},
        {"1,8,9,9", "8,1,3,3", "group:8 dilations=2,2 pads=2,2,2,2",
         "dwconv G8 P9 Q9 R3 S3 d2 -> 8x9x9 +80\n"},
        {"1,8,9,9", "12,2,1,1", "group:4", "conv G4 K3 C2 P9 Q9 -> 12x9x9 +36\n"},
        /* one more row and column at the end than at the begin */
        {"1,4,8,8", "4,4,3,3", "strides=2,2 pads=0,0,1,1",
         "conv K4 C4 P4 Q4 R3 S3 s2 -> 4x4x4 +148\n"},
        {"1,4,7,7", "4,4,3,3", "strides=2,2 auto_pad'SAME_UPPER",
         "conv K4 C4 P4 Q4 R3 S3 s2 -> 4x4x4 +148\n"},
        {"1,4,8,8", "4,4,4,4", "auto_pad'SAME_LOWER", "conv K4 C4 P8 Q8 R4 S4 -> 4x8x8 +260\n"},
        {"1,4,8,8", "4,4,3,3", "auto_pad'VALID", "conv K4 C4 P6 Q6 R3 S3 -> 4x6x6 +148\n"},
        {"1,6,50", "10,6,5", "strides=2 pads=2,2",
         "conv K10 C6 P25 Q1 R5 S1 s2x1 -> 10x25x1 +310\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        onnx_build b = onnx_one(13, cases[i].x);
        char bias[16];
        snprintf(bias, sizeof bias, "%d", atoi(cases[i].w));
        onnx_weight(&b, "w", ONNX_FLOAT, cases[i].w);
        onnx_weight(&b, "b", ONNX_FLOAT, bias);
        onnx_node(&b, "Conv", "x w b", "y", cases[i].attrs);
        onnx_expect(&b, cases[i].wanted);
    }
    /* Asymmetric pads as they are. */
    onnx_build b = onnx_one(13, "1,4,8,8");
    onnx_weight(&b, "w", ONNX_FLOAT, "4,4,3,3");
    onnx_node(&b, "Conv", "x w", "y", "pads=0,1,2,3");
    td_net *net = onnx_read_built(&b, NULL);
    const td_layer *l = td_net_layer(net, 1);
    assert_int_equal(l->pad[0], 0);
    assert_int_equal(l->pad[1], 1);
    assert_int_equal(l->pad[2], 2);
    assert_int_equal(l->pad[3], 3);
    assert_false(l->bias);
    assert_string_equal(td_net_name(net), "model");
    assert_string_equal(l->name, "n1");
    td_net_destroy(net);
}

/* MACs of a transposed convolution are those of its input times its taps. */
static void test_conv_transpose(void **state) {
    (void)state;
    static const struct {
        const char *attrs, *wanted;
    } cases[] = {
        /* the stride divides the kernel: 2x2 taps, four results side by side */
        {"strides=2,2 pads=1,1,1,1", "conv K24 C4 P5 Q7 R2 S2 -> 6x10x14 +390\n"},
        {"strides=4,4", "conv K96 C4 P5 Q7 -> 6x20x28 +390\n"},
        /* it does not */
        {"strides=3,3 output_padding=1,0", "conv K96 C4 P5 Q7 -> 6x17x22 +390\n"},
        {"", "conv K6 C4 P5 Q7 R4 S4 -> 6x8x10 +390\n"},
        {"strides=2,2 auto_pad'SAME_UPPER", "conv K24 C4 P5 Q7 R2 S2 -> 6x10x14 +390\n"},
        {"strides=2,2 output_shape=11,15", "conv K24 C4 P5 Q7 R2 S2 -> 6x11x15 +390\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        onnx_build b = onnx_one(11, "1,4,5,7");
        onnx_weight(&b, "w", ONNX_FLOAT, "4,6,4,4");
        onnx_weight(&b, "b", ONNX_FLOAT, "6");
        onnx_node(&b, "ConvTranspose", "x w b", "y", cases[i].attrs);
        td_net *net = onnx_read_built(&b, NULL);
        td_problem p;
        assert_true(td_layer_problem(net, 1, 1, &p));
        assert_int_equal(td_layer_macs(net, 1), 4 * 5 * 7 * 6 * 16);
        assert_int_equal(td_problem_macs(&p), td_layer_macs(net, 1));
        td_error err = {0};
        assert_int_equal(td_net_runs(net, &err), TD_E_UNSUPPORTED);
        assert_non_null(strstr(err.message, "n1 (conv_transpose)"));
        onnx_expect_net(net, cases[i].wanted);
    }
    onnx_build b = onnx_one(11, "1,4,5,7");
    onnx_weight(&b, "w", ONNX_FLOAT, "4,1,2,2");
    onnx_node(&b, "ConvTranspose", "x w", "y", "strides=2,2 group:4");
    onnx_expect(&b, "conv G4 K4 C1 P5 Q7 -> 4x10x14 +16\n");
}

/* Zeros that a Pad puts around belong to the convolution that reads them. */
static void test_pad(void **state) {
    (void)state;
    for (int opset = 10; opset <= 18; opset += 8) {
        onnx_build b = onnx_one(opset, "1,3,8,8");
        onnx_weight(&b, "w", ONNX_FLOAT, "4,3,3,3");
        if (opset == 18) {
            onnx_ints(&b, "pads", "1,0,1,1");
            onnx_ints(&b, "axes", "2,-1");
            onnx_node(&b, "Pad", "x pads - axes", "p", "");
        } else {
            onnx_node(&b, "Pad", "x", "p", "pads=0,0,1,0,0,0,1,1 mode'constant");
        }
        onnx_node(&b, "Conv", "p w", "y", "pads=0,1,0,0");
        onnx_expect(&b, "conv K4 C3 P8 Q8 R3 S3 -> 4x8x8 +108\n");
    }
    onnx_build b = onnx_one(10, "1,3,8,8");
    onnx_weight(&b, "w", ONNX_FLOAT, "4,3,3,3");
    onnx_node(&b, "Pad", "x", "p", "pads=0,0,1,1,0,0,1,1 mode'reflect");
    onnx_node(&b, "Conv", "p w", "y", "");
    onnx_expect(&b, "move -> 3x10x10\nconv K4 C3 P8 Q8 R3 S3 -> 4x8x8 +108\n");
}

/* What is an output and read as well is written all the same. */
static void test_outputs(void **state) {
    (void)state;
    onnx_build b = onnx_one(13, "1,3,8,8");
    onnx_weight(&b, "w", ONNX_FLOAT, "4,3,1,1");
    onnx_weight(&b, "v", ONNX_FLOAT, "2,4,1,1");
    onnx_node(&b, "Conv", "x w", "a", "");
    onnx_node(&b, "Relu", "a", "r", "");
    onnx_node(&b, "Conv", "r v", "y", "");
    onnx_output(&b, "a");
    td_net *net = onnx_read_built(&b, NULL);
    assert_int_equal(td_net_layer(net, 3)->input[0], 1); /* not what is written */
    onnx_expect_net(net, "conv K4 C3 P8 Q8 -> 4x8x8 +12\nmove -> 4x8x8\nrelu -> 4x8x8\n"
                         "conv K2 C4 P8 Q8 -> 2x8x8 +8\n");
}

/* ---- products ---------------------------------------------------------------------------------
 */

static void test_gemm(void **state) {
    (void)state;
    onnx_build b = onnx_one(9, "1,8,2,2");
    onnx_weight(&b, "w", ONNX_FLOAT, "10,32");
    onnx_weight(&b, "c", ONNX_FLOAT, "10");
    onnx_node(&b, "Flatten", "x", "f", "axis:1");
    onnx_node(&b, "Gemm", "f w c", "y", "transB:1 alpha~1.0");
    onnx_expect(&b, "fc K10 C32 -> 10x1x1 +330\n");

    b = onnx_one(13, "197,768"); /* over positions: a 1x1 convolution */
    onnx_weight(&b, "w", ONNX_FLOAT, "768,64");
    onnx_node(&b, "Gemm", "x w", "y", "");
    onnx_expect(&b, "gemm K64 C768 P197 -> 64x197x1 +49152\n");

    b = onnx_one(13, "1,49,96"); /* MatMul and its bias */
    onnx_weight(&b, "w", ONNX_FLOAT, "96,288");
    onnx_weight(&b, "c", ONNX_FLOAT, "288");
    onnx_node(&b, "MatMul", "x w", "m", "");
    onnx_node(&b, "Add", "c m", "y", "");
    onnx_expect(&b, "gemm K288 C96 P49 -> 288x49x1 +27936\n");

    b = onnx_one(13, "1,96"); /* one row */
    onnx_weight(&b, "w", ONNX_FLOAT, "96,7");
    onnx_node(&b, "MatMul", "x w", "y", "");
    onnx_expect(&b, "fc K7 C96 -> 7x1x1 +672\n");

    b = onnx_one(13, "4,50,8"); /* a stack of matrices, each with its own weights */
    onnx_weight(&b, "w", ONNX_FLOAT, "4,8,6");
    onnx_node(&b, "MatMul", "x w", "y", "");
    onnx_expect(&b, "gemm G4 K6 C8 P50 -> 24x50x1 +192\n");

    b = onnx_one(13, "1,96,10"); /* the constant first: of the transposes */
    onnx_weight(&b, "w", ONNX_FLOAT, "7,96");
    onnx_node(&b, "MatMul", "w x", "y", "");
    onnx_expect(&b, "gemm K7 C96 P10 -> 7x10x1 +672\n");
}

/* Two heads of 16 channels over 9 tokens, as PyTorch writes them. */
static void attention(onnx_build *b) {
    onnx_weight(b, "wqkv", ONNX_FLOAT, "32,96");
    onnx_weight(b, "bqkv", ONNX_FLOAT, "96");
    onnx_weight(b, "wo", ONNX_FLOAT, "32,32");
    onnx_ints(b, "s", "9,3,2,16");
    onnx_ints(b, "back", "1,9,32");
    onnx_real(b, "scale", 0.25F);
    onnx_node(b, "MatMul", "x wqkv", "qkv0", "");
    onnx_node(b, "Add", "qkv0 bqkv", "qkv1", "");
    onnx_node(b, "Reshape", "qkv1 s", "qkv2", "");
    onnx_node(b, "Transpose", "qkv2", "qkv", "perm=1,2,0,3");
    onnx_node(b, "Split", "qkv", "q1 k1 v1", "axis:0");
    onnx_node(b, "Squeeze", "q1", "q", "axes=0");
    onnx_node(b, "Squeeze", "k1", "k", "axes=0");
    onnx_node(b, "Squeeze", "v1", "v", "axes=0");
    onnx_node(b, "Transpose", "k", "kt", "perm=0,2,1");
    onnx_node(b, "MatMul", "q kt", "dots", "");
    onnx_node(b, "Mul", "dots scale", "scaled", "");
    onnx_node(b, "Softmax", "scaled", "soft", "axis:-1");
    onnx_node(b, "MatMul", "soft v", "o1", "");
    onnx_node(b, "Transpose", "o1", "o2", "perm=1,0,2");
    onnx_node(b, "Reshape", "o2 back", "o3", "");
    onnx_node(b, "MatMul", "o3 wo", "o4", "");
    onnx_node(b, "Add", "o4 x", "y", "");
}

static void test_attention(void **state) {
    (void)state;
    onnx_build b = onnx_one(11, "1,9,32");
    attention(&b);
    td_net *net = onnx_read_built(&b, NULL);
    td_net_totals t;
    td_net_count(net, &t);
    assert_int_equal(t.macs, 9 * 32 * 96 + 2 * 9 * 9 * 16 * 2 + 9 * 32 * 32);
    assert_int_equal(t.layers, 4);
    /* The products read thirds of the first layer's value. */
    assert_true(fabs(td_layer_input_share(net, 2, 0) - 1.0 / 3) < 1e-12);
    assert_true(fabs(td_layer_input_share(net, 2, 1) - 1.0 / 3) < 1e-12);
    td_shape s = td_layer_input(net, 2, 1);
    assert_true(s.c == 2 && s.h == 16 && s.w == 9);
    td_problem p; /* every sample has its own second operand */
    assert_true(td_layer_problem(net, 2, 4, &p));
    assert_int_equal(p.dim[TD_G], 8);
    assert_int_equal(p.dim[TD_N], 1);
    assert_int_equal(td_problem_macs(&p), 4 * td_layer_macs(net, 2));
    onnx_expect_net(net, "gemm K96 C32 P9 -> 96x9x1 +3168\n"
                         "gemm G2 K9 C16 P9 -> 2x9x9\n"
                         "elementwise -> 2x9x9\n"
                         "softmax -> 2x9x9\n"
                         "gemm G2 K16 C9 P9 -> 2x9x16\n"
                         "gemm K32 C32 P9 -> 32x9x1 +1024\n"
                         "add -> 32x9x1\n");
}

static void test_einsum(void **state) {
    (void)state;
    onnx_build b = onnx_one(12, "1,2,9,16");
    onnx_node(&b, "Relu", "x", "k", "");
    onnx_node(&b, "Einsum", "x k", "y", "equation'bhid,bhjd->bhij");
    onnx_expect(&b, "relu -> 2x9x16\ngemm G2 K9 C16 P9 -> 2x9x9\n");
    b = onnx_one(12, "1,9,16");
    onnx_weight(&b, "w", ONNX_FLOAT, "16,4,5");
    onnx_node(&b, "Einsum", "x w", "y", "equation'bic,chd->bihd");
    onnx_expect(&b, "gemm K20 C16 P9 -> 20x9x1 +320\n");
    b = onnx_one(12, "1,9,16");
    onnx_node(&b, "Einsum", "x x", "y", "equation'bii,bij->bj");
    onnx_expect_error(&b, NULL, TD_E_UNSUPPORTED, "n1 (Einsum): sizes of 'i'");
}

/* ---- precision --------------------------------------------------------------------------------
 */

static void test_qdq(void **state) {
    (void)state;
    onnx_build b = onnx_one(13, "1,3,8,8");
    onnx_real(&b, "s", 0.1F);
    onnx_weight(&b, "z", ONNX_INT8, "");
    onnx_weight(&b, "zu", ONNX_UINT8, "");
    onnx_weight(&b, "wq", ONNX_INT8, "4,3,3,3");
    onnx_weight(&b, "bq", ONNX_INT32, "4");
    onnx_node(&b, "QuantizeLinear", "x s zu", "xq", "");
    onnx_node(&b, "DequantizeLinear", "xq s zu", "xd", "");
    onnx_node(&b, "DequantizeLinear", "wq s z", "wd", "");
    onnx_node(&b, "DequantizeLinear", "bq s", "bd", "");
    onnx_node(&b, "Conv", "xd wd bd", "c", "");
    onnx_node(&b, "Relu", "c", "r", "");
    onnx_node(&b, "QuantizeLinear", "r s zu", "rq", "");
    onnx_node(&b, "DequantizeLinear", "rq s zu", "y", "");
    td_net *net = onnx_read_built(&b, NULL);
    const td_layer *l = td_net_layer(net, 1);
    assert_int_equal(l->bits[TD_W], 8);
    assert_int_equal(l->bits[TD_I], 8);
    onnx_expect_net(net, "conv K4 C3 P6 Q6 R3 S3 -> 4x6x6 +112\nrelu -> 4x6x6\n");

    b = onnx_one(21, "1,64"); /* weights of 4 bits, activations of 16 */
    onnx_real(&b, "s", 0.1F);
    onnx_weight(&b, "wq", 22, "64,10");
    onnx_weight(&b, "z16", 5, "");
    onnx_node(&b, "QuantizeLinear", "x s z16", "xq", "");
    onnx_node(&b, "DequantizeLinear", "xq s z16", "xd", "");
    onnx_node(&b, "DequantizeLinear", "wq s", "wd", "");
    onnx_node(&b, "MatMul", "xd wd", "m", "");
    onnx_node(&b, "QuantizeLinear", "m s z16", "y", "");
    net = onnx_read_built(&b, NULL);
    l = td_net_layer(net, 1);
    assert_int_equal(l->bits[TD_W], 4);
    assert_int_equal(l->bits[TD_I], 16);
    assert_int_equal(l->bits[TD_O], 16);
    onnx_expect_net(net, "fc K10 C64 -> 10x1x1 +640\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outputs),        cmocka_unit_test(test_conv),
        cmocka_unit_test(test_conv_transpose), cmocka_unit_test(test_pad),
        cmocka_unit_test(test_gemm),           cmocka_unit_test(test_attention),
        cmocka_unit_test(test_einsum),         cmocka_unit_test(test_qdq),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

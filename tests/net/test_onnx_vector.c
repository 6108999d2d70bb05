/* ONNX models in: what runs on the vector unit, what several nodes make together, and what makes no
 * layer: views, parts, constants, shapes that the graph computes. */
#include "common.h"

#include "onnx_expect.h"

/* ---- the vector unit --------------------------------------------------------------------------
 */

static void test_pools(void **state) {
    (void)state;
    static const struct {
        const char *op, *x, *attrs, *wanted;
    } cases[] = {
        {"MaxPool", "1,4,8,8", "kernel_shape=3,3 strides=2,2 pads=1,1,1,1", "max_pool -> 4x4x4\n"},
        {"MaxPool", "1,4,7,7", "kernel_shape=2,2 strides=2,2", "max_pool -> 4x3x3\n"},
        {"MaxPool", "1,4,7,7", "kernel_shape=2,2 strides=2,2 ceil_mode:1", "max_pool -> 4x4x4\n"},
        /* a window that would begin in the padding is none */
        {"MaxPool", "1,4,8,8", "kernel_shape=2,2 strides=3,3 pads=1,1,1,1 ceil_mode:1",
         "max_pool -> 4x3x3\n"},
        {"AveragePool", "1,4,8,8", "kernel_shape=3,3 auto_pad'SAME_UPPER", "avg_pool -> 4x8x8\n"},
        {"AveragePool", "1,4,20", "kernel_shape=4 strides=4", "avg_pool -> 4x5x1\n"},
        {"MaxPool", "2,4,8,8", "kernel_shape=2,2 strides=2,2", "max_pool -> 8x4x4\n"},
        {"GlobalAveragePool", "1,4,8,8", "", "global_avg_pool -> 4x1x1\n"},
        {"GlobalMaxPool", "1,4,8,8", "", "reduce -> 4x1x1\n"},
        {"ReduceMean", "1,4,8,8", "axes=2,-1", "global_avg_pool -> 4x1x1\n"},
        {"ReduceMean", "1,4,8,8", "axes=1", "reduce -> 1x8x8\n"},
        {"ReduceMax", "1,9,16", "axes=-1 keepdims:0", "reduce -> 9x1x1\n"},
        {"ArgMax", "1,9,16", "axis:2", "reduce -> 1x9x1\n"},
        {"Softmax", "1,9,16", "", "softmax -> 16x9x1\n"},
        {"LeakyRelu", "1,4,8,8", "alpha~0.1", "elementwise -> 4x8x8\n"},
        {"HardSigmoid", "1,4,8,8", "alpha~0.1666667", "hard_sigmoid -> 4x8x8\n"},
        {"HardSigmoid", "1,4,8,8", "", "elementwise -> 4x8x8\n"}, /* alpha 0.2 */
        {"Clip", "1,4,8,8", "min~0 max~6", "relu6 -> 4x8x8\n"},
        {"Clip", "1,4,8,8", "min~-1 max~1", "elementwise -> 4x8x8\n"},
        {"HardSwish", "1,4,8,8", "", "hard_swish -> 4x8x8\n"},
        {"Tanh", "1,4,8,8", "", "tanh -> 4x8x8\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        onnx_build b = onnx_one(12, cases[i].x);
        onnx_node(&b, cases[i].op, "x", "y", cases[i].attrs);
        onnx_expect(&b, cases[i].wanted);
    }
    onnx_build b = onnx_one(18, "1,4,8,8"); /* axes as an input */
    onnx_ints(&b, "axes", "3,2");
    onnx_node(&b, "ReduceMean", "x axes", "y", "keepdims:0");
    onnx_expect(&b, "global_avg_pool -> 4x1x1\n");
}

static void test_norms(void **state) {
    (void)state;
    onnx_build b = onnx_one(13, "1,4,8,8");
    for (int i = 0; i < 4; i++)
        onnx_weight(&b, (const char *[]){"s", "t", "m", "v"}[i], ONNX_FLOAT, "4");
    onnx_node(&b, "BatchNormalization", "x s t m v", "y", "epsilon~0.001");
    onnx_expect(&b, "batch_norm -> 4x8x8 +8\n");
    b = onnx_one(17, "1,9,32");
    onnx_weight(&b, "s", ONNX_FLOAT, "32");
    onnx_weight(&b, "t", ONNX_FLOAT, "32");
    onnx_node(&b, "LayerNormalization", "x s t", "y", "axis:-1");
    onnx_expect(&b, "layer_norm -> 32x9x1 +64\n");
}

/* As element by element, with the means as operators: nine nodes. The residual reads x, too. */
static void decomposed_norm(onnx_build *b, const char *x, const char *y, bool affine) {
    char add[64];
    snprintf(add, sizeof add, "%s mean", x);
    onnx_node(b, "ReduceMean", x, "mean", "axes=-1");
    onnx_node(b, "Sub", add, "d", "");
    onnx_node(b, "Pow", "d two", "dd", "");
    onnx_node(b, "ReduceMean", "dd", "var", "axes=-1");
    onnx_node(b, "Add", "var eps", "var1", "");
    onnx_node(b, "Sqrt", "var1", "std", "");
    onnx_node(b, "Div", "d std", affine ? "norm" : y, "");
    if (!affine) return;
    onnx_node(b, "Mul", "norm gamma", "scaled", "");
    onnx_node(b, "Add", "scaled beta", y, "");
}

static void test_decomposed(void **state) {
    (void)state;
    for (int affine = 0; affine < 2; affine++) {
        onnx_build b = onnx_one(12, "1,9,32");
        onnx_weight(&b, "gamma", ONNX_FLOAT, "32");
        onnx_weight(&b, "beta", ONNX_FLOAT, "32");
        onnx_real(&b, "two", 2);
        onnx_real(&b, "eps", 1e-5F);
        decomposed_norm(&b, "x", "ln", affine == 1);
        onnx_node(&b, "Add", "ln x", "y", "");
        onnx_expect(&b, affine == 1 ? "layer_norm -> 32x9x1 +64\nadd -> 32x9x1\n"
                                    : "layer_norm -> 32x9x1\n"); /* x + norm(x): of x alone */
    }
    /* GELU by the error function, both ways that PyTorch has written it, and by tanh */
    for (int way = 0; way < 3; way++) {
        onnx_build b = onnx_one(12, "1,9,32");
        onnx_real(&b, "root2", 1.41421356F);
        onnx_real(&b, "one", 1);
        onnx_real(&b, "half", 0.5F);
        onnx_real(&b, "three", 3);
        onnx_real(&b, "c", 0.044715F);
        onnx_weight(&b, "w", ONNX_FLOAT, "32,8");
        if (way == 0) {
            onnx_node(&b, "Div", "x root2", "a", "");
            onnx_node(&b, "Erf", "a", "e", "");
            onnx_node(&b, "Add", "e one", "g", "");
            onnx_node(&b, "Mul", "x g", "xg", "");
            onnx_node(&b, "Mul", "xg half", "z", "");
        } else if (way == 1) {
            onnx_node(&b, "Mul", "x half", "h", "");
            onnx_node(&b, "Div", "x root2", "a", "");
            onnx_node(&b, "Erf", "a", "e", "");
            onnx_node(&b, "Add", "e one", "g", "");
            onnx_node(&b, "Mul", "h g", "z", "");
        } else {
            onnx_node(&b, "Pow", "x three", "x3", "");
            onnx_node(&b, "Mul", "x3 c", "cx3", "");
            onnx_node(&b, "Add", "x cx3", "s", "");
            onnx_node(&b, "Mul", "s root2", "a", "");
            onnx_node(&b, "Tanh", "a", "e", "");
            onnx_node(&b, "Add", "e one", "g", "");
            onnx_node(&b, "Mul", "x half", "h", "");
            onnx_node(&b, "Mul", "h g", "z", "");
        }
        onnx_node(&b, "MatMul", "z w", "y", "");
        onnx_expect(&b, "gelu -> 32x9x1\ngemm K8 C32 P9 -> 8x9x1 +256\n");
    }
    onnx_build b = onnx_one(12, "1,4,8,8");
    onnx_node(&b, "Sigmoid", "x", "g", "");
    onnx_node(&b, "Mul", "g x", "y", "");
    onnx_expect(&b, "swish -> 4x8x8\n");
    b = onnx_one(12, "1,4,8,8"); /* x relu6(x + 3) / 6, of before HardSwish */
    onnx_real(&b, "three", 3);
    onnx_real(&b, "six", 6);
    onnx_node(&b, "Add", "x three", "a", "");
    onnx_node(&b, "Clip", "a", "c", "min~0 max~6");
    onnx_node(&b, "Mul", "x c", "m", "");
    onnx_node(&b, "Div", "m six", "y", "");
    onnx_expect(&b, "hard_swish -> 4x8x8\n");
    b = onnx_one(12, "1,4,8,8"); /* a gate that others read stays a layer */
    onnx_node(&b, "Relu", "x", "r", "");
    onnx_node(&b, "Sigmoid", "r", "g", "");
    onnx_node(&b, "Mul", "r g", "m", "");
    onnx_node(&b, "Concat", "m g", "y", "axis:1");
    onnx_expect(&b, "relu -> 4x8x8\nsigmoid -> 4x8x8\nswish -> 4x8x8\nconcat -> 8x8x8\n");
}

static void test_elementwise(void **state) {
    (void)state;
    onnx_build b = onnx_one(13, "1,4,8,8");
    onnx_node(&b, "MaxPool", "x", "p", "kernel_shape=1,1");
    onnx_node(&b, "GlobalAveragePool", "x", "g", "");
    onnx_node(&b, "Add", "x p", "s", "");
    onnx_node(&b, "Mul", "g s", "m", "");
    onnx_node(&b, "Sub", "m p", "d", "");
    onnx_node(&b, "Max", "d p x", "y", "");
    onnx_expect(&b, "max_pool -> 4x8x8\nglobal_avg_pool -> 4x1x1\nadd -> 4x8x8\nmul -> 4x8x8\n"
                    "elementwise -> 4x8x8\nelementwise -> 4x8x8\n");
    b = onnx_one(13, "1,9,32"); /* positions are parameters, as large as what they are added to */
    onnx_weight(&b, "pos", ONNX_FLOAT, "1,9,32");
    onnx_node(&b, "Softmax", "x", "r", "");
    onnx_node(&b, "Add", "r pos", "y", "");
    onnx_expect(&b, "softmax -> 32x9x1\nelementwise -> 32x9x1 +288\n");
    b = onnx_one(13, "1,4,1,1"); /* neither operand is as large as the result */
    onnx_weight(&b, "w", ONNX_FLOAT, "1,4,6,5");
    onnx_node(&b, "Softmax", "x", "r", "");
    onnx_node(&b, "Add", "r w", "y", "");
    onnx_expect(&b, "softmax -> 4x1x1\nmove -> 4x6x5\nelementwise -> 4x6x5 +120\n");
    b = onnx_one(13, "1,4,8,8");
    onnx_node(&b, "MaxPool", "x", "p", "kernel_shape=2,2");
    onnx_node(&b, "Add", "x p", "y", "");
    onnx_expect_error(&b, NULL, TD_E_INPUT, "n2 (Add): sizes 8 and 7");
    b = onnx_one(13,
                 "1,3,8,8"); /* the image's mean and deviation belong to the first convolution */
    onnx_weight(&b, "mean", ONNX_FLOAT, "1,3,1,1");
    onnx_weight(&b, "std", ONNX_FLOAT, "1,3,1,1");
    onnx_weight(&b, "w", ONNX_FLOAT, "4,3,3,3");
    onnx_node(&b, "Sub", "x mean", "c", "");
    onnx_node(&b, "Div", "c std", "n", "");
    onnx_node(&b, "Conv", "n w", "y", "");
    onnx_expect(&b, "conv K4 C3 P6 Q6 R3 S3 -> 4x6x6 +108\n");
}

/* ---- moves ------------------------------------------------------------------------------------
 */

static void test_views(void **state) {
    (void)state;
    /* Shuffled channels, pixels from channels: other words, no layer. */
    onnx_build b = onnx_one(11, "1,8,4,4");
    onnx_weight(&b, "w", ONNX_FLOAT, "3,2,1,1");
    onnx_ints(&b, "s", "1,2,4,4,4");
    onnx_ints(&b, "t", "1,8,4,4");
    onnx_node(&b, "Reshape", "x s", "a", "");
    onnx_node(&b, "Transpose", "a", "c", "perm=0,2,1,3,4");
    onnx_node(&b, "Reshape", "c t", "d", "");
    onnx_node(&b, "DepthToSpace", "d", "e", "blocksize:2");
    onnx_node(&b, "Conv", "e w", "y", "");
    onnx_expect(&b, "conv K3 C2 P8 Q8 -> 3x8x8 +6\n");
    /* Halves that go different ways. */
    b = onnx_one(13, "1,8,4,4");
    onnx_weight(&b, "w", ONNX_FLOAT, "4,4,1,1");
    onnx_ints(&b, "s", "4,4");
    onnx_node(&b, "Softmax", "x", "r", "");
    onnx_node(&b, "Split", "r s", "a c", "axis:1");
    onnx_node(&b, "Conv", "a w", "d", "");
    onnx_node(&b, "Concat", "c d", "y", "axis:1");
    td_net *net = onnx_read_built(&b, NULL);
    assert_true(td_layer_input_share(net, 2, 0) < 0.51);
    onnx_expect_net(net, "softmax -> 8x4x4\nconv K4 C4 P4 Q4 -> 4x4x4 +16\nconcat -> 8x4x4\n");
    /* Slices: by attributes, by inputs, from the end, backwards, with steps. */
    b = onnx_one(9, "1,8,10,10");
    onnx_node(&b, "Softmax", "x", "r", "");
    onnx_node(&b, "Slice", "r", "a", "starts=1,-4 ends=5,9223372036854775807 axes=1,3");
    onnx_node(&b, "MaxPool", "a", "y", "kernel_shape=1,1");
    onnx_expect(&b, "softmax -> 8x10x10\nmax_pool -> 4x10x4\n");
    b = onnx_one(13, "1,8,10,10");
    onnx_ints(&b, "from", "0,9");
    onnx_ints(&b, "to", "10,-11");
    onnx_ints(&b, "axes", "2,3");
    onnx_ints(&b, "steps", "3,-2");
    onnx_node(&b, "Softmax", "x", "r", "");
    onnx_node(&b, "Slice", "r from to axes steps", "a", "");
    onnx_node(&b, "MaxPool", "a", "y", "kernel_shape=1,1");
    onnx_expect(&b, "softmax -> 8x10x10\nmax_pool -> 8x4x5\n");
}

static void test_moves(void **state) {
    (void)state;
    onnx_build b = onnx_one(13, "1,9,32"); /* a class token before the others */
    onnx_weight(&b, "cls", ONNX_FLOAT, "1,1,32");
    onnx_ints(&b, "s", "-1,-1,-1");
    onnx_node(&b, "Concat", "cls x", "t", "axis:1");
    onnx_ints(&b, "zero", "0");
    onnx_node(&b, "Softmax", "t", "r", "");
    onnx_node(&b, "Gather", "r zero", "f", "axis:1"); /* its features: a part */
    onnx_weight(&b, "w", ONNX_FLOAT, "32,5");
    onnx_ints(&b, "one32", "1,32");
    onnx_node(&b, "Reshape", "f one32", "g", "");
    onnx_node(&b, "MatMul", "g w", "y", "");
    onnx_expect(&b, "move -> 32x10x1 +32\nsoftmax -> 32x10x1\nfc K5 C32 -> 5x1x1 +160\n");

    onnx_begin(&b, 13); /* an embedding */
    onnx_input(&b, "ids", ONNX_INT64, "1,sequence");
    onnx_output(&b, "y");
    onnx_weight(&b, "table", ONNX_FLOAT, "1000,32");
    onnx_node(&b, "Gather", "table ids", "y", "");
    const td_onnx_dim seven = {"sequence", 7};
    onnx_expect_net(onnx_read_built(&b, &(td_onnx_options){.dim = &seven, .n_dims = 1}),
                    "move -> 32x7x1 +32000\n");

    b = onnx_one(13, "1,4,8,8");
    onnx_ints(&b, "sizes", "1,4,16,12");
    onnx_node(&b, "Resize", "x - - sizes", "y", "mode'linear");
    onnx_expect(&b, "resize -> 4x16x12\n");
    b = onnx_one(10, "1,4,8,8");
    onnx_reals(&b, "scales", "1,1,2,1.5");
    onnx_node(&b, "Resize", "x scales", "y", "mode'nearest");
    onnx_expect(&b, "move -> 4x16x12\n");
    b = onnx_one(9, "1,4,8,8");
    onnx_reals(&b, "scales", "1,1,2,2");
    onnx_node(&b, "Upsample", "x scales", "y", "mode'linear");
    onnx_expect(&b, "resize -> 4x16x16\n");
    b = onnx_one(13, "1,4,1,1");
    onnx_ints(&b, "s", "1,1,5,6");
    onnx_node(&b, "Expand", "x s", "y", "");
    onnx_expect(&b, "move -> 4x5x6\n");
    b = onnx_one(13, "1,4,2,3");
    onnx_ints(&b, "r", "1,1,2,3");
    onnx_node(&b, "Tile", "x r", "y", "");
    onnx_expect(&b, "move -> 4x4x9\n");
}

/* Shapes that the graph itself computes, as exporters write x.view(x.size(0), -1, ...). */
static void test_shape_arithmetic(void **state) {
    (void)state;
    onnx_build b = onnx_one(13, "batch,8,4,6");
    onnx_ints(&b, "i0", "0");
    onnx_ints(&b, "i1", "1");
    onnx_ints(&b, "two", "2");
    onnx_ints(&b, "minus", "-1");
    onnx_ints(&b, "axis0", "0");
    onnx_weight(&b, "w", ONNX_FLOAT, "48,10");
    onnx_node(&b, "Softmax", "x", "r", "");
    onnx_node(&b, "Shape", "r", "shape", "");
    onnx_node(&b, "Gather", "shape i0", "batch1", "axis:0");
    onnx_node(&b, "Gather", "shape i1", "channels1", "axis:0");
    onnx_node(&b, "Div", "channels1 two", "half", "");
    onnx_node(&b, "Cast", "half", "half1", "to:7");
    onnx_node(&b, "Concat", "batch1 half1 minus", "target", "axis:0");
    onnx_node(&b, "Reshape", "r target", "flat", ""); /* 1 x 4 x 48 */
    onnx_node(&b, "MatMul", "flat w", "y", "");
    onnx_expect(&b, "softmax -> 8x4x6\ngemm K10 C48 P4 -> 10x4x1 +480\n");

    b = onnx_one(13, "1,6,4"); /* ConstantOfShape, Where, Equal, Expand, Range, ReduceProd */
    onnx_ints(&b, "three", "3");
    onnx_ints(&b, "ones", "1,1,1");
    onnx_ints(&b, "want", "2,-1,4");
    onnx_ints(&b, "minus", "-1,-1,-1");
    onnx_node(&b, "Softmax", "x", "r", "");
    onnx_node(&b, "Equal", "want minus", "open", "");
    onnx_node(&b, "Shape", "r", "own", "");
    onnx_node(&b, "ReduceProd", "own", "all", "keepdims:0"); /* 24 */
    onnx_ints(&b, "eight", "8");
    onnx_node(&b, "Div", "all eight", "fit", ""); /* 3 */
    onnx_node(&b, "Where", "open fit want", "target", "");
    onnx_node(&b, "Reshape", "r target", "z", "");
    onnx_weight(&b, "w", ONNX_FLOAT, "4,5");
    onnx_node(&b, "MatMul", "z w", "y", "");
    onnx_expect(&b, "softmax -> 4x6x1\ngemm K5 C4 P6 -> 5x6x1 +20\n");

    b = onnx_one(13, "1,6,4"); /* a shape that depends on the data */
    onnx_node(&b, "ReduceMax", "x", "m", "keepdims:0");
    onnx_node(&b, "Cast", "m", "mi", "to:7");
    onnx_node(&b, "Unsqueeze", "mi axes", "mm", "");
    onnx_ints(&b, "axes", "0");
    onnx_node(&b, "Expand", "x mm", "y", "");
    onnx_expect_error(&b, NULL, TD_E_UNSUPPORTED,
                      "n4 (Expand): its input 'mm' depends on the data");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pools),
        cmocka_unit_test(test_norms),
        cmocka_unit_test(test_decomposed),
        cmocka_unit_test(test_elementwise),
        cmocka_unit_test(test_views),
        cmocka_unit_test(test_moves),
        cmocka_unit_test(test_shape_arithmetic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

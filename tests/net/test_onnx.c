/* The ONNX file, read back by the tests' own reader of the wire format. Field numbers are those of
 * the ONNX schema. With TANDEM_ONNX_OUT=<folder> in the environment the networks, an input and the
 * reference logits are left there for tests/net/onnx_check.py. */
#include "common.h"

#include <unistd.h>

#include "tandem/net.h"

#include "random_net.h"
#include "wire.h"

enum { MODEL_IR = 1, MODEL_PRODUCER = 2, MODEL_GRAPH = 7, MODEL_OPSET = 8 };
enum { GRAPH_NODE = 1, GRAPH_NAME = 2, GRAPH_INIT = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_OP = 4, NODE_ATTR = 5 };
enum { ATTR_NAME = 1, ATTR_F = 2, ATTR_I = 3, ATTR_S = 4, ATTR_INTS = 8, ATTR_TYPE = 20 };
enum { TENSOR_DIMS = 1, TENSOR_TYPE = 2, TENSOR_NAME = 8, TENSOR_RAW = 9 };
enum { FLOAT = 1, INT64 = 7 };

typedef struct {
    char *data;
    size_t size;
    wire_bytes graph;
} model;

static const float mean[3] = {0.4F, 0.5F, 0.3F}, deviation[3] = {0.25F, 0.2F, 0.5F};

static model write_and_read(const td_net *net, const td_weights *w) {
    td_error err = {0};
    char path[] = "/tmp/tandem-onnx-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_ok(td_onnx_write(net, w, mean, deviation, path, &err), &err);
    model m;
    assert_ok(td_file_read(path, 0, &m.data, &m.size, &err), &err);
    unlink(path);
    wire_bytes all = {(const uint8_t *)m.data, m.size};
    m.graph = wire_message(all, MODEL_GRAPH, 0);
    assert_int_equal(wire_varint(all, MODEL_IR), 7);
    assert_true(wire_is_text(wire_message(all, MODEL_PRODUCER, 0), "tandem"));
    assert_int_equal(wire_count(all, MODEL_OPSET), 1);
    wire_bytes opset = wire_message(all, MODEL_OPSET, 0);
    assert_int_equal(wire_varint(opset, 2), 13);
    assert_true(wire_is_text(wire_message(opset, 1, 0), ""));
    return m;
}

static bool same(wire_bytes a, wire_bytes b) {
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

static wire_bytes node_of(const model *m, const char *name) {
    for (int i = 0; i < wire_count(m->graph, GRAPH_NODE); i++) {
        wire_bytes n = wire_message(m->graph, GRAPH_NODE, i);
        if (wire_is_text(wire_message(n, NODE_NAME, 0), name)) return n;
    }
    fail_msg("no node is called %s", name);
    return (wire_bytes){NULL, 0};
}

static wire_bytes init_of(const model *m, const char *name) {
    for (int i = 0; i < wire_count(m->graph, GRAPH_INIT); i++) {
        wire_bytes t = wire_message(m->graph, GRAPH_INIT, i);
        if (wire_is_text(wire_message(t, TENSOR_NAME, 0), name)) return t;
    }
    fail_msg("no initialiser is called %s", name);
    return (wire_bytes){NULL, 0};
}

static wire_bytes attr_of(wire_bytes node, const char *name) {
    for (int i = 0; i < wire_count(node, NODE_ATTR); i++) {
        wire_bytes a = wire_message(node, NODE_ATTR, i);
        if (wire_is_text(wire_message(a, ATTR_NAME, 0), name)) return a;
    }
    fail_msg("no attribute %s", name);
    return (wire_bytes){NULL, 0};
}

static void expect_ints(wire_bytes node, const char *name, int n, const int64_t *wanted) {
    int64_t v[8];
    wire_bytes a = attr_of(node, name);
    assert_int_equal(wire_varint(a, ATTR_TYPE), 7);
    assert_int_equal(wire_ints(a, ATTR_INTS, v, 8), n);
    for (int i = 0; i < n; i++) assert_int_equal(v[i], wanted[i]);
}

static void expect_int(wire_bytes node, const char *name, int64_t wanted) {
    wire_bytes a = attr_of(node, name);
    assert_int_equal(wire_varint(a, ATTR_TYPE), 2);
    assert_int_equal(wire_varint(a, ATTR_I), wanted);
}

static void expect_op(wire_bytes node, const char *op) {
    assert_true(wire_is_text(wire_message(node, NODE_OP, 0), op));
}

static void expect_floats(const model *m, const char *name, int n_dims, const int64_t *dims,
                          const float *data) {
    wire_bytes t = init_of(m, name), raw = wire_message(t, TENSOR_RAW, 0);
    int64_t v[4], words = 1;
    assert_int_equal(wire_varint(t, TENSOR_TYPE), FLOAT);
    assert_int_equal(wire_ints(t, TENSOR_DIMS, v, 4), n_dims);
    for (int i = 0; i < n_dims; i++) {
        assert_int_equal(v[i], dims[i]);
        words *= dims[i];
    }
    assert_int_equal(raw.size, (size_t)words * sizeof(float));
    assert_memory_equal(raw.data, data, raw.size);
}

/* N x dims of floats. */
static void expect_tensor(wire_bytes graph, int field, const char *name, int n,
                          const int64_t *dims) {
    assert_int_equal(wire_count(graph, field), 1);
    wire_bytes v = wire_message(graph, field, 0);
    assert_true(wire_is_text(wire_message(v, 1, 0), name));
    wire_bytes tensor = wire_message(wire_message(v, 2, 0), 1, 0);
    assert_int_equal(wire_varint(tensor, 1), FLOAT);
    wire_bytes shape = wire_message(tensor, 2, 0);
    assert_int_equal(wire_count(shape, 1), n + 1);
    assert_true(wire_is_text(wire_message(wire_message(shape, 1, 0), 2, 0), "N"));
    for (int i = 0; i < n; i++)
        assert_int_equal(wire_varint(wire_message(shape, 1, i + 1), 1), dims[i]);
}

/* What holds for every valid graph: each tensor is made once and before it is read, everything made
 * is used, initialisers have as many bytes as their shapes say. */
static void check_graph(const model *m, bool all_read) {
    int n = wire_count(m->graph, GRAPH_NODE), k = wire_count(m->graph, GRAPH_INIT), made = 0;
    assert_true(n > 0 && k > 0);
    wire_bytes *name = calloc((size_t)(n + k + 1), sizeof *name);
    int *reads = calloc((size_t)(n + k + 1), sizeof *reads);
    name[made++] = wire_message(wire_message(m->graph, GRAPH_INPUT, 0), 1, 0);
    for (int i = 0; i < k; i++) {
        wire_bytes t = wire_message(m->graph, GRAPH_INIT, i);
        int64_t dims[4], words = 1;
        int n_dims = wire_ints(t, TENSOR_DIMS, dims, 4);
        assert_in_range(n_dims, 0, 4);
        for (int d = 0; d < n_dims; d++) words *= dims[d];
        uint64_t type = wire_varint(t, TENSOR_TYPE);
        assert_true(type == FLOAT || type == INT64);
        assert_int_equal(wire_message(t, TENSOR_RAW, 0).size,
                         (size_t)words * (type == FLOAT ? 4 : 8));
        name[made++] = wire_message(t, TENSOR_NAME, 0);
    }
    for (int i = 0; i < n; i++) {
        wire_bytes node = wire_message(m->graph, GRAPH_NODE, i);
        assert_int_equal(wire_count(node, NODE_OUTPUT), 1);
        assert_true(wire_message(node, NODE_NAME, 0).size > 0);
        for (int j = 0; j < wire_count(node, NODE_INPUT); j++) {
            wire_bytes in = wire_message(node, NODE_INPUT, j);
            int from = 0;
            if (in.size == 0) continue; /* an input that is left out */
            while (from < made && !same(name[from], in)) from++;
            if (from == made) fail_msg("%.*s is not made before", (int)in.size, in.data);
            reads[from]++;
        }
        name[made++] = wire_message(node, NODE_OUTPUT, 0);
    }
    for (int i = 0; i < made; i++) {
        assert_true(name[i].size > 0);
        for (int j = 0; j < i; j++)
            if (same(name[i], name[j])) fail_msg("%.*s twice", (int)name[i].size, name[i].data);
        bool result = wire_is_text(name[i], "logits");
        assert_int_equal(result, i == made - 1);
        if (all_read && !result && reads[i] == 0)
            fail_msg("%.*s is not read", (int)name[i].size, name[i].data);
    }
    free(name);
    free(reads);
}

static int count_op(const model *m, const char *op) {
    int n = 0;
    for (int i = 0; i < wire_count(m->graph, GRAPH_NODE); i++)
        n += wire_is_text(wire_message(wire_message(m->graph, GRAPH_NODE, i), NODE_OP, 0), op);
    return n;
}

/* For onnx_check.py: the model, a batch of images in 0..1, and what the reference makes of them. */
static void leave(const td_net *net, const td_weights *w, const char *name, td_rng *r) {
    const char *folder = getenv("TANDEM_ONNX_OUT");
    if (folder == NULL) return;
    enum { BATCH = 3 };
    td_error err = {0};
    char path[512];
    const td_layer *in = td_net_layer(net, 0), *out = td_net_layer(net, td_net_output(net));
    int pixels = in->h * in->w, words = in->c * pixels, results = out->c * out->h * out->w;
    float *x = malloc(sizeof *x * BATCH * (size_t)words),
          *z = malloc(sizeof *z * BATCH * (size_t)words);
    float *y = malloc(sizeof *y * BATCH * (size_t)results);
    random_floats(r, x, BATCH * words, 0, 1);
    for (int i = 0; i < BATCH * words; i++) {
        int c = i / pixels % in->c;
        z[i] = (x[i] - mean[c]) / deviation[c];
    }
    assert_ok(td_net_forward(net, w, z, BATCH, y, &err), &err);
    assert_ok(td_dir_make(folder, &err), &err);
    snprintf(path, sizeof path, "%s/%s.onnx", folder, name);
    assert_ok(td_onnx_write(net, w, mean, deviation, path, &err), &err);
    snprintf(path, sizeof path, "%s/%s.input.f32", folder, name);
    assert_ok(td_file_write(path, x, sizeof *x * BATCH * (size_t)words, &err), &err);
    snprintf(path, sizeof path, "%s/%s.logits.f32", folder, name);
    assert_ok(td_file_write(path, y, sizeof *y * BATCH * (size_t)results, &err), &err);
    free(x);
    free(y);
    free(z);
}

static void test_small_network(void **state) {
    (void)state;
    td_rng r = td_rng_make(1, 0, TD_RNG_TEST);
    td_net *net = td_net_create("small", TD_DIM(2, 9, 8));
    td_conv_spec s = {.out_c = 6,
                      .kernel = {3, 2},
                      .stride = {2, 1},
                      .dilation = {1, 3},
                      .pad = {1, 0, 2, 3},
                      .groups = 2};
    int x = td_net_act(net, td_net_bn(net, td_net_conv_spec(net, 0, &s)), TD_OP_RELU6);
    x = td_net_pool(net, x, TD_OP_AVG_POOL, 3, 2);
    td_net_fc(net, x, 4);
    td_weights *w = random_weights(net, &r), *fw;
    td_net *folded;
    td_error err = {0};
    assert_ok(td_net_fold_bn(net, w, &folded, &fw, &err), &err);
    model m = write_and_read(net, w);
    check_graph(&m, true);
    assert_true(wire_is_text(wire_message(m.graph, GRAPH_NAME, 0), "small"));
    expect_tensor(m.graph, GRAPH_INPUT, "input", 3, (int64_t[]){2, 9, 8});
    expect_tensor(m.graph, GRAPH_OUTPUT, "logits", 1, (int64_t[]){4});

    static const char *const ops[] = {"Sub",         "Div",     "Conv", "Clip",
                                      "AveragePool", "Flatten", "Gemm"};
    assert_int_equal(wire_count(m.graph, GRAPH_NODE), 7); /* the norm is folded */
    for (int i = 0; i < 7; i++) expect_op(wire_message(m.graph, GRAPH_NODE, i), ops[i]);
    /* The normalisation comes first, with the caller's numbers. */
    assert_true(
        wire_is_text(wire_message(wire_message(m.graph, GRAPH_NODE, 0), NODE_INPUT, 0), "input"));
    expect_floats(&m, "input.mean", 4, (int64_t[]){1, 2, 1, 1}, mean);
    expect_floats(&m, "input.std", 4, (int64_t[]){1, 2, 1, 1}, deviation);

    wire_bytes conv = node_of(&m, "conv1");
    expect_op(conv, "Conv");
    assert_int_equal(wire_count(conv, NODE_INPUT), 3);
    expect_ints(conv, "kernel_shape", 2, (int64_t[]){3, 2});
    expect_ints(conv, "strides", 2, (int64_t[]){2, 1});
    expect_ints(conv, "dilations", 2, (int64_t[]){1, 3});
    expect_ints(conv, "pads", 4, (int64_t[]){1, 0, 2, 3});
    expect_int(conv, "group", 2);
    expect_floats(&m, "conv1.weight", 4, (int64_t[]){6, 1, 3, 2}, fw->layer[1].weight);
    expect_floats(&m, "conv1.bias", 1, (int64_t[]){6}, fw->layer[1].bias);
    wire_bytes clip = wire_message(m.graph, GRAPH_NODE, 3);
    const float zero = 0, six = 6;
    assert_int_equal(wire_count(clip, NODE_INPUT), 3);
    expect_floats(&m, "zero", 0, NULL, &zero);
    expect_floats(&m, "six", 0, NULL, &six);
    assert_true(wire_is_text(wire_message(clip, NODE_INPUT, 1), "zero"));
    wire_bytes pool = wire_message(m.graph, GRAPH_NODE, 4);
    expect_ints(pool, "pads", 4, (int64_t[]){1, 1, 1, 1});
    expect_int(pool, "count_include_pad", 0);
    wire_bytes gemm = wire_message(m.graph, GRAPH_NODE, 6);
    expect_int(gemm, "transB", 1);
    const td_layer *before = td_net_layer(folded, td_net_size(folded) - 2);
    char weight[64];
    snprintf(weight, sizeof weight, "%s.weight", td_net_layer(folded, td_net_output(folded))->name);
    expect_floats(&m, weight, 2, (int64_t[]){4, before->c * before->h * before->w},
                  fw->layer[td_net_output(folded)].weight);
    free(m.data);
    td_weights_destroy(w);
    td_weights_destroy(fw);
    td_net_destroy(net);
    td_net_destroy(folded);
}

static void test_every_op(void **state) {
    (void)state;
    td_rng r = td_rng_make(2, 0, TD_RNG_TEST);
    td_net *net = every_op_net();
    td_weights *w = random_weights(net, &r);
    model m = write_and_read(net, w);
    check_graph(&m, true);
    static const struct {
        const char *op;
        int count;
    } wanted[] = {
        {"Sub", 1},
        {"Div", 1},
        {"Conv", 10},
        {"Gemm", 4},
        {"BatchNormalization", 1},
        {"MaxPool", 1},
        {"AveragePool", 2},
        {"GlobalAveragePool", 3},
        {"Add", 2},
        {"Concat", 2},
        {"Relu", 2},
        {"Clip", 1},
        {"HardSigmoid", 3},
        {"Resize", 1},
        {"Sigmoid", 4},
        /* gates of the network 4, of the swishes 2, of the hard swishes 2 */
        {"Mul", 8},
        {"Flatten", 3},
        {"Unsqueeze", 2},
    };
    int total = 0;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (count_op(&m, wanted[i].op) != wanted[i].count)
            fail_msg("%s: %d, expected %d", wanted[i].op, count_op(&m, wanted[i].op),
                     wanted[i].count);
        total += wanted[i].count;
    }
    assert_int_equal(wire_count(m.graph, GRAPH_NODE), total);
    for (int i = 0; i < wire_count(m.graph, GRAPH_NODE); i++) {
        wire_bytes node = wire_message(m.graph, GRAPH_NODE, i);
        if (wire_is_text(wire_message(node, NODE_OP, 0), "HardSigmoid")) {
            assert_near(wire_float(attr_of(node, "alpha"), ATTR_F), 1.0 / 6, 1e-7);
            assert_near(wire_float(attr_of(node, "beta"), ATTR_F), 0.5, 0);
        }
        if (wire_is_text(wire_message(node, NODE_OP, 0), "BatchNormalization"))
            assert_near(wire_float(attr_of(node, "epsilon"), ATTR_F), 1e-5, 1e-10);
        if (wire_is_text(wire_message(node, NODE_OP, 0), "Concat")) expect_int(node, "axis", 1);
    }
    free(m.data);
    leave(net, w, "every_op", &r);
    td_weights_destroy(w);
    td_net_destroy(net);
}

/* Readers make floor(in x scale) rows, in single precision or in double. */
static void test_resize(void **state) {
    (void)state;
    enum { MOST = 131 };
    for (int in = 1; in <= 40; in += 3) {
        td_net *net = td_net_create("resize", TD_DIM(1, in, in));
        for (int out = 1; out <= MOST; out++) td_net_resize(net, 0, out, 2 * in);
        td_weights *w = td_weights_create(net);
        model m = write_and_read(net, w);
        check_graph(&m, false);
        for (int out = 1; out <= MOST; out++) {
            const char *name = td_net_layer(net, out)->name;
            wire_bytes node = node_of(&m, name);
            expect_op(node, "Resize");
            assert_int_equal(wire_count(node, NODE_INPUT), 3);
            assert_int_equal(wire_message(node, NODE_INPUT, 1).size, 0);
            wire_bytes mode = attr_of(node, "mode");
            assert_int_equal(wire_varint(mode, ATTR_TYPE), 3);
            assert_true(wire_is_text(wire_message(mode, ATTR_S, 0), "linear"));
            mode = attr_of(node, "coordinate_transformation_mode");
            assert_true(wire_is_text(wire_message(mode, ATTR_S, 0), "half_pixel"));
            char scales[64];
            snprintf(scales, sizeof scales, "%s.scales", name);
            float scale[4];
            wire_bytes raw = wire_message(init_of(&m, scales), TENSOR_RAW, 0);
            assert_int_equal(raw.size, sizeof scale);
            memcpy(scale, raw.data, sizeof scale);
            assert_true(scale[0] == 1 && scale[1] == 1 && scale[3] == 2);
            assert_int_equal((int)floorf(scale[2] * (float)in), out);
            assert_int_equal((int)floor((double)scale[2] * in), out);
            assert_near((double)scale[2] * in / out, 1, 2e-7);
        }
        expect_tensor(m.graph, GRAPH_OUTPUT, "logits", 3, (int64_t[]){1, MOST, 2 * in});
        free(m.data);
        td_weights_destroy(w);
        td_net_destroy(net);
    }
}

/* Groups of the convolutions that expand blocks: the attribute, and weights of one group's inputs.
 */
static void test_grouped_blocks(void **state) {
    (void)state;
    td_rng r = td_rng_make(3, 0, TD_RNG_TEST);
    td_net *net = td_net_create("grouped", TD_DIM(3, 9, 9));
    int x = td_net_conv_bn_act(net, 0, 8, 3, 1, 1, TD_OP_RELU);
    td_block b = {3, 3, 8, 1, 4, true, true, 0, TD_OP_RELU};
    x = td_net_block(net, x, &b);
    b.fused = false;
    b.groups = 2;
    x = td_net_block(net, x, &b);
    td_net_fc(net, td_net_global_pool(net, x), 5);
    td_weights *w = random_weights(net, &r);
    model m = write_and_read(net, w);
    check_graph(&m, true);
    static const int64_t groups[] = {1, 4, 1, 2, 24, 1};
    static const int64_t dims[][4] = {{8, 3, 3, 3},  {24, 2, 3, 3}, {8, 24, 1, 1},
                                      {24, 4, 1, 1}, {24, 1, 3, 3}, {8, 24, 1, 1}};
    int found = 0;
    for (int i = 0; i < wire_count(m.graph, GRAPH_NODE); i++) {
        wire_bytes node = wire_message(m.graph, GRAPH_NODE, i);
        if (!wire_is_text(wire_message(node, NODE_OP, 0), "Conv")) continue;
        expect_int(node, "group", groups[found]);
        char name[64];
        wire_bytes id = wire_message(node, NODE_INPUT, 1);
        snprintf(name, sizeof name, "%.*s", (int)id.size, (const char *)id.data);
        int64_t v[4];
        assert_int_equal(wire_ints(init_of(&m, name), TENSOR_DIMS, v, 4), 4);
        for (int k = 0; k < 4; k++) assert_int_equal(v[k], dims[found][k]);
        found++;
    }
    assert_int_equal(found, 6);
    free(m.data);
    leave(net, w, "grouped_blocks", &r);
    td_weights_destroy(w);
    td_net_destroy(net);
}

static void test_random_networks(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        td_rng r = td_rng_make(seed, 8, TD_RNG_TEST);
        td_net *net = random_net(&r, 15, seed % 2 ? 5 : 0);
        /* Means and deviations are given for three channels. */
        if (td_net_layer(net, 0)->c > 3) {
            td_net_destroy(net);
            continue;
        }
        td_weights *w = random_weights(net, &r);
        model m = write_and_read(net, w);
        check_graph(&m, false); /* dead branches are allowed in a network */
        free(m.data);
        char name[32];
        snprintf(name, sizeof name, "random%02d", (int)seed);
        leave(net, w, name, &r);
        td_weights_destroy(w);
        td_net_destroy(net);
    }
}

static void test_whole_networks(void **state) {
    (void)state;
    td_error err = {0};
    int n;
    const td_net_entry *list = td_net_list(&n);
    for (int i = 0; i < n; i++) {
        td_rng r = td_rng_make(9, (uint64_t)i, TD_RNG_TEST);
        td_net *net;
        assert_ok(td_net_build(list[i].name, TD_DIM(3, 32, 32), 0.1, 10, &net, &err), &err);
        td_weights *w = random_weights(net, &r);
        model m = write_and_read(net, w);
        check_graph(&m, true);
        assert_int_equal(count_op(&m, "BatchNormalization"), 0);
        bool map = strncmp(list[i].name, "deeplab", 7) == 0;
        expect_tensor(m.graph, GRAPH_INPUT, "input", 3, (int64_t[]){3, 32, 32});
        expect_tensor(m.graph, GRAPH_OUTPUT, "logits", map ? 3 : 1, (int64_t[]){10, 32, 32});
        free(m.data);
        if (getenv("TANDEM_ONNX_OUT") != NULL) leave(net, w, list[i].name, &r);
        td_weights_destroy(w);
        td_net_destroy(net);
    }
}

static void test_faults(void **state) {
    (void)state;
    td_error err = {0};
    td_net *net = td_net_create("tiny", TD_DIM(3, 2, 2));
    td_weights *w = td_weights_create(net);
    const float none[3] = {1, 0, 1};
    assert_int_equal(td_onnx_write(net, w, mean, none, "/tmp/never.onnx", &err), TD_E_USAGE);
    assert_int_equal(td_onnx_write(net, NULL, mean, none, "/tmp/never.onnx", &err), TD_E_USAGE);
    assert_false(td_file_exists("/tmp/never.onnx"));
    assert_true(td_onnx_write(net, w, mean, deviation, "/nonexistent/x.onnx", &err) != TD_OK);
    model m = write_and_read(net, w); /* an input alone: normalised and flat */
    check_graph(&m, true);
    assert_int_equal(wire_count(m.graph, GRAPH_NODE), 3);
    free(m.data);
    td_net_act(net, 7, TD_OP_RELU);
    assert_int_equal(td_onnx_write(net, w, mean, deviation, "/tmp/never.onnx", &err), TD_E_USAGE);
    td_weights_destroy(w);
    td_net_destroy(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small_network),   cmocka_unit_test(test_every_op),
        cmocka_unit_test(test_random_networks), cmocka_unit_test(test_resize),
        cmocka_unit_test(test_whole_networks),  cmocka_unit_test(test_grouped_blocks),
        cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

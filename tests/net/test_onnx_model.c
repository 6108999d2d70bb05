/* ONNX models as a whole: open dims, operators that are not known, declared shapes, external data,
 * damaged files, large files; and every shipped network, written and read back. */
#include "common.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "onnx_expect.h"
#include "random_net.h"

static void begin(onnx_build *b, const char *shape) {
    onnx_begin(b, 13);
    onnx_input(b, "x", ONNX_FLOAT, shape);
    onnx_output(b, "y");
}

/* ---- dims -------------------------------------------------------------------------------------
 */

static void test_dims(void **state) {
    (void)state;
    onnx_build b;
    const td_onnx_dim given[] = {{"length", 20}, {"x.3", 6}};
    const td_onnx_options two = {.dim = given, .n_dims = 2};
    for (int batch = 0; batch < 2; batch++) { /* of a name, and of none */
        begin(&b, batch == 0 ? "N,4,length,?" : "?,4,length,?");
        onnx_node(&b, "Softmax", "x", "y", "");
        td_net *net = onnx_read_built(&b, &two);
        const td_layer *l = td_net_layer(net, 1);
        assert_true(l->c == 4 && l->h == 20 && l->w == 6);
        td_net_destroy(net);
    }
    begin(&b, "N,4,length,8");
    onnx_node(&b, "Softmax", "x", "y", "");
    onnx_expect_error(&b, NULL, TD_E_INPUT,
                      "dim 2 of input 'x' is open: expected --dim length=SIZE");
    begin(&b, "N,4,8,?");
    onnx_node(&b, "Softmax", "x", "y", "");
    onnx_expect_error(&b, NULL, TD_E_INPUT, "expected --dim x.3=SIZE");
    begin(&b, "N,4,length,8");
    onnx_node(&b, "Softmax", "x", "y", "");
    const td_onnx_dim other = {"width", 3}, none = {"length", 0};
    onnx_expect_error(&b, &(td_onnx_options){.dim = &other, .n_dims = 1}, TD_E_USAGE,
                      "no input has a dim 'width'; open are: N, length");
    begin(&b, "N,4,length,8");
    onnx_node(&b, "Softmax", "x", "y", "");
    onnx_expect_error(&b, &(td_onnx_options){.dim = &none, .n_dims = 1}, TD_E_USAGE,
                      "expected 1 or more");
    /* A batch of its own: told, and put right by --dim. */
    for (int fixed = 0; fixed < 2; fixed++) {
        begin(&b, "8,3,9,9");
        onnx_weight(&b, "w", ONNX_FLOAT, "4,3,3,3");
        onnx_node(&b, "Conv", "x w", "y", "");
        const td_onnx_dim one = {"x.0", 1};
        if (fixed == 0) {
            onnx_expect_error(&b, NULL, TD_E_UNSUPPORTED, "8 images at once");
            continue;
        }
        td_net *net = onnx_read_built(&b, &(td_onnx_options){.dim = &one, .n_dims = 1});
        assert_int_equal(td_net_size(net), 2);
        td_net_destroy(net);
    }
}

/* Several inputs are parts of one; those that only initialisers feed, or nobody reads, are none. */
static void test_inputs(void **state) {
    (void)state;
    onnx_build b;
    begin(&b, "1,3,8,8");
    onnx_input(&b, "z", ONNX_FLOAT, "1,2,8,8");
    onnx_input(&b, "w", ONNX_FLOAT, "4,5,3,3");
    onnx_input(&b, "idle", ONNX_FLOAT, "1,7");
    onnx_weight(&b, "w", ONNX_FLOAT, "4,5,3,3");
    onnx_node(&b, "Relu", "idle", "nobody", "");
    onnx_node(&b, "Concat", "x z", "c", "axis:1");
    onnx_node(&b, "Conv", "c w", "y", "");
    td_net *net = onnx_read_built(&b, NULL);
    const td_layer *in = td_net_layer(net, 0);
    assert_int_equal(in->c * in->h * in->w, 5 * 64);
    assert_int_equal(td_net_size(net), 3);
    assert_int_equal(td_net_layer(net, 1)->c, 5);
    assert_true(fabs(td_layer_input_share(net, 1, 0) - 0.6) < 1e-12);
    assert_int_equal(td_layer_macs(net, 2), 4 * 5 * 9 * 36);
    td_net_destroy(net);
}

/* ---- operators that are not known --------------------------------------------------------------
 */

static void unknown_nodes(onnx_build *b) {
    begin(b, "1,4,8,8");
    onnx_node(b, "Relu", "x", "a", "");
    onnx_node(b, "GridSample", "a", "b", "");
    onnx_node_of(b, "com.microsoft", "FusedConv", "b", "c");
    onnx_node(b, "GridSample", "c", "d", "");
    onnx_node(b, "GridSample", "d", "e", "");
    onnx_node(b, "Det", "x", "nobody", ""); /* leads nowhere */
    onnx_node(b, "Relu", "e", "y", "");
}

static void test_unknown(void **state) {
    (void)state;
    onnx_build b;
    unknown_nodes(&b);
    onnx_expect_error(
        &b, NULL, TD_E_UNSUPPORTED,
        "unknown operators: GridSample (n2, n4 and 1 more), com.microsoft.FusedConv (n3); "
        "--skip-unknown");
    unknown_nodes(&b);
    onnx_declare(&b, "c", "1,2,16,16");
    td_text told = {0};
    td_net *net = onnx_read_built(&b, &(td_onnx_options){.skip_unknown = true, .told = &told});
    static const td_op op[] = {TD_OP_INPUT, TD_OP_RELU, TD_OP_MOVE, TD_OP_MOVE,
                               TD_OP_MOVE,  TD_OP_MOVE, TD_OP_RELU};
    assert_int_equal(td_net_size(net), 7);
    for (int i = 0; i < 7; i++) assert_int_equal(td_net_layer(net, i)->op, op[i]);
    assert_int_equal(td_net_layer(net, 2)->c, 4); /* as its input */
    assert_int_equal(td_net_layer(net, 3)->c, 2); /* as declared */
    assert_int_equal(td_net_layer(net, 3)->h, 16);
    assert_non_null(
        strstr(told.data, "node n3: unknown operator FusedConv, taken as data movement\n"));
    td_text_free(&told);
    td_net_destroy(net);
}

static void test_faults(void **state) {
    (void)state;
    onnx_build b;
    begin(&b, "1,4,8,8");
    onnx_declare(&b, "m", "1,4,5,4");
    onnx_node(&b, "MaxPool", "x", "m", "kernel_shape=2,2 strides=2,2");
    onnx_node(&b, "Relu", "m", "y", "");
    onnx_expect_error(&b, NULL, TD_E_INPUT,
                      "n1 (MaxPool): for 'm' 1x4x5x4 is declared, its inputs make 1x4x4x4");
    begin(&b, "1,4,8,8");
    onnx_node(&b, "Relu", "missing", "y", "");
    onnx_expect_error(&b, NULL, TD_E_INPUT, "n1 (Relu): nothing makes its input 'missing'");
    begin(&b, "1,4,8,8");
    onnx_node(&b, "Relu", "later", "y", "");
    onnx_node(&b, "Relu", "x", "later", "");
    onnx_expect_error(&b, NULL, TD_E_INPUT, "n1 (Relu): it stands before what it reads");
    begin(&b, "1,4,8,8");
    onnx_node(&b, "Relu", "x", "y", "");
    onnx_node(&b, "Relu", "x", "y", "");
    onnx_expect_error(&b, NULL, TD_E_INPUT, "'y' is made twice");
    begin(&b, "1,4,8,8");
    onnx_node(&b, "Relu", "x", "z", "");
    onnx_expect_error(&b, NULL, TD_E_INPUT, "no node makes the output 'y'");
    begin(&b, "1,4,8,8");
    onnx_node(&b, "Identity", "x", "y", "");
    onnx_expect_error(&b, NULL, TD_E_UNSUPPORTED, "compute nothing");
    begin(&b, "1,4,8,8");
    onnx_weight(&b, "w", ONNX_FLOAT, "4,3,3,3");
    onnx_node(&b, "Conv", "x w", "y", "");
    onnx_expect_error(&b, NULL, TD_E_INPUT,
                      "n1 (Conv): weights of 4 x 3 channels in 1 groups for 4");
    begin(&b, "1,4,8,8");
    onnx_ints(&b, "s", "1,5,-1");
    onnx_node(&b, "Reshape", "x s", "y", "");
    onnx_expect_error(&b, NULL, TD_E_INPUT, "256 words do not take a shape of 255 words");
    td_net *net = NULL;
    td_error err = {0};
    assert_int_equal(td_onnx_read("/nonexistent/a.onnx", NULL, &net, &err), TD_E_NOT_FOUND);
    assert_int_equal(td_onnx_read("/tmp", NULL, &net, &err), TD_E_INPUT);
    assert_int_equal(td_onnx_parse("name: yaml\n", 11, "a.onnx", NULL, &net, &err), TD_E_INPUT);
    assert_non_null(strstr(err.message, "a.onnx: damaged or no ONNX model"));
}

/* ---- files ------------------------------------------------------------------------------------
 */

static char folder[] = "/tmp/tandem-onnx-read-XXXXXX";

static const char *in_folder(const char *name) {
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    char command[160];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

/* Weights are never read; a shape that stands in another file is. */
static void test_external(void **state) {
    (void)state;
    static const struct {
        const char *location, *offset, *part;
    } cases[] = {{"shapes.bin", "8", NULL},
                 {"none.bin", "8", "depends on the data"},
                 {"../shapes.bin", "8", "depends on the data"},
                 {"shapes.bin", "1000", "depends on the data"}};
    const int64_t words[] = {77, 1, 2, 128};
    td_error err = {0};
    assert_ok(td_file_write(in_folder("shapes.bin"), words, sizeof words, &err), &err);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        onnx_build b;
        begin(&b, "1,4,8,8");
        onnx_external(&b, "s", "3", cases[i].location, cases[i].offset, "24");
        onnx_external(&b, "w", "128,10", "weights.bin", "0", "10240"); /* which is not there */
        onnx_node(&b, "Reshape", "x s", "r", "");
        onnx_node(&b, "MatMul", "r w", "y", "");
        td_text m = onnx_end(&b);
        assert_ok(td_file_write(in_folder("a.onnx"), m.data, m.size, &err), &err);
        td_text_free(&m);
        td_net *net = NULL;
        td_status s = td_onnx_read(in_folder("a.onnx"), NULL, &net, &err);
        if (cases[i].part == NULL) {
            assert_ok(s, &err);
            assert_int_equal(td_layer_macs(net, 1), 2 * 128 * 10);
        } else {
            assert_int_equal(s, TD_E_UNSUPPORTED);
            assert_non_null(strstr(err.message, cases[i].part));
        }
        td_net_destroy(net);
    }
}

/* Reads a model in a process of its own, which must not take more memory than a copy of this one
 * and 8 MB, and have so many parameters. */
static void expect_small(const char *path, int64_t params) {
    for (int reads = 0, kb[2] = {0}; reads < 2; reads++) {
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) {
            td_net *net = NULL;
            td_net_totals t = {.params = -1};
            if (reads == 1 && td_onnx_read(path, NULL, &net, NULL) == TD_OK) td_net_count(net, &t);
            _exit(reads == 0 || t.params == params ? 0 : 1);
        }
        int status;
        struct rusage use;
        assert_int_equal(wait4(child, &status, 0, &use), child);
        assert_int_equal(status, 0);
        kb[reads] = (int)use.ru_maxrss;
        if (reads == 1 && kb[1] > kb[0] + 8 * 1024) fail_msg("%d kB, then %d kB", kb[0], kb[1]);
    }
}

static void put_varint(td_text *t, uint64_t v) {
    for (; v >= 0x80; v >>= 7) td_text_add_bytes(t, &(char){(char)(v | 0x80)}, 1);
    td_text_add_bytes(t, &(char){(char)v}, 1);
}

/* A file of this size that is one hole on the disk; false: the disk has no room for its like. */
static bool make_hole(const char *path, const td_text *head, uint64_t size) {
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    assert_true(fd >= 0);
    if (head != NULL) assert_int_equal(write(fd, head->data, head->size), head->size);
    bool room = ftruncate(fd, (off_t)((head != NULL ? head->size : 0) + size)) == 0;
    close(fd);
    return room;
}

/* 2 GB of weights in one file, as much as a protocol buffer may have: they are stepped over. */
static void test_large(void **state) {
    (void)state;
    const uint64_t words = UINT64_C(536739840), size = 4 * words; /* 16384 x 32760 */
    onnx_build b;
    begin(&b, "1,16384");
    onnx_node(&b, "MatMul", "x w", "y", "");
    td_text m = onnx_end(&b), tensor = {0}, head = {0}, graph = {0};
    put_varint(&tensor, 1 << 3);
    put_varint(&tensor, 16384);
    put_varint(&tensor, 1 << 3);
    put_varint(&tensor, 32760);
    put_varint(&tensor, 2 << 3);
    put_varint(&tensor, ONNX_FLOAT);
    td_text_add_bytes(&tensor, "\x42\x01w", 3); /* name */
    put_varint(&tensor, 9 << 3 | 2);
    put_varint(&tensor, size);
    put_varint(&graph, 5 << 3 | 2);
    put_varint(&graph, tensor.size + size);
    /* The model's graph (field 7, the second one) with an initialiser more at its end. */
    size_t at = 2;
    assert_int_equal(m.data[at], 7 << 3 | 2);
    size_t length = (uint8_t)m.data[at + 1] & 0x7F, begin_graph = at + 2;
    if ((uint8_t)m.data[at + 1] & 0x80) {
        length |= (size_t)(uint8_t)m.data[at + 2] << 7;
        begin_graph++;
    }
    td_text_add_bytes(&head, m.data, at + 1);
    put_varint(&head, length + graph.size + tensor.size + size);
    td_text_add_bytes(&head, m.data + begin_graph, length);
    td_text_add_bytes(&head, graph.data, graph.size);
    td_text_add_bytes(&head, tensor.data, tensor.size);
    assert_true(head.size + size > INT32_MAX - 1000000U && head.size + size <= INT32_MAX);
    if (make_hole(in_folder("large.onnx"), &head, size))
        expect_small(in_folder("large.onnx"), (int64_t)words);
    td_text_free(&m);
    td_text_free(&tensor);
    td_text_free(&graph);
    td_text_free(&head);
}

/* 4 GB of weights beside the model. */
static void test_large_external(void **state) {
    (void)state;
    onnx_build b;
    td_error err = {0};
    begin(&b, "1,16384");
    onnx_external(&b, "w", "16384,32768", "large.bin", "0", "2147483648");
    onnx_external(&b, "v", "32768,16384", "large.bin", "2147483648", "2147483648");
    onnx_node(&b, "MatMul", "x w", "r", "");
    onnx_node(&b, "MatMul", "r v", "y", "");
    td_text m = onnx_end(&b);
    assert_ok(td_file_write(in_folder("beside.onnx"), m.data, m.size, &err), &err);
    if (make_hole(in_folder("large.bin"), NULL, UINT64_C(1) << 32))
        expect_small(in_folder("beside.onnx"), INT64_C(1) << 30);
    td_text_free(&m);
}

/* ---- damaged files ----------------------------------------------------------------------------
 */

static td_text some_model(void) {
    onnx_build b;
    onnx_begin(&b, 11);
    onnx_input(&b, "x", ONNX_FLOAT, "N,4,6,6");
    onnx_output(&b, "y");
    onnx_declare(&b, "c", "N,6,6,6");
    onnx_weight(&b, "w", ONNX_FLOAT, "6,4,3,3");
    onnx_weight(&b, "v", ONNX_INT8, "6,5");
    onnx_ints(&b, "i", "1,-1");
    onnx_reals(&b, "f", "1,1,2,2");
    onnx_real(&b, "h", 0.5F);
    onnx_node(&b, "Conv", "x w", "c", "pads=1,1,1,1 group:1");
    onnx_node(&b, "Mul", "c h", "m", "");
    onnx_node(&b, "Upsample", "m f", "u", "mode'linear");
    onnx_node(&b, "Shape", "u", "s", "");
    onnx_node(&b, "Gather", "s i", "g", "axis:0");
    onnx_node(&b, "Transpose", "u", "t", "perm=0,2,3,1");
    onnx_node(&b, "DequantizeLinear", "v h", "d", "");
    onnx_node(&b, "MatMul", "t d", "p", "");
    onnx_node(&b, "Split", "p", "a b", "axis:1");
    onnx_node(&b, "Sub", "a b", "q", "");
    onnx_node(&b, "Slice", "q", "r", "starts=0,-3 ends=9,9 axes=0,3");
    onnx_node(&b, "ReduceMean", "r", "n", "axes=-1");
    onnx_node(&b, "Add", "n g", "y", "");
    return onnx_end(&b);
}

static void survive(const char *data, size_t size) {
    td_net *net = NULL;
    td_error err = {0};
    td_onnx_options o = {.skip_unknown = size % 2 == 0};
    char *exact = malloc(size > 0 ? size : 1); /* so that a step too far is seen */
    memcpy(exact, data, size);
    td_status s = td_onnx_parse(exact, size, "damaged.onnx", &o, &net, &err);
    assert_int_equal(s == TD_OK, net != NULL);
    if (net != NULL) {
        td_net_totals t;
        td_net_count(net, &t);
        assert_true(t.macs >= 0 && t.params >= 0);
    }
    td_net_destroy(net);
    free(exact);
}

static void test_damaged(void **state) {
    (void)state;
    td_text m = some_model();
    td_error err = {0};
    td_net *net = NULL;
    td_status whole = td_onnx_parse(m.data, m.size, "whole.onnx", NULL, &net, &err);
    assert_ok(whole, &err);
    td_net_destroy(net);
    for (size_t n = 0; n < m.size; n++) survive(m.data, n);
    td_rng r = td_rng_make(7, 0, TD_RNG_TEST);
    for (int i = 0; i < 4000; i++) {
        char *copy = malloc(m.size);
        memcpy(copy, m.data, m.size);
        for (int k = 0, n = 1 + (int)td_rng_below(&r, 3); k < n; k++)
            copy[td_rng_below(&r, m.size)] = (char)td_rng_below(&r, 256);
        survive(copy, m.size);
        free(copy);
    }
    for (int i = 0; i < 200; i++) {
        char noise[64];
        for (size_t k = 0; k < sizeof noise; k++) noise[k] = (char)td_rng_below(&r, 256);
        survive(noise, td_rng_below(&r, sizeof noise));
    }
    td_text_free(&m);
}

/* ---- there and back ---------------------------------------------------------------------------
 */

static const float mean[4] = {0.4F, 0.5F, 0.3F, 0.2F}, deviation[4] = {0.25F, 0.2F, 0.5F, 1};

/* Written, and read: the network without its batch norms (and at 0, its input's name) again. */
static void there_and_back(const td_net *net) {
    td_error err = {0};
    td_weights *w = td_weights_create(net);
    td_net *folded = NULL, *back = NULL;
    td_weights *folded_weights = NULL;
    assert_non_null(w);
    assert_ok(td_net_fold_bn(net, w, &folded, &folded_weights, &err), &err);
    assert_ok(td_onnx_write(net, w, mean, deviation, in_folder("net.onnx"), &err), &err);
    assert_ok(td_onnx_read(in_folder("net.onnx"), NULL, &back, &err), &err);
    td_net_totals a, b;
    td_net_count(folded, &a);
    td_net_count(back, &b);
    if (td_net_hash(folded) != td_net_hash(back) || a.macs != b.macs || a.params != b.params ||
        a.layers != b.layers)
        fail_msg("%s: %lld MACs, %lld parameters, %d layers became %lld, %lld, %d",
                 td_net_name(net), (long long)a.macs, (long long)a.params, td_net_size(folded),
                 (long long)b.macs, (long long)b.params, td_net_size(back));
    assert_ok(td_net_runs(back, &err), &err);
    td_weights_destroy(w);
    td_weights_destroy(folded_weights);
    td_net_destroy(folded);
    td_net_destroy(back);
}

/* Every shipped network, narrow so that the files are small: hashes hold shapes, ops and edges. */
static void test_shipped(void **state) {
    (void)state;
    int n;
    const td_net_entry *all = td_net_list(&n);
    assert_true(n > 30);
    for (int i = 0; i < n; i++) {
        td_net *net = NULL;
        td_error err = {0};
        assert_ok(td_net_build(all[i].name, TD_DIM(3, 64, 64), 0.25, 10, &net, &err), &err);
        there_and_back(net);
        td_net_destroy(net);
    }
}

/* At their own sizes, with their published counts (4.09 G and 25.56 M; 300.8 M and 3.50 M), less
 * what folding takes: of each batch norm's two words per channel one becomes the bias. */
static void test_published(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int64_t macs, params;
    } cases[] = {{"resnet50", 4089184256, 25557032}, {"mobilenetv2", 300774272, 3504872}};
    for (int i = 0; i < 2; i++) {
        td_net *net = NULL, *back = NULL;
        td_error err = {0};
        assert_ok(td_net_build(cases[i].name, TD_DIM(0, 0, 0), 1, 0, &net, &err), &err);
        there_and_back(net);
        assert_ok(td_onnx_read(in_folder("net.onnx"), NULL, &back, &err), &err);
        int64_t norms = 0;
        for (int k = 0; k < td_net_size(net); k++)
            if (td_net_layer(net, k)->op == TD_OP_BN) norms += td_net_layer(net, k)->c;
        td_net_totals t;
        td_net_count(back, &t);
        assert_int_equal(t.macs, cases[i].macs);
        assert_int_equal(t.params, cases[i].params - norms);
        td_net_destroy(net);
        td_net_destroy(back);
    }
}

static void test_every_op(void **state) {
    (void)state;
    td_net *net = every_op_net();
    td_weights *w = td_weights_create(net);
    td_net *back = NULL;
    td_error err = {0};
    assert_ok(td_onnx_write(net, w, mean, deviation, in_folder("net.onnx"), &err), &err);
    assert_ok(td_onnx_read(in_folder("net.onnx"), NULL, &back, &err), &err);
    td_net_totals a, b;
    td_net_count(net, &a);
    td_net_count(back, &b);
    assert_int_equal(a.macs, b.macs);
    assert_int_equal(a.layers, b.layers);
    td_weights_destroy(w);
    td_net_destroy(net);
    td_net_destroy(back);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dims),           cmocka_unit_test(test_inputs),
        cmocka_unit_test(test_unknown),        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_external),       cmocka_unit_test(test_large),
        cmocka_unit_test(test_large_external), cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_shipped),        cmocka_unit_test(test_published),
        cmocka_unit_test(test_every_op),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

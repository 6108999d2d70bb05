/* tandem net, run as a program; and ONNX models wherever a network is named. */
#include <unistd.h>

#include "program.h"
#include "tandem/net.h"

static int64_t integer(const td_node *map, const char *key) {
    const td_node *v = td_node_find(map, key);
    if (v == NULL || v->kind != TD_INT) fail_msg("no integer %s", key);
    return v->integer;
}

static td_net *shipped(const char *name, td_shape input) {
    td_net *net = NULL;
    td_error err = {0};
    assert_ok(td_net_build(name, input, 1, 10, &net, &err), &err);
    return net;
}

/* A shipped network as model.onnx in the scratch folder, with `find` replaced by a text as long. */
static void write_onnx(fixture *f, const char *name, td_shape input, const char *find,
                       const char *replace) {
    static const float mean[3] = {0}, deviation[3] = {1, 1, 1};
    td_net *net = shipped(name, input);
    td_weights *w = td_weights_create(net);
    td_error err = {0};
    const char *path = td_arena_printf(f->arena, "%s/model.onnx", f->folder);
    assert_ok(td_onnx_write(net, w, mean, deviation, path, &err), &err);
    td_weights_destroy(w);
    td_net_destroy(net);
    if (find == NULL) return;
    char *bytes;
    size_t size, n = strlen(find);
    int found = 0;
    assert_int_equal(n, strlen(replace));
    assert_ok(td_file_read(path, 0, &bytes, &size, &err), &err);
    for (size_t i = 0; i + n < size; i++)
        if (memcmp(bytes + i, find, n) == 0) {
            memcpy(bytes + i, replace, n);
            found++;
        }
    assert_true(found > 0);
    assert_ok(td_file_write(path, bytes, size, &err), &err);
    free(bytes);
}

/* JSON has what the library counts, and each distinct problem as often as layers have it. */
static void json_counts(void **state) {
    fixture *f = *state;
    td_net *net = shipped("mobilenetv2", TD_DIM(3, 96, 96));
    td_net_totals t;
    td_net_count(net, &t);
    expect(f, "net mobilenetv2 --size 96 --classes 10 --format json", 0);
    const td_node *doc = json(f);
    assert_int_equal(integer(doc, "macs"), t.macs);
    assert_int_equal(integer(doc, "parameters"), t.params);
    assert_int_equal(integer(doc, "weight_bytes"), t.weight_bytes);
    assert_int_equal(integer(doc, "activation_bytes_peak"), t.activation_bytes_peak);
    assert_int_equal(integer(doc, "mapped_layers"), t.layers);
    const td_node *layers = td_node_find(doc, "layers"), *problems = td_node_find(doc, "problems");
    assert_int_equal(layers->count, td_net_size(net) - 1);
    int64_t macs = 0, params = 0, all = 0, count = 0;
    for (int i = 0; i < layers->count; i++) {
        macs += integer(layers->item[i], "macs");
        params += integer(layers->item[i], "parameters");
    }
    for (int i = 0; i < problems->count; i++) {
        count += integer(problems->item[i], "count");
        all += integer(problems->item[i], "count") * integer(problems->item[i], "macs");
        for (int k = 0; k < i; k++)
            assert_string_not_equal(td_node_find(problems->item[i], "problem")->text,
                                    td_node_find(problems->item[k], "problem")->text);
    }
    assert_int_equal(macs, t.macs);
    assert_int_equal(params, t.params);
    assert_int_equal(all, t.macs);
    assert_int_equal(count, t.layers);
    td_net_destroy(net);
}

static void table_and_csv(void **state) {
    fixture *f = *state;
    expect(f, "net resnet50", 0);
    assert_non_null(strstr(f->out, "resnet50: input 3x224x224, 54 layers on the MACs"));
    assert_non_null(strstr(f->out, "4.09 G MACs, 25.6 M parameters"));
    assert_non_null(strstr(f->out, "distinct layer problems"));
    assert_non_null(strstr(f->out, "fc K1000 C2048"));
    assert_non_null(strstr(f->out, "25,557,032"));
    expect(f, "net handmade --format csv", 0);
    assert_memory_equal(f->out, "layer,op,problem,c,h,w,macs,parameters\r\n", 40);
    int lines = 0;
    for (const char *at = f->out; (at = strstr(at, "\r\n")) != NULL; at += 2) lines++;
    td_net *net = shipped("handmade", TD_DIM(0, 0, 0));
    assert_int_equal(lines, td_net_size(net));
    td_net_destroy(net);
}

/* The model's network is the one that was written: eval, map and workloads take it. */
static void onnx_everywhere(void **state) {
    fixture *f = *state;
    write_onnx(f, "handmade", TD_DIM(1, 28, 28), NULL, NULL);
    expect(f, "net model.onnx --dim N=1 --format json", 0);
    const td_node *doc = json(f);
    assert_string_equal(td_node_find(doc, "network")->text, "model");
    td_net *net = shipped("handmade", TD_DIM(1, 28, 28));
    td_net_totals t;
    td_net_count(net, &t);
    td_net_destroy(net);
    assert_int_equal(integer(doc, "macs"), t.macs);

    expect(f, "eval model.onnx --hw micro --no-steps --format json", 0);
    double latency = td_node_find(json(f), "latency_s")->real;
    expect(f, "eval handmade --size 1x28x28 --hw micro --no-steps --format json", 0);
    assert_true(latency > 0 && latency == td_node_find(json(f), "latency_s")->real);
    expect(f, "map model.onnx --hw micro", 0);
    expect(f,
           "search quickstart --workload model.onnx:0.5 --workload handmade --set budget.trials=4 "
           "--out results/w --quiet",
           6); /* none of four meets the targets */
    assert_true(exists(f, "results/w/best/networks/model/network.yaml"));
    expect_fault(f,
                 "search quickstart --dry-run --set 'network={space: fixed, net: model.onnx, dims: "
                 "{M: 1}}' --set compare=null",
                 2, "no input has a dim 'M'");
}

static void wrong_use(void **state) {
    fixture *f = *state;
    write_onnx(f, "handmade", TD_DIM(1, 28, 28), "Relu", "Reli");
    expect_fault(f, "net model.onnx", 7, "unknown operator: Reli (");
    expect(f, "net model.onnx --skip-unknown", 0);
    assert_non_null(strstr(f->err, "unknown operator Reli, taken as data movement"));
    assert_non_null(strstr(f->out, "move"));
    expect_fault(f, "net model.onnx --size 32", 2, "--size is for shipped networks");
    expect_fault(f, "net model.onnx --dim M=3", 2, "no input has a dim 'M'; open are: N");
    expect_fault(f, "net handmade --dim N=3", 2, "--dim is for ONNX models");
    expect_fault(f, "net nothing.onnx", 4, "nothing.onnx: no such file");
    expect_fault(f, "net nothing", 4, "nothing");
    run(f, "printf 'name: x\\n' > text.onnx;", "net text.onnx");
    assert_non_null(strstr(f->err, "text.onnx: damaged or no ONNX model"));
    run(f, "head -c 3000 model.onnx > half.onnx;", "net half.onnx");
    assert_non_null(strstr(f->err, "half.onnx: damaged or no ONNX model"));
    expect(f, "net", 2);
    expect(f, "net handmade handmade", 2);
    expect(f, "net handmade --format xml", 2);
    expect(f, "train model.onnx --epochs 1", 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(json_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(table_and_csv, setup, teardown),
        cmocka_unit_test_setup_teardown(onnx_everywhere, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_use, setup, teardown),
    };
    return cmocka_run_group_tests(tests, have_program, NULL);
}

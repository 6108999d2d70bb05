/* tandem quantise on a network that was trained for a moment. */
#include "program.h"

static double number(const td_node *n, const char *key) {
    const td_node *v = td_node_find(n, key);
    assert_non_null(v);
    return v->real;
}

static void a_trained_network(void **state) {
    fixture *f = *state;
    expect(f, "train C --width 0.5 --data-path data --epochs 0.3 --quiet --out c --format json", 0);
    double fp32 = number(json(f), "test_accuracy"),
           integers = number(json(f), "test_accuracy_quantised");
    assert_true(fp32 > 0.2);
    assert_true(fabs(fp32 - integers) < 0.05);
    assert_true(exists(f, "c/network.qdq.onnx"));
    /* What was trained is told again, of the folder and of its file, whatever the threads. */
    static const char *const nets[] = {"c", "c/network.yaml --threads 1",
                                       "c/network.yaml --weights c/weights.bin"};
    for (int i = 0; i < 3; i++) {
        expect(f, td_arena_printf(f->arena, "quantise %s --data-path data --format json", nets[i]),
               0);
        assert_true(number(json(f), "test_accuracy") == fp32);
        assert_true(number(json(f), "test_accuracy_quantised") == integers);
        assert_true(number(json(f), "test_same_labels") > 0.9);
        assert_true(number(json(f), "weight_bits_least") == 8);
    }
    double bytes = number(json(f), "parameter_bytes");
    expect(f, "quantise c --data-path data --bits w4a8 --out other --format json", 0);
    assert_true(number(json(f), "weight_bits_most") == 4);
    assert_in_range(number(json(f), "parameter_bytes"), bytes / 2, bytes * 0.7);
    assert_true(exists(f, "other/network.qdq.onnx"));
    expect(f, "quantise c --data-path data --calibration percentile --percentile 99 --images 200",
           0);
    assert_non_null(strstr(f->out, "layers in words of 8 bits"));
    assert_non_null(strstr(f->out, "ranges by percentile 99 on 200 training images"));
    assert_non_null(strstr(f->out, "\ntest "));
    expect(f, "quantise c --data-path data --layers --format json", 0);
    const td_node *layers = td_node_find(json(f), "layers");
    const td_node *last = layers->item[layers->count - 1];
    assert_string_equal(td_node_find(last, "op")->text, "fc");
    assert_true(number(last, "snr_db") > 10 && number(last, "bits") == 8);
    expect(f, "quantise c --data-path data --layers", 0);
    assert_non_null(strstr(f->out, " dB\n"));
    /* The file that it writes is read as the same layers in 8 bits. */
    expect(f, "net c/network.onnx --format json", 0);
    double macs = number(json(f), "macs"), weights = number(json(f), "weight_bytes");
    expect(f, "net c/network.qdq.onnx --format json", 0);
    assert_true(number(json(f), "macs") == macs);
    assert_true(number(json(f), "weight_bytes") == weights);
}

static void faults(void **state) {
    fixture *f = *state;
    expect_fault(f, "quantise handmade --data-path data", 4, "there are no weights (weights.bin)");
    expect_fault(f, "quantise nowhere/best --data-path data", 4,
                 "nowhere/best: no such file or folder");
    expect(f, "train C --data-path data --epochs 0.01 --quiet --out d", 0);
    expect_fault(f, "quantise handmade --weights d/weights.bin --data-path data", 3,
                 "weights of another network");
    expect_fault(f, "quantise d/network.onnx --data-path data", 7, "not the weights");
    expect_fault(f, "quantise d --bits 16 --data-path data", 7,
                 "values of 16 bits; integer networks have 2 to 8");
    expect_fault(f, "quantise d --bits w4x --data-path data", 2, "expected bits such as");
    expect_fault(f, "quantise d --data-path nowhere", 4, "nowhere");
    expect_fault(f, "quantise d --data-path data --out d/network.yaml/x", 5, "cannot make folder");
    expect(f, "quantise d --calibration entropy", 2);
    assert_non_null(strstr(f->err, "expected minmax, percentile or mse"));
    expect(f, "quantise d --percentile 99", 2);
    assert_non_null(strstr(f->err, "--percentile: expected --calibration percentile"));
    expect(f, "quantise", 2);
    assert_non_null(strstr(f->err, "NET is missing"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_trained_network, setup_data, teardown),
        cmocka_unit_test_setup_teardown(faults, setup_data, teardown),
    };
    return cmocka_run_group_tests(tests, have_program, NULL);
}

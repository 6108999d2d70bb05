/* QDQ ONNX out: read back it is the same network, in 8 bits. With $TANDEM_ONNX_OUT the models stay
 * there with images and results, for tests/net/onnx_check.py. */
#include "scratch.h"

#include "qdq_plain.h"
#include "random_net.h"

enum { IMAGES = 3 };
static const float mean[4] = {0.4F, 0.5F, 0.45F, 0.3F}, deviation[4] = {0.3F, 0.25F, 0.2F, 0.35F};

typedef struct {
    td_net *net, *folded;
    td_weights *weights, *folded_weights;
    td_quantised *q;
    float *image, *input, *result; /* in 0..1, normalised, of the integers */
    int words, results;
} fixture;

static fixture quantised(td_net *net, td_rng *r) {
    fixture f = {.net = net, .weights = random_weights(net, r)};
    td_error err = {0};
    const td_layer *in = td_net_layer(net, 0), *out = td_net_layer(net, td_net_output(net));
    f.words = in->c * in->h * in->w;
    f.results = out->c * out->h * out->w;
    f.image = malloc(sizeof(float) * (size_t)(IMAGES * f.words));
    f.input = malloc(sizeof(float) * (size_t)(IMAGES * f.words));
    f.result = malloc(sizeof(float) * (size_t)(IMAGES * f.results));
    random_floats(r, f.image, IMAGES * f.words, 0, 1);
    for (int i = 0; i < IMAGES * f.words; i++) {
        int c = i / (in->h * in->w) % in->c;
        f.input[i] = (f.image[i] - mean[c]) / deviation[c];
    }
    assert_ok(td_net_fold_bn(net, f.weights, &f.folded, &f.folded_weights, &err), &err);
    td_range *range = plain_ranges(f.folded, f.folded_weights, f.input, IMAGES);
    assert_ok(td_quantise_ranges(net, f.weights, range, &f.q, &err), &err);
    assert_ok(td_quantised_forward(f.q, f.input, IMAGES, f.result, &err), &err);
    free(range);
    return f;
}

static void fixture_free(fixture *f) {
    td_quantised_destroy(f->q);
    td_net_destroy(f->net);
    td_net_destroy(f->folded);
    td_weights_destroy(f->weights);
    td_weights_destroy(f->folded_weights);
    free(f->image);
    free(f->input);
    free(f->result);
}

/* The file in the scratch folder, or to stay. */
static td_net *written_and_read(const fixture *f, const char *name) {
    td_error err = {0};
    char path[600];
    char *scratch = scratch_make();
    const char *out = getenv("TANDEM_ONNX_OUT"), *folder = out != NULL ? out : scratch;
    assert_ok(td_dir_make(folder, &err), &err);
    snprintf(path, sizeof path, "%s/%s.qdq.input.f32", folder, name);
    assert_ok(td_file_write(path, f->image, sizeof(float) * (size_t)(IMAGES * f->words), &err),
              &err);
    snprintf(path, sizeof path, "%s/%s.qdq.logits.f32", folder, name);
    assert_ok(td_file_write(path, f->result, sizeof(float) * (size_t)(IMAGES * f->results), &err),
              &err);
    snprintf(path, sizeof path, "%s/%s.qdq.onnx", folder, name);
    assert_ok(td_onnx_write_qdq(f->q, mean, deviation, path, &err), &err);
    td_net *net;
    assert_ok(td_onnx_read(path, NULL, &net, &err), &err);
    scratch_remove(scratch);
    return net;
}

static void test_shipped_networks(void **state) {
    (void)state;
    static const char *const name[] = {"mobilenetv2",     "mobilenetv3-small",
                                       "resnet18",        "handmade",
                                       "efficientnet-b0", "mobilenet-edgetpu-v2-tiny"};
    for (size_t i = 0; i < sizeof name / sizeof name[0]; i++) {
        td_rng r = td_rng_make(9, i, TD_RNG_TEST);
        td_net *net;
        td_error err = {0};
        assert_ok(td_net_build(name[i], TD_DIM(3, 24, 24), 0.5, 10, &net, &err), &err);
        fixture f = quantised(net, &r);
        td_net *read = written_and_read(&f, name[i]);
        td_net_totals a, b;
        td_net_count(f.folded, &a);
        td_net_count(read, &b);
        assert_int_equal(a.macs, b.macs);
        assert_int_equal(a.params, b.params);
        assert_int_equal(a.weight_bytes, b.weight_bytes);
        assert_int_equal(a.activation_bytes_sum, b.activation_bytes_sum);
        assert_int_equal(td_net_size(read), td_net_size(f.folded));
        assert_true(td_net_hash(read) == td_net_hash(f.folded)); /* bits are a part of it */
        td_net_destroy(read);
        fixture_free(&f);
    }
}

/* Every operator; words of fewer bits, and layers that read fewer than there are. */
static void test_every_op(void **state) {
    (void)state;
    for (int bits = 8; bits >= 4; bits -= 2) {
        td_rng r = td_rng_make(10, (uint64_t)bits, TD_RNG_TEST);
        td_net *net = every_op_net();
        td_error err = {0};
        td_precision *of = calloc((size_t)td_net_size(net), sizeof *of);
        for (int i = 0; i < td_net_size(net); i++)
            of[i] = (td_precision){.w = (uint8_t)bits, .a = (uint8_t)(i % 2 == 0 ? 8 : bits)};
        assert_ok(td_net_set_precision(net, of, &err), &err);
        free(of);
        fixture f = quantised(net, &r);
        char name[32];
        snprintf(name, sizeof name, "every_op_%d", bits);
        td_net *read = written_and_read(&f, name);
        td_net_totals a, b;
        td_net_count(f.folded, &a);
        td_net_count(read, &b);
        assert_int_equal(a.macs, b.macs);
        assert_int_equal(a.layers, b.layers);
        td_net_destroy(read);
        fixture_free(&f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shipped_networks),
                                       cmocka_unit_test(test_every_op)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Inference in integers against the QDQ graph evaluated in doubles: random networks of all
 * operators and bits, the shipped networks, and scales worked out by hand. */
#include "common.h"

#include "qdq_plain.h"
#include "random_net.h"

typedef struct {
    int64_t words, differ;
    double most; /* largest difference, in steps */
    int refused;
} tally;

static void compare(td_net *net, const td_weights *w, td_rng *r, tally *t) {
    enum { IMAGES = 2 };
    td_error err = {0};
    td_net *folded;
    td_weights *fw;
    assert_ok(td_net_fold_bn(net, w, &folded, &fw, &err), &err);
    const td_layer *in = td_net_layer(net, 0), *out = td_net_layer(net, td_net_output(net));
    int n_in = in->c * in->h * in->w, n_out = out->c * out->h * out->w;
    float *x = malloc(sizeof *x * (size_t)(IMAGES * n_in));
    float *y = malloc(sizeof *y * (size_t)(IMAGES * n_out));
    random_floats(r, x, IMAGES * n_in, -1, 1);
    td_range *range = plain_ranges(folded, fw, x, IMAGES);
    td_quantised *q;
    td_status s = td_quantise_ranges(net, w, range, &q, &err);
    t->refused += s == TD_E_UNSUPPORTED;
    if (s != TD_E_UNSUPPORTED) {
        assert_ok(s, &err);
        assert_ok(td_quantised_forward(q, x, IMAGES, y, &err), &err);
        const td_quant *made = &q->layer[td_net_output(q->net)].out;
        for (int image = 0; image < IMAGES; image++) {
            double **v = plain_values(NULL, NULL, q, x + (int64_t)image * n_in);
            const double *result = v[td_net_output(q->net)];
            for (int j = 0; j < n_out; j++) {
                double apart = fabs((double)y[image * n_out + j] - result[j]) / (double)made->scale;
                t->words++;
                t->differ += apart > 0.01;
                t->most = fmax(t->most, apart);
            }
            plain_free(v, td_net_size(q->net));
        }
        td_quantised_destroy(q);
    }
    free(range);
    free(x);
    free(y);
    td_net_destroy(folded);
    td_weights_destroy(fw);
}

static void test_random_networks(void **state) {
    (void)state;
    tally t = {0};
    for (uint64_t seed = 0; seed < 300; seed++) {
        td_rng r = td_rng_make(seed, 21, TD_RNG_TEST);
        td_net *net = random_net(&r, 12, seed % 3 == 0 ? 6 : 0);
        td_weights *w = random_weights(net, &r);
        td_error err = {0};
        if (seed % 2 == 1) { /* each layer its own bits; values between them the most of those */
            td_precision *of = calloc((size_t)td_net_size(net), sizeof *of);
            for (int i = 0; i < td_net_size(net); i++)
                of[i] = (td_precision){.w = (uint8_t)(2 + td_rng_below(&r, 7)),
                                       .a = (uint8_t)(2 + td_rng_below(&r, 7))};
            assert_ok(td_net_set_precision(net, of, &err), &err);
            free(of);
        }
        compare(net, w, &r, &t);
        td_weights_destroy(w);
        td_net_destroy(net);
    }
    assert_int_equal(t.refused, 0);
    assert_true(t.words > 20000);
    /* Where values are halfway between two words by their making (an image resized, or multiplied
     * by itself), the last bit of a float or of a multiplier decides. */
    if (t.differ * 2000 > t.words)
        fail_msg("%lld of %lld words differ, the most by %g steps", (long long)t.differ,
                 (long long)t.words, t.most);
}

static void test_shipped_networks(void **state) {
    (void)state;
    static const char *const name[] = {"mobilenetv2", "mobilenetv3-small",
                                       "resnet18",    "efficientnet-b0",
                                       "handmade",    "mobilenet-edgetpu-v2-tiny"};
    for (size_t i = 0; i < sizeof name / sizeof name[0]; i++) {
        tally t = {0};
        td_error err = {0};
        td_rng r = td_rng_make(3, i, TD_RNG_TEST);
        td_net *net;
        assert_ok(td_net_build(name[i], TD_DIM(1, 24, 24), 0.5, 10, &net, &err), &err);
        td_weights *w = random_weights(net, &r);
        compare(net, w, &r, &t);
        if (t.differ > 0) fail_msg("%s: %lld words differ", name[i], (long long)t.differ);
        td_weights_destroy(w);
        td_net_destroy(net);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_networks),
                                       cmocka_unit_test(test_shipped_networks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

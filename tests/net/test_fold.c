/* Folding batch norms: which ones, and that predictions stay. */
#include "common.h"

#include "tandem/net.h"

#include "random_net.h"

static int count_ops(const td_net *net, td_op op) {
    int n = 0;
    for (int i = 0; i < td_net_size(net); i++) n += td_net_layer(net, i)->op == op;
    return n;
}

/* Largest difference of the two networks' outputs, relative to the largest output. */
static double difference(const td_net *a, const td_weights *wa, const td_net *b,
                         const td_weights *wb, td_rng *r) {
    td_error err = {0};
    const td_layer *in = td_net_layer(a, 0), *out = td_net_layer(a, td_net_output(a));
    int n_in = in->c * in->h * in->w, n_out = out->c * out->h * out->w;
    float *x = malloc(2 * (size_t)n_in * sizeof *x);
    float *ya = malloc(2 * (size_t)n_out * sizeof *ya),
          *yb = malloc(2 * (size_t)n_out * sizeof *yb);
    random_floats(r, x, 2 * n_in, -1, 1);
    assert_ok(td_net_forward(a, wa, x, 2, ya, &err), &err);
    assert_ok(td_net_forward(b, wb, x, 2, yb, &err), &err);
    double most = 1e-30, apart = 0;
    for (int i = 0; i < 2 * n_out; i++) {
        assert_true(isfinite(ya[i]));
        if (fabs((double)ya[i]) > most) most = fabs((double)ya[i]);
        if (fabs((double)ya[i] - (double)yb[i]) > apart)
            apart = fabs((double)ya[i] - (double)yb[i]);
    }
    free(x);
    free(ya);
    free(yb);
    return apart / most;
}

static void test_random_networks(void **state) {
    (void)state;
    td_error err = {0};
    int folded_norms = 0, kept_norms = 0;
    const int cases = random_cases(150);
    for (int seed = 0; seed < cases; seed++) {
        td_rng r = td_rng_make((uint64_t)seed, 4, TD_RNG_TEST);
        td_net *net = random_net(&r, 14, 6), *folded;
        td_weights *w = random_weights(net, &r), *fw;
        assert_ok(td_net_fold_bn(net, w, &folded, &fw, &err), &err);
        assert_ok(td_net_check(folded, &err), &err);
        assert_int_equal(fw->n, td_net_size(folded));
        double d = difference(net, w, folded, fw, &r);
        if (d > 1e-4) fail_msg("seed %d: predictions are apart by %g", seed, d);
        /* What is left could not go: its input has other readers, or is no convolution. */
        for (int i = 1; i < td_net_size(folded); i++) {
            const td_layer *l = td_net_layer(folded, i);
            if (l->op != TD_OP_BN) continue;
            int readers = 0;
            for (int j = 0; j < td_net_size(folded); j++)
                for (int k = 0; k < td_net_layer(folded, j)->n_inputs; k++)
                    readers += td_net_layer(folded, j)->input[k] == l->input[0];
            td_op before = td_net_layer(folded, l->input[0])->op;
            assert_true(readers > 1 || (before != TD_OP_CONV && before != TD_OP_FC));
            kept_norms++;
        }
        folded_norms += count_ops(net, TD_OP_BN) - count_ops(folded, TD_OP_BN);
        /* MACs stay, and so do the buffers, since a norm works in place. */
        td_net_totals a, b;
        td_net_count(net, &a);
        td_net_count(folded, &b);
        assert_int_equal(a.macs, b.macs);
        assert_int_equal(a.activation_bytes_peak, b.activation_bytes_peak);
        assert_int_equal(a.activation_bytes_sum, b.activation_bytes_sum);
        /* Folding again changes nothing; structure alone folds the same way. */
        td_net *again, *bare;
        td_weights *fw2;
        assert_ok(td_net_fold_bn(folded, fw, &again, &fw2, &err), &err);
        assert_ok(td_net_fold_bn(net, NULL, &bare, NULL, &err), &err);
        assert_true(td_net_hash(again) == td_net_hash(folded));
        assert_true(td_net_hash(bare) == td_net_hash(folded));
        assert_memory_equal(fw->data, fw2->data, (size_t)fw->count * sizeof *fw->data);
        td_weights_destroy(fw2);
        td_net_destroy(again);
        td_net_destroy(bare);
        td_weights_destroy(w);
        td_weights_destroy(fw);
        td_net_destroy(net);
        td_net_destroy(folded);
    }
    assert_true(folded_norms > cases * 2 / 3);
    assert_true(kept_norms > cases / 3);
}

static void test_networks(void **state) {
    (void)state;
    td_error err = {0};
    int n;
    const td_net_entry *list = td_net_list(&n);
    for (int i = 0; i < n; i += TEST_SANITIZED ? 5 : 1) {
        td_rng r = td_rng_make(5, (uint64_t)i, TD_RNG_TEST);
        td_net *net, *folded;
        td_weights *fw;
        assert_ok(td_net_build(list[i].name, TD_DIM(2, 20, 20), 0.5, 10, &net, &err), &err);
        td_weights *w = random_weights(net, &r);
        assert_ok(td_net_fold_bn(net, w, &folded, &fw, &err), &err);
        assert_int_equal(count_ops(folded, TD_OP_BN), 0);
        assert_int_equal(count_ops(folded, TD_OP_CONV), count_ops(net, TD_OP_CONV));
        assert_true(difference(net, w, folded, fw, &r) < 1e-4);
        td_weights_destroy(w);
        td_weights_destroy(fw);
        td_net_destroy(net);
        td_net_destroy(folded);
    }
}

/* Two readers, two norms in a row, a norm at the end, fc with norm, bits and names. */
static void test_cases(void **state) {
    (void)state;
    td_error err = {0};
    td_rng r = td_rng_make(6, 0, TD_RNG_TEST);
    td_net *net = td_net_create("cases", TD_DIM(2, 5, 5));
    int a = td_net_conv(net, 0, 4, 3, 1, 2, 1);
    td_net_name_last(net, "two readers");
    int b = td_net_bn(net, a); /* a is read twice: stays */
    int c = td_net_add(net, a, b);
    int d = td_net_conv(net, c, 4, 3, 1, 1, 1);
    int e = td_net_bn(net, td_net_bn(net, d)); /* both go into d */
    td_net_set_bits(net, d, 4, 8, 16, 24);
    td_net_set_bits(net, e, 8, 8, 6, 32);
    td_net_bn(net, td_net_fc(net, e, 3)); /* into the fc; it is the output */
    td_weights *w = random_weights(net, &r), *fw;
    td_net *folded;
    assert_ok(td_net_fold_bn(net, w, &folded, &fw, &err), &err);
    static const td_op wanted[] = {TD_OP_INPUT, TD_OP_CONV, TD_OP_BN,
                                   TD_OP_ADD,   TD_OP_CONV, TD_OP_FC};
    assert_int_equal(td_net_size(folded), 6);
    for (int i = 0; i < 6; i++) assert_int_equal(td_net_layer(folded, i)->op, wanted[i]);
    assert_string_equal(td_net_layer(folded, 1)->name, "two readers");
    assert_false(td_net_layer(folded, 1)->bias);
    assert_true(td_net_layer(folded, 4)->bias);
    assert_int_equal(td_net_layer(folded, 4)->bits[TD_W], 4);
    assert_int_equal(td_net_layer(folded, 4)->bits[TD_O], 6); /* of the value that remains */
    assert_int_equal(td_net_layer(folded, 4)->acc_bits, 24);
    assert_true(difference(net, w, folded, fw, &r) < 1e-5);
    td_weights_destroy(fw);
    td_net_destroy(folded);

    /* One channel by hand: f = 3 / sqrt(8 + 1) = 1. */
    td_net *hand = td_net_create("hand", TD_DIM(1, 1, 1));
    td_conv_spec s = {.out_c = 1,
                      .kernel = {1, 1},
                      .stride = {1, 1},
                      .dilation = {1, 1},
                      .groups = 1,
                      .bias = true};
    td_net_bn(hand, td_net_conv_spec(hand, 0, &s));
    td_weights *hw = td_weights_create(hand);
    hw->bn_eps = 1;
    hw->layer[1].weight[0] = 7;
    hw->layer[1].bias[0] = 5;
    hw->layer[2].scale[0] = 3;
    hw->layer[2].var[0] = 8;
    hw->layer[2].mean[0] = 4;
    hw->layer[2].shift[0] = 10;
    assert_ok(td_net_fold_bn(hand, hw, &folded, &fw, &err), &err);
    assert_near(fw->layer[1].weight[0], 7, 0);
    assert_near(fw->layer[1].bias[0], 5 - 4 + 10, 0);
    assert_near(fw->bn_eps, 1, 0);
    td_weights_destroy(fw);
    td_net_destroy(folded);

    assert_int_equal(td_net_fold_bn(hand, w, &folded, &fw, &err), TD_E_USAGE);
    assert_int_equal(td_net_fold_bn(hand, NULL, &folded, &fw, &err), TD_E_USAGE);
    assert_null(folded);
    assert_null(fw);
    td_net_act(hand, 9, TD_OP_RELU);
    assert_int_equal(td_net_fold_bn(hand, hw, &folded, &fw, &err), TD_E_USAGE);
    td_weights_destroy(hw);
    td_net_destroy(hand);
    td_weights_destroy(w);
    td_net_destroy(net);
}

/* A norm at the end whose convolution is not right before it: the result stays that of the norm. */
static void test_norm_at_the_end(void **state) {
    (void)state;
    td_error err = {0};
    td_rng r = td_rng_make(7, 0, TD_RNG_TEST);
    for (int between = 0; between < 2; between++) {
        td_net *net = td_net_create("end", TD_DIM(2, 5, 5)), *folded;
        int a = td_net_conv(net, 0, 4, 3, 1, 1, 1);
        if (between == 1) td_net_conv(net, 0, 3, 1, 1, 1, 1); /* nobody reads it */
        td_net_bn(net, td_net_bn(net, a));
        td_weights *w = random_weights(net, &r), *fw;
        assert_ok(td_net_fold_bn(net, w, &folded, &fw, &err), &err);
        assert_int_equal(td_net_layer(folded, td_net_output(folded))->c, 4);
        assert_int_equal(count_ops(folded, TD_OP_BN), between);
        assert_true(difference(net, w, folded, fw, &r) < 1e-5);
        td_weights_destroy(w);
        td_weights_destroy(fw);
        td_net_destroy(net);
        td_net_destroy(folded);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_networks),
        cmocka_unit_test(test_networks),
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_norm_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

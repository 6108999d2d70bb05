/* Weights in a file: round trip, and every kind of damage. */
#include "common.h"

#include <unistd.h>

#include "tandem/train.h"

static td_net *make_net(int channels) {
    td_net *n = td_net_create("saved", TD_DIM(1, 8, 8));
    int x = td_net_conv_bn_act(n, 0, channels, 3, 2, 1, TD_OP_RELU);
    td_net_fc(n, td_net_global_pool(n, x), 3);
    return n;
}

static char path[64];

static void save(td_net *net, td_weights **out) {
    td_error err = {0};
    td_weights *w = td_weights_create(net);
    td_rng r = td_rng_make(5, 0, TD_RNG_TEST);
    for (int64_t i = 0; i < w->count; i++) w->data[i] = (float)td_rng_normal(&r);
    w->data[3] = -0.0F;
    w->data[4] = 1e-42F;
    w->bn_eps = 1e-3F;
    snprintf(path, sizeof path, "/tmp/td_weights_%d.bin", (int)getpid());
    assert_ok(td_weights_save(w, net, path, &err), &err);
    *out = w;
}

static void test_round_trip(void **state) {
    (void)state;
    td_error err = {0};
    td_net *net = make_net(5);
    td_weights *w, *back;
    save(net, &w);
    assert_ok(td_weights_load(net, path, &back, &err), &err);
    assert_int_equal(w->count, back->count);
    assert_memory_equal(w->data, back->data, sizeof(float) * (size_t)w->count);
    assert_true(back->bn_eps == 1e-3F);
    td_weights_destroy(back);
    td_net *other = make_net(6);
    assert_int_equal(td_weights_load(other, path, &back, &err), TD_E_INPUT);
    assert_non_null(strstr(err.message, "another network"));
    assert_null(back);
    assert_int_equal(td_weights_load(net, "/nowhere/w.bin", &back, &err), TD_E_NOT_FOUND);
    assert_int_not_equal(td_weights_save(w, net, "/nowhere/w.bin", &err), TD_OK);
    td_net_destroy(other);
    td_net_destroy(net);
    td_weights_destroy(w);
    unlink(path);
}

static void test_damage(void **state) {
    (void)state;
    td_error err = {0};
    td_net *net = make_net(5);
    td_weights *w, *back;
    save(net, &w);
    char *good;
    size_t size;
    assert_ok(td_file_read(path, 0, &good, &size, &err), &err);
    for (size_t i = 0; i < size; i++) { /* a flipped bit anywhere */
        good[i] = (char)(good[i] ^ 0x10);
        FILE *f = fopen(path, "wb");
        assert_int_equal(fwrite(good, 1, size, f), size);
        fclose(f);
        good[i] = (char)(good[i] ^ 0x10);
        td_status st = td_weights_load(net, path, &back, &err);
        if (st != TD_E_INPUT) fail_msg("flipped bit in byte %zu: %s", i, td_status_name(st));
    }
    for (size_t n = 0; n < size; n += 7) { /* cut anywhere */
        FILE *f = fopen(path, "wb");
        assert_int_equal(fwrite(good, 1, n, f), n);
        fclose(f);
        assert_int_equal(td_weights_load(net, path, &back, &err), TD_E_INPUT);
    }
    FILE *f = fopen(path, "wb"); /* more than there should be */
    fwrite(good, 1, size, f);
    fputs("more", f);
    fclose(f);
    assert_int_equal(td_weights_load(net, path, &back, &err), TD_E_INPUT);
    free(good);
    td_net_destroy(net);
    td_weights_destroy(w);
    unlink(path);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip),
                                       cmocka_unit_test(test_damage)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

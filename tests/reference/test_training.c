/* What the training notes promise of network C: 90.5 % of the test images after five epochs. Takes
 * a minute or more, so it runs only with TANDEM_SLOW=1. */
#include "common.h"

#include "tandem/train.h"

static void slow_c_in_five_epochs(void **state) {
    (void)state;
    const char *slow = getenv("TANDEM_SLOW");
    if (slow == NULL || strcmp(slow, "1") != 0) {
        print_message("slow: set TANDEM_SLOW=1 to train network C for five epochs\n");
        skip();
    }
    td_error err = {0};
    td_dataset d;
    td_net *net;
    assert_ok(td_dataset_load("fashion-mnist", NULL, &d, &err), &err);
    assert_ok(td_net_build("C", d.shape, 1, d.classes, &net, &err), &err);
    td_train_options o;
    td_train_options_default(&o);
    o.epochs = 5;
    td_weights *w;
    td_train_result r;
    assert_ok(td_train(net, &d, &o, &w, &r, &err), &err);
    double test;
    assert_ok(td_test(net, w, &d, TD_SPLIT_TEST, &test, NULL, &err), &err);
    print_message(
        "C, 5 epochs, batch %d: validation %.2f %%, test %.2f %%, %.1f CPU-s, %.0f images "
        "per CPU-s\n",
        o.batch, 100 * r.valid_accuracy, 100 * test, r.cpu_s, (double)r.images / r.cpu_s);
    assert_true(test >= 0.905);
    td_weights_destroy(w);
    td_net_destroy(net);
    td_dataset_free(&d);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(slow_c_in_five_epochs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

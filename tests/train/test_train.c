/* td_train and td_test on Fashion-MNIST: learning, determinism, agreement with the plain forward
 * pass, options, faults. */
#include "common.h"

#include "tandem/train.h"

static td_dataset data;

static td_net *small_net(void) {
    td_net *n = td_net_create("small", TD_DIM(1, 28, 28));
    int x = td_net_conv_bn_act(n, 0, 8, 3, 2, 1, TD_OP_RELU);
    x = td_net_block(n, x, &(td_block){3, 2, 12, 2, 1, false, true, 0, TD_OP_RELU6});
    x = td_net_block(n, x, &(td_block){3, 2, 12, 1, 1, false, true, 0.5, TD_OP_HSWISH});
    td_net_fc(n, td_net_global_pool(n, x), 10);
    return n;
}

static td_train_options short_options(double epochs) {
    td_train_options o;
    td_train_options_default(&o);
    o.epochs = epochs;
    return o;
}

typedef struct {
    td_train_options options;
    td_weights *w;
    td_train_result r;
    td_status status;
    td_error err;
} run;

static void do_run(run *x) {
    td_net *net = small_net();
    x->status = td_train(net, &data, &x->options, &x->w, &x->r, &x->err);
    td_net_destroy(net);
}

static run train(const td_train_options *o) {
    run x = {.options = *o};
    do_run(&x);
    if (x.status != TD_OK) fail_msg("%s", x.err.message);
    return x;
}

static void test_learns(void **state) {
    (void)state;
    td_train_options o = short_options(0.3);
    run x = train(&o);
    assert_true(x.r.valid_accuracy > 0.70);
    assert_true(x.r.train_loss < 1.2);
    assert_int_equal(x.r.steps, 469); /* ceil(0.3 * floor(50000 / 32)) */
    assert_int_equal(x.r.images, 469 * 32);
    assert_true(x.r.cpu_s > 0 && x.r.wall_s > 0);
    td_weights_destroy(x.w);
    if (!td_number_trains(TD_BF16)) return;
    o.number = TD_BF16;
    x = train(&o);
    assert_true(x.r.valid_accuracy > 0.70);
    td_weights_destroy(x.w);
}

static void do_index(void *self, int i) {
    do_run((run *)self + i);
}

static void test_deterministic(void **state) {
    (void)state;
    td_train_options o = short_options(0.04);
    o.augment_shift = o.augment_flip = true;
    o.label_smoothing = 0.1;
    for (int number = 0; number < 2; number++) {
        o.number = number == 0 ? TD_FP32 : TD_BF16;
        if (!td_number_trains(o.number)) continue;
        run first = train(&o);
        run two[2] = {{.options = o}, {.options = o}};
        two[1].options.seed = number == 0 ? o.seed : 2; /* the same, or another, beside it */
        td_error err = {0};
        assert_ok(td_parallel_for(2, 2, do_index, two), &err);
        for (int i = 0; i < 2; i++) {
            assert_ok(two[i].status, &two[i].err);
            size_t bytes = sizeof(float) * (size_t)first.w->count;
            bool same = memcmp(first.w->data, two[i].w->data, bytes) == 0;
            assert_true(same == (two[i].options.seed == o.seed));
            if (same) assert_true(first.r.valid_accuracy == two[i].r.valid_accuracy);
            td_weights_destroy(two[i].w);
        }
        td_weights_destroy(first.w);
    }
}

static int best(const float *v, int n) {
    int b = 0;
    for (int i = 1; i < n; i++)
        if (v[i] > v[b]) b = i;
    return b;
}

static void test_agrees_with_plain_forward(void **state) {
    (void)state;
    enum { N = 200, FOLDED = 1000 };
    td_error err = {0};
    td_train_options o = short_options(0.1);
    run x = train(&o);
    td_net *net = small_net();
    double accuracy;
    uint8_t *predicted = malloc((size_t)data.n[TD_SPLIT_TEST]);
    assert_ok(td_test(net, x.w, &data, TD_SPLIT_TEST, &accuracy, predicted, &err), &err);
    int right = 0;
    for (int i = 0; i < data.n[TD_SPLIT_TEST]; i++)
        right += predicted[i] == data.label[TD_SPLIT_TEST][i];
    assert_near(accuracy, right / 10000.0, 1e-12);

    float *input = malloc(sizeof(float) * N * 784), *score = malloc(sizeof(float) * N * 10);
    for (int i = 0; i < N * 784; i++)
        input[i] = ((float)data.image[TD_SPLIT_TEST][i] / 255 - data.mean[0]) / data.std[0];
    assert_ok(td_net_forward(net, x.w, input, N, score, &err), &err);
    for (int i = 0; i < N; i++) assert_int_equal(best(score + i * 10, 10), predicted[i]);

    td_net *folded;
    td_weights *folded_weights;
    assert_ok(td_net_fold_bn(net, x.w, &folded, &folded_weights, &err), &err);
    assert_true(td_net_size(folded) < td_net_size(net));
    uint8_t *again = malloc((size_t)data.n[TD_SPLIT_TEST]);
    assert_ok(td_test(folded, folded_weights, &data, TD_SPLIT_TEST, &accuracy, again, &err), &err);
    assert_memory_equal(predicted, again, FOLDED);
    free(again);
    free(predicted);
    free(input);
    free(score);
    td_weights_destroy(folded_weights);
    td_net_destroy(folded);
    td_net_destroy(net);
    td_weights_destroy(x.w);
}

typedef struct {
    int epochs, polls, stop_epoch, stop_poll;
    double last;
} watcher;

static bool watch(void *self, double epoch, double loss, double valid) {
    watcher *w = self;
    w->epochs++;
    w->last = epoch;
    assert_true(isfinite(loss) && valid >= 0 && valid <= 1);
    return w->epochs != w->stop_epoch;
}
static bool poll_cancel(void *self) {
    watcher *w = self;
    return ++w->polls == w->stop_poll;
}

static void test_progress_and_stopping(void **state) {
    (void)state;
    td_train_options o = short_options(2.5);
    o.train_images = 640;
    watcher w = {0};
    o.self = &w;
    o.progress = watch;
    o.cancelled = poll_cancel;
    run x = train(&o);
    assert_int_equal(x.r.steps, 50);
    assert_int_equal(w.epochs, 3);
    assert_near(w.last, 2.5, 1e-9);
    assert_int_equal(w.polls, 50);
    td_weights_destroy(x.w);
    w = (watcher){.stop_epoch = 2};
    x = (run){.options = o};
    do_run(&x);
    assert_int_equal(x.status, TD_E_INTERRUPTED);
    assert_null(x.w);
    assert_int_equal(w.epochs, 2);
    w = (watcher){.stop_poll = 7};
    x = (run){.options = o};
    do_run(&x);
    assert_int_equal(x.status, TD_E_INTERRUPTED);
    assert_int_equal(x.r.steps, 6);
}

static void test_more_images_with_valid(void **state) {
    (void)state;
    td_train_options o = short_options(0.05);
    run a = train(&o);
    o.with_valid = true;
    run b = train(&o);
    assert_int_equal(a.r.steps, 79); /* of 1562 */
    assert_int_equal(b.r.steps, 94); /* of 1875 */
    td_weights_destroy(a.w);
    td_weights_destroy(b.w);
}

static void expect_fault(const td_train_options *o, td_status code, const char *part) {
    run x = {.options = *o};
    do_run(&x);
    assert_int_equal(x.status, code);
    assert_null(x.w);
    if (strstr(x.err.message, part) == NULL)
        fail_msg("message \"%s\" does not say \"%s\"", x.err.message, part);
}

static void test_faults(void **state) {
    (void)state;
    td_train_options o = short_options(0.1);
    o.rate = 1e18;
    o.warmup_steps = 0;
    expect_fault(&o, TD_E_INFEASIBLE, "diverged");
    o = short_options(0);
    expect_fault(&o, TD_E_USAGE, "epochs");
    o = short_options(1);
    o.batch = 0;
    expect_fault(&o, TD_E_USAGE, "batch");
    o = short_options(1);
    o.train_images = 20;
    expect_fault(&o, TD_E_USAGE, "20 training images");
    o = short_options(1);
    o.label_smoothing = 1;
    expect_fault(&o, TD_E_USAGE, "smoothing");

    td_error err = {0};
    td_weights *w;
    td_train_result r;
    o = short_options(1);
    td_net *net = td_net_create("large", TD_DIM(3, 32, 32));
    td_net_fc(net, 0, 10);
    assert_int_equal(td_train(net, &data, &o, &w, &r, &err), TD_E_USAGE);
    td_net_destroy(net);
    net = td_net_create("few", TD_DIM(1, 28, 28));
    td_net_fc(net, 0, 9);
    assert_int_equal(td_train(net, &data, &o, &w, &r, &err), TD_E_USAGE);
    td_net_destroy(net);
    net = td_net_create("huge", TD_DIM(1, 28, 28));
    int x = td_net_conv(net, 0, 2048, 1, 1, 1, 1);
    for (int i = 0; i < 3; i++) x = td_net_bn(net, td_net_conv(net, x, 2048, 1, 1, 2048, 1));
    td_net_fc(net, td_net_global_pool(net, x), 10);
    td_trainer *t;
    assert_int_equal(td_trainer_create(net, 4096, TD_FP32, 1, &t, &err), TD_E_MEMORY);
    assert_null(t);
    td_net_destroy(net);
    net = td_net_create("map", TD_DIM(1, 28, 28));
    td_net_conv(net, 0, 10, 3, 2, 1, 1);
    assert_int_equal(td_train(net, &data, &o, &w, &r, &err), TD_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "one score per class"));
    td_net_destroy(net);
    net = td_net_create("up", TD_DIM(1, 28, 28));
    x = td_net_resize(net, td_net_conv(net, 0, 4, 3, 2, 1, 1), 28, 28);
    td_net_fc(net, td_net_global_pool(net, x), 10);
    assert_int_equal(td_train(net, &data, &o, &w, &r, &err), TD_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "layer resize2: resize cannot be trained"));
    td_net_destroy(net);
}

static td_status parse_options(const char *yaml, td_train_options *o, td_error *err) {
    td_arena *a = td_arena_create();
    const td_node *doc;
    td_status st = td_yaml_parse(a, yaml, strlen(yaml), "recipe.yaml", &doc, err);
    if (st == TD_OK) st = td_train_options_from_node(doc, o, err);
    td_arena_destroy(a);
    return st;
}

static void test_options(void **state) {
    (void)state;
    td_error err = {0};
    td_train_options o, p;
    td_train_options_default(&o);
    td_train_options_default(&p);
    assert_true(td_train_options_hash(&o) == td_train_options_hash(&p));
    assert_ok(parse_options("batch: 64\nepochs: 0.5\ntrain_images: 5000\nrate: 0.1\n"
                            "warmup_steps: 10\nmomentum: 0.8\nweight_decay: 0.001\n"
                            "label_smoothing: 0.1\naugment_shift: true\naugment_flip: true\n"
                            "number: bf16\nseed: 9\nwith_valid: true\n",
                            &o, &err),
              &err);
    assert_int_equal(o.batch, 64);
    assert_near(o.epochs, 0.5, 0);
    assert_int_equal(o.train_images, 5000);
    assert_near(o.rate, 0.1, 0);
    assert_int_equal(o.warmup_steps, 10);
    assert_near(o.momentum, 0.8, 0);
    assert_near(o.weight_decay, 0.001, 0);
    assert_near(o.label_smoothing, 0.1, 0);
    assert_true(o.augment_shift && o.augment_flip && o.with_valid);
    assert_int_equal(o.number, TD_BF16);
    assert_int_equal(o.seed, 9);
    /* Each field counts in the hash; the callbacks do not. */
    const char *fields[] = {"batch: 8",
                            "epochs: 1",
                            "train_images: 7",
                            "rate: 0.3",
                            "warmup_steps: 3",
                            "momentum: 0.1",
                            "weight_decay: 0.3",
                            "label_smoothing: 0.3",
                            "augment_shift: true",
                            "augment_flip: true",
                            "number: bf16",
                            "seed: 3",
                            "with_valid: true"};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        td_train_options q;
        td_train_options_default(&q);
        assert_ok(parse_options(fields[i], &q, &err), &err);
        if (td_train_options_hash(&q) == td_train_options_hash(&p))
            fail_msg("%s does not change the hash", fields[i]);
    }
    o = p;
    o.cancelled = poll_cancel;
    assert_true(td_train_options_hash(&o) == td_train_options_hash(&p));
    const char *wrong[] = {"batches: 3",  "batch: 0", "epochs: 0",          "epochs: fast",
                           "number: fp8", "rate: -1", "label_smoothing: 1", "momentum: 1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(parse_options(wrong[i], &o, &err), TD_E_INPUT);
        assert_non_null(strstr(err.message, "recipe.yaml:1"));
    }
}

static void test_trainer_api(void **state) {
    (void)state;
    td_error err = {0};
    td_net *net = small_net();
    td_trainer *t;
    assert_ok(td_trainer_create(net, 4, TD_FP32, 1, &t, &err), &err);
    float input[4 * 784];
    uint8_t label[4] = {0, 1, 2, 3};
    for (int i = 0; i < 4 * 784; i++) input[i] = (float)(i % 13) / 13;
    double loss[3];
    td_weights *start = td_weights_create(net), *w = td_trainer_weights(t);
    memcpy(start->data, w->data, sizeof(float) * (size_t)w->count);
    for (int i = 0; i < 2; i++) {
        assert_ok(td_trainer_step(t, input, label, 0, &loss[i], &err), &err);
        assert_ok(td_trainer_update(t, 0.01, 0.9, 0, &err), &err);
    }
    assert_true(loss[1] < loss[0]);
    assert_ok(td_trainer_set_weights(t, start, &err), &err);
    assert_ok(td_trainer_step(t, input, label, 0, &loss[2], &err), &err);
    assert_true(loss[2] == loss[0]);
    label[2] = 10;
    assert_int_equal(td_trainer_step(t, input, label, 0, NULL, &err), TD_E_INPUT);
    assert_int_equal(td_trainer_update(t, (double)NAN, 0, 0, &err), TD_E_USAGE);
    td_net *other = td_net_create("other", TD_DIM(1, 28, 28));
    td_net_fc(other, 0, 10);
    td_weights *foreign = td_weights_create(other);
    assert_int_equal(td_trainer_set_weights(t, foreign, &err), TD_E_USAGE);
    td_weights_destroy(foreign);
    td_net_destroy(other);
    td_weights_destroy(start);
    td_trainer_destroy(t);
    td_trainer_destroy(NULL);
    td_net_destroy(net);
}

static int load(void **state) {
    (void)state;
    td_error err = {0};
    if (td_dataset_load("fashion-mnist", NULL, &data, &err) == TD_OK) return 0;
    print_error("%s\n", err.message);
    return -1;
}
static int unload(void **state) {
    (void)state;
    td_dataset_free(&data);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_learns),
        cmocka_unit_test(test_deterministic),
        cmocka_unit_test(test_agrees_with_plain_forward),
        cmocka_unit_test(test_progress_and_stopping),
        cmocka_unit_test(test_more_images_with_valid),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_trainer_api),
    };
    return cmocka_run_group_tests(tests, load, unload);
}

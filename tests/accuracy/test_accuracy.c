/* Accuracy sources: the table, keys, training from scratch on a tiny data set. */
#include "scratch.h"
#include "tandem/accuracy.h"

typedef struct {
    char *folder;
    td_arena *arena;
    td_error err;
} fixture;

static int setup(void **state) {
    static fixture f;
    f = (fixture){.folder = scratch_make(), .arena = td_arena_create()};
    scratch_data(scratch_path(f.folder, "data"));
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    td_arena_destroy(f->arena);
    scratch_remove(f->folder);
    return 0;
}

/* The map of a recipe, with the tiny data's folder where %s stands. */
static const td_node *map_of(fixture *f, const char *format) {
    const td_node *doc;
    char text[2048];
    snprintf(text, sizeof text, format, scratch_path(f->folder, "data"));
    const char *copy = td_arena_strdup(f->arena, text);
    assert_ok(td_yaml_parse(f->arena, copy, strlen(copy), "my.yaml", &doc, &f->err), &f->err);
    return doc;
}

static td_design small_design(int channels) {
    td_design d = {0};
    d.net = td_net_create("small", TD_DIM(1, 8, 8));
    int x = td_net_conv_bn_act(d.net, 0, channels, 3, 2, 1, TD_OP_RELU);
    td_net_fc(d.net, td_net_global_pool(d.net, x), 10);
    d.net_hash = td_net_hash(d.net);
    return d;
}

static const char plain[] = "{path: %s, epochs: 1, train_images: 500, batch: 50, rate: 0.1, "
                            "warmup_steps: 2}";

static uint64_t key_of(fixture *f, const char *format, uint64_t seed) {
    td_accuracy a;
    assert_ok(td_accuracy_from_node(map_of(f, format), NULL, seed, &a, &f->err), &f->err);
    uint64_t k = a.key(a.self);
    td_accuracy_free(&a);
    return k;
}

static td_accuracy_result evaluate(fixture *f, const char *format, double fidelity) {
    td_accuracy a;
    td_accuracy_result r;
    td_design d = small_design(8);
    assert_ok(td_accuracy_from_node(map_of(f, format), NULL, 3, &a, &f->err), &f->err);
    assert_ok(a.evaluate(a.self, &d, fidelity, NULL, NULL, &r, &f->err), &f->err);
    td_accuracy_free(&a);
    td_design_free(&d);
    return r;
}

static void every_source_has_a_line(void **state) {
    (void)state;
    int n;
    const td_accuracy_entry *e = td_accuracy_list(&n);
    assert_true(n >= 1);
    for (int i = 0; i < n; i++) assert_true(e[i].name[0] != '\0' && e[i].about[0] != '\0');
    td_accuracy a = {0};
    td_accuracy_free(&a);
    td_accuracy_free(NULL);
}

static void the_same_options_give_the_same_accuracy(void **state) {
    fixture *f = *state;
    td_accuracy_result a = evaluate(f, plain, 1), b = evaluate(f, plain, 1);
    assert_true(a.value == b.value);
    assert_true(a.value > 0.05 && a.value <= 1 && isnan(a.std) && !a.cached && a.cpu_s > 0);
}

static void fidelity_is_a_share_of_the_epochs(void **state) {
    fixture *f = *state;
    static const char half[] = "{path: %s, epochs: 0.5, train_images: 500, batch: 50, rate: 0.1, "
                               "warmup_steps: 2}";
    assert_true(evaluate(f, plain, 0.5).value == evaluate(f, half, 1).value);
    td_accuracy a;
    td_accuracy_result r;
    td_design d = small_design(8), empty = {0};
    assert_ok(td_accuracy_from_node(map_of(f, plain), NULL, 3, &a, &f->err), &f->err);
    static const double wrong[] = {0, -1, 1.5, NAN};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(a.evaluate(a.self, &d, wrong[i], NULL, NULL, &r, &f->err), TD_E_USAGE);
    assert_int_equal(a.evaluate(a.self, &empty, 1, NULL, NULL, &r, &f->err), TD_E_USAGE);
    td_accuracy_free(&a);
    td_design_free(&d);
}

static bool at_once(void *self) {
    return *(bool *)self;
}

static void training_can_be_interrupted(void **state) {
    fixture *f = *state;
    td_accuracy a;
    td_accuracy_result r;
    td_design d = small_design(8);
    bool stop = true;
    assert_ok(td_accuracy_from_node(map_of(f, plain), NULL, 3, &a, &f->err), &f->err);
    assert_int_equal(a.evaluate(a.self, &d, 1, at_once, &stop, &r, &f->err), TD_E_INTERRUPTED);
    stop = false;
    assert_ok(a.evaluate(a.self, &d, 1, at_once, &stop, &r, &f->err), &f->err);
    td_accuracy_free(&a);
    td_design_free(&d);
}

/* ---- watched --------------------------------------------------------------------------------- */

typedef struct {
    int only, stop, n; /* looks at this step only (0: all); stops after that one (0: none) */
    int step[8];
    double value[8];
} watcher;

static bool looks(void *self, int step) {
    const watcher *w = self;
    return w->only == 0 || step == w->only;
}

static bool goes_on(void *self, int step, double value) {
    watcher *w = self;
    w->step[w->n] = step;
    w->value[w->n++] = value;
    return step != w->stop;
}

/* It is the same training whether it is watched or not; looked at are the epochs that are wanted,
 * but not the end of the last; one that is stopped has the value of there. */
static void a_watched_training_is_the_same(void **state) {
    fixture *f = *state;
    static const char long_one[] = "{path: %s, epochs: 2.5, train_images: 500, batch: 50, "
                                   "rate: 0.1, warmup_steps: 2}";
    td_accuracy a;
    td_accuracy_result whole, r;
    td_design d = small_design(8), empty = {0};
    int steps;
    assert_ok(td_accuracy_steps(map_of(f, long_one), &steps, &f->err), &f->err);
    assert_int_equal(steps, 3);
    assert_ok(td_accuracy_from_node(map_of(f, long_one), NULL, 3, &a, &f->err), &f->err);
    assert_int_equal(a.steps, 3);
    assert_ok(a.evaluate(a.self, &d, 1, NULL, NULL, &whole, &f->err), &f->err);
    watcher w = {0}, one = {.only = 2}, stops = {.stop = 1};
    td_accuracy_watch watch = {looks, goes_on, &w};
    assert_ok(a.watched(a.self, &d, &watch, NULL, NULL, &r, &f->err), &f->err);
    assert_true(r.value == whole.value && r.steps == 3);
    assert_int_equal(w.n, 2);
    assert_true(w.step[0] == 1 && w.step[1] == 2 && w.value[0] != w.value[1]);
    watch.self = &one;
    assert_ok(a.watched(a.self, &d, &watch, NULL, NULL, &r, &f->err), &f->err);
    assert_true(r.value == whole.value && one.n == 1 && one.value[0] == w.value[1]);
    watch.self = &stops;
    assert_ok(a.watched(a.self, &d, &watch, NULL, NULL, &r, &f->err), &f->err);
    assert_true(r.steps == 1 && r.value == w.value[0]);
    bool stop = true;
    assert_int_equal(a.watched(a.self, &d, &watch, at_once, &stop, &r, &f->err), TD_E_INTERRUPTED);
    assert_int_equal(a.watched(a.self, &empty, &watch, NULL, NULL, &r, &f->err), TD_E_USAGE);
    td_accuracy_free(&a);
    td_design_free(&d);
    const td_node *table = map_of(f, "{source: table, file: %s}");
    assert_ok(td_accuracy_steps(table, &steps, &f->err), &f->err);
    assert_int_equal(steps, 0);
}

/* Everything that the value depends on is in the key; what it does not, is not. */
static void keys(void **state) {
    fixture *f = *state;
    static const char *const others[] = {
        "{path: %s, epochs: 2, train_images: 500, batch: 50, rate: 0.1, warmup_steps: 2}",
        "{path: %s, epochs: 1, train_images: 501, batch: 50, rate: 0.1, warmup_steps: 2}",
        "{path: %s, epochs: 1, train_images: 500, batch: 51, rate: 0.1, warmup_steps: 2}",
        "{path: %s, epochs: 1, train_images: 500, batch: 50, rate: 0.2, warmup_steps: 2}",
        "{path: %s, epochs: 1, train_images: 500, batch: 50, rate: 0.1, augment_flip: true}",
        "{path: %s, epochs: 1, train_images: 500, batch: 50, rate: 0.1, warmup_steps: 2, seed: 4}"};
    uint64_t k = key_of(f, plain, 3);
    assert_true(k == key_of(f, plain, 3));
    assert_true(k == key_of(f,
                            "{source: train, data: fashion-mnist, path: %s, batch: 50, "
                            "epochs: 1, warmup_steps: 2, train_images: 500, rate: 0.1}",
                            3));
    assert_true(k != key_of(f, plain, 4));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_true(k != key_of(f, others[i], 3));
    /* a seed of its own stands for the recipe's */
    assert_true(key_of(f, others[5], 3) == key_of(f, plain, 4));
    /* other labels, other key */
    uint8_t label[300] = {1};
    scratch_idx(f->folder, "data/t10k-labels-idx1-ubyte.gz", 300, 0, label);
    assert_true(k != key_of(f, plain, 3));
}

static void mistakes(void **state) {
    fixture *f = *state;
    static const struct {
        const char *text;
        td_status code;
        const char *message;
    } cases[] = {
        {"{source: oracle, path: %s}", TD_E_INPUT,
         "my.yaml:1: source: expected one of train, table, found \"oracle\""},
        {"{epoch: 1, path: %s}", TD_E_INPUT, "my.yaml:1: unknown key \"epoch\""},
        {"{path: %s, with_valid: true}", TD_E_INPUT, "my.yaml:1: with_valid: accuracies are"},
        {"{path: %s, batch: 0}", TD_E_INPUT, "my.yaml:1: batch: expected an integer"},
        {"{path: %s/none}", TD_E_NOT_FOUND, "data set fashion-mnist: no file"},
        {"{path: %s, data: mnist}", TD_E_NOT_FOUND, "my.yaml:1: data: unknown data set \"mnist\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        td_accuracy a;
        const td_node *n = map_of(f, cases[i].text);
        td_status s = td_accuracy_from_node(n, NULL, 1, &a, &f->err);
        if (s != cases[i].code ||
            strncmp(f->err.message, cases[i].message, strlen(cases[i].message)) != 0)
            fail_msg("%s: %s", cases[i].text, f->err.message);
        assert_null(a.self);
        /* without data the check finds the same mistakes, but for files that are not there */
        s = td_accuracy_check(n, NULL, &f->err);
        assert_int_equal(s, strstr(cases[i].message, "no file") ? TD_OK : cases[i].code);
    }
    td_accuracy a;
    assert_int_equal(td_accuracy_from_node(map_of(f, "{path: %s/none}"), NULL, 1, &a, &f->err),
                     TD_E_NOT_FOUND);
    assert_non_null(strstr(f->err.message, "dataset-fashion-mnist"));
}

int main(void) {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(every_source_has_a_line),
        CASE(the_same_options_give_the_same_accuracy),
        CASE(fidelity_is_a_share_of_the_epochs),
        CASE(training_can_be_interrupted),
        CASE(a_watched_training_is_the_same),
        CASE(keys),
        CASE(mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Accelerator spaces, joint spaces, fixed accelerators. */
#include "common.h"

#include "space_helper.h"

static td_space *by_name(const char *name, td_arena *a) {
    td_error err = {0};
    td_space *s;
    assert_ok(td_space_by_name(name, a, &s, &err), &err);
    return s;
}

typedef struct {
    const td_space *s;
    td_arena *scratch;
    uint64_t *hash;
    int64_t n, valid;
} census;

static void count(void *self, const td_choices *c) {
    census *k = self;
    td_design d;
    td_error err = {0};
    td_arena_reset(k->scratch);
    td_status status = k->s->build(k->s->self, c, k->scratch, &d, &err);
    assert_non_null(d.hw_node); /* what could not be built can still be exported and looked at */
    assert_null(d.net);
    assert_int_equal(d.has_hw, status == TD_OK);
    if (status == TD_OK) {
        k->hash[k->valid++] = d.hw_hash;
        assert_true(d.hw.area_mm2 > 0);
    } else {
        assert_int_equal(status, TD_E_INFEASIBLE);
        assert_true(err.message[0] != '\0');
    }
    k->n++;
    td_design_free(&d);
}

/* Every point of a space: how many there are, how many can be built, and that no two are equal. */
static void census_of(const char *name, const char *size, int64_t points, int64_t valid) {
    td_arena *a = td_arena_create();
    census k = {.s = by_name(name, a), .scratch = td_arena_create()};
    k.hash = TD_NEW(a, uint64_t, points);
    td_text text = {0};
    assert_int_equal(td_space_size(k.s, &text, NULL), TD_OK);
    assert_string_equal(text.data, size);
    td_text_free(&text);
    enumerate(k.s, count, &k);
    printf("    %s: %lld points, %lld can be built\n", name, (long long)k.n, (long long)k.valid);
    assert_int_equal(k.n, points);
    if (valid > 0)
        assert_int_equal(k.valid, valid);
    else
        assert_near((double)k.valid / (double)k.n, .55, .01);
    assert_int_equal(sort_distinct(k.hash, k.valid), k.valid);
    td_arena_destroy(k.scratch);
    td_arena_destroy(a);
}

/* The counts of the notes on the template: 23,040 points of which 14,922 are valid. */
static void test_micro(void **unused) {
    (void)unused;
    census_of("micro", "23040", 23040, 14922);
}

/* 50,000 points, 45 % of them invalid. */
static void test_edge(void **unused) {
    (void)unused;
    census_of("edge", "50000", 50000, 0);
}

/* A point is the template's description with these parameters, made by hand. */
static void test_point(void **unused) {
    (void)unused;
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_space *s = by_name("micro", a);
    double v[16];
    td_choices c = {s->n, v};
    assert_ok(td_choices_from_node(s,
                                   yaml(a, "{pe_x: 3, pe_y: 2, simd: 8, lanes: 4, local_kb: 64, "
                                           "rf_kb: 0.5, io_gbps: 1.6}"),
                                   &c, &err),
              &err);
    td_design d;
    assert_ok(s->build(s->self, &c, a, &d, &err), &err);

    const char *path;
    const td_node *doc;
    td_edge e;
    td_tech tech;
    td_hw hw;
    assert_ok(td_hw_find(a, "micro", &path, &err), &err);
    assert_ok(td_node_load(a, path, &doc, &err), &err);
    assert_ok(td_edge_from_node(doc, &e, &err), &err);
    assert_ok(td_tech_load(e.tech, &tech, &err), &err);
    e.pe_x = 3;
    e.pe_y = 2;
    e.simd = 8;
    e.lanes = 4;
    e.local_bytes = 64 << 10;
    e.rf_bytes = 512;
    e.io_bytes_per_s = 1.6e9;
    assert_ok(td_edge_build(&e, &tech, &hw, NULL, &err), &err);
    assert_true(d.hw_hash == td_hw_hash(&hw));
    assert_true(d.hw.area_mm2 == hw.area_mm2);

    /* The exported document makes the same accelerator. */
    td_text text = {0};
    td_node_to_yaml(d.hw_node, &text);
    assert_ok(td_hw_from_node(yaml(a, text.data), &hw, &err), &err);
    assert_true(d.hw_hash == td_hw_hash(&hw));
    td_text_free(&text);
    td_design_free(&d);

    c.v[2] = 7; /* simd has four values */
    assert_int_equal(s->build(s->self, &c, a, &d, &err), TD_E_USAGE);
    c.n = 3;
    assert_int_equal(s->build(s->self, &c, a, &d, &err), TD_E_USAGE);
    td_arena_destroy(a);
}

/* A recipe's lists stand in for the file's; one value is fixed; parameters that the file does not
 * list can be added. */
static void test_overrides(void **unused) {
    (void)unused;
    td_arena *a = td_arena_create();
    td_space *s = hw_space(a, "space: micro\nio_gbps: [0.4, 0.2]\nsimd: 16\nclock_ghz: [.4, .6]\n");
    td_text size = {0};
    assert_int_equal(td_space_size(s, &size, NULL), TD_OK);
    assert_string_equal(size.data, "3840"); /* 23040 / 6 / 4 * 2 * 2 */
    td_text_free(&size);
    static const char *const names[] = {"pe_x",  "pe_y",    "lanes",    "local_kb",
                                        "rf_kb", "io_gbps", "clock_ghz"};
    assert_int_equal(s->n, 7);
    for (int i = 0; i < 7; i++) assert_string_equal(s->d[i].name, names[i]);
    assert_true(s->d[5].value[0] == .2 && s->d[5].value[1] == .4);
    double v[8] = {1, 1, 0, 2, 1, 1, 1};
    td_design d;
    td_error err = {0};
    assert_ok(s->build(s->self, &(td_choices){7, v}, a, &d, &err), &err);
    assert_true(d.hw.clock_hz == .6e9);
    td_design_free(&d);

    /* The description in place. */
    s = hw_space(a, "template: edge\ntech: 22nm\npe_x: 2\npe_y: 2\nsimd: 16\nlanes: 2\n"
                    "local_kb: 64\nrf_kb: 1\nio_gbps: .8\nclock_ghz: .4\nport_bytes: 16\n"
                    "space:\n  simd: [8, 16]\n  rf_kb: [1, 2, 4]\n");
    assert_int_equal(s->n, 2);
    assert_int_equal(enumerate(s, NULL, NULL), 6);
    td_arena_destroy(a);
}

static void test_refused(void **unused) {
    (void)unused;
    static const struct {
        const char *text;
        int line;
        const char *part;
    } wrong[] = {
        {"simd: [8]\n", 1, "\"space\""},
        {"space: 3\n", 1, "space"},
        {"space: micro\nsimt: [8]\n", 2, "simt"},
        {"space: micro\nsimd: []\n", 2, "at least one"},
        {"space: micro\nsimd: [8, 8]\n", 2, "twice"},
        {"space: micro\nsimd: [8, many]\n", 2, "simd[1]"},
        {"space: micro\nsimd: [8, 8.5]\n", 2, "simd"},
        {"space: micro\npe_x: 0\n", 2, "pe_x"},
        {"space: {simd: [1, 2]}\n", 1, "template"},
        {"space: {simd: [1, 2]}\ntemplate: gpu\n", 2, "edge"},
        {"space: fixed\n", 1, "hw"},
        {"space: fixed\nhw: micro\nsimd: 4\n", 3, "simd"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        refused(false, wrong[i].text, wrong[i].line, wrong[i].part);
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_space *s;
    static const char *const absent[] = {"space: macro", "space: hw/none.yaml",
                                         "space: fixed\nhw: none"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(td_space_hw_from_node(yaml(a, absent[i]), a, &s, &err), TD_E_NOT_FOUND);
        assert_non_null(strstr(err.message, i < 2 ? "recipe.yaml:1" : "recipe.yaml:2"));
    }
    td_arena_destroy(a);
}

static void test_fixed(void **unused) {
    (void)unused;
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_space *s = hw_space(a, "space: fixed\nhw: micro\n");
    td_hw hw;
    td_design d;
    assert_int_equal(s->n, 0);
    assert_ok(s->build(s->self, &(td_choices){0, NULL}, a, &d, &err), &err);
    assert_ok(td_hw_load("micro", &hw, &err), &err);
    assert_true(d.has_hw && d.hw_hash == td_hw_hash(&hw));
    assert_non_null(td_node_find(d.hw_node, "template"));
    assert_string_equal(td_node_find(d.hw_node, "name")->text, "micro");
    td_design_free(&d);

    /* Levels in full, from a file. */
    char path[] = "/tmp/td-space-XXXXXX.yaml";
    int fd = mkstemps(path, 5);
    assert_true(fd >= 0);
    td_text text = {0};
    td_node_to_yaml(td_hw_to_node(&hw, a), &text);
    assert_ok(td_file_write(path, text.data, text.size, &err), &err);
    td_text_free(&text);
    s = hw_space(a, td_arena_printf(a, "space: fixed\nhw: %s\n", path));
    assert_ok(s->build(s->self, &(td_choices){0, NULL}, a, &d, &err), &err);
    assert_true(d.hw_hash == td_hw_hash(&hw));
    assert_non_null(td_node_find(d.hw_node, "levels"));
    td_design_free(&d);
    remove(path);
    td_arena_destroy(a);
}

/* 5,000 joint points: each has its network, and an accelerator or a reason. Pairs of different
 * vectors differ in one of the two hashes where the network space keeps its word (test_ibn.c). */
static void test_joint(void **unused) {
    (void)unused;
    td_arena *a = td_arena_create(), *b = td_arena_create();
    td_error err = {0};
    td_space *s;
    assert_ok(td_space_product(by_name("ibn", a), by_name("micro", a), a, &s, &err), &err);
    assert_string_equal(s->name, "ibn x micro");
    enum { N = 5000 };
    double v[64];
    td_choices c = {s->n, v};
    static uint64_t vectors[N], designs[N];
    int64_t built = 0;
    for (uint64_t t = 0; t < N; t++) {
        td_rng r = td_rng_make(21, t, TD_RNG_SPACE_SAMPLE);
        td_space_sample(s, &r, &c);
        td_design d;
        err.message[0] = '\0';
        td_arena_reset(b);
        td_status status = s->build(s->self, &c, b, &d, &err);
        assert_non_null(d.net);
        assert_ok(td_net_check(d.net, &err), &err);
        assert_true(d.net_hash == td_net_hash(d.net));
        if (status == TD_OK) {
            assert_true(d.has_hw);
            assert_ok(td_hw_check(&d.hw, &err), &err);
            vectors[built] = td_choices_hash(&c);
            designs[built++] = td_hash(&d.hw_hash, sizeof d.hw_hash, d.net_hash);
        } else {
            assert_int_equal(status, TD_E_INFEASIBLE);
            assert_true(err.message[0] != '\0');
            assert_false(d.has_hw);
        }
        td_design_free(&d);
    }
    int64_t x = sort_distinct(vectors, built), y = sort_distinct(designs, built);
    printf("    %d joint points, %lld can be built (%.1f %%), %lld vectors, %lld designs\n", N,
           (long long)built, 100 * (double)built / N, (long long)x, (long long)y);
    assert_true(y <= x && (double)y > .999 * (double)x);
    /* 14,922 of 23,040 points are valid: within 4 standard deviations. */
    assert_near((double)built / N, 14922. / 23040, 4 * sqrt(.65 * .35 / N));

    td_space *twice;
    assert_int_equal(td_space_product(by_name("ibn", a), by_name("ibn", a), a, &twice, &err),
                     TD_E_INPUT);
    td_space *fixed = hw_space(a, "space: fixed\nhw: micro\n");
    assert_ok(td_space_product(fixed, fixed, a, &twice, &err), &err);
    td_design d;
    assert_int_equal(twice->build(twice->self, &(td_choices){0, v}, a, &d, &err), TD_E_USAGE);
    td_arena_destroy(a);
    td_arena_destroy(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_micro),   cmocka_unit_test(test_edge),
        cmocka_unit_test(test_point),   cmocka_unit_test(test_overrides),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_fixed),
        cmocka_unit_test(test_joint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

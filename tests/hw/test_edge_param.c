/* Parameters of the edge template: by key, by hand, in YAML. */
#include "edge_fixture.h"

static void parameters(void **state) {
    (void)state;
    td_error err = {0};
    td_edge p, q;
    td_edge_init(&p);
    int n = 0;
    for (const char *key; (key = td_edge_key(n)) != NULL; n++) {
        assert_int_equal(td_edge_set(&p, key, 1, &err), TD_OK);
        assert_near(td_edge_get(&p, key), 1, 0);
    }
    assert_int_equal(n, 23);
    assert_null(td_edge_key(-1));
    assert_int_equal(p.local_bytes, 1024);
    assert_int_equal(p.rf_bytes, 1024);
    assert_int_equal(p.min_total_bytes, 1024);
    assert_near(p.io_bytes_per_s, 1e9, 0);
    assert_near(p.clock_hz, 1e9, 0);
    assert_int_equal(p.pe_x, 1);
    assert_near(p.macro_um2, 1, 0);
    assert_ok(td_edge_set(&p, "rf_kb", .5, &err), &err);
    assert_int_equal(p.rf_bytes, 512);

    q = p;
    assert_int_equal(td_edge_set(&p, "pe_z", 1, &err), TD_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "pe_z"));
    const struct {
        const char *key;
        double value;
    } wrong[] = {{"pe_x", 0},           {"pe_x", 1.5},      {"pe_x", NAN},     {"simd", -4},
                 {"lanes", INFINITY},   {"rf_kb", 1e-4},    {"rf_kb", 0},      {"local_kb", 1e12},
                 {"io_gbps", 0},        {"clock_ghz", -1},  {"lane_um2", -2},  {"min_macs", -1},
                 {"max_rf_share", -.5}, {"local_ports", 0}, {"local_ports", 3}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(td_edge_set(&p, wrong[i].key, wrong[i].value, &err), TD_E_USAGE);
        assert_non_null(strstr(err.message, wrong[i].key));
        assert_non_null(strstr(err.message, "expected"));
    }
    assert_int_equal(td_edge_set(&p, "simd", -4, NULL), TD_E_USAGE);
    assert_memory_equal(&p, &q, sizeof p); /* unchanged by failures */
    assert_true(isnan(td_edge_get(&p, "nothing")));
}

/* Fields that the caller filled by hand are held to the same ranges; products do not overflow. */
static void wild_parameters(void **state) {
    (void)state;
    fixture f;
    td_error err = {0};
    td_hw hw;
    td_area a;
    open_template(&f, "edge");
    td_edge p = f.p;
    p.pe_x = 0;
    assert_int_equal(td_edge_build(&p, &f.tech, &hw, NULL, &err), TD_E_USAGE);
    assert_non_null(strstr(err.message, "pe_x: expected"));
    assert_int_equal(td_edge_area(&p, &f.tech, &a, &err), TD_E_USAGE);
    p = f.p;
    p.pe_x = p.pe_y = 1024;
    p.lanes = 4096;
    assert_int_equal(td_edge_build(&p, &f.tech, &hw, NULL, &err), TD_E_USAGE);
    assert_non_null(strstr(err.message, "MACs"));
    p = f.p;
    p.clock_hz = NAN;
    assert_int_equal(td_edge_build(&p, &f.tech, &hw, NULL, &err), TD_E_USAGE);
    assert_non_null(strstr(err.message, "clock_ghz"));
    td_edge_init(&p);
    assert_int_equal(td_edge_build(&p, &f.tech, &hw, NULL, &err), TD_E_USAGE);
    close_template(&f);
}

/* Template -> YAML -> template -> the same machine, for both files and odd values. */
static void template_round_trip(void **state) {
    (void)state;
    static const char *const names[] = {"edge", "micro"};
    for (int i = 0; i < 2; i++) {
        fixture f;
        td_error err = {0};
        open_template(&f, names[i]);
        for (int odd = 0; odd < 200; odd++) {
            td_edge p = f.p, q;
            if (odd > 0) {
                assert_ok(td_edge_set(&p, "io_gbps", .1 * odd, &err), &err);
                assert_ok(td_edge_set(&p, "clock_ghz", 1.0 / odd, &err), &err);
                assert_ok(td_edge_set(&p, "local_kb", 4096 + odd / 8.0, &err), &err);
            }
            td_text text = {0};
            td_arena *a = td_arena_create();
            const td_node *doc;
            td_node_to_yaml(td_edge_to_node(&p, a), &text);
            assert_ok(td_yaml_parse(a, text.data, text.size, "t", &doc, &err), &err);
            assert_ok(td_edge_from_node(doc, &q, &err), &err);
            assert_string_equal(p.tech, q.tech);
            for (int k = 0; td_edge_key(k) != NULL; k++)
                assert_near(td_edge_get(&p, td_edge_key(k)), td_edge_get(&q, td_edge_key(k)), 0);
            assert_near(p.io_bytes_per_s, q.io_bytes_per_s, 0);
            assert_near(p.clock_hz, q.clock_hz, 0);
            assert_int_equal(p.local_bytes, q.local_bytes);
            td_text_free(&text);
            td_arena_destroy(a);
        }
        close_template(&f);
    }
}

static void template_errors(void **state) {
    (void)state;
#define GOOD                                                                                       \
    "pe_x: 2\npe_y: 2\nsimd: 16\nlanes: 2\nlocal_kb: 64\nrf_kb: 1\nio_gbps: 1\nclock_ghz: "        \
    "1\nport_bytes: 16\n"
    static const struct {
        const char *yaml, *message;
    } cases[] = {
        {"template: edge\ntech: 22nm\n" GOOD "space: {pe_x: [1]}\nname: a\n", NULL},
        {"template: edge\n" GOOD, "missing key \"tech\""},
        {"template: edge\ntech: 22nm\npe_x: 2\n", "missing key \"pe_y\""},
        {"template: grid\ntech: 22nm\n" GOOD,
         "t.yaml:1: template: expected the name of a template"},
        {"template: edge\ntech: 22nm\n" GOOD "rf_kbs: 2\n", "rf_kb"},
        {"template: edge\ntech: 22nm\n" GOOD "pe_um2: fast\n",
         "t.yaml:12: pe_um2: expected a number"},
        {"template: edge\ntech: 22nm\n" GOOD "local_ports: 3\n",
         "t.yaml:12: local_ports: expected a number in [1, 2]"},
        {"template: edge\ntech: 22nm\n" GOOD "route_extra: 1.5\n",
         "t.yaml:12: route_extra: expected a whole number in [0, 65536], found 1.5"},
        {"template: edge\ntech: 22nm\n" GOOD "min_total_kb: 1.00001\n",
         "t.yaml:12: min_total_kb: expected a multiple of 1/1024 (whole bytes) in [0, 1073741824], "
         "found 1.00001"},
        {"template: edge\ntech: ''\n" GOOD, "t.yaml:2: tech: expected a node or a path"},
        {"- 1\n", "expected a map"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        td_arena *a = td_arena_create();
        td_error err = {0};
        td_edge p;
        const td_node *doc;
        assert_ok(td_yaml_parse(a, cases[i].yaml, strlen(cases[i].yaml), "t.yaml", &doc, &err),
                  &err);
        td_status s = td_edge_from_node(doc, &p, &err);
        if (cases[i].message == NULL) {
            assert_ok(s, &err);
        } else {
            assert_int_equal(s, TD_E_INPUT);
            if (strstr(err.message, cases[i].message) == NULL)
                fail_msg("\"%s\" does not hold \"%s\"", err.message, cases[i].message);
        }
        td_arena_destroy(a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters),
        cmocka_unit_test(wild_parameters),
        cmocka_unit_test(template_round_trip),
        cmocka_unit_test(template_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Technology tables: what is shipped, where its numbers come from, and that nothing gets in without
 * a unit and a source. */
#include "common.h"

#include "tandem/hw.h"

/* Two shipped nodes, and what has to hold between and within them. */
static void shipped_values(void **state) {
    (void)state;
    td_tech a, b;
    td_error err = {0};
    assert_ok(td_tech_load("22nm", &a, &err), &err);
    assert_ok(td_tech_load("7nm", &b, &err), &err);
    assert_string_equal(a.node, "22nm");
    assert_string_equal(b.node, "7nm");
    /* A bit cell of .10 and .027 um2 with 60 % array efficiency. */
    assert_near(a.sram_mm2_per_mb, .10 * 8 * 1048576 / .6 * 1e-6, .005);
    assert_near(b.sram_mm2_per_mb, .027 * 8 * 1048576 / .6 * 1e-6, .005);
    assert_near(a.rf_mm2_per_mb / a.sram_mm2_per_mb, 2.5, 1e-12);
    assert_near(b.rf_mm2_per_mb / b.sram_mm2_per_mb, 2.5, 1e-12);
    /* The newer node is smaller and cheaper in everything but leakage and DRAM. */
    assert_true(b.mac_um2 < a.mac_um2 && b.mac_pj < a.mac_pj &&
                b.rf_pj_per_byte < a.rf_pj_per_byte);
    assert_true(b.pe_um2 < a.pe_um2 && b.lane_um2 < a.lane_um2 && b.fixed_mm2 < a.fixed_mm2);
    assert_true(b.sram_pj_per_byte < a.sram_pj_per_byte && b.io_mm2_per_gbps < a.io_mm2_per_gbps);
    assert_true(b.noc_pj_per_byte_mm < a.noc_pj_per_byte_mm && b.vector_pj < a.vector_pj);
    assert_true(b.leak_w_per_mm2 > a.leak_w_per_mm2);
    assert_near(b.dram_pj_per_byte, a.dram_pj_per_byte, 0);
    /* Each step of the hierarchy costs more per byte than the one inside it. */
    for (int i = 0; i < 2; i++) {
        const td_tech *t = i == 0 ? &a : &b;
        assert_true(t->rf_pj_per_byte < t->sram_pj_per_byte &&
                    t->sram_pj_per_byte < t->dram_pj_per_byte);
    }
}

/* Area factor from 45 nm to the node of a column of area_scaling.csv. */
static double scaling(FILE *f, int to_nm) {
    char line[256];
    int column = -1, nm[16];
    double factor = NAN;
    while (fgets(line, sizeof line, f) != NULL) {
        int i = 0, row = 0;
        for (char *save, *cell = strtok_r(line, ",\n", &save); cell != NULL;
             cell = strtok_r(NULL, ",\n", &save), i++) {
            if (i == 0)
                row = atoi(cell);
            else if (row == 0 && i < 16) /* the heading */
                nm[i] = atoi(cell), column = nm[i] == to_nm ? i : column;
            else if (row == 45 && i == column)
                factor = atof(cell);
        }
    }
    rewind(f);
    return factor;
}

/* mac_um2 = 3,224 NAND2 equivalents x .798 um2 at 45 nm x area scaling / .7 utilisation; 22 nm
 * stands between 32 and 20 nm, interpolated in the logarithms. */
static void mac_area_from_scaling(void **state) {
    (void)state;
    const char *path = shared_path("data/technology_scaling/area_scaling.csv");
    if (path == NULL) skip();
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    double to_32 = scaling(f, 32), to_20 = scaling(f, 20), to_7 = scaling(f, 7);
    fclose(f);
    double share = log(32. / 22) / log(32. / 20);
    double to_22 = to_32 * pow(to_20 / to_32, share), at_45 = 3224 * .798 / .7;
    td_tech a, b;
    td_error err = {0};
    assert_ok(td_tech_load("22nm", &a, &err), &err);
    assert_ok(td_tech_load("7nm", &b, &err), &err);
    assert_near(a.mac_um2 / (at_45 * to_22), 1, .02);
    assert_near(b.mac_um2 / (at_45 * to_7), 1, .02);
}

/* ---- reading ---- */

/* A shipped table with one text replaced by another. */
static td_status altered_file(const char *file, const char *what, const char *by, td_tech *t,
                              td_error *err) {
    td_error fault = {0};
    td_arena *a = td_arena_create();
    const char *path;
    char *text;
    size_t size;
    const td_node *doc;
    td_text out = {0};
    assert_ok(td_data_find(a, file, &path, &fault), &fault);
    assert_ok(td_file_read(path, 0, &text, &size, &fault), &fault);
    char *at = strstr(text, what);
    assert_non_null(at);
    td_text_add_bytes(&out, text, (size_t)(at - text));
    td_text_add(&out, by);
    td_text_add(&out, at + strlen(what));
    assert_ok(td_yaml_parse(a, out.data, out.size, "t.yaml", &doc, &fault), &fault);
    td_status s = td_tech_from_node(doc, t, err);
    td_text_free(&out);
    free(text);
    td_arena_destroy(a);
    return s;
}

static td_status altered(const char *what, const char *by, td_tech *t, td_error *err) {
    return altered_file("tech/22nm.yaml", what, by, t, err);
}

/* Timeloop's built-in table: the figures of its own formula, worked out by hand. */
static void line_form(void **state) {
    (void)state;
    td_tech t;
    td_error err = {0};
    assert_ok(td_tech_load("pat", &t, &err), &err);
    assert_true(!td_tech_whole(&t));
    assert_near(td_tech_mac_pj(&t, 16, 16), 1, 0);
    assert_near(td_tech_mac_pj(&t, 8, 4), .125, 0);
    assert_near(td_tech_access_pj(&t, TD_DRAM, -1, 64), 800, 0);
    /* The two points of the line, at 16 and at 64 bits. */
    assert_near(td_tech_access_pj(&t, TD_SRAM, .5 * 8192, 16), 1, 1e-15);
    assert_near(td_tech_access_pj(&t, TD_SRAM, 100 * 8192, 64), 24, 1e-12);
    assert_near(td_tech_access_pj(&t, TD_REGFILE, 16 * 16, 16), .976, .0005);
    assert_near(td_tech_access_pj(&t, TD_REGFILE, 192 * 16, 16), .994, .0005);
    assert_near(td_tech_access_pj(&t, TD_REGFILE, 12 * 16, 16), .976, .0005);
    assert_near(td_tech_access_pj(&t, TD_SRAM, 128 * 8192, 16), 7.407, .0005);

    /* It has no areas: no template can be built from it. */
    td_edge p;
    td_edge_init(&p);
    p.pe_x = p.pe_y = p.simd = p.lanes = 1;
    p.local_bytes = p.rf_bytes = 1024;
    p.port_bytes = 16;
    p.io_bytes_per_s = p.clock_hz = 1e9;
    td_hw hw;
    td_area area;
    assert_int_equal(td_edge_build(&p, &t, &hw, NULL, &err), TD_E_INPUT);
    assert_non_null(strstr(err.message, "technology pat has energies only"));
    assert_int_equal(td_edge_area(&p, &t, &area, &err), TD_E_INPUT);

    static const struct {
        const char *what, *by, *message;
    } cases[] = {
        {"form: line", "form: lines", "form: expected \"line\", found \"lines\""},
        {"form: line", "", "mac_bits"},
        {"mac_bits:", "mac_um2:", "mac_um2"},
        {"value: 100", "value: 0.5", "large_kb: expected more than small_kb"},
        {"value: 6", "value: 0.5", "large_word_pj: expected a line that rises"},
        {"value: 0.5", "value: 50", "large_word_pj: expected a line that rises"},
        {"unit: KB", "unit: B", "small_kb.unit: expected \"KB\", found \"B\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(altered_file("tech/pat.yaml", cases[i].what, cases[i].by, &t, &err),
                         TD_E_INPUT);
        if (strstr(err.message, cases[i].message) == NULL)
            fail_msg("case %zu: \"%s\" does not hold \"%s\"", i, err.message, cases[i].message);
    }
}

static void faults(void **state) {
    (void)state;
    static const struct {
        const char *what, *by, *message;
    } cases[] = {
        {"node: 22nm", "nodes: 22nm", "node"},
        {"node: 22nm", "node: ''", "node: expected a text"},
        {"node: 22nm", "node: a-name-that-is-too-long", "node: expected a name of at most 15"},
        {"mac_um2:", "mac_um3:", "mac_um2"},
        {"value: 900", "value: -900", "mac_um2.value: expected a number > 0"},
        {"value: 900", "value: 9e+12", "mac_um2.value: expected"},
        {"value: 900", "value: many", "mac_um2.value: expected a number"},
        {"value: 900", "values: 900", "value"},
        {"unit: um2", "unit: mm2", "mac_um2.unit: expected \"um2\", found \"mm2\""},
        {"unit: um2", "about: um2", "about"},
        {"confidence: computed", "confidence: sure",
         "mac_um2.confidence: expected verified, computed"},
        {"confidence: computed", "", "missing key \"confidence\""},
        {"mac_pj:", "mac_pj: 0.17\nabout:", "mac_pj: expected a map"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        td_tech t = {.mac_um2 = 77};
        td_error err = {0};
        assert_int_equal(altered(cases[i].what, cases[i].by, &t, &err), TD_E_INPUT);
        if (strstr(err.message, cases[i].message) == NULL || strstr(err.message, "t.yaml") == NULL)
            fail_msg("case %zu: \"%s\" does not hold \"%s\"", i, err.message, cases[i].message);
        assert_near(t.mac_um2, 77, 0); /* untouched */
        assert_int_equal(altered(cases[i].what, cases[i].by, &t, NULL), TD_E_INPUT);
    }
    td_tech t;
    td_error err = {0};
    assert_ok(altered("value: 900", "value: 901", &t, &err), &err);
    assert_near(t.mac_um2, 901, 0);
    assert_int_equal(td_tech_load("14nm", &t, &err), TD_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "did you mean \"16nm\"?"));
    assert_int_equal(td_tech_load("tsmc-5", &t, &err), TD_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "16nm, 22nm, 28nm, 45nm, 7nm, pat"));
    assert_int_equal(td_tech_load("./14nm.yaml", &t, &err), TD_E_NOT_FOUND);
    assert_ok(td_tech_load(TD_TEST_SOURCE "/tech/7nm.yaml", &t, &err), &err);
}

/* Every coefficient has its say: the area or the energy of the edge baseline, or of a smaller chip,
 * follows it. */
static void every_coefficient_counts(void **state) {
    (void)state;
    td_error err = {0};
    td_arena *a = td_arena_create();
    const char *path;
    const td_node *doc;
    td_edge p;
    td_tech t;
    td_hw hw;
    assert_ok(td_hw_find(a, "edge", &path, &err), &err);
    assert_ok(td_node_load(a, path, &doc, &err), &err);
    assert_ok(td_edge_from_node(doc, &p, &err), &err);
    assert_ok(td_tech_load("22nm", &t, &err), &err);
    assert_ok(td_edge_build(&p, &t, &hw, NULL, &err), &err);
    uint64_t before = td_hw_hash(&hw);
    for (size_t at = offsetof(td_tech, mac_um2); at < sizeof t; at += sizeof(double)) {
        double value, larger;
        memcpy(&value, (char *)&t + at, sizeof value);
        larger = value * 1.01 + 1e-6;
        memcpy((char *)&t + at, &larger, sizeof larger);
        assert_ok(td_edge_build(&p, &t, &hw, NULL, &err), &err);
        if (td_hw_hash(&hw) == before) fail_msg("coefficient at offset %zu counts for nothing", at);
        memcpy((char *)&t + at, &value, sizeof value);
    }
    assert_ok(td_edge_build(&p, &t, &hw, NULL, &err), &err);
    assert_int_equal(td_hw_hash(&hw), before);
    td_arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shipped_values),
        cmocka_unit_test(mac_area_from_scaling),
        cmocka_unit_test(line_form),
        cmocka_unit_test(faults),
        cmocka_unit_test(every_coefficient_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

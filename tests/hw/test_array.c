/* The template spatial-array: Eyeriss as a point of it, energies by Timeloop's formulas written
 * down again, rules against conditions of their own. */
#include "common.h"

#include "tandem/hw.h"

enum { PSUM, WEIGHT, INPUT, BUFFER, DRAM };

static td_template shipped(td_tech *tech) {
    td_arena *a = td_arena_create();
    td_error err = {0};
    const char *path;
    const td_node *doc;
    td_template t;
    assert_ok(td_hw_find(a, "eyeriss", &path, &err), &err);
    assert_ok(td_node_load(a, path, &doc, &err), &err);
    assert_ok(td_template_from_node(doc, &t, &err), &err);
    assert_int_equal(t.kind, TD_TEMPLATE_ARRAY);
    assert_ok(td_tech_load(td_template_tech(&t), tech, &err), &err);
    td_arena_destroy(a);
    return t;
}

static void build(const td_template *t, const td_tech *tech, td_hw *hw) {
    td_error err = {0};
    assert_ok(td_template_build(t, tech, hw, NULL, &err), &err);
    assert_ok(td_hw_check(hw, &err), &err);
}

/* Words, instances, columns; what a word costs by the line of the table, as published. */
static void eyeriss(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int64_t words;
        int32_t instances, mesh_x;
        double bw, pj, within;
    } is[] = {{"PsumRF", 16, 168, 14, INFINITY, .976, 5e-4},
              {"WeightRF", 192, 168, 14, INFINITY, .994, 5e-4},
              {"InputRF", 12, 168, 14, INFINITY, .976, 5e-4},
              {"Buffer", 55296, 1, 1, 256, 1 + 5 / 99.5 * 107.5, 1e-12},
              {"DRAM", -1, 1, 1, 64, 200, 0}};
    td_tech tech;
    td_template t = shipped(&tech);
    td_hw hw;
    build(&t, &tech, &hw);
    assert_int_equal(hw.n, 5);
    for (int l = 0; l < hw.n; l++) {
        const td_level *v = &hw.level[l];
        assert_string_equal(v->name, is[l].name);
        assert_int_equal(v->capacity_bits, is[l].words < 0 ? -1 : 16 * is[l].words);
        assert_int_equal(v->instances, is[l].instances);
        assert_int_equal(v->mesh_x, is[l].mesh_x);
        assert_true(v->read_bw == is[l].bw && v->write_bw == is[l].bw);
        assert_true(isinf(v->shared_bw));
        assert_near(v->read_pj, is[l].pj, is[l].within);
        assert_true(v->fill_pj == v->read_pj && v->update_pj == v->read_pj);
    }
    assert_int_equal(hw.mac.instances, 168);
    assert_int_equal(hw.mac.mesh_x, 14);
    assert_near(hw.mac.energy_pj, 1, 0);
    assert_true(isnan(hw.area_mm2) && hw.relative_energy);
    assert_int_equal(td_hw_fanout(&hw, BUFFER, TD_AXIS_X), 14);
    assert_int_equal(td_hw_fanout(&hw, BUFFER, TD_AXIS_Y), 12);
    for (int k = 0; td_template_key(&t, k) != NULL; k++) /* and it is the file's own parameters */
        assert_true(!isnan(td_template_get(&t, td_template_key(&t, k))));
}

static const td_node *at(const td_node *n, const char *key) {
    n = td_node_find(n, key);
    assert_non_null(n);
    return n;
}

/* The description of Eyeriss on which Timeloop's mapper ran. */
static void as_timeloop_has_it(void **state) {
    (void)state;
    const char *path = shared_path("reference/timeloop/mapper_baseline.json");
    if (path == NULL) skip();
    td_arena *a = td_arena_create();
    td_error err = {0};
    const td_node *doc;
    assert_ok(td_node_load(a, path, &doc, &err), &err);
    const td_node *levels = at(at(at(at(doc, "archs"), "eyeriss168"), "arch"), "levels");
    td_tech tech;
    td_template t = shipped(&tech);
    td_hw hw;
    build(&t, &tech, &hw);
    assert_int_equal(levels->count, hw.n);
    for (int l = 0; l < hw.n; l++) {
        const td_node *m = levels->item[l], *words = at(m, "capacity_words");
        const td_level *v = &hw.level[l];
        static const char *const bw[] = {"read_bw", "write_bw", "shared_bw"};
        const double mine[] = {v->read_bw, v->write_bw, v->shared_bw};
        assert_int_equal(v->word_bits, at(m, "word_bits")->integer);
        if (words->kind == TD_NULL)
            assert_int_equal(v->capacity_bits, -1);
        else
            assert_int_equal(v->capacity_bits, 16 * words->integer);
        assert_int_equal(v->instances, at(m, "instances")->integer);
        assert_int_equal(v->mesh_x, at(m, "mesh_x")->integer);
        assert_int_equal(v->block_bits, 16 * at(m, "block_words")->integer);
        assert_near(v->buffering, at(m, "multiple_buffering")->real, 0);
        for (int k = 0; k < 3; k++) {
            const td_node *b = at(m, bw[k]);
            assert_true(mine[k] == (b->kind == TD_NULL ? INFINITY : 16 * b->real));
        }
    }
    td_arena_destroy(a);
}

/* Timeloop's: a memory of height x width bits; the access of an instance is its share of it. */
static double sram_access(int64_t entries, int block, int cluster) {
    double width = 16.0 * block * cluster, height = (double)((entries + block - 1) / block);
    double kb = height * width / 8 / 1024;
    return width / 16 * (5 / 99.5 * (kb - .5) + 1) / cluster;
}

static void blocks_and_clusters(void **state) {
    (void)state;
    td_tech tech;
    td_template t = shipped(&tech);
    td_hw hw;
    int points = 0;
    for (int x = 1; x <= 14; x++)
        for (int y = 1; y <= 12; y++)
            for (int block = 1; block <= 16; block *= 2)
                for (int cluster = 1; cluster <= 8; cluster++) {
                    if (14 % x != 0 || 12 % y != 0 || x * y % cluster != 0 || y == 12) continue;
                    td_array *p = &t.of.array;
                    p->buffer_x = x;
                    p->buffer_y = y;
                    p->block = block;
                    p->cluster = cluster;
                    build(&t, &tech, &hw);
                    const td_level *v = &hw.level[BUFFER];
                    int64_t words = 55296 / (x * y);
                    assert_int_equal(v->instances, x * y);
                    assert_int_equal(v->capacity_bits, 16 * words);
                    assert_int_equal(v->block_bits, 16 * block);
                    double pj = sram_access(words, block, cluster);
                    assert_near(v->read_pj, pj, 1e-12 * pj);
                    assert_near(v->read_bw, 256, 0);
                    assert_int_equal(td_hw_fanout(&hw, BUFFER, TD_AXIS_X), 14 / x);
                    assert_int_equal(td_hw_fanout(&hw, BUFFER, TD_AXIS_Y), 12 / y);
                    assert_int_equal(td_hw_fanout(&hw, DRAM, TD_AXIS_X), x);
                    points++;
                }
    assert_true(points > 200);
}

/* R and S in one place each; the register files one place for loops in time. */
static void places(void **state) {
    (void)state;
    td_tech tech;
    td_template t = shipped(&tech);
    const unsigned R = TD_BIT(TD_R), S = TD_BIT(TD_S);
    for (int k = 0; k < 8; k++) {
        td_hw hw;
        t.of.array.filter_width = k & 1 ? 2 : 1;
        t.of.array.filter_height = k & 2 ? 2 : 1;
        t.of.array.row_stationary = k >> 2;
        build(&t, &tech, &hw);
        const unsigned spread = (k & 1 ? R : 0) | (k & 2 ? S : 0);
        for (int l = 0; l < hw.n; l++)
            for (int axis = 0; axis < TD_NAXIS; axis++) {
                unsigned want = 0;
                if (l == BUFFER && axis == TD_AXIS_Y) want = spread;
                if (l == (k >> 2 ? WEIGHT : PSUM) && axis == TD_AXIS_T) want = (R | S) & ~spread;
                assert_int_equal(hw.rules.allowed[l][axis] & (R | S), want);
                if (k >> 2 == 0 && (l == WEIGHT || l == INPUT))
                    assert_int_equal(hw.rules.allowed[l][axis], 0);
            }
    }
}

/* What the rules say, in other words: nothing is left over anywhere. */
static unsigned broken(const td_array *p) {
    unsigned mask = 0;
    int rows = 0;
    if (p->pes / p->mesh_x * p->mesh_x != p->pes)
        mask |= 1;
    else
        rows = p->pes / p->mesh_x;
    if (p->pe_words - p->input_words - p->weight_words < 1) mask |= 2;
    int column = 0, row = 0; /* PEs of an instance along X, along Y */
    for (int k = 1; k <= p->mesh_x; k++)
        if (k * p->buffer_x == p->mesh_x) column = k;
    for (int k = 1; k <= rows; k++)
        if (k * p->buffer_y == rows) row = k;
    if (column == 0 || (rows > 0 && row == 0)) mask |= 4;
    double each = (double)p->buffer_bytes / 2 / p->buffer_x / p->buffer_y;
    if (floor(each) < p->block) mask |= 8;
    if (fmod(p->buffer_x * p->buffer_y, p->cluster) != 0) mask |= 16;
    bool spread = p->filter_width == 2 || p->filter_height == 2;
    if (spread && rows > 0 && rows < 2 * p->buffer_y) mask |= 32;
    return mask;
}

static int32_t any(td_rng *r, int32_t lo, int32_t hi) {
    return lo + (int32_t)td_rng_below(r, (uint64_t)(hi - lo + 1));
}

static void rules(void **state) {
    (void)state;
    td_tech tech;
    td_template t = shipped(&tech);
    td_array *p = &t.of.array;
    td_rng r = td_rng_make(1, 0, TD_RNG_TEST);
    int seen[64] = {0}, alone[6] = {0}, built = 0;
    for (int i = 0; i < 200000; i++) {
        td_error err = {0};
        td_hw hw;
        int64_t missing = -1;
        p->mesh_x = any(&r, 1, 3) == 1 ? any(&r, 1, 170) : 14;
        p->input_words = any(&r, 1, 60);
        p->weight_words = any(&r, 1, 180);
        p->buffer_x = any(&r, 1, 4);
        p->buffer_y = any(&r, 1, 6) + (any(&r, 1, 8) == 1 ? 6 : 0);
        p->buffer_bytes = any(&r, 1, 20) == 1 ? any(&r, 1, 64) : 108 << 10;
        p->block = any(&r, 1, 8);
        p->cluster = any(&r, 1, 3);
        p->filter_width = any(&r, 1, 2);
        p->filter_height = any(&r, 1, 2);
        const unsigned mask = broken(p);
        assert_int_equal(td_template_broken(&t), mask);
        td_status s = td_template_build(&t, &tech, &hw, &missing, &err);
        assert_int_equal(s, mask == 0 ? TD_OK : TD_E_INFEASIBLE);
        seen[mask]++;
        if (mask == 0) {
            built++;
            assert_ok(td_hw_check(&hw, &err), &err);
            continue;
        }
        int first = 0;
        while (!(mask & TD_BIT(first))) first++;
        const char *name = td_template_rule_name(&t, first);
        if (strncmp(err.message, "rule ", 5) != 0 ||
            strncmp(err.message + 5, name, strlen(name)) != 0)
            fail_msg("\"%s\" does not name %s", err.message, name);
        assert_int_equal(missing > 0, first == 1 || first == 3);
        if (mask != TD_BIT(first)) continue;
        alone[first]++;
        /* so many bytes more and it is as it should be, a word fewer and it is not */
        td_template more = t;
        if (first == 1) more.of.array.pe_words += (int32_t)missing / 2;
        if (first == 3)
            more.of.array.buffer_bytes =
                (p->buffer_bytes / 2 / (p->buffer_x * p->buffer_y) + missing / 2) * 2 *
                p->buffer_x * p->buffer_y;
        if (first == 1 || first == 3) {
            assert_int_equal(td_template_broken(&more), 0);
            if (first == 1) more.of.array.pe_words--;
            if (first == 3) more.of.array.buffer_bytes -= 2;
            assert_int_equal(td_template_broken(&more), mask);
        }
    }
    assert_true(built > 5000);
    for (int k = 0; k < 6; k++) assert_true(alone[k] > 20);
    assert_null(td_template_rule_name(&t, 6));
}

static void features(void **state) {
    (void)state;
    td_tech tech;
    td_template t = shipped(&tech);
    double v[TD_MAX_FEATURES], low[TD_MAX_FEATURES], high[TD_MAX_FEATURES];
    const int n = td_template_features(&t, NULL);
    assert_true(n >= 12 && n <= TD_MAX_FEATURES);
    assert_int_equal(td_template_features(&t, v), n);
    assert_near(v[0], log2(14. / 12) / log2(168), 1e-12);
    assert_near(v[2] + v[3] + v[4], 1, 1e-12);
    td_rng r = td_rng_make(2, 0, TD_RNG_TEST);
    td_array *p = &t.of.array;
    for (int k = 0; k < n; k++) low[k] = INFINITY, high[k] = -INFINITY;
    for (int i = 0; i < 200000; i++) {
        p->mesh_x = any(&r, 1, 168);
        p->input_words = any(&r, 1, 100);
        p->weight_words = any(&r, 1, 200);
        p->buffer_x = any(&r, 1, 14);
        p->buffer_y = any(&r, 1, 14);
        p->block = any(&r, 1, 16);
        p->cluster = any(&r, 1, 8);
        p->filter_width = any(&r, 1, 2);
        p->filter_height = any(&r, 1, 2);
        assert_int_equal(td_template_features(&t, v), n);
        for (int k = 0; k < n; k++) { /* whatever is asked for can be told, */
            assert_true(isfinite(v[k]));
            if (broken(p) != 0) continue;
            low[k] = fmin(low[k], v[k]); /* and what can be built has a scale */
            high[k] = fmax(high[k], v[k]);
        }
    }
    for (int k = 0; k < n; k++) {
        assert_true(low[k] >= -1 && high[k] <= 1);
        assert_true(high[k] - low[k] > .3);
    }
    td_template edge = {.kind = TD_TEMPLATE_EDGE};
    assert_int_equal(td_template_features(&edge, v), 0);
}

static void round_trip(void **state) {
    (void)state;
    td_tech tech;
    td_template t = shipped(&tech), u;
    td_error err = {0};
    for (int odd = 1; odd < 50; odd++) {
        assert_ok(td_template_set(&t, "dram_bw", .1 * odd, &err), &err);
        assert_ok(td_template_set(&t, "buffer_kb", 100 + odd / 8.0, &err), &err);
        assert_ok(td_template_set(&t, "row_stationary", odd % 2, &err), &err);
        td_arena *a = td_arena_create();
        td_text text = {0};
        const td_node *doc;
        td_hw x, y;
        td_node_to_yaml(td_template_to_node(&t, a), &text);
        assert_ok(td_yaml_parse(a, text.data, text.size, "t", &doc, &err), &err);
        assert_ok(td_template_from_node(doc, &u, &err), &err);
        build(&t, &tech, &x);
        build(&u, &tech, &y);
        assert_true(td_hw_hash(&x) == td_hw_hash(&y));
        assert_ok(td_hw_from_node(td_hw_to_node(&x, a), &y, &err), &err); /* and in full */
        assert_true(td_hw_hash(&x) == td_hw_hash(&y));
        td_text_free(&text);
        td_arena_destroy(a);
    }
    assert_int_equal(td_template_set(&t, "pe_x", 1, &err), TD_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "spatial-array"));
    assert_int_equal(td_template_set(&t, "filter_width", 3, &err), TD_E_USAGE);
}

static void errors(void **state) {
    (void)state;
#define GOOD                                                                                       \
    "tech: pat\npes: 16\nmesh_x: 4\npe_words: 20\ninput_words: 4\nweight_words: 8\n"               \
    "buffer_kb: 8\nbuffer_bw: 4\ndram_bw: 1\nclock_ghz: 1\n"
    static const struct {
        const char *yaml, *message;
    } cases[] = {
        {"template: spatial-array\n" GOOD, NULL},
        {"template: spacial-array\n" GOOD, "t.yaml:1: template: expected the name of a template"},
        {"template: spacial-array\n" GOOD, "did you mean \"spatial-array\""},
        {"template: edge\n" GOOD, "t.yaml:3: unknown key \"pes\""},
        {"template: spatial-array\n" GOOD "filter_height: 3\n",
         "t.yaml:12: filter_height: expected a number in [1, 2]"},
        {"template: spatial-array\n" GOOD "bloc: 3\n", "block"},
        {"template: spatial-array\ntech: pat\npes: 16\n", "missing key \"mesh_x\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        td_arena *a = td_arena_create();
        td_error err = {0};
        td_hw hw;
        const td_node *doc;
        assert_ok(td_yaml_parse(a, cases[i].yaml, strlen(cases[i].yaml), "t.yaml", &doc, &err),
                  &err);
        td_status s = td_hw_from_node(doc, &hw, &err);
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
        cmocka_unit_test(eyeriss),
        cmocka_unit_test(as_timeloop_has_it),
        cmocka_unit_test(blocks_and_clusters),
        cmocka_unit_test(places),
        cmocka_unit_test(rules),
        cmocka_unit_test(features),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

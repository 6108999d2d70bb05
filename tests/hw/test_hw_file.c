/* Accelerators as files: levels in YAML and JSON both ways, defaults, faults with their places,
 * what is shipped. */
#include "common.h"

#include <dirent.h>
#include <unistd.h>

#include "small_hw.h"

static void through_text(const td_hw *hw, bool json, td_hw *back) {
    td_error err = {0};
    td_arena *a = td_arena_create();
    td_text text = {0};
    const td_node *doc;
    td_node *node = td_hw_to_node(hw, a);
    assert_non_null(node);
    if (json)
        td_node_to_json(node, 2, &text);
    else
        td_node_to_yaml(node, &text);
    assert_false(text.failed);
    if (json)
        assert_ok(td_json_parse(a, text.data, text.size, "t.json", 1, &doc, &err), &err);
    else
        assert_ok(td_yaml_parse(a, text.data, text.size, "t.yaml", &doc, &err), &err);
    assert_ok(td_hw_from_node(doc, back, &err), &err);
    td_text_free(&text);
    td_arena_destroy(a);
}

static void same(const td_hw *a, const td_hw *b) {
    assert_int_equal(td_hw_hash(a), td_hw_hash(b));
    assert_string_equal(a->name, b->name);
    assert_string_equal(a->node, b->node);
    for (int i = 0; i < a->n; i++) assert_string_equal(a->level[i].name, b->level[i].name);
}

static void round_trip(void **state) {
    (void)state;
    td_error err = {0};
    td_hw hw[6], back;
    hw[0] = small();
    hw[1] = small();
    hw[1].area_mm2 = NAN;
    hw[1].vec = (td_vector_unit){0};
    hw[1].node[0] = 0;
    hw[1].rules.pad = true;
    hw[1].rules.allowed[0][TD_AXIS_X] = 0;
    hw[1].rules.single[1][TD_AXIS_Y] = 1;
    hw[1].rules.one_axis = true;
    hw[1].rules.im2col = true;
    assert_ok(td_map_order_set(&hw[1].rules, 1, "KPQ", &err), &err);
    hw[1].level[0].read_bw = INFINITY;
    hw[1].level[0].buffering = 1.5;
    hw[1].level[0].read_pj = 1.0 / 3;
    hw[1].level[1].shares = 0;
    hw[1].level[1].reduce = 0;
    hw[1].level[1].timing =
        (td_level_timing){.hop_x = 1, .hop_y = 2, .shift_y = 3, .fold = TD_BIT(TD_I)};
    hw[1].level[0].timing = (td_level_timing){.hop_x = 7};
    hw[1].level[0].reload = TD_BIT(TD_I);
    hw[1].level[2].timing = (td_level_timing){
        .start = 350.5, .command = 7.25, .latency = 1, .burst_bits = 512, .ramp = true};
    hw[2] = small();
    strcpy(hw[2].name, "a: [b] \"c\" # d");
    strcpy(hw[2].level[1].name, "null");
    hw[2].vec.bw = INFINITY;
    assert_ok(td_hw_load("edge", &hw[3], &err), &err);
    assert_ok(td_hw_load("micro", &hw[4], &err), &err);
    assert_ok(td_hw_load("eyeriss-168", &hw[5], &err), &err);
    for (int i = 0; i < 6; i++)
        for (int json = 0; json < 2; json++) {
            through_text(&hw[i], json, &back);
            same(&hw[i], &back);
        }
}

/* Letters outermost first; what is not named stands outside, in any order. */
static void orders(void **state) {
    (void)state;
    td_map_rules r = {0};
    td_error err = {0};
    char text[TD_NDIM + 1];
    assert_string_equal(td_map_order_text(&r, 0, text), "");
    assert_ok(td_map_order_set(&r, 1, "QK", &err), &err);
    assert_string_equal(td_map_order_text(&r, 1, text), "QK");
    assert_string_equal(td_map_order_text(&r, 0, text), "");
    assert_int_equal(r.place[1][TD_K], 1);
    assert_int_equal(r.place[1][TD_Q], 2);
    assert_int_equal(r.place[1][TD_N], 3);
    assert_int_equal(r.place[1][TD_S], 3);
    uint8_t dims[TD_NDIM] = {TD_N, TD_Q, TD_C, TD_K, TD_P, TD_R, TD_S, TD_G};
    const uint8_t sorted[TD_NDIM] = {TD_K, TD_Q, TD_N, TD_C, TD_P, TD_R, TD_S, TD_G};
    td_map_order_sort(r.place[1], dims);
    assert_memory_equal(dims, sorted, sizeof dims);
    assert_ok(td_map_order_set(&r, 1, "SRQPCKGN", &err), &err);
    assert_string_equal(td_map_order_text(&r, 1, text), "SRQPCKGN");
    const char *const wrong[] = {"KX", "KPK", "k"};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(td_map_order_set(&r, 1, wrong[i], &err), TD_E_INPUT);
        assert_non_null(strstr(err.message, wrong[i]));
    }
    assert_string_equal(td_map_order_text(&r, 1, text), "SRQPCKGN");
    assert_ok(td_map_order_set(&r, 1, "", &err), &err);
    assert_string_equal(td_map_order_text(&r, 1, text), "");
}

static td_status parse(const char *yaml, td_hw *hw, td_error *err) {
    td_arena *a = td_arena_create();
    const td_node *doc;
    td_error parse_err = {0};
    assert_ok(td_yaml_parse(a, yaml, strlen(yaml), "t.yaml", &doc, &parse_err), &parse_err);
    td_status s = td_hw_from_node(doc, hw, err);
    td_arena_destroy(a);
    return s;
}

#define HEAD "clock_hz: 1e9\nmac: {instances: 4}\n"
#define DRAM "  - {name: DRAM, instances: 1, capacity_bits: null}\n"

static void defaults(void **state) {
    (void)state;
    td_hw hw;
    td_error err = {0};
    assert_ok(parse(HEAD "levels:\n  - {name: RF, instances: 4, capacity_kb: 0.5, energy_pj: 2, "
                         "word_bits: 16, fill_pj: 3}\n" DRAM "space: {x: [1]}\n",
                    &hw, &err),
              &err);
    assert_string_equal(hw.name, "custom");
    assert_true(isnan(hw.area_mm2));
    assert_int_equal(hw.mac.mesh_x, 4);
    assert_int_equal(hw.mac.bits, 8);
    assert_int_equal(hw.vec.lanes, 0);
    assert_int_equal(hw.level[0].capacity_bits, 4096);
    assert_int_equal(hw.level[0].block_bits, 16);
    assert_near(hw.level[0].read_pj, 2, 0);
    assert_near(hw.level[0].fill_pj, 3, 0);
    assert_true(isinf(hw.level[0].read_bw));
    assert_int_equal(hw.level[0].may_keep, 7);
    assert_int_equal(hw.level[0].must_keep, 0);
    assert_int_equal(hw.level[0].reduce, TD_BIT(TD_O));
    assert_int_equal(hw.level[0].shares, -1);
    assert_int_equal(hw.rules.allowed[0][TD_AXIS_T], 0xff);
    assert_int_equal(hw.level[1].capacity_bits, -1);
    assert_int_equal(td_hw_fanout(&hw, 1, TD_AXIS_X), 4);
}

/* The innermost level stands at the MACs; no other has a default. */
static void innermost_instances(void **state) {
    (void)state;
    td_hw hw;
    td_error err = {0};
    assert_ok(parse("clock_hz: 1e9\nmac: {instances: 12, mesh_x: 4}\nlevels:\n"
                    "  - {name: R, capacity_bits: 8}\n" DRAM,
                    &hw, &err),
              &err);
    assert_true(hw.level[0].instances == 12 && hw.level[0].mesh_x == 4);
    assert_int_equal(td_hw_fanout(&hw, 1, TD_AXIS_Y), 3);
    assert_int_equal(parse(HEAD "levels:\n  - {name: R, capacity_bits: 8}\n"
                                "  - {name: S, capacity_bits: 8}\n" DRAM,
                           &hw, &err),
                     TD_E_INPUT);
    assert_non_null(strstr(err.message, "levels[1]: missing key \"instances\""));
}

/* lanes 0 is the same accelerator as no vector map, whatever else stands there. */
static void no_vector_unit(void **state) {
    (void)state;
    td_hw none, zero, back;
    td_error err = {0};
    assert_ok(parse(HEAD "levels:\n" DRAM, &none, &err), &err);
    assert_ok(parse(HEAD "vector: {lanes: 0, energy_pj: 1}\nlevels:\n" DRAM, &zero, &err), &err);
    assert_int_equal(zero.vec.lanes, 0);
    assert_int_equal(td_hw_hash(&zero), td_hw_hash(&none));
    through_text(&zero, false, &back);
    assert_int_equal(td_hw_hash(&back), td_hw_hash(&zero));
}

static void faults_in_files(void **state) {
    (void)state;
    static const struct {
        const char *yaml, *message;
    } cases[] = {
        {"- 1\n", "t.yaml:1: expected a map"},
        {"name: x\n", "expected either \"template\" or \"levels\", found neither"},
        {"template: edge\nlevels: []\n", "found both"},
        {"template: mesh\n", "t.yaml:1: template: expected the name of a template"},
        {"mac: {instances: 4}\nlevels:\n" DRAM, "missing key \"clock_hz\""},
        {"clock_hz: fast\nmac: {instances: 4}\nlevels:\n" DRAM,
         "t.yaml:1: clock_hz: expected a number"},
        {"clock_hz: 1e9\nlevels:\n" DRAM, "missing key \"mac\""},
        {"clock_hz: 1e9\nmac: {}\nlevels:\n" DRAM, "missing key \"instances\""},
        {"clock_hz: 1e9\nmac: {instances: 4, mesh_x: 3}\nlevels:\n" DRAM,
         "t.yaml:2: mac.mesh_x: expected a divisor of the instances, found 3"},
        {HEAD "levels:\n  - {name: A, instances: 4, mesh_x: 3, capacity_bits: 8}\n" DRAM,
         "t.yaml:4: levels[0].mesh_x: expected a divisor of the instances, found 3"},
        {"clock_hz: 1e9\nmac:\n  instances: 4\n  bits: 65\nlevels:\n" DRAM,
         "t.yaml:4: mac.bits: expected 1 to 64, found 65"},
        {HEAD
         "levels:\n  - name: A\n    instances: 1\n    capacity_bits: 8\n    word_bits: 65\n" DRAM,
         "t.yaml:7: levels[0].word_bits: expected 1 to 64, found 65"},
        {"clock_hz: 1e9\nmac: {instances: 4, engery_pj: 3}\nlevels:\n" DRAM, "energy_pj"},
        {HEAD "vector: {energy_pj: 1, bw: 8}\nlevels:\n" DRAM,
         "t.yaml:3: vector: missing key \"lanes\""},
        {HEAD "vector:\n  lanes: -1\nlevels:\n" DRAM, "t.yaml:4: vector.lanes: expected"},
        {HEAD "vector:\n  lanes: 1.5\nlevels:\n" DRAM, "t.yaml:4: vector.lanes: expected"},
        {HEAD "vector:\n  lanes: 4\n  energy_pj: -1\nlevels:\n" DRAM,
         "t.yaml:5: vector.energy_pj: expected"},
        {HEAD "vector:\n  lanes: 4\n  bw: -8\nlevels:\n" DRAM, "t.yaml:5: vector.bw: expected"},
        {HEAD "vector:\n  lanes: 4\n  bw: 0\nlevels:\n" DRAM, "t.yaml:5: vector.bw: expected"},
        {HEAD "levels:\n  - {name: A, instances: 1, capacity_bits: 8, class: sram}\n" DRAM,
         "levels[0].class: expected a technology table"},
        {HEAD
         "tech: pat\nlevels:\n  - {name: A, instances: 1, capacity_bits: 8, class: rom}\n" DRAM,
         "levels[0].class: expected regfile, sram or dram, found \"rom\""},
        {HEAD
         "tech: pat\nlevels:\n  - {name: A, instances: 1, capacity_bits: null, class: sram}\n" DRAM,
         "levels[0].class: an unbounded level has no capacity"},
        {HEAD "tech: pat\nlevels:\n  - {name: A, instances: 1, capacity_bits: 8}\n"
              "  - {name: B, instances: 1, capacity_bits: 8, shares: A, class: sram}\n" DRAM,
         "levels[1].class: a view has no storage of its own"},
        {HEAD "tech: pta\nlevels:\n" DRAM,
         "t.yaml:3: tech: pta: no such name in tech/, did you mean"},
        {HEAD "levels: []\n", "t.yaml:3: levels: expected 1 to 8 levels"},
        {HEAD "levels:\n" DRAM DRAM, "t.yaml:5: levels[1].name: level 0 has the same name"},
        {HEAD "levels:\n" DRAM DRAM DRAM DRAM DRAM DRAM DRAM DRAM DRAM,
         "expected 1 to 8 levels, found 9"},
        {HEAD "levels:\n  - 3\n", "t.yaml:4: levels[0]: expected a map"},
        {HEAD "levels:\n  - {name: A, instances: 1}\n",
         "expected either capacity_bits or capacity_kb (null: unbounded), found neither"},
        {HEAD "levels:\n  - {name: A, instances: 1, capacity_kb: 5}\n",
         "t.yaml:4: levels[0].capacity_kb: the outermost level holds everything: expected null "
         "(unbounded), found 5"},
        {HEAD "levels:\n  - {name: A, instances: 1, capacity_bits: 8, must_keep: WI, may_keep: "
              "O}\n" DRAM,
         "t.yaml:4: levels[0].must_keep: expected no tensor outside of may_keep, found WI"},
        {HEAD "levels:\n  - {name: A, instances: 1, capacity_kb: 1, capacity_bits: 8192}\n",
         "expected either capacity_bits or capacity_kb (null: unbounded), found both"},
        {HEAD "levels:\n  - {name: A, instances: 1, capacity_kb: 1.00001}\n" DRAM,
         "whole number of bits"},
        {HEAD "levels:\n  - {name: A, instances: 1, capacity_bits: -3}\n" DRAM,
         "levels[0].capacity_bits: expected"},
        {HEAD "levels:\n  - {name: A, instances: 3, capacity_bits: 8}\n" DRAM,
         "mac: mesh_x: expected a multiple"},
        {HEAD "levels:\n  - {name: A, instances: 1, capacity_bits: 8, may_keep: WX}\n" DRAM,
         "t.yaml:4: levels[0].may_keep: expected letters of \"WIO\""},
        {HEAD "levels:\n  - {name: A, instances: 1, capacity_bits: 8, may_keep: WW}\n" DRAM,
         "each at most once"},
        {HEAD "levels:\n  - {name: A, instances: 1, capacity_bits: 8, x: KZ}\n" DRAM,
         "letters of \"NKCPQRSG\""},
        {HEAD "levels:\n  - {name: A, instances: 1, capacity_bits: 8, read_bw: 0}\n" DRAM,
         "levels[0].read_bw: expected a number > 0"},
        {HEAD "levels:\n  - {name: A, instances: 1, capacity_bits: 8, shares: B}\n" DRAM,
         "levels[0].shares: expected the name of a level inside"},
        {HEAD "levels:\n  - name: A\n    instances: 1\n    capacity_bits: 8\n    timing: {hop_x: "
              "-1}\n" DRAM,
         "t.yaml:7: levels[0].timing.hop_x: expected"},
        {HEAD "levels:\n  - {name: A, instances: 1, capacity_bits: 8, timing: {hops: 1}}\n" DRAM,
         "hop_x"},
        {HEAD "levels:\n  - {name: A, instances: 1, capacity_bits: 8, timing: {fold: WI}}\n" DRAM,
         "levels[0].timing.fold: expected W, I or O, found \"WI\""},
        {HEAD "levels:\n  - name: A\n    instances: 1\n    capacity_bits: 8\n    timing: {start: "
              "-1}\n" DRAM,
         "t.yaml:7: levels[0].timing.start: expected"},
        {HEAD "levels:\n  - {name: A, instances: 1, capacity_bits: 8, reload: WO}\n" DRAM,
         "levels[0].reload: expected W and I at most"},
        {HEAD "levels:\n  - name: A\n    instances: 1\n    capacity_bits: 8\n    timing: {shift_x: "
              "1, fold: W}\n" DRAM,
         "t.yaml:7: levels[0].timing: fold W: expected a level inside that may keep it"},
        {HEAD "levels:\n  - {name: A, instances: 1, capacity_bits: 8, read_pj: -1}\n" DRAM,
         "levels[0].read_pj"},
        {HEAD "levels:\n  - {name: ThisNameIsLongerThanALevelsName, instances: 1, capacity_bits: "
              "8}\n" DRAM,
         "levels[0].name: expected a name of 1 to 23"},
        {HEAD "levels:\n  - {name: A, instances: 1, capacity_bits: 8}\n",
         "capacity_bits: the outermost level holds everything"},
        {HEAD "levels:\n  - {name: A, instances: 99999999999, capacity_bits: 8}\n" DRAM,
         "levels[0].instances"},
        {HEAD "levls: 1\nlevels:\n" DRAM, "levels"},
        {"template: edge\ntech: 3nm\npe_x: 1\npe_y: 1\nsimd: 1\nlanes: 1\nlocal_kb: 1\nrf_kb: "
         "1\nio_gbps: 1\n"
         "clock_ghz: 1\nport_bytes: 1\n",
         "3nm: no such name in tech/, did you mean \"7nm\"?"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        td_hw hw = {.n = 77};
        td_error err = {0};
        td_status s = parse(cases[i].yaml, &hw, &err);
        assert_true(s == TD_E_INPUT || s == TD_E_NOT_FOUND);
        if (strstr(err.message, cases[i].message) == NULL)
            fail_msg("case %zu: \"%s\" does not hold \"%s\"", i, err.message, cases[i].message);
        assert_int_equal(hw.n, 77); /* untouched */
        assert_int_equal(parse(cases[i].yaml, &hw, NULL), s);
    }
}

static void loading(void **state) {
    (void)state;
    td_hw hw;
    td_error err = {0};
    assert_int_equal(td_hw_load("no-such-chip", &hw, &err), TD_E_NOT_FOUND);
    assert_non_null(
        strstr(err.message, "no-such-chip: no such name in hw/, known are: array-16x16, edge"));
    assert_int_equal(td_hw_load("./no-such-chip.yaml", &hw, &err), TD_E_NOT_FOUND);
    assert_int_equal(td_hw_load("../hw/edge", &hw, &err), TD_E_NOT_FOUND);
    assert_int_equal(td_hw_load("", &hw, &err), TD_E_NOT_FOUND);
    assert_ok(td_hw_load(TD_TEST_SOURCE "/hw/micro.yaml", &hw, &err), &err);
    assert_string_equal(hw.name, "micro");

    /* A design that cannot be built says so under the name that was asked for. */
    char path[] = P_tmpdir "/tandem-hw-XXXXXX.yaml";
    int fd = mkstemps(path, 5);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "w");
    fputs("template: edge\ntech: 22nm\npe_x: 1\npe_y: 1\nsimd: 64\nlanes: 1\nlocal_kb: 1\nrf_kb: "
          "1\nio_gbps: 1\n"
          "clock_ghz: 1\nport_bytes: 16\nrf_weight_steps: 9\nname: tiny\n",
          f);
    fclose(f);
    assert_int_equal(td_hw_load(path, &hw, &err), TD_E_INFEASIBLE);
    remove(path);
    assert_non_null(strstr(err.message, path));
    assert_non_null(strstr(err.message, "rule register_file_depth"));
}

/* Everything that is shipped can be read, passes the check and bears the name of its file. */
static void shipped(void **state) {
    (void)state;
    td_error err = {0};
    td_arena *a = td_arena_create();
    const char *dir;
    assert_ok(td_data_dir(a, "hw", &dir, &err), &err);
    DIR *d = opendir(dir);
    assert_non_null(d);
    int n = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        char *ending = strstr(e->d_name, ".yaml");
        if (ending == NULL) continue;
        *ending = 0;
        td_hw hw;
        assert_ok(td_hw_load(e->d_name, &hw, &err), &err);
        assert_ok(td_hw_check(&hw, &err), &err);
        assert_string_equal(hw.name, e->d_name);
        n++;
    }
    closedir(d);
    assert_true(n >= 12);
    td_arena_destroy(a);
}

/* Energies that a table gives: by class, capacity and block; figures in the file go before. */
static void derived_energies(void **state) {
    (void)state;
    static const char text[] =
        "clock_hz: 1e9\ntech: pat\nmac: {instances: 4, bits: 8}\nlevels:\n"
        "  - {name: A, class: regfile, instances: 4, capacity_bits: 256, word_bits: 16}\n"
        "  - {name: B, class: sram, instances: 1, capacity_kb: 128, block_bits: 64, fill_pj: 3}\n"
        "  - {name: C, class: sram, instances: 1, capacity_kb: 128, block_bits: 64, energy_pj: 2}\n"
        "  - {name: D, class: dram, instances: 1, capacity_bits: null, block_bits: 32}\n";
    td_hw hw;
    td_error err = {0};
    assert_ok(parse(text, &hw, &err), &err);
    assert_near(hw.mac.energy_pj, .25, 0);
    double rf = 5 / 99.5 * (256. / 8192 - .5) + 1, sram = 4 * (5 / 99.5 * 127.5 + 1);
    assert_near(hw.level[0].read_pj, rf, 1e-12);
    assert_near(hw.level[0].update_pj, rf, 1e-12);
    assert_near(hw.level[1].read_pj, sram, 1e-12);
    assert_near(hw.level[1].fill_pj, 3, 0);
    assert_near(hw.level[2].read_pj, 2, 0);
    assert_near(hw.level[3].read_pj, 400, 1e-12);
    /* The whole tables answer too: what the edge template makes of them. */
    assert_ok(
        parse("clock_hz: 1e9\ntech: 22nm\nmac: {instances: 1}\nlevels:\n"
              "  - {name: A, class: regfile, instances: 1, capacity_kb: 1, block_bits: 512}\n"
              "  - {name: B, class: sram, instances: 1, capacity_kb: 64, block_bits: 128}\n"
              "  - {name: D, class: dram, instances: 1, capacity_bits: null, block_bits: 256}\n",
              &hw, &err),
        &err);
    td_hw micro;
    assert_ok(td_hw_load("micro", &micro, &err), &err);
    assert_near(hw.mac.energy_pj, micro.mac.energy_pj, 0);
    assert_near(hw.level[0].read_pj, micro.level[0].read_pj, 0);
    assert_near(hw.level[1].read_pj, micro.level[1].read_pj, 0);
    assert_near(hw.level[2].read_pj, micro.level[3].read_pj, 0);
}

/* MACs, clocks and capacities as published: anchors and sources in the comments of the files. */
static void published_sizes(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int macs, x;
        struct {
            const char *level;
            int instances;
            double bytes; /* all instances together */
        } level[5];
    } cases[] = {
        {"eyeriss-168",
         168,
         14,
         {{"PsumRF", 168, 168 * 48},
          {"WeightRF", 168, 168 * 448},
          {"InputRF", 168, 168 * 24},
          {"Buffer", 1, 108 * 1024}}},
        {"eyeriss-256",
         256,
         16,
         {{"PsumRF", 256, 256 * 32},
          {"WeightRF", 256, 256 * 384},
          {"InputRF", 256, 256 * 24},
          {"Buffer", 1, 128 * 1024}}},
        {"array-16x16", 256, 16, {{"RF", 256, 256 * 128}, {"Buffer", 1, 256 * 1024}}},
        {"simba",
         1024,
         32,
         {{"Accumulator", 128, 16 * 3072},
          {"WeightBuffer", 128, 16 * 32768},
          {"InputBuffer", 16, 16 * 8192},
          {"GlobalBuffer", 1, 65536}}},
        {"nvdla", 2048, 32, {{"Buffer", 1, 16 * 512 * 64}}},
        {"gemmini", 256, 16, {{"Accumulator", 16, 65536}, {"Scratchpad", 1, 262144}}},
        {"tpu-v1",
         65536,
         256,
         {{"Accumulator", 256, 4 << 20},
          {"WeightFIFO", 1, 4 * 65536},
          {"UnifiedBuffer", 1, 24 << 20}}},
        {"systolic-ws", 1024, 32, {{"WeightReg", 1024, 1024}, {"Buffer", 1, 512 * 1024}}},
        {"systolic-os", 1024, 32, {{"SumReg", 1024, 8192}, {"Buffer", 1, 512 * 1024}}},
        {"systolic-is", 1024, 32, {{"InputReg", 1024, 1024}, {"Buffer", 1, 512 * 1024}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        td_hw hw;
        td_error err = {0};
        assert_ok(td_hw_load(cases[i].name, &hw, &err), &err);
        assert_int_equal(td_hw_peak_macs(&hw), cases[i].macs);
        assert_int_equal(hw.mac.mesh_x, cases[i].x);
        for (int j = 0; j < 5 && cases[i].level[j].level != NULL; j++) {
            int l = td_hw_level_find(&hw, cases[i].level[j].level);
            if (l < 0) fail_msg("%s has no %s", cases[i].name, cases[i].level[j].level);
            assert_int_equal(hw.level[l].instances, cases[i].level[j].instances);
            assert_near((double)hw.level[l].instances * (double)hw.level[l].capacity_bits / 8,
                        cases[i].level[j].bytes, 0);
        }
        for (int l = 0; l < hw.n; l++) /* no energy was forgotten */
            assert_true(hw.level[l].fill_pj > 0 || hw.level[l].may_keep == TD_BIT(TD_O));
        assert_true(hw.mac.energy_pj > 0 && hw.vec.lanes > 0);
    }
    td_hw hw;
    td_error err = {0};
    assert_ok(td_hw_load("tpu-v1", &hw, &err), &err);
    assert_near(2.0 * 65536 * hw.clock_hz, 92e12, .3e12); /* 92 TOPS */
    assert_near(hw.level[hw.n - 1].shared_bw / 8 * hw.clock_hz, 30e9, 1);
    assert_ok(td_hw_load("simba", &hw, &err), &err);
    assert_near(2.0 * 1024 * hw.clock_hz, 4e12, .1e12); /* 4 TOPS */
}

/* Energies of Eyeriss-256 by Timeloop's table, in 16-bit multiplications. */
static void eyeriss_256(void **state) {
    (void)state;
    td_hw hw;
    td_error err = {0};
    assert_ok(td_hw_load("eyeriss-256", &hw, &err), &err);
    assert_near(hw.mac.energy_pj, 1, 0);
    assert_near(hw.level[0].read_pj, .976, .0005);
    assert_near(hw.level[1].read_pj, .994, .0005);
    assert_near(hw.level[2].read_pj, .976, .0005);
    assert_near(hw.level[3].read_pj / 4, 7.407, .0005); /* blocks of four words */
    assert_near(hw.level[4].read_pj, 200, 0);
    int buffer = td_hw_level_find(&hw, "Buffer");
    assert_int_equal(td_hw_fanout(&hw, buffer, TD_AXIS_X), 16);
    assert_int_equal(td_hw_fanout(&hw, buffer, TD_AXIS_Y), 16);
}

/* The array of the Eyeriss paper: 12 rows of 14. */
static void eyeriss(void **state) {
    (void)state;
    td_hw hw;
    td_error err = {0};
    assert_ok(td_hw_load("eyeriss-168", &hw, &err), &err);
    assert_int_equal(td_hw_peak_macs(&hw), 168);
    int buffer = td_hw_level_find(&hw, "Buffer");
    assert_int_equal(buffer, 3);
    assert_int_equal(td_hw_fanout(&hw, buffer, TD_AXIS_X), 14);
    assert_int_equal(td_hw_fanout(&hw, buffer, TD_AXIS_Y), 12);
    assert_int_equal(hw.level[buffer].capacity_bits, 108 * 8192);
    assert_int_equal(td_hw_fanout(&hw, 0, TD_AXIS_X) * td_hw_fanout(&hw, 0, TD_AXIS_Y), 1);
    assert_near(2.0 * 168 * hw.clock_hz, 67.2e9, 1); /* 67 GOPS */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),       cmocka_unit_test(orders),
        cmocka_unit_test(defaults),         cmocka_unit_test(innermost_instances),
        cmocka_unit_test(no_vector_unit),   cmocka_unit_test(faults_in_files),
        cmocka_unit_test(loading),          cmocka_unit_test(shipped),
        cmocka_unit_test(derived_energies), cmocka_unit_test(published_sizes),
        cmocka_unit_test(eyeriss_256),      cmocka_unit_test(eyeriss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

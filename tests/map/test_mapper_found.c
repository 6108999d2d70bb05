/* Questions to which the mapper once gave a wrong proof or a wrong refusal, each with a mapping
 * that shows it, or that it wrote beyond its memory for. */
#include "common.h"
#include "tandem/map.h"

/* A loop over K between two loops of the plane jumps back more often than one outside of both. */
static const char halo[] =
    "{\"format\": \"neutral-case-1\", \"name\": \"halo\", \"problem\": {\"dims\": {\"K\":"
    " 18, \"P\": 2, \"R\": 12}, \"stride\": [1, 1], \"dilation\": [1, 1], \"bits\": {\"W"
    "\": 8, \"I\": 8, \"O\": 8, \"acc\": 32}}, \"arch\": {\"name\": \"a\", \"mac\": {\"in"
    "stances\": 1, \"mesh_x\": 1, \"energy_pj\": 0.0}, \"levels\": [{\"name\": \"L0\", \""
    "word_bits\": 8, \"capacity_words\": 12, \"instances\": 1, \"mesh_x\": 1, \"read_pj\""
    ": 0.031, \"fill_pj\": 2, \"update_pj\": 0.061}, {\"name\": \"L1\", \"word_bits\": 8,"
    " \"capacity_words\": 16, \"instances\": 1, \"mesh_x\": 1, \"read_pj\": 1.361, \"fill"
    "_pj\": 0, \"update_pj\": 0}, {\"name\": \"L2\", \"word_bits\": 8, \"instances\": 1, "
    "\"mesh_x\": 1, \"read_pj\": 5.531, \"fill_pj\": 5, \"update_pj\": 5.531}]}, \"fixed_"
    "keep\": {\"L1\": \"WIO\"}, \"mapping\": {\"levels\": [{\"level\": \"L0\", \"keep\": "
    "[\"I\", \"O\"], \"temporal\": [[\"R\", 6]]}, {\"level\": \"L1\", \"keep\": [\"W\", "
    "\"I\", \"O\"], \"temporal\": []}, {\"level\": \"L2\", \"keep\": [\"W\", \"I\", \"O\""
    "], \"temporal\": [[\"R\", 2], [\"K\", 18], [\"P\", 2]]}]}}";

/* K may not loop outermost: C must be able to stand inside of it at a level that keeps nothing. */
static const char forbidden[] =
    "{\"format\": \"neutral-case-1\", \"name\": \"order\", \"problem\": {\"dims\": {\"K\""
    ": 4, \"C\": 4}}, \"arch\": {\"name\": \"a\", \"mac\": {\"instances\": 1, \"energy_pj"
    "\": 0}, \"levels\": [{\"name\": \"L0\", \"capacity_words\": 3, \"instances\": 1, \"r"
    "ead_pj\": 0.1, \"fill_pj\": 0.1, \"update_pj\": 0.1}, {\"name\": \"L1\", \"capacity_"
    "words\": 8, \"instances\": 1, \"read_pj\": 1, \"fill_pj\": 1, \"update_pj\": 1}, {\""
    "name\": \"L2\", \"instances\": 1, \"read_pj\": 10, \"fill_pj\": 10, \"update_pj\": 1"
    "0}]}, \"fixed_keep\": {\"L0\": \"WIO\", \"L1\": \"\"}, \"mapping\": {\"levels\": [{"
    "\"level\": \"L0\", \"keep\": [\"W\", \"I\", \"O\"], \"temporal\": []}, {\"level\": "
    "\"L1\", \"keep\": [], \"temporal\": [[\"K\", 4], [\"C\", 4]]}, {\"level\": \"L2\", "
    "\"keep\": [\"W\", \"I\", \"O\"], \"temporal\": []}]}}";

/* The first mappings use too few MACs. */
static const char utilised[] =
    "{\"format\": \"neutral-case-1\", \"name\": \"c31\", \"problem\": {\"dims\": {\"K\": "
    "5, \"C\": 3, \"Q\": 2, \"R\": 2, \"S\": 3}, \"stride\": [1, 3], \"dilation\": [1, 1]"
    ", \"bits\": {\"W\": 8, \"I\": 8, \"O\": 8, \"acc\": 16}}, \"arch\": {\"name\": \"a\""
    ", \"mac\": {\"instances\": 4, \"mesh_x\": 4, \"energy_pj\": 0.0}, \"levels\": [{\"na"
    "me\": \"L0\", \"word_bits\": 8, \"capacity_words\": 24, \"instances\": 2, \"mesh_x\""
    ": 2, \"block_words\": 2, \"multiple_buffering\": 2, \"read_pj\": 0.043, \"fill_pj\":"
    " 0.043, \"update_pj\": 0}, {\"name\": \"L1\", \"word_bits\": 8, \"capacity_words\": "
    "6, \"instances\": 2, \"mesh_x\": 2, \"block_words\": 2, \"read_bw\": 1, \"write_bw\""
    ": 1.5, \"shared_bw\": 1.5, \"read_pj\": 0.495, \"fill_pj\": 0.247, \"update_pj\": 0."
    "495}, {\"name\": \"L2\", \"word_bits\": 8, \"instances\": 1, \"mesh_x\": 1, \"write_"
    "bw\": 3, \"shared_bw\": 0.25, \"read_pj\": 7.177, \"fill_pj\": 7.177, \"update_pj\":"
    " 7.177}]}, \"fixed_keep\": {\"L0\": \"WIO\", \"L1\": \"W\"}, \"mapping\": {\"levels"
    "\": [{\"level\": \"L0\", \"keep\": [\"W\", \"I\", \"O\"], \"temporal\": [], \"spatia"
    "l_x\": [[\"Q\", 2]]}, {\"level\": \"L1\", \"keep\": [\"W\"], \"temporal\": [], \"no_"
    "multicast\": [\"W\"]}, {\"level\": \"L2\", \"keep\": [\"W\", \"I\", \"O\"], \"tempor"
    "al\": [[\"C\", 3], [\"K\", 5], [\"S\", 3]], \"spatial_x\": [[\"R\", 2]]}]}}";

/* Sums narrower than outputs fit where outputs do not. */
static const char narrow[] =
    "{\"format\": \"neutral-case-1\", \"name\": \"c39\", \"problem\": {\"dims\": {\"K\": "
    "3, \"C\": 2, \"P\": 4}, \"stride\": [2, 1], \"dilation\": [1, 1], \"bits\": {\"W\": "
    "8, \"I\": 8, \"O\": 16, \"acc\": 8}}, \"arch\": {\"name\": \"a\", \"mac\": {\"instan"
    "ces\": 12, \"mesh_x\": 4, \"energy_pj\": 1.0}, \"levels\": [{\"name\": \"L0\", \"wor"
    "d_bits\": 8, \"capacity_words\": 24, \"instances\": 12, \"mesh_x\": 4, \"block_words"
    "\": 4, \"read_bw\": 1.5, \"shared_bw\": 4, \"read_pj\": 0, \"fill_pj\": 0.148, \"upd"
    "ate_pj\": 0.148}, {\"name\": \"L1\", \"word_bits\": 8, \"capacity_words\": 12, \"ins"
    "tances\": 4, \"mesh_x\": 4, \"block_words\": 8, \"multiple_buffering\": 2, \"read_bw"
    "\": 0.5, \"write_bw\": 3, \"shared_bw\": 1.5, \"read_pj\": 0, \"fill_pj\": 0, \"upda"
    "te_pj\": 0}, {\"name\": \"L2\", \"word_bits\": 8, \"instances\": 1, \"mesh_x\": 1, "
    "\"write_bw\": 1.5, \"read_pj\": 5.653, \"fill_pj\": 5.653, \"update_pj\": 5.653}]}, "
    "\"fixed_keep\": {\"L0\": \"WIO\", \"L1\": \"WO\", \"L2\": \"WI\"}, \"mapping\": {\"l"
    "evels\": [{\"level\": \"L0\", \"keep\": [\"W\", \"I\", \"O\"], \"temporal\": []}, {"
    "\"level\": \"L1\", \"keep\": [\"W\", \"O\"], \"temporal\": [], \"spatial_y\": [[\"K"
    "\", 3]]}, {\"level\": \"L2\", \"keep\": [\"W\", \"I\"], \"temporal\": [[\"C\", 2]], "
    "\"spatial_x\": [[\"P\", 4]]}]}}";

typedef struct {
    const char *text;
    td_map_objective objective;
    double min_utilization;
    int level; /* whose loops in time may not be over `dim` */
    td_dim dim;
    bool proved;
} question;

static void compare(const question *a) {
    td_error err = {0};
    td_arena *arena = td_arena_create();
    const td_node *doc;
    td_case c;
    td_cost better;
    assert_ok(td_json_parse(arena, a->text, strlen(a->text), "case", 1, &doc, &err), &err);
    assert_ok(td_case_from_node(doc, &c, &err), &err);
    if (a->level >= 0) c.hw.rules.allowed[a->level][TD_AXIS_T] &= (uint8_t)~TD_BIT(a->dim);
    c.hw.rules.one_axis = true;
    assert_ok(td_cost_evaluate(&c.problem, &c.hw, &c.mapping, TD_COUNT_EXACT, &better, &err), &err);
    td_map_query q;
    td_map_query_default(&q, &c.hw);
    q.mode = TD_MAP_EXACT;
    q.objective = a->objective;
    q.min_utilization = a->min_utilization;
    for (int l = 0; l < c.hw.n; l++)
        if (c.fixed & TD_BIT(l)) q.keep[l] = c.fixed_keep[l];
    for (int t = 0; t < TD_NTENSOR; t++)
        while (q.keep[q.top[t]] >= 0 && !((unsigned)q.keep[q.top[t]] & TD_BIT(t))) q.top[t]--;
    td_map_result r;
    assert_ok(td_map_best(&c.problem, &c.hw, &q, &r, NULL, &err), &err);
    double there = a->objective == TD_OBJ_ENERGY ? better.total_pj : (double)better.cycles;
    if (r.objective > there * (1 + 1e-9))
        fail_msg("%s: found %.9g, there is %.9g", c.name, r.objective, there);
    if (a->proved) assert_int_equal(r.stop, TD_STOP_PROVED);
    assert_true((double)td_problem_macs(&c.problem) >= a->min_utilization * (1 - 1e-9) *
                                                           (double)r.cost.compute_cycles *
                                                           c.hw.mac.instances);
    td_arena_destroy(arena);
}

static void once_wrong(void **state) {
    (void)state;
    static const question known[] = {{halo, TD_OBJ_ENERGY, 0, -1, TD_N, true},
                                     {forbidden, TD_OBJ_ENERGY, 0, 2, TD_K, true},
                                     {utilised, TD_OBJ_LATENCY, .75, 1, TD_S, true},
                                     {narrow, TD_OBJ_LATENCY, .75, -1, TD_N, false}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) compare(&known[i]);
}

/* A list of all roots that the budget cut short left less room than the lists after it need. */
static void after_a_list_cut_short(void **state) {
    (void)state;
    td_error err = {0};
    td_hw hw;
    td_problem p = {.dim = {1, 7, 600, 3136, 1, 1, 1, 1},
                    .stride = {1, 1},
                    .dilation = {1, 1},
                    .bits = {8, 8, 8},
                    .acc_bits = 32};
    td_map_query q;
    td_map_result r;
    assert_ok(td_hw_load("systolic-os", &hw, &err), &err);
    td_map_query_default(&q, &hw);
    q.counting = TD_COUNT_TIMELOOP;
    q.imperfect = true;
    q.max_nodes = 4000;
    assert_ok(td_map_best(&p, &hw, &q, &r, NULL, &err), &err);
    assert_true(r.objective >= r.bound);
}

/* Where little fits, the first hundreds of tiles that a dive looked at were all too large, and the
 * mapping with the least ones, of one MAC, was the answer. */
static void where_little_fits(void **state) {
    (void)state;
    static const struct {
        const char *hw;
        td_problem layer;
        td_map_objective objective;
        double most; /* times the bound */
    } of[] = {
        {"nvdla", {{4, 64, 64, 56, 56, 3, 3, 1}, {1, 1}, {1, 1}, {1, 1, 1, 1}}, TD_OBJ_EDP, 1.2},
        {"nvdla", {{8, 64, 64, 56, 56, 3, 3, 1}, {1, 1}, {1, 1}, {1, 1, 1, 1}}, TD_OBJ_EDP, 1.2},
        {"nvdla", {{1, 64, 64, 120, 120, 3, 3, 1}, {1, 1}, {1, 1}, {1, 1, 1, 1}}, TD_OBJ_EDP, 1.2},
        {"gemmini",
         {{1, 192, 48, 24, 24, 3, 3, 1}, {1, 1}, {1, 1}, {1, 1, 1, 1}},
         TD_OBJ_LATENCY,
         1.2},
    };
    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++)
        for (uint64_t nodes = 1000; nodes <= 16000; nodes *= 4) {
            td_error err = {0};
            td_hw hw;
            td_problem p = of[i].layer;
            td_map_query q;
            td_map_result r;
            for (int t = 0; t < TD_NTENSOR; t++) p.bits[t] = 8;
            p.acc_bits = 32;
            assert_ok(td_hw_load(of[i].hw, &hw, &err), &err);
            td_map_query_default(&q, &hw);
            q.objective = of[i].objective;
            q.max_nodes = nodes;
            assert_ok(td_map_best(&p, &hw, &q, &r, NULL, &err), &err);
            if (r.objective > of[i].most * r.bound)
                fail_msg("layer %zu on %s, %d nodes: %.3g times the bound", i, of[i].hw, (int)nodes,
                         r.objective / r.bound);
        }
}

/* Strides that skip rows and columns: only small tiles do without these, and dives took the largest
 * that fit, three times as slow in much room as in little. */
static void where_strides_skip(void **state) {
    (void)state;
    static const int32_t dim[][TD_NDIM] = {{1, 1, 1, 16, 16, 1, 1, 24},
                                           {1, 1, 1, 14, 14, 1, 1, 32},
                                           {1, 32, 32, 14, 14, 1, 1, 1},
                                           {1, 64, 32, 28, 28, 1, 1, 1}};
    td_error err = {0};
    td_hw hw;
    assert_ok(td_hw_load("micro", &hw, &err), &err);
    int home = hw.n - 1; /* where values stay on chip, a view of the PEs' memories */
    while (home >= 0 && hw.level[home].shares < 0) home--;
    assert_true(home > 0);
    for (size_t i = 0; i < sizeof dim / sizeof dim[0]; i++)
        for (int effort = 0; effort < TD_NEFFORT; effort++) {
            td_problem p = {
                .stride = {2, 2}, .dilation = {1, 1}, .bits = {8, 8, 8}, .acc_bits = 32};
            td_map_query q;
            td_map_result r;
            memcpy(p.dim, dim[i], sizeof p.dim);
            td_map_query_default(&q, &hw);
            q.effort = (td_map_effort)effort;
            q.max_nodes = 4000;
            q.keep[home] = TD_ALL_TENSORS;
            for (int t = 0; t < TD_NTENSOR; t++) q.top[t] = (int8_t)home;
            assert_ok(td_map_best(&p, &hw, &q, &r, NULL, &err), &err);
            if (r.objective > r.bound * (1 + 1e-12))
                fail_msg("layer %zu, effort %d: %g, bound %g", i, effort, r.objective, r.bound);
        }
    /* Looking at all small tiles leaves no nodes for the rest (three times as slow). */
    td_problem p = {.dim = {1, 128, 64, 28, 28, 1, 1, 1},
                    .stride = {2, 2},
                    .dilation = {1, 1},
                    .bits = {8, 8, 8},
                    .acc_bits = 32};
    td_map_query q;
    td_map_result r;
    assert_ok(td_hw_load("gemmini", &hw, &err), &err);
    td_map_query_default(&q, &hw);
    q.objective = TD_OBJ_LATENCY;
    assert_ok(td_map_best(&p, &hw, &q, &r, NULL, &err), &err);
    assert_true(r.objective <= 1.4 * r.bound);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(once_wrong), cmocka_unit_test(where_little_fits),
        cmocka_unit_test(where_strides_skip), cmocka_unit_test(after_a_list_cut_short)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

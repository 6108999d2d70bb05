/* Neutral cases: reading, refusing with messages that name the place, writing. */
#include "common.h"

#include <math.h>

#include "random_case.h"

static const char text[] =
    "{\"format\": \"neutral-case-1\", \"name\": \"one\", \"tags\": [\"a\"], \"note\": \"n\",\n"
    " \"problem\": {\"dims\": {\"K\": 4, \"P\": 6, \"R\": 3},\n"
    "  \"stride\": [2, 1], \"dilation\": [1, 1]},\n"
    " \"arch\": {\"name\": \"small\",\n"
    "  \"mac\": {\"instances\": 8, \"mesh_x\": 4, \"energy_pj\": 0.5},\n"
    "  \"levels\": [\n"
    "   {\"name\": \"RF\", \"word_bits\": 12, \"capacity_words\": 64, \"instances\": 8, "
    "\"mesh_x\": 4,\n"
    "    \"block_words\": 2, \"multiple_buffering\": 2.0, \"read_bw\": 1.5, \"write_bw\": null,\n"
    "    \"shared_bw\": null, \"read_pj\": 1.0, \"fill_pj\": 2, \"update_pj\": 3.5},\n"
    "   {\"name\": \"DRAM\", \"word_bits\": 12, \"capacity_words\": null, \"instances\": 1,\n"
    "    \"mesh_x\": 1, \"block_words\": 8, \"multiple_buffering\": 1.0, \"read_bw\": 4.0,\n"
    "    \"write_bw\": 4.0, \"shared_bw\": null, \"read_pj\": 100, \"fill_pj\": 90,\n"
    "    \"update_pj\": 110}]},\n"
    " \"mapping\": {\"levels\": [\n"
    "   {\"level\": \"RF\", \"keep\": [\"W\", \"I\", \"O\"], \"temporal\": [[\"R\", 3]]},\n"
    "   {\"level\": \"DRAM\", \"keep\": [\"W\", \"I\", \"O\"], \"temporal\": [[\"P\", 3]],\n"
    "    \"spatial_x\": [[\"K\", 4]], \"spatial_y\": [[\"P\", 2]], \"no_multicast\": [\"W\"]}]},\n"
    " \"fixed_keep\": {\"RF\": \"WIO\"}, \"expected\": {\"cycles\": 9},\n"
    " \"expected_link_transfers\": {}, \"second_evaluator_agrees\": {\"expected\": true}}\n";

static td_status read_text(const char *s, td_case *c, td_error *err) {
    td_arena *a = td_arena_create();
    const td_node *doc;
    td_status status = td_json_parse(a, s, strlen(s), "f.json", 1, &doc, err);
    if (status == TD_OK) status = td_case_from_node(doc, c, err);
    td_arena_destroy(a);
    return status;
}

static void test_read(void **state) {
    (void)state;
    td_case c;
    td_error err = {0};
    assert_ok(read_text(text, &c, &err), &err);
    assert_string_equal(c.name, "one");
    assert_string_equal(c.hw.name, "small");
    assert_true(c.has_mapping);
    const td_problem *p = &c.problem;
    const int32_t dim[TD_NDIM] = {[TD_N] = 1, [TD_K] = 4, [TD_C] = 1, [TD_P] = 6,
                                  [TD_Q] = 1, [TD_R] = 3, [TD_S] = 1, [TD_G] = 1};
    assert_memory_equal(p->dim, dim, sizeof dim);
    assert_int_equal(p->stride[0], 2);
    for (int t = 0; t < TD_NTENSOR; t++) assert_int_equal(p->bits[t], 12);
    assert_int_equal(p->acc_bits, 12);
    const td_level *rf = &c.hw.level[0], *dram = &c.hw.level[1];
    assert_true(rf->capacity_bits == 64 * 12 && dram->capacity_bits == -1);
    assert_true(rf->block_bits == 24 && dram->block_bits == 96);
    assert_true(rf->buffering == 2 && rf->read_bw == 18 && isinf(rf->write_bw));
    assert_true(rf->read_pj == 1 && rf->fill_pj == 2 && rf->update_pj == 3.5);
    assert_true(rf->multicast == TD_ALL_TENSORS && rf->reduce == TD_BIT(TD_O));
    assert_true(dram->multicast == (TD_BIT(TD_I) | TD_BIT(TD_O)) && dram->reduce == TD_BIT(TD_O));
    const td_mapping *m = &c.mapping;
    assert_int_equal(m->n, 4);
    assert_true(m->first[0] == 0 && m->first[1] == 1 && m->first[2] == 4);
    const td_loop want[4] = {{TD_R, TD_AXIS_T, 3, 3},
                             {TD_P, TD_AXIS_T, 3, 3},
                             {TD_K, TD_AXIS_X, 4, 4},
                             {TD_P, TD_AXIS_Y, 2, 2}};
    for (int i = 0; i < 4; i++)
        assert_true(m->loop[i].dim == want[i].dim && m->loop[i].axis == want[i].axis &&
                    m->loop[i].bound == want[i].bound && m->loop[i].tail == want[i].tail);
}

/* The case with one piece of its text replaced. */
static char *with(const char *from, const char *to) {
    const char *at = strstr(text, from);
    if (at == NULL) fail_msg("no %s in the text", from);
    char *s = malloc(sizeof text + strlen(to) + 1);
    size_t head = (size_t)(at - text);
    memcpy(s, text, head);
    strcpy(s + head, to);
    strcat(s, at + strlen(from));
    return s;
}

/* Which levels are fixed, and to what; "" is nothing, null free. */
static void test_fixed_keep(void **state) {
    (void)state;
    static const struct {
        const char *where, *to;
        int fixed, rf, dram;
    } good[] = {
        {"{\"RF\": \"WIO\"}", "{\"RF\": \"WIO\"}", 1, 7, 0},
        {"{\"RF\": \"WIO\"}", "{\"DRAM\": \"OW\", \"RF\": \"\"}", 3, 0, 5},
        {"{\"RF\": \"WIO\"}", "{\"RF\": null, \"DRAM\": \"I\"}", 2, 0, 2},
        {"{\"RF\": \"WIO\"}", "{}", 0, 0, 0},
        {"{\"RF\": \"WIO\"}", "null", 0, 0, 0},
        {" \"fixed_keep\": {\"RF\": \"WIO\"},", "", 0, 0, 0},
    };
    td_arena *a = td_arena_create();
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        char *s = with(good[i].where, good[i].to);
        td_case c, again;
        td_error err = {0};
        assert_ok(read_text(s, &c, &err), &err);
        td_node *n = td_case_to_node(&c, a);
        assert_int_equal(td_node_find(n, "fixed_keep") != NULL, good[i].fixed != 0);
        assert_ok(td_case_from_node(n, &again, &err), &err);
        const td_case *both[] = {&c, &again};
        for (int k = 0; k < 2; k++) {
            assert_int_equal(both[k]->fixed, good[i].fixed);
            assert_int_equal(both[k]->fixed_keep[0], good[i].rf);
            assert_int_equal(both[k]->fixed_keep[1], good[i].dram);
        }
        free(s);
    }
    /* Within arch it means the same. */
    char *s = with("\"arch\": {", "\"arch\": {\"fixed_keep\": {\"DRAM\": \"WIO\"}, ");
    char *none = strstr(s, " \"fixed_keep\": {\"RF\"");
    assert_non_null(none);
    memset(none, ' ', strlen(" \"fixed_keep\": {\"RF\": \"WIO\"},"));
    td_case c;
    td_error err = {0};
    assert_ok(read_text(s, &c, &err), &err);
    assert_true(c.fixed == 2 && c.fixed_keep[1] == 7);
    free(s);
    td_arena_destroy(a);
}

static void test_refuse(void **state) {
    (void)state;
    static const struct {
        const char *from, *to, *message[2];
    } fault[] = {
        {"neutral-case-1", "neutral-case-2", {"f.json:1: format", "neutral-case-1"}},
        {"\"note\"", "\"notes\"", {"f.json:1", "did you mean \"note\"?"}},
        {"\"stride\"", "\"strides\"", {"f.json:3: problem", "did you mean \"stride\"?"}},
        {"\"K\": 4", "\"k\": 4", {"f.json:2: problem.dims", "unknown key"}},
        {"\"K\": 4", "\"K\": 0", {"f.json:2: problem.dims.K", "expected an integer"}},
        {"\"K\": 4", "\"K\": 4.5", {"f.json:2: problem.dims.K", "expected an integer"}},
        {"[2, 1]", "[2]", {"f.json:3: problem.stride", "2 integers"}},
        {"[2, 1]", "[0, 1]", {"problem.stride[0]", "integer >= 1"}},
        {"\"dilation\": [1, 1]", "\"pad\": [1, 1, 1, -1]", {"problem.pad[3]", "integer >= 0"}},
        {"\"dilation\": [1, 1]", "\"bits\": {\"W\": 65}", {"problem.bits.W", "[1, 64]"}},
        {"\"K\": 4", "\"K\": 2147483647, \"N\": 2147483647", {"f.json:2: problem", "2^62"}},
        {"\"mac\": {\"instances\": 8", "\"mac\": {\"instance\": 8", {"arch.mac", "instances"}},
        {"\"mesh_x\": 4, \"energy", "\"mesh_x\": 3, \"energy", {"f.json:5: arch.mac", "divisor"}},
        {"\"energy_pj\": 0.5", "\"energy_pj\": -1", {"arch.mac.energy_pj", "expected"}},
        {"\"name\": \"RF\", ", "", {"arch.levels[0]", "name"}},
        {"\"name\": \"RF\"", "\"name\": \"MAC\"", {"arch.levels[0].name", "taken"}},
        {"\"name\": \"RF\"", "\"name\": \"DRAM\"", {"arch.levels[1]", "taken"}},
        {"\"name\": \"RF\"", "\"name\": \"012345678901234567890123\"", {"name", "1 to 23 bytes"}},
        {"\"capacity_words\": 64", "\"capacity\": 64", {"arch.levels[0]", "capacity_words"}},
        {"\"capacity_words\": 64", "\"capacity_words\": 0.03", {"arch.levels[0]", "whole number"}},
        {"\"capacity_words\": 64", "\"capacity_words\": -1", {"capacity_words", "expected"}},
        {"\"multiple_buffering\": 2.0", "\"multiple_buffering\": 0.5", {"buffering", "expected"}},
        {"\"read_bw\": 1.5", "\"read_bw\": 0", {"arch.levels[0].read_bw", "expected"}},
        {"\"read_bw\": 1.5", "\"read_bw\": \"fast\"", {"arch.levels[0].read_bw", "fast"}},
        {"\"fill_pj\": 2, ", "", {"arch.levels[0]", "fill_pj"}},
        {"\"instances\": 8, \"mesh_x\": 4,\n",
         "\"instances\": 6, \"mesh_x\": 3,\n",
         {"arch.levels[0]", "cannot feed"}},
        {"\"level\": \"RF\"", "\"level\": \"Rf\"", {"mapping.levels[0]", "expected level \"RF\""}},
        {"\"keep\": [\"W\", \"I\", \"O\"], \"temporal\": [[\"R\", 3]]",
         "\"temporal\": [[\"R\", 3]]",
         {"mapping.levels[0]", "keep"}},
        {"[\"W\", \"I\", \"O\"]", "[\"W\", \"X\"]", {"mapping.levels[0].keep[1]", "\"W\", \"I\""}},
        {"[\"R\", 3]", "[\"R\"]", {"mapping.levels[0].temporal[0]", "[dim, bound]"}},
        {"[\"R\", 3]", "[\"T\", 3]", {"mapping.levels[0].temporal[0][0]", "dims"}},
        {"[\"R\", 3]", "[\"R\", 0]", {"mapping.levels[0].temporal[0][1]", "loop bound"}},
        {"[\"R\", 3]", "[\"R\", 3, 4]", {"mapping.levels[0].temporal[0][2]", "[1, 3]"}},
        {"\"temporal\": [[\"R\", 3]]", "\"temporal\": 3", {"mapping.levels[0].temporal", "list"}},
        {"\"spatial_x\"", "\"spatial\"", {"mapping.levels[1]", "spatial_x"}},
        {"\"no_multicast\": [\"W\"]", "\"no_multicast\": [1]", {"no_multicast[0]", "expected"}},
        {"\"problem\"", "\"fixed_keep\"", {"f.json", "fixed_keep"}},
        {"\"RF\": \"WIO\"", "\"Rf\": \"WIO\"", {"fixed_keep: unknown key", "did you mean \"RF\"?"}},
        {"\"RF\": \"WIO\"", "\"RF\": \"WW\"", {"f.json:18: fixed_keep.RF", "each once"}},
        {"\"RF\": \"WIO\"", "\"RF\": \"WX\"", {"f.json:18: fixed_keep.RF", "W, I and O"}},
        {"\"RF\": \"WIO\"", "\"RF\": [\"W\"]", {"f.json:18: fixed_keep.RF", "W, I and O"}},
    };
    for (size_t i = 0; i < sizeof fault / sizeof fault[0]; i++) {
        char *s = with(fault[i].from, fault[i].to);
        td_case c;
        td_error err = {0};
        assert_int_equal(read_text(s, &c, &err), TD_E_INPUT);
        for (int k = 0; k < 2; k++)
            if (strstr(err.message, fault[i].message[k]) == NULL ||
                strncmp(err.message, "f.json:", 7) != 0)
                fail_msg("\"%s\": no \"%s\" in \"%s\"", fault[i].to, fault[i].message[k],
                         err.message);
        assert_int_equal(read_text(s, &c, NULL), TD_E_INPUT);
        free(s);
    }
}

static void test_optional(void **state) {
    (void)state;
    td_case c;
    td_error err = {0};
    assert_ok(read_text("{\"problem\": {\"dims\": {}}, \"arch\": {\"mac\": {\"instances\": 1, "
                        "\"energy_pj\": 0}, \"levels\": [{\"name\": \"M\", \"instances\": 1, "
                        "\"read_pj\": 0, \"fill_pj\": 0, \"update_pj\": 0}]}}",
                        &c, &err),
              &err);
    assert_false(c.has_mapping);
    assert_int_equal(c.problem.dim[TD_K], 1);
    assert_int_equal(c.problem.stride[1], 1);
    assert_true(c.hw.level[0].capacity_bits == -1 && isinf(c.hw.level[0].read_bw));
    assert_int_equal(c.hw.level[0].word_bits, 16);
    assert_int_equal(c.hw.level[0].block_bits, 16);
}

/* Without problem.bits a word is a word at every level, as for Timeloop; with them, bits are bits.
 */
static void test_widths(void **state) {
    (void)state;
    td_case c, d;
    td_error err = {0};
    char *s = with("\"word_bits\": 12, \"capacity_words\": 64", "\"word_bits\": 24, "
                                                                "\"capacity_words\": 64");
    assert_ok(read_text(text, &c, &err), &err);
    assert_ok(read_text(s, &d, &err), &err);
    free(s);
    td_cost x, y;
    assert_ok(td_cost_evaluate(&c.problem, &c.hw, &c.mapping, TD_COUNT_TIMELOOP, &x, &err), &err);
    assert_ok(td_cost_evaluate(&d.problem, &d.hw, &d.mapping, TD_COUNT_TIMELOOP, &y, &err), &err);
    assert_memory_equal(&x, &y, sizeof x);

    s = with("\"dilation\": [1, 1]",
             "\"bits\": {\"W\": 4, \"I\": 8, \"O\": 8, \"acc\": 32}, \"pad\": [1, 0, 1, 0]");
    assert_ok(read_text(s, &d, &err), &err);
    free(s);
    assert_true(d.problem.bits[TD_W] == 4 && d.problem.acc_bits == 32 && d.problem.pad[2] == 1);
    assert_true(d.hw.level[0].capacity_bits == 768);
    assert_ok(td_cost_evaluate(&d.problem, &d.hw, &d.mapping, TD_COUNT_EXACT, &y, &err), &err);
    /* RF blocks have 24 bits: 6 weights, 3 inputs, no whole partial sum (one each). 9 reads of W.
     */
    assert_true(y.at[0][TD_W].reads == 9 && y.used[0] == 8);
    assert_true(y.at[0][TD_W].energy_pj == 8 * (2 * 1.0 + 1 * 2.0));
}

static void same_after_writing(const td_case *c, td_arena *a) {
    td_error err = {0};
    td_text t = {0};
    td_node_to_json(td_case_to_node(c, a), 2, &t);
    const td_node *doc;
    td_case d;
    assert_ok(td_json_parse(a, t.data, t.size, "written", 1, &doc, &err), &err);
    td_text_free(&t);
    assert_ok(td_case_from_node(doc, &d, &err), &err);
    assert_string_equal(c->name, d.name);
    assert_memory_equal(&c->problem, &d.problem, sizeof c->problem);
    for (int counting = 0; counting < 2; counting++) {
        td_cost x, y;
        assert_ok(
            td_cost_evaluate(&c->problem, &c->hw, &c->mapping, (td_counting)counting, &x, &err),
            &err);
        assert_ok(td_cost_evaluate(&d.problem, &d.hw, &d.mapping, (td_counting)counting, &y, &err),
                  &err);
        assert_memory_equal(&x, &y, sizeof x);
    }
}

/* Any accelerator survives: odd widths, capacities that are no whole words, awkward reals. */
static void test_round_trip(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    for (int i = 0; i < 1000; i++) {
        td_case c;
        random_case(8, (uint64_t)i, (random_limits){.max_macs = 5000, .padding = true}, &c);
        for (int l = 0; l < c.hw.n; l++) {
            td_level *v = &c.hw.level[l];
            v->word_bits = 1 + (i + 7 * l) % 33;
            v->block_bits = 1 + i % 77;
            v->read_bw = isinf(v->read_bw) ? v->read_bw : v->read_bw / 3;
            v->read_pj /= 7;
            if (l < c.hw.n - 1) v->capacity_bits = 100000007 + i;
        }
        same_after_writing(&c, a);
        td_arena_reset(a);
    }
    td_arena_destroy(a);
}

static void test_result(void **state) {
    (void)state;
    td_case c;
    td_cost x;
    td_error err = {0};
    td_arena *a = td_arena_create();
    assert_ok(read_text(text, &c, &err), &err);
    assert_ok(td_cost_evaluate(&c.problem, &c.hw, &c.mapping, TD_COUNT_TIMELOOP, &x, &err), &err);
    const td_node *n = td_cost_to_node(&c, TD_COUNT_TIMELOOP, &x, a);
    assert_true(td_node_find(n, "cycles")->integer == x.cycles);
    assert_true(td_node_find(n, "edp_pj_cycles")->real == x.total_pj * (double)x.cycles);
    const td_node *rf = td_node_find(td_node_find(n, "levels"), "RF");
    assert_true(td_node_find(td_node_find(rf, "W"), "instances")->integer == 8);
    assert_true(td_node_find(td_node_find(rf, "W"), "reads")->integer == 9);
    const td_node *net = td_node_find(td_node_find(n, "networks"), "DRAM->RF");
    /* Weights without multicast: 8 children fetch for themselves. */
    const td_node *w = td_node_find(td_node_find(net, "W"), "multicast");
    assert_true(w->count == 1 && w->item[0]->item[0]->integer == 1 &&
                w->item[0]->item[1]->integer == 8);
    n = td_cost_to_node(&c, TD_COUNT_EXACT, &x, a);
    assert_null(td_node_find(n, "networks"));
    td_arena_destroy(a);
}

static void test_print(void **state) {
    (void)state;
    td_case c;
    td_error err = {0};
    td_text t = {0};
    assert_ok(read_text(text, &c, &err), &err);
    td_mapping_print(&c.problem, &c.hw, &c.mapping, &t);
    /* DRAM: 12 W, 13 I, 24 O of 12 bits are 73.5 bytes; RF: 3, 3 and 1 are 10.5, of half of 96. */
    assert_string_equal(t.data, "for p in 0..3                             DRAM       W I O  74 B\n"
                                "  par k in 0..4 (X)  par p in 0..2 (Y)\n"
                                "    for r in 0..3                         RF         W I O  "
                                "11 / 48 B\n");
    td_text_free(&t);
    t = (td_text){0};
    /* Levels without loops in time: one that keeps something, one that only fans out. */
    td_case small = c;
    small.hw.n = 3;
    small.hw.level[2] = c.hw.level[1];
    snprintf(small.hw.level[1].name, sizeof small.hw.level[1].name, "Mesh");
    small.mapping = (td_mapping){
        .loop = {{TD_R, TD_AXIS_T, 3, 3}, {TD_K, TD_AXIS_X, 4, 4}, {TD_P, TD_AXIS_T, 6, 6}},
        .n = 3,
        .first = {0, 1, 2, 3},
        .keep = {7, 0, 7}};
    td_mapping_print(&small.problem, &small.hw, &small.mapping, &t);
    assert_string_equal(t.data, "for p in 0..6                             DRAM       W I O  74 B\n"
                                "  par k in 0..4 (X)                       Mesh\n"
                                "    for r in 0..3                         RF         W I O  "
                                "11 / 48 B\n");
    td_text_free(&t);
    t = (td_text){0};
    small.mapping.first[1] = small.mapping.first[2] = 0; /* all in DRAM */
    small.mapping.loop[1].axis = TD_AXIS_T;
    td_mapping_print(&small.problem, &small.hw, &small.mapping, &t);
    assert_non_null(strstr(t.data,
                           "\n      -                                   RF         W I O  5 "
                           "/ 48 B\n"));
    assert_null(strstr(t.data, "Mesh"));
    td_text_free(&t);
    t = (td_text){0};
    c.mapping.loop[0].tail = 1; /* R = 3 loops of 3 and 1 make 1 */
    td_mapping_print(&c.problem, &c.hw, &c.mapping, &t);
    assert_string_equal(t.data,
                        "mapping: loops over R with their last passes make 1, expected 3\n");
    td_text_free(&t);
    t = (td_text){0};
    c.mapping.loop[0].tail = 3;
    c.mapping.loop[2].tail = 2; /* K: 4 in X, the outermost loop over it has 2 iterations only */
    c.problem.dim[TD_K] = 2;
    td_mapping_print(&c.problem, &c.hw, &c.mapping, &t);
    assert_non_null(strstr(t.data, "  par k in 0..4 (last 0..2) (X)  par p in 0..2 (Y)\n"));
    td_text_free(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),   cmocka_unit_test(test_fixed_keep),
        cmocka_unit_test(test_refuse), cmocka_unit_test(test_optional),
        cmocka_unit_test(test_widths), cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_result), cmocka_unit_test(test_print),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

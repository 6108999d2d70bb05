/* Layers on the template spatial-array: as Eyeriss with 256 PEs it is the description that is held
 * to Timeloop's, with the same costs to the last bit; and what its rules mean to mappings. */
#include "common.h"

#include "map_brute.h"

enum { PSUM, WEIGHT, INPUT, BUFFER, DRAM };

static void load(td_arena *a, const char *text, td_hw *hw) {
    td_error err = {0};
    const td_node *doc;
    assert_ok(td_yaml_parse(a, text, strlen(text), "array.yaml", &doc, &err), &err);
    assert_ok(td_hw_from_node(doc, hw, &err), &err);
}

static td_problem layer(const char *text) {
    td_problem p;
    td_error err = {0};
    assert_ok(td_problem_parse(text, &p, &err), &err);
    for (int t = 0; t < TD_NTENSOR; t++) p.bits[t] = 16;
    p.acc_bits = 16;
    return p;
}

static td_status map(const char *text, const td_hw *hw, td_map_result *out, td_error *err) {
    td_problem p = layer(text);
    td_map_query q;
    td_map_query_default(&q, hw);
    return td_map_best(&p, hw, &q, out, NULL, err);
}

#define HEAD "template: spatial-array\ntech: pat\nclock_ghz: 0.2\nbuffer_bw: 16\n"
#define EYERISS_256                                                                                \
    HEAD "pes: 256\nmesh_x: 16\npe_words: 220\ninput_words: 12\nweight_words: 192\n"               \
         "buffer_kb: 128\nblock: 4\nfilter_height: 2\nrow_stationary: 1\ndram_bw: 0\n"

static void as_eyeriss_256(void **state) {
    (void)state;
    static const char *const layers[] = {
        "conv K256 C256 P56 Q56 R3 S3", "conv K64 C3 P112 Q112 R7 S7", "conv K16 C4 P20 Q20 R8 S8",
        "conv K512 C512 P7 Q7 R3 S3",   "conv K128 C64 P28 Q28 R1 S1", "conv K512 C512 P1 Q1 R1 S1",
    };
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_hw ours, theirs;
    load(a, EYERISS_256, &ours);
    assert_ok(td_hw_load("eyeriss-256", &theirs, &err), &err);
    assert_int_equal(ours.vec.lanes, theirs.vec.lanes);
    assert_true(ours.vec.bw == theirs.vec.bw && ours.vec.energy_pj == theirs.vec.energy_pj);
    for (int l = 0; l < ours.n; l++)
        assert_int_equal(ours.level[l].capacity_bits, theirs.level[l].capacity_bits);
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++)
        for (int stride = 1; stride <= 4; stride += 3) {
            td_problem p = layer(layers[i]);
            td_map_result x, y;
            td_cost c, d;
            td_map_query q;
            p.stride[0] = p.stride[1] = stride;
            td_map_query_default(&q, &ours);
            assert_ok(td_map_best(&p, &ours, &q, &x, NULL, &err), &err);
            td_map_query_default(&q, &theirs);
            assert_ok(td_map_best(&p, &theirs, &q, &y, NULL, &err), &err);
            assert_true(x.cost.total_pj == y.cost.total_pj && x.cost.cycles == y.cost.cycles);
            for (td_counting k = TD_COUNT_EXACT; k <= TD_COUNT_TIMELOOP; k++) {
                assert_ok(td_cost_evaluate(&p, &ours, &y.mapping, k, &c, &err), &err);
                assert_ok(td_cost_evaluate(&p, &theirs, &y.mapping, k, &d, &err), &err);
                assert_int_equal(c.cycles, d.cycles);
                assert_true(c.total_pj == d.total_pj);
                for (int l = 0; l < ours.n; l++) assert_true(c.level_pj[l] == d.level_pj[l]);
            }
        }
    td_arena_destroy(a);
}

#define EYERISS                                                                                    \
    HEAD "pes: 168\nmesh_x: 14\npe_words: 220\ninput_words: 12\nweight_words: 192\n"               \
         "buffer_kb: 108\ndram_bw: 4\n"

/* Steps of a dim at a place. */
static int64_t steps(const td_mapping *m, int level, int axis, int dim) {
    int64_t n = 1;
    for (int i = m->first[level]; i < m->first[level + 1]; i++)
        if (m->loop[i].dim == dim && m->loop[i].axis == axis) n *= m->loop[i].bound;
    return n;
}

/* All of R and S stands where the options say, and mappings of other options are refused. */
static void filters(void **state) {
    (void)state;
    static const char *const options[] = {
        "filter_width: 1\nfilter_height: 1\n", "filter_width: 2\nfilter_height: 1\n",
        "filter_width: 1\nfilter_height: 2\n", "filter_width: 2\nfilter_height: 2\n"};
    td_arena *a = td_arena_create();
    td_error err = {0};
    for (int rows = 0; rows < 2; rows++) {
        td_hw hw[4];
        td_map_result best[4];
        td_problem p = layer("conv K32 C16 P14 Q14 R5 S2");
        const int inside = rows ? WEIGHT : PSUM;
        for (int k = 0; k < 4; k++) {
            char text[512];
            snprintf(text, sizeof text, EYERISS "%srow_stationary: %d\n", options[k], rows);
            load(a, text, &hw[k]);
            assert_ok(map("conv K32 C16 P14 Q14 R5 S2", &hw[k], &best[k], &err), &err);
            const td_mapping *m = &best[k].mapping;
            assert_int_equal(steps(m, inside, TD_AXIS_T, TD_R), k & 1 ? 1 : 5);
            assert_int_equal(steps(m, BUFFER, TD_AXIS_Y, TD_R), k & 1 ? 5 : 1);
            assert_int_equal(steps(m, inside, TD_AXIS_T, TD_S), k & 2 ? 1 : 2);
            assert_int_equal(steps(m, BUFFER, TD_AXIS_Y, TD_S), k & 2 ? 2 : 1);
        }
        for (int k = 0; k < 4; k++)
            for (int j = 0; j < 4; j++) {
                td_status s = td_mapping_check(&p, &hw[k], &best[j].mapping, NULL, &err);
                assert_int_equal(s, k == j ? TD_OK : TD_E_INPUT);
            }
    }
    td_arena_destroy(a);
}

/* Filters that have no room: unknown to the rules of the template, found by the mapper. */
static void no_room(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_hw one, both;
    td_map_result r;
    load(a, EYERISS "filter_height: 2\n", &one);
    load(a, EYERISS "filter_width: 2\nfilter_height: 2\n", &both);
    assert_ok(map("conv K8 C8 P8 Q8 R12 S12", &one, &r, &err), &err); /* 12 words, 12 rows */
    assert_int_equal(map("conv K8 C8 P8 Q8 R13 S12", &one, &r, &err), TD_E_INFEASIBLE);
    assert_int_equal(map("conv K8 C8 P8 Q8 R12 S13", &one, &r, &err), TD_E_INFEASIBLE);
    assert_ok(map("conv K8 C8 P8 Q8 R3 S4", &both, &r, &err), &err);
    assert_int_equal(map("conv K8 C8 P8 Q8 R4 S4", &both, &r, &err), TD_E_INFEASIBLE);
    td_arena_destroy(a);
}

typedef struct {
    const td_map_query *query;
    double best;
    long valid;
} least;

static void keep_least(void *self, const td_problem *padded, const td_mapping *m,
                       const td_cost *c) {
    (void)padded;
    (void)m;
    least *l = self;
    l->best = fmin(l->best, objective_of(l->query, c));
    l->valid++;
}

/* The mapper finds the best of all mappings that the cost model takes, with the buffer in two. */
static void against_every_mapping(void **state) {
    (void)state;
    static const char *const points[] = {
        "mesh_x: 2\nbuffer_x: 2\nfilter_height: 2\nblock: 2\n",
        "mesh_x: 4\nbuffer_x: 2\ncluster: 2\n",
        "mesh_x: 1\nbuffer_y: 2\nfilter_width: 2\n",
        "mesh_x: 2\nbuffer_y: 2\nrow_stationary: 1\n",
    };
    static const char *const layers[] = {"conv K2 Q2 S2", "conv C2 P2 R2", "conv K4 C2"};
    td_arena *a = td_arena_create();
    td_error err = {0};
    const int step = TEST_SANITIZED ? 4 : 1; /* each layer once */
    int found = 0, tried = 0;
    for (int j = 0; j < 12; j += step, tried++) {
        const int i = j / 3, k = j % 3;
        char text[512];
        td_hw hw;
        td_map_query q;
        td_map_result r;
        snprintf(text, sizeof text,
                 "template: spatial-array\ntech: pat\nclock_ghz: 1\nbuffer_bw: 1\npes: 4\n"
                 "pe_words: 12\ninput_words: 4\nweight_words: 6\nbuffer_kb: 0.125\n"
                 "dram_bw: 1\n%s",
                 points[i]);
        load(a, text, &hw);
        td_problem p = layer(layers[k]);
        td_map_query_default(&q, &hw);
        q.mode = TD_MAP_EXACT;
        least l = {.query = &q, .best = INFINITY};
        brute b = {.visit = keep_least, .self = &l, .limit = 20000000};
        brute_force(&b, &p, &hw, &q);
        td_status s = td_map_best(&p, &hw, &q, &r, NULL, &err);
        assert_false(b.gave_up);
        assert_int_equal(s, l.valid > 0 ? TD_OK : TD_E_INFEASIBLE);
        if (s != TD_OK) continue;
        assert_near(objective_of(&q, &r.cost), l.best, 1e-9 * l.best);
        found++;
    }
    assert_int_equal(found, tried);
    td_arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_eyeriss_256),
        cmocka_unit_test(filters),
        cmocka_unit_test(no_room),
        cmocka_unit_test(against_every_mapping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Timeloop's YAML both ways: what is written reads back to the same cost, bit for bit; files in
 * either of its forms, shapes, tables of energies; and what is refused, with file, line and key. */
#include "common.h"

#include "random_case.h"

static td_status parse(td_arena *a, const char *text, td_case *c, td_error *err) {
    const td_node *doc = NULL;
    td_status s = td_yaml_parse_tagged(a, text, strlen(text), "t.yaml", &doc, err);
    if (s == TD_OK && doc->kind == TD_MAP) assert_true(td_timeloop_is(doc));
    return s == TD_OK ? td_timeloop_from_nodes(&doc, 1, c, err) : s;
}

/* ---- writing and reading --------------------------------------------------------------------- */

static bool twice_on_a_fan(const td_case *c) {
    for (int l = 0; l < c->hw.n; l++) {
        unsigned seen = 0;
        for (int i = c->mapping.first[l]; i < c->mapping.first[l + 1]; i++) {
            const td_loop *o = &c->mapping.loop[i];
            if (o->axis == TD_AXIS_T || o->bound == 1) continue;
            if (seen & TD_BIT(o->dim)) return true;
            seen |= TD_BIT(o->dim);
        }
    }
    return false;
}

static void one_width(td_case *c, int bits) {
    for (int t = 0; t < TD_NTENSOR; t++) c->problem.bits[t] = (uint8_t)bits;
    c->problem.acc_bits = (uint8_t)bits;
}

/* A fan-out of two steps has a level of wires more: the others by their names. */
static void same_levels(const td_case *c, const td_cost *x, const td_case *d, const td_cost *y) {
    assert_true(x->cycles == y->cycles && x->mac_used == y->mac_used && x->macs == y->macs);
    assert_true(x->total_pj == y->total_pj && x->utilization == y->utilization);
    for (int l = 0; l < c->hw.n; l++) {
        int k = td_hw_level_find(&d->hw, c->hw.level[l].name);
        assert_true(k >= 0 && d->mapping.keep[k] == c->mapping.keep[l]);
        for (int t = 0; t < TD_NTENSOR; t++) {
            td_access p = x->at[l][t], q = y->at[k][t];
            /* A statistic, divided level by level in whole numbers by Timeloop. */
            if (t == TD_I) p.partition_words = q.partition_words;
            assert_memory_equal(&p, &q, sizeof p);
        }
        assert_true(x->level_cycles[l] == y->level_cycles[k] && x->used[l] == y->used[k]);
    }
}

static void same_again(const td_case *c, td_arena *a) {
    td_error err = {0};
    td_node *n;
    td_text t = {0};
    td_case d;
    assert_ok(td_timeloop_to_node(c, a, &n, &err), &err);
    td_node_to_yaml(n, &t);
    td_status s = parse(a, t.data, &d, &err);
    if (s != TD_OK) fail_msg("%s: %s\n%s", c->name, err.message, t.data);
    assert_true(d.has_mapping && (d.hw.n == c->hw.n || twice_on_a_fan(c)));
    for (int counting = 0; counting < 2; counting++) {
        td_cost x, y;
        td_status sx =
            td_cost_evaluate(&c->problem, &c->hw, &c->mapping, (td_counting)counting, &x, &err);
        td_status sy =
            td_cost_evaluate(&d.problem, &d.hw, &d.mapping, (td_counting)counting, &y, &err);
        assert_int_equal(sx, sy);
        if (sx != TD_OK) continue;
        if (d.hw.n != c->hw.n)
            same_levels(c, &x, &d, &y);
        else if (memcmp(&x, &y, sizeof x) != 0)
            fail_msg("%s: %s", c->name, t.data);
    }
    td_text_free(&t);
}

/* Words of one width, any accelerator: odd widths, blocks and bandwidths, capacities that are no
 * whole words. */
static void test_round_trip(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    td_error err = {0};
    int written = 0, refused = 0, steps = 0;
    for (int i = 0; i < 3000; i++) {
        td_case c;
        td_node *n;
        random_limits limits = {.max_macs = 3000, .resident = true, .imperfect = i % 4 == 3};
        random_case(11, (uint64_t)i, limits, &c);
        one_width(&c, 1 + i % 33);
        for (int l = 0; l < c.hw.n; l++) {
            td_level *v = &c.hw.level[l];
            v->block_bits = 1 + (i * 7 + l) % 177;
            /* Bandwidths are words in those files: thirds of a word, in bits. */
            double words = v->read_bw / 3;
            if (isfinite(words)) v->read_bw = words * c.problem.bits[TD_W];
            words = v->write_bw / 7;
            if (isfinite(words)) v->write_bw = words * c.problem.bits[TD_W];
            if (isfinite(v->shared_bw)) v->shared_bw *= c.problem.bits[TD_W];
            v->read_pj /= 7;
            if (i % 3 == 0) v->buffering = 1 + l;
            if (i % 2 == 0 && l < c.hw.n - 1) v->capacity_bits = (1 << 20) + i;
        }
        td_status s = td_timeloop_to_node(&c, a, &n, &err);
        if (s != TD_OK) {
            assert_true(twice_on_a_fan(&c) && s == TD_E_UNSUPPORTED);
            assert_non_null(strstr(err.message, "one stands twice below level L"));
            refused++;
        } else {
            steps += twice_on_a_fan(&c);
            same_again(&c, a);
            written++;
        }
        td_arena_reset(a);
    }
    td_arena_destroy(a);
    assert_true(written > 2500 && steps > 100 && refused > 10 && refused < 200);
}

/* Any names of levels, as long as they differ. */
static void test_names(void **state) {
    (void)state;
    static const char *const names[] = {"a.b",  "a b", "a_b",  "a_b_1",
                                        "M.AC", "MAC", "MAC_", "on-chip, L2 (shared)"};
    td_arena *a = td_arena_create();
    for (int i = 0; i < 300; i++) {
        td_case c;
        random_case(13, (uint64_t)i, (random_limits){.max_macs = 300}, &c);
        one_width(&c, 8);
        for (int l = 0; l < c.hw.n; l++)
            snprintf(c.hw.level[l].name, sizeof c.hw.level[l].name, "%s", names[(i + 3 * l) % 8]);
        if (!twice_on_a_fan(&c)) same_again(&c, a);
        td_arena_reset(a);
    }
    td_arena_destroy(a);
}

/* Levels may have words of widths of their own where each keeps words of one. */
static void test_widths(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    td_error err = {0};
    int written = 0, refused = 0;
    for (int i = 0; i < 2000; i++) {
        td_case c;
        td_node *n;
        random_case(12, (uint64_t)i, (random_limits){.max_macs = 1000}, &c);
        for (int t = 0; t < TD_NTENSOR; t++) c.problem.bits[t] = i % 2 ? 8 : c.problem.bits[t];
        c.problem.acc_bits = 32;
        bool mixed = false;
        for (int l = 0; l < c.hw.n; l++)
            for (int t = 0, width = 0; t < TD_NTENSOR; t++) {
                if (!(c.mapping.keep[l] & TD_BIT(t))) continue;
                int bits = td_word_bits(&c.problem, &c.mapping, l, (td_tensor)t);
                mixed = mixed || (width != 0 && bits != width);
                width = bits;
            }
        if (mixed) {
            assert_int_equal(td_timeloop_to_node(&c, a, &n, &err), TD_E_UNSUPPORTED);
            assert_non_null(strstr(err.message, "words of one width"));
            refused++;
        } else if (td_timeloop_to_node(&c, a, &n, &err) == TD_OK) {
            same_again(&c, a);
            written++;
        }
        td_arena_reset(a);
    }
    td_arena_destroy(a);
    assert_true(written > 20 && refused > 100);
}

/* ---- files ----------------------------------------------------------------------------------- */

#define PROBLEM                                                                                    \
    "problem:\n  version: 0.4\n  shape:\n    name: conv\n    dimensions: [C, M, R, S, N, P, Q]\n"  \
    "    coefficients:\n    - {name: Ws, default: 1}\n    - {name: Hd, default: 1}\n"              \
    "    data_spaces:\n"                                                                           \
    "    - name: Weights\n      projection: [[[C]], [[M]], [[R]], [[S]]]\n"                        \
    "    - name: Inputs\n      projection: [[[N]], [[C]], [[R], [P, Ws]], [[S, Hd], [Q]]]\n"       \
    "    - name: Outputs\n      projection: [[[N]], [[M]], [[Q]], [[P]]]\n      read_write: "      \
    "true\n"                                                                                       \
    "  instance: {C: 4, M: 8, R: 3, S: 3, N: 1, P: 6, Q: 14, Ws: 2, Hd: 3}\n"
#define MAPPING                                                                                    \
    "mapping:\n"                                                                                   \
    "- {target: DRAM, type: temporal, factors: M=2 P=6, permutation: MP}\n"                        \
    "- {target: GLB, type: bypass, keep: [Inputs, Outputs], bypass: [Weights]}\n"                  \
    "- {target: GLB, type: temporal, factors: [M=4, Q2], permutation: [Q, M]}\n"                   \
    "- {target: RF, type: temporal, factors: 'R=0, C=4', permutation: 'R C'}\n"

static const char nodes[] = PROBLEM
    "architecture:\n  version: 0.4\n  nodes:\n"
    "  - !Container\n    name: system\n    attributes: {datawidth: 8, technology: \"45nm\"}\n"
    "  - !Component\n    name: DRAM\n    class: DRAM\n    attributes: {width: 64, read_bandwidth: "
    "4}\n"
    "  - !Component\n    name: GLB\n    class: smartbuffer_SRAM\n"
    "    attributes: {depth: 128, width: 32, block_size: 4, cluster_size: 1}\n"
    "  - !Container\n    name: column\n    spatial: {meshX: 14}\n"
    "  - !Container\n    name: PE\n    spatial: {meshY: 3}\n"
    "  - !Parallel\n    nodes:\n"
    "    - !Component\n      name: RF\n      class: regfile\n      attributes: {depth: 64, width: "
    "16, "
    "datawidth: 8}\n"
    "      constraints: {dataspace: {keep: [Weights], bypass: [Inputs, Outputs]}}\n"
    "    - !Nothing {constraints: {dataspace: {keep: [Inputs]}}}\n"
    "  - !Component\n    name: mac\n    class: intmac\n    attributes: {datawidth: 8}\n" MAPPING
    "- {target: column, type: spatial, factors: Q=7, permutation: QCM, split: 1}\n"
    "- {target: PE, type: spatial, factors: S=3, permutation: S, split: 0, no_reuse: [Weights]}\n";

/* The same as timeloop-model has it: levels of wires, extents of all instances. */
static const char subtrees[] = PROBLEM
    "architecture:\n  version: '0.4'\n  subtree:\n  - name: system\n    local:\n"
    "    - name: DRAM[1..1]\n      class: DRAM\n      attributes: {width: 64, datawidth: 8, "
    "read_bandwidth: 4}\n"
    "    - name: GLB\n      class: smartbuffer_SRAM\n"
    "      attributes: {depth: 128, width: 32, datawidth: 8, block-size: 4, cluster-size: 1}\n"
    "    - name: inter_column_spatial[1..1]\n      class: dummy_storage\n"
    "      attributes: {width: 1, depth: 1, datawidth: 1, meshX: 1, meshY: 1}\n"
    "    - name: inter_PE_spatial[1..14]\n      class: dummy_storage\n"
    "      attributes: {width: 1, depth: 1, datawidth: 1, meshX: 14, meshY: 1}\n"
    "    - name: NoCs\n      class: some_wires\n"
    "    subtree:\n    - name: PE[0..41]\n      local:\n"
    "      - name: RF\n        class: regfile\n"
    "        attributes: {depth: 64, width: 16, datawidth: 8, meshX: 14, meshY: 3}\n"
    "      - name: mac\n        class: intmac\n        attributes: {datawidth: 8, meshX: "
    "14}\n" MAPPING "- {target: RF, type: datatype, keep: [Weights], bypass: [Inputs, Outputs]}\n"
    "- {target: inter_column_spatial, type: datatype, keep: [], bypass: [Weights, Inputs, "
    "Outputs]}\n"
    "- {target: inter_PE_spatial, type: dataspace, bypass: [Weights, Inputs, Outputs]}\n"
    "- {target: inter_column_spatial, type: spatial, factors: Q=7, permutation: QCMRSNP, split: "
    "1}\n"
    "- {target: inter_PE_spatial, type: spatial, factors: S=3, permutation: SCMRNPQ, split: 0, "
    "no_reuse: Weights}\n";

static void check_case(const td_case *c) {
    static const int32_t dims[TD_NDIM] = {1, 8, 4, 6, 14, 3, 3, 1};
    assert_memory_equal(c->problem.dim, dims, sizeof dims);
    assert_true(c->problem.stride[0] == 2 && c->problem.stride[1] == 1);
    assert_true(c->problem.dilation[0] == 1 && c->problem.dilation[1] == 3);
    assert_int_equal(c->problem.bits[TD_W], 8);
    assert_int_equal(c->hw.n, 4); /* the column's wires are the buffer's fan-out */
    assert_string_equal(c->hw.level[0].name, "RF");
    assert_string_equal(c->hw.level[1].name, "inter_PE_spatial");
    assert_string_equal(c->hw.level[2].name, "GLB");
    assert_true(c->hw.level[0].instances == 42 && c->hw.level[0].mesh_x == 14);
    assert_true(c->hw.level[1].instances == 14 && c->hw.level[1].capacity_bits <= 0);
    assert_int_equal(c->hw.level[2].capacity_bits, 128 * 32);
    assert_int_equal(c->hw.level[2].block_bits, 32);
    assert_int_equal(c->hw.level[0].block_bits, 16);
    assert_int_equal(c->hw.level[3].capacity_bits, -1);
    assert_near(c->hw.level[3].read_bw, 32, 0);
    assert_int_equal(c->hw.level[1].multicast, TD_BIT(TD_I) | TD_BIT(TD_O));
    assert_int_equal(c->hw.mac.instances, 42);
    /* Built-in energies: DRAM 200 for 16 bits; a row of the line through (.5 KB, 1), (100 KB, 6).
     */
    assert_near(c->hw.level[3].read_pj, 800, 1e-9);
    assert_near(c->hw.level[2].fill_pj, 2 * (5 / 99.5 * (.5 - .5) + 1), 1e-9);
    assert_near(c->hw.level[0].update_pj, 5 / 99.5 * (.125 - .5) + 1, 1e-9);
    assert_near(c->hw.mac.energy_pj, .25, 0);
    assert_true(c->mapping.keep[0] == TD_BIT(TD_W) && c->mapping.keep[1] == 0 &&
                c->mapping.keep[2] == (TD_BIT(TD_I) | TD_BIT(TD_O)) && c->mapping.keep[3] == 7);
    static const td_loop loops[] = {{TD_C, TD_AXIS_T, 4, 4}, {TD_R, TD_AXIS_T, 3, 3},
                                    {TD_S, TD_AXIS_Y, 3, 3}, {TD_K, TD_AXIS_T, 4, 4},
                                    {TD_Q, TD_AXIS_T, 2, 2}, {TD_Q, TD_AXIS_X, 7, 7},
                                    {TD_P, TD_AXIS_T, 6, 6}, {TD_K, TD_AXIS_T, 2, 2}};
    assert_int_equal(c->mapping.n, sizeof loops / sizeof loops[0]);
    for (int i = 0; i < c->mapping.n; i++) {
        const td_loop *o = &c->mapping.loop[i];
        assert_true(o->dim == loops[i].dim && o->axis == loops[i].axis);
        assert_true(o->bound == loops[i].bound && o->tail == loops[i].tail);
    }
}

static void test_both_forms(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_case c, d;
    td_cost x, y;
    assert_ok(parse(a, nodes, &c, &err), &err);
    check_case(&c);
    assert_ok(parse(a, subtrees, &d, &err), &err);
    check_case(&d);
    for (int counting = 0; counting < 2; counting++) {
        assert_ok(td_cost_evaluate(&c.problem, &c.hw, &c.mapping, (td_counting)counting, &x, &err),
                  &err);
        assert_ok(td_cost_evaluate(&d.problem, &d.hw, &d.mapping, (td_counting)counting, &y, &err),
                  &err);
        assert_memory_equal(&x, &y, sizeof x);
    }
    same_again(&c, a);
    td_arena_destroy(a);
}

#define SMALL                                                                                      \
    "arch:\n  version: 0.3\n  subtree:\n  - name: system\n    local:\n"                            \
    "    - {name: DRAM, class: DRAM, attributes: {word-bits: 16}}\n"                               \
    "    - {name: 'RF[0..3]', class: regfile, attributes: {entries: 100, word-bits: 16, "          \
    "cluster-size: 2}}\n"                                                                          \
    "    - {name: 'mac[0..3]', class: intmac}\n"

/* Products by their names; energies from a table; clusters share an access. */
static void test_products_and_energies(void **state) {
    (void)state;
    static const char text[] =
        SMALL "problem: {shape: gemm_ABZ, M: 5, N: 4, K: 6}\n"
              "mapping:\n"
              "- {target: DRAM, type: temporal, factors: M5 K=6, permutation: KM}\n"
              "- {target: DRAM, type: spatial, factors: N=4}\n"
              "ERT:\n  version: 0.4\n  tables:\n"
              "  - name: system.DRAM[1..1]\n    actions:\n"
              "    - {name: read, arguments: {a: 1}, energy: 50}\n"
              "    - {name: read, arguments: {a: 2}, energy: 60}\n"
              "    - {name: write, energy: 70}\n    - {name: leak, energy: 1000}\n"
              "  - name: system.RF[1..4]\n    actions:\n"
              "    - {name: read, energy: 3}\n    - {name: fill, energy: 4}\n"
              "    - {name: update, energy: 5}\n"
              "  - name: system.mac[1..4]\n    actions: [{name: compute, energy: 0.5}]\n"
              "  - name: system.other\n    actions: []\n";
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_case c;
    assert_ok(parse(a, text, &c, &err), &err);
    assert_true(c.problem.dim[TD_P] == 5 && c.problem.dim[TD_K] == 4 && c.problem.dim[TD_C] == 6);
    assert_int_equal(td_problem_macs(&c.problem), 120);
    assert_near(c.hw.level[1].read_pj, 60, 0);
    assert_near(c.hw.level[1].fill_pj, 70, 0);
    assert_near(c.hw.level[1].update_pj, 70, 0);
    assert_near(c.hw.level[0].read_pj, 1.5, 0); /* four in use, two clusters of two */
    assert_near(c.hw.level[0].fill_pj, 2, 0);
    assert_near(c.hw.level[0].update_pj, 2.5, 0);
    assert_near(c.hw.mac.energy_pj, .5, 0);
    assert_int_equal(c.hw.level[0].capacity_bits, 1600);

    /* A dim of one space may have a bound of 1: a dot product with a row of results. */
    static const char dot[] =
        SMALL "problem:\n  shape:\n    dimensions: [K, M]\n    data_spaces:\n"
              "    - {name: A, projection: [[[K]]]}\n    - {name: B, projection: [[[K]]]}\n"
              "    - {name: Z, projection: [M], read_write: true}\n"
              "  instance: {K: 12, M: 1}\n"
              "mapping: [{target: DRAM, type: temporal, factors: K12 M1, permutation: MK}]\n";
    assert_ok(parse(a, dot, &c, &err), &err);
    assert_true(td_problem_macs(&c.problem) == 12 && c.problem.dim[TD_C] == 12);
    td_arena_destroy(a);
}

/* Sections in files of their own; the layer by Timeloop's own shape. */
static void test_several_files(void **state) {
    (void)state;
    static const char *const text[] = {
        SMALL, "problem:\n  instance: {R: 3, S: 1, P: 4, Q: 1, C: 2, K: 4, N: 1, Wstride: 2}\n",
        "mapping:\n- {target: RF, type: temporal, factors: R3 P4 C2, permutation: RPC}\n"
        "- {target: DRAM, type: spatial, factors: K4, permutation: K, split: 1}\n"};
    td_arena *a = td_arena_create();
    td_error err = {0};
    const td_node *doc[4];
    td_case c;
    for (int i = 0; i < 3; i++) {
        const char *name = i == 0 ? "arch.yaml" : i == 1 ? "problem.yaml" : "map.yaml";
        assert_ok(td_yaml_parse_tagged(a, text[i], strlen(text[i]), name, &doc[i], &err), &err);
        assert_true(td_timeloop_is(doc[i]));
    }
    assert_ok(td_timeloop_from_nodes(doc, 3, &c, &err), &err);
    assert_true(c.has_mapping && c.problem.dim[TD_R] == 3 && c.problem.stride[0] == 2);
    assert_ok(td_timeloop_from_nodes(doc, 2, &c, &err), &err);
    assert_false(c.has_mapping);
    doc[3] = doc[1];
    assert_int_equal(td_timeloop_from_nodes(doc, 4, &c, &err), TD_E_INPUT);
    assert_non_null(strstr(err.message, "a second section of this kind, the first is at problem"));
    /* Neutral cases and recipes are something else. */
    const char *other = "{format: neutral-case-1, problem: {dims: {K: 2}}, mapping: {levels: []}, "
                        "arch: {levels: []}}";
    assert_ok(td_yaml_parse(a, other, strlen(other), "case", &doc[0], &err), &err);
    assert_false(td_timeloop_is(doc[0]));
    assert_false(td_timeloop_is(NULL));
    td_arena_destroy(a);
}

/* An architecture alone: constraints become rules, in both forms. */
static void test_rules(void **state) {
    (void)state;
    static const char alone[] =
        "architecture:\n  version: 0.4\n  nodes:\n"
        "  - !Component {name: DRAM, class: DRAM, attributes: {datawidth: 8},\n"
        "     constraints: {temporal: {factors: [R=1, S=1]}}}\n"
        "  - !Component {name: GLB, class: SRAM, attributes: {depth: 512, datawidth: 8},\n"
        "     constraints: {dataspace: {keep: [Inputs, Outputs], bypass: [Weights]}}}\n"
        "  - !Container {name: column, spatial: {meshX: 8},\n"
        "     constraints: {spatial: {factors: N=1 C=1, permutation: NCM}}}\n"
        "  - !Parallel\n    nodes:\n"
        "    - !Component {name: A, class: regfile, attributes: {depth: 4, datawidth: 8},\n"
        "       constraints: {dataspace: {keep: [Inputs]}, temporal: {factors: [R=0]}}}\n"
        "    - !Component {name: B, class: regfile, attributes: {depth: 4, datawidth: 8},\n"
        "       constraints: {dataspace: {keep: Weights}}}\n"
        "  - !Component {name: mac, class: mac, spatial: {meshY: 2},\n"
        "     constraints: {spatial: {factors: [S=0]}}}\n";
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_case c;
    assert_ok(parse(a, alone, &c, &err), &err);
    assert_false(c.has_mapping);
    assert_int_equal(td_problem_macs(&c.problem), 1);
    assert_ok((snprintf(c.hw.name, sizeof c.hw.name, "alone"), td_hw_check(&c.hw, &err)), &err);
    /* B and the wires around the MACs have the same instances, as have the buffer and the column.
     */
    assert_int_equal(c.hw.n, 4);
    const td_level *b = &c.hw.level[0], *in = &c.hw.level[1], *glb = &c.hw.level[2];
    assert_string_equal(b->name, "B");
    assert_int_equal(c.hw.mac.instances, 16);
    assert_int_equal(td_hw_fanout(&c.hw, 0, TD_AXIS_Y), 2);
    assert_int_equal(td_hw_fanout(&c.hw, 2, TD_AXIS_X), 8);
    assert_true(b->may_keep == (TD_BIT(TD_W) | TD_BIT(TD_O)) && b->must_keep == TD_BIT(TD_W));
    assert_true(in->may_keep == (TD_BIT(TD_I) | TD_BIT(TD_O)) && in->must_keep == TD_BIT(TD_I));
    assert_true(glb->may_keep == (TD_BIT(TD_I) | TD_BIT(TD_O)) && glb->must_keep == glb->may_keep);
    const unsigned r = TD_BIT(TD_R), s = TD_BIT(TD_S), nc = TD_BIT(TD_N) | TD_BIT(TD_C);
    for (int l = 0; l < 4; l++) {
        const uint8_t *allowed = c.hw.rules.allowed[l];
        unsigned time = 0xff & ~s & ~(l == 1 ? 0 : r);
        unsigned space = 0xff & ~r & ~(l == 0 ? 0 : s) & ~(l == 2 ? nc : 0);
        assert_int_equal(allowed[TD_AXIS_T], time);
        assert_int_equal(allowed[TD_AXIS_X], space);
        assert_int_equal(allowed[TD_AXIS_Y], space);
    }
    static const char section[] =
        SMALL "architecture_constraints:\n  targets:\n"
              "  - {target: RF, type: bypass, keep: [Weights], bypass: [Inputs]}\n"
              "  - {target: DRAM, type: spatial, factors: 'C=1,Q=1', permutation: CQ}\n"
              "  - {target: RF, type: temporal, factors: M=1}\n"
              "  - {target: RF, type: utilization, min: 0.5}\n";
    assert_ok(parse(a, section, &c, &err), &err);
    assert_true(c.hw.level[0].may_keep == (TD_BIT(TD_W) | TD_BIT(TD_O)));
    assert_int_equal(c.hw.rules.allowed[1][TD_AXIS_X], 0xff & ~TD_BIT(TD_C) & ~TD_BIT(TD_Q));
    assert_int_equal(c.hw.rules.allowed[0][TD_AXIS_T], 0xff & ~TD_BIT(TD_K));
    static const char fixed[] =
        SMALL "architecture_constraints: [{target: RF, type: temporal, factors: C=4}]\n";
    assert_int_equal(parse(a, fixed, &c, &err), TD_E_INPUT);
    assert_non_null(
        strstr(err.message, "t.yaml:9: architecture_constraints[0].factors: C=4: only"));
    td_arena_destroy(a);
}

/* Each replacement in the file above has its message, with the line. */
static void test_refused(void **state) {
    (void)state;
    static const struct {
        const char *what, *by, *message;
    } cases[] = {
        {"dimensions: [C, M, R, S, N, P, Q]", "dimensions: C",
         "problem.shape.dimensions: expected a list"},
        {"dimensions: [C,", "dimensions: [C, C,", "\"C\" stands in the list twice"},
        {"[P, Ws]", "[P, Wx]", "\"Wx\" is none of the coefficients"},
        {"[[M]], [[R]]", "[[M]], [[X]]", "\"X\" is none of the dimensions"},
        {"[R], [P, Ws]", "[R], [P, Ws], [Q]", "expected a rank"},
        {"[R], [P, Ws]", "[R], [C]", "stands in \"Inputs\" twice"},
        {"[[N]], [[C]], [[R], [P, Ws]]", "[[N], [P, Ws]], [[C], [R]]",
         "expected the sum of a dimension of the outputs"},
        {"[[N]], [[M]], [[Q]], [[P]]", "[[N]], [[M]], [[Q]]", "expected the sum"},
        {"read_write: true", "read_write: false", "two data spaces to read and one read_write"},
        {"C: 4, M: 8", "C: 4", "problem.instance: missing key \"M\""},
        {"C: 4, M: 8", "C: 0, M: 8", "problem.instance.C: expected"},
        {"nodes:\n", "nods:\n", "expected \"subtree\" or \"nodes\""},
        {"meshX: 14", "meshX: 0", "spatial.meshX: expected"},
        {"name: column", "name: column[0..3]", "expected a name without [..] and a spatial mesh"},
        {"width: 32, block_size: 4", "width: 36, block_size: 4",
         "width 36, expected datawidth x block_size x cluster_size"},
        {"depth: 128", "depth: many", "depth: expected an integer"},
        {"read_bandwidth: 4", "read_bandwidth: -4", "read_bandwidth: expected a number"},
        {"class: intmac", "class: nothing", "no component computes"},
        {"class: regfile", "class: XY_NoC", "networks with costs of their own"},
        {"name: RF", "name: GLB", "a second level \"GLB\""},
        {"keep: [Weights], bypass", "keep: [Wights], bypass",
         "expected a data space: Weights, Inputs or Outputs"},
        {"target: PE, type", "target: EP, type", "\"EP\" is none of the levels"},
        {"target: RF, type: temporal", "target: RF, type: skew",
         "expected temporal, spatial or bypass"},
        {"type: bypass", "type: pass", "expected temporal, spatial or bypass"},
        {"factors: Q=7", "factors: X=7", "expected factors like \"C=3 M=4\""},
        {"factors: Q=7", "factors: Q=x", "expected a factor of Q, found \"x\""},
        {"permutation: QCM", "permutation: QCQ", "Q stands in the permutation twice"},
        {"permutation: QCM", "permutation: QXM", "expected the problem's dimensions"},
        {"split: 1", "split: -1", "split: expected"},
        {"mapping:\n", "mapping: none\nmap:\n", "expected a list of directives"},
        {"target: GLB, type: temporal", "target: DRAM, type: temporal",
         "a second temporal directive for \"DRAM\""},
        {"mapping:\n", "layout: [a]\nmapping:\n", "layout is not supported"},
        {"mapping:\n", "ERT: {tables: [{name: x}]}\nmapping:\n", "missing key \"actions\""},
        {"!Parallel", "&x !Parallel", "anchors"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        td_arena *a = td_arena_create();
        td_error err = {0};
        td_case c;
        td_text t = {0};
        const char *at = strstr(nodes, cases[i].what);
        if (at == NULL) fail_msg("%s: not in the text", cases[i].what);
        td_text_add_bytes(&t, nodes, (size_t)(at - nodes));
        td_text_add(&t, cases[i].by);
        td_text_add(&t, at + strlen(cases[i].what));
        td_status s = parse(a, t.data, &c, &err);
        if (s != TD_E_INPUT || strstr(err.message, cases[i].message) == NULL ||
            strncmp(err.message, "t.yaml:", 7) != 0)
            fail_msg("%s: \"%s\" does not hold \"%s\"", cases[i].by, err.message, cases[i].message);
        assert_int_equal(parse(a, t.data, &c, NULL), s);
        td_text_free(&t);
        td_arena_destroy(a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_widths),
        cmocka_unit_test(test_both_forms),
        cmocka_unit_test(test_products_and_energies),
        cmocka_unit_test(test_several_files),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

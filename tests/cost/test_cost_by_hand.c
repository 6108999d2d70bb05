/* Small cases counted by hand: what both the evaluator and the simulator have to say. Notation: a
 * tile is [first, last]; "new" are its words that were not there one step before. */
#include "common.h"

#include <math.h>

#include "simulator.h"

/* Levels innermost first, one instance each unless there are spatial loops; energies 1 pJ. */
static void start(td_case *c, int levels) {
    memset(c, 0, sizeof *c);
    for (int d = 0; d < TD_NDIM; d++) c->problem.dim[d] = 1;
    for (int i = 0; i < 2; i++) c->problem.stride[i] = c->problem.dilation[i] = 1;
    for (int t = 0; t < TD_NTENSOR; t++) c->problem.bits[t] = 8;
    c->problem.acc_bits = 32;
    c->hw.n = levels;
    for (int l = 0; l < levels; l++) {
        td_level *v = &c->hw.level[l];
        snprintf(v->name, sizeof v->name, "L%d", l);
        v->may_keep = v->multicast = TD_ALL_TENSORS;
        v->reduce = TD_BIT(TD_O);
        v->capacity_bits = -1;
        v->instances = v->mesh_x = 1;
        v->word_bits = v->block_bits = 8;
        v->buffering = 1;
        v->read_bw = v->write_bw = v->shared_bw = INFINITY;
        v->read_pj = v->fill_pj = v->update_pj = 1;
        v->shares = -1;
        c->mapping.keep[l] = TD_ALL_TENSORS;
    }
    c->hw.mac.instances = c->hw.mac.mesh_x = 1;
    c->hw.mac.energy_pj = 1;
    memset(c->hw.rules.allowed, 0xff, sizeof c->hw.rules.allowed);
}

/* Loops are added level by level from the innermost, each level's from the outermost. With an
 * imperfect one the dim is set by hand. */
static void imperfect(td_case *c, int level, int dim, int axis, int bound, int tail) {
    td_mapping *m = &c->mapping;
    m->loop[m->n++] = (td_loop){(uint8_t)dim, (uint8_t)axis, bound, tail};
    for (int l = level + 1; l <= c->hw.n; l++) m->first[l] = m->n;
    if (axis == TD_AXIS_T) return;
    c->hw.mac.instances *= bound;
    c->hw.mac.mesh_x *= axis == TD_AXIS_X ? bound : 1;
    for (int l = 0; l < level; l++) {
        c->hw.level[l].instances *= bound;
        c->hw.level[l].mesh_x *= axis == TD_AXIS_X ? bound : 1;
    }
}

static void loop(td_case *c, int level, int dim, int axis, int bound) {
    imperfect(c, level, dim, axis, bound, bound);
    c->problem.dim[dim] *= bound;
}

typedef struct {
    td_cost cost;
    sim_result sim;
} counted;

static counted count(const td_case *c) {
    counted z;
    td_error err = {0};
    assert_ok(td_cost_evaluate(&c->problem, &c->hw, &c->mapping, TD_COUNT_EXACT, &z.cost, &err),
              &err);
    assert_true(simulate(&c->problem, &c->hw, &c->mapping, &z.sim));
    return z;
}

static void expect(const counted *z, int l, td_tensor t, double reads, double fills,
                   double updates) {
    const td_access *a = &z->cost.at[l][t];
    const sim_access *b = &z->sim.at[l][t];
    const double want[3] = {reads, fills, updates}, got[3] = {a->reads, a->fills, a->updates},
                 sim[3] = {b->reads, b->fills, b->updates};
    static const char *const what[3] = {"reads", "fills", "updates"};
    for (int i = 0; i < 3; i++) {
        if (got[i] != want[i])
            fail_msg("level %d %c %s: evaluator %.17g, by hand %.17g", l, td_tensor_letter[t],
                     what[i], got[i], want[i]);
        if (sim[i] != want[i])
            fail_msg("level %d %c %s: simulator %.17g, by hand %.17g", l, td_tensor_letter[t],
                     what[i], sim[i], want[i]);
    }
}

/* for p in 0..4 { for r in 0..3 }: P = 4, R = 3, the buffer holds 1 x 3 window, 1 output, 3
 * weights. W: fetched once (3), read by every MAC (12). I: windows [0,2] [1,3] [2,4] [3,5]: 3 + 1 +
 * 1 + 1 = 6 fetched, 12 read by MACs. O: each of 4 outputs: 3 updates from the MAC, 2 of them read;
 * then drained (1 read). L0: updates 12, reads 8 + 4 drains; nothing comes back. L1: 4 updates, no
 * reads. */
static void test_sliding_window(void **state) {
    (void)state;
    td_case c;
    start(&c, 2);
    loop(&c, 0, TD_R, TD_AXIS_T, 3);
    loop(&c, 1, TD_P, TD_AXIS_T, 4);
    counted z = count(&c);
    expect(&z, 0, TD_W, 12, 3, 0);
    expect(&z, 1, TD_W, 3, 0, 0);
    expect(&z, 0, TD_I, 12, 6, 0);
    expect(&z, 1, TD_I, 6, 0, 0);
    expect(&z, 0, TD_O, 12, 0, 12);
    expect(&z, 1, TD_O, 0, 0, 4);
    /* Energy: 12 MACs; L0 12 + 3, 12 + 6, 12 + 12 = 57; L1 3, 6, 4 = 13. */
    assert_true(z.cost.total_pj == 12 + 57 + 13);
    /* Outputs in L0 are partial sums (a loop over R runs there): 32 bits; in L1 they are done. */
    assert_int_equal(td_word_bits(&c.problem, &c.mapping, 0, TD_O), 32);
    assert_int_equal(td_word_bits(&c.problem, &c.mapping, 1, TD_O), 8);
}

/* for r in 0..3 { for p in 0..4 } in the outer level, tiles of one word:
 *   I: h = p + r: 0 1 2 3 | 1 2 3 4 | 2 3 4 5: every step is another word: 12.
 *   O: p = 0 1 2 3 | 0 1 2 3 | 0 1 2 3: 12 drains; 4 distinct, so 8 partial sums come back.
 *      L0: 12 updates by MACs; first of a word never reads: 12 - 4 = 8 reads, + 12 drains.
 *      L1: 12 updates, 12 - 4 = 8 reads (they feed the 8 fills below).
 *   W: r changes twice: 3. */
static void test_partial_sums_return(void **state) {
    (void)state;
    td_case c;
    start(&c, 2);
    loop(&c, 1, TD_R, TD_AXIS_T, 3);
    loop(&c, 1, TD_P, TD_AXIS_T, 4);
    counted z = count(&c);
    expect(&z, 0, TD_W, 12, 3, 0);
    expect(&z, 1, TD_I, 12, 0, 0);
    expect(&z, 0, TD_O, 20, 8, 12);
    expect(&z, 1, TD_O, 8, 0, 12);
    assert_int_equal(td_word_bits(&c.problem, &c.mapping, 1, TD_O), 32);
}

/* for q in 0..3 { for p in 0..2 }, tile 2 x 1 outputs with a 3 x 3 kernel (all R, S inside):
 *   window rows [2p, 2p+3], columns [q, q+2]: 4 x 3 = 12 words.
 *   first 12. p 0 -> 1 (3 times): rows move by 2, 2 of 4 stay: 12 - 2*3 = 6 new.
 *   q advances, p back from 1 to 0 (2 times): rows move -2, columns 1: stay 2 x 2: 12 - 4 = 8 new.
 *   I fetched: 12 + 3*6 + 2*8 = 46. (Timeloop's rule gives 12 + 3*6 + 2*12: another direction.) */
static void test_halo_turns(void **state) {
    (void)state;
    td_case c;
    start(&c, 2);
    loop(&c, 0, TD_P, TD_AXIS_T, 2);
    loop(&c, 0, TD_R, TD_AXIS_T, 3);
    loop(&c, 0, TD_S, TD_AXIS_T, 3);
    loop(&c, 1, TD_Q, TD_AXIS_T, 3);
    loop(&c, 1, TD_P, TD_AXIS_T, 2);
    counted z = count(&c);
    expect(&z, 1, TD_I, 46, 0, 0);
    expect(&z, 0, TD_I, 108, 46, 0);
    td_cost t;
    td_error err;
    assert_ok(td_cost_evaluate(&c.problem, &c.hw, &c.mapping, TD_COUNT_TIMELOOP, &t, &err), &err);
    assert_true(t.at[1][TD_I].reads == 12 + 3 * 6 + 2 * 12);
}

/* par p in 0..3 (X), R = 3 inside each child: boxes [0,2] [1,3] [2,4], one step.
 *   With multicast: 5 distinct words; without: 9. */
static void test_overlapping_children(void **state) {
    (void)state;
    td_case c;
    start(&c, 2);
    loop(&c, 0, TD_R, TD_AXIS_T, 3);
    loop(&c, 1, TD_P, TD_AXIS_X, 3);
    counted z = count(&c);
    expect(&z, 1, TD_I, 5, 0, 0);
    expect(&z, 0, TD_I, 3, 3, 0);
    expect(&z, 1, TD_W, 3, 0, 0); /* the same 3 weights for all */
    expect(&z, 1, TD_O, 0, 0, 3);
    c.hw.level[1].multicast = 0;
    z = count(&c);
    expect(&z, 1, TD_I, 9, 0, 0);
    expect(&z, 1, TD_W, 9, 0, 0);
}

/* for p1 in 0..2 { par p0 in 0..2 } with R = 3: children at rows 2 p1 + p0.
 *   step 0: [0,2] [1,3]: 4 words. step 1: [2,4] [3,5]; child 0 had 2, wants 3 4; child 1 had 3,
 * wants 4 5: union 3 4 5 = 3 words (3 was held by child 1 only; children do not pass words on). I:
 * 4 + 3 = 7 reads, each child 3 + 2 = 5 fills. */
static void test_children_move(void **state) {
    (void)state;
    td_case c;
    start(&c, 2);
    loop(&c, 0, TD_R, TD_AXIS_T, 3);
    loop(&c, 1, TD_P, TD_AXIS_T, 2);
    loop(&c, 1, TD_P, TD_AXIS_X, 2);
    counted z = count(&c);
    expect(&z, 1, TD_I, 7, 0, 0);
    expect(&z, 0, TD_I, 6, 5, 0);
}

/* par c in 0..4 below level 1, which reduces or not; for k in 0..2 in level 1, level 0 holds 1
 * output. Each child: 2 outputs, each drained once. Reduced: 2 updates, no read. Not reduced: 8
 * updates, of which 2 are the first of their word: 6 reads. Then 2 words drained to level 2: 2 more
 * reads. */
static void test_spatial_reduction(void **state) {
    (void)state;
    td_case c;
    start(&c, 3);
    loop(&c, 1, TD_K, TD_AXIS_T, 2);
    loop(&c, 1, TD_C, TD_AXIS_X, 4);
    counted z = count(&c);
    expect(&z, 0, TD_O, 2, 0, 2);
    expect(&z, 1, TD_O, 2, 0, 2);
    expect(&z, 2, TD_O, 0, 0, 2);
    c.hw.level[1].reduce = 0;
    z = count(&c);
    expect(&z, 1, TD_O, 8, 0, 8);
    expect(&z, 2, TD_O, 0, 0, 2);
}

/* Inputs bypass level 1: level 2 serves the MAC-side level 0 directly, and loops of both count.
 *   level 2: for c in 0..2; level 1: for k in 0..3; tiles of one word in level 0.
 *   I: changes with c only: 2 (not 6). W: 6 words. O: k fastest: 6 drains of 3 words. */
static void test_bypass(void **state) {
    (void)state;
    td_case c;
    start(&c, 3);
    c.mapping.keep[1] = TD_BIT(TD_W) | TD_BIT(TD_O);
    loop(&c, 1, TD_K, TD_AXIS_T, 3);
    loop(&c, 2, TD_C, TD_AXIS_T, 2);
    counted z = count(&c);
    expect(&z, 2, TD_I, 2, 0, 0);
    expect(&z, 1, TD_I, 0, 0, 0);
    expect(&z, 0, TD_I, 6, 2, 0);
    expect(&z, 0, TD_W, 6, 6, 0);
    expect(&z, 1, TD_W, 6, 6, 0);
    /* L0: 6 updates by MACs, 3 first: 3 reads + 6 drains, 3 come back. L1 holds 3 words throughout:
     * 6 updates, 3 reads, drained once: + 3. */
    expect(&z, 0, TD_O, 9, 3, 6);
    expect(&z, 1, TD_O, 6, 0, 6);
    expect(&z, 2, TD_O, 0, 0, 3);
}

/* Outputs that stay: level 1 is their outermost keeper. Nothing is drained from it, and a loop over
 * K outside would need outputs that are not there. */
static void test_resident(void **state) {
    (void)state;
    td_case c;
    start(&c, 3);
    c.mapping.keep[2] = TD_BIT(TD_W) | TD_BIT(TD_I);
    loop(&c, 1, TD_K, TD_AXIS_T, 3);
    loop(&c, 2, TD_C, TD_AXIS_T, 2);
    counted z = count(&c);
    expect(&z, 1, TD_O, 3, 0, 6);
    expect(&z, 2, TD_O, 0, 0, 0);
    loop(&c, 2, TD_K, TD_AXIS_T, 2);
    td_error err = {0};
    td_cost cost;
    assert_int_equal(td_cost_evaluate(&c.problem, &c.hw, &c.mapping, TD_COUNT_EXACT, &cost, &err),
                     TD_E_INPUT);
    assert_non_null(strstr(err.message, "L2 loops over K"));
}

/* P = 4, R = 3 with one row of padding on either side: the image is rows 1..4 of 0..5.
 *   windows [0,2] [1,3] [2,4] [3,5] hold 1 2 | 1 2 3 | 2 3 4 | 3 4 of the image.
 *   new: 1 2, then 3, then 4, then nothing: 4 fetched. MACs read 2 + 3 + 3 + 2 = 10. */
static void test_padding(void **state) {
    (void)state;
    td_case c;
    start(&c, 2);
    loop(&c, 0, TD_R, TD_AXIS_T, 3);
    loop(&c, 1, TD_P, TD_AXIS_T, 4);
    c.problem.pad[0] = c.problem.pad[2] = 1;
    counted z = count(&c);
    expect(&z, 1, TD_I, 4, 0, 0);
    expect(&z, 0, TD_I, 10, 4, 0);
    expect(&z, 0, TD_W, 12, 3, 0);
}

/* Blocks and bandwidth. W: 12 reads of 8 bits in blocks of 32 bits: 3 accesses; O: 12 reads and 12
 * updates of 32 bits: 1 word a block. I: 12 reads, 6 fills: 3 and 2 accesses. W fills 3: 1 access.
 * Demand on L0: reads (12 + 12) * 8 + 12 * 32 = 576 bits in 12 cycles = 48 a cycle; 40 are there:
 * the level takes 12 * 48 / 40 = 14.4, so 15 cycles. */
static void test_blocks_and_bandwidth(void **state) {
    (void)state;
    td_case c;
    start(&c, 2);
    loop(&c, 0, TD_R, TD_AXIS_T, 3);
    loop(&c, 1, TD_P, TD_AXIS_T, 4);
    c.hw.level[0].block_bits = 32;
    c.hw.level[0].read_bw = 40;
    counted z = count(&c);
    assert_true(z.cost.at[0][TD_W].energy_pj == 3 + 1);
    assert_true(z.cost.at[0][TD_I].energy_pj == 3 + 2);
    assert_true(z.cost.at[0][TD_O].energy_pj == 12 + 12);
    assert_true(z.cost.level_cycles[0] == 15 && z.cost.cycles == 15 && z.cost.limit == 0);
    assert_true(z.cost.compute_cycles == 12 && z.sim.cycles == 15);
    assert_near(z.cost.utilization, 12.0 / 15, 1e-15);
}

/* Tiles of L0: 3 weights and 3 inputs of 8 bits, 1 partial sum of 32: 80 bits. */
static void test_capacity(void **state) {
    (void)state;
    td_case c;
    start(&c, 2);
    loop(&c, 0, TD_R, TD_AXIS_T, 3);
    loop(&c, 1, TD_P, TD_AXIS_T, 4);
    td_error err = {0};
    int64_t missing;
    c.hw.level[0].capacity_bits = 80;
    assert_ok(td_mapping_check(&c.problem, &c.hw, &c.mapping, &missing, &err), &err);
    assert_int_equal(missing, 0);
    c.hw.level[0].capacity_bits = 79;
    assert_int_equal(td_mapping_check(&c.problem, &c.hw, &c.mapping, &missing, &err),
                     TD_E_INFEASIBLE);
    assert_int_equal(missing, 1);
    assert_non_null(strstr(err.message, "level L0"));
    c.hw.level[0].buffering = 2; /* halves: floor(79 / 2) = 39 are usable, 160 would do */
    assert_int_equal(td_mapping_check(&c.problem, &c.hw, &c.mapping, &missing, &err),
                     TD_E_INFEASIBLE);
    assert_int_equal(missing, 81);
    c.hw.level[0].capacity_bits += missing;
    assert_ok(td_mapping_check(&c.problem, &c.hw, &c.mapping, &missing, &err), &err);
}

/* P = 5: for p1 in 0..2 { for p0 in 0..3 (last 0..2) { for r in 0..3 } }, the inner two in L0.
 *   p1 = 0: p 0 1 2, rows [0,4], 5 words. p1 = 1: p 3 4, rows [3,6], of which 5 6 are new.
 *   I: 7 fetched; every MAC reads one: (3 + 2) * 3 = 15. W: the same 3 throughout.
 *   O: 15 updates by MACs, 5 of them the first of a word: 10 reads; drained 3 + 2: 15 in all.
 *   Steps: 15 (Timeloop: 2 * 3 * 3 = 18 cycles). Largest tiles: 5, 3 and 3 words. */
static void test_imperfect_time(void **state) {
    (void)state;
    td_case c;
    start(&c, 2);
    imperfect(&c, 0, TD_P, TD_AXIS_T, 3, 2);
    loop(&c, 0, TD_R, TD_AXIS_T, 3);
    loop(&c, 1, TD_P, TD_AXIS_T, 2);
    c.problem.dim[TD_P] = 5;
    counted z = count(&c);
    expect(&z, 0, TD_I, 15, 7, 0);
    expect(&z, 1, TD_I, 7, 0, 0);
    expect(&z, 0, TD_W, 15, 3, 0);
    expect(&z, 0, TD_O, 15, 0, 15);
    expect(&z, 1, TD_O, 0, 0, 5);
    assert_true(z.cost.macs == 15 && z.cost.compute_cycles == 15);
    assert_true(z.sim.macs == 15 && z.sim.compute_cycles == 15);
    const double words[TD_NTENSOR] = {[TD_W] = 3, [TD_I] = 5, [TD_O] = 3};
    for (int t = 0; t < TD_NTENSOR; t++)
        assert_true(z.cost.at[0][t].tile_words == words[t] &&
                    z.sim.at[0][t].tile_words == words[t]);
    td_cost t;
    td_error err;
    assert_ok(td_cost_evaluate(&c.problem, &c.hw, &c.mapping, TD_COUNT_TIMELOOP, &t, &err), &err);
    assert_int_equal(t.compute_cycles, 18);
    c.hw.level[0].capacity_bits = (3 + 5) * 8 + 3 * 32; /* 3 partial sums of 32 bits */
    assert_ok(td_mapping_check(&c.problem, &c.hw, &c.mapping, NULL, &err), &err);
    c.hw.level[0].capacity_bits--;
    assert_int_equal(td_mapping_check(&c.problem, &c.hw, &c.mapping, NULL, &err), TD_E_INFEASIBLE);
}

/* K = 5: for c in 0..2 { for k1 in 0..2 { par k0 in 0..3 (last 0..2) } }, tiles of one word.
 *   (c, k1) = (0,0): k 0 1 2; (0,1): k 3 4, the third child idles; (1,0): 0 1 2; (1,1): 3 4.
 *   10 MACs in 4 steps on 3 children. Averages are of 3.
 *   W: another one in each step: 10. I: c changes once; each child fetches 2, all at once: 2 reads.
 *   O: the first two children go 0 3 0 3 and 1 4 1 4: drained 4 times each, 2 come back to each.
 * The third keeps 2 while it idles, and drains it at the end: 1. In all 9 updates of 5 words: 4
 * reads; in L0 10 - 5 reads by updates and 9 by draining, 4 fills. */
static void test_imperfect_space(void **state) {
    (void)state;
    td_case c;
    start(&c, 2);
    loop(&c, 1, TD_C, TD_AXIS_T, 2);
    loop(&c, 1, TD_K, TD_AXIS_T, 2);
    imperfect(&c, 1, TD_K, TD_AXIS_X, 3, 2);
    c.problem.dim[TD_K] = 5;
    counted z = count(&c);
    expect(&z, 1, TD_W, 10, 0, 0);
    expect(&z, 0, TD_W, 10 / 3.0, 10 / 3.0, 0);
    expect(&z, 1, TD_I, 2, 0, 0);
    expect(&z, 0, TD_I, 10 / 3.0, 2, 0);
    expect(&z, 1, TD_O, 4, 0, 9);
    expect(&z, 0, TD_O, 14 / 3.0, 4 / 3.0, 10 / 3.0);
    assert_true(z.cost.macs == 10 && z.cost.compute_cycles == 4 && z.cost.mac_used == 3);
    assert_true(z.sim.macs == 10 && z.sim.compute_cycles == 4 && z.sim.macs_used == 3);
    assert_true(z.cost.used[0] == 3 && z.cost.used[1] == 1 && z.sim.used[0] == 3);
    assert_near(z.cost.utilization, 10.0 / 12, 1e-15);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sliding_window),  cmocka_unit_test(test_partial_sums_return),
        cmocka_unit_test(test_halo_turns),      cmocka_unit_test(test_overlapping_children),
        cmocka_unit_test(test_children_move),   cmocka_unit_test(test_spatial_reduction),
        cmocka_unit_test(test_bypass),          cmocka_unit_test(test_resident),
        cmocka_unit_test(test_padding),         cmocka_unit_test(test_blocks_and_bandwidth),
        cmocka_unit_test(test_capacity),        cmocka_unit_test(test_imperfect_time),
        cmocka_unit_test(test_imperfect_space),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

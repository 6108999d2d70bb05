/* td_costing_run against td_cost_evaluate: the same mappings are valid, and energies and cycles are
 * equal to the last bit. */
#include "common.h"
#include "random_case.h"

typedef struct {
    int valid, invalid, imperfect, padded;
} tally;

static void compare(const td_case *c, td_counting counting, uint64_t seed, tally *n) {
    td_costing q;
    td_cost cost;
    td_error err = {0};
    double pj = -1;
    int64_t cycles = -1, steps = -1;
    assert_ok(td_costing_init(&q, &c->problem, &c->hw, counting, &err), &err);
    td_status s = td_cost_evaluate(&c->problem, &c->hw, &c->mapping, counting, &cost, NULL);
    bool ok = td_costing_run(&q, &c->mapping, &pj, &cycles, &steps);
    if (ok != (s == TD_OK)) fail_msg("seed %d: %d, in full %d", (int)seed, ok, s);
    if (!ok) {
        n->invalid++;
        return;
    }
    n->valid++;
    for (int i = 0; i < c->mapping.n; i++)
        if (c->mapping.loop[i].tail != c->mapping.loop[i].bound) {
            n->imperfect++;
            break;
        }
    n->padded += (c->problem.pad[0] | c->problem.pad[1]) != 0;
    if (pj != cost.total_pj || cycles != cost.cycles || steps != cost.compute_cycles)
        fail_msg("seed %d: %.17g pJ, %lld cycles, %lld steps; in full %.17g, %lld, %lld", (int)seed,
                 pj, (long long)cycles, (long long)steps, cost.total_pj, (long long)cost.cycles,
                 (long long)cost.compute_cycles);
}

static void equal_to_the_last_bit(void **state) {
    (void)state;
    tally n = {0};
    for (uint64_t seed = 0; seed < 20000; seed++) {
        td_rng r = td_rng_make(seed, 21, TD_RNG_TEST);
        td_case c;
        random_limits limits = {.max_macs = 3000,
                                .padding = seed % 2 == 0,
                                .resident = seed % 4 == 0,
                                .imperfect = seed % 4 == 1,
                                .reload = seed % 8 > 3};
        random_case(21, seed, limits, &c);
        c.hw.rules.one_axis = seed % 3 == 0;
        for (int l = 0; l < c.hw.n && seed % 3 == 1; l++)
            if (td_rng_below(&r, 2))
                c.hw.level[l].timing = (td_level_timing){
                    .hop_x = (int32_t)td_rng_below(&r, 3),
                    .hop_y = (int32_t)td_rng_below(&r, 3),
                    .shift_x = (int32_t)td_rng_below(&r, 2),
                    .shift_y = (int32_t)td_rng_below(&r, 2),
                    .burst_bits = td_rng_below(&r, 2) ? 40 : 0,
                    .start = 0.25 * (double)td_rng_below(&r, 20),
                    .command = 0.25 * (double)td_rng_below(&r, 40),
                    .latency = (double)td_rng_below(&r, 9),
                    .fold = (uint8_t)((1u << td_rng_below(&r, 4)) & TD_ALL_TENSORS),
                    .ramp = td_rng_below(&r, 2) != 0};
        /* Now and then something that is not valid. */
        if (seed % 5 == 0 && c.mapping.n > 0) {
            td_loop *x = &c.mapping.loop[td_rng_below(&r, c.mapping.n)];
            switch (td_rng_below(&r, 4)) {
            case 0: x->bound = x->tail = x->bound + 1; break;
            case 1: x->axis = (uint8_t)td_rng_below(&r, TD_NAXIS); break;
            case 2: x->dim = (uint8_t)td_rng_below(&r, TD_NDIM); break;
            default: c.hw.level[0].capacity_bits = (int64_t)td_rng_below(&r, 1000); break;
            }
        }
        if (seed % 7 == 0)
            for (int l = 0; l < c.hw.n; l++)
                c.hw.rules.single[l][TD_AXIS_X + td_rng_below(&r, 2)] = td_rng_below(&r, 2) != 0;
        compare(&c, TD_COUNT_EXACT, seed, &n);
        compare(&c, TD_COUNT_TIMELOOP, seed, &n);
    }
    printf("%d valid (%d imperfect, %d padded), %d not\n", n.valid, n.imperfect, n.padded,
           n.invalid);
    assert_true(n.valid > 20000 && n.imperfect > 1000 && n.padded > 1000 && n.invalid > 2000);
}

/* 3 x 1431655766 is 2 in 32 bits. */
static void factors_that_wrap_around(void **state) {
    (void)state;
    td_case c;
    tally n = {0};
    random_case(21, 0, (random_limits){.max_macs = 3000}, &c);
    const int top = c.hw.n - 1;
    c.problem = (td_problem){.dim = {2, 1, 1, 1, 1, 1, 1, 1},
                             .stride = {1, 1},
                             .dilation = {1, 1},
                             .bits = {8, 8, 8},
                             .acc_bits = 32};
    for (int l = 0; l <= top; l++) {
        c.hw.level[l].must_keep = 0;
        c.mapping.keep[l] = l == top ? TD_ALL_TENSORS : 0;
    }
    memset(&c.hw.rules, 0, sizeof c.hw.rules);
    memset(c.hw.rules.allowed, 0xff, sizeof c.hw.rules.allowed);
    c.hw.level[top].may_keep = TD_ALL_TENSORS;
    memset(c.mapping.first, 0, sizeof c.mapping.first);
    c.mapping.n = c.mapping.first[c.hw.n] = 2;
    c.mapping.loop[0] = (td_loop){TD_N, TD_AXIS_T, 3, 3};
    c.mapping.loop[1] = (td_loop){TD_N, TD_AXIS_T, 1431655766, 1431655766};
    compare(&c, TD_COUNT_EXACT, 0, &n);
    assert_int_equal(n.invalid, 1);
    c.mapping.loop[0].bound = c.mapping.loop[0].tail = 1;
    c.mapping.loop[1].bound = c.mapping.loop[1].tail = 2;
    compare(&c, TD_COUNT_EXACT, 1, &n);
    assert_int_equal(n.valid, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(equal_to_the_last_bit),
                                       cmocka_unit_test(factors_that_wrap_around)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

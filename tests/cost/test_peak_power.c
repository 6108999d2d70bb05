/* The peak power bounds every mapping: random layers, machines and mappings in exact counting, all
 * ports with a limit and words that fill blocks, as td_hw_power says. */
#include "common.h"

#include "random_case.h"

enum { CASES = 20000 };

/* Bits per cycle where the random machine has none, or has them on one side only. */
static void limit_ports(td_case *c, td_rng *r) {
    for (int l = 0; l < c->hw.n; l++) {
        td_level *v = &c->hw.level[l];
        double *bw[3] = {&v->read_bw, &v->write_bw, &v->shared_bw};
        bool shared = td_rng_below(r, 2) == 0;
        for (int k = shared ? 2 : 0; k < (shared ? 3 : 2); k++)
            if (isinf(*bw[k])) *bw[k] = .5 * (1 + (double)td_rng_below(r, 200));
        v->block_bits = 8 << 2 * td_rng_below(r, 3);
    }
    for (int t = 0; t < TD_NTENSOR; t++) c->problem.bits[t] = 8;
    c->problem.acc_bits = 32;
    c->hw.clock_tree = .1 * (double)td_rng_below(r, 5);
}

/* pJ of the last blocks that are not full: one for each tensor's reads, fills and updates. */
static double broken_blocks(const td_hw *hw, int l) {
    const td_level *v = &hw->level[l];
    return v->block_bits <= 8 ? 0 : 3. * v->instances * (v->read_pj + v->fill_pj + v->update_pj);
}

static void no_mapping_draws_more(void **state) {
    (void)state;
    const random_limits limits = {.max_macs = 20000, .padding = true, .resident = true};
    double nearest = 0;
    int n = 0;
    for (uint64_t i = 0; i < CASES; i++) {
        td_case c;
        td_cost cost;
        td_power p;
        td_rng r = td_rng_make(9, i, TD_RNG_TEST);
        random_case(9, i, limits, &c);
        limit_ports(&c, &r);
        if (td_cost_evaluate(&c.problem, &c.hw, &c.mapping, TD_COUNT_EXACT, &cost, NULL) != TD_OK)
            continue;
        n++;
        td_hw_power(&c.hw, &p);
        assert_int_equal(p.unlimited, 0);
        double top = cost.level_pj[c.hw.n - 1], chip = cost.total_pj - top;
        for (int l = 0; l < c.hw.n - 1; l++) chip -= broken_blocks(&c.hw, l);
        top -= broken_blocks(&c.hw, c.hw.n - 1);
        double watts = c.hw.clock_hz * 1e-12 / (double)cost.cycles;
        chip *= (1 + c.hw.clock_tree) * watts;
        if (chip > p.chip_w * (1 + 1e-9) || chip + top * watts > p.total_w * (1 + 1e-9))
            fail_msg("%s draws %g + %g W, at most %g and %g W in all", c.name, chip, top * watts,
                     p.chip_w, p.total_w);
        nearest = fmax(nearest, (chip + top * watts) / p.total_w);
    }
    assert_true(n > CASES / 2);
    print_message("%d mappings, the nearest at %.3f of the peak\n", n, nearest);
    assert_true(nearest > .8); /* and it is not far off */
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_mapping_draws_more)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

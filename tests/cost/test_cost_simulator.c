/* Exact counting against the step-by-step simulator, on random cases and on cases counted by hand.
 */
#include "common.h"

#include <math.h>

#include "random_case.h"
#include "simulator.h"

static void dump(const td_case *c) {
    td_arena *a = td_arena_create();
    td_text t = {0};
    td_node_to_json(td_case_to_node(c, a), 0, &t);
    td_mapping_print(&c->problem, &c->hw, &c->mapping, &t);
    print_error("%s\n", t.data);
    td_text_free(&t);
    td_arena_destroy(a);
}

static bool differs(double a, double b) {
    return !(fabs(a - b) <= 1e-9 * (1 + fabs(b)));
}

static bool is_padded(const td_problem *p) {
    return (p->pad[0] | p->pad[1] | p->pad[2] | p->pad[3]) != 0;
}

static bool is_imperfect(const td_mapping *m) {
    for (int i = 0; i < m->n; i++)
        if (m->loop[i].tail != m->loop[i].bound) return true;
    return false;
}

/* Whole counts must be equal; averages over instances (padding, imperfect factors) may differ in
 * the last bits. */
static bool agree(const td_case *c, const td_cost *cost, const sim_result *sim) {
    const bool padded = is_padded(&c->problem), uneven = padded || is_imperfect(&c->mapping);
    bool ok = true;
#define SAME(what, l, t, got, want)                                                                \
    do {                                                                                           \
        double g_ = (double)(got), w_ = (want);                                                    \
        if (uneven ? differs(g_, w_) : g_ != w_) {                                                 \
            print_error("%s %s %c %s: got %.17g, simulated %.17g\n", c->name,                      \
                        (l) >= 0 ? c->hw.level[l].name : "", (t) >= 0 ? td_tensor_letter[t] : ' ', \
                        what, g_, w_);                                                             \
            ok = false;                                                                            \
        }                                                                                          \
    } while (0)
    SAME("macs", -1, -1, cost->macs, sim->macs);
    SAME("MACs used", -1, -1, cost->mac_used, sim->macs_used);
    SAME("compute cycles", -1, -1, cost->compute_cycles, sim->compute_cycles);
    for (int l = 0; l < c->hw.n; l++) {
        SAME("used", l, -1, cost->used[l], sim->used[l]);
        for (int t = 0; t < TD_NTENSOR; t++) {
            const td_access *a = &cost->at[l][t];
            const sim_access *b = &sim->at[l][t];
            SAME("reads", l, t, a->reads, b->reads);
            SAME("fills", l, t, a->fills, b->fills);
            SAME("updates", l, t, a->updates, b->updates);
            SAME("partition", l, t, a->partition_words, b->partition_words);
            if (!padded) SAME("tile", l, t, a->tile_words, b->tile_words);
            if ((c->mapping.keep[l] & TD_BIT(t)) &&
                b->bits != td_word_bits(&c->problem, &c->mapping, l, (td_tensor)t)) {
                print_error("%s: bits of %c\n", c->name, td_tensor_letter[t]);
                ok = false;
            }
        }
        if (differs(cost->level_pj[l], sim->level_pj[l])) SAME("pj", l, -1, cost->level_pj[l], NAN);
    }
    if (!uneven && !sim->even) ok = false;
    if (fabs((double)cost->cycles - sim->cycles) > 1)
        SAME("cycles", -1, -1, cost->cycles, sim->cycles);
    if (differs(cost->total_pj, sim->energy_pj))
        SAME("energy", -1, -1, cost->total_pj, sim->energy_pj);
#undef SAME
    return ok;
}

static int cases(int usual) {
    const char *s = getenv("TANDEM_CASES");
    return s != NULL && atoi(s) > 0 ? atoi(s) : usual;
}

static void compare_random(uint64_t seed, int n, random_limits limits) {
    int counted = 0, refused = 0, padded = 0, imperfect = 0;
    for (int i = 0; i < n; i++) {
        td_case c;
        td_cost cost;
        sim_result sim;
        td_error err = {0};
        random_case(seed, (uint64_t)i, limits, &c);
        td_status s = td_cost_evaluate(&c.problem, &c.hw, &c.mapping, TD_COUNT_EXACT, &cost, &err);
        if (!simulate(&c.problem, &c.hw, &c.mapping, &sim)) {
            assert_int_equal(s, TD_E_INPUT);
            refused++;
            continue;
        }
        if (s != TD_OK) {
            dump(&c);
            fail_msg("%s", err.message);
        }
        if (!agree(&c, &cost, &sim)) {
            dump(&c);
            fail_msg("case %d of seed %llu", i, (unsigned long long)seed);
        }
        counted++;
        padded += is_padded(&c.problem);
        imperfect += is_imperfect(&c.mapping);
    }
    print_message("%d cases agree (%d padded, %d imperfect), %d rightly refused\n", counted, padded,
                  imperfect, refused);
    assert_true(counted > n / 2);
}

static void test_random(void **state) {
    (void)state;
    compare_random(1, cases(2000), (random_limits){.max_macs = 3000, .resident = true});
}

static void test_random_padding(void **state) {
    (void)state;
    compare_random(2, cases(2000),
                   (random_limits){.max_macs = 3000, .resident = true, .padding = true});
}

static void test_random_imperfect(void **state) {
    (void)state;
    compare_random(
        4, cases(2000),
        (random_limits){.max_macs = 3000, .resident = true, .padding = true, .imperfect = true});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_random_padding),
        cmocka_unit_test(test_random_imperfect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

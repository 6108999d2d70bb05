/* The mapper against every mapping of small layers: its bound is below all of them, what it says is
 * proved is the best, and it finds nothing exactly where there is nothing. */
#include "common.h"
#include "map_brute.h"
#include "schedule_random.h"

typedef struct {
    const td_map_query *query;
    double best;
} least;

static void keep_least(void *self, const td_problem *padded, const td_mapping *m,
                       const td_cost *c) {
    (void)padded;
    (void)m;
    least *l = self;
    double v = objective_of(l->query, c);
    if (v < l->best) l->best = v;
}

static void same_cost(const td_cost *a, const td_cost *b) {
    assert_int_equal(a->cycles, b->cycles);
    assert_int_equal(a->macs, b->macs);
    assert_true(a->total_pj == b->total_pj);
    assert_memory_equal(a->level_cycles, b->level_cycles, sizeof a->level_cycles);
    assert_memory_equal(a->at, b->at, sizeof a->at);
}

typedef struct {
    int feasible, infeasible, proved, gave_up;
} tally;

/* Fan-outs that take time to fill, of tensors that a level inside can keep. */
static void add_timing(uint64_t seed, td_hw *hw) {
    td_rng r = td_rng_make(seed, 9, TD_RNG_TEST);
    for (int l = 0; l < hw->n; l++) {
        td_level_timing v = {.hop_x = (int32_t)td_rng_below(&r, 4),
                             .hop_y = (int32_t)td_rng_below(&r, 4)};
        unsigned inside = 0, fold = TD_BIT(td_rng_below(&r, TD_NTENSOR));
        for (int k = 0; k < l; k++) inside |= hw->level[k].may_keep;
        if (inside & fold) v.fold = (uint8_t)fold;
        if (l > 0 && (hw->level[l - 1].may_keep & v.fold)) {
            v.shift_x = (int32_t)td_rng_below(&r, 2);
            v.shift_y = (int32_t)td_rng_below(&r, 3);
        }
        if (td_rng_below(&r, 3)) hw->level[l].timing = v;
    }
}

/* Times, and words, that the parts of the search know nothing of. */
static void add_stalls(uint64_t seed, td_hw *hw) {
    td_rng r = td_rng_make(seed, 10, TD_RNG_TEST);
    for (int l = 0; l < hw->n; l++) {
        hw->level[l].reload = (uint8_t)(td_rng_below(&r, 4) & ~(uint64_t)TD_BIT(TD_O));
        hw->level[l].timing = (td_level_timing){.start = (double)td_rng_below(&r, 8),
                                                .command = (double)td_rng_below(&r, 12),
                                                .latency = (double)td_rng_below(&r, 5),
                                                .burst_bits = td_rng_below(&r, 2) ? 48 : 0,
                                                .ramp = td_rng_below(&r, 2) != 0};
    }
}

typedef enum { IDEAL, FANS, STALLS } times;

/* What padding makes of dims that no brute factor pads costs no less, but for one thing: instances
 * that only compute zeros lower the mean demand of a level. So brute force can be above. */
static void compare(uint64_t seed, bool masks, times time, tally *n) {
    td_rng r = td_rng_make(seed, 7, TD_RNG_TEST);
    map_case k;
    random_case(&r, 3, masks, &k);
    k.query.max_nodes = 2000000;
    k.query.mode = TD_MAP_EXACT;
    if (time != IDEAL) {
        (time == FANS ? add_timing : add_stalls)(seed, &k.hw);
        if (seed % 3) k.query.objective = TD_OBJ_LATENCY;
        assert_int_equal(td_hw_check(&k.hw, NULL), TD_OK);
    }
    least l = {&k.query, INFINITY};
    brute b = {.visit = keep_least, .self = &l, .limit = 10000};
    brute_force(&b, &k.problem, &k.hw, &k.query);
    td_map_result out;
    td_error err = {0};
    int64_t missing = 0;
    td_status s = td_map_best(&k.problem, &k.hw, &k.query, &out, &missing, &err);
    n->gave_up += b.gave_up;
    if (s != TD_OK) {
        if (isfinite(l.best))
            fail_msg("seed %d: \"%s\", brute force has %.17g", (int)seed, err.message, l.best);
        assert_int_equal(s, TD_E_INFEASIBLE);
        assert_true(err.message[0] != '\0');
        n->infeasible++;
        return;
    }
    n->feasible++;
    n->proved += out.stop == TD_STOP_PROVED;
    if (!b.gave_up && !isfinite(l.best))
        fail_msg("seed %d: %.17g, brute force has nothing", (int)seed, out.objective);
    if (out.bound > l.best * (1 + 1e-9))
        fail_msg("seed %d: bound %.17g above a mapping of %.17g", (int)seed, out.bound, l.best);
    if (out.stop == TD_STOP_PROVED && out.objective > l.best * (1 + 1e-9))
        fail_msg("seed %d: proved %.17g, brute force has %.17g", (int)seed, out.objective, l.best);
    td_cost again;
    assert_ok(td_cost_evaluate(&out.problem, &k.hw, &out.mapping, k.query.counting, &again, &err),
              &err);
    same_cost(&again, &out.cost);
}

static void agrees_with_brute_force(void **state) {
    (void)state;
    tally n = {0};
    const int count = random_cases(1000);
    for (int seed = 0; seed < count; seed++) compare((uint64_t)seed, seed % 2, IDEAL, &n);
    printf("%d feasible (%d proved), %d infeasible; %d not enumerated to the end\n", n.feasible,
           n.proved, n.infeasible, n.gave_up);
    assert_true(n.feasible * 10 >= count * 7 && n.infeasible * 100 >= count * 8);
    /* Sums narrower than outputs, which no bound covers, stand in the way of others. */
    assert_true(n.proved * 5 >= n.feasible * 4);
}

/* The same where fan-outs take time to fill and drain. */
static void agrees_with_timing(void **state) {
    (void)state;
    tally n = {0};
    const int count = random_cases(1000);
    for (int seed = 0; seed < count; seed++) compare((uint64_t)seed, seed % 2, FANS, &n);
    printf("%d feasible (%d proved), %d infeasible; %d not enumerated to the end\n", n.feasible,
           n.proved, n.infeasible, n.gave_up);
    assert_true(n.feasible * 10 >= count * 7);
    assert_true(n.proved * 5 >= n.feasible * 4);
}

/* Bounds hold where levels take times and words that no bound knows of; there are few proofs then.
 */
static void bounds_hold_with_stalls(void **state) {
    (void)state;
    tally n = {0};
    const int count = random_cases(300);
    for (int seed = 0; seed < count; seed++) compare((uint64_t)seed, seed % 2, STALLS, &n);
    printf("%d feasible (%d proved), %d infeasible; %d not enumerated to the end\n", n.feasible,
           n.proved, n.infeasible, n.gave_up);
    assert_true(n.feasible * 10 >= count * 7);
}

/* Each once had a wrong bound, proof or refusal: tiles that grow only as long as outputs are
 * finished; inputs of nothing but zeros; levels that keep nothing but may loop where the next outer
 * one may not; dims that only a fan-out can take; sums narrower than outputs. */
static void once_wrong(void **state) {
    (void)state;
    static const struct {
        uint64_t seed;
        bool masks;
    } known[] = {{3468, false}, {44769, false}, {40875, false}, {30154, true}, {30483, true},
                 {30660, true}, {34261, true},  {34949, true},  {50632, true}};
    tally n = {0};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        compare(known[i].seed, known[i].masks, IDEAL, &n);
}

/* ---- the level that is named --------------------------------------------------------------- */

/* "... bytes of NAME per instance ..." */
static int level_named(const td_hw *hw, const char *message) {
    const char *at = strstr(message, "bytes of ");
    for (int l = 0; at != NULL && l < hw->n; l++) {
        size_t n = strlen(hw->level[l].name);
        if (strncmp(at + 9, hw->level[l].name, n) == 0 && at[9 + n] == ' ') return l;
    }
    return -1;
}

/* Enlarging the named level by the missing bytes removes that reason: the same level is not named
 * again, and in the end there is a mapping. */
static void missing_bytes_are_enough(void **state) {
    (void)state;
    int tried = 0;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        td_rng r = td_rng_make(seed, 8, TD_RNG_TEST);
        map_case k;
        random_case(&r, 6, seed % 2, &k);
        k.query.max_nodes = 300;
        td_map_result out;
        td_error err = {0};
        int64_t missing = 0;
        td_status s = td_map_best(&k.problem, &k.hw, &k.query, &out, &missing, &err);
        if (s == TD_OK) {
            assert_int_equal(missing, 0);
            continue;
        }
        if (missing == 0) continue; /* no level is short: the rules leave no place */
        tried++;
        int steps = 0;
        for (; s == TD_E_INFEASIBLE && steps < 2 * k.hw.n; steps++) {
            int l = level_named(&k.hw, err.message);
            assert_true(l >= 0 && missing > 0);
            k.hw.level[l].capacity_bits += 8 * missing;
            s = td_map_best(&k.problem, &k.hw, &k.query, &out, &missing, &err);
            if (s == TD_E_INFEASIBLE) assert_int_not_equal(level_named(&k.hw, err.message), l);
        }
        if (s != TD_OK) fail_msg("seed %d: after %d steps: %s", (int)seed, steps, err.message);
    }
    printf("%d infeasible layers made feasible\n", tried);
    assert_true(tried >= 100);
}

/* ---- layers of real machines ------------------------------------------------------------------
 */

/* 256 MACs, all tensors at home on the chip, with room for finished outputs but not for sums: the
 * mapping with one MAC at a time was once "proved" the best. 1,536 cycles are all MACs busy. */
static void crowded_pool(void **state) {
    (void)state;
    td_error err = {0};
    td_edge e;
    td_tech tech;
    td_hw hw;
    micro_defaults(&e, &tech);
    e.pe_x = 1;
    e.pe_y = 4;
    e.simd = 8;
    e.lanes = 2;
    e.rf_bytes = 512;
    build_micro(&e, &hw);
    int pool = td_hw_level_find(&hw, "Shared"), local = td_hw_level_find(&hw, "Local");
    td_problem p = {.dim = {1, 64, 384, 4, 4, 1, 1, 1},
                    .stride = {1, 1},
                    .dilation = {1, 1},
                    .bits = {8, 8, 8},
                    .acc_bits = 32};
    td_map_query q;
    td_map_query_default(&q, &hw);
    for (int t = 0; t < TD_NTENSOR; t++) q.top[t] = (int8_t)pool;
    q.keep[pool] = TD_ALL_TENSORS;
    const int64_t words = 64 * 384 + 384 * 16 + 64 * 16, room[] = {words, 32 << 10, 34 << 10};
    hw.level[local].capacity_bits = 8 * (52 << 10);
    for (int i = 0; i < 3; i++)
        for (q.max_nodes = 0; q.max_nodes <= 500000; q.max_nodes = 10 * q.max_nodes + 500) {
            td_map_result out;
            hw.level[pool].capacity_bits = 8 * room[i];
            assert_ok(td_map_best(&p, &hw, &q, &out, NULL, &err), &err);
            assert_int_equal(out.cost.cycles, 1536);
            assert_int_equal(out.stop, TD_STOP_PROVED);
        }
    int64_t missing;
    td_map_result out;
    hw.level[pool].capacity_bits = 8 * (words - 100);
    assert_int_equal(td_map_best(&p, &hw, &q, &out, &missing, &err), TD_E_INFEASIBLE);
    assert_int_equal(missing, 100);
}

/* A fault once refused mappings whose outputs arrive finished at the pool: 26.9 us. */
static void handmade_on_micro(void **state) {
    (void)state;
    td_error err = {0};
    td_net *net;
    td_hw hw;
    td_schedule s;
    td_schedule_options o;
    assert_ok(td_net_build("handmade", TD_DIM(1, 28, 28), 1, 10, &net, &err), &err);
    assert_ok(td_hw_load("micro", &hw, &err), &err);
    td_schedule_options_default(&o);
    assert_ok(td_schedule_best(net, &hw, &o, &s, NULL, &err), &err);
    assert_true(s.latency_s <= 17.7e-6);
    assert_true(s.latency_s >= s.bound_latency_s);
    td_schedule_free(&s);
    td_net_destroy(net);
}

/* ---- what is asked ----------------------------------------------------------------------------
 */

static const td_problem middle = {.dim = {1, 32, 16, 14, 14, 3, 3, 1},
                                  .stride = {1, 1},
                                  .dilation = {1, 1},
                                  .pad = {1, 1, 1, 1},
                                  .bits = {16, 16, 16},
                                  .acc_bits = 16};

static td_map_result ask(const td_hw *hw, const td_map_query *q) {
    td_map_result r;
    td_error err = {0};
    assert_ok(td_map_best(&middle, hw, q, &r, NULL, &err), &err);
    return r;
}

/* Modes find better the more they look at, and none goes below the bound of another. */
static void modes(void **state) {
    (void)state;
    td_error err = {0};
    td_hw hw;
    assert_ok(td_hw_load("eyeriss-168", &hw, &err), &err);
    for (int o = 0; o < TD_NOBJ; o++) {
        td_map_query q;
        td_map_query_default(&q, &hw);
        q.objective = (td_map_objective)o;
        td_map_result r[TD_NMAP_MODE];
        for (int m = 0; m < TD_NMAP_MODE; m++) {
            q.mode = (td_map_mode)m;
            q.max_nodes = m == TD_MAP_SAMPLE ? 20000 : 0;
            r[m] = ask(&hw, &q);
            assert_true(r[m].bound > 0 && r[m].bound <= r[m].objective);
        }
        assert_int_equal(r[TD_MAP_EXACT].stop, TD_STOP_PROVED);
        double best = r[TD_MAP_EXACT].objective * (1 - 1e-9);
        for (int m = 0; m < TD_NMAP_MODE; m++)
            assert_true(r[m].objective >= best &&
                        r[m].bound <= r[TD_MAP_EXACT].objective * (1 + 1e-9));
        if (o != TD_OBJ_LATENCY) /* many mappings are as fast */
            assert_true(r[TD_MAP_SAMPLE].objective > r[TD_MAP_FAST].objective);
        assert_int_not_equal(r[TD_MAP_SAMPLE].stop, TD_STOP_PROVED);
        td_map_result again = ask(&hw, &q); /* the seed is the sample */
        assert_memory_equal(&again.mapping, &r[TD_MAP_SAMPLE].mapping, sizeof again.mapping);
        q.seed = 1;
        again = ask(&hw, &q);
        assert_memory_not_equal(&again.mapping, &r[TD_MAP_SAMPLE].mapping, sizeof again.mapping);
    }
}

/* Exponents of energy and cycles: (1, 0), (0, 1) and (1, 1) are the named objectives. */
static void weights(void **state) {
    (void)state;
    td_error err = {0};
    td_hw hw;
    assert_ok(td_hw_load("eyeriss-168", &hw, &err), &err);
    td_map_query q;
    td_map_query_default(&q, &hw);
    q.mode = TD_MAP_EXACT;
    static const struct {
        td_map_objective objective;
        double weight[2];
    } same[] = {{TD_OBJ_ENERGY, {1, 0}}, {TD_OBJ_LATENCY, {0, 1}}, {TD_OBJ_EDP, {1, 1}}};
    for (int i = 0; i < 3; i++) {
        q.objective = same[i].objective;
        td_map_result a = ask(&hw, &q);
        q.objective = TD_OBJ_WEIGHTED;
        memcpy(q.weight, same[i].weight, sizeof q.weight);
        td_map_result b = ask(&hw, &q);
        assert_true(fabs(a.objective / b.objective - 1) < 1e-12);
    }
    static const double wrong[][2] = {{0, 0}, {-1, 1}, {NAN, 1}, {1, 17}};
    for (int i = 0; i < 4; i++) {
        td_map_result r;
        memcpy(q.weight, wrong[i], sizeof q.weight);
        assert_int_equal(td_map_best(&middle, &hw, &q, &r, NULL, &err), TD_E_USAGE);
    }
}

/* Energy alone is least on few MACs; a least utilisation says otherwise. */
static void least_utilisation(void **state) {
    (void)state;
    td_error err = {0};
    td_hw hw;
    assert_ok(td_hw_load("eyeriss-168", &hw, &err), &err);
    td_map_query q;
    td_map_query_default(&q, &hw);
    q.objective = TD_OBJ_ENERGY;
    q.mode = TD_MAP_EXACT;
    double before = 0;
    const double macs = (double)td_problem_macs(&middle);
    for (q.min_utilization = 0; q.min_utilization < 0.9; q.min_utilization += 0.4) {
        td_map_result r = ask(&hw, &q);
        assert_true(macs / ((double)r.cost.compute_cycles * hw.mac.instances) >=
                    q.min_utilization * (1 - 1e-9));
        assert_true(r.objective >= before);
        before = r.objective;
    }
    td_map_result r;
    td_problem one = middle;
    one.dim[TD_K] = one.dim[TD_C] = one.dim[TD_R] = one.dim[TD_S] = 1;
    one.dim[TD_P] = 3; /* 42 MACs of 168 at the most */
    q.min_utilization = 0.5;
    assert_int_equal(td_map_best(&one, &hw, &q, &r, NULL, &err), TD_E_INFEASIBLE);
    assert_non_null(strstr(err.message, "50 %"));
}

/* 17 x 13 positions on arrays of 16 x 16, 14 x 12 and 4 x 4 x 8: with imperfect factors never
 * worse, sometimes better, and what is found costs what it says. */
static void imperfect(void **state) {
    (void)state;
    td_error err = {0};
    const char *const names[] = {"array-16x16", "eyeriss-168", "simba"};
    int better = 0;
    for (int i = 0; i < 3; i++) {
        td_hw hw;
        assert_ok(td_hw_load(names[i], &hw, &err), &err);
        hw.rules.pad = false;
        td_problem p = middle;
        p.dim[TD_P] = 17;
        p.dim[TD_Q] = 13;
        p.dim[TD_K] = 23;
        for (int o = 0; o < TD_NOBJ; o++) {
            td_map_query q;
            td_map_result perfect, r;
            td_map_query_default(&q, &hw);
            q.objective = (td_map_objective)o;
            assert_ok(td_map_best(&p, &hw, &q, &perfect, NULL, &err), &err);
            q.max_nodes = 20000;
            q.imperfect = true;
            assert_ok(td_map_best(&p, &hw, &q, &r, NULL, &err), &err);
            assert_true(r.objective <= perfect.objective);
            assert_true(r.bound <= r.objective && r.bound > 0);
            better += r.objective < perfect.objective * 0.9;
            assert_memory_equal(&r.problem, &p, sizeof p);
            td_cost again;
            assert_ok(td_cost_evaluate(&p, &hw, &r.mapping, q.counting, &again, &err), &err);
            same_cost(&again, &r.cost);
        }
    }
    assert_true(better >= 4); /* primes leave perfect factors little to choose */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_brute_force),
        cmocka_unit_test(agrees_with_timing),
        cmocka_unit_test(bounds_hold_with_stalls),
        cmocka_unit_test(once_wrong),
        cmocka_unit_test(missing_bytes_are_enough),
        cmocka_unit_test(crowded_pool),
        cmocka_unit_test(handmade_on_micro),
        cmocka_unit_test(modes),
        cmocka_unit_test(weights),
        cmocka_unit_test(imperfect),
        cmocka_unit_test(least_utilisation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

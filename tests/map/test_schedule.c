/* Schedules of random networks on random micro accelerators: accepted by the independent checker,
 * reproducible, consistent in what more of a resource gives. */
#include "schedule_solve.h"

static void checker_accepts(void **state) {
    (void)state;
    td_map_cache *cache = td_map_cache_create(0);
    int on_chip = 0, resident = 0, staged = 0, streamed = 0, loaded = 0;
    const int cases = random_cases(48);
    for (int seed = 0; seed < cases; seed++) {
        td_rng r = td_rng_make((uint64_t)seed, 1, TD_RNG_TEST);
        td_net *net = random_schedule_net(&r, pick(&r, 2, 8));
        td_edge e;
        td_hw hw;
        random_micro(&r, &e, &hw);
        if (pick(&r, 0, 1)) { /* less memory than the space has: values and weights compete */
            e.local_bytes = 512 * pick(&r, 2, 12);
            build_micro(&e, &hw);
        }
        td_schedule_options o = options(cache);
        o.objective = seed % 3 == 0 ? TD_OBJ_ENERGY : TD_OBJ_LATENCY;
        o.batch = seed % 4 == 1 ? 3 : 1;
        td_schedule steady, cold;
        solve(net, &hw, &o, &steady);
        o.cold = true;
        solve(net, &hw, &o, &cold);
        if (o.objective == TD_OBJ_LATENCY)
            assert_true(steady.latency_s <= cold.latency_s * (1 + 1e-12));
        else
            assert_true(steady.energy_j <= cold.energy_j * (1 + 1e-12));
        assert_int_equal(steady.resident_weight_bytes, cold.resident_weight_bytes);
        for (int i = 0; i < steady.n; i++) {
            const td_interval *t = &steady.interval[i];
            on_chip += t->output == TD_AT_CHIP;
            resident += t->weights == TD_AT_CHIP;
            staged += t->weights == TD_AT_STAGED;
            streamed += t->mapped && t->weights == TD_AT_DRAM;
            loaded += cold.interval[i].prefetch_bytes > 0;
        }
        td_schedule_free(&steady);
        td_schedule_free(&cold);
        td_net_destroy(net);
    }
    /* All kinds of places occur. */
    assert_true(on_chip >= cases * 25 / 24);
    assert_true(resident >= cases * 25 / 24);
    assert_true(staged >= cases / 24);
    assert_true(streamed >= (cases + 11) / 12);
    assert_true(loaded >= cases * 5 / 12);
    td_map_cache_destroy(cache);
}

static void same_schedule(const td_schedule *a, const td_schedule *b) {
    assert_int_equal(a->n, b->n);
    assert_true(a->latency_s == b->latency_s && a->energy_j == b->energy_j);
    assert_int_equal(a->resident_weight_bytes, b->resident_weight_bytes);
    for (int i = 0; i < a->n; i++) {
        const td_interval *x = &a->interval[i], *y = &b->interval[i];
        assert_true(x->cycles == y->cycles && x->energy_j == y->energy_j);
        assert_true(x->input == y->input && x->output == y->output && x->weights == y->weights);
        assert_int_equal(x->mapping.n, y->mapping.n);
        assert_memory_equal(x->mapping.keep, y->mapping.keep, sizeof x->mapping.keep);
        assert_memory_equal(x->mapping.loop, y->mapping.loop,
                            sizeof x->mapping.loop[0] * x->mapping.n);
    }
}

typedef struct {
    const td_net *net;
    const td_hw *hw;
    td_map_cache *cache;
    td_schedule s[4];
    td_status status[4];
} crowd;

static void one_of_crowd(void *self, int i) {
    crowd *c = self;
    td_schedule_options o = options(c->cache);
    c->status[i] = td_schedule_best(c->net, c->hw, &o, &c->s[i], NULL, NULL);
}

static void deterministic(void **state) {
    (void)state;
    td_map_cache *cache = td_map_cache_create(0);
    for (uint64_t seed = 100; seed < 104; seed++) {
        td_rng r = td_rng_make(seed, 1, TD_RNG_TEST);
        td_net *net = random_schedule_net(&r, 6);
        td_edge e;
        td_hw hw;
        random_micro(&r, &e, &hw);
        td_schedule_options o = options(cache), bare = options(NULL);
        td_schedule first, again, without;
        solve(net, &hw, &o, &first);
        solve(net, &hw, &o, &again);
        solve(net, &hw, &bare, &without);
        same_schedule(&first, &again);
        same_schedule(&first, &without);
        crowd c = {.net = net, .hw = &hw, .cache = td_map_cache_create(0)};
        assert_int_equal(td_parallel_for(4, 4, one_of_crowd, &c), TD_OK);
        for (int k = 0; k < 4; k++) {
            assert_int_equal(c.status[k], TD_OK);
            same_schedule(&first, &c.s[k]);
            td_schedule_free(&c.s[k]);
        }
        td_map_cache_destroy(c.cache);
        td_schedule_free(&first);
        td_schedule_free(&again);
        td_schedule_free(&without);
        td_net_destroy(net);
    }
    td_map_cache_destroy(cache);
}

/* More of a resource, all else equal (the energies of a larger memory too). A schedule stays
 * possible when there is more of anything. I/O: never slower here. Memory: the mapper is asked for
 * other rooms, and where its answers are not optimal a step may be slower: rare and small, no more.
 */
static void more_is_not_slower(void **state) {
    (void)state;
    td_map_cache *cache = td_map_cache_create(0);
    int steps = 0, slower = 0;
    double worst = 1;
    for (uint64_t seed = 200; seed < 216; seed++) {
        td_rng r = td_rng_make(seed, 1, TD_RNG_TEST);
        td_net *net = random_schedule_net(&r, pick(&r, 3, 8));
        td_edge e;
        td_hw hw;
        random_micro(&r, &e, &hw);
        td_schedule_options o = options(cache);
        td_schedule s;
        hw.level[3].shared_bw = 1; /* 0.05 GB/s */
        double before = INFINITY;
        for (int k = 0; k < 5; k++, hw.level[3].shared_bw *= 2.5) {
            solve(net, &hw, &o, &s);
            if (s.latency_s > before * (1 + 1e-12))
                fail_msg("seed %d, step %d: more I/O, and %.4f times the latency", (int)seed, k,
                         s.latency_s / before);
            before = s.latency_s;
            td_schedule_free(&s);
        }
        random_micro(&r, &e, &hw);
        before = INFINITY;
        hw.level[1].capacity_bits = 8 * 4096;
        for (int k = 0; k < 5; k++, hw.level[1].capacity_bits *= 2) {
            td_status st = td_schedule_best(net, &hw, &o, &s, NULL, NULL);
            if (st == TD_E_INFEASIBLE && before == INFINITY) continue;
            assert_int_equal(st, TD_OK);
            steps += before < INFINITY;
            slower += s.latency_s > before * (1 + 1e-12);
            worst = fmax(worst, s.latency_s / before);
            before = s.latency_s;
            td_schedule_free(&s);
        }
        td_net_destroy(net);
    }
    printf("         twice the memory: slower in %d of %d steps, at most %.4f times\n", slower,
           steps, worst);
    assert_true(slower * 16 <= steps && worst < 1.05);
    td_map_cache_destroy(cache);
}

/* ---- cases, export, refusals ------------------------------------------------------------------
 */

static void cases_reproduce_costs(void **state) {
    (void)state;
    td_rng r = td_rng_make(400, 1, TD_RNG_TEST);
    td_net *net = random_schedule_net(&r, 8);
    td_edge e;
    td_hw hw;
    random_micro(&r, &e, &hw);
    td_schedule_options o = options(NULL);
    td_schedule s;
    solve(net, &hw, &o, &s);
    for (int i = 0; i < s.n; i++) {
        const td_interval *t = &s.interval[i];
        if (!t->mapped) continue;
        td_arena *a = td_arena_create();
        td_text text = {0};
        td_case c, back;
        td_cost cost;
        td_error err = {0};
        const td_node *doc;
        td_interval_case(net, t, &c);
        td_node_to_json(td_case_to_node(&c, a), 0, &text);
        assert_ok(td_json_parse(a, text.data, text.size, "case", 1, &doc, &err), &err);
        assert_ok(td_case_from_node(doc, &back, &err), &err);
        assert_ok(td_cost_evaluate(&back.problem, &back.hw, &back.mapping, o.counting, &cost, &err),
                  &err);
        assert_true(cost.cycles == t->cost.cycles && cost.total_pj == t->cost.total_pj);
        for (int l = 0; l < hw.n; l++)
            for (int k = 0; k < TD_NTENSOR; k++)
                assert_memory_equal(&cost.at[l][k], &t->cost.at[l][k], sizeof(td_access));
        td_text_free(&text);
        td_arena_destroy(a);
    }
    td_schedule_free(&s);
    td_net_destroy(net);
}

static double real_at(const td_node *n, const char *key) {
    const td_node *v = td_node_find(n, key);
    if (v == NULL) fail_msg("no %s", key);
    return v->real;
}

/* The exported parts of each interval's energy add up to it. */
static void export_is_complete(void **state) {
    (void)state;
    td_rng r = td_rng_make(401, 1, TD_RNG_TEST);
    td_net *net = random_schedule_net(&r, 8);
    td_edge e;
    td_hw hw;
    random_micro(&r, &e, &hw);
    td_schedule_options o = options(NULL);
    td_schedule s;
    solve(net, &hw, &o, &s);
    td_arena *a = td_arena_create();
    const td_node *doc = td_schedule_to_node(net, &hw, &s, a);
    assert_non_null(doc);
    assert_near(real_at(doc, "latency_s"), s.latency_s, 0);
    const td_node *list = td_node_find(doc, "intervals");
    assert_int_equal(list->count, s.n);
    double latency = 0;
    for (int i = 0; i < s.n; i++) {
        const td_node *n = list->item[i], *parts = td_node_find(n, "energy_pj");
        double pj = 0;
        latency += real_at(n, "latency_s");
        for (int k = 0; k < parts->count; k++) {
            if (parts->item[k]->kind == TD_REAL) {
                pj += parts->item[k]->real;
                continue;
            }
            const td_node *levels = parts->item[k];
            for (int l = 0; l < levels->count; l++)
                for (int t = 0; t < levels->item[l]->count; t++)
                    pj += levels->item[l]->item[t]->real;
        }
        assert_near(pj, s.interval[i].energy_j * 1e12, 1e-6 * pj);
        if (s.interval[i].mapped) {
            assert_non_null(td_node_find(n, "case"));
            assert_true(strstr(td_node_find(n, "mapping")->text, "Local") != NULL);
        }
    }
    assert_near(latency, s.latency_s, 1e-12 * latency);
    td_arena_destroy(a);
    td_schedule_free(&s);
    td_net_destroy(net);
}

static void infeasible_has_a_reason(void **state) {
    (void)state;
    td_edge e;
    td_tech tech;
    td_hw hw;
    micro_defaults(&e, &tech);
    build_micro(&e, &hw);
    td_net *net = td_net_create("wide", TD_DIM(64, 8, 8));
    int x = td_net_conv(net, 0, 64, 3, 1, 1, 1);
    td_net_name_last(net, "widest");
    td_net_conv(net, x, 16, 1, 1, 1, 1);
    td_schedule s;
    td_error err = {0};
    td_schedule_options o = options(NULL);
    int64_t missing = 0;
    hw.level[1].capacity_bits = 8; /* a byte per PE, double-buffered */
    assert_int_equal(td_schedule_best(net, &hw, &o, &s, &missing, &err), TD_E_INFEASIBLE);
    assert_non_null(strstr(err.message, "widest"));
    assert_non_null(strstr(err.message, "Local"));
    assert_true(missing > 0);
    assert_null(s.interval);
    hw.level[1].capacity_bits += 8 * missing; /* what is said to be missing, per memory */
    assert_ok(td_schedule_best(net, &hw, &o, &s, &missing, &err), &err);
    assert_ok(td_schedule_check(net, &hw, &s, &err), &err);
    td_schedule_free(&s);

    o.batch = 0;
    assert_int_equal(td_schedule_best(net, &hw, &o, &s, NULL, &err), TD_E_USAGE);
    o = options(NULL);
    o.objective = TD_OBJ_EDP;
    assert_int_equal(td_schedule_best(net, &hw, &o, &s, NULL, &err), TD_E_USAGE);
    td_net_destroy(net);
}

/* More values alive at a time than the state of the dynamic program holds. Where there is room all
 * stand on chip; where there is little, some are sent to DRAM. Nothing is called proved. */
static void many_values_alive(void **state) {
    (void)state;
    td_edge e;
    td_tech tech;
    td_hw hw;
    micro_defaults(&e, &tech);
    td_net *net = td_net_create("bush", TD_DIM(4, 24, 24));
    int branch[12], x = td_net_conv(net, 0, 8, 3, 1, 1, 1);
    for (int i = 0; i < 12; i++) branch[i] = td_net_conv(net, x, 4 + i, 1, 1, 1, 1);
    int halves[2] = {td_net_concat(net, branch, 6), td_net_concat(net, branch + 6, 6)};
    td_net_fc(net, td_net_global_pool(net, td_net_concat(net, halves, 2)), 10);
    td_schedule_options o = options(NULL);
    const int64_t roomy = e.local_bytes;
    int fewest = 12;
    double before = INFINITY;
    for (int k = 0; k < 8; k++) {
        td_schedule s;
        td_error err = {0};
        e.local_bytes = k == 7 ? 16 * roomy : 512 << k;
        if (td_edge_build(&e, &tech, &hw, NULL, &err) != TD_OK) continue;
        solve(net, &hw, &o, &s);
        assert_false(s.proved);
        int on_chip = 0;
        for (int i = 1; i < 13; i++) on_chip += s.interval[i].output == TD_AT_CHIP;
        if (on_chip < fewest) fewest = on_chip;
        if (k == 7) assert_true(on_chip == 12 && s.dram_bytes <= 4 * 24 * 24 + 100);
        assert_true(s.latency_s < before * 1.01);
        before = s.latency_s;
        td_schedule_free(&s);
    }
    assert_true(fewest < 12);
    td_net_destroy(net);
}

/* A dense block: each layer reads all that was made before it. */
static void dense_blocks(void **state) {
    (void)state;
    for (int depth = 7; depth <= 14; depth++) {
        td_error err = {0};
        td_hw hw;
        td_schedule s;
        td_schedule_options o = options(NULL);
        td_net *net = td_net_create("dense", TD_DIM(16, 8, 8));
        int made[16] = {td_net_conv(net, 0, 16, 3, 1, 1, 1)};
        for (int i = 1; i <= depth; i++) {
            int all = i > 1 ? td_net_concat(net, made, i) : made[0];
            made[i] = td_net_conv(net, td_net_conv(net, all, 16, 1, 1, 1, 1), 8, 3, 1, 1, 1);
        }
        td_net_concat(net, made, depth + 1);
        assert_ok(td_hw_load("edge", &hw, &err), &err);
        solve(net, &hw, &o, &s);
        /* All weights and values stay: what moves is the image and the result. */
        assert_true(s.dram_bytes == 16 * 8 * 8 + (16 + 8 * depth) * 8 * 8);
        td_schedule_free(&s);
        td_net_destroy(net);
    }
}

/* ---- hardware of other kinds ------------------------------------------------------------------
 */

/* Eyeriss: home and tiles are one level, weights cannot stay there. */
static void one_level_for_all(void **state) {
    (void)state;
    td_hw hw;
    td_error err = {0};
    assert_ok(td_hw_load(TD_TEST_SOURCE "/hw/eyeriss-168.yaml", &hw, &err), &err);
    td_map_cache *cache = td_map_cache_create(0);
    int on_chip = 0;
    for (uint64_t seed = 500; seed < 506; seed++) {
        td_rng r = td_rng_make(seed, 1, TD_RNG_TEST);
        td_net *net = random_schedule_net(&r, 5);
        for (int i = 0; i < td_net_size(net); i++) td_net_set_bits(net, i, 16, 16, 16, 16);
        td_schedule_options o = options(cache);
        td_schedule s;
        solve(net, &hw, &o, &s);
        for (int i = 0; i < s.n; i++) {
            on_chip += s.interval[i].output == TD_AT_CHIP;
            assert_true(s.interval[i].weights == TD_AT_DRAM);
        }
        td_schedule_free(&s);
        td_net_destroy(net);
    }
    assert_in_range(on_chip, 5, 1000);
    td_map_cache_destroy(cache);
}

/* Memories that are not shared cannot hand values on: everything streams. */
static void nothing_can_stay(void **state) {
    (void)state;
    td_edge e;
    td_tech tech;
    td_hw hw;
    micro_defaults(&e, &tech);
    build_micro(&e, &hw);
    hw.level[2].may_keep = hw.level[2].must_keep = 0; /* the pool becomes a network only */
    td_rng r = td_rng_make(600, 1, TD_RNG_TEST);
    td_net *net = random_schedule_net(&r, 6);
    td_schedule_options o = options(NULL);
    td_schedule s, cold;
    solve(net, &hw, &o, &s);
    for (int i = 0; i < s.n; i++) {
        assert_true(s.interval[i].output == TD_AT_DRAM && s.interval[i].weights == TD_AT_DRAM);
        assert_int_equal(s.interval[i].chip_bytes, 0);
    }
    o.cold = true; /* the same, as nothing was there before */
    solve(net, &hw, &o, &cold);
    assert_true(cold.latency_s == s.latency_s);
    td_schedule_free(&s);
    td_schedule_free(&cold);
    td_net_destroy(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checker_accepts),    cmocka_unit_test(deterministic),
        cmocka_unit_test(more_is_not_slower), cmocka_unit_test(cases_reproduce_costs),
        cmocka_unit_test(export_is_complete), cmocka_unit_test(infeasible_has_a_reason),
        cmocka_unit_test(many_values_alive),  cmocka_unit_test(dense_blocks),
        cmocka_unit_test(one_level_for_all),  cmocka_unit_test(nothing_can_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

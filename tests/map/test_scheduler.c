/* Figures of many accelerators for one network: those of whole schedules, bit for bit, whatever the
 * cache knows from other networks and other accelerators; floors and bounds never lie above. */
#include <math.h>

#include "common.h"
#include "schedule_random.h"
#include "tandem/map.h"

enum { NETS = TEST_SANITIZED ? 4 : 6, CHIPS = TEST_SANITIZED ? 6 : 12 };

/* Two thirds of the accelerators differ from the one before in DRAM only: energy, bandwidth and,
 * as in the template, area and leakage. */
static void make_chips(td_rng *r, td_hw *hw) {
    td_edge e;
    for (int i = 0; i < CHIPS; i++) {
        if (i % 3 == 0) {
            random_micro(r, &e, &hw[i]);
            continue;
        }
        hw[i] = hw[i - 1];
        td_level *dram = &hw[i].level[hw[i].n - 1];
        dram->shared_bw *= i % 3 == 1 ? 2 : 0.3;
        dram->read_pj *= 1.5;
        hw[i].leak_w *= 1.1;
        hw[i].area_mm2 += 0.1;
    }
}

/* Weights that are no whole bytes, over a DRAM so slow that a bit of them counts. */
static void narrow(td_net *net, td_rng *r, uint64_t seed, td_hw *hw) {
    if (seed % 2 == 0) return;
    for (int i = 1; i < td_net_size(net); i++)
        if (td_net_layer(net, i)->op == TD_OP_CONV)
            td_net_set_bits(net, i, 1 + (int)td_rng_below(r, 3), 8, 8, 32);
    for (int i = 0; i < CHIPS; i++) hw[i].level[hw[i].n - 1].shared_bw /= 64;
}

/* Words that are wider than the MACs are no question of cost. */
static void operands_fit_macs(void **state) {
    (void)state;
    td_hw hw;
    td_error err = {0};
    td_schedule_figures f;
    td_scheduler *s;
    assert_ok(td_hw_load("micro", &hw, &err), &err);
    td_net *net = td_net_create("wide", TD_DIM(8, 8, 8));
    td_net_conv(net, 0, 8, 3, 1, 1, 1);
    td_net_set_bits(net, 1, 16, 8, 8, 32);
    assert_ok(td_scheduler_create(net, NULL, &s, &err), &err);
    assert_int_equal(td_scheduler_cost(s, &hw, &f, NULL, &err), TD_E_INFEASIBLE);
    assert_non_null(strstr(err.message, "built for 8 x 8"));
    assert_int_equal(td_scheduler_bound(s, &hw, &f, NULL, &err), TD_E_INFEASIBLE);
    td_scheduler_destroy(s);
    td_net_destroy(net);
}

/* Nor does the checker let anything stay there. */
static void checker_knows_reload(const td_net *net, td_hw *hw, td_schedule *s, td_tensor t) {
    td_error err = {0};
    assert_ok(td_schedule_check(net, hw, s, &err), &err);
    for (int l = 0; l < hw->n; l++) {
        hw->level[l].reload = (uint8_t)TD_BIT(t);
        for (int i = 0; i < s->n; i++) s->interval[i].hw.level[l].reload = (uint8_t)TD_BIT(t);
    }
    assert_int_equal(td_schedule_check(net, hw, s, &err), TD_E_INPUT);
    assert_non_null(strstr(err.message, "brought in anew in every step stays on chip"));
}

/* A controller that brings in tiles anew has nothing that stays. */
static void reloaded_is_not_resident(void **state) {
    (void)state;
    td_hw hw;
    td_error err = {0};
    td_schedule s;
    td_net *net = td_net_create("pair", TD_DIM(16, 8, 8));
    td_net_conv(net, td_net_conv(net, 0, 16, 3, 1, 1, 1), 16, 3, 1, 1, 1);
    for (int reload = 0; reload < 2; reload++) {
        assert_ok(td_hw_load("gemmini", &hw, &err), &err);
        for (int l = 0; l < hw.n && !reload; l++) hw.level[l].reload = 0;
        assert_ok(td_schedule_best(net, &hw, NULL, &s, NULL, &err), &err);
        assert_true((s.resident_weight_bytes > 0) == !reload);
        for (int i = 0; i < s.n && reload; i++) assert_int_equal(s.interval[i].output, TD_AT_DRAM);
        if (!reload) checker_knows_reload(net, &hw, &s, TD_W);
        td_schedule_free(&s);
    }
    assert_ok(td_hw_load("micro", &hw, &err), &err);
    assert_ok(td_schedule_best(net, &hw, NULL, &s, NULL, &err), &err);
    assert_int_not_equal(s.interval[0].output, TD_AT_DRAM);
    checker_knows_reload(net, &hw, &s, TD_I);
    td_schedule_free(&s);
    td_net_destroy(net);
}

/* What a convolution writes are words of the value that it hands on: those of the activation in its
 * drain, or as its widest reader wants them. */
static void words_of_what_is_handed_on(void **state) {
    (void)state;
    enum { WORDS = 16 * 16 * 16 };
    static const struct {
        int relu, reader, wanted;
    } of[] = {{8, 0, 8}, {4, 0, 4}, {16, 0, 16}, {4, 8, 8}};
    for (size_t k = 0; k < sizeof of / sizeof *of; k++) {
        td_hw hw;
        td_error err = {0};
        td_schedule s;
        td_timeline t;
        td_net *net = td_net_create("chain", TD_DIM(16, 16, 16));
        int x = td_net_act(net, td_net_conv(net, 0, 16, 3, 1, 1, 1), TD_OP_RELU);
        td_net_set_bits(net, x, 8, 8, of[k].relu, 32);
        if (of[k].reader > 0) td_net_conv(net, x, 16, 1, 1, 1, 1);
        td_schedule_options o;
        td_schedule_options_default(&o);
        assert_ok(td_hw_load("eyeriss", &hw, &err), &err);
        for (int l = 0; l < hw.n; l++)
            hw.level[l].reload = (uint8_t)(TD_BIT(TD_I) & hw.level[l].may_keep);
        assert_ok(td_schedule_best(net, &hw, &o, &s, NULL, &err), &err);
        assert_ok(td_schedule_check(net, &hw, &s, &err), &err);
        assert_true(s.interval[0].dram_bytes[TD_O] == (double)WORDS * of[k].wanted / 8);
        assert_ok(td_timeline_build(net, &hw, &s, &t, &err), &err);
        assert_ok(td_timeline_check(net, &hw, &s, &t, &err), &err);
        td_timeline_free(&t);
        td_schedule_free(&s);
        td_net_destroy(net);
    }
}

/* What is there for all, without a bound, holds everything, as one that is large enough does. */
static void storage_without_a_bound(void **state) {
    (void)state;
    td_error err = {0};
    td_hw hw;
    td_net *net = td_net_create("pair", TD_DIM(16, 8, 8));
    td_net_conv(net, td_net_conv(net, 0, 16, 3, 1, 1, 1), 16, 3, 1, 1, 1);
    double latency[2];
    for (int unbounded = 0; unbounded < 2; unbounded++) {
        td_schedule s;
        assert_ok(td_hw_load("eyeriss-168", &hw, &err), &err);
        for (int l = 0; l + 1 < hw.n; l++)
            if (hw.level[l].instances == 1 && hw.level[l].may_keep != 0)
                hw.level[l].capacity_bits = unbounded ? -1 : INT64_C(1) << 40;
        assert_ok(td_schedule_best(net, &hw, NULL, &s, NULL, &err), &err);
        assert_ok(td_schedule_check(net, &hw, &s, &err), &err);
        assert_int_equal(s.interval[0].output, TD_AT_CHIP);
        latency[unbounded] = s.latency_s;
        td_schedule_free(&s);
    }
    assert_true(latency[0] == latency[1]);
    td_net_destroy(net);
}

static void as_schedules(void **state) {
    (void)state;
    td_map_cache *shared = td_map_cache_create(0), *small = td_map_cache_create(64);
    td_hw hw[CHIPS];
    double gap = 0;
    int n = 0;
    for (uint64_t seed = 0; seed < NETS; seed++) {
        td_rng r = td_rng_make(seed / 2, 1, TD_RNG_TEST); /* the same chips for two networks */
        make_chips(&r, hw);
        td_rng q = td_rng_make(seed, 2, TD_RNG_TEST);
        td_net *net = random_schedule_net(&q, 4 + (int)seed);
        narrow(net, &q, seed, hw);
        td_schedule_options bare, with;
        td_schedule_options_default(&bare);
        bare.max_nodes = seed % 2 == 0 ? 300 : 1200; /* without drafts and with them */
        bare.objective = seed % 3 == 2 ? TD_OBJ_ENERGY : TD_OBJ_LATENCY;
        bare.cold = seed == 3;
        with = bare;
        td_error err = {0};
        for (int pass = 0; pass < 2; pass++) {
            with.cache = pass == 0 ? shared : small; /* one that is soon full */
            td_scheduler *s;
            assert_ok(td_scheduler_create(net, &with, &s, &err), &err);
            for (int i = 0; i < CHIPS; i++) {
                td_schedule whole = {0}, cached = {0};
                td_schedule_figures least = td_scheduler_floor(s, &hw[i]), bound, got;
                td_status st = td_schedule_best(net, &hw[i], &bare, &whole, NULL, NULL);
                assert_int_equal(td_schedule_best(net, &hw[i], &with, &cached, NULL, NULL), st);
                if (i % 2 == 0)
                    assert_int_equal(td_scheduler_bound(s, &hw[i], &bound, NULL, NULL), st);
                assert_int_equal(td_scheduler_cost(s, &hw[i], &got, NULL, &err), st);
                if (st != TD_OK) continue;
                assert_true(got.latency_s == whole.latency_s && got.energy_j == whole.energy_j);
                assert_true(cached.latency_s == whole.latency_s);
                assert_true(cached.energy_j == whole.energy_j);
                assert_true(least.latency_s == whole.bound_latency_s);
                assert_true(least.energy_j <= whole.energy_j);
                if (i % 2 == 0) {
                    assert_true(bound.latency_s >= least.latency_s);
                    assert_true(bound.latency_s <= whole.latency_s);
                    assert_true(bound.energy_j >= least.energy_j);
                    assert_true(bound.energy_j <= whole.energy_j);
                    gap += whole.latency_s / bound.latency_s - 1;
                    n++;
                }
                td_schedule_free(&whole);
                td_schedule_free(&cached);
            }
            td_scheduler_destroy(s);
        }
        td_net_destroy(net);
    }
    printf("         the bound is %.1f %% below the latency on average\n", 100 * gap / n);
    assert_true(n > 20);
    td_map_cache_destroy(shared);
    td_map_cache_destroy(small);
}

/* Layers that never go to DRAM are mapped once for all accelerators that differ there only. */
static void neighbours_share_mappings(void **state) {
    (void)state;
    td_map_cache *cache = td_map_cache_create(0);
    td_error err = {0};
    td_hw hw;
    td_net *net = NULL;
    assert_ok(td_hw_load("edge", &hw, &err), &err);
    assert_ok(td_net_build("mobilenetv2", TD_DIM(3, 64, 64), 1, 10, &net, &err), &err);
    td_schedule_options o;
    td_schedule_options_default(&o);
    o.max_nodes = 300;
    o.cache = cache;
    uint64_t asked[2] = {0};
    for (int k = 0; k < 2; k++) {
        td_schedule s;
        assert_ok(td_schedule_best(net, &hw, &o, &s, NULL, &err), &err);
        td_schedule_free(&s);
        td_map_cache_stats(cache, NULL, &asked[k]);
        hw.level[hw.n - 1].shared_bw /= 4;
        hw.area_mm2 -= 1;
    }
    printf("         %d questions, then %d\n", (int)asked[0], (int)(asked[1] - asked[0]));
    assert_true(asked[0] > 15 && asked[1] - asked[0] <= asked[0] / 3);
    td_net_destroy(net);
    td_map_cache_destroy(cache);
}

/* Weights of single bits take a byte on chip and move a bit: what must be loaded is bits. */
static void bits_are_no_bytes(void **state) {
    (void)state;
    td_error err = {0};
    td_hw hw;
    assert_ok(td_hw_load("micro", &hw, &err), &err);
    hw.level[1].capacity_bits = 8 * 8; /* 4 PEs with 8 bytes each */
    hw.level[2].capacity_bits = 4 * hw.level[1].capacity_bits;
    hw.level[3].shared_bw = 0.125;
    td_net *net = td_net_create("bits", TD_DIM(1, 1, 1));
    int x = 0;
    for (int i = 0; i < 40; i++) {
        x = td_net_conv(net, x, 1, 1, 1, 1, 1);
        td_net_set_bits(net, x, 1, 8, 8, 8);
    }
    for (int cold = 0; cold < 2; cold++) {
        td_schedule_options o;
        td_schedule_options_default(&o);
        o.cold = cold == 1;
        td_schedule s;
        assert_ok(td_schedule_best(net, &hw, &o, &s, NULL, &err), &err);
        assert_ok(td_schedule_check(net, &hw, &s, &err), &err);
        assert_true(s.bound_latency_s <= s.latency_s);
        td_schedule_free(&s);
    }
    td_net_destroy(net);
}

/* What is kept of the accelerator before is not used for one with other levels. */
static void levels_may_differ(void **state) {
    (void)state;
    static const char *const name[] = {"micro", "eyeriss-168", "simba",      "array-16x16",
                                       "micro", "tpu-v1",      "eyeriss-256"};
    td_error err = {0};
    td_net *net = NULL;
    assert_ok(td_net_build("handmade", TD_DIM(0, 0, 0), 1, 0, &net, &err), &err);
    td_scheduler *one, *fresh;
    assert_ok(td_scheduler_create(net, NULL, &one, &err), &err);
    for (size_t i = 0; i < sizeof name / sizeof name[0]; i++) {
        td_hw hw;
        assert_ok(td_hw_load(name[i], &hw, &err), &err);
        assert_ok(td_scheduler_create(net, NULL, &fresh, &err), &err);
        td_schedule_figures a = td_scheduler_floor(one, &hw), b = td_scheduler_floor(fresh, &hw);
        assert_true(a.latency_s == b.latency_s && a.energy_j == b.energy_j);
        td_scheduler_destroy(fresh);
    }
    td_scheduler_destroy(one);
    td_net_destroy(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operands_fit_macs),
        cmocka_unit_test(reloaded_is_not_resident),
        cmocka_unit_test(as_schedules),
        cmocka_unit_test(neighbours_share_mappings),
        cmocka_unit_test(storage_without_a_bound),
        cmocka_unit_test(words_of_what_is_handed_on),
        cmocka_unit_test(bits_are_no_bytes),
        cmocka_unit_test(levels_may_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

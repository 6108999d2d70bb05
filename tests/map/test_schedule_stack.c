/* Stacks: layers that run depth first, in bands of rows. Turns and rows against what can be counted
 * by hand; schedules of networks that crowd their accelerators against both checkers, against what
 * they are layer by layer, and against floors and bounds. */
#include <math.h>
#include <string.h>

#include "common.h"
#include "schedule_random.h"
#include "tandem/map.h"

#include "../../src/map/schedule.h"

static int pick(td_rng *r, int lo, int hi) {
    return lo + (int)td_rng_below(r, (uint64_t)(hi - lo + 1));
}

/* ---- turns by hand ----------------------------------------------------------------------------
 */

static td__stack turns(const td_net *net, td_arena *a, int n, const int *rows) {
    td_error err = {0};
    td__sched_plan p;
    td__stack s = {.n = n};
    assert_ok(td__sched_plan_build(net, 1, a, &p, &err), &err);
    for (int k = 0; k < n; k++) {
        s.rows[k] = rows[k];
        assert_int_equal(p.step[k].flows, k + 1 < p.n);
    }
    assert_true(td__stack_turns(&p, &s));
    return s;
}

static void turns_by_hand(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    /* 1x1 into 1x1: eight rows, two at a time, nothing is kept. */
    td_net *net = td_net_create("two", TD_DIM(1, 8, 8));
    td_net_conv(net, td_net_conv(net, 0, 3, 1, 1, 1, 1), 2, 1, 1, 1, 1);
    td__stack s = turns(net, a, 2, (const int[]){2, 2});
    assert_int_equal(s.passes[0], 4);
    assert_int_equal(s.passes[1], 4);
    assert_int_equal(s.between[0], 2 * 8 * 3 * 8); /* two rows of 8 words of 3 channels */
    td_net_destroy(net);

    /* 1x1 into 3x3 with a border: after two rows one can be made, then two a turn, and one that
     * catches up. Rows 2 n - 2 to 2 n stand there before turn n, two of them from before. */
    net = td_net_create("lag", TD_DIM(1, 8, 8));
    td_net_conv(net, td_net_conv(net, 0, 3, 1, 1, 1, 1), 2, 3, 1, 1, 1);
    s = turns(net, a, 2, (const int[]){2, 2});
    assert_int_equal(s.passes[0], 4);
    assert_int_equal(s.passes[1], 5);
    assert_int_equal(s.between[0], 4 * 8 * 3 * 8);
    s = turns(net, a, 2, (const int[]){3, 3}); /* 3, 6, 8 rows; 2, 5, 8: nothing to catch up */
    assert_int_equal(s.passes[0], 3);
    assert_int_equal(s.passes[1], 3);
    td_net_destroy(net);

    /* 3x3 with stride 2 in the middle, a depthwise 5x5 behind it: 16 rows become 8. */
    net = td_net_create("three", TD_DIM(1, 16, 16));
    int x = td_net_conv(net, 0, 4, 1, 1, 1, 1);
    x = td_net_conv(net, x, 4, 3, 2, 1, 1);
    td_net_conv(net, x, 4, 5, 1, 4, 1);
    s = turns(net, a, 3, (const int[]){4, 2, 2});
    /* made: 4 8 12 16 . . | 2 4 6 8 (row r reads up to 2 r + 1) | 0 2 4 8: 6 when 8 are there */
    assert_int_equal(s.passes[0], 4);
    assert_int_equal(s.passes[1], 4);
    assert_int_equal(s.passes[2], 4);
    td_net_destroy(net);
    td_arena_destroy(a);
}

/* Rows that nobody needs are made all the same: 9 of 9, though a border above and none below leave
 * the last one out; a layer has the same work in every schedule. */
static void all_rows_are_made(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    td_net *net = td_net_create("odd", TD_DIM(1, 9, 9));
    int x = td_net_conv(net, 0, 4, 1, 1, 1, 1);
    td_net_conv_spec(net, x,
                     &(td_conv_spec){.out_c = 4,
                                     .kernel = {3, 3},
                                     .stride = {2, 2},
                                     .dilation = {1, 1},
                                     .pad = {1, 1, 0, 0},
                                     .groups = 1});
    td__stack s = turns(net, a, 2, (const int[]){4, 2});
    assert_int_equal(s.passes[0], 3); /* 4, 8, 9 */
    assert_int_equal(s.passes[1], 2); /* two of 4 after four rows, all after eight */
    td_net_destroy(net);
    td_arena_destroy(a);
}

/* ---- what may be a stack ----------------------------------------------------------------------
 */

static void who_flows(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    td_error err = {0};
    td__sched_plan p;
    td_net *net = td_net_create("flows", TD_DIM(4, 8, 8));
    int in = td_net_conv(net, 0, 4, 1, 1, 1, 1);                 /* two readers */
    int x = td_net_conv(net, in, 4, 3, 1, 1, 1);                 /* flows */
    x = td_net_add(net, td_net_conv(net, x, 4, 1, 1, 1, 1), in); /* joined to what comes before */
    x = td_net_conv(net, x, 4, 1, 1, 1, 1);                      /* to a pool */
    x = td_net_pool(net, x, TD_OP_MAX_POOL, 3, 2);
    x = td_net_conv(net, x, 4, 1, 1, 1, 1); /* to a global pool */
    td_net_fc(net, td_net_global_pool(net, x), 3);
    assert_ok(td__sched_plan_build(net, 1, a, &p, &err), &err);
    static const bool expected[] = {false, true, false, false, false, false, false, false};
    assert_int_equal(p.n, 8);
    for (int i = 0; i < p.n; i++) assert_int_equal(p.step[i].flows, expected[i]);
    td_net_destroy(net);

    /* An own operand that is the stack's inner value: both readers are one interval. */
    net = td_net_create("self", TD_DIM(4, 8, 8));
    x = td_net_conv(net, 0, 4, 1, 1, 1, 1);
    x = td_net_add(net, td_net_conv(net, x, 4, 3, 1, 1, 1), x);
    td_net_conv(net, x, 4, 1, 1, 1, 1);
    assert_ok(td__sched_plan_build(net, 1, a, &p, &err), &err);
    assert_int_equal(p.n, 3);
    assert_false(p.step[0].flows);
    td_net_destroy(net);
    td_arena_destroy(a);
}

/* ---- whole schedules --------------------------------------------------------------------------
 */

typedef struct {
    int stacks, layers, bands, staged, streamed_in, out_chip, joined, faster, cases;
    double gain;
} seen;

static void look(const td_schedule *s, seen *n) {
    for (int i = 0; i < s->n; i++) {
        const td_interval *t = &s->interval[i];
        bool in = t->input == TD_AT_BANDS, out = t->output == TD_AT_BANDS;
        if (!in && !out) continue;
        n->layers++;
        n->stacks += !in;
        n->bands += t->bands;
        n->staged += t->weights == TD_AT_STAGED;
        n->streamed_in += !in && t->input == TD_AT_DRAM;
        n->out_chip += !out && t->output == TD_AT_CHIP;
        n->joined += t->joined >= 0;
    }
}

/* Both checkers accept it, floors and bounds are below it, and the figures alone are its own. */
static void hold(const td_net *net, const td_hw *hw, const td_schedule_options *o, td_schedule *s) {
    td_error err = {0};
    assert_ok(td_schedule_best(net, hw, o, s, NULL, &err), &err);
    assert_ok(td_schedule_check(net, hw, s, &err), &err);
    td_timeline t;
    assert_ok(td_timeline_build(net, hw, s, &t, &err), &err);
    assert_ok(td_timeline_check(net, hw, s, &t, &err), &err);
    td_timeline_free(&t);
    td_scheduler *w;
    td_schedule_figures bound, cost, floor;
    assert_ok(td_scheduler_create(net, o, &w, &err), &err);
    floor = td_scheduler_floor(w, hw);
    assert_ok(td_scheduler_bound(w, hw, &bound, NULL, &err), &err);
    assert_ok(td_scheduler_cost(w, hw, &cost, NULL, &err), &err);
    td_scheduler_destroy(w);
    assert_true(cost.latency_s == s->latency_s && cost.energy_j == s->energy_j);
    assert_true(floor.latency_s <= bound.latency_s && bound.latency_s <= cost.latency_s);
    assert_true(floor.energy_j <= bound.energy_j && bound.energy_j <= cost.energy_j);
}

static void schedules_hold(void **state) {
    (void)state;
    td_map_cache *cache = td_map_cache_create(0);
    seen n = {0};
    const int cases = random_cases(60);
    for (int seed = 0; seed < cases; seed++) {
        td_rng r = td_rng_make((uint64_t)seed, 2, TD_RNG_TEST);
        td_net *net = random_crowd(&r);
        td_edge e;
        td_hw hw;
        random_micro(&r, &e, &hw);
        e.local_bytes = 512 * pick(&r, 4, 24);
        e.pe_x = e.pe_y = 2;
        build_micro(&e, &hw);
        td_schedule_options o;
        td_schedule_options_default(&o);
        o.cache = cache;
        o.max_nodes = 500;
        o.objective = seed % 3 == 0 ? TD_OBJ_ENERGY : TD_OBJ_LATENCY;
        o.batch = seed % 5 == 1 ? 2 : 1;
        td_schedule s, cold, plain;
        hold(net, &hw, &o, &s);
        look(&s, &n);
        o.layer_by_layer = true;
        hold(net, &hw, &o, &plain);
        for (int i = 0; i < plain.n; i++)
            assert_true(plain.interval[i].bands == 1 && plain.interval[i].input != TD_AT_BANDS);
        o.layer_by_layer = false;
        o.cold = true;
        hold(net, &hw, &o, &cold);
        double with = o.objective == TD_OBJ_ENERGY ? s.energy_j : s.latency_s;
        double without = o.objective == TD_OBJ_ENERGY ? plain.energy_j : plain.latency_s;
        /* All that is possible without is possible with; the resident set is a heuristic's. */
        assert_true(with <= without * (s.proved ? 1 + 1e-12 : 1.02));
        n.faster += with < without * 0.99;
        n.gain += log(without / with);
        n.cases++;
        td_schedule_free(&s);
        td_schedule_free(&cold);
        td_schedule_free(&plain);
        td_net_destroy(net);
    }
    printf("         %d stacks of %d layers in %d turns; faster, or of less energy, in %d of %d "
           "cases, %.2f times on average\n",
           n.stacks, n.layers, n.bands, n.faster, n.cases, exp(n.gain / n.cases));
    printf("         %d with weights of their own, %d inputs from DRAM, %d outputs on chip, %d "
           "joined\n",
           n.staged, n.streamed_in, n.out_chip, n.joined);
    assert_true(n.stacks > cases / 3 && n.faster > cases / 6 && n.staged > cases / 12);
    assert_true(n.streamed_in > cases / 24 && n.out_chip > cases / 24 && n.joined > cases / 24);
    td_map_cache_destroy(cache);
}

/* Where stacks wait for the weights that they load, many turns wait longest: what stands for all
 * rows in a bound must have the fewest. */
static void bounds_know_turns(void **state) {
    (void)state;
    for (int io = 3; io <= 5; io += 2) {
        td_net *net = td_net_create("pairs", TD_DIM(16, 24, 6));
        int x = 0;
        for (int b = 0; b < 30; b++)
            x = td_net_conv(net, td_net_conv(net, x, 256, 1, 1, 1, 1), 16, 1, 1, 1, 1);
        td_edge e;
        td_tech tech;
        td_hw hw;
        micro_defaults(&e, &tech);
        e.pe_x = e.pe_y = e.lanes = 2;
        e.simd = 4;
        e.rf_bytes = 1024;
        const double weights = 16 * 256, cycles = weights * 24 * 6 / 128;
        e.io_bytes_per_s = weights / (cycles * io / 10) * e.clock_hz;
        e.local_bytes = 8640; /* two thirds of the wide value, beside weights and the others */
        build_micro(&e, &hw);
        td_schedule_options o;
        td_schedule_options_default(&o);
        o.max_nodes = 500;
        td_schedule s;
        hold(net, &hw, &o, &s);
        td_schedule_free(&s);
        td_net_destroy(net);
    }
}

/* ---- memory ------------------------------------------------------------------------------------
 */

/* A larger memory never takes stacks away that were of use: where a layer just has room on chip,
 * with nothing beside it, a stack may still be much better. */
static void more_memory_is_no_slower(void **state) {
    (void)state;
    double worst = 0;
    td_map_cache *cache = td_map_cache_create(0);
    for (uint64_t seed = 100; seed < (TEST_SANITIZED ? 102 : 106); seed++) {
        td_rng r = td_rng_make(seed, 2, TD_RNG_TEST);
        td_net *net = random_crowd(&r);
        td_edge e;
        td_hw hw;
        td_tech tech;
        td_error err = {0};
        micro_defaults(&e, &tech);
        double before = INFINITY;
        td_schedule_options o;
        td_schedule_options_default(&o);
        o.max_nodes = 500;
        o.cache = cache;
        td_scheduler *w;
        assert_ok(td_scheduler_create(net, &o, &w, &err), &err);
        for (int kb = 2; kb <= 64; kb = kb * 5 / 4 + 1) {
            td_schedule_figures f;
            e.local_bytes = 1024 * kb;
            build_micro(&e, &hw);
            assert_ok(td_scheduler_cost(w, &hw, &f, NULL, &err), &err);
            worst = fmax(worst, f.latency_s / before);
            before = f.latency_s;
        }
        td_scheduler_destroy(w);
        td_net_destroy(net);
    }
    printf("         a quarter more memory takes at most %.3f times as long\n", worst);
    assert_true(worst < 1.04); /* what is left is of the search for ways; without stacks: 3.2 */
    td_map_cache_destroy(cache);
}

/* ---- faults that the checker has to see --------------------------------------------------------
 */

typedef struct {
    const char *name;
    bool (*make)(td_schedule *s, int i); /* false: not at this interval */
} fault;

static bool inner(const td_schedule *s, int i) {
    return s->interval[i].output == TD_AT_BANDS;
}

static bool f_turn_less(td_schedule *s, int i) {
    td_interval *t = &s->interval[i];
    if (t->bands == 1) return false;
    t->bands--;
    return true;
}
static bool f_row_more(td_schedule *s, int i) {
    if (s->interval[i].bands == 1) return false;
    s->interval[i].rows++;
    return true;
}
static bool f_buffer(td_schedule *s, int i) {
    if (!inner(s, i)) return false;
    s->interval[i].chip_bytes -= s->interval[i].chip_bytes / 2;
    return true;
}
static bool f_apart(td_schedule *s, int i) { /* its reader takes it from DRAM */
    if (!inner(s, i)) return false;
    s->interval[i + 1].input = TD_AT_DRAM;
    return true;
}
static bool f_nowhere(td_schedule *s, int i) {
    if (s->interval[i].input == TD_AT_BANDS || inner(s, i)) return false;
    s->interval[i].output = TD_AT_BANDS;
    return true;
}
static bool f_weights(td_schedule *s, int i) {
    if (s->interval[i].bands == 1 || s->interval[i].weights != TD_AT_STAGED) return false;
    s->interval[i].weights = TD_AT_CHIP; /* resident after all */
    return true;
}
static bool f_loaded(td_schedule *s, int i) {
    td_interval *t = &s->interval[i];
    if (t->bands == 1 || t->weights != TD_AT_STAGED || t->dram_bytes[TD_W] == 0) return false;
    t->dram_bytes[TD_W] = 0;
    return true;
}
static bool f_one_turn(td_schedule *s, int i) { /* the cost of one turn for all */
    td_interval *t = &s->interval[i];
    if (t->bands == 1) return false;
    t->compute_cycles = ceil(t->compute_cycles / t->bands);
    t->cycles = fmax(t->compute_cycles, t->dram_cycles);
    return true;
}

static const fault faults[] = {
    {"a turn less", f_turn_less},         {"a row more in each turn", f_row_more},
    {"rows that have no room", f_buffer}, {"bands that nobody takes", f_apart},
    {"bands without a stack", f_nowhere}, {"weights that nobody loaded", f_weights},
    {"weights for nothing", f_loaded},    {"one turn for all", f_one_turn},
};
enum { N_FAULTS = sizeof faults / sizeof faults[0] };

static void faults_are_found(void **state) {
    (void)state;
    int made[N_FAULTS] = {0};
    for (uint64_t seed = 200; seed < 212; seed++) {
        td_rng r = td_rng_make(seed, 2, TD_RNG_TEST);
        td_net *net = random_crowd(&r);
        td_edge e;
        td_hw hw;
        random_micro(&r, &e, &hw);
        e.local_bytes = 512 * pick(&r, 4, 12);
        e.pe_x = e.pe_y = 2;
        build_micro(&e, &hw);
        td_schedule_options o;
        td_schedule_options_default(&o);
        o.max_nodes = 300;
        td_schedule s;
        hold(net, &hw, &o, &s);
        td_interval *copy = malloc(sizeof *copy * (size_t)s.n);
        assert_non_null(copy);
        for (int f = 0; f < N_FAULTS; f++)
            for (int i = 0; i < s.n; i++) {
                td_schedule bad = s;
                memcpy(copy, s.interval, sizeof *copy * (size_t)s.n);
                bad.interval = copy;
                if (!faults[f].make(&bad, i)) continue;
                made[f]++;
                td_error err = {0};
                if (td_schedule_check(net, &hw, &bad, &err) == TD_OK)
                    fail_msg("not found: %s (seed %d, interval %d)", faults[f].name, (int)seed, i);
            }
        free(copy);
        td_schedule_free(&s);
        td_net_destroy(net);
    }
    for (int f = 0; f < N_FAULTS; f++)
        if (made[f] == 0) fail_msg("never put in: %s", faults[f].name);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turns_by_hand),     cmocka_unit_test(all_rows_are_made),
        cmocka_unit_test(who_flows),         cmocka_unit_test(schedules_hold),
        cmocka_unit_test(bounds_know_turns), cmocka_unit_test(more_memory_is_no_slower),
        cmocka_unit_test(faults_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

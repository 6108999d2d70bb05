/* More of an accelerator does not make a network slower: random networks, small ones and samples of
 * a shipped space, on random accelerators of both shipped spaces, and each parameter one step up;
 * and networks that crowd their accelerators, so that stacks decide.
 *
 * The larger accelerator can run whatever the smaller one runs: a fan-out may be used in part, no
 * rule forces padding, and no latency depends on lengths of wires. So what is slower is a fault of
 * the search: mappings that are not optimal, rooms that are not asked for, resident weights that
 * are picked by a heuristic. Where there is room none is left; where stacks decide it is rare and
 * small (docs/mapper.md); the test holds it to that. */
#include <math.h>

#include "common.h"
#include "schedule_random.h"
#include "tandem/map.h"
#include "tandem/space.h"

/* Of networks that take a dozen cycles a cycle is some per cent. */
enum { FEW_CYCLES = 4 };

enum { SEEDS = 32, EACH = TEST_SANITIZED ? 2 : 4 };

static const char *const key[] = {"local_kb", "io_gbps", "port_bytes", "rf_kb",
                                  "pe_x",     "pe_y",    "lanes",      "simd"};
enum { KEYS = sizeof key / sizeof key[0] };

/* One accelerator space: the lists of its file. */
typedef struct {
    const td_node *space;
    td_edge base;
    td_tech tech;
} family;

static void load_family(const char *file, td_arena *a, family *f) {
    td_error err = {0};
    const td_node *doc;
    assert_ok(td_node_load(a, file, &doc, &err), &err);
    assert_ok(td_edge_from_node(doc, &f->base, &err), &err);
    assert_ok(td_tech_load(f->base.tech, &f->tech, &err), &err);
    f->space = td_node_find(doc, "space");
    assert_non_null(f->space);
}

/* A point that can be built. Rules of the product class are off then: a step may break them. */
static void draw(const family *f, td_rng *r, td_edge *e, td_hw *hw) {
    td_error err = {0};
    *e = f->base;
    do
        for (int i = 0; i < f->space->count; i++) {
            const td_node *list = f->space->item[i];
            int k = (int)td_rng_below(r, (uint64_t)list->count);
            assert_ok(td_edge_set(e, list->key, list->item[k]->real, &err), &err);
        }
    while (td_edge_build(e, &f->tech, hw, NULL, NULL) != TD_OK);
    e->min_total_bytes = 0;
    e->max_rf_share = 0;
    e->max_lane_width = e->min_macs = e->max_macs = 0;
    e->rf_weight_steps = e->rf_accumulators = 0;
}

/* The next value of a parameter; INFINITY: there is none. */
static double step_up(const family *f, const char *name, double v) {
    const td_node *list = td_node_find(f->space, name);
    double next = INFINITY;
    if (list == NULL) return 2 * v; /* a port: the next wider one */
    for (int i = 0; i < list->count; i++)
        if (list->item[i]->real > v * (1 + 1e-9)) next = fmin(next, list->item[i]->real);
    return next;
}

static td_net *draw_net(td_rng *r, uint64_t seed, td_arena *a) {
    if (seed % 4 != 3) return random_schedule_net(r, 1 + (int)td_rng_below(r, 8));
    td_error err = {0};
    td_space *s;
    td_design d = {0};
    double v[64];
    assert_ok(td_space_by_name("ibn-fused", a, &s, &err), &err);
    assert_true(s->n <= 64);
    td_choices c = {s->n, v};
    td_space_sample(s, r, &c);
    assert_ok(s->build(s->self, &c, a, &d, &err), &err);
    return d.net;
}

typedef struct {
    int pairs, slower, faster, of[KEYS], slower_of[KEYS];
    double worst, worst_of[KEYS];
} tally;

static void count(tally *t, uint64_t seed, int k, double from, double to, double before,
                  double after, double clock_hz) {
    const double ratio = after / before;
    t->pairs++;
    t->of[k]++;
    t->faster += ratio < 1 - 1e-9;
    if (after - before > FEW_CYCLES / clock_hz) t->worst = fmax(t->worst, ratio);
    if (ratio <= 1 + 1e-9) return;
    t->slower++;
    t->slower_of[k]++;
    t->worst_of[k] = fmax(t->worst_of[k], ratio);
    printf("         seed %d: %s %g -> %g, %.4f times the latency\n", (int)seed, key[k], from, to,
           ratio);
}

static void tell(const tally *t, bool all) {
    for (int k = 0; k < KEYS && all; k++)
        printf("         | `%s` | %d | %d | %.3f |\n", key[k], t->of[k], t->slower_of[k],
               fmax(t->worst_of[k], 1));
    printf("         one step more: slower in %d of %d pairs, at most %.4f times; faster in %d\n",
           t->slower, t->pairs, t->worst, t->faster);
}

static void compare(const family *f, uint64_t seed, td_arena *a, tally *t) {
    td_rng r = td_rng_make(seed, 77, TD_RNG_TEST);
    td_error err = {0};
    td_edge e;
    td_hw hw;
    td_schedule_options o;
    td_schedule s;
    td_schedule_options_default(&o);
    td_net *net = draw_net(&r, seed, a);
    draw(f, &r, &e, &hw);
    td_status st = td_schedule_best(net, &hw, &o, &s, NULL, &err);
    if (st == TD_E_INFEASIBLE) {
        td_net_destroy(net);
        return;
    }
    assert_ok(st, &err);
    const double before = s.latency_s, bound = s.bound_latency_s;
    td_schedule_free(&s);
    for (int k = 0; k < KEYS; k++) {
        td_edge more = e;
        td_hw larger;
        double up = step_up(f, key[k], td_edge_get(&e, key[k]));
        if (!(up < INFINITY)) continue;
        assert_ok(td_edge_set(&more, key[k], up, &err), &err);
        assert_ok(td_edge_build(&more, &f->tech, &larger, NULL, &err), &err);
        /* What runs on the smaller one runs on the larger one. */
        assert_ok(td_schedule_best(net, &larger, &o, &s, NULL, &err), &err);
        if (s.bound_latency_s > bound * (1 + 1e-9)) /* no heuristic: no exception */
            fail_msg("seed %d: %s %g -> %g raises the bound", (int)seed, key[k],
                     td_edge_get(&e, key[k]), up);
        count(t, seed, k, td_edge_get(&e, key[k]), up, before, s.latency_s, larger.clock_hz);
        td_schedule_free(&s);
    }
    td_net_destroy(net);
}

static void more_is_not_slower(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    family f[2];
    tally t = {.worst = 0};
    load_family(TD_TEST_SOURCE "/hw/micro.yaml", a, &f[0]);
    load_family(TD_TEST_SOURCE "/hw/edge.yaml", a, &f[1]);
    const char *asked = getenv("TANDEM_CASES");
    const int cases = random_cases(SEEDS);
    for (int seed = 0; seed < cases; seed++) compare(&f[seed / EACH % 2], (uint64_t)seed, a, &t);
    tell(&t, asked != NULL);
    assert_true(t.pairs >= 5 * cases);
    assert_true(t.faster >= t.pairs / 5); /* the steps matter */
    assert_int_equal(t.slower, 0);
    td_arena_destroy(a);
}

/* ---- where stacks decide -----------------------------------------------------------------------
 *
 * Networks that crowd their accelerators, whose memory comes in steps that no list has. */

static void step_crowd(const family *f, uint64_t seed, tally *t) {
    td_rng r = td_rng_make(seed, 78, TD_RNG_TEST);
    td_error err = {0};
    td_net *net = random_crowd(&r);
    td_edge e;
    td_hw hw;
    td_schedule_options o;
    td_schedule_figures before, after;
    td_scheduler *w;
    draw(f, &r, &e, &hw);
    e.local_bytes = 512 * (4 + (int64_t)td_rng_below(&r, 60));
    assert_ok(td_edge_build(&e, &f->tech, &hw, NULL, &err), &err);
    td_schedule_options_default(&o);
    assert_ok(td_scheduler_create(net, &o, &w, &err), &err);
    td_status st = td_scheduler_cost(w, &hw, &before, NULL, &err);
    for (int k = 0; st == TD_OK && k < KEYS; k++) {
        td_edge more = e;
        td_hw larger;
        double up = k == 0 ? (double)(e.local_bytes + e.local_bytes / 4 / 512 * 512 + 512) / 1024
                           : step_up(f, key[k], td_edge_get(&e, key[k]));
        if (!(up < INFINITY)) continue;
        assert_ok(td_edge_set(&more, key[k], up, &err), &err);
        assert_ok(td_edge_build(&more, &f->tech, &larger, NULL, &err), &err);
        assert_ok(td_scheduler_cost(w, &larger, &after, NULL, &err), &err);
        count(t, seed, k, td_edge_get(&e, key[k]), up, before.latency_s, after.latency_s,
              larger.clock_hz);
    }
    td_scheduler_destroy(w);
    td_net_destroy(net);
}

static void more_is_not_slower_in_stacks(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    family f;
    tally t = {.worst = 0};
    load_family(TD_TEST_SOURCE "/hw/micro.yaml", a, &f);
    const char *asked = getenv("TANDEM_CASES");
    const int cases = random_cases(SEEDS / 2);
    for (int seed = 0; seed < cases; seed++) step_crowd(&f, (uint64_t)seed, &t);
    tell(&t, asked != NULL);
    assert_true(t.pairs >= 5 * cases);
    assert_true(t.faster >= t.pairs / 2); /* the steps matter */
    if (asked == NULL)
        assert_int_equal(t.slower, 0);
    else /* more of them have rarer faults */
        assert_true(t.slower <= 1 + t.pairs / 100);
    td_arena_destroy(a);
}

/* Where the larger one was slower once. */
static void faults_stay_mended(void **state) {
    (void)state;
    static const uint64_t seed[] = {
        36, /* with twice the SIMD units sums stood at home, where a value had had room */
        49, /* three rows were left out, since two were hoped to be as fast, and were not */
        21, /* too little was hoped of turns whose stride skips rows and columns */
        46, /* more room for a layer whose stride skips rows and columns: dives took larger tiles */
        291, /* as 49, by 10 % */
        546, /* as 21, by 5 % */
    };
    td_arena *a = td_arena_create();
    family f;
    tally t = {.worst = 0};
    load_family(TD_TEST_SOURCE "/hw/micro.yaml", a, &f);
    const size_t n = TEST_SANITIZED ? 3 : sizeof seed / sizeof *seed;
    for (size_t k = 0; k < n; k++) step_crowd(&f, seed[k], &t);
    tell(&t, false);
    assert_int_equal(t.slower, 0);
    td_arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_is_not_slower),
        cmocka_unit_test(more_is_not_slower_in_stacks),
        cmocka_unit_test(faults_stay_mended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

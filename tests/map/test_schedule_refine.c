/* The layers of a schedule asked for again: nothing gets worse or moves, both checkers accept what
 * comes of it, and bounds know of it. */
#include <math.h>
#include <string.h>

#include "common.h"
#include "schedule_random.h"
#include "tandem/map.h"

#include "../../src/map/schedule.h"

static double cycles_of(const td_scheduler *s, int i) {
    const td__spent x = td__scheduler_spent(s, i);
    return fmax(x.compute, x.dram);
}

static double pj_of(const td_scheduler *s, int i) {
    return td__scheduler_spent(s, i).pj + s->hw->leak_w / s->hw->clock_hz * 1e12 * cycles_of(s, i);
}

typedef struct {
    int layers, turns, faster, cheaper, wider, unstacked;
} seen;

/* The way of interval i stands in the table, or is a stack's. */
static bool in_table(const td_scheduler *s, int i) {
    const td__way *w = s->choice[i].way;
    if (w == NULL || s->choice[i].stack != NULL) return true;
    const td__ways *of = s->table.of[s->plan.step[i].shape];
    for (unsigned chip = 0; chip < TD__MASKS; chip++)
        for (int k = 0; k < of[chip].n; k++) {
            const td__way *t = &of[chip].way[k];
            assert_true(k == 0 || t->bits >= t[-1].bits);
            if (t->cycles == w->cycles && t->pj == w->pj && t->bits == w->bits &&
                t->read == w->read && t->write == w->write)
                return true;
        }
    return false;
}

static void refine(const td_net *net, const td_hw *hw, const td_schedule_options *o, seen *n) {
    td_error err = {0};
    td_scheduler *s;
    assert_ok(td_scheduler_create(net, o, &s, &err), &err);
    assert_ok(td__scheduler_open(s, hw, false, NULL, &err), &err);
    assert_ok(td__scheduler_choose(s, true, &err), &err);
    td__choice draft[256];
    double cycles[256], pj[256], sum = 0, total_pj = 0;
    int turns = 0;
    assert_true(s->plan.n <= 256);
    for (int i = 0; i < s->plan.n; i++) {
        draft[i] = s->choice[i];
        cycles[i] = cycles_of(s, i);
        pj[i] = pj_of(s, i);
    }
    assert_int_equal(td__refine(s), TD_OK);
    for (int i = 0; i < s->plan.n; i++) {
        const td__choice *c = &s->choice[i];
        const double now = cycles_of(s, i), now_pj = pj_of(s, i);
        const bool by_energy = o->objective == TD_OBJ_ENERGY;
        const double first = by_energy ? now_pj : now, was = by_energy ? pj[i] : cycles[i];
        assert_true(c->out_chip == draft[i].out_chip && c->ahead == draft[i].ahead);
        assert_true(c->stack == draft[i].stack && c->at == draft[i].at);
        assert_true((c->way == NULL) == (draft[i].way == NULL));
        if (c->way != NULL && c->stack != NULL) assert_true(c->way->bits <= draft[i].way->bits);
        if (c->way != NULL && c->stack == NULL)
            assert_true(c->way->bits + td__others_bits(s, i) <= s->home.pool);
        n->wider += c->way != NULL && c->way->bits > draft[i].way->bits;
        assert_true(first <= was);
        if (first == was) assert_true(by_energy ? now <= cycles[i] : now_pj <= pj[i]);
        assert_true(in_table(s, i));
        n->layers += c->way != NULL;
        turns += c->stack != NULL;
        n->turns += c->stack != NULL && c->way != draft[i].way;
        n->faster += now < cycles[i];
        n->cheaper += now_pj < pj[i];
        sum += now;
        total_pj += td__scheduler_spent(s, i).pj;
    }
    td_schedule_figures cost, bound;
    assert_ok(td_scheduler_bound(s, hw, &bound, NULL, &err), &err);
    assert_ok(td_scheduler_cost(s, hw, &cost, NULL, &err), &err);
    const double latency = sum / hw->clock_hz, energy = total_pj * 1e-12 + hw->leak_w * latency;
    if (turns == 0) assert_true(cost.latency_s == latency && cost.energy_j == energy);
    /* Without stacks it may be better, once both are refined. */
    const bool by_energy = o->objective == TD_OBJ_ENERGY;
    assert_true(by_energy ? cost.energy_j <= energy : cost.latency_s <= latency);
    n->unstacked += cost.latency_s != latency || cost.energy_j != energy;
    assert_true(bound.latency_s <= cost.latency_s && bound.energy_j <= cost.energy_j);
    td_scheduler_destroy(s);

    td_schedule whole;
    td_timeline t;
    assert_ok(td_schedule_best(net, hw, o, &whole, NULL, &err), &err);
    assert_true(whole.latency_s == cost.latency_s && whole.energy_j == cost.energy_j);
    assert_ok(td_schedule_check(net, hw, &whole, &err), &err);
    assert_ok(td_timeline_build(net, hw, &whole, &t, &err), &err);
    assert_ok(td_timeline_check(net, hw, &whole, &t, &err), &err);
    td_timeline_free(&t);
    td_schedule_free(&whole);
}

/* Stacks are there where they are better, also once their layers have been asked for again. */
static void stacks_are_worth_it(void **state) {
    (void)state;
    int better = 0;
    td_map_cache *cache = td_map_cache_create(0);
    for (int seed = 0; seed < (TEST_SANITIZED ? 6 : 30); seed++) {
        td_rng r = td_rng_make((uint64_t)seed, 22, TD_RNG_TEST);
        td_net *net = random_crowd(&r);
        td_edge e;
        td_hw hw;
        random_micro(&r, &e, &hw);
        e.local_bytes = 512 * (8 + (int)td_rng_below(&r, 120));
        build_micro(&e, &hw);
        td_schedule_options o;
        td_schedule_options_default(&o);
        o.cache = cache;
        o.max_nodes = 1500;
        o.objective = seed % 3 == 0 ? TD_OBJ_LATENCY : TD_OBJ_ENERGY;
        double figure[2];
        for (int k = 0; k < 2; k++) {
            td_error err = {0};
            td_schedule_figures f;
            td_scheduler *s;
            o.layer_by_layer = k == 1;
            assert_ok(td_scheduler_create(net, &o, &s, &err), &err);
            assert_ok(td_scheduler_cost(s, &hw, &f, NULL, &err), &err);
            figure[k] = o.objective == TD_OBJ_ENERGY ? f.energy_j : f.latency_s;
            td_scheduler_destroy(s);
        }
        if (figure[0] > figure[1] * (1 + 1e-4)) /* other ways are known of its layers */
            fail_msg("seed %d: %.9g with stacks, %.9g without", seed, figure[0], figure[1]);
        better += figure[0] < figure[1] * (1 - 1e-4);
        td_net_destroy(net);
    }
    printf("         stacks are better in %d\n", better);
    assert_true(better > (TEST_SANITIZED ? 0 : 2));
    td_map_cache_destroy(cache);
}

static void nothing_gets_worse(void **state) {
    (void)state;
    seen n = {0};
    const int cases = random_cases(40);
    td_map_cache *cache = td_map_cache_create(0);
    for (int seed = 0; seed < cases; seed++) {
        td_rng r = td_rng_make((uint64_t)seed, 21, TD_RNG_TEST);
        td_net *net = seed % 2 ? random_schedule_net(&r, 6) : random_crowd(&r);
        td_edge e;
        td_hw hw;
        random_micro(&r, &e, &hw);
        if (seed % 4 == 0) { /* crowded: stacks */
            e.local_bytes = 512 * (4 + (int)td_rng_below(&r, 21));
            e.pe_x = e.pe_y = 2;
            build_micro(&e, &hw);
        }
        td_schedule_options o;
        td_schedule_options_default(&o);
        if (seed % 3 != 1) o.cache = cache;
        o.max_nodes = 1500;
        o.cold = seed % 7 == 3;
        o.objective = seed % 5 == 2 ? TD_OBJ_ENERGY : TD_OBJ_LATENCY;
        assert_true(td_schedule_has_drafts(&o));
        refine(net, &hw, &o, &n);
        td_net_destroy(net);
    }
    printf("         of %d layers, %d better turns, %d faster, %d of less energy, %d in more room; "
           "%d better "
           "without stacks\n",
           n.layers, n.turns, n.faster, n.cheaper, n.wider, n.unstacked);
    assert_true(n.cheaper > n.layers / 50 && n.faster >= cases / 40);
    assert_true(n.turns >= cases / 40 && n.wider >= cases / 40);
    td_map_cache_destroy(cache);
}

/* A budget of a thousand nodes or fewer is for one question: what is chosen stands. */
static void small_budgets_have_no_drafts(void **state) {
    (void)state;
    td_error err = {0};
    td_hw hw;
    td_net *net = NULL;
    assert_ok(td_hw_load("micro", &hw, &err), &err);
    assert_ok(td_net_build("handmade", TD_DIM(0, 0, 0), 1, 0, &net, &err), &err);
    for (int k = 0; k < 2; k++) {
        td_scheduler *s;
        td_schedule_options o;
        td_schedule_options_default(&o);
        o.cache = td_map_cache_create(0);
        o.max_nodes = k == 0 ? 1000 : 1001;
        assert_int_equal(td_schedule_has_drafts(&o), k == 1);
        assert_ok(td_scheduler_create(net, &o, &s, &err), &err);
        assert_ok(td__scheduler_open(s, &hw, true, NULL, &err), &err);
        const int64_t calls = s->table.calls;
        assert_ok(td__scheduler_solve(s, &err), &err);
        assert_true(k == 0 ? s->table.calls == calls : s->table.calls > calls);
        td_scheduler_destroy(s);
        td_map_cache_destroy(o.cache);
    }
    td_net_destroy(net);
}

/* Where a list of roots takes longer than patience, some of them are still dived under: answers are
 * near those of full effort. */
static void lists_are_followed(void **state) {
    (void)state;
    static const char *const layers[] = {
        "dwconv C144 P56 Q56 R3 S3", "dwconv C192 P28 Q28 R3 S3", "dwconv C96 P56 Q56 R3 S3 s2",
        "dwconv C32 P112 Q112 R3 S3", "conv K64 C64 P56 Q56 R3 S3"};
    td_error err = {0};
    td_hw hw;
    assert_ok(td_hw_load("eyeriss", &hw, &err), &err);
    for (size_t k = 0; k < sizeof layers / sizeof *layers; k++)
        for (int objective = TD_OBJ_LATENCY; objective <= TD_OBJ_EDP; objective++) {
            td_problem p;
            td_map_query q;
            td_map_result r[TD_NEFFORT];
            assert_ok(td_problem_parse(layers[k], &p, &err), &err);
            td_map_query_default(&q, &hw);
            q.objective = (td_map_objective)objective;
            q.max_nodes = 4000;
            for (int e = 0; e < TD_NEFFORT; e++) {
                q.effort = (td_map_effort)e;
                assert_ok(td_map_best(&p, &hw, &q, &r[e], NULL, &err), &err);
            }
            if (r[TD_EFFORT_BRIEF].objective > 1.1 * r[0].objective ||
                r[TD_EFFORT_DRAFT].objective > 1.5 * r[0].objective)
                fail_msg("%s, %s: full %g, brief %g, draft %g", layers[k],
                         td_map_objective_name(q.objective), r[0].objective, r[1].objective,
                         r[2].objective);
        }
    td_map_query q;
    td_map_result r;
    td_problem p;
    assert_ok(td_problem_parse(layers[4], &p, &err), &err);
    td_map_query_default(&q, &hw);
    q.effort = TD_NEFFORT;
    assert_int_equal(td_map_best(&p, &hw, &q, &r, NULL, &err), TD_E_USAGE);
}

/* Efforts of one question: the less, the fewer nodes; more nodes let all of them look for longer.
 */
static void efforts_take_nodes(void **state) {
    (void)state;
    td_error err = {0};
    td_hw hw;
    td_problem p;
    double nodes[TD_NEFFORT] = {0}, with_more = 0;
    assert_ok(td_hw_load("edge", &hw, &err), &err);
    for (int k = 8; k <= 512; k *= 2) {
        td_map_result r[TD_NEFFORT];
        char text[80];
        snprintf(text, sizeof text, "conv K%d C%d P28 Q28 R3 S3", k, k);
        assert_ok(td_problem_parse(text, &p, &err), &err);
        td_map_query q;
        td_map_query_default(&q, &hw);
        q.max_nodes = 4000;
        for (int e = 0; e < TD_NEFFORT; e++) {
            q.effort = (td_map_effort)e;
            assert_ok(td_map_best(&p, &hw, &q, &r[e], NULL, &err), &err);
            assert_true(r[e].nodes < 4000 + 1500 && r[e].bound <= r[e].objective);
            assert_true(r[e].bound == r[0].bound || r[0].stop == TD_STOP_PROVED ||
                        r[e].stop == TD_STOP_PROVED);
            assert_true((r[e].stop == TD_STOP_PROVED) ==
                        (r[e].bound >= r[e].objective * (1 - 1e-9)));
            nodes[e] += (double)r[e].nodes;
        }
        q.max_nodes = 40000;
        q.effort = TD_EFFORT_BRIEF;
        assert_ok(td_map_best(&p, &hw, &q, &r[0], NULL, &err), &err);
        with_more += (double)r[0].nodes;
        q.mode = TD_MAP_EXACT; /* has no efforts */
        q.max_nodes = 20000;
        td_map_result full;
        assert_ok(td_map_best(&p, &hw, &q, &r[0], NULL, &err), &err);
        q.effort = TD_EFFORT_FULL;
        assert_ok(td_map_best(&p, &hw, &q, &full, NULL, &err), &err);
        assert_true(full.objective == r[0].objective && full.nodes == r[0].nodes);
    }
    printf("         nodes: full %.0f, brief %.0f (of a larger budget %.0f), draft %.0f\n",
           nodes[0], nodes[1], with_more, nodes[2]);
    assert_true(nodes[TD_EFFORT_DRAFT] < nodes[TD_EFFORT_BRIEF]);
    assert_true(nodes[TD_EFFORT_BRIEF] < nodes[TD_EFFORT_FULL]);
    assert_true(with_more > nodes[TD_EFFORT_BRIEF]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_gets_worse),           cmocka_unit_test(stacks_are_worth_it),
        cmocka_unit_test(small_budgets_have_no_drafts), cmocka_unit_test(lists_are_followed),
        cmocka_unit_test(efforts_take_nodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

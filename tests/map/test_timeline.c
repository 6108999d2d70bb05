/* Timelines of schedules: random ones hold by the checker, one is known beforehand, and what is
 * exported is what they say. That the checker finds faults: test_timeline_faults.c. */
#include "common.h"
#include "schedule_random.h"
#include "timeline_case.h"

/* What is there to be checked, so that the cases are known to have it. */
typedef struct {
    int resident, staged, wrapped, values, bands, ahead, sums_back, cold, late;
} seen;

static void look(const timeline_case *c, const td_timeline *t, seen *n) {
    for (int k = 0; k < t->n_holdings; k++) {
        const td_holding *h = &t->holding[k];
        n->resident += h->kind == TD_HOLD_RESIDENT;
        n->staged += h->kind == TD_HOLD_STAGED;
        n->values += h->kind == TD_HOLD_VALUE;
        n->bands += h->kind == TD_HOLD_BANDS;
    }
    for (int k = 0; k < t->n_transfers; k++) {
        const td_transfer *x = &t->transfer[k];
        n->ahead += x->ahead;
        n->sums_back += x->tensor == TD_O && !x->write;
        n->late += x->ahead && x->end == t->slot[x->interval].end;
    }
    n->wrapped += c->s.interval[0].weights == TD_AT_STAGED;
    n->cold += c->s.cold;
}

/* The first test: experiments/schedule_faults.sh reads its message. */
static void random_schedules_hold(void **state) {
    (void)state;
    const int cases = random_cases(240);
    td_map_cache *cache = td_map_cache_create(0);
    seen n = {0};
    for (int i = 0; i < cases; i++) {
        timeline_case c;
        td_timeline t;
        td_error err = {0};
        timeline_case_make(i, cache, &c);
        assert_ok(td_timeline_build(c.net, &c.hw, &c.s, &t, &err), &err);
        if (td_timeline_check(c.net, &c.hw, &c.s, &t, &err) != TD_OK)
            fail_msg("case %d: %s", i, err.message);
        look(&c, &t, &n);
        td_timeline_free(&t);
        timeline_case_free(&c);
    }
    print_message(
        "%d resident, %d staged (%d of the first interval), %d values, %d in bands, %d loads ahead "
        "(%d until the end of their interval), %d partial sums back, %d cold\n",
        n.resident, n.staged, n.wrapped, n.values, n.bands, n.ahead, n.late, n.sums_back, n.cold);
    assert_true(n.resident && n.staged && n.wrapped && n.values && n.ahead && n.cold);
    assert_true(n.bands > cases / 10);
    td_map_cache_destroy(cache);
}

/* Levels that take time, move whole bursts and bring in anew what they hold. */
static void levels_take_time(void **state) {
    (void)state;
    enum { CASES = TEST_SANITIZED ? 10 : 80 };
    int slower = 0, bursts = 0;
    for (int i = 0; i < CASES; i++) {
        td_rng r = td_rng_make((uint64_t)i, 31, TD_RNG_TEST);
        td_net *net = i % 4 == 1 ? random_crowd(&r) : random_schedule_net(&r, 1 + i % 9);
        td_edge e;
        td_hw ideal, hw;
        td_error err = {0};
        random_micro(&r, &e, &ideal);
        if (i % 2) {
            e.local_bytes = 256 * (2 + (int64_t)td_rng_below(&r, 20));
            build_micro(&e, &ideal);
        }
        hw = ideal;
        for (int l = 0; l < hw.n; l++) {
            hw.level[l].reload = (uint8_t)(td_rng_below(&r, 4) & ~(uint64_t)TD_BIT(TD_O));
            hw.level[l].timing = (td_level_timing){.start = (double)td_rng_below(&r, 50),
                                                   .command = (double)td_rng_below(&r, 9),
                                                   .latency = (double)td_rng_below(&r, 20),
                                                   .burst_bits = td_rng_below(&r, 2) ? 64 : 0,
                                                   .ramp = td_rng_below(&r, 2) != 0};
        }
        td_schedule_options o;
        td_schedule_options_default(&o);
        o.max_nodes = 100;
        o.cold = i % 3 == 0;
        td_schedule s, plain;
        td_timeline t;
        td_status st = td_schedule_best(net, &hw, &o, &s, NULL, &err);
        assert_int_equal(td_schedule_best(net, &ideal, &o, &plain, NULL, NULL), st);
        if (st == TD_OK) {
            if (td_schedule_check(net, &hw, &s, &err) != TD_OK)
                fail_msg("accelerator %d: %s", i, err.message);
            assert_ok(td_timeline_build(net, &hw, &s, &t, &err), &err);
            if (td_timeline_check(net, &hw, &s, &t, &err) != TD_OK)
                fail_msg("accelerator %d: %s", i, err.message);
            slower += s.latency_s > plain.latency_s;
            for (int k = 0; k < s.n; k++)
                bursts += s.interval[k].mapped && s.interval[k].cost.at[hw.n - 1][TD_O].moved > 1;
            td_timeline_free(&t);
            td_schedule_free(&s);
            td_schedule_free(&plain);
        }
        td_net_destroy(net);
    }
    print_message("%d of %d slower than the ideal, %d intervals with bursts\n", slower, CASES,
                  bursts);
    assert_true(slower > CASES * 3 / 4 && bursts > CASES / 8);
}

/* Also those where little or nothing can stay on chip. */
static void shipped_accelerators(void **state) {
    (void)state;
    enum { MOST = 64 };
    const char *name[MOST];
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_net *net;
    int n = td_data_names(a, "hw", name, MOST);
    assert_true(n >= 12);
    assert_ok(td_net_build("handmade", TD_DIM(0, 0, 0), 1, 0, &net, &err), &err);
    for (int i = 0; i < n; i++) {
        td_hw hw;
        td_schedule s;
        td_timeline t;
        td_schedule_options o;
        td_schedule_options_default(&o);
        o.max_nodes = 100;
        o.cold = i % 2 == 1;
        assert_ok(td_hw_load(name[i], &hw, &err), &err);
        assert_ok(td_schedule_best(net, &hw, &o, &s, NULL, &err), &err);
        if (td_schedule_check(net, &hw, &s, &err) != TD_OK)
            fail_msg("%s: %s", name[i], err.message);
        assert_ok(td_timeline_build(net, &hw, &s, &t, &err), &err);
        if (td_timeline_check(net, &hw, &s, &t, &err) != TD_OK)
            fail_msg("%s: %s", name[i], err.message);
        td_timeline_free(&t);
        td_schedule_free(&s);
    }
    td_net_destroy(net);
    td_arena_destroy(a);
}

static const td_holding *held(const td_timeline *t, td_hold kind, int layer) {
    const td_holding *found = NULL;
    for (int k = 0; k < t->n_holdings; k++)
        if (t->holding[k].kind == kind && t->holding[k].layer == layer) {
            if (found != NULL) fail_msg("held twice: layer %d", layer);
            found = &t->holding[k];
        }
    return found;
}

/* A residual block on a micro with room for all: 8 channels of 8x8, 1x1 convolutions. The sum is
 * taken while the second one drains: its other operand is there until then, and that convolution's
 * own value is nowhere. Image and result pass the I/O, and nothing else does but, in the first
 * inference, 64 words of weights for each convolution. */
static void a_residual_block(void **state) {
    (void)state;
    td_error err = {0};
    td_hw hw;
    assert_ok(td_hw_load("micro", &hw, &err), &err);
    td_net *net = td_net_create("block", TD_DIM(8, 8, 8));
    int a = td_net_conv(net, 0, 8, 1, 1, 1, 1);
    int b = td_net_act(net, td_net_conv(net, a, 8, 1, 1, 1, 1), TD_OP_RELU);
    int c = td_net_add(net, a, b);
    int d = td_net_conv(net, c, 8, 1, 1, 1, 1);
    for (int cold = 0; cold < 2; cold++) {
        td_schedule_options o;
        td_schedule_options_default(&o);
        o.cold = cold == 1;
        td_schedule s;
        td_timeline t;
        assert_ok(td_schedule_best(net, &hw, &o, &s, NULL, &err), &err);
        assert_ok(td_timeline_build(net, &hw, &s, &t, &err), &err);
        assert_ok(td_timeline_check(net, &hw, &s, &t, &err), &err);
        assert_int_equal(t.n_slots, 3);
        assert_int_equal(t.pool_bytes, 4 * 64 * 1024);
        const int value[2] = {a, c}, last[2] = {1, 2};
        for (int i = 0; i < 2; i++) {
            const td_holding *h = held(&t, TD_HOLD_VALUE, value[i]);
            assert_non_null(h);
            assert_int_equal(h->bytes, 512);
            assert_true(h->start == t.slot[i].start && h->end == t.slot[last[i]].end);
        }
        assert_null(held(&t, TD_HOLD_VALUE, b));
        assert_null(held(&t, TD_HOLD_VALUE, d));
        double bytes = 0, moved[TD_NTENSOR] = {0, 0, 0};
        for (int k = 0; k < t.n_transfers; k++) {
            bytes += t.transfer[k].bytes;
            moved[t.transfer[k].tensor] += t.transfer[k].bytes;
        }
        assert_true(moved[TD_I] == 512 && moved[TD_O] == 512);
        assert_true(moved[TD_W] == (cold ? 3 * 64 : 0));
        assert_true(bytes == s.dram_bytes);
        /* In the middle of the sum: all weights, both values, and the convolution's tiles. */
        int64_t kind[TD_NHOLD];
        double middle = (t.slot[1].start + t.slot[1].end) / 2;
        int64_t all = td_timeline_occupancy(&t, middle, kind);
        assert_int_equal(kind[TD_HOLD_RESIDENT], 3 * 64);
        assert_int_equal(kind[TD_HOLD_VALUE], 2 * 512);
        assert_true(kind[TD_HOLD_TILES] > 0);
        assert_int_equal(all, 3 * 64 + 2 * 512 + kind[TD_HOLD_TILES]);
        td_timeline_free(&t);
        td_schedule_free(&s);
    }
    td_net_destroy(net);
}

/* ---- exports ----------------------------------------------------------------------------------
 */

static double real_at(const td_node *n, const char *key) {
    const td_node *v = td_node_find(n, key);
    if (v == NULL) fail_msg("no %s", key);
    return v->real;
}

static const char *text_at(const td_node *n, const char *key) {
    const td_node *v = td_node_find(n, key);
    if (v == NULL || v->text == NULL) fail_msg("no %s", key);
    return v->text;
}

/* Written as text and read again. */
static const td_node *through_text(const td_node *n, td_arena *a) {
    td_text text = {0};
    td_error err = {0};
    const td_node *doc;
    assert_non_null(n);
    td_node_to_json(n, 0, &text);
    assert_ok(td_json_parse(a, text.data, text.size, "timeline", 1, &doc, &err), &err);
    td_text_free(&text);
    return doc;
}

static void json_is_the_timeline(const timeline_case *c, const td_timeline *t) {
    td_arena *a = td_arena_create();
    const td_node *doc = through_text(td_timeline_to_node(c->net, &c->hw, t, a), a);
    assert_string_equal(text_at(doc, "format"), "tandem-timeline-1");
    assert_near(real_at(doc, "latency_s"), c->s.latency_s, 1e-12 * c->s.latency_s);
    const td_node *slots = td_node_find(doc, "intervals"), *moves = td_node_find(doc, "transfers"),
                  *held_list = td_node_find(doc, "on_chip"), *rows = td_node_find(doc, "occupancy");
    assert_int_equal(slots->count, t->n_slots);
    assert_int_equal(moves->count, t->n_transfers);
    assert_int_equal(held_list->count, t->n_holdings);
    for (int i = 0; i < slots->count; i++) {
        assert_true(real_at(slots->item[i], "start") == t->slot[i].start);
        assert_true(real_at(slots->item[i], "end") == t->slot[i].end);
    }
    double bytes = 0, peak = 0, before = -1;
    for (int i = 0; i < moves->count; i++) bytes += real_at(moves->item[i], "bytes");
    assert_near(bytes, c->s.dram_bytes, 1e-9 * c->s.dram_bytes);
    for (int i = 0; i < rows->count; i++) {
        const td_node *x = rows->item[i];
        assert_true(real_at(x, "from") > before);
        before = real_at(x, "from");
        double sum = real_at(x, "resident") + real_at(x, "staged") + real_at(x, "value") +
                     real_at(x, "bands") + real_at(x, "tiles");
        assert_true(sum == real_at(x, "sum"));
        if (sum > peak) peak = sum;
    }
    assert_near(peak, c->s.peak_chip_bytes, 8 + 2 * 1024);
    td_arena_destroy(a);
}

/* Events of a row follow each other or nest, up to rounding. */
static void rows_are_drawable(const td_node *events) {
    enum { ROWS = 5000 };
    static double until[8][ROWS], from[8][ROWS];
    memset(until, 0, sizeof until);
    memset(from, 0, sizeof from);
    for (int i = 0; i < events->count; i++) {
        const td_node *x = events->item[i];
        if (strcmp(text_at(x, "ph"), "X") != 0) continue;
        int pid = (int)real_at(x, "pid"), tid = (int)real_at(x, "tid");
        assert_in_range(pid, 1, 7);
        assert_in_range(tid, 1, ROWS - 1);
        double start = real_at(x, "ts"), end = start + real_at(x, "dur"), eps = 1e-9 * end;
        if (start + eps < until[pid][tid])
            assert_true(start >= from[pid][tid] && end <= until[pid][tid] + eps);
        from[pid][tid] = start;
        until[pid][tid] = end;
    }
}

/* Names first, then events in order of time; every row that is used has a name; areas under the
 * counters of bandwidth are the bytes. */
static void trace_is_the_timeline(const timeline_case *c, const td_timeline *t) {
    td_arena *a = td_arena_create();
    const td_node *doc = through_text(td_timeline_to_trace(c->net, &c->hw, t, a), a);
    const td_node *events = td_node_find(doc, "traceEvents");
    double before = 0, at = 0, rate = 0, bytes = 0, end = t->cycles / t->clock_hz * 1e6;
    int names = 0, spans = 0, counters = 0;
    for (int i = 0; i < events->count; i++) {
        const td_node *x = events->item[i], *args = td_node_find(x, "args");
        const char *phase = text_at(x, "ph");
        assert_true(text_at(x, "name")[0] != '\0');
        assert_non_null(args);
        if (strcmp(phase, "M") == 0) {
            assert_int_equal(spans + counters, 0);
            names++;
            continue;
        }
        double ts = real_at(x, "ts");
        assert_true(ts >= before && ts <= end * (1 + 1e-12));
        before = ts;
        if (strcmp(phase, "X") == 0) {
            double dur = real_at(x, "dur");
            bool named = false;
            assert_true(dur >= 0 && ts + dur <= end * (1 + 1e-12));
            for (int k = 0; k < i && !named; k++) {
                const td_node *m = events->item[k];
                named = strcmp(text_at(m, "name"), "thread_name") == 0 &&
                        real_at(m, "pid") == real_at(x, "pid") &&
                        real_at(m, "tid") == real_at(x, "tid");
            }
            assert_true(named);
            spans++;
        } else {
            assert_string_equal(phase, "C");
            counters++;
            if (strcmp(text_at(x, "name"), "GB/s") != 0) continue;
            bytes += rate * (ts - at) * 1e3; /* GB/s x us = 1e3 bytes */
            at = ts;
            rate = real_at(args, "in") + real_at(args, "out");
        }
    }
    assert_near(rate, 0, 1e-9); /* the last one tells the end */
    assert_near(bytes, c->s.dram_bytes, 1e-6 * c->s.dram_bytes);
    int drawn = 2 * t->n_slots + t->n_transfers;
    for (int k = 0; k < t->n_holdings; k++) drawn += t->holding[k].kind != TD_HOLD_TILES;
    assert_int_equal(spans, drawn);
    assert_true(names > 0 && counters > 0);
    rows_are_drawable(events);
    td_arena_destroy(a);
}

static void exports(void **state) {
    (void)state;
    for (int i = 0; i < (TEST_SANITIZED ? 3 : 24); i++) {
        timeline_case c;
        td_timeline t;
        td_error err = {0};
        timeline_case_make(i, NULL, &c);
        assert_ok(td_timeline_build(c.net, &c.hw, &c.s, &t, &err), &err);
        json_is_the_timeline(&c, &t);
        trace_is_the_timeline(&c, &t);
        td_timeline_free(&t);
        timeline_case_free(&c);
    }
}

/* A schedule of one network is no schedule of another. */
static void of_another_network(void **state) {
    (void)state;
    timeline_case a, b;
    td_timeline t;
    td_error err = {0};
    timeline_case_make(1, NULL, &a);
    timeline_case_make(2, NULL, &b);
    assert_int_equal(td_timeline_build(b.net, &a.hw, &a.s, &t, &err), TD_E_INPUT);
    assert_non_null(strstr(err.message, "another network"));
    assert_null(t.slot);
    assert_ok(td_timeline_build(a.net, &a.hw, &a.s, &t, &err), &err);
    assert_int_equal(td_timeline_check(b.net, &a.hw, &a.s, &t, &err), TD_E_INPUT);
    td_timeline_free(&t);
    timeline_case_free(&a);
    timeline_case_free(&b);
}

/* A layer none of whose taps falls on its input reads nothing. */
static void taps_on_padding(void **state) {
    (void)state;
    td_hw hw;
    td_schedule s;
    td_timeline t;
    td_error err = {0};
    td_net *net = td_net_create("dot", TD_DIM(1, 1, 1));
    const td_conv_spec around = {
        .out_c = 16, {2, 2}, {1, 1}, .dilation = {2, 2}, .pad = {1, 1, 1, 1}, .groups = 1};
    td_net_conv_spec(net, 0, &around);
    td_net_set_bits(net, 1, 4, 8, 8, 32);
    td_net_conv(net, 1, 1, 3, 2, 1, 1);
    assert_ok(td_hw_load("eyeriss-168", &hw, &err), &err);
    assert_ok(td_schedule_best(net, &hw, NULL, &s, NULL, &err), &err);
    assert_true(s.interval[0].dram_bytes[TD_I] == 0);
    assert_ok(td_timeline_build(net, &hw, &s, &t, &err), &err);
    assert_ok(td_timeline_check(net, &hw, &s, &t, &err), &err);
    td_timeline_free(&t);
    td_schedule_free(&s);
    td_net_destroy(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_schedules_hold),
                                       cmocka_unit_test(levels_take_time),
                                       cmocka_unit_test(shipped_accelerators),
                                       cmocka_unit_test(a_residual_block),
                                       cmocka_unit_test(exports),
                                       cmocka_unit_test(of_another_network),
                                       cmocka_unit_test(taps_on_padding)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The edge template: published anchors, and the rules over whole spaces. */
#include "edge_fixture.h"

/* Calls visit for every point of the file's `space:` map, through td_edge_set only, as space/ does.
 */
static int64_t enumerate(fixture *f, void (*visit)(void *self, const td_edge *p), void *self) {
    td_error err = {0};
    const td_node *space;
    assert_ok(td_node_get_map(f->doc, "space", &space, &err), &err);
    int at[16] = {0};
    assert_in_range(space->count, 1, 16);
    td_edge p = f->p;
    for (int64_t n = 0;; n++) {
        for (int i = 0; i < space->count; i++) {
            const td_node *list = space->item[i];
            assert_ok(td_edge_set(&p, list->key, list->item[at[i]]->real, &err), &err);
        }
        visit(self, &p);
        int i = space->count - 1;
        while (i >= 0 && ++at[i] == space->item[i]->count) at[i--] = 0;
        if (i < 0) return n + 1;
    }
}

/* ---- anchors ---- */

static void edge_baseline(void **state) {
    (void)state;
    td_hw hw;
    td_error err = {0};
    assert_ok(td_hw_load("edge", &hw, &err), &err);
    assert_ok(td_hw_check(&hw, &err), &err);
    assert_string_equal(hw.name, "edge");
    assert_string_equal(hw.node, "22nm");
    assert_int_equal(td_hw_peak_macs(&hw), 16384);
    double tops = 2.0 * (double)td_hw_peak_macs(&hw) * hw.clock_hz * 1e-12;
    assert_near(tops, 26.2144, 1e-9); /* NAHAS: about 26 TOPS */
    assert_int_equal(hw.n, 4);
    /* Fan-outs as drawn at the top of hw.h. */
    const int x[4] = {64, 4, 4, 1}, y[4] = {4, 1, 4, 1};
    for (int l = 0; l < 4; l++) {
        assert_int_equal(td_hw_fanout(&hw, l, TD_AXIS_X), x[l]);
        assert_int_equal(td_hw_fanout(&hw, l, TD_AXIS_Y), y[l]);
        assert_int_equal(td_hw_fanout(&hw, l, TD_AXIS_T), 1);
    }
    assert_int_equal(td_hw_level_find(&hw, "RF"), 0);
    assert_int_equal(td_hw_level_find(&hw, "Local"), 1);
    assert_int_equal(td_hw_level_find(&hw, "Shared"), 2);
    assert_int_equal(td_hw_level_find(&hw, "DRAM"), 3);
    assert_int_equal(td_hw_level_find(&hw, "GLB"), -1);
    const td_level *rf = &hw.level[0], *local = &hw.level[1], *pool = &hw.level[2],
                   *dram = &hw.level[3];
    assert_int_equal(rf->capacity_bits, 32 * 1024 * 8);
    assert_int_equal(local->capacity_bits, 2048LL * 1024 * 8);
    assert_int_equal(pool->capacity_bits, 16 * local->capacity_bits);
    assert_int_equal(pool->shares, 1);
    assert_int_equal(dram->capacity_bits, -1);
    assert_int_equal(rf->instances, 64);
    assert_int_equal(local->instances, 16);
    assert_near(local->shared_bw, 4 * 16 * 8, 0); /* one port for both directions */
    assert_near(pool->shared_bw, 16 * 16 * 8, 0);
    assert_near(dram->shared_bw, 200, 1e-9); /* 20 GB/s at 0.8 GHz: 25 bytes per cycle */
    assert_near(dram->read_pj, 40 * 32, 1e-9);
    assert_near(local->read_pj, 2.9 * 16, 1e-9);
    assert_near(rf->read_pj, .35 * 256, 1e-9);
    /* 5 mm between PEs on average: 2.5 places of 2 mm, 4 pJ per byte. */
    assert_near(pool->read_pj / 16 - 2.9, .8 * 2.5 * sqrt((hw.area_mm2 - 3.5) / 16), 1e-9);
    assert_near(hw.leak_w, .008 * hw.area_mm2, 1e-12);
    assert_near(hw.clock_tree, .25, 0);
    assert_int_equal(hw.vec.lanes, 4096);
    assert_near(hw.vec.bw, 64 * 16 * 8, 0);
}

/* What mappings the template allows, how its levels keep, multicast and buffer, and what its ports
 * give: the contract with the mapper. */
static void edge_contract(void **state) {
    (void)state;
    td_hw hw;
    td_error err = {0};
    assert_ok(td_hw_load("edge", &hw, &err), &err);
    const unsigned w = TD_BIT(TD_W), i = TD_BIT(TD_I), o = TD_BIT(TD_O);
    const unsigned may[4] = {w | o, w | i | o, w | i | o, w | i | o}, must[4] = {w | o, i, 0, 0};
    const unsigned reduction = TD_BIT(TD_C) | TD_BIT(TD_R) | TD_BIT(TD_S);
    const unsigned outputs = 0xff & ~reduction; /* N, K, P, Q, G */
    const double buffering[4] = {2, 2, 1, 1};
    assert_true(hw.rules.pad);
    assert_int_equal(hw.mac.bits, 8);
    for (int l = 0; l < 4; l++) {
        const td_level *level = &hw.level[l];
        assert_int_equal(level->may_keep, may[l]);
        assert_int_equal(level->must_keep, must[l]);
        assert_int_equal(level->multicast, TD_ALL_TENSORS);
        assert_int_equal(level->reduce, l == 0 ? o : 0); /* the only adders are those of the MACs */
        assert_near(level->buffering, buffering[l], 0);
        assert_int_equal(level->word_bits, 8);
        assert_near(level->fill_pj, level->read_pj, 0);
        assert_near(level->update_pj, level->read_pj, 0);
        assert_near(level->leak_w, .008 * level->area_mm2, 1e-15);
        assert_int_equal(hw.rules.allowed[l][TD_AXIS_T], 0xff);
        assert_int_equal(hw.rules.single[l][TD_AXIS_X], l == 0);
        assert_int_equal(hw.rules.single[l][TD_AXIS_Y], 0);
    }
    assert_int_equal(hw.rules.allowed[0][TD_AXIS_X], TD_BIT(TD_K) | TD_BIT(TD_G) | TD_BIT(TD_Q));
    assert_int_equal(hw.rules.allowed[0][TD_AXIS_Y], reduction);
    assert_int_equal(hw.rules.allowed[1][TD_AXIS_X], outputs);
    assert_int_equal(hw.rules.allowed[2][TD_AXIS_X], outputs);
    assert_int_equal(hw.rules.allowed[2][TD_AXIS_Y], outputs);
    assert_near(hw.mac.leak_w, .008 * hw.mac.area_mm2, 1e-15);
    /* A row of 64 x 4 bytes: read weights and sums, write sums, and 16 bytes for the port. */
    assert_near(hw.level[0].read_bw, 2 * 64 * 32 + 128, 0);
    assert_near(hw.level[0].write_bw, 64 * 32 + 128, 0);
    assert_int_equal(hw.level[0].block_bits, 64 * 32);
    for (int l = 1; l < 4; l++)
        assert_true(isinf(hw.level[l].read_bw) && isinf(hw.level[l].write_bw));
    assert_true(isinf(hw.level[0].shared_bw));
}

/* One port or one for each direction: the bandwidths of the local memory and of the pool, and
 * nothing else. Both are seen by the hash that keeps figures of different machines apart. */
static void local_ports(void **state) {
    (void)state;
    fixture f;
    td_error err = {0};
    td_hw one, two;
    open_template(&f, "edge");
    assert_int_equal(f.p.local_ports, 1);
    assert_ok(td_edge_build(&f.p, &f.tech, &one, NULL, &err), &err);
    assert_ok(td_edge_set(&f.p, "local_ports", 2, &err), &err);
    assert_ok(td_edge_build(&f.p, &f.tech, &two, NULL, &err), &err);
    assert_true(td_hw_hash(&one) != td_hw_hash(&two));
    for (int l = 1; l <= 2; l++) {
        assert_near(two.level[l].read_bw, one.level[l].shared_bw, 0);
        assert_near(two.level[l].write_bw, one.level[l].shared_bw, 0);
        assert_true(isinf(two.level[l].shared_bw));
        two.level[l].shared_bw = two.level[l].read_bw;
        two.level[l].read_bw = two.level[l].write_bw = INFINITY;
    }
    assert_true(td_hw_hash(&one) == td_hw_hash(&two));
    td_edge_init(&f.p); /* what files that do not say it mean */
    assert_int_equal(f.p.local_ports, 2);
    close_template(&f);
}

static double sum(const td_area *a) {
    return a->mac + a->rf + a->sram + a->pe_lane + a->io + a->fixed + a->overhead;
}

/* 68 mm2 at 22 nm with MAC/RF/SRAM/other 5/10/66/19 %, 19 mm2 at 7 nm. */
static void edge_area(void **state) {
    (void)state;
    fixture f;
    td_error err = {0};
    td_area a, b;
    td_hw hw;
    open_template(&f, "edge");
    assert_ok(td_edge_area(&f.p, &f.tech, &a, &err), &err);
    assert_ok(td_edge_build(&f.p, &f.tech, &hw, NULL, &err), &err);
    assert_near(a.total, 68, .5);
    assert_near(a.total, sum(&a), 1e-12);
    assert_near(a.total, hw.area_mm2, 0);
    assert_near(100 * a.mac / a.total, 5, .5);
    assert_near(100 * a.rf / a.total, 10, .5);
    assert_near(100 * a.sram / a.total, 66, .5);
    assert_near(100 * (a.total - a.mac - a.rf - a.sram) / a.total, 19, .5);
    /* Levels and MACs are the placed parts of it. */
    assert_near(hw.level[0].area_mm2 * hw.level[0].instances, a.rf, 1e-9);
    assert_near(hw.level[1].area_mm2 * hw.level[1].instances, a.sram, 1e-9);
    assert_near(hw.mac.area_mm2 * hw.mac.instances, a.mac, 1e-9);
    assert_near(hw.level[2].area_mm2 + hw.level[3].area_mm2, 0, 0);
    /* Written out by hand: 4096 units, 2 MB of registers, 32 MB of SRAM. */
    assert_near(a.total,
                1.15 * (4096 * 900e-6 + 2 * 3.5 + 32 * 1.4) + 16 * .03 + 64 * .006 + 20 * .15 + .5,
                1e-9);
    assert_ok(td_tech_load("7nm", &f.tech, &err), &err);
    assert_ok(td_edge_area(&f.p, &f.tech, &b, &err), &err);
    assert_near(b.total, 19, .5);
    assert_near(b.total, sum(&b), 1e-12);
    close_template(&f);
}

/* .80 mm2 for the micro baseline. */
static void micro_baseline(void **state) {
    (void)state;
    td_hw hw;
    td_error err = {0};
    assert_ok(td_hw_load("micro", &hw, &err), &err);
    assert_string_equal(hw.name, "micro");
    assert_near(hw.area_mm2, .80, .005);
    assert_int_equal(td_hw_peak_macs(&hw), 512);
    assert_near(hw.level[3].shared_bw, 16, 1e-12);
    assert_near(hw.level[1].read_bw, 2 * 16 * 8, 0); /* a port for each direction */
    assert_near(hw.level[1].write_bw, 2 * 16 * 8, 0);
    assert_near(hw.level[2].read_bw, 4 * 16 * 8, 0);
    assert_near(hw.level[2].write_bw, 4 * 16 * 8, 0);
    assert_near(hw.level[1].read_pj / 16, 2.9 * sqrt(64. / 2048), 1e-12);
}

/* On-chip TOPS/W of the edge baseline at full use, when each cycle moves `rows` rows of the
 * register files and 4 input bytes per lane. */
static double efficiency(const td_hw *hw, double rows) {
    double macs_of_lane = 4.0 * td_hw_fanout(hw, 0, TD_AXIS_X);
    double input_pj = hw->level[1].read_pj * 8 / hw->level[1].block_bits * 4;
    double lane_pj = macs_of_lane * hw->mac.energy_pj + rows * hw->level[0].read_pj + input_pj;
    double leak_pj = hw->leak_w / ((double)td_hw_peak_macs(hw) * hw->clock_hz) * 1e12;
    return 2 / (lane_pj / macs_of_lane * (1 + hw->clock_tree) + leak_pj);
}

/* About 2.6 TOPS/W: one row of weights a cycle, added into sums that stay in the units. The
 * loop-nest analysis lets MACs hold nothing: it counts a row of weights, one of sums read and one
 * written in every cycle, which is half as efficient. Both are noted here so that neither moves
 * unseen. */
static void edge_efficiency(void **state) {
    (void)state;
    td_hw hw;
    td_error err = {0};
    assert_ok(td_hw_load("edge", &hw, &err), &err);
    assert_near(efficiency(&hw, 1), 2.6, .1);
    assert_near(efficiency(&hw, 3), 1.22, .02);
}

/* ---- rules ---- */

typedef enum { FINE, DEPTH, TOTAL, SHARE, WIDTH, RANGE, N_RULES } rule;
static const char *const RULE_NAME[N_RULES] = {
    "", "register_file_depth", "total_memory", "register_file_share", "lane_width", "mac_range"};
_Static_assert(N_RULES - DEPTH == TD_NEDGE_RULE, "the rules of hw.h, after FINE");

static rule rule_of(const td_error *err) {
    for (int r = DEPTH; r < N_RULES; r++) {
        char text[64];
        snprintf(text, sizeof text, "rule %s: ", RULE_NAME[r]);
        if (strncmp(err->message, text, strlen(text)) == 0) return (rule)r;
    }
    fail_msg("no rule named: %s", err->message);
    return FINE;
}

/* The rules once more, in the terms of the parameter files. */
static bool breaks(const td_edge *p, rule r) {
    double local_kb = td_edge_get(p, "local_kb"), rf_kb = td_edge_get(p, "rf_kb");
    int pes = p->pe_x * p->pe_y, macs = pes * p->lanes * p->simd * 4;
    switch (r) {
    case DEPTH: return rf_kb * 1024 < p->simd * 8 * (p->rf_weight_steps + p->rf_accumulators);
    case TOTAL: return pes * local_kb < td_edge_get(p, "min_total_kb");
    case SHARE: return p->lanes * rf_kb / p->max_rf_share > local_kb;
    case WIDTH: return p->lanes * (p->simd + p->route_extra) > p->max_lane_width;
    case RANGE: return macs < p->min_macs || (p->max_macs > 0 && macs > p->max_macs);
    default: return false;
    }
}

typedef struct {
    const td_tech *tech;
    int64_t valid, first[N_RULES], alone[N_RULES];
    int64_t least_macs, most_macs;
    int64_t only[N_RULES], several; /* one rule is broken; two or more */
    bool check;
} tally;

static void judge(void *self, const td_edge *p) {
    tally *t = self;
    td_hw hw;
    td_error err = {0};
    int64_t missing = -1;
    td_status s = td_edge_build(p, t->tech, &hw, &missing, &err);
    rule expected = FINE;
    unsigned mask = 0;
    for (int r = N_RULES - 1; r > FINE; r--)
        if (breaks(p, (rule)r)) {
            expected = (rule)r;
            t->alone[r]++;
            mask |= TD_BIT(r - DEPTH);
        }
    assert_int_equal(td_edge_broken(p), mask);
    for (int r = DEPTH; r < N_RULES; r++)
        if (mask == TD_BIT(r - DEPTH)) t->only[r]++;
    if ((mask & (mask - 1)) != 0) t->several++;
    rule got = FINE;
    if (s != TD_OK) {
        assert_int_equal(s, TD_E_INFEASIBLE);
        got = rule_of(&err);
    }
    if (got != expected) fail_msg("expected \"%s\", got \"%s\"", RULE_NAME[expected], err.message);
    t->first[got]++;
    if (s == TD_OK) {
        assert_int_equal(missing, 0);
        t->valid++;
        int64_t macs = td_hw_peak_macs(&hw);
        if (macs < t->least_macs) t->least_macs = macs;
        if (macs > t->most_macs) t->most_macs = macs;
        if (t->check) assert_ok(td_hw_check(&hw, &err), &err);
        return;
    }
    if (got == WIDTH || got == RANGE) {
        assert_int_equal(missing, 0);
        return;
    }
    /* Enlarging the named level by what is missing removes the reason, and nothing less does. */
    assert_true(missing > 0);
    assert_non_null(strstr(err.message, got == DEPTH ? "level RF" : "level Local"));
    char bytes[48];
    snprintf(bytes, sizeof bytes, "%lld bytes missing", (long long)missing);
    assert_non_null(strstr(err.message, bytes));
    for (int less = 0; less <= 1; less++) {
        td_edge q = *p;
        if (got == DEPTH)
            q.rf_bytes += missing - less;
        else
            q.local_bytes += missing - less;
        s = td_edge_build(&q, t->tech, &hw, NULL, &err);
        rule now = s == TD_OK ? FINE : rule_of(&err);
        if (less)
            assert_int_equal(now, got);
        else
            assert_int_not_equal(now, got);
    }
}

static void micro_space(void **state) {
    (void)state;
    fixture f;
    open_template(&f, "micro");
    tally t = {.tech = &f.tech, .check = true, .least_macs = INT64_MAX};
    assert_int_equal(enumerate(&f, judge, &t), 23040);
    assert_int_equal(t.valid, 14922);
    assert_int_equal(t.least_macs, 32);
    assert_int_equal(t.most_macs, 2048);
    for (int r = DEPTH; r < N_RULES; r++) assert_true(t.alone[r] > 0); /* each of them is tested */
    close_template(&f);
}

static void edge_space(void **state) {
    (void)state;
    fixture f;
    open_template(&f, "edge");
    tally t = {.tech = &f.tech, .check = true, .least_macs = INT64_MAX};
    assert_int_equal(enumerate(&f, judge, &t), 50000);
    assert_int_equal(t.valid, 27290);
    assert_near(1 - (double)t.valid / 50000, .45, .005);
    /* Each rule alone, as noted with the template: 30, 8, 4 and 18.8 %. */
    assert_int_equal(t.alone[DEPTH], 15000);
    assert_int_equal(t.alone[TOTAL], 4000);
    assert_int_equal(t.alone[SHARE], 2000);
    assert_int_equal(t.alone[WIDTH], 9375);
    for (int r = DEPTH; r < N_RULES; r++)
        assert_string_equal(td_edge_rule_name((td_edge_rule)(r - DEPTH)), RULE_NAME[r]);
    /* Alone and together: docs/hardware.md. */
    assert_int_equal(t.only[DEPTH], 9200);
    assert_int_equal(t.only[TOTAL], 2210);
    assert_int_equal(t.only[SHARE], 885);
    assert_int_equal(t.only[WIDTH], 3330);
    assert_int_equal(t.several, 7085);
    close_template(&f);
}

typedef struct {
    const td_tech *tech;
    double *area;
    int n;
} areas;

static void take_area(void *self, const td_edge *p) {
    areas *s = self;
    td_area a;
    td_error err = {0};
    assert_ok(td_edge_area(p, s->tech, &a, &err), &err);
    assert_near(a.total, sum(&a), 1e-9);
    s->area[s->n++] = a.total;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The 50,000 points run from 2 to 747 mm2, median 45. */
static void edge_space_area(void **state) {
    (void)state;
    fixture f;
    open_template(&f, "edge");
    areas s = {.tech = &f.tech, .area = malloc(50000 * sizeof(double))};
    assert_non_null(s.area);
    enumerate(&f, take_area, &s);
    assert_int_equal(s.n, 50000);
    qsort(s.area, 50000, sizeof s.area[0], by_value);
    assert_near(s.area[0], 2, .5);
    assert_near(s.area[49999], 747, .5);
    assert_near((s.area[24999] + s.area[25000]) / 2, 45, .5);
    free(s.area);
    close_template(&f);
}

/* A share that is no binary fraction, register files of any size: what is missing is still exact.
 */
static void odd_share(void **state) {
    (void)state;
    fixture f;
    td_error err = {0};
    td_hw hw;
    open_template(&f, "micro");
    f.p.rf_weight_steps = f.p.rf_accumulators = 0;
    f.p.min_total_bytes = 0;
    f.p.lanes = 1;
    for (int i = 1; i <= 200; i++)
        for (int bytes = 1; bytes < 900; bytes += 7) {
            td_edge p = f.p;
            p.max_rf_share = i / 1000.0;
            p.rf_bytes = bytes;
            p.local_bytes = 1;
            int64_t missing;
            assert_int_equal(td_edge_build(&p, &f.tech, &hw, &missing, NULL), TD_E_INFEASIBLE);
            p.local_bytes += missing;
            assert_ok(td_edge_build(&p, &f.tech, &hw, NULL, &err), &err);
            p.local_bytes--;
            assert_int_equal(td_edge_build(&p, &f.tech, &hw, NULL, NULL), TD_E_INFEASIBLE);
        }
    close_template(&f);
}

static void messages(void **state) {
    (void)state;
    fixture f;
    td_error err = {0};
    td_hw hw;
    int64_t missing;
    open_template(&f, "edge");
    td_edge p = f.p;
    p.rf_bytes = 16384;
    assert_int_equal(td_edge_build(&p, &f.tech, &hw, &missing, &err), TD_E_INFEASIBLE);
    assert_int_equal(missing, 64 * (2 * 4 * 9 + 2 * 4 * 32) - 16384);
    assert_string_equal(
        err.message,
        "rule register_file_depth: level RF needs 20992 bytes for 64 SIMD units with 9 "
        "steps of weights and 32 sums each, double-buffered, has 16384: 4608 bytes missing");
    p = f.p;
    p.lanes = 8;
    assert_int_equal(td_edge_build(&p, &f.tech, &hw, &missing, &err), TD_E_INFEASIBLE);
    assert_int_equal(missing, 0);
    assert_non_null(strstr(err.message, "rule lane_width: "));
    assert_non_null(strstr(err.message, "544 wide"));
    assert_non_null(strstr(err.message, "32 too many"));
    /* Without an error and a place for the number. */
    assert_int_equal(td_edge_build(&p, &f.tech, &hw, NULL, NULL), TD_E_INFEASIBLE);
    close_template(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edge_baseline),   cmocka_unit_test(edge_contract),
        cmocka_unit_test(local_ports),     cmocka_unit_test(edge_area),
        cmocka_unit_test(micro_baseline),  cmocka_unit_test(edge_efficiency),
        cmocka_unit_test(micro_space),     cmocka_unit_test(edge_space),
        cmocka_unit_test(edge_space_area), cmocka_unit_test(odd_share),
        cmocka_unit_test(messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

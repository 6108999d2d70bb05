/* Mappings of a layer as a space: allowed vectors are what td_mapping_check passes, all mappings
 * are there, draws have the distribution of plain rejection. */
#include "common.h"

#include "map_brute.h"
#include "space_helper.h"
#include "tandem/map.h"

/* Private register files for each tensor, as the accelerators of "Learned Hardware/Software
 * Co-Design of Neural Accelerators" (2010.02075) have them. */
static const char private_files[] =
    "name: private\ntech: pat\nclock_hz: 200.0e+6\nmac: {instances: 168, mesh_x: 14, bits: 16}\n"
    "levels:\n"
    "  - {name: Sums, class: regfile, instances: 168, mesh_x: 14, may_keep: O, must_keep: O, "
    "capacity_bits: 256, word_bits: 16}\n"
    "  - {name: Weights, class: regfile, instances: 168, mesh_x: 14, may_keep: W, must_keep: W, "
    "capacity_bits: 3072, word_bits: 16, temporal: \"\"}\n"
    "  - {name: Inputs, class: regfile, instances: 168, mesh_x: 14, may_keep: I, must_keep: I, "
    "capacity_bits: 192, word_bits: 16, temporal: \"\"}\n"
    "  - {name: Buffer, class: sram, instances: 1, may_keep: IO, must_keep: IO, capacity_kb: 108, "
    "word_bits: 16, read_bw: 256, write_bw: 256}\n"
    "  - {name: DRAM, class: dram, instances: 1, capacity_bits: null, word_bits: 16, read_bw: 64, "
    "write_bw: 64}\n";

static td_hw machine(td_arena *a, const char *text) {
    td_hw hw;
    td_error err = {0};
    assert_ok(td_hw_from_node(yaml(a, text), &hw, &err), &err);
    return hw;
}

static td_problem layer(const char *text) {
    td_problem p;
    td_error err = {0};
    assert_ok(td_problem_parse(text, &p, &err), &err);
    for (int t = 0; t < TD_NTENSOR; t++) p.bits[t] = 16;
    p.acc_bits = 16;
    return p;
}

static td_space *mappings(td_arena *a, const td_problem *p, const td_hw *hw) {
    td_space *s;
    td_error err = {0};
    assert_ok(td_space_mapping(p, hw, a, &s, &err), &err);
    return s;
}

static td_mapping mapping_of(const td_space *s, const td_choices *c) {
    td_mapping m;
    td_error err = {0};
    assert_ok(td_space_mapping_of(s, c, &m, &err), &err);
    return m;
}

/* A vector drawn without regard to what is allowed. */
static void draw_raw(const td_space *s, td_rng *r, td_choices *c) {
    td_space raw = *s;
    raw.draw = NULL;
    raw.allows = NULL;
    td_space_sample(&raw, r, c);
}

/* ---- what is allowed ------------------------------------------------------------------------- */

/* Random vectors and those that the space draws; counts those that are allowed and not. */
static void check_vectors(const td_space *s, const td_problem *p, const td_hw *hw, uint64_t seed,
                          int n, int64_t count[2]) {
    double v[64];
    td_choices c = {s->n, v};
    td_costing costing;
    td_rng r = td_rng_make(1, seed, TD_RNG_TEST);
    td_error err = {0};
    assert_ok(td_costing_init(&costing, p, hw, TD_COUNT_EXACT, &err), &err);
    for (int i = 0; i < n; i++) {
        draw_raw(s, &r, &c);
        if (i % 4 == 0) td_space_draw(s, &r, 10000, &c, NULL);
        const td_mapping m = mapping_of(s, &c);
        const bool allowed = td_space_allows(s, &c);
        double pj;
        int64_t cycles, compute;
        const td_status checked = td_mapping_check(p, hw, &m, NULL, &err);
        if (allowed != (checked == TD_OK))
            fail_msg("%s: allows says %d, the check: %s", hw->name, allowed, err.message);
        assert_int_equal(td_costing_run(&costing, &m, &pj, &cycles, &compute), allowed);
        count[allowed]++;
    }
}

static void allowed_as_checked(void **state) {
    (void)state;
    static const char *const shipped[] = {"simba", "nvdla", "eyeriss-168", "edge", "array-16x16"};
    static const char *const layers[] = {"conv K64 C64 P56 Q56 R3 S3",
                                         "conv K32 C16 P9 Q9 R4 S4 s2",
                                         "conv K16 C4 P20 Q20 R8 S8 s4 pad=2", "gemm M64 N96 K128",
                                         "conv N2 K6 C4 P7 Q10 R3 S5 G3 d2 pad=1,2"};
    td_arena *a = td_arena_create();
    for (size_t h = 0; h <= sizeof shipped / sizeof *shipped; h++) {
        td_hw hw = machine(a, private_files);
        td_error err = {0};
        if (h > 0) assert_ok(td_hw_load(shipped[h - 1], &hw, &err), &err);
        int64_t count[2] = {0, 0};
        for (size_t l = 0; l < sizeof layers / sizeof *layers; l++) {
            td_problem p = layer(layers[l]);
            p.acc_bits = h == 0 ? 24 : 16;
            check_vectors(mappings(a, &p, &hw), &p, &hw, 10 * h + l, 1500, count);
        }
        assert_true(count[0] > 100 && count[1] > 100);
    }
    td_arena_destroy(a);
}

/* Machines with all rules, keeps and widths; layers whose mappings can be listed: the best one is
 * in the space, and none is better. */
typedef struct {
    const td_space *s;
    const td_problem *p;
    const td_hw *hw;
    td_costing costing;
    double best;
    int64_t allowed;
} listing;

static void visit_vector(void *self, const td_choices *c) {
    listing *b = self;
    double pj;
    int64_t cycles, compute;
    if (!td_space_allows(b->s, c)) return;
    const td_mapping m = mapping_of(b->s, c);
    assert_true(td_costing_run(&b->costing, &m, &pj, &cycles, &compute));
    b->best = fmin(b->best, pj * (double)cycles);
    b->allowed++;
}

static void visit_mapping(void *self, const td_problem *padded, const td_mapping *m,
                          const td_cost *c) {
    (void)padded, (void)m;
    listing *b = self;
    b->best = fmin(b->best, c->total_pj * (double)c->cycles);
    b->allowed++;
}

static double vectors_of(const td_space *s) {
    double n = 1;
    for (int i = 0; i < s->n; i++) n *= s->d[i].n;
    return n;
}

static void holds_all_mappings(void **state) {
    (void)state;
    int listed = 0, none = 0, refused_ones = 0;
    int64_t count[2] = {0, 0};
    td_error err = {0};
    for (uint64_t i = 0; i < 250; i++) {
        td_arena *a = td_arena_create();
        td_rng r = td_rng_make(2, i, TD_RNG_TEST);
        map_case k;
        random_case(&r, 4, true, &k);
        k.hw.rules.pad = false;
        td_problem p;
        td_hw_problem(&k.hw, &k.problem, &p);
        td_map_query q;
        td_map_query_default(&q, &k.hw);
        td_space *s;
        listing b = {.p = &p, .hw = &k.hw, .best = INFINITY}, f = {.best = INFINITY};
        brute all = {.visit = visit_mapping, .self = &f, .limit = 50000};
        const td_status made = td_space_mapping(&p, &k.hw, a, &s, NULL);
        if (made != TD_OK) {
            assert_int_equal(made, TD_E_INFEASIBLE);
            brute_force(&all, &p, &k.hw, &q);
            assert_true(f.allowed == 0);
            refused_ones++;
        } else {
            check_vectors(s, &p, &k.hw, i, 50, count);
            if (vectors_of(s) < 50000) brute_force(&all, &p, &k.hw, &q);
            if (!all.gave_up && all.mappings > 0) {
                b.s = s;
                assert_ok(td_costing_init(&b.costing, &p, &k.hw, TD_COUNT_EXACT, &err), &err);
                enumerate(s, visit_vector, &b);
                if (b.best != f.best)
                    fail_msg("case %d: best of the space %.17g, of all mappings %.17g", (int)i,
                             b.best, f.best);
                listed++;
                none += f.allowed == 0;
            }
        }
        td_arena_destroy(a);
    }
    print_message("%d listed, %d of them without a mapping, %d refused\n", listed, none,
                  refused_ones);
    assert_true(listed > 80 && listed - none > 70 && count[0] > 100 && count[1] > 1000);
}

/* ---- draws ----------------------------------------------------------------------------------- */

/* A small machine, of which all vectors can be listed: two fan-outs, a level that may bypass. */
static const char small[] =
    "name: small\ntech: pat\nclock_hz: 1.0e+9\nmac: {instances: 6, mesh_x: 3, bits: 16}\n"
    "levels:\n"
    "  - {name: File, class: regfile, instances: 6, mesh_x: 3, may_keep: WO, must_keep: O, "
    "capacity_bits: 96, word_bits: 16, temporal: KC}\n"
    "  - {name: Buffer, class: sram, instances: 1, capacity_bits: 1024, word_bits: 16, must_keep: "
    "WI, temporal: CP}\n"
    "  - {name: DRAM, class: dram, instances: 1, capacity_bits: null, word_bits: 16}\n";

typedef struct {
    const td_space *s;
    int64_t all, allowed;
    int32_t *count; /* draws of each vector; -1: not allowed */
} census;

static int64_t index_of(const td_space *s, const td_choices *c) {
    int64_t at = 0;
    for (int i = 0; i < s->n; i++) at = at * s->d[i].n + (int64_t)c->v[i];
    return at;
}

static void visit_census(void *self, const td_choices *c) {
    census *n = self;
    const bool allowed = td_space_allows(n->s, c);
    n->all++;
    n->allowed += allowed;
    n->count[index_of(n->s, c)] = allowed ? 0 : -1;
}

static void draws_are_even(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    const td_hw hw = machine(a, small);
    const td_problem p = layer("conv K6 C4 P3 R2 S1");
    td_space *s = mappings(a, &p, &hw);
    const int64_t size = (int64_t)vectors_of(s);
    census n = {.s = s, .count = TD_NEW(a, int32_t, size)};
    assert_true(enumerate(s, visit_census, &n) == size && n.allowed > 500);
    const double share = (double)n.allowed / (double)n.all;
    double v[64];
    td_choices c = {s->n, v};
    td_rng r = td_rng_make(3, 0, TD_RNG_TEST);
    int64_t drawn = 0;
    const int64_t draws = 5 * n.allowed;
    for (int64_t i = 0; i < draws; i++) {
        assert_true(td_space_draw(s, &r, INT64_MAX, &c, &drawn));
        assert_true(n.count[index_of(s, &c)]++ >= 0);
    }
    double chi = 0;
    for (int64_t i = 0; i < size; i++)
        if (n.count[i] >= 0) chi += (n.count[i] - 5.0) * (n.count[i] - 5.0) / 5;
    const double degrees = (double)n.allowed - 1;
    print_message("%.2f %% of %d vectors allowed; chi-square %.0f of %.0f\n", 100 * share,
                  (int)size, chi, degrees);
    assert_near(chi, degrees, 5 * sqrt(2 * degrees));
    /* The number of raw draws for k allowed ones has the deviation sqrt(k (1 - p)) / p. */
    assert_true(share < .5);
    assert_near(drawn, (double)draws / share, 5 * sqrt((double)draws * (1 - share)) / share);
    /* At most so many: none of them is allowed with probability (1 - p)^most. */
    int missed = 0;
    for (int i = 0; i < 2000; i++) {
        int64_t few = 0;
        const bool found = td_space_draw(s, &r, 10, &c, &few);
        assert_true(found ? few >= 1 && few <= 10 : few == 10);
        missed += !found;
    }
    const double miss = pow(1 - share, 10);
    assert_near(missed, 2000 * miss, 5 * sqrt(2000 * miss * (1 - miss)));
    td_arena_destroy(a);
}

/* Large layers: the share of raw vectors that are allowed, by both ways of drawing. */
static void draws_count_raw_ones(void **state) {
    (void)state;
    static const char *const layers[] = {"conv K64 C64 P56 Q56 R3 S3", "conv K512 C512 P7 Q7 R3 S3",
                                         "conv K16 C4 P20 Q20 R8 S8 s4",
                                         "conv K32 C16 P9 Q9 R4 S4 s2", "gemm M512 N512 K512"};
    td_arena *a = td_arena_create();
    const td_hw hw = machine(a, private_files);
    for (int l = 0; l < 5; l++) {
        const td_problem p = layer(layers[l]);
        td_space *s = mappings(a, &p, &hw);
        double v[64];
        td_choices c = {s->n, v};
        td_rng r = td_rng_make(4, (uint64_t)l, TD_RNG_TEST);
        int64_t drawn = 0;
        int plain = 0;
        enum { DRAWS = 3000, RAW = 40000 };
        for (int i = 0; i < DRAWS; i++) assert_true(td_space_draw(s, &r, 1 << 30, &c, &drawn));
        for (int i = 0; i < RAW; i++) {
            draw_raw(s, &r, &c);
            plain += td_space_allows(s, &c);
        }
        const double share = DRAWS / (double)drawn, other = plain / (double)RAW;
        print_message("%-30s %.2f %% of raw vectors allowed\n", layers[l], 100 * share);
        assert_true(share > .001);
        assert_near(share, other, 5 * sqrt(other / RAW + share * share / DRAWS));
    }
    td_arena_destroy(a);
}

/* ---- what a vector stands for ---------------------------------------------------------------- */

static const td_decision *decision(const td_space *s, const char *name) {
    for (int i = 0; i < s->n; i++)
        if (strcmp(s->d[i].name, name) == 0) return &s->d[i];
    return NULL;
}

static void set(const td_space *s, td_choices *c, const char *name, const char *label) {
    const td_decision *d = decision(s, name);
    assert_non_null(d);
    for (int k = 0; k < d->n; k++)
        if (strcmp(d->label[k], label) == 0) {
            c->v[d - s->d] = k;
            return;
        }
    fail_msg("%s has no choice %s", name, label);
}

static void decisions_as_named(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    td_hw hw = machine(a, small);
    td_problem p = layer("conv K6 C4 P3 R2 S1");
    td_space *s = mappings(a, &p, &hw);
    /* K stands in File, on X and Y, in DRAM; C in Buffer, too; R on the fan-out and in DRAM. */
    assert_int_equal(decision(s, "K")->n, 4 * 4); /* 2 and 3 in 4 places */
    assert_int_equal(decision(s, "C")->n, 15);    /* 2 and 2 in 5 */
    assert_int_equal(decision(s, "P")->n, 4);     /* 3 in 4 */
    assert_int_equal(decision(s, "R")->n, 3);
    assert_int_equal(decision(s, "order File")->n, 2);
    assert_int_equal(decision(s, "order Buffer")->n, 2);
    assert_int_equal(decision(s, "order DRAM")->n, 24);
    assert_int_equal(decision(s, "keep File")->n, 2);
    assert_int_equal(decision(s, "keep Buffer")->n, 2);
    assert_null(decision(s, "S"));
    assert_null(decision(s, "keep DRAM"));
    assert_int_equal(s->n, 9);
    double v[9] = {0};
    td_choices c = {9, v};
    set(s, &c, "K", "1x3x1x2"); /* File, X, Y, DRAM */
    set(s, &c, "C", "2x1x1x2x1");
    set(s, &c, "P", "1x1x1x3");
    set(s, &c, "R", "1x2x1");
    set(s, &c, "order DRAM", "PKRC");
    set(s, &c, "keep File", "WO");
    set(s, &c, "keep Buffer", "WI");
    const td_mapping m = mapping_of(s, &c);
    const td_loop want[] = {{TD_C, TD_AXIS_T, 2, 2}, {TD_C, TD_AXIS_T, 2, 2},
                            {TD_K, TD_AXIS_X, 3, 3}, {TD_R, TD_AXIS_Y, 2, 2},
                            {TD_P, TD_AXIS_T, 3, 3}, {TD_K, TD_AXIS_T, 2, 2}};
    assert_int_equal(m.n, 6);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(m.loop[i].dim, want[i].dim);
        assert_int_equal(m.loop[i].axis, want[i].axis);
        assert_int_equal(m.loop[i].bound, want[i].bound);
        assert_int_equal(m.loop[i].tail, want[i].tail);
    }
    assert_int_equal(m.first[1], 1);
    assert_int_equal(m.first[2], 4);
    assert_int_equal(m.first[3], 6);
    assert_int_equal(m.keep[0], TD_BIT(TD_W) | TD_BIT(TD_O));
    assert_int_equal(m.keep[1], TD_BIT(TD_W) | TD_BIT(TD_I));
    assert_int_equal(m.keep[2], TD_ALL_TENSORS);
    /* An order that is fixed in part: R innermost, then K, the others outside in any order. */
    td_error err = {0};
    assert_ok(td_map_order_set(&hw.rules, 2, "KR", &err), &err);
    const td_decision *d = decision(mappings(a, &p, &hw), "order DRAM");
    assert_int_equal(d->n, 2);
    assert_string_equal(d->label[0], "CPKR");
    assert_string_equal(d->label[1], "PCKR");
    td_arena_destroy(a);
}

static void faults(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    td_hw hw = machine(a, small);
    td_space *s;
    td_error err = {0};
    td_problem p = layer("conv K6 C4 P3 R2 S1");
    /* A filter that is wider than the only axis that it may stand on. */
    for (int l = 0; l < 3; l++) hw.rules.allowed[l][TD_AXIS_T] &= (uint8_t)~TD_BIT(TD_R);
    hw.rules.allowed[1][TD_AXIS_X] &= (uint8_t)~TD_BIT(TD_R);
    td_problem wide = p;
    wide.dim[TD_R] = 3;
    assert_ok(td_space_mapping(&p, &hw, a, &s, &err), &err);
    assert_null(decision(s, "R"));
    assert_int_equal(td_space_mapping(&wide, &hw, a, &s, &err), TD_E_INFEASIBLE);
    assert_non_null(strstr(err.message, "no room for R = 3"));
    /* Each of two dims has a place, but it is one place. */
    for (int l = 0; l < 3; l++) hw.rules.allowed[l][TD_AXIS_T] &= (uint8_t)~TD_BIT(TD_S);
    hw.rules.allowed[1][TD_AXIS_X] &= (uint8_t)~TD_BIT(TD_S);
    wide = p;
    wide.dim[TD_S] = 2;
    assert_int_equal(td_space_mapping(&wide, &hw, a, &s, &err), TD_E_INFEASIBLE);
    assert_non_null(strstr(err.message, "no room for all dims"));
    hw.rules.allowed[1][TD_AXIS_Y] &= (uint8_t)~TD_BIT(TD_S);
    assert_int_equal(td_space_mapping(&wide, &hw, a, &s, &err), TD_E_INFEASIBLE);
    assert_non_null(strstr(err.message, "no place for S = 2"));
    /* Three dims in space, on two axes. */
    for (int l = 0; l < 3; l++)
        hw.rules.allowed[l][TD_AXIS_T] &= (uint8_t) ~(TD_BIT(TD_Q) | TD_BIT(TD_R) | TD_BIT(TD_S));
    hw.rules.allowed[1][TD_AXIS_X] = hw.rules.allowed[1][TD_AXIS_Y] = 0xff;
    wide.dim[TD_Q] = 2;
    assert_int_equal(td_space_mapping(&wide, &hw, a, &s, &err), TD_E_INFEASIBLE);
    assert_non_null(strstr(err.message, "together"));
    hw.level[0].capacity_bits = 15;
    assert_int_equal(td_space_mapping(&p, &hw, a, &s, &err), TD_E_INFEASIBLE);
    assert_non_null(strstr(err.message, "level File: a word of each tensor"));
    p.dim[TD_K] = 0;
    assert_int_equal(td_space_mapping(&p, &hw, a, &s, &err), TD_E_INPUT);

    p = layer("conv K6 C4 P3 R2 S1");
    hw = machine(a, small);
    s = mappings(a, &p, &hw);
    double v[64] = {0};
    td_choices c = {s->n, v};
    td_mapping m;
    td_design d;
    v[0] = 16;
    assert_int_equal(td_space_mapping_of(s, &c, &m, &err), TD_E_INPUT);
    v[0] = 0;
    assert_int_equal(s->build(s->self, &c, a, &d, &err), TD_E_USAGE);
    td_design_free(&d);
    td_space *other = hw_space(a, "space: micro");
    assert_int_equal(td_space_mapping_of(other, &c, &m, &err), TD_E_USAGE);
    td_arena_destroy(a);
}

/* ---- features -------------------------------------------------------------------------------- */

/* Where no tiles overlap, words that are moved are those that are counted. Features of a matrix
 * product on this machine: steps, use of the fan-out, words of I and O from Buffer and of both, of
 * W, I, O from DRAM and of all, steps of the slowest port; then shares of Sums, Weights, Inputs,
 * Buffer (I, O). */
static void features_of_products(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    const td_hw hw = machine(a, private_files);
    const td_problem p = layer("gemm M96 N56 K72");
    td_space *s = mappings(a, &p, &hw);
    assert_int_equal(s->n_features, 2 + 8 + 5 + 3 * 4 + 3 * 3);
    const double macs = log2((double)td_problem_macs(&p) + 1);
    double v[64], f[64];
    td_choices c = {s->n, v};
    td_rng r = td_rng_make(5, 0, TD_RNG_TEST);
    for (int i = 0; i < 500; i++) {
        td_cost cost;
        td_error err = {0};
        td_space_sample(s, &r, &c);
        s->features(s->self, &c, f);
        const td_mapping m = mapping_of(s, &c);
        assert_ok(td_cost_evaluate(&p, &hw, &m, TD_COUNT_EXACT, &cost, &err), &err);
        assert_near(f[0], log2((double)cost.compute_cycles) / macs, 1e-12);
        assert_near(f[1], log2(cost.mac_used) / log2(168), 1e-12);
        int at = 2;
        for (int l = 3; l <= 4; l++) {
            double all = 0, total = 0;
            for (int t = l == 3 ? TD_I : TD_W; t < TD_NTENSOR; t++) {
                const td_access *x = &cost.at[l][t];
                /* Only what is given further in, and taken from there. */
                double least = (double)td_problem_words(&p, (td_tensor)t);
                double words = t == TD_O ? 2 * x->updates - least : x->reads;
                assert_near(f[at++], log2(words / least) / macs, 1e-12);
                all += words;
                total += least;
            }
            assert_near(f[at++], log2(all / total) / macs, 1e-12);
        }
        /* Bandwidths count what a level takes from further out, too. */
        assert_true(f[at] >= f[0] && f[at] <= log2((double)cost.cycles) / macs + 1e-12);
        for (int l = 0, k = at + 1; l < 4; l++)
            for (int t = 0; t < TD_NTENSOR; t++)
                if (m.keep[l] & TD_BIT(t))
                    assert_near(f[k++],
                                cost.at[l][t].tile_words * 16 / (double)hw.level[l].capacity_bits,
                                1e-12);
    }
    /* Without those of words that are moved. */
    double plain[64];
    td_space_mapping_plain(s);
    assert_int_equal(s->n_features, 2 + 5 + 3 * 4 + 3 * 3);
    s->features(s->self, &c, plain);
    assert_memory_equal(plain, f, 2 * sizeof *f);
    assert_memory_equal(plain + 2, f + 10, (size_t)(s->n_features - 2) * sizeof *f);
    td_arena_destroy(a);
}

/* Least squares of y on x and a constant, with n rows; the error's part of the variance of n others
 * behind them. */
static double unexplained(double *x, const double *y, int n, int k) {
    const int w = k + 2; /* normal equations: k features, the constant, the right side */
    double *e = calloc((size_t)(w * w), sizeof *e);
    assert_non_null(e);
    for (int i = 0; i < n; i++) {
        double row[128];
        memcpy(row, x + i * k, sizeof *row * (size_t)k);
        row[k] = 1;
        row[k + 1] = y[i];
        for (int p = 0; p <= k; p++)
            for (int q = 0; q < w; q++) e[p * w + q] += row[p] * row[q];
    }
    for (int p = 0; p <= k; p++) e[p * w + p] += 1e-4 * n; /* features may depend on each other */
    for (int p = 0; p <= k; p++)
        for (int q = 0; q <= k; q++) {
            const double by = q == p ? 0 : e[q * w + p] / e[p * w + p];
            for (int j = p; by != 0 && j < w; j++) e[q * w + j] -= by * e[p * w + j];
        }
    double mean = 0, all = 0, left = 0;
    for (int i = n; i < 2 * n; i++) mean += y[i] / n;
    for (int i = n; i < 2 * n; i++) {
        double at = e[k * w + k + 1] / e[k * w + k];
        for (int p = 0; p < k; p++) at += x[i * k + p] * e[p * w + k + 1] / e[p * w + p];
        left += (y[i] - at) * (y[i] - at);
        all += (y[i] - mean) * (y[i] - mean);
    }
    free(e);
    return left / all;
}

static void features_explain_costs(void **state) {
    (void)state;
    static const struct {
        const char *hw, *layer;
    } cases[] = {
        {NULL, "conv K64 C64 P56 Q56 R3 S3"},    {NULL, "conv K16 C4 P20 Q20 R8 S8 s4"},
        {NULL, "conv K32 C16 P9 Q9 R4 S4 s2"},   {NULL, "gemm M512 N512 K512"},
        {"simba", "conv K64 C64 P56 Q56 R3 S3"}, {"eyeriss-168", "conv K96 C48 P27 Q27 R5 S5"}};
    td_arena *a = td_arena_create();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        td_hw hw = machine(a, private_files);
        td_error err = {0};
        if (cases[i].hw != NULL) assert_ok(td_hw_load(cases[i].hw, &hw, &err), &err);
        const td_problem p = layer(cases[i].layer);
        td_space *s = mappings(a, &p, &hw);
        enum { N = 400 };
        const int k = s->n_features;
        assert_true(k <= 120);
        double *x = TD_NEW(a, double, 2 * N * k), y[2 * N], v[64];
        td_choices c = {s->n, v};
        td_rng r = td_rng_make(6, i, TD_RNG_TEST);
        td_costing costing;
        assert_ok(td_costing_init(&costing, &p, &hw, TD_COUNT_EXACT, &err), &err);
        for (int n = 0; n < 2 * N; n++) {
            double pj;
            int64_t cycles, compute;
            td_space_sample(s, &r, &c);
            const td_mapping m = mapping_of(s, &c);
            assert_true(td_costing_run(&costing, &m, &pj, &cycles, &compute));
            y[n] = log(pj * (double)cycles);
            s->features(s->self, &c, x + n * k);
            for (int q = 0; q < k; q++) assert_true(x[n * k + q] >= -.2 && x[n * k + q] <= 1.2);
        }
        const double rest = unexplained(x, y, N, k);
        print_message("%-12s %-30s %d features explain %.1f %% of the variance of log EDP\n",
                      hw.name, cases[i].layer, k, 100 * (1 - rest));
        assert_true(rest < .1);
    }
    td_arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allowed_as_checked),   cmocka_unit_test(holds_all_mappings),
        cmocka_unit_test(draws_are_even),       cmocka_unit_test(draws_count_raw_ones),
        cmocka_unit_test(decisions_as_named),   cmocka_unit_test(faults),
        cmocka_unit_test(features_of_products), cmocka_unit_test(features_explain_costs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

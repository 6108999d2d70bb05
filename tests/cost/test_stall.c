/* Starts, commands, latencies, bursts, first and last tiles: against a walk over the passes of
 * every level, and a small array by hand. */
#include "common.h"
#include "random_case.h"

#include <math.h>

#include "tandem/cost.h"

/* ---- a walk over the passes ------------------------------------------------------------------ */

static bool matters(int t, int d) {
    if (t == TD_W) return d == TD_G || d == TD_K || d == TD_C || d == TD_R || d == TD_S;
    if (t == TD_O) return d != TD_C && d != TD_R && d != TD_S;
    return d != TD_K;
}

static bool kept(const td_case *c, int level, int t) {
    return c->mapping.keep[level] >> t & 1;
}

static int child_of(const td_case *c, int level, int t) {
    int child = level - 1;
    while (child >= 0 && !kept(c, child, t)) child--;
    return child;
}

/* Loops in time outside of a level as an odometer, outermost first; level[i] of loop i. */
typedef struct {
    int n, dim[TD_MAX_LOOPS], bound[TD_MAX_LOOPS], at[TD_MAX_LOOPS];
} odometer;

static odometer outside(const td_case *c, int level) {
    odometer o = {0};
    for (int l = c->hw.n - 1; l > level; l--)
        for (int i = c->mapping.first[l]; i < c->mapping.first[l + 1]; i++) {
            if (c->mapping.loop[i].axis != TD_AXIS_T) continue;
            o.dim[o.n] = c->mapping.loop[i].dim;
            o.bound[o.n++] = c->mapping.loop[i].bound;
        }
    return o;
}

static bool advance(odometer *o) {
    for (int i = o->n - 1; i >= 0; i--) {
        if (++o->at[i] < o->bound[i]) return true;
        o->at[i] = 0;
    }
    return false;
}

/* Place of the tile of t as one number. */
static long place(const odometer *o, int t) {
    long x = 0;
    for (int i = 0; i < o->n; i++)
        if (matters(t, o->dim[i])) x = x * o->bound[i] + o->at[i];
    return x;
}

/* Of the tiles of all children of a level, side by side. */
static double extent(const td_case *c, int child, int level, int d) {
    double n = 1;
    for (int l = 0; l <= level; l++)
        for (int i = c->mapping.first[l]; i < c->mapping.first[l + 1]; i++) {
            const td_loop *x = &c->mapping.loop[i];
            if (x->dim == d && (l <= child || x->axis != TD_AXIS_T)) n *= x->bound;
        }
    return n;
}

static double rate(double own, double shared) {
    return own < shared ? own : shared;
}

static double moved(const td_case *c, int level, int t) {
    const int burst = c->hw.level[level].timing.burst_bits, d = t == TD_I ? TD_C : TD_K;
    const int child = child_of(c, level, t);
    double run = extent(c, child, level, d);
    if (run == c->problem.dim[d]) run *= extent(c, child, level, TD_G);
    run *= td_word_bits(&c->problem, &c->mapping, level, (td_tensor)t);
    return burst == 0 ? 1 : ceil(run / burst) * burst / run;
}

/* Children of the level that get words of their own. */
static double apart(const td_case *c, int level, int t) {
    double n = 1;
    for (int l = child_of(c, level, t) + 1; l <= level; l++)
        for (int i = c->mapping.first[l]; i < c->mapping.first[l + 1]; i++) {
            const td_loop *x = &c->mapping.loop[i];
            const td_level *v = &c->hw.level[l];
            const bool shared = (t == TD_O ? v->reduce : v->multicast) >> t & 1;
            if (x->axis != TD_AXIS_T && (!shared || matters(t, x->dim))) n *= x->bound;
        }
    return n;
}

static double expected(const td_case *c, const td_cost *cost) {
    double all = 0, steps = 1;
    for (int l = 0; l < c->hw.n; l++) {
        const td_level *v = &c->hw.level[l];
        const td_level_timing *x = &v->timing;
        for (int i = c->mapping.first[l]; i < c->mapping.first[l + 1]; i++)
            if (c->mapping.loop[i].axis == TD_AXIS_T) steps *= c->mapping.loop[i].bound;
        odometer o = outside(c, l);
        long before[TD_NTENSOR] = {-1, -1, -1};
        do { /* a pass */
            all += x->start;
            double fill = 0;
            for (int t = TD_W; t <= TD_I; t++) {
                if (!kept(c, l, t) || (place(&o, t) == before[t] && !(v->reload >> t & 1)))
                    continue;
                before[t] = place(&o, t);
                fill += cost->at[l][t].tile_words * c->problem.bits[t];
            }
            double time = fmax(fill / rate(v->write_bw, v->shared_bw), x->command);
            if (x->command > 0 && time > steps) all += time - steps;
        } while (advance(&o));
        double most = 0;
        for (int t = 0; t < TD_NTENSOR; t++) {
            const int child = child_of(c, l, t);
            if (!kept(c, l, t) || child < 0) continue;
            double waits = 0;
            long last = -1;
            odometer at = outside(c, child);
            do {
                if (place(&at, t) == last && !(t != TD_O && c->hw.level[child].reload >> t & 1))
                    continue;
                last = place(&at, t);
                waits++;
            } while (advance(&at));
            most = fmax(most, c->hw.level[child].buffering >= 2 ? 1 : waits);
            if (!x->ramp) continue;
            const double bits = cost->at[child][t].tile_words *
                                td_word_bits(&c->problem, &c->mapping, l, (td_tensor)t) *
                                moved(c, l, t) * apart(c, l, t);
            all += bits /
                   (t == TD_O ? rate(v->write_bw, v->shared_bw) : rate(v->read_bw, v->shared_bw));
        }
        all += x->latency * most;
    }
    return all;
}

static void set_timing(td_case *c, td_rng *r) {
    for (int l = 0; l < c->hw.n; l++) {
        c->hw.level[l].buffering = 1 + (double)td_rng_below(r, 2);
        if (td_rng_below(r, 2)) continue;
        c->hw.level[l].timing = (td_level_timing){.burst_bits = td_rng_below(r, 2) ? 40 : 0,
                                                  .start = 0.25 * (double)td_rng_below(r, 20),
                                                  .command = 0.5 * (double)td_rng_below(r, 20),
                                                  .latency = (double)td_rng_below(r, 9),
                                                  .ramp = td_rng_below(r, 2) != 0};
    }
}

static void passes_one_by_one(void **state) {
    (void)state;
    int seen = 0, bursts = 0;
    for (uint64_t seed = 0; seed < 4000; seed++) {
        td_rng r = td_rng_make(seed, 6, TD_RNG_TEST);
        td_case c;
        td_cost ideal, cost;
        td_error err = {0};
        random_case(6, seed,
                    (random_limits){.max_macs = 2000, .padding = true, .reload = seed % 2 == 0},
                    &c);
        if (td_cost_evaluate(&c.problem, &c.hw, &c.mapping, TD_COUNT_EXACT, &ideal, NULL) != TD_OK)
            continue;
        assert_int_equal(ideal.stall_cycles, 0);
        set_timing(&c, &r);
        assert_ok(td_cost_evaluate(&c.problem, &c.hw, &c.mapping, TD_COUNT_EXACT, &cost, &err),
                  &err);
        const double want = expected(&c, &cost);
        if (fabs((double)cost.stall_cycles - want) >= 1 + 1e-9 * want ||
            (double)cost.stall_cycles < want - 1e-9 * want)
            fail_msg("seed %d: %lld cycles, expected %.17g", (int)seed,
                     (long long)cost.stall_cycles, want);
        assert_int_equal(cost.compute_cycles, ideal.compute_cycles + cost.stall_cycles);
        assert_near(cost.total_pj, ideal.total_pj, 0); /* time only */
        assert_true(cost.cycles + 1 >= ideal.cycles);
        double level[2] = {0, 0}; /* bits over the ports of the outermost level */
        const int top = c.hw.n - 1;
        const td_level *v = &c.hw.level[top];
        for (int t = 0; t < TD_NTENSOR; t++) {
            if (!kept(&c, top, t)) continue;
            const td_access *a = &cost.at[top][t];
            assert_near(a->moved, moved(&c, top, t), 1e-12);
            bursts += a->moved > 1;
            const double bits = td_word_bits(&c.problem, &c.mapping, top, (td_tensor)t) * a->moved;
            level[0] += a->reads * bits;
            level[1] += (a->fills + a->updates) * bits;
        }
        const double need = fmax(fmax(level[0] / v->read_bw, level[1] / v->write_bw),
                                 (level[0] + level[1]) / v->shared_bw);
        /* Quotients may be rounded up by one cycle. */
        assert_near((double)cost.level_cycles[top],
                    fmax(ceil(need - 1e-9), (double)cost.compute_cycles) + 0.5, 0.5);
        seen++;
    }
    printf("%d cases, %d times with bursts\n", seen, bursts);
    assert_true(seen > 3000 && bursts > 500);
}

/* ---- by hand --------------------------------------------------------------------------------- */

/* One MAC, a register for a weight, a buffer of everything: K2 C3 stepped through outside of the
 * register, P5 inside. */
static void small_case(td_case *c) {
    memset(c, 0, sizeof *c);
    c->problem = (td_problem){.dim = {1, 2, 3, 5, 1, 1, 1, 1},
                              .stride = {1, 1},
                              .dilation = {1, 1},
                              .bits = {8, 8, 8},
                              .acc_bits = 32};
    c->hw.n = 3;
    c->hw.clock_hz = 1e9;
    c->hw.mac = (td_mac){.instances = 1, .mesh_x = 1, .bits = 8};
    memset(c->hw.rules.allowed, 0xff, sizeof c->hw.rules.allowed);
    for (int l = 0; l < 3; l++) {
        td_level *v = &c->hw.level[l];
        snprintf(v->name, sizeof v->name, "L%d", l);
        v->may_keep = v->multicast = TD_ALL_TENSORS;
        v->reduce = TD_BIT(TD_O);
        v->capacity_bits = -1;
        v->instances = v->mesh_x = 1;
        v->word_bits = v->block_bits = 8;
        v->buffering = 1;
        v->read_bw = v->write_bw = v->shared_bw = INFINITY;
        v->shares = -1;
    }
    c->mapping = (td_mapping){
        .loop = {{TD_P, TD_AXIS_T, 5, 5}, {TD_K, TD_AXIS_T, 2, 2}, {TD_C, TD_AXIS_T, 3, 3}},
        .n = 3,
        .first = {0, 1, 3, 3},
        .keep = {TD_BIT(TD_W), TD_ALL_TENSORS, TD_ALL_TENSORS}};
    c->has_mapping = true;
}

static td_cost cost_of(const td_case *c) {
    td_cost cost;
    td_error err = {0};
    assert_ok(td_cost_evaluate(&c->problem, &c->hw, &c->mapping, TD_COUNT_EXACT, &cost, &err),
              &err);
    return cost;
}

static void by_hand(void **state) {
    (void)state;
    td_case c;
    small_case(&c);
    assert_int_equal(cost_of(&c).cycles, 30);
    /* Six passes of five steps, of eight cycles each. */
    c.hw.level[0].timing.command = 8;
    assert_int_equal(cost_of(&c).cycles, 48);
    /* A weight of eight bits takes 16 cycles to fill, and each pass has another one. */
    c.hw.level[0].write_bw = 0.5;
    assert_int_equal(cost_of(&c).cycles, 96);
    /* With P in halves of which the weight stays for both, every second pass only. */
    c.problem.dim[TD_P] = 10;
    c.mapping.loop[3] = (td_loop){TD_P, TD_AXIS_T, 2, 2};
    c.mapping.n = c.mapping.first[2] = c.mapping.first[3] = 4;
    assert_int_equal(cost_of(&c).cycles, 6 * (16 + 8));
    /* A start for each of the buffer's passes, here one, and for each of the register's. */
    c.hw.level[1].timing.start = 100;
    assert_int_equal(cost_of(&c).cycles, 6 * (16 + 8) + 100);
    c.hw.level[0].timing.start = 3;
    assert_int_equal(cost_of(&c).cycles, 6 * (16 + 8) + 100 + 12 * 3);
    /* 6 weights and 30 inputs in, 20 results out, at 8 and 16 bits a cycle. */
    small_case(&c);
    c.hw.level[2].timing.ramp = true;
    c.hw.level[2].read_bw = 8;
    c.hw.level[2].write_bw = 16;
    assert_int_equal(cost_of(&c).cycles, 30 + (6 + 15) + 5);
    /* Runs: weights of 2 channels, inputs of 3, results of 2, in bursts of 4 bytes. */
    c.hw.level[2].timing.burst_bits = 32;
    assert_int_equal(cost_of(&c).cycles, 30 + (6 * 2 + 15 * 4 / 3) + 10);
    c.hw.level[2].timing.ramp = false;
    assert_int_equal(cost_of(&c).cycles, 32); /* the bursts of weights and inputs, on the port */
    /* Six weights come one after the other; a register for two would hide all but the first. */
    small_case(&c);
    c.hw.level[1].timing.latency = 10;
    assert_int_equal(cost_of(&c).cycles, 30 + 6 * 10);
    c.hw.level[0].buffering = 2;
    assert_int_equal(cost_of(&c).cycles, 30 + 10);
}

/* Nothing said, and zeros said, are the same bytes. */
static void zero_is_ideal(void **state) {
    (void)state;
    td_case c;
    small_case(&c);
    const td_cost a = cost_of(&c);
    for (int l = 0; l < 3; l++) c.hw.level[l].timing = (td_level_timing){.fold = 0};
    const td_cost b = cost_of(&c);
    assert_memory_equal(&a, &b, sizeof a);
    assert_int_equal(a.stall_cycles, 0);
    assert_near(a.at[2][TD_W].moved, 1, 0);
}

/* A case gives the same cost when it is read back. */
static void cases_keep_it(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        td_rng r = td_rng_make(seed, 8, TD_RNG_TEST);
        td_case c, back;
        td_cost cost, again;
        td_error err = {0};
        random_case(8, seed, (random_limits){.max_macs = 2000, .reload = true}, &c);
        set_timing(&c, &r);
        if (td_cost_evaluate(&c.problem, &c.hw, &c.mapping, TD_COUNT_EXACT, &cost, NULL) != TD_OK)
            continue;
        td_arena *a = td_arena_create();
        td_text text = {0};
        const td_node *doc;
        td_node_to_json(td_case_to_node(&c, a), 0, &text);
        assert_ok(td_json_parse(a, text.data, strlen(text.data), "case", 1, &doc, &err), &err);
        assert_ok(td_case_from_node(doc, &back, &err), &err);
        again = cost_of(&back);
        assert_memory_equal(&cost, &again, sizeof cost);
        td_text_free(&text);
        td_arena_destroy(a);
    }
}

/* Timeloop's YAML has no words for any of it. */
static void timeloop_refuses(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        td_case c;
        td_node *out;
        td_error err = {0};
        small_case(&c);
        c.problem.acc_bits = 8;
        td_arena *a = td_arena_create();
        assert_ok(td_timeloop_to_node(&c, a, &out, &err), &err);
        c.hw.level[1].timing.start = i == 0;
        c.hw.level[1].reload = i == 1 ? TD_BIT(TD_I) : 0;
        assert_int_equal(td_timeloop_to_node(&c, a, &out, &err), TD_E_UNSUPPORTED);
        assert_non_null(strstr(err.message, i == 0 ? "level L1 takes time" : "level L1 brings in"));
        td_arena_destroy(a);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(passes_one_by_one),
                                       cmocka_unit_test(by_hand), cmocka_unit_test(zero_is_ideal),
                                       cmocka_unit_test(cases_keep_it),
                                       cmocka_unit_test(timeloop_refuses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

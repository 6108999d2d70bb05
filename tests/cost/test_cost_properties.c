/* What must hold for every mapping: invariances, bounds, capacities, threads. */
#include "common.h"

#include <math.h>

#include "random_case.h"

enum { CASES = 3000 };
static const random_limits limits = {.max_macs = 100000, .padding = true};

static td_case make(int i) {
    td_case c;
    random_case(4, (uint64_t)i, limits, &c);
    return c;
}

static td_cost cost_of(const td_case *c, td_counting counting) {
    td_cost cost;
    td_error err = {0};
    assert_ok(td_cost_evaluate(&c->problem, &c->hw, &c->mapping, counting, &cost, &err), &err);
    return cost;
}

static void same_words(const td_case *c, const td_access *a, const td_access *b) {
    if (a->reads != b->reads || a->fills != b->fills || a->updates != b->updates)
        fail_msg("%s: %.17g %.17g %.17g and %.17g %.17g %.17g", c->name, a->reads, a->fills,
                 a->updates, b->reads, b->fills, b->updates);
}

/* The MACs are those of the layer, whatever the mapping; the steps share them among the MAC units.
 */
static void test_macs(void **state) {
    (void)state;
    for (int i = 0; i < CASES; i++) {
        td_case c = make(i);
        td_cost x = cost_of(&c, TD_COUNT_EXACT), y = cost_of(&c, TD_COUNT_TIMELOOP);
        assert_true(x.macs == td_problem_macs(&c.problem) && y.macs == x.macs);
        assert_true(x.compute_cycles * x.mac_used == x.macs);
        assert_true(x.mac_pj == (double)x.macs * td_mac_pj(&c.hw.mac, &c.problem));
        assert_true(x.cycles >= x.compute_cycles && x.utilization > 0 && x.utilization <= 1);
        double sum = x.mac_pj;
        for (int l = 0; l < c.hw.n; l++) sum += x.level_pj[l];
        assert_true(sum == x.total_pj);
    }
}

static bool depends(int t, int d) {
    switch (t) {
    case TD_W: return d != TD_N && d != TD_P && d != TD_Q;
    case TD_O: return d != TD_C && d != TD_R && d != TD_S;
    default: return d != TD_K;
    }
}

/* Two neighbours in time that a tensor does not depend on can change places: its counts stay. */
static void test_swap_irrelevant(void **state) {
    (void)state;
    int swaps = 0;
    for (int i = 0; i < CASES; i++) {
        td_case c = make(i);
        td_cost x = cost_of(&c, TD_COUNT_EXACT);
        for (int l = 0; l < c.hw.n; l++)
            for (int k = c.mapping.first[l]; k + 1 < c.mapping.first[l + 1]; k++) {
                td_loop *a = &c.mapping.loop[k], *b = a + 1;
                if (a->axis != TD_AXIS_T || b->axis != TD_AXIS_T || a->dim == b->dim) continue;
                td_case d = c;
                d.mapping.loop[k] = *b;
                d.mapping.loop[k + 1] = *a;
                td_cost y = cost_of(&d, TD_COUNT_EXACT);
                for (int t = 0; t < TD_NTENSOR; t++) {
                    if (depends(t, a->dim) || depends(t, b->dim)) continue;
                    for (int j = 0; j < c.hw.n; j++) same_words(&c, &x.at[j][t], &y.at[j][t]);
                    swaps++;
                }
            }
    }
    assert_true(swaps > 500);
}

/* MACs hold nothing, so the order of the innermost keeper's own loops in time is free. */
static void test_innermost_order(void **state) {
    (void)state;
    for (int i = 0; i < CASES; i++) {
        td_case c = make(i);
        c.mapping.keep[0] = TD_ALL_TENSORS;
        td_cost x = cost_of(&c, TD_COUNT_EXACT);
        int n = 0;
        while (n < c.mapping.first[1] && c.mapping.loop[n].axis == TD_AXIS_T) n++;
        for (int k = 0; k < n / 2; k++) {
            td_loop o = c.mapping.loop[k];
            c.mapping.loop[k] = c.mapping.loop[n - 1 - k];
            c.mapping.loop[n - 1 - k] = o;
        }
        td_cost y = cost_of(&c, TD_COUNT_EXACT);
        for (int l = 0; l < c.hw.n; l++)
            for (int t = 0; t < TD_NTENSOR; t++) same_words(&c, &x.at[l][t], &y.at[l][t]);
        assert_true(x.cycles == y.cycles && x.total_pj == y.total_pj);
    }
}

/* A loop split into two neighbours of the same dim is the same loop; loops of bound 1 are none. */
static void test_split_and_empty(void **state) {
    (void)state;
    int splits = 0;
    for (int i = 0; i < CASES; i++) {
        td_case c = make(i), d = c;
        d.mapping.n = 0;
        for (int l = 0; l < c.hw.n; l++) {
            d.mapping.first[l] = d.mapping.n;
            for (int k = c.mapping.first[l]; k < c.mapping.first[l + 1]; k++) {
                td_loop o = c.mapping.loop[k];
                td_loop *last =
                    d.mapping.n > d.mapping.first[l] ? &d.mapping.loop[d.mapping.n - 1] : NULL;
                if (last != NULL && last->dim == o.dim && last->axis == o.axis && last->bound > 1 &&
                    o.bound > 1) {
                    last->bound *= o.bound;
                    last->tail = last->bound;
                    splits++;
                } else if (o.bound > 1) {
                    d.mapping.loop[d.mapping.n++] = o;
                }
            }
        }
        d.mapping.first[c.hw.n] = d.mapping.n;
        td_cost x = cost_of(&c, TD_COUNT_EXACT), y = cost_of(&d, TD_COUNT_EXACT);
        assert_memory_equal(&x, &y, sizeof x);
    }
    assert_true(splits > 200);
}

/* Sharing never costs more; padding never costs more; bypassing a level frees it of accesses. */
static void test_orders(void **state) {
    (void)state;
    for (int i = 0; i < CASES; i++) {
        td_case c = make(i), d = c, e = c;
        for (int l = 0; l < c.hw.n; l++) {
            d.hw.level[l].multicast = TD_ALL_TENSORS;
            d.hw.level[l].reduce = TD_BIT(TD_O);
        }
        memset(e.problem.pad, 0, sizeof e.problem.pad);
        td_cost x = cost_of(&c, TD_COUNT_EXACT), y = cost_of(&d, TD_COUNT_EXACT),
                z = cost_of(&e, TD_COUNT_EXACT);
        for (int l = 0; l < c.hw.n; l++)
            for (int t = 0; t < TD_NTENSOR; t++) {
                const td_access *a = &x.at[l][t];
                assert_true(y.at[l][t].reads <= a->reads + 1e-9);
                assert_true(y.at[l][t].updates <= a->updates);
                assert_true(a->reads <= z.at[l][t].reads + 1e-9);
                assert_true(a->fills <= z.at[l][t].fills + 1e-9);
                assert_true(a->reads >= 0 && a->fills >= 0 && a->updates >= 0);
                if (!(c.mapping.keep[l] & TD_BIT(t)))
                    assert_true(a->reads == 0 && a->fills == 0 && a->updates == 0 &&
                                a->energy_pj == 0 && a->tile_words == 0);
            }
    }
}

/* Each tensor's words cross the outermost boundary at least once; the roofline is below. */
static void test_roofline(void **state) {
    (void)state;
    for (int i = 0; i < CASES; i++) {
        td_case c;
        random_limits some = limits;
        some.imperfect = some.large = i % 4 == 3;
        random_case(4, (uint64_t)i, some, &c);
        td_level *top = &c.hw.level[c.hw.n - 1];
        c.mapping.keep[c.hw.n - 1] = TD_ALL_TENSORS;
        top->read_bw = 3;
        top->write_bw = i % 2 ? 2 : INFINITY;
        top->shared_bw = i % 3 ? 4 : INFINITY;
        td_cost x = cost_of(&c, TD_COUNT_EXACT);
        const td_access *a = x.at[c.hw.n - 1];
        assert_true(a[TD_W].reads >= (double)td_problem_words(&c.problem, TD_W));
        assert_true(a[TD_O].updates >= (double)td_problem_words(&c.problem, TD_O));
        double roof = td_roofline_cycles(&c.problem, &c.hw);
        if (!(roof <= (double)x.cycles * (1 + 1e-12)))
            fail_msg("%s: roofline %.17g, cycles %lld", c.name, roof, (long long)x.cycles);
        assert_true(roof >= (double)x.macs / c.hw.mac.instances);
    }
}

/* One tile for the whole layer: nothing is fetched twice, and the roofline is met if DRAM limits
 * and no column is skipped. */
static void test_roofline_is_tight(void **state) {
    (void)state;
    td_case c;
    random_case(5, 1, (random_limits){.max_macs = 1000}, &c);
    td_problem *p = &c.problem;
    *p = (td_problem){.dim = {1, 4, 4, 6, 6, 3, 3, 1},
                      .stride = {1, 1},
                      .dilation = {1, 1},
                      .pad = {1, 1, 1, 1},
                      .bits = {8, 8, 8},
                      .acc_bits = 32};
    c.hw.n = 2;
    for (int l = 0; l < 2; l++) {
        c.hw.level[l].instances = c.hw.level[l].mesh_x = 1;
        c.hw.level[l].read_bw = c.hw.level[l].write_bw = c.hw.level[l].shared_bw = INFINITY;
        c.mapping.keep[l] = TD_ALL_TENSORS;
    }
    c.hw.mac.instances = c.hw.mac.mesh_x = 1;
    c.hw.level[1].read_bw = 0.0625;
    c.mapping.n = 0;
    c.mapping.first[0] = 0;
    for (int d = 0; d < TD_NDIM; d++)
        c.mapping.loop[c.mapping.n++] = (td_loop){(uint8_t)d, TD_AXIS_T, p->dim[d], p->dim[d]};
    c.mapping.first[1] = c.mapping.first[2] = c.mapping.n;
    td_cost x = cost_of(&c, TD_COUNT_EXACT);
    /* W 4*4*9 = 144 words, I 4 * 6 * 6 = 144: (144 + 144) * 8 bits at 1/16 bit a cycle. */
    assert_true((double)x.cycles == 288 * 8 * 16);
    assert_true(td_roofline_cycles(p, &c.hw) == 288 * 8 * 16);
}

/* With exactly the bits that the tiles need a mapping passes; with fewer it does not, and adding
 * what is said to be missing helps. */
static void test_capacities(void **state) {
    (void)state;
    int refused = 0;
    for (int i = 0; i < CASES; i++) {
        td_case c = make(i);
        td_cost x = cost_of(&c, TD_COUNT_EXACT), y;
        const int l = i % c.hw.n;
        double bits = 0;
        for (int t = 0; t < TD_NTENSOR; t++)
            bits += x.at[l][t].tile_words * td_word_bits(&c.problem, &c.mapping, l, (td_tensor)t);
        if (bits == 0) continue;
        td_level *v = &c.hw.level[l];
        v->buffering = 1 + i % 3 * 0.5;
        v->capacity_bits = (int64_t)ceil(bits * v->buffering);
        (void)cost_of(&c, TD_COUNT_EXACT);
        v->capacity_bits -= 1 + i % 7;
        if (v->capacity_bits < 0) continue;
        int64_t missing = 0;
        td_error err = {0};
        assert_int_equal(td_cost_evaluate(&c.problem, &c.hw, &c.mapping, TD_COUNT_EXACT, &y, NULL),
                         TD_E_INFEASIBLE);
        assert_int_equal(td_mapping_check(&c.problem, &c.hw, &c.mapping, &missing, &err),
                         TD_E_INFEASIBLE);
        assert_non_null(strstr(err.message, v->name));
        assert_true(missing > 0);
        v->capacity_bits += missing - 1;
        assert_int_equal(td_mapping_check(&c.problem, &c.hw, &c.mapping, &missing, NULL),
                         TD_E_INFEASIBLE);
        v->capacity_bits += 1;
        assert_int_equal(td_mapping_check(&c.problem, &c.hw, &c.mapping, &missing, NULL), TD_OK);
        refused++;
    }
    assert_true(refused > CASES / 2);
}

/* A loop that never comes to its second iteration (bound 2, last pass 1, nothing outside) changes
 * no count, but makes the mapping imperfect: two independent ways of counting must agree. */
static void test_idle_loop(void **state) {
    (void)state;
    static const uint8_t dims[] = {TD_N, TD_K, TD_P, TD_Q, TD_G};
    for (int i = 0; i < CASES; i++) {
        td_case c = make(i), d = c;
        td_mapping *m = &d.mapping;
        const int at = m->first[c.hw.n - 1];
        memmove(&m->loop[at + 1], &m->loop[at], (size_t)(m->n - at) * sizeof m->loop[0]);
        m->loop[at] = (td_loop){dims[i % 5], TD_AXIS_T, 2, 1};
        m->first[c.hw.n] = ++m->n;
        for (int k = 0; k < 2; k++) {
            td_cost x = cost_of(&c, (td_counting)k), y = cost_of(&d, (td_counting)k);
            assert_true(x.macs == y.macs && x.mac_used == y.mac_used);
            assert_true(y.compute_cycles == x.compute_cycles * (k == TD_COUNT_EXACT ? 1 : 2));
            for (int l = 0; l < c.hw.n; l++) {
                assert_true(x.used[l] == y.used[l]);
                for (int t = 0; t < TD_NTENSOR; t++) {
                    const td_access *a = &x.at[l][t], *b = &y.at[l][t];
                    const double u[] = {a->tile_words, a->partition_words, a->reads, a->fills,
                                        a->updates};
                    const double v[] = {b->tile_words, b->partition_words, b->reads, b->fills,
                                        b->updates};
                    for (int f = 0; f < 5; f++)
                        if (fabs(u[f] - v[f]) > 1e-9 * (1 + fabs(u[f])))
                            fail_msg("%s, counting %d, level %d, %c, figure %d: %.17g and %.17g",
                                     c.name, k, l, td_tensor_letter[t], f, u[f], v[f]);
                }
            }
        }
    }
}

/* Loops that never advance, with whole passes that reach further than any layer: one MAC. */
static void test_idle_steps(void **state) {
    (void)state;
    td_case c = make(0);
    td_mapping *m = &c.mapping;
    for (int d = 0; d < TD_NDIM; d++) c.problem.dim[d] = 1;
    c.problem.stride[0] = c.problem.dilation[0] = 3;
    memset(c.problem.pad, 0, sizeof c.problem.pad);
    m->n = 0;
    for (int l = 0; l < c.hw.n; l++) {
        for (int k = 0; k < (l < 2 ? 7 : 0); k++) {
            m->loop[m->n++] = (td_loop){TD_P, TD_AXIS_T, 4, 1};
            m->loop[m->n++] = (td_loop){TD_R, TD_AXIS_T, 4, 1};
        }
        m->first[l + 1] = m->n;
        m->keep[l] = TD_ALL_TENSORS;
    }
    for (int k = 0; k < 2; k++) {
        td_cost x = cost_of(&c, (td_counting)k);
        assert_int_equal(x.macs, 1);
        for (int l = 0; l < c.hw.n; l++)
            assert_true(x.at[l][TD_I].reads == 1 && x.at[l][TD_I].tile_words == 1);
    }
    m->loop[0].tail = 2; /* six loops over P stand inside of it: 1 + 4^6 rows */
    td_error err = {0};
    assert_int_equal(td_mapping_check(&c.problem, &c.hw, m, NULL, &err), TD_E_INPUT);
    assert_non_null(strstr(err.message, "make 4097, expected 1"));
}

/* Every kind of wrong mapping has its status and a message that names the place; the cost is left
 * alone. */
static void test_faults(void **state) {
    (void)state;
    td_case good;
    for (int i = 0;; i++) { /* one with a spatial loop at an inner level and enough loops */
        good = make(i);
        const td_mapping *m = &good.mapping;
        if (m->first[1] >= 3 && m->loop[0].axis == TD_AXIS_T && m->loop[1].axis == TD_AXIS_T &&
            m->loop[m->first[1] - 1].axis == TD_AXIS_X && m->loop[0].bound > 1 &&
            m->loop[m->first[1] - 1].bound > 1 && good.hw.n > 2)
            break;
    }
    const int x = good.mapping.first[1] - 1;
    for (int k = 0; k < 17; k++) {
        td_case c = good;
        td_status want = TD_E_INPUT;
        const char *word = "";
        td_loop *first = &c.mapping.loop[0];
        switch (k) {
        case 0: first->bound = first->tail = 0, word = "bound"; break;
        case 1: first->tail = 0, word = "last pass"; break;
        case 2: first->tail = first->bound - 1, word = "last passes make"; break;
        case 3: first->dim = TD_NDIM, word = "no dim"; break;
        case 4: first->axis = TD_AXIS_Y, word = "before"; break;
        case 5: first->bound = first->tail = 97, word = "multiply to"; break;
        case 6: c.problem.dim[first->dim] *= 2, word = "multiply to"; break;
        case 7: c.mapping.keep[1] = 8, word = "keep mask"; break;
        case 8:
            for (int l = 0; l < c.hw.n; l++) c.mapping.keep[l] &= (uint8_t)~TD_BIT(TD_W);
            word = "no level keeps W";
            break;
        case 9:
            c.hw.level[1].may_keep = TD_BIT(TD_I);
            c.mapping.keep[1] = TD_BIT(TD_W);
            word = "cannot keep W";
            break;
        case 10:
            c.hw.level[1].must_keep = TD_BIT(TD_O);
            c.mapping.keep[1] = 0;
            word = "must keep O";
            break;
        case 11:
            c.hw.rules.allowed[0][TD_AXIS_T] = (uint8_t)~TD_BIT(first->dim);
            word = "cannot step";
            break;
        case 12:
            c.hw.rules.allowed[0][TD_AXIS_X] = (uint8_t)~TD_BIT(c.mapping.loop[x].dim);
            word = "cannot spread";
            break;
        case 13:
            c.hw.mac.mesh_x = c.hw.level[0].mesh_x;
            want = TD_E_INFEASIBLE;
            word = "along X";
            break;
        case 14: c.mapping.first[1] = 200, word = "do not split"; break;
        case 15: c.problem.stride[0] = 0, word = "stride"; break;
        default:
            c.problem.dim[TD_N] = c.problem.dim[TD_K] = c.problem.dim[TD_C] = INT32_MAX;
            word = "2^62";
        }
        td_cost cost;
        memset(&cost, 0x5a, sizeof cost);
        td_cost before = cost;
        td_error err = {0};
        td_status s = td_cost_evaluate(&c.problem, &c.hw, &c.mapping, TD_COUNT_EXACT, &cost, &err);
        if (s != want || strstr(err.message, word) == NULL)
            fail_msg("fault %d: %s, \"%s\"", k, td_status_name(s), err.message);
        assert_int_equal(
            td_cost_evaluate(&c.problem, &c.hw, &c.mapping, TD_COUNT_TIMELOOP, &cost, NULL), want);
        assert_memory_equal(&cost, &before, sizeof cost);
    }
}

typedef struct {
    const td_case *c;
    td_cost cost[64];
} shared;

static void evaluate_one(void *self, int i) {
    shared *s = self;
    (void)td_cost_evaluate(&s->c->problem, &s->c->hw, &s->c->mapping, (td_counting)(i % 2),
                           &s->cost[i], NULL);
}

static void test_threads(void **state) {
    (void)state;
    static shared s;
    for (int i = 0; i < 20; i++) {
        td_case c = make(i);
        s.c = &c;
        assert_int_equal(td_parallel_for(4, 64, evaluate_one, &s), TD_OK);
        for (int k = 2; k < 64; k++)
            assert_memory_equal(&s.cost[k], &s.cost[k % 2], sizeof s.cost[0]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_macs),
        cmocka_unit_test(test_swap_irrelevant),
        cmocka_unit_test(test_innermost_order),
        cmocka_unit_test(test_split_and_empty),
        cmocka_unit_test(test_orders),
        cmocka_unit_test(test_roofline),
        cmocka_unit_test(test_roofline_is_tight),
        cmocka_unit_test(test_capacities),
        cmocka_unit_test(test_idle_loop),
        cmocka_unit_test(test_idle_steps),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What holds of every answer of the mapper: it is a mapping by rules that are read here a second
 * time, its cost is the evaluator's, its bound is below; equal questions have equal answers, also
 * from a cache that threads share; more memory is never worse. */
#include "common.h"
#include "map_brute.h"
#include "schedule_random.h"

/* Rules, query and layer, from the loops alone. */
static void is_mapping(const td_problem *asked, const td_hw *hw, const td_map_query *q,
                       const td_map_result *r) {
    int32_t all[TD_NDIM];
    for (int d = 0; d < TD_NDIM; d++) all[d] = 1;
    const td_mapping *m = &r->mapping;
    assert_int_equal(m->first[0], 0);
    assert_int_equal(m->first[hw->n], m->n);
    for (int l = 0; l < hw->n; l++) {
        int32_t used[TD_NAXIS] = {1, 1, 1};
        unsigned dims[TD_NAXIS] = {0};
        for (int i = m->first[l]; i < m->first[l + 1]; i++) {
            const td_loop *o = &m->loop[i];
            assert_true(o->dim < TD_NDIM && o->axis < TD_NAXIS && o->bound >= 1);
            assert_int_equal(o->tail, o->bound);
            assert_true(hw->rules.allowed[l][o->axis] & TD_BIT(o->dim));
            used[o->axis] *= o->bound;
            dims[o->axis] |= TD_BIT(o->dim);
            all[o->dim] *= o->bound;
        }
        for (int axis = TD_AXIS_X; axis <= TD_AXIS_Y; axis++) {
            assert_true(used[axis] <= td_hw_fanout(hw, l, axis));
            if (hw->rules.single[l][axis]) assert_true((dims[axis] & (dims[axis] - 1)) == 0);
        }
        for (int t = 0; t < TD_NTENSOR; t++) {
            bool kept = m->keep[l] & TD_BIT(t);
            if (kept) assert_true((hw->level[l].may_keep & TD_BIT(t)) && q->top[t] >= l);
            if (hw->level[l].must_keep & TD_BIT(t)) assert_true(kept);
            if (q->top[t] == l) assert_true(kept);
            if (q->keep[l] >= 0 && q->top[t] >= l)
                assert_true(kept == ((q->keep[l] & (int)TD_BIT(t)) != 0));
        }
    }
    for (int d = 0; d < TD_NDIM; d++) {
        assert_int_equal(all[d], r->problem.dim[d]);
        assert_true(all[d] == asked->dim[d] || (hw->rules.pad && all[d] > asked->dim[d]));
    }
    for (int i = 0; i < 2; i++) { /* padding adds made zeros: the image is the same */
        int64_t rows[2];
        const td_problem *of[2] = {asked, &r->problem};
        for (int k = 0; k < 2; k++)
            rows[k] = (int64_t)(of[k]->dim[TD_P + i] - 1) * of[k]->stride[i] +
                      (int64_t)(of[k]->dim[TD_R + i] - 1) * of[k]->dilation[i] + 1 - of[k]->pad[i] -
                      of[k]->pad[2 + i];
        assert_true(rows[0] == rows[1]);
    }
}

static void same_cost(const td_cost *a, const td_cost *b) {
    assert_true(a->macs == b->macs && a->compute_cycles == b->compute_cycles);
    assert_true(a->cycles == b->cycles && a->total_pj == b->total_pj && a->mac_pj == b->mac_pj);
    assert_memory_equal(a->level_pj, b->level_pj, sizeof a->level_pj);
    assert_memory_equal(a->level_cycles, b->level_cycles, sizeof a->level_cycles);
    assert_memory_equal(a->at, b->at, sizeof a->at);
    assert_int_equal(a->limit, b->limit);
}

/* Every second case is a layer of random size on a design of the micro template. */
static void draw(uint64_t seed, map_case *k) {
    td_rng r = td_rng_make(seed, 9, TD_RNG_TEST);
    random_case(&r, 24, seed % 3 == 0, k);
    if (seed % 2 == 0) {
        td_edge e;
        random_micro(&r, &e, &k->hw);
        td_map_query_default(&k->query, &k->hw);
        k->query.objective = (td_map_objective)(seed / 2 % TD_NOBJ);
        k->problem.dim[TD_K] *= 4;
    }
    k->query.max_nodes = seed % 5 == 0 ? 0 : 400;
    k->query.effort = (td_map_effort)(seed % 11 % TD_NEFFORT);
    bool resident = false; /* Timeloop's counting accepts what the map space leaves out */
    for (int t = 0; t < TD_NTENSOR; t++) resident |= k->query.top[t] < k->hw.n - 1;
    if (seed % 7 == 0 && !resident) k->query.counting = TD_COUNT_TIMELOOP;
}

static void is_what_it_says(void **state) {
    (void)state;
    int feasible = 0, proved = 0;
    const int cases = random_cases(600);
    for (uint64_t seed = 0; seed < (uint64_t)cases; seed++) {
        map_case k;
        td_map_result r;
        td_error err = {0};
        int64_t missing = -1;
        draw(seed, &k);
        assert_ok(td_hw_check(&k.hw, &err), &err);
        td_status s = td_map_best(&k.problem, &k.hw, &k.query, &r, &missing, &err);
        if (s == TD_E_INFEASIBLE) {
            assert_true(err.message[0] != '\0' && missing >= 0);
            continue;
        }
        assert_ok(s, &err);
        feasible++;
        proved += r.stop == TD_STOP_PROVED;
        assert_int_equal(missing, 0);
        is_mapping(&k.problem, &k.hw, &k.query, &r);
        assert_ok(td_mapping_check(&r.problem, &k.hw, &r.mapping, NULL, &err), &err);
        td_cost c;
        assert_ok(td_cost_evaluate(&r.problem, &k.hw, &r.mapping, k.query.counting, &c, &err),
                  &err);
        same_cost(&r.cost, &c);
        assert_true(r.objective == objective_of(&k.query, &c));
        assert_true(r.bound > 0 && r.bound <= r.objective);
        if (r.stop == TD_STOP_PROVED) assert_true(r.bound >= r.objective * (1 - 1e-9));
        if (k.query.max_nodes == 400 && r.stop == TD_STOP_NODES) assert_true(r.nodes < 2000);
    }
    printf("%d mappings, %d proved\n", feasible, proved);
    assert_true(feasible >= cases * 2 / 3);
}

/* ---- determinism ----------------------------------------------------------------------------- */

typedef struct {
    td_status status;
    td_map_result r;
    int64_t missing;
    td_error err;
} answer;

static void same_answer(const answer *a, const answer *b) {
    assert_int_equal(a->status, b->status);
    assert_true(a->missing == b->missing);
    if (a->status != TD_OK) {
        assert_string_equal(a->err.message, b->err.message);
        return;
    }
    assert_memory_equal(a->r.problem.dim, b->r.problem.dim, sizeof a->r.problem.dim);
    assert_memory_equal(a->r.problem.pad, b->r.problem.pad, sizeof a->r.problem.pad);
    const td_mapping *x = &a->r.mapping, *y = &b->r.mapping;
    assert_int_equal(x->n, y->n);
    for (int i = 0; i < x->n; i++)
        assert_true(x->loop[i].dim == y->loop[i].dim && x->loop[i].axis == y->loop[i].axis &&
                    x->loop[i].bound == y->loop[i].bound);
    assert_memory_equal(x->first, y->first, sizeof x->first);
    assert_memory_equal(x->keep, y->keep, sizeof x->keep);
    same_cost(&a->r.cost, &b->r.cost);
    assert_true(a->r.objective == b->r.objective && a->r.bound == b->r.bound);
    assert_true(a->r.nodes == b->r.nodes && a->r.stop == b->r.stop);
}

enum { CASES = 80, ASKED = 4, THREADS = 4 };

typedef struct {
    map_case *k;
    td_map_cache *cache;
    answer *of; /* [ASKED][CASES] */
} crowd;

/* Each question several times, in another order each time. */
static void one_of_crowd(void *self, int i) {
    crowd *c = self;
    int turn = i / CASES, j = (i % CASES * (2 * turn + 1) + 11 * turn) % CASES;
    if (turn == 2) j = CASES - 1 - i % CASES; /* 5 would not reach all */
    answer *a = &c->of[turn * CASES + j];
    const map_case *k = &c->k[j];
    a->status =
        td_map_cached(c->cache, &k->problem, &k->hw, &k->query, &a->r, &a->missing, &a->err);
}

static void same_for_all(void **state) {
    (void)state;
    map_case *k = calloc(CASES, sizeof *k);
    answer *fresh = calloc(CASES, sizeof *fresh), *of = calloc(ASKED * CASES, sizeof *of);
    assert_true(k != NULL && fresh != NULL && of != NULL);
    for (int i = 0; i < CASES; i++) {
        answer *a = &fresh[i];
        draw((uint64_t)i, &k[i]);
        a->status = td_map_best(&k[i].problem, &k[i].hw, &k[i].query, &a->r, &a->missing, &a->err);
    }
    const size_t entries[] = {0, 40}; /* 40: answers are dropped and made again */
    for (int v = 0; v < 4; v++) {
        crowd c = {.k = k, .cache = td_map_cache_create(entries[v / 2]), .of = of};
        memset(of, 0, sizeof *of * ASKED * CASES);
        assert_int_equal(td_parallel_for(v % 2 ? 1 : THREADS, ASKED * CASES, one_of_crowd, &c),
                         TD_OK);
        for (int i = 0; i < ASKED * CASES; i++) same_answer(&fresh[i % CASES], &of[i]);
        uint64_t hits, misses;
        td_map_cache_stats(c.cache, &hits, &misses);
        assert_true(hits + misses == ASKED * CASES && misses >= CASES && hits > 0);
        if (v == 1) assert_true(misses == CASES);
        td_map_cache_destroy(c.cache);
    }
    free(k);
    free(fresh);
    free(of);
}

/* ---- more of something ------------------------------------------------------------------------
 */

/* Proved optima do not get worse when one level grows or gets faster, and no bound is above what
 * less attained. With nodes to spare, layers without halo are proved but for the rounding to
 * blocks, which bounds do not know: none of it here. */
static void more_is_not_worse(void **state) {
    (void)state;
    int pairs = 0, proved = 0, better = 0;
    const int cases = random_cases(400);
    for (uint64_t seed = 0; seed < (uint64_t)cases; seed++) {
        td_rng r = td_rng_make(seed, 10, TD_RNG_TEST);
        map_case k;
        random_case(&r, 5, seed % 4 == 0, &k);
        k.query.max_nodes = 1000000;
        k.query.mode = TD_MAP_EXACT;
        if (k.problem.acc_bits < 8) k.problem.acc_bits = 8;
        for (int l = 0; l < k.hw.n; l++) k.hw.level[l].block_bits = 8;
        td_map_result small, large;
        td_error err = {0};
        if (td_map_best(&k.problem, &k.hw, &k.query, &small, NULL, &err) != TD_OK) continue;
        int l = (int)td_rng_below(&r, (uint64_t)(k.hw.n - 1));
        td_level *v = &k.hw.level[l];
        double *bw[3] = {&v->read_bw, &v->write_bw, &v->shared_bw};
        if (seed % 2 == 0)
            v->capacity_bits += 1 + (int64_t)td_rng_below(&r, (uint64_t)v->capacity_bits * 3);
        else
            *bw[td_rng_below(&r, 3)] *= 1 + 3 * td_rng_uniform(&r);
        assert_ok(td_map_best(&k.problem, &k.hw, &k.query, &large, NULL, &err), &err);
        pairs++;
        if (large.bound > small.objective * (1 + 1e-9))
            fail_msg("seed %d: bound %.17g, with less %.17g", (int)seed, large.bound,
                     small.objective);
        bool plain = k.problem.dim[TD_R] == 1 && k.problem.dim[TD_S] == 1 &&
                     k.problem.stride[0] == 1 && k.problem.pad[0] + k.problem.pad[2] == 0;
        if (plain && (small.stop != TD_STOP_PROVED || large.stop != TD_STOP_PROVED))
            fail_msg("seed %d: %s, %s", (int)seed, td_stop_name(small.stop),
                     td_stop_name(large.stop));
        if (large.stop != TD_STOP_PROVED) continue;
        proved++;
        better += large.objective < small.objective * (1 - 1e-9);
        if (large.objective > small.objective * (1 + 1e-9))
            fail_msg("seed %d: %.17g, with less %.17g", (int)seed, large.objective,
                     small.objective);
    }
    printf("%d pairs, %d proved, %d of them better with more memory or bandwidth\n", pairs, proved,
           better);
    assert_true(pairs >= cases * 5 / 8 && proved >= pairs / 2 && better >= cases * 3 / 80);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_what_it_says),
        cmocka_unit_test(same_for_all),
        cmocka_unit_test(more_is_not_worse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The mapper against Timeloop's: 86 layers on two accelerators, in Timeloop's counting, with its
 * keeps and its rule that a dim stands along one axis. Skipped when the reference is not there. */
#include "common.h"

#include "../../bench/mapper_baseline.h"

typedef struct {
    td_arena *arena;
    baseline_layer *layer;
    double *edp;
    int n;
} answers;

/* Never worse than the best that Timeloop's mapper found with any algorithm in any budget, up to a
 * minute each. Costs are checked against the evaluator. */
static void test_never_worse(void **state) {
    answers *x = *state;
    if (x->n == 0) skip();
    assert_int_equal(x->n, 86);
    int worse = 0;
    for (int i = 0; i < x->n; i++) {
        const baseline_layer *b = &x->layer[i];
        td_error err = {0};
        td_map_query q;
        td_map_result r;
        td_cost cost;
        baseline_query(&b->c, &q);
        assert_ok(td_map_best(&b->c.problem, &b->c.hw, &q, &r, NULL, &err), &err);
        assert_ok(td_cost_evaluate(&b->c.problem, &b->c.hw, &r.mapping, q.counting, &cost, &err),
                  &err);
        assert_memory_equal(&r.problem, &b->c.problem, sizeof r.problem);
        assert_memory_equal(&cost, &r.cost, sizeof cost);
        assert_true(r.objective == cost.total_pj * (double)cost.cycles);
        assert_true(r.bound <= r.objective);
        for (int l = 0; l < b->c.hw.n; l++)
            if (b->c.fixed & TD_BIT(l)) assert_int_equal(r.mapping.keep[l], b->c.fixed_keep[l]);
        for (int k = 0; k < r.mapping.n; k++) /* one axis */
            for (int j = 0; j < k; j++) {
                const td_loop *o = &r.mapping.loop[k], *other = &r.mapping.loop[j];
                bool level = true;
                for (int l = 0; l <= b->c.hw.n; l++)
                    if (r.mapping.first[l] > j && r.mapping.first[l] <= k) level = false;
                if (level && o->dim == other->dim && o->bound > 1 && other->bound > 1)
                    assert_true(o->axis == other->axis || o->axis == TD_AXIS_T ||
                                other->axis == TD_AXIS_T);
            }
        x->edp[i] = r.objective;
        if (r.objective <= b->best * (1 + 1e-9)) continue;
        print_message("%s %s %s: %.4g, Timeloop has %.4g\n", b->arch, b->net, b->layer, r.objective,
                      b->best);
        worse++;
    }
    if (worse > 0) fail_msg("%d of %d layers are worse", worse, x->n);
}

/* How much better it is than Timeloop's ten seconds. */
static void test_means(void **state) {
    const answers *x = *state;
    if (x->n == 0) skip();
    static const struct {
        const char *arch;
        double most;
    } aims[] = {{"eyeriss168", 0.56}, {"simple16x16", 0.45}};
    double ratio[128], worst, mean[2];
    for (int k = 0; k < 2; k++) {
        int n = 0;
        for (int i = 0; i < x->n; i++)
            if (strcmp(x->layer[i].arch, aims[k].arch) == 0)
                ratio[n++] = x->edp[i] / x->layer[i].at_10_s;
        assert_int_equal(n, 43);
        mean[k] = baseline_mean(ratio, n, &worst);
        print_message("%s: %.4f of Timeloop's 10 s, at worst %.4f\n", aims[k].arch, mean[k], worst);
    }
    for (int k = 0; k < 2; k++)
        if (!(mean[k] <= aims[k].most))
            fail_msg("%s: mean ratio %.4f, expected at most %.2f", aims[k].arch, mean[k],
                     aims[k].most);
}

static int load(void **state) {
    static answers x;
    td_error err = {0};
    const char *path = shared_path("reference/timeloop/mapper_baseline.json");
    *state = &x;
    x.arena = td_arena_create();
    if (path == NULL) return 0;
    if (baseline_load(path, x.arena, &x.layer, &x.n, &err) != TD_OK || x.n > 128) {
        print_error("%s\n", err.message);
        return -1;
    }
    x.edp = TD_NEW(x.arena, double, x.n);
    return x.edp != NULL ? 0 : -1;
}

static int unload(void **state) {
    td_arena_destroy(((answers *)*state)->arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never_worse),
        cmocka_unit_test(test_means),
    };
    return cmocka_run_group_tests(tests, load, unload);
}

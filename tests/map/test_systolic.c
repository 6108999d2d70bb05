/* The shipped systolic arrays at other sizes: what the mapper finds takes the folds that there must
 * be, each as long as its array takes; and schedules and timelines of networks on them hold, with
 * matrix products and bandwidths that limit. */
#include "common.h"

#include "tandem/map.h"

static const char *const FLOW[] = {"systolic-ws", "systolic-os", "systolic-is"};
enum { WS, OS, IS };

static td_hw array(int flow, int rows, int columns) {
    td_hw hw;
    td_error err = {0};
    assert_ok(td_hw_load(FLOW[flow], &hw, &err), &err);
    hw.mac.instances = hw.level[0].instances = rows * columns;
    hw.mac.mesh_x = hw.level[0].mesh_x = columns;
    if (flow != OS) hw.level[1].instances = hw.level[1].mesh_x = columns;
    assert_ok(td_hw_check(&hw, &err), &err);
    return hw;
}

static int32_t pick(td_rng *r, const int32_t *v, int n) {
    return v[td_rng_below(r, (uint64_t)n)];
}
#define PICK(r, ...)                                                                               \
    pick((r), (const int32_t[]){__VA_ARGS__}, (int)(sizeof((int32_t[]){__VA_ARGS__}) / 4))

static int64_t folds_of(int64_t extent, int side) {
    return (extent + side - 1) / side;
}

/* Rows x columns of a fold and what streams by, per group. SCALE-Sim's own rule; see
 * tests/cost/test_skew.c for arrays that are stepped through, tests/reference/test_scalesim.c for
 * its figures. */
static int64_t expected(int flow, int rows, int columns, const td_problem *p) {
    const int32_t *d = p->dim;
    int64_t m = (int64_t)d[TD_N] * d[TD_P] * d[TD_Q], k = (int64_t)d[TD_C] * d[TD_R] * d[TD_S];
    int64_t n = d[TD_K], along_y = flow == OS ? m : k, along_x = flow == IS ? m : n;
    int64_t stream = flow == WS ? m : flow == OS ? k : n;
    int64_t once = stream + (flow == OS ? 0 : rows) + rows - 1 + columns - 1;
    return d[TD_G] * folds_of(along_y, rows) * folds_of(along_x, columns) * once;
}

static void other_sizes(void **state) {
    (void)state;
    int proved = 0, tight = 0;
    const int cases = random_cases(400);
    for (uint64_t seed = 0; seed < (uint64_t)cases; seed++) {
        td_rng r = td_rng_make(seed, 31, TD_RNG_TEST);
        int rows = PICK(&r, 1, 2, 3, 5, 7, 12, 13, 16, 24, 48, 64, 100, 128, 256);
        int columns = PICK(&r, 1, 2, 3, 5, 7, 14, 16, 20, 32, 64, 96, 128, 256, 257);
        int flow = (int)(seed % 3);
        td_problem p = {.stride = {1, 1}, .dilation = {1, 1}, .bits = {8, 8, 8}, .acc_bits = 32};
        p.dim[TD_N] = PICK(&r, 1, 1, 1, 4);
        p.dim[TD_K] = PICK(&r, 1, 8, 13, 64, 100, 257, 1000);
        p.dim[TD_C] = PICK(&r, 1, 3, 16, 24, 37, 64, 113, 256);
        p.dim[TD_P] = PICK(&r, 1, 3, 7, 14, 29, 56, 111);
        p.dim[TD_Q] = PICK(&r, 1, 7, 14, 31, 112);
        p.dim[TD_R] = PICK(&r, 1, 1, 3, 5);
        p.dim[TD_S] = PICK(&r, 1, 1, 3, 7);
        p.dim[TD_G] = PICK(&r, 1, 1, 1, 6);
        for (int i = 0; i < 2; i++) p.stride[i] = PICK(&r, 1, 1, 2);
        td_hw hw = array(flow, rows, columns);
        td_map_query q;
        td_map_result out;
        td_error err = {0};
        td_map_query_default(&q, &hw);
        q.objective = TD_OBJ_LATENCY;
        assert_ok(td_map_best(&p, &hw, &q, &out, NULL, &err), &err);
        int64_t want = expected(flow, rows, columns, &p);
        if (out.cost.compute_cycles != want || out.cost.cycles != want)
            fail_msg("seed %d: %lld cycles on %s of %d x %d, expected %lld", (int)seed,
                     (long long)out.cost.compute_cycles, FLOW[flow], rows, columns,
                     (long long)want);
        assert_true(out.bound <= (double)want);
        proved += out.stop == TD_STOP_PROVED;
        tight += out.bound > 0.9 * (double)want;
    }
    printf("%d of %d proved, %d bounds within 10 %%\n", proved, cases, tight);
    assert_true(tight > cases / 2);
}

/* Residuals, strides, a depthwise layer: products whose matrices are larger than their images, or
 * smaller (stride 2 and one tap). */
static td_net *small_net(void) {
    td_net *net = td_net_create("small", TD_DIM(3, 32, 32));
    int x = td_net_conv(net, 0, 16, 3, 2, 1, 1);
    int y = td_net_conv(net, x, 32, 1, 1, 1, 1);
    y = td_net_conv(net, y, 32, 3, 1, 32, 1);
    y = td_net_conv(net, y, 16, 1, 1, 1, 1);
    x = td_net_add(net, x, y);
    x = td_net_conv(net, x, 64, 1, 2, 1, 1);
    x = td_net_conv(net, x, 64, 3, 1, 1, 1);
    td_net_fc(net, td_net_global_pool(net, x), 10);
    return net;
}

static void schedules_hold(void **state) {
    (void)state;
    td_net *net = small_net();
    for (int i = 0; i < 36; i++) {
        td_hw hw = array(i % 3, 8, 16);
        const int buffer = td_hw_level_find(&hw, "Buffer");
        hw.level[buffer].capacity_bits = (int64_t)8192 << i % 7;
        if (i % 2) hw.level[hw.n - 1].shared_bw = 32;
        if (i % 4 == 1) hw.level[buffer].read_bw = 96;
        hw.rules.im2col = i % 5 != 4;
        td_schedule_options o;
        td_schedule s = {0};
        td_timeline t = {0};
        td_error err = {0};
        td_schedule_options_default(&o);
        if (i % 3 == 0) o.objective = TD_OBJ_ENERGY;
        td_status st = td_schedule_best(net, &hw, &o, &s, NULL, &err);
        if (st == TD_E_INFEASIBLE && i % 7 == 0) continue; /* 1 KB is too little for some */
        assert_ok(st, &err);
        assert_ok(td_schedule_check(net, &hw, &s, &err), &err);
        assert_ok(td_timeline_build(net, &hw, &s, &t, &err), &err);
        assert_ok(td_timeline_check(net, &hw, &s, &t, &err), &err);
        assert_true(s.latency_s >= s.bound_latency_s * (1 - 1e-9));
        for (int k = 0; k < s.n; k++)
            if (s.interval[k].mapped && hw.rules.im2col)
                assert_true(s.interval[k].problem.dim[TD_R] == 1 &&
                            s.interval[k].problem.dim[TD_Q] == 1 && s.interval[k].bands == 1);
        td_timeline_free(&t);
        td_schedule_free(&s);
    }
    td_net_destroy(net);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(other_sizes),
                                       cmocka_unit_test(schedules_hold)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

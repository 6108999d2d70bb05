/* Fused and depthwise inverted bottlenecks on the shipped `edge`: the fused one is faster early in
 * a network and slower late, as is reported for Edge TPUs (README of
 * official/projects/edgetpu/vision in tensorflow/models). Times of whole blocks in a schedule:
 * expanding convolution, depthwise one, projection, residual where the stride is 1. */
#include <math.h>

#include "common.h"
#include "tandem/map.h"

typedef struct {
    int side, c, out_c, kernel, expansion, stride;
} place;

/* Cycles of a block between two 1x1 convolutions, so that its input and output can stay on chip. */
static double block_cycles(const td_hw *hw, const place *p, bool fused) {
    td_error err = {0};
    td_net *net = td_net_create("block", TD_DIM(p->c, p->side, p->side));
    int x = td_net_conv(net, 0, p->c, 1, 1, 1, 1), first = td_net_size(net);
    const td_block block = {.kernel = p->kernel,
                            .expansion = p->expansion,
                            .out_c = p->out_c,
                            .stride = p->stride,
                            .groups = 1,
                            .fused = fused,
                            .residual = true,
                            .act = TD_OP_RELU};
    x = td_net_block(net, x, &block);
    int end = td_net_size(net);
    td_net_conv(net, x, 16, 1, 1, 1, 1);
    assert_ok(td_net_check(net, &err), &err);
    td_schedule_options o;
    td_schedule_options_default(&o);
    td_schedule s;
    assert_ok(td_schedule_best(net, hw, &o, &s, NULL, &err), &err);
    assert_ok(td_schedule_check(net, hw, &s, &err), &err);
    double cycles = 0;
    for (int i = 0; i < s.n; i++) {
        const td_interval *t = &s.interval[i];
        if (t->layer < first || t->layer >= end) continue;
        assert_true(t->input == TD_AT_CHIP && t->output == TD_AT_CHIP);
        cycles += t->cycles;
    }
    td_schedule_free(&s);
    td_net_destroy(net);
    return cycles;
}

static double ratio(const td_hw *hw, const place *p) {
    return block_cycles(hw, p, true) / block_cycles(hw, p, false);
}

static void load_edge(td_hw *hw) {
    td_error err = {0};
    assert_ok(td_hw_load("edge", hw, &err), &err);
}

static void fused_is_faster_early(void **state) {
    (void)state;
    static const place early[] = {
        {112, 16, 16, 3, 3, 1}, {112, 16, 16, 3, 6, 1}, {112, 16, 24, 3, 3, 2},
        {112, 16, 24, 3, 6, 2}, {112, 24, 32, 3, 6, 2}, {112, 32, 48, 3, 3, 2},
        {112, 16, 24, 5, 6, 2}, {80, 16, 24, 3, 6, 2},  {56, 32, 48, 3, 3, 2},
        {56, 32, 48, 3, 6, 2},
    };
    td_hw hw;
    load_edge(&hw);
    for (size_t i = 0; i < sizeof early / sizeof early[0]; i++) {
        double r = ratio(&hw, &early[i]);
        if (!(r < .98))
            fail_msg("%dx%d, %d channels, kernel %d, expansion %d, stride %d: fused / depthwise %g",
                     early[i].side, early[i].side, early[i].c, early[i].kernel, early[i].expansion,
                     early[i].stride, r);
    }
}

static void fused_is_slower_late(void **state) {
    (void)state;
    static const place late[] = {
        {28, 48, 48, 3, 6, 1},   {28, 48, 48, 5, 3, 1},   {28, 48, 96, 5, 6, 2},
        {14, 96, 96, 3, 3, 1},   {14, 96, 96, 3, 6, 1},   {14, 96, 144, 3, 6, 2},
        {14, 128, 128, 3, 3, 1}, {14, 128, 128, 5, 6, 1}, {7, 160, 160, 3, 6, 1},
        {10, 96, 96, 3, 6, 1},
    };
    td_hw hw;
    load_edge(&hw);
    for (size_t i = 0; i < sizeof late / sizeof late[0]; i++) {
        double r = ratio(&hw, &late[i]);
        if (!(r > 1.3))
            fail_msg("%dx%d, %d channels, kernel %d, expansion %d, stride %d: fused / depthwise %g",
                     late[i].side, late[i].side, late[i].c, late[i].kernel, late[i].expansion,
                     late[i].stride, r);
    }
}

/* MobileNetEdgeTPU v1 (tensorflow/models): its first blocks with stride 2 are
 * fused where 112x112 becomes 56x56 and 56x56 becomes 28x28, and depthwise from 14x14 on. The ratio
 * must rise on the way. */
static void published_network(void **state) {
    (void)state;
    static const place down[] = {{112, 16, 32, 3, 8, 2},
                                 {56, 32, 48, 3, 8, 2},
                                 {28, 48, 96, 3, 8, 2},
                                 {14, 96, 160, 5, 8, 2}};
    td_hw hw;
    load_edge(&hw);
    double r[4];
    for (int i = 0; i < 4; i++) r[i] = ratio(&hw, &down[i]);
    assert_true(r[0] < .5 && r[1] < .75 && r[3] > 2);
    for (int i = 1; i < 4; i++) assert_true(r[i] > r[i - 1]);
}

/* 112x112, 16 channels, expansion 3, kernel 3, by hand. The pool's port passes 16 PEs x 16 bytes a
 * cycle, in and out together. Each layer but the fused convolution waits for it: words in + words
 * out, of 16 and 48 channels. The convolution computes on 48 of 64 SIMD units. */
static void by_hand(void **state) {
    (void)state;
    const place p = {112, 16, 16, 3, 3, 1};
    const double pixels = 112 * 112, port = 16 * 16;
    double expand = pixels * (16 + 48) / port, depthwise = pixels * (48 + 48) / port;
    /* The sum is taken while the projection drains: its other operand passes the port as well. */
    double project = expand, residual = pixels * 16 / port;
    double fused = pixels * 64 * 16 * 9 / 16384;
    td_hw hw;
    load_edge(&hw);
    assert_true(fused > expand);
    assert_near(block_cycles(&hw, &p, true), fused + project + residual, 4);
    assert_near(block_cycles(&hw, &p, false), expand + depthwise + project + residual, 4);

    /* With a port for each direction the larger one counts: then it is the other way round. */
    for (int l = 1; l <= 2; l++) {
        hw.level[l].read_bw = hw.level[l].write_bw = hw.level[l].shared_bw;
        hw.level[l].shared_bw = INFINITY;
    }
    expand = project = pixels * 48 / port;
    depthwise = pixels * 48 / port;
    assert_near(block_cycles(&hw, &p, true), fused + project + residual, 4);
    assert_near(block_cycles(&hw, &p, false), expand + depthwise + project + residual, 4);
    assert_true(ratio(&hw, &p) > 1.2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fused_is_faster_early),
        cmocka_unit_test(fused_is_slower_late),
        cmocka_unit_test(published_network),
        cmocka_unit_test(by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

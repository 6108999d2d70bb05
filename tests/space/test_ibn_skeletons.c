/* The shipped spaces over the stages of published networks: exact sizes, published networks as
 * points, strides at all sizes of images, and random points that run and have costs. */
#include "common.h"

#include "space_helper.h"
#include "tandem/map.h"

static const char *const names[] = {"ibn-mobilenetv2", "ibn-efficientnet", "ibn-evolved"};

static td_space *recipe(td_arena *a, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return net_space(a, text);
}

static td_design build(const td_space *s, const td_choices *c) {
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_design d;
    assert_ok(s->build(s->self, c, a, &d, &err), &err);
    assert_ok(td_net_check(d.net, &err), &err);
    assert_true(d.net_hash == td_net_hash(d.net));
    td_arena_destroy(a);
    return d;
}

/* With stages of n blocks each, the first of which stands, f choices for a block, w widths:
 * w (f + f^2 + ... + f^n) per stage. The first one has one block, of 3 kernels; in the evolved
 * space an inverted bottleneck or a fused one with 3 groups. Widths: 16, 24, then five, to
 * multiples of 8.
 *
 *     S1  3  x  n = 2 3 4 3 3 1 of f = 6         S2  3  x  n = 2 2 3 3 4 1
 *     S3  3 x 3 (1 + 3)  x  4 (n = 2)  x  5 (n = 2) 5 (3) 5 (3) 5 (4) 5 (1) of f = 6 x 2 x 3 */
static void test_sizes(void **state) {
    (void)state;
    static const char *const sizes[] = {"20175854061888", "3284441358912",
                                        "114349156532545162031308800000"};
    static const int decisions[] = {38, 36, 75};
    td_arena *a = td_arena_create();
    td_error err = {0};
    for (int i = 0; i < 3; i++) {
        td_space *s;
        td_text size = {0};
        assert_ok(td_space_by_name(names[i], a, &s, &err), &err);
        assert_ok(td_space_size(s, &size, &err), &err);
        assert_string_equal(size.data, sizes[i]);
        assert_int_equal(s->n, decisions[i]);
        td_text_free(&size);
    }
    td_arena_destroy(a);
}

/* ---- published networks are points ------------------------------------------------------------
 */

/* Chooses the value of a decision by its name; a decision that is not there must not be needed. */
static void set(const td_space *s, td_choices *c, const char *name, double value) {
    for (int i = 0; i < s->n; i++) {
        if (strcmp(s->d[i].name, name) != 0) continue;
        for (int k = 0; k < s->d[i].n; k++)
            if (s->d[i].value[k] == value) c->v[i] = k;
        assert_true(c->v[i] >= 0);
    }
}

typedef struct {
    int blocks, kernel, expansion;
} row;

/* The point where the stages have these blocks, width 1, without fused blocks and groups. */
static td_design published(const td_space *s, const row *rows) {
    static double v[128];
    td_choices c = {s->n, v};
    char name[32];
    for (int i = 0; i < s->n; i++) c.v[i] = NAN;
    for (int i = 0; i < 7; i++) {
        snprintf(name, sizeof name, "s%d.depth", i + 1);
        set(s, &c, name, rows[i].blocks);
        snprintf(name, sizeof name, "s%d.width", i + 1);
        set(s, &c, name, 1);
        for (int b = 1; b <= rows[i].blocks; b++) {
            snprintf(name, sizeof name, "s%d.b%d.kernel", i + 1, b);
            set(s, &c, name, rows[i].kernel);
            snprintf(name, sizeof name, "s%d.b%d.expansion", i + 1, b);
            set(s, &c, name, rows[i].expansion);
            snprintf(name, sizeof name, "s%d.b%d.fused", i + 1, b);
            set(s, &c, name, 0);
            snprintf(name, sizeof name, "s%d.b%d.groups", i + 1, b);
            set(s, &c, name, 1);
        }
    }
    td_error err = {0};
    assert_ok(td_space_canonical(s, &c, &err), &err);
    return build(s, &c);
}

static void expect_same(td_design d, const char *net, int side, double width, int classes) {
    td_net *wanted;
    td_error err = {0};
    assert_ok(td_net_build(net, TD_DIM(3, side, side), width, classes, &wanted, &err), &err);
    td_net_totals a, b;
    td_net_count(d.net, &a);
    td_net_count(wanted, &b);
    assert_int_equal(a.macs, b.macs);
    assert_int_equal(a.params, b.params);
    assert_true(d.net_hash == td_net_hash(wanted));
    td_net_destroy(wanted);
    td_design_free(&d);
}

static const row mobilenetv2[] = {{1, 3, 1}, {2, 3, 6}, {3, 3, 6}, {4, 3, 6},
                                  {3, 3, 6}, {3, 3, 6}, {1, 3, 6}};
static const row efficientnet_b0[] = {{1, 3, 1}, {2, 3, 6}, {2, 5, 6}, {3, 3, 6},
                                      {3, 5, 6}, {4, 5, 6}, {1, 3, 6}};

static void test_published(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    static const int sides[] = {96, 128, 160, 192, 224, 512};
    for (int i = 0; i < 6; i++) {
        int n = sides[i];
        td_space *s = recipe(a, "space: ibn-mobilenetv2\ninput: %d\n", n);
        expect_same(published(s, mobilenetv2), "mobilenetv2", n, 1, 1000);
        s = recipe(a, "space: ibn-efficientnet\ninput: %d\nclasses: 10\n", n);
        expect_same(published(s, efficientnet_b0), "efficientnet-b0-relu6", n, 1, 10);
        s = recipe(a, "space: ibn-evolved\ninput: [3, %d, %d]\n", n, n);
        expect_same(published(s, efficientnet_b0), "efficientnet-b0-relu6", n, 1, 1000);
    }
    /* A width that is one number is no decision. MobileNetV2 has its published widths so, the stem
     * beside it, since `width` is of the stages. */
    td_space *s = recipe(a, "space: ibn-mobilenetv2\nwidth: 0.5\n"
                            "stem: {channels: 16, stride: 2}\n");
    expect_same(published(s, mobilenetv2), "mobilenetv2", 224, 0.5, 1000);
    td_arena_destroy(a);
}

/* EfficientNet-EdgeTPU-S by the evolved space with its stages: fused where sides are long. */
static void test_other_stages(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_space *s = recipe(a, "space: ibn-evolved\nclasses: 1001\nact: relu\nwidth: 1\n"
                            "kernel: [3, 5]\nexpansion: 8\ngroups: 1\nstages:\n"
                            "  - {channels: 24, expansion: 3, fused: true}\n"
                            "  - {channels: 32, stride: 2, depth: [1, 2]}\n"
                            "  - {channels: 48, stride: 2, depth: [1, 2, 3, 4]}\n"
                            "  - {channels: 96, stride: 2, depth: [1, 2, 3, 4, 5]}\n"
                            "  - {channels: 144, depth: [4]}\n"
                            "  - {channels: 192, stride: 2, depth: [2]}\n");
    static const int depth[] = {1, 2, 4, 5, 4, 2};
    double v[64];
    td_choices c = {s->n, v};
    char name[32];
    for (int i = 0; i < s->n; i++) c.v[i] = NAN;
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "s%d.depth", i + 1);
        set(s, &c, name, depth[i]);
        for (int b = 1; b <= depth[i]; b++) {
            snprintf(name, sizeof name, "s%d.b%d.kernel", i + 1, b);
            set(s, &c, name, i < 3 ? 3 : 5);
            snprintf(name, sizeof name, "s%d.b%d.fused", i + 1, b);
            set(s, &c, name, i < 3);
        }
    }
    assert_ok(td_space_canonical(s, &c, &err), &err);
    expect_same(build(s, &c), "efficientnet-edgetpu-s", 224, 1, 1001);
    td_arena_destroy(a);
}

/* ---- strides ----------------------------------------------------------------------------------
 */

/* Side of the map before the pool, and the product of all strides. */
static int last_side(const td_net *net, int *stride) {
    int side = 0;
    *stride = 1;
    for (int i = 1; i < td_net_size(net); i++) {
        const td_layer *l = td_net_layer(net, i);
        if (l->op == TD_OP_CONV) *stride *= l->stride[0];
        if (l->op == TD_OP_GLOBAL_POOL) side = td_net_layer(net, l->input[0])->h;
        if (l->op == TD_OP_CONV) assert_int_equal(l->stride[0], l->stride[1]);
    }
    return side;
}

/* Sides up to 512: the last map has at least 3 rows, and no stride is dropped without need: all
 * five are there above 64 pixels, four above 32, three above 16. */
static void test_every_side(void **state) {
    (void)state;
    double v[128];
    for (int k = 0; k < 3; k++)
        for (int side = 17; side <= 512; side += side < 70 ? 1 : 13) {
            td_arena *a = td_arena_create();
            td_space *s = recipe(a, "space: %s\ninput: %d\n", names[k], side);
            td_choices c = {s->n, v};
            assert_true(td_space_first(s, &c));
            td_design d = build(s, &c);
            int stride, last = last_side(d.net, &stride);
            assert_int_equal(stride, side > 64 ? 32 : side > 32 ? 16 : 8);
            assert_int_equal(last, (side + stride - 1) / stride);
            assert_true(last >= 3);
            td_design_free(&d);
            td_arena_destroy(a);
        }
}

/* Which ones are dropped: the stem's first, then the earliest stage's. */
static void test_dropped_strides(void **state) {
    (void)state;
    static const struct {
        const char *keys;
        int sides[7]; /* of the stem's map and those of stages 2 to 7 */
    } of[] = {
        {"input: 224\n", {112, 56, 28, 14, 14, 7, 7}},
        {"input: 64\n", {64, 32, 16, 8, 8, 4, 4}},
        {"input: 32\n", {32, 32, 16, 8, 8, 4, 4}},
        {"input: [3, 28, 224]\n", {28, 28, 14, 7, 7, 4, 4}},
        {"input: 32\nmin_map: 0\n", {16, 8, 4, 2, 2, 1, 1}},
        {"input: 32\nmin_map: 8\n", {32, 32, 32, 16, 16, 8, 8}},
        {"input: 32\nmin_map: 32\n", {32, 32, 32, 32, 32, 32, 32}},
    };
    double v[128];
    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
        td_arena *a = td_arena_create();
        td_space *s = recipe(a, "space: ibn-mobilenetv2\n%s", of[i].keys);
        td_choices c = {s->n, v};
        assert_true(td_space_first(s, &c)); /* depth 1 everywhere */
        td_design d = build(s, &c);
        int found = 0;
        for (int k = 1; k < td_net_size(d.net); k++) {
            const td_layer *l = td_net_layer(d.net, k);
            if (l->op != TD_OP_CONV || (l->groups == 1 && k > 1)) continue;
            if (l->groups == 32) continue; /* stage 1 is the stem's size */
            assert_int_equal(l->h, of[i].sides[found]);
            found++;
        }
        assert_int_equal(found, 7);
        td_design_free(&d);
        td_arena_destroy(a);
    }
    refused(true, "space: ibn-evolved\ninput: 2\n", 2, "min_map 3 rows or columns");
    refused(true, "space: ibn-evolved\nmin_map: 225\n", 2, "min_map: an image of 224 x 224");
    refused(true, "space: ibn-evolved\nmin_map: -1\n", 2, "min_map");
    refused(true, "space: ibn-evolved\ninput: 0\n", 2, "input");
    refused(true, "space: ibn-evolved\ninput: 1.5\n", 2, "[channels, height, width]");
}

/* ---- random points ----------------------------------------------------------------------------
 */

static void fill(td_rng *r, float *v, int64_t n, double scale) {
    for (int64_t i = 0; i < n; i++) v[i] = (float)(scale * td_rng_normal(r));
}

/* A forward pass at a tenth of the width: finite scores that are not all one. */
static void run(const td_net *net, td_rng *r) {
    td_weights *w = td_weights_create(net);
    td_error err = {0};
    for (int i = 1; i < w->n; i++) {
        const td_layer *l = td_net_layer(net, i);
        int64_t words = td_layer_params(net, i) - (l->bias ? l->c : 0);
        if (w->layer[i].weight != NULL)
            fill(r, w->layer[i].weight, words, sqrt(2.0 * l->c / (double)words));
    }
    const td_layer *in = td_net_layer(net, 0);
    int64_t n = (int64_t)in->c * in->h * in->w;
    float *x = malloc(sizeof *x * (size_t)n), y[10];
    assert_non_null(x);
    fill(r, x, n, 1);
    assert_ok(td_net_forward(net, w, x, 1, y, &err), &err);
    bool differ = false;
    for (int i = 0; i < 10; i++) {
        assert_true(isfinite(y[i]));
        differ = differ || y[i] != y[0];
    }
    assert_true(differ);
    free(x);
    td_weights_destroy(w);
}

static void test_points_run(void **state) {
    (void)state;
    static const int sides[] = {28, 32, 48, 64, 96, 160, 224, 512};
    double v[128];
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < 8; i++) {
            td_arena *a = td_arena_create();
            td_space *s = recipe(a,
                                 "space: %s\ninput: [1, %d, %d]\nclasses: 10\nwidth: 0.1\n"
                                 "stem: {channels: 8, stride: 2}\nhead: 16\nkernel: [3, 5]\n",
                                 names[k], sides[i], sides[i]);
            td_choices c = {s->n, v};
            td_rng r = td_rng_make(3, (uint64_t)(k * 8 + i), TD_RNG_TEST);
            td_space_sample(s, &r, &c);
            td_design d = build(s, &c);
            run(d.net, &r);
            td_design_free(&d);
            td_arena_destroy(a);
        }
}

/* On the accelerator of the paper, at full width: a schedule that its checker accepts, not faster
 * than the MACs take at peak. */
static void test_points_have_costs(void **state) {
    (void)state;
    static const int sides[] = {28, 32, 64, 96, 160, 224, 512};
    td_error err = {0};
    td_hw hw;
    assert_ok(td_hw_load("edge", &hw, &err), &err);
    td_schedule_options o;
    td_schedule_options_default(&o);
    o.max_nodes = 100;
    double v[128];
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < 7; i++) {
            td_arena *a = td_arena_create();
            td_space *s = recipe(a, "space: %s\ninput: %d\n", names[k], sides[i]);
            td_choices c = {s->n, v};
            td_rng r = td_rng_make(4, (uint64_t)(k * 8 + i), TD_RNG_TEST);
            td_space_sample(s, &r, &c);
            td_design d = build(s, &c);
            td_schedule plan;
            td_net_totals t;
            td_net_count(d.net, &t);
            assert_ok(td_schedule_best(d.net, &hw, &o, &plan, NULL, &err), &err);
            assert_ok(td_schedule_check(d.net, &hw, &plan, &err), &err);
            double peak = (double)hw.mac.instances * hw.clock_hz;
            assert_true(plan.latency_s >= (double)t.macs / peak && plan.latency_s < 0.1);
            if (sides[i] == 224)
                printf("    %s: %lld M MACs, %.2f ms\n", names[k], (long long)(t.macs / 1000000),
                       1e3 * plan.latency_s);
            td_schedule_free(&plan);
            td_design_free(&d);
            td_arena_destroy(a);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_published),
        cmocka_unit_test(test_other_stages),
        cmocka_unit_test(test_every_side),
        cmocka_unit_test(test_dropped_strides),
        cmocka_unit_test(test_points_run),
        cmocka_unit_test(test_points_have_costs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

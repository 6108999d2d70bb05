/* The kernels side by side: our depthwise convolution against oneDNN's on random shapes, and bf16
 * by bf16 arithmetic against bf16 storage with fp32 arithmetic. */
#include "common.h"

#include "../../src/train/onednn.h"

typedef struct {
    td_layer layer;
    td_shape in;
    int images;
} job;

/* What a forward and two backward runs give. */
typedef struct {
    float *out, *d_in, *weight, *bias;
    int64_t out_n, d_in_n, weight_n;
} result;

static float *random_floats(int64_t n, uint64_t stream) {
    float *v = malloc(sizeof *v * (size_t)n);
    td_rng r = td_rng_make(17, stream, TD_RNG_TEST);
    for (int64_t i = 0; i < n; i++) v[i] = (float)td_rng_normal(&r);
    return v;
}

/* Tensors in the number type; bf16 is the upper half of a float. */
static void *to_number(const float *v, int64_t n, td_number number) {
    void *out = malloc((size_t)n * 4 + 64);
    if (number == TD_FP32) return memcpy(out, v, sizeof *v * (size_t)n);
    for (int64_t i = 0; i < n; i++) memcpy((uint16_t *)out + i, (const char *)&v[i] + 2, 2);
    return out;
}
static float *from_number(void *v, int64_t n, td_number number) {
    float *out = calloc((size_t)n, sizeof *out);
    for (int64_t i = 0; i < n; i++)
        if (number == TD_FP32)
            out[i] = ((float *)v)[i];
        else
            memcpy((char *)&out[i] + 2, (uint16_t *)v + i, 2);
    free(v);
    return out;
}

static result run_kernel(const td__kernel_class *class, const job *j, td_number number,
                         bool native_bf16) {
    td_error err = {0};
    td__backend *be;
    assert_ok(td__backend_create(&be, &err), &err);
    be->native_bf16 = native_bf16;
    td__kernel_spec s = {.layer = &j->layer,
                         .number = number,
                         .images = j->images,
                         .n_in = 1,
                         .in = {j->in},
                         .out = {j->layer.c, j->layer.h, j->layer.w},
                         .training = true,
                         .want_d_in = {true}};
    td__kernel *k;
    assert_ok(class->create(be, &s, &k, &err), &err);
    assert_ok(td__backend_ready(be, &err), &err);
    result r = {.out_n = td__shape_words(s.out) * j->images,
                .d_in_n = td__shape_words(s.in[0]) * j->images,
                .weight_n = (int64_t)j->layer.c * (j->in.c / j->layer.groups) * j->layer.kernel[0] *
                            j->layer.kernel[1]};
    td_layer_params_t w = {.weight = random_floats(r.weight_n, 1),
                           .bias = j->layer.bias ? random_floats(j->layer.c, 2) : NULL};
    r.weight = calloc((size_t)r.weight_n, sizeof(float));
    r.bias = calloc((size_t)j->layer.c, sizeof(float));
    td_layer_params_t g = {.weight = r.weight, .bias = j->layer.bias ? r.bias : NULL};
    float *in = random_floats(r.d_in_n, 3), *d_out = random_floats(r.out_n, 4);
    void *x = to_number(in, r.d_in_n, number), *dy = to_number(d_out, r.out_n, number);
    void *y = malloc((size_t)r.out_n * 4 + 64), *dx = malloc((size_t)r.d_in_n * 4 + 64);
    memset(y, 0xff, (size_t)r.out_n * 4);
    memset(dx, 0xff, (size_t)r.d_in_n * 4);
    assert_ok(class->attach(k, &w, &g, &err), &err);
    assert_ok(class->load(k), &err);
    for (int pass = 0; pass < 3; pass++) { /* the second backward run adds to the first */
        td__tensors t = {.backward = pass > 0, .first = pass == 1, .in = {x}};
        t.out = pass == 0 ? y : NULL;
        t.d_out = pass > 0 ? dy : NULL;
        t.d_in[0] = pass > 0 ? dx : NULL;
        td__call *call;
        assert_ok(class->bind(k, &t, &call, &err), &err);
        assert_ok(class->run(k, call), &err);
        class->unbind(call);
    }
    assert_ok(class->unload(k), &err);
    r.out = from_number(y, r.out_n, number);
    r.d_in = from_number(dx, r.d_in_n, number);
    class->destroy(k);
    td__backend_destroy(be);
    free(w.weight);
    free(w.bias);
    free(in);
    free(d_out);
    free(x);
    free(dy);
    return r;
}

static void free_result(result *r) {
    free(r->out);
    free(r->d_in);
    free(r->weight);
    free(r->bias);
}

static void compare(const char *what, const job *j, const float *a, const float *b, int64_t n,
                    double tolerance) {
    double largest = 1e-6;
    for (int64_t i = 0; i < n; i++) largest = fmax(largest, fabs((double)b[i]));
    for (int64_t i = 0; i < n; i++)
        if (!(fabs((double)a[i] - (double)b[i]) <= tolerance * largest))
            fail_msg("%s[%lld] of c %d %dx%d k %dx%d s %d,%d d %d,%d p %d,%d,%d,%d: %g and %g",
                     what, (long long)i, j->in.c, j->in.h, j->in.w, j->layer.kernel[0],
                     j->layer.kernel[1], j->layer.stride[0], j->layer.stride[1],
                     j->layer.dilation[0], j->layer.dilation[1], j->layer.pad[0], j->layer.pad[1],
                     j->layer.pad[2], j->layer.pad[3], (double)a[i], (double)b[i]);
}

static void compare_results(const job *j, result *a, result *b, double tolerance) {
    compare("output", j, a->out, b->out, a->out_n, tolerance);
    compare("input gradient", j, a->d_in, b->d_in, a->d_in_n, tolerance);
    compare("weight gradient", j, a->weight, b->weight, a->weight_n, tolerance);
    compare("bias gradient", j, a->bias, b->bias, j->layer.c, tolerance);
    free_result(a);
    free_result(b);
}

static int pick(td_rng *r, int lo, int hi) {
    return lo + (int)td_rng_below(r, (uint64_t)(hi - lo + 1));
}

static bool random_depthwise(td_rng *r, job *j) {
    int c = pick(r, 16, 70);
    *j = (job){.in = {c, pick(r, 1, 17), pick(r, 1, 17)}, .images = pick(r, 1, 3)};
    td_layer *l = &j->layer;
    l->op = TD_OP_CONV;
    l->groups = l->c = c;
    l->bias = td_rng_below(r, 2) == 1;
    int32_t in[2] = {j->in.h, j->in.w}, out[2];
    bool square = td_rng_below(r, 2) == 1;
    int k = pick(r, 1, 3) * 2 - 1;
    for (int i = 0; i < 2; i++) {
        l->kernel[i] = square ? k : pick(r, 1, 6);
        l->stride[i] = pick(r, 1, 3);
        l->dilation[i] = td_rng_below(r, 4) == 0 ? 2 : 1;
        int span = (l->kernel[i] - 1) * l->dilation[i] + 1;
        l->pad[i] = pick(r, 0, span - 1);
        l->pad[2 + i] = pick(r, 0, span - 1);
        int room = in[i] + l->pad[i] + l->pad[2 + i] - span;
        if (room < 0) return false;
        out[i] = room / l->stride[i] + 1;
    }
    l->h = out[0];
    l->w = out[1];
    return true;
}

static void test_depthwise(void **state) {
    (void)state;
    td_rng r = td_rng_make(1, 0, TD_RNG_TEST);
    for (int i = 0; i < 150;) {
        job j;
        if (!random_depthwise(&r, &j)) continue;
        td__kernel_spec s = {.layer = &j.layer, .in = {j.in}, .out = {j.in.c, 0, 0}};
        if (!td__depthwise_fits(&s)) {
            print_message("no AVX-512 on this machine\n");
            skip();
        }
        result ours = run_kernel(&td__kernel_depthwise, &j, TD_FP32, false);
        result theirs = run_kernel(&td__kernel_conv, &j, TD_FP32, false);
        compare_results(&j, &ours, &theirs, 2e-5);
        i++;
    }
}

static void test_depthwise_bf16(void **state) {
    (void)state;
    td_rng r = td_rng_make(2, 0, TD_RNG_TEST);
    for (int i = 0; i < 30;) {
        job j;
        if (!random_depthwise(&r, &j)) continue;
        td__kernel_spec s = {.layer = &j.layer, .in = {j.in}, .out = {j.in.c, 0, 0}};
        if (!td__depthwise_fits(&s)) skip();
        result ours = run_kernel(&td__kernel_depthwise, &j, TD_BF16, false);
        result theirs = run_kernel(&td__kernel_conv, &j, TD_BF16, false);
        compare_results(&j, &ours, &theirs, 0.01); /* one rounding apart: 2^-8 */
        i++;
    }
}

static void test_bf16_arithmetic(void **state) {
    (void)state;
    if (!td_number_trains(TD_BF16)) skip();
    td_rng r = td_rng_make(3, 0, TD_RNG_TEST);
    for (int i = 0; i < 12; i++) {
        int k = pick(&r, 0, 2) * 2 + 1, c = pick(&r, 1, 40), o = pick(&r, 1, 40);
        int h = pick(&r, 3, 12), w = pick(&r, 3, 12), stride = pick(&r, 1, 2);
        job j = {.in = {c, h, w}, .images = 2};
        j.layer = (td_layer){.op = TD_OP_CONV,
                             .c = o,
                             .h = (h - 1) / stride + 1,
                             .w = (w - 1) / stride + 1,
                             .kernel = {k, k},
                             .stride = {stride, stride},
                             .dilation = {1, 1},
                             .pad = {k / 2, k / 2, k / 2, k / 2},
                             .groups = 1,
                             .bias = true};
        result native = run_kernel(&td__kernel_conv, &j, TD_BF16, true);
        result stored = run_kernel(&td__kernel_conv, &j, TD_BF16, false);
        compare_results(&j, &native, &stored, 0.02); /* weights are rounded in the first */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_depthwise),
        cmocka_unit_test(test_depthwise_bf16),
        cmocka_unit_test(test_bf16_arithmetic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

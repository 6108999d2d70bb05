/* Groups of blocks: what td_net_block builds, what it counts, and what it computes. */
#include "common.h"

#include "tandem/net.h"

#include "random_net.h"

typedef struct {
    int in_c, side, kernel, expansion, out_c, stride, groups;
    bool fused;
} place;

static td_net *make(const place *p, int groups) {
    td_error err = {0};
    td_net *net = td_net_create("block", TD_DIM(p->in_c, p->side, p->side));
    td_net_block(net, 0,
                 &(td_block){.kernel = p->kernel,
                             .expansion = p->expansion,
                             .out_c = p->out_c,
                             .stride = p->stride,
                             .groups = groups,
                             .fused = p->fused,
                             .residual = true,
                             .act = TD_OP_RELU6});
    assert_ok(td_net_check(net, &err), &err);
    return net;
}

/* Calls visit for inverted and fused blocks of every group count, kernel, stride and expansion. */
static void for_each(void (*visit)(const place *p)) {
    static const int kernels[] = {3, 5}, expansions[] = {1, 3, 6}, groups[] = {1, 2, 4, 8};
    for (int f = 0; f < 2; f++)
        for (int k = 0; k < 2; k++)
            for (int e = 0; e < 3; e++)
                for (int g = 0; g < 4; g++)
                    for (int s = 1; s <= 2; s++) {
                        place p = {8, 7,         kernels[k], expansions[e], s == 1 ? 8 : 16,
                                   s, groups[g], f == 1};
                        visit(&p);
                    }
}

/* ---- counts ---------------------------------------------------------------------------------- */

/* MACs and parameters (two per channel of a norm) in closed form. */
static void by_formula(const place *p, int64_t *macs, int64_t *params) {
    int64_t c = p->in_c, wide = c * p->expansion, taps = (int64_t)p->kernel * p->kernel;
    int64_t before = (int64_t)p->side * p->side, after = (p->side + p->stride - 1) / p->stride;
    after *= after;
    if (p->fused && p->expansion == 1) {
        int64_t weights = c / p->groups * p->out_c * taps;
        *macs = after * weights;
        *params = weights + 2 * p->out_c;
        return;
    }
    int64_t project = wide * p->out_c;
    *params = project + 2 * p->out_c + 2 * wide;
    if (p->fused) {
        *params += c / p->groups * wide * taps;
        *macs = after * (c / p->groups * wide * taps + project);
        return;
    }
    int64_t expand = p->expansion == 1 ? 0 : c / p->groups * wide;
    *params += expand + wide * taps + (p->expansion == 1 ? 0 : 2 * wide);
    *macs = before * expand + after * (wide * taps + project);
}

static void check_counts(const place *p) {
    td_net *net = make(p, p->groups);
    int64_t macs, params;
    td_net_totals t;
    td_net_count(net, &t);
    by_formula(p, &macs, &params);
    assert_int_equal(t.macs, macs);
    assert_int_equal(t.params, params);

    /* The convolution that expands is the first; G, K / G and C / G of it, and no other is grouped
     * but the depthwise one. */
    bool has = p->fused || p->expansion != 1;
    td_problem q;
    int convs = 0;
    for (int i = 1; i < td_net_size(net); i++) {
        const td_layer *l = td_net_layer(net, i);
        if (!td_layer_problem(net, i, 1, &q)) continue;
        bool expands = convs++ == 0 && has;
        bool depthwise = !p->fused && l->kernel[0] > 1;
        int in_c = td_net_layer(net, l->input[0])->c;
        int groups = expands ? p->groups : depthwise ? in_c : 1;
        assert_int_equal(l->groups, groups);
        assert_int_equal(q.dim[TD_G], groups);
        assert_int_equal(q.dim[TD_K], l->c / groups);
        assert_int_equal(q.dim[TD_C], in_c / groups);
        assert_int_equal(td_problem_macs(&q), td_layer_macs(net, i));
        assert_int_equal(td_problem_words(&q, TD_W), td_layer_params(net, i));
    }
    assert_int_equal(convs, (p->fused ? 1 : 2) + (p->expansion != 1));
    if (!has) { /* nothing to group: the same block */
        td_net *plain = make(p, 1);
        assert_true(td_net_hash(plain) == td_net_hash(net));
        td_net_destroy(plain);
    }
    td_net_destroy(net);
}

static void test_counts(void **state) {
    (void)state;
    for_each(check_counts);
}

/* ---- results --------------------------------------------------------------------------------- */

/* A grouped convolution is a dense one whose weights are 0 between groups. */
static void spread(const td_layer *l, int in_c, const td_layer_params_t *from,
                   td_layer_params_t *to) {
    int taps = l->kernel[0] * l->kernel[1], per = in_c / l->groups, out = l->c / l->groups;
    for (int k = 0; k < l->c; k++) {
        float *row = to->weight + k * in_c * taps + k / out * per * taps;
        memcpy(row, from->weight + k * per * taps, sizeof(float) * (size_t)(per * taps));
    }
}

static void check_results(const place *p) {
    td_net *net = make(p, p->groups), *dense = make(p, 1);
    td_rng r = td_rng_make(5, (uint64_t)(p->kernel * 8 + p->groups), TD_RNG_TEST);
    td_weights *w = random_weights(net, &r), *wide = td_weights_create(dense);
    td_error err = {0};
    assert_int_equal(td_net_size(net), td_net_size(dense));
    for (int i = 1; i < td_net_size(net); i++) {
        const td_layer *l = td_net_layer(net, i), *d = td_net_layer(dense, i);
        const td_layer_params_t *from = &w->layer[i];
        td_layer_params_t *to = &wide->layer[i];
        if (from->weight != NULL && l->groups != d->groups)
            spread(l, td_net_layer(net, l->input[0])->c, from, to);
        else if (from->weight != NULL)
            memcpy(to->weight, from->weight, sizeof(float) * (size_t)td_layer_params(net, i));
        float *of[] = {from->scale, from->shift, from->mean, from->var};
        float *in[] = {to->scale, to->shift, to->mean, to->var};
        for (int k = 0; k < 4; k++)
            if (of[k] != NULL) memcpy(in[k], of[k], sizeof(float) * (size_t)l->c);
    }
    enum { IN = 8 * 7 * 7, OUT = 16 * 7 * 7 };
    float x[IN], y[OUT], z[OUT];
    random_floats(&r, x, IN, -1, 1);
    assert_ok(td_net_forward(net, w, x, 1, y, &err), &err);
    assert_ok(td_net_forward(dense, wide, x, 1, z, &err), &err);
    const td_layer *last = td_net_layer(net, td_net_output(net));
    for (int i = 0; i < last->c * last->h * last->w; i++) assert_near(y[i], z[i], 1e-5);
    td_weights_destroy(w);
    td_weights_destroy(wide);
    td_net_destroy(net);
    td_net_destroy(dense);
}

static void test_results(void **state) {
    (void)state;
    for_each(check_results);
}

static void test_refused(void **state) {
    (void)state;
    for (int fused = 0; fused < 2; fused++) {
        td_error err = {0};
        td_net *net = td_net_create("block", TD_DIM(8, 7, 7));
        td_net_block(net, 0, &(td_block){3, 3, 8, 1, 3, fused == 1, true, 0, TD_OP_RELU});
        assert_int_equal(td_net_check(net, &err), TD_E_USAGE);
        assert_non_null(strstr(err.message, "3 groups do not divide 8 input"));
        td_net_destroy(net);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

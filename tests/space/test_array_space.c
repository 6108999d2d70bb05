/* Spaces of the template spatial-array: known constraints are what cannot be built, no more and no
 * less; divisors; features. */
#include "common.h"

#include "space_helper.h"

static td_space *shipped(td_arena *a) {
    td_error err = {0};
    td_space *s;
    assert_ok(td_space_by_name("eyeriss", a, &s, &err), &err);
    return s;
}

static void decisions(void **unused) {
    (void)unused;
    td_arena *a = td_arena_create();
    td_space *s = shipped(a);
    td_text size = {0};
    assert_int_equal(td_space_size(s, &size, NULL), TD_OK);
    assert_string_equal(size.data, "12441600"); /* 16 10 12 9 9 5 4 2 2 */
    td_text_free(&size);
    static const double divisors[] = {1, 2, 3, 4, 6, 7, 8, 12, 14, 21, 24, 28, 42, 56, 84, 168};
    assert_string_equal(s->d[0].name, "mesh_x");
    assert_int_equal(s->d[0].n, 16);
    assert_memory_equal(s->d[0].value, divisors, sizeof divisors);
    for (int i = 0; i < s->n; i++) assert_true(s->d[i].costs_only);
    /* with the paper's other budget; a recipe's value counts wherever it stands */
    s = hw_space(a, "{space: eyeriss, block: [1, 4], pes: 256, buffer_kb: 128}");
    assert_int_equal(s->d[0].n, 9);
    assert_near(s->d[0].value[8], 256, 0);
    assert_string_equal(s->d[3].name, "buffer_x");
    assert_int_equal(s->d[3].n, 5);
    assert_near(s->d[3].value[4], 16, 0);
    /* and several budgets at once */
    s = hw_space(a, "{space: eyeriss, pes: [6, 10], mesh_x: {divisors: pes}}");
    assert_string_equal(s->d[0].name, "mesh_x");
    assert_int_equal(s->d[0].n, 6); /* 1 2 3 5 6 10 */
    td_arena_destroy(a);
}

static void faults(void **unused) {
    (void)unused;
    refused(false, "space: eyeriss\nmesh_x: {divisors: pe}\n", 2, "expected a parameter");
    refused(false, "space: eyeriss\nmesh_x: {divisor: pes}\n", 2, "divisor");
    refused(false, "space: eyeriss\npes: {divisors: mesh_x}\n", 2, "mesh_x takes the divisors");
    refused(false, "space: eyeriss\nbuffer_x: {divisors: pes, most: 0}\n", 2, "most");
    refused(false, "space: eyeriss\nfilter_width: [1, 3]\n", 2, "filter_width");
    refused(false, "space: eyeriss\npe_x: [1, 3]\n", 2, "pe_x");
}

typedef struct {
    const td_space *s;
    td_arena *scratch;
    int64_t allowed;
} census;

static void look(void *self, const td_choices *c) {
    census *k = self;
    td_design d;
    td_error err = {0};
    td_arena_reset(k->scratch);
    const bool allowed = td_space_allows(k->s, c);
    td_status status = k->s->build(k->s->self, c, k->scratch, &d, &err);
    assert_int_equal(status, allowed ? TD_OK : TD_E_INFEASIBLE);
    assert_non_null(d.hw_node);
    k->allowed += allowed;
    td_design_free(&d);
}

/* Every point of a part of the space, against a count by loops. */
static void exact(void **unused) {
    (void)unused;
    td_arena *a = td_arena_create();
    census k = {.scratch = td_arena_create()};
    k.s = hw_space(a, "{space: eyeriss, input_words: [12, 64], weight_words: [16, 192], "
                      "block: [1, 16], buffer_x: [1, 2, 3, 7], buffer_y: [1, 2, 4, 6], "
                      "cluster: [1, 2, 3]}");
    int64_t points = enumerate(k.s, look, &k), allowed = 0;
    assert_int_equal(points, 16 * 2 * 2 * 2 * 4 * 4 * 3 * 4);
    static const int xs[] = {1, 2, 3, 7}, ys[] = {1, 2, 4, 6};
    for (int mesh_x = 1; mesh_x <= 168; mesh_x++)
        for (int i = 0; i < 16; i++)
            for (int cluster = 1; cluster <= 3; cluster++) {
                int x = xs[i / 4], y = ys[i % 4], mesh_y = 168 / mesh_x;
                if (168 % mesh_x || mesh_x % x || mesh_y % y || x * y % cluster) continue;
                int filters = mesh_y / y >= 2 ? 4 : 1;
                allowed += filters * 2 * 3; /* blocks; 64 + 192 words are too many */
            }
    assert_int_equal(k.allowed, allowed);
    td_arena_destroy(k.scratch);
    td_arena_destroy(a);
}

/* Draws are allowed and no two decisions are tied to each other but by the rules: the share of raw
 * vectors is that of the space, which is counted here. */
static void draws(void **unused) {
    (void)unused;
    td_arena *a = td_arena_create();
    td_space *s = shipped(a);
    static const int in[] = {4, 8, 12, 16, 24, 32, 48, 64, 96, 128},
                     we[] = {8, 16, 32, 48, 64, 80, 96, 112, 128, 160, 176, 192},
                     parts[] = {1, 2, 3, 4, 6, 7, 8, 12, 14};
    int files = 0;
    double allowed = 0;
    for (int i = 0; i < 120; i++) files += in[i / 12] + we[i % 12] < 220;
    for (int mesh_x = 1; mesh_x <= 168; mesh_x++)
        for (int i = 0; 168 % mesh_x == 0 && i < 81; i++)
            for (int cluster = 1; cluster <= 8; cluster *= 2) {
                int x = parts[i / 9], y = parts[i % 9], mesh_y = 168 / mesh_x;
                if (mesh_x % x || mesh_y % y || x * y % cluster) continue;
                allowed += files * 5 * (mesh_y / y >= 2 ? 4 : 1);
            }
    const double share = allowed / 12441600;
    printf("    eyeriss: %.0f of 12441600 can be built, %.2f %%\n", allowed, 100 * share);
    double v[16], old[16], f[TD_MAX_FEATURES];
    td_choices c = {s->n, v}, o = {s->n, old};
    td_rng r = td_rng_make(5, 0, TD_RNG_TEST);
    int64_t drawn = 0, n = 20000;
    for (int64_t i = 0; i < n; i++) {
        assert_true(td_space_draw(s, &r, 1000000, &c, &drawn));
        assert_true(td_space_allows(s, &c));
        if (i % 10 != 0) continue;
        memcpy(old, v, sizeof old);
        td_space_mutate(s, &r, &c);
        assert_true(td_space_allows(s, &c));
        td_space_cross(s, &r, &o, &c, &c);
    }
    /* the raw draws of n successes: n / share, with a deviation of sqrt(n (1 - share)) / share */
    assert_near((double)drawn * share, n, 5 * sqrt((double)n));
    assert_true(s->n_features > 0 && s->n_features <= TD_MAX_FEATURES);
    s->features(s->self, &c, f);
    for (int k = 0; k < s->n_features; k++) assert_true(isfinite(f[k]));
    td_arena_destroy(a);
}

/* Features are those of the template with these parameters. */
static void features(void **unused) {
    (void)unused;
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_space *s = shipped(a);
    double v[16], f[TD_MAX_FEATURES], g[TD_MAX_FEATURES];
    td_choices c = {s->n, v};
    assert_ok(td_choices_from_node(s,
                                   yaml(a, "{mesh_x: 28, input_words: 16, weight_words: 128, "
                                           "buffer_x: 2, buffer_y: 3, block: 4, cluster: 2, "
                                           "filter_width: 1, filter_height: 2}"),
                                   &c, &err),
              &err);
    s->features(s->self, &c, f);
    td_design d;
    assert_ok(s->build(s->self, &c, a, &d, &err), &err);
    td_template t;
    assert_ok(td_template_from_node(d.hw_node, &t, &err), &err);
    assert_int_equal(td_template_features(&t, g), s->n_features);
    for (int k = 0; k < s->n_features; k++) assert_true(f[k] == g[k]);
    assert_string_equal(d.hw.name, "eyeriss");
    assert_int_equal(d.hw.level[3].instances, 6);
    td_hw again;
    assert_ok(td_hw_from_node(d.hw_node, &again, &err), &err);
    assert_true(td_hw_hash(&again) == d.hw_hash);
    td_design_free(&d);
    td_space *edge; /* of which nothing is known beforehand, and which has none */
    assert_ok(td_space_by_name("edge", a, &edge, &err), &err);
    assert_true(edge->allows == NULL && edge->features == NULL && edge->n_features == 0);
    td_arena_destroy(a);
}

/* Beside a network the constraints stay known. */
static void joint(void **unused) {
    (void)unused;
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_space *all, *net = net_space(a, "{space: ibn}");
    assert_ok(td_space_product(net, shipped(a), a, &all, &err), &err);
    double *v = TD_NEW(a, double, all->n);
    td_choices c = {all->n, v};
    td_rng r = td_rng_make(6, 0, TD_RNG_TEST);
    int64_t drawn = 0;
    for (int i = 0; i < 50; i++) {
        td_design d;
        assert_true(td_space_draw(all, &r, 10000, &c, &drawn));
        assert_ok(all->build(all->self, &c, a, &d, &err), &err);
        assert_true(d.has_hw && d.net != NULL);
        td_design_free(&d);
    }
    assert_true(drawn > 5 * 50);
    assert_ok(td_space_product(net, hw_space(a, "{space: edge}"), a, &all, &err), &err);
    assert_null(all->allows); /* the other template's rules are to be learnt */
    td_arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decisions), cmocka_unit_test(faults),   cmocka_unit_test(exact),
        cmocka_unit_test(draws),     cmocka_unit_test(features), cmocka_unit_test(joint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

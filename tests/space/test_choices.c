/* Vectors of choices, on random spaces with nested conditions. */
#include "common.h"

#include "space_helper.h"
#include "tandem/space.h"

enum { MOST = 12 };

static const double numbers[] = {-2, .5, 1, 3, 3.25, 7};
static const char *const labels[] = {"false", "true", "b", "3", "e f", ""};

/* A space of up to 12 decisions of all kinds, each hanging on an earlier one with even odds. */
static td_space random_space(td_arena *a, td_rng *r, bool reals) {
    int n = 1 + (int)td_rng_below(r, MOST);
    td_decision *d = TD_NEW(a, td_decision, n);
    for (int i = 0; i < n; i++) {
        d[i].name = td_arena_printf(a, "d%d", i);
        d[i].parent = -1;
        d[i].kind = (td_kind)td_rng_below(r, reals ? 4 : 3);
        d[i].n = 1 + (int)td_rng_below(r, 4);
        if (td_rng_below(r, 2)) d[i].value = numbers;
        if (d[i].value == NULL || td_rng_below(r, 3) == 0) d[i].label = labels;
        if (d[i].kind == TD_INTEGER) d[i].hi = (d[i].lo = -1) + (double)td_rng_below(r, 4);
        if (d[i].kind == TD_REAL_RANGE) {
            d[i].lo = td_rng_uniform(r) + .01;
            d[i].hi = d[i].lo + td_rng_uniform(r);
            d[i].log = td_rng_below(r, 2) != 0;
        }
        int p = i > 0 ? (int)td_rng_below(r, (uint64_t)i) : -1;
        if (p < 0 || d[p].kind == TD_REAL_RANGE || td_rng_below(r, 2)) continue;
        uint64_t count =
            d[p].kind == TD_INTEGER ? (uint64_t)(d[p].hi - d[p].lo) + 1 : (uint64_t)d[p].n;
        d[i].parent = p;
        d[i].when = 1 + td_rng_below(r, (UINT64_C(1) << count) - 1);
    }
    td_space s = {.name = "random", .d = d, .n = n};
    td_error err = {0};
    assert_ok(td_space_check(&s, &err), &err);
    return s;
}

/* Canonical: NAN exactly where the chain of parents says inactive. */
static void assert_canonical(const td_space *s, const td_choices *c) {
    for (int i = 0; i < s->n; i++) assert_int_equal(td_space_active(s, c, i), !isnan(c->v[i]));
    double v[MOST];
    td_choices copy = {s->n, v};
    memcpy(v, c->v, sizeof *v * (size_t)s->n);
    td_error err = {0};
    assert_ok(td_space_canonical(s, &copy, &err), &err);
    assert_int_equal(td_choices_hash(&copy), td_choices_hash(c));
}

static bool same_choice(double a, double b) {
    return a == b || (isnan(a) && isnan(b));
}

typedef struct {
    uint64_t *hash;
    int64_t n;
} hashes;

static void collect(void *self, const td_choices *c) {
    hashes *h = self;
    h->hash[h->n++] = td_choices_hash(c);
}

/* From the first vector to the last, the same as the recursion in the same order. */
static void expect_walk(const td_space *s, const hashes *h) {
    double v[MOST];
    td_choices c = {.n = s->n, .v = v};
    int64_t n = 0;
    for (bool more = td_space_first(s, &c); more; more = td_space_next(s, &c)) {
        assert_true(n < h->n);
        assert_int_equal(td_choices_hash(&c), h->hash[n++]);
    }
    assert_int_equal(n, h->n);
}

/* The exact size against enumeration, and one hash per vector. */
static void test_size(void **unused) {
    (void)unused;
    for (uint64_t t = 0; t < 300; t++) {
        td_arena *a = td_arena_create();
        td_rng r = td_rng_make(1, t, TD_RNG_TEST);
        td_space s = random_space(a, &r, false);
        int64_t n = enumerate(&s, NULL, NULL);
        td_text text = {0};
        td_error err = {0};
        assert_ok(td_space_size(&s, &text, &err), &err);
        assert_int_equal(strtoll(text.data, NULL, 10), n);
        td_text_free(&text);
        if (n <= 20000) {
            hashes h = {malloc(sizeof(uint64_t) * (size_t)n), 0};
            enumerate(&s, collect, &h);
            expect_walk(&s, &h);
            assert_int_equal(sort_distinct(h.hash, h.n), n);
            free(h.hash);
        }
        td_arena_destroy(a);
    }
}

/* Beyond 64 bits: 7^60 with a condition on top, worked out by another program (Python's integers):
 * 3 * 7**60 + 2. */
static void test_big_size(void **unused) {
    (void)unused;
    td_arena *a = td_arena_create();
    td_decision d[61] = {
        {.name = "root", .kind = TD_ORDERED, .n = 5, .parent = -1, .value = numbers}};
    for (int i = 1; i <= 60; i++)
        d[i] = (td_decision){.name = td_arena_printf(a, "d%d", i),
                             .kind = TD_INTEGER,
                             .lo = 1,
                             .hi = 7,
                             .parent = 0,
                             .when = 7};
    td_space s = {.name = "big", .d = d, .n = 61};
    td_text text = {0};
    assert_int_equal(td_space_size(&s, &text, NULL), TD_OK);
    assert_string_equal(text.data, "1524065582218870095966564592956649505317303574508005");
    td_text_free(&text);
    d[60] = (td_decision){.name = "real", .kind = TD_REAL_RANGE, .hi = 1, .parent = 0, .when = 1};
    assert_int_equal(td_space_size(&s, &text, NULL), TD_OK);
    assert_string_equal(text.data, "inf");
    td_text_free(&text);
    double v[61];
    assert_false(td_space_first(&s, &(td_choices){.n = 61, .v = v}));
    s.n = 0;
    assert_int_equal(td_space_size(&s, &text, NULL), TD_OK);
    assert_string_equal(text.data, "1");
    td_text_free(&text);
    td_arena_destroy(a);
}

/* Any vector of allowed values becomes canonical, and what does not matter does not change it. */
static void test_canonical(void **unused) {
    (void)unused;
    for (uint64_t t = 0; t < 2000; t++) {
        td_arena *a = td_arena_create();
        td_rng r = td_rng_make(2, t, TD_RNG_TEST);
        td_space s = random_space(a, &r, true);
        double v[MOST], w[MOST];
        td_choices c = {s.n, v}, noisy = {s.n, w};
        td_error err = {0};
        td_space_sample(&s, &r, &c);
        assert_canonical(&s, &c);
        for (int i = 0; i < s.n; i++)
            w[i] = isnan(v[i]) ? td_rng_uniform(&r) : v[i] == 0 ? -0. : v[i];
        assert_ok(td_space_canonical(&s, &noisy, &err), &err);
        assert_int_equal(td_choices_hash(&noisy), td_choices_hash(&c));
        int k = (int)td_rng_below(&r, (uint64_t)s.n);
        if (!isnan(v[k])) { /* one wrong value: out of range, no whole number, missing */
            double wrong[] = {-7, 99, NAN, v[k] + .5};
            bool real = s.d[k].kind == TD_REAL_RANGE;
            v[k] = wrong[td_rng_below(&r, real ? 3 : 4)];
            assert_int_equal(td_space_canonical(&s, &c, &err), TD_E_INPUT);
            assert_non_null(strstr(err.message, s.d[k].name));
        }
        c.n--;
        assert_int_equal(td_space_canonical(&s, &c, &err), TD_E_INPUT);
        td_arena_destroy(a);
    }
}

/* Exactly one active decision has another value; what is newly active is drawn, what stays active
 * stays as it is. */
static void test_mutate(void **unused) {
    (void)unused;
    for (uint64_t t = 0; t < 3000; t++) {
        td_arena *a = td_arena_create();
        td_rng r = td_rng_make(3, t, TD_RNG_TEST);
        td_space s = random_space(a, &r, true);
        double v[MOST], old[MOST];
        td_choices c = {s.n, v};
        td_space_sample(&s, &r, &c);
        bool movable = false;
        for (int i = 0; i < s.n; i++) {
            const td_decision *d = &s.d[i];
            bool single =
                d->kind == TD_CATEGORICAL || d->kind == TD_ORDERED ? d->n == 1 : d->lo == d->hi;
            movable = movable || (!isnan(v[i]) && !single);
        }
        memcpy(old, v, sizeof v);
        td_space_mutate(&s, &r, &c);
        assert_canonical(&s, &c);
        int changed = 0;
        for (int i = 0; i < s.n; i++) changed += !isnan(old[i]) && !isnan(v[i]) && old[i] != v[i];
        assert_int_equal(changed, movable ? 1 : 0);
        td_arena_destroy(a);
    }
}

/* Every decision comes from a parent that has it; equal parents give themselves. */
static void test_cross(void **unused) {
    (void)unused;
    for (uint64_t t = 0; t < 2000; t++) {
        td_arena *a = td_arena_create();
        td_rng r = td_rng_make(4, t, TD_RNG_TEST);
        td_space s = random_space(a, &r, true);
        double x[MOST], y[MOST], z[MOST];
        td_choices p = {s.n, x}, q = {s.n, y}, c = {s.n, z};
        td_space_sample(&s, &r, &p);
        td_space_sample(&s, &r, &q);
        td_space_cross(&s, &r, &p, &q, &c);
        assert_canonical(&s, &c);
        for (int i = 0; i < s.n; i++)
            if (!isnan(z[i]) && (!isnan(x[i]) || !isnan(y[i])))
                assert_true(z[i] == x[i] || z[i] == y[i]);
        td_space_cross(&s, &r, &p, &p, &c);
        for (int i = 0; i < s.n; i++) assert_true(same_choice(z[i], x[i]));
        td_arena_destroy(a);
    }
}

/* Evenness: chi-square of a root, of a nested decision, of the values a mutation gives and of the
 * decision that it picks; each against the .9999 quantile. */
static double chi_square(const int *count, int n, double expected) {
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (count[i] - expected) * (count[i] - expected) / expected;
    return sum;
}

static void test_uniform(void **unused) {
    (void)unused;
    const td_decision d[] = {
        {.name = "a", .kind = TD_CATEGORICAL, .n = 6, .parent = -1, .value = numbers},
        {.name = "b", .kind = TD_INTEGER, .lo = -2, .hi = 2, .parent = 0, .when = 0x15},
        {.name = "c", .kind = TD_REAL_RANGE, .lo = 1e-3, .hi = 1e3, .log = true, .parent = -1}};
    const td_space s = {.name = "even", .d = d, .n = 3};
    enum { N = 60000 };
    int a[6] = {0}, b[5] = {0}, c[6] = {0}, to[6] = {0}, picked[3] = {0};
    double v[3];
    td_choices x = {3, v};
    for (uint64_t t = 0; t < N; t++) {
        td_rng r = td_rng_make(5, t, TD_RNG_TEST);
        td_space_sample(&s, &r, &x);
        a[(int)v[0]]++;
        if (!isnan(v[1])) b[(int)v[1] + 2]++;
        c[(int)floor(log10(v[2])) + 3]++;
        double start[3] = {2, 1, 1};
        memcpy(v, start, sizeof v);
        td_space_mutate(&s, &r, &x);
        int which = v[0] != 2 ? 0 : v[1] != 1 ? 1 : 2;
        picked[which]++;
        if (which == 0) to[(int)v[0]]++;
    }
    assert_true(chi_square(a, 6, N / 6.) < 25.7);
    assert_true(chi_square(b, 5, (b[0] + b[1] + b[2] + b[3] + b[4]) / 5.) < 23.5);
    assert_near(b[0] + b[1] + b[2] + b[3] + b[4], N / 2., 600);
    assert_true(chi_square(c, 6, N / 6.) < 25.7);
    assert_true(chi_square(picked, 3, N / 3.) < 18.4);
    assert_int_equal(to[2], 0);
    to[2] = to[5];
    assert_true(chi_square(to, 5, picked[0] / 5.) < 23.5);
}

/* Through JSON and through YAML. */
static void test_round_trip(void **unused) {
    (void)unused;
    for (uint64_t t = 0; t < 1000; t++) {
        td_arena *a = td_arena_create();
        td_rng r = td_rng_make(6, t, TD_RNG_TEST);
        td_space s = random_space(a, &r, true);
        double v[MOST], w[MOST];
        td_choices c = {s.n, v}, back = {s.n, w};
        td_space_sample(&s, &r, &c);
        td_node *node = td_choices_to_node(&s, &c, a);
        td_text json = {0}, text = {0};
        td_node_to_json(node, t % 2 ? 2 : 0, &json);
        td_node_to_yaml(node, &text);
        const td_node *doc;
        td_error err = {0};
        assert_ok(td_json_parse(a, json.data, json.size, "j", 1, &doc, &err), &err);
        assert_ok(td_choices_from_node(&s, doc, &back, &err), &err);
        assert_int_equal(td_choices_hash(&back), td_choices_hash(&c));
        assert_ok(td_yaml_parse(a, text.data, text.size, "y", &doc, &err), &err);
        assert_ok(td_choices_from_node(&s, doc, &back, &err), &err);
        assert_int_equal(td_choices_hash(&back), td_choices_hash(&c));
        td_text_free(&json);
        td_text_free(&text);
        td_arena_destroy(a);
    }
}

static void test_wrong_documents(void **unused) {
    (void)unused;
    const td_decision d[] = {
        {.name = "a", .kind = TD_ORDERED, .n = 3, .parent = -1, .value = numbers},
        {.name = "b", .kind = TD_CATEGORICAL, .n = 2, .parent = 0, .when = 1, .label = labels},
        {.name = "c", .kind = TD_INTEGER, .lo = 0, .hi = 4, .parent = -1}};
    const td_space s = {.name = "small", .d = d, .n = 3};
    static const struct {
        const char *text, *part;
        int line;
    } wrong[] = {{"a: 7\nc: 1", "-2, 0.5, 1", 1},
                 {"a: -2\nc: 1", "\"b\"", 1},
                 {"a: 1\nb: true\nc: 0", "active", 2},
                 {"a: 1\nc: 2.5", "integer", 2},
                 {"a: 1\nc: 5", "[0, 4]", 2},
                 {"a: 1", "\"c\"", 1},
                 {"a: 1\nc: 1\nx: 1", "no such", 3},
                 {"[1]", "map", 1},
                 {"a: -2\nb: maybe\nc: 1", "false, true", 2}};
    td_arena *a = td_arena_create();
    double v[3];
    td_choices c = {3, v};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        td_error err = {0};
        char place[32];
        snprintf(place, sizeof place, "recipe.yaml:%d", wrong[i].line);
        assert_int_equal(td_choices_from_node(&s, yaml(a, wrong[i].text), &c, &err), TD_E_INPUT);
        if (strstr(err.message, wrong[i].part) == NULL || strstr(err.message, place) == NULL)
            fail_msg("%s: %s", wrong[i].text, err.message);
    }
    td_error err = {0};
    assert_ok(td_choices_from_node(&s, yaml(a, "{c: 4, b: true, a: -2}"), &c, &err), &err);
    assert_true(v[0] == 0 && v[1] == 1 && v[2] == 4);
    td_arena_destroy(a);
}

/* The product is the one space beside the other: vectors, sizes, conditions. */
static td_status build_nothing(const void *self, const td_choices *c, td_arena *a, td_design *d,
                               td_error *err) {
    (void)c;
    (void)a;
    *d = (td_design){0};
    return self == NULL ? TD_OK : td_fail(err, TD_E_INFEASIBLE, "%s", (const char *)self);
}

static void test_product(void **unused) {
    (void)unused;
    for (uint64_t t = 0; t < 200; t++) {
        td_arena *a = td_arena_create();
        td_rng r = td_rng_make(7, t, TD_RNG_TEST);
        td_space x = random_space(a, &r, false), y = random_space(a, &r, false), *both;
        td_decision *d = TD_NEW(a, td_decision, y.n);
        for (int i = 0; i < y.n; i++) {
            d[i] = y.d[i];
            d[i].name = td_arena_printf(a, "y%d", i);
        }
        td_error err = {0};
        assert_int_equal(td_space_product(&x, &x, a, &both, &err), TD_E_INPUT); /* names twice */
        y.d = d;
        x.build = y.build = build_nothing;
        if (t % 2) y.self = "no room";
        assert_ok(td_space_product(&x, &y, a, &both, &err), &err);
        assert_int_equal(both->n, x.n + y.n);
        double v[2 * MOST];
        td_choices c = {both->n, v}, left = {x.n, v}, right = {y.n, v + x.n};
        td_space_sample(both, &r, &c);
        assert_canonical(&x, &left);
        assert_canonical(&y, &right);
        td_design design;
        td_status status = both->build(both->self, &c, a, &design, &err);
        assert_int_equal(status, t % 2 ? TD_E_INFEASIBLE : TD_OK);
        if (t % 2) assert_string_equal(err.message, "no room");
        td_design_free(&design);
        td_arena_destroy(a);
    }
}

static void test_check(void **unused) {
    (void)unused;
    const td_decision good[] = {
        {.name = "a", .kind = TD_ORDERED, .n = 3, .parent = -1, .value = numbers},
        {.name = "b", .kind = TD_INTEGER, .lo = 0, .hi = 4, .parent = 0, .when = 7}};
    td_decision d[2];
    td_space s = {.name = "s", .d = d, .n = 2};
#define WRONG(change)                                                                              \
    do {                                                                                           \
        memcpy(d, good, sizeof d);                                                                 \
        assert_int_equal(td_space_check(&s, NULL), TD_OK);                                         \
        change;                                                                                    \
        assert_int_equal(td_space_check(&s, NULL), TD_E_INPUT);                                    \
    } while (0)
    WRONG(d[1].parent = 1);
    WRONG(d[1].when = 8);
    WRONG(d[1].when = 0);
    WRONG(d[1].name = "a");
    WRONG(d[1].name = NULL);
    WRONG(d[0].n = 0);
    WRONG(d[0].value = NULL);
    WRONG(d[1].hi = -1);
    WRONG(d[1].lo = .5);
    WRONG((d[0].kind = TD_REAL_RANGE, d[0].hi = 1));
    WRONG((d[0].kind = TD_INTEGER, d[0].hi = 64));
    WRONG((d[1].kind = TD_REAL_RANGE, d[1].log = true));
    WRONG((d[1].kind = TD_REAL_RANGE, d[1].hi = INFINITY));
}

/* Whatever a search would see of a space changes its hash. */
static void test_space_hash(void **unused) {
    (void)unused;
    const td_decision good[] = {
        {.name = "a", .kind = TD_ORDERED, .n = 3, .parent = -1, .value = numbers},
        {.name = "b", .kind = TD_INTEGER, .lo = 0, .hi = 4, .parent = 0, .when = 3}};
    td_decision d[2];
    td_space s = {.name = "s", .d = good, .n = 2};
    uint64_t h = td_space_hash(&s);
    s.d = d;
#define OTHER(change)                                                                              \
    do {                                                                                           \
        memcpy(d, good, sizeof d);                                                                 \
        assert_true(td_space_hash(&s) == h);                                                       \
        change;                                                                                    \
        assert_false(td_space_hash(&s) == h);                                                      \
    } while (0)
    OTHER(d[0].name = "x");
    OTHER(d[0].kind = TD_CATEGORICAL);
    OTHER(d[0].n = 2);
    OTHER(d[0].value = numbers + 1);
    OTHER(d[0].label = labels);
    OTHER(d[1].parent = -1);
    OTHER(d[1].when = 2);
    OTHER(d[1].hi = 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_size),       cmocka_unit_test(test_big_size),
        cmocka_unit_test(test_canonical),  cmocka_unit_test(test_mutate),
        cmocka_unit_test(test_cross),      cmocka_unit_test(test_uniform),
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_wrong_documents),
        cmocka_unit_test(test_product),    cmocka_unit_test(test_check),
        cmocka_unit_test(test_space_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Known constraints: what they say, in C's own words; draws and walks that keep them. */
#include "common.h"

#include <math.h>

#include "tandem/space.h"

static const char parameters[] = "n1: {int: [1, 99]}\n"
                                 "n2: {int: [1, 99]}\n"
                                 "R: {real: [10, 200]}\n"
                                 "tile: {ordered: [64, 8, 16]}\n"
                                 "steel: {choice: [A, B, \"C 3\"]}\n"
                                 "pre: {choice: [true, false]}\n"
                                 "weld: {choice: [3, 5], when: {steel: [A, B]}}\n";
enum { N1, N2, R, TILE, STEEL, PRE, WELD, N };

static td_status parse(td_arena *a, const char *text, const char *known, td_space **s,
                       td_error *err) {
    const td_node *doc, *list;
    assert_ok(td_yaml_parse(a, text, strlen(text), "p.yaml", &doc, err), err);
    td_node *all = td_node_list(a);
    td_node_push(a, all, td_node_string(a, known));
    list = all;
    return td_space_parameters(doc, list, a, s, err);
}

typedef struct {
    double n1, n2, r, tile;
    int steel;
    bool pre;
    double weld; /* NAN: inactive */
} point;

static point point_of(const td_space *s, const double *v) {
    return (point){v[N1],
                   v[N2],
                   v[R],
                   s->d[TILE].value[(int)v[TILE]],
                   (int)v[STEEL],
                   v[PRE] == 0,
                   isnan(v[WELD]) ? NAN
                   : v[WELD] == 0 ? 3
                                  : 5};
}

#define CASES(X)                                                                                   \
    X("n1 + n2 <= 100", p.n1 + p.n2 <= 100)                                                        \
    X("n1+n2*2-1>R/2", p.n1 + p.n2 * 2 - 1 > p.r / 2)                                              \
    X("10 <= n1 < n2 <= 90", 10 <= p.n1 && p.n1 < p.n2 && p.n2 <= 90)                              \
    X("n1 - n2 - 3 >= -20", p.n1 - p.n2 - 3 >= -20)                                                \
    X("-n1 ^ 2 >= -2500", -(p.n1 * p.n1) >= -2500)                                                 \
    X("2 ^ 3 ^ 2 < n1 * 20", 512 < p.n1 * 20)                                                      \
    X("n1 / n2 / 2 <= 1", p.n1 / p.n2 / 2 <= 1)                                                    \
    X("(n1 + n2) * 2 != 100", (p.n1 + p.n2) * 2 != 100)                                            \
    X("max(n1, n2) <= 70", fmax(p.n1, p.n2) <= 70)                                                 \
    X("abs(n1 - n2) > sqrt(R) and exp(log(R)) < 150",                                              \
      fabs(p.n1 - p.n2) > sqrt(p.r) && exp(log(p.r)) < 150)                                        \
    X("floor(R) == ceil(R) or min(n1, n2) >= 1.5e1",                                               \
      floor(p.r) == ceil(p.r) || fmin(p.n1, p.n2) >= 15)                                           \
    X("tile == 8 or tile > 16", p.tile == 8 || p.tile > 16)                                        \
    X("steel == A", p.steel == 0)                                                                  \
    X("\"C 3\" != steel", p.steel != 2)                                                            \
    X("pre == true or steel == 'B'", p.pre || p.steel == 1)                                        \
    X("not (n1 > 50 or n2 > 50)", !(p.n1 > 50 || p.n2 > 50))                                       \
    X("not n1 > 50 and n2 > 50", !(p.n1 > 50) && p.n2 > 50)                                        \
    X("n1 > 90 or n2 > 90 and R > 100", p.n1 > 90 || (p.n2 > 90 && p.r > 100))                     \
    X("(n1 > 90 or n2 > 90) and R > 100", (p.n1 > 90 || p.n2 > 90) && p.r > 100)                   \
    X("weld == 3", isnan(p.weld) || p.weld == 3)                                                   \
    X("weld * n1 <= 200", isnan(p.weld) || p.weld * p.n1 <= 200)

static void test_meaning(void **state) {
    (void)state;
    enum { POINTS = 400 };
#define TD_X(text, expected)                                                                       \
    {                                                                                              \
        td_arena *a = td_arena_create();                                                           \
        td_error err = {0};                                                                        \
        td_space *s;                                                                               \
        double v[N];                                                                               \
        td_choices c = {N, v};                                                                     \
        assert_ok(parse(a, parameters, text, &s, &err), &err);                                     \
        bool (*allows)(const void *, const td_choices *) = s->allows;                              \
        int kept = 0;                                                                              \
        for (uint64_t i = 0; i < POINTS; i++) {                                                    \
            td_rng r = td_rng_make(1, i, TD_RNG_TEST);                                             \
            td_design d;                                                                           \
            s->allows = NULL;                                                                      \
            td_space_sample(s, &r, &c);                                                            \
            s->allows = allows;                                                                    \
            point p = point_of(s, v);                                                              \
            (void)p;                                                                               \
            bool holds = expected;                                                                 \
            if (td_space_allows(s, &c) != holds) fail_msg("%s: point %d", text, (int)i);           \
            td_status built = s->build(s->self, &c, a, &d, &err);                                  \
            assert_int_equal(built, holds ? TD_OK : TD_E_INFEASIBLE);                              \
            if (!holds) assert_non_null(strstr(err.message, text));                                \
            kept += holds;                                                                         \
        }                                                                                          \
        assert_in_range(kept, 1, POINTS - 1);                                                      \
        td_arena_destroy(a);                                                                       \
    }
    CASES(TD_X)
#undef TD_X
}

static void test_faults(void **state) {
    (void)state;
    static const struct {
        const char *text, *part;
    } faults[] = {
        {"", "expected a condition"},
        {"n1", "expected a relation"},
        {"n1 + n2", "expected a relation (<=, >=, ==, ...) at the end"},
        {"n1 <=", "expected a number, a parameter or \"(\" at the end"},
        {"n1 <= 3 n2", "at \"n2\""},
        {"n1 = 3", "at \"= 3\""},
        {"(n1 <= 3", "expected \")\" at the end"},
        {"n3 <= 3", "there is no parameter \"n3\""},
        {"3 <= n3", "there is no parameter \"n3\""},
        {"n1 == A", "there is no parameter \"A\""},
        {"steel == D", "steel has no choice \"D\""},
        {"steel <= A", "two numbers"},
        {"steel == pre", "two numbers"},
        {"steel + 1 <= 3", "expected a number (or a parameter that is one)"},
        {"steel == 1", "two numbers"},
        {"n1 <= 3 and 4", "expected a condition at \" 4\""},
        {"n1 and n2 <= 3", "expected a condition"},
        {"not n1", "expected a condition"},
        {"(n1 <= 3) + 1 <= 2", "a number, not a condition"},
        {"min(n1) <= 3", "\",\""},
        {"sqrt(n1, n2) <= 3", "\")\""},
        {"sqrt n1 <= 3", "at \"n1"},
        {"1 <= 2", "on some parameter"},
        {"n1 <= 1e999", "expected a number"},
        {"n1 <= 3x", "expected a number"},
        {"steel == 'A", "other quote"},
        {"n1 <= 3 or", "at the end"},
        {"((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((n1<1", "nesting"},
        {"- - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - "
         "- - "
         "- - - - - - - - - - - - - - - - - - - - n1 <= 1",
         "nesting"},
    };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        td_arena *a = td_arena_create();
        td_error err = {0};
        td_space *s;
        if (parse(a, parameters, faults[i].text, &s, &err) != TD_E_INPUT)
            fail_msg("\"%s\" is taken", faults[i].text);
        if (strstr(err.message, faults[i].part) == NULL)
            fail_msg("%s: \"%s\" does not have \"%s\"", faults[i].text, err.message,
                     faults[i].part);
        td_arena_destroy(a);
    }
    /* The place in the file. */
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_space *s;
    const td_node *doc;
    const char *text = "parameters: {a: {int: [1, 2]}}\nknown:\n  - a <= 2\n  - a <== 2\n";
    assert_ok(td_yaml_parse(a, text, strlen(text), "p.yaml", &doc, &err), &err);
    assert_int_equal(td_space_parameters(td_node_find(doc, "parameters"),
                                         td_node_find(doc, "known"), a, &s, &err),
                     TD_E_INPUT);
    assert_non_null(strstr(err.message, "p.yaml:4: known[1]: expected a number"));
    td_arena_destroy(a);
}

/* Draws keep a condition that one point in forty meets, walks have all that do. */
static void test_draws(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_space *s;
    double v[3][N];
    td_choices c = {N, v[0]}, one = {N, v[1]}, other = {N, v[2]};
    assert_ok(parse(a, parameters, "abs(n1 - n2) <= 1 and n1 + n2 <= 150", &s, &err), &err);
    for (uint64_t i = 0; i < 2000; i++) {
        td_rng r = td_rng_make(2, i, TD_RNG_TEST);
        td_space_sample(s, &r, &one);
        td_space_sample(s, &r, &other);
        assert_true(td_space_allows(s, &one) && td_space_allows(s, &other));
        td_space_cross(s, &r, &one, &other, &c);
        assert_true(td_space_allows(s, &c));
        uint64_t before = td_choices_hash(&c);
        td_space_mutate(s, &r, &c);
        assert_true(td_space_allows(s, &c) && td_choices_hash(&c) != before);
    }
    assert_ok(parse(a, "x: {int: [0, 9]}\ny: {int: [0, 9]}\n", "x + y == 9 or x == y", &s, &err),
              &err);
    int n = 0;
    c = (td_choices){2, v[0]};
    for (bool there = td_space_first(s, &c); there; there = td_space_next(s, &c), n++)
        assert_true(v[0][0] + v[0][1] == 9 || v[0][0] == v[0][1]);
    assert_int_equal(n, 20);
    /* What no point meets: a draw comes back all the same, and is told. */
    assert_ok(parse(a, "x: {int: [0, 9]}\ny: {int: [0, 9]}\n", "x > 9", &s, &err), &err);
    td_rng r = td_rng_make(2, 0, TD_RNG_TEST);
    td_space_sample(s, &r, &c);
    assert_false(td_space_allows(s, &c));
    assert_false(td_space_first(s, &c));
    td_arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_meaning),
                                       cmocka_unit_test(test_faults), cmocka_unit_test(test_draws)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

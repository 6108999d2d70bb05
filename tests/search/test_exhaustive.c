/* The exhaustive strategy: the walk of td_space_next to its end; what was given up for another
 * vector comes back. */
#include "common.h"
#include "spaces.h"
#include "tandem/search.h"

enum { POINTS = 14, DECISIONS = 4 };

static uint64_t hash(const double *v) {
    return td_choices_hash(&(td_choices){DECISIONS, (double *)v});
}

/* Asks to the end; the numbers in `given` are given to a design of the user's. Returns how many. */
static int walk(double v[][DECISIONS], const double *known, uint64_t given) {
    const td_strategy *s = td_strategy_find("exhaustive");
    td_error err = {0};
    void *state;
    int n = 0;
    assert_ok(s->init(&state, &space_tree, 1, NULL, &err), &err);
    for (;; n++) {
        td_choices c = {DECISIONS, v[n]}, other = {DECISIONS, (double *)known};
        td_outcome o = {.state = TD_TRIAL_DONE, .nobj = 1};
        double fidelity = 1;
        td_status st = s->ask(state, n, &c, &fidelity);
        if (st == TD_E_DONE) break;
        assert_int_equal(st, TD_OK);
        s->tell(state, n, given >> n & 1 ? &other : &c, &o);
    }
    s->destroy(state);
    return n;
}

static void every_vector_in_order(void **state) {
    (void)state;
    double asked[64][DECISIONS], v[DECISIONS];
    td_choices c = {DECISIONS, v};
    assert_int_equal(walk(asked, NULL, 0), POINTS);
    assert_true(td_space_first(&space_tree, &c));
    for (int i = 0; i < POINTS; i++) {
        assert_int_equal(hash(v), hash(asked[i]));
        assert_int_equal(td_space_next(&space_tree, &c), i < POINTS - 1);
    }
}

static void what_was_given_up_comes_back(void **state) {
    (void)state;
    double plain[64][DECISIONS], asked[64][DECISIONS];
    walk(plain, NULL, 0);
    int n = walk(asked, plain[9], 1 << 2 | 1 << 3 | 1 << 5), distinct = 0;
    assert_int_equal(n, POINTS + 3);
    for (int i = 0; i < POINTS; i++)
        for (int k = 0; k < n; k++)
            if (k != 2 && k != 3 && k != 5 && hash(asked[k]) == hash(plain[i])) {
                distinct++;
                break;
            }
    assert_int_equal(distinct, POINTS);
}

static void real_spaces_are_refused(void **state) {
    (void)state;
    const td_strategy *s = td_strategy_find("exhaustive");
    td_error err = {0};
    void *none;
    assert_int_equal(s->init(&none, &space_mixed, 1, NULL, &err), TD_E_USAGE);
    assert_non_null(strstr(err.message, "real decisions"));
    assert_null(none);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vector_in_order),
        cmocka_unit_test(what_was_given_up_comes_back),
        cmocka_unit_test(real_spaces_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

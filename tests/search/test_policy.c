/* The controller of ppo: its probabilities against enumeration, its gradient against finite
 * differences. */
#include "common.h"

#include "../../src/search/policy.h"
#include "codesign.h"
#include "spaces.h"

static void scatter(td__policy *p, uint64_t seed) {
    td_rng r = td_rng_make(seed, 0, TD_RNG_TEST);
    for (size_t i = 0; i < p->n; i++) p->theta[i] = td_rng_normal(&r);
}

static void make(td__policy *p, const td_space *space, int hidden) {
    assert_int_equal(td__policy_init(p, space, hidden, 3), TD_OK);
}

/* The probabilities of all vectors add up to 1, and that is how often each is drawn. */
static void test_probabilities(void **unused) {
    (void)unused;
    for (int hidden = 0; hidden <= 5; hidden += 5) {
        td__policy p;
        make(&p, &space_tree, hidden);
        scatter(&p, 1);
        double v[4], sum = 0;
        td_choices c = {4, v};
        uint64_t key[14];
        double expected[14];
        int n = 0, drawn[14] = {0};
        for (bool any = td_space_first(&space_tree, &c); any;
             any = td_space_next(&space_tree, &c)) {
            key[n] = td_choices_hash(&c);
            expected[n] = exp(td__policy_log(&p, &c));
            sum += expected[n++];
        }
        assert_int_equal(n, 14);
        assert_near(sum, 1, 1e-12);
        enum { DRAWS = 20000 };
        td_rng r = td_rng_make(2, 0, TD_RNG_TEST);
        for (int i = 0; i < DRAWS; i++) {
            td__policy_sample(&p, &r, &c);
            int k = 0;
            while (k < 14 && key[k] != td_choices_hash(&c)) k++;
            assert_true(k < 14);
            drawn[k]++;
        }
        for (int k = 0; k < 14; k++)
            assert_near(drawn[k], DRAWS * expected[k],
                        4 * sqrt(DRAWS * expected[k] * (1 - expected[k])) + 1);
        td__policy_free(&p);
    }
}

/* At first all choices of a decision are equally likely, whatever stands before it. */
static void test_even_at_first(void **unused) {
    (void)unused;
    for (int hidden = 0; hidden <= 5; hidden += 5) {
        td__policy p;
        make(&p, &space_tree, hidden);
        double v[4] = {2, 1, 0, NAN};
        assert_near(td__policy_log(&p, &(td_choices){4, v}), -log(3 * 3 * 2), 1e-12);
        td__policy_free(&p);
        make(&p, &space_mixed, hidden);
        double w[3] = {.01, 7, .5};
        assert_near(td__policy_log(&p, &(td_choices){3, w}), -log(32. * 16 * 32), 1e-12);
        td__policy_free(&p);
    }
}

/* The logarithm of the probability and the sum of the entropies, weighted. The entropies are
 * counted here from the softmaxes, which enumeration has checked. */
static double objective(td__policy *p, const td_choices *c, double weight, double entropy_weight) {
    double sum = weight * td__policy_log(p, c);
    for (int i = 0; i < c->n; i++)
        for (int k = p->first[i]; !isnan(c->v[i]) && k < p->first[i + 1]; k++)
            if (p->first[i + 1] - p->first[i] > 1) sum -= entropy_weight * p->p[k] * log(p->p[k]);
    return sum;
}

static void test_gradient(void **unused) {
    (void)unused;
    const td_space *const spaces[] = {&space_tree, &space_mixed, &space_wide, codesign_space()};
    for (int s = 0; s < 4; s++)
        for (int hidden = 0; hidden <= 3; hidden += 3) {
            td__policy p;
            make(&p, spaces[s], hidden);
            scatter(&p, 4);
            double v[CODESIGN_DECISIONS], worst = 0;
            td_choices c = {spaces[s]->n, v};
            double *gradient = calloc(p.n, sizeof *gradient);
            assert_non_null(gradient);
            td_rng r = td_rng_make(5, 0, TD_RNG_TEST);
            td_space_sample(spaces[s], &r, &c);
            td__policy_log(&p, &c);
            td__policy_gradient(&p, &c, 1.5, .7, gradient);
            for (size_t i = 0; i < p.n; i++) {
                const double step = 1e-5, old = p.theta[i];
                p.theta[i] = old + step;
                double up = objective(&p, &c, 1.5, .7);
                p.theta[i] = old - step;
                double down = objective(&p, &c, 1.5, .7);
                p.theta[i] = old;
                worst = fmax(worst, fabs((up - down) / (2 * step) - gradient[i]));
            }
            if (worst > 1e-7) fail_msg("space %d, %d hidden: off by %g", s, hidden, worst);
            free(gradient);
            td__policy_free(&p);
        }
}

/* Every value of a large integer range belongs to one of 32 parts, which are intervals of (nearly)
 * equal length. */
static void test_parts(void **unused) {
    (void)unused;
    static const double sizes[] = {65, 100, 127, 1024, 5000};
    for (int s = 0; s < 5; s++) {
        td_decision d = {.name = "x", .kind = TD_INTEGER, .parent = -1, .lo = -7};
        d.hi = d.lo + sizes[s] - 1;
        td_space space = {.name = "range", .d = &d, .n = 1};
        td__policy p;
        make(&p, &space, 0);
        assert_int_equal(p.n, 32);
        int seen = 0;
        for (int part = 0; part < 32; part++) {
            p.theta[part] = 3;
            double first = NAN, last = NAN;
            int n = 0;
            for (double v = d.lo; v <= d.hi; v++) {
                if (td__policy_log(&p, &(td_choices){1, &v}) < log(.3)) continue;
                if (n++ == 0) first = v;
                last = v;
            }
            assert_near(last - first + 1, n, 0);
            assert_in_range(n, (int)sizes[s] / 32, (int)sizes[s] / 32 + 1);
            seen += n;
            /* What is drawn is mostly of that part: e^3 / (e^3 + 31) = .39 */
            td_rng r = td_rng_make(6, (uint64_t)part, TD_RNG_TEST);
            int inside = 0;
            for (int i = 0; i < 1000; i++) {
                double v;
                td__policy_sample(&p, &r, &(td_choices){1, &v});
                assert_true(v >= d.lo && v <= d.hi && v == floor(v));
                inside += v >= first && v <= last;
            }
            assert_in_range(inside, 330, 460);
            p.theta[part] = 0;
        }
        assert_int_equal(seen, (int)sizes[s]);
        td__policy_free(&p);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probabilities),
        cmocka_unit_test(test_even_at_first),
        cmocka_unit_test(test_gradient),
        cmocka_unit_test(test_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The choice of resident weights against all sets of them, on random chains with random tables of
 * ways. */
#include <math.h>

#include "common.h"
#include "dp_case.h"

static void picked_set_is_best(void **state) {
    (void)state;
    int some = 0;
    for (uint64_t seed = 1000; seed < 1120; seed++) {
        dp_case s;
        dp_case_make(&s, seed, 2 + (int)(seed % 3));
        const td__sched_plan *p = &s.plan;
        td__dp *dp = td__dp_create(p, &s.hw, &s.home, &s.table, &s.stacks, s.objective, s.arena);
        td__choice choice[16];
        bool resident[16] = {0}, proved, found = false;
        td__answer a = {.choice = choice};
        assert_true(td__pick_resident(dp, p, &s.hw, &s.home, &s.table, s.objective, s.arena,
                                      resident, &a, &proved));
        assert_true(proved);
        dp_figures best = {0, 0}, one = {0, 0};
        for (unsigned set = 0; set < 1u << p->n; set++) {
            bool trial[16] = {0}, legal = true;
            for (int i = 0; i < p->n; i++) {
                trial[i] = set >> i & 1;
                if (trial[i] && p->step[i].shape < 0) legal = false;
            }
            if (!legal || !dp_enumerate(&s, trial, false, &one)) continue;
            if (!found || dp_less(&s, one, best)) best = one;
            found = true;
        }
        assert_true(found);
        assert_true(dp_answer(&s, &a).cycles == best.cycles);
        assert_true(dp_answer(&s, &a).pj == best.pj);
        for (int i = 0; i < p->n; i++) some += resident[i];
        dp_case_free(&s);
    }
    assert_in_range(some, 20, 1000);
}

/* A dearer bit never makes the set larger, and with the room for all of a set set aside, the set
 * costs no more than any other one that fits, at the price of its bits. */
static void priced_sets(void **state) {
    (void)state;
    int some = 0, fewer = 0;
    for (uint64_t seed = 3000; seed < 3060; seed++) {
        dp_case s;
        dp_case_make(&s, seed, 6);
        s.stacks.n = 0; /* their layers are priced one by one: no exact optimum */
        const td__sched_plan *p = &s.plan;
        td__dp *dp = td__dp_create(p, &s.hw, &s.home, &s.table, NULL, s.objective, s.arena);
        const int64_t reserve = s.home.pool / 2;
        int64_t before = INT64_MAX;
        for (double price = 0; price<1; price = price> 0 ? 4 * price : 1.0 / 64) {
            bool resident[16], other[16];
            td__answer mine = {.choice = NULL}, one = {.choice = NULL};
            int64_t bits = td__dp_priced(dp, reserve, price, resident), sum = 0;
            for (int i = 0; i < p->n; i++)
                if (resident[i]) sum += p->step[i].weight_bits;
            assert_int_equal(bits, sum);
            assert_true(bits <= before);
            fewer += before < INT64_MAX && bits < before;
            some += bits > 0;
            before = bits;
            if (bits > reserve) continue;
            /* With the reserve as room for the set, of which some may be idle, the real schedule of
             * the set is at most what was counted; any other set in the reserve alone at least. */
            assert_true(td__dp_run(dp, resident, TD__STEADY, &mine));
            s.home.pool -= reserve;
            for (unsigned set = 0; set < 1u << p->n; set++) {
                int64_t own = 0;
                bool legal = true;
                for (int i = 0; i < p->n; i++) {
                    other[i] = set >> i & 1;
                    legal = legal && !(other[i] && p->step[i].shape < 0);
                    if (other[i]) own += p->step[i].weight_bits;
                }
                if (!legal || own > reserve) continue;
                s.home.pool += own; /* exactly its own, and nothing of the rest */
                bool can = td__dp_run(dp, other, TD__STEADY, &one);
                s.home.pool -= own;
                if (can)
                    assert_true(mine.first + price * (double)bits <=
                                one.first + price * (double)own + 1e-9 * one.first);
            }
            s.home.pool += reserve;
        }
        dp_case_free(&s);
    }
    assert_true(some > 40 && fewer > 20);
}

/* Longer chains: the search for the set is heuristic, but never worse than the sets that anybody
 * would try, and it is proved only if nothing is better. */
static void heuristic_set_is_good(void **state) {
    (void)state;
    double ratio = 0, gap = 0, loose = 0;
    int n = 0, proved_sets = 0, closer = 0;
    for (uint64_t seed = 2000; seed < 2040; seed++) {
        dp_case s;
        dp_case_make(&s, seed, 10);
        const td__sched_plan *p = &s.plan;
        td__dp *dp = td__dp_create(p, &s.hw, &s.home, &s.table, &s.stacks, s.objective, s.arena);
        td__choice choice[16];
        bool resident[16] = {0}, trial[16], proved;
        td__answer a = {.choice = choice}, one = {.choice = NULL};
        assert_true(td__pick_resident(dp, p, &s.hw, &s.home, &s.table, s.objective, s.arena,
                                      resident, &a, &proved));
        double best = INFINITY;
        for (unsigned set = 0; set < 1u << p->n; set++) {
            bool legal = true;
            for (int i = 0; i < p->n; i++) {
                trial[i] = set >> i & 1;
                if (trial[i] && p->step[i].shape < 0) legal = false;
            }
            if (legal && td__dp_run(dp, trial, TD__STEADY, &one) && one.first < best)
                best = one.first;
        }
        assert_true(a.first >= best);
        if (proved) {
            assert_true(a.first == best);
            proved_sets++;
        }
        ratio += a.first / best;
        n++;
        td__answer relaxed = {.choice = NULL};
        assert_true(td__dp_relaxed(dp, &relaxed));
        const double least = td__dp_least(dp, (double)s.home.pool);
        assert_true(relaxed.first <= least * (1 + 1e-12) && least <= best * (1 + 1e-12));
        closer += least > relaxed.first * (1 + 1e-9);
        gap += best / least;
        loose += best / relaxed.first;
        dp_case_free(&s);
    }
    printf("         best set: %.4f times the bound with a price for room, which is the greater in "
           "%d of %d; "
           "%.4f times that without\n",
           gap / n, closer, n, loose / n);
    assert_true(closer > 0 && gap < loose);
    printf("         set of resident weights: %.4f of the best on average, %d of %d proved\n",
           ratio / n, proved_sets, n);
    assert_true(ratio / n < 1.02);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(picked_set_is_best),
        cmocka_unit_test(priced_sets),
        cmocka_unit_test(heuristic_set_is_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

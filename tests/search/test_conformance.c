/* The conformance suite of strategies: every check runs for every strategy that is listed and every
 * set of options in conformance.c. */
#include "common.h"

#include <float.h>
#include <malloc.h>

#include "codesign.h"
#include "conformance.h"
#include "spaces.h"
#include "tandem/model.h"

enum { N_SPACES = 9, LARGE = 5 /* from there on */ };

static const td_space *space_at(int i) {
    const td_space *const spaces[N_SPACES] = {&space_tree,  &space_small, &space_two,
                                              &space_point, &space_empty, &space_mixed,
                                              &space_wide,  &space_flat,  codesign_space()};
    return spaces[i];
}

/* ---- outcomes -------------------------------------------------------------------------------- */

static td_outcome tight(const td_choices *c) {
    return codesign_evaluate(c, 1);
}

/* Any space: a sum with its optimum at the first choices, from which every third vector is barred.
 */
static td_outcome barred(const td_choices *c) {
    td_outcome o = {.state = TD_TRIAL_DONE, .nobj = 1, .ncon = 1, .con = {-1}};
    for (int i = 0; i < c->n; i++) o.obj[0] += isnan(c->v[i]) ? 0 : c->v[i];
    if (td_choices_hash(c) % 3 == 0) o = (td_outcome){.state = TD_TRIAL_INFEASIBLE};
    return o;
}

static td_outcome never(const td_choices *c) {
    td_outcome o = {.state = TD_TRIAL_INFEASIBLE};
    if (td_choices_hash(c) % 2 == 0) {
        o.ncon = 1;
        o.con[0] = 1 + (double)(td_choices_hash(c) % 100);
    }
    return o;
}

/* Every state that there is, and no number that can be used. */
static td_outcome broken(const td_choices *c) {
    static const td_state states[] = {TD_TRIAL_FAILED, TD_TRIAL_PRUNED, TD_TRIAL_DONE,
                                      TD_TRIAL_INFEASIBLE};
    static const double con[] = {NAN, INFINITY, -INFINITY, 0};
    uint64_t h = td_choices_hash(c);
    return (td_outcome){.state = states[h % 4],
                        .nobj = (int)(h / 4 % 2),
                        .obj = {NAN},
                        .ncon = (int)(h / 8 % 2),
                        .con = {con[h / 16 % 4]}};
}

static td_outcome extreme(const td_choices *c) {
    static const double obj[] = {1e300, -1e300, 0, DBL_MIN, -DBL_MAX, INFINITY, -INFINITY, 1};
    static const double con[] = {-1e300, 1e300, DBL_MAX, 0, INFINITY, -INFINITY};
    uint64_t h = td_choices_hash(c);
    td_outcome o = {.state = TD_TRIAL_DONE, .nobj = 1, .obj = {obj[h % 8]}};
    if (h / 8 % 4 == 0) {
        o.ncon = 2;
        o.con[0] = con[h / 32 % 6];
        o.con[1] = con[h / 192 % 6];
    }
    return o;
}

/* All are equal. */
static td_outcome even(const td_choices *c) {
    (void)c;
    return (td_outcome){.state = TD_TRIAL_DONE, .nobj = 1, .obj = {-.5}};
}

/* On space_flat: every decision has a best value of its own, and adds what it is away from it. */
static td_outcome separable(const td_choices *c) {
    static const double best[] = {3, 0, 5, 2, 1, 4, 4, 0, 3, 2, 3.3};
    td_outcome o = {.state = TD_TRIAL_DONE, .nobj = 1};
    for (int i = 0; i < 11; i++) o.obj[0] += fabs(c->v[i] - best[i]);
    o.obj[0] += fabs(log10(c->v[11]) - 2);
    return o;
}

/* ---- other choices than were asked ------------------------------------------------------------
 */

/* One trial in three, at random, is a design of the user's, drawn anywhere; some of them twice. */
static const td_space *other_space;
static bool often(int i, td_choices *c) {
    td_rng when = td_rng_make(76, (uint64_t)i, TD_RNG_TEST);
    if (td_rng_below(&when, 3) != 0) return false;
    td_rng r = td_rng_make(77, (uint64_t)(i % 60), TD_RNG_TEST);
    td_space_sample(other_space, &r, c);
    return true;
}

/* Every third one of the first 60 trials is a design near the optimum of `separable`. */
static bool good(int i, td_choices *c) {
    static const double near[] = {3, 0, 5, 2, 1, 4, 4, 0, 3, 2, 3, 150};
    if (i >= 60 || i % 3 != 1) return false;
    memcpy(c->v, near, sizeof near);
    td_rng r = td_rng_make(78, (uint64_t)i, TD_RNG_TEST);
    for (int k = 0; k < 3; k++) td_space_mutate(&space_flat, &r, c);
    return true;
}

/* ---- the suite ------------------------------------------------------------------------------- */

static record first, second;

static void check_names(const subject *x) {
    assert_true(x->s->name[0] != '\0' && x->s->about[0] != '\0');
    assert_ptr_equal(td_strategy_find(x->s->name), x->s);
    x->s->destroy(NULL);
}

static void test_names(void **unused) {
    (void)unused;
    for_each_subject(check_names);
    assert_null(td_strategy_find("no such strategy"));
    static const char *const names[] = {"random", "evolution", "local", "ppo"};
    for (int i = 0; i < 4; i++) assert_non_null(td_strategy_find(names[i]));
}

/* All kinds of decisions, conditions, one point, none; outcomes of every state, numbers of every
 * size; any lag, up to no outcome at all. What is asked is canonical and in range. */
static void check_robust(const subject *x) {
    static evaluate *const outcomes[] = {barred, never, broken, extreme, even};
    static const int lags[] = {0, 1, 16, 1000};
    for (int s = 0; s < N_SPACES; s++)
        for (int f = 0; f < 5; f++)
            for (int l = TEST_SANITIZED; l < 4; l += x->dear ? 2 : 1) {
                game g = {space_at(s), outcomes[f], 3, x->dear ? 32 : 80, lags[l]};
                play(x, &g, NULL, 0, &first);
            }
}

static void test_robust(void **unused) {
    (void)unused;
    for_each_subject(check_robust);
}

/* What is known beforehand is kept by all that is asked (check_asked). */
static void check_known(const subject *x) {
    for (uint64_t seed = 0; seed < (TEST_SANITIZED ? 1 : 3); seed++) {
        game g = {&space_known, barred, seed, x->dear ? 60 : 200, 3};
        play(x, &g, NULL, 0, &first);
        game rare = {&space_rare, barred, seed, 40, 3};
        play(x, &rare, NULL, 0, &first);
    }
}

static void test_known(void **unused) {
    (void)unused;
    td_rng r = td_rng_make(1, 0, TD_RNG_TEST);
    int kept = 0;
    for (int i = 0; i < 3000; i++) {
        double v[4];
        td_space all = space_known;
        td_choices c = {4, v};
        all.allows = NULL;
        td_space_sample(&all, &r, &c);
        kept += td_space_allows(&space_known, &c);
    }
    assert_in_range(kept, 200, 600);
    for_each_subject(check_known);
}

/* The same calls give the same vectors, in order or not; another seed gives others; what a search
 * asks does not depend on how long it will be. */
static void check_deterministic(const subject *x) {
    for (int s = 0; s < N_SPACES; s++)
        for (int lag = 16 * TEST_SANITIZED; lag <= 16; lag += x->dear ? 16 : 8) {
            game g = {space_at(s), space_at(s) == codesign_space() ? tight : barred,
                      5,           x->dear ? 45 : 120,
                      lag,         .shuffle = (uint64_t)lag};
            play(x, &g, NULL, 0, &first);
            play(x, &g, NULL, 0, &second);
            must(x, g.space, same_asks(&first, &second));
            g.n = x->dear ? 30 : 70;
            play(x, &g, NULL, 0, &second);
            first.n = first.n < g.n ? first.n : g.n;
            must(x, g.space, same_asks(&first, &second));
            g.seed = 6;
            play(x, &g, NULL, 0, &second);
            if (s >= LARGE && !x->walks) must(x, g.space, !same_asks(&first, &second));
        }
}

static void test_deterministic(void **unused) {
    (void)unused;
    for_each_subject(check_deterministic);
}

/* A study that stopped is replayed from its store and goes on as the uninterrupted one, also with
 * designs of the user's in it. */
static void check_resume(const subject *x) {
    for (int s = 0; s < N_SPACES; s++)
        for (int k = TEST_SANITIZED; k < 2; k++) {
            game g = {space_at(s),        barred, 9,
                      x->dear ? 45 : 150, 3,      .other = k == 1 ? often : NULL};
            other_space = g.space;
            play(x, &g, NULL, 0, &first);
            play(x, &g, &first, first.n * 2 / 3, &second);
            must(x, g.space, same_asks(&first, &second));
        }
}

static void test_resume(void **unused) {
    (void)unused;
    for_each_subject(check_resume);
}

static int count_full(const record *r) {
    int n = 0;
    for (int i = 0; i < r->n; i++) n += r->fidelity[i] == 1;
    return n;
}

/* No vector twice in a large space, and a small one is seen whole before anything is repeated much.
 * (A vector that was asked for its costs is asked in full again, so those are left out.) */
static void check_duplicates(const subject *x) {
    game g = {codesign_space(), barred, 1, x->dear ? 100 : 300, 4};
    play(x, &g, NULL, 0, &first);
    if (count_full(&first) == first.n) must(x, g.space, count_distinct(&first) == first.n);
    g = (game){&space_tree, barred, 1, 14, 0};
    play(x, &g, NULL, 0, &first);
    must(x, g.space, count_distinct(&first) >= (x->walks ? 14 : 12));
    g = (game){&space_tree, barred, 1, 60, 2};
    play(x, &g, NULL, 0, &first);
    must(x, g.space, count_distinct(&first) == 14);
    must(x, g.space, first.n == (x->walks ? 14 : 60));
    g = (game){&space_two, barred, 1, 8, 0};
    play(x, &g, NULL, 0, &first);
    must(x, g.space, count_distinct(&first) == 2);
}

static void test_duplicates(void **unused) {
    (void)unused;
    for_each_subject(check_duplicates);
}

/* Designs of the user's in the place of what was asked: they are not asked after they were told,
 * and what was put aside is not lost: a small space is still seen whole. */
static void check_other(const subject *x) {
    for (int s = 0; s < N_SPACES; s++)
        for (int lag = 16 * TEST_SANITIZED; lag <= 16; lag += x->dear ? 16 : 8) {
            game g = {space_at(s), barred, 4, x->dear ? 45 : 120, lag, .other = often};
            other_space = g.space;
            play(x, &g, NULL, 0, &first);
            if (x->walks || s < LARGE) continue;
            for (int i = 0; i < first.n; i++)
                for (int k = 0; k < i - lag && first.fidelity[i] == 1; k++) {
                    td_choices c = {g.space->n, first.v + (size_t)k * (size_t)g.space->n};
                    /* Costs first, then in full: a try comes back, a training does not. */
                    if (first.fidelity[k] == 1)
                        must(x, g.space, td_choices_hash(&c) != first.asked[i]);
                }
        }
    /* While half of a small space is left nothing comes twice that was told (but a network that was
     * being solved for when it was told: test_strategies.c looks at those). */
    for (uint64_t seed = 0; seed < (x->dear ? 7 : 20) && !x->walks; seed++) {
        game g = {&space_small, barred, seed, 30, 0, .other = often};
        other_space = &space_small;
        play(x, &g, NULL, 0, &first);
        for (int i = 0; i < first.n && count_full(&first) == first.n; i++)
            for (int k = 0; k < i; k++) {
                td_choices c = {3, first.v + 3 * k};
                must(x, g.space, td_choices_hash(&c) != first.asked[i]);
            }
    }
    game g = {&space_tree, barred, 4, 100, 2, .other = often};
    other_space = &space_tree;
    play(x, &g, NULL, 0, &first);
    bool seen[14] = {false};
    double v[4];
    td_choices c = {4, v};
    int k = 0, n = 0;
    for (bool any = td_space_first(&space_tree, &c); any; any = td_space_next(&space_tree, &c), k++)
        for (int i = 0; i < first.n; i++) {
            td_choices told = {4, first.v + 4 * i};
            if (!seen[k] && td_choices_hash(&told) == td_choices_hash(&c)) n++, seen[k] = true;
        }
    must(x, g.space, n == 14);
}

static void test_other(void **unused) {
    (void)unused;
    for_each_subject(check_other);
}

/* Of the better part of the trials: some may go on looking elsewhere. */
static double low_objective(const record *r, int begin, int end) {
    double v[200];
    for (int i = begin; i < end; i++) v[i - begin] = r->outcome[i].obj[0];
    return td_quantile(v, end - begin, 0.25);
}

/* What learns, learns from the user's designs: the next ones are better than without. */
static void check_learns_from_other(const subject *x) {
    if (!x->learns) return;
    double without = 0, with = 0;
    for (uint64_t seed = 0; seed < 5; seed++) {
        game g = {&space_flat, separable, seed, 130, 4};
        play(x, &g, NULL, 0, &first);
        g.other = good;
        play(x, &g, NULL, 0, &second);
        without += low_objective(&first, 60, 130) / 5;
        with += low_objective(&second, 60, 130) / 5;
    }
    printf("    %-10s %-70s %6.2f without, %6.2f with good designs\n", x->s->name, x->options,
           without, with);
    must(x, &space_flat, with < without - .5);
}

static void test_learns_from_other(void **unused) {
    (void)unused;
    if (TEST_SANITIZED) skip(); /* a figure */
    for_each_subject(check_learns_from_other);
}

/* What learns beats the best of as many random ones, with the sum of ten choices and two reals. */
static void check_beats_random(const subject *x) {
    if (!x->learns) return;
    subject random = {.s = td_strategy_find("random"), .options = "{}"};
    double sum = 0, random_sum = 0;
    for (uint64_t seed = 0; seed < 5; seed++) {
        game g = {&space_flat, separable, seed, 400, 4};
        play(x, &g, NULL, 0, &first);
        play(&random, &g, NULL, 0, &second);
        sum += best_of(&first) / 5;
        random_sum += best_of(&second) / 5;
    }
    printf("    %-10s %-70s %6.2f, random %6.2f\n", x->s->name, x->options, sum, random_sum);
    must(x, &space_flat, sum < random_sum - 1.5);
}

static void test_beats_random(void **unused) {
    (void)unused;
    if (TEST_SANITIZED) skip(); /* a figure */
    for_each_subject(check_beats_random);
}

/* Unknown options, and known ones with a value of another kind: refused, with line and key. */
static void check_options(const subject *x) {
    td_error err = {0};
    void *state;
    assert_int_equal(start_with(x, "a_strange_option: 3\n", codesign_space(), &state, &err),
                     TD_E_INPUT);
    x->s->destroy(state);
    assert_non_null(strstr(err.message, "recipe.yaml:1"));
    assert_non_null(strstr(err.message, "a_strange_option"));
    td_arena *a = td_arena_create();
    const td_node *options;
    assert_ok(td_yaml_parse(a, x->options, strlen(x->options), "", &options, &err), &err);
    static const char *const wrong[] = {"[1]", "{a: 1}", "\"a word\"", "-1", ".nan"};
    for (int i = 0; i < options->count; i++)
        for (int k = 0; k < 5; k++) {
            char text[128];
            const char *key = options->item[i]->key;
            snprintf(text, sizeof text, "%s: %s\n", key, wrong[k]);
            if (start_with(x, text, codesign_space(), &state, &err) != TD_E_INPUT ||
                strstr(err.message, "recipe.yaml:1") == NULL || strstr(err.message, key) == NULL)
                complain(x, codesign_space(), "%s: %s", text, err.message);
            x->s->destroy(state);
        }
    td_arena_destroy(a);
}

static void test_options(void **unused) {
    (void)unused;
    for_each_subject(check_options);
}

/* ---- work ------------------------------------------------------------------------------------ */

/* This program has the strategies compiled with a call of this function in every basic block (see
 * CMakeLists.txt), so that work is counted and not timed. */
static uint64_t blocks;
void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void) {
    blocks++;
}

enum { SPAN = 1000, DEAR_SPAN = 100, LONG = 10 * SPAN };
static uint64_t blocks_at[LONG];
static double bytes_at[LONG]; /* that are allocated */
static int n_marks;

static td_outcome marked(const td_choices *c) {
    struct mallinfo2 m = mallinfo2();
    bytes_at[n_marks] = (double)m.uordblks + (double)m.hblkhd;
    blocks_at[n_marks++] = blocks;
    return tight(c);
}

/* The last tenth of ten thousand trials (of a thousand where they are dear) is about as much work
 * as the fifth, and takes memory for their hashes only (and for a model that comes late). */
static void check_work(const subject *x) {
    const int span = x->dear ? DEAR_SPAN : SPAN, all = 10 * span;
    game g = {codesign_space(), marked, 2, all, 8};
    n_marks = 0;
    play(x, &g, NULL, 0, &first);
    must(x, g.space, n_marks == all);
    uint64_t early = blocks_at[5 * span - 1] - blocks_at[4 * span - 1];
    uint64_t late = blocks_at[all - 1] - blocks_at[all - span - 1];
    printf("    %-10s %-70s %6.0f basic blocks per trial, %6.0f at the end\n", x->s->name,
           x->options, (double)early / span, (double)late / span);
    must(x, g.space, early > (uint64_t)span && late < early + early / 2);
    must(x, g.space,
         bytes_at[all - 1] - bytes_at[all / 2] < (x->dear ? 500000 : 0) + 100 * all / 2);
}

static void test_work(void **unused) {
    (void)unused;
    if (TEST_SANITIZED) skip(); /* the sanitizers' own blocks and bytes */
    for_each_subject(check_work);
}

static int tear_down(void **unused) {
    (void)unused;
    record_free(&first);
    record_free(&second);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),        cmocka_unit_test(test_robust),
        cmocka_unit_test(test_known),        cmocka_unit_test(test_deterministic),
        cmocka_unit_test(test_resume),       cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_other),        cmocka_unit_test(test_learns_from_other),
        cmocka_unit_test(test_beats_random), cmocka_unit_test(test_options),
        cmocka_unit_test(test_work),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}

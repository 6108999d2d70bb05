/* Accuracies that runs share: each network is evaluated once, whoever asks, and its curve is kept.
 */
#include "../../src/study/compare.h"
#include "compare_helper.h"
#include "study_helper.h"

typedef struct {
    td_accuracy *accuracy;
    double value[200];
    td_status status[200];
} asker;

static void ask(void *self, int i) {
    asker *k = self;
    td_design d = {.net_hash = 1000 + (uint64_t)(i % 20)};
    td_accuracy_result r = {.value = NAN};
    td_error err;
    k->status[i] = k->accuracy->evaluate(k->accuracy->self, &d, 1, NULL, NULL, &r, &err);
    k->value[i] = r.value;
}

/* 20 networks, each asked for ten times by four threads: evaluated once, and the same for all. */
static void shared_accuracies(void **state) {
    fixture *f = *state;
    search s;
    td_accuracy shared;
    search_init(&s, 1, 1);
    s.fake.longest_us = 2000;
    s.fake.infeasible = 7;
    assert_ok(td__accuracy_shared(&s.accuracy, &shared, &f->err), &f->err);
    asker k = {.accuracy = &shared};
    assert_int_equal(td_parallel_for(4, 200, ask, &k), TD_OK);
    assert_int_equal(s.fake.evaluations, 20);
    assert_int_equal(s.fake.twice, 0);
    for (int i = 0; i < 200; i++) {
        bool diverges = (1000 + i % 20) % 7 == 0;
        assert_int_equal(k.status[i], diverges ? TD_E_INFEASIBLE : TD_OK);
        if (!diverges) assert_true(k.value[i] == k.value[i % 20] && k.value[i] >= 0.5);
    }
    assert_true(shared.key(shared.self) == 99);
    td_accuracy_free(&shared);
    search_free(&s);
}

static td_status score_of_fake(void *self, const td_design *d, td_accuracy_score *out,
                               td_error *err) {
    const fake *f = self;
    (void)err;
    *out = (td_accuracy_score){.valid = (double)d->net_hash, .repeats = f->evaluations};
    return TD_OK;
}

/* What a source knows beyond evaluations is asked of the source. */
static void scores_are_the_sources_own(void **state) {
    fixture *f = *state;
    search s;
    td_accuracy shared;
    td_accuracy_score r;
    td_design d = {.net_hash = 1001};
    search_init(&s, 1, 1);
    assert_ok(td__accuracy_shared(&s.accuracy, &shared, &f->err), &f->err);
    assert_null(shared.score);
    td_accuracy_free(&shared);
    search_free(&s);
    search_init(&s, 1, 1);
    s.accuracy.score = score_of_fake;
    s.accuracy.no_value = "not there";
    s.fake.infeasible = 7;
    assert_ok(td__accuracy_shared(&s.accuracy, &shared, &f->err), &f->err);
    asker k = {.accuracy = &shared};
    ask(&k, 0);
    assert_ok(shared.score(shared.self, &d, &r, &f->err), &f->err);
    assert_true(r.valid == 1001 && r.repeats == 1);
    /* the second to ask for a network without accuracy hears why as the first did */
    td_accuracy_result one;
    d.net_hash = 7 * 143;
    for (int i = 0; i < 2; i++)
        assert_int_equal(shared.evaluate(shared.self, &d, 1, NULL, NULL, &one, &f->err),
                         TD_E_INFEASIBLE);
    assert_string_equal(f->err.message, "not there");
    td_accuracy_free(&shared);
    search_free(&s);
}

/* A fault that is not the network's is not remembered. */
static void faults_are_tried_again(void **state) {
    fixture *f = *state;
    search s;
    td_accuracy shared;
    search_init(&s, 1, 1);
    s.fake.broken = 1;
    assert_ok(td__accuracy_shared(&s.accuracy, &shared, &f->err), &f->err);
    asker k = {.accuracy = &shared};
    ask(&k, 0);
    assert_int_equal(k.status[0], TD_E_IO);
    s.fake.broken = 0;
    ask(&k, 0);
    assert_int_equal(k.status[0], TD_OK);
    assert_int_equal(s.fake.evaluations, 2);
    td_accuracy_free(&shared);
    search_free(&s);
}

/* ---- watched accuracies that are shared ------------------------------------------------------ */

typedef struct {
    int stop; /* stops after this step; 0: never */
    int n;
    double value[16];
} steps_seen;

static bool all_steps(void *self, int step) {
    (void)self;
    (void)step;
    return true;
}

static bool until(void *self, int step, double value) {
    steps_seen *w = self;
    assert_int_equal(step, w->n + 1); /* each once, in order */
    w->value[w->n++] = value;
    return step != w->stop;
}

/* One curve for all: who wants less than is known trains nothing, who wants more trains once more
 * and hears each step once. What is known to the end is known to evaluate as it was before. */
static void watched_accuracies_share_a_curve(void **state) {
    fixture *f = *state;
    search s;
    td_accuracy shared;
    search_init(&s, 1, 1);
    search_stops(&s, 8, "{name: asha}");
    assert_ok(td__accuracy_shared(&s.accuracy, &shared, &f->err), &f->err);
    assert_int_equal(shared.steps, 8);
    static const struct {
        int stop, evaluations;
    } asked[] = {{3, 1}, {2, 1}, {3, 1}, {5, 2}, {0, 3}, {4, 3}, {0, 3}};
    double value[16] = {0};
    td_design d = {.net_hash = 1001};
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        steps_seen w = {.stop = asked[i].stop};
        const td_accuracy_watch steps = {all_steps, until, &w};
        td_accuracy_result r;
        assert_ok(shared.watched(shared.self, &d, &steps, NULL, NULL, &r, &f->err), &f->err);
        assert_int_equal(r.steps, asked[i].stop > 0 ? asked[i].stop : 8);
        assert_int_equal(w.n, asked[i].stop > 0 ? asked[i].stop : 7);
        assert_int_equal(s.fake.evaluations, asked[i].evaluations);
        if (asked[i].stop > 0) assert_true(r.value == w.value[w.n - 1]);
        for (int k = 0; k < w.n; k++) {
            assert_true(value[k] == 0 || value[k] == w.value[k]);
            value[k] = w.value[k];
        }
    }
    td_accuracy_free(&shared);
    search_free(&s);
}

/* Runs of one seed share curves; that changes no trial, whatever the number of threads. */

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, compare_setup, compare_teardown)
    const struct CMUnitTest tests[] = {
        TEST(shared_accuracies),
        TEST(scores_are_the_sources_own),
        TEST(faults_are_tried_again),
        TEST(watched_accuracies_share_a_curve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

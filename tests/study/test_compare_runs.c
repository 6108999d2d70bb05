/* Comparisons run on a tiny data set or a table: runs, scores, early stopping. */
#include "../../src/study/compare.h"
#include "compare_helper.h"
#include "study_helper.h"
#include "tandem/report.h"

/* ---- runs ------------------------------------------------------------------------------------ */

typedef struct {
    int64_t stop_at; /* trials of all runs; 0: never */
    bool stop;
    int finished;
    td_progress last;
} watch;

static void on_progress(void *self, const td_progress *p) {
    watch *w = self;
    if (w->stop_at > 0 && p->done >= w->stop_at) w->stop = true;
    w->last = *p;
}

static bool on_cancelled(void *self) {
    return __atomic_load_n(&((watch *)self)->stop, __ATOMIC_SEQ_CST);
}

static td_status on_finished(void *self, const td_recipe *r, const td_run_summary *s,
                             const char *out, td_error *err) {
    ((watch *)self)->finished++;
    assert_int_equal(s->n, 1);
    assert_string_equal(s->row[0].name, "joint");
    return td_report_write(r, s, out, err);
}

static const td_compare_spec three_seeds = {
    .strategies = "random,evolution", .budgets = "5,12", .seeds = 3};

/* runs.csv and curves.csv of a comparison; free with free(). */
static char *run_text(fixture *f, td_compare_spec spec, const char *out, int threads, watch *w) {
    td_comparison *c = plan(f, spec, out);
    td_text t = {0};
    td_compare_options o = {.threads = threads,
                            .progress = on_progress,
                            .cancelled = on_cancelled,
                            .finished = on_finished,
                            .self = w};
    td_status s = td_compare_search(c, &o, &f->err);
    if (s == TD_OK) {
        td_report_comparison_runs(c, &t);
        td_report_comparison_curves(c, &t);
    } else {
        assert_int_equal(s, TD_E_INTERRUPTED);
    }
    td_comparison_destroy(c);
    return t.data;
}

static td_trial_row *trials_of(fixture *f, const char *out, td_arena *a, int *n) {
    td_store *store;
    td_trial_row *t;
    assert_ok(td_store_open(scratch_path(out, "study.db"), false, &store, &f->err), &f->err);
    assert_ok(td_store_trials(store, "joint", a, &t, n, &f->err), &f->err);
    td_store_close(store);
    return t;
}

/* Scores are those of td_trials_best on the first trials of each store. */
static void check_scores(fixture *f, const td_comparison *c) {
    for (int i = 0; i < c->nrun; i++) {
        const td_compare_run *run = &c->run[i];
        td_arena *a = td_arena_create();
        int n;
        td_trial_row *t = trials_of(f, run->out, a, &n);
        assert_true(n <= c->budget[c->nbudget - 1]);
        for (int b = 0; b < c->nbudget; b++) {
            int m = n < c->budget[b] ? n : (int)c->budget[b], best = td_trials_best(t, m);
            int64_t trained = 0;
            for (int k = 0; k < m; k++) trained += t[k].trained;
            const td_compare_score *s = &run->score[b];
            assert_int_equal(s->trials, m);
            assert_int_equal(s->trained, trained);
            assert_true(trained <= c->trained);
            if (best >= 0 && t[best].feasible) {
                assert_int_equal(s->best, t[best].number);
                assert_true(s->quality == t[best].accuracy);
                assert_true(s->metric[TD_METRIC_AREA] == t[best].metric[TD_METRIC_AREA]);
            } else {
                assert_true(s->quality == -INFINITY);
            }
            assert_true(m == 0 || td_compare_reached(run, s->quality) <= m ||
                        s->quality == -INFINITY);
        }
        /* Each step is better than the one before. */
        for (int k = 1; k < run->nstep; k++)
            assert_true(run->step[k].quality > run->step[k - 1].quality &&
                        run->step[k].trials > run->step[k - 1].trials);
        td_arena_destroy(a);
    }
}

static void runs(void **state) {
    fixture *f = *state;
    write_recipe(f, "");
    watch w = {0};
    char *one = run_text(f, three_seeds, "one", 1, &w);
    assert_non_null(one);
    assert_int_equal(w.finished, 6);
    assert_true(w.last.done == w.last.total && w.last.trained == w.last.max_trained);
    assert_true(
        td_file_exists(scratch_path(f->folder, "one/joint-random-trained-6/seed-5/trials.csv")));
    assert_true(
        td_file_exists(scratch_path(f->folder, "one/joint-evolution-trained-6/seed-3/best")));
    /* Threads change nothing. */
    w = (watch){0};
    char *three = run_text(f, three_seeds, "three", 3, &w);
    assert_string_equal(one, three);
    free(three);
    /* Nor does stopping in the middle, twice. */
    for (int k = 1; k <= 2; k++) {
        w = (watch){.stop_at = 20 * k};
        assert_null(run_text(f, three_seeds, "stopped", 2, &w));
        assert_true(w.finished < 6);
    }
    w = (watch){0};
    char *resumed = run_text(f, three_seeds, "stopped", 2, &w);
    assert_string_equal(one, resumed);
    free(resumed);
    /* Finished ones are not run again: the trials are those of before, to the millisecond. */
    td_arena *a = td_arena_create();
    char out[1200];
    snprintf(out, sizeof out, "%s",
             scratch_path(f->folder, "one/joint-evolution-trained-6/seed-4"));
    int n, m;
    td_trial_row *before = trials_of(f, out, a, &n);
    char *again = run_text(f, three_seeds, "one", 2, &w);
    td_trial_row *after = trials_of(f, out, a, &m);
    assert_string_equal(one, again);
    free(again);
    assert_int_equal(n, m);
    for (int i = 0; i < n; i++)
        assert_true(before[i].finished == after[i].finished && before[i].rev == after[i].rev);
    td_arena_destroy(a);
    /* A smaller budget in the same folder: its runs are the first trials of these. */
    td_compare_spec small = three_seeds;
    small.budgets = "5";
    td_comparison *c = plan(f, three_seeds, "one"), *d = plan(f, small, "one");
    td_compare_options o = {.threads = 2};
    assert_ok(td_compare_search(c, &o, &f->err), &f->err);
    check_scores(f, c);
    assert_ok(td_compare_search(d, &o, &f->err), &f->err);
    for (int i = 0; i < c->nrun; i++) {
        assert_true(c->run[i].score[0].quality == d->run[i].score[0].quality);
        assert_true(d->run[i].score[0].trials <= 5);
    }
    td_comparison_destroy(d);
    td_comparison_destroy(c);
    free(one);
}

/* Targets that no design meets: the runs count, and rank lowest. */
static void runs_without_a_design(void **state) {
    fixture *f = *state;
    write_recipe(f, "");
    td_comparison *c = plan(f,
                            (td_compare_spec){.strategies = "random",
                                              .targets = "area_mm2=0.01;area_mm2=5",
                                              .budgets = "4",
                                              .seeds = 2},
                            "none");
    td_compare_options o = {.threads = 1};
    td_compare_stat st;
    double quality[1];
    assert_ok(td_compare_search(c, &o, &f->err), &f->err);
    check_scores(f, c);
    assert_ok(td_compare_statistics(c, 0, 0, &st, &f->err), &f->err);
    assert_true(st.feasible == 0 && st.n == 2 && st.quality.median == -INFINITY);
    assert_true(st.trained == 0 && st.trials == 4);
    assert_int_equal(td_compare_qualities(c, 0, quality), 0);
    assert_ok(td_compare_statistics(c, 1, 0, &st, &f->err), &f->err);
    assert_true(st.feasible == 2 && st.quality.median > 0.05 && st.trained > 0);
    assert_int_equal(td_compare_qualities(c, 1, quality), 1);
    td_comparison_destroy(c);
}

/* Another recipe in the same folder is told, with the run. */
static void another_recipe(void **state) {
    fixture *f = *state;
    write_recipe(f, "");
    td_compare_spec spec = {.strategies = "random", .budgets = "2", .seeds = 1};
    td_compare_options o = {.threads = 1};
    td_comparison *c = plan(f, spec, "other");
    assert_ok(td_compare_search(c, &o, &f->err), &f->err);
    td_comparison_destroy(c);
    const char *at = strstr(recipe, "lag: 2");
    char *text = strdup(recipe);
    text[at - recipe + 5] = '3';
    scratch_write(f->folder, "recipe.yaml", text, strlen(text));
    free(text);
    c = plan(f, spec, "other");
    assert_int_equal(td_compare_search(c, &o, &f->err), TD_E_USAGE);
    assert_non_null(strstr(f->err.message, "other/joint-random-trained-6/seed-3: "));
    td_comparison_destroy(c);
}

/* Keys that are set hold in the plan and in each run; options go before them. */
static void set_keys(void **state) {
    fixture *f = *state;
    static const char *const set[] = {"seed=9", "budget.trials=5", "schedule.batch=2",
                                      "strategy.population=6", "budget.hours=1"};
    write_recipe(f, "enqueue: [{s1.depth: 1, s1.b1.kernel: 3, s1.b1.expansion: 1, pe_x: 1,"
                    " simd: 4, local_kb: 64}]\n");
    td_compare_spec spec = {.set = set, .n_set = 5, .seeds = 1};
    td_comparison *c = plan(f, spec, "set");
    assert_true(c->seed == 9 && c->budget[0] == 5);
    assert_non_null(strstr(c->method[1].strategy, "\"population\": 6"));
    td_compare_options o = {.threads = 1};
    assert_ok(td_compare_search(c, &o, &f->err), &f->err);
    assert_int_equal(c->run[0].score[0].trials, 5);
    td_recipe *r;
    assert_ok(td_recipe_stored(c->run[0].out, NULL, 0, &r, &f->err), &f->err);
    assert_true(r->seed == 9 && r->schedule.batch == 2 && r->hours == 0 && r->enqueue == NULL);
    td_recipe_destroy(r);
    td_arena *a = td_arena_create();
    int n;
    td_trial_row *t = trials_of(f, c->run[0].out, a, &n);
    assert_true(n == 5 && !t[0].enqueued);
    td_arena_destroy(a);
    td_comparison_destroy(c);
    spec.budgets = "3";
    c = plan(f, spec, "set");
    assert_true(c->budget[0] == 3 && c->seed == 9);
    td_comparison_destroy(c);
}

/* ---- scopes and tables ----------------------------------------------------------------------- */

enum { MOST_NETS = 256 };
typedef struct {
    uint64_t hash[MOST_NETS];
    double value[MOST_NETS][3];
    int n;
} nets;

/* Each network of a space with three accuracies, as table.csv; *known: the same by their hashes. */
static void write_table(fixture *f, const td_space *space, nets *known) {
    td_text t = {0};
    td_arena *a = td_arena_create();
    double v[64];
    td_choices c = {.n = space->n, .v = v};
    assert_in_range(space->n, 1, 64);
    known->n = 0;
    for (int i = 0; i < space->n; i++) td_text_addf(&t, "%s,", space->d[i].name);
    td_text_add(&t, "a,b,c\n");
    for (bool more = td_space_first(space, &c); more; more = td_space_next(space, &c)) {
        td_design d = {0};
        const td_node *doc = td_choices_to_node(space, &c, a);
        assert_ok(space->build(space->self, &c, a, &d, &f->err), &f->err);
        int k = 0;
        while (k < known->n && known->hash[k] != d.net_hash) k++;
        if (k == known->n) {
            td_rng r = td_rng_make(d.net_hash, 0, TD_RNG_TEST);
            assert_in_range(known->n, 0, MOST_NETS - 1);
            known->hash[known->n++] = d.net_hash;
            for (int i = 0; i < 3; i++)
                known->value[k][i] = floor(1000 * (0.5 + 0.4 * td_rng_uniform(&r))) / 1000;
        }
        for (int i = 0; i < space->n; i++) {
            const td_node *x = td_node_find(doc, space->d[i].name);
            if (x != NULL) td_node_to_json(x, 0, &t);
            td_text_add(&t, ",");
        }
        for (int i = 0; i < 3; i++)
            td_text_addf(&t, "%.3f%s", known->value[k][i], i < 2 ? "," : "\n");
        td_design_free(&d);
    }
    scratch_write(f->folder, "table.csv", t.data, t.size);
    td_text_free(&t);
    td_arena_destroy(a);
}

/* The table instead of trainings, and its networks; without: a network that it leaves out. */
static void use_table(fixture *f, const char *compare, nets *known) {
    td_recipe *r;
    write_recipe(f, compare);
    assert_ok(td_recipe_load(scratch_path(f->folder, "recipe.yaml"), &r, &f->err), &f->err);
    write_table(f, r->net, known);
    td_recipe_destroy(r);
    const char *at = strstr(recipe, "accuracy:"), *end = strstr(recipe, "objective:");
    td_text t = {0};
    td_text_addf(&t, "%.*saccuracy: {source: table, file: table.csv, valid: [a, b, c]}\n%s%s",
                 (int)(at - recipe), recipe, end, compare);
    scratch_write(f->folder, "recipe.yaml", t.data, t.size);
    td_text_free(&t);
}

/* Scopes of several phases have figures at the largest budget only. */
static void check_gaps(fixture *f, const td_comparison *c) {
    td_compare_stat st[8];
    assert_in_range(c->nmethod, 1, 8);
    for (int b = 0; b < 2; b++) {
        assert_ok(td_compare_statistics(c, 0, b, st, &f->err), &f->err);
        double p[8];
        for (int m = 0; m < c->nmethod; m++) {
            bool told = b == 1 || td_scope_find(c->method[m].scope)->n == 1;
            assert_true(td_compare_tells(c, m, b) == told && st[m].known == told);
            assert_true(isnan(st[m].quality.median) == !told && isnan(st[m].trials) == !told);
            assert_true(isnan(st[m].p_holm) == (!told || m == c->against));
            p[m] = told && m != c->against ? st[m].against.p : NAN;
        }
        assert_ok(td_holm(p, c->nmethod, p, &f->err), &f->err);
        for (int m = 0; m < c->nmethod; m++) assert_true(isnan(p[m]) || p[m] == st[m].p_holm);
    }
    td_text t = {0};
    td_report_comparison_runs(c, &t);
    assert_non_null(strstr(t.data, ",alternate,alternate random,3,24,"));
    assert_null(strstr(t.data, ",alternate,alternate random,3,4,"));
    assert_non_null(strstr(t.data, ",joint,joint random,3,4,"));
    td_text_free(&t);
    assert_ok(td_report_comparison(c, &t, &f->err), &f->err);
    assert_non_null(strstr(t.data, "\n-: the phases of a scope share the budget, so that its runs "
                                   "of 24 trials"));
    td_text_free(&t);
    td_arena *a = td_arena_create();
    td_node *root;
    assert_ok(td_report_comparison_node(c, a, &root, &f->err), &f->err);
    const td_node *at = td_node_find(td_node_find(root, "results")->item[0], "budgets")->item[0];
    const td_node *alternate = td_node_find(at, "methods")->item[1];
    static const char *const gone[] = {"median", "runs_that_meet_targets", "a12", "p", "p_holm"};
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++)
        assert_int_equal(td_node_find(alternate, gone[i])->kind, TD_NULL);
    td_arena_destroy(a);
}

/* What a run is worth is the mean over the repeats of the network of its best design, whichever
 * phase found it; what the search went by is one of them. */
static void scopes_and_tables(void **state) {
    fixture *f = *state;
    static nets known;
    static const char fixed[] =
        "compare:\n"
        "  network: {choices: {s1.depth: 1, s1.b1.kernel: 3, s1.b1.expansion: 1}}\n"
        "  accelerator: {choices: {pe_x: 1, simd: 4, local_kb: 64}}\n";
    use_table(f, fixed, &known);
    td_comparison *c =
        plan(f,
             (td_compare_spec){.strategies = "random",
                               .scopes = "joint,alternate,accelerator,solve,phase-network",
                               .budgets = "4,24",
                               .seeds = 3},
             "scopes");
    assert_string_equal(c->method[1].label, "alternate random");
    td_compare_options o = {.threads = 2};
    assert_ok(td_compare_search(c, &o, &f->err), &f->err);
    int differ = 0, later = 0, given = 0;
    for (int i = 0; i < c->nrun; i++) {
        const td_compare_run *run = &c->run[i];
        const td_scope *scope = td_scope_find(c->method[run->method].scope);
        td_arena *a = td_arena_create();
        td_store *store;
        td_trial_row all[32];
        int n = 0, first = 0;
        assert_ok(td_store_open(scratch_path(run->out, "study.db"), false, &store, &f->err),
                  &f->err);
        for (int k = 0; k < scope->n; k++) {
            char study[TD_STUDY_NAME];
            td_trial_row *part;
            int m;
            td_scope_study(scope, k, study);
            assert_ok(td_store_trials(store, study, a, &part, &m, &f->err), &f->err);
            assert_in_range(n + m, 1, 31);
            memcpy(all + n, part, sizeof *part * (size_t)m);
            n += m;
            if (k == 0) first = m;
        }
        td_store_close(store);
        assert_true(n <= 24);
        if (scope->n > 1) assert_true(isnan(run->score[0].quality));
        for (int b = scope->n > 1; b < 2; b++) {
            int best = td_trials_best(all, n < c->budget[b] ? n : (int)c->budget[b]), k = 0;
            assert_true(run->score[b].best == best);
            if (best < 0 || !all[best].feasible) {
                assert_true(run->score[b].quality == -INFINITY);
                continue;
            }
            while (k < known.n && known.hash[k] != all[best].net_hash) k++;
            assert_true(k < known.n);
            const double *v = known.value[k];
            assert_true(all[best].accuracy == v[0] || all[best].accuracy == v[1] ||
                        all[best].accuracy == v[2]);
            assert_near(run->score[b].quality, (v[0] + v[1] + v[2]) / 3, 1e-12);
            differ += run->score[b].quality != all[best].accuracy;
            later += best >= first;
            given += best >= first && strstr(all[best].params, "kernel") == NULL;
        }
        td_arena_destroy(a);
    }
    check_gaps(f, c);
    assert_true(differ > 0);
    assert_true(later > given && given > 0); /* networks of their own, and of an earlier phase */
    td_comparison_destroy(c);
}

/* The handmade network is not in the table: its runs have no quality, the others are compared. */
static void networks_without_accuracy(void **state) {
    fixture *f = *state;
    static nets known;
    use_table(f,
              "compare:\n  network: {space: fixed, net: handmade}\n"
              "  accelerator: {choices: {pe_x: 2, simd: 8, local_kb: 64}}\n",
              &known);
    td_comparison *c = plan(f,
                            (td_compare_spec){.strategies = "random",
                                              .scopes = "joint,accelerator,hand-made,network",
                                              .budgets = "12",
                                              .targets = "area_mm2=5;area_mm2=0.01",
                                              .seeds = 2},
                            "unknown");
    td_compare_options o = {.threads = 2};
    td_compare_stat st[4];
    assert_ok(td_compare_search(c, &o, &f->err), &f->err);
    assert_ok(td_compare_statistics(c, 0, 0, st, &f->err), &f->err);
    for (int m = 0; m < 4; m++) {
        bool fixed = m == 1 || m == 2;
        assert_true(st[m].known == !fixed && st[m].feasible == 2);
        assert_true(isnan(st[m].quality.median) == fixed);
        assert_true(isnan(st[m].p_holm) == (fixed || m == 0));
    }
    assert_near(st[3].p_holm, st[3].against.p, 0); /* the one test there is */
    /* No target is met: that is known without an accuracy. */
    assert_ok(td_compare_statistics(c, 1, 0, st, &f->err), &f->err);
    for (int m = 0; m < 4; m++)
        assert_true(st[m].known && st[m].feasible == 0 && st[m].quality.median == -INFINITY);
    td_text t = {0};
    assert_ok(td_report_comparison(c, &t, &f->err), &f->err);
    assert_non_null(strstr(t.data, "-: a run's fixed network has no accuracy"));
    assert_null(strstr(t.data, "phases of a scope share"));
    td_text_free(&t);
    td_report_comparison_runs(c, &t);
    assert_non_null(strstr(t.data, "accelerator,accelerator random,3,12,12,0,1,,"));
    td_text_free(&t);
    td_comparison_destroy(c);
}

/* The given network's training diverges: nothing is known of it. That networks which a search has
 * found diverge is its result: it has none. */
static void networks_that_diverge(void **state) {
    fixture *f = *state;
    static const char *const set[] = {"accuracy.rate=100", "accuracy.weight_decay=1",
                                      "accuracy.epochs=12"};
    write_recipe(f, "compare:\n"
                    "  network: {choices: {s1.depth: 1, s1.b1.kernel: 3, s1.b1.expansion: 1}}\n"
                    "  accelerator: {choices: {pe_x: 2, simd: 8, local_kb: 64}}\n");
    td_comparison *c = plan(f,
                            (td_compare_spec){.strategies = "random",
                                              .scopes = "joint,accelerator",
                                              .budgets = "3",
                                              .set = set,
                                              .n_set = 3,
                                              .seeds = 1},
                            "diverge");
    td_compare_options o = {.threads = 1};
    td_compare_stat st[2];
    assert_ok(td_compare_search(c, &o, &f->err), &f->err);
    assert_ok(td_compare_statistics(c, 0, 0, st, &f->err), &f->err);
    assert_true(st[0].known && st[0].feasible == 0 && st[0].quality.median == -INFINITY);
    assert_true(!st[1].known && st[1].feasible == 1 && isnan(st[1].quality.median));
    td_comparison_destroy(c);
}

/* ---- early stopping ---------------------------------------------------------------------------
 */

static void comparisons_stop_early(void **state) {
    fixture *f = *state;
    write_recipe(f, "early_stopping: {name: asha, eta: 2}\n");
    static const char *const set[] = {"accuracy.epochs=4", "lag=0", "budget={trials: 12}"};
    td_compare_spec spec = three_seeds;
    spec.set = set;
    spec.n_set = 3;
    char *expected = NULL;
    int stopped = 0;
    for (int threads = 1; threads <= 3; threads += 2) {
        watch w = {0};
        char out[32];
        snprintf(out, sizeof out, "threads-%d", threads);
        char *got = run_text(f, spec, out, threads, &w);
        assert_non_null(got);
        if (expected != NULL) assert_string_equal(got, expected);
        free(expected);
        expected = got;
        td_comparison *c = plan(f, spec, out);
        for (int i = 0; i < c->nrun; i++) {
            td_arena *a = td_arena_create();
            int n;
            td_trial_row *t = trials_of(f, c->run[i].out, a, &n);
            for (int k = 0; k < n; k++) stopped += td_trial_result(&t[k]) == TD_RESULT_STOPPED;
            td_arena_destroy(a);
        }
        td_comparison_destroy(c);
    }
    assert_true(stopped > 6);
    free(expected);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, compare_setup, compare_teardown)
    const struct CMUnitTest tests[] = {
        TEST(runs),
        TEST(runs_without_a_design),
        TEST(another_recipe),
        TEST(set_keys),
        TEST(scopes_and_tables),
        TEST(networks_without_accuracy),
        TEST(networks_that_diverge),
        TEST(comparisons_stop_early),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

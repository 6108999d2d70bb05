/* Scopes of a recipe: what each searches, that budgets are shared by its phases, that a pair is
 * carried from phase to phase, and that interrupted ones end as others. */
#include "scratch.h"
#include "tandem/report.h"
#include "tandem/study.h"

typedef struct {
    char *folder;
    td_error err;
} fixture;

static int setup(void **state) {
    static fixture f;
    f = (fixture){.folder = scratch_make()};
    scratch_data(scratch_path(f.folder, "data"));
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    scratch_remove(((fixture *)*state)->folder);
    return 0;
}

static const char recipe[] =
    "name: scopes\n"
    "seed: 3\n"
    "lag: 1\n"
    "schedule: {max_nodes: 300}\n"
    "network:\n"
    "  space: ibn\n"
    "  input: [1, 8, 8]\n"
    "  classes: 10\n"
    "  stem: {channels: 8, stride: 2}\n"
    "  stages: [{channels: 8, stride: 1, depth: [1, 2]}]\n"
    "  kernel: [3, 5]\n"
    "  expansion: [1, 2]\n"
    "  width: 1\n"
    "  head: [0, 16]\n"
    "accelerator: {space: micro, pe_x: [1, 2], pe_y: 1, simd: [4, 8], lanes: [1, 2],\n"
    "  local_kb: [64, 128], rf_kb: 1, io_gbps: [0.2, 0.8]}\n"
    "accuracy: {path: data, epochs: 1, train_images: 100, batch: 50, rate: 0.05}\n"
    "objective: {targets: {latency_us: 40, area_mm2: 0.9}}\n"
    "budget: {trials: 24, trained: 8}\n"
    "strategy: {name: evolution, population: 4}\n"
    "compare:\n"
    "  network: {choices: {s1.depth: 2, s1.b1.kernel: 5, s1.b1.expansion: 2, s1.b2.kernel: 5,\n"
    "                      s1.b2.expansion: 2, head: 16}}\n"
    "  accelerator: {space: fixed, hw: micro}\n";

static td_status run(fixture *f, const char *scope, const char *out, td_run_options o,
                     td_run_summary *sum) {
    td_text t = {0};
    td_recipe *r;
    td_text_addf(&t, "%sscope: %s\n", recipe, scope);
    scratch_write(f->folder, "r.yaml", t.data, t.size);
    td_text_free(&t);
    assert_ok(td_recipe_load(scratch_path(f->folder, "r.yaml"), &r, &f->err), &f->err);
    o.out = scratch_path(f->folder, out);
    td_status s = td_recipe_run(r, &o, sum, &f->err);
    td_recipe_destroy(r);
    return s;
}

static int load(fixture *f, const char *out, const char *study, td_arena *a, td_trial_row **t) {
    td_store *store;
    int n;
    char path[64];
    snprintf(path, sizeof path, "%s/study.db", out);
    assert_ok(td_store_open(scratch_path(f->folder, path), false, &store, &f->err), &f->err);
    assert_ok(td_store_trials(store, study, a, t, &n, &f->err), &f->err);
    td_store_close(store);
    return n;
}

static int trained(const td_trial_row *t, int n) {
    int sum = 0;
    for (int i = 0; i < n; i++) sum += t[i].trained;
    return sum;
}

/* The choices of a trial without the braces: what a phase leaves out of them was fixed. */
static bool has(const td_trial_row *t, const char *decision) {
    return strstr(t->params, decision) != NULL;
}

static void all_scopes_at_one_budget(void **state) {
    fixture *f = *state;
    td_run_summary sum;
    td_arena *a = td_arena_create();
    assert_ok(run(f,
                  "[joint, network, accelerator, phase-accelerator, phase-network, alternate, "
                  "solve, hand-made]",
                  "out", (td_run_options){.threads = 2}, &sum),
              &f->err);
    assert_int_equal(sum.n, 8);
    for (int i = 0; i < sum.n; i++) {
        const td_result_row *r = &sum.row[i];
        assert_true(r->found && r->design.net != NULL && r->design.has_hw);
        assert_true(r->trials <= 24 && r->trained <= 8);
        assert_true(isfinite(r->valid_accuracy));
        /* The figures are the design's own. */
        assert_true(r->schedule.latency_s == r->metric[TD_METRIC_LATENCY]);
        assert_true(r->design.hw.area_mm2 == r->metric[TD_METRIC_AREA]);
    }
    td_trial_row *t;
    int n = load(f, "out", "phase-accelerator-1", a, &t);
    assert_int_equal(n, 12);
    assert_int_equal(trained(t, n), 1);
    for (int i = 0; i < n; i++) assert_true(has(&t[i], "pe_x") && !has(&t[i], "kernel"));
    n = load(f, "out", "phase-accelerator-2", a, &t);
    assert_true(n <= 12 && trained(t, n) <= 7);
    for (int i = 0; i < n; i++) assert_true(!has(&t[i], "pe_x") && has(&t[i], "kernel"));
    n = load(f, "out", "phase-network-1", a, &t);
    for (int i = 0; i < n; i++) assert_true(!has(&t[i], "pe_x") && has(&t[i], "kernel"));
    int all = 0;
    const char *begins[4];
    for (int phase = 1; phase <= 4; phase++) {
        char name[32];
        snprintf(name, sizeof name, "alternate-%d", phase);
        n = load(f, "out", name, a, &t);
        begins[phase - 1] = t[0].params;
        assert_true(n <= 6);
        all += trained(t, n);
        assert_true(has(&t[0], "pe_x") == (phase % 2 == 1));
    }
    assert_true(all <= 8);
    /* Two phases over the same space do not begin alike. */
    for (int phase = 0; phase < 2; phase++)
        assert_string_not_equal(begins[phase], begins[phase + 2]);
    td_run_summary_free(&sum);
    td_arena_destroy(a);
}

/* A phase searches beside the best side of the one before: the pair of the second phase's best is
 * that accelerator. */
static void a_phase_carries_on(void **state) {
    fixture *f = *state;
    td_run_summary sum;
    td_arena *a = td_arena_create();
    td_trial_row *t;
    assert_ok(run(f, "phase-accelerator", "out", (td_run_options){.threads = 1}, &sum), &f->err);
    int n = load(f, "out", "phase-accelerator-1", a, &t), best = td_trials_best(t, n);
    assert_true(best >= 0);
    double area = t[best].metric[TD_METRIC_AREA];
    n = load(f, "out", "phase-accelerator-2", a, &t);
    for (int i = 0; i < n; i++) assert_true(t[i].metric[TD_METRIC_AREA] == area);
    assert_true(sum.row[0].design.hw.area_mm2 == area);
    td_run_summary_free(&sum);
    td_arena_destroy(a);
}

/* In joint and solve the choices that are stored build the pair that is given. */
static void solved_trials_have_both_sides(void **state) {
    fixture *f = *state;
    td_run_summary sum, again;
    td_arena *a = td_arena_create();
    td_trial_row *t;
    assert_ok(run(f, "solve", "out", (td_run_options){.threads = 2}, &sum), &f->err);
    int n = load(f, "out", "solve", a, &t);
    for (int i = 0; i < n; i++) {
        bool finished = t[i].state == TD_TRIAL_DONE || t[i].state == TD_TRIAL_INFEASIBLE;
        assert_true(finished && has(&t[i], "pe_x") && has(&t[i], "kernel"));
    }
    /* The same folder once more: nothing is asked again, and the result is the same. */
    assert_ok(run(f, "solve", "out", (td_run_options){.threads = 1}, &again), &f->err);
    assert_int_equal(load(f, "out", "solve", a, &t), n);
    assert_true(again.row[0].design.hw_hash == sum.row[0].design.hw_hash);
    assert_true(again.row[0].design.net_hash == sum.row[0].design.net_hash);
    td_run_summary_free(&sum);
    td_run_summary_free(&again);
    td_arena_destroy(a);
}

typedef struct {
    int64_t after, done;
} stopper;

static void count(void *self, const td_progress *p) {
    stopper *s = self;
    s->done = p->done + (strstr(p->row, "-1") ? 0 : 100);
}

static bool stop(void *self) {
    stopper *s = self;
    return s->done >= s->after;
}

static void text_of(fixture *f, const char *out, const char *study, td_text *text) {
    td_arena *a = td_arena_create();
    td_trial_row *t;
    int n = load(f, out, study, a, &t);
    for (int i = 0; i < n; i++)
        td_text_addf(text, "%s %d %a %a %a\n", t[i].params, t[i].state, t[i].accuracy, t[i].reward,
                     t[i].metric[0]);
    td_arena_destroy(a);
}

static void stopped_and_resumed(void **state) {
    fixture *f = *state;
    static const char *const scope[] = {"alternate", "solve"};
    static const char *const study[2][4] = {
        {"alternate-1", "alternate-2", "alternate-3", "alternate-4"}, {"solve"}};
    for (int k = 0; k < 2; k++) {
        char whole[24], parts[24];
        snprintf(whole, sizeof whole, "whole%d", k);
        snprintf(parts, sizeof parts, "parts%d", k);
        td_run_summary sum;
        assert_ok(run(f, scope[k], whole, (td_run_options){.threads = 2}, &sum), &f->err);
        td_run_summary_free(&sum);
        int interrupted = 0;
        for (int64_t after = 2;; after += 3) {
            stopper s = {.after = after};
            td_run_options o = {.threads = 1, .progress = count, .cancelled = stop, .self = &s};
            td_status st = run(f, scope[k], parts, o, &sum);
            td_run_summary_free(&sum);
            if (st == TD_OK) break;
            assert_int_equal(st, TD_E_INTERRUPTED);
            interrupted++;
            if (after > 20) after = 1000;
        }
        assert_true(interrupted >= 3);
        td_text a = {0}, b = {0};
        for (int i = 0; i < 4 && study[k][i] != NULL; i++) {
            text_of(f, whole, study[k][i], &a);
            text_of(f, parts, study[k][i], &b);
        }
        assert_string_equal(a.data, b.data);
        td_text_free(&a);
        td_text_free(&b);
    }
}

/* What the first phase finds is what the second begins with: another budget is another search. It
 * is refused before anything is changed, and the first one goes on. */
static void phases_keep_their_budgets(void **state) {
    fixture *f = *state;
    td_run_summary sum;
    assert_ok(run(f, "alternate", "out", (td_run_options){.threads = 2}, &sum), &f->err);
    td_run_summary_free(&sum);
    td_run_options more = {.threads = 2, .max_trials = 48};
    assert_int_equal(run(f, "alternate", "out", more, &sum), TD_E_USAGE);
    assert_non_null(strstr(f->err.message, "--trials"));
    td_run_summary_free(&sum);
    assert_ok(run(f, "alternate", "out", (td_run_options){.threads = 2}, &sum), &f->err);
    td_run_summary_free(&sum);
    assert_ok(run(f, "joint", "one", (td_run_options){.threads = 2}, &sum), &f->err);
    td_run_summary_free(&sum);
    assert_ok(run(f, "joint", "one", more, &sum), &f->err);
    td_run_summary_free(&sum);
}

static void mistakes(void **state) {
    fixture *f = *state;
    static const char *const bad[][2] = {
        {"everything", "there is no scope \"everything\"; there are joint, network, "},
        {"[joint, joint]", "scope joint stands here twice"},
        {"[]", "expected at least one scope"},
        {"{a: 1}", "expected a scope: joint, "},
        {"3", "expected a scope: joint, "}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        td_text t = {0};
        td_recipe *r;
        td_text_addf(&t, "%sscope: %s\n", recipe, bad[i][0]);
        scratch_write(f->folder, "r.yaml", t.data, t.size);
        td_text_free(&t);
        assert_int_equal(td_recipe_load(scratch_path(f->folder, "r.yaml"), &r, &f->err),
                         TD_E_INPUT);
        assert_non_null(strstr(f->err.message, bad[i][1]));
    }
    td_text t = {0};
    td_recipe *r;
    td_text_addf(&t, "%.*sscope: phase-network\n", (int)(strstr(recipe, "compare:") - recipe),
                 recipe);
    scratch_write(f->folder, "r.yaml", t.data, t.size);
    td_text_free(&t);
    assert_int_equal(td_recipe_load(scratch_path(f->folder, "r.yaml"), &r, &f->err), TD_E_INPUT);
    assert_non_null(strstr(f->err.message, "scope phase-network needs `compare`"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_scopes_at_one_budget, setup, teardown),
        cmocka_unit_test_setup_teardown(a_phase_carries_on, setup, teardown),
        cmocka_unit_test_setup_teardown(solved_trials_have_both_sides, setup, teardown),
        cmocka_unit_test_setup_teardown(stopped_and_resumed, setup, teardown),
        cmocka_unit_test_setup_teardown(phases_keep_their_budgets, setup, teardown),
        cmocka_unit_test_setup_teardown(mistakes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

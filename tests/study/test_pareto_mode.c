/* Several objectives in place of a reward: the recipe, the front and its worth, whole searches. */
#include "../../src/study/front.h"
#include "../../src/study/recipe.h"
#include "scratch.h"
#include "tandem/model.h"
#include "tandem/report.h"

static td_status parse(const char *objective, const char *strategy, td_recipe **r, td_error *err) {
    char text[800];
    snprintf(text, sizeof text,
             "name: a\nnetwork: {space: ibn}\naccelerator: {space: micro}\naccuracy: {}\n"
             "budget: {trials: 8}\nstrategy: {name: %s}\nobjective: {%s}\n",
             strategy, objective);
    memset(err, 0, sizeof *err);
    return td__recipe_parse(text, strlen(text), "p.yaml", r, err);
}

static void what_a_recipe_says(void **state) {
    (void)state;
    td_recipe *r;
    td_error err;
    assert_ok(parse("mode: pareto, objectives: [area, accuracy, power], targets: {latency_us: 5},"
                    " reference: {accuracy: 0.1, power_mw: 50}",
                    "evolution", &r, &err),
              &err);
    const td_objective *o = td_recipe_objective(r);
    assert_int_equal(o->kind, TD_REWARD_NONE);
    assert_false(o->train_violating);
    assert_int_equal(o->front.objectives, TD_OBJECTIVE(TD_OBJECTIVE_ACCURACY) |
                                              TD_OBJECTIVE(TD_METRIC_AREA) |
                                              TD_OBJECTIVE(TD_METRIC_POWER));
    assert_near(o->front.reference[TD_OBJECTIVE_ACCURACY], 0.1, 0);
    assert_near(o->front.reference[TD_METRIC_POWER], 0.05, 1e-15);
    assert_true(o->front.reference[TD_METRIC_AREA] == 0);
    assert_true(isnan(td_objective_reward(o, 1, (double[TD_NMETRIC]){1, 1, 1, 1})));
    td_text t = {0};
    td_objective_describe(o, &t);
    assert_string_equal(t.data, "targets: latency <= 5 us; front of accuracy, area, power");
    td_text_free(&t);
    td_recipe_destroy(r);
}

static void mistakes(void **state) {
    (void)state;
    static const struct {
        const char *objective, *strategy, *message;
    } t[] = {
        {"mode: both, targets: {}", "random", "objective.mode: expected reward or pareto"},
        {"mode: pareto, targets: {}", "random", "objective: missing key \"objectives\""},
        {"mode: pareto, objectives: [area], targets: {}", "random",
         "objective.objectives: expected two to four of"},
        {"mode: pareto, objectives: [accuracy, latency, energy, area, power], targets: {}",
         "random", "objective.objectives: expected two to four of"},
        {"mode: pareto, objectives: [area, latency_us], targets: {}", "random",
         "objective.objectives[1]: expected accuracy, latency, energy, area or power, found"},
        {"mode: pareto, objectives: [area, area], targets: {}", "random",
         "objective.objectives[1]: area is there twice"},
        {"mode: pareto, objectives: [area, latency], reward: tunas, targets: {}", "random",
         "objective.reward: not in mode pareto"},
        {"objectives: [area, latency], targets: {}", "random",
         "objective.objectives: not in mode reward"},
        {"mode: pareto, objectives: [area, latency], targets: {}, reference: {energy_uj: 1}",
         "random", "objective.reference: unknown key \"energy_uj\""},
        {"mode: pareto, objectives: [area, accuracy], targets: {}, reference: {accuracy: 1}",
         "random", "objective.reference.accuracy: expected a number"},
        {"mode: pareto, objectives: [area, latency]", "random",
         "objective: missing key \"targets\""},
    };
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        td_recipe *r;
        td_error err;
        assert_int_equal(parse(t[i].objective, t[i].strategy, &r, &err), TD_E_INPUT);
        if (strstr(err.message, t[i].message) == NULL)
            fail_msg("%s: %s", t[i].objective, err.message);
    }
    /* A strategy that looks at one reward only is told so. */
    int n;
    const td_strategy *const *all = td_strategy_list(&n);
    for (int i = 0; i < n; i++) {
        td_recipe *r;
        td_error err;
        td_status s =
            parse("mode: pareto, objectives: [area, latency], targets: {}", all[i]->name, &r, &err);
        assert_int_equal(s, all[i]->fronts ? TD_OK : TD_E_INPUT);
        td_recipe_destroy(r);
    }
}

static td_trial_row trial(double accuracy, double latency, double area, double violation) {
    return (td_trial_row){.state = TD_TRIAL_DONE,
                          .accuracy = accuracy,
                          .metric = {latency, 1, area, 1},
                          .violation = violation,
                          .feasible = violation == 0};
}

/* In accuracy and area; energy, power and latency play no part, and what misses a target has none.
 * With a reference of accuracy 0 and area 4: (.5, 1) dominates (1 - .5)(1 - 1 / 4) = .375 of the
 * box, (.75, 2) adds (.5 - .25)(1 - 2 / 4) = .125: .5 together. */
static void front_and_hypervolume_by_hand(void **state) {
    (void)state;
    const td_trial_row t[] = {trial(0.5, 9, 1, 0),    trial(0.5, 1, 2, 0),  trial(0.75, 9, 2, 0),
                              trial(0.9, 1, 0.1, .2), trial(0.75, 9, 2, 0), trial(0.1, 1, 1.5, 0)};
    td_front f = {.objectives = TD_OBJECTIVE(TD_OBJECTIVE_ACCURACY) | TD_OBJECTIVE(TD_METRIC_AREA)};
    td_error err;
    int front[6], count;
    double v;
    assert_ok(td_trials_front(t, 6, f.objectives, front, &count, &err), &err);
    assert_int_equal(count, 2);
    assert_true(front[0] == 0 && front[1] == 2);
    assert_int_equal(td_trials_hypervolume(t, 6, &f, &v, &err), TD_E_USAGE);
    assert_non_null(strstr(err.message, "no reference of area"));
    f.reference[TD_METRIC_AREA] = 4;
    assert_ok(td_trials_hypervolume(t, 6, &f, &v, &err), &err);
    assert_near(v, 0.5, 1e-15);
    /* Chance level as reference: 1 - accuracy in parts of .75. */
    f.reference[TD_OBJECTIVE_ACCURACY] = 0.25;
    assert_ok(td_trials_hypervolume(t, 6, &f, &v, &err), &err);
    assert_near(v, (1 - .5 / .75) * .75 + (.5 - .25) / .75 * .5, 1e-15);
    /* Nothing that meets the targets: nothing is dominated. */
    assert_ok(td_trials_hypervolume(t + 3, 1, &f, &v, &err), &err);
    assert_true(v == 0);
    assert_int_equal(td_trials_front(t, 6, 0, front, &count, &err), TD_E_USAGE);
}

static void references_that_are_not_given(void **state) {
    (void)state;
    const td_trial_row t[] = {trial(0.5, 9, 1, 0), trial(0.9, 20, 8, .2), trial(0.7, 4, 2, 0)};
    const td_objective o = {.target = {0, 0, 3}};
    td_front f = {.objectives = TD_OBJECTIVE(TD_METRIC_LATENCY) | TD_OBJECTIVE(TD_METRIC_AREA)};
    td__front_complete(&f, &o, t, 3);
    assert_near(f.reference[TD_METRIC_LATENCY], 9.9, 1e-12); /* 1.1 times what meets the targets */
    assert_near(f.reference[TD_METRIC_AREA], 3, 0);          /* the target */
    f.reference[TD_METRIC_LATENCY] = 7;
    td__front_complete(&f, &o, t, 3);
    assert_near(f.reference[TD_METRIC_LATENCY], 7, 0);
}

/* A line of ten designs: the best (the most accurate, at one end), then the other end, then the
 * middle, then the quarters. */
static void candidates_are_spread(void **state) {
    (void)state;
    td_trial_row t[9];
    int order[10], count;
    td_error err;
    for (int i = 0; i < 9; i++) t[i] = trial(0.1 * (i + 1), 1, 10 * (i + 1), 0);
    unsigned objectives = TD_OBJECTIVE(TD_OBJECTIVE_ACCURACY) | TD_OBJECTIVE(TD_METRIC_AREA);
    assert_ok(td__front_order(t, 9, objectives, order, &count, &err), &err);
    assert_int_equal(count, 9);
    assert_int_equal(order[0], 8);
    assert_int_equal(order[1], 0);
    assert_int_equal(order[2], 4);
    assert_true(order[3] == 2 || order[3] == 6);
    bool seen[9] = {false};
    for (int i = 0; i < 9; i++) seen[order[i]] = true;
    for (int i = 0; i < 9; i++) assert_true(seen[i]);
    /* Without a front the nearest miss is all there is. */
    for (int i = 0; i < 9; i++) t[i] = trial(0.5, 1, 1, 9 - i);
    assert_ok(td__front_order(t, 9, objectives, order, &count, &err), &err);
    assert_int_equal(count, 1);
    assert_int_equal(order[0], 8);
    assert_ok(td__front_order(t, 0, objectives, order, &count, &err), &err);
    assert_int_equal(count, 0);
}

/* ---- whole searches -------------------------------------------------------------------------- */

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

static void search(fixture *f, const char *text, const char *out, int threads,
                   td_run_summary *sum) {
    td_recipe *r;
    scratch_write(f->folder, "r.yaml", text, strlen(text));
    assert_ok(td_recipe_load(scratch_path(f->folder, "r.yaml"), &r, &f->err), &f->err);
    td_run_options o = {.threads = threads, .out = scratch_path(f->folder, out)};
    assert_ok(td_recipe_run(r, &o, sum, &f->err), &f->err);
    assert_ok(td_report_write(r, sum, scratch_path(f->folder, out), &f->err), &f->err);
    td_recipe_destroy(r);
}

static const char chip[] =
    "name: chip\n"
    "network: {space: workload, networks: [{net: A, input: [1, 8, 8]}]}\n"
    "accelerator: {space: micro, pe_x: [1, 2], pe_y: 1, simd: [4, 8], lanes: [1, 2],"
    " local_kb: [16, 64, 128], rf_kb: [0.5, 1], io_gbps: [0.1, 0.8]}\n"
    "objective: {mode: pareto, objectives: [latency, area], targets: {energy_uj: 1.5}}\n"
    "schedule: {max_nodes: 100}\n";

/* Latency against area of one network: the front of an exhaustive search is that of plain
 * enumeration. Evolution comes near it with half of the trials, and the reference that was kept
 * then stands when the search goes on. */
static void the_front_of_a_small_space(void **state) {
    fixture *f = *state;
    td_arena *a = td_arena_create();
    td_recipe *r;
    char text[1200];
    snprintf(text, sizeof text, "%sstrategy: {name: exhaustive}\nbudget: {trials: 500}\n", chip);
    assert_ok(td__recipe_parse(text, strlen(text), "r.yaml", &r, &f->err), &f->err);
    enum { MOST = 96 };
    double v[16], point[MOST][2];
    int n = 0, missed = 0, expected = 0;
    uint8_t on[MOST];
    td_choices c = {r->hw->n, v};
    td_net *net;
    assert_ok(td_net_build("A", TD_DIM(1, 8, 8), 1, 10, &net, &f->err), &f->err);
    for (bool more = td_space_first(r->hw, &c); more; more = td_space_next(r->hw, &c)) {
        td_design d;
        td_schedule s = {0};
        if (r->hw->build(r->hw->self, &c, a, &d, &f->err) == TD_OK &&
            td_schedule_best(net, &d.hw, &r->schedule, &s, NULL, &f->err) == TD_OK) {
            if (s.energy_j <= 1.5e-6) {
                point[n][0] = s.latency_s;
                point[n++][1] = d.hw.area_mm2;
            } else {
                missed++;
            }
        }
        td_schedule_free(&s);
        td_design_free(&d);
    }
    assert_true(n > 10 && missed > 3);
    assert_ok(td_pareto_front(point[0], n, 2, on, &f->err), &f->err);
    double most[2] = {0}, volume, scaled[MOST][2];
    for (int i = 0; i < n; i++) {
        expected += on[i];
        for (int k = 0; k < 2; k++) most[k] = fmax(most[k], 1.1 * point[i][k]);
    }
    for (int i = 0; i < n; i++)
        for (int k = 0; k < 2; k++) scaled[i][k] = point[i][k] / most[k];
    assert_ok(td_hypervolume(scaled[0], n, 2, (double[]){1, 1}, &volume, &f->err), &f->err);
    td_net_destroy(net);
    td_recipe_destroy(r);

    td_run_summary sum;
    search(f, text, "all", 2, &sum);
    const td_result_row *row = &sum.row[0];
    assert_true(expected > 2);
    assert_int_equal(row->front_size, expected);
    assert_near(row->hypervolume, volume, 1e-12);
    assert_near(row->goal.reference[TD_METRIC_LATENCY], most[0], 1e-18);
    assert_int_equal(row->n_front, 0); /* nothing is trained */
    td_run_summary_free(&sum);

    double reference = 0;
    for (int round = 0; round < 2; round++) {
        snprintf(text, sizeof text,
                 "%sstrategy: {name: evolution, population: 12}\nbudget: {trials: %d}\n", chip,
                 round ? 48 : 6);
        search(f, text, "evolved", 2, &sum);
        row = &sum.row[0];
        if (round == 0) reference = row->goal.reference[TD_METRIC_LATENCY];
        assert_true(row->goal.reference[TD_METRIC_LATENCY] == reference);
        td_store *store;
        td_front kept;
        td_trial_row *t;
        int m;
        double share;
        assert_ok(
            td_store_open(scratch_path(f->folder, "evolved/study.db"), false, &store, &f->err),
            &f->err);
        assert_ok(td_store_front(store, "workload", &kept, &f->err), &f->err);
        assert_true(kept.objectives == row->goal.objectives);
        assert_memory_equal(kept.reference, row->goal.reference, sizeof kept.reference);
        assert_ok(td_store_trials(store, "workload", a, &t, &m, &f->err), &f->err);
        /* against the reference of all */
        kept.reference[TD_METRIC_LATENCY] = most[0];
        kept.reference[TD_METRIC_AREA] = most[1];
        assert_ok(td_trials_hypervolume(t, m, &kept, &share, &f->err), &f->err);
        assert_true(share <= volume + 1e-12);
        if (round == 1) assert_true(share > 0.97 * volume);
        for (int i = 0; i < m; i++) assert_true(isnan(t[i].reward));
        td_store_close(store);
        td_run_summary_free(&sum);
    }
    td_arena_destroy(a);
}

static const char joint[] =
    "name: joint\nseed: 3\nlag: 3\n"
    "network: {space: ibn, input: [1, 8, 8], stem: {channels: 8, stride: 2},"
    " stages: [{channels: 8, stride: 1, depth: [1, 2]}], kernel: [3, 5], expansion: [1, 2],"
    " width: 1, head: 0}\n"
    "accelerator: {space: micro, pe_x: [1, 2], pe_y: 1, simd: [4, 8], lanes: 1,"
    " local_kb: [64, 128], rf_kb: 1, io_gbps: [0.1, 0.8]}\n"
    "accuracy: {path: data, epochs: 1, train_images: 200, batch: 50, warmup_steps: 2}\n"
    "schedule: {max_nodes: 100}\n"
    "objective: {mode: pareto, objectives: [accuracy, latency, area], targets: {area_mm2: 0.7}}\n"
    "strategy: {name: evolution, population: 8}\n"
    "budget: {trials: 30}\n";

static char *slurp(fixture *f, const char *name) {
    char *data;
    size_t size;
    assert_ok(td_file_read(scratch_path(f->folder, name), 0, &data, &size, &f->err), &f->err);
    return data;
}

static int lines(const char *text) {
    int n = 0;
    for (; *text != '\0'; text++) n += *text == '\n';
    return n;
}

/* Networks and accelerators: up to `candidates` designs along the front are trained fully, the most
 * accurate one by the proxy among them; each has its folder. The same by any number of threads. */
static void designs_along_the_front(void **state) {
    fixture *f = *state;
    td_run_summary sum;
    char text[1600], name[80], *csv[2];
    snprintf(text, sizeof text, "%s%s", joint,
             "final: {candidates: 3, epochs: 1, train_images: 300, batch: 50, warmup_steps: 2}\n");
    search(f, text, "one", 1, &sum);
    td_run_summary_free(&sum);
    search(f, text, "out", 3, &sum);
    csv[0] = slurp(f, "one/trials.csv");
    csv[1] = slurp(f, "out/trials.csv");
    assert_string_equal(csv[0], csv[1]);
    free(csv[0]);
    free(csv[1]);
    const td_result_row *row = &sum.row[0];
    assert_true(row->found && row->meets && row->front_size > 3);
    assert_int_equal(row->n_front, 3);
    csv[0] = slurp(f, "out/pareto.csv");
    assert_int_equal(lines(csv[0]), 1 + row->front_size);
    free(csv[0]);
    int chosen = 0;
    double best = 0;
    for (int i = 0; i < 3; i++) {
        const td_front_design *d = &row->front[i];
        chosen += d->chosen;
        best = fmax(best, d->valid_accuracy);
        assert_true(d->test_accuracy > 0 && d->test_accuracy <= 1);
        assert_true(d->metric[TD_METRIC_AREA] <= 0.7);
        for (int k = 0; k < i; k++)
            assert_true(d->chosen || row->front[k].chosen ||
                        d->design.net_hash != row->front[k].design.net_hash);
        if (d->chosen) assert_true(d->valid_accuracy == row->valid_accuracy);
        snprintf(name, sizeof name, "out/front/joint-%lld/network.onnx", (long long)d->trial);
        assert_true(td_file_exists(scratch_path(f->folder, name)));
    }
    assert_int_equal(chosen, 1);
    assert_true(row->valid_accuracy == best);
    assert_true(row->hypervolume > 0 && row->hypervolume < 1);
    snprintf(name, sizeof name, "out/front/joint-%lld/network.onnx",
             (long long)row->front[2].trial);
    td_run_summary_free(&sum);
    /* Fewer candidates: what is not among them goes. */
    search(f, joint, "out", 2, &sum);
    assert_int_equal(sum.row[0].n_front, 0);
    assert_false(td_file_exists(scratch_path(f->folder, name)));
    td_run_summary_free(&sum);
}

/* A row of two phases has one front over both; each phase stands in the tables as a study. */
static void a_front_over_phases(void **state) {
    fixture *f = *state;
    td_run_summary sum;
    char text[1600];
    snprintf(text, sizeof text, "%s%s", joint,
             "scope: phase-network\n"
             "compare:\n"
             "  network: {space: fixed, net: A, input: [1, 8, 8]}\n"
             "  accelerator: {choices: {pe_x: 1, simd: 4, local_kb: 64, io_gbps: 0.1}}\n");
    search(f, text, "out", 2, &sum);
    const td_result_row *row = &sum.row[0];
    td_arena *a = td_arena_create();
    td_store *store;
    td_trial_row *t[2], all[30];
    int n[2], front[30], count;
    assert_ok(td_store_open(scratch_path(f->folder, "out/study.db"), false, &store, &f->err),
              &f->err);
    for (int i = 0; i < 2; i++) {
        const char *study = i == 0 ? "phase-network-1" : "phase-network-2";
        td_front kept;
        assert_ok(td_store_trials(store, study, a, &t[i], &n[i], &f->err), &f->err);
        assert_ok(td_store_front(store, study, &kept, &f->err), &f->err);
        assert_memory_equal(kept.reference, row->goal.reference, sizeof kept.reference);
        memcpy(all + (i == 0 ? 0 : n[0]), t[i], sizeof *all * (size_t)n[i]);
    }
    assert_true(n[0] > 0 && n[1] > 0 && n[0] + n[1] <= 30);
    assert_ok(td_trials_front(all, n[0] + n[1], row->goal.objectives, front, &count, &f->err),
              &f->err);
    assert_int_equal(row->front_size, count);
    char *csv = slurp(f, "out/trials.csv");
    assert_int_equal(lines(csv), 1 + n[0] + n[1]);
    assert_non_null(strstr(csv, "\nphase-network-2,0,"));
    free(csv);
    td_store_close(store);
    td_arena_destroy(a);
    td_run_summary_free(&sum);
    /* What is the best accelerator for a network has no answer here. */
    td_recipe *r;
    snprintf(text, sizeof text, "%sscope: solve\n", joint);
    assert_int_equal(td__recipe_parse(text, strlen(text), "r.yaml", &r, &f->err), TD_E_INPUT);
    assert_non_null(strstr(f->err.message, "scope: not in Pareto mode"));
}

int main(void) {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_recipe_says),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(front_and_hypervolume_by_hand),
        cmocka_unit_test(references_that_are_not_given),
        cmocka_unit_test(candidates_are_spread),
        CASE(the_front_of_a_small_space),
        CASE(designs_along_the_front),
        CASE(a_front_over_phases),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

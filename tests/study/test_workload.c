/* Accelerators for several networks: the one that a search chooses against plain enumeration, what
 * a recipe may say, the results folder. */
#include "../../src/study/recipe.h"
#include "scratch.h"
#include "tandem/report.h"

typedef struct {
    char *folder;
    td_error err;
} fixture;

static int setup(void **state) {
    static fixture f;
    f = (fixture){.folder = scratch_make()};
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    scratch_remove(((fixture *)*state)->folder);
    return 0;
}

/* 96 accelerators: some break rules, some are above the area, some are slow. */
static const char small_hw[] = "{space: micro, pe_x: [1, 2], pe_y: 1, simd: [4, 8], lanes: [1, 2],"
                               " local_kb: [16, 64, 128], rf_kb: [0.5, 1], io_gbps: [0.1, 0.8]}";
static const char targets[] = "{latency_us: 30, area_mm2: 0.6}";

static td_recipe *load(fixture *f, const char *hw, const char *goals, const char *combine,
                       const char *strategy, int trials) {
    td_text t = {0};
    td_recipe *r;
    td_text_addf(&t,
                 "name: w\nnetwork:\n  space: workload\n  combine: %s\n  networks:\n"
                 "    - {net: A, input: [1, 8, 8], weight: 1}\n"
                 "    - {net: handmade, input: [1, 8, 8], weight: 3}\n"
                 "accelerator: %s\nobjective: {targets: %s}\nschedule: {max_nodes: 100}\n"
                 "strategy: {name: %s}\nbudget: {trials: %d}\n",
                 combine, hw, goals, strategy, trials);
    scratch_write(f->folder, "w.yaml", t.data, t.size);
    td_text_free(&t);
    assert_ok(td_recipe_load(scratch_path(f->folder, "w.yaml"), &r, &f->err), &f->err);
    return r;
}

static void search(fixture *f, const td_recipe *r, td_run_summary *sum) {
    td_run_options o = {.threads = 2, .out = scratch_path(f->folder, "out")};
    assert_ok(td_recipe_run(r, &o, sum, &f->err), &f->err);
}

typedef struct {
    uint64_t hw_hash;
    double latency, energy, area;
    int points, built, mapped, meets;
} optimum;

/* Walks through the accelerators and costs each network by itself; the combination, the targets and
 * the choice are written out here. Weights 1 and 3. */
static optimum enumerate(const td_recipe *r, bool worst, double most_latency, double most_area) {
    optimum best = {0};
    td_error err;
    td_arena *a = td_arena_create();
    td_schedule_options o = r->schedule;
    o.cache = td_map_cache_create(50000);
    td_net *net[2];
    double v[32], least = INFINITY;
    td_choices c = {r->hw->n, v};
    assert_ok(td_net_build("A", TD_DIM(1, 8, 8), 1, 10, &net[0], &err), &err);
    assert_ok(td_net_build("handmade", TD_DIM(1, 8, 8), 1, 10, &net[1], &err), &err);
    for (bool more = td_space_first(r->hw, &c); more; more = td_space_next(r->hw, &c)) {
        td_design d;
        td_schedule s[2] = {0};
        td_arena_reset(a);
        best.points++;
        td_status st = r->hw->build(r->hw->self, &c, a, &d, &err);
        if (st == TD_OK) {
            best.built++;
            for (int i = 0; st == TD_OK && i < 2; i++)
                st = td_schedule_best(net[i], &d.hw, &o, &s[i], NULL, &err);
        }
        assert_true(st == TD_OK || st == TD_E_INFEASIBLE);
        if (st == TD_OK) {
            best.mapped++;
            double l = worst ? fmax(s[0].latency_s / 3, s[1].latency_s)
                             : 0.25 * s[0].latency_s + 0.75 * s[1].latency_s;
            double e = worst ? fmax(s[0].energy_j / 3, s[1].energy_j)
                             : 0.25 * s[0].energy_j + 0.75 * s[1].energy_j;
            double area = d.hw.area_mm2;
            bool meets = l <= most_latency && area <= most_area;
            best.meets += meets;
            if (meets && l * e * area < least) {
                least = l * e * area;
                best.hw_hash = d.hw_hash;
                best.latency = l;
                best.energy = e;
                best.area = area;
            }
        }
        for (int i = 0; i < 2; i++) td_schedule_free(&s[i]);
        td_design_free(&d);
    }
    for (int i = 0; i < 2; i++) td_net_destroy(net[i]);
    td_map_cache_destroy(o.cache);
    td_arena_destroy(a);
    return best;
}

static void expect_optimum(const td_run_summary *sum, const optimum *best) {
    const td_result_row *row = &sum->row[0];
    assert_int_equal(sum->n, 1);
    assert_int_equal(sum->best, 0);
    assert_string_equal(row->name, "workload");
    assert_true(row->found && row->meets);
    assert_true(row->design.hw_hash == best->hw_hash);
    assert_near(row->metric[TD_METRIC_LATENCY], best->latency, 1e-12 * best->latency);
    assert_near(row->metric[TD_METRIC_ENERGY], best->energy, 1e-12 * best->energy);
    assert_near(row->metric[TD_METRIC_AREA], best->area, 1e-12);
    assert_near(row->metric[TD_METRIC_POWER], best->energy / best->latency, 1e-9);
    assert_int_equal(row->trained, 0);
    assert_true(isnan(row->test_accuracy) && isnan(row->valid_accuracy));
}

static void the_optimum_of_a_small_space(void **state) {
    fixture *f = *state;
    for (int worst = 0; worst < 2; worst++) {
        td_recipe *r = load(f, small_hw, targets, worst ? "worst" : "sum", "exhaustive", 10000);
        optimum best = enumerate(r, worst == 1, 30e-6, 0.6);
        /* Not a space where everything is fine. */
        assert_true(best.points > best.built && best.built > best.meets && best.meets > 10);
        td_run_summary sum;
        search(f, r, &sum);
        expect_optimum(&sum, &best);
        const td_result_row *row = &sum.row[0];
        assert_int_equal(row->trials, best.points);
        assert_int_equal(row->count[TD_RESULT_MEETS], best.meets);
        assert_int_equal(row->count[TD_RESULT_MISSES], best.mapped - best.meets);
        assert_int_equal(row->count[TD_RESULT_UNBUILT], best.points - best.mapped);
        td_run_summary_free(&sum);
        td_recipe_destroy(r);
        rename(scratch_path(f->folder, "out"), scratch_path(f->folder, worst ? "b" : "a"));
    }
}

/* What steers evolution is what decides: it comes to the optimum with a part of the trials. */
static void evolution_comes_to_the_optimum(void **state) {
    fixture *f = *state;
    td_recipe *r = load(f, small_hw, targets, "sum", "evolution", 48);
    optimum best = enumerate(r, false, 30e-6, 0.6);
    td_run_summary sum;
    search(f, r, &sum);
    expect_optimum(&sum, &best);
    td_run_summary_free(&sum);
    td_recipe_destroy(r);
}

/* All of `micro`: 23,040 points. */
static void the_optimum_of_micro(void **state) {
    fixture *f = *state;
    if (getenv("TANDEM_SLOW") == NULL) {
        print_message("slow: set TANDEM_SLOW=1 to walk through all of micro twice\n");
        skip();
    }
    td_recipe *r = load(f, "{space: micro}", targets, "sum", "exhaustive", 100000);
    double t0 = td_time_mono_s();
    optimum best = enumerate(r, false, 30e-6, 0.6);
    double t1 = td_time_mono_s();
    assert_int_equal(best.points, 23040);
    td_run_summary sum;
    search(f, r, &sum);
    printf("    micro: %d points, %d built, %d mapped, %d meet the targets\n", best.points,
           best.built, best.mapped, best.meets);
    printf("    optimum %.3f us, %.4f uJ, %.3f mm2; walk %.0f s, search %.0f s\n",
           best.latency * 1e6, best.energy * 1e6, best.area, t1 - t0, td_time_mono_s() - t1);
    expect_optimum(&sum, &best);
    assert_int_equal(sum.row[0].trials, 23040);
    assert_int_equal(sum.row[0].count[TD_RESULT_MEETS], best.meets);
    td_run_summary_free(&sum);
    td_recipe_destroy(r);
}

static bool there(fixture *f, const char *name) {
    return td_file_exists(scratch_path(f->folder, name));
}

/* The accelerator, and with each network the pair that it makes; each schedule's figures are those
 * of the table. A network that the next run has not goes with its files, and nothing else does. */
static void the_results_folder(void **state) {
    fixture *f = *state;
    td_recipe *r = load(f, small_hw, targets, "sum", "random", 40);
    td_run_summary sum;
    search(f, r, &sum);
    const char *out = scratch_path(f->folder, "out");
    assert_ok(td_report_write(r, &sum, out, &f->err), &f->err);
    td_text t = {0};
    td_report_summary(r, &sum, &t);
    assert_non_null(strstr(t.data, "best accelerator for the workload"));
    assert_non_null(strstr(t.data, "\nhandmade "));
    assert_non_null(strstr(t.data, "of the weighted time; "));
    td_text_free(&t);
    td_arena *a = td_arena_create();
    const td_result_row *row = &sum.row[0];
    double latency[2];
    for (int i = 0; i < 2; i++) {
        char name[80];
        const td_node *doc;
        td_net *net;
        td_hw hw;
        const char *dir = i ? "out/best/networks/handmade" : "out/rows/workload/networks/A";
        snprintf(name, sizeof name, "%s/network.yaml", dir);
        assert_ok(td_node_load(a, scratch_path(f->folder, name), &doc, &f->err), &f->err);
        assert_ok(td_net_from_node(doc, &net, &f->err), &f->err);
        assert_true(td_net_hash(net) == td_net_hash(row->design.workload->net[i]));
        td_net_destroy(net);
        snprintf(name, sizeof name, "%s/schedule.json", dir);
        assert_ok(td_node_load(a, scratch_path(f->folder, name), &doc, &f->err), &f->err);
        latency[i] = td_node_find(doc, "latency_s")->real;
        assert_true(latency[i] == row->part[i].latency_s);
        snprintf(name, sizeof name, "%s/accelerator.yaml", dir);
        assert_ok(td_hw_load(scratch_path(f->folder, name), &hw, &f->err), &f->err);
        assert_true(td_hw_hash(&hw) == row->design.hw_hash);
    }
    assert_near(row->metric[TD_METRIC_LATENCY], 0.25 * latency[0] + 0.75 * latency[1], 1e-15);
    const td_node *doc;
    assert_ok(td_node_load(a, scratch_path(f->folder, "out/summary.json"), &doc, &f->err), &f->err);
    const td_node *nets = td_node_find(td_node_find(doc, "rows")->item[0], "networks");
    assert_int_equal(nets->count, 2);
    assert_true(td_node_find(nets->item[1], "latency_s")->real == latency[1]);
    assert_true(there(f, "out/best/accelerator.yaml") && !there(f, "out/best/network.yaml"));
    td_run_summary_free(&sum);
    td_arena_destroy(a);
    /* The user's files stay, those of a network that is not there any more go. */
    mkdir(scratch_path(f->folder, "out/best/networks/old"), 0777);
    scratch_write(f->folder, "out/best/networks/old/network.yaml", "x", 1);
    scratch_write(f->folder, "out/best/networks/A/notes.txt", "x", 1);
    search(f, r, &sum);
    assert_ok(td_report_write(r, &sum, scratch_path(f->folder, "out"), &f->err), &f->err);
    assert_false(there(f, "out/best/networks/old"));
    assert_true(there(f, "out/best/networks/A/notes.txt"));
    td_run_summary_free(&sum);
    td_recipe_destroy(r);
}

static void what_a_workload_has_no_use_for(void **state) {
    (void)state;
    static const char base[] = "name: w\n"
                               "network: {space: workload, networks: [{net: A}]}\n"
                               "accelerator: {space: micro}\n"
                               "objective: {targets: {}}\n";
    static const struct {
        const char *more, *message; /* NULL: fine */
    } t[] = {
        {"budget: {trials: 8}\n", NULL},
        {"budget: {trials: 8}\naccuracy: {}\n", NULL},
        {"budget: {trials: 8}\naccuracy: {epochs: 1}\n", "w.yaml:6: accuracy: the networks of a"},
        {"budget: {trials: 8}\nfinal: {}\n", "w.yaml:6: final: the networks of a workload"},
        {"budget: {trials: 8}\nearly_stopping: asha\n",
         "w.yaml:6: early_stopping: the networks of"},
        {"budget: {trials: 8, trained: 3}\n", "w.yaml:5: budget.trained: the networks of a"},
        {"budget: {trials: 8}\ncompare: {network: {space: fixed, net: A},"
         " accelerator: {space: fixed, hw: micro}}\n",
         "w.yaml:6: compare: the networks of a workload"},
        {"budget: {trials: 8}\ncompare: {network: {space: workload, networks: [{net: A}]},"
         " accelerator: {space: fixed, hw: micro}}\n",
         "w.yaml:6: compare.network: expected one network (space: fixed,"},
    };
    for (size_t i = 0; i < sizeof t / sizeof t[0]; i++) {
        td_recipe *r;
        td_error err = {0};
        char text[600];
        snprintf(text, sizeof text, "%s%s", base, t[i].more);
        td_status s = td__recipe_parse(text, strlen(text), "w.yaml", &r, &err);
        assert_int_equal(s, t[i].message == NULL ? TD_OK : TD_E_INPUT);
        if (t[i].message != NULL && strncmp(err.message, t[i].message, strlen(t[i].message)) != 0)
            fail_msg("%s: %s", t[i].more, err.message);
        td_recipe_destroy(r);
    }
}

int main(void) {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(the_optimum_of_a_small_space),   CASE(evolution_comes_to_the_optimum),
        CASE(the_optimum_of_micro),           CASE(the_results_folder),
        CASE(what_a_workload_has_no_use_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

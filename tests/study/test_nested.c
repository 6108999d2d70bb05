/* Nested searches: sums over layers, the second level in the store, what cannot be mapped, resumes,
 * and files that are wrong. */
#include "blackbox_helper.h"

#include <pthread.h>
#include <sqlite3.h>

#include "tandem/report.h"
#include "tandem/study_nested.h"

/* A small array in the form that Eyeriss has: register files by tensor, a buffer, DRAM. S stands on
 * Y only, so that a kernel taller than the array has no mapping. */
#define HW                                                                                         \
    "name: array\nclock_hz: 200.0e+6\n"                                                            \
    "mac: {instances: 12, mesh_x: 4, bits: 16, energy_pj: 1}\n"                                    \
    "levels:\n"                                                                                    \
    "  - {name: RF, instances: 12, mesh_x: 4, may_keep: WIO, must_keep: WIO, capacity_bits: 1024," \
    " energy_pj: 1, temporal: NKCPQRG}\n"                                                          \
    "  - {name: Buffer, instances: 1, may_keep: IO, must_keep: IO, capacity_kb: 4, energy_pj: 6,"  \
    " read_bw: 64, write_bw: 64, x: KPQC, y: SCK, temporal: NKCPQRG}\n"                            \
    "  - {name: DRAM, instances: 1, capacity_bits: null, energy_pj: 200, shared_bw: 64,"           \
    " temporal: NKCPQRG}\n"                                                                        \
    "space:\n  levels[1].capacity_kb: [1, 2, 4]\n  levels[0].capacity_bits: [256, 1024]\n"
#define LAYERS                                                                                     \
    "workload:\n"                                                                                  \
    "  - {name: a, layer: conv K8 C4 P8 Q8 R3 S3, count: 2}\n"                                     \
    "  - {name: b, layer: fc K32 C64}\n"                                                           \
    "  - {layer: conv K8 C4 P8 Q8 R3 S3}\n"                                                        \
    "  - {name: c, layer: conv K8 C8 P6 Q6}\n"
#define NESTED(rest) "name: n\n" LAYERS "accelerator: {space: ./hw.yaml}\n" rest

static char *make_folder(void) {
    char *folder = scratch_make();
    put_file(folder, "hw.yaml", HW);
    return folder;
}

static td_status run(const char *folder, const char *text, int threads, watcher *w, td_error *err) {
    td_blackbox *b = load_problem(folder, text);
    const td_run_options o = {.out = folder, .threads = threads, .self = w};
    td_status s = td_blackbox_run(b, &o, err);
    td_blackbox_destroy(b);
    return s;
}

static td_inner_row *layers_of(const char *folder, int64_t trial, td_arena *a, int *n) {
    td_store *s;
    td_error err = {0};
    td_inner_row *row;
    assert_ok(td_store_open(scratch_path(folder, "study.db"), false, &s, &err), &err);
    assert_ok(td_store_inner(s, "optimize", trial, a, &row, n, &err), &err);
    td_store_close(s);
    return row;
}

/* All levels of a study as text: trials, then the rows of their layers. */
static char *whole(const char *folder, int trials) {
    td_text out = {0};
    char *first = trials_of(folder);
    td_text_add(&out, first);
    free(first);
    td_arena *a = td_arena_create();
    for (int t = 0; t < trials; t++) {
        int n;
        const td_inner_row *r = layers_of(folder, t, a, &n);
        for (int i = 0; i < n; i++) {
            char value[32];
            td_real_text(r[i].value, value);
            td_text_addf(
                &out, "%d %d %s %lld %lld %s %s %s\n", t, r[i].layer, value, (long long)r[i].trials,
                (long long)r[i].drawn, r[i].mapping != NULL ? r[i].mapping : "",
                r[i].curve != NULL ? r[i].curve : "", r[i].error != NULL ? r[i].error : "");
        }
    }
    td_arena_destroy(a);
    return out.data;
}

/* The value of a trial is the sum over the layers of what the mapper finds, each times its count;
 * what is stored costs what is stored beside it. */
static void test_sums_with_the_mapper(void **state) {
    (void)state;
    char *folder = make_folder();
    td_error err = {0};
    watcher w = {0};
    td_arena *a = td_arena_create();
    const char *text = NESTED("strategy: exhaustive\nbudget: {trials: 20}\n");
    assert_ok(run(folder, text, 1, &w, &err), &err);
    td_blackbox *b = load_problem(folder, text);
    int n_layers, n;
    const td_nested_layer *layer = td_blackbox_layers(b, &n_layers);
    assert_int_equal(n_layers, 3);
    assert_int_equal(layer[0].count, 3);
    assert_int_equal(layer[1].count, 1);
    for (int t = 0; t < 6; t++) {
        td_trial_row row = trial_of(folder, t, a);
        td_hw *hw = TD_NEW(a, td_hw, 1);
        assert_ok(td_blackbox_accelerator(b, row.params, a, hw, NULL, &err), &err);
        const td_inner_row *r = layers_of(folder, t, a, &n);
        assert_int_equal(n, 3);
        double sum = 0;
        for (int i = 0; i < n; i++) {
            td_map_query q;
            td_map_result *best = TD_NEW(a, td_map_result, 1);
            td_problem p = layer[i].problem;
            td_hw_layer_bits(hw, &p);
            td_map_query_default(&q, hw);
            q.mode = TD_MAP_EXACT;
            q.objective = TD_OBJ_EDP;
            assert_ok(td_map_best(&p, hw, &q, best, NULL, &err), &err);
            assert_true(best->objective == r[i].value && best->bound == r[i].bound);
            sum += (double)layer[i].count * best->cost.total_pj * (double)best->cost.cycles;
        }
        assert_true(row.outcome.obj[0] == sum);
    }
    td_blackbox_destroy(b);
    td_arena_destroy(a);
    scratch_remove(folder);
}

/* What a strategy finds is what its mapping costs, by the whole evaluator; no better than the
 * mapper; and a curve that only falls. */
static void test_strategies_inside(void **state) {
    (void)state;
    static const char *const inner[] = {"random", "evolution", "{name: local, restart: random}"};
    for (size_t k = 0; k < sizeof inner / sizeof inner[0]; k++) {
        char *folder = make_folder(), text[1000];
        td_error err = {0};
        watcher w = {0};
        td_arena *a = td_arena_create();
        snprintf(text, sizeof text,
                 NESTED("mapping: {strategy: %s, trials: 60}\nstrategy: random\n"
                        "budget: {trials: 3}\n"),
                 inner[k]);
        assert_ok(run(folder, text, 1, &w, &err), &err);
        td_blackbox *b = load_problem(folder, text);
        int n_layers, n;
        const td_nested_layer *layer = td_blackbox_layers(b, &n_layers);
        for (int t = 0; t < 3; t++) {
            td_trial_row row = trial_of(folder, t, a);
            td_hw *hw = TD_NEW(a, td_hw, 1);
            assert_ok(td_blackbox_accelerator(b, row.params, a, hw, NULL, &err), &err);
            const td_inner_row *r = layers_of(folder, t, a, &n);
            assert_int_equal(n, n_layers);
            for (int i = 0; i < n; i++) {
                td_map_query q;
                td_map_result *best = TD_NEW(a, td_map_result, 1);
                td_case *c = TD_NEW(a, td_case, 1);
                td_cost cost;
                const td_node *part, *curve;
                td_problem p = layer[i].problem;
                td_hw_layer_bits(hw, &p);
                td_map_query_default(&q, hw);
                q.mode = TD_MAP_EXACT;
                q.objective = TD_OBJ_EDP;
                assert_ok(td_map_best(&p, hw, &q, best, NULL, &err), &err);
                assert_true(r[i].value >= best->bound * (1 - 1e-9));
                c->hw = *hw;
                c->problem = p;
                td_node *doc = td_case_to_node(c, a);
                assert_ok(td_json_parse(a, r[i].mapping, strlen(r[i].mapping), "m", 1, &part, &err),
                          &err);
                for (int j = 0; j < part->count; j++)
                    td_node_put(a, doc, part->item[j]->key, part->item[j]);
                assert_ok(td_case_from_node(doc, c, &err), &err);
                assert_true(c->has_mapping);
                assert_ok(
                    td_cost_evaluate(&c->problem, &c->hw, &c->mapping, TD_COUNT_EXACT, &cost, &err),
                    &err);
                assert_true(cost.total_pj == r[i].pj && cost.cycles == r[i].cycles);
                assert_true(r[i].value == r[i].pj * (double)r[i].cycles);
                assert_int_equal(r[i].trials, 60);
                assert_true(r[i].drawn >= 1);
                assert_ok(td_json_parse(a, r[i].curve, strlen(r[i].curve), "c", 1, &curve, &err),
                          &err);
                assert_true(curve->count >= 1);
                for (int j = 1; j < curve->count; j++) {
                    assert_true(curve->item[j]->item[0]->real > curve->item[j - 1]->item[0]->real);
                    assert_true(curve->item[j]->item[1]->real < curve->item[j - 1]->item[1]->real);
                }
                assert_true(curve->item[curve->count - 1]->item[1]->real == r[i].value);
            }
        }
        td_blackbox_destroy(b);
        td_arena_destroy(a);
        scratch_remove(folder);
    }
}

#define SEARCH                                                                                     \
    NESTED("mapping: {strategy: evolution, trials: 40}\n"                                          \
           "strategy: {name: evolution, population: 4}\nbudget: {trials: 8}\n")

static void test_the_same_with_threads(void **state) {
    (void)state;
    char *first = NULL;
    for (int threads = 1; threads <= 3; threads += 2) {
        char *folder = make_folder();
        td_error err = {0};
        watcher w = {0};
        assert_ok(run(folder, SEARCH, threads, &w, &err), &err);
        char *all = whole(folder, 6);
        if (first != NULL) assert_string_equal(all, first);
        free(first);
        first = all;
        scratch_remove(folder);
    }
    free(first);
}

/* Stops when it was asked so many times. */
typedef struct {
    int left;
    pthread_mutex_t lock;
} countdown;

static bool counts_down(void *self) {
    countdown *c = self;
    pthread_mutex_lock(&c->lock);
    bool stop = c->left-- <= 0;
    pthread_mutex_unlock(&c->lock);
    return stop;
}

static int rows_of(const char *folder, int trial) {
    int n = 0;
    td_arena *a = td_arena_create();
    layers_of(folder, trial, a, &n);
    td_arena_destroy(a);
    return n;
}

/* Broken off at every moment at which it looks, and gone on with: the same trials and layers; what
 * was found for a layer before is not looked for again. */
static void test_resumes_between_layers(void **state) {
    (void)state;
    char *folder = make_folder(), *want;
    td_error err = {0};
    watcher w = {0};
    assert_ok(run(folder, SEARCH, 1, &w, &err), &err);
    want = whole(folder, 6);
    scratch_remove(folder);
    int within = 0; /* stops in the middle of a trial */
    for (int at = 0; at < 18; at++) {
        folder = make_folder();
        td_blackbox *b = load_problem(folder, SEARCH);
        countdown c = {at, PTHREAD_MUTEX_INITIALIZER};
        td_run_options o = {.out = folder, .threads = 1, .abandoned = counts_down, .self = &c};
        td_status s = td_blackbox_run(b, &o, &err);
        td_blackbox_destroy(b);
        assert_int_equal(s, TD_E_INTERRUPTED);
        assert_int_equal(rows_of(folder, at / 3), at % 3);
        within += at % 3 != 0;
        /* A false row stays if it is not looked for again, and is in the sum. */
        assert_ok(run(folder, SEARCH, 1, &w, &err), &err);
        char *got = whole(folder, 6);
        assert_string_equal(got, want);
        free(got);
        scratch_remove(folder);
    }
    assert_true(within > 0);
    free(want);
}

static void run_sql(const char *folder, const char *sql) {
    sqlite3 *db;
    assert_int_equal(sqlite3_open(scratch_path(folder, "study.db"), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void test_rows_are_taken_over(void **state) {
    (void)state;
    char *folder = make_folder();
    td_error err = {0};
    watcher w = {0};
    td_arena *a = td_arena_create();
    td_blackbox *b = load_problem(folder, SEARCH);
    countdown c = {1, PTHREAD_MUTEX_INITIALIZER};
    td_run_options o = {.out = folder, .threads = 1, .abandoned = counts_down, .self = &c};
    assert_int_equal(td_blackbox_run(b, &o, &err), TD_E_INTERRUPTED);
    td_blackbox_destroy(b);
    assert_int_equal(rows_of(folder, 0), 1);
    int n;
    const double before = layers_of(folder, 0, a, &n)[0].value;
    run_sql(folder, "UPDATE inner_search SET value = 7e30");
    assert_ok(run(folder, SEARCH, 1, &w, &err), &err);
    const td_inner_row *r = layers_of(folder, 0, a, &n);
    assert_int_equal(n, 3);
    assert_true(before != 7e30 && r[0].value == 7e30);
    assert_true(trial_of(folder, 0, a).outcome.obj[0] == 3 * 7e30 + r[1].value + r[2].value);
    td_arena_destroy(a);
    scratch_remove(folder);
}

/* A kernel that is taller than the array: infeasible, with the layer and the reason. */
static void test_no_mapping(void **state) {
    (void)state;
    static const char *const inner[] = {"",
                                        "mapping: {strategy: random, trials: 5, draws: 2000}\n"};
    for (int k = 0; k < 2; k++) {
        char *folder = make_folder(), text[1000];
        td_error err = {0};
        watcher w = {0};
        td_arena *a = td_arena_create();
        snprintf(text, sizeof text,
                 "name: n\nworkload:\n  - {name: small, layer: conv K8 C4 P8 Q8 R3 S3}\n"
                 "  - {name: tall, layer: conv K8 C4 P8 Q8 R3 S5}\n"
                 "  - {name: last, layer: fc K8 C4}\n"
                 "accelerator: {space: ./hw.yaml}\n%sstrategy: exhaustive\n"
                 "budget: {trials: 2}\n",
                 inner[k]);
        assert_ok(run(folder, text, 1, &w, &err), &err);
        for (int t = 0; t < 2; t++) {
            td_trial_row row = trial_of(folder, t, a);
            assert_int_equal(row.state, TD_TRIAL_INFEASIBLE);
            assert_non_null(strstr(row.error, "layer tall: "));
            int n;
            const td_inner_row *r = layers_of(folder, t, a, &n);
            assert_int_equal(n, 2);
            assert_true(r[0].found && !r[1].found);
            assert_non_null(strstr(row.error, r[1].error));
        }
        /* With more threads a layer behind it may have been searched at the same time. */
        run_sql(folder, "INSERT INTO inner_search SELECT trial_id, 2, 1, NULL, 1, 1, 1, 1, NULL,"
                        " NULL, NULL FROM inner_search WHERE layer = 1");
        for (int t = 0; t < 2; t++) {
            int n;
            layers_of(folder, t, a, &n);
            assert_int_equal(n, 2);
        }
        td_arena_destroy(a);
        scratch_remove(folder);
    }
}

static void test_networks_and_files(void **state) {
    (void)state;
    char *folder = make_folder();
    td_error err = {0};
    put_file(folder, "work.yaml", "- {net: resnet18, count: 2}\n- {layer: fc K1000 C512}\n");
    td_blackbox *b = load_problem(
        folder, "name: n\nworkload: ./work.yaml\naccelerator: {space: ./hw.yaml}\nbudget: {trials: "
                "1}\n");
    int n;
    const td_nested_layer *layer = td_blackbox_layers(b, &n);
    int64_t macs = 0, runs = 0;
    for (int i = 0; i < n; i++) {
        macs += layer[i].count * td_problem_macs(&layer[i].problem);
        runs += layer[i].count;
    }
    td_net *net;
    td_net_totals total;
    assert_ok(td_net_build("resnet18", (td_shape){3, 224, 224}, 1, 1000, &net, &err), &err);
    td_net_count(net, &total);
    td_net_destroy(net);
    assert_int_equal(runs, 2 * total.layers + 1);
    assert_int_equal(macs, 2 * total.macs + 512000);
    assert_true(n < 16);
    td_blackbox_destroy(b);
    scratch_remove(folder);
}

static void test_wrong_files(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } wrong[] = {
        {"name: n\naccelerator: {space: ./hw.yaml}\nmapping: {}\n", "missing key \"workload\""},
        {"name: n\nworkload: []\naccelerator: {space: ./hw.yaml}\n", "expected a list of {layer"},
        {"name: n\nworkload: ./none.yaml\naccelerator: {space: ./hw.yaml}\n",
         "problem.yaml:2: workload: expected a list of layers, or a file with one"},
        {"name: n\nworkload: [{layer: conv K0}]\naccelerator: {space: ./hw.yaml}\n",
         "workload[0].layer"},
        {"name: n\nworkload: [{layers: fc K1 C1}]\naccelerator: {space: ./hw.yaml}\n",
         "unknown key \"layers\""},
        {"name: n\nworkload: [{layer: fc K1 C1}, {net: resnet18, depth: 3}]\n"
         "accelerator: {space: ./hw.yaml}\n",
         "workload[1]: unknown key \"depth\""},
        {"name: n\nworkload: [{net: resnet18, layer: fc K1 C1}]\n"
         "accelerator: {space: ./hw.yaml}\n",
         "workload[0]: expected the key layer or the key net, found both"},
        {"name: n\nworkload: [{layer: fc K1 C1}]\nmapping: {strategy: random}\n"
         "accelerator: {space: eyeriss, mesh_x: 5}\n",
         "of the last one: rule pe_mesh"},
        {NESTED("network: {space: fixed, net: resnet18}\n"), "unknown key \"network\""},
        {"name: n\nworkload: [{net: resnet19}]\naccelerator: {space: ./hw.yaml}\n", "resnet18"},
        {"name: n\n" LAYERS, "missing key \"accelerator\""},
        {NESTED("mapping: {strategy: mapper, trials: 3}\n"), "unknown key \"trials\""},
        {NESTED("mapping: {strategy: random, mode: fast}\n"), "unknown key \"mode\""},
        {NESTED("mapping: {strategy: rnadom}\n"), "did you mean \"random\""},
        {"name: n\nworkload: [{layer: conv K8 C4 P8 Q8 R3 S5}]\naccelerator: {space: ./hw.yaml}\n"
         "mapping: {strategy: {name: evolution, population: 0}}\n",
         "population"}, /* no accelerator has a mapping */
        {NESTED("mapping: {strategy: {name: evolution, population: 0}}\n"), "population"},
        {NESTED("mapping: {strategy: exhaustive}\n"), "strategy: mapper"},
        {NESTED("mapping: {objective: area}\n"), "there is no objective \"area\""},
        {NESTED("mapping: {mode: sample}\n"), "there is no mode \"sample\""},
        {NESTED("objectives: [cost]\n"), "unknown key \"objectives\""},
    };
    char *folder = make_folder();
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        td_blackbox *b = NULL;
        td_error err = {0};
        put_file(folder, "problem.yaml", wrong[i].text);
        const char *path = scratch_path(folder, "problem.yaml");
        assert_true(td_nested_file(path));
        td_status s = td_blackbox_load_with(path, NULL, 0, &b, &err);
        if (s != TD_E_INPUT && s != TD_E_NOT_FOUND) fail_msg("%zu: %d %s", i, s, err.message);
        if (strstr(err.message, wrong[i].message) == NULL)
            fail_msg("%zu: expected \"%s\" in \"%s\"", i, wrong[i].message, err.message);
    }
    scratch_remove(folder);
}

/* What values depend on ties a folder to its recipe; and nobody else evaluates these trials. */
static void test_what_a_folder_goes_on_with(void **state) {
    (void)state;
    char *folder = make_folder();
    td_error err = {0};
    watcher w = {0};
    const char *text = NESTED("strategy: random\nbudget: {trials: 2}\n");
    assert_ok(run(folder, text, 1, &w, &err), &err);
    static const struct {
        const char *text, *differs;
    } others[] = {
        {NESTED("strategy: random\nmapping: {objective: energy}\nbudget: {trials: 9}\n"),
         "what differs: mapping was nothing and is {\"objective\": \"energy\"};"},
        {NESTED("strategy: random\nmapping: {mode: fast}\nbudget: {trials: 2}\n"),
         "what differs: mapping was"},
        {"name: n\nworkload: [{layer: fc K32 C64}]\naccelerator: {space: ./hw.yaml}\n"
         "strategy: random\nbudget: {trials: 2}\n",
         "what differs: workload was"},
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(run(folder, others[i].text, 1, &w, &err), TD_E_USAGE);
        if (strstr(err.message, others[i].differs) == NULL)
            fail_msg("expected \"%s\" in \"%s\"", others[i].differs, err.message);
    }
    assert_ok(run(folder, NESTED("strategy: random\nbudget: {trials: 3}\n"), 1, &w, &err), &err);
    td_text out = {0};
    td_blackbox *b = load_problem(folder, text);
    char *other = scratch_make();
    assert_int_equal(td_blackbox_ask(b, other, 1, 10, &out, &err), TD_E_USAGE);
    assert_non_null(strstr(err.message, "tandem search"));
    td_blackbox_destroy(b);
    td_text_free(&out);
    scratch_remove(other);
    scratch_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_with_the_mapper),
        cmocka_unit_test(test_strategies_inside),
        cmocka_unit_test(test_the_same_with_threads),
        cmocka_unit_test(test_resumes_between_layers),
        cmocka_unit_test(test_rows_are_taken_over),
        cmocka_unit_test(test_no_mapping),
        cmocka_unit_test(test_networks_and_files),
        cmocka_unit_test(test_wrong_files),
        cmocka_unit_test(test_what_a_folder_goes_on_with),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

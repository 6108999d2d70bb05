/* Whole recipes on a tiny data set: rows, resume, what makes a folder another one, final trainings,
 * the results folder. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>

#include "scratch.h"
#include "tandem/report.h"

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

static const char net[] = "network:\n"
                          "  space: ibn\n"
                          "  input: [1, 8, 8]\n"
                          "  classes: 10\n"
                          "  stem: {channels: 8, stride: 2}\n"
                          "  stages: [{channels: 8, stride: 1, depth: [1, 2]}]\n"
                          "  kernel: [3, 5]\n"
                          "  expansion: [1, 2]\n"
                          "  width: 1\n"
                          "  head: 0\n";
static const char hw[] =
    "accelerator: {space: micro, pe_x: [1, 2], pe_y: 1, simd: [4, 8], lanes: 1,"
    " local_kb: [64, 128], rf_kb: 1, io_gbps: 0.8}\n";
static const char proxy[] = "epochs: 1, train_images: 200, batch: 50, rate: 0.05, warmup_steps: 2";
static const char objective[] = "objective: {targets: {latency_us: 5000, area_mm2: 5}}\n";
static const char budget[] = "budget: {trials: 12, trained: 4}\n";
static const char final[] = "final: {epochs: 1, train_images: 400, batch: 50, rate: 0.05,"
                            " warmup_steps: 2}\n";

/* Parts of a recipe; NULL: the ones above, "" to leave one out. */
typedef struct {
    const char *name, *hw, *proxy, *objective, *budget, *final, *more, *lag, *schedule;
} parts;

static td_recipe *load(fixture *f, parts p) {
    td_text t = {0};
    td_recipe *r;
    td_text_addf(&t, "name: %s\nseed: 3\nlag: %s\nschedule: {%s}\n%s%s", p.name ? p.name : "r",
                 p.lag ? p.lag : "3", p.schedule ? p.schedule : "max_nodes: 300", net,
                 p.hw ? p.hw : hw);
    /* beside the recipe, which is not in the current folder */
    td_text_addf(&t, "accuracy: {path: data, %s}\n", p.proxy ? p.proxy : proxy);
    td_text_addf(&t, "%s%s%s%s", p.objective ? p.objective : objective,
                 p.budget ? p.budget : budget, p.final ? p.final : final, p.more ? p.more : "");
    scratch_write(f->folder, "r.yaml", t.data, t.size);
    td_text_free(&t);
    assert_ok(td_recipe_load(scratch_path(f->folder, "r.yaml"), &r, &f->err), &f->err);
    return r;
}

/* Runs into folder/out and writes the results. Caller frees the summary, whatever comes of it. */
static td_status run(fixture *f, parts p, td_run_options o, td_run_summary *sum) {
    td_recipe *r = load(f, p);
    o.out = scratch_path(f->folder, "out");
    td_status s = td_recipe_run(r, &o, sum, &f->err);
    if (s == TD_OK) s = td_report_write(r, sum, scratch_path(f->folder, "out"), &f->err);
    td_recipe_destroy(r);
    return s;
}

static void run_ok(fixture *f, parts p, td_run_summary *sum) {
    assert_ok(run(f, p, (td_run_options){.threads = 2}, sum), &f->err);
}

/* A file of the results folder. Caller frees. */
static char *slurp(fixture *f, const char *name) {
    char *data;
    size_t size;
    td_error err;
    char path[64];
    snprintf(path, sizeof path, "out/%s", name);
    assert_ok(td_file_read(scratch_path(f->folder, path), 0, &data, &size, &err), &err);
    return data;
}

static bool exists(fixture *f, const char *name) {
    char path[64];
    snprintf(path, sizeof path, "out/%s", name);
    return td_file_exists(scratch_path(f->folder, path));
}

/* Number of trained networks that are kept; *inodes changes when one is written again. */
static int weights_in(fixture *f, uint64_t *inodes) {
    int n = 0;
    DIR *d = opendir(scratch_path(f->folder, "out/final"));
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        if (strstr(e->d_name, ".weights") == NULL) continue;
        n++;
        if (inodes != NULL) *inodes += td_hash(&e->d_ino, sizeof e->d_ino, 0);
    }
    closedir(d);
    return n;
}

static const char *const pair_files[] = {"network.onnx", "network.qdq.onnx", "network.yaml",
                                         "weights.bin",  "accelerator.yaml", "schedule.json"};
enum { PAIR_FILES = sizeof pair_files / sizeof pair_files[0] };

/* Hash of all bytes of a pair's folder. */
static uint64_t pair_hash(fixture *f, const char *folder) {
    uint64_t h = 0;
    for (int i = 0; i < PAIR_FILES; i++) {
        char name[64], *data;
        size_t size;
        snprintf(name, sizeof name, "out/%s/%s", folder, pair_files[i]);
        assert_ok(td_file_read(scratch_path(f->folder, name), 0, &data, &size, &f->err), &f->err);
        h = td_hash(data, size, h);
        free(data);
    }
    return h;
}

/* What stands in a pair's folder is the design of its row, down to the figures of its schedule. */
static void expect_pair(fixture *f, const char *folder, const td_result_row *row) {
    char name[64];
    td_arena *a = td_arena_create();
    const td_node *doc;
    td_net *got;
    td_hw chip;
    td_weights *w;
    snprintf(name, sizeof name, "out/%s/network.yaml", folder);
    assert_ok(td_node_load(a, scratch_path(f->folder, name), &doc, &f->err), &f->err);
    assert_ok(td_net_from_node(doc, &got, &f->err), &f->err);
    assert_true(td_net_hash(got) == row->design.net_hash);
    snprintf(name, sizeof name, "out/%s/accelerator.yaml", folder);
    assert_ok(td_hw_load(scratch_path(f->folder, name), &chip, &f->err), &f->err);
    assert_true(chip.area_mm2 == row->metric[TD_METRIC_AREA]);
    snprintf(name, sizeof name, "out/%s/schedule.json", folder);
    assert_ok(td_node_load(a, scratch_path(f->folder, name), &doc, &f->err), &f->err);
    assert_true(td_node_find(doc, "latency_s")->real == row->metric[TD_METRIC_LATENCY]);
    assert_true(td_node_find(doc, "energy_j")->real == row->metric[TD_METRIC_ENERGY]);
    snprintf(name, sizeof name, "out/%s/weights.bin", folder);
    assert_ok(td_weights_load(got, scratch_path(f->folder, name), &w, &f->err), &f->err);
    td_weights_destroy(w);
    td_net_destroy(got);
    td_arena_destroy(a);
}

/* ... before the first trial: the hand-made network would be trained after all searches only. */
static void networks_for_other_images_are_refused(void **state) {
    fixture *f = *state;
    td_run_summary sum;
    parts p = {.more = "compare:\n"
                       "  network: {space: fixed, net: handmade, input: [3, 32, 32]}\n"
                       "  accelerator: {space: fixed, hw: micro}\n"};
    td_status s = run(f, p, (td_run_options){.threads = 2}, &sum);
    td_run_summary_free(&sum);
    assert_int_equal(s, TD_E_INPUT);
    assert_non_null(strstr(f->err.message, "reads 3 x 32 x 32 images, fashion-mnist has 1 x"));
    assert_int_equal(sum.n, 0);
}

static void joint_search_and_its_folder(void **state) {
    fixture *f = *state;
    td_run_summary sum;
    run_ok(f, (parts){0}, &sum);
    assert_int_equal(sum.n, 1);
    assert_int_equal(sum.best, 0);
    const td_result_row *row = &sum.row[0];
    assert_string_equal(row->name, "joint");
    assert_true(row->found && row->meets);
    assert_true(row->trials <= 12 && row->trained <= 4 && row->trained > 0);
    assert_true(row->test_accuracy > 0 && row->test_accuracy <= 1);
    assert_true(row->valid_accuracy > 0 && row->valid_accuracy <= 1);
    assert_true(row->metric[TD_METRIC_LATENCY] > 0 && row->metric[TD_METRIC_LATENCY] < 5e-3);
    assert_non_null(row->weights);
    assert_non_null(row->quantised);
    assert_true(fabs(row->test_accuracy_quantised - row->test_accuracy) < 0.1);
    assert_true(row->schedule.n > 0);
    assert_int_equal(sum.data_n[TD_SPLIT_VALID], 10000);
    assert_int_equal(sum.data_n[TD_SPLIT_TEST], 300);
    assert_string_equal(sum.data_name, "fashion-mnist");
    td_run_summary_free(&sum);
    static const char *const files[] = {
        "best/network.onnx",  "best/network.yaml", "best/weights.bin", "best/accelerator.yaml",
        "best/schedule.json", "trials.csv",        "pareto.csv",       "summary.json",
        "recipe.yaml",        "study.db"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (!exists(f, files[i])) fail_msg("%s is not there", files[i]);
    /* What stands there loads again, and fits together. */
    td_hw chip;
    td_net *best;
    td_weights *w;
    td_arena *a = td_arena_create();
    const td_node *doc;
    assert_ok(td_hw_load(scratch_path(f->folder, "out/best/accelerator.yaml"), &chip, &f->err),
              &f->err);
    assert_ok(td_node_load(a, scratch_path(f->folder, "out/best/network.yaml"), &doc, &f->err),
              &f->err);
    assert_ok(td_net_from_node(doc, &best, &f->err), &f->err);
    assert_ok(td_weights_load(best, scratch_path(f->folder, "out/best/weights.bin"), &w, &f->err),
              &f->err);
    assert_ok(td_node_load(a, scratch_path(f->folder, "out/summary.json"), &doc, &f->err), &f->err);
    assert_ok(td_node_load(a, scratch_path(f->folder, "out/best/schedule.json"), &doc, &f->err),
              &f->err);
    td_weights_destroy(w);
    td_net_destroy(best);
    td_arena_destroy(a);
}

static const char compare[] = "compare:\n"
                              "  network: {space: fixed, net: A, input: [1, 8, 8]}\n"
                              "  accelerator: {space: fixed, hw: micro}\n";

static const char *const row_folder[] = {"rows/hand-made", "rows/accelerator", "rows/network",
                                         "rows/joint"};

/* All four rows; the same again from another number of threads; then nothing is left to do. */
static void four_rows_the_same_by_any_threads(void **state) {
    fixture *f = *state;
    td_run_summary sum;
    char *trials[2], *pareto[2];
    uint64_t pairs[2][4];
    for (int k = 0; k < 2; k++) {
        assert_ok(run(f, (parts){.more = compare}, (td_run_options){.threads = k ? 3 : 1}, &sum),
                  &f->err);
        assert_int_equal(sum.n, 4);
        static const char *const names[] = {"hand-made", "accelerator", "network", "joint"};
        for (int i = 0; i < 4; i++) {
            assert_string_equal(sum.row[i].name, names[i]);
            assert_true(sum.row[i].found);
            expect_pair(f, row_folder[i], &sum.row[i]);
            pairs[k][i] = pair_hash(f, row_folder[i]);
        }
        assert_true(pair_hash(f, "best") == pairs[k][sum.best]);
        assert_int_equal(sum.row[0].trials, 1);
        assert_int_equal(sum.row[0].trained, 0);
        assert_int_equal(sum.row[1].trained, 0);
        assert_int_equal(sum.row[1].trials, 12);
        assert_true(sum.row[2].trained > 0 && sum.row[2].trained <= 4);
        /* hand-made network in both rows: one training */
        assert_true(sum.row[0].test_accuracy == sum.row[1].test_accuracy);
        td_run_summary_free(&sum);
        trials[k] = slurp(f, "trials.csv");
        pareto[k] = slurp(f, "pareto.csv");
        char out[16];
        snprintf(out, sizeof out, "kept%d", k);
        rename(scratch_path(f->folder, "out"), scratch_path(f->folder, out));
    }
    assert_string_equal(trials[0], trials[1]);
    assert_string_equal(pareto[0], pareto[1]);
    assert_memory_equal(pairs[0], pairs[1], sizeof pairs[0]);
    for (int k = 0; k < 2; k++) {
        free(trials[k]);
        free(pareto[k]);
    }
    rename(scratch_path(f->folder, "kept0"), scratch_path(f->folder, "out"));
    uint64_t before = 0, after = 0;
    int weights = weights_in(f, &before);
    remove(scratch_path(f->folder, "out/rows/network/accelerator.yaml"));
    scratch_write(f->folder, "out/rows/joint/weights.bin", "x", 1);
    assert_ok(run(f, (parts){.more = compare}, (td_run_options){.threads = 1}, &sum), &f->err);
    assert_int_equal(sum.n, 4);
    td_run_summary_free(&sum);
    assert_int_equal(weights_in(f, &after), weights);
    assert_true(after == before);
    for (int i = 0; i < 4; i++) assert_true(pair_hash(f, row_folder[i]) == pairs[0][i]);
    /* Without `compare` the other rows go, but for what is not ours. */
    scratch_write(f->folder, "out/rows/network/notes.txt", "x", 1);
    run_ok(f, (parts){0}, &sum);
    td_run_summary_free(&sum);
    assert_true(pair_hash(f, "rows/joint") == pairs[0][3]);
    assert_false(exists(f, "rows/hand-made"));
    assert_false(exists(f, "rows/network/network.yaml"));
    assert_true(exists(f, "rows/network/notes.txt"));
}

typedef struct {
    int64_t stop_at, seen;
    bool stop, in_final;
} stopper;

static void watch(void *self, const td_progress *p) {
    stopper *s = self;
    s->seen++;
    if (s->seen >= s->stop_at) s->stop = true;
    s->in_final = strcmp(p->phase, "final training") == 0;
}

static bool stopped(void *self) {
    return ((stopper *)self)->stop;
}

static void interrupted_and_resumed(void **state) {
    fixture *f = *state;
    td_run_summary sum;
    run_ok(f, (parts){0}, &sum);
    double accuracy = sum.row[0].test_accuracy;
    td_run_summary_free(&sum);
    char *expected = slurp(f, "trials.csv");
    rename(scratch_path(f->folder, "out"), scratch_path(f->folder, "kept"));
    td_status st = TD_E_INTERRUPTED;
    int rounds = 0;
    for (; st == TD_E_INTERRUPTED && rounds < 50; rounds++) {
        stopper s = {.stop_at = 4 + 3 * rounds};
        td_run_options o = {.threads = 2, .progress = watch, .cancelled = stopped, .self = &s};
        st = run(f, (parts){0}, o, &sum);
        if (st == TD_OK) assert_true(sum.row[0].test_accuracy == accuracy);
        td_run_summary_free(&sum);
    }
    assert_ok(st, &f->err);
    assert_true(rounds > 1);
    char *got = slurp(f, "trials.csv");
    assert_string_equal(got, expected);
    free(got);
    free(expected);
}

/* What trials depend on may not change in a folder; the rest may. */
static void what_may_change(void **state) {
    fixture *f = *state;
    td_run_summary sum;
    run_ok(f, (parts){.final = ""}, &sum);
    td_run_summary_free(&sum);
    char *first = slurp(f, "trials.csv");
    static const parts same[] = {
        {.final = "", .name = "other"},
        {.final = "", .more = "# a comment\n"},
        {.final = "",
         .objective = "objective: {reward: nahas-hard, targets: {area_mm2: 5.0,"
                      " latency_us: 5000}}\n"},
        {.final = "",
         .hw = "accelerator:\n  io_gbps: 0.8\n  rf_kb: [1]\n  space: micro\n"
               "  pe_x: [2, 1]\n  pe_y: 1\n  simd: [4, 8]\n  lanes: 1\n"
               "  local_kb: [64, 128]\n"},
    };
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        run_ok(f, same[i], &sum);
        td_run_summary_free(&sum);
        char *again = slurp(f, "trials.csv");
        assert_string_equal(again, first);
        free(again);
    }
    static const parts other[] = {
        {.final = "", .objective = "objective: {targets: {latency_us: 5001, area_mm2: 5}}\n"},
        {.final = "",
         .objective = "objective: {reward: tunas, targets: {latency_us: 5000,"
                      " area_mm2: 5}}\n"},
        {.final = "",
         .hw = "accelerator: {space: micro, pe_x: [1, 2], pe_y: 1, simd: [4, 8], "
               "lanes: 1, local_kb: [64, 128], rf_kb: 2, io_gbps: 0.8}\n"},
        {.final = "",
         .proxy = "epochs: 1, train_images: 201, batch: 50, rate: 0.05,"
                  " warmup_steps: 2"},
        {.final = "", .lag = "4"},
        {.final = "", .schedule = "max_nodes: 301"},
        {.final = "", .schedule = "max_nodes: 300, objective: energy"},
        {.final = "", .schedule = "max_nodes: 300, batch: 2"},
        {.final = "", .more = "strategy: {name: random}\n"},
        {.final = "", .more = "strategy: {name: evolution, population: 7}\n"},
    };
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++) {
        td_status s = run(f, other[i], (td_run_options){.threads = 1}, &sum);
        td_run_summary_free(&sum);
        if (s != TD_E_USAGE) fail_msg("case %zu: %s", i, td_status_name(s));
        assert_non_null(strstr(f->err.message, "made with another recipe"));
    }
    /* Rows may join, and a budget grow: the trials there were stay. */
    run_ok(f, (parts){.final = "", .more = compare, .budget = "budget: {trials: 15, trained: 6}\n"},
           &sum);
    assert_int_equal(sum.n, 4);
    td_run_summary_free(&sum);
    free(first);
}

/* Real trainings that are stopped early, in two rows: what is stopped says so and never wins, the
 * same on another run; what was trained in full is what it is without. */
static void early_stopping(void **state) {
    fixture *f = *state;
    td_run_summary sum;
    static const char long_proxy[] = "epochs: 4, train_images: 200, batch: 50, rate: 0.05,"
                                     " warmup_steps: 2";
    char rows[600];
    snprintf(rows, sizeof rows, "%sscope: [network, joint]\n", compare);
    char more[700];
    snprintf(more, sizeof more, "%searly_stopping: {name: asha, eta: 2}\n", rows);
    parts p = {.proxy = long_proxy,
               .lag = "0",
               .budget = "budget: {trials: 16, trained: 6}\n",
               .objective = "objective: {targets: {}}\n",
               .more = more};
    char *before = NULL;
    for (int k = 0; k < 2; k++) {
        run_ok(f, p, &sum);
        assert_true(sum.row[1].count[TD_RESULT_STOPPED] > 0 && sum.row[1].found);
        td_run_summary_free(&sum);
        char *got = slurp(f, "trials.csv");
        assert_non_null(strstr(got, "stopped early"));
        assert_non_null(strstr(got, "stopped after epoch "));
        if (before != NULL) assert_string_equal(got, before);
        free(before);
        before = got;
        if (k == 0) rename(scratch_path(f->folder, "out"), scratch_path(f->folder, "kept"));
    }
    free(before);
    td_arena *a = td_arena_create();
    td_store *store;
    td_trial_row *t, *whole;
    int n, m, best;
    double accuracy[64];
    uint64_t net_hash[64];
    assert_ok(td_store_open(scratch_path(f->folder, "out/study.db"), false, &store, &f->err),
              &f->err);
    assert_ok(td_store_trials(store, "joint", a, &t, &n, &f->err), &f->err);
    best = td_trials_best(t, n);
    assert_true(best >= 0 && t[best].state == TD_TRIAL_DONE && t[best].steps == 4);
    m = 0;
    for (int i = 0; i < n; i++) {
        if (t[i].state != TD_TRIAL_DONE) continue;
        net_hash[m] = t[i].net_hash;
        accuracy[m++] = t[i].accuracy;
    }
    td_store_close(store);
    /* Another rule, or none, is another search. */
    static const char *const others[] = {"", "early_stopping: {name: asha, eta: 3}\n",
                                         "early_stopping: median\n"};
    for (int k = 0; k < 3; k++) {
        snprintf(more, sizeof more, "%s%s", rows, others[k]);
        assert_int_equal(run(f, p, (td_run_options){.threads = 1}, &sum), TD_E_USAGE);
        td_run_summary_free(&sum);
        assert_non_null(strstr(f->err.message, "early_stopping"));
    }
    scratch_remove(strdup(scratch_path(f->folder, "out")));
    snprintf(more, sizeof more, "%s", rows);
    p.budget = "budget: {trials: 40}\n";
    run_ok(f, p, &sum);
    td_run_summary_free(&sum);
    assert_ok(td_store_open(scratch_path(f->folder, "out/study.db"), false, &store, &f->err),
              &f->err);
    assert_ok(td_store_trials(store, "joint", a, &whole, &n, &f->err), &f->err);
    int compared = 0;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < m; k++) {
            if (whole[i].net_hash != net_hash[k] || whole[i].state != TD_TRIAL_DONE) continue;
            assert_true(whole[i].accuracy == accuracy[k]);
            compared++;
        }
    assert_true(compared > 0);
    td_store_close(store);
    td_arena_destroy(a);
}

static void without_final_training(void **state) {
    fixture *f = *state;
    td_run_summary sum;
    run_ok(f, (parts){0}, &sum);
    td_run_summary_free(&sum);
    assert_true(exists(f, "best/weights.bin"));
    run_ok(f, (parts){.final = ""}, &sum);
    const td_result_row *row = &sum.row[0];
    assert_null(row->weights);
    assert_true(isnan(row->test_accuracy));
    assert_true(row->valid_accuracy > 0); /* the proxy's */
    td_run_summary_free(&sum);
    /* weights of the earlier run would be those of another network */
    assert_false(exists(f, "best/weights.bin"));
    assert_false(exists(f, "best/network.onnx"));
    assert_true(exists(f, "best/network.yaml"));
    assert_false(exists(f, "rows/joint/weights.bin"));
    assert_false(exists(f, "rows/joint/network.onnx"));
    assert_true(exists(f, "rows/joint/network.yaml"));
}

static void candidates_are_distinct_networks(void **state) {
    fixture *f = *state;
    td_run_summary sum;
    run_ok(f,
           (parts){.final = "final: {candidates: 3, epochs: 1, train_images: 300, batch: 50,"
                            " rate: 0.05, warmup_steps: 2}\n",
                   .budget = "budget: {trials: 16}\n"},
           &sum);
    assert_true(sum.row[0].found && sum.row[0].weights != NULL);
    td_run_summary_free(&sum);
    assert_int_equal(weights_in(f, NULL), 3);
}

static void damaged_weights_are_trained_again(void **state) {
    fixture *f = *state;
    td_run_summary sum;
    run_ok(f, (parts){0}, &sum);
    double accuracy = sum.row[0].test_accuracy;
    td_run_summary_free(&sum);
    char command[1400];
    snprintf(command, sizeof command,
             "for i in '%s'/*; do printf x | dd of=\"$i\" bs=1 seek=200 "
             "conv=notrunc 2>/dev/null; done",
             scratch_path(f->folder, "out/final"));
    assert_int_equal(system(command), 0);
    run_ok(f, (parts){0}, &sum);
    assert_true(sum.row[0].test_accuracy == accuracy);
    td_run_summary_free(&sum);
}

static void a_final_training_that_diverges(void **state) {
    fixture *f = *state;
    td_run_summary sum;
    run_ok(
        f,
        (parts){.final =
                    "final: {epochs: 1, train_images: 400, batch: 50, rate: 100, weight_decay: 1,"
                    " warmup_steps: 0}\n"},
        &sum);
    assert_true(sum.row[0].found);
    assert_null(sum.row[0].weights);
    assert_true(isnan(sum.row[0].test_accuracy) && isnan(sum.row[0].valid_accuracy));
    assert_false(exists(f, "best/weights.bin"));
    assert_true(exists(f, "best/network.yaml"));
    td_run_summary_free(&sum);
}

static void impossible_targets(void **state) {
    fixture *f = *state;
    td_run_summary sum;
    run_ok(f, (parts){.objective = "objective: {targets: {latency_us: 0.001}}\n", .final = ""},
           &sum);
    /* The nearest miss is told; nothing was trained for it. */
    assert_true(sum.row[0].found && !sum.row[0].meets);
    assert_int_equal(sum.row[0].trained, 0);
    assert_int_equal(sum.row[0].count[TD_RESULT_MISSES] + sum.row[0].count[TD_RESULT_UNBUILT], 12);
    assert_true(sum.row[0].count[TD_RESULT_MISSES] > 0);
    assert_int_equal(sum.best, 0);
    td_run_summary_free(&sum);
}

static void nothing_can_be_built(void **state) {
    fixture *f = *state;
    td_run_summary sum;
    run_ok(f,
           (parts){.hw = "accelerator: {space: micro, pe_x: 1, pe_y: 1, simd: [4, 8], lanes: 1,"
                         " local_kb: 16, rf_kb: 1, io_gbps: [0.4, 0.8]}\n"},
           &sum);
    assert_false(sum.row[0].found);
    assert_int_equal(sum.best, -1);
    td_run_summary_free(&sum);
    assert_true(exists(f, "summary.json"));
    assert_false(exists(f, "best/network.yaml"));
    assert_false(exists(f, "rows"));
}

static void missing_data_make_no_folder(void **state) {
    fixture *f = *state;
    td_run_summary sum;
    rename(scratch_path(f->folder, "data"), scratch_path(f->folder, "elsewhere"));
    assert_int_equal(run(f, (parts){0}, (td_run_options){.threads = 1}, &sum), TD_E_NOT_FOUND);
    td_run_summary_free(&sum);
    assert_non_null(strstr(f->err.message, "dataset-fashion-mnist"));
    assert_false(td_file_exists(scratch_path(f->folder, "out")));
}

static void one_process_per_folder(void **state) {
    fixture *f = *state;
    td_run_summary sum;
    mkdir(scratch_path(f->folder, "out"), 0777);
    int fd = open(scratch_path(f->folder, "out/study.lock"), O_RDWR | O_CREAT, 0666);
    assert_true(fd >= 0);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
    assert_int_equal(run(f, (parts){0}, (td_run_options){.threads = 1}, &sum), TD_E_STORE);
    td_run_summary_free(&sum);
    assert_non_null(strstr(f->err.message, "another tandem process"));
    close(fd);
    run_ok(f, (parts){.final = ""}, &sum);
    td_run_summary_free(&sum);
}

static void a_file_where_the_folder_should_be(void **state) {
    fixture *f = *state;
    td_run_summary sum;
    scratch_write(f->folder, "out", "x", 1);
    assert_int_equal(run(f, (parts){0}, (td_run_options){.threads = 1}, &sum), TD_E_IO);
    td_run_summary_free(&sum);
}

int main(void) {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(networks_for_other_images_are_refused),
        CASE(joint_search_and_its_folder),
        CASE(four_rows_the_same_by_any_threads),
        CASE(interrupted_and_resumed),
        CASE(what_may_change),
        CASE(early_stopping),
        CASE(without_final_training),
        CASE(candidates_are_distinct_networks),
        CASE(damaged_weights_are_trained_again),
        CASE(a_final_training_that_diverges),
        CASE(impossible_targets),
        CASE(nothing_can_be_built),
        CASE(missing_data_make_no_folder),
        CASE(one_process_per_folder),
        CASE(a_file_where_the_folder_should_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

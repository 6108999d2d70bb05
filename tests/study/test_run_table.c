/* Whole recipes whose accuracies come from a table: rows, repeats, networks that are not in it,
 * resume, what makes a folder another one. */
#include "scratch.h"
#include "tandem/report.h"

enum { REPEATS = 3 };

typedef struct {
    char *folder;
    td_arena *arena;
    td_error err;
} fixture;

/* Accuracies of the 27 vectors, percent: of their sequence of blocks, so twins agree. Vectors that
 * leave out all of l2 and l3 are missing: l1 alone. */
static uint64_t blocks_of(const char *digits) {
    char sequence[4] = {0};
    int n = 0;
    for (int i = 0; i < 3; i++)
        if (i == 0 || digits[i] != '0') sequence[n++] = digits[i];
    return td_hash_text(sequence, 5);
}

static double accuracy_of(const char *digits, int repeat) {
    uint64_t h = blocks_of(digits);
    return 50 + (double)(h % 40) + 0.25 * (double)((h >> (8 + 8 * repeat)) % 8);
}

static double mean_of(const char *digits) {
    double sum = 0;
    for (int k = 0; k < REPEATS; k++) sum += accuracy_of(digits, k) / 100;
    return sum / REPEATS;
}

static void write_table(fixture *f, double more_test, double more_valid) {
    td_text t = {0};
    td_text_add(&t, "ops,v1,v2,v3,test\n");
    for (int i = 0; i < 27; i++) {
        char digits[4] = {(char)('0' + i / 9), (char)('0' + i / 3 % 3), (char)('0' + i % 3), 0};
        if (digits[1] == '0' && digits[2] == '0') continue;
        td_text_add(&t, digits);
        for (int k = 0; k < REPEATS; k++)
            td_text_addf(&t, ",%.17g", accuracy_of(digits, k) + more_valid);
        td_text_addf(&t, ",%.17g\n", accuracy_of(digits, 0) - 10 + more_test);
    }
    scratch_write(f->folder, "t.csv", t.data, t.size);
    td_text_free(&t);
}

static int setup(void **state) {
    static fixture f;
    f = (fixture){.folder = scratch_make(), .arena = td_arena_create()};
    write_table(&f, 0, 0);
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    td_arena_destroy(f->arena);
    scratch_remove(f->folder);
    return 0;
}

#define NET                                                                                        \
    "  space: blocks\n"                                                                            \
    "  input: [1, 8, 8]\n"                                                                         \
    "  stem: {channels: 4, stride: 2}\n"                                                           \
    "  operators: {0: {op: identity}, 1: {op: ibn, kernel: 3, expansion: 2},"                      \
    " 2: {op: ibn, kernel: 5, expansion: 2}}\n"                                                    \
    "  head: 0\n"

static const char recipe[] =
    "name: t\n"
    "network:\n" NET "  layers: [{channels: 8, stride: 2, repeat: 3}]\n"
    "accelerator: {space: micro, pe_x: [1, 2], pe_y: 1, simd: [4, 8],"
    " lanes: 1, local_kb: [64, 128], rf_kb: 1, io_gbps: 0.8}\n"
    "accuracy: {source: table, file: t.csv, columns: {ops: '*'},"
    " valid: [v1, v2, v3], test: test, scale: percent}\n"
    "objective: {targets: {latency_us: 5000, area_mm2: 5}}\n"
    "schedule: {max_nodes: 200}\n"
    "strategy: {name: random}\n"
    "lag: 3\n"
    "budget: {trials: 60}\n"
    "compare:\n"
    "  accelerator: {space: fixed, hw: micro}\n"
    "  network:\n  "; /* the hand-made one follows: 2, then 1, then nothing */

/* The hand-made network is 201 in the table, and its twin 210. */
static td_recipe *load(fixture *f, const char *key, const char *to, td_status expected) {
    td_text t = {0};
    td_recipe *r = NULL;
    td_text_add(&t, recipe);
    for (const char *p = NET; *p != '\0'; p++) {
        td_text_addf(&t, "%c", *p);
        if (*p == '\n') td_text_add(&t, "  ");
    }
    td_text_add(&t, "  layers: [{channels: 8, stride: 2, operators: 2},"
                    " {channels: 8, operators: 0}, {channels: 8, operators: 1}]\n");
    scratch_write(f->folder, "r.yaml", t.data, t.size);
    td_text_free(&t);
    const td_override set = {key, to, "--set"};
    td_status s =
        td_recipe_load_with(scratch_path(f->folder, "r.yaml"), &set, key != NULL, &r, &f->err);
    if (s != expected) fail_msg("(%s) %s", td_status_name(s), f->err.message);
    return r;
}

/* With another value for a key, or NULL. */
static td_status run(fixture *f, const char *out, td_run_options o, const char *key, const char *to,
                     td_run_summary *sum) {
    td_recipe *r = load(f, key, to, TD_OK);
    o.out = scratch_path(f->folder, out);
    td_status s = td_recipe_run(r, &o, sum, &f->err);
    if (s == TD_OK) s = td_report_write(r, sum, o.out, &f->err);
    if (s == TD_OK) { /* the table that is printed */
        td_text t = {0};
        td_report_summary(r, sum, &t);
        scratch_write(f->folder, "summary.txt", t.data, t.size);
        td_text_free(&t);
    }
    td_recipe_destroy(r);
    return s;
}

static char *slurp(fixture *f, const char *name) {
    char *data;
    size_t size;
    assert_ok(td_file_read(scratch_path(f->folder, name), 0, &data, &size, &f->err), &f->err);
    return data;
}

static const td_result_row *row_of(const td_run_summary *s, const char *name) {
    for (int i = 0; i < s->n; i++)
        if (strcmp(s->row[i].name, name) == 0) return &s->row[i];
    fail_msg("no row %s", name);
    return NULL;
}

/* Digits of a trial's network out of its choices. */
static const char *digits_of(fixture *f, const td_trial_row *t) {
    static char digits[4];
    const td_node *doc;
    assert_ok(td_json_parse(f->arena, t->params, strlen(t->params), "p", 1, &doc, &f->err),
              &f->err);
    for (int i = 0; i < 3; i++) {
        char name[4] = {'l', (char)('1' + i), 0};
        digits[i] = td_node_find(doc, name)->text[0];
    }
    return digits;
}

/* Every trial has a repeat of its network, always the same one; networks that are not in the table
 * have none, and say so. */
static void check_trials(fixture *f, const char *out, const char *study, int64_t trained) {
    td_store *store;
    td_trial_row *t;
    int n, missing = 0, drawn[REPEATS] = {0};
    uint64_t known[32];
    double of[32];
    int nets = 0, looked_up = 0;
    char db[32];
    snprintf(db, sizeof db, "%s/study.db", out);
    assert_ok(td_store_open(scratch_path(f->folder, db), false, &store, &f->err), &f->err);
    assert_ok(td_store_trials(store, study, f->arena, &t, &n, &f->err), &f->err);
    for (int i = 0; i < n; i++) {
        const char *digits = digits_of(f, &t[i]);
        looked_up += t[i].trained;
        if (isnan(t[i].violation)) continue; /* cannot be built */
        if (digits[1] == '0' && digits[2] == '0') {
            assert_int_equal(td_trial_result(&t[i]), TD_RESULT_DIVERGES);
            assert_string_equal(td_result_text(td_trial_result(&t[i])), "no accuracy");
            assert_string_equal(t[i].error, "its network is not in t.csv");
            assert_true(isnan(t[i].accuracy) && !t[i].feasible);
            missing++;
            continue;
        }
        assert_int_equal(td_trial_result(&t[i]), TD_RESULT_MEETS);
        int repeat = 0;
        while (repeat < REPEATS && t[i].accuracy != accuracy_of(digits, repeat) / 100) repeat++;
        if (repeat == REPEATS) fail_msg("%s: %.17g is no repeat", digits, t[i].accuracy);
        drawn[repeat]++;
        /* twins share their draw */
        uint64_t h = blocks_of(digits);
        int k = 0;
        while (k < nets && known[k] != h) k++;
        if (k == nets) {
            known[nets] = h;
            of[nets++] = t[i].accuracy;
        }
        assert_true(of[k] == t[i].accuracy);
    }
    assert_int_equal(looked_up, trained);
    assert_true(missing > 0);
    for (int k = 0; k < REPEATS; k++) assert_true(drawn[k] > 0);
    td_store_close(store);
}

static void rows_of_a_table(void **state) {
    fixture *f = *state;
    td_run_summary sum;
    char *trials[2];
    for (int k = 0; k < 2; k++) {
        const char *out = k == 0 ? "one" : "three";
        assert_ok(run(f, out, (td_run_options){.threads = 1 + 2 * k}, NULL, NULL, &sum), &f->err);
        assert_int_equal(sum.n, 4);
        const td_result_row *hand = row_of(&sum, "hand-made"), *acc = row_of(&sum, "accelerator"),
                            *joint = row_of(&sum, "joint");
        /* Given networks are looked up as well. */
        assert_near(hand->valid_accuracy, mean_of("201"), 1e-15);
        assert_near(acc->valid_accuracy, mean_of("201"), 1e-15);
        assert_near(hand->test_accuracy, (accuracy_of("201", 0) - 10) / 100, 1e-15);
        assert_int_equal(hand->repeats, REPEATS); /* twins that agree count once */
        assert_true(hand->trained == 1 && acc->trained == 1 && hand->weights == NULL);
        assert_true(acc->found && acc->meets && acc->count[TD_RESULT_DIVERGES] == 0);
        /* The winner has the highest draw, and is scored by the mean. */
        assert_true(joint->found && joint->meets && joint->weights == NULL);
        assert_int_equal(joint->repeats, REPEATS);
        bool known = false;
        for (int i = 0; i < 27 && !known; i++) {
            char digits[4] = {(char)('0' + i / 9), (char)('0' + i / 3 % 3), (char)('0' + i % 3), 0};
            known = fabs(joint->valid_accuracy - mean_of(digits)) < 1e-15;
            if (known)
                assert_near(joint->test_accuracy, (accuracy_of(digits, 0) - 10) / 100, 1e-15);
        }
        assert_true(known);
        assert_true(isnan(joint->test_std) && joint->valid_std >= 0);
        assert_true(joint->count[TD_RESULT_DIVERGES] > 0);
        assert_string_equal(sum.accuracy_file, "t.csv");
        assert_int_equal(sum.data_n[0], 0);
        assert_true(joint->trained > 10 && joint->trained <= 21);
        check_trials(f, out, "joint", joint->trained);
        check_trials(f, out, "network", row_of(&sum, "network")->trained);
        td_run_summary_free(&sum);
        char name[32];
        snprintf(name, sizeof name, "%s/trials.csv", out);
        trials[k] = slurp(f, name);
    }
    assert_string_equal(trials[0], trials[1]);
    for (int k = 0; k < 2; k++) free(trials[k]);
}

static void the_folder_and_the_table_on_the_screen(void **state) {
    fixture *f = *state;
    td_run_summary sum;
    assert_ok(run(f, "out", (td_run_options){.threads = 2}, NULL, NULL, &sum), &f->err);
    double mean = 100 * row_of(&sum, "joint")->valid_accuracy;
    td_run_summary_free(&sum);
    static const char *const there[] = {"best/network.yaml", "best/accelerator.yaml",
                                        "best/schedule.json", "rows/hand-made/network.yaml"};
    static const char *const not_there[] = {"best/network.onnx", "best/weights.bin", "final"};
    char name[64];
    for (size_t i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "out/%s", there[i]);
        assert_true(td_file_exists(scratch_path(f->folder, name)));
    }
    for (size_t i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "out/%s", not_there[i]);
        assert_int_equal(access(scratch_path(f->folder, name), F_OK), -1);
    }
    char *text = slurp(f, "summary.txt"), value[32];
    snprintf(value, sizeof value, "%.2f %%", mean);
    assert_non_null(strstr(text, value));
    assert_non_null(strstr(text, "accuracies are looked up in t.csv; hand-made: mean of 3 meas"));
    assert_non_null(strstr(text, "; joint: mean of 3 measurements (+- "));
    free(text);
    const td_node *doc;
    assert_ok(td_node_load(f->arena, scratch_path(f->folder, "out/summary.json"), &doc, &f->err),
              &f->err);
    const td_node *joint = td_node_find(doc, "rows")->item[3];
    assert_near(td_node_find(joint, "valid_accuracy")->real, mean / 100, 1e-15);
    assert_int_equal(td_node_find(joint, "repeats")->integer, REPEATS);
    assert_int_equal(td_node_find(joint, "valid_std")->kind, TD_REAL);
    assert_int_equal(td_node_find(joint, "test_std")->kind, TD_NULL);
    const td_node *from = td_node_find(doc, "provenance");
    assert_string_equal(td_node_find(from, "accuracy_file")->text, "t.csv");
    assert_int_equal(strlen(td_node_find(from, "accuracy_file_hash")->text), 16);
}

static void count_warnings(void *self, int level, const char *message) {
    if (level <= 1 && strstr(message, "has no accuracies: its network is not in t.csv") != NULL)
        (*(int *)self)++;
}

/* A given network that is not in the table is costed, and accelerators are searched for it. */
static void a_hand_made_network_that_is_not_there(void **state) {
    fixture *f = *state;
    td_run_summary sum;
    int warnings = 0;
    td_log log = {.write = count_warnings, .self = &warnings};
    assert_ok(run(f, "out", (td_run_options){.threads = 2, .log = &log},
                  "compare.network.layers[2].operators", "0", &sum),
              &f->err);
    assert_int_equal(warnings, 2);
    const td_result_row *hand = row_of(&sum, "hand-made"), *acc = row_of(&sum, "accelerator");
    assert_true(hand->found && isnan(hand->valid_accuracy) && isnan(hand->test_accuracy));
    assert_true(acc->found && acc->meets && isnan(acc->valid_accuracy) && acc->trained == 0);
    assert_true(acc->count[TD_RESULT_MEETS] > 1);
    assert_true(acc->metric[TD_METRIC_LATENCY] <= hand->metric[TD_METRIC_LATENCY] ||
                acc->metric[TD_METRIC_ENERGY] < hand->metric[TD_METRIC_ENERGY]);
    assert_true(sum.best >= 2 && isfinite(row_of(&sum, "joint")->valid_accuracy));
    td_run_summary_free(&sum);
}

/* Networks that are looked up count in the budget as trained ones do, twins once. */
static void the_budget_counts_networks(void **state) {
    fixture *f = *state;
    td_run_summary sum;
    assert_ok(
        run(f, "out", (td_run_options){.threads = 3}, "budget", "{trials: 60, trained: 5}", &sum),
        &f->err);
    assert_int_equal(row_of(&sum, "joint")->trained, 5);
    assert_int_equal(row_of(&sum, "network")->trained, 5);
    assert_true(row_of(&sum, "joint")->trials < 60);
    td_run_summary_free(&sum);
}

/* Fewer trials, then all: as all at once. Other accuracies are another study, test accuracies are
 * not. */
static void going_on(void **state) {
    fixture *f = *state;
    td_run_summary sum;
    assert_ok(run(f, "whole", (td_run_options){.threads = 2}, NULL, NULL, &sum), &f->err);
    td_run_summary_free(&sum);
    assert_ok(run(f, "parts", (td_run_options){.threads = 2, .max_trials = 17}, NULL, NULL, &sum),
              &f->err);
    td_run_summary_free(&sum);
    write_table(f, 1, 0);
    assert_ok(run(f, "parts", (td_run_options){.threads = 2}, NULL, NULL, &sum), &f->err);
    assert_near(row_of(&sum, "hand-made")->test_accuracy, (accuracy_of("201", 0) - 9) / 100, 1e-15);
    td_run_summary_free(&sum);
    char *a = slurp(f, "whole/trials.csv"), *b = slurp(f, "parts/trials.csv");
    assert_string_equal(a, b);
    free(a);
    free(b);
    assert_ok(run(f, "parts", (td_run_options){.threads = 2}, "accuracy.scale", "percent", &sum),
              &f->err);
    td_run_summary_free(&sum);
    assert_int_equal(run(f, "parts", (td_run_options){.threads = 2}, "accuracy.seed", "2", &sum),
                     TD_E_USAGE);
    td_run_summary_free(&sum);
    write_table(f, 0, 0.25);
    assert_int_equal(run(f, "parts", (td_run_options){.threads = 2}, NULL, NULL, &sum), TD_E_USAGE);
    td_run_summary_free(&sum);
}

static void what_a_recipe_with_a_table_cannot_have(void **state) {
    fixture *f = *state;
    assert_null(load(f, "final", "{epochs: 1}", TD_E_INPUT));
    assert_string_equal(f->err.message,
                        "--set final: final: the accuracy source table has no data to "
                        "train on: leave it out");
    assert_null(load(f, "early_stopping", "asha", TD_E_INPUT));
    assert_non_null(strstr(f->err.message, "the accuracy source table tells accuracies at once"));
    assert_null(load(f, "accuracy.columns", "{ops: 'k*'}", TD_E_INPUT));
    assert_non_null(strstr(
        f->err.message,
        "--set accuracy.columns: accuracy.columns.ops: space blocks has no decision \"k*\""));
    /* The file is looked at when the search begins, and before anything is made. */
    td_recipe *r = load(f, "accuracy.file", "none.csv", TD_OK);
    td_run_summary sum;
    td_run_options o = {.out = scratch_path(f->folder, "none")};
    assert_int_equal(td_recipe_run(r, &o, &sum, &f->err), TD_E_NOT_FOUND);
    assert_non_null(strstr(f->err.message, "--set accuracy.file: accuracy.file: none.csv"));
    assert_false(td_file_exists(scratch_path(f->folder, "none")));
    td_run_summary_free(&sum);
    td_recipe_destroy(r);
}

int main(void) {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(rows_of_a_table),
        CASE(the_folder_and_the_table_on_the_screen),
        CASE(a_hand_made_network_that_is_not_there),
        CASE(the_budget_counts_networks),
        CASE(going_on),
        CASE(what_a_recipe_with_a_table_cannot_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

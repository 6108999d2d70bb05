/* Trials as CSV, JSON and a table; the summary of a run. The CSV is read back by a reader of its
 * own. */
#include "scratch.h"
#include "tandem/report.h"

/* ---- a reader of RFC 4180 ---------------------------------------------------------------------
 */

typedef struct {
    char *cell[64][64];
    int rows, columns[64];
} csv;

/* Strict: lines end with CR LF, quotes only around whole fields. NULL-terminated text. */
static void csv_parse(const char *p, csv *out) {
    memset(out, 0, sizeof *out);
    while (*p != '\0') {
        assert_true(out->rows < 64);
        int *n = &out->columns[out->rows];
        for (bool more = true; more;) {
            td_text cell = {0};
            td_text_add(&cell, "");
            if (*p == '"') {
                for (p++; *p != '"' || p[1] == '"'; p++) {
                    assert_true(*p != '\0');
                    td_text_add_bytes(&cell, p, 1);
                    if (*p == '"') p++;
                }
                p++;
            } else {
                for (; strchr(",\r\n\"", *p) == NULL; p++) td_text_add_bytes(&cell, p, 1);
            }
            assert_true(*n < 64);
            out->cell[out->rows][(*n)++] = cell.data != NULL ? cell.data : strdup("");
            more = *p == ',';
            if (more) p++;
        }
        assert_int_equal(p[0], '\r');
        assert_int_equal(p[1], '\n');
        p += 2;
        out->rows++;
    }
}

static void csv_free(csv *c) {
    for (int i = 0; i < c->rows; i++)
        for (int k = 0; k < c->columns[i]; k++) free(c->cell[i][k]);
}

static const char *csv_get(const csv *c, int row, const char *column) {
    for (int k = 0; k < c->columns[0]; k++)
        if (strcmp(c->cell[0][k], column) == 0) return c->cell[row][k];
    fail_msg("no column \"%s\"", column);
    return NULL;
}

/* ---- trials ---------------------------------------------------------------------------------- */

static const td_trial_row trials[] = {
    {.number = 0,
     .state = TD_TRIAL_DONE,
     .params = "{\"depth\": 2, \"fused\": \"true\", \"odd, \\\"name\\\"\": 0.1}",
     .metric = {1e-4 / 3, 2.5e-6, 0.75, 0.075},
     .accuracy = 0.1 + 0.2,
     .reward = 0.5,
     .violation = 0,
     .feasible = true,
     .trained = true},
    {.number = 1,
     .state = TD_TRIAL_INFEASIBLE,
     .params = "{\"depth\": 3, \"kernel\": 5}",
     .metric = {NAN, NAN, NAN},
     .accuracy = NAN,
     .reward = NAN,
     .violation = NAN,
     .error = "level \"RF\" is short,\nby 12 bytes; \xc3\xa4"},
    {.number = 2,
     .state = TD_TRIAL_RUNNING,
     .params = "{}",
     .metric = {NAN, NAN, NAN},
     .accuracy = NAN,
     .reward = NAN,
     .violation = NAN},
};
enum { N = sizeof trials / sizeof trials[0] };

static void csv_reads_back(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    td_error err;
    td_node *names;
    td_text t = {0};
    csv c;
    assert_ok(td_report_decisions(trials, N, a, &names, &err), &err);
    assert_int_equal(names->count, 4);
    td_report_trials_header(names, &t);
    assert_ok(td_report_trials_csv("joint", trials, N, NULL, 0, names, &t, &err), &err);
    assert_ok(td_report_trials_csv("a,b", trials, N, (int[]){1}, 1, names, &t, &err), &err);
    csv_parse(t.data, &c);
    assert_int_equal(c.rows, 5);
    for (int i = 1; i < c.rows; i++) assert_int_equal(c.columns[i], c.columns[0]);
    assert_string_equal(csv_get(&c, 1, "row"), "joint");
    assert_string_equal(csv_get(&c, 1, "state"), "meets targets");
    assert_string_equal(csv_get(&c, 2, "state"), "cannot be built");
    assert_string_equal(csv_get(&c, 1, "meets_targets"), "1");
    assert_true(strtod(csv_get(&c, 1, "accuracy"), NULL) == trials[0].accuracy);
    assert_true(strtod(csv_get(&c, 1, "latency_us"), NULL) == trials[0].metric[0] * 1e6);
    assert_true(strtod(csv_get(&c, 1, "energy_uj"), NULL) == trials[0].metric[1] * 1e6);
    assert_true(strtod(csv_get(&c, 1, "area_mm2"), NULL) == 0.75);
    assert_true(strtod(csv_get(&c, 1, "power_mw"), NULL) == 75);
    assert_string_equal(csv_get(&c, 1, "depth"), "2");
    assert_string_equal(csv_get(&c, 1, "fused"), "true");
    assert_string_equal(csv_get(&c, 1, "odd, \"name\""), "0.1");
    assert_string_equal(csv_get(&c, 1, "kernel"), "");
    assert_string_equal(csv_get(&c, 1, "reason"), "");
    assert_string_equal(csv_get(&c, 2, "accuracy"), "");
    assert_string_equal(csv_get(&c, 2, "violation"), "");
    assert_string_equal(csv_get(&c, 2, "kernel"), "5");
    assert_string_equal(csv_get(&c, 2, "reason"), trials[1].error);
    assert_string_equal(csv_get(&c, 3, "state"), "running");
    assert_string_equal(csv_get(&c, 4, "row"), "a,b");
    assert_string_equal(csv_get(&c, 4, "number"), "1");
    csv_free(&c);
    td_text_free(&t);
    td_arena_destroy(a);
}

/* Columns stand as trials have them, whichever of two branches comes first. */
static void decisions_in_order(void **state) {
    (void)state;
    static const td_trial_row branches[] = {{.params = "{\"a\": 1, \"left\": 1, \"z\": 1}"},
                                            {.params = "{\"z\": 1}"},
                                            {.params = "{\"a\": 1, \"m\": 1, \"n\": 1, \"z\": 1}"},
                                            {.params = "{\"a\": 1, \"z\": 1, \"end\": 1}"}};
    static const char *const expected[] = {"a", "left", "m", "n", "z", "end"};
    td_arena *a = td_arena_create();
    td_error err;
    td_node *names;
    assert_ok(td_report_decisions(branches, 4, a, &names, &err), &err);
    assert_int_equal(names->count, 6);
    for (int i = 0; i < 6; i++) assert_string_equal(names->item[i]->text, expected[i]);
    td_arena_destroy(a);
}

static void json_reads_back(void **state) {
    (void)state;
    td_arena *a = td_arena_create();
    td_error err;
    td_text t = {0};
    const td_node *doc;
    td_node_to_json(td_report_trials_node(trials, N, NULL, 0, a), 1, &t);
    assert_ok(td_json_parse(a, t.data, t.size, "out.json", 1, &doc, &err), &err);
    assert_int_equal(doc->count, N);
    const td_node *one = doc->item[0], *choices = td_node_find(one, "choices");
    assert_true(td_node_find(one, "accuracy")->real == trials[0].accuracy);
    assert_true(td_node_find(one, "latency_s")->real == trials[0].metric[0]);
    assert_true(td_node_find(one, "meets_targets")->boolean);
    assert_int_equal(td_node_find(choices, "depth")->integer, 2);
    assert_string_equal(td_node_find(choices, "fused")->text, "true");
    assert_int_equal(td_node_find(doc->item[1], "accuracy")->kind, TD_NULL);
    assert_string_equal(td_node_find(doc->item[1], "reason")->text, trials[1].error);
    assert_null(td_node_find(one, "reason"));
    td_text_free(&t);
    td_arena_destroy(a);
}

static void damaged_choices_are_told(void **state) {
    (void)state;
    static const char *const bad[] = {"", "{", "[1]", "3", "{\"a\": }"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        td_arena *a = td_arena_create();
        td_trial_row t = trials[0];
        td_error err;
        td_node *names = td_node_list(a);
        td_text out = {0};
        t.params = bad[i];
        t.number = 17;
        assert_int_equal(td_report_decisions(&t, 1, a, &names, &err), TD_E_STORE);
        assert_non_null(strstr(err.message, "trial 17"));
        names = td_node_list(a);
        assert_int_equal(td_report_trials_csv("s", &t, 1, NULL, 0, names, &out, &err), TD_E_STORE);
        td_report_trials_node(&t, 1, NULL, 0, a); /* shows the rest */
        td_text_free(&out);
        td_arena_destroy(a);
    }
}

static void table_has_a_line_per_trial(void **state) {
    (void)state;
    td_text t = {0};
    td_report_trials_table(trials, N, (int[]){0, 2}, 2, &t);
    assert_non_null(strstr(t.data, " trial  state "));
    assert_non_null(strstr(t.data,
                           "     0  meets targets       30.00 %    0.5000     33.33     2.500     "
                           "0.750"));
    assert_non_null(
        strstr(t.data, "     2  running                   -         -         -         -"));
    assert_null(strstr(t.data, "cannot be built"));
    td_text_free(&t);
}

/* ---- summary --------------------------------------------------------------------------------- */

static const char recipe[] = "name: r\n"
                             "network: {space: ibn}\n"
                             "accelerator: {space: micro}\n"
                             "accuracy: {}\n"
                             "objective: {targets: {latency_us: 100, area_mm2: 2}}\n"
                             "budget: {trials: 8}\n";

static td_recipe *load(char *folder) {
    td_recipe *r;
    td_error err;
    scratch_write(folder, "r.yaml", recipe, sizeof recipe - 1);
    assert_ok(td_recipe_load(scratch_path(folder, "r.yaml"), &r, &err), &err);
    return r;
}

static void fill_row(td_run_summary *s, const char *name, const char *net, double io_gbps,
                     double latency_s, double accuracy, const char *limit) {
    td_error err;
    td_result_row *row = &s->row[s->n++];
    snprintf(row->name, sizeof row->name, "%s", name);
    row->found = true;
    row->meets = latency_s <= 100e-6;
    row->test_accuracy = accuracy;
    row->valid_accuracy = accuracy + 0.01;
    row->metric[TD_METRIC_LATENCY] = latency_s;
    row->metric[TD_METRIC_ENERGY] = 4e-6;
    row->metric[TD_METRIC_AREA] = 1.5;
    row->trials = 8;
    row->trained = 5;
    assert_ok(td_net_build(net, (td_shape){0}, 1, 0, &row->design.net, &err), &err);
    assert_ok(td_hw_load("micro", &row->design.hw, &err), &err);
    row->design.hw_node = td_node_map(s->arena);
    td_node_put_real(s->arena, row->design.hw_node, "io_gbps", io_gbps);
    td_node_put_int(s->arena, row->design.hw_node, "lanes", 2);
    row->schedule.interval = calloc(3, sizeof *row->schedule.interval);
    row->schedule.n = 3;
    row->schedule.latency_s = latency_s;
    row->schedule.utilization = 1e-5 / latency_s;
    for (int i = 0; i < 3; i++) {
        snprintf(row->schedule.interval[i].limit, sizeof row->schedule.interval[i].limit, "%s",
                 i == 0 ? "compute" : limit);
        row->schedule.interval[i].latency_s = latency_s * (i == 0 ? 0.25 : 0.375);
    }
    row->schedule.dram_bytes = 2048;
    row->schedule.resident_weight_bytes = 1024;
}

static void summary_of_two_rows(void **state) {
    (void)state;
    char *folder = scratch_make();
    td_recipe *r = load(folder);
    td_run_summary s = {.arena = td_arena_create(), .best = 1, .data_name = "fashion-mnist"};
    fill_row(&s, "hand-made", "handmade", 0.8, 400e-6, 0.91, "DRAM weights");
    fill_row(&s, "joint", "A", 1.6, 80e-6, 0.92, "prefetch");
    td_text t = {0};
    td_report_summary(r, &s, &t);
    assert_non_null(strstr(t.data, "targets: latency <= 100 us, area <= 2 mm2\n"));
    assert_non_null(strstr(t.data, "hand-made network on baseline"));
    assert_non_null(strstr(t.data, "91.00 %"));
    assert_non_null(strstr(t.data, "400.0 us"));
    assert_non_null(strstr(t.data, "missed"));
    assert_non_null(strstr(t.data, "<- best/"));
    char *best = strstr(t.data, "\njoint ");
    assert_non_null(best);
    assert_non_null(strstr(best, "<- best/"));
    *best = '\0'; /* and no other row is marked */
    assert_null(strstr(t.data, "<- best/"));
    *best = '\n';
    assert_non_null(strstr(t.data, "why: 75 % of the time of the hand-made network on baseline is "
                                   "limited by DRAM weights; the best pair takes 80.0 instead of "
                                   "400.0 us for "));
    assert_non_null(strstr(t.data, " M MACs (utilisation 12 instead of 2 %) with io_gbps 0.8 -> 1.6"
                                   ";"));
    assert_non_null(strstr(t.data, "; 75 % of its time is limited by prefetch\n"));
    assert_null(strstr(t.data, "DRAM link")); /* the same traffic is not worth a word */
    td_text_free(&t);

    td_error err;
    const td_node *doc;
    td_node_to_json(td_report_summary_node(r, &s, s.arena), 1, &t);
    assert_ok(td_json_parse(s.arena, t.data, t.size, "s.json", 1, &doc, &err), &err);
    const td_node *rows = td_node_find(doc, "rows");
    assert_int_equal(rows->count, 2);
    assert_false(td_node_find(rows->item[0], "meets_targets")->boolean);
    assert_true(td_node_find(rows->item[1], "best")->boolean);
    assert_true(td_node_find(rows->item[1], "latency_s")->real == 80e-6);
    assert_int_equal(td_node_find(td_node_find(doc, "targets"), "energy_j")->kind, TD_NULL);
    assert_string_equal(td_node_find(td_node_find(doc, "provenance"), "version")->text,
                        td_version());
    td_text_free(&t);
    td_run_summary_free(&s);
    td_recipe_destroy(r);
    scratch_remove(folder);
}

static void summary_of_one_row_and_of_none(void **state) {
    (void)state;
    char *folder = scratch_make();
    td_recipe *r = load(folder);
    td_run_summary s = {.arena = td_arena_create(), .best = 0};
    fill_row(&s, "joint", "A", 0.8, 80e-6, NAN, "DRAM weights");
    td_text t = {0};
    td_report_summary(r, &s, &t);
    assert_non_null(
        strstr(t.data, "75 % of the time of joint is limited by DRAM weights; 1.0 of "));
    td_text_free(&t);
    td_run_summary_free(&s);

    s = (td_run_summary){.arena = td_arena_create(), .n = 1, .best = -1};
    snprintf(s.row[0].name, sizeof s.row[0].name, "joint");
    s.row[0].trials = 8;
    td_report_summary(r, &s, &t);
    assert_non_null(strstr(t.data, "no design could be built in 8 trials"));
    assert_non_null(strstr(t.data, "why: no design could be built"));
    td_node *doc = td_report_summary_node(r, &s, s.arena);
    assert_null(td_node_find(td_node_find(doc, "rows")->item[0], "latency_s"));
    td_text_free(&t);
    s.row[0].count[TD_RESULT_PRUNED] = 3; /* there were designs, the budget ended too early */
    td_report_summary(r, &s, &t);
    assert_non_null(strstr(t.data, "3 of 8 trials meet the targets by their costs"));
    assert_non_null(strstr(t.data, "why: the trials ended before the first was asked in full"));
    assert_null(strstr(t.data, "could be built"));
    td_text_free(&t);
    td_run_summary_free(&s);
    td_run_summary_free(&s); /* {0} is fine */
    td_recipe_destroy(r);
    scratch_remove(folder);
}

/* What the table says of two accelerators: of a template, what its file leaves out, too; of others,
 * never that they are the same when they are not. */
static void what_changed_of_the_accelerator(void **state) {
    (void)state;
    td_error err;
    td_edge p;
    td_node *node[2];
    td_run_summary s = {.arena = td_arena_create(), .best = 1};
    fill_row(&s, "hand-made", "handmade", 0.8, 400e-6, 0.91, "DRAM weights");
    fill_row(&s, "joint", "A", 0.8, 80e-6, 0.92, "prefetch");
    td_text t = {0};
    td_report_why(&s, &t);
    assert_non_null(strstr(t.data, " with the same accelerator;"));
    td_text_free(&t);

    assert_ok(td_hw_load("eyeriss-168", &s.row[0].design.hw, &err), &err);
    s.row[0].design.hw_node = td_hw_to_node(&s.row[0].design.hw, s.arena);
    td_report_why(&s, &t);
    assert_non_null(strstr(t.data, " with another accelerator;"));
    td_text_free(&t);

    td_edge_init(&p);
    for (int i = 0; i < 9; i++) assert_ok(td_edge_set(&p, td_edge_key(i), 2, &err), &err);
    snprintf(p.tech, sizeof p.tech, "22nm");
    node[0] = td_edge_to_node(&p, s.arena);
    assert_ok(td_edge_set(&p, "lanes", 4, &err), &err);
    assert_ok(td_edge_set(&p, "rf_accumulators", 7, &err), &err);
    snprintf(p.tech, sizeof p.tech, "7nm");
    node[1] = td_edge_to_node(&p, s.arena);
    assert_null(td_node_find(node[0], "rf_accumulators"));
    for (int i = 0; i < 2; i++) s.row[i].design.hw_node = node[i];
    td_report_why(&s, &t);
    assert_non_null(strstr(t.data, " with lanes 2 -> 4, rf_accumulators "));
    assert_non_null(strstr(t.data, " -> 7, tech 22nm -> 7nm;"));
    td_text_free(&t);
    td_run_summary_free(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_reads_back),
        cmocka_unit_test(decisions_in_order),
        cmocka_unit_test(json_reads_back),
        cmocka_unit_test(damaged_choices_are_told),
        cmocka_unit_test(table_has_a_line_per_trial),
        cmocka_unit_test(summary_of_two_rows),
        cmocka_unit_test(summary_of_one_row_and_of_none),
        cmocka_unit_test(what_changed_of_the_accelerator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

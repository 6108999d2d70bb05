/* Published tables of accuracies, each in its own form: what is read is what stands there. */
#include "common.h"

#include "tandem/accuracy.h"

static td_error err;

static const char *table_path(const char *relative) {
    const char *path = shared_path(relative);
    if (path == NULL) {
        print_message("no ../shared/%s: skipped\n", relative);
        skip();
    }
    return path;
}

static const td_node *yaml(td_arena *a, const char *text) {
    const td_node *doc;
    const char *copy = td_arena_strdup(a, text);
    assert_ok(td_yaml_parse(a, copy, strlen(copy), "test.yaml", &doc, &err), &err);
    return doc;
}

static td_space *net_space(td_arena *a, const char *text) {
    td_space *s;
    assert_ok(td_space_net_from_node(yaml(a, text), a, &s, &err), &err);
    return s;
}

/* The source of a recipe's map, read from `path`. */
static td_accuracy source(td_arena *a, const char *map, const char *path, const td_space *s) {
    td_accuracy out;
    td_node *n = (td_node *)yaml(a, map);
    td_node_put_string(a, n, "file", path);
    assert_ok(td_accuracy_from_node(n, s, 1, &out, &err), &err);
    return out;
}

static td_accuracy_score score_of(const td_accuracy *a, const td_space *s, double *v,
                                  td_arena *scratch) {
    td_choices c = {s->n, v};
    td_design d;
    td_accuracy_score r;
    assert_ok(td_space_canonical(s, &c, &err), &err);
    assert_ok(s->build(s->self, &c, scratch, &d, &err), &err);
    assert_ok(a->score(a->self, &d, &r, &err), &err);
    td_accuracy_result one;
    assert_ok(a->evaluate(a->self, &d, 1, NULL, NULL, &one, &err), &err);
    assert_true(fabs(one.value - r.valid) <= (r.repeats > 1 ? 3 * r.valid_std : 1e-12));
    td_design_free(&d);
    td_arena_reset(scratch);
    return r;
}

/* As the shipped recipe reads it: means and (population) deviations are the published ones. */
static void nasbench_macro(void **state) {
    (void)state;
    const char *path = table_path("data/nasbench_macro/nas-bench-macro_cifar10.json");
    td_arena *a = td_arena_create(), *scratch = td_arena_create();
    const td_node *recipe, *table;
    td_space *s;
    td_accuracy acc;
    assert_ok(td_node_load(a, TD_TEST_SOURCE "/recipes/macro-table.yaml", &recipe, &err), &err);
    assert_ok(td_node_load(a, path, &table, &err), &err);
    td_node *map = (td_node *)td_node_find(recipe, "accuracy");
    td_node_put_string(a, map, "file", path);
    assert_ok(td_space_net_from_node(td_node_find(recipe, "network"), a, &s, &err), &err);
    assert_ok(td_accuracy_from_node(map, s, 1, &acc, &err), &err);
    double sum = 0, best = 0;
    const char *best_key = "";
    for (int i = 0; i < table->count; i++) {
        const td_node *e = table->item[i];
        double v[8];
        for (int k = 0; k < 8; k++) v[k] = e->key[k] - '0';
        td_accuracy_score r = score_of(&acc, s, v, scratch);
        assert_int_equal(r.repeats, 3); /* twins are entered under each of their names */
        assert_near(100 * r.valid, td_node_find(e, "mean_acc")->real, 1e-9);
        assert_near(100 * r.valid_std * sqrt(2.0 / 3), td_node_find(e, "std")->real, 1e-9);
        assert_true(isnan(r.test));
        sum += r.valid;
        if (r.valid > best) best_key = e->key;
        best = fmax(best, r.valid);
    }
    assert_int_equal(table->count, 6561);
    assert_near(100 * sum / 6561, 90.2466, 5e-5);
    assert_near(100 * best, 93.1267, 5e-5);
    assert_string_equal(best_key, "22212220");
    td_accuracy_free(&acc);
    td_arena_destroy(scratch);
    td_arena_destroy(a);
}

/* Its cells are no networks of ours: six layers of five operators stand for the six edges. */
static void nasbench_201(void **state) {
    (void)state;
    const char *path = table_path("data/nasbench201/nb201_200ep.csv");
    td_arena *a = td_arena_create(), *scratch = td_arena_create();
    td_space *s = net_space(a, "space: blocks\ninput: [1, 2, 2]\nstem: {channels: 1, kernel: 1}\n"
                               "operators: {0: {op: conv, kernel: 1}, 1: {op: conv, kernel: 3},\n"
                               "  2: {op: conv, kernel: 5}, 3: {op: conv, kernel: 7},\n"
                               "  4: {op: conv, kernel: 9}}\n"
                               "layers: [{channels: 1, repeat: 6}]\nhead: 0\n");
    td_accuracy acc = source(a,
                             "{source: table, columns: {ops: '*'}, valid: c10_valid200,"
                             " test: c10_test200, scale: percent}",
                             path, s);
    double v[6], best_v[6] = {0}, best_test = 0, best_valid = 0;
    td_choices c = {6, v};
    int n = 0;
    for (bool more = td_space_first(s, &c); more; more = td_space_next(s, &c), n++) {
        td_accuracy_score r = score_of(&acc, s, v, scratch);
        assert_int_equal(r.repeats, 1);
        if (r.valid > best_valid) memcpy(best_v, v, sizeof v);
        best_test = fmax(best_test, r.test);
        best_valid = fmax(best_valid, r.valid);
    }
    assert_int_equal(n, 15625);
    assert_near(best_test, 0.94373, 1e-12);
    assert_near(best_valid, 0.91607, 1e-12);
    static const double expected[] = {3, 3, 3, 1, 3, 2};
    assert_memory_equal(best_v, expected, sizeof expected);
    td_accuracy_free(&acc);
    td_arena_destroy(scratch);
    td_arena_destroy(a);
}

/* Digits of five stages of up to four blocks; the digits of blocks that are not there do not count.
 * Three searches visited some networks twice. */
static void once_for_all(void **state) {
    (void)state;
    const char *path = table_path("data/dynas_ofa/ofa_mbv3_w1.0_searches.csv");
    td_arena *a = td_arena_create(), *scratch = td_arena_create();
    const td_node *table;
    assert_ok(td_node_load(a, path, &table, &err), &err);
    assert_int_equal(table->count, 1648);
    td_space *s = net_space(a, "space: ibn\ninput: [3, 32, 32]\nclasses: 10\n"
                               "stem: {channels: 16, stride: 2}\n"
                               "stages:\n"
                               "  - {channels: 24, stride: 2, depth: [2, 3, 4]}\n"
                               "  - {channels: 40, stride: 2, depth: [2, 3, 4]}\n"
                               "  - {channels: 80, stride: 2, depth: [2, 3, 4]}\n"
                               "  - {channels: 112, stride: 1, depth: [2, 3, 4]}\n"
                               "  - {channels: 160, stride: 2, depth: [2, 3, 4]}\n"
                               "kernel: [3, 5, 7]\nexpansion: [3, 4, 6]\nwidth: 1\nhead: 0\n");
    assert_int_equal(s->n, 45);
    td_accuracy acc = source(a,
                             "{source: table, columns: {depth: '*.depth', kernel: '*.kernel',"
                             " expansion: '*.expansion'}, valid: top1_pct, scale: percent,"
                             " duplicates: repeats}",
                             path, s);
    int apart = 0;
    for (int i = 0; i < table->count; i++) {
        const td_node *e = table->item[i];
        const char *depth = td_node_find(e, "depth")->text,
                   *kernel = td_node_find(e, "kernel")->text,
                   *expansion = td_node_find(e, "expansion")->text;
        double v[45], top1 = td_node_find(e, "top1_pct")->real / 100;
        for (int k = 0; k < s->n; k++) { /* names: s1.depth, s1.b1.kernel, s1.b1.expansion */
            const char *name = s->d[k].name;
            int stage = name[1] - '1', block = name[4] - '1';
            if (strstr(name, ".depth") != NULL)
                v[k] = depth[stage] - '2';
            else if (strstr(name, ".kernel") != NULL)
                v[k] = (kernel[4 * stage + block] - '3') / 2;
            else
                v[k] = expansion[4 * stage + block] == '6' ? 2 : expansion[4 * stage + block] - '3';
        }
        td_accuracy_score r = score_of(&acc, s, v, scratch);
        if (r.repeats == 1) assert_near(r.valid, top1, 1e-12);
        if (r.repeats > 1) assert_true(fabs(r.valid - top1) <= 3 * r.valid_std + 1e-12);
        apart += r.repeats > 1;
    }
    print_message("%d of %d rows are of networks that were visited again\n", apart, table->count);
    td_accuracy_free(&acc);
    td_arena_destroy(scratch);
    td_arena_destroy(a);
}

/* One column per decision: a space made here, whose networks tell their choices. */
enum { BLOCKS = 7, DECISIONS = 4 * BLOCKS };

static td_status build(const void *self, const td_choices *c, td_arena *a, td_design *d,
                       td_error *e) {
    (void)self;
    (void)a;
    *d = (td_design){.net = td_net_create("told", TD_DIM(1, 8, 8))};
    int x = 0;
    for (int i = 0; i < c->n; i++) x = td_net_conv(d->net, x, 1 + (int)c->v[i], 1, 1, 1, 1);
    d->net_hash = td_net_hash(d->net);
    return td_net_check(d->net, e);
}

static int compare_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void accel_nasbench(void **state) {
    (void)state;
    const char *path = table_path("data/accel_nasbench/accel_nasbench.csv");
    static const double e[] = {1, 4, 6}, k[] = {3, 5}, l[] = {1, 2, 3, 4}, se[] = {0, 1};
    static const struct {
        const char *name;
        const double *value;
        int n;
    } of[] = {{"e", e, 3}, {"k", k, 2}, {"l", l, 4}, {"se", se, 2}};
    static char name[DECISIONS][24];
    td_decision d[DECISIONS];
    for (int i = 0; i < DECISIONS; i++) {
        snprintf(name[i], sizeof name[i], "block%d_%s", i / 4, of[i % 4].name);
        d[i] = (td_decision){.name = name[i],
                             .kind = TD_ORDERED,
                             .n = of[i % 4].n,
                             .parent = -1,
                             .value = of[i % 4].value};
    }
    td_space s = {.name = "mnasnet", .d = d, .n = DECISIONS, .build = build};
    assert_ok(td_space_check(&s, &err), &err);
    td_arena *a = td_arena_create(), *scratch = td_arena_create();
    const td_node *table;
    assert_ok(td_node_load(a, path, &table, &err), &err);
    assert_int_equal(table->count, 4638);
    static const char refused[] = "{source: table, valid: val_top1, scale: percent}";
    td_node *map = (td_node *)yaml(a, refused);
    td_node_put_string(a, map, "file", path);
    td_accuracy acc;
    assert_int_equal(td_accuracy_from_node(map, &s, 1, &acc, &err), TD_E_INPUT);
    assert_non_null(strstr(err.message, "the same choices as in line "));
    acc = source(a, "{source: table, valid: val_top1, scale: percent, duplicates: repeats}", path,
                 &s);
    const char **row = TD_NEW(a, const char *, table->count);
    int repeats = 0, distinct = 1;
    double best = 0, v[DECISIONS];
    for (int i = 0; i < table->count; i++) {
        td_text t = {0};
        for (int j = 0; j < DECISIONS; j++) {
            double x = table->item[i]->item[j]->real;
            td_text_addf(&t, "%g ", x);
            for (v[j] = 0; d[j].value[(int)v[j]] != x;) v[j]++;
        }
        row[i] = td_arena_strdup(a, t.data);
        td_text_free(&t);
        td_accuracy_score r = score_of(&acc, &s, v, scratch);
        double top1 = td_node_find(table->item[i], "val_top1")->real / 100;
        if (r.repeats == 1) assert_near(r.valid, top1, 1e-12);
        repeats += r.repeats > 1;
        best = fmax(best, r.valid);
    }
    qsort(row, (size_t)table->count, sizeof *row, compare_text);
    for (int i = 1; i < table->count; i++) distinct += strcmp(row[i], row[i - 1]) != 0;
    assert_near(best, 0.67052, 1e-12);
    assert_true(repeats > 0 && distinct < table->count);
    print_message("%d networks in %d rows\n", distinct, table->count);
    td_accuracy_free(&acc);
    td_arena_destroy(scratch);
    td_arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nasbench_macro),
        cmocka_unit_test(nasbench_201),
        cmocka_unit_test(once_for_all),
        cmocka_unit_test(accel_nasbench),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

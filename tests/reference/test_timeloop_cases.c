/* Timeloop's own numbers: every case of the reference folder is one test, and every mapping that
 * its mapper found is checked for cycles and energy. Skipped when the folder is not there. */
#include "common.h"

#include <dirent.h>
#include <math.h>

#include "tandem/cost.h"

static const char folder[] = "reference/timeloop/cases";

static double real(const td_node *map, const char *key) {
    const td_node *n = td_node_find(map, key);
    if (n == NULL || (n->kind != TD_INT && n->kind != TD_REAL)) fail_msg("no number \"%s\"", key);
    return n->real;
}

static void same(const char *what, double got, double want) {
    if (got != want) fail_msg("%s: got %.17g, Timeloop has %.17g", what, got, want);
}

static void close_to(const char *what, double got, double want) {
    if (!(fabs(got - want) <= 1e-9 * fabs(want)))
        fail_msg("%s: got %.17g, Timeloop has %.17g", what, got, want);
}

static void compare_level(const td_case *c, const td_cost *cost, int l, const td_node *want) {
    char what[128];
    const char *name = c->hw.level[l].name;
    snprintf(what, sizeof what, "%s cycles", name);
    if (fabs((double)cost->level_cycles[l] - real(want, "cycles")) > 1)
        same(what, (double)cost->level_cycles[l], real(want, "cycles"));
    snprintf(what, sizeof what, "%s slowdown", name);
    close_to(what, cost->slowdown[l], real(want, "slowdown"));
    for (int t = 0; t < TD_NTENSOR; t++) {
        const char letter[2] = {td_tensor_letter[t], '\0'};
        const td_node *n = td_node_find(want, letter);
        assert_int_equal(n != NULL, (c->mapping.keep[l] & TD_BIT(t)) != 0);
        if (n == NULL) continue;
        const td_access *a = &cost->at[l][t];
        const struct {
            const char *key;
            double got;
        } count[] = {{"instances", cost->used[l]},
                     {"tile_words", a->tile_words},
                     {"partition_words", a->partition_words},
                     {"reads", a->reads},
                     {"fills", a->fills},
                     {"updates", a->updates}};
        for (size_t i = 0; i < sizeof count / sizeof count[0]; i++) {
            snprintf(what, sizeof what, "%s %s %s", name, letter, count[i].key);
            same(what, count[i].got, real(n, count[i].key));
        }
        snprintf(what, sizeof what, "%s %s energy", name, letter);
        close_to(what, a->energy_pj, real(n, "energy_pj"));
    }
}

/* The statistics of each network: deliveries by how many children share them. */
static void compare_networks(const td_case *c, const td_node *want) {
    char what[128];
    for (int i = 0; i < want->count; i++) {
        const td_node *net = want->item[i];
        int level = -1;
        for (int l = 0; l < c->hw.n; l++) {
            size_t n = strlen(c->hw.level[l].name);
            if (strncmp(net->key, c->hw.level[l].name, n) == 0 && net->key[n] == '-') level = l;
        }
        assert_true(level >= 0);
        for (int t = 0; t < TD_NTENSOR; t++) {
            const char letter[2] = {td_tensor_letter[t], '\0'};
            const td_node *list = td_node_find(td_node_find(net, letter), "multicast");
            assert_non_null(list);
            td_delivery d[TD_MAX_DELIVERIES];
            int n = td_cost_deliveries(&c->problem, &c->hw, &c->mapping, level, (td_tensor)t, d);
            snprintf(what, sizeof what, "%s %s deliveries", net->key, letter);
            same(what, n, list->count);
            for (int j = 0; j < n; j++) {
                const td_node *entry = list->item[j];
                same(what, d[j].multicast, entry->item[0]->real);
                same(what, d[j].targets, entry->item[1]->real);
                same(what, d[j].words, entry->item[2]->real);
            }
        }
    }
}

static void compare(const td_case *c, const td_cost *cost, const td_node *want) {
    same("computes", (double)cost->macs, real(want, "computes"));
    same("compute_cycles", (double)cost->compute_cycles, real(want, "compute_cycles"));
    same("mac_instances_used", cost->mac_used, real(want, "mac_instances_used"));
    if (fabs((double)cost->cycles - real(want, "cycles")) > 1)
        same("cycles", (double)cost->cycles, real(want, "cycles"));
    close_to("utilization", cost->utilization, real(want, "utilization"));
    const td_node *energy = td_node_find(want, "energy_pj");
    close_to("MAC energy", cost->mac_pj, real(energy, "MAC"));
    const td_node *levels = td_node_find(want, "levels");
    assert_int_equal(levels->count, c->hw.n);
    for (int l = 0; l < c->hw.n; l++) {
        compare_level(c, cost, l, td_node_find(levels, c->hw.level[l].name));
        close_to("energy of a level", cost->level_pj[l], real(energy, c->hw.level[l].name));
    }
    close_to("energy", cost->total_pj, real(want, "energy_total_pj"));
    compare_networks(c, td_node_find(want, "networks"));
}

static void test_case(void **state) {
    td_error err = {0};
    td_arena *a = td_arena_create();
    const td_node *doc;
    td_case c, again;
    td_cost cost, cost_again;
    assert_ok(td_node_load(a, *state, &doc, &err), &err);
    assert_ok(td_case_from_node(doc, &c, &err), &err);
    assert_ok(td_cost_evaluate(&c.problem, &c.hw, &c.mapping, TD_COUNT_TIMELOOP, &cost, &err),
              &err);
    compare(&c, &cost, td_node_find(doc, "expected"));
    /* Written and read again: the same cost to the last bit, in both ways of counting. */
    for (int counting = 0; counting < 2; counting++) {
        assert_ok(td_case_from_node(td_case_to_node(&c, a), &again, &err), &err);
        assert_ok(
            td_cost_evaluate(&c.problem, &c.hw, &c.mapping, (td_counting)counting, &cost, &err),
            &err);
        assert_ok(td_cost_evaluate(&again.problem, &again.hw, &again.mapping, (td_counting)counting,
                                   &cost_again, &err),
                  &err);
        assert_memory_equal(&cost, &cost_again, sizeof cost);
    }
    td_arena_destroy(a);
}

/* The best mappings of Timeloop's mapper, with two accelerators and 43 layers each: cycles within
 * 1, energies of each level, total. */
static void test_mapper_baseline(void **state) {
    (void)state;
    const char *path = shared_path("reference/timeloop/mapper_baseline.json");
    if (path == NULL) skip();
    td_error err = {0};
    td_arena *a = td_arena_create();
    const td_node *doc, *rows;
    assert_ok(td_node_load(a, path, &doc, &err), &err);
    assert_ok(td_node_get_list(doc, "results", &rows, &err), &err);
    int compared = 0;
    for (int i = 0; i < rows->count; i++) {
        const td_node *row = rows->item[i], *best = td_node_find(row, "best");
        const char *arch;
        if (td_node_find(row, "mapping") == NULL || best == NULL) continue;
        assert_ok(td_node_get_string(row, "arch", &arch, &err), &err);
        td_node *n = td_node_map(a);
        const char *const parts[] = {"problem", "mapping"};
        for (int k = 0; k < 2; k++) {
            td_node *copy = TD_NEW(a, td_node, 1);
            *copy = *td_node_find(row, parts[k]);
            td_node_put(a, n, parts[k], copy);
        }
        td_node *copy = TD_NEW(a, td_node, 1);
        *copy = *td_node_find(td_node_find(td_node_find(doc, "archs"), arch), "arch");
        td_node_put(a, n, "arch", copy);
        td_case c;
        td_cost cost;
        assert_ok(td_case_from_node(n, &c, &err), &err);
        assert_ok(td_cost_evaluate(&c.problem, &c.hw, &c.mapping, TD_COUNT_TIMELOOP, &cost, &err),
                  &err);
        if (fabs((double)cost.cycles - real(best, "cycles")) > 1)
            fail_msg("%d: %lld cycles, Timeloop has %.0f", i, (long long)cost.cycles,
                     real(best, "cycles"));
        close_to("energy", cost.total_pj, real(best, "energy_total_pj"));
        for (int l = 0; l < c.hw.n; l++)
            close_to(c.hw.level[l].name, cost.level_pj[l],
                     real(td_node_find(best, "energy_pj"), c.hw.level[l].name));
        compared++;
    }
    print_message("%d mappings of Timeloop's mapper agree\n", compared);
    assert_true(compared >= 80);
    td_arena_destroy(a);
}

static void test_folder_absent(void **state) {
    (void)state;
    skip();
}

static int by_name(const void *x, const void *y) {
    return strcmp(((const struct CMUnitTest *)x)->name, ((const struct CMUnitTest *)y)->name);
}

int main(void) {
    enum { MOST = 512 };
    static struct CMUnitTest tests[MOST];
    static char root[1024];
    int n = 0;
    const char *path = shared_path(folder);
    DIR *d = path != NULL ? opendir(path) : NULL;
    if (d != NULL) {
        snprintf(root, sizeof root, "%s", path);
        for (const struct dirent *e; n < MOST - 1 && (e = readdir(d)) != NULL;) {
            size_t length = strlen(e->d_name);
            if (length < 6 || strcmp(e->d_name + length - 5, ".json") != 0) continue;
            char *file = malloc(strlen(root) + length + 2);
            char *name = strndup(e->d_name, length - 5);
            if (file == NULL || name == NULL) return 1;
            sprintf(file, "%s/%s", root, e->d_name);
            tests[n++] = (struct CMUnitTest){name, test_case, NULL, NULL, file};
        }
        closedir(d);
    } else {
        tests[n++] =
            (struct CMUnitTest){"cases (folder is absent)", test_folder_absent, NULL, NULL, NULL};
    }
    qsort(tests, (size_t)n, sizeof tests[0], by_name);
    tests[n++] = (struct CMUnitTest){"mapper baseline", test_mapper_baseline, NULL, NULL, NULL};
    return _cmocka_run_group_tests("timeloop cases", tests, (size_t)n, NULL, NULL);
}

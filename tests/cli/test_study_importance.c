/* `study importance` from outside: a whole factorial of accelerators, counted by hand. */
#include <math.h>

#include "program.h"

enum { POINTS = 36, GOOD = 11 /* 0.3 of them, rounded up */ };

static const char recipe[] =
    "name: chips\n"
    "seed: 3\n"
    "network: {space: workload, networks: [{net: mobilenetv3-small, input: 32}]}\n"
    "accelerator: {space: micro, pe_x: [1, 2, 4], pe_y: 1, simd: [8, 16], lanes: 1,\n"
    "  local_kb: [64, 128, 256], rf_kb: 1, io_gbps: [0.4, 0.8]}\n"
    "objective: {mode: pareto, objectives: [latency, area], targets: {}}\n"
    "schedule: {max_nodes: 300}\n"
    "strategy: {name: exhaustive}\n"
    "budget: {trials: 36}\n";

static double choice(const td_node *trial, const char *decision) {
    return td_node_find(td_node_find(trial, "choices"), decision)->real;
}

/* Divergence of a decision of `levels` values among the good trials from all, less that of chance.
 */
static double divergence(const td_node *trials, const char *metric, double limit,
                         const char *decision, int levels) {
    double value[4], all[4] = {0}, good[4] = {0}, sum = 0;
    int known = 0;
    for (int i = 0; i < trials->count; i++) {
        double v = choice(trials->item[i], decision);
        int k = 0;
        while (k < known && value[k] != v) k++;
        if (k == known) value[known++] = v;
        all[k]++;
        good[k] += td_node_find(trials->item[i], metric)->real <= limit;
    }
    assert_int_equal(known, levels);
    for (int k = 0; k < levels; k++)
        sum += pow(good[k] / GOOD - all[k] / POINTS, 2) / (all[k] / POINTS);
    return fmax(sum - (levels - 1.0) * (POINTS - GOOD) / (GOOD * (POINTS - 1.0)), 0);
}

static int by_size(const void *a, const void *b) {
    double p = *(const double *)a, q = *(const double *)b;
    return (p > q) - (p < q);
}

static void counted_by_hand(void **state) {
    fixture *f = *state;
    scratch_write(f->folder, "recipe.yaml", recipe, strlen(recipe));
    expect(f, "search recipe.yaml --quiet --threads 1", 0);
    static const char *const decisions[] = {"pe_x", "simd", "local_kb", "io_gbps"};
    static const char *const objectives[] = {"latency", "area"};
    static const char *const metrics[] = {"latency_s", "area_mm2"};
    static const int levels[] = {3, 2, 3, 2};
    for (int o = 0; o < 2; o++) {
        expect(f, "study show results/chips --format json", 0);
        const td_node *trials = td_node_find(json(f), "workload");
        assert_int_equal(trials->count, POINTS);
        double value[POINTS], by_hand[4], all = 0;
        for (int i = 0; i < POINTS; i++) value[i] = td_node_find(trials->item[i], metrics[o])->real;
        qsort(value, POINTS, sizeof *value, by_size);
        assert_true(value[GOOD - 1] < value[GOOD]); /* no tie, which would all be good */
        for (int d = 0; d < 4; d++)
            all += by_hand[d] =
                divergence(trials, metrics[o], value[GOOD - 1], decisions[d], levels[d]);
        assert_true(all > 0);
        expect(f,
               td_arena_printf(f->arena,
                               "study importance results/chips --quantile 0.3 --objective %s "
                               "--format json",
                               objectives[o]),
               0);
        assert_string_equal(f->err, "");
        const td_node *row = td_node_find(json(f), "workload");
        const td_node *list = td_node_find(row, "decisions");
        assert_int_equal(td_node_find(row, "trials")->integer, POINTS);
        assert_int_equal(td_node_find(row, "best")->integer, GOOD);
        assert_int_equal(list->count, 4);
        double before = 1, sum = 0, share = (double)GOOD / POINTS;
        for (int i = 0; i < 4; i++) {
            const td_node *item = list->item[i];
            double got = td_node_find(item, "share")->real;
            assert_true(got <= before);
            before = got;
            sum += got;
            for (int d = 0; d < 4; d++) {
                if (strcmp(td_node_find(item, "decision")->text, decisions[d]) != 0) continue;
                assert_near(got, by_hand[d] / all, 1e-9);
                assert_near(td_node_find(item, "explained")->real, by_hand[d] * share / (1 - share),
                            1e-9);
            }
        }
        assert_near(sum, 1, 1e-9);
    }
}

static void formats(void **state) {
    fixture *f = *state;
    expect(f, "study importance results/chips --quantile 0.3", 0);
    assert_non_null(strstr(f->out, "the best 30 % of 36 trials, by targets, then by front\n"));
    assert_string_equal(f->err, "");
    expect(f, "study importance results/chips/study.db --row workload --format csv", 0);
    assert_non_null(strstr(f->out, "row,decision,share,explained,trials,best\r\nworkload,"));
    assert_non_null(strstr(f->err, "tandem: warning: workload: 4 of 36 trials are among the best"));
    expect(f, "study importance results/chips --objective accuracy --format json", 0);
    const td_node *row = td_node_find(json(f), "workload");
    assert_int_equal(td_node_find(row, "trials")->integer, 0);
    assert_non_null(strstr(td_node_find(row, "warning")->text, "is not known of any trial"));
}

static void faults(void **state) {
    fixture *f = *state;
    expect(f, "study importance", 2);
    expect(f, "study importance . .", 2);
    expect(f, "study importance . --quantile 0", 2);
    expect(f, "study importance . --quantile 1x", 2);
    expect(f, "study importance results/chips --objective reward", 2);
    assert_non_null(strstr(f->err, "expected latency, energy, area, power or accuracy"));
    expect_fault(f, "study importance results/chips --row joint", 4, "no row \"joint\"");
    expect_fault(f, "study importance nowhere", 4, "nowhere: ");
}

static int start(void **state) {
    return have_program(state) == 0 ? setup(state) : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(counted_by_hand), cmocka_unit_test(formats),
                                       cmocka_unit_test(faults)};
    return cmocka_run_group_tests(tests, start, teardown);
}

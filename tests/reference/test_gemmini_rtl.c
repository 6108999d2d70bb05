/* Latency on hw/gemmini.yaml against cycles of Gemmini's RTL, for every row of DOSA's test file.
 * docs/validation.md has the figures; held-out ones are made by experiments/gemmini_rtl.c. */
#include "common.h"
#include "dosa_rows.h"

#include <unistd.h>

static void all_rows(void **state) {
    (void)state;
    const char *path = shared_path("data/dosa_gemmini/firesim_test.csv");
    if (path == NULL) skip();
    td_error err = {0};
    td_arena *a = td_arena_create();
    td_hw hw;
    dosa_row *rows;
    int n;
    assert_ok(td_hw_load("gemmini", &hw, &err), &err);
    assert_ok(dosa_rows_read(a, path, &hw, &rows, &n, &err), &err);
    assert_int_equal(n, 166);
    double *ours = td_arena_alloc(a, sizeof *ours * (size_t)n);
    double *analytic = td_arena_alloc(a, sizeof *analytic * (size_t)n);
    int layers = 0;
    for (int i = 0; i < n; i++) {
        td_cost cost;
        td_costing quick;
        double pj;
        int64_t cycles, steps;
        assert_ok(td_cost_evaluate(&rows[i].problem, &rows[i].hw, &rows[i].mapping, TD_COUNT_EXACT,
                                   &cost, &err),
                  &err);
        assert_ok(td_costing_init(&quick, &rows[i].problem, &rows[i].hw, TD_COUNT_EXACT, &err),
                  &err);
        assert_true(td_costing_run(&quick, &rows[i].mapping, &pj, &cycles, &steps));
        assert_true(cycles == cost.cycles && steps == cost.compute_cycles && pj == cost.total_pj);
        ours[i] = (double)cost.cycles;
        analytic[i] = rows[i].analytic;
        if (rows[i].layer >= layers) layers = rows[i].layer + 1;
        /* All MACs of the layer, no more than the array has. */
        assert_int_equal(cost.macs, td_problem_macs(&rows[i].problem));
        assert_true((double)cost.macs / rows[i].rtl <= rows[i].hw.mac.instances);
    }
    assert_int_equal(layers, 71);
    const dosa_fit f = dosa_compare(a, rows, ours, n), g = dosa_compare(a, rows, analytic, n);
    print_message("%d rows of %d layers: Spearman %.4f, Kendall %.4f, median error %.1f %%, 90 %% "
                  "%.1f %%, worst ratio %.2f (analytic: %.4f, %.4f, %.1f %%, %.1f %%, %.2f)\n",
                  n, layers, f.spearman, f.kendall, 100 * f.median_error, 100 * f.error_90,
                  f.worst_ratio, g.spearman, g.kendall, 100 * g.median_error, 100 * g.error_90,
                  g.worst_ratio);
    assert_true(f.spearman > 0.99 && f.kendall > 0.94);
    assert_true(f.median_error < 0.07 && f.error_90 < 0.32 && f.worst_ratio < 3.5);
    assert_true(f.median_ratio > 0.97 && f.median_ratio < 1.03);
    assert_true(f.spearman > g.spearman && f.kendall > g.kendall);
    assert_true(f.median_error < g.median_error && f.error_90 < g.error_90);
    /* The file's own column, by other means (Python). */
    assert_near(g.spearman, 0.979, 0.0005);
    assert_near(g.worst_ratio, 3.83, 0.005);
    td_arena_destroy(a);
}

/* What is wrong is told with file, line and column. */
static void faults(void **state) {
    (void)state;
    static const char head[] =
        "target.cycle,mapping.mapping,arch.pe,arch.meshX,arch.mem1_entries,arch.mem2_entries,"
        "prob.C,prob.Hdilation,prob.Hstride,prob.K,prob.N,prob.P,prob.Q,prob.R,prob.S,"
        "prob.Wdilation,prob.Wstride,target.gemmini_cycle\n";
    static const struct {
        const char *row, *message;
    } cases[] = {
        {"9,L3[WIO] K2 - L2[WI] K16X - L1[O] C16X - L0[W] P8,256,16,64,4096,16,1,1,32,1,8,1,1,1,1,"
         "1,99",
         NULL},
        {"9,L3[WIO] Z2 - L0[W] P8,256,16,64,4096,16,1,1,32,1,8,1,1,1,1,1,99",
         "expected \"L3[WIO] K48 - ...\", found \"Z2"},
        {"9,L3[WIO] K0,256,16,64,4096,16,1,1,32,1,8,1,1,1,1,1,99", "found \"K0\""},
        {"9,L3[WIO] K2,256,0,64,4096,16,1,1,32,1,8,1,1,1,1,1,99", "arch.meshX"},
        {"9,L3[WIO] K2,250,16,64,4096,16,1,1,32,1,8,1,1,1,1,1,99",
         "250 PEs, expected a multiple of arch.meshX (16)"},
        {"9,L3[WIO] K2,256,16,64,4096,16,1,1,32,1,8,1,1,1,1,1,-1", "target.gemmini_cycle"},
        {"9,L3[WIO] K2,256,16,64,4096,16,1,1,32,1,8,1,1,1,1,0,99", "prob.Wstride"},
    };
    td_error err = {0};
    td_hw hw;
    assert_ok(td_hw_load("gemmini", &hw, &err), &err);
    char path[] = "/tmp/test_gemmini_rtl.XXXXXX.csv";
    const int file = mkstemps(path, 4);
    assert_true(file >= 0);
    close(file);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        td_arena *a = td_arena_create();
        dosa_row *rows;
        int n = 0;
        char text[1024];
        snprintf(text, sizeof text, "%s%s\n", head, cases[i].row);
        assert_ok(td_file_write(path, text, strlen(text), &err), &err);
        td_status s = dosa_rows_read(a, path, &hw, &rows, &n, &err);
        if (cases[i].message == NULL) {
            assert_ok(s, &err);
            assert_int_equal(n, 1);
            assert_near(rows[0].rtl, 99, 0);
            td_cost cost; /* two tiles of 8 steps, each of one command */
            assert_ok(td_cost_evaluate(&rows[0].problem, &rows[0].hw, &rows[0].mapping,
                                       TD_COUNT_EXACT, &cost, &err),
                      &err);
            assert_int_equal(cost.compute_cycles - cost.stall_cycles, 2 * 8);
        } else {
            assert_int_equal(s, TD_E_INPUT);
            if (strstr(err.message, cases[i].message) == NULL || strstr(err.message, ":2:") == NULL)
                fail_msg("\"%s\" does not hold \"%s\"", err.message, cases[i].message);
        }
        td_arena_destroy(a);
    }
    remove(path);
    assert_ok(td_hw_load("nvdla", &hw, &err), &err);
    td_arena *a = td_arena_create();
    dosa_row *rows;
    int n;
    assert_int_equal(dosa_rows_read(a, path, &hw, &rows, &n, &err), TD_E_INPUT);
    td_arena_destroy(a);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(all_rows), cmocka_unit_test(faults)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

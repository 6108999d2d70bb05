/* Latencies that were measured on two FPGA boards (Accel-NASBench: networks of MnasNet's space, 224
 * pixels, int8) against ours: do ours rank the networks better than counts do? The boards are
 * described by their data sheets; nothing is fitted.
 *
 *     test_fpga_ranks                        # some dozens of networks, evenly over the table
 *     TANDEM_CASES=4638 test_fpga_ranks      # so many of them; all: ten minutes of CPU time
 *     TANDEM_FPGA_HW=edge test_fpga_ranks    # another accelerator in the boards' place: tells only
 *     TANDEM_FPGA_CSV=FILE test_fpga_ranks   # also writes measured and computed figures */
#include "common.h"

#include <math.h>

#include "tandem/map.h"
#include "tandem/model.h"

/* ---- the boards ------------------------------------------------------------------------------ */

/* One core of each, as the latency of one image needs: the template with as many MACs, at that
 * clock, with that memory and those ports. What the template has no word for is left out.
 *
 * ZCU102: DPUCZDX8G B4096 at 281 MHz (AMD UG1354: three cores). Its array is 8 pixels x 16 input x
 * 16 output channels, 257 block RAMs of 4 KB hold weights and features, two data ports of 128 bits
 * go to the DDR (PG338). So PEs are pixels, SIMD units output channels, the 4-way MACs of 4 lanes
 * input channels; 16 bytes of port are the 16 channels of a pixel; 2 x 16 B x 281 MHz = 9 GB/s. The
 * register file is the smallest power of two that the template's own rule allows. Depthwise
 * convolutions run there on a unit of their own, 4 pixels x 16 channels, which the template cannot
 * say.
 *
 * VCK190: DPUCVDX8G C32B6 (UG1354: 61.4 TOPS, AI engines at 1.25 GHz): for one image 32 engines of
 * 128 MACs. Its DDR4 gives 25.6 GB/s. Memory for an image is not told: as much per PE as above. */
static const char zcu102[] =
    "{name: zcu102, template: edge, tech: 22nm, pe_x: 4, pe_y: 2, simd: 16, lanes: 4, local_kb: "
    "128,"
    " rf_kb: 8, io_gbps: 9, clock_ghz: 0.281, port_bytes: 16, local_ports: 2, rf_weight_steps: 9,"
    " rf_accumulators: 32}";
static const char vck190[] =
    "{name: vck190, template: edge, tech: 22nm, pe_x: 4, pe_y: 4, simd: 16, lanes: 4, local_kb: "
    "128,"
    " rf_kb: 8, io_gbps: 25.6, clock_ghz: 1.25, port_bytes: 16, local_ports: 2, rf_weight_steps: 9,"
    " rf_accumulators: 32}";

static const td_node *table;
static td_arena *arena;
static FILE *csv;

/* ---- the networks ---------------------------------------------------------------------------- */

enum { STAGES = 7 };

static double choice(const td_node *row, int stage, const char *what) {
    char key[16];
    snprintf(key, sizeof key, "block%d_%s", stage, what);
    return td_node_find(row, key)->real;
}

static int stages_with_se(const td_node *row) {
    int n = 0;
    for (int s = 0; s < STAGES; s++) n += choice(row, s, "se") > 0;
    return n;
}

/* Accel-NASBench (Ahmad et al. 2024, appendix B): stages of inverted bottlenecks; squeeze-excite
 * has a quarter of a block's input channels. */
static td_net *network(const td_node *row) {
    static const int channels[STAGES] = {16, 24, 40, 80, 112, 192, 320},
                     stride[STAGES] = {1, 2, 2, 2, 1, 2, 1};
    td_net *net = td_net_create("mnasnet", TD_DIM(3, 224, 224));
    if (net == NULL) return NULL;
    int x = td_net_conv_bn_act(net, 0, 32, 3, 2, 1, TD_OP_RELU);
    for (int s = 0; s < STAGES; s++) {
        for (int l = 0; l < (int)choice(row, s, "l"); l++) {
            td_block b = {.kernel = (int)choice(row, s, "k"),
                          .expansion = (int)choice(row, s, "e"),
                          .out_c = channels[s],
                          .stride = l == 0 ? stride[s] : 1,
                          .groups = 1,
                          .residual = true,
                          .se = choice(row, s, "se") > 0 ? 0.25 : 0,
                          .act = TD_OP_RELU};
            x = td_net_block(net, x, &b);
        }
    }
    x = td_net_conv_bn_act(net, x, 1280, 1, 1, 1, TD_OP_RELU);
    td_net_fc(net, td_net_global_pool(net, x), 1000);
    return net;
}

/* ---- ranks ----------------------------------------------------------------------------------- */

enum { LATENCY, BOUND, MACS, PARAMS, TABLE_MACS, N_FIGURE };
static const char *const figure_name[N_FIGURE] = {"latency", "bound", "MACs", "parameters",
                                                  "MACs of the table"};

typedef struct {
    const td_node **row;
    int n;
    td_hw hw;
    td_map_cache *cache;
    double *figure[N_FIGURE];
    td_error *err;
} job;

static void evaluate(void *self, int i) {
    job *j = self;
    td_net *net = network(j->row[i]);
    td_schedule_options o;
    td_schedule s = {0};
    td_net_totals t;
    td_schedule_options_default(&o);
    o.cache = j->cache;
    if (net == NULL || td_net_check(net, &j->err[i]) != TD_OK ||
        td_schedule_best(net, &j->hw, &o, &s, NULL, &j->err[i]) != TD_OK) {
        j->err[i].code = TD_E_INTERNAL;
    } else {
        td_net_count(net, &t);
        j->figure[LATENCY][i] = s.latency_s;
        j->figure[BOUND][i] = s.bound_latency_s;
        j->figure[MACS][i] = (double)t.macs;
        j->figure[PARAMS][i] = (double)t.params;
        j->figure[TABLE_MACS][i] = td_node_find(j->row[i], "macs_M")->real * 1e6;
    }
    td_schedule_free(&s);
    td_net_destroy(net);
}

typedef struct {
    int n;
    double rho[N_FIGURE];
} ranks;

/* How well each figure ranks the networks of at most `most` stages with squeeze-excite. */
static ranks tell(const job *j, const double *measured, int most) {
    double *v[N_FIGURE + 1];
    ranks r = {0};
    for (int k = 0; k <= N_FIGURE; k++) v[k] = TD_NEW(arena, double, j->n);
    for (int i = 0; i < j->n; i++) {
        if (stages_with_se(j->row[i]) > most) continue;
        for (int k = 0; k < N_FIGURE; k++) v[k][r.n] = j->figure[k][i];
        v[N_FIGURE][r.n++] = measured[i];
    }
    double *ratio = TD_NEW(arena, double, r.n);
    for (int i = 0; i < r.n; i++) ratio[i] = v[N_FIGURE][i] / v[LATENCY][i];
    print_message("  %d networks%s: measured / ours %.2f (median), 90 %% / 10 %% %.2f\n", r.n,
                  most == 0 ? " without squeeze-excite" : "", td_quantile(ratio, r.n, 0.5),
                  td_quantile(ratio, r.n, 0.9) / td_quantile(ratio, r.n, 0.1));
    for (int k = 0; k < N_FIGURE; k++) {
        r.rho[k] = td_spearman_rho(v[N_FIGURE], v[k], r.n);
        print_message("    %-18s Spearman %.3f, Kendall %.3f\n", figure_name[k], r.rho[k],
                      td_kendall_tau(v[N_FIGURE], v[k], r.n));
    }
    return r;
}

static int load(void **state) {
    (void)state;
    const char *path = shared_path("data/accel_nasbench/accel_nasbench.csv");
    const char *out = getenv("TANDEM_FPGA_CSV");
    arena = td_arena_create();
    if (path == NULL || arena == NULL) return 0;
    if (out != NULL && (csv = fopen(out, "w")) != NULL)
        fputs("board,description,row,measured_ms,latency_ms,bound_ms,macs,params\n", csv);
    return td_node_load(arena, path, &table, NULL) == TD_OK ? 0 : 1;
}

static int unload(void **state) {
    (void)state;
    td_arena_destroy(arena);
    return csv == NULL || fclose(csv) == 0 ? 0 : 1;
}

/* What the board takes longer than told, by the number of stages with squeeze-excite. */
static void by_squeeze_excite(const job *j, const double *measured) {
    double *ratio = TD_NEW(arena, double, j->n);
    print_message("  median of measured / ours by stages with squeeze-excite:");
    for (int stages = 0; stages <= STAGES; stages++) {
        int n = 0;
        for (int i = 0; i < j->n; i++)
            if (stages_with_se(j->row[i]) == stages)
                ratio[n++] = measured[i] / j->figure[LATENCY][i];
        if (n > 0) print_message(" %d: %.2f", stages, td_quantile(ratio, n, 0.5));
    }
    print_message("\n");
}

/* Ranks without squeeze-excite. */
static ranks board(const char *name, const td_node *doc) {
    if (table == NULL) {
        print_message("no ../shared/data/accel_nasbench: skipped\n");
        skip();
    }
    int want = random_cases(48);
    assert_in_range(want, 2, table->count);
    td_error err = {0};
    job j = {.cache = td_map_cache_create(0)};
    char column[32];
    snprintf(column, sizeof column, "latency_%s", name);
    const char *other = getenv("TANDEM_FPGA_HW");
    if (other != NULL)
        assert_ok(td_hw_load(other, &j.hw, &err), &err);
    else
        assert_ok(td_hw_from_node(doc, &j.hw, &err), &err);
    j.row = TD_NEW(arena, const td_node *, want);
    double *measured = TD_NEW(arena, double, want);
    j.err = TD_NEW(arena, td_error, want);
    for (int k = 0; k < N_FIGURE; k++) j.figure[k] = TD_NEW(arena, double, want);
    for (int i = 0; i < want; i++) {
        const td_node *row = table->item[(int64_t)i * table->count / want],
                      *ms = td_node_find(row, column);
        assert_non_null(ms);
        if (ms->kind == TD_NULL) continue; /* not measured */
        measured[j.n] = ms->real * 1e-3;
        j.row[j.n++] = row;
    }
    assert_ok(td_parallel_for(0, j.n, evaluate, &j), &err);
    for (int i = 0; i < j.n; i++)
        if (j.err[i].code != TD_OK) fail_msg("row %d: %s", j.row[i]->line, j.err[i].message);

    /* The networks are those of the table: their MACs rank as its own do, whose convention differs.
     */
    assert_true(td_spearman_rho(j.figure[MACS], j.figure[TABLE_MACS], j.n) > 0.99);
    print_message("%s as %s, %.3g TOPS\n", name, j.hw.name,
                  2 * (double)td_hw_peak_macs(&j.hw) * j.hw.clock_hz * 1e-12);
    ranks all = tell(&j, measured, STAGES), plain = tell(&j, measured, 0);
    by_squeeze_excite(&j, measured);
    for (int i = 0; csv != NULL && i < j.n; i++)
        fprintf(csv, "%s,%s,%d,%g,%g,%g,%.0f,%.0f\n", name, j.hw.name, j.row[i]->line,
                measured[i] * 1e3, j.figure[LATENCY][i] * 1e3, j.figure[BOUND][i] * 1e3,
                j.figure[MACS][i], j.figure[PARAMS][i]);
    td_map_cache_destroy(j.cache);
    if (other != NULL) return plain;
    assert_true(all.rho[LATENCY] > all.rho[MACS]);
    assert_true(all.rho[LATENCY] > all.rho[PARAMS]);
    /* No board is faster than what the description says at least. */
    for (int i = 0; i < j.n; i++) assert_true(measured[i] > j.figure[BOUND][i]);
    return plain;
}

static const td_node *parsed(const char *text) {
    const td_node *doc = NULL;
    td_error err = {0};
    assert_ok(td_yaml_parse(arena, text, strlen(text), "board", &doc, &err), &err);
    return doc;
}

static void on_zcu102(void **state) {
    (void)state;
    board("zcu102", parsed(zcu102));
}

static void on_vck190(void **state) {
    (void)state;
    board("vck190", parsed(vck190));
}

/* The same core, by levels: with its own parallelism in depthwise convolutions, give or take a
 * factor of two. Squeeze-excite left out, that is nearly all that there is to know. */
static void on_b4096(void **state) {
    (void)state;
    const td_node *doc;
    td_error err = {0};
    assert_ok(td_node_load(arena, TD_TEST_SOURCE "/experiments/dpu-b4096.yaml", &doc, &err), &err);
    ranks plain = board("zcu102", doc);
    if (getenv("TANDEM_FPGA_HW") != NULL) return;
    assert_true(plain.rho[LATENCY] > 0.9 && plain.rho[LATENCY] > plain.rho[MACS] + 0.03);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_zcu102),
        cmocka_unit_test(on_b4096),
        cmocka_unit_test(on_vck190),
    };
    return cmocka_run_group_tests(tests, load, unload);
}

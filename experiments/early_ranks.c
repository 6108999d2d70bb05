/* How well early estimates rank networks of mixed precision.
 *
 *     build/release/experiments/early_ranks COUNT HW...
 *
 * COUNT networks with random bits (2 to 8, for weights and activations of each layer by itself), of
 * two kinds: ResNet-18, where nothing but the bits differs, and random networks. For each kind and
 * accelerator, with fixed MACs and with MACs that gate narrow operands: rank correlation
 * (Spearman's rho, Kendall's tau) of MACs, BOPS, DRAM traffic and the roofline bound with latency
 * and energy of the full cost core, which maps and schedules each network. The roofline is that of
 * the accelerator (its peak, its DRAM's rate): the sum over layers of the larger of the two times.
 * Seeds are fixed. docs/validation.md has what came out. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tandem/map.h"
#include "tandem/model.h"

enum { MOST = 4096, SEED = 1, BITS = 1, SHAPE = 2 };
typedef enum { MACS, BOPS, TRAFFIC, ROOFLINE, N_ESTIMATES } estimate;
static const char *const estimate_name[] = {"MACs", "BOPS", "DRAM traffic", "roofline bound"};

static void stop(const td_error *err) {
    fprintf(stderr, "early_ranks: %s\n", err->message);
    exit(td_status_exit_code(err->code));
}

static int pick(td_rng *r, const int *v, int n) {
    return v[td_rng_below(r, (uint64_t)n)];
}
#define AMONG(r, ...)                                                                              \
    pick((r), (const int[]){__VA_ARGS__}, (int)(sizeof((const int[]){__VA_ARGS__}) / sizeof(int)))

/* A stem, three or four stages of one to three blocks each, and a classifier. */
static td_net *random_net(int i) {
    td_rng r = td_rng_make(SEED, (uint64_t)i, SHAPE);
    int side = AMONG(&r, 64, 96, 128, 160, 224), c = AMONG(&r, 16, 24, 32, 48, 64);
    td_net *net = td_net_create("random", TD_DIM(3, side, side));
    int x = td_net_conv_bn_act(net, 0, c, AMONG(&r, 3, 5, 7), 2, 1, TD_OP_RELU);
    int stages = AMONG(&r, 3, 4);
    for (int s = 0; s < stages; s++) {
        int kind = AMONG(&r, 0, 1, 2), blocks = AMONG(&r, 1, 2, 3), kernel = AMONG(&r, 3, 3, 5);
        int out = td_round_channels(c, AMONG(&r, 12, 16, 20) / 10.0, 8);
        for (int b = 0; b < blocks; b++) {
            int stride = b == 0 ? 2 : 1;
            td_block block = {.kernel = kernel,
                              .expansion = AMONG(&r, 2, 3, 4, 6),
                              .out_c = out,
                              .stride = stride,
                              .fused = kind == 1,
                              .residual = true,
                              .act = TD_OP_RELU};
            x = kind == 2 ? td_net_conv_bn_act(net, x, out, kernel, stride, 1, TD_OP_RELU)
                          : td_net_block(net, x, &block);
        }
        c = out;
    }
    td_net_fc(net, td_net_global_pool(net, x), AMONG(&r, 10, 100, 1000));
    return net;
}

static td_net *make_net(bool fixed, int i) {
    td_error err = {0};
    td_net *net = NULL;
    if (!fixed)
        net = random_net(i);
    else if (td_net_build("resnet18", TD_DIM(0, 0, 0), 1, 0, &net, &err) != TD_OK)
        stop(&err);
    td_precision of[MOST] = {{0}};
    td_rng r = td_rng_make(SEED, (uint64_t)i, BITS);
    for (int l = 0; l < td_net_size(net); l++)
        of[l] = (td_precision){(uint8_t)(2 + td_rng_below(&r, 7)),
                               (uint8_t)(2 + td_rng_below(&r, 7)), 0};
    if (td_net_check(net, &err) != TD_OK || td_net_set_precision(net, of, &err) != TD_OK)
        stop(&err);
    return net;
}

static td_hw load(const char *name, bool gating) {
    td_arena *a = td_arena_create();
    td_error err = {0};
    const char *path;
    const td_node *doc;
    td_hw hw = {.n = 0};
    td_status s = td_hw_find(a, name, &path, &err);
    if (s == TD_OK) s = td_node_load(a, path, &doc, &err);
    if (s == TD_OK && gating) {
        bool template = td_node_find(doc, "template") != NULL;
        s = td_node_override(a, (td_node *)doc, "gating",
                             template ? "operand_gating=1" : "mac.operand_gating=true", &err);
    }
    if (s == TD_OK) s = td_hw_from_node(doc, &hw, &err);
    if (s != TD_OK) stop(&err);
    td_arena_destroy(a);
    return hw;
}

static void estimate_net(const td_net *net, const td_hw *hw, double out[N_ESTIMATES]) {
    const td_level *top = &hw->level[hw->n - 1];
    double peak = (double)td_hw_peak_macs(hw) * hw->clock_hz;
    double rate = fmin(top->shared_bw, fmin(top->read_bw, top->write_bw)) * hw->clock_hz;
    /* Operations and bits of the layers; the grid of the estimate is not asked for. */
    td_early_chip chip = {.mm2 = 1, .fit = TD_PE_BOPS, .ops_per_pe = 1, .bits_per_s = rate};
    td_problem p[MOST];
    td_early_layer layer[MOST];
    td_early e;
    td_error err = {0};
    int n = 0;
    for (int i = 0; i < td_net_size(net); i++)
        if (td_layer_problem(net, i, 1, &p[n])) n++;
    if (td_early_estimate(p, n, &chip, layer, &e, &err) != TD_OK) stop(&err);
    out[MACS] = e.sum.ops;
    out[BOPS] = e.sum.bops;
    out[TRAFFIC] = e.sum.bits;
    out[ROOFLINE] = 0;
    for (int i = 0; i < n; i++) out[ROOFLINE] += fmax(layer[i].ops / peak, layer[i].bits / rate);
}

static double *column(double *v, int k, int count) {
    return &v[k * count];
}

static void study(bool fixed, int count, const char *name, bool gating, td_map_cache *cache) {
    td_hw hw = load(name, gating);
    td_error err = {0};
    td_schedule_options o;
    td_schedule_options_default(&o);
    o.cache = cache;
    double *v = calloc((size_t)count * (N_ESTIMATES + 2), sizeof *v);
    if (v == NULL) exit(1);
    double *latency = column(v, N_ESTIMATES, count), *energy = column(v, N_ESTIMATES + 1, count);
    double least = INFINITY, most = 0;
    for (int i = 0; i < count; i++) {
        td_net *net = make_net(fixed, i);
        td_scheduler *s;
        td_schedule_figures f;
        double x[N_ESTIMATES];
        if (td_scheduler_create(net, &o, &s, &err) != TD_OK) stop(&err);
        if (td_scheduler_cost(s, &hw, &f, NULL, &err) != TD_OK) stop(&err);
        estimate_net(net, &hw, x);
        for (int k = 0; k < N_ESTIMATES; k++) column(v, k, count)[i] = x[k];
        latency[i] = f.latency_s;
        energy[i] = f.energy_j;
        least = fmin(least, x[MACS]);
        most = fmax(most, x[MACS]);
        td_scheduler_destroy(s);
        td_net_destroy(net);
    }
    printf("%s, %s MACs, %d %s of %.3g to %.3g M MACs\n", name, gating ? "gated" : "fixed", count,
           fixed ? "ResNet-18" : "random networks", least * 1e-6, most * 1e-6);
    printf("  %-16s %12s %12s %12s %12s\n", "", "latency rho", "tau", "energy rho", "tau");
    for (int k = 0; k < N_ESTIMATES; k++) {
        const double *x = column(v, k, count);
        printf("  %-16s %12.3f %12.3f %12.3f %12.3f\n", estimate_name[k],
               td_spearman_rho(x, latency, count), td_kendall_tau(x, latency, count),
               td_spearman_rho(x, energy, count), td_kendall_tau(x, energy, count));
    }
    fflush(stdout);
    free(v);
}

int main(int argc, char **argv) {
    int count = argc > 2 ? atoi(argv[1]) : 0;
    if (count < 2) {
        fprintf(stderr, "usage: early_ranks COUNT HW...   (COUNT >= 2)\n");
        return 2;
    }
    for (int k = 2; k < argc; k++)
        for (int fixed = 1; fixed >= 0; fixed--) {
            td_map_cache *cache = td_map_cache_create(0);
            for (int gating = 0; gating < 2; gating++) study(fixed, count, argv[k], gating, cache);
            td_map_cache_destroy(cache);
        }
    return 0;
}

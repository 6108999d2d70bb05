/* Speed of the cost model and of what stands on it. JSON on stdout.
 *
 *     bench_cost [NAME...]        benchmarks whose name begins with one of NAME; all without
 *
 *     evaluate/...    full: td_cost_evaluate, all counts; else td_costing_run, energy and cycles,
 * as the mapper asks. Mappings are drawn at random (seeded) so that branches are as unpredictable
 * as in a search. schedule/...    td_schedule_best, the cost of a whole network: cold, with an
 * empty cache of mappings, and cached, asked once more with the same cache.
 *
 * Times are thread CPU time on one core: best and median of repeated runs, which on a shared
 * machine tells how far to trust them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tandem/map.h"

enum { POOL = 512, REPEATS = 15, ROUNDS = 40, COLD_REPEATS = 7 };

/* ---- accelerators of the reference set, by their public parameters -----------------------------
 */

static void set_level(td_level *l, const char *name, int64_t words, int instances, int mesh_x,
                      double bw, double read_pj, double fill_pj, double update_pj) {
    *l = (td_level){.may_keep = TD_ALL_TENSORS,
                    .multicast = TD_ALL_TENSORS,
                    .reduce = TD_BIT(TD_O),
                    .capacity_bits = words < 0 ? -1 : words * 16,
                    .instances = instances,
                    .mesh_x = mesh_x,
                    .word_bits = 16,
                    .block_bits = 16,
                    .buffering = 1,
                    .read_bw = bw * 16,
                    .write_bw = bw * 16,
                    .shared_bw = INFINITY,
                    .read_pj = read_pj,
                    .fill_pj = fill_pj,
                    .update_pj = update_pj,
                    .shares = -1};
    snprintf(l->name, sizeof l->name, "%s", name);
}

static void finish(td_hw *hw, const char *name, int levels, int macs, int mesh_x) {
    snprintf(hw->name, sizeof hw->name, "%s", name);
    hw->n = levels;
    hw->mac = (td_mac){.instances = macs, .mesh_x = mesh_x, .energy_pj = 0.56, .bits = 16};
    hw->clock_hz = 1e9;
    hw->area_mm2 = NAN;
    memset(hw->rules.allowed, 0xff, sizeof hw->rules.allowed);
}

/* 14 x 12 processing elements with a register file per tensor; the global buffer is not for
 * weights. */
static td_hw eyeriss_168(void) {
    td_hw hw = {0};
    set_level(&hw.level[0], "PsumRF", 16, 168, 14, INFINITY, 0.32, 0.33, 0.34);
    set_level(&hw.level[1], "WeightRF", 192, 168, 14, INFINITY, 1.05, 1.1, 1.1);
    set_level(&hw.level[2], "InputRF", 12, 168, 14, INFINITY, 0.28, 0.3, 0.3);
    set_level(&hw.level[3], "GLB", 55296, 1, 1, 16, 6.1, 6.4, 6.8);
    set_level(&hw.level[4], "DRAM", -1, 1, 1, 4, 200, 200, 200);
    static const uint8_t keep[5] = {TD_BIT(TD_O), TD_BIT(TD_W), TD_BIT(TD_I),
                                    TD_BIT(TD_I) | TD_BIT(TD_O), TD_ALL_TENSORS};
    for (int l = 0; l < 5; l++) hw.level[l].may_keep = hw.level[l].must_keep = keep[l];
    finish(&hw, "eyeriss-168", 5, 168, 14);
    return hw;
}

static td_hw simple_16x16(void) {
    td_hw hw = {0};
    set_level(&hw.level[0], "RF", 64, 256, 16, INFINITY, 0.4, 0.5, 0.6);
    set_level(&hw.level[1], "GLB", 131072, 1, 1, 32, 6, 7, 8);
    set_level(&hw.level[2], "DRAM", -1, 1, 1, 8, 160, 150, 170);
    finish(&hw, "simple-16x16", 3, 256, 16);
    return hw;
}

/* ---- random valid mappings ------------------------------------------------------------------- */

typedef struct {
    td_problem problem;
    td_hw hw;
    td_mapping mapping[POOL];
} pool;

/* Loops of equal dim at one place are joined, as a mapper has them. */
static void pack(int32_t factor[TD_MAX_LEVELS][TD_NAXIS][TD_NDIM],
                 uint8_t order[TD_MAX_LEVELS][TD_NDIM], int levels, td_mapping *m) {
    m->n = 0;
    for (int l = 0; l < levels; l++) {
        m->first[l] = m->n;
        for (int a = 0; a < TD_NAXIS; a++)
            for (int i = 0; i < TD_NDIM; i++) {
                int d = order[l][i];
                int32_t f = factor[l][a][d];
                if (f > 1) m->loop[m->n++] = (td_loop){(uint8_t)d, (uint8_t)a, f, f};
            }
    }
    m->first[levels] = m->n;
}

/* All loops start in the outermost level; prime factors then move inwards while the mapping stays
 * valid. */
static void draw(const td_problem *p, const td_hw *hw, td_rng *r, td_mapping *m) {
    int32_t factor[TD_MAX_LEVELS][TD_NAXIS][TD_NDIM];
    uint8_t order[TD_MAX_LEVELS][TD_NDIM];
    const int top = hw->n - 1;
    for (int l = 0; l < hw->n; l++) {
        int32_t dims[TD_NDIM];
        for (int d = 0; d < TD_NDIM; d++) {
            for (int a = 0; a < TD_NAXIS; a++) factor[l][a][d] = 1;
            dims[d] = d;
        }
        td_rng_shuffle(r, dims, TD_NDIM);
        for (int d = 0; d < TD_NDIM; d++) order[l][d] = (uint8_t)dims[d];
        unsigned free = hw->level[l].may_keep & ~(unsigned)hw->level[l].must_keep;
        m->keep[l] = (uint8_t)(hw->level[l].must_keep | (l == top ? TD_ALL_TENSORS : free));
    }
    for (int d = 0; d < TD_NDIM; d++) factor[top][TD_AXIS_T][d] = p->dim[d];
    for (int tries = 0; tries < 400; tries++) {
        int d = (int)td_rng_below(r, TD_NDIM), l = (int)td_rng_below(r, (uint64_t)top);
        int axis = (int)td_rng_below(r, TD_NAXIS);
        int32_t *from = &factor[top][TD_AXIS_T][d], f = 2;
        if (axis != TD_AXIS_T) l = (int)td_rng_below(r, (uint64_t)top + 1);
        if (*from == 1) continue;
        while (*from % f != 0) f++;
        *from /= f;
        factor[l][axis][d] *= f;
        pack(factor, order, hw->n, m);
        if (td_mapping_check(p, hw, m, NULL, NULL) == TD_OK) continue;
        *from *= f;
        factor[l][axis][d] /= f;
    }
    pack(factor, order, hw->n, m);
}

/* ---- benchmarks ------------------------------------------------------------------------------ */

static int by_value(const void *x, const void *y) {
    double a = *(const double *)x, b = *(const double *)y;
    return (a > b) - (a < b);
}

typedef struct {
    const char *name;
    td_hw (*hw)(void);
    td_problem problem;
    td_counting counting;
} evaluation;

#define LAYER(k, c, pq, rs, s, g, border)                                                          \
    {                                                                                              \
        .dim = {1, k, c, pq, pq, rs, rs, g}, .stride = {s, s}, .dilation = {1, 1},                 \
        .pad = {border, border, border, border}, .bits = {16, 16, 16}, .acc_bits = 16              \
    }
static const evaluation evaluations[] = {
    {"evaluate/eyeriss-168/resnet18-l2_3x3/exact", eyeriss_168, LAYER(128, 128, 28, 3, 1, 1, 0),
     TD_COUNT_EXACT},
    {"evaluate/eyeriss-168/resnet18-l2_3x3/timeloop", eyeriss_168, LAYER(128, 128, 28, 3, 1, 1, 0),
     TD_COUNT_TIMELOOP},
    {"evaluate/eyeriss-168/resnet18-l2_3x3-padded/exact", eyeriss_168,
     LAYER(128, 128, 28, 3, 1, 1, 1), TD_COUNT_EXACT},
    {"evaluate/eyeriss-168/mobilenetv2-pw384_64_14/exact", eyeriss_168,
     LAYER(64, 384, 14, 1, 1, 1, 0), TD_COUNT_EXACT},
    {"evaluate/simple-16x16/resnet18-l2_3x3/exact", simple_16x16, LAYER(128, 128, 28, 3, 1, 1, 0),
     TD_COUNT_EXACT},
    {"evaluate/simple-16x16/resnet18-l2_3x3/timeloop", simple_16x16,
     LAYER(128, 128, 28, 3, 1, 1, 0), TD_COUNT_TIMELOOP},
    {"evaluate/simple-16x16/resnet18-l2_3x3-padded/exact", simple_16x16,
     LAYER(128, 128, 28, 3, 1, 1, 1), TD_COUNT_EXACT},
    {"evaluate/simple-16x16/mobilenetv2-dw144_56/exact", simple_16x16,
     LAYER(1, 1, 56, 3, 1, 144, 0), TD_COUNT_EXACT},
    {"evaluate/simple-16x16/mobilenetv2-pw384_64_14/exact", simple_16x16,
     LAYER(64, 384, 14, 1, 1, 1, 0), TD_COUNT_EXACT},
};

static td_status run_evaluation(const void *self, td_node *out, td_arena *a, td_error *err) {
    const evaluation *e = self;
    pool *z = malloc(sizeof *z);
    if (z == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    z->problem = e->problem;
    z->hw = e->hw();
    double loops = 0;
    for (int i = 0; i < POOL; i++) {
        td_rng r = td_rng_make(1, (uint64_t)i, TD_RNG_TEST);
        draw(&z->problem, &z->hw, &r, &z->mapping[i]);
        loops += z->mapping[i].n;
    }
    /* All counts (td_cost_evaluate), and energy and cycles only (td_costing_run), in turn. */
    double full[REPEATS], quick[REPEATS], sum = 0, quick_sum = 0;
    td_costing c;
    td_status s = td_costing_init(&c, &z->problem, &z->hw, e->counting, err);
    for (int k = 0; k < REPEATS && s == TD_OK; k++) {
        double start = td_time_thread_s();
        for (int j = 0; j < ROUNDS; j++)
            for (int i = 0; i < POOL; i++) {
                td_cost cost;
                s = td_cost_evaluate(&z->problem, &z->hw, &z->mapping[i], e->counting, &cost, NULL);
                if (s != TD_OK) break;
                sum += cost.total_pj;
            }
        double middle = td_time_thread_s();
        for (int j = 0; j < ROUNDS; j++)
            for (int i = 0; i < POOL; i++) {
                double pj;
                int64_t cycles, steps;
                if (!td_costing_run(&c, &z->mapping[i], &pj, &cycles, &steps)) s = TD_E_INTERNAL;
                quick_sum += pj;
            }
        full[k] = ROUNDS * POOL / (middle - start);
        quick[k] = ROUNDS * POOL / (td_time_thread_s() - middle);
    }
    if (s == TD_OK && sum != quick_sum) s = TD_E_INTERNAL;
    free(z);
    if (s != TD_OK) return td_fail(err, s, "%s: a mapping cannot be evaluated", e->name);
    qsort(full, REPEATS, sizeof full[0], by_value);
    qsort(quick, REPEATS, sizeof quick[0], by_value);
    td_node_put_int(a, out, "mappings", POOL);
    td_node_put_real(a, out, "loops", loops / POOL);
    td_node_put_real(a, out, "mean_energy_pj", sum / ((double)REPEATS * ROUNDS * POOL));
    td_node_put_real(a, out, "full_per_s", full[REPEATS - 1]);
    td_node_put_real(a, out, "full_per_s_median", full[REPEATS / 2]);
    td_node_put_real(a, out, "evaluations_per_s", quick[REPEATS - 1]);
    td_node_put_real(a, out, "evaluations_per_s_median", quick[REPEATS / 2]);
    return TD_OK;
}

/* ---- whole networks -------------------------------------------------------------------------- */

typedef struct {
    const char *name, *net, *hw;
    int channels, size, classes;
} network;

static const network networks[] = {
    {"schedule/mobilenetv2-224/edge", "mobilenetv2", "edge", 3, 224, 1000},
    {"schedule/mobilenetv2-224/micro", "mobilenetv2", "micro", 3, 224, 1000},
    {"schedule/handmade-28/micro", "handmade", "micro", 1, 28, 10},
};

/* Milliseconds of one schedule, with the cache as it is. */
static td_status time_schedule(const td_net *net, const td_hw *hw, td_map_cache *cache, double *ms,
                               double *latency_s, td_error *err) {
    td_schedule_options o;
    td_schedule s = {0};
    td_schedule_options_default(&o);
    o.cache = cache;
    double start = td_time_thread_s();
    td_status st = td_schedule_best(net, hw, &o, &s, NULL, err);
    *ms = (td_time_thread_s() - start) * 1e3;
    *latency_s = s.latency_s;
    td_schedule_free(&s);
    return st;
}

static td_status run_network(const void *self, td_node *out, td_arena *a, td_error *err) {
    const network *w = self;
    td_net *net = NULL;
    td_hw hw;
    double cold[COLD_REPEATS], cached[COLD_REPEATS], latency_s = 0;
    uint64_t misses = 0;
    td_shape input = TD_DIM(w->channels, w->size, w->size);
    td_status s = td_net_build(w->net, input, 1, w->classes, &net, err);
    if (s == TD_OK) s = td_hw_load(w->hw, &hw, err);
    for (int k = 0; k < COLD_REPEATS && s == TD_OK; k++) {
        td_map_cache *cache = td_map_cache_create(0);
        if (cache == NULL) {
            s = td_fail(err, TD_E_MEMORY, "out of memory");
            break;
        }
        s = time_schedule(net, &hw, cache, &cold[k], &latency_s, err);
        td_map_cache_stats(cache, NULL, &misses);
        if (s == TD_OK) s = time_schedule(net, &hw, cache, &cached[k], &latency_s, err);
        td_map_cache_destroy(cache);
    }
    td_net_destroy(net);
    if (s != TD_OK) return s;
    qsort(cold, COLD_REPEATS, sizeof cold[0], by_value);
    qsort(cached, COLD_REPEATS, sizeof cached[0], by_value);
    td_node_put_int(a, out, "mapper_calls", (int64_t)misses);
    td_node_put_real(a, out, "latency_s", latency_s);
    td_node_put_real(a, out, "cold_ms", cold[0]);
    td_node_put_real(a, out, "cold_ms_median", cold[COLD_REPEATS / 2]);
    td_node_put_real(a, out, "cached_ms", cached[0]);
    td_node_put_real(a, out, "cached_ms_median", cached[COLD_REPEATS / 2]);
    return TD_OK;
}

/* One row per benchmark: adds its figures to the map `out`. */
typedef struct {
    const char *name;
    td_status (*run)(const void *self, td_node *out, td_arena *a, td_error *err);
    const void *self;
} benchmark;

static int collect(benchmark *table, int most) {
    int n = 0;
    for (size_t i = 0; i < sizeof evaluations / sizeof evaluations[0] && n < most; i++)
        table[n++] = (benchmark){evaluations[i].name, run_evaluation, &evaluations[i]};
    for (size_t i = 0; i < sizeof networks / sizeof networks[0] && n < most; i++)
        table[n++] = (benchmark){networks[i].name, run_network, &networks[i]};
    return n;
}

static int wanted(const char *name, int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        if (strncmp(name, argv[i], strlen(argv[i])) == 0) return 1;
    return argc < 2;
}

int main(int argc, char **argv) {
    benchmark table[64];
    int n = collect(table, 64), code = 0;
    td_arena *a = td_arena_create();
    td_node *root = td_node_map(a);
    char machine[256];
    td_machine_text(machine, sizeof machine);
    td_node_put_string(a, root, "program", "bench_cost");
    td_node_put_string(a, root, "version", td_version());
    td_node_put_string(a, root, "machine", machine);
    double load = 0;
    if (getloadavg(&load, 1) == 1) td_node_put_real(a, root, "load_average", load);
    td_node *results = td_node_put(a, root, "results", td_node_list(a));
    for (int i = 0; i < n; i++) {
        if (!wanted(table[i].name, argc, argv)) continue;
        td_error err = {0};
        td_node *out = td_node_push(a, results, td_node_map(a));
        td_node_put_string(a, out, "name", table[i].name);
        td_status s = table[i].run(table[i].self, out, a, &err);
        if (s == TD_OK) continue;
        fprintf(stderr, "bench_cost: %s\n", err.message);
        if (code == 0) code = td_status_exit_code(s);
    }
    td_text t = {0};
    td_node_to_json(root, 2, &t);
    printf("%s\n", t.data != NULL ? t.data : "");
    td_text_free(&t);
    td_arena_destroy(a);
    return code;
}

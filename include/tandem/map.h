/* tandem/map.h - finding mappings: the mapper with its bound, a cache of its answers, and the
 * schedule of a whole network (what stays on chip, what is prefetched).
 */
#ifndef TANDEM_MAP_H
#define TANDEM_MAP_H

#include "tandem/base.h"
#include "tandem/cost.h"
#include "tandem/hw.h"
#include "tandem/net.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Raised with each change of cost, mapper or schedule that can alter a figure: stores keep it with
 * their trials, so that figures of different revisions are never mixed.
 *     2  no vector unit: infeasible; vector layers are held to the bandwidth of the memory that
 *        they work on; results kept where their sums end leave it at their own precision
 *     3  lists of fan-outs that a budget of nodes cuts short have some of every kind: better
 *        mappings */
enum { TD_COST_REVISION = 3 };

/* ---- mapper ---------------------------------------------------------------------------------- */

/* TD_OBJ_WEIGHTED: energy_pj ^ weight[0] x cycles ^ weight[1], the general form of the others: EDP
 * is (1, 1), energy x delay squared (1, 2). */
typedef enum {
    TD_OBJ_LATENCY,
    TD_OBJ_ENERGY,
    TD_OBJ_EDP,
    TD_OBJ_WEIGHTED,
    TD_NOBJ
} td_map_objective;
const char *td_map_objective_name(td_map_objective o); /* "latency", "energy", "edp", "weighted" */

/* fast: a good mapping within a small budget of nodes, for searches that ask often. exact: on until
 * the gap is closed or a large budget is used up. sample: random mappings that fit, drawn evenly
 * over the factorisations of the dims; to compare with, proves nothing. */
typedef enum { TD_MAP_FAST, TD_MAP_EXACT, TD_MAP_SAMPLE, TD_NMAP_MODE } td_map_mode;
const char *td_map_mode_name(td_map_mode m); /* "fast", "exact", "sample" */

typedef enum {
    TD_STOP_PROVED,   /* bound reached: gap 0 within the map space */
    TD_STOP_NODES,    /* node budget */
    TD_STOP_TIME,     /* time budget: not reproducible, marked */
    TD_STOP_HEURISTIC /* space not exhausted by design of the mode */
} td_stop;
const char *td_stop_name(td_stop s);

/* What is asked of the mapper. Latency ties are broken by energy and the other way round. */
typedef struct {
    td_map_mode mode;
    td_map_objective objective;
    double weight[2]; /* TD_OBJ_WEIGHTED: exponents of energy and cycles, >= 0, one of them > 0 */
    td_counting counting;
    uint64_t max_nodes; /* evaluations and partial nodes; 0: the mode's default (5,000 for fast) */
    double max_seconds; /* 0: none */
    uint64_t seed;      /* of TD_MAP_SAMPLE */
    bool imperfect; /* loops may have a smaller last pass, where that is better; the bound is then
                     * only what no mapping can avoid, and 0 in Timeloop's counting, whose rules
                     * can drop MACs of such mappings */
    double min_utilization; /* mappings that compute on a smaller share of the MAC units (spatial
                             * factors, without padding) are left out; 0: none */
    int8_t top[TD_NTENSOR]; /* outermost level that keeps the tensor (resident data stop there); the
                             * last level by default */
    int16_t keep[TD_MAX_LEVELS]; /* fixed keep masks, -1: free within may_keep/must_keep */
} td_map_query;
void td_map_query_default(td_map_query *q, const td_hw *hw);

/* problem: the layer as mapped: with hw->rules.pad some dims may be larger than asked (zeros are
 * computed to fill a fan-out; utilisation is that of the real MACs over cycles). bound: proven
 * lower bound of the objective over the map space; gap = objective(cost) / bound - 1. */
typedef struct {
    td_problem problem;
    td_mapping mapping;
    td_cost cost;
    double objective, bound;
    uint64_t nodes;
    td_stop stop;
} td_map_result;

/* Best mapping found. TD_E_INFEASIBLE with the level that is short and by how many bytes (also in
 * *missing_bytes, may be NULL); enlarging that level by it removes the reason. Deterministic unless
 * max_seconds is set. Allocates only scratch. */
td_status td_map_best(const td_problem *p, const td_hw *hw, const td_map_query *q,
                      td_map_result *out, int64_t *missing_bytes, td_error *err);

/* Answers of td_map_best by (problem, accelerator, query). Thread-safe. Infeasible answers are kept
 * too. max_entries 0: unbounded. */
typedef struct td_map_cache td_map_cache;
td_map_cache *td_map_cache_create(size_t max_entries);
void td_map_cache_destroy(td_map_cache *c);
td_status td_map_cached(td_map_cache *c, const td_problem *p, const td_hw *hw,
                        const td_map_query *q, td_map_result *out, int64_t *missing_bytes,
                        td_error *err);
void td_map_cache_stats(const td_map_cache *c, uint64_t *hits, uint64_t *misses);

/* ---- schedule of a network --------------------------------------------------------------------
 */

/* Where a value stands between the layer that makes it and its readers, where weights come from. */
typedef enum {
    TD_AT_DRAM,
    TD_AT_CHIP,
    TD_AT_STAGED
} td_place; /* staged: prefetched one interval ahead */

/* One interval: one convolution or fc (with the batch norm and activation fused into its drain), or
 * one vector-unit layer (pools, add, multiply, concatenate, a lone activation). */
typedef struct {
    int layer;          /* in the network */
    bool mapped;        /* conv or fc: the fields below are meaningful */
    td_problem problem; /* as mapped */
    td_mapping mapping;
    td_hw hw;     /* as this layer saw it: capacities less what is resident */
    td_cost cost; /* = td_cost_evaluate(problem, hw, mapping), bit for bit */
    td_place input, input2, output, weights;
    int64_t macs;          /* of the layer, without padding */
    double compute_cycles; /* on-chip time: MACs and inner levels, or vector unit */
    double dram_cycles;    /* own and prefetched traffic over the outermost bandwidth */
    double cycles;         /* max of the two */
    double latency_s, energy_j;
    double dram_bytes[TD_NTENSOR], prefetch_bytes; /* prefetch: the next intervals' weights */
    int64_t chip_bytes; /* on-chip occupancy: resident values and weights, staged, tiles */
    char limit[24];     /* "compute", level name, "vector port", "DRAM weights", "DRAM activations",
                         * "prefetch" */
    double utilization; /* real MACs / peak / cycles */
} td_interval;

typedef struct {
    td_map_objective objective; /* latency or energy (ties by the other) */
    td_counting counting;
    bool cold;           /* first inference: no weights are resident yet */
    int batch;           /* samples per inference, N of all layers */
    uint64_t max_nodes;  /* per mapper call; 0: its own default */
    td_map_cache *cache; /* may be NULL */
} td_schedule_options;
void td_schedule_options_default(td_schedule_options *o);
/* A recipe's `schedule:` map (objective, max_nodes, batch); NULL: the defaults. TD_E_INPUT. */
td_status td_schedule_options_from_node(const td_node *n, td_schedule_options *o, td_error *err);

typedef struct {
    td_interval *interval;
    int n;
    double latency_s, energy_j,
        power_w; /* one inference, steady state unless cold; energy with leakage */
    double dynamic_j, leak_j;
    int64_t resident_weight_bytes, peak_chip_bytes;
    double dram_bytes;
    double utilization;
    double bound_latency_s;     /* roofline sum: no schedule of this form is faster */
    td_map_objective objective; /* as asked */
    td_counting counting;
    bool cold;
    int batch;
    uint64_t max_nodes;
    bool
        proved; /* no other choice of places and resident weights does better with the mappings that
                 * were found; of cold: the set of resident weights is that of the steady state */
} td_schedule;

/* The best schedule found for a network on an accelerator. Layers run in order; a dynamic program
 * chooses for each value whether it stays on chip until its last reader, and for each layer whether
 * its weights are streamed, kept resident over inferences, or staged (prefetched during the
 * interval before, while its traffic and capacity allow; in the steady state the last interval
 * prefetches for the first). The input image comes from DRAM, the output goes there. On chip is the
 * outermost bounded level inside DRAM, if it is one for all; when it shares the storage of an inner
 * level, residents and the tiles of the running layer (in every instance) split that storage.
 *
 *     cycles of an interval = max(on chip, all its DRAM bits / outermost bandwidth)
 *     energy = mapping, or vector operations with their traffic + prefetch (DRAM read, fill on
 * chip)
 *              + clock tree on what happens on chip + leakage x latency
 *
 * cold: the same resident weights as in the steady state, each loaded once, in its own interval or
 * the one before; all other places are chosen anew. TD_E_INFEASIBLE: a layer cannot be mapped; the
 * message names layer, level and missing bytes (per instance of that level; also in *missing_bytes,
 * may be NULL). Or a layer needs a vector unit and there is none: the message names both, no bytes
 * are missing. Deterministic, whatever is in the cache and however many threads share it. Caller
 * frees with td_schedule_free. */
td_status td_schedule_best(const td_net *net, const td_hw *hw, const td_schedule_options *o,
                           td_schedule *out, int64_t *missing_bytes, td_error *err);
void td_schedule_free(td_schedule *s); /* {0} is fine */

/* Latency (s) and energy (J) that no schedule of the network on hw[i] has less of, for n
 * accelerators, without asking the mapper (microseconds each): what a search over accelerators
 * leaves out by. Latency: as bound_latency_s of the schedule; energy: MACs with their part of the
 * clock tree, and leakage over that latency. 0 where nothing is known. TD_E_INPUT: the network has
 * a fault. */
td_status td_schedule_bounds(const td_net *net, const td_hw *const *hw, int n,
                             const td_schedule_options *o, double latency_s[], double energy_j[],
                             td_error *err);

/* Checks a schedule from its own figures: occupancy <= capacity and bytes moved <= bandwidth x time
 * in every interval, places agree from maker to reader, sums equal totals. First fault as a
 * message. */
td_status td_schedule_check(const td_net *net, const td_hw *hw, const td_schedule *s,
                            td_error *err);

td_node *td_schedule_to_node(const td_net *net, const td_hw *hw, const td_schedule *s, td_arena *a);
/* The neutral case of one mapped interval: `tandem cost` of it gives interval->cost bit for bit. */
void td_interval_case(const td_net *net, const td_interval *i, td_case *out);

#ifdef __cplusplus
}
#endif
#endif

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
 *     3  an add or multiply behind a convolution is done in its drain; lists of fan-outs that a
 *        budget of nodes cuts short have some of every kind: better mappings
 *     4  stacks
 *     5  turns of a stack wait for weights that it loads; stacks on larger memories too
 *     6  stacks are chosen by what can be hoped of them
 *     7  turns of stacks also without sums or padding at home, which leaves room for values
 *     8  questions with less room go from little upwards, and are content with the answer of those
 *        with more; resident weights are exchanged with each other
 *     9  layers are asked for with what can be on chip, also without one activation; rooms upwards
 *        do not end short of what is used
 *    10  nothing stands in views of another level's storage but what a schedule has put there or
 *        they must keep (nested searches, schedules where values stay elsewhere); operands wider
 *        than the MACs: infeasible; what the level where things stay reloads is not resident. All
 *        other schedules are those of 9
 *    11  schedules of more than 1,000 nodes a question are chosen by drafts, and the layers of what
 *        is chosen are asked for again; others are those of 10
 *    12  a search that has found nothing goes on until it does (layers of which little fits had
 *        the mapping with the least tiles); schedules of drafts ask again with more nodes for
 *        answers far from their bounds, and have no stacks where they are better without, once
 *        asked for again; of more than 8 values alive at a time the others stand on chip where
 *        there is room; convolutions write words of the value that they hand on
 *    13  layers whose strides skip lines also have small tiles where there is room for large
 *        ones; stacks whose rows were left out are looked at where fewer rows turn out slower, and
 *        more is hoped of layers whose turns were faster than hoped */
enum { TD_COST_REVISION = 13 };

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

/* Of fast mode, how much is done for an answer. full: all that the budget allows. brief: until
 * dives and local searches have found nothing better with 7.5 % of it. draft: the same with shorter
 * lists and next to nothing for ties; for many questions of which few answers are used, and these
 * asked for again. */
typedef enum { TD_EFFORT_FULL, TD_EFFORT_BRIEF, TD_EFFORT_DRAFT, TD_NEFFORT } td_map_effort;

/* What is asked of the mapper. Latency ties are broken by energy and the other way round. */
typedef struct {
    td_map_mode mode;
    td_map_effort effort;
    td_map_objective objective;
    double weight[2]; /* TD_OBJ_WEIGHTED: exponents of energy and cycles, >= 0, one of them > 0 */
    td_counting counting;
    /* Evaluations and partial nodes; 0: the mode's default (5,000 for fast). Up to 5,000 more where
     * these find nothing but the mapping with the least tiles. */
    uint64_t max_nodes;
    double max_seconds; /* 0: none */
    double enough;  /* an objective that is hardly beaten, as that of the same question with more
                     * room: once it is met only ties are looked at further; 0: none */
    uint64_t seed;  /* of TD_MAP_SAMPLE */
    bool imperfect; /* loops may have a smaller last pass, where that is better; the bound is then
                     * only what no mapping can avoid, and 0 in Timeloop's counting, whose rules
                     * can drop MACs of such mappings */
    double min_utilization; /* mappings that compute on a smaller share of the MAC units (spatial
                             * factors, without padding) are left out; 0: none */
    int8_t top[TD_NTENSOR]; /* outermost level that keeps the tensor (resident data stop there); the
                             * last level by default */
    int16_t keep[TD_MAX_LEVELS]; /* fixed keep masks, -1: free within may_keep/must_keep. Levels
                                  * that are views (`shares`) keep what they must by default: what
                                  * else stays there is for a schedule to say */
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

/* Answers of td_map_best by (problem, accelerator, query), of max_entries (about 3 KB each; 0:
 * unbounded), and in a schedule without mappings the ways of four times as many layers (1 KB).
 * Thread-safe. Infeasible answers are kept too. */
typedef struct td_map_cache td_map_cache;
td_map_cache *td_map_cache_create(size_t max_entries);
void td_map_cache_destroy(td_map_cache *c);
td_status td_map_cached(td_map_cache *c, const td_problem *p, const td_hw *hw,
                        const td_map_query *q, td_map_result *out, int64_t *missing_bytes,
                        td_error *err);
void td_map_cache_stats(const td_map_cache *c, uint64_t *hits, uint64_t *misses);

/* ---- schedule of a network --------------------------------------------------------------------
 */

/* Where a value stands between the layer that makes it and its readers, where weights come from.
 * staged: loaded ahead, one interval, or by a stack (see td_interval) for as long as it runs.
 * bands: handed on within a stack, some rows at a time. */
typedef enum { TD_AT_DRAM, TD_AT_CHIP, TD_AT_STAGED, TD_AT_BANDS } td_place;

/* One interval: one convolution or fc, or one vector-unit layer (pools, add, multiply, concatenate,
 * a lone activation). Batch norms and activations behind it are done in passing. So is one add or
 * multiply behind a convolution or fc that joins its results with another value of their size which
 * is there by then, while results are drained: the vector unit works meanwhile.
 *
 * A stack is two to four convolutions, each the sole reader of the one before, that run depth first
 * (Alwani et al. 2016, "Fused-layer CNN accelerators"): in turns, each turn a band of some rows, so
 * that of the values between them only the rows that are still needed stand on chip; no row is made
 * twice. Each has an interval, which puts its turns together; problem, mapping and cost are those
 * of one turn, of which the first and the last may do less than they are counted for. */
typedef struct {
    int layer;          /* in the network */
    int joined;         /* the add or multiply done in its drain, -1: none; reads input2 */
    bool mapped;        /* conv or fc: the fields below are meaningful */
    td_problem problem; /* as mapped */
    td_mapping mapping;
    td_hw hw;     /* as this layer saw it: capacities less what is resident */
    td_cost cost; /* = td_cost_evaluate(problem, hw, mapping), bit for bit */
    td_place input, input2, output, weights;
    int bands;             /* turns of a layer in a stack, otherwise 1 */
    int rows;              /* of the output in a turn; 0 on the vector unit */
    int64_t macs;          /* of the layer, without padding */
    double compute_cycles; /* on-chip time: MACs and inner levels, or vector unit */
    double dram_cycles;    /* own and prefetched traffic over the outermost bandwidth; where a stack
                            * loads the weights, at least that and all turns but the first */
    double cycles;         /* max of the two */
    double latency_s, energy_j;
    double dram_bytes[TD_NTENSOR], prefetch_bytes; /* prefetch: the next intervals' weights */
    int64_t chip_bytes; /* on-chip occupancy: resident values and weights, staged, tiles */
    char limit[24]; /* "compute" (MACs), level name, "vector lanes", "vector port", "DRAM weights",
                     * "DRAM activations", "prefetch" */
    double utilization; /* real MACs / peak / cycles */
} td_interval;

typedef struct {
    td_map_objective objective; /* latency or energy (ties by the other) */
    td_counting counting;
    bool cold;           /* first inference: no weights are resident yet */
    int batch;           /* samples per inference, N of all layers */
    bool layer_by_layer; /* no stacks */
    uint64_t max_nodes;  /* per mapper call; 0: its own default */
    td_map_cache *cache; /* may be NULL */
} td_schedule_options;
void td_schedule_options_default(td_schedule_options *o);
/* A recipe's `schedule:` map (objective, max_nodes, batch, depth_first); NULL: the defaults.
 * TD_E_INPUT. */
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
    bool layer_by_layer;
    bool proved; /* no other choice of places and resident weights does better with the mappings
                  * that it was chosen by, which are the drafts where there are some; of cold: the
                  * set of resident weights is that of the steady state */
} td_schedule;

/* The best schedule found for a network on an accelerator. Layers run in order; a dynamic program
 * chooses for each value whether it stays on chip until its last reader, and for each layer whether
 * its weights are streamed, kept resident over inferences, or staged (prefetched during the
 * interval before, while its traffic and capacity allow; in the steady state the last interval
 * prefetches for the first). It also chooses which convolutions run as a stack, whose weights are
 * resident or loaded once an inference, and in bands of how many rows. The input image comes from
 * DRAM, the output goes there. On chip is the outermost bounded level inside DRAM, if it is one for
 * all; when it shares the storage of an inner level, residents and the tiles of the running layer
 * (in every instance) split that storage.
 *
 *     cycles of an interval = max(on chip, all its DRAM bits / outermost bandwidth,
 *                                 in a stack that loads its weights: load + all turns but one)
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

/* One network on many accelerators, figures only: what a search asks for. What depends on the
 * network alone is done once, and with a cache the ways to run a layer on an accelerator are kept
 * for all networks that have the layer: a known pair takes some ten microseconds. One thread at a
 * time; several may share the cache. The network must outlive it. */
typedef struct td_scheduler td_scheduler;
typedef struct {
    double latency_s, energy_j;
} td_schedule_figures;
/* o: NULL for the defaults; copied. TD_E_INPUT: the network has a fault, or no layer; TD_E_USAGE:
 * the options. */
td_status td_scheduler_create(const td_net *net, const td_schedule_options *o, td_scheduler **out,
                              td_error *err);
void td_scheduler_destroy(td_scheduler *s); /* NULL is fine */
/* What no schedule on hw has less of, without asking the mapper (microseconds): what a search over
 * accelerators leaves out by. Latency: bound_latency_s of the schedule; energy: MACs with their
 * part of the clock tree, and leakage over that latency. hw has passed td_hw_check. */
td_schedule_figures td_scheduler_floor(td_scheduler *s, const td_hw *hw);
/* Whether schedules are chosen by drafts: more than 1,000 nodes a question. */
bool td_schedule_has_drafts(const td_schedule_options *o);
/* A higher floor, from the ways that its layers can run in: a fifth of the time of costs, but where
 * there are drafts, whose better ways are known with the costs only. Errors as of td_schedule_best.
 */
td_status td_scheduler_bound(td_scheduler *s, const td_hw *hw, td_schedule_figures *out,
                             int64_t *missing_bytes, td_error *err);
/* latency_s and energy_j of td_schedule_best, bit for bit, with its errors. Right after
 * td_scheduler_bound of the same hw it goes on from there. */
td_status td_scheduler_cost(td_scheduler *s, const td_hw *hw, td_schedule_figures *out,
                            int64_t *missing_bytes, td_error *err);

/* Checks a schedule from its own figures: occupancy <= capacity and bytes moved <= bandwidth x time
 * in every interval, places agree from maker to reader, sums equal totals. First fault as a
 * message. */
td_status td_schedule_check(const td_net *net, const td_hw *hw, const td_schedule *s,
                            td_error *err);

td_node *td_schedule_to_node(const td_net *net, const td_hw *hw, const td_schedule *s, td_arena *a);
/* The neutral case of one mapped interval: `tandem cost` of it gives interval->cost bit for bit. */
void td_interval_case(const td_net *net, const td_interval *i, td_case *out);

/* ---- timeline of a schedule -------------------------------------------------------------------
 *
 * What is where when, in one inference: its intervals, what passes the outermost level, what stands
 * on chip. Times are cycles from the start of the inference. */

/* compute: the cycles of the interval in which the chip is at work; the others are waits for the
 * outermost level, wherever in the interval they fall. */
typedef struct {
    int layer; /* in the network */
    bool mapped;
    int bands; /* turns that it puts together: those of the layers of a stack alternate */
    double start, end, compute;
    char limit[24]; /* as td_interval has it */
} td_slot;

/* Data on their way from or to the outermost level, at a constant rate. An interval's own stream
 * over all of it, as computing and transfers overlap in the model: sooner, they would not fit into
 * the tiles; but the weights that a layer of a stack loads come first, as fast as they can, since
 * its first turn needs them all. What is loaded ahead takes the bandwidth that they leave, from the
 * interval's start. write: to the outermost level; outputs that are read are partial sums. */
typedef struct {
    int interval; /* in which it runs */
    int user;     /* interval that works on the data: the same, or the next one (ahead) */
    int layer;    /* whose weights or output they are */
    td_tensor tensor;
    bool write, ahead;
    double bytes, start, end;
} td_transfer;

/* resident: weights that stay over inferences; their place is taken from the start even in a cold
 * one, before they are loaded. staged: weights, from the start of the interval that loads them to
 * the end of the one that uses them. value: from the start of its maker to the end of its last
 * reader. bands: the rows of a value between two layers of a stack. tiles: of the running layer, in
 * all instances, with their buffering. Since layers of a stack take turns, what one of them holds
 * of values and weights is there from the start of the first to the end of the last. */
typedef enum {
    TD_HOLD_RESIDENT,
    TD_HOLD_STAGED,
    TD_HOLD_VALUE,
    TD_HOLD_BANDS,
    TD_HOLD_TILES,
    TD_NHOLD
} td_hold;
const char *td_hold_name(td_hold h); /* "resident", "staged", "value", "bands", "tiles" */

typedef struct {
    td_hold kind;
    int layer; /* whose weights, output or tiles they are */
    int64_t bytes;
    double start, end;
} td_holding;

/* What is staged for the first interval of the next inference, in the steady state, is there twice:
 * at the end for the next one, and at the start from the one before. */
typedef struct {
    td_slot *slot; /* one per interval, in order */
    td_transfer *transfer;
    td_holding *holding; /* in order of start */
    int n_slots, n_transfers, n_holdings;
    double cycles, clock_hz;
    int64_t pool_bytes; /* what holdings share; -1: unbounded, 0: nothing can stay on chip */
    bool cold;
    int batch;
} td_timeline;

/* The timeline of a schedule, as its places and figures have it: whether they are right is for
 * td_timeline_check. TD_E_INPUT: the schedule is of another network. Caller frees with
 * td_timeline_free. */
td_status td_timeline_build(const td_net *net, const td_hw *hw, const td_schedule *s,
                            td_timeline *out, td_error *err);
void td_timeline_free(td_timeline *t); /* {0} is fine */

/* Bytes on chip by kind at a moment; a holding is there from its start until just before its end.
 * Returns their sum. */
int64_t td_timeline_occupancy(const td_timeline *t, double cycle, int64_t bytes[TD_NHOLD]);

/* Holds a timeline to the network, the accelerator and the schedule (its mappings, places and
 * sums), with no code of what makes either: intervals without gaps and as long as their computing;
 * every byte that layers need moved in the interval that needs it, at every moment within the
 * bandwidths; values and weights there from maker to last reader, or brought; occupancy within the
 * capacity at every moment; the schedule's latency, bytes and occupancies are the sums. First fault
 * as a message, TD_E_INPUT. */
td_status td_timeline_check(const td_net *net, const td_hw *hw, const td_schedule *s,
                            const td_timeline *t, td_error *err);

/* As a document of our own (docs/formats.md), and in Chrome's trace event format, for Perfetto or
 * chrome://tracing. Memory from the arena; NULL: memory. */
td_node *td_timeline_to_node(const td_net *net, const td_hw *hw, const td_timeline *t, td_arena *a);
td_node *td_timeline_to_trace(const td_net *net, const td_hw *hw, const td_timeline *t,
                              td_arena *a);

#ifdef __cplusplus
}
#endif
#endif

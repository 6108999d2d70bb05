/* tandem/cost.h - what a mapping costs. A pure function: problem x accelerator x mapping -> cost.
 * It allocates nothing, keeps no state and may be called from any thread. Also: neutral cases in
 * and out.
 *
 * Counting: the exact rules stand in docs/cost-model.md. In short
 * - TD_COUNT_TIMELOOP: Timeloop's rules with their approximations, so that the analysis can be
 * proved against it (sampled loops with one remembered move, no read for draining, truncations).
 * - TD_COUNT_EXACT (default): tiles are dense boxes per rank; a buffer holds the current tile only;
 *   loops run in their true order and each step fetches the words of the new tile that are not in
 *   the tile just before; equal words wanted by several children in one step are one read where the
 *   level multicasts and one reduced update where it reduces; an output word is written at its
 * first update without a read, read and written at each later one, and read once at the child when
 * it is drained to the parent.
 */
#ifndef TANDEM_COST_H
#define TANDEM_COST_H

#include "tandem/base.h"
#include "tandem/hw.h"
#include "tandem/net.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { TD_COUNT_EXACT, TD_COUNT_TIMELOOP } td_counting;

/* One loop. axis: TD_AXIS_T, X or Y; X and Y of level l are the fan-out below level l. It runs
 * `tail` iterations when all loops of its dim outside of it, in time and in space, are in their
 * last ones, else `bound` (1 <= tail <= bound). With tail = bound everywhere factors are perfect
 * and bounds multiply to the dim. Else the dim is made from the inside out: a loop adds (tail - 1)
 * times the product of the bounds inside of it to what the loops inside make. A loop that none of
 * its dim is outside of is always in its last pass. */
typedef struct {
    uint8_t dim, axis;
    int32_t bound, tail;
} td_loop;

enum { TD_MAX_LOOPS = 96 };

/* Loops of level l are loop[first[l]] .. loop[first[l+1]-1], outermost first, temporal before X
 * before Y; level 0 is the innermost. The full nest from outside: temporal(top), spatial(top),
 * temporal(next), ... keep[l]: tensors stored at level l (TD_BIT(tensor)); the others bypass it. A
 * tensor that the outermost levels do not keep never travels further out than its outermost keeper:
 * that is how resident data are expressed. Bound-1 loops may be left out. */
typedef struct {
    td_loop loop[TD_MAX_LOOPS];
    uint8_t n, first[TD_MAX_LEVELS + 1], keep[TD_MAX_LEVELS];
} td_mapping;

/* Per used instance of a level, in words of the tensor. */
typedef struct {
    double tile_words, partition_words; /* partition: distinct words one instance ever holds */
    double reads, fills, updates;
    double energy_pj; /* all used instances together */
    double moved;     /* bits over the level's ports for each that is wanted: 1, more with bursts */
} td_access;

/* Deliveries from a level to the next inner keeper (or the MACs) per parent instance: `targets`
 * distinct targets each with `multicast` identical children, `words` each. */
typedef struct {
    int32_t multicast, targets;
    double words;
} td_delivery;
enum { TD_MAX_DELIVERIES = 64 }; /* different multicasts; rarer ones beyond are left out */

typedef struct {
    int64_t macs;           /* executed, padding of dims included */
    int64_t compute_cycles; /* steps of the loops in time (Timeloop's: product of their bounds) and
                             * skew_cycles and stall_cycles: what the array takes if no bandwidth
                             * limits it */
    int64_t skew_cycles;    /* filling, draining and shifting of fan-outs: td_level_timing */
    int64_t stall_cycles;   /* starts, commands, latencies, first and last tiles; in them, too */
    int64_t cycles;         /* max over levels */
    int32_t mac_used;       /* MACs that ever work */
    double utilization;     /* macs / MAC units / cycles */
    double mac_pj, level_pj[TD_MAX_LEVELS], total_pj;
    int64_t level_cycles[TD_MAX_LEVELS];
    double slowdown[TD_MAX_LEVELS];
    double used[TD_MAX_LEVELS]; /* instances that ever work; Timeloop's are averages over time */
    td_access at[TD_MAX_LEVELS][TD_NTENSOR];
    int8_t limit; /* level that sets `cycles`, -1: compute */
} td_cost;

/* Returns TD_OK and fills *cost, TD_E_INFEASIBLE (a capacity or a fan-out is exceeded; the message
 * names level, words and missing bytes), TD_E_INPUT (factors do not multiply to the dims, the
 * machine's rules forbid a loop or a keep, a level above the outermost keeper needs the tensor,
 * ...); *cost is untouched then. hw has passed td_hw_check. err may be NULL; then no message is
 * built. In Timeloop counting padding counts as words of the image, and a resident tensor may be
 * asked for by outer levels, as Timeloop accepts both. */
td_status td_cost_evaluate(const td_problem *p, const td_hw *hw, const td_mapping *m,
                           td_counting counting, td_cost *cost, td_error *err);

/* One layer on one accelerator, prepared for many evaluations of which only energy and cycles are
 * wanted: what a search for mappings asks. The fields are private. hw must outlive it. */
typedef struct {
    td_problem p;
    const td_hw *hw;
    td_counting counting;
    bool plain;  /* input tiles never overlap: they count as blocks */
    bool padded; /* exact counting with made zeros */
    bool timed;  /* some level takes time of its own */
    int32_t unit[TD_NDIM];
    int32_t plane[2], image[2]; /* rows, columns of the input: with and without made zeros */
    double mac_pj, total_outputs, most_steps;
    struct {
        int32_t fan[TD_NAXIS];
        uint8_t may, must, allowed[TD_NAXIS], single[TD_NAXIS], share;
        bool ruled, limited, bursts, one_word; /* one_word: blocks of one word of each tensor */
        double usable, read_pj, fill_pj, update_pj, read_bw, write_bw, shared_bw;
        double block[TD_NTENSOR + 1]; /* words of W, I, O, partial sums */
    } level[TD_MAX_LEVELS];
} td_costing;

/* Prepares *c. TD_E_INPUT: the problem is wrong (td_problem_check). hw has passed td_hw_check. */
td_status td_costing_init(td_costing *c, const td_problem *p, const td_hw *hw, td_counting counting,
                          td_error *err);

/* Total energy, cycles and compute cycles of a mapping, equal to td_cost_evaluate's to the last
 * bit. False where that does not return TD_OK. Allocates nothing; any number of threads may share
 * c. */
bool td_costing_run(const td_costing *c, const td_mapping *m, double *total_pj, int64_t *cycles,
                    int64_t *compute_cycles);

/* The same checks (those of exact counting) without the counting. missing_bits (may be NULL) gets
 * the shortage: the level's capacity_bits grown by it removes the reason. */
td_status td_mapping_check(const td_problem *p, const td_hw *hw, const td_mapping *m,
                           int64_t *missing_bits, td_error *err);

/* Deliveries of tensor t from level l (timeloop counting), for reports: returns their number. */
int td_cost_deliveries(const td_problem *p, const td_hw *hw, const td_mapping *m, int level,
                       td_tensor t, td_delivery out[TD_MAX_DELIVERIES]);

/* Bits of a word of tensor t at level l under mapping m: outputs have acc_bits where partial sums
 * stand (a loop over C, R or S, in time or space, runs at level l or outside of it, or at a level
 * just inside that outputs bypass), bits[TD_O] elsewhere. */
int td_word_bits(const td_problem *p, const td_mapping *m, int level, td_tensor t);

/* Loop nest for people, as in docs/cli.md; and one line for tables. */
void td_mapping_print(const td_problem *p, const td_hw *hw, const td_mapping *m, td_text *out);

/* ---- roofline -------------------------------------------------------------------------------- */

/* Cycles that no mapping can beat: MACs over peak, and compulsory words of the tensors over the
 * outermost level's bandwidth. A lower bound on td_cost.cycles in exact counting, for mappings in
 * which the outermost level keeps all three tensors. */
double td_roofline_cycles(const td_problem *p, const td_hw *hw);

/* ---- early estimates
 * -----------------------------------------------------------------------------
 *
 * For the day when there is no mapping yet: bit operations, what fits in an area, and the roofline
 * in operations per bit, after Karbachevsky et al., "Early-Stage Neural Network Hardware
 * Performance Analysis" (2004.08906; Sustainability 13(2), 717, 2021). docs/hcm.md tells what of it
 * was read in the paper and what is only remembered. An operation is a MAC of any width. */

/* Bit operations (BOPS) of a product of w x a bits that is added into a sum of `terms` of them:
 * w a + w + a + log2(terms). Of a layer: its MACs times that, terms = C R S of a group; made zeros
 * count, as they do in MACs. */
double td_bops_of(double w, double a, double terms);
double td_bops(const td_problem *p);

/* Area of the paper's processing element at 28 nm: nine multipliers of w x a bits (a 3x3 kernel of
 * one input and one output channel) and the sum of their products.
 *
 *     TD_PE_BOPS       1.694 B + 153.46, B = 9 (w a + w + a + log2 9)     the paper's figure 3
 *     TD_PE_BITS       12.39 b^2 + 86.07 b - 14.02, w = a = b             the paper's figure 1
 *     TD_PE_SYNTHESIS  NAND2 equivalents of our own synthesis x the area of one, any node */
typedef enum { TD_PE_BOPS, TD_PE_BITS, TD_PE_SYNTHESIS, TD_NPE_FIT } td_pe_fit;
typedef struct {
    const char *name, *formula, *source, *range;
    int from, to; /* bits that it is good for */
} td_pe_fit_about;
const td_pe_fit_about *td_pe_fit_get(td_pe_fit f);
/* um2; gate_um2: of a NAND2 equivalent (td_tech.mac_um2 / TD_MAC_UNIT_GATES), for TD_PE_SYNTHESIS.
 * NAN: TD_PE_BITS where w and a differ. */
double td_pe_um2(td_pe_fit f, double w, double a, double gate_um2);
double td_pe_gates(double w, double a); /* of our own synthesis; the sum has w + a + 4 bits */

/* Bits per second of a memory interface: FAMILY-RATE in MT/s with the usual width of the family
 * ("ddr4-2400": 64 bits), or FAMILY-RATExWIDTH; or a rate: "19.2GB/s", "153.6Gbit/s". TD_E_INPUT
 * tells what was expected. */
td_status td_dram_parse(const char *text, double *bits_per_s, td_error *err);
typedef struct {
    const char *name;
    int width, from, to; /* bits, MT/s */
    const char *source;
} td_dram_family;
const td_dram_family *td_dram_list(int *n);

/* Silicon and memory that an estimate is for. */
typedef struct {
    double mm2;                   /* of PEs and local memory */
    td_pe_fit fit;                /* of the area of a PE */
    double gate_um2;              /* as of td_pe_um2 */
    double ops_per_pe;            /* per second */
    double bits_per_s;            /* of the DRAM */
    double local_bits, local_mm2; /* memory for weights that stay; 0: none */
} td_early_chip;
typedef struct {
    double ops, bops;
    double sum_bits; /* td_sum_bits */
    double bits;     /* moved: inputs and outputs once, weights once unless they stay */
    double ops_per_bit, ops_per_s, seconds; /* ops_per_s = min(peak, bits_per_s x ops_per_bit) */
    bool memory_bound, weights_stay;
} td_early_layer;
typedef struct {
    int w, a; /* its PEs are for the widest of all layers */
    double pe_um2;
    int64_t side, pes; /* a square grid: side = floor(sqrt(area / pe_um2)) */
    double peak_ops_per_s, ridge_ops_per_bit;
    td_early_layer sum; /* of all layers, one after the other; memory_bound: most of the time */
    double weight_bits, memory_bound_s;
} td_early;
/* Estimates n layers; layer[n]. Where there is local memory, weights stay in the steady state,
 * those of the layers that use them least (MACs per bit of weights) first, while they fit.
 * TD_E_INFEASIBLE: not one PE fits; TD_E_USAGE: the fit has no figure for these bits. */
td_status td_early_estimate(const td_problem *p, int n, const td_early_chip *chip,
                            td_early_layer *layer, td_early *out, td_error *err);
/* bits[i]: the widest uniform precision of all layers, within the range of the fit, at which layer
 * i is bound by memory; 0: at none. work: n problems and n layers to write to. */
td_status td_early_turning(const td_problem *p, int n, const td_early_chip *chip, td_problem *work,
                           td_early_layer *layer, int *bits, td_error *err);

/* ---- neutral cases ("neutral-case-1") ---------------------------------------------------------
 */

/* One case: a problem, an accelerator and (if has_mapping) a mapping. fixed_keep[l]: the tensors
 * that a mapper has to keep at level l, no more and no less, where fixed has TD_BIT(l);
 * `fixed_keep` of the format. td_cost_evaluate does not look at it. Extensions of the format, all
 * optional: problem.bits {"W","I","O","acc"}, problem.pad [top,left,bottom,right], and for levels
 * multicast/reduce masks through the mapping's no_multicast. Widths of levels count in word_bits; a
 * case without problem.bits has one width for all words everywhere (the outermost level's
 * word_bits), as Timeloop has. Details: docs/cost-model.md. */
typedef struct {
    char name[128];
    td_problem problem;
    td_hw hw;
    td_mapping mapping;
    bool has_mapping;
    uint8_t fixed, fixed_keep[TD_MAX_LEVELS];
} td_case;
td_status td_case_from_node(const td_node *n, td_case *out, td_error *err);
td_node *td_case_to_node(const td_case *c,
                         td_arena *a); /* reading it back gives the same cost, bit for bit */
/* The keys of "expected" for a cost: cycles, computes, compute_cycles, mac_instances_used,
 * utilization, energy_pj, energy_total_pj, edp_pj_cycles, levels, networks (timeloop counting). */
td_node *td_cost_to_node(const td_case *c, td_counting counting, const td_cost *cost, td_arena *a);

/* ---- Timeloop's YAML (version 0.4) -------------------------------------------------------------
 */

/* Read and written are `architecture` (its front end's nodes are read, too), `problem` with a
 * shape of three data spaces, `mapping`, and `ERT`, the energies of accesses; docs/formats.md has
 * the keys. Words are words at every level, as with a neutral case without problem.bits. */

/* Is the document such a section, or several of them? Parse with td_yaml_parse_tagged. */
bool td_timeloop_is(const td_node *doc);
/* Sections from n documents, each section once. Without a table of energies they are those that
 * Timeloop has built in (tech/pat.yaml). Levels of wires (spatial meshes of the front end) that
 * have as many instances as the level around them become its fan-out. Without a mapping,
 * has_mapping is false, and constraints are read as rules of the accelerator: keep and bypass,
 * factors of 1 (not here) and 0 (whole here), others are TD_E_INPUT. Without a problem, too, it is
 * one MAC and only hw is of use. */
td_status td_timeloop_from_nodes(const td_node *const *doc, int n, td_case *out, td_error *err);
/* One line "file:line: COMPONENT: ..." for each attribute of the architecture in doc (if it has
 * one) that neither Timeloop nor the usual plug-ins of its front end have: it has no effect, and
 * may be a slip of the pen. */
void td_timeloop_notes(const td_node *doc, td_text *out);
/* One document with all sections, for timeloop-model: Timeloop counting gives the same numbers, and
 * reading it back gives the same cost, bit for bit (if bandwidths in words are doubles that give
 * those in bits again; a fan-out with a dim that stands there twice is two steps then, with a level
 * of wires between). TD_E_UNSUPPORTED: words of different widths at one level (sums wider than
 * inputs), timing or reload of a level; such a fan-out with imperfect factors, or whose steps would
 * part rows of the outputs and of the kernel. Timeloop knows no padding and takes made zeros for
 * words of the image: they are left out. */
td_status td_timeloop_to_node(const td_case *c, td_arena *a, td_node **out, td_error *err);

#ifdef __cplusplus
}
#endif
#endif

/* tandem/hw.h - the accelerator: storage levels, spatial fan-outs, MACs, vector unit, map rules;
 * templates that build such a description from a few parameters; technology tables; area and
 * energy; YAML in and out. Everything below the templates sees only the general description: no
 * code knows a template or a layer by its name.
 *
 * The edge template of the paper and of the `micro` space, as levels (innermost first):
 *
 *     0 RF      one per lane            keeps W, O        fan-out X: SIMD units, Y: the 4-way MAC
 *     1 Local   one per PE              keeps W, I, O     fan-out X: lanes
 *     2 Shared  all PE memories as one  keeps what is resident; same storage as level 1 ("home")
 *               pool behind the on-chip network           fan-out X x Y: the PEs
 *     3 DRAM    one                     unbounded, I/O bandwidth
 */
#ifndef TANDEM_HW_H
#define TANDEM_HW_H

#include "tandem/base.h"
#include "tandem/net.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { TD_MAX_LEVELS = 8 };
enum { TD_AXIS_T, TD_AXIS_X, TD_AXIS_Y, TD_NAXIS }; /* time, space */
#define TD_BIT(i) (1u << (i))
#define TD_ALL_TENSORS 7u

/* Time that a level takes beyond the ideal, in which nothing takes time but steps of the MACs and
 * bits over bandwidths. All 0: the ideal. docs/cost-model.md has the formulas.
 *
 * Of the fan-out below: what is passed from neighbour to neighbour reaches the last one later than
 * the first, and results leave the last one later. Cycles; their sum is td_cost.skew_cycles.
 *
 *     hop_x, hop_y      that a child is behind its neighbour along the axis
 *     shift_x, shift_y  for each child along the axis and word of its tile of `fold`, while that
 *                       tile is shifted in (W, I) or out (O) and nothing is computed
 *     fold              one tensor (TD_BIT), or 0. A fold is the time in which the tile of that
 *                       tensor stays in its keeper inside of this level; folds do not overlap.
 *                       0: they follow each other without a gap, and the whole layer is one
 *
 * Of passes and transfers, whose cycles are td_cost.stall_cycles (a pass of the level is a step of
 * the loops in time outside of it):
 *
 *     start       cycles before each pass, in which nothing is computed. Of the outermost level,
 *                 which has one pass: the start of a kernel
 *     command     cycles of a pass at least. If it is set, the tiles of W and I that a pass needs
 *                 are filled during the pass before it, at write_bw, and it takes no less than that
 *     latency     cycles from a request to this level until its first word comes. Children of
 *                 buffering 2 or more ask ahead and wait once a layer, others at each new tile
 *     burst_bits  the level moves whole bursts to and from its children: runs of channels of one
 *                 position are rounded up to it. In bandwidths, not in stalls. 0: to the bit
 *     ramp        nothing is computed while the first tiles of the level's children come, nor while
 *                 the last results go back to it */
typedef struct {
    int32_t hop_x, hop_y, shift_x, shift_y;
    int32_t burst_bits;
    double start, command, latency;
    uint8_t fold;
    bool ramp;
} td_level_timing;

/* One storage level. Masks have bit TD_BIT(tensor). All widths are in bits, so that layers of any
 * precision are costed by one rule: a word of tensor T has problem.bits[T] bits (partial sums
 * acc_bits), a block holds max(1, block_bits / bits) words, energies are per access of one block.
 */
typedef struct {
    char name[24];
    uint8_t may_keep;          /* tensors that can stand here */
    uint8_t must_keep;         /* tensors that cannot bypass */
    uint8_t multicast;         /* equal words to several children are one read */
    uint8_t reduce;            /* outputs of several children are summed on the way */
    uint8_t reload;            /* W, I that every step brings in anew, even if they are there */
    int8_t shares;             /* -1, or the inner level whose storage this level is a view of: then
                                * capacity_bits = what is left of it, set by the schedule */
    int64_t capacity_bits;     /* per instance; -1: unbounded */
    int32_t instances, mesh_x; /* total, and its X extent; Y extent = instances / mesh_x */
    int32_t word_bits;         /* unit of the neutral case's words; 8 for templates */
    int32_t block_bits;
    double buffering; /* divides the usable capacity: 1, or 2 for double buffers */
    double read_bw, write_bw, shared_bw; /* bits per cycle and instance; INFINITY: no limit */
    double read_pj, fill_pj, update_pj;  /* per access of a block */
    double leak_w, area_mm2;             /* of one instance */
    td_level_timing timing;
} td_level;

/* `timing:` of a level, in descriptions and neutral cases: a map with these keys (0 and false if
 * absent; fold is a letter of WIO). Absent: the ideal. TD_E_INPUT.
 * To a node: only what differs from the ideal; NULL if nothing does. */
td_status td_timing_from_node(const td_node *level, td_level_timing *out, td_error *err);
td_node *td_timing_to_node(const td_level_timing *t, td_arena *a);
bool td_timing_ideal(const td_level_timing *t); /* takes no time */

/* A MAC is built for operands of `bits` x `bits`; narrower ones are extended to that width and take
 * the same time. What they save is a matter of `gated_pj`: 0 where the whole multiplier switches
 * whatever the operands are, else the part of its energy that falls with their width. */
typedef struct {
    int32_t instances, mesh_x;
    double energy_pj; /* of one MAC, at any width */
    double area_mm2, leak_w;
    int32_t bits;
    double gated_pj; /* on top, at `bits` x `bits`: see td_mac_pj */
} td_mac;

/* pJ of one MAC of a layer: energy_pj + gated_pj x multiplier(W bits, I bits) / multiplier(bits,
 * bits), with multiplier as of td_mac_gates. Operands wider than the MAC count as `bits`: it is for
 * the caller to refuse them (td_hw_takes). */
double td_mac_pj(const td_mac *m, const td_problem *p);

/* NAND2 equivalents of a MAC for operands of w and a bits and a sum of p bits, by our own synthesis
 * (yosys, OSU 0.18 um cells; 120 points of 2 to 16 bits, median error 2.2 %, worst 12 %):
 *
 *     multiplier(w, a) = 10.3 w a - 1.2 (w + a),    MAC = multiplier(w, a) + 8.7 p + 23
 *
 * Energy is taken to follow the gates that switch. */
double td_multiplier_gates(double w, double a);
double td_mac_gates(double w, double a, double p);
/* And of the 4-way int8 unit with a 32-bit sum, of which td_tech.mac_um2 is the placed area: so
 * mac_um2 / TD_MAC_UNIT_GATES is that of one NAND2 equivalent. */
enum { TD_MAC_UNIT_GATES = 3224 };

/* Pooling, element-wise and activation layers: `lanes` results a cycle over the whole chip.
 * Operands and results on chip pass the unit's port (bw, bits per cycle, both directions together)
 * and the level that they stand in, at its own bandwidths. */
typedef struct {
    int32_t lanes;    /* 0: there is no vector unit */
    double energy_pj; /* per operation */
    double bw;
} td_vector_unit;

/* What mappings the machine can do. allowed[l][axis]: dims (TD_BIT(dim)) that may stand on the
 * fan-out below level l; TD_AXIS_T: temporal loops at level l. single[l][axis]: at most one dim
 * there.
 */
typedef struct {
    uint8_t allowed[TD_MAX_LEVELS][TD_NAXIS]; /* TD_AXIS_T: temporal loops allowed at level l */
    uint8_t single[TD_MAX_LEVELS][TD_NAXIS];
    /* Fixed order of the loops in time of a level: place of each dim from the inside, 1 first; dims
     * of one place stand in any order. See td_map_order_set. */
    uint8_t place[TD_MAX_LEVELS][TD_NDIM];
    bool pad;      /* dims may be padded up to fill a fan-out (zeros are computed) */
    bool one_axis; /* a dim stands along X or along Y of a fan-out, not along both */
    bool im2col;   /* layers run as matrix products: td_problem_product */
} td_map_rules;

typedef struct {
    char name[48];
    td_level level[TD_MAX_LEVELS];
    int n;
    td_mac mac;
    td_vector_unit vec;
    double clock_hz;
    td_map_rules rules;
    double area_mm2;   /* whole chip, overheads included; NAN if unknown */
    double leak_w;     /* whole chip */
    double clock_tree; /* share of dynamic on-chip energy added for the clock (.25) */
    char node[16];     /* "22nm" */
    /* Energies are in a unit of the file's own, written as pJ: they compare within the machine
     * only. For those who read figures; nothing is computed differently. */
    bool relative_energy;
} td_hw;

/* Fixes the order of a level's loops in time: `dims` are letters of NKCPQRSG, outermost first; dims
 * that are not named stand outside of them in any order. "": any order of all. TD_E_INPUT: an
 * unknown letter, or one twice. */
td_status td_map_order_set(td_map_rules *r, int level, const char *dims, td_error *err);
/* The named dims of the order as letters, outermost first; "" if there are none. */
const char *td_map_order_text(const td_map_rules *r, int level, char out[TD_NDIM + 1]);
/* Sorts dims, innermost first, by their places; those of one place stay as they stand. */
void td_map_order_sort(const uint8_t place[TD_NDIM], uint8_t dims[TD_NDIM]);

/* First fault as a message (TD_E_INPUT): instances and mesh extents divide from level to level,
 * masks and widths are in range, energies >= 0 and finite, the outermost level is one unbounded
 * instance that may keep every tensor, `shares` points inwards, a fold's tensor can be kept further
 * in (by the next level, if it is shifted), every dim may stand somewhere in time. */
td_status td_hw_check(const td_hw *hw, td_error *err);
/* Fan-out of level l (to level l-1, or to the MACs for l = 0): ratio of the mesh extents of the two
 * along TD_AXIS_X or TD_AXIS_Y; 1 for TD_AXIS_T. hw has passed td_hw_check. */
int td_hw_fanout(const td_hw *hw, int l, int axis);
int64_t td_hw_peak_macs(const td_hw *hw); /* per cycle */
/* The layer problem as the machine runs it: a matrix product with rules.im2col, else as it is. What
 * the mapper maps, and mappings of layers are for. */
void td_hw_problem(const td_hw *hw, const td_problem *p, td_problem *out);
/* Widths of a layer that has none of its own: words as wide as the MACs, sums of 32 bits where
 * those have 8 or less and as wide as words where they have more. Unchanged where the MACs are of
 * no known width. */
void td_hw_layer_bits(const td_hw *hw, td_problem *p);
/* TD_E_INFEASIBLE, with the widths: an operand of the layer is wider than the MACs. */
td_status td_hw_takes(const td_hw *hw, const td_problem *p, td_error *err);
/* Everything that can change a cost; names (of the chip, its levels, its node) do not. Stable
 * across machines and runs. */
uint64_t td_hw_hash(const td_hw *hw);
int td_hw_level_find(const td_hw *hw, const char *name); /* -1 if there is none */

/* What a machine draws at its clock, at most: every MAC computes and every port moves what its
 * bandwidth gives, in the direction that costs more where both share it; leakage and clock tree on
 * top. That is what the power supply and the package are made for. No mapping of a layer draws more
 * in exact counting where all ports have limits and words fill blocks; the average of a network is
 * td_schedule's power_w.
 *
 * A direction without a limit is as busy as the MACs can make it if the level is the innermost that
 * may keep a tensor: a word of it for each MAC and cycle, one for all of those that the rules make
 * share it (of the mac's bits; sums: 32), read, and for sums written as well. Otherwise nothing
 * bounds it: it is left out, and its level's bit is set in `unlimited`. The vector unit can be busy
 * with the MACs: it adds or multiplies what leaves them. */
typedef struct {
    double mac_w, vector_w;        /* all MACs, all lanes */
    double level_w[TD_MAX_LEVELS]; /* the ports of all instances, W */
    double clock_w, leak_w;
    double chip_w, total_w; /* without and with the outermost level; W */
    double tops;            /* two operations per MAC, 1e12 per second */
    uint8_t unlimited;      /* TD_BIT(level) */
} td_power;
/* hw has passed td_hw_check. TOPS/W: tops / chip_w, tops / total_w. */
void td_hw_power(const td_hw *hw, td_power *out);

/* ---- technology ------------------------------------------------------------------------------ */

/* tech/NODE.yaml: coefficients, each a map {value, unit, source, confidence}. A unit that is not
 * the one meant here, a missing source, or a confidence other than verified, computed, recalled,
 * assumed is an error: a number that nobody answers for does not get in. KB and MB are 2^10 and
 * 2^20 bytes.
 *
 * Two forms. A whole table has areas, wires and leakage too: templates need one. A table with
 * `form: line` (tech/pat.yaml) has energies only: a word of word_bits in a memory of some capacity
 * costs what the straight line through (small_kb, small_word_pj) and (large_kb, large_word_pj)
 * says. Both give the energies of accesses and MACs by the functions below. */
typedef struct {
    char node[16];
    double mac_bits;  /* operands that mac_pj is meant for; 8 in a whole table */
    double word_bits; /* of the line; 0 in a whole table */
    double small_kb, small_word_pj, large_kb, large_word_pj, dram_word_pj;
    double mac_um2, mac_pj; /* 4-way int8 unit with int32 accumulator; one MAC */
    double sram_mm2_per_mb, rf_mm2_per_mb;
    double sram_macro_um2; /* fixed part of a memory macro */
    double pe_um2, lane_um2;
    double io_mm2_per_gbps, fixed_mm2; /* GB/s of 1e9 bytes */
    double overhead;                   /* top level, on top of MACs, RF and SRAM */
    double rf_pj_per_byte;
    double sram_pj_per_byte,
        sram_ref_bytes; /* at this size; grows with the square root of the size */
    double noc_pj_per_byte_mm, dram_pj_per_byte, vector_pj;
    double leak_w_per_mm2, clock_tree;
} td_tech;
/* "22nm": the shipped tech/22nm.yaml; anything with a slash or a file ending is a path. */
td_status td_tech_load(const char *node_or_path, td_tech *out, td_error *err);
/* Only finds the file. */
td_status td_tech_find(td_arena *a, const char *node_or_path, const char **path, td_error *err);
td_status td_tech_from_node(const td_node *doc, td_tech *out, td_error *err);
bool td_tech_whole(const td_tech *t); /* not of the line form */

/* Kinds of memory, by their names in files: "regfile", "sram", "dram". */
typedef enum { TD_REGFILE, TD_SRAM, TD_DRAM, TD_NMEMORY } td_memory;
extern const char *const td_memory_name[TD_NMEMORY];
/* pJ of one access of width_bits to a memory of capacity_bits (of no account for TD_DRAM):
 *
 *              whole table                                                  line
 *     regfile  rf_pj_per_byte x bytes (wide rows)                           line(KB) x words
 *     sram     sram_pj_per_byte x sqrt(capacity / sram_ref_bytes) x bytes   line(KB) x words
 *     dram     dram_pj_per_byte x bytes                                     dram_word_pj x words
 */
double td_tech_access_pj(const td_tech *t, td_memory kind, double capacity_bits, double width_bits);
/* pJ of a MAC on operands of a and b bits: mac_pj (a / mac_bits) (b / mac_bits). */
double td_tech_mac_pj(const td_tech *t, double a, double b);

/* ---- templates ------------------------------------------------------------------------------- */

enum { TD_TECH_NAME = 64 };

/* The NAHAS edge template. Also `micro`, with other values and coefficients (its YAML says which).
 */
typedef struct {
    int32_t pe_x, pe_y, simd, lanes;
    int64_t local_bytes, rf_bytes; /* per PE, per lane */
    double io_bytes_per_s;
    double clock_hz;
    int32_t port_bytes;     /* local memory port, per lane and cycle */
    int32_t local_ports;    /* 1: it reads or writes (1RW); 2: one for each (1R1W) */
    int32_t operand_gating; /* 1: narrow operands switch their part of the multipliers only */
    int32_t rf_accumulators, rf_weight_steps; /* pipeline depth: per SIMD unit, see td_edge_build */
    int64_t min_total_bytes;                  /* smallest sum of the local memories (0: none) */
    double max_rf_share;    /* lanes * rf_bytes <= max_rf_share * local_bytes (0: free) */
    int32_t max_lane_width; /* lanes * (simd + route_extra) <= this (0: free): wiring */
    int32_t route_extra;
    int32_t min_macs, max_macs; /* MACs per cycle of the product class (0: no limit) */
    char tech[TD_TECH_NAME];    /* node name or path */
    double fixed_mm2, pe_um2, lane_um2, macro_um2; /* < 0: the technology's */
} td_edge;

/* Parameters by their YAML key, in the units of the key (local_kb, rf_kb, min_total_kb: 1024 bytes;
 * io_gbps: 1e9 bytes/s; clock_ghz), so that a space needs no knowledge of the struct:
 *
 *     pe_x pe_y simd lanes local_kb rf_kb io_gbps clock_ghz port_bytes
 *     rf_weight_steps rf_accumulators min_total_kb max_rf_share max_lane_width route_extra
 *     min_macs max_macs fixed_mm2 pe_um2 lane_um2 macro_um2 local_ports operand_gating
 *
 * td_edge_key(i) lists them; NULL after the last. Set fails with TD_E_NOT_FOUND (no such key) or
 * TD_E_USAGE (out of range, or not whole where the parameter is); *p is then unchanged. Get returns
 * NAN for an unknown key. td_edge_init gives every parameter its default (0 where there is none:
 * the first row above must be set; the rules of the second row are off, local_ports is 2,
 * operand_gating 0). `tech`
 * is a name and not among them. */
const char *td_edge_key(int i);
void td_edge_init(td_edge *p);
td_status td_edge_set(td_edge *p, const char *key, double value, td_error *err);
double td_edge_get(const td_edge *p, const char *key);

/* Builds levels, rules, energies and area. A design that breaks a physical rule is TD_E_INFEASIBLE:
 * the message names the rule, the level and how many bytes are missing; *missing_bytes (may be
 * NULL) gets that number, and enlarging that level (per instance) by it removes the reason. Rules,
 * in the order in which the first broken one is reported:
 *
 *     register_file_depth  RF     rf_bytes >= simd * 8 * (rf_weight_steps + rf_accumulators)
 *     total_memory         Local  PEs * local_bytes >= min_total_bytes
 *     register_file_share  Local  lanes * rf_bytes <= max_rf_share * local_bytes
 *     lane_width           -      lanes * (simd + route_extra) <= max_lane_width   (missing 0)
 *     mac_range            -      min_macs <= MACs per cycle <= max_macs           (missing 0)
 *
 * What they stand for is told in src/hw/edge_rules.c. Parameters out of range are TD_E_USAGE, a
 * technology table that is not whole is TD_E_INPUT. */
td_status td_edge_build(const td_edge *p, const td_tech *tech, td_hw *hw, int64_t *missing_bytes,
                        td_error *err);
/* The rules by themselves: all that are broken, not only the first one. p is in range. */
typedef enum {
    TD_RULE_REGISTER_FILE_DEPTH,
    TD_RULE_TOTAL_MEMORY,
    TD_RULE_REGISTER_FILE_SHARE,
    TD_RULE_LANE_WIDTH,
    TD_RULE_MAC_RANGE,
    TD_NEDGE_RULE
} td_edge_rule;
const char *td_edge_rule_name(td_edge_rule r); /* "register_file_depth" */
unsigned td_edge_broken(const td_edge *p);     /* TD_BIT(rule) of each */

/* An array of processing elements with three register files each and a buffer that may be split
 * over the array, under fixed budgets of PEs and storage: the template of "Learned
 * Hardware/Software Co-Design of Neural Accelerators" (arXiv:2010.02075), whose parameters H1 to
 * H12 are recalled. One point of it is Eyeriss. Levels, innermost first:
 *
 *     0 PsumRF    one per PE            keeps O
 *     1 WeightRF  one per PE            keeps W
 *     2 InputRF   one per PE            keeps I
 *     3 Buffer    buffer_x x buffer_y   keeps I, O    fan-out X x Y: its part of the array
 *     4 DRAM      one                   all           fan-out X x Y: the buffer's instances
 *
 * Words have word_bits. What a mapping may do is told in src/hw/array.c. */
typedef struct {
    int32_t pes;                         /* the budget */
    int32_t mesh_x;                      /* H1; H2 is pes / mesh_x */
    int32_t pe_words;                    /* of the three register files: the budget */
    int32_t input_words, weight_words;   /* H3, H4; sums have the rest, H5 */
    int64_t buffer_bytes;                /* of all instances together: the budget */
    int32_t buffer_x, buffer_y;          /* H7, H8; H6 is their product */
    int32_t block;                       /* H9: words of an access */
    int32_t cluster;                     /* H10: instances in one physical memory */
    int32_t filter_width, filter_height; /* H11 of R, H12 of S: 1 in a PE, 2 along Y */
    double buffer_words_per_cycle;       /* of an instance, read and written, each */
    double dram_words_per_cycle;         /* read and written, each; 0: no limit */
    double clock_hz;
    int32_t word_bits;
    int32_t row_stationary;  /* 1: loops stand as on Eyeriss; 0: all but R and S anywhere */
    char tech[TD_TECH_NAME]; /* node name or path; of either form */
} td_array;

/* By their YAML keys, as td_edge_set; buffer_kb is 1024 bytes, buffer_bw and dram_bw are words per
 * cycle, clock_ghz:
 *
 *     pes mesh_x pe_words input_words weight_words buffer_kb buffer_x buffer_y block cluster
 *     filter_width filter_height buffer_bw dram_bw clock_ghz word_bits row_stationary */
void td_array_init(td_array *p);
/* As td_edge_build. The area is unknown (NAN) and nothing leaks, with any table. Rules:
 *
 *     pe_mesh         -         mesh_x divides pes                                   (missing 0)
 *     register_files  PsumRF    input_words + weight_words < pe_words
 *     buffer_mesh     Buffer    buffer_x divides mesh_x, buffer_y divides pes / mesh_x  (missing 0)
 *     buffer_share    Buffer    an instance has a block at least
 *     buffer_cluster  Buffer    cluster divides buffer_x * buffer_y                  (missing 0)
 *     filter_spread   Buffer    a filter stands along Y only if an instance has two rows of PEs or
 *                               more                                                 (missing 0) */
td_status td_array_build(const td_array *p, const td_tech *tech, td_hw *hw, int64_t *missing_bytes,
                         td_error *err);

/* Any template with its parameters, for those who need not know which it is. The functions are
 * those of the templates by themselves. */
typedef enum { TD_TEMPLATE_EDGE, TD_TEMPLATE_ARRAY, TD_NTEMPLATE } td_template_kind;
typedef struct {
    td_template_kind kind;
    union {
        td_edge edge;
        td_array array;
    } of;
} td_template;
enum { TD_MAX_RULES = 8, TD_MAX_FEATURES = 32 };
td_status td_template_from_node(const td_node *doc, td_template *out, td_error *err);
td_node *td_template_to_node(const td_template *t, td_arena *a);
const char *td_template_name(const td_template *t); /* "edge", "spatial-array" */
const char *td_template_tech(const td_template *t);
const char *td_template_key(const td_template *t, int i); /* NULL after the last */
td_status td_template_set(td_template *t, const char *key, double value, td_error *err);
double td_template_get(const td_template *t, const char *key);
td_status td_template_build(const td_template *t, const td_tech *tech, td_hw *hw,
                            int64_t *missing_bytes, td_error *err);
/* Rules in their order, NULL after the last (TD_MAX_RULES at most); and those that parameters in
 * range break, TD_BIT(rule) of each. None: td_template_build does not refuse them. */
const char *td_template_rule_name(const td_template *t, int r);
unsigned td_template_broken(const td_template *t);
/* Whether searches are to draw designs that keep the rules only; else they learn the rules. */
bool td_template_rules_known(const td_template *t);
bool td_template_has_area(const td_template *t); /* else areas are unknown (NAN) */
/* What an engineer looks at, about -1 to 1 each (docs/hardware.md has the list); the parameters are
 * in range. Returns their number, 0 for the edge template. out may be NULL. */
int td_template_features(const td_template *t, double out[TD_MAX_FEATURES]);

/* Reads an accelerator: a file path (anything with a slash or a file ending) or a shipped name
 * ("edge", "eyeriss"). The file holds either `template: NAME` + parameters, or `levels:` in full; a
 * `space:` map beside them (read by space/) is ignored. td_hw_find only finds the file. */
td_status td_hw_find(td_arena *a, const char *name_or_path, const char **path, td_error *err);
td_status td_hw_load(const char *name_or_path, td_hw *hw, td_error *err);
td_status td_hw_from_node(const td_node *doc, td_hw *hw, td_error *err);
td_node *td_hw_to_node(const td_hw *hw, td_arena *a);    /* the levels in full */
td_node *td_edge_to_node(const td_edge *p, td_arena *a); /* template + parameters */
td_status td_edge_from_node(const td_node *doc, td_edge *p, td_error *err);

/* Area by component, mm2 (total = sum of the others = hw->area_mm2). Designs that break a rule have
 * an area too. */
typedef struct {
    double mac, rf, sram, pe_lane, io, fixed, overhead, total;
} td_area;
td_status td_edge_area(const td_edge *p, const td_tech *tech, td_area *out, td_error *err);

#ifdef __cplusplus
}
#endif
#endif

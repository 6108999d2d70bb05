/* The NAHAS edge template: from a few parameters to levels, map rules, energies and area.
 *
 *     DRAM -- I/O -- [pe_x by pe_y PEs: memory] -- [lanes: register file] -- [SIMD x 4-way MAC]
 *
 * Instances and mesh extents. The fan-out of a level is the ratio of extents to the level inside
 * it, so the grid is laid out with lanes and SIMD units along X and the four MACs of a unit along
 * Y:
 *
 *                      instances              mesh_x               Y extent     fan-out X x Y
 *     MAC              PEs * lanes * simd * 4 pe_x * lanes * simd  pe_y * 4
 *     0 RF             PEs * lanes            pe_x * lanes         pe_y         simd x 4
 *     1 Local          PEs                    pe_x                 pe_y         lanes x 1
 *     2 Shared, 3 DRAM 1                      1                    1            pe_x x pe_y, 1 x 1
 *
 * What a mapping may do. A lane broadcasts each input to all its SIMD units, or gives each unit its
 * own: the units differ in output channel, in group (depthwise) or in output column, one of these
 * at a time. The 4-way MAC sums four products, so its dims are those of a reduction, in any mixture
 * (2x2 taps of a kernel). Lanes and PEs have no adders between them: they differ in outputs only.
 *
 * Ports. RF: one weight row and one row of sums read, one row of sums written per cycle (the
 * datapath's own need: a row holds 4 bytes for every SIMD unit), and port_bytes each way to the
 * local memory. Local: port_bytes per lane and cycle; inputs always pass through it (must_keep),
 * weights and outputs may go between the pool and the register file directly. Shared: the memories'
 * ports to the on-chip network, port_bytes per PE and cycle. `local_ports` says whether that is for
 * both directions together (1: single-ported macros, each access reads or writes; the density of
 * the tables is that of their bit cells) or for each (2: 1R1W, whose second port has no price).
 * DRAM: the I/O bandwidth is shared by both directions.
 *
 * Energy. RF accesses are of whole rows (block_bits), the wide case of the tables. The local memory
 * costs sram_pj_per_byte at sram_ref_bytes and grows with the square root of its size. An access
 * through the pool costs a local one and the wires between two PEs at the mean distance of all
 * pairs.
 */
#include <stdio.h>
#include <string.h>

#include "edge_param.h"

enum { RF, LOCAL, SHARED, DRAM, N_LEVELS };
enum { WAYS = 4, DRAM_BURST_BYTES = 32 }; /* LPDDR4: 16 bits x burst of 16 */

#define MB (1024.0 * 1024.0)

typedef struct { /* counts that everything is made of */
    int32_t pes, lanes, units, macs;
} counts;

static counts count(const td_edge *p) {
    int32_t pes = p->pe_x * p->pe_y, lanes = pes * p->lanes, units = lanes * p->simd;
    return (counts){pes, lanes, units, units * WAYS};
}

static double or_tech(double own, double of_tech) {
    return own < 0 ? of_tech : own;
}

/* mm2 of one instance. A memory macro has a fixed part (decoder, sense amplifiers) beside its bits.
 */
static double local_mm2(const td_edge *p, const td_tech *t) {
    return (double)p->local_bytes / MB * t->sram_mm2_per_mb +
           or_tech(p->macro_um2, t->sram_macro_um2) * 1e-6;
}

static double rf_mm2(const td_edge *p, const td_tech *t) {
    return (double)p->rf_bytes / MB * t->rf_mm2_per_mb;
}

static void area(const td_edge *p, const td_tech *t, td_area *out) {
    counts n = count(p);
    td_area a = {0};
    a.mac = n.units * t->mac_um2 * 1e-6;
    a.rf = n.lanes * rf_mm2(p, t);
    a.sram = n.pes * local_mm2(p, t);
    a.pe_lane =
        (n.pes * or_tech(p->pe_um2, t->pe_um2) + n.lanes * or_tech(p->lane_um2, t->lane_um2)) *
        1e-6;
    a.io = p->io_bytes_per_s * 1e-9 * t->io_mm2_per_gbps;
    a.fixed = or_tech(p->fixed_mm2, t->fixed_mm2);
    /* Clock, power grid and channels between the regular blocks; the figures per PE, per lane and
     * of the interface are of placed blocks and hold theirs. */
    a.overhead = t->overhead * (a.mac + a.rf + a.sram);
    a.total = a.mac + a.rf + a.sram + a.pe_lane + a.io + a.fixed + a.overhead;
    *out = a;
}

static td_status check_tech(const td_tech *t, td_error *err) {
    if (td_tech_whole(t)) return TD_OK;
    return td_fail(err, TD_E_INPUT,
                   "technology %s has energies only: the edge template needs a table with areas, "
                   "wires and leakage",
                   t->node);
}

td_status td_edge_area(const td_edge *p, const td_tech *tech, td_area *out, td_error *err) {
    td_status s = td__template_check(&td__edge_template, p, err);
    if (s == TD_OK) s = check_tech(tech, err);
    if (s == TD_OK) area(p, tech, out);
    return s;
}

/* Mean distance in mm of two PEs, each any of the grid: (n^2 - 1) / (3 n) places along a row of n,
 * times the pitch of a square PE; 0 for a single one. */
static double pool_mm(const td_edge *p, const td_area *a) {
    double x = p->pe_x, y = p->pe_y;
    double core_mm2 = a->mac + a->rf + a->sram + a->pe_lane + a->overhead;
    return sqrt(core_mm2 / (x * y)) * ((x * x - 1) / (3 * x) + (y * y - 1) / (3 * y));
}

static void set_energy(td_level *l, double pj_per_byte) {
    l->read_pj = l->fill_pj = l->update_pj = pj_per_byte * l->block_bits / 8;
}

static double pj_per_byte(const td_tech *t, td_memory kind, const td_level *l) {
    return td_tech_access_pj(t, kind, (double)l->capacity_bits, 8);
}

/* The local memory's bits per cycle: of one port for both directions, or of one for each. */
static void set_ports(td_level *l, const td_edge *p, double bits) {
    if (p->local_ports == 1)
        l->shared_bw = bits;
    else
        l->read_bw = l->write_bw = bits;
}

static void build_levels(const td_edge *p, const td_tech *t, const td_area *a, td_hw *hw) {
    counts n = count(p);
    double port_bits = 8.0 * p->port_bytes, row_bits = 8.0 * WAYS * p->simd;
    const uint8_t all = TD_ALL_TENSORS;
    for (int i = 0; i < N_LEVELS; i++)
        hw->level[i] = (td_level){.may_keep = all,
                                  .multicast = all,
                                  .word_bits = 8,
                                  .buffering = 1,
                                  .instances = 1,
                                  .mesh_x = 1,
                                  .capacity_bits = -1,
                                  .shares = -1,
                                  .read_bw = INFINITY,
                                  .write_bw = INFINITY,
                                  .shared_bw = INFINITY};

    td_level *l = &hw->level[RF];
    snprintf(l->name, sizeof l->name, "RF");
    l->may_keep = l->must_keep = TD_BIT(TD_W) | TD_BIT(TD_O);
    l->reduce = TD_BIT(TD_O);
    l->capacity_bits = p->rf_bytes * 8;
    l->buffering = 2;
    l->instances = n.lanes;
    l->mesh_x = p->pe_x * p->lanes;
    l->block_bits = 8 * WAYS * p->simd;
    l->read_bw = 2 * row_bits + port_bits;
    l->write_bw = row_bits + port_bits;
    l->area_mm2 = rf_mm2(p, t);
    set_energy(l, pj_per_byte(t, TD_REGFILE, l));

    l = &hw->level[LOCAL];
    snprintf(l->name, sizeof l->name, "Local");
    l->must_keep = TD_BIT(TD_I);
    l->capacity_bits = p->local_bytes * 8;
    l->buffering = 2;
    l->instances = n.pes;
    l->mesh_x = p->pe_x;
    l->block_bits = 8 * p->port_bytes;
    set_ports(l, p, p->lanes * port_bits);
    l->area_mm2 = local_mm2(p, t);
    const double local_pj = pj_per_byte(t, TD_SRAM, l);
    set_energy(l, local_pj);

    l = &hw->level[SHARED];
    snprintf(l->name, sizeof l->name, "Shared");
    l->shares = LOCAL;
    l->capacity_bits = n.pes * p->local_bytes * 8;
    l->block_bits = 8 * p->port_bytes;
    set_ports(l, p, n.pes * port_bits);
    set_energy(l, local_pj + t->noc_pj_per_byte_mm * pool_mm(p, a));

    l = &hw->level[DRAM];
    snprintf(l->name, sizeof l->name, "DRAM");
    l->block_bits = 8 * DRAM_BURST_BYTES;
    l->shared_bw = p->io_bytes_per_s * 8 / p->clock_hz;
    set_energy(l, pj_per_byte(t, TD_DRAM, l));

    for (int i = 0; i < N_LEVELS; i++)
        hw->level[i].leak_w = hw->level[i].area_mm2 * t->leak_w_per_mm2;
}

static void build_rules(td_map_rules *r) {
    *r = (td_map_rules){.pad = true};
    for (int i = 0; i < N_LEVELS; i++) r->allowed[i][TD_AXIS_T] = td__dims(td_dim_letter);
    r->allowed[RF][TD_AXIS_X] = td__dims("KGQ");
    r->single[RF][TD_AXIS_X] = 1;
    r->allowed[RF][TD_AXIS_Y] = td__dims("CRS");
    r->allowed[LOCAL][TD_AXIS_X] = td__dims("KPQGN");
    r->allowed[SHARED][TD_AXIS_X] = r->allowed[SHARED][TD_AXIS_Y] = td__dims("KPQGN");
}

td_status td_edge_build(const td_edge *p, const td_tech *tech, td_hw *hw, int64_t *missing_bytes,
                        td_error *err) {
    if (missing_bytes != NULL) *missing_bytes = 0;
    td_status s = td__template_check(&td__edge_template, p, err);
    if (s == TD_OK) s = check_tech(tech, err);
    if (s == TD_OK) s = td__template_rules(&td__edge_template, p, missing_bytes, err);
    if (s != TD_OK) return s;
    counts n = count(p);
    td_area a;
    area(p, tech, &a);
    *hw = (td_hw){.name = "edge", .n = N_LEVELS, .clock_hz = p->clock_hz};
    memcpy(hw->node, tech->node, sizeof hw->node);
    build_levels(p, tech, &a, hw);
    build_rules(&hw->rules);
    double mac_mm2 = tech->mac_um2 * 1e-6 / WAYS;
    double gated = p->operand_gating ? WAYS * td_multiplier_gates(8, 8) / TD_MAC_UNIT_GATES : 0;
    hw->mac = (td_mac){.instances = n.macs,
                       .mesh_x = p->pe_x * p->lanes * p->simd,
                       .energy_pj = tech->mac_pj * (1 - gated),
                       .gated_pj = tech->mac_pj * gated,
                       .bits = 8,
                       .area_mm2 = mac_mm2,
                       .leak_w = mac_mm2 * tech->leak_w_per_mm2};
    /* Each SIMD unit does one element a cycle; operands and results come from the pool, whose
     * bandwidth counts as well, and pass the lanes' ports. */
    hw->vec = (td_vector_unit){
        .lanes = n.units, .energy_pj = tech->vector_pj, .bw = 8.0 * n.lanes * p->port_bytes};
    hw->area_mm2 = a.total;
    hw->leak_w = a.total * tech->leak_w_per_mm2;
    hw->clock_tree = tech->clock_tree;
    return TD_OK;
}

/* The rules that make a design of the edge template infeasible. Each stands for something that the
 * chip could not do; the numbers in them are parameters of the template (hw/edge.yaml,
 * hw/micro.yaml).
 *
 * register_file_depth. A SIMD unit multiplies 4 one-byte weights with 4 broadcast inputs and adds
 * into one of its 32-bit sums. Its slice of the register file holds the weights of
 * `rf_weight_steps` such steps (9: the taps of a 3x3 kernel) and `rf_accumulators` sums, each
 * twice: one half works while the other is loaded or drained. A set of weights works for steps *
 * accumulators cycles, and loading the next one takes 4 * steps * simd / port_bytes: with 4 * simd
 * / port_bytes sums the port just keeps up with the weights. 32 sums are that for 128 SIMD units on
 * a 16-byte port, 4 for 16 units.
 *
 * total_memory. The memories of the PEs together must hold the largest thing that may not go
 * through DRAM within a layer: the input and output of the widest layer of the networks meant for
 * the chip.
 *
 * register_file_share. The next contents of all register files of a PE wait in its local memory,
 * and activations need room beside them: at most this share of the memory may be register files.
 *
 * lane_width. Every lane wires its SIMD units and `route_extra` columns of port and control to the
 * one memory of the PE; beyond this width the PE cannot be routed at its clock.
 *
 * mac_range. The product class: fewer MACs are a job for a processor, more exceed its power supply.
 */
#include "edge_param.h"

static int64_t pes(const td_edge *p) {
    return (int64_t)p->pe_x * p->pe_y;
}

static td_status register_file_depth(const void *self, int64_t *missing, td_error *err) {
    const td_edge *p = self;
    /* 2 halves * 4 bytes * (steps + sums) < 2^20 and simd <= 2^16: exact. */
    int64_t need = (int64_t)p->simd * 2 * 4 * (p->rf_weight_steps + p->rf_accumulators);
    if (p->rf_bytes >= need) return TD_OK;
    *missing = need - p->rf_bytes;
    return td__rule_broken(
        err,
        "level RF needs %lld bytes for %d SIMD units with %d steps of weights and %d "
        "sums each, double-buffered, has %lld: %lld bytes missing",
        (long long)need, p->simd, p->rf_weight_steps, p->rf_accumulators, (long long)p->rf_bytes,
        (long long)*missing);
}

static td_status total_memory(const void *self, int64_t *missing, td_error *err) {
    const td_edge *p = self;
    int64_t need = (p->min_total_bytes + pes(p) - 1) / pes(p);
    if (p->local_bytes >= need) return TD_OK;
    *missing = need - p->local_bytes;
    return td__rule_broken(
        err,
        "level Local needs %lld bytes in each of %lld PEs (%lld in all), has %lld: %lld "
        "bytes missing",
        (long long)need, (long long)pes(p), (long long)p->min_total_bytes,
        (long long)p->local_bytes, (long long)*missing);
}

static td_status register_file_share(const void *self, int64_t *missing, td_error *err) {
    const td_edge *p = self;
    int64_t files = p->lanes * p->rf_bytes;
    if (p->max_rf_share <= 0 || (double)files <= p->max_rf_share * (double)p->local_bytes)
        return TD_OK;
    int64_t need = (int64_t)ceil((double)files / p->max_rf_share);
    /* The quotient was rounded: the least number for which the rule itself holds. */
    while (p->max_rf_share * (double)need < (double)files) need++;
    while (p->max_rf_share * (double)(need - 1) >= (double)files) need--;
    *missing = need - p->local_bytes;
    return td__rule_broken(
        err,
        "level Local needs %lld bytes for %d register files of %lld bytes in at most "
        "%.4g of it, has %lld: %lld bytes missing",
        (long long)need, p->lanes, (long long)p->rf_bytes, p->max_rf_share,
        (long long)p->local_bytes, (long long)*missing);
}

static td_status lane_width(const void *self, int64_t *missing, td_error *err) {
    const td_edge *p = self;
    (void)missing;
    int64_t width = (int64_t)p->lanes * (p->simd + p->route_extra);
    if (p->max_lane_width <= 0 || width <= p->max_lane_width) return TD_OK;
    return td__rule_broken(
        err,
        "%d lanes of %d SIMD units and %d columns for routing are %lld wide, the PE of "
        "level Local routes %d: %lld too many",
        p->lanes, p->simd, p->route_extra, (long long)width, p->max_lane_width,
        (long long)(width - p->max_lane_width));
}

static td_status mac_range(const void *self, int64_t *missing, td_error *err) {
    const td_edge *p = self;
    (void)missing;
    int64_t macs = pes(p) * p->lanes * p->simd * 4;
    if (macs < p->min_macs)
        return td__rule_broken(err, "%lld MACs per cycle, at least %d expected: %lld too few",
                               (long long)macs, p->min_macs, (long long)(p->min_macs - macs));
    if (p->max_macs > 0 && macs > p->max_macs)
        return td__rule_broken(err, "%lld MACs per cycle, at most %d expected: %lld too many",
                               (long long)macs, p->max_macs, (long long)(macs - p->max_macs));
    return TD_OK;
}

const td__rule td__edge_rules[TD_NEDGE_RULE] = {
    [TD_RULE_REGISTER_FILE_DEPTH] = {"register_file_depth", register_file_depth},
    [TD_RULE_TOTAL_MEMORY] = {"total_memory", total_memory},
    [TD_RULE_REGISTER_FILE_SHARE] = {"register_file_share", register_file_share},
    [TD_RULE_LANE_WIDTH] = {"lane_width", lane_width},
    [TD_RULE_MAC_RANGE] = {"mac_range", mac_range},
};

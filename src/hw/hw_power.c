/* The most that a machine draws: all MACs and all ports busy. */
#include "tandem/hw.h"

enum { SUM_BITS = 32 }; /* accumulators of integer MACs */

/* The tensors' dims: what gives two MACs different words. */
static unsigned dims_of(int tensor) {
    const unsigned k = TD_BIT(TD_K), c = TD_BIT(TD_C), g = TD_BIT(TD_G), n = TD_BIT(TD_N);
    const unsigned taps = TD_BIT(TD_R) | TD_BIT(TD_S), places = TD_BIT(TD_P) | TD_BIT(TD_Q);
    if (tensor == TD_W) return k | c | g | taps;
    return tensor == TD_I ? n | c | g | taps | places : n | k | g | places;
}

/* Different words of a tensor that the MACs below level l want, or make, in one cycle. MACs along
 * an axis share a word if none of the dims that may stand there tells theirs apart, and the level
 * can give one to several, or add what several make. */
static double words_of_macs(const td_hw *hw, int l, int tensor) {
    double words = hw->level[l].instances;
    for (int k = 0; k <= l; k++)
        for (int axis = TD_AXIS_X; axis <= TD_AXIS_Y; axis++) {
            unsigned together = tensor == TD_O ? hw->level[k].reduce : hw->level[k].multicast;
            bool apart = (hw->rules.allowed[k][axis] & dims_of(tensor)) != 0;
            if (apart || (together & TD_BIT(tensor)) == 0) words *= td_hw_fanout(hw, k, axis);
        }
    return words;
}

static bool innermost(const td_hw *hw, int l, int tensor) {
    for (int k = 0; k < l; k++)
        if (hw->level[k].may_keep & TD_BIT(tensor)) return false;
    return (hw->level[l].may_keep & TD_BIT(tensor)) != 0;
}

/* Accesses per cycle, all instances, in a direction without a limit: reads, or updates of sums.
 * Negative: nothing bounds them. */
static double accesses_of_macs(const td_hw *hw, int l, bool reads) {
    const td_level *v = &hw->level[l];
    double accesses = 0;
    bool any = false;
    for (int t = 0; t < TD_NTENSOR; t++) {
        if ((t != TD_O && !reads) || !innermost(hw, l, t)) continue;
        int in_block = v->block_bits / (t == TD_O ? SUM_BITS : hw->mac.bits);
        accesses += words_of_macs(hw, l, t) / (in_block > 1 ? in_block : 1);
        any = true;
    }
    return any ? accesses : -1;
}

/* pJ per cycle of all ports of level l; *unlimited: some of it is not known. */
static double port_pj(const td_hw *hw, int l, bool *unlimited) {
    const td_level *v = &hw->level[l];
    const double write_price =
        v->may_keep & TD_BIT(TD_O) ? fmax(v->fill_pj, v->update_pj) : v->fill_pj;
    const double price[2] = {v->read_pj, write_price}, limit[2] = {v->read_bw, v->write_bw};
    double accesses[2], room = v->shared_bw / v->block_bits * v->instances, pj = 0;
    for (int way = 0; way < 2; way++) {
        accesses[way] = limit[way] / v->block_bits * v->instances;
        if (isinf(accesses[way]) && isinf(room)) accesses[way] = accesses_of_macs(hw, l, way == 0);
        if (accesses[way] < 0 && price[way] > 0) *unlimited = true;
        if (accesses[way] < 0) accesses[way] = 0;
    }
    int first = price[1] > price[0];
    for (int i = 0; i < 2; i++) {
        int way = i == 0 ? first : 1 - first;
        double n = fmin(accesses[way], room);
        pj += n * price[way];
        room -= n; /* inf - n is inf; n is finite or all of the room */
    }
    return pj;
}

void td_hw_power(const td_hw *hw, td_power *out) {
    td_power p = {.leak_w = hw->leak_w};
    const double watts = hw->clock_hz * 1e-12; /* of 1 pJ per cycle */
    double macs = (double)td_hw_peak_macs(hw), dynamic;
    p.mac_w = macs * (hw->mac.energy_pj + hw->mac.gated_pj) * watts;
    p.vector_w = hw->vec.lanes * hw->vec.energy_pj * watts;
    dynamic = p.mac_w + p.vector_w;
    for (int l = 0; l < hw->n; l++) {
        bool unlimited = false;
        p.level_w[l] = port_pj(hw, l, &unlimited) * watts;
        if (unlimited) p.unlimited |= (uint8_t)TD_BIT(l);
        if (l < hw->n - 1) dynamic += p.level_w[l];
    }
    p.clock_w = dynamic * hw->clock_tree;
    p.chip_w = dynamic + p.clock_w + p.leak_w;
    p.total_w = p.chip_w + p.level_w[hw->n - 1];
    p.tops = 2 * macs * hw->clock_hz * 1e-12;
    *out = p;
}

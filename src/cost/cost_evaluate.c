/* td_cost_evaluate: access counts to energy and cycles. */
#include <string.h>

#include "cost_nest.h"
#include "cost_sampled.h"

static inline double accesses(double words, double block) {
    return block > 1 ? ceil(words / block) : words;
}

/* Energy of one level, and how much it slows the MACs down. Bandwidths limit the average demand
 * over the compute cycles: transfers overlap perfectly with computing. Quotients are added in the
 * order W, I, O, as Timeloop does, for the last bit. crowd: instances of whole passes for each that
 * works on average, among which Timeloop divides the demand. */
static void finish_level(const td__nest *z, int l, double compute_cycles, double crowd,
                         td_cost *c) {
    const td_level *v = &z->hw->level[l];
    const bool limited = v->read_bw < INFINITY || v->write_bw < INFINITY || v->shared_bw < INFINITY;
    double used = c->used[l], read = 0, write = 0, pj = 0;
    for (int t = 0; t < TD_NTENSOR; t++) {
        if (!(z->m->keep[l] & TD_BIT(t))) continue;
        td_access *a = &c->at[l][t];
        int bits = td__word_bits(z, l, t);
        double block = v->block_bits > bits ? v->block_bits / bits : 1;
        a->energy_pj = used * (accesses(a->reads, block) * v->read_pj +
                               accesses(a->fills, block) * v->fill_pj +
                               accesses(a->updates, block) * v->update_pj);
        pj += a->energy_pj;
        if (limited) {
            double in = a->reads, out = a->fills + a->updates;
            if (crowd != 1) {
                in = ceil(in / crowd);
                out = ceil(out / crowd);
            }
            read += in / compute_cycles * bits * a->moved;
            write += out / compute_cycles * bits * a->moved;
        }
    }
    c->level_pj[l] = pj;
    double slow = 1;
    if (limited) {
        if (read > v->read_bw) slow = v->read_bw / read;
        if (write > v->write_bw && v->write_bw / write < slow) slow = v->write_bw / write;
        if (read + write > v->shared_bw && v->shared_bw / (read + write) < slow)
            slow = v->shared_bw / (read + write);
    }
    c->slowdown[l] = slow;
    c->level_cycles[l] = c->compute_cycles;
    if (slow < 1) {
        double cycles = ceil(compute_cycles / slow);
        c->level_cycles[l] = cycles < 0x1p62 ? (int64_t)cycles : INT64_C(1) << 62;
    }
    if (c->level_cycles[l] > c->cycles) {
        c->cycles = c->level_cycles[l];
        c->limit = (int8_t)l;
    }
}

/* Timeloop's walk over imperfect factors knows moves of boxes only. */
static td_status no_reload(const td_hw *hw, td_error *err) {
    for (int l = 0; l < hw->n; l++)
        if (hw->level[l].reload != 0)
            return td_fail(err, TD_E_UNSUPPORTED,
                           "level %s: reload and imperfect factors: not in Timeloop's counting",
                           hw->level[l].name);
    return TD_OK;
}

td_status td_cost_evaluate(const td_problem *p, const td_hw *hw, const td_mapping *m,
                           td_counting counting, td_cost *c, td_error *err) {
    td__nest z;
    const bool exact = counting == TD_COUNT_EXACT;
    td_status s = td__nest_build(p, hw, m, exact, &z, err);
    if (s == TD_OK) s = td__capacity_check(&z, NULL, err);
    if (s == TD_OK && z.imperfect && !exact) s = no_reload(hw, err);
    if (s != TD_OK) return s;

    memset(c, 0, sizeof *c);
    for (int l = 0; l < z.n; l++) {
        c->used[l] = z.used[l + 1];
        for (int t = 0; t < TD_NTENSOR; t++)
            if (m->keep[l] & TD_BIT(t)) {
                c->at[l][t].tile_words = z.words[l][t];
                c->at[l][t].moved = td__moved(&z, l, t);
            }
    }
    if (!z.imperfect) {
        c->macs = td_problem_macs(p);
        c->mac_used = (int32_t)z.used[0];
        c->compute_cycles = (int64_t)z.outer[0];
        if (exact)
            td__count_exact(&z, c);
        else
            td__count_timeloop(&z, c);
    } else if (exact) {
        td__count_exact_imperfect(&z, c);
    } else {
        td__count_timeloop_imperfect(&z, c);
    }

    c->skew_cycles = (int64_t)td__skew_cycles(&z, exact);
    c->stall_cycles = (int64_t)td__stall_cycles(&z);
    c->compute_cycles += c->skew_cycles + c->stall_cycles;
    c->cycles = c->compute_cycles;
    c->limit = -1;
    c->mac_pj = (double)c->macs * td_mac_pj(&hw->mac, p);
    double total = c->mac_pj;
    for (int l = 0; l < z.n; l++) {
        double crowd = z.imperfect && !exact ? z.used[l + 1] / c->used[l] : 1;
        finish_level(&z, l, (double)c->compute_cycles, crowd, c);
        total += c->level_pj[l];
    }
    c->total_pj = total;
    c->utilization = (double)c->macs / hw->mac.instances / (double)c->cycles;
    return TD_OK;
}

td_status td_mapping_check(const td_problem *p, const td_hw *hw, const td_mapping *m,
                           int64_t *missing_bits, td_error *err) {
    td__nest z;
    if (missing_bits != NULL) *missing_bits = 0;
    td_status s = td__nest_build(p, hw, m, true, &z, err);
    return s == TD_OK ? td__capacity_check(&z, missing_bits, err) : s;
}

int td_word_bits(const td_problem *p, const td_mapping *m, int level, td_tensor t) {
    if (t != TD_O) return p->bits[t];
    int child = level - 1;
    while (child >= 0 && !(m->keep[child] & TD_BIT(TD_O))) child--;
    for (int i = m->first[child + 1]; i < m->n; i++)
        if (m->loop[i].bound > 1 && (TD__DIMS_REDUCED & TD_BIT(m->loop[i].dim))) return p->acc_bits;
    return p->bits[TD_O];
}

static int imperfect_deliveries(const td__nest *z, int level, int t,
                                td_delivery out[TD_MAX_DELIVERIES]) {
    td__groups g;
    td__sampled_deliveries(z, level, t, &g);
    int n = g.n < TD_MAX_DELIVERIES ? g.n : TD_MAX_DELIVERIES;
    for (int i = 0; i < n; i++)
        out[i] = (td_delivery){(int32_t)g.group[i].children, (int32_t)g.group[i].targets,
                               g.group[i].words};
    if (t == TD_O && z->hw->level[level].capacity_bits < 0) /* Timeloop deducts it from each */
        for (int i = 0; i < n; i++)
            out[i].words = 2 * out[i].words - td__sampled_partition(z, level, t);
    return n;
}

int td_cost_deliveries(const td_problem *p, const td_hw *hw, const td_mapping *m, int level,
                       td_tensor tensor, td_delivery out[TD_MAX_DELIVERIES]) {
    const int t = (int)tensor;
    td__nest z;
    if (td__nest_build(p, hw, m, false, &z, NULL) != TD_OK || level < 0 || level > z.top[t])
        return 0;
    if (z.imperfect) return imperfect_deliveries(&z, level, t, out);
    int child = level > 0 ? level - 1 : -1;
    while (child >= 0 && !(m->keep[child] & TD_BIT(t))) child--;
    double words = td__timeloop_traffic(&z, child, t);
    td_delivery inner[TD_MAX_DELIVERIES];
    for (int l = child + 1; l < level; l++) { /* what the bypassed levels pass on */
        int n = td__timeloop_histogram(&z, l, t, inner, TD_MAX_DELIVERIES);
        double targets = 0;
        for (int i = 0; i < n; i++) targets += inner[i].targets;
        words *= targets;
    }
    int n = td__timeloop_histogram(&z, level, t, out, TD_MAX_DELIVERIES);
    for (int i = 0; i < n; i++) out[i].words = words * out[i].targets;
    /* Memories off the chip cannot add: partial sums travel back, except the first of each word. */
    if (t == TD_O && n > 0 && hw->level[level].capacity_bits < 0)
        out[0].words = 2 * out[0].words - td__timeloop_partition(&z, level, t);
    return n;
}

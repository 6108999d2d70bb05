/* Cycles in which the array waits for what no bandwidth tells: the start of a pass, the least time
 * of a command, a transfer's latency, the first tiles before and the last results after all
 * computing; and bits that bursts move for nothing (td_level_timing). docs/cost-model.md, "Time
 * beyond the ideal". With imperfect factors every pass counts as a whole one. */
#include "cost_nest.h"

/* Times that the level's tile comes anew: the steps outside of it. */
static double passes(const td__nest *z, int level) {
    return z->outer[z->t0[level + 1]];
}

/* Steps in which a child's tile of tensor t is another than before, or is fetched all the same. */
static double arrivals(const td__nest *z, int child, int t) {
    int k = z->t0[child + 1];
    if (t == TD_O || !td__forgets(z, child, t))
        while (k < z->nt && !(td__dims_of[t] & z->t[k].bit)) k++;
    return z->outer[k];
}

/* A command runs the loops in time of this level and inside, while the next tiles of its operands
 * are filled: it takes as long as the longest of both, and no less than `command`. What that is
 * more than its steps, over all commands. When loop k advances, all loops inside of it go back. */
static double commands(const td__nest *z, int level) {
    const td_level *v = &z->hw->level[level];
    const int first = z->t0[level + 1];
    const double steps = z->outer[0] / z->outer[first];
    const double rate = v->write_bw < v->shared_bw ? v->write_bw : v->shared_bw;
    double bits[TD_NTENSOR] = {0}, fill = 0, sum = 0;
    unsigned fresh = 0;
    for (int t = TD_W; t <= TD_I; t++) {
        if (!(z->m->keep[level] & TD_BIT(t))) continue;
        bits[t] = z->words[level][t] * td__word_bits(z, level, t);
        if (td__forgets(z, level, t)) fresh |= TD_BIT(t);
    }
    for (int k = first; k <= z->nt; k++) { /* the last: the first command of all */
        double n = 1;
        if (k < z->nt) {
            n = (z->t[k].bound - 1) * z->outer[k + 1];
            for (int t = TD_W; t <= TD_I; t++)
                if (td__dims_of[t] & z->t[k].bit) fresh |= TD_BIT(t);
        } else {
            fresh = TD_BIT(TD_W) | TD_BIT(TD_I);
        }
        fill = 0;
        for (int t = TD_W; t <= TD_I; t++)
            if (fresh & TD_BIT(t)) fill += bits[t];
        double least = fill / rate;
        if (v->timing.command > least) least = v->timing.command;
        if (least > steps) sum += n * (least - steps);
    }
    return sum;
}

/* Children of the level with words of their own, as far as the level serves several at once. */
static double apart(const td__nest *z, int child, int level, int t) {
    double n = 1;
    for (int l = child + 1; l <= level; l++) {
        const td_level *v = &z->hw->level[l];
        const bool shared = (t == TD_O ? v->reduce : v->multicast) & TD_BIT(t);
        n *= shared ? z->distinct[l][t] : z->fan[l];
    }
    return n;
}

/* Nothing computes while the first tiles of this level's children come, and while the last ones of
 * the results go. */
static double ramp(const td__nest *z, int level) {
    const td_level *v = &z->hw->level[level];
    double in = 0, out = 0;
    for (int t = 0; t < TD_NTENSOR; t++) {
        const int child = z->child[level][t];
        if (!(z->m->keep[level] & TD_BIT(t)) || child < 0) continue;
        const double bits = z->words[child][t] * td__word_bits(z, level, t) *
                            td__moved(z, level, t) * apart(z, child, level, t);
        *(t == TD_O ? &out : &in) += bits;
    }
    return in / (v->read_bw < v->shared_bw ? v->read_bw : v->shared_bw) +
           out / (v->write_bw < v->shared_bw ? v->write_bw : v->shared_bw);
}

/* A double-buffered child asks a tile ahead and waits for its first one only. The tensors of one
 * step wait together. */
static double waits(const td__nest *z, int level) {
    double most = 0;
    for (int t = 0; t < TD_NTENSOR; t++) {
        const int child = z->child[level][t];
        if (!(z->m->keep[level] & TD_BIT(t)) || child < 0) continue;
        const double n = z->hw->level[child].buffering >= 2 ? 1 : arrivals(z, child, t);
        if (n > most) most = n;
    }
    return most;
}

double td__stall_cycles(const td__nest *z) {
    double all = 0;
    for (int l = 0; l < z->n; l++) {
        const td_level_timing *v = &z->hw->level[l].timing;
        if (v->start > 0) all += v->start * passes(z, l);
        if (v->command > 0) all += commands(z, l);
        if (v->latency > 0) all += v->latency * waits(z, l);
        if (v->ramp) all += ramp(z, l);
    }
    all = ceil(all);
    return all < 0x1p61 ? all : 0x1p61;
}

/* Channels of one position lie side by side, and a run ends with them: those of W's outputs, of I
 * and of O in the tiles of all children together, and of all groups where all of a group are there.
 */
double td__moved(const td__nest *z, int level, int t) {
    const int32_t burst = z->hw->level[level].timing.burst_bits;
    if (burst == 0) return 1;
    const int child = z->child[level][t], d = t == TD_I ? TD_C : TD_K;
    double channels = z->tile[child + 1][d], groups = z->tile[child + 1][TD_G];
    for (int k = z->s0[child + 1]; k < z->s0[level + 1]; k++) {
        if (z->s[k].dim == d) channels *= z->s[k].bound;
        if (z->s[k].dim == TD_G) groups *= z->s[k].bound;
    }
    const double bits =
        channels * (channels == z->p->dim[d] ? groups : 1) * td__word_bits(z, level, t);
    return ceil(bits / burst) * burst / bits;
}

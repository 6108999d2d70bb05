/* A latency that no schedule of this form can beat, from the network and the accelerator alone. */
#include "schedule.h"

/* MACs per cycle that the fan-outs can use for a problem: a fan-out never splits more ways than the
 * dims that may stand on it have. */
static double most_parallel(const td_hw *hw, const td_problem *p) {
    double parallel = 1;
    for (int l = 0; l < hw->n; l++)
        for (int axis = TD_AXIS_X; axis <= TD_AXIS_Y; axis++) {
            double ways = 1;
            for (int d = 0; d < TD_NDIM; d++) {
                if (!(hw->rules.allowed[l][axis] & TD_BIT(d))) continue;
                if (!hw->rules.single[l][axis])
                    ways *= p->dim[d];
                else if (p->dim[d] > ways)
                    ways = p->dim[d];
            }
            double fan = td_hw_fanout(hw, l, axis);
            parallel *= ways < fan ? ways : fan;
        }
    return parallel;
}

/* Rows (axis 0) or columns of the image that some output needs. */
static int64_t needed(const td_problem *p, int axis) {
    int64_t taps = p->dim[TD_R + axis], stride = p->stride[axis], dilation = p->dilation[axis];
    int64_t out = p->dim[TD_P + axis];
    int64_t reach = (out - 1) * stride + (taps - 1) * dilation + 1;
    int64_t inside = reach - p->pad[axis] - p->pad[axis + 2];
    if (inside < 0) inside = 0;
    /* Without gaps all of them; otherwise at least one per output, of those that are not padding.
     */
    if (dilation == 1 && stride <= taps) return inside;
    int64_t some = out - p->pad[axis] - p->pad[axis + 2];
    return some < 0 ? 0 : some < inside ? some : inside;
}

typedef struct {
    double cycles, read, write;
} least;

static least of_step(const td__sched_plan *p, const td_hw *hw, const td__home *h, int i) {
    const td__step *s = &p->step[i];
    least b = {0};
    bool out_dram = p->beam ? s->value == td_net_output(p->net) : !p->value[s->value].stay;
    /* A value that nobody reads and that is not the output may stand anywhere. */
    if (p->value[s->value].last < 0 && s->value != td_net_output(p->net)) out_dram = false;
    if (out_dram) b.write = (double)p->value[s->value].bits;
    for (int k = 0; k < s->n_in; k++) {
        const td__value *v = &p->value[s->in[k]];
        if (p->beam ? v->maker >= 0 : v->stay) continue;
        const td_problem *q = s->shape >= 0 ? &p->shape[s->shape] : NULL;
        if (q == NULL)
            b.read += (double)v->bits;
        else
            b.read += (double)q->dim[TD_N] * q->dim[TD_G] * q->dim[TD_C] * (double)needed(q, 0) *
                      (double)needed(q, 1) * q->bits[TD_I];
    }
    if (s->shape >= 0) {
        const td_problem *q = &p->shape[s->shape];
        if (out_dram) b.write = (double)td_problem_words(q, TD_O) * q->bits[TD_O];
        b.cycles = ceil((double)s->macs / most_parallel(hw, q));
        if (!(h->may & TD_BIT(TD_W)) || s->weight_bits > h->pool)
            b.read += (double)td_problem_words(q, TD_W) * q->bits[TD_W];
    } else {
        b.cycles = ceil(s->ops / hw->vec.lanes);
    }
    return b;
}

double td__bound_cycles(const td__sched_plan *p, const td_hw *hw, const td__home *h, bool cold) {
    double sum = 0, read = 0, write = 0, weights = 0;
    for (int i = 0; i < p->n; i++) {
        least b = of_step(p, hw, h, i);
        double dram = td__dram_cycles(hw, b.read, b.write);
        sum += b.cycles > dram ? b.cycles : dram;
        read += b.read;
        write += b.write;
        if ((h->may & TD_BIT(TD_W)) && p->step[i].weight_bits <= h->pool)
            weights += (double)p->step[i].weight_bits;
    }
    /* Weights that cannot all be resident are loaded in every inference; in the first one all are.
     */
    double loaded = cold ? weights : weights - (double)h->pool;
    if (loaded > 0) read += loaded;
    double dram = td__dram_cycles(hw, read, write);
    return sum > dram ? sum : dram;
}

/* Dynamic energy of the MACs alone. */
static double mac_pj(const td__sched_plan *p, const td_hw *hw) {
    double macs = 0;
    for (int i = 0; i < p->n; i++)
        if (p->step[i].shape >= 0) macs += (double)p->step[i].macs;
    return macs * hw->mac.energy_pj * (1 + hw->clock_tree);
}

td_status td_schedule_bounds(const td_net *net, const td_hw *const *hw, int n,
                             const td_schedule_options *o, double latency_s[], double energy_j[],
                             td_error *err) {
    td_arena *a = td_arena_create();
    td__sched_plan p;
    if (a == NULL) return td_fail(err, TD_E_MEMORY, "out of memory for the schedule");
    td_status s = td__sched_plan_build(net, o->batch, a, &p, err);
    for (int i = 0; s == TD_OK && i < n; i++) {
        td__home home;
        td__home_find(hw[i], &home);
        td__sched_plan_limit(&p, home.pool, home.may);
        latency_s[i] = td__bound_cycles(&p, hw[i], &home, o->cold) / hw[i]->clock_hz;
        energy_j[i] = mac_pj(&p, hw[i]) * 1e-12 + hw[i]->leak_w * latency_s[i];
    }
    td_arena_destroy(a);
    return s;
}

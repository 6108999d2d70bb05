/* Neutral cases and costs as documents. */
#include <string.h>

#include "tandem/cost.h"

/* Counts are whole unless padding makes averages of them. */
static td_node *number(td_arena *a, double v) {
    if (v == floor(v) && fabs(v) < 0x1p53) return td_node_int(a, (int64_t)v);
    return td_node_real(a, v);
}

static td_node *integers(td_arena *a, const int32_t *v, int n) {
    td_node *list = td_node_list(a);
    for (int i = 0; i < n; i++) td_node_push(a, list, td_node_int(a, v[i]));
    return list;
}

static td_node *tensors(td_arena *a, unsigned mask) {
    td_node *list = td_node_list(a);
    for (int t = 0; t < TD_NTENSOR; t++)
        if (mask & TD_BIT(t)) {
            const char letter[2] = {td_tensor_letter[t], '\0'};
            td_node_push(a, list, td_node_string(a, letter));
        }
    return list;
}

/* ---- case ------------------------------------------------------------------------------------ */

static td_node *problem_node(const td_problem *p, td_arena *a) {
    static const td_dim order[TD_NDIM] = {TD_G, TD_N, TD_K, TD_C, TD_P, TD_Q, TD_R, TD_S};
    td_node *n = td_node_map(a);
    td_node *dims = td_node_put(a, n, "dims", td_node_map(a));
    for (int i = 0; i < TD_NDIM; i++) {
        const char letter[2] = {td_dim_letter[order[i]], '\0'};
        if (p->dim[order[i]] != 1) td_node_put_int(a, dims, letter, p->dim[order[i]]);
    }
    td_node_put(a, n, "stride", integers(a, p->stride, 2));
    td_node_put(a, n, "dilation", integers(a, p->dilation, 2));
    if (p->pad[0] | p->pad[1] | p->pad[2] | p->pad[3])
        td_node_put(a, n, "pad", integers(a, p->pad, 4));
    td_node *bits = td_node_put(a, n, "bits", td_node_map(a));
    for (int t = 0; t < TD_NTENSOR; t++) {
        const char letter[2] = {td_tensor_letter[t], '\0'};
        td_node_put_int(a, bits, letter, p->bits[t]);
    }
    td_node_put_int(a, bits, "acc", p->acc_bits);
    return n;
}

/* Reading multiplies by the unit and must give the same bits again. */
static bool survives(double bits, double unit) {
    return !isfinite(bits) || bits / unit * unit == bits;
}

static td_node *bandwidth(td_arena *a, double bits, int unit) {
    return isfinite(bits) ? td_node_real(a, bits / unit) : td_node_null(a);
}

static td_node *level_node(const td_level *l, td_arena *a) {
    int unit = l->word_bits >= 1 ? l->word_bits : 1;
    if (!survives(l->read_bw, unit) || !survives(l->write_bw, unit) ||
        !survives(l->shared_bw, unit) || !survives((double)l->capacity_bits, unit) ||
        !survives(l->block_bits, unit))
        unit = 1;
    td_node *n = td_node_map(a);
    td_node_put_string(a, n, "name", l->name);
    td_node_put_int(a, n, "word_bits", unit);
    td_node_put(a, n, "capacity_words",
                l->capacity_bits < 0 ? td_node_null(a)
                                     : number(a, (double)l->capacity_bits / unit));
    td_node_put_int(a, n, "instances", l->instances);
    td_node_put_int(a, n, "mesh_x", l->mesh_x);
    td_node_put(a, n, "block_words", number(a, (double)l->block_bits / unit));
    td_node_put_real(a, n, "multiple_buffering", l->buffering);
    td_node_put(a, n, "read_bw", bandwidth(a, l->read_bw, unit));
    td_node_put(a, n, "write_bw", bandwidth(a, l->write_bw, unit));
    td_node_put(a, n, "shared_bw", bandwidth(a, l->shared_bw, unit));
    td_node_put_real(a, n, "read_pj", l->read_pj);
    td_node_put_real(a, n, "fill_pj", l->fill_pj);
    td_node_put_real(a, n, "update_pj", l->update_pj);
    if (l->reload != 0) td_node_put(a, n, "reload", tensors(a, l->reload));
    td_node *timing = td_timing_to_node(&l->timing, a);
    if (timing != NULL) td_node_put(a, n, "timing", timing);
    return n;
}

static td_node *loops(const td_mapping *m, int level, int axis, td_arena *a) {
    td_node *list = td_node_list(a);
    for (int i = m->first[level]; i < m->first[level + 1]; i++) {
        const td_loop *o = &m->loop[i];
        if (o->axis != axis) continue;
        const char letter[2] = {td_dim_letter[o->dim], '\0'};
        td_node *loop = td_node_push(a, list, td_node_list(a));
        td_node_push(a, loop, td_node_string(a, letter));
        td_node_push(a, loop, td_node_int(a, o->bound));
        if (o->tail != o->bound) td_node_push(a, loop, td_node_int(a, o->tail));
    }
    return list;
}

static td_node *mapping_node(const td_hw *hw, const td_mapping *m, td_arena *a) {
    td_node *n = td_node_map(a);
    td_node *levels = td_node_put(a, n, "levels", td_node_list(a));
    for (int l = 0; l < hw->n; l++) {
        const td_level *v = &hw->level[l];
        td_node *level = td_node_push(a, levels, td_node_map(a));
        td_node_put_string(a, level, "level", v->name);
        td_node_put(a, level, "keep", tensors(a, m->keep[l]));
        td_node_put(a, level, "temporal", loops(m, l, TD_AXIS_T, a));
        td_node *x = loops(m, l, TD_AXIS_X, a), *y = loops(m, l, TD_AXIS_Y, a);
        if (x != NULL && x->count > 0) td_node_put(a, level, "spatial_x", x);
        if (y != NULL && y->count > 0) td_node_put(a, level, "spatial_y", y);
        unsigned shared =
            (v->multicast & (TD_BIT(TD_W) | TD_BIT(TD_I))) | (v->reduce & TD_BIT(TD_O));
        if (shared != TD_ALL_TENSORS)
            td_node_put(a, level, "no_multicast", tensors(a, TD_ALL_TENSORS & ~shared));
    }
    return n;
}

static td_node *fixed_keep_node(const td_case *c, td_arena *a) {
    td_node *n = td_node_map(a);
    for (int l = 0; l < c->hw.n; l++) {
        if (!(c->fixed & TD_BIT(l))) continue;
        char letters[TD_NTENSOR + 1] = "", *end = letters;
        for (int t = 0; t < TD_NTENSOR; t++)
            if (c->fixed_keep[l] & TD_BIT(t)) *end++ = td_tensor_letter[t];
        td_node_put_string(a, n, c->hw.level[l].name, letters);
    }
    return n;
}

td_node *td_case_to_node(const td_case *c, td_arena *a) {
    td_node *n = td_node_map(a);
    td_node_put_string(a, n, "format", "neutral-case-1");
    td_node_put_string(a, n, "name", c->name);
    td_node_put(a, n, "problem", problem_node(&c->problem, a));
    td_node *arch = td_node_put(a, n, "arch", td_node_map(a));
    td_node_put_string(a, arch, "name", c->hw.name);
    td_node *mac = td_node_put(a, arch, "mac", td_node_map(a));
    td_node_put_int(a, mac, "instances", c->hw.mac.instances);
    td_node_put_int(a, mac, "mesh_x", c->hw.mac.mesh_x);
    td_node_put_real(a, mac, "energy_pj", td_mac_pj(&c->hw.mac, &c->problem));
    td_node *levels = td_node_put(a, arch, "levels", td_node_list(a));
    for (int l = 0; l < c->hw.n; l++) td_node_push(a, levels, level_node(&c->hw.level[l], a));
    if (c->fixed != 0) td_node_put(a, n, "fixed_keep", fixed_keep_node(c, a));
    if (c->has_mapping) td_node_put(a, n, "mapping", mapping_node(&c->hw, &c->mapping, a));
    return n;
}

/* ---- cost ------------------------------------------------------------------------------------ */

static td_node *access_node(const td_cost *cost, int l, int t, td_arena *a) {
    const td_access *x = &cost->at[l][t];
    td_node *n = td_node_map(a);
    td_node_put(a, n, "instances", number(a, cost->used[l]));
    td_node_put(a, n, "tile_words", number(a, x->tile_words));
    td_node_put(a, n, "partition_words", number(a, x->partition_words));
    td_node_put(a, n, "reads", number(a, x->reads));
    td_node_put(a, n, "fills", number(a, x->fills));
    td_node_put(a, n, "updates", number(a, x->updates));
    td_node_put_real(a, n, "energy_pj", x->energy_pj);
    return n;
}

/* Every pair of neighbouring levels, whether they keep the tensor or not. */
static td_node *networks_node(const td_case *c, td_arena *a) {
    td_node *n = td_node_map(a);
    for (int l = c->hw.n - 1; l >= 0; l--) {
        const char *inner = l > 0 ? c->hw.level[l - 1].name : "MAC";
        td_node *net = td_node_put(a, n, td_arena_printf(a, "%s->%s", c->hw.level[l].name, inner),
                                   td_node_map(a));
        for (int t = 0; t < TD_NTENSOR; t++) {
            const char letter[2] = {td_tensor_letter[t], '\0'};
            td_delivery d[TD_MAX_DELIVERIES];
            int count = td_cost_deliveries(&c->problem, &c->hw, &c->mapping, l, (td_tensor)t, d);
            td_node *tensor = td_node_put(a, net, letter, td_node_map(a));
            td_node *list = td_node_put(a, tensor, "multicast", td_node_list(a));
            double reductions = 0;
            for (int i = 0; i < count; i++) {
                td_node *entry = td_node_push(a, list, td_node_list(a));
                td_node_push(a, entry, td_node_int(a, d[i].multicast));
                td_node_push(a, entry, td_node_int(a, d[i].targets));
                td_node_push(a, entry, td_node_real(a, d[i].words));
                if (t == TD_O) reductions += (d[i].multicast - 1) * d[i].words;
            }
            td_node_put_real(a, tensor, "link_transfers", 0);
            td_node_put_real(a, tensor, "spatial_reductions", reductions);
        }
    }
    return n;
}

td_node *td_cost_to_node(const td_case *c, td_counting counting, const td_cost *cost, td_arena *a) {
    td_node *n = td_node_map(a);
    td_node_put_int(a, n, "cycles", cost->cycles);
    td_node_put_int(a, n, "computes", cost->macs);
    td_node_put_int(a, n, "compute_cycles", cost->compute_cycles);
    if (cost->skew_cycles > 0) td_node_put_int(a, n, "skew_cycles", cost->skew_cycles);
    if (cost->stall_cycles > 0) td_node_put_int(a, n, "stall_cycles", cost->stall_cycles);
    td_node_put_int(a, n, "mac_instances_used", cost->mac_used);
    td_node_put_real(a, n, "utilization", cost->utilization);
    td_node *energy = td_node_put(a, n, "energy_pj", td_node_map(a));
    td_node_put_real(a, energy, "MAC", cost->mac_pj);
    for (int l = 0; l < c->hw.n; l++)
        td_node_put_real(a, energy, c->hw.level[l].name, cost->level_pj[l]);
    td_node_put_real(a, n, "energy_total_pj", cost->total_pj);
    td_node_put_real(a, n, "edp_pj_cycles", cost->total_pj * (double)cost->cycles);
    td_node *levels = td_node_put(a, n, "levels", td_node_map(a));
    for (int l = 0; l < c->hw.n; l++) {
        td_node *level = td_node_put(a, levels, c->hw.level[l].name, td_node_map(a));
        td_node_put_int(a, level, "cycles", cost->level_cycles[l]);
        td_node_put_real(a, level, "slowdown", cost->slowdown[l]);
        for (int t = 0; t < TD_NTENSOR; t++) {
            const char letter[2] = {td_tensor_letter[t], '\0'};
            if (c->mapping.keep[l] & TD_BIT(t))
                td_node_put(a, level, letter, access_node(cost, l, t, a));
        }
    }
    if (counting == TD_COUNT_TIMELOOP) td_node_put(a, n, "networks", networks_node(c, a));
    return n;
}

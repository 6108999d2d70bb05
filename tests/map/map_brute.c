#include "map_brute.h"

#include <stdio.h>
#include <string.h>

double objective_of(const td_map_query *q, const td_cost *c) {
    switch (q->objective) {
    case TD_OBJ_WEIGHTED:
        return pow(c->total_pj, q->weight[0]) * pow((double)c->cycles, q->weight[1]);
    case TD_OBJ_LATENCY: return (double)c->cycles;
    case TD_OBJ_ENERGY: return c->total_pj;
    default: return c->total_pj * (double)c->cycles;
    }
}

/* ---- enumeration ----------------------------------------------------------------------------- */

typedef struct {
    brute *b;
    const td_problem *p;
    const td_hw *hw;
    const td_map_query *q;
    td_problem padded;
    int32_t space[TD_MAX_LEVELS][2][TD_NDIM];
    int32_t time[TD_MAX_LEVELS][TD_NDIM], rest[TD_NDIM];
    uint8_t keep[TD_MAX_LEVELS];
    uint8_t order[TD_MAX_LEVELS][TD_NDIM];
    int n_order[TD_MAX_LEVELS];
} state;

static void try_mapping(state *s) {
    td_mapping m = {0};
    for (int l = 0; l < s->hw->n; l++) {
        m.first[l] = m.n;
        m.keep[l] = s->keep[l];
        for (int i = 0; i < s->n_order[l]; i++) {
            uint8_t d = s->order[l][i];
            m.loop[m.n++] = (td_loop){d, TD_AXIS_T, s->time[l][d], s->time[l][d]};
        }
        for (int axis = 0; axis < 2; axis++)
            for (int d = 0; d < TD_NDIM; d++)
                if (s->space[l][axis][d] > 1)
                    m.loop[m.n++] = (td_loop){(uint8_t)d, (uint8_t)(TD_AXIS_X + axis),
                                              s->space[l][axis][d], s->space[l][axis][d]};
    }
    m.first[s->hw->n] = m.n;
    td_cost c;
    s->b->mappings++;
    if (s->b->limit > 0 && s->b->mappings > s->b->limit) {
        s->b->gave_up = true;
        return;
    }
    /* Timeloop's counting lets outer loops ask for tensors that stay inside; the mapper does not.
     */
    if (s->q->counting == TD_COUNT_TIMELOOP &&
        td_mapping_check(&s->padded, s->hw, &m, NULL, NULL) != TD_OK)
        return;
    if (td_cost_evaluate(&s->padded, s->hw, &m, s->q->counting, &c, NULL) == TD_OK)
        s->b->visit(s->b->self, &s->padded, &m, &c);
}

static void orders(state *s, int l, int i) {
    if (s->b->gave_up) return;
    if (l == s->hw->n) {
        try_mapping(s);
        return;
    }
    if (i >= s->n_order[l]) {
        orders(s, l + 1, 0);
        return;
    }
    for (int k = i; k < s->n_order[l]; k++) {
        uint8_t a = s->order[l][i];
        s->order[l][i] = s->order[l][k];
        s->order[l][k] = a;
        orders(s, l, i + 1);
        s->order[l][k] = s->order[l][i];
        s->order[l][i] = a;
    }
}

static void times(state *s, int l, int d) {
    if (s->b->gave_up || l < 0) return;
    if (d == TD_NDIM) {
        d = 0;
        if (--l < 0) {
            for (int v = 0; v < s->hw->n; v++) {
                s->n_order[v] = 0;
                for (uint8_t e = 0; e < TD_NDIM; e++)
                    if (s->time[v][e] > 1) s->order[v][s->n_order[v]++] = e;
            }
            orders(s, 0, 0);
            return;
        }
    }
    int32_t rest = s->rest[d];
    for (int32_t f = l == 0 ? rest : 1; f <= rest; f++) {
        if (rest % f != 0) continue;
        s->time[l][d] = f;
        s->rest[d] = rest / f;
        times(s, l, d + 1);
    }
    s->rest[d] = rest;
}

static void keeps(state *s, int l) {
    if (l == s->hw->n) {
        for (int d = 0; d < TD_NDIM; d++) {
            int32_t all = 1, extent = s->p->dim[d];
            for (int v = 0; v < s->hw->n; v++) all *= s->space[v][0][d] * s->space[v][1][d];
            s->rest[d] = (extent + all - 1) / all;
            /* A factor that could be smaller for as many steps only makes zeros. */
            for (int v = 0; v < s->hw->n; v++)
                for (int x = 0; x < 2; x++) {
                    int32_t f = s->space[v][x][d];
                    if (f > 1 && (f - 1) * (all / f) * s->rest[d] >= extent) return;
                }
            s->padded.dim[d] = s->rest[d] * all;
            int32_t more = s->padded.dim[d] - extent;
            if (d == TD_P || d == TD_Q)
                s->padded.pad[2 + d - TD_P] =
                    s->p->pad[2 + d - TD_P] + more * s->p->stride[d - TD_P];
            if (d == TD_R || d == TD_S)
                s->padded.pad[2 + d - TD_R] += more * s->p->dilation[d - TD_R];
        }
        times(s, s->hw->n - 1, 0);
        return;
    }
    for (int k = 0; k <= 7; k++) {
        bool ok = s->q->keep[l] < 0;
        unsigned below = 0, at = 0;
        for (int t = 0; t < TD_NTENSOR; t++) {
            if (s->q->top[t] >= l) below |= TD_BIT(t);
            if (s->q->top[t] == l) at |= TD_BIT(t);
        }
        if (!ok) ok = ((unsigned)s->q->keep[l] & below) == (unsigned)k;
        if (!ok || ((unsigned)k & ~below) || (at & ~(unsigned)k)) continue;
        s->keep[l] = (uint8_t)k;
        keeps(s, l + 1);
    }
}

static void spaces(state *s, int l, int axis, int d) {
    if (s->b->gave_up) return;
    if (d == TD_NDIM) {
        d = 0;
        if (++axis == 2) {
            axis = 0;
            if (++l == s->hw->n) {
                keeps(s, 0);
                return;
            }
        }
    }
    int32_t used = 1;
    for (int e = 0; e < d; e++) used *= s->space[l][axis][e];
    int fan = td_hw_fanout(s->hw, l, TD_AXIS_X + axis);
    for (int32_t f = 1; f * used <= fan && f <= s->p->dim[d]; f++) {
        if (f > 1 && axis == 1 && s->hw->rules.one_axis && s->space[l][0][d] > 1) break;
        if (f > 1 && !(s->hw->rules.allowed[l][TD_AXIS_X + axis] & TD_BIT(d))) break;
        int32_t all = f;
        for (int v = 0; v < s->hw->n; v++)
            for (int x = 0; x < 2; x++)
                if (v < l || (v == l && x < axis)) all *= s->space[v][x][d];
        if (!s->hw->rules.pad && s->p->dim[d] % all != 0) continue;
        s->space[l][axis][d] = f;
        spaces(s, l, axis, d + 1);
    }
    s->space[l][axis][d] = 1;
}

void brute_force(brute *b, const td_problem *p, const td_hw *hw, const td_map_query *q) {
    state s = {.b = b, .p = p, .hw = hw, .q = q, .padded = *p};
    b->mappings = 0;
    b->gave_up = false;
    for (int l = 0; l < TD_MAX_LEVELS; l++)
        for (int d = 0; d < TD_NDIM; d++) s.space[l][0][d] = s.space[l][1][d] = 1;
    spaces(&s, 0, 0, 0);
}

/* ---- random cases ---------------------------------------------------------------------------- */

static int32_t pick(td_rng *r, const int32_t *v, int n) {
    return v[td_rng_below(r, (uint64_t)n)];
}

void random_hw(td_rng *r, int levels, bool pad, td_hw *hw) {
    memset(hw, 0, sizeof *hw);
    snprintf(hw->name, sizeof hw->name, "random");
    snprintf(hw->node, sizeof hw->node, "none");
    hw->n = levels;
    hw->clock_hz = 1e9;
    hw->area_mm2 = 1;
    hw->rules.pad = pad;
    int32_t instances = 1, mesh_x = 1;
    for (int l = levels - 1; l >= 0; l--) {
        td_level *v = &hw->level[l];
        bool top = l == levels - 1;
        snprintf(v->name, sizeof v->name, "L%d", l);
        v->instances = instances;
        v->mesh_x = mesh_x;
        v->may_keep = top || td_rng_below(r, 3) ? TD_ALL_TENSORS : (uint8_t)td_rng_below(r, 8);
        v->must_keep = td_rng_below(r, 3) == 0 ? (uint8_t)(td_rng_below(r, 8) & v->may_keep) : 0;
        if (top) v->must_keep = 0;
        v->multicast = td_rng_below(r, 4) ? TD_ALL_TENSORS : (uint8_t)td_rng_below(r, 8);
        v->reduce = td_rng_below(r, 4) ? TD_BIT(TD_O) : 0;
        v->capacity_bits = top ? -1 : (int64_t)(64 + td_rng_below(r, 1500));
        v->word_bits = 8;
        v->block_bits = 8 << td_rng_below(r, 3);
        v->buffering = td_rng_below(r, 3) ? 1 : 2;
        v->read_bw = v->write_bw = v->shared_bw = INFINITY;
        if (td_rng_below(r, 2)) v->read_bw = 2 + (double)td_rng_below(r, 60);
        if (td_rng_below(r, 2)) v->write_bw = 2 + (double)td_rng_below(r, 60);
        if (td_rng_below(r, 2)) v->shared_bw = 2 + (double)td_rng_below(r, 60);
        v->read_pj = (l + 1) * (1 + td_rng_uniform(r));
        v->fill_pj = (l + 1) * (1 + td_rng_uniform(r));
        v->update_pj = (l + 1) * (1 + td_rng_uniform(r));
        v->shares = -1;
        const int32_t fans[] = {1, 1, 2, 3};
        int32_t x = pick(r, fans, 4), y = td_rng_below(r, 3) ? 1 : pick(r, fans, 4);
        instances *= x * y;
        mesh_x *= x;
        hw->rules.allowed[l][TD_AXIS_T] = 0xff;
        for (int axis = TD_AXIS_X; axis <= TD_AXIS_Y; axis++) {
            hw->rules.allowed[l][axis] = td_rng_below(r, 2) ? 0xff : (uint8_t)td_rng_below(r, 256);
            hw->rules.single[l][axis] = td_rng_below(r, 2) != 0;
        }
    }
    hw->mac = (td_mac){.instances = instances, .mesh_x = mesh_x, .energy_pj = .5, .bits = 8};
}

void random_layer(td_rng *r, int size, td_problem *p) {
    memset(p, 0, sizeof *p);
    for (int i = 0; i < TD_NDIM; i++) p->dim[i] = 1;
    p->stride[0] = p->stride[1] = p->dilation[0] = p->dilation[1] = 1;
    p->bits[TD_W] = p->bits[TD_I] = p->bits[TD_O] = 8;
    p->acc_bits = 32;
    uint64_t n = (uint64_t)size;
    switch (td_rng_below(r, 5)) {
    case 0: /* product */
        p->dim[TD_P] = (int32_t)(1 + td_rng_below(r, n));
        p->dim[TD_K] = (int32_t)(1 + td_rng_below(r, n));
        p->dim[TD_C] = (int32_t)(1 + td_rng_below(r, n));
        break;
    case 1: /* depthwise */ p->dim[TD_G] = (int32_t)(1 + td_rng_below(r, n)); break;
    case 2: /* grouped */
        p->dim[TD_G] = 2;
        p->dim[TD_K] = (int32_t)(1 + td_rng_below(r, (n + 1) / 2));
        p->dim[TD_C] = (int32_t)(1 + td_rng_below(r, (n + 1) / 2));
        break;
    default:
        p->dim[TD_K] = (int32_t)(1 + td_rng_below(r, n));
        p->dim[TD_C] = (int32_t)(1 + td_rng_below(r, n));
        break;
    }
    if (p->dim[TD_P] == 1) {
        p->dim[TD_P] = (int32_t)(1 + td_rng_below(r, n));
        p->dim[TD_Q] = (int32_t)(1 + td_rng_below(r, (n + 1) / 2));
        p->dim[TD_R] = (int32_t)(1 + td_rng_below(r, 3));
        p->dim[TD_S] = td_rng_below(r, 3) ? 1 : p->dim[TD_R];
        p->stride[0] = (int32_t)(1 + td_rng_below(r, 2));
        p->stride[1] = p->stride[0];
        p->dilation[0] = td_rng_below(r, 4) ? 1 : 2;
        p->dilation[1] = p->dilation[0];
        if (td_rng_below(r, 3) == 0 && p->dim[TD_R] > 1) {
            p->pad[0] = 1;
            p->pad[2] = (int32_t)td_rng_below(r, 2);
        }
    }
    if (td_rng_below(r, 6) == 0) p->dim[TD_N] = 2;
}

static void random_query(td_rng *r, td_hw *hw, td_map_query *q) {
    td_map_query_default(q, hw);
    q->objective = (td_map_objective)td_rng_below(r, 3);
    if (td_rng_below(r, 2))
        for (int t = 0; t < TD_NTENSOR; t++) {
            if (td_rng_below(r, 2)) continue;
            int l = 1 + (int)td_rng_below(r, (uint64_t)(hw->n - 1));
            if (hw->level[l].may_keep & TD_BIT(t)) q->top[t] = (int8_t)l;
        }
    for (int l = 0; l < hw->n; l++) {
        td_level *v = &hw->level[l];
        unsigned inside = 0, at = 0;
        for (int t = 0; t < TD_NTENSOR; t++) {
            if (q->top[t] >= l) inside |= TD_BIT(t);
            if (q->top[t] == l) at |= TD_BIT(t);
        }
        v->must_keep &= (uint8_t)inside;
        if (td_rng_below(r, 4) == 0)
            q->keep[l] = (int16_t)((v->may_keep & td_rng_below(r, 8)) | v->must_keep | at);
    }
}

void random_case(td_rng *r, int size, bool masks, map_case *out) {
    td_hw *hw = &out->hw;
    bool pad = td_rng_below(r, 3) == 0;
    random_hw(r, 2 + (int)td_rng_below(r, 3), pad, hw);
    random_layer(r, 2 + (int)td_rng_below(r, (uint64_t)size), &out->problem);
    const uint64_t spread[] = {0, 60, 200}, most = spread[td_rng_below(r, 3)];
    for (int l = 0; l < hw->n - 1 && most > 0; l++)
        hw->level[l].capacity_bits = 8 + (int64_t)td_rng_below(r, most);
    for (int l = 0; l < hw->n - 1 && masks; l++)
        if (td_rng_below(r, 3) == 0)
            hw->rules.allowed[l][TD_AXIS_T] =
                td_rng_below(r, 3) ? 0 : (uint8_t)td_rng_below(r, 256);
    random_query(r, hw, &out->query);
    const int32_t narrow[] = {4, 8, 16};
    if (td_rng_below(r, 3) == 0) out->problem.acc_bits = (uint8_t)pick(r, narrow, 3);
    td_map_query *q = &out->query;
    if (td_rng_below(r, 4) == 0) q->objective = TD_OBJ_WEIGHTED;
    q->weight[0] = (double)td_rng_below(r, 3) / 2;
    q->weight[1] = 1 + (double)td_rng_below(r, 2);
    if (td_rng_below(r, 3) == 0) q->counting = TD_COUNT_TIMELOOP;
    hw->rules.one_axis = td_rng_below(r, 4) == 0;
    if (td_rng_below(r, 6) == 0)
        for (int l = 0; l < hw->n; l++) {
            int32_t dims[TD_NDIM] = {0, 1, 2, 3, 4, 5, 6, 7};
            char order[TD_NDIM + 1] = "";
            td_rng_shuffle(r, dims, TD_NDIM);
            const int named = 1 + (int)td_rng_below(r, TD_NDIM); /* the others in any order */
            for (int i = 0; i < named; i++) order[i] = td_dim_letter[dims[i]];
            if (td_rng_below(r, 2)) td_map_order_set(&hw->rules, l, order, NULL);
        }
}

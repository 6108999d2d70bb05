/* What of the dynamic program does not depend on the resident weights: what an interval sees of
 * each set of values on chip, and how long the ways of stacks take. */
#include "schedule_dp.h"

#include <string.h>

/* Numbers of the values that may stand on chip across the boundary before interval b, or not. */
static int crossing(const td__sched_plan *p, int boundary, int out[TD__MAX_LIVE]) {
    int n = 0;
    if (boundary == 0 || boundary == p->n) return 0;
    for (int i = 0; i < p->n_value && n < TD__MAX_LIVE; i++)
        if (p->value[i].stay && !p->value[i].pinned && p->value[i].maker < boundary &&
            p->value[i].last >= boundary)
            out[n++] = i;
    return n;
}

/* Bits of pinned values that interval i reads from the chip, but for the joined operand. */
static int64_t pinned_operands(const td__sched_plan *p, int i) {
    const td__step *s = &p->step[i];
    int64_t bits = 0;
    for (int k = 0; k < (s->shape >= 0 ? 1 : s->n_in); k++) {
        bool again = false;
        for (int j = 0; j < k; j++) again |= s->in[j] == s->in[k];
        if (!again && p->value[s->in[k]].pinned) bits += p->value[s->in[k]].bits;
    }
    return bits;
}

static void set_pinned(const td__sched_plan *p, int i, bool on_chip[], bool to) {
    const td__step *s = &p->step[i];
    for (int k = 0; k < s->n_in; k++)
        if (p->value[s->in[k]].pinned) on_chip[s->in[k]] = to;
}

static bool reads(const td__step *s, int value) {
    for (int k = 0; k < s->n_in; k++)
        if (s->in[k] == value) return true;
    return false;
}

static void see_vector(td__dp *d, int i, int64_t operands, bool *on_chip, td__view *v) {
    const td__sched_plan *p = d->plan;
    const td__step *s = &p->step[i];
    for (int out = 0; out < 2; out++) {
        td__vector_work w;
        on_chip[s->value] = out == 1;
        td__vector_step(p, i, on_chip, &w);
        v->vector[out].cycles = td__vector_cycles(d->hw, d->home, &w, NULL);
        v->vector[out].read = w.dram_read;
        v->vector[out].write = w.dram_write;
        v->vector[out].dram = td__dram_cycles(d->hw, w.dram_read, w.dram_write);
        v->vector[out].pj = td__vector_pj(d->hw, d->home, &w);
        v->vector[out].bits = operands + (out == 1 ? p->value[s->value].bits : 0);
    }
    on_chip[s->value] = false;
}

/* By mask and way, of a step to which a layer is joined whose other operand is on chip or in DRAM.
 */
static const double *joined_cycles(td__dp *d, int i, bool chip, const td__vector_work *w) {
    double *c = d->joined[2 * i + chip];
    const td__ways *of = d->table->of[d->plan->step[i].shape];
    if (c[0] > 0) return c; /* by another set of values */
    for (int mask = 0; mask < TD__MASKS; mask++)
        for (int k = 0; k < of[mask].n; k++)
            c[mask * TD__ALL_WAYS + k] =
                td__joined_cycles(d->hw, d->home, &of[mask].way[k], w, NULL);
    c[0] = fmax(c[0], 1); /* of mask 0: there is always a way, and a cycle */
    return c;
}

/* Lists of an interval's ways by what is on chip, with the operand of what is joined to it on chip
 * or not, and weights loaded for the next interval or not. */
typedef td__cheapest *kept_ways[2][TD__MASKS][2];

static bool make_kept(const td__dp *d, int i, kept_ways out) {
    const td__step *s = &d->plan->step[i];
    const td__ways *of = d->table->of[s->shape];
    const int times = s->joined >= 0 ? 4 : 2;
    int n = 0;
    for (int mask = 0; mask < TD__MASKS; mask++) n += times * (of[mask].n + 1);
    td__cheapest *k = TD_NEW(d->arena, td__cheapest, n);
    for (int mask = 0; k != NULL && mask < TD__MASKS; mask++)
        for (int time = 0; time < times; time++) {
            out[time >> 1][mask][time & 1] = k;
            if (of[mask].n > 0) k->way = -1;
            k += of[mask].n;
            k++->bits = INT64_MAX;
        }
    return k != NULL;
}

static void see(td__dp *d, int i, int set, const int *live, int n_live, const int *behind,
                int n_behind, const kept_ways kept, bool *on_chip) {
    const td__sched_plan *p = d->plan;
    const td__step *s = &p->step[i];
    td__view *v = &d->view[i][set];
    int64_t operands = pinned_operands(p, i);
    *v = (td__view){.held = p->pinned[i], .others = p->pinned[i] - operands};
    set_pinned(p, i, on_chip, true);
    for (int k = 0; k < n_live; k++) on_chip[live[k]] = set >> k & 1;
    for (int k = 0; k < n_live; k++) {
        if (!on_chip[live[k]]) continue;
        v->held += p->value[live[k]].bits;
        /* The input of a mapped layer is in its way's bits, the operand joined to it is not. */
        if (s->shape < 0 ? reads(s, live[k]) : s->in[0] == live[k])
            operands += p->value[live[k]].bits;
        else
            v->others += p->value[live[k]].bits;
        for (int j = 0; j < n_behind; j++)
            if (behind[j] == live[k]) v->to[0] = (uint16_t)(v->to[0] | 1u << j);
    }
    v->to[1] = v->to[0] | d->own[i];
    if (s->shape < 0) {
        see_vector(d, i, operands, on_chip, v);
    } else {
        if (on_chip[s->in[0]]) v->chip = TD_BIT(TD_I);
        if (s->joined >= 0) {
            td__vector_step(p, i, on_chip, &v->work);
            v->joined_read = v->work.dram_read;
            v->joined_pj = td__vector_pj(d->hw, d->home, &v->work);
            v->joined = joined_cycles(d, i, v->work.chip_read > 0, &v->work);
        }
        for (int k = 0; k < 8; k++) {
            const unsigned chip = v->chip | (k & 4 ? TD_BIT(TD_O) : 0) | (k & 2 ? TD_BIT(TD_W) : 0);
            v->kept[k >> 2][k >> 1 & 1][k & 1] = kept[v->work.chip_read > 0][chip][k & 1];
        }
    }
    for (int k = 0; k < n_live; k++) on_chip[live[k]] = false;
    set_pinned(p, i, on_chip, false);
}

static bool make_cells(td__dp *d) {
    d->no_cell = TD_NEW(d->arena, td__cell, d->n_cell);
    for (int k = 0; d->no_cell != NULL && k < d->n_cell; k++)
        d->no_cell[k].first = d->no_cell[k].second = INFINITY;
    for (int wrap = 0; wrap < 2; wrap++) {
        td__cell *c = TD_NEW(d->arena, td__cell, d->n_cell);
        if (c == NULL) return false;
        for (int i = 0; i <= d->plan->n; c += 2 * d->sets[i++]) d->cell[wrap][i] = c;
    }
    return d->no_cell != NULL;
}

td__dp *td__dp_create(const td__sched_plan *p, const td_hw *hw, const td__home *h,
                      const td__table *t, const td__stacks *stacks, td_map_objective objective,
                      td_arena *a) {
    int n = p->n;
    td__dp *d = TD_NEW(a, td__dp, 1);
    bool *on_chip = TD_NEW(a, bool, p->n_value);
    if (d == NULL || on_chip == NULL) return NULL;
    *d = (td__dp){.plan = p, .hw = hw, .home = h, .table = t, .arena = a, .limit = INFINITY};
    d->by_energy = objective == TD_OBJ_ENERGY;
    const td_level *top = &hw->level[hw->n - 1];
    d->one_port = isinf(top->read_bw) && isinf(top->write_bw);
    d->per_bit = 1 / top->shared_bw;
    d->leak_pj = hw->leak_w / hw->clock_hz * 1e12;
    d->view = TD_NEW(a, td__view *, n);
    d->sets = TD_NEW(a, int, n + 1);
    d->own = TD_NEW(a, uint16_t, n);
    d->load_pj = TD_NEW(a, double, n);
    d->cell[0] = TD_NEW(a, td__cell *, n + 1);
    d->cell[1] = TD_NEW(a, td__cell *, n + 1);
    d->ahead_ok = TD_NEW(a, bool, n);
    d->none = TD_NEW(a, bool, n);
    d->choice = TD_NEW(a, td__choice, n);
    d->joined = TD_NEW(a, double *, 2 * n);
    d->stack_at = TD_NEW(a, int, n + 1);
    if (!d->view || !d->sets || !d->own || !d->load_pj || !d->cell[0] || !d->cell[1] ||
        !d->ahead_ok || !d->none || !d->choice || !d->joined || !d->stack_at)
        return NULL;
    int live[TD__MAX_LIVE], behind[TD__MAX_LIVE];
    int n_live = 0;
    for (int i = 0; i <= n; i++) {
        int n_behind = i < n ? crossing(p, i + 1, behind) : 0;
        d->sets[i] = 1 << n_live;
        d->n_cell += 2 * d->sets[i];
        if (i == n) break;
        const td__step *s = &p->step[i];
        d->view[i] = TD_NEW(a, td__view, d->sets[i]);
        if (d->view[i] == NULL) return NULL;
        for (int chip = 0; s->joined >= 0 && chip < 2; chip++) {
            d->joined[2 * i + chip] = TD_NEW(a, double, TD__MASKS *TD__ALL_WAYS);
            if (d->joined[2 * i + chip] == NULL) return NULL;
        }
        for (int j = 0; j < n_behind; j++)
            if (behind[j] == s->value) d->own[i] = (uint16_t)(1u << j);
        kept_ways kept;
        if (s->shape >= 0 && !make_kept(d, i, kept)) return NULL;
        for (int set = 0; set < d->sets[i]; set++)
            see(d, i, set, live, n_live, behind, n_behind, kept, on_chip);
        if (s->shape >= 0) {
            d->load_pj[i] = td__load_pj(p, hw, h, i);
            d->ahead_ok[i] = (h->may & TD_BIT(TD_W)) != 0 && !p->step[i].product;
        }
        n_live = n_behind;
        memcpy(live, behind, sizeof live);
    }
    return make_cells(d) && td__dp_stacks(d, stacks) ? d : NULL;
}

/* Cycles on chip of all ways of a layer of a stack, with what is joined to it: four lists, with the
 * joined operand in DRAM, the same and with the wait for its weights (once they are asked for), and
 * both with it on chip. */
static double *time_ways(const td__dp *d, const td__stack *k, int j, const td__ways *list) {
    const td__step *s = &d->plan->step[k->first + j];
    double *out = TD_NEW(d->arena, double, 4 * list->n + 1);
    for (int chip = 0; out != NULL && chip < (s->joined >= 0 ? 2 : 1); chip++) {
        double *bare = out + 2 * chip * list->n;
        const td__vector_work *work = NULL; /* of any set of values with the operand there */
        for (int set = 0; s->joined >= 0 && set < d->sets[k->first + j] && work == NULL; set++)
            if ((d->view[k->first + j][set].work.chip_read > 0) == chip)
                work = &d->view[k->first + j][set].work;
        for (int w = 0; w < list->n; w++) {
            const td__way *way = &list->way[w];
            bare[w] =
                work != NULL ? td__joined_cycles(d->hw, d->home, way, work, NULL) : way->cycles;
        }
    }
    return out;
}

void td__time_late(const td__dp *d, const td__stack *k, int j, const td__ways *list, double *bare) {
    double *late = bare + list->n;
    if (list->n == 0 || late[0] > 0) return;
    const int64_t bits = d->plan->step[k->first + j].weight_bits;
    for (int w = 0; w < list->n; w++)
        late[w] = fmax(bare[w], td__stack_wait(d->hw, bits, k->passes[j], bare[w]));
}

/* Those that have changed since td__dp_relaxed have a rest no more. */
bool td__dp_stacks(td__dp *d, const td__stacks *stacks) {
    const int n = stacks != NULL ? stacks->n : 0;
    d->stacks = stacks;
    for (int i = 0, k = 0; i <= d->plan->n; i++) {
        d->stack_at[i] = k;
        while (k < n && stacks->stack[k].first == i) k++;
    }
    if (n == 0) return true;
    const bool floored = stacks->stack == d->floored && n == d->n_floored;
    d->stack_view = floored ? d->floored_view : TD_NEW(d->arena, td__stack_view, n);
    if (d->stack_view == NULL) return false;
    for (int i = 0; i < n; i++) {
        const td__stack *k = &stacks->stack[i];
        td__stack_view *v = &d->stack_view[i];
        for (int j = 0; j < k->n; j++)
            for (int side = 0; side < TD__STACK_SIDES; side++) {
                const td__ways *list = &k->ways[j][side];
                if (v->cycles[j][side] != NULL && v->way[j][side] == list->way) continue;
                v->rest = NULL;
                v->way[j][side] = list->way;
                if ((v->cycles[j][side] = time_ways(d, k, j, list)) == NULL) return false;
            }
    }
    return true;
}

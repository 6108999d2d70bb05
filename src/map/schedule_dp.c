/* Best places for given resident weights: a dynamic program over the intervals.
 *
 * State at the boundary before interval i: which of the values that cross it stand on chip, and
 * whether the weights of interval i were loaded ahead (during i - 1). From there interval i decides
 * where its own value will stand, whether the weights of i + 1 are loaded during it, and by which
 * way of the table it runs in the room that is left. The cost of an interval depends on nothing
 * else, and times and energies add up, so the recursion is exact. In the steady state the boundary
 * after the last interval is the one before the first: the program runs for both values of its
 * flag.
 *
 * Room in interval i: resident weights of all other layers, values on chip that pass by, weights
 * that are being loaded for i + 1, and the way's own bits (its tensors on chip and its tiles). */
#include "schedule.h"

#include <string.h>

/* A set of values on chip at the boundary before an interval, as the interval sees it. */
typedef struct {
    int64_t others; /* bits of values on chip that pass by */
    int64_t held;   /* bits of all values on chip at the boundary */
    uint16_t next;  /* the set at the boundary behind, without the interval's own value */
    uint8_t chip;   /* mapped: TD_BIT(TD_I) if the input is on chip */
    double joined_read, joined_pj; /* mapped: of the layer joined to it, DRAM bits and pJ */
    td__vector_work work;          /* ... itself */
    const double *joined;          /* ... and cycles on chip of both by mask and way, or NULL */
    struct {
        double cycles, read, write, dram, pj;
        int64_t bits;
    } vector[2]; /* vector unit: its value in DRAM, on chip */
} view;

typedef struct {
    double first, second;
    uint16_t from;
    uint16_t stack; /* number + 1 of the stack that ends there; 0: a single interval */
    uint8_t chip, way, out;
} cell;

struct td__dp {
    const td__sched_plan *plan;
    const td_hw *hw;
    const td__home *home;
    const td__table *table;
    const td__stacks *stacks; /* NULL: none */
    bool by_energy;
    bool one_port;  /* DRAM has one rate for both directions together, and no other limit */
    double leak_pj; /* per cycle */
    view **view;    /* [interval][set] */
    int *sets;      /* sets at the boundary before an interval; sets[n] = 1 */
    uint16_t *own;  /* bit of the interval's value in the set behind it, 0: it cannot stand there */
    double *load_pj;    /* of an interval's weights */
    cell **cell;        /* [boundary][set * 2 + flag] */
    bool *ahead_ok;     /* an interval's weights may be loaded ahead */
    bool *none;         /* no resident weights */
    td__choice *choice; /* of td__dp_priced */
    double **joined;    /* [2 * interval + operand on chip] */
    int64_t runs;
};

/* ---- preparation ------------------------------------------------------------------------------
 */

/* Numbers of the values that may stand on chip across the boundary before interval b. */
static int crossing(const td__sched_plan *p, int boundary, int out[TD__MAX_LIVE]) {
    int n = 0;
    if (boundary == 0 || boundary == p->n) return 0;
    for (int i = 0; i < p->n_value && n < TD__MAX_LIVE; i++)
        if (p->value[i].stay && p->value[i].maker < boundary && p->value[i].last >= boundary)
            out[n++] = i;
    return n;
}

static bool reads(const td__step *s, int value) {
    for (int k = 0; k < s->n_in; k++)
        if (s->in[k] == value) return true;
    return false;
}

static void see_vector(td__dp *d, int i, int64_t operands, bool *on_chip, view *v) {
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
            c[mask * TD__MAX_WAYS + k] =
                td__joined_cycles(d->hw, d->home, &of[mask].way[k], w, NULL);
    c[0] = fmax(c[0], 1); /* of mask 0: there is always a way, and a cycle */
    return c;
}

static void see(td__dp *d, int i, int set, const int *live, int n_live, const int *behind,
                int n_behind, bool *on_chip) {
    const td__sched_plan *p = d->plan;
    const td__step *s = &p->step[i];
    view *v = &d->view[i][set];
    int64_t operands = 0;
    *v = (view){0};
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
            if (behind[j] == live[k]) v->next = (uint16_t)(v->next | 1u << j);
    }
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
    }
    for (int k = 0; k < n_live; k++) on_chip[live[k]] = false;
}

td__dp *td__dp_create(const td__sched_plan *p, const td_hw *hw, const td__home *h,
                      const td__table *t, const td__stacks *stacks, td_map_objective objective,
                      td_arena *a) {
    int n = p->n;
    td__dp *d = TD_NEW(a, td__dp, 1);
    bool *on_chip = TD_NEW(a, bool, p->n_value);
    if (d == NULL || on_chip == NULL) return NULL;
    *d = (td__dp){.plan = p, .hw = hw, .home = h, .table = t, .stacks = stacks};
    d->by_energy = objective == TD_OBJ_ENERGY;
    const td_level *top = &hw->level[hw->n - 1];
    d->one_port = isinf(top->read_bw) && isinf(top->write_bw);
    d->leak_pj = hw->leak_w / hw->clock_hz * 1e12;
    d->view = TD_NEW(a, view *, n);
    d->sets = TD_NEW(a, int, n + 1);
    d->own = TD_NEW(a, uint16_t, n);
    d->load_pj = TD_NEW(a, double, n);
    d->cell = TD_NEW(a, cell *, n + 1);
    d->ahead_ok = TD_NEW(a, bool, n);
    d->none = TD_NEW(a, bool, n);
    d->choice = TD_NEW(a, td__choice, n);
    d->joined = TD_NEW(a, double *, 2 * n);
    if (!d->view || !d->sets || !d->own || !d->load_pj || !d->cell || !d->ahead_ok || !d->none ||
        !d->choice || !d->joined)
        return NULL;
    int live[TD__MAX_LIVE], behind[TD__MAX_LIVE];
    int n_live = 0;
    for (int i = 0; i <= n; i++) {
        int n_behind = i < n ? crossing(p, i + 1, behind) : 0;
        d->sets[i] = 1 << n_live;
        d->cell[i] = TD_NEW(a, cell, 2 * d->sets[i]);
        if (d->cell[i] == NULL) return NULL;
        if (i == n) break;
        const td__step *s = &p->step[i];
        d->view[i] = TD_NEW(a, view, d->sets[i]);
        if (d->view[i] == NULL) return NULL;
        for (int chip = 0; s->joined >= 0 && chip < 2; chip++) {
            d->joined[2 * i + chip] = TD_NEW(a, double, TD__MASKS *TD__MAX_WAYS);
            if (d->joined[2 * i + chip] == NULL) return NULL;
        }
        for (int j = 0; j < n_behind; j++)
            if (behind[j] == s->value) d->own[i] = (uint16_t)(1u << j);
        for (int set = 0; set < d->sets[i]; set++)
            see(d, i, set, live, n_live, behind, n_behind, on_chip);
        if (s->shape >= 0) {
            d->load_pj[i] = td__load_pj(p, hw, h, i);
            d->ahead_ok[i] = (h->may & TD_BIT(TD_W)) != 0 && !p->step[i].product;
        }
        n_live = n_behind;
        memcpy(live, behind, sizeof live);
    }
    return d;
}

/* ---- the recursion ----------------------------------------------------------------------------
 */

typedef struct {
    double cycles, pj;
    double paid; /* of a stack: for weights that are to be resident */
    int way;
} step_cost;

typedef struct {
    td__dp *d;
    const bool *resident;
    td__regime regime;
    bool relaxed;
    bool priced; /* weights may be resident for `price` a bit, in the room that is set aside */
    double price;
    int64_t resident_bits;
} run;

static inline bool better(double first, double second, double than_first, double than_second) {
    return first < than_first || (first == than_first && second < than_second);
}

/* Cheapest way of a list in `room` with `extra` bits more to read and `extra_pj`; chip: cycles on
 * chip of each way with what is joined to it, NULL: its own. */
static bool cheapest(const td__dp *d, const td__ways *list, int64_t room, double extra,
                     double extra_pj, const double *chip, step_cost *out) {
    double best_first = INFINITY, best_second = INFINITY;
    const td_level *top = &d->hw->level[d->hw->n - 1];
    for (int k = 0; k < list->n && list->way[k].bits <= room; k++) {
        const td__way *w = &list->way[k];
        double cycles = chip != NULL ? chip[k] : w->cycles;
        if (cycles > best_first && !d->by_energy) continue;
        if (extra <= 0)
            cycles = cycles > w->dram ? cycles : w->dram;
        else if (cycles * top->shared_bw < w->read + extra + w->write || !d->one_port) {
            double dram = td__dram_cycles(d->hw, w->read + extra, w->write);
            cycles = cycles > dram ? cycles : dram;
        }
        double pj = w->pj + extra_pj + d->leak_pj * cycles;
        double first = d->by_energy ? pj : cycles, second = d->by_energy ? cycles : pj;
        if (!better(first, second, best_first, best_second)) continue;
        best_first = first;
        best_second = second;
        *out = (step_cost){.cycles = cycles, .pj = pj, .way = k};
    }
    return best_first < INFINITY;
}

/* paid: for weights that are to be resident. */
static void relax(const run *r, int i, int from, int to, const step_cost *c, unsigned chip, int out,
                  double paid) {
    const td__dp *d = r->d;
    const cell *a = &d->cell[i][from];
    cell *b = &d->cell[i + 1][to];
    double first = a->first + (d->by_energy ? c->pj : c->cycles) + paid;
    double second = a->second + (d->by_energy ? c->cycles : c->pj);
    if (!better(first, second, b->first, b->second)) return;
    *b = (cell){first, second, (uint16_t)from, 0, (uint8_t)chip, (uint8_t)c->way, (uint8_t)out};
}

/* All decisions of interval i from one state; `next` is whose weights may be loaded meanwhile (-1:
 * none). */
static void advance(const run *r, int i, int set, int flag, int next) {
    td__dp *d = r->d;
    const td__step *s = &d->plan->step[i];
    const view *v = &d->view[i][set];
    const bool bounded = d->home->home >= 0;
    int from = set * 2 + flag;
    int64_t others = v->others + r->resident_bits;
    if (r->resident[i] && !r->relaxed) others -= s->weight_bits; /* its own: in the way's bits */
    for (int ahead = 0; ahead < (next >= 0 ? 2 : 1); ahead++) {
        double extra = 0, extra_pj = 0;
        int64_t room = bounded ? d->home->pool - others : INT64_MAX;
        if (ahead) {
            extra = (double)d->plan->step[next].weight_bits;
            extra_pj = d->load_pj[next];
            if (!r->resident[next]) room -= d->plan->step[next].weight_bits;
        }
        if (r->regime == TD__COLD && r->resident[i] && !flag) { /* loaded once, now */
            extra += (double)s->weight_bits;
            extra_pj += d->load_pj[i];
        }
        for (int out = 0; out < (d->own[i] != 0 ? 2 : 1); out++) {
            int to = (v->next | (out ? d->own[i] : 0)) * 2 + ahead;
            step_cost c = {0};
            if (s->shape < 0) {
                if (v->vector[out].bits > room) continue;
                double dram = extra > 0 ? td__dram_cycles(d->hw, v->vector[out].read + extra,
                                                          v->vector[out].write)
                                        : v->vector[out].dram;
                c.cycles = v->vector[out].cycles > dram ? v->vector[out].cycles : dram;
                c.pj = v->vector[out].pj + extra_pj + d->leak_pj * c.cycles;
                c.way = 0;
                relax(r, i, from, to, &c, 0, out, 0);
                continue;
            }
            unsigned chip = v->chip | (out ? TD_BIT(TD_O) : 0);
            const td__ways *of = d->table->of[s->shape];
            const double read = extra + v->joined_read, pj = extra_pj + v->joined_pj;
            const double *joined =
                v->joined != NULL ? v->joined + (size_t)chip * TD__MAX_WAYS : NULL;
            bool weights = flag || (r->resident[i] && !r->relaxed);
            if (!weights && cheapest(d, &of[chip], room, read, pj, joined, &c))
                relax(r, i, from, to, &c, chip, out, 0);
            if (weights || r->relaxed || r->priced) {
                chip |= TD_BIT(TD_W);
                if (joined != NULL) joined += TD_BIT(TD_W) * TD__MAX_WAYS;
                bool bought = r->priced && !weights;
                double paid = bought ? r->price * (double)s->weight_bits : 0;
                int64_t own = bought ? room + s->weight_bits : room; /* is in the reserve */
                if (cheapest(d, &of[chip], own, read, pj, joined, &c))
                    relax(r, i, from, to, &c, chip, out, paid);
            }
        }
    }
}

/* Whose weights may be loaded during interval i. */
static int loaded_during(const run *r, int i) {
    const td__dp *d = r->d;
    if (r->relaxed) return -1; /* they are there for nothing */
    if (i + 1 == d->plan->n && r->regime == TD__COLD) return -1;
    int next = (i + 1) % d->plan->n;
    if (!d->ahead_ok[next]) return -1;
    return r->resident[next] && r->regime == TD__STEADY ? -1 : next;
}

/* ---- stacks -----------------------------------------------------------------------------------
 */

/* What a stack takes from a state, its output on chip or not, the weights of the interval behind it
 * loaded during it or not; *to: the set at its end, without its output. choice: NULL, or the ways
 * by layer. False: no room. */
static bool stack_cost(const run *r, const td__stack *k, int set, int flag, bool out, int ahead,
                       td__choice *choice, step_cost *sum, int *to) {
    const td__dp *d = r->d;
    const td__sched_plan *p = d->plan;
    const int last = k->n - 1, next = (k->first + k->n) % p->n;
    int64_t room = d->home->pool - d->view[k->first][set].held - r->resident_bits - k->buffer;
    if (out) room -= p->value[p->step[k->first + last].value].bits;
    if (ahead && !r->resident[next]) room -= p->step[next].weight_bits;
    for (int j = 0; j < k->n && !r->relaxed; j++)
        if (!r->resident[k->first + j]) room -= p->step[k->first + j].weight_bits;
    if (room < 0) return false;
    *sum = (step_cost){0};
    for (int j = 0; j < k->n; j++) {
        const int i = k->first + j;
        const td__step *s = &p->step[i];
        const view *v = &d->view[i][set];
        bool there = r->relaxed || (j == 0 && flag) || (r->resident[i] && r->regime == TD__STEADY);
        double read = there ? 0 : (double)s->weight_bits, pj = there ? 0 : d->load_pj[i];
        if (j == last && ahead) {
            read += (double)p->step[next].weight_bits;
            pj += d->load_pj[next];
        }
        int side = j == 0 ? v->chip != 0 : j == last ? out : 0;
        const td__ways *list = &k->ways[j][side];
        /* With what is joined; and with the wait for its weights. */
        double bare[TD__MAX_WAYS], cycles[TD__MAX_WAYS];
        for (int w = 0; w < list->n; w++) {
            cycles[w] = bare[w] =
                s->joined >= 0 ? td__joined_cycles(d->hw, d->home, &list->way[w], &v->work, NULL)
                               : list->way[w].cycles;
            if (there) continue;
            double wait = td__stack_wait(d->hw, s->weight_bits, k->passes[j], cycles[w]);
            cycles[w] = fmax(cycles[w], wait);
        }
        if (s->joined >= 0) { /* of the last layer only */
            read += v->joined_read;
            pj += v->joined_pj;
        }
        step_cost c;
        int64_t own = r->relaxed ? room - s->weight_bits : room;
        if (!cheapest(d, list, own, read, pj, cycles, &c)) return false;
        bool bought = false;
        if (r->priced && !there) { /* resident, if that is worth its price */
            step_cost b;
            double paid = r->price * (double)s->weight_bits;
            cheapest(d, list, own, read - (double)s->weight_bits, pj - d->load_pj[i], bare, &b);
            bought = (d->by_energy ? b.pj : b.cycles) + paid < (d->by_energy ? c.pj : c.cycles);
            if (bought) c = b;
            if (bought) sum->paid += paid;
        }
        sum->cycles += c.cycles;
        sum->pj += c.pj;
        if (choice != NULL)
            choice[i] =
                (td__choice){.way = &list->way[c.way], .resident = bought, .stack = k, .at = j};
        set = v->next;
    }
    *to = set;
    return true;
}

/* All decisions of a stack from one state. */
static void advance_stack(const run *r, int number, int set, int flag) {
    td__dp *d = r->d;
    const td__stack *k = &d->stacks->stack[number];
    const int behind = k->first + k->n, next = loaded_during(r, behind - 1);
    const unsigned own = d->own[behind - 1];
    const cell *a = &d->cell[k->first][set * 2 + flag];
    for (int ahead = 0; ahead < (next >= 0 ? 2 : 1); ahead++)
        for (int out = 0; out < (own != 0 ? 2 : 1); out++) {
            step_cost c;
            int to;
            if (!stack_cost(r, k, set, flag, out, ahead, NULL, &c, &to)) continue;
            to = (to | (out ? (int)own : 0)) * 2 + ahead;
            cell *b = &d->cell[behind][to];
            double first = a->first + (d->by_energy ? c.pj : c.cycles) + c.paid;
            double second = a->second + (d->by_energy ? c.cycles : c.pj);
            if (!better(first, second, b->first, b->second)) continue;
            *b = (cell){first, second,      (uint16_t)(set * 2 + flag), (uint16_t)(number + 1), 0,
                        0,     (uint8_t)out};
        }
}

static void forward(const run *r, int wrap) {
    td__dp *d = r->d;
    int n = d->plan->n;
    for (int i = 0; i <= n; i++)
        for (int k = 0; k < 2 * d->sets[i]; k++)
            d->cell[i][k].first = d->cell[i][k].second = INFINITY;
    d->cell[0][wrap].first = d->cell[0][wrap].second = 0;
    for (int i = 0, stack = 0; i < n; i++) {
        int next = loaded_during(r, i), stacks = stack;
        while (d->stacks != NULL && stacks < d->stacks->n && d->stacks->stack[stacks].first == i)
            stacks++;
        for (int set = 0; set < d->sets[i]; set++)
            for (int flag = 0; flag < 2; flag++) {
                if (!(d->cell[i][set * 2 + flag].first < INFINITY)) continue;
                advance(r, i, set, flag, next);
                for (int k = stack; k < stacks; k++) advance_stack(r, k, set, flag);
            }
        stack = stacks;
    }
}

static void backward(const run *r, int wrap, td__choice *choice) {
    const td__dp *d = r->d;
    int at = wrap;
    for (int i = d->plan->n - 1; i >= 0; i--) {
        const cell *c = &d->cell[i + 1][at];
        const td__step *s = &d->plan->step[i];
        if (c->stack > 0) {
            const td__stack *k = &d->stacks->stack[c->stack - 1];
            step_cost sum;
            int to;
            stack_cost(r, k, c->from / 2, c->from & 1, c->out, at & 1, choice, &sum, &to);
            choice[i].out_chip = c->out;
            choice[k->first].ahead = c->from & 1;
            i = k->first;
            at = c->from;
            continue;
        }
        choice[i] = (td__choice){.out_chip = c->out, .ahead = c->from & 1};
        choice[i].resident = r->priced && (c->chip & TD_BIT(TD_W)) && !(c->from & 1);
        if (s->shape >= 0) choice[i].way = &d->table->of[s->shape][c->chip].way[c->way];
        at = c->from;
    }
}

static bool solve(run *r, td__answer *out) {
    td__dp *d = r->d;
    int n = d->plan->n;
    d->runs++;
    out->first = out->second = INFINITY;
    bool wraps = r->regime == TD__STEADY && loaded_during(r, n - 1) >= 0;
    for (int wrap = 0; wrap < (wraps ? 2 : 1); wrap++) {
        forward(r, wrap);
        const cell *end = &d->cell[n][wrap];
        if (!better(end->first, end->second, out->first, out->second)) continue;
        out->first = end->first;
        out->second = end->second;
        if (out->choice != NULL) backward(r, wrap, out->choice);
    }
    return out->first < INFINITY;
}

bool td__dp_run(td__dp *d, const bool *resident, td__regime regime, td__answer *out) {
    run r = {.d = d, .resident = resident, .regime = regime};
    for (int i = 0; i < d->plan->n; i++)
        if (resident[i]) r.resident_bits += d->plan->step[i].weight_bits;
    if (d->home->home >= 0 && r.resident_bits > d->home->pool) return false;
    return solve(&r, out);
}

bool td__dp_relaxed(td__dp *d, td__answer *out) {
    run r = {.d = d, .resident = d->none, .regime = TD__STEADY, .relaxed = true};
    return solve(&r, out);
}

int64_t td__dp_priced(td__dp *d, int64_t reserve, double price, bool *resident) {
    const td__sched_plan *p = d->plan;
    run r = {.d = d, .resident = d->none, .regime = TD__STEADY, .priced = true};
    r.price = price;
    r.resident_bits = reserve;
    td__answer a = {.choice = d->choice};
    if (!solve(&r, &a)) return -1;
    int64_t bits = 0;
    for (int i = 0; i < p->n; i++) {
        const td__choice *c = &d->choice[i];
        resident[i] = c->resident;
        if (resident[i]) bits += p->step[i].weight_bits;
    }
    return bits;
}

int64_t td__dp_runs(const td__dp *d) {
    return d->runs;
}

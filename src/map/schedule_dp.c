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
 * that are being loaded for i + 1, and the way's own bits (its tensors on chip and its tiles).
 *
 * The program is run for dozens of sets of resident weights. So it is run backwards first, with
 * all weights on chip for nothing: what is still to come of a state is at least that, and states
 * that can only lead to worse than a limit are left alone. */
#include "schedule_dp.h"

/* ---- the recursion ----------------------------------------------------------------------------
 */

/* first and second: objective and tie-break, as in td__answer. */
typedef struct {
    double first, second;
    double paid; /* of a stack: for weights that are to be resident */
    int way;
} step_cost;

typedef struct {
    td__dp *d;
    const bool *resident;
    td__regime regime;
    bool relaxed;
    bool priced; /* weights may be resident for `price` a bit, in the room that is set aside, */
    bool lent;   /* or in no room but their own layer's */
    double price;
    int64_t room; /* beside resident weights */
    double limit; /* what is worse is of no interest */
    td__cell **cell;
    bool back; /* fills d->rest instead */
} run;

static inline bool better(double first, double second, double than_first, double than_second) {
    return first < than_first || (first == than_first && second < than_second);
}

/* How many ways of a list have room. */
static int fitting(const td__ways *list, int64_t room) {
    int n = 0;
    while (n < list->n && list->way[n].bits <= room) n++;
    return n;
}

/* What a way takes with `extra` bits more to read and `extra_pj` whose cycles on chip are `cycles`.
 */
static step_cost cost_of(const td__dp *d, const td__way *w, double cycles, double extra,
                         double extra_pj) {
    double dram = w->dram;
    if (extra > 0) {
        dram = d->one_port ? (w->read + extra + w->write) * d->per_bit : INFINITY;
        if (dram > cycles) dram = td__dram_cycles(d->hw, w->read + extra, w->write);
    }
    cycles = cycles > dram ? cycles : dram;
    const double pj = w->pj + extra_pj + d->leak_pj * cycles;
    return d->by_energy ? (step_cost){.first = pj, .second = cycles}
                        : (step_cost){.first = cycles, .second = pj};
}

/* Cheapest of the first n ways of a list with `extra` bits more to read and `extra_pj`; chip:
 * cycles on chip of each way with what is joined to it, NULL: its own. Of equals the smallest. */
static bool cheapest(const td__dp *d, const td__ways *list, int n, double extra, double extra_pj,
                     const double *chip, step_cost *out) {
    out->first = out->second = INFINITY;
    for (int k = n - 1; k >= 0; k--) { /* more room is mostly faster: others are left soon */
        const td__way *w = &list->way[k];
        const double cycles = chip != NULL ? chip[k] : w->cycles;
        if (cycles > out->first && !d->by_energy) continue;
        const step_cost c = cost_of(d, w, cycles, extra, extra_pj);
        if (better(out->first, out->second, c.first, c.second)) continue;
        out->first = c.first;
        out->second = c.second;
        out->way = k;
    }
    return out->first < INFINITY;
}

/* The cheapest of each number of ways of a list. */
static void keep(const td__dp *d, const td__ways *list, double extra, double extra_pj,
                 const double *chip, td__cheapest *out) {
    td__cheapest best = {.first = INFINITY, .second = INFINITY};
    for (int k = 0; k < list->n; k++) {
        const td__way *w = &list->way[k];
        const step_cost c = cost_of(d, w, chip != NULL ? chip[k] : w->cycles, extra, extra_pj);
        if (k == 0 || better(c.first, c.second, best.first, best.second))
            best = (td__cheapest){.first = c.first, .second = c.second, .way = (int16_t)k};
        best.bits = w->bits;
        out[k] = best;
    }
}

/* The cheapest ways of interval i as its view has it, with weights that it loads: `ahead` for the
 * next one, and its own. Returns how many there are. */
static int keep_ways(const td__dp *d, int i, const td__view *v, int on_chip, bool weights,
                     int ahead, bool own, td__cheapest *out) {
    const unsigned chip = v->chip | (on_chip ? TD_BIT(TD_O) : 0) | (weights ? TD_BIT(TD_W) : 0);
    const td__ways *list = &d->table->of[d->plan->step[i].shape][chip];
    const int next = (i + 1) % d->plan->n;
    const double *cycles = v->joined != NULL ? v->joined + (size_t)chip * TD__ALL_WAYS : NULL;
    double bits = 0, pj = 0;
    if (ahead) {
        bits = (double)d->plan->step[next].weight_bits;
        pj = d->load_pj[next];
    }
    if (own) {
        bits += (double)d->plan->step[i].weight_bits;
        pj += d->load_pj[i];
    }
    keep(d, list, bits + v->joined_read, pj + v->joined_pj, cycles, out);
    for (int k = 0; k < list->n; k++) out[k].chip = (uint8_t)chip;
    return list->n;
}

/* The cheapest in `room`; NULL: there is none. */
static inline const td__cheapest *in_room(const td__cheapest *k, int64_t room) {
    if (k->bits > room) return NULL;
    while (k[1].bits <= room) k++;
    return k;
}

/* A state before interval i: where its decisions begin. */
typedef struct {
    const td__dp *d;
    int i, next; /* next: whose weights may be loaded during i, -1: none */
    uint16_t at; /* set * 2 + flag */
    const td__view *view;
    double first, second; /* so far */
    td__cell *behind;     /* cells at the boundary behind i; NULL: fills d->rest instead, */
    double *here;         /* this one */
    const double *rest;   /* from those behind i */
} state;

/* paid: for weights that are to be resident. */
static inline void relax(const state *s, const td__cheapest *c, int out, int ahead, double paid) {
    const int to = s->view->to[out] * 2 + ahead;
    if (s->behind == NULL) {
        double with = c->first + s->rest[to];
        if (with < *s->here) *s->here = with;
        return;
    }
    td__cell *b = &s->behind[to];
    double first = s->first + c->first + paid;
    double second = s->second + c->second;
    if (!better(first, second, b->first, b->second)) return;
    *b = (td__cell){first, second, s->at, 0, c->chip, (uint8_t)c->way, (uint8_t)out};
}

/* The same for an interval of the vector unit. */
static void advance_vector(const state *s, int ahead, int out, int64_t room) {
    const td__dp *d = s->d;
    const td__view *v = s->view;
    if (v->vector[out].bits > room) return;
    double dram = v->vector[out].dram, pj = v->vector[out].pj;
    if (ahead) {
        const double bits = (double)d->plan->step[s->next].weight_bits;
        dram = td__dram_cycles(d->hw, v->vector[out].read + bits, v->vector[out].write);
        pj += d->load_pj[s->next];
    }
    const double cycles = v->vector[out].cycles > dram ? v->vector[out].cycles : dram;
    pj += d->leak_pj * cycles;
    const td__cheapest c = {.first = d->by_energy ? pj : cycles,
                            .second = d->by_energy ? cycles : pj};
    relax(s, &c, out, ahead, 0);
}

/* Its weights are on chip, or not. */
static inline void advance_mapped(const state *s, int ahead, int out, bool weights, int64_t room,
                                  double paid) {
    td__cheapest *k = s->view->kept[out][weights][ahead];
    if (k->way < 0) keep_ways(s->d, s->i, s->view, out, weights, ahead, false, k);
    const td__cheapest *c = in_room(k, room);
    if (c != NULL) relax(s, c, out, ahead, paid);
}

/* ... and are loaded for good, in its own interval. */
static void advance_loading(const state *s, int ahead, int out, int64_t room) {
    td__cheapest k[TD__ALL_WAYS + 1];
    const int n = keep_ways(s->d, s->i, s->view, out, true, ahead, true, k);
    k[n].bits = INT64_MAX;
    const td__cheapest *c = in_room(k, room);
    if (c != NULL) relax(s, c, out, ahead, 0);
}

/* All decisions of interval i from one state; `next` is whose weights may be loaded meanwhile (-1:
 * none). */
static void advance(const run *r, int i, int set, int flag, int next) {
    const td__dp *d = r->d;
    const td__step *step = &d->plan->step[i];
    state s = {.d = d, .i = i, .next = next, .at = (uint16_t)(set * 2 + flag)};
    s.view = &d->view[i][set];
    if (r->back) {
        s.here = &d->rest[i][s.at];
        s.rest = d->rest[i + 1];
    } else {
        s.first = r->cell[i][s.at].first;
        s.second = r->cell[i][s.at].second;
        s.behind = r->cell[i + 1];
    }
    const bool own = r->resident[i] && !r->relaxed, weights = flag || own;
    const bool loading = r->regime == TD__COLD && r->resident[i] && !flag;
    const bool may_buy = (r->relaxed || r->priced) && !step->product;
    const double paid = r->priced ? r->price * (double)step->weight_bits : 0;
    const int64_t reserve = r->priced && !r->lent ? step->weight_bits : 0;
    const bool pinned = d->plan->value[step->value].pinned;
    const int outs = pinned || d->own[i] != 0 ? 2 : 1;
    int64_t room = r->room - s.view->others;
    if (own) room += step->weight_bits; /* they are in the way's bits */
    for (int ahead = 0; ahead < (next >= 0 ? 2 : 1); ahead++) {
        if (ahead && !r->resident[next]) room -= d->plan->step[next].weight_bits;
        for (int out = pinned; out < outs; out++) {
            if (step->shape < 0) {
                advance_vector(&s, ahead, out, room);
            } else if (loading) {
                advance_loading(&s, ahead, out, room);
            } else {
                advance_mapped(&s, ahead, out, weights, room, 0);
                if (!weights && may_buy) advance_mapped(&s, ahead, out, true, room + reserve, paid);
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

/* What layer j of a stack takes in `room`. choice: NULL, or it goes there. False: no room. */
static bool layer_cost(const run *r, int number, int j, const td__view *v, bool there, int side,
                       int64_t room, double extra, double extra_pj, td__choice *choice,
                       step_cost *sum, int64_t *bits) {
    const td__dp *d = r->d;
    const td__stack *k = &d->stacks->stack[number];
    const td__step *s = &d->plan->step[k->first + j];
    const td__ways *list = &k->ways[j][side];
    const double weights = (double)s->weight_bits, load_pj = d->load_pj[k->first + j];
    double *bare = d->stack_view[number].cycles[j][side];
    if (s->joined >= 0) { /* of the last layer only */
        if (v->work.chip_read > 0) bare += 2 * list->n;
        extra += v->joined_read;
        extra_pj += v->joined_pj;
    }
    if (r->relaxed) room -= s->weight_bits;
    const int fit = fitting(list, room);
    step_cost c;
    if (!there) td__time_late(d, k, j, list, bare);
    if (!cheapest(d, list, fit, there ? extra : extra + weights,
                  there ? extra_pj : extra_pj + load_pj, there ? bare : bare + list->n, &c))
        return false;
    bool bought = r->priced && r->relaxed; /* for nothing */
    if (r->priced && !there) {             /* resident, if that is worth its price */
        step_cost b;
        double paid = r->price * weights;
        cheapest(d, list, fit, extra, extra_pj, bare, &b);
        bought = b.first + paid < c.first;
        if (bought) c = b;
        if (bought) sum->paid += paid;
    }
    sum->first += c.first;
    sum->second += c.second;
    const int64_t needed = list->way[c.way].bits + (r->relaxed ? s->weight_bits : 0);
    if (needed > *bits) *bits = needed;
    if (choice != NULL)
        choice[k->first + j] =
            (td__choice){.way = &list->way[c.way], .resident = bought, .stack = k, .at = j};
    return true;
}

/* What a stack takes from a state up to its last layer, in the room that is left with the last one
 * as `out` and `ahead` say. *bits: of the pool that these ways need. */
typedef struct {
    int64_t room;
    int set; /* before the last layer */
    step_cost sum;
    int64_t bits;
} begun;

static int64_t stack_room(const run *r, const td__stack *k, int set, bool out, int ahead) {
    const td__dp *d = r->d;
    const td__sched_plan *p = d->plan;
    const int next = (k->first + k->n) % p->n;
    int64_t room = r->room - d->view[k->first][set].held - k->buffer;
    if (out) room -= p->value[p->step[k->first + k->n - 1].value].bits;
    if (ahead && !r->resident[next]) room -= p->step[next].weight_bits;
    for (int j = 0; j < k->n && !r->relaxed; j++)
        if (!r->resident[k->first + j]) room -= p->step[k->first + j].weight_bits;
    return room;
}

static bool there(const run *r, int i, bool flag) {
    return r->relaxed || flag || (r->resident[i] && r->regime == TD__STEADY);
}

static bool begin_stack(const run *r, int number, int set, int flag, int64_t room,
                        td__choice *choice, begun *b) {
    const td__dp *d = r->d;
    const td__stack *k = &d->stacks->stack[number];
    *b = (begun){.room = room, .set = set};
    for (int j = 0; j + 1 < k->n; j++) {
        const int i = k->first + j;
        const td__view *v = &d->view[i][b->set];
        if (!layer_cost(r, number, j, v, there(r, i, j == 0 && flag), j == 0 && v->chip != 0, room,
                        0, 0, choice, &b->sum, &b->bits))
            return false;
        b->set = v->to[0];
    }
    return true;
}

/* Its output on chip or not, the weights of the interval behind it loaded during it or not; *to:
 * the set at its end. */
static bool end_stack(const run *r, int number, const begun *b, int64_t room, bool out, int ahead,
                      td__choice *choice, step_cost *sum, int *to) {
    const td__dp *d = r->d;
    const td__stack *k = &d->stacks->stack[number];
    const int last = k->first + k->n - 1, next = (last + 1) % d->plan->n;
    const td__view *v = &d->view[last][b->set];
    int64_t bits = 0;
    *sum = b->sum;
    *to = v->to[out];
    return layer_cost(r, number, k->n - 1, v, there(r, last, false), out, room,
                      ahead ? (double)d->plan->step[next].weight_bits : 0,
                      ahead ? d->load_pj[next] : 0, choice, sum, &bits);
}

/* All decisions of a stack from one state. */
static void advance_stack(const run *r, int number, int set, int flag) {
    td__dp *d = r->d;
    const td__stack *k = &d->stacks->stack[number];
    const int behind = k->first + k->n, next = loaded_during(r, behind - 1);
    const bool pinned = d->plan->value[d->plan->step[behind - 1].value].pinned;
    const int outs = pinned || d->own[behind - 1] != 0 ? 2 : 1;
    const td__cell *a = r->back ? NULL : &r->cell[k->first][set * 2 + flag];
    double *rest = d->stack_view[number].rest;
    if (a != NULL && rest != NULL && a->first + rest[set] > r->limit) return;
    begun b;
    bool fits = false;
    for (int ahead = 0; ahead < (next >= 0 ? 2 : 1); ahead++)
        for (int out = pinned; out < outs; out++) {
            step_cost c;
            int to;
            const int64_t room = stack_room(r, k, set, out, ahead);
            if (room < 0) continue;
            /* The first layers are as in more room, if their ways do with less. */
            if (!fits || room > b.room || room < b.bits)
                fits = begin_stack(r, number, set, flag, room, NULL, &b);
            if (!fits || !end_stack(r, number, &b, room, out, ahead, NULL, &c, &to)) continue;
            to = to * 2 + ahead;
            if (a == NULL) {
                const double with = c.first + d->rest[behind][to];
                rest[set] = fmin(rest[set], with);
                double *here = &d->rest[k->first][set * 2 + flag];
                *here = fmin(*here, with);
                continue;
            }
            td__cell *x = &r->cell[behind][to];
            double first = a->first + c.first + c.paid;
            double second = a->second + c.second;
            if (!better(first, second, x->first, x->second)) continue;
            *x = (td__cell){
                first, second,      (uint16_t)(set * 2 + flag), (uint16_t)(number + 1), 0,
                0,     (uint8_t)out};
        }
}

/* From a cell where the weights of the first interval were there at the start, which the last one
 * has to load: whatever follows is cheaper by that from the same cell without, if to have them
 * there has not saved as much. */
static bool vain(const td__dp *d, int i, int at) {
    const td__cell *with = &d->cell[1][i][at], *without = &d->cell[0][i][at];
    const double first = with->first + (d->by_energy ? d->load_pj[0] : 0);
    const double second = with->second + (d->by_energy ? 0 : d->load_pj[0]);
    return first > without->first * TD__SLACK ||
           (first == without->first && second > without->second * TD__SLACK);
}

static void forward(run *r, int wrap) {
    td__dp *d = r->d;
    int n = d->plan->n;
    r->cell = d->cell[wrap];
    memcpy(r->cell[0], d->no_cell, sizeof *d->no_cell * (size_t)d->n_cell);
    r->cell[0][wrap].first = r->cell[0][wrap].second = 0;
    for (int i = 0; i < n; i++) {
        const td__cell *cell = r->cell[i];
        const double *rest = d->rest != NULL ? d->rest[i] : NULL;
        const int next = loaded_during(r, i);
        const int n_at = 2 * d->sets[i];
        for (int at = 0; at < n_at; at++) {
            if (!(cell[at].first < INFINITY)) continue;
            if (rest != NULL && cell[at].first + rest[at] > r->limit) continue;
            if (wrap && vain(d, i, at)) continue;
            advance(r, i, at / 2, at % 2, next);
            for (int k = d->stack_at[i]; k < d->stack_at[i + 1]; k++)
                advance_stack(r, k, at / 2, at % 2);
        }
    }
}

static void backward(const run *r, int wrap, td__choice *choice) {
    const td__dp *d = r->d;
    int at = wrap;
    for (int i = d->plan->n - 1; i >= 0; i--) {
        const td__cell *c = &r->cell[i + 1][at];
        const td__step *s = &d->plan->step[i];
        if (c->stack > 0) {
            const td__stack *k = &d->stacks->stack[c->stack - 1];
            const int64_t room = stack_room(r, k, c->from / 2, c->out, at & 1);
            begun b;
            step_cost sum;
            int to;
            begin_stack(r, c->stack - 1, c->from / 2, c->from & 1, room, choice, &b);
            end_stack(r, c->stack - 1, &b, room, c->out, at & 1, choice, &sum, &to);
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
        const td__cell *end = &r->cell[n][wrap];
        if (!better(end->first, end->second, out->first, out->second)) continue;
        out->first = end->first;
        out->second = end->second;
        if (out->choice != NULL) backward(r, wrap, out->choice);
    }
    return out->first < INFINITY;
}

static int64_t pool_of(const td__dp *d) {
    return d->home->home >= 0 ? d->home->pool : TD__UNBOUNDED;
}

bool td__dp_run(td__dp *d, const bool *resident, td__regime regime, td__answer *out) {
    run r = {.d = d, .resident = resident, .regime = regime, .limit = d->limit};
    r.room = pool_of(d);
    for (int i = 0; i < d->plan->n; i++)
        if (resident[i]) r.room -= d->plan->step[i].weight_bits;
    return r.room >= 0 && solve(&r, out);
}

/* Room for the rests of intervals and stacks. */
static bool make_floor(td__dp *d) {
    const int n = d->plan->n, m = d->stack_at[n];
    double **rest = d->rest != NULL ? d->rest : TD_NEW(d->arena, double *, n + 1);
    for (int i = 0; d->rest == NULL && rest != NULL && i <= n; i++)
        if ((rest[i] = TD_NEW(d->arena, double, 2 * d->sets[i])) == NULL) return false;
    int sets = 0;
    for (int k = 0; k < m; k++) sets += d->sets[d->stacks->stack[k].first];
    double *stack_rest = TD_NEW(d->arena, double, sets + 1);
    if (rest == NULL || stack_rest == NULL) return false;
    for (int k = 0; k < m; stack_rest += d->sets[d->stacks->stack[k++].first])
        d->stack_view[k].rest = stack_rest;
    d->rest = rest;
    d->floored = m > 0 ? d->stacks->stack : NULL;
    d->n_floored = m;
    d->floored_view = d->stack_view;
    return true;
}

/* Fills them, from the last interval to the first. */
static void find_floor(run *r) {
    td__dp *d = r->d;
    r->back = true;
    d->rest[d->plan->n][0] = d->rest[d->plan->n][1] = 0;
    for (int i = d->plan->n - 1; i >= 0; i--)
        for (int set = 0; set < d->sets[i]; set++) {
            double *rest = d->rest[i] + 2 * set;
            rest[0] = INFINITY;
            advance(r, i, set, 0, -1);
            for (int k = d->stack_at[i]; k < d->stack_at[i + 1]; k++) {
                d->stack_view[k].rest[set] = INFINITY;
                advance_stack(r, k, set, 0);
            }
            rest[1] = rest[0];
        }
    r->back = false;
}

bool td__dp_relaxed(td__dp *d, td__answer *out) {
    run r = {.d = d, .resident = d->none, .regime = TD__STEADY, .relaxed = true};
    r.room = pool_of(d);
    if (!make_floor(d)) return false;
    find_floor(&r);
    r.limit = d->rest[0][0] * TD__SLACK; /* the way there has only to be followed */
    return solve(&r, out);
}

void td__dp_limit(td__dp *d, double limit) {
    d->limit = limit;
}

/* Runs with prices; bits of the weights that were worth them, which go to `resident` (may be NULL).
 * -1: nothing is feasible. */
static int64_t with_prices(run *r, bool *resident, double *first) {
    const td__dp *d = r->d;
    td__answer a = {.choice = d->choice};
    if (!solve(r, &a)) return -1;
    int64_t bits = 0;
    for (int i = 0; i < d->plan->n; i++) {
        const bool worth = d->choice[i].resident;
        if (resident != NULL) resident[i] = worth;
        if (worth) bits += d->plan->step[i].weight_bits;
    }
    *first = a.first;
    return bits;
}

int64_t td__dp_priced(td__dp *d, int64_t reserve, double price, bool *resident) {
    run r = {.d = d, .resident = d->none, .regime = TD__STEADY, .priced = true, .price = price};
    r.limit = INFINITY;
    double first;
    r.room = pool_of(d) - reserve;
    return with_prices(&r, resident, &first);
}

/* Lagrangian bound: whatever a bit of room costs, no schedule whose resident weights take at most
 * `room` costs less than what is cheapest with that price, without what `room` bits pay. Every
 * choice is a line over the price. Where those of two choices meet, the cheapest one there gives
 * the next line, until it is one of the two: that price has the greatest bound (Kelley 1960). */
double td__dp_least(td__dp *d, double room) {
    enum { LINES = 5 };
    run r = {.d = d, .resident = d->none, .regime = TD__STEADY, .priced = true, .lent = true};
    r.room = pool_of(d);
    r.limit = INFINITY;
    double first;
    r.relaxed = true; /* what is free has no price */
    int64_t bits = with_prices(&r, NULL, &first);
    r.relaxed = false;
    if (bits < 0) return 0;
    double best = first, many = (double)bits, many_first = first, few = 0;
    td__answer none = {.choice = NULL};
    if (many <= room || !td__dp_run(d, d->none, TD__STEADY, &none)) return best;
    double few_first = none.first;
    for (int k = 0; k < LINES && few_first > many_first; k++) {
        r.price = (few_first - many_first) / (many - few);
        if ((bits = with_prices(&r, NULL, &first)) < 0) break;
        best = fmax(best, first - r.price * room);
        if (first >= (many_first + r.price * many) * (1 - 1e-9)) break;
        first -= r.price * (double)bits;
        if ((double)bits > room) {
            many = (double)bits;
            many_first = first;
        } else {
            few = (double)bits;
            few_first = first;
        }
    }
    return best;
}

int64_t td__dp_runs(const td__dp *d) {
    return d->runs;
}

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
#include "schedule_dp.h"

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
    bool priced; /* weights may be resident for `price` a bit, in the room that is set aside, */
    bool lent;   /* or in no room but their own layer's */
    double price;
    int64_t resident_bits;
    bool back; /* fills d->rest */
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

/* Cheapest of the first n ways of a list with `extra` bits more to read and `extra_pj`; chip:
 * cycles on chip of each way with what is joined to it, NULL: its own. */
static bool cheapest(const td__dp *d, const td__ways *list, int n, double extra, double extra_pj,
                     const double *chip, step_cost *out) {
    double best_first = INFINITY, best_second = INFINITY;
    for (int k = n - 1; k >= 0; k--) { /* more room is mostly faster: others are left soon */
        const td__way *w = &list->way[k];
        double cycles = chip != NULL ? chip[k] : w->cycles, dram = w->dram;
        if (cycles > best_first && !d->by_energy) continue;
        if (extra > 0 && !d->one_port) {
            dram = td__dram_cycles(d->hw, w->read + extra, w->write);
        } else if (extra > 0) {
            dram = (w->read + extra + w->write) * d->per_bit;
            if (!d->by_energy && dram > best_first + 1) continue;
            if (dram > cycles) dram = td__dram_cycles(d->hw, w->read + extra, w->write);
        }
        cycles = cycles > dram ? cycles : dram;
        double pj = w->pj + extra_pj + d->leak_pj * cycles;
        double first = d->by_energy ? pj : cycles, second = d->by_energy ? cycles : pj;
        if (better(best_first, best_second, first, second)) continue; /* of equals the smallest */
        best_first = first;
        best_second = second;
        *out = (step_cost){.cycles = cycles, .pj = pj, .way = k};
    }
    return best_first < INFINITY;
}

/* Weights that an interval loads for the next one (`ahead`), and its own (`own`). */
typedef struct {
    int ahead;
    bool own;
    double bits, pj;
} loads;

/* Cheapest way of interval i in `room`, as its view and what it loads have it. */
static bool cheapest_of(td__dp *d, int i, unsigned chip, const td__view *v, const loads *l,
                        int64_t room, step_cost *out) {
    const td__ways *list = &d->table->of[d->plan->step[i].shape][chip];
    const double *cycles = v->joined != NULL ? v->joined + (size_t)chip * TD__ALL_WAYS : NULL;
    const double read = l->bits + v->joined_read, pj = l->pj + v->joined_pj;
    const int n = fitting(list, room);
    if (n == 0 || l->own) return cheapest(d, list, n, read, pj, cycles, out);
    const size_t slot = td__kept_slot(i, v->work.chip_read > 0, chip, l->ahead);
    td__cheapest *k = &d->kept[d->kept_at[slot] + n - 1];
    if (k->way < 0) {
        if (!cheapest(d, list, n, read, pj, cycles, out)) return false;
        *k = (td__cheapest){out->cycles, out->pj, out->way};
    }
    *out = (step_cost){.cycles = k->cycles, .pj = k->pj, .way = k->way};
    return true;
}

/* paid: for weights that are to be resident. */
static void relax(const run *r, int i, int from, int to, const step_cost *c, unsigned chip, int out,
                  double paid) {
    const td__dp *d = r->d;
    const td__cell *a = &d->cell[i][from];
    td__cell *b = &d->cell[i + 1][to];
    if (r->back) {
        double rest = (d->by_energy ? c->pj : c->cycles) + d->rest[i + 1][to];
        if (rest < d->rest[i][from]) d->rest[i][from] = rest;
        return;
    }
    double first = a->first + (d->by_energy ? c->pj : c->cycles) + paid;
    double second = a->second + (d->by_energy ? c->cycles : c->pj);
    if (!better(first, second, b->first, b->second)) return;
    *b = (td__cell){first, second, (uint16_t)from, 0, (uint8_t)chip, (uint8_t)c->way, (uint8_t)out};
}

/* All decisions of interval i from one state; `next` is whose weights may be loaded meanwhile (-1:
 * none). */
static void advance(const run *r, int i, int set, int flag, int next) {
    td__dp *d = r->d;
    const td__step *s = &d->plan->step[i];
    const td__view *v = &d->view[i][set];
    const bool bounded = d->home->home >= 0;
    int from = set * 2 + flag;
    int64_t others = v->others + r->resident_bits;
    if (r->resident[i] && !r->relaxed) others -= s->weight_bits; /* its own: in the way's bits */
    for (int ahead = 0; ahead < (next >= 0 ? 2 : 1); ahead++) {
        loads l = {.ahead = ahead};
        int64_t room = bounded ? d->home->pool - others : INT64_MAX;
        if (ahead) {
            l.bits = (double)d->plan->step[next].weight_bits;
            l.pj = d->load_pj[next];
            if (!r->resident[next]) room -= d->plan->step[next].weight_bits;
        }
        if (r->regime == TD__COLD && r->resident[i] && !flag) { /* loaded once, now */
            l.own = true;
            l.bits += (double)s->weight_bits;
            l.pj += d->load_pj[i];
        }
        for (int out = 0; out < (d->own[i] != 0 ? 2 : 1); out++) {
            int to = (v->next | (out ? d->own[i] : 0)) * 2 + ahead;
            step_cost c = {0};
            if (s->shape < 0) {
                if (v->vector[out].bits > room) continue;
                double dram = l.bits > 0 ? td__dram_cycles(d->hw, v->vector[out].read + l.bits,
                                                           v->vector[out].write)
                                         : v->vector[out].dram;
                c.cycles = v->vector[out].cycles > dram ? v->vector[out].cycles : dram;
                c.pj = v->vector[out].pj + l.pj + d->leak_pj * c.cycles;
                c.way = 0;
                relax(r, i, from, to, &c, 0, out, 0);
                continue;
            }
            unsigned chip = v->chip | (out ? TD_BIT(TD_O) : 0);
            bool weights = flag || (r->resident[i] && !r->relaxed);
            if (!weights && cheapest_of(d, i, chip, v, &l, room, &c))
                relax(r, i, from, to, &c, chip, out, 0);
            if (weights || ((r->relaxed || r->priced) && !s->product)) {
                chip |= TD_BIT(TD_W);
                bool bought = r->priced && !weights;
                double paid = bought ? r->price * (double)s->weight_bits : 0;
                int64_t own = bought && !r->lent ? room + s->weight_bits : room; /* reserve */
                if (cheapest_of(d, i, chip, v, &l, own, &c))
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

/* What layer j of a stack takes in `room`. choice: NULL, or it goes there. False: no room. */
static bool layer_cost(const run *r, int number, int j, const td__view *v, bool there, int side,
                       int64_t room, double extra, double extra_pj, td__choice *choice,
                       step_cost *sum, int64_t *bits) {
    const td__dp *d = r->d;
    const td__stack *k = &d->stacks->stack[number];
    const td__step *s = &d->plan->step[k->first + j];
    const td__ways *list = &k->ways[j][side];
    const double weights = (double)s->weight_bits, load_pj = d->load_pj[k->first + j];
    const double *bare = d->timed[(number * TD__MAX_STACK + j) * TD__STACK_SIDES + side];
    if (s->joined >= 0) { /* of the last layer only */
        if (v->work.chip_read > 0) bare += 2 * list->n;
        extra += v->joined_read;
        extra_pj += v->joined_pj;
    }
    if (r->relaxed) room -= s->weight_bits;
    const int fit = fitting(list, room);
    step_cost c;
    if (!cheapest(d, list, fit, there ? extra : extra + weights,
                  there ? extra_pj : extra_pj + load_pj, there ? bare : bare + list->n, &c))
        return false;
    bool bought = r->priced && r->relaxed; /* for nothing */
    if (r->priced && !there) {             /* resident, if that is worth its price */
        step_cost b;
        double paid = r->price * weights;
        cheapest(d, list, fit, extra, extra_pj, bare, &b);
        bought = (d->by_energy ? b.pj : b.cycles) + paid < (d->by_energy ? c.pj : c.cycles);
        if (bought) c = b;
        if (bought) sum->paid += paid;
    }
    sum->cycles += c.cycles;
    sum->pj += c.pj;
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
    int64_t room = d->home->pool - d->view[k->first][set].held - r->resident_bits - k->buffer;
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
        b->set = v->next;
    }
    return true;
}

/* Its output on chip or not, the weights of the interval behind it loaded during it or not; *to:
 * the set at its end, without its output. */
static bool end_stack(const run *r, int number, const begun *b, int64_t room, bool out, int ahead,
                      td__choice *choice, step_cost *sum, int *to) {
    const td__dp *d = r->d;
    const td__stack *k = &d->stacks->stack[number];
    const int last = k->first + k->n - 1, next = (last + 1) % d->plan->n;
    const td__view *v = &d->view[last][b->set];
    int64_t bits = 0;
    *sum = b->sum;
    *to = v->next;
    return layer_cost(r, number, k->n - 1, v, there(r, last, false), out, room,
                      ahead ? (double)d->plan->step[next].weight_bits : 0,
                      ahead ? d->load_pj[next] : 0, choice, sum, &bits);
}

/* All decisions of a stack from one state. */
static void advance_stack(const run *r, int number, int set, int flag) {
    td__dp *d = r->d;
    const td__stack *k = &d->stacks->stack[number];
    const int behind = k->first + k->n, next = loaded_during(r, behind - 1);
    const unsigned own = d->own[behind - 1];
    const td__cell *a = &d->cell[k->first][set * 2 + flag];
    begun b;
    bool fits = false;
    for (int ahead = 0; ahead < (next >= 0 ? 2 : 1); ahead++)
        for (int out = 0; out < (own != 0 ? 2 : 1); out++) {
            step_cost c;
            int to;
            const int64_t room = stack_room(r, k, set, out, ahead);
            if (room < 0) continue;
            /* The first layers are as in more room, if their ways do with less. */
            if (!fits || room > b.room || room < b.bits)
                fits = begin_stack(r, number, set, flag, room, NULL, &b);
            if (!fits || !end_stack(r, number, &b, room, out, ahead, NULL, &c, &to)) continue;
            to = (to | (out ? (int)own : 0)) * 2 + ahead;
            if (r->back) {
                double rest = (d->by_energy ? c.pj : c.cycles) + d->rest[behind][to];
                double *here = &d->rest[k->first][set * 2 + flag];
                if (rest < *here) *here = rest;
                continue;
            }
            td__cell *x = &d->cell[behind][to];
            double first = a->first + (d->by_energy ? c.pj : c.cycles) + c.paid;
            double second = a->second + (d->by_energy ? c.cycles : c.pj);
            if (!better(first, second, x->first, x->second)) continue;
            *x = (td__cell){
                first, second,      (uint16_t)(set * 2 + flag), (uint16_t)(number + 1), 0,
                0,     (uint8_t)out};
        }
}

/* wrap: the weights of the first interval are there at the start. */
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
                const double so_far = d->cell[i][set * 2 + flag].first;
                if (!(so_far < INFINITY)) continue;
                if (d->rest != NULL && so_far + d->rest[i][set * 2 + flag] > d->limit) continue;
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
        const td__cell *c = &d->cell[i + 1][at];
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
        const td__cell *end = &d->cell[n][wrap];
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

bool td__dp_floor(td__dp *d) {
    const int n = d->plan->n, m = d->stacks != NULL ? d->stacks->n : 0;
    run r = {.d = d, .resident = d->none, .regime = TD__STEADY, .relaxed = true, .back = true};
    if (d->rest == NULL) {
        double **rest = TD_NEW(d->arena, double *, n + 1);
        for (int i = 0; rest != NULL && i <= n; i++)
            if ((rest[i] = TD_NEW(d->arena, double, 2 * d->sets[i])) == NULL) return false;
        d->rest = rest;
    }
    if (d->rest == NULL) return false;
    for (int i = n, behind = m; i >= 0; i--) {
        for (int k = 0; k < 2 * d->sets[i]; k++) d->rest[i][k] = i == n ? 0 : INFINITY;
        if (i == n) continue;
        int stack = behind;
        while (stack > 0 && d->stacks->stack[stack - 1].first == i) stack--;
        for (int set = 0; set < d->sets[i]; set++) {
            advance(&r, i, set, 0, -1);
            for (int k = stack; k < behind; k++) advance_stack(&r, k, set, 0);
            d->rest[i][set * 2 + 1] = d->rest[i][set * 2];
        }
        behind = stack;
    }
    return true;
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
    double first;
    r.resident_bits = reserve;
    return with_prices(&r, resident, &first);
}

/* Lagrangian bound: whatever a bit of room costs, no schedule whose resident weights take at most
 * `room` costs less than what is cheapest with that price, without what `room` bits pay. Every
 * choice is a line over the price. Where those of two choices meet, the cheapest one there gives
 * the next line, until it is one of the two: that price has the greatest bound (Kelley 1960). */
double td__dp_least(td__dp *d, double room) {
    enum { LINES = 5 };
    run r = {.d = d, .resident = d->none, .regime = TD__STEADY, .priced = true, .lent = true};
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

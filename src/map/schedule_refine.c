/* The layers of a schedule asked for again, as they stand there.
 *
 * The table has drafts: some hundred answers, each the work of a moment, of which a schedule uses a
 * few dozen. Once it is chosen these get the mapper's time: with the same tensors on chip and the
 * room that is left there (in a stack, the room that the draft takes), so that whatever comes of it
 * fits in its place and nothing else has to move. What is better there, for the interval as a
 * whole, is taken. So a schedule is the best that there is of drafts, and then at least as good in
 * every interval.
 *
 * Better ways are put into the table, too: a bound of what it has must know of them. */
#include "schedule.h"

#include <string.h>

/* What interval i is now: its figure and the other one. */
typedef struct {
    double first, second;
} figures;

static figures figures_of(const td_scheduler *s, int i) {
    const td__spent x = td__scheduler_spent(s, i);
    const double cycles = fmax(x.compute, x.dram);
    const double pj = x.pj + s->hw->leak_w / s->hw->clock_hz * 1e12 * cycles;
    const bool by_energy = s->o.objective == TD_OBJ_ENERGY;
    return by_energy ? (figures){pj, cycles} : (figures){cycles, pj};
}

static bool better(figures a, figures b) {
    return a.first != b.first ? a.first < b.first : a.second < b.second;
}

/* An interval's layer as the mapper is asked for it. */
typedef struct {
    td_problem problem;
    int64_t value[1][TD_NTENSOR];
    unsigned chip;
    int passes; /* turns of a stack; 0: all at once */
} layer;

static layer layer_of(const td_scheduler *s, int i) {
    const td__step *step = &s->plan.step[i];
    const td__stack *stack = s->choice[i].stack;
    const bool in = s->on_chip[step->in[0]], out = s->on_chip[step->value];
    layer x = {.passes = 0};
    if (stack == NULL) {
        const bool weights = s->resident[i] || s->choice[i].ahead;
        x.problem = s->plan.shape[step->shape];
        x.chip = (in ? TD_BIT(TD_I) : 0) | (out ? TD_BIT(TD_O) : 0) | (weights ? TD_BIT(TD_W) : 0);
        memcpy(x.value[0], s->plan.shape_value[step->shape], sizeof x.value[0]);
        return x;
    }
    const int at = s->choice[i].at;
    x.problem = td__stack_turn(&s->plan, stack, at);
    x.chip = td__stack_chip(stack, at, at == 0 ? in : at == stack->n - 1 && out);
    x.passes = stack->passes[at];
    return x;
}

static bool same(const td__way *a, const td__way *b) {
    return a->bits == b->bits && a->cycles == b->cycles && a->pj == b->pj && a->read == b->read &&
           a->write == b->write && a->home_read == b->home_read && a->home_write == b->home_write;
}

/* Into the table, whose lists may be of other networks as well: into a copy. *full: no place. */
static td_status add(td_scheduler *s, int shape, unsigned chip, const td__way *w, bool *full) {
    const td__ways *old = s->table.of[shape];
    const td__ways *list = &old[chip];
    *full = false;
    for (int k = 0; k < list->n; k++)
        if (same(&list->way[k], w)) return TD_OK;
    *full = list->n == TD__ALL_WAYS;
    if (*full) return TD_OK;
    td__ways *of = TD_NEW(s->arena, td__ways, TD__MASKS);
    td__way *way = TD_NEW(s->arena, td__way, TD__ALL_WAYS);
    if (of == NULL || way == NULL) return TD_E_MEMORY;
    memcpy(of, old, sizeof *of * TD__MASKS);
    int at = 0;
    while (at < list->n && list->way[at].bits <= w->bits) at++;
    memcpy(way, list->way, sizeof *way * (size_t)at);
    way[at] = *w;
    memcpy(way + at + 1, list->way + at, sizeof *way * (size_t)(list->n - at));
    of[chip] = (td__ways){list->n + 1, way};
    s->table.of[shape] = of;
    return TD_OK;
}

/* Bits that the way of interval i may need. */
static int64_t place_of(const td_scheduler *s, int i) {
    const td__choice *c = &s->choice[i];
    if (c->stack != NULL || s->home.home < 0) return c->way->bits;
    return s->home.pool - td__others_bits(s, i);
}

static td__need need_of(const td__way *w) {
    return (td__need){.home = w->home, .tiles = w->tiles};
}

/* The same as the mapper is asked for it: at home what the draft needs, the rest for tiles. */
static td__need room_of(const td_scheduler *s, int i) {
    const td__way *draft = s->choice[i].way;
    const td__home *h = &s->home;
    td__need room = need_of(draft);
    const int64_t more = place_of(s, i) - draft->bits;
    if (h->home < 0 || more <= 0) return room;
    const bool split = h->tiles != h->home;
    int64_t *of = split ? &room.tiles : &room.home;
    const int64_t step = td__room_step(split ? h->pool / h->stores : h->pool);
    int64_t bits = *of + (split ? more / h->stores : more);
    if (step > 0) bits -= bits % step;
    if (bits > *of) *of = bits;
    return room;
}

/* Takes the best of the answers that fit in the interval's place. *as_good: one is no worse than
 * what is there. */
static td_status take_best(td_scheduler *s, int i, const layer *x, const td__ways *answers,
                           bool *as_good) {
    td__choice *c = &s->choice[i];
    const int64_t place = place_of(s, i);
    const int shape = s->plan.step[i].shape;
    figures least = figures_of(s, i);
    td__way *kept = TD_NEW(s->arena, td__way, 1);
    *as_good = false;
    if (kept == NULL) return TD_E_MEMORY;
    for (int k = 0; k < answers->n; k++) {
        td__way w = answers->way[k];
        if (x->passes > 0) w = td__turns_way(s->hw, &x->problem, x->chip, x->passes, &w);
        if (w.bits > place) continue;
        const td__way *before = c->way;
        c->way = &w;
        const figures now = figures_of(s, i);
        c->way = before;
        bool full = !better(now, least);
        *as_good |= now.first <= least.first;
        if (!full && c->stack == NULL) {
            td_status status = add(s, shape, x->chip, &w, &full);
            if (status != TD_OK) return status;
        }
        if (full) continue;
        least = now;
        *kept = w;
        c->way = kept;
    }
    return TD_OK;
}

static td_status ask(td_scheduler *s, int i, const layer *x, const td__need *room, bool *as_good) {
    td__ways *of = NULL;
    td__table table = {.of = &of};
    td__maker b = {.plan = &s->plan,
                   .shape = &x->problem,
                   .value = x->value,
                   .hw = s->hw,
                   .home = &s->home,
                   .o = &s->o,
                   .arena = s->arena,
                   .table = &table,
                   .turn = x->passes > 0,
                   .asked = UINT64_C(1) << x->chip,
                   .again = room,
                   .memory = s->table.memory};
    td_status status = td__table_shape(&b, 0, NULL, NULL);
    s->table.calls += table.calls;
    s->table.evaluations += table.evaluations;
    return status == TD_OK ? take_best(s, i, x, &of[x->chip], as_good) : status;
}

td_status td__refine(td_scheduler *s) {
    for (int i = 0; i < s->plan.n; i++) {
        if (s->plan.step[i].shape < 0) continue;
        const layer x = layer_of(s, i);
        const td__need need = need_of(s->choice[i].way), room = room_of(s, i);
        bool as_good;
        td_status status = ask(s, i, &x, &room, &as_good);
        /* More room has more to look at, and what there is in less may be missed. */
        if (status == TD_OK && !as_good) status = ask(s, i, &x, &need, &as_good);
        if (status != TD_OK) return status;
    }
    return TD_OK;
}

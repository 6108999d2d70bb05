/* Which weights stay on chip over inferences.
 *
 * For a given set the dynamic program is exact; the set itself is chosen among candidates
 * (heuristic, unless the result says `proved`):
 * - up to ENUMERATED layers: all sets;
 * - what stands in `resident` before: the best that was seen while stacks were looked for;
 * - otherwise weights are ordered by what being resident saves per byte, seen from the relaxed
 *   solution in which weights on chip cost no room. Sets are filled in this order up to a budget,
 *   for budgets of 4 to 7 quarters of 2^k bits up to the pool (the same numbers whatever the pool,
 * so that a larger pool tries what a smaller one tried);
 * - the dynamic program itself chooses at a price for each bit, in a part of the pool that is set
 *   aside (Lagrangian relaxation of the room that residents share), which sees what a layer is
 * worth beside the others;
 * - the best of all is improved by adding, removing and exchanging single layers while that helps
 *   and runs of the program remain.
 * The relaxed solution is a lower bound for all sets; meeting it ends the search and proves the
 * set. */
#include "schedule.h"

#include <stdlib.h>
#include <string.h>

enum { ENUMERATED = 5, MAX_RUNS = 120, MAX_BUDGETS = 16, PRICES = 5 };

typedef struct {
    int step;
    int64_t bits;
    double first, second; /* saved per bit */
} item;

typedef struct {
    td__dp *dp;
    int n; /* intervals */
    item *item;
    int n_item;
    bool *resident, *best_set;
    td__answer best;
    double bound_first, bound_second;
    int64_t max_runs; /* of the program, in all */
    td__sets *tried;  /* NULL, or where to note them */
} picker;

static int by_benefit(const void *x, const void *y) {
    const item *a = x, *b = y;
    if (a->first != b->first) return a->first > b->first ? -1 : 1;
    if (a->second != b->second) return a->second > b->second ? -1 : 1;
    return a->step - b->step;
}

static bool met(const picker *p) {
    return p->best.first <= p->bound_first && p->best.second <= p->bound_second;
}

/* Of hopes it is not the best set alone that counts, since the others may keep more of theirs. */
static bool done(const picker *p) {
    return met(p) && p->tried == NULL;
}

/* Runs the set in p->resident; true if it is the best so far. */
static bool try_set(picker *p) {
    td__answer a = {.choice = NULL};
    td__dp_limit(p->dp, p->best.first);
    bool found = td__dp_run(p->dp, p->resident, TD__STEADY, &a);
    td__dp_limit(p->dp, INFINITY);
    if (p->tried != NULL && p->tried->n < TD__MAX_SETS) {
        memcpy(p->tried->set + (size_t)p->tried->n * (size_t)p->n, p->resident, (size_t)p->n);
        p->tried->first[p->tried->n++] = fmin(found ? a.first : INFINITY, p->best.first);
    }
    if (!found) return false;
    if (a.first > p->best.first) return false;
    if (a.first == p->best.first && a.second >= p->best.second) return false;
    p->best.first = a.first;
    p->best.second = a.second;
    memcpy(p->best_set, p->resident, (size_t)p->n);
    return true;
}

/* Smallest figures of a layer with these tensors on chip, alone, with `load` bits more to bring for
 * `load_pj`. */
static void alone(const td__ways *list, const td_hw *hw, bool by_energy, double load,
                  double load_pj, double *first, double *second) {
    *first = *second = INFINITY;
    for (int k = 0; k < list->n; k++) {
        const td__way *w = &list->way[k];
        double dram = load > 0 ? td__dram_cycles(hw, w->read + load, w->write) : w->dram;
        double cycles = w->cycles > dram ? w->cycles : dram;
        double pj = w->pj + load_pj + hw->leak_w / hw->clock_hz * 1e12 * cycles;
        double a = by_energy ? pj : cycles, b = by_energy ? cycles : pj;
        if (a < *first || (a == *first && b < *second)) {
            *first = a;
            *second = b;
        }
    }
}

/* Candidates, by what they save where the relaxed solution puts their inputs and outputs. */
static void find_items(picker *p, const td__sched_plan *plan, const td_hw *hw, const td__home *h,
                       const td__table *t, bool by_energy, const td__choice *relaxed) {
    for (int i = 0; i < plan->n; i++) {
        const td__step *s = &plan->step[i];
        if (s->shape < 0 || s->product || !(h->may & TD_BIT(TD_W)) || s->weight_bits > h->pool)
            continue;
        int maker = plan->value[s->in[0]].maker;
        unsigned chip = (maker >= 0 && relaxed[maker].out_chip ? TD_BIT(TD_I) : 0) |
                        (relaxed[i].out_chip ? TD_BIT(TD_O) : 0);
        double with[2], without[2];
        const td__ways *there = &t->of[s->shape][chip | TD_BIT(TD_W)];
        const td__ways *away = &t->of[s->shape][chip];
        double load = 0, load_pj = 0;
        if (relaxed[i].stack != NULL) { /* brought once an inference, if not resident */
            const td__stack *k = relaxed[i].stack;
            int side = relaxed[i].at == 0 ? maker >= 0 && relaxed[maker].out_chip
                                          : relaxed[i].at == k->n - 1 && relaxed[i].out_chip;
            there = away = &k->ways[relaxed[i].at][side];
            load = (double)s->weight_bits;
            load_pj = td__load_pj(plan, hw, h, i);
        }
        alone(there, hw, by_energy, 0, 0, &with[0], &with[1]);
        alone(away, hw, by_energy, load, load_pj, &without[0], &without[1]);
        if (!(with[0] < INFINITY)) continue;
        double bits = (double)s->weight_bits;
        item it = {.step = i, .bits = s->weight_bits};
        /* Where the other place cannot be mapped the benefit is without limit. */
        it.first = without[0] < INFINITY ? (without[0] - with[0]) / bits : 0x1p500;
        it.second = without[0] < INFINITY ? (without[1] - with[1]) / bits : 0x1p500;
        p->item[p->n_item++] = it;
    }
    qsort(p->item, (size_t)p->n_item, sizeof *p->item, by_benefit);
}

static void try_all(picker *p) {
    for (unsigned set = 0; set < 1u << p->n_item; set++) {
        for (int k = 0; k < p->n_item; k++) p->resident[p->item[k].step] = set >> k & 1;
        try_set(p);
    }
}

static void try_budgets(picker *p, int64_t pool) {
    int64_t all = 0;
    for (int k = 0; k < p->n_item; k++) all += p->item[k].bits;
    int64_t budget[MAX_BUDGETS + 4], floor = 1024;
    int n = 0;
    if (all <= pool) budget[n++] = all;
    if (pool < all) budget[n++] = pool;
    int64_t power = 1024;
    while (power <= pool / 2) power *= 2;
    for (; power >= floor && n < MAX_BUDGETS; power /= 2)
        for (int64_t quarters = 7; quarters >= 4; quarters--)
            if (power / 4 * quarters <= pool) budget[n++] = power / 4 * quarters;
    int64_t last = -1;
    int worse = 0;
    for (int b = 0; b < n && worse < 3 && !done(p); b++) {
        if (b > 0 && budget[b] >= all) continue;
        memset(p->resident, 0, (size_t)p->n);
        int64_t used = 0;
        for (int k = 0; k < p->n_item; k++) {
            if (used + p->item[k].bits > budget[b]) continue;
            used += p->item[k].bits;
            p->resident[p->item[k].step] = true;
        }
        if (used == last) continue; /* most likely the same set */
        last = used;
        worse = try_set(p) ? 0 : worse + 1;
    }
}

/* The best sets at a price for each bit, which is raised until they fit into the part of the pool
 * that is set aside for them. */
static void try_prices(picker *p, int64_t reserve) {
    double low = 0, high = 0; /* dearer than anything is worth */
    for (int k = 0; k < p->n_item; k++) high = fmax(high, fmin(p->item[k].first, 0x1p100));
    for (int step = 0; step < PRICES && !met(p); step++) {
        double price = step == 0 ? 0 : (low + high) / 2;
        int64_t bits = td__dp_priced(p->dp, reserve, price, p->resident);
        if (bits < 0) return;
        bool fits = bits <= reserve;
        if (fits) try_set(p);
        if (fits && step == 0) return;
        *(fits ? &high : &low) = price;
    }
}

/* One layer more, in the place of another one (the least useful that will do) if there is no room,
 * or one layer less: in turn for all layers, the most useful first, until a whole round changes
 * nothing. */
static void improve(picker *p) {
    for (int k = 0, idle = 0; idle < p->n_item && !met(p); k = (k + 1) % p->n_item, idle++) {
        if (td__dp_runs(p->dp) >= p->max_runs) return;
        int step = p->item[k].step;
        memcpy(p->resident, p->best_set, (size_t)p->n);
        p->resident[step] = !p->best_set[step];
        bool better = try_set(p);
        for (int j = p->n_item - 1; j > k && !better && p->resident[step]; j--) {
            if (!p->best_set[p->item[j].step]) continue;
            if (td__dp_runs(p->dp) >= p->max_runs) return;
            p->resident[p->item[j].step] = false;
            better = try_set(p);
            if (!better) p->resident[p->item[j].step] = true;
        }
        if (better) idle = -1;
    }
}

/* Relaxed, with its bound and its order of the weights; false: memory, or nothing is feasible. */
static bool open_picker(picker *p, td__dp *dp, const td__sched_plan *plan, const td_hw *hw,
                        const td__home *h, const td__table *t, bool by_energy, td_arena *a,
                        td__choice *choice) {
    *p = (picker){.dp = dp, .n = plan->n, .best_set = p->best_set};
    p->best.first = p->best.second = INFINITY;
    p->resident = TD_NEW(a, bool, plan->n);
    p->item = TD_NEW(a, item, plan->n);
    p->max_runs = td__dp_runs(dp) + MAX_RUNS;
    if (p->best_set == NULL) p->best_set = TD_NEW(a, bool, plan->n);
    td__answer relaxed = {.choice = choice};
    if (!p->resident || !p->item || !p->best_set || !choice || !td__dp_relaxed(dp, &relaxed))
        return false;
    p->bound_first = relaxed.first;
    p->bound_second = relaxed.second;
    find_items(p, plan, hw, h, t, by_energy, choice);
    return true;
}

double td__pick_quick(td__dp *dp, const td__sched_plan *plan, const td_hw *hw, const td__home *h,
                      const td__table *t, td_map_objective objective, td_arena *a, double bar,
                      td__sets *tried) {
    picker p = {.best_set = NULL};
    td__choice *choice = TD_NEW(a, td__choice, plan->n);
    if (tried != NULL) {
        tried->n = 0;
        tried->set = TD_NEW(a, bool, TD__MAX_SETS * plan->n);
        if (tried->set == NULL) return INFINITY;
    }
    if (!open_picker(&p, dp, plan, hw, h, t, objective == TD_OBJ_ENERGY, a, choice))
        return INFINITY;
    if (p.bound_first >= bar) return INFINITY;
    p.tried = tried;
    if (p.n_item <= ENUMERATED) {
        try_all(&p);
    } else {
        try_budgets(&p, h->pool);
        memset(p.resident, 0, (size_t)p.n);
        if (!done(&p)) try_set(&p); /* nothing resident */
    }
    return p.best.first;
}

bool td__pick_resident(td__dp *dp, const td__sched_plan *plan, const td_hw *hw, const td__home *h,
                       const td__table *t, td_map_objective objective, td_arena *a, bool *resident,
                       td__answer *best, bool *proved) {
    picker p = {.best_set = resident};
    *proved = false;
    if (!open_picker(&p, dp, plan, hw, h, t, objective == TD_OBJ_ENERGY, a, best->choice))
        return false;
    memcpy(p.resident, resident, sizeof *resident * (size_t)plan->n);
    try_set(&p);
    memset(p.resident, 0, sizeof *resident * (size_t)plan->n);
    try_set(&p); /* nothing resident */
    if (p.n_item <= ENUMERATED) {
        try_all(&p);
        *proved = true;
    } else {
        try_budgets(&p, h->pool);
        try_prices(&p, h->pool / 8 * 7);
        improve(&p);
        *proved = met(&p);
    }
    *proved = *proved && !plan->beam;
    td__dp_limit(dp, p.best.first * TD__SLACK);
    const bool found = td__dp_run(dp, resident, TD__STEADY, best);
    td__dp_limit(dp, INFINITY);
    return found;
}

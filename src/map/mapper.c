/* td_map_best: a good mapping fast, then a better one or a proof with the nodes that are left.
 *
 * First, one dive under each of the roots with the lowest bounds, fans as full as they get. Then
 * roots that differ from the best one in one level's fan, full or not. Then, if there are nodes
 * left, all roots in the order of their bounds, with nothing left out. */
#include "mapper_plan.h"

#include <stdlib.h>
#include <string.h>

static const char *const objective_name[TD_NOBJ] = {"latency", "energy", "edp", "weighted"};
static const char *const mode_name[TD_NMAP_MODE] = {"fast", "exact", "sample"};

const char *td_map_objective_name(td_map_objective o) {
    return (unsigned)o < TD_NOBJ ? objective_name[o] : "unknown";
}

const char *td_map_mode_name(td_map_mode m) {
    return (unsigned)m < TD_NMAP_MODE ? mode_name[m] : "unknown";
}

const char *td_stop_name(td_stop s) {
    switch (s) {
    case TD_STOP_PROVED: return "proved";
    case TD_STOP_NODES: return "nodes";
    case TD_STOP_TIME: return "time";
    case TD_STOP_HEURISTIC: return "heuristic";
    }
    return "unknown";
}

enum {
    DEFAULT_NODES = 5000,   /* of fast mode, */
    EXACT_NODES = 30000000, /* of exact, */
    SAMPLE_NODES = 100000,  /* and of sample */
    MAX_FANS = 1000,        /* per level, */
    ALL_FANS = 60000,       /* in exact mode */
    FIRST_ROOTS = 48,       /* listed in the first step, */
    FIRST_DIVES = 8,        /* and followed */
    NEAR_ROOTS = 6,         /* per level of the second */
    NEAR_ROUNDS = 4,
    SHORT = 8, /* share of the first list for one before it, which is often enough */
    RESCUE_NODES = 5000,
    LEVEL_NODES = 300, /* at most, per level of a dive */
    DIVE_KEEP = 8,     /* choices of a level that are listed, */
    DIVE_WIDTH = 3,    /* those that are followed at the outermost level, */
    DIVE_INSIDE = 2,   /* and at the others */
    MOST_KEEPS = 64,   /* keep masks that are tried by narrow dives: */
    MORE_ROOTS = 64,
    STARTS = 8,      /* of local searches */
    TIE_NODES = 800, /* of fast mode for ties, once the objective is at its bound, */
    FEW_TIES = 100,  /* or enough */
    NARROW_KEEP = 3,
    NARROW_NODES = 60,
    FEW_CHOICES = 256, /* room for the choices of a dive, all levels together */
    ALL_CHOICES = 32768,
    ALL_ROOTS = 1000000 /* that are listed with their bounds */
};

/* list_share: of the budget for the first list; short_first: one before it. Thousandths of the
 * budget: for ties once the objective is at its bound (0: TIE_NODES), and that dives and local
 * searches may spend in a row without a better one, after the first dives (0: no end). */
static const struct {
    int list_share;
    bool short_first;
    uint64_t ties, patience;
} efforts[TD_NEFFORT] = {{4, false, 0, 0}, {4, false, 75, 75}, {12, true, 5, 75}};

void td_map_query_default(td_map_query *q, const td_hw *hw) {
    *q = (td_map_query){.objective = TD_OBJ_LATENCY, .weight = {1, 1}, .counting = TD_COUNT_EXACT};
    for (int t = 0; t < TD_NTENSOR; t++) q->top[t] = (int8_t)(hw->n - 1);
    for (int l = 0; l < TD_MAX_LEVELS; l++) {
        const bool view = l < hw->n && hw->level[l].shares >= 0;
        q->keep[l] = view ? (int16_t)(hw->level[l].must_keep & TD_ALL_TENSORS) : (int16_t)-1;
    }
}

typedef struct {
    td__space z;
    td__plan plan;
    td__search s;
    td__root root;
    td__shortage least;
    double bound[2];
    double known;                       /* a bound found on the way */
    double enough;                      /* of the query */
    uint64_t end;                       /* nodes at which the search in its present form is over */
    uint64_t tie_nodes;                 /* at most so many once nothing but ties is left to gain */
    uint64_t patience, vain;            /* of efforts; nodes in a row that found nothing better */
    bool short_first, deep, ties, idle; /* of efforts; the first dives are done; nodes for ties are
                                         * counted; patience is at its end */
    bool dived;                         /* some root could be opened */
    td__start start[STARTS];            /* the best of different dives */
    int n_start;
} work;

/* The mapping with the least tiles, as something to start from. */
static void try_least(td__search *s, const td__shortage *least) {
    td_mapping m = {0};
    const td__space *z = s->z;
    for (int l = 0; l < z->n; l++) {
        m.first[l] = m.n;
        m.keep[l] = least->keep[l];
        uint8_t dims[TD_NDIM] = {TD_S, TD_R, TD_Q, TD_P, TD_C, TD_K, TD_G, TD_N};
        td_map_order_sort(z->hw->rules.place[l], dims);
        for (int axis = 0; axis < TD_NAXIS; axis++)
            for (int k = TD_NDIM - 1; k >= 0; k--) {
                const int d = dims[k];
                const int32_t bound[TD_NAXIS] = {least->bound[l][d], least->fan[l].x[d],
                                                 least->fan[l].y[d]};
                if (bound[axis] > 1)
                    m.loop[m.n++] = (td_loop){(uint8_t)d, (uint8_t)axis, bound[axis], bound[axis]};
            }
    }
    m.first[z->n] = m.n;
    double v[2];
    td__try(s, &least->problem, &m, v);
}

static bool met(const work *w) {
    return w->s.found && w->s.best[0] <= w->bound[0] * (1 + 1e-9);
}

/* Nothing but ties is left to gain: at the bound, or as good as the query wants it. */
static bool content(const work *w) {
    return met(w) || (w->s.found && w->s.best[0] <= w->enough * (1 + 1e-9));
}

/* Few nodes are left for ties from the time on that nothing else is: looked at after the first
 * dives, which find what ties there are, and at once where a short list comes first. */
static bool over(work *w) {
    const td__search *s = &w->s;
    w->idle = w->idle || (w->deep && w->vain > w->patience && !content(w));
    if (w->idle) return true;
    if (!w->ties && (w->short_first || w->deep) && content(w)) {
        w->ties = true;
        if (w->enough > 0 && w->tie_nodes > FEW_TIES) w->tie_nodes = FEW_TIES;
        if (s->nodes + w->tie_nodes < w->end) w->end = s->nodes + w->tie_nodes;
    }
    return s->nodes >= w->end || s->late || s->memory;
}

/* Keeps what the dive found if it is one of the best, best first. */
static void add_start(work *w) {
    const td__start *d = &w->s.dive;
    int i = w->n_start;
    for (int k = 0; k < w->n_start; k++)
        if (memcmp(w->start[k].value, d->value, sizeof d->value) == 0) return;
    if (i == STARTS && !td__map_better(d->value, w->start[--i].value)) return;
    if (d->value[0] == INFINITY) return;
    if (w->n_start < STARTS) w->n_start++;
    for (; i > 0 && td__map_better(d->value, w->start[i - 1].value); i--)
        w->start[i] = w->start[i - 1];
    w->start[i] = *d;
}

/* Counts the nodes from `before` on among those in vain, or anew if they found something. */
static void count_vain(work *w, uint64_t before) {
    const td__search *s = &w->s;
    w->vain = s->gain > before ? s->nodes - s->gain : w->vain + (s->nodes - before);
}

/* One dive. False: the budget is used up. */
static bool dive(work *w, const td__entry *e) {
    td__search *s = &w->s;
    if (over(w)) return false;
    if (!td__plan_open(&w->z, &w->plan, e, &w->root)) return true;
    s->now = e;
    s->max_nodes = w->end;
    s->stop = false;
    s->dive.value[0] = s->dive.value[1] = INFINITY;
    const uint64_t before = s->nodes;
    td__search_root(s, &w->root);
    s->now = NULL;
    w->dived = true;
    count_vain(w, before);
    add_start(w);
    return true;
}

/* Dives under `dives` roots of the list, best bound first. Roots that use their outermost fan alike
 * often share their fate, which the bound does not see; so the first of each kind have precedence.
 */
static bool dive_list(work *w, int dives) {
    const td__plan *plan = &w->plan;
    int level = w->z.n - 1, done = 0;
    while (level > 0 && w->z.n_fan[level] == 1) level--;
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < plan->n && done < dives; i++) {
            const td__entry *e = &plan->entry[i];
            if (td__hopeless(&w->s, e->least)) break;
            bool seen = false;
            for (int k = 0; k < i && !seen; k++)
                seen = plan->entry[k].index[level] == e->index[level];
            if (seen != (round == 1)) continue;
            done++;
            if (!dive(w, e)) return false;
        }
    return !over(w);
}

/* Thins a part out until it has no more than `most` sets of fans: the largest stay, or each second
 * one (for energy, where MACs that are left idle cost nothing). */
static void thin_out(const td__space *z, td__part *p, double most) {
    for (;;) {
        int largest = 0, count[TD_MAX_LEVELS];
        double sets = 1;
        for (int l = 0; l < z->n; l++) {
            int step = p->step[l] > 1 ? p->step[l] : 1;
            count[l] = (p->to[l] - p->from[l] + step - 1) / step;
            sets *= count[l];
            if (count[l] > count[largest]) largest = l;
        }
        if (sets <= most || count[largest] <= 1) return;
        if (z->objective == TD_OBJ_ENERGY)
            p->step[largest] = 2 * (p->step[largest] > 1 ? p->step[largest] : 1);
        else
            p->to[largest] = p->from[largest] + (count[largest] + 1) / 2;
    }
}

static bool list_and_dive(work *w, const td__part *part, int roots, int dives) {
    td__search *s = &w->s;
    s->max_nodes = w->end;
    s->stop = false;
    w->plan.max = roots;
    td__plan_roots(s, &w->plan, part);
    return dive_list(w, dives);
}

/* How wide the dives that follow are. */
static void set_width(td__search *s, bool wide) {
    s->keep = wide ? DIVE_KEEP : NARROW_KEEP;
    s->level_nodes = wide ? LEVEL_NODES : NARROW_NODES;
    s->width = wide ? DIVE_WIDTH : 1;
    s->width_inside = wide ? DIVE_INSIDE : 1;
}

/* A narrow dive under the best root of each keep mask, as far as they can be better. */
static bool dive_keeps(work *w) {
    td__search *s = &w->s;
    set_width(s, false);
    for (int i = 0; i < w->plan.n_keep && i < MOST_KEEPS; i++) {
        const td__entry *e = &w->plan.of_keep[i];
        if (e->least[0] == INFINITY || td__hopeless(s, e->least)) break;
        if (!dive(w, e)) return false;
    }
    set_width(s, true);
    return !over(w);
}

/* Roots that differ from the best one in one level's fan, or in what is kept. */
static bool search_near(work *w, double lists) {
    td__search *s = &w->s;
    const td__space *z = &w->z;
    td__part part = {.trim = true, .keep = &s->best_root.keep, .n_keep = 1};
    for (int round = 0; round < NEAR_ROUNDS && s->has_root; round++) {
        double before[2] = {s->best[0], s->best[1]};
        for (int l = 0; l <= z->n; l++) {
            if (l < z->n && z->n_fan[l] == 1) continue;
            const int32_t keep = s->best_root.keep;
            for (int k = 0; k < z->n; k++) {
                part.from[k] = s->best_root.index[k];
                part.to[k] = part.from[k] + 1;
            }
            if (l < z->n) {
                part.keep = &keep;
                part.from[l] = 0;
                part.to[l] = z->n_fan[l];
            } else {
                part.keep = NULL;
            }
            thin_out(z, &part, lists / 4);
            if (!list_and_dive(w, &part, NEAR_ROOTS, NEAR_ROOTS)) return false;
            memset(part.step, 0, sizeof part.step);
        }
        if (!td__map_better(s->best, before)) break;
    }
    return !over(w);
}

/* Nodes at which a search that begins now is over, whatever it finds. */
static uint64_t patient_end(const work *w) {
    const uint64_t left = w->end > w->s.nodes ? w->end - w->s.nodes : 0;
    return w->s.nodes + (left < w->patience ? left : w->patience);
}

/* Local searches from what the dives found. False: the budget is used up. */
static bool polish(work *w) {
    for (int i = 0; i < w->n_start; i++) {
        const uint64_t before = w->s.nodes;
        td__polish(&w->s, &w->start[i], patient_end(w));
        count_vain(w, before);
        if (over(w)) return false;
    }
    return true;
}

/* Under the best of the roots whose fans are full. */
static bool dive_full(work *w, double lists) {
    td__search *s = &w->s;
    td__entry *of_keep = w->plan.of_keep;
    td__part part = {.trim = true};
    memcpy(part.to, w->z.n_full, sizeof part.to);
    thin_out(&w->z, &part, lists);
    if (w->plan.n_keep == 1) w->plan.of_keep = NULL;
    set_width(s, true);
    s->max_nodes = w->end;
    s->stop = false;
    w->plan.max = FIRST_ROOTS;
    td__plan_roots(s, &w->plan, &part);
    bool left = w->plan.of_keep == NULL || dive_keeps(w);
    w->plan.of_keep = NULL;
    left = left && dive_list(w, FIRST_DIVES);
    w->plan.of_keep = of_keep;
    return left;
}

/* lists: sets of fans that are ranked at a time. */
static void search_fast(work *w, double lists) {
    td__search *s = &w->s;
    const td__space *z = &w->z;
    const bool first = !w->deep;
    w->n_start = 0;
    s->thorough = false;
    set_width(s, true);
    bool left = !w->short_first || dive_full(w, lists / SHORT);
    if (left && !content(w)) left = dive_full(w, lists);
    w->deep = true;
    td__part part = {.trim = true};
    td__entry *of_keep = w->plan.of_keep;
    w->plan.of_keep = NULL;
    if (left && !s->has_root) {
        memcpy(part.to, z->n_fan, sizeof part.to);
        thin_out(z, &part, lists);
        w->vain = 0;
        left = list_and_dive(w, &part, FIRST_ROOTS, FIRST_DIVES);
    }
    if (first) w->vain = 0; /* these were the first dives */
    if (left) left = search_near(w, lists);
    if (left) left = polish(w);
    if (left) {
        /* Many roots, narrowly. */
        w->n_start = 0;
        memset(part.from, 0, sizeof part.from);
        memset(part.step, 0, sizeof part.step);
        memcpy(part.to, z->n_fan, sizeof part.to);
        thin_out(z, &part, lists);
        set_width(s, false);
        if (list_and_dive(w, &part, MORE_ROOTS, MORE_ROOTS)) polish(w);
    }
    w->plan.of_keep = of_keep;
}

/* Where little fits, the first few hundred tiles of a level may all be too large, and a budget ends
 * with nothing but the mapping with the least tiles, of one MAC. Then levels go on until there is
 * one that fits, for RESCUE_NODES beyond the budget. */
static void rescue(work *w) {
    td__search *s = &w->s;
    s->insist = true;
    w->end = s->nodes + RESCUE_NODES;
    w->idle = false;
    w->vain = 0;
    s->thorough = false;
    dive_full(w, RESCUE_NODES / 4.0);
}

/* All roots. Leaves in s->open the least that something left out could have. False: not even all
 * roots were listed. */
static bool search_all(work *w, uint64_t max_nodes) {
    td__search *s = &w->s;
    td__part part = {.trim = false};
    memcpy(part.to, w->z.n_fan, sizeof part.to);
    /* A list that is not complete would be of no use. */
    uint64_t left = max_nodes - s->nodes;
    s->stop = false;
    if (td__plan_count(s, &part, left) > left) return false;
    w->plan.of_keep = NULL;
    int roots = left < ALL_ROOTS ? (int)left : ALL_ROOTS;
    roots = roots > w->plan.n_keep ? roots : w->plan.n_keep;
    roots = roots > FIRST_ROOTS + MORE_ROOTS ? roots : FIRST_ROOTS + MORE_ROOTS; /* of others */
    free(w->plan.entry);
    free(s->pool);
    w->plan.entry = malloc(sizeof *w->plan.entry * (size_t)roots);
    s->pool = malloc(sizeof *s->pool * ALL_CHOICES);
    s->pool_size = ALL_CHOICES;
    if (w->plan.entry == NULL || s->pool == NULL) {
        s->memory = true;
        return false;
    }
    s->thorough = true;
    s->max_nodes = max_nodes;
    s->open = s->rounded = INFINITY;
    w->plan.max = roots;
    td__plan_roots(s, &w->plan, &part);
    if (s->stop) return false;
    for (int i = 0; i < w->plan.n; i++) {
        const td__entry *e = &w->plan.entry[i];
        if (td__hopeless(s, e->least)) break;
        if (s->stop) {
            td__leave(s, e->least[0]);
            break;
        }
        s->now = e;
        if (td__plan_open(&w->z, &w->plan, e, &w->root)) td__search_root(s, &w->root);
    }
    s->now = NULL;
    return true;
}

/* A bound knows nothing of the rounding to blocks and to whole cycles: mappings of equal bound, of
 * which one is enough otherwise, may differ by it. If nothing else stands in the way of a proof
 * they are looked at, too. */
static bool search_rounded(work *w, uint64_t max_nodes) {
    td__search *s = &w->s;
    double best = s->best[0] * (1 - 1e-9);
    if (s->stop || s->open < best || s->rounded >= best) return true;
    w->known = s->rounded;
    s->strict = true;
    return search_all(w, max_nodes);
}

/* A bound above a mapping would be a fault of ours: then nothing is called proved. */
static void finish(const work *w, td_stop stop, double bound, td_map_result *out) {
    const double best = w->s.best[0];
    if (bound > best * (1 + 1e-9) && stop == TD_STOP_PROVED) stop = TD_STOP_HEURISTIC;
    out->bound = stop == TD_STOP_PROVED || bound > best ? best : bound;
    out->stop = stop;
}

static void search(work *w, uint64_t max_nodes, int list_share, td_map_result *out) {
    td__search *s = &w->s;
    const double first = (double)(max_nodes < DEFAULT_NODES ? max_nodes : DEFAULT_NODES);
    double bound = w->bound[0];
    bool done = false, all = false, listed = false;
    /* A larger budget goes on where a smaller one ends: with a proof if all roots can be listed,
     * else with longer lists. */
    for (double lists = first / list_share; !done && !listed; lists *= 8) {
        search_fast(w, lists);
        done = met(w);
        if (over(w) || content(w) || lists > (double)max_nodes) break;
        const bool limited = w->dived && w->patience < max_nodes;
        listed = search_all(w, limited ? patient_end(w) : max_nodes);
    }
    if (!s->has_root && !listed && !content(w) && !s->late && !s->memory) {
        rescue(w);
        done = met(w);
    }
    if (listed && search_rounded(w, max_nodes)) {
        bool sound = !w->z.cut && !w->z.narrow && !w->z.imperfect && !w->z.stalls;
        double least = s->open < s->rounded ? s->open : s->rounded;
        if (least < w->known) least = w->known;
        if (least > s->best[0]) least = s->best[0];
        if (sound && least > bound) bound = least;
        done = sound && least >= s->best[0] * (1 - 1e-9);
        all = !s->stop;
    }
    td_stop stop = TD_STOP_NODES;
    if (done)
        stop = TD_STOP_PROVED;
    else if (s->late)
        stop = TD_STOP_TIME;
    else if (all || (w->patience < UINT64_MAX && s->nodes < w->end))
        stop = TD_STOP_HEURISTIC;
    finish(w, stop, bound, out);
}

/* A copy whose unused entries and gaps are 0, so that equal mappings are equal as bytes. */
static void set_mapping(const td_mapping *m, int levels, td_mapping *out) {
    memset(out, 0, sizeof *out);
    out->n = m->n;
    for (int i = 0; i < m->n; i++) {
        out->loop[i].dim = m->loop[i].dim;
        out->loop[i].axis = m->loop[i].axis;
        out->loop[i].bound = m->loop[i].bound;
        out->loop[i].tail = m->loop[i].tail;
    }
    memcpy(out->first, m->first, sizeof m->first[0] * (size_t)(levels + 1));
    memcpy(out->keep, m->keep, sizeof m->keep[0] * (size_t)levels);
}

static uint64_t share(uint64_t nodes, uint64_t thousandths) {
    return nodes / 1000 * thousandths + nodes % 1000 * thousandths / 1000;
}

static td_status best_of(const td_problem *p, const td_hw *hw, const td_map_query *q,
                         td_map_result *out, int64_t *missing_bytes, td_error *err) {
    if (missing_bytes != NULL) *missing_bytes = 0;
    td_status st = TD_E_MEMORY;
    td_arena *a = td_arena_create();
    work *w = malloc(sizeof *w);
    if (w != NULL) {
        w->n_start = 0;
        w->known = 0;
        w->enough = q->enough;
        w->vain = 0;
        w->ties = w->deep = w->idle = w->dived = false;
        memset(&w->plan, 0, sizeof w->plan);
        memset(&w->s, 0, sizeof w->s);
        w->plan.entry = malloc(sizeof *w->plan.entry * (FIRST_ROOTS + MORE_ROOTS));
        w->s.pool = malloc(sizeof *w->s.pool * FEW_CHOICES);
    }
    if (a == NULL || w == NULL || w->plan.entry == NULL || w->s.pool == NULL) {
        td_fail(err, st, "mapper: out of memory");
        goto end;
    }
    st = td__space_build(p, hw, q, q->mode == TD_MAP_EXACT ? ALL_FANS : MAX_FANS, a, &w->z, err);
    if (st != TD_OK) goto end;
    st = td__plan_keeps(&w->z, a, &w->plan, err);
    if (st != TD_OK) goto end;
    w->plan.of_keep = TD_NEW(a, td__entry, w->plan.n_keep > 0 ? w->plan.n_keep : 1);
    if (w->plan.of_keep == NULL) {
        st = td_fail(err, TD_E_MEMORY, "mapper: out of memory");
        goto end;
    }
    double pj = 0, cycles = 0;
    /* In Timeloop's counting imperfect factors can drop MACs: nothing is certain. */
    if (!q->imperfect || q->counting == TD_COUNT_EXACT)
        td__space_bound(&w->z, &w->plan, &pj, &cycles);
    td__map_objectives(&w->z, pj, cycles, w->bound);
    w->z.least_pj = pj;
    td__space_shortage(&w->z, &w->plan, &w->least);
    if (!w->least.known || w->least.level >= 0) {
        st = td__shortage_fail(&w->z, &w->least, missing_bytes, err);
        goto end;
    }
    td__search *s = &w->s;
    s->z = &w->z;
    s->arena = a;
    s->pool_size = FEW_CHOICES;
    s->open = s->rounded = INFINITY;
    s->deadline = q->max_seconds > 0 ? td_time_mono_s() + q->max_seconds : INFINITY;
    static const uint64_t budget[TD_NMAP_MODE] = {DEFAULT_NODES, EXACT_NODES, SAMPLE_NODES};
    uint64_t max_nodes = q->max_nodes > 0 ? q->max_nodes : budget[q->mode];
    if (q->imperfect) max_nodes = (max_nodes + 1) / 2; /* the other half is for perfect factors */
    w->end = max_nodes;
    const td_map_effort effort = q->mode == TD_MAP_FAST ? q->effort : TD_EFFORT_FULL;
    const uint64_t ties = efforts[effort].ties, patience = efforts[effort].patience;
    w->tie_nodes = q->mode != TD_MAP_FAST ? max_nodes
                   : ties > 0             ? share(max_nodes, ties)
                                          : TIE_NODES;
    w->patience = patience > 0 ? share(max_nodes, patience) : UINT64_MAX;
    w->short_first = efforts[effort].short_first || w->enough > 0;
    try_least(s, &w->least);
    if (q->mode == TD_MAP_SAMPLE) {
        td__sample(s, q->seed, max_nodes);
        finish(w, s->late ? TD_STOP_TIME : TD_STOP_NODES, w->bound[0], out);
    } else {
        search(w, max_nodes, efforts[effort].list_share, out);
    }
    if (s->memory || !s->found) {
        st = s->memory ? td_fail(err, TD_E_MEMORY, "mapper: out of memory")
             : q->min_utilization > 0
                 ? td_fail(err, TD_E_INFEASIBLE, "no mapping was found that uses %g %% of the MACs",
                           100 * q->min_utilization)
                 : td_fail(err, TD_E_INTERNAL, "mapper: the least tiles do not fit after all");
        goto end;
    }
    out->problem = s->problem; /* as asked, with imperfect factors */
    set_mapping(&s->mapping, hw->n, &out->mapping);
    st = td_cost_evaluate(&out->problem, hw, &out->mapping, q->counting, &out->cost, err);
    out->objective = s->best[0];
    out->nodes = s->nodes;
end:
    if (w != NULL) {
        free(w->s.pool);
        free(w->plan.entry);
    }
    free(w);
    td_arena_destroy(a);
    return st;
}

/* Perfect factors and imperfect ones with half of the budget each. Only the imperfect search's
 * bound, which looks at no factors, holds for both. */
static td_status best_imperfect(const td_problem *p, const td_hw *hw, const td_map_query *q,
                                td_map_result *out, int64_t *missing_bytes, td_error *err) {
    td_map_query perfect = *q;
    td_map_result r;
    td_error ignored = {0};
    perfect.imperfect = false;
    perfect.max_nodes = q->max_nodes / 2;
    perfect.max_seconds = q->max_seconds / 2;
    td_status s = best_of(p, hw, q, out, missing_bytes, err);
    if (s != TD_OK || best_of(p, hw, &perfect, &r, NULL, &ignored) != TD_OK) return s;
    double bound = out->bound;
    uint64_t nodes = out->nodes + r.nodes;
    td_stop stop = out->stop;
    if (r.objective <= out->objective) *out = r;
    out->nodes = nodes;
    out->bound = bound < out->objective ? bound : out->objective;
    out->stop = bound >= out->objective * (1 - 1e-9) ? TD_STOP_PROVED
                : stop == TD_STOP_TIME               ? TD_STOP_TIME
                : stop == TD_STOP_NODES              ? TD_STOP_NODES
                                                     : TD_STOP_HEURISTIC;
    return TD_OK;
}

td_status td_map_best(const td_problem *p, const td_hw *hw, const td_map_query *q,
                      td_map_result *out, int64_t *missing_bytes, td_error *err) {
    td_problem run;
    td_status s = td_problem_check(p, err);
    if (s != TD_OK) return s;
    td_hw_problem(hw, p, &run);
    return (q->imperfect ? best_imperfect : best_of)(&run, hw, q, out, missing_bytes, err);
}

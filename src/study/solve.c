/* solve.c - see solve.h. Best first: what is known of an accelerator's rank is a floor, then a
 * bound, then the rank itself, each dearer than the one before and none lower; the least of all is
 * taken and looked at more closely, until it is a rank. */
#include "solve.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "costs.h"

enum { MOST_POINTS = 1000000, MOST_ANSWERS = 1000000 };

/* Smaller is better, in this order. */
typedef struct {
    double violation, cost;
    int index;
} rank;

typedef struct {
    double *v;
    td_hw *hw; /* shared by no other point: arena */
    uint64_t hash;
} point;

struct td__solver {
    td_arena *arena;
    const td_space *space;
    const td_objective *objective;
    const td_schedule_options *schedule;
    td_costs *costs, *own; /* pairs, and answers by network; own: where none are lent */
    uint64_t question;     /* all that an answer depends on but the network */
    point *point;
    int n;
};

/* ---- the points ------------------------------------------------------------------------------ */

static td_status add_point(td__solver *s, const td_choices *c, int *capacity, td_arena *scratch,
                           td_error *err) {
    td_design d = {0};
    td_arena_reset(scratch);
    td_status status = s->space->build(s->space->self, c, scratch, &d, err);
    if (status == TD_E_INFEASIBLE) { /* by a rule of the template: no network runs on it */
        td_design_free(&d);
        return TD_OK;
    }
    if (status == TD_OK && s->n == *capacity) {
        *capacity = *capacity > 0 ? 2 * *capacity : 64;
        point *wide = realloc(s->point, sizeof *wide * (size_t)*capacity);
        if (wide != NULL) s->point = wide;
        if (wide == NULL) status = td_fail(err, TD_E_MEMORY, "out of memory");
    }
    if (status == TD_OK) {
        point *p = &s->point[s->n];
        *p = (point){.v = TD_NEW(s->arena, double, c->n + 1),
                     .hw = TD_NEW(s->arena, td_hw, 1),
                     .hash = d.hw_hash};
        if (p->v == NULL || p->hw == NULL) {
            status = td_fail(err, TD_E_MEMORY, "out of memory");
        } else {
            if (c->n > 0) memcpy(p->v, c->v, sizeof *c->v * (size_t)c->n);
            *p->hw = d.hw;
            s->n++;
        }
    }
    td_design_free(&d);
    return status;
}

static td_status add_points(td__solver *s, td_error *err) {
    td_arena *scratch = td_arena_create();
    td_choices c = {.n = s->space->n, .v = TD_NEW(s->arena, double, s->space->n + 1)};
    if (scratch == NULL || c.v == NULL) {
        td_arena_destroy(scratch);
        return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    int capacity = 0, walked = 0;
    td_status status = TD_OK;
    bool more = td_space_first(s->space, &c);
    if (!more)
        status = td_fail(err, TD_E_INPUT,
                         "accelerators %s: a space with real ranges cannot be solved exactly",
                         s->space->name);
    for (; status == TD_OK && more; more = td_space_next(s->space, &c)) {
        if (walked++ == MOST_POINTS)
            status = td_fail(err, TD_E_INPUT,
                             "accelerators %s: more than %d points are too many to be solved "
                             "exactly for each network",
                             s->space->name, MOST_POINTS);
        else
            status = add_point(s, &c, &capacity, scratch, err);
    }
    td_arena_destroy(scratch);
    if (status == TD_OK && s->n == 0)
        status =
            td_fail(err, TD_E_INFEASIBLE, "accelerators %s: no point can be built", s->space->name);
    return status;
}

static uint64_t hash_number(double v, uint64_t seed) {
    return td_hash(&v, sizeof v, seed);
}

static uint64_t question_of(const td__solver *s) {
    const td_objective *o = s->objective;
    const td_schedule_options *q = s->schedule;
    uint64_t h = td_hash(NULL, 0, 1);
    for (int m = 0; m < TD_NMETRIC; m++) {
        h = hash_number(o->target[m], h);
        h = hash_number(o->own[m].set, h);
        h = hash_number(o->own[m].p, h);
        h = hash_number(o->own[m].q, h);
    }
    const double number[] = {o->kind,          o->p,        o->q,    o->beta,  o->train_violating,
                             q->objective,     q->counting, q->cold, q->batch, (double)q->max_nodes,
                             q->layer_by_layer};
    h = td_hash(number, sizeof number, h);
    for (int i = 0; i < s->n; i++) h = td_hash(&s->point[i].hash, sizeof s->point[i].hash, h);
    return h | 1; /* 0 is no question */
}

td_status td__solver_create(const td_space *hw, const td_objective *o,
                            const td_schedule_options *schedule, td_costs *costs, td__solver **out,
                            td_error *err) {
    *out = NULL;
    td__solver *s = calloc(1, sizeof *s);
    if (s == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    *s = (td__solver){.arena = td_arena_create(),
                      .space = hw,
                      .objective = o,
                      .schedule = schedule,
                      .costs = costs};
    if (costs == NULL) s->costs = s->own = td_costs_create(MOST_ANSWERS);
    td_status status = s->arena != NULL && s->costs != NULL
                           ? add_points(s, err)
                           : td_fail(err, TD_E_MEMORY, "out of memory");
    if (status == TD_OK) s->question = question_of(s);
    if (status == TD_OK)
        *out = s;
    else
        td__solver_destroy(s);
    return status;
}

void td__solver_destroy(td__solver *s) {
    if (s == NULL) return;
    td_costs_destroy(s->own);
    free(s->point);
    td_arena_destroy(s->arena);
    free(s);
}

int td__solver_points(const td__solver *s) {
    return s->n;
}

/* ---- one network ----------------------------------------------------------------------------- */

typedef enum { FLOOR, BOUND, RANK } stage;

typedef struct {
    rank r;
    stage is;
    double metric[TD_NMETRIC]; /* of a rank: the costs */
} candidate;

/* The rank of metrics or, where all of them are lower bounds, a bound of it. */
static rank rank_of(const td_objective *o, const double metric[TD_NMETRIC], int index, stage is) {
    rank r = {.violation = td__objective_violation(o, metric),
              .cost = td__objective_cost(o, 1, metric),
              .index = index};
    if (o->train_violating) r.violation = 0;                       /* the reward has it in */
    if (is != RANK && !td__objective_falls(o)) r.cost = -INFINITY; /* less may be worse */
    return r;
}

static bool before(const rank *a, const rank *b) {
    if (a->violation != b->violation) return a->violation < b->violation;
    if (a->cost != b->cost) return a->cost < b->cost;
    return a->index < b->index;
}

/* A heap: none stands above one that is before it. */
static void sink(candidate *heap, int n, int i) {
    for (int child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && before(&heap[child + 1].r, &heap[child].r)) child++;
        if (!before(&heap[child].r, &heap[i].r)) return;
        candidate c = heap[i];
        heap[i] = heap[child];
        heap[child] = c;
    }
}

static void put_figures(const td_schedule_figures *f, const td_hw *hw, stage is,
                        double metric[TD_NMETRIC]) {
    metric[TD_METRIC_LATENCY] = f->latency_s;
    metric[TD_METRIC_ENERGY] = f->energy_j;
    metric[TD_METRIC_AREA] = hw->area_mm2;
    metric[TD_METRIC_POWER] = is == RANK && f->latency_s > 0 ? f->energy_j / f->latency_s : 0;
}

/* Looks at an accelerator more closely: at its bound, then at its costs, at once where they are
 * known or a bound would take as long. metric: of a rank. One that cannot run the network gets an
 * infinite rank, and *err. */
static td_status look(const td__solver *s, td_scheduler *of, uint64_t net_hash, candidate *c,
                      double metric[TD_NMETRIC], int64_t *scheduled, td_error *err) {
    const point *p = &s->point[c->r.index];
    td_schedule_figures f = {0};
    td__costed x = {.index = -1};
    td_status status = TD_OK;
    if (c->is == FLOOR && td__costs_get(s->costs, net_hash, p->hash, &x)) {
        c->is = RANK;
    } else if (c->is == FLOOR && !td_schedule_has_drafts(s->schedule)) {
        c->is = BOUND;
        status = td_scheduler_bound(of, p->hw, &f, NULL, err);
    } else {
        c->is = RANK;
        ++*scheduled;
        status = td_scheduler_cost(of, p->hw, &f, NULL, err);
        put_figures(&f, p->hw, RANK, x.metric);
        if (status == TD_OK) td__costs_put(s->costs, net_hash, p->hash, false, &x);
    }
    if (c->is == BOUND) put_figures(&f, p->hw, BOUND, x.metric);
    if (status == TD_OK) c->r = rank_of(s->objective, x.metric, c->r.index, c->is);
    memcpy(metric, x.metric, sizeof x.metric);
    if (status != TD_E_INFEASIBLE) return status;
    c->is = RANK;
    c->r.violation = c->r.cost = INFINITY;
    return TD_OK;
}

static td_status search(const td__solver *s, const td_net *net, uint64_t net_hash, td__costed *out,
                        td_error *err) {
    td_scheduler *of = NULL;
    *out = (td__costed){.index = -1};
    candidate *heap = malloc(sizeof *heap * (size_t)s->n);
    td_status status = heap != NULL ? td_scheduler_create(net, s->schedule, &of, err)
                                    : td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; status == TD_OK && i < s->n; i++) {
        double metric[TD_NMETRIC];
        td_schedule_figures f = td_scheduler_floor(of, s->point[i].hw);
        put_figures(&f, s->point[i].hw, FLOOR, metric);
        heap[i] = (candidate){rank_of(s->objective, metric, i, FLOOR), FLOOR};
    }
    for (int i = s->n / 2; status == TD_OK && i-- > 0;) sink(heap, s->n, i);
    while (status == TD_OK && heap[0].is != RANK) {
        status = look(s, of, net_hash, &heap[0], heap[0].metric, &out->scheduled, err);
        sink(heap, s->n, 0);
    }
    if (status == TD_OK && isfinite(heap[0].r.violation)) {
        out->index = heap[0].r.index;
        memcpy(out->metric, heap[0].metric, sizeof out->metric);
    }
    td_scheduler_destroy(of);
    free(heap);
    return status;
}

static td_status give(const td__solver *s, const td__costed *a, td__solved *out, td_error *err) {
    if (a->index < 0)
        return td_fail(err, TD_E_INFEASIBLE, "runs on none of the %d accelerators of %s", s->n,
                       s->space->name);
    const point *p = &s->point[a->index];
    *out = (td__solved){
        .choices = {s->space->n, p->v}, .hw = p->hw, .hw_hash = p->hash, .scheduled = a->scheduled};
    memcpy(out->metric, a->metric, sizeof out->metric);
    return TD_OK;
}

td_status td__solver_best(td__solver *s, const td_net *net, uint64_t net_hash, td__solved *out,
                          td_error *err) {
    td__costed a;
    if (!td__costs_get(s->costs, net_hash, s->question, &a)) {
        td_status status = search(s, net, net_hash, &a, err);
        if (status != TD_OK) return status;
        td__costs_put(s->costs, net_hash, s->question, true, &a);
    }
    return give(s, &a, out, err);
}

/* solve.c - see solve.h. Best first: accelerators in the order of a bound of their rank, costed
 * until no bound left is below the best rank found. */
#include "solve.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "costs.h"
#include "seen.h"

enum { MOST_POINTS = 1000000 };

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

/* Answers by network: of `index`, -1: runs on none. */
typedef struct {
    int index;
    int64_t scheduled;
    double metric[TD_NMETRIC];
} answer;

struct td__solver {
    td_arena *arena;
    const td_space *space;
    const td_objective *objective;
    const td_schedule_options *schedule;
    td_costs *costs;
    point *point;
    const td_hw **hw; /* of the points */
    int n;
    pthread_mutex_t lock; /* of the answers */
    td__seen seen;
    answer *answer;
    size_t n_answer, capacity;
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

td_status td__solver_create(const td_space *hw, const td_objective *o,
                            const td_schedule_options *schedule, td_costs *costs, td__solver **out,
                            td_error *err) {
    *out = NULL;
    td__solver *s = calloc(1, sizeof *s);
    if (s == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    pthread_mutex_init(&s->lock, NULL);
    *s = (td__solver){.lock = s->lock,
                      .arena = td_arena_create(),
                      .space = hw,
                      .objective = o,
                      .schedule = schedule,
                      .costs = costs};
    td_status status =
        s->arena != NULL ? add_points(s, err) : td_fail(err, TD_E_MEMORY, "out of memory");
    if (status == TD_OK) {
        s->hw = TD_NEW(s->arena, const td_hw *, s->n);
        if (s->hw == NULL) status = td_fail(err, TD_E_MEMORY, "out of memory");
    }
    for (int i = 0; status == TD_OK && i < s->n; i++) s->hw[i] = s->point[i].hw;
    if (status == TD_OK)
        *out = s;
    else
        td__solver_destroy(s);
    return status;
}

void td__solver_destroy(td__solver *s) {
    if (s == NULL) return;
    pthread_mutex_destroy(&s->lock);
    td__seen_free(&s->seen);
    free(s->answer);
    free(s->point);
    td_arena_destroy(s->arena);
    free(s);
}

/* ---- one network ----------------------------------------------------------------------------- */

/* The rank of metrics or, where all of them are lower bounds, a bound of it. */
static rank rank_of(const td_objective *o, const double metric[TD_NMETRIC], int index) {
    rank r = {.violation = td__objective_violation(o, metric),
              .cost = td__objective_cost(o, 1, metric),
              .index = index};
    if (o->train_violating) r.violation = 0; /* the reward has it in */
    return r;
}

static int by_rank(const void *x, const void *y) {
    const rank *a = x, *b = y;
    if (a->violation != b->violation) return a->violation < b->violation ? -1 : 1;
    if (a->cost != b->cost) return a->cost < b->cost ? -1 : 1;
    return a->index - b->index;
}

/* Bounds of the ranks of all points, best first. */
static td_status bound(const td__solver *s, const td_net *net, rank *r, td_error *err) {
    double *latency = malloc(sizeof *latency * (size_t)s->n);
    double *energy = malloc(sizeof *energy * (size_t)s->n);
    td_status status = latency != NULL && energy != NULL
                           ? td_schedule_bounds(net, s->hw, s->n, s->schedule, latency, energy, err)
                           : td_fail(err, TD_E_MEMORY, "out of memory");
    bool falls = td__objective_falls(s->objective);
    for (int i = 0; status == TD_OK && i < s->n; i++) {
        double metric[TD_NMETRIC] = {[TD_METRIC_LATENCY] = latency[i],
                                     [TD_METRIC_ENERGY] = energy[i],
                                     [TD_METRIC_AREA] = s->hw[i]->area_mm2};
        r[i] = rank_of(s->objective, metric, i);
        if (!falls) r[i].cost = -INFINITY; /* a smaller metric can be worse: no bound */
    }
    if (status == TD_OK) qsort(r, (size_t)s->n, sizeof *r, by_rank);
    free(latency);
    free(energy);
    return status;
}

static td_status search(const td__solver *s, const td_net *net, uint64_t net_hash, answer *out,
                        td_error *err) {
    rank *r = malloc(sizeof *r * (size_t)s->n);
    if (r == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status status = bound(s, net, r, err);
    rank best = {.violation = INFINITY, .cost = INFINITY, .index = -1};
    *out = (answer){.index = -1};
    for (int k = 0; status == TD_OK && k < s->n; k++) {
        /* An equal one may still be the first of the space. */
        if (best.index >= 0 && (r[k].violation > best.violation ||
                                (r[k].violation == best.violation && r[k].cost > best.cost)))
            break;
        const int i = r[k].index;
        td_design d = {.net = (td_net *)net,
                       .hw = *s->hw[i],
                       .has_hw = true,
                       .net_hash = net_hash,
                       .hw_hash = s->point[i].hash};
        double metric[TD_NMETRIC];
        td_error why = {0};
        status = td__costs_of(s->costs, &d, s->schedule, metric, &why);
        out->scheduled++;
        if (status == TD_E_INFEASIBLE) { /* the last reason is told if it runs on none */
            if (err != NULL) *err = why;
            status = TD_OK;
            continue;
        }
        if (status != TD_OK) {
            if (err != NULL) *err = why;
            break;
        }
        rank here = rank_of(s->objective, metric, i);
        if (best.index >= 0 && by_rank(&here, &best) >= 0) continue;
        best = here;
        out->index = i;
        memcpy(out->metric, metric, sizeof metric);
    }
    free(r);
    return status;
}

static td_status give(const td__solver *s, const answer *a, td__solved *out, td_error *err) {
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
    answer a;
    pthread_mutex_lock(&s->lock);
    int64_t have = td__seen_get(&s->seen, net_hash);
    if (have >= 0) a = s->answer[have];
    pthread_mutex_unlock(&s->lock);
    if (have >= 0) return give(s, &a, out, err);
    td_status status = search(s, net, net_hash, &a, err);
    if (status != TD_OK) return status;
    pthread_mutex_lock(&s->lock);
    if (s->n_answer == s->capacity) {
        size_t capacity = s->capacity > 0 ? 2 * s->capacity : 64;
        answer *wide = realloc(s->answer, sizeof *wide * capacity);
        if (wide != NULL) {
            s->answer = wide;
            s->capacity = capacity;
        }
    }
    /* Not kept where memory is out: it is found again. */
    if (s->n_answer < s->capacity && td__seen_put(&s->seen, net_hash, (int64_t)s->n_answer))
        s->answer[s->n_answer++] = a;
    pthread_mutex_unlock(&s->lock);
    return give(s, &a, out, err);
}

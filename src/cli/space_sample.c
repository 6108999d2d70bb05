#include "space_sample.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

void cli_points_free(cli_points *p) {
    for (int64_t i = 0; p->point != NULL && i < p->n; i++) free(p->point[i].message);
    for (int i = 0; i < p->n_refused; i++) free(p->refused[i].reason);
    free(p->refused);
    free(p->point);
    *p = (cli_points){0};
}

/* ---- one point ------------------------------------------------------------------------------- */

typedef struct {
    const cli_draw *d;
    cli_points *out;
    td_schedule_options schedule;
    const double *walked; /* all vectors of a space; NULL: points are drawn */
    atomic_bool cancelled;
    atomic_llong done;
    /* The first point with a fault, and that; points before it are looked at in any case. */
    atomic_llong fault_at;
    pthread_mutex_t lock;
    td_error fault;
} work;

void cli_point_choices(const cli_draw *d, int64_t i, td_choices *c, int64_t *drawn) {
    enum { MOST_DRAWS = 10000 };
    td_rng r = td_rng_make(d->seed, (uint64_t)i, TD_RNG_SPACE_SAMPLE);
    if (!td_space_draw(d->space, &r, MOST_DRAWS, c, drawn)) td_space_sample(d->space, &r, c);
}

static void choices_of(const cli_draw *d, const double *walked, int64_t i, td_choices *c,
                       int64_t *drawn) {
    size_t n = (size_t)d->space->n;
    if (walked == NULL)
        cli_point_choices(d, i, c, drawn);
    else if (n > 0)
        memcpy(c->v, walked + (size_t)i * n, sizeof *c->v * n);
}

/* A cost that no engineer would believe is a fault of the program, not of the point. */
static td_status cost_of_net(const work *w, const td_net *net, const td_hw *hw, cli_point *p,
                             td_error *err) {
    td_schedule s = {0};
    td_status st = td_schedule_best(net, hw, &w->schedule, &s, NULL, err);
    if (st == TD_OK) {
        p->latency_s = s.latency_s;
        p->energy_j = s.energy_j;
        p->state = CLI_POINT_COSTED;
        bool sound =
            isfinite(s.latency_s) && s.latency_s > 0 && isfinite(s.energy_j) && s.energy_j > 0;
        if (!sound)
            st = td_fail(err, TD_E_INTERNAL, "a latency of %g s and an energy of %g J", s.latency_s,
                         s.energy_j);
        if (st == TD_OK && td_schedule_check(net, hw, &s, err) != TD_OK)
            st = td_fail(err, TD_E_INTERNAL, "%s", err->message);
    } else if (st == TD_E_INFEASIBLE) {
        p->state = CLI_POINT_UNSCHEDULED;
    }
    td_schedule_free(&s);
    return st;
}

static td_status cost(const work *w, const td_design *d, cli_point *p, td_error *err) {
    double latency[TD_MAX_WORKLOAD], energy[TD_MAX_WORKLOAD];
    td_status st = TD_OK;
    for (int i = 0; st == TD_OK && i < td_design_net_count(d); i++) {
        st = cost_of_net(w, td_design_net(d, i), &d->hw, p, err);
        latency[i] = p->latency_s;
        energy[i] = p->energy_j;
    }
    if (st != TD_OK) p->latency_s = p->energy_j = NAN;
    if (st != TD_OK || d->workload == NULL) return st;
    p->latency_s = td_workload_combine(d->workload, latency);
    p->energy_j = td_workload_combine(d->workload, energy);
    return TD_OK;
}

/* All rules that a refused accelerator breaks; 0 where it is not known. */
static void put_rules(const td_design *d, cli_point *p) {
    td_template t;
    if (d->hw_node == NULL || td_template_from_node(d->hw_node, &t, NULL) != TD_OK) return;
    p->template = (uint8_t)t.kind;
    p->rules = (uint8_t)td_template_broken(&t);
}

static td_status look_at(const work *w, const td_choices *c, td_arena *a, cli_point *p,
                         td_error *err) {
    td_design d = {0};
    td_status s = w->d->space->build(w->d->space->self, c, a, &d, err);
    if (s == TD_OK) {
        p->state = CLI_POINT_BUILT;
        for (int i = 0; i < td_design_net_count(&d); i++) {
            td_net_totals t;
            td_net_count(td_design_net(&d, i), &t);
            p->macs = (i > 0 ? p->macs : 0) + (double)t.macs;
            p->params = (i > 0 ? p->params : 0) + (double)t.params;
        }
        if (d.has_hw) p->area = d.hw.area_mm2;
        if (w->d->cost != NULL) s = cost(w, &d, p, err);
    } else if (s == TD_E_INFEASIBLE) {
        p->state = CLI_POINT_REFUSED;
        put_rules(&d, p);
    }
    if (s == TD_E_INFEASIBLE) {
        p->message = err->message[0] != '\0' ? strdup(err->message) : NULL;
        s = TD_OK;
        if (err->message[0] == '\0')
            s = td_fail(err, TD_E_INTERNAL, "infeasible without a reason");
        else if (p->message == NULL)
            s = td_fail(err, TD_E_MEMORY, "out of memory");
    }
    td_design_free(&d);
    return s;
}

static void one(void *self, int i) {
    work *w = self;
    if (i > atomic_load(&w->fault_at)) return;
    if (w->d->cancelled != NULL && w->d->cancelled()) atomic_store(&w->cancelled, true);
    if (atomic_load(&w->cancelled)) return;
    td_error err = {0};
    cli_point *p = &w->out->point[i];
    td_arena *a = td_arena_create();
    td_choices c = {.n = w->d->space->n,
                    .v = a != NULL ? TD_NEW(a, double, w->d->space->n + 1) : NULL};
    td_status s;
    if (c.v == NULL) {
        s = td_fail(&err, TD_E_MEMORY, "out of memory");
    } else {
        choices_of(w->d, w->walked, i, &c, &p->drawn);
        p->hash = td_choices_hash(&c);
        p->macs = p->params = p->area = p->latency_s = p->energy_j = NAN;
        s = look_at(w, &c, a, p, &err);
    }
    td_arena_destroy(a);
    if (s != TD_OK) {
        pthread_mutex_lock(&w->lock);
        if (i < atomic_load(&w->fault_at)) {
            atomic_store(&w->fault_at, i);
            w->fault = err;
        }
        pthread_mutex_unlock(&w->lock);
    }
    int64_t done = atomic_fetch_add(&w->done, 1) + 1;
    if (w->d->progress != NULL) w->d->progress(done, w->out->n);
}

/* ---- all of them ----------------------------------------------------------------------------- */

bool cli_points_few(const td_space *s) {
    td_text t = {0};
    bool few = td_space_size(s, &t, NULL) == TD_OK && strlen(t.data) <= 6 && t.data[0] != 'i' &&
               atol(t.data) <= CLI_MOST_WALKED;
    td_text_free(&t);
    return few;
}

/* All vectors of a space of at most CLI_MOST_WALKED points, allowed or not. Caller frees. */
static double *walk(const td_space *s, int64_t *n) {
    size_t each = (size_t)s->n, count = 0, room = 0;
    double *all = NULL, *v = malloc(sizeof *v * (each + 1));
    td_choices c = {.n = s->n, .v = v};
    td_space every = *s; /* to tell what its known constraints refuse */
    every.allows = NULL;
    bool more = v != NULL && td_space_first(&every, &c);
    for (; more && count < CLI_MOST_WALKED; more = td_space_next(&every, &c), count++) {
        if (count == room) {
            room = room > 0 ? 2 * room : 256;
            double *grown = realloc(all, sizeof *all * (each * room + 1));
            if (grown == NULL) {
                free(all);
                free(v);
                return NULL;
            }
            all = grown;
        }
        if (each > 0) memcpy(all + count * each, v, sizeof *v * each);
    }
    free(v);
    *n = (int64_t)count;
    return all;
}

/* "rule mac_range: 16 MACs ..." is mac_range; "layer b1: needs 5 bytes" is "needs # bytes". */
static void reason_of(const char *message, char *out, size_t size) {
    size_t n = 0;
    const char *name = strstr(message, "rule ");
    const char *end = name != NULL ? strchr(name, ':') : NULL;
    if (end != NULL && (name == message || name[-1] == ' ')) {
        for (name += 5; name < end && n + 1 < size; name++) out[n++] = *name;
    } else {
        const char *in = message;
        if (strncmp(in, "layer ", 6) == 0 && strstr(in, ": ") != NULL) in = strstr(in, ": ") + 2;
        while (*in != '\0' && n + 1 < size) {
            bool digit = *in >= '0' && *in <= '9';
            out[n++] = digit ? '#' : *in;
            in++;
            while (digit && ((*in >= '0' && *in <= '9') || *in == '.')) in++;
        }
    }
    out[n] = '\0';
}

static bool count_refusal(cli_points *p, const cli_point *at) {
    char reason[sizeof((td_error *)0)->message];
    bool scheduling = at->state == CLI_POINT_UNSCHEDULED;
    reason_of(at->message, reason, sizeof reason);
    int i = 0;
    while (i < p->n_refused &&
           (p->refused[i].scheduling != scheduling || strcmp(p->refused[i].reason, reason) != 0))
        i++;
    if (i == p->capacity) {
        int capacity = p->capacity > 0 ? 2 * p->capacity : 16;
        cli_refusal *grown = realloc(p->refused, sizeof *grown * (size_t)capacity);
        if (grown == NULL) return false;
        p->refused = grown;
        p->capacity = capacity;
    }
    if (i == p->n_refused) {
        char *copy = strdup(reason);
        if (copy == NULL) return false;
        p->refused[p->n_refused++] = (cli_refusal){scheduling, copy, at->message, 0};
    }
    p->refused[i].points++;
    return true;
}

static int compare_refusals(const void *a, const void *b) {
    const cli_refusal *x = a, *y = b;
    if (x->points != y->points) return x->points < y->points ? 1 : -1;
    if (x->scheduling != y->scheduling) return x->scheduling - y->scheduling;
    return strcmp(x->reason, y->reason);
}

static int compare_hashes(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* In order of the points, so that the examples are the same for any number of threads. */
static td_status sum_up(cli_points *p, td_error *err) {
    uint64_t *hash = malloc(sizeof *hash * (size_t)(p->n + 1));
    bool memory = hash != NULL;
    for (int64_t i = 0; memory && i < p->n; i++) {
        const cli_point *at = &p->point[i];
        hash[i] = at->hash;
        p->built += at->state != CLI_POINT_REFUSED;
        p->drawn += at->drawn;
        p->broken[at->rules]++;
        if (at->rules != 0) p->template.kind = (td_template_kind)at->template;
        p->costed += at->state == CLI_POINT_COSTED;
        if (at->message != NULL) memory = count_refusal(p, at);
    }
    if (memory) {
        qsort(hash, (size_t)p->n, sizeof *hash, compare_hashes);
        for (int64_t i = 0; i < p->n; i++) p->different += i == 0 || hash[i] != hash[i - 1];
        if (p->n_refused > 1)
            qsort(p->refused, (size_t)p->n_refused, sizeof *p->refused, compare_refusals);
    }
    free(hash);
    return memory ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
}

static td_status run(work *w, td_error *err) {
    const cli_draw *d = w->d;
    td_parallel_for(d->threads, (int)w->out->n, one, w);
    if (atomic_load(&w->fault_at) < w->out->n) {
        *err = w->fault;
        return td_error_prefix(err, "point %lld of seed %llu", (long long)atomic_load(&w->fault_at),
                               (unsigned long long)d->seed);
    }
    if (atomic_load(&w->cancelled))
        return td_fail(err, TD_E_INTERRUPTED, "interrupted after %lld of %lld points",
                       (long long)atomic_load(&w->done), (long long)w->out->n);
    return sum_up(w->out, err);
}

td_status cli_points_draw(const cli_draw *d, cli_points *out, td_error *err) {
    *out = (cli_points){.n = d->points};
    double *walked = d->points == 0 ? walk(d->space, &out->n) : NULL;
    work w = {.d = d, .out = out, .walked = walked};
    atomic_init(&w.fault_at, out->n);
    td_status s =
        d->points == 0 && walked == NULL ? td_fail(err, TD_E_MEMORY, "out of memory") : TD_OK;
    if (s == TD_OK) out->point = calloc((size_t)out->n + 1, sizeof *out->point);
    if (d->cost != NULL) {
        w.schedule = *d->cost;
        w.schedule.cache = td_map_cache_create(200000);
    }
    if (s == TD_OK && (out->point == NULL || (d->cost != NULL && w.schedule.cache == NULL)))
        s = td_fail(err, TD_E_MEMORY, "out of memory");
    pthread_mutex_init(&w.lock, NULL);
    if (s == TD_OK) s = run(&w, err);
    pthread_mutex_destroy(&w.lock);
    td_map_cache_destroy(w.schedule.cache);
    free(walked);
    return s;
}

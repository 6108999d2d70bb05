/* estimate.c - how long a search takes, from a handful of evaluations. Times are of a thread's CPU,
 * so that what else the machine does meanwhile does not count. */
#include "estimate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recipe.h"
#include "row.h"
#include "scope.h"
#include "solve.h"

/* So much is sampled at most: it has to stay a matter of seconds. */
enum { MAX_DESIGNS = 48, MAX_SOLVES = 16, MAX_TRAININGS = 2 };
static const double max_costing_s = 4, max_solving_s = 5, enough_training_s = 0.5;

double td__extrapolate(double (*timed)(void *self, double fraction), void *self, double enough,
                       double *fraction) {
    const double first = 1.0 / 1024;
    *fraction = first;
    timed(self, first); /* what is set up once does not count */
    double base = timed(self, first), now = base;
    while (*fraction < 1.0 / 16 && now - base < enough) {
        *fraction *= 4;
        now = timed(self, *fraction);
    }
    if (isnan(now)) return NAN;
    double slope = *fraction > first ? (now - base) / (*fraction - first) : 0;
    return base + fmax(0, slope) * (1 - first);
}

/* ---- costs ----------------------------------------------------------------------------------- */

typedef struct {
    td_arena *arena;
    td_design design[MAX_DESIGNS];
    bool meets[MAX_DESIGNS];
    int n;
    int number[MAX_DESIGNS]; /* of the random stream: of each timed design */
    uint64_t hash[MAX_DESIGNS];
} sample;

/* The later half: the first ones meet layers that the others know. */
static double mean_of_later(const double *v, int n) {
    double sum = 0;
    for (int i = n / 2; i < n; i++) sum += v[i];
    return n > 0 ? sum / (n - n / 2) : 0;
}

static td_choices random_choices(const td_recipe *r, const td_space *space, int i, td_arena *a) {
    td_choices c = {.n = space->n, .v = TD_NEW(a, double, space->n + 1)};
    td_rng rng = td_rng_make(r->seed, (uint64_t)i, TD_RNG_SPACE_SAMPLE);
    if (c.v != NULL) td_space_sample(space, &rng, &c);
    return c;
}

/* Builds and costs random design i, as a trial is. TD_E_INFEASIBLE is a result, too. */
static td_status time_one(const td_recipe *r, const td_space *space,
                          const td_schedule_options *options, int i, td_arena *a, td_design *d,
                          double metric[TD_NMETRIC], double *seconds, td_error *err) {
    const td_choices c = random_choices(r, space, i, a);
    if (c.v == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    double start = td_time_thread_s();
    td_status s = space->build(space->self, &c, a, d, err);
    if (s == TD_OK) s = td__design_cost(d, options, metric, NULL, err);
    *seconds = td_time_thread_s() - start;
    return s;
}

/* The same designs once more: the mapper knows all their layers now, as a long search comes to do
 * with most of them. */
static td_status time_known(const td_recipe *r, const td_space *space,
                            const td_schedule_options *options, const sample *of, td_timing *t,
                            td_error *err) {
    td_arena *a = td_arena_create();
    td_status st = a != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    double sum = 0, metric[TD_NMETRIC], seconds = 0;
    for (int i = 0; st == TD_OK && i < t->designs; i++) {
        td_design d = {0};
        st = time_one(r, space, options, of->number[i], a, &d, metric, &seconds, err);
        if (st == TD_E_INFEASIBLE) st = TD_OK;
        sum += seconds;
        td_design_free(&d);
        td_arena_reset(a);
    }
    if (t->designs > 0) t->known_cost_s = fmin(t->cost_s, sum / t->designs);
    td_arena_destroy(a);
    return st;
}

static bool is_known(const uint64_t *hash, int n, uint64_t one) {
    for (int i = 0; i < n; i++)
        if (hash[i] == one) return true;
    return false;
}

/* Different random designs of the joint space; of a small one all that come up. */
static td_status time_costs(const td_recipe *r, const td_schedule_options *options, sample *s,
                            td_timing *t, td_error *err) {
    td_space *space;
    double seconds[MAX_DESIGNS], sum = 0, metric[TD_NMETRIC], con[TD_NMETRIC];
    td_status st = td_space_product(r->net, r->hw, s->arena, &space, err);
    for (int i = 0; st == TD_OK && i < 8 * MAX_DESIGNS && t->designs < MAX_DESIGNS; i++) {
        if (sum >= max_costing_s) break;
        const td_choices c = random_choices(r, space, i, s->arena);
        if (c.v == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
        const uint64_t hash = td_choices_hash(&c);
        if (is_known(s->hash, t->designs, hash)) continue;
        s->hash[t->designs] = hash;
        s->number[t->designs] = i;
        td_design *d = &s->design[s->n];
        st = time_one(r, space, options, i, s->arena, d, metric, &seconds[t->designs], err);
        sum += seconds[t->designs++];
        if (st == TD_OK) {
            int n = td_objective_violations(&r->objective, metric, con);
            s->meets[s->n] = true;
            for (int k = 0; k < n; k++) s->meets[s->n] = s->meets[s->n] && con[k] <= 0;
            t->meet += s->meets[s->n++];
        } else {
            td_design_free(d);
            memset(d, 0, sizeof *d);
        }
        if (st == TD_E_INFEASIBLE) st = TD_OK;
    }
    /* A space that is small enough to have come up as a whole is costed as a whole. */
    const bool whole = t->designs < MAX_DESIGNS && sum < max_costing_s;
    t->cost_s = whole && t->designs > 0 ? sum / t->designs : mean_of_later(seconds, t->designs);
    return st == TD_OK ? time_known(r, space, options, s, t, err) : st;
}

/* ---- solves ---------------------------------------------------------------------------------- */

/* Mean time of up to *n distinct random networks, each with the best accelerator for it; *n becomes
 * less once it has taken long. A network that no accelerator runs is a result, too. */
static td_status time_networks(const td_recipe *r, const td_schedule_options *options, int *n,
                               int *points, double *mean, td_error *err) {
    uint64_t hash[MAX_SOLVES];
    double sum = 0;
    int done = 0;
    td__solver *solver = NULL;
    td_arena *a = td_arena_create();
    double *v = a != NULL ? TD_NEW(a, double, r->net->n + 1) : NULL;
    td_status s = v != NULL ? td__solver_create(r->hw, &r->objective, options, NULL, &solver, err)
                            : td_fail(err, TD_E_MEMORY, "out of memory");
    if (s == TD_OK) *points = td__solver_points(solver);
    for (int i = 0; s == TD_OK && i < MAX_SOLVES && done < *n && sum < max_solving_s; i++) {
        td_rng rng = td_rng_make(r->seed, (uint64_t)i, TD_RNG_SPACE_SAMPLE);
        td_choices c = {r->net->n, v};
        td_design d = {0};
        td__solved best;
        td_space_sample(r->net, &rng, &c);
        double start = td_time_thread_s();
        s = r->net->build(r->net->self, &c, a, &d, err);
        if (s == TD_OK && !is_known(hash, done, d.net_hash)) {
            s = td__solver_best(solver, d.net, d.net_hash, &best, err);
            sum += td_time_thread_s() - start;
            hash[done++] = d.net_hash;
        }
        td_design_free(&d);
        if (s == TD_E_INFEASIBLE) s = TD_OK;
    }
    *n = done;
    if (done > 0) *mean = sum / done;
    td__solver_destroy(solver);
    td_arena_destroy(a);
    return s;
}

/* What a first solver has found out of layers another one knows, but not its answers. */
static td_status time_solves(const td_recipe *r, const td_schedule_options *options, td_timing *t,
                             td_error *err) {
    t->solved = MAX_SOLVES;
    td_status s = time_networks(r, options, &t->solved, &t->points, &t->solve_s, err);
    int again = t->solved;
    if (s == TD_OK) s = time_networks(r, options, &again, &t->points, &t->known_solve_s, err);
    t->known_solve_s = fmin(t->known_solve_s, t->solve_s);
    return s;
}

/* ---- trainings ------------------------------------------------------------------------------- */

typedef struct {
    const td_accuracy *accuracy; /* of the proxy; or */
    const td_train_options *final;
    const td_design *design;
    td_error err;
} training;

/* Seconds of a part of a training; one that diverges ends early and says nothing. */
static double timed_part(void *self, double fraction) {
    training *t = self;
    const td_accuracy *a = t->accuracy;
    td_status s;
    double start = td_time_thread_s();
    if (t->final != NULL) {
        td_train_options o = *t->final;
        td_weights *w = NULL;
        td_train_result result;
        o.epochs *= fraction;
        s = td_train(t->design->net, a->data, &o, &w, &result, &t->err);
        td_weights_destroy(w);
    } else {
        td_accuracy_result result;
        s = a->evaluate(a->self, t->design, fraction, NULL, NULL, &result, &t->err);
    }
    return s == TD_OK ? td_time_thread_s() - start : NAN;
}

/* Those that meet the targets are what is trained, if there are any among the sampled. */
static int pick(const sample *s, int nth) {
    int any = 0;
    for (int i = 0; i < s->n; i++) any += s->meets[i];
    for (int i = 0; i < s->n; i++)
        if ((any == 0 || s->meets[i]) && nth-- == 0) return i;
    return -1;
}

static td_status time_trainings(const td_recipe *r, const sample *s, td_timing *t, td_error *err) {
    td_accuracy accuracy;
    td_train_options final;
    double start = td_time_thread_s(), sum = 0;
    td_status st = td_accuracy_from_node(r->accuracy, r->net, r->seed, &accuracy, err);
    if (st != TD_OK) return st;
    t->load_s = td_time_thread_s() - start;
    t->trains = accuracy.data != NULL;
    training now = {.accuracy = &accuracy};
    for (int i = 0; i < MAX_TRAININGS && pick(s, i) >= 0; i++) {
        now.design = &s->design[pick(s, i)];
        double whole = td__extrapolate(timed_part, &now, enough_training_s, &t->fraction);
        if (isnan(whole)) continue;
        sum += whole;
        t->trainings++;
    }
    if (t->trainings > 0) t->training_s = sum / t->trainings;
    if (r->final != NULL && accuracy.data != NULL && t->trainings > 0) {
        double fraction;
        td_train_options_default(&final);
        st = td_train_options_from_node(r->final, &final, err);
        now.final = &final;
        if (st == TD_OK)
            t->final_s = td__extrapolate(timed_part, &now, enough_training_s, &fraction);
    }
    if (st == TD_OK && t->trainings == 0)
        st = now.err.code != TD_OK ? td_fail(err, now.err.code, "%s", now.err.message)
                                   : td_fail(err, TD_E_INFEASIBLE,
                                             "none of %d random designs can be built", t->designs);
    td_accuracy_free(&accuracy);
    return st;
}

td_status td_recipe_time(const td_recipe *r, const td_work *w, td_timing *out, td_error *err) {
    *out = (td_timing){0};
    sample s = {.arena = td_arena_create()};
    td_schedule_options options = r->schedule;
    options.cache = td_map_cache_create(0);
    td_status st = s.arena != NULL && options.cache != NULL
                       ? time_costs(r, &options, &s, out, err)
                       : td_fail(err, TD_E_MEMORY, "out of memory");
    if (st == TD_OK && w->solves > 0) st = time_solves(r, &options, out, err);
    if (st == TD_OK && !r->is_workload) st = time_trainings(r, &s, out, err);
    for (int i = 0; i < s.n; i++) td_design_free(&s.design[i]);
    td_map_cache_destroy(options.cache);
    td_arena_destroy(s.arena);
    return st;
}

/* ---- work ------------------------------------------------------------------------------------ */

static int64_t least(int64_t a, int64_t b) {
    return a < b ? a : b;
}

td_work td_recipe_work(const td_recipe *r, int threads, int64_t max_trials) {
    if (threads <= 0) threads = td_cpu_count();
    td_work w = {.at_a_time = (int)least(threads, r->lag + 1)};
    bool fixed = false; /* the fixed network is trained once for all its rows */
    for (int i = 0; i < r->n_scope; i++) {
        td__scope_work one = td__scope_count(r, r->scope[i], max_trials);
        w.costs += one.costs;
        w.solves += one.solves;
        w.trainings += one.trainings;
        fixed = fixed || one.fixed_network;
        if (!one.fixed_network) w.finals += r->candidates;
    }
    w.finals = r->final != NULL ? w.finals + fixed : 0;
    w.finals_at_a_time = (int)least(threads, w.finals);
    return w;
}

/* Runs share what is solved: of a set of targets no network twice. */
td_work td_compare_work(const td_comparison *c, const td_recipe *first, int threads) {
    if (threads <= 0) threads = td_cpu_count();
    td_work w = {.at_a_time = (int)least(threads, c->nrun)};
    int64_t solves = 0; /* of a set of targets: all have the same runs */
    for (int i = 0; i < c->nrun; i++) {
        const td_scope *scope = td_scope_find(c->method[c->run[i].method].scope);
        td__scope_work one = td__scope_count(first, scope, 0);
        w.costs += one.costs;
        w.trainings += one.trainings + one.fixed_network; /* there is no final training of it */
        if (c->run[i].target == 0) solves += one.solves;
    }
    w.solves = (int64_t)fmin((double)solves, td__space_points(first->net)) * c->ntarget;
    return w;
}

double td_work_seconds(const td_work *w, const td_timing *t, bool known_layers) {
    double s = t->load_s, cost = known_layers ? t->known_cost_s : t->cost_s,
           solve = known_layers ? t->known_solve_s : t->solve_s;
    s += ((double)w->costs * cost + (double)w->solves * solve +
          (double)w->trainings * t->training_s) /
         w->at_a_time;
    if (w->finals > 0) s += (double)w->finals * t->final_s / w->finals_at_a_time;
    return s;
}

/* Two times that differ by more are told apart. */
static const double clearly = 1.25;

static void add_duration(double s, td_text *out) {
    static const struct {
        double from, unit;
        const char *name;
    } units[] = {
        {48 * 3600.0, 86400, "days"}, {2 * 3600.0, 3600, "h"}, {120, 60, "min"}, {1, 1, "s"},
        {1e-3, 1e-3, "ms"},           {1e-6, 1e-6, "us"}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (s < units[i].from) continue;
        double v = s / units[i].unit;
        td_text_addf(out, v < 9.95 ? "%.1f %s" : "%.0f %s", v, units[i].name);
        return;
    }
    td_text_add(out, "less than 1 us");
}

/* A part of the work; known_s: once the mapper knows all layers. */
static void add_part(td_text *out, const char **before, int64_t n, const char *what, double seconds,
                     double known_s) {
    const bool apart = seconds > clearly * known_s;
    td_text_addf(out, "%s%lld %s ", *before, (long long)n, what);
    add_duration(seconds, out);
    if (apart) td_text_add(out, " at first and ");
    if (apart) add_duration(known_s, out);
    if (apart) td_text_add(out, " once their layers are known");
    *before = ", ";
}

void td_work_describe(const td_work *w, const td_timing *t, td_text *out) {
    const double most = td_work_seconds(w, t, false), known = td_work_seconds(w, t, true);
    const bool apart = most > clearly * known;
    const char *before = " if the budgets are used up: ";
    char solved[64];
    td_text_add(out, apart ? "between " : "about ");
    if (apart) add_duration(known, out);
    if (apart) td_text_add(out, " and ");
    add_duration(most, out);
    td_text_addf(out, " on %d %s", w->at_a_time, w->at_a_time == 1 ? "core" : "cores");
    if (w->trainings > 0)
        add_part(out, &before, w->trainings, t->trains ? "trainings of" : "accuracies of",
                 t->training_s, t->training_s);
    snprintf(solved, sizeof solved, "networks solved over %d accelerators, each", t->points);
    if (w->solves > 0) add_part(out, &before, w->solves, solved, t->solve_s, t->known_solve_s);
    if (w->costs > 0) add_part(out, &before, w->costs, "costs of", t->cost_s, t->known_cost_s);
    if (w->finals > 0)
        add_part(out, &before, w->finals, "final trainings of", t->final_s, t->final_s);
    td_text_addf(out, "\n(timed: %d random designs, %d of which meet the targets", t->designs,
                 t->meet);
    if (t->solved > 0)
        td_text_addf(out, "; %d random %s solved", t->solved,
                     t->solved == 1 ? "network" : "networks");
    if (t->trains)
        td_text_addf(out, "; %.2g %% of the training of %d of them", 100 * t->fraction,
                     t->trainings);
    else if (t->trainings > 0)
        td_text_addf(out, "; the accuracy of %d of them", t->trainings);
    td_text_add(out, ")\n");
}

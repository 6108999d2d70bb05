/* estimate.c - how long a search takes, from a handful of evaluations. Times are of a thread's CPU,
 * so that what else the machine does meanwhile does not count. */
#include "estimate.h"

#include <stdlib.h>
#include <string.h>

#include "recipe.h"
#include "row.h"
#include "scope.h"

/* So much is sampled at most: it has to stay a matter of seconds. */
enum { MAX_DESIGNS = 48, MAX_TRAININGS = 2 };
static const double max_costing_s = 4, enough_training_s = 0.5;

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
} sample;

/* Random designs of the joint space, built and costed as trials are. The first ones fill the cache
 * of mappings, as those of a search do: the later half is what the others are like. */
static td_status time_costs(const td_recipe *r, sample *s, td_timing *t, td_error *err) {
    td_schedule_options options = r->schedule;
    td_space *space;
    double seconds[MAX_DESIGNS], sum = 0, con[TD_NMETRIC];
    options.cache = td_map_cache_create(0);
    td_status st = options.cache != NULL ? td_space_product(r->net, r->hw, s->arena, &space, err)
                                         : td_fail(err, TD_E_MEMORY, "out of memory");
    double *v = st == TD_OK ? TD_NEW(s->arena, double, space->n + 1) : NULL;
    if (st == TD_OK && v == NULL) st = td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; st == TD_OK && i < MAX_DESIGNS && sum < max_costing_s; i++) {
        td_choices c = {.n = space->n, .v = v};
        td_rng rng = td_rng_make(r->seed, (uint64_t)i, TD_RNG_SPACE_SAMPLE);
        td_design *d = &s->design[s->n];
        double metric[TD_NMETRIC], start = td_time_thread_s();
        td_space_sample(space, &rng, &c);
        st = space->build(space->self, &c, s->arena, d, err);
        if (st == TD_OK) st = td__design_cost(d, &options, metric, NULL, err);
        seconds[t->designs] = td_time_thread_s() - start;
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
        if (st == TD_E_INFEASIBLE) st = TD_OK; /* a result, too */
    }
    int from = t->designs / 2;
    for (int i = from; i < t->designs; i++) t->cost_s += seconds[i] / (t->designs - from);
    td_map_cache_destroy(options.cache);
    return st;
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

td_status td_recipe_time(const td_recipe *r, td_timing *out, td_error *err) {
    *out = (td_timing){0};
    sample s = {.arena = td_arena_create()};
    td_status st =
        s.arena != NULL ? time_costs(r, &s, out, err) : td_fail(err, TD_E_MEMORY, "out of memory");
    if (st == TD_OK && !r->is_workload) st = time_trainings(r, &s, out, err);
    for (int i = 0; i < s.n; i++) td_design_free(&s.design[i]);
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
        w.trainings += one.trainings;
        fixed = fixed || one.fixed_network;
        if (!one.fixed_network) w.finals += r->candidates;
    }
    w.finals = r->final != NULL ? w.finals + fixed : 0;
    w.finals_at_a_time = (int)least(threads, w.finals);
    return w;
}

td_work td_compare_work(const td_comparison *c, const td_recipe *first, int threads) {
    if (threads <= 0) threads = td_cpu_count();
    td_work w = {.at_a_time = (int)least(threads, c->nrun)};
    for (int i = 0; i < c->nrun; i++) {
        const td_scope *scope = td_scope_find(c->method[c->run[i].method].scope);
        td__scope_work one = td__scope_count(first, scope, 0);
        w.costs += one.costs;
        w.trainings += one.trainings + one.fixed_network; /* there is no final training of it */
    }
    return w;
}

double td_work_seconds(const td_work *w, const td_timing *t) {
    double s = t->load_s;
    s += ((double)w->costs * t->cost_s + (double)w->trainings * t->training_s) / w->at_a_time;
    if (w->finals > 0) s += (double)w->finals * t->final_s / w->finals_at_a_time;
    return s;
}

static void add_duration(double s, td_text *out) {
    static const struct {
        double from, unit;
        const char *name;
    } units[] = {{48 * 3600.0, 86400, "days"},
                 {2 * 3600.0, 3600, "h"},
                 {120, 60, "min"},
                 {1, 1, "s"},
                 {1e-3, 1e-3, "ms"}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (s < units[i].from) continue;
        double v = s / units[i].unit;
        td_text_addf(out, v < 9.95 ? "%.1f %s" : "%.0f %s", v, units[i].name);
        return;
    }
    td_text_add(out, "less than 1 ms");
}

void td_work_describe(const td_work *w, const td_timing *t, td_text *out) {
    td_text_add(out, "about ");
    add_duration(td_work_seconds(w, t), out);
    td_text_addf(out, " on %d %s if the budgets are used up: ", w->at_a_time,
                 w->at_a_time == 1 ? "core" : "cores");
    td_text_addf(out, "%lld %s of ", (long long)w->trainings,
                 t->trains ? "trainings" : "accuracies");
    add_duration(t->training_s, out);
    td_text_addf(out, ", %lld costs of ", (long long)w->costs);
    add_duration(t->cost_s, out);
    if (w->finals > 0) {
        td_text_addf(out, ", %lld final trainings of ", (long long)w->finals);
        add_duration(t->final_s, out);
    }
    td_text_addf(out, "\n(timed: %d random designs, %d of which meet the targets; ", t->designs,
                 t->meet);
    if (t->trains)
        td_text_addf(out, "%.2g %% of the training of %d of them)\n", 100 * t->fraction,
                     t->trainings);
    else
        td_text_addf(out, "the accuracy of %d of them)\n", t->trainings);
}

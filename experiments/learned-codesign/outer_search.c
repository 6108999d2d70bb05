/* outer_search.c - fifty accelerators by variants of the paper's strategy, one part changed at a
 * time. The mapping of each layer is the proved best one, so that the noise of an inner search
 * does not hide what is compared; the paper's own noisy inner search is one of the variants. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ablation.h"

enum { ACCELERATORS = 50, INITIAL = 10 };

/* The first is the paper's: linear kernel with noise, LCB, Gaussian process classifier. */
static const struct {
    const char *name, *strategy, *params;
    bool noisy;
} setting[] = {
    {"bo: linear, LCB, GP classifier", "bo", "{initial: 10}", false},
    {"se kernel", "bo", "{initial: 10, kernel: se}", false},
    {"Matern kernel", "bo", "{initial: 10, kernel: matern}", false},
    {"EI", "bo", "{initial: 10, acquisition: ei}", false},
    {"forest for values", "bo", "{initial: 10, model: forest}", false},
    {"no classifier", "bo", "{initial: 10, feasibility: none}", false},
    {"SVM classifier", "bo", "{initial: 10, feasibility: svm}", false},
    {"forest classifier", "bo", "{initial: 10, feasibility: forest}", false},
    {"inner bo, 250 trials", "bo", "{initial: 10}", true},
    {"random", "random", NULL, false},
    {"evolution", "evolution", NULL, false},
};
enum { SETTINGS = sizeof setting / sizeof *setting };

/* ---- one run --------------------------------------------------------------------------------- */

static double *place_in_memo(const workload *w, uint64_t key) {
    for (uint64_t i = key;; i++) {
        memo_entry *e = &w->memo[i % MEMO];
        if (e->key == key) return &e->value;
        if (e->key == 0) {
            *e = (memo_entry){key, NAN};
            return &e->value;
        }
    }
}

static double search_layers(const workload *w, const td_choices *c, const td_mapping_search *inner,
                            uint64_t seed) {
    td_arena *a = td_arena_create();
    td_design d = {0};
    td_error err = {0};
    double sum = 0;
    td_status s = w->space->build(w->space->self, c, a, &d, &err);
    for (int i = 0; s == TD_OK && i < w->n; i++) {
        const td_problem p = workload_problem(w, i, &d.hw);
        const uint64_t of[2] = {seed, (uint64_t)i};
        td_mapping_found f;
        s = td_mapping_search_run(&p, &d.hw, inner, td_hash(of, sizeof of, 0), a, &f, &err);
        sum += (double)w->layer[i].count * f.value;
    }
    if (s != TD_OK && s != TD_E_INFEASIBLE) stop(&err);
    td_design_free(&d);
    td_arena_destroy(a);
    return s == TD_OK ? sum : INFINITY;
}

double accelerator_edp(const workload *w, const td_choices *c, const td_mapping_search *inner,
                       uint64_t seed) {
    if (inner->strategy != NULL) return search_layers(w, c, inner, seed);
    double *known = place_in_memo(w, td_choices_hash(c) | 1);
    if (isnan(*known)) *known = search_layers(w, c, inner, seed);
    return *known;
}

outer_result outer_run(const workload *w, const char *strategy, const char *params,
                       const td_mapping_search *inner, int trials, uint64_t seed,
                       void (*told)(void *self, const td_choices *c, bool feasible), void *self) {
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_mapping_search mapper;
    td_mapping_search_default(&mapper);
    if (inner == NULL) inner = &mapper;
    const td_strategy *by = strategy_of(strategy);
    void *state;
    td_choices c = {w->space->n, TD_NEW(a, double, w->space->n + 1)};
    outer_result r = {.trials = trials, .value = INFINITY};
    td_status s = by->init(&state, w->space, seed, params_of(a, params), &err);
    if (s != TD_OK) stop(&err);
    for (int i = 0; i < trials; i++) {
        double fidelity = 1;
        s = by->ask(state, i, &c, &fidelity);
        if (s != TD_OK) {
            td_fail(&err, s, "%s: %s", strategy, td_status_text(s));
            stop(&err);
        }
        const uint64_t of[2] = {seed, (uint64_t)i};
        double v = accelerator_edp(w, &c, inner, td_hash(of, sizeof of, 0));
        const bool found = isfinite(v);
        td_outcome o = {.state = found ? TD_TRIAL_DONE : TD_TRIAL_INFEASIBLE,
                        .nobj = found,
                        .obj = {found ? v : 0},
                        .fidelity = 1};
        by->tell(state, i, &c, &o);
        if (told != NULL) told(self, &c, found);
        r.infeasible += !found;
        r.late_infeasible += !found && i >= INITIAL;
        r.value = fmin(r.value, v);
    }
    by->destroy(state);
    td_arena_destroy(a);
    return r;
}

/* ---- all runs -------------------------------------------------------------------------------- */

typedef struct {
    double *value, *late, *cpu; /* [seeds] of a workload and setting */
} cell;

/* EDP of Eyeriss with the proved mappings. */
static double eyeriss_edp(const workload *w) {
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_mapping_search o;
    double sum = 0;
    td_mapping_search_default(&o);
    for (int i = 0; i < w->n; i++) {
        const td_problem p = workload_problem(w, i, &w->eyeriss);
        td_mapping_found f;
        if (td_mapping_search_run(&p, &w->eyeriss, &o, 0, a, &f, &err) != TD_OK) stop(&err);
        sum += (double)w->layer[i].count * f.value;
    }
    td_arena_destroy(a);
    return sum;
}

static void run(table *t, const workload *w, int k, int seed, cell *to) {
    char key[160];
    snprintf(key, sizeof key, "%s/%s/%d", w->name, setting[k].name, seed + 1);
    const char *known = table_find(t, key);
    if (known == NULL) {
        td_arena *a = td_arena_create();
        td_mapping_search noisy;
        td_mapping_search_default(&noisy);
        noisy.strategy = strategy_of("bo");
        noisy.params = params_of(a, "{initial: 30}");
        double from = cpu_now();
        outer_result r =
            outer_run(w, setting[k].strategy, setting[k].params, setting[k].noisy ? &noisy : NULL,
                      ACCELERATORS, (uint64_t)seed + 1, NULL, NULL);
        char row[160];
        snprintf(row, sizeof row, "%.17g;%d;%d;%.6f", r.value, r.infeasible, r.late_infeasible,
                 cpu_now() - from);
        known = table_add(t, key, row);
        td_arena_destroy(a);
    }
    char *at = (char *)known;
    to->value[seed] = strtod(at, &at);
    strtol(at + 1, &at, 10);
    to->late[seed] = strtod(at + 1, &at);
    to->cpu[seed] = strtod(at + 1, &at);
}

/* ---- tables ---------------------------------------------------------------------------------- */

static void workload_table(const workload *w, const cell *c, int seeds) {
    td_text t = {0};
    td_error err = {0};
    double p[SETTINGS], a12[SETTINGS], v[MOST_SEEDS], least = INFINITY, base = eyeriss_edp(w);
    for (int k = 0; k < SETTINGS; k++) {
        td_rank_sum u;
        for (int s = 0; s < seeds; s++) least = fmin(least, c[k].value[s]);
        if (td_rank_sum_test(c[k].value, seeds, c[0].value, seeds, &u, &err) != TD_OK) stop(&err);
        p[k] = k > 0 ? u.p : NAN;
        a12[k] = u.a12;
    }
    if (td_holm(p, SETTINGS, p, &err) != TD_OK) stop(&err);
    td_text_addf(&t,
                 "\n%s: Eyeriss %.4e, the best of all runs %.4e (%.1f %% less).\n\n"
                 "| setting | EDP / best | EDP / Eyeriss | worse than the first | p | no mapping, "
                 "of 40 | CPU s |\n|---|---|---|---|---|---|---|\n",
                 w->name, base, least, 100 * (1 - least / base));
    for (int k = 0; k < SETTINGS; k++) {
        td_text_addf(&t, "| %s | ", setting[k].name);
        for (int s = 0; s < seeds; s++) v[s] = c[k].value[s] / least;
        median_add(&t, "%.3f", v, seeds);
        td_text_add(&t, " | ");
        for (int s = 0; s < seeds; s++) v[s] = c[k].value[s] / base;
        median_add(&t, "%.3f", v, seeds);
        if (k == 0)
            td_text_add(&t, " | - | - | ");
        else
            td_text_addf(&t, " | %.2f | %.2g | ", a12[k], p[k]);
        median_add(&t, "%.1f", c[k].late, seeds);
        td_text_addf(&t, " | %.2f |\n", td_quantile(c[k].cpu, seeds, 0.5));
    }
    fputs(t.data, stdout);
    td_text_free(&t);
}

void outer_search(const char *out, const workload *w, int n, int seeds) {
    static double room[SETTINGS][3][MOST_SEEDS];
    table t;
    table_open(out, "outer.csv", "workload/setting/seed;edp;infeasible;late infeasible;cpu s", &t);
    for (int i = 0; i < n; i++) {
        cell c[SETTINGS];
        for (int k = 0; k < SETTINGS; k++) {
            c[k] = (cell){room[k][0], room[k][1], room[k][2]};
            for (int s = 0; s < seeds; s++) run(&t, &w[i], k, s, &c[k]);
        }
        workload_table(&w[i], c, seeds);
        fflush(stdout);
    }
    table_close(&t);
}

/* feasibility.c - shares of accelerators that meet the known constraints, and of these that have a
 * mapping for every layer; and how well classifiers foresee it: the accelerators of a study in
 * order, each judged by a classifier that has seen those before it. It is fitted anew as often as
 * strategy bo does it, when what it has seen has grown by a 25th. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ablation.h"

enum { RANDOM = 500, STUDY = 50, RANDOM_SEEDS = 3, FIRST = 10, FIT_PART = 25, FIT_CAP = 80 };
typedef enum { BASE, GP, SVM, FOREST, KINDS } kind;
static const char *const kind_name[KINDS] = {"share so far", "GP", "SVM", "forest"};

typedef struct {
    const workload *w;
    int n, d;
    double *x; /* [RANDOM][d] features */
    uint8_t label[RANDOM];
} sample;

static void note(void *self, const td_choices *c, bool feasible) {
    sample *s = self;
    s->w->space->features(s->w->space->self, c, s->x + (size_t)s->n * (size_t)s->d);
    s->label[s->n++] = feasible;
}

/* ---- classifiers ----------------------------------------------------------------------------- */

typedef struct {
    kind by;
    double share;
    td_gp_class *gp;
    td_svm *svm;
    td_forest *forest;
} classifier;

static void forget(classifier *c) {
    td_gp_class_destroy(c->gp);
    td_svm_destroy(c->svm);
    td_forest_destroy(c->forest);
    *c = (classifier){.by = c->by, .share = c->share};
}

/* Where there is one class only it is the share so far. */
static void fit(classifier *c, const double *x, const uint8_t *label, int n, int d) {
    td_error err = {0};
    td_status s = TD_OK;
    int yes = 0;
    for (int i = 0; i < n; i++) yes += label[i];
    forget(c);
    c->share = (yes + 1.) / (n + 2.);
    if (yes == 0 || yes == n) return;
    if (c->by == GP) {
        const int skip = n > FIT_CAP ? n - FIT_CAP : 0;
        s = td_gp_class_create(d, &c->gp, &err);
        if (s == TD_OK)
            s = td_gp_class_fit(c->gp, x + (size_t)skip * (size_t)d, label + skip, n - skip, &err);
        if (s == TD_OK && skip > 0) s = td_gp_class_set(c->gp, x, label, n, &err);
    } else if (c->by == SVM) {
        s = td_svm_fit(&(td_svm_options){.d = d}, x, label, n, &c->svm, &err);
    } else if (c->by == FOREST) {
        double y[RANDOM];
        for (int i = 0; i < n; i++) y[i] = label[i];
        s = td_forest_fit(&(td_forest_options){.d = d, .seed = 1}, x, y, n, &c->forest, &err);
    }
    if (s != TD_OK) stop(&err);
}

static double chance(const classifier *c, const double *x) {
    double p = c->share;
    td_error err = {0};
    td_status s = TD_OK;
    if (c->gp != NULL) s = td_gp_class_predict(c->gp, x, 1, &p, NULL, NULL, &err);
    if (c->svm != NULL) s = td_svm_predict(c->svm, x, 1, &p, NULL, &err);
    if (c->forest != NULL) td_forest_predict(c->forest, x, 1, &p, NULL);
    if (s != TD_OK) stop(&err);
    return p;
}

/* ---- replay ---------------------------------------------------------------------------------- */

typedef struct {
    double hit[2][2]; /* [is feasible][was said to be] */
    double brier;     /* sum */
} score;

static void add(score *to, const score *s) {
    for (int i = 0; i < 4; i++) to->hit[i / 2][i % 2] += s->hit[i / 2][i % 2];
    to->brier += s->brier;
}

/* Each coordinate of mean 0 and variance 1 over the first n rows. */
static void standardise(const sample *s, int n, double *out) {
    for (int j = 0; j < s->d; j++) {
        double mean = 0, square = 0;
        for (int i = 0; i < n; i++) mean += s->x[i * s->d + j] / n;
        for (int i = 0; i < n; i++) square += pow(s->x[i * s->d + j] - mean, 2) / n;
        for (int i = 0; i < s->n; i++)
            out[i * s->d + j] = square > 1e-20 ? (s->x[i * s->d + j] - mean) / sqrt(square) : 0;
    }
}

static score replay(const sample *s, kind by) {
    classifier c = {.by = by};
    score r = {0};
    double *x = calloc((size_t)s->n * (size_t)s->d, sizeof *x);
    int fitted = 0;
    if (x == NULL) exit(1);
    for (int t = FIRST; t < s->n; t++) {
        if (fitted == 0 || t - fitted >= t / FIT_PART) {
            standardise(s, t, x);
            fit(&c, x, s->label, t, s->d);
            fitted = t;
        }
        double p = chance(&c, x + (size_t)t * (size_t)s->d);
        r.hit[s->label[t]][p >= 0.5]++;
        r.brier += pow(p - s->label[t], 2);
    }
    forget(&c);
    free(x);
    return r;
}

/* ---- samples --------------------------------------------------------------------------------- */

/* Random accelerators that meet what is known; returns the raw draws. */
static int64_t draw(const workload *w, uint64_t seed, sample *s) {
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_mapping_search mapper;
    td_mapping_search_default(&mapper);
    mapper.max_nodes = 10; /* whether there is a mapping it knows before it looks for a good one */
    td_rng r = td_rng_make(seed, 0, TD_RNG_SPACE_SAMPLE);
    td_choices c = {w->space->n, TD_NEW(a, double, w->space->n + 1)};
    int64_t drawn = 0;
    while (s->n < RANDOM) {
        if (!td_space_draw(w->space, &r, 10000000, &c, &drawn)) {
            td_fail(&err, TD_E_INFEASIBLE, "%s: no accelerator was drawn", w->name);
            stop(&err);
        }
        note(s, &c, isfinite(accelerator_edp(w, &c, &mapper, 0)));
    }
    td_arena_destroy(a);
    return drawn;
}

static void run(table *t, const workload *w, bool study, int seed, score out[KINDS],
                double *drawn) {
    sample s = {.w = w, .d = w->space->n_features};
    s.x = calloc((size_t)RANDOM * (size_t)s.d, sizeof *s.x);
    if (s.x == NULL) exit(1);
    for (int k = 0; k < KINDS; k++) {
        char key[160], row[160];
        snprintf(key, sizeof key, "%s/%s/%s/%d", w->name, study ? "study" : "random", kind_name[k],
                 seed);
        const char *known = table_find(t, key);
        if (known == NULL) {
            int64_t raw = 0;
            if (s.n == 0 && study)
                outer_run(w, "bo", "{initial: 10}", NULL, STUDY, (uint64_t)seed, note, &s);
            if (s.n == 0) raw = draw(w, (uint64_t)seed, &s);
            const score r = replay(&s, (kind)k);
            snprintf(row, sizeof row, "%.0f;%.0f;%.0f;%.0f;%.9f;%lld", r.hit[0][0], r.hit[0][1],
                     r.hit[1][0], r.hit[1][1], r.brier, (long long)raw);
            known = table_add(t, key, row);
        }
        double v[6];
        char *at = (char *)known;
        for (int i = 0; i < 6; i++) {
            v[i] = strtod(at, &at);
            if (*at == ';') at++;
        }
        add(&out[k], &(score){{{v[0], v[1]}, {v[2], v[3]}}, v[4]});
        *drawn += k == 0 ? v[5] : 0;
    }
    free(s.x);
}

/* ---- the table ------------------------------------------------------------------------------- */

static void share_add(td_text *t, double part, double of) {
    if (of > 0)
        td_text_addf(t, " %.2f |", part / of);
    else
        td_text_add(t, " - |");
}

static void rows(td_text *t, const char *name, const score s[KINDS]) {
    for (int k = 0; k < KINDS; k++) {
        const double(*h)[2] = s[k].hit;
        double yes = h[1][0] + h[1][1], no = h[0][0] + h[0][1];
        td_text_addf(t, "| %s | %.2f | %s |", name, yes / (yes + no), kind_name[k]);
        share_add(t, h[1][1], h[0][1] + h[1][1]);
        share_add(t, h[1][1], yes);
        share_add(t, h[0][0], h[0][0] + h[1][0]);
        share_add(t, h[0][0], no);
        td_text_addf(t, " %.3f |\n", s[k].brier / (yes + no));
    }
}

void feasibility(const char *out, const workload *w, int n, int seeds) {
    table t;
    table_open(out, "feasibility.csv",
               "workload/source/classifier/seed;no no;no yes;yes no;yes yes;brier;drawn", &t);
    td_text shares = {0}, judged = {0};
    td_text_add(&shares, "\n| workload | raw draws that meet what is known | of these, every layer "
                         "has a mapping |\n|---|---|---|\n");
    td_text_add(&judged, "\n| accelerators | share feasible | classifier | precision, feasible | "
                         "recall | precision, infeasible | recall | Brier |\n"
                         "|---|---|---|---|---|---|---|---|\n");
    for (int i = 0; i < n; i++) {
        score random[KINDS] = {0}, study[KINDS] = {0};
        double drawn = 0, none = 0;
        char name[160];
        for (int s = 1; s <= RANDOM_SEEDS; s++) run(&t, &w[i], false, s, random, &drawn);
        for (int s = 1; s <= seeds; s++) run(&t, &w[i], true, s, study, &none);
        double no = random[0].hit[0][0] + random[0].hit[0][1],
               yes = random[0].hit[1][0] + random[0].hit[1][1];
        td_text_addf(&shares, "| %s | %.2f %% | %.1f %% |\n", w[i].name,
                     100. * RANDOM * RANDOM_SEEDS / drawn, 100 * yes / (yes + no));
        snprintf(name, sizeof name, "%s, %d random", w[i].name, RANDOM);
        rows(&judged, name, random);
        snprintf(name, sizeof name, "%s, %d of a study", w[i].name, STUDY);
        rows(&judged, name, study);
    }
    table_close(&t);
    fputs(shares.data, stdout);
    fputs(judged.data, stdout);
    td_text_free(&shares);
    td_text_free(&judged);
}

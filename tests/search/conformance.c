#include "conformance.h"

#include "common.h"
#include "spaces.h"

/* Sets of options beside the defaults of all that are listed. idle: nothing is learned. */
static const struct {
    const char *name, *options;
    bool idle;
} sets[] = {
    {"evolution", "{selection: tournament}"},
    {"evolution", "{selection: tournament, population: 5, sample: 1, crossover: 0}"},
    {"evolution", "{population: 1}", true},
    {"evolution", "{population: 8, solve: 12}"},
    {"evolution", "{population: 8, solve: 1, selection: tournament}"},
    {"local", "{restart: random}"},
    {"local", "{restart: perturb, kick: 1, neighbours: 7}"},
    {"ppo", "{policy: autoregressive, hidden: 8}"},
    {"ppo", "{policy: autoregressive, hidden: 3, batch: 5, rate: .03, clip: .1}"},
    {"ppo", "{batch: 1, baseline: ema, decay: .5, normalise: false}"},
    {"ppo", "{baseline: none, entropy: 0, rate: .2, epochs: 2}",
     true}, /* all rewards are negative */
    {"nsga2", "{population: 5, crossover: 0, mutations: 2}"},
    {"nsga2", "{population: 40, offspring: 40, blend: .9, eta_mutation: 0}"},
    {"nsga2", "{population: 2, eta_crossover: 20, mutations: 0}"},
    {"cmaes", "{population: 4, restarts: bipop}"},
    {"cmaes", "{population: 30, sigma: .5, restarts: equal}"},
    /* test_bayes.c looks at what these learn: */
    {"gp", "{initial: 4, candidates: 60, points: 20}", true},
    {"gp", "{initial: 3, candidates: 60, points: 12, acquisition: thompson}", true},
    {"auto", "{modelled: 16, patience: 4}", true},
    /* Of a small pool, of a linear model where nothing is linear: hardly better than random. */
    {"bo", "{pool: 12, points: 32}", true},
    {"bo", "{pool: 12, points: 24, kernel: se, acquisition: ei, feasibility: svm, value: plain}",
     true},
    {"bo", "{pool: 12, points: 24, model: forest, feasibility: forest, value: reciprocal}", true},
    {"bo", "{pool: 12, points: 24, kernel: matern, confidence: 2, feasibility: none, epsilon: .2}",
     true},
    {"tpe", "{candidates: 8, kernels: 40}"},
    {"tpe", "{initial: 20, gamma: 2.5, width: .4, candidates: 6, kernels: 30}"},
    {"tpe", "{multivariate: false, candidates: 3, kernels: 20}"},
};

/* Whose defaults take milliseconds to ask: with the options above only. */
static const char *const not_cheap[] = {"gp", "auto", "tpe", "bo"};

/* Whose defaults learn nothing (nor do those that walk through a space). */
static const char *const idle[] = {"random", "qmc"};

void complain(const subject *x, const td_space *space, const char *format, ...) {
    char what[256];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    fail_msg("%s %s on space %s: %s", x->s->name, x->options, space->name, what);
}

td_status start_with(const subject *x, const char *options, const td_space *space, void **state,
                     td_error *err) {
    td_arena *a = td_arena_create();
    const td_node *params;
    assert_ok(td_yaml_parse(a, options, strlen(options), "recipe.yaml", &params, err), err);
    td_status s = x->s->init(state, space, 1, params, err);
    td_arena_destroy(a);
    return s;
}

static void try_subject(const td_strategy *s, const char *options, bool learns, bool dear,
                        void (*check)(const subject *)) {
    subject x = {.s = s, .options = options, .dear = dear || TEST_SANITIZED};
    double v[4], fidelity = 1;
    td_choices c = {space_tree.n, v};
    void *state;
    td_error err = {0};
    assert_ok(start_with(&x, options, &space_tree, &state, &err), &err);
    for (int i = 0; i < 14; i++) assert_int_equal(s->ask(state, i, &c, &fidelity), TD_OK);
    x.walks = s->ask(state, 14, &c, &fidelity) == TD_E_DONE;
    s->destroy(state);
    x.learns = learns && !x.walks;
    check(&x);
}

void for_each_subject(void (*check)(const subject *x)) {
    int n;
    const td_strategy *const *all = td_strategy_list(&n);
    for (int i = 0; i < n; i++) {
        bool learns = true, cheap = true;
        for (size_t k = 0; k < sizeof not_cheap / sizeof not_cheap[0]; k++)
            cheap = cheap && strcmp(not_cheap[k], all[i]->name) != 0;
        for (size_t k = 0; k < sizeof idle / sizeof idle[0]; k++)
            learns = learns && strcmp(idle[k], all[i]->name) != 0;
        if (cheap) try_subject(all[i], "{}", learns, false, check);
        for (size_t k = 0; k < sizeof sets / sizeof sets[0]; k++)
            if (strcmp(sets[k].name, all[i]->name) == 0)
                try_subject(all[i], sets[k].options, !sets[k].idle, !cheap, check);
    }
}

/* ---- playing --------------------------------------------------------------------------------- */

/* A vector as a store keeps it: written as JSON and read again. */
static void through_store(const td_space *space, td_choices *c) {
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_text json = {0};
    const td_node *doc;
    td_node_to_json(td_choices_to_node(space, c, a), 0, &json);
    assert_ok(td_json_parse(a, json.data, json.size, "store", 1, &doc, &err), &err);
    assert_ok(td_choices_from_node(space, doc, c, &err), &err);
    td_text_free(&json);
    td_arena_destroy(a);
}

static void check_asked(const subject *x, const td_space *space, const td_choices *c,
                        double fidelity) {
    td_error err = {0};
    double *copy = malloc(sizeof *copy * (size_t)(space->n + 1));
    int costs_only = 0;
    for (int i = 0; i < space->n; i++) {
        copy[i] = c->v[i];
        costs_only += space->d[i].costs_only;
    }
    td_choices canonical = {c->n, copy};
    must(x, space, c->n == space->n);
    if (td_space_canonical(space, &canonical, &err) != TD_OK) complain(x, space, "%s", err.message);
    must(x, space, td_choices_hash(&canonical) == td_choices_hash(c));
    must(x, space, td_space_allows(space, c));
    must(x, space, fidelity == 1 || (fidelity == 0 && costs_only > 0 && costs_only < space->n));
    free(copy);
}

/* What a study tells of a trial that was asked for its costs only. */
static td_outcome costs_of(td_outcome o) {
    o.fidelity = 0;
    o.nobj = 0;
    if (o.state == TD_TRIAL_DONE) o.state = TD_TRIAL_PRUNED;
    return o;
}

typedef struct {
    const subject *x;
    const game *g;
    record *r;
    void *state;
    bool *told;
    int n_told, first; /* first: that is not told */
    td_rng rng;
} match;

static td_choices choices_at(const match *m, int i) {
    return (td_choices){m->g->space->n, m->r->v + (size_t)i * (size_t)m->g->space->n};
}

static void tell(match *m, int i) {
    td_choices c = choices_at(m, i);
    m->x->s->tell(m->state, i, &c, &m->r->outcome[i]);
    m->told[i] = true;
    m->n_told++;
    while (m->told[m->first]) m->first++;
}

/* What is told before trial n is asked. */
static void tell_for(match *m, int n) {
    if (n > 0 && m->r->fidelity[n - 1] == 0) tell(m, n - 1);
    while (m->first < n - m->g->lag) {
        int i = m->first;
        if (m->g->shuffle != 0) {
            if (n - m->n_told <= m->g->lag && td_rng_below(&m->rng, 2) == 0) return;
            do i = m->first + (int)td_rng_below(&m->rng, (uint64_t)(n - m->first));
            while (m->told[i]);
        }
        tell(m, i);
    }
}

void record_free(record *r) {
    free(r->asked);
    free(r->v);
    free(r->fidelity);
    free(r->outcome);
    *r = (record){0};
}

/* What was asked for trial i, where that is what was told. */
static bool known(const record *stored, int i, td_choices *c) {
    const double *v = stored->v + (size_t)i * (size_t)c->n;
    if (c->n > 0) memcpy(c->v, v, sizeof *v * (size_t)c->n);
    return td_choices_hash(c) == stored->asked[i];
}

void play(const subject *x, const game *g, const record *stored, int n_stored, record *r) {
    size_t n = (size_t)g->n, d = (size_t)g->space->n;
    td_error err = {0};
    record_free(r);
    r->asked = calloc(n, sizeof *r->asked);
    r->v = calloc(n * d + 1, sizeof *r->v);
    r->fidelity = calloc(n, sizeof *r->fidelity);
    r->outcome = calloc(n, sizeof *r->outcome);
    match m = {x, g, r, .told = calloc(n + 1, sizeof *m.told)};
    m.rng = td_rng_make(g->shuffle, 0, TD_RNG_TEST);
    td_arena *a = td_arena_create();
    const td_node *params;
    assert_ok(td_yaml_parse(a, x->options, strlen(x->options), "recipe.yaml", &params, &err), &err);
    td_status s = x->s->init(&m.state, g->space, g->seed, params, &err);
    td_arena_destroy(a);
    td_choices c = {g->space->n, r->v};
    if (s == TD_E_USAGE && !td_space_first(g->space, &c)) {
        free(m.told); /* refused: cannot be walked */
        return;
    }
    if (s != TD_OK) complain(x, g->space, "%s", err.message);
    for (int i = 0; i < g->n; i++) {
        tell_for(&m, i);
        c = choices_at(&m, i);
        double fidelity = 1;
        if (i < n_stored && x->s->asked != NULL && known(stored, i, &c)) {
            s = x->s->asked(m.state, i, &c, fidelity);
        } else {
            /* Nothing is left; but what is told now may put back what was asked for it. */
            while ((s = x->s->ask(m.state, i, &c, &fidelity)) == TD_E_DONE && m.first < i)
                tell(&m, m.first);
        }
        if (s == TD_E_DONE) break;
        must(x, g->space, s == TD_OK);
        check_asked(x, g->space, &c, fidelity);
        r->n = i + 1;
        r->asked[i] = td_choices_hash(&c);
        if (g->other != NULL && g->other(i, &c)) fidelity = 1;
        r->fidelity[i] = fidelity;
        if (i < n_stored) {
            memcpy(c.v, stored->v + (size_t)i * d, sizeof *c.v * d);
            through_store(g->space, &c);
            r->outcome[i] = stored->outcome[i];
        } else {
            r->outcome[i] = g->f(&c);
            r->outcome[i].fidelity = 1;
            if (fidelity == 0) r->outcome[i] = costs_of(r->outcome[i]);
        }
    }
    x->s->destroy(m.state);
    free(m.told);
}

bool same_asks(const record *a, const record *b) {
    return a->n == b->n && memcmp(a->asked, b->asked, sizeof *a->asked * (size_t)a->n) == 0;
}

static int compare_hashes(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

int count_distinct(const record *r) {
    uint64_t *sorted = malloc(sizeof *sorted * (size_t)(r->n + 1));
    memcpy(sorted, r->asked, sizeof *sorted * (size_t)r->n);
    qsort(sorted, (size_t)r->n, sizeof *sorted, compare_hashes);
    int n = r->n > 0;
    for (int i = 1; i < r->n; i++) n += sorted[i] != sorted[i - 1];
    free(sorted);
    return n;
}

double best_of(const record *r) {
    double best = INFINITY;
    for (int i = 0; i < r->n; i++)
        if (td_outcome_feasible(&r->outcome[i])) best = fmin(best, r->outcome[i].obj[0]);
    return best;
}

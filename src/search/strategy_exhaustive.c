/* Every vector of a space once, in the order of td_space_first and td_space_next, and then no more.
 * Nothing is learned from what is told; but a vector that was asked and not told, since another one
 * was told for its number, is asked again (unless that happens to the very last ones, within the
 * lag: the walk ends without knowing). */
#include <stdlib.h>
#include <string.h>

#include "strategies.h"

typedef struct {
    int64_t number;
    double *v;
} asked;

typedef struct {
    const td_space *space;
    double *v; /* where the walk stands */
    bool begun, ended;
    asked *open; /* asked and not told yet */
    int n_open, capacity;
    double **again; /* asked, and given up */
    int n_again, again_capacity;
} state;

static void destroy(void *self) {
    state *s = self;
    if (s == NULL) return;
    for (int i = 0; i < s->n_open; i++) free(s->open[i].v);
    for (int i = 0; i < s->n_again; i++) free(s->again[i]);
    free(s->open);
    free(s->again);
    free(s->v);
    free(s);
}

static td_status init(void **out, const td_space *space, uint64_t seed, const td_params *params,
                      td_error *err) {
    static const char *const keys[] = {NULL};
    (void)seed;
    *out = NULL;
    td_status status = params != NULL ? td_node_only(params, keys, err) : TD_OK;
    if (status != TD_OK) return status;
    state *s = calloc(1, sizeof *s);
    if (s != NULL) s->v = calloc((size_t)space->n + 1, sizeof *s->v);
    if (s == NULL || s->v == NULL) {
        destroy(s);
        return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    s->space = space;
    td_choices c = {space->n, s->v};
    if (!td_space_first(space, &c)) {
        destroy(s);
        return td_fail(err, TD_E_USAGE,
                       "strategy exhaustive cannot walk through space %s: it has real decisions",
                       space->name);
    }
    *out = s;
    return TD_OK;
}

/* The next vector: one that was given up, or the walk's. NULL: memory is out, or *done. */
static double *next(state *s, bool *done) {
    *done = false;
    if (s->n_again > 0) return s->again[--s->n_again];
    td_choices c = {s->space->n, s->v};
    if (s->begun && !s->ended) s->ended = !td_space_next(s->space, &c);
    s->begun = true;
    *done = s->ended;
    size_t bytes = sizeof *s->v * ((size_t)s->space->n + 1);
    double *v = s->ended ? NULL : malloc(bytes);
    if (v != NULL) memcpy(v, s->v, bytes);
    return v;
}

static td_status ask(void *self, int64_t number, td_choices *out, double *fidelity) {
    state *s = self;
    if (s->n_open == s->capacity) {
        int capacity = s->capacity > 0 ? 2 * s->capacity : 16;
        asked *grown = realloc(s->open, sizeof *grown * (size_t)capacity);
        if (grown == NULL) return TD_E_MEMORY;
        s->open = grown;
        s->capacity = capacity;
    }
    bool done;
    double *v = next(s, &done);
    if (v == NULL) return done ? TD_E_DONE : TD_E_MEMORY;
    s->open[s->n_open++] = (asked){number, v};
    out->n = s->space->n;
    memcpy(out->v, v, sizeof *v * (size_t)s->space->n);
    if (fidelity != NULL) *fidelity = 1;
    return TD_OK;
}

/* Keeps v, which the state owns from now on. Where memory is out it is asked no more. */
static void ask_again(state *s, double *v) {
    if (s->n_again == s->again_capacity) {
        int capacity = s->again_capacity > 0 ? 2 * s->again_capacity : 16;
        double **grown = realloc(s->again, sizeof *grown * (size_t)capacity);
        if (grown != NULL) {
            s->again = grown;
            s->again_capacity = capacity;
        }
    }
    if (s->n_again < s->again_capacity)
        s->again[s->n_again++] = v;
    else
        free(v);
}

static void tell(void *self, int64_t number, const td_choices *c, const td_outcome *o) {
    (void)o;
    state *s = self;
    for (int i = 0; i < s->n_open; i++) {
        if (s->open[i].number != number) continue;
        td_choices mine = {s->space->n, s->open[i].v};
        if (td_choices_hash(&mine) == td_choices_hash(c))
            free(mine.v);
        else
            ask_again(s, mine.v);
        s->open[i] = s->open[--s->n_open];
        return;
    }
}

const td_strategy td__strategy_exhaustive = {.name = "exhaustive",
                                             .about = "every design once, in order",
                                             .init = init,
                                             .ask = ask,
                                             .tell = tell,
                                             .destroy = destroy,
                                             .fronts = true,
                                             .ends = true};

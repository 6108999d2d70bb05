/* Local search: first-improvement hill climbing over the neighbours that differ in one decision,
 * strong on spaces of networks: White, Nolen, Savani, "Exploring the Loss Landscape in Neural
 * Architecture Search", UAI 2021 (arXiv 2005.02960). Restarts from the best so far with some
 * decisions redrawn are iterated local search: Lourenco, Martin, Stuetzle 2003.
 *
 * A climb asks the neighbours of its point in random order. The first that is told to be better is
 * the next point. A point whose neighbours have all been asked is left, and the next climb begins.
 *
 * With a lag neighbours are told when the climb is elsewhere already. A trial of this climb is the
 * next point if it is better than the point of now, whatever it is a neighbour of; one of an
 * earlier climb only if it is better than all so far. While the start of a climb is not known more
 * starts are asked. */
#include <stdlib.h>
#include <string.h>

#include "option.h"
#include "scale.h"
#include "search_asked.h"
#include "strategies.h"

enum {
    DRAWS = 64,     /* tries to find a start that was not asked */
    MOST_EACH = 32, /* so many other values of a decision are all neighbours; of more: some */
    STEP = 4,       /* numeric decisions with more: steps of 1, 4, 16, ... up and down */
    REAL_STEPS = 6  /* reals: of 1/4, 1/16, ... of their scale */
};

typedef struct {
    int decision;
    double value;
} move;

typedef struct {
    double *v;
    td_outcome outcome;
    bool known;
} point;

typedef struct {
    const td_space *space;
    uint64_t seed;
    int64_t neighbours, kick;
    int restart;
    td__asked asked;
    point at, best;
    double *values;
    int64_t climb; /* number of the first trial of this climb */
    /* Neighbours of `at`, n_moves of them, those before `move` asked; n_moves < 0: to be made. */
    move *moves;
    int n_moves, move, room;
    int64_t left; /* of `neighbours` */
} state;

enum { PERTURB, RANDOM }; /* restart */

static td_status read_options(state *s, const td_params *params, td_error *err) {
    static const char *const keys[] = {"restart", "kick", "neighbours", NULL};
    static const char *const restarts[] = {"perturb", "random"};
    s->kick = 4;
    td_status status = td_node_only(params, keys, err);
    if (status == TD_OK) status = td__option_word(params, "restart", restarts, 2, &s->restart, err);
    if (status == TD_OK) status = td_node_opt_int(params, "kick", 1, 1000, &s->kick, err);
    if (status == TD_OK)
        status = td_node_opt_int(params, "neighbours", 0, 1000000000, &s->neighbours, err);
    if (status == TD_OK && s->restart == RANDOM)
        status = td__option_idle(params, "kick", "restart: perturb", err);
    return status;
}

static void destroy(void *self) {
    state *s = self;
    if (s == NULL) return;
    td__asked_free(&s->asked);
    free(s->values);
    free(s->moves);
    free(s);
}

static td_status init(void **out, const td_space *space, uint64_t seed, const td_params *params,
                      td_error *err) {
    *out = NULL;
    state *s = calloc(1, sizeof *s);
    if (s == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    s->space = space;
    s->seed = seed;
    td_status status = read_options(s, params, err);
    if (status == TD_OK) {
        s->values = calloc(2 * (size_t)space->n + 1, sizeof *s->values);
        if (s->values == NULL) status = td_fail(err, TD_E_MEMORY, "out of memory");
    }
    if (status != TD_OK) {
        destroy(s);
        return status;
    }
    s->at.v = s->values;
    s->best.v = s->at.v + space->n;
    *out = s;
    return TD_OK;
}

/* ---- neighbours ------------------------------------------------------------------------------ */

static bool add_move(state *s, int decision, double value) {
    if (s->n_moves == s->room) {
        int room = s->room > 0 ? 2 * s->room : 64;
        move *wide = realloc(s->moves, (size_t)room * sizeof *wide);
        if (wide == NULL) return false;
        s->moves = wide;
        s->room = room;
    }
    s->moves[s->n_moves++] = (move){decision, value};
    return true;
}

static bool add_moves(state *s, td_rng *r, int i) {
    const td_decision *d = &s->space->d[i];
    double old = s->at.v[i], lo = d->kind == TD_INTEGER ? d->lo : 0;
    int64_t count = td__scale_count(d);
    bool fine = true;
    if (count == 1) return true;
    if (count == 0) {
        double place = td__scale_place(d, old), step = 1;
        for (int k = 0; k < REAL_STEPS; k++) {
            step /= STEP;
            double up = td__scale_value(d, fmin(place + step, 1));
            double down = td__scale_value(d, fmax(place - step, 0));
            if (up > old) fine = fine && add_move(s, i, up);
            if (down < old) fine = fine && add_move(s, i, down);
        }
    } else if (count - 1 <= MOST_EACH) {
        for (int64_t k = 0; k < count; k++)
            if (lo + (double)k != old) fine = fine && add_move(s, i, lo + (double)k);
    } else if (d->kind == TD_CATEGORICAL) {
        for (int k = 0; k < MOST_EACH; k++) {
            double value = (double)td_rng_below(r, (uint64_t)count);
            if (value != old) fine = fine && add_move(s, i, value);
        }
    } else if (td__scale_uneven(d)) {
        double place = td__scale_unit(d, old), step = 1;
        if (old < d->hi) fine = fine && add_move(s, i, old + 1);
        if (old > d->lo) fine = fine && add_move(s, i, old - 1);
        for (int k = 0; k < REAL_STEPS; k++) {
            step /= STEP;
            double up = td__scale_from_unit(d, fmin(place + step, 1));
            double down = td__scale_from_unit(d, fmax(place - step, 0));
            if (up > old + 1) fine = fine && add_move(s, i, up);
            if (down < old - 1) fine = fine && add_move(s, i, down);
        }
    } else {
        double hi = lo + (double)(count - 1);
        for (double step = 1; step < (double)count; step *= STEP) {
            if (old + step <= hi) fine = fine && add_move(s, i, old + step);
            if (old - step >= lo) fine = fine && add_move(s, i, old - step);
        }
    }
    return fine;
}

/* The neighbours of the point, in random order. */
static bool make_moves(state *s, td_rng *r) {
    s->n_moves = s->move = 0;
    s->left = s->neighbours > 0 ? s->neighbours : INT64_MAX;
    for (int i = 0; i < s->space->n; i++)
        if (!isnan(s->at.v[i]) && !add_moves(s, r, i)) return false;
    for (int i = s->n_moves - 1; i > 0; i--) {
        int k = (int)td_rng_below(r, (uint64_t)i + 1);
        move other = s->moves[k];
        s->moves[k] = s->moves[i];
        s->moves[i] = other;
    }
    return true;
}

/* The next neighbour that was not asked. What hangs on the changed decision and was inactive is
 * drawn. */
static bool next_neighbour(state *s, td_rng *r, td_choices *out) {
    while (s->move < s->n_moves && s->left > 0) {
        move m = s->moves[s->move++];
        out->n = s->space->n;
        memcpy(out->v, s->at.v, sizeof *out->v * (size_t)s->space->n);
        out->v[m.decision] = m.value;
        td_space_settle(s->space, r, out);
        if (td__asked_avoids(&s->asked, s->space, out)) continue;
        s->left--;
        return true;
    }
    return false;
}

/* ---- ask and tell ---------------------------------------------------------------------------- */

/* Where the next climb begins; at last it may have been asked before. */
static void draw_start(state *s, td_rng *r, td_choices *out) {
    bool kick = s->restart == PERTURB && s->best.known, found = false;
    for (int i = 0; i < DRAWS && !found; i++) {
        if (kick && i < DRAWS / 2) {
            out->n = s->space->n;
            if (out->n > 0) memcpy(out->v, s->best.v, sizeof *out->v * (size_t)out->n);
            for (int64_t k = s->kick + i / 8; k > 0; k--) td_space_mutate(s->space, r, out);
        } else {
            td_space_sample(s->space, r, out);
        }
        found = !td__asked_avoids(&s->asked, s->space, out);
    }
}

static td_status ask(void *self, int64_t number, td_choices *out, double *fidelity) {
    state *s = self;
    td_rng r = td_rng_make(s->seed, (uint64_t)number, TD_RNG_ASK);
    if (fidelity != NULL) *fidelity = 1;
    bool found = false;
    if (s->at.known) {
        if (s->n_moves < 0 && !make_moves(s, &r)) return TD_E_MEMORY;
        found = next_neighbour(s, &r, out);
        if (!found) {
            s->at.known = false;
            s->climb = number;
        }
    }
    if (!found) draw_start(s, &r, out);
    return td__asked_for(&s->asked, number, out) ? TD_OK : TD_E_MEMORY;
}

static void take(point *p, const td_choices *c, const td_outcome *o) {
    if (c->n > 0) memcpy(p->v, c->v, sizeof *c->v * (size_t)c->n);
    p->outcome = *o;
    p->known = true;
}

static bool better(const td_outcome *o, const point *p) {
    return !p->known || td_outcome_compare(o, &p->outcome) < 0;
}

static void tell(void *self, int64_t number, const td_choices *c, const td_outcome *o) {
    state *s = self;
    td__asked_told(&s->asked, number, c);
    if (better(o, number < s->climb ? &s->best : &s->at)) {
        take(&s->at, c, o);
        s->n_moves = -1;
    }
    if (better(o, &s->best)) take(&s->best, c, o);
}

const td_strategy td__strategy_local = {.name = "local",
                                        .about = "hill climbing with restarts",
                                        .init = init,
                                        .ask = ask,
                                        .tell = tell,
                                        .destroy = destroy};

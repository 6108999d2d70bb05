#include "mixed_normal.h"

#include <stdlib.h>
#include <string.h>

#include "scale.h"

/* CatCMA: at most so often, every name is its likeliest value. */
static const double most_certain = 0.73;
/* A generation moves the probabilities of a name by so much: more where all decisions are names;
 * less where it might be settled before the numbers that go with it are (branin_cat). */
static double learning_rate(const td__mixed_normal *m) {
    return 0.1 + 0.2 * m->names / (m->names + m->n);
}

td_status td__mixed_normal_init(td__mixed_normal *m, const td_space *space, td_error *err) {
    size_t n = (size_t)space->n + 1, values = 1;
    for (int i = 0; i < space->n; i++)
        if (space->d[i].kind == TD_CATEGORICAL) values += (size_t)space->d[i].n;
    *m = (td__mixed_normal){.space = space,
                            .decision = calloc(n, sizeof *m->decision),
                            .first = calloc(n, sizeof *m->first),
                            .chance = calloc(values, sizeof *m->chance)};
    if (m->decision == NULL || m->first == NULL || m->chance == NULL) {
        td__mixed_normal_free(m);
        return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    for (int i = 0, at = 0; i < space->n; i++) {
        m->first[i] = -1;
        if (td__scale_count(&space->d[i]) == 1) continue;
        if (space->d[i].kind == TD_CATEGORICAL) {
            m->first[i] = at;
            m->names++;
            at += space->d[i].n;
        } else {
            m->decision[m->n++] = i;
        }
    }
    return TD_OK;
}

void td__mixed_normal_free(td__mixed_normal *m) {
    td_cma_destroy(m->cma);
    free(m->decision);
    free(m->first);
    free(m->chance);
    free(m->order);
    free(m->x);
    *m = (td__mixed_normal){0};
}

/* The cells of whole numbers; the outermost ones have no end. */
static void keep_margins(td__mixed_normal *m) {
    double least = 1.0 / ((m->n + m->names) * m->lambda);
    for (int i = 0; i < m->n; i++) {
        const td_decision *d = &m->space->d[m->decision[i]];
        if (td__scale_count(d) == 0) continue;
        double v = td__scale_from_unit(d, td_cma_mean(m->cma, i));
        bool first = v == td__scale_from_unit(d, 0), last = v == td__scale_from_unit(d, 1);
        td_cma_margin(m->cma, i, first ? -INFINITY : td__scale_border(d, v),
                      last ? INFINITY : td__scale_border(d, v + 1), least);
    }
}

td_status td__mixed_normal_start(td__mixed_normal *m, int lambda, double sigma, const double *start,
                                 uint64_t seed, td_error *err) {
    if (lambda > m->room) {
        td__mixed_sample **order = realloc(m->order, sizeof *order * (size_t)lambda);
        if (order != NULL) m->order = order;
        const double **x = realloc(m->x, sizeof *x * (size_t)lambda);
        if (x != NULL) m->x = x;
        if (order == NULL || x == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
        m->room = lambda;
    }
    td_cma *cma = NULL;
    td_status status = m->n > 0 ? td_cma_create(m->n, lambda, start, sigma, &cma, err) : TD_OK;
    if (status != TD_OK) return status;
    td_cma_destroy(m->cma);
    m->cma = cma;
    m->lambda = lambda;
    m->seed = seed;
    m->index = 0;
    for (int i = 0; i < m->space->n; i++)
        for (int k = 0; m->first[i] >= 0 && k < m->space->d[i].n; k++)
            m->chance[m->first[i] + k] = 1.0 / m->space->d[i].n;
    keep_margins(m);
    return TD_OK;
}

static double draw_name(const double *chance, int n, double u) {
    int k = 0;
    while (k < n - 1 && u >= chance[k]) u -= chance[k++];
    return k;
}

void td__mixed_normal_draw(td__mixed_normal *m, double *x, td_choices *out) {
    const td_space *space = m->space;
    if (m->n > 0) td_cma_sample(m->cma, m->seed, m->index, x);
    for (int i = 0, name = 0; i < space->n; i++) {
        out->v[i] = td__scale_from_unit(&space->d[i], 0);
        if (m->first[i] < 0) continue;
        double u = td_sobol(m->seed, m->index, m->n + name++);
        out->v[i] = draw_name(m->chance + m->first[i], space->d[i].n, u);
    }
    for (int i = 0; i < m->n; i++) {
        const td_decision *d = &space->d[m->decision[i]];
        if (td__scale_count(d) == 0) x[i] = fmin(fmax(x[i], 0), 1);
        out->v[m->decision[i]] = td__scale_from_unit(d, x[i]);
    }
    m->index++;
    out->n = space->n;
    td_space_canonical(space, out, NULL); /* all values are in range */
}

/* What was not drawn from the distribution pulls the mean, but with steps that do not make it wide:
 * of an earlier one no longer than draws can be, from elsewhere as half a draw (with whole ones
 * what comes after the user's designs was twice as far from the optimum in test_conformance.c).
 *
 * Numbers from elsewhere are in the middle of their cells; the mean where it is in the cell, and
 * where they are not active. */
static void place(const td__mixed_normal *m, td__mixed_sample *s) {
    for (int i = 0; i < m->n && s->origin == TD_MIXED_FOREIGN; i++) {
        const td_decision *d = &m->space->d[m->decision[i]];
        double v = s->v[m->decision[i]], mean = td_cma_mean(m->cma, i);
        bool here = isnan(v) || (td__scale_count(d) > 0 && td__scale_from_unit(d, mean) == v);
        s->x[i] = here ? mean : td__scale_unit(d, v);
    }
    if (s->origin == TD_MIXED_DRAWN) return;
    double late = 1 + 2 * sqrt(m->n) / (m->n + 2);
    td_cma_draw_nearer(m->cma, s->x, s->origin == TD_MIXED_LATE ? late : 0.5);
}

/* Toward the values of the better half, those of the best the most; the others keep a chance. */
static void learn_name(td__mixed_normal *m, int i) {
    double *chance = m->chance + m->first[i], sum = 0, seen = 0;
    double rate = learning_rate(m);
    int n = m->space->d[i].n, mu = m->lambda / 2;
    for (int k = 0; k < mu; k++) sum += log((m->lambda + 1) / 2.0) - log(k + 1.0);
    for (int k = 0; k < mu; k++) {
        if (isnan(m->order[k]->v[i])) continue;
        double w = rate * (log((m->lambda + 1) / 2.0) - log(k + 1.0)) / sum;
        chance[(int)m->order[k]->v[i]] += w;
        seen += w;
    }
    for (int k = 0; k < n; k++) chance[k] /= 1 + seen;
    double least = (1 - pow(most_certain, 1.0 / m->names)) / (n - 1), over = 0, below = 0;
    for (int k = 0; k < n; k++) {
        if (chance[k] < least) {
            below += least - chance[k];
            chance[k] = least;
        } else {
            over += chance[k] - least;
        }
    }
    for (int k = 0; k < n && over > 0; k++)
        if (chance[k] > least) chance[k] -= below * (chance[k] - least) / over;
}

static void rank(td__mixed_normal *m, td__mixed_sample *s) {
    for (int i = 0, k; i < m->lambda; i++) {
        for (k = i; k > 0; k--) {
            if (td_outcome_compare(&m->order[k - 1]->outcome, &s[i].outcome) <= 0) break;
            m->order[k] = m->order[k - 1];
        }
        m->order[k] = &s[i];
    }
}

td_status td__mixed_normal_learn(td__mixed_normal *m, td__mixed_sample *s, td_error *err) {
    rank(m, s);
    for (int i = 0; i < m->space->n; i++)
        if (m->first[i] >= 0) learn_name(m, i);
    if (m->n == 0) return TD_OK;
    for (int i = 0; i < m->lambda; i++) {
        place(m, m->order[i]);
        m->x[i] = m->order[i]->x;
    }
    td_status status = td_cma_update(m->cma, m->x, err);
    if (status == TD_OK) keep_margins(m);
    return status;
}

bool td__mixed_normal_stands(const td__mixed_normal *m, double step) {
    int reals = 0;
    for (int i = 0; i < m->n; i++) {
        if (td__scale_count(&m->space->d[m->decision[i]]) != 0) continue;
        reals++;
        if (td_cma_deviation(m->cma, i) > step) return false;
    }
    return reals > 0;
}

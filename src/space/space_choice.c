/* Vectors of choices: canonical form, sampling, variation, hashes.
 *
 * One rule carries all of it: a decision's parent stands before it. So a single pass from left to
 * right settles which decisions are active, however deep the nesting. */
#include <stdlib.h>
#include <string.h>

#include "space_bits.h"

uint64_t td__decision_count(const td_decision *d) {
    switch (d->kind) {
    case TD_CATEGORICAL:
    case TD_ORDERED: return (uint64_t)d->n;
    case TD_INTEGER: return (uint64_t)((int64_t)d->hi - (int64_t)d->lo) + 1;
    case TD_REAL_RANGE: return d->lo == d->hi ? 1 : 0;
    }
    return 0;
}

uint64_t td__decision_index(const td_decision *d, double v) {
    return (uint64_t)((int64_t)v - (d->kind == TD_INTEGER ? (int64_t)d->lo : 0));
}

bool td__decision_active(const td_space *s, const double *v, int i) {
    const td_decision *d = &s->d[i];
    if (d->parent < 0) return true;
    double p = v[d->parent];
    return !isnan(p) && (d->when >> td__decision_index(&s->d[d->parent], p) & 1) != 0;
}

bool td_space_active(const td_space *s, const td_choices *c, int i) {
    for (int at = i; at >= 0; at = s->d[at].parent)
        if (!td__decision_active(s, c->v, at)) return false;
    return true;
}

static bool in_range(const td_decision *d, double v) {
    if (d->kind == TD_REAL_RANGE) return v >= d->lo && v <= d->hi;
    double lo = d->kind == TD_INTEGER ? d->lo : 0;
    double hi = d->kind == TD_INTEGER ? d->hi : d->n - 1;
    return v >= lo && v <= hi && v == floor(v);
}

td_status td_space_canonical(const td_space *s, td_choices *c, td_error *err) {
    if (c->n != s->n)
        return td_fail(err, TD_E_INPUT, "space %s: expected %d choices, found %d", s->name, s->n,
                       c->n);
    for (int i = 0; i < s->n; i++) {
        const td_decision *d = &s->d[i];
        if (!td__decision_active(s, c->v, i)) {
            c->v[i] = NAN;
        } else if (!in_range(d, c->v[i])) {
            if (d->kind == TD_REAL_RANGE)
                return td_fail(err, TD_E_INPUT, "%s: expected a number in [%g, %g], found %g",
                               d->name, d->lo, d->hi, c->v[i]);
            if (d->kind == TD_INTEGER)
                return td_fail(err, TD_E_INPUT, "%s: expected an integer in [%g, %g], found %g",
                               d->name, d->lo, d->hi, c->v[i]);
            return td_fail(err, TD_E_INPUT,
                           "%s: expected the index of a choice in [0, %d], found %g", d->name,
                           d->n - 1, c->v[i]);
        }
        if (c->v[i] == 0) c->v[i] = 0; /* -0 and 0 are one value, and one hash */
    }
    return TD_OK;
}

/* An integer on a log scale: k takes the part from log k to log (k + 1) of the range. */
static double draw_log_integer(const td_decision *d, td_rng *r) {
    double from = log(d->lo), to = log(d->hi + 1);
    double v = floor(exp(from + td_rng_uniform(r) * (to - from)));
    return fmin(fmax(v, d->lo), d->hi);
}

double td__decision_draw(const td_decision *d, td_rng *r, double old) {
    if (d->kind == TD_REAL_RANGE) {
        double u = td_rng_uniform(r);
        double v =
            d->log ? exp(log(d->lo) + u * (log(d->hi) - log(d->lo))) : d->lo + u * (d->hi - d->lo);
        return fmin(fmax(v, d->lo), d->hi); /* rounding must not leave the range */
    }
    uint64_t n = td__decision_count(d);
    double lo = d->kind == TD_INTEGER ? d->lo : 0;
    if (d->kind == TD_INTEGER && d->log) {
        double v = draw_log_integer(d, r);
        for (int tries = 0; v == old && n > 1 && tries < 64; tries++) v = draw_log_integer(d, r);
        return v != old || n < 2 ? v : old < d->hi ? old + 1 : old - 1;
    }
    if (isnan(old)) return lo + (double)td_rng_below(r, n);
    if (n < 2) return old;
    /* One of the n - 1 others: those from the old one on move up by one. */
    uint64_t k = td_rng_below(r, n - 1);
    if (k >= td__decision_index(d, old)) k++;
    return lo + (double)k;
}

bool td_space_allows(const td_space *s, const td_choices *c) {
    return s->allows == NULL || s->allows(s->self, c);
}

/* Until known constraints are met; with a draw of the space's own, so many are cheap. */
enum { MOST_DRAWS = 1000, MOST_OWN_DRAWS = 1000000 };

static void draw_any(const td_space *s, td_rng *r, td_choices *c) {
    c->n = s->n;
    for (int i = 0; i < s->n; i++)
        c->v[i] = td__decision_active(s, c->v, i) ? td__decision_draw(&s->d[i], r, NAN) : NAN;
}

bool td_space_draw(const td_space *s, td_rng *r, int64_t most, td_choices *c, int64_t *drawn) {
    int64_t none = 0, *count = drawn != NULL ? drawn : &none;
    c->n = s->n;
    if (s->draw != NULL) return s->draw(s->self, r, most, c, count);
    for (int64_t i = 0; i < most; i++, ++*count) {
        draw_any(s, r, c);
        if (td_space_allows(s, c)) {
            ++*count;
            return true;
        }
    }
    return false;
}

void td_space_sample(const td_space *s, td_rng *r, td_choices *c) {
    if (!td_space_draw(s, r, s->draw != NULL ? MOST_OWN_DRAWS : MOST_DRAWS, c, NULL))
        draw_any(s, r, c);
}

/* Canonical again after a change: inactive ones to NAN, newly active ones drawn. */
static void repair(const td_space *s, td_rng *r, double *v) {
    for (int i = 0; i < s->n; i++) {
        if (!td__decision_active(s, v, i))
            v[i] = NAN;
        else if (isnan(v[i]))
            v[i] = td__decision_draw(&s->d[i], r, NAN);
    }
}

static bool can_change(const td_decision *d, double v, bool costs_only) {
    return !isnan(v) && td__decision_count(d) != 1 && (d->costs_only || !costs_only);
}

static void mutate_once(const td_space *s, td_rng *r, td_choices *c, bool costs_only) {
    int candidates = 0;
    for (int i = 0; i < s->n; i++) candidates += can_change(&s->d[i], c->v[i], costs_only);
    if (candidates == 0) return;
    uint64_t pick = td_rng_below(r, (uint64_t)candidates);
    for (int i = 0; i < s->n; i++) {
        if (!can_change(&s->d[i], c->v[i], costs_only) || pick-- > 0) continue;
        c->v[i] = td__decision_draw(&s->d[i], r, c->v[i]);
        break;
    }
    repair(s, r, c->v);
}

static void mutate(const td_space *s, td_rng *r, td_choices *c, bool costs_only) {
    const size_t size = sizeof *c->v * (size_t)s->n;
    double *old = s->allows != NULL ? malloc(size + 1) : NULL;
    if (old != NULL) memcpy(old, c->v, size);
    mutate_once(s, r, c, costs_only);
    for (int draws = 1; old != NULL && !td_space_allows(s, c) && draws < MOST_DRAWS; draws++) {
        memcpy(c->v, old, size);
        mutate_once(s, r, c, costs_only);
    }
    free(old);
}

void td_space_mutate(const td_space *s, td_rng *r, td_choices *c) {
    mutate(s, r, c, false);
}

void td_space_mutate_costs(const td_space *s, td_rng *r, td_choices *c) {
    mutate(s, r, c, true);
}

static void cross_once(const td_space *s, td_rng *r, const td_choices *a, const td_choices *b,
                       td_choices *c) {
    for (int i = 0; i < s->n; i++) {
        bool from_a =
            (td_rng_u32(r) & 1) != 0; /* drawn for each: streams do not depend on activity */
        double first = from_a ? a->v[i] : b->v[i], second = from_a ? b->v[i] : a->v[i];
        if (!td__decision_active(s, c->v, i))
            c->v[i] = NAN;
        else if (!isnan(first))
            c->v[i] = first;
        else if (!isnan(second))
            c->v[i] = second;
        else
            c->v[i] = td__decision_draw(&s->d[i], r, NAN);
    }
}

void td_space_cross(const td_space *s, td_rng *r, const td_choices *a, const td_choices *b,
                    td_choices *c) {
    c->n = s->n;
    for (int draws = 0; draws < MOST_DRAWS; draws++) {
        cross_once(s, r, a, b, c);
        if (td_space_allows(s, c)) return;
    }
}

void td_space_settle(const td_space *s, td_rng *r, td_choices *c) {
    repair(s, r, c->v);
}

uint64_t td_choices_hash(const td_choices *c) {
    uint64_t h = td_hash(&(int64_t){c->n}, sizeof(int64_t), 0);
    for (int i = 0; i < c->n; i++) {
        /* One bit pattern for all NANs, one for both zeros. */
        uint64_t bits = UINT64_MAX;
        double v = c->v[i] == 0 ? 0 : c->v[i];
        if (!isnan(v)) memcpy(&bits, &v, sizeof bits);
        h = td_hash(&bits, sizeof bits, h);
    }
    return h;
}

static uint64_t hash_int(int64_t v, uint64_t h) {
    return td_hash(&v, sizeof v, h);
}

static uint64_t hash_real(double v, uint64_t h) {
    return td_hash(&v, sizeof v, h);
}

uint64_t td_space_hash(const td_space *s) {
    uint64_t h = hash_int(s->n, 0);
    for (int i = 0; i < s->n; i++) {
        const td_decision *d = &s->d[i];
        h = td_hash_text(d->name, h);
        h = hash_int(d->kind, hash_int(d->parent, h));
        if (d->parent >= 0) h = td_hash(&d->when, sizeof d->when, h);
        if (d->kind == TD_INTEGER || d->kind == TD_REAL_RANGE) {
            h = hash_real(d->hi, hash_real(d->lo, h));
            h = hash_int(d->log, h);
            continue;
        }
        h = hash_int(d->n, h);
        for (int k = 0; k < d->n; k++) {
            if (d->value != NULL) h = hash_real(d->value[k], h);
            if (d->label != NULL) h = td_hash_text(d->label[k], h);
        }
    }
    return h;
}

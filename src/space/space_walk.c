/* Every canonical vector of a space, in order: the last decision moves fastest, and what hangs on a
 * choice starts anew with it. */
#include "space_bits.h"

static double first_value(const td_decision *d) {
    return d->kind == TD_INTEGER || d->kind == TD_REAL_RANGE ? d->lo : 0;
}

static void start_from(const td_space *s, td_choices *c, int i) {
    for (; i < s->n; i++) c->v[i] = td__decision_active(s, c->v, i) ? first_value(&s->d[i]) : NAN;
}

bool td_space_first(const td_space *s, td_choices *c) {
    c->n = s->n;
    for (int i = 0; i < s->n; i++)
        if (td__decision_count(&s->d[i]) == 0) return false;
    start_from(s, c, 0);
    return td_space_allows(s, c) || td_space_next(s, c);
}

static bool step(const td_space *s, td_choices *c) {
    for (int i = s->n - 1; i >= 0; i--) {
        const td_decision *d = &s->d[i];
        if (isnan(c->v[i]) || d->kind == TD_REAL_RANGE ||
            td__decision_index(d, c->v[i]) + 1 >= td__decision_count(d))
            continue;
        c->v[i] += 1;
        start_from(s, c, i + 1);
        return true;
    }
    return false;
}

bool td_space_next(const td_space *s, td_choices *c) {
    bool there;
    do there = step(s, c);
    while (there && !td_space_allows(s, c));
    return there;
}

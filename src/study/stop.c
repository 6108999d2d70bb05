/* stop.c - early stopping in the trial loop.
 *
 * A verdict on trial n knows the curves of the trials that the strategy had been told before n was
 * asked (those below its `horizon`), and its own. Of several trials with one network the first one
 * counts: a training stands at a rung once, however many designs it is part of. */
#include "stop.h"

#include <stdlib.h>
#include <string.h>

bool td__stop_looks(const td__row *row, int64_t step) {
    const td__stopping *s = row->stopping;
    return s != NULL && (s->steps == 0 || step < s->steps) && s->rule->looks(s->self, step);
}

double td__stop_fidelity(const td__row *row, int64_t steps) {
    const td__stopping *s = row->stopping;
    const double n = (double)steps;
    return s != NULL && s->steps > 0 ? fmin(n / (double)s->steps, 1) : n / (n + 1);
}

int64_t td__stop_unit(const td__row *row) {
    const td__stopping *s = row->stopping;
    return s != NULL && s->steps > 0 && row->accuracy != NULL ? s->steps : 1;
}

void td__stop_where(const td__row *row, int64_t steps, td_text *out) {
    const td__stopping *s = row->stopping;
    td_text_addf(out, "stopped after %s %lld", s->step, (long long)steps);
    if (s->steps > 0) td_text_addf(out, " of %lld", (long long)s->steps);
}

/* Arrays of an arena double: the old half is lost to it until the trial is over. */
static td_status keep(td_curve *c, int64_t number, int64_t step, const td_outcome *value,
                      td_arena *a, td_error *err) {
    while (c->n > 0 && c->at[c->n - 1].step >= step) c->n--;
    if ((c->n & (c->n - 1)) == 0) { /* full: 0, 1, 2, 4, ... */
        td_curve_point *wide = TD_NEW(a, td_curve_point, c->n > 0 ? 2 * c->n : 1);
        if (wide == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
        if (c->n > 0) memcpy(wide, c->at, sizeof *wide * (size_t)c->n);
        c->at = wide;
    }
    td_curve_point *at = (td_curve_point *)&c->at[c->n++]; /* ours: see above */
    *at = (td_curve_point){.step = step, .value = *value};
    c->number = number;
    return TD_OK;
}

/* The steps that a rule looks at, or the first few of them. */
void td__stop_describe(const td__stopping *s, td_text *out) {
    enum { MOST = 8, FURTHEST = 1000000 };
    const int64_t end = s->steps > 0 ? s->steps : FURTHEST;
    int64_t at[MOST], all = 0;
    for (int64_t step = 1; step < end; step++) {
        if (!s->rule->looks(s->self, step)) continue;
        if (all < MOST) at[all] = step;
        all++;
    }
    td_text_addf(out, "%s, after %s%s%s", s->rule->name, all == end - 1 ? "each " : "", s->step,
                 all == 1 || all == end - 1 ? "" : "s");
    for (int i = 0; i < all && i < MOST && all < end - 1; i++)
        td_text_addf(out, "%s %lld", i == 0 ? "" : i + 1 == all ? " and" : ",", (long long)at[i]);
    if (all > MOST && all < end - 1) td_text_add(out, ", ...");
    if (s->steps > 0) td_text_addf(out, " of %lld", (long long)s->steps);
}

static const char *reason_of(const td__row *row, int64_t steps, const td_text *why, td_arena *a) {
    td_text t = {0};
    td__stop_where(row, steps, &t);
    if (why->data != NULL) td_text_addf(&t, ": %s", why->data);
    const char *reason = t.data != NULL ? td_arena_strdup(a, t.data) : NULL;
    td_text_free(&t);
    return reason;
}

td_status td__stop_count(td__loop *l, int64_t k, bool of_told, td_error *err) {
    td__seen *nets = of_told ? &l->paid : &l->scored;
    const td__finish *f = &l->slot[k].f;
    const int64_t steps = l->unit > 1 ? f->steps : 1, known = td__seen_get(nets, f->net_hash);
    int64_t *sum = of_told ? &l->paid_steps : &l->spent_steps;
    td__slot *first = &l->slot[known >= 0 ? known : k];
    int64_t *counted = of_told ? &first->paid : &first->spent;
    if (steps > *counted) {
        *sum += steps - *counted;
        *counted = steps;
    }
    if (known >= 0 || td__seen_put(nets, f->net_hash, k)) return TD_OK;
    return td_fail(err, TD_E_MEMORY, "out of memory");
}

td_status td__stop_judge(const td__row *row, const td_curve *own, const td_curve *earlier, int n,
                         td_arena *a, td__finish *f, td_verdict *verdict, td_error *err) {
    const td__stopping *r = row->stopping;
    const td_curve_point *last = &own->at[own->n - 1];
    td_text why = {0};
    td_status s = r->rule->judge(r->self, own, earlier, n, verdict, &why);
    if (s == TD_OK && *verdict == TD_PRUNE) {
        f->outcome = last->value;
        f->outcome.state = TD_TRIAL_PRUNED;
        f->steps = last->step;
        f->reason = reason_of(row, last->step, &why, a);
        if (f->reason == NULL) s = TD_E_MEMORY;
    }
    td_text_free(&why);
    return s == TD_OK ? TD_OK : td_fail(err, s, "out of memory");
}

td_status td__stop_report(td__loop *l, int64_t n, int64_t step, const td_outcome *value,
                          td_arena *a, td__finish *f, td_verdict *verdict, td_error *err) {
    const int64_t end = l->slot[n].horizon;
    int count = 0;
    *verdict = TD_GO_ON;
    td_status s = keep(&f->curve, n, step, value, a, err);
    f->steps = step;
    if (s != TD_OK || !td__stop_looks(l->row, step)) return s;
    td_curve *earlier = malloc(sizeof *earlier * (size_t)(end > 0 ? end : 1));
    if (earlier == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int64_t k = 0; k < end; k++)
        if (l->slot[k].counts) earlier[count++] = l->slot[k].f.curve;
    s = td__stop_judge(l->row, &f->curve, earlier, count, a, f, verdict, err);
    free(earlier);
    return s;
}

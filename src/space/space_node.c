/* Choices as documents: {"s2.width": 0.75, "s2.b1.fused": true, "pe_x": 4}, inactive ones left out.
 */
#include <string.h>

#include "space_bits.h"

/* A choice as people write it: the label, or the value, or the index if there is neither. */
static td_node *choice_to_node(const td_decision *d, double v, td_arena *a) {
    bool listed = d->kind == TD_CATEGORICAL || d->kind == TD_ORDERED;
    if (listed && d->label != NULL) {
        const char *label = d->label[(int)v];
        bool yes = strcmp(label, "true") == 0;
        return yes || strcmp(label, "false") == 0 ? td_node_bool(a, yes) : td_node_string(a, label);
    }
    double x = listed ? d->value[(int)v] : v;
    bool whole = d->kind != TD_REAL_RANGE && x == floor(x) && fabs(x) < 9e15;
    return whole ? td_node_int(a, (int64_t)x) : td_node_real(a, x);
}

td_node *td_choices_to_node(const td_space *s, const td_choices *c, td_arena *a) {
    td_node *map = td_node_map(a);
    for (int i = 0; i < s->n; i++) {
        if (isnan(c->v[i])) continue;
        if (td_node_put(a, map, s->d[i].name, choice_to_node(&s->d[i], c->v[i], a)) == NULL)
            return NULL;
    }
    return map;
}

/* The text that a scalar has as a label; "" if it has none. */
static const char *label_of(const td_node *n) {
    if (n->kind == TD_BOOL) return n->boolean ? "true" : "false";
    return n->text != NULL ? n->text : "";
}

static td_status fail_choice(const td_decision *d, const td_node *n, td_error *err) {
    td_text all = {0};
    for (int k = 0; k < d->n && all.size < 200; k++) {
        if (d->label != NULL)
            td_text_addf(&all, "%s%s", k > 0 ? ", " : "", d->label[k]);
        else
            td_text_addf(&all, "%s%.12g", k > 0 ? ", " : "", d->value[k]);
    }
    td_status s = td_node_fail(n, err, "expected one of: %s", all.data != NULL ? all.data : "");
    td_text_free(&all);
    return s;
}

td_status td_choice_from_node(const td_decision *d, const td_node *n, double *v, td_error *err) {
    bool number = n->kind == TD_INT || n->kind == TD_REAL;
    if (d->kind == TD_INTEGER || d->kind == TD_REAL_RANGE) {
        bool whole = d->kind == TD_REAL_RANGE || (number && n->real == floor(n->real));
        if (!number || !whole || !(n->real >= d->lo && n->real <= d->hi))
            return td_node_fail(n, err, "expected %s in [%g, %g]",
                                d->kind == TD_INTEGER ? "an integer" : "a number", d->lo, d->hi);
        *v = n->real;
        return TD_OK;
    }
    for (int k = 0; k < d->n; k++) {
        if (d->label != NULL ? strcmp(label_of(n), d->label[k]) == 0
                             : number && n->real == d->value[k]) {
            *v = k;
            return TD_OK;
        }
    }
    return fail_choice(d, n, err);
}

/* First key of the document that is no decision of the space, or is one that is not active. */
static td_status check_keys(const td_space *s, const td_node *n, const td_choices *c,
                            td_error *err) {
    for (int k = 0; k < n->count; k++) {
        int i = 0;
        while (i < s->n && strcmp(s->d[i].name, n->item[k]->key) != 0) i++;
        if (i == s->n)
            return td_node_fail(n->item[k], err, "space %s has no such decision", s->name);
        if (isnan(c->v[i]) && n->item[k]->kind != TD_NULL)
            return td_node_fail(n->item[k], err, "this decision is not active: %s excludes it",
                                s->d[s->d[i].parent].name);
    }
    return TD_OK;
}

td_status td_choices_from_node(const td_space *s, const td_node *n, td_choices *c, td_error *err) {
    if (n->kind != TD_MAP) return td_node_fail(n, err, "expected a map of choices");
    c->n = s->n;
    for (int i = 0; i < s->n; i++) {
        c->v[i] = NAN;
        if (!td__decision_active(s, c->v, i)) continue;
        const td_node *item = td_node_find(n, s->d[i].name);
        if (item == NULL) return td_node_fail(n, err, "missing decision \"%s\"", s->d[i].name);
        td_status status = td_choice_from_node(&s->d[i], item, &c->v[i], err);
        if (status != TD_OK) return status;
    }
    td_status status = check_keys(s, n, c, err);
    return status == TD_OK ? td_space_canonical(s, c, err) : status;
}

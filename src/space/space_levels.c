/* Accelerator spaces from a description with its levels in full: numbers of the file, by the keys
 * of td_space_hw_set, that have several values. A point is the file with one of each in place,
 * built anew with all its rules; areas that the file tells as numbers do not follow. */
#include <stdio.h>
#include <string.h>

#include "space_bits.h"

typedef struct {
    td__hw_key key;
    bool multiples; /* values are multiples of what each path has, which differ */
    td__values value;
} part;

typedef struct {
    const td_node *doc;
    const char *name;
    int n;
    part *of; /* in the order of the document; those of one value, too */
} levels;

/* ---- documents --------------------------------------------------------------------------------
 */

/* The list with multiples as numbers, in place: of what the file has, or, where a key stands for
 * several numbers that differ, factors. */
td_status td__hw_numbers(const td_node *n, const td__hw_key *k, td_arena *a, td_node **out,
                         bool *multiples, td_error *err) {
    td_node *list = TD_NEW(a, td_node, 1);
    int count = n->kind == TD_LIST ? n->count : 1, relative = 0;
    bool equal = true;
    for (int i = 1; i < k->n; i++) equal = equal && k->now[i] == k->now[0];
    if (list == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    *list = *n;
    list->kind = TD_LIST;
    list->count = list->capacity = count;
    list->item = TD_NEW(a, td_node *, count + 1);
    for (int i = 0; i < count; i++) {
        const td_node *old = n->kind == TD_LIST ? n->item[i] : n;
        td_node *v = list->item != NULL ? TD_NEW(a, td_node, 1) : NULL;
        if (v == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
        *v = *old;
        v->parent = list;
        v->key = NULL;
        list->item[i] = v;
        double factor;
        if (old->kind == TD_STRING && td__hw_amount(old->text, k, &v->real)) {
            if (k->of_lanes) /* of the design, not of the file */
                return td_node_fail(old, err,
                                    "with a unit it would depend on the lanes, which a space may "
                                    "vary: expected a number or a multiple, of one lane's port");
            v->kind = TD_REAL;
        }
        if (old->kind != TD_STRING || !td__hw_factor(old->text, &factor)) continue;
        if (isnan(k->now[0]))
            return td_node_fail(old, err, "the file has no number there to multiply");
        relative++;
        v->kind = TD_REAL;
        v->real = equal ? factor * k->now[0] : factor;
    }
    *multiples = !equal;
    *out = list;
    if (!equal && relative < count)
        return td_node_fail(n, err,
                            "stands for numbers that differ in the file; expected multiples of "
                            "them: [1x, 2x]");
    return TD_OK;
}

static td_node *copy(const td_node *n, td_arena *a) {
    td_node *c = TD_NEW(a, td_node, 1);
    if (c == NULL) return NULL;
    *c = *n;
    if (n->count == 0) return c;
    c->item = TD_NEW(a, td_node *, n->count);
    c->capacity = n->count;
    for (int i = 0; c->item != NULL && i < n->count; i++) {
        c->item[i] = copy(n->item[i], a);
        if (c->item[i] == NULL) return NULL;
        c->item[i]->parent = c;
    }
    return c->item != NULL ? c : NULL;
}

static td_status put(td_node *doc, const part *p, double v, td_arena *a, td_error *err) {
    td_status s = TD_OK;
    for (int i = 0; s == TD_OK && i < p->key.n; i++) {
        const char *number = td__hw_number(a, p->multiples ? v * p->key.now[i] : v);
        const char *set =
            number != NULL ? td_arena_printf(a, "%s=%s", p->key.path[i], number) : NULL;
        if (set == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
        s = td_node_override(a, doc, "space", set, err);
    }
    return s;
}

/* ---- the space --------------------------------------------------------------------------------
 */

static td_status build(const void *self, const td_choices *c, td_arena *a, td_design *d,
                       td_error *err) {
    const levels *p = self;
    *d = (td_design){0};
    td_node *doc = copy(p->doc, a);
    td_status s = doc != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; s == TD_OK && i < p->n; i++) {
        double v = td__values_get(&p->of[i].value, c);
        if (isnan(v)) return td_fail(err, TD_E_USAGE, "the choices are not canonical");
        s = put(doc, &p->of[i], v, a, err);
    }
    if (s != TD_OK) return s;
    d->hw_node = doc; /* what cannot be built can still be looked at */
    s = td_hw_from_node(doc, &d->hw, err);
    /* Values that do not go together, such as instances that do not divide. */
    if (s == TD_E_INPUT) s = err != NULL ? (err->code = TD_E_INFEASIBLE) : TD_E_INFEASIBLE;
    if (s != TD_OK) return s;
    snprintf(d->hw.name, sizeof d->hw.name, "%s", p->name);
    d->hw_node = td_hw_to_node(&d->hw, a);
    if (d->hw_node == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    d->has_hw = true;
    d->hw_hash = td_hw_hash(&d->hw);
    return TD_OK;
}

static td_status declare(levels *p, td__decisions *list, const td_node *n, td_error *err) {
    part *q = &p->of[p->n];
    td_node *numbers = NULL;
    td_error fault = {0};
    td_arena *a = list->arena;
    td_status s = td__hw_key_find(a, p->doc, n->key, &q->key, &fault);
    if (s != TD_OK) return td_node_fail(n, err, "%s", fault.message);
    if (isnan(q->key.now[0])) return td_node_fail(n, err, "the file has no number of this name");
    for (int i = 0; i < p->n; i++) /* under another name, too */
        for (int k = 0; k < p->of[i].key.n; k++)
            for (int j = 0; j < q->key.n; j++)
                if (strcmp(p->of[i].key.path[k], q->key.path[j]) == 0)
                    return td_node_fail(n, err, "%s stands there twice", q->key.path[j]);
    s = td__hw_numbers(n, &q->key, a, &numbers, &q->multiples, err);
    if (s == TD_OK)
        s = td__values_from_node(numbers, -INFINITY, INFINITY, false, a, &q->value, err);
    if (s != TD_OK) return s;
    q->value.decision = -1;
    p->n++;
    if (q->value.n < 2) return TD_OK;
    td_decision d = {
        .kind = TD_ORDERED, .n = q->value.n, .parent = -1, .value = q->value.v, .costs_only = true};
    if (q->multiples) { /* as they are written */
        const char **label = TD_NEW(a, const char *, q->value.n);
        for (int i = 0; label != NULL && i < q->value.n; i++)
            label[i] = td_arena_printf(a, "%gx", q->value.v[i]);
        d.label = label;
    }
    q->value.decision = td__decisions_add(list, &d, "%s", n->key);
    return TD_OK;
}

/* The lists of the file's `space:`, and those of the recipe in place of them or beside them. */
static td_status declare_all(levels *p, td__decisions *list, const td_node *map,
                             const td_node *recipe, td_error *err) {
    td_status s = TD_OK;
    for (int i = 0; s == TD_OK && map != NULL && i < map->count; i++) {
        const td_node *mine = recipe != NULL ? td_node_find(recipe, map->item[i]->key) : NULL;
        s = declare(p, list, mine != NULL ? mine : map->item[i], err);
    }
    for (int i = 0; s == TD_OK && recipe != NULL && i < recipe->count; i++) {
        const td_node *item = recipe->item[i];
        if (strcmp(item->key, "space") == 0 || (map != NULL && td_node_find(map, item->key)))
            continue;
        s = declare(p, list, item, err);
    }
    return s;
}

td_status td__space_levels(const td_node *doc, const char *name, const td_node *recipe, td_arena *a,
                           td_space **out, td_error *err) {
    const td_node *map = NULL;
    levels *p = TD_NEW(a, levels, 1);
    td_status s = td_node_opt_map(doc, "space", &map, err);
    if (s != TD_OK) return s;
    int most = (map != NULL ? map->count : 0) + (recipe != NULL ? recipe->count : 0) + 1;
    if (p != NULL) p->of = TD_NEW(a, part, most);
    if (p == NULL || p->of == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_hw hw; /* faults of the file itself are told now, not at the first trial */
    s = td_hw_from_node(doc, &hw, err);
    if (s != TD_OK && s != TD_E_INFEASIBLE) return s;
    td__decisions list = {.arena = a};
    p->doc = doc;
    p->name = name;
    s = td_node_opt_string(doc, "name", &p->name, err);
    if (s == TD_OK) s = declare_all(p, &list, map, recipe, err);
    if (s != TD_OK) return s;
    return td__space_finish(name, &list, p, build, out, err);
}

/* Accelerator spaces from a template's file: its parameters are the base, its `space:` map lists
 * the values to choose from. The keys mean nothing here; the template (hw/) knows them. */
#include <stdio.h>
#include <string.h>

#include "space_bits.h"

typedef struct {
    td_template base; /* with the one-value parameters set */
    td_tech tech;
    const char *name; /* of the space: its designs carry it */
    int n;            /* parameters with more than one value, in the order of the decisions */
    const char **key;
    td__values *value;
} spaced;

/* The template's parameters as the choices have them. */
static td_status settle(const spaced *p, const td_choices *c, td_template *out, td_error *err) {
    *out = p->base;
    if (c->n != p->n) return td_fail(err, TD_E_USAGE, "expected %d choices, found %d", p->n, c->n);
    for (int i = 0; i < p->n; i++) {
        double v = td__values_get(&p->value[i], c);
        if (isnan(v)) return td_fail(err, TD_E_USAGE, "the choices are not canonical");
        td_status s = td_template_set(out, p->key[i], v, err);
        if (s != TD_OK) return s;
    }
    return TD_OK;
}

static td_status build(const void *self, const td_choices *c, td_arena *a, td_design *d,
                       td_error *err) {
    const spaced *p = self;
    *d = (td_design){0};
    td_template t;
    td_status s = settle(p, c, &t, err);
    if (s != TD_OK) return s;
    d->hw_node = td_template_to_node(&t, a);
    if (d->hw_node == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_node_put_string(a, d->hw_node, "name", p->name);
    s = td_template_build(&t, &p->tech, &d->hw, NULL, err);
    if (s != TD_OK) return s;
    snprintf(d->hw.name, sizeof d->hw.name, "%s", p->name);
    d->has_hw = true;
    d->hw_hash = td_hw_hash(&d->hw);
    return TD_OK;
}

static bool allows(const void *self, const td_choices *c) {
    td_template t;
    return settle(self, c, &t, NULL) == TD_OK && td_template_broken(&t) == 0;
}

static void features(const void *self, const td_choices *c, double *out) {
    td_template t;
    if (settle(self, c, &t, NULL) == TD_OK) td_template_features(&t, out);
}

/* ---- lists ------------------------------------------------------------------------------------
 */

/* The lists of a space: the file's, and those of the recipe in place of them or beside them. */
typedef struct {
    const td_node *map, *recipe;
} lists;

static const td_node *list_of(const lists *l, const char *key) {
    const td_node *mine = l->recipe != NULL ? td_node_find(l->recipe, key) : NULL;
    return mine != NULL ? mine : td_node_find(l->map, key);
}

/* {divisors: KEY, most: N}: the numbers that divide a value that the parameter KEY may have. */
static td_status divisors(const spaced *p, const lists *l, const td_node *n, td_arena *a,
                          td__values *out, td_error *err) {
    static const char *const keys[] = {"divisors", "most", NULL};
    enum { MOST_VALUES = 64, MOST_NUMBER = 1 << 24 };
    const char *of;
    int64_t most = MOST_NUMBER;
    td_status s = td_node_only(n, keys, err);
    if (s == TD_OK) s = td_node_get_string(n, "divisors", &of, err);
    if (s == TD_OK) s = td_node_opt_int(n, "most", 1, MOST_NUMBER, &most, err);
    if (s != TD_OK) return s;
    double now = td_template_get(&p->base, of);
    td__values whole = {.v = &now, .n = 1};
    const td_node *list = list_of(l, of);
    if (isnan(now))
        return td_node_fail(td_node_find(n, "divisors"), err,
                            "expected a parameter of the %s template, found \"%.60s\"",
                            td_template_name(&p->base), of);
    if (list != NULL) {
        if (list->kind == TD_MAP)
            return td_node_fail(list, err, "%s takes the divisors of it: expected numbers", n->key);
        s = td__values_from_node(list, 1, MOST_NUMBER, true, a, &whole, err);
        if (s != TD_OK) return s;
    }
    double *v = TD_NEW(a, double, MOST_VALUES);
    if (v == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    *out = (td__values){.v = v, .decision = -1};
    for (int64_t d = 1; d <= most && (double)d <= whole.v[whole.n - 1]; d++) {
        bool divides = false;
        for (int i = 0; i < whole.n && !divides; i++) divides = fmod(whole.v[i], (double)d) == 0;
        if (!divides) continue;
        if (out->n == MOST_VALUES)
            return td_node_fail(n, err, "expected at most %d divisors: set most", MOST_VALUES);
        v[out->n++] = (double)d;
    }
    return TD_OK;
}

/* One parameter: every value has to be one that the template takes. */
static td_status declare(spaced *p, td__decisions *list, const lists *l, const td_node *n,
                         td_error *err) {
    td__values v;
    td_status s = n->kind == TD_MAP
                      ? divisors(p, l, n, list->arena, &v, err)
                      : td__values_from_node(n, -INFINITY, INFINITY, false, list->arena, &v, err);
    if (s != TD_OK) return s;
    for (int i = 0; i < v.n; i++) {
        td_error why = {0};
        if (td_template_set(&p->base, n->key, v.v[i], &why) != TD_OK)
            return td_node_fail(n, err, "%s", why.message);
    }
    if (v.n < 2) return TD_OK;
    td_decision d = {.kind = TD_ORDERED, .n = v.n, .parent = -1, .value = v.v, .costs_only = true};
    v.decision = td__decisions_add(list, &d, "%s", n->key);
    p->key[p->n] = n->key;
    p->value[p->n++] = v;
    return TD_OK;
}

/* In the order of the file's `space:`; then the recipe's others. */
static td_status declare_all(spaced *p, td__decisions *list, const lists *l, td_error *err) {
    td_status s = TD_OK;
    for (int i = 0; s == TD_OK && i < l->map->count; i++)
        s = declare(p, list, l, list_of(l, l->map->item[i]->key), err);
    for (int i = 0; s == TD_OK && l->recipe != NULL && i < l->recipe->count; i++)
        if (td_node_find(l->map, l->recipe->item[i]->key) == NULL)
            s = declare(p, list, l, l->recipe->item[i], err);
    return s;
}

/* The description: the recipe's own map (then `space:` is a map of lists), or the file it names. */
static td_status find_doc(const td_node *n, td_arena *a, const td_node **doc, const char **name,
                          td_error *err) {
    const td_node *space = td_node_find(n, "space");
    *name = "accelerator";
    *doc = n;
    if (space == NULL)
        return td_node_fail(n, err, "missing key \"space\", expected a name, a file or a map");
    if (space->kind == TD_MAP) return td_node_opt_string(n, "name", name, err);
    td_status s = td_node_get_string(n, "space", name, err);
    return s == TD_OK ? td__space_hw_doc(space, a, doc, err) : s;
}

/* The lists of a map by the template's parameters, with numbers for multiples of its values. */
static td_status parameters(const td_node *map, const td_node *doc, td_arena *a,
                            const td_node **out, td_error *err) {
    td_node *to = td_node_map(a);
    if (to == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; i < map->count; i++) {
        const td_node *item = map->item[i];
        td__hw_key k;
        td_node *list;
        bool multiples;
        td_error fault = {0};
        if (strcmp(item->key, "space") == 0) continue;
        td_status s = td__hw_key_find(a, doc, item->key, &k, &fault);
        if (s != TD_OK) return td_node_fail(item, err, "%s", fault.message);
        if (td_node_find(to, k.path[0]) != NULL)
            return td_node_fail(item, err, "%s stands there twice", k.path[0]);
        if (item->kind == TD_MAP) { /* divisors: once all lists are known */
            list = TD_NEW(a, td_node, 1);
            if (list == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
            *list = *item;
        } else {
            s = td__hw_numbers(item, &k, a, &list, &multiples, err);
        }
        if (s != TD_OK) return s;
        if (td_node_put(a, to, k.path[0], list) == NULL)
            return td_fail(err, TD_E_MEMORY, "out of memory");
        list->parent = item->parent; /* messages tell where it stands */
    }
    *out = to;
    return TD_OK;
}

td_status td__space_template(const td_node *n, td_arena *a, td_space **out, td_error *err) {
    const td_node *doc, *map = NULL;
    const char *name;
    td_status s = find_doc(n, a, &doc, &name, err);
    if (s == TD_OK && td_node_find(doc, "levels") != NULL)
        return td__space_levels(doc, name, doc == n ? NULL : n, a, out, err);
    if (s == TD_OK) s = td_node_get_map(doc, "space", &map, err);
    if (s != TD_OK) return s;
    const td_node *recipe = doc == n ? NULL : n;
    spaced *p = TD_NEW(a, spaced, 1);
    int most = map->count + (recipe != NULL ? recipe->count : 0) + 1;
    if (p != NULL) p->key = TD_NEW(a, const char *, most);
    if (p != NULL) p->value = TD_NEW(a, td__values, most);
    if (p == NULL || p->key == NULL || p->value == NULL)
        return td_fail(err, TD_E_MEMORY, "out of memory");
    p->name = name;
    s = td_node_opt_string(doc, "name", &p->name, err);
    if (s != TD_OK) return s;
    td__decisions list = {.arena = a};
    s = td_template_from_node(doc, &p->base, err);
    if (s == TD_OK) s = parameters(map, doc, a, &map, err);
    if (s == TD_OK && recipe != NULL) s = parameters(recipe, doc, a, &recipe, err);
    if (s == TD_OK &&
        (s = td_tech_load(td_template_tech(&p->base), &p->tech, err)) == TD_E_NOT_FOUND &&
        err != NULL)
        td_node_place(td_node_find(doc, "tech"), err);
    if (s == TD_OK) s = declare_all(p, &list, &(lists){map, recipe}, err);
    if (s == TD_OK) s = td__space_finish(name, &list, p, build, out, err);
    if (s != TD_OK) return s;
    if (td_template_rules_known(&p->base)) (*out)->allows = allows;
    (*out)->n_features = td_template_features(&p->base, NULL);
    if ((*out)->n_features > 0) (*out)->features = features;
    return TD_OK;
}

/* Accelerator spaces from a template's file: its parameters are the base, its `space:` map lists
 * the values to choose from. The keys mean nothing here; the template (hw/) knows them. */
#include <stdio.h>
#include <string.h>

#include "space_bits.h"

typedef struct {
    td_edge base; /* with the one-value parameters set */
    td_tech tech;
    const char *name; /* of the space: its designs carry it */
    int n;            /* parameters with more than one value, in the order of the decisions */
    const char **key;
    td__values *value;
} edge;

static td_status build(const void *self, const td_choices *c, td_arena *a, td_design *d,
                       td_error *err) {
    const edge *p = self;
    *d = (td_design){0};
    if (c->n != p->n) return td_fail(err, TD_E_USAGE, "expected %d choices, found %d", p->n, c->n);
    td_edge e = p->base;
    for (int i = 0; i < p->n; i++) {
        double v = td__values_get(&p->value[i], c);
        if (isnan(v)) return td_fail(err, TD_E_USAGE, "the choices are not canonical");
        td_status s = td_edge_set(&e, p->key[i], v, err);
        if (s != TD_OK) return s;
    }
    d->hw_node = td_edge_to_node(&e, a);
    if (d->hw_node == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_node_put_string(a, d->hw_node, "name", p->name);
    td_status s = td_edge_build(&e, &p->tech, &d->hw, NULL, err);
    if (s != TD_OK) return s;
    snprintf(d->hw.name, sizeof d->hw.name, "%s", p->name);
    d->has_hw = true;
    d->hw_hash = td_hw_hash(&d->hw);
    return TD_OK;
}

/* One parameter: every value has to be one that the template takes. */
static td_status declare(edge *p, td__decisions *list, const td_node *n, td_error *err) {
    td__values v;
    td_status s = td__values_from_node(n, -INFINITY, INFINITY, false, list->arena, &v, err);
    if (s != TD_OK) return s;
    for (int i = 0; i < v.n; i++) {
        td_error why = {0};
        if (td_edge_set(&p->base, n->key, v.v[i], &why) != TD_OK)
            return td_node_fail(n, err, "%s", why.message);
    }
    if (v.n < 2) return TD_OK;
    td_decision d = {.kind = TD_ORDERED, .n = v.n, .parent = -1, .value = v.v, .costs_only = true};
    v.decision = td__decisions_add(list, &d, "%s", n->key);
    p->key[p->n] = n->key;
    p->value[p->n++] = v;
    return TD_OK;
}

/* The lists of `map`, those of the recipe in place of the file's; then the recipe's others. */
static td_status declare_all(edge *p, td__decisions *list, const td_node *map,
                             const td_node *recipe, td_error *err) {
    for (int i = 0; i < map->count; i++) {
        const td_node *mine = td_node_find(recipe, map->item[i]->key);
        td_status s = declare(p, list, mine != NULL ? mine : map->item[i], err);
        if (s != TD_OK) return s;
    }
    for (int i = 0; recipe != NULL && i < recipe->count; i++) {
        const td_node *item = recipe->item[i];
        if (td_node_find(map, item->key) != NULL) continue;
        td_status s = declare(p, list, item, err);
        if (s != TD_OK) return s;
    }
    return TD_OK;
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
        s = td__hw_numbers(item, &k, a, &list, &multiples, err);
        if (s != TD_OK) return s;
        if (td_node_put(a, to, k.path[0], list) == NULL)
            return td_fail(err, TD_E_MEMORY, "out of memory");
        list->parent = item->parent; /* messages tell where it stands */
    }
    *out = to;
    return TD_OK;
}

td_status td__space_edge(const td_node *n, td_arena *a, td_space **out, td_error *err) {
    const td_node *doc, *map = NULL;
    const char *name, *template;
    td_status s = find_doc(n, a, &doc, &name, err);
    if (s == TD_OK && td_node_find(doc, "levels") != NULL)
        return td__space_levels(doc, name, doc == n ? NULL : n, a, out, err);
    if (s == TD_OK) s = td_node_get_string(doc, "template", &template, err);
    if (s == TD_OK) s = td_node_get_map(doc, "space", &map, err);
    if (s != TD_OK) return s;
    if (strcmp(template, "edge") != 0)
        return td_node_fail(td_node_find(doc, "template"), err,
                            "expected edge, the only template with a space, found \"%s\"",
                            template);
    const td_node *recipe = doc == n ? NULL : n;
    edge *p = TD_NEW(a, edge, 1);
    int most = map->count + (recipe != NULL ? recipe->count : 0) + 1;
    if (p != NULL) p->key = TD_NEW(a, const char *, most);
    if (p != NULL) p->value = TD_NEW(a, td__values, most);
    if (p == NULL || p->key == NULL || p->value == NULL)
        return td_fail(err, TD_E_MEMORY, "out of memory");
    p->name = name;
    s = td_node_opt_string(doc, "name", &p->name, err);
    if (s != TD_OK) return s;
    td__decisions list = {.arena = a};
    s = td_edge_from_node(doc, &p->base, err);
    if (s == TD_OK) s = parameters(map, doc, a, &map, err);
    if (s == TD_OK && recipe != NULL) s = parameters(recipe, doc, a, &recipe, err);
    if (s == TD_OK && (s = td_tech_load(p->base.tech, &p->tech, err)) == TD_E_NOT_FOUND &&
        err != NULL)
        td_node_place(td_node_find(doc, "tech"), err);
    if (s == TD_OK) s = declare_all(p, &list, map, recipe, err);
    if (s != TD_OK) return s;
    return td__space_finish(name, &list, p, build, out, err);
}

/* recipe_override.c - keys of a recipe's document in place of what its file says. */
#include <string.h>

#include "recipe.h"

/* The map at a path's next part, made if it is not there; NULL: memory is out. */
static td_node *step_into(td_arena *a, td_node *map, const char *key, const td_override *o,
                          td_status *s, td_error *err) {
    td_node *next = (td_node *)td_node_find(map, key);
    if (next == NULL || next->kind == TD_NULL) {
        next = td_node_put(a, map, key, td_node_map(a));
        if (next == NULL) {
            *s = td_fail(err, TD_E_MEMORY, "out of memory");
            return NULL;
        }
        next->file = map->file;
        next->line = map->line;
    }
    if (next->kind != TD_MAP)
        *s =
            td_fail(err, TD_E_INPUT, "%s: %s: %s is not a map in the recipe", o->from, o->key, key);
    return next;
}

static void take_out(td_node *map, const char *key) {
    int n = 0;
    for (int i = 0; i < map->count; i++)
        if (strcmp(map->item[i]->key, key) != 0) map->item[n++] = map->item[i];
    map->count = n;
}

td_status td__recipe_override(td_arena *a, td_node *doc, const td_override *o, td_error *err) {
    char *key = td_arena_strdup(a, o->key), *dot;
    td_status s = key != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    td_node *map = doc;
    if (s == TD_OK && doc->kind != TD_MAP)
        s = td_node_fail(doc, err, "expected a recipe (a map of keys)");
    while (s == TD_OK && (dot = strchr(key, '.')) != NULL) {
        *dot = '\0';
        map = step_into(a, map, key, o, &s, err);
        key = dot + 1;
    }
    if (s != TD_OK) return s;
    if (o->value == NULL) {
        take_out(map, key);
        return TD_OK;
    }
    const td_node *value;
    s = td_yaml_parse(a, o->value, strlen(o->value), o->from, &value, err);
    if (s == TD_OK && td_node_put(a, map, key, (td_node *)value) == NULL)
        s = td_fail(err, TD_E_MEMORY, "out of memory");
    return s;
}

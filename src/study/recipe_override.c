/* recipe_override.c - keys of a recipe's document in place of what its file says. */
#include <string.h>

#include "recipe.h"

/* Nothing is left to do where the path leads nowhere. */
static td_status take_out(td_arena *a, td_node *map, const char *path, td_error *err) {
    char *key = td_arena_strdup(a, path), *dot;
    if (key == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    while (map != NULL && map->kind == TD_MAP && (dot = strchr(key, '.')) != NULL) {
        *dot = '\0';
        map = (td_node *)td_node_find(map, key);
        key = dot + 1;
    }
    if (map == NULL || map->kind != TD_MAP) return TD_OK;
    int n = 0;
    for (int i = 0; i < map->count; i++)
        if (strcmp(map->item[i]->key, key) != 0) map->item[n++] = map->item[i];
    map->count = n;
    return TD_OK;
}

td_status td__recipe_override(td_arena *a, td_node *doc, const td_override *o, td_error *err) {
    if (doc->kind != TD_MAP) return td_node_fail(doc, err, "expected a recipe (a map of keys)");
    if (o->value == NULL) return take_out(a, doc, o->key, err);
    const char *both = o->key != NULL ? td_arena_printf(a, "%s=%s", o->key, o->value) : o->value;
    if (both == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    return td_node_override(a, doc, o->from, both, err);
}

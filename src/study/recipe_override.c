/* recipe_override.c - keys of a recipe's document in place of what its file says. */
#include "recipe.h"

#include <stdlib.h>
#include <string.h>

/* Does a node name a file, or may it? Of the latter, names of shipped things have neither slash nor
 * dot. */
static bool names_file(const td_node *n) {
    static const char *const files[] = {"file", "path", "enqueue", "workload"};
    static const char *const either[] = {"net", "hw", "space", "tech"};
    const char *key = n->key != NULL ? n->key : n->parent != NULL ? n->parent->key : NULL;
    if (n->kind != TD_STRING || key == NULL) return false;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (strcmp(key, files[i]) == 0) return true;
    for (size_t i = 0; i < sizeof either / sizeof either[0]; i++)
        if (strcmp(key, either[i]) == 0) return strpbrk(n->text, "/.") != NULL;
    return false;
}

/* In full; NULL: it is nowhere. */
static char *find(td_arena *a, const char *name, const char *recipe) {
    const char *path = td_file_beside(a, recipe, name);
    return path != NULL ? realpath(path, NULL) : NULL;
}

td_status td__recipe_settle(td_arena *a, td_node *n, const char *from, const char *recipe,
                            td_error *err) {
    td_status s = TD_OK;
    for (int i = 0; s == TD_OK && i < n->count; i++)
        s = td__recipe_settle(a, n->item[i], from, recipe, err);
    if (s != TD_OK || n->file == from || !names_file(n)) return s;
    char *path = find(a, n->text, recipe);
    if (path == NULL) return TD_OK; /* whoever reads it tells */
    n->text = td_arena_strdup(a, path);
    free(path);
    return n->text != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
}

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

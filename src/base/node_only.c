/* Unknown keys of a map, and a map without those that were read. */
#include <string.h>

#include "node.h"

static bool known(const char *key, const char *const *keys) {
    for (; *keys != NULL; keys++)
        if (strcmp(key, *keys) == 0) return true;
    return false;
}

static td_status fail_unknown(const td_node *map, const td_node *item, const char *const *keys,
                              td_error *err) {
    enum { MOST = 96 };
    const char *all[MOST];
    td_text text = {0};
    int n = 0;
    for (const char *const *k = map->taken; k != NULL && *k != NULL && n < MOST; k++) all[n++] = *k;
    for (; *keys != NULL && n < MOST; keys++) all[n++] = *keys;
    td_text_addf(&text, "unknown key \"%.80s\"", item->key);
    td_text_add_known(&text, item->key, all, n);
    /* The path is that of the map, file and line are those of the key. */
    td_status s = td__node_fail_line(map, item, err, text.data != NULL ? text.data : "unknown key");
    td_text_free(&text);
    return s;
}

td_status td_node_only(const td_node *map, const char *const *keys, td_error *err) {
    if (map == NULL || map->kind == TD_NULL) return TD_OK;
    if (map->kind != TD_MAP) return td__node_fail_kind(map, "a map", err);
    for (int i = 0; i < map->count; i++)
        if (!known(map->item[i]->key, keys)) return fail_unknown(map, map->item[i], keys, err);
    return TD_OK;
}

td_status td_node_without(td_arena *a, const td_node *map, const char *const *keys, td_node **out,
                          td_error *err) {
    const int n = map != NULL ? map->count : 0;
    td_node *o = *out = td_node_map(a);
    if (o != NULL) o->item = TD_NEW(a, td_node *, n + 1);
    if (o == NULL || o->item == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    o->capacity = n + 1;
    o->whole = map;
    o->taken = keys;
    if (map == NULL) return TD_OK;
    o->file = map->file;
    o->line = map->line;
    o->key = map->key;
    o->parent = map->parent;
    for (int i = 0; i < n; i++)
        if (!known(map->item[i]->key, keys)) o->item[o->count++] = map->item[i];
    return TD_OK;
}

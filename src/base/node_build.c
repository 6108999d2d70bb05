/* Building documents. Every function passes NULL on, so that a chain needs one test at its end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node.h"

td_node *td__node_new(td_arena *a, td_node_kind kind) {
    td_node *n = TD_NEW(a, td_node, 1);
    if (n != NULL) n->kind = kind;
    return n;
}

bool td__node_append(td_arena *a, td_node *parent, td_node *value) {
    if (parent->count == parent->capacity) {
        int capacity = parent->capacity > 0 ? parent->capacity * 2 : 4;
        if (parent->capacity > INT32_MAX / 2) return false;
        td_node **item = TD_NEW(a, td_node *, capacity);
        if (item == NULL) return false;
        if (parent->count > 0) memcpy(item, parent->item, sizeof *item * (size_t)parent->count);
        parent->item = item;
        parent->capacity = capacity;
    }
    value->parent = parent;
    parent->item[parent->count++] = value;
    return true;
}

static int by_key(const void *a, const void *b) {
    const td_node *x = *(td_node *const *)a, *y = *(td_node *const *)b;
    int c = strcmp(x->key, y->key);
    return c != 0 ? c : (x->line > y->line) - (x->line < y->line);
}

static td_status fail_duplicate(const td_node *map, const td_node *first, const td_node *second,
                                td_error *err) {
    char message[160];
    snprintf(message, sizeof message, "duplicate key \"%.80s\", first at line %d", second->key,
             first->line);
    return td__node_fail_line(map, second, err, message);
}

td_status td__node_unique(const td_node *map, td_error *err) {
    td_status s = TD_OK;
    if (map->count <= 16) {
        for (int i = 1; i < map->count; i++)
            for (int j = 0; j < i; j++)
                if (strcmp(map->item[i]->key, map->item[j]->key) == 0)
                    return fail_duplicate(map, map->item[j], map->item[i], err);
        return TD_OK;
    }
    td_node **sorted = malloc(sizeof *sorted * (size_t)map->count);
    if (sorted == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    memcpy(sorted, map->item, sizeof *sorted * (size_t)map->count);
    qsort(sorted, (size_t)map->count, sizeof *sorted, by_key);
    for (int i = 1; i < map->count && s == TD_OK; i++)
        if (strcmp(sorted[i]->key, sorted[i - 1]->key) == 0)
            s = fail_duplicate(map, sorted[i - 1], sorted[i], err);
    free(sorted);
    return s;
}

td_node *td_node_map(td_arena *a) {
    return td__node_new(a, TD_MAP);
}

td_node *td_node_list(td_arena *a) {
    return td__node_new(a, TD_LIST);
}

td_node *td_node_null(td_arena *a) {
    return td__node_new(a, TD_NULL);
}

td_node *td_node_bool(td_arena *a, bool v) {
    td_node *n = td__node_new(a, TD_BOOL);
    if (n != NULL) n->boolean = v;
    return n;
}

td_node *td_node_int(td_arena *a, int64_t v) {
    td_node *n = td__node_new(a, TD_INT);
    if (n == NULL) return NULL;
    n->integer = v;
    n->real = (double)v;
    return n;
}

td_node *td_node_real(td_arena *a, double v) {
    td_node *n = td__node_new(a, TD_REAL);
    if (n != NULL) n->real = v;
    return n;
}

td_node *td_node_string(td_arena *a, const char *v) {
    if (v == NULL) return NULL;
    td_node *n = td__node_new(a, TD_STRING);
    if (n == NULL) return NULL;
    n->text = td_arena_strdup(a, v);
    return n->text != NULL ? n : NULL;
}

td_node *td_node_scalar(td_arena *a, const char *text) {
    td_node *n = td_node_string(a, text);
    if (n != NULL) td__yaml_resolve(n);
    return n;
}

/* A key that is there already gets the new value, in its old place. */
td_node *td_node_put(td_arena *a, td_node *map, const char *key, td_node *value) {
    if (map == NULL || key == NULL || value == NULL || map->kind != TD_MAP) return NULL;
    for (int i = 0; i < map->count; i++) {
        if (strcmp(map->item[i]->key, key) != 0) continue;
        value->key = map->item[i]->key;
        value->parent = map;
        map->item[i] = value;
        return value;
    }
    value->key = td_arena_strdup(a, key);
    if (value->key == NULL || !td__node_append(a, map, value)) return NULL;
    return value;
}

td_node *td_node_push(td_arena *a, td_node *list, td_node *value) {
    if (list == NULL || value == NULL || list->kind != TD_LIST) return NULL;
    value->key = NULL;
    return td__node_append(a, list, value) ? value : NULL;
}

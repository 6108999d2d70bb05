/* Values that stand in place of a document's: `PATH=VALUE` of a command line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node.h"

/* Built from text, but not of a file: without a line. */
static void forget_lines(td_node *n) {
    n->line = 0;
    for (int i = 0; i < n->count; i++) forget_lines(n->item[i]);
}

static td_status fail_path(const char *option, const char *path, td_error *err, const char *why) {
    return td_fail(err, TD_E_USAGE, "%s %.200s: %s", option, path, why);
}

/* Puts value at the end of the path, below n. `done` is the part of it that is behind. */
static td_status put(td_arena *a, td_node *n, const char *option, const char *path, size_t done,
                     td_node *value, td_error *err) {
    const char *at = path + done;
    char *end, why[160];
    if (*at == '[') {
        unsigned long i = strtoul(at + 1, &end, 10);
        if (end == at + 1 || *end != ']' || (end[1] != '\0' && end[1] != '.' && end[1] != '['))
            return fail_path(option, path, err, "expected [NUMBER] of a list's item");
        if (n->kind != TD_LIST || i >= (unsigned long)n->count) {
            snprintf(why, sizeof why, "%.*s is no list", (int)(done < 100 ? done : 100), path);
            return fail_path(option, path, err,
                             done == 0            ? "the document is no list"
                             : n->kind != TD_LIST ? why
                                                  : "the list has no such item");
        }
        td_node **item = &n->item[i];
        if (end[1] == '\0') {
            value->parent = n;
            *item = value;
            return TD_OK;
        }
        done = (size_t)(end + 1 - path) + (end[1] == '.');
        return put(a, *item, option, path, done, value, err);
    }
    size_t size = strcspn(at, ".[");
    if (size == 0) return fail_path(option, path, err, "expected a key, found nothing");
    if (n->kind != TD_MAP) {
        snprintf(why, sizeof why, "%.*s is no map", (int)(done > 1 && done < 100 ? done - 1 : 0),
                 path);
        return fail_path(option, path, err, done > 1 ? why : "the document is no map");
    }
    const char *key = td_arena_printf(a, "%.*s", (int)size, at);
    bool last = at[size] == '\0';
    td_node *item = key != NULL ? (td_node *)td_node_find(n, key) : NULL;
    if (last) {
        item = td_node_put(a, n, key, value);
        return item != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    }
    if (item == NULL || item->kind == TD_NULL) { /* maps that are not there are made */
        item = td_node_put(a, n, key, td_node_map(a));
        if (item == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
        item->file = value->file;
    }
    return put(a, item, option, path, done + size + (at[size] == '.'), value, err);
}

td_status td_node_override(td_arena *a, td_node *doc, const char *option, const char *assignment,
                           td_error *err) {
    const char *equals = strchr(assignment, '=');
    if (equals == NULL || equals == assignment)
        return td_fail(err, TD_E_USAGE, "%s: expected KEY=VALUE, found \"%.200s\"", option,
                       assignment);
    const char *path = td_arena_printf(a, "%.*s", (int)(equals - assignment), assignment);
    const char *name = path != NULL ? td_arena_printf(a, "%s %s", option, path) : NULL;
    const td_node *read = NULL;
    if (name == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = td_yaml_parse(a, equals + 1, strlen(equals + 1), name, &read, err);
    if (s != TD_OK) return s;
    td_node *value = (td_node *)read; /* the arena's, and nobody else has it */
    forget_lines(value);
    return put(a, doc, option, path, 0, value, err);
}

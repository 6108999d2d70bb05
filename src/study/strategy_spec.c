/* strategy_spec.c - strategies as they are written on the command line. */
#include <string.h>

#include "recipe.h"

static td_status fail_spec(const char *text, td_error *err) {
    return td_fail(err, TD_E_INPUT, "expected NAME or NAME:KEY=VALUE:..., found \"%.100s\"", text);
}

td_status td__strategy_spec(td_arena *a, const char *text, td_node **map, td_error *err) {
    char *copy = td_arena_strdup(a, text), *save = NULL;
    *map = td_node_map(a);
    if (copy == NULL || *map == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    char *name = strtok_r(copy, ":", &save);
    if (name == NULL || text[0] == ':' || strchr(name, '=') != NULL) return fail_spec(text, err);
    if (td_node_put_string(a, *map, "name", name) == NULL)
        return td_fail(err, TD_E_MEMORY, "out of memory");
    for (char *key; (key = strtok_r(NULL, ":", &save)) != NULL;) {
        const td_node *value;
        char *equals = strchr(key, '=');
        if (equals == NULL || equals == key || equals[1] == '\0') return fail_spec(text, err);
        *equals = '\0';
        if (td_node_find(*map, key) != NULL)
            return td_fail(err, TD_E_INPUT, "\"%.100s\" has %.40s twice", text, key);
        td_status s = td_yaml_parse(a, equals + 1, strlen(equals + 1), text, &value, err);
        if (s != TD_OK) return s;
        if (td_node_put(a, *map, key, (td_node *)value) == NULL)
            return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    return TD_OK;
}

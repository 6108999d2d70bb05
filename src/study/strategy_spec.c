/* strategy_spec.c - strategies as they are written in documents and on the command line. */
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

td_status td__named_map(td_arena *a, const td_node *doc, const char *key, const td_node **map,
                        td_error *err) {
    const td_node *n = td_node_find(doc, key);
    *map = NULL;
    if (n == NULL || n->kind != TD_STRING) return td_node_opt_map(doc, key, map, err);
    td_node *m = td_node_map(a);
    td_node *name = m != NULL ? td_node_put_string(a, m, "name", n->text) : NULL;
    if (name == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    m->file = name->file = n->file;
    m->line = name->line = n->line;
    m->key = n->key;
    m->parent = n->parent;
    *map = m;
    return TD_OK;
}

td_status td__fail_name(const td_node *n, const char *what, const char *name,
                        const char *const *known, int count, td_error *err) {
    td_text text = {0};
    td_text_addf(&text, "there is no %s \"%.64s\"", what, name);
    td_text_add_known(&text, name, known, count);
    td_status s = td_node_fail(n, err, "%s", text.data != NULL ? text.data : what);
    td_text_free(&text);
    return s;
}

static td_status fail_strategy(const td_node *n, const char *name, td_error *err) {
    enum { MOST = 32 };
    int count;
    const char *known[MOST];
    const td_strategy *const *all = td_strategy_list(&count);
    if (count > MOST) count = MOST;
    for (int i = 0; i < count; i++) known[i] = all[i]->name;
    return td__fail_name(n, "strategy", name, known, count, err);
}

td_status td__strategy_read(td_arena *a, const td_node *n, const td_space *space, uint64_t seed,
                            const td_strategy **strategy, const td_params **out, td_error *err) {
    static const char *const own[] = {"name", NULL};
    const char *name = "auto";
    td_node *params;
    td_status s = n != NULL ? td_node_opt_string(n, "name", &name, err) : TD_OK;
    if (s == TD_OK) s = td_node_without(a, n, own, &params, err);
    if (s != TD_OK) return s;
    *strategy = td_strategy_find(name);
    *out = params;
    if (*strategy == NULL) return fail_strategy(td_node_find(n, "name"), name, err);
    void *state = NULL;
    s = (*strategy)->init(&state, space, seed, params, err);
    if (s == TD_OK) (*strategy)->destroy(state);
    return s;
}

/* Which column of a file of accuracies says what. */
#include <fnmatch.h>
#include <string.h>

#include "table_rows.h"

/* One text or a list of them, as a NULL-terminated list. */
static td_status read_columns(const td_node *n, const char *key, const char *fallback, td_arena *a,
                              const char ***out, td_error *err) {
    const td_node *node = td_node_find(n, key);
    bool list = node != NULL && node->kind == TD_LIST;
    int count = list ? node->count : 1;
    const char **column = TD_NEW(a, const char *, count + 1);
    if (column == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    *out = column;
    if (node == NULL || node->kind == TD_NULL) {
        column[0] = fallback;
        return TD_OK;
    }
    if (count == 0) return td_node_fail(node, err, "expected the name of a column, or a list");
    for (int i = 0; i < count; i++) {
        const td_node *item = list ? node->item[i] : node;
        if (item->text == NULL)
            return td_node_fail(item, err, "expected the name of a column, or a list");
        for (int k = 0; k < i; k++)
            if (strcmp(column[k], item->text) == 0)
                return td_node_fail(item, err, "%s is there twice", item->text);
        column[i] = item->text;
    }
    return TD_OK;
}

static bool is_pattern(const char *s) {
    return strpbrk(s, "*?[") != NULL;
}

static td_status fail_decision(const td_node *at, const td_space *nets, td_error *err) {
    enum { MOST = 256 };
    const char *known[MOST];
    int n = nets->n < MOST ? nets->n : MOST;
    td_text text = {0};
    for (int i = 0; i < n; i++) known[i] = nets->d[i].name;
    td_text_addf(&text, "space %s has no decision \"%.64s\"", nets->name, at->text);
    td_text_add_known(&text, at->text, known, n);
    td_status s = td_node_fail(at, err, "%s", text.data != NULL ? text.data : "no such decision");
    td_text_free(&text);
    return s;
}

/* The decisions that one text names, in their order: parts of the column from *parts on. */
static td_status link_named(const td_node *at, const td_space *nets, const char *column,
                            td__table_link *link, int *parts, td_error *err) {
    if (at->text == NULL)
        return td_node_fail(at, err, "expected a decision, a pattern, or a list of them");
    bool pattern = is_pattern(at->text);
    int found = 0;
    for (int i = 0; i < nets->n; i++) {
        if (pattern ? fnmatch(at->text, nets->d[i].name, 0) != 0
                    : strcmp(at->text, nets->d[i].name) != 0)
            continue;
        if (link[i].column != NULL)
            return td_node_fail(at, err, "decision %s has a column already: %s", nets->d[i].name,
                                link[i].column);
        link[i] = (td__table_link){.column = column, .part = (*parts)++};
        found++;
    }
    return found > 0 ? TD_OK : fail_decision(at, nets, err);
}

/* `columns: {COLUMN: decision, COLUMN: [decisions] or a pattern}`. What it does not name stands in
 * the column of its own name. */
static td_status link_columns(const td_node *map, const td_space *nets, td__table_options *o,
                              td_error *err) {
    for (int k = 0; map != NULL && k < map->count; k++) {
        const td_node *n = map->item[k];
        bool list = n->kind == TD_LIST;
        int parts = 0;
        td_status s = TD_OK;
        for (int i = 0; s == TD_OK && list && i < n->count; i++)
            s = link_named(n->item[i], nets, n->key, o->link, &parts, err);
        if (!list) s = link_named(n, nets, n->key, o->link, &parts, err);
        if (s == TD_OK && parts == 0) s = td_node_fail(n, err, "expected at least one decision");
        if (s != TD_OK) return s;
        bool whole = !list && !is_pattern(n->text);
        for (int i = 0; i < nets->n; i++)
            if (o->link[i].column == n->key) o->link[i].parts = whole ? 0 : parts;
    }
    for (int i = 0; i < nets->n; i++)
        if (o->link[i].column == NULL) o->link[i].column = nets->d[i].name;
    return TD_OK;
}

/* {0: identity, 1: mb3} for all columns, or {COLUMN: {0: false, 1: true}}. */
static td_status check_values(const td_node *map, td_error *err) {
    for (int i = 0; map != NULL && i < map->count; i++) {
        const td_node *n = map->item[i];
        bool of_column = n->kind == TD_MAP;
        for (int k = 0; k < (of_column ? n->count : 1); k++) {
            const td_node *to = of_column ? n->item[k] : n;
            if (to->kind == TD_MAP || to->kind == TD_LIST || to->kind == TD_NULL)
                return td_node_fail(to, err, "expected a choice (a word or a number)");
        }
    }
    return TD_OK;
}

/* A key with two words; *second: it is the second one. */
static td_status read_word(const td_node *n, const char *key, const char *one, const char *two,
                           bool *second, td_error *err) {
    const char *word = one;
    td_status s = td_node_opt_string(n, key, &word, err);
    *second = s == TD_OK && strcmp(word, two) == 0;
    if (s != TD_OK || *second || strcmp(word, one) == 0) return s;
    return td_node_fail(td_node_find(n, key), err, "expected %s or %s, found \"%s\"", one, two,
                        word);
}

td_status td__table_options_read(const td_node *n, const td_space *nets, td_arena *a,
                                 td__table_options *out, td_error *err) {
    const td_node *columns = NULL;
    *out = (td__table_options){.link = TD_NEW(a, td__table_link, nets->n + 1)};
    if (out->link == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = td_node_get_string(n, "file", &out->file, err);
    if (s == TD_OK) s = td_node_opt_string(n, "separator", &out->separator, err);
    if (s == TD_OK && out->separator != NULL && strlen(out->separator) != 1)
        s = td_node_fail(td_node_find(n, "separator"), err, "expected one character");
    if (s == TD_OK) s = td_node_opt_map(n, "columns", &columns, err);
    if (s == TD_OK) s = link_columns(columns, nets, out, err);
    if (s == TD_OK) s = td_node_opt_map(n, "values", &out->values, err);
    if (s == TD_OK) s = check_values(out->values, err);
    out->valid_given = td_node_find(n, "valid") != NULL;
    if (s == TD_OK) s = read_columns(n, "valid", "accuracy", a, &out->valid, err);
    if (s == TD_OK) s = read_columns(n, "test", NULL, a, &out->test, err);
    if (s == TD_OK) s = read_word(n, "scale", "fraction", "percent", &out->percent, err);
    if (s == TD_OK) s = read_word(n, "duplicates", "refuse", "repeats", &out->pool, err);
    if (s == TD_OK) s = read_word(n, "outside", "refuse", "skip", &out->skip, err);
    return s;
}

/* enqueue.c - choices of designs from recipes and files. */
#include "enqueue.h"

#include <string.h>

static td_status add(const td_space *space, const td_node *n, td_arena *a, td__designs *out,
                     td_error *err) {
    if (out->n == out->capacity) {
        int capacity = out->capacity > 0 ? 2 * out->capacity : 8;
        const char **params = TD_NEW(a, const char *, capacity);
        uint64_t *hash = TD_NEW(a, uint64_t, capacity);
        if (params == NULL || hash == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
        for (int i = 0; i < out->n; i++) {
            params[i] = out->params[i];
            hash[i] = out->hash[i];
        }
        out->params = params;
        out->hash = hash;
        out->capacity = capacity;
    }
    td_choices c = {.n = space->n, .v = TD_NEW(a, double, space->n + 1)};
    if (c.v == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_choices both = {.n = 0};
    td_status s = TD_E_INPUT;
    if (out->joint != NULL) {
        both = (td_choices){.n = out->joint->n, .v = TD_NEW(a, double, out->joint->n + 1)};
        if (both.v == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
        s = td_choices_from_node(out->joint, n, &both, NULL);
        if (s == TD_OK && c.n > 0) memcpy(c.v, both.v, sizeof *c.v * (size_t)c.n);
    }
    if (s != TD_OK) s = td_choices_from_node(space, n, &c, err);
    if (s != TD_OK) return s;
    td_text text = {0};
    td_node_to_json(td_choices_to_node(space, &c, a), 0, &text);
    const char *kept = text.failed || text.data == NULL ? NULL : td_arena_strdup(a, text.data);
    td_text_free(&text);
    if (kept == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    out->params[out->n] = kept;
    out->hash[out->n++] = td_choices_hash(&c);
    return TD_OK;
}

static bool is_decision(const td_space *space, const char *name) {
    for (int i = 0; i < space->n; i++)
        if (strcmp(space->d[i].name, name) == 0) return true;
    return false;
}

static td_status read_node(const td_space *space, const char *row, const td_node *n, bool files,
                           td_arena *a, td__designs *out, td_error *err) {
    td_status s = TD_OK;
    if (n->kind == TD_STRING && files) {
        const td_node *doc;
        const char *path = td_file_beside(a, n->file, n->text);
        if (path == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
        s = td_node_load(a, path, &doc, err);
        if (s == TD_E_NOT_FOUND || s == TD_E_IO) td_node_place(n, err);
        return s == TD_OK ? read_node(space, row, doc, false, a, out, err) : s;
    }
    if (n->kind == TD_LIST) {
        for (int i = 0; s == TD_OK && i < n->count; i++)
            s = read_node(space, row, n->item[i], files, a, out, err);
        return s;
    }
    if (n->kind != TD_MAP)
        return td_node_fail(n, err,
                            files ? "expected a design (a map of choices) or a file's name"
                                  : "expected a design (a map of choices)");
    const td_node *inner = td_node_find(n, "choices");
    if (inner == NULL || is_decision(space, "choices")) inner = td_node_find(n, "parameters");
    if (inner == NULL || is_decision(space, "parameters")) inner = td_node_find(n, row);
    if (inner != NULL && !is_decision(space, inner->key))
        return read_node(space, row, inner, false, a, out, err);
    return add(space, n, a, out, err);
}

td_status td__designs_read(const td_space *space, const char *row, const td_node *n, td_arena *a,
                           td__designs *out, td_error *err) {
    return n != NULL ? read_node(space, row, n, true, a, out, err) : TD_OK;
}

/* YAML reader and writer: what is read must be written so that reading gives the same again. */
#include <stdlib.h>
#include <string.h>

#include "tandem/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
    if (!holds) abort();
}

/* Lines and paths of all nodes are there, and getters survive every node. */
static void walk(const td_node *n) {
    char path[40];
    double v = 0;
    td_error err;
    td_node_path(n, path, sizeof path);
    check(n->line > 0 && n->file != NULL);
    static const char *const keys[] = {"name", "levels", NULL};
    if (n->kind == TD_MAP && n->count > 0) {
        td_node_get_real(n, n->item[0]->key, 0, 1, &v, &err);
        td_node_only(n, keys, &err);
    }
    for (int i = 0; i < n->count; i++) {
        check(n->item[i]->parent == n && (n->item[i]->key != NULL) == (n->kind == TD_MAP));
        walk(n->item[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_text first = {0}, second = {0};
    const td_node *doc, *again;
    char *copy = malloc(size > 0 ? size : 1);
    if (a == NULL || copy == NULL) goto done;
    memcpy(copy, data, size);
    if (td_yaml_parse(a, copy, size, "fuzz", &doc, &err) != TD_OK) {
        check(err.message[0] != '\0' && strchr(err.message, '\n') == NULL);
        goto done;
    }
    walk(doc);
    td_node_to_yaml(doc, &first);
    check(td_yaml_parse(a, first.data, first.size, "again", &again, &err) == TD_OK);
    td_node_to_yaml(again, &second);
    check(strcmp(first.data, second.data) == 0);
done:
    td_text_free(&first);
    td_text_free(&second);
    free(copy);
    td_arena_destroy(a);
    return 0;
}

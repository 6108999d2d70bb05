/* JSON reader and writers: what is read must be written so that reading gives the same again. */
#include <stdlib.h>
#include <string.h>

#include "tandem/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds) {
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    td_arena *a = td_arena_create();
    td_error err = {0};
    td_text first = {0}, second = {0}, yaml = {0};
    const td_node *doc, *again;
    char *copy = malloc(size > 0 ? size : 1); /* exact, so that reads past the end are seen */
    if (a == NULL || copy == NULL) goto done;
    memcpy(copy, data, size);
    if (td_json_parse(a, copy, size, "fuzz", 1, &doc, &err) != TD_OK) {
        check(err.message[0] != '\0' && strchr(err.message, '\n') == NULL);
        goto done;
    }
    td_node_to_json(doc, (int)(size % 3), &first);
    check(td_json_parse(a, first.data, first.size, "again", 1, &again, &err) == TD_OK);
    td_node_to_json(again, (int)(size % 3), &second);
    check(strcmp(first.data, second.data) == 0);
    td_node_to_yaml(doc, &yaml);
    check(td_yaml_parse(a, yaml.data, yaml.size, "yaml", &again, &err) == TD_OK);
    td_text_free(&second);
    td_node_to_json(again, (int)(size % 3), &second);
    check(strcmp(first.data, second.data) == 0);
done:
    td_text_free(&first);
    td_text_free(&second);
    td_text_free(&yaml);
    free(copy);
    td_arena_destroy(a);
    return 0;
}

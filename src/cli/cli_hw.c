#include "cli_hw.h"

#include <string.h>

#include "tandem/space.h"

td_status cli_hw_doc(const char *name, const cli_set *set, const cli_set *more, td_arena *a,
                     const td_node **doc, td_error *err) {
    const cli_set *both[] = {set, more};
    const char *path;
    td_status s = td_hw_find(a, name, &path, err);
    if (s == TD_OK) s = td_node_load(a, path, doc, err);
    for (int k = 0; k < 2; k++)
        for (int i = 0; s == TD_OK && both[k] != NULL && i < both[k]->n; i++)
            s = td_space_hw_set(a, (td_node *)*doc, "--set", both[k]->value[i], err);
    return s;
}

const char *cli_hw_split(const char *text, td_arena *a, cli_set *set) {
    if (strchr(text, ',') == NULL || td_file_exists(text)) return text;
    char *name = td_arena_strdup(a, text);
    for (char *at = name; at != NULL && (at = strchr(at, ',')) != NULL;) {
        *at++ = '\0';
        if (!cli_set_add(set, at)) return NULL;
    }
    return name;
}

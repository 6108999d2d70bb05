#include "cli_hw.h"

#include <string.h>

#include "tandem/space.h"

td_status cli_hw_doc(const char *name, const cli_set *set, const cli_set *more, td_arena *a,
                     const td_node **doc, td_error *err) {
    cli_set own = {.n = 0};
    const cli_set *all[] = {&own, set, more};
    static const char *const option[] = {"--hw", "--set", "--what-if"};
    const char *path, *file = cli_hw_split(name, a, &own);
    if (file == NULL)
        return td_fail(err, TD_E_USAGE, "%.100s: at most %d changes", name, CLI_MOST_SET);
    td_status s = td_hw_find(a, file, &path, err);
    if (s == TD_OK) s = td_node_load(a, path, doc, err);
    for (int k = 0; k < 3; k++)
        for (int i = 0; s == TD_OK && all[k] != NULL && i < all[k]->n; i++)
            s = td_space_hw_set(a, (td_node *)*doc, option[k], all[k]->value[i], err);
    return s;
}

bool cli_hw_area_follows(const td_node *doc) {
    td_template t;
    return td_node_find(doc, "template") != NULL && td_template_from_node(doc, &t, NULL) == TD_OK &&
           td_template_has_area(&t);
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

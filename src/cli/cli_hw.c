#include "cli_hw.h"

td_status cli_hw_doc(const char *name, const cli_set *set, const cli_set *more, td_arena *a,
                     const td_node **doc, td_error *err) {
    const cli_set *both[] = {set, more};
    const char *path;
    td_status s = td_hw_find(a, name, &path, err);
    if (s == TD_OK) s = td_node_load(a, path, doc, err);
    for (int k = 0; k < 2; k++)
        for (int i = 0; s == TD_OK && both[k] != NULL && i < both[k]->n; i++)
            s = td_node_override(a, (td_node *)*doc, "--set", both[k]->value[i], err);
    return s;
}

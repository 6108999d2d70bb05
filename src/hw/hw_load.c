/* Accelerators from files. */
#include "tandem/hw.h"

#include "shipped.h"

td_status td_hw_find(td_arena *a, const char *name_or_path, const char **path, td_error *err) {
    return td__shipped_find(a, "hw", name_or_path, path, err);
}

td_status td_hw_load(const char *name_or_path, td_hw *hw, td_error *err) {
    td_arena *a = td_arena_create();
    if (a == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    const char *path;
    const td_node *doc;
    td_status s = td_hw_find(a, name_or_path, &path, err);
    if (s == TD_OK) s = td_node_load(a, path, &doc, err);
    if (s == TD_OK) s = td_hw_from_node(doc, hw, err);
    if (s == TD_E_INFEASIBLE) td_error_prefix(err, "%s", name_or_path);
    td_arena_destroy(a);
    return s;
}

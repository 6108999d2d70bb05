#include "shipped.h"

#include <string.h>

static bool ends_with(const char *s, const char *tail) {
    size_t n = strlen(s), m = strlen(tail);
    return n > m && strcmp(s + n - m, tail) == 0;
}

static bool is_path(const char *s) {
    return strchr(s, '/') != NULL || ends_with(s, ".yaml") || ends_with(s, ".yml") ||
           ends_with(s, ".json");
}

td_status td__shipped_find(td_arena *a, const char *folder, const char *name_or_path,
                           const char **path, td_error *err) {
    if (is_path(name_or_path)) {
        *path = td_arena_strdup(a, name_or_path);
        return *path != NULL ? TD_OK : td_fail(err, TD_E_MEMORY, "out of memory");
    }
    const char *relative = td_arena_printf(a, "%s/%s.yaml", folder, name_or_path);
    if (relative == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = td_data_find(a, relative, path, err);
    if (s != TD_E_NOT_FOUND) return s;
    enum { MOST = 64 };
    const char *names[MOST];
    int n = td_data_names(a, folder, names, MOST);
    td_text text = {0};
    td_text_addf(&text, "%.100s: no such name in %s/", name_or_path, folder);
    td_text_add_known(&text, name_or_path, names, n);
    td_text_add(&text, " (a file is given with its ending or a slash)");
    td_fail(err, s, "%s", text.data != NULL ? text.data : "no such name");
    td_text_free(&text);
    return s;
}

#include "shipped.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static bool ends_with(const char *s, const char *tail) {
    size_t n = strlen(s), m = strlen(tail);
    return n > m && strcmp(s + n - m, tail) == 0;
}

static bool is_path(const char *s) {
    return strchr(s, '/') != NULL || ends_with(s, ".yaml") || ends_with(s, ".yml") ||
           ends_with(s, ".json");
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "edge, micro", or "none" when the folder cannot be read. */
static void list_names(td_arena *a, const char *folder, td_text *out) {
    enum { MAX_NAMES = 64 };
    const char *dir, *names[MAX_NAMES];
    int n = 0;
    DIR *d = NULL;
    if (td_data_dir(a, folder, &dir, NULL) == TD_OK) d = opendir(dir);
    for (struct dirent *e; d != NULL && n < MAX_NAMES && (e = readdir(d)) != NULL;) {
        if (!ends_with(e->d_name, ".yaml") || e->d_name[0] == '.') continue;
        char *name = td_arena_strdup(a, e->d_name);
        if (name == NULL) break;
        name[strlen(name) - strlen(".yaml")] = 0;
        names[n++] = name;
    }
    if (d != NULL) closedir(d);
    qsort(names, (size_t)n, sizeof names[0], by_text);
    for (int i = 0; i < n; i++) td_text_addf(out, "%s%s", i > 0 ? ", " : "", names[i]);
    if (n == 0) td_text_add(out, "none");
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
    td_text names = {0};
    list_names(a, folder, &names);
    td_fail(err, s,
            "%s: no such name in %s/, known: %s; a file is given with its ending or a slash",
            name_or_path, folder, names.data != NULL ? names.data : "none");
    td_text_free(&names);
    return s;
}

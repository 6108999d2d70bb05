/* folder.c - what can be done with a results folder without its recipe's file. */
#include <stdio.h>
#include <string.h>

#include "recipe.h"
#include "store.h"

static td_status open_store(const char *folder, td_arena *a, bool write, td_store **out,
                            td_error *err) {
    *out = NULL;
    const char *path = td_arena_printf(a, "%s/study.db", folder);
    if (path == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    if (!td_file_exists(path))
        return td_fail(err, TD_E_NOT_FOUND, "%s: no study store there", path);
    return td_store_open(path, write, out, err);
}

/* All studies of a folder have the same text: the last one's is read. */
td_status td_recipe_stored(const char *folder, const td_override *o, int n_over, td_recipe **out,
                           td_error *err) {
    td_store *store = NULL;
    td_study_info *info;
    td__study_row study = {0};
    int n = 0;
    *out = NULL;
    td_arena *a = td_arena_create();
    if (a == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = open_store(folder, a, false, &store, err);
    if (s == TD_OK) s = td_store_studies(store, a, &info, &n, err);
    if (s == TD_OK && n == 0) s = td_fail(err, TD_E_NOT_FOUND, "%s: no study there yet", folder);
    if (s == TD_OK) s = td__store_study_row(store, info[n - 1].id, a, &study, err);
    if (s == TD_OK && study.path == NULL)
        s = td_fail(err, TD_E_UNSUPPORTED,
                    "%s: made by a version that did not keep the recipe's place; begin with "
                    "`tandem search RECIPE --out %s`",
                    folder, folder);
    if (s == TD_OK)
        s = td__recipe_parse_with(study.spec, strlen(study.spec), study.path, o, n_over, out, err);
    td_store_close(store);
    td_arena_destroy(a);
    return s;
}

td_status td_study_reap(const char *folder, td_arena *a, td_reaped **out, int *n, int64_t *workers,
                        td_error *err) {
    td_store *store;
    td_study_info *info;
    *n = 0;
    td_status s = open_store(folder, a, true, &store, err);
    if (s == TD_OK) s = td_store_studies(store, a, &info, n, err);
    if (s == TD_OK) *out = TD_NEW(a, td_reaped, *n + 1);
    if (s == TD_OK && *out == NULL) s = td_fail(err, TD_E_MEMORY, "out of memory");
    for (int i = 0; s == TD_OK && i < *n; i++) {
        snprintf((*out)[i].row, sizeof(*out)[i].row, "%s", info[i].name);
        s = td__store_reap(store, info[i].id, TD__MAX_ATTEMPTS, &(*out)[i].reaped, err);
    }
    if (s == TD_OK) s = td__store_others(store, workers, err);
    td_store_close(store);
    return s;
}

#include "study_open.h"

#include <string.h>
#include <sys/stat.h>

#include "cli.h"

td_status study_open(const char *where, td_arena *a, td_store **store, td_study_info **info, int *n,
                     td_error *err) {
    struct stat sb;
    const char *path = where;
    if (stat(path, &sb) == 0 && S_ISDIR(sb.st_mode)) path = td_arena_printf(a, "%s/study.db", path);
    if (path == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = td_store_open(path, false, store, err);
    return s == TD_OK ? td_store_studies(*store, a, info, n, err) : s;
}

bool study_is_of_row(const char *study, const char *row) {
    const td_scope *scope = row != NULL ? td_scope_find(row) : NULL;
    char name[TD_STUDY_NAME];
    for (int i = 0; scope != NULL && i < scope->n; i++) {
        td_scope_study(scope, i, name);
        if (strcmp(study, name) == 0) return true;
    }
    return row == NULL || strcmp(study, row) == 0;
}

td_status study_no_row(const char *where, const char *row, const td_study_info *info, int n,
                       td_arena *a, td_error *err) {
    const char **known = TD_NEW(a, const char *, n + 1);
    for (int i = 0; known != NULL && i < n; i++) known[i] = info[i].name;
    cli_unknown(err, TD_E_NOT_FOUND, "row", row, known, known != NULL ? n : 0);
    return td_error_prefix(err, "%s", where);
}

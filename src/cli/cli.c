#include "cli.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int cli_fail(const td_error *err) {
    fprintf(stderr, "tandem: %s\n", err->message[0] ? err->message : td_status_text(err->code));
    return td_status_exit_code(err->code);
}

int cli_print(const td_text *t) {
    td_error err;
    if (t->failed) {
        td_fail(&err, TD_E_MEMORY, "out of memory while writing the result");
        return cli_fail(&err);
    }
    if ((t->size > 0 && fwrite(t->data, 1, t->size, stdout) != t->size) || fflush(stdout) != 0) {
        td_fail(&err, TD_E_IO, "cannot write to standard output: %s", strerror(errno));
        return cli_fail(&err);
    }
    return 0;
}

void cli_program_name(int argc, char **argv) {
    static char name[64];
    if (argc < 1) return;
    snprintf(name, sizeof name, "tandem %s", argv[0]);
    argv[0] = name;
}

td_status cli_unknown(td_error *err, td_status status, const char *what, const char *name,
                      const char *const *known, int n) {
    td_text t = {0};
    td_text_addf(&t, "no %s \"%.100s\"", what, name);
    td_text_add_known(&t, name, known, n);
    td_fail(err, status, "%s", t.data != NULL ? t.data : "out of memory");
    td_text_free(&t);
    return status;
}

const char *cli_recipe_find(const char *name, td_arena *a) {
    if (td_file_exists(name)) return name;
    const char *base = strncmp(name, "recipes/", 8) == 0 ? name + 8 : name, *path;
    size_t n = strlen(base);
    bool yaml = n > 5 && strcmp(base + n - 5, ".yaml") == 0;
    if (strchr(base, '/') != NULL) return NULL;
    const char *shipped = td_arena_printf(a, "recipes/%s%s", base, yaml ? "" : ".yaml");
    return shipped != NULL && td_data_find(a, shipped, &path, NULL) == TD_OK ? path : NULL;
}

bool cli_set_add(cli_set *s, const char *assignment) {
    if (s->n == CLI_MOST_SET) return false;
    s->value[s->n++] = assignment;
    return true;
}

/* A name alone may be a mistyped shipped recipe; a path is a file that is not there. */
static td_status fail_recipe(const char *name, td_arena *a, td_error *err) {
    enum { MOST = 64 };
    const char *known[MOST], *base = strncmp(name, "recipes/", 8) == 0 ? name + 8 : name;
    if (strchr(base, '/') != NULL) return td_fail(err, TD_E_NOT_FOUND, "%s: no such file", name);
    int n = td_data_names(a, "recipes", known, MOST);
    return cli_unknown(err, TD_E_NOT_FOUND, "file or shipped recipe", name, known, n);
}

td_status cli_recipe_path(const char *name, td_arena *a, const char **path, td_error *err) {
    *path = cli_recipe_find(name, a);
    return *path != NULL ? TD_OK : fail_recipe(name, a, err);
}

td_status cli_folder_ready(const char *path, td_error *err) {
    char probe[PATH_MAX];
    td_status s = td_dir_make(path, err);
    if (s != TD_OK) return s;
    if (snprintf(probe, sizeof probe, "%s/.tandem-XXXXXX", path) >= (int)sizeof probe)
        return td_fail(err, TD_E_USAGE, "%.40s...: the path is too long", path);
    int fd = mkstemp(probe);
    if (fd < 0) return td_fail(err, TD_E_IO, "%s: cannot write there: %s", path, strerror(errno));
    close(fd);
    unlink(probe);
    return TD_OK;
}

bool cli_format_parse(const char *s, cli_format *out) {
    static const char *const names[] = {"table", "json", "csv"};
    for (int i = 0; i < 3; i++)
        if (strcmp(s, names[i]) == 0) {
            *out = (cli_format)i;
            return true;
        }
    return false;
}

#include "cli_timeloop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_yaml(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot != NULL && (strcasecmp(dot, ".yaml") == 0 || strcasecmp(dot, ".yml") == 0);
}

static td_status load_tagged(td_arena *a, const char *file, const td_node **doc, td_error *err) {
    char *data;
    size_t size;
    td_status s = td_file_read(file, 0, &data, &size, err);
    if (s != TD_OK) return s;
    s = td_yaml_parse_tagged(a, data, size, file, doc, err);
    free(data);
    return s;
}

bool cli_is_timeloop(const char *file) {
    const td_node *doc;
    td_arena *a = is_yaml(file) ? td_arena_create() : NULL;
    bool is = a != NULL && load_tagged(a, file, &doc, NULL) == TD_OK && td_timeloop_is(doc);
    td_arena_destroy(a);
    return is;
}

/* "maps/layer1.yaml" is layer1. */
static void name_after(const char *file, char *name, size_t size) {
    const char *slash = strrchr(file, '/');
    snprintf(name, size, "%s", slash != NULL ? slash + 1 : file);
    char *dot = strrchr(name, '.');
    if (dot != NULL && dot != name) *dot = '\0';
}

/* Attributes that may be misspelt: a line each on standard error. */
static void tell_notes(const td_node *const *doc, int n) {
    td_text t = {0};
    for (int i = 0; i < n; i++) td_timeloop_notes(doc[i], &t);
    for (char *line = t.data, *end; line != NULL && *line != '\0'; line = end + 1) {
        end = strchr(line, '\n');
        if (end == NULL) break;
        fprintf(stderr, "tandem: note: %.*s\n", (int)(end - line), line);
    }
    td_text_free(&t);
}

td_status cli_load_timeloop(const char *const *files, int n, td_case *out, td_error *err) {
    td_arena *a = td_arena_create();
    const td_node **doc = a != NULL ? TD_NEW(a, const td_node *, n) : NULL;
    if (doc == NULL) {
        td_arena_destroy(a);
        return td_fail(err, TD_E_MEMORY, "out of memory");
    }
    td_status s = TD_OK;
    for (int i = 0; s == TD_OK && i < n; i++) s = load_tagged(a, files[i], &doc[i], err);
    if (s == TD_OK) s = td_timeloop_from_nodes(doc, n, out, err);
    if (s == TD_OK) tell_notes(doc, n);
    if (s == TD_OK) {
        name_after(files[0], out->name, sizeof out->name);
        name_after(files[0], out->hw.name, sizeof out->hw.name);
    }
    td_arena_destroy(a);
    return s;
}

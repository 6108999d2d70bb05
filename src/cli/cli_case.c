#include "cli_case.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool cli_is_yaml(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot != NULL && (strcasecmp(dot, ".yaml") == 0 || strcasecmp(dot, ".yml") == 0);
}

static td_status read_stdin(char **data, size_t *size, td_error *err) {
    td_text t = {0};
    char block[65536];
    for (size_t n; (n = fread(block, 1, sizeof block, stdin)) > 0;) td_text_add_bytes(&t, block, n);
    if (ferror(stdin) || t.failed) {
        td_text_free(&t);
        return t.failed ? td_fail(err, TD_E_MEMORY, "standard input: out of memory")
                        : td_fail(err, TD_E_IO, "standard input: %s", strerror(errno));
    }
    *data = t.data;
    *size = t.size;
    return TD_OK;
}

td_status cli_read(const char *file, char **data, size_t *size, td_error *err) {
    *data = NULL;
    *size = 0;
    return strcmp(file, "-") == 0 ? read_stdin(data, size, err)
                                  : td_file_read(file, 0, data, size, err);
}

bool cli_is_blank(const char *s, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (strchr(" \t\r", s[i]) == NULL) return false;
    return true;
}

/* Does the line hold a whole {...}? Braces within strings do not count. */
static bool whole_object(const char *s, size_t n) {
    int depth = 0;
    bool text = false, any = false;
    for (size_t i = 0; i < n; i++) {
        if (text) {
            if (s[i] == '\\')
                i++;
            else if (s[i] == '"')
                text = false;
            continue;
        }
        if (s[i] == '"') text = true;
        if (s[i] == '{') depth++, any = true;
        if (s[i] == '}' && --depth == 0 && cli_is_blank(s + i + 1, n - i - 1)) return any;
        if (depth <= 0 && any) return false;
    }
    return false;
}

bool cli_is_lines(const char *data, size_t size) {
    int seen = 0;
    for (size_t at = 0; at < size;) {
        const char *end = memchr(data + at, '\n', size - at);
        size_t n = end != NULL ? (size_t)(end - data) - at : size - at;
        if (!cli_is_blank(data + at, n)) {
            if (seen++ == 0 && whole_object(data + at, n)) return true;
            if (seen == 2) return data[at] == '{';
        }
        at += n + 1;
    }
    return false;
}

/* ---- Timeloop -------------------------------------------------------------------------------- */

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
    td_arena *a = cli_is_yaml(file) ? td_arena_create() : NULL;
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
    if (s == TD_OK) {
        name_after(files[0], out->name, sizeof out->name);
        name_after(files[0], out->hw.name, sizeof out->hw.name);
    }
    td_arena_destroy(a);
    return s;
}

/* ---- neutral cases --------------------------------------------------------------------------- */

/* Line `number` of those that are not blank; its length and its number in the file. */
static const char *find_line(const char *data, size_t size, int number, size_t *length, int *line) {
    *line = 1;
    for (size_t at = 0; at < size; ++*line) {
        const char *end = memchr(data + at, '\n', size - at);
        *length = end != NULL ? (size_t)(end - data) - at : size - at;
        if (!cli_is_blank(data + at, *length) && --number == 0) return data + at;
        at += *length + 1;
    }
    return NULL;
}

td_status cli_load_case(const char *file, int number, td_case *out, td_error *err) {
    const char *name = strcmp(file, "-") == 0 ? "standard input" : file;
    char *data;
    size_t size;
    td_status s = cli_read(file, &data, &size, err);
    if (s != TD_OK) return s;
    const char *text = data != NULL ? data : "";
    size_t length = size;
    int line = 1;
    bool lines = data != NULL && !cli_is_yaml(file) && cli_is_lines(data, size);
    if (lines) text = find_line(data, size, number, &length, &line);
    if (text == NULL || (!lines && number > 1))
        s = td_fail(err, TD_E_NOT_FOUND, "%s: there is no case %d", name, number);
    td_arena *a = td_arena_create();
    if (a == NULL) s = td_fail(err, TD_E_MEMORY, "out of memory");
    const td_node *doc;
    if (s == TD_OK)
        s = cli_is_yaml(file) ? td_yaml_parse(a, text, length, name, &doc, err)
                              : td_json_parse(a, text, length, name, line, &doc, err);
    if (s == TD_OK) s = td_case_from_node(doc, out, err);
    td_arena_destroy(a);
    free(data);
    return s;
}

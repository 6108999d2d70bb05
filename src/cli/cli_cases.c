#include "cli_cases.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_yaml(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot != NULL && (strcasecmp(dot, ".yaml") == 0 || strcasecmp(dot, ".yml") == 0);
}

static bool blank(const char *s, size_t n) {
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
        if (s[i] == '}' && --depth == 0 && blank(s + i + 1, n - i - 1)) return any;
        if (depth <= 0 && any) return false;
    }
    return false;
}

/* JSON lines: the first line is a whole object, or the second one starts an object of its own (so
 * that a broken first line does not hide the others). */
static bool is_lines(const char *data, size_t size) {
    int seen = 0;
    for (size_t at = 0; at < size;) {
        const char *end = memchr(data + at, '\n', size - at);
        size_t n = end != NULL ? (size_t)(end - data) - at : size - at;
        if (!blank(data + at, n)) {
            if (seen++ == 0 && whole_object(data + at, n)) return true;
            if (seen == 2) return data[at] == '{';
        }
        at += n + 1;
    }
    return false;
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

/* One item per line that is not blank. */
static td_status split(cli_cases *c, size_t size, td_error *err) {
    int room = 0, line = 1;
    for (size_t at = 0; at < size; line++) {
        const char *end = memchr(c->data + at, '\n', size - at);
        size_t n = end != NULL ? (size_t)(end - c->data) - at : size - at;
        if (!blank(c->data + at, n)) {
            if (c->n == room) {
                room = room > 0 ? 2 * room : 16;
                cli_case_text *more = realloc(c->item, sizeof *more * (size_t)room);
                if (more == NULL) return td_fail(err, TD_E_MEMORY, "%s: out of memory", c->name);
                c->item = more;
            }
            c->item[c->n++] = (cli_case_text){c->data + at, n, line};
        }
        at += n + 1;
    }
    return TD_OK;
}

td_status cli_cases_read(const char *file, cli_cases *out, td_error *err) {
    bool piped = strcmp(file, "-") == 0;
    size_t size = 0;
    *out = (cli_cases){.name = piped ? "standard input" : file, .yaml = is_yaml(file)};
    td_status s =
        piped ? read_stdin(&out->data, &size, err) : td_file_read(file, 0, &out->data, &size, err);
    if (s == TD_OK && out->data != NULL && !out->yaml && is_lines(out->data, size)) {
        s = split(out, size, err);
    } else if (s == TD_OK) {
        out->item = malloc(sizeof *out->item);
        if (out->item == NULL) s = td_fail(err, TD_E_MEMORY, "%s: out of memory", out->name);
        if (s == TD_OK)
            out->item[out->n++] = (cli_case_text){out->data != NULL ? out->data : "", size, 1};
    }
    if (s != TD_OK) cli_cases_free(out);
    return s;
}

void cli_cases_free(cli_cases *c) {
    free(c->data);
    free(c->item);
    c->data = NULL;
    c->item = NULL;
    c->n = 0;
}

td_status cli_cases_parse(const cli_cases *c, int i, td_arena *a, const td_node **doc,
                          td_error *err) {
    const cli_case_text *t = &c->item[i];
    return c->yaml ? td_yaml_parse(a, t->text, t->size, c->name, doc, err)
                   : td_json_parse(a, t->text, t->size, c->name, t->line, doc, err);
}

/* CSV (RFC 4180) to a document: a list of records, each a map by the names of the first line. Plain
 * fields are scalars as in YAML (a number, true, nothing at all: null), quoted ones are text. */
#include <stdio.h>
#include <string.h>

#include "node.h"
#include "text.h"

enum { MAX_COLUMNS = 4096 };

typedef struct {
    const char *now, *end;
    int line;
    char separator;
    td_arena *arena;
    const char *file;
    td_error *err;
} reader;

static td_status fail_line(const reader *r, int line, const char *message) {
    td_node at = {.line = line, .file = r->file};
    return td_node_fail(&at, r->err, "%s", message);
}

static td_status fail_memory(const reader *r) {
    return td_fail(r->err, TD_E_MEMORY, "%s: out of memory", r->file);
}

static bool is_break(char c) {
    return c == '\n' || c == '\r';
}

/* One of "\n", "\r\n", "\r". */
static void take_break(reader *r) {
    bool pair = *r->now == '\r' && r->end - r->now > 1 && r->now[1] == '\n';
    r->now += pair ? 2 : 1;
    r->line++;
}

static void skip_blanks(reader *r) {
    while (r->now < r->end && (*r->now == ' ' || *r->now == '\t') && *r->now != r->separator)
        r->now++;
}

/* A field after its opening quote; "" is a quote in it, and it may have line breaks. */
static td_status read_quoted(reader *r, td_node *n) {
    const char *start = r->now;
    size_t quotes = 0;
    while (r->now < r->end) {
        if (is_break(*r->now)) {
            take_break(r);
        } else if (*r->now++ == '"') {
            if (r->now == r->end || *r->now != '"') {
                size_t size = (size_t)(r->now - 1 - start);
                char *to = td_arena_alloc(r->arena, size - quotes + 1);
                if (to == NULL) return fail_memory(r);
                n->kind = TD_STRING;
                n->text = to;
                for (size_t i = 0; i < size; i++) {
                    *to++ = start[i];
                    if (start[i] == '"') i++;
                }
                return TD_OK;
            }
            r->now++;
            quotes++;
        }
    }
    return fail_line(r, n->line, "a quoted field has no closing quote");
}

static td_status read_plain(reader *r, td_node *n) {
    const char *start = r->now;
    while (r->now < r->end && *r->now != r->separator && !is_break(*r->now)) r->now++;
    const char *last = r->now;
    while (last > start && (last[-1] == ' ' || last[-1] == '\t')) last--;
    size_t size = (size_t)(last - start);
    char *text = td_arena_alloc(r->arena, size + 1);
    if (text == NULL) return fail_memory(r);
    memcpy(text, start, size);
    n->text = text;
    if (!td__yaml_resolve(n) && strpbrk(text, "nN") == NULL)
        return td_node_fail(n, r->err, "number out of range: %.60s", text);
    return TD_OK;
}

/* One field and what ends it; *last: it was the last one of its line. */
static td_status read_field(reader *r, td_node *n, bool *last) {
    n->file = r->file;
    n->line = r->line;
    skip_blanks(r);
    bool quoted = r->now < r->end && *r->now == '"';
    r->now += quoted;
    td_status s = quoted ? read_quoted(r, n) : read_plain(r, n);
    if (s != TD_OK) return s;
    if (quoted) skip_blanks(r);
    *last = r->now == r->end || is_break(*r->now);
    if (r->now == r->end) return TD_OK;
    if (*last)
        take_break(r);
    else if (*r->now++ != r->separator)
        return fail_line(r, r->line, "expected the next field after the closing quote");
    return TD_OK;
}

/* Names of the columns, in malloc-free form: at most MAX_COLUMNS. */
static td_status read_header(reader *r, const char **name, int *columns) {
    td_node header = {.kind = TD_MAP, .file = r->file, .line = r->line};
    bool last = false;
    *columns = 0;
    while (!last) {
        td_node *n = td__node_new(r->arena, TD_NULL);
        if (n == NULL) return fail_memory(r);
        td_status s = read_field(r, n, &last);
        if (s != TD_OK) return s;
        if (n->text[0] == '\0') return fail_line(r, n->line, "a column has no name");
        if (*columns == MAX_COLUMNS) return fail_line(r, n->line, "more than 4096 columns");
        n->key = name[(*columns)++] = n->text;
        if (!td__node_append(r->arena, &header, n)) return fail_memory(r);
    }
    return td__node_unique(&header, r->err);
}

static td_status read_record(reader *r, const char *const *name, int columns, td_node *list) {
    td_node *map = td__node_new(r->arena, TD_MAP), *field = TD_NEW(r->arena, td_node, columns);
    if (map == NULL || field == NULL) return fail_memory(r);
    map->item = TD_NEW(r->arena, td_node *, columns);
    if (map->item == NULL || !td__node_append(r->arena, list, map)) return fail_memory(r);
    map->file = r->file;
    map->line = r->line;
    map->capacity = columns;
    for (bool last = false; !last;) {
        td_node *n = &field[map->count];
        n->key = name[map->count];
        n->parent = map;
        td_status s = read_field(r, n, &last);
        if (s != TD_OK) return s;
        map->item[map->count++] = n;
        if (last != (map->count == columns)) {
            char text[96];
            snprintf(text, sizeof text, "expected %d fields as in the first line, found %s%d",
                     columns, last ? "" : "more than ", map->count);
            return fail_line(r, map->line, text);
        }
    }
    return TD_OK;
}

/* Commas, unless the first line has none: then semicolons or tabs, which it has. */
static char separator_of(const char *text, size_t size) {
    char found = ',';
    bool quoted = false;
    for (size_t i = 0; i < size && (quoted || !is_break(text[i])); i++) {
        if (text[i] == '"') quoted = !quoted;
        if (quoted) continue;
        if (text[i] == ',') return ',';
        if (found == ',' && (text[i] == ';' || text[i] == '\t')) found = text[i];
    }
    return found;
}

/* NUL characters and bytes that are no UTF-8 are refused, as in the other formats. */
static td_status check_text(const char *text, size_t size, reader *r) {
    int line = 1;
    for (size_t i = 0; i < size;) {
        uint32_t code;
        int n = td__utf8_decode(text + i, size - i, &code);
        if (n == 0 || code == 0) return fail_line(r, line, "expected text in UTF-8");
        line += code == '\n';
        i += (size_t)n;
    }
    return TD_OK;
}

td_status td_csv_parse(td_arena *a, const char *text, size_t size, const char *name,
                       const td_node **doc, td_error *err) {
    static const char mark[] = "\xef\xbb\xbf"; /* some programs begin a file with it */
    *doc = NULL;
    if (size >= 3 && memcmp(text, mark, 3) == 0) {
        text += 3;
        size -= 3;
    }
    reader r = {.now = text,
                .end = text + size,
                .line = 1,
                .separator = separator_of(text, size),
                .arena = a,
                .file = td_arena_strdup(a, name != NULL ? name : "csv"),
                .err = err};
    td_node *list = td__node_new(a, TD_LIST);
    const char **column = TD_NEW(a, const char *, MAX_COLUMNS);
    int columns = 0;
    if (r.file == NULL || list == NULL || column == NULL)
        return td_fail(err, TD_E_MEMORY, "out of memory");
    list->file = r.file;
    list->line = 1;
    td_status s = check_text(text, size, &r);
    if (s != TD_OK) return s;
    if (size == 0) return fail_line(&r, 1, "expected a first line with the names of the columns");
    s = read_header(&r, column, &columns);
    while (s == TD_OK && r.now < r.end) {
        if (is_break(*r.now)) /* an empty line is no record */
            take_break(&r);
        else
            s = read_record(&r, column, columns, list);
    }
    if (s == TD_OK) *doc = list;
    return s;
}

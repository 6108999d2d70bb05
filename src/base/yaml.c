/* YAML to a document, over libyaml's events. What a description of an experiment does not need and
 * what makes documents expensive or surprising is refused: anchors, aliases, merge keys, tags other
 * than !!str (and, where asked for, local ones), several documents, keys that are not scalars. */
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "node.h"

typedef struct {
    yaml_parser_t parser;
    yaml_event_t event;
    td_arena *arena;
    const char *file;
    td_error *err;
    bool tagged; /* local tags are kept */
} reader;

static td_status fail_line(const reader *r, size_t line0, const char *message) {
    td_node at = {.line = (int)(line0 < INT32_MAX ? line0 + 1 : INT32_MAX), .file = r->file};
    return td_node_fail(&at, r->err, "%s", message);
}

static td_status fail_memory(const reader *r) {
    return td_fail(r->err, TD_E_MEMORY, "%s: out of memory", r->file);
}

static td_status fail_parser(const reader *r) {
    const yaml_parser_t *p = &r->parser;
    char text[256];
    const char *problem = p->problem != NULL ? p->problem : "not YAML";
    switch (p->error) {
    case YAML_MEMORY_ERROR: return fail_memory(r);
    case YAML_READER_ERROR:
        snprintf(text, sizeof text, "%s (byte %zu)", problem, p->problem_offset);
        return fail_line(r, p->mark.line, text);
    default:
        if (p->context != NULL && p->context_mark.line != p->problem_mark.line)
            snprintf(text, sizeof text, "%s, %s which began at line %zu", problem, p->context,
                     p->context_mark.line + 1);
        else
            snprintf(text, sizeof text, "%s%s%s", problem, p->context != NULL ? ", " : "",
                     p->context != NULL ? p->context : "");
        return fail_line(r, p->problem_mark.line, text);
    }
}

static td_status next(reader *r) {
    yaml_event_delete(&r->event); /* leaves it zeroed */
    return yaml_parser_parse(&r->parser, &r->event) ? TD_OK : fail_parser(r);
}

/* The scalar of the current event, copied. */
static td_status copy_text(reader *r, const char **out) {
    const char *s = (const char *)r->event.data.scalar.value;
    size_t n = r->event.data.scalar.length;
    if (memchr(s, '\0', n) != NULL)
        return fail_line(r, r->event.start_mark.line, "NUL characters are not allowed in text");
    char *copy = td_arena_alloc(r->arena, n + 1);
    if (copy == NULL) return fail_memory(r);
    memcpy(copy, s, n);
    *out = copy;
    return TD_OK;
}

/* Anchors are refused, and so are tags; n (NULL for keys) takes a local one if they are wanted. */
static td_status check_plain(reader *r, const yaml_char_t *anchor, const yaml_char_t *tag,
                             bool scalar, td_node *n) {
    size_t line = r->event.start_mark.line;
    if (anchor != NULL) return fail_line(r, line, "anchors (&name) are not supported");
    const char *text = (const char *)tag;
    if (text == NULL || (scalar && (strcmp(text, YAML_STR_TAG) == 0 || strcmp(text, "!") == 0)))
        return TD_OK;
    if (!r->tagged || n == NULL || text[0] != '!' || text[1] == '\0')
        return fail_line(r, line, "tags (!name) are not supported");
    n->tag = td_arena_strdup(r->arena, text + 1);
    return n->tag != NULL ? TD_OK : fail_memory(r);
}

static td_status read_scalar(reader *r, td_node *n) {
    td_status s = check_plain(r, r->event.data.scalar.anchor, r->event.data.scalar.tag, true, n);
    if (s == TD_OK) s = copy_text(r, &n->text);
    if (s != TD_OK) return s;
    n->kind = TD_STRING;
    bool plain =
        r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE && r->event.data.scalar.tag == NULL;
    if (!plain) return TD_OK;
    bool special = strpbrk(n->text, "nN") != NULL; /* .inf and .nan are meant */
    if (!td__yaml_resolve(n) && !special)
        return td_node_fail(n, r->err, "number out of range: %.60s", n->text);
    return TD_OK;
}

static td_status read_value(reader *r, int depth, td_node *n);

static td_status read_list(reader *r, int depth, td_node *list) {
    for (;;) {
        td_status s = next(r);
        if (s != TD_OK) return s;
        if (r->event.type == YAML_SEQUENCE_END_EVENT) return TD_OK;
        td_node *item = td__node_new(r->arena, TD_NULL);
        if (item == NULL || !td__node_append(r->arena, list, item)) return fail_memory(r);
        item->line = (int)r->event.start_mark.line + 1;
        s = read_value(r, depth + 1, item);
        if (s != TD_OK) return s;
    }
}

/* The current event as a key. */
static td_status read_key(reader *r, td_node *map, td_node *item) {
    size_t line = r->event.start_mark.line;
    if (r->event.type == YAML_ALIAS_EVENT)
        return fail_line(r, line, "aliases (*name) are not supported");
    if (r->event.type != YAML_SCALAR_EVENT)
        return fail_line(r, line, "keys must be plain or quoted text");
    td_status s = check_plain(r, r->event.data.scalar.anchor, r->event.data.scalar.tag, true, NULL);
    if (s == TD_OK) s = copy_text(r, &item->key);
    if (s != TD_OK) return s;
    if (strcmp(item->key, "<<") == 0 && r->event.data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        return fail_line(r, line, "merge keys (<<) are not supported");
    item->line = (int)line + 1;
    return td__node_append(r->arena, map, item) ? TD_OK : fail_memory(r);
}

static td_status read_map(reader *r, int depth, td_node *map) {
    for (;;) {
        td_status s = next(r);
        if (s != TD_OK) return s;
        if (r->event.type == YAML_MAPPING_END_EVENT) return td__node_unique(map, r->err);
        td_node *item = td__node_new(r->arena, TD_NULL);
        if (item == NULL) return fail_memory(r);
        if ((s = read_key(r, map, item)) != TD_OK || (s = next(r)) != TD_OK) return s;
        if ((s = read_value(r, depth + 1, item)) != TD_OK) return s;
    }
}

/* Fills n, which hangs in its parent already, from the current event. */
static td_status read_value(reader *r, int depth, td_node *n) {
    const yaml_event_t *e = &r->event;
    n->file = r->file;
    td_status s;
    bool list = e->type == YAML_SEQUENCE_START_EVENT;
    if ((list || e->type == YAML_MAPPING_START_EVENT) && depth > TD__NODE_DEPTH)
        return fail_line(r, e->start_mark.line, "nested deeper than 64");
    switch (e->type) {
    case YAML_SCALAR_EVENT: return read_scalar(r, n);
    case YAML_SEQUENCE_START_EVENT:
        n->kind = TD_LIST;
        s = check_plain(r, e->data.sequence_start.anchor, e->data.sequence_start.tag, false, n);
        return s == TD_OK ? read_list(r, depth, n) : s;
    case YAML_MAPPING_START_EVENT:
        n->kind = TD_MAP;
        s = check_plain(r, e->data.mapping_start.anchor, e->data.mapping_start.tag, false, n);
        return s == TD_OK ? read_map(r, depth, n) : s;
    case YAML_ALIAS_EVENT:
        return fail_line(r, e->start_mark.line, "aliases (*name) are not supported");
    default: return td_fail(r->err, TD_E_INTERNAL, "unexpected YAML event %d", (int)e->type);
    }
}

/* Stream start, at most one document, stream end. */
static td_status read_stream(reader *r, td_node *root) {
    td_status s = next(r);
    if (s == TD_OK) s = next(r);
    if (s != TD_OK || r->event.type == YAML_STREAM_END_EVENT) return s;
    if ((s = next(r)) != TD_OK) return s;
    root->line = (int)r->event.start_mark.line + 1;
    if ((s = read_value(r, 1, root)) != TD_OK) return s;
    if ((s = next(r)) != TD_OK || (s = next(r)) != TD_OK) return s; /* document end */
    if (r->event.type != YAML_STREAM_END_EVENT)
        return fail_line(r, r->event.start_mark.line, "expected one document, found a second");
    return TD_OK;
}

static td_status parse(td_arena *a, const char *text, size_t size, const char *name, bool tagged,
                       const td_node **doc, td_error *err) {
    *doc = NULL;
    reader r = {.arena = a,
                .err = err,
                .file = td_arena_strdup(a, name != NULL ? name : "yaml"),
                .tagged = tagged};
    td_node *root = td__node_new(a, TD_NULL);
    if (root == NULL || r.file == NULL || !yaml_parser_initialize(&r.parser))
        return td_fail(err, TD_E_MEMORY, "out of memory");
    root->file = r.file;
    root->line = 1;
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)(size > 0 ? text : ""), size);
    td_status s = read_stream(&r, root);
    yaml_event_delete(&r.event);
    yaml_parser_delete(&r.parser);
    if (s == TD_OK) *doc = root;
    return s;
}

td_status td_yaml_parse(td_arena *a, const char *text, size_t size, const char *name,
                        const td_node **doc, td_error *err) {
    return parse(a, text, size, name, false, doc, err);
}

td_status td_yaml_parse_tagged(td_arena *a, const char *text, size_t size, const char *name,
                               const td_node **doc, td_error *err) {
    return parse(a, text, size, name, true, doc, err);
}

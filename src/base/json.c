/* Strict JSON (RFC 8259) to a document. Own reader, because every value must know its line, for the
 * messages about values that are well-formed but wrong. Beyond the grammar it refuses duplicate
 * keys, \u0000 (texts are C strings), unpaired surrogates, bytes that are not UTF-8, numbers beyond
 * the doubles and nesting deeper than 64. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node.h"
#include "real.h"
#include "text.h"

typedef struct {
    const char *now, *end;
    int line;
    td_arena *arena;
    const char *file;
    td_error *err;
} reader;

static td_status fail_here(const reader *r, const char *message) {
    td_node at = {.line = r->line, .file = r->file};
    return td_node_fail(&at, r->err, "%s", message);
}

static td_status fail_memory(const reader *r) {
    return td_fail(r->err, TD_E_MEMORY, "%s: out of memory", r->file);
}

/* "expected X, found Y", where Y is the next character. */
static td_status fail_expected(const reader *r, const char *expected) {
    char text[160];
    uint32_t code;
    size_t left = (size_t)(r->end - r->now);
    int n = left > 0 ? td__utf8_decode(r->now, left, &code) : 0;
    if (left == 0)
        snprintf(text, sizeof text, "expected %s, found the end of the text", expected);
    else if (n > 0 && code > 0x20 && code != 0x7f && code != 0xfeff)
        snprintf(text, sizeof text, "expected %s, found '%.*s'", expected, n, r->now);
    else
        snprintf(text, sizeof text, "expected %s, found %s 0x%x", expected,
                 n > 0 ? "character" : "byte", n > 0 ? code : (unsigned char)*r->now);
    return fail_here(r, text);
}

static void skip_space(reader *r) {
    for (; r->now < r->end; r->now++) {
        if (*r->now == '\n')
            r->line++;
        else if (*r->now != ' ' && *r->now != '\t' && *r->now != '\r')
            return;
    }
}

static bool take(reader *r, char c) {
    if (r->now >= r->end || *r->now != c) return false;
    r->now++;
    return true;
}

static bool at_digit(const reader *r) {
    return r->now < r->end && *r->now >= '0' && *r->now <= '9';
}

static bool take_digits(reader *r) {
    if (!at_digit(r)) return false;
    while (at_digit(r)) r->now++;
    return true;
}

static td_status read_number(reader *r, td_node *n) {
    const char *start = r->now;
    bool whole = true;
    take(r, '-');
    if (!take(r, '0') && !take_digits(r)) return fail_expected(r, "a digit");
    if (at_digit(r)) return fail_here(r, "numbers must not begin with 0");
    if (take(r, '.')) {
        whole = false;
        if (!take_digits(r)) return fail_expected(r, "a digit after the point");
    }
    if (take(r, 'e') || take(r, 'E')) {
        whole = false;
        if (!take(r, '-')) take(r, '+');
        if (!take_digits(r)) return fail_expected(r, "a digit in the exponent");
    }
    size_t length = (size_t)(r->now - start);
    char *text = td_arena_alloc(r->arena, length + 1);
    if (text == NULL) return fail_memory(r);
    memcpy(text, start, length);
    n->text = text;
    errno = 0;
    n->integer = whole ? strtoll(text, NULL, 10) : 0;
    if (whole && errno == 0) {
        n->kind = TD_INT;
        n->real = (double)n->integer;
        return TD_OK;
    }
    n->kind = TD_REAL;
    n->integer = 0;
    n->real = td__real_parse(text);
    if (!isfinite(n->real)) return td_node_fail(n, r->err, "number out of range: %.60s", text);
    return TD_OK;
}

/* Four hexadecimal digits. */
static bool take_hex(reader *r, uint32_t *code) {
    if (r->end - r->now < 4) return false;
    *code = 0;
    for (int i = 0; i < 4; i++, r->now++) {
        int c = *r->now | 0x20;
        int digit = *r->now >= '0' && *r->now <= '9' ? *r->now - '0'
                    : c >= 'a' && c <= 'f'           ? c - 'a' + 10
                                                     : -1;
        if (digit < 0) return false;
        *code = *code << 4 | (uint32_t)digit;
    }
    return true;
}

/* What follows "\u"; writes UTF-8 to out and its length to *length. */
static td_status read_unicode(reader *r, char out[4], int *length) {
    uint32_t code, low;
    if (!take_hex(r, &code)) return fail_here(r, "expected four hexadecimal digits after \\u");
    if (code == 0) return fail_here(r, "NUL characters (\\u0000) are not allowed in text");
    if (code >= 0xd800 && code < 0xe000) {
        bool pair = code < 0xdc00 && take(r, '\\') && take(r, 'u') && take_hex(r, &low) &&
                    low >= 0xdc00 && low < 0xe000;
        if (!pair) return fail_here(r, "\\u escape is half of a surrogate pair");
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    *length = td__utf8_encode(code, out);
    return TD_OK;
}

/* The closing quote of the string that begins at r->now, or the end of the text. */
static const char *string_end(const reader *r) {
    const char *p = r->now;
    while (p < r->end && *p != '"') p += *p == '\\' && r->end - p > 1 ? 2 : 1;
    return p;
}

/* A string without its opening quote, which was taken. */
static td_status read_string(reader *r, const char **out) {
    static const char escapes[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    /* No escape grows in UTF-8, so the written length is enough. */
    char *text = td_arena_alloc(r->arena, (size_t)(string_end(r) - r->now) + 1), *to = text;
    if (text == NULL) return fail_memory(r);
    while (r->now < r->end && *r->now != '"') {
        uint32_t code;
        if ((unsigned char)*r->now < 0x20)
            return fail_expected(r, "an escape for the control character in text");
        if (*r->now != '\\') {
            int n = td__utf8_decode(r->now, (size_t)(r->end - r->now), &code);
            if (n == 0) return fail_expected(r, "UTF-8");
            for (; n > 0; n--) *to++ = *r->now++;
            continue;
        }
        r->now++;
        const char *escape = r->now < r->end && *r->now != '\0' ? strchr(escapes, *r->now) : NULL;
        if (escape != NULL) {
            *to++ = values[escape - escapes];
            r->now++;
        } else if (take(r, 'u')) {
            int n = 0;
            td_status s = read_unicode(r, to, &n);
            if (s != TD_OK) return s;
            to += n;
        } else {
            return fail_expected(r, "an escape (one of \"\\/bfnrtu) after \\");
        }
    }
    if (!take(r, '"')) return fail_expected(r, "a closing quote");
    *to = '\0';
    *out = text;
    return TD_OK;
}

static td_status read_value(reader *r, int depth, td_node *n);

static td_status read_list(reader *r, int depth, td_node *list) {
    skip_space(r);
    if (take(r, ']')) return TD_OK;
    for (;;) {
        td_node *item = td__node_new(r->arena, TD_NULL);
        if (item == NULL || !td__node_append(r->arena, list, item)) return fail_memory(r);
        td_status s = read_value(r, depth + 1, item);
        if (s != TD_OK) return s;
        skip_space(r);
        if (take(r, ']')) return TD_OK;
        if (!take(r, ',')) return fail_expected(r, "',' or ']'");
    }
}

static td_status read_map(reader *r, int depth, td_node *map) {
    skip_space(r);
    if (take(r, '}')) return TD_OK;
    for (;;) {
        td_node *item = td__node_new(r->arena, TD_NULL);
        if (item == NULL) return fail_memory(r);
        skip_space(r);
        int line = r->line;
        if (!take(r, '"')) return fail_expected(r, "a key in quotes");
        td_status s = read_string(r, &item->key);
        if (s != TD_OK) return s;
        if (!td__node_append(r->arena, map, item)) return fail_memory(r);
        skip_space(r);
        if (!take(r, ':')) return fail_expected(r, "':' after the key");
        if ((s = read_value(r, depth + 1, item)) != TD_OK) return s;
        item->line = line; /* of the key: where a person looks */
        skip_space(r);
        if (take(r, '}')) return td__node_unique(map, r->err);
        if (!take(r, ',')) return fail_expected(r, "',' or '}'");
    }
}

static td_status read_word(reader *r, td_node *n) {
    static const struct {
        const char *text;
        td_node_kind kind;
    } words[] = {{"null", TD_NULL}, {"true", TD_BOOL}, {"false", TD_BOOL}};
    for (int i = 0; i < 3; i++) {
        size_t length = strlen(words[i].text);
        if ((size_t)(r->end - r->now) < length || memcmp(r->now, words[i].text, length) != 0)
            continue;
        r->now += length;
        n->kind = words[i].kind;
        n->boolean = i == 1;
        n->text = words[i].text;
        return TD_OK;
    }
    return fail_expected(r, "a value");
}

/* Fills n, which hangs in its parent already. */
static td_status read_value(reader *r, int depth, td_node *n) {
    skip_space(r);
    n->file = r->file;
    n->line = r->line;
    char c = r->now < r->end ? *r->now : '\0';
    if ((c == '{' || c == '[') && depth > TD__NODE_DEPTH)
        return fail_here(r, "nested deeper than 64");
    if (take(r, '{')) {
        n->kind = TD_MAP;
        return read_map(r, depth, n);
    }
    if (take(r, '[')) {
        n->kind = TD_LIST;
        return read_list(r, depth, n);
    }
    if (take(r, '"')) {
        n->kind = TD_STRING;
        return read_string(r, &n->text);
    }
    if (c == '-' || at_digit(r)) return read_number(r, n);
    return read_word(r, n);
}

td_status td_json_parse(td_arena *a, const char *text, size_t size, const char *name,
                        int first_line, const td_node **doc, td_error *err) {
    *doc = NULL;
    reader r = {.line = first_line, .arena = a, .err = err};
    r.now = size > 0 ? text : "";
    r.end = r.now + size;
    r.file = td_arena_strdup(a, name != NULL ? name : "json");
    td_node *root = td__node_new(a, TD_NULL);
    if (r.file == NULL || root == NULL) return td_fail(err, TD_E_MEMORY, "out of memory");
    td_status s = read_value(&r, 1, root);
    if (s != TD_OK) return s;
    skip_space(&r);
    if (r.now < r.end) return fail_expected(&r, "the end of the text");
    *doc = root;
    return TD_OK;
}
